package access

import (
	"context"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// Assignment is that a target has a role in a period.
type Assignment struct {
	TargetType directory.TargetType `db:"target_type"`
	TargetID   string               `db:"target_id"`
	directory.Term
	CreatedAt int64 `db:"created_at"`
	UpdatedAt int64 `db:"updated_at"`
}

// Assign gives up to 100 roles to up to 500 users, groups and departments at once and for always, as AssignFor does.
func (a *Access) Assign(ctx context.Context, poolID string, refs []RoleRef, targets []Target) error {
	return a.AssignFor(ctx, poolID, refs, targets, directory.Period{})
}

// AssignFor gives up to 100 roles to up to 500 users, groups and departments for a period, all to all or none. Members of a department have its
// roles, those of the departments below do not. Who has a role already has it
// for the new period then; an unknown role, namespace, user, group or department is its NotFound error. A period that is over or
// has no length is fault.Field("endTime").
func (a *Access) AssignFor(ctx context.Context, poolID string, refs []RoleRef, targets []Target, p directory.Period) error {
	if err := p.Check(a.db.Now(), "enableTime", "endTime"); err != nil {
		return err
	}
	return a.change(ctx, poolID, refs, targets, func(ctx context.Context, roles []Role, ids targetIDs) error {
		if err := a.lockTargets(ctx, poolID, ids); err != nil {
			return err
		}
		added, err := a.saveAssignments(ctx, poolID, roleIDs(roles), ids, p)
		if err != nil || len(added) == 0 {
			return err
		}
		if err := a.changedByType(ctx, poolID, added); err != nil {
			return err
		}
		e := aboutRoles(audit.Add, audit.RoleAssign, roles)
		e.After = assignment(roles, added)
		p.Record(e.After)
		return a.log.Add(ctx, poolID, e)
	})
}

// Unassign takes roles from users, groups and departments, also where they were to have them later. Who does not have one is passed over; who is
// nobody is too, or with MissingFails is the NotFound error. An unknown role or namespace is always its NotFound error.
func (a *Access) Unassign(ctx context.Context, poolID string, refs []RoleRef, targets []Target, missing directory.Missing) error {
	return a.change(ctx, poolID, refs, targets, func(ctx context.Context, roles []Role, ids targetIDs) error {
		if missing == directory.MissingFails {
			if err := a.lockTargets(ctx, poolID, ids); err != nil {
				return err
			}
		}
		removed, err := a.deleteAssignments(ctx, poolID, roleIDs(roles), ids)
		if err != nil || len(removed) == 0 {
			return err
		}
		if err := a.changedByType(ctx, poolID, removed); err != nil {
			return err
		}
		e := aboutRoles(audit.Remove, audit.RoleAssign, roles)
		e.Before = assignment(roles, removed)
		return a.log.Add(ctx, poolID, e)
	})
}

// change resolves and locks roles and sorts targets, then writes, in one transaction.
func (a *Access) change(ctx context.Context, poolID string, refs []RoleRef, targets []Target,
	write func(ctx context.Context, roles []Role, ids targetIDs) error) error {
	if err := directory.CheckCount("roles", len(refs), mostRoleRefs); err != nil {
		return err
	}
	if err := directory.CheckCount("targets", len(targets), mostTargets); err != nil {
		return err
	}
	ids, err := byType(targets, directory.UserTarget, directory.GroupTarget, directory.DepartmentTarget)
	if err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		roles, err := a.needRoles(ctx, poolID, refs, forUpdate)
		if err != nil {
			return err
		}
		return write(ctx, roles, ids)
	})
}

// RoleAssignmentFilter selects assignments of a role; what is empty selects everything.
type RoleAssignmentFilter struct {
	Types    []directory.TargetType
	Keywords string // a part of the role's name or code, in any case
}

// RoleAssignments returns a role, a page of who has it, had it until just now, or is to have it, the latest first, and how
// many there are.
func (a *Access) RoleAssignments(ctx context.Context, poolID string, ref RoleRef, f RoleAssignmentFilter, p directory.Page) (*Role, []Assignment, int64, error) {
	if err := directory.CheckText("query", f.Keywords, directory.MaxName); err != nil {
		return nil, nil, 0, err
	}
	r, err := a.Role(ctx, poolID, ref)
	if err != nil {
		return nil, nil, 0, err
	}
	keywords := strings.ToLower(f.Keywords)
	if !strings.Contains(strings.ToLower(r.Name), keywords) && !strings.Contains(strings.ToLower(r.Code), keywords) {
		return r, []Assignment{}, 0, nil
	}
	list, total, err := a.listAssignments(ctx, r, f.Types, p)
	return r, list, total, err
}

// sweepBatch is how many assignments one transaction of a sweep handles.
const sweepBatch = 500

// SweepAssignments records, for all pools, the assignments that have begun since they were made, and removes and records those that
// have ended. Who has what at a time does not depend on it. The server calls it each minute; several may at once.
func (a *Access) SweepAssignments(ctx context.Context) error {
	for _, turn := range []func(context.Context, int64) ([]turned, error){a.beginAssignments, a.endAssignments} {
		for {
			n := 0
			err := a.db.Tx(ctx, func(ctx context.Context) error {
				list, err := turn(ctx, a.db.Now())
				n = len(list)
				if err != nil {
					return err
				}
				return a.logTurned(ctx, list)
			})
			if err != nil {
				return err
			}
			if n < sweepBatch {
				break
			}
		}
	}
	return nil
}

// turned is an assignment that began or ended by itself.
type turned struct {
	PoolID string `db:"pool_id"`
	RoleID string `db:"role_id"`
	Assignment
	Ended bool `db:"ended"`
}

// logTurned writes a record for each role.
func (a *Access) logTurned(ctx context.Context, list []turned) error {
	type roleOf struct{ pool, role string }
	targets := make(map[roleOf]targetIDs)
	byPool := make(map[string][]string)
	for _, t := range list {
		key := roleOf{t.PoolID, t.RoleID}
		if targets[key] == nil {
			targets[key] = make(targetIDs)
			byPool[t.PoolID] = append(byPool[t.PoolID], t.RoleID)
		}
		targets[key][t.TargetType] = append(targets[key][t.TargetType], t.TargetID)
	}
	for pool, ids := range byPool {
		roles, err := a.rolesByID(ctx, pool, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			r, ok := roles[id]
			if !ok {
				continue // deleted meanwhile, which has been recorded
			}
			of := []Role{r}
			e := aboutRoles(audit.Add, audit.RoleAssign, of)
			values := assignment(of, targets[roleOf{pool, id}])
			if list[0].Ended {
				e.Operation, e.Before = audit.Remove, values
			} else {
				e.After = values
			}
			if err := a.log.Add(ctx, pool, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// assignment is what a record tells of roles and the targets that got or lost one.
func assignment(roles []Role, changed targetIDs) map[string]any {
	values := map[string]any{"roles": roleList(roles)["codes"]}
	for t, list := range changed {
		slices.Sort(list)
		values[string(t)] = list
	}
	return values
}
