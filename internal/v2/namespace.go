package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// namespace is the wire's Namespace. Its identifier is a number; the code is what everything else names it by.
type namespace struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Code        string  `json:"code"`
	Description *string `json:"description"`
	Status      int     `json:"status"` // 1: it is in use
	AppID       *string `json:"appId"`  // the application whose own it is
	AppName     *string `json:"appName"`
}

// viewNamespaces shows namespaces, those of applications with their applications.
func (a *API) viewNamespaces(ctx context.Context, list []access.Namespace) ([]namespace, error) {
	codes := make([]string, len(list))
	for i := range list {
		codes[i] = list[i].Code
	}
	names, err := a.signin.ApplicationNames(ctx, caller.From(ctx).PoolID, codes)
	if err != nil {
		return nil, err
	}
	views := make([]namespace, len(list))
	for i := range list {
		n := &list[i]
		views[i] = namespace{ID: n.Number, Name: n.Name, Code: n.Code, Description: text(&n.Description), Status: 1}
		if name, ok := names[n.Code]; ok {
			views[i].AppID, views[i].AppName = &n.Code, &name
		}
	}
	return views, nil
}

func (a *API) viewNamespace(ctx context.Context, n *access.Namespace, err error) (*namespace, error) {
	if err != nil {
		return nil, err
	}
	views, err := a.viewNamespaces(ctx, []access.Namespace{*n})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// poolPath is the pool in a path. Credentials say which pool is meant: another one is not there.
type poolPath struct {
	PoolID string `path:"userPoolId"`
}

func (in poolPath) pool(ctx context.Context) (string, error) {
	if pool := caller.From(ctx).PoolID; in.PoolID == pool {
		return pool, nil
	}
	return "", directory.ErrPoolNotFound
}

type namespacesInput struct {
	poolPath
	paging
}

// namespaces is a page of namespaces, which this wire counts in a field of another name.
type namespaces struct {
	Total int64       `json:"total"`
	List  []namespace `json:"list"`
}

func (a *API) listNamespaces(ctx context.Context, in *namespacesInput) (*namespaces, error) {
	pool, err := in.pool(ctx)
	if err != nil {
		return nil, err
	}
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	list, total, err := a.access.Namespaces(ctx, pool, access.NamespaceFilter{}, w)
	if err != nil {
		return nil, err
	}
	views, err := a.viewNamespaces(ctx, list)
	if err != nil {
		return nil, err
	}
	return &namespaces{total, views}, nil
}

type createNamespaceInput struct {
	poolPath
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (a *API) createNamespace(ctx context.Context, in *createNamespaceInput) (*namespace, error) {
	pool, err := in.pool(ctx)
	if err != nil {
		return nil, err
	}
	n, err := a.access.CreateNamespace(ctx, pool, access.NewNamespace{Code: in.Code, Name: in.Name, Description: in.Description})
	return a.viewNamespace(ctx, n, err)
}

type namespacePath struct {
	poolPath
	Code string `path:"code"`
}

type updateNamespaceInput struct {
	namespacePath
	Name        *string `json:"name"`
	NewCode     *string `json:"code"`
	Description *string `json:"description"`
}

func (a *API) updateNamespace(ctx context.Context, in *updateNamespaceInput) (*namespace, error) {
	pool, err := in.pool(ctx)
	if err != nil {
		return nil, err
	}
	n, err := a.access.UpdateNamespace(ctx, pool, in.Code, access.NamespacePatch{Name: in.Name, Description: in.Description, NewCode: in.NewCode})
	return a.viewNamespace(ctx, n, absent(err, errUpdateNoNamespace))
}

func (a *API) deleteNamespace(ctx context.Context, in *namespacePath) (struct{}, error) {
	pool, err := in.pool(ctx)
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, absent(a.access.DeleteNamespaces(ctx, pool, []string{in.Code}, directory.MissingFails), errDeleteNoNamespace)
}

// absent is err, or own where the namespace is not there: the wire has numbers of its own for these two.
func absent(err, own error) error {
	if e := fault.As(err); e != nil && e.Code == access.ErrNamespaceNotFound.Code {
		return own
	}
	return err
}
