package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// role is the type Role. Its users, its grants and its parent have resolvers.
type role struct {
	ID          string  `json:"id"`
	Namespace   string  `json:"namespace"`
	Code        string  `json:"code"`
	ARN         string  `json:"arn"`
	Description *string `json:"description"`
	IsSystem    bool    `json:"isSystem"`
	CreatedAt   *string `json:"createdAt"`
	UpdatedAt   *string `json:"updatedAt"`

	of     *access.Role
	parent *access.Role
}

// viewRoles shows roles, with their parents at hand: few roles have one, so that this seldom costs a query.
func (a *API) viewRoles(ctx context.Context, pool string, list []access.Role) ([]role, error) {
	var ids []string
	for i := range list {
		if list[i].ParentID != "" {
			ids = append(ids, list[i].ParentID)
		}
	}
	var parents map[string]access.Role
	if len(ids) > 0 {
		var err error
		if parents, err = a.access.RolesByID(ctx, pool, ids); err != nil {
			return nil, err
		}
	}
	views := make([]role, len(list))
	for i := range list {
		r := &list[i]
		views[i] = role{ID: r.ID, Namespace: r.Namespace, Code: r.Code, ARN: "arn:cn:authing:" + pool + ":role:" + r.Code,
			Description: text(&r.Description), IsSystem: r.IsSystem, CreatedAt: timeText(r.CreatedAt), UpdatedAt: timeText(r.UpdatedAt), of: r}
		if parent, ok := parents[r.ParentID]; ok {
			views[i].parent = &parent
		}
	}
	return views, nil
}

