package directory

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/db"
)

var selectDepartment = "select " + db.Columns[Department]() + " from departments where pool_id = ? and "

func (d *Directory) organization(ctx context.Context, poolID, code, lock string) (*Department, error) {
	if err := CheckText("organizationCode", code, MaxCode); err != nil {
		return nil, err
	}
	o, err := db.One[Department](ctx, d.db, selectDepartment+"root_code = ?"+lock, poolID, code)
	if err == db.NoRow {
		return nil, organizationNotFound(code)
	}
	return &o, err
}

// department returns the referred department; its organisation is looked for first, as the wire's answers tell them apart.
func (d *Directory) department(ctx context.Context, poolID string, ref DepartmentRef, lock string) (*Department, error) {
	condition, args, err := ref.condition(poolID)
	if err != nil {
		return nil, err
	}
	args = append([]any{poolID}, args...)
	if ref.Anywhere {
		if ref.Value == Root {
			return nil, ErrDepartmentNotFound
		}
	} else {
		if ref.Value == Root {
			return d.organizationOf(ctx, poolID, ref, lock)
		}
		o, err := d.organizationOf(ctx, poolID, ref, "")
		if err != nil {
			return nil, err
		}
		condition += " and org_id = ?"
		args = append(args, o.ID)
	}
	n, err := db.One[Department](ctx, d.db, selectDepartment+condition+" order by id limit 1"+lock, args...)
	if err != nil {
		return nil, notFound(err, ErrDepartmentNotFound)
	}
	return &n, nil
}

func (d *Directory) lockDepartment(ctx context.Context, poolID string, ref DepartmentRef) (*Department, error) {
	return d.department(ctx, poolID, ref, forUpdate)
}

// lockTree returns the referred department for a change of its organisation's tree. Such changes come one after another: the
// root's row is locked before anything is read.
func (d *Directory) lockTree(ctx context.Context, poolID string, ref DepartmentRef) (*Department, error) {
	if ref.Anywhere {
		n, err := d.department(ctx, poolID, ref, "")
		if err != nil {
			return nil, err
		}
		if err := d.LockDepartments(ctx, poolID, []string{n.OrgID}); err != nil {
			return nil, err
		}
	} else if _, err := d.organizationOf(ctx, poolID, ref, forUpdate); err != nil {
		return nil, err
	}
	return d.department(ctx, poolID, ref, forUpdate)
}

