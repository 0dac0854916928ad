package v3

import (
	"context"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
)

// resourceOperations are those of resources, of their namespaces and of what is granted on them.
func (a *API) resourceOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Post("/api/v3/create-resource", "createResource", key, a.createResource),
		op.Post("/api/v3/create-resources-batch", "createResourcesBatch", key, a.createResourcesBatch),
		op.Get("/api/v3/get-resource", "getResource", key, a.getResource),
		op.Get("/api/v3/get-resources-batch", "getResourcesBatch", key, a.getResourcesBatch),
		op.Get("/api/v3/list-common-resource", "listCommonResource", key, a.listCommonResource),
		op.Get("/api/v3/list-resources", "listResources", key, a.listResources),
		op.Post("/api/v3/update-resource", "updateResource", key, a.updateResource),
		op.Post("/api/v3/delete-resource", "deleteResource", key, a.deleteResource),
		op.Post("/api/v3/delete-resources-batch", "deleteResourcesBatch", key, a.deleteResourcesBatch),
		op.Post("/api/v3/delete-common-resources-batch", "batchDeleteCommonResource", key, a.deleteCommonResources),
		op.Post("/api/v3/associate-tenant-resource", "associateTenantResource", key, a.associateTenantResource),
		op.Post("/api/v3/create-namespace", "createNamespace", key, a.createNamespace),
		op.Post("/api/v3/create-namespaces-batch", "createNamespacesBatch", key, a.createNamespacesBatch),
		op.Get("/api/v3/get-namespace", "getNamespace", key, a.getNamespace),
		op.Get("/api/v3/get-namespaces-batch", "getNamespacesBatch", key, a.getNamespacesBatch),
		op.Post("/api/v3/update-namespace", "updateNamespace", key, a.updateNamespace),
		op.Post("/api/v3/delete-namespace", "deleteNamespace", key, a.deleteNamespace),
		op.Post("/api/v3/delete-namespaces-batch", "deleteNamespacesBatch", key, a.deleteNamespacesBatch),
		op.Get("/api/v3/list-namespaces", "listNamespaces", key, a.listNamespaces),
		op.Get("/api/v3/list-namespace-roles", "listNamespaceRoles", key, a.listNamespaceRoles),
		op.Post("/api/v3/authorize-resources", "authorizeResources", key, a.authorizeResources),
		op.Get("/api/v3/get-authorized-resources", "getAuthorizedResources", key, a.getAuthorizedResources).Costs(op.List),
		op.Query("/api/v3/is-action-allowed", "isActionAllowed", key, a.isActionAllowed),
		op.Query("/api/v3/get-resource-authorized-targets", "getResourceAuthorizedTargets", key, a.getResourceAuthorizedTargets).Costs(op.List),
	}
}

type resourceActionDTO struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// resourceDTO is ResourceDto.
type resourceDTO struct {
	Code           string              `json:"code"`
	Name           string              `json:"name"`
	Description    string              `json:"description"`
	Type           string              `json:"type"`
	Actions        []resourceActionDTO `json:"actions"`
	APIIdentifier  string              `json:"apiIdentifier"`
	Namespace      string              `json:"namespace"`
	LinkedToTenant bool                `json:"linkedToTenant"`
}

func viewResource(r *access.Resource) *resourceDTO {
	actions := make([]resourceActionDTO, len(r.Actions))
	for i, action := range r.Actions {
		actions[i] = resourceActionDTO(action)
	}
	return &resourceDTO{r.Code, r.Name, r.Description, string(r.Type), actions, r.APIIdentifier, r.Namespace, r.LinkedToTenant}
}

// shownResource is what an operation on one resource answers.
func shownResource(r *access.Resource, err error) (*resourceDTO, error) {
	if err != nil {
		return nil, err
	}
	return viewResource(r), nil
}

func resourceRef(namespace, code *string) access.ResourceRef {
	return access.ResourceRef{Namespace: value(namespace), Code: value(code)}
}

// resourceActions are nil where the request has none: an empty list is one.
func resourceActions(list []ResourceAction) []access.ResourceAction {
	if list == nil {
		return nil
	}
	out := make([]access.ResourceAction, len(list))
	for i, action := range list {
		out[i] = access.ResourceAction{Name: action.Name, Description: value(action.Description)}
	}
	return out
}

func (a *API) createResource(ctx context.Context, in *CreateResourceDto) (*resourceDTO, error) {
	return shownResource(a.Access.CreateResource(ctx, poolOf(ctx), access.NewResource{Namespace: value(in.Namespace), Code: value(in.Code),
		Type: access.ResourceType(in.Type), Name: value(in.Name), Description: value(in.Description), APIIdentifier: value(in.APIIdentifier),
		Actions: resourceActions(in.Actions)}))
}

