package v3

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// applicationOperations are about applications themselves; who may enter them stands in application_access.go.
func (a *API) applicationOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Get("/api/v3/get-application", "getApplication", key, a.getApplication),
		op.Get("/api/v3/list-applications", "listApplications", key, a.listApplications).Costs(op.List),
		op.Get("/api/v3/get-application-simple-info", "getApplicationSimpleInfo", key, a.getApplicationSimpleInfo),
		op.Get("/api/v3/list-application-simple-info", "listApplicationSimpleInfo", key, a.listApplicationSimpleInfo).Costs(op.List),
		op.Post("/api/v3/create-application", "createApplication", key, a.createApplication),
		op.Post("/api/v3/update-application", "updateApplication", key, a.updateApplication),
		op.Post("/api/v3/delete-application", "deleteApplication", key, a.deleteApplication),
		op.Get("/api/v3/get-application-secret", "getApplicationSecret", key, a.getApplicationSecret),
		op.Post("/api/v3/refresh-application-secret", "refreshApplicationSecret", key, a.refreshApplicationSecret),
		op.Query("/api/v3/list-application-active-users", "listApplicationActiveUsers", key, a.listApplicationActiveUsers).Costs(op.List),
		op.Query("/api/v3/check-domain-available", "checkDomainAvailable", key, a.checkDomainAvailable),
		op.Get("/api/v3/list-tenant-applications", "listTenantApplications", key, a.listTenantApplications),
		op.Post("/api/v3/update-login-page-config", "updateLoginPageConfig", key, a.updateLoginPageConfig),
		op.Post("/api/v3/update-userpool-tenant-config", "updateUserPoolTenantConfig", key, a.updateUserpoolTenantConfig),
		op.Post("/api/v3/update-userpool-tenant-appqrcode-state", "updateTenantQrCodeState", key, a.updateTenantQRCodeState),
		op.Post("/api/v3/change-userpool-tenant-ext-idp-conn-state", "changeUserpoolTenanExtIdpConnState", key, a.changeUserpoolTenantConnections),
		op.Get("/api/v3/userpool-tenant-config", "userpollTenantConfig", key, a.userpoolTenantConfig),
		op.Get("/api/v3/verify-config-app", "getVerifyConfigApp", key, a.getVerifyConfigApp).Costs(op.List),
	}
}

// applicationDTO is ApplicationDto. There are no sources of identities and no templates yet.
type applicationDTO struct {
	ID                    string            `json:"appId"`
	Identifier            string            `json:"appIdentifier"`
	Name                  string            `json:"appName"`
	Logo                  string            `json:"appLogo"`
	Description           string            `json:"appDescription"`
	Type                  signin.AppType    `json:"appType"`
	PoolID                string            `json:"userPoolId"`
	IsIntegrateApp        bool              `json:"isIntegrateApp"`
	DefaultProtocol       string            `json:"defaultProtocol"`
	RedirectURIs          []string          `json:"redirectUris"`
	LogoutRedirectURIs    []string          `json:"logoutRedirectUris"`
	InitLoginURI          string            `json:"initLoginUri"`
	SSOEnabled            bool              `json:"ssoEnabled"`
	SSOEnabledAt          moment            `json:"ssoEnabledAt,omitzero"`
	LoginConfig           loginConfigDTO    `json:"loginConfig"`
	RegisterConfig        registerConfigDTO `json:"registerConfig"`
	BrandingConfig        brandingConfigDTO `json:"brandingConfig"`
	OIDCConfig            oidcConfigDTO     `json:"oidcConfig"`
	SAMLProviderEnabled   bool              `json:"samlProviderEnabled"`
	SAMLConfig            jsontext.Value    `json:"samlConfig,omitzero"`
	OAuthProviderEnabled  bool              `json:"oauthProviderEnabled"`
	OAuthConfig           oauthConfigDTO    `json:"oauthConfig"`
	CASProviderEnabled    bool              `json:"casProviderEnabled"`
	CASConfig             jsontext.Value    `json:"casConfig,omitzero"`
	CustomBrandingEnabled bool              `json:"customBrandingEnabled"`
	CustomSecurityEnabled bool              `json:"customSecurityEnabled"`
}

type loginConfigDTO struct {
	MergeLoginAndRegisterPage bool                  `json:"mergeLoginAndRegisterPage"`
	EnabledBasicLoginMethods  []string              `json:"enabledBasicLoginMethods"`
	DefaultLoginMethod        defaultLoginMethodDTO `json:"defaultLoginMethod"`
	EnabledExtIDPConns        []any                 `json:"enabledExtIdpConns"`
	ShowAuthorizationPage     bool                  `json:"showAuthorizationPage"`
}

type defaultLoginMethodDTO struct {
	ConnectionType     string `json:"connectionType"`
	QRCodeType         string `json:"qrcodeType"`
	QRCodeExtIDPConnID string `json:"qrcodeExtIdpConnId"`
	ADExtIDPConnID     string `json:"adExtIdpConnId"`
	LDAPExtIDPConnID   string `json:"ldapExtIdpConnId"`
}

type registerConfigDTO struct {
	EnabledBasicRegisterMethods []string `json:"enabledBasicRegisterMethods"`
	DefaultRegisterMethod       string   `json:"defaultRegisterMethod"`
}

