package signin_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// code asks for a code and reads it from the message.
func (w *place) code(t *testing.T, p signin.Purpose, to signin.Address) string {
	t.Helper()
	if err := w.Signin.SendPasscode(w.ctx, w.app, p, to); err != nil {
		t.Fatal(err)
	}
	at := strings.ToLower(to.Email)
	if at == "" {
		at = to.PhoneCountryCode + to.Phone
		if to.PhoneCountryCode == "" {
			at = "+86" + to.Phone
		}
	}
	return w.Mail(t, at).Code
}

// pool changes the pool's settings.
func (w *place) pool(t *testing.T, s directory.PoolSettings) {
	t.Helper()
	if _, err := w.Directory.UpdatePool(w.As(t.Context()), w.Pool.ID, directory.PoolPatch{Settings: s}); err != nil {
		t.Fatal(err)
	}
}

func TestRegister(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		if _, err := w.Directory.SetFields(w.As(t.Context()), w.Pool.ID, []directory.FieldInput{
			{TargetType: directory.UserTarget, Key: "badge", DataType: directory.StringData, Unique: new(true), UserEditable: new(true)},
			{TargetType: directory.UserTarget, Key: "salary", DataType: directory.NumberData},
		}); err != nil {
			t.Fatal(err)
		}
		email, phone := signin.Address{Email: "Code@Example.com"}, signin.Address{Phone: "13800000001", PhoneCountryCode: "+86"}
		codes := map[string]string{"email": w.code(t, signin.PurposeRegister, email), "phone": w.code(t, signin.PurposeRegister, phone),
			"completion": w.code(t, signin.PurposeComplete, signin.Address{Email: "second@example.com"}),
			"login":      w.code(t, signin.PurposeLogin, signin.Address{Email: "login@example.com"})}
		for _, c := range []struct {
			name string
			r    signin.Registration
			want string
			also func(u *directory.User) bool
		}{
			{"user name", signin.Registration{Username: "Bob", Password: "123456"}, "", func(u *directory.User) bool {
				return u.Username == "Bob" && u.SourceType == "register" && u.PasswordLevel == 1 && u.Status == directory.Activated && u.RegisterSource[0] == "basic:username"
			}},
			{"the same once more", signin.Registration{Username: "Bob", Password: "123456"}, "user_exists", nil},
			{"email", signin.Registration{Email: "Mail@Example.com", Password: "123456", Profile: directory.UserInput{Nickname: new("M"), Browser: new("test")}}, "",
				func(u *directory.User) bool {
					return u.Email == "mail@example.com" && !u.EmailVerified && u.Nickname == "M" && u.Browser == "test"
				}},
			{"email in another case", signin.Registration{Email: "MAIL@example.COM", Password: "123456"}, "user_exists", nil},
			{"no email", signin.Registration{Email: "mail", Password: "123456"}, "field_format", nil},
			{"phone and password", signin.Registration{Phone: "13800000002", Password: "123456"}, "", func(u *directory.User) bool { return u.Phone == "13800000002" && !u.PhoneVerified }},
			{"the same phone with its country", signin.Registration{Phone: "13800000002", PhoneCountryCode: "+86", Password: "123456"}, "user_exists", nil},
			{"email code", signin.Registration{Email: "code@example.com", Passcode: codes["email"]}, "", func(u *directory.User) bool { return u.EmailVerified && u.Password == "" }},
			{"email code again", signin.Registration{Email: "code@example.com", Passcode: codes["email"]}, "passcode_expired", nil},
			{"code of a sign-in", signin.Registration{Email: "login@example.com", Passcode: codes["login"], Password: "123456"}, "", func(u *directory.User) bool { return u.Password != "" }},
			{"code of another address", signin.Registration{Phone: "13800000009", Passcode: codes["phone"]}, "passcode_wrong", nil},
			{"phone code, taken name", signin.Registration{Phone: "13800000001", PhoneCountryCode: "+86", Passcode: codes["phone"], Profile: directory.UserInput{Username: new("Bob")}}, "username_taken", nil},
			{"phone code, which that has left", signin.Registration{Phone: "13800000001", PhoneCountryCode: "+86", Passcode: codes["phone"]}, "", func(u *directory.User) bool { return u.PhoneVerified }},
			{"custom field", signin.Registration{Field: "badge", Account: "B-1", Username: "badger", Password: "123456"}, "", nil},
			{"custom field, taken", signin.Registration{Field: "badge", Account: "B-1", Username: "badger2", Password: "123456"}, "user_exists", nil},
			{"custom field that is not unique", signin.Registration{Field: "school", Account: "x", Username: "s", Password: "123456"}, "field_format", nil},
			{"custom values", signin.Registration{Username: "cy", Password: "123456", Custom: map[string]jsontext.Value{"school": jsontext.Value(`"MIT"`), "age": jsontext.Value(`7`)}}, "", nil},
			{"custom value of an administrator", signin.Registration{Username: "dy", Password: "123456", Custom: map[string]jsontext.Value{"salary": jsontext.Value(`7`)}}, "field_not_writable", nil},
			{"custom value of no field", signin.Registration{Username: "dy", Password: "123456", Custom: map[string]jsontext.Value{"nothing": jsontext.Value(`7`)}}, "field_undefined", nil},
			{"second address without proof", signin.Registration{Username: "ey", Password: "123456", Profile: directory.UserInput{Email: new("second@example.com")}}, "email_not_writable", nil},
			{"second number without proof", signin.Registration{Username: "ey", Password: "123456", Profile: directory.UserInput{Phone: new("13800000003")}}, "phone_not_writable", nil},
			{"second address", signin.Registration{Username: "ey", Password: "123456", Profile: directory.UserInput{Email: new("Second@example.com")}, EmailProof: codes["completion"]}, "",
				func(u *directory.User) bool { return u.EmailVerified && u.Email == "second@example.com" }},
			{"what is an administrator's", signin.Registration{Username: "fy", Password: "123456", Profile: directory.UserInput{Status: new(directory.Suspended)}}, "field_not_writable", nil},
			{"a verified flag", signin.Registration{Email: "v@example.com", Password: "123456", Profile: directory.UserInput{EmailVerified: new(true)}}, "field_not_writable", nil},
			{"an openid", signin.Registration{Username: "fy", Password: "123456", Profile: directory.UserInput{OpenID: new("x")}}, "field_not_writable", nil},
			{"no password", signin.Registration{Username: "gy"}, "password_missing", nil},
			{"weak password", signin.Registration{Username: "gy", Password: "12345"}, "password_unsafe", nil},
			{"oversized password", signin.Registration{Username: "gy", Password: strings.Repeat("x", 1<<20)}, "field_format", nil},
			{"nobody", signin.Registration{Password: "123456"}, "register_account_missing", nil},
			{"a code without address", signin.Registration{Username: "hy", Passcode: "123456"}, "register_account_missing", nil},
			{"blank name", signin.Registration{Username: "  ", Password: "123456"}, "field_format", nil},
			{"another's address as a name", signin.Registration{Username: "mail@example.com", Password: "123456"}, "field_format", nil},
			{"nobody's address as a name", signin.Registration{Username: "future@example.com", Password: "123456"}, "field_format", nil},
			{"another's number as a name", signin.Registration{Username: "13800000002", Password: "123456"}, "user_exists", nil},
			{"one's own address as a name", signin.Registration{Username: "own@example.com", Email: "Own@example.com", Password: "123456"}, "", nil},
			{"NUL in a name", signin.Registration{Username: "a\x00b", Password: "123456"}, "field_format", nil},
			{"made by a sign-in", signin.Registration{Email: "auto@example.com", Auto: true}, "", func(u *directory.User) bool { return u.EmailVerified }},
		} {
			u, err := w.Signin.Register(w.ctx, w.app, c.r)
			if code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if err == nil && c.also != nil && !c.also(u) {
				t.Errorf("%s: %+v", c.name, u)
			}
		}
		records, total, err := w.Log.List(t.Context(), w.Pool.ID, audit.Filter{Events: []string{"register"}, Limit: 50})
		if err != nil || total != 11 {
			t.Errorf("%d records of registrations: %v", total, err)
		}
		for _, r := range records {
			if r.UserID != r.TargetID || r.AppID != w.AppID || r.ClientIP != "192.0.2.7" {
				t.Errorf("%+v", r)
			}
		}
	})
}

