package v2

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

const (
	loginByEmail    = `mutation($i: LoginByEmailInput!) {loginByEmail(input: $i) {id email token tokenExpiredAt loginsCount customData {key}}}`
	loginByUsername = `mutation($i: LoginByUsernameInput!) {loginByUsername(input: $i) {id username token}}`
	loginByPhone    = `mutation($i: LoginByPhonePasswordInput!) {loginByPhonePassword(input: $i) {id phone token}}`
	loginByCode     = `mutation($i: LoginByPhoneCodeInput!) {loginByPhoneCode(input: $i) {id phone token}}`
	loginBySub      = `mutation($a: String!, $p: String!) {loginBySubAccount(account: $a, password: $p) {id token}}`
	registerEmail   = `mutation($i: RegisterByEmailInput!) {registerByEmail(input: $i) {id email emailVerified nickname token registerSource}}`
	registerName    = `mutation($i: RegisterByUsernameInput!) {registerByUsername(input: $i) {id username token}}`
	registerPhone   = `mutation($i: RegisterByPhoneCodeInput!) {registerByPhoneCode(input: $i) {id phone phoneVerified token}}`
	sendEmail       = `mutation($e: String!, $s: EmailScene!) {sendEmail(email: $e, scene: $s) {code message}}`
)

// passwords puts encrypted passwords under the names pw, pw2 and so on.
func (h *hall) passwords(t testing.TB, plain ...string) {
	t.Helper()
	for i, p := range plain {
		name := "pw"
		if i > 0 {
			name += string(rune('1' + i))
		}
		h.known[name] = h.encrypted(t, h.one.ID, p)
	}
}

