package v3

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// mfaOperations are the domain mfa of the authentication client, and the remembered devices, which are ours.
func (a *API) mfaOperations() []op.Op {
	user := op.SignedInUser
	return []op.Op{
		op.Post("/api/v3/send-enroll-factor-request", "sendEnrollFactorRequest", user, a.sendEnrollFactorRequest),
		op.Post("/api/v3/enroll-factor", "enrollFactor", user, a.enrollFactor),
		op.Post("/api/v3/reset-factor", "resetFactor", user, a.resetFactor),
		op.Get("/api/v3/list-enrolled-factors", "listEnrolledFactors", user, a.listEnrolledFactors),
		op.Get("/api/v3/get-factor", "getFactor", user, a.getFactor),
		op.Get("/api/v3/list-factors-to-enroll", "listFactorsToEnroll", user, a.listFactorsToEnroll),
		op.Post("/api/v3/mfa-totp-verify", "mfaOtpVerify", user, a.mfaOTPVerify),
		op.Query("/mfa/token/introspection", "verifyMfaToken", op.Anyone, a.verifyMFAToken),
		op.Post("/api/v3/webauthn/mfa-bind/initialize", "webAuthnMfaBindInitialize", op.Anyone, a.webAuthnMFABind),
		op.Post("/api/v3/webauthn/mfa-verify/initialize", "webAuthnMfaVerifyInitalize", op.Anyone, a.webAuthnMFAVerify),

		op.Get("/api/v3/x/list-remembered-devices", "listRememberedDevices", user, a.listRememberedDevices),
		op.Post("/api/v3/x/forget-remembered-device", "forgetRememberedDevice", user, a.forgetRememberedDevice),
	}
}

// shown is the text of a request's Authorization header, without the word Bearer: the token of a pending sign-in is no caller's.
type shownKey struct{}

// withShown keeps what the Authorization header shows for shownToken.
func withShown(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := strings.TrimSpace(r.Header.Get("Authorization"))
		if scheme, token, both := strings.Cut(text, " "); both {
			text = ""
			if strings.EqualFold(scheme, "Bearer") {
				text = strings.TrimSpace(token)
			}
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), shownKey{}, text)))
	})
}

// shownToken is the token that the request of ctx shows, whatever it is worth; "" when there is none.
func shownToken(ctx context.Context) string {
	text, _ := ctx.Value(shownKey{}).(string)
	return text
}

// self is the user who asks, and the application that their token was made for.
func (a *API) self(ctx context.Context) (*signin.Application, *directory.User, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, nil, err
	}
	u, err := a.Directory.User(ctx, poolOf(ctx), directory.ByID(me(ctx)))
	return app, u, err
}

type factorProfile struct {
	PhoneNumber      *string `json:"phoneNumber"`
	PhoneCountryCode *string `json:"phoneCountryCode"`
	Email            *string `json:"email"`
}

type sendEnrollFactorRequestDto struct {
	Profile    factorProfile `json:"profile"`
	FactorType string        `json:"factorType" rule:"required,enum=OTP|SMS|EMAIL|FACE"`
}

type enrollmentDTO struct {
	EnrollmentToken string            `json:"enrollmentToken"`
	OTPData         *enrollmentOTPDTO `json:"otpData,omitzero"`
}

type enrollmentOTPDTO struct {
	QRCodeURI     string `json:"qrCodeUri"`
	QRCodeDataURL string `json:"qrCodeDataUrl"`
	RecoveryCode  string `json:"recoveryCode"`
}

func (a *API) sendEnrollFactorRequest(ctx context.Context, in *sendEnrollFactorRequestDto) (*enrollmentDTO, error) {
	app, u, err := a.self(ctx)
	if err != nil {
		return nil, err
	}
	token, otp, err := a.Signin.StartEnrolment(ctx, app, u, signin.FactorType(in.FactorType), signin.Address{
		Email: value(in.Profile.Email), Phone: value(in.Profile.PhoneNumber), PhoneCountryCode: value(in.Profile.PhoneCountryCode)})
	if err != nil {
		return nil, err
	}
	out := &enrollmentDTO{EnrollmentToken: token}
	if otp != nil {
		out.OTPData = &enrollmentOTPDTO{otp.URI, otp.QRCode, otp.RecoveryCode}
	}
	return out, nil
}

