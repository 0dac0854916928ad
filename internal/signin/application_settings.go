package signin

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// How long things last unless an application says otherwise, in seconds: auth codes as the wire's documentation says, tokens as its
// sign-in tokens last.
const (
	defaultCodeLife    = 600
	defaultTokenLife   = 14 * 86400
	defaultRefreshLife = 30 * 86400
	oauth2AccessLife   = 3600
)

// Values of DefaultLogin and DefaultRegister.
const (
	ByPasswordFirst = "PASSWORD"
	ByCodeFirst     = "PASSCODE"
	ByScanFirst     = "QRCODE"
)

// Languages are those of pages and messages; the first is the one of an application that names none.
var languages = []string{"zh-CN", "en-US", "zh-TW", "ja-JP"}

// public reports whether programs of a kind can keep no secret (RFC 6749 section 2.1).
func (t AppType) public() bool { return t == BrowserApp || t == NativeApp }

// fill puts the defaults into what is empty, and response types into their one spelling. It is the one place where the defaults stand.
func (t *AppSettings) fill(kind AppType) {
	// Whoever keeps no secret cannot check what it signs (OpenID Connect Core 1.0, section 10.1).
	auth, algorithm, grants := AuthPost, "HS256", []string{GrantCode, GrantRefresh, GrantClient}
	if kind.public() {
		auth, algorithm = AuthNone, "RS256"
	}
	if kind.public() || t.TokenEndpointAuth == AuthNone {
		grants = []string{GrantCode, GrantRefresh} // without a secret there is nothing to know the program itself by
	}
	for _, f := range []struct {
		to    *string
		value string
	}{
		{&t.DefaultProtocol, "oidc"}, {&t.TokenEndpointAuth, auth}, {&t.IntrospectionAuth, auth}, {&t.RevocationAuth, auth},
		{&t.IDTokenAlg, algorithm}, {&t.AccessTokenAlg, "RS256"}, {&t.DefaultLogin, ByPasswordFirst}, {&t.DefaultRegister, ByPasswordFirst},
		{&t.Branding.GuardVersion, "Advanced"}, {&t.Branding.DefaultLanguage, languages[0]},
	} {
		if *f.to == "" {
			*f.to = f.value
		}
	}
	for _, f := range []struct {
		to    *int64
		value int64
	}{
		{&t.CodeLife, defaultCodeLife}, {&t.IDTokenLife, defaultTokenLife}, {&t.AccessTokenLife, defaultTokenLife}, {&t.RefreshTokenLife, defaultRefreshLife},
		{&t.OAuth2AccessLife, oauth2AccessLife}, {&t.OAuth2RefreshLife, defaultRefreshLife},
	} {
		if *f.to == 0 {
			*f.to = f.value
		}
	}
	for _, f := range []struct {
		to    *[]string
		value []string
	}{
		{&t.GrantTypes, grants}, {&t.ResponseTypes, []string{ResponseCode}}, {&t.OAuth2Grants, []string{GrantCode, GrantRefresh}},
		{&t.LoginMethods, []string{LoginUsernamePassword, LoginEmailPassword, LoginPhonePassword, LoginPhoneCode, LoginEmailCode}},
		{&t.RegisterMethods, []string{LoginEmailPassword, LoginEmailCode, LoginPhoneCode}},
	} {
		if *f.to == nil {
			*f.to = f.value
		}
	}
	t.ResponseTypes = slices.Clone(t.ResponseTypes)
	for i, r := range t.ResponseTypes {
		t.ResponseTypes[i] = NormalResponse(r)
	}
}

