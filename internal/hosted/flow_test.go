package hosted

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestSignInByPassword(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		s := h.surf(t)
		s.get("/login").sees("Sign in", "to continue to first", "Username, e-mail or phone", "Forgot password?", "Create an account")
		s.press("Sign in").sees("Please fill this in.")
		s.press("Sign in", "account", "ada", "password", "wrong").sees("The account or the password is wrong")
		if _, values := s.form("Sign in"); values.Get("account") != "ada" || values.Get("password") != "" {
			t.Fatalf("the form comes back with %v", values)
		}
		s.get(s.at).seesNot("is wrong") // reloading says it once
		s.press("Sign in", "account", "nobody", "password", "wrong").sees("The account or the password is wrong")
		s.press("Sign in", "account", "ada", "password", password).sees("You are signed in", "ada")
		// Back to the form and once more: nothing breaks.
		s.get("/login").sees("You are signed in")
		s.follow("Sign out").sees("Sign out?").press("Sign out").sees("You are signed out")
		s.get("/signed-in?app_id=" + h.pool.AppID).sees("Password")
	})
}

func TestSignInGoesOnWhereItBegan(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		in := h.interaction(t, signin.NeedLogin)
		s := h.surf(t)
		s.get(in.PagePath()).sees("Sign in")
		if csp := s.last.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://ledger.example.com;") {
			t.Fatalf("the policy %q does not let the answer through", csp)
		}
		action, values := s.form("Sign in")
		values.Set("account", "ada@example.com")
		values.Set("password", password)
		s.do(http.MethodPost, action, values)
		s.sees("went on " + in.Key)
		s.do(http.MethodPost, action, values) // pressed twice: the second has the page's old token and does nothing
		s.sees("went on " + in.Key)
		s.do(http.MethodPost, signOutPath, values)
		if s.last.StatusCode != http.StatusForbidden {
			t.Fatalf("an old page's form is answered %d", s.last.StatusCode)
		}
		s.get("/login?interaction=" + in.Key + "x").sees("Please begin again")
		if s.last.StatusCode != http.StatusNotFound {
			t.Fatalf("status %d", s.last.StatusCode)
		}
	})
}

func TestSignInByCode(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		s := h.surf(t)
		s.get("/login").follow("E-mail code").sees("Send code")
		s.press("Send code").sees("Please fill this in.")
		s.press("Send code", "email", "ada@example.com").sees("If ada@example.com belongs to an account", "Send again")
		s.press("Send again").sees("A code was sent a moment ago")
		s.press("Sign in", "code", "000000x").sees("The code is wrong.")
		s.press("Sign in", "code", " "+s.code("ada@example.com")+" ").sees("You are signed in")
	})
}

func TestRegister(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.settings(t, func(s *signin.AppSettings) error {
			s.CompletionAt = []string{signin.AtRegister}
			s.CompletionFields = []signin.AskedFor{{Name: "name", Required: true}, {Name: "company"}}
			return nil
		})
		s := h.surf(t)
		s.get("/login").follow("Create an account").sees("Create your account", "Choose a password", "Full name", "Company (optional)")
		s.press("Create account", "username", "bea", "password", password, "password_again", password+"x", "name", "Bea").sees("The two passwords are not the same.")
		s.press("Create account", "username", "bea", "password", password, "password_again", password, "name", "").sees("Please fill this in.")
		s.press("Create account", "username", "bea", "password", password, "password_again", password, "name", "Bea B.").sees("You are signed in", "Bea B.")
		u, err := h.Directory.User(t.Context(), h.pool.ID, directory.UserRef{Type: "username", Value: "bea"})
		if err != nil || u.Name != "Bea B." || u.Company != "" {
			t.Fatalf("%+v %v", u, err)
		}
		other := h.surf(t)
		other.get("/register").press("Create account", "username", "bea", "password", password, "password_again", password, "name", "B").sees("There is an account with this name")
		other.follow("E-mail code").press("Send code", "email", "cyd@example.com").sees("A code is on its way to cyd@example.com.")
		other.press("Create account", "code", other.code("cyd@example.com"), "name", "Cyd").sees("You are signed in", "Cyd")
	})
}

