package v3

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// myOperations are the domains user-resources, ext-idp, device and public-info of the authentication client: what users see of themselves.
func (a *API) myOperations() []op.Op {
	user := op.SignedInUser
	return []op.Op{
		op.Get("/api/v3/get-my-login-history", "getLoginHistory", user, a.getLoginHistory),
		op.Get("/api/v3/get-my-logged-in-apps", "getLoggedInApps", user, a.getLoggedInApps).Costs(op.List),
		op.Get("/api/v3/get-my-accessible-apps", "getAccessibleApps", user, a.getAccessibleApps).Costs(op.List),
		op.Get("/api/v3/get-my-tenant-list", "getTenantList", user, a.getTenantList).Costs(op.List),
		op.Get("/api/v3/get-my-role-list", "getRoleList", user, a.getRoleList).Costs(op.List),
		op.Get("/api/v3/get-my-group-list", "getGroupList", user, a.getGroupList).Costs(op.List),
		op.Get("/api/v3/get-my-department-list", "getDepartmentList", user, a.getDepartmentList),
		op.Query("/api/v2/applications/subject/person/list", "listSubjectAuth", user, a.listSubjectAuth).Costs(op.List),

		op.Get("/api/v3/get-identities", "getIdentities", user, a.getIdentities).Costs(op.List),
		op.Get("/api/v3/get-application-enabled-extidps", "getApplicationEnabledExtIdps", op.Anyone, a.getApplicationEnabledExtIdps).Costs(op.List),
		op.Post("/api/v3/unlink-extidp", "unlinkExtIdp", user, a.unlinkExtIdp),

		op.Get("/api/v3/mydevices/list", "list", user, a.listDevices),
		op.Post("/api/v3/mydevices/unbind", "unbind", user, a.endDevice),
		op.Post("/api/v3/mydevices/revoke-session", "revoke", user, a.endDevice),

		op.Get("/api/v3/get-country-list", "getCountryList", op.Anyone, a.getCountryList).Costs(op.List),
	}
}

type loginHistoryParams struct {
	AppID    *string `json:"appId"`
	ClientIP *string `json:"clientIp"`
	Success  *bool   `json:"success"`
	Start    *int64  `json:"start"`
	End      *int64  `json:"end"`
	Page     int64   `json:"page" rule:"min=1,max=2147483647,default=1"`
	Limit    int64   `json:"limit" rule:"min=1,max=50,default=10"`
}

type loginDTO struct {
	UserID          string       `json:"userId"`
	AppID           string       `json:"appId"`
	AppName         string       `json:"appName"`
	AppLoginURL     string       `json:"appLoginUrl"`
	AppLogo         string       `json:"appLogo"`
	LoginAt         string       `json:"loginAt"`
	ClientIP        string       `json:"clientIp"`
	Success         bool         `json:"success"`
	UserAgent       string       `json:"userAgent"`
	ParsedUserAgent userAgentDTO `json:"parsedUserAgent"`
	LoginMethod     string       `json:"loginMethod"`
	GeoIP           geoIPDTO     `json:"geoip"`
}

func (a *API) getLoginHistory(ctx context.Context, in *loginHistoryParams) (*Page[loginDTO], error) {
	records, total, err := a.logins(ctx, me(ctx), signin.LoginFilter{AppID: value(in.AppID), ClientIP: value(in.ClientIP), Success: in.Success,
		Start: value(in.Start), End: value(in.End)}, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]loginDTO, len(records))
	for i, r := range records {
		list[i] = loginDTO{UserID: r.UserID, AppID: r.AppID, AppName: r.AppName, LoginAt: moment(r.At).String(), ClientIP: r.ClientIP, Success: r.Success,
			UserAgent: r.UserAgent, ParsedUserAgent: parseUserAgent(r.UserAgent), LoginMethod: r.Method}
	}
	return &Page[loginDTO]{total, list}, nil
}

// logins is a page of a user's login history, between two times in unix milliseconds.
func (a *API) logins(ctx context.Context, userID string, f signin.LoginFilter, p directory.Page) ([]signin.LoginRecord, int64, error) {
	switch {
	case f.Start < 0:
		return nil, 0, fault.Field("start")
	case f.End < 0:
		return nil, 0, fault.Field("end")
	}
	return a.Signin.LoginHistory(ctx, poolOf(ctx), userID, f, p)
}

