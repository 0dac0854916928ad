package oidc_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/oidc"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestDiscovery(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.visitor().raw("/oidc/.well-known/openid-configuration")
		members := p.json()
		if other := d.visitor().raw("/.well-known/oauth-authorization-server/oidc"); other.body != p.body {
			t.Errorf("RFC 8414's place: %d %s", other.status, other.body)
		}
		for _, name := range []string{"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "scopes_supported",
			"response_types_supported", "response_modes_supported", "grant_types_supported", "id_token_signing_alg_values_supported",
			"id_token_encryption_alg_values_supported", "id_token_encryption_enc_values_supported", "userinfo_signing_alg_values_supported",
			"userinfo_encryption_alg_values_supported", "userinfo_encryption_enc_values_supported", "token_endpoint_auth_methods_supported",
			"claim_types_supported", "claims_supported", "code_challenge_methods_supported", "end_session_endpoint", "introspection_endpoint",
			"introspection_endpoint_auth_methods_supported", "revocation_endpoint", "revocation_endpoint_auth_methods_supported",
			"subject_types_supported", "device_authorization_endpoint", "authorization_response_iss_parameter_supported"} {
			if members[name] == nil {
				t.Errorf("no %s", name)
			}
		}
		if members["issuer"] != testhall.BaseURL+"/oidc" || members["request_uri_parameter_supported"] != false || slices.Contains(anySlice(members["id_token_signing_alg_values_supported"]), any("none")) {
			t.Errorf("%s", p.body)
		}
	})
}

func anySlice(v any) []any { list, _ := v.([]any); return list }

func TestKeysRotate(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, func(s *signin.AppSettings) { s.IDTokenAlg = "RS256" })
		v := d.visitor()
		kids := func(header ...string) (out []string) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, testhall.BaseURL+"/oidc/.well-known/jwks.json", nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(header) == 1 {
				req.Header.Set("x-authing-app-id", header[0])
			}
			p := v.do(req)
			var set jose.JSONWebKeySet
			if err := json.Unmarshal([]byte(p.body), &set); err != nil || strings.Contains(p.body, `"d"`) {
				t.Fatalf("%v %s", err, p.body)
			}
			for _, k := range set.Keys {
				if !k.IsPublic() || !k.Valid() || k.Use != "sig" {
					t.Errorf("%+v", k)
				}
				out = append(out, k.KeyID)
			}
			return out
		}
		first := kids(app.ID)
		if len(first) != 2 {
			t.Fatalf("%v", first)
		}
		ctx := goidc.ClientContext(t.Context(), v.client)
		keys := goidc.NewRemoteKeySet(ctx, testhall.BaseURL+"/oidc/.well-known/jwks.json")
		check := goidc.NewVerifier(testhall.BaseURL+"/oidc", keys, &goidc.Config{ClientID: app.ID})
		old := v.post("/oidc/token", exchange(app, v.code(app)))
		if _, err := check.Verify(ctx, old.text("id_token")); err != nil {
			t.Fatal(err)
		}
		rotate := func() {
			t.Helper()
			if err := d.h.Signin.RotateKeys(d.pool.As(t.Context()), d.pool.ID); err != nil {
				t.Fatal(err)
			}
		}
		rotate()
		second := kids(app.ID)
		if len(second) != 6 { // two current, two next, two retired
			t.Fatalf("%v", second)
		}
		for _, kid := range first {
			if !slices.Contains(second[4:], kid) {
				t.Errorf("%s is not among the retired: %v", kid, second)
			}
		}
		fresh := v.post("/oidc/token", exchange(app, v.code(app)))
		for _, p := range []*page{old, fresh} {
			if _, err := check.Verify(ctx, p.text("id_token")); err != nil {
				t.Error(err)
			}
			if me := v.get("/oidc/me", url.Values{"access_token": {p.text("access_token")}}); me.status != 200 {
				t.Errorf("%d %s", me.status, me.body)
			}
		}
		rotate()
		third := kids(app.ID)
		if len(third) != 8 || !slices.Contains(second[2:4], third[0]) || !slices.Contains(second[2:4], third[1]) {
			t.Errorf("the next keys are not the current ones: %v after %v", third, second)
		}
		later := v.post("/oidc/token", exchange(app, v.code(app)))
		if _, err := check.Verify(ctx, later.text("id_token")); err != nil {
			t.Error(err)
		}
		if n := len(slices.Compact(slices.Sorted(slices.Values(third)))); n != len(third) {
			t.Errorf("%d different keys", n)
		}
		// A second server knows at once what the first one signs with.
		if !d.h.DB.Local() {
			second := d.h.Again(t)
			for range 2 {
				token := v.post("/oidc/token", exchange(app, v.code(app))).text("access_token")
				if _, _, err := second.Signin.User(t.Context(), token); err != nil {
					t.Error(err)
				}
				rotate()
			}
			third = kids(app.ID)
		}
		// Another pool has keys of its own, published for its applications.
		other := d.h.Pool(t, "two")
		if theirs := kids(other.AppID); len(theirs) != 2 || slices.Contains(third, theirs[0]) {
			t.Errorf("%v", theirs)
		}
		if ours := kids(app.ID); !slices.Equal(ours, third) {
			t.Errorf("%v", ours)
		}
		// Who names no application reads the keys of the whole issuer, the default pool's first.
		for _, all := range [][]string{kids(), kids("ffffffffffffffffffffffff")} {
			if len(all) != len(third)+2 || !slices.Equal(all[:len(third)], third) || !slices.Contains(all, kids(other.AppID)[0]) {
				t.Errorf("%v", all)
			}
		}
		if err := d.h.Signin.RotateKeys(t.Context(), "ffffffffffffffffffffffff"); err == nil {
			t.Error("a pool that is not there")
		}
	})
}