type brandingConfigDTO struct {
	CustomCSSEnabled          bool           `json:"customCSSEnabled"`
	CustomCSS                 string         `json:"customCSS"`
	GuardVersion              string         `json:"guardVersion"`
	CustomLoadingImage        string         `json:"customLoadingImage"`
	CustomBackground          string         `json:"customBackground"`
	ShowChangeLanguageButton  bool           `json:"showChangeLanguageButton"`
	DefaultLanguage           string         `json:"defaultLanguage"`
	ShowForgetPasswordButton  bool           `json:"showForgetPasswordButton"`
	ShowEnterpriseConnections bool           `json:"showEnterpriseConnections"`
	ShowSocialConnections     bool           `json:"showSocialConnections"`
	ShowAgreement             bool           `json:"showAgreement"`
	Agreements                []agreementDTO `json:"agreements"`
}

type agreementDTO struct {
	DisplayAt  []string `json:"displayAt"`
	IsRequired bool     `json:"isRequired"`
	Lang       string   `json:"lang"`
	Content    string   `json:"content"`
}

// oidcConfigDTO is the object that the description leaves empty: names are those of RFC 7591 and OpenID Connect Dynamic Client
// Registration 1.0 where they have one, else those that V2 has. Times are seconds. In a change what is missing stays.
type oidcConfigDTO struct {
	ClientID             *string            `json:"client_id,omitzero"` // not to be changed
	GrantTypes           *[]string          `json:"grant_types,omitzero"`
	ResponseTypes        *[]string          `json:"response_types,omitzero"`
	TokenAuth            *string            `json:"token_endpoint_auth_method,omitzero"`
	IntrospectionAuth    *string            `json:"introspection_endpoint_auth_method,omitzero"`
	RevocationAuth       *string            `json:"revocation_endpoint_auth_method,omitzero"`
	IDTokenAlg           *string            `json:"id_token_signed_response_alg,omitzero"`
	AccessTokenAlg       *string            `json:"access_token_signed_response_alg,omitzero"`
	CodeExpire           *int64             `json:"authorization_code_expire,omitzero"`
	IDTokenExpire        *int64             `json:"id_token_expire,omitzero"`
	AccessTokenExpire    *int64             `json:"access_token_expire,omitzero"`
	RefreshTokenExpire   *int64             `json:"refresh_token_expire,omitzero"`
	SkipConsent          *bool              `json:"skip_consent,omitzero"`
	RequirePKCE          *bool              `json:"require_pkce,omitzero"`
	Legacy               *bool              `json:"legacy,omitzero"`
	BackchannelLogoutURI *string            `json:"backchannel_logout_uri,omitzero"`
	AllowedOrigins       *[]string          `json:"allowed_origins,omitzero"`
	Scopes               *[]string          `json:"custom_scopes,omitzero"`
	Claims               *map[string]string `json:"custom_claims,omitzero"`
}

// oauthConfigDTO is the object of plain OAuth 2, which the description leaves empty too. Empty redirect_uris are those of the application.
type oauthConfigDTO struct {
	ID                   *string   `json:"id,omitzero"` // not to be changed
	RedirectURIs         *[]string `json:"redirect_uris,omitzero"`
	Grants               *[]string `json:"grants,omitzero"`
	AccessTokenLifetime  *int64    `json:"access_token_lifetime,omitzero"`
	RefreshTokenLifetime *int64    `json:"refresh_token_lifetime,omitzero"`
}

// What the wire has words for.
var wireRegisterMethods = []string{signin.LoginPhoneCode, signin.LoginEmailCode, signin.LoginEmailPassword}

const selfBuiltScan = "SELF_BUILT_APP"

// viewApplications shows applications of the caller's pool.
func (a *API) viewApplications(ctx context.Context, apps []*signin.Application) ([]applicationDTO, error) {
	list := make([]applicationDTO, len(apps))
	for i, app := range apps {
		agreements, err := a.Signin.Agreements(ctx, app.PoolID, app.ID)
		if err != nil {
			return nil, err
		}
		list[i] = viewApplication(app, agreements)
	}
	return list, nil
}

