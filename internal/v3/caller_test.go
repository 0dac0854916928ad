package v3

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/op"
)

func TestSignatureRefused(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		good := h.client()
		ago := func(d time.Duration) string { return time.Now().Add(-d).UTC().Format(http.TimeFormat) }
		tampered := func(f func(r *http.Request)) *client {
			c := h.client()
			c.tamper = f
			return c
		}
		authorization := func(from, to string) *client {
			return tampered(func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
			})
		}
		disabled, err := h.Directory.CreateKey(h.pool.As(t.Context()), h.pool.ID, directory.NewKey{Kind: "user"})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.EnableKey(h.pool.As(t.Context()), h.pool.ID, disabled.ID, false); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			name   string
			client *client
			want   int // apiCode; 0: the call is served
		}{
			{"as the client sends it", good, 0},
			{"no Bearer, no scheme in capitals", tampered(func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "authing", "AUTHING", 1))
			}), 0},
			{"a clock four minutes late", good.with("Date", ago(4*time.Minute)), 1305}, // dated before the server started
			{"a clock four minutes early", good.with("Date", ago(-4*time.Minute)), 0},
			{"milliseconds", good.with("Date", fmt.Sprint(time.Now().UnixMilli())), 0},
			{"the wrong secret", &client{h: h, id: h.pool.KeyID, secret: "x"}, 1300},
			{"an unknown key", &client{h: h, id: "ffffffffffffffffffffffff", secret: h.pool.KeySecret}, 1300},
			{"a key that is no id", &client{h: h, id: "nobody", secret: h.pool.KeySecret}, 1300},
			{"a disabled key", &client{h: h, id: disabled.ID, secret: disabled.Secret}, 1300},
			{"no signature", authorization(":", ": "), 1300},
			{"nothing after the key", tampered(func(r *http.Request) { r.Header.Set("Authorization", "authing "+h.pool.KeyID+":") }), 1300},
			{"nothing at all", tampered(func(r *http.Request) { r.Header.Set("Authorization", "authing") }), 1300},
			{"a header changed after signing", tampered(func(r *http.Request) { r.Header.Set("X-Authing-Lang", "en-US") }), 1300},
			{"a header added after signing", tampered(func(r *http.Request) { r.Header.Set("X-Authing-App-Id", h.pool.AppID) }), 1300},
			{"another path", tampered(func(r *http.Request) { r.URL.Path = "/api/v3/get-all-groups" }), 1300},
			{"another query", tampered(func(r *http.Request) { r.URL.RawQuery = "page=2" }), 1300},
			{"no nonce", good.with(headerNonce, ""), 1300},
			{"another method", good.with(headerMethod, "HMAC-MD5"), 1301},
			{"no method", good.with(headerMethod, ""), 1301},
			{"another version", good.with(headerVersion, "2.0"), 1302},
			{"a date that is none", good.with("Date", "yesterday"), 1303},
			{"no date", good.with("Date", ""), 1304},
			{"a date long ago", good.with("Date", ago(time.Hour)), 1305},
			{"a date to come", good.with("Date", ago(-time.Hour)), 1305},
		} {
			a := x.client.send(t, "GET", "/api/v3/list-groups", `{"page":1}`)
			if a.APICode != x.want || (a.StatusCode == 200) != (x.want == 0) || x.want != 0 && (a.StatusCode != 401 || a.RequestID != "request-1" || a.Data != nil) {
				t.Errorf("%s: %s, want apiCode %d", x.name, a.Text, x.want)
			}
		}
		unknown := (&client{h: h, id: "ffffffffffffffffffffffff", secret: "x"}).send(t, "GET", "/api/v3/list-groups", "")
		wrong := (&client{h: h, id: h.pool.KeyID, secret: "x"}).send(t, "GET", "/api/v3/list-groups", "")
		if unknown.Text != wrong.Text {
			t.Errorf("which keys there are can be asked: %s, %s", unknown.Text, wrong.Text)
		}
	})
}

