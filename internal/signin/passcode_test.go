package signin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/secret"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// from is ctx with an anonymous caller of the pool at an address.
func from(ctx context.Context, p testhall.Pool, ip string) context.Context {
	return caller.With(ctx, &caller.Caller{PoolID: p.ID, AppID: p.AppID, ClientIP: ip, Language: "en-US"})
}

func appOf(t *testing.T, h *testhall.Hall, p testhall.Pool) *signin.Application {
	t.Helper()
	app, err := h.Signin.Application(t.Context(), p.AppID)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// sendCode sends a code and returns it.
func sendCode(t *testing.T, h *testhall.Hall, p testhall.Pool, purpose signin.Purpose, to signin.Address) string {
	t.Helper()
	if err := h.Signin.SendPasscode(from(t.Context(), p, "192.0.2.7"), appOf(t, h, p), purpose, to); err != nil {
		t.Fatal(err)
	}
	address := strings.ToLower(to.Email)
	if address == "" {
		var err error
		if address, err = directory.PhoneNumber(to.PhoneCountryCode, to.Phone); err != nil {
			t.Fatal(err)
		}
	}
	c := h.Mail(t, address).Code
	if len(c) != 6 || strings.Trim(c, "0123456789") != "" {
		t.Fatalf("the code is %q", c)
	}
	return c
}

// past makes what a table keeps of times lie back by so much.
func past(t *testing.T, h *testhall.Hall, table string, columns []string, by time.Duration) {
	t.Helper()
	for _, c := range columns {
		if _, err := db.Exec(t.Context(), h.DB, "update "+table+" set "+c+" = "+c+" - ? where "+c+" > 0", by.Milliseconds()); err != nil {
			t.Fatal(err)
		}
	}
}

// other is a code of the same form that is not c.
func other(c string) string {
	last := byte('0')
	if c[5] == '0' {
		last = '1'
	}
	return c[:5] + string(last)
}

func TestPasscodes(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, second testhall.Pool) {
		ctx := from(t.Context(), p, "192.0.2.7")
		mail := signin.Address{Email: "Someone@Example.com"}
		phone := signin.Address{Phone: "138 0013 8000"}
		spend := func(purpose signin.Purpose, to signin.Address, c string) string {
			return code(h.Signin.SpendPasscode(ctx, p.ID, purpose, to, c))
		}

		c := sendCode(t, h, p, signin.PurposeLogin, mail)
		for _, try := range []struct {
			name, want string
			got        string
		}{
			{"another purpose", "passcode_wrong", spend(signin.PurposeResetPassword, mail, c)},
			{"another address", "passcode_wrong", spend(signin.PurposeLogin, signin.Address{Email: "other@example.com"}, c)},
			{"another pool", "passcode_wrong", code(h.Signin.SpendPasscode(ctx, second.ID, signin.PurposeLogin, mail, c))},
			{"another code", "passcode_wrong", spend(signin.PurposeLogin, mail, other(c))},
			{"no code", "passcode_wrong", spend(signin.PurposeLogin, mail, "")},
			{"a long code", "passcode_wrong", spend(signin.PurposeLogin, mail, strings.Repeat("1", 1000))},
			{"the right one, the address spelt otherwise", "", spend(signin.PurposeLogin, signin.Address{Email: " someone@example.COM "}, c)},
			{"once more", "passcode_expired", spend(signin.PurposeLogin, mail, c)},
			{"two addresses", "field_format", spend(signin.PurposeLogin, signin.Address{Email: "a@b.cd", Phone: "13800138000"}, c)},
			{"no address", "field_format", spend(signin.PurposeLogin, signin.Address{}, c)},
		} {
			if try.got != try.want {
				t.Errorf("%s: %q instead of %q", try.name, try.got, try.want)
			}
		}

		// A phone number is one however it is spelt, and a check uses nothing up.
		c = sendCode(t, h, p, signin.PurposeLogin, phone)
		for range 3 {
			if ok, err := h.Signin.CheckPasscode(ctx, p.ID, signin.PurposeLogin, phone, c); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		if got := spend(signin.PurposeLogin, signin.Address{Phone: "13800138000", PhoneCountryCode: "+86"}, c); got != "" {
			t.Error(got)
		}

		// Five guesses, wherever they are made.
		c = sendCode(t, h, p, signin.PurposeRegister, mail)
		for i := range 5 {
			var got string
			if i%2 == 0 {
				ok, err := h.Signin.CheckPasscode(ctx, p.ID, signin.PurposeRegister, mail, other(c))
				if got = "passcode_wrong"; ok || err != nil {
					t.Fatal(ok, err)
				}
			} else {
				got = spend(signin.PurposeRegister, mail, other(c))
			}
			if got != "passcode_wrong" {
				t.Errorf("guess %d: %q", i+1, got)
			}
		}
		if got := spend(signin.PurposeRegister, mail, c); got != "passcode_expired" {
			t.Errorf("the sixth: %q", got)
		}

		// Ten minutes.
		c = sendCode(t, h, p, signin.PurposeBindEmail, mail)
		past(t, h, "passcodes", []string{"sent_at", "expires_at"}, 10*time.Minute)
		if got := spend(signin.PurposeBindEmail, mail, c); got != "passcode_expired" {
			t.Errorf("after ten minutes: %q", got)
		}

		// A new code takes the place of the old one.
		c = sendCode(t, h, p, signin.PurposeUnlock, mail)
		past(t, h, "passcodes", []string{"sent_at"}, time.Minute)
		next := sendCode(t, h, p, signin.PurposeUnlock, mail)
		if c != next {
			if got := spend(signin.PurposeUnlock, mail, c); got != "passcode_wrong" {
				t.Errorf("the code before: %q", got)
			}
		}
		if got := spend(signin.PurposeUnlock, mail, next); got != "" {
			t.Error(got)
		}

		// Nothing undoes the count of guesses.
		err := h.DB.Tx(ctx, func(ctx context.Context) error {
			return h.Signin.SpendPasscode(ctx, p.ID, signin.PurposeLogin, mail, "000000")
		})
		if err == nil || !strings.Contains(err.Error(), "transaction") {
			t.Errorf("inside a transaction: %v", err)
		}

		// What the database holds is neither a code nor an address.
		rows, err := db.List[string](ctx, h.DB, "select address from passcodes union all select hash from passcodes union all select name from rates")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if strings.Contains(r, "example") || strings.Contains(r, "13800138000") || strings.Contains(r, c) && len(r) < 20 {
				t.Errorf("the database holds %q", r)
			}
		}
		if err := h.Signin.SweepGuards(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestPasscodeBounds(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, second testhall.Pool) {
		app := appOf(t, h, p)
		s := signin.New(signin.Options{DB: h.DB, Log: h.Log, Directory: h.Directory, Access: h.Access, Master: h.Master, BaseURL: testhall.BaseURL, Notify: h.Notify,
			Passcodes: signin.PasscodeBounds{PerAddress: 3, PerIP: 5}})
		send := func(purpose signin.Purpose, address, ip string) string {
			return code(s.SendPasscode(from(t.Context(), p, ip), app, purpose, signin.Address{Email: address}))
		}
		for i, c := range []struct{ purpose, address, ip, want string }{
			{"login", "a@example.com", "192.0.2.1", ""},
			{"login", "a@example.com", "192.0.2.2", "passcode_too_often"}, // a minute
			{"register", "a@example.com", "192.0.2.1", ""},
			{"complete", "a@example.com", "192.0.2.1", ""},
			{"identity", "a@example.com", "192.0.2.2", "passcode_too_often"}, // the address, in a day
			{"login", "b@example.com", "192.0.2.1", ""},
			{"login", "c@example.com", "192.0.2.1", ""},
			{"login", "d@example.com", "192.0.2.1", "passcode_too_often"}, // the network address, in an hour
			{"login", "d@example.com", "2001:db8::1", ""},
			{"nonsense", "d@example.com", "192.0.2.9", "field_format"},
			{"login", "no address", "192.0.2.9", "field_format"},
			{"login", "a@example.com\r\nBcc: b@example.com", "192.0.2.9", "field_format"},
		} {
			if got := send(signin.Purpose(c.purpose), c.address, c.ip); got != c.want {
				t.Errorf("%d: %q instead of %q", i, got, c.want)
			}
		}
		// A program that has shown a secret asks for many.
		for range 2 {
			key := caller.With(t.Context(), &caller.Caller{Kind: caller.Key, PoolID: p.ID, ClientIP: "192.0.2.1"})
			if got := code(s.SendPasscode(key, app, signin.PurposeLogin, signin.Address{Email: secret.Random(8) + "@example.com"})); got != "" {
				t.Error(got)
			}
		}
		// A refusal counts for nothing, and a day later all is as before.
		past(t, h, "passcodes", []string{"sent_at", "expires_at"}, 25*time.Hour)
		past(t, h, "rates", []string{"expires_at"}, 25*time.Hour)
		if got := send(signin.PurposeLogin, "a@example.com", "192.0.2.1"); got != "" {
			t.Error(got)
		}
		// Without a way to send nothing is done.
		silent := signin.New(signin.Options{DB: h.DB, Log: h.Log, Directory: h.Directory, Access: h.Access, Master: h.Master, BaseURL: testhall.BaseURL})
		for want, to := range map[string]signin.Address{"mail_not_configured": {Email: "z@example.com"}, "sms_not_configured": {Phone: "13800138001"}} {
			if got := code(silent.SendPasscode(from(t.Context(), p, ""), app, signin.PurposeLogin, to)); got != want {
				t.Errorf("%q instead of %q", got, want)
			}
		}
	})
}

// TestPasscodeOnce tries one code, and one address, many times at once over two servers: one succeeds.
func TestPasscodeOnce(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		servers := []*testhall.Hall{h}
		if h.DB.Engine() != "sqlite" {
			servers = append(servers, h.Again(t))
		}
		mail := signin.Address{Email: "race@example.com"}
		race := func(times int, f func(s *signin.Signin, i int) error, lost ...error) int64 {
			t.Helper()
			var won atomic.Int64
			var wg sync.WaitGroup
			gate := make(chan struct{}, 64)
			for i := range times {
				wg.Add(1)
				gate <- struct{}{}
				go func() {
					defer func() { <-gate; wg.Done() }()
					err := f(servers[i%len(servers)].Signin, i)
					if err == nil {
						won.Add(1)
						return
					}
					for _, l := range lost {
						if errors.Is(err, l) {
							return
						}
					}
					t.Error(err)
				}()
			}
			wg.Wait()
			return won.Load()
		}
		app := appOf(t, h, p)
		if n := race(100, func(s *signin.Signin, i int) error {
			return s.SendPasscode(from(t.Context(), p, fmt.Sprintf("10.0.0.%d", i)), app, signin.PurposeLogin, mail)
		}, signin.ErrTooOften); n != 1 {
			t.Errorf("%d codes were sent in one minute", n)
		}
		c := h.Mail(t, "race@example.com").Code
		if list := h.Inbox.Messages("race@example.com"); len(list) != 1 {
			t.Errorf("%d mails arrived", len(list))
		}
		if n := race(1000, func(s *signin.Signin, _ int) error {
			return s.SpendPasscode(t.Context(), p.ID, signin.PurposeLogin, mail, c)
		}, signin.ErrPasscodeExpired); n != 1 {
			t.Errorf("the code was good %d times", n)
		}
		// Of many wrong guesses at once five are compared, and then the right one is no longer good.
		c = sendCode(t, h, p, signin.PurposeDelete, mail)
		var wrong atomic.Int64
		race(200, func(s *signin.Signin, _ int) error {
			err := s.SpendPasscode(t.Context(), p.ID, signin.PurposeDelete, mail, other(c))
			if errors.Is(err, signin.ErrPasscodeWrong) {
				wrong.Add(1)
			}
			return err
		}, signin.ErrPasscodeWrong, signin.ErrPasscodeExpired)
		if wrong.Load() != 5 {
			t.Errorf("%d guesses were compared", wrong.Load())
		}
		if got := code(h.Signin.SpendPasscode(t.Context(), p.ID, signin.PurposeDelete, mail, c)); got != "passcode_expired" {
			t.Error(got)
		}
	})
}

