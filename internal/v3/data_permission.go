package v3

import (
	"context"
	"maps"
	"slices"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
)

// dataPermissionOperations are the contract's domain "data-permission".
func (a *API) dataPermissionOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		// namespaces
		op.Post("/api/v3/create-permission-namespace", "createPermissionNamespace", key, data(a.createPermissionNamespace)),
		op.Post("/api/v3/create-permission-namespaces-batch", "createPermissionNamespacesBatch", key, data(a.createPermissionNamespacesBatch)),
		op.Get("/api/v3/get-permission-namespace", "getPermissionNamespace", key, data(a.getPermissionNamespace)),
		op.Get("/api/v3/get-permission-namespaces-batch", "getPermissionNamespacesBatch", key, data(a.getPermissionNamespacesBatch)),
		op.Get("/api/v3/list-permission-namespaces", "listPermissionNamespaces", key, data(a.listPermissionNamespaces)),
		op.Post("/api/v3/update-permission-namespace", "updatePermissionNamespace", key, data(a.updatePermissionNamespace)),
		op.Post("/api/v3/delete-permission-namespace", "deletePermissionNamespace", key, data(a.deletePermissionNamespace)),
		op.Post("/api/v3/delete-permission-namespaces-batch", "deletePermissionNamespacesBatch", key, data(a.deletePermissionNamespacesBatch)),
		op.Query("/api/v3/check-permission-namespace-exists", "checkPermissionNamespaceExists", key, data(a.checkPermissionNamespaceExists)),
		op.Get("/api/v3/list-permission-namespace-roles", "listPermissionNamespaceRoles", key, data(a.listPermissionNamespaceRoles)),

		// resources
		op.Post("/api/v3/create-data-resource", "createDataResource", key, data(a.createDataResource)),
		op.Post("/api/v3/create-string-data-resource", "createDataResourceByString", key, data(a.createDataResourceByString)),
		op.Post("/api/v3/create-array-data-resource", "createDataResourceByArray", key, data(a.createDataResourceByArray)),
		op.Post("/api/v3/create-tree-data-resource", "createDataResourceByTree", key, data(a.createDataResourceByTree)),
		op.Get("/api/v3/list-data-resources", "listDataResources", key, data(a.listDataResources)),
		op.Get("/api/v3/get-data-resource", "getDataResource", key, data(a.getDataResource)),
		op.Post("/api/v3/update-data-resource", "updateDataResource", key, data(a.updateDataResource)),
		op.Post("/api/v3/delete-data-resource", "deleteDataResource", key, data(a.deleteDataResource)),
		op.Get("/api/v3/check-data-resource-exists", "checkDataResourceExists", key, data(a.checkDataResourceExists)),
		op.Post("/api/v3/create-dnef", "createDnef", key, data(a.createDataField)),
		op.Post("/api/v3/batch-create-dnef", "batchCreateDnef", key, data(a.createDataFields)),
		op.Post("/api/v3/delete-dnef", "deleteDnef", key, data(a.deleteDataField)),
		op.Post("/api/v3/update-dnef", "updateDnef", key, data(a.updateDataField)),
		op.Get("/api/v3/list-dnef", "listDnef", key, data(a.listDataFields)),

		// policies
		op.Post("/api/v3/create-data-policy", "createDataPolicy", key, data(a.createDataPolicy)),
		op.Get("/api/v3/list-data-policies", "listDataPolices", key, data(a.listDataPolicies)),
		op.Get("/api/v3/list-simple-data-policies", "listSimpleDataPolices", key, data(a.listSimpleDataPolicies)),
		op.Get("/api/v3/get-data-policy", "getDataPolicy", key, data(a.getDataPolicy)),
		op.Post("/api/v3/update-data-policy", "updateDataPolicy", key, data(a.updateDataPolicy)),
		op.Post("/api/v3/delete-data-policy", "deleteDataPolicy", key, data(a.deleteDataPolicy)),
		op.Get("/api/v3/check-data-policy-exists", "checkDataPolicyExists", key, data(a.checkDataPolicyExists)),
		op.Get("/api/v3/list-data-policy-targets", "listDataPolicyTargets", key, data(a.listDataPolicyTargets)),
		op.Post("/api/v3/authorize-data-policies", "authorizeDataPolicies", key, data(a.authorizeDataPolicies)),
		op.Post("/api/v3/revoke-data-policy", "revokeDataPolicy", key, data(a.revokeDataPolicy)),

		// questions
		op.Query("/api/v3/get-user-permission-list", "getUserPermissionList", key, data(a.getUserPermissionList)).Costs(op.List),
		op.Query("/api/v3/check-permission", "checkPermission", key, data(a.checkPermission)),
		op.Query("/api/v3/check-external-user-permission", "checkExternalUserPermission", key, data(a.checkExternalUserPermission)),
		op.Query("/api/v3/get-user-resource-permission-list", "getUserResourcePermissionList", key, data(a.getUserResourcePermissionList)),
		op.Query("/api/v3/list-resource-targets", "listResourceTargets", key, data(a.listResourceTargets)),
		op.Query("/api/v3/get-user-resource-struct", "getUserResourceStruct", key, data(a.getUserResourceStruct)),
		op.Query("/api/v3/get-external-user-resource-struct", "getExternalUserResourceStruct", key, data(a.getExternalUserResourceStruct)),
		op.Query("/api/v3/check-user-same-level-permission", "checkUserSameLevelPermission", key, data(a.checkUserSameLevelPermission)),
		op.Query("/api/v3/list-permission-view/data", "listPermissionView", key, data(a.listPermissionView)).Costs(op.List),
	}
}

