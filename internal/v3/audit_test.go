package v3

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
)

func TestAuditLogs(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		chrome := "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
		c := h.client().with("User-Agent", chrome)
		s := newScript(t, c)
		s.names["admin"], s.names["app"] = h.pool.AdminID, h.pool.AppID
		earlier := dig(c.send(t, "POST", "/api/v3/get-admin-audit-logs", "").Data, "totalCount").(float64)
		s.names["all"], s.names["admins"] = fmt.Sprint(earlier+4), "4"
		s.run(t, []step{
			{"createUser", `{"username":"ann","password":"a-Secret-1","nickname":"Ann","photo":"https://example.com/a.png"}`, `200`, "ann=userId"},
			{"updateUser", `{"userId":"{ann}","nickname":"Nick"}`, `200`, ""},
			{"updateUser", `{"userId":"{nobody}","nickname":"Nick"}`, noUser, ""},
			{"createGroup", `{"code":"dev","name":"Dev"}`, `200`, ""},
			{"deleteGroupsBatch", `{"codeList":["dev"]}`, `200`, ""},
		})
		ctx := caller.With(t.Context(), &caller.Caller{Kind: caller.User, PoolID: h.pool.ID, UserID: s.names["ann"], AppID: h.pool.AppID, ClientIP: "192.0.2.9", RequestID: "request-2"})
		for _, event := range []string{"login", "updateUserPassword"} {
			if err := h.DB.Tx(ctx, func(ctx context.Context) error {
				return h.Log.Add(ctx, h.pool.ID, audit.Event{Operation: audit.Update, Resource: audit.User, TargetID: s.names["ann"], TargetName: "Ann", UserEvent: event})
			}); err != nil {
				t.Fatal(err)
			}
		}
		now := time.Now().UnixMilli()
		s.names["soon"], s.names["past"] = fmt.Sprint(now+3_600_000), fmt.Sprint(now-3_600_000)
		geo := `{"location":{"lon":0,"lat":0},"country_name":"","timezone":""}`
		s.run(t, []step{
			{"getAdminAuditLogs", `{"pagination":{"limit":4}}`, `200 {"totalCount":{all},"list":[
				{"operationType":"delete","resourceType":"userGroup"},{"operationType":"create","resourceType":"userGroup"},
				{"operationType":"update","resourceType":"user","originValue":"{\"nickname\":\"Ann\"}","targetValue":"{\"nickname\":\"Nick\"}"},
				{"operationType":"create","resourceType":"user","adminUserId":"{admin}","adminUserAvatar":"","adminUserDisplayName":"admin","clientIp":"192.0.2.7",
				"eventDetails":"Ann","operationParam":"","originValue":"","targetValue":"*","success":true,"userAgent":"` + chrome + `",
				"ua":{"device":"Desktop","name":"Chrome","os":"Windows"},"geoip":` + geo + `,"timestamp":"*","requestId":"request-1"}]}`, ""},
			{"getAdminAuditLogs", `{"operationType":"all","pagination":{"limit":1,"page":2},"resourceType":"userGroup"}`, `200 {"totalCount":2,"list":[{"operationType":"create"}]}`, ""},
			{"getAdminAuditLogs", `{"operationType":"update","resourceType":"all"}`, `200 {"totalCount":1}`, ""},
			{"getAdminAuditLogs", `{"requestId":"request-1"}`, `200 {"totalCount":4}`, ""},
			{"getAdminAuditLogs", `{"clientIp":"192.0.2.7"}`, `200 {"totalCount":4}`, ""},
			{"getAdminAuditLogs", `{"userId":"{admin}"}`, `200 {"totalCount":4}`, ""},
			{"getAdminAuditLogs", `{"userId":"{key}"}`, `200 {"totalCount":4}`, ""},
			{"getAdminAuditLogs", `{"userId":"{nobody}"}`, nothing, ""},
			{"getAdminAuditLogs", `{"success":false}`, nothing, ""},
			{"getAdminAuditLogs", `{"start":{soon}}`, nothing, ""},
			{"getAdminAuditLogs", `{"end":{past}}`, nothing, ""},
			{"getAdminAuditLogs", `{"end":{soon},"requestId":"request-1","start":{past}}`, `200 {"totalCount":4}`, ""},
			{"getAdminAuditLogs", `{"pagination":{"page":0}}`, `400 参数 page 格式错误`, ""},
			{"getAdminAuditLogs", `{"pagination":{"limit":51}}`, `400 参数 limit 格式错误`, ""},
			{"getAdminAuditLogs", `{"start":"yesterday"}`, `400 参数 start 格式错误`, ""},
			{"getAdminAuditLogs", `{"start":-1}`, `400 参数 start 格式错误`, ""},
			{"getAdminAuditLogs", `{"success":"yes"}`, `400 参数 success 格式错误`, ""},

			{"getUserActionLogs", ``, `200 {"totalCount":2,"list":[{"eventType":"updateUserPassword"},
				{"userId":"{ann}","userAvatar":"https://example.com/a.png","userDisplayName":"Nick","userLoginsCount":0,"appId":"{app}","appName":"first",
				"clientIp":"192.0.2.9","eventType":"login","eventDetail":"Ann","success":true,"appLoginUrl":"","appLogo":"","userAgent":"",
				"parsedUserAgent":{"device":"","name":"","os":""},"geoip":` + geo + `,"timestamp":"*","requestId":"request-2"}]}`, ""},
			{"getUserActionLogs", `{"eventType":"login"}`, `200 {"totalCount":1}`, ""},
			{"getUserActionLogs", `{"appId":"{app}","userId":"{ann}"}`, `200 {"totalCount":2}`, ""},
			{"getUserActionLogs", `{"userId":"{nobody}"}`, nothing, ""},
			{"getUserActionLogs", `{"appId":"{nobody}"}`, nothing, ""},
			{"getUserActionLogs", `{"requestId":"request-1"}`, nothing, ""},
			{"getUserActionLogs", `{"clientIp":"192.0.2.9","success":true}`, `200 {"totalCount":2}`, ""},
			{"getUserActionLogs", `{"pagination":{"limit":1,"page":2}}`, `200 {"totalCount":2,"list":[{"eventType":"login"}]}`, ""},
			{"getUserActionLogs", `{"end":-1}`, `400 参数 end 格式错误`, ""},
			{"getUserActionLogs", `{"pagination":{"limit":0}}`, `400 参数 limit 格式错误`, ""},
			{"deleteUsersBatch", `{"userIds":["{ann}"]}`, `200`, ""},
			{"getUserActionLogs", `{"eventType":"login"}`, `200 {"list":[{"userId":"{ann}","userAvatar":"","userDisplayName":"{ann}"}]}`, ""},
		})
		s.assertComplete(t, "audit", nil, nil)
		all := c.send(t, "POST", "/api/v3/get-admin-audit-logs", `{"pagination":{"limit":50}}`)
		if strings.Contains(all.Text, "a-Secret-1") || strings.Contains(all.Text, "argon2") {
			t.Error("a secret stands in the log")
		}
	})
}

