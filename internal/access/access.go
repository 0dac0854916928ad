// Package access is MAY WHAT: namespaces, roles and who has them, grants of actions on resources, and policies. Its verbs are the only
// way to change them; every one takes the pool it works in and leaves a record in the audit log in the same transaction.
// Users and groups are the directory's; what they were given here goes when they do.
package access

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Access keeps what the people of all pools may do.
type Access struct {
	db  *db.DB
	log *audit.Log
	dir *directory.Directory

	cache nodeCache
}

// New builds it over d and registers it with the directory, so that roles and grants go with the users, groups and departments
// that have them.
func New(d *db.DB, log *audit.Log, dir *directory.Directory) *Access {
	a := &Access{db: d, log: log, dir: dir}
	a.cache.limit = cacheLimit
	d.Subscribe(accessTopic, a.cache.forget)
	d.Subscribe(directory.MembersTopic, a.cache.forget)
	dir.OnDetach(func(ctx context.Context, poolID string, ids []string) error {
		return a.strip(ctx, poolID, directory.UserTarget, ids)
	})
	dir.OnGroupsDeleted(func(ctx context.Context, poolID string, ids []string) error {
		return a.strip(ctx, poolID, directory.GroupTarget, ids)
	})
	dir.OnDepartmentsDeleted(func(ctx context.Context, poolID string, ids []string) error {
		return a.strip(ctx, poolID, directory.DepartmentTarget, ids)
	})
	return a
}

// Target is who has a role or a grant: a user, a group, a department, and for grants a role too. ID is an identifier, never a code.
type Target struct {
	Type directory.TargetType
	ID   string
}

// targetIDs are the identifiers of targets by their type.
type targetIDs map[directory.TargetType][]string

// byType sorts targets, of which only the types named may be there, by their type.
func byType(targets []Target, types ...directory.TargetType) (targetIDs, error) {
	out := make(targetIDs)
next:
	for _, t := range targets {
		for _, known := range types {
			if t.Type == known {
				out[t.Type] = append(out[t.Type], t.ID)
				continue next
			}
		}
		return nil, fault.Field("targetType")
	}
	return out, nil
}

// lockTargets makes sure that the targets exist until the transaction of ctx ends. Rows are locked in one order everywhere:
// roles, departments, groups, users.
func (a *Access) lockTargets(ctx context.Context, poolID string, ids targetIDs) error {
	for _, t := range []struct {
		of   directory.TargetType
		lock func(ctx context.Context, poolID string, ids []string) error
	}{{directory.RoleTarget, a.lockRoles}, {directory.DepartmentTarget, a.dir.LockDepartments}, {directory.GroupTarget, a.dir.LockGroups}, {directory.UserTarget, a.dir.LockUsers}} {
		if len(ids[t.of]) == 0 {
			continue
		}
		if err := t.lock(ctx, poolID, ids[t.of]); err != nil {
			return err
		}
	}
	return nil
}

// strip takes all roles, grants and policies from targets that are going, inside the transaction that removes them.
func (a *Access) strip(ctx context.Context, poolID string, t directory.TargetType, ids []string) error {
	for _, table := range []string{"role_assignments", "grants", "policy_assignments", "data_policy_assignments", "application_access"} {
		if _, err := db.Exec(ctx, a.db, "delete from "+table+" where pool_id = ? and target_type = ? and target_id in (?...)",
			poolID, string(t), ids); err != nil {
			return err
		}
	}
	return a.changedByType(ctx, poolID, targetIDs{t: ids})
}

func window(p directory.Page) (limit, offset int) {
	page, limit := max(p.Page, 1), max(p.Limit, 1)
	return limit, (page - 1) * limit
}
