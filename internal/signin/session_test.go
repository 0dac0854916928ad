package signin_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// place is a pool with an application and a user whose password is "correct horse".
type place struct {
	*testhall.Hall
	testhall.Pool
	ctx  context.Context // of a browser, nobody signed in
	app  *signin.Application
	user *directory.User
}

func newPlace(t *testing.T, d *db.DB, change func(*signin.AppSettings)) *place {
	t.Helper()
	h := testhall.New(t, d)
	w := &place{Hall: h, Pool: h.Pool(t, "one")}
	w.ctx = caller.With(context.Background(), &caller.Caller{PoolID: w.Pool.ID, AppID: w.AppID, ClientIP: "192.0.2.7", UserAgent: "test", RequestID: "test"})
	app, err := h.Signin.Application(w.ctx, w.AppID)
	if err != nil {
		t.Fatal(err)
	}
	mine := *app
	if change != nil {
		change(&mine.Settings)
	}
	w.app = &mine
	w.user = w.newUser(t, "ada")
	return w
}

func (w *place) newUser(t *testing.T, name string) *directory.User {
	t.Helper()
	u, err := w.Directory.CreateUser(w.As(context.Background()), w.Pool.ID, directory.NewUser{
		UserInput: directory.UserInput{Username: &name, Email: new(name + "@example.com")},
		Password:  &directory.PasswordInput{Text: "correct horse"}})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (w *place) signIn(t *testing.T, name, cookie string) *signin.Outcome {
	t.Helper()
	out, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: name, Password: "correct horse", Cookie: cookie})
	if err != nil {
		t.Fatal(err)
	}
	if out.Session == nil {
		t.Fatalf("no session but the step %v", out.Step)
	}
	return out
}

func (w *place) tokens(t *testing.T, x *signin.Session, scope ...string) *signin.TokenSet {
	t.Helper()
	set, err := w.Signin.IssueTokens(w.ctx, signin.TokenOrder{App: w.app, User: w.user, Session: x, Scope: scope, Refresh: true})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// What ends sessions and tokens, and what does not.
func TestEndings(t *testing.T) {
	suspended, activated := directory.Suspended, directory.Activated
	type state struct{ session, token, offline bool }
	tests := []struct {
		name string
		do   func(ctx context.Context, w *place, out *signin.Outcome) error
		want state
	}{
		{"nothing", func(context.Context, *place, *signin.Outcome) error { return nil }, state{true, true, true}},
		{"signing out", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.Signin.EndSession(ctx, w.Pool.ID, out.Session.ID)
		}, state{false, false, true}},
		{"another session ends", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.Signin.EndSession(ctx, w.Pool.ID, "000000000000000000000000")
		}, state{true, true, true}},
		{"all sessions but this one", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.Signin.EndSessions(ctx, w.Pool.ID, w.user.ID, out.Session.ID)
		}, state{true, true, true}},
		{"all sessions", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.Signin.EndSessions(ctx, w.Pool.ID, w.user.ID, "")
		}, state{}},
		{"kicked out of the application", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.Signin.EndAppSessions(ctx, w.Pool.ID, w.user.ID, []string{w.AppID})
		}, state{}},
		{"kicked out of another application", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.Signin.EndAppSessions(ctx, w.Pool.ID, w.user.ID, []string{"000000000000000000000000"})
		}, state{true, true, true}},
		{"another pool's administrator", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.Signin.EndSession(ctx, "000000000000000000000000", out.Session.ID)
		}, state{true, true, true}},
		{"suspended", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.change(ctx, directory.UserPatch{UserInput: directory.UserInput{Status: &suspended}})
		}, state{}},
		{"suspended and let in again", func(ctx context.Context, w *place, out *signin.Outcome) error {
			if err := w.change(ctx, directory.UserPatch{UserInput: directory.UserInput{Status: &suspended}}); err != nil {
				return err
			}
			return w.change(ctx, directory.UserPatch{UserInput: directory.UserInput{Status: &activated}})
		}, state{}},
		{"resigned", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.Directory.Resign(ctx, w.Pool.ID, []directory.UserRef{directory.ByID(w.user.ID)})
		}, state{}},
		{"deleted", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.Directory.DeleteUsers(ctx, w.Pool.ID, []directory.UserRef{directory.ByID(w.user.ID)})
		}, state{}},
		{"password set by an administrator", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.change(ctx, directory.UserPatch{Password: &directory.PasswordInput{Text: "another horse"}})
		}, state{}},
		{"renamed", func(ctx context.Context, w *place, out *signin.Outcome) error {
			return w.change(ctx, directory.UserPatch{UserInput: directory.UserInput{Name: new("Ada")}})
		}, state{true, true, true}},
		{"the same user in the same browser again", func(ctx context.Context, w *place, out *signin.Outcome) error {
			again, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: "ada", Password: "correct horse", Cookie: out.Cookie})
			if err == nil && again.Session.ID != out.Session.ID {
				err = errors.New("the session is another")
			}
			return err
		}, state{false, true, true}}, // its cookie is a new one
		{"another user in the same browser", func(ctx context.Context, w *place, out *signin.Outcome) error {
			_, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: "eve", Password: "correct horse", Cookie: out.Cookie})
			return err
		}, state{false, false, true}},
	}
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				w := newPlace(t, d, nil)
				w.newUser(t, "eve")
				out := w.signIn(t, "ada", "")
				set := w.tokens(t, out.Session, "openid")
				offline := w.tokens(t, out.Session, "openid", signin.ScopeOffline)
				v2, err := w.Signin.V2Token(w.ctx, w.app, out.Session, w.user)
				if err != nil {
					t.Fatal(err)
				}
				if err := test.do(w.As(context.Background()), w, out); err != nil {
					t.Fatal(err)
				}
				_, _, err = w.Signin.SessionByCookie(w.ctx, w.Pool.ID, out.Cookie)
				if got := err == nil; got != test.want.session || !got && !errors.Is(err, signin.ErrNoSession) {
					t.Errorf("session: %v", err)
				}
				for _, token := range []struct {
					name, text string
					want       bool
				}{{"access", set.Access, test.want.token}, {"V2", v2.Text, test.want.token}, {"offline access", offline.Access, test.want.offline}} {
					_, _, err := w.Signin.User(w.ctx, token.text)
					if got := err == nil; got != token.want || !got && !errors.Is(err, signin.ErrTokenInvalid) {
						t.Errorf("%s token: %v", token.name, err)
					}
				}
				_, err = w.Signin.RefreshTokens(w.ctx, w.app, offline.Refresh, nil)
				if got := err == nil; got != test.want.offline || !got && !errors.Is(err, signin.ErrTicketInvalid) {
					t.Errorf("refresh token: %v", err)
				}
			})
		}
	})
}

