package v3

import (
	"context"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// departmentDTO is a department as the wire shows one: DepartmentDto.
type departmentDTO struct {
	OrganizationCode     string          `json:"organizationCode"`
	DepartmentID         string          `json:"departmentId"`
	CreatedAt            moment          `json:"createdAt"`
	UpdatedAt            moment          `json:"updatedAt"`
	OpenDepartmentID     *string         `json:"openDepartmentId"`
	Name                 string          `json:"name"`
	LeaderUserIDs        []string        `json:"leaderUserIds"`
	Description          string          `json:"description"`
	ParentDepartmentID   string          `json:"parentDepartmentId"` // "" for the root
	Code                 *string         `json:"code"`
	ParentDepartmentCode string          `json:"parentDepartmentCode"`
	MembersCount         int64           `json:"membersCount"` // directly in it
	HasChildren          bool            `json:"hasChildren"`
	IsVirtualNode        bool            `json:"isVirtualNode"`
	I18n                 *departmentI18n `json:"i18n,omitzero"`
	CustomData           customData      `json:"customData,omitzero"`
	PostIDList           []string        `json:"postIdList,omitzero"`
	Status               bool            `json:"status"` // whether it is enabled
	AppList              []departmentApp `json:"appList,omitzero"`
	Flat                 jsontext.Value  `json:",embed"` // custom values as members of the department
}

// departmentApp is an application that lets a department in.
type departmentApp struct {
	AppID   string `json:"appId"`
	AppName string `json:"appName"`
}

type departmentI18n struct {
	Name jsontext.Value `json:"name"`
}

// departmentNames are the members of a department, which no custom value replaces.
var departmentNames = memberNames(reflect.TypeFor[departmentDTO]())

func (a *API) viewDepartments(ctx context.Context, nodes []directory.Department, w withNode) ([]departmentDTO, error) {
	parts, err := a.partsOf(ctx, nodes, w)
	list := make([]departmentDTO, len(nodes))
	for i := range nodes {
		n, f := &nodes[i], parts.facts[nodes[i].ID]
		list[i] = departmentDTO{OrganizationCode: f.OrganizationCode, DepartmentID: n.ID, CreatedAt: moment(n.CreatedAt), UpdatedAt: moment(n.UpdatedAt),
			OpenDepartmentID: text(&n.OpenID), Name: n.Name, LeaderUserIDs: listOf(f.Leaders), Description: n.Description,
			ParentDepartmentID: n.ParentID, Code: text(&n.Code), ParentDepartmentCode: f.ParentCode, MembersCount: f.Members,
			HasChildren: f.HasChildren, IsVirtualNode: n.Virtual, Status: n.Enabled}
		if n.I18n != "" {
			list[i].I18n = &departmentI18n{jsontext.Value(n.I18n)}
		}
		if w.customData {
			list[i].CustomData = customDataOf(parts.values[n.ID])
		}
		if w.flat {
			list[i].Flat = flatten(parts.values[n.ID], departmentNames)
		}
		if w.posts {
			list[i].PostIDList = listOf(parts.posts[n.ID])
		}
	}
	return list, err
}

// showDepartment is the answer that is n, or err.
func (a *API) showDepartment(ctx context.Context, n *directory.Department, err error, w withNode) (*departmentDTO, error) {
	if err != nil {
		return nil, err
	}
	list, err := a.viewDepartments(ctx, []directory.Department{*n}, w)
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// departmentOf is the reference that most operations have. Where the organisation is not named, none is found.
func departmentOf(organization *string, kind, id string) directory.DepartmentRef {
	return directory.DepartmentRef{Organization: value(organization), Type: kind, Value: id}
}

// anyDepartment is a department of whatever organisation.
func anyDepartment(id string) directory.DepartmentRef {
	return directory.DepartmentRef{Anywhere: true, Value: id}
}

// getDepartment takes the organisation's root where no department is named, and looks in all organisations where none of them is.
func (a *API) getDepartment(ctx context.Context, in *GetDepartmentParams) (*departmentDTO, error) {
	ref := directory.DepartmentRef{Organization: value(in.OrganizationCode), Anywhere: in.OrganizationCode == nil, Type: in.DepartmentIDType, Value: directory.Root}
	switch {
	case in.DepartmentID != nil:
		ref.Value = *in.DepartmentID
	case in.DepartmentCode != nil:
		ref.Type, ref.Value = "code", *in.DepartmentCode
	case in.OrganizationCode == nil:
		return nil, fault.Field("departmentId")
	}
	n, err := a.Directory.Department(ctx, poolOf(ctx), ref)
	return a.showDepartment(ctx, n, err, withNode{customData: in.WithCustomData, flat: in.FlatCustomData})
}

func (a *API) getDepartmentByID(ctx context.Context, in *GetDepartmentByIdParams) (*departmentDTO, error) {
	n, err := a.Directory.Department(ctx, poolOf(ctx), anyDepartment(in.DepartmentID))
	return a.showDepartment(ctx, n, err, withNode{customData: in.WithCustomData})
}

// getDepartmentAllApp answers with the department, as the contract says, and the applications that let it in, as the operation's
// description does. Applications are of one type here: appTypeList selects nothing.
func (a *API) getDepartmentAllApp(ctx context.Context, in *GetDepartmentByIdReqDto) (*departmentDTO, error) {
	n, err := a.Directory.Department(ctx, poolOf(ctx), anyDepartment(in.DepartmentID))
	d, err := a.showDepartment(ctx, n, err, withNode{customData: in.WithCustomData})
	if err != nil {
		return nil, err
	}
	records, err := a.Access.AppRecordsOf(ctx, n.PoolID, access.Target{Type: directory.DepartmentTarget, ID: n.ID})
	if err != nil {
		return nil, err
	}
	d.AppList = []departmentApp{}
	var ids []string
	for _, r := range records {
		if r.Effect == access.Allow && r.Enabled {
			ids = append(ids, r.AppID)
		}
	}
	names, err := a.Signin.ApplicationNames(ctx, n.PoolID, ids)
	for _, id := range ids {
		d.AppList = append(d.AppList, departmentApp{id, names[id]})
	}
	return d, err
}

func (a *API) createDepartment(ctx context.Context, in *CreateDepartmentReqDto) (*departmentDTO, error) {
	custom, err := objectOf("customData", in.CustomData)
	if err != nil {
		return nil, err
	}
	n := directory.NewDepartment{Code: value(in.Code), Name: in.Name, Description: value(in.Description), OpenID: value(in.OpenDepartmentID),
		Virtual: value(in.IsVirtualNode), Custom: custom, PostIDs: in.PostIDList}
	if in.I18n != nil {
		n.I18n = in.I18n.Name.raw()
	}
	made, err := a.Directory.CreateDepartment(ctx, poolOf(ctx), departmentOf(in.OrganizationCode, value(in.DepartmentIDType), in.ParentDepartmentID), n)
	return a.showDepartment(ctx, made, err, withNode{customData: custom != nil, posts: in.PostIDList != nil})
}

func (a *API) updateDepartment(ctx context.Context, in *UpdateDepartmentReqDto) (*departmentDTO, error) {
	custom, err := objectOf("customData", in.CustomData)
	if err != nil {
		return nil, err
	}
	p := directory.DepartmentPatch{Name: in.Name, Description: in.Description, Code: in.Code, Parent: in.ParentDepartmentID, Enabled: in.Status,
		Leaders: in.LeaderUserIDs, Custom: custom, PostIDs: in.PostIDList}
	if in.I18n != nil {
		p.I18n = in.I18n.Name.raw()
	}
	n, err := a.Directory.UpdateDepartment(ctx, poolOf(ctx), departmentOf(in.OrganizationCode, value(in.DepartmentIDType), in.DepartmentID), p)
	return a.showDepartment(ctx, n, err, withNode{customData: custom != nil, posts: in.PostIDList != nil})
}

func (a *API) updateDepartmentStatus(ctx context.Context, in *UpdateDepartmentStatusReqDto) (*departmentDTO, error) {
	n, err := a.Directory.UpdateDepartment(ctx, poolOf(ctx), anyDepartment(in.DepartmentID), directory.DepartmentPatch{Enabled: &in.Status})
	return a.showDepartment(ctx, n, err, withNode{})
}

func (a *API) deleteDepartment(ctx context.Context, in *DeleteDepartmentReqDto) (success, error) {
	return succeeded(a.Directory.DeleteDepartment(ctx, poolOf(ctx), departmentOf(in.OrganizationCode, value(in.DepartmentIDType), in.DepartmentID)))
}

// mostDepartmentsShown is how many departments a list without paging has.
const mostDepartmentsShown = 1000

func (a *API) searchDepartments(ctx context.Context, in *SearchDepartmentsReqDto) ([]departmentDTO, error) {
	list, _, err := a.Directory.SearchDepartments(ctx, poolOf(ctx), value(in.OrganizationCode),
		directory.DepartmentQuery{Keywords: in.Keywords, Page: pageOf(1, mostDepartmentsShown)})
	if err != nil {
		return nil, err
	}
	return a.viewDepartments(ctx, list, withNode{customData: in.WithCustomData})
}

func (a *API) searchDepartmentsList(ctx context.Context, in *SearchDepartmentsListReqDto) ([]departmentDTO, error) {
	q := directory.DepartmentQuery{Page: pageOf(in.Page, in.Limit)}
	for _, f := range in.AdvancedFilter {
		q.Filters = append(q.Filters, directory.Filter{Field: f.Field, Operator: f.Operator, Value: f.Value})
	}
	for _, s := range in.Sort {
		q.Sort = append(q.Sort, directory.Sort{Field: s.Field, Descending: s.Order == "desc"})
	}
	if in.SortBy != nil {
		q.Sort = append(q.Sort, directory.Sort{Field: *in.SortBy, Descending: value(in.OrderBy) != "ASC"})
	}
	list, _, err := a.Directory.SearchDepartments(ctx, poolOf(ctx), value(in.OrganizationCode), q)
	if err != nil {
		return nil, err
	}
	return a.viewDepartments(ctx, list, withNode{customData: in.WithCustomData, posts: in.WithPost})
}

func (a *API) listChildrenDepartments(ctx context.Context, in *ListChildrenDepartmentsParams) (*Page[departmentDTO], error) {
	q := directory.ChildQuery{Enabled: in.Status}
	if in.ExcludeVirtualNode || in.OnlyVirtualNode {
		q.Virtual = &in.OnlyVirtualNode
	}
	return a.children(ctx, departmentOf(in.OrganizationCode, in.DepartmentIDType, in.DepartmentID), q, in.WithCustomData)
}

func (a *API) getAllDepartments(ctx context.Context, in *GetAllDepartmentsParams) (*Page[departmentDTO], error) {
	return a.children(ctx, departmentOf(in.OrganizationCode, in.DepartmentIDType, in.DepartmentID), directory.ChildQuery{All: true}, in.WithCustomData)
}

func (a *API) children(ctx context.Context, ref directory.DepartmentRef, q directory.ChildQuery, customData bool) (*Page[departmentDTO], error) {
	nodes, total, err := a.Directory.ChildDepartments(ctx, poolOf(ctx), ref, q)
	if err != nil {
		return nil, err
	}
	list, err := a.viewDepartments(ctx, nodes, withNode{customData: customData})
	return &Page[departmentDTO]{total, list}, err
}

func (a *API) getParentDepartment(ctx context.Context, in *GetParentDepartmentParams) (*departmentDTO, error) {
	n, err := a.Directory.ParentDepartment(ctx, poolOf(ctx), departmentOf(in.OrganizationCode, in.DepartmentIDType, in.DepartmentID))
	return a.showDepartment(ctx, n, err, withNode{customData: in.WithCustomData})
}

func (a *API) listDepartmentMembers(ctx context.Context, in *ListDepartmentMembersParams) (*Page[userDTO], error) {
	q := directory.MemberQuery{Children: in.IncludeChildrenDepartments, SortBy: in.SortBy, Ascend: in.OrderBy == "Asc", Page: pageOf(in.Page, in.Limit)}
	return a.members(ctx, departmentOf(in.OrganizationCode, in.DepartmentIDType, in.DepartmentID), q,
		with{customData: in.WithCustomData, identities: in.WithIdentities, departmentIDs: in.WithDepartmentIDs})
}

func (a *API) searchDepartmentMembers(ctx context.Context, in *SearchDepartmentMembersParams) (*Page[userDTO], error) {
	q := directory.MemberQuery{Children: in.IncludeChildrenDepartments, Keywords: in.Keywords, Page: pageOf(in.Page, in.Limit)}
	return a.members(ctx, departmentOf(in.OrganizationCode, in.DepartmentIDType, in.DepartmentID), q,
		with{customData: in.WithCustomData, identities: in.WithIdentities, departmentIDs: in.WithDepartmentIDs})
}

func (a *API) members(ctx context.Context, ref directory.DepartmentRef, q directory.MemberQuery, w with) (*Page[userDTO], error) {
	users, total, err := a.Directory.DepartmentMembers(ctx, poolOf(ctx), ref, q)
	if err != nil {
		return nil, err
	}
	list, err := a.viewUsers(ctx, users, w)
	return &Page[userDTO]{total, list}, err
}

func (a *API) listDepartmentMemberIDs(ctx context.Context, in *ListDepartmentMemberIdsParams) ([]string, error) {
	return a.Directory.DepartmentMemberIDs(ctx, poolOf(ctx), departmentOf(in.OrganizationCode, in.DepartmentIDType, in.DepartmentID))
}

func (a *API) addDepartmentMembers(ctx context.Context, in *AddDepartmentMembersReqDto) (success, error) {
	return succeeded(a.Directory.AddDepartmentMembers(ctx, poolOf(ctx),
		departmentOf(in.OrganizationCode, value(in.DepartmentIDType), in.DepartmentID), in.UserIDs))
}

func (a *API) removeDepartmentMembers(ctx context.Context, in *RemoveDepartmentMembersReqDto) (success, error) {
	return succeeded(a.Directory.RemoveDepartmentMembers(ctx, poolOf(ctx),
		departmentOf(in.OrganizationCode, value(in.DepartmentIDType), in.DepartmentID), in.UserIDs))
}

type inDepartmentDTO struct {
	InDepartment bool `json:"inDepartment"`
}

func (a *API) isUserInDepartment(ctx context.Context, in *IsUserInDepartmentParams) (inDepartmentDTO, error) {
	u, err := a.user(ctx, "", in.UserID)
	if err != nil {
		return inDepartmentDTO{}, err
	}
	is, err := a.Directory.InDepartment(ctx, u.PoolID, departmentOf(in.OrganizationCode, in.DepartmentIDType, in.DepartmentID), u.ID, in.IncludeChildrenDepartments)
	return inDepartmentDTO{is}, err
}

// No department comes from another directory yet: there are no relations to list or to cut.

func (a *API) getDepartmentSyncRelations(ctx context.Context, in *GetDepartmentSyncRelationsParams) ([]any, error) {
	id := directory.Root
	if in.DepartmentID != nil {
		id = *in.DepartmentID
	}
	_, err := a.Directory.Department(ctx, poolOf(ctx), departmentOf(in.OrganizationCode, in.DepartmentIDType, id))
	return []any{}, err
}

func (a *API) deleteDepartmentSyncRelations(ctx context.Context, in *DeleteDepartmentSyncRelationReqDto) (success, error) {
	_, err := a.Directory.Department(ctx, poolOf(ctx), departmentOf(in.OrganizationCode, value(in.DepartmentIDType), in.DepartmentID))
	return succeeded(err)
}

// userDepartmentDTO is a department as one of its members sees it: UserDepartmentRespDto.
type userDepartmentDTO struct {
	OrganizationCode   string          `json:"organizationCode"`
	DepartmentID       string          `json:"departmentId"`
	IsRoot             bool            `json:"isRoot"`
	CreatedAt          moment          `json:"createdAt"`
	Name               string          `json:"name"`
	Description        string          `json:"description"`
	OpenDepartmentID   *string         `json:"openDepartmentId"`
	IsLeader           bool            `json:"isLeader"`
	Code               string          `json:"code"`
	IsMainDepartment   bool            `json:"isMainDepartment"`
	JoinedAt           moment          `json:"joinedAt"`
	IsVirtualNode      bool            `json:"isVirtualNode"`
	I18n               *departmentI18n `json:"i18n,omitzero"`
	CustomData         customData      `json:"customData,omitzero"`
	DepartmentIDPath   []string        `json:"departmentIdPath,omitzero"`
	DepartmentCodePath []string        `json:"departmentCodePath,omitzero"`
	DepartmentNamePath []string        `json:"departmentNamePath,omitzero"`
}

func (a *API) getUserDepartments(ctx context.Context, in *GetUserDepartmentsParams) (*Page[userDepartmentDTO], error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	found, total, err := a.Directory.UserDepartments(ctx, u.PoolID, u.ID, directory.UserDepartmentQuery{
		SortBy: in.SortBy, Ascend: in.OrderBy == "Asc", Paths: in.WithDepartmentPaths, Page: pageOf(in.Page, in.Limit)})
	if err != nil {
		return nil, err
	}
	var values map[string][]directory.Value
	if in.WithCustomData && len(found) > 0 {
		ids := make([]string, len(found))
		for i := range found {
			ids[i] = found[i].ID
		}
		if values, err = a.Directory.Values(ctx, u.PoolID, directory.DepartmentTarget, ids); err != nil {
			return nil, err
		}
	}
	list := make([]userDepartmentDTO, len(found))
	for i := range found {
		n := &found[i]
		list[i] = userDepartmentDTO{OrganizationCode: n.OrganizationCode, DepartmentID: n.ID, IsRoot: n.IsRoot(), CreatedAt: moment(n.CreatedAt),
			Name: n.Name, Description: n.Description, OpenDepartmentID: text(&n.OpenID), IsLeader: n.Leader, Code: n.Code,
			IsMainDepartment: n.Main, JoinedAt: moment(n.JoinedAt), IsVirtualNode: n.Virtual}
		if n.I18n != "" {
			list[i].I18n = &departmentI18n{jsontext.Value(n.I18n)}
		}
		if in.WithCustomData {
			list[i].CustomData = customDataOf(values[n.ID])
		}
		for _, p := range n.Path {
			list[i].DepartmentIDPath = append(list[i].DepartmentIDPath, p.ID)
			list[i].DepartmentCodePath = append(list[i].DepartmentCodePath, p.Code)
			list[i].DepartmentNamePath = append(list[i].DepartmentNamePath, p.Name)
		}
	}
	return &Page[userDepartmentDTO]{total, list}, nil
}

func (a *API) setUserDepartments(ctx context.Context, in *SetUserDepartmentsDto) (success, error) {
	list := make([]directory.UserDepartmentInput, len(in.Departments))
	for i, d := range in.Departments {
		list[i] = directory.UserDepartmentInput{ID: value(d.DepartmentID), Leader: d.IsLeader, Main: d.IsMainDepartment}
	}
	return succeeded(a.Directory.SetUserDepartments(ctx, poolOf(ctx), directory.UserRef{Type: in.Options.UserIDType, Value: in.UserID}, list))
}
