package signin_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// may reports whether a name and a password open the door.
func (w *place) may(t *testing.T, name, password string) bool {
	t.Helper()
	_, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: name, Password: password})
	if err != nil && code(err) != "login_password_wrong" {
		t.Fatal(err)
	}
	return err == nil
}

// holds reports whether a token still opens something.
func (w *place) holds(t *testing.T, token string) bool {
	t.Helper()
	_, _, err := w.Signin.User(t.Context(), token)
	if err != nil && !errors.Is(err, signin.ErrTokenInvalid) {
		t.Fatal(err)
	}
	return err == nil
}

func TestForgottenPassword(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		ada := signin.Address{Email: "ada@example.com"}
		out := w.signIn(t, "ada", "")
		set := w.tokens(t, out.Session, "openid", "offline_access")
		other, err := w.Signin.UserToken(w.As(t.Context()), w.Pool.ID, w.user.ID, w.AppID)
		if err != nil {
			t.Fatal(err)
		}

		if _, _, _, err := w.Signin.StartReset(w.ctx, w.app, ada, "000000"); code(err) != "passcode_wrong" {
			t.Error(err)
		}
		good := w.code(t, signin.PurposeResetPassword, ada)
		token, u, life, err := w.Signin.StartReset(w.ctx, w.app, signin.Address{Email: "ADA@example.com"}, good)
		if err != nil || u.ID != w.user.ID || life != 15*60e9 {
			t.Fatal(u, life, err)
		}
		if _, _, _, err := w.Signin.StartReset(w.ctx, w.app, ada, good); code(err) != "passcode_expired" {
			t.Errorf("a code worked twice: %v", err)
		}
		for _, c := range []struct{ token, password, want string }{
			{token, "12345", "password_unsafe"}, {token, "", "password_missing"}, {token, strings.Repeat("x", 5000), "field_format"},
			{"", "new horse", "ticket_invalid"}, {token[:66] + "x", "new horse", "ticket_invalid"}, {good, "new horse", "ticket_invalid"},
			{token, "new horse", ""}, {token, "newer horse", "ticket_invalid"},
		} {
			if _, err := w.Signin.ResetPassword(w.ctx, w.app, c.token, c.password); code(err) != c.want {
				t.Errorf("%.10s %.10s: %v, want %q", c.token, c.password, err, c.want)
			}
		}
		if w.may(t, "ada", "correct horse") || w.may(t, "ada", "newer horse") || !w.may(t, "ada", "new horse") {
			t.Error("the password is not the new one")
		}
		if w.holds(t, set.Access) || w.holds(t, other.Text) {
			t.Error("a token outlives the password")
		}
		if _, err := w.Signin.RefreshTokens(w.ctx, w.app, set.Refresh, nil); err == nil {
			t.Error("a refresh token outlives the password")
		}
		if _, _, err := w.Signin.SessionByCookie(w.ctx, w.Pool.ID, out.Cookie); code(err) != "session_none" {
			t.Errorf("a session outlives the password: %v", err)
		}

		// In one call, by phone, for somebody whom wrong passwords have locked out.
		nobody := signin.Address{Phone: "13800000008"}
		if _, err := w.Signin.ResetPasswordByCode(w.ctx, w.app, nobody, w.code(t, signin.PurposeResetPassword, nobody), "newest horse"); code(err) != "user_not_found" {
			t.Error(err)
		}
		bob, err := w.Signin.Register(w.ctx, w.app, signin.Registration{Phone: "13800000007", Password: "123456"})
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			if _, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Phone: "13800000007", Password: "wrong"}); err == nil {
				t.Fatal("wrong password")
			}
		}
		to := signin.Address{Phone: "13800000007"}
		if _, err := w.Signin.ResetPasswordByCode(w.ctx, w.app, to, w.code(t, signin.PurposeResetPassword, to), "newest horse"); err != nil {
			t.Fatal(err)
		}
		if locked, err := w.Signin.Locked(t.Context(), w.Pool.ID, bob.ID); locked || err != nil {
			t.Error(locked, err)
		}
		// Another pool's application takes no token of this one.
		elsewhere := w.Hall.Pool(t, "elsewhere")
		foreign, err := w.Signin.Application(t.Context(), elsewhere.AppID)
		if err != nil {
			t.Fatal(err)
		}
		bind := signin.Address{Email: "bob@example.com"}
		if _, err := w.Signin.BindAddress(w.ctx, w.app, bob.ID, bind, w.code(t, signin.PurposeBindEmail, bind)); err != nil {
			t.Fatal(err)
		}
		token, _, _, err = w.Signin.StartReset(w.ctx, w.app, bind, w.code(t, signin.PurposeResetPassword, bind))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.ResetPassword(t.Context(), foreign, token, "newest horse"); code(err) != "ticket_invalid" {
			t.Error(err)
		}
		// A token dies with the address that it was asked for by.
		if _, err := w.Signin.UnbindAddress(w.ctx, w.app, bob.ID, "email", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.ResetPassword(w.ctx, w.app, token, "newest horse"); code(err) != "ticket_invalid" {
			t.Error(err)
		}
	})
}

