package v2

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/gql"
)

// policy is the type Policy. Its assignments have a resolver.
type policy struct {
	Namespace        string            `json:"namespace"`
	Code             string            `json:"code"`
	IsDefault        bool              `json:"isDefault"` // made with the pool
	Description      *string           `json:"description"`
	Statements       []policyStatement `json:"statements"`
	CreatedAt        *string           `json:"createdAt"`
	UpdatedAt        *string           `json:"updatedAt"`
	AssignmentsCount int64             `json:"assignmentsCount"`

	of *access.Policy
}

// policyStatement is the types PolicyStatement and PolicyStatementInput.
type policyStatement struct {
	Resource  string            `json:"resource"`
	Actions   []string          `json:"actions"`
	Effect    *string           `json:"effect"`
	Condition []policyCondition `json:"condition"`
}

// policyCondition is the types PolicyStatementCondition and PolicyStatementConditionInput.
type policyCondition struct {
	Param    string         `json:"param"`
	Operator string         `json:"operator"`
	Value    jsontext.Value `json:"value"`
}

// viewPolicies shows policies; how often each is assigned is read where the answer shows it.
func (a *API) viewPolicies(ctx context.Context, list []access.Policy, counted bool) ([]policy, error) {
	var counts map[string]int64
	if counted && len(list) > 0 {
		ids := make([]string, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		var err error
		if counts, err = a.access.PolicyAssignmentCounts(ctx, list[0].PoolID, ids); err != nil {
			return nil, err
		}
	}
	views := make([]policy, len(list))
	for i := range list {
		p := &list[i]
		views[i] = policy{Namespace: p.Namespace, Code: p.Code, IsDefault: p.IsBuiltin, Description: text(&p.Description),
			Statements: viewStatements(p.Statements), CreatedAt: timeText(p.CreatedAt), UpdatedAt: timeText(p.UpdatedAt),
			AssignmentsCount: counts[p.ID], of: p}
	}
	return views, nil
}

func (a *API) viewPolicy(ctx context.Context, p *access.Policy, err error) (*policy, error) {
	if err != nil {
		return nil, err
	}
	views, err := a.viewPolicies(ctx, []access.Policy{*p}, gql.Selects(ctx, "assignmentsCount"))
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func viewStatements(list []access.Statement) []policyStatement {
	views := make([]policyStatement, len(list))
	for i, s := range list {
		effect := string(s.Effect)
		views[i] = policyStatement{Resource: s.Resource, Actions: s.Actions, Effect: &effect}
		for _, c := range s.Conditions {
			views[i].Condition = append(views[i].Condition, policyCondition(c))
		}
	}
	return views
}

func readStatements(list []policyStatement) []access.Statement {
	if list == nil {
		return nil
	}
	out := make([]access.Statement, len(list))
	for i, s := range list {
		out[i] = access.Statement{Resource: s.Resource, Actions: s.Actions}
		if s.Effect != nil {
			out[i].Effect = access.Effect(*s.Effect)
		}
		for _, c := range s.Condition {
			out[i].Conditions = append(out[i].Conditions, access.Condition(c))
		}
	}
	return out
}

// policyInput names a policy; without a namespace it is of the default one.
type policyInput struct {
	Namespace string `json:"namespace"`
	Code      string `json:"code"`
}

func (in policyInput) ref() access.PolicyRef {
	return access.PolicyRef{Namespace: in.Namespace, Code: in.Code}
}

// policy answers one policy, null when there is none.
func (a *API) policy(ctx context.Context, in *policyInput) (*policy, error) {
	p, err := a.access.Policy(ctx, caller.From(ctx).PoolID, in.ref())
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return a.viewPolicy(ctx, p, err)
}

type policiesInput struct {
	paging
	Namespace      string `json:"namespace"`
	ExcludeDefault bool   `json:"excludeDefault"`
}

func (a *API) policies(ctx context.Context, in *policiesInput) (*page[policy], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	f := access.PolicyFilter{Namespace: in.Namespace, ExcludeBuiltin: in.ExcludeDefault}
	if f.Namespace == "" {
		f.Namespace = access.Default
	}
	list, total, err := a.access.Policies(ctx, caller.From(ctx).PoolID, f, w)
	if err != nil {
		return nil, err
	}
	views, err := a.viewPolicies(ctx, list, gql.Selects(ctx, "list", "assignmentsCount"))
	if err != nil {
		return nil, err
	}
	return &page[policy]{total, views}, nil
}

type createPolicyInput struct {
	policyInput
	Description string            `json:"description"`
	Statements  []policyStatement `json:"statements"`
}

func (a *API) createPolicy(ctx context.Context, in *createPolicyInput) (*policy, error) {
	p, err := a.access.CreatePolicy(ctx, caller.From(ctx).PoolID, access.NewPolicy{Namespace: in.Namespace, Code: in.Code,
		Description: in.Description, Statements: readStatements(in.Statements)})
	return a.viewPolicy(ctx, p, err)
}

type updatePolicyInput struct {
	policyInput
	Description *string           `json:"description"`
	Statements  []policyStatement `json:"statements"`
	NewCode     *string           `json:"newCode"`
}

func (a *API) updatePolicy(ctx context.Context, in *updatePolicyInput) (*policy, error) {
	p, err := a.access.UpdatePolicy(ctx, caller.From(ctx).PoolID, in.ref(), access.PolicyPatch{Description: in.Description,
		NewCode: in.NewCode, Statements: readStatements(in.Statements)})
	return a.viewPolicy(ctx, p, err)
}

func (a *API) deletePolicy(ctx context.Context, in *policyInput) (*commonMessage, error) {
	return a.deletePolicies(ctx, &deletePoliciesInput{in.Namespace, []string{in.Code}})
}

type deletePoliciesInput struct {
	Namespace string   `json:"namespace"`
	CodeList  []string `json:"codeList"`
}

// deletePolicies removes policies, all or none: an unknown code is an error on this wire.
func (a *API) deletePolicies(ctx context.Context, in *deletePoliciesInput) (*commonMessage, error) {
	if err := a.access.DeletePolicies(ctx, caller.From(ctx).PoolID, access.PolicyRefs(in.Namespace, in.CodeList...)); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

// policyAssignment is the type PolicyAssignment. TargetIdentifier is what callers name the target by.
type policyAssignment struct {
	Code             string `json:"code"`
	TargetType       string `json:"targetType"`
	TargetIdentifier string `json:"targetIdentifier"`
}

type assignPoliciesInput struct {
	Policies          []string `json:"policies"`
	TargetType        string   `json:"targetType"`
	TargetIdentifiers []string `json:"targetIdentifiers"`
	InheritByChildren bool     `json:"inheritByChildren"`
	Namespace         string   `json:"namespace"`
}

func (a *API) addPolicyAssignments(ctx context.Context, in *assignPoliciesInput) (*commonMessage, error) {
	targets, err := a.needTargets(ctx, in.Namespace, targetNames(in.TargetType, in.TargetIdentifiers))
	if err != nil {
		return nil, err
	}
	if err := a.access.AssignPolicies(ctx, caller.From(ctx).PoolID, access.PolicyRefs(in.Namespace, in.Policies...), targets, in.InheritByChildren); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

// removePolicyAssignments takes policies from targets; who does not have one, or is nobody, is passed over.
func (a *API) removePolicyAssignments(ctx context.Context, in *assignPoliciesInput) (*commonMessage, error) {
	targets, err := a.targetsIfThere(ctx, in.Namespace, targetNames(in.TargetType, in.TargetIdentifiers))
	if err != nil {
		return nil, err
	}
	refs := access.PolicyRefs(in.Namespace, in.Policies...)
	if len(targets) == 0 { // nobody of them is there; the policies have to be
		for _, ref := range refs {
			if _, err := a.access.Policy(ctx, caller.From(ctx).PoolID, ref); err != nil {
				return nil, err
			}
		}
		return done(ctx), nil
	}
	if err := a.access.UnassignPolicies(ctx, caller.From(ctx).PoolID, refs, targets); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type policyAssignmentInput struct {
	Policy           string `json:"policy"`
	TargetType       string `json:"targetType"`
	TargetIdentifier string `json:"targetIdentifier"`
	Namespace        string `json:"namespace"`
}

func (a *API) enablePolicyAssignment(ctx context.Context, in *policyAssignmentInput) (*commonMessage, error) {
	return a.switchPolicyAssignment(ctx, in, true)
}

func (a *API) disablePolicyAssignment(ctx context.Context, in *policyAssignmentInput) (*commonMessage, error) {
	return a.switchPolicyAssignment(ctx, in, false)
}

func (a *API) switchPolicyAssignment(ctx context.Context, in *policyAssignmentInput, enabled bool) (*commonMessage, error) {
	targets, err := a.needTargets(ctx, in.Namespace, []targetName{{in.TargetType, in.TargetIdentifier}})
	if err != nil {
		return nil, err
	}
	ref := access.PolicyRef{Namespace: in.Namespace, Code: in.Policy}
	if err := a.access.EnablePolicyAssignment(ctx, caller.From(ctx).PoolID, ref, targets[0], enabled); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type policyAssignmentsInput struct {
	paging
	Namespace        string `json:"namespace"`
	Code             string `json:"code"`
	TargetType       string `json:"targetType"`
	TargetIdentifier string `json:"targetIdentifier"`
}

// policyAssignments lists the assignments of one policy, of one target, or all. A target that is not there has none.
func (a *API) policyAssignments(ctx context.Context, in *policyAssignmentsInput) (*page[policyAssignment], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	f := access.AssignmentFilter{Namespace: in.Namespace, Code: in.Code, TargetType: targetTypeOf(in.TargetType)}
	if f.Namespace == "" {
		f.Namespace = access.Default
	}
	if in.TargetIdentifier != "" {
		targets, err := a.targetsIfThere(ctx, in.Namespace, []targetName{{in.TargetType, in.TargetIdentifier}})
		if err != nil {
			return nil, err
		}
		if len(targets) == 0 {
			return &page[policyAssignment]{0, []policyAssignment{}}, nil
		}
		f.TargetID = targets[0].ID
	}
	return a.listAssignments(ctx, f, w)
}

type byTargetInput struct {
	Namespace  string `json:"namespace"`
	PolicyCode string `json:"policy_code" rule:"required"`
	TargetType string `json:"target_type"`
	Page       *int64 `json:"page"`
	Limit      *int64 `json:"limit"`
}

// assignmentsByTarget lists the assignments of one policy, to targets of one type where that is given.
func (a *API) assignmentsByTarget(ctx context.Context, in *byTargetInput) (*page[policyAssignment], error) {
	switch in.TargetType {
	case "", "USER", "ROLE", "GROUP", "ORG":
	default:
		return nil, fault.Field("target_type")
	}
	ref := access.PolicyRef{Namespace: in.Namespace, Code: in.PolicyCode}
	p, err := a.access.Policy(ctx, caller.From(ctx).PoolID, ref)
	if err != nil {
		return nil, err
	}
	w, err := paging{in.Page, in.Limit}.window()
	if err != nil {
		return nil, err
	}
	return a.listAssignments(ctx, access.AssignmentFilter{Namespace: p.Namespace, Code: p.Code, TargetType: targetTypeOf(in.TargetType)}, w)
}

func (a *API) listAssignments(ctx context.Context, f access.AssignmentFilter, w directory.Page) (*page[policyAssignment], error) {
	pool := caller.From(ctx).PoolID
	list, total, err := a.access.PolicyAssignments(ctx, pool, f, w)
	if err != nil {
		return nil, err
	}
	targets := make([]access.Target, len(list))
	for i, p := range list {
		targets[i] = access.Target{Type: p.TargetType, ID: p.TargetID}
	}
	names, err := a.namesOf(ctx, targets)
	if err != nil {
		return nil, err
	}
	views := make([]policyAssignment, len(list))
	for i, p := range list {
		name := names[targets[i]]
		views[i] = policyAssignment{p.Code, name.Type, name.Identifier}
	}
	return &page[policyAssignment]{total, views}, nil
}

type nestedAssignmentsInput struct {
	paging
	Namespace string `json:"namespace"` // the policy has its own
}

// assignmentsOf resolves the assignments of a policy.
func (a *API) assignmentsOf(ctx context.Context, p *policy, in *nestedAssignmentsInput) ([]policyAssignment, error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	list, err := a.listAssignments(ctx, access.AssignmentFilter{Namespace: p.Namespace, Code: p.Code}, w)
	if err != nil {
		return nil, err
	}
	return list.List, nil
}
