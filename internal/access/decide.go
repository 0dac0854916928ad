package access

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// Question asks whether a user may do something. An empty Namespace is the default one; an empty ResourceType asks for
// resources of all types. An empty Action asks for the resource itself.
type Question struct {
	UserID, Namespace, Resource, Action string
	ResourceType                        ResourceType
	// Environment is what the asker says of the request, for the conditions of policies: values as encoding/json makes them.
	Environment map[string]any
}

// mostQuestions is how many one call answers.
const mostQuestions = 1000

func (q *Question) check() error {
	if err := checkResource(q.Resource); err != nil {
		return err
	}
	if q.ResourceType != "" {
		if err := q.ResourceType.check(); err != nil {
			return err
		}
	}
	return directory.CheckText("action", q.Action, longestAction)
}

// Decide reports whether the user may. Nothing granted is not allowed, and what is denied is denied whatever else allows it. An
// unknown user is directory.ErrUserNotFound, a namespace that is not there ErrNamespaceNotFound. It reads the database only for
// what was not asked lately, and knows what this server has changed at once, what others have within a second or two.
func (a *Access) Decide(ctx context.Context, poolID string, q Question) (bool, error) {
	if err := q.check(); err != nil {
		return false, err
	}
	v := a.view(ctx, poolID)
	ask := newAsked(poolID, &q, v.now)
	if allowed, ok := v.remembered(&ask); ok {
		return allowed, nil
	}
	list, err := v.reachOf(ctx, q.UserID)
	if err != nil {
		return false, err
	}
	if err := v.needNamespaces(ctx, ask.namespace); err != nil {
		return false, err
	}
	return v.decide(ctx, list, &ask)
}

// remembered answers a question when all that it needs is in memory, and then does not write down who the subjects are.
func (v *view) remembered(q *asked) (allowed, ok bool) {
	if v.own != nil || v.a.cache.get(v.epochs, Target{namespaceNode, q.namespace}) == nil {
		return false, false
	}
	r := remembering{view: v, q: q}
	user := r.hear(Target{directory.UserTarget, q.userID}, false)
	if user == nil {
		return false, false
	}
	r.roles(user)
	for _, e := range user.groups {
		if e.term.InForceAt(v.now) {
			r.roles(r.hear(Target{directory.GroupTarget, e.id}, false))
		}
	}
	for _, e := range user.departments {
		if !e.term.InForceAt(v.now) {
			continue
		}
		n := r.hear(Target{directory.DepartmentTarget, e.id}, false)
		r.roles(n)
		if n != nil {
			for _, id := range n.ancestors {
				r.hear(Target{directory.DepartmentTarget, id}, true)
			}
		}
	}
	return r.allowed && !r.denied, !r.missing
}

// remembering hears what one subject after the other says to a question.
type remembering struct {
	*view
	q                        *asked
	allowed, denied, missing bool
}

// hear returns the node, or nil where it is missing or not in force.
func (r *remembering) hear(t Target, inherited bool) *node {
	n := r.a.cache.get(r.epochs, t)
	if n == nil || n.large {
		r.missing = true
		return nil
	}
	if !n.inForce(r.now) {
		return nil
	}
	r.rules(n, inherited)
	for _, p := range n.policies {
		if inherited && !p.inherit {
			continue
		}
		if policy := r.a.cache.get(r.epochs, Target{policyNode, p.id}); policy != nil {
			r.rules(policy, false)
		} else {
			r.missing = true
		}
	}
	return n
}

func (r *remembering) roles(n *node) {
	if n == nil {
		return
	}
	for _, e := range n.roles {
		if e.term.InForceAt(r.now) {
			r.hear(Target{directory.RoleTarget, e.id}, false)
		}
	}
}

func (r *remembering) rules(n *node, inherited bool) {
	if len(n.rules) == 0 {
		return
	}
	for place := range r.q.covering {
		found := n.index.find(n.rules, r.q, place)
		for i := range found {
			f := &found[i]
			if inherited && !f.inherit || f.effect == Allow && r.allowed || !f.matches(r.q) || !f.applies(r.q) {
				continue
			}
			if f.effect == Deny {
				r.denied = true
			} else {
				r.allowed = true
			}
		}
	}
}

// decide answers a question about a user whose subjects are known.
func (v *view) decide(ctx context.Context, list []subject, q *asked) (bool, error) {
	allowed, denied := false, false
	err := v.each(ctx, list, q, func(_ int, r *rule, _ bool) bool {
		if r.effect == Allow && allowed || !r.applies(q) {
			return true
		}
		allowed, denied = allowed || r.effect == Allow, r.effect == Deny
		return !denied
	})
	return allowed && !denied && err == nil, err
}

// needNamespaces gives ErrNamespaceNotFound unless the pool has all of the codes.
func (v *view) needNamespaces(ctx context.Context, codes ...string) error {
	targets := make([]Target, len(codes))
	for i, code := range codes {
		targets[i] = Target{namespaceNode, code}
	}
	nodes, err := v.nodes(ctx, targets)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if n == nil {
			return ErrNamespaceNotFound
		}
	}
	return nil
}

