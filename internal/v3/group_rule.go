package v3

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/op"
)

// ruleOperations are our own: groups whose members follow a rule, which the contract has a type for and nothing else.
func (a *API) ruleOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Post("/api/v3/x/set-group-rule", "setGroupRule", key, a.setGroupRule),
		op.Get("/api/v3/x/get-group-rule", "getGroupRule", key, a.getGroupRule),
		op.Post("/api/v3/x/remove-group-rule", "removeGroupRule", key, a.removeGroupRule),
		op.Query("/api/v3/x/preview-group-rule", "previewGroupRule", key, a.previewGroupRule).Costs(op.List),
		op.Get("/api/v3/x/explain-group-membership", "explainGroupMembership", key, a.explainGroupMembership),
	}
}

// groupRuleDTO is a rule with how far a change of it is.
type groupRuleDTO struct {
	Code      string           `json:"code"`
	Rule      *string          `json:"rule"`  // that members follow; null before the first one does
	State     string           `json:"state"` // ready | evaluating
	Pending   *string          `json:"pendingRule"`
	Progress  *ruleProgressDTO `json:"progress"`  // null when ready
	UpdatedAt int64            `json:"updatedAt"` // unix ms
}

type ruleProgressDTO struct {
	Evaluated int64 `json:"evaluated"`
	Total     int64 `json:"total"`
}

func viewRule(code string, r *directory.GroupRule) *groupRuleDTO {
	out := &groupRuleDTO{Code: code, State: "ready", UpdatedAt: r.UpdatedAt}
	if r.Rule != "" {
		out.Rule = &r.Rule
	}
	if r.Pending != "" {
		out.State, out.Pending, out.Progress = "evaluating", &r.Pending, &ruleProgressDTO{r.Evaluated, r.Total}
	}
	return out
}

type setGroupRuleReqDTO struct {
	Code string `json:"code" rule:"required"`
	Rule string `json:"rule" rule:"required"`
}

func (a *API) setGroupRule(ctx context.Context, in *setGroupRuleReqDTO) (*groupRuleDTO, error) {
	r, err := a.Directory.SetRule(ctx, poolOf(ctx), in.Code, in.Rule)
	if err != nil {
		return nil, err
	}
	return viewRule(in.Code, r), nil
}

type groupRuleParams struct {
	Code string `json:"code" rule:"required"`
}

func (a *API) getGroupRule(ctx context.Context, in *groupRuleParams) (*groupRuleDTO, error) {
	r, err := a.Directory.Rule(ctx, poolOf(ctx), in.Code)
	if err != nil {
		return nil, err
	}
	return viewRule(in.Code, r), nil
}

func (a *API) removeGroupRule(ctx context.Context, in *groupRuleParams) (success, error) {
	return succeeded(a.Directory.RemoveRule(ctx, poolOf(ctx), in.Code))
}

type previewGroupRuleReqDTO struct {
	Code *string `json:"code"`
	Rule string  `json:"rule" rule:"required"`
}

type rulePreviewDTO struct {
	Join           int64    `json:"join"`
	Leave          int64    `json:"leave"`
	Members        int64    `json:"members"`
	JoiningUserIDs []string `json:"joiningUserIds"`
	LeavingUserIDs []string `json:"leavingUserIds"`
	Evaluated      int64    `json:"evaluated"`
	Total          int64    `json:"total"`
	Estimated      bool     `json:"estimated"`
}

func (a *API) previewGroupRule(ctx context.Context, in *previewGroupRuleReqDTO) (*rulePreviewDTO, error) {
	p, err := a.Directory.PreviewRule(ctx, poolOf(ctx), value(in.Code), in.Rule)
	if err != nil {
		return nil, err
	}
	return &rulePreviewDTO{p.Join, p.Leave, p.Members, p.Joining, p.Leaving, p.Evaluated, p.Total, p.Estimated}, nil
}

type explainGroupMembershipParams struct {
	Code   string `json:"code" rule:"required"`
	UserID string `json:"userId" rule:"required"`
}

type ruleExplanationDTO struct {
	Member  bool           `json:"member"`
	Since   *int64         `json:"since"` // unix ms; null for who is no member
	Rule    string         `json:"rule"`
	Matches bool           `json:"matches"`
	Fields  map[string]any `json:"fields"`
	Failure *string        `json:"failure"`
}

func (a *API) explainGroupMembership(ctx context.Context, in *explainGroupMembershipParams) (*ruleExplanationDTO, error) {
	e, err := a.Directory.ExplainMembership(ctx, poolOf(ctx), in.Code, in.UserID)
	if err != nil {
		return nil, err
	}
	out := &ruleExplanationDTO{Member: e.Member, Rule: e.Rule, Matches: e.Matches, Fields: e.Fields}
	if e.Member {
		out.Since = &e.Since
	}
	if e.Failure != "" {
		out.Failure = &e.Failure
	}
	return out, nil
}