// change changes the first pool's application.
func (h *hall) change(t testing.TB, change func(s *signin.AppSettings)) {
	t.Helper()
	_, err := h.Signin.UpdateApplication(h.one.As(t.Context()), h.one.ID, h.one.AppID, signin.ApplicationPatch{
		Settings: func(s *signin.AppSettings) error { change(s); return nil }})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSignInDoors(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.passwords(t, "Passw0rd!", "wrong", strings.Repeat("x", 200))
		h.known["foreign"] = h.encrypted(t, h.two.ID, "Passw0rd!")
		h.run(t, []step{
			{name: "register by e-mail", as: "none", send: registerEmail, with: `{"i": {"email": "Ann@Example.com", "password": "$pw", "profile": {"nickname": "Annie"}}}`,
				want: `{"registerByEmail": {"email": "ann@example.com", "emailVerified": false, "nickname": "Annie", "token": null, "registerSource": ["basic:email"]}}`, save: "ann=registerByEmail.id"},
			{name: "the address is taken", as: "none", send: registerEmail, with: `{"i": {"email": "ann@example.com", "password": "$pw"}}`, want: `!2026`},
			{name: "register by name, and get in", as: "none", send: registerName, with: `{"i": {"username": "bob", "password": "$pw", "forceLogin": true}}`,
				want: `{"registerByUsername": {"username": "bob", "token": "*"}}`, save: "bobToken=registerByUsername.token"},
			{name: "with a token", as: "none", send: registerName, with: `{"i": {"username": "cay", "password": "$pw", "generateToken": true}}`, want: `{"registerByUsername": {"token": "*"}}`},
			{name: "the token works", as: "bobToken", send: `{user {username token}}`, want: `{"user": {"username": "bob", "token": "$bobToken"}}`},
			{name: "a profile's password is none", as: "none", send: registerName, with: `{"i": {"username": "dan", "password": "not encrypted"}}`, want: `!2016`},
			{name: "register by nothing", as: "none", send: registerName, with: `{"i": {"username": "", "password": "$pw"}}`, want: `!400`},
			{name: "a phone without its code", as: "none", send: registerPhone, with: `{"i": {"phone": "13800000001", "code": ""}}`, want: `!400`},

			{name: "e-mail", as: "none", send: loginByEmail, with: `{"i": {"email": "ann@example.com", "password": "$pw"}}`,
				want: `{"loginByEmail": {"id": "$ann", "token": "*", "tokenExpiredAt": "*", "loginsCount": 1, "customData": []}}`, save: "annToken=loginByEmail.token"},
			{name: "e-mail in another case", as: "none", send: loginByEmail, with: `{"i": {"email": "ANN@example.com", "password": "$pw"}}`, want: `{"loginByEmail": {"id": "$ann"}}`},
			{name: "user name", as: "none", send: loginByUsername, with: `{"i": {"username": "bob", "password": "$pw"}}`, want: `{"loginByUsername": {"username": "bob", "token": "*"}}`},
			{name: "any name", as: "none", send: loginBySub, with: `{"a": "ann@example.com", "p": "$pw"}`, want: `{"loginBySubAccount": {"id": "$ann"}}`},
			{name: "an old token along with it", as: "bobToken", send: loginByEmail, with: `{"i": {"email": "ann@example.com", "password": "$pw"}}`, want: `{"loginByEmail": {"id": "$ann"}}`},
			{name: "wrong password", as: "none", send: loginByEmail, with: `{"i": {"email": "ann@example.com", "password": "$pw2"}}`, want: `!2333`},
			{name: "nobody", as: "none", send: loginByEmail, with: `{"i": {"email": "nobody@example.com", "password": "$pw"}}`, want: `!2333`},
			{name: "an e-mail is no user name", as: "none", send: loginByUsername, with: `{"i": {"username": "ann@example.com", "password": "$pw"}}`, want: `!2333`},
			{name: "a long password", as: "none", send: loginByEmail, with: `{"i": {"email": "ann@example.com", "password": "$pw3"}}`, want: `!2333`},
			{name: "a password in the clear", as: "none", send: loginByEmail, with: `{"i": {"email": "ann@example.com", "password": "Passw0rd!"}}`, want: `!2016`},
			{name: "another pool's key", as: "none", send: loginByEmail, with: `{"i": {"email": "ann@example.com", "password": "$foreign"}}`, want: `!2016`},
			{name: "no password", as: "none", send: loginByEmail, with: `{"i": {"email": "ann@example.com", "password": ""}}`, want: `!400`},
			{name: "no name", as: "none", send: loginByEmail, with: `{"i": {"email": "", "password": "$pw"}}`, want: `!400`},
			{name: "no code", as: "none", send: loginByCode, with: `{"i": {"phone": "13800000001", "code": ""}}`, want: `!400`},
			{name: "a wrong code", as: "none", send: loginByCode, with: `{"i": {"phone": "13800000001", "code": "123456"}}`, want: `!2001`},

			{name: "a new name registers", as: "none", send: loginByUsername, with: `{"i": {"username": "eve", "password": "$pw", "autoRegister": true}}`, want: `{"loginByUsername": {"username": "eve", "token": "*"}}`},
			{name: "a known one signs in", as: "none", send: loginByUsername, with: `{"i": {"username": "eve", "password": "$pw", "autoRegister": true}}`, want: `{"loginByUsername": {"username": "eve"}}`},
			{name: "or does not", as: "none", send: loginByUsername, with: `{"i": {"username": "eve", "password": "$pw2", "autoRegister": true}}`, want: `!2333`},
			{name: "a new address registers", as: "none", send: loginByEmail, with: `{"i": {"email": "fay@example.com", "password": "$pw", "autoRegister": true}}`, want: `{"loginByEmail": {"email": "fay@example.com", "token": "*"}}`},

			{name: "REST", as: "none", send: "POST /api/v2/login/account", with: `{"account": "ann@example.com", "password": "$pw"}`, want: `{"id": "$ann", "token": "*", "customData": null, "identities": []}`, save: "restToken=token"},
			{name: "REST with custom data", as: "none", send: "POST /api/v2/login/account", with: `{"account": "bob", "password": "$pw", "withCustomData": true}`, want: `{"username": "bob", "customData": []}`},
			{name: "REST without an account", as: "none", send: "POST /api/v2/login/account", with: `{"password": "$pw"}`, want: `!400`},
			{name: "REST with a number for an account", as: "none", send: "POST /api/v2/login/account", with: `{"account": 7, "password": "$pw"}`, want: `!400`},
			{name: "REST with a long account", as: "none", send: "POST /api/v2/login/account", with: `{"account": "` + strings.Repeat("x", 600) + `", "password": "$pw"}`, want: `!400`},
			{name: "directories elsewhere", as: "none", send: "POST /api/v2/ldap/verify-user", with: `{"username": "ann", "password": "x"}`, want: `!501`},
			{name: "and Active Directory", as: "none", send: "POST /api/v2/ad/verify-user", with: `{"username": "ann", "password": "x"}`, want: `!501`},

			{name: "oneself", as: "restToken", send: "GET /api/v2/users/me", want: `{"id": "$ann", "token": "$restToken"}`},
			{name: "nobody's self", as: "none", send: "GET /api/v2/users/me", want: `!2020`},
			{name: "status", as: "none", send: "POST /api/v2/users/login/check-status", with: `{"token": "$restToken"}`, want: `{"id": "$ann", "userPoolId": "$one"}`},
			{name: "a name is there", as: "none", send: `{isUserExists(username: "bob")}`, want: `{"isUserExists": true}`},
			{name: "a name is not", as: "none", send: `{isUserExists(email: "nobody@example.com")}`, want: `{"isUserExists": false}`},
			{name: "claims", as: "none", send: "GET /api/v2/oidc/validate_token?id_token=$annToken", want: `{"sub": "$ann", "aud": "$app", "userpool_id": "$one", "data": {"clientId": "$one"}}`},
		})
	})
}

