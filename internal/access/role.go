package access

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Role is what users and groups are made to be able to do what it may. Its code is unique in its namespace.
type Role struct {
	PoolID      string `db:"pool_id"`
	ID          string `db:"id"`
	Namespace   string `db:"namespace"`
	Code        string `db:"code"`
	Name        string `db:"name"`
	Description string `db:"description"`
	ParentID    string `db:"parent_id"` // "" for none; a note that V2 keeps, nothing is inherited
	IsSystem    bool   `db:"is_system"`
	Disabled    bool   `db:"disabled"`
	DisableTime int64  `db:"disable_time"` // unix ms from which it is disabled; 0 = never
	// PermissionApply says that users may apply for it. It is kept for the wire.
	PermissionApply bool  `db:"permission_apply"`
	CreatedAt       int64 `db:"created_at"`
	UpdatedAt       int64 `db:"updated_at"`
}

// EnabledAt reports whether the role gives anything at that time, unix ms. One that is disabled, or whose disable time has
// come, gives nothing to those who have it.
func (r *Role) EnabledAt(ms int64) bool {
	return !r.Disabled && (r.DisableTime == 0 || ms < r.DisableTime)
}

// Ref is how callers name the role.
func (r *Role) Ref() RoleRef { return RoleRef{r.Namespace, r.Code} }

// Errors of roles.
var (
	ErrRoleNotFound  = fault.New(fault.NotFound, "role_not_found")
	ErrRoleCodeTaken = fault.New(fault.Conflict, "role_code_taken")
	ErrRoleNameTaken = fault.New(fault.Conflict, "role_name_taken")
)

const (
	mostNewRoles  = 50
	mostRoleRefs  = 100
	mostTargets   = 500  // that one call assigns to
	mostRoles     = 1000 // that a bulk read takes
	mostEffective = 1000
)

// RoleRef names a role by its code in a namespace; an empty namespace is the default one.
type RoleRef struct{ Namespace, Code string }

// RoleRefs name roles of one namespace.
func RoleRefs(namespace string, codes ...string) []RoleRef {
	refs := make([]RoleRef, len(codes))
	for i, c := range codes {
		refs[i] = RoleRef{namespace, c}
	}
	return refs
}

func (r RoleRef) normal() RoleRef {
	if r.Namespace == "" {
		r.Namespace = Default
	}
	return r
}

// NewRole is a role to be made. An empty Namespace is the default one; ParentCode names a role of the same namespace;
// DisableTime is as in Role.
type NewRole struct {
	Namespace, Code, Name, Description, ParentCode string
	DisableTime                                    int64
}

// CreateRole makes one role. See CreateRoles.
func (a *Access) CreateRole(ctx context.Context, poolID string, n NewRole) (*Role, error) {
	roles, err := a.CreateRoles(ctx, poolID, []NewRole{n})
	if err != nil {
		return nil, err
	}
	return &roles[0], nil
}

// CreateRoles makes up to 50 roles, all of them or none. A code is of ASCII letters, digits and "_-.:": Invalid
// "role_code_invalid" (code), or "role_code_missing" when empty. A code that is taken is ErrRoleCodeTaken, an unknown parent ErrRoleNotFound.
func (a *Access) CreateRoles(ctx context.Context, poolID string, list []NewRole) ([]Role, error) {
	if err := directory.CheckCount("list", len(list), mostNewRoles); err != nil {
		return nil, err
	}
	now := a.db.Now()
	roles := make([]Role, len(list))
	var parents []RoleRef
	var namespaces []string
	for i, n := range list {
		ref := RoleRef{n.Namespace, n.Code}.normal()
		roles[i] = Role{PoolID: poolID, ID: a.db.NewID(), Namespace: ref.Namespace, Code: ref.Code, Name: n.Name, Description: n.Description,
			DisableTime: n.DisableTime, CreatedAt: now, UpdatedAt: now}
		if err := roles[i].check("code"); err != nil {
			return nil, err
		}
		namespaces = append(namespaces, ref.Namespace)
		if n.ParentCode != "" {
			parents = append(parents, RoleRef{ref.Namespace, n.ParentCode})
		}
	}
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.lockNamespaces(ctx, poolID, namespaces); err != nil {
			return err
		}
		found := make(map[RoleRef]Role)
		if len(parents) > 0 {
			var err error
			if found, err = a.rolesByRef(ctx, poolID, parents, forUpdate); err != nil {
				return err
			}
		}
		for i := range roles {
			r := &roles[i]
			if code := list[i].ParentCode; code != "" {
				parent, ok := found[RoleRef{r.Namespace, code}]
				if !ok {
					return ErrRoleNotFound
				}
				r.ParentID = parent.ID
			}
			if err := db.Insert(ctx, a.db, "roles", r); err != nil {
				return roleTaken(err)
			}
		}
		e := aboutRoles(audit.Create, audit.Role, roles)
		if len(roles) == 1 {
			changes, err := db.Diff(&Role{}, &roles[0])
			if err != nil {
				return err
			}
			_, e.After = audit.Changes(changes)
		} else {
			e.After = roleList(roles)
		}
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return roles, nil
}

