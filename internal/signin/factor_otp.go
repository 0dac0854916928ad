package signin

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// Errors of one-time passwords.
var (
	ErrOTPWrong      = fault.New(fault.Refused, "otp_wrong")
	ErrOTPMissing    = fault.New(fault.Invalid, "otp_missing")
	ErrRecoveryWrong = fault.New(fault.Refused, "recovery_code_wrong")
	ErrRecoveryNone  = fault.New(fault.Invalid, "recovery_code_missing")
	// ErrOTPNotPending says that no one-time password waits for its first code: none was asked for, or that was too long ago.
	ErrOTPNotPending = fault.New(fault.Invalid, "otp_not_pending")
)

const (
	otpPeriod    = 30 // seconds (RFC 6238, 5.2)
	otpSkew      = 1  // steps on either side of now
	pendingLife  = 15 * time.Minute
	qrCodePixels = 240
)

// TicketPendingOTP is the kind of a one-time password that waits for its first code.
const TicketPendingOTP TicketKind = "pending-otp"

// OTPEnrolment is a fresh one-time-password secret as its owner is shown it, once.
type OTPEnrolment struct {
	Secret       string // base32
	URI          string // otpauth://totp/…
	QRCode       string // of the URI: a data URL of a PNG
	RecoveryCode string // valid when the secret has been confirmed
}

// pendingOTP is a secret that waits for its first code.
type pendingOTP struct {
	Secret       string `json:"secret"`
	RecoveryCode string `json:"recoveryCode"`
}

// newOTP makes a secret for the user, who reads issuer in their authenticator.
func newOTP(u *directory.User, issuer string) (*OTPEnrolment, error) {
	if issuer = strings.ReplaceAll(strings.TrimSpace(issuer), ":", " "); issuer == "" {
		issuer = "Guildhall"
	}
	account := u.ID
	for _, name := range []string{u.Email, u.Username, u.Phone} {
		if name != "" {
			account = name
			break
		}
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: strings.ReplaceAll(account, ":", " "), Rand: rand.Reader})
	if err != nil {
		return nil, err
	}
	image, err := key.Image(qrCodePixels, qrCodePixels)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image); err != nil {
		return nil, err
	}
	return &OTPEnrolment{Secret: key.Secret(), URI: key.URL(), RecoveryCode: newRecoveryCode(),
		QRCode: "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())}, nil
}

// newRecoveryCode is 96 random bits, in groups that people can copy.
func newRecoveryCode() string {
	var b [12]byte
	rand.Read(b[:])
	digits := hex.EncodeToString(b[:])
	var groups []string
	for len(digits) > 0 {
		groups, digits = append(groups, digits[:4]), digits[4:]
	}
	return strings.Join(groups, "-")
}

// StartOTP makes a one-time password for the user and keeps it until ConfirmOTP, for a quarter of an hour, in place of one that
// waited before. The one that the user has now stays until then.
func (s *Signin) StartOTP(ctx context.Context, app *Application, u *directory.User) (*OTPEnrolment, error) {
	e, err := newOTP(u, app.Name)
	if err != nil {
		return nil, err
	}
	err = s.keepNote(ctx, u.PoolID, TicketPendingOTP, u.ID, pendingLife, TicketFor{UserID: u.ID}, pendingOTP{e.Secret, e.RecoveryCode})
	return e, err
}

// ConfirmOTP binds the waiting one-time password by its first code, which does not count as used: clients show it again at once to
// sign in. It returns the recovery code. ErrOTPNotPending, ErrOTPWrong, ErrOTPMissing.
func (s *Signin) ConfirmOTP(ctx context.Context, poolID, userID, code string) (recovery string, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		var p pendingOTP
		err := s.note(ctx, poolID, TicketPendingOTP, userID, &p)
		if errors.Is(err, ErrTicketInvalid) {
			return ErrOTPNotPending
		}
		if err != nil {
			return err
		}
		if err := s.checkOTP(p.Secret, code); err != nil {
			return err
		}
		recovery = p.RecoveryCode
		if err := s.bindOTP(ctx, poolID, userID, p); err != nil {
			return err
		}
		return s.dropNote(ctx, poolID, TicketPendingOTP, userID)
	})
	return recovery, err
}

// bindOTP gives the user a confirmed secret, in the transaction of ctx.
func (s *Signin) bindOTP(ctx context.Context, poolID, userID string, p pendingOTP) error {
	if err := s.dir.BindTOTP(ctx, poolID, userID, directory.TOTP{Secret: p.Secret, RecoveryCode: p.RecoveryCode}); err != nil {
		return err
	}
	return s.enrolled(ctx, poolID, userID, FactorOTP)
}

// DropOTP takes the user's one-time password away, one that waits for its first code too. That there was none is no error.
func (s *Signin) DropOTP(ctx context.Context, poolID, userID string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.dropNote(ctx, poolID, TicketPendingOTP, userID); err != nil {
			return err
		}
		_, err := s.ResetFactors(ctx, poolID, userID, FactorOTP)
		return err
	})
}

