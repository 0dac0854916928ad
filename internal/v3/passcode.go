package v3

import (
	"context"
	"net/http"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// passcodeOperations are the domain passcode of the authentication client, and the pictures of its domain login.
func (a *API) passcodeOperations() []op.Op {
	return []op.Op{
		op.Post("/api/v3/send-email", "sendEmail", op.Anyone, a.sendEmail),
		op.Post("/api/v3/send-sms", "sendSms", op.Anyone, a.sendSMS),
		op.Post("/api/v3/pre-check-code", "preCheckCode", op.Anyone, a.preCheckCode),
		op.Get("/api/v3/get-captcha-code", "geneCatchaCodeAndToken", op.Anyone, a.newCaptcha),
	}
}

// channels are the wire's words for what a code is for.
var channels = map[string]signin.Purpose{
	"CHANNEL_LOGIN": signin.PurposeLogin, "CHANNEL_REGISTER": signin.PurposeRegister, "CHANNEL_RESET_PASSWORD": signin.PurposeResetPassword,
	"CHANNEL_UPDATE_EMAIL": signin.PurposeUpdateEmail, "CHANNEL_BIND_EMAIL": signin.PurposeBindEmail, "CHANNEL_UNBIND_EMAIL": signin.PurposeUnbindEmail,
	"CHANNEL_UPDATE_PHONE": signin.PurposeUpdatePhone, "CHANNEL_BIND_PHONE": signin.PurposeBindPhone, "CHANNEL_UNBIND_PHONE": signin.PurposeUnbindPhone,
	"CHANNEL_BIND_MFA": signin.PurposeBindMFA, "CHANNEL_VERIFY_MFA": signin.PurposeVerifyMFA, "CHANNEL_UNBIND_MFA": signin.PurposeUnbindMFA,
	"CHANNEL_UNLOCK_ACCOUNT": signin.PurposeUnlock, "CHANNEL_COMPLETE_EMAIL": signin.PurposeComplete, "CHANNEL_COMPLETE_PHONE": signin.PurposeComplete,
	"CHANNEL_IDENTITY_VERIFICATION": signin.PurposeIdentity, "CHANNEL_DELETE_ACCOUNT": signin.PurposeDelete,
}

// channelLink sends a link in place of a code.
const channelLink = "CHANNEL_VERIFY_EMAIL_LINK"

type sendEmailRequest struct {
	Email   string `json:"email" rule:"required"`
	Channel string `json:"channel" rule:"required,enum=CHANNEL_LOGIN|CHANNEL_REGISTER|CHANNEL_RESET_PASSWORD|CHANNEL_VERIFY_EMAIL_LINK|CHANNEL_UPDATE_EMAIL|CHANNEL_BIND_EMAIL|CHANNEL_UNBIND_EMAIL|CHANNEL_BIND_MFA|CHANNEL_VERIFY_MFA|CHANNEL_UNBIND_MFA|CHANNEL_UNLOCK_ACCOUNT|CHANNEL_COMPLETE_EMAIL|CHANNEL_IDENTITY_VERIFICATION|CHANNEL_DELETE_ACCOUNT"`
}

// sendEmail sends a code, or a link that verifies the address. The answer tells nothing of whether anybody has the address.
func (a *API) sendEmail(ctx context.Context, in *sendEmailRequest) (struct{}, error) {
	app, err := a.app(ctx)
	if err != nil {
		return struct{}{}, err
	}
	if in.Channel == channelLink {
		return struct{}{}, a.Signin.SendVerifyLink(ctx, app, in.Email, false)
	}
	return struct{}{}, a.Signin.SendPasscode(ctx, app, channels[in.Channel], signin.Address{Email: in.Email})
}

type sendSMSRequest struct {
	PhoneNumber      string  `json:"phoneNumber" rule:"required"`
	PhoneCountryCode *string `json:"phoneCountryCode"`
	Channel          string  `json:"channel" rule:"required,enum=CHANNEL_LOGIN|CHANNEL_REGISTER|CHANNEL_RESET_PASSWORD|CHANNEL_UPDATE_PHONE|CHANNEL_BIND_PHONE|CHANNEL_UNBIND_PHONE|CHANNEL_BIND_MFA|CHANNEL_VERIFY_MFA|CHANNEL_UNBIND_MFA|CHANNEL_UNLOCK_ACCOUNT|CHANNEL_COMPLETE_PHONE|CHANNEL_IDENTITY_VERIFICATION|CHANNEL_DELETE_ACCOUNT"`
}

// sendSMS sends a code to a phone.
func (a *API) sendSMS(ctx context.Context, in *sendSMSRequest) (struct{}, error) {
	app, err := a.app(ctx)
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, a.Signin.SendPasscode(ctx, app, channels[in.Channel], signin.Address{Phone: in.PhoneNumber, PhoneCountryCode: value(in.PhoneCountryCode)})
}

type preCheckRequest struct {
	CodeType string `json:"codeType" rule:"required,enum=SMS|EMAIL"`
	SMS      *struct {
		Phone            string  `json:"phone" rule:"required"`
		PhoneCountryCode *string `json:"phoneCountryCode"`
		PassCode         string  `json:"passCode" rule:"required"`
		Channel          string  `json:"channel" rule:"required"`
	} `json:"smsCodePayload"`
	Email *struct {
		Email    string `json:"email" rule:"required"`
		PassCode string `json:"passCode" rule:"required"`
		Channel  string `json:"channel" rule:"required"`
	} `json:"emailCodePayload"`
}

type preCheckAnswer struct {
	IsValid bool   `json:"isValid"`
	Message string `json:"message,omitzero"`
}

// preCheckCode tells whether a code is right, without using it. A wrong one counts as a guess.
func (a *API) preCheckCode(ctx context.Context, in *preCheckRequest) (*preCheckAnswer, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	var to signin.Address
	var channel, code string
	switch {
	case in.CodeType == "SMS" && in.SMS != nil:
		to, channel, code = signin.Address{Phone: in.SMS.Phone, PhoneCountryCode: value(in.SMS.PhoneCountryCode)}, in.SMS.Channel, in.SMS.PassCode
	case in.CodeType == "EMAIL" && in.Email != nil:
		to, channel, code = signin.Address{Email: in.Email.Email}, in.Email.Channel, in.Email.PassCode
	case in.CodeType == "SMS":
		return nil, fault.Field("smsCodePayload")
	default:
		return nil, fault.Field("emailCodePayload")
	}
	purpose, ok := channels[channel]
	if !ok {
		return nil, fault.Field("channel")
	}
	valid, err := a.Signin.CheckPasscode(ctx, app.PoolID, purpose, to, code)
	if err != nil {
		return nil, err
	}
	out := &preCheckAnswer{IsValid: valid}
	if !valid {
		m := messages[signin.ErrPasscodeWrong.Code]
		if out.Message = m.zh; strings.HasPrefix(strings.ToLower(caller.From(ctx).Language), "en") {
			out.Message = m.en
		}
	}
	return out, nil
}

type captchaAnswer struct {
	SVG   string `json:"captchaCodeSvg"`
	Token string `json:"captchaToken"`
}

// newCaptcha makes a picture whose answer goes into the options of a sign-in.
func (a *API) newCaptcha(ctx context.Context, _ *struct{}) (*captchaAnswer, error) {
	app, err := a.app(ctx)
	if err != nil {
		return nil, err
	}
	svg, token, err := a.Signin.NewCaptcha(ctx, app.PoolID)
	return &captchaAnswer{svg, token}, err
}

// captchaPicture answers the picture itself, as clients of old want it; its token is in a header, X-Captcha-Token.
func (a *API) captchaPicture(w http.ResponseWriter, r *http.Request) {
	o := op.Op{Name: "geneCatchaCode"}
	c, err := door{api: a}.Caller(r, nil, &o)
	if err == nil {
		var answer *captchaAnswer
		if answer, err = a.newCaptcha(caller.With(r.Context(), c), nil); err == nil {
			w.Header().Set("Content-Type", "image/svg+xml")
			w.Header().Set("X-Captcha-Token", answer.Token)
			_, _ = w.Write([]byte(answer.SVG))
			return
		}
	}
	envelope{}.Fail(w, r, &o, c, err)
}
