package v3

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/op"
)

// periodOperations are our own: memberships that begin and end by the clock, for which the contract has no fields.
func (a *API) periodOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Post("/api/v3/x/add-group-members", "addGroupMembersFor", key, a.addGroupMembersFor),
		op.Get("/api/v3/x/list-group-periods", "listGroupPeriods", key, a.listGroupPeriods),
		op.Post("/api/v3/x/add-department-members", "addDepartmentMembersFor", key, a.addDepartmentMembersFor),
		op.Get("/api/v3/x/list-department-periods", "listDepartmentPeriods", key, a.listDepartmentPeriods),
	}
}

type addGroupMembersForReqDTO struct {
	UserIDs   []string `json:"userIds" rule:"required,items=50"`
	Code      string   `json:"code" rule:"required"`
	StartTime *int64   `json:"startTime"` // unix ms; absent = at once
	EndTime   *int64   `json:"endTime"`   // unix ms; absent = never
}

func (a *API) addGroupMembersFor(ctx context.Context, in *addGroupMembersForReqDTO) (success, error) {
	return succeeded(a.Directory.AddMembersFor(ctx, poolOf(ctx), in.Code, in.UserIDs, directory.Period{Begin: in.StartTime, End: in.EndTime}))
}

type addDepartmentMembersForReqDTO struct {
	UserIDs          []string `json:"userIds" rule:"required,items=50"`
	OrganizationCode *string  `json:"organizationCode"`
	DepartmentID     string   `json:"departmentId" rule:"required"`
	DepartmentIDType string   `json:"departmentIdType" rule:"enum=department_id|open_department_id|sync_relation|custom_field|code,default=department_id"`
	StartTime        *int64   `json:"startTime"` // unix ms; absent = at once
	EndTime          *int64   `json:"endTime"`   // unix ms; absent = never
}

func (a *API) addDepartmentMembersFor(ctx context.Context, in *addDepartmentMembersForReqDTO) (success, error) {
	return succeeded(a.Directory.AddDepartmentMembersFor(ctx, poolOf(ctx), departmentOf(in.OrganizationCode, in.DepartmentIDType, in.DepartmentID),
		in.UserIDs, directory.Period{Begin: in.StartTime, End: in.EndTime}))
}

type listGroupPeriodsParams struct {
	Code  string `json:"code" rule:"required"`
	Page  int64  `json:"page" rule:"min=1,max=2147483647,default=1"`
	Limit int64  `json:"limit" rule:"min=1,max=50,default=10"`
}

func (a *API) listGroupPeriods(ctx context.Context, in *listGroupPeriodsParams) (*Page[periodDTO], error) {
	return a.viewPeriods(a.Directory.GroupPeriods(ctx, poolOf(ctx), in.Code, pageOf(in.Page, in.Limit)))
}

type listDepartmentPeriodsParams struct {
	OrganizationCode *string `json:"organizationCode"`
	DepartmentID     string  `json:"departmentId" rule:"required"`
	DepartmentIDType string  `json:"departmentIdType" rule:"enum=department_id|open_department_id|sync_relation|custom_field|code,default=department_id"`
	Page             int64   `json:"page" rule:"min=1,max=2147483647,default=1"`
	Limit            int64   `json:"limit" rule:"min=1,max=50,default=10"`
}

func (a *API) listDepartmentPeriods(ctx context.Context, in *listDepartmentPeriodsParams) (*Page[periodDTO], error) {
	return a.viewPeriods(a.Directory.DepartmentPeriods(ctx, poolOf(ctx), departmentOf(in.OrganizationCode, in.DepartmentIDType, in.DepartmentID),
		pageOf(in.Page, in.Limit)))
}

// periodDTO is a membership with its period.
type periodDTO struct {
	UserID    string `json:"userId"`
	StartTime *int64 `json:"startTime"` // unix ms; null = at once
	EndTime   *int64 `json:"endTime"`   // unix ms; null = never
	State     string `json:"state"`     // pending | active
}

// viewPeriods is the answer that is the list, or err.
func (a *API) viewPeriods(list []directory.Membership, total int64, err error) (*Page[periodDTO], error) {
	if err != nil {
		return nil, err
	}
	now := a.DB.Now()
	shown := make([]periodDTO, len(list))
	for i, m := range list {
		shown[i] = periodDTO{m.UserID, timeOrNull(m.EnableTime), timeOrNull(m.EndTime), "active"}
		if m.EnableTime > now {
			shown[i].State = "pending"
		}
	}
	return &Page[periodDTO]{total, shown}, nil
}
