package v2

import (
	"net/http"
	"strings"
)

// allowedHeaders are those that browsers may send: the wires' own and what OIDC needs.
var allowedHeaders = strings.Join([]string{
	"authorization", "content-type", "x-requested-with",
	headerPool, headerApp, headerTenant, headerLang, "x-authing-request-from", "x-authing-sdk-version",
	"x-authing-signature-method", "x-authing-signature-nonce", "x-authing-signature-version",
}, ", ")

// CORS lets pages of any origin call next: it echoes the origin with Allow-Credentials, because the browser clients always
// send with credentials and refuse "*" then (v2-notes 2). That gives no page any power of its own: callers are known by
// headers that only their own code can add, never by a cookie that a browser would add for a stranger's page. Whoever
// puts routes behind CORS must keep to that. A preflight is answered here, with 204.
func CORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if origin == "" {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			h.Set("Access-Control-Expose-Headers", "x-request-id, retry-after")
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
		h.Set("Access-Control-Allow-Headers", allowedHeaders)
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	})
}