// What the pool and the application ask of those who register.
func TestRegisterRules(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		register := func(r signin.Registration, want string) {
			t.Helper()
			if r.Password == "" {
				r.Password = "123456"
			}
			if _, err := w.Signin.Register(w.ctx, w.app, r); code(err) != want {
				t.Errorf("%+v: %v, want %q", r, err, want)
			}
		}

		w.settings(t, func(s *signin.AppSettings) { s.AgreementsEnabled = true })
		required, err := w.Signin.CreateAgreement(w.As(t.Context()), w.Pool.ID, w.AppID, signin.AgreementInput{Title: new("Terms")})
		if err != nil {
			t.Fatal(err)
		}
		register(signin.Registration{Username: "no-word-for-it"}, "")
		register(signin.Registration{Username: "refuses", Agreements: []int64{}}, "agreement_missing")
		register(signin.Registration{Username: "accepts", Agreements: []int64{required.ID}}, "")

		w.pool(t, directory.PoolSettings{Whitelist: &directory.WhitelistSwitches{Email: new(true)}})
		if _, err := w.Directory.AddToWhitelist(w.As(t.Context()), w.Pool.ID, directory.WhitelistKey{Type: directory.WhitelistEmail}, []string{"Listed@example.com"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Directory.AddToWhitelist(w.As(t.Context()), w.Pool.ID, directory.WhitelistKey{Type: directory.WhitelistEmail, AppID: w.AppID}, []string{"app@example.com"}); err != nil {
			t.Fatal(err)
		}
		register(signin.Registration{Email: "stranger@example.com"}, "register_not_whitelisted")
		register(signin.Registration{Email: "LISTED@example.com"}, "")
		register(signin.Registration{Email: "app@example.com"}, "")
		register(signin.Registration{Username: "names are free"}, "")
		if _, err := w.Signin.Register(w.ctx, w.app, signin.Registration{Email: "auto@example.com", Auto: true}); code(err) != "register_not_whitelisted" {
			t.Error(err)
		}

		var s directory.PoolSettings
		s.FrequentRegisterCheck = &directory.RateSetting{Enabled: new(true), Limit: new(int64(2)), TimeInterval: new(int64(3600))}
		w.pool(t, s)
		register(signin.Registration{Username: "first"}, "")
		register(signin.Registration{Username: "first"}, "user_exists")
		register(signin.Registration{Username: "third"}, "register_too_often")
		elsewhere := *caller.From(w.ctx)
		elsewhere.ClientIP = "198.51.100.1"
		if _, err := w.Signin.Register(caller.With(t.Context(), &elsewhere), w.app, signin.Registration{Username: "third", Password: "123456"}); err != nil {
			t.Error(err)
		}

		s.FrequentRegisterCheck = &directory.RateSetting{Enabled: new(false)}
		s.RegisterDisabled = new(true)
		w.pool(t, s)
		register(signin.Registration{Username: "late"}, "register_disabled")
	})
}

