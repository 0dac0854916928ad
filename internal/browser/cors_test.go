package browser

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestCORS(t *testing.T) {
	const (
		good = "https://app.example.com"
		bad  = "https://evil.example.com"
		app  = "0123456789abcdef01234567"
	)
	reached := false
	handler := CORS(func(_ context.Context, poolID, appID, origin string) (bool, error) {
		if poolID == "broken" {
			return true, errors.New("the database is away")
		}
		return origin == good && (appID == "" || appID == app) && (poolID == "" || poolID == "pool"), nil
	}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reached = true }))

	const credentials, any, none = "credentials", "any", "none"
	for _, c := range []struct {
		name, method, path, origin string
		headers                    []string
		want                       string
		passed                     bool
	}{
		{"no page", "GET", "/api/v3/get-user", "", nil, none, true},
		{"a right page", "POST", "/graphql/v2", good, nil, credentials, true},
		{"a right page of the application", "POST", "/graphql/v2", good, []string{"x-authing-app-id", app, "x-authing-userpool-id", "pool"}, credentials, true},
		{"the page of another application", "POST", "/graphql/v2", good, []string{"x-authing-app-id", "another"}, none, true},
		{"the page of another pool", "POST", "/graphql/v2", good, []string{"x-authing-userpool-id", "another"}, none, true},
		{"a client that knows no pool yet", "POST", "/graphql/v2", good, []string{"x-authing-userpool-id", "undefined"}, credentials, true},
		{"an application in the query", "GET", "/oidc/me?client_id=another", good, nil, none, true},
		{"an application in the V2 query", "GET", "/api/v2/logout?app_id=another", good, nil, none, true},
		{"a pool in the query", "GET", "/api/v2/users/find?userPoolId=another", good, nil, none, true},
		{"an application in the path", "POST", "/api/v2/applications/ffffffffffffffffffffffff/matchIdpConnByAccount", good, nil, none, true},
		{"no identifier in the path", "POST", "/api/v2/applications/mfa/check", good, nil, credentials, true},
		{"a wrong page", "POST", "/graphql/v2", bad, nil, none, true},
		{"no origin", "POST", "/graphql/v2", "null", nil, none, true},
		{"not judged", "POST", "/graphql/v2", good, []string{"x-authing-userpool-id", "broken"}, none, true},
		{"what is public, from a wrong page", "GET", "/api/v2/applications/" + app + "/public-config", bad, nil, any, true},
		{"what is public, from a right page", "GET", "/api/v2/applications/" + app + "/public-config", good, nil, credentials, true},
		{"settings of components", "GET", "/api/v2/applications/" + app + "/components-public-config/guard", bad, nil, any, true},
		{"icons", "GET", "/cdn/svg-string/guard?v=1", bad, nil, any, true},
		{"keys", "GET", "/oidc/.well-known/jwks.json", bad, nil, any, true},
		{"an application itself", "GET", "/api/v2/applications/" + app, bad, nil, none, true},
		{"its agreements", "GET", "/api/v2/applications/" + app + "/agreements", bad, nil, none, true},
		{"a preflight", "OPTIONS", "/graphql/v2", good, []string{"Access-Control-Request-Method", "POST"}, credentials, false},
		{"a preflight of a wrong page", "OPTIONS", "/graphql/v2", bad, []string{"Access-Control-Request-Method", "POST"}, none, false},
		{"a preflight of what is public", "OPTIONS", "/api/v2/.well-known", bad, []string{"Access-Control-Request-Method", "GET"}, any, false},
		{"OPTIONS that is none", "OPTIONS", "/graphql/v2", good, nil, credentials, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.path, nil)
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			for i := 0; i+1 < len(c.headers); i += 2 {
				r.Header.Set(c.headers[i], c.headers[i+1])
			}
			w := httptest.NewRecorder()
			reached = false
			handler.ServeHTTP(w, r)
			got, h := none, w.Header()
			switch {
			case h.Get("Access-Control-Allow-Origin") == "*" && h.Get("Access-Control-Allow-Credentials") == "":
				got = any
			case h.Get("Access-Control-Allow-Origin") == c.origin && c.origin != "" && h.Get("Access-Control-Allow-Credentials") == "true":
				got = credentials
			case h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Credentials") != "":
				got = "neither"
			}
			if got != c.want || reached != c.passed {
				t.Errorf("%s, reached %v: %v", got, reached, h)
			}
			if h.Get("Vary") != "Origin" {
				t.Errorf("Vary: %q", h.Get("Vary"))
			}
			if preflight := !c.passed; preflight {
				if w.Code != http.StatusNoContent || (h.Get("Access-Control-Allow-Headers") == "") != (c.want == none) {
					t.Errorf("%d %v", w.Code, h)
				}
			}
		})
	}
}

// Every header that one of the clients sends may be sent.
func TestCORSHeaders(t *testing.T) {
	handler := CORS(func(context.Context, string, string, string) (bool, error) { return true, nil }, http.NotFoundHandler())
	r := httptest.NewRequest("OPTIONS", "/api/v3/signin", nil)
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Access-Control-Request-Method", "POST")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	allowed := strings.Split(w.Header().Get("Access-Control-Allow-Headers"), ", ")
	for _, name := range []string{"content-type", "authorization", "x-authing-app-id", "x-authing-userpool-id", "x-authing-app-tenant-id", "x-authing-device-id",
		"x-authing-sdk-version", "x-authing-request-from", "x-authing-lang"} {
		if !slices.Contains(allowed, name) {
			t.Errorf("%s may not be sent: %v", name, allowed)
		}
	}
	if got := w.Header().Get("Access-Control-Allow-Methods"); got != "GET, POST, PUT, PATCH, DELETE" {
		t.Errorf("methods: %s", got)
	}
}
