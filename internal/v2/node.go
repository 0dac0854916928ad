package v2

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/gql"
)

// node is the type Node: a department. Its members and roles have resolvers.
type node struct {
	ID              string   `json:"id"`
	OrgID           string   `json:"orgId"`
	Name            string   `json:"name"`
	NameI18n        *string  `json:"nameI18n"` // JSON text
	Description     *string  `json:"description"`
	DescriptionI18n *string  `json:"descriptionI18n"` // JSON text
	Order           int64    `json:"order"`
	Code            *string  `json:"code"`
	Root            bool     `json:"root"`
	Depth           int      `json:"depth"`
	Path            []string `json:"path"` // from the root to the node itself
	CodePath        []string `json:"codePath"`
	NamePath        []string `json:"namePath"`
	CreatedAt       *string  `json:"createdAt"`
	UpdatedAt       *string  `json:"updatedAt"`
	Children        []string `json:"children"` // never null: clients walk it
	IsVirtualNode   bool     `json:"isVirtualNode"`

	of *directory.Department
}

// viewNode shows a department that stands at the end of path. It points into n.
func viewNode(n *directory.Department, path []directory.Department, children []string) *node {
	v := &node{ID: n.ID, OrgID: n.OrgID, Name: n.Name, NameI18n: text(&n.I18n), Description: text(&n.Description), DescriptionI18n: text(&n.TextI18n),
		Order: n.Order, Code: text(&n.Code), Root: n.IsRoot(), Depth: max(len(path)-1, 0), CreatedAt: timeText(n.CreatedAt), UpdatedAt: timeText(n.UpdatedAt),
		Path: make([]string, len(path)), CodePath: make([]string, len(path)), NamePath: make([]string, len(path)),
		Children: children, IsVirtualNode: n.Virtual, of: n}
	for i := range path {
		v.Path[i], v.CodePath[i], v.NamePath[i] = path[i].ID, path[i].Code, path[i].Name
	}
	if v.Children == nil {
		v.Children = []string{}
	}
	return v
}

// mostNodes is how many nodes a list without paging shows.
const mostNodes = 1000

// viewNodes shows up to mostNodes departments with the paths and the children that they have in the directory.
func (a *API) viewNodes(ctx context.Context, pool string, list []directory.Department) ([]*node, error) {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	paths, err := a.dir.DepartmentPaths(ctx, pool, ids)
	if err != nil {
		return nil, err
	}
	children, err := a.dir.ChildIDs(ctx, pool, ids)
	if err != nil {
		return nil, err
	}
	views := make([]*node, len(list))
	for i := range list {
		views[i] = viewNode(&list[i], paths[list[i].ID], children[list[i].ID])
	}
	return views, nil
}

// showNode is the answer that is n, or err.
func (a *API) showNode(ctx context.Context, n *directory.Department, err error) (*node, error) {
	if err != nil {
		return nil, err
	}
	views, err := a.viewNodes(ctx, n.PoolID, []directory.Department{*n})
	if err != nil {
		return nil, err
	}
	return views[0], nil
}

// longestID is more than any identifier has: longer ones name nothing.
const longestID = 1024

// nodeRef refers to a node of an organisation by their identifiers. An empty orgID stands for all organisations.
func nodeRef(orgID, nodeID string) (directory.DepartmentRef, error) {
	switch {
	case nodeID == "":
		return directory.DepartmentRef{}, fault.Field("nodeId")
	case len(nodeID) > longestID || nodeID == directory.Root:
		return directory.DepartmentRef{}, directory.ErrDepartmentNotFound
	}
	return directory.DepartmentRef{OrgID: orgID, Anywhere: orgID == "", Value: nodeID}, nil
}

// nodeOfOrg is nodeRef where the wire wants the organisation.
func nodeOfOrg(orgID, nodeID string) (directory.DepartmentRef, error) {
	if orgID == "" {
		return directory.DepartmentRef{}, fault.Field("orgId")
	}
	return nodeRef(orgID, nodeID)
}

