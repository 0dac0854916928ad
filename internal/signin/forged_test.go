package signin_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// given is one token of each kind that was given out, by what it is.
type given struct {
	h     *testhall.Hall
	pool  testhall.Pool
	app   *signin.Application
	user  *directory.User
	texts map[string]string
}

func giveTokens(t testing.TB, h *testhall.Hall, name string) *given {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	g := &given{h: h, pool: h.Pool(t, name), texts: map[string]string{}}
	ctx := g.pool.As(context.Background())
	var err error
	g.user, err = h.Directory.CreateUser(ctx, g.pool.ID, directory.NewUser{UserInput: directory.UserInput{Username: &name}, Password: &directory.PasswordInput{Text: "correct horse"}})
	must(err)
	set := func(alg, access string) {
		g.app, err = h.Signin.CreateApplication(ctx, g.pool.ID, signin.NewApplication{Name: alg, Settings: signin.AppSettings{IDTokenAlg: alg, AccessTokenAlg: access}})
		must(err)
		out, err := h.Signin.SignIn(ctx, g.app, signin.Attempt{Method: signin.ByPassword, Account: name, Password: "correct horse"})
		must(err)
		s, err := h.Signin.IssueTokens(ctx, signin.TokenOrder{App: g.app, User: g.user, Session: out.Session, Scope: []string{"openid", signin.ScopeOffline}, Refresh: true})
		must(err)
		v2, err := h.Signin.V2Token(ctx, g.app, out.Session, g.user)
		must(err)
		g.texts["access "+access], g.texts["id "+alg], g.texts["V2 "+alg], g.texts["refresh"] = s.Access, s.ID, v2.Text, s.Refresh
		g.texts["cookie"] = out.Cookie
	}
	set("RS256", "ES256")
	set("HS256", "RS256")
	program, err := h.Signin.MachineToken(ctx, g.app, g.app.ID, []string{"books:read"}, 0)
	must(err)
	key, err := h.Signin.ManagementToken(ctx, g.pool.KeyID, g.pool.KeySecret, true)
	must(err)
	g.texts["program"], g.texts["management"] = program.Access, key.Text
	return g
}

// doors are all that read a token, and whether they take it.
func (g *given) doors(ctx context.Context, token string) map[string]error {
	s := g.h.Signin
	_, _, user := s.User(ctx, token)
	_, inspect := s.Inspect(ctx, token)
	_, bearer := s.Bearer(ctx, &caller.Caller{}, token)
	_, management := s.ManagementKey(ctx, token)
	_, hint := s.IDTokenHint(ctx, token)
	_, valid := s.ValidToken(ctx, token)
	_, refresh := s.PeekTicket(ctx, signin.TicketRefresh, token, nil)
	_, _, session := s.SessionByCookie(ctx, g.pool.ID, token)
	return map[string]error{"User": user, "Inspect": inspect, "Bearer": bearer, "ManagementKey": management, "IDTokenHint": hint, "ValidToken": valid,
		"PeekTicket": refresh, "SessionByCookie": session}
}

// What opens which door.
func TestTokensOpenTheirDoorsOnly(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		g := giveTokens(t, testhall.New(t, d), "ann")
		for name, want := range map[string]string{
			"access RS256": "User Inspect Bearer ValidToken", "access ES256": "User Inspect Bearer ValidToken",
			"id RS256": "IDTokenHint ValidToken", "id HS256": "IDTokenHint ValidToken",
			"V2 RS256": "User Inspect Bearer IDTokenHint ValidToken", "V2 HS256": "User Inspect Bearer IDTokenHint ValidToken",
			"program": "Inspect ValidToken", "management": "Bearer ManagementKey", "refresh": "Inspect PeekTicket", "cookie": "SessionByCookie",
		} {
			for door, err := range g.doors(t.Context(), g.texts[name]) {
				if open := err == nil; open != strings.Contains(" "+want+" ", " "+door+" ") {
					t.Errorf("%s at %s: %v", name, door, err)
				}
			}
		}
	})
}

