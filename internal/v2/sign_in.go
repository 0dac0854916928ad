package v2

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// The steps that may follow on a first factor, as refusals: on this wire a sign-in that is not done has failed for now, with the
// number of what is wanted.
var (
	errStepMFA         = fault.New(fault.Unauthenticated, "step_mfa")
	errStepMFAByApp    = fault.New(fault.Unauthenticated, "step_mfa_by_app")
	errStepFirstReset  = fault.New(fault.Unauthenticated, "step_first_reset")
	errStepForcedReset = fault.New(fault.Unauthenticated, "step_forced_reset")
	errStepComplete    = fault.New(fault.Unauthenticated, "step_complete")
)

// statusStep is the statusCode of an answer that changes the view: clients look at its first digit.
const statusStep = 302

// detail of the user that a REST call answers.
func withCustomData(yes bool) detail { return detail{customData: yes, identities: true} }

// entered answers whoever came through the door of an application: the user with their token, and the session's cookie for the
// browser; or, as a refusal, what is wanted next.
func (a *API) entered(ctx context.Context, app *signin.Application, out *signin.Outcome, d detail) (*user, error) {
	if out.Step != nil {
		return nil, a.stepWanted(app, out.Step)
	}
	if err := a.keepSession(ctx, app, out); err != nil {
		return nil, err
	}
	t, err := a.signin.V2Token(ctx, app, out.Session, out.User)
	if err != nil {
		return nil, err
	}
	v, err := a.showOne(ctx, out.User, d)
	if err != nil {
		return nil, err
	}
	v.Token, v.TokenExpiredAt = &t.Text, timeText(t.ExpiresAt*1000)
	if out.New {
		v.NewlyCreated = &out.New
	}
	return v, nil
}

// keepSession gives the browser the cookie of a new session.
func (a *API) keepSession(ctx context.Context, app *signin.Application, out *signin.Outcome) error {
	policy, err := a.signin.Policy(ctx, app)
	if err != nil {
		return err
	}
	browser.From(ctx).SetSession(out.Session, out.Cookie, policy.CookieLife != 0)
	return nil
}

// mfaChallenge is what a sign-in that wants a second factor tells (types.mfaChallenge of the contract). Addresses are whole: whoever
// reads them has shown the first factor, and clients send them back to have codes sent there.
type mfaChallenge struct {
	MFAToken            string          `json:"mfaToken"`
	TOTPEnabled         bool            `json:"totpMfaEnabled"`
	FaceEnabled         bool            `json:"faceMfaEnabled"`
	PasskeyEnabled      bool            `json:"passkeyEnabled"`
	Factors             []offeredFactor `json:"applicationMfa"`
	Email               *string         `json:"email"`
	Phone               *string         `json:"phone"`
	PhoneCountryCode    *string         `json:"phoneCountryCode"`
	MFAEmail            *string         `json:"mfaEmail"`
	MFAPhone            *string         `json:"mfaPhone"`
	MFAPhoneCountryCode *string         `json:"mfaPhoneCountryCode"`
	Username            *string         `json:"username"`
	Nickname            *string         `json:"nickname"`
	Avatar              *string         `json:"avatar"`
	UserPoolID          string          `json:"userPoolId"`
	AppID               string          `json:"appId"`
}

type offeredFactor struct {
	Policy string `json:"mfaPolicy"`
	Status int    `json:"status"` // 1: it may be shown
	Sort   int    `json:"sort"`
}

// resetChallenge is what a sign-in that wants a new password tells: the token that setting it takes.
type resetChallenge struct {
	Token string  `json:"token"`
	Email *string `json:"email"`
	Phone *string `json:"phone"`
}

// completionChallenge is what a sign-in that wants fields of the user tells.
type completionChallenge struct {
	Token  string       `json:"token"`
	Fields []askedField `json:"extendsFields"`
	Skip   bool         `json:"skip"`
}

type askedField struct {
	Name     string `json:"name"`
	Type     string `json:"type"` // internal | user
	Required bool   `json:"required"`
}