func TestUserinfo(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, nil)
		v := d.visitor()
		p := v.post("/oidc/token", exchange(app, v.code(app, "scope", "openid email phone address roles external_id extended_fields")))
		token, id := p.text("access_token"), p.text("id_token")
		send := func(method, query, body string, header ...string) *page {
			req, err := http.NewRequestWithContext(t.Context(), method, testhall.BaseURL+"/oidc/me"+query, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(header); i += 2 {
				req.Header.Set(header[i], header[i+1])
			}
			return v.do(req)
		}
		const form = "application/x-www-form-urlencoded"
		for _, c := range []struct {
			name string
			page *page
			want int
		}{
			{"Bearer", send("GET", "", "", "Authorization", "Bearer "+token), 200},
			{"bearer in small letters", send("GET", "", "", "Authorization", "bearer "+token), 200},
			{"bare", send("GET", "", "", "Authorization", token), 200},
			{"in the query", send("GET", "?access_token="+token, ""), 200},
			{"in the query and the header, as the node client does", send("GET", "?access_token="+token, "", "Authorization", token), 200},
			{"in the form", send("POST", "", "access_token="+token, "Content-Type", form), 200},
			{"in the form without a type", send("POST", "", "access_token="+token), 200},
			{"by POST in the header", send("POST", "", "", "Authorization", "Bearer "+token), 200},
			{"nothing", send("GET", "", ""), 401},
			{"two tokens", send("GET", "?access_token="+id, "", "Authorization", token), 400},
			{"twice in the query", send("GET", "?access_token="+token+"&access_token="+token, ""), 400},
			{"an id token", send("GET", "", "", "Authorization", "Bearer "+id), 401},
			{"nonsense", send("GET", "", "", "Authorization", "Bearer x"), 401},
			{"Basic", send("GET", "", "", "Authorization", "Basic eDp5"), 401},
			{"JSON", send("POST", "", `{"access_token":"`+token+`"}`, "Content-Type", "application/json"), 400},
		} {
			if c.page.status != c.want || (c.want == 401) != (c.page.header.Get("WWW-Authenticate") != "") {
				t.Errorf("%s: %d %s %v", c.name, c.page.status, c.page.body, c.page.header)
			}
		}
		claims := send("GET", "", "", "Authorization", "Bearer "+token).json()
		for name, want := range map[string]any{"sub": d.ann.ID, "email": "ann@example.com", "email_verified": false, "phone_number": nil, "phone_number_verified": false, "external_id": nil} {
			if got, ok := claims[name]; !ok || got != want {
				t.Errorf("%s is %v", name, got)
			}
		}
		for _, name := range []string{"name", "username"} { // not asked for
			if _, ok := claims[name]; ok {
				t.Errorf("%s is told", name)
			}
		}
		bare := v.post("/oidc/token", exchange(app, v.code(app, "scope", "email")))
		if me := v.get("/oidc/me", url.Values{"access_token": {bare.text("access_token")}}); me.status != 403 || bare.text("id_token") != "" {
			t.Errorf("without openid: %d %s", me.status, me.body)
		}
	})
}

