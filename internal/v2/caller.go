package v2

import (
	"context"
	"net/http"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
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
	token   string // of the Authorization header, whatever it is worth; "" when there is none
	refused error  // why the token is worth nothing; the caller is anonymous then
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
	p, err := a.signin.PoolOf(ctx, named(h, headerPool), app)
	if fault.KindOf(err) == fault.NotFound && app != "" {
		// One of the clients writes its tenant into the header of the pool.
		p, err = a.signin.PoolOf(ctx, "", app)
	}
	if fault.KindOf(err) == fault.NotFound {
		return &c, nil
	}
	if err != nil {
		return &c, err
	}
	c.PoolID = p.ID
	c.AppID, err = a.applicationOf(ctx, p.ID, app)
	return &c, err
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
