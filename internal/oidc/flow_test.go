package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// A certified-minded client walks through the whole code flow, for every algorithm of id tokens.
func TestCodeFlow(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		for _, alg := range []string{"HS256", "RS256", "ES256"} {
			t.Run(alg, func(t *testing.T) {
				d := *d
				d.T = t
				app := d.app(signin.WebApp, func(s *signin.AppSettings) { s.IDTokenAlg = alg })
				v := d.visitor()
				ctx := goidc.ClientContext(t.Context(), v.client)
				provider, err := goidc.NewProvider(ctx, testhall.BaseURL+"/oidc")
				if err != nil {
					t.Fatal(err)
				}
				config := oauth2.Config{ClientID: app.ID, ClientSecret: app.Secret, Endpoint: provider.Endpoint(), RedirectURL: callback,
					Scopes: []string{"openid", "profile", "email", "offline_access"}}
				config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
				proof := oauth2.GenerateVerifier()
				d.who(d.ann)
				at, err := url.Parse(config.AuthCodeURL("st&te=1", oauth2.S256ChallengeOption(proof), goidc.Nonce("n-1"), oauth2.SetAuthURLParam("prompt", "consent")))
				if err != nil {
					t.Fatal(err)
				}
				p := v.raw(at.RequestURI())
				answer := p.answer()
				if answer.Get("state") != "st&te=1" || answer.Get("iss") != testhall.BaseURL+"/oidc" {
					t.Fatalf("%d %v %s", p.status, p.to, p.body)
				}
				if !strings.HasPrefix(p.to.String(), callback+"&code=") {
					t.Errorf("the registered address is changed: %s", p.to)
				}
				token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(proof))
				if err != nil {
					t.Fatal(err)
				}
				raw, _ := token.Extra("id_token").(string)
				c := &goidc.Config{ClientID: app.ID, SupportedSigningAlgs: []string{alg}}
				check := provider.VerifierContext(ctx, c)
				if alg == "HS256" {
					check = goidc.NewVerifier(testhall.BaseURL+"/oidc", hmacKeys(app.Secret), c)
				}
				id, err := check.Verify(ctx, raw)
				if err != nil {
					t.Fatal(err)
				}
				if id.Subject != d.ann.ID || id.Nonce != "n-1" {
					t.Errorf("%+v", id)
				}
				if id.AccessTokenHash != half(token.AccessToken) {
					t.Errorf("at_hash: %s", id.AccessTokenHash)
				}
				var claims map[string]any
				if err := id.Claims(&claims); err != nil || claims["email"] != "ann@example.com" || claims["aud"] != app.ID || claims["sid"] == nil {
					t.Errorf("%v %v", claims, err)
				}
				head, err := jose.ParseSigned(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
				if err != nil || (head.Signatures[0].Header.KeyID == "") != (alg == "HS256") {
					t.Errorf("the header: %v %v", head, err)
				}
				if _, err := jwt.ParseSigned(token.AccessToken, []jose.SignatureAlgorithm{jose.RS256}); err != nil {
					t.Errorf("the access token is not RS256: %v", err)
				}

				info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
				if err != nil || info.Subject != d.ann.ID || info.Email != "ann@example.com" {
					t.Fatalf("%+v %v", info, err)
				}

				// The next tokens, and the old refresh token again: everything ends.
				again, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
				if err != nil || again.RefreshToken == "" || again.RefreshToken == token.RefreshToken {
					t.Fatalf("%+v %v", again, err)
				}
				if _, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(again)); err != nil {
					t.Error(err)
				}
				if _, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token(); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
					t.Errorf("a used refresh token: %v", err)
				}
				if _, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: again.RefreshToken}).Token(); err == nil {
					t.Error("the family lives on")
				}
				for _, old := range []*oauth2.Token{token, again} {
					if _, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(old)); err == nil {
						t.Error("an access token of the family lives on")
					}
				}
			})
		}
	})
}

// hmacKeys checks HS256 by the application's secret.
type hmacKeys string

func (k hmacKeys) VerifySignature(_ context.Context, text string) ([]byte, error) {
	parsed, err := jose.ParseSigned(text, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return nil, err
	}
	return parsed.Verify([]byte(k))
}