// Tokens that are not what they seem open nothing.
func TestForgedTokens(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, func(s *signin.AppSettings) { s.IDTokenAlg = "RS256" })
		other := d.app(signin.WebApp, nil)
		v := d.visitor()
		p := v.post("/oidc/token", exchange(app, v.code(app)))
		token := p.text("access_token")
		parts := strings.Split(token, ".")
		header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		var claims map[string]any
		raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
		if err := json.Unmarshal(raw, &claims); err != nil {
			t.Fatal(err)
		}
		sign := func(alg jose.SignatureAlgorithm, key any, change func(map[string]any)) string {
			c := map[string]any{}
			for k, v := range claims {
				if n, ok := v.(float64); ok {
					v = int64(n) // the library writes large floats with an exponent, which is no time
				}
				c[k] = v
			}
			if change != nil {
				change(c)
			}
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("at+jwt"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := jwt.Signed(s).Claims(c).Serialize()
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		set := v.raw("/oidc/.well-known/jwks.json").body
		for name, forged := range map[string]string{
			"alg none":                    header(`{"alg":"none","typ":"at+jwt"}`) + "." + parts[1] + ".",
			"alg none with a signature":   header(`{"alg":"none","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
			"alg None":                    header(`{"alg":"None"}`) + "." + parts[1] + ".",
			"another alg":                 header(`{"alg":"HS256","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
			"the key set for a secret":    sign(jose.HS256, []byte(set), nil),
			"signed by the application":   sign(jose.HS256, []byte(app.Secret), nil),
			"as a V2 token by the secret": sign(jose.HS256, []byte(app.Secret), func(c map[string]any) { c["use"] = "user" }),
			"an embedded key":             header(`{"alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}}`) + "." + parts[1] + "." + parts[2],
			"a changed claim":             parts[0] + "." + header(strings.Replace(string(raw), d.ann.ID, d.bob.ID, 1)) + "." + parts[2],
			"no signature":                parts[0] + "." + parts[1] + ".",
			"two parts":                   parts[0] + "." + parts[1],
			"five parts":                  token + ".x.y",
			"empty":                       "..",
			"long":                        strings.Repeat("a", 20_000),
		} {
			if me := v.post("/oidc/me", url.Values{"access_token": {forged}}); me.status != 401 {
				t.Errorf("%s: %d %s", name, me.status, me.body)
			}
			in := v.post("/oidc/token/introspection", url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}, "token": {forged}})
			if in.status != 200 || in.json()["active"] != false {
				t.Errorf("%s: %d %s", name, in.status, in.body)
			}
			if p := v.get("/oidc/auth", request(app, "id_token_hint", forged)); p.answer().Get("error") != "invalid_request" && p.status != 400 {
				t.Errorf("%s as a hint: %d %v", name, p.status, p.to)
			}
		}
		// An access token is no id token.
		if p := v.get("/oidc/auth", request(app, "id_token_hint", token)); p.answer().Get("error") != "invalid_request" {
			t.Errorf("an access token as a hint: %v", p.to)
		}
		// Another application's hint says nothing here.
		if p := v.get("/oidc/auth", request(other, "id_token_hint", p.text("id_token"))); p.answer().Get("error") != "invalid_request" {
			t.Errorf("another's hint: %v", p.to)
		}
	})
}

func TestIntrospectionAndRevocation(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app, other := d.app(signin.WebApp, nil), d.app(signin.WebApp, nil)
		v := d.visitor()
		p := v.post("/oidc/token", exchange(app, v.code(app, "scope", "openid offline_access")))
		token, refresh := p.text("access_token"), p.text("refresh_token")
		ask := func(path string, a *signin.Application, token string) *page {
			return v.post("/oidc/token/"+path, url.Values{"client_id": {a.ID}, "client_secret": {a.Secret}, "token": {token}, "token_type_hint": {"refresh_token"}})
		}
		for _, text := range []string{token, refresh} {
			in := ask("introspection", app, text).json()
			if in["active"] != true || in["sub"] != d.ann.ID || in["client_id"] != app.ID || in["scope"] != "openid offline_access" || in["iss"] != testhall.BaseURL+"/oidc" {
				t.Errorf("%v", in)
			}
			if in := ask("introspection", other, text); in.status != 200 || len(in.json()) != 1 || in.json()["active"] != false {
				t.Errorf("another application: %d %s", in.status, in.body)
			}
			// Another application's revocation does nothing, and says nothing.
			if out := ask("revocation", other, text); out.status != 200 {
				t.Errorf("%d %s", out.status, out.body)
			}
		}
		if in := v.post("/oidc/token/introspection", url.Values{"token": {token}}); in.status != 401 || in.text("error") != "invalid_client" {
			t.Errorf("nobody: %d %s", in.status, in.body)
		}
		if in := v.post("/oidc/token/introspection", url.Values{"client_id": {app.ID}, "client_secret": {"x"}, "token": {token}}); in.status != 401 {
			t.Errorf("a wrong secret: %d %s", in.status, in.body)
		}
		for _, text := range []string{"", "nonsense", strings.Repeat("f", 67)} {
			if out := ask("revocation", app, text); out.status != 200 || out.body != "" {
				t.Errorf("%q: %d %s", text, out.status, out.body)
			}
		}
		if in := ask("introspection", app, refresh).json(); in["active"] != true {
			t.Errorf("%v", in)
		}
		if out := ask("revocation", app, refresh); out.status != 200 || out.body != "" {
			t.Errorf("%d %s", out.status, out.body)
		}
		for _, text := range []string{token, refresh} {
			if in := ask("introspection", app, text).json(); in["active"] != false {
				t.Errorf("after revocation: %v", in)
			}
		}
		if p := v.post("/oidc/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {app.ID}, "client_secret": {app.Secret}, "refresh_token": {refresh}}); p.text("error") != "invalid_grant" {
			t.Errorf("%d %s", p.status, p.body)
		}
	})
}