type myAppDTO struct {
	AppID       string `json:"appId"`
	AppName     string `json:"appName"`
	AppLoginURL string `json:"appLoginUrl"`
	AppLogo     string `json:"appLogo"`
	Active      bool   `json:"active"`
}

func (a *API) viewMyApps(apps []signin.UserApplication) []myAppDTO {
	list := make([]myAppDTO, len(apps))
	for i, app := range apps {
		list[i] = myAppDTO{app.ID, app.Name, a.Signin.LoginURL(app.Application), app.Logo, app.Active}
	}
	return list
}

func (a *API) getLoggedInApps(ctx context.Context, _ *struct{}) ([]myAppDTO, error) {
	apps, err := a.Signin.LoggedInApplications(ctx, poolOf(ctx), me(ctx))
	return a.viewMyApps(apps), err
}

// mostMyApps is how many applications a user is shown, where the wire has no paging.
const mostMyApps = 500

func (a *API) getAccessibleApps(ctx context.Context, _ *struct{}) ([]myAppDTO, error) {
	apps, _, err := a.Signin.AccessibleApplications(ctx, poolOf(ctx), me(ctx), directory.Page{Page: 1, Limit: mostMyApps})
	return a.viewMyApps(apps), err
}

type myTenantDTO struct {
	TenantID   string `json:"tenantId"`
	TenantName string `json:"tenantName"`
	JoinAt     string `json:"joinAt"`
}

// getTenantList is empty: there are no tenants.
func (a *API) getTenantList(context.Context, *struct{}) ([]myTenantDTO, error) {
	return []myTenantDTO{}, nil
}

type roleListParams struct {
	Namespace *string `json:"namespace"`
}

func (a *API) getRoleList(ctx context.Context, in *roleListParams) ([]roleDTO, error) {
	roles, _, err := a.Access.RolesOfUser(ctx, poolOf(ctx), me(ctx), value(in.Namespace), pageOf(1, mostRolesShown))
	if err != nil {
		return nil, err
	}
	return a.viewRoles(ctx, roles)
}

// getGroupList shows no members: who else is in a group is not for everybody in it.
func (a *API) getGroupList(ctx context.Context, _ *struct{}) ([]groupDTO, error) {
	groups, _, err := a.Directory.GroupsOf(ctx, poolOf(ctx), me(ctx), pageOf(1, mostGroupsShown))
	if err != nil {
		return nil, err
	}
	list, err := a.viewGroups(ctx, groups, withGroup{})
	for i := range list {
		if list[i].Members == nil {
			list[i].Members = []userDTO{}
		}
	}
	return list, err
}

type departmentListParams struct {
	Page           int64  `json:"page" rule:"min=1,max=2147483647,default=1"`
	Limit          int64  `json:"limit" rule:"min=1,max=50,default=10"`
	WithCustomData bool   `json:"withCustomData"`
	SortBy         string `json:"sortBy" rule:"enum=DepartmentCreatedAt|JoinDepartmentAt|DepartmentName|DepartmemtCode,default=JoinDepartmentAt"`
	OrderBy        string `json:"orderBy" rule:"enum=Asc|Desc,default=Desc"`
}

func (a *API) getDepartmentList(ctx context.Context, in *departmentListParams) (*Page[userDepartmentDTO], error) {
	return a.getUserDepartments(ctx, &GetUserDepartmentsParams{UserID: me(ctx), UserIDType: "user_id", Page: in.Page, Limit: in.Limit,
		WithCustomData: in.WithCustomData, SortBy: in.SortBy, OrderBy: in.OrderBy})
}

// listSubjectAuth shows what is said of the user alone of entering applications.
func (a *API) listSubjectAuth(ctx context.Context, _ *struct{}) (*subjectAppsDTO, error) {
	return a.listAuthSubject(ctx, &ListAuthSubjectDto{TargetType: "USER", TargetID: me(ctx)})
}

func (a *API) getIdentities(ctx context.Context, _ *struct{}) ([]identityDTO, error) {
	identities, err := a.Directory.Identities(ctx, poolOf(ctx), []string{me(ctx)})
	return viewIdentities(identities[me(ctx)]), err
}

