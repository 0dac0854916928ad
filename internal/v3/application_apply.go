package v3

import (
	"context"
	"strings"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// applyOperations tell users what they may apply for. The applying itself is a product of the vendor's.
func (a *API) applyOperations() []op.Op {
	return []op.Op{
		op.Get("/api/v3/applications-permission-applicable", "getEnablePermissionApplyApplicationList", op.SignedInUser, a.applicableApplications).Costs(op.List),
		op.Get("/api/v3/roles-permission-applicable", "getEnablePermissionApplyRoleList", op.SignedInUser, a.applicableRoles).Costs(op.List),
	}
}

type applicableApplicationsParams struct {
	AppName *string `json:"appName"`
}

// applicableApplicationDTO is EnablePermissionApplyApplication.
type applicableApplicationDTO struct {
	ID   string         `json:"appId"`
	Name string         `json:"appName"`
	Logo string         `json:"logo"`
	Type signin.AppType `json:"appType"`
}

type applicableApplicationsDTO struct {
	List []applicableApplicationDTO `json:"list"`
}

// applicableApplications lists those that take applications, but for those that somebody has kept the user out of.
func (a *API) applicableApplications(ctx context.Context, in *applicableApplicationsParams) (*applicableApplicationsDTO, error) {
	if err := directory.CheckText("appName", value(in.AppName), directory.MaxName); err != nil {
		return nil, err
	}
	apps, _, err := a.Signin.Applications(ctx, poolOf(ctx), signin.ApplicationFilter{}, pageOf(1, mostEnterable))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(apps))
	for i, app := range apps {
		ids[i] = app.ID
	}
	verdicts, err := a.Access.AppVerdicts(ctx, poolOf(ctx), me(ctx), ids)
	if err != nil {
		return nil, err
	}
	out := &applicableApplicationsDTO{List: []applicableApplicationDTO{}}
	for _, app := range apps {
		kept := verdicts[app.ID].Record
		if app.Enabled && app.Settings.PermissionApply && (kept == nil || kept.Effect == access.Allow) &&
			strings.Contains(strings.ToLower(app.Name), strings.ToLower(value(in.AppName))) {
			out.List = append(out.List, applicableApplicationDTO{app.ID, app.Name, app.Logo, app.Type})
		}
	}
	return out, nil
}

type applicableRolesParams struct {
	AppID   string  `json:"appId" rule:"required"`
	Page    int64   `json:"page" rule:"min=1,max=2147483647,default=1"`
	Limit   int64   `json:"limit" rule:"min=1,max=50,default=10"`
	Keyword *string `json:"keyword"`
}

// applicableRoleDTO is EnablePermissionApplyRole.
type applicableRoleDTO struct {
	ID          string `json:"roleId"`
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// applicableRoles lists the roles of an application that users may apply for.
func (a *API) applicableRoles(ctx context.Context, in *applicableRolesParams) (*Page[applicableRoleDTO], error) {
	app, err := a.Signin.PoolApplication(ctx, poolOf(ctx), in.AppID)
	if err != nil {
		return nil, err
	}
	roles, total, err := a.Access.Roles(ctx, app.PoolID, access.RoleFilter{Namespace: app.ID, Keywords: value(in.Keyword), Applicable: true}, pageOf(in.Page, in.Limit))
	list := make([]applicableRoleDTO, len(roles))
	for i, r := range roles {
		list[i] = applicableRoleDTO{r.ID, r.Code, r.Name, r.Description}
	}
	return &Page[applicableRoleDTO]{total, list}, err
}
