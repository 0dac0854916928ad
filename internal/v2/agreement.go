package v2

import (
	"context"
	"strconv"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// agreement is the type AgreementDetail: what people agree to before they sign up or in.
type agreement struct {
	ID          int64                 `json:"id"`
	UserPoolID  string                `json:"userPoolId"`
	AppID       string                `json:"appId"`
	Title       string                `json:"title"` // HTML of links, text and simple marks
	Lang        string                `json:"lang"`
	Required    bool                  `json:"required"`
	AvailableAt signin.AgreementPlace `json:"availableAt"` // 0 signing up, 1 signing in, 2 both
	Order       int64                 `json:"order"`
	CreatedAt   string                `json:"createdAt"`
	UpdatedAt   string                `json:"updatedAt"`
}

func viewAgreement(g *signin.Agreement) agreement {
	return agreement{g.ID, g.PoolID, g.AppID, g.Title, g.Lang, g.Required, g.AvailableAt, g.Position, isoTime(g.CreatedAt), isoTime(g.UpdatedAt)}
}

func viewAgreements(list []signin.Agreement) []agreement {
	views := make([]agreement, len(list))
	for i := range list {
		views[i] = viewAgreement(&list[i])
	}
	return views
}

func (a *API) agreements(ctx context.Context, in *appPathInput) (*page[agreement], error) {
	list, err := a.signin.Agreements(ctx, caller.From(ctx).PoolID, in.AppID)
	if err != nil {
		return nil, err
	}
	return &page[agreement]{int64(len(list)), viewAgreements(list)}, nil
}

// agreementFields are those that calls set. Null leaves one as it is.
type agreementFields struct {
	Title       *string `json:"title"`
	Lang        *string `json:"lang"`
	Required    *bool   `json:"required"`
	AvailableAt *int64  `json:"availableAt"`
}

func (f *agreementFields) input() signin.AgreementInput {
	in := signin.AgreementInput{Title: f.Title, Lang: f.Lang, Required: f.Required}
	if f.AvailableAt != nil {
		at := signin.AgreementPlace(*f.AvailableAt)
		in.AvailableAt = &at
	}
	return in
}

type createAgreementInput struct {
	AppID string `path:"appId"`
	agreementFields
}

func (a *API) createAgreement(ctx context.Context, in *createAgreementInput) (*agreement, error) {
	g, err := a.signin.CreateAgreement(ctx, caller.From(ctx).PoolID, in.AppID, in.input())
	if err != nil {
		return nil, err
	}
	view := viewAgreement(g)
	return &view, nil
}

type agreementPath struct {
	AppID       string `path:"appId"`
	AgreementID string `path:"agreementId"`
}

// number is the agreement's identifier, or 0, which none has.
func (p *agreementPath) number() int64 {
	n, err := strconv.ParseInt(p.AgreementID, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

type updateAgreementInput struct {
	agreementPath
	agreementFields
}

func (a *API) updateAgreement(ctx context.Context, in *updateAgreementInput) (*agreement, error) {
	g, err := a.signin.UpdateAgreement(ctx, caller.From(ctx).PoolID, in.AppID, in.number(), in.input())
	if err != nil {
		return nil, err
	}
	view := viewAgreement(g)
	return &view, nil
}

// deleteAgreement answers nothing.
func (a *API) deleteAgreement(ctx context.Context, in *agreementPath) (struct{}, error) {
	return struct{}{}, a.signin.DeleteAgreement(ctx, caller.From(ctx).PoolID, in.AppID, in.number())
}

type sortAgreementsInput struct {
	AppID string  `path:"appId"`
	IDs   []int64 `json:"ids" rule:"required"`
}

// sortAgreements answers nothing.
func (a *API) sortAgreements(ctx context.Context, in *sortAgreementsInput) (struct{}, error) {
	return struct{}{}, a.signin.SortAgreements(ctx, caller.From(ctx).PoolID, in.AppID, in.IDs)
}
