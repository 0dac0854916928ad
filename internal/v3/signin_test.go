package v3

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// atDoorOf is the authentication client of an application: it signs nothing.
func (h *apiHall) atDoorOf(appID string) *client {
	c := h.client().with("X-Authing-App-Id", appID)
	c.unsigned = true
	return c
}

// publicApp makes an application without a secret.
func (h *apiHall) publicApp(t testing.TB) *signin.Application {
	t.Helper()
	app, err := h.Signin.CreateApplication(h.pool.As(t.Context()), h.pool.ID, signin.NewApplication{Name: "public", Type: signin.BrowserApp})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// passcode is the code that a channel sends.
func (h *apiHall) passcode(t testing.TB, p signin.Purpose, to signin.Address) string {
	t.Helper()
	app, err := h.Signin.Application(t.Context(), h.pool.AppID)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Signin.SendPasscode(t.Context(), app, p, to); err != nil {
		t.Fatal(err)
	}
	if to.Email != "" {
		return h.Mail(t, to.Email).Code
	}
	return h.Mail(t, "+86"+to.Phone).Code
}

// encrypted is a password as clients send it by RSA.
func (h *apiHall) encrypted(t testing.TB, password string) string {
	t.Helper()
	keys, err := h.Directory.Keys(t.Context(), h.pool.ID)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(keys.RSAPublic))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, key.(*rsa.PublicKey), []byte(password))
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sealed)
}