// VerifyOTP takes a code of the user's one-time password: of the present time step or a neighbour, each step once, whoever asks and on
// whatever server. ErrOTPWrong for any other code, also for one taken before; directory.ErrNoTOTP when the user has none.
func (s *Signin) VerifyOTP(ctx context.Context, poolID, userID, code string) error {
	sealed, _, err := s.dir.TOTPSecret(ctx, poolID, userID)
	if err != nil {
		return err
	}
	step, err := s.otpStep(sealed, code)
	if err != nil {
		return err
	}
	taken, err := s.dir.TakeTOTPStep(ctx, poolID, userID, step)
	if err == nil && !taken {
		return ErrOTPWrong
	}
	return err
}

// SpendRecoveryCode takes the user's recovery code, once, and returns the one that replaces it. ErrRecoveryWrong, ErrRecoveryNone;
// directory.ErrNoTOTP when the user has no one-time password.
func (s *Signin) SpendRecoveryCode(ctx context.Context, poolID, userID, code string) (next string, err error) {
	if strings.Trim(code, " -") == "" {
		return "", ErrRecoveryNone
	}
	if len(code) > 256 {
		return "", ErrRecoveryWrong
	}
	next = newRecoveryCode()
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		taken, err := s.dir.TakeRecoveryCode(ctx, poolID, userID, code, next)
		if err != nil {
			return err
		}
		if !taken {
			if _, _, err := s.dir.TOTPSecret(ctx, poolID, userID); err != nil {
				return err
			}
			return ErrRecoveryWrong
		}
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Update, Resource: audit.UserLogin, TargetID: userID, UserID: userID,
			After: map[string]any{"field": "recoveryCode"}})
	})
	if err != nil {
		next = ""
	}
	return next, err
}

// checkOTP compares a code with a secret without taking it.
func (s *Signin) checkOTP(key, code string) error {
	_, err := s.otpStep(key, code)
	return err
}

// otpStep is the time step, near now, that a code is of; the latest of several. ErrOTPWrong when there is none: also for secrets that
// an import brought and that are no base32.
func (s *Signin) otpStep(key, code string) (int64, error) {
	if code = strings.ReplaceAll(strings.TrimSpace(code), " ", ""); code == "" {
		return 0, ErrOTPMissing
	}
	now := s.db.Now() / 1000 / otpPeriod
	found := int64(-1)
	for step := now - otpSkew; step <= now+otpSkew; step++ {
		want, err := totp.GenerateCodeCustom(key, time.Unix(step*otpPeriod, 0), totp.ValidateOpts{Period: otpPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && secret.Equal(want, code) {
			found = step
		}
	}
	if found < 0 {
		return 0, ErrOTPWrong
	}
	return found, nil
}

// A note is a ticket without a text: it is found by a name that its owner makes up, of which there is one at a time.

func noteHash(poolID string, kind TicketKind, name string) string {
	return hashOf("note/" + poolID + "/" + string(kind) + "/" + name)
}

// keepNote keeps data under a name for life, in place of what was there.
func (s *Signin) keepNote(ctx context.Context, poolID string, kind TicketKind, name string, life time.Duration, f TicketFor, data any) error {
	now := s.db.Now()
	t := Ticket{PoolID: poolID, Hash: noteHash(poolID, kind, name), Kind: kind, UserID: f.UserID, AppID: f.AppID, CreatedAt: now, ExpiresAt: now + life.Milliseconds()}
	if err := s.sealTicket(&t, data); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		_, err := db.Exec(ctx, s.db, `insert into tickets (pool_id, hash, kind, user_id, app_id, family_id, data, created_at, expires_at, used_at)
			values (?, ?, ?, ?, ?, '', ?, ?, ?, 0) on conflict (pool_id, hash) do update set user_id = excluded.user_id, app_id = excluded.app_id,
			data = excluded.data, created_at = excluded.created_at, expires_at = excluded.expires_at`,
			t.PoolID, t.Hash, string(t.Kind), t.UserID, t.AppID, t.Data, t.CreatedAt, t.ExpiresAt)
		return err
	})
}

// note reads into data what is kept under a name; ErrTicketInvalid when there is nothing.
func (s *Signin) note(ctx context.Context, poolID string, kind TicketKind, name string, data any) error {
	t, err := db.One[Ticket](ctx, s.db, selectTicket, poolID, noteHash(poolID, kind, name), string(kind))
	if errors.Is(err, db.NoRow) || err == nil && t.ExpiresAt <= s.db.Now() {
		return ErrTicketInvalid
	}
	if err != nil {
		return err
	}
	return s.openTicket(&t, data)
}

func (s *Signin) dropNote(ctx context.Context, poolID string, kind TicketKind, name string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		_, err := db.Exec(ctx, s.db, "delete from tickets where pool_id = ? and hash = ?", poolID, noteHash(poolID, kind, name))
		return err
	})
}