// What browser clients decide by: both numbers, the tries that are left, and never another HTTP status.
func TestSignInEnvelopes(t *testing.T) {
	h := oneHall(t)
	h.passwords(t, "Passw0rd!", "wrong")
	h.run(t, []step{{send: createUser, with: `{"u": {"username": "ann", "email": "ann@example.com", "password": "` + h.known["pw"] + `"}}`, save: "ann=createUser.id"}})
	read := func(w interface{ Bytes() []byte }) map[string]any {
		var m map[string]any
		if err := json.Unmarshal(w.Bytes(), &m); err != nil {
			t.Fatalf("%v: %s", err, w.Bytes())
		}
		return m
	}
	w := h.request("POST", "/api/v2/login/account", vars("account", "ann", "password", h.known["pw2"]), "")
	m := read(w.Body)
	if w.Code != 200 || m["code"] != 2333.0 || m["apiCode"] != 2333.0 || m["statusCode"] != 403.0 || compare(m["data"], map[string]any{"remainCount": "*"}, "data") != "" {
		t.Errorf("%d %v", w.Code, m)
	}
	if w.Header().Get("Set-Cookie") != "" {
		t.Error("a cookie for nobody")
	}
	w = h.request("POST", "/api/v2/login/account", vars("account", "ann", "password", h.known["pw"]), "")
	if m = read(w.Body); m["code"] != 200.0 || m["statusCode"] != 200.0 || m["apiCode"] != nil {
		t.Errorf("%v", m)
	}
	cookie := w.Header().Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "guildhall-"+h.one.ID+"=") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
		t.Errorf("cookie %q", cookie)
	}
	// GraphQL tells the same beside its text.
	body, _ := json.Marshal(map[string]any{"query": loginByUsername, "variables": map[string]any{"i": map[string]string{"username": "ann", "password": h.known["pw2"]}}})
	m = read(h.request("POST", "/graphql/v2", string(body), "").Body)
	message := m["errors"].([]any)[0].(map[string]any)["message"].(map[string]any)
	if message["code"] != 2333.0 || compare(message["data"], map[string]any{"remainCount": "*"}, "data") != "" {
		t.Errorf("%v", message)
	}
	// Too many of them lock the account, and unlocking is by another number than blocking.
	for range 12 {
		m = read(h.request("POST", "/api/v2/login/account", vars("account", "ann", "password", h.known["pw2"]), "").Body)
	}
	if m["code"] == 2333.0 || m["code"] == 200.0 {
		t.Errorf("after many tries: %v", m)
	}
}

// Who is asked for a step learns which, and takes it by the handle.
func TestSignInSteps(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.passwords(t, "Passw0rd!", "An0ther-one!")
		h.run(t, []step{
			{send: `mutation($u: CreateUserInput!) {createUser(userInfo: $u, resetPasswordOnFirstLogin: true) {id}}`, with: `{"u": {"username": "ann", "email": "ann@example.com", "password": "$pw"}}`, save: "ann=createUser.id"},
			{name: "the first sign-in", as: "none", send: "POST /api/v2/login/account", with: `{"account": "ann", "password": "$pw"}`, want: `!1639`},
		})
		var m map[string]any
		if err := json.Unmarshal(h.request("POST", "/api/v2/login/account", vars("account", "ann", "password", h.known["pw"]), "").Body.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		handle, _ := m["flowHandle"].(string)
		if m["statusCode"] != 302.0 || handle == "" || compare(m["data"], map[string]any{"token": handle, "email": "ann@example.com"}, "data") != "" {
			t.Fatalf("%v", m)
		}
		h.known["handle"] = handle
		first := `mutation($t: String!, $p: String!) {resetPasswordByFirstLoginToken(token: $t, password: $p) {code}}`
		h.run(t, []step{
			{name: "no handle", as: "none", send: first, with: `{"t": "x", "p": "$pw2"}`, want: `!2021`},
			{name: "in the clear", as: "none", send: first, with: `{"t": "$handle", "p": "x"}`, want: `!2016`},
			{name: "the handle opens nothing else", as: "handle", send: `{user {id}}`, want: `!2207`},
			{name: "another step's call", as: "none", send: `mutation($t: String!, $p: String!) {resetPasswordByForceResetToken(token: $t, oldPassword: $p, newPassword: $p) {code}}`, with: `{"t": "$handle", "p": "$pw2"}`, want: `!2021`},
			{name: "a new password", as: "none", send: first, with: `{"t": "$handle", "p": "$pw2"}`, want: `{"resetPasswordByFirstLoginToken": {"code": 200}}`},
			{name: "once", as: "none", send: first, with: `{"t": "$handle", "p": "$pw2"}`, want: `!2021`},
			{name: "the old one is gone", as: "none", send: loginByUsername, with: `{"i": {"username": "ann", "password": "$pw"}}`, want: `!2333`},
			{name: "the new one holds", as: "none", send: loginByUsername, with: `{"i": {"username": "ann", "password": "$pw2"}}`, want: `{"loginByUsername": {"id": "$ann", "token": "*"}}`},
		})
	})
}

