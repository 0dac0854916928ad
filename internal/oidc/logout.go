package oidc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

const endPath = "/oidc/session/end"

// endSession is the logout endpoint (OpenID Connect RP-Initiated Logout 1.0, section 2), by GET and POST.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	text := r.URL.RawQuery
	if r.Method == http.MethodPost {
		text = form(r)
	}
	q, err := once(text)
	if err != nil {
		return p.pageFor(w, r, nil, err)
	}

	// id_token_hint: ours, its time may be over; client_id beside it must be its audience.
	var hint *signin.Hint
	var app *signin.Application
	if token := q["id_token_hint"]; token != "" {
		hint, err = p.signin.IDTokenHint(ctx, token)
		switch {
		case fault.KindOf(err) == fault.Unauthenticated:
			return p.page(w, r, nil, refusal("invalid_request", "id_token_hint is no id token of ours"))
		case err != nil:
			return p.pageFor(w, r, nil, err)
		case q["client_id"] != "" && q["client_id"] != hint.App.ID:
			return p.page(w, r, nil, refusal("invalid_request", "client_id is not that of id_token_hint"))
		}
		app = hint.App
	}
	if app == nil {
		for _, id := range []string{q["client_id"], r.Header.Get(headerApp)} {
			if id == "" {
				continue
			}
			app, err = p.signin.Application(ctx, id)
			if fault.KindOf(err) == fault.NotFound {
				return p.page(w, r, nil, refusal("invalid_client", "client_id is no application's"))
			}
			if err != nil {
				return p.pageFor(w, r, nil, err)
			}
			break
		}
	}

	// post_logout_redirect_uri: byte for byte one of the application's, or it is not followed (section 3). Without a known application it
	// cannot be anybody's. Whoever asks with the person's own id token is signed out all the same (section 4): the client has forgotten its
	// tokens by now, and a session that goes on behind a page of an error would let the next person at the machine in.
	to := q["post_logout_redirect_uri"]
	follow := to != "" && app != nil && app.IsLogoutRedirect(to) && !strings.ContainsAny(to, "\r\n")
	astray := func() error {
		return p.page(w, r, app, refusal("invalid_request", "post_logout_redirect_uri is not registered for the application"))
	}
	if to != "" && !follow && hint == nil {
		return astray()
	}

	pools, err := p.poolsOf(r, app)
	if err != nil {
		return p.pageFor(w, r, app, err)
	}
	// Whoever has no hint, or that of somebody else, asks in the person's name and may be anybody's page: the person is asked (section 2:
	// "MUST ask").
	for _, pool := range pools {
		x, u, err := p.signin.SessionByCookie(ctx, pool, browser.From(ctx).Session(pool))
		if errors.Is(err, signin.ErrNoSession) {
			continue
		}
		if err != nil {
			return p.pageFor(w, r, app, err)
		}
		own := hint != nil && hint.App.PoolID == pool && hint.Subject == u.ID
		if to != "" && !follow && !own {
			return astray()
		}
		if !own && !p.confirmed(q["confirm"], x) {
			fields := map[string]string{"confirm": p.confirmation(x)}
			for _, name := range []string{"post_logout_redirect_uri", "state", "client_id", "id_token_hint"} {
				if q[name] != "" {
					fields[name] = q[name]
				}
			}
			p.pages.ConfirmLogout(w, r, app, p.base+endPath, fields)
			return nil
		}
		if err := p.signin.EndSession(ctx, pool, x.ID); err != nil {
			return p.pageFor(w, r, app, err)
		}
	}
	for _, pool := range pools {
		if browser.From(ctx).Session(pool) != "" {
			browser.From(ctx).ClearSession(pool)
		}
	}
	if !follow {
		p.pages.SignedOut(w, r, app)
		return nil
	}
	if state := q["state"]; state != "" {
		sign := "?"
		if strings.Contains(to, "?") {
			sign = "&"
		}
		to += sign + "state=" + url.QueryEscape(state)
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// poolsOf are the pools whose session a logout means: the application's, or else the default one.
func (p *Provider) poolsOf(r *http.Request, app *signin.Application) ([]string, error) {
	if app != nil {
		return []string{app.PoolID}, nil
	}
	pool, err := p.signin.PoolOf(r.Context(), "", "")
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []string{pool.ID}, nil
}

// confirmation is what only a form of ours for this very session can hold: a page of somebody else's cannot make it, and it ends with the
// session.
func (p *Provider) confirmation(x *signin.Session) string {
	mac := hmac.New(sha256.New, []byte(x.Hash))
	mac.Write([]byte("logout " + x.PoolID + " " + x.ID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (p *Provider) confirmed(given string, x *signin.Session) bool {
	return given != "" && hmac.Equal([]byte(given), []byte(p.confirmation(x)))
}
