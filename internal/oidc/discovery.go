package oidc

import (
	"net/http"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// metadata is the provider's description of itself (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2). The first 24 are the
// wire's (auth-notes 4).
type metadata struct {
	Issuer                        string   `json:"issuer"`
	AuthorizationEndpoint         string   `json:"authorization_endpoint"`
	TokenEndpoint                 string   `json:"token_endpoint"`
	UserinfoEndpoint              string   `json:"userinfo_endpoint"`
	JWKSURI                       string   `json:"jwks_uri"`
	ScopesSupported               []string `json:"scopes_supported"`
	ResponseTypesSupported        []string `json:"response_types_supported"`
	ResponseModesSupported        []string `json:"response_modes_supported"`
	GrantTypesSupported           []string `json:"grant_types_supported"`
	IDTokenSigningAlgs            []string `json:"id_token_signing_alg_values_supported"`
	IDTokenEncryptionAlgs         []string `json:"id_token_encryption_alg_values_supported"`
	IDTokenEncryptionEncs         []string `json:"id_token_encryption_enc_values_supported"`
	UserinfoSigningAlgs           []string `json:"userinfo_signing_alg_values_supported"`
	UserinfoEncryptionAlgs        []string `json:"userinfo_encryption_alg_values_supported"`
	UserinfoEncryptionEncs        []string `json:"userinfo_encryption_enc_values_supported"`
	TokenEndpointAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	ClaimTypesSupported           []string `json:"claim_types_supported"`
	ClaimsSupported               []string `json:"claims_supported"`
	CodeChallengeMethodsSupported []string `json:"code_challenge_methods_supported"`
	EndSessionEndpoint            string   `json:"end_session_endpoint"`
	IntrospectionEndpoint         string   `json:"introspection_endpoint"`
	IntrospectionAuthMethods      []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpoint            string   `json:"revocation_endpoint"`
	RevocationAuthMethods         []string `json:"revocation_endpoint_auth_methods_supported"`

	SubjectTypesSupported       []string `json:"subject_types_supported"` // REQUIRED by Discovery 3
	DeviceAuthorizationEndpoint string   `json:"device_authorization_endpoint"`
	IssParameterSupported       bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207 3
	PromptValuesSupported       []string `json:"prompt_values_supported"`
	BackchannelLogout           bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutSession    bool     `json:"backchannel_logout_session_supported"`
	ClaimsParameterSupported    bool     `json:"claims_parameter_supported"`
	RequestParameterSupported   bool     `json:"request_parameter_supported"`
	RequestURISupported         bool     `json:"request_uri_parameter_supported"` // the default is true
	UILocalesSupported          []string `json:"ui_locales_supported"`
}

func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) error {
	at := func(path string) string { return p.base + oidcFace.prefix + path }
	methods := []string{signin.AuthPost, signin.AuthBasic, signin.AuthNone}
	none := []string{}
	keys := at("/.well-known/jwks.json")
	if app, err := p.named(r); err != nil {
		return err
	} else if app != nil {
		keys = p.base + "/" + app.ID + "/oidc/.well-known/jwks.json" // of its pool
	}
	shareable(w)
	w.Header().Set("Vary", headerApp)
	writeJSON(w, http.StatusOK, metadata{
		Issuer:                        p.issuer(oidcFace),
		AuthorizationEndpoint:         at("/auth"),
		TokenEndpoint:                 at("/token"),
		UserinfoEndpoint:              at("/me"),
		JWKSURI:                       keys,
		ScopesSupported:               signin.StandardScopes,
		ResponseTypesSupported:        responseTypes(oidcFace),
		ResponseModesSupported:        responseModes,
		GrantTypesSupported:           append([]string{signin.GrantImplicit}, grants(oidcFace)...),
		IDTokenSigningAlgs:            []string{"HS256", "RS256", "ES256"},
		IDTokenEncryptionAlgs:         none,
		IDTokenEncryptionEncs:         none,
		UserinfoSigningAlgs:           none,
		UserinfoEncryptionAlgs:        none,
		UserinfoEncryptionEncs:        none,
		TokenEndpointAuthMethods:      methods,
		ClaimTypesSupported:           []string{"normal"},
		ClaimsSupported:               signin.ClaimNames(),
		CodeChallengeMethodsSupported: []string{signin.ChallengeS256},
		EndSessionEndpoint:            at("/session/end"),
		IntrospectionEndpoint:         at("/token/introspection"),
		IntrospectionAuthMethods:      methods,
		RevocationEndpoint:            at("/token/revocation"),
		RevocationAuthMethods:         methods,

		SubjectTypesSupported:       []string{"public"},
		DeviceAuthorizationEndpoint: at("/device_authorization"),
		IssParameterSupported:       true,
		PromptValuesSupported:       promptValues,
		BackchannelLogout:           true,
		BackchannelLogoutSession:    true,
		UILocalesSupported:          []string{"en-US", "zh-CN"},
	})
	return nil
}

// named is the application that a request names, by its path or its header; nil where it names none that is there.
func (p *Provider) named(r *http.Request) (*signin.Application, error) {
	app, err := p.signin.Application(r.Context(), r.Header.Get(headerApp))
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return app, err
}

// jwks is the key set (RFC 7517 5) of the pool of the application that the request names; where it names none, of the whole issuer.
func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	app, err := p.named(r)
	if err != nil {
		return err
	}
	var set []byte
	if app != nil {
		set, err = p.signin.JWKS(ctx, app.PoolID)
	} else {
		set, err = p.signin.IssuerKeys(ctx)
	}
	if err != nil {
		return err
	}
	shareable(w)
	w.Header().Set("Vary", headerApp)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, err = w.Write(set)
	return err
}

// shareable lets what everybody may know be kept for a while: a key is published long before it is used.
func shareable(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Del("Pragma")
}
