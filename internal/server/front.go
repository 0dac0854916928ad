package server

import (
	"net/http"
	"strings"

	"github.com/guildhall-id/guildhall/internal/db"
)

// front takes the application's identifier from the path of those clients that ask for an application's own provider,
// /{application}/oidc/…, before the router sees it: the router would confuse such a pattern with those below /oidc/. What follows is
// asked for in the name of that application unless the request names one.
func front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, rest, ok := ofApplication(r.URL.Path)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		inner := r.Clone(r.Context())
		inner.URL.Path, inner.URL.RawPath = rest, ""
		if inner.Header.Get("x-authing-app-id") == "" {
			inner.Header.Set("x-authing-app-id", id)
		}
		next.ServeHTTP(w, inner)
		r.Pattern = inner.Pattern // for those around, who count by it
	})
}

// ofApplication takes /{application}/oidc/… apart.
func ofApplication(path string) (id, rest string, ok bool) {
	if len(path) < 1+24+len("/oidc/") || path[0] != '/' {
		return "", "", false
	}
	id, rest = path[1:25], path[25:]
	return id, rest, db.IsID(id) && strings.HasPrefix(rest, "/oidc/")
}
