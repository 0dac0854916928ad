package oidc

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// tokenAnswer is a successful answer of the token endpoint (RFC 6749 5.1).
type tokenAnswer struct {
	AccessToken   string `json:"access_token"`
	TokenType     string `json:"token_type"`
	ExpiresIn     int64  `json:"expires_in"`
	IDToken       string `json:"id_token,omitempty"`
	RefreshToken  string `json:"refresh_token,omitempty"`
	Scope         string `json:"scope"`
	RejectedScope string `json:"rejected_scope,omitempty"` // auth-notes 4: of client_credentials
}

// token is the token endpoint (RFC 6749 3.2). Its answers are refused caching by every route (5.1).
func (p *Provider) token(f face) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := once(form(r))
		if err != nil {
			return err
		}
		// RFC 6749 3.2.1: the client first, then the grant.
		var app *signin.Application
		var account *signin.ProgrammaticAccount
		grant := q["grant_type"]
		c, refused := readCredentials(r.Header.Get("Authorization"), q)
		switch {
		case refused != nil:
			return refused
		case c.id == "" && grant == signin.GrantRefresh && r.Header.Get(headerApp) != "":
			// The web client refreshes with neither client_id nor secret, and says by this header which application it is (auth-notes 0.8).
			// Only applications that are public anyway are taken at their word.
			c.id = r.Header.Get(headerApp)
			app, err = p.authenticate(r, c, tokenMethod)
		case c.id == "":
			return notClient(c, "client_id is missing")
		case grant == signin.GrantClient:
			app, account, err = p.machine(r, c)
		default:
			app, err = p.authenticate(r, c, tokenMethod)
		}
		if err != nil {
			return err
		}
		r = r.WithContext(about(r.Context(), app))
		if f == oauthFace && !app.Settings.OAuth2Enabled {
			return refusal("unauthorized_client", "the application does not use OAuth 2")
		}
		switch {
		case grant == "":
			return refusal("invalid_request", "grant_type is missing")
		case !slices.Contains(grants(f), grant):
			return refusal("unsupported_grant_type", "grant_type is none of ours")
		case !app.IsGrant(grant) && !(grant == signin.GrantClient && account != nil):
			return refusal("unauthorized_client", "the application is not set to use this grant_type")
		}
		var set *signin.TokenSet
		var rejected []string
		ctx := r.Context()
		switch grant {
		case signin.GrantCode:
			if q["code"] == "" {
				return refusal("invalid_request", "code is missing")
			}
			// The redirect URI is part of every authorization request here, so it is required (RFC 6749 4.1.3).
			set, err = p.signin.RedeemCode(ctx, app, signin.CodeExchange{Kind: f.kind, Code: q["code"], RedirectURI: q["redirect_uri"], Verifier: q["code_verifier"]})
		case signin.GrantRefresh:
			if q["refresh_token"] == "" {
				return refusal("invalid_request", "refresh_token is missing")
			}
			scope, ok := scopeWords(q["scope"])
			if !ok {
				return refusal("invalid_scope", "scope has characters that no scope has")
			}
			set, err = p.signin.RefreshTokens(ctx, app, q["refresh_token"], scope)
		case signin.GrantClient:
			set, rejected, err = p.signin.ProgramTokens(ctx, app, account, strings.Fields(q["scope"]))
		case signin.GrantPassword:
			set, err = p.passwordGrant(r, f, app, c, q)
		case signin.GrantDevice:
			if q["device_code"] == "" {
				return refusal("invalid_request", "device_code is missing")
			}
			set, err = p.signin.RedeemDeviceTokens(ctx, app, q["device_code"])
		}
		if err != nil {
			return grantError(err)
		}
		writeJSON(w, http.StatusOK, tokenAnswer{AccessToken: set.Access, TokenType: "Bearer", ExpiresIn: set.ExpiresIn, IDToken: set.ID,
			RefreshToken: set.Refresh, Scope: strings.Join(set.Scope, " "), RejectedScope: strings.Join(rejected, " ")})
		return nil
	}
}

