package access

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// ChangeKind says what a Change does.
type ChangeKind string

// The kinds of changes that WhatIf knows.
const (
	ChangeGrant            ChangeKind = "GRANT"
	ChangeRevoke           ChangeKind = "REVOKE"
	ChangeAddToGroup       ChangeKind = "ADD_TO_GROUP"
	ChangeRemoveFromGroup  ChangeKind = "REMOVE_FROM_GROUP"
	ChangeAddToDepartment  ChangeKind = "ADD_TO_DEPARTMENT"
	ChangeRemoveDepartment ChangeKind = "REMOVE_FROM_DEPARTMENT"
	ChangeMoveDepartment   ChangeKind = "MOVE_DEPARTMENT"
	ChangeAssignRole       ChangeKind = "ASSIGN_ROLE"
	ChangeUnassignRole     ChangeKind = "UNASSIGN_ROLE"
	ChangeDeleteRole       ChangeKind = "DELETE_ROLE"
)

// Change is something that WhatIf tries. Kind says which of the others it is about.
type Change struct {
	Kind       ChangeKind
	Grant      *NewGrant   // GRANT
	Revoke     *Revocation // REVOKE
	Group      string      // the code: ADD_TO_GROUP, REMOVE_FROM_GROUP
	Department string      // the identifier: ADD_TO_DEPARTMENT, REMOVE_FROM_DEPARTMENT, MOVE_DEPARTMENT
	Parent     string      // the identifier of the new parent: MOVE_DEPARTMENT
	UserIDs    []string    // of the memberships
	Role       RoleRef     // ASSIGN_ROLE, UNASSIGN_ROLE, DELETE_ROLE
	Targets    []Target    // ASSIGN_ROLE, UNASSIGN_ROLE
}

// Impact is what changes would do.
type Impact struct {
	Users     []UserImpact // whose decisions would change, by identifier
	Evaluated int          // users looked at
	Truncated bool         // there are more users, or more decisions of one, than were looked at
}

// UserImpact is what changes would do to one user.
type UserImpact struct {
	UserID    string
	Decisions []DecisionChange
	Truncated bool
}

// DecisionChange is a decision that would be another.
type DecisionChange struct {
	Namespace, Resource string
	ResourceType        ResourceType
	Action              string // "" for the resource itself
	Before, After       bool
}

const (
	mostTried      = 20     // changes of one call
	mostAffected   = 1000   // users that are looked at
	mostDecisions  = 1000   // that are told of one user
	mostCandidates = 5000   // decisions of one user that are looked at
	mostProbed     = 50_000 // grants of one target that are looked at
)

var (
	errTooManyRules = fault.New(fault.TooLarge, "rules_too_many")
	errUndo         = errors.New("access: this was only tried")
)

// WhatIf says which decisions up to 20 changes would change, and changes nothing: it makes them, all or none, in a transaction that is then
// undone. Errors are those of the changes. At most 1,000 users are looked at, and 1,000 decisions of each are told. Decisions are about
// resources and actions as rules name them, asked without an environment.
func (a *Access) WhatIf(ctx context.Context, poolID string, changes []Change) (*Impact, error) {
	if err := directory.CheckCount("changes", len(changes), mostTried); err != nil {
		return nil, err
	}
	for i := range changes {
		if err := changes[i].check(); err != nil {
			return nil, err
		}
	}
	var out *Impact
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		ids, more, err := a.affected(ctx, poolID, changes)
		if err != nil {
			return err
		}
		before := a.probe(ctx, poolID)
		was, err := before.reach(ctx, ids)
		if err != nil {
			return err
		}
		for i := range changes {
			if err := a.try(ctx, poolID, &changes[i]); err != nil {
				return err
			}
		}
		after := a.probe(ctx, poolID)
		after.now = before.now
		is, err := after.reach(ctx, ids)
		if err != nil {
			return err
		}
		out = &Impact{Users: []UserImpact{}, Evaluated: len(ids), Truncated: more}
		for i, id := range ids {
			u, err := compare(ctx, before, after, id, was[i], is[i])
			if err != nil {
				return err
			}
			if len(u.Decisions) > 0 || u.Truncated {
				out.Users, out.Truncated = append(out.Users, u), out.Truncated || u.Truncated
			}
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		return nil, err
	}
	return out, nil
}

