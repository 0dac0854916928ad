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
		"update roles set parent_id = '' where pool_id = ? and parent_id in (?...)",
		"delete from roles where pool_id = ? and id in (?...)",
	} {
		if _, err := db.Exec(ctx, a.db, sql, poolID, ids); err != nil {
			return err
		}
	}
	return nil
}

// Where the targets of assignments are kept.
var targetTables = map[directory.TargetType]string{directory.UserTarget: "users", directory.GroupTarget: "groups"}

// insertAssignments returns the targets that got a role they did not have.
func (a *Access) insertAssignments(ctx context.Context, poolID string, roleIDs []string, ids targetIDs) (targetIDs, error) {
	return each(ids, func(t directory.TargetType, list []string) ([]string, error) {
		return db.List[string](ctx, a.db, `insert into role_assignments (pool_id, role_id, target_type, target_id, created_at)
			select r.pool_id, r.id, cast(? as text), t.id, cast(? as bigint) from roles r join `+targetTables[t]+` t on t.pool_id = r.pool_id
			where r.pool_id = ? and r.id in (?...) and t.id in (?...)
			on conflict (pool_id, role_id, target_type, target_id) do nothing returning target_id`,
			string(t), a.db.Now(), poolID, roleIDs, list)
	})
}

// deleteAssignments returns the targets that had one of the roles.
func (a *Access) deleteAssignments(ctx context.Context, poolID string, roleIDs []string, ids targetIDs) (targetIDs, error) {
	return each(ids, func(t directory.TargetType, list []string) ([]string, error) {
		return db.List[string](ctx, a.db, `delete from role_assignments
			where pool_id = ? and role_id in (?...) and target_type = ? and target_id in (?...) returning target_id`, poolID, roleIDs, string(t), list)
	})
}

// each runs a statement for the targets of each type and gathers those that it changed.
func each(ids targetIDs, write func(t directory.TargetType, list []string) ([]string, error)) (targetIDs, error) {
	changed := make(targetIDs)
	for t, list := range ids {
		done, err := write(t, directory.Findable(list))
		if err != nil {
			return nil, err
		}
		if len(done) > 0 {
			changed[t] = directory.Findable(done)
		}
	}
	return changed, nil
}

func (a *Access) listRolesOf(ctx context.Context, poolID, userID, namespace string, p directory.Page) ([]Role, int64, error) {
	var w db.Where
	w.And("a.pool_id = ? and a.target_type = 'USER' and a.target_id in (?...)", poolID, directory.Findable([]string{userID}))
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

// rolesHeld selects the identifiers of the roles that a user has themselves and through groups. Its arguments are heldBy's.
// "cross join" keeps SQLite from beginning with all assignments of the pool.
const rolesHeld = `select role_id from role_assignments where pool_id = ? and target_type = 'USER' and target_id = ?
	union select a.role_id from group_members m cross join role_assignments a
		where m.pool_id = ? and m.user_id = ? and a.pool_id = m.pool_id and a.target_type = 'GROUP' and a.target_id = m.group_id`

const selectHeld = "select count(*) from (" + rolesHeld + ") held where role_id in (?...)"

func heldBy(poolID, userID string) []any { return []any{poolID, userID, poolID, userID} }

func (a *Access) effectiveRoles(ctx context.Context, poolID, userID, namespace string) ([]Role, error) {
	if len(directory.Findable([]string{userID})) == 0 {
		return []Role{}, nil
	}
	var w db.Where
	w.And("pool_id = ?", poolID)
	w.And("id in ("+rolesHeld+")", heldBy(poolID, userID)...)
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
	n, err := db.One[int64](ctx, a.db, selectHeld, append(heldBy(poolID, userID), roleIDs)...)
	return n > 0, err
}

func (a *Access) listUsersOf(ctx context.Context, r *Role, p directory.Page) ([]directory.User, int64, error) {
	total, err := db.One[int64](ctx, a.db, "select count(*) from role_assignments where pool_id = ? and role_id = ? and target_type = 'USER'", r.PoolID, r.ID)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	users, err := db.List[directory.User](ctx, a.db, "select "+db.Columns[directory.User]("u")+` from role_assignments a
		join users u on u.pool_id = a.pool_id and u.id = a.target_id
		where a.pool_id = ? and a.role_id = ? and a.target_type = 'USER'
		order by a.created_at desc, a.target_id desc limit ? offset ?`, r.PoolID, r.ID, limit, offset)
	return users, total, err
}
