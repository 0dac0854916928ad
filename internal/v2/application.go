package v2

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// applicationRoutes are those of the application client, beside who may enter: that is application_access.go.
func (a *API) applicationRoutes() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Patch("/api/v2/application/{appId}/refresh-secret", "refreshApplicationSecret", key, a.refreshApplicationSecret),
		op.Get("/api/v2/application/{appId}/tenants", "applicationTenants", key, a.applicationTenants),
		op.Get("/api/v2/applications", "list", key, a.applications),
		op.Post("/api/v2/applications", "create", key, a.createApplication),
		op.Get("/api/v2/applications/{id}", "findById", key, a.applicationByID),
		op.Post("/api/v2/applications/{appId}", "updateDefaultApplicationAccessPolicy", key, a.updateApplication),
		op.Delete("/api/v2/applications/{appId}", "delete", key, a.deleteApplication),
		op.Get("/api/v2/applications/{appId}/active-users", "activeUsers", key, a.activeUsers),
		op.Get("/api/v2/applications/{appId}/agreements", "listAgreement", key, a.agreements),
		op.Post("/api/v2/applications/{appId}/agreements", "createAgreement", key, a.createAgreement),
		op.Post("/api/v2/applications/{appId}/agreements/sort", "sortAgreement", key, a.sortAgreements),
		op.Put("/api/v2/applications/{appId}/agreements/{agreementId}", "modifyAgreement", key, a.updateAgreement),
		op.Delete("/api/v2/applications/{appId}/agreements/{agreementId}", "deleteAgreement", key, a.deleteAgreement),
	}
}

// application is the types Application, IApplication and ApplicationDetail, which overlap. What sources of identities have to say of it
// is empty: there are none.
type application struct {
	QRCodeScanning               qrcodeScanning     `json:"qrcodeScanning"`
	ID                           string             `json:"id"`
	CreatedAt                    string             `json:"createdAt"`
	UpdatedAt                    string             `json:"updatedAt"`
	UserPoolID                   string             `json:"userPoolId"`
	Protocol                     string             `json:"protocol"`
	IsOfficial                   bool               `json:"isOfficial"`
	IsDeleted                    bool               `json:"isDeleted"`
	IsDefault                    bool               `json:"isDefault"`
	Enabled                      bool               `json:"enabled"`
	Name                         string             `json:"name"`
	Description                  *string            `json:"description"`
	Identifier                   string             `json:"identifier"`
	Domain                       string             `json:"domain"`
	Secret                       *string            `json:"secret"` // null but where a call sets it
	JWKS                         jsontext.Value     `json:"jwks"`   // the public halves
	SSOPageCustomizationSettings *string            `json:"ssoPageCustomizationSettings"`
	Logo                         string             `json:"logo"`
	RedirectURIs                 []string           `json:"redirectUris"`
	LogoutRedirectURIs           []string           `json:"logoutRedirectUris"`
	AllowedOrigins               []string           `json:"allowedOrigins"`
	OIDCEnabled                  bool               `json:"oidcProviderEnabled"`
	OAuthEnabled                 bool               `json:"oauthProviderEnabled"`
	SAMLEnabled                  bool               `json:"samlProviderEnabled"`
	CASEnabled                   bool               `json:"casProviderEnabled"`
	RegisterDisabled             bool               `json:"registerDisabled"`
	LoginTabs                    []string           `json:"loginTabs"`
	DefaultLoginTab              string             `json:"defaultLoginTab"`
	RegisterTabs                 []string           `json:"registerTabs"`
	DefaultRegisterTab           string             `json:"defaultRegisterTab"`
	LDAPConnections              []struct{}         `json:"ldapConnections"`
	ADConnections                []struct{}         `json:"adConnections"`
	DisabledSocial               []struct{}         `json:"disabledSocialConnections"`
	DisabledOIDC                 []struct{}         `json:"disabledOidcConnections"`
	DisabledSAML                 []struct{}         `json:"disabledSamlConnections"`
	DisabledOAuth2               []struct{}         `json:"disabledOauth2Connections"`
	DisabledCAS                  []struct{}         `json:"disabledCasConnections"`
	DisabledAzureAD              []struct{}         `json:"disabledAzureAdConnections"`
	ExtendsFieldsEnabled         bool               `json:"extendsFieldsEnabled"`
	ExtendsFields                []extendsField     `json:"extendsFields"`
	Ext                          *struct{}          `json:"ext"`
	CSS                          string             `json:"css"`
	OIDCConfig                   applicationOIDC    `json:"oidcConfig"`
	SAMLConfig                   *struct{}          `json:"samlConfig"`
	OAuthConfig                  applicationOAuth   `json:"oauthConfig"`
	CASConfig                    *struct{}          `json:"casConfig"`
	ShowAuthorizationPage        bool               `json:"showAuthorizationPage"`
	EnableSubAccount             bool               `json:"enableSubAccount"`
	LoginRequireEmailVerified    bool               `json:"loginRequireEmailVerified"`
	AgreementEnabled             bool               `json:"agreementEnabled"`
	SkipMFA                      bool               `json:"skipMfa"`
	PermissionStrategy           permissionStrategy `json:"permissionStrategy"`
	AppType                      string             `json:"appType"` // INDIVIDUAL, TENANT or BOTH
}

