package signin_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// servers are two over one database where the engine has room for two, else one twice.
func (w *place) servers(t *testing.T) [2]*signin.Signin {
	t.Helper()
	if w.DB.Local() {
		return [2]*signin.Signin{w.Signin, w.Signin}
	}
	return [2]*signin.Signin{w.Signin, w.Again(t).Signin}
}

// Of a thousand who use one thing at once, over two servers where the engine has room for two, one succeeds, and the others are told
// that it is over. Tickets themselves, refresh tokens, passcodes and factors have such tests beside their own.
func TestOnce(t *testing.T) {
	const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	type try func(s *signin.Signin, i int) error
	tests := []struct {
		name string
		lost []string // what the others are told
		make func(t *testing.T, w *place) try
	}{
		{"authorization code", []string{"grant_refused"}, func(t *testing.T, w *place) try {
			out := w.signIn(t, "ada", "")
			text, err := w.Signin.IssueCode(w.ctx, w.app, w.user, out.Session, &signin.AuthorizeRequest{RedirectURI: "https://app.example/cb",
				Challenge: verifier, ChallengeBy: signin.ChallengePlain}, []string{"openid"})
			if err != nil {
				t.Fatal(err)
			}
			return func(s *signin.Signin, _ int) error {
				_, err := s.RedeemCode(w.ctx, w.app, signin.CodeExchange{Kind: signin.FamilyOIDC, Code: text, RedirectURI: "https://app.example/cb", Verifier: verifier})
				return err
			}
		}},
		{"device code", []string{"device_gone"}, func(t *testing.T, w *place) try {
			out := w.signIn(t, "ada", "")
			device, err := w.Signin.StartDevice(w.ctx, w.app, []string{"openid"})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Signin.AnswerDevice(w.ctx, device.UserCode, w.Pool.ID, w.user.ID, out.Session.ID, true); err != nil {
				t.Fatal(err)
			}
			return func(s *signin.Signin, _ int) error {
				_, err := s.RedeemDeviceTokens(w.ctx, w.app, device.DeviceCode)
				return err
			}
		}},
		{"answer to a device", []string{"device_gone"}, func(t *testing.T, w *place) try {
			out := w.signIn(t, "ada", "")
			device, err := w.Signin.StartDevice(w.ctx, w.app, []string{"openid"})
			if err != nil {
				t.Fatal(err)
			}
			return func(s *signin.Signin, i int) error {
				return s.AnswerDevice(w.ctx, device.UserCode, w.Pool.ID, w.user.ID, out.Session.ID, i%4 < 2)
			}
		}},
		{"ticket of a scan", []string{"scan_ticket_invalid"}, func(t *testing.T, w *place) try {
			x := w.startScan(t, "")
			for _, a := range []signin.ScanAction{signin.ScanScan, signin.ScanAllow} {
				if err := w.Signin.ActOnScan(w.ctx, w.Pool.ID, w.user.ID, x.Code, a); err != nil {
					t.Fatal(err)
				}
			}
			text := w.standing(t, x.ID).Ticket
			return func(s *signin.Signin, _ int) error {
				_, _, err := s.SignInScanned(w.ctx, w.app, text, signin.Proof{Trusted: true})
				return err
			}
		}},
		{"offer", []string{"scan_ticket_invalid"}, func(t *testing.T, w *place) try {
			id, err := w.Signin.OfferScan(w.ctx, w.app, w.user.ID)
			if err != nil {
				t.Fatal(err)
			}
			return func(s *signin.Signin, _ int) error {
				_, err := s.TakeOffer(w.ctx, w.app, id, signin.Proof{})
				return err
			}
		}},
		{"interaction", []string{"interaction_gone"}, func(t *testing.T, w *place) try {
			in, err := w.Signin.StartInteraction(w.ctx, w.app, signin.AuthorizeRequest{ClientID: w.AppID}, signin.NeedLogin)
			if err != nil {
				t.Fatal(err)
			}
			return func(s *signin.Signin, _ int) error {
				_, err := s.FinishInteraction(w.ctx, in.Key)
				return err
			}
		}},
		{"captcha", []string{"captcha_wrong"}, func(t *testing.T, w *place) try {
			policy := guarded(w.Pool)
			policy.CaptchaMode = signin.CaptchaAlways
			_, token, err := w.Signin.NewCaptcha(w.ctx, w.Pool.ID)
			if err != nil {
				t.Fatal(err)
			}
			var answer string
			if _, err := w.Signin.PeekTicket(w.ctx, "captcha", token, &answer); err != nil {
				t.Fatal(err)
			}
			return func(s *signin.Signin, _ int) error {
				return s.Admit(w.ctx, policy, signin.Door{PoolID: w.Pool.ID, Account: "ada", IP: "192.0.2.9", Captcha: signin.Captcha{Token: token, Code: answer}})
			}
		}},
		{"link in a mail", []string{"ticket_used"}, func(t *testing.T, w *place) try {
			if err := w.Signin.SendVerifyLink(w.ctx, w.app, "ada@example.com", false); err != nil {
				t.Fatal(err)
			}
			token := w.Mail(t, "ada@example.com").Link[len(testhall.BaseURL+signin.VerifyEmailPath+"?token="):]
			return func(s *signin.Signin, _ int) error { return s.VerifyEmail(w.ctx, token) }
		}},
		{"token of a mail address", []string{"ticket_invalid", "ticket_used"}, func(t *testing.T, w *place) try {
			return w.addressToken(t, signin.PurposeRegister, signin.Address{Email: "once@example.com"}, func(s *signin.Signin, to signin.Address, token string) error {
				_, err := s.Register(w.ctx, w.app, signin.Registration{Email: to.Email, Passcode: token})
				return err
			})
		}},
		{"token of a telephone", []string{"ticket_invalid", "ticket_used", "phone_bound"}, func(t *testing.T, w *place) try {
			u := w.newUser(t, "cat")
			return w.addressToken(t, signin.PurposeBindPhone, signin.Address{Phone: "13800000009"}, func(s *signin.Signin, to signin.Address, token string) error {
				_, err := s.BindAddress(w.ctx, w.app, u.ID, to, token)
				return err
			})
		}},
		{"token to set a password anew", []string{"ticket_invalid", "ticket_used"}, func(t *testing.T, w *place) try {
			to := signin.Address{Email: "dan@example.com"}
			w.newUser(t, "dan")
			token, _, _, err := w.Signin.StartReset(w.ctx, w.app, to, w.code(t, signin.PurposeResetPassword, to))
			if err != nil {
				t.Fatal(err)
			}
			return func(s *signin.Signin, _ int) error {
				_, err := s.ResetPassword(w.ctx, w.app, token, "new horse")
				return err
			}
		}},
		{"token to delete the account", []string{"ticket_invalid", "ticket_used"}, func(t *testing.T, w *place) try {
			u := w.newUser(t, "fay")
			token, _, err := w.Signin.ProveDeletion(w.ctx, w.app, u.ID, signin.DeletionProof{Password: "correct horse"})
			if err != nil {
				t.Fatal(err)
			}
			return func(s *signin.Signin, _ int) error { return s.DeleteAccount(w.ctx, w.app, u.ID, token) }
		}},
		{"step of a sign-in", []string{"login_flow_gone", "password_busy"}, func(t *testing.T, w *place) try {
			u := w.newUser(t, "ida")
			if _, err := w.Directory.UpdateUser(w.As(t.Context()), w.Pool.ID, directory.ByID(u.ID), directory.UserPatch{
				UserInput: directory.UserInput{ResetPasswordOnLogin: new(true)}}); err != nil {
				t.Fatal(err)
			}
			out, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: "ida", Password: "correct horse"})
			if err != nil || out.Step == nil {
				t.Fatal(out, err)
			}
			return func(s *signin.Signin, _ int) error {
				f, err := s.Flow(w.ctx, out.Step.Handle)
				if err == nil {
					_, err = s.FirstPassword(w.ctx, f, "own horse")
				}
				return err
			}
		}},
		{"challenge of a new passkey", []string{"passkey_ticket_invalid"}, func(t *testing.T, w *place) try {
			u := w.newUser(t, "gil")
			o, err := w.Signin.StartPasskey(w.ctx, w.app, u, false)
			if err != nil {
				t.Fatal(err)
			}
			credential := newDevice(u).register(t, o)
			return func(s *signin.Signin, _ int) error {
				_, err := s.FinishPasskey(w.ctx, w.app, u, o.Ticket, credential, "", "")
				return err
			}
		}},
		{"challenge of a passkey", []string{"passkey_ticket_invalid"}, func(t *testing.T, w *place) try {
			d, _ := w.registered(t, w.newUser(t, "hal"), false)
			o, err := w.Signin.StartPasskeyLogin(w.ctx, w.app, "")
			if err != nil {
				t.Fatal(err)
			}
			credential := d.answer(t, o)
			return func(s *signin.Signin, _ int) error {
				_, err := s.PasskeyLogin(w.ctx, w.app, o.Ticket, credential, signin.Proof{})
				return err
			}
		}},
	}
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := scanPlace(t, d)
		servers := w.servers(t)
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				do := test.make(t, w)
				var won, lost atomic.Int64
				var wg sync.WaitGroup
				for i := range 50 {
					wg.Go(func() {
						for range 20 {
							switch err := do(servers[i%2], i); {
							case err == nil:
								won.Add(1)
							case slices.Contains(test.lost, code(err)):
								lost.Add(1)
							default:
								t.Error(err)
							}
						}
					})
				}
				wg.Wait()
				if won.Load() != 1 || lost.Load() != 999 {
					t.Errorf("%d succeeded and %d were too late", won.Load(), lost.Load())
				}
			})
		}
	})
}

