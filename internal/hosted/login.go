package hosted

import (
	"cmp"
	"crypto/rand"
	"errors"
	"html/template"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Paths of the pages.
const (
	loginPath      = signin.LoginPath
	loginSendPath  = "/login/send"
	loginKeyPath   = "/login/passkey"
	loginScanPath  = "/login/scan"
	stepPath       = "/login/step"
	stepSendPath   = "/login/step/send"
	stepEnrolPath  = "/login/step/enrol"
	stepKeyPath    = "/login/step/passkey"
	registerPath   = "/register"
	registerSend   = "/register/send"
	forgotPath     = "/forgot"
	resetPath      = "/forgot/reset"
	unlockPath     = "/unlock"
	unlockSendPath = "/unlock/send"
	consentPath    = signin.ConsentPath
	devicePath     = signin.DevicePath
	deviceDonePath = "/device/done"
	accountPath    = "/login/account"
	signedInPath   = "/signed-in"
	signOutPath    = "/sign-out"
	signedOutPath  = "/signed-out"
)

func (p *Pages) routes() []route {
	return []route{
		{path: loginPath, get: (*visit).login, post: (*visit).doLogin},
		{path: loginSendPath, post: (*visit).doLoginSend, back: loginPath},
		{path: loginKeyPath, post: (*visit).doLoginKey, back: loginPath},
		{path: loginKeyPath + "/options", json: (*visit).loginKey},
		{path: loginScanPath, post: (*visit).doScan, back: loginPath, ask: (*visit).scanned},
		{path: stepPath, get: (*visit).step, post: (*visit).doStep},
		{path: stepSendPath, post: (*visit).doStepSend, back: stepPath},
		{path: stepEnrolPath, post: (*visit).doEnrol, back: stepPath},
		{path: stepKeyPath, json: (*visit).stepKey},
		{path: registerPath, get: (*visit).register, post: (*visit).doRegister},
		{path: registerSend, post: (*visit).doRegisterSend, back: registerPath},
		{path: forgotPath, get: (*visit).forgot, post: (*visit).doForgot},
		{path: resetPath, get: (*visit).reset, post: (*visit).doReset},
		{path: unlockPath, get: (*visit).unlock, post: (*visit).doUnlock},
		{path: unlockSendPath, post: (*visit).doUnlockSend, back: unlockPath},
		{path: accountPath, post: (*visit).doAccount, back: loginPath},
		{path: consentPath, get: (*visit).consent, post: (*visit).doConsent},
		{path: devicePath, get: (*visit).deviceAsk, post: (*visit).doDevice, open: true},
		{path: deviceDonePath, get: (*visit).deviceDone, open: true},
		{path: signedInPath, get: (*visit).signedIn},
		{path: signOutPath, get: (*visit).signOut, post: (*visit).doSignOut},
		{path: signin.VerifyEmailPath, get: (*visit).verifyEmail, post: (*visit).doVerifyEmail, open: true},
		{path: signedOutPath, get: (*visit).signedOut, open: true},
	}
}

// ways are the tabs of the sign-in page: the ways that the application offers and the pages serve.
func ways(app *signin.Application) []string {
	var list []string
	if app.Offers(signin.LoginUsernamePassword) || app.Offers(signin.LoginEmailPassword) || app.Offers(signin.LoginPhonePassword) {
		list = append(list, "password")
	}
	if app.Offers(signin.LoginEmailCode) {
		list = append(list, "email")
	}
	if app.Offers(signin.LoginPhoneCode) {
		list = append(list, "phone")
	}
	if app.Offers(signin.LoginQRCode) {
		list = append(list, "scan")
	}
	return list
}

// pick is the wanted one of a list, or the application's preference, or the first; "" of an empty list.
func pick(list []string, wanted ...string) string {
	for _, w := range wanted {
		for _, l := range list {
			if l == w {
				return l
			}
		}
	}
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// preferred are the ways that an application's setting prefers.
func preferred(setting string) []string {
	switch setting {
	case "PASSCODE":
		return []string{"phone", "email"}
	case "QRCODE":
		return []string{"scan"}
	}
	return []string{"password"}
}

func (v *visit) login() (*view, error) {
	_, u, err := v.session()
	if err != nil {
		return nil, err
	}
	switch {
	case v.in != nil && v.in.Need == signin.NeedConsent:
		v.redirect(v.in.ContinuePath())
		return nil, nil
	case v.in != nil && v.in.Need == signin.NeedAccount && u != nil && v.r.URL.Query().Get("other") == "":
		return v.accountView(u), nil
	case v.in == nil && u != nil:
		v.redirect(v.onward())
		return nil, nil
	}
	policy, err := v.signin.Policy(v.ctx, v.app)
	if err != nil {
		return nil, err
	}
	n := v.takeNote()
	q := v.r.URL.Query()
	list := ways(v.app)
	by := pick(list, append([]string{q.Get("by"), n.Values["by"]}, preferred(v.app.Settings.DefaultLogin)...)...)
	page := &view{Heading: v.T("login.heading"), Lead: v.T("login.lead", v.app.Name)}
	if look := looksOf(v.app, v.lang); look.heading != "" {
		page.Heading, page.Lead = look.heading, look.lead
	}
	page.TabsLabel = v.T("login.methods")
	if len(list) > 1 {
		for _, w := range list {
			page.Tabs = append(page.Tabs, tab{Text: v.T("tab." + w), URL: v.door.at(loginPath, "by", w), Current: w == by})
		}
	}
	more, err := v.agreements(signin.AgreeAtSignIn)
	if err != nil {
		return nil, err
	}
	if n.Ask || policy.CaptchaMode == signin.CaptchaAlways {
		captcha, err := v.captcha()
		if err != nil {
			return nil, err
		}
		more = append(captcha, more...)
	}
	switch by {
	case "":
		page.Lead = v.T("login.none")
	case "password":
		v.loginHint(n, u)
		page.Forms = append(page.Forms, v.passwordForm(n, more, policy))
	case "scan":
		if err := v.scanBlock(page); err != nil {
			return nil, err
		}
	default:
		v.codeForms(page, by, n, more, policy)
	}
	if v.app.Offers(signin.LoginPasskey) {
		page.fetches = true
		page.Forms = append(page.Forms, form{Action: v.door.at(loginKeyPath), Passkey: "get", Options: v.door.at(loginKeyPath + "/options"), Divider: len(page.Forms) > 0,
			Buttons: []button{{Text: v.T("passkey.login"), Kind: "second", Icon: "passkey"}}})
	}
	b := v.app.Settings.Branding
	if by == "password" && !b.HideForgotPassword {
		page.Links = append(page.Links, link{Text: v.T("login.forgot"), URL: v.door.at(forgotPath)})
	}
	if n.Code == signin.ErrLocked.Code && policy.SelfUnlock {
		page.Links = append(page.Links, link{Text: v.T("login.locked"), URL: v.door.at(unlockPath)})
	}
	if !policy.RegisterShut && !b.HideRegister && len(registerWays(v.app)) > 0 {
		page.Links = append(page.Links, link{Before: v.T("login.new"), Text: v.T("login.register"), URL: v.door.at(registerPath)})
	}
	v.wordNote(page, n)
	return page, nil
}

// T is a text in the language of the visit.
func (v *visit) T(key string, args ...string) string { return v.lang.text(key, args...) }

// loginHint fills in who is coming: as the application says (OpenID Connect Core 3.1.2.1, login_hint), or who is asked to sign in anew.
func (v *visit) loginHint(n *note, u *directory.User) {
	hint := ""
	if u != nil && v.r.URL.Query().Get("other") == "" {
		hint = cmp.Or(u.Username, u.Email, u.Phone)
	}
	if v.in != nil && v.in.Request.LoginHint != "" {
		hint = v.in.Request.LoginHint
	}
	if n.Values["account"] != "" || len(hint) > 254 {
		return
	}
	if n.Values == nil {
		n.Values = map[string]string{}
	}
	n.Values["account"] = hint
}

// accountLabel names the field of a sign-in by password for what may stand in it.
func accountLabel(app *signin.Application) (key, kind, complete string) {
	name, mail, tel := app.Offers(signin.LoginUsernamePassword), app.Offers(signin.LoginEmailPassword), app.Offers(signin.LoginPhonePassword)
	switch {
	case name && mail && tel:
		return "account.any", "text", "username"
	case name && mail:
		return "account.username_mail", "text", "username"
	case name && tel:
		return "account.username_tel", "text", "username"
	case mail && tel:
		return "account.email_phone", "text", "username"
	case mail:
		return "account.email", "email", "username"
	case tel:
		return "account.phone", "tel", "username"
	}
	return "account.username", "text", "username"
}

func (v *visit) passwordForm(n *note, more []input, policy *signin.Policy) form {
	key, kind, complete := accountLabel(v.app)
	f := form{Action: v.door.at(loginPath), Hidden: []pair{{"by", "password"}}, Inputs: []input{
		{Name: "account", Type: kind, Label: v.T(key), Complete: complete, Value: n.Values["account"], Required: true, Verbatim: true, Most: 254},
		{Name: "password", Type: "password", Label: v.T("password"), Complete: "current-password", Required: true, Most: 1024},
	}, Buttons: []button{{Text: v.T("login.submit")}}}
	f.Inputs = append(f.Inputs, more...)
	f.Inputs = append(f.Inputs, v.keepInput(n, policy))
	return f
}

func (v *visit) keepInput(n *note, policy *signin.Policy) input {
	checked := policy.CookieLife > 0
	if n.Values != nil && n.Code != "" {
		checked = n.Values["keep"] != ""
	}
	return input{Name: "keep", Type: "checkbox", Label: v.T("login.keep"), Checked: checked}
}

// codeForms are the two steps of signing in by a code: where to, and the code.
func (v *visit) codeForms(page *view, by string, n *note, more []input, policy *signin.Policy) {
	if v.r.URL.Query().Get("other") != "" {
		delete(v.state.Sent, "login-"+by)
		v.dirty = true
	}
	sent := v.state.sentTo("login-"+by, v.door.key())
	if sent == nil {
		page.Forms = append(page.Forms, v.addressForm(loginSendPath, by, n))
		return
	}
	f := v.codeForm(loginPath, by, policy.CodeLength, v.T("login.submit"))
	f.Inputs = append(f.Inputs, more...)
	f.Inputs = append(f.Inputs, v.keepInput(n, policy))
	page.Forms = append(page.Forms, f, v.againForm(loginSendPath, by, sent))
	page.Alert = &alert{Text: v.T("code.sent", sent.text())}
	page.Links = append(page.Links, link{Text: v.T("code.elsewhere"), URL: v.door.at(loginPath, "by", by, "other", "1")})
}

func (a *address) text() string {
	if a.Email != "" {
		return a.Email
	}
	return strings.TrimSpace(a.Country + " " + a.Phone)
}

// addressForm asks where a code shall go. by is email, phone or any.
func (v *visit) addressForm(path, by string, n *note) form {
	f := form{Action: v.door.at(path), Hidden: []pair{{"by", by}}, Buttons: []button{{Text: v.T("code.send")}}}
	switch by {
	case "phone":
		f.Inputs = []input{v.phoneInput(n, true)}
	case "email":
		f.Inputs = []input{v.emailInput(n, true)}
	default:
		f.Inputs = []input{{Name: "account", Type: "text", Label: v.T("account.email_phone"), Complete: "username", Value: n.Values["account"], Required: true, Verbatim: true, Most: 254}}
	}
	return f
}

func (v *visit) emailInput(n *note, required bool) input {
	return input{Name: "email", Type: "email", Label: v.T("account.email"), Mode: "email", Complete: "email", Value: n.Values["email"], Required: required, Verbatim: true, Most: 254}
}

func (v *visit) phoneInput(n *note, required bool) input {
	country := n.Values["phone_country"]
	if country == "" {
		country = "+86"
	}
	return input{Name: "phone", Type: "tel", Label: v.T("account.phone"), Mode: "tel", Complete: "tel-national", Value: n.Values["phone"], Required: required, Most: 20,
		Country: country, CountryLabel: v.T("account.country")}
}

// codeForm asks for the code that has been sent.
func (v *visit) codeForm(path, by string, digits int, submit string) form {
	return form{Action: v.door.at(path, "by", by), Hidden: []pair{{"by", by}}, Inputs: []input{v.codeInput(digits)}, Buttons: []button{{Text: submit}}}
}

func (v *visit) codeInput(digits int) input {
	return input{Name: "code", Type: "text", Class: "code", Label: v.T("code"), Mode: "numeric", Complete: "one-time-code", Required: true, Most: 16, Digits: digits}
}

const sendPause = 60 // seconds between two codes for one address

// againForm sends the code once more to where it went.
func (v *visit) againForm(path, by string, a *address) form {
	return form{Action: v.door.at(path, "by", by), Class: "inline", Hidden: []pair{{"by", by}, {"again", "1"}},
		Buttons: []button{{Text: v.T("code.again"), Kind: "quiet", Wait: max(0, int(a.At+sendPause-v.now().Unix()))}}}
}

// captcha are the inputs of a new captcha.
func (v *visit) captcha() ([]input, error) {
	svg, token, err := v.signin.NewCaptcha(v.ctx, v.app.PoolID)
	if err != nil {
		return nil, err
	}
	return []input{
		{Name: "captcha_token", Type: "hidden", Value: token},
		{Name: "captcha", Type: "captcha", Label: v.T("captcha"), Hint: v.T("captcha.alt"), Required: true, Image: svgURL(svg)},
	}, nil
}

// agreements are the application's agreements for a place, in the page's language, or in the others if it has none in that.
func (v *visit) agreements(place signin.AgreementPlace) ([]input, error) {
	if !v.app.Settings.AgreementsEnabled {
		return nil, nil
	}
	list, err := v.signin.Agreements(v.ctx, v.app.PoolID, v.app.ID)
	if err != nil {
		return nil, err
	}
	var mine, others []input
	for _, a := range list {
		if a.AvailableAt != place && a.AvailableAt != signin.AgreeAtBoth {
			continue
		}
		// The title has been cleaned to links and simple marks when it was set.
		in := input{Name: agreementName(a.ID), Type: "checkbox", Rich: template.HTML(a.Title), Required: a.Required}
		if l, ok := langNamed(a.Lang); ok && l == v.lang {
			mine = append(mine, in)
		} else {
			others = append(others, in)
		}
	}
	if len(mine) > 0 {
		return mine, nil
	}
	return others, nil
}

func agreementName(id int64) string { return "agreement_" + strconv.FormatInt(id, 10) }

// agreed refuses a form that leaves out an agreement that is wanted, and lists the others.
func (v *visit) agreed(place signin.AgreementPlace) ([]int64, error) {
	ids := []int64{}
	asked, err := v.agreements(place)
	if err != nil {
		return nil, err
	}
	for _, in := range asked {
		if v.form.Get(in.Name) != "" {
			id, _ := strconv.ParseInt(strings.TrimPrefix(in.Name, "agreement_"), 10, 64)
			ids = append(ids, id)
		} else if in.Required {
			return nil, missing(errNotAgreed, in.Name)
		}
	}
	return ids, nil
}

func (v *visit) doLogin() (string, error) {
	if _, err := v.agreed(signin.AgreeAtSignIn); err != nil {
		return "", err
	}
	a := signin.Attempt{Method: signin.ByPassword, Captcha: v.captchaAnswer(), Cookie: browser.From(v.ctx).Session(v.app.PoolID), DeviceToken: v.deviceToken()}
	switch by := v.form.Get("by"); by {
	case "email", "phone":
		sent := v.state.sentTo("login-"+by, v.door.key())
		if sent == nil {
			return v.door.at(loginPath, "by", by), nil
		}
		a.Method, a.Email, a.Phone, a.PhoneCountryCode, a.Passcode = signin.ByPasscode, sent.Email, sent.Phone, sent.Country, v.code()
		if a.Passcode == "" {
			return "", missing(errFieldMissing, "code")
		}
	default:
		a.Account, a.Password = strings.TrimSpace(v.form.Get("account")), v.form.Get("password")
		for _, name := range []string{"account", "password"} {
			if strings.TrimSpace(v.form.Get(name)) == "" {
				return "", missing(errFieldMissing, name)
			}
		}
	}
	out, err := v.signin.SignIn(v.ctx, v.app, a)
	if err != nil {
		v.asked = errors.Is(err, signin.ErrCaptchaNeeded) || errors.Is(err, signin.ErrCaptchaWrong)
		return "", err
	}
	return v.arrived(out, v.form.Get("keep") != "")
}

// code is the code of a form, without the spaces that people type.
func (v *visit) code() string { return strings.Join(strings.Fields(v.form.Get("code")), "") }

func (v *visit) captchaAnswer() signin.Captcha {
	return signin.Captcha{Token: v.form.Get("captcha_token"), Code: strings.TrimSpace(v.form.Get("captcha"))}
}

func deviceCookie(poolID string) string { return "guildhall-device-" + poolID }

// deviceToken says that this browser need not show a second factor.
func (v *visit) deviceToken() string { return browser.From(v.ctx).Value(deviceCookie(v.app.PoolID)) }

func (v *visit) doLoginSend() (string, error) {
	by := pick([]string{"email", "phone"}, v.form.Get("by"))
	if err := v.sendCode("login-"+by, by, signin.PurposeLogin); err != nil {
		return "", err
	}
	return v.door.at(loginPath, "by", by), nil
}

// sendCode sends a code to the address of the form, or again to where the last one for what went.
func (v *visit) sendCode(what, by string, purpose signin.Purpose) error {
	to := v.state.sentTo(what, v.door.key())
	if v.form.Get("again") == "" || to == nil {
		a, err := v.addressOf(by)
		if err != nil {
			return err
		}
		to = a
	}
	if err := v.signin.SendPasscode(v.ctx, v.app, purpose, signin.Address{Email: to.Email, Phone: to.Phone, PhoneCountryCode: to.Country}); err != nil {
		return err
	}
	to.At = v.now().Unix()
	v.state.send(what, *to)
	v.dirty = true
	return nil
}

// addressOf is the address in a form.
func (v *visit) addressOf(by string) (*address, error) {
	a := &address{Door: v.door.key()}
	switch by {
	case "email":
		a.Email = strings.TrimSpace(v.form.Get("email"))
		if a.Email == "" {
			return nil, missing(errFieldMissing, "email")
		}
	case "phone":
		a.Phone, a.Country = strings.TrimSpace(v.form.Get("phone")), strings.TrimSpace(v.form.Get("phone_country"))
		if a.Phone == "" {
			return nil, missing(errFieldMissing, "phone")
		}
	default:
		text := strings.TrimSpace(v.form.Get("account"))
		switch {
		case text == "":
			return nil, missing(errFieldMissing, "account")
		case strings.Contains(text, "@"):
			a.Email = text
		default:
			a.Phone = text
		}
	}
	return a, nil
}

// arrived goes on after a first factor or a step: to the next step, or with the session back to where the person came from.
func (v *visit) arrived(out *signin.Outcome, keep bool) (string, error) {
	if out.Step != nil {
		v.state.Flow = &pending{Door: v.door.key(), Handle: out.Step.Handle, Keep: keep}
		v.state.Enrol, v.state.Note, v.dirty = nil, nil, true
		delete(v.state.Sent, "step")
		return v.door.at(stepPath), nil
	}
	browser.From(v.ctx).SetSession(out.Session, out.Cookie, keep)
	v.state, v.dirty = &state{Token: rand.Text()}, true // what was remembered for somebody who was not signed in is over
	return v.onward(), nil
}

// onward is where a signed-in person goes.
func (v *visit) onward() string {
	switch {
	case v.in != nil:
		return v.in.ContinuePath()
	case v.door.UserCode != "":
		return v.door.at(devicePath)
	}
	return v.door.at(signedInPath)
}

// session is the browser's session in the pool of the door, nil when there is none.
func (v *visit) session() (*signin.Session, *directory.User, error) {
	x, u, err := v.signin.SessionByCookie(v.ctx, v.app.PoolID, browser.From(v.ctx).Session(v.app.PoolID))
	if errors.Is(err, signin.ErrNoSession) {
		return nil, nil, nil
	}
	return x, u, err
}
