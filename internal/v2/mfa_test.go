package v2

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// reply is an answer of the wire as the login component reads it.
type reply struct {
	Code         int    `json:"code"`
	StatusCode   int    `json:"statusCode"`
	APICode      int    `json:"apiCode"`
	Message      string `json:"message"`
	FlowHandle   string `json:"flowHandle"`
	RecoveryCode string `json:"recoveryCode"`
	Data         any    `json:"data"`
	text         string
}

func (r reply) at(path string) string {
	v := r.Data
	for _, name := range strings.Split(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// ask sends a call as the application's page does; token is what stands in the authorization header.
func (h *hall) ask(t *testing.T, method, path, token, body string) reply {
	t.Helper()
	headers := []string{headerApp, h.one.AppID}
	if token != "" {
		headers = append(headers, "Authorization", token)
	}
	w := h.request(method, path, body, "", headers...)
	r := reply{text: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || w.Code != 200 {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, r.text)
	}
	return r
}

func (h *hall) flow(t *testing.T, handle, action, data string) reply {
	t.Helper()
	return h.ask(t, "POST", "/interaction/authFlow", "", fmt.Sprintf(`{"action":%q,"data":%s,"flowHandle":%q}`, action, data, handle))
}

// newcomer makes a user and returns the body that signs them in.
func (h *hall) newcomer(t *testing.T, name string) (*directory.User, string) {
	t.Helper()
	u, err := h.Directory.CreateUser(h.one.As(t.Context()), h.one.ID, directory.NewUser{
		UserInput: directory.UserInput{Username: &name, Email: new(name + "@example.com")}, Password: &directory.PasswordInput{Text: "correct horse"}})
	if err != nil {
		t.Fatal(err)
	}
	return u, fmt.Sprintf(`{"account":%q,"password":%q}`, name, h.encrypted(t, h.one.ID, "correct horse"))
}

func (h *hall) demand(t *testing.T, factors ...string) {
	t.Helper()
	_, err := h.Signin.UpdateApplication(h.one.As(t.Context()), h.one.ID, h.one.AppID, signin.ApplicationPatch{
		Settings: func(s *signin.AppSettings) error { s.Factors = &factors; return nil }})
	if err != nil {
		t.Fatal(err)
	}
}

func otpNow(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// A user binds a one-time password, and is asked for it from then on.
func TestOwnMFA(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		_, login := h.newcomer(t, "ann")
		token := h.ask(t, "POST", "/api/v2/login/account", "", login).at("token")
		if token == "" {
			t.Fatal("nobody is signed in")
		}
		bearer := "Bearer " + token
		if r := h.ask(t, "GET", "/api/v2/mfa/authenticator?type=totp&source=SELF", bearer, ""); r.Code != 200 || fmt.Sprint(r.Data) != "[]" {
			t.Error(r.text)
		}
		made := h.ask(t, "POST", "/api/v2/mfa/totp/associate", bearer, `{"authenticator_type":"totp"}`)
		if made.at("authenticator_type") != "totp" || made.at("qrcode_uri") == "" || !strings.HasPrefix(made.at("qrcode_data_url"), "data:image/png") || made.at("recovery_code") == "" {
			t.Fatal(made.text)
		}
		if r := h.ask(t, "POST", "/api/v2/mfa/totp/associate/confirm", bearer, `{"authenticator_type":"totp","totp":"000000"}`); r.APICode != 6001 || r.StatusCode/100 != 4 {
			t.Error(r.text)
		}
		code := otpNow(t, made.at("secret"))
		if r := h.ask(t, "POST", "/api/v2/mfa/totp/associate/confirm", bearer, `{"authenticator_type":"totp","totp":"`+code+`"}`); r.Code != 200 {
			t.Fatal(r.text)
		}
		if r := h.ask(t, "GET", "/api/v2/mfa/authenticator?type=totp", bearer, ""); !strings.Contains(r.text, `"authenticatorType":"totp"`) || strings.Contains(r.text, made.at("secret")) {
			t.Error(r.text)
		}

		step := h.ask(t, "POST", "/api/v2/login/account", "", login)
		mfa := step.at("mfaToken")
		if step.Code != 1635 || step.StatusCode/100 != 3 || mfa == "" || step.FlowHandle == "" || step.at("totpMfaEnabled") != "true" {
			t.Fatal(step.text)
		}
		if r := h.ask(t, "POST", "/api/v2/mfa/totp/associate", "Bearer "+mfa, `{}`); r.Code == 200 {
			t.Error("a stolen password binds a factor of its own:", r.text)
		}
		if r := h.ask(t, "DELETE", "/api/v2/mfa/totp/associate", "Bearer "+mfa, ``); r.Code == 200 {
			t.Error("a stolen password unbinds the factor:", r.text)
		}
		for _, c := range []struct {
			name, token, totp string
			want              int
		}{
			{"no token", "", code, 2020},
			{"a user's token", bearer, code, 2021},
			{"nonsense", "Bearer nonsense", code, 2021},
			{"wrong code", "Bearer " + mfa, "000000", 6001},
			{"no code", "Bearer " + mfa, "", 6003},
			{"right, and bare", mfa, code, 200},
			{"again", mfa, code, 200},
			{"another one then", mfa, "111111", 2021},
		} {
			r := h.ask(t, "POST", "/api/v2/mfa/totp/verify", c.token, `{"totp":"`+c.totp+`"}`)
			if r.Code != c.want || c.want == 200 && (r.at("id") == "" || r.at("token") == "") {
				t.Errorf("%s: %s", c.name, r.text)
			}
		}

		mfa = h.ask(t, "POST", "/api/v2/login/account", "", login).at("mfaToken")
		if r := h.ask(t, "POST", "/api/v2/mfa/totp/recovery", "Bearer "+mfa, `{"recoveryCode":"0000"}`); r.Code != 6002 {
			t.Error(r.text)
		}
		r := h.ask(t, "POST", "/api/v2/mfa/totp/recovery", "Bearer "+mfa, `{"recoveryCode":"`+made.at("recovery_code")+`"}`)
		if r.Code != 200 || r.at("id") == "" || r.RecoveryCode == "" || r.RecoveryCode == made.at("recovery_code") {
			t.Fatal(r.text)
		}
		bearer = "Bearer " + r.at("token")
		if r := h.ask(t, "DELETE", "/api/v2/mfa/totp/associate", bearer, ``); r.Code != 200 {
			t.Error(r.text)
		}
		if r := h.ask(t, "POST", "/api/v2/login/account", "", login); r.Code != 200 {
			t.Error("still asked:", r.text)
		}
	})
}

// The login component's way: every step by its flow handle.
func TestAuthFlow(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.demand(t, "OTP")
		_, login := h.newcomer(t, "ann")
		step := h.ask(t, "POST", "/api/v2/login/account", "", login)
		if step.Code != 1636 || step.at("totpMfaEnabled") != "false" {
			t.Fatal(step.text)
		}
		mfa, handle := step.at("mfaToken"), step.FlowHandle
		if r := h.ask(t, "GET", "/api/v2/mfa/authenticator?source=APPLICATION", mfa, ""); r.Code != 200 {
			t.Error(r.text)
		}
		if r := h.ask(t, "GET", "/api/v2/mfa/authenticator?source=APPLICATION", "nonsense", ""); r.Code != 2021 {
			t.Error(r.text)
		}
		made := h.ask(t, "POST", "/api/v2/mfa/totp/associate", mfa, `{"source":"APPLICATION"}`)
		code := otpNow(t, made.at("secret"))
		type call struct {
			name, handle, action, data string
			status, api                int
		}
		run := func(calls []call) (last reply) {
			t.Helper()
			for _, c := range calls {
				r := h.flow(t, c.handle, c.action, c.data)
				if r.StatusCode != c.status && r.StatusCode/100 != c.status || r.APICode != c.api {
					t.Errorf("%s: %s", c.name, r.text)
				}
				last = r
			}
			return last
		}
		done := run([]call{
			{"an unknown action", handle, "dance", `{}`, 5, 0},
			{"no sign-in", "", "verify-totp", `{"totp":"` + code + `"}`, 4, 2021},
			{"no data", handle, "verify-totp", `null`, 4, 1001},
			{"data that is none", handle, "verify-totp", `[]`, 4, 0},
			{"nothing enrolled", handle, "verify-totp", `{"totp":"` + code + `"}`, 4, 1001},
			{"a face", handle, "verify-face", `{"photo":"x"}`, 5, 0},
			{"the recovery code before the first code", handle, "confirm-totp-recovery-code", `{}`, 4, 2021},
			{"the first code wrong", handle, "verify-totp-first-time", `{"totp":"000000"}`, 4, 6001},
			{"the first code", handle, "verify-totp-first-time", `{"totp":"` + code + `"}`, 200, 0},
			{"again, by the button", handle, "verify-totp-first-time", `{"totp":"` + code + `"}`, 200, 0},
			{"the recovery code is read", handle, "confirm-totp-recovery-code", `{}`, 3, 1600},
			{"twice", handle, "confirm-totp-recovery-code", `{}`, 3, 1600},
		})
		if done.at("user.token") == "" || done.at("user.username") != "ann" {
			t.Error(done.text)
		}

		step = h.ask(t, "POST", "/api/v2/login/account", "", login)
		handle = step.FlowHandle
		done = run([]call{
			{"a wrong code", handle, "verify-totp", `{"totp":"000000","mfaToken":"` + step.at("mfaToken") + `"}`, 4, 6001},
			{"the right one", handle, "verify-totp", `{"totp":"` + code + `"}`, 3, 1600},
			{"again, by the button", handle, "verify-totp", `{"totp":"` + code + `"}`, 3, 1600},
		})
		if done.at("user.token") == "" {
			t.Error(done.text)
		}
		handle = h.ask(t, "POST", "/api/v2/login/account", "", login).FlowHandle
		told := run([]call{
			{"a wrong recovery code", handle, "recovery-totp", `{"recoveryCode":"0000"}`, 4, 6002},
			{"no recovery code", handle, "recovery-totp", `{"recoveryCode":""}`, 4, 6004},
			{"the recovery code", handle, "recovery-totp", `{"recoveryCode":"` + made.at("recovery_code") + `"}`, 200, 0},
		})
		if told.at("recoveryCode") == "" || told.at("recoveryCode") == made.at("recovery_code") {
			t.Error(told.text)
		}
		run([]call{{"it is read", handle, "confirm-totp-recovery-code", `{}`, 3, 1600}})
	})
}

