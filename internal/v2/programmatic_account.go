package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// programmaticAccount is the wire's ProgrammaticAccessAccount. Its secret is shown by the call that sets it, and null elsewhere.
type programmaticAccount struct {
	ID            string  `json:"id"`
	CreatedAt     string  `json:"createdAt"`
	UpdatedAt     string  `json:"updatedAt"`
	AppID         string  `json:"appId"`
	Secret        *string `json:"secret"`
	Remarks       *string `json:"remarks"`
	TokenLifetime int64   `json:"tokenLifetime"` // seconds
	Enabled       bool    `json:"enabled"`
	UserID        *string `json:"userId"` // who made it
}

func viewProgrammaticAccount(p *signin.ProgrammaticAccount, err error) (*programmaticAccount, error) {
	if err != nil {
		return nil, err
	}
	return &programmaticAccount{ID: p.ID, CreatedAt: isoTime(p.CreatedAt), UpdatedAt: isoTime(p.UpdatedAt), AppID: p.AppID, Secret: text(&p.Secret),
		Remarks: text(&p.Remarks), TokenLifetime: p.TokenLifetime, Enabled: p.Enabled, UserID: text(&p.OwnerID)}, nil
}

type programmaticAccountsInput struct {
	AppID string `path:"appId"`
	paging
}

func (a *API) programmaticAccounts(ctx context.Context, in *programmaticAccountsInput) (*page[programmaticAccount], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	list, total, err := a.signin.ProgrammaticAccounts(ctx, caller.From(ctx).PoolID, in.AppID, w)
	if err != nil {
		return nil, err
	}
	views := make([]programmaticAccount, len(list))
	for i := range list {
		view, _ := viewProgrammaticAccount(&list[i], nil)
		views[i] = *view
	}
	return &page[programmaticAccount]{total, views}, nil
}

type createProgrammaticAccountInput struct {
	AppID         string `path:"appId"`
	TokenLifetime *int64 `json:"tokenLifetime" rule:"min=1"`
	Remarks       string `json:"remarks"`
}

func (a *API) createProgrammaticAccount(ctx context.Context, in *createProgrammaticAccountInput) (*programmaticAccount, error) {
	n := signin.NewProgrammaticAccount{AppID: in.AppID, Remarks: in.Remarks}
	if in.TokenLifetime != nil {
		n.TokenLifetime = *in.TokenLifetime
	}
	return viewProgrammaticAccount(a.signin.CreateProgrammaticAccount(ctx, caller.From(ctx).PoolID, n))
}

type programmaticAccountInput struct {
	ID string `json:"id" rule:"required"`
}

// deleteProgrammaticAccount answers nothing.
func (a *API) deleteProgrammaticAccount(ctx context.Context, in *programmaticAccountInput) (struct{}, error) {
	return struct{}{}, a.signin.DeleteProgrammaticAccount(ctx, caller.From(ctx).PoolID, in.ID)
}

type updateProgrammaticAccountInput struct {
	programmaticAccountInput
	Secret  *string `json:"secret"`
	Enabled *bool   `json:"enabled"`
}

// updateProgrammaticAccount turns an account on or off, or gives it the secret that the client has chosen.
func (a *API) updateProgrammaticAccount(ctx context.Context, in *updateProgrammaticAccountInput) (*programmaticAccount, error) {
	if in.Secret == nil && in.Enabled == nil {
		return nil, fault.Field("secret")
	}
	return viewProgrammaticAccount(a.signin.UpdateProgrammaticAccount(ctx, caller.From(ctx).PoolID, in.ID,
		signin.ProgrammaticAccountPatch{Secret: in.Secret, Enabled: in.Enabled}))
}