func TestRefreshScope(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app, other := d.app(signin.WebApp, nil), d.app(signin.WebApp, nil)
		v := d.visitor()
		if p := v.post("/oidc/token", exchange(app, v.code(app))); p.text("refresh_token") != "" {
			t.Error("a refresh token that nobody asked for")
		}
		p := v.post("/oidc/token", exchange(app, v.code(app, "scope", "openid email offline_access")))
		refresh := func(a *signin.Application, token, scope string) *page {
			return v.post("/oidc/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {a.ID}, "client_secret": {a.Secret}, "refresh_token": {token}, "scope": {scope}})
		}
		if q := refresh(app, p.text("refresh_token"), "openid profile"); q.text("error") != "invalid_scope" {
			t.Errorf("%d %s", q.status, q.body)
		}
		if q := refresh(other, p.text("refresh_token"), ""); q.text("error") != "invalid_grant" {
			t.Errorf("another application: %d %s", q.status, q.body)
		}
		q := refresh(app, p.text("refresh_token"), "openid")
		if q.status != 200 || q.text("scope") != "openid" || q.text("id_token") == "" {
			t.Fatalf("%d %s", q.status, q.body)
		}
		if q := refresh(app, q.text("refresh_token"), ""); q.text("scope") != "openid email offline_access" {
			t.Errorf("%d %s", q.status, q.body)
		}
	})
}

func TestClientCredentials(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, func(s *signin.AppSettings) { s.Scopes = []string{"reports"} })
		ctx := d.pool.As(t.Context())
		for code, actions := range map[string][]string{"books": {"read", "write"}, "shelves": {"shelves:read"}, "music": nil} {
			list := []access.ResourceAction{}
			for _, a := range actions {
				list = append(list, access.ResourceAction{Name: a})
			}
			if _, err := d.h.Access.CreateResource(ctx, d.pool.ID, access.NewResource{Namespace: app.ID, Code: code, Type: access.Data, Actions: list}); err != nil {
				t.Fatal(err)
			}
		}
		account, err := d.h.Signin.CreateProgrammaticAccount(ctx, d.pool.ID, signin.NewProgrammaticAccount{AppID: app.ID, TokenLifetime: 77})
		if err != nil {
			t.Fatal(err)
		}
		public := d.app(signin.BrowserApp, nil)
		v := d.visitor()
		ask := func(id, secret, scope string) *page {
			return v.post("/oidc/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "scope": {scope}})
		}
		for _, c := range []struct{ asked, scope, rejected string }{
			{"", "", ""},
			{"books:read", "books:read", ""},
			{"books:read books:burn", "books:read", "books:burn"},
			{"books:* shelves:read films:*", "books:* shelves:read", "films:*"},
			{"*:read", "*:read", ""},
			{"bo*:read", "bo*:read", ""},
			{"*", "*", ""},
			{"music:*", "music:*", ""},
			{"music:play", "", "music:play"},
			{"reports", "reports", ""},
			{"openid profile", "", "openid profile"},
			{"read", "", "read"},
		} {
			p := ask(app.ID, app.Secret, c.asked)
			if p.status != 200 || p.text("scope") != c.scope || p.text("rejected_scope") != c.rejected || p.text("refresh_token") != "" || p.text("id_token") != "" {
				t.Errorf("%q: %d %s", c.asked, p.status, p.body)
			}
		}
		p := ask(account.ID, account.Secret, "books:read")
		if p.status != 200 || p.json()["expires_in"] != float64(77) {
			t.Fatalf("%d %s", p.status, p.body)
		}
		in := v.post("/oidc/token/introspection", url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}, "token": {p.text("access_token")}}).json()
		if in["active"] != true || in["sub"] != account.ID || in["scope"] != "books:read" {
			t.Errorf("%v", in)
		}
		if me := v.get("/oidc/me", url.Values{"access_token": {p.text("access_token")}}); me.status != 401 {
			t.Errorf("a program is nobody: %d %s", me.status, me.body)
		}
		for name, p := range map[string]*page{"a wrong secret": ask(account.ID, "x", ""), "the application's secret": ask(account.ID, app.Secret, ""),
			"no secret": ask(app.ID, "", ""), "a public client": ask(public.ID, public.Secret, "")} {
			if p.status != 401 || p.text("error") != "invalid_client" {
				t.Errorf("%s: %d %s", name, p.status, p.body)
			}
		}
		no := false
		if _, err := d.h.Signin.UpdateProgrammaticAccount(ctx, d.pool.ID, account.ID, signin.ProgrammaticAccountPatch{Enabled: &no}); err != nil {
			t.Fatal(err)
		}
		if p := ask(account.ID, account.Secret, ""); p.status != 401 {
			t.Errorf("a disabled account: %d %s", p.status, p.body)
		}
		if out := v.post("/oidc/token/revocation", url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}, "token": {p.text("access_token")}}); out.status != 200 {
			t.Errorf("%d %s", out.status, out.body)
		}
		if in := v.post("/oidc/token/introspection", url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}, "token": {p.text("access_token")}}).json(); in["active"] != false {
			t.Errorf("%v", in)
		}
	})
}