// data tells the refusals of the domain from those of the request's form, which this part of the wire words in its own way, and a
// namespace from a group of permissions.
func data[In, Out any](f func(ctx context.Context, in *In) (Out, error)) func(ctx context.Context, in *In) (Out, error) {
	return func(ctx context.Context, in *In) (Out, error) {
		out, err := f(ctx, in)
		if e := fault.As(err); e != nil {
			if code, ok := dataCodes[e.Code]; ok {
				told := *e
				told.Code = code
				return out, &told
			}
		}
		return out, err
	}
}

var dataCodes = map[string]string{"field_format": "data_format", "namespace_not_found": "data_namespace_not_found"}

// dataMessage words what package op says of a request to an operation of data permission, as the checks of the vendor do.
func dataMessage(e *fault.Error, operation string) (message, bool) {
	if !dataOperations[operation] || len(e.Args) == 0 {
		return message{}, false
	}
	field := e.Args[0]
	both := func(text string) (message, bool) { return message{0, text, text}, true }
	const empty, few = "%s should not be empty", "%s must contain at least 1 elements"
	switch e.Code {
	case "field_format":
		switch {
		case operation == "listPermissionNamespaceRoles" && field == "code":
			return both(empty + ",code must be longer than or equal to 1 characters")
		case dataTexts[field]:
			return both(empty)
		}
	case "field_max":
		if field == "limit" || field == "maxSize" {
			return both("%s must not be greater than %s")
		}
	case "list_min":
		switch {
		case field == "resources" || field == "struct" && operation == "createDataResourceByArray":
			return both(few + "," + field + " should not be empty")
		case field == "actions" || field == "targetList" || field == "userIds":
			return both(empty)
		}
		return both(few)
	}
	return message{}, false
}

// dataTexts are the arguments that must not be empty.
var dataTexts = map[string]bool{"code": true, "name": true, "namespaceCode": true, "resourceCode": true, "resourceName": true, "struct": true,
	"actions": true, "action": true, "userId": true, "externalId": true, "resource": true, "resources": true, "userIds": true, "policyId": true,
	"policyName": true, "targetIdentifier": true, "policyIds": true, "targetList": true, "statementList": true, "key": true, "label": true, "list": true,
	"codes": true, "fieldList": true}

