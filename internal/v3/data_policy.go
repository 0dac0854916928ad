package v3

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// dataPolicyDTO is a policy; the wire does not show its statements.
type dataPolicyDTO struct {
	ID          string `json:"policyId"`
	Name        string `json:"policyName"`
	Description string `json:"description"`
	CreatedAt   moment `json:"createdAt"`
	UpdatedAt   moment `json:"updatedAt"`
}

func viewDataPolicy(p *access.DataPolicy, err error) (*dataPolicyDTO, error) {
	if err != nil {
		return nil, err
	}
	return &dataPolicyDTO{p.ID, p.Name, p.Description, moment(p.CreatedAt), moment(p.UpdatedAt)}, nil
}

// dataStatements reads statements. Condition is our own member: an expression.
func dataStatements(v jsontext.Value) ([]access.DataStatement, error) {
	var list []struct {
		Effect      string   `json:"effect"`
		Permissions []string `json:"permissions"`
		Condition   string   `json:"condition"`
	}
	if len(v) == 0 || v.Kind() == 'n' {
		return nil, nil
	}
	if err := json.Unmarshal(v, &list); err != nil {
		return nil, fault.Field("statementList").Because(err)
	}
	out := make([]access.DataStatement, len(list))
	for i, s := range list {
		out[i] = access.DataStatement{Effect: access.Effect(s.Effect), Permissions: s.Permissions, Condition: s.Condition}
	}
	return out, nil
}

func (a *API) createDataPolicy(ctx context.Context, in *CreateDataPolicyDto) (*dataPolicyDTO, error) {
	list, err := dataStatements(in.StatementList)
	if err != nil {
		return nil, err
	}
	return viewDataPolicy(a.Access.CreateDataPolicy(ctx, poolOf(ctx), access.NewDataPolicy{Name: in.PolicyName, Description: value(in.Description), Statements: list}))
}

func (a *API) getDataPolicy(ctx context.Context, in *GetDataPolicyParams) (*dataPolicyDTO, error) {
	return viewDataPolicy(a.Access.DataPolicy(ctx, poolOf(ctx), in.PolicyID))
}

// updateDataPolicy changes what is named; an empty name leaves the name.
func (a *API) updateDataPolicy(ctx context.Context, in *UpdateDataPolicyDto) (*dataPolicyDTO, error) {
	list, err := dataStatements(in.StatementList)
	if err != nil {
		return nil, err
	}
	p := access.DataPolicyPatch{Description: in.Description, Statements: list}
	if value(in.PolicyName) != "" {
		p.Name = in.PolicyName
	}
	return viewDataPolicy(a.Access.UpdateDataPolicy(ctx, poolOf(ctx), in.PolicyID, p))
}

func (a *API) deleteDataPolicy(ctx context.Context, in *DeleteDataPolicyDto) (struct{}, error) {
	return struct{}{}, a.Access.DeleteDataPolicy(ctx, poolOf(ctx), in.PolicyID)
}

func (a *API) checkDataPolicyExists(ctx context.Context, in *CheckDataPolicyExistsParams) (dataCheckDTO, error) {
	return checked(ctx, a.Access.DataPolicyAvailable(ctx, poolOf(ctx), in.PolicyName), "checkDataPolicyExists")
}

type simpleDataPolicyDTO struct {
	ID          string `json:"policyId"`
	Name        string `json:"policyName"`
	Description string `json:"description"`
}

func (a *API) listSimpleDataPolicies(ctx context.Context, in *ListSimpleDataPolicesParams) (*Page[simpleDataPolicyDTO], error) {
	found, total, err := a.Access.DataPolicies(ctx, poolOf(ctx), value(in.Query), pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]simpleDataPolicyDTO, len(found))
	for i := range found {
		list[i] = simpleDataPolicyDTO{found[i].ID, found[i].Name, found[i].Description}
	}
	return &Page[simpleDataPolicyDTO]{total, list}, nil
}

