package v3

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// A person who reads a sentence must understand at once.
func TestSentences(t *testing.T) {
	user := access.Step{Target: access.Target{Type: directory.UserTarget, ID: "u1"}, Code: "ann", Name: "Ann"}
	group := access.Step{Target: access.Target{Type: directory.GroupTarget, ID: "g1"}, Code: "dev", Name: "Developers"}
	dynamic := group
	dynamic.Dynamic = &directory.RuleExplanation{Rule: `user.city == "Berlin"`}
	sales := access.Step{Target: access.Target{Type: directory.DepartmentTarget, ID: "d1"}, Name: "Sales"}
	company := access.Step{Target: access.Target{Type: directory.DepartmentTarget, ID: "d0"}, Name: "Company", Inherited: true}
	role := access.Step{Target: access.Target{Type: directory.RoleTarget, ID: "r1"}, Code: "editor"}
	rule := func(effect access.Effect, resource string, actions ...string) access.Rule {
		return access.Rule{Kind: access.GrantRule, Effect: effect, Resource: resource, Actions: actions}
	}
	conditional := rule(access.Allow, "books:*", "edit")
	conditional.Policy = "office"
	conditional.Conditions = []access.ConditionResult{{Param: "ip", Operator: "StringEquals", Value: jsontext.Value(`"10.0.0.1"`), Holds: true}}
	missing := conditional
	missing.Conditions = []access.ConditionResult{{Param: "ip", Operator: "StringEquals", Value: jsontext.Value(`"10.0.0.1"`)}}
	other := conditional
	other.Conditions = []access.ConditionResult{{Param: "ip", Operator: "StringEquals", Value: jsontext.Value(`"10.0.0.1"`), Actual: "10.0.0.2"}}
	failed := rule(access.Deny, "*", "*")
	failed.Conditions = []access.ConditionResult{{Param: "age", Operator: "NumericLess", Value: jsontext.Value(`18`), Failure: "no number"}}
	for _, x := range []struct {
		action string
		steps  []access.Step
		rule   access.Rule
		en, zh string
	}{
		{"edit", []access.Step{user}, rule(access.Allow, "books:1", "edit"), "Ann may edit books:1", "Ann 可以对 books:1 执行 edit"},
		{"books:edit", []access.Step{user}, rule(access.Allow, "books", "books:read", "books:edit"), "Ann may edit books", "Ann 可以对 books 执行 edit"},
		{"edit", []access.Step{user}, rule(access.Allow, "books:1", "read", "share"), "Ann may read and share books:1", "Ann 可以对 books:1 执行 read、share"},
		{"edit", []access.Step{user}, rule(access.Allow, "books:1", "a", "b", "c", "d", "e"), "Ann may do a, b, c and 2 more with books:1", "Ann 可以对 books:1 执行 a、b、c，另有 2 项"},
		{"edit", []access.Step{user, role}, rule(access.Deny, "books:*", "edit"), "Ann has role editor, which may not edit books:*", "Ann 拥有角色 editor，角色 editor 不可以对 books:* 执行 edit"},
		{"edit", []access.Step{user, group, role}, rule(access.Allow, "*", "*"), "Ann is in group Developers, which has role editor, which may do everything with everything",
			"Ann 属于分组 Developers，分组 Developers 拥有角色 editor，角色 editor 可以对 所有资源 执行所有操作"},
		{"edit", []access.Step{user, sales, company}, rule(access.Allow, "books", "edit"), "Ann is in department Sales, which is below department Company, which may edit books",
			"Ann 属于部门 Sales，部门 Sales 是部门 Company 的下级，部门 Company 可以对 books 执行 edit"},
		{"edit", []access.Step{user, dynamic}, rule(access.Allow, "books", "books:*"), `Ann is in group Developers, by its rule user.city == "Berlin", which may do everything with books`,
			`Ann 属于动态分组 Developers（规则：user.city == "Berlin"），分组 Developers 可以对 books 执行所有操作`},
		{"", []access.Step{user}, rule(access.Allow, "home"), "Ann may use home", "Ann 可以使用 home"},
		{"", []access.Step{user}, rule(access.Deny, "home"), "Ann may not use home", "Ann 不可以使用 home"},
		{"edit", []access.Step{user}, conditional, `Ann may edit books:* by policy office where ip StringEquals "10.0.0.1"`, `Ann 可以对 books:* 执行 edit（策略 office），条件 ip StringEquals "10.0.0.1"`},
		{"edit", []access.Step{user}, missing, `Ann may edit books:* by policy office where ip StringEquals "10.0.0.1" (the request has none)`,
			`Ann 可以对 books:* 执行 edit（策略 office），条件 ip StringEquals "10.0.0.1"（请求中没有该值）`},
		{"edit", []access.Step{user}, other, `Ann may edit books:* by policy office where ip StringEquals "10.0.0.1" (the request has 10.0.0.2)`,
			`Ann 可以对 books:* 执行 edit（策略 office），条件 ip StringEquals "10.0.0.1"（实际为 10.0.0.2）`},
		{"edit", []access.Step{user}, failed, `Ann may not do anything with anything where age NumericLess 18 (which failed: no number)`,
			`Ann 不可以对 任何资源 执行任何操作，条件 age NumericLess 18（无法判断：no number）`},
	} {
		p := access.Path{Rule: x.rule, Steps: x.steps}
		q := access.Question{Resource: "books:1", Action: x.action}
		if got := (speaker{english: true}).path(q, &p); got != x.en {
			t.Errorf("said\n%s, want\n%s", got, x.en)
		}
		if got := (speaker{}).path(q, &p); got != x.zh {
			t.Errorf("said\n%s, want\n%s", got, x.zh)
		}
	}
}

