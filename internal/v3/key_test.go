package v3

import (
	"testing"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

const (
	noKey    = `404 密钥不存在`
	badKeyID = `400 参数 accessKeyId 格式错误`
	noAuth   = `401 密钥错误`
)

var keySteps = []step{
	{"createUser", `{"username":"owner"}`, `200`, "owner=userId"},
	{"createAccessKey", `{"type":"user","userId":"{owner}"}`, `200 [{"accessKeyId":"*","accessKeySecret":"*","userId":"{owner}","createdAt":"*","lastDate":"*","status":"activated","userPoolId":"{pool}","enable":true}]`,
		"made=0.accessKeyId secret=0.accessKeySecret"},
	{"createAccessKey", `{"type":"user"}`, `200 [{"userId":"{admin}"}]`, "second=0.accessKeyId"}, // the caller's own
	{"createAccessKey", `{"type":"user","userId":"{nobody}"}`, noUser, ""},
	{"createAccessKey", `{"userId":"{owner}"}`, `400 参数 type 格式错误`, ""},
	{"createAccessKey", `{"type":"{long}"}`, `400 参数 type 格式错误`, ""},
	{"createAccessKey", `{"type":["user"]}`, `400 参数 type 格式错误`, ""},

	{"getAccessKeyList", ``, `200 [{"accessKeyId":"{second}","accessKeySecret":""},{"accessKeyId":"{made}","accessKeySecret":""},{"accessKeyId":"{key}","accessKeySecret":""}]`, ""},
	{"getAccessKeyList", `{"userId":"{owner}"}`, `200 [{"accessKeyId":"{made}","userId":"{owner}"}]`, ""},
	{"getAccessKeyList", `{"userId":"{nobody}"}`, `200 []`, ""},
	{"getAccessKeyList", `{"type":"user"}`, `200 [{},{}]`, ""},
	{"getAccessKeyList", `{"status":["activated"]}`, `200 [{},{},{}]`, ""},
	{"getAccessKeyList", `{"status":["revoked"]}`, `200 []`, ""},
	{"getAccessKeyList", `{"status":["staging"]}`, `200 []`, ""},
	{"getAccessKeyList", `{"status":["activated","revoked"]}`, `200 [{},{},{}]`, ""},
	{"getAccessKeyList", `{"status":[]}`, `200 [{},{},{}]`, ""},
	{"getAccessKeyList", `{"status":["nonsense"]}`, `400 参数 status 格式错误`, ""},
	{"getAccessKey", `{"accessKeyId":"{made}","userId":"{owner}"}`, `200 [{"accessKeyId":"{made}","accessKeySecret":"","enable":true}]`, ""},
	{"getAccessKey", `{"accessKeyId":"{made}"}`, `200 [{}]`, ""},
	{"getAccessKey", `{"accessKeyId":"{made}","userId":"{nobody}"}`, noKey, ""},
	{"getAccessKey", `{"accessKeyId":"{nobody}"}`, noKey, ""},
	{"getAccessKey", `{"accessKeyId":""}`, badKeyID, ""},

	{"getManagementToken", `{"accessKeyId":"{made}","accessKeySecret":"{secret}"}`, `200 {"access_token":"*","expires_in":7200}`, "token=access_token"},
	{"getManagementToken", `{"accessKeyId":"{made}","accessKeySecret":"wrong"}`, noAuth, ""},
	{"getManagementToken", `{"accessKeyId":"{nobody}","accessKeySecret":"{secret}"}`, noAuth, ""},
	{"getManagementToken", `{"accessKeyId":"{made}","accessKeySecret":""}`, `400 参数 accessKeySecret 格式错误`, ""},
	{"getManagementToken", `{"accessKeyId":7,"accessKeySecret":"{secret}"}`, badKeyID, ""},

	{"updateAccessKey", `{"accessKeyId":"{second}","enable":false}`, `200 {"success":true}`, ""},
	{"getAccessKey", `{"accessKeyId":"{second}"}`, `200 [{"enable":false,"status":"revoked"}]`, ""},
	{"getAccessKeyList", `{"status":["revoked"]}`, `200 [{"accessKeyId":"{second}"}]`, ""},
	{"updateAccessKey", `{"accessKeyId":"{nobody}","enable":true}`, noKey, ""},
	{"updateAccessKey", `{"accessKeyId":"{second}","enable":"no"}`, `400 参数 enable 格式错误`, ""},
	{"updateAccessKey", `{"accessKeyId":"{second}"}`, `400 参数 enable 格式错误`, ""},
	{"deleteAccessKey", `{"accessKeyId":"{second}"}`, `200 null`, ""},
	{"deleteAccessKey", `{"accessKeyId":"{second}"}`, noKey, ""},
	{"deleteAccessKey", `{"accessKeyId":""}`, badKeyID, ""},
}

// A key, and the tokens that speak for it, die and come back at once.
func TestAccessKeys(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.names["pool"], s.names["admin"] = h.pool.ID, h.pool.AdminID
		s.run(t, keySteps)
		s.assertComplete(t, "access-key", nil, nil)

		signed := &client{h: h, id: s.names["made"], secret: s.names["secret"]}
		bearer := signed.bearer("Bearer " + s.names["token"])
		for _, x := range []struct {
			operation, params string
			signed, bearer    string // what the key's own calls are answered then
		}{
			{"getGroup", `{"code":"x"}`, "404 分组不存在", "404 分组不存在"},
			{"updateAccessKey", `{"accessKeyId":"{made}","enable":false}`, "401 请求签名错误", "401 令牌无效或已过期"},
			{"updateAccessKey", `{"accessKeyId":"{made}","enable":true}`, "404 分组不存在", "404 分组不存在"},
			{"deleteAccessKey", `{"accessKeyId":"{made}"}`, "401 请求签名错误", "401 令牌无效或已过期"},
		} {
			if x.operation != "getGroup" {
				s.run(t, []step{{x.operation, x.params, "200", ""}})
			}
			for _, c := range []struct {
				client *client
				want   string
			}{{signed, x.signed}, {bearer, x.bearer}} {
				a := c.client.send(t, "GET", "/api/v3/get-group", `{"code":"x"}`)
				s.check(t, x.operation, operation{Name: "getGroup"}, a, c.want)
			}
		}
	})
}

// The pool's identifier and secret are an access key as well.
func TestPoolIsAKey(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newAPI(t, d)
		c := &client{h: h, id: h.pool.ID, secret: h.pool.Secret}
		if a := c.send(t, "GET", "/api/v3/list-groups", ""); a.StatusCode != 200 {
			t.Error(a.Text)
		}
		if a := c.send(t, "GET", "/api/v3/list-access-key", ""); a.StatusCode != 200 {
			t.Error(a.Text)
		}
	})
}