func TestCodesByWire(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.passwords(t, "Passw0rd!", "An0ther-one!", "An0ther-two!")
		code := func(name, to string) { h.known[name] = h.Mail(t, to).Code }
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann", "email": "ann@example.com", "phone": "13800000001", "password": "$pw"}}`, save: "ann=createUser.id"},
			{name: "send", as: "none", send: sendEmail, with: `{"e": "ann@example.com", "s": "LOGIN_VERIFY_CODE"}`, want: `{"sendEmail": {"code": 200}}`},
			{name: "too soon", as: "none", send: sendEmail, with: `{"e": "ann@example.com", "s": "LOGIN_VERIFY_CODE"}`, want: `!2080`},
			{name: "nobody's address is sent to as well", as: "none", send: "POST /api/v2/email/send", with: `{"email": "nobody@example.com", "scene": "RESET_PASSWORD_VERIFY_CODE"}`, want: `{"code": 200}`},
			{name: "no address", as: "none", send: "POST /api/v2/email/send", with: `{"email": "nobody", "scene": "LOGIN_VERIFY_CODE"}`, want: `!400`},
			{name: "no scene", as: "none", send: "POST /api/v2/email/send", with: `{"email": "ann@example.com", "scene": "WELCOME_EMAIL"}`, want: `!400`},
			{name: "by SMS", as: "none", send: "POST /api/v2/sms/send-login", with: `{"phone": "13800000001", "phoneCountryCode": "+86", "scene": "login"}`, want: `{"code": 200}`},
			{name: "no number", as: "none", send: "POST /api/v2/sms/send", with: `{"phone": "nobody"}`, want: `!400`},
			{name: "no SMS scene", as: "none", send: "POST /api/v2/sms/send", with: `{"phone": "13800000001", "scene": "poem"}`, want: `!400`},
		})
		code("mail", "ann@example.com")
		code("sms", "+8613800000001")
		h.run(t, []step{
			{name: "a code of another address", as: "none", send: "POST /api/v2/login/email-code", with: `{"email": "nobody@example.com", "code": "$mail"}`, want: `!2001`},
			{name: "by mail", as: "none", send: "POST /api/v2/login/email-code", with: `{"email": "ann@example.com", "code": "$mail"}`, want: `{"id": "$ann", "emailVerified": true, "token": "*"}`},
			{name: "once", as: "none", send: "POST /api/v2/login/email-code", with: `{"email": "ann@example.com", "code": "$mail"}`, want: `!2300`},
			{name: "by SMS", as: "none", send: loginByCode, with: `{"i": {"phone": "13800000001", "phoneCountryCode": "+86", "code": "$sms"}}`, want: `{"loginByPhoneCode": {"id": "$ann"}}`},

			{name: "ask for a reset", as: "none", send: sendEmail, with: `{"e": "ann@example.com", "s": "RESET_PASSWORD"}`, want: `{"sendEmail": {"code": 200}}`},
			{name: "a code for anything", as: "none", send: "POST /api/v2/sms/send", with: `{"phone": "13800000002", "phoneCountryCode": "+86"}`, want: `{"code": 200}`},
		})
		code("reset", "ann@example.com")
		code("any", "+8613800000002")
		reset := `mutation($e: String, $c: String!, $p: String!) {resetPassword(email: $e, code: $c, newPassword: $p) {code}}`
		h.run(t, []step{
			{name: "a wrong code", as: "none", send: reset, with: `{"e": "ann@example.com", "c": "000000", "p": "$pw2"}`, want: `!2300`},
			{name: "reset", as: "none", send: reset, with: `{"e": "ann@example.com", "c": "$reset", "p": "$pw2"}`, want: `{"resetPassword": {"code": 200}}`},
			{name: "the new one holds", as: "none", send: loginByUsername, with: `{"i": {"username": "ann", "password": "$pw2"}}`, want: `{"loginByUsername": {"id": "$ann"}}`},
			{name: "register by a code for anything", as: "none", send: registerPhone, with: `{"i": {"phone": "13800000002", "phoneCountryCode": "+86", "code": "$any", "forceLogin": true}}`,
				want: `{"registerByPhoneCode": {"phoneVerified": true, "token": "*"}}`},
			{name: "it, too, serves once", as: "none", send: loginByCode, with: `{"i": {"phone": "13800000002", "phoneCountryCode": "+86", "code": "$any"}}`, want: `!2001`},
			{name: "a reset in two calls", as: "none", send: "POST /api/v2/sms/send", with: `{"phone": "13800000001", "phoneCountryCode": "+86", "scene": "reset"}`, want: `{"code": 200}`},
		})
		code("reset", "+8613800000001")
		h.known["other"] = h.encrypted(t, h.one.ID, "not the same")
		h.run(t, []step{
			{name: "the permit", as: "none", send: "POST /api/v2/users/password/forget/check-code", with: `{"phone": "13800000001", "phoneCountryCode": "+86", "code": "$reset"}`,
				want: `{"resetPasswordToken": "*", "userId": "$ann", "passwordStrength": 1, "customPasswordStrength": {"enabled": false}}`, save: "permit=resetPasswordToken"},
			{name: "two passwords", as: "none", send: "POST /api/v2/users/password/password-reset", with: `{"newPassword": "$pw3", "repeatPassword": "$other", "resetPasswordToken": "$permit"}`, want: `!400`},
			{name: "no permit", as: "none", send: "POST /api/v2/users/password/password-reset", with: `{"newPassword": "$pw3", "resetPasswordToken": "x"}`, want: `!400`},
			{name: "reset", as: "none", send: "POST /api/v2/users/password/password-reset", with: `{"newPassword": "$pw3", "repeatPassword": "$pw3", "resetPasswordToken": "$permit"}`, want: `null`},
			{name: "once", as: "none", send: "POST /api/v2/users/password/password-reset", with: `{"newPassword": "$pw3", "resetPasswordToken": "$permit"}`, want: `!400`},
			{name: "the new one holds", as: "none", send: loginByUsername, with: `{"i": {"username": "ann", "password": "$pw3"}}`, want: `{"loginByUsername": {"id": "$ann"}}`},
		})
	})
}

