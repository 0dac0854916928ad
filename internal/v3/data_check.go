package v3

import (
	"context"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
)

// ownPermissionOperations are of the contract's domain "permission": what users ask of themselves. They ask in the namespace of the
// application that their token is for.
func (a *API) ownPermissionOperations() []op.Op {
	user := op.SignedInUser
	return []op.Op{
		op.Get("/api/v3/get-my-authorized-resources", "getAuthorizedResources", user, data(a.getMyAuthorizedResources)).Costs(op.List),
		op.Query("/api/v3/check-permission-string-resource", "checkPermissionByStringResource", user, data(a.checkOwnPermission(access.StringData))),
		op.Query("/api/v3/check-permission-array-resource", "checkPermissionByArrayResource", user, data(a.checkOwnPermission(access.ArrayData))),
		op.Query("/api/v3/check-permission-tree-resource", "checkPermissionByTreeResource", user, data(a.checkOwnPermission(access.TreeData))),
		op.Get("/api/v3/get-user-auth-resource-list", "getUserAuthorizedResourcesList", user, data(a.getOwnDataResources)).Costs(op.List),
		op.Query("/api/v3/get-user-auth-resource-permission-list", "getUserAuthResourcePermissionList", user, data(a.getOwnDataPermissions)),
		op.Query("/api/v3/get-user-auth-resource-struct", "getUserAuthResourceStruct", user, data(a.getOwnDataStruct)),
	}
}

// environmentOf is what conditions are judged in; nil where they are not to be.
func environmentOf(judge bool, p *AuthEnvParams) *access.Environment {
	if !judge {
		return nil
	}
	return &access.Environment{IP: value(p.IP), City: value(p.City), Province: value(p.Province), Country: value(p.Country),
		DeviceType: value(p.DeviceType), SystemType: value(p.SystemType), BrowserType: value(p.BrowserType), RequestDate: value(p.RequestDate)}
}

func dataPlaces(resources []string) []access.DataPlace {
	places := make([]access.DataPlace, len(resources))
	for i, r := range resources {
		places[i] = access.ParseDataPlace(r)
	}
	return places
}

type dataCheckListDTO struct {
	List []dataCheckResultDTO `json:"checkResultList"`
}

type dataCheckResultDTO struct {
	Namespace string `json:"namespaceCode"`
	Action    string `json:"action"`
	Resource  string `json:"resource"` // as it was asked about
	Enabled   bool   `json:"enabled"`
}

func (a *API) checkData(ctx context.Context, q access.DataQuestion, resources []string) (*dataCheckListDTO, error) {
	q.Places = dataPlaces(resources)
	answers, err := a.Access.CheckData(ctx, poolOf(ctx), q)
	if err != nil {
		return nil, err
	}
	out := &dataCheckListDTO{make([]dataCheckResultDTO, len(resources))}
	for i, r := range resources {
		out.List[i] = dataCheckResultDTO{q.Namespace, q.Action, r, answers[i]}
	}
	return out, nil
}

func (a *API) checkPermission(ctx context.Context, in *CheckPermissionDto) (*dataCheckListDTO, error) {
	return a.checkData(ctx, access.DataQuestion{UserID: in.UserID, Namespace: in.NamespaceCode, Action: in.Action,
		Environment: environmentOf(in.JudgeConditionEnabled, &in.AuthEnvParams)}, in.Resources)
}

// externalUser finds a user by the identifier that another system knows them by.
func (a *API) externalUser(ctx context.Context, externalID string) (string, error) {
	u, err := a.Directory.User(ctx, poolOf(ctx), directory.UserRef{Type: "external_id", Value: externalID})
	if err != nil {
		return "", err
	}
	return u.ID, nil
}

func (a *API) checkExternalUserPermission(ctx context.Context, in *CheckExternalUserPermissionDto) (*dataCheckListDTO, error) {
	userID, err := a.externalUser(ctx, in.ExternalID)
	if err != nil {
		return nil, err
	}
	return a.checkData(ctx, access.DataQuestion{UserID: userID, Namespace: in.NamespaceCode, Action: in.Action,
		Environment: environmentOf(in.JudgeConditionEnabled, &in.AuthEnvParams)}, in.Resources)
}

type levelCheckListDTO struct {
	List []levelCheckDTO `json:"checkLevelResultList"`
}

type levelCheckDTO struct {
	Action  string `json:"action"`
	Node    string `json:"resourceNodeCode"`
	Enabled bool   `json:"enabled"`
}