func (a *API) createResourcesBatch(ctx context.Context, in *CreateResourcesBatchDto) (success, error) {
	list := make([]access.NewResource, len(in.List))
	for i, r := range in.List {
		list[i] = access.NewResource{Namespace: value(in.Namespace), Code: value(r.Code), Type: access.ResourceType(r.Type), Name: value(r.Name),
			Description: value(r.Description), APIIdentifier: value(r.APIIdentifier), Actions: resourceActions(r.Actions)}
	}
	_, err := a.Access.CreateResources(ctx, poolOf(ctx), list)
	return succeeded(err)
}

func (a *API) getResource(ctx context.Context, in *GetResourceParams) (*resourceDTO, error) {
	return shownResource(a.Access.Resource(ctx, poolOf(ctx), resourceRef(in.Namespace, in.Code)))
}

func (a *API) getResourcesBatch(ctx context.Context, in *GetResourcesBatchParams) ([]*resourceDTO, error) {
	found, err := a.Access.ResourcesOf(ctx, poolOf(ctx), value(in.Namespace), in.CodeList)
	return viewResourceList(found), err
}

func viewResourceList(found []access.Resource) []*resourceDTO {
	list := make([]*resourceDTO, len(found))
	for i := range found {
		list[i] = viewResource(&found[i])
	}
	return list
}

func (a *API) listResources(ctx context.Context, in *ListResourcesParams) (*Page[*resourceDTO], error) {
	q := access.ResourceQuery{Namespaces: []string{access.Default}, Type: access.ResourceType(value(in.Type))}
	if in.Namespace != nil && *in.Namespace != "" {
		q.Namespaces = []string{*in.Namespace}
	}
	found, total, err := a.Access.Resources(ctx, poolOf(ctx), q, pageOf(in.Page, in.Limit))
	return &Page[*resourceDTO]{total, viewResourceList(found)}, err
}

// commonResourceDTO is CommonResourceDto: a resource of whatever namespace.
type commonResourceDTO struct {
	resourceDTO
	ID            string `json:"id"`
	NamespaceID   int64  `json:"namespaceId"`
	NamespaceName string `json:"namespaceName"`
	UserPoolID    string `json:"userPoolId"`
	CreatedAt     moment `json:"createdAt"`
	UpdatedAt     moment `json:"updatedAt"`
}

