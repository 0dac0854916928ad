package v3

import (
	"context"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// organizationDTO is an organisation as the wire shows one: OrganizationDto.
type organizationDTO struct {
	OrganizationCode string            `json:"organizationCode"`
	OrganizationName string            `json:"organizationName"`
	Description      string            `json:"description"`
	CreatedAt        moment            `json:"createdAt"`
	UpdatedAt        moment            `json:"updatedAt"`
	DepartmentID     string            `json:"departmentId"` // the root of its tree
	OpenDepartmentID *string           `json:"openDepartmentId"`
	HasChildren      bool              `json:"hasChildren"`
	LeaderUserIDs    []string          `json:"leaderUserIds"`
	MembersCount     int64             `json:"membersCount"` // directly in the root
	IsVirtualNode    bool              `json:"isVirtualNode"`
	I18n             *organizationI18n `json:"i18n,omitzero"`
	CustomData       customData        `json:"customData,omitzero"`
	PostIDList       []string          `json:"postIdList,omitzero"`
	Status           string            `json:"status"` // "true" or "false": whether it is enabled
}

type organizationI18n struct {
	OrganizationName jsontext.Value `json:"organizationName"`
}

// withNode says what to show of organisations and departments beside what always shows.
type withNode struct{ customData, flat, posts bool }

// nodeParts are what nodes show beyond their rows.
type nodeParts struct {
	facts  map[string]directory.DepartmentFacts
	values map[string][]directory.Value
	posts  map[string][]string
}

// partsOf reads what w asks for, with one query for each kind.
func (a *API) partsOf(ctx context.Context, nodes []directory.Department, w withNode) (p nodeParts, err error) {
	if len(nodes) == 0 {
		return p, nil
	}
	ids := make([]string, len(nodes))
	for i := range nodes {
		ids[i] = nodes[i].ID
	}
	if p.facts, err = a.Directory.DepartmentFacts(ctx, poolOf(ctx), ids); err != nil {
		return p, err
	}
	if w.customData || w.flat {
		if p.values, err = a.Directory.Values(ctx, poolOf(ctx), directory.DepartmentTarget, ids); err != nil {
			return p, err
		}
	}
	if w.posts {
		p.posts, err = a.Directory.PostIDsOfDepartments(ctx, poolOf(ctx), ids)
	}
	return p, err
}

// listOf is list, or an empty one that shows.
func listOf(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (a *API) viewOrganizations(ctx context.Context, nodes []directory.Department, w withNode) ([]organizationDTO, error) {
	parts, err := a.partsOf(ctx, nodes, w)
	list := make([]organizationDTO, len(nodes))
	for i := range nodes {
		n, f := &nodes[i], parts.facts[nodes[i].ID]
		list[i] = organizationDTO{OrganizationCode: n.Code, OrganizationName: n.Name, Description: n.Description,
			CreatedAt: moment(n.CreatedAt), UpdatedAt: moment(n.UpdatedAt), DepartmentID: n.ID, OpenDepartmentID: text(&n.OpenID),
			HasChildren: f.HasChildren, LeaderUserIDs: listOf(f.Leaders), MembersCount: f.Members, IsVirtualNode: n.Virtual,
			Status: strconv.FormatBool(n.Enabled)}
		if n.I18n != "" {
			list[i].I18n = &organizationI18n{jsontext.Value(n.I18n)}
		}
		if w.customData {
			list[i].CustomData = customDataOf(parts.values[n.ID])
		}
		if w.posts {
			list[i].PostIDList = listOf(parts.posts[n.ID])
		}
	}
	return list, err
}

func (a *API) viewOrganization(ctx context.Context, n *directory.Department, w withNode) (*organizationDTO, error) {
	list, err := a.viewOrganizations(ctx, []directory.Department{*n}, w)
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

func (a *API) getOrganization(ctx context.Context, in *GetOrganizationParams) (*organizationDTO, error) {
	o, err := a.Directory.Organization(ctx, poolOf(ctx), value(in.OrganizationCode))
	if err != nil {
		return nil, err
	}
	return a.viewOrganization(ctx, o, withNode{customData: in.WithCustomData, posts: in.WithPost})
}

// getOrganizationsBatch leaves out organisations that are not there.
func (a *API) getOrganizationsBatch(ctx context.Context, in *GetOrganizationsBatchParams) ([]organizationDTO, error) {
	list, err := a.Directory.OrganizationsByCode(ctx, poolOf(ctx), in.OrganizationCodeList)
	if err != nil {
		return nil, err
	}
	return a.viewOrganizations(ctx, list, withNode{customData: in.WithCustomData, posts: in.WithPost})
}

// mostOrganizationsShown is how many fetchAll fetches.
const mostOrganizationsShown = 1000

func (a *API) listOrganizations(ctx context.Context, in *ListOrganizationsParams) (*Page[organizationDTO], error) {
	p := pageOf(in.Page, in.Limit)
	if in.FetchAll {
		p = pageOf(1, mostOrganizationsShown)
	}
	return a.organizations(ctx, directory.OrganizationQuery{Enabled: in.Status, Page: p}, withNode{customData: in.WithCustomData, posts: in.WithPost})
}

func (a *API) searchOrganizations(ctx context.Context, in *SearchOrganizationsParams) (*Page[organizationDTO], error) {
	return a.organizations(ctx, directory.OrganizationQuery{Keywords: in.Keywords, Page: pageOf(in.Page, in.Limit)}, withNode{customData: in.WithCustomData})
}

func (a *API) organizations(ctx context.Context, q directory.OrganizationQuery, w withNode) (*Page[organizationDTO], error) {
	found, total, err := a.Directory.Organizations(ctx, poolOf(ctx), q)
	if err != nil {
		return nil, err
	}
	list, err := a.viewOrganizations(ctx, found, w)
	return &Page[organizationDTO]{total, list}, err
}

func (a *API) createOrganization(ctx context.Context, in *CreateOrganizationReqDto) (*organizationDTO, error) {
	n := directory.NewDepartment{Code: value(in.OrganizationCode), Name: in.OrganizationName, Description: value(in.Description),
		OpenID: value(in.OpenDepartmentID), PostIDs: in.PostIDList}
	if in.I18n != nil {
		n.I18n = in.I18n.OrganizationName.raw()
	}
	o, err := a.Directory.CreateOrganization(ctx, poolOf(ctx), n)
	if err != nil {
		return nil, err
	}
	return a.viewOrganization(ctx, o, withNode{posts: in.PostIDList != nil})
}

// raw is the translations as JSON, with all languages: the wire shows those that are not given as not enabled.
func (l *LangObject) raw() jsontext.Value {
	full, none := *l, ""
	for _, u := range []**LangUnit{&full.ZhCN, &full.EnUS, &full.ZhTW, &full.JaJP} {
		unit := value(*u)
		if unit.Value == nil {
			unit.Value = &none
		}
		*u = &unit
	}
	b, err := json.Marshal(full)
	if err != nil {
		return nil // a struct of texts and flags always encodes
	}
	return b
}

func (a *API) updateOrganization(ctx context.Context, in *UpdateOrganizationReqDto) (*organizationDTO, error) {
	p := directory.DepartmentPatch{Name: in.OrganizationName, Description: in.Description, Code: in.OrganizationNewCode,
		OpenID: in.OpenDepartmentID, Leaders: in.LeaderUserIDs, PostIDs: in.PostIDList}
	if in.I18n != nil {
		p.I18n = in.I18n.OrganizationName.raw()
	}
	o, err := a.Directory.UpdateOrganization(ctx, poolOf(ctx), value(in.OrganizationCode), p)
	if err != nil {
		return nil, err
	}
	return a.viewOrganization(ctx, o, withNode{posts: in.PostIDList != nil})
}

func (a *API) deleteOrganization(ctx context.Context, in *DeleteOrganizationReqDto) (success, error) {
	return succeeded(a.Directory.DeleteOrganization(ctx, poolOf(ctx), value(in.OrganizationCode)))
}

// updateOrganizationStatus takes the status as text, where that of departments is a flag.
func (a *API) updateOrganizationStatus(ctx context.Context, in *UpdateOrganizationStatusReqDto) (success, error) {
	enabled, err := strconv.ParseBool(value(in.Status))
	if err != nil {
		return success{}, fault.Field("status")
	}
	o, err := a.Directory.OrganizationByID(ctx, poolOf(ctx), in.RootNodeID)
	if err != nil {
		return success{}, err
	}
	_, err = a.Directory.UpdateOrganization(ctx, poolOf(ctx), o.Code, directory.DepartmentPatch{Enabled: &enabled})
	return succeeded(err)
}
