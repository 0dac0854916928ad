package directory

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
)

// Fields whose equality has no index, each with the reason.
var unindexed = map[string]string{
	"photo": "an address of a picture: nobody asks for it", "profile": "an address", "website": "an address", "address": "a text of lines", "streetAddress": "a text of lines",
	"formatted": "a text of lines", "browser": "a line of a program", "oauth": "JSON", "metadata": "JSON", "metadataSource": "JSON",
}

// Every filter by equality and every order by one field reads an index, or is named above; no order is made by sorting a pool.
func TestUserPlans(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "guildhall.db")
	if _, _, err := db.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	var ran []string
	d, err := db.Open(t.Context(), db.Options{DSN: dsn, Trace: func(sql string) { ran = append(ran, sql) }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	h, ctx := New(Options{DB: d, Log: audit.New(d)}), t.Context()
	if err := d.Count(ctx, "p", userTally, 1); err != nil {
		t.Fatal(err)
	}
	if err := db.Insert(ctx, d, "users", &User{PoolID: "p", ID: d.NewID(), Status: Activated, Gender: "U", WorkStatus: "Active", SourceType: "excel"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.matching(ctx, "p", nil, nil); err != nil {
		t.Fatal(err)
	}
	plans := func(q UserQuery) string {
		ran = nil
		q.Page = Page{1, 10}
		if _, _, err := h.Users(ctx, "p", q); err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		var b strings.Builder
		for _, sql := range slices.Clone(ran) {
			if !strings.Contains(sql, "from users") {
				continue
			}
			steps, err := db.List[planStep](ctx, d, "explain query plan "+sql, slices.Repeat([]any{"1"}, strings.Count(sql, "?"))...)
			if err != nil {
				t.Fatal(sql, err)
			}
			for _, s := range steps {
				b.WriteString(s.Detail + "\n")
			}
		}
		return b.String()
	}
	value := map[valueKind]string{asText: `"x"`, asInt: "1", asTime: "1", asBool: "true"}
	for name, f := range queryFields {
		if f.filter {
			v := value[f.kind]
			if closed := closedFields[name]; closed != nil {
				v = `"` + closed[0] + `"`
			}
			if i := slices.IndexFunc(facets, func(known facet) bool { return queryFields[known.field].column == f.column }); i >= 0 {
				v = `"` + facets[i].values[0] + `"`
			}
			plan := plans(UserQuery{Filters: []Filter{{name, "EQUAL", jsontext.Value(v)}}})
			whole := strings.Contains(plan, "SCAN users") || strings.Contains(plan, "(pool_id=?)\n")
			if reason := unindexed[name]; whole != (reason != "") {
				t.Errorf("%s EQUAL: reads all: %v; reason %q\n%s", name, whole, reason, plan)
			}
		}
		for _, descending := range []bool{true, false} {
			if !f.sort {
				continue
			}
			if plan := plans(UserQuery{Sort: []Sort{{name, descending}}}); strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("order by %s (descending: %v) sorts:\n%s", name, descending, plan)
			}
		}
	}
}
