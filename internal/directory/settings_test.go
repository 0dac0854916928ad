package directory_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/secret"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestUpdatePool(t *testing.T) {
	eachPool(t, func(t *testing.T, h *testhall.Hall, one, two testhall.Pool) {
		ctx := one.As(t.Context())
		long := strings.Repeat("x", 5000)
		for _, c := range []struct {
			name, patch string // JSON: the name stands beside the settings
			want        string // the settings afterwards, or the refusal
		}{
			{"nothing", `{}`, `{}`},
			{"a switch", `{"whitelist":{"emailEnabled":true}}`, `{"whitelist":{"emailEnabled":true}}`},
			{"another leaves the first", `{"whitelist":{"phoneEnabled":false}}`, `{"whitelist":{"phoneEnabled":false,"emailEnabled":true}}`},
			{"off again", `{"whitelist":{"emailEnabled":false}}`, `{"whitelist":{"phoneEnabled":false,"emailEnabled":false}}`},
			{"a name and texts", `{"name":"Eins","logo":"l","domain":"d","description":"","whitelist":{}}`,
				`{"logo":"l","domain":"d","description":"","whitelist":{"phoneEnabled":false,"emailEnabled":false}}`},
			{"a list", `{"userpoolTypes":["a","b"]}`, `{"logo":"l","domain":"d","description":"","userpoolTypes":["a","b"],"whitelist":{"phoneEnabled":false,"emailEnabled":false}}`},
			{"a shorter list", `{"userpoolTypes":["c"]}`, `{"logo":"l","domain":"d","description":"","userpoolTypes":["c"],"whitelist":{"phoneEnabled":false,"emailEnabled":false}}`},
			{"a blank name", `{"name":" "}`, "field_format name"},
			{"a long name", `{"name":"` + long + `"}`, "field_format name"},
			{"a long logo", `{"logo":"` + long + `"}`, "field_format logo"},
			{"a NUL", `{"allowedOrigins":"a\u0000"}`, "field_format allowedOrigins"},
			{"no type", `{"userpoolTypes":[""]}`, "field_format userpoolTypes"},
			{"a negative time", `{"tokenExpiresAfter":-1}`, "field_min tokenExpiresAfter 0"},
			{"a negative limit", `{"loginFailCheck":{"limit":-1}}`, "field_min limit 0"},
			{"a negative cycle", `{"passwordUpdatePolicy":{"forcedCycle":-1}}`, "field_min forcedCycle 0"},
			{"a negative ticket", `{"app2WxappLoginStrategy":{"ticketExpriresAfter":-1}}`, "field_min ticketExpriresAfter 0"},
			{"a negative code", `{"qrcodeLoginStrategy":{"qrcodeExpiresAfter":-1}}`, "field_min qrcodeExpiresAfter 0"},
		} {
			var patch struct {
				Name *string `json:"name"`
				directory.PoolSettings
			}
			if err := json.Unmarshal([]byte(c.patch), &patch); err != nil {
				t.Fatal(err)
			}
			p, err := h.Directory.UpdatePool(ctx, one.ID, directory.PoolPatch{Name: patch.Name, Settings: patch.PoolSettings})
			if err != nil {
				if refusal(err) != c.want {
					t.Errorf("%s: %v, want %s", c.name, err, c.want)
				}
				continue
			}
			read, err := h.Directory.Pool(ctx, one.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, p.Settings); got != c.want || text(t, read.Settings) != c.want || p.Secret != "" || read.Name != p.Name {
				t.Errorf("%s: %s, read %+v, want %s", c.name, got, read, c.want)
			}
		}
		if p, _ := h.Directory.Pool(ctx, one.ID); p.Name != "Eins" {
			t.Errorf("the name is %s", p.Name)
		}
		if p, _ := h.Directory.Pool(ctx, two.ID); text(t, p.Settings) != "{}" || p.Name != "two" {
			t.Errorf("the other pool has %+v", p)
		}
		if _, err := h.Directory.UpdatePool(ctx, "nonsense", directory.PoolPatch{}); refusal(err) != "pool_not_found" {
			t.Error(err)
		}
		records, n, err := h.Log.List(ctx, one.ID, audit.Filter{Resource: audit.Userpool, Operation: audit.Update, Limit: 10})
		if err != nil || n != 6 || audit.Text(records[2].After) != `{"description":"","domain":"d","logo":"l","name":"Eins"}` ||
			audit.Text(records[3].Before) != `{"whitelist":{"emailEnabled":true,"phoneEnabled":false}}` {
			t.Errorf("%d records %+v, %v", n, records, err)
		}
	})
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Credentials of a provider are kept sealed, and neither readers nor the log see them.
func TestProviderSecrets(t *testing.T) {
	eachPool(t, func(t *testing.T, h *testhall.Hall, one, _ testhall.Pool) {
		ctx := one.As(t.Context())
		config, name, hour := `{"key":"hush"}`, "acme", int64(3600)
		p, err := h.Directory.UpdatePool(ctx, one.ID, directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: directory.SecuritySettings{TokenExpiresAfter: &hour}, CustomSMSProvider: &directory.SMSProvider{Provider: &name, Config: &config}}})
		if err != nil || text(t, p.Settings) != `{"tokenExpiresAfter":3600,"customSMSProvider":{"provider":"acme"}}` {
			t.Errorf("answered %+v, %v", p, err)
		}
		stored, err := db.One[string](ctx, h.DB, "select settings from pools where pool_id = ?", one.ID)
		if err != nil || strings.Contains(stored, "hush") || !strings.Contains(stored, `"config":"v1.`) {
			t.Errorf("stored %s, %v", stored, err)
		}
		records, _, err := h.Log.List(ctx, one.ID, audit.Filter{Resource: audit.Userpool, Operation: audit.Update, Limit: 10})
		if err != nil || len(records) != 1 || audit.Text(records[0].After) != `{"customSMSProvider":"***","tokenExpiresAfter":3600}` {
			t.Errorf("records %+v, %v", records, err)
		}
		if p, err := h.Directory.Pool(ctx, one.ID); err != nil || text(t, p.Settings) != `{"tokenExpiresAfter":3600,"customSMSProvider":{"provider":"acme"}}` {
			t.Errorf("read %+v, %v", p, err)
		}
	})
}

