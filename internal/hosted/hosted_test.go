package hosted

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func clock() time.Time { return time.Unix(1_790_000_000, 0) }

func request(path string) *http.Request { return httptest.NewRequest("GET", path, nil) }

const redirectURI = "https://ledger.example.com/cb"

// hall is the pages over a domain on one engine.
type hall struct {
	*testhall.Hall
	pool  testhall.Pool
	pages *Pages
	url   string
}

func newHall(t *testing.T, d *db.DB) *hall {
	t.Helper()
	h := &hall{Hall: testhall.New(t, d)}
	h.pool = h.Pool(t, "first")
	h.pages = New(Options{Signin: h.Signin, Directory: h.Directory, Limits: op.Limits{Deadline: 20 * time.Second}, BaseURL: testhall.BaseURL,
		Key: h.Master.Derive("hosted pages", 32), Now: time.Now})
	mux := http.NewServeMux()
	h.pages.Mount(mux)
	mux.HandleFunc("GET "+signin.ContinuePrefix+"{key}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "<title>went on</title><h1>went on "+r.PathValue("key")+"</h1>")
	})
	handler := browser.Wrap(browser.NewCookies(testhall.BaseURL, false), mux)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := caller.With(r.Context(), &caller.Caller{RequestID: "test-request", ClientIP: "192.0.2.7", UserAgent: r.UserAgent()})
		handler.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	h.settings(t, func(s *signin.AppSettings) error {
		s.RedirectURIs = []string{redirectURI}
		s.RegisterMethods = []string{signin.LoginUsernamePassword, signin.LoginEmailPassword, signin.LoginEmailCode, signin.LoginPhoneCode}
		return nil
	})
	return h
}

func (h *hall) settings(t *testing.T, change func(*signin.AppSettings) error) {
	t.Helper()
	if _, err := h.Signin.UpdateApplication(h.pool.As(t.Context()), h.pool.ID, h.pool.AppID, signin.ApplicationPatch{Settings: change}); err != nil {
		t.Fatal(err)
	}
}

func (h *hall) security(t *testing.T, s directory.SecuritySettings) {
	t.Helper()
	if _, err := h.Directory.UpdatePool(h.pool.As(t.Context()), h.pool.ID, directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: s}}); err != nil {
		t.Fatal(err)
	}
}

const password = "Correct-Horse-7-Battery"

// person makes a user with a password.
func (h *hall) person(t *testing.T, username, email string, change ...func(*directory.NewUser)) *directory.User {
	t.Helper()
	yes := true
	n := directory.NewUser{Password: &directory.PasswordInput{Text: password}}
	n.Username = &username
	if email != "" {
		n.Email, n.EmailVerified = &email, &yes
	}
	for _, f := range change {
		f(&n)
	}
	u, err := h.Directory.CreateUser(h.pool.As(t.Context()), h.pool.ID, n)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (h *hall) interaction(t *testing.T, need signin.Need) *signin.Interaction {
	t.Helper()
	app, err := h.Signin.Application(t.Context(), h.pool.AppID)
	if err != nil {
		t.Fatal(err)
	}
	in, err := h.Signin.StartInteraction(h.pool.As(t.Context()), app, signin.AuthorizeRequest{Protocol: "oidc", ClientID: app.ID, RedirectURI: redirectURI,
		ResponseType: "code", ResponseMode: "query", Scope: []string{"openid", "profile", "offline_access"}}, need)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// person at a browser without scripts: it keeps cookies, follows redirects and sends the forms that it sees.
type surfer struct {
	t      *testing.T
	h      *hall
	client *http.Client
	header http.Header
	at     string // path and query of the page
	doc    *html.Node
	text   string // of the page's main part
	last   *http.Response
	hops   []string // where redirects led
}

func (h *hall) surf(t *testing.T) *surfer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &surfer{t: t, h: h, header: http.Header{"Accept-Language": {"en-GB"}}}
	s.client = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s
}

func (s *surfer) do(method, path string, form url.Values) {
	s.t.Helper()
	s.hops = nil
	for range 10 {
		var body io.Reader
		if method == http.MethodPost {
			body = strings.NewReader(form.Encode())
		}
		r, err := http.NewRequestWithContext(context.Background(), method, s.h.url+path, body)
		if err != nil {
			s.t.Fatal(err)
		}
		for name, values := range s.header {
			r.Header[name] = values
		}
		if method == http.MethodPost && r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		answer, err := s.client.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		b, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			s.t.Fatal(err)
		}
		s.last = answer
		checkHeaders(s.t, method, path, answer)
		if to := answer.Header.Get("Location"); to != "" {
			if answer.StatusCode != http.StatusSeeOther {
				s.t.Fatalf("%s %s redirects with %d", method, path, answer.StatusCode)
			}
			s.hops = append(s.hops, to)
			if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				s.t.Fatalf("%s %s leads away, to %s", method, path, to)
			}
			method, path, form = http.MethodGet, to, nil
			continue
		}
		s.at = path
		if s.doc, err = html.Parse(strings.NewReader(string(b))); err != nil {
			s.t.Fatal(err)
		}
		s.text = squeeze(textOf(s.doc))
		return
	}
	s.t.Fatalf("%s goes round in circles: %v", path, s.hops)
}

