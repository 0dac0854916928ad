package server

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// town is a server with two pools, whose applications and people the attacks are about: ann and bob of the first, and eve of the second.
type town struct {
	*testing.T
	s          *Server
	logs       *syncBuffer
	own, other *Credentials
	stranger   *signin.Application // of the first pool: it asks its users for consent, and keeps no secret
	ann, bob   *directory.User
	secrets    []string // that nothing may tell
}

const (
	annPassword = "correct-horse-Battery-1"
	bobPassword = "another-horse-Battery-2"
)

func newTown(t *testing.T, flags map[string]string) *town {
	t.Helper()
	all := map[string]string{"dev": "true", "base_url": "https://id.example.com"}
	for k, v := range flags {
		all[k] = v
	}
	s, logs := build(t, all)
	w := &town{T: t, s: s, logs: logs}
	for _, at := range []**Credentials{&w.own, &w.other} {
		c, err := s.CreatePool(t.Context(), "pool", false)
		if err != nil {
			t.Fatal(err)
		}
		*at = c
	}
	w.stranger = w.app(w.own.UserPoolID, signin.NewApplication{Name: "stranger", Type: signin.BrowserApp, Settings: signin.AppSettings{ShowConsent: true,
		RedirectURIs: []string{"https://stranger.example/cb"}}})
	w.ann = w.person(w.own.UserPoolID, "ann", annPassword)
	w.bob = w.person(w.own.UserPoolID, "bob", bobPassword)
	w.person(w.other.UserPoolID, "eve", annPassword)
	w.secrets = []string{annPassword, bobPassword, w.own.AppSecret, w.own.UserPoolSecret, w.own.AccessKeySecret, w.own.AdminPassword}
	return w
}

func (w *town) as(poolID string) context.Context {
	return caller.With(w.Context(), &caller.Caller{Kind: caller.System, PoolID: poolID})
}

func (w *town) app(poolID string, n signin.NewApplication) *signin.Application {
	w.Helper()
	app, err := w.s.Signin.CreateApplication(w.as(poolID), poolID, n)
	if err != nil {
		w.Fatal(err)
	}
	return app
}

func (w *town) ownApp() *signin.Application {
	w.Helper()
	app, err := w.s.Signin.Application(w.Context(), w.own.AppID)
	if err != nil {
		w.Fatal(err)
	}
	return app
}

func (w *town) change(f func(a *signin.AppSettings)) {
	w.Helper()
	p := signin.ApplicationPatch{Settings: func(a *signin.AppSettings) error { f(a); return nil }}
	if _, err := w.s.Signin.UpdateApplication(w.as(w.own.UserPoolID), w.own.UserPoolID, w.own.AppID, p); err != nil {
		w.Fatal(err)
	}
}

func (w *town) person(poolID, name, password string) *directory.User {
	w.Helper()
	email := name + "@example.com"
	u, err := w.s.Directory.CreateUser(w.as(poolID), poolID, directory.NewUser{UserInput: directory.UserInput{Username: &name, Email: &email},
		Password: &directory.PasswordInput{Text: password}})
	if err != nil {
		w.Fatal(err)
	}
	return u
}

// call sends a request; header is name, value, name, value. A body that is no text is sent as JSON.
func (w *town) call(method, target string, body any, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	text, ok := body.(string)
	if !ok && body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			w.Fatal(err)
		}
		text = string(b)
	}
	r := httptest.NewRequest(method, target, strings.NewReader(text))
	r.Host = "id.example.com"
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	w.s.Handler().ServeHTTP(out, r)
	if out.Code >= 500 && out.Code != 501 {
		w.Errorf("%s %s: %d %s", method, target, out.Code, out.Body)
	}
	return out
}

