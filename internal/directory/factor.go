package directory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// TOTP is a user's time-based one-time-password secret (RFC 6238), kept as given: migrations bring secrets of every form. RecoveryCode
// stands in for a code once.
type TOTP struct {
	Secret       string
	RecoveryCode string
}

// ErrNoTOTP says that a user has no one-time-password secret.
var ErrNoTOTP = fault.New(fault.NotFound, "totp_not_found")

type factors struct {
	PoolID       string `db:"pool_id"`
	UserID       string `db:"user_id"`
	TOTPSecret   string `db:"totp_secret"`
	TOTPStep     int64  `db:"totp_step"`
	TOTPAt       int64  `db:"totp_at"`
	RecoveryCode string `db:"recovery_code"`
	TriggerData  string `db:"trigger_data"`
	UpdatedAt    int64  `db:"updated_at"`
}

func (d *Directory) factors(ctx context.Context, poolID, userID string) (factors, error) {
	f, err := db.One[factors](ctx, d.db, "select "+db.Columns[factors]()+" from user_factors where pool_id = ? and user_id = ?", poolID, userID)
	if errors.Is(err, db.NoRow) {
		return factors{PoolID: poolID, UserID: userID}, nil
	}
	return f, err
}

func (d *Directory) putFactors(ctx context.Context, f factors) error {
	f.UpdatedAt = d.db.Now()
	_, err := db.Exec(ctx, d.db, `insert into user_factors (pool_id, user_id, totp_secret, totp_step, totp_at, recovery_code, trigger_data, updated_at)
		values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (pool_id, user_id) do update set totp_secret = excluded.totp_secret,
		totp_step = excluded.totp_step, totp_at = excluded.totp_at, recovery_code = excluded.recovery_code,
		trigger_data = excluded.trigger_data, updated_at = excluded.updated_at`,
		f.PoolID, f.UserID, f.TOTPSecret, f.TOTPStep, f.TOTPAt, f.RecoveryCode, f.TriggerData, f.UpdatedAt)
	return err
}

func factorContext(poolID string) string { return "pool/" + poolID + "/factor" }

// recoveryHash is what is stored of a recovery code. Imported ones may be short, so that the hash needs the server's key.
func (d *Directory) recoveryHash(poolID, userID, code string) string {
	if code = plainRecoveryCode(code); code == "" {
		return ""
	}
	sum := hmac.New(sha256.New, d.master.Derive("recovery-code/"+poolID, 32))
	sum.Write([]byte(userID + "/" + code))
	return hex.EncodeToString(sum.Sum(nil))
}

// plainRecoveryCode is a code as people may type it, without what only helps to read it.
func plainRecoveryCode(code string) string {
	return strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
}

// putTOTP stores a secret in the transaction of ctx.
func (d *Directory) putTOTP(ctx context.Context, poolID, userID string, t TOTP) error {
	if err := clean("secret", t.Secret, 256); err != nil {
		return err
	}
	if err := clean("recoveryCode", t.RecoveryCode, 256); err != nil {
		return err
	}
	if t.Secret == "" {
		return fault.Field("secret")
	}
	f, err := d.factors(ctx, poolID, userID)
	if err != nil {
		return err
	}
	f.TOTPSecret = d.master.Seal([]byte(t.Secret), factorContext(poolID))
	f.TOTPStep, f.TOTPAt = 0, d.db.Now()
	f.RecoveryCode = d.recoveryHash(poolID, userID, t.RecoveryCode)
	// Devices were trusted for the factor of before.
	if _, err := db.Exec(ctx, d.db, "delete from remembered_devices where pool_id = ? and user_id = ?", poolID, userID); err != nil {
		return err
	}
	return d.putFactors(ctx, f)
}

// BindTOTP gives a user a secret in place of the one they had, in the transaction of ctx. Its first code can still be taken: what
// confirmed the secret does not count.
func (d *Directory) BindTOTP(ctx context.Context, poolID, userID string, t TOTP) error {
	return d.db.Tx(ctx, func(ctx context.Context) error { return d.putTOTP(ctx, poolID, userID, t) })
}

// UnbindTOTP takes a user's secret and recovery code away and reports whether there was one.
func (d *Directory) UnbindTOTP(ctx context.Context, poolID, userID string) (bool, error) {
	had := false
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, d.db, "update user_factors set totp_secret = '', totp_step = 0, totp_at = 0, recovery_code = '', updated_at = ? where pool_id = ? and user_id = ? and totp_secret <> ''",
			d.db.Now(), poolID, userID)
		had = n > 0
		return err
	})
	return had, err
}

// TOTPSecret is the user's secret for checking a code, and when it was bound; ErrNoTOTP when there is none. It leaves no record: it is
// not for showing.
func (d *Directory) TOTPSecret(ctx context.Context, poolID, userID string) (secret string, at int64, err error) {
	f, err := d.factors(ctx, poolID, userID)
	if err != nil {
		return "", 0, err
	}
	if f.TOTPSecret == "" {
		return "", 0, ErrNoTOTP
	}
	plain, err := d.master.Open(f.TOTPSecret, factorContext(poolID))
	return string(plain), f.TOTPAt, err
}

