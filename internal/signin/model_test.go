package signin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// The model of who is signed in: what it says is alive is accepted, and nothing else, at every step of random sequences of verbs.
type (
	modelUser struct {
		*directory.User
		password string
		open     bool
	}
	modelSession struct {
		id     string
		user   *modelUser
		app    *signin.Application // where it began
		cookie string
		former []string // cookies before this one
		alive  bool
		now    *signin.Session
	}
	modelFamily struct {
		id      string
		user    *modelUser
		app     *signin.Application
		session *modelSession // nil: of none
		offline bool
		alive   bool
		access  []string
		refresh string
		used    []string
	}
	modelCode struct {
		text    string
		session *modelSession
		app     *signin.Application
		offline bool
		family  *modelFamily // of its exchange
	}
	model struct {
		*place
		r        *rapid.T
		users    []*modelUser
		apps     []*signin.Application
		browsers []string // the cookie that each shows
		sessions []*modelSession
		families []*modelFamily
		codes    []*modelCode
	}
)

func TestSignInModel(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, nil)
		first, err := w.Signin.Application(w.ctx, w.AppID)
		if err != nil {
			t.Fatal(err)
		}
		apps := []*signin.Application{first}
		for _, name := range []string{"second", "third"} {
			app, err := w.Signin.CreateApplication(w.As(t.Context()), w.Pool.ID, signin.NewApplication{Name: name, Settings: signin.AppSettings{AccessTokenAlg: "ES256"}})
			if err != nil {
				t.Fatal(err)
			}
			if app, err = w.Signin.Application(w.ctx, app.ID); err != nil {
				t.Fatal(err)
			}
			apps = append(apps, app)
		}
		run, alive, refused := 0, 0, 0
		rapid.Check(t, func(r *rapid.T) {
			if run++; !d.Local() && run > 25 {
				return // the rest is SQLite's, which is faster
			}
			m := &model{place: w, r: r, apps: apps, browsers: make([]string, 3)}
			for n := range 2 {
				u := w.newUser(t, fmt.Sprint("user-", run, "-", n))
				m.users = append(m.users, &modelUser{User: u, password: "correct horse", open: true})
			}
			for range rapid.IntRange(5, 40).Draw(r, "steps") {
				m.step()
				a, n := m.check()
				alive, refused = alive+a, refused+n
			}
			for _, f := range m.families {
				if f.refresh == "" {
					continue
				}
				if _, err := w.Signin.RefreshTokens(w.ctx, f.app, f.refresh, nil); (err == nil) != f.alive {
					r.Fatalf("a refresh token that should be %v: %v", f.alive, err)
				}
			}
		})
		t.Logf("%d runs; accepted %d times, refused %d times, as the model says", run, alive, refused)
	})
}

func sampled[T any](m *model, list []T, label string) T {
	return rapid.SampledFrom(list).Draw(m.r, label)
}

func (m *model) must(err error) {
	if err != nil {
		m.r.Helper()
		m.r.Fatal(err)
	}
}

// end ends sessions and, with them, families.
func (m *model) end(which func(*modelSession) bool, offlineToo bool) {
	for _, x := range m.sessions {
		if !x.alive || !which(x) {
			continue
		}
		x.alive = false
		for _, f := range m.families {
			if f.session == x && (offlineToo || !f.offline) {
				f.alive = false
			}
		}
	}
}

func (m *model) endAll(u *modelUser, keep *modelSession) {
	m.end(func(x *modelSession) bool { return x.user == u && x != keep }, true)
	for _, f := range m.families {
		if f.user == u && (keep == nil || f.session != keep) {
			f.alive = false
		}
	}
}

func (m *model) familiesThat(hold func(*modelFamily) bool) (list []*modelFamily) {
	for _, f := range m.families {
		if hold(f) {
			list = append(list, f)
		}
	}
	return list
}

