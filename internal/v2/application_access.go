package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// appPolicy is the wire's AppAccessPolicy: who may enter an application, or may not. The wire makes a policy of it.
type appPolicy struct {
	AssignedAt        string           `json:"assignedAt"`
	InheritByChildren bool             `json:"inheritByChildren"`
	Enabled           bool             `json:"enabled"`
	PolicyID          string           `json:"policyId"`
	Code              string           `json:"code"`
	Policy            appPolicyContent `json:"policy"`
	targetName
	Target    any    `json:"target"` // a user, a role, a group or a node
	Namespace string `json:"namespace"`
}

// appPolicyContent is the one statement that the policy is.
type appPolicyContent struct {
	ID          string               `json:"id"`
	CreatedAt   string               `json:"createdAt"`
	UpdatedAt   string               `json:"updatedAt"`
	UserPoolID  string               `json:"userPoolId"`
	IsDefault   bool                 `json:"isDefault"`
	IsAuto      bool                 `json:"isAuto"`
	Hidden      bool                 `json:"hidden"`
	Code        string               `json:"code"`
	Description *string              `json:"description"`
	Statements  []appPolicyStatement `json:"statements"`
	NamespaceID *int64               `json:"namespaceId"`
}

type appPolicyStatement struct {
	Resource     string              `json:"resource"`
	Actions      []string            `json:"actions"`
	Effect       access.Effect       `json:"effect"`
	Condition    []struct{}          `json:"condition"`
	ResourceType access.ResourceType `json:"resourceType"`
}

// Every application has one policy of each effect, which exist on the wire alone.
func allowPolicy(appID string) string { return appID + ":allow" }
func denyPolicy(appID string) string  { return appID + ":deny" }

type appPoliciesInput struct {
	AppID string `path:"appId"`
	paging
}

func (a *API) appPolicies(ctx context.Context, in *appPoliciesInput) (*page[appPolicy], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	pool := caller.From(ctx).PoolID
	list, total, err := a.access.AppRecords(ctx, pool, in.AppID, access.AppRecordFilter{}, w)
	if err != nil {
		return nil, err
	}
	targets := make([]access.Target, len(list))
	for i := range list {
		targets[i] = list[i].Target()
	}
	names, err := a.namesOf(ctx, targets)
	if err != nil {
		return nil, err
	}
	shown, err := a.showTargets(ctx, targets)
	if err != nil {
		return nil, err
	}
	own, err := a.access.Namespace(ctx, pool, in.AppID)
	if err != nil {
		return nil, err
	}
	views := make([]appPolicy, len(list))
	for i := range list {
		r := &list[i]
		id := allowPolicy(r.AppID)
		if r.Effect == access.Deny {
			id = denyPolicy(r.AppID)
		}
		views[i] = appPolicy{AssignedAt: isoTime(r.CreatedAt), InheritByChildren: r.Inherit, Enabled: r.Enabled, PolicyID: id, Code: id, targetName: names[targets[i]],
			Target: shown[targets[i]], Namespace: r.AppID,
			Policy: appPolicyContent{ID: id, CreatedAt: isoTime(r.CreatedAt), UpdatedAt: isoTime(r.UpdatedAt), UserPoolID: r.PoolID, IsAuto: true, Hidden: true, Code: id,
				NamespaceID: &own.Number, Statements: []appPolicyStatement{{Resource: "app:" + r.AppID, Actions: []string{"app:login"}, Effect: r.Effect,
					Condition: []struct{}{}, ResourceType: access.Data}}}}
	}
	return &page[appPolicy]{total, views}, nil
}