type qrcodeScanning struct {
	Redirect bool  `json:"redirect"`
	Interval int64 `json:"interval"` // ms
}

// applicationOIDC is the member oidcConfig, whose names are mostly those of RFC 7591. Times are seconds.
type applicationOIDC struct {
	ClientID               string   `json:"client_id"`
	ClientSecret           *string  `json:"client_secret,omitzero"`
	RedirectURIs           []string `json:"redirect_uris"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris"`
	GrantTypes             []string `json:"grant_types"`
	ResponseTypes          []string `json:"response_types"`
	IDTokenAlg             string   `json:"id_token_signed_response_alg"`
	TokenAuth              string   `json:"token_endpoint_auth_method"`
	IntrospectionAuth      string   `json:"introspection_endpoint_auth_method"`
	RevocationAuth         string   `json:"revocation_endpoint_auth_method"`
	CodeExpire             int64    `json:"authorization_code_expire"`
	IDTokenExpire          int64    `json:"id_token_expire"`
	AccessTokenExpire      int64    `json:"access_token_expire"`
	RefreshTokenExpire     int64    `json:"refresh_token_expire"`
	CASExpire              int64    `json:"cas_expire"`
	SkipConsent            bool     `json:"skip_consent"`
}

// applicationOAuth is the member oauthConfig. Times are seconds.
type applicationOAuth struct {
	ID                   string   `json:"id"`
	ClientSecret         *string  `json:"client_secret,omitzero"`
	RedirectURIs         []string `json:"redirect_uris"`
	Grants               []string `json:"grants"`
	AccessTokenLifetime  int64    `json:"access_token_lifetime"`
	RefreshTokenLifetime int64    `json:"refresh_token_lifetime"`
	IntrospectionAuth    string   `json:"introspection_endpoint_auth_method"`
	RevocationAuth       string   `json:"revocation_endpoint_auth_method"`
}

// permissionStrategy says who may enter an application of whom nothing else is said.
type permissionStrategy struct {
	Enabled         bool            `json:"enabled"`
	DefaultStrategy access.Strategy `json:"defaultStrategy"`
	AllowPolicyID   string          `json:"allowPolicyId"`
	DenyPolicyID    string          `json:"denyPolicyId"`
}

// Whom applications are for, and what is said of those that nobody has said it of.
const (
	forIndividuals = "INDIVIDUAL"
	forTenants     = "TENANT"
	forBoth        = "BOTH"
)

// list never is null on the wire.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// oidcConfig is what clients are told of an application's OpenID Connect; nothing of it is secret.
func oidcConfig(app *signin.Application) applicationOIDC {
	t := &app.Settings
	return applicationOIDC{ClientID: app.ID, RedirectURIs: list(t.RedirectURIs), PostLogoutRedirectURIs: list(t.LogoutRedirectURIs), GrantTypes: list(t.GrantTypes),
		ResponseTypes: list(t.ResponseTypes), IDTokenAlg: t.IDTokenAlg, TokenAuth: t.TokenEndpointAuth, IntrospectionAuth: t.IntrospectionAuth,
		RevocationAuth: t.RevocationAuth, CodeExpire: t.CodeLife, IDTokenExpire: t.IDTokenLife, AccessTokenExpire: t.AccessTokenLife,
		RefreshTokenExpire: t.RefreshTokenLife, CASExpire: 3600, SkipConsent: !t.ShowConsent}
}