// checkHeaders holds what every answer of the pages has.
func checkHeaders(t *testing.T, method, path string, a *http.Response) {
	t.Helper()
	if strings.HasPrefix(path, signin.ContinuePrefix) {
		return
	}
	csp := a.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("%s %s: the policy %q lacks %q", method, path, csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") && !strings.HasPrefix(path, "/hosted/") {
		t.Errorf("%s %s: the policy %q lets anything run", method, path, csp)
	}
	for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s %s: %s is %q, not %q", method, path, name, got, want)
		}
	}
	for _, c := range a.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			t.Errorf("%s %s: the cookie %s is set loosely: %s", method, path, c.Name, c.Raw)
		}
	}
}

func (s *surfer) get(path string) *surfer {
	s.t.Helper()
	s.do(http.MethodGet, path, nil)
	return s
}

// sees fails unless the page has the words.
func (s *surfer) sees(words ...string) *surfer {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(s.text, w) {
			s.t.Fatalf("%s does not say %q but:\n%s", s.at, w, s.text)
		}
	}
	return s
}

func (s *surfer) seesNot(words ...string) *surfer {
	s.t.Helper()
	for _, w := range words {
		if strings.Contains(s.text, w) {
			s.t.Fatalf("%s says %q:\n%s", s.at, w, s.text)
		}
	}
	return s
}

// follow goes where the link with the text leads.
func (s *surfer) follow(text string) *surfer {
	s.t.Helper()
	for n := range s.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "a" && strings.Contains(squeeze(textOf(n)), text) {
			return s.get(attr(n, "href"))
		}
	}
	s.t.Fatalf("%s has no link %q:\n%s", s.at, text, s.text)
	return s
}

// form is the form with the button, its fields filled in as the page has them, and where it goes.
func (s *surfer) form(text string) (action string, values url.Values) {
	s.t.Helper()
	for n := range s.doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		values, found := url.Values{}, false
		for e := range n.Descendants() {
			if e.Type != html.ElementNode || hasAttr(e, "disabled") {
				continue
			}
			name := attr(e, "name")
			switch {
			case e.Data == "button" && strings.Contains(squeeze(textOf(e)), text):
				found = true
				if name != "" {
					values.Set(name, attr(e, "value"))
				}
			case e.Data == "input" && name != "" && (attr(e, "type") != "checkbox" || hasAttr(e, "checked")):
				values.Set(name, attr(e, "value"))
			}
		}
		if found {
			return attr(n, "action"), values
		}
	}
	s.t.Fatalf("%s has no form with the button %q:\n%s", s.at, text, s.text)
	return "", nil
}

// press sends the form with the button, with the pairs typed in.
func (s *surfer) press(text string, pairs ...string) *surfer {
	s.t.Helper()
	action, values := s.form(text)
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	s.do(http.MethodPost, action, values)
	return s
}

// code is the code of the newest message to an address.
func (s *surfer) code(to string) string {
	s.t.Helper()
	return s.h.Mail(s.t, to).Code
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	if n.Type == html.ElementNode && (n.Data == "template" || n.Data == "style" || n.Data == "head") {
		return ""
	}
	var b strings.Builder
	for c := range n.ChildNodes() {
		b.WriteString(textOf(c))
		b.WriteByte(' ')
	}
	return b.String()
}

var spaces = regexp.MustCompile(`\s+`)

func squeeze(text string) string { return strings.TrimSpace(spaces.ReplaceAllString(text, " ")) }

// sources are the package's own files.
func sources(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range append(files, "templates/page.html") {
		if strings.HasSuffix(f, "_test.go") || f == "text.go" {
			continue
		}
		text, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}