func TestSignInAndUp(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.atDoorOf(h.pool.AppID))
		s.names["app"], s.names["secret"] = h.pool.AppID, h.pool.AppSecret
		s.names["rsa"] = h.encrypted(t, "correct horse")
		s.names["signup"] = h.passcode(t, signin.PurposeRegister, signin.Address{Email: "code@example.com"})
		s.names["login"] = h.passcode(t, signin.PurposeLogin, signin.Address{Email: "code@example.com"})
		s.names["auto"] = h.passcode(t, signin.PurposeLogin, signin.Address{Phone: "13800000001"})
		shown := `"client_id":"{app}","client_secret":"{secret}"`
		const wrong, noSecret = "403 账号或密码错误", "401 缺少应用密钥"
		s.run(t, []step{
			{"signUp", `{"connection":"PASSWORD","passwordPayload":{"password":"correct horse","username":"ann"},"profile":{"nickname":"Ann","customData":{"school":"MIT"}}}`,
				`200 {"username":"ann","nickname":"Ann","status":"Activated","userSourceType":"register","registerSource":["basic:username"]}`, "ann=userId"},
			{"signUp", `{"connection":"PASSWORD","passwordPayload":{"password":"{rsa}","email":"Bob@Example.com"},"options":{"passwordEncryptType":"rsa"},"unknown":{"a":1}}`,
				`200 {"email":"bob@example.com","emailVerified":false}`, "bob=userId"},
			{"signUp", `{"connection":"PASSWORD","passwordPayload":{"password":"x","username":"ann"}}`, "422 密码强度不足", ""},
			{"signUp", `{"connection":"PASSWORD","passwordPayload":{"password":"correct horse","username":"ann"}}`, "409 用户已存在", ""},
			{"signUp", `{"connection":"PASSWORD","passwordPayload":{"password":"nonsense","username":"cy"},"options":{"passwordEncryptType":"rsa"}}`, "499 密码解密失败", ""},
			{"signUp", `{"connection":"PASSWORD","passwordPayload":{"password":"nonsense","username":"cy"},"options":{"passwordEncryptType":"des"}}`, "400 参数 passwordEncryptType 格式错误", ""},
			{"signUp", `{"connection":"PASSWORD"}`, "400 参数 passwordPayload 格式错误", ""},
			{"signUp", `{"connection":"PASSCODE","passCodePayload":{"email":"code@example.com","passCode":"000000"}}`, "403 验证码错误", ""},
			{"signUp", `{"connection":"PASSCODE","passCodePayload":{"email":"code@example.com","passCode":"{signup}"}}`, `200 {"emailVerified":true}`, ""},
			{"signUp", `{"connection":"PASSCODE","passCodePayload":{"email":"code@example.com","passCode":"{signup}"}}`, "403 验证码已失效，请重新获取", ""},

			{"signInByCredentials", `{` + shown + `,"connection":"PASSWORD","passwordPayload":{"account":"ann","password":"correct horse"}}`,
				`200 {"token_type":"Bearer","scope":"openid profile username email phone","access_token":"*","id_token":"*","refresh_token":"-","expire_in":1209600}`, ""},
			{"signInByCredentials", `{` + shown + `,"connection":"PASSWORD","passwordPayload":{"email":"BOB@example.com","password":"{rsa}"},"options":{"passwordEncryptType":"rsa","scope":"openid offline_access"}}`,
				`200 {"scope":"openid offline_access","refresh_token":"*"}`, ""},
			{"signInByCredentials", `{` + shown + `,"connection":"PASSCODE","passCodePayload":{"email":"code@example.com","passCode":"{login}"}}`, `200 {"access_token":"*"}`, ""},
			{"signInByCredentials", `{` + shown + `,"connection":"PASSCODE","passCodePayload":{"phone":"13800000001","passCode":"{auto}"},"options":{"autoRegister":true}}`, `200 {"access_token":"*"}`, ""},
			{"signInByCredentials", `{` + shown + `,"connection":"PASSWORD","passwordPayload":{"account":"ann","password":"wrong"}}`, wrong, ""},
			{"signInByCredentials", `{` + shown + `,"connection":"PASSWORD","passwordPayload":{"account":"nobody","password":"wrong"}}`, wrong, ""},
			{"signInByCredentials", `{` + shown + `,"connection":"PASSWORD","passwordPayload":{"account":"ann","password":"{long}"}}`, wrong, ""},
			{"signInByCredentials", `{` + shown + `,"connection":"PASSWORD","passwordPayload":{"account":"ann","password":"{long}"},"options":{"passwordEncryptType":"sm2"}}`, "499 密码解密失败", ""},
			{"signInByCredentials", `{` + shown + `,"connection":"PASSWORD","passwordPayload":{"password":"x"}}`, "400 参数 account 格式错误", ""},
			{"signInByCredentials", `{` + shown + `,"connection":"PASSCODE","passCodePayload":{"email":"a@example.com","phone":"13800000001","passCode":"1"}}`, "400 参数 account 格式错误", ""},
			{"signInByCredentials", `{` + shown + `,"connection":"LDAP","ldapPayload":{"password":"x","sAMAccountName":"y"}}`, "501 暂不支持操作 signInByLDAP", ""},
			{"signInByCredentials", `{` + shown + `,"connection":"AD","adPayload":{"password":"x","sAMAccountName":"y"}}`, "501 暂不支持操作 signInByAD", ""},
			{"signInByCredentials", `{` + shown + `,"connection":"MAGIC"}`, "400 参数 connection 格式错误", ""},
			{"signInByCredentials", `{"connection":"PASSWORD","passwordPayload":{"account":"ann","password":"correct horse"}}`, noSecret, ""},
			{"signInByCredentials", `{"client_id":"{app}","client_secret":"wrong","connection":"PASSWORD","passwordPayload":{"account":"ann","password":"correct horse"}}`, "401", ""},
			{"signInByCredentials", `{"client_id":"{nobody}","client_secret":"{secret}","connection":"PASSWORD","passwordPayload":{"account":"ann","password":"correct horse"}}`, "401", ""},
		})
		answer := s.c.send(t, "POST", "/api/v3/signin", s.fill(`{`+shown+`,"connection":"PASSWORD","passwordPayload":{"account":"ann","password":"wrong"}}`))
		if answer.APICode != 2333 {
			t.Error(answer.Text)
		}

		body := `{"connection":"PASSWORD","passwordPayload":{"account":"ann","password":"correct horse"}}`
		basic := func(id, secret string) *client {
			return s.c.with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
		}
		open := h.publicApp(t)
		for _, c := range []struct {
			name string
			c    *client
			want int
		}{
			{"basic", basic(h.pool.AppID, h.pool.AppSecret), 200},
			{"basic, wrong secret", basic(h.pool.AppID, "wrong"), 401},
			{"basic, no such application", basic(strings.Repeat("f", 24), "wrong"), 401},
			{"a stale token beside nothing", s.c.with("Authorization", "not.a.token"), 401},
			{"a public application", h.atDoorOf(open.ID), 200},
			{"no application", h.atDoorOf(""), 404},
			{"an application that is not there", h.atDoorOf(strings.Repeat("f", 24)), 404},
			{"no identifier", h.atDoorOf("x"), 404},
		} {
			if a := c.c.send(t, "POST", "/api/v3/signin", body); a.StatusCode != c.want {
				t.Errorf("%s: %s", c.name, a.Text)
			}
		}
	})
}

