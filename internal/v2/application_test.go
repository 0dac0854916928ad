package v2

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/signin"
)

func TestApplications(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const apps = "/api/v2/applications"
		h.run(t, []step{
			{name: "create", send: "POST " + apps, with: `{"name": "Shop", "identifier": "shop", "redirectUris": ["https://shop.example/callback"], "logo": "https://shop.example/logo.png"}`,
				want: `{"id": "*", "secret": "*", "userPoolId": "$one", "name": "Shop", "identifier": "shop", "redirectUris": ["https://shop.example/callback"], "logo": "https://shop.example/logo.png",
					"isDefault": false, "isDeleted": false, "oidcProviderEnabled": true, "samlProviderEnabled": false, "appType": "INDIVIDUAL", "loginTabs": ["password", "phone-code"], "defaultLoginTab": "password",
					"registerTabs": ["email", "phone", "emailCode"], "defaultRegisterTab": "email", "permissionStrategy": {"enabled": true, "defaultStrategy": "ALLOW_ALL"},
					"oidcConfig": {"client_id": "*", "client_secret": "*", "redirect_uris": ["https://shop.example/callback"], "id_token_signed_response_alg": "HS256", "authorization_code_expire": 600, "skip_consent": true},
					"oauthConfig": {"redirect_uris": ["https://shop.example/callback"]}, "jwks": {"keys": "*"}}`, save: "shop=id"},
			{name: "only a name", send: "POST " + apps, with: `{"name": "Plain"}`, want: `{"name": "Plain", "identifier": "*", "secret": "*", "redirectUris": []}`, save: "plain=id"},
			{name: "no name", send: "POST " + apps, with: `{"identifier": "x"}`, want: `!400`},
			{name: "a taken identifier", send: "POST " + apps, with: `{"name": "Shop", "identifier": "shop"}`, want: `!2039`},
			{name: "a bad identifier", send: "POST " + apps, with: `{"name": "Shop", "identifier": "a b"}`, want: `!400`},
			{name: "a bad redirect URI", send: "POST " + apps, with: `{"name": "Shop", "redirectUris": ["javascript:alert(1)"]}`, want: `!400`},
			{name: "the other pool takes it too", as: "key2", send: "POST " + apps, with: `{"name": "Shop", "identifier": "shop"}`, want: `{"userPoolId": "$two"}`},
			{name: "list", send: "GET " + apps, want: `{"totalCount": 3, "list": [{"id": "$plain", "secret": null}, {"id": "$shop", "name": "Shop"}, {"id": "$app", "isDefault": true}]}`},
			{name: "a page", send: "GET " + apps + "?page=2&limit=1", want: `{"totalCount": 3, "list": [{"id": "$shop"}]}`},
			{name: "no page", send: "GET " + apps + "?page=0", want: `!400`},
			{name: "find", send: "GET " + apps + "/$shop", want: `{"id": "$shop", "secret": null, "domain": "guildhall.test", "oidcConfig": {"client_id": "$shop", "client_secret": null}}`},
			{name: "find nothing", send: "GET " + apps + "/$nobody", want: `!2011`},
			{name: "find nonsense", send: "GET " + apps + "/x", want: `!2011`},
			{name: "find another pool's", send: "GET " + apps + "/$app2", want: `!2011`},
			{name: "whom it is for", send: "POST " + apps + "/$shop", with: `{"appType": "BOTH"}`, want: `{"id": "$shop", "appType": "BOTH"}`},
			{name: "in the client's spelling", send: "POST " + apps + "/$shop", with: `{"appType": "Tenant"}`, want: `{"appType": "TENANT"}`},
			{name: "for nobody", send: "POST " + apps + "/$shop", with: `{"appType": "x"}`, want: `!400`},
			{name: "of another pool", send: "POST " + apps + "/$app2", with: `{"appType": "BOTH"}`, want: `!2011`},
			{name: "more of it", send: "POST " + apps + "/$shop", with: `{"name": "Shop 2", "description": "Buy", "allowedOrigins": ["https://shop.example"], "logoutRedirectUris": ["https://shop.example/bye"],
				"permissionStrategy": {"defaultStrategy": "DENY_ALL"}}`, want: `{"name": "Shop 2", "description": "Buy", "allowedOrigins": ["https://shop.example"], "logoutRedirectUris": ["https://shop.example/bye"],
				"redirectUris": ["https://shop.example/callback"], "permissionStrategy": {"defaultStrategy": "DENY_ALL"}, "appType": "TENANT"}`},
			{name: "all or nothing", send: "POST " + apps + "/$shop", with: `{"permissionStrategy": {"defaultStrategy": "ALLOW_ALL"}, "redirectUris": ["x"]}`, want: `!400`},
			{name: "nothing", send: "GET " + apps + "/$shop", want: `{"permissionStrategy": {"defaultStrategy": "DENY_ALL"}, "redirectUris": ["https://shop.example/callback"]}`},
			{name: "a new secret", send: "PATCH /api/v2/application/$shop/refresh-secret", want: `{"id": "$shop", "secret": "*"}`, save: "fresh=secret"},
			{name: "a new one again", send: "PATCH /api/v2/application/$shop/refresh-secret", want: `{"id": "$shop", "secret": "*"}`, save: "fresher=secret"},
			{name: "of another pool's", send: "PATCH /api/v2/application/$app2/refresh-secret", want: `!2011`},
			{name: "tenants", send: "GET /api/v2/application/$shop/tenants", want: `{"id": "$shop", "name": "Shop 2", "tenants": []}`},
			{name: "tenants of another pool's", send: "GET /api/v2/application/$app2/tenants", want: `!2011`},
			{name: "nobody has signed in", send: "GET " + apps + "/$shop/active-users?page=1&limit=10", want: `{"totalCount": 0, "list": []}`},
			{name: "to another pool's", send: "GET " + apps + "/$app2/active-users", want: `!2011`},
			{name: "delete another pool's", send: "DELETE " + apps + "/$app2", want: `!2011`},
			{name: "delete", send: "DELETE " + apps + "/$plain"},
			{name: "delete again", send: "DELETE " + apps + "/$plain", want: `!2011`},
			{name: "what is left", send: "GET " + apps, want: `{"totalCount": 2}`},
		})
		if h.known["fresh"] == h.known["fresher"] {
			t.Error("the new secret is the old one")
		}
		app, err := h.Signin.Application(t.Context(), h.known["shop"])
		if err != nil {
			t.Fatal(err)
		}
		if secret, err := h.Signin.ApplicationSecret(t.Context(), app); err != nil || secret != h.known["fresher"] {
			t.Errorf("the last secret does not hold: %v", err)
		}
	})
}

