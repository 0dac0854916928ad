package v3

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

type signUpPassword struct {
	Password string  `json:"password" rule:"required"`
	Username *string `json:"username"`
	Email    *string `json:"email"`
}

type signUpProfile struct {
	Nickname          *string        `json:"nickname"`
	Company           *string        `json:"company"`
	Photo             *string        `json:"photo"`
	Device            *string        `json:"device"`
	Browser           *string        `json:"browser"`
	Name              *string        `json:"name"`
	GivenName         *string        `json:"givenName"`
	FamilyName        *string        `json:"familyName"`
	MiddleName        *string        `json:"middleName"`
	Profile           *string        `json:"profile"`
	PreferredUsername *string        `json:"preferredUsername"`
	Website           *string        `json:"website"`
	Gender            *string        `json:"gender" rule:"enum=M|F|U"`
	Birthdate         *string        `json:"birthdate"`
	Zoneinfo          *string        `json:"zoneinfo"`
	Locale            *string        `json:"locale"`
	Address           *string        `json:"address"`
	Formatted         *string        `json:"formatted"`
	StreetAddress     *string        `json:"streetAddress"`
	Locality          *string        `json:"locality"`
	Region            *string        `json:"region"`
	PostalCode        *string        `json:"postalCode"`
	Country           *string        `json:"country"`
	Email             *string        `json:"email"`
	Phone             *string        `json:"phone"`
	PhoneCountryCode  *string        `json:"phoneCountryCode"`
	CustomData        jsontext.Value `json:"customData"`
}

func (p *signUpProfile) input() directory.UserInput {
	return directory.UserInput{Nickname: p.Nickname, Company: p.Company, Photo: p.Photo, Device: p.Device, Browser: p.Browser, Name: p.Name,
		GivenName: p.GivenName, FamilyName: p.FamilyName, MiddleName: p.MiddleName, Profile: p.Profile, PreferredUsername: p.PreferredUsername,
		Website: p.Website, Gender: p.Gender, Birthdate: p.Birthdate, Zoneinfo: p.Zoneinfo, Locale: p.Locale, Address: p.Address,
		Formatted: p.Formatted, StreetAddress: p.StreetAddress, Locality: p.Locality, Region: p.Region, PostalCode: p.PostalCode,
		Country: p.Country, Email: p.Email, Phone: p.Phone, PhoneCountryCode: p.PhoneCountryCode}
}

type signUpOptions struct {
	ClientIP            *string `json:"clientIp"`
	PhoneCode           *string `json:"phonePassCodeForInformationCompletion"`
	EmailCode           *string `json:"emailPassCodeForInformationCompletion"`
	PasswordForCode     *string `json:"passwordForPhonePassCode"`
	PasswordEncryptType string  `json:"passwordEncryptType" rule:"enum=sm2|rsa|none,default=none"`
}

type signUpRequest struct {
	Connection      string           `json:"connection" rule:"required,enum=PASSWORD|PASSCODE"`
	PasswordPayload *signUpPassword  `json:"passwordPayload"`
	PassCodePayload *passCodePayload `json:"passCodePayload"`
	Profile         signUpProfile    `json:"profile"`
	Options         signUpOptions    `json:"options"`
}

// signUp makes an account and signs nobody in. Where the user sits the caller says by the connection: no client shows its secret here.
func (a *API) signUp(ctx context.Context, in *signUpRequest) (*userDTO, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	r := signin.Registration{Profile: in.Profile.input(), EmailProof: value(in.Options.EmailCode), PhoneProof: value(in.Options.PhoneCode)}
	if r.Custom, err = objectOf("customData", in.Profile.CustomData); err != nil {
		return nil, err
	}
	password := value(in.Options.PasswordForCode)
	if in.Connection == "PASSWORD" {
		p := in.PasswordPayload
		if p == nil {
			return nil, fault.Field("passwordPayload")
		}
		r.Username, r.Email, password = value(p.Username), value(p.Email), p.Password
	} else {
		p := in.PassCodePayload
		if p == nil {
			return nil, fault.Field("passCodePayload")
		}
		r.Email, r.Phone, r.PhoneCountryCode, r.Passcode = value(p.Email), value(p.Phone), value(p.PhoneCountryCode), p.PassCode
	}
	if r.Password, err = a.plain(ctx, in.Options.PasswordEncryptType, password); err != nil {
		return nil, err
	}
	u, err := a.Signin.Register(ctx, app, r)
	if err != nil {
		return nil, err
	}
	return a.viewUser(ctx, u, with{})
}
