package access

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Explanation says why a question is answered as it is.
type Explanation struct {
	Allowed    bool
	DecidedBy  *Rule  // nil where nothing was granted
	Paths      []Path // every way on which a rule of the answer's effect that applies reaches the user, that of DecidedBy first; at most 100
	Overridden []Path // of a denial: the ways of what would have allowed it; at most 100
	// Nearest are, of a refusal where nothing applies, rules that would have allowed it had somebody else's been the user's or had they been for this action: at most 10.
	Nearest []Rule
}

// Rule is what allows or denies: a grant, or a statement of a policy.
type Rule struct {
	Kind         RuleKind
	ID           string // the grant's or the policy's
	Policy       string // the code of the policy, "" for a grant
	Statement    int    // which of the policy's, from 0
	Target       Target // who was given it
	Namespace    string
	Resource     string
	ResourceType ResourceType // "" for all
	Actions      []string     // none: the resource itself
	Effect       Effect
	Inherit      bool
	Conditions   []ConditionResult
}

// RuleKind says what a Rule is.
type RuleKind string

// The kinds of rules.
const (
	GrantRule  RuleKind = "GRANT"
	PolicyRule RuleKind = "POLICY"
)

// ConditionResult is a condition with what it saw.
type ConditionResult struct {
	Param, Operator string
	Value           jsontext.Value
	Actual          any    // what the parameter is; nil where it is not there
	Holds           bool   // false, too, where it failed
	Failure         string // why it has no result, "" where it has
}

// Path is a way from a user to a rule.
type Path struct {
	Rule  Rule
	Steps []Step // from the user to the rule's target, both included
}

// Step is one target on a way.
type Step struct {
	Target
	Code, Name string                     // of a group, a department, a role, as they are called now
	Term       directory.Term             // of the membership or assignment that leads here
	Inherited  bool                       // a department above the step before
	Dynamic    *directory.RuleExplanation // of a dynamic group: its rule and what it saw; nil otherwise
}

const (
	mostPaths   = 100 // of an explanation, each way
	mostNearest = 10
	mostNear    = 500 // rules that the nearest are chosen from
)

// hit is a rule that is about a question, and the subject that has it.
type hit struct {
	at      int
	rule    rule
	inherit bool
}

// Explain says why Decide answers as it does, at the same moment. Its errors are Decide's.
func (a *Access) Explain(ctx context.Context, poolID string, q Question) (*Explanation, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	v := a.view(ctx, poolID)
	ask := newAsked(poolID, &q, v.now)
	list, err := v.reachOf(ctx, q.UserID)
	if err != nil {
		return nil, err
	}
	if err := v.needNamespaces(ctx, ask.namespace); err != nil {
		return nil, err
	}
	return v.explain(ctx, list, &ask)
}