type enrollFactorDto struct {
	FactorType      string `json:"factorType" rule:"required,enum=OTP|SMS|EMAIL|FACE"`
	EnrollmentToken string `json:"enrollmentToken" rule:"required"`
	EnrollmentData  struct {
		PassCode *string `json:"passCode"`
	} `json:"enrollmentData"`
}

func (a *API) enrollFactor(ctx context.Context, in *enrollFactorDto) (struct{}, error) {
	if in.FactorType == string(signin.FactorFace) {
		return struct{}{}, signin.ErrFactorUnsupported
	}
	_, u, err := a.self(ctx)
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, a.Signin.FinishEnrolment(ctx, u, signin.FactorType(in.FactorType), in.EnrollmentToken, value(in.EnrollmentData.PassCode))
}

type factorIDDto struct {
	FactorID string `json:"factorId" rule:"required"`
}

func (a *API) resetFactor(ctx context.Context, in *factorIDDto) (struct{}, error) {
	return struct{}{}, a.Signin.ResetFactor(ctx, poolOf(ctx), me(ctx), in.FactorID)
}

// factorDTO is FactorDto. The profile holds where codes go.
type factorDTO struct {
	FactorID   string           `json:"factorId"`
	FactorType string           `json:"factorType"`
	Profile    factorProfileDTO `json:"profile"`
}

type factorProfileDTO struct {
	Email            string `json:"email,omitzero"`
	PhoneNumber      string `json:"phoneNumber,omitzero"`
	PhoneCountryCode string `json:"phoneCountryCode,omitzero"`
	Name             string `json:"name,omitzero"`
}

func viewFactor(f signin.Factor) factorDTO {
	return factorDTO{f.ID, string(f.Type), factorProfileDTO{f.Email, f.Phone, f.PhoneCountryCode, f.Name}}
}

// listEnrolledFactors leaves passkeys out: the wire has operations of their own for them, and no word among the types of factors.
func (a *API) listEnrolledFactors(ctx context.Context, _ *struct{}) ([]factorDTO, error) {
	factors, err := a.Signin.Factors(ctx, poolOf(ctx), me(ctx))
	list := []factorDTO{}
	for _, f := range factors {
		if f.Type != signin.FactorPasskey {
			list = append(list, viewFactor(f))
		}
	}
	return list, err
}

func (a *API) getFactor(ctx context.Context, in *factorIDDto) (*factorDTO, error) {
	f, err := a.Signin.Factor(ctx, poolOf(ctx), me(ctx), in.FactorID)
	if err != nil {
		return nil, err
	}
	view := viewFactor(*f)
	return &view, nil
}

type factorToEnrollDTO struct {
	FactorType string `json:"factorType"`
}

func (a *API) listFactorsToEnroll(ctx context.Context, _ *struct{}) ([]factorToEnrollDTO, error) {
	types, err := a.Signin.FactorsToEnroll(ctx, poolOf(ctx), me(ctx))
	list := []factorToEnrollDTO{}
	for _, t := range types {
		list = append(list, factorToEnrollDTO{string(t)})
	}
	return list, err
}

type mfaOTPVerifyDto struct {
	TOTP string `json:"totp" rule:"required"`
}

type verifiedDTO struct {
	Verified bool `json:"verified"`
}