func TestPasswordGrant(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		legacy := d.app(signin.WebApp, func(s *signin.AppSettings) {
			s.Legacy, s.GrantTypes = true, []string{"authorization_code", "password", "refresh_token"}
		})
		v := d.visitor()
		ask := func(a *signin.Application, user, password string) *page {
			return v.post("/oidc/token", url.Values{"grant_type": {"password"}, "client_id": {a.ID}, "client_secret": {a.Secret}, "username": {user}, "password": {password},
				"scope": {"openid email offline_access"}})
		}
		p := ask(legacy, "ann", "a long passphrase")
		if p.status != 200 || p.text("refresh_token") == "" || p.text("id_token") == "" {
			t.Errorf("%d %s", p.status, p.body)
		}
		wrong, nobody := ask(legacy, "ann", "wrong"), ask(legacy, "nobody", "wrong")
		if wrong.status != 400 || wrong.text("error") != "invalid_grant" || wrong.body != nobody.body {
			t.Errorf("%d %s, %d %s", wrong.status, wrong.body, nobody.status, nobody.body)
		}
		if p := ask(legacy, "ann", ""); p.text("error") != "invalid_request" {
			t.Errorf("%d %s", p.status, p.body)
		}
		if p := ask(d.app(signin.WebApp, nil), "ann", "a long passphrase"); p.text("error") != "unauthorized_client" {
			t.Errorf("%d %s", p.status, p.body)
		}
	})
}

func TestDeviceFlow(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.NativeApp, func(s *signin.AppSettings) {
			s.GrantTypes = []string{signin.GrantDevice, signin.GrantRefresh, signin.GrantCode}
		})
		v := d.visitor()
		ctx := goidc.ClientContext(t.Context(), v.client)
		config := oauth2.Config{ClientID: app.ID, Scopes: []string{"openid", "email"}, Endpoint: oauth2.Endpoint{TokenURL: testhall.BaseURL + "/oidc/token",
			DeviceAuthURL: testhall.BaseURL + "/oidc/device_authorization", AuthStyle: oauth2.AuthStyleInParams}}
		begin := func() *oauth2.DeviceAuthResponse {
			t.Helper()
			a, err := config.DeviceAuth(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		poll := func(code string) *page {
			return v.post("/oidc/token", url.Values{"grant_type": {signin.GrantDevice}, "client_id": {app.ID}, "device_code": {code}})
		}
		a := begin()
		if a.VerificationURI != testhall.BaseURL+"/device" || a.VerificationURIComplete != a.VerificationURI+"?user_code="+a.UserCode || a.Interval != 5 || len(a.UserCode) != 9 {
			t.Errorf("%+v", a)
		}
		if p := poll(a.DeviceCode); p.text("error") != "authorization_pending" {
			t.Errorf("%d %s", p.status, p.body)
		}
		if p := poll(a.DeviceCode); p.text("error") != "slow_down" {
			t.Errorf("too fast: %d %s", p.status, p.body)
		}
		out, err := d.h.Signin.Establish(d.pool.As(t.Context()), app, d.ann, signin.Proof{AMR: []string{signin.AMRPassword}})
		if err != nil {
			t.Fatal(err)
		}
		typed := strings.ToLower(strings.ReplaceAll(a.UserCode, "-", " "))
		asked, err := d.h.Signin.Device(t.Context(), typed)
		if err != nil || asked.UserCode != a.UserCode || asked.App.ID != app.ID || !slices.Equal(asked.Scope, []string{"openid", "email"}) || asked.ClientIP == "" {
			t.Fatalf("%+v %v", asked, err)
		}
		for _, code := range []string{"", "BCDF", "BCDF-GHJK", strings.Repeat("B", 1000)} {
			if _, err := d.h.Signin.Device(t.Context(), code); err == nil {
				t.Errorf("%q is a device", code)
			}
		}
		answer := func(code string, allow bool) error {
			return d.h.Signin.AnswerDevice(d.pool.As(t.Context()), code, d.pool.ID, d.ann.ID, out.Session.ID, allow)
		}
		if err := d.h.Signin.AnswerDevice(t.Context(), a.UserCode, "ffffffffffffffffffffffff", d.ann.ID, out.Session.ID, true); err == nil {
			t.Error("a user of another pool has connected it")
		}
		if err := answer(typed, true); err != nil {
			t.Fatal(err)
		}
		if answer(typed, true) == nil {
			t.Error("answered twice")
		}
		p := poll(a.DeviceCode)
		if p.status != 200 || p.text("id_token") == "" || p.text("scope") != "openid email" {
			t.Errorf("%d %s", p.status, p.body)
		}
		if me := v.get("/oidc/me", url.Values{"access_token": {p.text("access_token")}}); me.text("sub") != d.ann.ID {
			t.Errorf("%d %s", me.status, me.body)
		}
		if p := poll(a.DeviceCode); p.text("error") != "expired_token" {
			t.Errorf("used: %d %s", p.status, p.body)
		}
		a = begin()
		if err := answer(a.UserCode, false); err != nil {
			t.Fatal(err)
		}
		if p := poll(a.DeviceCode); p.text("error") != "access_denied" {
			t.Errorf("refused: %d %s", p.status, p.body)
		}
		if p := poll("nonsense"); p.text("error") != "expired_token" {
			t.Errorf("nonsense: %d %s", p.status, p.body)
		}
		other := d.app(signin.NativeApp, nil)
		if p := v.post("/oidc/device_authorization", url.Values{"client_id": {other.ID}}); p.text("error") != "unauthorized_client" {
			t.Errorf("not allowed: %d %s", p.status, p.body)
		}
		// Of many polls at once one gets the tokens.
		a = begin()
		if err := answer(a.UserCode, true); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		got := make(chan bool, 20)
		for range 20 {
			wait.Go(func() { got <- poll(a.DeviceCode).status == 200 })
		}
		wait.Wait()
		close(got)
		n := 0
		for ok := range got {
			if ok {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d polls got tokens", n)
		}
	})
}

