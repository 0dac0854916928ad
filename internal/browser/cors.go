package browser

import (
	"context"
	"net/http"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/op"
)

// AllowOrigin reports whether pages of an origin may read, with the browser's credentials, what the server answers about a pool or an
// application; empty ones are not named by the request. See (*signin.Signin).OriginAllowed.
type AllowOrigin func(ctx context.Context, poolID, appID, origin string) (bool, error)

// allowedHeaders are those that pages may send: the wires' own and what OpenID Connect needs.
var allowedHeaders = strings.Join([]string{
	"authorization", "content-type", "x-requested-with",
	"x-authing-userpool-id", "x-authing-app-id", "x-authing-app-tenant-id", "x-authing-tenant-id", "x-authing-device-id",
	"x-authing-lang", "x-authing-request-from", "x-authing-sdk-version",
	"x-authing-signature-method", "x-authing-signature-nonce", "x-authing-signature-version", "x-authing-date",
}, ", ")

const allowedMethods = "GET, POST, PUT, PATCH, DELETE"

// CORS says to browsers which pages may read what next answers (Fetch, section 3.3; auth-notes 0.5). Pages of an allowed origin read
// everything, with the credentials that the browser has for this server: their origin is echoed, because the clients always send with
// credentials and browsers refuse "*" then. Pages of other origins read what is public without credentials, and nothing else: the
// clients decide by the public configuration whether their page is a right one. A preflight is answered here, with 204.
//
// A preflight names no application in its headers; the call that follows does, and is judged again. Being allowed is no proof of
// anything: whoever changes something for a cookie's sake still checks where the request comes from.
func CORS(allowed AllowOrigin, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if origin == "" {
			next.ServeHTTP(w, r)
			return
		}
		preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		poolID, appID := named(r)
		ok, err := allowed(r.Context(), poolID, appID, origin)
		if err != nil {
			op.Logger(r.Context()).WarnContext(r.Context(), "origin not judged", "request", caller.From(r.Context()).RequestID, "error", err)
		}
		switch {
		case ok && err == nil:
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
		case isPublic(r.URL.Path):
			h.Set("Access-Control-Allow-Origin", "*")
		default:
			if preflight {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		if !preflight {
			h.Set("Access-Control-Expose-Headers", "x-request-id, retry-after, www-authenticate")
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", allowedMethods)
		h.Set("Access-Control-Allow-Headers", allowedHeaders)
		h.Set("Access-Control-Max-Age", "7200") // the most that browsers keep it
		w.WriteHeader(http.StatusNoContent)
	})
}

const applicationsPath = "/api/v2/applications/"

// named is the pool and the application that a request names: by header, in its path, or as the clients' queries do.
func named(r *http.Request) (poolID, appID string) {
	h := r.Header
	poolID, appID = meant(h.Get("x-authing-userpool-id")), meant(h.Get("x-authing-app-id"))
	if rest, ok := strings.CutPrefix(r.URL.Path, applicationsPath); ok && appID == "" {
		if id, _, _ := strings.Cut(rest, "/"); len(id) == 24 {
			appID = id
		}
	}
	if r.URL.RawQuery == "" || poolID != "" && appID != "" {
		return poolID, appID
	}
	query := r.URL.Query()
	for _, name := range []string{"client_id", "app_id", "appId"} {
		if appID == "" {
			appID = meant(query.Get(name))
		}
	}
	if poolID == "" {
		poolID = meant(query.Get("userPoolId"))
	}
	return poolID, appID
}

// meant is a name, or "" for what clients write where they know none.
func meant(name string) string {
	if name == "undefined" || name == "null" {
		return ""
	}
	return name
}

// isPublic reports whether a path answers everybody alike, and no secret.
func isPublic(path string) bool {
	switch path {
	case "/api/v2/.well-known", "/api/v2/country-list", "/api/v3/system", "/api/v3/get-country-list",
		"/oidc/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/oidc", "/oidc/.well-known/jwks.json", "/cdn/svg-string/guard":
		return true
	}
	rest, ok := strings.CutPrefix(path, applicationsPath)
	if !ok {
		return false
	}
	_, rest, _ = strings.Cut(rest, "/")
	return rest == "public-config" || strings.HasPrefix(rest, "components-public-config/")
}
