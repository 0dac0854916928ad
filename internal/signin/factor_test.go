package signin_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// otpAt is the code of a secret at a distance from now.
func otpAt(t *testing.T, secret string, from time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(from))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// bindOTP gives the user a one-time password and returns what they were shown.
func (w *place) bindOTP(t *testing.T, u *directory.User) *signin.OTPEnrolment {
	t.Helper()
	e, err := w.Signin.StartOTP(w.ctx, w.app, u)
	if err != nil {
		t.Fatal(err)
	}
	recovery, err := w.Signin.ConfirmOTP(w.ctx, u.PoolID, u.ID, otpAt(t, e.Secret, 0))
	if err != nil || recovery != e.RecoveryCode {
		t.Fatal(recovery, err)
	}
	return e
}

// settings changes the application's settings, for flows too.
func (w *place) settings(t *testing.T, change func(*signin.AppSettings)) {
	t.Helper()
	app, err := w.Signin.UpdateApplication(w.As(context.Background()), w.Pool.ID, w.AppID, signin.ApplicationPatch{
		Settings: func(s *signin.AppSettings) error { change(s); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	w.app = app
}

func factors(list ...string) func(*signin.AppSettings) {
	return func(s *signin.AppSettings) { s.Factors = &list }
}

// pending is a sign-in of the user that wants a second factor.
func (w *place) pending(t *testing.T, u *directory.User) *signin.Step {
	t.Helper()
	out, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: u.Username, Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	if out.Step == nil || out.Step.Kind != signin.StepMFA {
		t.Fatalf("no second factor is wanted: %+v", out)
	}
	return out.Step
}

func eachPlace(t *testing.T, test func(t *testing.T, w *place)) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) { test(t, newPlace(t, d, nil)) })
}

func TestOTP(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		pool, id := w.Pool.ID, w.user.ID
		if err := w.Signin.VerifyOTP(w.ctx, pool, id, "123456"); code(err) != "totp_not_found" {
			t.Error("without a secret:", err)
		}
		if _, err := w.Signin.ConfirmOTP(w.ctx, pool, id, "123456"); code(err) != "otp_not_pending" {
			t.Error("nothing waits:", err)
		}
		e, err := w.Signin.StartOTP(w.ctx, w.app, w.user)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(e.URI, "otpauth://totp/") || !strings.Contains(e.URI, e.Secret) || !strings.HasPrefix(e.QRCode, "data:image/png;base64,iVBOR") {
			t.Errorf("shown: %s %.40s", e.URI, e.QRCode)
		}
		if list, err := w.Signin.Factors(w.ctx, pool, id); err != nil || len(list) != 0 {
			t.Error("a secret that waits is a factor already:", list, err)
		}
		if _, err := w.Signin.ConfirmOTP(w.ctx, pool, id, "000000"); code(err) != "otp_wrong" {
			t.Error("wrong first code:", err)
		}
		now := otpAt(t, e.Secret, 0)
		if _, err := w.Signin.ConfirmOTP(w.ctx, pool, id, now); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.ConfirmOTP(w.ctx, pool, id, now); code(err) != "otp_not_pending" {
			t.Error("confirmed twice:", err)
		}
		for _, c := range []struct {
			name, code, want string
		}{
			{"too old", otpAt(t, e.Secret, -95*time.Second), "otp_wrong"},
			{"from the future", otpAt(t, e.Secret, 95*time.Second), "otp_wrong"},
			{"missing", " ", "otp_missing"},
			{"too long", now + now, "otp_wrong"},
			{"no digits", "äöüß", "otp_wrong"},
			{"the code that confirmed", now, ""},
			{"again", now, "otp_wrong"},
			{"a step before one that was taken", otpAt(t, e.Secret, -30*time.Second), "otp_wrong"},
			{"with spaces, of the next step", " " + otpAt(t, e.Secret, 30*time.Second)[:3] + " " + otpAt(t, e.Secret, 30*time.Second)[3:], ""},
		} {
			if err := w.Signin.VerifyOTP(w.ctx, pool, id, c.code); code(err) != c.want {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if err := w.Signin.VerifyOTP(w.ctx, "000000000000000000000000", id, otpAt(t, e.Secret, 0)); code(err) != "totp_not_found" {
			t.Error("another pool:", err)
		}
		if err := w.Directory.ImportTOTP(w.As(w.ctx), pool, []directory.UserTOTP{{UserID: id, TOTP: directory.TOTP{Secret: "123456", RecoveryCode: "654321"}}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Signin.VerifyOTP(w.ctx, pool, id, "123456"); code(err) != "otp_wrong" {
			t.Error("a secret that is no base32:", err)
		}
		if next, err := w.Signin.SpendRecoveryCode(w.ctx, pool, id, " 65-43 21"); err != nil || next == "" {
			t.Error("imported recovery code:", err)
		}
		if err := w.Signin.DropOTP(w.ctx, pool, id); err != nil {
			t.Fatal(err)
		}
		if err := w.Signin.DropOTP(w.ctx, pool, id); err != nil {
			t.Error("there is none left:", err)
		}
		if _, err := w.Signin.SpendRecoveryCode(w.ctx, pool, id, "654321"); code(err) != "totp_not_found" {
			t.Error("recovery code of a secret that is gone:", err)
		}
	})
}

// Nothing that opens an account is in the database as it stands.
func TestFactorSecretsAreSealed(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		e := w.bindOTP(t, w.user)
		row, err := db.One[string](t.Context(), w.DB, "select totp_secret || ' ' || recovery_code from user_factors where pool_id = ?", w.Pool.ID)
		if err != nil || row == "" {
			t.Fatal(err)
		}
		for _, secret := range []string{e.Secret, e.RecoveryCode, strings.ReplaceAll(e.RecoveryCode, "-", "")} {
			if strings.Contains(row, secret) {
				t.Errorf("%q is readable in %q", secret, row)
			}
		}
	})
}

