package access

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Policy is a set of statements with a name, to be assigned as a whole. Its code is unique in its namespace.
type Policy struct {
	PoolID      string      `db:"pool_id"`
	ID          string      `db:"id"`
	Namespace   string      `db:"namespace"`
	Code        string      `db:"code"`
	Description string      `db:"description"`
	Statements  []Statement `db:"statements,json"`
	IsBuiltin   bool        `db:"is_builtin"` // made with the pool; it can be assigned and nothing else
	CreatedAt   int64       `db:"created_at"`
	UpdatedAt   int64       `db:"updated_at"`
}

// Ref is how callers name the policy.
func (p *Policy) Ref() PolicyRef { return PolicyRef{p.Namespace, p.Code} }

// Statement allows or denies actions on a resource, where all its conditions hold. Resources and actions are as in NewGrant.
type Statement struct {
	Resource   string      `json:"resource"`
	Actions    []string    `json:"actions"` // in the order in which they were given
	Effect     Effect      `json:"effect"`
	Conditions []Condition `json:"condition,omitempty"`
}

// Condition compares what a request says of itself by the name Param. Value is any JSON but null.
type Condition struct {
	Param    string         `json:"param"`
	Operator string         `json:"operator"`
	Value    jsontext.Value `json:"value"`
}

// PolicyRef names a policy by its code in a namespace; an empty namespace is the default one.
type PolicyRef struct{ Namespace, Code string }

func (r PolicyRef) normal() PolicyRef { return PolicyRef(RoleRef(r).normal()) }

// PolicyRefs name policies of one namespace.
func PolicyRefs(namespace string, codes ...string) []PolicyRef {
	refs := make([]PolicyRef, len(codes))
	for i, c := range codes {
		refs[i] = PolicyRef{namespace, c}
	}
	return refs
}

// AdministratorAccess is the code of the policy that every pool has in its default namespace: it allows everything.
const AdministratorAccess = "AdministratorAccess"

// Errors of policies.
var (
	ErrPolicyNotFound    = fault.New(fault.NotFound, "policy_not_found")
	ErrPolicyCodeTaken   = fault.New(fault.Conflict, "policy_code_taken")
	ErrPolicyBuiltin     = fault.New(fault.Unprocessable, "policy_builtin")
	ErrPolicyNotAssigned = fault.New(fault.NotFound, "policy_not_assigned")
)

const (
	mostPolicyRefs   = 100
	mostStatements   = 100
	mostConditions   = 50
	longestCondition = 128     // characters of a condition's parameter and operator
	longestValue     = 4 << 10 // bytes of a condition's value
)

// NewPolicy is a policy to be made. An empty Namespace is the default one; a statement's empty Effect is Allow.
type NewPolicy struct {
	Namespace, Code, Description string
	Statements                   []Statement
}

// ensureBuiltinPolicy makes the policy that comes with a pool, in the transaction that makes its default namespace.
func (a *Access) ensureBuiltinPolicy(ctx context.Context, poolID string) error {
	now := a.db.Now()
	return db.Insert(ctx, a.db, "policies", &Policy{PoolID: poolID, ID: a.db.NewID(), Namespace: Default, Code: AdministratorAccess,
		Description: "Everything is allowed", Statements: []Statement{{Resource: "*", Actions: []string{"*"}, Effect: Allow}},
		IsBuiltin: true, CreatedAt: now, UpdatedAt: now})
}