func TestPublicClient(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.BrowserApp, nil)
		v := d.visitor()
		p := v.post("/oidc/token", exchange(app, v.code(app, "scope", "openid offline_access")))
		if p.status != 200 || p.text("token_type") != "Bearer" || p.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s %v", p.status, p.body, p.header)
		}
		// The web client refreshes with a header alone (auth-notes 0.8).
		p = v.post("/oidc/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.text("refresh_token")}, "redirect_uri": {""}}, "x-authing-app-id", app.ID)
		if p.status != 200 || p.text("refresh_token") == "" {
			t.Fatalf("%d %s", p.status, p.body)
		}
		// A confidential client is not taken at its word.
		secretive := d.app(signin.WebApp, nil)
		q := v.post("/oidc/token", exchange(secretive, v.code(secretive, "scope", "openid offline_access")))
		q = v.post("/oidc/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {q.text("refresh_token")}}, "x-authing-app-id", secretive.ID)
		if q.status != 401 || q.text("error") != "invalid_client" {
			t.Errorf("%d %s", q.status, q.body)
		}
		// Without PKCE it gets no code.
		p = v.get("/oidc/auth", request(app, "code_challenge", "", "code_challenge_method", ""))
		if p.answer().Get("error") != "invalid_request" {
			t.Errorf("%d %v", p.status, p.to)
		}
	})
}

func TestExchangeIsRefused(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app, other, public := d.app(signin.WebApp, nil), d.app(signin.WebApp, nil), d.app(signin.BrowserApp, nil)
		basic := d.app(signin.WebApp, func(s *signin.AppSettings) { s.TokenEndpointAuth = signin.AuthBasic })
		v := d.visitor()
		code := v.code(app)
		pair := func(id, secret string) string {
			return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
		}
		for _, c := range []struct {
			name   string
			form   url.Values
			header []string
			status int
			want   string
		}{
			{"no client", exchange(app, code, "client_id", "", "client_secret", ""), nil, 401, "invalid_client"},
			{"an unknown client", exchange(app, code, "client_id", "ffffffffffffffffffffffff"), nil, 401, "invalid_client"},
			{"nonsense for a client", exchange(app, code, "client_id", "x'--"), nil, 401, "invalid_client"},
			{"a wrong secret", exchange(app, code, "client_secret", "wrong"), nil, 401, "invalid_client"},
			{"no secret", exchange(app, code, "client_secret", ""), nil, 401, "invalid_client"},
			{"another way of authentication", exchange(app, code, "client_id", "", "client_secret", ""), []string{"Authorization", pair(app.ID, app.Secret)}, 401, "invalid_client"},
			{"two ways at once", exchange(app, code), []string{"Authorization", pair(app.ID, app.Secret)}, 400, "invalid_request"},
			{"the wrong way for basic", exchange(basic, code), nil, 401, "invalid_client"},
			{"broken Basic", exchange(app, code), []string{"Authorization", "Basic %%%"}, 401, "invalid_client"},
			{"no grant", exchange(app, code, "grant_type", ""), nil, 400, "invalid_request"},
			{"an unknown grant", exchange(app, code, "grant_type", "magic"), nil, 400, "unsupported_grant_type"},
			{"a grant that is not allowed", exchange(app, code, "grant_type", "password", "username", "ann", "password", "a long passphrase"), nil, 400, "unauthorized_client"},
			{"no code", exchange(app, "", "code", ""), nil, 400, "invalid_request"},
			{"nonsense for a code", exchange(app, "nonsense"), nil, 400, "invalid_grant"},
			{"another client's code", exchange(other, code), nil, 400, "invalid_grant"},
			{"a public client's try", exchange(public, code), nil, 400, "invalid_grant"},
			{"no redirect URI", exchange(app, code, "redirect_uri", ""), nil, 400, "invalid_grant"},
			{"another redirect URI", exchange(app, code, "redirect_uri", "https://app.example/cb"), nil, 400, "invalid_grant"},
			{"no verifier", exchange(app, code, "code_verifier", ""), nil, 400, "invalid_grant"},
			{"another verifier", exchange(app, code, "code_verifier", strings.Repeat("a", 43)), nil, 400, "invalid_grant"},
			{"the challenge for a verifier", exchange(app, code, "code_verifier", challenge), nil, 400, "invalid_grant"},
		} {
			p := v.post("/oidc/token", c.form, c.header...)
			if p.status != c.status || p.text("error") != c.want || p.text("error_description") == "" || p.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s, want %d %s", c.name, p.status, p.body, c.status, c.want)
			}
			if has := p.header.Get("WWW-Authenticate") != ""; has != (p.status == 401 && len(c.header) > 0) {
				t.Errorf("%s: the challenge: %q", c.name, p.header.Get("WWW-Authenticate"))
			}
		}
		double := exchange(app, code)
		double.Add("code", code)
		if p := v.post("/oidc/token", double); p.text("error") != "invalid_request" {
			t.Errorf("a parameter twice: %d %s", p.status, p.body)
		}
		if p := v.post("/oidc/token", exchange(app, code), "Content-Type", "application/json"); p.text("error") != "invalid_request" {
			t.Errorf("JSON: %d %s", p.status, p.body)
		}
		// None of these has used the code up; the node client's bare token in the header does no harm (auth-notes 0.7).
		first := v.post("/oidc/token", exchange(app, code), "Authorization", "eyJhbGciOiJSUzI1NiJ9.e30.x")
		if first.status != 200 {
			t.Fatalf("the right exchange: %d %s", first.status, first.body)
		}
		if p := v.get("/oidc/me", url.Values{"access_token": {first.text("access_token")}}); p.status != 200 {
			t.Errorf("%d %s", p.status, p.body)
		}
		// The code again: its tokens die.
		if p := v.post("/oidc/token", exchange(app, code)); p.status != 400 || p.text("error") != "invalid_grant" {
			t.Errorf("a used code: %d %s", p.status, p.body)
		}
		if p := v.get("/oidc/me", url.Values{"access_token": {first.text("access_token")}}); p.status != 401 || p.text("error") != "invalid_token" {
			t.Errorf("the tokens of a reused code: %d %s", p.status, p.body)
		}
		// Basic, where it is set, with the halves encoded.
		if p := v.post("/oidc/token", exchange(basic, v.code(basic), "client_id", "", "client_secret", ""), "Authorization", pair(basic.ID, basic.Secret)); p.status != 200 {
			t.Errorf("Basic: %d %s", p.status, p.body)
		}
		// A verifier where there was no challenge: somebody took it out of the request.
		bare := v.code(app, "code_challenge", "", "code_challenge_method", "")
		if p := v.post("/oidc/token", exchange(app, bare)); p.text("error") != "invalid_grant" {
			t.Errorf("a verifier without a challenge: %d %s", p.status, p.body)
		}
		if p := v.post("/oidc/token", exchange(app, bare, "code_verifier", "")); p.status != 200 {
			t.Errorf("no PKCE at all: %d %s", p.status, p.body)
		}
	})
}