// dataOperations are the names of data permission alone: both clients have a getAuthorizedResources, of which one lists what else there is.
var dataOperations = func() map[string]bool {
	names := make(map[string]bool)
	for _, o := range operations {
		if o.Domain == "data-permission" || o.Domain == "permission" && o.Name != "getAuthorizedResources" {
			names[o.Name] = true
		}
	}
	return names
}()

// permissionNamespaceDTO is a namespace as this part of the wire shows one.
type permissionNamespaceDTO struct {
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func viewPermissionNamespace(n *access.Namespace) *permissionNamespaceDTO {
	return &permissionNamespaceDTO{n.Code, n.Name, n.Description}
}

// namespaceFault words the refusals that this part of the wire tells apart by operation.
func namespaceFault(err error, reserved *fault.Error, code string) error {
	switch e := fault.As(err); {
	case e == nil:
		return err
	case e.Is(access.ErrNamespaceReserved):
		return reserved
	case e.Is(access.ErrNamespaceCodeTaken):
		return fault.New(fault.Conflict, "data_namespace_taken", code)
	}
	return err
}

var (
	reservedNamespace   = fault.New(fault.Forbidden, "data_namespace_reserved")
	reservedNamespaces  = fault.New(fault.Conflict, "data_namespaces_reserved")
	errNamespaceGone    = fault.New(fault.NotFound, "data_namespace_unknown")
	errNamespaceMissing = fault.New(fault.NotFound, "data_namespaces_unknown")
)

func (a *API) createPermissionNamespace(ctx context.Context, in *CreatePermissionNamespaceDto) (*permissionNamespaceDTO, error) {
	n, err := a.Access.CreateNamespace(ctx, poolOf(ctx), access.NewNamespace{Code: in.Code, Name: in.Name, Description: value(in.Description)})
	if err != nil {
		return nil, namespaceFault(err, reservedNamespace, in.Code)
	}
	return viewPermissionNamespace(n), nil
}

func (a *API) createPermissionNamespacesBatch(ctx context.Context, in *CreatePermissionNamespacesBatchDto) (success, error) {
	list := make([]access.NewNamespace, len(in.List))
	codes := make([]string, len(in.List))
	for i, n := range in.List {
		list[i], codes[i] = access.NewNamespace{Code: n.Code, Name: n.Name, Description: value(n.Description)}, n.Code
	}
	_, err := a.Access.CreateNamespaces(ctx, poolOf(ctx), list)
	if e := fault.As(err); e != nil && e.Is(access.ErrNamespaceCodeTaken) {
		if there, lookup := a.Access.NamespacesByCode(ctx, poolOf(ctx), codes); lookup == nil && len(there) > 0 {
			return success{}, namespaceFault(err, reservedNamespaces, slices.Sorted(maps.Keys(there))[0])
		}
	}
	return succeeded(namespaceFault(err, reservedNamespaces, codes[0]))
}

func (a *API) getPermissionNamespace(ctx context.Context, in *GetPermissionNamespaceParams) (*permissionNamespaceDTO, error) {
	n, err := a.Access.Namespace(ctx, poolOf(ctx), in.Code)
	if err != nil {
		return nil, err
	}
	return viewPermissionNamespace(n), nil
}

func (a *API) getPermissionNamespacesBatch(ctx context.Context, in *GetPermissionNamespacesBatchParams) ([]*permissionNamespaceDTO, error) {
	found, err := a.Access.NamespacesByCode(ctx, poolOf(ctx), in.Codes)
	if err != nil {
		return nil, err
	}
	list := make([]*permissionNamespaceDTO, len(in.Codes))
	for i, code := range in.Codes {
		n, ok := found[code]
		if !ok {
			return nil, errNamespaceMissing
		}
		list[i] = viewPermissionNamespace(&n)
	}
	return list, nil
}

func (a *API) listPermissionNamespaces(ctx context.Context, in *ListPermissionNamespacesParams) (*Page[*permissionNamespaceDTO], error) {
	found, total, err := a.Access.Namespaces(ctx, poolOf(ctx), access.NamespaceFilter{Keywords: value(in.Query)}, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]*permissionNamespaceDTO, len(found))
	for i := range found {
		list[i] = viewPermissionNamespace(&found[i])
	}
	return &Page[*permissionNamespaceDTO]{total, list}, nil
}

