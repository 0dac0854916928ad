package access

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// ResourceType is what sort of thing a resource is.
type ResourceType string

// The sorts of resources.
const (
	Data   ResourceType = "DATA"
	API    ResourceType = "API"
	Menu   ResourceType = "MENU"
	Button ResourceType = "BUTTON"
	UI     ResourceType = "UI"
)

var resourceTypes = []ResourceType{Data, API, Menu, Button, UI}

func (t ResourceType) check() error {
	if slices.Contains(resourceTypes, t) {
		return nil
	}
	return fault.Field("resourceType")
}

// Effect is what a grant says of its actions.
type Effect string

// The effects. What is denied is denied, whatever else allows it.
const (
	Allow Effect = "ALLOW"
	Deny  Effect = "DENY"
)

const (
	mostGrants      = 500 // that one call makes or revokes
	mostNewActions  = 50  // of one grant of a call
	mostActions     = 500 // that one target may have on one resource
	mostRevoked     = 10_000
	mostAuthorized  = 5000 // grants that a list is made of
	longestResource = 256
	longestAction   = 128
)

// NewGrant says what a target may do with a resource, or may not. An empty Namespace is the default one, an empty ResourceType
// Data, an empty Effect Allow. Resources and actions are free text: "books:1", "books:*" and "*" are the wires' conventions.
// Without actions it is about the resource itself: a menu, a button.
type NewGrant struct {
	Namespace    string
	Target       Target // a user, a group, a department or a role
	Resource     string
	ResourceType ResourceType
	Actions      []string
	Effect       Effect
	Inherit      bool // members of the departments below have it too; only where the target is a department
}

// grant is a row: the actions of one target on one resource with one effect.
type grant struct {
	PoolID       string               `db:"pool_id"`
	ID           string               `db:"id"`
	Namespace    string               `db:"namespace"`
	TargetType   directory.TargetType `db:"target_type"`
	TargetID     string               `db:"target_id"`
	Inherit      bool                 `db:"inherit"`
	Resource     string               `db:"resource"`
	ResourceType ResourceType         `db:"resource_type"`
	Actions      []string             `db:"actions,json"` // sorted, each once
	Effect       Effect               `db:"effect"`
	CreatedAt    int64                `db:"created_at"`
	UpdatedAt    int64                `db:"updated_at"`
}

// grantKey is what there is one row of.
type grantKey struct {
	namespace    string
	target       Target
	inherit      bool
	resource     string
	resourceType ResourceType
	effect       Effect
}

func (g *grant) key() grantKey {
	return grantKey{g.Namespace, Target{g.TargetType, g.TargetID}, g.Inherit, g.Resource, g.ResourceType, g.Effect}
}

func (n NewGrant) normal() (NewGrant, error) {
	if n.Namespace == "" {
		n.Namespace = Default
	}
	if n.ResourceType == "" {
		n.ResourceType = Data
	}
	if n.Effect == "" {
		n.Effect = Allow
	}
	if err := checkResource(n.Resource); err != nil {
		return n, err
	}
	if err := n.ResourceType.check(); err != nil {
		return n, err
	}
	if n.Effect != Allow && n.Effect != Deny {
		return n, fault.Field("effect")
	}
	n.Inherit = n.Inherit && n.Target.Type == directory.DepartmentTarget
	if len(n.Actions) > mostNewActions {
		return n, directory.CheckCount("actions", len(n.Actions), mostNewActions)
	}
	return n, checkActions(n.Actions)
}

func checkResource(resource string) error {
	if strings.TrimSpace(resource) == "" {
		return fault.Field("resource")
	}
	return directory.CheckText("resource", resource, longestResource)
}

func checkActions(actions []string) error {
	for _, action := range actions {
		if strings.TrimSpace(action) == "" {
			return fault.Field("actions")
		}
		if err := directory.CheckText("actions", action, longestAction); err != nil {
			return err
		}
	}
	return nil
}