type nodeIDInput struct {
	ID string `json:"id"`
}

// nodeByID answers one node, null when there is none.
func (a *API) nodeByID(ctx context.Context, in *nodeIDInput) (*node, error) {
	ref, err := nodeRef("", in.ID)
	if err != nil {
		return nil, nil
	}
	n, err := a.dir.Department(ctx, caller.From(ctx).PoolID, ref)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return a.showNode(ctx, n, err)
}

type nodeCodeInput struct {
	OrgID string `json:"orgId"`
	Code  string `json:"code"`
}

// nodeByCode answers the node of an organisation that has the code, null when there is none.
func (a *API) nodeByCode(ctx context.Context, in *nodeCodeInput) (*node, error) {
	n, err := a.coded(ctx, in.OrgID, in.Code)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return a.showNode(ctx, n, err)
}

// coded finds the department of an organisation that has a code.
func (a *API) coded(ctx context.Context, orgID, code string) (*directory.Department, error) {
	found, err := a.dir.DepartmentsByCode(ctx, caller.From(ctx).PoolID, []string{code})
	if err != nil {
		return nil, err
	}
	for _, n := range found[code] {
		if n.OrgID == orgID {
			return &n, nil
		}
	}
	return nil, directory.ErrDepartmentNotFound
}

type orgNodeInput struct {
	OrgID  string `json:"orgId"`
	NodeID string `json:"nodeId"`
}

func (a *API) isRootNode(ctx context.Context, in *orgNodeInput) (bool, error) {
	ref, err := nodeOfOrg(in.OrgID, in.NodeID)
	if err != nil {
		return false, err
	}
	n, err := a.dir.Department(ctx, caller.From(ctx).PoolID, ref)
	return err == nil && n.IsRoot(), err
}

// childrenNodes lists the nodes directly below one; the organisation need not be named.
func (a *API) childrenNodes(ctx context.Context, in *orgNodeInput) ([]*node, error) {
	ref, err := nodeRef(in.OrgID, in.NodeID)
	if err != nil {
		return nil, err
	}
	pool := caller.From(ctx).PoolID
	list, _, err := a.dir.ChildDepartments(ctx, pool, ref, directory.ChildQuery{})
	if err != nil {
		return nil, err
	}
	return a.viewNodes(ctx, pool, list)
}

type searchNodesInput struct {
	Keyword string `json:"keyword"`
}

// searchNodes looks for a part of a name or a code in all organisations.
func (a *API) searchNodes(ctx context.Context, in *searchNodesInput) ([]*node, error) {
	pool := caller.From(ctx).PoolID
	list, err := a.dir.FindDepartments(ctx, pool, in.Keyword)
	if err != nil {
		return nil, err
	}
	return a.viewNodes(ctx, pool, list)
}

type addNodeInput struct {
	OrgID           string `json:"orgId"`
	ParentNodeID    string `json:"parentNodeId"`
	Name            string `json:"name"`
	NameI18n        string `json:"nameI18n"`
	Description     string `json:"description"`
	DescriptionI18n string `json:"descriptionI18n"`
	Order           int64  `json:"order"`
	Code            string `json:"code"`
}

// createNode makes a node, below the root where no parent is named.
func (a *API) createNode(ctx context.Context, in *addNodeInput) (*directory.Department, error) {
	if in.OrgID == "" {
		return nil, fault.Field("orgId")
	}
	parent := directory.DepartmentRef{OrgID: in.OrgID, Value: directory.Root}
	if in.ParentNodeID != "" {
		var err error
		if parent, err = nodeRef(in.OrgID, in.ParentNodeID); err != nil {
			return nil, err
		}
	}
	n := directory.NewDepartment{Code: in.Code, Name: in.Name, Description: in.Description, Order: in.Order}
	var err error
	if n.I18n, err = translations("nameI18n", jsontext.Value(in.NameI18n)); err != nil {
		return nil, err
	}
	if n.TextI18n, err = translations("descriptionI18n", jsontext.Value(in.DescriptionI18n)); err != nil {
		return nil, err
	}
	return a.dir.CreateDepartment(ctx, caller.From(ctx).PoolID, parent, n)
}

