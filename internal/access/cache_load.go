package access

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// ErrTooManySubjects says that a user is in more groups, departments and roles than one answer can look at.
var ErrTooManySubjects = fault.New(fault.TooLarge, "subjects_too_many")

const (
	nodeBatch     = 500     // nodes that one statement loads
	mostNodeEdges = 100_000 // memberships and assignments that one statement loads
)

// view is what one call sees of a pool, at one moment: nodes from the cache or, in a transaction, as that sees them.
type view struct {
	a      *Access
	pool   string
	now    int64
	epochs *poolEpochs
	own    map[Target]*node // of a view that is not the cache's; nil otherwise
	all    bool             // nodes hold all their grants, however many
}

// view begins a call. What a transaction reads may be undone: it has nodes of its own.
func (a *Access) view(ctx context.Context, poolID string) *view {
	v := &view{a: a, pool: poolID, now: a.db.Now(), epochs: a.cache.epochs(poolID)}
	if a.db.InTx(ctx) {
		v.own = make(map[Target]*node)
	}
	return v
}

// nodes returns the nodes of targets, in their order; nil for what is not there.
func (v *view) nodes(ctx context.Context, targets []Target) ([]*node, error) {
	out := make([]*node, len(targets))
	var missing []int
	for i, t := range targets {
		if v.own != nil {
			n, ok := v.own[t]
			if !ok {
				missing = append(missing, i)
			}
			out[i] = n
		} else if out[i] = v.a.cache.get(v.epochs, t); out[i] == nil {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	at := make(map[Target]int, len(missing))
	var todo []Target
	for _, i := range missing {
		if _, ok := at[targets[i]]; !ok {
			at[targets[i]] = len(todo)
			todo = append(todo, targets[i])
		}
	}
	loaded := make([]*node, 0, len(todo))
	for batch := range slices.Chunk(todo, nodeBatch) {
		list, err := v.load(ctx, batch)
		if err != nil {
			return nil, err
		}
		loaded = append(loaded, list...)
	}
	for _, i := range missing {
		out[i] = loaded[at[targets[i]]]
	}
	return out, nil
}

// load reads nodes from the database, and keeps them.
func (v *view) load(ctx context.Context, targets []Target) ([]*node, error) {
	marks := make([]cacheMark, len(targets))
	if v.own == nil {
		for i, t := range targets {
			marks[i] = v.a.cache.mark(v.epochs, t)
		}
	}
	l := loader{view: v, nodes: make(map[Target]*node, len(targets)), ids: make(targetIDs)}
	for _, t := range targets {
		if len(directory.Findable([]string{t.ID})) > 0 {
			l.ids[t.Type] = append(l.ids[t.Type], t.ID)
		}
	}
	if err := l.run(ctx); err != nil {
		return nil, err
	}
	out := make([]*node, len(targets))
	for i, t := range targets {
		n := l.nodes[t]
		out[i] = n
		if v.own != nil {
			v.own[t] = n
		}
		if n == nil {
			continue
		}
		n.rules.sort()
		n.index = nil
		if n.weigh(); !v.all && n.weight > heaviestNode {
			n.large, n.rules = true, nil
		} else if len(n.rules) <= mostNodeRules {
			n.index = n.rules.index()
		}
		n.weigh()
		if v.own == nil {
			v.a.cache.put(v.epochs, t, n, marks[i])
		}
	}
	return out, nil
}

// loader reads some nodes, each table once.
type loader struct {
	*view
	ids   targetIDs
	nodes map[Target]*node
}

// holders are the types of targets that have grants and policies.
var holders = []directory.TargetType{directory.UserTarget, directory.GroupTarget, directory.DepartmentTarget, directory.RoleTarget}

func (l *loader) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{l.users, l.groups, l.departments, l.roles, l.policies, l.namespaces, l.assignments, l.policyAssignments, l.grants} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// exists makes a node.
func (l *loader) exists(t directory.TargetType, id string) *node {
	n := &node{}
	l.nodes[Target{t, id}] = n
	return n
}

// existing makes the nodes of what a table has.
func (l *loader) existing(ctx context.Context, t directory.TargetType, table, column string) error {
	ids := l.ids[t]
	if len(ids) == 0 {
		return nil
	}
	found, err := db.List[string](ctx, l.a.db, "select "+column+" from "+table+" where pool_id = ? and "+column+" in (?...) limit ?", l.pool, ids, len(ids))
	for _, id := range found {
		l.exists(t, id)
	}
	return err
}

// edgeRow leads from a target to what it belongs to or has.
type edgeRow struct {
	TargetType directory.TargetType `db:"target_type"`
	TargetID   string               `db:"target_id"`
	ID         string               `db:"id"`
	directory.Term
}

func (l *loader) edges(ctx context.Context, sql string, args []any, add func(n *node, e edge)) error {
	rows, err := db.List[edgeRow](ctx, l.a.db, sql, append(args, mostNodeEdges+1)...)
	if err != nil {
		return err
	}
	if len(rows) > mostNodeEdges {
		return ErrTooManySubjects
	}
	for _, r := range rows {
		if n := l.nodes[Target{r.TargetType, r.TargetID}]; n != nil {
			add(n, edge{r.ID, r.Term})
		}
	}
	return nil
}

func (l *loader) users(ctx context.Context) error {
	ids := l.ids[directory.UserTarget]
	if len(ids) == 0 {
		return nil
	}
	if err := l.existing(ctx, directory.UserTarget, "users", "id"); err != nil {
		return err
	}
	if err := l.edges(ctx, selectGroupEdges, []any{l.pool, ids, l.now}, func(n *node, e edge) { n.groups = append(n.groups, e) }); err != nil {
		return err
	}
	return l.edges(ctx, selectDepartmentEdges, []any{l.pool, ids, l.now}, func(n *node, e edge) { n.departments = append(n.departments, e) })
}

// What has ended does not come back.
const (
	selectGroupEdges = `select 'USER', user_id, group_id, enable_time, end_time from group_members
		where pool_id = ? and user_id in (?...) and (end_time = 0 or end_time > ?) order by user_id, group_id limit ?`
	selectDepartmentEdges = `select 'USER', user_id, department_id, enable_time, end_time from department_members
		where pool_id = ? and user_id in (?...) and (end_time = 0 or end_time > ?) order by user_id, department_id limit ?`
	selectRoleEdges = `select target_type, target_id, role_id, enable_time, end_time from role_assignments
		where pool_id = ? and target_type in (?...) and target_id in (?...) and (end_time = 0 or end_time > ?) order by target_type, target_id, role_id limit ?`
	selectAncestors = `select 'DEPARTMENT', descendant, ancestor, depth, depth from department_paths
		where pool_id = ? and descendant in (?...) order by descendant, depth limit ?`
	selectPolicyEdges = `select target_type, target_id, policy_id, inherit from policy_assignments
		where pool_id = ? and target_type in (?...) and target_id in (?...) and enabled order by target_type, target_id, policy_id limit ?`
	grantsOfLarge = "namespace = ? and resource in (?...) and target_type in (?...) and target_id in (?...) limit ?"
	grantsOfNodes = "target_type in (?...) and target_id in (?...) limit ?"
)

func (l *loader) groups(ctx context.Context) error {
	ids := l.ids[directory.GroupTarget]
	if len(ids) == 0 {
		return nil
	}
	rows, err := db.List[directory.Group](ctx, l.a.db, "select "+db.Columns[directory.Group]()+" from groups where pool_id = ? and id in (?...) limit ?", l.pool, ids, len(ids))
	for _, g := range rows {
		n := l.exists(directory.GroupTarget, g.ID)
		n.code, n.name, n.dynamic = g.Code, g.Name, g.Type == directory.DynamicGroup
	}
	return err
}

type named struct {
	ID   string `db:"id"`
	Code string `db:"code"`
	Name string `db:"name"`
}

func (l *loader) departments(ctx context.Context) error {
	ids := l.ids[directory.DepartmentTarget]
	if len(ids) == 0 {
		return nil
	}
	rows, err := db.List[named](ctx, l.a.db, "select id, coalesce(code, ''), name from departments where pool_id = ? and id in (?...) limit ?", l.pool, ids, len(ids))
	if err != nil {
		return err
	}
	for _, d := range rows {
		n := l.exists(directory.DepartmentTarget, d.ID)
		n.code, n.name = d.Code, d.Name
	}
	return l.edges(ctx, selectAncestors, []any{l.pool, ids}, func(n *node, e edge) {
		if e.term.EnableTime > 0 { // which is the depth: a department is its own at depth 0
			n.ancestors = append(n.ancestors, e.id)
		}
	})
}

func (l *loader) roles(ctx context.Context) error {
	ids := l.ids[directory.RoleTarget]
	if len(ids) == 0 {
		return nil
	}
	rows, err := db.List[Role](ctx, l.a.db, selectRoles+"id in (?...) limit ?", l.pool, ids, len(ids))
	for _, r := range rows {
		n := l.exists(directory.RoleTarget, r.ID)
		n.code, n.name, n.disabled, n.disableTime = r.Code, r.Name, r.Disabled, r.DisableTime
	}
	return err
}

func (l *loader) policies(ctx context.Context) error {
	ids := l.ids[policyNode]
	if len(ids) == 0 {
		return nil
	}
	rows, err := db.List[Policy](ctx, l.a.db, "select "+db.Columns[Policy]()+" from policies where pool_id = ? and id in (?...) limit ?", l.pool, ids, len(ids))
	for i := range rows {
		l.exists(policyNode, rows[i].ID).rules = rulesOf(&rows[i])
	}
	return err
}

func (l *loader) namespaces(ctx context.Context) error {
	return l.existing(ctx, namespaceNode, "namespaces", "code")
}

// of are the types and the identifiers of the targets of those types that are there.
func (l *loader) of(types ...directory.TargetType) (names, ids []string) {
	for _, t := range types {
		n := len(ids)
		for _, id := range l.ids[t] {
			if l.nodes[Target{t, id}] != nil {
				ids = append(ids, id)
			}
		}
		if len(ids) > n {
			names = append(names, string(t))
		}
	}
	return names, ids
}

func (l *loader) assignments(ctx context.Context) error {
	types, ids := l.of(directory.UserTarget, directory.GroupTarget, directory.DepartmentTarget)
	if len(ids) == 0 {
		return nil
	}
	return l.edges(ctx, selectRoleEdges, []any{l.pool, types, ids, l.now}, func(n *node, e edge) { n.roles = append(n.roles, e) })
}

type policyEdgeRow struct {
	TargetType directory.TargetType `db:"target_type"`
	TargetID   string               `db:"target_id"`
	ID         string               `db:"id"`
	Inherit    bool                 `db:"inherit"`
}

func (l *loader) policyAssignments(ctx context.Context) error {
	types, ids := l.of(holders...)
	if len(ids) == 0 {
		return nil
	}
	rows, err := db.List[policyEdgeRow](ctx, l.a.db, selectPolicyEdges, l.pool, types, ids, mostNodeEdges+1)
	if err == nil && len(rows) > mostNodeEdges {
		err = ErrTooManySubjects
	}
	for _, r := range rows {
		if n := l.nodes[Target{r.TargetType, r.TargetID}]; n != nil {
			n.policies = append(n.policies, policyEdge{r.ID, r.Inherit && r.TargetType == directory.DepartmentTarget})
		}
	}
	return err
}

func (l *loader) grants(ctx context.Context) error {
	types, ids := l.of(holders...)
	if len(ids) == 0 {
		return nil
	}
	return l.grantsAmong(ctx, types, ids)
}

// grantsAmong reads the grants of targets; where they are more than a node may hold, of each half, until it is known whose are so many.
func (l *loader) grantsAmong(ctx context.Context, types, ids []string) error {
	most := mostNodeRules
	if l.all {
		most = mostProbed
	}
	rows, err := db.List[grant](ctx, l.a.db, selectGrants+grantsOfNodes, l.pool, types, ids, most+1)
	if err != nil {
		return err
	}
	switch {
	case len(rows) <= most:
		for i := range rows {
			if n := l.nodes[Target{rows[i].TargetType, rows[i].TargetID}]; n != nil {
				n.rules = append(n.rules, ruleOf(&rows[i]))
			}
		}
		return nil
	case len(ids) > 1:
		if err := l.grantsAmong(ctx, types, ids[:len(ids)/2]); err != nil {
			return err
		}
		return l.grantsAmong(ctx, types, ids[len(ids)/2:])
	case l.all:
		return errTooManyRules
	}
	for _, t := range types {
		if n := l.nodes[Target{directory.TargetType(t), ids[0]}]; n != nil {
			n.large = true
		}
	}
	return nil
}

// large returns the grants that cover a question's resource of those subjects whose nodes do not hold theirs, all in one statement.
func (v *view) large(ctx context.Context, list []subject, q *asked) (map[Target]rules, error) {
	var types, ids, resources []string
	for i := range list {
		if list[i].node.large {
			types, ids = append(types, string(list[i].Type)), append(ids, list[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	for _, p := range q.covering {
		resources = append(resources, spellings(p)...)
	}
	rows, err := db.List[grant](ctx, v.a.db, selectGrants+grantsOfLarge, v.pool, q.namespace, resources, directory.Findable(types), directory.Findable(ids), mostNodeEdges)
	if err != nil {
		return nil, err
	}
	out := make(map[Target]rules)
	for i := range rows {
		t := Target{rows[i].TargetType, rows[i].TargetID}
		out[t] = append(out[t], ruleOf(&rows[i]))
	}
	for _, list := range out {
		list.sort()
	}
	return out, nil
}
