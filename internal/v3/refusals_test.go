package v3

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// needs are parameters with which an operation gets past the checks of all but the one under test.
var needs = map[string]string{
	"kickUsers":               `"appIds":["a"]`,
	"hasAnyRole":              `"roles":[{"code":"a"}]`,
	"setUserDepartments":      `"departments":[{"departmentId":"d"}]`,
	"setUsersMfaStatus":       `"mfaTriggerData":{}`,
	"deleteUserSyncRelations": `"provider":"lark"`,
	"listGroupMembers":        `"code":"dev"`,
	"listCustFields":          `"targetType":"USER"`,
	"getUserDepartments":      `"userId":"x"`,
	"getUserLoginHistory":     `"userId":"x"`,
	"whoCan":                  `"resource":"x"`,
	"getMfaTriggerData":       `"appId":"x"`,
}

// argument finds the struct in which a field of this name stands, below the member names returned.
func argument(t reflect.Type, name string) (path []string, found bool) {
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name {
			return nil, true
		}
		if f.Type.Kind() == reflect.Struct && tag != "" {
			if path, ok := argument(f.Type, name); ok {
				return append([]string{tag}, path...), true
			}
		}
	}
	return nil, false
}

// put is `"name":value` below path.
func put(path []string, name, value string) string {
	s := fmt.Sprintf("%q:%s", name, value)
	for _, p := range slices.Backward(path) {
		s = fmt.Sprintf("%q:{%s}", p, s)
	}
	return s
}

