package v3

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// ownApplicationOperations are our own: settings of pools and applications for which the contract has no words.
func (a *API) ownApplicationOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Get("/api/v3/x/get-sign-in-policy", "getSignInPolicy", key, a.getSignInPolicy),
		op.Post("/api/v3/x/update-sign-in-policy", "updateSignInPolicy", key, a.updateSignInPolicy),
		op.Get("/api/v3/x/get-application-settings", "getApplicationSettings", key, a.getApplicationSettings),
		op.Post("/api/v3/x/update-application-settings", "updateApplicationSettings", key, a.updateApplicationSettings),
	}
}

// signInPolicyDTO is what holds at an application's doors, or in a pool: no member is missing.
type signInPolicyDTO struct {
	AppID                 *string `json:"appId"` // null: the pool's
	CustomSecurityEnabled bool    `json:"customSecurityEnabled"`
	directory.SecuritySettings
}

type getSignInPolicyParams struct {
	AppID *string `json:"appId"`
}

func (a *API) getSignInPolicy(ctx context.Context, in *getSignInPolicyParams) (*signInPolicyDTO, error) {
	var app *signin.Application
	out := &signInPolicyDTO{AppID: in.AppID}
	if in.AppID != nil {
		var err error
		if app, err = a.Signin.PoolApplication(ctx, poolOf(ctx), *in.AppID); err != nil {
			return nil, err
		}
		out.CustomSecurityEnabled = app.Settings.CustomSecurity
	}
	t, err := a.Signin.SecuritySettings(ctx, poolOf(ctx), app)
	if err != nil {
		return nil, err
	}
	out.SecuritySettings = *t
	return out, nil
}

// updateSignInPolicyReqDTO changes what it names, of the pool or of one application.
type updateSignInPolicyReqDTO struct {
	AppID *string `json:"appId"`
	// CustomSecurityEnabled makes an application's settings hold in place of the pool's. Factors do so by themselves.
	CustomSecurityEnabled *bool `json:"customSecurityEnabled"`
	directory.SecuritySettings
}

func (a *API) updateSignInPolicy(ctx context.Context, in *updateSignInPolicyReqDTO) (*signInPolicyDTO, error) {
	if err := signin.CheckFactors(&in.Factors); err != nil {
		return nil, err
	}
	var err error
	if in.AppID == nil {
		_, err = a.Directory.UpdatePool(ctx, poolOf(ctx), directory.PoolPatch{Settings: directory.PoolSettings{SecuritySettings: in.SecuritySettings}})
	} else {
		change := in.SecuritySettings
		change.Factors = nil
		_, err = a.Signin.UpdateApplication(ctx, poolOf(ctx), *in.AppID, signin.ApplicationPatch{Settings: func(t *signin.AppSettings) error {
			after, err := t.Security.With(&change)
			if err != nil {
				return err
			}
			t.Security = *after
			set(&t.CustomSecurity, in.CustomSecurityEnabled)
			if in.Factors != nil {
				t.Factors = &in.Factors
			}
			return nil
		}})
	}
	if err != nil {
		return nil, err
	}
	return a.getSignInPolicy(ctx, &getSignInPolicyParams{in.AppID})
}

// applicationSettingsDTO is what the wire does not say of an application.
type applicationSettingsDTO struct {
	AppID            string            `json:"appId"`
	Enabled          bool              `json:"enabled"`
	AppType          signin.AppType    `json:"appType"`
	RegisterDisabled bool              `json:"registerDisabled"`
	LoginMethods     []string          `json:"loginMethods"`
	RegisterMethods  []string          `json:"registerMethods"`
	CompletionPlaces []string          `json:"completionPlaces"`
	CompletionFields []signin.AskedFor `json:"completionFields"`
	SkipCompletion   bool              `json:"skipCompletion"`
	AgreementEnabled bool              `json:"agreementEnabled"`
	SessionLifetime  int64             `json:"sessionLifetime"` // seconds; 0: the pool's
	HideRegister     bool              `json:"hideRegisterButton"`
	PrimaryColor     string            `json:"primaryColor"`
	Texts            map[string]string `json:"texts"`
}

