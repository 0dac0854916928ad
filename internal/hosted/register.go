package hosted

import (
	"errors"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/signin"
)

func itoa(n int) string { return strconv.Itoa(n) }

// registerTabs are the ways to register, in the order of the tabs.
var registerTabs = []struct{ name, method string }{
	{"by_username", signin.LoginUsernamePassword}, {"by_email", signin.LoginEmailPassword}, {"by_phone", signin.LoginPhonePassword},
	{"by_email_code", signin.LoginEmailCode}, {"by_phone_code", signin.LoginPhoneCode},
}

// registerWays are the ways that the application offers, the preferred ones first.
func registerWays(app *signin.Application) []string {
	var first, then []string
	for _, t := range registerTabs {
		switch {
		case !app.OffersRegister(t.method):
		case strings.HasSuffix(t.name, "_code") == (app.Settings.DefaultRegister == "PASSCODE"):
			first = append(first, t.name)
		default:
			then = append(then, t.name)
		}
	}
	return append(first, then...)
}

func (v *visit) register() (*view, error) {
	_, u, err := v.session()
	if err != nil {
		return nil, err
	}
	if u != nil && v.in == nil {
		v.redirect(v.onward())
		return nil, nil
	}
	policy, err := v.signin.Policy(v.ctx, v.app)
	if err != nil {
		return nil, err
	}
	list := registerWays(v.app)
	page := &view{Heading: v.T("register.heading"), Lead: v.T("register.lead", v.app.Name),
		Links: []link{{Before: v.T("register.have"), Text: v.T("register.login"), URL: v.door.at(loginPath)}}}
	if policy.RegisterShut || len(list) == 0 {
		page.Emblem, page.Lead = "lock", v.T("register.shut")
		return page, nil
	}
	n := v.takeNote()
	q := v.r.URL.Query()
	by := pick(list, q.Get("by"), n.Values["by"])
	page.TabsLabel = v.T("register.methods")
	if len(list) > 1 {
		for _, w := range list {
			page.Tabs = append(page.Tabs, tab{Text: v.T("tab." + w), URL: v.door.at(registerPath, "by", w), Current: w == by})
		}
	}
	fields, err := v.askedAtRegister()
	if err != nil {
		return nil, err
	}
	more, err := v.fieldInputs(fields, n)
	if err != nil {
		return nil, err
	}
	agreements, err := v.agreements(signin.AgreeAtRegister)
	if err != nil {
		return nil, err
	}
	more = append(more, agreements...)
	kind, isCode := codeWay(by)
	switch {
	case isCode:
		if q.Get("other") != "" {
			delete(v.state.Sent, "register-"+kind)
			v.dirty = true
		}
		sent := v.state.sentTo("register-"+kind, v.door.key())
		if sent == nil {
			f := v.addressForm(registerSend, kind, n)
			f.Action, f.Hidden = v.door.at(registerSend, "by", by), []pair{{"by", by}}
			page.Forms = []form{f}
			break
		}
		f := v.codeForm(registerPath, by, policy.CodeLength, v.T("register.submit"))
		if len(more) > 0 {
			f.Inputs[0].Digits = 0 // there is more to fill in
		}
		f.Inputs = append(f.Inputs, more...)
		again := v.againForm(registerSend, by, sent)
		page.Forms = []form{f, again}
		page.Alert = &alert{Text: v.T("code.sent_any", sent.text())}
		page.Links = append([]link{{Text: v.T("code.elsewhere"), URL: v.door.at(registerPath, "by", by, "other", "1")}}, page.Links...)
	default:
		var inputs []input
		switch by {
		case "by_username":
			inputs = append(inputs, input{Name: "username", Type: "text", Label: v.T("account.username"), Complete: "username", Value: n.Values["username"], Required: true, Verbatim: true, Most: 64})
		case "by_phone":
			inputs = append(inputs, v.phoneInput(n, true))
		default:
			inputs = append(inputs, v.emailInput(n, true))
		}
		inputs = append(append(inputs, v.newPasswordInputs("password.choose", policy)...), more...)
		page.Forms = []form{{Action: v.door.at(registerPath, "by", by), Hidden: []pair{{"by", by}}, Inputs: inputs, Buttons: []button{{Text: v.T("register.submit")}}}}
	}
	v.wordNote(page, n)
	return page, nil
}

// codeWay is where the code of a way of registering goes, if it is by a code.
func codeWay(by string) (kind string, ok bool) {
	switch by {
	case "by_email_code":
		return "email", true
	case "by_phone_code":
		return "phone", true
	}
	return "", false
}

func (v *visit) registerWay() string {
	return pick(registerWays(v.app), v.r.URL.Query().Get("by"), v.form.Get("by"))
}

