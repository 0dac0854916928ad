package v2

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const checkLogin = `query($t: String) { checkLoginStatus(token: $t) { code message status exp iat data { id userPoolId arn } } }`

func TestTokens(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.known["bad"] = "eyJhbGciOiJIUzI1NiJ9.e30.x"
		h.known["worse"] = "no-token"
		accessToken := `query($u: String!, $s: String!) { accessToken(userPoolId: $u, secret: $s) { accessToken exp iat } }`
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann", "email": "ann@example.com"}}`, save: "ann=createUser.id"},
			{send: createUser, as: "key2", with: `{"u": {"username": "eve"}}`, save: "eve=createUser.id"},

			{name: "by the pool's secret", as: "none", send: accessToken, with: `{"u": "$one", "s": "$secret"}`, want: `{"accessToken": {"accessToken": "*", "exp": "*", "iat": "*"}}`, save: "fresh=accessToken.accessToken"},
			{name: "it works", as: "fresh", send: `{users {totalCount}}`, want: `{"users": {"totalCount": 1}}`},
			{name: "by an access key", as: "none", send: accessToken, with: `{"u": "$keyID", "s": "$keySecret"}`, want: `{"accessToken": {"accessToken": "*"}}`},
			{name: "by a wrong secret", as: "none", send: accessToken, with: `{"u": "$one", "s": "wrong"}`, want: `!401`},
			{name: "by an unknown pool", as: "none", send: accessToken, with: `{"u": "$nobody", "s": "x"}`, want: `!401`},
			{name: "by what is no id", as: "none", send: accessToken, with: `{"u": "'; drop table pools", "s": "x"}`, want: `!401`},
			{name: "with an old token beside it", as: "bad", send: accessToken, with: `{"u": "$one", "s": "$secret"}`, want: `{"accessToken": {"accessToken": "*"}}`},
			{name: "renew", as: "none", send: `mutation($t: String) {refreshAccessToken(accessToken: $t) {accessToken exp iat}}`, with: `{"t": "$fresh"}`, want: `{"refreshAccessToken": {"accessToken": "*"}}`},
			{name: "renew the bearer", as: "fresh", send: `mutation {refreshAccessToken {accessToken}}`, want: `{"refreshAccessToken": {"accessToken": "*"}}`},
			{name: "renew a bad one", as: "none", send: `mutation {refreshAccessToken(accessToken: "$bad") {accessToken}}`, want: `!2207`},
			{name: "renew none", as: "none", send: `mutation {refreshAccessToken {accessToken}}`, want: `!2207`},

			{name: "nobody asks", as: "none", send: `{users {totalCount}}`, want: `!2020`},
			{name: "a bad token asks", as: "bad", send: `{users {totalCount}}`, want: `!2207`},
			{name: "a worse token asks", as: "worse", send: `{users {totalCount}}`, want: `!2207`},
			{name: "a bad token asks for REST", as: "bad", send: `GET /api/v2/users/$ann`, want: `!2207`},
			{name: "nobody asks for REST", as: "none", send: `GET /api/v2/users/$ann`, want: `!2020`},

			{name: "a user's token", send: refreshToken, with: `{"id": "$ann"}`, want: `{"refreshToken": {"token": "*", "iat": "*", "exp": "*"}}`, save: "annToken=refreshToken.token"},
			{name: "nobody's token", send: refreshToken, with: `{"id": "$nobody"}`, want: `!2004`},
			{name: "another pool's user's token", send: refreshToken, with: `{"id": "$eve"}`, want: `!2004`},
			{name: "a token for no id", send: refreshToken, want: `!400`},

			{name: "status", as: "none", send: checkLogin, with: `{"t": "$annToken"}`, want: `{"checkLoginStatus": {"code": 200, "message": "已登录", "status": true, "exp": "*", "iat": "*",
				"data": {"id": "$ann", "userPoolId": "$one", "arn": "arn:cn:authing:$one:user:$ann"}}}`},
			{name: "status of the bearer", as: "annToken", send: checkLogin, want: `{"checkLoginStatus": {"status": true, "data": {"id": "$ann"}}}`},
			{name: "status of a bad token", send: checkLogin, with: `{"t": "$bad"}`, want: `{"checkLoginStatus": {"code": 2207, "message": "*", "status": false, "exp": null, "data": null}}`},
			{name: "status of a bad bearer", as: "bad", send: checkLogin, want: `{"checkLoginStatus": {"code": 2207, "status": false}}`},
			{name: "status of a management token", send: checkLogin, with: `{"t": "$fresh"}`, want: `{"checkLoginStatus": {"code": 2207}}`},
			{name: "status of none", as: "none", send: checkLogin, want: `{"checkLoginStatus": {"code": 2207}}`},

			{name: "claims", as: "none", send: "GET /api/v2/oidc/validate_token?id_token=$annToken", want: `{"sub": "$ann", "userpool_id": "$one", "exp": "*", "data": {"id": "$ann", "email": "ann@example.com"}}`},
			{name: "claims of an access token", as: "none", send: "GET /api/v2/oidc/validate_token?access_token=$annToken", want: `{"sub": "$ann"}`},
			{name: "claims of a bad token", as: "none", send: "GET /api/v2/oidc/validate_token?id_token=$bad", want: `!400`},
			{name: "claims of a management token", as: "none", send: "GET /api/v2/oidc/validate_token?id_token=$fresh", want: `!400`},
			{name: "claims of nothing", as: "none", send: "GET /api/v2/oidc/validate_token", want: `!400`},

			{name: "the public key, without a token", as: "none", send: "GET /api/v2/.well-known", want: `{"publicKey": "*"}`},
			{name: "the public key, with a bad token", as: "bad", send: "GET /api/v2/.well-known", want: `{"publicKey": "*"}`},
			{name: "the public key, with a user's token", as: "annToken", send: "GET /api/v2/.well-known", want: `{"publicKey": "*"}`},

			{name: "a strong password", as: "none", send: `{checkPasswordStrength(password: "Passw0rd!") {valid message}}`, want: `{"checkPasswordStrength": {"valid": true, "message": null}}`},
			{name: "a weak password", as: "none", send: `{checkPasswordStrength(password: "asdas21asd") {valid message}}`, want: `{"checkPasswordStrength": {"valid": false, "message": "*"}}`},
			{name: "a short password", as: "none", send: `{checkPasswordStrength(password: "Aa1!") {valid message}}`, want: `{"checkPasswordStrength": {"valid": false}}`},
			{name: "no password", as: "none", send: `{checkPasswordStrength {valid}}`, want: `!400`},

			{name: "the pool without its secrets", send: `{userpool {id name domain secret jwtSecret logo createdAt registerDisabled tokenExpiresAfter whitelist {emailEnabled} userpoolTypes {code}}}`,
				want: `{"userpool": {"id": "$one", "name": "one", "domain": "guildhall.test", "secret": "", "jwtSecret": "", "createdAt": "*", "registerDisabled": false,
					"tokenExpiresAfter": null, "whitelist": {"emailEnabled": false}, "userpoolTypes": null}}`},

			{name: "a suspended user gets no token", send: updateUser, with: `{"id": "$ann", "u": {"blocked": true}}`},
			{name: "no token", send: refreshToken, with: `{"id": "$ann"}`, want: `!2005`},
			{name: "and the old one is worth nothing", as: "none", send: checkLogin, with: `{"t": "$annToken"}`, want: `{"checkLoginStatus": {"code": 2207}}`},
		})
	})
}