func TestRegisterREST(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.change(t, func(s *signin.AppSettings) {
			s.RegisterMethods = append(slices.Clone(s.RegisterMethods), signin.LoginUsernamePassword, signin.LoginPhonePassword)
		})
		h.passwords(t, "Passw0rd!", "x")
		h.run(t, []step{
			{name: "e-mail", as: "none", send: "POST /api/v2/register-email", with: `{"email": "ann@example.com", "password": "$pw", "profile": {"browser": "Chromium", "device": "PC"},
				"forceLogin": false, "generateToken": true, "context": "{}", "postUserInfoPipeline": false}`, want: `{"email": "ann@example.com", "browser": "Chromium", "token": "*"}`},
			{name: "taken", as: "none", send: "POST /api/v2/register-email", with: `{"email": "ann@example.com", "password": "$pw"}`, want: `!2026`},
			{name: "unsafe", as: "none", send: "POST /api/v2/register-email", with: `{"email": "bob@example.com", "password": "$pw2"}`, want: `!2061`},
			{name: "no password", as: "none", send: "POST /api/v2/register-email", with: `{"email": "bob@example.com"}`, want: `!400`},
			{name: "user name", as: "none", send: "POST /api/v2/register-username", with: `{"account": "bob", "password": "$pw", "params": "[{\"key\":\"school\",\"value\":\"MIT\"}]", "withCustomData": true}`,
				want: `{"username": "bob", "token": null, "customData": [{"key": "school"}]}`},
			{name: "what is no route", as: "none", send: "POST /api/v2/registers", with: `{"account": "x"}`, want: `!404`},
			{name: "nor this", as: "none", send: "POST /api/v2/register-", with: `{"account": "x", "password": "$pw"}`, want: `!404`},
			{name: "a field that is none", as: "none", send: "POST /api/v2/register-poem", with: `{"account": "x", "password": "$pw"}`, want: `!400`},
			{name: "a code that nobody sent", as: "none", send: "POST /api/v2/register-email-code", with: `{"email": "cay@example.com", "code": "123456"}`, want: `!2001`},
			{name: "no code", as: "none", send: "POST /api/v2/register-phone-code", with: `{"phone": "13800000001"}`, want: `!400`},
			{name: "custom values that are none", as: "none", send: "POST /api/v2/register-username", with: `{"account": "dan", "password": "$pw", "params": 7}`, want: `!400`},
			{send: "POST /api/v2/email/send", as: "none", with: `{"email": "cay@example.com", "scene": "REGISTER_VERIFY_CODE"}`},
		})
		h.known["code"] = h.Mail(t, "cay@example.com").Code
		h.run(t, []step{
			{name: "by a code", as: "none", send: "POST /api/v2/register/email-code", with: `{"email": "cay@example.com", "code": "$code", "profile": {"nickname": "Cay"}}`,
				want: `{"email": "cay@example.com", "emailVerified": true, "nickname": "Cay"}`},
		})
	})
}