// Of all who exchange a code at once, on two servers where the engine can be shared, at most one gets tokens, and those end with the
// other tries: somebody else had the code too.
func TestCodeIsExchangedOnce(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, nil)
		v := d.visitor()
		servers := []*testhall.Hall{d.h}
		if !d.h.DB.Local() {
			servers = append(servers, d.h.Again(t))
		}
		for range 10 {
			code := v.code(app)
			var wait sync.WaitGroup
			var mu sync.Mutex
			var tokens []string
			for n := range 100 {
				wait.Go(func() {
					set, err := servers[n%len(servers)].Signin.RedeemCode(t.Context(), app, signin.CodeExchange{Kind: signin.FamilyOIDC, Code: code, RedirectURI: callback, Verifier: verifier})
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						tokens = append(tokens, set.Access)
					case !errors.Is(err, signin.ErrGrantRefused):
						t.Errorf("%v", err)
					}
				})
			}
			wait.Wait()
			if len(tokens) != 1 {
				t.Fatalf("%d exchanges of one code", len(tokens))
			}
			if me := v.get("/oidc/me", url.Values{"access_token": {tokens[0]}}); me.status != 401 {
				t.Errorf("the tokens of a reused code: %d %s", me.status, me.body)
			}
		}
	})
}

func TestPromptsAndAges(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, nil)
		v := d.visitor()
		d.who(nil)
		if p := v.get("/oidc/auth", request(app, "prompt", "none")); p.answer().Get("error") != "login_required" || p.answer().Get("state") != "xyz" {
			t.Errorf("nobody is signed in: %d %v", p.status, p.to)
		}
		if p := v.get("/oidc/auth", request(app)); p.at != "/login" {
			t.Errorf("nobody is signed in: %d %v %s", p.status, p.to, p.at)
		}
		idToken := v.post("/oidc/token", exchange(app, v.code(app))).text("id_token")
		d.who(nil) // from here on nobody answers at the login page
		for _, c := range []struct {
			name    string
			changes []string
			want    string // "code", an error, or the page
		}{
			{"the session answers", nil, "code"},
			{"quietly", []string{"prompt", "none"}, "code"},
			{"quietly, by POST of nothing else", []string{"prompt", "none", "login_hint", "ann"}, "code"},
			{"sign in again", []string{"prompt", "login"}, "/login"},
			{"choose", []string{"prompt", "select_account"}, "/login"},
			{"not older than an hour", []string{"max_age", "3600"}, "code"},
			{"not older than nothing", []string{"max_age", "0"}, "/login"},
			{"quietly not older than nothing", []string{"max_age", "0", "prompt", "none"}, "login_required"},
			{"own hint", []string{"id_token_hint", idToken, "prompt", "none"}, "code"},
			{"a hint that is none", []string{"id_token_hint", "x.y.z"}, "invalid_request"},
			{"own applications ask for no consent", []string{"prompt", "consent"}, "code"},
			{"nonsense", []string{"prompt", "perhaps"}, "invalid_request"},
			{"none and more", []string{"prompt", "none login"}, "invalid_request"},
			{"a negative age", []string{"max_age", "-1"}, "invalid_request"},
			{"no number", []string{"max_age", "1e3"}, "invalid_request"},
		} {
			p := v.get("/oidc/auth", request(app, c.changes...))
			got := p.answer().Get("error")
			if p.answer().Get("code") != "" {
				got = "code"
			}
			if p.to == nil {
				got = p.at
			}
			if got != c.want {
				t.Errorf("%s: %s, want %s (%d %v)", c.name, got, c.want, p.status, p.to)
			}
		}
		// Signing in again answers the request.
		d.who(d.ann)
		for _, prompt := range []string{"login", "select_account"} {
			if p := v.get("/oidc/auth", request(app, "prompt", prompt)); p.answer().Get("code") == "" {
				t.Errorf("%s: %d %v %s", prompt, p.status, p.to, p.body)
			}
		}
		if p := v.get("/oidc/auth", request(app, "max_age", "0")); p.answer().Get("code") == "" {
			t.Errorf("max_age: %d %v", p.status, p.to)
		}
		// Another person's hint: the one who is signed in may not answer.
		d.who(d.bob)
		w := d.visitor()
		if p := w.get("/oidc/auth", request(app)); p.answer().Get("code") == "" {
			t.Fatal(p.body)
		}
		if p := w.get("/oidc/auth", request(app, "id_token_hint", idToken, "prompt", "none")); p.answer().Get("error") != "login_required" {
			t.Errorf("another's hint: %v", p.to)
		}
		// POST is the same as GET; a query beside the form is refused.
		if p := v.post("/oidc/auth", request(app)); p.answer().Get("code") == "" {
			t.Errorf("POST: %d %v %s", p.status, p.to, p.body)
		}
		if p := v.post("/oidc/auth?"+request(app).Encode(), url.Values{}); p.to != nil || p.status != 400 {
			t.Errorf("POST with a query: %d %v", p.status, p.to)
		}
		// Whoever may not enter is told so.
		if err := d.h.Access.SetAppStrategy(d.pool.As(t.Context()), d.pool.ID, app.ID, "DENY_ALL"); err != nil {
			t.Fatal(err)
		}
		if p := v.get("/oidc/auth", request(app)); p.answer().Get("error") != "access_denied" {
			t.Errorf("no access: %d %v", p.status, p.to)
		}
	})
}

