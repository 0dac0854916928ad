package v3

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/op"
)

func TestPeriods(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		now := time.Now().UnixMilli()
		hour := time.Hour.Milliseconds()
		s.names["past"], s.names["soon"], s.names["later"] = fmt.Sprint(now-hour), fmt.Sprint(now+hour), fmt.Sprint(now+2*hour)
		s.run(t, []step{
			{"createUsersBatch", `{"list":[{"username":"ann"},{"username":"bob"},{"username":"eve"}]}`, `200`, "ann=0.userId bob=1.userId eve=2.userId"},
			{"createGroup", `{"code":"dev","name":"Dev"}`, `200`, ""},
			{"createOrganization", `{"organizationCode":"acme","organizationName":"Acme"}`, `200`, "acme=departmentId"},
			{"createDepartment", `{"code":"shop","departmentIdType":"department_id","name":"Shop","openDepartmentId":"open","organizationCode":"acme","parentDepartmentId":"{acme}"}`, `200`, "shop=departmentId"},
			{"addGroupMembers", `{"code":"dev","userIds":["{eve}"]}`, did, ""},
		})
		ops := h.api.periodOperations()
		const (
			noGroup   = "404 分组不存在"
			noNode    = "404 部门不存在"
			badStart  = "400 参数 startTime 格式错误"
			badEnd    = "400 参数 endTime 格式错误"
			badUsers  = "400 参数 userIds 格式错误"
			noMembers = `200 {"totalCount":0,"list":[]}`
		)
		succeeded, refused := map[string]bool{}, map[string]bool{}
		for i, x := range []struct{ operation, params, want string }{
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"startTime":{soon},"endTime":{later}}`, did},
			{"listGroupPeriods", `{"code":"dev"}`, `200 {"totalCount":2,"list":[{"userId":"{ann}","startTime":{soon},"endTime":{later},"state":"pending"},
				{"userId":"{eve}","startTime":null,"endTime":null,"state":"active"}]}`},
			{"listGroupPeriods", `{"code":"dev","limit":1,"page":2}`, `200 {"totalCount":2,"list":[{"userId":"{eve}"}]}`},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"startTime":{past},"endTime":{later}}`, did},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"startTime":null,"endTime":{later}}`, did},
			{"listGroupPeriods", `{"code":"dev","limit":1}`, `200 {"totalCount":2,"list":[{"userId":"{ann}","startTime":null,"endTime":{later},"state":"active"}]}`},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{eve}"]}`, did},
			{"addGroupMembersFor", `{"code":"none","userIds":["{ann}"]}`, noGroup},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}","{nobody}"]}`, noUser},
			{"addGroupMembersFor", `{"code":"dev","userIds":[]}`, badUsers},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"endTime":{past}}`, badEnd},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"endTime":0}`, badEnd},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"startTime":{later},"endTime":{soon}}`, badEnd},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"startTime":{soon},"endTime":{soon}}`, badEnd},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"startTime":-1}`, badStart},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"startTime":"soon"}`, badStart},
			{"addGroupMembersFor", `{"code":"dev","userIds":["{ann}"],"startTime":1.5}`, badStart},
			{"addGroupMembersFor", `{"userIds":["{ann}"]}`, badCode},
			{"listGroupPeriods", `{"code":"none"}`, noGroup},
			{"listGroupPeriods", ``, badCode},

			{"listDepartmentPeriods", `{"organizationCode":"acme","departmentId":"{shop}"}`, noMembers},
			{"addDepartmentMembersFor", `{"organizationCode":"acme","departmentId":"{shop}","userIds":["{ann}","{bob}"],"startTime":{soon}}`, did},
			{"addDepartmentMembersFor", `{"organizationCode":"acme","departmentId":"shop","departmentIdType":"code","userIds":["{bob}"],"endTime":{later}}`, did},
			{"listDepartmentPeriods", `{"organizationCode":"acme","departmentId":"open","departmentIdType":"open_department_id"}`, `200 {"totalCount":2,"list":[
				{"userId":"{ann}","startTime":{soon},"endTime":null,"state":"pending"},{"userId":"{bob}","startTime":null,"endTime":{later},"state":"active"}]}`},
			{"listDepartmentPeriods", `{"organizationCode":"acme","departmentId":"root"}`, noMembers},
			{"addDepartmentMembersFor", `{"organizationCode":"acme","departmentId":"{nobody}","userIds":["{ann}"]}`, noNode},
			{"addDepartmentMembersFor", `{"organizationCode":"none","departmentId":"{shop}","userIds":["{ann}"]}`, `404 organization not found for code: none`},
			{"addDepartmentMembersFor", `{"organizationCode":"acme","departmentId":"{shop}","userIds":["{nobody}"]}`, noUser},
			{"addDepartmentMembersFor", `{"organizationCode":"acme","departmentId":"{shop}","departmentIdType":"name","userIds":["{ann}"]}`, `400 参数 departmentIdType 格式错误`},
			{"addDepartmentMembersFor", `{"organizationCode":"acme","departmentId":"{shop}","userIds":["{ann}"],"endTime":{past}}`, badEnd},
			{"addDepartmentMembersFor", `{"organizationCode":"acme","departmentId":"{shop}","userIds":["{ann}"],"startTime":-1}`, badStart},
			{"addDepartmentMembersFor", `{"organizationCode":"acme","departmentId":"{shop}"}`, badUsers},
			{"addDepartmentMembersFor", `{"organizationCode":"acme","userIds":["{ann}"]}`, `400 参数 departmentId 格式错误`},
			{"listDepartmentPeriods", `{"organizationCode":"acme","departmentId":"none"}`, noNode},
			{"listDepartmentPeriods", `{"organizationCode":"acme"}`, `400 参数 departmentId 格式错误`},
		} {
			o := ops[slices.IndexFunc(ops, func(o op.Op) bool { return o.Name == x.operation })]
			a := s.c.send(t, o.Method, o.Path, canonical(t, s.fill(x.params)))
			s.check(t, fmt.Sprintf("step %d, %s %s", i, x.operation, x.params), operation{Name: o.Name}, a, s.fill(x.want))
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
		// The wire's own operations see who is in now.
		s.run(t, []step{
			{"getUserDepartments", `{"userId":"{ann}"}`, nothing, ""},
			{"getUserDepartments", `{"userId":"{bob}"}`, `200 {"totalCount":1,"list":[{"departmentId":"{shop}"}]}`, ""},
			{"getDepartment", `{"departmentId":"{shop}","organizationCode":"acme"}`, `200 {"membersCount":1}`, ""},
			{"listDepartmentMemberIds", `{"departmentId":"{shop}","organizationCode":"acme"}`, `200 ["{bob}"]`, ""},
			{"removeDepartmentMembers", `{"departmentId":"{shop}","organizationCode":"acme","userIds":["{ann}","{bob}"]}`, did, ""},
			{"addGroupMembers", `{"code":"dev","userIds":["{ann}"]}`, did, ""},
		})
		for _, x := range []struct{ path, params, want string }{
			{"/api/v3/x/list-department-periods", `{"departmentId":"{shop}","organizationCode":"acme"}`, `200 {"totalCount":0}`},
			{"/api/v3/x/list-group-periods", `{"code":"dev","limit":1}`, `200 {"totalCount":2,"list":[{"userId":"{ann}","endTime":null}]}`},
		} {
			s.check(t, x.path, operation{}, s.c.send(t, "GET", x.path, canonical(t, s.fill(x.params))), s.fill(x.want))
		}
	})
}