// Tokens that somebody makes who has public keys, an application's secret, or tokens of others open nothing.
func TestForgedUserTokens(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := testhall.New(t, d)
		g, foreign := giveTokens(t, h, "ann"), giveTokens(t, h, "eve")
		bob, err := h.Directory.CreateUser(g.pool.As(t.Context()), g.pool.ID, directory.NewUser{UserInput: directory.UserInput{Username: new("bob")}})
		if err != nil {
			t.Fatal(err)
		}
		jwks, err := h.Signin.JWKS(t.Context(), g.pool.ID)
		if err != nil {
			t.Fatal(err)
		}
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(jwks, &set); err != nil {
			t.Fatal(err)
		}
		var public *rsa.PublicKey
		for _, k := range set.Keys {
			if k.Algorithm == "RS256" {
				public = k.Key.(*rsa.PublicKey)
			}
		}
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		mine, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		access, v2 := g.texts["access RS256"], g.texts["V2 HS256"]
		part := func(token string, n int) string { return strings.Split(token, ".")[n] }
		sign := func(alg jose.SignatureAlgorithm, key any, of string, header map[jose.HeaderKey]any, changes ...any) string {
			t.Helper()
			claims := maps.Clone(payload(t, of))
			for k, v := range claims {
				if n, ok := v.(float64); ok {
					claims[k] = int64(n) // the library writes large floats with an exponent, which is no time
				}
			}
			for n := 0; n < len(changes); n += 2 {
				claims[changes[n].(string)] = changes[n+1]
			}
			o := (&jose.SignerOptions{}).WithType("at+jwt")
			for k, v := range header {
				o.WithHeader(k, v)
			}
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
			if err != nil {
				t.Fatal(err)
			}
			text, err := jwt.Signed(s).Claims(claims).Serialize()
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		kid := map[jose.HeaderKey]any{"kid": headerOf(t, access)["kid"]}
		embedded := func() string {
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: mine}, (&jose.SignerOptions{EmbedJWK: true}).WithType("at+jwt"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := jwt.Signed(s).Claims(payload(t, access)).Serialize()
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		raw := func(header, token string) string {
			return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + part(token, 1) + "." + part(token, 2)
		}
		mac := func(alg string, hash func() hash.Hash, key []byte, of string) string {
			text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+alg+`"}`)) + "." + part(of, 1)
			m := hmac.New(hash, key)
			m.Write([]byte(text))
			return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
		}
		appSecret, err := h.Signin.ApplicationSecret(t.Context(), g.app)
		if err != nil {
			t.Fatal(err)
		}
		secret := []byte(appSecret)
		// What is changed below is otherwise in order.
		if _, _, err := h.Signin.User(t.Context(), sign(jose.HS256, secret, v2, nil)); err != nil {
			t.Fatal(err)
		}
		later := time.Now().Add(30 * 24 * time.Hour).Unix()
		for name, token := range map[string]string{
			"alg none":                             raw(`{"alg":"none"}`, access),
			"alg none, no signature":               strings.TrimSuffix(raw(`{"alg":"none"}`, access), part(access, 2)),
			"alg nOnE of a V2 token":               strings.TrimSuffix(raw(`{"alg":"nOnE"}`, v2), part(v2, 2)),
			"alg empty":                            raw(`{"alg":""}`, access),
			"alg missing":                          raw(`{"typ":"at+jwt"}`, access),
			"alg twice":                            raw(`{"alg":"none","alg":"RS256"}`, access),
			"a critical header":                    raw(fmt.Sprintf(`{"alg":"RS256","kid":%q,"crit":["b64"],"b64":false}`, kid["kid"]), access),
			"HS256 by the PEM of the public key":   sign(jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), access, kid),
			"HS256 by the DER of the public key":   sign(jose.HS256, der, access, kid),
			"HS256 by the modulus":                 sign(jose.HS256, public.N.Bytes(), access, kid),
			"HS256 by the key set":                 sign(jose.HS256, jwks, access, kid),
			"HS256 by the public key, as V2":       sign(jose.HS256, der, access, kid, "use", "user"),
			"HS384 by the application's secret":    mac("HS384", sha512.New384, secret, v2),
			"HS512 by the application's secret":    mac("HS512", sha512.New, secret, v2),
			"HS256 by nothing":                     mac("HS256", sha256.New, nil, v2),
			"an access token by the secret":        sign(jose.HS256, secret, access, nil),
			"an access token by the secret, as V2": sign(jose.HS256, secret, access, nil, "use", "user"),
			"V2 by the secret, of another user":    sign(jose.HS256, secret, v2, nil, "sub", bob.ID),
			"V2 by the secret, made later":         sign(jose.HS256, secret, v2, nil, "issued_ms", time.Now().UnixMilli()+1000),
			"V2 by the secret, lasting longer":     sign(jose.HS256, secret, v2, nil, "exp", later),
			"V2 by the secret, of another family":  sign(jose.HS256, secret, v2, nil, "family", payload(t, access)["family"]),
			"V2 by the secret, of another session": sign(jose.HS256, secret, v2, nil, "sid", "0123456789abcdef01234567"),
			"V2 by the secret, of another pool":    sign(jose.HS256, secret, v2, nil, "userpool_id", foreign.pool.ID),
			"V2 by the secret, as an access token": sign(jose.HS256, secret, v2, nil, "use", "access"),
			"V2 by the secret, without a family":   sign(jose.HS256, secret, v2, nil, "family", ""),
			"V2 by the secret, without a proof":    sign(jose.HS256, secret, v2, nil, "proof", ""),
			"V2 by the secret, two audiences":      sign(jose.HS256, secret, v2, nil, "aud", []string{g.app.ID, "x"}),
			"V2 by no secret":                      sign(jose.HS256, []byte(strings.Repeat("\x00", 32)), v2, nil),
			"V2 by another application's secret":   sign(jose.HS256, []byte(foreign.app.Secret), v2, nil),
			"V2 for another application":           sign(jose.HS256, []byte(foreign.app.Secret), v2, nil, "aud", foreign.app.ID),
			"RS256 by one's own key":               sign(jose.RS256, mine, access, kid),
			"RS256 by one's own key, no kid":       sign(jose.RS256, mine, access, nil),
			"RS256 by one's own key, it within":    embedded(),
			"RS256 by one's own key, its address":  sign(jose.RS256, mine, access, map[jose.HeaderKey]any{"kid": kid["kid"], "jku": "https://evil.example/jwks.json"}),
			"a kid that is a path":                 sign(jose.RS256, mine, access, map[jose.HeaderKey]any{"kid": "../../../../dev/null"}),
			"a kid that is SQL":                    sign(jose.RS256, mine, access, map[jose.HeaderKey]any{"kid": "' or 1=1 --"}),
			"a kid of another pool":                sign(jose.RS256, mine, access, map[jose.HeaderKey]any{"kid": headerOf(t, foreign.texts["access RS256"])["kid"]}),
			"a kid of another algorithm":           sign(jose.RS256, mine, access, map[jose.HeaderKey]any{"kid": headerOf(t, g.texts["access ES256"])["kid"]}),
			"PS256 under the right kid":            sign(jose.PS256, mine, access, kid),
			"another pool's claims":                part(access, 0) + "." + part(foreign.texts["access RS256"], 1) + "." + part(access, 2),
			"another pool's signature":             part(access, 0) + "." + part(access, 1) + "." + part(foreign.texts["access RS256"], 2),
			"an id token's signature":              part(access, 0) + "." + part(access, 1) + "." + part(g.texts["id RS256"], 2),
			"no signature":                         part(access, 0) + "." + part(access, 1) + ".",
			"half a signature":                     access[:len(access)-100],
			"JSON":                                 fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, part(access, 0), part(access, 1), part(access, 2)),
			"two signatures":                       fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q},{"protected":%q,"signature":"AA"}]}`, part(access, 1), part(access, 0), part(access, 2), part(access, 0)),
			"encrypted":                            access + ".x.y",
			"a NUL":                                access + "\x00",
			"management by the secret":             sign(jose.HS256, secret, g.texts["management"], nil),
			"management by the pool's secret":      sign(jose.HS256, []byte(g.pool.Secret), g.texts["management"], nil),
			"management of another pool":           part(g.texts["management"], 0) + "." + part(foreign.texts["management"], 1) + "." + part(g.texts["management"], 2),
			"an access token as management":        sign(jose.HS256, secret, access, nil, "use", "management"),
		} {
			for door, err := range g.doors(t.Context(), token) {
				// A hint only tells what an application has said itself: who has its secret may write one.
				if own := door == "IDTokenHint" || door == "ValidToken"; err == nil && !(own && strings.Contains(name, "by the secret")) {
					t.Errorf("%s opens %s", name, door)
				} else if err != nil && fault.As(err) == nil {
					t.Errorf("%s at %s: %v", name, door, err)
				}
			}
		}
	})
}

func headerOf(t testing.TB, token string) map[string]any {
	t.Helper()
	var h map[string]any
	text, _, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &h)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Whatever becomes of a good token on its way, it is refused, or it still says what it said.
func FuzzMutatedTokens(f *testing.F) {
	for _, c := range []struct {
		which, at uint16
		put       string
		cut       uint16
	}{{0, 0, "", 1}, {0, 5, "x", 1}, {1, 40, "A", 1}, {2, 200, "==", 0}, {3, 300, ".", 0}, {4, 500, "\x00", 1}, {5, 60, "-_", 2}, {6, 10, "eyJ", 3}, {7, 30, "B", 1}, {8, 66, "", 1},
		{9, 67, "A", 0}, {0, 999, "A", 1}, {1, 0, "eyJhbGciOiJub25lIn0", 100}, {2, 0, " ", 0}, {3, 65535, "=", 0}, {4, 65535, "\n", 0}} {
		f.Add(c.which, c.at, c.put, c.cut)
	}
	file := filepath.Join(f.TempDir(), "guildhall.db")
	if _, _, err := db.Migrate(f.Context(), file); err != nil {
		f.Fatal(err)
	}
	d, err := db.Open(f.Context(), db.Options{DSN: file})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	g := giveTokens(f, testhall.New(f, d), "ann")
	kinds := []string{"access RS256", "access ES256", "id RS256", "id HS256", "V2 RS256", "V2 HS256", "program", "management", "refresh", "cookie"}
	f.Fuzz(func(t *testing.T, which, at uint16, put string, cut uint16) {
		good := g.texts[kinds[int(which)%len(kinds)]]
		from := min(int(at), len(good))
		token := good[:from] + put + good[min(from+int(cut), len(good)):]
		for door, err := range g.doors(t.Context(), token) {
			if err == nil && !sameToken(good, token) {
				t.Errorf("%s takes %q, made of %q", door, token, good)
			}
			if err != nil && fault.As(err) == nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", door, err)
			}
		}
	})
}

// sameToken reports whether two texts say the same: base64 has several spellings of its last bits.
func sameToken(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	if len(as) != len(bs) || len(as) != 3 {
		return a == b
	}
	for n := range as[:2] {
		x, err := base64.RawURLEncoding.DecodeString(as[n])
		y, err2 := base64.RawURLEncoding.DecodeString(bs[n])
		if err != nil || err2 != nil || !bytes.Equal(x, y) {
			return false
		}
	}
	return true
}