// checkUserSameLevelPermission asks about the nodes right below a place; without nodes about the place itself.
func (a *API) checkUserSameLevelPermission(ctx context.Context, in *CheckUserSameLevelPermissionDto) (*levelCheckListDTO, error) {
	q := access.DataQuestion{UserID: in.UserID, Namespace: in.NamespaceCode, Action: in.Action, Environment: environmentOf(in.JudgeConditionEnabled, &in.AuthEnvParams)}
	nodes, resources := in.ResourceNodeCodes, []string{in.Resource}
	if len(nodes) == 0 {
		nodes = []string{in.Resource}
	} else {
		resources = make([]string, len(nodes))
		for i, n := range nodes {
			resources[i] = in.Resource + "/" + n
		}
	}
	answers, err := a.checkData(ctx, q, resources)
	if err != nil {
		return nil, err
	}
	out := &levelCheckListDTO{make([]levelCheckDTO, len(nodes))}
	for i, n := range nodes {
		out.List[i] = levelCheckDTO{in.Action, n, answers.List[i].Enabled}
	}
	return out, nil
}

type dataActionListDTO struct {
	List []dataActionsDTO `json:"permissionList"`
}

type dataActionsDTO struct {
	Namespace string   `json:"namespaceCode"`
	Actions   []string `json:"actions"`
	Resource  string   `json:"resource"` // as it was asked about
}

func (a *API) dataActions(ctx context.Context, userID, namespace string, resources []string) (*dataActionListDTO, error) {
	actions, err := a.Access.DataActions(ctx, poolOf(ctx), userID, namespace, dataPlaces(resources))
	if err != nil {
		return nil, err
	}
	out := &dataActionListDTO{make([]dataActionsDTO, len(resources))}
	for i, r := range resources {
		out.List[i] = dataActionsDTO{namespace, actions[i], r}
	}
	return out, nil
}

func (a *API) getUserResourcePermissionList(ctx context.Context, in *GetUserResourcePermissionListDto) (*dataActionListDTO, error) {
	return a.dataActions(ctx, in.UserID, in.NamespaceCode, in.Resources)
}

type dataUsersListDTO struct {
	List []dataUsersDTO `json:"authUserList"`
}

type dataUsersDTO struct {
	Resource string               `json:"resource"` // as it was asked about
	Actions  []dataActionUsersDTO `json:"actionAuthList"`
}

type dataActionUsersDTO struct {
	UserIDs []string `json:"userIds"`
	Action  string   `json:"action"`
}

func (a *API) listResourceTargets(ctx context.Context, in *ListResourceTargetsDto) (*dataUsersListDTO, error) {
	found, err := a.Access.UsersOfData(ctx, poolOf(ctx), in.NamespaceCode, dataPlaces(in.Resources), in.Actions)
	if err != nil {
		return nil, err
	}
	out := &dataUsersListDTO{make([]dataUsersDTO, len(in.Resources))}
	for i, r := range in.Resources {
		out.List[i] = dataUsersDTO{r, make([]dataActionUsersDTO, len(in.Actions))}
		for j := range in.Actions {
			of := &found[i*len(in.Actions)+j]
			out.List[i].Actions[j] = dataActionUsersDTO{of.UserIDs, of.Action}
		}
	}
	return out, nil
}

// dataStructDTO is a resource in its own form with what may be done with it.
type dataStructDTO struct {
	Namespace string            `json:"namespaceCode"`
	Code      string            `json:"resourceCode"`
	Type      access.DataType   `json:"resourceType"`
	Text      *textStructDTO    `json:"strResourceAuthAction,omitzero"`
	List      *listStructDTO    `json:"arrResourceAuthAction,omitzero"`
	Tree      *treeStructureDTO `json:"treeResourceAuthAction,omitzero"`
}

type textStructDTO struct {
	Value   string   `json:"value"`
	Actions []string `json:"actions"`
}

type listStructDTO struct {
	Values  []string `json:"values"`
	Actions []string `json:"actions"`
}

type treeStructureDTO struct {
	Nodes []treeNodeDTO `json:"nodeAuthActionList"`
}

type treeNodeDTO struct {
	Code     string        `json:"code"`
	Name     string        `json:"name"`
	Value    *string       `json:"value,omitzero"`
	Actions  []string      `json:"actions"`
	Children []treeNodeDTO `json:"children,omitempty"`
}

func viewDataStruct(p *access.PermittedData) *dataStructDTO {
	r := p.Resource
	out := &dataStructDTO{Namespace: r.Namespace, Code: r.Code, Type: r.Type}
	switch r.Type {
	case access.StringData:
		out.Text = &textStructDTO{r.Struct.Text, p.Actions}
	case access.ArrayData:
		out.List = &listStructDTO{r.Struct.List, p.Actions}
	default:
		at := 0
		var nodes func(of []access.DataNode) []treeNodeDTO
		nodes = func(of []access.DataNode) []treeNodeDTO {
			list := make([]treeNodeDTO, len(of))
			for i := range of {
				list[i] = treeNodeDTO{Code: of[i].Code, Name: of[i].Name, Value: of[i].Value, Actions: p.Nodes[at].Actions}
				at++
				list[i].Children = nodes(of[i].Children)
			}
			return list
		}
		out.Tree = &treeStructureDTO{nodes(r.Struct.Nodes)}
	}
	return out
}

