package access

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// Where the targets of assignments are kept.
var targetTables = map[directory.TargetType]string{directory.UserTarget: "users", directory.GroupTarget: "groups",
	directory.DepartmentTarget: "departments"}

// saveAssignments returns the targets that got a role they did not have, or not for this period.
func (a *Access) saveAssignments(ctx context.Context, poolID string, roleIDs []string, ids targetIDs, p directory.Period) (targetIDs, error) {
	now := a.db.Now()
	term := p.Term()
	return each(ids, func(t directory.TargetType, list []string) ([]string, error) {
		return db.List[string](ctx, a.db, `insert into role_assignments
				(pool_id, role_id, target_type, target_id, enable_time, end_time, pending, created_at, updated_at)
			select r.pool_id, r.id, cast(? as text), t.id, cast(? as bigint), cast(? as bigint), cast(? as bigint) > cast(? as bigint),
				cast(? as bigint), cast(? as bigint)
			from roles r join `+targetTables[t]+` t on t.pool_id = r.pool_id
			where r.pool_id = ? and r.id in (?...) and t.id in (?...)
			on conflict (pool_id, role_id, target_type, target_id) do update
				set enable_time = excluded.enable_time, end_time = excluded.end_time, pending = excluded.pending, updated_at = excluded.updated_at
				where role_assignments.enable_time <> excluded.enable_time or role_assignments.end_time <> excluded.end_time
			returning target_id`,
			string(t), term.EnableTime, term.EndTime, term.EnableTime, now, now, now, poolID, roleIDs, list)
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

func (a *Access) listAssignments(ctx context.Context, r *Role, types []directory.TargetType, p directory.Page) ([]Assignment, int64, error) {
	var w db.Where
	w.And("pool_id = ? and role_id = ?", r.PoolID, r.ID)
	if len(types) > 0 {
		names := make([]string, len(types))
		for i, t := range types {
			names[i] = string(t)
		}
		w.And("target_type in (?...)", names)
	}
	total, err := db.One[int64](ctx, a.db, "select count(*) from role_assignments where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[Assignment](ctx, a.db, "select "+db.Columns[Assignment]()+" from role_assignments where "+w.String()+
		" order by created_at desc, target_type, target_id desc limit ? offset ?", append(w.Args, limit, offset)...)
	return list, total, err
}

// The rows that a sweep handles, of all pools. The condition stands outside the subquery too, so that of two servers that sweep at
// once each row is one's.
const (
	beginAssignments = `update role_assignments set pending = false where pending and (pool_id, role_id, target_type, target_id) in
		(select pool_id, role_id, target_type, target_id from role_assignments where pending and enable_time <= ? order by enable_time limit ?)`
	endAssignments = `delete from role_assignments where end_time > 0 and end_time <= ? and (pool_id, role_id, target_type, target_id) in
		(select pool_id, role_id, target_type, target_id from role_assignments where end_time > 0 and end_time <= ? order by end_time limit ?)`
	returningTurned = " returning pool_id, role_id, target_type, target_id, enable_time, end_time, created_at, updated_at, "
)

func (a *Access) beginAssignments(ctx context.Context, now int64) ([]turned, error) {
	return db.List[turned](ctx, a.db, beginAssignments+returningTurned+"false as ended", now, sweepBatch)
}

func (a *Access) endAssignments(ctx context.Context, now int64) ([]turned, error) {
	return db.List[turned](ctx, a.db, endAssignments+returningTurned+"true as ended", now, now, sweepBatch)
}