func (w *place) change(ctx context.Context, p directory.UserPatch) error {
	_, err := w.Directory.UpdateUser(ctx, w.Pool.ID, directory.ByID(w.user.ID), p)
	return err
}

// A refresh token is good once; a second use ends all of its family, and a stranger's use nothing.
func TestRefresh(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, nil)
		other, err := w.Signin.CreateApplication(w.As(context.Background()), w.Pool.ID, signin.NewApplication{Name: "other"})
		if err != nil {
			t.Fatal(err)
		}
		out := w.signIn(t, "ada", "")
		first := w.tokens(t, out.Session, "openid", "profile", signin.ScopeOffline)
		if _, err := w.Signin.RefreshTokens(w.ctx, other, first.Refresh, nil); !errors.Is(err, signin.ErrTicketInvalid) {
			t.Errorf("another application's: %v", err)
		}
		if _, err := w.Signin.RefreshTokens(w.ctx, w.app, first.Refresh, []string{"openid", "email"}); !errors.Is(err, signin.ErrScopeWider) {
			t.Errorf("more than was granted: %v", err)
		}
		second, err := w.Signin.RefreshTokens(w.ctx, w.app, first.Refresh, []string{"openid"})
		if err != nil {
			t.Fatal(err)
		}
		if second.Refresh == first.Refresh || second.ID == "" || len(second.Scope) != 1 {
			t.Errorf("refreshed: %+v", second)
		}
		if i, err := w.Signin.Inspect(w.ctx, second.Refresh); err != nil || !i.Refresh || i.Claims.Scope != "openid profile offline_access" {
			t.Errorf("the refresh token keeps the whole scope: %+v, %v", i, err)
		}
		if _, err := w.Signin.Inspect(w.ctx, first.Refresh); !errors.Is(err, signin.ErrTokenInvalid) {
			t.Errorf("the used one: %v", err)
		}
		if _, err := w.Signin.RefreshTokens(w.ctx, w.app, first.Refresh, nil); !errors.Is(err, signin.ErrTicketUsed) {
			t.Errorf("again: %v", err)
		}
		for name, token := range map[string]string{"first access": first.Access, "second access": second.Access, "second refresh": second.Refresh} {
			if _, err := w.Signin.Inspect(w.ctx, token); !errors.Is(err, signin.ErrTokenInvalid) {
				t.Errorf("%s after the first was used twice: %v", name, err)
			}
		}
	})
}

