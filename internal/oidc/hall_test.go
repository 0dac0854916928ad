package oidc_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/oidc"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

const callback = "https://app.example/cb?tenant=1"

// desk is a provider that listens, with people and applications, and a browser.
type desk struct {
	*testing.T
	h        *testhall.Hall
	pool     testhall.Pool
	ann, bob *directory.User
	provider *oidc.Provider
	dial     func(ctx context.Context, network, address string) (net.Conn, error)

	*answers
}

// answers are what people answer at the pages.
type answers struct {
	mu     sync.Mutex
	person *directory.User // who signs in at the login page; nil: nobody comes back
	scopes []string        // what is agreed to; nil: everything
}

// eachDesk runs a test on every engine.
func eachDesk(t *testing.T, test func(t *testing.T, d *desk)) {
	testhall.EachEngine(t, func(t *testing.T, engine *db.DB) { test(t, newDesk(t, testhall.New(t, engine))) })
}

func newDesk(t *testing.T, h *testhall.Hall) *desk {
	t.Helper()
	d := &desk{T: t, h: h, pool: h.Pool(t, "one"), answers: &answers{}}
	ctx := d.pool.As(t.Context())
	for _, u := range []struct {
		name string
		at   **directory.User
	}{{"ann", &d.ann}, {"bob", &d.bob}} {
		email := u.name + "@example.com"
		made, err := h.Directory.CreateUser(ctx, d.pool.ID, directory.NewUser{UserInput: directory.UserInput{Username: &u.name, Email: &email},
			Password: &directory.PasswordInput{Text: "a long passphrase"}})
		if err != nil {
			t.Fatal(err)
		}
		*u.at = made
	}
	d.provider = oidc.New(oidc.Options{Signin: h.Signin, BaseURL: testhall.BaseURL, Limits: op.Limits{Body: 1 << 20, Deadline: 30 * time.Second}, PrivateTargets: true})
	mux := http.NewServeMux()
	d.provider.Mount(mux)
	mux.HandleFunc("GET /login", d.login)
	mux.HandleFunc("GET /consent", d.consent)
	around := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &caller.Caller{RequestID: "test", ClientIP: "192.0.2.7", UserAgent: "test"}
		browser.Wrap(browser.NewCookies(testhall.BaseURL, false), mux).ServeHTTP(w, r.WithContext(caller.With(r.Context(), c)))
	})
	srv := httptest.NewServer(around)
	t.Cleanup(srv.Close)
	d.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, srv.Listener.Addr().String())
	}
	return d
}

// login is the sign-in page: the desk's person signs in at once.
func (d *desk) login(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	person := d.person
	d.mu.Unlock()
	in, err := d.h.Signin.Interaction(r.Context(), r.URL.Query().Get("interaction"))
	if err != nil || person == nil {
		http.Error(w, "nobody signs in", http.StatusTeapot)
		return
	}
	b := browser.From(r.Context())
	if in.Need == signin.NeedAccount {
		x, _, err := d.h.Signin.SessionByCookie(r.Context(), in.App.PoolID, b.Session(in.App.PoolID))
		if err == nil {
			err = d.h.Signin.ChooseAccount(r.Context(), in.Key, x.ID)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, in.ContinuePath(), http.StatusSeeOther)
		return
	}
	out, err := d.h.Signin.Establish(r.Context(), in.App, person, signin.Proof{AMR: []string{signin.AMRPassword}, Cookie: b.Session(in.App.PoolID)})
	if err != nil || out.Session == nil {
		http.Error(w, "not signed in", http.StatusInternalServerError)
		return
	}
	b.SetSession(out.Session, out.Cookie, true)
	http.Redirect(w, r, in.ContinuePath(), http.StatusSeeOther)
}

