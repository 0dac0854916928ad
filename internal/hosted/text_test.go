package hosted

import (
	"encoding/base64"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Every text is there in both languages with the same places to fill, and every key that the pages name is a text.
func TestTexts(t *testing.T) {
	for name, table := range map[string]map[string][2]string{"texts": texts, "refusals": refusals} {
		for key, both := range table {
			for i, text := range both {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s: %s has no words in %s", name, key, languages[i].code)
				}
			}
			if strings.Count(both[0], "%s") != strings.Count(both[1], "%s") {
				t.Errorf("%s: %s fills different places: %q, %q", name, key, both[0], both[1])
			}
			if key != "html.lang" && !regexp.MustCompile(`\p{Han}|%s`).MatchString(both[1]) {
				t.Errorf("%s: %s is not Chinese: %q", name, key, both[1])
			}
		}
	}
	for kind, both := range kindRefusals {
		if both[0] == "" || both[1] == "" {
			t.Errorf("%s has no words", kind)
		}
	}
	code := sources(t)
	for _, m := range regexp.MustCompile(`(?:T|text|good)\((?:[a-zA-Z]+, )?"([a-zA-Z_.]+)"[,)]`).FindAllStringSubmatch(code, -1) {
		if _, ok := texts[m[1]]; !ok && !strings.HasSuffix(m[1], ".") {
			t.Errorf("there is no text %q", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\$?\.T "([a-z_.]+)"`).FindAllStringSubmatch(code, -1) {
		if _, ok := texts[m[1]]; !ok {
			t.Errorf("the template asks for a text %q", m[1])
		}
	}
	// Keys that are put together from parts.
	made := regexp.MustCompile(`^(scope|tab|field|gender|bool|mfa|enrol|code|account|html)\.`)
	for key := range texts {
		if !made.MatchString(key) && !strings.Contains(code, `"`+key+`"`) {
			t.Errorf("nobody says %q", key)
		}
	}
	for name := range scopeIcons {
		if _, ok := texts["scope."+name]; !ok {
			t.Errorf("the scope %s has no words", name)
		}
	}
	for name := range plainFields {
		if _, ok := texts["field."+name]; !ok && name != "username" {
			t.Errorf("the field %s has no words", name)
		}
	}
	for kind := range factorIcons {
		for _, key := range []string{"mfa." + string(kind), "enrol." + string(kind), "enrol." + string(kind) + ".hint"} {
			if _, ok := texts[key]; !ok {
				t.Errorf("there is no text %q", key)
			}
		}
	}
}

// What can go wrong on a page has words of its own.
func TestRefusalsHaveWords(t *testing.T) {
	for _, err := range []*fault.Error{signin.ErrPasswordWrong, signin.ErrUserBlocked, signin.ErrEmailUnverified, signin.ErrAppForbidden, signin.ErrAppDisabled,
		signin.ErrMethodOff, signin.ErrFlowGone, signin.ErrLocked, signin.ErrFlood, signin.ErrCaptchaNeeded, signin.ErrCaptchaWrong, signin.ErrUnlockOff, signin.ErrUnlockPassword,
		signin.ErrTooOften, signin.ErrPasscodeWrong, signin.ErrPasscodeExpired, signin.ErrOTPWrong, signin.ErrOTPMissing, signin.ErrOTPNotPending, signin.ErrRecoveryWrong,
		signin.ErrRecoveryNone, signin.ErrFactorRefused, signin.ErrFactorUnsupported, signin.ErrPasskeyWrong, signin.ErrPasskeyCloned, signin.ErrPasskeyTaken,
		signin.ErrPasskeyTicket, signin.ErrPasskeyNoHost, signin.ErrPasswordUnsafe, signin.ErrPasswordUnchanged, signin.ErrPasswordMissing, signin.ErrOldPasswordNeeded,
		signin.ErrOldPasswordWrong, signin.ErrRegisterShut, signin.ErrRegisterTooOften, signin.ErrNotWhitelisted, signin.ErrUserExists, signin.ErrAgreementMissing,
		signin.ErrEmailUnproven, signin.ErrPhoneUnproven, signin.ErrScanGone, signin.ErrScanTicket, signin.ErrScanState, signin.ErrDeviceGone, signin.ErrInteractionGone,
		signin.ErrTicketInvalid, signin.ErrTicketUsed, signin.ErrUserShut} {
		if _, ok := refusals[err.Code]; !ok {
			t.Errorf("%s has no words", err.Code)
		}
	}
}

func TestFillIn(t *testing.T) {
	for _, c := range []struct {
		text string
		args []string
		want string
	}{{"a %s b %s", []string{"1", "2"}, "a 1 b 2"}, {"%s", nil, ""}, {"%s %s", []string{"%s", "x"}, "% x"}, {"none", []string{"x"}, "none"}} {
		if got := fillIn(c.text, c.args); got != c.want {
			t.Errorf("%q with %q is %q", c.text, c.args, got)
		}
	}
}

// What pages remember is the server's own: nothing that a browser makes up is taken, and nothing that has run out.
func TestState(t *testing.T) {
	now := clock()
	p := New(Options{Key: make([]byte, 32), BaseURL: "https://id.example.com", Now: func() time.Time { return now }})
	other := New(Options{Key: append(make([]byte, 31), 1), BaseURL: "https://id.example.com", Now: clock})
	w := httptest.NewRecorder()
	p.keepState(w, &state{Token: "secret", Flow: &pending{Door: "a", Handle: "h"}})
	c := w.Result().Cookies()[0]
	if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || strings.Contains(c.Value, "secret") {
		t.Fatalf("%+v", c)
	}
	open := func(p *Pages, value string) (*state, bool) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", c.Name+"="+value)
		return p.openState(r)
	}
	if s, fresh := open(p, c.Value); fresh || s.Token != "secret" || s.Flow.Handle != "h" {
		t.Fatalf("%+v", s)
	}
	sealed, _ := base64.RawURLEncoding.DecodeString(c.Value)
	for i := range sealed {
		bad := append([]byte{}, sealed...)
		bad[i] ^= 1
		if _, fresh := open(p, base64.RawURLEncoding.EncodeToString(bad)); !fresh {
			t.Fatalf("byte %d may be changed", i)
		}
	}
	for _, bad := range []string{"", "x", "AAAA", c.Value + "A", strings.Repeat("A", 8000)} {
		if s, fresh := open(p, bad); !fresh || s.Token == "" {
			t.Errorf("%.20q is taken", bad)
		}
	}
	if _, fresh := open(other, c.Value); !fresh {
		t.Error("another server's key opens it")
	}
	now = now.Add(2 * time.Hour)
	if _, fresh := open(p, c.Value); !fresh {
		t.Error("it never ends")
	}
	// What people typed gives way before the cookie grows too large.
	w = httptest.NewRecorder()
	p.keepState(w, &state{Token: "secret", Note: &note{Page: "/", Code: "x", Values: map[string]string{"a": strings.Repeat("b", 4000)}}})
	if got := w.Result().Cookies()[0]; len(got.Value) > longestState {
		t.Errorf("the cookie has %d bytes", len(got.Value))
	}
}