func (a *API) listCommonResource(ctx context.Context, in *ListCommonResourceParams) (*Page[commonResourceDTO], error) {
	q := access.ResourceQuery{Keywords: value(in.Keyword)}
	for _, codes := range in.NamespaceCodeList { // a list, or one text with commas
		for code := range strings.SplitSeq(codes, ",") {
			if code != "" {
				q.Namespaces = append(q.Namespaces, code)
			}
		}
	}
	found, total, err := a.Access.Resources(ctx, poolOf(ctx), q, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	codes := make([]string, len(found))
	for i, r := range found {
		codes[i] = r.Namespace
	}
	namespaces, err := a.Access.NamespacesByCode(ctx, poolOf(ctx), directory.Findable(codes))
	list := make([]commonResourceDTO, len(found))
	for i := range found {
		r := &found[i]
		n := namespaces[r.Namespace]
		list[i] = commonResourceDTO{*viewResource(r), r.ID, n.Number, n.Name, r.PoolID, moment(r.CreatedAt), moment(r.UpdatedAt)}
	}
	return &Page[commonResourceDTO]{total, list}, err
}

func (a *API) updateResource(ctx context.Context, in *UpdateResourceDto) (*resourceDTO, error) {
	return shownResource(a.Access.UpdateResource(ctx, poolOf(ctx), resourceRef(in.Namespace, in.Code), access.ResourcePatch{Name: in.Name,
		Description: in.Description, APIIdentifier: in.APIIdentifier, Type: (*access.ResourceType)(in.Type), Actions: resourceActions(in.Actions)}))
}

// deleteResource passes over a resource that is not there, but not over a code that is too long for one.
func (a *API) deleteResource(ctx context.Context, in *DeleteResourceDto) (success, error) {
	code := value(in.Code)
	if err := directory.CheckText("code", code, directory.MaxCode); err != nil {
		return success{}, err
	}
	return succeeded(a.Access.DeleteResources(ctx, poolOf(ctx), value(in.Namespace), []string{code}))
}

// deleteResourcesBatch takes codes of a namespace, identifiers, or both.
func (a *API) deleteResourcesBatch(ctx context.Context, in *DeleteResourcesBatchDto) (success, error) {
	if len(in.CodeList) > 0 || len(in.IDs) == 0 {
		if err := a.Access.DeleteResources(ctx, poolOf(ctx), value(in.Namespace), in.CodeList); err != nil || len(in.IDs) == 0 {
			return succeeded(err)
		}
	}
	return succeeded(a.Access.DeleteResourcesByID(ctx, poolOf(ctx), in.IDs))
}

func (a *API) deleteCommonResources(ctx context.Context, in *DeleteCommonResourcesBatchDto) (success, error) {
	return succeeded(a.Access.DeleteResourcesByID(ctx, poolOf(ctx), in.IDs))
}

// associateTenantResource says whether a resource of an application is one of its tenants' too. No tenant can be named: there are none.
func (a *API) associateTenantResource(ctx context.Context, in *AssociateTenantResourceDto) (success, error) {
	if value(in.TenantID) != "" {
		return success{}, fault.New(fault.NotFound, "tenant_not_found")
	}
	if _, err := a.Access.AppStrategy(ctx, poolOf(ctx), in.AppID); err != nil {
		return success{}, err
	}
	_, err := a.Access.UpdateResource(ctx, poolOf(ctx), access.ResourceRef{Namespace: in.AppID, Code: in.Code}, access.ResourcePatch{LinkedToTenant: &in.Association})
	return succeeded(err)
}

// targetsNamed are the targets that the wire names: users and departments by identifier, groups by code, roles by their code in a
// namespace.
func (a *API) targetsNamed(ctx context.Context, namespace string, t directory.TargetType, names []string) ([]access.Target, error) {
	targets := make([]access.Target, len(names))
	for i, name := range names {
		targets[i] = access.Target{Type: t, ID: name}
	}
	switch t {
	case directory.GroupTarget:
		groups, err := a.Directory.GroupsByCode(ctx, poolOf(ctx), names)
		if err != nil {
			return nil, err
		}
		for i, name := range names {
			g, ok := groups[name]
			if !ok {
				return nil, directory.ErrGroupNotFound
			}
			targets[i].ID = g.ID
		}
	case directory.RoleTarget:
		roles, err := a.Access.RolesByRef(ctx, poolOf(ctx), access.RoleRefs(namespace, names...))
		if err != nil {
			return nil, err
		}
		if namespace == "" {
			namespace = access.Default
		}
		for i, name := range names {
			r, ok := roles[access.RoleRef{Namespace: namespace, Code: name}]
			if !ok {
				return nil, access.ErrRoleNotFound
			}
			targets[i].ID = r.ID
		}
	}
	return targets, nil
}

// authorizeResources is the one operation that does not take a missing namespace for the default one.
func (a *API) authorizeResources(ctx context.Context, in *AuthorizeResourcesDto) (success, error) {
	namespace := value(in.Namespace)
	if _, err := a.Access.Namespace(ctx, poolOf(ctx), namespace); err != nil {
		return success{}, err
	}
	var list []access.NewGrant
	for _, item := range in.List {
		targets, err := a.targetsNamed(ctx, namespace, directory.TargetType(item.TargetType), item.TargetIdentifiers)
		if err != nil {
			return success{}, err
		}
		for _, t := range targets {
			for _, r := range item.Resources {
				list = append(list, access.NewGrant{Namespace: namespace, Target: t, Resource: r.Code,
					ResourceType: access.ResourceType(r.ResourceType), Actions: r.Actions})
			}
		}
	}
	return succeeded(a.Access.Grant(ctx, poolOf(ctx), list))
}

func (a *API) getAuthorizedResources(ctx context.Context, in *GetAuthorizedResourcesParams) (*Page[authorizedResourceDTO], error) {
	q := access.HeldQuery{Namespace: value(in.Namespace), Type: access.ResourceType(value(in.ResourceType)), Resources: in.ResourceList, Denied: in.WithDenied}
	var err error
	if q.Target, err = a.targetNamed(ctx, q.Namespace, directory.TargetType(in.TargetType), value(in.TargetIdentifier)); err != nil {
		return nil, err
	}
	return a.heldResources(ctx, q)
}

// targetNamed is one target, which must be there. An unknown group is worded otherwise than all else does.
func (a *API) targetNamed(ctx context.Context, namespace string, t directory.TargetType, name string) (access.Target, error) {
	target := access.Target{Type: t, ID: name}
	var err error
	switch t {
	case directory.UserTarget:
		_, err = a.user(ctx, "user_id", name)
	case directory.DepartmentTarget:
		var found map[string]directory.Department
		if found, err = a.Directory.DepartmentsByID(ctx, poolOf(ctx), directory.Findable([]string{name})); err == nil && len(found) == 0 {
			err = directory.ErrDepartmentNotFound
		}
	case directory.GroupTarget:
		var found map[string]directory.Group
		found, err = a.Directory.GroupsByCode(ctx, poolOf(ctx), []string{name})
		if g, ok := found[name]; ok {
			target.ID = g.ID
		} else if err == nil {
			err = fault.New(fault.NotFound, "group_unknown", name)
		}
	case directory.RoleTarget:
		var r *access.Role
		if r, err = a.Access.Role(ctx, poolOf(ctx), access.RoleRef{Namespace: namespace, Code: name}); err == nil {
			target.ID = r.ID
		}
	}
	return target, err
}

// heldResources is what a target may do, and may not where that is asked for, with what is described of the resources.
func (a *API) heldResources(ctx context.Context, q access.HeldQuery) (*Page[authorizedResourceDTO], error) {
	held, err := a.Access.HeldResources(ctx, poolOf(ctx), q)
	if err != nil {
		return nil, err
	}
	resources := make([]access.AuthorizedResource, len(held))
	for i, r := range held {
		resources[i] = r.AuthorizedResource
	}
	list, err := a.describedResources(ctx, resources)
	for i := range list {
		list[i].Effect = string(held[i].Effect)
	}
	return &Page[authorizedResourceDTO]{int64(len(list)), list}, err
}

// describedResources shows what may be done with resources, and what is described of them.
func (a *API) describedResources(ctx context.Context, resources []access.AuthorizedResource) ([]authorizedResourceDTO, error) {
	list := viewResources(resources)
	if len(list) == 0 {
		return list, nil
	}
	refs := make([]access.ResourceRef, len(resources))
	for i, r := range resources {
		refs[i] = access.ResourceRef{Namespace: r.Namespace, Code: r.Code}
	}
	at := 0
	for some := range slices.Chunk(refs, 5000) {
		described, err := a.Access.ResourcesByRef(ctx, poolOf(ctx), some)
		if err != nil {
			return nil, err
		}
		for _, ref := range some {
			r := described[ref]
			list[at].Description, list[at].APIIdentifier = r.Description, r.APIIdentifier
			at++
		}
	}
	return list, nil
}

type allowedDTO struct {
	Allowed bool `json:"allowed"`
}

func (a *API) isActionAllowed(ctx context.Context, in *IsActionAllowedDto) (allowedDTO, error) {
	allowed, err := a.Access.Decide(ctx, poolOf(ctx), access.Question{UserID: in.UserID, Namespace: value(in.Namespace), Resource: in.Resource, Action: in.Action})
	return allowedDTO{allowed}, err
}

// resourceTargetDTO is ResourceAuthorizedTargetDto: identifiers are those that a grant takes.
type resourceTargetDTO struct {
	TargetType       string   `json:"targetType"`
	TargetIdentifier string   `json:"targetIdentifier"`
	Actions          []string `json:"actions"`
}

func (a *API) getResourceAuthorizedTargets(ctx context.Context, in *GetResourceAuthorizedTargetsDto) (*Page[resourceTargetDTO], error) {
	found, total, err := a.Access.AuthorizedTargets(ctx, poolOf(ctx), access.TargetQuestion{Namespace: value(in.Namespace), Resource: in.Resource,
		TargetType: directory.TargetType(value(in.TargetType)), Page: pageOf(in.Page, in.Limit)})
	if err != nil {
		return nil, err
	}
	targets := make([]access.Target, len(found))
	for i, t := range found {
		targets[i] = t.Target
	}
	names, err := a.namesOfTargets(ctx, targets)
	list := make([]resourceTargetDTO, len(found))
	for i, t := range found {
		list[i] = resourceTargetDTO{string(t.Type), names[t.Target], t.Actions}
	}
	return &Page[resourceTargetDTO]{total, list}, err
}

// namesOfTargets are what the wire names targets by: codes of groups and roles, identifiers of the rest.
func (a *API) namesOfTargets(ctx context.Context, targets []access.Target) (map[access.Target]string, error) {
	names := make(map[access.Target]string, len(targets))
	var groupIDs, roleIDs []string
	for _, t := range targets {
		names[t] = t.ID
		switch t.Type {
		case directory.GroupTarget:
			groupIDs = append(groupIDs, t.ID)
		case directory.RoleTarget:
			roleIDs = append(roleIDs, t.ID)
		}
	}
	if len(groupIDs) > 0 {
		groups, err := a.Directory.GroupsByID(ctx, poolOf(ctx), groupIDs)
		if err != nil {
			return nil, err
		}
		for id, g := range groups {
			names[access.Target{Type: directory.GroupTarget, ID: id}] = g.Code
		}
	}
	if len(roleIDs) > 0 {
		roles, err := a.Access.RolesByID(ctx, poolOf(ctx), roleIDs)
		if err != nil {
			return nil, err
		}
		for id, r := range roles {
			names[access.Target{Type: directory.RoleTarget, ID: id}] = r.Code
		}
	}
	return names, nil
}