// updatePermissionNamespace looks at the new code first: where that is taken, it does not matter whether there is something to change.
func (a *API) updatePermissionNamespace(ctx context.Context, in *UpdatePermissionNamespaceDto) (*permissionNamespaceDTO, error) {
	if to := value(in.NewCode); to != "" && to != in.Code {
		if there, err := a.Access.NamespacesByCode(ctx, poolOf(ctx), []string{to}); err != nil || len(there) > 0 {
			if err == nil {
				err = namespaceFault(access.ErrNamespaceCodeTaken, reservedNamespace, to)
			}
			return nil, err
		}
	}
	n, err := a.Access.UpdateNamespace(ctx, poolOf(ctx), in.Code, access.NamespacePatch{Name: in.Name, Description: in.Description, NewCode: in.NewCode})
	if err != nil {
		return nil, namespaceFault(err, reservedNamespace, value(in.NewCode))
	}
	return viewPermissionNamespace(n), nil
}

func (a *API) deletePermissionNamespace(ctx context.Context, in *DeletePermissionNamespaceDto) (success, error) {
	return succeeded(namespaceFault(a.Access.DeleteNamespaces(ctx, poolOf(ctx), []string{in.Code}, directory.MissingFails), reservedNamespace, in.Code))
}

func (a *API) deletePermissionNamespacesBatch(ctx context.Context, in *DeletePermissionNamespacesBatchDto) (success, error) {
	err := namespaceFault(a.Access.DeleteNamespaces(ctx, poolOf(ctx), in.Codes, directory.MissingFails), reservedNamespaces, "")
	if e := fault.As(err); e != nil && e.Is(access.ErrNamespaceNotFound) {
		err = errNamespaceGone
	}
	return succeeded(err)
}

// dataCheckDTO says whether something could be made so, and why not.
type dataCheckDTO struct {
	IsValid bool   `json:"isValid"`
	Message string `json:"message,omitzero"`
}

// checked makes of what stands in the way of something an answer; only what is not about the thing itself stays a refusal.
func checked(ctx context.Context, err error, operation string) (dataCheckDTO, error) {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Conflict, fault.Forbidden:
		return dataCheckDTO{false, failureOf(err, operation, english(ctx), "").Message}, nil
	}
	return dataCheckDTO{IsValid: err == nil}, err
}

func (a *API) checkPermissionNamespaceExists(ctx context.Context, in *CheckPermissionNamespaceExistsDto) (dataCheckDTO, error) {
	if value(in.Code) == "" && value(in.Name) == "" {
		return dataCheckDTO{}, fault.Field("code")
	}
	err := a.Access.NamespaceAvailable(ctx, poolOf(ctx), value(in.Code), value(in.Name))
	return checked(ctx, namespaceFault(err, reservedNamespace, value(in.Code)), "checkPermissionNamespaceExists")
}

// permissionRoleDTO is a role in the list of a namespace's.
type permissionRoleDTO struct {
	Name        string `json:"name"`
	Code        string `json:"code"`
	Description string `json:"description"`
	Namespace   string `json:"namespace"`
	UpdatedAt   moment `json:"updatedAt"`
}

func (a *API) listPermissionNamespaceRoles(ctx context.Context, in *ListPermissionNamespaceRolesParams) (*Page[permissionRoleDTO], error) {
	roles, total, err := a.Access.Roles(ctx, poolOf(ctx), access.RoleFilter{Namespace: in.Code, Keywords: value(in.Query)}, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]permissionRoleDTO, len(roles))
	for i, r := range roles {
		list[i] = permissionRoleDTO{r.Name, r.Code, r.Description, r.Namespace, moment(r.UpdatedAt)}
	}
	return &Page[permissionRoleDTO]{total, list}, nil
}