// addressToken is how a token, once made, is used.
func (w *place) addressToken(t *testing.T, p signin.Purpose, to signin.Address, use func(*signin.Signin, signin.Address, string) error) func(*signin.Signin, int) error {
	t.Helper()
	token, _, err := w.Signin.ProveAddress(w.ctx, w.app, p, to, w.code(t, p, to))
	if err != nil {
		t.Fatal(err)
	}
	return func(s *signin.Signin, _ int) error { return use(s, to, token) }
}

// However often a scan is allowed at once, it makes one ticket; allowing and cancelling at once leaves one of both.
func TestScanIsAllowedOnce(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := scanPlace(t, d)
		servers := w.servers(t)
		for round := range 10 {
			x := w.startScan(t, "")
			if err := w.Signin.ActOnScan(w.ctx, w.Pool.ID, w.user.ID, x.Code, signin.ScanScan); err != nil {
				t.Fatal(err)
			}
			before := w.count(t, "tickets", "kind = 'scanned'")
			var allowed, cancelled atomic.Int64
			var wg sync.WaitGroup
			for i := range 40 {
				wg.Go(func() {
					action, n := signin.ScanAllow, &allowed
					if i%4 > 1 && round > 4 {
						action, n = signin.ScanCancel, &cancelled
					}
					switch err := servers[i%2].ActOnScan(w.ctx, w.Pool.ID, w.user.ID, x.Code, action); code(err) {
					case "":
						n.Add(1)
					case "scan_state", "ticket_changed":
					default:
						t.Error(err)
					}
				})
			}
			wg.Wait()
			got, made := w.standing(t, x.ID), w.count(t, "tickets", "kind = 'scanned'")-before
			if (allowed.Load() > 0) == (cancelled.Load() > 0) || (got.Status == signin.ScanAllowed) != (allowed.Load() > 0) || (made == 1) != (allowed.Load() > 0) || made > 1 {
				t.Errorf("%d allowed, %d cancelled, stands %s with %d tickets", allowed.Load(), cancelled.Load(), got.Status, made)
			}
		}
	})
}

