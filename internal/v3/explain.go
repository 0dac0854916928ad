package v3

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
)

// explainOperations are our own: why somebody may do something, who may, and what a change would do. The contract only asks whether.
func (a *API) explainOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Query("/api/v3/x/explain-permission", "explainPermission", key, a.explainPermission),
		op.Query("/api/v3/x/who-can", "whoCan", key, a.whoCan),
		op.Query("/api/v3/x/what-if", "whatIf", key, a.whatIf).Costs(op.List),
		op.Query("/api/v3/x/batch-check", "batchCheck", key, a.batchCheck),
	}
}

// permissionQuestion is what all of them ask about.
type permissionQuestion struct {
	Namespace    *string        `json:"namespace"`
	Resource     string         `json:"resource" rule:"required"`
	ResourceType *string        `json:"resourceType" rule:"enum=DATA|API|MENU|BUTTON|UI"`
	Action       *string        `json:"action"` // absent = the resource itself
	Environment  map[string]any `json:"environment"`
}

func (q *permissionQuestion) of(userID string) access.Question {
	return access.Question{UserID: userID, Namespace: value(q.Namespace), Resource: q.Resource, Action: value(q.Action),
		ResourceType: access.ResourceType(value(q.ResourceType)), Environment: q.Environment}
}

type explainPermissionReqDTO struct {
	UserID string `json:"userId" rule:"required"`
	permissionQuestion
}

type explanationDTO struct {
	Allowed    bool         `json:"allowed"`
	Reason     string       `json:"reason"` // ALLOWED | DENIED | NOT_GRANTED
	Summary    string       `json:"summary"`
	DecidedBy  *ruleDTO     `json:"decidedBy"` // null: nothing was granted
	Paths      []pathDTO    `json:"paths"`
	Overridden []pathDTO    `json:"overridden"`
	Nearest    []nearestDTO `json:"nearest"`
}

// pathDTO is a way from a user to a rule.
type pathDTO struct {
	Summary string    `json:"summary"`
	Steps   []stepDTO `json:"steps"`
	Rule    *ruleDTO  `json:"rule"`
}

type stepDTO struct {
	Type      string       `json:"type"` // USER | GROUP | ROLE | DEPARTMENT
	ID        string       `json:"id"`
	Code      string       `json:"code"`
	Name      string       `json:"name"`
	StartTime *int64       `json:"startTime"` // unix ms; null = at once
	EndTime   *int64       `json:"endTime"`   // unix ms; null = never
	Inherited bool         `json:"inherited"`
	GroupRule *stepRuleDTO `json:"groupRule"` // null: not a dynamic group
}

type stepRuleDTO struct {
	Rule   string         `json:"rule"`
	Since  *int64         `json:"since"` // unix ms
	Fields map[string]any `json:"fields"`
}

// nearestDTO is a rule that does not apply to the user.
type nearestDTO struct {
	Summary string   `json:"summary"`
	Rule    *ruleDTO `json:"rule"`
}

type ruleDTO struct {
	Kind         string         `json:"kind"` // GRANT | POLICY, or what else there is
	ID           string         `json:"id"`
	PolicyCode   *string        `json:"policyCode"` // null: a grant
	Statement    *int           `json:"statement"`  // of the policy, from 0
	TargetType   string         `json:"targetType"`
	TargetID     string         `json:"targetId"`
	TargetCode   string         `json:"targetCode"`
	TargetName   string         `json:"targetName"`
	Namespace    string         `json:"namespace"`
	Resource     string         `json:"resource"`
	ResourceType *string        `json:"resourceType"` // null: all
	Actions      []string       `json:"actions"`
	Effect       string         `json:"effect"`
	Inherit      bool           `json:"inherit"`
	Conditions   []conditionDTO `json:"conditions"`
}

type conditionDTO struct {
	Param    string         `json:"param"`
	Operator string         `json:"operator"`
	Value    jsontext.Value `json:"value"`
	Actual   any            `json:"actual"`
	Holds    bool           `json:"holds"`
	Failure  *string        `json:"failure"`
}

