package hosted

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// longestForm is the most bytes of a form.
const longestForm = 64 << 10

// visit is one request to one page.
type visit struct {
	*Pages
	w     http.ResponseWriter
	r     *http.Request
	ctx   context.Context
	lang  lang
	state *state
	dirty bool // the state has to go back to the browser
	door  door
	app   *signin.Application // of the door; nil where it has none
	in    *signin.Interaction // of the door, if any
	form  url.Values
	back  string // the page that shows what a form's refusal is
	asked bool   // a captcha is wanted

	provided bool     // the page is the provider's: no page of ours has its address
	logout   []string // where a sign-out may lead
}

// door is why somebody signs in: an authorization request, a device, or just an application. At most one is set.
type door struct{ Interaction, UserCode, AppID string }

func doorOf(q url.Values) door {
	switch {
	case q.Get("interaction") != "":
		return door{Interaction: q.Get("interaction")}
	case q.Get("user_code") != "":
		return door{UserCode: q.Get("user_code")}
	}
	return door{AppID: q.Get("app_id")}
}

// key names the door in the state.
func (d door) key() string {
	switch {
	case d.Interaction != "":
		return "i" + d.Interaction[max(0, len(d.Interaction)-16):]
	case d.UserCode != "":
		return "d" + d.UserCode
	}
	return "a" + d.AppID
}

// at is a page of the door, with further pairs of the query.
func (d door) at(path string, pairs ...string) string {
	return at(path, append([]string{"interaction", d.Interaction, "user_code", d.UserCode, "app_id", d.AppID}, pairs...)...)
}

// route is a page, and what is done with a form that is sent to it.
type route struct {
	path string
	get  func(*visit) (*view, error)
	post func(*visit) (string, error) // answers where the browser goes on
	back string                       // the page that shows a refusal of post; "" is path
	open bool                         // needs no application
	json func(*visit) (any, error)    // a POST of the script's
	ask  func(*visit) (any, error)    // a GET of the script's, which changes nothing
}

func (p *Pages) getHandler(r route) http.Handler {
	return p.handler(func(v *visit) error {
		if tag := v.r.URL.Query().Get("lang"); tag != "" {
			return v.chooseLanguage(tag)
		}
		gate := p.limits.Gates[op.Point]
		if err := gate.Enter(v.ctx); err != nil {
			return err
		}
		defer gate.Leave()
		if err := v.enter(r.open); err != nil {
			return err
		}
		if r.ask != nil {
			return v.answer(r.ask)
		}
		page, err := r.get(v)
		if err != nil || page == nil {
			return err
		}
		v.show(page)
		return nil
	})
}

func (p *Pages) postHandler(r route) http.Handler {
	return p.handler(func(v *visit) error {
		if err := p.guard.Check(v.r); err != nil {
			return errStale.Because(err)
		}
		if kind, _, _ := strings.Cut(v.r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
			return errStale
		}
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, longestForm)
		if err := v.r.ParseForm(); err != nil {
			if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
				return fault.New(fault.TooLarge, "body_too_large")
			}
			return errStale.Because(err)
		}
		v.form = v.r.PostForm
		if !v.state.isToken(v.form.Get("csrf")) {
			if to := v.settled(r); to != "" {
				v.redirect(to)
				return nil
			}
			return errStale
		}
		if v.back = r.back; v.back == "" {
			v.back = r.path
		}
		if r.json != nil {
			return v.answerScript(r)
		}
		gate := p.limits.Gates[op.Write]
		if err := gate.Enter(v.ctx); err != nil {
			return err
		}
		defer gate.Leave()
		err := v.enter(r.open)
		if err != nil {
			return err
		}
		to, err := r.post(v)
		if err != nil {
			v.refused(err)
			to = v.door.at(v.back, v.kept()...)
		}
		v.redirect(to)
		return nil
	})
}

// settled is where a person goes on whose form was sent twice: the first has signed them in, and with that made the page's token old. The
// second does nothing.
func (v *visit) settled(r route) string {
	if r.post == nil || r.path != loginPath && r.path != stepPath && r.path != registerPath || v.enter(r.open) != nil {
		return ""
	}
	if _, u, err := v.session(); err != nil || u == nil {
		return ""
	}
	return v.onward()
}

