package directory

import (
	"regexp"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// SecuritySettings are how a pool guards its doors; an application may have its own in their place. nil is what nobody has set:
// what then holds stands in package signin, in one place. Times and lengths of time are seconds.
type SecuritySettings struct {
	RegisterDisabled          *bool         `json:"registerDisabled,omitzero"`
	AllowedOrigins            *string       `json:"allowedOrigins,omitzero"` // one in a line
	TokenExpiresAfter         *int64        `json:"tokenExpiresAfter,omitzero"`
	FrequentRegisterCheck     *RateSetting  `json:"frequentRegisterCheck,omitzero"`
	LoginFailCheck            *RateSetting  `json:"loginFailCheck,omitzero"`         // of any kind: captcha
	LoginPasswordFailCheck    *RateSetting  `json:"loginPasswordFailCheck,omitzero"` // wrong passwords: the account is locked
	PasswordUpdatePolicy      *PasswordAge  `json:"passwordUpdatePolicy,omitzero"`
	LoginFailStrategy         *string       `json:"loginFailStrategy,omitzero"` // captcha | block-account
	ChangePhone               *PhoneChange  `json:"changePhoneStrategy,omitzero"`
	ChangeEmail               *EmailChange  `json:"changeEmailStrategy,omitzero"`
	QRCodeLogin               *QRCodeLogin  `json:"qrcodeLoginStrategy,omitzero"`
	LoginRequireEmailVerified *bool         `json:"loginRequireEmailVerified,omitzero"`
	VerifyCodeLength          *int64        `json:"verifyCodeLength,omitzero"`
	VerifyCodeMaxAttempts     *int64        `json:"verifyCodeMaxAttempts,omitzero"`
	VerifyCodeLife            *int64        `json:"verifyCodeLifetime,omitzero"`
	Cookie                    *CookieLife   `json:"cookieSettings,omitzero"`
	SessionLife               *int64        `json:"sessionLifetime,omitzero"`
	SessionIdle               *int64        `json:"sessionIdleTimeout,omitzero"`
	CompletePassword          *bool         `json:"completePasswordAfterPassCodeLogin,omitzero"`
	SelfUnlock                *SelfUnlock   `json:"selfUnlockAccount,omitzero"`
	AccountSwitch             *bool         `json:"enableLoginAccountSwitch,omitzero"`
	RobotVerify               *string       `json:"robotVerify,omitzero"` // always_enable | disable | condition_set
	AccountLock               *string       `json:"accountLock,omitzero"` // disable | condition_set
	AccountLockCheck          *RateSetting  `json:"accountLockLoginPasswordFailCheck,omitzero"`
	RobotCheck                *RateSetting  `json:"robotVerifyLoginPasswordFailCheck,omitzero"`
	RobotAddresses            *AddressCheck `json:"robotVerifyLoginIpWhitelistCheck,omitzero"`
	RobotTimes                *bool         `json:"robotVerifyLoginTimeCheckEnable,omitzero"`
	RobotWeek                 []string      `json:"robotVerifyloginWeekStartEndTime,omitzero"`
	PasswordStrength          *int64        `json:"passwordStrength,omitzero"` // 0 to 5; 5 is PasswordRules
	PasswordRules             *PasswordRule `json:"customPasswordStrength,omitzero"`
	Factors                   []string      `json:"mfaFactors,omitzero"`     // OTP, SMS, EMAIL, FACE, PASSKEY: one of them is demanded at every sign-in
	FactorMemory              *int64        `json:"mfaRememberFor,omitzero"` // a device that has shown a factor is not asked again
}

// RateSetting bounds how often something may be tried.
type RateSetting struct {
	TimeInterval *int64  `json:"timeInterval,omitzero"`
	Limit        *int64  `json:"limit,omitzero"`
	Enabled      *bool   `json:"enabled,omitzero"`
	Unit         *string `json:"unit,omitzero"` // that a console shows TimeInterval in; it is seconds all the same
}

// PasswordAge says how often passwords have to change.
type PasswordAge struct {
	Enabled         *bool  `json:"enabled,omitzero"`
	ForcedCycle     *int64 `json:"forcedCycle,omitzero"`
	DifferenceCycle *int64 `json:"differenceCycle,omitzero"`
}

// PasswordRule is what a pool of its own strength asks of passwords.
type PasswordRule struct {
	Enabled   *bool   `json:"enabled,omitzero"`
	MinLength *int64  `json:"minLength,omitzero"`
	Classes   *int64  `json:"classes,omitzero"` // of lower-case and upper-case letters, digits and other characters: so many at least
	Repeats   *int64  `json:"maxRepeats,omitzero"`
	Regex     *string `json:"regex,omitzero"` // RE2
	Message   *string `json:"message,omitzero"`
	MessageEN *string `json:"messageEn,omitzero"`
}

// PhoneChange says what a user must prove to change their phone number.
type PhoneChange struct {
	VerifyOldPhone *bool `json:"verifyOldPhone,omitzero"`
}

// EmailChange says what a user must prove to change their email.
type EmailChange struct {
	VerifyOldEmail *bool `json:"verifyOldEmail,omitzero"`
}

// CookieLife is how long a browser stays signed in.
type CookieLife struct {
	ExpiresIn *int64 `json:"cookieExpiresIn,omitzero"`
	// OnBrowserSession lets the sign-in end with the browser.
	OnBrowserSession *bool `json:"cookieExpiresOnBrowserSession,omitzero"`
}

// SelfUnlock says whether users unlock their account themselves, and how.
type SelfUnlock struct {
	Enabled  *bool   `json:"enabled,omitzero"`
	Strategy *string `json:"strategy,omitzero"` // captcha | password-captcha
}

// AddressCheck exempts addresses.
type AddressCheck struct {
	Enabled     *bool   `json:"enabled,omitzero"`
	IPWhitelist *string `json:"ipWhitelist,omitzero"`
}

// QRCodeLogin says how signing in by a scanned code works.
type QRCodeLogin struct {
	ExpiresAfter       *int64  `json:"qrcodeExpiresAfter,omitzero"`
	ExpiresAfterUnit   *string `json:"qrcodeExpiresAfterUnit,omitzero"`
	ReturnFullUserInfo *bool   `json:"returnFullUserInfo,omitzero"`
	ExchangeInBrowser  *bool   `json:"allowExchangeUserInfoFromBrowser,omitzero"`
	TicketExpiresAfter *int64  `json:"ticketExpiresAfter,omitzero"`
	TicketExpiresUnit  *string `json:"ticketExpiresAfterUnit,omitzero"`
}

// With is s with a change laid over it, down to the single setting. It shares nothing with s that may change.
func (s *SecuritySettings) With(change *SecuritySettings) (*SecuritySettings, error) {
	out := &SecuritySettings{}
	for _, from := range []*SecuritySettings{s, change} {
		b, err := json.Marshal(from)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, out); err != nil { // an object decoded into an object adds to it
			return nil, err
		}
	}
	return out, nil
}