func viewRuleOf(r *access.Rule, code, name string) *ruleDTO {
	out := &ruleDTO{Kind: string(r.Kind), ID: r.ID, TargetType: string(r.Target.Type), TargetID: r.Target.ID, TargetCode: code, TargetName: name,
		Namespace: r.Namespace, Resource: r.Resource, Actions: r.Actions, Effect: string(r.Effect), Inherit: r.Inherit,
		Conditions: make([]conditionDTO, len(r.Conditions))}
	if r.Policy != "" {
		out.PolicyCode, out.Statement = &r.Policy, &r.Statement
	}
	if r.ResourceType != "" {
		t := string(r.ResourceType)
		out.ResourceType = &t
	}
	for i, c := range r.Conditions {
		out.Conditions[i] = conditionDTO{Param: c.Param, Operator: c.Operator, Value: c.Value, Actual: c.Actual, Holds: c.Holds}
		if c.Failure != "" {
			out.Conditions[i].Failure = &r.Conditions[i].Failure
		}
	}
	return out
}

// viewPath shows a way of u, whom the domain leaves without names.
func viewPath(say speaker, q access.Question, u *directory.User, p *access.Path) pathDTO {
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Type == directory.UserTarget {
			s.Code, s.Name = u.Username, u.DisplayName()
		}
	}
	out := pathDTO{Summary: say.path(q, p), Steps: make([]stepDTO, len(p.Steps))}
	code, name := "", ""
	for i := range p.Steps {
		s := &p.Steps[i]
		out.Steps[i] = stepDTO{Type: string(s.Type), ID: s.ID, Code: s.Code, Name: s.Name, StartTime: timeOrNull(s.Term.EnableTime),
			EndTime: timeOrNull(s.Term.EndTime), Inherited: s.Inherited}
		if s.Dynamic != nil {
			out.Steps[i].GroupRule = &stepRuleDTO{s.Dynamic.Rule, timeOrNull(s.Dynamic.Since), s.Dynamic.Fields}
		}
		code, name = s.Code, s.Name
	}
	out.Rule = viewRuleOf(&p.Rule, code, name)
	return out
}

func viewPaths(say speaker, q access.Question, u *directory.User, paths []access.Path) []pathDTO {
	list := make([]pathDTO, len(paths))
	for i := range paths {
		list[i] = viewPath(say, q, u, &paths[i])
	}
	return list
}

func (a *API) explainPermission(ctx context.Context, in *explainPermissionReqDTO) (*explanationDTO, error) {
	q := in.of(in.UserID)
	e, err := a.Access.Explain(ctx, poolOf(ctx), q)
	if err != nil {
		return nil, err
	}
	u, err := a.Directory.User(ctx, poolOf(ctx), directory.UserRef{Value: in.UserID})
	if err != nil {
		return nil, err
	}
	say := speakerOf(ctx)
	out := &explanationDTO{Allowed: e.Allowed, Reason: "NOT_GRANTED", Paths: viewPaths(say, q, u, e.Paths), Overridden: viewPaths(say, q, u, e.Overridden),
		Nearest: make([]nearestDTO, len(e.Nearest))}
	if e.DecidedBy != nil && len(out.Paths) > 0 {
		out.DecidedBy, out.Reason = out.Paths[0].Rule, "DENIED"
		if e.Allowed {
			out.Reason = "ALLOWED"
		}
		out.Summary = say.verdict(out)
		return out, nil
	}
	names, err := a.namesOf(ctx, e.Nearest)
	if err != nil {
		return nil, err
	}
	for i := range e.Nearest {
		r := &e.Nearest[i]
		n := names[r.Target]
		out.Nearest[i] = nearestDTO{say.holding(q, r, n), viewRuleOf(r, n.code, n.name)}
	}
	out.Summary = say.nothing(q, u, out.Nearest)
	return out, nil
}

// named is how people call a target.
type named struct{ code, name string }