// CreatePolicy makes a policy of 1 to 100 statements. A code that is taken is ErrPolicyCodeTaken, a namespace that is not there
// ErrNamespaceNotFound.
func (a *Access) CreatePolicy(ctx context.Context, poolID string, n NewPolicy) (*Policy, error) {
	ref := PolicyRef{n.Namespace, n.Code}.normal()
	now := a.db.Now()
	p := Policy{PoolID: poolID, ID: a.db.NewID(), Namespace: ref.Namespace, Code: ref.Code, Description: n.Description, CreatedAt: now, UpdatedAt: now}
	var err error
	if p.Statements, err = normalStatements(n.Statements); err != nil {
		return nil, err
	}
	if err := p.check("code"); err != nil {
		return nil, err
	}
	err = a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.lockNamespaces(ctx, poolID, []string{p.Namespace}); err != nil {
			return err
		}
		if err := db.Insert(ctx, a.db, "policies", &p); err != nil {
			return policyTaken(err)
		}
		changes, err := db.Diff(&Policy{}, &p)
		if err != nil {
			return err
		}
		e := aboutPolicies(audit.Create, []Policy{p})
		_, e.After = audit.Changes(changes)
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

func (p *Policy) check(codeField string) error {
	if err := directory.CheckCode(codeField, p.Code); err != nil {
		return err
	}
	return directory.CheckText("description", p.Description, directory.MaxDescription)
}

// normalStatements checks statements and fills in their effects. It changes nothing of list.
func normalStatements(list []Statement) ([]Statement, error) {
	if err := directory.CheckCount("statements", len(list), mostStatements); err != nil {
		return nil, err
	}
	out := make([]Statement, len(list))
	for i, s := range list {
		if s.Effect == "" {
			s.Effect = Allow
		}
		if s.Effect != Allow && s.Effect != Deny {
			return nil, fault.Field("effect")
		}
		if err := checkResource(s.Resource); err != nil {
			return nil, err
		}
		if err := directory.CheckCount("actions", len(s.Actions), mostNewActions); err != nil {
			return nil, err
		}
		if err := checkActions(s.Actions); err != nil {
			return nil, err
		}
		if len(s.Conditions) > mostConditions {
			return nil, directory.CheckCount("condition", len(s.Conditions), mostConditions)
		}
		for _, c := range s.Conditions {
			if err := c.check(); err != nil {
				return nil, err
			}
		}
		out[i] = s
	}
	return out, nil
}

func (c *Condition) check() error {
	for name, text := range map[string]string{"param": c.Param, "operator": c.Operator} {
		if strings.TrimSpace(text) == "" {
			return fault.Field(name)
		}
		if err := directory.CheckText(name, text, longestCondition); err != nil {
			return err
		}
	}
	if len(c.Value) == 0 || len(c.Value) > longestValue || !c.Value.IsValid() || c.Value.Kind() == 'n' {
		return fault.Field("value")
	}
	return nil
}

// Policy returns one policy, or ErrPolicyNotFound, or ErrNamespaceNotFound where there is no such namespace.
func (a *Access) Policy(ctx context.Context, poolID string, ref PolicyRef) (*Policy, error) {
	list, err := a.needPolicies(ctx, poolID, []PolicyRef{ref}, "")
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// PolicyFilter selects policies; what is empty selects everything.
type PolicyFilter struct {
	Namespace      string
	ExcludeBuiltin bool
}

// Policies returns a page of the policies that match, newest first, and how many there are. A namespace that is not there is
// ErrNamespaceNotFound.
func (a *Access) Policies(ctx context.Context, poolID string, f PolicyFilter, p directory.Page) ([]Policy, int64, error) {
	if f.Namespace != "" {
		if err := a.needNamespaces(ctx, poolID, f.Namespace); err != nil {
			return nil, 0, err
		}
	}
	return a.listPolicies(ctx, poolID, f, p)
}

// PolicyPatch is a change of a policy; nil leaves a field as it is. An empty NewCode does so too.
type PolicyPatch struct {
	Description, NewCode *string
	Statements           []Statement // nil leaves them; otherwise they take the place of all
}

// UpdatePolicy changes one policy and returns it as it then is. Changing nothing writes nothing; the built-in one cannot be
// changed: ErrPolicyBuiltin.
func (a *Access) UpdatePolicy(ctx context.Context, poolID string, ref PolicyRef, p PolicyPatch) (*Policy, error) {
	var statements []Statement
	if p.Statements != nil {
		var err error
		if statements, err = normalStatements(p.Statements); err != nil {
			return nil, err
		}
	}
	var after Policy
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		found, err := a.needPolicies(ctx, poolID, []PolicyRef{ref}, forUpdate)
		if err != nil {
			return err
		}
		before := found[0]
		if before.IsBuiltin {
			return ErrPolicyBuiltin
		}
		after = before
		if p.NewCode != nil && *p.NewCode != "" {
			after.Code = *p.NewCode
		}
		if p.Description != nil {
			after.Description = *p.Description
		}
		if statements != nil {
			after.Statements = statements
		}
		if err := after.check("newCode"); err != nil {
			return err
		}
		changes, err := db.Diff(&before, &after)
		if err != nil || len(changes) == 0 {
			return err
		}
		after.UpdatedAt = a.db.Now()
		changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
		if err := db.Update(ctx, a.db, "policies", changes, "pool_id = ? and id = ?", poolID, after.ID); err != nil {
			return policyTaken(err)
		}
		if err := a.changed(ctx, poolID, Target{policyNode, after.ID}); err != nil {
			return err
		}
		e := aboutPolicies(audit.Update, []Policy{after})
		e.Before, e.After = audit.Changes(changes)
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// DeletePolicies removes up to 100 policies with their assignments, all of them or none. An unknown one is ErrPolicyNotFound, the
// built-in one ErrPolicyBuiltin.
func (a *Access) DeletePolicies(ctx context.Context, poolID string, refs []PolicyRef) error {
	if err := directory.CheckCount("codeList", len(refs), mostPolicyRefs); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		list, err := a.needPolicies(ctx, poolID, refs, forUpdate)
		if err != nil {
			return err
		}
		for i := range list {
			if list[i].IsBuiltin {
				return ErrPolicyBuiltin
			}
		}
		if err := a.dropPolicies(ctx, poolID, policyIDs(list)); err != nil {
			return err
		}
		if err := a.changedByType(ctx, poolID, targetIDs{policyNode: policyIDs(list)}); err != nil {
			return err
		}
		e := aboutPolicies(audit.Delete, list)
		e.Before = policyList(list)
		return a.log.Add(ctx, poolID, e)
	})
}

// needPolicies returns the referred policies, each once, or ErrNamespaceNotFound or ErrPolicyNotFound.
func (a *Access) needPolicies(ctx context.Context, poolID string, refs []PolicyRef, lock string) ([]Policy, error) {
	found, err := a.policiesByRef(ctx, poolID, refs, lock)
	if err != nil {
		return nil, err
	}
	return need(ctx, a, poolID, refs, found, ErrPolicyNotFound)
}

func policyIDs(list []Policy) []string {
	ids := make([]string, len(list))
	for i, p := range list {
		ids[i] = p.ID
	}
	return ids
}

func policyTaken(err error) error {
	if db.IsUnique(err, "policies", "code") {
		return ErrPolicyCodeTaken.Because(err)
	}
	return err
}

// aboutPolicies begins a record; only that of a single policy names it.
func aboutPolicies(operation string, list []Policy) audit.Event {
	e := audit.Event{Operation: operation, Resource: audit.Policy}
	if len(list) == 1 {
		e.TargetID, e.TargetName = list[0].ID, list[0].Code
	}
	return e
}

func policyList(list []Policy) map[string]any {
	codes := make([]string, len(list))
	for i, p := range list {
		codes[i] = p.Namespace + "/" + p.Code
	}
	return map[string]any{"ids": policyIDs(list), "codes": codes}
}