func TestAgreements(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const at = "/api/v2/applications/$app/agreements"
		create := func(body, want string) json.Number {
			t.Helper()
			w := h.request("POST", h.fill(at), body, h.known["key"])
			var answer struct {
				Code int
				Data struct {
					ID    json.Number
					Title string
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Code != 200 || answer.Data.Title != want {
				t.Fatalf("%s: %v", w.Body, err)
			}
			return answer.Data.ID
		}
		first := create(`{"title": "I agree to the <a href='https://example.com/terms'>terms</a><script>x</script>", "lang": "zh-CN", "required": true}`,
			`I agree to the <a href="https://example.com/terms" target="_blank" rel="noopener noreferrer">terms</a>`)
		second := create(`{"title": "News", "lang": "en-US", "required": false, "availableAt": 2}`, "News")
		h.known["a"], h.known["b"] = first.String(), second.String()
		h.run(t, []step{
			{name: "list", send: "GET " + at, want: `{"totalCount": 2, "list": [{"id": $a, "appId": "$app", "userPoolId": "$one", "required": true, "lang": "zh-CN", "availableAt": 0, "order": 1},
				{"id": $b, "title": "News", "required": false, "lang": "en-US", "availableAt": 2, "order": 2}]}`},
			{name: "modify", send: "PUT " + at + "/$b", with: `{"title": "Letters"}`, want: `{"id": $b, "title": "Letters", "required": false, "availableAt": 2}`},
			{name: "modify to nothing", send: "PUT " + at + "/$b", with: `{"title": ""}`, want: `!400`},
			{name: "another place", send: "PUT " + at + "/$b", with: `{"availableAt": 7}`, want: `!400`},
			{name: "sort", send: "POST " + at + "/sort", with: `{"ids": [$b, $a]}`},
			{name: "sorted", send: "GET " + at, want: `{"list": [{"id": $b}, {"id": $a}]}`},
			{name: "sort a part", send: "POST " + at + "/sort", with: `{"ids": [$b]}`, want: `!400`},
			{name: "sort texts", send: "POST " + at + "/sort", with: `{"ids": ["$b", "$a"]}`, want: `!400`},
			{name: "no language", send: "POST " + at, with: `{"title": "x", "lang": "xx"}`, want: `!400`},
			{name: "no title", send: "POST " + at, with: `{"lang": "zh-CN"}`, want: `!400`},
			{name: "another pool lists", as: "key2", send: "GET " + at, want: `!2011`},
			{name: "another pool adds", as: "key2", send: "POST " + at, with: `{"title": "x"}`, want: `!2011`},
			{name: "another pool modifies", as: "key2", send: "PUT " + at + "/$b", with: `{"title": "x"}`, want: `!2011`},
			{name: "another pool deletes", as: "key2", send: "DELETE " + at + "/$b", want: `!2011`},
			{name: "another pool sorts", as: "key2", send: "POST " + at + "/sort", with: `{"ids": [$b, $a]}`, want: `!2011`},
			{name: "of another application", as: "key2", send: "DELETE /api/v2/applications/$app2/agreements/$b", want: `!404`},
			{name: "a nonsense one", send: "DELETE " + at + "/x", want: `!404`},
			{name: "delete", send: "DELETE " + at + "/$a"},
			{name: "delete again", send: "DELETE " + at + "/$a", want: `!404`},
		})
	})
}

