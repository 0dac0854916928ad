package hosted

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// samples are all pages with something in them.
func samples(l lang) map[string]*view {
	ada := &directory.User{ID: "1", Name: "Ada Lovelace", Email: "ada@example.com"}
	v := &visit{Pages: &Pages{now: clock}, lang: l, state: &state{}, door: door{AppID: "a"}, app: &signin.Application{ID: "a", Name: "Ledger", Enabled: true,
		Settings: signin.AppSettings{LoginMethods: []string{signin.LoginUsernamePassword, signin.LoginEmailPassword, signin.LoginPhonePassword, signin.LoginEmailCode, signin.LoginPhoneCode}}}}
	policy := &signin.Policy{CodeLength: 6}
	empty := &note{}
	login := func() *view {
		page := &view{Heading: v.T("login.heading"), Lead: v.T("login.lead", "Ledger"), Tabs: []tab{{Text: v.T("tab.password"), URL: "#", Current: true}, {Text: v.T("tab.email"), URL: "#"}, {Text: v.T("tab.phone"), URL: "#"}}}
		page.Forms = []form{v.passwordForm(empty, nil, policy), {Action: "#", Divider: true, Passkey: "get", Options: "#", Buttons: []button{{Text: v.T("passkey.login"), Kind: "second", Icon: "passkey"}}}}
		page.Links = []link{{Text: v.T("login.forgot"), URL: "#"}, {Before: v.T("login.new"), Text: v.T("login.register"), URL: "#"}}
		return page
	}
	out := map[string]*view{
		"login":       login(),
		"consent":     l.consentView("Ledger", []string{"openid", "profile", "email", "offline_access", "orders:read"}, "https://ledger.example.com/cb", ada),
		"device-code": l.deviceCodeView(""),
		"device":      l.deviceView(&signin.Device{App: v.app, UserCode: "BCDF-GHJK", ClientIP: "203.0.113.7", Scope: []string{"openid", "profile"}}, ada),
		"accounts":    v.accountView(ada),
		"error":       {Emblem: "warning", EmblemKind: "error", Heading: v.T("error.heading"), Bad: true, Lead: v.lang.refusal(0, "internal", nil), Small: v.T("error.reference") + " 6b3c9a0d12ef4a7788aa01b2"},
		"gone":        {Emblem: "clock", Heading: v.T("gone.heading"), Lead: v.T("gone.lead")},
		"signed-in": {Emblem: "check", EmblemKind: "good", Heading: v.T("signed_in.heading"), Lead: v.T("signed_in.lead"), Who: whoOf(ada), Next: &link{Text: v.T("signed_in.open", "Ledger"), URL: "#"},
			Links: []link{{Text: v.T("signed_in.out"), URL: "#"}}},
		"signed-out": {Emblem: "check", EmblemKind: "good", Heading: v.T("signed_out.heading"), Lead: v.T("signed_out.lead"), Links: []link{{Text: v.T("signed_out.again"), URL: "#"}}},
	}
	wrong := login()
	v.wordNote(wrong, &note{Code: "login_password_wrong", Kind: 3, Args: []string{"3"}})
	out["login-wrong"] = wrong
	field := login()
	v.wordNote(field, &note{Code: "field_missing", Kind: 1, Args: []string{"password"}, Field: "password"})
	out["login-field"] = field
	v.state.send("login-email", address{Door: v.door.key(), Email: "ada@example.com", At: clock().Unix() - 20})
	code := &view{Heading: v.T("login.heading"), Lead: v.T("login.lead", "Ledger")}
	v.r = request("/login?by=email")
	v.codeForms(code, "email", empty, nil, policy)
	out["login-code"] = code
	phone := &view{Heading: v.T("login.heading"), Lead: v.T("login.lead", "Ledger")}
	v.codeForms(phone, "phone", empty, nil, policy)
	out["login-phone"] = phone
	step := func(page *view, err error) *view {
		if err != nil {
			panic(err)
		}
		page.Who = whoOf(ada)
		page.Links = append(page.Links, link{Text: v.T("back.login"), URL: "#"})
		return page
	}
	factors := []signin.Factor{{Type: signin.FactorOTP, Enrolled: true}, {Type: signin.FactorEmail, Enrolled: true, Address: "ad***@example.com"}, {Type: signin.FactorPasskey, Enrolled: true}}
	strong := &signin.Policy{CodeLength: 6, FactorMemory: 86400, Password: signin.PasswordPolicy{MinLength: 8, Classes: 3}}
	out["mfa-choose"] = step(l.factorChoices(factors, func(signin.FactorType) string { return "#" }), nil)
	out["mfa-otp"] = step(v.factorForms(factors[0], strong), nil)
	v.w = nil
	out["mfa-passkey"] = step(v.factorForms(factors[2], strong), nil)
	out["mfa-email"] = step(v.factorForms(factors[1], strong), nil)
	out["enrol-choose"] = step(l.enrolChoices([]signin.Factor{{Type: signin.FactorOTP}, {Type: signin.FactorSMS}, {Type: signin.FactorEmail}, {Type: signin.FactorPasskey}}, "#"), nil)
	out["enrol-otp"] = step(v.enrolPage(enrolment{Type: "OTP", URI: "otpauth://totp/Ledger:ada@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Ledger", Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}))
	out["enrol-passkey"] = step(v.enrolPage(enrolment{Type: "PASSKEY"}))
	out["recovery"] = l.recoveryView("4f1c-98a2-77b0-3ede-10c4-5a6b", "#")
	out["register"] = &view{Heading: v.T("register.heading"), Lead: v.T("register.lead", "Ledger"),
		Tabs: []tab{{Text: v.T("tab.by_username"), URL: "#"}, {Text: v.T("tab.by_email"), URL: "#", Current: true}, {Text: v.T("tab.by_phone_code"), URL: "#"}},
		Forms: []form{{Inputs: append(append([]input{v.emailInput(empty, true)}, v.newPasswordInputs("password.choose", strong)...),
			input{Name: "company", Type: "text", Label: v.T("field.company"), Optional: v.T("optional")},
			input{Name: "gender", Type: "text", Label: v.T("field.gender"), Optional: v.T("optional"), Choices: []option{{"F", v.T("gender.F")}}},
			input{Name: "agreement_1", Type: "checkbox", Rich: `I have read the <a href="#">terms of use</a> and the <a href="#">privacy notice</a>`, Required: true}),
			Buttons: []button{{Text: v.T("register.submit")}}}}, Links: []link{{Before: v.T("register.have"), Text: v.T("register.login"), URL: "#"}}}
	weak := *out["register"]
	weak.Forms = []form{{Inputs: append([]input{}, out["register"].Forms[0].Inputs...), Buttons: out["register"].Forms[0].Buttons}}
	v.wordNote(&weak, &note{Code: "password_unsafe", Kind: 6, Field: "password"})
	out["register-weak"] = &weak
	out["forgot"] = &view{Emblem: "lock", Heading: v.T("forgot.heading"), Lead: v.T("forgot.lead"), Forms: []form{v.addressForm(forgotPath, "any", empty)}, Links: []link{{Text: v.T("back.login"), URL: "#"}}}
	out["reset"] = &view{Emblem: "lock", Heading: v.T("reset.heading"), Forms: []form{{Inputs: v.newPasswordInputs("password.new", strong), Buttons: []button{{Text: v.T("reset.submit")}}}}, Links: []link{{Text: v.T("back.login"), URL: "#"}}}
	out["captcha"] = &view{Heading: v.T("login.heading"), Forms: []form{v.passwordForm(empty, []input{{Name: "captcha_token", Type: "hidden", Value: "x"},
		{Name: "captcha", Type: "captcha", Label: v.T("captcha"), Hint: v.T("captcha.alt"), Required: true, Image: svgURL(`<svg xmlns="http://www.w3.org/2000/svg" width="160" height="60"><text x="20" y="42" font-size="36">4711</text></svg>`)}}, policy)}}
	return out
}

// TestGallery draws every page in both languages. With GUILDHALL_GALLERY it leaves them there, for people to look at.
func TestGallery(t *testing.T) {
	dir := os.Getenv("GUILDHALL_GALLERY")
	for i, l := range languages {
		for name, page := range samples(lang(i)) {
			page.lang, page.CSRF, page.Assets, page.Nonce, page.AppName = lang(i), "token", "assets", "nonce", "Ledger"
			page.Langs = []tab{{Text: "English", URL: "#", Lang: "en", Current: i == 0}, {Text: "简体中文", URL: "#", Lang: "zh", Current: i == 1}}
			page.focus()
			var b bytes.Buffer
			if err := pageTemplate.Execute(&b, page); err != nil {
				t.Fatalf("%s in %s: %v", name, l.code, err)
			}
			if page.Heading == "" {
				t.Errorf("%s in %s has no heading", name, l.code)
			}
			if dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+"."+l.code+".html"), b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
