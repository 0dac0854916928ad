package v2

import (
	"context"
	"strings"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// authorizedResource is the type AuthorizedResource. Resources have no API identifier yet.
type authorizedResource struct {
	Code          string   `json:"code"`
	Type          string   `json:"type"`
	Actions       []string `json:"actions"`
	APIIdentifier *string  `json:"apiIdentifier"`
}

func viewResources(list []access.AuthorizedResource, total int64, err error) (*page[authorizedResource], error) {
	if err != nil {
		return nil, err
	}
	views := make([]authorizedResource, len(list))
	for i, r := range list {
		views[i] = authorizedResource{Code: r.Code, Type: string(r.Type), Actions: r.Actions}
	}
	return &page[authorizedResource]{total, views}, nil
}

type allowInput struct {
	Resource  string   `json:"resource"`
	Action    string   `json:"action"`
	UserID    string   `json:"userId"`
	UserIDs   []string `json:"userIds"`
	RoleCode  string   `json:"roleCode"`
	RoleCodes []string `json:"roleCodes"`
	Namespace string   `json:"namespace"`
}

// allow grants one action on a resource, which is "*" or of the form "type:id": a bare type is for authorizeResource.
func (a *API) allow(ctx context.Context, in *allowInput) (*commonMessage, error) {
	if in.Resource != "*" && !strings.Contains(in.Resource, ":") {
		return nil, fault.Field("resource")
	}
	users, roles := in.UserIDs, in.RoleCodes
	if in.UserID != "" {
		users = append(users, in.UserID)
	}
	if in.RoleCode != "" {
		roles = append(roles, in.RoleCode)
	}
	targets, err := a.roleTargets(ctx, in.Namespace, roles)
	if err != nil {
		return nil, err
	}
	for _, id := range users {
		targets = append(targets, access.Target{Type: directory.UserTarget, ID: id})
	}
	if err := directory.CheckCount("userIds", len(targets), mostGrants); err != nil {
		return nil, err
	}
	grants := make([]access.NewGrant, len(targets))
	for i, t := range targets {
		grants[i] = access.NewGrant{Namespace: in.Namespace, Target: t, Resource: in.Resource, Actions: []string{in.Action}}
	}
	if err := a.access.Grant(ctx, caller.From(ctx).PoolID, grants); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

// mostGrants is how many targets one call may grant to.
const mostGrants = 500

// roleTargets are the roles of codes, which must all be there.
func (a *API) roleTargets(ctx context.Context, namespace string, codes []string) ([]access.Target, error) {
	if len(codes) == 0 {
		return nil, nil
	}
	roles, err := a.access.RolesByRef(ctx, caller.From(ctx).PoolID, access.RoleRefs(namespace, codes...))
	if err != nil {
		return nil, err
	}
	byCode := make(map[string]access.Target, len(roles))
	for ref, r := range roles {
		byCode[ref.Code] = access.Target{Type: directory.RoleTarget, ID: r.ID}
	}
	targets := make([]access.Target, 0, len(codes))
	for _, code := range codes {
		t, ok := byCode[code]
		if !ok {
			return nil, access.ErrRoleNotFound
		}
		targets = append(targets, t)
	}
	return targets, nil
}

type authorizeResourceInput struct {
	Namespace    string              `json:"namespace"`
	ResourceType access.ResourceType `json:"resourceType"`
	Resource     string              `json:"resource"`
	Opts         []*struct {
		TargetType       string   `json:"targetType"`
		TargetIdentifier string   `json:"targetIdentifier"`
		Actions          []string `json:"actions"`
	} `json:"opts"`
}

// authorizeResource grants actions on one resource to several targets, all or none.
func (a *API) authorizeResource(ctx context.Context, in *authorizeResourceInput) (*commonMessage, error) {
	if err := directory.CheckCount("opts", len(in.Opts), mostGrants); err != nil {
		return nil, err
	}
	grants := make([]access.NewGrant, 0, len(in.Opts))
	for _, o := range in.Opts {
		if o == nil {
			return nil, fault.Field("opts")
		}
		target, err := a.target(ctx, o.TargetType, o.TargetIdentifier, in.Namespace)
		if err != nil {
			return nil, err
		}
		grants = append(grants, access.NewGrant{Namespace: in.Namespace, Target: target, Resource: in.Resource,
			ResourceType: in.ResourceType, Actions: o.Actions})
	}
	if err := a.access.Grant(ctx, caller.From(ctx).PoolID, grants); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

// target is whom a type and an identifier name: a user by id, a group by code, a role by code in the namespace.
func (a *API) target(ctx context.Context, targetType, identifier, namespace string) (access.Target, error) {
	var targets []access.Target
	var err error
	switch targetType {
	case "USER":
		var u *directory.User
		if u, err = a.dir.User(ctx, caller.From(ctx).PoolID, directory.ByID(identifier)); err == nil {
			targets = []access.Target{{Type: directory.UserTarget, ID: u.ID}}
		}
	case "GROUP":
		targets, err = a.groupTargets(ctx, []string{identifier})
	case "ROLE":
		targets, err = a.roleTargets(ctx, namespace, []string{identifier})
	case "ORG":
		err = directory.ErrDepartmentNotFound
	default:
		err = fault.Field("targetType")
	}
	if err != nil {
		return access.Target{}, err
	}
	return targets[0], nil
}

type authorizedResourcesInput struct {
	resourcesInput
	TargetType       string `json:"targetType"`
	TargetIdentifier string `json:"targetIdentifier"`
}

// authorizedResources lists what a target may do: a user also through roles and groups, a group or a role by itself.
func (a *API) authorizedResources(ctx context.Context, in *authorizedResourcesInput) (*page[authorizedResource], error) {
	target, err := a.target(ctx, in.TargetType, in.TargetIdentifier, in.Namespace)
	if err != nil {
		return nil, err
	}
	pool := caller.From(ctx).PoolID
	if target.Type == directory.UserTarget {
		return viewResources(a.access.AuthorizedResourcesOfUser(ctx, pool, target.ID, in.filter(), directory.Page{}))
	}
	return viewResources(a.access.AuthorizedResources(ctx, pool, target, in.filter(), directory.Page{}))
}

// resourcesInput selects resources; without a namespace, of all.
type resourcesInput struct {
	Namespace    string              `json:"namespace"`
	ResourceType access.ResourceType `json:"resourceType"`
}

func (in *resourcesInput) filter() access.ResourceFilter {
	return access.ResourceFilter{Namespace: in.Namespace, Type: in.ResourceType}
}

func (a *API) userResources(ctx context.Context, u *user, in *resourcesInput) (*page[authorizedResource], error) {
	return viewResources(a.access.AuthorizedResourcesOfUser(ctx, u.UserPoolID, u.ID, in.filter(), directory.Page{}))
}

func (a *API) groupResources(ctx context.Context, g *group, in *resourcesInput) (*page[authorizedResource], error) {
	target := access.Target{Type: directory.GroupTarget, ID: g.of.ID}
	return viewResources(a.access.AuthorizedResources(ctx, g.of.PoolID, target, in.filter(), directory.Page{}))
}

// roleResources lists what a role may do in its own namespace.
func (a *API) roleResources(ctx context.Context, r *role, in *resourcesInput) (*page[authorizedResource], error) {
	target := access.Target{Type: directory.RoleTarget, ID: r.ID}
	f := in.filter()
	f.Namespace = r.Namespace
	return viewResources(a.access.AuthorizedResources(ctx, r.of.PoolID, target, f, directory.Page{}))
}
