package oidc

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// credentials are what a client shows of itself (RFC 6749 2.3.1).
type credentials struct {
	id, secret string
	method     string // signin.AuthPost, AuthBasic or AuthNone
	basic      bool   // HTTP Basic was tried
}

// readCredentials reads what a client shows. An Authorization header that is not Basic is passed over: the official node client puts its
// access token there on every call (auth-notes 0.7).
func readCredentials(header string, p params) (credentials, *Error) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		c := credentials{id: p["client_id"], secret: p["client_secret"], method: signin.AuthNone}
		if c.secret != "" {
			c.method = signin.AuthPost
		}
		return c, nil
	}
	c := credentials{method: signin.AuthBasic, basic: true}
	malformed := &Error{Code: "invalid_client", Description: "the Basic credentials are malformed", Status: http.StatusUnauthorized, Basic: true}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return c, malformed
	}
	id, secret, ok := strings.Cut(string(raw), ":")
	if !ok || id == "" {
		return c, malformed
	}
	// Both halves are form-encoded (RFC 6749 2.3.1). A client that did not encode a plus sign or a percent sign is not guessed at: our
	// identifiers and secrets have none.
	if c.id, err = url.QueryUnescape(id); err != nil {
		return c, malformed
	}
	if c.secret, err = url.QueryUnescape(secret); err != nil {
		return c, malformed
	}
	switch {
	case p["client_secret"] != "": // RFC 6749 2.3: one method in a request
		return c, &Error{Code: "invalid_request", Description: "two ways of client authentication in one request", Status: http.StatusBadRequest}
	case p["client_id"] != "" && p["client_id"] != c.id:
		return c, &Error{Code: "invalid_request", Description: "client_id differs from the Basic credentials", Status: http.StatusBadRequest}
	}
	return c, nil
}

// notClient is the one answer to clients that fail to prove themselves (RFC 6749 5.2).
func notClient(c credentials, why string) *Error {
	return &Error{Code: "invalid_client", Description: why, Status: http.StatusUnauthorized, Basic: c.basic}
}

const wrongClient = "the client could not be authenticated"

// client authenticates the application of a request at an endpoint for which the application's settings name the method.
func (p *Provider) client(r *http.Request, q params, methodOf func(*signin.AppSettings) string) (*signin.Application, credentials, error) {
	c, refused := readCredentials(r.Header.Get("Authorization"), q)
	if refused != nil {
		return nil, c, refused
	}
	if c.id == "" {
		return nil, c, notClient(c, "client_id is missing")
	}
	app, err := p.authenticate(r, c, methodOf)
	return app, c, err
}

func (p *Provider) authenticate(r *http.Request, c credentials, methodOf func(*signin.AppSettings) string) (*signin.Application, error) {
	if c.method != signin.AuthNone {
		app, err := p.signin.AuthenticateApplication(r.Context(), c.id, c.secret)
		switch {
		case errors.Is(err, signin.ErrClientWrong):
			return nil, notClient(c, wrongClient)
		case err != nil:
			return nil, err
		}
		// One way for each application and endpoint (auth-notes 4). A public client that shows the right secret has shown more than it must.
		if want := methodOf(&app.Settings); want != c.method && want != signin.AuthNone {
			return nil, notClient(c, "the application is set to authenticate by "+want)
		}
		return app, nil
	}
	app, err := p.signin.Application(r.Context(), c.id)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return nil, notClient(c, wrongClient)
	case err != nil:
		return nil, err
	case !app.Enabled, methodOf(&app.Settings) != signin.AuthNone:
		return nil, notClient(c, wrongClient)
	}
	return app, nil
}

func tokenMethod(s *signin.AppSettings) string         { return s.TokenEndpointAuth }
func introspectionMethod(s *signin.AppSettings) string { return s.IntrospectionAuth }
func revocationMethod(s *signin.AppSettings) string    { return s.RevocationAuth }