// What users do to their own account, by the code that goes to the new address.
func TestOwnAddresses(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.passwords(t, "Passw0rd!", "An0ther-one!", "wrong")
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann", "password": "$pw"}}`, save: "ann=createUser.id"},
			{as: "none", send: loginByUsername, with: `{"i": {"username": "ann", "password": "$pw"}}`, save: "annToken=loginByUsername.token"},
			{as: "none", send: sendEmail, with: `{"e": "ann@example.com", "s": "EMAIL_BIND_VERIFY_CODE"}`},
			{as: "none", send: "POST /api/v2/sms/send", with: `{"phone": "13800000001", "phoneCountryCode": "+86", "scene": "bind"}`},
		})
		h.known["mail"], h.known["sms"] = h.Mail(t, "ann@example.com").Code, h.Mail(t, "+8613800000001").Code
		bindEmail := `mutation($e: String!, $c: String!) {bindEmail(email: $e, emailCode: $c) {email emailVerified token}}`
		h.run(t, []step{
			{name: "nobody binds", as: "none", send: bindEmail, with: `{"e": "ann@example.com", "c": "$mail"}`, want: `!2020`},
			{name: "a key does not bind", send: bindEmail, with: `{"e": "ann@example.com", "c": "$mail"}`, want: `!1001`},
			{name: "a wrong code", as: "annToken", send: bindEmail, with: `{"e": "ann@example.com", "c": "000000"}`, want: `!2001`},
			{name: "bind an e-mail", as: "annToken", send: bindEmail, with: `{"e": "ann@example.com", "c": "$mail"}`, want: `{"bindEmail": {"email": "ann@example.com", "emailVerified": true, "token": "$annToken"}}`},
			{name: "bind a number", as: "annToken", send: `mutation($c: String!) {bindPhone(phone: "13800000001", phoneCode: $c, phoneCountryCode: "+86") {phone phoneVerified}}`, with: `{"c": "$sms"}`,
				want: `{"bindPhone": {"phone": "13800000001", "phoneVerified": true}}`},
			{name: "how it is kept", as: "annToken", send: "GET /api/v2/users/me/security-level", want: `{"email": true, "phone": true, "password": true, "mfa": false, "score": "*"}`},
			{name: "which applications", as: "annToken", send: "GET /api/v2/users/me/applications/allowed?page=1&limit=10", want: `{"totalCount": 1, "list": [{"id": "$app", "name": "one"}]}`},
			{as: "none", send: sendEmail, with: `{"e": "new@example.com", "s": "CHANGE_EMAIL"}`},
			{as: "none", send: sendEmail, with: `{"e": "ann@example.com", "s": "CHANGE_EMAIL"}`},
		})
		h.known["new"], h.known["old"] = h.Mail(t, "new@example.com").Code, h.Mail(t, "ann@example.com").Code
		updateEmail := `mutation($e: String!, $c: String!, $o: String, $d: String) {updateEmail(email: $e, emailCode: $c, oldEmail: $o, oldEmailCode: $d) {email}}`
		h.run(t, []step{
			{name: "another e-mail", as: "annToken", send: updateEmail, with: `{"e": "new@example.com", "c": "$new", "o": "ann@example.com", "d": "$old"}`, want: `{"updateEmail": {"email": "new@example.com"}}`},
			{name: "none any more", as: "annToken", send: `mutation {unbindEmail {email}}`, want: `{"unbindEmail": {"email": null}}`},
			{name: "nor a number", as: "annToken", send: `mutation {unbindPhone {phone}}`, want: `{"unbindPhone": {"phone": null}}`},

			{name: "a wrong old password", as: "annToken", send: `mutation($n: String!, $o: String) {updatePassword(newPassword: $n, oldPassword: $o) {id}}`, with: `{"n": "$pw2", "o": "$pw3"}`, want: `!2203`},
			{name: "no old password", as: "annToken", send: `mutation($n: String!) {updatePassword(newPassword: $n) {id}}`, with: `{"n": "$pw2"}`, want: `!2201`},
			{name: "another password", as: "annToken", send: `mutation($n: String!, $o: String) {updatePassword(newPassword: $n, oldPassword: $o) {id token}}`, with: `{"n": "$pw2", "o": "$pw"}`, want: `{"updatePassword": {"id": "$ann", "token": "$annToken"}}`},
			{name: "the session goes on", as: "annToken", send: `{user {id}}`, want: `{"user": {"id": "$ann"}}`},
			{name: "own values", as: "annToken", send: `mutation {setUdv(targetType: USER, targetId: "$ann", key: "school", value: "\"MIT\"") {key value}}`, want: `{"setUdv": [{"key": "school"}]}`},
			{name: "nobody else's", as: "annToken", send: `mutation {setUdv(targetType: USER, targetId: "$nobody", key: "school", value: "\"MIT\"") {key}}`, want: `!1001`},
			{name: "nor another kind's", as: "annToken", send: `mutation {setUdv(targetType: ROLE, targetId: "$ann", key: "school", value: "\"MIT\"") {key}}`, want: `!1001`},
			{name: "no value", as: "annToken", send: `mutation {removeUdv(targetType: USER, targetId: "$ann", key: "school") {key}}`, want: `{"removeUdv": []}`},
		})
	})
}

