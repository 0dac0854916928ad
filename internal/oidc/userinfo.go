package oidc

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// bearer is the token of a request: RFC 6750 2.1 to 2.3, one place in a request. A bare token in the Authorization header is taken too:
// the official node client sends its token like that (auth-notes 0.7).
func bearer(r *http.Request) (string, *Error) {
	var tokens []string
	if h := strings.TrimSpace(r.Header.Get("Authorization")); h != "" {
		scheme, rest, ok := strings.Cut(h, " ")
		switch {
		case ok && strings.EqualFold(scheme, "Bearer"):
			tokens = append(tokens, strings.TrimSpace(rest))
		case !ok:
			tokens = append(tokens, h)
		}
	}
	for _, text := range []string{r.URL.RawQuery, form(r)} {
		q, err := once(text)
		if err != nil {
			return "", asError(err)
		}
		if t := q["access_token"]; t != "" {
			tokens = append(tokens, t)
		}
	}
	// The clients' own helpers show one token in two places; two tokens are two answers.
	if tokens = slices.Compact(tokens); len(tokens) > 1 {
		return "", refusal("invalid_request", "two access tokens in one request")
	}
	if len(tokens) == 0 {
		return "", nil
	}
	return tokens[0], nil
}

func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return serverError
}

// challenge refuses a token in the header that RFC 6750 3 wants beside the body.
func challenge(w http.ResponseWriter, e *Error) error {
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
		text := `Bearer realm="guildhall"`
		if e.Code != "" {
			text += `, error="` + e.Code + `", error_description="` + plain(e.Description) + `"`
		}
		w.Header().Set("WWW-Authenticate", text)
	}
	writeError(w, nil, e)
	return nil
}

// userinfo is the userinfo endpoint (OpenID Connect Core 5.3): the claims of the token's scopes.
func (p *Provider) userinfo(f face) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		token, refused := bearer(r)
		if refused != nil {
			return challenge(w, refused)
		}
		wrong := &Error{Code: "invalid_token", Description: "the access token is wrong, expired or called in", Status: http.StatusUnauthorized}
		if token == "" {
			wrong.Description = "no access token"
			return challenge(w, wrong)
		}
		c, u, err := p.signin.User(r.Context(), token)
		if fault.KindOf(err) == fault.Unauthenticated {
			return challenge(w, wrong)
		}
		if err != nil {
			return err
		}
		if len(c.Audience) != 1 {
			return challenge(w, wrong)
		}
		app, err := p.signin.PoolApplication(r.Context(), u.PoolID, c.Audience[0])
		if fault.KindOf(err) == fault.NotFound || err == nil && !app.Enabled {
			return challenge(w, wrong)
		}
		if err != nil {
			return err
		}
		scope := strings.Fields(c.Scope)
		switch {
		case c.Data != nil: // a V2 user's token is id token and credential in one (auth-notes 5)
			scope = signin.StandardScopes
		case slices.Contains(scope, "user"): // plain OAuth 2's one scope (auth-notes 4)
			scope = append([]string{"profile", "username", "email", "phone"}, scope...)
		case f == oidcFace && !slices.Contains(scope, "openid"): // OpenID Connect Core 5.3.1
			return challenge(w, &Error{Code: "insufficient_scope", Description: "the access token is without openid", Status: http.StatusForbidden})
		}
		claims, err := p.signin.Claims(r.Context(), u, app, scope)
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, claims)
		return nil
	}
}