func viewApplication(app *signin.Application, agreements []signin.Agreement) applicationDTO {
	t := &app.Settings
	b := &t.Branding
	skip := !t.ShowConsent
	d := applicationDTO{ID: app.ID, Identifier: app.Identifier, Name: app.Name, Logo: app.Logo, Description: app.Description, Type: app.Type, PoolID: app.PoolID,
		DefaultProtocol: t.DefaultProtocol, RedirectURIs: listOf(t.RedirectURIs), LogoutRedirectURIs: listOf(t.LogoutRedirectURIs), InitLoginURI: t.InitLoginURI,
		SSOEnabled: app.SSO, SSOEnabledAt: moment(app.SSOAt),
		LoginConfig: loginConfigDTO{MergeLoginAndRegisterPage: t.MergeRegister, DefaultLoginMethod: defaultLoginMethodDTO{ConnectionType: t.DefaultLogin, QRCodeType: selfBuiltScan},
			EnabledBasicLoginMethods: except(t.LoginMethods, signin.LoginPasskey), EnabledExtIDPConns: []any{}, ShowAuthorizationPage: t.ShowConsent},
		RegisterConfig: registerConfigDTO{[]string{}, t.DefaultRegister},
		BrandingConfig: brandingConfigDTO{CustomCSSEnabled: b.CSSEnabled, CustomCSS: b.CSS, GuardVersion: b.GuardVersion, CustomLoadingImage: b.LoadingImage,
			CustomBackground: b.Background, ShowChangeLanguageButton: !b.HideLanguages, DefaultLanguage: b.DefaultLanguage,
			ShowForgetPasswordButton: !b.HideForgotPassword, ShowEnterpriseConnections: !b.HideEnterpriseLogin,
			ShowSocialConnections: !b.HideSocialLogin, ShowAgreement: t.AgreementsEnabled, Agreements: make([]agreementDTO, len(agreements))},
		OIDCConfig: oidcConfigDTO{ClientID: &app.ID, GrantTypes: &t.GrantTypes, ResponseTypes: &t.ResponseTypes, TokenAuth: &t.TokenEndpointAuth,
			IntrospectionAuth: &t.IntrospectionAuth, RevocationAuth: &t.RevocationAuth, IDTokenAlg: &t.IDTokenAlg, AccessTokenAlg: &t.AccessTokenAlg,
			CodeExpire: &t.CodeLife, IDTokenExpire: &t.IDTokenLife, AccessTokenExpire: &t.AccessTokenLife, RefreshTokenExpire: &t.RefreshTokenLife,
			SkipConsent: &skip, RequirePKCE: &t.RequirePKCE, Legacy: &t.Legacy, BackchannelLogoutURI: &t.BackchannelLogoutURI},
		SAMLConfig: object(t.SamlConfig), CASConfig: object(t.CasConfig), OAuthProviderEnabled: t.OAuth2Enabled,
		OAuthConfig:           oauthConfigDTO{ID: &app.ID, Grants: &t.OAuth2Grants, AccessTokenLifetime: &t.OAuth2AccessLife, RefreshTokenLifetime: &t.OAuth2RefreshLife},
		CustomBrandingEnabled: b.Enabled, CustomSecurityEnabled: t.CustomSecurity}
	for _, l := range []struct {
		to   **[]string
		from []string
	}{{&d.OIDCConfig.AllowedOrigins, t.AllowedOrigins}, {&d.OIDCConfig.Scopes, t.Scopes}, {&d.OAuthConfig.RedirectURIs, t.OAuth2RedirectURIs}} {
		shown := listOf(l.from)
		*l.to = &shown
	}
	claims := t.Claims
	if claims == nil {
		claims = map[string]string{}
	}
	d.OIDCConfig.Claims = &claims
	for _, m := range t.RegisterMethods {
		if slices.Contains(wireRegisterMethods, m) {
			d.RegisterConfig.EnabledBasicRegisterMethods = append(d.RegisterConfig.EnabledBasicRegisterMethods, m)
		}
	}
	for i, g := range agreements {
		d.BrandingConfig.Agreements[i] = agreementDTO{displayedAt(g.AvailableAt), g.Required, g.Lang, g.Title}
	}
	return d
}

// object is JSON that was kept, nil where there is none.
func object(text string) jsontext.Value {
	if text == "" {
		return nil
	}
	return jsontext.Value(text)
}

func displayedAt(p signin.AgreementPlace) []string {
	switch p {
	case signin.AgreeAtRegister:
		return []string{"RegisterPage"}
	case signin.AgreeAtSignIn:
		return []string{"LoginPage"}
	}
	return []string{"LoginPage", "RegisterPage"}
}

// except is a list without a word.
func except(list []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(w string) bool { return w == word })
}

