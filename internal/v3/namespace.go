package v3

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// namespaceDTO is NamespaceDto.
type namespaceDTO struct {
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func viewNamespace(n *access.Namespace) *namespaceDTO {
	return &namespaceDTO{n.Code, n.Name, n.Description}
}

func (a *API) createNamespace(ctx context.Context, in *CreateNamespaceDto) (*namespaceDTO, error) {
	n, err := a.Access.CreateNamespace(ctx, poolOf(ctx), access.NewNamespace{Code: in.Code, Name: value(in.Name), Description: value(in.Description)})
	if err != nil {
		return nil, err
	}
	return viewNamespace(n), nil
}

func (a *API) createNamespacesBatch(ctx context.Context, in *CreateNamespacesBatchDto) (success, error) {
	list := make([]access.NewNamespace, len(in.List))
	for i, n := range in.List {
		list[i] = access.NewNamespace{Code: value(n.Code), Name: value(n.Name), Description: value(n.Description)}
	}
	_, err := a.Access.CreateNamespaces(ctx, poolOf(ctx), list)
	return succeeded(err)
}

// getNamespace words an unknown namespace otherwise than all else does.
func (a *API) getNamespace(ctx context.Context, in *GetNamespaceParams) (*namespaceDTO, error) {
	if err := directory.CheckText("code", in.Code, directory.MaxCode); err != nil {
		return nil, err
	}
	n, err := a.Access.Namespace(ctx, poolOf(ctx), in.Code)
	if errors.Is(err, access.ErrNamespaceNotFound) {
		err = fault.New(fault.NotFound, "namespace_unknown")
	}
	if err != nil {
		return nil, err
	}
	return viewNamespace(n), nil
}

func (a *API) getNamespacesBatch(ctx context.Context, in *GetNamespacesBatchParams) ([]*namespaceDTO, error) {
	found, err := a.Access.NamespacesByCode(ctx, poolOf(ctx), in.CodeList)
	list := make([]*namespaceDTO, 0, len(found))
	for _, code := range directory.Findable(in.CodeList) {
		if n, ok := found[code]; ok {
			list = append(list, viewNamespace(&n))
		}
	}
	return list, err
}

// listedNamespaceDTO is NamespacesListRespDto.
type listedNamespaceDTO struct {
	namespaceDTO
	Status int `json:"status"` // 1: none can be shut
}

func (a *API) listNamespaces(ctx context.Context, in *ListNamespacesParams) (*Page[listedNamespaceDTO], error) {
	found, total, err := a.Access.Namespaces(ctx, poolOf(ctx), access.NamespaceFilter{Keywords: value(in.Keywords)}, pageOf(in.Page, in.Limit))
	list := make([]listedNamespaceDTO, len(found))
	for i := range found {
		list[i] = listedNamespaceDTO{*viewNamespace(&found[i]), 1}
	}
	return &Page[listedNamespaceDTO]{total, list}, err
}

// updateNamespace answers the namespace as it then is: with the new code.
func (a *API) updateNamespace(ctx context.Context, in *UpdateNamespaceDto) (*namespaceDTO, error) {
	n, err := a.Access.UpdateNamespace(ctx, poolOf(ctx), in.Code, access.NamespacePatch{Name: in.Name, Description: in.Description, NewCode: in.NewCode})
	if err != nil {
		return nil, err
	}
	return viewNamespace(n), nil
}

func (a *API) deleteNamespace(ctx context.Context, in *DeleteNamespaceDto) (success, error) {
	if err := directory.CheckText("code", in.Code, directory.MaxCode); err != nil {
		return success{}, err
	}
	return succeeded(a.Access.DeleteNamespaces(ctx, poolOf(ctx), []string{in.Code}, directory.MissingFails))
}

// deleteNamespacesBatch passes over unknown ones.
func (a *API) deleteNamespacesBatch(ctx context.Context, in *DeleteNamespacesBatchDto) (success, error) {
	return succeeded(a.Access.DeleteNamespaces(ctx, poolOf(ctx), in.CodeList, directory.MissingOK))
}

// namespaceRoleDTO is NamespaceRolesListRespDto, of which the wire has a page.
type namespaceRoleDTO struct {
	ID          string `json:"id"`
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Namespace   string `json:"namespace"`
	UpdatedAt   moment `json:"updatedAt"`
}

func (a *API) listNamespaceRoles(ctx context.Context, in *ListNamespaceRolesParams) (*Page[namespaceRoleDTO], error) {
	roles, total, err := a.Access.Roles(ctx, poolOf(ctx), access.RoleFilter{Namespace: in.Code, Keywords: value(in.Keywords)}, pageOf(in.Page, in.Limit))
	list := make([]namespaceRoleDTO, len(roles))
	for i, r := range roles {
		list[i] = namespaceRoleDTO{r.ID, r.Code, r.Name, r.Description, r.Namespace, moment(r.UpdatedAt)}
	}
	return &Page[namespaceRoleDTO]{total, list}, err
}
