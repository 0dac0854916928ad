package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Times of the device flow (RFC 8628 3.2).
const (
	deviceLife  = 15 * time.Minute
	devicePause = 5 * time.Second
)

// userCodeLetters are those that nobody confuses and that make no words (RFC 8628 6.1): 20^8 codes.
const (
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength  = 8
)

// What polling a device request can answer (RFC 8628 3.5).
var (
	ErrDeviceGone    = fault.New(fault.NotFound, "device_gone")         // no such code, used, or too old: expired_token
	ErrDevicePending = fault.New(fault.Unprocessable, "device_pending") // nobody has answered: authorization_pending
	ErrDeviceTooFast = fault.New(fault.Throttled, "device_too_fast")    // slow_down
	ErrDeviceRefused = fault.New(fault.Forbidden, "device_refused")     // access_denied
)

// Device is a device that asks to be connected to somebody's account.
type Device struct {
	PoolID    string
	App       *Application // shared: not to be changed
	UserCode  string       // with its hyphen
	Scope     []string
	ClientIP  string // where the device asks from: for the person to compare
	CreatedAt int64
	ExpiresAt int64
}

// DeviceStart is what a device is told (RFC 8628 3.2).
type DeviceStart struct {
	DeviceCode string
	UserCode   string
	ExpiresIn  int64 // seconds
	Interval   int64 // seconds
}

// DeviceGrant is an allowed request: what tokens are made from.
type DeviceGrant struct {
	UserID    string
	SessionID string
	Scope     []string
}

type deviceRow struct {
	PoolID     string `db:"pool_id"`
	DeviceHash string `db:"device_hash"`
	UserHash   string `db:"user_hash"`
	AppID      string `db:"app_id"`
	Scope      string `db:"scope"`
	ClientIP   string `db:"client_ip"`
	UserID     string `db:"user_id"`
	SessionID  string `db:"session_id"`
	State      string `db:"state"`
	PolledAt   int64  `db:"polled_at"`
	Pause      int64  `db:"pause"`
	CreatedAt  int64  `db:"created_at"`
	ExpiresAt  int64  `db:"expires_at"`
}

const (
	devicePending = "pending"
	deviceAllowed = "allowed"
	deviceRefused = "refused"
	deviceUsed    = "used"
)

// normalUserCode is a user code as it is hashed: people leave out the hyphen and type small letters (RFC 8628 6.1).
func normalUserCode(code string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		if strings.ContainsRune(userCodeLetters, r) {
			return r
		}
		return -1
	}, code[:min(len(code), 64)])
}

// StartDevice begins a device's request for the scopes (RFC 8628 3.1). Whether the application may is the caller's to check.
func (s *Signin) StartDevice(ctx context.Context, app *Application, scope []string) (*DeviceStart, error) {
	code := make([]byte, userCodeLength)
	for i := range code {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(userCodeLetters))))
		if err != nil {
			return nil, err
		}
		code[i] = userCodeLetters[n.Int64()]
	}
	now := s.db.Now()
	out := &DeviceStart{DeviceCode: app.PoolID + newSecret(), UserCode: string(code[:4]) + "-" + string(code[4:]),
		ExpiresIn: int64(deviceLife / time.Second), Interval: int64(devicePause / time.Second)}
	row := &deviceRow{PoolID: app.PoolID, DeviceHash: hashOf(out.DeviceCode), UserHash: hashOf(string(code)), AppID: app.ID,
		Scope: strings.Join(scope, " "), ClientIP: caller.From(ctx).ClientIP, State: devicePending, Pause: devicePause.Milliseconds(),
		CreatedAt: now, ExpiresAt: now + deviceLife.Milliseconds()}
	return out, s.db.Tx(ctx, func(ctx context.Context) error {
		// One in 10^10: the device asks again.
		switch _, err := s.deviceByUserCode(ctx, string(code), ""); {
		case err == nil:
			return db.ErrBusy
		case !errors.Is(err, ErrDeviceGone):
			return err
		}
		return db.Insert(ctx, s.db, "device_requests", row)
	})
}

