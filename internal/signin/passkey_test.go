package signin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// device is a user's authenticator and the page that it is used on.
type device struct {
	rp   virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	key  virtualwebauthn.Credential
}

func newDevice(u *directory.User) *device {
	return &device{
		rp:   virtualwebauthn.RelyingParty{ID: "guildhall.test", Name: "one", Origin: testhall.BaseURL},
		auth: virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(u.ID)}),
		key:  testhall.NewPasskey(),
	}
}

// register is the browser's half of a registration.
func (d *device) register(t *testing.T, o *signin.PasskeyOptions) []byte {
	t.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(string(o.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtualwebauthn.CreateAttestationResponse(d.rp, d.auth, d.key, *options))
}

// answer is the browser's half of a sign-in; the counter has gone on since the last one.
func (d *device) answer(t *testing.T, o *signin.PasskeyOptions) []byte {
	t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(string(o.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	d.key.Counter++
	return []byte(virtualwebauthn.CreateAssertionResponse(d.rp, d.auth, d.key, *options))
}

func (w *place) registered(t *testing.T, u *directory.User, secondFactor bool) (*device, *signin.Passkey) {
	t.Helper()
	d := newDevice(u)
	o, err := w.Signin.StartPasskey(w.ctx, w.app, u, secondFactor)
	if err != nil {
		t.Fatal(err)
	}
	k, err := w.Signin.FinishPasskey(w.ctx, w.app, u, o.Ticket, d.register(t, o), "fingerprint", "Laptop")
	if err != nil {
		t.Fatal(err)
	}
	return d, k
}

func TestRegisterPasskey(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		other := w.newUser(t, "bob")
		w.settings(t, func(s *signin.AppSettings) {
			s.AllowedOrigins = []string{"https://app.guildhall.test", "https://*.guildhall.test", "https://evil.test"}
		})
		for _, c := range []struct {
			name   string
			device func(*device)
			user   *directory.User // who finishes
			want   string
		}{
			{name: "on the server's own pages"},
			{name: "on a page of the application", device: func(d *device) { d.rp.Origin = "https://app.guildhall.test" }},
			{name: "on a page that only a wildcard names", device: func(d *device) { d.rp.Origin = "https://other.guildhall.test" }, want: "passkey_wrong"},
			{name: "on an allowed page of another host", device: func(d *device) { d.rp.Origin = "https://evil.test" }, want: "passkey_wrong"},
			{name: "on a stranger's page", device: func(d *device) { d.rp.Origin = "https://guildhall.test.evil" }, want: "passkey_wrong"},
			{name: "for another host", device: func(d *device) { d.rp.ID = "evil.test" }, want: "passkey_wrong"},
			{name: "nobody was verified", device: func(d *device) { d.auth.Options.UserNotVerified = true }, want: "passkey_wrong"},
			{name: "nobody was there", device: func(d *device) { d.auth.Options.UserNotPresent = true }, want: "passkey_wrong"},
			{name: "by another user", user: other, want: "passkey_wrong"},
		} {
			d, u := newDevice(w.user), w.user
			if c.device != nil {
				c.device(d)
			}
			if c.user != nil {
				u = c.user
			}
			o, err := w.Signin.StartPasskey(w.ctx, w.app, w.user, false)
			if err != nil {
				t.Fatal(err)
			}
			credential := d.register(t, o)
			_, err = w.Signin.FinishPasskey(w.ctx, w.app, u, o.Ticket, credential, "", "")
			if code(err) != c.want {
				t.Errorf("%s: %v", c.name, err)
			}
			if _, err := w.Signin.FinishPasskey(w.ctx, w.app, u, o.Ticket, credential, "", ""); code(err) != "passkey_ticket_invalid" {
				t.Errorf("%s: the challenge counts twice: %v", c.name, err)
			}
		}

		d, k := w.registered(t, w.user, false)
		for _, c := range []struct {
			name       string
			credential []byte
			want       string
		}{
			{"no JSON", []byte("{"), "field_format"},
			{"nothing", nil, "field_format"},
			{"too long", []byte(strings.Repeat("x", 70_000)), "field_format"},
		} {
			o, err := w.Signin.StartPasskey(w.ctx, w.app, w.user, false)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Signin.FinishPasskey(w.ctx, w.app, w.user, o.Ticket, c.credential, "", ""); code(err) != c.want {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		o, err := w.Signin.StartPasskey(w.ctx, w.app, w.user, false)
		if err != nil || !strings.Contains(string(o.PublicKey), k.CredentialID) {
			t.Error("what the user has is not excluded:", err)
		}
		if _, err := w.Signin.FinishPasskey(w.ctx, w.app, w.user, o.Ticket, d.register(t, o), "", ""); code(err) != "passkey_taken" {
			t.Error("the same passkey twice:", err)
		}
		o, err = w.Signin.StartPasskey(w.ctx, w.app, other, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.FinishPasskey(w.ctx, w.app, other, o.Ticket, d.register(t, o), "", ""); code(err) != "passkey_taken" {
			t.Error("another user's passkey:", err)
		}

		if err := w.Signin.RenamePasskey(w.ctx, w.Pool.ID, other.ID, k.ID, "Mine"); code(err) != "passkey_not_found" {
			t.Error("another's passkey renamed:", err)
		}
		if err := w.Signin.RenamePasskey(w.ctx, w.Pool.ID, w.user.ID, k.CredentialID, " Phone "); err != nil {
			t.Error(err)
		}
		if k, err := w.Signin.Passkey(w.ctx, w.Pool.ID, w.user.ID, k.ID); err != nil || k.Name != "Phone" || k.Kind != "fingerprint" {
			t.Error(k, err)
		}
		if known, err := w.Signin.KnownPasskeys(w.ctx, w.Pool.ID, w.user.ID, []string{"x", k.CredentialID}); err != nil || len(known) != 1 {
			t.Error(known, err)
		}
		if err := w.Signin.RemovePasskey(w.ctx, w.Pool.ID, other.ID, k.ID); code(err) != "passkey_not_found" {
			t.Error("another's passkey removed:", err)
		}
		if n, err := w.Signin.RemovePasskeys(w.ctx, w.Pool.ID, w.user.ID, "fingerprint"); err != nil || n != 1 {
			t.Error(n, err)
		}
		if err := w.Signin.RemovePasskey(w.ctx, w.Pool.ID, w.user.ID, k.ID); code(err) != "passkey_not_found" {
			t.Error("removed twice:", err)
		}
	})
}

func TestPasskeyLogin(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		d, _ := w.registered(t, w.user, false)
		bob := w.newUser(t, "bob")
		bobs, _ := w.registered(t, bob, false)
		w.settings(t, factors("OTP")) // a passkey is enough by itself
		for _, c := range []struct {
			name, account string
			use           func(d device) *device
			want          string
			who           *directory.User
		}{
			{name: "discovered", who: w.user},
			{name: "by username", account: "ada", who: w.user},
			{name: "by e-mail", account: "Ada@example.com", who: w.user},
			{name: "another user's passkey", account: "ada", use: func(device) *device { return bobs }, want: "passkey_wrong"},
			{name: "another user's handle", use: func(d device) *device { d.auth.Options.UserHandle = []byte(bob.ID); return &d }, want: "passkey_wrong"},
			{name: "no handle", use: func(d device) *device { d.auth.Options.UserHandle = nil; return &d }, want: "passkey_wrong"},
			{name: "an account that does not exist", account: "nobody", want: "passkey_wrong"},
			{name: "on a stranger's page", use: func(d device) *device { d.rp.Origin = "https://evil.test"; return &d }, want: "passkey_wrong"},
			{name: "nobody was verified", use: func(d device) *device { d.auth.Options.UserNotVerified = true; return &d }, want: "passkey_wrong"},
			{name: "another key under the same name", use: func(d device) *device {
				d.key.Key = testhall.NewPasskey().Key
				return &d
			}, want: "passkey_wrong"},
			{name: "a key that nobody has", use: func(d device) *device { d.key = testhall.NewPasskey(); return &d }, want: "passkey_wrong"},
		} {
			o, err := w.Signin.StartPasskeyLogin(w.ctx, w.app, c.account)
			if err != nil {
				t.Fatal(c.name, err)
			}
			d.key.Counter += 10
			use := d
			if c.use != nil {
				use = c.use(*d)
			}
			answer := use.answer(t, o)
			out, err := w.Signin.PasskeyLogin(w.ctx, w.app, o.Ticket, answer, signin.Proof{})
			if code(err) != c.want {
				t.Errorf("%s: %v", c.name, err)
			}
			if c.who != nil && err == nil && (out.Session == nil || out.User.ID != c.who.ID || strings.Join(out.Session.AMR, " ") != "hwk mfa") {
				t.Errorf("%s: %+v", c.name, out)
			}
			if _, err := w.Signin.PasskeyLogin(w.ctx, w.app, o.Ticket, answer, signin.Proof{}); code(err) != "passkey_ticket_invalid" {
				t.Errorf("%s: the challenge counts twice: %v", c.name, err)
			}
		}

		// The counter of a copy goes back.
		o, err := w.Signin.StartPasskeyLogin(w.ctx, w.app, "")
		if err != nil {
			t.Fatal(err)
		}
		copied := *d
		copied.key.Counter = 1
		if _, err := w.Signin.PasskeyLogin(w.ctx, w.app, o.Ticket, copied.answer(t, o), signin.Proof{}); code(err) != "passkey_cloned" {
			t.Error("a copy:", err)
		}
		keys, err := w.Signin.Passkeys(w.ctx, w.Pool.ID, w.user.ID)
		if err != nil || len(keys) != 1 || keys[0].ClonedAt == 0 {
			t.Error("nobody is told of the copy:", keys, err)
		}
		n, err := db.One[int64](t.Context(), w.DB, "select count(*) from audit_log where pool_id = ? and event = ? and success = false and after_values like ?", w.Pool.ID, "verifyMfa", "%cloneWarning%")
		if err != nil || n != 1 {
			t.Errorf("%d records of it, %v", n, err)
		}

		// A passkey of one application's ceremony is none of another's.
		other, err := w.Signin.CreateApplication(w.As(w.ctx), w.Pool.ID, signin.NewApplication{Name: "other"})
		if err != nil {
			t.Fatal(err)
		}
		o, err = w.Signin.StartPasskeyLogin(w.ctx, w.app, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.PasskeyLogin(w.ctx, other, o.Ticket, d.answer(t, o), signin.Proof{}); code(err) != "passkey_ticket_invalid" {
			t.Error("another application:", err)
		}
		// Nor does a registration's challenge sign anybody in.
		o, err = w.Signin.StartPasskey(w.ctx, w.app, w.user, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.PasskeyLogin(w.ctx, w.app, o.Ticket, d.answer(t, o), signin.Proof{}); code(err) != "passkey_ticket_invalid" {
			t.Error("a registration's challenge:", err)
		}
	})
}

// Who asks for an account's passkeys does not learn whether there is one.
func TestPasskeysOfNobody(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		w.registered(t, w.user, false)
		ids := func(account string) []string {
			o, err := w.Signin.StartPasskeyLogin(w.ctx, w.app, account)
			if err != nil {
				t.Fatal(err)
			}
			var options struct {
				AllowCredentials []struct{ ID string }
			}
			if err := json.Unmarshal(o.PublicKey, &options); err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, c := range options.AllowCredentials {
				list = append(list, c.ID)
			}
			return list
		}
		known, nobody, again := ids("ada"), ids("nobody"), ids("nobody")
		if len(known) != 1 || len(nobody) != 1 || nobody[0] != again[0] || len(nobody[0]) != len(known[0]) {
			t.Errorf("%v, %v, %v", known, nobody, again)
		}
	})
}

func TestPasskeyAsSecondFactor(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		w.settings(t, factors("PASSKEY"))
		step := w.pending(t, w.user)
		if _, err := w.Signin.StartPasskeyVerify(w.ctx, step.Handle); code(err) != "factor_refused" {
			t.Error("there is none:", err)
		}
		o, err := w.Signin.StartPasskeyBinding(w.ctx, step.Handle)
		if err != nil {
			t.Fatal(err)
		}
		d := newDevice(w.user)
		d.auth.Options.UserNotVerified = true // the password has said who it is
		credential := d.register(t, o)
		if _, err := w.Signin.FinishPasskey(w.ctx, w.app, w.user, o.Ticket, credential, "", ""); code(err) != "passkey_ticket_invalid" {
			t.Error("finished outside of the sign-in:", err)
		}
		if o, err = w.Signin.StartPasskeyBinding(w.ctx, step.Handle); err != nil {
			t.Fatal(err)
		}
		out, err := w.Signin.BindPasskey(w.ctx, step.Handle, d.register(t, o), false)
		if err != nil || out.Session == nil {
			t.Fatal(err)
		}

		step = w.pending(t, w.user)
		if _, err := w.Signin.StartPasskeyBinding(w.ctx, step.Handle); code(err) != "factor_refused" {
			t.Error("a second one while signing in:", err)
		}
		another := w.pending(t, w.user)
		if o, err = w.Signin.StartPasskeyVerify(w.ctx, step.Handle); err != nil {
			t.Fatal(err)
		}
		proof := signin.FactorProof{Type: signin.FactorPasskey, Ticket: o.Ticket, Credential: d.answer(t, o)}
		if _, err := w.Signin.ProveFactor(w.ctx, another.Handle, proof); code(err) != "passkey_ticket_invalid" {
			t.Error("the challenge of another sign-in:", err)
		}
		if o, err = w.Signin.StartPasskeyVerify(w.ctx, step.Handle); err != nil {
			t.Fatal(err)
		}
		proof = signin.FactorProof{Type: signin.FactorPasskey, Ticket: o.Ticket, Credential: d.answer(t, o)}
		out, err = w.Signin.ProveFactor(w.ctx, step.Handle, proof)
		if err != nil || out.Session == nil || strings.Join(out.Session.AMR, " ") != "pwd hwk mfa" {
			t.Fatal(out, err)
		}
		if again, err := w.Signin.ProveFactor(w.ctx, step.Handle, proof); err != nil || again.Session.ID != out.Session.ID {
			t.Error("the same twice:", again, err)
		}
		list, err := w.Signin.Factors(w.ctx, w.Pool.ID, w.user.ID)
		if err != nil || len(list) != 1 || list[0].Type != signin.FactorPasskey {
			t.Fatal(list, err)
		}
		// A second factor that verifies nobody is no first one.
		if o, err = w.Signin.StartPasskeyLogin(w.ctx, w.app, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.PasskeyLogin(w.ctx, w.app, o.Ticket, d.answer(t, o), signin.Proof{}); code(err) != "passkey_wrong" {
			t.Error("signed in by a key alone:", err)
		}
		if err := w.Signin.ResetFactor(w.ctx, w.Pool.ID, w.user.ID, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if keys, err := w.Signin.Passkeys(w.ctx, w.Pool.ID, w.user.ID); err != nil || len(keys) != 1 || keys[0].SecondFactor {
			t.Error("the passkey itself remains:", keys, err)
		}
	})
}