// listedDataPolicyDTO is a policy with what it speaks of and who has it: the first fifty of each.
type listedDataPolicyDTO struct {
	ID          string              `json:"policyId"`
	Name        string              `json:"policyName"`
	Description string              `json:"description"`
	Resources   []policyResourceDTO `json:"resourceList"`
	Targets     []policySubjectDTO  `json:"targetList"`
	UpdatedAt   moment              `json:"updatedAt"`
}

type policyResourceDTO struct {
	ID   string `json:"resourceId"`
	Name string `json:"resourceName"`
}

type policySubjectDTO struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Name string `json:"name"`
}

func (a *API) listDataPolicies(ctx context.Context, in *ListDataPolicesParams) (*Page[listedDataPolicyDTO], error) {
	found, total, err := a.Access.DataPolicies(ctx, poolOf(ctx), value(in.Query), pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	list := make([]listedDataPolicyDTO, len(found))
	if len(found) == 0 {
		return &Page[listedDataPolicyDTO]{total, list}, nil
	}
	resources, err := a.Access.ResourcesOfDataPolicies(ctx, poolOf(ctx), ids)
	if err != nil {
		return nil, err
	}
	targets, err := a.Access.TargetsOfDataPolicies(ctx, poolOf(ctx), ids)
	if err != nil {
		return nil, err
	}
	for i := range found {
		p := &found[i]
		list[i] = listedDataPolicyDTO{p.ID, p.Name, p.Description, []policyResourceDTO{}, []policySubjectDTO{}, moment(p.UpdatedAt)}
		for _, r := range resources[p.ID] {
			list[i].Resources = append(list[i].Resources, policyResourceDTO{r.ID, r.Name})
		}
		for _, t := range targets[p.ID] {
			list[i].Targets = append(list[i].Targets, policySubjectDTO{t.ID, dataTargetName(t.Type), t.Name})
		}
	}
	return &Page[listedDataPolicyDTO]{total, list}, nil
}

// organizationTarget is the wire's word for a department: an organisation is its root.
const organizationTarget = "ORG"

func dataTargetType(name string) directory.TargetType {
	if name == organizationTarget {
		return directory.DepartmentTarget
	}
	return directory.TargetType(name)
}

func dataTargetName(t directory.TargetType) string {
	if t == directory.DepartmentTarget {
		return organizationTarget
	}
	return string(t)
}

type dataPolicyTargetDTO struct {
	ID   string `json:"targetIdentifier"`
	Type string `json:"targetType"`
	Name string `json:"targetName"`
	At   moment `json:"authorizationTime"`
}

func (a *API) listDataPolicyTargets(ctx context.Context, in *ListDataPolicyTargetsParams) (*Page[dataPolicyTargetDTO], error) {
	types := make([]directory.TargetType, len(in.TargetType))
	for i, name := range in.TargetType {
		types[i] = dataTargetType(name)
	}
	found, total, err := a.Access.DataPolicyTargets(ctx, poolOf(ctx), in.PolicyID, types, value(in.Query), pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]dataPolicyTargetDTO, len(found))
	for i, t := range found {
		list[i] = dataPolicyTargetDTO{t.ID, dataTargetName(t.Type), t.Name, moment(t.CreatedAt)}
	}
	return &Page[dataPolicyTargetDTO]{total, list}, nil
}

func (a *API) authorizeDataPolicies(ctx context.Context, in *CreateAuthorizeDataPolicyDto) (struct{}, error) {
	targets := make([]access.Target, len(in.TargetList))
	for i, t := range in.TargetList {
		if value(t.ID) == "" {
			return struct{}{}, fault.Field("id")
		}
		if value(t.Type) == "" {
			return struct{}{}, fault.Field("type")
		}
		targets[i] = access.Target{Type: dataTargetType(*t.Type), ID: *t.ID}
	}
	return struct{}{}, a.Access.AssignDataPolicies(ctx, poolOf(ctx), in.PolicyIDs, targets)
}

func (a *API) revokeDataPolicy(ctx context.Context, in *DeleteAuthorizeDataPolicyDto) (struct{}, error) {
	return struct{}{}, a.Access.UnassignDataPolicies(ctx, poolOf(ctx), []string{in.PolicyID},
		[]access.Target{{Type: dataTargetType(in.TargetType), ID: in.TargetIdentifier}})
}
