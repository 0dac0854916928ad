package v2

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// targetName is how the wire names who has grants and policies: USER and ORG (a node) by identifier, ROLE, of a namespace, and GROUP by
// code.
type targetName struct {
	Type       string `json:"targetType"`
	Identifier string `json:"targetIdentifier"`
}

// targetNames are names of one type.
func targetNames(targetType string, identifiers []string) []targetName {
	names := make([]targetName, len(identifiers))
	for i, id := range identifiers {
		names[i] = targetName{targetType, id}
	}
	return names
}

// of is the domain's word for the type: the wire calls departments ORG.
func (n targetName) of() directory.TargetType { return targetTypeOf(n.Type) }

func targetTypeOf(t string) directory.TargetType {
	if t == string(directory.OrgTarget) {
		return directory.DepartmentTarget
	}
	return directory.TargetType(t)
}

// needTargets are those of up to 500 names, in their order; namespace is that of the roles among them. Who is not there is the
// NotFound error of the type.
func (a *API) needTargets(ctx context.Context, namespace string, names []targetName) ([]access.Target, error) {
	found, err := a.targetsThere(ctx, namespace, names)
	if err != nil {
		return nil, err
	}
	targets := make([]access.Target, len(names))
	for i, n := range names {
		t, ok := found[n]
		if !ok {
			return nil, errNoTarget[n.of()]
		}
		targets[i] = t
	}
	return targets, nil
}

// targetsIfThere is needTargets without those who are not there.
func (a *API) targetsIfThere(ctx context.Context, namespace string, names []targetName) ([]access.Target, error) {
	found, err := a.targetsThere(ctx, namespace, names)
	if err != nil {
		return nil, err
	}
	var targets []access.Target
	for _, n := range names {
		if t, ok := found[n]; ok {
			targets = append(targets, t)
		}
	}
	return targets, nil
}

var errNoTarget = map[directory.TargetType]error{directory.UserTarget: directory.ErrUserNotFound, directory.GroupTarget: directory.ErrGroupNotFound,
	directory.RoleTarget: access.ErrRoleNotFound, directory.DepartmentTarget: directory.ErrDepartmentNotFound}

// targetsThere finds whom names mean, with one query for each type.
func (a *API) targetsThere(ctx context.Context, namespace string, names []targetName) (map[targetName]access.Target, error) {
	if err := directory.CheckCount("targetIdentifiers", len(names), mostGrants); err != nil {
		return nil, err
	}
	byType := map[string][]string{}
	for _, n := range names {
		if errNoTarget[n.of()] == nil || n.Type == string(directory.DepartmentTarget) {
			return nil, fault.Field("targetType")
		}
		byType[n.Type] = append(byType[n.Type], n.Identifier)
	}
	out := make(map[targetName]access.Target, len(names))
	for t, identifiers := range byType {
		slices.Sort(identifiers)
		ids, err := a.targetIDs(ctx, namespace, targetTypeOf(t), slices.Compact(identifiers))
		if err != nil {
			return nil, err
		}
		for name, id := range ids {
			out[targetName{t, name}] = access.Target{Type: targetTypeOf(t), ID: id}
		}
	}
	return out, nil
}

// targetIDs are the identifiers of the targets of a type that are there, by what the wire names them by.
func (a *API) targetIDs(ctx context.Context, namespace string, of directory.TargetType, names []string) (map[string]string, error) {
	pool := caller.From(ctx).PoolID
	ids := make(map[string]string, len(names))
	switch of {
	case directory.UserTarget:
		refs := make([]directory.UserRef, 0, len(names))
		for _, id := range directory.Findable(names) {
			refs = append(refs, directory.ByID(id))
		}
		users, err := a.dir.UsersByRefs(ctx, pool, refs)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			ids[u.ID] = u.ID
		}
	case directory.DepartmentTarget:
		nodes, err := a.dir.DepartmentsByID(ctx, pool, names)
		if err != nil {
			return nil, err
		}
		for id := range nodes {
			ids[id] = id
		}
	case directory.GroupTarget:
		groups, err := a.dir.GroupsByCode(ctx, pool, names)
		if err != nil {
			return nil, err
		}
		for code, g := range groups {
			ids[code] = g.ID
		}
	case directory.RoleTarget:
		roles, err := a.access.RolesByRef(ctx, pool, access.RoleRefs(namespace, names...))
		if err != nil {
			return nil, err
		}
		for ref, r := range roles {
			ids[ref.Code] = r.ID
		}
	}
	return ids, nil
}

// namesOf are how the wire names targets.
func (a *API) namesOf(ctx context.Context, targets []access.Target) (map[access.Target]targetName, error) {
	byType := map[directory.TargetType][]string{}
	for _, t := range targets {
		byType[t.Type] = append(byType[t.Type], t.ID)
	}
	pool := caller.From(ctx).PoolID
	codes := map[access.Target]string{} // of those that are not named by their identifier
	if ids := byType[directory.GroupTarget]; len(ids) > 0 {
		groups, err := a.dir.GroupsByID(ctx, pool, ids)
		if err != nil {
			return nil, err
		}
		for id, g := range groups {
			codes[access.Target{Type: directory.GroupTarget, ID: id}] = g.Code
		}
	}
	if ids := byType[directory.RoleTarget]; len(ids) > 0 {
		roles, err := a.access.RolesByID(ctx, pool, ids)
		if err != nil {
			return nil, err
		}
		for id, r := range roles {
			codes[access.Target{Type: directory.RoleTarget, ID: id}] = r.Code
		}
	}
	names := make(map[access.Target]targetName, len(targets))
	for _, t := range targets {
		n := targetName{string(t.Type), t.ID}
		if t.Type == directory.DepartmentTarget {
			n.Type = string(directory.OrgTarget)
		}
		if code, ok := codes[t]; ok {
			n.Identifier = code
		}
		names[t] = n
	}
	return names, nil
}
