package main

import (
	"context"
	"fmt"
	"time"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/server"
)

// world says what the people of a filled database may do: user i has role i modulo the number of roles, each department and each
// group a role too, and so many grants are made to roles, users, departments and groups. Who is granted what depends on the numbers
// alone. It is made in two stages, so that many rules can be compared with few: the first has one grant of each fewer.
type world struct {
	s      *server.Server
	poolID string

	users, departments, groups, roles []string // identifiers
	parents                           map[string]string
	grants                            int // of both stages
}

const (
	fewer        = 100  // of so many grants, one is of the first stage
	usersPerRole = 100  // that have it themselves
	shelf        = 1000 // resources that the role shelfRole may read, each granted by itself
	shelfRole    = "librarian"
	kinds        = 100 // of resources
)

var verbs = []string{"read", "edit", "delete", "share"}

// shares are how many in a hundred grants are made to which targets.
var shares = []struct {
	of    directory.TargetType
	share int
}{{directory.RoleTarget, 70}, {directory.UserTarget, 20}, {directory.DepartmentTarget, 8}, {directory.GroupTarget, 2}}

// openWorld looks at a filled database. There are as many grants as users.
func openWorld(ctx context.Context, s *server.Server, poolID string) (*world, error) {
	w := &world{s: s, poolID: poolID, parents: map[string]string{}}
	var err error
	if w.users, err = db.List[string](ctx, s.DB, "select id from users where pool_id = ? order by id limit ?", poolID, 2_000_000); err != nil {
		return nil, err
	}
	w.grants = len(w.users)
	if w.groups, err = db.List[string](ctx, s.DB, "select id from groups where pool_id = ? order by code limit ?", poolID, groups); err != nil {
		return nil, err
	}
	type node struct {
		ID     string `db:"id"`
		Parent string `db:"parent_id"`
	}
	nodes, err := db.List[node](ctx, s.DB, "select id, coalesce(parent_id, '') parent_id from departments where pool_id = ? order by id limit ?", poolID, departments+1)
	if err != nil {
		return nil, err
	}
	for _, d := range nodes {
		w.departments = append(w.departments, d.ID)
		w.parents[d.ID] = d.Parent
	}
	return w, nil
}

func roleCode(i int) string { return fmt.Sprintf("role-%06d", i) }

func (w *world) targets(t directory.TargetType) []string {
	return map[directory.TargetType][]string{directory.RoleTarget: w.roles, directory.UserTarget: w.users,
		directory.DepartmentTarget: w.departments, directory.GroupTarget: w.groups}[t]
}

// grant is grant j: those of one target stand together.
func (w *world) grant(j int) access.NewGrant {
	r := random(20, uint64(j))
	g := access.NewGrant{Resource: fmt.Sprintf("kind-%d:%d", r.IntN(kinds), r.IntN(w.grants/3+1))}
	for i, begin := 0, 0; i < len(shares); i++ {
		ids, size := w.targets(shares[i].of), w.grants*shares[i].share/100
		if j < begin+size || i == len(shares)-1 {
			g.Target = access.Target{Type: shares[i].of, ID: ids[min((j-begin)*len(ids)/size, len(ids)-1)]}
			break
		}
		begin += size
	}
	g.Inherit = g.Target.Type == directory.DepartmentTarget && r.IntN(2) == 0
	switch x := r.IntN(200); {
	case x == 0:
		g.Resource = fmt.Sprintf("kind-%d:*", r.IntN(kinds))
	case x < 10:
		g.Effect = access.Deny
	}
	first := r.IntN(len(verbs))
	g.Actions = []string{verbs[first], verbs[(first+1)%len(verbs)]}[:1+r.IntN(2)]
	return g
}

// index says which grants each target has in a stage.
func (w *world) index(stage int) map[access.Target][]int {
	out := make(map[access.Target][]int)
	for j := range w.grants {
		if w.in(stage, j) {
			t := w.grant(j).Target
			out[t] = append(out[t], j)
		}
	}
	return out
}

func (w *world) in(stage, j int) bool { return stage > 0 || j%fewer == 0 }