func TestRefreshPoolSecret(t *testing.T) {
	eachPool(t, func(t *testing.T, h *testhall.Hall, one, two testhall.Pool) {
		ctx := one.As(t.Context())
		// The old secret is remembered before it goes.
		for _, id := range []string{one.ID, two.ID, one.KeyID} {
			if _, err := h.Directory.KeyForAuthentication(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		old, err := h.Signin.ManagementToken(ctx, one.ID, one.Secret, false)
		if err != nil {
			t.Fatal(err)
		}
		ofKey, err := h.Signin.ManagementToken(ctx, one.KeyID, one.KeySecret, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Signin.ManagementKey(ctx, old.Text); err != nil {
			t.Fatal(err)
		}
		fresh, err := h.Directory.RefreshPoolSecret(ctx, one.ID)
		if err != nil || fresh == one.Secret || len(fresh) < 32 {
			t.Fatalf("%q, %v", fresh, err)
		}
		for name, c := range map[string]struct{ err, want string }{
			"the old secret":         {refusal(second(h.Signin.ManagementToken(ctx, one.ID, one.Secret, false))), "access_key_wrong"},
			"the old token":          {refusal(second(h.Signin.ManagementKey(ctx, old.Text))), "token_invalid"},
			"the old token, renewed": {refusal(second(h.Signin.RenewManagementToken(ctx, old.Text))), "token_invalid"},
			"the new secret":         {refusal(second(h.Signin.ManagementToken(ctx, one.ID, fresh, false))), ""},
			"the token of a key":     {refusal(second(h.Signin.ManagementKey(ctx, ofKey.Text))), ""},
			"the other pool":         {refusal(second(h.Signin.ManagementToken(ctx, two.ID, two.Secret, false))), ""},
			"no pool":                {refusal(second(h.Directory.RefreshPoolSecret(ctx, "nonsense"))), "pool_not_found"},
		} {
			if c.err != c.want {
				t.Errorf("%s: %q, want %q", name, c.err, c.want)
			}
		}
		k, err := h.Directory.KeyForAuthentication(ctx, one.ID)
		if err != nil || !secret.Equal(k.Secret, fresh) {
			t.Errorf("signatures are checked against another secret: %v", err)
		}
		records, _, err := h.Log.List(ctx, one.ID, audit.Filter{Operation: audit.Refresh, Limit: 10})
		if err != nil || len(records) != 1 || strings.Contains(audit.Text(records[0].After), fresh) {
			t.Errorf("records %+v, %v", records, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestEnv(t *testing.T) {
	eachPool(t, func(t *testing.T, h *testhall.Hall, one, two testhall.Pool) {
		ctx := one.As(t.Context())
		for _, c := range []struct{ name, key, value, want string }{
			{"a text", "b", `"hush"`, ""},
			{"an object", "a", `{"x":[1,null]}`, ""},
			{"another value", "b", `7`, ""},
			{"no key", "", `1`, "field_format key"},
			{"a blank key", " ", `1`, "field_format key"},
			{"a long key", strings.Repeat("k", 65), `1`, "field_format key"},
			{"no value", "c", ``, "field_format value"},
			{"no JSON", "c", `{`, "field_format value"},
			{"a long value", "c", `"` + strings.Repeat("v", 16<<10) + `"`, "field_format value"},
		} {
			if err := h.Directory.SetEnv(ctx, one.ID, c.key, jsontext.Value(c.value)); refusal(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		show := func(pool string) string {
			list, err := h.Directory.Env(ctx, pool)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, v := range list {
				out = append(out, v.Key+"="+string(v.Value))
			}
			return strings.Join(out, " ")
		}
		if got := show(one.ID); got != `a={"x":[1,null]} b=7` {
			t.Error(got)
		}
		if got := show(two.ID); got != "" {
			t.Errorf("the other pool has %s", got)
		}
		stored, err := db.List[string](ctx, h.DB, "select value from pool_env where pool_id = ? limit 10", one.ID)
		if err != nil || !strings.HasPrefix(stored[0], "v1.") {
			t.Errorf("stored %s, %v", stored, err)
		}
		for _, c := range []struct{ pool, key, want string }{
			{two.ID, "a", "env_not_found"}, {one.ID, "c", "env_not_found"}, {one.ID, "\x00", "env_not_found"}, {one.ID, "a", ""}, {one.ID, "a", "env_not_found"},
		} {
			if err := h.Directory.RemoveEnv(ctx, c.pool, c.key); refusal(err) != c.want {
				t.Errorf("remove %q: %v, want %q", c.key, err, c.want)
			}
		}
		if got := show(one.ID); got != "b=7" {
			t.Error(got)
		}
		for i := range 199 {
			if err := h.Directory.SetEnv(ctx, one.ID, strings.Repeat("k", i/20+1)+string(rune('a'+i%20)), jsontext.Value("1")); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Directory.SetEnv(ctx, one.ID, "last", jsontext.Value("1")); refusal(err) != "env_limit 200" {
			t.Error(err)
		}
		if err := h.Directory.SetEnv(ctx, one.ID, "b", jsontext.Value("8")); err != nil {
			t.Errorf("a full pool changes no variable: %v", err)
		}
		records, _, err := h.Log.List(ctx, one.ID, audit.Filter{Operation: audit.Remove, Limit: 10})
		if err != nil || len(records) != 1 || audit.Text(records[0].Before) != `{"env":"a"}` {
			t.Errorf("records %+v, %v", records, err)
		}
	})
}