// A second factor that is wanted stops applications that cannot show a secret, and is passed over by those that do.
func TestSignInAndFactors(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		open := h.publicApp(t)
		for _, id := range []string{open.ID, h.pool.AppID} {
			if _, err := h.Signin.UpdateApplication(h.pool.As(t.Context()), h.pool.ID, id, signin.ApplicationPatch{Settings: func(s *signin.AppSettings) error {
				s.Factors = &[]string{"EMAIL"}
				return nil
			}}); err != nil {
				t.Fatal(err)
			}
		}
		if a := h.client().send(t, "POST", "/api/v3/create-user", `{"email":"ann@example.com","password":"correct horse","username":"ann"}`); a.StatusCode != 200 {
			t.Fatal(a.Text)
		}
		body := `"connection":"PASSWORD","passwordPayload":{"account":"ann","password":"correct horse"}`
		a := h.atDoorOf(open.ID).send(t, "POST", "/api/v3/signin", "{"+body+"}")
		token, _ := dig(a.Data, "mfaToken").(string)
		if a.StatusCode != 403 || a.APICode != 1636 || token == "" {
			t.Fatal(a.Text)
		}
		if f, err := h.Signin.Flow(t.Context(), token); err != nil || f.Step != signin.StepMFA {
			t.Error(f, err)
		}
		a = h.atDoorOf(h.pool.AppID).send(t, "POST", "/api/v3/signin", fmt.Sprintf(`{%s,"client_id":%q,"client_secret":%q}`, body, h.pool.AppID, h.pool.AppSecret))
		if a.StatusCode != 200 {
			t.Error(a.Text)
		}
	})
}

// signedIn is a client that speaks for a user by an access token of a scope.
func (h *apiHall) signedIn(t testing.TB, account, password, scope string) *client {
	t.Helper()
	c := h.atDoorOf(h.pool.AppID)
	a := c.send(t, "POST", "/api/v3/signin", fmt.Sprintf(`{"connection":"PASSWORD","client_id":%q,"client_secret":%q,"options":{"scope":%q},"passwordPayload":{"account":%q,"password":%q}}`,
		h.pool.AppID, h.pool.AppSecret, scope, account, password))
	token, _ := dig(a.Data, "access_token").(string)
	if token == "" {
		t.Fatal(a.Text)
	}
	return c.bearer(token)
}

