package directory

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// TOTP is a user's time-based one-time-password secret (RFC 6238), kept as given: migrations bring secrets of every form. RecoveryCode
// replaces it once.
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
	_, err := db.Exec(ctx, d.db, `insert into user_factors (pool_id, user_id, totp_secret, recovery_code, trigger_data, updated_at)
		values (?, ?, ?, ?, ?, ?) on conflict (pool_id, user_id) do update set totp_secret = excluded.totp_secret,
		recovery_code = excluded.recovery_code, trigger_data = excluded.trigger_data, updated_at = excluded.updated_at`,
		f.PoolID, f.UserID, f.TOTPSecret, f.RecoveryCode, f.TriggerData, f.UpdatedAt)
	return err
}

func factorContext(poolID string) string { return "pool/" + poolID + "/factor" }

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
	f.RecoveryCode = ""
	if t.RecoveryCode != "" {
		f.RecoveryCode = d.master.Seal([]byte(t.RecoveryCode), factorContext(poolID))
	}
	return d.putFactors(ctx, f)
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
