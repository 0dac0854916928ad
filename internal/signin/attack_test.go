package signin_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Whoever asks about somebody who is not there makes the server do the same statements, and hears the same, as about somebody who is.
func TestNobodyIsToldWhoIsThere(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	o := db.Options{DSN: filepath.Join(t.TempDir(), "guildhall.db"), Trace: func(sql string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, strings.Join(strings.Fields(sql), " "))
	}}
	if _, _, err := db.Migrate(t.Context(), o.DSN); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	w := newPlace(t, d, nil)
	w.newUser(t, "bea")
	w.settings(t, func(s *signin.AppSettings) { s.LoginMethods = append(s.LoginMethods, signin.LoginPasskey) })

	wrong := "not the password"
	for name, ask := range map[string]func(ctx context.Context, who string) error{
		"a wrong password": func(ctx context.Context, who string) error {
			_, err := w.Signin.SignIn(ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: who, Password: wrong})
			return err
		},
		"a wrong password by address": func(ctx context.Context, who string) error {
			_, err := w.Signin.SignIn(ctx, w.app, signin.Attempt{Method: signin.ByPassword, Email: who + "@example.com", Password: wrong})
			return err
		},
		"a wrong code": func(ctx context.Context, who string) error {
			_, err := w.Signin.SignIn(ctx, w.app, signin.Attempt{Method: signin.ByPasscode, Email: who + "@example.com", Passcode: "000000"})
			return err
		},
		"checking a password": func(ctx context.Context, who string) error {
			_, err := w.Signin.CheckAccount(ctx, w.app, signin.Attempt{Username: who, Password: wrong})
			return err
		},
		"asking for a code": func(ctx context.Context, who string) error {
			return w.Signin.SendPasscode(ctx, w.app, signin.PurposeResetPassword, signin.Address{Email: who + "@example.com"})
		},
		"asking for a link": func(ctx context.Context, who string) error {
			return w.Signin.SendVerifyLink(ctx, w.app, who+"@example.com", false)
		},
		"a forgotten password": func(ctx context.Context, who string) error {
			_, _, _, err := w.Signin.StartReset(ctx, w.app, signin.Address{Email: who + "@example.com"}, "000000")
			return err
		},
		"a forgotten password at once": func(ctx context.Context, who string) error {
			_, err := w.Signin.ResetPasswordByCode(ctx, w.app, signin.Address{Email: who + "@example.com"}, "000000", "Another-one-1")
			return err
		},
		"unlocking": func(ctx context.Context, who string) error {
			return w.Signin.Unlock(ctx, w.app, signin.Address{Email: who + "@example.com"}, "000000")
		},
		"a passkey": func(ctx context.Context, who string) error {
			_, err := w.Signin.StartPasskeyLogin(ctx, w.app, who)
			return err
		},
	} {
		ask(w.ctx, "bea") // what is remembered is remembered for both
		count := func(who string) ([]string, string) {
			mu.Lock()
			seen = nil
			mu.Unlock()
			err := ask(w.ctx, who)
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(seen), code(err)
		}
		there, heard := count("ada")
		nobody, heardToo := count("nobody")
		if heard != heardToo || strings.HasPrefix(heard, "INTERNAL") {
			t.Errorf("%s: %q of who is there, %q of nobody", name, heard, heardToo)
		}
		if len(there) == 0 || !slices.Equal(there, nobody) {
			t.Errorf("%s: of who is there\n\t%s\nof nobody\n\t%s", name, strings.Join(there, "\n\t"), strings.Join(nobody, "\n\t"))
		}
	}
}