func TestForgottenPassword(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		s := h.surf(t)
		s.get("/login").follow("Forgot password?").sees("Reset your password")
		s.press("Send code", "account", "ada@example.com").sees("If ada@example.com belongs to an account")
		s.press("Continue", "code", "1").sees("The code is wrong.")
		s.press("Continue", "code", s.code("ada@example.com")).sees("Choose a new password")
		s.press("Save the password", "password", "x", "password_again", "y").sees("not the same")
		s.press("Save the password", "password", "Another-Horse-8-Staple", "password_again", "Another-Horse-8-Staple").sees("Your password has been changed")
		s.press("Sign in", "account", "ada", "password", password).sees("is wrong")
		s.press("Sign in", "account", "ada", "password", "Another-Horse-8-Staple").sees("You are signed in")
		// An address that nobody has looks the same until the code is asked for.
		other := h.surf(t)
		other.get("/forgot").press("Send code", "account", "nobody@example.com").sees("If nobody@example.com belongs to an account")
		other.get("/forgot/reset").sees("Enter the code")
	})
}

func TestSecondFactorIsSetUpAndShown(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.settings(t, func(s *signin.AppSettings) error { s.Factors = &[]string{"OTP"}; return nil })
		u := h.person(t, "ada", "")
		s := h.surf(t)
		s.get("/login").press("Sign in", "account", "ada", "password", password).sees("Make your account safer", "Authenticator app")
		s.press("Authenticator app").sees("Set up your authenticator app", "Enter this key instead")
		var key string
		for n := range s.doc.Descendants() {
			if attr(n, "class") == "secretly" {
				key = strings.ReplaceAll(squeeze(textOf(n)), " ", "")
			}
		}
		s.get(s.at).sees("Set up your authenticator app") // reloading shows the same code
		s.press("Continue", "code", "000000").sees("The code is wrong")
		code, err := totp.GenerateCode(key, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		s.press("Continue", "code", code).sees("Keep your recovery code")
		var recovery string
		for n := range s.doc.Descendants() {
			if attr(n, "id") == "recovery" {
				recovery = squeeze(textOf(n))
			}
		}
		s.press("I have kept it").sees("You are signed in")
		if list, err := h.Signin.Factors(t.Context(), h.pool.ID, u.ID); err != nil || len(list) != 1 {
			t.Fatalf("%v %v", list, err)
		}

		again := h.surf(t)
		again.get("/login").press("Sign in", "account", "ada", "password", password).sees("Confirm that it is you", "6 digits")
		again.press("Confirm", "code", "12").sees("The code is wrong")
		again.follow("Use a recovery code").press("Confirm", "recovery_code", "no").sees("The recovery code is wrong")
		again.press("Confirm", "recovery_code", recovery).sees("Keep your recovery code")
		again.press("I have kept it").sees("You are signed in")
	})
}

func TestSecondFactorByMail(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.settings(t, func(s *signin.AppSettings) error { s.Factors = &[]string{"EMAIL"}; return nil })
		h.person(t, "ada", "ada@example.com")
		s := h.surf(t)
		s.get("/login").press("Sign in", "account", "ada", "password", password).sees("We send a code to ad***@example.com.")
		s.press("Send code").sees("Enter the code that was sent to ad***@example.com.")
		s.press("Confirm", "code", s.code("ada@example.com")).sees("You are signed in")

		// Somebody without an address binds one.
		h.person(t, "bea", "")
		other := h.surf(t)
		other.get("/login").press("Sign in", "account", "bea", "password", password).sees("Make your account safer").press("E-mail code").sees("Set up e-mail codes")
		other.press("Send code", "email", "bea@example.com").sees("bea@example.com")
		other.press("Confirm", "code", other.code("bea@example.com")).sees("You are signed in")
	})
}

func TestPasswordIsReplacedBeforeGoingOn(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		yes := true
		h.person(t, "ada", "", func(n *directory.NewUser) { n.ResetPasswordOnLogin = &yes })
		s := h.surf(t)
		s.get("/login").press("Sign in", "account", "ada", "password", password).sees("Choose a new password", "first sign-in")
		s.press("Save the password", "password", "New-Horse-9-Staple", "password_again", "New-Horse-9-Staple").sees("You are signed in")
	})
}

func TestMissingFieldsAreAskedFor(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.settings(t, func(s *signin.AppSettings) error {
			s.CompletionAt = []string{signin.AtLogin}
			s.CompletionFields = []signin.AskedFor{{Name: "email", Required: true}, {Name: "company", Required: true}, {Name: "gender"}}
			return nil
		})
		h.person(t, "ada", "")
		s := h.surf(t)
		s.get("/login").press("Sign in", "account", "ada", "password", password).sees("A little more about you", "E-mail")
		s.press("Send code", "email", "ada@example.com").sees("A code is on its way to ada@example.com.")
		s.press("Continue", "code", s.code("ada@example.com")).sees("Company", "Gender (optional)")
		s.press("Save and continue").sees("Please fill this in.")
		s.press("Save and continue", "company", "Engines Ltd").sees("You are signed in")
		u, err := h.Directory.User(t.Context(), h.pool.ID, directory.UserRef{Type: "username", Value: "ada"})
		if err != nil || u.Email != "ada@example.com" || !u.EmailVerified || u.Company != "Engines Ltd" {
			t.Fatalf("%+v %v", u, err)
		}
	})
}