// namesOf looks the targets of rules up, of each kind at once. Who is gone since has no names.
func (a *API) namesOf(ctx context.Context, rules []access.Rule) (map[access.Target]named, error) {
	ids := make(map[directory.TargetType][]string)
	for _, r := range rules {
		ids[r.Target.Type] = append(ids[r.Target.Type], r.Target.ID)
	}
	out := make(map[access.Target]named, len(rules))
	pool := poolOf(ctx)
	if list := ids[directory.UserTarget]; len(list) > 0 {
		users, err := a.Directory.UsersByRefs(ctx, pool, directory.Refs("", list))
		if err != nil {
			return nil, err
		}
		for i := range users {
			out[access.Target{Type: directory.UserTarget, ID: users[i].ID}] = named{users[i].Username, users[i].DisplayName()}
		}
	}
	if list := ids[directory.GroupTarget]; len(list) > 0 {
		groups, err := a.Directory.GroupsByID(ctx, pool, list)
		if err != nil {
			return nil, err
		}
		for id, g := range groups {
			out[access.Target{Type: directory.GroupTarget, ID: id}] = named{g.Code, g.Name}
		}
	}
	if list := ids[directory.DepartmentTarget]; len(list) > 0 {
		departments, err := a.Directory.DepartmentsByID(ctx, pool, list)
		if err != nil {
			return nil, err
		}
		for id, d := range departments {
			out[access.Target{Type: directory.DepartmentTarget, ID: id}] = named{d.Code, d.Name}
		}
	}
	if list := ids[directory.RoleTarget]; len(list) > 0 {
		roles, err := a.Access.RolesByID(ctx, pool, list)
		if err != nil {
			return nil, err
		}
		for id, r := range roles {
			out[access.Target{Type: directory.RoleTarget, ID: id}] = named{r.Code, r.Name}
		}
	}
	return out, nil
}

type whoCanReqDTO struct {
	permissionQuestion
	Page  int64 `json:"page" rule:"min=1,max=2147483647,default=1"`
	Limit int64 `json:"limit" rule:"min=1,max=50,default=10"`
}

type whoDTO struct {
	UserID   string  `json:"userId"`
	Username string  `json:"username"`
	Name     string  `json:"name"`
	Path     pathDTO `json:"path"`
}