func TestVerifyLink(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		email := "link@example.com"
		u, err := h.Directory.CreateUser(p.As(t.Context()), p.ID, directory.NewUser{UserInput: directory.UserInput{Email: &email}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, app := from(t.Context(), p, "192.0.2.7"), appOf(t, h, p)
		for _, address := range []string{email, "nobody@example.com"} {
			if err := h.Signin.SendVerifyLink(ctx, app, address, false); err != nil {
				t.Fatal(err)
			}
			if got := code(h.Signin.SendVerifyLink(ctx, app, address, false)); got != "passcode_too_often" {
				t.Errorf("%s again: %q", address, got)
			}
		}
		m := h.Mail(t, email)
		if len(h.Inbox.Messages("nobody@example.com")) != 0 {
			t.Error("a stranger got a link")
		}
		prefix := testhall.BaseURL + signin.VerifyEmailPath + "?token="
		token, ok := strings.CutPrefix(m.Link, prefix)
		if !ok || m.Kind != notify.ConsoleVerify || !strings.Contains(m.Text, m.Link) {
			t.Fatalf("%+v", m)
		}
		for _, c := range []struct{ token, want string }{{"x" + token[1:], "ticket_invalid"}, {token, ""}, {token, "ticket_used"}, {"", "ticket_invalid"}} {
			if got := code(h.Signin.VerifyEmail(ctx, c.token)); got != c.want {
				t.Errorf("%q: %q instead of %q", c.token, got, c.want)
			}
		}
		if u, err = h.Directory.User(ctx, p.ID, directory.ByID(u.ID)); err != nil || !u.EmailVerified {
			t.Error(u, err)
		}
	})
}