func TestConsent(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		s := h.surf(t)
		s.get("/login").press("Sign in", "account", "ada", "password", password)
		in := h.interaction(t, signin.NeedConsent)
		s.get(in.PagePath()).sees("Allow access?", "first would like to:", "See your profile", "Keep access while you are away", "You will be sent to https://ledger.example.com.")
		s.press("Allow").sees("went on")
		got, err := h.Signin.Interaction(t.Context(), in.Key)
		if err != nil || len(got.Consented) != 3 {
			t.Fatalf("%+v %v", got, err)
		}
		in = h.interaction(t, signin.NeedConsent)
		s.get(in.PagePath()).press("Do not allow").sees("went on")
		if got, err := h.Signin.Interaction(t.Context(), in.Key); err != nil || !got.Refused || got.ConsentBy != "" {
			t.Fatalf("%+v %v", got, err)
		}
		// Who is not signed in is not asked.
		h.surf(t).get(in.PagePath()).sees("went on")
	})
}

func TestChooseAccount(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		s := h.surf(t)
		s.get("/login").press("Sign in", "account", "ada", "password", password)
		in := h.interaction(t, signin.NeedAccount)
		s.get(in.PagePath()).sees("Choose an account", "ada", "Use another account")
		s.press("ada").sees("went on")
		if got, err := h.Signin.Interaction(t.Context(), in.Key); err != nil || got.Chosen == "" {
			t.Fatalf("%+v %v", got, err)
		}
		in = h.interaction(t, signin.NeedAccount)
		s.get(in.PagePath()).follow("Use another account").sees("Password").press("Sign in", "account", "ada", "password", password).sees("went on")
	})
}

func TestDevice(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		app, err := h.Signin.Application(t.Context(), h.pool.AppID)
		if err != nil {
			t.Fatal(err)
		}
		device, err := h.Signin.StartDevice(h.pool.As(t.Context()), app, []string{"openid", "profile"})
		if err != nil {
			t.Fatal(err)
		}
		s := h.surf(t)
		s.get("/device").sees("Connect a device").press("Continue", "user_code", "ZZZZ-ZZZZ").sees("This code is wrong")
		s.press("Continue", "user_code", strings.ToLower(device.UserCode)).sees("Sign in")
		s.press("Sign in", "account", "ada", "password", password).sees("Connect this device?", device.UserCode, "first", "192.0.2.1")
		s.press("Connect").sees("The device is connected")
		grant, err := h.Signin.RedeemDevice(t.Context(), app, device.DeviceCode)
		if err != nil || grant.UserID == "" {
			t.Fatalf("%+v %v", grant, err)
		}
		s.get("/device?user_code=" + device.UserCode).sees("This code is wrong, used")
	})
}

func TestLockedAccountIsUnlocked(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		yes, limit, interval := true, int64(2), int64(600)
		strategy := "block-account"
		lock := "condition_set"
		h.security(t, directory.SecuritySettings{LoginFailStrategy: &strategy, AccountLock: &lock, SelfUnlock: &directory.SelfUnlock{Enabled: &yes},
			LoginPasswordFailCheck: &directory.RateSetting{Enabled: &yes, Limit: &limit, TimeInterval: &interval},
			AccountLockCheck:       &directory.RateSetting{Enabled: &yes, Limit: &limit, TimeInterval: &interval}})
		h.person(t, "ada", "ada@example.com")
		s := h.surf(t)
		s.get("/login")
		for range 3 {
			s.press("Sign in", "account", "ada", "password", "wrong")
		}
		s.sees("This account is locked", "Unlock my account")
		s.press("Sign in", "account", "ada", "password", password).sees("This account is locked")
		s.follow("Unlock my account").press("Send code", "account", "ada@example.com").press("Unlock", "code", s.code("ada@example.com")).sees("Sign in")
		s.press("Sign in", "account", "ada", "password", password).sees("You are signed in")
	})
}

func TestCaptchaIsAskedFor(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		always := signin.CaptchaAlways
		h.security(t, directory.SecuritySettings{RobotVerify: &always})
		h.person(t, "ada", "ada@example.com")
		s := h.surf(t)
		s.get("/login").sees("Characters in the picture")
		s.press("Sign in", "account", "ada", "password", password).sees("Please type the characters")
		s.press("Sign in", "account", "ada", "password", password, "captcha", "x").sees("These are not the characters")
	})
}