// fitDefaults chooses what is shown first anew where it is no longer offered and the change from before does not choose it.
func (t *AppSettings) fitDefaults(before *AppSettings) {
	if t.DefaultLogin == before.DefaultLogin && !offersFirst(t.LoginMethods, t.DefaultLogin) {
		for _, first := range []string{ByPasswordFirst, ByCodeFirst, ByScanFirst} {
			if offersFirst(t.LoginMethods, first) {
				t.DefaultLogin = first
				break
			}
		}
	}
	if t.DefaultRegister == before.DefaultRegister && !offersFirst(t.RegisterMethods, t.DefaultRegister) {
		for _, first := range []string{ByPasswordFirst, ByCodeFirst} {
			if offersFirst(t.RegisterMethods, first) {
				t.DefaultRegister = first
				break
			}
		}
	}
}

func offersFirst(methods []string, first string) bool {
	suffix := map[string]string{ByPasswordFirst: "_PASSWORD", ByCodeFirst: "_CODE", ByScanFirst: "_QRCODE"}[first]
	return suffix != "" && slices.ContainsFunc(methods, func(m string) bool { return strings.HasSuffix(m, suffix) })
}

const (
	mostURIs       = 100 // of one kind
	longestURI     = 2048
	longestCSS     = 64 << 10
	longestConfig  = 16 << 10
	mostTexts      = 100
	longestText    = 2000 // characters
	mostClaims     = 50
	mostAsked      = 50
	identifierSize = 64
	shortestLife   = 60
	longestCode    = 3600
	longestToken   = 365 * 86400
	longestRefresh = 10 * 365 * 86400
)

// check refuses an application that could not be: by fault.Field of the setting, or one of
//   - Invalid "redirect_uri_invalid" (URI): one that is not absolute, has a fragment or a wildcard host, or whose scheme runs or reads
//     something in the browser; a scheme of its own is for native applications only (RFC 8252 section 7.1);
//   - Unprocessable "application_needs_grant" (response type, grant): response types without the grant they belong to
//     (OpenID Connect Dynamic Client Registration 1.0, section 2);
//   - Unprocessable "application_needs_legacy" (grant or response type): what RFC 9700 forbids, sections 2.1.2 and 2.4;
//   - Unsupported "protocol_unsupported" (protocol);
//   - Unsupported "factor_unsupported" (factor).
func (a *Application) check() error {
	if strings.TrimSpace(a.Name) == "" {
		return fault.Field("appName")
	}
	if err := directory.CheckText("appName", a.Name, directory.MaxName); err != nil {
		return err
	}
	if err := checkIdentifier(a.Identifier); err != nil {
		return err
	}
	if err := directory.CheckText("appDescription", a.Description, directory.MaxDescription); err != nil {
		return err
	}
	if err := checkImage("appLogo", a.Logo); err != nil {
		return err
	}
	if !slices.Contains([]AppType{WebApp, BrowserApp, NativeApp, MachineApp, MFAApp, MiniApp, GatewayApp, GatewayAgent}, a.Type) {
		return fault.Field("appType")
	}
	t := &a.Settings
	if !slices.Contains([]string{"", "INDIVIDUAL", "TENANT", "BOTH"}, t.Audience) {
		return fault.Field("appType")
	}
	for _, check := range []func() error{func() error { return t.checkAddresses(a.Type) }, t.checkProtocol, t.checkLives, t.checkClaims, t.checkPage,
		t.Branding.check, func() error { return CheckFactors(t.Factors) }, t.Security.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"samlConfig": t.SamlConfig, "casConfig": t.CasConfig, "loginPage": t.LoginPage} {
		if text != "" && (len(text) > longestConfig || !jsontext.Value(text).IsValid()) {
			return fault.Field(name)
		}
	}
	return nil
}

var identifierForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$`)

func checkIdentifier(text string) error {
	if len(text) > identifierSize || !identifierForm.MatchString(text) {
		return fault.Field("appIdentifier")
	}
	return nil
}

// checkImage refuses what is no address of a picture on the web.
func checkImage(field, text string) error {
	if text == "" {
		return nil
	}
	u, err := parseURI(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fault.Field(field)
	}
	return nil
}

// parseURI parses an absolute URI of printable ASCII characters (RFC 3986), of at most 2,048.
func parseURI(text string) (*url.URL, error) {
	bad := func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("\\\"<>^`{|}", c) }
	if len(text) > longestURI || strings.ContainsFunc(text, bad) {
		return nil, fault.Field("uri")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		return nil, fault.Field("uri")
	}
	return u, nil
}