// Tokens called in are good for nothing, and others can call in nothing.
func TestRevoke(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, nil)
		other, err := w.Signin.CreateApplication(w.As(context.Background()), w.Pool.ID, signin.NewApplication{Name: "other"})
		if err != nil {
			t.Fatal(err)
		}
		out := w.signIn(t, "ada", "")
		program, err := w.Signin.MachineToken(w.ctx, w.app, w.AppID, []string{"books:read"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Signin.User(w.ctx, program.Access); !errors.Is(err, signin.ErrTokenInvalid) {
			t.Errorf("a program is nobody: %v", err)
		}
		set := w.tokens(t, out.Session, "openid", signin.ScopeOffline)
		if _, _, err := w.Signin.User(w.ctx, set.ID); !errors.Is(err, signin.ErrTokenInvalid) {
			t.Errorf("an id token opens nothing: %v", err)
		}
		for name, token := range map[string]string{"program": program.Access, "access": set.Access, "refresh": w.tokens(t, out.Session, "openid", signin.ScopeOffline).Refresh} {
			if _, err := w.Signin.Inspect(w.ctx, token); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := w.Signin.RevokeToken(w.ctx, other, token); !errors.Is(err, signin.ErrTokenInvalid) {
				t.Errorf("%s, by another application: %v", name, err)
			}
			if _, err := w.Signin.Inspect(w.ctx, token); err != nil {
				t.Errorf("%s, after another tried: %v", name, err)
			}
			for range 2 {
				if err := w.Signin.RevokeToken(w.ctx, w.app, token); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := w.Signin.Inspect(w.ctx, token); !errors.Is(err, signin.ErrTokenInvalid) {
				t.Errorf("%s, called in: %v", name, err)
			}
		}
		if _, err := w.Signin.RefreshTokens(w.ctx, w.app, set.Refresh, nil); !errors.Is(err, signin.ErrTicketInvalid) {
			t.Errorf("the refresh token of a family called in: %v", err)
		}
	})
}

// Of a thousand who use one refresh token at once, over two servers where the engine has room for two, one succeeds; and since the others
// came with a used one, what the one got is worth nothing afterwards.
func TestRefreshOnce(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, nil)
		servers := []*signin.Signin{w.Signin, w.Signin}
		if !d.Local() {
			servers[1] = w.Again(t).Signin
		}
		set := w.tokens(t, w.signIn(t, "ada", "").Session, "openid", signin.ScopeOffline)
		var won, lost atomic.Int64
		var got atomic.Pointer[signin.TokenSet]
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for range 20 {
					switch next, err := servers[i%2].RefreshTokens(w.ctx, w.app, set.Refresh, nil); {
					case err == nil:
						won.Add(1)
						got.Store(next)
					case errors.Is(err, signin.ErrTicketUsed):
						lost.Add(1)
					default:
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 999 {
			t.Fatalf("%d succeeded and %d were too late", won.Load(), lost.Load())
		}
		if _, err := w.Signin.Inspect(w.ctx, got.Load().Access); !errors.Is(err, signin.ErrTokenInvalid) {
			t.Errorf("the tokens of a family whose refresh token was used twice: %v", err)
		}
	})
}