func (m *model) step() {
	ctx, admin, s := m.ctx, m.As(context.Background()), m.Signin
	u, app := sampled(m, m.users, "user"), sampled(m, m.apps, "app")
	var live []*modelSession
	for _, x := range m.sessions {
		if x.alive {
			live = append(live, x)
		}
	}
	verbs := []string{"sign in", "sign in", "sign in", "user token", "suspend or activate", "kick", "end all", "password by administrator", "call in"}
	if len(live) > 0 {
		verbs = append(verbs, "tokens", "tokens", "tokens", "tokens", "V2 token", "V2 token", "code", "code", "code", "sign out", "own password", "end all but one")
	}
	// Those with which something happens are few among all that there are.
	renewable, renewed := m.familiesThat(func(f *modelFamily) bool { return f.alive && f.refresh != "" }), m.familiesThat(func(f *modelFamily) bool { return f.alive && len(f.used) > 0 })
	if len(renewable) > 0 {
		verbs = append(verbs, "refresh", "refresh", "refresh", "refresh", "refresh")
	}
	if len(renewed) > 0 {
		verbs = append(verbs, "refresh again", "refresh again")
	}
	if len(m.families) > 0 {
		verbs = append(verbs, "refresh of any", "refresh again of any", "refresh elsewhere", "revoke", "revoke elsewhere", "end family", "sign out by token")
	}
	if len(m.codes) > 0 {
		verbs = append(verbs, "exchange", "exchange", "exchange")
	}
	var x *modelSession
	if len(live) > 0 {
		x = sampled(m, live, "session")
	}
	var f *modelFamily
	if len(m.families) > 0 {
		f = sampled(m, m.families, "family")
	}
	scope := []string{"openid"}
	offline := rapid.Bool().Draw(m.r, "offline")
	if offline {
		scope = append(scope, signin.ScopeOffline)
	}
	add := func(x *modelSession, u *modelUser, app *signin.Application, offline bool, set *signin.TokenSet) *modelFamily {
		n := &modelFamily{id: set.FamilyID, user: u, app: app, session: x, offline: offline, alive: true, access: []string{set.Access}, refresh: set.Refresh}
		m.families = append(m.families, n)
		return n
	}
	verb := sampled(m, verbs, "verb")
	switch verb {
	case "refresh":
		f = sampled(m, renewable, "renewable")
	case "refresh again":
		f = sampled(m, renewed, "renewed")
	}
	switch verb {
	case "sign in":
		b := rapid.IntRange(0, len(m.browsers)-1).Draw(m.r, "browser")
		out, err := s.SignIn(ctx, app, signin.Attempt{Method: signin.ByPassword, Account: u.Username, Password: u.password, Cookie: m.browsers[b]})
		if !u.open {
			if !errors.Is(err, signin.ErrUserBlocked) {
				m.r.Fatalf("a shut account: %v", err)
			}
			return
		}
		m.must(err)
		if out.Session == nil {
			m.r.Fatalf("a step: %+v", out.Step)
		}
		var had *modelSession
		for _, x := range m.sessions {
			if x.alive && x.cookie == m.browsers[b] {
				had = x
			}
		}
		m.browsers[b] = out.Cookie
		if had != nil && had.user == u {
			if out.Session.ID != had.id {
				m.r.Fatal("the browser's session is another one")
			}
			had.former, had.cookie, had.now = append(had.former, had.cookie), out.Cookie, out.Session
			return
		}
		m.end(func(x *modelSession) bool { return x == had }, false)
		m.sessions = append(m.sessions, &modelSession{id: out.Session.ID, user: u, app: app, cookie: out.Cookie, alive: true, now: out.Session})
	case "tokens":
		set, err := s.IssueTokens(ctx, signin.TokenOrder{App: app, User: x.user.User, Session: x.now, Scope: scope, Refresh: true})
		m.must(err)
		add(x, x.user, app, offline, set)
	case "V2 token":
		v2, err := s.V2Token(ctx, app, x.now, x.user.User)
		m.must(err)
		add(x, x.user, app, false, &signin.TokenSet{Access: v2.Text, FamilyID: familyOf(m, v2.Text)})
	case "user token":
		v2, err := s.UserToken(admin, m.Pool.ID, u.ID, app.ID)
		if !u.open {
			if !errors.Is(err, signin.ErrUserShut) {
				m.r.Fatalf("a shut account: %v", err)
			}
			return
		}
		m.must(err)
		add(nil, u, app, false, &signin.TokenSet{Access: v2.Text, FamilyID: familyOf(m, v2.Text)})
	case "code":
		text, err := s.IssueCode(ctx, app, x.user.User, x.now, &signin.AuthorizeRequest{RedirectURI: "https://app.example/cb"}, scope)
		m.must(err)
		m.codes = append(m.codes, &modelCode{text: text, session: x, app: app, offline: offline})
	case "exchange":
		c := sampled(m, m.codes, "code")
		set, err := s.RedeemCode(ctx, c.app, signin.CodeExchange{Kind: signin.FamilyOIDC, Code: c.text, RedirectURI: "https://app.example/cb"})
		switch {
		case c.family != nil:
			c.family.alive = false // it has come twice
			if !errors.Is(err, signin.ErrGrantRefused) {
				m.r.Fatalf("a used code: %v", err)
			}
		case !c.session.alive:
			if !errors.Is(err, signin.ErrGrantRefused) {
				m.r.Fatalf("a code of a session that is over: %v", err)
			}
		default:
			m.must(err)
			c.family = add(c.session, c.session.user, c.app, c.offline, set)
		}
	case "refresh", "refresh of any":
		if f.refresh == "" {
			return
		}
		set, err := s.RefreshTokens(ctx, f.app, f.refresh, nil)
		if (err == nil) != f.alive {
			m.r.Fatalf("a refresh in a family that is alive: %v: %v", f.alive, err)
		}
		if err == nil {
			f.used, f.refresh, f.access = append(f.used, f.refresh), set.Refresh, append(f.access, set.Access)
		}
	case "refresh again", "refresh again of any":
		if len(f.used) == 0 {
			return
		}
		if _, err := s.RefreshTokens(ctx, f.app, sampled(m, f.used, "used"), nil); err == nil {
			m.r.Fatal("a used refresh token is good")
		}
		f.alive = false
	case "refresh elsewhere":
		if f.refresh == "" || f.app == app {
			return
		}
		if _, err := s.RefreshTokens(ctx, app, f.refresh, nil); !errors.Is(err, signin.ErrTicketInvalid) {
			m.r.Fatalf("another application's refresh token: %v", err)
		}
	case "revoke":
		token := f.access[0]
		if f.refresh != "" && offline {
			token = f.refresh
		}
		m.must(s.RevokeToken(ctx, f.app, token))
		f.alive = false
	case "revoke elsewhere":
		if f.app != app {
			if err := s.RevokeToken(ctx, app, f.access[0]); f.alive != errors.Is(err, signin.ErrTokenInvalid) {
				m.r.Fatalf("another application's token: %v", err)
			}
		}
	case "end family":
		m.must(s.EndFamily(admin, m.Pool.ID, f.id))
		f.alive = false
	case "sign out by token":
		m.must(s.SignOut(ctx, f.access[len(f.access)-1]))
		if f.alive {
			f.alive = false
			m.end(func(x *modelSession) bool { return x == f.session }, false)
		}
	case "sign out":
		m.must(s.EndSession(ctx, m.Pool.ID, x.id))
		m.end(func(y *modelSession) bool { return y == x }, false)
	case "kick":
		m.must(s.EndAppSessions(admin, m.Pool.ID, u.ID, []string{app.ID}))
		m.end(func(x *modelSession) bool { return x.user == u && x.app == app }, true)
		for _, f := range m.families {
			if f.user == u && f.app == app {
				f.alive = false
			}
		}
	case "end all":
		m.must(s.EndSessions(admin, m.Pool.ID, u.ID, ""))
		m.endAll(u, nil)
	case "end all but one":
		m.must(s.EndSessions(ctx, m.Pool.ID, x.user.ID, x.id))
		m.endAll(x.user, x)
	case "suspend or activate":
		status, open := directory.Suspended, false
		if offline {
			status, open = directory.Activated, true
		}
		_, err := m.Directory.UpdateUser(admin, m.Pool.ID, directory.ByID(u.ID), directory.UserPatch{UserInput: directory.UserInput{Status: &status}})
		m.must(err)
		if u.open && !open {
			m.calledIn(u)
		}
		u.open = open
	case "password by administrator":
		u.password += "x"
		_, err := m.Directory.UpdateUser(admin, m.Pool.ID, directory.ByID(u.ID), directory.UserPatch{Password: &directory.PasswordInput{Text: u.password}})
		m.must(err)
		m.calledIn(u)
	case "call in":
		now := m.DB.Now()
		_, err := m.Directory.UpdateUser(admin, m.Pool.ID, directory.ByID(u.ID), directory.UserPatch{UserInput: directory.UserInput{TokenExpiredAt: &now}})
		m.must(err)
		m.calledIn(u)
	case "own password":
		_, err := s.UpdatePassword(ctx, app, x.user.ID, signin.PasswordChange{Old: x.user.password, New: x.user.password + "y", Keep: x.id})
		m.must(err)
		x.user.password += "y"
		m.endAll(x.user, x)
	}
}

