package v2

import (
	"context"
	"strings"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// authorizedResource is the type AuthorizedResource.
type authorizedResource struct {
	Code          string   `json:"code"`
	Type          string   `json:"type"`
	Actions       []string `json:"actions"`
	APIIdentifier *string  `json:"apiIdentifier"` // of an API that is described
}

func (a *API) viewResources(ctx context.Context, list []access.AuthorizedResource, total int64, err error) (*page[authorizedResource], error) {
	if err != nil {
		return nil, err
	}
	var refs []access.ResourceRef
	for _, r := range list {
		if r.Type == access.API {
			refs = append(refs, access.ResourceRef{Namespace: r.Namespace, Code: r.Code})
		}
	}
	var described map[access.ResourceRef]access.Resource
	if len(refs) > 0 {
		if described, err = a.access.ResourcesByRef(ctx, caller.From(ctx).PoolID, refs); err != nil {
			return nil, err
		}
	}
	views := make([]authorizedResource, len(list))
	for i, r := range list {
		views[i] = authorizedResource{Code: r.Code, Type: string(r.Type), Actions: r.Actions}
		if d, ok := described[access.ResourceRef{Namespace: r.Namespace, Code: r.Code}]; ok && r.Type == access.API {
			views[i].APIIdentifier = text(&d.APIIdentifier)
		}
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
	names := append(targetNames("USER", in.UserIDs), targetNames("ROLE", in.RoleCodes)...)
	if in.UserID != "" {
		names = append(names, targetName{"USER", in.UserID})
	}
	if in.RoleCode != "" {
		names = append(names, targetName{"ROLE", in.RoleCode})
	}
	targets, err := a.needTargets(ctx, in.Namespace, names)
	if err != nil {
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

// mostGrants is how many targets one call may name, and how many grants it may make.
const mostGrants = 500

type authorizeResourceInput struct {
	Namespace    string              `json:"namespace"`
	ResourceType access.ResourceType `json:"resourceType"`
	Resource     string              `json:"resource"`
	Opts         []*struct {
		targetName
		Actions []string `json:"actions"`
	} `json:"opts"`
}

// authorizeResource grants actions on one resource to several targets, all or none.
func (a *API) authorizeResource(ctx context.Context, in *authorizeResourceInput) (*commonMessage, error) {
	names := make([]targetName, len(in.Opts))
	for i, o := range in.Opts {
		if o == nil {
			return nil, fault.Field("opts")
		}
		names[i] = o.targetName
	}
	targets, err := a.needTargets(ctx, in.Namespace, names)
	if err != nil {
		return nil, err
	}
	grants := make([]access.NewGrant, len(targets))
	for i, t := range targets {
		grants[i] = access.NewGrant{Namespace: in.Namespace, Target: t, Resource: in.Resource, ResourceType: in.ResourceType, Actions: in.Opts[i].Actions}
	}
	if err := a.access.Grant(ctx, caller.From(ctx).PoolID, grants); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type authorizedResourcesInput struct {
	resourcesInput
	targetName
}

// authorizedResources lists what a target may do: a user also through whatever they have and are in, the others by themselves.
func (a *API) authorizedResources(ctx context.Context, in *authorizedResourcesInput) (*page[authorizedResource], error) {
	targets, err := a.needTargets(ctx, in.Namespace, []targetName{in.targetName})
	if err != nil {
		return nil, err
	}
	return a.resourcesOf(ctx, targets[0], in.filter())
}

func (a *API) resourcesOf(ctx context.Context, target access.Target, f access.ResourceFilter) (*page[authorizedResource], error) {
	pool := caller.From(ctx).PoolID
	if target.Type == directory.UserTarget {
		list, total, err := a.access.AuthorizedResourcesOfUser(ctx, pool, target.ID, f, directory.Page{})
		return a.viewResources(ctx, list, total, err)
	}
	list, total, err := a.access.AuthorizedResources(ctx, pool, target, f, directory.Page{})
	return a.viewResources(ctx, list, total, err)
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
	return a.resourcesOf(ctx, access.Target{Type: directory.UserTarget, ID: u.ID}, in.filter())
}

func (a *API) groupResources(ctx context.Context, g *group, in *resourcesInput) (*page[authorizedResource], error) {
	return a.resourcesOf(ctx, access.Target{Type: directory.GroupTarget, ID: g.of.ID}, in.filter())
}

// nodeResources lists what a node was itself granted.
func (a *API) nodeResources(ctx context.Context, n *node, in *resourcesInput) (*page[authorizedResource], error) {
	return a.resourcesOf(ctx, access.Target{Type: directory.DepartmentTarget, ID: n.ID}, in.filter())
}

// roleResources lists what a role may do in its own namespace.
func (a *API) roleResources(ctx context.Context, r *role, in *resourcesInput) (*page[authorizedResource], error) {
	f := in.filter()
	f.Namespace = r.Namespace
	return a.resourcesOf(ctx, access.Target{Type: directory.RoleTarget, ID: r.ID}, f)
}
