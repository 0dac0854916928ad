package hosted

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/pquerna/otp/totp"

	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestSignInByScan(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		u := h.person(t, "ada", "ada@example.com")
		h.settings(t, func(s *signin.AppSettings) error {
			s.LoginMethods = append(s.LoginMethods, signin.LoginQRCode)
			return nil
		})
		s := h.surf(t)
		s.get("/login").follow("Scan").sees("Scan this with the app on your phone")
		s.press("I have confirmed on my phone").sees("Not confirmed yet")
		state := s.state()
		poll := func() bool {
			t.Helper()
			r, err := s.client.Get(h.url + "/login/scan?app_id=" + h.pool.AppID)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			var got struct{ Done bool }
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			return got.Done
		}
		if poll() {
			t.Fatal("done before it began")
		}
		ctx := h.pool.As(t.Context())
		for _, action := range []signin.ScanAction{signin.ScanScan, signin.ScanAllow} {
			if err := h.Signin.ActOnScan(ctx, h.pool.ID, u.ID, state.Scan.ID, action); err != nil {
				t.Fatal(err)
			}
		}
		if !poll() {
			t.Fatal("not done after it was allowed")
		}
		s.press("I have confirmed on my phone").sees("You are signed in", "ada")
	})
}

// state is what the surfer's pages remember.
func (s *surfer) state() *state {
	s.t.Helper()
	u, err := url.Parse(s.h.url)
	if err != nil {
		s.t.Fatal(err)
	}
	r := request("/")
	for _, c := range s.client.Jar.Cookies(u) {
		r.AddCookie(c)
	}
	got, fresh := s.h.pages.openState(r)
	if fresh {
		s.t.Fatal("the pages remember nothing")
	}
	return got
}

func TestAgreements(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.settings(t, func(s *signin.AppSettings) error { s.AgreementsEnabled = true; return nil })
		ctx := h.pool.As(t.Context())
		for _, a := range []struct{ title, lang string }{{`I agree to the <a href="https://example.com/terms">terms</a><script>alert(1)</script>`, "en-US"}, {"我同意服务条款", "zh-CN"}} {
			if _, err := h.Signin.CreateAgreement(ctx, h.pool.ID, h.pool.AppID, signin.AgreementInput{Title: &a.title, Lang: &a.lang}); err != nil {
				t.Fatal(err)
			}
		}
		s := h.surf(t)
		s.get("/register").sees("I agree to the terms").seesNot("alert", "我同意")
		typed := []string{"username", "bea", "password", password, "password_again", password}
		s.press("Create account", typed...).sees("Please agree to this to go on.")
		var name string
		for n := range s.doc.Descendants() {
			if strings.HasPrefix(attr(n, "name"), "agreement_") {
				name = attr(n, "name")
			}
		}
		s.press("Create account", append(typed, name, "yes")...).sees("You are signed in")
	})
}

func TestDeviceIsRemembered(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		week := int64(7 * 86400)
		h.security(t, directory.SecuritySettings{FactorMemory: &week})
		h.settings(t, func(s *signin.AppSettings) error { s.Factors = &[]string{"OTP"}; return nil })
		u := h.person(t, "ada", "")
		app, err := h.Signin.Application(t.Context(), h.pool.AppID)
		if err != nil {
			t.Fatal(err)
		}
		ctx := h.pool.As(t.Context())
		otp, err := h.Signin.StartOTP(ctx, app, u)
		if err != nil {
			t.Fatal(err)
		}
		code, err := totp.GenerateCode(otp.Secret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Signin.ConfirmOTP(ctx, h.pool.ID, u.ID, code); err != nil {
			t.Fatal(err)
		}
		s := h.surf(t)
		s.get("/login").press("Sign in", "account", "ada", "password", password).sees("Do not ask again on this device")
		s.press("Confirm", "code", code, "remember", "yes").sees("You are signed in")
		s.follow("Sign out").press("Sign out")
		s.get("/login").press("Sign in", "account", "ada", "password", password).sees("You are signed in")
		h.surf(t).get("/login").press("Sign in", "account", "ada", "password", password).sees("Confirm that it is you")
	})
}