// DecideAll answers up to 1,000 questions in their order, as Decide does.
func (a *Access) DecideAll(ctx context.Context, poolID string, list []Question) ([]bool, error) {
	if len(list) > mostQuestions {
		return nil, directory.CheckCount("list", len(list), mostQuestions)
	}
	v := a.view(ctx, poolID)
	var users, namespaces []string
	place := make(map[string]int)
	known := make(map[string]bool)
	questions := make([]asked, len(list))
	for i := range list {
		q := &list[i]
		if err := q.check(); err != nil {
			return nil, err
		}
		questions[i] = newAsked(poolID, q, v.now)
		if _, ok := place[q.UserID]; !ok {
			place[q.UserID] = len(users)
			users = append(users, q.UserID)
		}
		if ns := questions[i].namespace; !known[ns] {
			known[ns] = true
			namespaces = append(namespaces, ns)
		}
	}
	reached, err := v.reach(ctx, users)
	if err != nil {
		return nil, err
	}
	for _, subjects := range reached {
		if subjects == nil {
			return nil, directory.ErrUserNotFound
		}
	}
	if err := v.needNamespaces(ctx, namespaces...); err != nil {
		return nil, err
	}
	out := make([]bool, len(list))
	for i := range list {
		if out[i], err = v.decide(ctx, reached[place[list[i].UserID]], &questions[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// TargetQuestion asks who was granted a resource. An empty Namespace is the default one; what else is empty selects everything.
type TargetQuestion struct {
	Namespace, Resource string
	ResourceType        ResourceType
	TargetType          directory.TargetType
	Actions             []string
	AllActions          bool           // the target has all of the actions, not just one
	Page                directory.Page // the zero Page asks for all, but no more than 5,000
}

// AuthorizedTarget is who was granted a resource, with the actions allowed there.
type AuthorizedTarget struct {
	Target
	Namespace, Resource string
	ResourceType        ResourceType
	Actions             []string // sorted, each once; none where the resource itself was granted
}

// AuthorizedTargets returns a page of those who were themselves granted exactly this resource, the latest first, and how many there are: with
// the actions that their grants on it allow and do not deny. At most 5,000 grants count, denying ones first. A namespace that is not there is ErrNamespaceNotFound.
func (a *Access) AuthorizedTargets(ctx context.Context, poolID string, q TargetQuestion) ([]AuthorizedTarget, int64, error) {
	if err := (&Question{Resource: q.Resource, ResourceType: q.ResourceType}).check(); err != nil {
		return nil, 0, err
	}
	if err := checkActions(q.Actions); err != nil {
		return nil, 0, err
	}
	namespace := RoleRef{Namespace: q.Namespace}.normal().Namespace
	if err := a.needNamespaces(ctx, poolID, namespace); err != nil {
		return nil, 0, err
	}
	var w db.Where
	w.And("g.pool_id = ? and g.namespace = ? and g.resource = ?", poolID, namespace, q.Resource)
	if q.TargetType != "" {
		w.And("g.target_type = ?", string(q.TargetType))
	}
	grants, err := a.listGrants(ctx, "select "+db.Columns[grant]("g")+" from grants g where ", nil, &w, ResourceFilter{Type: q.ResourceType})
	if err != nil {
		return nil, 0, err
	}
	byTarget, listed := make(map[Target]rules), make(map[Target]bool)
	var targets []Target // of those that allow something, the latest first
	for i := range grants {
		t := Target{grants[i].TargetType, grants[i].TargetID}
		if grants[i].Effect == Allow && !listed[t] {
			listed[t] = true
			targets = append(targets, t)
		}
		byTarget[t] = append(byTarget[t], ruleOf(&grants[i]))
	}
	all := []AuthorizedTarget{}
	for _, t := range targets {
		for _, r := range byTarget[t].summarize(q.ResourceType) {
			if q.has(&r) {
				all = append(all, AuthorizedTarget{Target: t, Namespace: r.Namespace, Resource: r.Code, ResourceType: r.Type, Actions: r.Actions})
			}
		}
	}
	total := int64(len(all))
	if q.Page != (directory.Page{}) {
		limit, offset := window(q.Page)
		all = all[min(offset, len(all)):min(offset+limit, len(all))]
	}
	return all, total, nil
}

// has reports whether what a target may do includes the actions asked for.
func (q *TargetQuestion) has(r *AuthorizedResource) bool {
	if len(q.Actions) == 0 {
		return true
	}
	rule := rule{actions: r.Actions}
	of := typeOf(r.Code)
	for _, action := range q.Actions {
		if rule.matches(&asked{of: of, verb: verb(action, of)}) != q.AllActions {
			return !q.AllActions
		}
	}
	return q.AllActions
}
