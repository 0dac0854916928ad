package v2

import (
	"context"
	"errors"
	"time"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Most of these calls are open to anyone: they bring the token of a pending sign-in, which proves a first factor and no more, or that of a
// user who is signed in.
func (a *API) mfaOperations() []op.Op {
	anyone, key := op.Anyone, op.ManagementKey
	return []op.Op{
		op.Get("/api/v2/mfa/authenticator", "getMfaAuthenticators", anyone, a.mfaAuthenticators),
		op.Post("/api/v2/mfa/totp/associate", "assosicateMfaAuthenticator", anyone, a.associateTOTP),
		op.Delete("/api/v2/mfa/totp/associate", "deleteMfaAuthenticator", op.SignedInUser, a.dissociateTOTP),
		op.Post("/api/v2/mfa/totp/associate/confirm", "confirmAssosicateMfaAuthenticator", anyone, a.confirmTOTP),
		op.Post("/api/v2/mfa/totp/verify", "verifyTotpMfa", anyone, a.verifyTOTP),
		op.Post("/api/v2/mfa/totp/recovery", "verifyTotpRecoveryCode", anyone, a.recoverTOTP),
		op.Post("/api/v2/mfa/totp/import", "importTotp", key, a.importTOTP),
		op.Post("/api/v2/mfa/face/associate", "associateFaceByUrl", anyone, a.noFace),
		op.Post("/api/v2/mfa/face/verify", "verifyFaceMfa", anyone, a.noFace),
		op.Post("/api/v2/applications/mfa/totp/verify", "verifyTotpMfa", anyone, a.verifyTOTP),
		op.Post("/api/v2/applications/mfa/sms/verify", "verifyAppSmsMfa", anyone, a.verifySMS),
		op.Post("/api/v2/applications/mfa/email/verify", "verifyAppEmailMfa", anyone, a.verifyEmailFactor),
		op.Post("/api/v2/applications/mfa/face/verify", "verifyFaceMfa", anyone, a.noFace),
		op.Query("/api/v2/applications/mfa/check", "phoneOrEmailBindable", anyone, a.addressBindable),
		op.Get("/api/v2/users/{userId}/mfa-bound", "getStatus", key, a.mfaBound),
		op.Delete("/api/v2/users/{userId}/mfa-bound", "unAssociateMfa", key, a.unbindMFA),
		op.Post("/interaction/authFlow", "authFlow", anyone, a.authFlow),
	}
}

// errMFAToken is the answer to a token that names no pending sign-in: clients go back to the first page.
var errMFAToken = fault.New(fault.Unauthenticated, "mfa_token_invalid")

// pendingUser is the user whom a call of the second factor is about: of the pending sign-in whose token comes along, or the one who is
// signed in. handle is empty then.
func (a *API) pendingUser(ctx context.Context) (app *signin.Application, u *directory.User, handle string, err error) {
	c := caller.From(ctx)
	if c.Kind == caller.User {
		if err := op.SignedInUser(c); err != nil {
			return nil, nil, "", err
		}
		if u, err = a.dir.User(ctx, c.PoolID, directory.ByID(c.UserID)); err != nil {
			return nil, nil, "", err
		}
		app, err = a.applicationMeant(ctx, c)
		return app, u, "", err
	}
	handle = bearingOf(ctx).token
	if handle == "" {
		return nil, nil, "", errNotLoggedIn
	}
	f, _, err := a.signin.FactorFlow(ctx, handle)
	if errors.Is(err, signin.ErrFlowGone) {
		return nil, nil, "", errMFAToken
	}
	if err != nil {
		return nil, nil, "", err
	}
	return f.App, f.User, handle, nil
}

// flowToken is the token of a pending sign-in that comes along.
func flowToken(ctx context.Context) (string, error) {
	if token := bearingOf(ctx).token; token != "" {
		return token, nil
	}
	return "", errNotLoggedIn
}

// within is ctx as a call at the door of an application, for the log: the token of a pending sign-in names it, not the headers.
func within(ctx context.Context, app *signin.Application) context.Context {
	c := *caller.From(ctx)
	c.PoolID, c.AppID = app.PoolID, app.ID
	return caller.With(ctx, &c)
}

// flowError words the end of a pending sign-in for the calls that bring its token.
func flowError(err error) error {
	if errors.Is(err, signin.ErrFlowGone) {
		return errMFAToken.Because(err)
	}
	return err
}

// mfaAuthenticator is IMfaAuthenticator. The secret is shown once, when it is made, and never again.
type mfaAuthenticator struct {
	ID                string `json:"id"`
	CreatedAt         string `json:"createdAt"`
	UpdatedAt         string `json:"updatedAt"`
	UserID            string `json:"userId"`
	Enable            bool   `json:"enable"`
	Secret            string `json:"secret"`
	AuthenticatorType string `json:"authenticatorType"`
	RecoveryCode      string `json:"recoveryCode"`
}

const totpType = "totp"

func (a *API) mfaAuthenticators(ctx context.Context, _ *noInput) ([]mfaAuthenticator, error) {
	_, u, _, err := a.pendingUser(ctx)
	if err != nil {
		return nil, err
	}
	factors, err := a.signin.Factors(ctx, u.PoolID, u.ID)
	list := []mfaAuthenticator{}
	for _, f := range factors {
		if f.Type == signin.FactorOTP {
			at := isoTime(f.CreatedAt)
			list = append(list, mfaAuthenticator{ID: f.ID, CreatedAt: at, UpdatedAt: at, UserID: u.ID, Enable: true, AuthenticatorType: totpType})
		}
	}
	return list, err
}

// mfaAssociation is IMfaAssociation.
type mfaAssociation struct {
	AuthenticatorType string `json:"authenticator_type"`
	Secret            string `json:"secret"`
	QRCodeURI         string `json:"qrcode_uri"`
	QRCodeDataURL     string `json:"qrcode_data_url"`
	RecoveryCode      string `json:"recovery_code"`
}

type associateInput struct {
	Type string `json:"authenticator_type" rule:"default=totp,enum=totp"`
}

func (a *API) associateTOTP(ctx context.Context, _ *associateInput) (*mfaAssociation, error) {
	app, u, handle, err := a.pendingUser(ctx)
	if err != nil {
		return nil, err
	}
	var e *signin.OTPEnrolment
	if handle != "" {
		e, err = a.signin.StartOTPInFlow(ctx, handle)
	} else {
		e, err = a.signin.StartOTP(ctx, app, u)
	}
	if err != nil {
		return nil, flowError(err)
	}
	return &mfaAssociation{totpType, e.Secret, e.URI, e.QRCode, e.RecoveryCode}, nil
}

func (a *API) dissociateTOTP(ctx context.Context, _ *noInput) (struct{}, error) {
	c := caller.From(ctx)
	return struct{}{}, a.signin.DropOTP(ctx, c.PoolID, c.UserID)
}

type totpInput struct {
	TOTP string `json:"totp"`
}

// confirmTOTP binds what associateTOTP has made. For a pending sign-in that is its second factor, and the user comes back with their
// token: the client has shown the recovery code before.
func (a *API) confirmTOTP(ctx context.Context, in *totpInput) (any, error) {
	_, u, handle, err := a.pendingUser(ctx)
	if err != nil {
		return nil, err
	}
	if handle == "" {
		_, err := a.signin.ConfirmOTP(ctx, u.PoolID, u.ID, in.TOTP)
		return struct{}{}, err
	}
	if _, err := a.signin.ConfirmOTPInFlow(ctx, handle, in.TOTP); err != nil {
		return nil, flowError(err)
	}
	return a.factorDone(ctx)(a.signin.FactorRead(ctx, handle, false))
}

// factorDone answers a second factor as a sign-in is answered.
func (a *API) factorDone(ctx context.Context) func(*signin.FactorOutcome, error) (*user, error) {
	return func(out *signin.FactorOutcome, err error) (*user, error) {
		if err != nil {
			return nil, flowError(err)
		}
		a.keepDevice(ctx, out)
		return a.entered(within(ctx, out.App), out.App, out.Outcome, detail{identities: true})
	}
}

// keepDevice gives the browser the cookie of a remembered device.
func (a *API) keepDevice(ctx context.Context, out *signin.FactorOutcome) {
	if out.Device != "" {
		browser.From(ctx).Set(deviceCookie(out.App.PoolID), out.Device, time.UnixMilli(a.db.Now()).Add(out.DeviceLife))
	}
}

func (a *API) verifyTOTP(ctx context.Context, in *totpInput) (*user, error) {
	handle, err := flowToken(ctx)
	if err != nil {
		return nil, err
	}
	return a.factorDone(ctx)(a.signin.ProveFactor(ctx, handle, signin.FactorProof{Type: signin.FactorOTP, Code: in.TOTP}))
}

type addressCodeInput struct {
	Email            string `json:"email"`
	Phone            string `json:"phone"`
	PhoneCountryCode string `json:"phoneCountryCode"`
	Code             string `json:"code"`
}

func (in *addressCodeInput) proof(t signin.FactorType) signin.FactorProof {
	p := signin.FactorProof{Type: t, Code: in.Code}
	if t == signin.FactorEmail {
		p.To.Email = in.Email
	} else {
		p.To.Phone, p.To.PhoneCountryCode = in.Phone, in.PhoneCountryCode
	}
	return p
}

func (a *API) verifySMS(ctx context.Context, in *addressCodeInput) (*user, error) {
	handle, err := flowToken(ctx)
	if err != nil {
		return nil, err
	}
	return a.factorDone(ctx)(a.signin.ProveFactor(ctx, handle, in.proof(signin.FactorSMS)))
}

func (a *API) verifyEmailFactor(ctx context.Context, in *addressCodeInput) (*user, error) {
	handle, err := flowToken(ctx)
	if err != nil {
		return nil, err
	}
	return a.factorDone(ctx)(a.signin.ProveFactor(ctx, handle, in.proof(signin.FactorEmail)))
}

type recoveryInput struct {
	RecoveryCode string `json:"recoveryCode"`
}

// recovered is the answer to a recovery code: the next one stands beside the data.
type recovered struct {
	Code         int    `json:"code"`
	StatusCode   int    `json:"statusCode"`
	Message      string `json:"message"`
	Data         *user  `json:"data"`
	RecoveryCode string `json:"recoveryCode"`
}

func (a *API) recoverTOTP(ctx context.Context, in *recoveryInput) (raw, error) {
	handle, err := flowToken(ctx)
	if err != nil {
		return nil, err
	}
	next, err := a.signin.RecoverInFlow(ctx, handle, in.RecoveryCode)
	if err != nil {
		return nil, flowError(err)
	}
	u, err := a.factorDone(ctx)(a.signin.FactorRead(ctx, handle, false))
	if err != nil {
		return nil, err
	}
	return encodeRaw(recovered{200, 200, "success", u, next})
}

// noFace refuses faces.
func (a *API) noFace(ctx context.Context, _ *noInput) (struct{}, error) {
	if _, err := flowToken(ctx); err != nil {
		return struct{}{}, err
	}
	return struct{}{}, signin.ErrFactorUnsupported
}

type bindableInput struct {
	Email string `json:"email"`
	Phone string `json:"phone"`
}

// addressBindable tells a pending sign-in whether it may bind an address: not one that another account has.
func (a *API) addressBindable(ctx context.Context, in *bindableInput) (bool, error) {
	_, u, _, err := a.pendingUser(ctx)
	if err != nil {
		return false, err
	}
	if in.Email == "" && in.Phone == "" {
		return false, fault.Field("email")
	}
	return a.signin.FactorAddressFree(ctx, u, signin.Address{Email: in.Email, Phone: in.Phone})
}

type importTOTPInput struct {
	UserID       string `json:"userId" rule:"required"`
	Secret       string `json:"secret" rule:"required,len=256"`
	RecoveryCode string `json:"recoveryCode" rule:"len=256"`
}

// importTOTP answers what it was given, as clients expect.
func (a *API) importTOTP(ctx context.Context, in *importTOTPInput) (*mfaAuthenticator, error) {
	pool := caller.From(ctx).PoolID
	err := a.dir.ImportTOTP(ctx, pool, []directory.UserTOTP{{UserID: in.UserID, TOTP: directory.TOTP{Secret: in.Secret, RecoveryCode: in.RecoveryCode}}})
	if err != nil {
		return nil, err
	}
	factors, err := a.signin.Factors(ctx, pool, in.UserID)
	if err != nil || len(factors) == 0 {
		return nil, err
	}
	at := isoTime(a.db.Now())
	return &mfaAuthenticator{ID: factors[0].ID, CreatedAt: at, UpdatedAt: at, UserID: in.UserID, Enable: true, Secret: in.Secret,
		AuthenticatorType: totpType, RecoveryCode: in.RecoveryCode}, nil
}

// mfaStatus is what a user has bound, by the client's words.
type mfaStatus struct {
	OTP  bool `json:"OTP"`
	TOTP bool `json:"TOTP"`
	FACE bool `json:"FACE"`
}

func (a *API) mfaBound(ctx context.Context, in *userPathInput) (*mfaStatus, error) {
	pool := caller.From(ctx).PoolID
	if _, err := a.dir.User(ctx, pool, directory.ByID(in.UserID)); err != nil {
		return nil, err
	}
	state, err := a.dir.MFA(ctx, pool, in.UserID)
	return &mfaStatus{OTP: state.TOTP, TOTP: state.TOTP}, err
}

type unbindInput struct {
	UserID string `path:"userId"`
	Type   string `query:"type" rule:"required,enum=OTP|TOTP|FACE"`
}

func (a *API) unbindMFA(ctx context.Context, in *unbindInput) (bool, error) {
	pool := caller.From(ctx).PoolID
	if _, err := a.dir.User(ctx, pool, directory.ByID(in.UserID)); err != nil {
		return false, err
	}
	if in.Type == string(signin.FactorFace) {
		return true, nil
	}
	return true, a.signin.DropOTP(ctx, pool, in.UserID)
}