// count is how many rows of the pool meet a condition.
func (w *place) count(t *testing.T, table, condition string, args ...any) int64 {
	t.Helper()
	n, err := db.One[int64](t.Context(), w.DB, "select count(*) from "+table+" where pool_id = ? and "+condition, append([]any{w.Pool.ID}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Sessions that end while tokens are made in them, on another server, leave no token behind; so do accounts that are shut and passwords that
// are changed while somebody signs in.
func TestEndingsRace(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, nil)
		servers := w.servers(t)
		made := 0
		for round := range 25 {
			out := w.signIn(t, "ada", "")
			var texts []string
			for range 4 {
				text, err := w.Signin.IssueCode(w.ctx, w.app, w.user, out.Session, &signin.AuthorizeRequest{RedirectURI: "https://app.example/cb"}, []string{"openid"})
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, text)
			}
			var mu sync.Mutex
			var tokens []string
			keep := func(token string, err error, refusals ...string) {
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					tokens = append(tokens, token)
				} else if !slices.Contains(refusals, code(err)) {
					t.Error(err)
				}
			}
			var wg sync.WaitGroup
			for i, text := range texts {
				wg.Go(func() {
					set, err := servers[i%2].RedeemCode(w.ctx, w.app, signin.CodeExchange{Kind: signin.FamilyOIDC, Code: text, RedirectURI: "https://app.example/cb"})
					keep(accessOf(set), err, "grant_refused", "session_none")
				})
				wg.Go(func() {
					v2, err := servers[i%2].V2Token(w.ctx, w.app, out.Session, w.user)
					if err != nil {
						v2 = &signin.Token{}
					}
					keep(v2.Text, err, "session_none")
				})
			}
			wg.Go(func() {
				time.Sleep(time.Duration(round%5) * time.Millisecond)
				if err := servers[round%2].EndSession(w.ctx, w.Pool.ID, out.Session.ID); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			made += len(tokens)
			for _, token := range tokens {
				if w.holds(t, token) {
					t.Errorf("round %d: a token outlives its session", round)
				}
			}
		}
		if made == 0 {
			t.Error("no token was made in time")
		}
		t.Logf("%d tokens were made in sessions that ended meanwhile", made)
	})
}