func TestOldPasswordIsReplaced(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		yes, second, none := true, int64(1), int64(0)
		h.security(t, directory.SecuritySettings{PasswordUpdatePolicy: &directory.PasswordAge{Enabled: &yes, ForcedCycle: &second, DifferenceCycle: &none}})
		h.person(t, "ada", "")
		time.Sleep(1100 * time.Millisecond)
		s := h.surf(t)
		s.get("/login").press("Sign in", "account", "ada", "password", password).sees("Your password has to be changed", "Current password")
		next := []string{"password", "New-Horse-9-Staple", "password_again", "New-Horse-9-Staple"}
		s.press("Save the password", next...).sees("Please fill this in.")
		s.press("Save the password", append(next, "old_password", "wrong")...).sees("The current password is wrong.")
		s.press("Save the password", append(next, "old_password", password)...).sees("You are signed in")
	})
}

// Pages of other origins that may read the wires do not read the pages.
func TestNoOtherOriginReadsThePages(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		s := h.surf(t)
		s.header.Set("Origin", "https://ledger.example.com")
		for _, path := range []string{"/login", "/register", "/forgot", "/device", "/signed-out"} {
			if got := s.get(path).last.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s may be read by %s", path, got)
			}
		}
	})
}

// Nobody signs in to an application that is switched off, and a foreign application's door is none of an interaction's.
func TestDoors(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		in := h.interaction(t, signin.NeedLogin)
		s := h.surf(t)
		s.get("/login?by=email").press("Send code", "email", "ada@example.com").sees("Send again")
		s.get(in.PagePath() + "&by=email").seesNot("Send again") // a code for one door is not asked for at another
		no := false
		if _, err := h.Signin.UpdateApplication(h.pool.As(t.Context()), h.pool.ID, h.pool.AppID, signin.ApplicationPatch{Enabled: &no}); err != nil {
			t.Fatal(err)
		}
		if s.get("/login"); s.last.StatusCode != http.StatusNotFound {
			t.Fatalf("a door that is shut answers %d", s.last.StatusCode)
		}
	})
}

// Who guesses device codes is held up.
func TestDeviceCodesAreNotGuessed(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		s := h.surf(t)
		s.get("/device")
		_, values := s.form("Continue")
		values.Set("user_code", "ZZZZ-ZZZZ")
		for range 210 {
			s.do(http.MethodPost, devicePath, values)
			if strings.Contains(s.text, "Too many tries") {
				return
			}
		}
		t.Fatalf("two hundred wrong codes, and then: %s", s.text)
	})
}

func TestAddressIsVerifiedByALink(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		no := false
		u := h.person(t, "ada", "ada@example.com", func(n *directory.NewUser) { n.EmailVerified = &no })
		app, err := h.Signin.Application(t.Context(), h.pool.AppID)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Signin.SendVerifyLink(h.pool.As(t.Context()), app, "ada@example.com", false); err != nil {
			t.Fatal(err)
		}
		to := strings.TrimPrefix(h.Mail(t, "ada@example.com").Link, testhall.BaseURL)
		s := h.surf(t)
		verified := func() bool {
			t.Helper()
			got, err := h.Directory.User(t.Context(), h.pool.ID, directory.ByID(u.ID))
			if err != nil {
				t.Fatal(err)
			}
			return got.EmailVerified
		}
		if s.get(to).sees("Verify your e‑mail address"); verified() {
			t.Fatal("opening the link is enough")
		}
		if s.press("Verify").sees("Your e-mail address is verified"); !verified() {
			t.Fatal("it is not")
		}
		s.get(to).press("Verify").sees("This has been done already")
	})
}

// Whoever is asked to prove again who they are finds their name in the form.
func TestSignInAnew(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		s := h.surf(t)
		s.get("/login").press("Sign in", "account", "ada", "password", password)
		in := h.interaction(t, signin.NeedLogin)
		s.get(in.PagePath())
		if _, values := s.form("Sign in"); values.Get("account") != "ada" {
			t.Fatalf("the form has %v", values)
		}
		s.press("Sign in", "password", password).sees("went on " + in.Key)
	})
}

// Every page reads its forms within bounds, and what is no form or too large is refused before anything is done.
func TestLargeForms(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		s := h.surf(t)
		action, values := s.get("/login").form("Sign in")
		values.Set("account", strings.Repeat("a", longestForm))
		if s.do(http.MethodPost, action, values); s.last.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("status %d", s.last.StatusCode)
		}
		values.Set("account", strings.Repeat("a", 5000))
		values.Set("password", strings.Repeat("b", 5000))
		s.do(http.MethodPost, action, values)
		s.sees("Sign in")
	})
}
