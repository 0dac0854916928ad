package v2

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/guildhall-id/guildhall/contract"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// Whom the wire answers without a token, and whom with a user's.
var (
	publicRoots = []string{"accessToken", "checkLoginStatus", "checkPasswordStrength", "refreshAccessToken", "isUserExists", "sendEmail",
		"loginByEmail", "loginByUsername", "loginByPhoneCode", "loginByPhonePassword", "loginBySubAccount", "registerByEmail", "registerByUsername",
		"registerByPhoneCode", "resetPassword", "resetPasswordByFirstLoginToken", "resetPasswordByForceResetToken"}
	userRoots = append([]string{"refreshToken", "udv", "setUdv", "setUdvBatch", "removeUdv", "updateUser", "user", "updatePassword", "updateEmail",
		"updatePhone", "bindEmail", "bindPhone", "unbindEmail", "unbindPhone"}, publicRoots...)
	publicRoutes = []string{"GET /api/v2/.well-known", "GET /api/v2/oidc/validate_token", "GET /logout", "GET /api/v2/applications/{appId}/public-config",
		"POST /api/v2/login/email-code", "GET /api/v2/logout", "POST /api/v2/qrcode/gene", "GET /api/v2/qrcode/check", "POST /api/v2/qrcode/userinfo",
		"POST /api/v2/register/email-code", "POST /api/v2/sms/send", "GET /cas/session"}
	// browserRoutes are what the login component calls and no other client: the contract of V2's REST has them not.
	browserRoutes = []string{
		"GET /api/v2/applications/{appId}/components-public-config/{component}",
		"POST /api/v2/applications/{appId}/matchIdpConnByAccount",
		"GET /api/v2/country-list",
		"GET /api/v2/users/find",
		"GET /api/v2/users/is-user-exists",
		"GET /api/v2/udfs/field-metadata-for-completion",
		"POST /api/v2/password/user-action/check",
		"POST /api/v2/email/send",
		"POST /api/v2/email/preCheckCode",
		"POST /api/v2/login/account",
		"POST /api/v2/login/phone-code",
		"POST /api/v2/{registration}",
		"POST /api/v2/sms/send-login",
		"POST /api/v2/sms/send-register",
		"POST /api/v2/sms/preCheckCode",
		"POST /api/v2/users/login/check-status",
		"GET /api/v2/users/me",
		"POST /api/v2/users/password/forget/check-code",
		"POST /api/v2/users/password/forget/link-reset-password",
		"POST /api/v2/users/password/password-reset",
		"POST /api/v2/login/ad-all-in-one",
		"POST /interaction/federation/binding/byAccount",
		"POST /interaction/federation/binding/byPhoneCode",
		"POST /interaction/federation/binding/byEmailCode",
		"POST /interaction/federation/binding/select",
		"POST /interaction/authFlow",
		"POST /api/v2/applications/mfa/totp/verify",
		"POST /api/v2/applications/mfa/face/verify",
	}
	userRoutes = []string{"GET /api/v2/users/me/orgs", "GET /api/v2/users/me", "GET /api/v2/users/me/applications/allowed", "GET /api/v2/users/me/security-level",
		// by a user's token or that of a pending sign-in
		"GET /api/v2/mfa/authenticator", "POST /api/v2/mfa/totp/associate", "DELETE /api/v2/mfa/totp/associate",
		"POST /api/v2/mfa/totp/associate/confirm", "POST /api/v2/mfa/totp/verify", "POST /api/v2/mfa/totp/recovery",
		"POST /api/v2/mfa/face/associate", "POST /api/v2/mfa/face/verify", "POST /api/v2/applications/mfa/totp/verify",
		"POST /api/v2/applications/mfa/sms/verify", "POST /api/v2/applications/mfa/email/verify", "POST /api/v2/applications/mfa/face/verify",
		"POST /api/v2/applications/mfa/check"}
)

// documents writes the smallest valid document for a root field.
type documents struct{ types *ast.Schema }

func newDocuments(t testing.TB) documents {
	types, err := gqlparser.LoadSchema(&ast.Source{Input: contract.V2Schema})
	if err != nil {
		t.Fatal(err)
	}
	return documents{types}
}

// of is the document for a field such as "Query.user".
func (d documents) of(field string) string {
	parent, name, _ := strings.Cut(field, ".")
	def := d.types.Types[parent].Fields.ForName(name)
	return strings.ToLower(parent) + " { " + d.field(def) + " }"
}

func (d documents) field(def *ast.FieldDefinition) string {
	var args []string
	for _, a := range def.Arguments {
		if a.Type.NonNull {
			args = append(args, a.Name+": "+d.value(a.Type))
		}
	}
	text := def.Name
	if len(args) > 0 {
		text += "(" + strings.Join(args, ", ") + ")"
	}
	if t := d.types.Types[def.Type.Name()]; t.Kind == ast.Object {
		text += " { " + d.leaf(t) + " }"
	}
	return text
}

