package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFront(t *testing.T) {
	const app, other = "0123456789abcdef01234567", "ffffffffffffffffffffffff"
	var path, query, named string
	mux := http.NewServeMux()
	see := func(_ http.ResponseWriter, r *http.Request) {
		path, query, named = r.URL.Path, r.URL.RawQuery, r.Header.Get("x-authing-app-id")
	}
	mux.HandleFunc("GET /oidc/.well-known/jwks.json", see)
	mux.HandleFunc("/oidc/", see)
	mux.HandleFunc("/", see)
	handler := front(mux)
	for _, c := range []struct {
		name, target, header        string
		path, named, query, pattern string
	}{
		{"an application's keys", "/" + app + "/oidc/.well-known/jwks.json?v=1", "", "/oidc/.well-known/jwks.json", app, "v=1", "GET /oidc/.well-known/jwks.json"},
		{"below", "/" + app + "/oidc/session/end", "", "/oidc/session/end", app, "", "/oidc/"},
		{"a request that names one", "/" + app + "/oidc/me", other, "/oidc/me", other, "", "/oidc/"},
		{"the provider itself", "/oidc/me", "", "/oidc/me", "", "", "/oidc/"},
		{"no identifier", "/" + strings.ToUpper(app) + "/oidc/me", "", "/" + strings.ToUpper(app) + "/oidc/me", "", "", "/"},
		{"too short", "/0123/oidc/me", "", "/0123/oidc/me", "", "", "/"},
		{"something else of it", "/" + app + "/cas/login", "", "/" + app + "/cas/login", "", "", "/"},
		{"no end", "/" + app + "/oidc", "", "/" + app + "/oidc", "", "", "/"},
		{"a name that begins so", "/" + app + "/oidcx/me", "", "/" + app + "/oidcx/me", "", "", "/"},
		{"an escaped path", "/" + app + "/oidc/a%2Fb", "", "/oidc/a/b", app, "", "/oidc/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", c.target, nil)
			if c.header != "" {
				r.Header.Set("x-authing-app-id", c.header)
			}
			w := httptest.NewRecorder()
			path, query, named = "", "", ""
			handler.ServeHTTP(w, r)
			if path != c.path || named != c.named || query != c.query || r.Pattern != c.pattern {
				t.Errorf("%d: %s of %q, query %q, counted as %q", w.Code, path, named, query, r.Pattern)
			}
			if c.header == "" && r.Header.Get("x-authing-app-id") != "" {
				t.Error("the request itself was changed")
			}
		})
	}
}