func TestOwnAccount(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		if _, err := h.Directory.SetFields(h.pool.As(t.Context()), h.pool.ID, []directory.FieldInput{{TargetType: directory.UserTarget, Key: "salary", DataType: directory.NumberData}}); err != nil {
			t.Fatal(err)
		}
		made := h.client().send(t, "POST", "/api/v3/create-user",
			`{"customData":{"salary":9,"school":"MIT"},"email":"ann@example.com","externalId":"x-1","nickname":"Ann","password":"correct horse","phone":"13800000001","phoneCountryCode":"+86","username":"ann"}`)
		if made.StatusCode != 200 {
			t.Fatal(made.Text)
		}
		const all = "openid profile username email phone address external_id extended_fields"
		s := newScript(t, h.signedIn(t, "ann", "correct horse", all))
		s.names["app"], s.names["ann"] = h.pool.AppID, fmt.Sprint(dig(made.Data, "userId"))
		other := h.signedIn(t, "ann", "correct horse", all)
		email := func(a string) signin.Address { return signin.Address{Email: a} }
		phone := func(a string) signin.Address { return signin.Address{Phone: a} }
		for name, c := range map[string]struct {
			p  signin.Purpose
			to signin.Address
		}{
			"newEmail": {signin.PurposeUpdateEmail, email("new@example.com")}, "oldEmail": {signin.PurposeUpdateEmail, email("ann@example.com")},
			"unbindEmail": {signin.PurposeUnbindEmail, email("new@example.com")}, "bindEmail": {signin.PurposeBindEmail, email("third@example.com")},
			"newPhone": {signin.PurposeBindPhone, phone("13800000002")}, "oldPhone": {signin.PurposeUnbindPhone, phone("13800000001")},
			"unbindPhone": {signin.PurposeUnbindPhone, phone("13800000002")}, "bindPhone": {signin.PurposeBindPhone, phone("13800000003")},
		} {
			s.names[name] = h.passcode(t, c.p, c.to)
		}
		s.run(t, []step{
			{"getProfile", ``, `200 {"userId":"{ann}","username":"ann","email":"ann@example.com","phone":"13800000001","externalId":"x-1","customData":"-","identities":"-"}`, ""},
			{"getProfile", `{"withCustomData":true,"withDepartmentIds":true,"withIdentities":true}`, `200 {"customData":{"school":"MIT","salary":"-"},"identities":[],"departmentIds":[]}`, ""},
			{"updateProfile", `{"customData":{"age":7},"gender":"F","nickname":"Annie","nonsense":true}`, `200 {"nickname":"Annie","gender":"F","customData":{"school":"MIT","age":7}}`, ""},
			{"updateProfile", `{"customData":{"salary":10}}`, "403 没有权限修改字段 salary", ""},
			{"updateProfile", `{"externalId":"mine"}`, "403 没有权限修改字段 externalId", ""},
			{"updateProfile", `{"gender":"X"}`, "400 参数 gender 格式错误", ""},
			{"getSecurityLevel", ``, `200 {"emailBinded":true,"phoneBinded":true,"passwordSet":true,"mfaEnrolled":false}`, ""},

			{"verifyUpdateEmailRequest", `{"emailPassCodePayload":{"newEmail":"new@example.com","newEmailPassCode":"{newEmail}"},"verifyMethod":"EMAIL_PASSCODE"}`, "422 需要验证旧邮箱", ""},
			{"verifyUpdateEmailRequest", `{"emailPassCodePayload":{"newEmail":"new@example.com","newEmailPassCode":"000000","oldEmail":"ann@example.com","oldEmailPassCode":"{oldEmail}"},"verifyMethod":"EMAIL_PASSCODE"}`, "403 验证码错误", ""},
			{"verifyUpdateEmailRequest", `{"emailPassCodePayload":{"newEmail":"new@example.com","newEmailPassCode":"{newEmail}","oldEmail":"ann@example.com","oldEmailPassCode":"{oldEmail}"},"verifyMethod":"EMAIL_PASSCODE"}`,
				`200 {"updateEmailToken":"*","tokenExpiresIn":300}`, "token=updateEmailToken"},
			{"updatePhone", `{"updatePhoneToken":"{token}"}`, "400 token 无效或已过期", ""},
			{"updateEmail", `{"updateEmailToken":"{token}"}`, `200 {"success":true}`, ""},
			{"updateEmail", `{"updateEmailToken":"{token}"}`, "400 token 无效或已过期", ""},
			{"verifyUpdatePhoneRequest", `{"phonePassCodePayload":{"newPhoneNumber":"13800000002","newPhonePassCode":"{newPhone}","oldPhoneNumber":"13800000001","oldPhonePassCode":"{oldPhone}"},"verifyMethod":"PHONE_PASSCODE"}`,
				`200 {"updatePhoneToken":"*"}`, "token=updatePhoneToken"},
			{"verifyUpdatePhoneRequest", `{"verifyMethod":"PHONE_PASSCODE"}`, "400 参数 phonePassCodePayload 格式错误", ""},
			{"updatePhone", `{"updatePhoneToken":"{token}"}`, `200 {"success":true}`, ""},
			{"getProfile", ``, `200 {"email":"new@example.com","emailVerified":true,"phone":"13800000002","phoneVerified":true}`, ""},
			{"bindEmail", `{"email":"third@example.com","passCode":"{bindEmail}"}`, "409 已绑定邮箱", ""},
			{"unbindEmail", `{"passCode":"000000"}`, "403 验证码错误", ""},
			{"unbindEmail", `{"passCode":"{unbindEmail}"}`, "200", ""},
			{"bindEmail", `{"email":"third@example.com","passCode":"{bindEmail}"}`, "200", ""},
			{"bindPhone", `{"passCode":"{bindPhone}","phoneNumber":"13800000003"}`, "409 已绑定手机号", ""},
			{"unbindPhone", `{"passCode":"{unbindPhone}"}`, "200", ""},
			{"unbindPhone", `{"passCode":"{unbindPhone}"}`, "422 未绑定手机号", ""},
			{"bindPhone", `{"passCode":"{bindPhone}","phoneNumber":"13800000003"}`, "200", ""},

			{"getLoginHistory", `{"limit":1}`, `200 {"totalCount":2,"list":[{"appId":"{app}","success":true,"clientIp":"192.0.2.7","loginMethod":"pwd"}]}`, ""},
			{"getLoginHistory", `{"start":-1}`, "400 参数 start 格式错误", ""},
			{"getLoggedInApps", ``, `200 [{"appId":"{app}","active":true}]`, ""},
			{"getAccessibleApps", ``, `200 [{"appId":"{app}","active":true}]`, ""},
			{"getTenantList", ``, `200 []`, ""},
			{"getRoleList", ``, `200 []`, ""},
			{"getGroupList", ``, `200 []`, ""},
			{"getDepartmentList", ``, `200 {"totalCount":0,"list":[]}`, ""},
			{"getIdentities", ``, `200 []`, ""},
			{"listSubjectAuth", ``, `200 {"list":[]}`, ""},
			{"getApplicationEnabledExtIdps", ``, `200 []`, ""},
			{"unlinkExtIdp", `{"extIdpId":"x"}`, "404 身份不存在", ""},
			{"getCountryList", ``, `200`, ""},
			{"generateLinkExtIdpUrl", `{"app_id":"x","ext_idp_conn_identifier":"x","id_token":"x"}`, "501", ""},
			{"switchLoginByUser", `{"targetUserId":"x"}`, "501", ""},
			{"listPublicAccountsForSwitchLoggedIn", ``, "501", ""},

			{"updatePassword", `{"newPassword":"new horse"}`, "400 请输入旧密码", ""},
			{"updatePassword", `{"newPassword":"new horse","oldPassword":"wrong"}`, "403 旧密码错误", ""},
			{"updatePassword", `{"newPassword":"x","oldPassword":"y","passwordEncryptType":"rsa"}`, "499 密码解密失败", ""},
			{"updatePassword", `{"newPassword":"new horse","oldPassword":"correct horse"}`, "200", ""},
			{"validatePassword", `{"password":"new horse","username":"ann"}`, `200 {"valid":true}`, ""},
			{"validatePassword", `{"email":"third@example.com","password":"wrong","username":"ann"}`, `200 {"valid":false}`, ""},
			{"validatePassword", `{"password":"x","username":"nobody"}`, `200 {"valid":false}`, ""},
			{"validatePassword", `{"password":"x"}`, "400 参数 username 格式错误", ""},
		})
		if a := other.send(t, "GET", "/api/v3/get-profile", ""); a.StatusCode != 401 {
			t.Errorf("a token of before outlives the password: %s", a.Text)
		}

		devices := s.c.send(t, "GET", "/api/v3/mydevices/list", "")
		if list, _ := devices.Data.([]any); len(list) != 1 || dig(list[0], "online") != true || dig(list[0], "lastIp") != "192.0.2.7" {
			t.Fatal(devices.Text)
		}
		h.signedIn(t, "ann", "new horse", "openid")
		s.names["device"] = fmt.Sprint(dig(s.c.send(t, "GET", "/api/v3/mydevices/list", "").Data, "0.device.deviceId"))
		s.run(t, []step{
			{"revoke", `{"deviceId":"{nobody}"}`, "401 会话不存在或已结束", ""},
			{"revoke", `{"deviceId":"{device}"}`, "200", ""},
			{"unbind", `{"deviceId":"{device}"}`, "401 会话不存在或已结束", ""},
			{"verifyDeleteAccountRequest", `{"passwordPayload":{"password":"wrong"},"verifyMethod":"PASSWORD"}`, "403 旧密码错误", ""},
			{"verifyDeleteAccountRequest", `{"verifyMethod":"PASSWORD"}`, "400 参数 passwordPayload 格式错误", ""},
			{"verifyDeleteAccountRequest", `{"passwordPayload":{"password":"new horse"},"verifyMethod":"PASSWORD"}`, `200 {"deleteAccountToken":"*"}`, "token=deleteAccountToken"},
			{"deleteAccount", `{"deleteAccountToken":"x"}`, "400 token 无效或已过期", ""},
			{"deleteAccount", `{"deleteAccountToken":"{token}"}`, `200 {"success":true}`, ""},
			{"getProfile", ``, "401 令牌无效或已过期", ""},
		})
		elsewhere := map[string]bool{"list": true}
		for _, o := range slices.Concat(h.api.profileOperations(), h.api.myOperations()) {
			reset := strings.Contains(o.Name, "esetPassword")
			if !s.succeeded[o.Name] && !reset && !elsewhere[o.Name] && o.Name != "unlinkExtIdp" && o.Name != "unbind" {
				t.Errorf("%s never succeeded", o.Name)
			}
		}
	})
}

