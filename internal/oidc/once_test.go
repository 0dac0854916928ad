package oidc_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/oidc"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// again is the desk at a second server over the same database, where the engine has room for two; else the desk itself.
func (d *desk) again() *desk {
	d.Helper()
	if d.h.DB.Local() {
		return d
	}
	other := *d
	other.h = d.h.Again(d.T)
	other.provider = oidc.New(oidc.Options{Signin: other.h.Signin, BaseURL: testhall.BaseURL, Limits: op.Limits{Body: 1 << 20, Deadline: 30 * time.Second}})
	mux := http.NewServeMux()
	other.provider.Mount(mux)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &caller.Caller{RequestID: "test", ClientIP: "192.0.2.7", UserAgent: "test"}
		browser.Wrap(browser.NewCookies(testhall.BaseURL, false), mux).ServeHTTP(w, r.WithContext(caller.With(r.Context(), c)))
	}))
	d.Cleanup(srv.Close)
	other.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, srv.Listener.Addr().String())
	}
	return &other
}

// Of a thousand requests at once, to two servers where the engine has room for two, that show one code, one refresh token or one device
// code to the token endpoint, or go on with one interaction, one is answered with what it asks for and the others are refused. What a code
// or a refresh token that came more than once was exchanged for is worth nothing afterwards.
func TestTokenEndpointOnce(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		app := d.app(signin.WebApp, func(s *signin.AppSettings) {
			s.GrantTypes = []string{signin.GrantCode, signin.GrantRefresh, signin.GrantDevice}
		})
		v := d.visitor()
		other := d.again()
		w := other.visitor()
		w.jar = v.jar
		w.client.Jar = v.jar
		for _, client := range []*http.Client{v.client, w.client} {
			client.Transport.(*http.Transport).MaxIdleConnsPerHost = 50
		}
		first := v.code(app, "scope", "openid offline_access")
		refresh := v.post("/oidc/token", exchange(app, v.code(app, "scope", "openid offline_access"))).text("refresh_token")
		device := v.post("/oidc/device_authorization", url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}, "scope": {"openid"}})
		if refresh == "" || device.text("device_code") == "" {
			t.Fatalf("%q, %d %s", refresh, device.status, device.body)
		}
		sessions, err := d.h.Signin.Sessions(t.Context(), d.pool.ID, d.ann.ID)
		if err != nil || len(sessions) == 0 {
			t.Fatal(sessions, err)
		}
		if err := d.h.Signin.AnswerDevice(d.pool.As(t.Context()), device.text("user_code"), d.pool.ID, d.ann.ID, sessions[0].ID, true); err != nil {
			t.Fatal(err)
		}
		token := func(q url.Values, refusal string) func(*visitor) (bool, string) {
			return func(x *visitor) (bool, string) {
				p := x.post("/oidc/token", q)
				if p.status == 200 {
					return true, p.text("access_token")
				}
				if p.status != 400 || p.text("error") != refusal {
					t.Errorf("%d %s", p.status, p.body)
				}
				return false, ""
			}
		}
		credentials := func(grant, name, value string) url.Values {
			return url.Values{"grant_type": {grant}, name: {value}, "client_id": {app.ID}, "client_secret": {app.Secret}}
		}
		// The browser has a session: what is left of an interaction is to go on.
		in, err := d.h.Signin.StartInteraction(t.Context(), app, signin.AuthorizeRequest{Protocol: "oidc", ClientID: app.ID, RedirectURI: callback, ResponseType: "code",
			ResponseMode: "query", Scope: []string{"openid"}}, signin.NeedLogin)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			ends bool // all that came of it ends when it comes again
			try  func(*visitor) (bool, string)
		}{
			{"code", true, token(exchange(app, first), "invalid_grant")},
			{"refresh token", true, token(credentials("refresh_token", "refresh_token", refresh), "invalid_grant")},
			{"device code", false, token(credentials(signin.GrantDevice, "device_code", device.text("device_code")), "expired_token")},
			{"interaction", false, func(x *visitor) (bool, string) {
				p := x.raw(in.ContinuePath())
				if p.answer().Get("code") != "" {
					return true, ""
				}
				if p.status != 400 || p.to != nil {
					t.Errorf("%d %v", p.status, p.to)
				}
				return false, ""
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				var mu sync.Mutex
				var won []string
				lost := 0
				var wg sync.WaitGroup
				for n := range 50 {
					wg.Go(func() {
						for range 20 {
							ok, text := c.try([]*visitor{v, w}[n%2])
							mu.Lock()
							if ok {
								won = append(won, text)
							} else {
								lost++
							}
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				if len(won) != 1 || lost != 999 {
					t.Fatalf("%d were answered, %d refused", len(won), lost)
				}
				if won[0] == "" {
					return
				}
				if me := v.get("/oidc/me", url.Values{"access_token": {won[0]}}); (me.status == 401) != c.ends {
					t.Errorf("the access token afterwards: %d %s", me.status, me.body)
				}
			})
		}
	})
}
