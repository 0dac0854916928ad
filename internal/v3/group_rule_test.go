package v3

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/op"
)

func TestGroupRules(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.run(t, []step{
			{"createUsersBatch", `{"list":[{"username":"ann","city":"Berlin","customData":{"age":30}},{"username":"bob","city":"Paris"},{"username":"eve","city":"Berlin"}]}`, `200`,
				"ann=0.userId bob=1.userId eve=2.userId"},
			{"createGroup", `{"code":"dev","name":"Dev","type":"dynamic"}`, `200 {"type":"dynamic","members":[]}`, ""},
			{"createGroup", `{"code":"fixed","name":"Fixed"}`, `200`, ""},
			{"addGroupMembers", `{"code":"dev","userIds":["{ann}"]}`, `422 动态分组的成员由规则决定，不能手动增减`, ""},
			{"removeGroupMembers", `{"code":"dev","userIds":["{ann}"]}`, `422 动态分组的成员由规则决定，不能手动增减`, ""},
		})
		ops := h.api.ruleOperations()
		const (
			noGroup = "404 分组不存在"
			noRule  = "404 分组没有规则"
			badRule = "400 参数 rule 格式错误"
		)
		succeeded, refused := map[string]bool{}, map[string]bool{}
		for i, x := range []struct{ operation, params, want string }{
			{"getGroupRule", `{"code":"dev"}`, noRule},
			{"setGroupRule", `{"code":"dev","rule":"user.city == 'Berlin'"}`,
				`200 {"code":"dev","rule":"user.city == 'Berlin'","state":"ready","pendingRule":null,"progress":null,"updatedAt":"*"}`},
			{"getGroupRule", `{"code":"dev"}`, `200 {"rule":"user.city == 'Berlin'","state":"ready"}`},
			{"setGroupRule", `{"code":"dev","rule":"user.custom.age >= 18"}`, `200 {"rule":"user.custom.age >= 18"}`},
			{"setGroupRule", `{"code":"dev","rule":"user.town == 'x'"}`, `400 表达式有误（位置 1:5）：there is no field 'town'`},
			{"setGroupRule", `{"code":"dev","rule":"user.city == 1"}`, `400`},
			{"setGroupRule", `{"code":"dev","rule":"` + strings.Repeat("(", 100) + `"}`, `400 表达式过于复杂：brackets nested more than 48 deep`},
			{"setGroupRule", `{"code":"dev","rule":"` + strings.Repeat("x", 10_000) + `"}`, `400`},
			{"setGroupRule", `{"code":"dev","rule":"a\u0000b"}`, `400`},
			{"setGroupRule", `{"code":"dev","rule":""}`, badRule},
			{"setGroupRule", `{"code":"dev","rule":7}`, badRule},
			{"setGroupRule", `{"code":"dev"}`, badRule},
			{"setGroupRule", `{"rule":"true"}`, badCode},
			{"setGroupRule", `{"code":"none","rule":"true"}`, noGroup},
			{"previewGroupRule", `{"code":"dev","rule":"user.city != 'Berlin'"}`,
				`200 {"join":1,"leave":1,"members":1,"joiningUserIds":["{bob}"],"leavingUserIds":["{ann}"],"evaluated":3,"total":3,"estimated":false}`},
			{"previewGroupRule", `{"rule":"true"}`, `200 {"join":3,"leave":0,"members":3,"leavingUserIds":[]}`},
			{"previewGroupRule", `{"code":"none","rule":"true"}`, noGroup},
			{"previewGroupRule", `{"code":"dev","rule":"1"}`, `400 表达式有误（位置 1:1）：the result is int, it must be bool`},
			{"explainGroupMembership", `{"code":"dev","userId":"{ann}"}`,
				`200 {"member":true,"matches":true,"since":"*","rule":"user.custom.age >= 18","fields":{"user.custom.age":30},"failure":null}`},
			{"explainGroupMembership", `{"code":"dev","userId":"{bob}"}`,
				`200 {"member":false,"matches":false,"since":null,"fields":{"user.custom.age":null},"failure":"the field age has no value"}`},
			{"explainGroupMembership", `{"code":"dev","userId":"{nobody}"}`, noUser},
			{"explainGroupMembership", `{"code":"fixed","userId":"{ann}"}`, noRule},
			{"removeGroupRule", `{"code":"fixed"}`, noRule},
			{"removeGroupRule", `{"code":"none"}`, noGroup},
			{"removeGroupRule", `{"code":"dev"}`, did},
			{"getGroupRule", `{"code":"dev"}`, noRule},
			{"setGroupRule", `{"code":"fixed","rule":"'Berlin' == user[\"city\"]"}`, `200`},
			{"getGroupRule", ``, badCode},
		} {
			o := ops[slices.IndexFunc(ops, func(o op.Op) bool { return o.Name == x.operation })]
			a := s.c.send(t, o.Method, o.Path, canonical(t, s.fill(x.params)))
			where := fmt.Sprintf("step %d, %s %.100s", i, x.operation, x.params)
			s.check(t, where, operation{Name: o.Name}, a, s.fill(x.want))
			if a.StatusCode == 200 {
				succeeded[o.Name] = true
			} else {
				refused[o.Name] = true
			}
		}
		for _, o := range ops {
			if !succeeded[o.Name] || !refused[o.Name] {
				t.Errorf("%s: succeeded %v, refused %v", o.Name, succeeded[o.Name], refused[o.Name])
			}
		}
		s.run(t, []step{
			{"listGroupMembers", `{"code":"dev"}`, `200 {"totalCount":1,"list":[{"userId":"{ann}"}]}`, ""},
			{"listGroupMembers", `{"code":"fixed"}`, `200 {"totalCount":2}`, ""},
			{"updateUser", `{"city":"Berlin","userId":"{bob}"}`, `200`, ""},
			{"getUserGroups", `{"userId":"{bob}"}`, `200 {"totalCount":1,"list":[{"code":"fixed","type":"dynamic"}]}`, ""},
			{"deleteCustomFields", `{"list":[{"key":"age","targetType":"USER"}],"targetType":"USER"}`, `200`, ""},
		})
	})
}