// Clients fetch a new management token when less than an hour is left: it must last longer.
func TestManagementTokenLasts(t *testing.T) {
	h := oneHall(t)
	body := h.request("POST", "/graphql/v2", `{"query": "{accessToken(userPoolId: \"`+h.one.ID+`\", secret: \"`+h.one.Secret+`\") {exp iat}}"}`, "").Body.String()
	var answer struct {
		Data struct {
			AccessToken struct{ Exp, Iat int64 }
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	token := answer.Data.AccessToken
	if life := time.Duration(token.Exp-token.Iat) * time.Second; life < 2*time.Hour {
		t.Errorf("a management token lasts %v: %s", life, body)
	}
}

// The pool of a request: that of its token, else the one that its headers name, else the default one.
func TestPoolOfRequest(t *testing.T) {
	h := oneHall(t)
	keyOf := func(pool string) string {
		keys, err := h.Directory.Keys(t.Context(), pool)
		if err != nil {
			t.Fatal(err)
		}
		return keys.RSAPublic
	}
	one, two := keyOf(h.one.ID), keyOf(h.two.ID)
	nobody := h.known["nobody"]
	for _, c := range []struct {
		name    string
		as      string
		headers []string
		want    string // "" for 2224
	}{
		{"nothing named", "", nil, one},
		{"the pool named", "", []string{headerPool, h.two.ID}, two},
		{"the application named", "", []string{headerApp, h.two.AppID}, two},
		{"both named", "", []string{headerPool, h.one.ID, headerApp, h.two.AppID}, one},
		{"a tenant in the pool's header", "", []string{headerPool, nobody, headerApp, h.two.AppID}, two},
		{"an unknown pool", "", []string{headerPool, nobody}, ""},
		{"an unknown application", "", []string{headerApp, nobody}, ""},
		{"no identifier", "", []string{headerPool, "\xff", headerApp, strings.Repeat("x", 1000)}, one},
		{"the token's pool", h.known["key2"], nil, two},
		{"the token's pool, whatever is named", h.known["key2"], []string{headerPool, h.one.ID, headerApp, h.one.AppID}, two},
		{"a bad token's pool is none", "bad", []string{headerPool, h.two.ID}, two},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, data := readREST(t, h.request("GET", "/api/v2/.well-known", "", c.as, c.headers...).Body.Bytes())
			if c.want == "" {
				if code != 2224 {
					t.Errorf("code %d, want 2224", code)
				}
				return
			}
			if got := data.(map[string]any)["publicKey"]; got != c.want {
				t.Errorf("the key of another pool: %v", got)
			}
		})
	}
	// A token is taken without the word Bearer, too.
	w := h.request("POST", "/graphql/v2", `{"query": "{userpool {id}}"}`, "", "Authorization", h.known["key2"])
	if code, data := readGraphQL(t, w.Body.Bytes()); code != 200 || compare(data, map[string]any{"userpool": map[string]any{"id": h.two.ID}}, "data") != "" {
		t.Errorf("a bare token: %s", w.Body)
	}
	// Basic credentials are no token.
	w = h.request("POST", "/graphql/v2", `{"query": "{userpool {id}}"}`, "", "Authorization", "Basic eA==")
	if code, _ := readGraphQL(t, w.Body.Bytes()); code != 2020 {
		t.Errorf("Basic credentials: %s", w.Body)
	}
}