type extIdpDTO struct {
	Identifier string `json:"identifier"`
	ExtIdpID   string `json:"extIdpId"`
	Type       string `json:"type"`
	ExtIdpType string `json:"extIdpType"`
	BindURL    string `json:"bindUrl"`
	Name       string `json:"name"`
}

// getApplicationEnabledExtIdps is empty: nobody signs in through outside identity sources.
func (a *API) getApplicationEnabledExtIdps(ctx context.Context, _ *struct{}) ([]extIdpDTO, error) {
	_, err := a.app(ctx)
	return []extIdpDTO{}, err
}

type unlinkExtIdpRequest struct {
	ExtIdpID string `json:"extIdpId" rule:"required"`
}

func (a *API) unlinkExtIdp(ctx context.Context, in *unlinkExtIdpRequest) (struct{}, error) {
	return none(a.Directory.UnlinkIdentity(ctx, poolOf(ctx), directory.ByID(me(ctx)), in.ExtIdpID, ""))
}

type devicesParams struct {
	Page  int64 `json:"page" rule:"min=1,max=2147483647,default=1"`
	Limit int64 `json:"limit" rule:"min=1,max=50,default=10"`
}

type deviceDTO struct {
	DeviceID  string `json:"deviceId"`
	Name      string `json:"name"`
	Type      string `json:"type"`
	OS        string `json:"os"`
	Status    string `json:"status"`
	UserAgent string `json:"userAgent"`
}

type terminalSessionDTO struct {
	Device        deviceDTO `json:"device"`
	LastLoginTime string    `json:"lastLoginTime"`
	LastIP        *string   `json:"lastIp"`
	Online        bool      `json:"online"`
}

// listDevices shows a user's sessions, each as the device that it is on.
func (a *API) listDevices(ctx context.Context, in *devicesParams) ([]terminalSessionDTO, error) {
	sessions, err := a.Signin.Sessions(ctx, poolOf(ctx), me(ctx))
	if err != nil {
		return nil, err
	}
	from := min(int(in.Page-1)*int(in.Limit), len(sessions))
	sessions = sessions[from:min(from+int(in.Limit), len(sessions))]
	list := make([]terminalSessionDTO, len(sessions))
	for i := range sessions {
		x := &sessions[i]
		agent := parseUserAgent(x.UserAgent)
		kind := "Browser"
		switch {
		case agent.Device == "Mobile" || agent.Device == "Tablet":
			kind = "Mobile"
		case agent.Device == "" && agent.OS != "":
			kind = "Desktop"
		}
		list[i] = terminalSessionDTO{Device: deviceDTO{x.ID, agent.Name, kind, agent.OS, "activated", x.UserAgent}, LastLoginTime: moment(x.AuthTime).String(),
			LastIP: text(&x.ClientIP), Online: x.ID == caller.From(ctx).SessionID || a.DB.Now()-x.SeenAt < onlineFor}
	}
	return list, nil
}

// onlineFor is how long after it was last seen a device counts as online, in milliseconds: sessions note it every five minutes.
const onlineFor = 10 * 60 * 1000

type endDeviceRequest struct {
	DeviceID string `json:"deviceId" rule:"required"`
}

func (a *API) endDevice(ctx context.Context, in *endDeviceRequest) (struct{}, error) {
	return none(a.Signin.EndOwnSession(ctx, poolOf(ctx), me(ctx), in.DeviceID))
}

type countryDTO struct {
	Alpha2           string                  `json:"alpha2"`
	Alpha3           string                  `json:"alpha3"`
	PhoneCountryCode string                  `json:"phoneCountryCode"`
	Flag             string                  `json:"flag"`
	Name             map[string]languageText `json:"name"`
}

type languageText struct {
	Enabled bool   `json:"enabled"`
	Value   string `json:"value"`
}

func (a *API) getCountryList(context.Context, *struct{}) ([]countryDTO, error) {
	countries := a.Signin.Countries()
	list := make([]countryDTO, len(countries))
	for i, c := range countries {
		names := make(map[string]languageText, len(c.Names))
		for lang, name := range c.Names {
			names[lang] = languageText{true, name}
		}
		list[i] = countryDTO{c.Alpha2, c.Alpha3, c.CallingCode, c.Flag, names}
	}
	return list, nil
}