func (w *town) form(target string, fields ...string) *httptest.ResponseRecorder {
	v := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return w.call("POST", target, v.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// at is what stands at a path of an answer, as text: "data.access_token".
func at(out *httptest.ResponseRecorder, path string) string {
	var v any
	if json.Unmarshal(out.Body.Bytes(), &v) != nil {
		return ""
	}
	for _, name := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// password is a password as V2's clients send it.
func (w *town) password(poolID, plain string) string {
	w.Helper()
	keys, err := w.s.Directory.Keys(w.Context(), poolID)
	if err != nil {
		w.Fatal(err)
	}
	block, _ := pem.Decode([]byte(keys.RSAPublic))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		w.Fatal(err)
	}
	b, err := rsa.EncryptPKCS1v15(rand.Reader, key.(*rsa.PublicKey), []byte(plain))
	if err != nil {
		w.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// two is a V2 sign-in by password at an application.
func (w *town) two(appID, account, plain string, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	app, err := w.s.Signin.Application(w.Context(), appID)
	if err != nil {
		w.Fatal(err)
	}
	return w.call("POST", "/api/v2/login/account", map[string]any{"account": account, "password": w.password(app.PoolID, plain)},
		append([]string{"x-authing-app-id", appID}, header...)...)
}

// three is a V3 sign-in by password.
func (w *town) three(appID, secret, account, plain, scope string) *httptest.ResponseRecorder {
	w.Helper()
	body := map[string]any{"connection": "PASSWORD", "passwordPayload": map[string]any{"account": account, "password": plain}, "client_id": appID}
	if secret != "" {
		body["client_secret"] = secret
	}
	if scope != "" {
		body["options"] = map[string]any{"scope": scope}
	}
	return w.call("POST", "/api/v3/signin", body)
}

// access is an access token of a user for an application, as a sign-in through the browser gives it.
func (w *town) access(app *signin.Application, u *directory.User, scope ...string) *signin.TokenSet {
	w.Helper()
	ctx := caller.With(w.Context(), &caller.Caller{PoolID: app.PoolID, AppID: app.ID, ClientIP: "192.0.2.9"})
	out, err := w.s.Signin.Establish(ctx, app, u, signin.Proof{AMR: []string{signin.AMRPassword}})
	if err != nil || out.Session == nil {
		w.Fatalf("%+v %v", out, err)
	}
	set, err := w.s.Signin.IssueTokens(ctx, signin.TokenOrder{App: app, User: out.User, Session: out.Session, Scope: scope, Refresh: true})
	if err != nil {
		w.Fatal(err)
	}
	return set
}

// code has a code sent and reads it in the developer's inbox.
func (w *town) code(p signin.Purpose, email string) string {
	w.Helper()
	if err := w.s.Signin.SendPasscode(w.Context(), w.ownApp(), p, signin.Address{Email: email}); err != nil {
		w.Fatal(err)
	}
	return w.mail(email).Code
}

func (w *town) mail(to string) notify.Caught {
	w.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = w.s.Notify.Deliver(w.Context()); err != nil {
			w.Fatal(err)
		}
	}
	list := w.s.inbox.Messages(to)
	if len(list) == 0 {
		w.Fatalf("nothing was sent to %s", to)
	}
	return list[0]
}

// A token that a user has let a stranger's application have reads what it was granted, and opens nothing else of the account.
func TestTokenOfAStranger(t *testing.T) {
	w := newTown(t, nil)
	narrow := w.access(w.stranger, w.ann, "openid", "email").Access
	bare := w.access(w.stranger, w.ann).Access
	own := w.access(w.ownApp(), w.ann, "openid", "profile").Access

	for _, token := range []string{narrow, bare} {
		for _, c := range []struct{ method, path, body string }{
			{"POST", "/api/v3/update-profile", `{"nickname":"x"}`},
			{"POST", "/api/v3/update-password", `{"newPassword":"Some-new-one-33","oldPassword":"` + annPassword + `"}`},
			{"POST", "/api/v3/bind-email", `{"email":"a@b.example","passCode":"123456"}`},
			{"POST", "/api/v3/unbind-email", `{"passCode":"123456"}`},
			{"POST", "/api/v3/verify-delete-account-request", `{"verifyMethod":"PASSWORD","passwordPayload":{"password":"` + annPassword + `"}}`},
			{"POST", "/api/v3/delete-account", `{"deleteAccountToken":"x"}`},
			{"POST", "/api/v3/send-enroll-factor-request", `{"factorType":"OTP","profile":{}}`},
			{"POST", "/api/v3/reset-factor", `{"factorId":"x"}`},
			{"GET", "/api/v3/list-enrolled-factors", ""},
			{"GET", "/api/v3/webauthn/registration", ""},
			{"POST", "/api/v3/webauthn/mfa-bind/initialize", `{}`},
			{"POST", "/api/v3/set-qrcode-status", `{"qrcodeId":"x","action":"CONFIRM"}`},
			{"POST", "/api/v3/gene-fastpass-qrcode-info", `{}`},
			{"GET", "/api/v3/get-identities", ""},
			{"GET", "/api/v3/get-my-login-history", ""},
			{"POST", "/api/v3/mydevices/unbind", `{"deviceId":"x"}`},
			{"POST", "/api/v2/mfa/totp/associate", `{}`},
			{"DELETE", "/api/v2/mfa/totp/associate", ""},
			{"GET", "/api/v2/users/me", ""},
			{"POST", "/graphql", `{"query":"mutation { refreshToken { token } }"}`},
			{"POST", "/graphql", `{"query":"mutation { updateUser(input: {nickname: \"x\"}) { id } }"}`},
			{"POST", "/graphql", `{"query":"mutation { unbindEmail { id } }"}`},
			{"POST", "/graphql", `{"query":"query { user { id email } }"}`},
		} {
			out := w.call(c.method, c.path, c.body, "Authorization", "Bearer "+token)
			refused := out.Code == 403 || at(out, "statusCode") == "403" || at(out, "code") == "403" || strings.Contains(out.Body.String(), `"name":"forbidden"`)
			if !refused {
				w.Errorf("%s %s %s: %d %.300s", c.method, c.path, c.body, out.Code, out.Body)
			}
		}
	}
	if out := w.call("GET", "/api/v3/get-profile?withIdentities=true", nil, "Authorization", narrow); at(out, "data.email") != "ann@example.com" || at(out, "data.username") != "" {
		w.Errorf("%s", out.Body)
	}
	if out := w.call("GET", "/api/v3/get-profile", nil, "Authorization", bare); at(out, "data.userId") != w.ann.ID || strings.Contains(out.Body.String(), "ann") {
		w.Errorf("a token without a scope reads %s", out.Body)
	}
	if out := w.call("POST", "/api/v3/update-profile", `{"nickname":"Annie"}`, "Authorization", own); at(out, "data.nickname") != "Annie" {
		w.Errorf("%s", out.Body)
	}

	// A page of the stranger's application learns nothing of who is signed in to the server, and gets no V2 token.
	in := w.two(w.own.AppID, "ann", annPassword)
	cookie := strings.Split(in.Header().Get("Set-Cookie"), ";")[0]
	if cookie == "" {
		w.Fatalf("%v %s", in.Header(), in.Body)
	}
	for app, knows := range map[string]bool{w.own.AppID: true, w.stranger.ID: false} {
		out := w.call("GET", "/cas/session", nil, "Cookie", cookie, "x-authing-app-id", app)
		if got := at(out, "userInfo.id") == w.ann.ID; got != knows {
			w.Errorf("%s: %s", app, out.Body)
		}
	}
	for name, header := range map[string][]string{
		"a stranger's page":   {"Origin", "https://evil.example"},
		"a sandboxed frame":   {"Origin", "null"},
		"a script of another": {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"},
	} {
		out := w.call("GET", "/cas/session", nil, append([]string{"Cookie", cookie, "x-authing-app-id", w.own.AppID}, header...)...)
		if at(out, "userInfo.id") != "" {
			w.Errorf("%s learns %s", name, out.Body)
		}
		if out := w.call("GET", "/logout", nil, append([]string{"Cookie", cookie, "x-authing-app-id", w.own.AppID}, header...)...); out.Header().Get("Set-Cookie") != "" {
			w.Errorf("%s signs out: %v", name, out.Header())
		}
	}
}

// Who sends a sign-in's form from another site does not leave the browser in somebody else's account.
func TestSignInFromAnotherSite(t *testing.T) {
	w := newTown(t, nil)
	w.change(func(a *signin.AppSettings) { a.RedirectURIs = []string{"https://shop.example/cb"} })
	for _, c := range []struct {
		header []string
		kept   bool
	}{
		{nil, true}, // no browser
		{[]string{"Origin", "https://id.example.com"}, true},
		{[]string{"Origin", "https://shop.example"}, true},
		{[]string{"Origin", "https://evil.example"}, false},
		{[]string{"Origin", "https://evil.example", "Content-Type", "text/plain"}, false},
		{[]string{"Origin", "null", "Content-Type", "text/plain"}, false},
		{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, false},
	} {
		out := w.two(w.own.AppID, "bob", bobPassword, c.header...)
		if got := strings.Contains(strings.Join(out.Header().Values("Set-Cookie"), " "), "guildhall-"+w.own.UserPoolID); got != c.kept || at(out, "data.id") != w.bob.ID {
			w.Errorf("%v: cookie %v, want %v: %s", c.header, got, c.kept, out.Body)
		}
	}
}

// No token passes for another.
func TestTokensPassForNoOthers(t *testing.T) {
	w := newTown(t, nil)
	app := w.ownApp()
	set := w.access(app, w.ann, "openid", "profile", "email", "offline_access")
	v2, err := w.s.Signin.V2Token(w.Context(), app, nil, w.ann)
	if err != nil {
		t.Fatal(err)
	}
	eve := w.access(must(w.s.Signin.Application(w.Context(), w.other.AppID)), must(w.s.Directory.UserByPrincipals(w.Context(), w.other.UserPoolID, directory.Principals{Username: "eve"})), "openid")
	works := func(token string) bool {
		return w.call("GET", "/api/v3/get-profile", nil, "Authorization", token).Code == 200 && at(w.call("GET", "/api/v3/get-profile", nil, "Authorization", token), "statusCode") == "200" ||
			w.call("GET", "/oidc/me", nil, "Authorization", "Bearer "+token).Code == 200 ||
			at(w.call("GET", "/api/v2/users/me", nil, "Authorization", "Bearer "+token), "data.id") != ""
	}
	if !works(set.Access) || !works(v2.Text) {
		t.Fatal("tokens that are right do not work")
	}
	claims := func(token string) map[string]any {
		b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	header := func(token string) map[string]any {
		b, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
		var m map[string]any
		json.Unmarshal(b, &m)
		return m
	}
	raw := func(head, body map[string]any, sign func(input string) []byte) string {
		h, _ := json.Marshal(head)
		b, _ := json.Marshal(body)
		input := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(b)
		return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
	}
	hs := func(key []byte) func(string) []byte {
		return func(input string) []byte { m := hmac.New(sha256.New, key); m.Write([]byte(input)); return m.Sum(nil) }
	}
	with := func(m map[string]any, change ...any) map[string]any {
		out := map[string]any{}
		for k, v := range m {
			out[k] = v
		}
		for i := 0; i < len(change); i += 2 {
			out[change[i].(string)] = change[i+1]
		}
		return out
	}
	nothing := func(string) []byte { return nil }
	jwks := w.call("GET", "/oidc/.well-known/jwks.json", nil, "x-authing-app-id", w.own.AppID).Body.Bytes()
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(jwks, &keys); err != nil {
		t.Fatal(err)
	}
	var public [][]byte
	public = append(public, jwks)
	for _, k := range keys.Keys {
		der, err := x509.MarshalPKIXPublicKey(k.Key)
		if err != nil {
			t.Fatal(err)
		}
		public = append(public, der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	secret := []byte(w.own.AppSecret)
	a, v := claims(set.Access), claims(v2.Text)
	forged := map[string]string{
		"id token":                             set.ID,
		"refresh token":                        set.Refresh,
		"alg none, access":                     raw(map[string]any{"alg": "none", "typ": "at+jwt"}, a, nothing),
		"alg None, access":                     raw(map[string]any{"alg": "None"}, a, nothing),
		"no alg":                               raw(map[string]any{"typ": "JWT"}, a, nothing),
		"signature taken away":                 set.Access[:strings.LastIndex(set.Access, ".")+1],
		"access token by the secret":           raw(map[string]any{"alg": "HS256", "typ": "at+jwt"}, a, hs(secret)),
		"access token by the secret as user's": raw(map[string]any{"alg": "HS256", "typ": "JWT"}, with(a, "use", "user"), hs(secret)),
		"V2 token of bob by the secret":        raw(header(v2.Text), with(v, "sub", w.bob.ID), hs(secret)),
		"V2 token of a later end":              raw(header(v2.Text), with(v, "exp", 4102444800), hs(secret)),
		"V2 token without its proof":           raw(header(v2.Text), with(v, "proof", ""), hs(secret)),
		"V2 token of another family":           raw(header(v2.Text), with(v, "family", a["family"]), hs(secret)),
		"V2 token by the other pool's secret":  raw(header(v2.Text), v, hs([]byte(w.other.AppSecret))),
		"V2 token for the other application":   raw(header(v2.Text), with(v, "aud", w.other.AppID), hs([]byte(w.other.AppSecret))),
		"id token made a V2 token":             raw(header(set.ID), with(claims(set.ID), "use", "user", "userpool_id", w.own.UserPoolID, "family", a["family"]), hs(secret)),
		"another pool's key":                   raw(with(header(set.Access), "kid", header(eve.Access)["kid"]), a, nothing),
		"another pool's token with this pool":  swapPayload(eve.Access, with(claims(eve.Access), "userpool_id", w.own.UserPoolID, "sub", w.ann.ID)),
		"kid of a file":                        raw(with(header(set.Access), "kid", "../../../../dev/null"), a, nothing),
		"a key of one's own in the header":     raw(with(header(set.Access), "jwk", map[string]any{"kty": "oct", "k": "AAAA"}), a, hs([]byte{0, 0, 0})),
		"management claims by the secret":      raw(map[string]any{"alg": "HS256"}, map[string]any{"use": "management", "scoped_userpool_id": w.own.UserPoolID, "access_key_id": w.own.AccessKeyID, "exp": 4102444800, "key_print": ""}, hs(secret)),
		"management claims by the pool secret": raw(map[string]any{"alg": "HS256"}, map[string]any{"use": "management", "scoped_userpool_id": w.own.UserPoolID, "access_key_id": w.own.AccessKeyID, "exp": 4102444800, "key_print": ""}, hs([]byte(w.own.UserPoolSecret))),
	}
	for i, key := range public {
		forged[fmt.Sprintf("public key %d as secret", i)] = raw(map[string]any{"alg": "HS256", "typ": "JWT", "kid": header(set.Access)["kid"]}, with(a, "use", "user"), hs(key))
		forged[fmt.Sprintf("public key %d as secret, access", i)] = raw(map[string]any{"alg": "HS256", "typ": "at+jwt", "kid": header(set.Access)["kid"]}, a, hs(key))
	}
	for name, token := range forged {
		if works(token) {
			t.Errorf("%s opens something", name)
		}
		out := w.form("/oidc/token/introspection", "client_id", w.own.AppID, "client_secret", w.own.AppSecret, "token", token)
		if name != "refresh token" && at(out, "active") != "false" {
			t.Errorf("%s: introspection says %s", name, out.Body)
		}
	}

	// What is no id token is no hint, and one of another application sends nobody anywhere.
	for name, hint := range map[string]string{"access token": set.Access, "another pool's": eve.ID, "none": raw(map[string]any{"alg": "none"}, claims(set.ID), nothing),
		"by the public key": raw(map[string]any{"alg": "HS256"}, claims(set.ID), hs(public[0]))} {
		out := w.call("GET", "/oidc/session/end?"+url.Values{"id_token_hint": {hint}, "client_id": {w.own.AppID}}.Encode(), nil)
		if out.Code < 400 {
			t.Errorf("%s as id_token_hint: %d", name, out.Code)
		}
	}
	// Refresh tokens and tokens to call in are their application's.
	other := w.app(w.own.UserPoolID, signin.NewApplication{Name: "second"})
	out := w.form("/oidc/token", "grant_type", "refresh_token", "client_id", other.ID, "client_secret", other.Secret, "refresh_token", set.Refresh)
	if at(out, "error") != "invalid_grant" {
		t.Errorf("another application refreshes: %s", out.Body)
	}
	w.form("/oidc/token/revocation", "client_id", other.ID, "client_secret", other.Secret, "token", set.Refresh)
	w.form("/oidc/token/revocation", "client_id", other.ID, "client_secret", other.Secret, "token", set.Access)
	if out := w.form("/oidc/token", "grant_type", "refresh_token", "client_id", w.own.AppID, "client_secret", w.own.AppSecret, "refresh_token", set.Refresh); at(out, "access_token") == "" {
		t.Errorf("a stranger has used the token up: %s", out.Body)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func swapPayload(token string, claims map[string]any) string {
	parts := strings.Split(token, ".")
	b, _ := json.Marshal(claims)
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(b) + "." + parts[2]
}

// What a V2 client makes of its token ends with the session, and with the right to enter the application.
func TestRefreshedTokensEndWithTheSession(t *testing.T) {
	w := newTown(t, nil)
	token := at(w.two(w.own.AppID, "ann", annPassword), "data.token")
	fresh := func(token string) string {
		return at(w.call("POST", "/graphql", `{"query":"mutation { refreshToken { token } }"}`, "Authorization", "Bearer "+token), "data.refreshToken.token")
	}
	second := fresh(token)
	if second == "" {
		t.Fatal("no refreshed token")
	}
	sessions := must(w.s.Signin.Sessions(w.Context(), w.own.UserPoolID, w.ann.ID))
	for _, x := range sessions {
		if err := w.s.Signin.EndSession(w.as(w.own.UserPoolID), w.own.UserPoolID, x.ID); err != nil {
			t.Fatal(err)
		}
	}
	if out := w.call("GET", "/api/v2/users/me", nil, "Authorization", "Bearer "+second); at(out, "data.id") != "" {
		t.Errorf("the session has ended, a token that was made of its token has not: %s", out.Body)
	}
}

// An application is given no scope that it may not have, through no door.
func TestScopesAreTheApplications(t *testing.T) {
	w := newTown(t, nil)
	out := w.three(w.own.AppID, w.own.AppSecret, "ann", annPassword, "openid admin:all email evil")
	if got := at(out, "data.scope"); got != "openid email" {
		t.Errorf("%q: %s", got, out.Body)
	}
}

// A second factor is asked for at every door but that of an application's server on V3, which has shown its secret.
func TestSecondFactorAtEveryDoor(t *testing.T) {
	w := newTown(t, nil)
	w.change(func(a *signin.AppSettings) { a.Legacy, a.GrantTypes = true, append(a.GrantTypes, signin.GrantPassword) })
	public := w.app(w.own.UserPoolID, signin.NewApplication{Name: "public", Type: signin.BrowserApp})
	w.enrolOTP(w.ann)
	for name, out := range map[string]*httptest.ResponseRecorder{
		"V2":                w.two(w.own.AppID, "ann", annPassword),
		"V2, registering":   w.call("POST", "/api/v2/login/account", map[string]any{"account": "ann", "password": w.password(w.own.UserPoolID, annPassword), "autoRegister": true}, "x-authing-app-id", w.own.AppID),
		"GraphQL":           w.call("POST", "/graphql", map[string]any{"query": "mutation($i: LoginByUsernameInput!) { loginByUsername(input: $i) { id token } }", "variables": map[string]any{"i": map[string]any{"username": "ann", "password": w.password(w.own.UserPoolID, annPassword)}}}, "x-authing-app-id", w.own.AppID),
		"V3, no secret":     w.three(public.ID, "", "ann", annPassword, ""),
		"password grant":    w.form("/oidc/token", "grant_type", "password", "client_id", w.own.AppID, "client_secret", w.own.AppSecret, "username", "ann", "password", annPassword),
		"a code by mail":    w.call("POST", "/api/v2/login/email-code", map[string]any{"email": "ann@example.com", "code": w.code(signin.PurposeLogin, "ann@example.com")}, "x-authing-app-id", w.own.AppID),
		"bob's old devices": w.two(w.own.AppID, "ann", annPassword, "Cookie", "__Host-guildhall-device-"+w.own.UserPoolID+"="+w.remembered(w.bob)),
	} {
		if text := out.Body.String(); strings.Contains(text, `"token":"ey`) || strings.Contains(text, "access_token") || strings.Contains(strings.Join(out.Header().Values("Set-Cookie"), ""), "guildhall-"+w.own.UserPoolID) {
			t.Errorf("%s: in without a second factor: %s", name, text)
		}
		if out.Code >= 500 {
			t.Errorf("%s: %d", name, out.Code)
		}
	}
	if out := w.three(w.own.AppID, w.own.AppSecret, "ann", annPassword, ""); at(out, "data.access_token") == "" {
		t.Errorf("V3 with the secret: %s", out.Body)
	}

	// The token of the pending sign-in opens its own step and nothing else.
	handle := at(w.two(w.own.AppID, "ann", annPassword), "data.mfaToken")
	if handle == "" {
		t.Fatal("no mfaToken")
	}
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/api/v3/get-profile", ""}, {"GET", "/api/v2/users/me", ""}, {"GET", "/oidc/me", ""},
		{"POST", "/api/v2/mfa/totp/associate", `{}`}, // whoever has a factor enrols no other
		{"POST", "/api/v2/mfa/totp/associate/confirm", `{"totp":"123456"}`},
		{"POST", "/api/v3/webauthn/mfa-bind/initialize", `{}`},
		{"POST", "/api/v2/users/password/password-reset", `{"newPassword":"` + w.password(w.own.UserPoolID, "New-password-99") + `","resetPasswordToken":"` + handle + `"}`},
		{"POST", "/interaction/authFlow", `{"action":"skip-completion","flowHandle":"` + handle + `"}`},
		{"POST", "/interaction/authFlow", `{"action":"complete-completion","flowHandle":"` + handle + `","data":{"fieldValues":[]}}`},
		{"POST", "/interaction/authFlow", `{"action":"reset-password-first-time","flowHandle":"` + handle + `","data":{"password":"` + w.password(w.own.UserPoolID, "New-password-99") + `"}}`},
		{"POST", "/interaction/authFlow", `{"action":"confirm-totp-recovery-code","flowHandle":"` + handle + `"}`},
		{"POST", "/interaction/authFlow", `{"action":"verify-email","flowHandle":"` + handle + `","data":{"email":"ann@example.com","code":"123456"}}`},
		{"POST", "/api/v3/exchange-tokenset-with-qrcode-ticket", `{"ticket":"` + handle + `","client_id":"` + w.own.AppID + `","client_secret":"` + w.own.AppSecret + `"}`},
		{"POST", "/api/v3/delete-account", `{"deleteAccountToken":"` + handle + `"}`},
	} {
		out := w.call(c.method, c.path, c.body, "Authorization", handle, "x-authing-app-id", w.own.AppID)
		if text := out.Body.String(); strings.Contains(text, w.ann.ID) || strings.Contains(text, `"token":"ey`) || strings.Contains(text, "access_token\"") || strings.Contains(text, `"secret":"`) {
			t.Errorf("%s %s: %s", c.method, c.path, text)
		}
	}
}

func (w *town) enrolOTP(u *directory.User) {
	w.Helper()
	err := w.s.Directory.ImportTOTP(w.as(u.PoolID), u.PoolID, []directory.UserTOTP{{UserID: u.ID, TOTP: directory.TOTP{Secret: "JBSWY3DPEHPK3PXP", RecoveryCode: "aaaa-bbbb-cccc-dddd"}}})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *town) remembered(u *directory.User) string {
	w.Helper()
	text, _, err := w.s.Signin.RememberDevice(w.as(u.PoolID), w.ownApp(), u)
	if err != nil {
		w.Fatal(err)
	}
	return text
}

// What stands for one application, one pool or one use opens no other.
func TestThingsOpenOnlyWhatTheyAreFor(t *testing.T) {
	w := newTown(t, nil)
	ann := must(w.s.Signin.V2Token(t.Context(), w.ownApp(), nil, w.ann)).Text
	refused := func(what string, out *httptest.ResponseRecorder) {
		t.Helper()
		text := out.Body.String()
		for _, sign := range []string{`"token":"ey`, `"access_token":"`, `"code":200,`} {
			if strings.Contains(text, sign) {
				t.Errorf("%s: %.300s", what, text)
			}
		}
	}
	// A reset token at the other pool, for another user, and twice.
	out := w.call("POST", "/api/v2/users/password/forget/check-code", map[string]any{"email": "ann@example.com", "code": w.code(signin.PurposeResetPassword, "ann@example.com")}, "x-authing-app-id", w.own.AppID)
	reset := at(out, "data.resetPasswordToken")
	if reset == "" {
		t.Fatalf("%s", out.Body)
	}
	set := func(app, pool string) *httptest.ResponseRecorder {
		return w.call("POST", "/api/v2/users/password/password-reset", map[string]any{"newPassword": w.password(pool, "New-password-99"), "resetPasswordToken": reset}, "x-authing-app-id", app)
	}
	refused("a reset token at the other pool", set(w.other.AppID, w.other.UserPoolID))
	bob := must(w.s.Signin.V2Token(t.Context(), w.ownApp(), nil, w.bob)).Text
	if out := w.call("POST", "/api/v3/update-password", map[string]any{"newPassword": "New-password-98", "passwordResetToken": reset}, "Authorization", bob); at(out, "statusCode") == "200" {
		t.Errorf("ann's reset token sets bob's password: %s", out.Body)
	}
	for _, c := range []struct{ path, body string }{
		{"/api/v3/delete-account", `{"deleteAccountToken":"` + reset + `"}`}, {"/api/v3/update-email", `{"updateEmailToken":"` + reset + `"}`},
		{"/api/v3/enroll-factor", `{"factorType":"OTP","enrollmentToken":"` + reset + `","enrollmentData":{"passCode":"123456"}}`},
	} {
		if out := w.call("POST", c.path, c.body, "Authorization", ann); at(out, "statusCode") == "200" {
			t.Errorf("%s takes a reset token: %s", c.path, out.Body)
		}
	}
	if out := set(w.own.AppID, w.own.UserPoolID); at(out, "code") != "200" {
		t.Fatalf("%s", out.Body)
	}
	refused("a reset token twice", set(w.own.AppID, w.own.UserPoolID))
	refused("a token from before the password", w.call("GET", "/api/v2/users/me", nil, "Authorization", "Bearer "+ann))

	// A code of one pool, of another address, and for another use.
	code := w.code(signin.PurposeVerifyEmail, "bob@example.com")
	refused("a code to verify an address signs in", w.call("POST", "/api/v2/login/email-code", map[string]any{"email": "bob@example.com", "code": code}, "x-authing-app-id", w.own.AppID))
	code = w.code(signin.PurposeLogin, "bob@example.com")
	refused("a code at the other pool", w.call("POST", "/api/v2/login/email-code", map[string]any{"email": "bob@example.com", "code": code}, "x-authing-app-id", w.other.AppID))
	refused("a code for somebody else", w.call("POST", "/api/v2/login/email-code", map[string]any{"email": "ann@example.com", "code": code}, "x-authing-app-id", w.own.AppID))

	// A session's cookie at the other pool, and a pending sign-in's handle as a cookie.
	in := w.two(w.own.AppID, "bob", bobPassword)
	_, value, _ := strings.Cut(strings.Split(in.Header().Get("Set-Cookie"), ";")[0], "=")
	if out := w.call("GET", "/cas/session", nil, "Cookie", "__Host-guildhall-"+w.other.UserPoolID+"="+value, "x-authing-app-id", w.other.AppID); at(out, "userInfo.id") != "" {
		t.Errorf("a session of another pool: %s", out.Body)
	}
	if out := w.call("GET", "/cas/session", nil, "Cookie", "guildhall-"+w.own.UserPoolID+"="+value, "x-authing-app-id", w.own.AppID); at(out, "userInfo.id") != "" {
		t.Errorf("a cookie without its prefix, which a neighbour's host can set: %s", out.Body)
	}

	// A stranger's application that signs out ends its own tokens alone.
	narrow := w.access(w.stranger, w.bob, "openid")
	w.call("GET", "/logout", nil, "Authorization", "Bearer "+narrow.Access, "x-authing-app-id", w.stranger.ID)
	if n := len(must(w.s.Signin.Sessions(t.Context(), w.own.UserPoolID, w.bob.ID))); n < 2 {
		t.Errorf("%d sessions are left", n)
	}
	if out := w.call("GET", "/oidc/me", nil, "Authorization", "Bearer "+narrow.Access); out.Code != 401 {
		t.Errorf("signed out, and its token works: %s", out.Body)
	}
}

// Whoever asks often who is there is told nothing any more, by registering neither.
func TestRegisteringTellsLittle(t *testing.T) {
	w := newTown(t, nil)
	told := 0
	for range 70 {
		out := w.call("POST", "/api/v2/register-email", map[string]any{"email": "ann@example.com", "password": w.password(w.own.UserPoolID, "Passw0rd!x")}, "x-authing-app-id", w.own.AppID)
		if at(out, "code") == "2026" || at(out, "apiCode") == "2026" {
			told++
		}
	}
	if told < 10 || told > 65 {
		t.Errorf("told %d times of 70", told)
	}
	if out := w.call("POST", "/api/v2/register-email", map[string]any{"email": "new@example.com", "password": w.password(w.own.UserPoolID, "Passw0rd!x")}, "x-authing-app-id", w.own.AppID); at(out, "data.id") != "" {
		t.Error("who has asked too often is told by what is not refused")
	}
}

// Pages of others read nothing with the browser's credentials.
func TestOriginsThatAreNotListed(t *testing.T) {
	w := newTown(t, map[string]string{"dev": "false"})
	w.change(func(a *signin.AppSettings) { a.AllowedOrigins = []string{"https://*.shop.example"} })
	for origin, allowed := range map[string]bool{
		"https://a.shop.example": true, "https://id.example.com": true,
		"https://shop.example": false, "https://evil.example": false, "null": false, "http://a.shop.example": false, "https://a.shop.example.evil.example": false, "https://evilshop.example": false,
		"https://a.shop.example:444": false, "https://a.shop.example@evil.example": false, "https://evil.example/.shop.example": false, "https://x/.shop.example": false, "http://localhost:3000": false,
		"https://id.example.com.evil.example": false, "https://evil.example?.shop.example": false, "https://evil.example#.shop.example": false, "file://": false, "*": false,
	} {
		for _, path := range []string{"/api/v2/users/me", "/cas/session", "/api/v3/get-profile", "/graphql", "/oidc/token", "/oidc/me"} {
			for _, method := range []string{"GET", "OPTIONS"} {
				h := w.call(method, path, nil, "Origin", origin, "x-authing-app-id", w.own.AppID, "Access-Control-Request-Method", "GET").Header()
				if got := h.Get("Access-Control-Allow-Origin"); (got != "") != allowed || got == "*" || h.Get("Access-Control-Allow-Credentials") != "" && !allowed {
					t.Errorf("%s %s for %s: %q, credentials %q", method, path, origin, got, h.Get("Access-Control-Allow-Credentials"))
				}
			}
		}
	}
}

// What people and administrators write stands in mails and pages as text, and in no header.
func TestTextsAreOnlyTexts(t *testing.T) {
	w := newTown(t, nil)
	lines := w.app(w.own.UserPoolID, signin.NewApplication{Name: "Shop\r\nBcc: thief@evil.example\r\n\r\n<script>alert(1)</script>{{.Code}}${code}\" onload=\"x"})
	app := w.app(w.own.UserPoolID, signin.NewApplication{Name: "Shop <script>alert(1)</script>{{.Code}} \" onload=\"x"})
	for name, n := range map[string]signin.NewApplication{
		"a script as logo":        {Name: "x", Logo: "javascript:alert(1)"},
		"a page as logo":          {Name: "x", Logo: "data:text/html,<script>alert(1)</script>"},
		"a redirect that runs":    {Name: "x", Settings: signin.AppSettings{RedirectURIs: []string{"javascript:alert(1)"}}},
		"a redirect that is data": {Name: "x", Settings: signin.AppSettings{RedirectURIs: []string{"data:text/html,x"}}},
		"a redirect with a line":  {Name: "x", Settings: signin.AppSettings{RedirectURIs: []string{"https://a.example/\r\nX-Injected: 1"}}},
		"a logout to inside":      {Name: "x", Settings: signin.AppSettings{BackchannelLogoutURI: "file:///etc/passwd"}},
	} {
		if made, err := w.s.Signin.CreateApplication(w.as(w.own.UserPoolID), w.own.UserPoolID, n); err == nil {
			page := w.call("GET", "/login?app_id="+made.ID, nil)
			if strings.Contains(page.Body.String(), "javascript:") || strings.Contains(page.Body.String(), "text/html,") {
				t.Errorf("%s: taken, and shown", name)
			}
			if len(n.Settings.RedirectURIs)+len(n.Settings.BackchannelLogoutURI) > 0 {
				t.Errorf("%s: taken", name)
			}
		}
	}
	page := w.call("GET", "/login?app_id="+app.ID, nil)
	if page.Code != 200 || strings.Contains(page.Body.String(), "<script>alert") || strings.Contains(page.Body.String(), `\" onload="x`) || !strings.Contains(page.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v", page.Code, page.Header())
	}
	for to, app := range map[string]*signin.Application{"ann@example.com": app, "bob@example.com": lines} {
		if err := w.s.Signin.SendPasscode(t.Context(), app, signin.PurposeLogin, signin.Address{Email: to}); err != nil {
			t.Fatal(err)
		}
		m := w.mail(to)
		if strings.Contains(m.HTML, "<script>alert") || strings.ContainsAny(m.Subject+m.From, "\r\n") || strings.Contains(m.Subject, m.Code) || strings.Contains(m.HTML, `" onload="x`) {
			t.Errorf("%q %q\n%s", m.Subject, m.From, m.HTML)
		}
	}
	for _, email := range []string{"a@b.example\r\nBcc: x@evil.example", "a@b.example, x@evil.example", "<x@evil.example> a@b.example", "a@b.example\x00", "\"x\" <a@b.example>", "a@[127.0.0.1]\n"} {
		out := w.call("POST", "/api/v2/email/send", map[string]any{"email": email, "scene": "LOGIN_VERIFY_CODE"}, "x-authing-app-id", w.own.AppID)
		if at(out, "code") == "200" {
			t.Errorf("a code goes to %q", email)
		}
	}
}