func (v *visit) doRegisterSend() (string, error) {
	by := v.registerWay()
	kind, ok := codeWay(by)
	if !ok {
		return v.door.at(registerPath), nil
	}
	if err := v.sendCode("register-"+kind, kind, signin.PurposeRegister); err != nil {
		return "", err
	}
	return v.door.at(registerPath, "by", by), nil
}

func (v *visit) doRegister() (string, error) {
	by := v.registerWay()
	var r signin.Registration
	amr := signin.AMRPassword
	if kind, ok := codeWay(by); ok {
		sent := v.state.sentTo("register-"+kind, v.door.key())
		if sent == nil {
			return v.door.at(registerPath, "by", by), nil
		}
		r.Email, r.Phone, r.PhoneCountryCode, r.Passcode = sent.Email, sent.Phone, sent.Country, v.code()
		if r.Passcode == "" {
			return "", missing(errFieldMissing, "code")
		}
		if amr = signin.AMREmail; kind == "phone" {
			amr = signin.AMRSMS
		}
	} else {
		switch by {
		case "by_username":
			if r.Username = strings.TrimSpace(v.form.Get("username")); r.Username == "" {
				return "", missing(errFieldMissing, "username")
			}
		default:
			a, err := v.addressOf(strings.TrimPrefix(by, "by_"))
			if err != nil {
				return "", err
			}
			r.Email, r.Phone, r.PhoneCountryCode = a.Email, a.Phone, a.Country
		}
		var err error
		if r.Password, err = v.newPassword(); err != nil {
			return "", err
		}
	}
	fields, err := v.askedAtRegister()
	if err != nil {
		return "", err
	}
	if r.Profile, r.Custom, err = v.fieldAnswers(fields); err != nil {
		return "", err
	}
	if r.Agreements, err = v.agreed(signin.AgreeAtRegister); err != nil {
		return "", err
	}
	u, err := v.signin.Register(v.ctx, v.app, r)
	if err != nil {
		return "", err
	}
	out, err := v.signin.Establish(v.ctx, v.app, u, signin.Proof{AMR: []string{amr}, Cookie: browser.From(v.ctx).Session(v.app.PoolID), Device: v.deviceToken()})
	if err != nil {
		return "", err
	}
	return v.arrived(out, false)
}

// forgot asks where the code for a new password shall go, and then for the code.
func (v *visit) forgot() (*view, error) {
	n := v.takeNote()
	if v.r.URL.Query().Get("other") != "" {
		delete(v.state.Sent, "reset")
		v.state.Reset, v.dirty = nil, true
	}
	page := &view{Emblem: "lock", Heading: v.T("forgot.heading"), Links: []link{{Text: v.T("back.login"), URL: v.door.at(loginPath)}}}
	sent := v.state.sentTo("reset", v.door.key())
	if sent == nil {
		page.Lead = v.T("forgot.lead")
		f := v.addressForm(forgotPath, "any", n)
		page.Forms = []form{f}
		v.wordNote(page, n)
		return page, nil
	}
	policy, err := v.signin.Policy(v.ctx, v.app)
	if err != nil {
		return nil, err
	}
	page.Heading, page.Alert = v.T("reset.check"), &alert{Text: v.T("code.sent", sent.text())}
	f := v.codeForm(forgotPath, "", policy.CodeLength, v.T("continue"))
	f.Hidden = []pair{{"do", "check"}}
	again := v.againForm(forgotPath, "", sent)
	page.Forms = []form{f, again}
	page.Links = append([]link{{Text: v.T("code.elsewhere"), URL: v.door.at(forgotPath, "other", "1")}}, page.Links...)
	v.wordNote(page, n)
	return page, nil
}

func (v *visit) doForgot() (string, error) {
	if v.form.Get("do") != "check" {
		if err := v.sendCode("reset", "any", signin.PurposeResetPassword); err != nil {
			return "", err
		}
		return v.door.at(forgotPath), nil
	}
	sent := v.state.sentTo("reset", v.door.key())
	if sent == nil {
		return v.door.at(forgotPath), nil
	}
	code := v.code()
	if code == "" {
		return "", missing(errFieldMissing, "code")
	}
	token, _, _, err := v.signin.StartReset(v.ctx, v.app, signin.Address{Email: sent.Email, Phone: sent.Phone, PhoneCountryCode: sent.Country}, code)
	if err != nil {
		return "", err
	}
	v.state.Reset, v.dirty = &pending{Door: v.door.key(), Handle: token}, true
	delete(v.state.Sent, "reset")
	return v.door.at(resetPath), nil
}