func (r *Role) check(codeField string) error {
	if err := checkRoleCode(codeField, r.Code); err != nil {
		return err
	}
	if err := directory.CheckText("name", r.Name, directory.MaxName); err != nil {
		return err
	}
	if r.DisableTime < 0 {
		return fault.Field("disableTime")
	}
	return directory.CheckText("description", r.Description, directory.MaxDescription)
}

func checkRoleCode(field, code string) error {
	if code == "" {
		return fault.New(fault.Invalid, "role_code_missing")
	}
	if err := directory.CheckText(field, code, directory.MaxCode); err != nil {
		return err
	}
	if !plainCode(code, "_-.:") {
		return fault.New(fault.Invalid, "role_code_invalid", code)
	}
	return nil
}

// Role returns one role, or ErrRoleNotFound, or ErrNamespaceNotFound where there is no such namespace.
func (a *Access) Role(ctx context.Context, poolID string, ref RoleRef) (*Role, error) {
	roles, err := a.needRoles(ctx, poolID, []RoleRef{ref}, "")
	if err != nil {
		return nil, err
	}
	return &roles[0], nil
}

// RolesByRef returns up to 100 roles, by reference with the namespace filled in. Unknown ones are left out.
func (a *Access) RolesByRef(ctx context.Context, poolID string, refs []RoleRef) (map[RoleRef]Role, error) {
	if len(refs) > mostRoleRefs {
		return nil, directory.CheckCount("roles", len(refs), mostRoleRefs)
	}
	return a.rolesByRef(ctx, poolID, refs, "")
}

// RolesByID returns the roles of up to 1,000 identifiers, by identifier. Unknown ones are left out.
func (a *Access) RolesByID(ctx context.Context, poolID string, ids []string) (map[string]Role, error) {
	if len(ids) > mostRoles {
		return nil, directory.CheckCount("roleIds", len(ids), mostRoles)
	}
	return a.rolesByID(ctx, poolID, ids)
}

// RoleFilter selects roles; what is empty selects everything.
type RoleFilter struct {
	Namespace string
	Keywords  string // a part of the name or the code, in any ASCII case
	// Applicable selects those that users may apply for.
	Applicable bool
}

// Roles returns a page of the roles that match, newest first, and how many there are. A namespace that is not there is
// ErrNamespaceNotFound.
func (a *Access) Roles(ctx context.Context, poolID string, f RoleFilter, p directory.Page) ([]Role, int64, error) {
	if err := directory.CheckText("keywords", f.Keywords, directory.MaxName); err != nil {
		return nil, 0, err
	}
	if f.Namespace != "" {
		if err := a.needNamespaces(ctx, poolID, f.Namespace); err != nil {
			return nil, 0, err
		}
	}
	return a.listRoles(ctx, poolID, f, p)
}

// RolePatch is a change of a role; nil leaves a field as it is. An empty NewCode does so too. Enabling a role clears a disable
// time that has come, unless a new one is given.
type RolePatch struct {
	Name, Description, NewCode *string
	Enabled, PermissionApply   *bool
	DisableTime                *int64
}