// running are schemes that run or read something in a browser, or send it nowhere that can answer.
var running = []string{"javascript", "data", "vbscript", "file", "blob", "about", "view-source", "filesystem", "ws", "wss", "ftp", "mailto", "tel",
	"sms", "intent", "chrome", "resource", "jar", "livescript", "mocha", "feed", "cid", "mid", "android-app", "content", "x-javascript", "ms-appx"}

// CheckRedirectURI refuses what can be no redirect URI of an application of a kind: Invalid "redirect_uri_invalid" (URI).
func CheckRedirectURI(kind AppType, text string) error {
	refused := fault.New(fault.Invalid, "redirect_uri_invalid", short(text))
	u, err := parseURI(text)
	switch {
	case err != nil, strings.Contains(text, "#"), u.User != nil, strings.Contains(u.Host, "*"):
		return refused
	case u.Scheme == "https", u.Scheme == "http":
		if u.Hostname() == "" || u.Opaque != "" || badPort(u) {
			return refused
		}
		return nil
	case slices.Contains(running, u.Scheme), kind != NativeApp && kind != MiniApp:
		return refused
	}
	return nil
}

func badPort(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		return strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.Atoi(port)
	return err != nil || n < 1 || n > 65535
}

// short is a text as an error shows it.
func short(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), 200)], "")
}

func (t *AppSettings) checkAddresses(kind AppType) error {
	for _, list := range []struct {
		name string
		uris []string
	}{{"redirectUris", t.RedirectURIs}, {"logoutRedirectUris", t.LogoutRedirectURIs}, {"oauthConfig.redirect_uris", t.OAuth2RedirectURIs}} {
		if len(list.uris) > mostURIs {
			return directory.CheckCount(list.name, len(list.uris), mostURIs)
		}
		for _, uri := range list.uris {
			if err := CheckRedirectURI(kind, uri); err != nil {
				return err
			}
		}
	}
	if len(t.AllowedOrigins) > mostURIs {
		return directory.CheckCount("allowedOrigins", len(t.AllowedOrigins), mostURIs)
	}
	for _, origin := range t.AllowedOrigins {
		if err := CheckOrigin(origin); err != nil {
			return err
		}
	}
	for _, one := range []struct{ name, uri string }{{"initLoginUri", t.InitLoginURI}, {"backchannelLogoutUri", t.BackchannelLogoutURI}} {
		if one.uri == "" {
			continue
		}
		// OpenID Connect Back-Channel Logout 1.0, section 2.2: an absolute URI without a fragment.
		if CheckRedirectURI(WebApp, one.uri) != nil {
			return fault.Field(one.name)
		}
	}
	return nil
}

