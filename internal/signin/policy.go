package signin

import (
	"context"
	"strings"
	"sync"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// Policy is what holds at an application's doors: the pool's security settings with the application's own in their place, and the
// defaults of both. Times are seconds. It is shared: not to be changed.
type Policy struct {
	PoolID string
	AppID  string // empty for the pool's own

	Password PasswordPolicy

	// Wrong secrets. Each bound holds within its Interval; Limit 0 is none.
	Captcha      Rate     // so many wrong secrets for an account, then a captcha is wanted
	Address      Rate     // so many from one address, whoever the accounts were, then too
	CaptchaMode  string   // CaptchaAlways | CaptchaNever | CaptchaAfter
	CaptchaFree  []string // addresses and networks (CIDR) of which none is wanted
	Lock         Rate     // so many wrong passwords, then the account is locked for Interval
	SelfUnlock   bool     // users unlock their account by a code
	UnlockByBoth bool     // and their password

	SessionLife   int64 // a session ends after it, whatever happens
	SessionIdle   int64 // and when nobody has used it for so long
	CookieLife    int64 // 0: the cookie goes with the browser
	TokenLife     int64 // the V2 user's token
	CodeLength    int
	CodeLife      int64
	CodeTries     int
	FactorMemory  int64    // a device that has shown a second factor is not asked again for so long; 0: always
	Factors       []string // OTP, SMS, EMAIL, PASSKEY: one of them is demanded at every sign-in; none, no second factor is
	FactorsByApp  bool     // the application says so, not the pool
	RegisterShut  bool     // nobody makes their own account
	Register      Rate     // accounts from one address
	VerifiedEmail bool     // a user whose e-mail is not verified does not get in by it

	CompletePassword bool // who has no password chooses one after signing in by a code
	AccountSwitch    bool // one browser keeps several people signed in
	VerifyOldPhone   bool // changing the number asks for a code on the old one
	VerifyOldEmail   bool
	AllowedOrigins   []string // of the application and of the pool
	QRCode           QRCodePolicy
}

// Modes of the captcha.
const (
	CaptchaAlways = "always_enable"
	CaptchaNever  = "disable"
	CaptchaAfter  = "condition_set"
)

// Rate is a bound: Limit within Interval seconds. Limit 0 is no bound.
type Rate struct {
	Limit    int
	Interval int64
}

// QRCodePolicy is how signing in by a scanned code works.
type QRCodePolicy struct {
	Life, TicketLife int64
	FullUser         bool // polling answers the whole user
	InBrowser        bool // the ticket is exchanged without the application's secret
}

// Policy returns what holds at an application's doors.
func (s *Signin) Policy(ctx context.Context, app *Application) (*Policy, error) {
	return s.policy(ctx, app.PoolID, app)
}

// PoolPolicy returns what holds in a pool for applications that say nothing of their own.
func (s *Signin) PoolPolicy(ctx context.Context, poolID string) (*Policy, error) {
	return s.policy(ctx, poolID, nil)
}

// SecuritySettings are those that hold at an application's doors, or where app is nil those of a pool, with the defaults where nobody
// has set anything: no pointer in them is nil.
func (s *Signin) SecuritySettings(ctx context.Context, poolID string, app *Application) (*directory.SecuritySettings, error) {
	pool, err := s.dir.Pool(ctx, poolID)
	if err != nil {
		return nil, err
	}
	set, err := securityOf(pool, app)
	if err != nil {
		return nil, err
	}
	return defaultSecurity().With(set)
}

// securityOf is what has been set for a pool, and in its place for an application.
func securityOf(pool *directory.Pool, app *Application) (*directory.SecuritySettings, error) {
	set := &pool.Settings.SecuritySettings
	if app == nil {
		return set, nil
	}
	if app.Settings.CustomSecurity {
		var err error
		if set, err = set.With(&app.Settings.Security); err != nil {
			return nil, err
		}
	}
	if app.Settings.Factors != nil {
		return set.With(&directory.SecuritySettings{Factors: *app.Settings.Factors})
	}
	return set, nil
}

// defaultSecurity is what holds where nobody has set anything. It is the one place where these defaults stand. Anybody may register,
// six characters make a password, five wrong secrets in five minutes ask for a captcha, ten wrong passwords lock an account for a
// quarter of an hour, a session lasts a fortnight and a week unused, a code has six digits, ten minutes and five guesses.
func defaultSecurity() *directory.SecuritySettings {
	rate := func(enabled bool, limit, interval int64) *directory.RateSetting {
		return &directory.RateSetting{Enabled: &enabled, Limit: &limit, TimeInterval: &interval, Unit: of("Second")}
	}
	const day = int64(86400)
	return &directory.SecuritySettings{
		RegisterDisabled:          of(false),
		AllowedOrigins:            of(""),
		TokenExpiresAfter:         of(14 * day),
		FrequentRegisterCheck:     rate(false, 100, 300),
		LoginFailCheck:            rate(true, 50, 300),
		LoginPasswordFailCheck:    rate(true, 5, 300),
		PasswordUpdatePolicy:      &directory.PasswordAge{Enabled: of(false), ForcedCycle: of(int64(0)), DifferenceCycle: of(int64(0))},
		LoginFailStrategy:         of("captcha"),
		ChangePhone:               &directory.PhoneChange{VerifyOldPhone: of(true)},
		ChangeEmail:               &directory.EmailChange{VerifyOldEmail: of(true)},
		QRCodeLogin:               &directory.QRCodeLogin{ExpiresAfter: of(int64(120)), ExpiresAfterUnit: of("Second"), TicketExpiresAfter: of(int64(300)), TicketExpiresUnit: of("Second"), ReturnFullUserInfo: of(false), ExchangeInBrowser: of(false)},
		LoginRequireEmailVerified: of(false),
		VerifyCodeLength:          of(int64(6)),
		VerifyCodeMaxAttempts:     of(int64(5)),
		VerifyCodeLife:            of(int64(600)),
		Cookie:                    &directory.CookieLife{ExpiresIn: of(14 * day), OnBrowserSession: of(false)},
		SessionLife:               of(14 * day),
		SessionIdle:               of(7 * day),
		CompletePassword:          of(false),
		SelfUnlock:                &directory.SelfUnlock{Enabled: of(true), Strategy: of("captcha")},
		AccountSwitch:             of(false),
		RobotVerify:               of(CaptchaAfter),
		AccountLock:               of(CaptchaAfter),
		AccountLockCheck:          rate(true, 10, 900),
		RobotCheck:                rate(true, 5, 300),
		RobotAddresses:            &directory.AddressCheck{Enabled: of(false), IPWhitelist: of("")},
		RobotTimes:                of(false),
		RobotWeek:                 []string{},
		PasswordStrength:          of(int64(1)),
		PasswordRules:             &directory.PasswordRule{Enabled: of(false), MinLength: of(int64(8)), Classes: of(int64(0)), Repeats: of(int64(0)), Regex: of(""), Message: of(""), MessageEN: of("")},
		Factors:                   []string{},
		FactorMemory:              of(int64(0)),
	}
}

func of[T any](v T) *T { return &v }

// policyCache keeps what was worked out for applications lately, by application, and for pools, by pool.
type policyCache struct {
	mu    sync.RWMutex
	epoch int64
	byID  map[string]*Policy
}

// drop forgets everything: a pool's settings hold for all of its applications, and both change rarely.
func (c *policyCache) drop(string, []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch, c.byID = c.epoch+1, nil
}

func (s *Signin) policy(ctx context.Context, poolID string, app *Application) (*Policy, error) {
	id := poolID
	if app != nil {
		id = app.ID
	}
	s.policies.mu.RLock()
	p, mark := s.policies.byID[id], s.policies.epoch
	s.policies.mu.RUnlock()
	inTx := s.db.InTx(ctx)
	if p != nil && !inTx {
		return p, nil
	}
	pool, err := s.dir.Pool(ctx, poolID)
	if err != nil {
		return nil, err
	}
	if p, err = newPolicy(pool, app); err != nil {
		return nil, err
	}
	if inTx {
		return p, nil // what a transaction reads may be undone
	}
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	if s.policies.epoch == mark {
		if s.policies.byID == nil || len(s.policies.byID) >= mostCachedApplications {
			s.policies.byID = make(map[string]*Policy)
		}
		s.policies.byID[id] = p
	}
	return p, nil
}

// newPolicy merges the defaults, a pool's settings and an application's.
func newPolicy(pool *directory.Pool, app *Application) (*Policy, error) {
	set, err := securityOf(pool, app)
	if err != nil {
		return nil, err
	}
	t, err := defaultSecurity().With(set)
	if err != nil {
		return nil, err
	}
	p := &Policy{PoolID: pool.ID, CaptchaMode: *t.RobotVerify, SelfUnlock: *t.SelfUnlock.Enabled, UnlockByBoth: *t.SelfUnlock.Strategy == "password-captcha",
		SessionLife: *t.SessionLife, SessionIdle: *t.SessionIdle, TokenLife: *t.TokenExpiresAfter, CodeLength: int(*t.VerifyCodeLength),
		CodeLife: *t.VerifyCodeLife, CodeTries: int(*t.VerifyCodeMaxAttempts), FactorMemory: *t.FactorMemory, Factors: t.Factors,
		RegisterShut: *t.RegisterDisabled, Register: rateOf(t.FrequentRegisterCheck), VerifiedEmail: *t.LoginRequireEmailVerified,
		CompletePassword: *t.CompletePassword, AccountSwitch: *t.AccountSwitch, VerifyOldPhone: *t.ChangePhone.VerifyOldPhone,
		VerifyOldEmail: *t.ChangeEmail.VerifyOldEmail, AllowedOrigins: words(*t.AllowedOrigins), Address: rateOf(t.LoginFailCheck),
		QRCode:   QRCodePolicy{*t.QRCodeLogin.ExpiresAfter, *t.QRCodeLogin.TicketExpiresAfter, *t.QRCodeLogin.ReturnFullUserInfo, *t.QRCodeLogin.ExchangeInBrowser},
		Password: passwordPolicy(t)}
	p.setGuards(set, t)
	if set.SessionLife == nil && set.Cookie != nil && set.Cookie.ExpiresIn != nil {
		p.SessionLife = *set.Cookie.ExpiresIn // the wire knows the life of the cookie only
	}
	if app != nil {
		p.AppID = app.ID
		if app.Settings.SessionLife > 0 {
			p.SessionLife = app.Settings.SessionLife
		}
		if app.Settings.Factors != nil {
			p.FactorsByApp = true
		}
		p.RegisterShut = p.RegisterShut || app.Settings.RegisterDisabled
		p.AllowedOrigins = append(p.AllowedOrigins, app.Settings.AllowedOrigins...)
		if set.TokenExpiresAfter == nil || p.TokenLife == 0 {
			p.TokenLife = app.Settings.IDTokenLife
		}
	}
	p.SessionIdle = min(p.SessionIdle, p.SessionLife)
	if !*t.Cookie.OnBrowserSession {
		p.CookieLife = min(*t.Cookie.ExpiresIn, p.SessionLife)
	}
	return p, nil
}

// setGuards works out when a captcha is wanted and when an account is locked. The wire has a strategy with one bound, which is out of
// date, and in its place two switches, each with its own: what is set of the newer ones holds.
func (p *Policy) setGuards(set, t *directory.SecuritySettings) {
	p.Captcha, p.Lock = rateOf(t.RobotCheck), rateOf(t.AccountLockCheck)
	if old := set.LoginPasswordFailCheck; old != nil {
		block := set.LoginFailStrategy != nil && *set.LoginFailStrategy == "block-account"
		if block && set.AccountLockCheck == nil {
			p.Lock = rateOf(t.LoginPasswordFailCheck)
		}
		if !block && set.RobotCheck == nil {
			p.Captcha = rateOf(t.LoginPasswordFailCheck)
		}
	}
	if *t.AccountLock == CaptchaNever {
		p.Lock = Rate{}
	}
	if *t.RobotAddresses.Enabled {
		p.CaptchaFree = words(*t.RobotAddresses.IPWhitelist)
	}
}

func rateOf(r *directory.RateSetting) Rate {
	if !*r.Enabled || *r.Limit <= 0 {
		return Rate{}
	}
	return Rate{int(*r.Limit), *r.TimeInterval}
}

// words splits what administrators write in one field: one in a line, or with commas or blanks between.
func words(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == '\n' || c == '\r' || c == ',' || c == ';' || c == ' ' || c == '\t' })
}