// viewApplications shows applications of the caller's pool. secrets are those that the call has set, by application.
func (a *API) viewApplications(ctx context.Context, apps []*signin.Application, secrets map[string]string) ([]application, error) {
	pool := caller.From(ctx).PoolID
	ids := make([]string, len(apps))
	for i, app := range apps {
		ids[i] = app.ID
	}
	strategies := map[string]access.Strategy{}
	var first *signin.Application
	var keys jsontext.Value
	if len(apps) > 0 {
		var err error
		if strategies, err = a.access.AppStrategies(ctx, pool, ids); err != nil {
			return nil, err
		}
		if first, err = a.signin.FirstApplication(ctx, pool); err != nil && fault.KindOf(err) != fault.NotFound {
			return nil, err
		}
		set, err := a.signin.JWKS(ctx, pool)
		if err != nil {
			return nil, err
		}
		keys = jsontext.Value(set)
	}
	fields, err := a.completionLabels(ctx, pool, apps)
	if err != nil {
		return nil, err
	}
	views := make([]application, len(apps))
	for i, app := range apps {
		t, tabs := &app.Settings, tabsOf(app)
		v := application{QRCodeScanning: qrcodeScanning{Interval: 800}, ID: app.ID, CreatedAt: isoTime(app.CreatedAt), UpdatedAt: isoTime(app.UpdatedAt),
			UserPoolID: app.PoolID, Protocol: t.DefaultProtocol, IsDefault: first != nil && first.ID == app.ID, Enabled: app.Enabled, Name: app.Name,
			Description: text(&app.Description), Identifier: app.Identifier, Domain: a.host(), JWKS: keys, Logo: app.Logo,
			RedirectURIs: list(t.RedirectURIs), LogoutRedirectURIs: list(t.LogoutRedirectURIs), AllowedOrigins: list(t.AllowedOrigins),
			OIDCEnabled: true, OAuthEnabled: t.OAuth2Enabled, RegisterDisabled: t.RegisterDisabled,
			LoginTabs: tabs.login, DefaultLoginTab: tabs.defaultLogin, RegisterTabs: tabs.register, DefaultRegisterTab: tabs.defaultRegister,
			LDAPConnections: []struct{}{}, ADConnections: []struct{}{}, DisabledSocial: []struct{}{}, DisabledOIDC: []struct{}{},
			DisabledSAML: []struct{}{}, DisabledOAuth2: []struct{}{}, DisabledCAS: []struct{}{}, DisabledAzureAD: []struct{}{},
			ExtendsFieldsEnabled: len(t.CompletionFields) > 0, ExtendsFields: extendsFields(app, fields), CSS: t.Branding.CSS,
			OIDCConfig: oidcConfig(app), ShowAuthorizationPage: t.ShowConsent, AgreementEnabled: t.AgreementsEnabled,
			LoginRequireEmailVerified: isTrue(t.Security.LoginRequireEmailVerified), SkipMFA: t.Factors != nil && len(*t.Factors) == 0, AppType: t.Audience,
			PermissionStrategy: permissionStrategy{Enabled: true, DefaultStrategy: strategies[app.ID], AllowPolicyID: allowPolicy(app.ID), DenyPolicyID: denyPolicy(app.ID)}}
		if v.AppType == "" {
			v.AppType = forIndividuals
		}
		redirects := t.OAuth2RedirectURIs
		if len(redirects) == 0 {
			redirects = t.RedirectURIs
		}
		v.OAuthConfig = applicationOAuth{ID: app.ID, RedirectURIs: list(redirects), Grants: list(t.OAuth2Grants), AccessTokenLifetime: t.OAuth2AccessLife,
			RefreshTokenLifetime: t.OAuth2RefreshLife, IntrospectionAuth: t.IntrospectionAuth, RevocationAuth: t.RevocationAuth}
		if s, ok := secrets[app.ID]; ok {
			v.Secret, v.OIDCConfig.ClientSecret, v.OAuthConfig.ClientSecret = &s, &s, &s
		}
		views[i] = v
	}
	return views, nil
}