func (a *API) whoCan(ctx context.Context, in *whoCanReqDTO) (*Page[whoDTO], error) {
	q := in.of("")
	users, total, err := a.Access.WhoCan(ctx, poolOf(ctx), q, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	say := speakerOf(ctx)
	list := make([]whoDTO, len(users))
	for i := range users {
		u := &users[i].User
		list[i] = whoDTO{u.ID, u.Username, u.DisplayName(), viewPath(say, q, u, &users[i].Path)}
	}
	return &Page[whoDTO]{total, list}, nil
}

type batchCheckReqDTO struct {
	List []struct {
		UserID string `json:"userId" rule:"required"`
		permissionQuestion
	} `json:"list" rule:"required,items=1000"`
}

type batchCheckDTO struct {
	Allowed []bool `json:"allowed"` // in the order of the questions
}

func (a *API) batchCheck(ctx context.Context, in *batchCheckReqDTO) (*batchCheckDTO, error) {
	questions := make([]access.Question, len(in.List))
	for i := range in.List {
		questions[i] = in.List[i].of(in.List[i].UserID)
	}
	allowed, err := a.Access.DecideAll(ctx, poolOf(ctx), questions)
	if err != nil {
		return nil, err
	}
	return &batchCheckDTO{allowed}, nil
}

type whatIfReqDTO struct {
	Changes []changeDTO `json:"changes" rule:"required,items=20"`
}

// changeDTO is one change; what its kind does not speak of is ignored.
type changeDTO struct {
	Kind         string      `json:"kind" rule:"required,enum=GRANT|REVOKE|ADD_TO_GROUP|REMOVE_FROM_GROUP|ADD_TO_DEPARTMENT|REMOVE_FROM_DEPARTMENT|MOVE_DEPARTMENT|ASSIGN_ROLE|UNASSIGN_ROLE|DELETE_ROLE"`
	Namespace    *string     `json:"namespace"`
	Targets      []targetDTO `json:"targets" rule:"items=50"`
	Resource     *string     `json:"resource"`
	ResourceType *string     `json:"resourceType" rule:"enum=DATA|API|MENU|BUTTON|UI"`
	Actions      []string    `json:"actions" rule:"items=50"`
	Effect       *string     `json:"effect" rule:"enum=ALLOW|DENY"`
	Inherit      *bool       `json:"inherit"`
	RoleCode     *string     `json:"roleCode"`
	GroupCode    *string     `json:"groupCode"`
	DepartmentID *string     `json:"departmentId"`
	ParentID     *string     `json:"parentDepartmentId"`
	UserIDs      []string    `json:"userIds" rule:"items=50"`
}

type targetDTO struct {
	TargetType       string `json:"targetType" rule:"required,enum=USER|GROUP|ROLE|DEPARTMENT"`
	TargetIdentifier string `json:"targetIdentifier" rule:"required"`
}

type impactDTO struct {
	Summary   string          `json:"summary"`
	Evaluated int             `json:"evaluated"`
	Truncated bool            `json:"truncated"`
	Users     []userImpactDTO `json:"users"`
}

type userImpactDTO struct {
	UserID    string              `json:"userId"`
	Username  string              `json:"username"`
	Name      string              `json:"name"`
	Summary   string              `json:"summary"`
	Truncated bool                `json:"truncated"`
	Decisions []decisionChangeDTO `json:"decisions"`
}

type decisionChangeDTO struct {
	Namespace    string `json:"namespace"`
	Resource     string `json:"resource"`
	ResourceType string `json:"resourceType"`
	Action       string `json:"action"`
	Before       bool   `json:"before"`
	After        bool   `json:"after"`
}

func (a *API) whatIf(ctx context.Context, in *whatIfReqDTO) (*impactDTO, error) {
	var changes []access.Change
	for i := range in.Changes {
		list, err := a.changesOf(ctx, &in.Changes[i])
		if err != nil {
			return nil, err
		}
		changes = append(changes, list...)
	}
	impact, err := a.Access.WhatIf(ctx, poolOf(ctx), changes)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(impact.Users))
	for i, u := range impact.Users {
		ids[i] = u.UserID
	}
	users, err := a.Directory.UsersByRefs(ctx, poolOf(ctx), directory.Refs("", ids))
	if err != nil {
		return nil, err
	}
	known := make(map[string]*directory.User, len(users))
	for i := range users {
		known[users[i].ID] = &users[i]
	}
	say := speakerOf(ctx)
	out := &impactDTO{Evaluated: impact.Evaluated, Truncated: impact.Truncated, Users: make([]userImpactDTO, len(impact.Users))}
	for i, u := range impact.Users {
		shown := userImpactDTO{UserID: u.UserID, Name: u.UserID, Truncated: u.Truncated, Decisions: make([]decisionChangeDTO, len(u.Decisions))}
		if k := known[u.UserID]; k != nil {
			shown.Username, shown.Name = k.Username, k.DisplayName()
		}
		for j, d := range u.Decisions {
			shown.Decisions[j] = decisionChangeDTO{d.Namespace, d.Resource, string(d.ResourceType), d.Action, d.Before, d.After}
		}
		shown.Summary = say.userImpact(&shown)
		out.Users[i] = shown
	}
	out.Summary = say.impact(out)
	return out, nil
}