// What every operation refuses alike, whatever it is about. Bearers send it: a signature would be refused first.
func TestBadInput(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		bearer := h.client().bearer("Bearer " + h.token(t, h.pool))
		if a := bearer.send(t, "POST", "/api/v3/create-group", `{"code":"dev","name":"Dev"}`); a.StatusCode != 200 {
			t.Fatal(a.Text)
		}
		ann := bearer.send(t, "POST", "/api/v3/create-user", `{"username":"ann"}`)
		token, err := h.Signin.UserToken(h.pool.As(t.Context()), h.pool.ID, fmt.Sprint(dig(ann.Data, "userId")), "")
		if err != nil {
			t.Fatal(err)
		}
		ofKey, ofUser := bearer, h.client().bearer(token.Text)
		refuse := func(o *op.Op, name, target, body, want string) {
			t.Helper()
			a := bearer.raw(t, o.Method, target, body, "", nil)
			if got := fmt.Sprint(a.StatusCode, " ", a.Message); got != want || a.Data != nil || a.RequestID == "" {
				t.Errorf("%s, %s: %s, want %s", o.Name, name, a.Text, want)
			}
		}
		send := func(o *op.Op, name, params, want string) {
			t.Helper()
			if extra := needs[o.Name]; extra != "" && !strings.Contains(params, strings.SplitAfter(extra, ":")[0]) {
				params += "," + extra
			}
			a := bearer.send(t, o.Method, o.Path, "{"+strings.Trim(params, ",")+"}")
			if got := fmt.Sprint(a.StatusCode, " ", a.Message); got != want {
				t.Errorf("%s, %s: %s, want %s", o.Name, name, a.Text, want)
			}
		}
		for _, o := range h.api.Operations() {
			if o.Name == "getSystemInfo" {
				continue
			}
			if bearer = ofKey; o.Rule(&caller.Caller{Kind: caller.Key}) != nil {
				bearer = ofUser
			}
			if o.Rule(&caller.Caller{}) != nil {
				stranger := h.client()
				stranger.unsigned = true
				if a := stranger.raw(t, o.Method, o.Path, "{", "", nil); a.StatusCode != 401 {
					t.Errorf("%s: a stranger is told %s", o.Name, a.Text)
				}
			}
			if o.Method == http.MethodPost {
				const malformed = "400 请求体不是合法的 JSON 对象"
				for name, body := range map[string]string{
					"half an object": `{"a":`, "a list": `[]`, "a text": `"x"`, "a number": `7`, "null": `null`, "two values": `{}{}`, "a form": `a=b`,
					"a key twice": `{"a":1,"a":2}`, "a key twice within": `{"a":{"b":1,"b":2}}`, "invalid UTF-8": "{\"a\":\"\xff\"}",
					"half a surrogate pair": `{"a":"\ud800"}`, "a NUL": `{"a":"\u0000"}`, "depth": `{"a":` + strings.Repeat("[", 100_000) + "}",
				} {
					refuse(&o, name, o.Path, body, malformed)
				}
				refuse(&o, "size", o.Path, `{"a":"`+strings.Repeat("x", 1<<20)+`"}`, "413 请求体过大")
			}
			if _, paged := argument(o.In(), "page"); paged {
				path, _ := argument(o.In(), "page")
				if o.Name == "listUsers" {
					path = nil // beside options; what stands in them is in userSteps
				}
				most := "400 参数 limit 格式错误"
				if strings.HasPrefix(o.Name, "listUsers") || o.Name == "listArchivedUsers" {
					most = "400 limit must less than 50"
				}
				if dataOperations[o.Name] {
					most = tooMuch
				}
				for _, x := range []struct{ name, value, want string }{
					{"page", "0", "400 参数 page 格式错误"}, {"page", "-1", "400 参数 page 格式错误"}, {"page", "2147483648", "400 参数 page 格式错误"},
					{"page", `"one"`, "400 参数 page 格式错误"}, {"page", "1.5", "400 参数 page 格式错误"},
					{"limit", "0", "400 参数 limit 格式错误"}, {"limit", "-1", "400 参数 limit 格式错误"}, {"limit", "51", most}, {"limit", "100000", most},
				} {
					send(&o, x.name+" "+x.value, put(path, x.name, x.value), x.want)
				}
			}
			typePath, typed := argument(o.In(), "userIdType")
			if _, one := argument(o.In(), "userId"); typed && one {
				for _, x := range []struct{ userID, userIDType, want string }{
					{``, `user_id`, badUserID}, {`{nobody}`, `user_id`, noUser}, {`nonsense`, `user_id`, noUser}, {`a'b"c;--`, `username`, noUser},
					{`a`, `email`, badUserID}, {`a#`, `phone`, badUserID}, {`a`, `identity`, badUserID}, {`:b`, `sync_relation`, badUserID},
					{`a:`, `custom_field`, badUserID}, {`a:b`, `custom_field`, noUser}, {`{nobody}`, `nonsense`, "400 参数 userIdType 格式错误"},
					{strings.Repeat("u", 2000), `username`, badUserID},
				} {
					id := strings.ReplaceAll(x.userID, "{nobody}", "ffffffffffffffffffffffff")
					send(&o, x.userID+" "+x.userIDType, fmt.Sprintf(`"userId":%s,%s`, compact(id), put(typePath, "userIdType", `"`+x.userIDType+`"`)), x.want)
				}
			}
			if _, one := argument(o.In(), "userId"); typed && one && o.Method == http.MethodGet {
				for query, want := range map[string]string{"userId=a%00b": badUserID, "userId=%ff": badUserID, "userId=a&userId=b": badUserID,
					"userId[]=a": badUserID, "userId=%zz": badUserID, "": badUserID, "UserId=a": badUserID, "userId=a&x=%zz": "400 查询参数编码错误"} {
					if o.Name == "getMfaTriggerData" { // whose first parameter is another
						query = "appId=x&" + query
					}
					refuse(&o, query, o.Path+"?"+query, "", want)
				}
			}
		}
		bearer = ofKey
		refuse(&op.Op{Name: "getUserBatch", Method: "GET"}, "an empty list", "/api/v3/get-user-batch?userIds=", "", "400 参数 userIds 格式错误")
		// A key in another case is another key.
		refuse(&op.Op{Name: "createGroup", Method: "POST"}, "case", "/api/v3/create-group", `{"Code":"a","name":"N"}`, badCode)
		refuse(&op.Op{Name: "createUser", Method: "POST"}, "case", "/api/v3/create-user", `{"Username":"a","EMAIL":"a@example.com"}`, identifier)
		if a := bearer.send(t, "GET", "/api/v3/list-groups", ""); dig(a.Data, "totalCount") != 1.0 {
			t.Errorf("what was refused has left something: %s", a.Text)
		}
	})
}

