package oidc

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// authorize is the authorization endpoint (RFC 6749 3.1, OpenID Connect Core 3.1.2). GET and POST are the same.
func (p *Provider) authorize(f face) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		text := r.URL.RawQuery
		if r.Method == http.MethodPost {
			// OpenID Connect Core 13.2: a POST has its parameters in the form. A query beside it would be a second set.
			if text != "" {
				return p.page(w, r, nil, refusal("invalid_request", "a POST has no query"))
			}
			text = form(r)
		}
		q, twice, err := parseParams(text)
		if err != nil {
			return p.page(w, r, nil, p.explain(r.Context(), err))
		}

		// First the client and its redirect URI (RFC 6749 4.1.2.1): what is wrong with them is told to the person, never sent anywhere.
		for _, name := range []string{"client_id", "redirect_uri"} {
			if slices.Contains(twice, name) {
				return p.page(w, r, nil, refusal("invalid_request", name+" stands more than once"))
			}
			if q[name] == "" {
				return p.page(w, r, nil, refusal("invalid_request", name+" is missing"))
			}
		}
		app, err := p.signin.Application(r.Context(), q["client_id"])
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return p.page(w, r, nil, refusal("invalid_client", "client_id is no application's"))
		case err != nil:
			return p.pageFor(w, r, nil, err)
		case !app.Enabled:
			return p.page(w, r, app, refusal("unauthorized_client", "the application is switched off"))
		case f == oauthFace && !app.Settings.OAuth2Enabled:
			return p.page(w, r, app, refusal("unauthorized_client", "the application does not use OAuth 2"))
		}
		r = r.WithContext(about(r.Context(), app))
		if !isRedirect(f, app, q["redirect_uri"]) {
			if err := p.signin.AuthorizationRefused(r.Context(), app, "", "redirect_uri"); err != nil {
				return p.pageFor(w, r, app, err)
			}
			return p.page(w, r, app, refusal("invalid_request", "redirect_uri is not registered for the application"))
		}

		request, to, refused := checkRequest(f, app, q, twice)
		if refused != nil {
			return p.refuse(w, r, f, to, refused)
		}
		request.Scope = p.grantable(f, app, request.Scope)
		if hint := q["id_token_hint"]; hint != "" {
			h, err := p.signin.IDTokenHint(r.Context(), hint)
			if fault.KindOf(err) == fault.Internal && err != nil {
				return p.refuse(w, r, f, to, p.explain(r.Context(), err))
			}
			if err != nil || h.App.ID != app.ID {
				return p.refuse(w, r, f, to, refusal("invalid_request", "id_token_hint is no id token of ours for this client"))
			}
			request.HintSubject = h.Subject
		}
		in := &signin.Interaction{App: app, Request: *request, CreatedAt: p.now().UnixMilli()}
		return p.proceed(w, r, f, to, in)
	}
}

// isRedirect reports whether the answer may go to a URI: byte for byte one that is registered (RFC 9700 2.1), and without a fragment
// (RFC 6749 3.1.2), whatever was registered.
func isRedirect(f face, app *signin.Application, uri string) bool {
	if strings.ContainsAny(uri, "#\r\n") {
		return false
	}
	if f == oauthFace {
		return app.IsOAuth2Redirect(uri)
	}
	return app.IsRedirect(uri)
}

// grantable is what the application may get of the scopes that it asks for.
func (p *Provider) grantable(f face, app *signin.Application, scope []string) []string {
	if f != oauthFace {
		return p.signin.GrantableScope(app, scope)
	}
	// Plain OAuth 2 has the one scope "user" (auth-notes 4) beside the application's own, and no id token.
	out := []string{}
	for _, word := range scope {
		if !slices.Contains(out, word) && (word == "user" || word != "openid" && slices.Contains(p.signin.GrantableScope(app, []string{word}), word)) {
			out = append(out, word)
		}
	}
	if len(out) == 0 {
		out = append(out, "user")
	}
	return out
}

// page tells the person what is wrong: nothing is known that it could be told to.
func (p *Provider) page(w http.ResponseWriter, r *http.Request, app *signin.Application, e *Error) error {
	p.pages.Error(w, r, app, e.Status, e.Code, plain(e.Description))
	return nil
}

func (p *Provider) pageFor(w http.ResponseWriter, r *http.Request, app *signin.Application, err error) error {
	return p.page(w, r, app, p.explain(r.Context(), err))
}

