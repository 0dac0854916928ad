package v2

import (
	"context"
	"maps"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

var errTenantNotFound = fault.New(fault.NotFound, "tenant_not_found")

// org is the type Org: an organisation. Its identifier is that of its root node.
type org struct {
	ID       string  `json:"id"`
	RootNode *node   `json:"rootNode"`
	Nodes    []*node `json:"nodes"` // the root first, each before those below it
	TenantID *string `json:"tenantId"`
}

// viewOrgs shows organisations, with all their nodes where these are wanted.
func (a *API) viewOrgs(ctx context.Context, roots []directory.Department, nodes bool) ([]org, error) {
	pool := caller.From(ctx).PoolID
	views := make([]org, len(roots))
	if !nodes {
		shown, err := a.viewNodes(ctx, pool, roots)
		if err != nil {
			return nil, err
		}
		for i := range views {
			views[i] = org{ID: roots[i].ID, RootNode: shown[i], Nodes: []*node{}}
		}
		return views, nil
	}
	ids := make([]string, len(roots))
	for i := range roots {
		ids[i] = roots[i].ID
	}
	list, err := a.dir.OrganizationNodes(ctx, pool, ids)
	if err != nil {
		return nil, err
	}
	trees := treesOf(list)
	for i := range views {
		t := trees.rooted[roots[i].ID]
		if t == nil { // deleted meanwhile
			t = &tree{of: &roots[i]}
		}
		all := t.nodes(nil, nil)
		views[i] = org{ID: roots[i].ID, RootNode: all[0], Nodes: all}
	}
	return views, nil
}

// tree is a department with those below it.
type tree struct {
	of       *directory.Department
	children []*tree
}

type trees struct {
	rooted map[string]*tree // by the root's identifier
	roots  []*tree          // in the list's order
}

// treesOf puts together the departments of whole organisations; siblings keep the order of the list.
func treesOf(list []directory.Department) trees {
	byID := make(map[string]*tree, len(list))
	for i := range list {
		byID[list[i].ID] = &tree{of: &list[i]}
	}
	out := trees{rooted: map[string]*tree{}}
	for i := range list {
		t := byID[list[i].ID]
		if t.of.IsRoot() {
			out.rooted[t.of.ID] = t
			out.roots = append(out.roots, t)
		} else if above := byID[t.of.ParentID]; above != nil {
			above.children = append(above.children, t)
		}
	}
	return out
}

// nodes appends to list the views of the tree's departments, each before those below it. above leads to the tree.
func (t *tree) nodes(list []*node, above []directory.Department) []*node {
	path := append(above[:len(above):len(above)], *t.of)
	ids := make([]string, len(t.children))
	for i, c := range t.children {
		ids[i] = c.of.ID
	}
	list = append(list, viewNode(t.of, path, ids))
	for _, c := range t.children {
		list = c.nodes(list, path)
	}
	return list
}

// showOrg is the organisation that has the identifier, with its nodes where the document asks for them.
func (a *API) showOrg(ctx context.Context, id string) (*org, error) {
	o, err := a.orgOf(ctx, id)
	if err != nil {
		return nil, err
	}
	views, err := a.viewOrgs(ctx, []directory.Department{*o}, wantsNodes(ctx))
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// orgOf finds an organisation by its identifier.
func (a *API) orgOf(ctx context.Context, id string) (*directory.Department, error) {
	if id == "" {
		return nil, fault.Field("id")
	}
	return a.dir.Department(ctx, caller.From(ctx).PoolID, directory.DepartmentRef{OrgID: id, Value: directory.Root})
}

func (a *API) org(ctx context.Context, in *nodeIDInput) (*org, error) { return a.showOrg(ctx, in.ID) }

type orgsInput struct {
	paging
	sorting
}

func (a *API) orgs(ctx context.Context, in *orgsInput) (*page[org], error) {
	if err := in.newestFirst(); err != nil {
		return nil, err
	}
	roots, total, err := a.organizations(ctx, in.paging)
	if err != nil {
		return nil, err
	}
	views, err := a.viewOrgs(ctx, roots, wantsNodes(ctx, "list"))
	if err != nil {
		return nil, err
	}
	return &page[org]{total, views}, nil
}

func (a *API) organizations(ctx context.Context, p paging) ([]directory.Department, int64, error) {
	w, err := p.window()
	if err != nil {
		return nil, 0, err
	}
	return a.dir.Organizations(ctx, caller.From(ctx).PoolID, directory.OrganizationQuery{Page: w})
}

type orgIDInput struct {
	OrgID string `json:"orgId"`
}

func (a *API) rootNode(ctx context.Context, in *orgIDInput) (*node, error) {
	o, err := a.orgOf(ctx, in.OrgID)
	return a.showNode(ctx, o, err)
}

type createOrgInput struct {
	Name        string `json:"name"`
	Code        string `json:"code"`
	Description string `json:"description"`
	TenantID    string `json:"tenantId"`
}

// createOrg makes an organisation of one node. Its code may be that of another one: on this wire organisations are told apart by
// their identifiers.
func (a *API) createOrg(ctx context.Context, in *createOrgInput) (*org, error) {
	if in.TenantID != "" {
		return nil, errTenantNotFound
	}
	o, err := a.dir.ImportOrganization(ctx, caller.From(ctx).PoolID, directory.DepartmentTree{NewDepartment: directory.NewDepartment{
		Name: in.Name, Code: in.Code, Description: in.Description}})
	if err != nil {
		return nil, err
	}
	return a.showOrg(ctx, o.ID)
}

// deleteOrg removes an organisation with all its nodes.
func (a *API) deleteOrg(ctx context.Context, in *nodeIDInput) (*commonMessage, error) {
	o, err := a.orgOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.dir.DeleteOrganization(ctx, o.PoolID, o.RootCode); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

// orgRow is an organisation on REST.
type orgRow struct {
	ID         string   `json:"id"`
	CreatedAt  *string  `json:"createdAt"`
	UpdatedAt  *string  `json:"updatedAt"`
	UserPoolID string   `json:"userPoolId"`
	RootNodeID string   `json:"rootNodeId"`
	Logo       *string  `json:"logo"`
	TenantID   *string  `json:"tenantId"`
	RootNode   *nodeRow `json:"rootNode,omitzero"`
}

func viewOrgRow(o *directory.Department) orgRow {
	return orgRow{ID: o.ID, CreatedAt: timeText(o.CreatedAt), UpdatedAt: timeText(o.UpdatedAt), UserPoolID: o.PoolID, RootNodeID: o.ID}
}

// nodeRow is a node on REST, where translations are objects.
type nodeRow struct {
	ID              string         `json:"id"`
	CreatedAt       *string        `json:"createdAt"`
	UpdatedAt       *string        `json:"updatedAt"`
	UserPoolID      string         `json:"userPoolId"`
	OrgID           string         `json:"orgId"`
	Name            string         `json:"name"`
	NameI18n        jsontext.Value `json:"nameI18n"`
	Description     *string        `json:"description"`
	DescriptionI18n jsontext.Value `json:"descriptionI18n"`
	Order           int64          `json:"order"`
	Code            *string        `json:"code"`
}

func viewNodeRow(n *directory.Department) nodeRow {
	return nodeRow{ID: n.ID, CreatedAt: timeText(n.CreatedAt), UpdatedAt: timeText(n.UpdatedAt), UserPoolID: n.PoolID, OrgID: n.OrgID, Name: n.Name,
		NameI18n: object(n.I18n), Description: text(&n.Description), DescriptionI18n: object(n.TextI18n), Order: n.Order, Code: text(&n.Code)}
}

func object(text string) jsontext.Value {
	if text == "" {
		return jsontext.Value("null")
	}
	return jsontext.Value(text)
}

type restPage struct {
	Page  *int64 `json:"page"`
	Limit *int64 `json:"limit"`
}

func (a *API) getAllOrgs(ctx context.Context, in *restPage) ([]orgRow, error) {
	roots, _, err := a.organizations(ctx, paging{in.Page, in.Limit})
	if err != nil {
		return nil, err
	}
	rows := make([]orgRow, len(roots))
	for i := range roots {
		rows[i] = viewOrgRow(&roots[i])
		root := viewNodeRow(&roots[i])
		rows[i].RootNode = &root
	}
	return rows, nil
}

type orgCount struct {
	Count int64 `json:"count"`
}

func (a *API) countOrgs(ctx context.Context, _ *struct{}) (orgCount, error) {
	_, total, err := a.dir.Organizations(ctx, caller.From(ctx).PoolID, directory.OrganizationQuery{Page: directory.Page{Page: 1, Limit: 1}})
	return orgCount{total}, err
}

type tenantInput struct {
	TenantID string `json:"tenant_id"`
}

// orgByTenant finds nothing: no organisation is a tenant's.
func (a *API) orgByTenant(context.Context, *tenantInput) (*orgRow, error) { return nil, nil }

// exportedNode is a node with all below it. What is exported can be imported again.
type exportedNode struct {
	nodeRow
	Children []exportedNode `json:"children"`
}

func (t *tree) exported() exportedNode {
	out := exportedNode{viewNodeRow(t.of), make([]exportedNode, len(t.children))}
	for i, c := range t.children {
		out.Children[i] = c.exported()
	}
	return out
}

type exportInput struct {
	OrgID *string `json:"org_id"`
}

// exportOrgs answers the tree of one organisation, or the list of those of all.
func (a *API) exportOrgs(ctx context.Context, in *exportInput) (any, error) {
	pool := caller.From(ctx).PoolID
	if in.OrgID != nil {
		o, err := a.orgOf(ctx, *in.OrgID)
		if err != nil {
			return nil, err
		}
		return a.exported(ctx, o)
	}
	list, err := a.dir.OrganizationNodes(ctx, pool, nil)
	if err != nil {
		return nil, err
	}
	out := []exportedNode{}
	for _, t := range treesOf(list).roots {
		out = append(out, t.exported())
	}
	return out, nil
}

func (a *API) exported(ctx context.Context, o *directory.Department) (*exportedNode, error) {
	list, err := a.dir.OrganizationNodes(ctx, o.PoolID, []string{o.ID})
	if err != nil {
		return nil, err
	}
	t := treesOf(list).rooted[o.ID]
	if t == nil { // deleted meanwhile
		return nil, directory.ErrDepartmentNotFound
	}
	out := t.exported()
	return &out, nil
}

type importInput struct {
	FileType string         `json:"filetype" rule:"required,enum=json"`
	File     jsontext.Value `json:"file" rule:"required"`
}

// importedNode is a node of a tree to be made. What else the tree tells, such as identifiers, is not for an import.
type importedNode struct {
	Name            string         `json:"name"`
	NameI18n        jsontext.Value `json:"nameI18n"`
	Description     *string        `json:"description"`
	DescriptionI18n jsontext.Value `json:"descriptionI18n"`
	Order           *int32         `json:"order"`
	Code            *string        `json:"code"`
	Children        []importedNode `json:"children"`
}

// department is the node in the directory's terms. Trees too deep or too large are the directory's to refuse.
func (n *importedNode) department() (directory.DepartmentTree, error) {
	out := directory.DepartmentTree{NewDepartment: directory.NewDepartment{Name: n.Name}}
	if n.Description != nil {
		out.Description = *n.Description
	}
	if n.Code != nil {
		out.Code = *n.Code
	}
	if n.Order != nil {
		out.Order = int64(*n.Order)
	}
	var err error
	if out.I18n, err = translations("nameI18n", n.NameI18n); err != nil {
		return out, err
	}
	if out.TextI18n, err = translations("descriptionI18n", n.DescriptionI18n); err != nil {
		return out, err
	}
	out.Children = make([]directory.DepartmentTree, len(n.Children))
	for i := range n.Children {
		if out.Children[i], err = n.Children[i].department(); err != nil {
			return out, err
		}
	}
	return out, nil
}

// importOrg makes an organisation of a whole tree, all or nothing, and answers it as an export does.
func (a *API) importOrg(ctx context.Context, in *importInput) (*exportedNode, error) {
	var root importedNode
	if in.File.Kind() != '{' {
		return nil, fault.Field("file")
	}
	if err := json.Unmarshal(in.File, &root); err != nil {
		return nil, fault.Field("file").Because(err)
	}
	t, err := root.department()
	if err != nil {
		return nil, err
	}
	o, err := a.dir.ImportOrganization(ctx, caller.From(ctx).PoolID, t)
	if err != nil {
		return nil, err
	}
	return a.exported(ctx, o)
}

// orgStep and nodeStep are the steps of a way from an organisation down to a department.
type (
	orgStep struct {
		Type string `json:"type"` // org
		orgRow
	}
	nodeStep struct {
		Type string `json:"type"` // node
		nodeRow
	}
)

// userOrgs lists the ways that lead down to a user's departments, from the organisation on.
func (a *API) userOrgs(ctx context.Context, in *userPathInput) ([][]any, error) {
	pool := caller.From(ctx).PoolID
	u, err := a.dir.User(ctx, pool, directory.ByID(in.UserID))
	if err != nil {
		return nil, err
	}
	list, err := a.departmentsOfUser(ctx, pool, u.ID)
	if err != nil {
		return nil, err
	}
	rows := map[string]directory.Department{}
	var missing []string
	for i := range list {
		for _, step := range list[i].Path {
			if _, ok := rows[step.ID]; !ok {
				rows[step.ID] = step
				missing = append(missing, step.ID)
			}
		}
	}
	for len(missing) > 0 {
		part := missing[:min(len(missing), mostNodes)]
		missing = missing[len(part):]
		found, err := a.dir.DepartmentsByID(ctx, pool, part)
		if err != nil {
			return nil, err
		}
		maps.Copy(rows, found)
	}
	ways := make([][]any, len(list))
	for i := range list {
		ways[i] = []any{}
		for at, step := range list[i].Path {
			n := rows[step.ID]
			if at == 0 {
				ways[i] = append(ways[i], orgStep{"org", viewOrgRow(&n)})
			}
			ways[i] = append(ways[i], nodeStep{"node", viewNodeRow(&n)})
		}
	}
	return ways, nil
}

// ownOrgs is userOrgs for users themselves.
func (a *API) ownOrgs(ctx context.Context, _ *struct{}) ([][]any, error) {
	return a.userOrgs(ctx, &userPathInput{UserID: caller.From(ctx).UserID})
}