// grants are the grant types of a face. Those that only some applications may use are refused by the application.
func grants(f face) []string {
	if f == oauthFace {
		return []string{signin.GrantCode, signin.GrantRefresh, signin.GrantClient, signin.GrantPassword}
	}
	return []string{signin.GrantCode, signin.GrantRefresh, signin.GrantClient, signin.GrantPassword, signin.GrantDevice}
}

// grantError is a refused grant in the words of RFC 6749 5.2 and RFC 8628 3.5; other errors stay what they are.
func grantError(err error) error {
	switch {
	case errors.Is(err, signin.ErrGrantRefused):
		what := "it is wrong, used or too old"
		if e := fault.As(err); len(e.Args) > 0 {
			what = e.Args[0] + " is wrong, used or too old"
		}
		return refusal("invalid_grant", what)
	case errors.Is(err, signin.ErrTicketInvalid), errors.Is(err, signin.ErrTicketUsed), errors.Is(err, signin.ErrTokenInvalid):
		return refusal("invalid_grant", "the token is wrong, used or too old")
	case errors.Is(err, signin.ErrScopeWider):
		return refusal("invalid_scope", "scope is wider than what was granted")
	case errors.Is(err, signin.ErrDevicePending):
		return refusal("authorization_pending", "nobody has answered yet")
	case errors.Is(err, signin.ErrDeviceTooFast):
		return refusal("slow_down", "polled too fast")
	case errors.Is(err, signin.ErrDeviceRefused):
		return refusal("access_denied", "the user has refused")
	case errors.Is(err, signin.ErrDeviceGone):
		return refusal("expired_token", "the device code is unknown, used or too old")
	case fault.KindOf(err) == fault.Forbidden:
		return refusal("invalid_grant", "the user may not sign in to this application")
	}
	return err
}

// machine authenticates the client of client_credentials: a confidential application, or one of its programmatic accounts, whose
// identifier stands in the place of the application's (auth-notes 4). RFC 6749 4.4: public clients have no such grant.
func (p *Provider) machine(r *http.Request, c credentials) (*signin.Application, *signin.ProgrammaticAccount, error) {
	if c.secret == "" {
		return nil, nil, notClient(c, wrongClient)
	}
	account, app, err := p.signin.AuthenticateProgrammaticAccount(r.Context(), c.id, c.secret)
	if err == nil {
		return app, account, nil
	}
	if !errors.Is(err, signin.ErrClientWrong) {
		return nil, nil, err
	}
	app, err = p.authenticate(r, c, tokenMethod)
	if err == nil && app.Public() {
		err = notClient(c, wrongClient)
	}
	return app, nil, err
}

// passwordGrant exchanges a user's password (RFC 6749 4.3), which RFC 9700 2.4 forbids: for applications set to legacy alone. It passes the
// same door as every sign-in.
func (p *Provider) passwordGrant(r *http.Request, f face, app *signin.Application, c credentials, q params) (*signin.TokenSet, error) {
	if !app.Settings.Legacy {
		return nil, refusal("unauthorized_client", "the password grant is for applications set to legacy")
	}
	if q["username"] == "" || q["password"] == "" {
		return nil, refusal("invalid_request", "username or password is missing")
	}
	scope, ok := scopeWords(q["scope"])
	if !ok {
		return nil, refusal("invalid_scope", "scope has characters that no scope has")
	}
	if len(scope) == 0 {
		scope = []string{"openid", "profile"}
	}
	// A client's secret stands for no second factor here: whoever has one signs in where it can be asked for.
	out, err := p.signin.SignIn(r.Context(), app, signin.Attempt{Method: signin.ByPassword, Account: q["username"], Password: q["password"], Direct: true})
	switch kind := fault.KindOf(err); {
	case err == nil:
	case kind == fault.Forbidden, kind == fault.NotFound, kind == fault.Unauthenticated, kind == fault.Unprocessable, kind == fault.Invalid:
		return nil, refusal("invalid_grant", "the user could not be signed in")
	default:
		return nil, err
	}
	if out.Session == nil {
		return nil, refusal("invalid_grant", "the sign-in needs a step that this grant has not")
	}
	return p.signin.IssueTokens(r.Context(), signin.TokenOrder{App: app, User: out.User, Session: out.Session, Kind: f.kind,
		Scope: p.grantable(f, app, scope), Refresh: true})
}