// Device reads a request that nobody has answered, by the code that a person has typed. ErrDeviceGone otherwise. Whoever offers
// this to people bounds how often they may ask: the code has 34 bits (RFC 8628 5.1).
func (s *Signin) Device(ctx context.Context, userCode string) (*Device, error) {
	row, err := s.deviceByUserCode(ctx, userCode, "")
	if err != nil {
		return nil, err
	}
	if row.State != devicePending {
		return nil, ErrDeviceGone
	}
	app, err := s.Application(ctx, row.AppID)
	if fault.KindOf(err) == fault.NotFound {
		return nil, ErrDeviceGone
	}
	if err != nil {
		return nil, err
	}
	code := normalUserCode(userCode)
	return &Device{PoolID: row.PoolID, App: app, UserCode: code[:4] + "-" + code[4:], Scope: strings.Fields(row.Scope), ClientIP: row.ClientIP,
		CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt}, nil
}

func (s *Signin) deviceByUserCode(ctx context.Context, userCode, lock string) (*deviceRow, error) {
	code := normalUserCode(userCode)
	if len(code) != userCodeLength {
		return nil, ErrDeviceGone
	}
	row, err := db.One[deviceRow](ctx, s.db, "select "+db.Columns[deviceRow]()+" from device_requests where user_hash = ? and pool_id <> '' and expires_at > ? order by created_at limit 1"+lock,
		hashOf(code), s.db.Now())
	if errors.Is(err, db.NoRow) {
		return nil, ErrDeviceGone
	}
	return &row, err
}

// AnswerDevice connects the device to the user, who is of its pool and has agreed, or refuses it. Once: ErrDeviceGone afterwards.
// The caller has checked that the user holds the session and that the form is the page's own.
func (s *Signin) AnswerDevice(ctx context.Context, userCode, poolID, userID, sessionID string, allow bool) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		row, err := s.deviceByUserCode(ctx, userCode, " for update")
		if err != nil {
			return err
		}
		if row.State != devicePending || row.PoolID != poolID {
			return ErrDeviceGone
		}
		state, operation := deviceRefused, audit.Remove
		if allow {
			state, operation = deviceAllowed, audit.Create
		}
		if _, err := db.Exec(ctx, s.db, "update device_requests set state = ?, user_id = ?, session_id = ? where pool_id = ? and device_hash = ?",
			state, userID, sessionID, row.PoolID, row.DeviceHash); err != nil {
			return err
		}
		return s.log.Add(ctx, row.PoolID, audit.Event{Operation: operation, Resource: audit.UserLogin, TargetID: row.AppID, UserID: userID,
			After: map[string]any{"device": row.ClientIP, "scope": row.Scope}})
	})
}

// RedeemDevice is a device's poll (RFC 8628 3.4): the grant, once, when somebody has agreed; else one of the errors above, checked in
// the order of section 3.5.
func (s *Signin) RedeemDevice(ctx context.Context, app *Application, deviceCode string) (*DeviceGrant, error) {
	poolID := ticketPool(deviceCode)
	if poolID != app.PoolID {
		return nil, ErrDeviceGone
	}
	var grant *DeviceGrant
	var answer error
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		grant, answer = nil, nil
		row, err := db.One[deviceRow](ctx, s.db, "select "+db.Columns[deviceRow]()+" from device_requests where pool_id = ? and device_hash = ? for update",
			poolID, hashOf(deviceCode))
		now := s.db.Now()
		switch {
		case errors.Is(err, db.NoRow), err == nil && (row.AppID != app.ID || row.ExpiresAt <= now || row.State == deviceUsed):
			return ErrDeviceGone
		case err != nil:
			return err
		}
		// A device that polls too fast is told so and gets five seconds more each time (RFC 8628 3.5, slow_down).
		state, pause := row.State, row.Pause
		switch {
		case row.State == deviceRefused:
			answer = ErrDeviceRefused
		case row.State == deviceAllowed:
			state = deviceUsed
			grant = &DeviceGrant{UserID: row.UserID, SessionID: row.SessionID, Scope: strings.Fields(row.Scope)}
		case row.PolledAt != 0 && now-row.PolledAt < row.Pause-500: // half a second is the network's
			answer, pause = ErrDeviceTooFast, min(row.Pause+devicePause.Milliseconds(), 60_000)
		default:
			answer = ErrDevicePending
		}
		_, err = db.Exec(ctx, s.db, "update device_requests set state = ?, polled_at = ?, pause = ? where pool_id = ? and device_hash = ?",
			state, now, pause, poolID, row.DeviceHash)
		return err
	})
	if err != nil {
		return nil, err
	}
	return grant, answer
}

// SweepDevices removes requests that have run out. It is housekeeping.
func (s *Signin) SweepDevices(ctx context.Context) error {
	_, err := db.Exec(ctx, s.db, "delete from device_requests where expires_at < ? and pool_id <> ''", s.db.Now()-deviceLife.Milliseconds())
	return err
}
