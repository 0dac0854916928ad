package oidc

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/signin"
)

// fuzzApp may do everything, so that nothing is refused for its sake.
func fuzzApp() *signin.Application {
	return &signin.Application{ID: "0123456789abcdef01234567", PoolID: "0123456789abcdef01234567", Enabled: true, Settings: signin.AppSettings{
		RedirectURIs: []string{"https://app.example/cb"}, TokenEndpointAuth: signin.AuthPost, Legacy: true,
		GrantTypes:    []string{signin.GrantCode, signin.GrantImplicit},
		ResponseTypes: []string{"code", "token", "id_token", "id_token token", "code token", "code id_token", "code id_token token"},
	}}
}

// Whatever a request holds, it is refused or what is kept of it holds what the rest of the flow relies on.
func FuzzAuthorizeParameters(f *testing.F) {
	for _, seed := range []string{
		"client_id=a&redirect_uri=https://app.example/cb&response_type=code&scope=openid&state=x",
		"response_type=id_token+token&scope=openid&nonce=n&response_mode=fragment&state=%00",
		"response_type=code&scope=openid&prompt=none+login", "response_type=code&scope=openid&max_age=99999999999999999999",
		"response_type=code&response_type=token", "request=x", "%zz", "a=b;c=d", "response_type=%20code%20%20token&scope=%22",
		"response_type=code&scope=openid&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
		"response_mode=web_message&response_type=code&scope=openid&state=</script>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, twice, err := parseParams(text)
		if err != nil {
			return
		}
		for _, name := range twice {
			if _, ok := p[name]; ok {
				t.Fatalf("%q stands twice and is believed", name)
			}
		}
		p["redirect_uri"] = "https://app.example/cb"
		for _, legacy := range []bool{true, false} {
			app := fuzzApp()
			app.Settings.Legacy = legacy
			for _, face := range []face{oidcFace, oauthFace} {
				r, to, refused := checkRequest(face, app, p, twice)
				if to == nil || to.uri != "https://app.example/cb" || !slices.Contains(responseModes, to.mode) {
					t.Fatalf("the answer goes to %+v", to)
				}
				if (r == nil) == (refused == nil) {
					t.Fatalf("%v and %v", r, refused)
				}
				if refused != nil {
					if refused.Code == "" || refused.Status < 400 || refused.Status > 499 {
						t.Fatalf("%+v", refused)
					}
					continue
				}
				words := strings.Fields(r.ResponseType)
				front := slices.Contains(words, "token") || slices.Contains(words, "id_token")
				switch {
				case len(twice) > 0,
					r.ResponseMode == modeQuery && front,
					slices.Contains(words, "id_token") && r.Nonce == "",
					slices.Contains(words, "token") && !legacy,
					r.ChallengeBy == signin.ChallengePlain && !legacy,
					(r.Challenge == "") != (r.ChallengeBy == ""),
					r.Challenge != "" && !signin.IsVerifier(r.Challenge),
					r.Prompts("none") && len(r.Prompt) > 1,
					r.MaxAge != nil && *r.MaxAge < 0,
					len(r.State) > mostState,
					strings.ContainsRune(r.State, 0):
					t.Fatalf("accepted: %+v", r)
				}
			}
		}
	})
}

// Credentials that are read are those that stand there.
func FuzzClientCredentials(f *testing.F) {
	for _, seed := range [][2]string{{"Basic YTpi", ""}, {"basic  YTpi ", "client_id=a"}, {"Basic", "client_id=a&client_secret=b"}, {"Bearer x", "client_id=a"}, {"Basic Og==", ""}, {"x.y.z", "client_secret=b"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, header, body string) {
		p, err := once(body)
		if err != nil {
			return
		}
		c, refused := readCredentials(header, p)
		if refused != nil {
			if refused.Code != "invalid_client" && refused.Code != "invalid_request" {
				t.Fatalf("%+v", refused)
			}
			return
		}
		if c.method == signin.AuthBasic && (p["client_secret"] != "" || p["client_id"] != "" && p["client_id"] != c.id) {
			t.Fatalf("two clients in one request: %+v", c)
		}
		if c.method != signin.AuthBasic && (c.id != p["client_id"] || c.secret != p["client_secret"]) {
			t.Fatalf("%+v of %v", c, p)
		}
	})
}

// The origin that messages go to is one that url.Parse reads back as itself, or none.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{"https://app.example/cb", "http://[::1]:80/", "https://a@b/", "https://a:443", "javascript:alert(1)", "https://A.example:8443/x?y", "https://a'b/", "//a/b", "https://%41:0443/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		origin := originOf(uri)
		if origin == "" {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || u.Path != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || originOf(origin) != origin {
			t.Fatalf("%q of %q", origin, uri)
		}
	})
}

func TestAddressesThatAreNotPublic(t *testing.T) {
	for text, want := range map[string]bool{"93.184.216.34": true, "2606:2800:220:1::1": true, "127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false,
		"192.168.1.1": false, "169.254.169.254": false, "fe80::1": false, "fc00::1": false, "100.64.1.1": false, "0.0.0.0": false, "::": false, "224.0.0.1": false,
		"255.255.255.255": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "198.18.0.1": false} {
		if got := isPublic(netip.MustParseAddr(text), nil); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if !isPublic(netip.MustParseAddr("10.1.2.3"), prefixes("10.0.0.0/8")) {
		t.Error("an allowed network")
	}
}
