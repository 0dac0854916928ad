package v3

import (
	"context"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
)

// applicationAccessOperations are about who may enter an application.
func (a *API) applicationAccessOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Get("/api/v3/get-application-permission-strategy", "getApplicationPermissionStrategy", key, a.getApplicationPermissionStrategy),
		op.Post("/api/v3/update-application-permission-strategy", "updateApplicationPermissionStrategy", key, a.updateApplicationPermissionStrategy),
		op.Post("/api/v3/authorize-application-access", "authorizeApplicationAccess", key, a.authorizeApplicationAccess),
		op.Post("/api/v3/revoke-application-access", "revokeApplicationAccess", key, a.revokeApplicationAccess),
		op.Get("/api/v3/get-subject-auth-detail", "detailAuthSubject", key, a.detailAuthSubject),
		op.Query("/api/v3/list-subject-auth", "listAuthSubject", key, a.listAuthSubject).Costs(op.List),
		op.Query("/api/v3/list-applications-auth", "listAuthApplication", key, a.listAuthApplication).Costs(op.List),
		op.Post("/api/v3/update-auth-enabled", "enabledAuth", key, a.enabledAuth),
		op.Delete("/api/v3/batch-applications-auth", "deleteAuth", key, a.deleteAuth),
	}
}

type strategyDTO struct {
	Strategy access.Strategy `json:"permissionStrategy"`
}

func (a *API) getApplicationPermissionStrategy(ctx context.Context, in *GetApplicationPermissionStrategyParams) (strategyDTO, error) {
	s, err := a.Access.AppStrategy(ctx, poolOf(ctx), in.AppID)
	return strategyDTO{s}, err
}

func (a *API) updateApplicationPermissionStrategy(ctx context.Context, in *UpdateApplicationPermissionStrategyDataDto) (success, error) {
	return succeeded(a.Access.SetAppStrategy(ctx, poolOf(ctx), in.AppID, access.Strategy(in.PermissionStrategy)))
}

// Departments are organisations' to these operations; the keys that the wire calls AK_SK are nobody's subject.
const (
	orgSubject = "ORG"
	keySubject = "AK_SK"
)

func subjectType(t string) directory.TargetType {
	if t == orgSubject {
		return directory.DepartmentTarget
	}
	return directory.TargetType(t)
}

func subjectText(t directory.TargetType) string {
	if t == directory.DepartmentTarget {
		return orgSubject
	}
	return string(t)
}

// visitors are the targets that the wire names; the codes of roles need their namespace.
func (a *API) visitors(ctx context.Context, t string, namespace *string, names []string) ([]access.Target, error) {
	if subjectType(t) == directory.RoleTarget && value(namespace) == "" {
		return nil, fault.Field("namespaceCode")
	}
	return a.targetsNamed(ctx, value(namespace), subjectType(t), names)
}

func (a *API) authorizeApplicationAccess(ctx context.Context, in *AuthorizeApplicationAccessDto) (success, error) {
	var list []access.AppGrant
	for _, item := range in.List {
		targets, err := a.visitors(ctx, item.TargetType, item.NamespaceCode, item.TargetIdentifier)
		if err != nil {
			return success{}, err
		}
		for _, t := range targets {
			list = append(list, access.AppGrant{Target: t, Effect: access.Effect(item.Effect), Inherit: value(item.InheritByChildren)})
		}
	}
	return succeeded(a.Access.AuthorizeApp(ctx, poolOf(ctx), in.AppID, list))
}

func (a *API) revokeApplicationAccess(ctx context.Context, in *RevokeApplicationAccessDto) (success, error) {
	var list []access.Target
	for _, item := range in.List {
		targets, err := a.visitors(ctx, item.TargetType, item.NamespaceCode, item.TargetIdentifier)
		if err != nil {
			return success{}, err
		}
		list = append(list, targets...)
	}
	return succeeded(a.Access.RevokeApp(ctx, poolOf(ctx), in.AppID, list))
}

// appAuthDTO is ListApplicationAuthDataDto. What is said of everybody is the application's strategy and stands in no list.
type appAuthDTO struct {
	ID             string        `json:"id"`
	TargetID       string        `json:"targetId"`
	TargetName     string        `json:"targetName"`
	TargetType     string        `json:"targetType"`
	Effect         access.Effect `json:"effect"`
	Enabled        bool          `json:"enabled"`
	PermissionType string        `json:"permissionType"`
}

func (a *API) listAuthApplication(ctx context.Context, in *ListApplicationAuthDto) (*Page[appAuthDTO], error) {
	f := access.AppRecordFilter{Effect: access.Effect(value(in.Effect)), Enabled: in.Enabled, TargetName: value(in.TargetName)}
	for _, t := range in.TargetTypeList {
		f.Types = append(f.Types, subjectType(t))
	}
	found, total, err := a.Access.AppRecords(ctx, poolOf(ctx), in.AppID, f, pageOf(in.Page, in.Limit))
	list := make([]appAuthDTO, len(found))
	for i, r := range found {
		list[i] = appAuthDTO{r.ID, r.TargetID, r.TargetName, subjectText(r.TargetType), r.Effect, r.Enabled, "SUBJECT"}
	}
	return &Page[appAuthDTO]{total, list}, err
}