func asServer(t *testing.T, p testhall.Pool) context.Context {
	return caller.With(t.Context(), &caller.Caller{Kind: caller.System, PoolID: p.ID})
}

func TestExplain(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		ctx := asServer(t, h.pool)
		s := newScript(t, h.client())
		s.run(t, []step{
			{"createUsersBatch", `{"list":[{"username":"ann","name":"Ann","city":"Berlin"},{"username":"bob","name":"Bob"},{"username":"eve","name":"Eve"}]}`, `200`,
				"ann=0.userId bob=1.userId eve=2.userId"},
			{"createGroup", `{"code":"dev","name":"Developers"}`, `200`, ""},
			{"addGroupMembers", `{"code":"dev","userIds":["{ann}"]}`, `200`, ""},
			{"createOrganization", `{"organizationCode":"acme","organizationName":"Acme"}`, `200`, "root=departmentId"},
			{"createDepartment", `{"code":"sales","name":"Sales","organizationCode":"acme","parentDepartmentId":"root"}`, `200`, "sales=departmentId"},
			{"createDepartment", `{"code":"stock","name":"Stock","organizationCode":"acme","parentDepartmentId":"root"}`, `200`, "stock=departmentId"},
			{"addDepartmentMembers", `{"departmentId":"{sales}","organizationCode":"acme","userIds":["{bob}"]}`, `200`, ""},
			{"createRole", `{"code":"editor","name":"Editor"}`, `200`, ""},
			{"assignRole", `{"code":"editor","targets":[{"targetIdentifier":"dev","targetType":"GROUP"}]}`, `200`, ""},
		})
		role, err := h.Access.Role(ctx, h.pool.ID, access.RoleRef{Code: "editor"})
		if err != nil {
			t.Fatal(err)
		}
		to := func(of directory.TargetType, id string) access.Target { return access.Target{Type: of, ID: id} }
		if err := h.Access.Grant(ctx, h.pool.ID, []access.NewGrant{
			{Target: to(directory.RoleTarget, role.ID), Resource: "books:*", Actions: []string{"read", "edit"}},
			{Target: to(directory.DepartmentTarget, s.names["root"]), Resource: "stock", Actions: []string{"count"}, Inherit: true},
			{Target: to(directory.UserTarget, s.names["ann"]), Resource: "books:9", Actions: []string{"edit"}, Effect: access.Deny},
			{Target: to(directory.UserTarget, s.names["bob"]), Resource: "home", ResourceType: access.Menu},
		}); err != nil {
			t.Fatal(err)
		}
		ops := h.api.explainOperations()
		many := func(n int) string {
			return `[` + strings.TrimSuffix(strings.Repeat(`{"action":"read","resource":"books:1","userId":"{ann}"},`, n), ",") + `]`
		}
		const (
			noRole       = "404 角色不存在"
			noGroup      = "404 分组不存在"
			noNamespace  = "404 权限组不存在"
			noDepartment = "404 部门不存在"
		)
		seen := map[string]bool{}
		for i, x := range []struct{ operation, params, want string }{
			{"explainPermission", `{"action":"edit","resource":"books:1","userId":"{ann}"}`, `200 {"allowed":true,"reason":"ALLOWED",
				"summary":"允许：Ann 属于分组 Developers，分组 Developers 拥有角色 Editor，角色 Editor 可以对 books:* 执行 edit。",
				"decidedBy":{"kind":"GRANT","targetType":"ROLE","targetCode":"editor","targetName":"Editor","namespace":"default","resource":"books:*","resourceType":"DATA",
					"actions":["edit","read"],"effect":"ALLOW","inherit":false,"conditions":[],"policyCode":null,"statement":null},
				"paths":[{"steps":[{"type":"USER","id":"{ann}","name":"Ann"},{"type":"GROUP","code":"dev","name":"Developers","inherited":false,"startTime":null,"endTime":null,"groupRule":null},
					{"type":"ROLE","code":"editor","name":"Editor"}]}],
				"overridden":[],"nearest":[]}`},
			{"explainPermission", `{"action":"edit","resource":"books:9","userId":"{ann}"}`, `200 {"allowed":false,"reason":"DENIED",
				"summary":"拒绝：Ann 不可以对 books:9 执行 edit。拒绝优先于：Ann 属于分组 Developers，分组 Developers 拥有角色 Editor，角色 Editor 可以对 books:* 执行 edit。",
				"decidedBy":{"targetType":"USER","effect":"DENY"},"paths":[{"steps":[{"type":"USER"}]}],"overridden":[{"rule":{"targetType":"ROLE"}}]}`},
			{"explainPermission", `{"action":"count","resource":"stock:7","userId":"{bob}"}`, `200 {"allowed":true,
				"summary":"允许：Bob 属于部门 Sales，部门 Sales 是部门 Acme 的下级，部门 Acme 可以对 stock 执行 count。",
				"paths":[{"steps":[{"type":"USER"},{"type":"DEPARTMENT","code":"sales","inherited":false},{"type":"DEPARTMENT","inherited":true}]}]}`},
			{"explainPermission", `{"resource":"home","resourceType":"MENU","userId":"{bob}"}`, `200 {"allowed":true,"summary":"允许：Bob 可以使用 home。"}`},
			{"explainPermission", `{"resource":"home","resourceType":"API","userId":"{bob}"}`, `200 {"allowed":false}`},
			{"explainPermission", `{"action":"fly","resource":"moon","userId":"{eve}"}`,
				`200 {"allowed":false,"reason":"NOT_GRANTED","summary":"不允许：没有规则允许 Eve 对 moon 执行 fly。","decidedBy":null,"paths":[],"overridden":[],"nearest":[]}`},
			{"explainPermission", `{"action":"edit","resource":"books:1","userId":"{nobody}"}`, noUser},
			{"explainPermission", `{"action":"edit","resource":"books:1","userId":"x"}`, noUser},
			{"explainPermission", `{"action":"edit","namespace":"none","resource":"books:1","userId":"{ann}"}`, noNamespace},
			{"explainPermission", `{"action":"edit","resource":"books:1"}`, badUserID},
			{"explainPermission", `{"action":"edit","resource":"","userId":"{ann}"}`, `400 参数 resource 格式错误`},
			{"explainPermission", `{"action":"edit","resource":"{long}","userId":"{ann}"}`, `400 参数 resource 格式错误`},
			{"explainPermission", `{"action":"{long}","resource":"books:1","userId":"{ann}"}`, `400`},
			{"explainPermission", `{"action":"edit","resource":"books:1","resourceType":"BOOK","userId":"{ann}"}`, `400 参数 resourceType 格式错误`},
			{"explainPermission", `{"action":"edit","environment":7,"resource":"books:1","userId":"{ann}"}`, `400 参数 environment 格式错误`},

			{"whoCan", `{"action":"read","resource":"books:1"}`,
				`200 {"totalCount":1,"list":[{"userId":"{ann}","username":"ann","name":"Ann","path":{"summary":"Ann 属于分组 Developers，分组 Developers 拥有角色 Editor，角色 Editor 可以对 books:* 执行 read"}}]}`},
			{"whoCan", `{"action":"edit","resource":"books:9"}`, `200 {"totalCount":0,"list":[]}`},
			{"whoCan", `{"action":"count","resource":"stock:7"}`, `200 {"totalCount":1,"list":[{"userId":"{bob}"}]}`},
			{"whoCan", `{"action":"read","limit":1,"page":2,"resource":"books:1"}`, `200 {"totalCount":1,"list":[]}`},
			{"whoCan", `{"action":"read","namespace":"none","resource":"books:1"}`, noNamespace},
			{"whoCan", `{"action":"read"}`, `400 参数 resource 格式错误`},
			{"whoCan", `{"action":"read","limit":51,"resource":"books:1"}`, `400`},

			{"batchCheck", `{"list":[{"action":"edit","resource":"books:1","userId":"{ann}"},{"action":"edit","resource":"books:9","userId":"{ann}"},{"action":"count","resource":"stock","userId":"{bob}"},
				{"resource":"home","userId":"{bob}"},{"action":"edit","resource":"books:1","userId":"{eve}"}]}`, `200 {"allowed":[true,false,true,true,false]}`},
			{"batchCheck", `{"list":` + many(1001) + `}`, `400`},
			{"batchCheck", `{"list":[]}`, `400`},
			{"batchCheck", `{}`, `400`},
			{"batchCheck", `{"list":[{"action":"edit","resource":"books:1","userId":"{ann}"},{"action":"edit","resource":"books:1","userId":"{nobody}"}]}`, noUser},
			{"batchCheck", `{"list":[{"action":"edit","namespace":"none","resource":"books:1","userId":"{ann}"}]}`, noNamespace},
			{"batchCheck", `{"list":[{"action":"edit","resource":"books:1"}]}`, badUserID},

			{"whatIf", `{"changes":[{"groupCode":"dev","kind":"ADD_TO_GROUP","userIds":["{eve}"]}]}`,
				`200 {"truncated":false,"users":[{"userId":"{eve}","username":"eve","name":"Eve","summary":"Eve 将可以：对 books:* 执行 edit、对 books:* 执行 read。","truncated":false,
				"decisions":[{"namespace":"default","resource":"books:*","action":"edit","before":false,"after":true},{"action":"read","before":false,"after":true}]}]}`},
			{"whatIf", `{"changes":[{"groupCode":"dev","kind":"REMOVE_FROM_GROUP","userIds":["{ann}"]}]}`,
				`200 {"users":[{"userId":"{ann}","decisions":[{"action":"edit","before":true,"after":false},{"resource":"books:*","action":"read","before":true,"after":false},
				{"resource":"books:9","action":"read","before":true,"after":false}]}]}`},
			{"whatIf", `{"changes":[{"actions":["count"],"kind":"GRANT","resource":"till","targets":[{"targetIdentifier":"dev","targetType":"GROUP"},{"targetIdentifier":"editor","targetType":"ROLE"},
				{"targetIdentifier":"{bob}","targetType":"USER"},{"targetIdentifier":"{stock}","targetType":"DEPARTMENT"}]}]}`, `200 {"users":["*","*"]}`},
			{"whatIf", `{"changes":[{"departmentId":"{sales}","kind":"MOVE_DEPARTMENT","parentDepartmentId":"{stock}"}]}`, `200 {"users":[]}`},
			{"whatIf", `{"changes":[{"kind":"REVOKE","resource":"stock","targets":[{"targetIdentifier":"{root}","targetType":"DEPARTMENT"}]}]}`, `200 {"users":[{"userId":"{bob}"}]}`},
			{"whatIf", `{"changes":[{"kind":"DELETE_ROLE","roleCode":"editor"}]}`, `200 {"users":[{"userId":"{ann}"}]}`},
			{"whatIf", `{"changes":[{"kind":"ASSIGN_ROLE","roleCode":"editor","targets":[{"targetIdentifier":"{eve}","targetType":"USER"}]}]}`, `200 {"users":[{"userId":"{eve}"}]}`},
			{"whatIf", `{"changes":[{"kind":"UNASSIGN_ROLE","roleCode":"editor","targets":[{"targetIdentifier":"dev","targetType":"GROUP"}]}]}`, `200 {"users":[{"userId":"{ann}"}]}`},
			{"whatIf", `{"changes":[{"departmentId":"{sales}","kind":"ADD_TO_DEPARTMENT","userIds":["{eve}"]}]}`, `200 {"users":[{"userId":"{eve}"}]}`},
			{"whatIf", `{"changes":[{"departmentId":"{sales}","kind":"REMOVE_FROM_DEPARTMENT","userIds":["{bob}"]}]}`, `200 {"users":[{"userId":"{bob}"}]}`},
			{"whatIf", `{"changes":[{"groupCode":"none","kind":"ADD_TO_GROUP","userIds":["{eve}"]}]}`, noGroup},
			{"whatIf", `{"changes":[{"groupCode":"dev","kind":"ADD_TO_GROUP","userIds":["{nobody}"]}]}`, noUser},
			{"whatIf", `{"changes":[{"departmentId":"{nobody}","kind":"ADD_TO_DEPARTMENT","userIds":["{eve}"]}]}`, noDepartment},
			{"whatIf", `{"changes":[{"departmentId":"{root}","kind":"MOVE_DEPARTMENT","parentDepartmentId":"{sales}"}]}`, `422`},
			{"whatIf", `{"changes":[{"groupCode":"dev","kind":"ADD_TO_GROUP","userIds":["{eve}"]},{"kind":"DELETE_ROLE","roleCode":"none"}]}`, noRole},
			{"whatIf", `{"changes":[{"actions":["count"],"kind":"GRANT","resource":"till","targets":[{"targetIdentifier":"none","targetType":"ROLE"}]}]}`, noRole},
			{"whatIf", `{"changes":[{"actions":["count"],"kind":"GRANT","resource":"till","targets":[{"targetIdentifier":"none","targetType":"GROUP"}]}]}`, noGroup},
			{"whatIf", `{"changes":[{"actions":["count"],"kind":"GRANT","namespace":"none","resource":"till","targets":[{"targetIdentifier":"{eve}","targetType":"USER"}]}]}`, noNamespace},
			{"whatIf", `{"changes":[{"actions":["count"],"kind":"GRANT","resource":"till","targets":[{"targetIdentifier":"{nobody}","targetType":"USER"}]}]}`, noUser},
			{"whatIf", `{"changes":[{"actions":["count"],"kind":"GRANT","targets":[{"targetIdentifier":"{eve}","targetType":"USER"}]}]}`, `400 参数 resource 格式错误`},
			{"whatIf", `{"changes":[{"actions":["count"],"kind":"GRANT","resource":"till"}]}`, `400 参数 targets 格式错误`},
			{"whatIf", `{"changes":[{"kind":"ASSIGN_ROLE","roleCode":"editor","targets":[{"targetIdentifier":"editor","targetType":"ROLE"}]}]}`, `400 参数 targetType 格式错误`},
			{"whatIf", `{"changes":[{"kind":"ADD_TO_GROUP","userIds":["{eve}"]}]}`, `400 参数 groupCode 格式错误`},
			{"whatIf", `{"changes":[{"groupCode":"dev","kind":"ADD_TO_GROUP"}]}`, `400 参数 userIds 格式错误`},
			{"whatIf", `{"changes":[{"departmentId":"{sales}","kind":"MOVE_DEPARTMENT"}]}`, `400 参数 parentDepartmentId 格式错误`},
			{"whatIf", `{"changes":[{"kind":"DELETE_ROLE"}]}`, `400 参数 roleCode 格式错误`},
			{"whatIf", `{"changes":[{"kind":"NONSENSE"}]}`, `400 参数 kind 格式错误`},
			{"whatIf", `{"changes":[` + strings.Repeat(`{"kind":"DELETE_ROLE","roleCode":"editor"},`, 20) + `{"kind":"DELETE_ROLE","roleCode":"editor"}]}`, `400`},
			{"whatIf", `{"changes":[]}`, `400 参数 changes 格式错误`},

			{"batchCheck", `{"list":[{"action":"edit","resource":"books:1","userId":"{ann}"},{"action":"edit","resource":"books:1","userId":"{eve}"},{"action":"count","resource":"stock","userId":"{bob}"},
				{"action":"count","resource":"till","userId":"{bob}"}]}`, `200 {"allowed":[true,false,true,false]}`}, // nothing was changed
			{"batchCheck", `{"list":` + many(1000) + `}`, `200`},
		} {
			o := ops[slices.IndexFunc(ops, func(o op.Op) bool { return o.Name == x.operation })]
			a := s.c.send(t, o.Method, o.Path, canonical(t, s.fill(x.params)))
			s.check(t, fmt.Sprintf("step %d, %s %.200s", i, x.operation, x.params), operation{Name: o.Name}, a, s.fill(x.want))
			seen[fmt.Sprint(o.Name, a.StatusCode == 200)] = true
		}
		for _, o := range ops {
			if !seen[o.Name+"true"] || !seen[o.Name+"false"] {
				t.Errorf("%s: succeeded %v, refused %v", o.Name, seen[o.Name+"true"], seen[o.Name+"false"])
			}
		}
		english := s.c.with("X-Authing-Lang", "en-US")
		a := english.send(t, "POST", "/api/v3/x/explain-permission", canonical(t, s.fill(`{"action":"count","resource":"stock","userId":"{bob}"}`)))
		if got, want := dig(a.Data, "summary"), "Allowed: Bob is in department Sales, which is below department Acme, which may count stock."; got != want {
			t.Errorf("said %v, want %v", got, want)
		}
		a = english.send(t, "POST", "/api/v3/x/what-if", canonical(t, s.fill(`{"changes":[{"groupCode":"dev","kind":"ADD_TO_GROUP","userIds":["{eve}"]}]}`)))
		if got, want := dig(a.Data, "users.0.summary"), "Eve could newly: edit books:* and read books:*."; got != want {
			t.Errorf("said %v, want %v", got, want)
		}
	})
}