// Whoever forges a form, or sends one from elsewhere, changes nothing.
func TestForgedFormsAreRefused(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		credentials := url.Values{"by": {"password"}, "account": {"ada"}, "password": {password}}
		for name, forge := range map[string]func(s *surfer, v url.Values){
			"no token": func(_ *surfer, v url.Values) { v.Del("csrf") },
			"another's token": func(_ *surfer, v url.Values) {
				_, o := h.surf(t).get("/login").form("Sign in")
				v.Set("csrf", o.Get("csrf"))
			},
			"an empty token":    func(_ *surfer, v url.Values) { v.Set("csrf", "") },
			"no cookie":         func(s *surfer, _ url.Values) { s.client.Jar = nil },
			"from another site": func(s *surfer, _ url.Values) { s.header.Set("Sec-Fetch-Site", "cross-site") },
			"from a sister":     func(s *surfer, _ url.Values) { s.header.Set("Sec-Fetch-Site", "same-site") },
			"another origin":    func(s *surfer, _ url.Values) { s.header.Set("Origin", "https://evil.example.com") },
			"as JSON":           func(s *surfer, _ url.Values) { s.header.Set("Content-Type", "application/json") },
			"as plain text":     func(s *surfer, _ url.Values) { s.header.Set("Content-Type", "text/plain") },
		} {
			t.Run(name, func(t *testing.T) {
				for _, r := range h.pages.routes() {
					if r.post == nil && r.json == nil {
						continue
					}
					s := h.surf(t)
					_, page := s.get("/login").form("Sign in")
					values := url.Values{"csrf": {page.Get("csrf")}}
					for k, v := range credentials {
						values[k] = v
					}
					forge(s, values)
					s.do(http.MethodPost, r.path+"?app_id="+h.pool.AppID, values)
					if s.last.StatusCode != http.StatusForbidden || len(s.hops) > 0 {
						t.Errorf("%s answered %d, %v", r.path, s.last.StatusCode, s.hops)
					}
					if len(s.last.Cookies()) > 0 && strings.Contains(s.last.Header.Get("Set-Cookie"), "guildhall-"+h.pool.ID) {
						t.Errorf("%s signed somebody in", r.path)
					}
				}
			})
		}
	})
}

// No parameter of an address leads away from the server: surfer fails where one does.
func TestNothingLeadsAway(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		h.person(t, "ada", "ada@example.com")
		for _, target := range []string{"https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "javascript:alert(1)", "%0d%0aLocation:%20https://evil.example.com"} {
			for _, name := range []string{"redirect_uri", "return_to", "continue", "next", "finish_login_url", "lang", "by", "factor", "post_logout_redirect_uri"} {
				s := h.surf(t)
				s.get("/login?app_id=" + h.pool.AppID + "&" + name + "=" + url.QueryEscape(target))
				if s.last.StatusCode == http.StatusOK && name != "lang" {
					s.press("Sign in", "account", "ada", "password", password).sees("You are signed in")
				}
			}
			for _, path := range []string{"/login?interaction=", "/login?app_id=", "/device?user_code=", "/consent?interaction="} {
				h.surf(t).get(path + url.QueryEscape(target))
			}
		}
	})
}

func TestLanguages(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		s := h.surf(t)
		s.header.Set("Accept-Language", "zh-TW,zh;q=0.9,en;q=0.1")
		s.get("/login").sees("登录", "忘记密码？")
		s.press("登录", "account", "ada", "password", "x").sees("账号或密码错误")
		s.follow("English").sees("Forgot password?")
		s.get("/login").sees("Forgot password?") // the choice stays
		s.get("/register").sees("Create your account")
	})
}

func TestPageOfNothing(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newHall(t, d)
		for path, status := range map[string]int{
			"/login?app_id=000000000000000000000000":        http.StatusNotFound,
			"/login?interaction=x":                          http.StatusNotFound,
			"/consent":                                      http.StatusNotFound,
			"/login?app_id=" + strings.Repeat("a", 600):     http.StatusNotFound,
			"/verify-email?token=x":                         http.StatusOK,
			"/signed-out":                                   http.StatusOK,
			"/login/step":                                   http.StatusOK,
			"/login?lang=" + strings.Repeat("zh-", 20):      http.StatusNotFound,
			"/device?user_code=" + strings.Repeat("B", 500): http.StatusOK,
		} {
			s := h.surf(t)
			if s.get(path); s.last.StatusCode != status {
				t.Errorf("%s answers %d, not %d: %s", path, s.last.StatusCode, status, s.text)
			}
		}
	})
}