func TestParseUserAgent(t *testing.T) {
	for agent, want := range map[string]userAgentDTO{
		"": {},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1": {"Mobile", "Safari", "iOS"},
		"Mozilla/5.0 (Linux; Android 10; V2001A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0 Mobile Safari/537.36":                         {"Mobile", "Chrome", "Android"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 Edg/120.0":             {"Desktop", "Edge", "Mac OS"},
		"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0":                                                                  {"Desktop", "Firefox", "Linux"},
		"AuthingIdentityCloud (Linux; X64) authing-node-sdk/4.0.1":                                                                                {"", "AuthingIdentityCloud (Linux; X64) authing-node-sdk", "Linux"},
		"curl/8.5.0": {"", "curl", ""},
	} {
		if got := parseUserAgent(agent); got != want {
			t.Errorf("%s: %+v, want %+v", agent, got, want)
		}
	}
}

// What people do at the doors stands in the log with application, method and result; what applications report stands beside it, under a name
// that nothing of ours has.
func TestUserActionLogs(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		door := h.atDoorOf(h.pool.AppID)
		credentials := fmt.Sprintf(`"client_id":%q,"client_secret":%q`, h.pool.AppID, h.pool.AppSecret)
		if a := door.send(t, "POST", "/api/v3/signup", `{"connection":"PASSWORD","passwordPayload":{"username":"ann","password":"correct horse"}}`); a.StatusCode != 200 {
			t.Fatal(a.Text)
		}
		for password, want := range map[string]int{"wrong horse": 403, "correct horse": 200} {
			a := door.send(t, "POST", "/api/v3/signin", fmt.Sprintf(`{"connection":"PASSWORD",%s,"passwordPayload":{"password":%q,"username":"ann"}}`, credentials, password))
			if a.StatusCode != want {
				t.Fatal(a.Text)
			}
		}
		ann := h.signedIn(t, "ann", "correct horse", "openid")
		for body, want := range map[string]int{
			`{"eventData":{"n":1},"eventType":"bought"}`: 200, `{"data":"text","eventName":"login"}`: 200,
			`{"eventType":"bought"}`: 400, `{"eventData":1}`: 400, `{"eventData":"` + strings.Repeat("x", 9000) + `","eventType":"big"}`: 400,
		} {
			if a := ann.send(t, "POST", "/api/v3/pub-userEvent", body); a.StatusCode != want {
				t.Errorf("%s: %s", body, a.Text)
			}
		}
		s := newScript(t, h.client())
		s.names["app"] = h.pool.AppID
		s.run(t, []step{
			{"getUserActionLogs", `{"eventType":"register"}`, `200 {"totalCount":1,"list":[{"appId":"{app}","eventDetail":"ann","success":true}]}`, ""},
			{"getUserActionLogs", `{"eventType":"login","success":false}`, `200 {"totalCount":1,"list":[{"appId":"{app}","eventDetail":"pwd","success":false,"userDisplayName":"ann"}]}`, ""},
			{"getUserActionLogs", `{"eventType":"login","success":true}`, `200 {"totalCount":2,"list":[{"appId":"{app}","eventDetail":"pwd","userDisplayName":"ann"},{"appId":"{app}"}]}`, ""},
		})
		// The wire's list of event types has no word for these.
		published, total, err := h.Log.List(t.Context(), h.pool.ID, audit.Filter{Events: []string{"userEvent"}, Page: 1, Limit: 10})
		if err != nil || total != 2 {
			t.Fatal(published, err)
		}
		for _, r := range published {
			if r.AppID != h.pool.AppID || r.UserID == "" || r.TargetName != "bought" && r.TargetName != "login" {
				t.Errorf("%+v", r)
			}
		}
	})
}
