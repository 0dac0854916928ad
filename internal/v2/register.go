package v2

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// registerProfile is what somebody says of themselves when they register. Everything else of a user is not theirs to say.
type registerProfile struct {
	Phone             *string    `json:"phone"`
	PhoneCountryCode  *string    `json:"phoneCountryCode"`
	Email             *string    `json:"email"`
	Username          *string    `json:"username"`
	Nickname          *string    `json:"nickname"`
	Company           *string    `json:"company"`
	Photo             *string    `json:"photo"`
	Device            *string    `json:"device"`
	Browser           *string    `json:"browser"`
	Name              *string    `json:"name"`
	GivenName         *string    `json:"givenName"`
	FamilyName        *string    `json:"familyName"`
	MiddleName        *string    `json:"middleName"`
	Profile           *string    `json:"profile"`
	PreferredUsername *string    `json:"preferredUsername"`
	Website           *string    `json:"website"`
	Gender            *string    `json:"gender"`
	Birthdate         *string    `json:"birthdate"`
	Zoneinfo          *string    `json:"zoneinfo"`
	Locale            *string    `json:"locale"`
	Address           *string    `json:"address"`
	Formatted         *string    `json:"formatted"`
	StreetAddress     *string    `json:"streetAddress"`
	Locality          *string    `json:"locality"`
	Region            *string    `json:"region"`
	PostalCode        *string    `json:"postalCode"`
	City              *string    `json:"city"`
	Province          *string    `json:"province"`
	Country           *string    `json:"country"`
	UDF               []keyValue `json:"udf"`
}

func (p *registerProfile) fields() directory.UserInput {
	return directory.UserInput{
		Phone: p.Phone, PhoneCountryCode: p.PhoneCountryCode, Email: p.Email, Username: p.Username, Nickname: p.Nickname, Company: p.Company,
		Photo: p.Photo, Device: p.Device, Browser: p.Browser, Name: p.Name, GivenName: p.GivenName, FamilyName: p.FamilyName,
		MiddleName: p.MiddleName, Profile: p.Profile, PreferredUsername: p.PreferredUsername, Website: p.Website, Gender: p.Gender,
		Birthdate: p.Birthdate, Zoneinfo: p.Zoneinfo, Locale: p.Locale, Address: p.Address, Formatted: p.Formatted, StreetAddress: p.StreetAddress,
		Locality: p.Locality, Region: p.Region, PostalCode: p.PostalCode, City: p.City, Province: p.Province, Country: p.Country,
	}
}

// registration is what somebody registers with, on either half of the wire.
type registration struct {
	Username, Email, Phone, PhoneCountryCode string
	Field, Account                           string // of a custom field
	Password                                 string // encrypted
	Code                                     string
	Profile                                  *registerProfile
	Params                                   string                    // custom values: a JSON list of {key, value}
	CustomData                               map[string]jsontext.Value // custom values, as they are
	EmailToken, PhoneToken                   string
	Agreements                               []int64
	ForceLogin, GenerateToken                bool
}

// newAccount makes an account. The user comes with a token if the call asks for one and nothing else is wanted of them first; with
// forceLogin their browser is signed in, too.
func (a *API) newAccount(ctx context.Context, in registration, d detail) (*user, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	r := signin.Registration{Username: in.Username, Email: in.Email, Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode, Field: in.Field,
		Account: in.Account, Passcode: in.Code, EmailProof: in.EmailToken, PhoneProof: in.PhoneToken, Agreements: in.Agreements}
	if in.Password != "" {
		if r.Password, err = a.decrypted(ctx, app.PoolID, in.Password); err != nil {
			return nil, err
		}
	}
	if r.Custom, err = customParams(in.Params); err != nil {
		return nil, err
	}
	put := func(key string, v jsontext.Value) {
		if r.Custom == nil {
			r.Custom = map[string]jsontext.Value{}
		}
		r.Custom[key] = v
	}
	for key, v := range in.CustomData {
		put(key, v)
	}
	if p := in.Profile; p != nil {
		r.Profile = p.fields()
		for i := range p.UDF {
			v, err := p.UDF[i].json()
			if err != nil {
				return nil, err
			}
			put(p.UDF[i].Key, v)
		}
	}
	u, err := a.signin.Register(ctx, app, r)
	if err != nil {
		return nil, err
	}
	if !in.ForceLogin && !in.GenerateToken {
		return a.showOne(ctx, u, d)
	}
	amr := signin.AMRPassword
	switch {
	case in.Code != "" && in.Email != "":
		amr = signin.AMREmail
	case in.Code != "":
		amr = signin.AMRSMS
	}
	proof := signin.Proof{AMR: []string{amr}}
	if in.ForceLogin {
		proof.Cookie = browser.From(ctx).Session(app.PoolID)
	}
	out, err := a.signin.Establish(ctx, app, u, proof)
	if fault.KindOf(err) == fault.Forbidden || err == nil && out.Step != nil {
		return a.showOne(ctx, u, d) // the account is there; getting in is another matter
	}
	if err != nil {
		return nil, err
	}
	if in.ForceLogin {
		return a.entered(ctx, app, out, d)
	}
	t, err := a.signin.V2Token(ctx, app, out.Session, out.User)
	if err != nil {
		return nil, err
	}
	v, err := a.showOne(ctx, out.User, d)
	if err == nil {
		v.Token, v.TokenExpiredAt = &t.Text, timeText(t.ExpiresAt*1000)
	}
	return v, err
}

