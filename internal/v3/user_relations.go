package v3

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// What a user has, where the wire has no paging: so many at most. totalCount tells how many there are.
const (
	mostRolesShown  = 1000
	mostGroupsShown = 200 // each with its members
)

func (a *API) getUserRoles(ctx context.Context, in *GetUserRolesParams) (*Page[roleDTO], error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	roles, total, err := a.Access.RolesOfUser(ctx, u.PoolID, u.ID, value(in.Namespace), pageOf(1, mostRolesShown))
	if err != nil {
		return nil, err
	}
	list, err := a.viewRoles(ctx, roles)
	return &Page[roleDTO]{total, list}, err
}

type hasAnyRoleDTO struct {
	HasAnyRole bool `json:"hasAnyRole"`
}

func (a *API) hasAnyRole(ctx context.Context, in *HasAnyRoleReqDto) (hasAnyRoleDTO, error) {
	u, err := a.user(ctx, in.Options.UserIDType, in.UserID)
	if err != nil {
		return hasAnyRoleDTO{}, err
	}
	refs := make([]access.RoleRef, len(in.Roles))
	for i, r := range in.Roles {
		refs[i] = access.RoleRef{Namespace: value(r.Namespace), Code: r.Code}
	}
	has, err := a.Access.HasAnyRole(ctx, u.PoolID, u.ID, refs)
	return hasAnyRoleDTO{has}, err
}

type authorizedResourceDTO struct {
	ResourceCode  string   `json:"resourceCode"`
	Description   string   `json:"description"`
	ResourceType  string   `json:"resourceType"`
	APIIdentifier string   `json:"apiIdentifier"` // of resources that are an API: the address, where somebody has described it
	Actions       []string `json:"actions"`
	Effect        string   `json:"effect"`
}

func viewResources(resources []access.AuthorizedResource) []authorizedResourceDTO {
	list := make([]authorizedResourceDTO, len(resources))
	for i, r := range resources {
		list[i] = authorizedResourceDTO{r.Code, "", string(r.Type), "", r.Actions, string(access.Allow)}
	}
	return list
}

func (a *API) getUserAuthorizedResources(ctx context.Context, in *GetUserAuthorizedResourcesParams) (*Page[authorizedResourceDTO], error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	return a.heldResources(ctx, access.HeldQuery{Target: access.Target{Type: directory.UserTarget, ID: u.ID}, Namespace: value(in.Namespace),
		Type: access.ResourceType(value(in.ResourceType))})
}

func (a *API) getUserGroups(ctx context.Context, in *GetUserGroupsParams) (*Page[groupDTO], error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	groups, total, err := a.Directory.GroupsOf(ctx, u.PoolID, u.ID, pageOf(1, mostGroupsShown))
	if err != nil {
		return nil, err
	}
	list, err := a.viewGroups(ctx, groups, withGroup{members: true})
	return &Page[groupDTO]{total, list}, err
}

// Nobody's identity has been proven by documents: the wire calls that principal authentication.

func (a *API) getUserPrincipalAuthenticationInfo(ctx context.Context, in *GetUserPrincipalAuthenticationInfoParams) (*Page[any], error) {
	return a.noPage(ctx, in.UserIDType, in.UserID)
}

func (a *API) resetUserPrincipalAuthenticationInfo(ctx context.Context, in *ResetUserPrincipalAuthenticationInfoDto) (success, error) {
	if _, err := a.user(ctx, in.Options.UserIDType, in.UserID); err != nil {
		return success{}, err
	}
	return success{}, fault.New(fault.Refused, "principal_missing")
}

type userLoginDTO struct {
	AppID       string `json:"appId"`
	AppName     string `json:"appName"`
	AppLogo     string `json:"appLogo"`
	AppLoginURL string `json:"appLoginUrl"`
	ClientIP    string `json:"clientIp"`
	UserAgent   string `json:"userAgent"`
	Time        string `json:"time"`
}

// getUserLoginHistory shows the sign-ins that came through: the answer has no word for the others.
func (a *API) getUserLoginHistory(ctx context.Context, in *GetUserLoginHistoryParams) (*Page[userLoginDTO], error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	through := true
	records, total, err := a.logins(ctx, u.ID, signin.LoginFilter{AppID: value(in.AppID), ClientIP: value(in.ClientIP), Success: &through,
		Start: value(in.Start), End: value(in.End)}, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]userLoginDTO, len(records))
	for i, r := range records {
		list[i] = userLoginDTO{AppID: r.AppID, AppName: r.AppName, ClientIP: r.ClientIP, UserAgent: r.UserAgent, Time: moment(r.At).String()}
	}
	return &Page[userLoginDTO]{total, list}, nil
}

type loggedInAppDTO struct {
	AppID       string `json:"appId"`
	AppName     string `json:"appName"`
	AppLogo     string `json:"appLogo"`
	AppLoginURL string `json:"appLoginUrl"`
}

func (a *API) getUserLoggedinApps(ctx context.Context, in *GetUserLoggedinAppsParams) ([]loggedInAppDTO, error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	apps, err := a.Signin.LoggedInApplications(ctx, u.PoolID, u.ID)
	list := make([]loggedInAppDTO, len(apps))
	for i, app := range apps {
		list[i] = loggedInAppDTO{app.ID, app.Name, app.Logo, a.Signin.LoginURL(app.Application)}
	}
	return list, err
}

// getUserLoggedinIdentities is empty: nobody signs in through outside identity sources.
func (a *API) getUserLoggedinIdentities(ctx context.Context, in *GetUserLoggedinIdentitiesParams) ([]any, error) {
	_, err := a.user(ctx, in.UserIDType, in.UserID)
	return []any{}, err
}

func (a *API) kickUsers(ctx context.Context, in *KickUsersDto) (success, error) {
	u, err := a.user(ctx, in.Options.UserIDType, in.UserID)
	if err != nil {
		return success{}, err
	}
	return succeeded(a.Signin.EndAppSessions(ctx, u.PoolID, u.ID, directory.Findable(in.AppIDs)))
}

type sessionStatusDTO struct {
	Active bool `json:"active"`
}

// checkSessionStatus says no of users and applications that are not there.
func (a *API) checkSessionStatus(ctx context.Context, in *CheckSessionStatusDto) (sessionStatusDTO, error) {
	active, err := a.Signin.LoggedIn(ctx, poolOf(ctx), in.UserID, in.AppID)
	if fault.KindOf(err) == fault.NotFound {
		err = nil
	}
	return sessionStatusDTO{active}, err
}

// noPage is a page of what no user has.
func (a *API) noPage(ctx context.Context, userIDType, userID string) (*Page[any], error) {
	_, err := a.user(ctx, userIDType, userID)
	return &Page[any]{}, err
}