// Grant makes up to 500 grants, all of them or none; actions join those that the target has on the resource already. A
// namespace or target that is not there is its NotFound error; resources need not exist. Who has the resource itself has all actions, also
// with other grants. A target takes 500 actions on one
// resource: Unprocessable "grant_limit".
func (a *Access) Grant(ctx context.Context, poolID string, list []NewGrant) error {
	if err := directory.CheckCount("list", len(list), mostGrants); err != nil {
		return err
	}
	wanted := make(map[grantKey][]string, len(list))
	var keys []grantKey // in the order of the list
	targets := make([]Target, len(list))
	namespaces := make([]string, len(list))
	for i, n := range list {
		n, err := n.normal()
		if err != nil {
			return err
		}
		key := grantKey{n.Namespace, n.Target, n.Inherit, n.Resource, n.ResourceType, n.Effect}
		if wanted[key] == nil {
			keys = append(keys, key)
		}
		wanted[key] = append(wanted[key], n.Actions...)
		if len(n.Actions) == 0 {
			wanted[key] = append(wanted[key], "")
		}
		targets[i], namespaces[i] = n.Target, n.Namespace
	}
	ids, err := byType(targets, directory.UserTarget, directory.GroupTarget, directory.RoleTarget, directory.DepartmentTarget)
	if err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.lockNamespaces(ctx, poolID, namespaces); err != nil {
			return err
		}
		if err := a.lockTargets(ctx, poolID, ids); err != nil {
			return err
		}
		changed, err := a.merge(ctx, poolID, keys, wanted)
		if err != nil || len(changed) == 0 {
			return err
		}
		if err := a.saveGrants(ctx, changed); err != nil {
			return err
		}
		if err := a.grantsChanged(ctx, poolID, changed); err != nil {
			return err
		}
		return a.logGrants(ctx, poolID, audit.Add, changed, wanted)
	})
}

// merge adds the wanted actions to the grants that are there, and returns those that change.
func (a *Access) merge(ctx context.Context, poolID string, keys []grantKey, wanted map[grantKey][]string) ([]grant, error) {
	had, err := a.grantsByKey(ctx, poolID, wanted)
	if err != nil {
		return nil, err
	}
	now := a.db.Now()
	var changed []grant
	for _, key := range keys {
		g, ok := had[key]
		if !ok {
			g = grant{PoolID: poolID, ID: a.db.NewID(), Namespace: key.namespace, TargetType: key.target.Type, TargetID: key.target.ID, Inherit: key.inherit,
				Resource: key.resource, ResourceType: key.resourceType, Effect: key.effect, CreatedAt: now}
		}
		all := sorted(append(slices.Clone(g.Actions), wanted[key]...))
		if ok && len(g.Actions) == 0 || slices.Contains(all, "") { // who has the resource itself has all actions
			all = nil
		}
		if len(all) > mostActions {
			return nil, fault.New(fault.Unprocessable, "grant_limit", strconv.Itoa(mostActions))
		}
		if !ok || len(all) != len(g.Actions) {
			g.Actions, g.UpdatedAt = all, now
			changed = append(changed, g)
		}
	}
	return changed, nil
}

// Revocation says what to take from a target. An empty Namespace is the default one.
type Revocation struct {
	Namespace    string
	Target       Target
	Resource     string
	ResourceType ResourceType // empty means all
	Actions      []string     // none means all
	Items        bool         // also what was granted on items of the resource: "books:1" and "books:*" for "books"
}

// Revoke takes up to 500 grants back, allowing and denying ones alike, all of them or none. What was not granted, or whom
// nothing was granted, is passed over. A namespace that is not there is ErrNamespaceNotFound. A call that touches
// more than 10,000 grants is Unprocessable "grant_limit".
func (a *Access) Revoke(ctx context.Context, poolID string, list []Revocation) error {
	if err := directory.CheckCount("list", len(list), mostGrants); err != nil {
		return err
	}
	targets := make([]Target, len(list))
	namespaces := make([]string, len(list))
	for i := range list {
		r := &list[i]
		if err := checkResource(r.Resource); err != nil {
			return err
		}
		if r.ResourceType != "" {
			if err := r.ResourceType.check(); err != nil {
				return err
			}
		}
		if err := checkActions(r.Actions); err != nil {
			return err
		}
		targets[i], namespaces[i] = r.Target, RoleRef{Namespace: r.Namespace}.normal().Namespace
	}
	if _, err := byType(targets, directory.UserTarget, directory.GroupTarget, directory.RoleTarget, directory.DepartmentTarget); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.lockNamespaces(ctx, poolID, namespaces); err != nil {
			return err
		}
		grants, err := a.grantsToRevoke(ctx, poolID, list)
		if err != nil {
			return err
		}
		taken := make(map[grantKey][]string)
		var gone, changed []grant
		for _, g := range grants {
			left := slices.DeleteFunc(slices.Clone(g.Actions), func(action string) bool {
				return slices.ContainsFunc(list, func(r Revocation) bool { return r.takes(&g, action) })
			})
			itself := len(g.Actions) == 0 && slices.ContainsFunc(list, func(r Revocation) bool { return r.takes(&g, "") })
			if len(left) == len(g.Actions) && !itself {
				continue
			}
			taken[g.key()] = slices.DeleteFunc(slices.Clone(g.Actions), func(action string) bool { return slices.Contains(left, action) })
			g.Actions, g.UpdatedAt = left, a.db.Now()
			if len(left) == 0 {
				gone = append(gone, g)
			} else {
				changed = append(changed, g)
			}
		}
		if len(taken) == 0 {
			return nil
		}
		if err := a.dropGrants(ctx, poolID, gone); err != nil {
			return err
		}
		if err := a.saveGrants(ctx, changed); err != nil {
			return err
		}
		changed = append(gone, changed...)
		if err := a.grantsChanged(ctx, poolID, changed); err != nil {
			return err
		}
		return a.logGrants(ctx, poolID, audit.Remove, changed, taken)
	})
}