func (d documents) leaf(t *ast.Definition) string {
	for _, f := range t.Fields {
		if d.types.Types[f.Type.Name()].Kind != ast.Object && !strings.HasPrefix(f.Name, "__") {
			return f.Name
		}
	}
	return "__typename"
}

func (d documents) value(t *ast.Type) string {
	if t.Elem != nil {
		return "[" + d.value(t.Elem) + "]"
	}
	switch def := d.types.Types[t.NamedType]; {
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case def.Kind == ast.InputObject:
		var fields []string
		for _, f := range def.Fields {
			if f.Type.NonNull {
				fields = append(fields, f.Name+": "+d.value(f.Type))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case def.Name == "Int":
		return "1"
	case def.Name == "Boolean":
		return "true"
	}
	return `"x"`
}

var pathWord = regexp.MustCompile(`\{[a-zA-Z]+\}`)

// TestCoverage tells how much of the contract is served. Whatever is not says so by its name, in the form of the wire.
func TestCoverage(t *testing.T) {
	h := oneHall(t)
	docs := newDocuments(t)
	missing := h.api.schema.Missing()
	for _, field := range missing {
		name := rootName(field)
		body, _ := json.Marshal(map[string]string{"query": docs.of(field)})
		for _, as := range []string{"", h.known["key"]} {
			w := h.request("POST", "/graphql/v2", string(body), as)
			if code, _ := readGraphQL(t, w.Body.Bytes()); code != 501 || !strings.Contains(w.Body.String(), name) {
				t.Errorf("%s: %s", field, w.Body)
			}
		}
	}
	routes, err := contractRoutes()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{} // pattern to name; the contract has one of them twice
	for _, r := range routes {
		if !strings.HasPrefix(r.Path, "/api/v3/") && r.Method != "WS" {
			known[r.pattern()] = r.name()
		}
	}
	served := map[string]bool{}
	for _, o := range h.api.tables() {
		served[o.Pattern()] = true
		if known[o.Pattern()] == "" && !slices.Contains(browserRoutes, o.Pattern()) {
			t.Errorf("%s is not in the contract", o.Pattern())
		}
	}
	var absent []string
	for pattern, name := range known {
		if served[pattern] {
			continue
		}
		absent = append(absent, pattern)
		method, path, _ := strings.Cut(pattern, " ")
		if !strings.HasPrefix(path, "/api/v2/") {
			continue // of OIDC, OAuth, CAS and the like: not this facade's
		}
		w := h.request(method, pathWord.ReplaceAllString(path, "x"), "{}", "")
		if code, _ := readREST(t, w.Body.Bytes()); w.Code != 200 || code != 501 || !strings.Contains(w.Body.String(), name) {
			t.Errorf("%s: status %d, %s", pattern, w.Code, w.Body)
		}
	}
	slices.Sort(absent)
	roots := len(h.api.schema.Served())
	t.Logf("V2: served %d of %d root fields, %d of %d REST routes", roots, roots+len(missing), len(known)-len(absent), len(known))
	t.Logf("root fields not served:\n%s", strings.Join(missing, "\n"))
	t.Logf("routes not served:\n%s", strings.Join(absent, "\n"))
}

// Every root field and every route has a rule: nobody gets past it, with no arguments at all.
func TestRules(t *testing.T) {
	h := oneHall(t)
	docs := newDocuments(t)
	h.run(t, []step{
		{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
		{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
	})
	ann := h.known["annToken"]
	graphql := func(field, as string) int {
		body, _ := json.Marshal(map[string]string{"query": docs.of(field)})
		code, _ := readGraphQL(t, h.request("POST", "/graphql/v2", string(body), as).Body.Bytes())
		return code
	}
	for _, field := range h.api.schema.Served() {
		name := rootName(field)
		if code := graphql(field, ""); (code == 2020) == slices.Contains(publicRoots, name) {
			t.Errorf("%s without a token: code %d", field, code)
		}
		if code := graphql(field, "bad"); !slices.Contains(publicRoots, name) && code != 2207 {
			t.Errorf("%s with a bad token: code %d", field, code)
		}
		switch code := graphql(field, ann); {
		case !slices.Contains(userRoots, name) && code != 1001, slices.Contains(publicRoots, name) && code == 1001:
			t.Errorf("%s with a user's token: code %d", field, code)
		}
	}
	for _, o := range h.api.tables() {
		if o.Pattern() == "POST /api/v2/users/login/check-status" {
			continue // it says how a token stands, without an envelope, and refuses nobody
		}
		rest := func(as string) int {
			w := h.request(o.Method, pathWord.ReplaceAllString(o.Path, "x"), "{}", as)
			code, _ := readREST(t, w.Body.Bytes())
			return code
		}
		public := slices.Contains(publicRoutes, o.Pattern()) || slices.Contains(browserRoutes, o.Pattern()) && !slices.Contains(userRoutes, o.Pattern())
		if code := rest(""); (code == 2020) == public && o.Name != "logout" {
			t.Errorf("%s without a token: code %d", o.Pattern(), code)
		}
		if code := rest(ann); (code == 1001) == (public || slices.Contains(userRoutes, o.Pattern())) {
			t.Errorf("%s with a user's token: code %d", o.Pattern(), code)
		}
		ann = h.token(t, "ann") // the logout has ended the one before
	}
}

// token is a fresh token of a user who was saved.
func (h *hall) token(t *testing.T, user string) string {
	t.Helper()
	token, err := h.Signin.UserToken(h.one.As(t.Context()), h.one.ID, h.known[user], "")
	if err != nil {
		t.Fatal(err)
	}
	return token.Text
}

// Nothing of one pool can be seen or changed with the key of another.
func TestPoolsApart(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.run(t, []step{
			{send: createUser, as: "key2", with: `{"u": {"username": "eve", "email": "eve@example.com", "phone": "13800000009", "externalId": "ext-e"},
				"i": {"provider": "wechat", "userIdInIdp": "wx-e"}}`, save: "eve=createUser.id"},
			{send: createGroup, as: "key2", with: `{"c": "theirs", "n": "Theirs"}`},
			{send: `mutation {addUserToGroup(code: "theirs", userIds: ["$eve"]) {code}}`, as: "key2"},
			{send: createRole, as: "key2", with: `{"c": "theirs"}`, save: "role=createRole.id"},
			{send: `mutation {assignRole(roleCode: "theirs", userIds: ["$eve"]) {code}}`, as: "key2"},
			{send: setUdf, as: "key2", with: `{"t": "USER", "k": "theirs", "d": "STRING", "l": "Theirs"}`},
			{send: `mutation {setUdv(targetType: USER, targetId: "$eve", key: "theirs", value: "\"x\"") {key}}`, as: "key2"},
			{send: allow, as: "key2", with: `{"r": "books:1", "a": "read", "u": "$eve"}`},
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
		})
		var steps []step
		for send, want := range map[string]string{
			`{user(id: "$eve") {id}}`:                                                                                                  `{"user": null}`,
			`{users {totalCount}}`:                                                                                                     `{"users": {"totalCount": 1}}`,
			`{userBatch(ids: ["$eve"]) {id}}`:                                                                                          `{"userBatch": []}`,
			`{searchUser(query: "eve") {totalCount}}`:                                                                                  `{"searchUser": {"totalCount": 0}}`,
			`{searchUser(query: "", groupOpts: [{code: "theirs"}]) {totalCount}}`:                                                      `{"searchUser": {"totalCount": 0}}`,
			`{searchUser(query: "", roleOpts: [{code: "theirs"}]) {totalCount}}`:                                                       `{"searchUser": {"totalCount": 0}}`,
			`{findUser(username: "eve", email: "eve@example.com") {id}}`:                                                               `{"findUser": null}`,
			`{findUser(identity: {provider: "wechat", userIdInIdp: "wx-e"}) {id}}`:                                                     `{"findUser": null}`,
			`{isUserExists(phone: "13800000009", externalId: "ext-e")}`:                                                                `{"isUserExists": false}`,
			`mutation {updateUser(id: "$eve", input: {nickname: "x"}) {id}}`:                                                           `!2004`,
			`mutation {deleteUser(id: "$eve") {code}}`:                                                                                 `!2210`,
			`mutation {deleteUsers(ids: ["$eve"]) {code}}`:                                                                             `!2210`,
			`mutation {refreshToken(id: "$eve") {token}}`:                                                                              `!2004`,
			`{group(code: "theirs") {code}}`:                                                                                           `{"group": null}`,
			`{groups {totalCount}}`:                                                                                                    `{"groups": {"totalCount": 0}}`,
			`{groups(userId: "$eve") {totalCount}}`:                                                                                    `{"groups": {"totalCount": 0}}`,
			`mutation {updateGroup(code: "theirs", name: "x") {code}}`:                                                                 `!404`,
			`mutation {deleteGroups(codeList: ["theirs"]) {code}}`:                                                                     `!404`,
			`mutation {addUserToGroup(code: "theirs", userIds: ["$ann"]) {code}}`:                                                      `!404`,
			`mutation {removeUserFromGroup(code: "theirs", userIds: ["$eve"]) {code}}`:                                                 `!404`,
			`{udv(targetType: USER, targetId: "$eve") {key}}`:                                                                          `!2004`,
			`{udfValueBatch(targetType: USER, targetIds: ["$eve"]) {data {key}}}`:                                                      `{"udfValueBatch": [{"data": []}]}`,
			`{udf(targetType: USER) {key}}`:                                                                                            `{"udf": [{"key": "age"}, {"key": "school"}]}`,
			`mutation {setUdv(targetType: USER, targetId: "$eve", key: "age", value: "1") {key}}`:                                      `!2004`,
			`mutation {setUdfValueBatch(targetType: USER, input: [{targetId: "$eve", key: "age", value: "1"}]) {code}}`:                `!2004`,
			`mutation {setUdvBatch(targetType: ROLE, targetId: "$role", udvList: [{key: "age", value: "1"}]) {key}}`:                   `!404`,
			`mutation {removeUdv(targetType: USER, targetId: "$eve", key: "age") {key}}`:                                               `!2004`,
			`mutation {removeUdf(targetType: USER, key: "theirs") {code}}`:                                                             `!404`,
			`{role(code: "theirs") {id}}`:                                                                                              `{"role": null}`,
			`{roles {totalCount}}`:                                                                                                     `{"roles": {"totalCount": 0}}`,
			`mutation {updateRole(code: "theirs", description: "x") {id}}`:                                                             `!404`,
			`mutation {deleteRole(code: "theirs") {code}}`:                                                                             `!404`,
			`mutation {deleteRoles(codeList: ["theirs"]) {code}}`:                                                                      `!404`,
			`mutation {assignRole(roleCode: "theirs", userIds: ["$ann"]) {code}}`:                                                      `!404`,
			`mutation {revokeRole(roleCode: "theirs", userIds: ["$eve"]) {code}}`:                                                      `!404`,
			`mutation {allow(resource: "books:1", action: "read", userId: "$eve") {code}}`:                                             `!2004`,
			`mutation {allow(resource: "books:1", action: "read", userId: "$ann", namespace: "$app2") {code}}`:                         `!404`,
			`mutation {authorizeResource(resource: "b", opts: [{targetType: USER, targetIdentifier: "$eve", actions: ["a"]}]) {code}}`: `!2004`,
			`{authorizedResources(targetType: USER, targetIdentifier: "$eve") {totalCount}}`:                                           `!2004`,
			`{userpool {id}}`:                            `{"userpool": {"id": "$one"}}`,
			"GET /api/v2/users/$eve":                     `null`,
			"GET /api/v2/users/$eve/orgs":                `!2004`,
			"GET /api/v2/users/$eve/tenants":             `!2004`,
			"GET /api/v2/users/login-status?userId=$eve": `{"user": null}`,
			"GET /logout?userId=$eve":                    `!2004`,
			"GET /api/v2/analysis/user-action?operator_arn=arn:cn:authing:$two:user:$eve": `!400`,
			"GET /api/v2/analysis/total-login-count?appId=$app2":                          `0`,
		} {
			steps = append(steps, step{send: send, want: want})
		}
		steps = append(steps,
			step{send: "POST /api/v2/users/batch", with: `{"ids": ["eve"], "type": "username"}`, want: `[]`},
			step{send: "POST /api/v2/users/filter", want: `{"totalCount": 1}`},
			step{send: "POST /api/v2/users/identity/link", with: `{"userId": "$eve", "userIdInIdp": "x", "identifier": "github"}`, want: `!2004`},
			step{send: "POST /api/v2/users/identity/unlink", with: `{"userId": "$eve", "identifier": "wechat"}`, want: `!2004`},
			step{send: "POST /api/v2/users/kick", with: `{"userIds": ["$eve"]}`, want: `null`},
			// Another pool has names of its own.
			step{send: createUser, with: `{"u": {"username": "eve", "email": "eve@example.com"}, "i": {"provider": "wechat", "userIdInIdp": "wx-e"}}`},
			step{name: "nothing was changed", as: "key2", want: `{"user": {"nickname": null, "tokenExpiredAt": null, "groups": {"totalCount": 1}, "roles": {"totalCount": 1},
				"authorizedResources": {"totalCount": 1}, "customData": [{"key": "theirs"}], "identities": [{"userIdInIdp": "wx-e"}]}}`,
				send: `{user(id: "$eve") {nickname tokenExpiredAt groups {totalCount} roles {totalCount} authorizedResources {totalCount} customData {key} identities {userIdInIdp}}}`},
		)
		h.run(t, steps)
	})
}

func TestEnvelope(t *testing.T) {
	h := oneHall(t)
	key := h.known["key"]
	for _, c := range []struct {
		name, method, path, body, as string
		headers                      []string
		want                         string
	}{
		{"data", "POST", "/graphql/v2", `{"query": "{__typename}"}`, "", nil, `{"data":{"__typename":"Query"}}`},
		{"data at the other address", "POST", "/graphql", `{"query": "query A {__typename} query B {b: __typename}", "operationName": "B", "variables": null}`, "", nil, `{"data":{"b":"Query"}}`},
		{"an error", "POST", "/graphql/v2", `{"query": "{\n  b: user(id: \"x\") {id}\n}"}`, "", nil,
			`{"errors":[{"message":{"code":2020,"message":"尚未登录","data":null},"locations":[{"line":2,"column":3}],"path":["b"],"extensions":{"code":2020,"extension":{"name":"unauthenticated"}},"requestId":"r1"}],"data":null}`},
		{"an error in English", "POST", "/graphql/v2", `{"query": "{user(id: \"x\") {id}}"}`, "", []string{headerLang, "en-US"},
			`{"errors":[{"message":{"code":2020,"message":"Not logged in","data":null},"locations":[{"line":1,"column":2}],"path":["user"],"extensions":{"code":2020,"extension":{"name":"unauthenticated"}},"requestId":"r1"}],"data":null}`},
		{"a document that is none", "POST", "/graphql/v2", `{"query": "{nonsense}"}`, "", nil,
			`{"errors":[{"message":{"code":400,"message":"GraphQL 请求错误：Cannot query field \"nonsense\" on type \"Query\".","data":null},"locations":[{"line":1,"column":2}],"path":null,"extensions":{"code":400,"extension":{"name":"document"}},"requestId":"r1"}],"data":null}`},
		{"a body that is none", "POST", "/graphql/v2", `[]`, "", []string{headerLang, "en-US"},
			`{"errors":[{"message":{"code":400,"message":"The request body is not a valid JSON object","data":null},"locations":null,"path":null,"extensions":{"code":400,"extension":{"name":"body_malformed"}},"requestId":"r1"}],"data":null}`},
		{"a GET", "GET", "/graphql/v2?query={__typename}", "", "", []string{headerLang, "en-US"},
			`{"errors":[{"message":{"code":400,"message":"Use the method POST","data":null},"locations":null,"path":null,"extensions":{"code":400,"extension":{"name":"method_not_allowed"}},"requestId":"r1"}],"data":null}`},
		{"REST", "GET", "/api/v2/users/xxx", "", key, nil, `{"code":200,"statusCode":200,"message":"success","data":null}`},
		{"REST refused", "GET", "/api/v2/users/xxx", "", "", nil, `{"code":2020,"statusCode":401,"apiCode":2020,"message":"尚未登录","requestId":"r1"}`},
		{"REST refused in English", "GET", "/api/v2/users/xxx", "", "", []string{headerLang, "en-US"}, `{"code":2020,"statusCode":401,"apiCode":2020,"message":"Not logged in","requestId":"r1"}`},
		{"a field of REST", "POST", "/api/v2/users/batch", `{"ids": [1]}`, key, []string{headerLang, "en-US"}, `{"code":400,"statusCode":400,"message":"Parameter ids is malformed","requestId":"r1"}`},
		{"an argument by the wire's name", "POST", "/graphql/v2", `{"query": "{searchUser(query: \"x\", fields: [\"password\"]) {totalCount}}"}`, key, []string{headerLang, "en-US"},
			`{"errors":[{"message":{"code":400,"message":"Parameter fields is malformed","data":null},"locations":[{"line":1,"column":2}],"path":["searchUser"],"extensions":{"code":400,"extension":{"name":"field_format"}},"requestId":"r1"}],"data":null}`},
		{"an unknown route", "GET", "/api/v2/nonsense", "", "", nil, `{"code":404,"statusCode":404,"message":"接口不存在","requestId":"r1"}`},
		{"an unknown method of a route", "DELETE", "/api/v2/users/batch", "", "", []string{headerLang, "en"}, `{"code":404,"statusCode":404,"message":"There is no such route","requestId":"r1"}`},
		{"a message of a change", "POST", "/graphql/v2", `{"query": "mutation {deleteGroups(codeList: [\"x\"]) {code}}"}`, key, []string{headerLang, "en-US"},
			`{"errors":[{"message":{"code":404,"message":"Group not found","data":null},"locations":[{"line":1,"column":11}],"path":["deleteGroups"],"extensions":{"code":404,"extension":{"name":"group_not_found"}},"requestId":"r1"}],"data":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := h.request(c.method, c.path, c.body, c.as, c.headers...)
			if w.Code != 200 || w.Body.String() != c.want {
				t.Errorf("status %d, %s\nwant %s", w.Code, w.Body, c.want)
			}
			if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
}

// A caller's language also chooses the words of what succeeds.
func TestLanguage(t *testing.T) {
	h := oneHall(t)
	for lang, want := range map[string]string{"": "操作成功", "zh-CN": "操作成功", "en-US": "Done", "EN": "Done", "fr": "操作成功", strings.Repeat("en", 100): "操作成功"} {
		h.run(t, []step{{send: createGroup, with: `{"c": "dev", "n": "Developers"}`}})
		w := h.request("POST", "/graphql/v2", `{"query": "mutation {deleteGroups(codeList: [\"dev\"]) {message}}"}`, h.known["key"], headerLang, lang)
		if !strings.Contains(w.Body.String(), `"message":"`+want+`"`) {
			t.Errorf("%q: %s", lang, w.Body)
		}
	}
}

// Pages of the application's origins read this wire with credentials; others read its public part without them.
func TestCORS(t *testing.T) {
	h := oneHall(t)
	const origin = "https://app.example.com"
	h.allowOrigin(t, h.one, origin)
	for _, c := range []struct {
		name, method, path string
		headers            []string
		status             int
		want               map[string]string
	}{
		{"a preflight", "OPTIONS", "/graphql/v2", []string{"Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", headerPool}, 204,
			map[string]string{"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin",
				"Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE"}},
		{"a preflight of REST", "OPTIONS", "/api/v2/users/x", []string{"Origin", origin, "Access-Control-Request-Method", "GET"}, 204, map[string]string{"Access-Control-Allow-Origin": origin}},
		{"a preflight of a stranger", "OPTIONS", "/graphql/v2", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "POST"}, 204, map[string]string{"Access-Control-Allow-Origin": ""}},
		{"a call", "POST", "/graphql/v2", []string{"Origin", origin, headerApp, h.one.AppID}, 200,
			map[string]string{"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Headers": "", "Vary": "Origin"}},
		{"a call for another application", "POST", "/graphql/v2", []string{"Origin", origin, headerApp, h.two.AppID}, 200, map[string]string{"Access-Control-Allow-Origin": ""}},
		{"a call of a stranger", "POST", "/graphql/v2", []string{"Origin", "https://evil.example", headerApp, h.one.AppID}, 200, map[string]string{"Access-Control-Allow-Origin": ""}},
		{"a stranger reads what is public", "GET", "/api/v2/applications/" + h.one.AppID + "/public-config", []string{"Origin", "https://evil.example"}, 200,
			map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": ""}},
		{"a call that is refused", "GET", "/api/v2/users/x", []string{"Origin", origin}, 200, map[string]string{"Access-Control-Allow-Origin": origin}},
		{"a call of no page", "GET", "/api/v2/.well-known", nil, 200, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "Origin"}},
		{"OPTIONS of no page", "OPTIONS", "/api/v2/.well-known", nil, 200, map[string]string{"Access-Control-Allow-Methods": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := h.request(c.method, c.path, "", "", c.headers...)
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			for name, want := range c.want {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// allowOrigin lets pages of an origin use a pool's application.
func (h *hall) allowOrigin(t *testing.T, p testhall.Pool, origin string) {
	t.Helper()
	if _, err := h.Signin.UpdateApplication(p.As(t.Context()), p.ID, p.AppID, signin.ApplicationPatch{Settings: func(s *signin.AppSettings) error {
		s.AllowedOrigins = []string{origin}
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
}

// hostile are bodies that must be refused without harm; none of them is worth an answer of data.
func hostile() map[string]string {
	nested := func(open, middle, shut string, n int) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(shut, n)
	}
	query := func(q string) string {
		b, _ := json.Marshal(map[string]string{"query": q})
		return string(b)
	}
	return map[string]string{
		"nothing":                 ``,
		"no query":                `{}`,
		"an empty query":          `{"query": ""}`,
		"a null query":            `{"query": null}`,
		"a query that is a list":  `{"query": []}`,
		"a list of queries":       `[{"query": "{__typename}"}]`,
		"a query twice":           `{"query": "{__typename}", "query": "{__typename}"}`,
		"a variable twice":        `{"query": "query($a: String) {isUserExists(username: $a)}", "variables": {"a": "x", "a": "y"}}`,
		"no UTF-8":                "{\"query\": \"{user(id: \\\"\xff\\\") {id}}\"}",
		"half a surrogate":        `{"query": "query($a: String) {isUserExists(username: $a)}", "variables": {"a": "\ud800"}}`,
		"a NUL":                   `{"query": "query($a: String) {isUserExists(username: $a)}", "variables": {"a": "\u0000"}}`,
		"a NUL in a literal":      query(`{isUserExists(username: "\u0000")}`),
		"a NUL deep in a literal": query(`mutation {createUser(userInfo: {registerSource: ["a", "\u0000"]}) {id}}`),
		"variables in a string":   `{"query": "{__typename}", "variables": "{}"}`,
		"deep variables":          `{"query": "{__typename}", "variables": {"a": ` + nested("[", "", "]", 1000) + `}}`,
		"cut off":                 `{"query": "{__typename`,
		"something behind":        `{"query": "{__typename}"} x`,
		"an unknown operation":    `{"query": "query A {__typename}", "operationName": "B"}`,
		"two operations":          query(`query A {__typename} query B {__typename}`),
		"deep braces":             query(nested("{users{list", "{id}", "}}", 500)),
		"deep lists":              query(`{userBatch(ids: ` + nested("[", `"x"`, "]", 2000) + `) {id}}`),
		"many aliases":            query(`{` + strings.Repeat("a:__typename ", 5000) + `}`),
		"many roots": query(`{` + func() (s string) {
			for i := range 200 {
				s += fmt.Sprintf("a%d: users {totalCount} ", i)
			}
			return
		}() + `}`),
		"fragments in a circle": query(`{users {list {...A}}} fragment A on User {...B} fragment B on User {...A}`),
		"fragments that double": query(func() string {
			s := `{users {list {...F0}}}`
			for i := range 30 {
				s += fmt.Sprintf(" fragment F%d on User {...F%d ...F%d}", i, i+1, i+1)
			}
			return s + ` fragment F30 on User {id}`
		}()),
		"a subscription":      query(`subscription {users {totalCount}}`),
		"an endless document": query(`{` + strings.Repeat(" ", 200_000) + `__typename}`),
		"directives":          query(`{__typename ` + strings.Repeat("@skip(if: true) ", 3000) + `}`),
		"a wrong enum":        query(`{udf(targetType: NONSENSE) {key}}`),
		"a large number":      query(`{users(page: 99999999999) {totalCount}}`),
		"a fraction":          query(`{users(page: 1.5) {totalCount}}`),
	}
}

func TestHostileDocuments(t *testing.T) {
	h := oneHall(t)
	for name, body := range hostile() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			w := h.request("POST", "/graphql/v2", body, h.known["key"])
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
			if w.Code != 200 {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if code, _ := readGraphQL(t, w.Body.Bytes()); code != 400 {
				t.Errorf("%.300s", w.Body)
			}
		})
	}
	t.Run("too long", func(t *testing.T) {
		w := h.request("POST", "/graphql/v2", `{"query": "`+strings.Repeat("x", 2<<20)+`"}`, h.known["key"])
		if code, _ := readGraphQL(t, w.Body.Bytes()); w.Code != 200 || code != 413 {
			t.Errorf("status %d, %.300s", w.Code, w.Body)
		}
	})
	t.Run("much of a little", func(t *testing.T) {
		for i := range 30 {
			h.run(t, []step{{send: createUser, with: fmt.Sprintf(`{"u": {"username": "u%d"}}`, i)}})
		}
		var many strings.Builder
		for i := range 70 {
			fmt.Fprintf(&many, "r%d: roles {totalCount} ", i)
		}
		h.run(t, []step{
			{name: "enough", send: `{users(limit: 30) {list {groups {totalCount} roles {totalCount} authorizedResources {totalCount}}}}`},
			{name: "too much", send: `{users(limit: 30) {list {` + many.String() + `}}}`, want: "!400"},
		})
	})
}

const introspection = `query IntrospectionQuery {
	__schema { queryType { name } mutationType { name } subscriptionType { name } types { ...FullType }
		directives { name description locations args { ...InputValue } } } }
	fragment FullType on __Type { kind name description
		fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
		inputFields { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
		possibleTypes { ...TypeRef } }
	fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
	fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }`

// One of the clients asks for the schema before each of its calls, and with any token.
func TestIntrospection(t *testing.T) {
	h := oneHall(t)
	body, _ := json.Marshal(map[string]string{"query": introspection})
	first := h.request("POST", "/graphql/v2", string(body), "").Body.String()
	code, data := readGraphQL(t, []byte(first))
	if code != 200 {
		t.Fatal(first)
	}
	if types := data.(map[string]any)["__schema"].(map[string]any)["types"].([]any); len(types) < 100 {
		t.Errorf("%d types", len(types))
	}
	for _, as := range []string{"", "bad", h.known["key"]} {
		start := time.Now()
		again := h.request("POST", "/graphql/v2", string(body), as).Body.String()
		if took := time.Since(start); took > 300*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if again != first {
			t.Error("answered something else")
		}
	}
}

// What goes wrong inside is told to nobody but the log.
func TestInternalErrors(t *testing.T) {
	h := oneHall(t)
	h.mayFail = true
	h.request("GET", "/api/v2/users/x", "", h.known["key"]) // the key is remembered
	h.DB.Close()
	for name, w := range map[string]func() (int, string){
		"GraphQL": func() (int, string) {
			w := h.request("POST", "/graphql/v2", `{"query": "{users {totalCount}}"}`, h.known["key"])
			code, _ := readGraphQL(t, w.Body.Bytes())
			return code, w.Body.String()
		},
		"REST": func() (int, string) {
			w := h.request("GET", "/api/v2/users/x", "", h.known["key"])
			code, _ := readREST(t, w.Body.Bytes())
			return code, w.Body.String()
		},
	} {
		h.complaints = nil
		code, body := w()
		if code != 500 && code != 1000 || strings.Contains(strings.ToLower(body), "sql") || strings.Contains(body, "closed") {
			t.Errorf("%s: %s", name, body)
		}
		if len(h.complaints) != 1 || !strings.Contains(h.complaints[0], "request=r1") {
			t.Errorf("%s: logged %q", name, h.complaints)
		}
	}
}

// A request that takes too long is told to come back.
func TestDeadline(t *testing.T) {
	h := oneHall(t)
	h.mayFail = true
	a, err := New(Options{Directory: h.Directory, Access: h.Access, Signin: h.Signin, Log: h.Log, DB: h.DB, Limits: op.Limits{Body: 1 << 20, Deadline: time.Nanosecond}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	a.Mount(mux)
	h.handler = h.around(mux)
	if body := h.request("POST", "/graphql/v2", `{"query": "{users {totalCount}}"}`, h.known["key"]).Body.String(); !strings.Contains(body, `"code":1000`) {
		t.Error(body)
	}
}

// A token ends by the clock, too.
func TestExpiry(t *testing.T) {
	now := time.Now()
	h := oneHall(t, func(o *db.Options) { o.Now = func() time.Time { return now } })
	h.run(t, []step{
		{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
		{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
		{as: "annToken", send: `{user {id}}`},
	})
	now = now.Add(14*24*time.Hour + time.Second)
	h.run(t, []step{{name: "a user's", as: "annToken", send: `{user {id}}`, want: `!2207`}, {name: "not yet the key's", send: `{users {totalCount}}`}})
	now = now.Add(24 * time.Hour)
	h.run(t, []step{{name: "the key's", send: `{users {totalCount}}`, want: `!2207`}})
}

// However many users are shown, their parts take one query each.
func TestQueriesOfLists(t *testing.T) {
	var statements []string
	h := oneHall(t, func(o *db.Options) { o.Trace = func(sql string) { statements = append(statements, sql) } })
	for i := range 30 {
		h.run(t, []step{{name: "one more", send: createUser, with: fmt.Sprintf(`{"u": {"username": "u%d"}, "i": {"provider": "wechat", "userIdInIdp": "%d"}, "p": "[{\"key\":\"age\",\"value\":1}]"}`, i, i)}})
	}
	for _, c := range []struct {
		send, with string
		most       int // queries beside those that resolve the caller
	}{
		{`{users(limit: 30) {totalCount list {id username}}}`, "", 2},
		{`{users(limit: 30) {list {id customData {key} identities {provider}}}}`, "", 4},
		{`{users(limit: 30) {list {id identities {provider}}}}`, "", 3},
		{`{searchUser(query: "u") {list {customData {key}}}}`, "", 4},
		{"GET /api/v2/users/x", "", 1},
		{"POST /api/v2/users/batch", `{"ids": ["u1", "u2", "u3"], "type": "username", "withCustomData": true}`, 3},
	} {
		h.request("GET", "/api/v2/users/x", "", h.known["key"])
		statements = nil
		h.run(t, []step{{send: c.send, with: c.with}})
		if len(statements) > c.most {
			t.Errorf("%s takes %d queries, want %d:\n%s", c.send, len(statements), c.most, strings.Join(statements, "\n"))
		}
	}
}

// Every code that the domain refuses with has words in both languages, and as many places for arguments in each.
func TestEveryFaultIsWorded(t *testing.T) {
	code := regexp.MustCompile(`fault\.New\(fault\.\w+,\s*"([a-z_]+)"`)
	codes := map[string]bool{"field_format": true, "list_min": true, "list_max": true, "field_min": true, "field_max": true}
	for _, dir := range []string{"access", "audit", "db", "directory", "notify", "op", "secret", "signin", "v2"} {
		files, err := filepath.Glob("../" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no sources in %s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range code.FindAllStringSubmatch(string(source), -1) {
				codes[m[1]] = true
			}
		}
	}
	for c := range codes {
		if _, ok := messages[c]; !ok {
			t.Errorf("%s has no message", c)
		}
	}
	for c, m := range messages {
		if !codes[c] {
			t.Errorf("nothing refuses with %s", c)
		}
		if m.zh == "" || m.en == "" || strings.Count(m.zh, "%s") != strings.Count(m.en, "%s") {
			t.Errorf("%s: %q and %q", c, m.zh, m.en)
		}
	}
	for k := fault.Internal; k <= fault.Refused; k++ {
		if kinds[k].code == 0 || kinds[k].zh == "" || kinds[k].en == "" {
			t.Errorf("kind %v has no message", k)
		}
	}
}

// A client that goes away is answered nothing, and nobody complains.
func TestClientGone(t *testing.T) {
	h := oneHall(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v", v)
		}
	}()
	r, _ := http.NewRequestWithContext(ctx, "POST", "/graphql/v2", strings.NewReader(`{"query": "{users {totalCount}}"}`))
	r.Header.Set("Authorization", h.known["key"])
	h.handler.ServeHTTP(httptest.NewRecorder(), r)
}
