package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

type checkResetInput struct {
	Email            string `json:"email" rule:"len=512"`
	Phone            string `json:"phone" rule:"len=64"`
	PhoneCountryCode string `json:"phoneCountryCode"`
	Code             string `json:"code" rule:"required"`
}

type resetPermit struct {
	ResetPasswordToken     string   `json:"resetPasswordToken"`
	UserID                 string   `json:"userId"`
	PasswordStrength       int      `json:"passwordStrength"`
	CustomPasswordStrength ownRules `json:"customPasswordStrength"`
}

type ownRules struct {
	Enabled bool `json:"enabled"`
}

// checkReset exchanges the code of a forgotten password for what permits to set a new one.
func (a *API) checkReset(ctx context.Context, in *checkResetInput) (*resetPermit, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	token, u, _, err := a.signin.StartReset(ctx, app, signin.Address{Email: in.Email, Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode}, in.Code)
	if err != nil {
		return nil, err
	}
	policy, err := a.signin.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	return &resetPermit{token, u.ID, policy.Password.Strength, ownRules{policy.Password.Strength == ownStrength}}, nil
}

// ownStrength is the strength of a pool with rules of its own.
const ownStrength = 5

type passwordResetInput struct {
	NewPassword        string `json:"newPassword" rule:"required"`
	RepeatPassword     string `json:"repeatPassword"`
	ResetPasswordToken string `json:"resetPasswordToken" rule:"required,len=128"`
}

// passwordReset sets a forgotten password anew.
func (a *API) passwordReset(ctx context.Context, in *passwordResetInput) (struct{}, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return struct{}{}, err
	}
	password, err := a.decrypted(ctx, app.PoolID, in.NewPassword)
	if err != nil {
		return struct{}{}, err
	}
	if in.RepeatPassword != "" {
		again, err := a.decrypted(ctx, app.PoolID, in.RepeatPassword)
		if err != nil {
			return struct{}{}, err
		}
		if again != password {
			return struct{}{}, errPasswordsDiffer
		}
	}
	_, err = a.signin.ResetPassword(ctx, app, in.ResetPasswordToken, password)
	return struct{}{}, err
}

var errPasswordsDiffer = fault.New(fault.Invalid, "passwords_differ")

type linkResetInput struct {
	Token       string `json:"token" rule:"required,len=128"`
	NewPassword string `json:"newPassword" rule:"required"`
}

// linkReset is passwordReset for the token of a link.
func (a *API) linkReset(ctx context.Context, in *linkResetInput) (struct{}, error) {
	return a.passwordReset(ctx, &passwordResetInput{NewPassword: in.NewPassword, ResetPasswordToken: in.Token})
}

type resetPasswordInput struct {
	Phone            string `json:"phone"`
	PhoneCountryCode string `json:"phoneCountryCode"`
	Email            string `json:"email"`
	Code             string `json:"code"`
	NewPassword      string `json:"newPassword"`
}

// resetPassword sets a forgotten password anew, by the code itself.
func (a *API) resetPassword(ctx context.Context, in *resetPasswordInput) (*commonMessage, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	password, err := a.decrypted(ctx, app.PoolID, in.NewPassword)
	if err != nil {
		return nil, err
	}
	to := signin.Address{Email: in.Email, Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode}
	if _, err := a.signin.ResetPasswordByCode(ctx, app, to, in.Code, password); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type firstPasswordInput struct {
	Token    string `json:"token"`
	Password string `json:"password"`
}

// resetPasswordByFirstLoginToken takes the step that a first sign-in wants; the token is what its refusal told.
func (a *API) resetPasswordByFirstLoginToken(ctx context.Context, in *firstPasswordInput) (*commonMessage, error) {
	f, password, err := a.flowPassword(ctx, in.Token, in.Password)
	if err != nil {
		return nil, err
	}
	out, err := a.signin.FirstPassword(ctx, f, password)
	return a.passwordSet(ctx, f, out, err)
}

type forcedPasswordInput struct {
	Token       string `json:"token"`
	OldPassword string `json:"oldPassword"`
	NewPassword string `json:"newPassword"`
}

// resetPasswordByForceResetToken takes the step that a sign-in wants whose password is too old.
func (a *API) resetPasswordByForceResetToken(ctx context.Context, in *forcedPasswordInput) (*commonMessage, error) {
	f, password, err := a.flowPassword(ctx, in.Token, in.NewPassword)
	if err != nil {
		return nil, err
	}
	old, err := a.decrypted(ctx, f.App.PoolID, in.OldPassword)
	if err != nil {
		return nil, err
	}
	out, err := a.signin.ForcedPassword(ctx, f, old, password)
	return a.passwordSet(ctx, f, out, err)
}

func (a *API) flowPassword(ctx context.Context, handle, encrypted string) (*signin.Flow, string, error) {
	f, err := a.signin.Flow(ctx, handle)
	if err != nil {
		return nil, "", err
	}
	password, err := a.decrypted(ctx, f.App.PoolID, encrypted)
	return f, password, err
}

// passwordSet answers that the password is set: if the sign-in is done with it, the browser is signed in.
func (a *API) passwordSet(ctx context.Context, f *signin.Flow, out *signin.Outcome, err error) (*commonMessage, error) {
	if err != nil {
		return nil, err
	}
	if out.Session != nil {
		if err := a.keepSession(ctx, f.App, out); err != nil {
			return nil, err
		}
	}
	return done(ctx), nil
}

type updatePasswordInput struct {
	NewPassword string `json:"newPassword"`
	OldPassword string `json:"oldPassword"`
}

// updatePassword changes the password of the user who asks. Their other sign-ins end; where this one has no session of its own, the answer
// brings a token in place of the one that ended.
func (a *API) updatePassword(ctx context.Context, in *updatePasswordInput) (*user, error) {
	app, err := a.applicationMeant(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}
	change := signin.PasswordChange{}
	if change.New, err = a.decrypted(ctx, app.PoolID, in.NewPassword); err != nil {
		return nil, err
	}
	if in.OldPassword != "" {
		if change.Old, err = a.decrypted(ctx, app.PoolID, in.OldPassword); err != nil {
			return nil, err
		}
	}
	claims, _, err := a.signin.User(ctx, bearingOf(ctx).token)
	if err != nil {
		return nil, err
	}
	change.Keep = claims.SessionID
	u, err := a.signin.UpdatePassword(ctx, app, caller.From(ctx).UserID, change)
	if err != nil {
		return nil, err
	}
	if change.Keep != "" {
		return a.showSelf(ctx, u, selected(ctx))
	}
	t, err := a.signin.V2Token(ctx, app, nil, u)
	if err != nil {
		return nil, err
	}
	v, err := a.showOne(ctx, u, selected(ctx))
	if err == nil {
		v.Token = &t.Text
	}
	return v, err
}
