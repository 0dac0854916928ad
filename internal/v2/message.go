package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

type firstLoginEmailInput struct {
	UserID string `json:"userId"`
	AppID  string `json:"appId"`
}

var errNoEmail = fault.New(fault.Unprocessable, "email_not_bound")

// sendFirstLoginVerifyEmail sends a user the link that verifies their address before they sign in to an application for the first time.
func (a *API) sendFirstLoginVerifyEmail(ctx context.Context, in *firstLoginEmailInput) (*commonMessage, error) {
	pool := caller.From(ctx).PoolID
	u, err := a.dir.User(ctx, pool, directory.ByID(in.UserID))
	if err != nil {
		return nil, err
	}
	app, err := a.signin.PoolApplication(ctx, pool, in.AppID)
	switch {
	case err != nil:
		return nil, err
	case u.Email == "":
		return nil, errNoEmail
	}
	if err := a.signin.SendVerifyLink(ctx, app, u.Email, true); err != nil {
		return nil, err
	}
	return done(ctx), nil
}
