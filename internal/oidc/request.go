package oidc

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/signin"
)

// Response modes (OAuth 2.0 Multiple Response Type Encoding Practices 2.1, Form Post Response Mode 2; web_message is the vendor's, after
// draft-sakimura-oauth-wmrm).
const (
	modeQuery      = "query"
	modeFragment   = "fragment"
	modeFormPost   = "form_post"
	modeWebMessage = "web_message"
)

var (
	responseModes = []string{modeQuery, modeFragment, modeFormPost, modeWebMessage}
	promptValues  = []string{"none", "login", "consent", "select_account"}
)

// Most characters of what a request asks to be given back or to be kept.
const (
	mostState = 4096
	mostNonce = 1024
	mostHint  = 512
)

// reply is where and how the answer to an authorization request goes, once both are known to be the client's own.
type reply struct {
	uri   string
	mode  string
	state string
	has   bool // a state was given: it stands in the answer, also in a refusal
}

// checkRequest checks an authorization request of a client that is known and whose redirect URI is its own; both have been checked before
// this, because what is wrong from here on is told at the redirect URI. The reply is good also beside an error. The order is that of
// RFC 6749 4.1.2.1 and OpenID Connect Core 3.1.2.2.
func checkRequest(f face, app *signin.Application, p params, twice []string) (*signin.AuthorizeRequest, *reply, *Error) {
	responseType := signin.NormalResponse(strings.Join(strings.Fields(p["response_type"]), " "))
	// Tokens never travel in a query (Multiple Response Types 5): what has any is answered in the fragment.
	words := strings.Fields(responseType)
	front := slices.Contains(words, "token") || slices.Contains(words, "id_token")
	to := &reply{uri: p["redirect_uri"], mode: modeQuery, state: p["state"]}
	_, to.has = p["state"]
	if front {
		to.mode = modeFragment
	}
	mode := p["response_mode"]
	if slices.Contains(responseModes, mode) && !(front && mode == modeQuery) {
		to.mode = mode
	}
	if (to.mode == modeWebMessage || to.mode == modeFormPost) && originOf(to.uri) == "" {
		to.mode = modeQuery
		if front {
			to.mode = modeFragment
		}
		return nil, to, refusal("invalid_request", "this response_mode needs a redirect_uri of http or https")
	}

	switch {
	case len(twice) > 0: // RFC 6749 3.1
		if slices.Contains(twice, "state") {
			to.state, to.has = "", false
		}
		return nil, to, refusal("invalid_request", "a parameter stands more than once: "+twice[0])
	case len(to.state) > mostState:
		to.state = ""
		to.has = false
		return nil, to, refusal("invalid_request", "state is too long")
	// OpenID Connect Core 6.1, 6.2 and 7.2.1: what the provider does not offer is refused by its own name.
	case p["request"] != "":
		return nil, to, refusal("request_not_supported", "request objects are not offered")
	case p["request_uri"] != "":
		return nil, to, refusal("request_uri_not_supported", "request objects are not offered")
	case p["registration"] != "":
		return nil, to, refusal("registration_not_supported", "registration by request is not offered")
	}

	// response_type: RFC 6749 3.1.1.
	switch {
	case responseType == "":
		return nil, to, refusal("invalid_request", "response_type is missing")
	case !slices.Contains(responseTypes(f), responseType):
		return nil, to, refusal("unsupported_response_type", "response_type is none of ours")
	case responseType != signin.ResponseNone && !app.IsResponse(responseType):
		return nil, to, refusal("unauthorized_client", "the application is not set to use this response_type")
	case slices.Contains(words, "code") && !app.IsGrant(signin.GrantCode):
		return nil, to, refusal("unauthorized_client", "the application is not set to use authorization_code")
	case slices.Contains(words, "token") && !app.Settings.Legacy: // RFC 9700 2.1.2
		return nil, to, refusal("unauthorized_client", "access tokens in the front channel are for applications set to legacy")
	case front && !slices.Contains(words, "code") && !app.IsGrant(signin.GrantImplicit):
		return nil, to, refusal("unauthorized_client", "the application is not set to use implicit")
	}

	// response_mode: Multiple Response Types 2.1 and 5.
	switch {
	case mode != "" && !slices.Contains(responseModes, mode):
		return nil, to, refusal("invalid_request", "response_mode is none of ours")
	case mode == modeQuery && front:
		return nil, to, refusal("invalid_request", "tokens are not sent in a query")
	}

	// scope: RFC 6749 3.3; OpenID Connect Core 3.1.2.1.
	scope, ok := scopeWords(p["scope"])
	switch {
	case !ok:
		return nil, to, refusal("invalid_scope", "scope has characters that no scope has")
	case len(scope) == 0 && f == oidcFace:
		return nil, to, refusal("invalid_scope", "scope is missing")
	case slices.Contains(words, "id_token") && !slices.Contains(scope, "openid"):
		return nil, to, refusal("invalid_scope", "an id_token needs the scope openid")
	}

	// prompt and max_age: OpenID Connect Core 3.1.2.1.
	prompt := strings.Fields(p["prompt"])
	for _, word := range prompt {
		if !slices.Contains(promptValues, word) {
			return nil, to, refusal("invalid_request", "prompt is none of ours")
		}
	}
	if slices.Contains(prompt, "none") && len(prompt) > 1 {
		return nil, to, refusal("invalid_request", "prompt none stands alone")
	}
	var maxAge *int64
	if text, ok := p["max_age"]; ok {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > 1e10 {
			return nil, to, refusal("invalid_request", "max_age is no number of seconds")
		}
		maxAge = &n
	}

	// nonce: OpenID Connect Core 3.2.2.1 and 3.3.2.11: required where an id token comes back through the browser.
	switch nonce := p["nonce"]; {
	case nonce == "" && slices.Contains(words, "id_token"):
		return nil, to, refusal("invalid_request", "nonce is missing")
	case len(nonce) > mostNonce:
		return nil, to, refusal("invalid_request", "nonce is too long")
	}

	// PKCE: RFC 7636 4.3 and 4.4.1, RFC 9700 2.1.1.
	challenge, by := p["code_challenge"], p["code_challenge_method"]
	switch {
	case challenge == "" && by != "":
		return nil, to, refusal("invalid_request", "code_challenge is missing")
	case challenge == "" && slices.Contains(words, "code") && app.NeedsPKCE():
		return nil, to, refusal("invalid_request", "code_challenge is missing: this application must use PKCE")
	case challenge != "":
		if by == "" {
			by = signin.ChallengePlain // RFC 7636 4.3: the default
		}
		switch {
		case by != signin.ChallengeS256 && by != signin.ChallengePlain:
			return nil, to, refusal("invalid_request", "code_challenge_method is none of ours")
		case by == signin.ChallengePlain && !app.Settings.Legacy:
			return nil, to, refusal("invalid_request", "code_challenge_method must be S256")
		case !signin.IsVerifier(challenge) || by == signin.ChallengeS256 && (len(challenge) != 43 || strings.ContainsAny(challenge, ".~")):
			return nil, to, refusal("invalid_request", "code_challenge is malformed")
		}
	}

	for _, name := range []string{"login_hint", "ui_locales", "tenant_id", "tenantId", "ext_idp_conn_id"} {
		if len(p[name]) > mostHint {
			return nil, to, refusal("invalid_request", name+" is too long")
		}
	}
	r := &signin.AuthorizeRequest{Protocol: f.kind, ClientID: app.ID, RedirectURI: to.uri, ResponseType: responseType, ResponseMode: to.mode,
		Scope: scope, State: to.state, HasState: to.has, Nonce: p["nonce"], Challenge: challenge, ChallengeBy: by, Prompt: prompt, MaxAge: maxAge,
		LoginHint: p["login_hint"], UILocales: p["ui_locales"], TenantID: p["tenant_id"], UpstreamID: p["ext_idp_conn_id"]}
	if r.TenantID == "" {
		r.TenantID = p["tenantId"] // the V3 node client's spelling (auth-notes 2)
	}
	if context := p["login_page_context"]; context != "undefined" && len(context) <= mostState {
		r.PageContext = context
	}
	if challenge == "" {
		r.ChallengeBy = ""
	}
	return r, to, nil
}

// responseTypes are those that a face knows.
func responseTypes(f face) []string {
	if f == oauthFace {
		return []string{signin.ResponseCode, signin.ResponseToken}
	}
	return []string{signin.ResponseNone, signin.ResponseCode, signin.ResponseToken, signin.ResponseID, signin.ResponseIDToken, signin.ResponseCodeTok,
		signin.ResponseCodeID, signin.ResponseCodeBoth}
}

// scopeWords splits a scope (RFC 6749 3.3: printable ASCII without quote and backslash, one space between); more than one space is
// forgiven. It reports whether the text is one.
func scopeWords(text string) ([]string, bool) {
	if len(text) > mostState {
		return nil, false
	}
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return nil, false
		}
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }), true
}

// originOf is the origin of an http or https address as a browser writes it (RFC 6454 6.2), "" for any other, names outside of ASCII
// among them: its messages would have no certain receiver.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return ""
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		if ip.Zone() != "" {
			return ""
		}
		host = "[" + ip.String() + "]"
	} else if host == "" || strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	}) {
		return ""
	}
	if port == "" || u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		return u.Scheme + "://" + host
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return ""
	}
	return u.Scheme + "://" + host + ":" + port
}