// Of a hundred who use one token at once, over two servers where there can be two, one succeeds; so with codes and registrations.
func TestAccountRaces(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, nil)
		servers := []*signin.Signin{w.Signin, w.Signin}
		if !d.Local() {
			servers[1] = w.Again(t).Signin
		}
		race := func(name string, try func(s *signin.Signin) error, refusals ...string) {
			t.Helper()
			var won atomic.Int64
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() {
					err := try(servers[i%2])
					if err == nil {
						won.Add(1)
						return
					}
					for _, r := range refusals {
						if code(err) == r {
							return
						}
					}
					t.Errorf("%s: %v", name, err)
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				t.Errorf("%s: %d succeeded", name, won.Load())
			}
		}
		busy := []string{"password_busy", "database_busy"}

		to := signin.Address{Email: "ada@example.com"}
		token, _, _, err := w.Signin.StartReset(w.ctx, w.app, to, w.code(t, signin.PurposeResetPassword, to))
		if err != nil {
			t.Fatal(err)
		}
		race("reset token", func(s *signin.Signin) error {
			_, err := s.ResetPassword(w.ctx, w.app, token, "new horse")
			return err
		}, append(busy, "ticket_invalid", "ticket_used")...)

		text := w.code(t, signin.PurposeRegister, signin.Address{Email: "new@example.com"})
		race("registration by a code", func(s *signin.Signin) error {
			_, err := s.Register(w.ctx, w.app, signin.Registration{Email: "new@example.com", Passcode: text})
			return err
		}, append(busy, "user_exists", "passcode_expired")...)
		race("registration by a name", func(s *signin.Signin) error {
			_, err := s.Register(w.ctx, w.app, signin.Registration{Username: "unique", Password: "123456"})
			return err
		}, append(busy, "user_exists", "lookups_too_many")...) // so many from one address are bounded besides

		change := signin.AddressChange{New: signin.Address{Email: "ada2@example.com"}}
		change.NewCode, change.OldCode = w.code(t, signin.PurposeUpdateEmail, change.New), w.code(t, signin.PurposeUpdateEmail, to)
		proof, _, err := w.Signin.ProveUpdate(w.ctx, w.app, w.user.ID, change)
		if err != nil {
			t.Fatal(err)
		}
		race("token of an address", func(s *signin.Signin) error {
			_, err := s.UpdateProven(w.ctx, w.app, w.user.ID, "email", proof)
			return err
		}, append(busy, "ticket_invalid", "ticket_used")...)

		if _, err := w.Directory.UpdateUser(w.As(t.Context()), w.Pool.ID, directory.ByID(w.user.ID), directory.UserPatch{
			UserInput: directory.UserInput{ResetPasswordOnLogin: new(true)}}); err != nil {
			t.Fatal(err)
		}
		out, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: "ada", Password: "new horse"})
		if err != nil || out.Step == nil || out.Step.Kind != signin.StepFirstReset {
			t.Fatal(out, err)
		}
		race("first password", func(s *signin.Signin) error {
			f, err := s.Flow(w.ctx, out.Step.Handle)
			if err == nil {
				_, err = s.FirstPassword(w.ctx, f, "newest horse")
			}
			return err
		}, append(busy, "login_flow_gone")...)

		gone, _, err := w.Signin.ProveDeletion(w.ctx, w.app, w.user.ID, signin.DeletionProof{Password: "newest horse"})
		if err != nil {
			t.Fatal(err)
		}
		race("token of a deletion", func(s *signin.Signin) error { return s.DeleteAccount(w.ctx, w.app, w.user.ID, gone) },
			append(busy, "ticket_invalid", "ticket_used")...)
	})
}