// kept are the pairs of the query that a refused form comes back with.
func (v *visit) kept() []string {
	var pairs []string
	for _, name := range []string{"by", "factor", "recovery"} {
		pairs = append(pairs, name, v.r.URL.Query().Get(name))
	}
	return pairs
}

// handler is what every request to a page passes.
func (p *Pages) handler(f func(*visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
		for name := range h {
			if strings.HasPrefix(name, "Access-Control-") {
				h.Del(name) // no page of another origin reads these, whatever it may read of the wires
			}
		}
		ctx := r.Context()
		if p.limits.Deadline > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, p.limits.Deadline)
			defer cancel()
		}
		v := &visit{Pages: p, w: w, r: r, ctx: ctx, door: doorOf(r.URL.Query()), lang: langOf(r)}
		v.state, v.dirty = p.openState(r)
		err := func() (err error) {
			defer func() {
				if x := recover(); x != nil {
					if x == http.ErrAbortHandler {
						panic(x)
					}
					err = fmt.Errorf("panic: %v\n%s", x, debug.Stack())
				}
			}()
			return f(v)
		}()
		if err == nil {
			return
		}
		if r.Context().Err() == context.Canceled {
			panic(http.ErrAbortHandler)
		}
		v.fail(err)
	})
}

// enter finds out what the door leads to.
func (v *visit) enter(open bool) error {
	d := v.door
	if len(d.Interaction)+len(d.UserCode)+len(d.AppID) > 512 {
		return errPageNotFound
	}
	switch {
	case d.Interaction != "":
		in, err := v.signin.Interaction(v.ctx, d.Interaction)
		if err != nil {
			return err
		}
		v.in, v.app = in, in.App
		if in.Request.ResponseMode == "web_message" {
			v.w.Header().Del("Cross-Origin-Opener-Policy") // the window's opener waits for the message at the end of the way
		}
	case d.UserCode != "":
		device, err := v.device(d.UserCode)
		if err != nil && (!open || !errors.Is(err, signin.ErrDeviceGone)) {
			return err
		}
		if err == nil {
			v.app = device.App
		}
	case d.AppID != "":
		app, err := v.signin.Application(v.ctx, d.AppID)
		if err != nil {
			return err
		}
		v.app = app
	case !open:
		pool, err := v.dir.DefaultPool(v.ctx)
		if err != nil {
			return err
		}
		if v.app, err = v.signin.FirstApplication(v.ctx, pool.ID); err != nil {
			return err
		}
		v.door.AppID = v.app.ID
	}
	if v.app == nil {
		return nil
	}
	v.lang = langOf(v.r, v.locales()...)
	c := *caller.From(v.ctx)
	c.PoolID, c.AppID, c.Language = v.app.PoolID, v.app.ID, languages[v.lang].tag
	v.ctx = caller.With(v.ctx, &c)
	v.r = v.r.WithContext(v.ctx)
	if !v.app.Enabled {
		return errNoApplication
	}
	return nil
}

// locales are the languages that the request and the application ask for.
func (v *visit) locales() []string {
	var list []string
	if v.in != nil && v.in.Request.UILocales != "" {
		list = append(list, v.in.Request.UILocales)
	}
	if b := v.app.Settings.Branding; b.DefaultLanguage != "" && b.HideLanguages {
		list = append(list, b.DefaultLanguage)
	}
	return list
}

// chooseLanguage keeps the person's choice and shows the page without it in its address.
func (v *visit) chooseLanguage(tag string) error {
	l, ok := langNamed(tag)
	if !ok || len(tag) > 32 {
		return errPageNotFound
	}
	http.SetCookie(v.w, &http.Cookie{Name: langCookie, Value: languages[l].code, Path: "/", MaxAge: 400 * 24 * 3600, HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteLaxMode})
	q := v.r.URL.Query()
	q.Del("lang")
	to := v.r.URL.Path
	if s := q.Encode(); s != "" {
		to += "?" + s
	}
	v.redirect(to)
	return nil
}