func (a *API) mfaOTPVerify(ctx context.Context, in *mfaOTPVerifyDto) (*verifiedDTO, error) {
	app, u, err := a.self(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.Signin.CheckOwnOTP(ctx, app, u, in.TOTP); err != nil {
		return nil, err
	}
	return &verifiedDTO{true}, nil
}

type mfaTokenDto struct {
	Token *string `json:"token"`
}

// mfaTokenDTO is MfaTokenIntrospectResponse; times are unix seconds.
type mfaTokenDTO struct {
	Active     bool   `json:"active"`
	UserPoolID string `json:"userPoolId,omitzero"`
	UserID     string `json:"userId,omitzero"`
	Exp        int64  `json:"exp,omitzero"`
	Iat        int64  `json:"iat,omitzero"`
}

// verifyMFAToken tells what the token of a pending sign-in stands for. The node client forgets to send the token: nothing is active then,
// unless it stands in the Authorization header.
func (a *API) verifyMFAToken(ctx context.Context, in *mfaTokenDto) (*mfaTokenDTO, error) {
	token := value(in.Token)
	if token == "" {
		token = shownToken(ctx)
	}
	f, _, err := a.Signin.FactorFlow(ctx, token)
	if err != nil {
		if fault.As(err) != nil {
			return &mfaTokenDTO{}, nil
		}
		return nil, err
	}
	from, until := f.Times()
	return &mfaTokenDTO{true, f.App.PoolID, f.User.ID, until / 1000, from / 1000}, nil
}

// bare is the op.Wire of operations at the door that answer without the envelope.
type bare struct{ door }

// Succeed answers with data alone.
func (b bare) Succeed(w http.ResponseWriter, r *http.Request, o *op.Op, c *caller.Caller, data any) {
	answer := op.NewAnswer()
	if err := json.MarshalWrite(answer, data); err != nil {
		answer.Drop()
		b.Fail(w, r, o, c, err)
		return
	}
	answer.Send(w)
}

// webAuthnMFABind begins to register a passkey as a second factor: for the pending sign-in whose token the request shows, or for a user who
// is signed in.
func (a *API) webAuthnMFABind(ctx context.Context, _ *struct{}) (*passkeyOptionsDTO, error) {
	token := shownToken(ctx)
	if token == "" {
		return nil, op.ErrUnauthenticated
	}
	if c, err := a.Signin.Bearer(ctx, caller.From(ctx), token); err == nil && c.Kind == caller.User {
		if err := op.SignedInUser(c); err != nil {
			return nil, err
		}
		if c.AppID == "" {
			c.AppID = caller.From(ctx).AppID
		}
		ctx = caller.With(ctx, c)
		app, u, err := a.self(ctx)
		if err != nil {
			return nil, err
		}
		return viewOptions(a.Signin.StartPasskey(ctx, app, u, true))
	}
	return viewOptions(a.Signin.StartPasskeyBinding(ctx, token))
}

func (a *API) webAuthnMFAVerify(ctx context.Context, _ *struct{}) (*passkeyOptionsDTO, error) {
	token := shownToken(ctx)
	if token == "" {
		return nil, op.ErrUnauthenticated
	}
	return viewOptions(a.Signin.StartPasskeyVerify(ctx, token))
}

type rememberedDeviceDTO struct {
	ID        string `json:"id"`
	ClientIP  string `json:"clientIp"`
	UserAgent string `json:"userAgent"`
	CreatedAt string `json:"createdAt"`
	UsedAt    string `json:"usedAt"`
	ExpiresAt string `json:"expiresAt"`
}

func (a *API) listRememberedDevices(ctx context.Context, _ *struct{}) ([]rememberedDeviceDTO, error) {
	devices, err := a.Signin.RememberedDevices(ctx, poolOf(ctx), me(ctx))
	list := []rememberedDeviceDTO{}
	for _, d := range devices {
		list = append(list, rememberedDeviceDTO{d.ID, d.ClientIP, d.UserAgent, moment(d.CreatedAt).String(), moment(d.UsedAt).String(), moment(d.ExpiresAt).String()})
	}
	return list, err
}

type forgetDeviceDto struct {
	ID  *string `json:"id"`
	All bool    `json:"all" rule:"default=false"`
}

// forgetRememberedDevice ends the trust in one device, or in all of them when all is set.
func (a *API) forgetRememberedDevice(ctx context.Context, in *forgetDeviceDto) (success, error) {
	if value(in.ID) == "" && !in.All {
		return success{}, fault.Field("id")
	}
	id := value(in.ID)
	if in.All {
		id = ""
	}
	return succeeded(a.Signin.ForgetDevice(ctx, poolOf(ctx), me(ctx), id))
}