// A code and a recovery code are taken once, whoever tries on whatever server.
func TestFactorsOnce(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		e := w.bindOTP(t, w.user)
		servers := []*signin.Signin{w.Signin, w.Signin}
		if !w.DB.Local() {
			servers[1] = w.Again(t).Signin
		}
		now := otpAt(t, e.Secret, 0)
		for _, c := range []struct {
			name, wrong string
			try         func(s *signin.Signin) error
		}{
			{"one-time password", "otp_wrong", func(s *signin.Signin) error { return s.VerifyOTP(w.ctx, w.Pool.ID, w.user.ID, now) }},
			{"recovery code", "recovery_code_wrong", func(s *signin.Signin) error {
				_, err := s.SpendRecoveryCode(w.ctx, w.Pool.ID, w.user.ID, e.RecoveryCode)
				return err
			}},
		} {
			var won, lost atomic.Int64
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					for range 20 {
						switch err := c.try(servers[i%2]); code(err) {
						case "":
							won.Add(1)
						case c.wrong:
							lost.Add(1)
						default:
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 || lost.Load() != 999 {
				t.Errorf("%s: %d succeeded, %d did not", c.name, won.Load(), lost.Load())
			}
		}
	})
}

func TestFactorsDemanded(t *testing.T) {
	type want struct {
		demanded, byApp bool
		offers          string // type, + when enrolled
	}
	tests := []struct {
		name    string
		app     func(*signin.AppSettings)
		otp     bool
		phone   bool
		amr     []string
		trigger string
		want    want
	}{
		{name: "nobody asks", want: want{}},
		{name: "the user has one", otp: true, want: want{true, false, "OTP+"}},
		{name: "the application asks, the user has none", app: factors("OTP"), want: want{true, true, "OTP"}},
		{name: "the application asks, the user has it", app: factors("OTP"), otp: true, want: want{true, true, "OTP+"}},
		{name: "who has one of the offered may not enrol another", app: factors("OTP", "EMAIL"), want: want{true, true, "EMAIL+"}},
		{name: "an address is wanted that the user has not", app: factors("SMS"), want: want{true, true, "SMS"}},
		{name: "but who has a factor of their own shows that and enrols no other", app: factors("SMS"), otp: true, want: want{true, true, "OTP+"}},
		{name: "the account's number", app: factors("SMS"), phone: true, want: want{true, true, "SMS+"}},
		{name: "a passkey to enrol", app: factors("PASSKEY"), want: want{true, true, "PASSKEY"}},
		{name: "the application asks for none, the user has one", app: factors(), otp: true, want: want{true, false, "OTP+"}},
		{name: "the first factor was more than one", app: factors("OTP"), otp: true, amr: []string{"hwk", "mfa"}, want: want{}},
		{name: "not the same address twice", app: factors("EMAIL", "OTP"), otp: true, amr: []string{"email"}, want: want{true, true, "OTP+"}},
		{name: "unless there is nothing else", app: factors("EMAIL"), amr: []string{"email"}, want: want{true, true, "EMAIL+"}},
		{name: "an administrator asks it of this user", trigger: `{"applicationMfa":[{"mfaPolicy":"OTP","status":1},{"mfaPolicy":"SMS","status":0}]}`, want: want{true, true, "OTP"}},
	}
	eachPlace(t, func(t *testing.T, w *place) {
		for i, c := range tests {
			w.settings(t, func(s *signin.AppSettings) {
				if s.Factors = nil; c.app != nil {
					c.app(s)
				}
			})
			u := w.newUser(t, "user"+string(rune('a'+i)))
			if c.otp {
				w.bindOTP(t, u)
			}
			if c.phone {
				u.Phone = "13800000000"
			}
			if c.trigger != "" {
				if err := w.Directory.SetMFATrigger(w.As(w.ctx), w.Pool.ID, directory.ByID(u.ID), c.trigger); err != nil {
					t.Fatal(err)
				}
			}
			if c.amr == nil {
				c.amr = []string{"pwd"}
			}
			demanded, byApp, offers, err := w.Signin.FactorsDemanded(w.ctx, w.app, u, c.amr, "")
			if err != nil {
				t.Fatal(c.name, err)
			}
			var list []string
			for i, f := range offers {
				if f.Sort != i+1 {
					t.Errorf("%s: order %d", c.name, f.Sort)
				}
				text := string(f.Type)
				if f.Enrolled {
					text += "+"
				}
				list = append(list, text)
			}
			if got := (want{demanded, byApp, strings.Join(list, " ")}); got != c.want {
				t.Errorf("%s: %+v, wanted %+v", c.name, got, c.want)
			}
		}
	})
}

