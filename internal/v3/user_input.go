package v3

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// input is what the caller wants the fields to be that every request about a user has.
func (f *UserFields) input() directory.UserInput {
	in := directory.UserInput{
		Username: f.Username, Email: f.Email, Phone: f.Phone, PhoneCountryCode: f.PhoneCountryCode, ExternalID: f.ExternalID,
		Name: f.Name, Nickname: f.Nickname, Photo: f.Photo, Gender: f.Gender, Birthdate: f.Birthdate,
		Country: f.Country, Province: f.Province, City: f.City, Region: f.Region,
		Address: f.Address, StreetAddress: f.StreetAddress, PostalCode: f.PostalCode, Formatted: f.Formatted,
		Company: f.Company, Browser: f.Browser, Device: f.Device,
		GivenName: f.GivenName, FamilyName: f.FamilyName, MiddleName: f.MiddleName,
		Profile: f.Profile, PreferredUsername: f.PreferredUsername, Website: f.Website, Zoneinfo: f.Zoneinfo, Locale: f.Locale,
		IdentityNumber: f.IdentityNumber, EmailVerified: f.EmailVerified, PhoneVerified: f.PhoneVerified,
		Strict: true,
	}
	if f.Status != nil {
		in.Status = (*directory.Status)(f.Status)
	}
	return in
}

// newUser translates a user to be made. Tenants and a salt are not kept: there are none yet.
func (n *CreateUserInfoDto) newUser(o *CreateUserOptionsDto) (directory.NewUser, error) {
	u := directory.NewUser{UserInput: n.input(), DepartmentIDs: n.DepartmentIDs}
	var err error
	if u.Password, err = passwordInput(n.Password, o.PasswordEncryptType, value(o.KeepPassword), value(o.AutoGeneratePassword)); err != nil {
		return u, err
	}
	if u.Custom, err = objectOf("customData", n.CustomData); err != nil {
		return u, err
	}
	u.ResetPasswordOnLogin = o.ResetPasswordOnFirstLogin
	u.MetadataSource = rawText(n.MetadataSource)
	if n.OTP != nil {
		u.TOTP = &directory.TOTP{Secret: n.OTP.Secret, RecoveryCode: value(n.OTP.RecoveryCode)}
	}
	for _, i := range n.Identities {
		u.Identities = append(u.Identities, directory.NewIdentity{ExtIDPID: i.ExtIdpID, Provider: i.Provider, Type: i.Type,
			UserIDInIDP: i.UserIDInIdp, UserInfo: string(i.UserInfoInIdp), AccessToken: value(i.AccessToken),
			RefreshToken: value(i.RefreshToken), OriginConnIDs: i.OriginConnIDs})
	}
	return u, nil
}

// patch translates a change of a user.
func (p *UpdateUserInfoDto) patch(encryption string, generate bool, reset *bool) (directory.UserPatch, error) {
	change := directory.UserPatch{UserInput: p.input()}
	var err error
	if change.Password, err = passwordInput(p.Password, encryption, false, generate); err != nil {
		return change, err
	}
	if change.Custom, err = objectOf("customData", p.CustomData); err != nil {
		return change, err
	}
	change.ResetPasswordOnLogin = reset
	change.Metadata = rawText(p.Metadata)
	return change, nil
}

// notice is whom a request wants told of a password that it sets.
func (n *SendResetPasswordNotificationDto) notice() signin.Notice {
	return signin.Notice{Mail: value(n.SendDefaultEmailNotification), Text: value(n.SendDefaultPhoneNotification),
		MailTo: value(n.InputSendEmailNotification), TextTo: value(n.InputSendPhoneNotification), AppID: value(n.AppID)}
}

// passwordInput is the password of a request, nil when it has none. An empty one is refused: it would say that a password
// was set.
func passwordInput(text *string, encryption string, stored, generate bool) (*directory.PasswordInput, error) {
	switch {
	case generate:
		return &directory.PasswordInput{Generate: true}, nil
	case text == nil:
		return nil, nil
	case *text == "":
		return nil, fault.Field("password")
	}
	return &directory.PasswordInput{Text: *text, Encryption: encryption, Stored: stored}, nil
}

// objectOf is the members of a JSON object, nil when there is none. What is no object is refused.
func objectOf(name string, v jsontext.Value) (map[string]jsontext.Value, error) {
	if v == nil {
		return nil, nil
	}
	var m map[string]jsontext.Value
	if v.Kind() != '{' || json.Unmarshal(v, &m) != nil {
		return nil, fault.Field(name)
	}
	return m, nil
}

// rawText is JSON of any kind as text, nil when there is none.
func rawText(v jsontext.Value) *string {
	if v == nil {
		return nil
	}
	s := string(v)
	return &s
}
