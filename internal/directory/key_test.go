package directory_test

import (
	"context"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestAccessKeys(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		d := h.Directory
		k, err := d.CreateKey(ctx, p.ID, directory.NewKey{Kind: "user", OwnerID: p.AdminID})
		if err != nil || k.Secret == "" {
			t.Fatal(k, err)
		}
		works := func(id, secret string) bool {
			got, err := d.KeyForAuthentication(context.Background(), id)
			return err == nil && got.Secret == secret
		}
		step := func(name string, err error, want string, alive bool) {
			t.Helper()
			if code(err) != want {
				t.Errorf("%s: %q, want %q", name, code(err), want)
			}
			if works(k.ID, k.Secret) != alive {
				t.Errorf("%s: the key works: %v", name, !alive)
			}
		}
		step("made", nil, "", true)
		step("another pool disables", d.EnableKey(other.As(ctx), other.ID, k.ID, false), "access_key_not_found", true)
		step("disabled", d.EnableKey(ctx, p.ID, k.ID, false), "", false)
		step("enabled", d.EnableKey(ctx, p.ID, k.ID, true), "", true)
		step("another pool deletes", d.DeleteKey(other.As(ctx), other.ID, k.ID), "access_key_not_found", true)
		step("deleted", d.DeleteKey(ctx, p.ID, k.ID), "", false)
		step("deleted twice", d.DeleteKey(ctx, p.ID, k.ID), "access_key_not_found", false)

		if !works(p.ID, p.Secret) || !works(p.KeyID, p.KeySecret) || works(p.ID, other.Secret) || works("nobody", "") {
			t.Error("the pool's own secret is an access key, and no other is")
		}
		list, err := d.AccessKeys(ctx, p.ID, directory.KeyFilter{})
		if err != nil || len(list) != 1 || list[0].Secret != "" {
			t.Errorf("%+v, %v", list, err)
		}
		if stored, _ := db.List[string](ctx, h.DB, "select secret from access_keys union all select secret from pools limit 10"); strings.Contains(strings.Join(stored, " "), p.Secret) ||
			strings.Contains(strings.Join(stored, " "), p.KeySecret) {
			t.Error("a secret is stored in the clear")
		}
	})
}
