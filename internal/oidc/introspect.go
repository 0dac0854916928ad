package oidc

import (
	"net/http"
	"slices"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// introspect is the introspection endpoint (RFC 7662). The client proves itself first (2.1). Another application's token is as unknown as
// one that never was (2.2, 4): what it says is not this client's business.
func (p *Provider) introspect(f face) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := once(form(r))
		if err != nil {
			return err
		}
		app, _, err := p.client(r, q, introspectionMethod)
		if err != nil {
			return err
		}
		if q["token"] == "" {
			return refusal("invalid_request", "token is missing")
		}
		// token_type_hint only speeds up a search (2.1); ours needs none.
		i, err := p.signin.Inspect(r.Context(), q["token"])
		switch {
		case fault.KindOf(err) == fault.Unauthenticated:
			writeJSON(w, http.StatusOK, map[string]bool{"active": false})
			return nil
		case err != nil:
			return err
		}
		c := i.Claims
		if c.Pool != app.PoolID || !slices.Contains(c.Audience, app.ID) {
			writeJSON(w, http.StatusOK, map[string]bool{"active": false})
			return nil
		}
		out := map[string]any{"active": true, "sub": c.Subject, "client_id": app.ID, "aud": app.ID, "iss": p.issuer(f), "exp": c.Expiry.Time().Unix(),
			"iat": c.IssuedAt.Time().Unix(), "token_type": "Bearer"}
		for name, v := range map[string]string{"scope": c.Scope, "jti": c.ID, "sid": c.SessionID} {
			if v != "" {
				out[name] = v
			}
		}
		if i.Refresh {
			out["token_type"] = "refresh_token"
		}
		if i.User != nil && i.User.Username != "" {
			out["username"] = i.User.Username
		}
		if i.User == nil { // a program's
			out["client_id"] = c.ClientID
		}
		writeJSON(w, http.StatusOK, out)
		return nil
	}
}

// revoke is the revocation endpoint (RFC 7009). A text that is no token, or none any more, is answered 200 (2.2), and so is an empty one:
// Guard sends that after signing out (auth-notes 1.3).
func (p *Provider) revoke(face) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := once(form(r))
		if err != nil {
			return err
		}
		app, _, err := p.client(r, q, revocationMethod)
		if err != nil {
			return err
		}
		if q["token"] != "" {
			err := p.signin.RevokeToken(about(r.Context(), app), app, q["token"])
			// RFC 7009 2.1: a token of another client is refused, and nothing is said of it that a text of one's own making would not be told.
			if err != nil && fault.KindOf(err) != fault.Unauthenticated {
				return err
			}
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
}
