package v3

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// otpOf is the present code of the secret in an otpauth address.
func otpOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(u.Query().Get("secret"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// person makes a user and is their client.
func (h *apiHall) person(t testing.TB, name string) (*directory.User, *client) {
	t.Helper()
	u, err := h.Directory.CreateUser(h.pool.As(t.Context()), h.pool.ID, directory.NewUser{
		UserInput: directory.UserInput{Username: &name, Email: new(name + "@example.com")}, Password: &directory.PasswordInput{Text: "correct horse"}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.Signin.UserToken(h.pool.As(t.Context()), h.pool.ID, u.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	return u, h.client().with("X-Authing-App-Id", h.pool.AppID).bearer(token.Text)
}

func TestEnrolFactors(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		_, ann := h.person(t, "ann")
		_, bob := h.person(t, "bob")
		s := newScript(t, ann)
		s.run(t, []step{
			{"listEnrolledFactors", ``, "200 []", ""},
			{"listFactorsToEnroll", ``, `200 [{"factorType":"OTP"},{"factorType":"SMS"},{"factorType":"EMAIL"}]`, ""},
			{"mfaOtpVerify", `{"totp":"123456"}`, "404 未绑定 OTP", ""},
			{"sendEnrollFactorRequest", `{"factorType":"FACE","profile":{}}`, "501 暂不支持认证因素 FACE", ""},
			{"sendEnrollFactorRequest", `{"factorType":"MAGIC","profile":{}}`, "400 参数 factorType 格式错误", ""},
			{"sendEnrollFactorRequest", `{"factorType":"EMAIL","profile":{}}`, "400 参数 email 格式错误", ""},
			{"sendEnrollFactorRequest", `{"factorType":"OTP","profile":{}}`, `200 {"enrollmentToken":"*","otpData":{"qrCodeUri":"*","qrCodeDataUrl":"*","recoveryCode":"*"}}`,
				"token=enrollmentToken uri=otpData.qrCodeUri"},
			{"enrollFactor", `{"factorType":"OTP","enrollmentToken":"{token}","enrollmentData":{"passCode":"000000"}}`, "499 动态验证码错误", ""},
			{"enrollFactor", `{"factorType":"FACE","enrollmentToken":"{token}","enrollmentData":{"photo":"x"}}`, "501 暂不支持认证因素 FACE", ""},
			{"enrollFactor", `{"factorType":"SMS","enrollmentToken":"{token}","enrollmentData":{"passCode":"000000"}}`, "400 绑定请求无效或已过期，请重新发起", ""},
		})
		s.names["code"] = otpOf(t, s.names["uri"])
		s.run(t, []step{
			{"enrollFactor", `{"factorType":"OTP","enrollmentToken":"{token}","enrollmentData":{"passCode":"{code}"}}`, "200", ""},
			{"enrollFactor", `{"factorType":"OTP","enrollmentToken":"{token}","enrollmentData":{"passCode":"{code}"}}`, "400 绑定请求无效或已过期，请重新发起", ""},
			{"sendEnrollFactorRequest", `{"factorType":"OTP","profile":{}}`, "409 已绑定该类型的 MFA 认证因素", ""},
			{"listEnrolledFactors", ``, `200 [{"factorType":"OTP","factorId":"*","profile":{}}]`, "otp=0.factorId"},
			{"getFactor", `{"factorId":"{otp}"}`, `200 {"factorType":"OTP","factorId":"{otp}"}`, ""},
			{"getFactor", `{"factorId":"{nobody}"}`, "404 MFA 认证因素不存在", ""},
			{"mfaOtpVerify", `{"totp":"{code}"}`, `200 {"verified":true}`, ""},
			{"mfaOtpVerify", `{"totp":"{code}"}`, "499 动态验证码错误", ""},
			{"sendEnrollFactorRequest", `{"factorType":"EMAIL","profile":{"email":"Other@example.com"}}`, `200 {"enrollmentToken":"*"}`, "token=enrollmentToken"},
		})
		s.names["code"] = h.Mail(t, "other@example.com").Code
		s.run(t, []step{
			{"enrollFactor", `{"factorType":"EMAIL","enrollmentToken":"{token}","enrollmentData":{"passCode":"{code}"}}`, "200", ""},
			{"listEnrolledFactors", ``, `200 [{"factorType":"OTP"},{"factorType":"EMAIL","profile":{"email":"other@example.com"}}]`, "mail=1.factorId"},
			{"listFactorsToEnroll", ``, `200 [{"factorType":"SMS"}]`, ""},
		})
		if got := bob.send(t, "POST", "/api/v3/reset-factor", `{"factorId":"`+s.names["mail"]+`"}`); got.StatusCode != 404 {
			t.Error("another's factor:", got.Text)
		}
		s.run(t, []step{
			{"resetFactor", `{"factorId":"{mail}"}`, "200", ""},
			{"resetFactor", `{"factorId":"{mail}"}`, "404 MFA 认证因素不存在", ""},
			{"resetFactor", `{"factorId":"{otp}"}`, "200", ""},
			{"listEnrolledFactors", ``, "200 []", ""},
		})
		if got := ann.send(t, "GET", "/api/v3/x/list-remembered-devices", ""); got.StatusCode != 200 || fmt.Sprint(got.Data) != "[]" {
			t.Error(got.Text)
		}
		if got := ann.send(t, "POST", "/api/v3/x/forget-remembered-device", `{"id":"ffffffffffffffffffffffff"}`); got.StatusCode != 404 {
			t.Error(got.Text)
		}
		if got := ann.send(t, "POST", "/api/v3/x/forget-remembered-device", `{"all":true}`); got.StatusCode != 200 {
			t.Error(got.Text)
		}
	})
}

func TestMFAToken(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		u, _ := h.person(t, "ann")
		app, err := h.Signin.UpdateApplication(h.pool.As(t.Context()), h.pool.ID, h.pool.AppID, signin.ApplicationPatch{
			Settings: func(s *signin.AppSettings) error { s.Factors = &[]string{"PASSKEY"}; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.Signin.SignIn(t.Context(), app, signin.Attempt{Method: signin.ByPassword, Account: "ann", Password: "correct horse"})
		if err != nil || out.Step == nil {
			t.Fatal(out, err)
		}
		door := h.atDoorOf(h.pool.AppID)
		for _, c := range []struct {
			name, body, header string
			want               string
		}{
			{"nothing", `{}`, "", `{"active":false}`},
			{"nonsense", `{"token":"x"}`, "", `{"active":false}`},
			{"in the body", `{"token":"` + out.Step.Handle + `"}`, "", `{"active":true,"userPoolId":"` + h.pool.ID + `","userId":"` + u.ID + `"`},
			{"in the header", ``, out.Step.Handle, `{"active":true,"userPoolId":"` + h.pool.ID + `","userId":"` + u.ID + `"`},
		} {
			as := door
			if c.header != "" {
				as = door.with("Authorization", c.header)
			}
			if got := as.send(t, "POST", "/mfa/token/introspection", c.body); !strings.HasPrefix(strings.TrimSpace(got.Text), c.want) {
				t.Errorf("%s: %s", c.name, got.Text)
			}
		}
		pending := door.with("Authorization", "Bearer "+out.Step.Handle)
		if got := door.send(t, "POST", "/api/v3/webauthn/mfa-bind/initialize", `{}`); got.StatusCode != 401 {
			t.Error(got.Text)
		}
		if got := pending.send(t, "POST", "/api/v3/webauthn/mfa-verify/initialize", `{}`); got.StatusCode != 403 {
			t.Error("there is no passkey:", got.Text)
		}
		got := pending.send(t, "POST", "/api/v3/webauthn/mfa-bind/initialize", `{}`)
		if got.StatusCode != 200 || dig(got.Data, "publicKey.challenge") == nil || dig(got.Data, "ticket") == nil {
			t.Error(got.Text)
		}
	})
}

func TestPasskeys(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		u, ann := h.person(t, "ann")
		bobUser, bob := h.person(t, "bob")
		rp := virtualwebauthn.RelyingParty{ID: "guildhall.test", Name: "first", Origin: testhall.BaseURL}
		auth := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(u.ID)})
		key := testhall.NewPasskey()
		text := func(v any) string { return compact(v) }
		register := func(options any) string {
			t.Helper()
			o, err := virtualwebauthn.ParseAttestationOptions(text(options))
			if err != nil {
				t.Fatal(err)
			}
			return virtualwebauthn.CreateAttestationResponse(rp, auth, key, *o)
		}
		answerTo := func(options any) string {
			t.Helper()
			o, err := virtualwebauthn.ParseAssertionOptions(text(options))
			if err != nil {
				t.Fatal(err)
			}
			key.Counter++
			return virtualwebauthn.CreateAssertionResponse(rp, auth, key, *o)
		}

		begun := ann.send(t, "GET", "/api/v3/webauthn/registration", "")
		if dig(begun.Data, "registrationOptions.excludeCredentials") == nil || dig(begun.Data, "registrationOptions.rp.id") != "guildhall.test" {
			t.Fatal(begun.Text)
		}
		body := fmt.Sprintf(`{"ticket":%q,"registrationCredential":%s,"authenticatorCode":"fingerprint"}`, dig(begun.Data, "ticket"), register(dig(begun.Data, "registrationOptions")))
		if got := ann.send(t, "POST", "/api/v3/webauthn/registration", body); dig(got.Data, "verified") != true {
			t.Fatal(got.Text)
		}
		if got := ann.send(t, "POST", "/api/v3/webauthn/registration", body); got.StatusCode != 400 {
			t.Error("the same again:", got.Text)
		}

		door := h.atDoorOf(h.pool.AppID)
		begun = door.send(t, "GET", "/api/v3/webauthn/authentication", "")
		got := door.send(t, "POST", "/api/v3/webauthn/authentication", fmt.Sprintf(`{"ticket":%q,"authenticationCredential":%s,"options":{"scope":"openid"}}`,
			dig(begun.Data, "ticket"), answerTo(dig(begun.Data, "authenticationOptions"))))
		if dig(got.Data, "verified") != true || dig(got.Data, "tokenSet.access_token") == nil || dig(got.Data, "tokenSet.scope") != "openid" {
			t.Fatal(got.Text)
		}
		signed := h.client().with("X-Authing-App-Id", h.pool.AppID).bearer(fmt.Sprint(dig(got.Data, "tokenSet.access_token")))
		if got := signed.send(t, "GET", "/api/v3/webauthn/credentials", ""); dig(got.Data, "totalCount") != float64(1) {
			t.Error(got.Text)
		}
		begun = door.send(t, "POST", "/api/v3/webauthn/login/initialize", `{"account":"ann"}`)
		got = door.send(t, "POST", "/api/v3/webauthn/login/finalize", fmt.Sprintf(`{"ticket":%q,"credential":%s}`, dig(begun.Data, "ticket"), answerTo(dig(begun.Data, "publicKey"))))
		if dig(got.Data, "id") != u.ID || dig(got.Data, "token") == nil {
			t.Fatal(got.Text)
		}
		if got := door.send(t, "POST", "/api/v3/webauthn/login/finalize", `{"ticket":"x","credential":{}}`); got.StatusCode != 400 {
			t.Error(got.Text)
		}
		if got := door.with("X-Authing-App-Id", "").send(t, "POST", "/api/v3/webauthn/login/initialize", `{}`); got.StatusCode != 404 {
			t.Error("no application:", got.Text)
		}

		s := newScript(t, ann)
		s.names["cred"], s.names["ann"], s.names["app"] = "", u.ID, h.pool.AppID
		page := ann.send(t, "POST", "/api/v3/webauthn/page-authenticator-device", `{}`)
		if !strings.Contains(page.Text, `"totalCount":1,"list":[{`) || dig(page.Data, "totalCount") != float64(1) {
			t.Error(page.Text)
		}
		id := fmt.Sprint(dig(page.Data, "list.0.credentialId"))
		const literal = "400 参数 credentialId 未替换为真实的 Passkey ID"
		for _, c := range []struct {
			name, method, path, body, want string
			as                             *client
		}{
			{"listed by the user", "GET", "/api/v3/webauthn/person/credentials", `{"userId":"` + u.ID + `"}`, "200", ann},
			{"listed by another", "GET", "/api/v3/webauthn/person/credentials", `{"userId":"` + u.ID + `"}`, "403", bob},
			{"listed by an administrator", "GET", "/api/v3/webauthn/person/credentials", `{"userId":"` + u.ID + `"}`, "200", h.client()},
			{"known", "POST", "/api/v3/webauthn/check-valid-credentials-by-credIds", `{"credIds":["` + id + `","x"]}`, "200", ann},
			{"renamed without an identifier", "PUT", "/api/v3/webauthn/credentials/%7BcredentialId%7D", `{"name":"Phone"}`, literal, ann},
			{"renamed by the body's", "PUT", "/api/v3/webauthn/credentials/%7BcredentialId%7D", `{"credentialId":"` + id + `","name":"Phone"}`, "200", ann},
			{"renamed", "PUT", "/api/v3/webauthn/credentials/" + id, `{"name":"Phone"}`, "200", ann},
			{"renamed by another", "PUT", "/api/v3/webauthn/credentials/" + id, `{"name":"Phone"}`, "404", bob},
			{"renamed by an administrator", "PUT", "/api/v3/webauthn/admin/credentials/" + id, `{"name":"Desk"}`, "200", h.client()},
			{"administrators only", "PUT", "/api/v3/webauthn/admin/credentials/" + id, `{"name":"Desk"}`, "403", ann},
			{"removed without an identifier", "DELETE", "/api/v3/webauthn/credentials/%7BcredentialId%7D", ``, literal, ann},
			{"removed by an administrator without one", "DELETE", "/api/v3/webauthn/admin/credentials/%7BcredentialId%7D/%7BuserId%7D/%7BappId%7D", ``, literal, h.client().bearer(h.token(t, h.pool))},
			{"removed the old way without one", "POST", "/api/v3/webauthn/remove-credential/%7BcredentialID%7D", `{}`, literal, ann},
			{"removed by another", "POST", "/api/v3/webauthn/remove-credential/" + id, `{}`, "404", bob},
			{"of another user", "DELETE", "/api/v3/webauthn/admin/credentials/" + id + "/" + bobUser.ID + "/" + h.pool.AppID, ``, "404", h.client()},
			{"removed by an administrator", "DELETE", "/api/v3/webauthn/admin/credentials/" + id + "/" + u.ID + "/" + h.pool.AppID, ``, "200", h.client()},
			{"removed already", "DELETE", "/api/v3/webauthn/credentials/" + id, ``, "404", ann},
			{"all of none", "POST", "/api/v3/webauthn/remove-credentials-by-authenticator-code", `{}`, "200", ann},
		} {
			got := c.as.send(t, c.method, c.path, c.body)
			if said := fmt.Sprint(got.StatusCode, " ", got.Message); !strings.HasPrefix(said, c.want) {
				t.Errorf("%s: %s", c.name, got.Text)
			}
		}

		begun = h.client().send(t, "POST", "/api/v3/webauthn/admin/initialize", `{"userId":"`+u.ID+`"}`)
		got = h.client().raw(t, "POST", "/api/v3/webauthn/admin/registration/finalize", "{}", "/api/v3/webauthn/admin/registration/finalize", nil)
		if got.StatusCode != 400 || dig(begun.Data, "publicKey.challenge") == nil {
			t.Error(got.Text, begun.Text)
		}
		begun = ann.send(t, "POST", "/api/v3/webauthn/registration/initialize", `{}`)
		got = ann.send(t, "POST", "/api/v3/webauthn/registration/finalize", fmt.Sprintf(`{"ticket":%q,"credential":%s,"name":"Laptop"}`,
			dig(begun.Data, "ticket"), register(dig(begun.Data, "publicKey"))))
		if dig(got.Data, "name") != "Laptop" || dig(got.Data, "userId") != u.ID {
			t.Error(got.Text)
		}
	})
}