func (a *API) showApplication(ctx context.Context, app *signin.Application, err error) (*applicationDTO, error) {
	if err != nil {
		return nil, err
	}
	list, err := a.viewApplications(ctx, []*signin.Application{app})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

func (a *API) getApplication(ctx context.Context, in *GetApplicationParams) (*applicationDTO, error) {
	app, err := a.Signin.PoolApplication(ctx, poolOf(ctx), in.AppID)
	return a.showApplication(ctx, app, err)
}

// applicationsMatching is a page of applications. The three switches narrow the list when they are on; "from a shop" and "self-built"
// together are all.
func (a *API) applicationsMatching(ctx context.Context, integrate, selfBuilt, sso bool, keywords *string, p directory.Page) ([]*signin.Application, int64, error) {
	f := signin.ApplicationFilter{Keywords: value(keywords)}
	if integrate != selfBuilt {
		f.Integrate = &integrate
	}
	if sso {
		f.SSO = &sso
	}
	return a.Signin.Applications(ctx, poolOf(ctx), f, p)
}

func (a *API) listApplications(ctx context.Context, in *ListApplicationsParams) (*Page[applicationDTO], error) {
	if in.All {
		in.IsIntegrateApp, in.IsSelfBuiltApp, in.SsoEnabled = false, false, false
	}
	apps, total, err := a.applicationsMatching(ctx, in.IsIntegrateApp, in.IsSelfBuiltApp, in.SsoEnabled, in.Keywords, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list, err := a.viewApplications(ctx, apps)
	return &Page[applicationDTO]{total, list}, err
}

// simpleApplicationDTO is ApplicationSimpleInfoDto.
type simpleApplicationDTO struct {
	ID             string         `json:"appId"`
	Identifier     string         `json:"appIdentifier"`
	Name           string         `json:"appName"`
	Logo           string         `json:"appLogo"`
	Description    string         `json:"appDescription"`
	Type           signin.AppType `json:"appType"`
	IsIntegrateApp bool           `json:"isIntegrateApp"`
}

func simpleApplication(app *signin.Application) simpleApplicationDTO {
	return simpleApplicationDTO{app.ID, app.Identifier, app.Name, app.Logo, app.Description, app.Type, false}
}

func (a *API) getApplicationSimpleInfo(ctx context.Context, in *GetApplicationSimpleInfoParams) (*simpleApplicationDTO, error) {
	app, err := a.Signin.PoolApplication(ctx, poolOf(ctx), in.AppID)
	if err != nil {
		return nil, err
	}
	d := simpleApplication(app)
	return &d, nil
}

func (a *API) listApplicationSimpleInfo(ctx context.Context, in *ListApplicationSimpleInfoParams) (*Page[simpleApplicationDTO], error) {
	apps, total, err := a.applicationsMatching(ctx, in.IsIntegrateApp, in.IsSelfBuiltApp, in.SsoEnabled, in.Keywords, pageOf(in.Page, in.Limit))
	list := make([]simpleApplicationDTO, len(apps))
	for i, app := range apps {
		list[i] = simpleApplication(app)
	}
	return &Page[simpleApplicationDTO]{total, list}, err
}

// applicationChange is what creating and updating an application have in common; nil leaves a field as it is.
type applicationChange struct {
	DefaultProtocol       *string
	RedirectURIs          []string
	LogoutRedirectURIs    []string
	InitLoginURI          *string
	OIDCConfig            jsontext.Value
	OAuthEnabled          *bool
	OAuthConfig           jsontext.Value
	SAMLEnabled           *bool
	SAMLConfig            jsontext.Value
	CASEnabled            *bool
	CASConfig             jsontext.Value
	Login                 UpdateApplicationLoginConfigInputDto
	Register              ApplicationRegisterConfigInputDto
	Branding              ApplicationBrandingConfigInputDto
	ShowInLaunchpad       *bool
	EnablePermissionApply *bool
}

// isNull reports JSON that says nothing.
func isNull(v jsontext.Value) bool { return len(v) == 0 || v.Kind() == 'n' }

// apply puts a change into settings of an application.
func (c *applicationChange) apply(appID string, t *signin.AppSettings) error {
	for name, on := range map[string]*bool{"saml": c.SAMLEnabled, "cas": c.CASEnabled} {
		if value(on) {
			return fault.New(fault.Unsupported, "protocol_unsupported", name)
		}
	}
	if err := keepObject("samlConfig", c.SAMLConfig, &t.SamlConfig); err != nil {
		return err
	}
	if err := keepObject("casConfig", c.CASConfig, &t.CasConfig); err != nil {
		return err
	}
	set(&t.DefaultProtocol, c.DefaultProtocol)
	set(&t.InitLoginURI, c.InitLoginURI)
	set(&t.OAuth2Enabled, c.OAuthEnabled)
	set(&t.PermissionApply, c.EnablePermissionApply)
	setList(&t.RedirectURIs, c.RedirectURIs)
	setList(&t.LogoutRedirectURIs, c.LogoutRedirectURIs)
	if c.ShowInLaunchpad != nil {
		t.ShowInLaunchpad = c.ShowInLaunchpad
	}
	if err := applyOIDC(appID, c.OIDCConfig, t); err != nil {
		return err
	}
	if err := applyOAuth(appID, c.OAuthConfig, t); err != nil {
		return err
	}
	if err := c.applyLogin(t); err != nil {
		return err
	}
	c.applyBranding(&t.Branding)
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func setList[T any](to *[]T, from []T) {
	if from != nil {
		*to = from
	}
}

// keepObject keeps an object whose members no part of the server reads.
func keepObject(name string, v jsontext.Value, to *string) error {
	switch {
	case isNull(v):
		return nil
	case v.Kind() != '{':
		return fault.Field(name)
	}
	*to = string(v)
	return nil
}

// strictly decodes an object that has known members only: an unknown one is the refusal of its name.
func strictly(name string, v jsontext.Value, into any) error {
	if v.Kind() != '{' {
		return fault.Field(name)
	}
	err := json.Unmarshal(v, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	if s, ok := err.(*json.SemanticError); ok {
		if member := strings.Trim(strings.ReplaceAll(string(s.JSONPointer), "/", "."), "."); member != "" {
			return fault.Field(name + "." + member)
		}
	}
	return fault.Field(name)
}

func applyOIDC(appID string, v jsontext.Value, t *signin.AppSettings) error {
	if isNull(v) {
		return nil
	}
	var c oidcConfigDTO
	if err := strictly("oidcConfig", v, &c); err != nil {
		return err
	}
	if c.ClientID != nil && *c.ClientID != appID {
		return fault.Field("oidcConfig.client_id")
	}
	for _, f := range []struct{ to, from *string }{{&t.TokenEndpointAuth, c.TokenAuth}, {&t.IntrospectionAuth, c.IntrospectionAuth},
		{&t.RevocationAuth, c.RevocationAuth}, {&t.IDTokenAlg, c.IDTokenAlg}, {&t.AccessTokenAlg, c.AccessTokenAlg},
		{&t.BackchannelLogoutURI, c.BackchannelLogoutURI}} {
		set(f.to, f.from)
	}
	for _, f := range []struct {
		name     string
		to, from *int64
	}{{"authorization_code_expire", &t.CodeLife, c.CodeExpire}, {"id_token_expire", &t.IDTokenLife, c.IDTokenExpire},
		{"access_token_expire", &t.AccessTokenLife, c.AccessTokenExpire}, {"refresh_token_expire", &t.RefreshTokenLife, c.RefreshTokenExpire}} {
		if f.from != nil && *f.from == 0 { // what would stand for the default
			return fault.New(fault.Invalid, "field_min", f.name, "1")
		}
		set(f.to, f.from)
	}
	for _, f := range []struct{ to, from *[]string }{{&t.GrantTypes, c.GrantTypes}, {&t.ResponseTypes, c.ResponseTypes},
		{&t.AllowedOrigins, c.AllowedOrigins}, {&t.Scopes, c.Scopes}} {
		set(f.to, f.from)
	}
	set(&t.Claims, c.Claims)
	set(&t.RequirePKCE, c.RequirePKCE)
	set(&t.Legacy, c.Legacy)
	if c.SkipConsent != nil {
		t.ShowConsent = !*c.SkipConsent
	}
	return nil
}

func applyOAuth(appID string, v jsontext.Value, t *signin.AppSettings) error {
	if isNull(v) {
		return nil
	}
	var c oauthConfigDTO
	if err := strictly("oauthConfig", v, &c); err != nil {
		return err
	}
	if c.ID != nil && *c.ID != appID {
		return fault.Field("oauthConfig.id")
	}
	set(&t.OAuth2RedirectURIs, c.RedirectURIs)
	set(&t.OAuth2Grants, c.Grants)
	set(&t.OAuth2AccessLife, c.AccessTokenLifetime)
	set(&t.OAuth2RefreshLife, c.RefreshTokenLifetime)
	return nil
}

func (c *applicationChange) applyLogin(t *signin.AppSettings) error {
	set(&t.MergeRegister, c.Login.MergeLoginAndRegisterPage)
	set(&t.ShowConsent, c.Login.ShowAuthorizationPage)
	if list := c.Login.EnabledBasicLoginMethods; list != nil {
		if slices.Contains(t.LoginMethods, signin.LoginPasskey) { // which the wire has no word for
			list = append(slices.Clone(list), signin.LoginPasskey)
		}
		t.LoginMethods = list
	}
	if m := c.Login.DefaultLoginMethod; m != nil {
		for _, id := range []*string{m.QrcodeExtIdpConnID, m.AdExtIdpConnID, m.LdapExtIdpConnID} {
			if value(id) != "" {
				return fault.New(fault.NotFound, "connection_not_found", *id)
			}
		}
		if m.ConnectionType == "LDAP" || m.ConnectionType == "AD" {
			return fault.New(fault.Unsupported, "protocol_unsupported", strings.ToLower(m.ConnectionType))
		}
		if m.QrcodeType != nil && *m.QrcodeType != selfBuiltScan {
			return fault.New(fault.Unsupported, "protocol_unsupported", *m.QrcodeType)
		}
		t.DefaultLogin = m.ConnectionType
	}
	if list := c.Register.EnabledBasicRegisterMethods; list != nil {
		for _, m := range t.RegisterMethods {
			if !slices.Contains(wireRegisterMethods, m) {
				list = append(slices.Clone(list), m)
			}
		}
		t.RegisterMethods = list
	}
	set(&t.DefaultRegister, c.Register.DefaultRegisterMethod)
	return nil
}

func (c *applicationChange) applyBranding(b *signin.Branding) {
	in := &c.Branding
	b.Enabled = b.Enabled || *in != ApplicationBrandingConfigInputDto{}
	set(&b.CSSEnabled, in.CustomCSSEnabled)
	set(&b.CSS, in.CustomCSS)
	set(&b.GuardVersion, in.GuardVersion)
	set(&b.LoadingImage, in.CustomLoadingImage)
	set(&b.Background, in.CustomBackground)
	set(&b.DefaultLanguage, in.DefaultLanguage)
	for _, f := range []struct{ hide, show *bool }{{&b.HideLanguages, in.ShowChangeLanguageButton}, {&b.HideForgotPassword, in.ShowForgetPasswordButton},
		{&b.HideEnterpriseLogin, in.ShowEnterpriseConnections}, {&b.HideSocialLogin, in.ShowSocialConnections}} {
		if f.show != nil {
			*f.hide = !*f.show
		}
	}
}

func (a *API) createApplication(ctx context.Context, in *CreateApplicationDto) (*applicationDTO, error) {
	if value(in.Template) != "" || !isNull(in.TemplateData) {
		return nil, fault.New(fault.NotFound, "template_unknown", value(in.Template))
	}
	if len(in.LoginConfig.EnabledExtIdpConnIDs) > 0 {
		return nil, fault.New(fault.NotFound, "connection_not_found", in.LoginConfig.EnabledExtIdpConnIDs[0].ExtIdpConnID)
	}
	c := applicationChange{DefaultProtocol: in.DefaultProtocol, RedirectURIs: in.RedirectURIs, LogoutRedirectURIs: in.LogoutRedirectURIs,
		InitLoginURI: in.InitLoginURI, OIDCConfig: in.OidcConfig, OAuthEnabled: in.OauthProviderEnabled, OAuthConfig: in.OauthConfig,
		SAMLEnabled: in.SamlProviderEnabled, SAMLConfig: in.SamlConfig, CASEnabled: in.CasProviderEnabled, CASConfig: in.CasConfig,
		Login: UpdateApplicationLoginConfigInputDto{in.LoginConfig.MergeLoginAndRegisterPage, in.LoginConfig.EnabledBasicLoginMethods,
			in.LoginConfig.DefaultLoginMethod, in.LoginConfig.ShowAuthorizationPage},
		Register: in.RegisterConfig, Branding: in.BrandingConfig}
	n := signin.NewApplication{Name: in.AppName, Identifier: value(in.AppIdentifier), Logo: value(in.AppLogo), Description: value(in.AppDescription),
		Type: signin.AppType(value(in.AppType)), SSO: in.SsoEnabled}
	if err := c.apply("", &n.Settings); err != nil {
		return nil, err
	}
	app, err := a.Signin.CreateApplication(ctx, poolOf(ctx), n)
	return a.showApplication(ctx, app, err)
}

func (a *API) updateApplication(ctx context.Context, in *UpdateApplicationDto) (success, error) {
	if !isNull(in.TemplateData) {
		return success{}, fault.New(fault.NotFound, "template_unknown", "")
	}
	c := applicationChange{DefaultProtocol: in.DefaultProtocol, RedirectURIs: in.RedirectURIs, LogoutRedirectURIs: in.LogoutRedirectURIs,
		InitLoginURI: in.InitLoginURI, OIDCConfig: in.OidcConfig, OAuthEnabled: in.OauthProviderEnabled, OAuthConfig: in.OauthConfig,
		SAMLEnabled: in.SamlProviderEnabled, SAMLConfig: in.SamlConfig, CASEnabled: in.CasProviderEnabled, CASConfig: in.CasConfig,
		Login: in.LoginConfig, Register: in.RegisterConfig, Branding: in.BrandingConfig, ShowInLaunchpad: in.SsoShowLaunchpad,
		EnablePermissionApply: in.EnablePermissionApply}
	_, err := a.Signin.UpdateApplication(ctx, poolOf(ctx), in.AppID, signin.ApplicationPatch{Name: in.AppName, Identifier: in.AppIdentifier,
		Logo: in.AppLogo, Description: in.AppDescription, SSO: in.SsoEnabled,
		Settings: func(t *signin.AppSettings) error { return c.apply(in.AppID, t) }})
	return succeeded(err)
}

func (a *API) deleteApplication(ctx context.Context, in *DeleteApplicationDto) (success, error) {
	return succeeded(a.Signin.DeleteApplication(ctx, poolOf(ctx), in.AppID))
}

type applicationSecretDTO struct {
	Secret string `json:"secret"`
}

func (a *API) getApplicationSecret(ctx context.Context, in *GetApplicationSecretParams) (applicationSecretDTO, error) {
	text, err := a.Signin.RevealSecret(ctx, poolOf(ctx), in.AppID)
	return applicationSecretDTO{text}, err
}

func (a *API) refreshApplicationSecret(ctx context.Context, in *RefreshApplicationSecretDto) (applicationSecretDTO, error) {
	text, err := a.Signin.RotateSecret(ctx, poolOf(ctx), in.AppID)
	return applicationSecretDTO{text}, err
}

func (a *API) listApplicationActiveUsers(ctx context.Context, in *ListApplicationActiveUsersDto) (*Page[userDTO], error) {
	o := in.Options
	active, total, err := a.Signin.ActiveUsers(ctx, poolOf(ctx), in.AppID, pageOf(o.Pagination.Page, o.Pagination.Limit))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(active))
	for i, u := range active {
		ids[i] = u.UserID
	}
	users, err := a.Directory.UsersByRefs(ctx, poolOf(ctx), directory.Refs("user_id", ids))
	if err != nil {
		return nil, err
	}
	list, err := a.viewUsers(ctx, users, with{customData: o.WithCustomData, identities: o.WithIdentities, departmentIDs: o.WithDepartmentIDs})
	return &Page[userDTO]{total, list}, err
}

type domainDTO struct {
	Available bool `json:"available"`
}

// checkDomainAvailable answers for an application's identifier, alone or as the first label of a host name.
func (a *API) checkDomainAvailable(ctx context.Context, in *CheckDomainAvailable) (domainDTO, error) {
	identifier, _, _ := strings.Cut(strings.TrimSpace(value(in.Domain)), ".")
	if identifier == "" {
		return domainDTO{}, fault.Field("domain")
	}
	free, err := a.Signin.IdentifierFree(ctx, poolOf(ctx), identifier)
	return domainDTO{free}, err
}

// tenantApplicationDTO is TenantApplicationDto.
type tenantApplicationDTO struct {
	PoolID          string         `json:"userPoolId"`
	TenantAppID     string         `json:"tenantAppId"` // empty: there are no tenants
	Name            string         `json:"name"`
	Description     string         `json:"description"`
	Logo            string         `json:"logo"`
	ApplicationType signin.AppType `json:"applicationType"`
	SSOEnabled      bool           `json:"ssoEnabled"`
	AppID           string         `json:"appId"`
}

// listTenantApplications lists those that everybody shares: a pool without tenants has no others.
func (a *API) listTenantApplications(ctx context.Context, in *ListTenantApplicationsParams) (*Page[tenantApplicationDTO], error) {
	apps, total, err := a.Signin.Applications(ctx, poolOf(ctx), signin.ApplicationFilter{Keywords: value(in.Keywords), SSO: in.SsoEnabled}, pageOf(in.Page, in.Limit))
	list := make([]tenantApplicationDTO, len(apps))
	for i, app := range apps {
		list[i] = tenantApplicationDTO{app.PoolID, "", app.Name, app.Description, app.Logo, app.Type, app.SSO, app.ID}
	}
	return &Page[tenantApplicationDTO]{total, list}, err
}

// loginPage is what a console keeps of a page on which people sign in; no other part of the server reads it.
type loginPage struct {
	UpdateLoginConfig
	AppQRCode *bool `json:"appQrcodeEnabled"`
}

func (p *loginPage) read(text string) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), p)
}