func TestOAuth2(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, func(s *signin.AppSettings) { s.OAuth2Enabled = true })
		off := d.app(signin.WebApp, nil)
		v := d.visitor()
		d.who(d.ann)
		ask := func(a *signin.Application) *page {
			return v.get("/oauth/auth", url.Values{"client_id": {a.ID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"user"}, "state": {"s"}})
		}
		if p := ask(off); p.to != nil || p.status != 400 {
			t.Errorf("not switched on: %d %v", p.status, p.to)
		}
		p := ask(app)
		if p.answer().Get("iss") != testhall.BaseURL+"/oauth" || p.answer().Get("state") != "s" {
			t.Fatalf("%d %v %s", p.status, p.to, p.body)
		}
		code := p.answer().Get("code")
		form := exchange(app, code, "code_verifier", "")
		if p := v.post("/oidc/token", form); p.text("error") != "invalid_grant" {
			t.Errorf("at the other endpoint: %d %s", p.status, p.body)
		}
		p = v.post("/oauth/token", form)
		token := p.text("access_token")
		if p.status != 200 || strings.Contains(token, ".") || p.text("id_token") != "" || p.text("scope") != "user" {
			t.Fatalf("%d %s", p.status, p.body)
		}
		for _, path := range []string{"/oauth/me", "/oauth/user/userinfo"} {
			if me := v.get(path, url.Values{"access_token": {token}}); me.text("sub") != d.ann.ID || me.text("username") != "ann" {
				t.Errorf("%d %s", me.status, me.body)
			}
		}
		client := url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}, "token": {token}}
		if in := v.post("/oauth/token/introspection", client).json(); in["active"] != true || in["iss"] != testhall.BaseURL+"/oauth" {
			t.Errorf("%v", in)
		}
		if out := v.post("/oauth/token/revocation", client); out.status != 200 {
			t.Errorf("%d %s", out.status, out.body)
		}
		if in := v.post("/oauth/token/introspection", client).json(); in["active"] != false {
			t.Errorf("%v", in)
		}
	})
}