// What an account must be for its user to get in, and what strangers learn.
func TestSignIn(t *testing.T) {
	suspended, resigned := directory.Suspended, directory.Resigned
	type patch = directory.UserPatch
	tests := []struct {
		name    string
		patch   patch
		app     func(*signin.AppSettings)
		attempt signin.Attempt
		want    error // nil: a session, unless step says otherwise
		step    signin.StepKind
	}{
		{name: "by any name", attempt: signin.Attempt{Account: "ada", Password: "correct horse"}},
		{name: "by e-mail as any name", attempt: signin.Attempt{Account: "ADA@example.com", Password: "correct horse"}},
		{name: "by username", attempt: signin.Attempt{Username: "ada", Password: "correct horse"}},
		{name: "by e-mail", attempt: signin.Attempt{Email: "ada@example.com", Password: "correct horse"}},
		{name: "the e-mail is no username", attempt: signin.Attempt{Username: "ada@example.com", Password: "correct horse"}, want: signin.ErrPasswordWrong},
		{name: "wrong password", attempt: signin.Attempt{Account: "ada", Password: "wrong"}, want: signin.ErrPasswordWrong},
		{name: "no password", attempt: signin.Attempt{Account: "ada"}, want: signin.ErrPasswordWrong},
		{name: "nobody", attempt: signin.Attempt{Account: "nobody", Password: "correct horse"}, want: signin.ErrPasswordWrong},
		{name: "no name", attempt: signin.Attempt{Password: "correct horse"}, want: fault.Field("account")},
		{name: "suspended", patch: patch{UserInput: directory.UserInput{Status: &suspended}},
			attempt: signin.Attempt{Account: "ada", Password: "correct horse"}, want: signin.ErrUserBlocked},
		{name: "suspended, but the password is wrong", patch: patch{UserInput: directory.UserInput{Status: &suspended}},
			attempt: signin.Attempt{Account: "ada", Password: "wrong"}, want: signin.ErrPasswordWrong},
		{name: "resigned", patch: patch{UserInput: directory.UserInput{Status: &resigned}},
			attempt: signin.Attempt{Account: "ada", Password: "correct horse"}, want: signin.ErrUserShut},
		{name: "a way that the application does not offer", app: func(s *signin.AppSettings) { s.LoginMethods = []string{signin.LoginEmailCode} },
			attempt: signin.Attempt{Account: "ada", Password: "correct horse"}, want: signin.ErrMethodOff},
		{name: "only by e-mail, asked by any name", app: func(s *signin.AppSettings) { s.LoginMethods = []string{signin.LoginEmailPassword} },
			attempt: signin.Attempt{Account: "ada", Password: "correct horse"}, want: signin.ErrPasswordWrong},
		{name: "a password to be changed first", patch: patch{UserInput: directory.UserInput{ResetPasswordOnLogin: new(true)}},
			attempt: signin.Attempt{Account: "ada", Password: "correct horse"}, step: signin.StepFirstReset},
		{name: "a password to be changed, at a door without steps", patch: patch{UserInput: directory.UserInput{ResetPasswordOnLogin: new(true)}},
			attempt: signin.Attempt{Account: "ada", Password: "correct horse", Direct: true}},
		{name: "a second factor", app: func(s *signin.AppSettings) { s.Factors = &[]string{"OTP"} },
			attempt: signin.Attempt{Account: "ada", Password: "correct horse"}, step: signin.StepMFA},
		{name: "a second factor, at a door without steps", app: func(s *signin.AppSettings) { s.Factors = &[]string{"OTP"} },
			attempt: signin.Attempt{Account: "ada", Password: "correct horse", Direct: true}, step: signin.StepMFA},
		{name: "a second factor, at a door without steps, for an application that has shown its secret", app: func(s *signin.AppSettings) { s.Factors = &[]string{"OTP"} },
			attempt: signin.Attempt{Account: "ada", Password: "correct horse", Direct: true, Trusted: true}},
		{name: "fields to be completed", app: func(s *signin.AppSettings) {
			s.CompletionAt, s.CompletionFields = []string{signin.AtLogin}, []signin.AskedFor{{Name: "company", Required: true}, {Name: "username"}}
		}, attempt: signin.Attempt{Account: "ada", Password: "correct horse"}, step: signin.StepComplete},
	}
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				w := newPlace(t, d, test.app)
				if err := w.change(w.As(context.Background()), test.patch); err != nil {
					t.Fatal(err)
				}
				test.attempt.Method = signin.ByPassword
				out, err := w.Signin.SignIn(w.ctx, w.app, test.attempt)
				switch {
				case test.want != nil:
					if !errors.Is(err, test.want) {
						t.Fatalf("%v, want %v", err, test.want)
					}
				case err != nil:
					t.Fatal(err)
				case test.step != "":
					if out.Session != nil || out.Step == nil || out.Step.Kind != test.step || out.Step.Handle == "" {
						t.Fatalf("%+v", out)
					}
					if f, err := w.Signin.Flow(w.ctx, out.Step.Handle); err != nil || f.User.ID != w.user.ID || f.Step != test.step {
						t.Errorf("flow %+v, %v", f, err)
					}
				default:
					if out.Step != nil || out.Session == nil {
						t.Fatalf("%+v", out)
					}
					u, err := w.Directory.User(w.ctx, w.Pool.ID, directory.ByID(w.user.ID))
					if err != nil || u.LoginsCount != 1 || u.LastLoginIP != "192.0.2.7" || u.LastLoginApp != w.AppID || u.LastLoginAt == 0 {
						t.Errorf("%+v, %v", u, err)
					}
				}
			})
		}
	})
}