// stepWanted is the refusal that asks for a step. The handle of the pending sign-in names it in every client's way.
func (a *API) stepWanted(app *signin.Application, step *signin.Step) error {
	d := &detailed{status: statusStep, flow: step.Handle}
	u := step.User
	switch step.Kind {
	case signin.StepMFA:
		d.error = errStepMFA
		if step.ByApp {
			d.error = errStepMFAByApp
		}
		c := mfaChallenge{MFAToken: step.Handle, Factors: []offeredFactor{}, Email: text(&u.Email), Phone: text(&u.Phone),
			PhoneCountryCode: text(&u.PhoneCountryCode), Username: text(&u.Username), Nickname: text(&u.Nickname), Avatar: text(&u.Photo),
			UserPoolID: u.PoolID, AppID: app.ID}
		for i := range step.Factors {
			f := &step.Factors[i]
			known := slices.ContainsFunc(c.Factors, func(o offeredFactor) bool { return o.Policy == string(f.Type) })
			if !known {
				c.Factors = append(c.Factors, offeredFactor{string(f.Type), 1, f.Sort})
			}
			if !f.Enrolled {
				continue
			}
			switch f.Type {
			case signin.FactorOTP:
				c.TOTPEnabled = true
			case signin.FactorPasskey:
				c.PasskeyEnabled = true
			case signin.FactorEmail:
				c.MFAEmail = text(&f.Email)
			case signin.FactorSMS:
				c.MFAPhone, c.MFAPhoneCountryCode = text(&f.Phone), text(&f.PhoneCountryCode)
			}
		}
		d.data = c
	case signin.StepFirstReset, signin.StepForcedReset:
		d.error = errStepFirstReset
		if step.Kind == signin.StepForcedReset {
			d.error = errStepForcedReset
		}
		d.data = resetChallenge{step.Handle, text(&u.Email), text(&u.Phone)}
	default:
		d.error = errStepComplete
		c := completionChallenge{Token: step.Handle, Fields: []askedField{}, Skip: step.MaySkip}
		for _, f := range step.Missing {
			kind := "internal"
			if f.Custom {
				kind = "user"
			}
			c.Fields = append(c.Fields, askedField{f.Name, kind, f.Required})
		}
		d.data = c
	}
	return d
}

type triesLeft struct {
	RemainCount int `json:"remainCount"`
}

// refusedEntry adds to a refusal at the door what clients show beside it.
func refusedEntry(err error) error {
	if e := fault.As(err); e != nil && errors.Is(e, signin.ErrPasswordWrong) && len(e.Args) > 0 {
		if left, bad := strconv.Atoi(e.Args[0]); bad == nil {
			return &detailed{error: err, data: triesLeft{left}}
		}
	}
	return err
}

// decrypted opens a password as clients send it: encrypted to the pool's RSA key or, with a prefix, to its SM2 key.
func (a *API) decrypted(ctx context.Context, poolID, text string) (string, error) {
	by := "rsa"
	if strings.HasPrefix(text, "sm2:") {
		by = "sm2"
	}
	return a.dir.Decrypt(ctx, poolID, by, text)
}

// credentials are what somebody signs in with, on either half of the wire. One way of naming the user is given.
type credentials struct {
	Account, Username, Email, Phone, PhoneCountryCode string
	Password                                          string // encrypted
	Code                                              string // of a passcode, where there is no password
	CaptchaCode                                       string
	AutoRegister                                      bool
	Agreements                                        []int64 // nil where the client shows none
}

// signIn is every first factor of this wire.
func (a *API) signIn(ctx context.Context, in credentials, d detail) (*user, error) {
	if in.Password != "" {
		if err := a.dir.PasswordsBusy(); err != nil {
			return nil, err // before anything that costs: opening the password is dear
		}
	}
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	b := browser.From(ctx)
	try := signin.Attempt{Method: signin.ByPasscode, Account: in.Account, Username: in.Username, Email: in.Email, Phone: in.Phone,
		PhoneCountryCode: in.PhoneCountryCode, Passcode: in.Code, AutoRegister: in.AutoRegister, Agreements: in.Agreements, Cookie: b.Session(app.PoolID),
		DeviceToken: b.Value(deviceCookie(app.PoolID)), Captcha: signin.Captcha{Token: b.Value(captchaCookie), Code: in.CaptchaCode}}
	if in.Password != "" || in.Code == "" {
		try.Method = signin.ByPassword
		if try.Password, err = a.decrypted(ctx, app.PoolID, in.Password); err != nil {
			return nil, err
		}
	}
	out, err := a.signin.SignInOrRegister(ctx, app, try)
	if err != nil {
		if errors.Is(err, signin.ErrCaptchaNeeded) {
			b.Set(captchaPool, app.PoolID, untilClosed)
		}
		return nil, refusedEntry(err)
	}
	return a.entered(ctx, app, out, d)
}

