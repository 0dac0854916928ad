package hosted

import (
	"errors"
	"html/template"
	"strings"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// flow is the pending sign-in of the visit's door; nil when there is none, and then to is where the person goes on.
func (v *visit) flow() (f *signin.Flow, to string, err error) {
	p := v.state.Flow
	if p == nil || p.Door != v.door.key() {
		_, u, err := v.session()
		if err != nil || u == nil {
			return nil, v.door.at(loginPath), err
		}
		return nil, v.onward(), nil // a step that was sent twice
	}
	f, err = v.signin.Flow(v.ctx, p.Handle)
	if errors.Is(err, signin.ErrFlowGone) {
		return nil, v.flowGone(), nil
	}
	if err == nil && f.App.ID != v.app.ID {
		return nil, v.flowGone(), nil
	}
	return f, "", err
}

// flowGone forgets a sign-in that is over and begins again, where it can be said why.
func (v *visit) flowGone() string {
	v.state.Flow, v.state.Enrol = nil, nil
	delete(v.state.Sent, "step")
	v.back = loginPath
	v.refused(signin.ErrFlowGone)
	v.state.Note.Values = nil
	return v.door.at(loginPath)
}

// step shows what a pending sign-in still wants.
func (v *visit) step() (*view, error) {
	f, to, err := v.flow()
	if err != nil {
		return nil, err
	}
	if f == nil {
		v.redirect(to)
		return nil, nil
	}
	var page *view
	switch f.Step {
	case signin.StepMFA:
		page, err = v.factorPage(f)
	case signin.StepComplete:
		page, err = v.completePage(f)
	default:
		page, err = v.passwordPage(f)
	}
	if err != nil || page == nil {
		return nil, err
	}
	page.Who = whoOf(f.User)
	page.Links = append(page.Links, link{Text: v.T("back.login"), URL: v.door.at(loginPath)})
	v.wordNote(page, v.takeNote())
	return page, nil
}

// doStep takes what was asked for.
func (v *visit) doStep() (string, error) {
	f, to, err := v.flow()
	if f == nil {
		return to, err
	}
	switch f.Step {
	case signin.StepMFA:
		to, err = v.doFactor(f)
	case signin.StepComplete:
		to, err = v.doComplete(f)
	default:
		to, err = v.doPassword(f)
	}
	if errors.Is(err, signin.ErrFlowGone) {
		if _, u, err := v.session(); err == nil && u != nil && u.ID == f.User.ID {
			return v.onward(), nil // the same was sent twice, and the first has won
		}
		return v.flowGone(), nil
	}
	return to, err
}

// proven goes on after a second factor.
func (v *visit) proven(out *signin.FactorOutcome) (string, error) {
	if out.Device != "" {
		browser.From(v.ctx).Set(deviceCookie(v.app.PoolID), out.Device, v.now().Add(out.DeviceLife))
	}
	return v.arrived(out.Outcome, v.state.Flow.Keep)
}

// factorTypes are the second factors that pages know, with their pictures.
var factorIcons = map[signin.FactorType]string{signin.FactorOTP: "clock", signin.FactorSMS: "phone", signin.FactorEmail: "mail", signin.FactorPasskey: "passkey"}

// factorPage asks for a second factor, or sets one up.
func (v *visit) factorPage(f *signin.Flow) (*view, error) {
	_, offers, err := v.signin.FactorFlow(v.ctx, f.Handle)
	if err != nil {
		return nil, err
	}
	if e := v.state.Enrol; e != nil && e.Recovery != "" {
		return v.lang.recoveryView(e.Recovery, v.door.at(stepPath)), nil
	}
	if len(offers) == 0 {
		return &view{Emblem: "shield", Heading: v.T("mfa.heading"), Lead: v.T("mfa.none")}, nil
	}
	enrolled := false
	for _, o := range offers {
		enrolled = enrolled || o.Enrolled
	}
	wanted := v.r.URL.Query().Get("factor")
	if !enrolled {
		if e := v.state.Enrol; e != nil && wanted == e.Type {
			return v.enrolPage(*e)
		}
		return v.lang.enrolChoices(offers, v.door.at(stepEnrolPath)), nil
	}
	at := -1
	for i, o := range offers {
		if string(o.Type) == wanted {
			at = i
			break
		}
	}
	if at < 0 && len(offers) == 1 {
		at = 0
	}
	if at < 0 {
		return v.lang.factorChoices(distinct(offers), func(t signin.FactorType) string { return v.door.at(stepPath, "factor", string(t)) }), nil
	}
	policy, err := v.signin.Policy(v.ctx, v.app)
	if err != nil {
		return nil, err
	}
	page := v.factorForms(offers[at], policy)
	if len(distinct(offers)) > 1 {
		page.Links = append([]link{{Text: v.T("mfa.other"), URL: v.door.at(stepPath)}}, page.Links...)
	}
	return page, nil
}

// distinct is one offer of each type: a person picks a way, and the device finds its passkey.
func distinct(offers []signin.Factor) []signin.Factor {
	var list []signin.Factor
	seen := map[signin.FactorType]bool{}
	for _, o := range offers {
		if !seen[o.Type] {
			seen[o.Type] = true
			list = append(list, o)
		}
	}
	return list
}

func (l lang) factorChoices(offers []signin.Factor, url func(signin.FactorType) string) *view {
	page := &view{lang: l, Emblem: "shield", Heading: l.text("mfa.heading"), Lead: l.text("mfa.lead")}
	for _, o := range offers {
		page.Choices = append(page.Choices, choice{Icon: factorIcons[o.Type], Title: l.text("mfa." + string(o.Type)), Detail: o.Address, URL: url(o.Type)})
	}
	return page
}

func (l lang) enrolChoices(offers []signin.Factor, action string) *view {
	page := &view{lang: l, Emblem: "shield", Heading: l.text("enrol.heading"), Lead: l.text("enrol.lead")}
	for _, o := range offers {
		page.Choices = append(page.Choices, choice{Icon: factorIcons[o.Type], Title: l.text("mfa." + string(o.Type)), Detail: l.text("enrol." + string(o.Type) + ".hint"),
			Action: action, Name: "factor", Value: string(o.Type)})
	}
	return page
}

func (l lang) recoveryView(code, action string) *view {
	return &view{lang: l, Emblem: "key", Heading: l.text("recovery.heading"), Lead: l.text("recovery.lead"), Recovery: code,
		Forms: []form{{Action: action, Hidden: []pair{{"do", "read"}}, Buttons: []button{{Text: l.text("recovery.submit")}}}}}
}

func (v *visit) rememberInput(policy *signin.Policy) []input {
	if policy.FactorMemory <= 0 {
		return nil
	}
	return []input{{Name: "remember", Type: "checkbox", Label: v.T("mfa.remember")}}
}

// factorForms ask for a factor that the user has.
func (v *visit) factorForms(o signin.Factor, policy *signin.Policy) *view {
	page := &view{Emblem: "shield", Heading: v.T("mfa.heading")}
	action := v.door.at(stepPath, "factor", string(o.Type))
	switch o.Type {
	case signin.FactorOTP:
		if v.r.URL.Query().Get("recovery") != "" {
			page.Lead = v.T("mfa.recovery.lead")
			page.Forms = []form{{Action: v.door.at(stepPath, "factor", string(o.Type), "recovery", "1"), Hidden: []pair{{"do", "recover"}}, Inputs: []input{
				{Name: "recovery_code", Type: "text", Label: v.T("mfa.recovery.code"), Complete: "off", Required: true, Verbatim: true, Most: 64},
			}, Buttons: []button{{Text: v.T("mfa.verify")}}}}
			page.Links = []link{{Text: v.T("mfa.recovery.not"), URL: action}}
			return page
		}
		page.Lead = v.T("mfa.OTP.enter")
		page.Forms = []form{{Action: action, Inputs: append([]input{v.codeInput(6)}, v.rememberInput(policy)...), Buttons: []button{{Text: v.T("mfa.verify")}}}}
		page.Links = []link{{Text: v.T("mfa.recovery"), URL: v.door.at(stepPath, "factor", string(o.Type), "recovery", "1")}}
	case signin.FactorPasskey:
		page.Lead, page.fetches = v.T("mfa.PASSKEY.enter"), true
		page.Forms = []form{{Action: action, Passkey: "get", Options: v.door.at(stepKeyPath), Inputs: v.rememberInput(policy), Without: v.T("passkey.none"),
			Buttons: []button{{Text: v.T("mfa.PASSKEY.use"), Icon: "passkey"}}}}
	default:
		sent := v.state.sentTo("step", v.door.key())
		if sent == nil || sent.Email != "" != (o.Type == signin.FactorEmail) {
			page.Lead = v.T("mfa.code.send", o.Address)
			page.Forms = []form{{Action: v.door.at(stepSendPath, "factor", string(o.Type)), Buttons: []button{{Text: v.T("code.send")}}}}
			return page
		}
		page.Lead = v.T("mfa.code.enter", o.Address)
		page.Forms = []form{
			{Action: action, Inputs: append([]input{v.codeInput(policy.CodeLength)}, v.rememberInput(policy)...), Buttons: []button{{Text: v.T("mfa.verify")}}},
			v.stepAgain(o.Type, sent),
		}
	}
	return page
}

func (v *visit) stepAgain(t signin.FactorType, sent *address) form {
	return form{Action: v.door.at(stepSendPath, "factor", string(t)), Class: "inline", Hidden: []pair{{"again", "1"}},
		Buttons: []button{{Text: v.T("code.again"), Kind: "quiet", Wait: max(0, int(sent.At+sendPause-v.now().Unix()))}}}
}

// enrolPage sets a factor up.
func (v *visit) enrolPage(e enrolment) (*view, error) {
	t := signin.FactorType(e.Type)
	page := &view{Emblem: factorIcons[t], Heading: v.T("enrol." + e.Type)}
	action := v.door.at(stepPath, "factor", e.Type)
	page.Links = []link{{Text: v.T("mfa.other"), URL: v.door.at(stepPath)}}
	switch t {
	case signin.FactorOTP:
		picture, err := signin.QRPicture(e.URI)
		if err != nil {
			return nil, err
		}
		page.Emblem, page.Lead, page.QR = "", v.T("enrol.OTP.lead"), &qr{Image: template.URL(picture), Secret: grouped(e.Secret)}
		page.Forms = []form{{Action: action, Hidden: []pair{{"do", "confirm"}}, Inputs: []input{v.codeInput(6)}, Buttons: []button{{Text: v.T("continue")}}}}
	case signin.FactorPasskey:
		page.Lead, page.fetches = v.T("enrol.PASSKEY.lead"), true
		page.Forms = []form{{Action: action, Hidden: []pair{{"do", "bind"}}, Passkey: "create", Options: v.door.at(stepKeyPath), Without: v.T("passkey.none"),
			Buttons: []button{{Text: v.T("enrol.PASSKEY"), Icon: "passkey"}}}}
	default:
		by := "email"
		if t == signin.FactorSMS {
			by = "phone"
		}
		sent := v.state.sentTo("step", v.door.key())
		if sent == nil || sent.Email != "" != (t == signin.FactorEmail) {
			page.Lead = v.T("code." + by)
			f := v.addressForm(stepSendPath, by, &note{})
			if n := v.state.Note; n != nil && n.Page == stepPath {
				f = v.addressForm(stepSendPath, by, n)
			}
			f.Action = v.door.at(stepSendPath, "factor", e.Type)
			page.Forms = []form{f}
			return page, nil
		}
		policy, err := v.signin.Policy(v.ctx, v.app)
		if err != nil {
			return nil, err
		}
		page.Lead = v.T("mfa.code.enter", sent.text())
		page.Forms = []form{{Action: action, Inputs: []input{v.codeInput(policy.CodeLength)}, Buttons: []button{{Text: v.T("mfa.verify")}}}, v.stepAgain(t, sent)}
	}
	return page, nil
}

// grouped is a secret in groups of four, as people copy it.
func grouped(secret string) string {
	var b strings.Builder
	for i, r := range secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// doEnrol begins to set a factor up.
func (v *visit) doEnrol() (string, error) {
	f, to, err := v.flow()
	if f == nil {
		return to, err
	}
	t := signin.FactorType(v.form.Get("factor"))
	if factorIcons[t] == "" {
		return "", signin.ErrFactorRefused
	}
	e := &enrolment{Type: string(t)}
	if t == signin.FactorOTP {
		otp, err := v.signin.StartOTPInFlow(v.ctx, f.Handle)
		if err != nil {
			return "", err
		}
		e.URI, e.Secret = otp.URI, otp.Secret
	}
	delete(v.state.Sent, "step")
	v.state.Enrol, v.dirty = e, true
	return v.door.at(stepPath, "factor", e.Type), nil
}

// doStepSend sends a code for a second factor: to the user's own address, or to the one that is being set up.
func (v *visit) doStepSend() (string, error) {
	f, to, err := v.flow()
	if f == nil {
		return to, err
	}
	if f.Step == signin.StepComplete {
		return v.door.at(stepPath), v.sendCompletion(f)
	}
	_, offers, err := v.signin.FactorFlow(v.ctx, f.Handle)
	if err != nil {
		return "", err
	}
	wanted := signin.FactorType(v.r.URL.Query().Get("factor"))
	for _, o := range offers {
		if o.Type != wanted || o.Type != signin.FactorSMS && o.Type != signin.FactorEmail {
			continue
		}
		a := &address{Door: v.door.key(), Email: o.Email, Phone: o.Phone, Country: o.PhoneCountryCode}
		purpose := signin.PurposeVerifyMFA
		if !o.Enrolled {
			by := "email"
			if o.Type == signin.FactorSMS {
				by = "phone"
			}
			purpose = signin.PurposeBindMFA
			if sent := v.state.sentTo("step", v.door.key()); v.form.Get("again") != "" && sent != nil {
				a = sent
			} else if a, err = v.addressOf(by); err != nil {
				return "", err
			}
		}
		if err := v.signin.SendPasscode(v.ctx, v.app, purpose, signin.Address{Email: a.Email, Phone: a.Phone, PhoneCountryCode: a.Country}); err != nil {
			return "", err
		}
		a.At = v.now().Unix()
		v.state.send("step", *a)
		v.dirty = true
		return v.door.at(stepPath, "factor", string(o.Type)), nil
	}
	return "", signin.ErrFactorRefused
}

// doFactor shows a second factor.
func (v *visit) doFactor(f *signin.Flow) (string, error) {
	remember := v.form.Get("remember") != ""
	switch v.form.Get("do") {
	case "read":
		out, err := v.signin.FactorRead(v.ctx, f.Handle, remember)
		if err != nil {
			return "", err
		}
		return v.proven(out)
	case "recover":
		next, err := v.signin.RecoverInFlow(v.ctx, f.Handle, v.form.Get("recovery_code"))
		if err != nil {
			return "", err
		}
		v.state.Enrol, v.dirty = &enrolment{Type: string(signin.FactorOTP), Recovery: next}, true
		return v.door.at(stepPath), nil
	case "confirm":
		recovery, err := v.signin.ConfirmOTPInFlow(v.ctx, f.Handle, v.code())
		if err != nil {
			return "", err
		}
		v.state.Enrol, v.dirty = &enrolment{Type: string(signin.FactorOTP), Recovery: recovery}, true
		return v.door.at(stepPath), nil
	case "bind":
		out, err := v.signin.BindPasskey(v.ctx, f.Handle, []byte(v.form.Get("credential")), remember)
		if err != nil {
			return "", err
		}
		return v.proven(out)
	}
	p := signin.FactorProof{Type: signin.FactorType(v.r.URL.Query().Get("factor")), Code: v.code(), Remember: remember,
		Ticket: v.form.Get("ticket"), Credential: []byte(v.form.Get("credential"))}
	if p.Type == "" {
		_, offers, err := v.signin.FactorFlow(v.ctx, f.Handle)
		if err != nil {
			return "", err
		}
		if len(offers) > 0 {
			p.Type = offers[0].Type
		}
	}
	if sent := v.state.sentTo("step", v.door.key()); sent != nil && v.state.Enrol != nil {
		p.To = signin.Address{Email: sent.Email, Phone: sent.Phone, PhoneCountryCode: sent.Country}
	}
	out, err := v.signin.ProveFactor(v.ctx, f.Handle, p)
	if err != nil {
		return "", err
	}
	return v.proven(out)
}

// stepKey are a passkey's options for the step.
func (v *visit) stepKey() (any, error) {
	f, _, err := v.flow()
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, signin.ErrFlowGone
	}
	start := v.signin.StartPasskeyVerify
	if v.form.Get("do") == "bind" {
		start = v.signin.StartPasskeyBinding
	}
	return keyOptions(start(v.ctx, f.Handle))
}

// loginKey are a passkey's options for signing in.
func (v *visit) loginKey() (any, error) {
	return keyOptions(v.signin.StartPasskeyLogin(v.ctx, v.app, ""))
}

// scriptOptions is what the page's script is told.
type scriptOptions struct {
	Ticket  string `json:"ticket"`
	Options any    `json:"options"`
}

func keyOptions(o *signin.PasskeyOptions, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return scriptOptions{o.Ticket, o.PublicKey}, nil
}

func (v *visit) doLoginKey() (string, error) {
	out, err := v.signin.PasskeyLogin(v.ctx, v.app, v.form.Get("ticket"), []byte(v.form.Get("credential")),
		signin.Proof{Cookie: browser.From(v.ctx).Session(v.app.PoolID), Device: v.deviceToken()})
	if err != nil {
		return "", err
	}
	return v.arrived(out, false)
}

// passwordPage asks for a new password before the sign-in goes on.
func (v *visit) passwordPage(f *signin.Flow) (*view, error) {
	policy, err := v.signin.Policy(v.ctx, v.app)
	if err != nil {
		return nil, err
	}
	page := &view{Emblem: "lock", Heading: v.T("reset.heading"), Lead: v.T("first.lead")}
	var inputs []input
	if f.User.Password == "" {
		page.Lead = v.T("choose.lead")
	}
	if f.Step == signin.StepForcedReset {
		page.Lead = v.T("forced.lead")
		inputs = []input{{Name: "old_password", Type: "password", Label: v.T("password.old"), Complete: "current-password", Required: true, Most: 1024}}
	}
	page.Forms = []form{{Action: v.door.at(stepPath), Inputs: append(inputs, v.newPasswordInputs("password.new", policy)...), Buttons: []button{{Text: v.T("reset.submit")}}}}
	return page, nil
}

// newPasswordInputs ask for a password and for it again.
func (v *visit) newPasswordInputs(label string, policy *signin.Policy) []input {
	return []input{
		{Name: "password", Type: "password", Label: v.T(label), Complete: "new-password", Required: true, Most: 1024, Hint: v.lang.passwordHint(policy.Password)},
		{Name: "password_again", Type: "password", Label: v.T("password.confirm"), Complete: "new-password", Required: true, Most: 1024},
	}
}

// passwordHint says what is asked of new passwords.
func (l lang) passwordHint(p signin.PasswordPolicy) string {
	switch {
	case l == english && p.MessageEN != "":
		return p.MessageEN
	case l == chinese && p.Message != "":
		return p.Message
	case p.MinLength > 1 && p.Classes > 1:
		return l.text("password.mixed", itoa(p.MinLength), itoa(p.Classes))
	case p.MinLength > 1:
		return l.text("password.least", itoa(p.MinLength))
	}
	return ""
}

// newPassword is the password that a form has twice.
func (v *visit) newPassword() (string, error) {
	for _, name := range []string{"password", "password_again"} {
		if v.form.Get(name) == "" {
			return "", missing(errFieldMissing, name)
		}
	}
	if v.form.Get("password") != v.form.Get("password_again") {
		return "", errNotRepeated
	}
	return v.form.Get("password"), nil
}