func TestResetPassword(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		if a := h.client().send(t, "POST", "/api/v3/create-user", `{"email":"ann@example.com","password":"correct horse","phone":"13800000001","username":"ann"}`); a.StatusCode != 200 {
			t.Fatal(a.Text)
		}
		holder := h.signedIn(t, "ann", "correct horse", "openid")
		s := newScript(t, h.atDoorOf(h.pool.AppID))
		s.names["mail"] = h.passcode(t, signin.PurposeResetPassword, signin.Address{Email: "ann@example.com"})
		s.names["sms"] = h.passcode(t, signin.PurposeResetPassword, signin.Address{Phone: "13800000001"})
		s.run(t, []step{
			{"verifyResetPasswordRequest", `{"emailPassCodePayload":{"email":"ann@example.com","passCode":"000000"},"verifyMethod":"EMAIL_PASSCODE"}`, "403 验证码错误", ""},
			{"verifyResetPasswordRequest", `{"emailPassCodePayload":{"email":"nobody@example.com","passCode":"000000"},"verifyMethod":"EMAIL_PASSCODE"}`, "403 验证码错误", ""},
			{"verifyResetPasswordRequest", `{"emailPassCodePayload":{"passCode":"000000"},"verifyMethod":"EMAIL_PASSCODE"}`, "400 参数 email 格式错误", ""},
			{"verifyResetPasswordRequest", `{"verifyMethod":"PHONE_PASSCODE"}`, "400 参数 phonePassCodePayload 格式错误", ""},
			{"verifyResetPasswordRequest", `{"emailPassCodePayload":{"email":"ann@example.com","passCode":"{mail}"},"verifyMethod":"EMAIL_PASSCODE"}`,
				`200 {"passwordResetToken":"*","tokenExpiresIn":900}`, "token=passwordResetToken"},
			{"resetPassword", `{"password":"12345","passwordResetToken":"{token}"}`, "422 密码强度不足", ""},
			{"resetPassword", `{"password":"new horse","passwordResetToken":"x"}`, "400 token 无效或已过期", ""},
			{"resetPassword", `{"password":"x","passwordEncryptType":"sm2","passwordResetToken":"{token}"}`, "499 密码解密失败", ""},
			{"resetPassword", `{"password":"new horse","passwordResetToken":"{token}"}`, `200 {"success":true}`, ""},
			{"resetPassword", `{"password":"new horse","passwordResetToken":"{token}"}`, "400 token 无效或已过期", ""},
			{"verifyResetPasswordRequest", `{"phonePassCodePayload":{"passCode":"{sms}","phoneNumber":"13800000001"},"verifyMethod":"PHONE_PASSCODE"}`, `200`, ""},
		})
		if a := holder.send(t, "GET", "/api/v3/get-profile", ""); a.StatusCode != 401 {
			t.Errorf("a token of before outlives the password: %s", a.Text)
		}
		h.signedIn(t, "ann", "new horse", "openid")
	})
}