// takes reports whether the revocation is of this action of a grant.
func (r *Revocation) takes(g *grant, action string) bool {
	return g.Namespace == (RoleRef{Namespace: r.Namespace}.normal().Namespace) && g.TargetType == r.Target.Type && g.TargetID == r.Target.ID &&
		(r.ResourceType == "" || r.ResourceType == g.ResourceType) &&
		(g.Resource == r.Resource || r.Items && strings.HasPrefix(g.Resource, r.Resource+":")) &&
		(len(r.Actions) == 0 || slices.Contains(r.Actions, action))
}

// AuthorizedResource is a resource with what may be done with it.
type AuthorizedResource struct {
	Namespace string
	Code      string
	Type      ResourceType
	Actions   []string // sorted, each once; none where the resource itself was granted
}

// ResourceFilter selects resources; what is empty selects everything.
type ResourceFilter struct {
	Namespace string
	Type      ResourceType
}

// AuthorizedResources returns a page of what a target was itself granted, the latest first, and how many resources there are. A
// zero Page asks for all. Each resource of a namespace and type stands once, with the actions allowed and not denied: a denied "*",
// "books", "books:*" or "books:1" takes what it covers. At most 5,000 grants count, denying ones first. A namespace that is not there
// is ErrNamespaceNotFound.
func (a *Access) AuthorizedResources(ctx context.Context, poolID string, t Target, f ResourceFilter, p directory.Page) ([]AuthorizedResource, int64, error) {
	return a.authorized(ctx, poolID, f, p, func(ctx context.Context) (rules, error) {
		grants, err := a.grantsOf(ctx, poolID, t, f)
		out := make(rules, len(grants))
		for i := range grants {
			out[i] = ruleOf(&grants[i])
		}
		return out, err
	})
}

// AuthorizedResourcesOfUser returns what a user may do now, as AuthorizedResources does: through grants and policies that they, their
// groups, departments and roles have, or departments above. What stands there, Decide allows, and of what rules allow nothing
// else. A statement of a policy is about resources of all types and stands there as one of the type asked for, or Data; its
// conditions are asked without an environment. An unknown user has nothing.
func (a *Access) AuthorizedResourcesOfUser(ctx context.Context, poolID, userID string, f ResourceFilter, p directory.Page) ([]AuthorizedResource, int64, error) {
	return a.authorized(ctx, poolID, f, p, func(ctx context.Context) (rules, error) { return a.view(ctx, poolID).rulesOfUser(ctx, userID, f) })
}

func (a *Access) authorized(ctx context.Context, poolID string, f ResourceFilter, p directory.Page,
	read func(context.Context) (rules, error)) ([]AuthorizedResource, int64, error) {
	if f.Type != "" {
		if err := f.Type.check(); err != nil {
			return nil, 0, err
		}
	}
	if f.Namespace != "" {
		if err := a.needNamespaces(ctx, poolID, f.Namespace); err != nil {
			return nil, 0, err
		}
	}
	list, err := read(ctx)
	if err != nil {
		return nil, 0, err
	}
	all := list.summarize(f.Type)
	total := int64(len(all))
	if p != (directory.Page{}) {
		limit, offset := window(p)
		all = all[min(offset, len(all)):min(offset+limit, len(all))]
	}
	return all, total, nil
}