const (
	longestTime  = 10 * 365 * 86400 // seconds
	longestToken = 365 * 86400      // seconds
	mostTries    = 1_000_000
	mostWeek     = 50
	mostSettings = 20
)

// Check refuses settings that cannot be, by fault.Field and CheckRange of the wire's names. Times are of at most ten years. FACE, among
// the second factors, and words that are not known stay with whoever offers them.
func (s *SecuritySettings) Check() error {
	for _, t := range []struct {
		name    string
		value   *string
		most    int
		allowed []string // nil: any
	}{
		{"allowedOrigins", s.AllowedOrigins, longestSetting, nil},
		{"loginFailStrategy", s.LoginFailStrategy, MaxCode, []string{"captcha", "block-account"}},
		{"robotVerify", s.RobotVerify, MaxCode, []string{"disable", "condition_set", "always_enable"}},
		{"accountLock", s.AccountLock, MaxCode, []string{"disable", "condition_set"}},
	} {
		if t.value == nil {
			continue
		}
		if err := clean(t.name, *t.value, t.most); err != nil {
			return err
		}
		if t.allowed != nil && !slices.Contains(t.allowed, *t.value) {
			return fault.Field(t.name)
		}
	}
	if u := s.SelfUnlock; u != nil && u.Strategy != nil && !slices.Contains([]string{"captcha", "password-captcha"}, *u.Strategy) {
		return fault.Field("strategy")
	}
	if a := s.RobotAddresses; a != nil && a.IPWhitelist != nil {
		if err := clean("ipWhitelist", *a.IPWhitelist, longestSetting); err != nil {
			return err
		}
	}
	for _, list := range []struct {
		name   string
		values []string
		most   int
	}{{"robotVerifyloginWeekStartEndTime", s.RobotWeek, mostWeek}, {"enabledFactors", s.Factors, mostSettings}} {
		if len(list.values) > list.most {
			return CheckCount(list.name, len(list.values), list.most)
		}
		for _, v := range list.values {
			if err := clean(list.name, v, MaxName); err != nil {
				return err
			}
		}
	}
	if err := s.PasswordRules.check(); err != nil {
		return err
	}
	return s.checkNumbers()
}