func TestUpdatePassword(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		mine, elsewhere := w.signIn(t, "ada", ""), w.signIn(t, "ada", "")
		kept, lost := w.tokens(t, mine.Session, "openid"), w.tokens(t, elsewhere.Session, "openid")
		for _, c := range []struct {
			change signin.PasswordChange
			want   string
		}{
			{signin.PasswordChange{New: "new horse"}, "old_password_missing"},
			{signin.PasswordChange{Old: "wrong", New: "new horse"}, "old_password_wrong"},
			{signin.PasswordChange{Old: "correct horse", New: "12345"}, "password_unsafe"},
			{signin.PasswordChange{Old: "correct horse"}, "password_missing"},
			{signin.PasswordChange{Old: "correct horse", New: strings.Repeat("x", 2000)}, "field_format"},
			{signin.PasswordChange{ResetToken: "x", New: "new horse"}, "ticket_invalid"},
			{signin.PasswordChange{Old: "correct horse", New: "new horse", Keep: mine.Session.ID}, ""},
		} {
			if _, err := w.Signin.UpdatePassword(w.ctx, w.app, w.user.ID, c.change); code(err) != c.want {
				t.Errorf("%+v: %v, want %q", c.change, err, c.want)
			}
		}
		if w.may(t, "ada", "correct horse") || !w.may(t, "ada", "new horse") {
			t.Error("the password is not the new one")
		}
		if !w.holds(t, kept.Access) || w.holds(t, lost.Access) {
			t.Error("the wrong tokens ended")
		}
		if _, _, err := w.Signin.SessionByCookie(w.ctx, w.Pool.ID, elsewhere.Cookie); code(err) != "session_none" {
			t.Error(err)
		}
		if _, _, err := w.Signin.SessionByCookie(w.ctx, w.Pool.ID, mine.Cookie); err != nil {
			t.Error(err)
		}
		// Wrong old passwords are counted with wrong sign-ins.
		policy, err := w.Signin.Policy(t.Context(), w.app)
		if err != nil {
			t.Fatal(err)
		}
		if policy.Lock.Limit > 0 {
			var last error
			for range policy.Lock.Limit + 1 {
				_, last = w.Signin.UpdatePassword(w.ctx, w.app, w.user.ID, signin.PasswordChange{Old: "wrong", New: "newer horse"})
			}
			if c := code(last); c != "login_locked" && c != "captcha_needed" {
				t.Errorf("guessing goes on: %v", last)
			}
		}
		// Who has no password sets one.
		bob, err := w.Signin.Register(w.ctx, w.app, signin.Registration{Email: "bob@example.com", Auto: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.UpdatePassword(w.ctx, w.app, bob.ID, signin.PasswordChange{New: "first horse"}); err != nil {
			t.Error(err)
		}
		if !w.may(t, "bob@example.com", "first horse") {
			t.Error("the password was not set")
		}
	})
}

