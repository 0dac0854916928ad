package access

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

func (a *Access) policiesByRef(ctx context.Context, poolID string, refs []PolicyRef, lock string) (map[PolicyRef]Policy, error) {
	asked := make(map[PolicyRef]bool, len(refs))
	namespaces, codes := make([]string, len(refs)), make([]string, len(refs))
	for i, r := range refs {
		r = r.normal()
		asked[r], namespaces[i], codes[i] = true, r.Namespace, r.Code
	}
	namespaces, codes = directory.Findable(namespaces), directory.Findable(codes)
	// Policies are locked in this order everywhere, before roles, groups and users.
	rows, err := db.List[Policy](ctx, a.db, "select "+db.Columns[Policy]()+" from policies where pool_id = ? and "+byRef+lock,
		poolID, namespaces, codes, len(namespaces)*len(codes))
	if err != nil {
		return nil, err
	}
	out := make(map[PolicyRef]Policy, len(rows))
	for _, p := range rows {
		if asked[p.Ref()] {
			out[p.Ref()] = p
		}
	}
	return out, nil
}

func (a *Access) listPolicies(ctx context.Context, poolID string, f PolicyFilter, p directory.Page) ([]Policy, int64, error) {
	var w db.Where
	w.And("pool_id = ?", poolID)
	if f.Namespace != "" {
		w.And("namespace = ?", f.Namespace)
	}
	if f.ExcludeBuiltin {
		w.And("is_builtin = ?", false)
	}
	total, err := db.One[int64](ctx, a.db, "select count(*) from policies where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[Policy](ctx, a.db, "select "+db.Columns[Policy]()+" from policies where "+w.String()+" order by id desc limit ? offset ?",
		append(w.Args, limit, offset)...)
	return list, total, err
}

func (a *Access) dropPolicies(ctx context.Context, poolID string, ids []string) error {
	for _, sql := range []string{
		"delete from policy_assignments where pool_id = ? and policy_id in (?...)",
		"delete from policies where pool_id = ? and id in (?...)",
	} {
		if _, err := db.Exec(ctx, a.db, sql, poolID, ids); err != nil {
			return err
		}
	}
	return nil
}

var policyTargetTables = map[directory.TargetType]string{directory.UserTarget: "users", directory.GroupTarget: "groups",
	directory.DepartmentTarget: "departments", directory.RoleTarget: "roles"}

// eachType runs a statement for the targets of each type and gathers those that it changed.
func eachType(ids targetIDs, write func(t directory.TargetType, list []string) ([]string, error)) (targetIDs, error) {
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

// insertPolicyAssignments returns the targets that got a policy they did not have.
func (a *Access) insertPolicyAssignments(ctx context.Context, poolID string, policyIDs []string, ids targetIDs, inherit bool) (targetIDs, error) {
	return eachType(ids, func(t directory.TargetType, list []string) ([]string, error) {
		return db.List[string](ctx, a.db, `insert into policy_assignments (pool_id, policy_id, target_type, target_id, inherit, enabled, created_at)
			select p.pool_id, p.id, cast(? as text), t.id, cast(? as boolean), cast(? as boolean), cast(? as bigint)
			from policies p join `+policyTargetTables[t]+` t on t.pool_id = p.pool_id
			where p.pool_id = ? and p.id in (?...) and t.id in (?...)
			on conflict (pool_id, policy_id, target_type, target_id) do nothing returning target_id`,
			string(t), inherit, true, a.db.Now(), poolID, policyIDs, list)
	})
}

// deletePolicyAssignments returns the targets that had one of the policies.
func (a *Access) deletePolicyAssignments(ctx context.Context, poolID string, policyIDs []string, ids targetIDs) (targetIDs, error) {
	return eachType(ids, func(t directory.TargetType, list []string) ([]string, error) {
		return db.List[string](ctx, a.db, `delete from policy_assignments
			where pool_id = ? and policy_id in (?...) and target_type = ? and target_id in (?...) returning target_id`, poolID, policyIDs, string(t), list)
	})
}

const thePolicyAssignment = "pool_id = ? and policy_id = ? and target_type = ? and target_id = ?"

// policyAssignment returns one assignment, locked, or ErrPolicyNotAssigned.
func (a *Access) policyAssignment(ctx context.Context, poolID, policyID string, t Target) (*PolicyAssignment, error) {
	if len(directory.Findable([]string{t.ID})) == 0 {
		return nil, ErrPolicyNotAssigned
	}
	found, err := db.One[PolicyAssignment](ctx, a.db, "select "+db.Columns[PolicyAssignment]()+" from policy_assignments where "+thePolicyAssignment+forUpdate,
		poolID, policyID, string(t.Type), t.ID)
	if errors.Is(err, db.NoRow) {
		return nil, ErrPolicyNotAssigned
	}
	return &found, err
}

func (a *Access) switchPolicyAssignment(ctx context.Context, p *PolicyAssignment, enabled bool) error {
	_, err := db.Exec(ctx, a.db, "update policy_assignments set enabled = ? where "+thePolicyAssignment,
		enabled, p.PoolID, p.PolicyID, string(p.TargetType), p.TargetID)
	return err
}

func (a *Access) listPolicyAssignments(ctx context.Context, poolID string, f AssignmentFilter, p directory.Page) ([]AssignedPolicy, int64, error) {
	var w db.Where
	w.And("a.pool_id = ?", poolID)
	for _, c := range []struct{ column, value string }{{"p.namespace", f.Namespace}, {"p.code", f.Code},
		{"a.target_type", string(f.TargetType)}, {"a.target_id", f.TargetID}} {
		if c.value != "" {
			w.And(c.column+" = ?", c.value)
		}
	}
	from := " from policy_assignments a join policies p on p.pool_id = a.pool_id and p.id = a.policy_id where " + w.String()
	total, err := db.One[int64](ctx, a.db, "select count(*)"+from, w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[AssignedPolicy](ctx, a.db, "select "+db.Columns[PolicyAssignment]("a")+", p.namespace, p.code"+from+
		" order by a.created_at desc, a.target_id desc, a.policy_id desc limit ? offset ?", append(w.Args, limit, offset)...)
	return list, total, err
}

// policyCount is how many targets have a policy.
type policyCount struct {
	ID string `db:"policy_id"`
	N  int64  `db:"n"`
}

func (a *Access) countPolicyAssignments(ctx context.Context, poolID string, ids []string) (map[string]int64, error) {
	rows, err := db.List[policyCount](ctx, a.db, `select policy_id, count(*) as n from policy_assignments where pool_id = ? and policy_id in (?...)
		group by policy_id limit ?`, poolID, ids, max(len(ids), 1))
	out := make(map[string]int64, len(rows))
	for _, r := range rows {
		out[r.ID] = r.N
	}
	return out, err
}