func (c *Change) check() error {
	switch c.Kind {
	case ChangeGrant:
		if c.Grant == nil {
			return fault.Field("grant")
		}
	case ChangeRevoke:
		if c.Revoke == nil {
			return fault.Field("revoke")
		}
	case ChangeAddToGroup, ChangeRemoveFromGroup, ChangeAddToDepartment, ChangeRemoveDepartment:
		return directory.CheckCount("userIds", len(c.UserIDs), mostTargets)
	case ChangeAssignRole, ChangeUnassignRole:
		return directory.CheckCount("targets", len(c.Targets), mostTargets)
	case ChangeMoveDepartment, ChangeDeleteRole:
	default:
		return fault.Field("kind")
	}
	return nil
}

// probe is a view of what the transaction of ctx sees now, with all grants in it.
func (a *Access) probe(ctx context.Context, poolID string) *view {
	v := a.view(ctx, poolID)
	v.own, v.all = make(map[Target]*node), true
	return v
}

// affected returns, by identifier, the users whose subjects or whose subjects' rules the changes may change, and whether there are more.
// Who comes to something by one change is named by it, so that it need not be asked again after them.
func (a *Access) affected(ctx context.Context, poolID string, changes []Change) (ids []string, more bool, err error) {
	var list []Holder
	add := func(targets ...Target) {
		for _, t := range targets {
			list = append(list, Holder{t, t.Type == directory.DepartmentTarget})
		}
	}
	for i := range changes {
		c := &changes[i]
		for _, id := range c.UserIDs {
			add(Target{directory.UserTarget, id})
		}
		add(c.Targets...)
		switch c.Kind {
		case ChangeGrant:
			add(c.Grant.Target)
		case ChangeRevoke:
			add(c.Revoke.Target)
		case ChangeMoveDepartment:
			add(Target{directory.DepartmentTarget, c.Department})
		case ChangeDeleteRole:
			r, err := a.Role(ctx, poolID, c.Role)
			if err != nil {
				return nil, false, err
			}
			add(Target{directory.RoleTarget, r.ID})
		}
	}
	set, err := a.membersOf(ctx, poolID, list)
	if err != nil {
		return nil, false, err
	}
	ids, total, err := a.pageOf(ctx, set, directory.Page{Page: 1, Limit: mostAffected})
	return ids, total > mostAffected, err
}

// try makes a change.
func (a *Access) try(ctx context.Context, poolID string, c *Change) error {
	at := directory.DepartmentRef{Anywhere: true, Value: c.Department}
	switch c.Kind {
	case ChangeGrant:
		return a.Grant(ctx, poolID, []NewGrant{*c.Grant})
	case ChangeRevoke:
		return a.Revoke(ctx, poolID, []Revocation{*c.Revoke})
	case ChangeAddToGroup:
		return a.dir.AddMembers(ctx, poolID, c.Group, c.UserIDs)
	case ChangeRemoveFromGroup:
		return a.dir.RemoveMembers(ctx, poolID, c.Group, c.UserIDs)
	case ChangeAddToDepartment:
		return a.dir.AddDepartmentMembers(ctx, poolID, at, c.UserIDs)
	case ChangeRemoveDepartment:
		return a.dir.RemoveDepartmentMembers(ctx, poolID, at, c.UserIDs)
	case ChangeMoveDepartment:
		_, err := a.dir.UpdateDepartment(ctx, poolID, at, directory.DepartmentPatch{Parent: &c.Parent})
		return err
	case ChangeAssignRole:
		return a.Assign(ctx, poolID, []RoleRef{c.Role}, c.Targets)
	case ChangeUnassignRole:
		return a.Unassign(ctx, poolID, []RoleRef{c.Role}, c.Targets, directory.MissingOK)
	}
	return a.DeleteRoles(ctx, poolID, []RoleRef{c.Role}, directory.MissingFails)
}