// calledIn is what follows when an administrator calls everything of a user in.
func (m *model) calledIn(u *modelUser) {
	m.endAll(u, nil)
	time.Sleep(2 * time.Millisecond) // what is made in the same millisecond counts as before
}

func familyOf(m *model, token string) string {
	c, _, err := m.Signin.User(m.ctx, token)
	m.must(err)
	return c.FamilyID
}

// check holds everything that was ever given out against the model, and reports how much was accepted and refused.
func (m *model) check() (accepted, refused int) {
	note := func(what string, want bool, err error, refusals ...*fault.Error) {
		if (err == nil) != want {
			m.r.Fatalf("%s: alive is %v, the server says %v", what, want, err)
		}
		if err != nil {
			refused++
			if !slices.ContainsFunc(refusals, func(f *fault.Error) bool { return errors.Is(err, f) }) {
				m.r.Fatalf("%s: %v", what, err)
			}
			return
		}
		accepted++
	}
	for _, x := range m.sessions {
		got, u, err := m.Signin.SessionByCookie(m.ctx, m.Pool.ID, x.cookie)
		note("a session", x.alive, err, signin.ErrNoSession)
		if err == nil && (got.ID != x.id || u.ID != x.user.ID) {
			m.r.Fatal("the cookie leads to another session")
		}
		for _, cookie := range x.former {
			_, _, err := m.Signin.SessionByCookie(m.ctx, m.Pool.ID, cookie)
			note("a former cookie", false, err, signin.ErrNoSession)
		}
	}
	for _, f := range m.families {
		for _, token := range f.access {
			c, u, err := m.Signin.User(m.ctx, token)
			note("an access token", f.alive, err, signin.ErrTokenInvalid)
			if err == nil && (u.ID != f.user.ID || c.FamilyID != f.id) {
				m.r.Fatal("the token is another user's")
			}
			_, err = m.Signin.Inspect(m.ctx, token)
			note("an access token, inspected", f.alive, err, signin.ErrTokenInvalid)
		}
		if f.refresh != "" {
			_, err := m.Signin.Inspect(m.ctx, f.refresh)
			note("a refresh token", f.alive, err, signin.ErrTokenInvalid)
		}
		for _, token := range f.used {
			_, err := m.Signin.Inspect(m.ctx, token)
			note("a used refresh token", false, err, signin.ErrTokenInvalid)
		}
	}
	for _, u := range m.users {
		list, err := m.Signin.Sessions(m.ctx, m.Pool.ID, u.ID)
		m.must(err)
		families, err := m.Signin.Families(m.ctx, m.Pool.ID, u.ID)
		m.must(err)
		sessions, standing := 0, 0
		for _, x := range m.sessions {
			if x.user == u && x.alive {
				sessions++
			}
		}
		for _, f := range m.families {
			if f.user == u && f.alive {
				standing++
			}
		}
		if len(list) != sessions || len(families) != standing {
			m.r.Fatalf("%d sessions and %d families are listed, %d and %d are alive", len(list), len(families), sessions, standing)
		}
	}
	return accepted, refused
}
