package signin_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// beside is another server over the same database, where a database serves several.
func beside(t *testing.T, h *testhall.Hall) *testhall.Hall {
	if h.DB.Local() {
		return h
	}
	return h.Again(t)
}

// eventually waits for what another server learns of.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for range 200 {
		if done() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Error("it never came")
}

// The pool's settings lie over the defaults, the application's over both, down to the single one.
func TestPolicy(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		again := beside(t, h)
		policy := func(h *testhall.Hall, id string) *signin.Policy {
			t.Helper()
			app, err := h.Signin.Application(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			x, err := h.Signin.Policy(ctx, app)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		const day = 86400
		x := policy(h, p.AppID)
		if x.RegisterShut || x.Captcha != (signin.Rate{Limit: 5, Interval: 300}) || x.Lock != (signin.Rate{Limit: 10, Interval: 900}) || x.CaptchaMode != signin.CaptchaAfter ||
			x.SessionLife != 14*day || x.SessionIdle != 7*day || x.CookieLife != 14*day || x.TokenLife != 14*day || x.CodeLength != 6 || x.CodeLife != 600 || x.CodeTries != 5 ||
			len(x.Factors) != 0 || x.FactorsByApp || x.Register.Limit != 0 || !x.SelfUnlock || x.Password.Strength != 1 || x.PoolID != p.ID || x.AppID != p.AppID {
			t.Errorf("at first it is %+v", x)
		}
		if policy(h, p.AppID) != x {
			t.Error("it is not remembered")
		}
		_ = policy(again, p.AppID)

		set := func(s directory.SecuritySettings) {
			t.Helper()
			if _, err := h.Directory.UpdatePool(ctx, p.ID, directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: s}}); err != nil {
				t.Fatal(err)
			}
		}
		set(directory.SecuritySettings{RegisterDisabled: of(true), Factors: []string{"OTP"}, VerifyCodeLength: of(int64(4)), SessionIdle: of(int64(3600)),
			Cookie:               &directory.CookieLife{ExpiresIn: of(int64(7200))},
			AllowedOrigins:       of("https://a.example.com\nhttps://b.example.com, https://c.example.com"),
			PasswordUpdatePolicy: &directory.PasswordAge{Enabled: of(true), ForcedCycle: of(int64(90 * day)), DifferenceCycle: of(int64(3))},
			AccountLockCheck:     &directory.RateSetting{Limit: of(int64(3))}})
		x = policy(h, p.AppID)
		if !x.RegisterShut || !slices.Equal(x.Factors, []string{"OTP"}) || x.FactorsByApp || x.CodeLength != 4 || x.CodeTries != 5 || x.SessionIdle != 3600 || x.SessionLife != 7200 || x.CookieLife != 7200 ||
			len(x.AllowedOrigins) != 3 || x.Password.MaxAge != 90*day || x.Password.Differs != 3 || x.Lock != (signin.Rate{Limit: 3, Interval: 900}) {
			t.Errorf("then it is %+v", x)
		}
		eventually(t, func() bool { return policy(again, p.AppID).RegisterShut })

		if _, err := h.Signin.UpdateApplication(ctx, p.ID, p.AppID, signin.ApplicationPatch{Settings: func(t *signin.AppSettings) error {
			t.CustomSecurity, t.Factors, t.SessionLife = true, &[]string{}, 600
			t.Security = directory.SecuritySettings{RegisterDisabled: of(false), VerifyCodeMaxAttempts: of(int64(2)), PasswordStrength: of(int64(3))}
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
		x = policy(h, p.AppID)
		if x.RegisterShut || len(x.Factors) != 0 || !x.FactorsByApp || x.CodeLength != 4 || x.CodeTries != 2 || x.SessionLife != 600 || x.SessionIdle != 600 || x.CookieLife != 600 || x.Password.Strength != 3 {
			t.Errorf("the application's is %+v", x)
		}
		if q, err := h.Signin.PoolPolicy(ctx, p.ID); err != nil || !q.RegisterShut || q.Password.Strength != 1 {
			t.Errorf("the pool's is %+v, %v", q, err)
		}
		if q, err := h.Signin.PoolPolicy(ctx, other.ID); err != nil || q.RegisterShut {
			t.Errorf("the other pool's is %+v, %v", q, err)
		}

		// The strategy that is out of date, and the switches in its place.
		old := &directory.RateSetting{Limit: of(int64(2)), TimeInterval: of(int64(60))}
		for name, c := range map[string]struct {
			set           directory.SecuritySettings
			captcha, lock int
		}{
			"captcha":      {directory.SecuritySettings{LoginFailStrategy: of("captcha"), LoginPasswordFailCheck: old}, 2, 10},
			"lock":         {directory.SecuritySettings{LoginFailStrategy: of("block-account"), LoginPasswordFailCheck: old}, 5, 2},
			"newer":        {directory.SecuritySettings{LoginFailStrategy: of("block-account"), LoginPasswordFailCheck: old, AccountLockCheck: &directory.RateSetting{Limit: of(int64(7))}}, 5, 7},
			"no lock":      {directory.SecuritySettings{AccountLock: of("disable")}, 5, 0},
			"check is off": {directory.SecuritySettings{RobotCheck: &directory.RateSetting{Enabled: of(false)}}, 0, 10},
		} {
			pool := h.Pool(t, name)
			if _, err := h.Directory.UpdatePool(pool.As(t.Context()), pool.ID, directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: c.set}}); err != nil {
				t.Fatal(err)
			}
			if x := policy(h, pool.AppID); x.Captcha.Limit != c.captcha || x.Lock.Limit != c.lock {
				t.Errorf("%s: captcha after %d, lock after %d", name, x.Captcha.Limit, x.Lock.Limit)
			}
		}
		for name, s := range map[string]directory.SecuritySettings{"strength": {PasswordStrength: of(int64(6))}, "regex": {PasswordRules: &directory.PasswordRule{Regex: of("(")}},
			"code": {VerifyCodeLength: of(int64(40))}, "robot": {RobotVerify: of("maybe")}, "session": {SessionLife: of(int64(1))}, "limit": {LoginFailCheck: &directory.RateSetting{Limit: of(int64(-1))}}} {
			if _, err := h.Directory.UpdatePool(ctx, p.ID, directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: s}}); err == nil {
				t.Errorf("%s passes", name)
			}
		}
	})
}

