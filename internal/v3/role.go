package v3

import (
	"context"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// roleDTO is a role as the wire shows one: RoleDto.
type roleDTO struct {
	ID              string `json:"id"`
	Code            string `json:"code"`
	Name            string `json:"name"`
	Description     string `json:"description"`
	Namespace       string `json:"namespace"`
	NamespaceName   string `json:"namespaceName"`
	Status          string `json:"status"`      // ENABLE or DISABLE, as it is now
	DisableTime     *int64 `json:"disableTime"` // unix ms; null = never
	PermissionApply bool   `json:"enablePermissionApply"`
}

// The words of the wire for what is in effect and what is not.
const (
	enableStatus  = "ENABLE"
	disableStatus = "DISABLE"
)

func statusText(enabled bool) string {
	if enabled {
		return enableStatus
	}
	return disableStatus
}

// timeOrNull is a time of the domain, in which zero is none.
func timeOrNull(ms int64) *int64 {
	if ms == 0 {
		return nil
	}
	return &ms
}

func (a *API) viewRoles(ctx context.Context, roles []access.Role) ([]roleDTO, error) {
	list := make([]roleDTO, len(roles))
	if len(roles) == 0 {
		return list, nil
	}
	codes := make([]string, len(roles))
	for i, r := range roles {
		codes[i] = r.Namespace
	}
	namespaces, err := a.Access.NamespacesByCode(ctx, poolOf(ctx), directory.Findable(codes))
	now := a.DB.Now()
	for i := range roles {
		r := &roles[i]
		list[i] = roleDTO{r.ID, r.Code, r.Name, r.Description, r.Namespace, namespaces[r.Namespace].Name, statusText(r.EnabledAt(now)),
			timeOrNull(r.DisableTime), r.PermissionApply}
	}
	return list, err
}

func (a *API) viewRole(ctx context.Context, r *access.Role) (*roleDTO, error) {
	list, err := a.viewRoles(ctx, []access.Role{*r})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// roleRef is a role as the wire names it; without a namespace it is of the default one.
func roleRef(namespace *string, code string) access.RoleRef {
	return access.RoleRef{Namespace: value(namespace), Code: code}
}

func roleRefs(list []RoleCodeDto) []access.RoleRef {
	refs := make([]access.RoleRef, len(list))
	for i, r := range list {
		refs[i] = roleRef(r.Namespace, r.Code)
	}
	return refs
}

func (a *API) getRole(ctx context.Context, in *GetRoleParams) (*roleDTO, error) {
	r, err := a.Access.Role(ctx, poolOf(ctx), roleRef(in.Namespace, in.Code))
	if err != nil {
		return nil, err
	}
	return a.viewRole(ctx, r)
}

func (a *API) listRoles(ctx context.Context, in *ListRolesParams) (*Page[roleDTO], error) {
	f := access.RoleFilter{Namespace: in.Namespace, Keywords: value(in.Keywords)}
	roles, total, err := a.Access.Roles(ctx, poolOf(ctx), f, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list, err := a.viewRoles(ctx, roles)
	return &Page[roleDTO]{total, list}, err
}

// timeArgument reads a time in milliseconds, a number or its text; the empty text is none, 0.
func timeArgument(field string, v jsontext.Value) (*int64, error) {
	if v == nil {
		return nil, nil
	}
	text := string(v)
	if v.Kind() == '"' {
		if err := json.Unmarshal(v, &text); err != nil {
			return nil, fault.Field(field).Because(err)
		}
		if text == "" {
			return new(int64), nil
		}
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, fault.Field(field).Because(err)
	}
	return &ms, nil
}

func (a *API) createRole(ctx context.Context, in *CreateRoleDto) (*roleDTO, error) {
	disable, err := timeArgument("disableTime", in.DisableTime)
	if err != nil {
		return nil, err
	}
	r, err := a.Access.CreateRole(ctx, poolOf(ctx), access.NewRole{Namespace: value(in.Namespace), Code: in.Code, Name: value(in.Name),
		Description: value(in.Description), DisableTime: value(disable)})
	if err != nil {
		return nil, err
	}
	return a.viewRole(ctx, r)
}

func (a *API) createRolesBatch(ctx context.Context, in *CreateRolesBatch) (success, error) {
	list := make([]access.NewRole, len(in.List))
	for i, r := range in.List {
		list[i] = access.NewRole{Namespace: value(r.Namespace), Code: value(r.Code), Name: value(r.Name), Description: value(r.Description)}
	}
	_, err := a.Access.CreateRoles(ctx, poolOf(ctx), list)
	return succeeded(err)
}

func (a *API) updateRole(ctx context.Context, in *UpdateRoleDto) (success, error) {
	p := access.RolePatch{Name: in.Name, Description: in.Description, NewCode: in.NewCode, PermissionApply: in.EnablePermissionApply}
	var err error
	if p.DisableTime, err = timeArgument("disableTime", in.DisableTime); err != nil {
		return success{}, err
	}
	if in.Status != nil {
		enabled := *in.Status == enableStatus
		p.Enabled = &enabled
	}
	_, err = a.Access.UpdateRole(ctx, poolOf(ctx), roleRef(in.Namespace, in.Code), p)
	return succeeded(err)
}

// deleteRolesBatch removes roles, all or none: unlike with groups, an unknown one is an error.
func (a *API) deleteRolesBatch(ctx context.Context, in *DeleteRoleDto) (success, error) {
	return succeeded(a.Access.DeleteRoles(ctx, poolOf(ctx), access.RoleRefs(value(in.Namespace), in.CodeList...), directory.MissingFails))
}

// deleteRoles does so across namespaces.
func (a *API) deleteRoles(ctx context.Context, in *DeleteRoleBatchDto) (success, error) {
	refs := make([]access.RoleRef, len(in.RoleList))
	for i, r := range in.RoleList {
		refs[i] = access.RoleRef{Namespace: r.Namespace, Code: r.Code}
	}
	return succeeded(a.Access.DeleteRoles(ctx, poolOf(ctx), refs, directory.MissingFails))
}

// assignees are the targets that the wire names: users and departments by identifier, groups by code. A role is no target of a
// role.
func (a *API) assignees(ctx context.Context, list []TargetDto) ([]access.Target, error) {
	var codes []string
	for _, t := range list {
		switch directory.TargetType(t.TargetType) {
		case directory.GroupTarget:
			codes = append(codes, t.TargetIdentifier)
		case directory.RoleTarget:
			return nil, fault.Field("targets")
		}
	}
	var groups map[string]directory.Group
	if len(codes) > 0 {
		var err error
		if groups, err = a.Directory.GroupsByCode(ctx, poolOf(ctx), codes); err != nil {
			return nil, err
		}
	}
	targets := make([]access.Target, len(list))
	for i, t := range list {
		targets[i] = access.Target{Type: directory.TargetType(t.TargetType), ID: t.TargetIdentifier}
		if targets[i].Type == directory.GroupTarget {
			g, ok := groups[t.TargetIdentifier]
			if !ok {
				return nil, directory.ErrGroupNotFound
			}
			targets[i].ID = g.ID
		}
	}
	return targets, nil
}

func (a *API) assignRole(ctx context.Context, in *AssignRoleDto) (success, error) {
	return a.assign(ctx, []access.RoleRef{roleRef(in.Namespace, in.Code)}, in.Targets, directory.Period{Begin: in.EnableTime, End: in.EndTime})
}

func (a *API) assignRoleBatch(ctx context.Context, in *AssignRoleBatchDto) (success, error) {
	return a.assign(ctx, roleRefs(in.Roles), in.Targets, directory.Period{})
}

func (a *API) assign(ctx context.Context, refs []access.RoleRef, list []TargetDto, p directory.Period) (success, error) {
	targets, err := a.assignees(ctx, list)
	if err != nil {
		return success{}, err
	}
	return succeeded(a.Access.AssignFor(ctx, poolOf(ctx), refs, targets, p))
}

func (a *API) revokeRole(ctx context.Context, in *RevokeRoleDto) (success, error) {
	return a.revoke(ctx, []access.RoleRef{roleRef(in.Namespace, in.Code)}, in.Targets)
}

func (a *API) revokeRoleBatch(ctx context.Context, in *RevokeRoleBatchDto) (success, error) {
	return a.revoke(ctx, roleRefs(in.Roles), in.Targets)
}

func (a *API) revoke(ctx context.Context, refs []access.RoleRef, list []TargetDto) (success, error) {
	targets, err := a.assignees(ctx, list)
	if err != nil {
		return success{}, err
	}
	return succeeded(a.Access.Unassign(ctx, poolOf(ctx), refs, targets, directory.MissingFails))
}

// roleResourceDTO is RoleAuthorizedResourcesRespDto: an authorized resource without the effect.
type roleResourceDTO struct {
	ResourceCode  string   `json:"resourceCode"`
	ResourceType  string   `json:"resourceType"`
	Actions       []string `json:"actions"`
	APIIdentifier string   `json:"apiIdentifier"`
}

func (a *API) getRoleAuthorizedResources(ctx context.Context, in *GetRoleAuthorizedResourcesParams) (*Page[roleResourceDTO], error) {
	r, err := a.Access.Role(ctx, poolOf(ctx), roleRef(in.Namespace, in.Code))
	if err != nil {
		return nil, err
	}
	page, err := a.heldResources(ctx, access.HeldQuery{Target: access.Target{Type: directory.RoleTarget, ID: r.ID}, Namespace: r.Namespace,
		Type: access.ResourceType(value(in.ResourceType))})
	if err != nil {
		return nil, err
	}
	list := make([]roleResourceDTO, len(page.List))
	for i, s := range page.List {
		list[i] = roleResourceDTO{s.ResourceCode, s.ResourceType, s.Actions, s.APIIdentifier}
	}
	return &Page[roleResourceDTO]{page.TotalCount, list}, nil
}

func (a *API) listRoleMembers(ctx context.Context, in *ListRoleMembersParams) (*Page[userDTO], error) {
	users, total, err := a.Access.UsersOfRole(ctx, poolOf(ctx), roleRef(in.Namespace, in.Code), pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list, err := a.viewUsers(ctx, users, with{customData: in.WithCustomData, identities: in.WithIdentities, departmentIDs: in.WithDepartmentIDs})
	return &Page[userDTO]{total, list}, err
}

// roleDepartmentDTO is RoleDepartmentRespDto.
type roleDepartmentDTO struct {
	ID          string `json:"id"`
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (a *API) listRoleDepartments(ctx context.Context, in *ListRoleDepartmentsParams) (*Page[roleDepartmentDTO], error) {
	departments, total, err := a.Access.DepartmentsOfRole(ctx, poolOf(ctx), roleRef(in.Namespace, in.Code), pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]roleDepartmentDTO, len(departments))
	for i, d := range departments {
		list[i] = roleDepartmentDTO{d.ID, d.Code, d.Name, d.Description}
	}
	return &Page[roleDepartmentDTO]{total, list}, nil
}

// roleAssignmentDTO is RolePermissionListDto: the role and when somebody has it, but not who.
type roleAssignmentDTO struct {
	RoleID      string `json:"roleId"`
	Status      string `json:"status"`     // DISABLE before the beginning and after the end
	EnableTime  *int64 `json:"enableTime"` // unix ms; null = at once
	EndTime     *int64 `json:"endTime"`    // unix ms; null = never
	UserPoolID  string `json:"userPoolId"`
	RoleName    string `json:"roleName"`
	RoleCode    string `json:"roleCode"`
	Description string `json:"description"`
	CreatedAt   moment `json:"createdAt"`
	UpdatedAt   moment `json:"updatedAt"`
}

// roleAssignmentsDTO is RoleListPageDto, the one page of the wire whose list is called data.
type roleAssignmentsDTO struct {
	TotalCount int64               `json:"totalCount"`
	Data       []roleAssignmentDTO `json:"data"`
}

func (a *API) listRoleAssignments(ctx context.Context, in *ListRoleAssignmentsParams) (*roleAssignmentsDTO, error) {
	f := access.RoleAssignmentFilter{Keywords: value(in.Query)}
	for _, t := range in.TargetType {
		if t == "ORG" {
			t = string(directory.DepartmentTarget)
		}
		f.Types = append(f.Types, directory.TargetType(t))
	}
	r, list, total, err := a.Access.RoleAssignments(ctx, poolOf(ctx), roleRef(in.NamespaceCode, in.RoleCode), f, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	now := a.DB.Now()
	shown := make([]roleAssignmentDTO, len(list))
	for i := range list {
		s := &list[i]
		shown[i] = roleAssignmentDTO{r.ID, statusText(s.InForceAt(now)), timeOrNull(s.EnableTime), timeOrNull(s.EndTime), r.PoolID, r.Name, r.Code,
			r.Description, moment(s.CreatedAt), moment(s.UpdatedAt)}
	}
	return &roleAssignmentsDTO{total, shown}, nil
}

// roleCheckDTO is CheckRoleParamsRespDto.
type roleCheckDTO struct {
	IsValid bool   `json:"isValid"`
	Message string `json:"message,omitzero"` // why not; the contract's type of it is a mistake
}

// checkRoleParams says whether a role could be made so. Only a namespace that is not there is a refusal.
func (a *API) checkRoleParams(ctx context.Context, in *CheckRoleParamsDto) (roleCheckDTO, error) {
	err := a.Access.RoleAvailable(ctx, poolOf(ctx), roleRef(&in.Namespace, in.Code), value(in.Name))
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Conflict:
		english := strings.HasPrefix(strings.ToLower(caller.From(ctx).Language), "en")
		return roleCheckDTO{false, failureOf(err, "checkParamsNamespace", english, "").Message}, nil
	}
	return roleCheckDTO{IsValid: err == nil}, err
}

// createAdminRole makes a role of administrators. The wire answers it as it answers a check.
func (a *API) createAdminRole(ctx context.Context, in *CreateAdminRoleDto) (roleCheckDTO, error) {
	_, err := a.Access.CreateAdminRole(ctx, poolOf(ctx), access.NewRole{Code: in.Code, Name: in.Name, Description: value(in.Description)})
	return roleCheckDTO{IsValid: err == nil}, err
}

func (a *API) deleteAdminRoles(ctx context.Context, in *DeleteAdminRoleDto) (success, error) {
	return succeeded(a.Access.DeleteAdminRoles(ctx, poolOf(ctx), in.CodeList))
}

type mutualExclusionDTO struct {
	Exists bool `json:"existMutuallyExclusive"`
}

func (a *API) checkMutualExclusion(ctx context.Context, in *CheckRoleMutualExclusionReqDto) (mutualExclusionDTO, error) {
	exists, err := a.Access.RolesExclude(ctx, poolOf(ctx), roleRefs(in.Roles))
	return mutualExclusionDTO{exists}, err
}