func TestConsent(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, func(s *signin.AppSettings) { s.ShowConsent = true })
		v := d.visitor()
		d.who(d.ann)
		agree := func(scopes ...string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.scopes = scopes
		}
		agree([]string{}...)
		if p := v.get("/oidc/auth", request(app)); p.answer().Get("error") != "access_denied" || p.answer().Get("state") != "xyz" {
			t.Errorf("refused: %d %v %s", p.status, p.to, p.body)
		}
		if p := v.get("/oidc/auth", request(app, "prompt", "none")); p.answer().Get("error") != "consent_required" {
			t.Errorf("quietly: %d %v", p.status, p.to)
		}
		agree("openid", "email")
		p := v.get("/oidc/auth", request(app))
		if p = v.post("/oidc/token", exchange(app, p.answer().Get("code"))); p.text("scope") != "openid email" {
			t.Errorf("a part: %d %s", p.status, p.body)
		}
		if p := v.get("/oidc/auth", request(app, "prompt", "none", "scope", "openid email")); p.answer().Get("code") == "" {
			t.Errorf("remembered: %d %v", p.status, p.to)
		}
		if p := v.get("/oidc/auth", request(app, "prompt", "none")); p.answer().Get("error") != "consent_required" {
			t.Errorf("more than remembered: %d %v", p.status, p.to)
		}
		d.who(d.bob)
		if p := d.visitor().get("/oidc/auth", request(app, "scope", "openid email")); p.answer().Get("code") == "" {
			t.Errorf("another person: %d %v %s", p.status, p.to, p.body)
		}
	})
}

