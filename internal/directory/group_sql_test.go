package directory

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/guildhall-id/guildhall/internal/db"
)

// wholePool is a step of SQLite's plan that reads a table, or a pool's whole part of it.
var wholePool = regexp.MustCompile(`\(pool_id=\?\)|AUTOMATIC|SCAN (users|groups|group_members|department_members|fields|field_values|v|f|u|g|m|x)\b`)

// Statements that join large tables begin with the few rows asked for, also while SQLite knows nothing of the tables' sizes.
func TestPlans(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "guildhall.db")
	if _, _, err := db.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ids := []string{"a", "b"}
	for _, c := range []struct {
		name string
		sql  string
		args []any
	}{
		{"members of groups", selectMembersOf, []any{"p", ids, 1, 1, 1, 1, 49, 50, 100, "p"}},
		{"groups of users", selectGroupsOf, []any{"p", ids, 1, 1, "p", 50, 100}},
		{"groups of a user", selectGroupsOfUser, []any{"p", "u", 1, 1, 10, 0}},
		{"members", selectMembers, []any{"p", "g", 1, 1, 10, 0}},
		{"memberships that begin", inGroups.begin(), []any{1, 10}},
		{"memberships that end", inGroups.end(), []any{1, 1, 10}},
		{"members of departments that begin", inDepartments.begin(), []any{1, 10}},
		{"members of departments that end", inDepartments.end(), []any{1, 1, 10}},
		{"values", selectValues, []any{"p", "USER", ids, 100}},
	} {
		plan, err := db.List[planStep](t.Context(), d, "explain query plan "+c.sql, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range plan {
			if wholePool.MatchString(s.Detail) {
				t.Errorf("%s: %s", c.name, s.Detail)
			}
		}
		if len(plan) == 0 {
			t.Errorf("%s: no plan", c.name)
		}
	}
}

type planStep struct {
	ID     int64  `db:"id"`
	Parent int64  `db:"parent"`
	Unused int64  `db:"notused"`
	Detail string `db:"detail"`
}