// showTargets shows the users, roles, groups and nodes of targets, with a few queries for each type.
func (a *API) showTargets(ctx context.Context, targets []access.Target) (map[access.Target]any, error) {
	pool := caller.From(ctx).PoolID
	byType := map[directory.TargetType][]string{}
	for _, t := range targets {
		byType[t.Type] = append(byType[t.Type], t.ID)
	}
	out := make(map[access.Target]any, len(targets))
	if ids := byType[directory.UserTarget]; len(ids) > 0 {
		refs := make([]directory.UserRef, len(ids))
		for i, id := range ids {
			refs[i] = directory.ByID(id)
		}
		users, err := a.dir.UsersByRefs(ctx, pool, refs)
		if err != nil {
			return nil, err
		}
		for i := range users {
			out[access.Target{Type: directory.UserTarget, ID: users[i].ID}] = a.view(&users[i])
		}
	}
	if ids := byType[directory.GroupTarget]; len(ids) > 0 {
		groups, err := a.dir.GroupsByID(ctx, pool, ids)
		if err != nil {
			return nil, err
		}
		for id, g := range groups {
			out[access.Target{Type: directory.GroupTarget, ID: id}] = viewGroup(&g)
		}
	}
	if ids := byType[directory.RoleTarget]; len(ids) > 0 {
		roles, err := a.access.RolesByID(ctx, pool, ids)
		if err != nil {
			return nil, err
		}
		list := make([]access.Role, 0, len(roles))
		for _, r := range roles {
			list = append(list, r)
		}
		views, err := a.viewRoles(ctx, pool, list)
		if err != nil {
			return nil, err
		}
		for _, v := range views {
			out[access.Target{Type: directory.RoleTarget, ID: v.ID}] = v
		}
	}
	if ids := byType[directory.DepartmentTarget]; len(ids) > 0 {
		nodes, err := a.dir.DepartmentsByID(ctx, pool, ids)
		if err != nil {
			return nil, err
		}
		list := make([]directory.Department, 0, len(nodes))
		for _, n := range nodes {
			list = append(list, n)
		}
		views, err := a.viewNodes(ctx, pool, list)
		if err != nil {
			return nil, err
		}
		for _, v := range views {
			out[access.Target{Type: directory.DepartmentTarget, ID: v.ID}] = v
		}
	}
	return out, nil
}

// appPolicyInput names targets. Roles are those of the namespace, which is the application's own where none is given.
type appPolicyInput struct {
	AppID       string   `path:"appId"`
	Type        string   `json:"targetType" rule:"required"`
	Identifiers []string `json:"targetIdentifiers" rule:"required"`
	Namespace   string   `json:"namespace"`
	Inherit     bool     `json:"inheritByChildren"`
}

func (in *appPolicyInput) namespace() string {
	if in.Namespace == "" {
		return in.AppID
	}
	return in.Namespace
}

func (a *API) allowAppAccess(ctx context.Context, in *appPolicyInput) (struct{}, error) {
	return a.authorizeApp(ctx, in, access.Allow)
}

func (a *API) denyAppAccess(ctx context.Context, in *appPolicyInput) (struct{}, error) {
	return a.authorizeApp(ctx, in, access.Deny)
}

// authorizeApp says of targets whether they may enter, in place of what was said of them.
func (a *API) authorizeApp(ctx context.Context, in *appPolicyInput, effect access.Effect) (struct{}, error) {
	pool := caller.From(ctx).PoolID
	if _, err := a.access.AppStrategy(ctx, pool, in.AppID); err != nil {
		return struct{}{}, err
	}
	targets, err := a.needTargets(ctx, in.namespace(), targetNames(in.Type, in.Identifiers))
	if err != nil {
		return struct{}{}, err
	}
	list := make([]access.AppGrant, len(targets))
	for i, t := range targets {
		list[i] = access.AppGrant{Target: t, Effect: effect, Inherit: in.Inherit}
	}
	return struct{}{}, a.access.AuthorizeApp(ctx, pool, in.AppID, list)
}

func (a *API) enableAppAccess(ctx context.Context, in *appPolicyInput) (struct{}, error) {
	return a.switchAppAccess(ctx, in, true)
}

func (a *API) disableAppAccess(ctx context.Context, in *appPolicyInput) (struct{}, error) {
	return a.switchAppAccess(ctx, in, false)
}

func (a *API) switchAppAccess(ctx context.Context, in *appPolicyInput, enabled bool) (struct{}, error) {
	pool := caller.From(ctx).PoolID
	if _, err := a.access.AppStrategy(ctx, pool, in.AppID); err != nil {
		return struct{}{}, err
	}
	targets, err := a.needTargets(ctx, in.namespace(), targetNames(in.Type, in.Identifiers))
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, a.access.EnableApp(ctx, pool, in.AppID, targets, enabled)
}

// revokeAppAccess takes back what is said of targets. Of whom nothing is said, or who is nobody, is passed over.
func (a *API) revokeAppAccess(ctx context.Context, in *appPolicyInput) (struct{}, error) {
	pool := caller.From(ctx).PoolID
	if _, err := a.access.AppStrategy(ctx, pool, in.AppID); err != nil {
		return struct{}{}, err
	}
	targets, err := a.targetsIfThere(ctx, in.namespace(), targetNames(in.Type, in.Identifiers))
	if err != nil || len(targets) == 0 {
		return struct{}{}, err
	}
	return struct{}{}, a.access.RevokeApp(ctx, pool, in.AppID, targets)
}