// Codes by e-mail, to the account's own address and to one that is bound while signing in.
func TestEmailFactor(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.demand(t, "EMAIL", "SMS")
		_, login := h.newcomer(t, "ann")
		h.newcomer(t, "bob")
		app, err := h.Signin.Application(t.Context(), h.one.AppID)
		if err != nil {
			t.Fatal(err)
		}
		send := func(p signin.Purpose, to signin.Address, at string) string {
			t.Helper()
			if err := h.Signin.SendPasscode(t.Context(), app, p, to); err != nil {
				t.Fatal(err)
			}
			return h.Mail(t, at).Code
		}
		step := h.ask(t, "POST", "/api/v2/login/account", "", login)
		if step.at("mfaEmail") != "ann@example.com" || strings.Contains(step.text, `"SMS"`) {
			t.Fatal(step.text)
		}
		mine := send(signin.PurposeVerifyMFA, signin.Address{Email: "ann@example.com"}, "ann@example.com")
		bobs := send(signin.PurposeVerifyMFA, signin.Address{Email: "bob@example.com"}, "bob@example.com")
		if r := h.flow(t, step.FlowHandle, "verify-email", `{"email":"bob@example.com","code":"`+bobs+`"}`); r.StatusCode/100 != 4 {
			t.Error("a code to another's address:", r.text)
		}
		if r := h.flow(t, step.FlowHandle, "verify-email", `{"email":"ann@example.com","code":"000000"}`); r.StatusCode/100 != 4 {
			t.Error(r.text)
		}
		if r := h.flow(t, step.FlowHandle, "verify-email", `{"email":"Ann@example.com","code":"`+mine+`"}`); r.APICode != 1600 {
			t.Error(r.text)
		}

		h.demand(t, "SMS")
		mfa := h.ask(t, "POST", "/api/v2/login/account", "", login).at("mfaToken")
		if r := h.ask(t, "POST", "/api/v2/applications/mfa/check", "Bearer "+mfa, `{"email":"bob@example.com"}`); r.Code != 200 || r.Data != false {
			t.Error("another's address:", r.text)
		}
		if r := h.ask(t, "POST", "/api/v2/applications/mfa/check", "Bearer "+mfa, `{"phone":"13800000001"}`); r.Code != 200 || r.Data != true {
			t.Error(r.text)
		}
		sms := send(signin.PurposeBindMFA, signin.Address{Phone: "13800000001"}, "+8613800000001")
		r := h.ask(t, "POST", "/api/v2/applications/mfa/sms/verify", "Bearer "+mfa, `{"phone":"13800000001","code":"`+sms+`"}`)
		if r.Code != 200 || r.at("token") == "" {
			t.Fatal(r.text)
		}
		step = h.ask(t, "POST", "/api/v2/login/account", "", login)
		if step.at("mfaPhone") != "13800000001" {
			t.Error("the number was not bound:", step.text)
		}
	})
}

