package v2

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// own calls a verb of a user's own account for the user who asks, and shows them as they then are.
func (a *API) own(ctx context.Context, verb func(app *signin.Application, userID string) (*directory.User, error)) (*user, error) {
	c := caller.From(ctx)
	app, err := a.applicationMeant(ctx, c)
	if err != nil {
		return nil, err
	}
	u, err := verb(app, c.UserID)
	if err != nil {
		return nil, err
	}
	return a.showSelf(ctx, u, selected(ctx))
}

// updateSelf is updateUser for the user who asks. A new address comes with the token, or the code, that shows it to be theirs.
func (a *API) updateSelf(ctx context.Context, in *updateUserInput) (*user, error) {
	if err := in.Input.byOwner(in.EmailToken != "", in.PhoneToken != ""); err != nil {
		return nil, err
	}
	fields, err := in.Input.fields()
	if err != nil {
		return nil, err
	}
	return a.own(ctx, func(app *signin.Application, id string) (*directory.User, error) {
		return a.signin.UpdateProfile(ctx, app, id, signin.ProfilePatch{UserInput: fields, EmailProof: in.EmailToken, PhoneProof: in.PhoneToken})
	})
}

type bindInput struct {
	Email            string `json:"email"`
	EmailCode        string `json:"emailCode"`
	Phone            string `json:"phone"`
	PhoneCode        string `json:"phoneCode"`
	PhoneCountryCode string `json:"phoneCountryCode"`
}

func (a *API) bindEmail(ctx context.Context, in *bindInput) (*user, error) {
	return a.own(ctx, func(app *signin.Application, id string) (*directory.User, error) {
		return a.signin.BindAddress(ctx, app, id, signin.Address{Email: in.Email}, in.EmailCode)
	})
}

func (a *API) bindPhone(ctx context.Context, in *bindInput) (*user, error) {
	return a.own(ctx, func(app *signin.Application, id string) (*directory.User, error) {
		return a.signin.BindAddress(ctx, app, id, signin.Address{Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode}, in.PhoneCode)
	})
}

func (a *API) unbindEmail(ctx context.Context, _ *noInput) (*user, error) {
	return a.own(ctx, func(app *signin.Application, id string) (*directory.User, error) {
		return a.signin.UnbindAddress(ctx, app, id, "email", nil)
	})
}

func (a *API) unbindPhone(ctx context.Context, _ *noInput) (*user, error) {
	return a.own(ctx, func(app *signin.Application, id string) (*directory.User, error) {
		return a.signin.UnbindAddress(ctx, app, id, "phone", nil)
	})
}

type updateEmailInput struct {
	Email        string `json:"email"`
	EmailCode    string `json:"emailCode"`
	OldEmail     string `json:"oldEmail"`
	OldEmailCode string `json:"oldEmailCode"`
}

func (a *API) updateEmail(ctx context.Context, in *updateEmailInput) (*user, error) {
	return a.own(ctx, func(app *signin.Application, id string) (*directory.User, error) {
		return a.signin.UpdateAddress(ctx, app, id, signin.AddressChange{New: signin.Address{Email: in.Email}, NewCode: in.EmailCode,
			Old: signin.Address{Email: in.OldEmail}, OldCode: in.OldEmailCode})
	})
}

type updatePhoneInput struct {
	Phone               string `json:"phone"`
	PhoneCode           string `json:"phoneCode"`
	PhoneCountryCode    string `json:"phoneCountryCode"`
	OldPhone            string `json:"oldPhone"`
	OldPhoneCode        string `json:"oldPhoneCode"`
	OldPhoneCountryCode string `json:"oldPhoneCountryCode"`
}

func (a *API) updatePhone(ctx context.Context, in *updatePhoneInput) (*user, error) {
	return a.own(ctx, func(app *signin.Application, id string) (*directory.User, error) {
		return a.signin.UpdateAddress(ctx, app, id, signin.AddressChange{
			New: signin.Address{Phone: in.Phone, PhoneCountryCode: in.PhoneCountryCode}, NewCode: in.PhoneCode,
			Old: signin.Address{Phone: in.OldPhone, PhoneCountryCode: in.OldPhoneCountryCode}, OldCode: in.OldPhoneCode})
	})
}

type securityLevel struct {
	Email                 bool   `json:"email"`
	MFA                   bool   `json:"mfa"`
	Password              bool   `json:"password"`
	Phone                 bool   `json:"phone"`
	PasswordSecurityLevel *int64 `json:"passwordSecurityLevel"` // 1 low to 3 high, null where nobody knows
	Score                 int64  `json:"score"`
}

func (a *API) securityLevel(ctx context.Context, _ *noInput) (*securityLevel, error) {
	c := caller.From(ctx)
	i, err := a.signin.SecurityInfo(ctx, c.PoolID, c.UserID)
	if err != nil {
		return nil, err
	}
	s := &securityLevel{Email: i.EmailBound, MFA: i.MFAEnabled, Password: i.PasswordSet, Phone: i.PhoneBound, Score: i.Score}
	if i.PasswordLevel > 0 {
		s.PasswordSecurityLevel = &i.PasswordLevel
	}
	return s, nil
}

type allowedApplication struct {
	ID          string  `json:"id"`
	CreatedAt   string  `json:"createdAt"`
	UpdatedAt   string  `json:"updatedAt"`
	Name        string  `json:"name"`
	Logo        *string `json:"logo"`
	Domain      string  `json:"domain"`
	Description *string `json:"description"`
	Protocol    string  `json:"protocol"`
}

// allowedApplications lists the applications that let the user in who asks.
func (a *API) allowedApplications(ctx context.Context, in *paging) (*page[allowedApplication], error) {
	c := caller.From(ctx)
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	apps, total, err := a.signin.AccessibleApplications(ctx, c.PoolID, c.UserID, w)
	if err != nil {
		return nil, err
	}
	list := make([]allowedApplication, len(apps))
	for i, app := range apps {
		list[i] = allowedApplication{app.ID, isoTime(app.CreatedAt), isoTime(app.UpdatedAt), app.Name, text(&app.Logo), app.Identifier,
			text(&app.Description), app.Settings.DefaultProtocol}
	}
	return &page[allowedApplication]{total, list}, nil
}
