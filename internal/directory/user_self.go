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