func TestFrontChannel(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		every := []string{"code", "token", "id_token", "id_token token", "code token", "code id_token", "code id_token token"}
		grants := []string{"authorization_code", "implicit", "refresh_token"}
		legacy := d.app(signin.WebApp, func(s *signin.AppSettings) { s.Legacy, s.ResponseTypes, s.GrantTypes = true, every, grants })
		strict := d.app(signin.WebApp, func(s *signin.AppSettings) {
			s.ResponseTypes, s.GrantTypes = []string{"code", "id_token", "code id_token"}, grants
		})
		plain := d.app(signin.WebApp, nil)
		v := d.visitor()
		d.who(d.ann)
		for _, c := range []struct {
			app      *signin.Application
			response string
			has      string // what is answered, or an error
		}{
			{legacy, "id_token", "id_token"},
			{legacy, "token id_token", "access_token id_token"},
			{legacy, "token", "access_token"},
			{legacy, "code token", "access_token code"},
			{legacy, "id_token code", "code id_token"},
			{legacy, "code id_token token", "access_token code id_token"},
			{legacy, "none", ""},
			{strict, "id_token", "id_token"},
			{strict, "code id_token", "code id_token"},
			{strict, "token", "!unauthorized_client"},
			{strict, "id_token token", "!unauthorized_client"},
			{strict, "code token", "!unauthorized_client"},
			{plain, "id_token", "!unauthorized_client"},
			{plain, "code id_token", "!unauthorized_client"},
			{plain, "saml", "!unsupported_response_type"},
			{plain, "code code", "!unsupported_response_type"},
		} {
			p := v.get("/oidc/auth", request(c.app, "response_type", c.response, "nonce", "n"))
			answer := p.answer()
			var has []string
			for _, name := range []string{"access_token", "code", "id_token"} {
				if answer.Get(name) != "" {
					has = append(has, name)
				}
			}
			got := strings.Join(has, " ")
			if e := answer.Get("error"); e != "" {
				got = "!" + e
			}
			if got != c.has || answer.Get("state") != "xyz" || answer.Get("iss") == "" || answer.Get("refresh_token") != "" {
				t.Errorf("%s: %q, want %q (%v)", c.response, got, c.has, p.to)
			}
			if inFragment := p.to.Fragment != ""; inFragment != (c.response != "none" && c.response != "saml" && c.response != "code code") {
				t.Errorf("%s: the answer stands at %v", c.response, p.to)
			}
			id := answer.Get("id_token")
			if id == "" {
				continue
			}
			parsed, err := jwt.ParseSigned(id, []jose.SignatureAlgorithm{jose.HS256})
			if err != nil {
				t.Fatal(err)
			}
			var claims map[string]any
			if err := parsed.Claims([]byte(c.app.Secret), &claims); err != nil || claims["nonce"] != "n" {
				t.Errorf("%v %v", claims, err)
			}
			if code := answer.Get("code"); code != "" && claims["c_hash"] != half(code) {
				t.Errorf("%s: c_hash %v", c.response, claims["c_hash"])
			}
			if access := answer.Get("access_token"); access != "" && claims["at_hash"] != half(access) {
				t.Errorf("%s: at_hash %v", c.response, claims["at_hash"])
			}
		}
		if p := v.get("/oidc/auth", request(strict, "response_type", "id_token")); p.answer().Get("error") != "invalid_request" {
			t.Errorf("no nonce: %v", p.to)
		}
		if p := v.get("/oidc/auth", request(strict, "response_type", "id_token", "nonce", "n", "response_mode", "query")); p.answer().Get("error") != "invalid_request" || p.to.Fragment == "" {
			t.Errorf("an id token in a query: %v", p.to)
		}
	})
}