// CheckOrigin refuses what can be no origin of pages: scheme://host[:port], where a label of the host may be "*".
func CheckOrigin(text string) error {
	u, err := parseURI(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Hostname() == "*" || u.Path != "" || u.User != nil || u.Opaque != "" ||
		strings.ContainsAny(text, "?#") || badPort(u) {
		return fault.Field("allowedOrigins")
	}
	return nil
}

func (t *AppSettings) checkProtocol() error {
	switch t.DefaultProtocol {
	case "oidc":
	case "oauth":
		if !t.OAuth2Enabled {
			return fault.Field("defaultProtocol")
		}
	case "saml", "cas", "asa":
		return fault.New(fault.Unsupported, "protocol_unsupported", t.DefaultProtocol)
	default:
		return fault.Field("defaultProtocol")
	}
	for _, f := range []struct{ name, value, allowed string }{
		{"token_endpoint_auth_method", t.TokenEndpointAuth, "client_secret_post client_secret_basic none"},
		{"introspection_endpoint_auth_method", t.IntrospectionAuth, "client_secret_post client_secret_basic none"},
		{"revocation_endpoint_auth_method", t.RevocationAuth, "client_secret_post client_secret_basic none"},
		{"id_token_signed_response_alg", t.IDTokenAlg, "HS256 RS256 ES256"},
		{"access_token_signed_response_alg", t.AccessTokenAlg, "RS256 ES256"},
	} {
		if !slices.Contains(strings.Fields(f.allowed), f.value) {
			return fault.Field(f.name)
		}
	}
	known := []string{GrantCode, GrantRefresh, GrantImplicit, GrantClient, GrantPassword, GrantDevice}
	for name, list := range map[string][]string{"grant_types": t.GrantTypes, "oauthConfig.grants": t.OAuth2Grants} {
		if err := directory.CheckCount(name, len(list), len(known)); err != nil {
			return err
		}
		for _, g := range list {
			if !slices.Contains(known, g) {
				return fault.Field(name)
			}
			if g == GrantPassword && !t.Legacy {
				return needsLegacy(g)
			}
		}
	}
	if slices.Contains(t.GrantTypes, GrantClient) && t.TokenEndpointAuth == AuthNone {
		return fault.New(fault.Unprocessable, "application_needs_secret", GrantClient) // RFC 6749 section 4.4: confidential clients only
	}
	return t.checkResponses()
}

// checkResponses checks that the response types are known and the grants they belong to are there.
func (t *AppSettings) checkResponses() error {
	known := []string{ResponseCode, ResponseNone, ResponseID, ResponseToken, ResponseIDToken, ResponseCodeID, ResponseCodeTok, ResponseCodeBoth}
	if len(t.ResponseTypes) > 2*len(known) {
		return directory.CheckCount("response_types", len(t.ResponseTypes), 2*len(known))
	}
	for _, r := range t.ResponseTypes {
		if !slices.Contains(known, r) {
			return fault.Field("response_types")
		}
		for word := range strings.FieldsSeq(r) {
			grant := map[string]string{"code": GrantCode, "id_token": GrantImplicit, "token": GrantImplicit}[word]
			if grant != "" && !slices.Contains(t.GrantTypes, grant) {
				return fault.New(fault.Unprocessable, "application_needs_grant", r, grant)
			}
			if word == "token" && !t.Legacy {
				return needsLegacy(r)
			}
		}
	}
	return nil
}

func needsLegacy(what string) error {
	return fault.New(fault.Unprocessable, "application_needs_legacy", what)
}

func (t *AppSettings) checkLives() error {
	for _, f := range []struct {
		name        string
		value       int64
		least, most int64
	}{
		{"authorization_code_expire", t.CodeLife, 10, longestCode}, {"id_token_expire", t.IDTokenLife, shortestLife, longestToken},
		{"access_token_expire", t.AccessTokenLife, shortestLife, longestToken}, {"refresh_token_expire", t.RefreshTokenLife, shortestLife, longestRefresh},
		{"access_token_lifetime", t.OAuth2AccessLife, shortestLife, longestToken}, {"refresh_token_lifetime", t.OAuth2RefreshLife, shortestLife, longestRefresh},
	} {
		if err := directory.CheckRange(f.name, f.value, f.least, f.most); err != nil {
			return err
		}
	}
	if t.SessionLife == 0 {
		return nil // as the pool says
	}
	return directory.CheckRange("sessionLifetime", t.SessionLife, shortestLife, longestToken)
}

// ours are claims that only the server says (RFC 7519, RFC 9068, OpenID Connect Core 1.0).
var ours = strings.Fields("iss sub aud exp iat nbf jti nonce at_hash c_hash s_hash sid auth_time acr amr azp client_id scope typ cnf act may_act " +
	"data userpool_id use scoped_userpool_id access_key_id key_print issued_ms events token_use")

var claimForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_:/.-]{0,127}$`)

func (t *AppSettings) checkClaims() error {
	if len(t.Scopes) > mostClaims || len(t.Claims) > mostScopes {
		return directory.CheckCount("customClaims", max(len(t.Scopes), len(t.Claims)), mostClaims)
	}
	for _, s := range t.Scopes {
		// RFC 6749 section 3.3: scope-token.
		if s == "" || len(s) > 128 || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) {
			return fault.Field("customScopes")
		}
	}
	for name, field := range t.Claims {
		if !claimForm.MatchString(name) || slices.Contains(ours, name) || directory.CheckCode("customClaims", field) != nil {
			return fault.Field("customClaims")
		}
	}
	return nil
}

func (t *AppSettings) checkPage() error {
	login := []string{LoginUsernamePassword, LoginEmailPassword, LoginPhonePassword, LoginPhoneCode, LoginEmailCode, LoginQRCode, LoginPasskey}
	register := login[:5]
	if err := checkWords("enabledBasicLoginMethods", t.LoginMethods, login, 1); err != nil {
		return err
	}
	if err := checkWords("enabledBasicRegisterMethods", t.RegisterMethods, register, 0); err != nil {
		return err
	}
	if err := checkWords("completionPlaces", t.CompletionAt, []string{AtLogin, AtRegister}, 0); err != nil {
		return err
	}
	// A page that offers passkeys alone shows nothing first.
	if !offersFirst(t.LoginMethods, t.DefaultLogin) && !slices.Equal(t.LoginMethods, []string{LoginPasskey}) {
		return fault.Field("defaultLoginMethod")
	}
	if len(t.RegisterMethods) > 0 && !offersFirst(t.RegisterMethods, t.DefaultRegister) {
		return fault.Field("defaultRegisterMethod")
	}
	if len(t.CompletionFields) > mostAsked {
		return directory.CheckCount("completionFields", len(t.CompletionFields), mostAsked)
	}
	for _, f := range t.CompletionFields {
		if err := directory.CheckCode("completionFields", f.Name); err != nil {
			return err
		}
	}
	return nil
}

// checkWords refuses a list that has other words than it may, one of them twice, or too few.
func checkWords(field string, list, allowed []string, least int) error {
	if len(list) < least {
		return directory.CheckCount(field, len(list), len(allowed))
	}
	for i, w := range list {
		if !slices.Contains(allowed, w) || slices.Contains(list[:i], w) {
			return fault.Field(field)
		}
	}
	return nil
}

// FactorTypes are the second factors there are, in the order in which they are offered.
var factorTypes = []string{"OTP", "SMS", "EMAIL", "PASSKEY"}

// CheckFactors refuses a list of second factors that has unknown ones, or one twice. FACE is known and not offered: Unsupported
// "factor_unsupported".
func CheckFactors(list *[]string) error {
	if list == nil {
		return nil
	}
	if slices.Contains(*list, "FACE") {
		return fault.New(fault.Unsupported, "factor_unsupported", "FACE")
	}
	return checkWords("enabledFactors", *list, factorTypes, 0)
}

var colorForm = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

var textForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

func (b *Branding) check() error {
	if len(b.CSS) > longestCSS || directory.CheckText("customCSS", b.CSS, longestCSS) != nil {
		return fault.Field("customCSS")
	}
	if err := checkImage("customLoadingImage", b.LoadingImage); err != nil {
		return err
	}
	if err := checkImage("customBackground", b.Background); err != nil {
		return err
	}
	switch {
	case b.GuardVersion != "Advanced" && b.GuardVersion != "Classical":
		return fault.Field("guardVersion")
	case !slices.Contains(languages, b.DefaultLanguage):
		return fault.Field("defaultLanguage")
	case b.PrimaryColor != "" && !colorForm.MatchString(b.PrimaryColor):
		return fault.Field("primaryColor")
	case len(b.Texts) > mostTexts:
		return directory.CheckCount("texts", len(b.Texts), mostTexts)
	}
	for name, text := range b.Texts {
		if !textForm.MatchString(name) || directory.CheckText("texts", text, longestText) != nil {
			return fault.Field("texts")
		}
	}
	return nil
}