func TestFlowPasswords(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		if _, err := w.Directory.UpdateUser(w.As(t.Context()), w.Pool.ID, directory.ByID(w.user.ID), directory.UserPatch{
			UserInput: directory.UserInput{ResetPasswordOnLogin: new(true)}}); err != nil {
			t.Fatal(err)
		}
		begin := func(password string) *signin.Flow {
			t.Helper()
			out, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: "ada", Password: password})
			if err != nil || out.Step == nil {
				t.Fatal(out, err)
			}
			f, err := w.Signin.Flow(w.ctx, out.Step.Handle)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		f := begin("correct horse")
		if _, err := w.Signin.ForcedPassword(w.ctx, f, "correct horse", "new horse"); code(err) != "login_flow_gone" {
			t.Error(err)
		}
		if _, err := w.Signin.FirstPassword(w.ctx, f, "12345"); code(err) != "password_unsafe" {
			t.Error(err)
		}
		out, err := w.Signin.FirstPassword(w.ctx, f, "new horse")
		if err != nil || out.Session == nil {
			t.Fatal(out, err)
		}
		if _, _, err := w.Signin.SessionByCookie(w.ctx, w.Pool.ID, out.Cookie); err != nil {
			t.Errorf("the session of the new password does not hold: %v", err)
		}
		if _, err := w.Signin.FirstPassword(w.ctx, f, "other horse"); code(err) != "login_flow_gone" {
			t.Errorf("a flow was answered twice: %v", err)
		}

		var s directory.PoolSettings
		s.PasswordUpdatePolicy = &directory.PasswordAge{Enabled: new(true), ForcedCycle: new(int64(1)), DifferenceCycle: new(int64(1))}
		w.pool(t, s)
		w.age(t)
		f = begin("new horse")
		if f.Step != signin.StepForcedReset {
			t.Fatal(f.Step)
		}
		for _, c := range []struct{ old, new, want string }{
			{"", "newest horse", "old_password_missing"}, {"wrong", "newest horse", "old_password_wrong"}, {"new horse", "new horse", "password_unchanged"},
			{"new horse", "12345", "password_unsafe"}, {"new horse", "newest horse", ""},
		} {
			f, err := w.Signin.Flow(w.ctx, f.Handle)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Signin.ForcedPassword(w.ctx, f, c.old, c.new); code(err) != c.want {
				t.Errorf("%q %q: %v, want %q", c.old, c.new, err, c.want)
			}
		}
	})
}

// Where the pool wants it, a new password differs from the last ones, and no more of them are kept than that needs.
// Who has no password chooses one after signing in by a code, where the pool wants it.
func TestCompletePassword(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		to := signin.Address{Email: "bare@example.com"}
		if _, err := w.Directory.CreateUser(w.As(t.Context()), w.Pool.ID, directory.NewUser{UserInput: directory.UserInput{Email: &to.Email}}); err != nil {
			t.Fatal(err)
		}
		enter := func(direct bool) *signin.Outcome {
			t.Helper()
			if _, err := db.Exec(t.Context(), w.DB, "update passcodes set sent_at = 0"); err != nil {
				t.Fatal(err)
			}
			out, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPasscode, Email: to.Email, Passcode: w.code(t, signin.PurposeLogin, to), Direct: direct, Trusted: direct})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if out := enter(false); out.Session == nil {
			t.Fatalf("%+v", out.Step)
		}
		var s directory.PoolSettings
		s.CompletePassword = new(true)
		w.pool(t, s)
		if out := enter(true); out.Session == nil {
			t.Errorf("a door without steps asks for %+v", out.Step)
		}
		out := enter(false)
		if out.Step == nil || out.Step.Kind != signin.StepFirstReset {
			t.Fatalf("%+v", out)
		}
		f, err := w.Signin.Flow(w.ctx, out.Step.Handle)
		if err != nil {
			t.Fatal(err)
		}
		if out, err = w.Signin.FirstPassword(w.ctx, f, "mine at last"); err != nil || out.Session == nil {
			t.Fatal(out, err)
		}
		if !w.may(t, to.Email, "mine at last") {
			t.Error("the password opens nothing")
		}
		if out := enter(false); out.Session == nil {
			t.Errorf("asked again: %+v", out.Step)
		}
	})
}

func TestPasswordHistory(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		kept := func() int64 {
			n, err := db.One[int64](t.Context(), w.DB, "select count(*) from password_history where pool_id = ?", w.Pool.ID)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		change := func(old, new, want string) {
			t.Helper()
			if _, err := w.Signin.UpdatePassword(w.ctx, w.app, w.user.ID, signin.PasswordChange{Old: old, New: new}); code(err) != want {
				t.Errorf("%s to %s: %v, want %q", old, new, err, want)
			}
		}
		change("correct horse", "correct horse", "")
		if kept() != 0 {
			t.Error("a hash is kept that nobody asked for")
		}
		var s directory.PoolSettings
		s.PasswordUpdatePolicy = &directory.PasswordAge{Enabled: new(true), ForcedCycle: new(int64(90 * 86400)), DifferenceCycle: new(int64(3))}
		w.pool(t, s)
		change("correct horse", "correct horse", "password_unchanged")
		change("correct horse", "horse one", "")
		change("horse one", "horse two", "")
		change("horse two", "correct horse", "password_unchanged")
		change("horse two", "horse three", "")
		change("horse three", "horse one", "password_unchanged")
		change("horse three", "correct horse", "")
		if n := kept(); n != 2 {
			t.Errorf("%d hashes are kept", n)
		}
		if err := w.Directory.DeleteUsers(w.As(t.Context()), w.Pool.ID, []directory.UserRef{directory.ByID(w.user.ID)}); err != nil || kept() != 0 {
			t.Errorf("hashes outlive their user: %v", err)
		}
	})
}

