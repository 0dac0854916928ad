package access

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// forUpdate ends a select whose rows the transaction is about to change, or which must be there until its end.
const forUpdate = " for update"

var selectRoles = "select " + db.Columns[Role]() + " from roles where pool_id = ? and "

// byRef continues selectRoles. Roles are locked in this order everywhere.
const byRef = "namespace in (?...) and code in (?...) order by namespace, code limit ?"

func (a *Access) rolesByRef(ctx context.Context, poolID string, refs []RoleRef, lock string) (map[RoleRef]Role, error) {
	asked := make(map[RoleRef]bool, len(refs))
	codes := make([]string, len(refs))
	for i, r := range refs {
		asked[r.normal()], codes[i] = true, r.Code
	}
	namespaces, codes := directory.Findable(namespacesOf(refs)), directory.Findable(codes)
	rows, err := db.List[Role](ctx, a.db, selectRoles+byRef+lock,
		poolID, namespaces, codes, len(namespaces)*len(codes))
	if err != nil {
		return nil, err
	}
	out := make(map[RoleRef]Role, len(rows))
	for _, r := range rows {
		if asked[r.Ref()] {
			out[r.Ref()] = r
		}
	}
	return out, nil
}

func (a *Access) rolesByID(ctx context.Context, poolID string, ids []string) (map[string]Role, error) {
	rows, err := db.List[Role](ctx, a.db, selectRoles+"id in (?...) limit ?", poolID, directory.Findable(ids), mostRoles)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Role, len(rows))
	for _, r := range rows {
		out[r.ID] = r
	}
	return out, nil
}

// lockRoles makes sure that the roles exist until the transaction of ctx ends.
func (a *Access) lockRoles(ctx context.Context, poolID string, ids []string) error {
	known := directory.Findable(ids)
	found, err := db.List[string](ctx, a.db, "select id from roles where pool_id = ? and id in (?...) order by namespace, code limit ?"+forUpdate,
		poolID, known, len(known))
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(found))
	for _, id := range found {
		there[id] = true
	}
	for _, id := range ids {
		if !there[id] {
			return ErrRoleNotFound
		}
	}
	return nil
}

func (a *Access) listRoles(ctx context.Context, poolID string, f RoleFilter, p directory.Page) ([]Role, int64, error) {
	var w db.Where
	w.And("pool_id = ?", poolID)
	if f.Namespace != "" {
		w.And("namespace = ?", f.Namespace)
	}
	if f.Keywords != "" {
		like := directory.LikePattern(f.Keywords)
		w.And(`lower(name) like ? escape '\' or lower(code) like ? escape '\'`, like, like)
	}
	if f.Applicable {
		w.And("permission_apply = ? and not disabled and (disable_time = 0 or disable_time > ?)", true, a.db.Now())
	}
	total, err := db.One[int64](ctx, a.db, "select count(*) from roles where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	roles, err := db.List[Role](ctx, a.db, "select "+db.Columns[Role]()+" from roles where "+w.String()+" order by id desc limit ? offset ?",
		append(w.Args, limit, offset)...)
	return roles, total, err
}

func (a *Access) dropRoles(ctx context.Context, poolID string, ids []string) error {
	for _, sql := range []string{
		"delete from role_assignments where pool_id = ? and role_id in (?...)",
		"delete from grants where pool_id = ? and target_type = 'ROLE' and target_id in (?...)",
		"delete from policy_assignments where pool_id = ? and target_type = 'ROLE' and target_id in (?...)",
		"delete from data_policy_assignments where pool_id = ? and target_type = 'ROLE' and target_id in (?...)",
		"delete from application_access where pool_id = ? and target_type = 'ROLE' and target_id in (?...)",
		"update roles set parent_id = '' where pool_id = ? and parent_id in (?...)",
		"delete from roles where pool_id = ? and id in (?...)",
	} {
		if _, err := db.Exec(ctx, a.db, sql, poolID, ids); err != nil {
			return err
		}
	}
	return nil
}

// roleNamed reports whether a role of the namespace has that name.
func (a *Access) roleNamed(ctx context.Context, poolID, namespace, name string) (bool, error) {
	found, err := db.List[string](ctx, a.db, "select id from roles where pool_id = ? and namespace = ? and name = ? limit 1", poolID, namespace, name)
	return len(found) > 0, err
}

// What is in effect at a time, which is the argument of each ?: an assignment, a role.
var inForce = directory.InForce("a")

const enabled = "not r.disabled and (r.disable_time = 0 or r.disable_time > ?)"