// Another pool sees neither people nor grants, and cannot try changes on them.
func TestExplainPoolsAreApart(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.run(t, []step{{"createUser", `{"username":"ann"}`, `200`, "ann=userId"}, {"createGroup", `{"code":"dev","name":"Dev"}`, `200`, ""}})
		if err := h.Access.Grant(asServer(t, h.pool), h.pool.ID, []access.NewGrant{{Target: access.Target{Type: directory.UserTarget, ID: s.names["ann"]},
			Resource: "books:1", Actions: []string{"edit"}}}); err != nil {
			t.Fatal(err)
		}
		other := h.as(h.Pool(t, "second"))
		for _, x := range []struct{ path, params, want string }{
			{"explain-permission", `{"action":"edit","resource":"books:1","userId":"{ann}"}`, noUser},
			{"batch-check", `{"list":[{"action":"edit","resource":"books:1","userId":"{ann}"}]}`, noUser},
			{"who-can", `{"action":"edit","resource":"books:1"}`, `200 {"totalCount":0,"list":[]}`},
			{"what-if", `{"changes":[{"groupCode":"dev","kind":"ADD_TO_GROUP","userIds":["{ann}"]}]}`, `404 分组不存在`},
			{"what-if", `{"changes":[{"actions":["edit"],"kind":"GRANT","resource":"books:1","targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}]}`, noUser},
		} {
			a := other.send(t, "POST", "/api/v3/x/"+x.path, canonical(t, s.fill(x.params)))
			s.check(t, x.path, operation{Name: x.path}, a, x.want)
		}
	})
}