// A browser's cookie: what it opens, for whose pages, and how it ends.
func TestBrowserSession(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const home, stranger = "https://app.example.com", "https://stranger.example.net"
		h.change(t, func(s *signin.AppSettings) {
			s.RedirectURIs, s.LogoutRedirectURIs = []string{home + "/cb"}, []string{home + "/bye"}
		})
		h.passwords(t, "Passw0rd!")
		h.run(t, []step{{send: createUser, with: `{"u": {"username": "ann", "password": "$pw"}}`, save: "ann=createUser.id"}})
		signIn := func() (cookie, token string) {
			w := h.request("POST", "/api/v2/login/account", vars("account", "ann", "password", h.known["pw"]), "")
			_, data := readREST(t, w.Body.Bytes())
			cookie, _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
			return cookie, data.(map[string]any)["token"].(string)
		}
		session := func(cookie, origin string) (user any) {
			headers := []string{"Cookie", cookie, headerApp, h.one.AppID}
			if origin != "" {
				headers = append(headers, "Origin", origin)
			}
			var m map[string]any
			w := h.request("GET", "/cas/session", "", "", headers...)
			if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if info, ok := m["userInfo"].(map[string]any); ok && m["session"] != nil && info["token"] != nil {
				return info["id"]
			}
			if m["session"] != nil || m["userInfo"] != nil {
				t.Errorf("half a session: %v", m)
			}
			return nil
		}
		cookie, token := signIn()
		for _, c := range []struct {
			name, cookie, origin string
			want                 any
		}{
			{"the application's page", cookie, home, h.known["ann"]},
			{"the server's own page", cookie, "", h.known["ann"]},
			{"a stranger's page", cookie, stranger, nil},
			{"no page at all", cookie, "null", nil},
			{"no cookie", "", home, nil},
			{"a forged cookie", cookie + "x", home, nil},
			{"half a cookie", cookie[:len(cookie)-20], home, nil},
		} {
			if got := session(c.cookie, c.origin); got != c.want {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
		}
		// A stranger's page cannot sign anybody out.
		h.request("GET", "/logout", "", "", "Cookie", cookie, "Origin", stranger)
		if session(cookie, home) == nil {
			t.Error("a stranger's page has ended the session")
		}
		w := h.request("GET", "/api/v2/logout?app_id="+h.one.AppID, "", token, "Cookie", cookie, "Origin", home, headerApp, h.one.AppID)
		if code, _ := readREST(t, w.Body.Bytes()); code != 200 || !strings.Contains(w.Header().Get("Set-Cookie"), "guildhall-"+h.one.ID+"=;") {
			t.Errorf("%s, cookie %q", w.Body, w.Header().Get("Set-Cookie"))
		}
		if session(cookie, home) != nil {
			t.Error("the session goes on")
		}
		if code, _ := readREST(t, h.request("GET", "/api/v2/users/me", "", token).Body.Bytes()); code != 2207 {
			t.Errorf("the token goes on: %d", code)
		}

		// The address that browsers are sent to goes on to registered places only.
		for _, c := range []struct{ to, want string }{
			{home + "/bye", home + "/bye"}, {home + "/bye/", ""}, {home + "/cb", ""}, {"https://stranger.example.net/", ""}, {"//stranger.example.net", ""},
			{"javascript:alert(1)", ""}, {"", ""},
		} {
			cookie, _ := signIn()
			w := h.request("GET", "/login/profile/logout?redirect_uri="+c.to, "", "", "Cookie", cookie)
			want := c.want
			if want == "" {
				want = h.api.baseURL + "/oidc/session/end"
			}
			if got := w.Header().Get("Location"); w.Code != http.StatusFound || got != want {
				t.Errorf("%q: %d to %q, want %q", c.to, w.Code, got, want)
			}
			if session(cookie, home) != nil {
				t.Error("the session goes on")
			}
		}
	})
}

