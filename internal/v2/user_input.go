package v2

import (
	"strings"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// userInput holds the fields of CreateUserInput and of UpdateUserInput; the schema says which of them each has.
type userInput struct {
	Username           *string  `json:"username"`
	Email              *string  `json:"email"`
	EmailVerified      *bool    `json:"emailVerified"`
	Phone              *string  `json:"phone"`
	PhoneVerified      *bool    `json:"phoneVerified"`
	PhoneCountryCode   *string  `json:"phoneCountryCode"`
	UnionID            *string  `json:"unionid"`
	OpenID             *string  `json:"openid"`
	ExternalID         *string  `json:"externalId"`
	Password           *string  `json:"password"`
	Nickname           *string  `json:"nickname"`
	Photo              *string  `json:"photo"`
	RegisterSource     []string `json:"registerSource"`
	Browser            *string  `json:"browser"`
	Device             *string  `json:"device"`
	OAuth              *string  `json:"oauth"`
	LoginsCount        *int64   `json:"loginsCount"`
	LastLogin          *string  `json:"lastLogin"`
	LastIP             *string  `json:"lastIP"`
	SignedUp           *string  `json:"signedUp"`
	TokenExpiredAt     *string  `json:"tokenExpiredAt"`
	ExpiredAt          *string  `json:"expiredAt"`
	Blocked            *bool    `json:"blocked"`
	IsDeleted          *bool    `json:"isDeleted"`
	Company            *string  `json:"company"`
	Name               *string  `json:"name"`
	GivenName          *string  `json:"givenName"`
	FamilyName         *string  `json:"familyName"`
	MiddleName         *string  `json:"middleName"`
	Profile            *string  `json:"profile"`
	PreferredUsername  *string  `json:"preferredUsername"`
	Website            *string  `json:"website"`
	Gender             *string  `json:"gender"`
	Birthdate          *string  `json:"birthdate"`
	Zoneinfo           *string  `json:"zoneinfo"`
	Locale             *string  `json:"locale"`
	Address            *string  `json:"address"`
	Formatted          *string  `json:"formatted"`
	StreetAddress      *string  `json:"streetAddress"`
	Locality           *string  `json:"locality"`
	Region             *string  `json:"region"`
	PostalCode         *string  `json:"postalCode"`
	City               *string  `json:"city"`
	Province           *string  `json:"province"`
	Country            *string  `json:"country"`
	MainDepartmentID   *string  `json:"mainDepartmentId"`
	MainDepartmentCode *string  `json:"mainDepartmentCode"`
	DirectManagement   *string  `json:"directManagement"`
}

// fields is the input in the directory's terms. Times must be ISO 8601; numbers, which V3 takes, are refused (v2-notes 5).
func (in *userInput) fields() (directory.UserInput, error) {
	out := directory.UserInput{
		Username: in.Username, Email: in.Email, Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode, ExternalID: in.ExternalID,
		UnionID: in.UnionID, OpenID: in.OpenID, Name: in.Name, Nickname: in.Nickname, Photo: in.Photo, Gender: in.Gender,
		Birthdate: in.Birthdate, Country: in.Country, Province: in.Province, City: in.City, Locality: in.Locality, Region: in.Region,
		Address: in.Address, StreetAddress: in.StreetAddress, PostalCode: in.PostalCode, Formatted: in.Formatted, Company: in.Company,
		Browser: in.Browser, Device: in.Device, GivenName: in.GivenName, FamilyName: in.FamilyName, MiddleName: in.MiddleName,
		Profile: in.Profile, PreferredUsername: in.PreferredUsername, Website: in.Website, Zoneinfo: in.Zoneinfo, Locale: in.Locale,
		OAuth: in.OAuth, LastLoginIP: in.LastIP, DirectManagement: in.DirectManagement, MainDepartmentID: in.MainDepartmentID,
		MainDepartmentCode: in.MainDepartmentCode, EmailVerified: in.EmailVerified, PhoneVerified: in.PhoneVerified,
		IsDeleted: in.IsDeleted, Blocked: in.Blocked, LoginsCount: in.LoginsCount, RegisterSource: in.RegisterSource,
	}
	for _, t := range []struct {
		name string
		text *string
		at   **int64
	}{{"lastLogin", in.LastLogin, &out.LastLoginAt}, {"signedUp", in.SignedUp, &out.SignedUpAt},
		{"tokenExpiredAt", in.TokenExpiredAt, &out.TokenExpiredAt}, {"expiredAt", in.ExpiredAt, &out.ExpiredAt}} {
		if t.text == nil {
			continue
		}
		ms := int64(0) // empty text clears the time
		if *t.text != "" {
			var ok bool
			if ms, ok = directory.ParseISOTime(*t.text); !ok {
				return out, fault.Field(t.name)
			}
		}
		*t.at = &ms
	}
	return out, nil
}

// password is the password in the directory's terms, nil when none is given. Clients encrypt it for the pool, by RSA or by SM2
// with a prefix. With keep it is a hash from elsewhere, which some send as it is.
func (in *userInput) password(keep bool) *directory.PasswordInput {
	if in.Password == nil || *in.Password == "" {
		return nil
	}
	p := &directory.PasswordInput{Text: *in.Password, Encryption: "rsa", Stored: keep}
	if strings.HasPrefix(p.Text, "sm2:") {
		p.Encryption = "sm2"
	} else if _, err := secret.Importable(p.Text); keep && err == nil {
		p.Encryption = "none" // no base64 text is a hash, so that nothing encrypted is taken for one
	}
	return p
}

// byOwner refuses what users may not change of themselves: all that says who they are, and what the server or an administrator
// keeps about them. A new address has to be proven.
func (in *userInput) byOwner(emailProven, phoneProven bool) error {
	switch {
	case in.Email != nil && !emailProven:
		return errEmailNotWritable
	case (in.Phone != nil || in.PhoneCountryCode != nil) && !phoneProven:
		return errPhoneNotWritable
	}
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"unionid", in.UnionID != nil}, {"openid", in.OpenID != nil}, {"externalId", in.ExternalID != nil}, {"password", in.Password != nil},
		{"emailVerified", in.EmailVerified != nil}, {"phoneVerified", in.PhoneVerified != nil}, {"registerSource", in.RegisterSource != nil},
		{"oauth", in.OAuth != nil}, {"loginsCount", in.LoginsCount != nil}, {"lastLogin", in.LastLogin != nil}, {"lastIP", in.LastIP != nil},
		{"signedUp", in.SignedUp != nil}, {"tokenExpiredAt", in.TokenExpiredAt != nil}, {"expiredAt", in.ExpiredAt != nil},
		{"blocked", in.Blocked != nil}, {"isDeleted", in.IsDeleted != nil}, {"mainDepartmentId", in.MainDepartmentID != nil},
		{"mainDepartmentCode", in.MainDepartmentCode != nil}, {"directManagement", in.DirectManagement != nil},
	} {
		if f.given {
			return errNotWritable(f.name)
		}
	}
	return nil
}
