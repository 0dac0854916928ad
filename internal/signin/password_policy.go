package signin

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// PasswordPolicy is what is asked of new passwords.
type PasswordPolicy struct {
	Strength  int    // 0 to 5 as the wire counts: none, low, middle, high, automatic, the pool's own rules
	MinLength int    // characters
	Classes   int    // of letters, digits and others, so many at least; of lower case, upper case, digits and others for own rules
	Repeats   int    // at most so many of one character in a row; 0: any
	Regex     string // RE2, of the whole or a part as it says itself; empty: none
	Message   string // what users are told in place of our own words: Chinese and English
	MessageEN string
	MaxAge    int64 // seconds after which a password has to change; 0: never
	Differs   int   // from so many before it

	form *regexp.Regexp
}

// LongestPassword is of bytes: hashing more would cost, and nobody types it.
const LongestPassword = 1024

// ErrPasswordUnsafe says that a password is not what the policy asks for. Its argument is the strength that is asked for.
var ErrPasswordUnsafe = fault.New(fault.Unprocessable, "password_unsafe")

func passwordPolicy(t *directory.SecuritySettings) PasswordPolicy {
	p := PasswordPolicy{Strength: int(*t.PasswordStrength)}
	switch p.Strength {
	case 0:
		p.MinLength = 1
	case 1:
		p.MinLength = 6
	case 2:
		p.MinLength, p.Classes = 6, 2
	case 3:
		p.MinLength, p.Classes = 6, 3
	case 4:
		p.MinLength, p.Classes, p.Repeats = 8, 2, 3
	case 5:
		r := t.PasswordRules
		p.MinLength, p.Classes, p.Repeats, p.Regex = max(int(*r.MinLength), 1), int(*r.Classes), int(*r.Repeats), *r.Regex
		p.Message, p.MessageEN = *r.Message, *r.MessageEN
		if p.Regex != "" {
			p.form, _ = regexp.Compile(p.Regex) // it was compiled when it was set
		}
	}
	if *t.PasswordUpdatePolicy.Enabled {
		p.MaxAge, p.Differs = *t.PasswordUpdatePolicy.ForcedCycle, int(*t.PasswordUpdatePolicy.DifferenceCycle)
	}
	return p
}

// Check refuses a new password that is not what the policy asks for: ErrPasswordUnsafe. names are what the user is called, which an
// automatic policy does not want to see in it. Passwords of more than 1,024 bytes, or that are no UTF-8, are fault.Field("password").
func (p *PasswordPolicy) Check(password string, names ...string) error {
	if len(password) > LongestPassword || !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return fault.Field("password")
	}
	if p.safe(password, names) {
		return nil
	}
	e := *ErrPasswordUnsafe
	e.Args = []string{strconv.Itoa(p.Strength)}
	return &e
}

func (p *PasswordPolicy) safe(password string, names []string) bool {
	if utf8.RuneCountInString(password) < p.MinLength || strings.TrimSpace(password) == "" {
		return false
	}
	var lower, upper, digits, others, run int
	var last rune
	for _, c := range password {
		switch {
		case unicode.IsLower(c):
			lower = 1
		case unicode.IsUpper(c):
			upper = 1
		case unicode.IsDigit(c):
			digits = 1
		case unicode.IsLetter(c):
			lower = 1 // scripts without case
		default:
			others = 1
		}
		if c == last {
			run++
		} else {
			last, run = c, 1
		}
		if p.Repeats > 0 && run > p.Repeats {
			return false
		}
	}
	letters := min(lower+upper, 1)
	if p.Strength == 5 {
		letters = lower + upper
	}
	if letters+digits+others < p.Classes || p.form != nil && !p.form.MatchString(password) {
		return false
	}
	if p.Strength == 4 {
		for _, name := range names {
			if len(name) >= 3 && strings.Contains(strings.ToLower(password), strings.ToLower(name)) {
				return false
			}
		}
	}
	return true
}
