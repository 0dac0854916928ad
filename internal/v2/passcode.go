package v2

import (
	"context"
	"net/http"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// emailScenes are the occasions on which a client may have a code sent by mail; the wire's others are mails that the server sends
// of itself, or links.
var emailScenes = map[string]signin.Purpose{
	"RESET_PASSWORD": signin.PurposeResetPassword, "RESET_PASSWORD_VERIFY_CODE": signin.PurposeResetPassword,
	"REGISTER_VERIFY_CODE": signin.PurposeRegister, "LOGIN_VERIFY_CODE": signin.PurposeLogin,
	"CHANGE_EMAIL": signin.PurposeUpdateEmail, "EMAIL_BIND_VERIFY_CODE": signin.PurposeBindEmail, "EMAIL_UNBIND_VERIFY_CODE": signin.PurposeUnbindEmail,
	"MFA_VERIFY": signin.PurposeVerifyMFA, "MFA_VERIFY_CODE": signin.PurposeVerifyMFA,
	"INFORMATION_COMPLETION_VERIFY_CODE": signin.PurposeComplete, "SELF_UNLOCKING_VERIFY_CODE": signin.PurposeUnlock,
	"VERIFY_CODE": signin.PurposeAny,
}

// linkScenes are those that send a link, and whether it is the first one of a new account.
var linkScenes = map[string]bool{"VERIFY_EMAIL": false, "CONSOLE_CONDUCTED_VERIFY": false, "FIRST_EMAIL_LOGIN_VERIFY": true}

// smsScenes are the occasions of codes by SMS. The clients of old name none.
var smsScenes = map[string]signin.Purpose{
	"": signin.PurposeAny, "login": signin.PurposeLogin, "register": signin.PurposeRegister, "reset": signin.PurposeResetPassword,
	"bind": signin.PurposeBindPhone, "unbind": signin.PurposeUnbindPhone, "mfa-bind": signin.PurposeBindMFA, "mfa-verify": signin.PurposeVerifyMFA,
	"mfa-unbind": signin.PurposeUnbindMFA, "complete-phone": signin.PurposeComplete, "unlock-account": signin.PurposeUnlock,
	"identity-verification": signin.PurposeIdentity, "delete-account": signin.PurposeDelete, "change": signin.PurposeUpdatePhone,
}

type sendEmailInput struct {
	Email string `json:"email" rule:"required,len=512"`
	Scene string `json:"scene" rule:"required"`
}

// sendEmail sends a code or a link to an address. What it answers does not depend on whether anybody has the address.
func (a *API) sendEmail(ctx context.Context, in *sendEmailInput) (*commonMessage, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	if first, ok := linkScenes[in.Scene]; ok {
		err = a.signin.SendVerifyLink(ctx, app, in.Email, first)
	} else if p, ok := emailScenes[in.Scene]; ok {
		err = a.signin.SendPasscode(ctx, app, p, signin.Address{Email: in.Email})
	} else {
		err = fault.Field("scene")
	}
	if err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type sendSMSInput struct {
	Phone            string `json:"phone" rule:"required,len=64"`
	PhoneCountryCode string `json:"phoneCountryCode"`
	Scene            string `json:"scene"`
}

// sendSMS sends a code to a number.
func (a *API) sendSMS(ctx context.Context, in *sendSMSInput) (*commonMessage, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	p, ok := smsScenes[in.Scene]
	if !ok {
		return nil, fault.Field("scene")
	}
	if err := a.signin.SendPasscode(ctx, app, p, signin.Address{Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode}); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

func (a *API) sendLoginSMS(ctx context.Context, in *sendSMSInput) (*commonMessage, error) {
	in.Scene = "login"
	return a.sendSMS(ctx, in)
}

func (a *API) sendRegisterSMS(ctx context.Context, in *sendSMSInput) (*commonMessage, error) {
	in.Scene = "register"
	return a.sendSMS(ctx, in)
}

type preCheckInput struct {
	Email            string `json:"email"`
	EmailCode        string `json:"emailCode"`
	Phone            string `json:"phone"`
	PhoneCountryCode string `json:"phoneCountryCode"`
	PhoneCode        string `json:"phoneCode"`
}

type preCheck struct {
	Valid   bool    `json:"valid"`
	Message *string `json:"message"`
}

// preCheckCode tells whether the code for a second address, of which a form is about to be sent, is right. It uses nothing up.
func (a *API) preCheckCode(ctx context.Context, in *preCheckInput) (*preCheck, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	to, code := signin.Address{Email: in.Email}, in.EmailCode
	if in.Email == "" {
		to, code = signin.Address{Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode}, in.PhoneCode
	}
	valid, err := a.signin.CheckPasscode(ctx, app.PoolID, signin.PurposeComplete, to, code)
	if err != nil {
		return nil, err
	}
	out := &preCheck{Valid: valid}
	if !valid {
		told := refusalOf(signin.ErrPasscodeWrong, caller.From(ctx))
		out.Message = &told.text
	}
	return out, nil
}

// captchaPool remembers in the browser for which pool it was asked to show a captcha: the picture's address names none.
const captchaPool = "guildhall-captcha-for"

// captcha answers a picture and ties its answer to the browser.
func (a *API) captcha(w http.ResponseWriter, r *http.Request) {
	ctx, b := r.Context(), browser.From(r.Context())
	fail := func(err error) { restWire{a}.Fail(w, r, nil, caller.From(ctx), err) }
	pool := b.Value(captchaPool)
	if !db.IsID(pool) {
		p, err := a.signin.PoolOf(ctx, named(r.Header, headerPool), named(r.Header, headerApp))
		if err != nil {
			fail(err)
			return
		}
		pool = p.ID
	} else if _, err := a.dir.Pool(ctx, pool); err != nil {
		fail(directory.ErrPoolNotFound)
		return
	}
	svg, token, err := a.signin.NewCaptcha(ctx, pool)
	if err != nil {
		fail(err)
		return
	}
	b.Set(captchaCookie, token, untilClosed)
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(svg))
}