func TestProveFactor(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		e := w.bindOTP(t, w.user)
		step := w.pending(t, w.user)
		proof := func(code string) signin.FactorProof {
			return signin.FactorProof{Type: signin.FactorOTP, Code: code}
		}
		for _, c := range []struct {
			name, handle string
			proof        signin.FactorProof
			want         string
		}{
			{"no sign-in", "", proof("123456"), "login_flow_gone"},
			{"no ticket", "nonsense", proof("123456"), "login_flow_gone"},
			{"unknown", w.Pool.ID + strings.Repeat("A", 43), proof("123456"), "login_flow_gone"},
			{"a face", step.Handle, signin.FactorProof{Type: signin.FactorFace}, "factor_unsupported"},
			{"a factor that is not offered", step.Handle, signin.FactorProof{Type: signin.FactorEmail, Code: "123456"}, "factor_refused"},
			{"no code", step.Handle, proof(""), "otp_missing"},
			{"wrong code", step.Handle, proof("000000"), "otp_wrong"},
		} {
			if _, err := w.Signin.ProveFactor(w.ctx, c.handle, c.proof); code(err) != c.want {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if _, err := w.Signin.StartOTPInFlow(w.ctx, step.Handle); code(err) != "factor_refused" {
			t.Error("a stolen password enrols a factor beside the user's own:", err)
		}
		right := otpAt(t, e.Secret, 0)
		out, err := w.Signin.ProveFactor(w.ctx, step.Handle, proof(right))
		if err != nil || out.Session == nil || out.Repeated {
			t.Fatalf("%+v %v", out, err)
		}
		if !slices.Equal(out.Session.AMR, []string{"pwd", "otp", "mfa"}) {
			t.Error(out.Session.AMR)
		}
		again, err := w.Signin.ProveFactor(w.ctx, step.Handle, proof(right))
		if err != nil || !again.Repeated || again.Session == nil || again.Session.ID != out.Session.ID {
			t.Errorf("the same twice: %+v %v", again, err)
		}
		if _, err := w.Signin.ProveFactor(w.ctx, step.Handle, proof("000000")); code(err) != "login_flow_gone" {
			t.Error("another code after the right one:", err)
		}
		if list, err := w.Signin.Sessions(w.ctx, w.Pool.ID, w.user.ID); err != nil || len(list) != 1 {
			t.Errorf("%d sessions, %v", len(list), err)
		}
		other := w.pending(t, w.user)
		if _, err := w.Signin.ProveFactor(w.ctx, other.Handle, proof(right)); code(err) != "otp_wrong" {
			t.Error("the code of another sign-in:", err)
		}
	})
}