func TestReplay(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		for i, x := range []struct{ name, method, path, params string }{
			{"a read", "GET", "/api/v3/list-groups", `{"page":1}`},
			{"a read by POST", "POST", "/api/v3/list-users", `{"keywords":"a"}`},
			{"a write", "POST", "/api/v3/create-group", `{"code":"once","name":"Once"}`},
			{"a write of nothing that is not there yet", "POST", "/api/v3/create-or-update-group", `{"code":"put","name":"Put"}`},
			{"a deletion", "POST", "/api/v3/delete-groups-batch", `{"codeList":["once"]}`},
		} {
			c := h.client().with(headerNonce, fmt.Sprintf("nonce%d", i)).with("Date", time.Now().UTC().Format(http.TimeFormat))
			if a := c.send(t, x.method, x.path, x.params); a.StatusCode != 200 {
				t.Errorf("%s: %s", x.name, a.Text)
			}
			if a := c.send(t, x.method, x.path, x.params); a.StatusCode != 401 || a.APICode != 1306 {
				t.Errorf("%s, again: %s", x.name, a.Text)
			}
			// Another server, or this one after a restart, knows of writes only.
			restarted := *h
			restarted.api = New(h.api.Options)
			restarted.mux = http.NewServeMux()
			restarted.api.Mount(restarted.mux)
			c.h = &restarted
			if a := c.send(t, x.method, x.path, x.params); (a.APICode == 1306) != (i >= 2) {
				t.Errorf("%s, after a restart: %s", x.name, a.Text)
			}
		}

		// A write that was refused has taken no effect, and may be sent again.
		c := h.client().with(headerNonce, "refused").with("Date", time.Now().UTC().Format(http.TimeFormat))
		for range 2 {
			if a := c.send(t, "POST", "/api/v3/create-group", `{"code":"put","name":"N"}`); a.StatusCode != 409 {
				t.Error(a.Text)
			}
		}

		// One of many at once takes effect.
		c = h.client().with(headerNonce, "race").with("Date", time.Now().UTC().Format(http.TimeFormat))
		answers := make([]answer, 16)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = c.send(t, "POST", "/api/v3/create-group", `{"code":"race","name":"Race"}`) })
		}
		wg.Wait()
		done, refused := 0, 0
		for _, a := range answers {
			switch {
			case a.StatusCode == 200:
				done++
			case a.APICode == 1306:
				refused++
			}
		}
		if done != 1 || refused != 15 {
			t.Errorf("%d done, %d refused of 16", done, refused)
		}
	})
}

