package access

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// PolicyAssignment is a policy that a target has.
type PolicyAssignment struct {
	PoolID     string               `db:"pool_id"`
	PolicyID   string               `db:"policy_id"`
	TargetType directory.TargetType `db:"target_type"`
	TargetID   string               `db:"target_id"`
	Inherit    bool                 `db:"inherit"` // whether the children of a department have it too
	Enabled    bool                 `db:"enabled"`
	CreatedAt  int64                `db:"created_at"`
}

// AssignedPolicy is an assignment beside the code of its policy.
type AssignedPolicy struct {
	PolicyAssignment
	Namespace string `db:"namespace"`
	Code      string `db:"code"`
}

// AssignPolicies gives up to 100 policies to up to 500 users, groups, departments and roles, all to all or none. Who has a policy already
// keeps it as it is; an unknown policy, namespace or target is its NotFound error.
func (a *Access) AssignPolicies(ctx context.Context, poolID string, refs []PolicyRef, targets []Target, inherit bool) error {
	return a.changePolicies(ctx, poolID, refs, targets, func(ctx context.Context, list []Policy, ids targetIDs) error {
		if err := a.lockTargets(ctx, poolID, ids); err != nil {
			return err
		}
		added, err := a.insertPolicyAssignments(ctx, poolID, policyIDs(list), ids, inherit)
		if err != nil || len(added) == 0 {
			return err
		}
		if err := a.changedByType(ctx, poolID, added); err != nil {
			return err
		}
		e := aboutPolicies(audit.Add, list)
		e.After = assignedPolicies(list, added)
		return a.log.Add(ctx, poolID, e)
	})
}

// UnassignPolicies takes policies from targets. Who does not have one, or is nobody, is passed over; an unknown policy or namespace
// is its NotFound error.
func (a *Access) UnassignPolicies(ctx context.Context, poolID string, refs []PolicyRef, targets []Target) error {
	return a.changePolicies(ctx, poolID, refs, targets, func(ctx context.Context, list []Policy, ids targetIDs) error {
		removed, err := a.deletePolicyAssignments(ctx, poolID, policyIDs(list), ids)
		if err != nil || len(removed) == 0 {
			return err
		}
		if err := a.changedByType(ctx, poolID, removed); err != nil {
			return err
		}
		e := aboutPolicies(audit.Remove, list)
		e.Before = assignedPolicies(list, removed)
		return a.log.Add(ctx, poolID, e)
	})
}

// EnablePolicyAssignment turns an assignment on or off. A target that does not have the policy is ErrPolicyNotAssigned.
func (a *Access) EnablePolicyAssignment(ctx context.Context, poolID string, ref PolicyRef, target Target, enabled bool) error {
	return a.changePolicies(ctx, poolID, []PolicyRef{ref}, []Target{target}, func(ctx context.Context, list []Policy, ids targetIDs) error {
		was, err := a.policyAssignment(ctx, poolID, list[0].ID, target)
		if err != nil || was.Enabled == enabled {
			return err
		}
		if err := a.switchPolicyAssignment(ctx, was, enabled); err != nil {
			return err
		}
		if err := a.changed(ctx, poolID, target); err != nil {
			return err
		}
		e := aboutPolicies(audit.Disable, list)
		if enabled {
			e.Operation = audit.Enable
		}
		e.After = assignedPolicies(list, targetIDs{target.Type: {target.ID}})
		return a.log.Add(ctx, poolID, e)
	})
}

// changePolicies resolves and locks policies and sorts targets, then writes, in one transaction.
func (a *Access) changePolicies(ctx context.Context, poolID string, refs []PolicyRef, targets []Target,
	write func(ctx context.Context, list []Policy, ids targetIDs) error) error {
	if err := directory.CheckCount("policies", len(refs), mostPolicyRefs); err != nil {
		return err
	}
	if err := directory.CheckCount("targetIdentifiers", len(targets), mostTargets); err != nil {
		return err
	}
	ids, err := byType(targets, directory.UserTarget, directory.GroupTarget, directory.DepartmentTarget, directory.RoleTarget)
	if err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		list, err := a.needPolicies(ctx, poolID, refs, forUpdate)
		if err != nil {
			return err
		}
		return write(ctx, list, ids)
	})
}

// AssignmentFilter selects assignments; what is empty selects everything.
type AssignmentFilter struct {
	Namespace  string // of the policies
	Code       string // of the policy
	TargetType directory.TargetType
	TargetID   string
}

// PolicyAssignments returns a page of the assignments that match, the latest first, and how many there are. A namespace that is not
// there is ErrNamespaceNotFound; of a policy that is not there nothing is assigned.
func (a *Access) PolicyAssignments(ctx context.Context, poolID string, f AssignmentFilter, p directory.Page) ([]AssignedPolicy, int64, error) {
	for _, text := range []string{f.Namespace, f.Code, f.TargetID} {
		if text != "" && !slices.Contains(directory.Findable([]string{text}), text) {
			return []AssignedPolicy{}, 0, nil
		}
	}
	if f.Namespace != "" {
		if err := a.needNamespaces(ctx, poolID, f.Namespace); err != nil {
			return nil, 0, err
		}
	}
	return a.listPolicyAssignments(ctx, poolID, f, p)
}

// PolicyAssignmentCounts returns how many targets up to 500 policies are assigned to, by the identifier of the policy. Those that
// nobody has are left out.
func (a *Access) PolicyAssignmentCounts(ctx context.Context, poolID string, ids []string) (map[string]int64, error) {
	if len(ids) > mostTargets {
		return nil, directory.CheckCount("policies", len(ids), mostTargets)
	}
	return a.countPolicyAssignments(ctx, poolID, directory.Findable(ids))
}

// assignedPolicies is what a record tells of policies and the targets that got or lost one.
func assignedPolicies(list []Policy, changed targetIDs) map[string]any {
	values := map[string]any{"policies": policyList(list)["codes"]}
	for t, ids := range changed {
		values[string(t)] = ids
	}
	return values
}
