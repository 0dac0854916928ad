package oidc

import (
	"net/http"

	"github.com/guildhall-id/guildhall/internal/signin"
)

// deviceAuthorization is the device authorization endpoint (RFC 8628 3.1 and 3.2).
func (p *Provider) deviceAuthorization(w http.ResponseWriter, r *http.Request) error {
	q, err := once(form(r))
	if err != nil {
		return err
	}
	app, _, err := p.client(r, q, tokenMethod)
	if err != nil {
		return err
	}
	if !app.IsGrant(signin.GrantDevice) {
		return refusal("unauthorized_client", "the application is not set to use the device code")
	}
	scope, ok := scopeWords(q["scope"])
	if !ok {
		return refusal("invalid_scope", "scope has characters that no scope has")
	}
	if scope = p.signin.GrantableScope(app, scope); len(scope) == 0 {
		scope = []string{"openid", "profile"}
	}
	d, err := p.signin.StartDevice(about(r.Context(), app), app, scope)
	if err != nil {
		return err
	}
	page := p.base + signin.DevicePath
	writeJSON(w, http.StatusOK, map[string]any{"device_code": d.DeviceCode, "user_code": d.UserCode, "verification_uri": page,
		"verification_uri_complete": page + "?user_code=" + d.UserCode, "expires_in": d.ExpiresIn, "interval": d.Interval})
	return nil
}