func (a *API) dataStructOf(ctx context.Context, userID, namespace, code string) (*dataStructDTO, error) {
	p, err := a.Access.DataStructOf(ctx, poolOf(ctx), userID, namespace, code)
	if err != nil {
		return nil, err
	}
	return viewDataStruct(p), nil
}

func (a *API) getUserResourceStruct(ctx context.Context, in *GetUserResourceStructDto) (*dataStructDTO, error) {
	return a.dataStructOf(ctx, in.UserID, in.NamespaceCode, in.ResourceCode)
}

func (a *API) getExternalUserResourceStruct(ctx context.Context, in *GetExternalUserResourceStructDto) (*dataStructDTO, error) {
	userID, err := a.externalUser(ctx, in.ExternalID)
	if err != nil {
		return nil, err
	}
	return a.dataStructOf(ctx, userID, in.NamespaceCode, in.ResourceCode)
}

type userDataListDTO struct {
	List []userDataDTO `json:"userPermissionList"`
}

type userDataDTO struct {
	UserID    string          `json:"userId"`
	Namespace string          `json:"namespaceCode"`
	Resources []permittedData `json:"resourceList"`
}

type permittedData struct {
	Code string          `json:"resourceCode"`
	Type access.DataType `json:"resourceType"`
	Text *textStructDTO  `json:"strAuthorize,omitzero"`
	List *listStructDTO  `json:"arrAuthorize,omitzero"`
	Tree *treePathsDTO   `json:"treeAuthorize,omitzero"`
}

type treePathsDTO struct {
	List []treePathDTO `json:"authList"`
}

type treePathDTO struct {
	Path    string                    `json:"nodePath"` // begins with a slash
	Name    string                    `json:"nodeName"`
	Actions []string                  `json:"nodeActions"`
	Value   *string                   `json:"nodeValue,omitzero"`
	Fields  map[string]jsontext.Value `json:"nodeExtendFieldValue,omitempty"`
}

func (a *API) dataOfUsers(ctx context.Context, userIDs, namespaces []string) (*userDataListDTO, error) {
	found, err := a.Access.DataOfUsers(ctx, poolOf(ctx), userIDs, namespaces)
	if err != nil {
		return nil, err
	}
	out := &userDataListDTO{make([]userDataDTO, len(found))}
	for i, of := range found {
		list := make([]permittedData, len(of.Resources))
		for j, p := range of.Resources {
			r := p.Resource
			list[j] = permittedData{Code: r.Code, Type: r.Type}
			switch r.Type {
			case access.StringData:
				list[j].Text = &textStructDTO{r.Struct.Text, p.Actions}
			case access.ArrayData:
				list[j].List = &listStructDTO{r.Struct.List, p.Actions}
			default:
				paths := []treePathDTO{}
				for _, n := range p.Nodes {
					if len(n.Actions) > 0 {
						paths = append(paths, treePathDTO{"/" + n.Path, n.Node.Name, n.Actions, n.Node.Value, n.Node.Fields})
					}
				}
				list[j].Tree = &treePathsDTO{paths}
			}
		}
		out.List[i] = userDataDTO{of.UserID, of.Namespace, list}
	}
	return out, nil
}

func (a *API) getUserPermissionList(ctx context.Context, in *GetUserPermissionListDto) (*userDataListDTO, error) {
	return a.dataOfUsers(ctx, in.UserIDs, in.NamespaceCodes)
}

type dataViewDTO struct {
	UserID        string              `json:"userId"`
	Username      string              `json:"username"`
	NamespaceID   string              `json:"namespaceId"`
	NamespaceCode string              `json:"namespaceCode"`
	NamespaceName string              `json:"namespaceName"`
	ResourceID    string              `json:"dataResourceId"`
	ResourceCode  string              `json:"dataResourceCode"`
	ResourceName  string              `json:"dataResourceName"`
	Policies      []viewPolicyDTO     `json:"dataPolicyList"`
	Roles         []viewRoleDTO       `json:"roleList"`
	Groups        []viewGroupDTO      `json:"groupList"`
	Nodes         []viewDepartmentDTO `json:"nodeList"`
}

type viewPolicyDTO struct {
	ID   string `json:"dataPolicyId"`
	Name string `json:"dataPolicyName"`
}

type viewRoleDTO struct {
	ID   string `json:"roleId"`
	Name string `json:"roleName"`
	Code string `json:"roleCode"`
}

