package signin_test

import (
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestProgrammaticAccounts(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		for _, c := range []struct {
			name string
			n    signin.NewProgrammaticAccount
			want string
		}{
			{"no application", signin.NewProgrammaticAccount{}, "application_not_found"},
			{"a nonsense application", signin.NewProgrammaticAccount{AppID: "x\x00"}, "application_not_found"},
			{"another pool's", signin.NewProgrammaticAccount{AppID: other.AppID}, "application_not_found"},
			{"no time", signin.NewProgrammaticAccount{AppID: p.AppID, TokenLifetime: -1}, "field_format"},
			{"too long", signin.NewProgrammaticAccount{AppID: p.AppID, TokenLifetime: 365*86400 + 1}, "field_format"},
			{"long remarks", signin.NewProgrammaticAccount{AppID: p.AppID, Remarks: strings.Repeat("x", directory.MaxDescription+1)}, "field_format"},
			{"a NUL", signin.NewProgrammaticAccount{AppID: p.AppID, Remarks: "a\x00"}, "field_format"},
		} {
			if _, err := h.Signin.CreateProgrammaticAccount(ctx, p.ID, c.n); code(err) != c.want {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
		}

		first, err := h.Signin.CreateProgrammaticAccount(ctx, p.ID, signin.NewProgrammaticAccount{AppID: p.AppID})
		if err != nil {
			t.Fatal(err)
		}
		if !db.IsID(first.ID) || len(first.Secret) != 32 || first.TokenLifetime != 600 || !first.Enabled || first.OwnerID != p.AdminID {
			t.Errorf("%+v", first)
		}
		second, err := h.Signin.CreateProgrammaticAccount(ctx, p.ID, signin.NewProgrammaticAccount{AppID: p.AppID, Remarks: "backup", TokenLifetime: 60})
		if err != nil {
			t.Fatal(err)
		}
		list, total, err := h.Signin.ProgrammaticAccounts(ctx, p.ID, p.AppID, directory.Page{Page: 1, Limit: 10})
		if err != nil || total != 2 || len(list) != 2 || list[0].ID != second.ID || list[0].Remarks != "backup" || list[0].TokenLifetime != 60 {
			t.Errorf("%d %+v, %v", total, list, err)
		}
		for _, a := range list {
			if a.Secret != "" {
				t.Error("a list shows a secret")
			}
		}
		if list, total, err = h.Signin.ProgrammaticAccounts(ctx, p.ID, p.AppID, directory.Page{Page: 2, Limit: 1}); err != nil || total != 2 || len(list) != 1 || list[0].ID != first.ID {
			t.Errorf("the second page: %d %+v, %v", total, list, err)
		}
		if _, _, err := h.Signin.ProgrammaticAccounts(ctx, p.ID, other.AppID, directory.Page{Page: 1, Limit: 10}); code(err) != "application_not_found" {
			t.Errorf("another pool's application: %v", err)
		}

		sealed := func() string {
			t.Helper()
			text, err := db.One[string](ctx, h.DB, "select secret from programmatic_accounts where pool_id = ? and id = ?", p.ID, first.ID)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := h.Master.Open(text, "programmatic-account/"+first.ID)
			if err != nil || text == string(plain) {
				t.Fatalf("not sealed: %v", err)
			}
			return string(plain)
		}
		if sealed() != first.Secret {
			t.Error("the table has another secret")
		}
		str, yes, no := func(s string) *string { return &s }, true, false
		for _, c := range []struct {
			name  string
			pool  testhall.Pool
			id    string
			patch signin.ProgrammaticAccountPatch
			want  string
		}{
			{"nobody", p, "ffffffffffffffffffffffff", signin.ProgrammaticAccountPatch{Enabled: &no}, "programmatic_account_not_found"},
			{"nonsense", p, "x", signin.ProgrammaticAccountPatch{Enabled: &no}, "programmatic_account_not_found"},
			{"another pool", other, first.ID, signin.ProgrammaticAccountPatch{Enabled: &no}, "programmatic_account_not_found"},
			{"an empty secret", p, first.ID, signin.ProgrammaticAccountPatch{Secret: str("")}, "field_format"},
			{"a short secret", p, first.ID, signin.ProgrammaticAccountPatch{Secret: str(strings.Repeat("s", 15))}, "field_format"},
			{"a long secret", p, first.ID, signin.ProgrammaticAccountPatch{Secret: str(strings.Repeat("s", 129))}, "field_format"},
		} {
			if _, err := h.Signin.UpdateProgrammaticAccount(ctx, c.pool.ID, c.id, c.patch); code(err) != c.want {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
		}
		off, err := h.Signin.UpdateProgrammaticAccount(ctx, p.ID, first.ID, signin.ProgrammaticAccountPatch{Enabled: &no})
		if err != nil || off.Enabled || off.Secret != "" || sealed() != first.Secret {
			t.Errorf("disabled: %+v, %v", off, err)
		}
		chosen := strings.Repeat("s", 32)
		fresh, err := h.Signin.UpdateProgrammaticAccount(ctx, p.ID, first.ID, signin.ProgrammaticAccountPatch{Secret: &chosen})
		if err != nil || fresh.Enabled || fresh.Secret != chosen || sealed() != chosen {
			t.Errorf("refreshed: %+v, %v", fresh, err)
		}
		if on, err := h.Signin.UpdateProgrammaticAccount(ctx, p.ID, first.ID, signin.ProgrammaticAccountPatch{Enabled: &yes}); err != nil || !on.Enabled {
			t.Errorf("enabled: %+v, %v", on, err)
		}

		if err := h.Signin.DeleteProgrammaticAccount(ctx, other.ID, first.ID); code(err) != "programmatic_account_not_found" {
			t.Errorf("another pool deletes: %v", err)
		}
		if err := h.Signin.DeleteProgrammaticAccount(ctx, p.ID, first.ID); err != nil {
			t.Error(err)
		}
		if err := h.Signin.DeleteProgrammaticAccount(ctx, p.ID, first.ID); code(err) != "programmatic_account_not_found" {
			t.Errorf("deleted twice: %v", err)
		}
		if _, total, err := h.Signin.ProgrammaticAccounts(ctx, p.ID, p.AppID, directory.Page{Page: 1, Limit: 10}); err != nil || total != 1 {
			t.Errorf("%d left, %v", total, err)
		}

		records, _, err := h.Log.List(ctx, p.ID, audit.Filter{Resource: audit.AppRes, Page: 1, Limit: 20})
		if err != nil {
			t.Fatal(err)
		}
		var done []string
		for _, r := range records {
			if r.TargetID == p.AppID && r.Operation != audit.Create {
				done = append(done, r.Operation)
			}
			if text := audit.Text(r.After); strings.Contains(text, first.Secret) || strings.Contains(text, chosen) {
				t.Errorf("the log tells a secret: %s", text)
			}
		}
		if got := strings.Join(done, " "); got != "remove enable refresh disable add add" {
			t.Errorf("the log has %s", got)
		}
		for range 99 {
			if _, err := h.Signin.CreateProgrammaticAccount(ctx, p.ID, signin.NewProgrammaticAccount{AppID: p.AppID}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.Signin.CreateProgrammaticAccount(ctx, p.ID, signin.NewProgrammaticAccount{AppID: p.AppID}); code(err) != "programmatic_account_limit" {
			t.Errorf("the 101st: %v", err)
		}
	})
}