// What belongs to one pool is answered in another exactly as what does not exist, and nothing of it changes.
func TestPoolsAreApart(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		theirs := newScript(t, h.client())
		theirs.run(t, []step{
			{"setCustomFields", `{"list":[{"dataType":"STRING","key":"marka_field","targetType":"USER"}]}`, `200`, ""},
			{"createUser", `{"username":"marka","email":"marka@example.com","phone":"13700000001","externalId":"marka-x","password":"marka-Secret-1","customData":{"marka_field":"marka-value"},
				"identities":[{"extIdpId":"marka-idp","provider":"wechat","type":"openid","userIdInIdp":"marka-wx"}]}`, `200`, "user=userId"},
			{"createGroup", `{"code":"marka-group","name":"marka"}`, `200`, ""},
			{"addGroupMembers", `{"code":"marka-group","userIds":["{user}"]}`, `200`, ""},
			{"createAccessKey", `{"type":"user","userId":"{user}"}`, `200`, "accessKey=0.accessKeyId"},
		})
		snapshot := func() string {
			var b strings.Builder
			for _, o := range []struct{ method, path, params string }{
				{"POST", "/api/v3/list-users", `{"options":{"withCustomData":true,"withIdentities":true}}`},
				{"GET", "/api/v3/get-all-groups", `{"fetchMembers":true}`}, {"GET", "/api/v3/get-custom-fields", `{"targetType":"USER"}`},
				{"POST", "/api/v3/get-admin-audit-logs", `{"pagination":{"limit":50}}`},
			} {
				b.WriteString(h.client().send(t, o.method, o.path, o.params).Text)
			}
			keys := h.client().send(t, "GET", "/api/v3/list-access-key", "")
			b.WriteString(fmt.Sprint(len(keys.Data.([]any)), dig(keys.Data, "0.enable"), dig(keys.Data, "1.enable")))
			return b.String()
		}
		before := snapshot()

		mine := newScript(t, h.as(h.Pool(t, "second")))
		mine.run(t, []step{{"createUser", `{"username":"own"}`, `200`, "own=userId"}, {"createGroup", `{"code":"own-group","name":"Own"}`, `200`, ""}})
		absent := map[string]string{"user": "eeeeeeeeeeeeeeeeeeeeeeee", "name": "nobody", "email": "nobody@example.com", "phone": "13700000000",
			"external": "nobody-x", "identity": "nobody-idp:nobody-wx", "group": "nobody-group", "field": "nobody_field", "accessKey": "eeeeeeeeeeeeeeeeeeeeeeed"}
		foreign := map[string]string{"user": theirs.names["user"], "name": "marka", "email": "marka@example.com", "phone": "13700000001",
			"external": "marka-x", "identity": "marka-idp:marka-wx", "group": "marka-group", "field": "marka_field", "accessKey": theirs.names["accessKey"]}
		fill := func(params string, with map[string]string) string {
			for name, v := range with {
				params = strings.ReplaceAll(params, "{"+name+"}", v)
			}
			return mine.fill(params)
		}
		told := func(a answer, with map[string]string) string {
			longestFirst := slices.SortedFunc(maps.Keys(with), func(a, b string) int { return len(with[b]) - len(with[a]) })
			text := a.Text
			for _, name := range longestFirst {
				text = strings.ReplaceAll(text, with[name], "<"+name+">")
			}
			return text
		}
		type row struct{ operation, params string }
		rows := []row{
			{"getUserBatch", `{"userIds":["{user}","{own}"]}`}, {"getUserBatch", `{"userIdType":"email","userIds":["{email}"]}`},
			{"updateUserBatch", `{"list":[{"name":"x","userId":"{user}"}]}`}, {"deleteUsersBatch", `{"userIds":["{user}"]}`},
			{"deleteUsersBatch", `{"options":{"userIdType":"phone"},"userIds":["{phone}"]}`}, {"resignUserBatch", `{"userIds":["{user}"]}`},
			{"getUserEncryptPasswordBatch", `{"userIds":["{user}"]}`}, {"importOtp", `{"list":[{"otp":{"secret":"X"},"userId":"{user}"}]}`},
			{"checkSessionStatus", `{"appId":"x","userId":"{user}"}`}, {"linkIdentity", `{"extIdpId":"x","userId":"{user}","userIdInIdp":"y"}`},
			{"unlinkIdentity", `{"extIdpId":"marka-idp","type":"openid","userId":"{user}"}`},
			{"isUserExists", `{"username":"{name}"}`}, {"isUserExists", `{"email":"{email}"}`}, {"isUserExists", `{"phone":"{phone}"}`}, {"isUserExists", `{"externalId":"{external}"}`},
			{"listUsers", `{"keywords":"{name}"}`}, {"listUsers", `{"advancedFilter":[{"field":"email","operator":"EQUAL","value":"{email}"}]}`},
			{"listUsers", `{"advancedFilter":[{"field":"{field}","operator":"NOT_NULL"}]}`}, {"listUsers", `{"advancedFilter":[{"field":"identity","operator":"EQUAL","value":"{identity}"}]}`},
			{"getGroup", `{"code":"{group}"}`}, {"listGroups", `{"keywords":"{group}"}`}, {"listGroupMembers", `{"code":"{group}"}`}, {"updateGroup", `{"code":"{group}","name":"x"}`},
			{"deleteGroupsBatch", `{"codeList":["{group}"]}`}, {"getGroupAuthorizedResources", `{"code":"{group}"}`},
			{"addGroupMembers", `{"code":"{group}","userIds":["{own}"]}`}, {"addGroupMembers", `{"code":"own-group","userIds":["{user}"]}`},
			{"removeGroupMembers", `{"code":"{group}","userIds":["{own}"]}`}, {"removeGroupMembers", `{"code":"own-group","userIds":["{user}"]}`},
			{"getCustomData", `{"targetIdentifier":"{user}","targetType":"USER"}`}, {"getCustomData", `{"targetIdentifier":"{group}","targetType":"GROUP"}`},
			{"setCustomData", `{"list":[{"key":"school","value":"x"}],"targetIdentifier":"{user}","targetType":"USER"}`},
			{"setCustomData", `{"list":[{"key":"{field}","value":"x"}],"targetIdentifier":"{own}","targetType":"USER"}`},
			{"deleteCustomFields", `{"list":[{"key":"{field}","targetType":"USER"}]}`},
			{"getAccessKeyList", `{"userId":"{user}"}`}, {"getAccessKey", `{"accessKeyId":"{accessKey}"}`}, {"createAccessKey", `{"type":"user","userId":"{user}"}`},
			{"updateAccessKey", `{"accessKeyId":"{accessKey}","enable":false}`}, {"deleteAccessKey", `{"accessKeyId":"{accessKey}"}`},
			{"getAdminAuditLogs", `{"userId":"{user}"}`}, {"getUserActionLogs", `{"userId":"{user}"}`},
		}
		for _, o := range h.api.Operations() {
			typePath, typed := argument(o.In(), "userIdType")
			if _, one := argument(o.In(), "userId"); !typed || !one {
				continue
			}
			for kind, id := range map[string]string{"user_id": "user", "username": "name", "email": "email", "phone": "phone", "external_id": "external", "identity": "identity"} {
				params := fmt.Sprintf(`"userId":"{%s}",%s`, id, put(typePath, "userIdType", `"`+kind+`"`))
				if extra := needs[o.Name]; extra != "" && !strings.HasPrefix(extra, `"userId"`) {
					params += "," + extra
				}
				rows = append(rows, row{o.Name, "{" + params + "}"})
			}
		}
		for _, r := range rows {
			o := operations[slices.IndexFunc(operations, func(o operation) bool { return o.Name == r.operation })]
			none := mine.c.send(t, o.Method, o.Path, canonical(t, fill(r.params, absent)))
			other := mine.c.send(t, o.Method, o.Path, canonical(t, fill(r.params, foreign)))
			if a, b := told(none, absent), told(other, foreign); a != b || none.StatusCode == 500 || none.StatusCode == 401 {
				t.Errorf("%s %s:\nof nobody: %s\nof another pool: %s", r.operation, r.params, a, b)
			}
		}
		for _, header := range []string{"X-Authing-Userpool-Id", "X-Authing-App-Id", "X-Authing-App-Tenant-Id"} {
			for _, v := range []string{h.pool.ID, h.pool.AppID} {
				if a := mine.c.with(header, v).send(t, "POST", "/api/v3/list-users", `{}`); strings.Contains(a.Text, "marka") || dig(a.Data, "totalCount") != 1.0 {
					t.Errorf("%s opens another pool: %s", header, a.Text)
				}
			}
		}
		if snapshot() != before {
			t.Error("another pool's key has changed something")
		}
	})
}

