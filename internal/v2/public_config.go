package v2

import (
	"context"
	"net/url"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// publicRoutes are what browser clients load before anybody has signed in. Anybody may ask, so nothing here may be secret.
func (a *API) publicRoutes() []op.Op {
	anyone := op.Anyone
	return []op.Op{
		op.Get("/api/v2/applications/{appId}/public-config", "publicConfig", anyone, a.publicConfig),
		op.Get("/api/v2/applications/{appId}/components-public-config/{component}", "componentsPublicConfig", anyone, a.componentConfig),
		op.Query("/api/v2/applications/{appId}/matchIdpConnByAccount", "matchIdpConnByAccount", anyone, a.matchIdentityProvider),
		op.Get("/api/v2/country-list", "countryList", anyone, a.countryList),
		op.Query("/api/v2/password/check", "isPasswordValid", op.ManagementKey, a.passwordValid),
		op.Query("/api/v2/password/user-action/check", "checkOwnPassword", anyone, a.ownPasswordValid),
		op.Get("/api/v2/users/find", "find", anyone, a.accountFound),
		op.Get("/api/v2/users/is-user-exists", "isUserExists", anyone, a.usernameTaken),
		op.Get("/api/v2/udfs/field-metadata-for-completion", "fieldMetadataForCompletion", anyone, a.completionMetadata),
	}
}

// publicConfig is how an application presents itself to a browser: all that the login component reads (auth-notes 1.1), by the names
// it reads, some of which are spelt so. What it reads of sources of identities is empty.
type publicConfig struct {
	ID                     string                    `json:"id"`
	UserPoolID             string                    `json:"userPoolId"`
	RootUserPoolID         *string                   `json:"rootUserPoolId"`
	Name                   string                    `json:"name"`
	Identifier             string                    `json:"identifier"`
	Description            *string                   `json:"description"`
	Logo                   string                    `json:"logo"`
	UserPoolName           string                    `json:"userPoolName"`
	Protocol               string                    `json:"protocol"`
	CSS                    string                    `json:"css"`
	PublicKey              string                    `json:"publicKey"` // PEM; passwords are encrypted to it
	CDNBase                string                    `json:"cdnBase"`
	RequestHostname        string                    `json:"requestHostname"` // host[:port]
	AllowedOrigins         []string                  `json:"allowedOrigins"`
	CORSWhitelist          []string                  `json:"corsWhitelist"`
	RedirectURIs           []string                  `json:"redirectUris"`
	LogoutRedirectURIs     []string                  `json:"logoutRedirectUris"`
	OIDCConfig             applicationOIDC           `json:"oidcConfig"`
	Display                pageDisplay               `json:"ssoPageComponentDisplay"`
	PasswordTab            passwordTab               `json:"passwordTabConfig"`
	VerifyCodeTab          verifyCodeTab             `json:"verifyCodeTabConfig"`
	VerifyCodeLength       int                       `json:"verifyCodeLength"`
	LoginTabs              tabList                   `json:"loginTabs"`
	RegisterTabs           tabList                   `json:"registerTabs"`
	TabMethodsFields       []tabField                `json:"tabMethodsFields"`
	TabMethodsSort         sortConfig                `json:"tabMethodsSortConfig"`
	QRCodeTabs             struct{}                  `json:"qrcodeTabsSettings"` // of scanned codes of other vendors
	QRCodeSort             sortConfig                `json:"qrCodeSortConfig"`
	CompletionPlaces       []string                  `json:"complateFiledsPlace"`
	SkipCompletion         bool                      `json:"skipComplateFileds"`
	ExtendsFieldsEnabled   bool                      `json:"extendsFieldsEnabled"`
	ExtendsFields          []extendsField            `json:"extendsFields"`
	ExtendsFieldsI18n      map[string]jsontext.Value `json:"extendsFieldsI18n"`
	EnableCompletePassword bool                      `json:"enableCompletePassword"`
	PasswordStrength       int                       `json:"passwordStrength"`
	CustomPasswordStrength *customStrength           `json:"customPasswordStrength"`
	EnabledPPRegisterValid bool                      `json:"enabledPPRegisterValid"` // registration by phone and password asks for a code
	AgreementEnabled       bool                      `json:"agreementEnabled"`
	Agreements             []publicAgreement         `json:"agreements"`
	RegisterDisabled       bool                      `json:"registerDisabled"`
	MergeADAndPassword     bool                      `json:"mergeAdAndAccountPasswordLogin"`
	MatchEmailDomain       bool                      `json:"enabledMatchEmailDomain"`
	SelfUnlockStrategy     *string                   `json:"selfUnlockStrategy,omitzero"`
	CustomSecurityEnabled  bool                      `json:"customSecurityEnabled"`
	AppRobotVerify         string                    `json:"appRobotVerify"`
	UserPoolRobotVerify    string                    `json:"userpoolRobotVerify"`
	LoginSMS               robotConfig               `json:"loginSmsConfig"`
	RegisterSMS            robotConfig               `json:"registerSmsConfig"`
	InternationalSMS       internationalSMS          `json:"internationalSmsConfig"`
	DeviceFuncEnabled      bool                      `json:"deviceFuncEnabled"` // false: true lets the client load a third party
	PasskeyEnabled         bool                      `json:"passkeyEnabled"`
	MFABindConfigs         []struct{}                `json:"mfaBindConfigs"`
	RegexRules             []struct{}                `json:"regexRules"`
	WelcomeMessage         map[string]string         `json:"welcomeMessage"`
	Websocket              *string                   `json:"websocket"`
	SocialConnections      []struct{}                `json:"socialConnections"`
	IdentityProviders      []struct{}                `json:"identityProviders"`
	IsTenantConsole        bool                      `json:"isTenantConsole"`
	IsTenantDefault        bool                      `json:"isTenantDefault"`
	TenantInfo             *struct{}                 `json:"tenantInfo"`
	AccountSwitch          bool                      `json:"enableLoginAccountSwitch"`
	ShowAuthorizationPage  bool                      `json:"showAuthorizationPage"`
}

// pageDisplay says what the sign-in page shows.
type pageDisplay struct {
	AutoRegister          bool `json:"autoRegisterThenLoginHintInfo"`
	ForgetPasswordButton  bool `json:"forgetPasswordBtn"`
	RegisterButton        bool `json:"registerBtn"`
	UserPasswordInput     bool `json:"userPasswordInput"`
	LoginByPhoneCodeTab   bool `json:"loginByPhoneCodeTab"`
	LoginByPasswordTab    bool `json:"loginByUserPasswordTab"`
	RegisterByEmailTab    bool `json:"registerByEmailTab"`
	RegisterByPhoneTab    bool `json:"registerByPhoneTab"`
	LoginMethodNavigation bool `json:"loginMethodNav"`
	IdentityProviders     bool `json:"idpBtns"`
	SocialLogin           bool `json:"socialLoginBtns"`
	WxmpScanTab           bool `json:"wxMpScanTab"`
}

type passwordTab struct {
	EnabledLoginMethods  []string `json:"enabledLoginMethods"`
	ValidLoginMethods    []string `json:"validLoginMethods"`
	ValidRegisterMethods []string `json:"validRegisterMethods"`
}

type verifyCodeTab passwordTab

type tabList struct {
	List    []string          `json:"list"`
	Default string            `json:"default"`
	Title   map[string]string `json:"title"`
}

// tabField is what a field by which people sign in is called.
type tabField struct {
	Key     string            `json:"key"`
	Label   string            `json:"label"`
	LabelEN string            `json:"labelEn"`
	I18n    map[string]string `json:"i18n"`
}

type sortConfig struct {
	LoginMethods []string `json:"loginMethodsSort"`
}

// extendsField is a field that people fill in when they sign up or in.
type extendsField struct {
	Type          string         `json:"type"` // internal: a built-in field; user: a custom one
	Name          string         `json:"name"`
	Label         string         `json:"label"`
	InputType     string         `json:"inputType"`
	Required      bool           `json:"required"`
	ValidateRules jsontext.Value `json:"validateRules"` // a list
}

// customStrength is what the client is told of the pool's own password rules. It asks the server whether a password keeps them.
type customStrength struct {
	Enabled bool   `json:"enabled"`
	Message string `json:"message"`
}

// publicAgreement is an agreement as people are shown it.
type publicAgreement struct {
	ID          int64                 `json:"id"`
	Title       string                `json:"title"`
	Lang        string                `json:"lang"`
	Required    bool                  `json:"required"`
	AvailableAt signin.AgreementPlace `json:"availableAt"`
	Order       int64                 `json:"order"`
}

type robotConfig struct {
	Robot struct {
		Switch string `json:"switch"` // ON: a captcha before every message; CONDON: after some
	} `json:"robot"`
}

type internationalSMS struct {
	Enabled    bool   `json:"enabled"`
	DefaultISO string `json:"defaultISOType"`
}

// tabs are the ways of signing in and up of an application, in the words of this wire.
type tabs struct {
	login, register               []string
	defaultLogin, defaultRegister string
	passwords, codes              []string // to sign in by: "email-password", "phone-code"
	newPasswords, newCodes        []string // to sign up by
}

// Names of the tabs.
const (
	passwordLogin = "password"
	codeLogin     = "phone-code" // and by e-mail: the client has one tab for both
	scanLogin     = "app-qrcode"
	passkeyLogin  = "passkey"
)

// methodWords are the domain's ways in the words of this wire, passwords first, as the client's pages have them.
var methodWords = []struct {
	method, word, register string
	code                   bool
}{
	{signin.LoginUsernamePassword, "username-password", "username-password", false},
	{signin.LoginEmailPassword, "email-password", "email", false},
	{signin.LoginPhonePassword, "phone-password", "phone-password", false},
	{signin.LoginPhoneCode, "phone-code", "phone", true},
	{signin.LoginEmailCode, "email-code", "emailCode", true},
}

// scanTabs are the ways of scanning a code that the login component shows: our own, where the application offers it.
func scanTabs(app *signin.Application) []string {
	if app.Offers(signin.LoginQRCode) {
		return []string{scanLogin}
	}
	return []string{}
}

func tabsOf(app *signin.Application) tabs {
	t := tabs{login: []string{}, register: []string{}, passwords: []string{}, codes: []string{}, newPasswords: []string{}, newCodes: []string{}}
	for _, m := range methodWords {
		if app.Offers(m.method) {
			if m.code {
				t.codes = append(t.codes, m.word)
			} else {
				t.passwords = append(t.passwords, m.word)
			}
		}
		if app.OffersRegister(m.method) {
			t.register = append(t.register, m.register)
			if m.code {
				t.newCodes = append(t.newCodes, m.word)
			} else {
				t.newPasswords = append(t.newPasswords, m.word)
			}
		}
	}
	for _, tab := range []struct {
		name, chosen string
		there        bool
	}{
		{passwordLogin, "PASSWORD", len(t.passwords) > 0},
		{codeLogin, "PASSCODE", len(t.codes) > 0},
		{scanLogin, "QRCODE", app.Offers(signin.LoginQRCode)},
		{passkeyLogin, "PASSKEY", app.Offers(signin.LoginPasskey)},
	} {
		if !tab.there {
			continue
		}
		t.login = append(t.login, tab.name)
		if t.defaultLogin == "" || app.Settings.DefaultLogin == tab.chosen {
			t.defaultLogin = tab.name
		}
	}
	for i, name := range t.register {
		byCode := name == "phone" || name == "emailCode"
		if i == 0 || byCode && app.Settings.DefaultRegister == "PASSCODE" && (t.defaultRegister == "" || !slices.Contains([]string{"phone", "emailCode"}, t.defaultRegister)) {
			t.defaultRegister = name
		}
	}
	return t
}

// accountFields name what people type to sign in.
var accountFields = []tabField{
	{"username", "用户名", "Username", map[string]string{"zh-CN": "用户名", "en-US": "Username", "zh-TW": "使用者名稱", "ja-JP": "ユーザー名"}},
	{"email", "邮箱", "Email", map[string]string{"zh-CN": "邮箱", "en-US": "Email", "zh-TW": "電子郵件", "ja-JP": "メールアドレス"}},
	{"phone", "手机号", "Phone", map[string]string{"zh-CN": "手机号", "en-US": "Phone", "zh-TW": "手機號碼", "ja-JP": "電話番号"}},
}

const cdnPath = "/cdn"

// host is the server's, with its port where it has one.
func (a *API) host() string {
	u, err := url.Parse(a.baseURL)
	if err != nil {
		return ""
	}
	return u.Host
}

func (a *API) publicConfig(ctx context.Context, in *appPathInput) (*publicConfig, error) {
	app, err := a.openApplication(ctx, in.AppID)
	if err != nil {
		return nil, err
	}
	pool, err := a.dir.Pool(ctx, app.PoolID)
	if err != nil {
		return nil, err
	}
	keys, err := a.dir.Keys(ctx, app.PoolID)
	if err != nil {
		return nil, err
	}
	policy, err := a.signin.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	poolPolicy, err := a.signin.PoolPolicy(ctx, app.PoolID)
	if err != nil {
		return nil, err
	}
	fields, err := a.completionLabels(ctx, app.PoolID, []*signin.Application{app})
	if err != nil {
		return nil, err
	}
	t, tabs := &app.Settings, tabsOf(app)
	shut := t.RegisterDisabled || policy.RegisterShut
	c := &publicConfig{ID: app.ID, UserPoolID: app.PoolID, Name: app.Name, Identifier: app.Identifier, Description: text(&app.Description), Logo: a.logoOf(app, pool),
		UserPoolName: pool.Name, Protocol: t.DefaultProtocol, PublicKey: keys.RSAPublic, CDNBase: a.baseURL + cdnPath, RequestHostname: a.host(),
		AllowedOrigins: list(policy.AllowedOrigins), CORSWhitelist: a.signin.PageOrigins(app), RedirectURIs: list(t.RedirectURIs), LogoutRedirectURIs: list(t.LogoutRedirectURIs), OIDCConfig: oidcConfig(app),
		Display: pageDisplay{AutoRegister: t.MergeRegister && !shut, ForgetPasswordButton: !t.Branding.HideForgotPassword, RegisterButton: !t.Branding.HideRegister && !shut && len(tabs.register) > 0,
			UserPasswordInput: true, LoginByPhoneCodeTab: len(tabs.codes) > 0, LoginByPasswordTab: len(tabs.passwords) > 0,
			RegisterByEmailTab: slices.Contains(tabs.register, "email"), RegisterByPhoneTab: slices.Contains(tabs.register, "phone"), LoginMethodNavigation: true},
		PasswordTab:      passwordTab{tabs.passwords, tabs.passwords, tabs.newPasswords},
		VerifyCodeTab:    verifyCodeTab{tabs.codes, tabs.codes, tabs.newCodes},
		VerifyCodeLength: policy.CodeLength,
		LoginTabs:        tabList{tabs.login, tabs.defaultLogin, map[string]string{}},
		RegisterTabs:     tabList{tabs.register, tabs.defaultRegister, map[string]string{}},
		TabMethodsFields: accountFields, TabMethodsSort: sortConfig{tabs.login}, QRCodeSort: sortConfig{scanTabs(app)},
		CompletionPlaces: list(t.CompletionAt), SkipCompletion: t.SkipCompletion, ExtendsFieldsEnabled: len(t.CompletionFields) > 0, ExtendsFields: extendsFields(app, fields),
		ExtendsFieldsI18n: extendsI18n(app, fields), EnableCompletePassword: policy.CompletePassword, PasswordStrength: policy.Password.Strength,
		AgreementEnabled: t.AgreementsEnabled, Agreements: []publicAgreement{}, RegisterDisabled: shut, CustomSecurityEnabled: t.CustomSecurity,
		AppRobotVerify: policy.CaptchaMode, UserPoolRobotVerify: poolPolicy.CaptchaMode, InternationalSMS: internationalSMS{true, "CN"},
		PasskeyEnabled: app.Offers(signin.LoginPasskey) || slices.Contains(policy.Factors, "PASSKEY"),
		MFABindConfigs: []struct{}{}, RegexRules: []struct{}{}, WelcomeMessage: brandText(&t.Branding, "subtitle"), SocialConnections: []struct{}{}, IdentityProviders: []struct{}{},
		AccountSwitch: policy.AccountSwitch, ShowAuthorizationPage: t.ShowConsent}
	if t.Branding.CSSEnabled {
		c.CSS = t.Branding.CSS
	}
	for _, sms := range []*robotConfig{&c.LoginSMS, &c.RegisterSMS} {
		if sms.Robot.Switch = "OFF"; policy.CaptchaMode == signin.CaptchaAlways {
			sms.Robot.Switch = "ON"
		}
	}
	if policy.Password.Strength == ownStrength {
		c.CustomPasswordStrength = &customStrength{true, policy.Password.Message}
	}
	if policy.SelfUnlock {
		strategy := "captcha"
		if policy.UnlockByBoth {
			strategy = "password-captcha"
		}
		c.SelfUnlockStrategy = &strategy
	}
	if t.AgreementsEnabled {
		list, err := a.signin.Agreements(ctx, app.PoolID, app.ID)
		if err != nil {
			return nil, err
		}
		for i := range list {
			g := &list[i]
			c.Agreements = append(c.Agreements, publicAgreement{g.ID, g.Title, g.Lang, g.Required, g.AvailableAt, g.Position})
		}
	}
	return c, nil
}

// openApplication is an application that people can sign in to: one that is turned off is not there for them.
func (a *API) openApplication(ctx context.Context, id string) (*signin.Application, error) {
	app, err := a.signin.Application(ctx, id)
	if err != nil {
		return nil, err
	}
	if !app.Enabled {
		return nil, signin.ErrApplicationNotFound
	}
	return app, nil
}

// logoOf is an application's logo, its pool's, or ours.
func (a *API) logoOf(app *signin.Application, pool *directory.Pool) string {
	if app.Logo != "" {
		return app.Logo
	}
	if l := pool.Settings.Logo; l != nil && *l != "" {
		return *l
	}
	return a.baseURL + cdnPath + "/logo.svg"
}

// brandText is one of the branding's texts by language, nil when it has none or is turned off.
func brandText(b *signin.Branding, name string) map[string]string {
	if !b.Enabled {
		return nil
	}
	out := map[string]string{}
	for _, lang := range signin.CountryLanguages() {
		if text := b.Texts[name+"."+lang]; text != "" {
			out[lang] = text
		} else if text := b.Texts[name]; text != "" {
			out[lang] = text
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// knownFields are the fields of users by what extendsFields calls them.
type knownFields struct{ base, custom map[string]*directory.Field }

// completionLabels reads the fields of users, if one of the applications asks for any.
func (a *API) completionLabels(ctx context.Context, pool string, apps []*signin.Application) (knownFields, error) {
	var known knownFields
	if !slices.ContainsFunc(apps, func(app *signin.Application) bool { return len(app.Settings.CompletionFields) > 0 }) {
		return known, nil
	}
	base, err := a.dir.BaseFields(ctx, pool)
	if err != nil {
		return known, err
	}
	custom, err := a.dir.Fields(ctx, pool, directory.UserTarget)
	if err != nil {
		return known, err
	}
	byKey := func(list []directory.Field) map[string]*directory.Field {
		m := make(map[string]*directory.Field, len(list))
		for i := range list {
			m[list[i].Key] = &list[i]
		}
		return m
	}
	return knownFields{byKey(base), byKey(custom)}, nil
}

func (k knownFields) field(f signin.AskedFor) *directory.Field {
	if f.Custom {
		return k.custom[f.Name]
	}
	return k.base[f.Name]
}

// inputTypes are what the client draws for built-in fields that are no text.
var inputTypes = map[string]string{"username": "username", "email": "email", "phone": "phone", "gender": "select", "photo": "image", "birthdate": "date", "country": "select"}

// extendsFields are the fields that an application asks for. One that is no longer defined is left out.
func extendsFields(app *signin.Application, known knownFields) []extendsField {
	out := []extendsField{}
	for _, asked := range app.Settings.CompletionFields {
		f := known.field(asked)
		if f == nil {
			continue
		}
		v := extendsField{Type: "internal", Name: f.Key, Label: f.Label, Required: asked.Required, InputType: "text", ValidateRules: jsontext.Value("[]")}
		if asked.Custom {
			v.Type = "user"
		}
		if kind, ok := inputTypes[f.Key]; ok && !asked.Custom {
			v.InputType = kind
		} else {
			switch f.DataType {
			case directory.NumberData:
				v.InputType = "number"
			case directory.DatetimeData:
				v.InputType = "datetime"
			case directory.BooleanData:
				v.InputType = "boolean"
			case directory.EnumData:
				v.InputType = "select"
			case directory.ObjectData:
				v.InputType = "textarea"
			}
		}
		if f.ValidateRules.Kind() == '[' {
			v.ValidateRules = f.ValidateRules
		}
		out = append(out, v)
	}
	return out
}

// extendsI18n are the fields' labels in other languages, by name.
func extendsI18n(app *signin.Application, known knownFields) map[string]jsontext.Value {
	out := map[string]jsontext.Value{}
	for _, asked := range app.Settings.CompletionFields {
		f := known.field(asked)
		if f == nil || len(f.I18n) == 0 {
			continue
		}
		var i18n struct {
			Label jsontext.Value `json:"label"`
		}
		if json.Unmarshal(f.I18n, &i18n) == nil && i18n.Label.Kind() == '{' {
			out[f.Key] = i18n.Label
		}
	}
	return out
}

// completionField says more of a field that people fill in: what they may choose.
type completionField struct {
	Key      string             `json:"key"`
	Type     string             `json:"type"`
	DataType string             `json:"dataType"`
	Label    string             `json:"label"`
	Options  []directory.Option `json:"options"`
}

// completionMetadata answers the fields that the application of the request asks for; without one there are none.
func (a *API) completionMetadata(ctx context.Context, _ *struct{}) ([]completionField, error) {
	out := []completionField{}
	c := caller.From(ctx)
	if c.AppID == "" {
		return out, nil
	}
	app, err := a.openApplication(ctx, c.AppID)
	if err != nil {
		return nil, err
	}
	known, err := a.completionLabels(ctx, app.PoolID, []*signin.Application{app})
	if err != nil {
		return nil, err
	}
	for _, asked := range app.Settings.CompletionFields {
		f := known.field(asked)
		if f == nil {
			continue
		}
		v := completionField{Key: f.Key, Type: "internal", DataType: dataType(f.DataType), Label: f.Label, Options: f.Options}
		if asked.Custom {
			v.Type = "user"
		}
		if v.Options == nil {
			v.Options = []directory.Option{}
		}
		out = append(out, v)
	}
	return out, nil
}

type componentInput struct {
	AppID     string `path:"appId"`
	Component string `path:"component"`
}

// componentConfig is how one component of the client looks.
type componentConfig struct {
	Global struct {
		ShowChangeLanguage bool   `json:"showChangeLanguage"`
		DefaultLanguage    string `json:"defaultLanguage"` // zh-CN, en-US, zh-TW, ja-JP or browser
	} `json:"global"`
}

func (a *API) componentConfig(ctx context.Context, in *componentInput) (*componentConfig, error) {
	app, err := a.openApplication(ctx, in.AppID)
	if err != nil {
		return nil, err
	}
	v := &componentConfig{}
	v.Global.ShowChangeLanguage = !app.Settings.Branding.HideLanguages
	if v.Global.DefaultLanguage = app.Settings.Branding.DefaultLanguage; v.Global.DefaultLanguage == "" {
		v.Global.DefaultLanguage = "browser"
	}
	return v, nil
}

type matchInput struct {
	AppID   string `path:"appId"`
	Account string `json:"account"`
}

// matchedProvider says which source of identities signs an account in. There are none.
type matchedProvider struct {
	Matched bool `json:"matched"`
}

func (a *API) matchIdentityProvider(ctx context.Context, in *matchInput) (*matchedProvider, error) {
	if _, err := a.openApplication(ctx, in.AppID); err != nil {
		return nil, err
	}
	return &matchedProvider{}, nil
}

// countries are the names of countries by their two letters.
type countries struct {
	ZH map[string]string `json:"zh"`
	EN map[string]string `json:"en"`
}

func (a *API) countryList(context.Context, *struct{}) (*countries, error) {
	v := &countries{map[string]string{}, map[string]string{}}
	for _, c := range a.signin.Countries() {
		v.ZH[c.Alpha2], v.EN[c.Alpha2] = c.Names["zh-CN"], c.Names["en-US"]
	}
	return v, nil
}

type accountFoundInput struct {
	UserPoolID       string `query:"userPoolId"`
	Key              string `query:"key"`
	Type             string `query:"type"`
	PhoneCountryCode string `query:"phoneCountryCode"`
}

// accountFound tells whether somebody has a name, an address or a number: forms ask before they are sent.
func (a *API) accountFound(ctx context.Context, in *accountFoundInput) (bool, error) {
	var p directory.Principals
	switch in.Type {
	case "username":
		p.Username = in.Key
	case "email":
		p.Email = in.Key
	case "phone":
		p.Phone, p.PhoneCountryCode = in.Key, in.PhoneCountryCode
	case "externalId":
		p.ExternalID = in.Key
	default:
		return false, nil // a custom field names nobody
	}
	return a.accountKnown(ctx, in.UserPoolID, p)
}

type usernameTakenInput struct {
	Username string `query:"username"`
}

func (a *API) usernameTaken(ctx context.Context, in *usernameTakenInput) (bool, error) {
	return a.accountKnown(ctx, "", directory.Principals{Username: in.Username})
}

// accountKnown asks of the pool that the request means; named is the one that it names in its query, or "".
func (a *API) accountKnown(ctx context.Context, named string, p directory.Principals) (bool, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return false, err
	}
	if named != "" && named != app.PoolID {
		return false, directory.ErrPoolNotFound
	}
	if p == (directory.Principals{}) {
		return false, nil
	}
	return a.signin.AccountKnown(ctx, app.PoolID, p)
}

type passwordTextInput struct {
	Password string `json:"password"` // in the clear
}

// passwordCheck says whether a password is what the policy asks for, and if not, what is wrong.
type passwordCheck struct {
	Valid   bool   `json:"valid"`
	Message string `json:"message"`
}

// passwordValid holds a password against the pool's rules.
func (a *API) passwordValid(ctx context.Context, in *passwordTextInput) (*passwordCheck, error) {
	policy, err := a.signin.PoolPolicy(ctx, caller.From(ctx).PoolID)
	if err != nil {
		return nil, err
	}
	return checkPassword(ctx, policy, in.Password)
}

// ownPasswordValid holds a password that somebody types against the application's rules. Whose it is to be makes no difference:
// the answer would tell of people who are not theirs to know.
func (a *API) ownPasswordValid(ctx context.Context, in *passwordTextInput) (*passwordCheck, error) {
	ctx, app, err := a.atDoor(ctx)
	if err != nil {
		return nil, err
	}
	policy, err := a.signin.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	return checkPassword(ctx, policy, in.Password)
}

func checkPassword(ctx context.Context, policy *signin.Policy, password string) (*passwordCheck, error) {
	err := policy.Password.Check(password)
	if fault.KindOf(err) == fault.Internal && err != nil {
		return nil, err
	}
	if err == nil {
		return &passwordCheck{Valid: true}, nil
	}
	c := caller.From(ctx)
	message := refusalOf(err, c).text
	if own := policy.Password.Message; own != "" && !english(c) {
		message = own
	} else if own := policy.Password.MessageEN; own != "" && english(c) {
		message = own
	}
	return &passwordCheck{Message: message}, nil
}