// Five wrong codes end a sign-in, and ten lock the factor for whoever knows the password.
func TestFactorTries(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		w.bindOTP(t, w.user)
		try := func(handle string) string {
			_, err := w.Signin.ProveFactor(w.ctx, handle, signin.FactorProof{Type: signin.FactorOTP, Code: "000000"})
			return code(err)
		}
		for round := range 2 {
			step := w.pending(t, w.user)
			for i := range 5 {
				if got := try(step.Handle); got != "otp_wrong" {
					t.Errorf("round %d, try %d: %s", round, i, got)
				}
			}
			if got := try(step.Handle); got != "login_flow_gone" {
				t.Errorf("round %d, the sixth try: %s", round, got)
			}
		}
		if got := try(w.pending(t, w.user).Handle); got != "login_locked" {
			t.Error("after ten wrong codes:", got)
		}
	})
}

// The same proof many times at once makes one session and nobody is turned away.
func TestProveFactorAtOnce(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		e := w.bindOTP(t, w.user)
		servers := []*signin.Signin{w.Signin, w.Signin}
		if !w.DB.Local() {
			servers[1] = w.Again(t).Signin
		}
		step := w.pending(t, w.user)
		right := otpAt(t, e.Secret, 0)
		var fresh atomic.Int64
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				out, err := servers[i%2].ProveFactor(w.ctx, step.Handle, signin.FactorProof{Type: signin.FactorOTP, Code: right})
				if err != nil {
					t.Error(err)
				} else if !out.Repeated {
					fresh.Add(1)
				}
			})
		}
		wg.Wait()
		list, err := w.Signin.Sessions(w.ctx, w.Pool.ID, w.user.ID)
		if err != nil || len(list) != 1 || fresh.Load() != 1 {
			t.Errorf("%d sessions of %d sign-ins, %v", len(list), fresh.Load(), err)
		}
	})
}