// changesOf makes the domain's changes of the wire's: a grant of each target. What the kind needs and is not there is
// field_format.
func (a *API) changesOf(ctx context.Context, c *changeDTO) ([]access.Change, error) {
	kind := access.ChangeKind(c.Kind)
	need := func(field string, missing bool) error {
		if missing {
			return fault.Field(field)
		}
		return nil
	}
	out := access.Change{Kind: kind, UserIDs: c.UserIDs, Group: value(c.GroupCode), Department: value(c.DepartmentID), Parent: value(c.ParentID),
		Role: roleRef(c.Namespace, value(c.RoleCode))}
	switch kind {
	case access.ChangeAddToGroup, access.ChangeRemoveFromGroup:
		if err := need("groupCode", out.Group == ""); err != nil {
			return nil, err
		}
		return []access.Change{out}, need("userIds", len(c.UserIDs) == 0)
	case access.ChangeAddToDepartment, access.ChangeRemoveDepartment:
		if err := need("departmentId", out.Department == ""); err != nil {
			return nil, err
		}
		return []access.Change{out}, need("userIds", len(c.UserIDs) == 0)
	case access.ChangeMoveDepartment:
		if err := need("departmentId", out.Department == ""); err != nil {
			return nil, err
		}
		return []access.Change{out}, need("parentDepartmentId", out.Parent == "")
	case access.ChangeDeleteRole:
		return []access.Change{out}, need("roleCode", out.Role.Code == "")
	}
	if err := need("targets", len(c.Targets) == 0); err != nil {
		return nil, err
	}
	var err error
	switch kind {
	case access.ChangeAssignRole, access.ChangeUnassignRole:
		if err := need("roleCode", out.Role.Code == ""); err != nil {
			return nil, err
		}
		for _, t := range c.Targets {
			if t.TargetType == string(directory.RoleTarget) {
				return nil, fault.Field("targetType")
			}
		}
		out.Targets, err = a.targetsOf(ctx, value(c.Namespace), c.Targets)
		return []access.Change{out}, err
	}
	if err := need("resource", value(c.Resource) == ""); err != nil {
		return nil, err
	}
	targets, err := a.targetsOf(ctx, value(c.Namespace), c.Targets)
	list := make([]access.Change, len(targets))
	for i, t := range targets {
		list[i] = access.Change{Kind: kind}
		if kind == access.ChangeGrant {
			list[i].Grant = &access.NewGrant{Namespace: value(c.Namespace), Target: t, Resource: *c.Resource, ResourceType: access.ResourceType(value(c.ResourceType)),
				Actions: c.Actions, Effect: access.Effect(value(c.Effect)), Inherit: value(c.Inherit)}
		} else {
			list[i].Revoke = &access.Revocation{Namespace: value(c.Namespace), Target: t, Resource: *c.Resource, ResourceType: access.ResourceType(value(c.ResourceType)),
				Actions: c.Actions}
		}
	}
	return list, err
}

// targetsOf finds targets as the wire names them: users and departments by identifier, groups by code, roles by code in a
// namespace.
func (a *API) targetsOf(ctx context.Context, namespace string, list []targetDTO) ([]access.Target, error) {
	var groupCodes, roleCodes []string
	for _, t := range list {
		switch directory.TargetType(t.TargetType) {
		case directory.GroupTarget:
			groupCodes = append(groupCodes, t.TargetIdentifier)
		case directory.RoleTarget:
			roleCodes = append(roleCodes, t.TargetIdentifier)
		}
	}
	var groups map[string]directory.Group
	var roles map[access.RoleRef]access.Role
	var err error
	if len(groupCodes) > 0 {
		if groups, err = a.Directory.GroupsByCode(ctx, poolOf(ctx), groupCodes); err != nil {
			return nil, err
		}
	}
	if len(roleCodes) > 0 {
		if roles, err = a.Access.RolesByRef(ctx, poolOf(ctx), access.RoleRefs(namespace, roleCodes...)); err != nil {
			return nil, err
		}
	}
	idOfRole := make(map[string]string, len(roles))
	for _, r := range roles {
		idOfRole[r.Code] = r.ID
	}
	targets := make([]access.Target, len(list))
	for i, t := range list {
		targets[i] = access.Target{Type: directory.TargetType(t.TargetType), ID: t.TargetIdentifier}
		switch targets[i].Type {
		case directory.GroupTarget:
			g, ok := groups[t.TargetIdentifier]
			if !ok {
				return nil, directory.ErrGroupNotFound
			}
			targets[i].ID = g.ID
		case directory.RoleTarget:
			id, ok := idOfRole[t.TargetIdentifier]
			if !ok {
				return nil, access.ErrRoleNotFound
			}
			targets[i].ID = id
		}
	}
	return targets, nil
}

// speakerOf speaks the caller's language.
func speakerOf(ctx context.Context) speaker {
	return speaker{english: strings.HasPrefix(strings.ToLower(caller.From(ctx).Language), "en")}
}