type getApplicationSettingsParams struct {
	AppID string `json:"appId" rule:"required"`
}

func (a *API) getApplicationSettings(ctx context.Context, in *getApplicationSettingsParams) (*applicationSettingsDTO, error) {
	app, err := a.Signin.PoolApplication(ctx, poolOf(ctx), in.AppID)
	if err != nil {
		return nil, err
	}
	return viewApplicationSettings(app), nil
}

func viewApplicationSettings(app *signin.Application) *applicationSettingsDTO {
	t := &app.Settings
	d := &applicationSettingsDTO{app.ID, app.Enabled, app.Type, t.RegisterDisabled, t.LoginMethods, t.RegisterMethods, listOf(t.CompletionAt), t.CompletionFields,
		t.SkipCompletion, t.AgreementsEnabled, t.SessionLife, t.Branding.HideRegister, t.Branding.PrimaryColor, t.Branding.Texts}
	if d.CompletionFields == nil {
		d.CompletionFields = []signin.AskedFor{}
	}
	if d.Texts == nil {
		d.Texts = map[string]string{}
	}
	return d
}

type updateApplicationSettingsReqDTO struct {
	AppID            string            `json:"appId" rule:"required"`
	Enabled          *bool             `json:"enabled"`
	AppType          *string           `json:"appType"`
	RegisterDisabled *bool             `json:"registerDisabled"`
	LoginMethods     []string          `json:"loginMethods" rule:"items=10"`
	RegisterMethods  []string          `json:"registerMethods" rule:"items=10"`
	CompletionPlaces []string          `json:"completionPlaces" rule:"items=2"`
	CompletionFields []askedForReqDTO  `json:"completionFields" rule:"items=50"`
	SkipCompletion   *bool             `json:"skipCompletion"`
	AgreementEnabled *bool             `json:"agreementEnabled"`
	SessionLifetime  *int64            `json:"sessionLifetime"`
	HideRegister     *bool             `json:"hideRegisterButton"`
	PrimaryColor     *string           `json:"primaryColor"`
	Texts            map[string]string `json:"texts"`
}

type askedForReqDTO struct {
	Name     string `json:"name" rule:"required"`
	Custom   bool   `json:"custom"`
	Required bool   `json:"required"`
}

func (a *API) updateApplicationSettings(ctx context.Context, in *updateApplicationSettingsReqDTO) (*applicationSettingsDTO, error) {
	patch := signin.ApplicationPatch{Enabled: in.Enabled, Settings: func(t *signin.AppSettings) error {
		set(&t.RegisterDisabled, in.RegisterDisabled)
		setList(&t.LoginMethods, in.LoginMethods)
		setList(&t.RegisterMethods, in.RegisterMethods)
		setList(&t.CompletionAt, in.CompletionPlaces)
		if in.CompletionFields != nil {
			t.CompletionFields = make([]signin.AskedFor, len(in.CompletionFields))
			for i, f := range in.CompletionFields {
				t.CompletionFields[i] = signin.AskedFor(f)
			}
		}
		set(&t.SkipCompletion, in.SkipCompletion)
		set(&t.AgreementsEnabled, in.AgreementEnabled)
		set(&t.SessionLife, in.SessionLifetime)
		set(&t.Branding.HideRegister, in.HideRegister)
		set(&t.Branding.PrimaryColor, in.PrimaryColor)
		if in.Texts != nil {
			t.Branding.Texts = in.Texts
		}
		t.Branding.Enabled = t.Branding.Enabled || in.PrimaryColor != nil || in.Texts != nil
		return nil
	}}
	if in.AppType != nil {
		kind := signin.AppType(*in.AppType)
		patch.Type = &kind
	}
	app, err := a.Signin.UpdateApplication(ctx, poolOf(ctx), in.AppID, patch)
	if err != nil {
		return nil, err
	}
	return viewApplicationSettings(app), nil
}