// UpdateRole changes one role and returns it as it then is. Changing nothing writes nothing.
func (a *Access) UpdateRole(ctx context.Context, poolID string, ref RoleRef, p RolePatch) (*Role, error) {
	var after Role
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		found, err := a.needRoles(ctx, poolID, []RoleRef{ref}, forUpdate)
		if err != nil {
			return err
		}
		before := found[0]
		after = before
		if p.NewCode != nil && *p.NewCode != "" {
			after.Code = *p.NewCode
		}
		if p.Name != nil {
			after.Name = *p.Name
		}
		if p.Description != nil {
			after.Description = *p.Description
		}
		if p.Enabled != nil {
			after.Disabled = !*p.Enabled
			if *p.Enabled && !after.EnabledAt(a.db.Now()) {
				after.DisableTime = 0
			}
		}
		if p.DisableTime != nil {
			after.DisableTime = *p.DisableTime
		}
		if p.PermissionApply != nil {
			after.PermissionApply = *p.PermissionApply
		}
		if err := after.check("newCode"); err != nil {
			return err
		}
		changes, err := db.Diff(&before, &after)
		if err != nil || len(changes) == 0 {
			return err
		}
		after.UpdatedAt = a.db.Now()
		changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
		if err := db.Update(ctx, a.db, "roles", changes, "pool_id = ? and id = ?", poolID, after.ID); err != nil {
			return roleTaken(err)
		}
		if err := a.changed(ctx, poolID, Target{directory.RoleTarget, after.ID}); err != nil {
			return err
		}
		e := aboutRoles(audit.Update, audit.Role, []Role{after})
		e.Before, e.After = audit.Changes(changes)
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// DeleteRoles removes up to 100 roles with their assignments, grants and custom values. With MissingFails an unknown one is
// ErrRoleNotFound and nothing is removed; a namespace that is not there is always ErrNamespaceNotFound.
func (a *Access) DeleteRoles(ctx context.Context, poolID string, refs []RoleRef, missing directory.Missing) error {
	if err := directory.CheckCount("codeList", len(refs), mostRoleRefs); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		var roles []Role
		if missing == directory.MissingFails {
			var err error
			if roles, err = a.needRoles(ctx, poolID, refs, forUpdate); err != nil {
				return err
			}
		} else {
			if err := a.needNamespaces(ctx, poolID, namespacesOf(refs)...); err != nil {
				return err
			}
			found, err := a.rolesByRef(ctx, poolID, refs, forUpdate)
			if err != nil || len(found) == 0 {
				return err
			}
			for _, r := range found {
				roles = append(roles, r)
			}
		}
		ids := roleIDs(roles)
		if err := a.dir.RemoveValuesOf(ctx, poolID, directory.RoleTarget, ids); err != nil {
			return err
		}
		if err := a.dropRoles(ctx, poolID, ids); err != nil {
			return err
		}
		if err := a.changedByType(ctx, poolID, targetIDs{directory.RoleTarget: ids}); err != nil {
			return err
		}
		e := aboutRoles(audit.Delete, audit.Role, roles)
		if len(roles) == 1 {
			changes, err := db.Diff(&roles[0], &Role{})
			if err != nil {
				return err
			}
			e.Before, _ = audit.Changes(changes)
		} else {
			e.Before = roleList(roles)
		}
		return a.log.Add(ctx, poolID, e)
	})
}

// RolesOfUser returns a page of the roles in effect that were given to a user themselves, newest first, and how many there are. In
// effect are roles that are enabled, within the time of the assignment. An empty namespace means all; one that is not there is ErrNamespaceNotFound.
func (a *Access) RolesOfUser(ctx context.Context, poolID, userID, namespace string, p directory.Page) ([]Role, int64, error) {
	if namespace != "" {
		if err := a.needNamespaces(ctx, poolID, namespace); err != nil {
			return nil, 0, err
		}
	}
	return a.listRolesOf(ctx, poolID, userID, namespace, p)
}

// EffectiveRoles returns the roles in effect that a user has themselves, through their groups and through their departments, newest first: at most 1,000. An empty
// namespace means all.
func (a *Access) EffectiveRoles(ctx context.Context, poolID, userID, namespace string) ([]Role, error) {
	if namespace != "" {
		if err := a.needNamespaces(ctx, poolID, namespace); err != nil {
			return nil, err
		}
	}
	return a.effectiveRoles(ctx, poolID, userID, namespace)
}

// HasAnyRole reports whether a user has one of up to 100 roles in effect, themselves, through a group or through a department. Nobody has a role that
// does not exist.
func (a *Access) HasAnyRole(ctx context.Context, poolID, userID string, refs []RoleRef) (bool, error) {
	if err := directory.CheckCount("roles", len(refs), mostRoleRefs); err != nil {
		return false, err
	}
	roles, err := a.rolesByRef(ctx, poolID, refs, "")
	if err != nil || len(roles) == 0 {
		return false, err
	}
	ids := make([]string, 0, len(roles))
	for _, r := range roles {
		ids = append(ids, r.ID)
	}
	return a.hasRole(ctx, poolID, userID, ids)
}

// UsersOfRole returns a page of the users who have a role themselves at this time, the latest first, and how many there are:
// those of a disabled role too.
func (a *Access) UsersOfRole(ctx context.Context, poolID string, ref RoleRef, p directory.Page) ([]directory.User, int64, error) {
	r, err := a.Role(ctx, poolID, ref)
	if err != nil {
		return nil, 0, err
	}
	return a.listUsersOf(ctx, r, p)
}

// DepartmentsOfRole returns a page of the departments that have a role at this time, the latest first, and how many there are.
func (a *Access) DepartmentsOfRole(ctx context.Context, poolID string, ref RoleRef, p directory.Page) ([]directory.Department, int64, error) {
	r, err := a.Role(ctx, poolID, ref)
	if err != nil {
		return nil, 0, err
	}
	return a.listDepartmentsOf(ctx, r, p)
}