// furnish makes the roles and says who has them.
func (w *world) furnish(ctx context.Context) error {
	began := time.Now()
	n := max(len(w.users)/usersPerRole, 20)
	err := w.inSteps(ctx, n, 50, func(ctx context.Context, from, to int) error {
		var list []access.NewRole
		for i := from; i < to; i++ {
			list = append(list, access.NewRole{Code: roleCode(i), Name: fmt.Sprint("Role ", i)})
		}
		made, err := w.s.Access.CreateRoles(ctx, w.poolID, list)
		for i := range made {
			w.roles = append(w.roles, made[i].ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	assign := func(ctx context.Context, role int, t directory.TargetType, ids ...string) error {
		targets := make([]access.Target, len(ids))
		for i, id := range ids {
			targets[i] = access.Target{Type: t, ID: id}
		}
		return w.s.Access.Assign(ctx, w.poolID, []access.RoleRef{{Code: roleCode(role)}}, targets)
	}
	if err := w.inSteps(ctx, n, 1, func(ctx context.Context, role, _ int) error {
		var holders []string
		for i := role; i < len(w.users); i += n {
			holders = append(holders, w.users[i])
		}
		return assign(ctx, role, directory.UserTarget, holders...)
	}); err != nil {
		return err
	}
	for t, ids := range map[directory.TargetType][]string{directory.DepartmentTarget: w.departments, directory.GroupTarget: w.groups} {
		if err := w.inSteps(ctx, len(ids), 1, func(ctx context.Context, i, _ int) error { return assign(ctx, w.roleOf(t, i), t, ids[i]) }); err != nil {
			return err
		}
	}
	if _, err := w.s.Access.CreateRole(ctx, w.poolID, access.NewRole{Code: shelfRole, Name: "Librarian"}); err != nil {
		return err
	}
	role, err := w.s.Access.Role(ctx, w.poolID, access.RoleRef{Code: shelfRole})
	if err != nil {
		return err
	}
	if err := w.s.Access.Assign(ctx, w.poolID, []access.RoleRef{{Code: shelfRole}}, []access.Target{{Type: directory.UserTarget, ID: w.users[0]}}); err != nil {
		return err
	}
	err = w.grantAll(ctx, shelf, func(i int) access.NewGrant {
		return access.NewGrant{Target: access.Target{Type: directory.RoleTarget, ID: role.ID}, Resource: fmt.Sprint("shelf:", i), Actions: verbs[:1]}
	})
	say("%d roles, one for each user, department and group, %s", n, time.Since(began).Round(time.Millisecond))
	return err
}

// roleOf is which role the i-th department or group has.
func (w *world) roleOf(t directory.TargetType, i int) int {
	if t == directory.GroupTarget {
		return (7*i + 3) % len(w.roles)
	}
	return 11 * i % len(w.roles)
}

// advance makes the grants of a stage that the one before has not.
func (w *world) advance(ctx context.Context, stage int) error {
	began := time.Now()
	var list []int
	for j := range w.grants {
		if w.in(stage, j) && (stage == 0 || !w.in(stage-1, j)) {
			list = append(list, j)
		}
	}
	err := w.grantAll(ctx, len(list), func(i int) access.NewGrant { return w.grant(list[i]) })
	if err == nil && !w.s.DB.Local() {
		_, err = db.Exec(ctx, w.s.DB, "analyze")
	}
	say("%d grants %s", len(list), time.Since(began).Round(time.Millisecond))
	return err
}

func (w *world) grantAll(ctx context.Context, n int, grant func(i int) access.NewGrant) error {
	return w.inSteps(ctx, n, 500, func(ctx context.Context, from, to int) error {
		list := make([]access.NewGrant, 0, to-from)
		for i := from; i < to; i++ {
			list = append(list, grant(i))
		}
		return w.s.Access.Grant(ctx, w.poolID, list)
	})
}

// inSteps calls f for ranges of n things, several in one transaction.
func (w *world) inSteps(ctx context.Context, n, step int, f func(ctx context.Context, from, to int) error) error {
	const together = 20
	for begin := 0; begin < n; begin += step * together {
		if err := w.s.DB.Tx(ctx, func(ctx context.Context) error {
			for from := begin; from < min(begin+step*together, n); from += step {
				if err := f(ctx, from, min(from+step, n)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
