package signin_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func each(t *testing.T, test func(t *testing.T, h *testhall.Hall, p, other testhall.Pool)) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := testhall.New(t, d)
		test(t, h, h.Pool(t, "one"), h.Pool(t, "two"))
	})
}

func code(err error) string {
	if err == nil {
		return ""
	}
	if e := fault.As(err); e != nil {
		return e.Code
	}
	return "INTERNAL: " + err.Error()
}

func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(b, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestManagementTokens(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := t.Context()
		for _, c := range []struct {
			name, id, secret, want string
		}{
			{"access key", p.KeyID, p.KeySecret, ""},
			{"pool and its secret", p.ID, p.Secret, ""},
			{"wrong secret", p.KeyID, p.Secret, "access_key_wrong"},
			{"another pool's secret", p.ID, other.Secret, "access_key_wrong"},
			{"unknown key", strings.Repeat("0", 24), p.KeySecret, "access_key_wrong"},
			{"no key at all", "", "", "access_key_wrong"},
			{"application", p.AppID, p.AppSecret, "access_key_wrong"},
		} {
			token, err := h.Signin.ManagementToken(ctx, c.id, c.secret, true)
			if code(err) != c.want {
				t.Errorf("%s: %q, want %q", c.name, code(err), c.want)
			}
			if err != nil {
				continue
			}
			claims := payload(t, token.Text)
			if claims["scoped_userpool_id"] != p.ID || int64(claims["exp"].(float64)) != token.ExpiresAt || token.ExpiresAt-token.IssuedAt != 7200 {
				t.Errorf("%s: %v", c.name, claims)
			}
			who, err := h.Signin.Bearer(ctx, &caller.Caller{RequestID: "r", PoolID: other.ID}, token.Text)
			if err != nil || who.Kind != caller.Key || who.PoolID != p.ID || who.KeyID != c.id || who.RequestID != "r" {
				t.Errorf("%s: %+v, %v", c.name, who, err)
			}
		}
		long, err := h.Signin.ManagementToken(ctx, p.ID, p.Secret, false)
		if err != nil || long.ExpiresAt-long.IssuedAt != 1296000 {
			t.Errorf("%+v, %v", long, err)
		}
		renewed, err := h.Signin.RenewManagementToken(ctx, long.Text)
		if err != nil || renewed.Text == long.Text {
			t.Errorf("renewed: %v", err)
		}

		k, err := h.Directory.CreateKey(p.As(ctx), p.ID, directory.NewKey{Kind: "user"})
		if err != nil {
			t.Fatal(err)
		}
		token, err := h.Signin.ManagementToken(ctx, k.ID, k.Secret, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.DeleteKey(p.As(ctx), p.ID, k.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Signin.ManagementKey(ctx, token.Text); code(err) != "token_invalid" {
			t.Errorf("the token outlives its key: %v", err)
		}
	})
}

// Tokens that somebody else made or bent say nothing.
func TestForgedTokens(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := t.Context()
		good, err := h.Signin.ManagementToken(ctx, p.KeyID, p.KeySecret, true)
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := h.Signin.ManagementToken(ctx, other.KeyID, other.KeySecret, true)
		if err != nil {
			t.Fatal(err)
		}
		sign := func(alg jose.SignatureAlgorithm, key any, claims any) string {
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := jwt.Signed(s).Claims(claims).Serialize()
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		claims := payload(t, good.Text)
		keys, err := h.Directory.Keys(ctx, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		g, f := strings.Split(good.Text, "."), strings.Split(foreign.Text, ".")
		none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
		expired := map[string]any{}
		for k, v := range claims {
			expired[k] = v
		}
		expired["exp"] = time.Now().Add(-time.Second).Unix()
		for name, token := range map[string]string{
			"empty":                     "",
			"no JWT":                    "abc",
			"two parts":                 g[0] + "." + g[1],
			"alg none":                  none + "." + g[1] + ".",
			"another's claims":          g[0] + "." + f[1] + "." + g[2],
			"a guessed key":             sign(jose.HS256, []byte(strings.Repeat("k", 32)), claims),
			"the public key as secret":  sign(jose.HS256, []byte(keys.RSAPublic), claims),
			"signed by the user's key":  sign(jose.RS256, keys.RSA, claims),
			"expired":                   sign(jose.HS256, h.Master.Derive("management-token/"+p.ID, 32), expired),
			"another use":               sign(jose.HS256, h.Master.Derive("management-token/"+p.ID, 32), map[string]any{"use": "x", "scoped_userpool_id": p.ID, "access_key_id": p.KeyID, "exp": time.Now().Add(time.Hour).Unix()}),
			"a key of another pool":     sign(jose.HS256, h.Master.Derive("management-token/"+p.ID, 32), map[string]any{"use": "management", "scoped_userpool_id": p.ID, "access_key_id": other.KeyID, "exp": time.Now().Add(time.Hour).Unix()}),
			"no expiry":                 sign(jose.HS256, h.Master.Derive("management-token/"+p.ID, 32), map[string]any{"use": "management", "scoped_userpool_id": p.ID, "access_key_id": p.KeyID}),
			"a user's of a pool nobody": sign(jose.RS256, keys.RSA, map[string]any{"userpool_id": "x", "sub": "y", "exp": time.Now().Add(time.Hour).Unix()}),
		} {
			if who, err := h.Signin.Bearer(ctx, &caller.Caller{}, token); code(err) != "token_invalid" {
				t.Errorf("%s: %+v, %v", name, who, err)
			}
		}
	})
}

func TestUserTokens(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		name, email := "bob", "bob@example.com"
		u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: &name, Email: &email}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Signin.UserToken(other.As(ctx), other.ID, u.ID, ""); code(err) != "user_not_found" {
			t.Errorf("another pool: %v", err)
		}
		issue := func() string {
			t.Helper()
			token, err := h.Signin.UserToken(ctx, p.ID, u.ID, "")
			if err != nil {
				t.Fatal(err)
			}
			return token.Text
		}
		valid := func(token string) bool {
			_, who, err := h.Signin.User(ctx, token)
			if err != nil && code(err) != "token_invalid" {
				t.Error(err)
			}
			return err == nil && who.ID == u.ID
		}
		token := issue()
		claims := payload(t, token)
		data := claims["data"].(map[string]any)
		for key, want := range map[string]any{"id": u.ID, "userId": u.ID, "_id": u.ID, "userPoolId": p.ID, "arn": "arn:cn:authing:" + p.ID + ":user:" + u.ID,
			"type": "user", "username": "bob", "email": "bob@example.com", "phone": nil, "clientId": p.ID} {
			if data[key] != want {
				t.Errorf("data.%s = %v, want %v", key, data[key], want)
			}
		}
		if claims["sub"] != u.ID || claims["aud"] != p.AppID || claims["iss"] != testhall.BaseURL+"/oidc" || claims["userpool_id"] != p.ID ||
			claims["exp"].(float64)-claims["iat"].(float64) != 1209600 {
			t.Errorf("%v", claims)
		}
		if !valid(token) {
			t.Error("a fresh token is valid")
		}
		update := func(in directory.UserInput) {
			t.Helper()
			if _, err := h.Directory.UpdateUser(ctx, p.ID, directory.ByID(u.ID), directory.UserPatch{UserInput: in}); err != nil {
				t.Fatal(err)
			}
		}
		past := int64(1602750000000)
		update(directory.UserInput{TokenExpiredAt: &past})
		if valid(token) {
			t.Error("tokenExpiredAt in the past calls tokens in")
		}
		time.Sleep(2 * time.Millisecond)
		if token = issue(); !valid(token) {
			t.Error("a token made after that is valid")
		}
		soon := h.DB.Now() + 50
		update(directory.UserInput{TokenExpiredAt: &soon})
		if !valid(token) {
			t.Error("tokenExpiredAt has not come yet")
		}
		time.Sleep(60 * time.Millisecond)
		if valid(token) {
			t.Error("tokenExpiredAt has come")
		}
		token = issue()
		yes, no := true, false
		update(directory.UserInput{Blocked: &yes})
		if valid(token) {
			t.Error("a blocked user's token is dead")
		}
		if _, err := h.Signin.UserToken(ctx, p.ID, u.ID, ""); code(err) != "user_shut" {
			t.Errorf("a token for a blocked user: %v", err)
		}
		update(directory.UserInput{Blocked: &no})
		if err := h.Directory.DeleteUsers(ctx, p.ID, []directory.UserRef{directory.ByID(u.ID)}); err != nil {
			t.Fatal(err)
		}
		if valid(token) {
			t.Error("a deleted user's token is dead")
		}
		var set jose.JSONWebKeySet
		b, err := h.Signin.JWKS(ctx, p.ID)
		if err != nil || json.Unmarshal(b, &set) != nil || len(set.Keys) != 2 {
			t.Fatalf("%s, %v", b, err)
		}
		for _, k := range set.Keys {
			if !k.IsPublic() || k.Use != "sig" || k.KeyID == "" {
				t.Errorf("%+v", k)
			}
		}
	})
}

func TestPoolOf(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		for _, c := range []struct{ name, pool, app, want string }{
			{"by pool", other.ID, "", other.ID},
			{"by application", "", other.AppID, other.ID},
			{"pool before application", p.ID, other.AppID, p.ID},
			{"nothing: the first", "", "", p.ID},
			{"unknown pool", "x", "", ""},
			{"unknown application", "", "x", ""},
		} {
			got, err := h.Signin.PoolOf(t.Context(), c.pool, c.app)
			if c.want == "" && code(err) != "pool_not_found" || c.want != "" && (err != nil || got.ID != c.want || got.Secret != "") {
				t.Errorf("%s: %+v, %v", c.name, got, err)
			}
		}
	})
}