// translations are texts by language as they are kept: compact JSON, nil for none. Anything but an object of texts is fault.Field(name).
func translations(name string, v jsontext.Value) (jsontext.Value, error) {
	if len(v) == 0 || string(v) == "null" {
		return nil, nil
	}
	var texts map[string]string
	if err := json.Unmarshal(v, &texts); err != nil {
		return nil, fault.Field(name).Because(err)
	}
	if len(texts) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(texts, json.Deterministic(true))
	return b, err
}

func (a *API) addNodeV2(ctx context.Context, in *addNodeInput) (*node, error) {
	n, err := a.createNode(ctx, in)
	return a.showNode(ctx, n, err)
}

// addNode is addNodeV2 with the whole organisation as the answer.
func (a *API) addNode(ctx context.Context, in *addNodeInput) (*org, error) {
	n, err := a.createNode(ctx, in)
	if err != nil {
		return nil, err
	}
	return a.showOrg(ctx, n.OrgID)
}

type updateNodeInput struct {
	ID          string  `json:"id"`
	Name        *string `json:"name"`
	Code        *string `json:"code"`
	Description *string `json:"description"`
}

func (a *API) updateNode(ctx context.Context, in *updateNodeInput) (*node, error) {
	ref, err := nodeRef("", in.ID)
	if err != nil {
		return nil, err
	}
	n, err := a.dir.UpdateDepartment(ctx, caller.From(ctx).PoolID, ref, directory.DepartmentPatch{Name: in.Name, Code: in.Code, Description: in.Description})
	return a.showNode(ctx, n, err)
}