// TakeTOTPStep takes the code of a time step: of all who try, on all servers, one is told true, and none for that step or an earlier
// one again.
func (d *Directory) TakeTOTPStep(ctx context.Context, poolID, userID string, step int64) (bool, error) {
	taken := false
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, d.db, "update user_factors set totp_step = ? where pool_id = ? and user_id = ? and totp_secret <> '' and totp_step < ?",
			step, poolID, userID, step)
		taken = n == 1
		return err
	})
	return taken, err
}

// TakeRecoveryCode replaces the user's recovery code by next, if code is the one: of all who try, on all servers, one is told true.
func (d *Directory) TakeRecoveryCode(ctx context.Context, poolID, userID, code, next string) (bool, error) {
	hash := d.recoveryHash(poolID, userID, code)
	if hash == "" {
		return false, nil
	}
	taken := false
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, d.db, "update user_factors set recovery_code = ?, updated_at = ? where pool_id = ? and user_id = ? and totp_secret <> '' and recovery_code = ?",
			d.recoveryHash(poolID, userID, next), d.db.Now(), poolID, userID, hash)
		taken = n == 1
		return err
	})
	return taken, err
}

// UserTOTP is a secret for one user.
type UserTOTP struct {
	UserID string
	TOTP
}

// ImportTOTP stores the users' secrets, all or none, in place of those they had.
func (d *Directory) ImportTOTP(ctx context.Context, poolID string, list []UserTOTP) error {
	refs := make([]UserRef, len(list))
	for i, t := range list {
		refs[i] = ByID(t.UserID)
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		if _, err := d.UserIDs(ctx, poolID, refs); err != nil {
			return err
		}
		for _, t := range list {
			if err := d.putTOTP(ctx, poolID, t.UserID, t.TOTP); err != nil {
				return err
			}
			if err := d.log.Add(ctx, poolID, audit.Event{Operation: audit.Import, Resource: audit.UserLogin, TargetID: t.UserID,
				After: map[string]any{"totpSecret": t.Secret}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// TOTPOf returns the user's secret, or ErrNoTOTP. Reading it leaves a record.
func (d *Directory) TOTPOf(ctx context.Context, poolID, userID string) (TOTP, error) {
	f, err := d.factors(ctx, poolID, userID)
	if err != nil {
		return TOTP{}, err
	}
	if f.TOTPSecret == "" {
		return TOTP{}, ErrNoTOTP
	}
	plain, err := d.master.Open(f.TOTPSecret, factorContext(poolID))
	if err != nil {
		return TOTP{}, err
	}
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Query, Resource: audit.UserLogin, TargetID: userID,
			After: map[string]any{"field": "totpSecret"}})
	})
	return TOTP{Secret: string(plain)}, err
}

// MFAState is what is known of a user's second factors.
type MFAState struct {
	TOTP        bool
	TriggerData string // JSON, as SetMFATrigger stored it; "" when nothing is set
}

// MFA returns the state of the user's second factors.
func (d *Directory) MFA(ctx context.Context, poolID, userID string) (MFAState, error) {
	f, err := d.factors(ctx, poolID, userID)
	return MFAState{f.TOTPSecret != "", f.TriggerData}, err
}

// SetMFATrigger stores what makes the user's sign-ins ask for a second factor: JSON of at most 16 KiB.
func (d *Directory) SetMFATrigger(ctx context.Context, poolID string, ref UserRef, data string) error {
	if err := clean("mfaTriggerData", data, 16384); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		u, err := d.lockUser(ctx, poolID, ref)
		if err != nil {
			return err
		}
		f, err := d.factors(ctx, poolID, u.ID)
		if err != nil {
			return err
		}
		f.TriggerData = data
		if err := d.putFactors(ctx, f); err != nil {
			return err
		}
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Update, Resource: audit.UserLogin, TargetID: u.ID, TargetName: u.DisplayName(),
			After: map[string]any{"field": "mfaTriggerData"}})
	})
}

// PasswordHashes returns the stored password hashes of the users, "" where there is none, in order. Reading them leaves a record.
func (d *Directory) PasswordHashes(ctx context.Context, poolID string, refs []UserRef) ([]User, error) {
	found, err := d.usersByRefs(ctx, poolID, refs)
	if err != nil {
		return nil, err
	}
	users := make([]User, len(found))
	for i, u := range found {
		if u == nil {
			return nil, ErrUserNotFound
		}
		users[i] = *u
	}
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		for i := range users {
			if err := d.log.Add(ctx, poolID, audit.Event{Operation: audit.Query, Resource: audit.User, TargetID: users[i].ID,
				TargetName: users[i].DisplayName(), After: map[string]any{"field": "passwordHash"}}); err != nil {
				return err
			}
		}
		return nil
	})
	return users, err
}