func half(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func TestResponseModes(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.NativeApp, func(s *signin.AppSettings) {
			s.RedirectURIs = append(s.RedirectURIs, "https://app.example:443/x", "com.example.app:/cb")
		})
		v := d.visitor()
		d.who(d.ann)
		if p := v.get("/oidc/auth", request(app, "response_mode", "fragment")); p.to == nil || p.to.Fragment == "" || p.answer().Get("code") == "" {
			t.Errorf("fragment: %v", p.to)
		}
		p := v.get("/oidc/auth", request(app, "response_mode", "form_post", "state", `"><script>alert(1)</script>`))
		if p.status != 200 || !strings.Contains(p.body, `action="https://app.example/cb?tenant=1"`) || strings.Contains(p.body, "<script>alert") ||
			!strings.Contains(p.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("form_post: %d %s %v", p.status, p.body, p.header)
		}
		p = v.get("/oidc/auth", request(app, "response_mode", "web_message", "prompt", "none", "state", "</script><script>alert(1)//", "redirect_uri", "https://app.example:443/x"))
		if p.status != 200 || strings.Contains(p.body, "</script><script>alert") || !strings.Contains(p.body, `"authorization_response"`) || !strings.Contains(p.body, `"https://app.example")`) ||
			!strings.Contains(p.body, `"code":"`) {
			t.Errorf("web_message: %d %s", p.status, p.body)
		}
		if p.header.Get("X-Frame-Options") != "" || strings.Contains(p.header.Get("Content-Security-Policy"), "frame-ancestors") {
			t.Errorf("the page may not be framed: %v", p.header)
		}
		quiet := d.visitor()
		p = quiet.get("/oidc/auth", request(app, "response_mode", "web_message", "prompt", "none"))
		if !strings.Contains(p.body, `"error":"login_required"`) || !strings.Contains(p.body, `"state":"xyz"`) {
			t.Errorf("web_message: %d %s", p.status, p.body)
		}
		for _, mode := range []string{"web_message", "form_post"} {
			if p := v.get("/oidc/auth", request(app, "response_mode", mode, "redirect_uri", "com.example.app:/cb")); p.answer().Get("error") != "invalid_request" {
				t.Errorf("%s without an origin: %d %v", mode, p.status, p.to)
			}
		}
		if p := v.get("/oidc/auth", request(app, "redirect_uri", "com.example.app:/cb")); p.to == nil || p.to.Scheme != "com.example.app" || p.answer().Get("code") == "" {
			t.Errorf("an application's own scheme: %d %v", p.status, p.to)
		}
		if p := v.get("/oidc/auth", request(app, "response_mode", "pigeon")); p.answer().Get("error") != "invalid_request" {
			t.Errorf("pigeon: %v", p.to)
		}
	})
}

