package signin_test

import (
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Who is told of an account and of a password that an administrator has set, and of what.
func TestNotices(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		told := func(to string, kind notify.Kind, words ...string) {
			t.Helper()
			m := w.Mail(t, to)
			if m.Kind != kind {
				t.Errorf("%s was sent %s", to, m.Kind)
			}
			for _, word := range words {
				if !strings.Contains(m.Text, word) {
					t.Errorf("%s is told %q without %q", to, m.Text, word)
				}
			}
		}
		ctx := w.As(t.Context())
		in := func(email, phone, password string) directory.NewUser {
			n := directory.NewUser{UserInput: directory.UserInput{Email: &email, Phone: &phone}}
			if password != "" {
				n.Password = &directory.PasswordInput{Text: password}
			} else {
				n.Password = &directory.PasswordInput{Generate: true}
			}
			return n
		}
		if _, err := w.Signin.CreateUsers(ctx, w.Pool.ID, []directory.NewUser{in("quiet@example.com", "13800000001", "Secret-1")}, signin.Notice{AppID: w.AppID}); err != nil {
			t.Fatal(err)
		}
		made, err := w.Signin.CreateUsers(ctx, w.Pool.ID, []directory.NewUser{in("bob@example.com", "13800000002", "Secret-2"), in("cy@example.com", "13800000003", "")},
			signin.Notice{Mail: true, Text: true, AppID: w.AppID})
		if err != nil {
			t.Fatal(err)
		}
		told("bob@example.com", notify.FirstCreatedUser, "Secret-2", w.app.Name)
		told("+8613800000002", notify.FirstCreatedUser, "Secret-2")
		told("cy@example.com", notify.FirstCreatedUser)
		if !w.may(t, "bob@example.com", "Secret-2") {
			t.Error("the password that was told opens nothing")
		}
		if list := w.Inbox.Messages("quiet@example.com"); len(list) > 0 {
			t.Error(list)
		}

		patch := directory.UserPatch{Password: &directory.PasswordInput{Text: "Secret-3"}}
		if _, err := w.Signin.UpdateUsers(ctx, w.Pool.ID, []directory.UserRef{directory.ByID(made[0].ID)}, []directory.UserPatch{patch},
			signin.Notice{Mail: true, MailTo: "Boss@example.com"}); err != nil {
			t.Fatal(err)
		}
		told("bob@example.com", notify.PasswordResetAdmin, "Secret-3")
		told("boss@example.com", notify.PasswordResetAdmin, "Secret-3")
		if !w.may(t, "bob@example.com", "Secret-3") {
			t.Error("the new password opens nothing")
		}
		name := directory.UserPatch{UserInput: directory.UserInput{Nickname: new("B")}}
		if _, err := w.Signin.UpdateUsers(ctx, w.Pool.ID, []directory.UserRef{directory.ByID(made[1].ID)}, []directory.UserPatch{name}, signin.Notice{Mail: true}); err != nil {
			t.Fatal(err)
		}
		told("cy@example.com", notify.FirstCreatedUser)

		for want, n := range map[string]signin.Notice{"application_not_found": {Mail: true, AppID: "nothing"}, "field_format": {MailTo: "no address"}} {
			if _, err := w.Signin.CreateUsers(ctx, w.Pool.ID, []directory.NewUser{in(want+"@example.com", "", "x")}, n); code(err) != want {
				t.Errorf("%+v: %v", n, err)
			}
		}

		// Those who register are greeted where the pool wants it.
		if _, err := w.Signin.Register(w.ctx, w.app, signin.Registration{Email: "one@example.com", Password: "123456"}); err != nil {
			t.Fatal(err)
		}
		w.pool(t, directory.PoolSettings{SendWelcomeEmail: new(true)})
		if _, err := w.Signin.Register(w.ctx, w.app, signin.Registration{Email: "two@example.com", Password: "123456"}); err != nil {
			t.Fatal(err)
		}
		told("two@example.com", notify.Welcome, w.app.Name)
		if list := w.Inbox.Messages("one@example.com"); len(list) > 0 {
			t.Error(list)
		}
	})
}