// What a token's scope does not cover is not shown.
func TestProfileScopes(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		if a := h.client().send(t, "POST", "/api/v3/create-user",
			`{"country":"CN","customData":{"school":"MIT"},"email":"ann@example.com","externalId":"x-1","nickname":"Ann","password":"correct horse","phone":"13800000001","username":"ann"}`); a.StatusCode != 200 {
			t.Fatal(a.Text)
		}
		fields := []string{"email", "phone", "username", "externalId", "nickname", "country"}
		for scope, want := range map[string][]string{
			"openid": nil, "openid email": {"email"}, "openid phone": {"phone"}, "openid username": {"username"}, "openid external_id": {"externalId"},
			"openid address": {"country"}, "openid profile": {"username", "nickname", "country", "school"}, "openid extended_fields": {"school"},
		} {
			a := h.signedIn(t, "ann", "correct horse", scope).send(t, "GET", "/api/v3/get-profile", `{"withCustomData":true}`)
			var got []string
			for _, f := range fields {
				if dig(a.Data, f) != nil {
					got = append(got, f)
				}
			}
			if dig(a.Data, "customData.school") != nil {
				got = append(got, "school")
			}
			if a.StatusCode != 200 || !slices.Equal(got, want) || dig(a.Data, "userId") == nil {
				t.Errorf("%s shows %v, want %v: %s", scope, got, want, a.Text)
			}
		}
		token, err := h.Signin.UserToken(h.pool.As(t.Context()), h.pool.ID, fmt.Sprint(dig(h.signedIn(t, "ann", "correct horse", "openid").send(t, "GET", "/api/v3/get-profile", "").Data, "userId")), "")
		if err != nil {
			t.Fatal(err)
		}
		if a := h.client().bearer(token.Text).send(t, "GET", "/api/v3/get-profile", ""); dig(a.Data, "email") != "ann@example.com" {
			t.Errorf("the token of the older clients shows %s", a.Text)
		}
	})
}