// whoami shows the caller that the wire resolves.
func (h *apiHall) whoami(t *testing.T, writes bool, header map[string]string) (*caller.Caller, error) {
	t.Helper()
	o := op.Get("/x", "x", op.ManagementKey, call[struct{}, struct{}])
	o.Writes = writes
	r := httptest.NewRequestWithContext(caller.With(t.Context(), &caller.Caller{RequestID: "r", ClientIP: "192.0.2.7"}), "GET", "/x", nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return wire{api: h.api}.Caller(r, nil, &o)
}

func TestCaller(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		other := h.Pool(t, "second")
		management := h.token(t, h.pool)
		ann, err := h.Directory.CreateUser(h.pool.As(t.Context()), h.pool.ID, directory.NewUser{UserInput: directory.UserInput{Username: new("ann")}})
		if err != nil {
			t.Fatal(err)
		}
		user, err := h.Signin.UserToken(h.pool.As(t.Context()), h.pool.ID, ann.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		tenantKey, err := h.Directory.CreateKey(h.pool.As(t.Context()), h.pool.ID, directory.NewKey{Kind: "tenant", TenantID: "aaaaaaaaaaaaaaaaaaaaaaaa"})
		if err != nil {
			t.Fatal(err)
		}
		tenantToken, err := h.Signin.ManagementToken(t.Context(), tenantKey.ID, tenantKey.Secret, true)
		if err != nil {
			t.Fatal(err)
		}
		const tenant = "bbbbbbbbbbbbbbbbbbbbbbbb"
		key := caller.Caller{Kind: caller.Key, PoolID: h.pool.ID, KeyID: h.pool.KeyID, UserID: h.pool.AdminID, Language: "zh-CN"}
		with := func(f func(*caller.Caller)) caller.Caller {
			c := key
			f(&c)
			return c
		}
		for _, x := range []struct {
			name   string
			header map[string]string
			want   caller.Caller
			code   string
		}{
			{"nothing", nil, caller.Caller{Language: "zh-CN"}, ""},
			{"a language", map[string]string{"X-Authing-Lang": "en-US"}, caller.Caller{Language: "en-US"}, ""},
			{"no language", map[string]string{"X-Authing-Lang": strings.Repeat("x", 100)}, caller.Caller{Language: "zh-CN"}, ""},
			{"a management token", map[string]string{"Authorization": "Bearer " + management}, key, ""},
			{"in other case", map[string]string{"Authorization": "bearer  " + management}, key, ""},
			{"bare", map[string]string{"Authorization": management}, key, ""},
			{"another pool", map[string]string{"Authorization": management, "X-Authing-Userpool-Id": other.ID}, key, ""},
			{"an application", map[string]string{"Authorization": management, "X-Authing-App-Id": h.pool.AppID}, with(func(c *caller.Caller) { c.AppID = h.pool.AppID }), ""},
			{"another pool's application", map[string]string{"Authorization": management, "X-Authing-App-Id": other.AppID}, with(func(c *caller.Caller) { c.TenantID = other.AppID }), ""},
			{"a tenant in the application's place", map[string]string{"Authorization": management, "X-Authing-App-Id": tenant}, with(func(c *caller.Caller) { c.TenantID = tenant }), ""},
			{"a tenant", map[string]string{"Authorization": management, "X-Authing-App-Tenant-Id": tenant, "X-Authing-App-Id": h.pool.AppID},
				with(func(c *caller.Caller) { c.TenantID, c.AppID = tenant, h.pool.AppID }), ""},
			{"what is no id", map[string]string{"Authorization": management, "X-Authing-App-Id": "x", "X-Authing-App-Tenant-Id": "'"}, key, ""},
			{"a tenant's key", map[string]string{"Authorization": tenantToken.Text, "X-Authing-App-Tenant-Id": tenant},
				with(func(c *caller.Caller) { c.KeyID, c.TenantID = tenantKey.ID, "aaaaaaaaaaaaaaaaaaaaaaaa" }), ""},
			{"a user", map[string]string{"Authorization": user.Text},
				caller.Caller{Kind: caller.User, PoolID: h.pool.ID, UserID: ann.ID, AppID: h.pool.AppID, Language: "zh-CN"}, ""},
			{"words", map[string]string{"Authorization": "Bearer nonsense"}, caller.Caller{Language: "zh-CN"}, "token_invalid"},
			{"another scheme", map[string]string{"Authorization": "Basic YTpi"}, caller.Caller{Language: "zh-CN"}, "token_invalid"},
			{"no token", map[string]string{"Authorization": "Bearer"}, caller.Caller{Language: "zh-CN"}, "token_invalid"},
		} {
			c, err := h.whoami(t, false, x.header)
			if codeOf(err) != x.code {
				t.Errorf("%s: %v", x.name, err)
				continue
			}
			x.want.RequestID, x.want.ClientIP = "r", "192.0.2.7"
			got := *c
			if got != x.want {
				t.Errorf("%s: %+v, want %+v", x.name, got, x.want)
			}
		}
	})
}

