package signin

import (
	"context"
	"errors"
	"time"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// RememberedDevice is a browser or device on which the user has asked to be spared the second factor. The trust ends with its time,
// with another password, with a change of the user's factors and when the user takes it back. Times are unix milliseconds.
type RememberedDevice struct {
	PoolID        string `db:"pool_id"`
	ID            string `db:"id"`
	UserID        string `db:"user_id"`
	Hash          string `db:"hash"`
	PasswordSetAt int64  `db:"password_set_at"`
	ClientIP      string `db:"client_ip"`
	UserAgent     string `db:"user_agent"`
	CreatedAt     int64  `db:"created_at"`
	UsedAt        int64  `db:"used_at"`
	ExpiresAt     int64  `db:"expires_at"`
}

// ErrDeviceNotFound says that the user has no such remembered device.
var ErrDeviceNotFound = fault.New(fault.NotFound, "remembered_device_not_found")

const (
	longestTrust   = 90 * 24 * time.Hour
	mostRemembered = 50 // of one user; the oldest gives way
)

var selectRemembered = "select " + db.Columns[RememberedDevice]() + " from remembered_devices where pool_id = ? and user_id = ?"

// RememberDevice trusts the device of ctx's caller for as long as the application's policy says, at most 90 days, and returns the token
// that it is known by. It is for a user who has just shown a second factor and asked for it. The token is empty where the policy
// remembers no devices.
func (s *Signin) RememberDevice(ctx context.Context, app *Application, u *directory.User) (token string, life time.Duration, err error) {
	policy, err := s.Policy(ctx, app)
	if err != nil || policy.FactorMemory <= 0 {
		return "", 0, err
	}
	life = min(time.Duration(policy.FactorMemory)*time.Second, longestTrust)
	c, now, half := caller.From(ctx), s.db.Now(), newSecret()
	d := &RememberedDevice{PoolID: u.PoolID, ID: s.db.NewID(), UserID: u.ID, Hash: hashOf(half), PasswordSetAt: u.PasswordSetAt,
		ClientIP: c.ClientIP, UserAgent: cut(c.UserAgent, longestAgent), CreatedAt: now, UsedAt: now, ExpiresAt: now + life.Milliseconds()}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if err := db.Insert(ctx, s.db, "remembered_devices", d); err != nil {
			return err
		}
		_, err := db.Exec(ctx, s.db, `delete from remembered_devices where pool_id = ? and user_id = ? and id <= (select id from remembered_devices
			where pool_id = ? and user_id = ? order by id desc limit 1 offset ?)`, u.PoolID, u.ID, u.PoolID, u.ID, mostRemembered)
		if err != nil {
			return err
		}
		return s.log.Add(ctx, u.PoolID, audit.Event{Operation: audit.Add, Resource: audit.UserLogin, TargetID: u.ID, TargetName: u.DisplayName(), UserID: u.ID,
			After: map[string]any{"device": d.ID}})
	})
	return d.ID + half, life, err
}

// deviceID is the half of a device's token that is no secret, "" for what is no token.
func deviceID(token string) string {
	if len(token) != idLength+secretLength || !db.IsID(token[:idLength]) {
		return ""
	}
	return token[:idLength]
}

// deviceTrusted reports whether a token is that of a device that the user trusts.
func (s *Signin) deviceTrusted(ctx context.Context, u *directory.User, token string) (bool, error) {
	id := deviceID(token)
	if id == "" {
		return false, nil
	}
	d, err := db.One[RememberedDevice](ctx, s.db, selectRemembered+" and id = ?", u.PoolID, u.ID, id)
	if errors.Is(err, db.NoRow) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := s.db.Now()
	if !secret.Equal(d.Hash, hashOf(token[idLength:])) || now >= d.ExpiresAt || d.PasswordSetAt != u.PasswordSetAt {
		return false, nil
	}
	return true, s.db.Tx(ctx, func(ctx context.Context) error {
		_, err := db.Exec(ctx, s.db, "update remembered_devices set used_at = ? where pool_id = ? and id = ?", now, d.PoolID, d.ID)
		return err
	})
}

// RememberedDevices lists the devices that the user trusts, newest first.
func (s *Signin) RememberedDevices(ctx context.Context, poolID, userID string) ([]RememberedDevice, error) {
	u, err := s.dir.User(ctx, poolID, directory.ByID(userID))
	if err != nil {
		return nil, err
	}
	return db.List[RememberedDevice](ctx, s.db, selectRemembered+" and expires_at > ? and password_set_at = ? order by id desc limit ?",
		poolID, userID, s.db.Now(), u.PasswordSetAt, mostRemembered)
}

// ForgetDevice ends the trust in one of the user's devices, in all of them when id is empty. ErrDeviceNotFound when there is no such
// one.
func (s *Signin) ForgetDevice(ctx context.Context, poolID, userID, id string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if id == "" {
			if err := s.forgetDevices(ctx, poolID, userID); err != nil {
				return err
			}
		} else {
			n, err := db.Exec(ctx, s.db, "delete from remembered_devices where pool_id = ? and user_id = ? and id = ?", poolID, userID, id)
			if err != nil {
				return err
			}
			if n == 0 {
				return ErrDeviceNotFound
			}
		}
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Remove, Resource: audit.UserLogin, TargetID: userID, UserID: userID,
			Before: map[string]any{"device": id}})
	})
}

// forgetDevices ends the trust in all of the user's devices, in the transaction of ctx.
func (s *Signin) forgetDevices(ctx context.Context, poolID, userID string) error {
	_, err := db.Exec(ctx, s.db, "delete from remembered_devices where pool_id = ? and user_id = ?", poolID, userID)
	return err
}