func TestEnrolInFlow(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		w.settings(t, factors("OTP"))
		step := w.pending(t, w.user)
		if _, err := w.Signin.FactorRead(w.ctx, step.Handle, false); code(err) != "login_flow_gone" {
			t.Error("nothing was shown:", err)
		}
		if _, err := w.Signin.ProveFactor(w.ctx, step.Handle, signin.FactorProof{Type: signin.FactorOTP, Code: "123456"}); code(err) != "factor_refused" {
			t.Error("none is enrolled:", err)
		}
		e, err := w.Signin.StartOTPInFlow(w.ctx, step.Handle)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.ConfirmOTPInFlow(w.ctx, step.Handle, "000000"); code(err) != "otp_wrong" {
			t.Error("wrong first code:", err)
		}
		first := otpAt(t, e.Secret, 0)
		for range 2 { // the client sends it by itself and again when the button is pressed
			if recovery, err := w.Signin.ConfirmOTPInFlow(w.ctx, step.Handle, first); err != nil || recovery != e.RecoveryCode {
				t.Fatal(recovery, err)
			}
		}
		out, err := w.Signin.FactorRead(w.ctx, step.Handle, false)
		if err != nil || out.Session == nil {
			t.Fatal(err)
		}
		again, err := w.Signin.FactorRead(w.ctx, step.Handle, false)
		if err != nil || !again.Repeated || again.Session.ID != out.Session.ID {
			t.Errorf("%+v %v", again, err)
		}

		step = w.pending(t, w.user)
		if _, err := w.Signin.RecoverInFlow(w.ctx, step.Handle, "0000-0000"); code(err) != "recovery_code_wrong" {
			t.Error("wrong recovery code:", err)
		}
		next, err := w.Signin.RecoverInFlow(w.ctx, step.Handle, e.RecoveryCode)
		if err != nil || next == "" || next == e.RecoveryCode {
			t.Fatal(next, err)
		}
		if same, err := w.Signin.RecoverInFlow(w.ctx, step.Handle, e.RecoveryCode); err != nil || same != next {
			t.Error("the same twice:", same, err)
		}
		if out, err := w.Signin.FactorRead(w.ctx, step.Handle, false); err != nil || out.Session == nil {
			t.Fatal(err)
		}
		step = w.pending(t, w.user)
		if _, err := w.Signin.RecoverInFlow(w.ctx, step.Handle, e.RecoveryCode); code(err) != "recovery_code_wrong" {
			t.Error("a recovery code of before:", err)
		}
		if _, err := w.Signin.RecoverInFlow(w.ctx, step.Handle, next); err != nil {
			t.Error("its replacement:", err)
		}
	})
}

func TestEnrolment(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		other := w.newUser(t, "bob")
		if _, _, err := w.Signin.StartEnrolment(w.ctx, w.app, w.user, signin.FactorFace, signin.Address{}); code(err) != "factor_unsupported" {
			t.Error("a face:", err)
		}
		if _, _, err := w.Signin.StartEnrolment(w.ctx, w.app, w.user, signin.FactorEmail, signin.Address{}); code(err) != "field_format" {
			t.Error("no address:", err)
		}
		token, e, err := w.Signin.StartEnrolment(w.ctx, w.app, w.user, signin.FactorOTP, signin.Address{})
		if err != nil {
			t.Fatal(err)
		}
		now := otpAt(t, e.Secret, 0)
		for _, c := range []struct {
			name  string
			user  *directory.User
			kind  signin.FactorType
			token string
			code  string
			want  string
		}{
			{"another user", other, signin.FactorOTP, token, now, "enrollment_token_invalid"},
			{"another type", w.user, signin.FactorSMS, token, now, "enrollment_token_invalid"},
			{"no token", w.user, signin.FactorOTP, "x", now, "enrollment_token_invalid"},
			{"no code", w.user, signin.FactorOTP, token, "", "otp_missing"},
			{"wrong code", w.user, signin.FactorOTP, token, "000000", "otp_wrong"},
			{"right", w.user, signin.FactorOTP, token, now, ""},
			{"again", w.user, signin.FactorOTP, token, now, "enrollment_token_invalid"},
		} {
			if err := w.Signin.FinishEnrolment(w.ctx, c.user, c.kind, c.token, c.code); code(err) != c.want {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if _, _, err := w.Signin.StartEnrolment(w.ctx, w.app, w.user, signin.FactorOTP, signin.Address{}); code(err) != "factor_enrolled" {
			t.Error("a second one:", err)
		}
		list, err := w.Signin.Factors(w.ctx, w.Pool.ID, w.user.ID)
		if err != nil || len(list) != 1 || list[0].Type != signin.FactorOTP || list[0].CreatedAt == 0 {
			t.Fatal(list, err)
		}
		if types, err := w.Signin.FactorsToEnroll(w.ctx, w.Pool.ID, w.user.ID); err != nil || !slices.Equal(types, []signin.FactorType{signin.FactorSMS, signin.FactorEmail}) {
			t.Error(types, err)
		}
		if err := w.Signin.ResetFactor(w.ctx, w.Pool.ID, other.ID, list[0].ID); code(err) != "factor_not_found" {
			t.Error("another's factor:", err)
		}
		if err := w.Signin.ResetFactor(w.ctx, w.Pool.ID, w.user.ID, list[0].ID); err != nil {
			t.Error(err)
		}
		if err := w.Signin.ResetFactor(w.ctx, w.Pool.ID, w.user.ID, list[0].ID); code(err) != "factor_not_found" {
			t.Error("reset twice:", err)
		}
		logs, err := db.List[string](t.Context(), w.DB, "select event from audit_log where pool_id = ? and user_id = ? and event <> '' order by id limit 10", w.Pool.ID, w.user.ID)
		if err != nil || !slices.Equal(logs, []string{"bindMfa", "unbindMFA"}) {
			t.Error(logs, err)
		}
	})
}

