package v3

import (
	"context"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// signinOperations are the domains login, signup and public-info of the authentication client, as far as they are no other file's.
func (a *API) signinOperations() []op.Op {
	return []op.Op{
		op.Post("/api/v3/signin", "signInByCredentials", op.Anyone, a.signInByCredentials),
		op.Post("/api/v3/signup", "signUp", op.Anyone, a.signUp),
	}
}

type passwordPayload struct {
	Password string  `json:"password" rule:"required"`
	Account  *string `json:"account"`
	Email    *string `json:"email"`
	Username *string `json:"username"`
	Phone    *string `json:"phone"`
}

type passCodePayload struct {
	PassCode         string  `json:"passCode" rule:"required"`
	Email            *string `json:"email"`
	Phone            *string `json:"phone"`
	PhoneCountryCode *string `json:"phoneCountryCode"`
}

type signInOptions struct {
	Scope               *string `json:"scope"`
	ClientIP            *string `json:"clientIp"`
	AutoRegister        bool    `json:"autoRegister"`
	CaptchaCode         *string `json:"captchaCode"`
	CaptchaToken        *string `json:"captchaToken"`
	PasswordEncryptType string  `json:"passwordEncryptType" rule:"enum=sm2|rsa|none,default=none"`
}

type signInRequest struct {
	Connection      string           `json:"connection" rule:"required,enum=PASSWORD|PASSCODE|LDAP|AD"`
	PasswordPayload *passwordPayload `json:"passwordPayload"`
	PassCodePayload *passCodePayload `json:"passCodePayload"`
	ADPayload       jsontext.Value   `json:"adPayload"`
	LDAPPayload     jsontext.Value   `json:"ldapPayload"`
	Options         signInOptions    `json:"options"`
	ClientID        *string          `json:"client_id"`
	ClientSecret    *string          `json:"client_secret"`
}

// tokenSet is LoginTokenResponseDataDto: the life of the access token is called expire_in here.
type tokenSet struct {
	Scope        string `json:"scope"`
	AccessToken  string `json:"access_token"`
	IDToken      string `json:"id_token,omitzero"`
	RefreshToken string `json:"refresh_token,omitzero"`
	TokenType    string `json:"token_type"`
	ExpireIn     int64  `json:"expire_in"`
}

// defaultScope is what who asks for no scope is given: the user's own names, and no refresh token.
const defaultScope = "openid profile username email phone"

var (
	errDecrypt       = fault.New(fault.Refused, "password_not_decrypted")
	errSecretMissing = fault.New(fault.Unauthenticated, "client_secret_missing")
)

// signInByCredentials signs a user in with what the application has asked them for. On this wire it has no further steps: where a second
// factor is wanted, only an application that has shown its secret goes on without; the others are told which sign-in is pending.
func (a *API) signInByCredentials(ctx context.Context, in *signInRequest) (*tokenSet, error) {
	if in.Connection == "PASSWORD" {
		if err := a.Directory.PasswordsBusy(); err != nil {
			return nil, err // before anything that costs
		}
	}
	ctx, app, err := a.client(ctx, in.ClientID, in.ClientSecret, in.Options.ClientIP)
	if err != nil {
		return nil, err
	}
	attempt := signin.Attempt{Direct: true, Trusted: caller.From(ctx).AppProven, AutoRegister: in.Options.AutoRegister,
		Captcha: signin.Captcha{Token: value(in.Options.CaptchaToken), Code: value(in.Options.CaptchaCode)}}
	switch {
	case in.Connection == "LDAP" || in.Connection == "AD":
		return nil, fault.New(fault.Unsupported, "operation_unsupported", "signInBy"+in.Connection)
	case in.Connection == "PASSWORD" && in.PasswordPayload == nil:
		return nil, fault.Field("passwordPayload")
	case in.Connection == "PASSCODE" && in.PassCodePayload == nil:
		return nil, fault.Field("passCodePayload")
	case in.Connection == "PASSWORD":
		p := in.PasswordPayload
		attempt.Method = signin.ByPassword
		attempt.Account, attempt.Email, attempt.Username, attempt.Phone = value(p.Account), value(p.Email), value(p.Username), value(p.Phone)
		if attempt.Password, err = a.plain(ctx, in.Options.PasswordEncryptType, p.Password); err != nil {
			return nil, err
		}
	default:
		p := in.PassCodePayload
		attempt.Method = signin.ByPasscode
		attempt.Email, attempt.Phone, attempt.PhoneCountryCode, attempt.Passcode = value(p.Email), value(p.Phone), value(p.PhoneCountryCode), p.PassCode
	}
	out, err := a.Signin.SignIn(ctx, app, attempt)
	if err != nil {
		return nil, err
	}
	if out.Step != nil {
		return nil, pending(out.Step)
	}
	scope := strings.Fields(value(in.Options.Scope))
	if len(scope) == 0 {
		scope = strings.Fields(defaultScope)
	}
	set, err := a.Signin.IssueTokens(ctx, signin.TokenOrder{App: app, User: out.User, Session: out.Session, Scope: scope, Refresh: true})
	if err != nil {
		return nil, err
	}
	return viewTokens(set), nil
}

func viewTokens(set *signin.TokenSet) *tokenSet {
	return &tokenSet{Scope: strings.Join(set.Scope, " "), AccessToken: set.Access, IDToken: set.ID, RefreshToken: set.Refresh, TokenType: "Bearer", ExpireIn: set.ExpiresIn}
}

// client is the application that signs its users in, which has shown the secret it must show, and ctx as that of its request: who has shown
// a secret may say where its user sits.
func (a *API) client(ctx context.Context, id, secret, clientIP *string) (context.Context, *signin.Application, error) {
	c := *caller.From(ctx)
	if value(secret) != "" || value(id) != "" && c.AppID == "" {
		if id == nil {
			id = &c.AppID
		}
		if err := a.enter(ctx, &c, *id, value(secret), value(secret) != ""); err != nil {
			return ctx, nil, err
		}
	}
	if value(id) != "" && *id != c.AppID {
		return ctx, nil, signin.ErrClientWrong // one client in the body, another in the header
	}
	if c.AppProven && value(clientIP) != "" {
		c.ClientIP = *clientIP
	}
	ctx = caller.With(ctx, &c)
	app, err := a.app(ctx)
	if err == nil && !c.AppProven && !app.Public() {
		err = errSecretMissing
	}
	return ctx, app, err
}

// plain is a password as the user has typed it.
func (a *API) plain(ctx context.Context, encryption, text string) (string, error) {
	if encryption == "" || encryption == "none" {
		return text, nil
	}
	plain, err := a.Directory.Decrypt(ctx, poolOf(ctx), encryption, text)
	if fault.KindOf(err) == fault.Invalid {
		err = errDecrypt.Because(err)
	}
	return plain, err
}

// stepRefusal is a sign-in that wants a step that the wire has no place for, with what names it.
type stepRefusal struct {
	err  *fault.Error
	data any
}

func (r *stepRefusal) Error() string { return r.err.Error() }
func (r *stepRefusal) Unwrap() error { return r.err }

// The refusals of a sign-in that wants a step.
var (
	errStepMFA      = fault.New(fault.Forbidden, "step_mfa")
	errStepMFAByApp = fault.New(fault.Forbidden, "step_mfa_by_app")
	errStep         = fault.New(fault.Forbidden, "step_wanted")
)

// pending is the refusal of a sign-in that wants a step.
func pending(s *signin.Step) error {
	data := map[string]any{"mfaToken": s.Handle}
	if s.Kind != signin.StepMFA {
		return &stepRefusal{errStep, data}
	}
	factors := make([]map[string]any, len(s.Factors))
	for i, f := range s.Factors {
		status := 0
		if f.Enrolled {
			status = 1
		}
		factors[i] = map[string]any{"mfaPolicy": string(f.Type), "status": status, "sort": i}
	}
	data["applicationMfa"] = factors
	if s.ByApp {
		return &stepRefusal{errStepMFAByApp, data}
	}
	return &stepRefusal{errStepMFA, data}
}

// dataOf is what a refusal says beside its text, nil for most.
func dataOf(err error) any {
	var r *stepRefusal
	if errors.As(err, &r) {
		return r.data
	}
	return nil
}
