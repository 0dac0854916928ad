package signin_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestAgreements(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		both, nowhere := signin.AgreeAtBoth, signin.AgreementPlace(3)
		for _, c := range []struct {
			name, app string
			in        signin.AgreementInput
			want      string
		}{
			{"no title", p.AppID, signin.AgreementInput{}, "field_format"},
			{"a blank title", p.AppID, signin.AgreementInput{Title: new(" <b></b>")}, "field_format"},
			{"a title of nothing but a script", p.AppID, signin.AgreementInput{Title: new("<script>x</script>")}, "field_format"},
			{"a long title", p.AppID, signin.AgreementInput{Title: new(strings.Repeat("x", 4097))}, "field_format"},
			{"a NUL", p.AppID, signin.AgreementInput{Title: new("a\x00")}, "field_format"},
			{"no language", p.AppID, signin.AgreementInput{Title: new("a"), Lang: new("xx")}, "field_format"},
			{"nowhere", p.AppID, signin.AgreementInput{Title: new("a"), AvailableAt: &nowhere}, "field_format"},
			{"no application", "", signin.AgreementInput{Title: new("a")}, "application_not_found"},
			{"another pool's", other.AppID, signin.AgreementInput{Title: new("a")}, "application_not_found"},
		} {
			if _, err := h.Signin.CreateAgreement(ctx, p.ID, c.app, c.in); code(err) != c.want {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
		}
		titles := func() (titles []string, ids []int64) {
			t.Helper()
			list, err := h.Signin.Agreements(ctx, p.ID, p.AppID)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range list {
				titles, ids = append(titles, a.Title), append(ids, a.ID)
			}
			return titles, ids
		}

		first, err := h.Signin.CreateAgreement(ctx, p.ID, p.AppID, signin.AgreementInput{Title: new(`the <a href="https://example.com/" onclick="x()">terms</a>`)})
		if err != nil {
			t.Fatal(err)
		}
		if first.Title != `the <a href="https://example.com/" target="_blank" rel="noopener noreferrer">terms</a>` || first.Lang != "zh-CN" || !first.Required ||
			first.AvailableAt != signin.AgreeAtRegister || first.ID <= 0 || first.ID >= 1<<53 {
			t.Errorf("%+v", first)
		}
		second, err := h.Signin.CreateAgreement(ctx, p.ID, p.AppID, signin.AgreementInput{Title: new("b"), Lang: new("en-US"), Required: new(false), AvailableAt: &both})
		if err != nil || second.ID <= first.ID || second.Lang != "en-US" || second.Required || second.AvailableAt != both {
			t.Fatalf("%+v, %v", second, err)
		}
		changed, err := h.Signin.UpdateAgreement(ctx, p.ID, p.AppID, first.ID, signin.AgreementInput{Title: new("a")})
		if err != nil || changed.Title != "a" || changed.ID != first.ID || !changed.Required {
			t.Fatalf("%+v, %v", changed, err)
		}
		if got, _ := titles(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("in order they are %v", got)
		}
		for _, c := range []struct {
			name string
			ids  []int64
			want string
		}{
			{"one of them", []int64{first.ID}, "field_format"},
			{"one twice", []int64{first.ID, first.ID}, "field_format"},
			{"another", []int64{first.ID, 1}, "field_format"},
			{"all", []int64{second.ID, first.ID}, ""},
			{"all again", []int64{second.ID, first.ID}, ""},
		} {
			if err := h.Signin.SortAgreements(ctx, p.ID, p.AppID, c.ids); code(err) != c.want {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
		}
		if got, _ := titles(); !slices.Equal(got, []string{"b", "a"}) {
			t.Errorf("sorted they are %v", got)
		}

		foreign := other.As(t.Context())
		if _, err := h.Signin.Agreements(foreign, other.ID, p.AppID); code(err) != "application_not_found" {
			t.Errorf("another pool lists: %v", err)
		}
		if _, err := h.Signin.UpdateAgreement(foreign, other.ID, p.AppID, first.ID, signin.AgreementInput{Title: new("x")}); code(err) != "application_not_found" {
			t.Errorf("another pool changes: %v", err)
		}
		if _, err := h.Signin.UpdateAgreement(foreign, other.ID, other.AppID, first.ID, signin.AgreementInput{Title: new("x")}); code(err) != "agreement_not_found" {
			t.Errorf("another application changes: %v", err)
		}
		if err := h.Signin.DeleteAgreement(foreign, other.ID, p.AppID, first.ID); code(err) != "application_not_found" {
			t.Errorf("another pool deletes: %v", err)
		}
		if err := h.Signin.SortAgreements(foreign, other.ID, p.AppID, []int64{first.ID, second.ID}); code(err) != "application_not_found" {
			t.Errorf("another pool sorts: %v", err)
		}

		if err := h.Signin.DeleteAgreement(ctx, p.ID, p.AppID, first.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.Signin.DeleteAgreement(ctx, p.ID, p.AppID, first.ID); code(err) != "agreement_not_found" {
			t.Errorf("deleted twice: %v", err)
		}
		records, _, err := h.Log.List(ctx, p.ID, audit.Filter{AdminOnly: true, Page: 1, Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		var done []string
		for _, r := range records {
			if r.TargetID == p.AppID && r.Operation != audit.Create {
				done = append(done, r.Operation)
			}
		}
		slices.Reverse(done)
		if want := []string{"add", "add", "update", "update", "remove"}; !slices.Equal(done, want) {
			t.Errorf("recorded %v, want %v", done, want)
		}
	})
}

// Of many that are made at once none passes the bound, and no two share an identifier.
func TestAgreementLimit(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx := p.As(t.Context())
		var wg sync.WaitGroup
		var mu sync.Mutex
		made := map[int64]bool{}
		for range 4 {
			wg.Go(func() {
				for range 30 {
					a, err := h.Signin.CreateAgreement(ctx, p.ID, p.AppID, signin.AgreementInput{Title: new("a")})
					switch {
					case err == nil:
						mu.Lock()
						made[a.ID] = true
						mu.Unlock()
					case code(err) != "agreement_limit":
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if list, err := h.Signin.Agreements(ctx, p.ID, p.AppID); err != nil || len(list) != 100 || len(made) != 100 {
			t.Errorf("%d, of %d identifiers, %v", len(list), len(made), err)
		}
	})
}

// Whoever signs in at a door that shows agreements has to accept the ones that are required there, in one language.
func TestAgreementsAtSignIn(t *testing.T) {
	eachPlace(t, func(t *testing.T, w *place) {
		w.settings(t, func(s *signin.AppSettings) { s.MergeRegister = true })
		both, signIn := signin.AgreeAtBoth, signin.AgreeAtSignIn
		ids := map[string]int64{}
		for _, a := range []struct {
			name string
			in   signin.AgreementInput
		}{
			{"terms", signin.AgreementInput{Title: new("Terms"), Lang: new("en-US"), AvailableAt: &signIn}},
			{"privacy", signin.AgreementInput{Title: new("Privacy"), Lang: new("en-US"), AvailableAt: &both}},
			{"条款", signin.AgreementInput{Title: new("条款"), AvailableAt: &signIn}},
			{"news", signin.AgreementInput{Title: new("News"), Lang: new("en-US"), AvailableAt: &both, Required: new(false)}},
			{"rules", signin.AgreementInput{Title: new("Rules"), Lang: new("en-US")}},
			{"规则", signin.AgreementInput{Title: new("规则")}},
		} {
			made, err := w.Signin.CreateAgreement(w.As(t.Context()), w.Pool.ID, w.AppID, a.in)
			if err != nil {
				t.Fatal(err)
			}
			ids[a.name] = made.ID
		}
		accept := func(names ...string) []int64 {
			list := []int64{}
			for _, name := range names {
				list = append(list, ids[name])
			}
			return list
		}
		try := func(name string, a signin.Attempt, want string) {
			t.Helper()
			if _, err := w.Signin.SignInOrRegister(w.ctx, w.app, a); code(err) != want {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		ada := signin.Attempt{Method: signin.ByPassword, Account: "ada", Password: "correct horse"}
		with := func(a signin.Attempt, agreements []int64) signin.Attempt { a.Agreements = agreements; return a }
		try("switched off", with(ada, accept()), "")
		w.settings(t, func(s *signin.AppSettings) { s.AgreementsEnabled = true })
		try("a door without a word for it", ada, "")
		try("none", with(ada, accept()), "agreement_missing")
		try("one of two", with(ada, accept("terms")), "agreement_missing")
		try("those of registering", with(ada, accept("rules")), "agreement_missing")
		try("all that is required", with(ada, accept("terms", "privacy")), "")
		try("in another language", with(ada, accept("条款")), "")

		// Who does not agree learns nothing about the password, and spends no code.
		wrong := ada
		wrong.Password = "wrong"
		try("none, with a wrong password", with(wrong, accept()), "agreement_missing")
		to := signin.Address{Email: "new@example.com"}
		cy := signin.Attempt{Method: signin.ByPasscode, Email: to.Email, Passcode: w.code(t, signin.PurposeLogin, to)}
		try("none, with a code", with(cy, accept()), "agreement_missing")
		try("those of signing in, with the code, by somebody new", with(cy, accept("条款")), "agreement_missing")
		cy.Passcode = w.code(t, signin.PurposeLogin, signin.Address{Email: "newer@example.com"})
		cy.Email = "newer@example.com"
		try("all, by somebody new", with(cy, accept("条款", "规则")), "")
		try("a new name", with(signin.Attempt{Method: signin.ByPassword, Account: "bea", Password: "correct horse", AutoRegister: true}, accept("条款")), "agreement_missing")
		try("a new name, all", with(signin.Attempt{Method: signin.ByPassword, Account: "bea", Password: "correct horse", AutoRegister: true}, accept("条款", "规则")), "")
	})
}