func (a *API) viewApplication(ctx context.Context, app *signin.Application, secret string) (*application, error) {
	secrets := map[string]string{}
	if secret != "" {
		secrets[app.ID] = secret
	}
	views, err := a.viewApplications(ctx, []*signin.Application{app}, secrets)
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (a *API) applications(ctx context.Context, in *paging) (*page[application], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	apps, total, err := a.signin.Applications(ctx, caller.From(ctx).PoolID, signin.ApplicationFilter{}, w)
	if err != nil {
		return nil, err
	}
	views, err := a.viewApplications(ctx, apps, nil)
	if err != nil {
		return nil, err
	}
	return &page[application]{total, views}, nil
}

type createApplicationInput struct {
	Name         string   `json:"name" rule:"required"`
	Identifier   string   `json:"identifier"`
	RedirectURIs []string `json:"redirectUris"`
	Logo         string   `json:"logo"`
	Description  string   `json:"description"`
}

// createApplication answers the application with its secret, which no other call but refresh-secret shows.
func (a *API) createApplication(ctx context.Context, in *createApplicationInput) (*application, error) {
	app, err := a.signin.CreateApplication(ctx, caller.From(ctx).PoolID, signin.NewApplication{Name: in.Name, Identifier: in.Identifier, Logo: in.Logo,
		Description: in.Description, Settings: signin.AppSettings{RedirectURIs: in.RedirectURIs}})
	if err != nil {
		return nil, err
	}
	return a.viewApplication(ctx, app, app.Secret)
}

type idPathInput struct {
	ID string `path:"id"`
}

func (a *API) applicationByID(ctx context.Context, in *idPathInput) (*application, error) {
	app, err := a.signin.PoolApplication(ctx, caller.From(ctx).PoolID, in.ID)
	if err != nil {
		return nil, err
	}
	return a.viewApplication(ctx, app, "")
}

// deleteApplication answers nothing.
func (a *API) deleteApplication(ctx context.Context, in *appPathInput) (struct{}, error) {
	return struct{}{}, a.signin.DeleteApplication(ctx, caller.From(ctx).PoolID, in.AppID)
}

type updateApplicationInput struct {
	AppID              string   `path:"appId"`
	Name               *string  `json:"name"`
	Identifier         *string  `json:"identifier"`
	Logo               *string  `json:"logo"`
	Description        *string  `json:"description"`
	RedirectURIs       []string `json:"redirectUris"`
	LogoutRedirectURIs []string `json:"logoutRedirectUris"`
	AllowedOrigins     []string `json:"allowedOrigins"`
	RegisterDisabled   *bool    `json:"registerDisabled"`
	AgreementEnabled   *bool    `json:"agreementEnabled"`
	CSS                *string  `json:"css"`
	AppType            *string  `json:"appType"`
	PermissionStrategy *struct {
		DefaultStrategy string `json:"defaultStrategy" rule:"required,enum=ALLOW_ALL|DENY_ALL"`
	} `json:"permissionStrategy"`
}

// changesNothing reports a call that names nothing that is served.
func (in *updateApplicationInput) changesNothing() bool {
	return in.Name == nil && in.Identifier == nil && in.Logo == nil && in.Description == nil && in.RedirectURIs == nil && in.LogoutRedirectURIs == nil &&
		in.AllowedOrigins == nil && in.RegisterDisabled == nil && in.AgreementEnabled == nil && in.CSS == nil && in.AppType == nil && in.PermissionStrategy == nil
}

// updateApplication changes what it is given, all of it or nothing. Fields that are not served are passed over; a call that names none
// of what is served says so.
func (a *API) updateApplication(ctx context.Context, in *updateApplicationInput) (*application, error) {
	if in.changesNothing() {
		return nil, fault.New(fault.Unsupported, "operation_unsupported", "updateApplication")
	}
	patch := signin.ApplicationPatch{Name: in.Name, Identifier: in.Identifier, Logo: in.Logo, Description: in.Description}
	audience := ""
	if in.AppType != nil {
		// One of the clients writes one of the three words in another case.
		switch audience = strings.ToUpper(*in.AppType); audience {
		case forIndividuals, forTenants, forBoth:
		default:
			return nil, fault.Field("appType")
		}
	}
	patch.Settings = func(t *signin.AppSettings) error {
		for _, l := range []struct {
			from []string
			to   *[]string
		}{{in.RedirectURIs, &t.RedirectURIs}, {in.LogoutRedirectURIs, &t.LogoutRedirectURIs}, {in.AllowedOrigins, &t.AllowedOrigins}} {
			if l.from != nil {
				*l.to = l.from
			}
		}
		if in.RegisterDisabled != nil {
			t.RegisterDisabled = *in.RegisterDisabled
		}
		if in.AgreementEnabled != nil {
			t.AgreementsEnabled = *in.AgreementEnabled
		}
		if in.CSS != nil {
			t.Branding.CSS = *in.CSS
			t.Branding.CSSEnabled = *in.CSS != ""
		}
		if audience != "" {
			t.Audience = audience
		}
		return nil
	}
	pool := caller.From(ctx).PoolID
	var app *signin.Application
	err := a.db.Tx(ctx, func(ctx context.Context) (err error) {
		if app, err = a.signin.UpdateApplication(ctx, pool, in.AppID, patch); err != nil || in.PermissionStrategy == nil {
			return err
		}
		return a.access.SetAppStrategy(ctx, pool, in.AppID, access.Strategy(in.PermissionStrategy.DefaultStrategy))
	})
	if err != nil {
		return nil, err
	}
	return a.viewApplication(ctx, app, "")
}

// refreshApplicationSecret answers the application with its new secret.
func (a *API) refreshApplicationSecret(ctx context.Context, in *appPathInput) (*application, error) {
	pool := caller.From(ctx).PoolID
	secret, err := a.signin.RotateSecret(ctx, pool, in.AppID)
	if err != nil {
		return nil, err
	}
	app, err := a.signin.PoolApplication(ctx, pool, in.AppID)
	if err != nil {
		return nil, err
	}
	return a.viewApplication(ctx, app, secret)
}

// applicationTenants is the type ApplicationTenantDetails. There are no tenants.
type applicationTenants struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Logo        string     `json:"logo"`
	Domain      string     `json:"domain"`
	Description *string    `json:"description"`
	CreatedAt   string     `json:"createdAt"`
	UpdatedAt   string     `json:"updatedAt"`
	Protocol    string     `json:"protocol"`
	IsIntegrate bool       `json:"isIntegrate"`
	Tenants     []struct{} `json:"tenants"`
}