func TestPasswordPolicy(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx := p.As(t.Context())
		own := &directory.PasswordRule{MinLength: of(int64(10)), Classes: of(int64(3)), Repeats: of(int64(2)), Regex: of("^[a-zA-Z0-9]+$"), Message: of("长一点")}
		for strength, passwords := range map[int64]map[string]bool{
			0: {"a": true, "": false, " ": false},
			1: {"123456": true, "12345": false, "六个字的密码": true},
			2: {"abc123": true, "abcdef": false, "ABCdef": false, "abcd!?": true},
			3: {"abc12!": true, "abc123": false},
			4: {"correct-horse": true, "abc123": false, "aaaa-1111": false, "annspassword1": false},
			5: {"Abcdefghi1": true, "abcdefghi1": false, "Abcdefgh1": false, "Abcddd1234": false, "Abcdefgh1!": false},
		} {
			if _, err := h.Directory.UpdatePool(ctx, p.ID, directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: directory.SecuritySettings{PasswordStrength: &strength, PasswordRules: own}}}); err != nil {
				t.Fatal(err)
			}
			policy, err := h.Signin.PoolPolicy(ctx, p.ID)
			if err != nil {
				t.Fatal(err)
			}
			for password, want := range passwords {
				if err := policy.Password.Check(password, "ann"); (err == nil) != want || err != nil && code(err) != "password_unsafe" {
					t.Errorf("%d %q: %v", strength, password, err)
				}
			}
			for name, password := range map[string]string{"long": strings.Repeat("aB1!", 300), "NUL": "Abcdefghi1\x00", "no text": "Abcdefghi1\xff"} {
				if err := policy.Password.Check(password); code(err) != "field_format" {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}

// The V2 token lasts as long as the pool says, and where it does not, as the application's id tokens.
func TestV2TokenLife(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx := p.As(t.Context())
		u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: of("ann")}})
		if err != nil {
			t.Fatal(err)
		}
		life := func() int64 {
			t.Helper()
			app, err := h.Signin.Application(ctx, p.AppID)
			if err != nil {
				t.Fatal(err)
			}
			token, err := h.Signin.V2Token(ctx, app, nil, u)
			if err != nil {
				t.Fatal(err)
			}
			return token.ExpiresAt - token.IssuedAt
		}
		if got := life(); got != 14*86400 {
			t.Errorf("at first %d", got)
		}
		if _, err := h.Signin.UpdateApplication(ctx, p.ID, p.AppID, signin.ApplicationPatch{Settings: func(t *signin.AppSettings) error { t.IDTokenLife = 3600; return nil }}); err != nil {
			t.Fatal(err)
		}
		if got := life(); got != 3600 {
			t.Errorf("by the application %d", got)
		}
		for seconds, want := range map[int64]int64{7200: 7200, 0: 3600} {
			if _, err := h.Directory.UpdatePool(ctx, p.ID, directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: directory.SecuritySettings{TokenExpiresAfter: &seconds}}}); err != nil {
				t.Fatal(err)
			}
			if got := life(); got != want {
				t.Errorf("by the pool's %d it is %d", seconds, got)
			}
		}
	})
}

// Tokens that a secret signed die with it, whoever has looked at them before.
func TestRotatedSecretEndsTokens(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx := p.As(t.Context())
		u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: of("ann")}})
		if err != nil {
			t.Fatal(err)
		}
		app, err := h.Signin.Application(ctx, p.AppID)
		if err != nil {
			t.Fatal(err)
		}
		token, err := h.Signin.V2Token(ctx, app, nil, u)
		if err != nil {
			t.Fatal(err)
		}
		again := beside(t, h)
		for _, x := range []*testhall.Hall{h, again} {
			if _, _, err := x.Signin.User(ctx, token.Text); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.Signin.RotateSecret(ctx, p.ID, p.AppID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.Signin.User(ctx, token.Text); code(err) != "token_invalid" {
			t.Errorf("after the rotation: %v", err)
		}
		eventually(t, func() bool {
			_, _, err := again.Signin.User(ctx, token.Text)
			return code(err) == "token_invalid"
		})
	})
}