func (r *PasswordRule) check() error {
	if r == nil {
		return nil
	}
	for name, text := range map[string]*string{"message": r.Message, "messageEn": r.MessageEN, "regex": r.Regex} {
		if text != nil {
			if err := clean(name, *text, MaxDescription); err != nil {
				return err
			}
		}
	}
	if r.Regex != nil {
		if _, err := regexp.Compile(*r.Regex); err != nil {
			return fault.Field("regex")
		}
	}
	return nil
}

// checkNumbers refuses numbers out of bounds: every one is a length, a time or a count.
func (s *SecuritySettings) checkNumbers() error {
	type number struct {
		name        string
		value       *int64
		least, most int64
	}
	numbers := []number{{"tokenExpiresAfter", s.TokenExpiresAfter, 0, longestToken}, {"verifyCodeLength", s.VerifyCodeLength, 4, 8},
		{"verifyCodeMaxAttempts", s.VerifyCodeMaxAttempts, 1, 10}, {"verifyCodeLifetime", s.VerifyCodeLife, 60, 3600},
		{"sessionLifetime", s.SessionLife, 60, longestTime}, {"sessionIdleTimeout", s.SessionIdle, 60, longestTime},
		{"passwordStrength", s.PasswordStrength, 0, 5}, {"mfaRememberFor", s.FactorMemory, 0, longestTime}}
	for _, r := range []*RateSetting{s.FrequentRegisterCheck, s.LoginFailCheck, s.LoginPasswordFailCheck, s.AccountLockCheck, s.RobotCheck} {
		if r != nil {
			numbers = append(numbers, number{"timeInterval", r.TimeInterval, 0, longestTime}, number{"limit", r.Limit, 0, mostTries})
			if r.Unit != nil {
				if err := clean("unit", *r.Unit, MaxCode); err != nil {
					return err
				}
			}
		}
	}
	if p := s.PasswordUpdatePolicy; p != nil {
		numbers = append(numbers, number{"forcedCycle", p.ForcedCycle, 0, longestTime}, number{"differenceCycle", p.DifferenceCycle, 0, mostSettings})
	}
	if c := s.Cookie; c != nil {
		numbers = append(numbers, number{"cookieExpiresIn", c.ExpiresIn, 60, longestTime})
	}
	if q := s.QRCodeLogin; q != nil {
		numbers = append(numbers, number{"qrcodeExpiresAfter", q.ExpiresAfter, 0, 86400}, number{"ticketExpiresAfter", q.TicketExpiresAfter, 0, 86400})
		for _, unit := range []*string{q.ExpiresAfterUnit, q.TicketExpiresUnit} {
			if unit != nil {
				if err := clean("unit", *unit, MaxCode); err != nil {
					return err
				}
			}
		}
	}
	if r := s.PasswordRules; r != nil {
		numbers = append(numbers, number{"minLength", r.MinLength, 0, 128}, number{"classes", r.Classes, 0, 4}, number{"maxRepeats", r.Repeats, 0, 128})
	}
	for _, n := range numbers {
		if n.value != nil {
			if err := CheckRange(n.name, *n.value, n.least, n.most); err != nil {
				return err
			}
		}
	}
	return nil
}