// rulesOfUser returns the rules that hold for a user now, each once.
func (v *view) rulesOfUser(ctx context.Context, userID string, f ResourceFilter) (rules, error) {
	if len(directory.Findable([]string{userID})) == 0 {
		return nil, nil
	}
	lists, err := v.reach(ctx, []string{userID})
	if err != nil {
		return nil, err
	}
	var out rules
	ask := asked{poolID: v.pool, userID: userID, now: v.now}
	add := func(list rules, hold func(r *rule) bool) {
		for i := range list {
			r := &list[i]
			ask.namespace = r.namespace
			if (f.Namespace == "" || f.Namespace == r.namespace) && (f.Type == "" || r.resourceType == "" || r.resourceType == f.Type) && hold(r) && r.applies(&ask) {
				out = append(out, *r)
			}
		}
	}
	type once struct {
		Target
		inherited bool
	}
	seen := make(map[once]bool)
	for i := range lists[0] {
		s := &lists[0][i]
		if k := (once{s.Target, s.inherited}); seen[k] {
			continue
		} else {
			seen[k] = true
		}
		own := s.node.rules
		if s.node.large {
			grants, err := v.a.grantsOf(ctx, v.pool, s.Target, f)
			if err != nil {
				return nil, err
			}
			own = make(rules, len(grants))
			for i := range grants {
				own[i] = ruleOf(&grants[i])
			}
		}
		add(own, func(r *rule) bool { return r.inherit || !s.inherited })
		for i, policy := range s.policies {
			if policy != nil && (!s.inherited || s.node.policies[i].inherit) {
				add(policy.rules, func(*rule) bool { return true })
			}
		}
	}
	return out, nil
}

// summarize makes one entry of all rules that allow something on a resource, the latest first, without what is denied.
func (list rules) summarize(of ResourceType) []AuthorizedResource {
	var denying, allowing rules
	for i := range list {
		if list[i].effect == Deny {
			denying = append(denying, list[i])
		} else {
			allowing = append(allowing, list[i])
		}
	}
	denying.sort()
	slices.SortStableFunc(allowing, func(a, b rule) int { return cmp.Or(strings.Compare(b.id, a.id), a.statement-b.statement) })
	if of == "" {
		of = Data
	}
	type key struct {
		namespace string
		of        ResourceType
		resource  string
	}
	at := make(map[key]int, len(allowing))
	all := make([]AuthorizedResource, 0, len(allowing))
	itself := []string{""}
	for i := range allowing {
		r := &allowing[i]
		k := key{r.namespace, cmp.Or(r.resourceType, of), r.resource}
		actions := r.actions
		if len(actions) == 0 {
			actions = itself
		}
		var q asked
		if len(denying) > 0 {
			q = newAsked("", &Question{Namespace: k.namespace, Resource: k.resource, ResourceType: k.of}, 0)
		}
		for _, action := range actions {
			if len(denying) > 0 {
				q.verb = verb(action, q.of)
				if denying.match(&q) {
					continue
				}
			}
			i, ok := at[k]
			if !ok {
				i = len(all)
				at[k] = i
				all = append(all, AuthorizedResource{Namespace: k.namespace, Code: k.resource, Type: k.of})
			}
			all[i].Actions = append(all[i].Actions, action)
		}
	}
	for i := range all {
		if all[i].Actions = sorted(all[i].Actions); all[i].Actions[0] == "" { // the resource itself is all that can be done with it
			all[i].Actions = nil
		}
	}
	return all
}

// match reports whether one of the rules is about a question.
func (list rules) match(q *asked) bool {
	for place := range q.covering {
		found := list.find(q, place)
		for i := range found {
			if found[i].matches(q) {
				return true
			}
		}
	}
	return false
}

func sorted(actions []string) []string {
	slices.Sort(actions)
	return slices.Compact(actions)
}

// grantsChanged tells whose grants are others now.
func (a *Access) grantsChanged(ctx context.Context, poolID string, grants []grant) error {
	targets := make([]Target, len(grants))
	for i := range grants {
		targets[i] = Target{grants[i].TargetType, grants[i].TargetID}
	}
	return a.targetsChanged(ctx, poolID, targets)
}

const mostLogged = 50 // grants that a record spells out

// logGrants writes what of actions was added to grants or removed from them.
func (a *Access) logGrants(ctx context.Context, poolID, operation string, grants []grant, actions map[grantKey][]string) error {
	list := make([]map[string]any, 0, min(len(grants), mostLogged))
	for i := range grants[:min(len(grants), mostLogged)] {
		g := &grants[i]
		list = append(list, map[string]any{"namespace": g.Namespace, "target_type": g.TargetType, "target_id": g.TargetID, "resource": g.Resource,
			"resource_type": g.ResourceType, "effect": g.Effect, "inherit": g.Inherit, "actions": slices.DeleteFunc(sorted(slices.Clone(actions[g.key()])), func(a string) bool { return a == "" })})
	}
	values := map[string]any{"grants": list, "count": len(grants)}
	e := audit.Event{Operation: operation, Resource: audit.Grant}
	if operation == audit.Add {
		e.After = values
	} else {
		e.Before = values
	}
	if len(grants) == 1 {
		e.TargetID, e.TargetName = grants[0].TargetID, grants[0].Resource
		if grants[0].TargetType == directory.UserTarget {
			e.UserID = grants[0].TargetID
		}
	}
	return a.log.Add(ctx, poolID, e)
}