func (v *view) explain(ctx context.Context, list []subject, q *asked) (*Explanation, error) {
	var allowing, denying, failing []hit
	err := v.each(ctx, list, q, func(at int, r *rule, inherit bool) bool {
		h := hit{at, *r, inherit}
		switch {
		case !r.applies(q):
			failing = append(failing, h)
		case r.effect == Deny:
			denying = append(denying, h)
		default:
			allowing = append(allowing, h)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	e := &Explanation{Allowed: len(allowing) > 0 && len(denying) == 0}
	p := pathing{view: v, list: list, q: q}
	decided := allowing
	if len(denying) > 0 {
		decided = denying
		if e.Overridden, err = p.paths(ctx, allowing); err != nil {
			return nil, err
		}
	}
	if e.Paths, err = p.paths(ctx, decided); err != nil {
		return nil, err
	}
	if len(e.Paths) > 0 {
		e.DecidedBy = &e.Paths[0].Rule
		return e, nil
	}
	for _, h := range failing {
		if h.rule.effect == Allow && len(e.Nearest) < mostNearest {
			e.Nearest = append(e.Nearest, h.rule.shown(list[h.at].Target, h.inherit, q))
		}
	}
	return e, v.nearest(ctx, q, e)
}

// shown is a rule as explanations tell of it.
func (r *rule) shown(t Target, inherit bool, q *asked) Rule {
	out := Rule{Kind: GrantRule, ID: r.id, Target: t, Namespace: r.namespace, Resource: r.resource, ResourceType: r.resourceType, Actions: slices.Clone(r.actions),
		Effect: r.effect, Inherit: inherit, Conditions: r.results(q)}
	if r.statement >= 0 {
		out.Kind, out.Policy, out.Statement = PolicyRule, r.policy, r.statement
	}
	return out
}

// pathing writes ways down.
type pathing struct {
	*view
	list    []subject
	q       *asked
	static  bool                                  // what dynamic groups saw is left out
	dynamic map[string]*directory.RuleExplanation // by group
}

func (p *pathing) paths(ctx context.Context, hits []hit) ([]Path, error) {
	out := make([]Path, 0, min(len(hits), mostPaths))
	for i := range hits[:min(len(hits), mostPaths)] {
		path, err := p.path(ctx, &hits[i])
		if err != nil {
			return nil, err
		}
		out = append(out, path)
	}
	return out, nil
}

func (p *pathing) path(ctx context.Context, h *hit) (Path, error) {
	out := Path{Rule: h.rule.shown(p.list[h.at].Target, h.inherit, p.q)}
	for at := h.at; at >= 0; at = p.list[at].parent {
		s := &p.list[at]
		step := Step{Target: s.Target, Code: s.node.code, Name: s.node.name, Term: s.term, Inherited: s.inherited}
		if s.node.dynamic && !p.static {
			var err error
			if step.Dynamic, err = p.membership(ctx, s); err != nil {
				return out, err
			}
		}
		out.Steps = append(out.Steps, step)
	}
	slices.Reverse(out.Steps)
	return out, nil
}

// membership explains, once for all ways, why the user is in a dynamic group; nil where that cannot be told any more.
func (p *pathing) membership(ctx context.Context, s *subject) (*directory.RuleExplanation, error) {
	if e, ok := p.dynamic[s.ID]; ok {
		return e, nil
	}
	e, err := p.a.dir.ExplainMembership(ctx, p.pool, s.node.code, p.q.userID)
	if fault.As(err) != nil { // the rule went meanwhile
		e, err = nil, nil
	}
	if err == nil {
		if p.dynamic == nil {
			p.dynamic = make(map[string]*directory.RuleExplanation)
		}
		p.dynamic[s.ID] = e
	}
	return e, err
}

// nearest adds to a refusal the rules that would have allowed it had somebody else's been the user's, then the user's and others' that would have
// for another action.
func (v *view) nearest(ctx context.Context, q *asked, e *Explanation) error {
	list, err := v.holding(ctx, q, mostNear)
	if err != nil {
		return err
	}
	other := *q
	for _, exact := range []bool{true, false} {
		for i := range list {
			h := &list[i]
			if len(e.Nearest) >= mostNearest {
				return nil
			}
			if h.rule.effect != Allow || h.rule.matches(&other) != exact {
				continue
			}
			if !exact && h.rule.resourceType != "" && q.resourceType != "" && h.rule.resourceType != q.resourceType {
				continue
			}
			shown := h.rule.shown(h.Target, h.Inherit, q)
			if !slices.ContainsFunc(e.Nearest, func(r Rule) bool {
				return r.ID == shown.ID && r.Statement == shown.Statement && r.Target == shown.Target
			}) {
				e.Nearest = append(e.Nearest, shown)
			}
		}
	}
	return nil
}

// held is a rule and who has it.
type held struct {
	Holder
	rule rule
}

// holding returns the rules of a pool that cover a question's resource, whoever has them: grants first, the newest first.
func (v *view) holding(ctx context.Context, q *asked, most int) ([]held, error) {
	var resources []string
	for _, p := range q.covering {
		resources = append(resources, spellings(p)...)
	}
	grants, err := db.List[grant](ctx, v.a.db, selectGrants+grantsByResource, v.pool, q.namespace, resources, most)
	if err != nil {
		return nil, err
	}
	var out []held
	for i := range grants {
		r := ruleOf(&grants[i])
		out = append(out, held{Holder{Target{grants[i].TargetType, grants[i].TargetID}, r.inherit}, r})
	}
	ids, err := db.List[string](ctx, v.a.db, "select id from policies where pool_id = ? and namespace = ? order by code limit ?", v.pool, q.namespace, mostPoliciesRead)
	if err != nil || len(ids) == 0 {
		return out, err
	}
	targets := make([]Target, len(ids))
	for i, id := range ids {
		targets[i] = Target{policyNode, id}
	}
	policies, err := v.nodes(ctx, targets)
	if err != nil {
		return nil, err
	}
	found := make(map[string]rules)
	ids = ids[:0]
	for i, n := range policies {
		if n == nil {
			continue
		}
		id := targets[i].ID
		for place := range q.covering {
			found[id] = append(found[id], n.rules.find(q, place)...)
		}
		if len(found[id]) > 0 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	assigned, err := db.List[PolicyAssignment](ctx, v.a.db, "select "+db.Columns[PolicyAssignment]()+
		" from policy_assignments where pool_id = ? and policy_id in (?...) and enabled order by policy_id desc, created_at desc limit ?", v.pool, ids, most)
	for _, p := range assigned {
		inherit := p.Inherit && p.TargetType == directory.DepartmentTarget
		for _, r := range found[p.PolicyID] {
			out = append(out, held{Holder{Target{p.TargetType, p.TargetID}, inherit}, r})
		}
	}
	return out, err
}

// grantsByResource continues selectGrants.
const grantsByResource = "namespace = ? and resource in (?...) order by created_at desc, id desc limit ?"

// mostPoliciesRead is how many policies of a namespace are looked through for a resource.
const mostPoliciesRead = 10_000