// Which ways to register an application leaves open, at every door.
func TestRegisterMethods(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		phone := signin.Registration{Phone: "13800000001", Password: "123456"}
		byName, byMail := signin.Registration{Username: "bob", Password: "123456"}, signin.Registration{Email: "bob@example.com", Password: "123456"}
		byCode, auto := signin.Registration{Email: "bob@example.com", Passcode: "000000"}, signin.Registration{Email: "auto@example.com", Auto: true}
		const off, wrong = "register_method_off", "passcode_wrong" // the method itself is open
		for _, c := range []struct {
			name                                 string
			methods                              []string
			merge                                bool
			phone, byName, byMail, byCode, auto_ string
		}{
			{"as it comes", w.app.Settings.RegisterMethods, false, "", "", "", wrong, ""},
			{"codes only", []string{signin.LoginEmailCode, signin.LoginPhoneCode}, false, off, off, off, wrong, "user_exists"},
			{"numbers only", []string{signin.LoginPhoneCode}, false, off, off, off, off, off},
			{"numbers only, signing in registers", []string{signin.LoginPhoneCode}, true, off, off, off, off, "user_exists"},
			{"names only", []string{signin.LoginUsernamePassword}, false, off, "user_exists", off, off, off},
			{"none", []string{}, false, off, off, off, off, off},
		} {
			app := *w.app
			app.Settings.RegisterMethods, app.Settings.MergeRegister = c.methods, c.merge
			for i, r := range []signin.Registration{phone, byName, byMail, byCode, auto} {
				want := []string{c.phone, c.byName, c.byMail, c.byCode, c.auto_}[i]
				if _, err := w.Signin.Register(w.ctx, &app, r); code(err) != want {
					t.Errorf("%s: %+v: %v, want %q", c.name, r, err, want)
				}
			}
		}
	})
}
