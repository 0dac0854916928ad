package signin

import (
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// AppType is what kind of program an application is.
type AppType string

// The kinds of programs. Those that run where their users can read them, browser and device, keep no secret: they are public
// clients (RFC 6749 section 2.1) unless their settings say otherwise.
const (
	WebApp       AppType = "web"
	BrowserApp   AppType = "spa"
	NativeApp    AppType = "native"
	MachineApp   AppType = "api"
	MFAApp       AppType = "mfa"
	MiniApp      AppType = "mini-program"
	GatewayApp   AppType = "gateway-app"
	GatewayAgent AppType = "gateway-agent"
)

// Application is a program that the pool's users sign in to. Each is a permission namespace of its own, whose code is its
// identifier. One that was read is shared between requests: it is not to be changed.
type Application struct {
	PoolID      string      `db:"pool_id"`
	ID          string      `db:"id"`
	Name        string      `db:"name"`
	Identifier  string      `db:"identifier"` // the pool's word for it, and the first label of its own host name
	Logo        string      `db:"logo"`
	Description string      `db:"description"`
	Type        AppType     `db:"app_type"`
	Secret      string      `db:"secret"` // sealed in the table, in the clear in what CreateApplication returns, empty elsewhere
	Enabled     bool        `db:"enabled"`
	SSO         bool        `db:"sso"` // takes part in single sign-on: one session opens it as well
	SSOAt       int64       `db:"sso_at"`
	Settings    AppSettings `db:"settings,json"`
	CreatedAt   int64       `db:"created_at"`
	UpdatedAt   int64       `db:"updated_at"`

	sealed string // the secret as the table has it
}

// ErrApplicationNotFound says that no application has the identifier.
var ErrApplicationNotFound = access.ErrApplicationNotFound

// How a client proves itself at an endpoint (RFC 7591 section 2).
const (
	AuthPost  = "client_secret_post"
	AuthBasic = "client_secret_basic"
	AuthNone  = "none"
)

// OAuth 2 and OpenID Connect grants.
const (
	GrantCode        = "authorization_code"
	GrantRefresh     = "refresh_token"
	GrantImplicit    = "implicit"
	GrantClient      = "client_credentials"
	GrantPassword    = "password"
	GrantDevice      = "urn:ietf:params:oauth:grant-type:device_code"
	ResponseCode     = "code"
	ResponseNone     = "none"
	ResponseID       = "id_token"
	ResponseToken    = "token"
	ResponseIDToken  = "id_token token"
	ResponseCodeID   = "code id_token"
	ResponseCodeTok  = "code token"
	ResponseCodeBoth = "code id_token token"
)

// Ways of signing in that an application offers.
const (
	LoginPhoneCode        = "PHONE_CODE"
	LoginEmailCode        = "EMAIL_CODE"
	LoginPhonePassword    = "PHONE_PASSWORD"
	LoginEmailPassword    = "EMAIL_PASSWORD"
	LoginUsernamePassword = "USERNAME_PASSWORD"
	LoginQRCode           = "SELF_BUILT_APP_QRCODE"
	LoginPasskey          = "PASSKEY"
)

// Where a user is asked, in CompletionAt.
const (
	AtLogin    = "login"
	AtRegister = "register"
)

// AppSettings are how an application behaves. In one that was read every field that has a default holds it: readers need not know
// the defaults. Times are seconds.
type AppSettings struct {
	// Where answers may go. URIs are compared byte by byte (RFC 9700 section 2.1).
	RedirectURIs         []string `json:"redirectUris,omitzero"`
	LogoutRedirectURIs   []string `json:"logoutRedirectUris,omitzero"`
	AllowedOrigins       []string `json:"allowedOrigins,omitzero"` // scheme://host[:port]; "*" stands for one label or more
	InitLoginURI         string   `json:"initLoginUri,omitzero"`
	BackchannelLogoutURI string   `json:"backchannelLogoutUri,omitzero"`

	// OpenID Connect and OAuth 2.
	DefaultProtocol   string   `json:"defaultProtocol,omitzero"` // oidc | oauth | saml | cas | asa
	GrantTypes        []string `json:"grantTypes,omitzero"`
	ResponseTypes     []string `json:"responseTypes,omitzero"` // words in the order of the constants
	TokenEndpointAuth string   `json:"tokenEndpointAuthMethod,omitzero"`
	IntrospectionAuth string   `json:"introspectionEndpointAuthMethod,omitzero"`
	RevocationAuth    string   `json:"revocationEndpointAuthMethod,omitzero"`
	IDTokenAlg        string   `json:"idTokenSignAlg,omitzero"`     // HS256 | RS256 | ES256
	AccessTokenAlg    string   `json:"accessTokenSignAlg,omitzero"` // RS256 | ES256
	CodeLife          int64    `json:"authorizationCodeLifetime,omitzero"`
	IDTokenLife       int64    `json:"idTokenLifetime,omitzero"`
	AccessTokenLife   int64    `json:"accessTokenLifetime,omitzero"`
	RefreshTokenLife  int64    `json:"refreshTokenLifetime,omitzero"`
	SessionLife       int64    `json:"sessionLifetime,omitzero"` // 0: as the pool says
	// Legacy permits what RFC 9700 forbids: access tokens in the front channel, the password grant, public clients without PKCE.
	Legacy             bool     `json:"legacy,omitzero"`
	RequirePKCE        bool     `json:"requirePkce,omitzero"`
	ShowConsent        bool     `json:"showAuthorizationPage,omitzero"` // own applications ask for no consent unless they say so
	OAuth2Enabled      bool     `json:"oauthProviderEnabled,omitzero"`
	OAuth2RedirectURIs []string `json:"oauthRedirectUris,omitzero"` // none: those above
	OAuth2Grants       []string `json:"oauthGrants,omitzero"`
	OAuth2AccessLife   int64    `json:"oauthAccessTokenLifetime,omitzero"`
	OAuth2RefreshLife  int64    `json:"oauthRefreshTokenLifetime,omitzero"`
	// Scopes are what the application may ask for beyond the standard ones; Claims map a claim of its own to a user's field.
	Scopes []string          `json:"customScopes,omitzero"`
	Claims map[string]string `json:"customClaims,omitzero"`

	// The sign-in page.
	LoginMethods      []string   `json:"enabledBasicLoginMethods,omitzero"` // the constants Login…
	DefaultLogin      string     `json:"defaultLoginConnection,omitzero"`   // PASSCODE | PASSWORD | QRCODE
	RegisterMethods   []string   `json:"enabledBasicRegisterMethods,omitzero"`
	DefaultRegister   string     `json:"defaultRegisterMethod,omitzero"`     // PASSCODE | PASSWORD
	MergeRegister     bool       `json:"mergeLoginAndRegisterPage,omitzero"` // signing in with a code makes the account
	RegisterDisabled  bool       `json:"registerDisabled,omitzero"`
	CompletionAt      []string   `json:"completionPlaces,omitzero"` // AtLogin, AtRegister
	CompletionFields  []AskedFor `json:"completionFields,omitzero"`
	SkipCompletion    bool       `json:"skipCompletion,omitzero"` // the user may leave it for later
	AgreementsEnabled bool       `json:"agreementEnabled,omitzero"`
	Branding          Branding   `json:"branding,omitzero"`

	// A second factor. nil: as the pool says; an empty list: none is demanded.
	Factors *[]string `json:"mfaFactors,omitzero"` // OTP, SMS, EMAIL, PASSKEY in the order they are offered

	// Security is the application's own, in place of the pool's, where CustomSecurity is set.
	CustomSecurity bool                       `json:"customSecurityEnabled,omitzero"`
	Security       directory.SecuritySettings `json:"security,omitzero"`

	// What the wires keep with an application and no part of signing in reads yet.
	SamlConfig      string `json:"samlConfig,omitzero"` // JSON
	CasConfig       string `json:"casConfig,omitzero"`  // JSON
	LoginPage       string `json:"loginPage,omitzero"`  // JSON of a console's own settings of the page
	ShowInLaunchpad *bool  `json:"ssoShowLaunchpad,omitzero"`
	Audience        string `json:"audience,omitzero"` // INDIVIDUAL | TENANT | BOTH, as V2 has it
	PermissionApply bool   `json:"enablePermissionApply,omitzero"`
}

// AskedFor is a field of the user that the sign-in page asks for.
type AskedFor struct {
	Name     string `json:"name"`
	Custom   bool   `json:"custom,omitzero"` // a custom field
	Required bool   `json:"required,omitzero"`
}

// Branding is how an application's pages look. nil is the default.
type Branding struct {
	Enabled             bool              `json:"customBrandingEnabled,omitzero"`
	CSSEnabled          bool              `json:"customCSSEnabled,omitzero"`
	CSS                 string            `json:"customCSS,omitzero"`
	GuardVersion        string            `json:"guardVersion,omitzero"` // Advanced | Classical
	LoadingImage        string            `json:"customLoadingImage,omitzero"`
	Background          string            `json:"customBackground,omitzero"`
	PrimaryColor        string            `json:"primaryColor,omitzero"` // #rrggbb
	DefaultLanguage     string            `json:"defaultLanguage,omitzero"`
	HideLanguages       bool              `json:"hideChangeLanguageButton,omitzero"`
	HideForgotPassword  bool              `json:"hideForgetPasswordButton,omitzero"`
	HideRegister        bool              `json:"hideRegisterButton,omitzero"`
	HideEnterpriseLogin bool              `json:"hideEnterpriseConnections,omitzero"`
	HideSocialLogin     bool              `json:"hideSocialConnections,omitzero"`
	Texts               map[string]string `json:"texts,omitzero"` // by name, or by name and language: "title", "title.zh-CN"
}

// IsGrant reports whether the application may use a grant.
func (a *Application) IsGrant(grant string) bool {
	return slices.Contains(a.Settings.GrantTypes, grant)
}

// IsResponse reports whether the application may ask for a response type, in whatever order its words stand.
func (a *Application) IsResponse(response string) bool {
	return slices.Contains(a.Settings.ResponseTypes, NormalResponse(response))
}

// NormalResponse puts the words of a response type into the order of the constants; the order means nothing (OAuth 2.0 Multiple
// Response Type Encoding Practices, section 3).
func NormalResponse(response string) string {
	words := strings.Split(response, " ")
	slices.Sort(words)
	return strings.Join(words, " ")
}

// IsRedirect reports whether an authorization answer may go to a URI: byte for byte one of the registered ones.
func (a *Application) IsRedirect(uri string) bool {
	return uri != "" && slices.Contains(a.Settings.RedirectURIs, uri)
}

// IsOAuth2Redirect is IsRedirect for the plain OAuth 2 endpoints.
func (a *Application) IsOAuth2Redirect(uri string) bool {
	if len(a.Settings.OAuth2RedirectURIs) == 0 {
		return a.IsRedirect(uri)
	}
	return uri != "" && slices.Contains(a.Settings.OAuth2RedirectURIs, uri)
}

// IsLogoutRedirect reports whether a browser may be sent to a URI after signing out.
func (a *Application) IsLogoutRedirect(uri string) bool {
	return uri != "" && slices.Contains(a.Settings.LogoutRedirectURIs, uri)
}

// Public reports whether the application keeps no secret at the token endpoint.
func (a *Application) Public() bool { return a.Settings.TokenEndpointAuth == AuthNone }

// NeedsPKCE reports whether the application must show a code challenge (RFC 7636; RFC 9700 section 2.1.1).
func (a *Application) NeedsPKCE() bool {
	return a.Settings.RequirePKCE || a.Public() && !a.Settings.Legacy
}

// NeedsConsent reports whether users are asked before the application gets what it asks for.
func (a *Application) NeedsConsent() bool { return a.Settings.ShowConsent }

// Offers reports whether the application's users may sign in by a method, one of the constants Login….
func (a *Application) Offers(method string) bool {
	return slices.Contains(a.Settings.LoginMethods, method)
}

// OffersRegister reports whether the sign-in page offers to make an account by a method; registration may still be closed: see Policy.
func (a *Application) OffersRegister(method string) bool {
	return slices.Contains(a.Settings.RegisterMethods, method)
}

// AllowsRegister reports whether an account may be made by a method at any door. The wire's list of methods has no word for user names and
// for numbers with a password: where the application names neither, they follow the password that its list has a word for.
func (a *Application) AllowsRegister(method string) bool {
	wordless := []string{LoginUsernamePassword, LoginPhonePassword}
	if slices.Contains(wordless, method) && !slices.ContainsFunc(wordless, a.OffersRegister) {
		method = LoginEmailPassword
	}
	return a.OffersRegister(method)
}
