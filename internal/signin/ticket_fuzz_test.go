package signin_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// fuzzPlace is a place on SQLite whose application offers every way in.
func fuzzPlace(f *testing.F) *place {
	f.Helper()
	d, err := db.Open(f.Context(), db.Options{DSN: testhall.SQLite(f)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	h := testhall.New(f, d)
	w := &place{Hall: h, Pool: h.Pool(f, "one")}
	w.ctx = caller.With(context.Background(), &caller.Caller{PoolID: w.Pool.ID, AppID: w.AppID, ClientIP: "192.0.2.7", RequestID: "test"})
	w.app, err = h.Signin.UpdateApplication(w.As(f.Context()), w.Pool.ID, w.AppID, signin.ApplicationPatch{Settings: func(s *signin.AppSettings) error {
		s.LoginMethods = append(slices.Clone(s.LoginMethods), signin.LoginQRCode)
		return nil
	}})
	if err != nil {
		f.Fatal(err)
	}
	name := "ada"
	w.user, err = h.Directory.CreateUser(w.As(f.Context()), w.Pool.ID, directory.NewUser{UserInput: directory.UserInput{Username: &name, Email: new("ada@example.com")},
		Password: &directory.PasswordInput{Text: "correct horse"}})
	if err != nil {
		f.Fatal(err)
	}
	return w
}

// Whatever stands where the text of a ticket belongs, also that of a ticket of another kind, it is refused in words and does nothing.
func FuzzTicketTexts(f *testing.F) {
	for _, seed := range []string{"", "x", strings.Repeat("a", 67), "!code", "!refresh", "!flow", "!scan", "!reset", "!captcha", "!interaction", "!\x00", "é", "%00"} {
		f.Add(seed)
	}
	w := fuzzPlace(f)
	s := w.Signin
	f.Fuzz(func(t *testing.T, text string) {
		ctx := w.ctx
		if kind, ok := strings.CutPrefix(text, "!"); ok { // a good ticket of some kind of its own, made for the very user and application
			var err error
			text, err = s.IssueTicket(ctx, w.Pool.ID, signin.TicketKind("fuzz"+kind), 60_000_000_000, signin.TicketFor{UserID: w.user.ID, AppID: w.AppID}, nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		tries := map[string]error{}
		_, tries["refresh"] = s.RefreshTokens(ctx, w.app, text, nil)
		_, tries["code"] = s.RedeemCode(ctx, w.app, signin.CodeExchange{Kind: signin.FamilyOIDC, Code: text, RedirectURI: "https://app.example/cb"})
		_, tries["device"] = s.RedeemDeviceTokens(ctx, w.app, text)
		_, tries["flow"] = s.Flow(ctx, text)
		_, tries["factor"] = s.ProveFactor(ctx, text, signin.FactorProof{Type: signin.FactorOTP, Code: "123456"})
		_, tries["interaction"] = s.FinishInteraction(ctx, text)
		_, _, tries["scanned"] = s.SignInScanned(ctx, w.app, text, signin.Proof{Trusted: true})
		_, tries["offer"] = s.TakeOffer(ctx, w.app, text, signin.Proof{})
		tries["scan"] = s.ActOnScan(ctx, w.Pool.ID, w.user.ID, text, signin.ScanAllow)
		tries["link"] = s.VerifyEmail(ctx, text)
		_, tries["reset"] = s.ResetPassword(ctx, w.app, text, "another horse")
		_, tries["address"] = s.UpdateProven(ctx, w.app, w.user.ID, "email", text)
		tries["deletion"] = s.DeleteAccount(ctx, w.app, w.user.ID, text)
		_, tries["passkey"] = s.FinishPasskey(ctx, w.app, w.user, text, []byte("{}"), "", "")
		_, tries["passkey login"] = s.PasskeyLogin(ctx, w.app, text, []byte("{}"), signin.Proof{})
		policy := guarded(w.Pool)
		policy.CaptchaMode = signin.CaptchaAlways
		tries["captcha"] = s.Admit(ctx, policy, signin.Door{PoolID: w.Pool.ID, Account: "ada", Captcha: signin.Captcha{Token: text, Code: "1234"}})
		for name, err := range tries {
			if err == nil {
				t.Errorf("%s is let through by %q", name, text)
			} else if fault.As(err) == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if x, err := s.ScanStanding(ctx, w.app, text); err != nil || x.Status != signin.ScanExpired {
			t.Errorf("a scan stands: %+v, %v", x, err)
		}
	})
}

// Whatever a browser says that its authenticator has answered, nobody is signed in by it and nothing is registered, unless it is an answer.
func FuzzPasskeys(f *testing.F) {
	w := fuzzPlace(f)
	s := w.Signin
	for _, seed := range []string{``, `{}`, `null`, `[]`, `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`,
		`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`,
		`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","userHandle":"AA"}}`,
		`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiIiwib3JpZ2luIjoiIn0","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA"}}`,
		`{"id":"AA","rawId":"AA","type":"public-key","authenticatorAttachment":"platform","clientExtensionResults":{"appid":true},"response":{"clientDataJSON":"AA","attestationObject":"v2NmbXRkbm9uZf8","transports":["usb",1]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, credential []byte) {
		o, err := s.StartPasskey(w.ctx, w.app, w.user, false)
		if err != nil {
			t.Fatal(err)
		}
		if k, err := s.FinishPasskey(w.ctx, w.app, w.user, o.Ticket, credential, "", ""); err == nil {
			t.Errorf("%q registers %+v", credential, k)
		} else if fault.As(err) == nil {
			t.Errorf("%q: %v", credential, err)
		}
		if o, err = s.StartPasskeyLogin(w.ctx, w.app, ""); err != nil {
			t.Fatal(err)
		}
		if out, err := s.PasskeyLogin(w.ctx, w.app, o.Ticket, credential, signin.Proof{}); err == nil {
			t.Errorf("%q signs in %+v", credential, out.User)
		} else if fault.As(err) == nil {
			t.Errorf("%q: %v", credential, err)
		}
	})
}