// verdict is what an authorization request still needs, or why it is refused.
type verdict struct {
	need    signin.Need // "" when nothing
	refused *Error
}

// proceed answers a checked request as far as the browser's session goes (OpenID Connect Core 3.1.2.3 and 3.1.2.4): with the answer, with
// a refusal, or by sending the browser to a page. in.Key is empty while the request has not been kept.
func (p *Provider) proceed(w http.ResponseWriter, r *http.Request, f face, to *reply, in *signin.Interaction) error {
	ctx := r.Context()
	x, u, err := p.signin.SessionByCookie(ctx, in.App.PoolID, browser.From(ctx).Session(in.App.PoolID))
	if err != nil && !errors.Is(err, signin.ErrNoSession) {
		return p.refuse(w, r, f, to, p.explain(ctx, err))
	}
	if err != nil {
		x, u = nil, nil
	}
	v, err := p.judge(r, in, x, u)
	if err != nil {
		return p.refuse(w, r, f, to, p.explain(ctx, err))
	}
	if v.refused == nil && v.need != "" && in.Request.Prompts("none") {
		// OpenID Connect Core 3.1.2.6.
		switch v.need {
		case signin.NeedConsent:
			v.refused = refusal("consent_required", "the user has not agreed")
		default:
			v.refused = refusal("login_required", "nobody is signed in who could answer")
		}
	}
	if v.refused == nil && v.need != "" {
		if in.Key == "" {
			kept, err := p.signin.StartInteraction(ctx, in.App, in.Request, v.need)
			if err != nil {
				return p.refuse(w, r, f, to, p.explain(ctx, err))
			}
			in = kept
		} else if in.Need != v.need {
			if err := p.signin.AskInteraction(ctx, in, v.need); err != nil {
				return p.pageFor(w, r, in.App, err)
			}
			in.Need = v.need
		}
		w.Header().Set("Location", p.base+in.PagePath())
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	if in.Key != "" {
		// From here on there is an answer, and one only.
		if _, err := p.signin.FinishInteraction(ctx, in.Key); err != nil {
			return p.pageFor(w, r, in.App, err)
		}
	}
	if v.refused != nil {
		user := ""
		if u != nil {
			user = u.ID
		}
		if v.refused.Code == "access_denied" {
			if err := p.signin.AuthorizationRefused(ctx, in.App, user, v.refused.Code); err != nil {
				return p.refuse(w, r, f, to, p.explain(ctx, err))
			}
		}
		return p.refuse(w, r, f, to, v.refused)
	}
	return p.grant(w, r, f, to, in, x, u)
}

// judge says what the request needs of the browser with this session, which may be nil.
func (p *Provider) judge(r *http.Request, in *signin.Interaction, x *signin.Session, u *directory.User) (verdict, error) {
	q := &in.Request
	if in.Refused {
		return verdict{refused: refusal("access_denied", "the user has refused")}, nil
	}
	if x == nil {
		return verdict{need: signin.NeedLogin}, nil
	}
	fresh := x.AuthTime >= in.CreatedAt && in.Key != "" // signed in for this request, or while it waited
	switch {
	case q.HintSubject != "" && q.HintSubject != u.ID: // OpenID Connect Core 3.1.2.1, id_token_hint
		return verdict{need: signin.NeedLogin}, nil
	case q.Prompts("login") && !fresh:
		return verdict{need: signin.NeedLogin}, nil
	case q.MaxAge != nil && !fresh && p.now().UnixMilli()-x.AuthTime > *q.MaxAge*1000:
		return verdict{need: signin.NeedLogin}, nil
	}
	opens, err := p.signin.Opens(r.Context(), in.App, x, u, in.CreatedAt)
	switch {
	case fault.KindOf(err) == fault.Forbidden:
		return verdict{refused: refusal("access_denied", "the user may not sign in to this application")}, nil
	case err != nil:
		return verdict{}, err
	case !opens:
		return verdict{need: signin.NeedLogin}, nil
	case q.Prompts("select_account") && !fresh && in.Chosen != x.ID:
		return verdict{need: signin.NeedAccount}, nil
	}
	// The organisation's own applications ask for no consent, whatever the prompt says: the clients add prompt=consent for offline_access
	// by themselves (auth-notes 0.11).
	if !in.App.NeedsConsent() || in.ConsentBy == u.ID {
		return verdict{}, nil
	}
	if q.Prompts("consent") {
		return verdict{need: signin.NeedConsent}, nil
	}
	had, err := p.signin.Consent(r.Context(), in.App.PoolID, u.ID, in.App.ID)
	if err != nil {
		return verdict{}, err
	}
	for _, word := range q.Scope {
		if !slices.Contains(had, word) {
			return verdict{need: signin.NeedConsent}, nil
		}
	}
	return verdict{}, nil
}

// grant answers with what was asked for (RFC 6749 4.1.2 and 4.2.2, OpenID Connect Core 3.2.2.5 and 3.3.2.5).
func (p *Provider) grant(w http.ResponseWriter, r *http.Request, f face, to *reply, in *signin.Interaction, x *signin.Session, u *directory.User) error {
	ctx, q := r.Context(), &in.Request
	scope := q.Scope
	if in.ConsentBy == u.ID && in.App.NeedsConsent() {
		scope = in.Consented
		if slices.Contains(q.Scope, "openid") && !slices.Contains(scope, "openid") {
			return p.refuse(w, r, f, to, refusal("access_denied", "the user has refused"))
		}
		if err := p.signin.RememberConsent(ctx, in.App.PoolID, u.ID, in.App.ID, scope); err != nil {
			return p.refuse(w, r, f, to, p.explain(ctx, err))
		}
	}
	words := strings.Fields(q.ResponseType)
	var answer []pair
	var code string
	if slices.Contains(words, "code") {
		var err error
		if code, err = p.signin.IssueCode(ctx, in.App, u, x, q, scope); err != nil {
			return p.refuse(w, r, f, to, p.explain(ctx, err))
		}
		answer = append(answer, pair{"code", code})
	}
	access, id := slices.Contains(words, "token"), slices.Contains(words, "id_token")
	if access || id {
		set, err := p.signin.IssueTokens(ctx, signin.TokenOrder{App: in.App, User: u, Session: x, Kind: f.kind, Scope: online(scope), Nonce: q.Nonce,
			AuthTime: x.AuthTime, Code: code, OnlyID: !access, OnlyAccess: !id})
		if err != nil {
			return p.refuse(w, r, f, to, p.explain(ctx, err))
		}
		if access {
			answer = append(answer, pair{"access_token", set.Access}, pair{"token_type", "Bearer"},
				pair{"expires_in", strconv.FormatInt(set.ExpiresIn, 10)}, pair{"scope", strings.Join(set.Scope, " ")})
		}
		if id {
			answer = append(answer, pair{"id_token", set.ID})
		}
	}
	return p.respond(w, r, f, to, answer)
}

// online is a scope without offline_access: what comes through the browser has no refresh token (OpenID Connect Core 11) and ends
// with the session.
func online(scope []string) []string {
	return slices.DeleteFunc(slices.Clone(scope), func(word string) bool { return word == signin.ScopeOffline })
}

// resume goes on with a request that has waited for its person.
func (p *Provider) resume(w http.ResponseWriter, r *http.Request) error {
	in, err := p.signin.Interaction(r.Context(), r.PathValue("key"))
	if errors.Is(err, signin.ErrInteractionGone) {
		return p.page(w, r, nil, refusal("invalid_request", "this sign-in is over: begin again at the application"))
	}
	if err != nil {
		return p.pageFor(w, r, nil, err)
	}
	r = r.WithContext(about(r.Context(), in.App))
	f := oidcFace
	if in.Request.Protocol == oauthFace.kind {
		f = oauthFace
	}
	// The application may have changed meanwhile.
	if !in.App.Enabled || !isRedirect(f, in.App, in.Request.RedirectURI) {
		return p.page(w, r, in.App, refusal("invalid_request", "the application has changed: begin again there"))
	}
	to := &reply{uri: in.Request.RedirectURI, mode: in.Request.ResponseMode, state: in.Request.State, has: in.Request.HasState}
	return p.proceed(w, r, f, to, in)
}

// finishLogin is where the vendor's hosted component goes after its login call (auth-notes 1.3): the cookie is set, the request goes on.
func (p *Provider) finishLogin(w http.ResponseWriter, r *http.Request) error {
	in, err := p.signin.Interaction(r.Context(), r.PathValue("key"))
	if errors.Is(err, signin.ErrInteractionGone) {
		return p.page(w, r, nil, refusal("invalid_request", "this sign-in is over: begin again at the application"))
	}
	if err != nil {
		return p.pageFor(w, r, nil, err)
	}
	w.Header().Set("Location", p.base+in.ContinuePath())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