type viewGroupDTO struct {
	ID   string `json:"groupId"`
	Name string `json:"groupName"`
	Code string `json:"groupCode"`
}

type viewDepartmentDTO struct {
	ID   string `json:"nodeId"`
	Name string `json:"nodeName"`
	Code string `json:"nodeCode"`
}

func mapped[T any](list []access.Named, of func(access.Named) T) []T {
	out := make([]T, len(list))
	for i, n := range list {
		out[i] = of(n)
	}
	return out
}

func (a *API) listPermissionView(ctx context.Context, in *ListPermissionViewDto) (*Page[dataViewDTO], error) {
	found, total, err := a.Access.DataViews(ctx, poolOf(ctx), value(in.Keyword), pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	codes := make([]string, len(found))
	for i, v := range found {
		codes[i] = v.Resource.Namespace
	}
	namespaces, err := a.Access.NamespacesByCode(ctx, poolOf(ctx), directory.Findable(codes))
	if err != nil {
		return nil, err
	}
	list := make([]dataViewDTO, len(found))
	for i, v := range found {
		r := v.Resource
		n := namespaces[r.Namespace]
		list[i] = dataViewDTO{v.UserID, v.Username, strconv.FormatInt(n.Number, 10), r.Namespace, n.Name, r.ID, r.Code, r.Name,
			mapped(v.Policies, func(n access.Named) viewPolicyDTO { return viewPolicyDTO{n.ID, n.Name} }),
			mapped(v.Roles, func(n access.Named) viewRoleDTO { return viewRoleDTO(n) }),
			mapped(v.Groups, func(n access.Named) viewGroupDTO { return viewGroupDTO(n) }),
			mapped(v.Departments, func(n access.Named) viewDepartmentDTO { return viewDepartmentDTO(n) })}
	}
	return &Page[dataViewDTO]{total, list}, nil
}

// ownNamespace is that of the application that the caller's token is for.
func ownNamespace(ctx context.Context) (string, error) {
	if id := caller.From(ctx).AppID; id != "" {
		return id, nil
	}
	return "", fault.New(fault.NotFound, "application_not_found")
}

type myAuthorizedResourcesParams struct {
	Namespace    *string `json:"namespace"`
	ResourceType *string `json:"resourceType" rule:"enum=DATA|API|MENU|BUTTON|UI"`
}

// getMyAuthorizedResources lists what the caller was granted; without a namespace in all of them.
func (a *API) getMyAuthorizedResources(ctx context.Context, in *myAuthorizedResourcesParams) (*Page[authorizedResourceDTO], error) {
	found, total, err := a.Access.AuthorizedResourcesOfUser(ctx, poolOf(ctx), caller.From(ctx).UserID,
		access.ResourceFilter{Namespace: value(in.Namespace), Type: access.ResourceType(value(in.ResourceType))}, directory.Page{})
	return &Page[authorizedResourceDTO]{total, viewResources(found)}, err
}

type ownPermissionDTO struct {
	Resources []string `json:"resources" rule:"required,items=100"`
	Action    string   `json:"action" rule:"required"`
}

// checkOwnPermission asks about resources of one type; of others nothing is allowed.
func (a *API) checkOwnPermission(t access.DataType) func(context.Context, *ownPermissionDTO) (*dataCheckListDTO, error) {
	return func(ctx context.Context, in *ownPermissionDTO) (*dataCheckListDTO, error) {
		namespace, err := ownNamespace(ctx)
		if err != nil {
			return nil, err
		}
		return a.checkData(ctx, access.DataQuestion{UserID: caller.From(ctx).UserID, Namespace: namespace, Action: in.Action, Type: t}, in.Resources)
	}
}

func (a *API) getOwnDataResources(ctx context.Context, _ *struct{}) (*userDataListDTO, error) {
	namespace, err := ownNamespace(ctx)
	if err != nil {
		return nil, err
	}
	return a.dataOfUsers(ctx, []string{caller.From(ctx).UserID}, []string{namespace})
}

type ownResourcesDTO struct {
	Resources []string `json:"resources" rule:"required,items=100"`
}

func (a *API) getOwnDataPermissions(ctx context.Context, in *ownResourcesDTO) (*dataActionListDTO, error) {
	namespace, err := ownNamespace(ctx)
	if err != nil {
		return nil, err
	}
	return a.dataActions(ctx, caller.From(ctx).UserID, namespace, in.Resources)
}

type ownResourceDTO struct {
	Resource string `json:"resource" rule:"required"`
}

func (a *API) getOwnDataStruct(ctx context.Context, in *ownResourceDTO) (*dataStructDTO, error) {
	namespace, err := ownNamespace(ctx)
	if err != nil {
		return nil, err
	}
	return a.dataStructOf(ctx, caller.From(ctx).UserID, namespace, in.Resource)
}