// redirect sends the browser on by GET. to is a path of this server, or what an application has registered.
func (v *visit) redirect(to string) {
	if v.dirty {
		v.keepState(v.w, v.state)
	}
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
}

// refused leaves a note of a form's refusal for the page that is read next.
func (v *visit) refused(err error) {
	n := v.noteOf(err)
	n.Values = map[string]string{}
	for name, values := range v.form {
		if len(values) == 1 && !isSecret(name) && len(values[0]) <= 128 {
			n.Values[name] = values[0]
		}
	}
	v.state.Note, v.dirty = n, true
}

// isSecret reports whether what was typed must not be kept.
func isSecret(name string) bool {
	for _, word := range []string{"password", "code", "csrf", "credential", "ticket", "captcha", "recovery"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// noteOf words nothing yet: the language may change until the note is read.
func (v *visit) noteOf(err error) *note {
	e := v.faultOf(err)
	n := &note{Page: v.back, Code: e.Code, Kind: uint8(e.Kind), Args: e.Args, Field: fieldOf(e), Ask: v.asked}
	if e.Kind == fault.Internal || e.Kind == fault.Unavailable {
		n.Ref = caller.From(v.ctx).RequestID
	}
	return n
}

// faultOf is an error as it may be told; what is the server's is logged.
func (v *visit) faultOf(err error) *fault.Error {
	e := fault.As(err)
	if e == nil && errors.Is(err, context.DeadlineExceeded) {
		e = fault.New(fault.Unavailable, "deadline")
	}
	if e == nil || e.Kind == fault.Internal {
		e = fault.New(fault.Internal, "internal")
	}
	level := slog.LevelError
	switch e.Kind {
	case fault.Internal:
	case fault.Unavailable:
		level = slog.LevelWarn
	default:
		return e
	}
	op.Logger(v.ctx).LogAttrs(v.ctx, level, "page failed", slog.String("page", v.r.Pattern), slog.String("request", caller.From(v.ctx).RequestID), slog.Any("error", err))
	return e
}

// good leaves good news for the page that is read next.
func (v *visit) good(page, key string, args ...string) {
	v.state.Note, v.dirty = &note{Page: page, Good: key, Args: args}, true
}

// takeNote is the note for the page that is shown, if there is one, once.
func (v *visit) takeNote() *note {
	n := v.state.Note
	if n == nil {
		return &note{}
	}
	v.state.Note, v.dirty = nil, true
	if n.Page != v.r.URL.Path {
		return &note{}
	}
	return n
}

// wordNote puts a note into a page: beside the input that it is about, or above everything.
func (v *visit) wordNote(page *view, n *note) {
	switch {
	case n.Good != "":
		page.Alert = &alert{Kind: "good", Text: v.lang.text(n.Good, n.Args...)}
	case n.Code != "":
		page.Bad = true
		text := v.lang.refusal(fault.Kind(n.Kind), n.Code, n.Args)
		if n.Code == signin.ErrPasswordWrong.Code && len(n.Args) == 1 && len(n.Args[0]) == 1 {
			text = v.lang.text("login.left", n.Args[0]) // the last nine
		}
		for f := range page.Forms {
			for i := range page.Forms[f].Inputs {
				if in := &page.Forms[f].Inputs[i]; n.Field != "" && in.Name == n.Field {
					in.Wrong = text
					return
				}
			}
		}
		page.Alert = &alert{Kind: "error", Text: text, Reference: n.Ref}
	}
}

// refusal words a fault.
func (l lang) refusal(kind fault.Kind, code string, args []string) string {
	t, ok := refusals[code]
	if !ok {
		t = kindRefusals[kind]
	}
	return fillIn(t[l], args)
}

// show answers with a page.
func (v *visit) show(page *view) {
	page.lang, page.CSRF, page.Assets, page.Nonce = v.lang, v.state.Token, v.assets, rand.Text()
	v.dress(page)
	page.focus()
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, page); err != nil {
		panic(err) // recovered once, above; a view that the template cannot draw is a mistake of ours
	}
	if v.dirty {
		v.keepState(v.w, v.state)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", languages[v.lang].tag)
	h.Set("Vary", "Accept-Language, Cookie")
	h.Set("Content-Security-Policy", v.policy(page))
	if page.status != 0 {
		v.w.WriteHeader(page.status)
	}
	_, _ = v.w.Write(b.Bytes())
}

// policy is the page's Content-Security-Policy. Browsers hold form-action also against where the answer to a form redirects to, so it
// names where the authorization answer goes.
func (v *visit) policy(page *view) string {
	images, connect, forms := "'self' data:", "", "'self'"
	if u, err := url.Parse(string(page.Logo)); err == nil && u.Scheme == "https" {
		images += " https://" + u.Host
	}
	if page.fetches {
		connect = "; connect-src 'self'"
	}
	for _, source := range v.posts() {
		forms += " " + source
	}
	return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + page.Nonce + "'; img-src " + images + connect +
		"; form-action " + forms + "; frame-ancestors 'none'; base-uri 'none'"
}

// posts are the sources that the answer to a form may lead to beyond this server.
func (v *visit) posts() []string {
	var list []string
	add := func(uri string) {
		if s := source(uri); s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, uri := range v.logout {
		add(uri)
	}
	if v.in != nil {
		add(v.in.Request.RedirectURI)
	}
	if v.app != nil && v.in != nil {
		for _, origin := range v.app.Settings.AllowedOrigins {
			add(origin)
		}
	}
	return list[:min(len(list), 20)]
}

// source is a URI's origin, or its scheme where it has no host, as a Content-Security-Policy names them; "" for what cannot be named.
func source(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || strings.ContainsAny(u.Scheme+u.Host, "; ,'\"*") {
		return ""
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		if u.Host == "" {
			return ""
		}
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}

// dress gives a page the looks of its application.
func (v *visit) dress(page *view) {
	page.AppName = "Guildhall"
	var look looks
	if v.app != nil {
		page.AppName = v.app.Name
		look = looksOf(v.app, v.lang)
	}
	page.Logo, page.Style, page.Footer = template.URL(look.logo), look.style, look.footer
	if look.noLanguages || v.provided {
		return
	}
	q := v.r.URL.Query()
	for i, l := range languages {
		q.Set("lang", l.code)
		page.Langs = append(page.Langs, tab{Text: l.name, Lang: l.tag, URL: v.page() + "?" + q.Encode(), Current: lang(i) == v.lang})
	}
}

// page is the path of the page that is shown. What cannot be read again, because it was a form's answer, is its form's page.
func (v *visit) page() string {
	if v.r.Method == http.MethodPost && v.back != "" {
		return v.back
	}
	return v.r.URL.Path
}

// fail answers with an error page, of the status that fits.
func (v *visit) fail(err error) {
	e := v.faultOf(err)
	page := &view{Emblem: "warning", EmblemKind: "error", Heading: v.lang.text("error.heading"), Bad: true, status: statusOf(e.Kind),
		Lead: v.lang.refusal(e.Kind, e.Code, e.Args)}
	switch {
	case errors.Is(e, errStale):
		page.Heading, page.Lead = v.lang.text("stale.heading"), v.lang.text("stale.lead")
		page.Next = &link{Text: v.lang.text("stale.again"), URL: v.door.at(v.page())}
	case errors.Is(e, signin.ErrInteractionGone):
		page.Emblem, page.EmblemKind = "clock", ""
		page.Heading, page.Lead = v.lang.text("gone.heading"), v.lang.text("gone.lead")
	case errors.Is(e, errPageNotFound):
		page.Heading, page.Lead = v.lang.text("missing.heading"), v.lang.text("missing.lead")
	case e.Kind == fault.Throttled:
		page.Emblem, page.EmblemKind, page.Heading = "clock", "", v.lang.text("busy.heading")
		v.w.Header().Set("Retry-After", "1")
	}
	if e.Kind == fault.Internal || e.Kind == fault.Unavailable {
		page.Small = v.lang.text("error.reference") + " " + caller.From(v.ctx).RequestID
	}
	v.show(page)
}

// statusOf is the HTTP status of an error page.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.Internal:
		return http.StatusInternalServerError
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Throttled:
		return http.StatusTooManyRequests
	case fault.Unsupported:
		return http.StatusNotImplemented
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}
