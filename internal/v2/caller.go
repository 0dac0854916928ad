package v2

import (
	"context"
	"net/http"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// The headers of the wire, which clients send when they are not empty.
const (
	headerPool   = "x-authing-userpool-id"
	headerApp    = "x-authing-app-id"
	headerTenant = "x-authing-app-tenant-id"
	headerLang   = "x-authing-lang"
)

// bearing is what the credentials of one request came to, beside the caller that they made.
type bearing struct {
	token     string // of the Authorization header, whatever it is worth; "" when there is none
	refused   error  // why the token is worth nothing; the caller is anonymous then
	pool, app string // what the headers name, whatever the token says
}

type bearingKey struct{}

// withBearing gives each request a bearing for resolve to fill in.
func withBearing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), bearingKey{}, new(bearing))))
	})
}

func bearingOf(ctx context.Context) *bearing {
	if b, ok := ctx.Value(bearingKey{}).(*bearing); ok {
		return b
	}
	return new(bearing)
}

// resolve says who asks. A token that is worth nothing makes an anonymous caller and no error: clients send old tokens with
// calls that need none. admit tells of it where the rule wants somebody. The pool of a token is never overridden by a
// header; a header names the pool of those who show no token. An unknown pool leaves PoolID empty.
func (a *API) resolve(r *http.Request) (*caller.Caller, error) {
	ctx, h := r.Context(), r.Header
	c := *caller.From(ctx)
	if lang := language(h); lang != "" {
		c.Language = lang
	}
	c.TenantID = named(h, headerTenant)
	app := named(h, headerApp)

	b := bearingOf(ctx)
	b.pool, b.app = named(h, headerPool), app
	if b.token = bearer(h.Get("Authorization")); b.token != "" {
		who, err := a.signin.Bearer(ctx, &c, b.token)
		switch {
		case err == nil && who.AppID == "":
			who.AppID, err = a.applicationOf(ctx, who.PoolID, app)
			return who, err
		case err == nil:
			return who, nil
		case fault.KindOf(err) != fault.Unauthenticated:
			return &c, err
		}
		b.refused = err
	}
	return &c, a.place(ctx, &c, b)
}

// place puts the pool and the application that the headers name into c, which is nobody's yet. Where they name none that there is,
// both stay empty.
func (a *API) place(ctx context.Context, c *caller.Caller, b *bearing) error {
	c.PoolID, c.AppID = "", ""
	p, err := a.signin.PoolOf(ctx, b.pool, b.app)
	if fault.KindOf(err) == fault.NotFound && b.app != "" {
		// One of the clients writes its tenant into the header of the pool.
		p, err = a.signin.PoolOf(ctx, "", b.app)
	}
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	c.PoolID = p.ID
	c.AppID, err = a.applicationOf(ctx, p.ID, b.app)
	return err
}

// atDoor is the context of a call that lets somebody in, and the application that it is for: the one it names, or the pool's first one.
// Nobody has shown yet who they are: clients send old tokens along with such calls, which say nothing here, not even which pool is
// meant.
func (a *API) atDoor(ctx context.Context) (context.Context, *signin.Application, error) {
	c := *caller.From(ctx)
	if c.Kind == caller.User {
		c.Kind, c.UserID = caller.Anonymous, ""
		if err := a.place(ctx, &c, bearingOf(ctx)); err != nil {
			return ctx, nil, err
		}
	}
	if c.PoolID == "" {
		return ctx, nil, directory.ErrPoolNotFound
	}
	app, err := a.applicationMeant(ctx, &c)
	if err != nil {
		return ctx, nil, err
	}
	c.AppID = app.ID
	return caller.With(ctx, &c), app, nil
}

// applicationMeant is the application that the caller's request is for: the one it names, or the pool's first one.
func (a *API) applicationMeant(ctx context.Context, c *caller.Caller) (*signin.Application, error) {
	if c.AppID == "" {
		return a.signin.FirstApplication(ctx, c.PoolID)
	}
	return a.signin.Application(ctx, c.AppID)
}

// applicationOf is id if it is an application of the pool, else "".
func (a *API) applicationOf(ctx context.Context, poolID, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	app, err := a.signin.Application(ctx, id)
	if fault.KindOf(err) == fault.NotFound || err == nil && app.PoolID != poolID {
		return "", nil
	}
	return id, err
}

// named reads a header that holds an identifier. What cannot be one names nothing.
func named(h http.Header, name string) string {
	if v := h.Get(name); db.IsID(v) {
		return v
	}
	return ""
}

// language is what the request asks for, "" when it does not.
func language(h http.Header) string {
	if v := h.Get(headerLang); len(v) <= 16 {
		return v
	}
	return ""
}

// bearer is the token of an Authorization header: clients send it with the scheme and, some of them, without.
func bearer(header string) string {
	scheme, token, both := strings.Cut(strings.TrimSpace(header), " ")
	switch {
	case !both:
		return scheme
	case strings.EqualFold(scheme, "Bearer"):
		return strings.TrimSpace(token)
	}
	return ""
}

// admit asks the rule. Where it refuses a caller whose token is worth nothing, that is the reason to be told.
func admit(ctx context.Context, c *caller.Caller, rule op.Rule) error {
	err := rule(c)
	if refused := bearingOf(ctx).refused; err != nil && refused != nil {
		return refused
	}
	return err
}