func (a *Access) listRolesOf(ctx context.Context, poolID, userID, namespace string, p directory.Page) ([]Role, int64, error) {
	now := a.db.Now()
	var w db.Where
	w.And("a.pool_id = ? and a.target_type = 'USER' and a.target_id in (?...)", poolID, directory.Findable([]string{userID}))
	w.And(inForce, now, now)
	w.And(enabled, now)
	if namespace != "" {
		w.And("r.namespace = ?", namespace)
	}
	from := " from role_assignments a join roles r on r.pool_id = a.pool_id and r.id = a.role_id where " + w.String()
	total, err := db.One[int64](ctx, a.db, "select count(*)"+from, w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	roles, err := db.List[Role](ctx, a.db, "select "+db.Columns[Role]("r")+from+" order by r.id desc limit ? offset ?", append(w.Args, limit, offset)...)
	return roles, total, err
}

// rolesHeld selects, as role_id, the roles in effect that a user has themselves, through groups and through departments. Its arguments are heldBy's.
// "cross join" keeps SQLite from beginning with all assignments or roles of the pool.
var rolesHeld = `select r.id as role_id from (
		select a.role_id from role_assignments a where a.pool_id = ? and a.target_type = 'USER' and a.target_id = ? and ` + inForce + `
		union select a.role_id from group_members m cross join role_assignments a
			where m.pool_id = ? and m.user_id = ? and ` + directory.InForce("m") + ` and a.pool_id = m.pool_id and a.target_type = 'GROUP' and a.target_id = m.group_id and ` + inForce + `
		union select a.role_id from department_members m cross join role_assignments a
			where m.pool_id = ? and m.user_id = ? and ` + directory.InForce("m") + ` and a.pool_id = m.pool_id and a.target_type = 'DEPARTMENT' and a.target_id = m.department_id and ` + inForce + `
	) given cross join roles r where r.pool_id = ? and r.id = given.role_id and ` + enabled

var selectHeld = "select count(*) from (" + rolesHeld + ") held where role_id in (?...)"

func heldBy(poolID, userID string, now int64) []any {
	return []any{poolID, userID, now, now, poolID, userID, now, now, now, now, poolID, userID, now, now, now, now, poolID, now}
}

func (a *Access) effectiveRoles(ctx context.Context, poolID, userID, namespace string) ([]Role, error) {
	if len(directory.Findable([]string{userID})) == 0 {
		return []Role{}, nil
	}
	var w db.Where
	w.And("pool_id = ?", poolID)
	w.And("id in ("+rolesHeld+")", heldBy(poolID, userID, a.db.Now())...)
	if namespace != "" {
		w.And("namespace = ?", namespace)
	}
	return db.List[Role](ctx, a.db, "select "+db.Columns[Role]()+" from roles where "+w.String()+" order by id desc limit ?",
		append(w.Args, mostEffective)...)
}

func (a *Access) hasRole(ctx context.Context, poolID, userID string, roleIDs []string) (bool, error) {
	if len(directory.Findable([]string{userID})) == 0 {
		return false, nil
	}
	n, err := db.One[int64](ctx, a.db, selectHeld, append(heldBy(poolID, userID, a.db.Now()), roleIDs)...)
	return n > 0, err
}

func (a *Access) listUsersOf(ctx context.Context, r *Role, p directory.Page) ([]directory.User, int64, error) {
	now := a.db.Now()
	of := " where a.pool_id = ? and a.role_id = ? and a.target_type = 'USER' and " + inForce
	total, err := db.One[int64](ctx, a.db, "select count(*) from role_assignments a"+of, r.PoolID, r.ID, now, now)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	users, err := db.List[directory.User](ctx, a.db, "select "+db.Columns[directory.User]("u")+` from role_assignments a
		join users u on u.pool_id = a.pool_id and u.id = a.target_id`+of+" order by a.created_at desc, a.target_id desc limit ? offset ?",
		r.PoolID, r.ID, now, now, limit, offset)
	return users, total, err
}

func (a *Access) listDepartmentsOf(ctx context.Context, r *Role, p directory.Page) ([]directory.Department, int64, error) {
	now := a.db.Now()
	of := " where a.pool_id = ? and a.role_id = ? and a.target_type = 'DEPARTMENT' and " + inForce
	total, err := db.One[int64](ctx, a.db, "select count(*) from role_assignments a"+of, r.PoolID, r.ID, now, now)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[directory.Department](ctx, a.db, "select "+db.Columns[directory.Department]("d")+` from role_assignments a
		join departments d on d.pool_id = a.pool_id and d.id = a.target_id`+of+" order by a.created_at desc, a.target_id desc limit ? offset ?",
		r.PoolID, r.ID, now, now, limit, offset)
	return list, total, err
}