// Everything that the login component cannot do without is there, and nothing that is secret.
func TestPublicConfig(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		ctx := h.one.As(t.Context())
		if _, err := h.Signin.UpdateApplication(ctx, h.one.ID, h.one.AppID, signin.ApplicationPatch{Settings: func(s *signin.AppSettings) error {
			s.RedirectURIs = []string{"https://app.example.com/callback"}
			s.AllowedOrigins = []string{"https://page.example.com"}
			s.AgreementsEnabled = true
			s.Branding.Enabled, s.Branding.Texts = true, map[string]string{"subtitle": "Hello", "subtitle.zh-CN": "你好"}
			s.CompletionAt = []string{signin.AtRegister}
			s.CompletionFields = []signin.AskedFor{{Name: "nickname", Required: true}, {Name: "gender"}, {Name: "school", Custom: true}, {Name: "gone", Custom: true}}
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Signin.CreateAgreement(ctx, h.one.ID, h.one.AppID, signin.AgreementInput{Title: new("Terms")}); err != nil {
			t.Fatal(err)
		}
		off, err := h.Signin.CreateApplication(ctx, h.one.ID, signin.NewApplication{Name: "off"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Signin.UpdateApplication(ctx, h.one.ID, off.ID, signin.ApplicationPatch{Enabled: new(false)}); err != nil {
			t.Fatal(err)
		}
		h.known["off"] = off.ID
		const config = "GET /api/v2/applications/$app/public-config"
		h.run(t, []step{
			{name: "what it renders", as: "none", send: config, want: `{"id": "$app", "userPoolId": "$one", "name": "one", "cdnBase": "http://guildhall.test/cdn", "requestHostname": "guildhall.test", "publicKey": "*", "logo": "*",
				"ssoPageComponentDisplay": {"autoRegisterThenLoginHintInfo": false, "forgetPasswordBtn": true, "registerBtn": true},
				"passwordTabConfig": {"enabledLoginMethods": ["username-password", "email-password", "phone-password"], "validLoginMethods": ["username-password", "email-password", "phone-password"], "validRegisterMethods": ["email-password"]},
				"verifyCodeTabConfig": {"enabledLoginMethods": ["phone-code", "email-code"], "validLoginMethods": ["phone-code", "email-code"], "validRegisterMethods": ["phone-code", "email-code"]},
				"loginTabs": {"list": ["password", "phone-code"], "default": "password", "title": {}}, "registerTabs": {"list": ["email", "phone", "emailCode"], "default": "email"},
				"tabMethodsFields": [{"key": "username", "label": "用户名", "labelEn": "Username", "i18n": {"en-US": "Username"}}, {"key": "email"}, {"key": "phone"}], "qrcodeTabsSettings": {}, "verifyCodeLength": 6,
				"oidcConfig": {"client_id": "$app", "client_secret": null, "redirect_uris": ["https://app.example.com/callback"], "token_endpoint_auth_method": "client_secret_post"},
				"allowedOrigins": ["https://page.example.com"], "corsWhitelist": ["http://guildhall.test", "https://app.example.com"], "logoutRedirectUris": [],
				"deviceFuncEnabled": false, "registerDisabled": false, "passwordStrength": 1, "appRobotVerify": "condition_set", "userpoolRobotVerify": "condition_set", "socialConnections": [], "identityProviders": [],
				"enabledMatchEmailDomain": false, "mergeAdAndAccountPasswordLogin": false, "internationalSmsConfig": {"enabled": true, "defaultISOType": "CN"}}`},
			{name: "what it registers with", as: "none", send: config, want: `{"complateFiledsPlace": ["register"], "extendsFieldsEnabled": true, "extendsFields": [
				{"type": "internal", "name": "nickname", "label": "昵称", "inputType": "text", "required": true, "validateRules": []}, {"type": "internal", "name": "gender", "inputType": "select", "required": false},
				{"type": "user", "name": "school", "inputType": "text"}], "welcomeMessage": {"zh-CN": "你好", "en-US": "Hello"},
				"agreementEnabled": true, "agreements": [{"id": "*", "title": "Terms", "required": true, "lang": "zh-CN", "availableAt": 0}]}`},
			{name: "an unknown application", as: "none", send: "GET /api/v2/applications/$nobody/public-config", want: `!2011`},
			{name: "nonsense", as: "none", send: "GET /api/v2/applications/x/public-config", want: `!2011`},
			{name: "one that is turned off", as: "none", send: "GET /api/v2/applications/$off/public-config", want: `!2011`},
			{name: "the component", as: "none", send: "GET /api/v2/applications/$app/components-public-config/guard", want: `{"global": {"showChangeLanguage": true, "defaultLanguage": "*"}}`},
			{name: "the component of nothing", as: "none", send: "GET /api/v2/applications/$nobody/components-public-config/guard", want: `!2011`},
			{name: "no source of identities", as: "none", send: "POST /api/v2/applications/$app/matchIdpConnByAccount", with: `{"account": "a@example.com"}`, want: `{"matched": false}`},
			{name: "countries", as: "none", send: "GET /api/v2/country-list", want: `{"zh": {"CN": "中国", "DE": "德国"}, "en": {"CN": "China", "DE": "Germany"}}`},
		})

		// The completion form names its application by a header.
		w := h.request("GET", "/api/v2/udfs/field-metadata-for-completion", "", "", headerApp, h.one.AppID)
		for _, want := range []string{`{"key":"school","type":"user","dataType":"STRING","label":"学校","options":[]}`, `"key":"gender","type":"internal","dataType":"SELECT"`, `{"value":"M","label":"男"}`} {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("no %s in %s", want, w.Body)
			}
		}
		body := h.request("GET", h.fill("/api/v2/applications/$app/public-config"), "", "").Body.String()
		for _, secret := range []string{h.one.Secret, h.one.AppSecret, h.one.KeySecret, "PRIVATE KEY", "client_secret\":\""} {
			if strings.Contains(body, secret) {
				t.Error("the public configuration holds a secret")
			}
		}
	})
}

// Forms ask before they are sent who exists, and are told of their own pool alone.
func TestAccountsKnown(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.run(t, []step{{send: createUser, with: `{"u": {"username": "ann", "email": "Ann@example.com", "phone": "13800000000"}}`}})
		for _, c := range []struct {
			name, query, app, want string
		}{
			{"a name", "/api/v2/users/find?userPoolId=$one&key=ann&type=username", "$app", "true"},
			{"an address", "/api/v2/users/find?userPoolId=$one&key=ann@example.com&type=email", "$app", "true"},
			{"a number", "/api/v2/users/find?key=13800000000&type=phone", "$app", "true"},
			{"nobody", "/api/v2/users/find?key=bob&type=username", "$app", "false"},
			{"another kind", "/api/v2/users/find?key=ann&type=school", "$app", "false"},
			{"no kind", "/api/v2/users/find?key=ann", "$app", "false"},
			{"no key", "/api/v2/users/find?type=username", "$app", "false"},
			{"another pool's", "/api/v2/users/find?key=ann&type=username", "$app2", "false"},
			{"a pool that is not the application's", "/api/v2/users/find?userPoolId=$one&key=ann&type=username", "$app2", "2224"},
			{"a name that is taken", "/api/v2/users/is-user-exists?username=ann", "$app", "true"},
			{"a name that is not", "/api/v2/users/is-user-exists?username=bob", "$app", "false"},
		} {
			code, data := readREST(t, h.request("GET", h.fill(c.query), "", "", headerApp, h.fill(c.app)).Body.Bytes())
			if got := jsonText(data); c.want != got && (code == 200 || c.want != jsonText(code)) {
				t.Errorf("%s: %d %s, want %s", c.name, code, got, c.want)
			}
		}
		refused := false
		for range 70 {
			code, _ := readREST(t, h.request("GET", "/api/v2/users/is-user-exists?username=ann", "", "", headerApp, h.one.AppID).Body.Bytes())
			refused = refused || code == 1000
		}
		if !refused {
			t.Error("nobody stops who asks on and on")
		}
	})
}