// The token that an address was exchanged for serves for its purpose, at its application, once.
func TestProofsOfAddresses(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		to := signin.Address{Email: "ada@example.com"}
		prove := func() string {
			if err := w.Signin.SendPasscode(w.ctx, w.app, signin.PurposeComplete, to); err != nil {
				t.Fatal(err)
			}
			token, _, err := w.Signin.ProveAddress(w.ctx, w.app, signin.PurposeComplete, to, w.Mail(t, "ada@example.com").Code)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		token := prove()
		other, err := w.Signin.CreateApplication(w.As(context.Background()), w.Pool.ID, signin.NewApplication{Name: "other"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := w.Signin.StartReset(w.ctx, w.app, to, token); code(err) != "ticket_invalid" {
			t.Errorf("it resets a password: %v", err)
		}
		if _, err := w.Signin.ResetPasswordByCode(w.ctx, w.app, to, token, "Another-one-1"); code(err) != "ticket_invalid" {
			t.Errorf("it resets a password: %v", err)
		}
		if _, _, err := w.Signin.ProveDeletion(w.ctx, w.app, w.user.ID, signin.DeletionProof{Address: to, Code: token}); code(err) != "ticket_invalid" {
			t.Errorf("it deletes an account: %v", err)
		}
		if _, err := w.Signin.UnbindAddress(w.ctx, w.app, w.user.ID, "email", &token); code(err) != "ticket_invalid" {
			t.Errorf("it takes an address away: %v", err)
		}
		register := func(app *signin.Application) error {
			email, name := "ada2@example.com", "ada2"
			_, err := w.Signin.Register(w.ctx, app, signin.Registration{Username: name, Password: "Another-one-1", Profile: directory.UserInput{Email: &email}, EmailProof: token})
			return err
		}
		if err := register(w.app); code(err) != "ticket_invalid" {
			t.Errorf("it proves another address: %v", err)
		}
		if err := register(other); code(err) != "ticket_invalid" {
			t.Errorf("it serves at another application: %v", err)
		}
	})
}

// Refresh tokens end with the right to enter their application.
func TestRefreshAsksWhoMayEnter(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		out := w.signIn(t, "ada", "")
		set, err := w.Signin.IssueTokens(w.ctx, signin.TokenOrder{App: w.app, User: out.User, Session: out.Session, Scope: []string{"openid", signin.ScopeOffline, "made:up"}, Refresh: true})
		if err != nil || set.Refresh == "" || slices.Contains(set.Scope, "made:up") {
			t.Fatalf("%+v %v", set, err)
		}
		if err := w.Access.SetAppStrategy(w.As(context.Background()), w.Pool.ID, w.AppID, access.DenyAll); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.RefreshTokens(w.ctx, w.app, set.Refresh, nil); code(err) != "login_app_forbidden" {
			t.Errorf("tokens for who may not enter: %v", err)
		}
		ctx := caller.With(w.ctx, &caller.Caller{Kind: caller.User, PoolID: w.Pool.ID, AppID: w.AppID, UserID: w.user.ID, SessionID: out.Session.ID})
		if _, err := w.Signin.UserToken(ctx, w.Pool.ID, w.user.ID, w.AppID); code(err) != "login_app_forbidden" {
			t.Errorf("a V2 token for who may not enter: %v", err)
		}
	})
}

// What other systems know a person by is not for people to make up: at registration neither, nor while they complete what an application asks.
func TestNobodyNamesThemselvesToOthers(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		name, boss := "mallory", "the-boss"
		register := func() error {
			_, err := w.Signin.Register(w.ctx, w.app, signin.Registration{Username: name, Password: "Another-one-1", Profile: directory.UserInput{ExternalID: &boss}})
			return err
		}
		w.settings(t, func(s *signin.AppSettings) { s.RegisterMethods = append(s.RegisterMethods, "USERNAME_PASSWORD") })
		if err := register(); code(err) != "field_not_writable" {
			t.Errorf("registered: %v", err)
		}
		w.settings(t, func(s *signin.AppSettings) { s.CompletionFields = []signin.AskedFor{{Name: "externalId"}} })
		if err := register(); err != nil {
			t.Errorf("the application asks for it: %v", err)
		}
	})
}
