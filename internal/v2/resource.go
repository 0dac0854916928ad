package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// resource is the wire's Resource.
type resource struct {
	ID            string                  `json:"id"`
	CreatedAt     string                  `json:"createdAt"`
	UpdatedAt     string                  `json:"updatedAt"`
	UserPoolID    string                  `json:"userPoolId"`
	Code          string                  `json:"code"`
	Actions       []access.ResourceAction `json:"actions"`
	Type          access.ResourceType     `json:"type"`
	Description   *string                 `json:"description"`
	NamespaceID   *int64                  `json:"namespaceId"`
	APIIdentifier *string                 `json:"apiIdentifier"`
	Namespace     string                  `json:"namespace"`
}

// viewResourceList shows resources with the numbers of their namespaces.
func (a *API) viewResourceList(ctx context.Context, list []access.Resource) ([]resource, error) {
	codes := make([]string, len(list))
	for i := range list {
		codes[i] = list[i].Namespace
	}
	namespaces, err := a.access.NamespacesByCode(ctx, caller.From(ctx).PoolID, codes)
	if err != nil {
		return nil, err
	}
	views := make([]resource, len(list))
	for i := range list {
		r := &list[i]
		views[i] = resource{ID: r.ID, CreatedAt: isoTime(r.CreatedAt), UpdatedAt: isoTime(r.UpdatedAt), UserPoolID: r.PoolID, Code: r.Code, Actions: r.Actions,
			Type: r.Type, Description: text(&r.Description), APIIdentifier: text(&r.APIIdentifier), Namespace: r.Namespace}
		if r.Actions == nil {
			views[i].Actions = []access.ResourceAction{}
		}
		if n, ok := namespaces[r.Namespace]; ok {
			views[i].NamespaceID = &n.Number
		}
	}
	return views, nil
}

func (a *API) viewResource(ctx context.Context, r *access.Resource, err error) (*resource, error) {
	if err != nil {
		return nil, err
	}
	views, err := a.viewResourceList(ctx, []access.Resource{*r})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

type listResourcesInput struct {
	paging
	Namespace string              `json:"namespace"`
	Type      access.ResourceType `json:"type"`
}

// listResources lists the resources of one namespace; without one, of the default one.
func (a *API) listResources(ctx context.Context, in *listResourcesInput) (*page[resource], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	q := access.ResourceQuery{Namespaces: []string{in.Namespace}, Type: in.Type}
	if in.Namespace == "" {
		q.Namespaces[0] = access.Default
	}
	list, total, err := a.access.Resources(ctx, caller.From(ctx).PoolID, q, w)
	if err != nil {
		return nil, err
	}
	views, err := a.viewResourceList(ctx, list)
	if err != nil {
		return nil, err
	}
	return &page[resource]{total, views}, nil
}

type resourceDetailInput struct {
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	Code      string `json:"code"`
}

// resourceDetail answers the resource of an identifier or of a code, null when there is none.
func (a *API) resourceDetail(ctx context.Context, in *resourceDetailInput) (*resource, error) {
	pool := caller.From(ctx).PoolID
	var r *access.Resource
	var err error
	switch {
	case in.ID != "":
		r, err = a.access.ResourceByID(ctx, pool, in.ID)
	case in.Code != "":
		r, err = a.access.Resource(ctx, pool, access.ResourceRef{Namespace: in.Namespace, Code: in.Code})
	default:
		err = fault.Field("code")
	}
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return a.viewResource(ctx, r, err)
}

// resourceInput is a resource to be made.
type resourceInput struct {
	Code          string                  `json:"code" rule:"required"`
	Type          access.ResourceType     `json:"type"`
	Description   string                  `json:"description"`
	Actions       []access.ResourceAction `json:"actions"`
	Namespace     string                  `json:"namespace"`
	APIIdentifier string                  `json:"apiIdentifier"`
}

func (in *resourceInput) resource() access.NewResource {
	return access.NewResource{Namespace: in.Namespace, Code: in.Code, Type: in.Type, Description: in.Description, APIIdentifier: in.APIIdentifier, Actions: in.Actions}
}

func (a *API) createResource(ctx context.Context, in *resourceInput) (*resource, error) {
	r, err := a.access.CreateResource(ctx, caller.From(ctx).PoolID, in.resource())
	return a.viewResource(ctx, r, err)
}

type createResourcesInput struct {
	Bulk []resourceInput `json:"bulk" rule:"required"`
}

// createResources makes several, all or none, and answers them in their order.
func (a *API) createResources(ctx context.Context, in *createResourcesInput) ([]resource, error) {
	list := make([]access.NewResource, len(in.Bulk))
	for i := range in.Bulk {
		list[i] = in.Bulk[i].resource()
	}
	made, err := a.access.CreateResources(ctx, caller.From(ctx).PoolID, list)
	if err != nil {
		return nil, err
	}
	return a.viewResourceList(ctx, made)
}

type updateResourceInput struct {
	Code          string                  `path:"code"`
	Type          *access.ResourceType    `json:"type"`
	Description   *string                 `json:"description"`
	Actions       []access.ResourceAction `json:"actions"`
	Namespace     string                  `json:"namespace"`
	APIIdentifier *string                 `json:"apiIdentifier"`
}

// updateResource changes what is given; actions take the place of all.
func (a *API) updateResource(ctx context.Context, in *updateResourceInput) (*resource, error) {
	r, err := a.access.UpdateResource(ctx, caller.From(ctx).PoolID, access.ResourceRef{Namespace: in.Namespace, Code: in.Code},
		access.ResourcePatch{Type: in.Type, Description: in.Description, Actions: in.Actions, APIIdentifier: in.APIIdentifier})
	return a.viewResource(ctx, r, err)
}

type deleteResourceInput struct {
	Code      string `path:"code"`
	Namespace string `json:"namespace"`
}

// deleteResource removes one resource: an unknown one is an error on this wire.
func (a *API) deleteResource(ctx context.Context, in *deleteResourceInput) (struct{}, error) {
	pool := caller.From(ctx).PoolID
	if _, err := a.access.Resource(ctx, pool, access.ResourceRef{Namespace: in.Namespace, Code: in.Code}); err != nil {
		return struct{}{}, err
	}
	return struct{}{}, a.access.DeleteResources(ctx, pool, in.Namespace, []string{in.Code})
}