// loginInput is the inputs of the roots loginBy….
type loginInput struct {
	Input struct {
		Email            string `json:"email"`
		Username         string `json:"username"`
		Phone            string `json:"phone"`
		PhoneCountryCode string `json:"phoneCountryCode"`
		Password         string `json:"password"`
		Code             string `json:"code"`
		CaptchaCode      string `json:"captchaCode"`
		AutoRegister     bool   `json:"autoRegister"`
	} `json:"input"`
}

// loginByPassword is loginByEmail, loginByUsername and loginByPhonePassword: the schema says which of the names each has.
func (a *API) loginByPassword(ctx context.Context, in *loginInput) (*user, error) {
	i := in.Input
	if i.Password == "" {
		return nil, fault.Field("password")
	}
	return a.signIn(ctx, credentials{Email: i.Email, Username: i.Username, Phone: i.Phone, PhoneCountryCode: i.PhoneCountryCode, Password: i.Password,
		CaptchaCode: i.CaptchaCode, AutoRegister: i.AutoRegister}, selected(ctx))
}

func (a *API) loginByPhoneCode(ctx context.Context, in *loginInput) (*user, error) {
	i := in.Input
	if i.Code == "" {
		return nil, fault.Field("code")
	}
	return a.signIn(ctx, credentials{Phone: i.Phone, PhoneCountryCode: i.PhoneCountryCode, Code: i.Code, AutoRegister: i.AutoRegister}, selected(ctx))
}

type subAccountInput struct {
	Account     string `json:"account"`
	Password    string `json:"password"`
	CaptchaCode string `json:"captchaCode"`
}

// loginBySubAccount signs in by any of the user's names. Sub-accounts of their own kind, which the vendor had, there are none.
func (a *API) loginBySubAccount(ctx context.Context, in *subAccountInput) (*user, error) {
	return a.signIn(ctx, credentials{Account: in.Account, Password: in.Password, CaptchaCode: in.CaptchaCode}, selected(ctx))
}

// loginAccountInput is the body of login/account.
type loginAccountInput struct {
	Account        string  `json:"account" rule:"required,len=512"`
	Password       string  `json:"password" rule:"required"`
	CaptchaCode    string  `json:"captchaCode"`
	AutoRegister   bool    `json:"autoRegister" rule:"default=false"`
	WithCustomData bool    `json:"withCustomData" rule:"default=false"`
	AgreementIDs   []int64 `json:"agreementIds" rule:"items=100"`
}

func (a *API) loginAccount(ctx context.Context, in *loginAccountInput) (*user, error) {
	return a.signIn(ctx, credentials{Account: in.Account, Password: in.Password, CaptchaCode: in.CaptchaCode, AutoRegister: in.AutoRegister,
		Agreements: in.AgreementIDs}, withCustomData(in.WithCustomData))
}

// loginCodeInput is the body of login/email-code and login/phone-code.
type loginCodeInput struct {
	Email            string  `json:"email" rule:"len=512"`
	Phone            string  `json:"phone" rule:"len=64"`
	PhoneCountryCode string  `json:"phoneCountryCode"`
	Code             string  `json:"code" rule:"required"`
	AutoRegister     bool    `json:"autoRegister" rule:"default=false"`
	WithCustomData   bool    `json:"withCustomData" rule:"default=false"`
	AgreementIDs     []int64 `json:"agreementIds" rule:"items=100"`
}

func (a *API) loginEmailCode(ctx context.Context, in *loginCodeInput) (*user, error) {
	return a.signIn(ctx, credentials{Email: in.Email, Code: in.Code, AutoRegister: in.AutoRegister, Agreements: in.AgreementIDs}, withCustomData(in.WithCustomData))
}

func (a *API) loginPhoneCode(ctx context.Context, in *loginCodeInput) (*user, error) {
	return a.signIn(ctx, credentials{Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode, Code: in.Code, AutoRegister: in.AutoRegister,
		Agreements: in.AgreementIDs}, withCustomData(in.WithCustomData))
}

// captchaCookie ties a picture to the browser that asked for it.
const captchaCookie = "guildhall-captcha"

// deviceCookie holds the token of a browser that has shown a second factor to the pool.
func deviceCookie(poolID string) string { return "guildhall-device-" + poolID }

// untilClosed is how long a cookie lasts that goes with the browser.
var untilClosed time.Time

type noInput struct{}

// showSelf is what a signed-in user's call answers about themselves: clients keep the token that it holds in place of the one they have.
func (a *API) showSelf(ctx context.Context, u *directory.User, d detail) (*user, error) {
	v, err := a.showOne(ctx, u, d)
	if token := bearingOf(ctx).token; err == nil && token != "" {
		v.Token = &token
	}
	return v, err
}
