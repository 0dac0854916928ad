// Package oidc is the provider of OpenID Connect and OAuth 2 over HTTP: discovery, authorization, tokens, userinfo, introspection,
// revocation, logout and the device flow. It checks each request in the order of its specification and translates; what is
// decided about people, sessions and tokens is decided in signin. It keeps to RFC 9700 but for applications that are explicitly set
// to Legacy, and to the few leniences that clients of the wires need, each named where it is.
package oidc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Pages are the pages that people see. An application may be nil: none is known.
type Pages interface {
	// Error says that a request could not be followed. code is the protocol's, description a sentence for developers.
	Error(w http.ResponseWriter, r *http.Request, app *signin.Application, status int, code, description string)
	// SignedOut says that nobody is signed in in this browser any more.
	SignedOut(w http.ResponseWriter, r *http.Request, app *signin.Application)
	// ConfirmLogout asks whether to sign out: a form that posts fields to action.
	ConfirmLogout(w http.ResponseWriter, r *http.Request, app *signin.Application, action string, fields map[string]string)
}

// Options are what a Provider is built from.
type Options struct {
	Signin  *signin.Signin
	BaseURL string // where clients reach the server, without a slash at its end
	Limits  op.Limits
	Pages   Pages // nil: plain ones
	Now     func() time.Time
	// PrivateTargets lets logout tokens go to addresses that are not public.
	PrivateTargets bool
	// Allowed are networks that logout tokens may go to, private or not.
	Allowed []netip.Prefix
}

// Provider serves the endpoints.
type Provider struct {
	signin  *signin.Signin
	base    string
	limits  op.Limits
	pages   Pages
	now     func() time.Time
	notices *noticer
}

// New builds the provider. Mount its routes; Run delivers logout tokens.
func New(o Options) *Provider {
	p := &Provider{signin: o.Signin, base: o.BaseURL, limits: o.Limits, pages: o.Pages, now: o.Now}
	if p.pages == nil {
		p.pages = plainPages{}
	}
	if p.now == nil {
		p.now = time.Now
	}
	p.notices = newNoticer(o)
	return p
}

// face is one of the two provider surfaces: OpenID Connect below /oidc, and plain OAuth 2 with opaque tokens below /oauth.
type face struct {
	kind   string // signin.FamilyOIDC or FamilyOAuth
	prefix string
}

var (
	oidcFace  = face{signin.FamilyOIDC, "/oidc"}
	oauthFace = face{signin.FamilyOAuth, "/oauth"}
)

// issuer is the identifier of a face (OpenID Connect Discovery 1.0, section 3): from the configuration, never from the request's Host.
func (p *Provider) issuer(f face) string { return p.base + f.prefix }

// headerApp names the application where a request has no client_id.
const headerApp = "X-Authing-App-Id"

// Mount adds the provider's routes. What is asked for below /{application} comes here without it, the application in headerApp.
func (p *Provider) Mount(mux *http.ServeMux) {
	mux.Handle("GET /oidc/.well-known/openid-configuration", p.handle(op.Point, p.discovery))
	mux.Handle("GET /.well-known/oauth-authorization-server/oidc", p.handle(op.Point, p.discovery)) // RFC 8414 3.1
	mux.Handle("GET /oidc/.well-known/jwks.json", p.handle(op.Point, p.jwks))
	for _, f := range []face{oidcFace, oauthFace} {
		authorize := p.handle(op.Write, p.authorize(f))
		mux.Handle("GET "+f.prefix+"/auth", authorize)
		mux.Handle("POST "+f.prefix+"/auth", authorize)
		mux.Handle("POST "+f.prefix+"/token", p.handle(op.Write, p.token(f)))
		mux.Handle("POST "+f.prefix+"/token/introspection", p.handle(op.Point, p.introspect(f)))
		mux.Handle("POST "+f.prefix+"/token/revocation", p.handle(op.Write, p.revoke(f)))
		me := p.handle(op.Point, p.userinfo(f))
		mux.Handle("GET "+f.prefix+"/me", me)
		mux.Handle("POST "+f.prefix+"/me", me)
	}
	mux.Handle("GET /oauth/user/userinfo", p.handle(op.Point, p.userinfo(oauthFace)))
	mux.Handle("GET /oidc/auth/{key}", p.handle(op.Write, p.resume))
	mux.Handle("POST /interaction/oidc/{key}/login", p.handle(op.Write, p.finishLogin))
	mux.Handle("POST /oidc/device_authorization", p.handle(op.Write, p.deviceAuthorization))
	end := p.handle(op.Write, p.endSession)
	mux.Handle("GET /oidc/session/end", end)
	mux.Handle("POST /oidc/session/end", end)
}

// mostBody bounds a form; nothing here takes more.
const mostBody = 128 << 10

// handle is what every route passes: a bounded body, a deadline, a place at the gate of its class, and one answer to panics and to
// failures that are not the client's.
func (p *Provider) handle(class op.Class, serve func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				op.Logger(r.Context()).Error("operation failed", "path", r.URL.Path, "request", caller.From(r.Context()).RequestID, "panic", v, "stack", string(debug.Stack()))
				writeError(w, r, serverError)
			}
		}()
		// Answers here are secrets or depend on the browser's session (RFC 6749 5.1, RFC 9700 4.2.4).
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Pragma", "no-cache")
		w.Header().Set("Referrer-Policy", "no-referrer")
		limit := int64(mostBody)
		if p.limits.Body > 0 {
			limit = min(limit, p.limits.Body)
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		ctx := r.Context()
		if p.limits.Deadline > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, p.limits.Deadline)
			defer cancel()
		}
		r = r.WithContext(ctx)
		// The body is read before a place is taken: who sends slowly holds none.
		if err := readForm(r); err != nil {
			p.fail(w, r, err)
			return
		}
		gate := p.limits.Gates[class]
		if err := gate.Enter(ctx); err != nil {
			p.fail(w, r, err)
			return
		}
		err := func() error {
			defer gate.Leave()
			return serve(w, r)
		}()
		if err != nil {
			p.fail(w, r, err)
		}
	})
}

// fail answers an error that no page and no redirect has told: in the form of RFC 6749 5.2.
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) {
		panic(http.ErrAbortHandler)
	}
	writeError(w, r, p.explain(r.Context(), err))
}

// explain is err in the protocol's words; what is internal is logged here and withheld.
func (p *Provider) explain(ctx context.Context, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	level := slog.LevelError
	out := serverError
	if errors.Is(err, context.DeadlineExceeded) {
		level, out = slog.LevelWarn, unavailable
	}
	switch fault.KindOf(err) {
	case fault.Internal:
	case fault.Throttled:
		return &Error{Code: "temporarily_unavailable", Description: "too much at once, try again", Status: http.StatusTooManyRequests}
	case fault.Unavailable:
		level, out = slog.LevelWarn, unavailable
	case fault.Unsupported:
		return refusal("invalid_request", "this is not offered")
	case fault.Forbidden:
		return refusal("access_denied", "the user may not sign in to this application")
	default:
		return refusal("invalid_request", strings.ReplaceAll(fault.As(err).Code, "_", " "))
	}
	op.Logger(ctx).LogAttrs(ctx, level, "operation failed", slog.String("request", caller.From(ctx).RequestID), slog.Any("error", err))
	return out
}

// about is ctx with the pool and the application that the request turned out to concern, for records.
func about(ctx context.Context, app *signin.Application) context.Context {
	c := *caller.From(ctx)
	c.PoolID, c.AppID = app.PoolID, app.ID
	return caller.With(ctx, &c)
}