func (a *API) applicationTenants(ctx context.Context, in *appPathInput) (*applicationTenants, error) {
	app, err := a.signin.PoolApplication(ctx, caller.From(ctx).PoolID, in.AppID)
	if err != nil {
		return nil, err
	}
	return &applicationTenants{ID: app.ID, Name: app.Name, Logo: app.Logo, Domain: a.host(), Description: text(&app.Description), CreatedAt: isoTime(app.CreatedAt),
		UpdatedAt: isoTime(app.UpdatedAt), Protocol: app.Settings.DefaultProtocol, Tenants: []struct{}{}}, nil
}

type activeUsersInput struct {
	AppID string `path:"appId"`
	paging
}

// activeUsers lists those who have signed in to an application, the latest first. Users who have been deleted since are left out of a
// page and still counted.
func (a *API) activeUsers(ctx context.Context, in *activeUsersInput) (*page[user], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	pool := caller.From(ctx).PoolID
	used, total, err := a.signin.ActiveUsers(ctx, pool, in.AppID, w)
	if err != nil {
		return nil, err
	}
	refs := make([]directory.UserRef, len(used))
	for i := range used {
		refs[i] = directory.ByID(used[i].UserID)
	}
	views := []user{}
	if len(refs) > 0 {
		users, err := a.dir.UsersByRefs(ctx, pool, refs)
		if err != nil {
			return nil, err
		}
		for i := range users {
			views = append(views, a.view(&users[i]))
		}
	}
	return &page[user]{total, views}, nil
}