// deleteNode removes a node and all below it. A root goes with deleteOrg only.
func (a *API) deleteNode(ctx context.Context, in *orgNodeInput) (*commonMessage, error) {
	ref, err := nodeOfOrg(in.OrgID, in.NodeID)
	if err != nil {
		return nil, err
	}
	if err := a.dir.DeleteDepartment(ctx, caller.From(ctx).PoolID, ref); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type moveNodeInput struct {
	orgNodeInput
	TargetParentID string `json:"targetParentId"`
}

// moveNode puts a node below another of the same organisation.
func (a *API) moveNode(ctx context.Context, in *moveNodeInput) (*org, error) {
	ref, err := nodeOfOrg(in.OrgID, in.NodeID)
	if err != nil {
		return nil, err
	}
	if _, err := nodeOfOrg(in.OrgID, in.TargetParentID); err != nil {
		return nil, err
	}
	if _, err := a.dir.UpdateDepartment(ctx, caller.From(ctx).PoolID, ref, directory.DepartmentPatch{Parent: &in.TargetParentID}); err != nil {
		return nil, err
	}
	return a.showOrg(ctx, in.OrgID)
}

type nodeMembersInput struct {
	NodeID   string   `json:"nodeId"`
	OrgID    string   `json:"orgId"`
	NodeCode string   `json:"nodeCode"`
	UserIDs  []string `json:"userIds"`
	IsLeader bool     `json:"isLeader"`
}

// ref is the node that is meant: by its identifier, or by its code in an organisation.
func (a *API) membersRef(ctx context.Context, in *nodeMembersInput) (directory.DepartmentRef, error) {
	if in.NodeID == "" && in.NodeCode != "" {
		if in.OrgID == "" {
			return directory.DepartmentRef{}, fault.Field("orgId")
		}
		n, err := a.coded(ctx, in.OrgID, in.NodeCode)
		if err != nil {
			return directory.DepartmentRef{}, err
		}
		return nodeRef("", n.ID)
	}
	return nodeRef(in.OrgID, in.NodeID)
}

// addMember puts users into a node, all or none.
func (a *API) addMember(ctx context.Context, in *nodeMembersInput) (*node, error) {
	add := a.dir.AddDepartmentMembers
	if in.IsLeader {
		add = a.dir.AddDepartmentLeaders
	}
	return a.changeMembers(ctx, in, add)
}

// removeMember takes users out of a node; who is not in it is passed over.
func (a *API) removeMember(ctx context.Context, in *nodeMembersInput) (*node, error) {
	return a.changeMembers(ctx, in, a.dir.RemoveDepartmentMembers)
}

func (a *API) changeMembers(ctx context.Context, in *nodeMembersInput,
	change func(ctx context.Context, poolID string, ref directory.DepartmentRef, userIDs []string) error) (*node, error) {
	ref, err := a.membersRef(ctx, in)
	if err != nil {
		return nil, err
	}
	pool := caller.From(ctx).PoolID
	if err := change(ctx, pool, ref, in.UserIDs); err != nil {
		return nil, err
	}
	n, err := a.dir.Department(ctx, pool, ref)
	return a.showNode(ctx, n, err)
}

type moveMembersInput struct {
	UserIDs      []string `json:"userIds"`
	SourceNodeID string   `json:"sourceNodeId"`
	TargetNodeID string   `json:"targetNodeId"`
}

func (a *API) moveMembers(ctx context.Context, in *moveMembersInput) (*commonMessage, error) {
	from, err := nodeRef("", in.SourceNodeID)
	if err != nil {
		return nil, err
	}
	to, err := nodeRef("", in.TargetNodeID)
	if err != nil {
		return nil, err
	}
	if err := a.dir.MoveDepartmentMembers(ctx, caller.From(ctx).PoolID, from, to, in.UserIDs); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type mainDepartmentInput struct {
	UserID       string `json:"userId"`
	DepartmentID string `json:"departmentId"`
}

// setMainDepartment makes one of a user's departments the main one; without a department they have none.
func (a *API) setMainDepartment(ctx context.Context, in *mainDepartmentInput) (*commonMessage, error) {
	if in.DepartmentID != "" {
		if _, err := nodeRef("", in.DepartmentID); err != nil {
			return nil, err
		}
	}
	if err := a.dir.SetMainDepartment(ctx, caller.From(ctx).PoolID, directory.ByID(in.UserID), in.DepartmentID); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type nodeUsersInput struct {
	paging
	sorting
	IncludeChildrenNodes bool `json:"includeChildrenNodes"`
}

// nodeUsers lists the members of a node, those who joined last first, or by when they were made or changed.
func (a *API) nodeUsers(ctx context.Context, n *node, in *nodeUsersInput) (*page[user], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	q := directory.MemberQuery{Children: in.IncludeChildrenNodes, Page: w}
	switch in.SortBy {
	case "CREATEDAT_DESC", "CREATEDAT_ASC":
		q.SortBy = "createAt"
	case "UPDATEDAT_DESC", "UPDATEDAT_ASC":
		q.SortBy = "updatedAt"
	}
	q.Ascend = in.SortBy == "CREATEDAT_ASC" || in.SortBy == "UPDATEDAT_ASC"
	users, total, err := a.dir.DepartmentMembers(ctx, n.of.PoolID, directory.DepartmentRef{Anywhere: true, Value: n.ID}, q)
	if err != nil {
		return nil, err
	}
	return a.showPage(ctx, n.of.PoolID, users, total, selected(ctx, "list"))
}

// nodeRoles lists the roles that a node has itself; without a namespace, those of all.
func (a *API) nodeRoles(ctx context.Context, n *node, in *namespaceInput) (*page[role], error) {
	list, total, err := a.access.RolesOfDepartment(ctx, n.of.PoolID, n.ID, in.Namespace, directory.Page{Page: 1, Limit: mostShown})
	return a.rolePage(ctx, n.of.PoolID, list, total, err)
}

// wantsNodes reports whether the document asks for the nodes of organisations at path, below the field being resolved.
func wantsNodes(ctx context.Context, path ...string) bool {
	return gql.Selects(ctx, append(path, "nodes")...)
}
