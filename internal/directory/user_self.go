package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/db"
)

// Prepared is in with its password decrypted and hashed, so that a transaction that writes it does not hold others up for as long as a
// hash takes.
func (d *Directory) Prepared(ctx context.Context, poolID string, in PasswordInput) (*PasswordInput, error) {
	list, err := d.credentials(ctx, poolID, []*PasswordInput{&in})
	if err != nil {
		return nil, err
	}
	return &PasswordInput{ready: list[0]}, nil
}

// Readable is Prepared for several, with the passwords beside them for those who are to be told theirs: "" where there is none, or a hash
// made elsewhere.
func (d *Directory) Readable(ctx context.Context, poolID string, in []*PasswordInput) (prepared []*PasswordInput, plain []string, err error) {
	prepared, plain = slices.Clone(in), make([]string, len(in))
	for i, p := range in {
		if p == nil || p.Stored || p.ready != nil {
			continue
		}
		if plain[i], err = d.plain(ctx, poolID, p); err != nil {
			return nil, nil, err
		}
		prepared[i] = &PasswordInput{Text: plain[i]}
	}
	list, err := d.credentials(ctx, poolID, prepared)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range list {
		if c != nil {
			prepared[i] = &PasswordInput{ready: c}
		}
	}
	return prepared, plain, nil
}

// PasswordBefore tells whether password was one of the user's before the present one, of the last n that KeepPassword has kept.
func (d *Directory) PasswordBefore(ctx context.Context, poolID, userID, password string, n int) (bool, error) {
	hashes, err := db.List[string](ctx, d.db, "select hash from password_history where pool_id = ? and user_id = ? order by set_at desc limit ?", poolID, userID, n)
	if err != nil {
		return false, err
	}
	for _, h := range hashes {
		if ok, err := d.hasher.Verify(ctx, h, password); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// KeepPassword remembers the password of u, which another has just taken the place of, and forgets all but the last n. It belongs to the
// transaction that changes the password.
func (d *Directory) KeepPassword(ctx context.Context, u *User, n int) error {
	if u.Password == "" {
		return nil
	}
	if _, err := db.Exec(ctx, d.db, "insert into password_history (pool_id, user_id, set_at, hash) values (?, ?, ?, ?) on conflict (pool_id, user_id, set_at) do nothing",
		u.PoolID, u.ID, u.PasswordSetAt, u.Password); err != nil {
		return err
	}
	_, err := db.Exec(ctx, d.db, "delete from password_history where pool_id = ? and user_id = ? and set_at not in (select set_at from password_history"+
		" where pool_id = ? and user_id = ? order by set_at desc limit ?)", u.PoolID, u.ID, u.PoolID, u.ID, n)
	return err
}

// Whitelisted reports whether a value is on the pool's whitelist of a type or, where appID is set, on the application's.
func (d *Directory) Whitelisted(ctx context.Context, poolID, appID string, t WhitelistType, value string) (bool, error) {
	key := WhitelistKey{AppID: appID, Type: t}
	values, err := key.normal([]string{value})
	if err != nil {
		return false, err
	}
	_, err = db.One[string](ctx, d.db, "select value from whitelist where pool_id = ? and app_id in (?...) and type = ? and value in (?...) limit 1",
		poolID, []string{"", appID}, string(t), values)
	if errors.Is(err, db.NoRow) {
		return false, nil
	}
	return err == nil, err
}

// SamePhone reports whether two numbers, each with its country code, which may be empty, reach one telephone.
func SamePhone(countryCode, phone, otherCode, other string) bool {
	return phone != "" && phoneKey(countryCode, phone) == phoneKey(otherCode, other)
}

// Changes names, as the wire does, the fields of u that in would change, in the order of their checks. What it names is not judged.
func (in *UserInput) Changes(u *User) []string {
	var names []string
	note := func(name string, changed bool) {
		if changed && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for i := range textFields {
		f := &textFields[i]
		v := f.in(in)
		if v == nil {
			continue
		}
		was, is := *f.at(u), *v
		switch f.name {
		case "email":
			is = strings.ToLower(is)
		case "gender":
			if is == "" {
				is = "U"
			}
		}
		note(f.name, was != is)
	}
	for _, f := range []struct {
		name    string
		in      *bool
		current bool
	}{{"emailVerified", in.EmailVerified, u.EmailVerified}, {"phoneVerified", in.PhoneVerified, u.PhoneVerified}, {"isDeleted", in.IsDeleted, u.IsDeleted},
		{"blocked", in.Blocked, u.Blocked()}, {"resetPasswordOnNextLogin", in.ResetPasswordOnLogin, u.ResetPasswordOnLogin}} {
		note(f.name, f.in != nil && *f.in != f.current)
	}
	for _, f := range []struct {
		name    string
		in      *int64
		current int64
	}{{"loginsCount", in.LoginsCount, u.LoginsCount}, {"lastLogin", in.LastLoginAt, u.LastLoginAt}, {"signedUp", in.SignedUpAt, u.SignedUpAt},
		{"tokenExpiredAt", in.TokenExpiredAt, u.TokenExpiredAt}, {"expiredAt", in.ExpiredAt, u.ExpiredAt}} {
		note(f.name, f.in != nil && *f.in != f.current)
	}
	note("status", in.Status != nil && *in.Status != u.Status)
	note("registerSource", in.RegisterSource != nil && !slices.Equal(in.RegisterSource, u.RegisterSource))
	return names
}

// UserForUpdate returns a user whose row is held for the rest of the transaction of ctx, or ErrUserNotFound.
func (d *Directory) UserForUpdate(ctx context.Context, poolID, id string) (*User, error) {
	return d.lockUser(ctx, poolID, ByID(id))
}

// DeleteOwn is DeleteUsers for somebody who deletes their own account.
func (d *Directory) DeleteOwn(ctx context.Context, poolID, id string) error {
	return d.deleteUsers(ctx, poolID, []UserRef{ByID(id)}, "deleteAccount")
}