func (d *desk) consent(w http.ResponseWriter, r *http.Request) {
	in, err := d.h.Signin.Interaction(r.Context(), r.URL.Query().Get("interaction"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, u, err := d.h.Signin.SessionByCookie(r.Context(), in.App.PoolID, browser.From(r.Context()).Session(in.App.PoolID))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	d.mu.Lock()
	scopes := d.scopes
	d.mu.Unlock()
	if scopes == nil {
		scopes = in.Request.Scope
	}
	if len(scopes) == 0 {
		err = d.h.Signin.RefuseInteraction(r.Context(), in.Key)
	} else {
		err = d.h.Signin.GrantConsent(r.Context(), in.Key, u.ID, scopes)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, in.ContinuePath(), http.StatusSeeOther)
}

// app makes an application that redirects to callback, with the settings that set gives it.
func (d *desk) app(kind signin.AppType, set func(*signin.AppSettings)) *signin.Application {
	d.Helper()
	s := signin.AppSettings{RedirectURIs: []string{callback}, LogoutRedirectURIs: []string{"https://app.example/bye"}}
	if set != nil {
		set(&s)
	}
	a, err := d.h.Signin.CreateApplication(d.pool.As(d.Context()), d.pool.ID, signin.NewApplication{Name: "app", Type: kind, Settings: s})
	if err != nil {
		d.Fatal(err)
	}
	return a
}

// visitor is somebody's browser.
type visitor struct {
	*desk
	client *http.Client
	jar    http.CookieJar
}

func (d *desk) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.Fatal(err)
	}
	v := &visitor{desk: d, jar: jar}
	v.client = &http.Client{Jar: jar, Transport: &http.Transport{DialContext: d.dial}, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host != "guildhall.test" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	d.Cleanup(v.client.CloseIdleConnections)
	return v
}

// page is what a browser ends at.
type page struct {
	status int
	to     *url.URL // the address that it is sent to outside, nil when it stays
	at     string   // the path where it stays
	header http.Header
	body   string
}

// answer is the parameters of a redirect, of its query without the registered one, or of its fragment.
func (p *page) answer() url.Values {
	if p.to == nil {
		return url.Values{}
	}
	if p.to.Fragment != "" {
		q, _ := url.ParseQuery(p.to.EscapedFragment())
		return q
	}
	q := p.to.Query()
	q.Del("tenant")
	return q
}

func (v *visitor) do(req *http.Request) *page {
	v.Helper()
	resp, err := v.client.Do(req)
	if err != nil {
		v.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatal(err)
	}
	p := &page{status: resp.StatusCode, header: resp.Header, body: string(b), at: resp.Request.URL.Path}
	if resp.StatusCode == http.StatusSeeOther {
		if p.to, err = url.Parse(resp.Header.Get("Location")); err != nil {
			v.Fatal(err)
		}
	}
	return p
}

func (v *visitor) get(path string, q url.Values) *page {
	v.Helper()
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return v.raw(path)
}

func (v *visitor) raw(path string) *page {
	v.Helper()
	req, err := http.NewRequestWithContext(v.Context(), http.MethodGet, testhall.BaseURL+path, nil)
	if err != nil {
		v.Fatal(err)
	}
	return v.do(req)
}

// post posts a form; header has pairs of names and values.
func (v *visitor) post(path string, form url.Values, header ...string) *page {
	v.Helper()
	req, err := http.NewRequestWithContext(v.Context(), http.MethodPost, testhall.BaseURL+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return v.do(req)
}

// json is the body as an object.
func (p *page) json() map[string]any {
	out := map[string]any{}
	_ = json.Unmarshal([]byte(p.body), &out)
	return out
}

func (p *page) text(name string) string {
	s, _ := p.json()[name].(string)
	return s
}

// who makes the person who signs in at the login page.
func (d *desk) who(u *directory.User) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.person = u
}

// S256 challenge of RFC 7636, appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// request is an authorization request for code with PKCE, with changes: pairs of names and values, an empty value takes away.
func request(app *signin.Application, changes ...string) url.Values {
	q := url.Values{"client_id": {app.ID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {"xyz"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			q.Del(changes[i])
		} else {
			q.Set(changes[i], changes[i+1])
		}
	}
	return q
}

// code signs ann in and returns a code.
func (v *visitor) code(app *signin.Application, changes ...string) string {
	v.Helper()
	v.who(v.ann)
	p := v.get("/oidc/auth", request(app, changes...))
	code := p.answer().Get("code")
	if code == "" {
		v.Fatalf("no code: %d %v %s", p.status, p.to, p.body)
	}
	return code
}

// exchange is the form that exchanges a code.
func exchange(app *signin.Application, code string, changes ...string) url.Values {
	q := url.Values{"grant_type": {"authorization_code"}, "client_id": {app.ID}, "redirect_uri": {callback}, "code": {code}, "code_verifier": {verifier}}
	if !app.Public() {
		q.Set("client_secret", app.Secret)
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			q.Del(changes[i])
		} else {
			q.Set(changes[i], changes[i+1])
		}
	}
	return q
}
