package directory_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// Whatever a filter, a search or an order says, it selects or is refused: no failure of the engine.
func FuzzAdvancedFilter(f *testing.F) {
	dsn := filepath.Join(f.TempDir(), "g.db")
	if _, _, err := db.Migrate(f.Context(), dsn); err != nil {
		f.Fatal(err)
	}
	d, err := db.Open(f.Context(), db.Options{DSN: dsn})
	if err != nil {
		f.Fatal(err)
	}
	defer d.Close()
	h := testhall.New(f, d)
	p := h.Pool(f, "p")
	name := "bob"
	if _, err := h.Directory.CreateUser(p.As(f.Context()), p.ID, directory.NewUser{UserInput: directory.UserInput{Username: &name},
		Custom: map[string]jsontext.Value{"age": jsontext.Value("5")}}); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []struct{ field, operator, value, keywords, on, sort string }{
		{"username", "EQUAL", `"bob"`, "bo", "username", "createdAt"},
		{"age", "BETWEEN", `[1, 1e308]`, "%_\\", "name", "loginsCount"},
		{"lastLogin", "GREATER", `"2020-01-01"`, "'; drop table users; --", "id", "id"},
		{"department", "IN", `[{"organizationCode":"o"}]`, "\x00", "status", "password"},
		{"identity", "IN", `["a:b","c"]`, "界", "email", "lastLogin"},
		{"school", "NOT_CONTAINS", `"\ud800"`, "", "", ""},
		{"loginsCount", "IN", `[9223372036854775807,-1]`, "", "", ""},
		{"emailVerified", "EQUAL", `"T"`, "", "", ""},
		{"id", "IS_NULL", ``, "", "", ""},
	} {
		f.Add(seed.field, seed.operator, seed.value, seed.keywords, seed.on, seed.sort)
	}
	f.Fuzz(func(t *testing.T, field, operator, value, keywords, on, sort string) {
		q := directory.UserQuery{Keywords: keywords, Page: directory.Page{Page: 1, Limit: 50},
			Filters: []directory.Filter{{Field: field, Operator: operator, Value: jsontext.Value(value)}}}
		if on != "" {
			q.SearchOn = []string{on}
		}
		if sort != "" {
			q.Sort = []directory.Sort{{Field: sort}}
		}
		users, total, err := h.Directory.Users(t.Context(), p.ID, q)
		if c := code(err); strings.HasPrefix(c, "INTERNAL") {
			t.Fatalf("%q %q %q %q %q %q: %s", field, operator, value, keywords, on, sort, c)
		}
		if err == nil && (total > 1 || int64(len(users)) != total) {
			t.Fatalf("%d of %d users of a pool of one", len(users), total)
		}
	})
}