func TestEndSession(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app, other := d.app(signin.WebApp, nil), d.app(signin.WebApp, nil)
		const bye = "https://app.example/bye"
		signedIn := func(v *visitor) bool {
			d.who(nil)
			return v.get("/oidc/auth", request(app, "prompt", "none")).answer().Get("code") != ""
		}
		enter := func() (*visitor, string, string) {
			v := d.visitor()
			p := v.post("/oidc/token", exchange(app, v.code(app)))
			return v, p.text("id_token"), p.text("access_token")
		}
		v, id, access := enter()
		for name, q := range map[string]url.Values{
			"an address that is not registered": {"client_id": {app.ID}, "post_logout_redirect_uri": {"https://evil.example/"}},
			"an address with more":              {"client_id": {app.ID}, "post_logout_redirect_uri": {bye + "?x"}},
			"an address and nobody's":           {"post_logout_redirect_uri": {bye}},
			"a hint that is none":               {"id_token_hint": {"x.y.z"}, "post_logout_redirect_uri": {bye}},
			"a hint and another client":         {"id_token_hint": {id}, "client_id": {other.ID}},
			"an access token for a hint":        {"id_token_hint": {access}},
			"an unknown client":                 {"client_id": {"ffffffffffffffffffffffff"}},
			"the address twice":                 {"id_token_hint": {id}, "post_logout_redirect_uri": {bye, bye}},
		} {
			if p := v.get("/oidc/session/end", q); p.to != nil || p.status != 400 || !signedIn(v) {
				t.Errorf("%s: %d %v", name, p.status, p.to)
			}
		}
		// Without a hint the person is asked; only the form of this page signs out.
		p := v.get("/oidc/session/end", url.Values{"client_id": {app.ID}, "post_logout_redirect_uri": {bye}, "state": {"s&1"}})
		_, rest, found := strings.Cut(p.body, `name="confirm" value="`)
		confirm, _, _ := strings.Cut(rest, `"`)
		if !found || p.status != 200 || !signedIn(v) {
			t.Fatalf("%d %s", p.status, p.body)
		}
		if p := v.post("/oidc/session/end", url.Values{"client_id": {app.ID}, "confirm": {"x" + confirm}}); p.to != nil || !signedIn(v) {
			t.Errorf("a forged form: %d %v", p.status, p.to)
		}
		if p := v.post("/oidc/session/end", url.Values{"client_id": {app.ID}, "post_logout_redirect_uri": {bye}, "state": {"s&1"}, "confirm": {confirm}}); p.to == nil || p.to.String() != bye+"?state=s%261" || signedIn(v) {
			t.Errorf("confirmed: %d %v", p.status, p.to)
		}
		// With the own hint, straight away, by GET and by POST, and the tokens with it.
		for _, send := range []func(*visitor, url.Values) *page{
			func(v *visitor, q url.Values) *page { return v.get("/oidc/session/end", q) },
			func(v *visitor, q url.Values) *page { return v.post("/oidc/session/end", q) },
		} {
			v, id, access := enter()
			p := send(v, url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {bye}, "state": {"x"}})
			if p.to == nil || p.to.String() != bye+"?state=x" || signedIn(v) {
				t.Errorf("%d %v %s", p.status, p.to, p.body)
			}
			if me := v.get("/oidc/me", url.Values{"access_token": {access}}); me.status != 401 {
				t.Errorf("%d %s", me.status, me.body)
			}
			if p := send(v, url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {bye}}); p.to == nil || p.to.String() != bye {
				t.Errorf("again: %d %v", p.status, p.to)
			}
			if p := send(v, nil); p.status != 200 || !strings.Contains(p.body, "signed out") {
				t.Errorf("nothing: %d %s", p.status, p.body)
			}
		}
		// With the own hint and an address that is not registered, signed out and not sent there.
		for _, to := range []string{"https://evil.example/", bye + "?x"} {
			v, id, _ := enter()
			if p := v.get("/oidc/session/end", url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {to}}); p.to != nil || p.status != 200 || signedIn(v) {
				t.Errorf("%s: %d %v", to, p.status, p.to)
			}
		}
		// Somebody else's hint asks.
		v, id, _ = enter()
		d.who(d.bob)
		w := d.visitor()
		w.get("/oidc/auth", request(app))
		if p := w.get("/oidc/session/end", url.Values{"id_token_hint": {id}}); !strings.Contains(p.body, "confirm") || !signedIn(w) || !signedIn(v) {
			t.Errorf("%d %s", p.status, p.body)
		}
		if p := w.get("/oidc/session/end", url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {"https://evil.example/"}}); p.to != nil || p.status != 400 || !signedIn(w) {
			t.Errorf("somebody else's hint and an address that is not registered: %d %v", p.status, p.to)
		}
	})
}