// A user may not do what a key may.
func TestUsersAreNoKeys(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		ctx := h.pool.As(context.Background())
		ann, err := h.Directory.CreateUser(ctx, h.pool.ID, directory.NewUser{UserInput: directory.UserInput{Username: new("ann")}})
		if err != nil {
			t.Fatal(err)
		}
		token, err := h.Signin.UserToken(ctx, h.pool.ID, ann.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range h.api.Operations() {
			if o.Rule(&caller.Caller{Kind: caller.User}) == nil {
				continue // for everybody, or for users to ask of themselves
			}
			a := h.client().bearer("Bearer "+token.Text).send(t, o.Method, o.Path, "")
			if a.StatusCode != 403 || a.Message != "无权限执行此操作" {
				t.Errorf("%s: %s", o.Name, a.Text)
			}
		}
	})
}

func TestSystem(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		other := h.Pool(t, "second")
		first, err := h.Directory.Keys(t.Context(), h.pool.ID)
		if err != nil {
			t.Fatal(err)
		}
		second, err := h.Directory.Keys(t.Context(), other.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			name, header, value string
			want                *directory.Keys
		}{
			{"the default pool", "X-Nothing", "", first},
			{"a pool", "X-Authing-Userpool-Id", other.ID, second},
			{"an application's pool", "X-Authing-App-Id", other.AppID, second},
			{"stale credentials", "Authorization", "Bearer nonsense", first},
			{"an unknown pool", "X-Authing-Userpool-Id", "ffffffffffffffffffffffff", nil},
			{"an unknown application", "X-Authing-App-Id", "ffffffffffffffffffffffff", nil},
		} {
			c := h.client().with(x.header, x.value)
			c.unsigned = true
			a := c.send(t, "GET", "/api/v3/system", "")
			if x.want == nil {
				if a.StatusCode != 404 || a.APICode != 2224 {
					t.Errorf("%s: %s", x.name, a.Text)
				}
				continue
			}
			want := map[string]any{"rsa": map[string]any{"publicKey": x.want.RSAPublic}, "sm2": map[string]any{"publicKey": x.want.SM2Public},
				"version": map[string]any{"server": "1.2.3", "console": "1.2.3", "login": "1.2.3"}, "publicIps": []any{}, "statusCode": "-"}
			if d := differs("system", want, mustRead(t, a.Text)); d != "" {
				t.Errorf("%s: %s in %s", x.name, d, a.Text)
			}
		}
	})
}

func TestMount(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		stranger := h.client()
		stranger.unsigned = true
		for _, x := range []struct{ method, path, lang, want string }{
			{"GET", "/api/v3/nonsense", "zh-CN", "404 接口不存在"},
			{"GET", "/api/v3/nonsense", "en-US", "404 No such operation"},
			{"DELETE", "/api/v3/create-user", "zh-CN", "404 接口不存在"},
			{"PATCH", "/api/v3/get-user", "zh-CN", "404 接口不存在"},
			{"GET", "/api/v3/", "zh-CN", "404 接口不存在"},
			{"GET", "/api/v3/list-webhooks", "zh-CN", "501 暂不支持操作 listWebhooks"},
			{"GET", "/api/v3/list-webhooks", "en-US", "501 Operation listWebhooks is not supported"},
			{"POST", "/get-row-batch", "zh-CN", "501 暂不支持操作 getRowBatch"},
			{"DELETE", "/api/v3/ip-list/x", "zh-CN", "501 暂不支持操作 deleteById"},
			{"GET", "/api/v3/get-user?userId=x", "zh-CN", "401 未认证"},
			{"POST", "/api/v3/create-user", "en-US", "401 Not authenticated"},
		} {
			a := stranger.with("X-Authing-Lang", x.lang).raw(t, x.method, x.path, "", x.path, nil)
			if got := fmt.Sprint(a.StatusCode, " ", a.Message); got != x.want || a.RequestID != "request-1" {
				t.Errorf("%s %s: %s, want %s", x.method, x.path, a.Text, x.want)
			}
		}
	})
}