// with is the page with a change in it, as it is kept.
func (p *loginPage) with(change *loginPage) (string, error) {
	c := &change.UpdateLoginConfig
	for name, v := range map[string]jsontext.Value{"tabMethodsSortConfig": c.TabMethodsSortConfig, "qrCodeSortConfig": c.QRCodeSortConfig,
		"ssoPageCustomizationSettings": c.SsoPageCustomizationSettings, "passwordTabConfig": c.PasswordTabConfig,
		"verifyCodeTabConfig": c.VerifyCodeTabConfig, "global": c.Config.Global} {
		if !isNull(v) && v.Kind() != '{' {
			return "", fault.Field(name)
		}
	}
	b, err := json.Marshal(change, json.OmitZeroStructFields(true))
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(b, p); err != nil {
		return "", err
	}
	b, err = json.Marshal(p, json.OmitZeroStructFields(true), json.Deterministic(true))
	return string(b), err
}

// updateLoginPageConfig keeps the page of the application that the header names, for the request names none; else that of the pool.
func (a *API) updateLoginPageConfig(ctx context.Context, in *UpdateLoginConfigDto) (success, error) {
	change := &loginPage{UpdateLoginConfig: in.Update}
	if id := caller.From(ctx).AppID; id != "" {
		_, err := a.Signin.UpdateApplication(ctx, poolOf(ctx), id, signin.ApplicationPatch{Settings: func(t *signin.AppSettings) error {
			var page loginPage
			err := page.read(t.LoginPage)
			if err != nil {
				return err
			}
			t.LoginPage, err = page.with(change)
			return err
		}})
		return succeeded(err)
	}
	return succeeded(a.keepPage(ctx, change))
}