// The number of statements does not grow with what a list shows.
func TestStatements(t *testing.T) {
	var ran []string
	d, err := db.Open(t.Context(), db.Options{DSN: testhall.SQLite(t), Trace: func(sql string) { ran = append(ran, sql) }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	h := newAPI(t, d)
	s := newScript(t, h.client())
	var list, codes []string
	for i := range 50 {
		list = append(list, fmt.Sprintf(`{"username":"u%d","customData":{"age":%d},"identities":[{"extIdpId":"idp","provider":"oidc","type":"t","userIdInIdp":"%d"}]}`, i, i, i))
		codes = append(codes, fmt.Sprintf(`{"code":"g%d","customData":{"rank":1},"name":"G"}`, i))
	}
	s.run(t, []step{
		{"setCustomFields", `{"list":[{"dataType":"NUMBER","key":"rank","targetType":"GROUP"}]}`, `200`, ""},
		{"createUsersBatch", `{"list":[` + strings.Join(list, ",") + `]}`, `200`, "u=0.userId"},
		{"createGroupsBatch", `{"list":[` + strings.Join(codes, ",") + `]}`, `200`, ""},
	})
	users := h.client().send(t, "GET", "/api/v3/list-users", `{"limit":50}`).Data.(map[string]any)["list"].([]any)
	ids := make([]string, len(users))
	for i := range users {
		ids[i] = `"` + fmt.Sprint(dig(users[i], "userId")) + `"`
	}
	all := strings.Join(ids, ",")
	for i := range 50 {
		s.run(t, []step{{"addGroupMembers", fmt.Sprintf(`{"code":"g%d","userIds":[%s]}`, i, all), `200`, ""}})
	}
	s.run(t, []step{{"createOrganization", `{"organizationCode":"acme","organizationName":"Acme"}`, `200`, ""}})
	for i := range 20 {
		s.run(t, []step{
			{"createDepartment", `{"name":"D","organizationCode":"acme","parentDepartmentId":"root"}`, `200`, "d=departmentId"},
			{"addDepartmentMembers", `{"departmentId":"{d}","organizationCode":"acme","userIds":[` + all + `]}`, `200`, ""},
			{"createPost", fmt.Sprintf(`{"code":"p%d","name":"P"}`, i), `200`, ""},
		})
	}
	for _, x := range []struct {
		operation, params string
		most              int
	}{
		{"listOrganizations", `{"withCustomData":true,"withPost":true}`, 6},
		{"getAllDepartments", `{"organizationCode":"acme","withCustomData":true}`, 6},
		{"searchDepartmentsList", `{"limit":50,"organizationCode":"acme","withCustomData":true,"withPost":true}`, 7},
		{"listDepartmentMembers", `{"departmentId":"root","includeChildrenDepartments":true,"limit":50,"organizationCode":"acme","withDepartmentIds":true}`, 5},
		{"getUserDepartments", `{"limit":50,"userId":"{u}","withCustomData":true,"withDepartmentPaths":true}`, 5},
		{"postList", `{"limit":50}`, 3},
		{"getUser", `{"userId":"{u}"}`, 1},
		{"getUser", `{"userId":"{u}","withCustomData":true,"withIdentities":true}`, 3},
		{"getUserBatch", `{"userIds":[` + all + `],"withCustomData":true,"withIdentities":true}`, 3},
		{"listUsers", `{"options":{"pagination":{"limit":50}}}`, 2},
		{"listUsers", `{"options":{"pagination":{"limit":50},"withCustomData":true,"withDepartmentIds":true,"withIdentities":true,"withPost":true}}`, 6},
		{"listUsersLegacy", `{"limit":50,"withCustomData":true,"withIdentities":true}`, 4},
		{"listGroups", `{"limit":50,"withCustomData":true}`, 3},
		{"getAllGroups", `{"fetchMembers":true,"withCustomData":true}`, 4},
		{"listGroupMembers", `{"code":"g1","limit":50,"withCustomData":true,"withIdentities":true}`, 5},
		{"getUserGroups", `{"userId":"{u}"}`, 4},
		{"getUserRoles", `{"userId":"{u}"}`, 4},
		{"getAdminAuditLogs", `{"pagination":{"limit":50}}`, 3},
		{"getUserActionLogs", `{"pagination":{"limit":50}}`, 4},
	} {
		ran = ran[:0]
		s.run(t, []step{{x.operation, x.params, `200`, ""}})
		if len(ran) > x.most || len(ran) == 0 {
			t.Errorf("%s %.60s took %d statements, at most %d:\n%s", x.operation, x.params, len(ran), x.most, strings.Join(ran, "\n"))
		}
	}
}