// age makes passwords as old as can be.
func (w *place) age(t *testing.T) {
	t.Helper()
	if _, err := db.Exec(t.Context(), w.DB, "update users set password_set_at = 1 where pool_id = ?", w.Pool.ID); err != nil {
		t.Fatal(err)
	}
}

func TestAddresses(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		var s directory.PoolSettings
		s.ChangeEmail, s.ChangePhone = &directory.EmailChange{VerifyOldEmail: new(true)}, &directory.PhoneChange{VerifyOldPhone: new(false)}
		w.pool(t, s)
		w.newUser(t, "eve")
		id := w.user.ID
		email := func(a string) signin.Address { return signin.Address{Email: a} }
		phone := func(a string) signin.Address { return signin.Address{Phone: a} }
		ask := func(p signin.Purpose, to signin.Address) string { t.Helper(); return w.code(t, p, to) }
		next := ask(signin.PurposeUpdateEmail, email("next@example.com"))
		old := ask(signin.PurposeUpdateEmail, email("ada@example.com"))
		taken := ask(signin.PurposeUpdateEmail, email("eve@example.com"))
		for _, c := range []struct {
			name string
			do   func() (*directory.User, error)
			want string
		}{
			{"bind a second email", func() (*directory.User, error) {
				return w.Signin.BindAddress(w.ctx, w.app, id, email("x@example.com"), "000000")
			}, "email_bound"},
			{"bind a phone, wrong code", func() (*directory.User, error) {
				return w.Signin.BindAddress(w.ctx, w.app, id, phone("13800000001"), "000000")
			}, "passcode_wrong"},
			{"bind a phone", func() (*directory.User, error) {
				return w.Signin.BindAddress(w.ctx, w.app, id, phone("13800000001"), ask(signin.PurposeBindPhone, phone("13800000001")))
			}, ""},
			{"the same email", func() (*directory.User, error) {
				return w.Signin.UpdateAddress(w.ctx, w.app, id, signin.AddressChange{New: email("ADA@example.com"), NewCode: old})
			}, "email_unchanged"},
			{"the old email is not proven", func() (*directory.User, error) {
				return w.Signin.UpdateAddress(w.ctx, w.app, id, signin.AddressChange{New: email("next@example.com"), NewCode: next})
			}, "old_email_needed"},
			{"another's old email", func() (*directory.User, error) {
				return w.Signin.UpdateAddress(w.ctx, w.app, id, signin.AddressChange{New: email("next@example.com"), NewCode: next, Old: email("eve@example.com"), OldCode: taken})
			}, "old_email_mismatch"},
			{"wrong code of the old email", func() (*directory.User, error) {
				return w.Signin.UpdateAddress(w.ctx, w.app, id, signin.AddressChange{New: email("next@example.com"), NewCode: next, Old: email("ada@example.com"), OldCode: "000000"})
			}, "passcode_wrong"},
			{"another's email", func() (*directory.User, error) {
				return w.Signin.UpdateAddress(w.ctx, w.app, id, signin.AddressChange{New: email("eve@example.com"), NewCode: taken, Old: email("ada@example.com"), OldCode: old})
			}, "email_taken"},
			{"both proven", func() (*directory.User, error) {
				return w.Signin.UpdateAddress(w.ctx, w.app, id, signin.AddressChange{New: email("Next@example.com"), NewCode: next, OldCode: old})
			}, ""},
			{"another number, the old one not asked for", func() (*directory.User, error) {
				return w.Signin.UpdateAddress(w.ctx, w.app, id, signin.AddressChange{New: phone("13800000002"), NewCode: ask(signin.PurposeUpdatePhone, phone("13800000002"))})
			}, ""},
			{"nothing", func() (*directory.User, error) {
				return w.Signin.UpdateAddress(w.ctx, w.app, id, signin.AddressChange{})
			}, "address_missing"},
			{"a wrong code to unbind", func() (*directory.User, error) {
				return w.Signin.UnbindAddress(w.ctx, w.app, id, "email", new("000000"))
			}, "passcode_wrong"},
			{"unbind the email", func() (*directory.User, error) {
				return w.Signin.UnbindAddress(w.ctx, w.app, id, "email", new(ask(signin.PurposeUnbindEmail, email("next@example.com"))))
			}, ""},
			{"once more", func() (*directory.User, error) { return w.Signin.UnbindAddress(w.ctx, w.app, id, "email", nil) }, "email_not_bound"},
			{"no such thing", func() (*directory.User, error) { return w.Signin.UnbindAddress(w.ctx, w.app, id, "username", nil) }, "address_missing"},
		} {
			u, err := c.do()
			if code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if err == nil && (u.Email != "" && (u.Email != "next@example.com" || !u.EmailVerified) && c.name != "bind a phone" || u.Phone != "" && !u.PhoneVerified) {
				t.Errorf("%s: %+v", c.name, u)
			}
		}
		// What is left is all there is to sign in by.
		bob, err := w.Signin.Register(w.ctx, w.app, signin.Registration{Email: "only@example.com", Auto: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.UnbindAddress(w.ctx, w.app, bob.ID, "email", nil); code(err) != "last_way_in" {
			t.Error(err)
		}
		// A token is its user's, for its kind, and until the address changes.
		change := signin.AddressChange{New: phone("13800000003"), NewCode: ask(signin.PurposeUpdatePhone, phone("13800000003"))}
		token, _, err := w.Signin.ProveUpdate(w.ctx, w.app, id, change)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ id, kind, token, want string }{
			{bob.ID, "phone", token, "ticket_invalid"}, {id, "email", token, "ticket_invalid"}, {id, "phone", "x", "ticket_invalid"}, {id, "phone", token, ""}, {id, "phone", token, "ticket_invalid"},
		} {
			if _, err := w.Signin.UpdateProven(w.ctx, w.app, c.id, c.kind, c.token); code(err) != c.want {
				t.Errorf("%+v: %v", c, err)
			}
		}
		for _, event := range []string{"bindPhone", "updateUserEmail", "updateUserPhone", "unbindEmail"} {
			if _, n, err := w.Log.List(t.Context(), w.Pool.ID, audit.Filter{Events: []string{event}, UserIDs: []string{id}}); n == 0 || err != nil {
				t.Errorf("no record of %s: %v", event, err)
			}
		}
	})
}