// needRoles returns the referred roles, each once, or ErrNamespaceNotFound or ErrRoleNotFound.
func (a *Access) needRoles(ctx context.Context, poolID string, refs []RoleRef, lock string) ([]Role, error) {
	found, err := a.rolesByRef(ctx, poolID, refs, lock)
	if err != nil {
		return nil, err
	}
	return need(ctx, a, poolID, refs, found, ErrRoleNotFound)
}

// ref is what names a role or a policy.
type ref[R any] interface {
	~struct{ Namespace, Code string }
	comparable
	normal() R
}

// need returns what refs name, each once and in their order. Where one is not among those found, its namespace is
// ErrNamespaceNotFound or else it is missing.
func need[R ref[R], T any](ctx context.Context, a *Access, poolID string, refs []R, found map[R]T, missing error) ([]T, error) {
	list := make([]T, 0, len(refs))
	seen := make(map[R]bool, len(refs))
	for _, r := range refs {
		r = r.normal()
		if seen[r] {
			continue
		}
		seen[r] = true
		t, ok := found[r]
		if !ok {
			if err := a.needNamespaces(ctx, poolID, RoleRef(r).Namespace); err != nil {
				return nil, err
			}
			return nil, missing
		}
		list = append(list, t)
	}
	return list, nil
}

func namespacesOf(refs []RoleRef) []string {
	out := make([]string, len(refs))
	for i, r := range refs {
		out[i] = r.normal().Namespace
	}
	return out
}

func roleIDs(roles []Role) []string {
	ids := make([]string, len(roles))
	for i, r := range roles {
		ids[i] = r.ID
	}
	return ids
}

func roleTaken(err error) error {
	if db.IsUnique(err, "roles", "code") {
		return ErrRoleCodeTaken.Because(err)
	}
	return err
}

// aboutRoles begins a record; only that of a single role names it.
func aboutRoles(operation, resource string, roles []Role) audit.Event {
	e := audit.Event{Operation: operation, Resource: resource}
	if len(roles) == 1 {
		e.TargetID, e.TargetName = roles[0].ID, roles[0].Code
	}
	return e
}

func roleList(roles []Role) map[string]any {
	codes := make([]string, len(roles))
	for i, r := range roles {
		codes[i] = r.Namespace + "/" + r.Code
	}
	return map[string]any{"ids": roleIDs(roles), "codes": codes}
}

// RoleAvailable says whether a role could be made with this code and, where one is given, this name: nil, or the error that
// tells why not. Creating a role asks of the name only that it is well formed; this asks that no other role of the namespace
// bears it, ErrRoleNameTaken.
func (a *Access) RoleAvailable(ctx context.Context, poolID string, ref RoleRef, name string) error {
	ref = ref.normal()
	if err := a.needNamespaces(ctx, poolID, ref.Namespace); err != nil {
		return err
	}
	r := Role{Code: ref.Code, Name: name}
	if err := r.check("code"); err != nil {
		return err
	}
	found, err := a.rolesByRef(ctx, poolID, []RoleRef{ref}, "")
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return ErrRoleCodeTaken
	}
	if name == "" {
		return nil
	}
	taken, err := a.roleNamed(ctx, poolID, ref.Namespace, name)
	if err == nil && taken {
		err = ErrRoleNameTaken
	}
	return err
}

// RolesExclude reports whether two of up to 100 roles must not be had together. All must be there, or it is their NotFound
// error. No wire has a way to declare roles so; hence none are.
func (a *Access) RolesExclude(ctx context.Context, poolID string, refs []RoleRef) (bool, error) {
	if err := directory.CheckCount("roles", len(refs), mostRoleRefs); err != nil {
		return false, err
	}
	_, err := a.needRoles(ctx, poolID, refs, "")
	return false, err
}

// AdminNamespace is where the roles of administrators are. It is made with the first of them.
const AdminNamespace = "system"

// CreateAdminRole makes a role of administrators. Errors are those of CreateRoles.
func (a *Access) CreateAdminRole(ctx context.Context, poolID string, n NewRole) (*Role, error) {
	n.Namespace = AdminNamespace
	var r *Role
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.EnsureNamespace(ctx, poolID, AdminNamespace, AdminNamespace); err != nil {
			return err
		}
		var err error
		r, err = a.CreateRole(ctx, poolID, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// DeleteAdminRoles removes up to 100 roles of administrators, all or none: an unknown one is ErrRoleNotFound.
func (a *Access) DeleteAdminRoles(ctx context.Context, poolID string, codes []string) error {
	err := a.DeleteRoles(ctx, poolID, RoleRefs(AdminNamespace, codes...), directory.MissingFails)
	if errors.Is(err, ErrNamespaceNotFound) {
		return ErrRoleNotFound
	}
	return err
}
