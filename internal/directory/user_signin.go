package directory

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/db"
)

// PasswordsBusy is an error of kind fault.Throttled while CheckPassword would refuse at once, for there are more checks than it takes on.
func (d *Directory) PasswordsBusy() error { return d.hasher.Busy() }

// CheckPassword tells whether password is u's. u may be nil, for nobody: the answer takes as long, so that its time does not tell
// who exists. A hash that an import brought, or an older cost made, is renewed on success.
func (d *Directory) CheckPassword(ctx context.Context, u *User, password string) (bool, error) {
	stored := ""
	if u != nil {
		stored = u.Password
	}
	ok, err := d.hasher.Verify(ctx, stored, password)
	if err != nil || !ok || !d.hasher.Stale(stored) {
		return ok, err
	}
	fresh, err := d.hasher.Hash(ctx, password)
	if err != nil {
		return true, nil // too busy: the next sign-in will renew it
	}
	return true, d.db.Tx(ctx, func(ctx context.Context) error {
		_, err := db.Exec(ctx, d.db, "update users set password = ? where pool_id = ? and id = ? and password = ?", fresh, u.PoolID, u.ID, stored)
		return err
	})
}

// UserWhile is User by identifier, if another table of the pool says yes in the same statement: exists is the part behind "select 1 from"
// of a query over it, with its arguments. ErrUserNotFound otherwise.
func (d *Directory) UserWhile(ctx context.Context, poolID, id, exists string, args ...any) (*User, error) {
	u, err := db.One[User](ctx, d.db, selectUser+"id = ? and exists (select 1 from "+exists+")", append([]any{poolID, id}, args...)...)
	if errors.Is(err, db.NoRow) {
		return nil, ErrUserNotFound
	}
	return &u, err
}

// SignedIn notes on u's row, and in u, that they have signed in now: to which application, from where, and whether by a second factor. It
// belongs to the transaction that makes the session.
func (d *Directory) SignedIn(ctx context.Context, u *User, appID, clientIP string, secondFactor bool) error {
	before, now := *u, d.db.Now()
	u.LoginsCount++
	u.LastLoginAt, u.LastLoginIP, u.LastLoginApp = now, clientIP, appID
	if secondFactor {
		u.LastMFAAt = now
	}
	_, err := db.Exec(ctx, d.db, "update users set logins_count = logins_count + 1, last_login_at = ?, last_login_ip = ?, last_login_app = ?, "+
		"last_mfa_at = coalesce(?, last_mfa_at) where pool_id = ? and id = ?",
		now, orNull(clientIP), orNull(appID), orNull(u.LastMFAAt), u.PoolID, u.ID)
	if err != nil {
		return err
	}
	return d.usersChanged(ctx, u.PoolID, []userChange{{&before, u}})
}

// orNull is v, or nil for the zero value, as the mapper stores it.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
