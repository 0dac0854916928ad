package access

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/guildhall-id/guildhall/internal/db"
)

// wholePool is a step of SQLite's plan that reads a table, or a pool's whole part of it.
var wholePool = regexp.MustCompile(`\(pool_id=\?\)|AUTOMATIC|SCAN (users|roles|role_assignments|grants|group_members|department_members|a|g|m|r)\b`)

type planStep struct {
	ID     int64  `db:"id"`
	Parent int64  `db:"parent"`
	Unused int64  `db:"notused"`
	Detail string `db:"detail"`
}

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
	held := heldBy("p", "u", 1)
	holders := []Holder{{Target: Target{"USER", "u"}}, {Target: Target{"GROUP", "g"}}, {Target: Target{"ROLE", "r"}}, {Target: Target{"DEPARTMENT", "d"}}, {Target{"DEPARTMENT", "d"}, true}}
	members, err := (&Access{db: d}).membersOf(t.Context(), "p", holders)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		sql  string
		args []any
	}{
		{"has a role", selectHeld, append(held, ids)},
		{"effective roles", selectRoles + "id in (" + rolesHeld + ") order by id desc limit ?", append(append([]any{"p"}, held...), 10)},
		{"roles by reference", selectRoles + byRef, []any{"p", ids, ids, 4}},
		{"grants of nodes", selectGrants + grantsOfNodes, []any{"p", ids, ids, 10}},
		{"grants of large nodes", selectGrants + grantsOfLarge, []any{"p", "default", ids, ids, ids, 10}},
		{"grants by resource", selectGrants + grantsByResource, []any{"p", "default", ids, 10}},
		{"members of holders", members.minus(members).sql, members.minus(members).args},
		{"groups of nodes", selectGroupEdges, []any{"p", ids, 1, 10}},
		{"departments of nodes", selectDepartmentEdges, []any{"p", ids, 1, 10}},
		{"roles of nodes", selectRoleEdges, []any{"p", ids, ids, 1, 10}},
		{"ancestors of nodes", selectAncestors, []any{"p", ids, 10}},
		{"policies of nodes", selectPolicyEdges, []any{"p", ids, ids, 10}},
		{"assignments that begin", beginAssignments, []any{1, 10}},
		{"assignments that end", endAssignments, []any{1, 1, 10}},
		{"grants by key", selectGrants + byKey, []any{"p", ids, ids, ids, ids, 10}},
	} {
		plan, err := db.List[planStep](t.Context(), d, "explain query plan "+c.sql, c.args...)
		if err != nil {
			t.Fatal(c.name, err)
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