func TestScanRoutes(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.run(t, []step{
			{name: "not offered", as: "none", send: "POST /api/v2/qrcode/gene", with: `{"scene": "APP_AUTH"}`, want: `!2037`},
			{name: "the vendor's mini program", as: "none", send: "POST /api/v2/qrcode/gene", with: `{"scene": "WXAPP_AUTH"}`, want: `!501`},
		})
		h.change(t, func(s *signin.AppSettings) { s.LoginMethods = append(slices.Clone(s.LoginMethods), signin.LoginQRCode) })
		inBrowser := func(yes bool) {
			h.change(t, func(s *signin.AppSettings) {
				s.CustomSecurity = true
				s.Security.QRCodeLogin = &directory.QRCodeLogin{ExchangeInBrowser: &yes}
			})
		}
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann", "nickname": "Annie"}}`, save: "ann=createUser.id"},
			{name: "begin", as: "none", send: "POST /api/v2/qrcode/gene", with: `{"scene": "APP_AUTH", "autoMergeQrCode": false, "withCustomData": true}`, want: `{"random": "*", "url": "*", "customLogo": null}`, save: "random=random"},
			{name: "new", as: "none", send: "GET /api/v2/qrcode/check?random=$random", want: `{"random": "$random", "status": 0, "userInfo": null}`},
			{name: "unknown", as: "none", send: "GET /api/v2/qrcode/check?random=x", want: `{"status": -1}`},
			{name: "nothing", as: "none", send: "GET /api/v2/qrcode/check", want: `!400`},
		})
		act := func(action signin.ScanAction) {
			t.Helper()
			if err := h.Signin.ActOnScan(h.one.As(t.Context()), h.one.ID, h.known["ann"], h.known["random"], action); err != nil {
				t.Fatal(err)
			}
		}
		act(signin.ScanScan)
		h.run(t, []step{{name: "scanned", as: "none", send: "GET /api/v2/qrcode/check?random=$random", want: `{"status": 1, "userInfo": {"nickname": "Annie", "photo": "*"}}`}})
		act(signin.ScanAllow)
		h.run(t, []step{
			{name: "allowed", as: "none", send: "GET /api/v2/qrcode/check?random=$random", want: `{"status": 2, "ticket": "*", "userInfo": {"nickname": "Annie"}}`, save: "ticket=ticket"},
			{name: "still", as: "none", send: "GET /api/v2/qrcode/check?random=$random", want: `{"status": 2, "ticket": "$ticket"}`},
			{name: "browsers exchange none unless the pool says so", as: "none", send: "POST /api/v2/qrcode/userinfo", with: `{"ticket": "$ticket"}`, want: `!1001`},
		})
		inBrowser(true)
		h.run(t, []step{
			{name: "another ticket", as: "none", send: "POST /api/v2/qrcode/userinfo", with: `{"ticket": "$random"}`, want: `!2109`},
			{name: "exchange", as: "none", send: "POST /api/v2/qrcode/userinfo", with: `{"ticket": "$ticket"}`, want: `{"id": "$ann", "token": "*", "customData": []}`, save: "token=token"},
			{name: "once", as: "none", send: "POST /api/v2/qrcode/userinfo", with: `{"ticket": "$ticket"}`, want: `!2109`},
			{name: "signed in", as: "token", send: `{user {id}}`, want: `{"user": {"id": "$ann"}}`},
		})
	})
}

// A door that has the word for agreements asks for those that are required; one that has it not asks for none.
func TestSignInAgreements(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.passwords(t, "Passw0rd!")
		h.change(t, func(s *signin.AppSettings) { s.AgreementsEnabled = true })
		at := signin.AgreeAtBoth
		made, err := h.Signin.CreateAgreement(h.one.As(t.Context()), h.one.ID, h.one.AppID, signin.AgreementInput{Title: new("Terms"), AvailableAt: &at})
		if err != nil {
			t.Fatal(err)
		}
		h.known["terms"] = strconv.FormatInt(made.ID, 10)
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann", "password": "$pw"}}`},
			{name: "no word", as: "none", send: "POST /api/v2/login/account", with: `{"account": "ann", "password": "$pw"}`, want: `{"token": "*"}`},
			{name: "none", as: "none", send: "POST /api/v2/login/account", with: `{"account": "ann", "password": "$pw", "agreementIds": []}`, want: `!400`},
			{name: "nonsense", as: "none", send: "POST /api/v2/login/account", with: `{"account": "ann", "password": "$pw", "agreementIds": ["x"]}`, want: `!400`},
			{name: "all", as: "none", send: "POST /api/v2/login/account", with: `{"account": "ann", "password": "$pw", "agreementIds": [$terms]}`, want: `{"token": "*"}`},
			{name: "none, with a code", as: "none", send: "POST /api/v2/login/email-code", with: `{"email": "x@example.com", "code": "1234", "agreementIds": []}`, want: `!400`},
			{name: "none, with a phone's code", as: "none", send: "POST /api/v2/login/phone-code", with: `{"phone": "13800000001", "code": "1234", "agreementIds": []}`, want: `!400`},
		})
	})
}

// A captcha's picture, and the browser that it is tied to.
func TestCaptchaPicture(t *testing.T) {
	h := oneHall(t)
	for _, c := range []struct{ name, cookie string }{{"of the pool that was asked for", captchaPool + "=" + h.two.ID}, {"of the default pool", ""}, {"nonsense", captchaPool + "=%%%"}} {
		w := h.request("GET", "/api/v2/security/captcha?r=1", "", "", "Cookie", c.cookie)
		if w.Code != 200 || w.Header().Get("Content-Type") != "image/svg+xml" || !strings.Contains(w.Body.String(), "<svg") || !strings.HasPrefix(w.Header().Get("Set-Cookie"), captchaCookie+"=") {
			t.Errorf("%s: %d %v %.60s", c.name, w.Code, w.Header(), w.Body)
		}
	}
	if code, _ := readREST(t, h.request("GET", "/api/v2/security/captcha", "", "", "Cookie", captchaPool+"="+h.known["nobody"]).Body.Bytes()); code != 2224 {
		t.Errorf("a pool that is none: %d", code)
	}
}
