package signin

import (
	"context"
	"slices"
	"time"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// StandardScopes are the scopes that every application may ask for (auth-notes 4), in the order of discovery.
var StandardScopes = []string{"openid", "profile", "username", "email", "phone", "address", "role", "roles", "external_id", "unionid",
	"extended_fields", "tenant_id", ScopeOffline}

// profileClaims are what the scope profile stands for (OpenID Connect Core 1.0, 5.4).
var profileClaims = []struct {
	name  string
	value func(u *directory.User) string
}{
	{"birthdate", func(u *directory.User) string { return u.Birthdate }},
	{"family_name", func(u *directory.User) string { return u.FamilyName }},
	{"given_name", func(u *directory.User) string { return u.GivenName }},
	{"locale", func(u *directory.User) string { return u.Locale }},
	{"middle_name", func(u *directory.User) string { return u.MiddleName }},
	{"name", func(u *directory.User) string { return u.Name }},
	{"nickname", func(u *directory.User) string { return u.Nickname }},
	{"picture", func(u *directory.User) string { return u.Photo }},
	{"preferred_username", func(u *directory.User) string { return u.PreferredUsername }},
	{"profile", func(u *directory.User) string { return u.Profile }},
	{"website", func(u *directory.User) string { return u.Website }},
	{"zoneinfo", func(u *directory.User) string { return u.Zoneinfo }},
}

// ClaimNames are the claims that there can be, for discovery.
func ClaimNames() []string {
	names := []string{"sub", "gender", "updated_at", "username", "email", "email_verified", "phone_number", "phone_number_verified", "address",
		"roles", "external_id", "unionid", "extended_fields", "tenant_id", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "c_hash", "sid", "amr"}
	for _, c := range profileClaims {
		names = append(names, c.name)
	}
	slices.Sort(names)
	return names
}

// orNil is v, or null for an empty text: a claim that was asked for is there, empty or not (auth-notes 4).
func orNil(v string) any {
	if v == "" {
		return nil
	}
	return v
}

// Claims are what an application learns about a user by the granted scopes: the same in id tokens and at the userinfo endpoint. The map
// is the caller's own.
func (s *Signin) Claims(ctx context.Context, u *directory.User, app *Application, scope []string) (map[string]any, error) {
	c := map[string]any{"sub": u.ID}
	has := func(word string) bool { return slices.Contains(scope, word) }
	if has("profile") {
		for _, p := range profileClaims {
			c[p.name] = orNil(p.value(u))
		}
		c["gender"] = u.Gender
		if u.Gender == "" {
			c["gender"] = "U"
		}
		c["updated_at"] = time.UnixMilli(u.UpdatedAt).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if has("username") {
		c["username"] = orNil(u.Username)
	}
	if has("email") {
		c["email"], c["email_verified"] = orNil(u.Email), u.EmailVerified
	}
	if has("phone") {
		c["phone_number"], c["phone_number_verified"] = orNil(u.Phone), u.PhoneVerified
	}
	if has("address") {
		c["address"] = map[string]any{"country": orNil(u.Country), "postal_code": orNil(u.PostalCode), "region": orNil(u.Region), "formatted": orNil(u.Formatted)}
	}
	if has("external_id") {
		c["external_id"] = orNil(u.ExternalID)
	}
	if has("unionid") {
		c["unionid"] = orNil(u.UnionID)
	}
	if has("tenant_id") {
		c["tenant_id"] = orNil(u.TenantID)
	}
	if has("roles") || has("role") {
		roles, err := s.access.EffectiveRoles(ctx, u.PoolID, u.ID, "")
		if err != nil {
			return nil, err
		}
		codes := make([]string, len(roles))
		for i, r := range roles {
			codes[i] = r.Code
		}
		c["roles"] = codes
	}
	var custom map[string]any
	if has("extended_fields") || len(app.Settings.Claims) > 0 {
		values, err := s.dir.Values(ctx, u.PoolID, directory.UserTarget, []string{u.ID})
		if err != nil {
			return nil, err
		}
		custom = make(map[string]any, len(values[u.ID]))
		for _, v := range values[u.ID] {
			custom[v.Key] = v.JSON
		}
	}
	if has("extended_fields") {
		c["extended_fields"] = custom
	}
	return c, s.addClaims(c, u, app, custom)
}

// addClaims adds the application's own claims, each of a field of the user; none of them can take the place of a standard one.
func (s *Signin) addClaims(c map[string]any, u *directory.User, app *Application, custom map[string]any) error {
	if len(app.Settings.Claims) == 0 {
		return nil
	}
	standard := ClaimNames()
	for claim, field := range app.Settings.Claims {
		if _, taken := c[claim]; taken || slices.Contains(standard, claim) || slices.Contains(reservedClaims, claim) {
			continue
		}
		if v, ok := custom[field]; ok {
			c[claim] = v
			continue
		}
		if v, ok := plainField(u, field); ok {
			c[claim] = orNil(v)
		}
	}
	return nil
}

// reservedClaims are those by which this server knows its own tokens.
var reservedClaims = []string{"use", "userpool_id", "family", "issued_ms", "proof", "data", "jti", "scope", "client_id", "azp", "acr", "nbf"}

// plainField is a user's field by the wire's name of it.
func plainField(u *directory.User, name string) (string, bool) {
	switch name {
	case "id", "userId":
		return u.ID, true
	case "username":
		return u.Username, true
	case "email":
		return u.Email, true
	case "phone":
		return u.Phone, true
	case "externalId":
		return u.ExternalID, true
	case "company":
		return u.Company, true
	case "country":
		return u.Country, true
	case "province":
		return u.Province, true
	case "city":
		return u.City, true
	case "identityNumber":
		return u.IdentityNumber, true
	case "gender":
		return u.Gender, true
	case "address":
		return u.Address, true
	case "streetAddress":
		return u.StreetAddress, true
	case "postalCode":
		return u.PostalCode, true
	case "formatted":
		return u.Formatted, true
	case "region":
		return u.Region, true
	case "locality":
		return u.Locality, true
	}
	for _, p := range profileClaims {
		if p.name == name || camel(p.name) == name {
			return p.value(u), true
		}
	}
	return "", false
}

// camel is a claim's name as the wire spells the field: given_name is givenName.
func camel(name string) string {
	out := make([]byte, 0, len(name))
	up := false
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_':
			up = true
		case up:
			out, up = append(out, c-'a'+'A'), false
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
