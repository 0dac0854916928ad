package v2

import (
	"context"
	"encoding/json"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/gql"
)

// userDepartment is the wire's UserDepartment.
type userDepartment struct {
	Department       *node   `json:"department"`
	IsMainDepartment bool    `json:"isMainDepartment"`
	JoinedAt         *string `json:"joinedAt"`
}

// node is the wire's Node without what leads on from it: members, roles and resources are asked for elsewhere.
type node struct {
	ID              string   `json:"id"`
	OrgID           string   `json:"orgId"`
	Name            string   `json:"name"`
	NameI18n        string   `json:"nameI18n,omitzero"`
	Description     string   `json:"description,omitzero"`
	DescriptionI18n string   `json:"descriptionI18n,omitzero"`
	Order           int64    `json:"order"`
	Code            string   `json:"code,omitzero"`
	Root            bool     `json:"root"`
	Depth           int      `json:"depth"`
	Path            []string `json:"path"`
	CodePath        []string `json:"codePath"`
	NamePath        []string `json:"namePath"`
	CreatedAt       *string  `json:"createdAt"`
	UpdatedAt       *string  `json:"updatedAt"`
	Children        []string `json:"children"`
	IsVirtualNode   bool     `json:"isVirtualNode"`
}

// mostUserDepartments is how many departments of one user are shown: this field of the wire has no pages.
const mostUserDepartments = 200

func (a *API) userDepartments(ctx context.Context, u *user, in *struct {
	OrgID string `json:"orgId"`
}) (*page[userDepartment], error) {
	list, _, err := a.dir.UserDepartments(ctx, u.UserPoolID, u.ID, directory.UserDepartmentQuery{Paths: true,
		Page: directory.Page{Page: 1, Limit: mostUserDepartments}})
	if err != nil {
		return nil, err
	}
	var children map[string][]string
	if gql.Selects(ctx, "list", "department", "children") {
		ids := make([]string, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		if children, err = a.dir.ChildIDs(ctx, u.UserPoolID, ids); err != nil {
			return nil, err
		}
	}
	out := &page[userDepartment]{List: []userDepartment{}}
	for i := range list {
		d := &list[i]
		if in.OrgID != "" && in.OrgID != d.OrgID {
			continue
		}
		out.List = append(out.List, userDepartment{Department: viewNode(d, children[d.ID]), IsMainDepartment: d.Main, JoinedAt: timeText(d.JoinedAt)})
	}
	out.TotalCount = int64(len(out.List))
	return out, nil
}

func viewNode(d *directory.UserDepartment, children []string) *node {
	n := &node{ID: d.ID, OrgID: d.OrgID, Name: d.Name, Description: d.Description, Order: d.Order, Code: d.Code, Root: d.IsRoot(),
		Path: []string{}, CodePath: []string{}, NamePath: []string{}, CreatedAt: timeText(d.CreatedAt), UpdatedAt: timeText(d.UpdatedAt),
		Children: children, IsVirtualNode: d.Virtual}
	if n.Children == nil {
		n.Children = []string{}
	}
	if json.Valid([]byte(d.I18n)) {
		n.NameI18n = d.I18n
	}
	for _, step := range d.Path {
		n.Path, n.CodePath, n.NamePath = append(n.Path, step.ID), append(n.CodePath, step.Code), append(n.NamePath, step.Name)
	}
	n.Depth = max(len(n.Path)-1, 0)
	return n
}