func TestRememberedDevices(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		w.bindOTP(t, w.user)
		if token, _, err := w.Signin.RememberDevice(w.ctx, w.app, w.user); err != nil || token != "" {
			t.Error("the policy remembers none:", token, err)
		}
		memory := int64(3600)
		w.settings(t, func(s *signin.AppSettings) { s.CustomSecurity, s.Security.FactorMemory = true, &memory })
		token, life, err := w.Signin.RememberDevice(w.ctx, w.app, w.user)
		if err != nil || token == "" || life != time.Hour {
			t.Fatal(token, life, err)
		}
		other := w.newUser(t, "bob")
		w.bindOTP(t, other)
		demanded := func(u *directory.User, token string) bool {
			t.Helper()
			yes, _, _, err := w.Signin.FactorsDemanded(w.ctx, w.app, u, []string{"pwd"}, token)
			if err != nil {
				t.Fatal(err)
			}
			return yes
		}
		changed := *w.user
		changed.PasswordSetAt++
		for _, c := range []struct {
			name  string
			user  *directory.User
			token string
			want  bool
		}{
			{"the device", w.user, token, false},
			{"no device", w.user, "", true},
			{"another secret", w.user, token[:24] + strings.Repeat("A", 43), true},
			{"no token", w.user, "nonsense", true},
			{"another user", other, token, true},
			{"after another password", &changed, token, true},
		} {
			if got := demanded(c.user, c.token); got != c.want {
				t.Errorf("%s: demanded %v", c.name, got)
			}
		}
		list, err := w.Signin.RememberedDevices(w.ctx, w.Pool.ID, w.user.ID)
		if err != nil || len(list) != 1 || list[0].ClientIP != "192.0.2.7" {
			t.Fatal(list, err)
		}
		if err := w.Signin.ForgetDevice(w.ctx, w.Pool.ID, other.ID, list[0].ID); code(err) != "remembered_device_not_found" {
			t.Error("another's device:", err)
		}
		if err := w.Signin.ForgetDevice(w.ctx, w.Pool.ID, w.user.ID, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if !demanded(w.user, token) {
			t.Error("a device that was forgotten is trusted")
		}
		token, _, _ = w.Signin.RememberDevice(w.ctx, w.app, w.user)
		if err := w.Signin.DropOTP(w.ctx, w.Pool.ID, w.user.ID); err != nil {
			t.Fatal(err)
		}
		w.bindOTP(t, w.user)
		if !demanded(w.user, token) {
			t.Error("the trust outlives the factor that it was given for")
		}
	})
}