// Of all who go on with a pending sign-in at once one comes through, and five wrong tries end it.
func TestFlow(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, func(s *signin.AppSettings) { s.Factors = &[]string{"OTP"} })
		begin := func() *signin.Flow {
			out, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: "ada", Password: "correct horse"})
			if err != nil {
				t.Fatal(err)
			}
			f, err := w.Signin.Flow(w.ctx, out.Step.Handle)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		f := begin()
		if _, err := w.Signin.Advance(w.ctx, f, signin.StepComplete, ""); !errors.Is(err, signin.ErrFlowGone) {
			t.Errorf("a step that it does not wait for: %v", err)
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				mine, err := w.Signin.Flow(w.ctx, f.Handle)
				if err != nil {
					return // it is over already
				}
				switch out, err := w.Signin.Advance(w.ctx, mine, signin.StepMFA, signin.AMROTP); {
				case err == nil && out.Session != nil:
					won.Add(1)
				case !errors.Is(err, signin.ErrFlowGone):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d came through", won.Load())
		}
		f = begin()
		var tried atomic.Int64
		for range 30 {
			wg.Go(func() {
				mine, err := w.Signin.Flow(w.ctx, f.Handle)
				if err == nil && w.Signin.FlowTry(w.ctx, mine) == nil {
					tried.Add(1)
				}
			})
		}
		wg.Wait()
		if tried.Load() != 5 {
			t.Errorf("%d tries were let through", tried.Load())
		}
		if _, err := w.Signin.Flow(w.ctx, f.Handle); !errors.Is(err, signin.ErrFlowGone) {
			t.Errorf("after five tries: %v", err)
		}
	})
}

// What was issued to an application is good for nothing while the application is switched off.
func TestApplicationOff(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		other, err := w.Signin.CreateApplication(w.As(t.Context()), w.Pool.ID, signin.NewApplication{Name: "Other", Settings: signin.AppSettings{RedirectURIs: []string{"https://other.example.com"}}})
		if err != nil {
			t.Fatal(err)
		}
		w.app = other
		out := w.signIn(t, "ada", "")
		set := w.tokens(t, out.Session, "openid", signin.ScopeOffline)
		v2, err := w.Signin.V2Token(w.ctx, w.app, out.Session, w.user)
		if err != nil {
			t.Fatal(err)
		}
		machine, err := w.Signin.MachineToken(w.ctx, w.app, w.app.ID, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		tokens := map[string]string{"access": set.Access, "refresh": set.Refresh, "V2": v2.Text, "machine": machine.Access}
		check := func(want string) {
			t.Helper()
			for name, token := range tokens {
				if _, err := w.Signin.Inspect(w.ctx, token); code(err) != want {
					t.Errorf("%s: %v, want %q", name, err, want)
				}
			}
		}
		check("")
		for _, on := range []bool{false, true} {
			if _, err := w.Signin.UpdateApplication(w.As(t.Context()), w.Pool.ID, w.app.ID, signin.ApplicationPatch{Enabled: &on}); err != nil {
				t.Fatal(err)
			}
			if want := map[bool]string{false: "token_invalid", true: ""}[on]; true {
				check(want)
			}
		}
	})
}

// Wrong codes count as wrong passwords do, on one counter, and each is recorded: of somebody and of nobody.
func TestWrongCodesCount(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, nil)
		for _, email := range []string{"ada@example.com", "nobody@example.com"} {
			to := signin.Address{Email: email}
			wrong := "000000"
			if w.code(t, signin.PurposeLogin, to) == wrong {
				wrong = "000001"
			}
			for i := range 5 {
				_, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPasscode, Email: email, Passcode: wrong})
				if !errors.Is(err, signin.ErrPasscodeWrong) {
					t.Errorf("%s, try %d: %v", email, i+1, err)
				}
			}
			_, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Email: email, Password: "correct horse"})
			if !errors.Is(err, signin.ErrCaptchaNeeded) {
				t.Errorf("%s, by password after five wrong codes: %v", email, err)
			}
		}
		failed := false
		records, n, err := w.Log.List(w.ctx, w.Pool.ID, audit.Filter{Events: []string{"login"}, Success: &failed, Page: 1, Limit: 50})
		if err != nil || n != 10 {
			t.Fatalf("%d records, %v", n, err)
		}
		known := 0
		for _, r := range records {
			if r.UserID == w.user.ID {
				known++
			}
		}
		if known != 5 {
			t.Errorf("%d records of the user", known)
		}
	})
}