// reset asks for the new password of who has shown the code.
func (v *visit) reset() (*view, error) {
	if v.state.Reset == nil || v.state.Reset.Door != v.door.key() {
		v.redirect(v.door.at(forgotPath))
		return nil, nil
	}
	policy, err := v.signin.Policy(v.ctx, v.app)
	if err != nil {
		return nil, err
	}
	page := &view{Emblem: "lock", Heading: v.T("reset.heading"), Links: []link{{Text: v.T("back.login"), URL: v.door.at(loginPath)}},
		Forms: []form{{Action: v.door.at(resetPath), Inputs: v.newPasswordInputs("password.new", policy), Buttons: []button{{Text: v.T("reset.submit")}}}}}
	v.wordNote(page, v.takeNote())
	return page, nil
}

func (v *visit) doReset() (string, error) {
	p := v.state.Reset
	if p == nil || p.Door != v.door.key() {
		return v.door.at(forgotPath), nil
	}
	password, err := v.newPassword()
	if err != nil {
		return "", err
	}
	_, err = v.signin.ResetPassword(v.ctx, v.app, p.Handle, password)
	if errors.Is(err, signin.ErrTicketInvalid) || errors.Is(err, signin.ErrTicketUsed) {
		v.state.Reset, v.dirty = nil, true
		v.back = forgotPath
		return "", err
	}
	if err != nil {
		return "", err
	}
	v.state.Reset = nil
	v.good(loginPath, "reset.done")
	return v.door.at(loginPath, "by", "password"), nil
}

// doPassword replaces a password before the sign-in goes on.
func (v *visit) doPassword(f *signin.Flow) (string, error) {
	old := v.form.Get("old_password")
	if f.Step == signin.StepForcedReset && old == "" {
		return "", missing(errFieldMissing, "old_password")
	}
	password, err := v.newPassword()
	if err != nil {
		return "", err
	}
	var out *signin.Outcome
	if f.Step == signin.StepForcedReset {
		out, err = v.signin.ForcedPassword(v.ctx, f, old, password)
	} else {
		out, err = v.signin.FirstPassword(v.ctx, f, password)
	}
	if err != nil {
		return "", err
	}
	return v.arrived(out, v.state.Flow.Keep)
}

// unlock opens an account that too many wrong passwords have locked.
func (v *visit) unlock() (*view, error) {
	policy, err := v.signin.Policy(v.ctx, v.app)
	if err != nil {
		return nil, err
	}
	if !policy.SelfUnlock {
		return nil, signin.ErrUnlockOff
	}
	n := v.takeNote()
	if v.r.URL.Query().Get("other") != "" {
		delete(v.state.Sent, "unlock")
		v.dirty = true
	}
	page := &view{Emblem: "lock", Heading: v.T("unlock.heading"), Lead: v.T("unlock.lead"), Links: []link{{Text: v.T("back.login"), URL: v.door.at(loginPath)}}}
	sent := v.state.sentTo("unlock", v.door.key())
	if sent == nil {
		page.Forms = []form{v.addressForm(unlockSendPath, "any", n)}
		v.wordNote(page, n)
		return page, nil
	}
	page.Lead, page.Alert = "", &alert{Text: v.T("code.sent", sent.text())}
	f := v.codeForm(unlockPath, "", policy.CodeLength, v.T("unlock.submit"))
	if policy.UnlockByBoth {
		f.Inputs = append(f.Inputs, input{Name: "password", Type: "password", Label: v.T("password"), Complete: "current-password", Required: true, Most: 1024})
	}
	again := v.againForm(unlockSendPath, "", sent)
	page.Forms = []form{f, again}
	page.Links = append([]link{{Text: v.T("code.elsewhere"), URL: v.door.at(unlockPath, "other", "1")}}, page.Links...)
	v.wordNote(page, n)
	return page, nil
}

func (v *visit) doUnlockSend() (string, error) {
	return v.door.at(unlockPath), v.sendCode("unlock", "any", signin.PurposeUnlock)
}

func (v *visit) doUnlock() (string, error) {
	sent := v.state.sentTo("unlock", v.door.key())
	if sent == nil {
		return v.door.at(unlockPath), nil
	}
	policy, err := v.signin.Policy(v.ctx, v.app)
	if err != nil {
		return "", err
	}
	to := signin.Address{Email: sent.Email, Phone: sent.Phone, PhoneCountryCode: sent.Country}
	if policy.UnlockByBoth {
		err = v.signin.UnlockByPassword(v.ctx, v.app, to, v.code(), v.form.Get("password"))
	} else {
		err = v.signin.Unlock(v.ctx, v.app, to, v.code())
	}
	if err != nil {
		return "", err
	}
	delete(v.state.Sent, "unlock")
	v.good(loginPath, "unlock.done")
	return v.door.at(loginPath, "by", "password"), nil
}
