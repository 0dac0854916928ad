package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/gql"
)

// userDepartment is the wire's UserDepartment.
type userDepartment struct {
	Department       *node   `json:"department"`
	IsMainDepartment bool    `json:"isMainDepartment"`
	JoinedAt         *string `json:"joinedAt"`
}

// mostUserDepartments is how many departments of one user are shown: this field of the wire has no pages.
const mostUserDepartments = 200

func (a *API) userDepartments(ctx context.Context, u *user, in *struct {
	OrgID string `json:"orgId"`
}) (*page[userDepartment], error) {
	list, err := a.departmentsOfUser(ctx, u.UserPoolID, u.ID)
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
		out.List = append(out.List, userDepartment{Department: viewNode(&d.Department, d.Path, children[d.ID]), IsMainDepartment: d.Main, JoinedAt: timeText(d.JoinedAt)})
	}
	out.TotalCount = int64(len(out.List))
	return out, nil
}

func (a *API) departmentsOfUser(ctx context.Context, pool, userID string) ([]directory.UserDepartment, error) {
	list, _, err := a.dir.UserDepartments(ctx, pool, userID, directory.UserDepartmentQuery{Paths: true,
		Page: directory.Page{Page: 1, Limit: mostUserDepartments}})
	return list, err
}