func (d *Directory) listDepartments(ctx context.Context, w *db.Where, order string, p Page) ([]Department, int64, error) {
	total, err := db.One[int64](ctx, d.db, "select count(*) from departments where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := p.window()
	list, err := db.List[Department](ctx, d.db, "select "+db.Columns[Department]()+" from departments where "+w.String()+order+" limit ? offset ?",
		append(w.Args, limit, offset)...)
	return list, total, err
}

// insertPath writes the closure's rows of a new node.
func (d *Directory) insertPath(ctx context.Context, n *Department) error {
	_, err := db.Exec(ctx, d.db, `insert into department_paths (pool_id, descendant, ancestor, depth) values (?, ?, ?, 0)`, n.PoolID, n.ID, n.ID)
	if err != nil || n.IsRoot() {
		return err
	}
	_, err = db.Exec(ctx, d.db, `insert into department_paths (pool_id, descendant, ancestor, depth)
		select pool_id, cast(? as text), ancestor, depth + 1 from department_paths where pool_id = ? and descendant = ?`, n.ID, n.PoolID, n.ParentID)
	return err
}

// checkRoom refuses another child where the tree would become too deep or too large.
func (d *Directory) checkRoom(ctx context.Context, parent *Department) error {
	depth, err := d.depth(ctx, parent)
	if err != nil {
		return err
	}
	if depth+1 > deepest {
		return ErrDepartmentTooDeep
	}
	size, err := db.One[int64](ctx, d.db, "select count(*) from department_paths where pool_id = ? and ancestor = ?", parent.PoolID, parent.OrgID)
	if err == nil && size >= mostInTree {
		err = ErrOrganizationFull
	}
	return err
}

func (d *Directory) depth(ctx context.Context, n *Department) (int64, error) {
	return db.One[int64](ctx, d.db, "select depth from department_paths where pool_id = ? and descendant = ? and ancestor = ?", n.PoolID, n.ID, n.OrgID)
}

// placeFor is how deep the tree would be if n stood below parent, or ErrDepartmentCycle.
func (d *Directory) placeFor(ctx context.Context, n, parent *Department) (int64, error) {
	inside, err := db.One[int64](ctx, d.db, "select count(*) from department_paths where pool_id = ? and descendant = ? and ancestor = ?",
		n.PoolID, parent.ID, n.ID)
	if err != nil {
		return 0, err
	}
	if inside > 0 {
		return 0, ErrDepartmentCycle
	}
	height, err := db.One[int64](ctx, d.db, "select max(depth) from department_paths where pool_id = ? and ancestor = ?", n.PoolID, n.ID)
	if err != nil {
		return 0, err
	}
	depth, err := d.depth(ctx, parent)
	return depth + 1 + height, err
}

// movePaths takes the tree of n from its former ancestors and hangs it below n.ParentID.
func (d *Directory) movePaths(ctx context.Context, n *Department) error {
	const below = "(select descendant from department_paths where pool_id = ? and ancestor = ?)"
	if _, err := db.Exec(ctx, d.db, "delete from department_paths where pool_id = ? and descendant in "+below+" and ancestor not in "+below,
		n.PoolID, n.PoolID, n.ID, n.PoolID, n.ID); err != nil {
		return err
	}
	_, err := db.Exec(ctx, d.db, `insert into department_paths (pool_id, descendant, ancestor, depth)
		select s.pool_id, s.descendant, a.ancestor, a.depth + 1 + s.depth from department_paths a cross join department_paths s
		where a.pool_id = ? and a.descendant = ? and s.pool_id = a.pool_id and s.ancestor = ?`, n.PoolID, n.ParentID, n.ID)
	if err != nil {
		return err
	}
	return d.db.Publish(ctx, n.PoolID, MembersTopic, TreeMoved)
}

// dropDepartments removes departments that have no children but among themselves.
func (d *Directory) dropDepartments(ctx context.Context, poolID string, ids []string) error {
	for _, f := range d.departmentsDeleted {
		if err := f(ctx, poolID, ids); err != nil {
			return err
		}
	}
	if err := d.removeValues(ctx, poolID, DepartmentTarget, ids); err != nil {
		return err
	}
	moved, err := db.List[string](ctx, d.db, `update users set main_department_id = null, main_department_code = null where pool_id = ? and id in (
		select user_id from department_members where pool_id = ? and department_id in (?...)) and main_department_id in (?...) returning id`,
		poolID, poolID, ids, ids)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(moved, mostMembers) {
		if err := d.usersTouched(ctx, poolID, batch); err != nil {
			return err
		}
	}
	for _, of := range []string{"department_members where pool_id = ? and department_id", "department_posts where pool_id = ? and department_id",
		"department_paths where pool_id = ? and descendant", "departments where pool_id = ? and id"} {
		if _, err := db.Exec(ctx, d.db, "delete from "+of+" in (?...)", poolID, ids); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) children(ctx context.Context, n *Department, q ChildQuery) ([]Department, int64, error) {
	var w db.Where
	w.And("p.pool_id = ? and p.ancestor = ?", n.PoolID, n.ID)
	if q.All {
		w.And("p.depth > 0")
	} else {
		w.And("p.depth = 1")
	}
	if q.Enabled != nil {
		w.And("d.enabled = ?", *q.Enabled)
	}
	if q.Virtual != nil {
		w.And("d.is_virtual = ?", *q.Virtual)
	}
	from := " from department_paths p cross join departments d where d.pool_id = p.pool_id and d.id = p.descendant and " + w.String()
	total, err := db.One[int64](ctx, d.db, "select count(*)"+from, w.Args...)
	if err != nil {
		return nil, 0, err
	}
	list, err := db.List[Department](ctx, d.db, "select "+db.Columns[Department]("d")+from+" order by p.depth, d.order_index desc, d.id limit ?",
		append(w.Args, mostDepartments)...)
	return list, total, err
}

var selectFacts = `select d.id, r.root_code, p.code,
		(select count(*) from department_members m where m.pool_id = d.pool_id and m.department_id = d.id and ` + InForce("m") + `),
		exists (select 1 from departments c where c.pool_id = d.pool_id and c.parent_id = d.id)
	from departments d
	left join departments r on r.pool_id = d.pool_id and r.id = d.org_id
	left join departments p on p.pool_id = d.pool_id and p.id = d.parent_id
	where d.pool_id = ? and d.id in (?...) limit ?`

var selectLeaders = `select department_id, user_id from department_members
	where pool_id = ? and department_id in (?...) and is_leader and ` + InForce() + " order by department_id, user_id limit ?"

// pair is a row of two identifiers.
type pair struct {
	Of string `db:"of"`
	ID string `db:"id"`
}

func gatherPairs(rows []pair) map[string][]string {
	out := make(map[string][]string)
	for _, r := range rows {
		out[r.Of] = append(out[r.Of], r.ID)
	}
	return out
}

func (d *Directory) facts(ctx context.Context, poolID string, ids []string) (map[string]DepartmentFacts, error) {
	now := d.db.Now()
	rows, err := db.List[DepartmentFacts](ctx, d.db, selectFacts, now, now, poolID, ids, mostDepartments)
	if err != nil {
		return nil, err
	}
	leaders, err := db.List[pair](ctx, d.db, selectLeaders, poolID, ids, now, now, mostLeaders*max(len(ids), 1))
	if err != nil {
		return nil, err
	}
	byID := gatherPairs(leaders)
	out := make(map[string]DepartmentFacts, len(rows))
	for _, f := range rows {
		f.Leaders = byID[f.ID]
		out[f.ID] = f
	}
	return out, nil
}
