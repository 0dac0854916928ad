package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func eachPool(t *testing.T, test func(t *testing.T, h *testhall.Hall, one, two testhall.Pool)) {
	t.Helper()
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := testhall.New(t, d)
		test(t, h, h.Pool(t, "one"), h.Pool(t, "two"))
	})
}

func whitelisted(list []directory.WhitelistEntry) string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.Value
	}
	return strings.Join(out, " ")
}

func TestWhitelist(t *testing.T) {
	eachPool(t, func(t *testing.T, h *testhall.Hall, one, two testhall.Pool) {
		ctx := one.As(t.Context())
		d := h.Directory
		pool := func(of directory.WhitelistType) directory.WhitelistKey { return directory.WhitelistKey{Type: of} }
		email, app := pool("EMAIL"), directory.WhitelistKey{AppID: one.AppID, Type: "EMAIL"}
		for _, c := range []struct {
			name   string
			remove bool
			pool   string
			key    directory.WhitelistKey
			values []string
			want   string // the entries answered, or the refusal
			left   string // the list afterwards, in the order of its values
		}{
			{"emails are in lower case", false, one.ID, email, []string{"B@X.com", " a@x.COM "}, "b@x.com a@x.com", "a@x.com b@x.com"},
			{"each once", false, one.ID, email, []string{"c@x.com", "A@x.com", "C@x.com"}, "c@x.com a@x.com", "a@x.com b@x.com c@x.com"},
			{"all known", false, one.ID, email, []string{"a@x.com"}, "a@x.com", "a@x.com b@x.com c@x.com"},
			{"user names have their case", false, one.ID, pool("USERNAME"), []string{"Ann", "ann"}, "Ann ann", "Ann ann"},
			{"another pool", false, two.ID, email, []string{"z@x.com"}, "z@x.com", "z@x.com"},
			{"an application", false, one.ID, app, []string{"A@x.com"}, "a@x.com", "a@x.com"},
			{"another pool's application", false, two.ID, app, []string{"a@x.com"}, "application_not_found", ""},
			{"no application", false, one.ID, directory.WhitelistKey{AppID: "x\x00", Type: "EMAIL"}, []string{"a"}, "application_not_found", ""},
			{"no pool", false, "nonsense", email, []string{"a"}, "pool_not_found", ""},
			{"no type", false, one.ID, pool("email"), []string{"a"}, "field_format type", ""},
			{"none", false, one.ID, email, nil, "list_min list 1", "a@x.com b@x.com c@x.com"},
			{"blank", false, one.ID, email, []string{"d@x.com", " "}, "field_format list", "a@x.com b@x.com c@x.com"},
			{"NUL", false, one.ID, email, []string{"d\x00"}, "field_format list", "a@x.com b@x.com c@x.com"},
			{"too long", false, one.ID, email, []string{strings.Repeat("d", 257)}, "field_format list", "a@x.com b@x.com c@x.com"},
			{"too many", false, one.ID, email, make([]string, 501), "list_max list 500", "a@x.com b@x.com c@x.com"},
			{"remove", true, one.ID, email, []string{"C@x.com", "nobody", "a@X.com"}, "c@x.com a@x.com", "b@x.com"},
			{"remove who is not there", true, one.ID, email, []string{"a@x.com"}, "", "b@x.com"},
			{"remove from an application", true, one.ID, app, []string{"a@x.com"}, "a@x.com", ""},
			{"remove from no application", true, two.ID, app, []string{"a@x.com"}, "application_not_found", ""},
			{"remove none", true, one.ID, email, []string{}, "list_min list 1", "b@x.com"},
			{"the other pool's stayed", true, two.ID, email, []string{"b@x.com"}, "", "z@x.com"},
		} {
			change := d.AddToWhitelist
			if c.remove {
				change = d.RemoveFromWhitelist
			}
			got, err := change(ctx, c.pool, c.key, c.values)
			if said := refusal(err); err != nil && said != c.want || err == nil && whitelisted(got) != c.want {
				t.Errorf("%s: %q, %v, want %q", c.name, whitelisted(got), err, c.want)
			}
			list, _ := d.Whitelist(ctx, c.pool, c.key)
			sorted := strings.Fields(whitelisted(list))
			slices.Sort(sorted)
			if left := strings.Join(sorted, " "); left != c.left {
				t.Errorf("%s: left %q, want %q", c.name, left, c.left)
			}
		}
		for key, want := range map[directory.WhitelistKey]string{app: "", {AppID: "x", Type: "EMAIL"}: "application_not_found", {Type: "x"}: "field_format type"} {
			if _, err := d.Whitelist(ctx, one.ID, key); refusal(err) != want {
				t.Errorf("list %v: %v, want %q", key, err, want)
			}
		}

		records, _, err := h.Log.List(ctx, one.ID, audit.Filter{Operation: audit.Remove, Limit: 10})
		if err != nil || len(records) != 2 || audit.Text(records[0].Before) != `{"values":["a@x.com"],"whitelist":"EMAIL"}` || records[0].TargetID != one.AppID ||
			records[1].Resource != audit.Userpool || audit.Text(records[1].Before) != `{"values":["c@x.com","a@x.com"],"whitelist":"EMAIL"}` {
			t.Errorf("records %+v, %v", records, err)
		}
	})
}

// A list that no wire pages has an end.
func TestWhitelistIsBounded(t *testing.T) {
	eachPool(t, func(t *testing.T, h *testhall.Hall, one, _ testhall.Pool) {
		key := directory.WhitelistKey{Type: directory.WhitelistPhone}
		add := func(from, n int) error {
			list := make([]string, n)
			for i := range list {
				list[i] = fmt.Sprint(from + i)
			}
			_, err := h.Directory.AddToWhitelist(t.Context(), one.ID, key, list)
			return err
		}
		err := h.DB.Tx(t.Context(), func(ctx context.Context) error {
			for i := range 4990 {
				if err := db.Insert(ctx, h.DB, "whitelist", &directory.WhitelistEntry{PoolID: one.ID, Type: key.Type, Value: fmt.Sprint(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := add(4990, 11); refusal(err) != "whitelist_limit 5000" {
			t.Error(err)
		}
		if err := add(4985, 15); err != nil {
			t.Error(err)
		}
		list, err := h.Directory.Whitelist(t.Context(), one.ID, key)
		if err != nil || len(list) != 5000 {
			t.Errorf("%d entries, %v", len(list), err)
		}
	})
}

// refusal is the code of a refusal with its arguments, "" for none.
func refusal(err error) string {
	var e *fault.Error
	if errors.As(err, &e) {
		return strings.Join(append([]string{e.Code}, e.Args...), " ")
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// Callers who add at the same time end with one entry each, and none is refused for the other.
func TestWhitelistRace(t *testing.T) {
	eachPool(t, func(t *testing.T, h *testhall.Hall, one, _ testhall.Pool) {
		key := directory.WhitelistKey{Type: directory.WhitelistEmail}
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = h.Directory.AddToWhitelist(t.Context(), one.ID, key, []string{"a@x.com", fmt.Sprint(i%4, "@x.com")})
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if list, err := h.Directory.Whitelist(t.Context(), one.ID, key); err != nil || len(list) != 5 {
			t.Errorf("%d entries, %v", len(list), err)
		}
	})
}