// TestNothingIsTold compares what the database is asked for an address that somebody has and for one that nobody has.
func TestNothingIsTold(t *testing.T) {
	var statements []string
	var tracing atomic.Bool
	var mu sync.Mutex
	o := db.Options{DSN: testhall.SQLite(t), Trace: func(sql string) {
		if tracing.Load() {
			mu.Lock()
			defer mu.Unlock()
			statements = append(statements, sql)
		}
	}}
	d, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	h := testhall.New(t, d)
	p := h.Pool(t, "one")
	ctx, app := from(t.Context(), p, "192.0.2.7"), appOf(t, h, p)
	policy := guarded(p)
	var known [3]*directory.User
	for i := range known {
		email := fmt.Sprintf("known%d@example.com", i)
		if known[i], err = h.Directory.CreateUser(p.As(t.Context()), p.ID, directory.NewUser{UserInput: directory.UserInput{Email: &email}}); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]func(email string, u *directory.User) error{
		"a code": func(email string, _ *directory.User) error {
			return h.Signin.SendPasscode(ctx, app, signin.PurposeResetPassword, signin.Address{Email: email})
		},
		"a link": func(email string, _ *directory.User) error { return h.Signin.SendVerifyLink(ctx, app, email, false) },
		"a wrong code": func(email string, _ *directory.User) error {
			return h.Signin.SpendPasscode(ctx, p.ID, signin.PurposeLogin, signin.Address{Email: email}, "000000")
		},
		"the door": func(email string, u *directory.User) error {
			door := signin.Door{PoolID: p.ID, Account: email, IP: "192.0.2.7"}
			if u != nil {
				door.UserID = u.ID
			}
			if err := h.Signin.Admit(ctx, policy, door); err != nil {
				return err
			}
			_, err := h.Signin.Failed(ctx, policy, door)
			return err
		},
	} {
		var asked [2]string
		var answers [2]string
		// Once before, so that nothing is prepared or cached by the first alone.
		for i, email := range []string{"known0@example.com", "known1@example.com", "nobody@example.com"} {
			statements = nil
			tracing.Store(i > 0)
			u := known[min(i, 1)]
			if i == 2 {
				u = nil
			}
			err := f(email, u)
			tracing.Store(false)
			if i > 0 {
				answers[i-1], asked[i-1] = code(err), strings.Join(statements, "\n")
			}
		}
		if asked[0] != asked[1] || answers[0] != answers[1] || asked[0] == "" {
			t.Errorf("%s: %q for somebody, %q for nobody\n%s\n---\n%s", name, answers[0], answers[1], asked[0], asked[1])
		}
	}
}