func accessOf(set *signin.TokenSet) string {
	if set == nil {
		return ""
	}
	return set.Access
}

// What happens to an account while somebody is signing in to it counts: who has shown what no longer holds does not get in.
func TestOvertaken(t *testing.T) {
	suspended, activated := directory.Suspended, directory.Activated
	status := func(s directory.Status) directory.UserPatch {
		return directory.UserPatch{UserInput: directory.UserInput{Status: &s}}
	}
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		w := newPlace(t, d, nil)
		for n, c := range []struct {
			name string
			do   func(ctx context.Context, u *directory.User) error
			want string
		}{
			{"nothing", func(context.Context, *directory.User) error { return nil }, ""},
			{"renamed", func(ctx context.Context, u *directory.User) error {
				_, err := w.Directory.UpdateUser(ctx, w.Pool.ID, directory.ByID(u.ID), directory.UserPatch{UserInput: directory.UserInput{Name: new("Bob")}})
				return err
			}, ""},
			{"own password", func(ctx context.Context, u *directory.User) error {
				_, err := w.Signin.UpdatePassword(ctx, w.app, u.ID, signin.PasswordChange{Old: "correct horse", New: "another horse"})
				return err
			}, "login_flow_gone"},
			{"password by an administrator", func(ctx context.Context, u *directory.User) error {
				_, err := w.Directory.UpdateUser(ctx, w.Pool.ID, directory.ByID(u.ID), directory.UserPatch{Password: &directory.PasswordInput{Text: "another horse"}})
				return err
			}, "login_flow_gone"},
			{"suspended", func(ctx context.Context, u *directory.User) error {
				_, err := w.Directory.UpdateUser(ctx, w.Pool.ID, directory.ByID(u.ID), status(suspended))
				return err
			}, "user_shut"},
			{"suspended and let in again", func(ctx context.Context, u *directory.User) error {
				for _, s := range []directory.Status{suspended, activated} {
					if _, err := w.Directory.UpdateUser(ctx, w.Pool.ID, directory.ByID(u.ID), status(s)); err != nil {
						return err
					}
				}
				return nil
			}, "login_flow_gone"},
			{"deleted", func(ctx context.Context, u *directory.User) error {
				return w.Directory.DeleteUsers(ctx, w.Pool.ID, []directory.UserRef{directory.ByID(u.ID)})
			}, "user_not_found"},
		} {
			read := w.newUser(t, "user"+string(rune('a'+n)))
			if err := c.do(w.As(t.Context()), read); err != nil {
				t.Fatal(c.name, err)
			}
			_, err := w.Signin.Establish(w.ctx, w.app, read, signin.Proof{AMR: []string{signin.AMRPassword}})
			if code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}

		// A sign-in that waits for the first password of one's own is over when another one has set it.
		u := w.newUser(t, "first")
		if _, err := w.Directory.UpdateUser(w.As(t.Context()), w.Pool.ID, directory.ByID(u.ID), directory.UserPatch{UserInput: directory.UserInput{ResetPasswordOnLogin: new(true)}}); err != nil {
			t.Fatal(err)
		}
		var flows []*signin.Flow
		for range 2 {
			out, err := w.Signin.SignIn(w.ctx, w.app, signin.Attempt{Method: signin.ByPassword, Account: "first", Password: "correct horse"})
			if err != nil || out.Step == nil || out.Step.Kind != signin.StepFirstReset {
				t.Fatal(out, err)
			}
			f, err := w.Signin.Flow(w.ctx, out.Step.Handle)
			if err != nil {
				t.Fatal(err)
			}
			flows = append(flows, f)
		}
		if _, err := w.Signin.FirstPassword(w.ctx, flows[1], "own horse"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Signin.Flow(w.ctx, flows[0].Handle); code(err) != "login_flow_gone" {
			t.Errorf("the other sign-in still waits: %v", err)
		}
		if _, err := w.Signin.FirstPassword(w.ctx, flows[0], "stolen horse"); code(err) != "login_flow_gone" {
			t.Errorf("a password that its user has set is replaced: %v", err)
		}
	})
}