// ruleKey says which rules are the same.
func (r *rule) key() string {
	return strings.Join(append([]string{r.id, strconv.Itoa(r.statement), r.namespace, r.resource, string(r.resourceType), string(r.effect)}, r.actions...), "\x00")
}

// holds returns the rules that hold for a user, each once.
func (v *view) holds(list []subject) map[string]*rule {
	out := make(map[string]*rule)
	for i := range list {
		s := &list[i]
		for i := range s.node.rules {
			if r := &s.node.rules[i]; r.inherit || !s.inherited {
				out[r.key()] = r
			}
		}
		for i, policy := range s.policies {
			if policy != nil && (!s.inherited || s.node.policies[i].inherit) {
				for i := range policy.rules {
					out[policy.rules[i].key()] = &policy.rules[i]
				}
			}
		}
	}
	return out
}

// compare says which decisions about a user differ between two views. Of a rule that came or went, the decisions asked for are those of its own
// resource and of those of other rules that it covers, of its type and of all types at once, with the actions of the rules that cover these: patterns of resources and of actions
// include each other or have nothing in common, so that whatever else differs does so with one of them.
func compare(ctx context.Context, before, after *view, userID string, was, is []subject) (UserImpact, error) {
	out := UserImpact{UserID: userID}
	had, has := before.holds(was), after.holds(is)
	var all, differing []*rule
	for k, r := range had {
		all = append(all, r)
		if has[k] == nil {
			differing = append(differing, r)
		}
	}
	for k, r := range has {
		if had[k] == nil {
			all, differing = append(all, r), append(differing, r)
		}
	}
	if len(differing) == 0 {
		return out, nil
	}
	questions := make(map[probed]bool)
	for _, d := range differing {
		of := []ResourceType{d.resourceType}
		if d.resourceType == "" {
			of = resourceTypes
		}
		for _, r := range all {
			resource := ""
			switch {
			case r.namespace != d.namespace:
				continue
			case slices.Contains(covering(d.resource), r.covers):
				resource = d.resource
			case slices.Contains(covering(r.resource), d.covers):
				resource = r.resource
			default:
				continue
			}
			for _, list := range [][]string{d.actions, r.actions} {
				if len(list) == 0 {
					list = []string{""}
				}
				for _, action := range list {
					questions[probed{d.namespace, resource, action, ""}] = true
					for _, of := range of {
						questions[probed{d.namespace, resource, action, of}] = true
					}
				}
			}
			if len(questions) > mostCandidates {
				out.Truncated = true
				break
			}
		}
	}
	told := make(map[probed]bool) // of all types, and so of each
	for _, p := range slices.SortedFunc(maps.Keys(questions), probed.compare) {
		q := Question{UserID: userID, Namespace: p.namespace, Resource: p.resource, ResourceType: p.of, Action: p.action}
		ask := newAsked(before.pool, &q, before.now)
		could, err := before.decide(ctx, was, &ask)
		if err != nil {
			return out, err
		}
		can, err := after.decide(ctx, is, &ask)
		if err != nil {
			return out, err
		}
		of := p.of
		if p.of = ""; could == can || told[p] {
			continue
		}
		if len(out.Decisions) == mostDecisions {
			out.Truncated = true
			break
		}
		told[p] = of == ""
		out.Decisions = append(out.Decisions, DecisionChange{p.namespace, p.resource, of, p.action, could, can})
	}
	return out, nil
}

// probed is a decision that may have changed.
type probed struct {
	namespace, resource, action string
	of                          ResourceType
}

func (p probed) compare(q probed) int {
	return cmp.Or(strings.Compare(p.namespace, q.namespace), strings.Compare(p.resource, q.resource), strings.Compare(p.action, q.action),
		strings.Compare(string(p.of), string(q.of)))
}