// subjectAppDTO is ListApplicationSubjectDataDto.
type subjectAppDTO struct {
	AppID    string        `json:"appId"`
	Logo     string        `json:"logo"`
	Ext      string        `json:"ext"`
	Template string        `json:"template"`
	AppType  string        `json:"appType"`
	Effect   access.Effect `json:"effect"`
}

type subjectAppsDTO struct {
	List []subjectAppDTO `json:"list"`
}

// ownApps is the type of all applications: none come from a shop.
const ownApps = "SELFBUILT"

func (a *API) listAuthSubject(ctx context.Context, in *ListAuthSubjectDto) (*subjectAppsDTO, error) {
	out := &subjectAppsDTO{List: []subjectAppDTO{}}
	if in.TargetType == keySubject || len(in.AppTypeList) > 0 && !slices.Contains(in.AppTypeList, ownApps) {
		return out, nil
	}
	target, err := a.subjectNamed(ctx, in.TargetType, in.TargetID)
	if err != nil {
		return nil, err
	}
	records, err := a.Access.AppRecordsOf(ctx, poolOf(ctx), target)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.AppID
	}
	names, err := a.Signin.ApplicationNames(ctx, poolOf(ctx), ids)
	for _, r := range records {
		if (len(in.Effect) == 0 || slices.Contains(in.Effect, string(r.Effect))) && (in.Enabled == nil || *in.Enabled == r.Enabled) &&
			strings.Contains(strings.ToLower(names[r.AppID]), strings.ToLower(value(in.AppName))) {
			out.List = append(out.List, subjectAppDTO{AppID: r.AppID, AppType: ownApps, Effect: r.Effect})
		}
	}
	return out, err
}

// subjectNamed is the target of an identifier, which must be there; here groups and roles too are named so.
func (a *API) subjectNamed(ctx context.Context, t, id string) (access.Target, error) {
	target := access.Target{Type: subjectType(t), ID: id}
	_, err := a.Access.TargetNames(ctx, poolOf(ctx), []access.Target{target})
	return target, err
}

// subjectAuthDTO is GetSubjectAuthDataDto: whose record decides whether somebody may enter an application.
type subjectAuthDTO struct {
	AppID      string `json:"appId"`
	AppName    string `json:"appName"`
	ReqID      string `json:"reqTargetId"`
	ReqName    string `json:"reqTargetName"`
	ReqType    string `json:"reqTargetType"`
	TargetType string `json:"targetType"`
	TargetName string `json:"targetName"`
	AuthType   string `json:"authType"` // DEFAULT: the application's strategy; SELF: the own record; SUBJECT: that of another
	Allowed    bool   `json:"allowed"`  // ours: the wire does not say what was decided
}

func (a *API) detailAuthSubject(ctx context.Context, in *DetailAuthSubjectParams) (*subjectAuthDTO, error) {
	pool := poolOf(ctx)
	if in.TargetType == keySubject {
		return nil, fault.New(fault.NotFound, "access_key_not_found")
	}
	asked := access.Target{Type: subjectType(in.TargetType), ID: in.TargetID}
	verdict, err := a.Access.AppVerdict(ctx, pool, in.AppID, asked)
	if err != nil {
		return nil, err
	}
	by := asked
	out := &subjectAuthDTO{AppID: in.AppID, ReqID: in.TargetID, ReqType: in.TargetType, AuthType: "DEFAULT", Allowed: verdict.Allowed}
	if verdict.Record != nil {
		if by = verdict.Record.Target(); by == asked {
			out.AuthType = "SELF"
		} else {
			out.AuthType = "SUBJECT"
		}
	}
	names, err := a.Access.TargetNames(ctx, pool, []access.Target{asked, by})
	if err != nil {
		return nil, err
	}
	apps, err := a.Signin.ApplicationNames(ctx, pool, []string{in.AppID})
	out.AppName, out.ReqName, out.TargetName, out.TargetType = apps[in.AppID], names[asked], names[by], subjectText(by.Type)
	return out, err
}

func (a *API) enabledAuth(ctx context.Context, in *UpdateAuthEnabledDto) (success, error) {
	return succeeded(a.Access.EnableAppRecord(ctx, poolOf(ctx), in.ID, in.Enabled))
}

func (a *API) deleteAuth(ctx context.Context, in *DeleteAuthParams) (success, error) {
	return succeeded(a.Access.DeleteAppRecords(ctx, poolOf(ctx), in.AuthIDs))
}