// keepPage changes the page on which a pool's tenants sign in.
func (a *API) keepPage(ctx context.Context, change *loginPage) error {
	return a.DB.Tx(ctx, func(ctx context.Context) error {
		page, err := a.poolPage(ctx)
		if err != nil {
			return err
		}
		text, err := page.with(change)
		if err != nil {
			return err
		}
		_, err = a.Directory.UpdatePool(ctx, poolOf(ctx), directory.PoolPatch{Settings: directory.PoolSettings{LoginPage: &text}})
		return err
	})
}

func (a *API) poolPage(ctx context.Context) (*loginPage, error) {
	pool, err := a.Directory.Pool(ctx, poolOf(ctx))
	if err != nil {
		return nil, err
	}
	page := &loginPage{}
	return page, page.read(value(pool.Settings.LoginPage))
}

func (a *API) updateUserpoolTenantConfig(ctx context.Context, in *UpdateUserPoolTenantLoginConfigDto) (success, error) {
	return succeeded(a.keepPage(ctx, &loginPage{UpdateLoginConfig: in.Update}))
}

func (a *API) updateTenantQRCodeState(ctx context.Context, in *UpdateTenantAppqrcodeState) (success, error) {
	return succeeded(a.keepPage(ctx, &loginPage{AppQRCode: &in.Enabled}))
}