// Redirects go where the application is registered, and nowhere else, byte for byte.
func TestRedirectTricks(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, nil)
		v := d.visitor()
		d.who(d.ann)
		for _, uri := range []string{
			"", "https://evil.example/cb", "https://app.example/cb", "https://app.example/cb?tenant=1&x=2", "https://app.example/cb?tenant=1#x", "https://app.example/cb?tenant=1#",
			"https://app.example/cb/?tenant=1", "https://app.example/cb?tenant=2", "https://app.example/CB?tenant=1", "https://APP.example/cb?tenant=1", "HTTPS://app.example/cb?tenant=1",
			"http://app.example/cb?tenant=1", "https://app.example:443/cb?tenant=1", "https://app.example:8443/cb?tenant=1", "https://app.example./cb?tenant=1",
			"https://app.example/cb?tenant=1 ", " https://app.example/cb?tenant=1", "https://app.example/x/../cb?tenant=1", "https://app.example/./cb?tenant=1", "https://app.example//cb?tenant=1",
			"https://app.example/%63b?tenant=1", "https://app.example/cb%3Ftenant=1", "https://app.example/cb?tenant=%31", "https://app.example/cb?tenant=1%00", "https://app.example/cb?tenant=1\x00",
			"https://app.example/cb?tenant=1\r\nSet-Cookie:a=b", "https://app.example\\@evil.example/cb?tenant=1", "https://app.example@evil.example/cb?tenant=1",
			"https://evil.example/https://app.example/cb?tenant=1", "https://app.example.evil.example/cb?tenant=1", "//app.example/cb?tenant=1", "/cb?tenant=1", "javascript:alert(1)",
			"https://app.example/cb?tenant=1&redirect_uri=https://evil.example", "https://*.example/cb?tenant=1", "https://app.еxample/cb?tenant=1",
		} {
			q := request(app)
			q.Set("redirect_uri", uri)
			for _, p := range []*page{v.get("/oidc/auth", q), v.post("/oidc/auth", q)} {
				if p.to != nil || p.status != 400 || p.header.Get("Location") != "" || strings.Contains(p.header.Get("Set-Cookie"), "a=b") {
					t.Errorf("%q: %d %v", uri, p.status, p.to)
				}
			}
		}
		// Twice, the right one first or last.
		for _, text := range []string{"&redirect_uri=https%3A%2F%2Fevil.example", "&client_id=" + app.ID} {
			if p := v.raw("/oidc/auth?" + request(app).Encode() + text); p.to != nil || p.status != 400 {
				t.Errorf("%s: %d %v", text, p.status, p.to)
			}
		}
		for _, id := range []string{"", "x", "ffffffffffffffffffffffff", app.ID + "\x00", d.pool.ID} {
			if p := v.get("/oidc/auth", request(app, "client_id", "", "client_id", id)); p.to != nil || p.status < 400 || p.status > 499 {
				t.Errorf("client %q: %d %v", id, p.status, p.to)
			}
		}
		// What the request says of the host changes nothing.
		for _, header := range []string{"Host", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Original-URL", "X-Rewrite-URL"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, testhall.BaseURL+"/oidc/auth?"+request(app, "prompt", "login").Encode(), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(header, "evil.example")
			if header == "Host" {
				req.Host = "evil.example"
			}
			w := d.visitor()
			w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			if p := w.do(req); p.to == nil || !strings.HasPrefix(p.to.String(), testhall.BaseURL+"/login?interaction=") {
				t.Errorf("%s: %d %v", header, p.status, p.to)
			}
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, testhall.BaseURL+"/oidc/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "evil.example"
		req.Header.Set("X-Forwarded-Host", "evil.example")
		if p := v.do(req); p.status != 200 || strings.Contains(p.body, "evil") || p.text("issuer") != testhall.BaseURL+"/oidc" {
			t.Errorf("discovery: %d %s", p.status, p.body)
		}
	})
}

func TestInteractionIsAnsweredOnce(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, nil)
		v := d.visitor()
		d.who(nil)
		v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		p := v.get("/oidc/auth", request(app, "prompt", "login"))
		key := p.to.Query().Get("interaction")
		if key == "" {
			t.Fatalf("%d %v", p.status, p.to)
		}
		// Guard's finish address only leads back.
		if p := v.post("/interaction/oidc/"+key+"/login", nil); p.to == nil || p.to.String() != testhall.BaseURL+"/oidc/auth/"+key {
			t.Errorf("%d %v", p.status, p.to)
		}
		// Nobody has signed in: the page again, as often as one likes.
		for range 2 {
			if p := v.raw("/oidc/auth/" + key); p.to == nil || p.to.Path != "/login" {
				t.Errorf("%d %v", p.status, p.to)
			}
		}
		d.who(d.ann)
		if p := v.raw("/login?interaction=" + key); p.to == nil {
			t.Fatalf("%d %s", p.status, p.body)
		}
		// Another browser has nothing of it.
		w := d.visitor()
		w.client.CheckRedirect = v.client.CheckRedirect
		if p := w.raw("/oidc/auth/" + key); p.to == nil || p.to.Path != "/login" {
			t.Errorf("another browser: %d %v", p.status, p.to)
		}
		if p := v.raw("/oidc/auth/" + key); p.answer().Get("code") == "" {
			t.Fatalf("%d %v %s", p.status, p.to, p.body)
		}
		// One that has waited too long is over, and so is a code.
		old := v.get("/oidc/auth", request(app, "prompt", "login")).to.Query().Get("interaction")
		code := v.get("/oidc/auth", request(app)).answer().Get("code")
		if _, err := db.Exec(t.Context(), d.h.DB, "update tickets set expires_at = 1 where pool_id = ? and used_at = 0", d.pool.ID); err != nil {
			t.Fatal(err)
		}
		if p := v.post("/oidc/token", exchange(app, code)); code == "" || p.text("error") != "invalid_grant" {
			t.Errorf("an old code: %d %s", p.status, p.body)
		}
		for _, k := range []string{key, old, "nonsense", strings.Repeat("a", 67)} {
			if p := v.raw("/oidc/auth/" + k); p.status != 400 || p.to != nil {
				t.Errorf("%s: %d %v", k, p.status, p.to)
			}
		}
	})
}