func TestPasswordCheck(t *testing.T) {
	h := oneHall(t)
	h.run(t, []step{
		{name: "a good one", send: "POST /api/v2/password/check", with: `{"password": "123456"}`, want: `{"valid": true, "message": ""}`},
		{name: "a bad one", send: "POST /api/v2/password/check", with: `{"password": "12345"}`, want: `{"valid": false, "message": "*"}`},
		{name: "none", send: "POST /api/v2/password/check", want: `{"valid": false}`},
		{name: "nobody asks so", as: "none", send: "POST /api/v2/password/check", with: `{"password": "123456"}`, want: `!2020`},
		{name: "a person asks", as: "none", send: "POST /api/v2/password/user-action/check", with: `{"password": "123456", "userId": "$nobody"}`, want: `{"valid": true}`},
		{name: "a person asks in vain", as: "none", send: "POST /api/v2/password/user-action/check", with: `{"password": "1"}`, want: `{"valid": false, "message": "*"}`},
	})
}

func jsonText(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// The sprite has each icon once, by names that the component asks for.
func TestSprite(t *testing.T) {
	h := oneHall(t)
	w := h.request("GET", "/cdn/svg-string/guard?v=1", "", "")
	body := w.Body.String()
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/svg+xml" || strings.Count(body, "<svg") != 1 {
		t.Fatalf("%d %v %s", w.Code, w.Header(), body)
	}
	var names []string
	for _, part := range strings.Split(body, `<symbol id="`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if slices.Contains(names, name) {
			t.Errorf("%s twice", name)
		}
		names = append(names, name)
	}
	for _, name := range []string{"authing-a-lock-line1", "authing-a-user-line1", "authing-a-shield-check-line1", "authing-arrow-left-s-line", "authing-bianzu", "authing-a-eye-line1"} {
		if !slices.Contains(names, name) {
			t.Errorf("no %s", name)
		}
	}
}