func (a *API) viewRole(ctx context.Context, r *access.Role) (*role, error) {
	views, err := a.viewRoles(ctx, r.PoolID, []access.Role{*r})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// roleInput names a role; without a namespace it is of the default one.
type roleInput struct {
	Namespace string `json:"namespace"`
	Code      string `json:"code"`
}

func (in roleInput) ref() access.RoleRef {
	return access.RoleRef{Namespace: in.Namespace, Code: in.Code}
}

// role answers one role, null when there is none.
func (a *API) role(ctx context.Context, in *roleInput) (*role, error) {
	r, err := a.access.Role(ctx, caller.From(ctx).PoolID, in.ref())
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return a.viewRole(ctx, r)
}

type rolesInput struct {
	paging
	sorting
	Namespace string `json:"namespace"`
}

func (a *API) roles(ctx context.Context, in *rolesInput) (*page[role], error) {
	if err := in.newestFirst(); err != nil {
		return nil, err
	}
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	f := access.RoleFilter{Namespace: in.Namespace}
	if f.Namespace == "" {
		f.Namespace = access.Default
	}
	pool := caller.From(ctx).PoolID
	list, total, err := a.access.Roles(ctx, pool, f, w)
	return a.rolePage(ctx, pool, list, total, err)
}

func (a *API) rolePage(ctx context.Context, pool string, list []access.Role, total int64, err error) (*page[role], error) {
	if err != nil {
		return nil, err
	}
	views, err := a.viewRoles(ctx, pool, list)
	if err != nil {
		return nil, err
	}
	return &page[role]{total, views}, nil
}

type createRoleInput struct {
	roleInput
	Description string `json:"description"`
	Parent      string `json:"parent"`
}

func (a *API) createRole(ctx context.Context, in *createRoleInput) (*role, error) {
	r, err := a.access.CreateRole(ctx, caller.From(ctx).PoolID, access.NewRole{Namespace: in.Namespace, Code: in.Code,
		Description: in.Description, ParentCode: in.Parent})
	if err != nil {
		return nil, err
	}
	return a.viewRole(ctx, r)
}

type updateRoleInput struct {
	roleInput
	Description *string `json:"description"`
	NewCode     *string `json:"newCode"`
}

func (a *API) updateRole(ctx context.Context, in *updateRoleInput) (*role, error) {
	r, err := a.access.UpdateRole(ctx, caller.From(ctx).PoolID, in.ref(), access.RolePatch{Description: in.Description, NewCode: in.NewCode})
	if err != nil {
		return nil, err
	}
	return a.viewRole(ctx, r)
}

func (a *API) deleteRole(ctx context.Context, in *roleInput) (*commonMessage, error) {
	return a.deleteRoles(ctx, &deleteRolesInput{in.Namespace, []string{in.Code}})
}

type deleteRolesInput struct {
	Namespace string   `json:"namespace"`
	CodeList  []string `json:"codeList"`
}

// deleteRoles removes roles, all or none: an unknown one is an error on this wire.
func (a *API) deleteRoles(ctx context.Context, in *deleteRolesInput) (*commonMessage, error) {
	err := a.access.DeleteRoles(ctx, caller.From(ctx).PoolID, access.RoleRefs(in.Namespace, in.CodeList...), directory.MissingFails)
	if err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type assignmentInput struct {
	Namespace  string    `json:"namespace"`
	RoleCode   string    `json:"roleCode"`
	RoleCodes  []*string `json:"roleCodes"`
	UserIDs    []string  `json:"userIds"`
	GroupCodes []string  `json:"groupCodes"`
	NodeCodes  []string  `json:"nodeCodes"`
}

func (in *assignmentInput) refs() []access.RoleRef {
	var codes []string
	if in.RoleCode != "" {
		codes = append(codes, in.RoleCode)
	}
	for _, code := range in.RoleCodes {
		if code != nil {
			codes = append(codes, *code)
		}
	}
	return access.RoleRefs(in.Namespace, codes...)
}

// targets are the users, groups and nodes that are named.
func (a *API) targets(ctx context.Context, in *assignmentInput) ([]access.Target, error) {
	targets, err := a.groupTargets(ctx, in.GroupCodes)
	if err != nil {
		return nil, err
	}
	nodes, err := a.nodeTargets(ctx, in.NodeCodes)
	targets = append(targets, nodes...)
	for _, id := range in.UserIDs {
		targets = append(targets, access.Target{Type: directory.UserTarget, ID: id})
	}
	return targets, err
}

// nodeTargets are the nodes of codes, which must all be there. A code that nodes of several organisations have is refused: nobody
// could say who is meant.
func (a *API) nodeTargets(ctx context.Context, codes []string) ([]access.Target, error) {
	if len(codes) == 0 {
		return nil, nil
	}
	nodes, err := a.dir.DepartmentsByCode(ctx, caller.From(ctx).PoolID, codes)
	if err != nil {
		return nil, err
	}
	targets := make([]access.Target, 0, len(codes))
	for _, code := range codes {
		switch found := nodes[code]; len(found) {
		case 0:
			return nil, directory.ErrDepartmentNotFound
		case 1:
			targets = append(targets, access.Target{Type: directory.DepartmentTarget, ID: found[0].ID})
		default:
			return nil, fault.New(fault.Conflict, "node_code_ambiguous", code)
		}
	}
	return targets, nil
}

// groupTargets are the groups of codes, which must all be there.
func (a *API) groupTargets(ctx context.Context, codes []string) ([]access.Target, error) {
	if len(codes) == 0 {
		return nil, nil
	}
	groups, err := a.dir.GroupsByCode(ctx, caller.From(ctx).PoolID, codes)
	if err != nil {
		return nil, err
	}
	targets := make([]access.Target, 0, len(codes))
	for _, code := range codes {
		g, ok := groups[code]
		if !ok {
			return nil, directory.ErrGroupNotFound
		}
		targets = append(targets, access.Target{Type: directory.GroupTarget, ID: g.ID})
	}
	return targets, nil
}

// assignRole gives roles to users, groups and nodes, all to all or none; revokeRole takes them away.
func (a *API) assignRole(ctx context.Context, in *assignmentInput) (*commonMessage, error) {
	return a.changeRoles(ctx, in, a.access.Assign)
}

func (a *API) revokeRole(ctx context.Context, in *assignmentInput) (*commonMessage, error) {
	return a.changeRoles(ctx, in, func(ctx context.Context, poolID string, refs []access.RoleRef, targets []access.Target) error {
		return a.access.Unassign(ctx, poolID, refs, targets, directory.MissingOK)
	})
}

func (a *API) changeRoles(ctx context.Context, in *assignmentInput,
	change func(ctx context.Context, poolID string, refs []access.RoleRef, targets []access.Target) error) (*commonMessage, error) {
	targets, err := a.targets(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := change(ctx, caller.From(ctx).PoolID, in.refs(), targets); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

func (a *API) roleUsers(ctx context.Context, r *role, in *paging) (*page[user], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	users, total, err := a.access.UsersOfRole(ctx, r.of.PoolID, r.of.Ref(), w)
	if err != nil {
		return nil, err
	}
	return a.showPage(ctx, r.of.PoolID, users, total, selected(ctx, "list"))
}

func (a *API) roleParent(ctx context.Context, r *role, _ *struct{}) (*role, error) {
	if r.parent == nil {
		return nil, nil
	}
	return a.viewRole(ctx, r.parent)
}

type findRoleUsersInput struct {
	roleInput
	paging
	Search string `json:"search"`
}

// findRoleUsers looks among the users who have a role themselves for those with a part of a name, an email or a phone number; an
// empty part finds all.
func (a *API) findRoleUsers(ctx context.Context, in *findRoleUsersInput) (*page[user], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	pool := caller.From(ctx).PoolID
	r, err := a.access.Role(ctx, pool, in.ref())
	if err != nil {
		return nil, err
	}
	users, total, err := a.dir.Users(ctx, pool, directory.UserQuery{Keywords: in.Search, InRoles: []string{r.ID}, Page: w})
	if err != nil {
		return nil, err
	}
	return a.showPage(ctx, pool, users, total, detail{})
}

type namespaceInput struct {
	Namespace string `json:"namespace"`
}

// userRoles lists the roles that a user was given themselves; without a namespace, those of all.
func (a *API) userRoles(ctx context.Context, u *user, in *namespaceInput) (*page[role], error) {
	list, total, err := a.access.RolesOfUser(ctx, u.UserPoolID, u.ID, in.Namespace, directory.Page{Page: 1, Limit: mostShown})
	return a.rolePage(ctx, u.UserPoolID, list, total, err)
}
