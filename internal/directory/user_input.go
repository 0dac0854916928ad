package directory

import (
	"strings"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// UserInput is what a caller wants a user's fields to be. nil leaves a field as it is; empty text or a zero time clears it.
type UserInput struct {
	Username, Email, Phone, PhoneCountryCode, ExternalID, UnionID, OpenID                          *string
	Name, Nickname, Photo, Gender, Birthdate, Country, Province, City, Locality, Region            *string
	Address, StreetAddress, PostalCode, Formatted, Company, Browser, Device, GivenName, FamilyName *string
	MiddleName, Profile, PreferredUsername, Website, Zoneinfo, Locale, OAuth, IdentityNumber       *string
	LastLoginIP, DirectManagement, MainDepartmentID, MainDepartmentCode, Metadata, MetadataSource  *string
	SourceID, TenantID                                                                             *string
	EmailVerified, PhoneVerified, IsDeleted, Blocked, ResetPasswordOnLogin                         *bool
	LoginsCount, LastLoginAt, SignedUpAt, TokenExpiredAt, ExpiredAt                                *int64
	Status                                                                                         *Status
	RegisterSource                                                                                 []string // nil leaves it

	// Strict asks for well-formed e-mail addresses and phone numbers (V3 does, V2's administrators may store anything).
	Strict bool
}

// textField is one text of a user: its name on the wire, the column it is kept in, how long it may be, and where it stands.
type textField struct {
	name   string
	column string
	max    int
	in     func(*UserInput) *string
	at     func(*User) *string
}

// Text fields in the order of their checks. The longest value of an indexed column stays below what a PostgreSQL index entry holds.
var textFields = []textField{
	{"username", "username", 256, func(i *UserInput) *string { return i.Username }, func(u *User) *string { return &u.Username }},
	{"email", "email", 254, func(i *UserInput) *string { return i.Email }, func(u *User) *string { return &u.Email }},
	{"phone", "phone", 64, func(i *UserInput) *string { return i.Phone }, func(u *User) *string { return &u.Phone }},
	{"phoneCountryCode", "phone_country_code", 16, func(i *UserInput) *string { return i.PhoneCountryCode }, func(u *User) *string { return &u.PhoneCountryCode }},
	{"externalId", "external_id", 256, func(i *UserInput) *string { return i.ExternalID }, func(u *User) *string { return &u.ExternalID }},
	{"unionid", "unionid", 256, func(i *UserInput) *string { return i.UnionID }, func(u *User) *string { return &u.UnionID }},
	{"openid", "openid", 256, func(i *UserInput) *string { return i.OpenID }, func(u *User) *string { return &u.OpenID }},
	{"name", "name", 256, func(i *UserInput) *string { return i.Name }, func(u *User) *string { return &u.Name }},
	{"nickname", "nickname", 256, func(i *UserInput) *string { return i.Nickname }, func(u *User) *string { return &u.Nickname }},
	{"photo", "photo", 2048, func(i *UserInput) *string { return i.Photo }, func(u *User) *string { return &u.Photo }},
	{"gender", "gender", 1, func(i *UserInput) *string { return i.Gender }, func(u *User) *string { return &u.Gender }},
	{"birthdate", "birthdate", 64, func(i *UserInput) *string { return i.Birthdate }, func(u *User) *string { return &u.Birthdate }},
	{"country", "country", 256, func(i *UserInput) *string { return i.Country }, func(u *User) *string { return &u.Country }},
	{"province", "province", 256, func(i *UserInput) *string { return i.Province }, func(u *User) *string { return &u.Province }},
	{"city", "city", 256, func(i *UserInput) *string { return i.City }, func(u *User) *string { return &u.City }},
	{"locality", "locality", 256, func(i *UserInput) *string { return i.Locality }, func(u *User) *string { return &u.Locality }},
	{"region", "region", 256, func(i *UserInput) *string { return i.Region }, func(u *User) *string { return &u.Region }},
	{"address", "address", 1024, func(i *UserInput) *string { return i.Address }, func(u *User) *string { return &u.Address }},
	{"streetAddress", "street_address", 1024, func(i *UserInput) *string { return i.StreetAddress }, func(u *User) *string { return &u.StreetAddress }},
	{"postalCode", "postal_code", 64, func(i *UserInput) *string { return i.PostalCode }, func(u *User) *string { return &u.PostalCode }},
	{"formatted", "formatted", 1024, func(i *UserInput) *string { return i.Formatted }, func(u *User) *string { return &u.Formatted }},
	{"company", "company", 256, func(i *UserInput) *string { return i.Company }, func(u *User) *string { return &u.Company }},
	{"browser", "browser", 1024, func(i *UserInput) *string { return i.Browser }, func(u *User) *string { return &u.Browser }},
	{"device", "device", 256, func(i *UserInput) *string { return i.Device }, func(u *User) *string { return &u.Device }},
	{"givenName", "given_name", 256, func(i *UserInput) *string { return i.GivenName }, func(u *User) *string { return &u.GivenName }},
	{"familyName", "family_name", 256, func(i *UserInput) *string { return i.FamilyName }, func(u *User) *string { return &u.FamilyName }},
	{"middleName", "middle_name", 256, func(i *UserInput) *string { return i.MiddleName }, func(u *User) *string { return &u.MiddleName }},
	{"profile", "profile", 2048, func(i *UserInput) *string { return i.Profile }, func(u *User) *string { return &u.Profile }},
	{"preferredUsername", "preferred_username", 256, func(i *UserInput) *string { return i.PreferredUsername }, func(u *User) *string { return &u.PreferredUsername }},
	{"website", "website", 2048, func(i *UserInput) *string { return i.Website }, func(u *User) *string { return &u.Website }},
	{"zoneinfo", "zoneinfo", 64, func(i *UserInput) *string { return i.Zoneinfo }, func(u *User) *string { return &u.Zoneinfo }},
	{"locale", "locale", 64, func(i *UserInput) *string { return i.Locale }, func(u *User) *string { return &u.Locale }},
	{"oauth", "oauth", 16384, func(i *UserInput) *string { return i.OAuth }, func(u *User) *string { return &u.OAuth }},
	{"identityNumber", "identity_number", 64, func(i *UserInput) *string { return i.IdentityNumber }, func(u *User) *string { return &u.IdentityNumber }},
	{"lastIp", "last_login_ip", 64, func(i *UserInput) *string { return i.LastLoginIP }, func(u *User) *string { return &u.LastLoginIP }},
	{"directManagement", "direct_management", 256, func(i *UserInput) *string { return i.DirectManagement }, func(u *User) *string { return &u.DirectManagement }},
	{"mainDepartmentId", "main_department_id", 64, func(i *UserInput) *string { return i.MainDepartmentID }, func(u *User) *string { return &u.MainDepartmentID }},
	{"mainDepartmentCode", "main_department_code", 64, func(i *UserInput) *string { return i.MainDepartmentCode }, func(u *User) *string { return &u.MainDepartmentCode }},
	{"metadata", "metadata", 16384, func(i *UserInput) *string { return i.Metadata }, func(u *User) *string { return &u.Metadata }},
	{"metadataSource", "metadata_source", 16384, func(i *UserInput) *string { return i.MetadataSource }, func(u *User) *string { return &u.MetadataSource }},
	{"userSourceId", "source_id", 256, func(i *UserInput) *string { return i.SourceID }, func(u *User) *string { return &u.SourceID }},
	{"tenantId", "tenant_id", 64, func(i *UserInput) *string { return i.TenantID }, func(u *User) *string { return &u.TenantID }},
}

// apply puts the input into u, normalised, and says what is wrong with it. now is the time of the change.
func (in *UserInput) apply(u *User, now int64) error {
	for i := range textFields {
		f := &textFields[i]
		v := f.in(in)
		if v == nil {
			continue
		}
		if err := clean(f.name, *v, f.max); err != nil {
			return err
		}
		*f.at(u) = *v
	}
	u.Email = strings.ToLower(u.Email)
	switch u.Gender {
	case "":
		u.Gender = "U"
	case "M", "F", "U":
	default:
		return fault.Field("gender")
	}
	if in.Strict {
		if in.Email != nil && u.Email != "" && !wellFormedEmail(u.Email) {
			return fault.Field("email")
		}
		if in.Phone != nil && u.Phone != "" && !wellFormedPhone(u.Phone) {
			return fault.Field("phone")
		}
		if in.PhoneCountryCode != nil && u.PhoneCountryCode != "" {
			if !wellFormedCountryCode(u.PhoneCountryCode) {
				return fault.Field("phoneCountryCode")
			}
			if u.Phone == "" {
				return fault.New(fault.Invalid, "phone_missing")
			}
		}
	}
	u.PhoneKey = phoneKey(u.PhoneCountryCode, u.Phone)

	for _, f := range []struct {
		in *bool
		at *bool
	}{{in.EmailVerified, &u.EmailVerified}, {in.PhoneVerified, &u.PhoneVerified}, {in.IsDeleted, &u.IsDeleted},
		{in.ResetPasswordOnLogin, &u.ResetPasswordOnLogin}} {
		if f.in != nil {
			*f.at = *f.in
		}
	}
	for _, f := range []struct {
		name string
		in   *int64
		at   *int64
	}{{"loginsCount", in.LoginsCount, &u.LoginsCount}, {"lastLogin", in.LastLoginAt, &u.LastLoginAt}, {"signedUp", in.SignedUpAt, &u.SignedUpAt},
		{"tokenExpiredAt", in.TokenExpiredAt, &u.TokenExpiredAt}, {"expiredAt", in.ExpiredAt, &u.ExpiredAt}} {
		if f.in == nil {
			continue
		}
		if *f.in < 0 || *f.in > latestTime {
			return fault.Field(f.name)
		}
		*f.at = *f.in
	}
	if in.TokenExpiredAt != nil && *in.TokenExpiredAt != 0 && *in.TokenExpiredAt <= now {
		u.TokensAfter = now
	}
	if in.RegisterSource != nil {
		if len(in.RegisterSource) > 20 {
			return fault.Field("registerSource")
		}
		for _, s := range in.RegisterSource {
			if err := clean("registerSource", s, 64); err != nil {
				return err
			}
		}
		u.RegisterSource = in.RegisterSource
	}
	status := u.Status
	if in.Status != nil {
		status = *in.Status
	} else if in.Blocked != nil {
		switch {
		case *in.Blocked && u.Status == Activated:
			status = Suspended
		case !*in.Blocked && u.Blocked():
			status = Activated
		}
	}
	return u.move(status, now)
}

// move takes the account to another state. What has resigned can only be archived.
func (u *User) move(to Status, now int64) error {
	switch to {
	case u.Status:
		return nil
	case Activated, Suspended, Deactivated, Resigned, Archived:
	default:
		return fault.Field("status")
	}
	if u.Status == Resigned && to != Archived {
		return ErrUserResigned
	}
	u.Status, u.StatusChangedAt, u.ArchivedAt, u.WorkStatus = to, now, 0, "Active"
	switch to {
	case Resigned:
		u.WorkStatus = "Closed"
	case Archived:
		u.WorkStatus, u.ArchivedAt = "Closed", now
	}
	return nil
}

// identified reports whether anything names the user.
func (u *User) identified() bool {
	return u.Username != "" || u.Email != "" || u.Phone != ""
}

// The end of the year 9999, in unix milliseconds: what the wire's time texts can say.
const latestTime = 253402300799999

// phoneKey is what two equal phone numbers share: the country code and the digits. Numbers without a country are China's, as the
// wire has it.
func phoneKey(countryCode, phone string) string {
	if phone == "" {
		return ""
	}
	number := digits(phone)
	switch {
	case number == "":
		return phone
	case strings.HasPrefix(phone, "+"):
		return "+" + number
	case digits(countryCode) != "":
		return "+" + digits(countryCode) + number
	}
	return "+86" + number
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func wellFormedPhone(s string) bool {
	n := len(digits(s))
	return n >= 3 && n <= 20 && strings.Trim(s, "0123456789 +-().") == "" && strings.LastIndexByte(s, '+') <= 0
}

func wellFormedCountryCode(s string) bool {
	n := len(digits(s))
	return n >= 1 && n <= 7 && strings.Trim(strings.TrimPrefix(s, "+"), "0123456789-") == ""
}

func wellFormedEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || strings.ContainsAny(s, " \t\r\n,;:<>\"()[]\\") || strings.Contains(domain, "@") {
		return false
	}
	labels := strings.Split(domain, ".")
	for _, l := range labels {
		if l == "" {
			return false
		}
	}
	return len(labels) > 1
}
