// Package browser is the half of a session that lives in HTTP: the cookies by which a browser shows who is signed in, and which
// origins' pages may call. Every facade uses it; it knows no wire.
package browser

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/signin"
)

// Cookies is how this server's cookies are set.
type Cookies struct {
	// Secure cookies go over https only, and are bound to the very host (RFC 6265bis, 4.1.3.2: prefix __Host-).
	Secure bool
	// CrossSite lets pages of other sites show the cookie from a frame (SameSite=None); it needs Secure.
	CrossSite bool
	// Allow says whose pages may sign the browser in, nil for the server's own alone: a stranger's page that sends the form of a sign-in
	// would leave the person in somebody else's account (RFC 6749, 10.12). It is asked about a pool, of which any application will do.
	Allow AllowOrigin
}

// NewCookies are the cookies for a server that clients reach at baseURL.
func NewCookies(baseURL string, crossSite bool) Cookies {
	secure := strings.HasPrefix(baseURL, "https://")
	return Cookies{Secure: secure, CrossSite: crossSite && secure}
}

type contextKey struct{}

// Browser is the cookies of one request and of its answer. Its methods may be called by one goroutine at a time, before the answer's
// first byte.
type Browser struct {
	cookies Cookies
	w       http.ResponseWriter
	r       *http.Request
}

// Wrap gives every request below next its Browser.
func Wrap(c Cookies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := &Browser{cookies: c, w: w, r: r}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, b)))
	})
}

// From is the Browser of the request that ctx belongs to; outside a request one that has no cookies and forgets those it is given.
func From(ctx context.Context) *Browser {
	if b, ok := ctx.Value(contextKey{}).(*Browser); ok {
		return b
	}
	return &Browser{}
}

// Session is the text of the pool's session cookie, "" when there is none.
func (b *Browser) Session(poolID string) string { return b.Value(sessionName(poolID)) }

// Each pool has a cookie of its own: being signed in to one says nothing of another.
func sessionName(poolID string) string { return "guildhall-" + poolID }

// SetSession gives the browser a session's cookie: for as long as the session lasts, or with keep false until the browser closes. It goes to
// the server's own pages and to those that Cookies.Allow lets call; a browser that shows a stranger's page keeps what it had.
func (b *Browser) SetSession(x *signin.Session, cookie string, keep bool) {
	if !b.ours(x.PoolID) {
		return
	}
	var until time.Time
	if keep {
		until = time.UnixMilli(x.ExpiresAt)
	}
	b.Set(sessionName(x.PoolID), cookie, until)
}

// ClearSession takes the pool's session cookie away.
func (b *Browser) ClearSession(poolID string) { b.Set(sessionName(poolID), "", time.Unix(1, 0)) }

// Value is a cookie's value, "" when there is none. name is without the prefix that it has on secure servers.
func (b *Browser) Value(name string) string {
	if b.r == nil {
		return ""
	}
	c, err := b.r.Cookie(b.cookies.name(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// Set gives the browser a cookie that no script can read, until a time or, for the zero time, until it closes. A cookie of the same name
// that the answer has already is replaced.
func (b *Browser) Set(name, value string, until time.Time) {
	if b.w == nil {
		return
	}
	c := http.Cookie{Name: b.cookies.name(name), Value: value, Path: "/", Expires: until, HttpOnly: true, Secure: b.cookies.Secure,
		SameSite: http.SameSiteLaxMode}
	if b.cookies.CrossSite {
		c.SameSite = http.SameSiteNoneMode
	}
	h := b.w.Header()
	before := h.Values("Set-Cookie")
	h.Del("Set-Cookie")
	for _, other := range before {
		if !strings.HasPrefix(other, c.Name+"=") {
			h.Add("Set-Cookie", other)
		}
	}
	http.SetCookie(b.w, &c)
}

func (c Cookies) name(name string) string {
	if c.Secure {
		return "__Host-" + name
	}
	return name
}

// ours reports whether the page that calls is the server's own or one of the pool's applications'; no browser is calling where there is
// no origin. Browsers name the origin with every POST (Fetch, section 3.2), but call it "null" for the forms of a page that sends no
// referrer, as our own do: then only the metadata of the request tells (Fetch Metadata; no page can write it).
func (b *Browser) ours(poolID string) bool {
	origin := b.Origin()
	if b.r != nil && b.r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		return true
	}
	if origin == "" {
		return !b.Foreign()
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && u.Host == b.r.Host {
		return true
	}
	if b.cookies.Allow == nil {
		return false
	}
	ok, err := b.cookies.Allow(b.r.Context(), poolID, "", origin)
	return err == nil && ok
}

// Foreign reports that the browser says that a page of another site has made the request, and that it is no navigation: a picture or a
// script, which come without an origin (Fetch Metadata).
func (b *Browser) Foreign() bool {
	if b.r == nil {
		return false
	}
	return b.r.Header.Get("Sec-Fetch-Site") == "cross-site" && b.r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// Origin is the origin of the page that calls, "" where the browser names none: then it is the server's own page, or a navigation.
func (b *Browser) Origin() string {
	if b.r == nil {
		return ""
	}
	return b.r.Header.Get("Origin")
}