func TestProfile(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		if _, err := w.Directory.SetFields(w.As(t.Context()), w.Pool.ID, []directory.FieldInput{
			{TargetType: directory.UserTarget, Key: "salary", DataType: directory.NumberData},
			{TargetType: directory.UserTarget, Key: "grade", DataType: directory.NumberData, UserVisible: new(true)},
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Directory.SetBaseFields(w.As(t.Context()), w.Pool.ID, []directory.FieldInput{{Key: "company", UserEditable: new(false)}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Directory.SetValues(w.As(t.Context()), w.Pool.ID, directory.UserTarget, w.user.ID,
			map[string]jsontext.Value{"salary": jsontext.Value(`1`), "grade": jsontext.Value(`2`)}); err != nil {
			t.Fatal(err)
		}
		proof, _, err := w.Signin.ProveAddress(w.ctx, w.app, signin.PurposeComplete, signin.Address{Email: "proven@example.com"},
			w.code(t, signin.PurposeComplete, signin.Address{Email: "proven@example.com"}))
		if err != nil {
			t.Fatal(err)
		}
		in := func(i directory.UserInput) signin.ProfilePatch { return signin.ProfilePatch{UserInput: i} }
		for _, c := range []struct {
			name string
			p    signin.ProfilePatch
			want string
		}{
			{"names", in(directory.UserInput{Nickname: new("A"), Gender: new("F"), Username: new("ada2")}), ""},
			{"what stays as it is", in(directory.UserInput{Email: new("ADA@example.com"), Status: new(directory.Activated), EmailVerified: new(false), Gender: new("F")}), ""},
			{"email", in(directory.UserInput{Email: new("x@example.com")}), "email_not_writable"},
			{"number", in(directory.UserInput{Phone: new("13800000001")}), "phone_not_writable"},
			{"country code", in(directory.UserInput{PhoneCountryCode: new("+1")}), "phone_not_writable"},
			{"verified", in(directory.UserInput{EmailVerified: new(true)}), ""},
			{"openid", in(directory.UserInput{OpenID: new("x")}), "field_not_writable"},
			{"state", in(directory.UserInput{Status: new(directory.Suspended)}), "field_not_writable"},
			{"tokens", in(directory.UserInput{TokenExpiredAt: new(int64(1))}), "field_not_writable"},
			{"a field that the pool has shut", in(directory.UserInput{Company: new("x")}), "field_not_writable"},
			{"a field that is shut by itself", in(directory.UserInput{ExternalID: new("x")}), "field_not_writable"},
			{"an address as a name", in(directory.UserInput{Username: new("eve@example.com")}), "field_format"},
			{"a long name", in(directory.UserInput{Nickname: new(strings.Repeat("x", 300))}), "field_format"},
			{"own value", signin.ProfilePatch{Custom: map[string]jsontext.Value{"school": jsontext.Value(`"MIT"`)}}, ""},
			{"value of another kind", signin.ProfilePatch{Custom: map[string]jsontext.Value{"age": jsontext.Value(`"x"`)}}, "field_type"},
			{"an administrator's value", signin.ProfilePatch{Custom: map[string]jsontext.Value{"salary": jsontext.Value(`9`)}}, "field_not_writable"},
			{"a value to be seen only", signin.ProfilePatch{Custom: map[string]jsontext.Value{"grade": jsontext.Value(`9`)}}, "field_not_writable"},
			{"another's proof", signin.ProfilePatch{UserInput: directory.UserInput{Email: new("other@example.com")}, EmailProof: proof}, "ticket_invalid"},
			{"email with a proof", signin.ProfilePatch{UserInput: directory.UserInput{Email: new("proven@example.com")}, EmailProof: proof}, ""},
			{"the proof again", signin.ProfilePatch{UserInput: directory.UserInput{Email: new("proven2@example.com")}, EmailProof: proof}, "ticket_invalid"},
		} {
			_, err := w.Signin.UpdateProfile(w.ctx, w.app, w.user.ID, c.p)
			if code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		u, err := w.Directory.User(t.Context(), w.Pool.ID, directory.ByID(w.user.ID))
		if err != nil || u.Email != "proven@example.com" || !u.EmailVerified || u.Username != "ada2" || u.Status != directory.Activated {
			t.Errorf("%+v %v", u, err)
		}
		values, err := w.Signin.OwnValues(t.Context(), w.Pool.ID, w.user.ID)
		if err != nil || len(values) != 2 || values[0].Key != "school" || values[1].Key != "grade" {
			t.Errorf("%v %v", values, err)
		}
	})
}

func TestDeleteAccount(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		out := w.signIn(t, "ada", "")
		set := w.tokens(t, out.Session, "openid")
		eve := w.newUser(t, "eve")
		to := signin.Address{Email: "ada@example.com"}
		text := w.code(t, signin.PurposeDelete, to)
		for _, c := range []struct {
			name string
			p    signin.DeletionProof
			want string
		}{
			{"nothing", signin.DeletionProof{}, "proof_missing"},
			{"wrong password", signin.DeletionProof{Password: "wrong"}, "old_password_wrong"},
			{"wrong code", signin.DeletionProof{Code: "000000"}, "passcode_wrong"},
			{"another's address", signin.DeletionProof{Address: signin.Address{Email: "eve@example.com"}, Code: text}, "passcode_wrong"},
			{"password", signin.DeletionProof{Password: "correct horse"}, ""},
		} {
			if _, _, err := w.Signin.ProveDeletion(w.ctx, w.app, w.user.ID, c.p); code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		token, _, err := w.Signin.ProveDeletion(w.ctx, w.app, w.user.ID, signin.DeletionProof{Code: text})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Signin.DeleteAccount(w.ctx, w.app, eve.ID, token); code(err) != "ticket_invalid" {
			t.Errorf("another's token: %v", err)
		}
		if err := w.Signin.DeleteAccount(w.ctx, w.app, w.user.ID, token); err != nil {
			t.Fatal(err)
		}
		if w.holds(t, set.Access) || w.may(t, "ada", "correct horse") {
			t.Error("who has left still gets in")
		}
		if _, err := w.Directory.User(t.Context(), w.Pool.ID, directory.ByID(w.user.ID)); code(err) != "user_not_found" {
			t.Error(err)
		}
		records, n, err := w.Log.List(t.Context(), w.Pool.ID, audit.Filter{Events: []string{"deleteAccount"}})
		if err != nil || n != 1 || records[0].UserID != w.user.ID {
			t.Errorf("%d %v %v", n, records, err)
		}
	})
}

func TestOwnViews(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		i, err := w.Signin.SecurityInfo(t.Context(), w.Pool.ID, w.user.ID)
		if err != nil || !i.PasswordSet || !i.EmailBound || i.PhoneBound || i.MFAEnabled || i.Score != 10*i.PasswordLevel+20 {
			t.Errorf("%+v %v", i, err)
		}
		w.may(t, "ada", "wrong")
		out := w.signIn(t, "ada", "")
		w.tokens(t, out.Session, "openid")
		list, total, err := w.Signin.LoginHistory(t.Context(), w.Pool.ID, w.user.ID, signin.LoginFilter{}, directory.Page{Page: 1, Limit: 10})
		if err != nil || total != 2 || !list[0].Success || list[0].Method != "pwd" || list[0].AppName == "" || list[1].Success {
			t.Errorf("%+v %d %v", list, total, err)
		}
		through := true
		for _, c := range []struct {
			f    signin.LoginFilter
			want int64
		}{{signin.LoginFilter{Success: &through}, 1}, {signin.LoginFilter{AppID: "x"}, 0}, {signin.LoginFilter{ClientIP: "192.0.2.7", AppID: w.AppID, Success: &through}, 1}, {signin.LoginFilter{End: 1}, 0}} {
			if _, n, err := w.Signin.LoginHistory(t.Context(), w.Pool.ID, w.user.ID, c.f, directory.Page{Page: 1, Limit: 10}); n != c.want || err != nil {
				t.Errorf("%+v: %d %v", c.f, n, err)
			}
		}
		apps, err := w.Signin.LoggedInApplications(t.Context(), w.Pool.ID, w.user.ID)
		if err != nil || len(apps) != 1 || apps[0].ID != w.AppID || !apps[0].Active {
			t.Errorf("%v %v", apps, err)
		}
		if on, err := w.Signin.LoggedIn(t.Context(), w.Pool.ID, w.user.ID, w.AppID); !on || err != nil {
			t.Error(on, err)
		}
		open, n, err := w.Signin.AccessibleApplications(t.Context(), w.Pool.ID, w.user.ID, directory.Page{Page: 1, Limit: 10})
		if err != nil || n != 1 || len(open) != 1 || !open[0].Active {
			t.Errorf("%v %d %v", open, n, err)
		}
		eve := w.newUser(t, "eve")
		if err := w.Signin.EndOwnSession(w.ctx, w.Pool.ID, eve.ID, out.Session.ID); code(err) != "session_none" {
			t.Errorf("another's session was ended: %v", err)
		}
		if err := w.Signin.EndOwnSession(w.ctx, w.Pool.ID, w.user.ID, out.Session.ID); err != nil {
			t.Error(err)
		}
		if on, err := w.Signin.LoggedIn(t.Context(), w.Pool.ID, w.user.ID, w.AppID); on || err != nil {
			t.Error(on, err)
		}
		for _, c := range []struct {
			a    signin.Attempt
			want bool
		}{
			{signin.Attempt{Email: "ADA@example.com", Password: "correct horse"}, true}, {signin.Attempt{Username: "ada", Password: "wrong"}, false},
			{signin.Attempt{Username: "nobody", Password: "correct horse"}, false}, {signin.Attempt{Username: "ada", Password: strings.Repeat("x", 5000)}, false},
		} {
			if ok, err := w.Signin.CheckAccount(w.ctx, w.app, c.a); ok != c.want || err != nil {
				t.Errorf("%.30v: %v %v", c.a, ok, err)
			}
		}
	})
}