// What administrators see of sign-ins, and end.
func TestSignedInUsers(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		made := h.client().send(t, "POST", "/api/v3/create-user", `{"password":"correct horse","username":"ann"}`)
		s := newScript(t, h.client())
		maps.Copy(s.names, map[string]string{"ann": fmt.Sprint(dig(made.Data, "userId")), "app": h.pool.AppID})
		s.run(t, []step{{"checkSessionStatus", `{"appId":"{app}","userId":"{ann}"}`, `200 {"active":false}`, ""}})
		holder := h.signedIn(t, "ann", "correct horse", "openid")
		s.run(t, []step{
			{"checkSessionStatus", `{"appId":"{app}","userId":"{ann}"}`, `200 {"active":true}`, ""},
			{"checkSessionStatus", `{"appId":"{nobody}","userId":"{ann}"}`, `200 {"active":false}`, ""},
			{"checkSessionStatus", `{"appId":"{app}","userId":"{nobody}"}`, `200 {"active":false}`, ""},
			{"getUserLoginHistory", `{"userId":"{ann}"}`, `200 {"totalCount":1,"list":[{"appId":"{app}","clientIp":"192.0.2.7"}]}`, ""},
			{"getUserLoginHistory", `{"clientIp":"198.51.100.1","userId":"{ann}"}`, `200 {"totalCount":0}`, ""},
			{"getUserLoggedinApps", `{"userId":"{ann}"}`, `200 [{"appId":"{app}"}]`, ""},
			{"getUserLoggedinIdentities", `{"userId":"{ann}"}`, `200 []`, ""},
			{"kickUsers", `{"appIds":["{nobody}"],"userId":"{ann}"}`, `200 {"success":true}`, ""},
			{"checkSessionStatus", `{"appId":"{app}","userId":"{ann}"}`, `200 {"active":true}`, ""},
			{"kickUsers", `{"appIds":["{app}"],"options":{"userIdType":"username"},"userId":"ann"}`, `200 {"success":true}`, ""},
			{"checkSessionStatus", `{"appId":"{app}","userId":"{ann}"}`, `200 {"active":false}`, ""},
			{"getUserLoggedinApps", `{"userId":"{ann}"}`, `200 []`, ""},
		})
		if a := holder.send(t, "GET", "/api/v3/get-profile", ""); a.StatusCode != 401 {
			t.Errorf("who was kicked still holds a token: %s", a.Text)
		}
	})
}