// registerInput is the inputs of the roots registerBy…: the schema says which of the names each has.
type registerInput struct {
	Input struct {
		Username         string           `json:"username"`
		Email            string           `json:"email"`
		Phone            string           `json:"phone"`
		PhoneCountryCode string           `json:"phoneCountryCode"`
		Code             string           `json:"code"`
		Password         string           `json:"password"`
		Profile          *registerProfile `json:"profile"`
		ForceLogin       bool             `json:"forceLogin"`
		GenerateToken    bool             `json:"generateToken"`
		Params           string           `json:"params"`
		PhoneToken       string           `json:"phoneToken"`
		EmailToken       string           `json:"emailToken"`
	} `json:"input"`
}

func (a *API) registerBy(ctx context.Context, in *registerInput) (*user, error) {
	i := in.Input
	if i.Phone != "" && i.Code == "" {
		return nil, fault.Field("code")
	}
	return a.newAccount(ctx, registration{Username: i.Username, Email: i.Email, Phone: i.Phone, PhoneCountryCode: i.PhoneCountryCode, Code: i.Code,
		Password: i.Password, Profile: i.Profile, ForceLogin: i.ForceLogin, GenerateToken: i.GenerateToken, Params: i.Params,
		PhoneToken: i.PhoneToken, EmailToken: i.EmailToken}, selected(ctx))
}

// registerBody is the body of the REST calls register….
type registerBody struct {
	Registration     string                    `path:"registration"`
	Account          string                    `json:"account" rule:"len=512"`
	Username         string                    `json:"username" rule:"len=512"`
	Email            string                    `json:"email" rule:"len=512"`
	Phone            string                    `json:"phone" rule:"len=64"`
	PhoneCountryCode string                    `json:"phoneCountryCode"`
	Code             string                    `json:"code"`
	Password         string                    `json:"password"`
	Profile          *registerProfile          `json:"profile"`
	ForceLogin       bool                      `json:"forceLogin" rule:"default=false"`
	GenerateToken    bool                      `json:"generateToken" rule:"default=false"`
	Params           jsontext.Value            `json:"params"` // text that is a list of {key, value}, or the list
	CustomData       map[string]jsontext.Value `json:"customData"`
	PhoneToken       string                    `json:"phoneToken"`
	EmailToken       string                    `json:"emailToken"`
	AgreementIDs     []int64                   `json:"agreementIds"`
	WithCustomData   bool                      `json:"withCustomData" rule:"default=false"`
}

// registerREST is register-email, register-phone-code, register-email-code and its other spelling, register-username,
// register-phone and register-<custom field>.
func (a *API) registerREST(ctx context.Context, in *registerBody) (*user, error) {
	r := registration{PhoneCountryCode: in.PhoneCountryCode, Password: in.Password, Profile: in.Profile, CustomData: in.CustomData,
		EmailToken: in.EmailToken, PhoneToken: in.PhoneToken, Agreements: in.AgreementIDs, ForceLogin: in.ForceLogin, GenerateToken: in.GenerateToken}
	if r.Agreements == nil {
		r.Agreements = []int64{} // the wire has the word: none was accepted
	}
	var err error
	if r.Params, err = paramsText(in.Params); err != nil {
		return nil, err
	}
	by, ok := strings.CutPrefix(in.Registration, "register-")
	if !ok {
		return nil, errRouteNotFound
	}
	account := func(named string) string {
		if named == "" {
			return in.Account
		}
		return named
	}
	switch by {
	case "email":
		r.Email = account(in.Email)
	case "email-code":
		r.Email, r.Code = account(in.Email), in.Code
	case "phone-code":
		r.Phone, r.Code = account(in.Phone), in.Code
	case "phone":
		r.Phone = account(in.Phone)
	case "username":
		r.Username = account(in.Username)
	case "":
		return nil, errRouteNotFound
	default:
		r.Field, r.Account = by, in.Account
	}
	if strings.HasSuffix(by, "-code") && in.Code == "" {
		return nil, fault.Field("code")
	}
	if !strings.HasSuffix(by, "-code") && in.Password == "" {
		return nil, fault.Field("password")
	}
	return a.newAccount(ctx, r, withCustomData(in.WithCustomData))
}

func (a *API) registerEmailCode(ctx context.Context, in *registerBody) (*user, error) {
	in.Registration = "register-email-code"
	return a.registerREST(ctx, in)
}

// paramsText is custom values as text: clients send the list itself, or the list written as text.
func paramsText(v jsontext.Value) (string, error) {
	switch v.Kind() {
	case '"':
		b, err := jsontext.AppendUnquote(nil, v)
		return string(b), err
	case '[':
		return string(v), nil
	case 'n', 0:
		return "", nil
	}
	return "", fault.Field("params")
}