func TestPasskeyFlow(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.demand(t, "PASSKEY")
		u, login := h.newcomer(t, "ann")
		rp := virtualwebauthn.RelyingParty{ID: "guildhall.test", Name: "one", Origin: testhall.BaseURL}
		auth := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(u.ID)})
		key := testhall.NewPasskey()
		step := h.ask(t, "POST", "/api/v2/login/account", "", login)
		o, err := h.Signin.StartPasskeyBinding(t.Context(), step.at("mfaToken"))
		if err != nil {
			t.Fatal(err)
		}
		made, err := virtualwebauthn.ParseAttestationOptions(string(o.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		if r := h.flow(t, step.FlowHandle, "passkey-bind", virtualwebauthn.CreateAttestationResponse(rp, auth, key, *made)); r.APICode != 1600 || r.at("user.token") == "" {
			t.Fatal(r.text)
		}
		step = h.ask(t, "POST", "/api/v2/login/account", "", login)
		if step.at("passkeyEnabled") != "true" {
			t.Error(step.text)
		}
		if o, err = h.Signin.StartPasskeyVerify(t.Context(), step.at("mfaToken")); err != nil {
			t.Fatal(err)
		}
		asked, err := virtualwebauthn.ParseAssertionOptions(string(o.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		key.Counter++
		data := fmt.Sprintf(`{"ticket":%q,"credential":%s}`, o.Ticket, virtualwebauthn.CreateAssertionResponse(rp, auth, key, *asked))
		for range 2 {
			if r := h.flow(t, step.FlowHandle, "passkey-verify", data); r.APICode != 1600 {
				t.Error(r.text)
			}
		}
	})
}

// An administrator imports secrets, sees what is bound and takes it away.
func TestManagedMFA(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		u, login := h.newcomer(t, "ann")
		key := "Bearer " + h.known["key"]
		r := h.ask(t, "POST", "/api/v2/mfa/totp/import", key, `{"userId":"`+u.ID+`","secret":"123456","recoveryCode":"654321"}`)
		if r.at("userId") != u.ID || r.at("secret") != "123456" || r.at("recoveryCode") != "654321" || r.at("enable") != "true" {
			t.Error(r.text)
		}
		if r := h.ask(t, "POST", "/api/v2/login/account", "", login); r.Code != 1635 {
			t.Error(r.text)
		}
		if r := h.ask(t, "GET", "/api/v2/users/"+u.ID+"/mfa-bound", key, ""); r.at("OTP") != "true" || r.at("FACE") != "false" {
			t.Error(r.text)
		}
		if r := h.ask(t, "DELETE", "/api/v2/users/"+u.ID+"/mfa-bound?type=OTP", "Bearer "+h.known["key2"], ""); r.Code != 2004 {
			t.Error("another pool's key:", r.text)
		}
		if r := h.ask(t, "DELETE", "/api/v2/users/"+u.ID+"/mfa-bound?type=OTP", key, ""); r.Code != 200 || r.Data != true {
			t.Error(r.text)
		}
		if r := h.ask(t, "POST", "/api/v2/login/account", "", login); r.Code != 200 {
			t.Error(r.text)
		}
	})
}