// TestCaptcha reads a captcha's answer from the ticket, as nobody else can.
func TestCaptcha(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, second testhall.Pool) {
		ctx := from(t.Context(), p, "192.0.2.7")
		policy := &signin.Policy{PoolID: p.ID, CaptchaMode: signin.CaptchaAlways, CaptchaFree: []string{"198.51.100.0/24"}}
		picture := func() signin.Captcha {
			svg, token, err := h.Signin.NewCaptcha(ctx, p.ID)
			if err != nil || !strings.HasPrefix(svg, "<svg ") || !strings.Contains(svg, "data:image/png;base64,") {
				t.Fatal(err, svg)
			}
			var answer string
			if _, err := h.Signin.PeekTicket(ctx, "captcha", token, &answer); err != nil || len(answer) != 4 {
				t.Fatal(err, answer)
			}
			return signin.Captcha{Token: token, Code: answer}
		}
		good, wrong := picture(), picture()
		wrong.Code = secret.Random(2)
		elsewhere := picture()
		for _, c := range []struct {
			name, ip, pool string
			captcha        signin.Captcha
			want           string
		}{
			{"none", "192.0.2.1", p.ID, signin.Captcha{}, "captcha_needed"},
			{"no code", "192.0.2.1", p.ID, signin.Captcha{Token: good.Token}, "captcha_needed"},
			{"a free address", "198.51.100.9", p.ID, signin.Captcha{}, ""},
			{"right", "192.0.2.1", p.ID, good, ""},
			{"again", "192.0.2.1", p.ID, good, "captcha_wrong"},
			{"wrong", "192.0.2.1", p.ID, wrong, "captcha_wrong"},
			{"another pool's", "192.0.2.1", second.ID, elsewhere, "captcha_wrong"},
			{"nonsense", "192.0.2.1", p.ID, signin.Captcha{Token: "x", Code: "y"}, "captcha_wrong"},
		} {
			if got := code(h.Signin.Admit(ctx, policy, signin.Door{PoolID: c.pool, Account: "a", IP: c.ip, Captcha: c.captcha})); got != c.want {
				t.Errorf("%s: %q instead of %q", c.name, got, c.want)
			}
		}
	})
}
