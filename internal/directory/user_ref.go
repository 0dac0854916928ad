package directory

import (
	"context"
	"errors"
	"strings"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// UserRef names one user in one of the wire's eight ways (v3 userIdType). An empty Type means "user_id".
type UserRef struct {
	Type  string
	Value string
}

// ByID refers to a user by identifier.
func ByID(id string) UserRef { return UserRef{Value: id} }

// Refs are references of one type.
func Refs(refType string, values []string) []UserRef {
	out := make([]UserRef, len(values))
	for i, v := range values {
		out[i] = UserRef{refType, v}
	}
	return out
}

// check refuses what cannot be a reference of its type: Invalid field_format for "userId".
func (r UserRef) check() error {
	if r.Value == "" || len(r.Value) > 1024 || !validText(r.Value) {
		return fault.Field("userId")
	}
	ok := true
	switch r.Type {
	case "", "user_id", "external_id", "username":
	case "email":
		ok = wellFormedEmail(strings.ToLower(r.Value))
	case "phone":
		ok = wellFormedPhone(r.Value)
	case "identity", "sync_relation", "custom_field":
		a, b, found := strings.Cut(r.Value, ":")
		ok = found && a != "" && b != ""
	default:
		return fault.Field("userIdType")
	}
	if !ok {
		return fault.Field("userId")
	}
	return nil
}

// where is the condition that selects the user, and its arguments; the pool stands before it.
func (r UserRef) where(poolID string) (condition string, args []any) {
	a, b, _ := strings.Cut(r.Value, ":")
	switch r.Type {
	case "external_id":
		return "external_id = ?", []any{r.Value}
	case "username":
		return "username = ?", []any{r.Value}
	case "email":
		return "email = ?", []any{strings.ToLower(r.Value)}
	case "phone":
		// A number without its country may stand for several users; the one without a country code, then China's, comes first.
		return "(phone = ? or phone_key = ?)", []any{r.Value, phoneKey("", r.Value)}
	case "identity":
		return "id in (select user_id from identities where pool_id = ? and ext_idp_id = ? and user_id_in_idp = ?)", []any{poolID, a, b}
	case "sync_relation":
		return "id in (select user_id from sync_relations where pool_id = ? and provider = ? and user_id_in_idp = ?)", []any{poolID, a, b}
	case "custom_field":
		return "id in (select target_id from field_values where pool_id = ? and target_type = 'USER' and key = ? and " + longTextIndex + " = substr(?, 1, 200) and text_value = ?)",
			[]any{poolID, a, b, b}
	}
	return "id = ?", []any{r.Value}
}

var selectUser = "select " + db.Columns[User]() + " from users where pool_id = ? and "

// User returns the referred user, or ErrUserNotFound.
func (d *Directory) User(ctx context.Context, poolID string, ref UserRef) (*User, error) {
	return d.oneUser(ctx, poolID, ref, "")
}

// lockUser returns the referred user for a change in the transaction of ctx.
func (d *Directory) lockUser(ctx context.Context, poolID string, ref UserRef) (*User, error) {
	return d.oneUser(ctx, poolID, ref, " for update")
}

func (d *Directory) oneUser(ctx context.Context, poolID string, ref UserRef, lock string) (*User, error) {
	if err := ref.check(); err != nil {
		return nil, err
	}
	condition, args := ref.where(poolID)
	order := ""
	if ref.Type == "phone" {
		order = " order by phone_country_code nulls first, id limit 1"
	}
	u, err := db.One[User](ctx, d.db, selectUser+condition+order+lock, append([]any{poolID}, args...)...)
	if errors.Is(err, db.NoRow) {
		return nil, ErrUserNotFound
	}
	return &u, err
}

// UsersByRefs returns the referred users in the order asked, leaving out those that are not there.
func (d *Directory) UsersByRefs(ctx context.Context, poolID string, refs []UserRef) ([]User, error) {
	found, err := d.usersByRefs(ctx, poolID, refs)
	if err != nil {
		return nil, err
	}
	users := make([]User, 0, len(found))
	for _, u := range found {
		if u != nil {
			users = append(users, *u)
		}
	}
	return users, nil
}

// usersByRefs returns the user of each reference, nil where there is none. References of one kind that is a column take one
// query together.
func (d *Directory) usersByRefs(ctx context.Context, poolID string, refs []UserRef) ([]*User, error) {
	out := make([]*User, len(refs))
	bulk := map[string]struct {
		column string
		of     func(*User) string
	}{
		"":            {"id", func(u *User) string { return u.ID }},
		"user_id":     {"id", func(u *User) string { return u.ID }},
		"username":    {"username", func(u *User) string { return u.Username }},
		"email":       {"email", func(u *User) string { return u.Email }},
		"external_id": {"external_id", func(u *User) string { return u.ExternalID }},
	}
	values := make(map[string][]string)
	for i, r := range refs {
		if err := r.check(); err != nil {
			return nil, err
		}
		if _, ok := bulk[r.Type]; ok {
			if r.Type == "email" {
				r.Value = strings.ToLower(r.Value)
			}
			values[r.Type] = append(values[r.Type], r.Value)
			continue
		}
		u, err := d.User(ctx, poolID, r)
		if err != nil && !errors.Is(err, ErrUserNotFound) {
			return nil, err
		}
		if err == nil {
			out[i] = u
		}
	}
	for kind, list := range values {
		k := bulk[kind]
		users, err := db.List[User](ctx, d.db, selectUser+k.column+" in (?...) limit 1000", poolID, list)
		if err != nil {
			return nil, err
		}
		byValue := make(map[string]*User, len(users))
		for i := range users {
			byValue[k.of(&users[i])] = &users[i]
		}
		for i, r := range refs {
			if r.Type != kind {
				continue
			}
			if kind == "email" {
				r.Value = strings.ToLower(r.Value)
			}
			out[i] = byValue[r.Value]
		}
	}
	return out, nil
}

// UserIDs resolves references to identifiers, in order. An unknown one is ErrUserNotFound.
func (d *Directory) UserIDs(ctx context.Context, poolID string, refs []UserRef) ([]string, error) {
	found, err := d.usersByRefs(ctx, poolID, refs)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i, u := range found {
		if u == nil {
			return nil, ErrUserNotFound
		}
		ids[i] = u.ID
	}
	return ids, nil
}

// Principals are the values that a sign-up or an import may collide with; empty ones are not asked for.
type Principals struct {
	Username, Email, Phone, PhoneCountryCode, ExternalID string
}

// UserByPrincipals returns a user whom any of the values names, the first of them in the order of the fields, or ErrUserNotFound. Each
// value is looked up, also when somebody has been found: how long it takes must not tell who is there.
func (d *Directory) UserByPrincipals(ctx context.Context, poolID string, p Principals) (*User, error) {
	var found *User
	look := func(r UserRef, condition string, args []any) error {
		if !validText(r.Value) {
			return fault.Field(r.Type)
		}
		u, err := db.One[User](ctx, d.db, selectUser+condition, append([]any{poolID}, args...)...)
		switch {
		case errors.Is(err, db.NoRow):
			return nil
		case err == nil && found == nil:
			found = &u
		}
		return err
	}
	for _, r := range []UserRef{{"username", p.Username}, {"email", p.Email}, {"external_id", p.ExternalID}} {
		if r.Value == "" {
			continue
		}
		condition, args := r.where(poolID)
		if err := look(r, condition, args); err != nil {
			return nil, err
		}
	}
	if p.Phone != "" {
		r := UserRef{"phone", p.Phone}
		condition, args := r.where(poolID)
		if p.PhoneCountryCode != "" {
			condition, args = "phone_key = ?", []any{phoneKey(p.PhoneCountryCode, p.Phone)}
		}
		if err := look(r, condition+" order by phone_country_code nulls first, id limit 1", args); err != nil {
			return nil, err
		}
	}
	if found == nil {
		return nil, ErrUserNotFound
	}
	return found, nil
}
