package v3

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// wireOf is how o's requests say who asks and how they are answered. Operations that are open to everyone look at no
// credentials: one that has expired must not keep its owner from fetching the next.
func (a *API) wireOf(o *op.Op) op.Wire {
	switch {
	case o.Name == "getSystemInfo":
		return system{api: a}
	case o.Name == "verifyMfaToken":
		return bare{door{api: a}}
	case o.Name == "listCredentialsByPage":
		return flat{wire{api: a, lists: queryLists(o)}}
	case o.Rule(&caller.Caller{}) == nil && atDoor[o.Name]:
		return door{api: a}
	case o.Rule(&caller.Caller{}) == nil:
		return open{}
	}
	return wire{api: a, lists: queryLists(o)}
}

// wire is the op.Wire of all operations that want a caller.
type wire struct {
	envelope
	api   *API
	lists []string // the parameters of a query that are lists
}

// queryLists are the names of the lists that o takes in its query.
func queryLists(o *op.Op) []string {
	var names []string
	for _, f := range reflect.VisibleFields(o.In()) {
		if o.Method == http.MethodGet && f.Type.Kind() == reflect.Slice {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}

// Caller takes a signature by an access key, or a token with or without the word Bearer: a management token or a user's.
// Who shows nothing is anonymous. The pool is that of the credentials; a header that names another opens nothing.
func (w wire) Caller(r *http.Request, body []byte, o *op.Op) (*caller.Caller, error) {
	base := baseCaller(r)
	shown := strings.TrimSpace(r.Header.Get("Authorization"))
	scheme, token, _ := strings.Cut(shown, " ")
	var c *caller.Caller
	var err error
	switch {
	case shown == "":
		return base, nil
	case strings.EqualFold(scheme, signatureScheme):
		c, err = w.signer(r, body, o, base, shown)
	case strings.EqualFold(scheme, "Bearer"):
		c, err = w.api.Signin.Bearer(r.Context(), base, strings.TrimSpace(token))
	default:
		c, err = w.api.Signin.Bearer(r.Context(), base, shown)
	}
	if err != nil {
		return base, err
	}
	return c, w.api.name(r.Context(), c, r.Header)
}

// signer is the access key that has signed the request. Which keys there are cannot be asked here: an unknown one and a
// disabled one are answered, after the same work, as a wrong signature is.
//
// A signed request is taken once. A read is remembered here; a write carries its nonce to the transaction that it makes.
func (w wire) signer(r *http.Request, body []byte, o *op.Op, base *caller.Caller, shown string) (*caller.Caller, error) {
	a := w.api
	id, signature, ok := parseAuthorization(shown)
	if !ok {
		return nil, unsigned("signature_wrong")
	}
	key, unknown := a.Directory.KeyForAuthentication(r.Context(), id)
	secret := a.nobody
	switch {
	case unknown == nil:
		secret = key.Secret
	case fault.KindOf(unknown) != fault.NotFound:
		return nil, unknown
	}
	s := signedRequest{Method: r.Method, Path: r.URL.Path, Header: r.Header, Body: body}
	if r.Method == http.MethodGet {
		s.Query = r.URL.Query()
	}
	now := a.Now()
	nonce, dated, err := checkSignature(s, secret, signature, now, a.Window)
	if e := fault.As(err); e != nil && e.Code == "signature_wrong" && w.addEmptyLists(s.Query) {
		nonce, dated, err = checkSignature(s, secret, signature, now, a.Window)
	}
	if err != nil {
		return nil, err
	}
	if unknown != nil {
		return nil, unsigned("signature_wrong")
	}
	c := signin.Key(base, key)
	if o.Writes {
		c.Once = &caller.Once{KeyID: key.ID, Nonce: nonce, Expires: dated.Add(2 * a.Window).UnixMilli()}
		return c, nil
	}
	return c, a.replays.use(key.ID, nonce, dated, now)
}

// addEmptyLists adds the lists that a query does not have, and reports whether there were any: an empty one is not sent, but
// it is signed.
func (w wire) addEmptyLists(query url.Values) bool {
	added := false
	for _, name := range w.lists {
		if array := name + "[]"; !query.Has(name) && !query.Has(array) {
			query[array], added = nil, true
		}
	}
	return added
}

// name adds the application and the tenant that the headers name to a known caller. The management clients send the
// tenant in the application's header. A key that was made for a tenant stays with it.
func (a *API) name(ctx context.Context, c *caller.Caller, h http.Header) error {
	tenant := h.Get("X-Authing-App-Tenant-Id")
	if id := h.Get("X-Authing-App-Id"); db.IsID(id) {
		app, err := a.Signin.Application(ctx, id)
		switch {
		case err == nil && app.PoolID == c.PoolID:
			c.AppID = id
		case err != nil && fault.KindOf(err) != fault.NotFound:
			return err
		case tenant == "":
			tenant = id
		}
	}
	if c.TenantID == "" && db.IsID(tenant) {
		c.TenantID = tenant
	}
	return nil
}

// baseCaller is what the server knows of any request, with the language that this wire asks for: Chinese unless said.
func baseCaller(r *http.Request) *caller.Caller {
	c := *caller.From(r.Context())
	if lang := r.Header.Get("X-Authing-Lang"); lang != "" && len(lang) <= 16 {
		c.Language = lang
	}
	if c.Language == "" {
		c.Language = "zh-CN"
	}
	return &c
}

// open is the op.Wire of operations that ask nobody who they are.
type open struct{ envelope }

// Caller is always anonymous.
func (open) Caller(r *http.Request, _ []byte, _ *op.Op) (*caller.Caller, error) {
	return baseCaller(r), nil
}

// atDoor are the operations of the authentication client: those that nobody has to be signed in for are done at the door of an application.
var atDoor = doorNames()

func doorNames() map[string]bool {
	names := map[string]bool{}
	for _, o := range operations {
		if o.Client == "authentication" && o.Domain != "public-info" {
			names[o.Name] = true
		}
	}
	return names
}

// door is the op.Wire of operations that anybody may use at the door of an application, see app.
type door struct {
	envelope
	api *API
}

// Caller is anonymous, at the door of the application that the header names, or HTTP Basic, which shows its secret too. Tokens are not
// looked at: one that has expired must not keep its owner from signing in.
func (d door) Caller(r *http.Request, _ []byte, _ *op.Op) (*caller.Caller, error) {
	c := baseCaller(r)
	id, secret, basic := basicClient(r)
	if !basic {
		id = r.Header.Get("X-Authing-App-Id")
	}
	if id == "" {
		return c, nil
	}
	return c, d.api.enter(r.Context(), c, id, secret, basic)
}

// basicClient is a client's identifier and secret in an Authorization header, both form-encoded as RFC 6749 2.3.1 has it. Anything but
// Basic is none: the node client leaves tokens there.
func basicClient(r *http.Request) (id, secret string, ok bool) {
	id, secret, ok = r.BasicAuth()
	if !ok {
		return "", "", false
	}
	for _, text := range []*string{&id, &secret} {
		if plain, err := url.QueryUnescape(*text); err == nil {
			*text = plain
		}
	}
	return id, secret, true
}

// enter puts c at the door of an application, whose secret is checked where one is shown.
func (a *API) enter(ctx context.Context, c *caller.Caller, id, secret string, shown bool) error {
	var app *signin.Application
	var err error
	if shown {
		app, err = a.Signin.AuthenticateApplication(ctx, id, secret)
	} else {
		app, err = a.Signin.Application(ctx, id)
	}
	if err != nil {
		return err
	}
	c.PoolID, c.AppID, c.AppProven = app.PoolID, app.ID, shown
	return nil
}

// app is the application that the caller is at: the one that the request names, or that the caller's token was made for.
func (a *API) app(ctx context.Context) (*signin.Application, error) {
	c := caller.From(ctx)
	if c.AppID == "" {
		return nil, signin.ErrApplicationNotFound
	}
	return a.Signin.PoolApplication(ctx, c.PoolID, c.AppID)
}