func TestSingleSignOn(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		no := false
		first, second := d.app(signin.WebApp, nil), d.app(signin.WebApp, nil)
		alone, err := d.h.Signin.CreateApplication(d.pool.As(t.Context()), d.pool.ID, signin.NewApplication{Name: "alone", SSO: &no,
			Settings: signin.AppSettings{RedirectURIs: []string{callback}}})
		if err != nil {
			t.Fatal(err)
		}
		strong := d.app(signin.WebApp, func(s *signin.AppSettings) { s.Factors = &[]string{"OTP"} })
		v := d.visitor()
		quiet := func(app *signin.Application) string {
			t.Helper()
			answer := v.get("/oidc/auth", request(app, "prompt", "none")).answer()
			if answer.Get("code") != "" {
				return "code"
			}
			return answer.Get("error")
		}
		v.code(first)
		d.who(nil)
		for _, c := range []struct {
			name string
			app  *signin.Application
			want string
		}{{"where the session began", first, "code"}, {"another application", second, "code"}, {"one that stands alone", alone, "login_required"},
			{"one that wants a second factor", strong, "login_required"}} {
			if got := quiet(c.app); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
		if p := v.post("/oidc/token", exchange(alone, v.code(alone))); p.status != 200 {
			t.Fatalf("%d %s", p.status, p.body)
		}
		if got := quiet(alone); got != "code" {
			t.Errorf("signed in to it: %s", got)
		}
		// A sign-in to another application, however fresh, is no second factor for this one.
		v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		key := v.get("/oidc/auth", request(strong)).to.Query().Get("interaction")
		d.who(d.ann)
		other := v.get("/oidc/auth", request(first, "prompt", "login")).to.Query().Get("interaction")
		v.raw("/login?interaction=" + other)
		if p := v.raw("/oidc/auth/" + key); p.to == nil || p.to.Path != "/login" {
			t.Errorf("around the second factor: %d %v", p.status, p.to)
		}
	})
}

// Whoever is suspended between the steps gets nothing of the next one.
func TestUserIsShutMeanwhile(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, nil)
		v := d.visitor()
		code := v.code(app)
		p := v.post("/oidc/token", exchange(app, v.code(app, "scope", "openid offline_access")))
		suspended := directory.Suspended
		if _, err := d.h.Directory.UpdateUser(d.pool.As(t.Context()), d.pool.ID, directory.ByID(d.ann.ID), directory.UserPatch{UserInput: directory.UserInput{Status: &suspended}}); err != nil {
			t.Fatal(err)
		}
		if q := v.post("/oidc/token", exchange(app, code)); q.text("error") != "invalid_grant" {
			t.Errorf("a code: %d %s", q.status, q.body)
		}
		if q := v.post("/oidc/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {app.ID}, "client_secret": {app.Secret}, "refresh_token": {p.text("refresh_token")}}); q.text("error") != "invalid_grant" {
			t.Errorf("a refresh token: %d %s", q.status, q.body)
		}
		if q := v.get("/oidc/me", url.Values{"access_token": {p.text("access_token")}}); q.status != 401 {
			t.Errorf("an access token: %d %s", q.status, q.body)
		}
		if q := v.get("/oidc/auth", request(app, "prompt", "none")); q.answer().Get("error") != "login_required" {
			t.Errorf("the session: %v", q.to)
		}
	})
}