// changeUserpoolTenantConnections finds none of the connections: there are no sources of identities yet.
func (a *API) changeUserpoolTenantConnections(_ context.Context, in *ChangeUserPoolTenantExtIdpConnDto) (success, error) {
	return success{}, fault.New(fault.NotFound, "connection_not_found", strings.Join(in.ConnIDs[:min(len(in.ConnIDs), 1)], ""))
}

// tenantConfigDTO is UserPoolTenantConfigDto.
type tenantConfigDTO struct {
	PoolID                       string         `json:"userPoolId"`
	IsUserPoolAsTenant           bool           `json:"isUserPoolAsTenant"`
	EnableSwitchType             string         `json:"enableSwitchType"`
	CSS                          string         `json:"css"`
	CSSEnabled                   bool           `json:"cssEnabled"`
	CustomLoading                string         `json:"customLoading"`
	EnableGuardVersionSwitch     bool           `json:"enableGuardVersionSwitch"`
	GuardVersion                 string         `json:"guardVersion"`
	LoadingBackground            string         `json:"loadingBackground"`
	EnableCreateTenant           bool           `json:"enableCreateTenant"`
	CreateTenantScenes           []string       `json:"createTenantScenes"`
	EnableJoinTenant             bool           `json:"enableJoinTenant"`
	JoinTenantScenes             []string       `json:"joinTenantScenes"`
	EnableVerifyDomain           bool           `json:"enableVerifyDomain"`
	VerifyDomainScenes           []string       `json:"verifyDomainScenes"`
	SSOPageCustomizationSettings jsontext.Value `json:"ssoPageCustomizationSettings"`
	EnableMultipleTenantPortal   bool           `json:"enableMultipleTenantPortal"`
	LoginConfig                  loginConfigDTO `json:"loginConfig"`
}