func TestBackchannelLogout(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		var mu sync.Mutex
		var got []string
		status := http.StatusInternalServerError
		listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, r.FormValue("logout_token"))
			w.WriteHeader(status)
		}))
		defer listener.Close()
		app := d.app(signin.WebApp, func(s *signin.AppSettings) { s.BackchannelLogoutURI, s.IDTokenAlg = listener.URL+"/out", "RS256" })
		d.app(signin.WebApp, func(s *signin.AppSettings) { s.BackchannelLogoutURI = listener.URL + "/not" })
		v := d.visitor()
		id := v.post("/oidc/token", exchange(app, v.code(app))).text("id_token")
		v.post("/oidc/token", exchange(app, v.code(app)))
		v.get("/oidc/session/end", url.Values{"id_token_hint": {id}})

		// A provider that may not reach this machine tells nobody, and puts it off.
		strict := oidc.New(oidc.Options{Signin: d.h.Signin, BaseURL: testhall.BaseURL})
		if n, err := strict.DeliverLogouts(t.Context()); err != nil || n != 1 || len(got) != 0 {
			t.Fatalf("%d %v %v", n, err, got)
		}
		again := func() {
			t.Helper()
			if _, err := db.Exec(t.Context(), d.h.DB, "update logout_notices set due_at = 0 where pool_id = ?", d.pool.ID); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := d.provider.DeliverLogouts(t.Context()); err != nil || n != 0 {
			t.Fatalf("not yet: %d %v", n, err)
		}
		again()
		for _, want := range []int{http.StatusInternalServerError, http.StatusOK} {
			mu.Lock()
			status = want
			mu.Unlock()
			if n, err := d.provider.DeliverLogouts(t.Context()); err != nil || n != 1 {
				t.Fatalf("%d %v", n, err)
			}
			again()
		}
		if n, err := d.provider.DeliverLogouts(t.Context()); err != nil || n != 0 || len(got) != 2 {
			t.Fatalf("%d %v %d", n, err, len(got))
		}
		ctx := goidc.ClientContext(t.Context(), v.client)
		keys := goidc.NewRemoteKeySet(ctx, testhall.BaseURL+"/oidc/.well-known/jwks.json")
		token, err := goidc.NewVerifier(testhall.BaseURL+"/oidc", keys, &goidc.Config{ClientID: app.ID}).Verify(ctx, got[0])
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := token.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		events, _ := claims["events"].(map[string]any)
		if claims["sub"] != d.ann.ID || claims["sid"] == nil || claims["jti"] == nil || claims["nonce"] != nil || events["http://schemas.openid.net/event/backchannel-logout"] == nil {
			t.Errorf("%v", claims)
		}
		// Signed out of this application alone, while the session lives on.
		other := d.app(signin.WebApp, nil)
		w := d.visitor()
		w.code(other)
		w.post("/oidc/token", exchange(app, w.code(app)))
		if err := d.h.Signin.EndAppSessions(d.pool.As(t.Context()), d.pool.ID, d.ann.ID, []string{app.ID}); err != nil {
			t.Fatal(err)
		}
		if n, err := d.provider.DeliverLogouts(t.Context()); err != nil || n != 1 || len(got) != 3 {
			t.Fatalf("%d %v %d", n, err, len(got))
		}
		if p := v.get("/oidc/session/end", url.Values{"id_token_hint": {got[0]}}); p.status != 400 {
			t.Errorf("a logout token for a hint: %d", p.status)
		}
	})
}

// What nobody may send is refused before anything is looked at.
func TestLimits(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, nil)
		v := d.visitor()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, testhall.BaseURL+"/oidc/token", bytes.NewReader(bytes.Repeat([]byte("a=b&"), 200_000)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if p := v.do(req); p.status != 413 {
			t.Errorf("%d %s", p.status, p.body)
		}
		if p := v.get("/oidc/auth", request(app, "state", strings.Repeat("s", 5000))); p.answer().Get("error") != "invalid_request" || p.answer().Get("state") != "" {
			t.Errorf("a long state: %d %v", p.status, p.to)
		}
		for _, text := range []string{"%zz", "state=%ff%fe", "a;b"} {
			if p := v.raw("/oidc/auth?" + request(app).Encode() + "&" + text); p.status != 400 || p.to != nil {
				t.Errorf("%s: %d %v", text, p.status, p.to)
			}
		}
		for _, c := range []struct{ name, value, want string }{
			{"request", "x.y.z", "request_not_supported"}, {"request_uri", "https://app.example/r", "request_uri_not_supported"}, {"registration", "{}", "registration_not_supported"},
			{"scope", `a"b`, "invalid_scope"}, {"response_type", "", "invalid_request"}, {"code_challenge_method", "plain", "invalid_request"}, {"code_challenge_method", "", "invalid_request"},
			{"code_challenge_method", "S512", "invalid_request"}, {"code_challenge", "short", "invalid_request"}, {"code_challenge", "", "invalid_request"}, {"nonce", strings.Repeat("n", 2000), "invalid_request"},
		} {
			if p := v.get("/oidc/auth", request(app, c.name, c.value)); p.answer().Get("error") != c.want || p.answer().Get("state") != "xyz" || p.answer().Get("iss") == "" {
				t.Errorf("%s=%s: %d %v", c.name, c.value, p.status, p.to)
			}
		}
		if p := v.raw("/oidc/auth?" + request(app).Encode() + "&scope=openid"); p.answer().Get("error") != "invalid_request" {
			t.Errorf("scope twice: %d %v", p.status, p.to)
		}
		if p := v.raw("/oidc/auth?" + request(app).Encode() + "&state=other"); p.answer().Get("error") != "invalid_request" || p.answer().Has("state") {
			t.Errorf("state twice: %d %v", p.status, p.to)
		}
		// A broken cookie is no session and no failure.
		for _, value := range []string{"x", strings.Repeat("a", 67), d.pool.ID + strings.Repeat("_", 43), "%00"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, testhall.BaseURL+"/oidc/auth?"+request(app, "prompt", "none").Encode(), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Cookie", "guildhall-"+d.pool.ID+"="+value)
			if p := v.do(req); p.answer().Get("error") != "login_required" {
				t.Errorf("cookie %q: %d %v", value, p.status, p.to)
			}
		}
	})
}
