package directory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
)

// Membership is that a user is in a group or a department in a period, which may be still to begin.
type Membership struct {
	UserID    string `db:"user_id"`
	CreatedAt int64  `db:"created_at"` // when the user became a member, or is to
	Term
}

// GroupPeriods returns a page of who is in a group and of who is to be, with their periods, the latest to begin first, and how
// many there are.
func (d *Directory) GroupPeriods(ctx context.Context, poolID, code string, p Page) ([]Membership, int64, error) {
	g, err := d.groupByCode(ctx, poolID, code, "")
	if err != nil {
		return nil, 0, err
	}
	return d.listPeriods(ctx, inGroups, poolID, g.ID, p)
}

// DepartmentPeriods returns a page of who is directly in a department and of who is to be, as GroupPeriods does.
func (d *Directory) DepartmentPeriods(ctx context.Context, poolID string, ref DepartmentRef, p Page) ([]Membership, int64, error) {
	n, err := d.department(ctx, poolID, ref, "")
	if err != nil {
		return nil, 0, err
	}
	return d.listPeriods(ctx, inDepartments, poolID, n.ID, p)
}

// sweepBatch is how many memberships one transaction of a sweep handles.
const sweepBatch = 500

// SweepMemberships records, for all pools, the memberships of groups and departments that have begun since they were made, and
// removes and records those that have ended. Who is in what at a time does not depend on it; a main department that its user has
// left is forgotten by it. The server calls it each minute; several may at once.
func (d *Directory) SweepMemberships(ctx context.Context) error {
	for _, m := range []memberships{inGroups, inDepartments} {
		for _, turn := range []func(context.Context, memberships, int64) (int, error){d.beginMemberships, d.endMemberships} {
			for {
				n := 0
				err := d.db.Tx(ctx, func(ctx context.Context) (err error) {
					n, err = turn(ctx, m, d.db.Now())
					return err
				})
				if err != nil {
					return err
				}
				if n < sweepBatch {
					break
				}
			}
		}
	}
	return nil
}

func (d *Directory) beginMemberships(ctx context.Context, m memberships, now int64) (int, error) {
	begun, err := db.List[turnedMember](ctx, d.db, m.begin(), now, sweepBatch)
	if err != nil || len(begun) == 0 {
		return 0, err
	}
	return len(begun), d.logTurned(ctx, m, audit.Add, begun)
}

func (d *Directory) endMemberships(ctx context.Context, m memberships, now int64) (int, error) {
	ended, err := db.List[turnedMember](ctx, d.db, m.end(), now, now, sweepBatch)
	if err != nil {
		return 0, err
	}
	return len(ended), d.membershipsEnded(ctx, m, ended)
}

// endMembershipsOf removes and records, of those memberships, the ones that have ended, so that whoever becomes a member again begins anew.
func (d *Directory) endMembershipsOf(ctx context.Context, m memberships, poolID, condition string, args ...any) error {
	now := d.db.Now()
	ended, err := db.List[turnedMember](ctx, d.db, "delete from "+m.table+" where pool_id = ? and "+condition+
		" and end_time > 0 and end_time <= ?"+m.returningTurned(), append(append([]any{poolID}, args...), now)...)
	if err != nil {
		return err
	}
	return d.membershipsEnded(ctx, m, ended)
}

// membershipsEnded follows the removal of memberships that were over.
func (d *Directory) membershipsEnded(ctx context.Context, m memberships, ended []turnedMember) error {
	if len(ended) == 0 {
		return nil
	}
	if m == inDepartments {
		users := gatherTurned(ended)
		for _, of := range slices.SortedFunc(maps.Keys(users), place.compare) { // one order, so that sweeps do not wait for each other
			if err := d.forgetMain(ctx, of.pool, of.id, users[of]); err != nil {
				return err
			}
		}
	}
	return d.logTurned(ctx, m, audit.Remove, ended)
}

// forgetMain takes the department from those of the users whose main department it is.
func (d *Directory) forgetMain(ctx context.Context, poolID, departmentID string, userIDs []string) error {
	ids, err := db.List[string](ctx, d.db, `update users set main_department_id = null, main_department_code = null
		where pool_id = ? and id in (?...) and main_department_id = ? returning id`, poolID, userIDs, departmentID)
	if err != nil || len(ids) == 0 {
		return err
	}
	return d.usersTouched(ctx, poolID, ids)
}

// logTurned writes, in the name of the server, a record for each group or department that members came to or left by the clock.
func (d *Directory) logTurned(ctx context.Context, m memberships, operation string, list []turnedMember) error {
	turned := gatherTurned(list)
	ids := make(map[string][]string) // by pool
	for of := range turned {
		ids[of.pool] = append(ids[of.pool], of.id)
	}
	system := caller.With(ctx, &caller.Caller{Kind: caller.System})
	for poolID, list := range ids {
		slices.Sort(list)
		records, err := d.recordsAbout(ctx, m, operation, poolID, list)
		if err != nil {
			return err
		}
		for _, id := range list {
			e, ok := records[id]
			if !ok {
				continue // deleted meanwhile, which has been recorded
			}
			values := map[string]any{"user_ids": turned[place{poolID, id}]}
			if operation == audit.Add {
				e.After = values
			} else {
				e.Before = values
			}
			if err := d.log.Add(system, poolID, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordsAbout begins records about groups or departments, by identifier.
func (d *Directory) recordsAbout(ctx context.Context, m memberships, operation, poolID string, ids []string) (map[string]audit.Event, error) {
	out := make(map[string]audit.Event, len(ids))
	if m == inGroups {
		groups, err := d.GroupsByID(ctx, poolID, ids)
		for id, g := range groups {
			out[id] = aboutGroups(operation, []Group{g})
		}
		return out, err
	}
	nodes, err := d.DepartmentsByID(ctx, poolID, ids)
	for id, n := range nodes {
		out[id] = aboutDepartment(operation, &n)
	}
	return out, err
}

// place is a group or a department of a pool.
type place struct{ pool, id string }

func (p place) compare(other place) int {
	return cmp.Or(strings.Compare(p.pool, other.pool), strings.Compare(p.id, other.id))
}

// gatherTurned returns the users by place, in order.
func gatherTurned(list []turnedMember) map[place][]string {
	out := make(map[place][]string)
	for _, t := range list {
		of := place{t.PoolID, t.Of}
		out[of] = append(out[of], t.UserID)
	}
	for _, users := range out {
		slices.Sort(users)
	}
	return out
}