// userpoolTenantConfig is that of a pool without tenants, whose page is that of its first application.
func (a *API) userpoolTenantConfig(ctx context.Context, _ *struct{}) (*tenantConfigDTO, error) {
	page, err := a.poolPage(ctx)
	if err != nil {
		return nil, err
	}
	d := &tenantConfigDTO{PoolID: poolOf(ctx), EnableSwitchType: "tenant-console", GuardVersion: "Advanced", CreateTenantScenes: listOf(page.CreateTenantScenes),
		JoinTenantScenes: listOf(page.JoinTenantScenes), VerifyDomainScenes: listOf(page.VerifyDomainScenes), EnableCreateTenant: value(page.EnableCreateTenant),
		EnableJoinTenant: value(page.EnableJoinTenant), EnableVerifyDomain: value(page.EnableVerifyDomain),
		SSOPageCustomizationSettings: page.SsoPageCustomizationSettings}
	if isNull(d.SSOPageCustomizationSettings) {
		d.SSOPageCustomizationSettings = jsontext.Value("{}")
	}
	app, err := a.Signin.FirstApplication(ctx, poolOf(ctx))
	switch {
	case fault.KindOf(err) == fault.NotFound: // as an application would be made
		app = signin.Unmade(signin.WebApp)
	case err != nil:
		return nil, err
	}
	v := viewApplication(app, nil)
	d.LoginConfig, d.CSS, d.CSSEnabled, d.GuardVersion = v.LoginConfig, v.BrandingConfig.CustomCSS, v.BrandingConfig.CustomCSSEnabled, v.BrandingConfig.GuardVersion
	if page.AppQRCode != nil {
		d.LoginConfig.EnabledBasicLoginMethods = except(d.LoginConfig.EnabledBasicLoginMethods, signin.LoginQRCode)
		if *page.AppQRCode {
			d.LoginConfig.EnabledBasicLoginMethods = append(d.LoginConfig.EnabledBasicLoginMethods, signin.LoginQRCode)
		}
	}
	d.CustomLoading, d.LoadingBackground = v.BrandingConfig.CustomLoadingImage, v.BrandingConfig.CustomBackground
	return d, nil
}

// mostVerifyConfigs is how many applications the list without pages shows.
const mostVerifyConfigs = 50

// getVerifyConfigApp lists applications, as its description says; the contract shows one of them.
func (a *API) getVerifyConfigApp(ctx context.Context, in *GetVerifyConfigAppParams) (*Page[applicationDTO], error) {
	apps, total, err := a.Signin.Applications(ctx, poolOf(ctx), signin.ApplicationFilter{Keywords: value(in.Keywords)}, pageOf(1, mostVerifyConfigs))
	if err != nil {
		return nil, err
	}
	list, err := a.viewApplications(ctx, apps)
	return &Page[applicationDTO]{total, list}, err
}

// appDTO is AppDto: an application that a user may enter.
type appDTO struct {
	ID       string          `json:"appId"`
	Name     string          `json:"appName"`
	Logo     string          `json:"appLogo"`
	LoginURL string          `json:"appLoginUrl"`
	Strategy access.Strategy `json:"appDefaultLoginStrategy"`
}

// mostEnterable is how many applications of a user the lists without pages show.
const mostEnterable = 1000

// enterable are the applications that a user may enter, the newest first; with granted only those that say so of one of the user's
// subjects, and not by their strategy.
func (a *API) enterable(ctx context.Context, userIDType, userID string, granted bool) ([]appDTO, error) {
	u, err := a.user(ctx, userIDType, userID)
	if err != nil {
		return nil, err
	}
	apps, _, err := a.Signin.Applications(ctx, u.PoolID, signin.ApplicationFilter{}, pageOf(1, mostEnterable))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(apps))
	for i, app := range apps {
		ids[i] = app.ID
	}
	verdicts, err := a.Access.AppVerdicts(ctx, u.PoolID, u.ID, ids)
	if err != nil {
		return nil, err
	}
	list := []appDTO{}
	for _, app := range apps {
		v, ok := verdicts[app.ID]
		if ok && v.Allowed && app.Enabled && (v.Record != nil || !granted) {
			list = append(list, appDTO{app.ID, app.Name, app.Logo, a.Signin.LoginURL(app), v.Strategy})
		}
	}
	return list, nil
}

// getUserAccessibleApps lists what the user may enter, by whatever rule.
func (a *API) getUserAccessibleApps(ctx context.Context, in *GetUserAccessibleAppsParams) ([]appDTO, error) {
	return a.enterable(ctx, in.UserIDType, in.UserID, false)
}

// getUserAuthorizedApps lists what the user, or one of their groups, departments and roles, was given access to.
func (a *API) getUserAuthorizedApps(ctx context.Context, in *GetUserAuthorizedAppsParams) ([]appDTO, error) {
	return a.enterable(ctx, in.UserIDType, in.UserID, true)
}
