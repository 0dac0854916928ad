package v3

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

const (
	noRole     = `404 角色不存在`
	did        = `200 {"success":true}`
	badTargets = `400 参数 targets 格式错误`
)

// roleSteps run with {app} the namespace of the pool's application, {soon} and {later} times to come in ms and {past} one gone by.
var roleSteps = []step{
	{"createUsersBatch", `{"list":[{"username":"ann"},{"username":"bob"},{"username":"eve"}]}`, `200`, "ann=0.userId bob=1.userId eve=2.userId"},
	{"createGroup", `{"code":"dev","name":"Dev"}`, `200`, ""},
	{"addGroupMembers", `{"code":"dev","userIds":["{eve}"]}`, did, ""},

	{"createRole", `{"code":"admin","description":"all","name":"Admin","namespace":"default"}`,
		`200 {"id":"*","code":"admin","name":"Admin","description":"all","namespace":"default","namespaceName":"*","status":"ENABLE","disableTime":null,"enablePermissionApply":false}`, "admin=id"},
	{"createRole", `{"code":"bare"}`, `200 {"code":"bare","name":"","description":"","namespace":"default"}`, ""},
	{"createRole", `{"code":"admin","namespace":"{app}"}`, `200 {"namespace":"{app}"}`, ""},
	{"createRole", `{"code":"timed","disableTime":"{soon}"}`, `200 {"status":"ENABLE"}`, ""},
	{"createRole", `{"code":"gone","disableTime":{past}}`, `200 {"status":"DISABLE"}`, ""},
	{"createRole", `{"code":"endless","disableTime":""}`, `200 {"disableTime":null}`, ""},
	{"createRole", `{"code":"admin"}`, `409 角色标识符已存在`, ""},
	{"createRole", `{"code":"额! "}`, `400 invalid role code: 额! `, ""},
	{"createRole", `{"code":" "}`, `400 invalid role code:  `, ""},
	{"createRole", `{"code":""}`, badCode, ""},
	{"createRole", ``, badCode, ""},
	{"createRole", `{"code":"` + tooLongCode + `"}`, badCode, ""},
	{"createRole", `{"code":"x","name":"{long}"}`, `400 参数 name 格式错误`, ""},
	{"createRole", `{"code":"x","description":"a\u0000"}`, `400 参数 description 格式错误`, ""},
	{"createRole", `{"code":"x","disableTime":"tomorrow"}`, `400 参数 disableTime 格式错误`, ""},
	{"createRole", `{"code":"x","disableTime":-1}`, `400 参数 disableTime 格式错误`, ""},
	{"createRole", `{"code":"x","disableTime":[1]}`, `400 参数 disableTime 格式错误`, ""},
	{"createRole", `{"code":"x","disableTime":1.5}`, `400 参数 disableTime 格式错误`, ""},
	{"createRole", `{"code":"x","namespace":"none"}`, noNamespace, ""},

	{"createRolesBatch", `{"list":[{"code":"one","description":"d","name":"One"},{"code":"two","namespace":"{app}"}]}`, did, ""},
	{"createRolesBatch", `{"list":[{"code":"three"},{"code":"one"}]}`, `409 角色标识符已存在`, ""},
	{"createRolesBatch", `{"list":[{"code":"three"},{"code":""}]}`, `400 role code must not empty`, ""},
	{"createRolesBatch", `{"list":[{"name":"x"}]}`, `400 role code must not empty`, ""},
	{"createRolesBatch", `{"list":[{"code":"额! "}]}`, `400 invalid role code: 额! `, ""},
	{"createRolesBatch", `{"list":[{"code":" "}]}`, `400 invalid role code:  `, ""},
	{"createRolesBatch", `{"list":[{"code":"` + tooLongCode + `"}]}`, badCode, ""},
	{"createRolesBatch", `{"list":[]}`, `400 参数 list 格式错误`, ""},
	{"createRolesBatch", `{"list":[` + strings.Repeat(`{"code":"x"},`, 50) + `{"code":"x"}]}`, `400 参数 list 最多允许 50 项`, ""},
	{"getRole", `{"code":"three"}`, noRole, ""},

	{"getRole", `{"code":"admin"}`, `200 {"id":"{admin}","code":"admin","namespace":"default","description":"all"}`, ""},
	{"getRole", `{"code":"admin","namespace":"{app}"}`, `200 {"namespace":"{app}"}`, ""},
	{"getRole", `{"code":"Admin"}`, noRole, ""},
	{"getRole", `{"code":"admin","namespace":"none"}`, noNamespace, ""},
	{"getRole", `{"code":""}`, badCode, ""},

	{"updateRole", `{"code":"one","description":"uno","name":"Uno"}`, did, ""},
	{"getRole", `{"code":"one"}`, `200 {"name":"Uno","description":"uno"}`, ""},
	{"updateRole", `{"code":"one","newCode":"uno"}`, did, ""},
	{"updateRole", `{"code":"uno","newCode":""}`, did, ""},
	{"getRole", `{"code":"uno"}`, `200 {"code":"uno","name":"Uno"}`, ""},
	{"updateRole", `{"code":"one","name":"x"}`, noRole, ""},
	{"updateRole", `{"code":"uno","newCode":"admin"}`, `409 角色标识符已存在`, ""},
	{"updateRole", `{"code":"uno","newCode":"额! "}`, `400 invalid role code: 额! `, ""},
	{"updateRole", `{"code":"uno","newCode":" "}`, `400 invalid role code:  `, ""},
	{"updateRole", `{"code":"uno","newCode":"` + tooLongCode + `"}`, `400 参数 newCode 格式错误`, ""},
	{"updateRole", `{"code":"uno","namespace":"none"}`, noNamespace, ""},
	{"updateRole", `{"code":"uno","status":"ASLEEP"}`, `400 参数 status 格式错误`, ""},
	{"updateRole", `{"code":"uno","enablePermissionApply":true,"status":"DISABLE"}`, did, ""},
	{"getRole", `{"code":"uno"}`, `200 {"status":"DISABLE","enablePermissionApply":true}`, ""},
	{"updateRole", `{"code":"uno","disableTime":"{soon}","status":"ENABLE"}`, did, ""},
	{"getRole", `{"code":"uno"}`, `200 {"status":"ENABLE"}`, ""},
	{"updateRole", `{"code":"uno","disableTime":"","status":"DISABLED"}`, did, ""},
	{"getRole", `{"code":"uno"}`, `200 {"status":"DISABLE","disableTime":null}`, ""},
	{"updateRole", `{"code":"gone","status":"ENABLE"}`, did, ""},
	{"getRole", `{"code":"gone"}`, `200 {"status":"ENABLE","disableTime":null}`, ""},
	{"updateRole", `{"code":"uno","disableTime":"x"}`, `400 参数 disableTime 格式错误`, ""},

	{"listRoles", ``, `200 {"totalCount":6,"list":[{"code":"uno"},{"code":"endless"},{"code":"gone"},{"code":"timed"},{"code":"bare"},{"code":"admin"}]}`, ""},
	{"listRoles", `{"limit":2,"page":3}`, `200 {"totalCount":6,"list":[{"code":"bare"},{"code":"admin","id":"{admin}"}]}`, ""},
	{"listRoles", `{"keywords":"UN"}`, `200 {"totalCount":1,"list":[{"code":"uno"}]}`, ""},
	{"listRoles", `{"keywords":"%"}`, nothing, ""},
	{"listRoles", `{"namespace":"{app}"}`, `200 {"totalCount":2,"list":[{"code":"two"},{"code":"admin"}]}`, ""},
	{"listRoles", `{"namespace":"none"}`, noNamespace, ""},
	{"listRoles", `{"limit":10000}`, `400 参数 limit 格式错误`, ""},
	{"listRoles", `{"limit":-1}`, `400 参数 limit 格式错误`, ""},
	{"listRoles", `{"page":-1}`, `400 参数 page 格式错误`, ""},

	{"checkParamsNamespace", `{"code":"free","name":"Free","namespace":"default"}`, `200 {"isValid":true,"message":"-"}`, ""},
	{"checkParamsNamespace", `{"code":"admin","namespace":"default"}`, `200 {"isValid":false,"message":"角色标识符已存在"}`, ""},
	{"checkParamsNamespace", `{"code":"free","name":"Admin","namespace":"default"}`, `200 {"isValid":false,"message":"角色名称已存在"}`, ""},
	{"checkParamsNamespace", `{"code":"a b","namespace":"default"}`, `200 {"isValid":false,"message":"invalid role code: a b"}`, ""},
	{"checkParamsNamespace", `{"code":"free","namespace":"none"}`, noNamespace, ""},
	{"checkParamsNamespace", `{"code":"free"}`, `400 参数 namespace 格式错误`, ""},

	{"assignRole", `{"code":"admin","targets":[{"targetIdentifier":"{ann}","targetType":"USER"},{"targetIdentifier":"dev","targetType":"GROUP"}]}`, did, ""},
	{"assignRole", `{"code":"admin","namespace":"default","targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, did, ""},
	{"assignRole", `{"code":"admin","endTime":{later},"enableTime":{soon},"targets":[{"targetIdentifier":"{bob}","targetType":"USER"}]}`, did, ""},
	{"assignRole", `{"code":"none","targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, noRole, ""},
	{"assignRole", `{"code":"admin","namespace":"none","targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, noNamespace, ""},
	{"assignRole", `{"code":"admin","targets":[{"targetIdentifier":"nobody","targetType":"USER"}]}`, noUser, ""},
	{"assignRole", `{"code":"admin","targets":[{"targetIdentifier":"{bob}","targetType":"USER"},{"targetIdentifier":"none","targetType":"GROUP"}]}`, noGroup, ""},
	{"assignRole", `{"code":"admin","targets":[{"targetIdentifier":"bare","targetType":"ROLE"}]}`, badTargets, ""},
	{"assignRole", `{"code":"admin","targets":[{"targetIdentifier":"none","targetType":"DEPARTMENT"}]}`, `404 部门不存在`, ""},
	{"assignRole", `{"code":"admin","targets":[{"targetIdentifier":"x","targetType":"TENANT"}]}`, `400 参数 targetType 格式错误`, ""},
	{"assignRole", `{"code":"admin","targets":[]}`, badTargets, ""},
	{"assignRole", `{"code":"admin"}`, badTargets, ""},
	{"assignRole", `{"code":"admin","targets":[` + strings.Repeat(`{"targetIdentifier":"x","targetType":"USER"},`, 50) + `{"targetIdentifier":"x","targetType":"USER"}]}`, `400 参数 targets 最多允许 50 项`, ""},
	{"assignRole", `{"code":"admin","endTime":{past},"targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, `400 参数 endTime 格式错误`, ""},
	{"assignRole", `{"code":"admin","enableTime":{later},"endTime":{soon},"targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, `400 参数 endTime 格式错误`, ""},
	{"assignRole", `{"code":"admin","enableTime":"soon","targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, `400 参数 enableTime 格式错误`, ""},

	{"listRoleMembers", `{"code":"admin"}`, `200 {"totalCount":1,"list":[{"userId":"{ann}","customData":"-"}]}`, ""},
	{"listRoleMembers", `{"code":"admin","limit":1,"page":2}`, `200 {"totalCount":1,"list":[]}`, ""},
	{"listRoleMembers", `{"code":"admin","withCustomData":true,"withDepartmentIds":true,"withIdentities":true}`, `200 {"list":[{"customData":{},"identities":[],"departmentIds":[]}]}`, ""},
	{"listRoleMembers", `{"code":"none"}`, noRole, ""},
	{"listRoleMembers", `{"code":"admin","namespace":"none"}`, noNamespace, ""},
	{"listRoleMembers", `{"code":"admin","limit":51}`, `400 参数 limit 格式错误`, ""},
	{"listRoleDepartments", `{"code":"admin"}`, nothing, ""},
	{"listRoleDepartments", `{"code":"none"}`, noRole, ""},
	{"createOrganization", `{"organizationCode":"acme","organizationName":"Acme"}`, `200`, "acme=departmentId"},
	{"createDepartment", `{"code":"shop","name":"Shop","organizationCode":"acme","parentDepartmentId":"{acme}"}`, `200`, "shop=departmentId"},
	{"assignRole", `{"code":"bare","targets":[{"targetIdentifier":"{shop}","targetType":"DEPARTMENT"}]}`, did, ""},
	{"listRoleDepartments", `{"code":"bare","namespace":"default"}`, `200 {"totalCount":1,"list":[{"id":"{shop}","code":"shop","name":"Shop","description":""}]}`, ""},
	{"listRoleAssignments", `{"roleCode":"bare","targetType":["ORG"]}`, `200 {"totalCount":1}`, ""},
	{"listRoleDepartments", `{"code":"bare","limit":1,"page":2}`, `200 {"totalCount":1,"list":[]}`, ""},
	{"revokeRole", `{"code":"bare","targets":[{"targetIdentifier":"{shop}","targetType":"DEPARTMENT"}]}`, did, ""},
	{"listRoleDepartments", `{"code":"bare"}`, nothing, ""},

	{"listRoleAssignments", `{"roleCode":"admin"}`, `200 {"totalCount":3}`, ""},
	{"listRoleAssignments", `{"query":"ADM","roleCode":"admin","targetType":["USER"]}`, `200 {"totalCount":2}`, ""},
	{"listRoleAssignments", `{"limit":1,"page":2,"roleCode":"admin","targetType":["USER","ORG"]}`, `200 {"totalCount":2,"data":[{"roleId":"{admin}","roleCode":"admin","roleName":"Admin"}]}`, ""},
	{"listRoleAssignments", `{"roleCode":"admin","targetType":["ORG"]}`, `200 {"totalCount":0,"data":[]}`, ""},
	{"listRoleAssignments", `{"query":"nothing","roleCode":"admin"}`, `200 {"totalCount":0,"data":[]}`, ""},
	{"listRoleAssignments", `{"roleCode":"none"}`, noRole, ""},
	{"listRoleAssignments", `{"namespaceCode":"none","roleCode":"admin"}`, noNamespace, ""},
	{"listRoleAssignments", `{"roleCode":"admin","targetType":["GROUP"]}`, `400 参数 targetType 格式错误`, ""},

	{"getUserRoles", `{"userId":"{ann}"}`, `200 {"totalCount":1,"list":[{"code":"admin","status":"ENABLE"}]}`, ""},
	{"getUserRoles", `{"userId":"{bob}"}`, nothing, ""},
	{"hasAnyRole", `{"roles":[{"code":"admin"}],"userId":"{eve}"}`, `200 {"hasAnyRole":true}`, ""},
	{"hasAnyRole", `{"roles":[{"code":"admin"}],"userId":"{bob}"}`, `200 {"hasAnyRole":false}`, ""},
	{"updateRole", `{"code":"admin","status":"DISABLE"}`, did, ""},
	{"hasAnyRole", `{"roles":[{"code":"admin"}],"userId":"{ann}"}`, `200 {"hasAnyRole":false}`, ""},
	{"getUserRoles", `{"userId":"{ann}"}`, nothing, ""},
	{"updateRole", `{"code":"admin","status":"ENABLE"}`, did, ""},
	{"hasAnyRole", `{"roles":[{"code":"admin"}],"userId":"{ann}"}`, `200 {"hasAnyRole":true}`, ""},

	{"revokeRole", `{"code":"admin","targets":[{"targetIdentifier":"{ann}","targetType":"USER"},{"targetIdentifier":"{bob}","targetType":"USER"}]}`, did, ""},
	{"revokeRole", `{"code":"admin","targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, did, ""},
	{"listRoleMembers", `{"code":"admin"}`, nothing, ""},
	{"revokeRole", `{"code":"none","targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, noRole, ""},
	{"revokeRole", `{"code":"admin","namespace":"none","targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, noNamespace, ""},
	{"revokeRole", `{"code":"admin","targets":[{"targetIdentifier":"nobody","targetType":"USER"}]}`, noUser, ""},
	{"revokeRole", `{"code":"admin","targets":[]}`, badTargets, ""},
	{"assignRoleBatch", `{"roles":[{"code":"admin"},{"code":"admin","namespace":"{app}"}],"targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, did, ""},
	{"getUserRoles", `{"userId":"{ann}"}`, `200 {"totalCount":2}`, ""},
	{"assignRoleBatch", `{"roles":[{"code":"admin"},{"code":"none"}],"targets":[{"targetIdentifier":"{bob}","targetType":"USER"}]}`, noRole, ""},
	{"assignRoleBatch", `{"roles":[],"targets":[{"targetIdentifier":"{bob}","targetType":"USER"}]}`, `400 参数 roles 格式错误`, ""},
	{"getUserRoles", `{"userId":"{bob}"}`, nothing, ""},
	{"revokeRoleBatch", `{"roles":[{"code":"admin"},{"code":"admin","namespace":"{app}"}],"targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, did, ""},
	{"getUserRoles", `{"userId":"{ann}"}`, nothing, ""},
	{"revokeRoleBatch", `{"roles":[{"code":"none"}],"targets":[{"targetIdentifier":"{ann}","targetType":"USER"}]}`, noRole, ""},

	{"setCustomFields", `{"list":[{"dataType":"NUMBER","key":"rank","targetType":"ROLE"}]}`, `200`, ""},
	{"setCustomData", `{"list":[{"key":"rank","value":7}],"namespace":"default","targetIdentifier":"admin","targetType":"ROLE"}`, did, ""},
	{"setCustomData", `{"list":[{"key":"rank","value":8}],"namespace":"{app}","targetIdentifier":"admin","targetType":"ROLE"}`, did, ""},
	{"getCustomData", `{"targetIdentifier":"admin","targetType":"ROLE"}`, `200 {"rank":7}`, ""},
	{"getCustomData", `{"namespace":"{app}","targetIdentifier":"admin","targetType":"ROLE"}`, `200 {"rank":8}`, ""},
	{"setCustomData", `{"list":[{"key":"rank","value":"x"}],"targetIdentifier":"admin","targetType":"ROLE"}`, `400 字段 rank 的值与其类型不符`, ""},
	{"setCustomData", `{"list":[{"key":"rank","value":7}],"targetIdentifier":"none","targetType":"ROLE"}`, noRole, ""},

	{"getRoleAuthorizedResources", `{"code":"admin"}`, nothing, ""},
	{"getRoleAuthorizedResources", `{"code":"none"}`, noRole, ""},
	{"getRoleAuthorizedResources", `{"code":"admin","namespace":"none"}`, noNamespace, ""},
	{"getRoleAuthorizedResources", `{"code":"admin","resourceType":"NONSENSE"}`, `400 参数 resourceType 格式错误`, ""},

	{"checkMutualExclusion", `{"roles":[{"code":"admin"},{"code":"admin","namespace":"{app}"}]}`, `200 {"existMutuallyExclusive":false}`, ""},
	{"checkMutualExclusion", `{"roles":[{"code":"none"}]}`, noRole, ""},
	{"checkMutualExclusion", `{"roles":[]}`, `400 参数 roles 格式错误`, ""},

	{"deleteAdminRolesBatch", `{"codeList":["boss"]}`, noRole, ""},
	{"createAdminRole", `{"code":"boss","description":"of the console","name":"Boss"}`, `200 {"isValid":true}`, ""},
	{"createAdminRole", `{"code":"boss","name":"Boss"}`, `409 角色标识符已存在`, ""},
	{"createAdminRole", `{"code":"a b","name":"Boss"}`, `400 invalid role code: a b`, ""},
	{"createAdminRole", `{"code":"chief"}`, `400 参数 name 格式错误`, ""},
	{"getRole", `{"code":"boss"}`, noRole, ""},
	{"getRole", `{"code":"boss","namespace":"system"}`, `200 {"name":"Boss"}`, ""},
	{"deleteAdminRolesBatch", `{"codeList":["boss","none"]}`, noRole, ""},
	{"deleteAdminRolesBatch", `{"codeList":["boss"]}`, did, ""},
	{"deleteAdminRolesBatch", `{"codeList":[]}`, `400 参数 codeList 格式错误`, ""},

	{"deleteRolesBatch", `{"codeList":["timed","none"]}`, noRole, ""},
	{"deleteRolesBatch", `{"codeList":["timed"],"namespace":"none"}`, noNamespace, ""},
	{"deleteRolesBatch", `{"codeList":[]}`, `400 参数 codeList 格式错误`, ""},
	{"deleteRolesBatch", `{"codeList":[` + strings.Repeat(`"x",`, 50) + `"x"]}`, `400 参数 codeList 最多允许 50 项`, ""},
	{"deleteRolesBatch", `{"codeList":["timed","gone"]}`, did, ""},
	{"deleteRoles", `{"roleList":[{"code":"endless","namespace":"default"},{"code":"none","namespace":"{app}"}]}`, noRole, ""},
	{"deleteRoles", `{"roleList":[{"code":"endless","namespace":"default"},{"code":"two","namespace":"{app}"}]}`, did, ""},
	{"deleteRoles", `{"roleList":[{"code":"uno","namespace":"none"}]}`, noNamespace, ""},
	{"deleteRoles", `{"roleList":[{"code":"uno"}]}`, `400 参数 namespace 格式错误`, ""},
	{"listRoles", ``, `200 {"totalCount":3,"list":[{"code":"uno"},{"code":"bare"},{"code":"admin"}]}`, ""},
}

func TestRoles(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		now := time.Now().UnixMilli()
		hour := time.Hour.Milliseconds()
		s.names["app"] = h.pool.AppID
		s.names["past"], s.names["soon"], s.names["later"] = fmt.Sprint(now-hour), fmt.Sprint(now+hour), fmt.Sprint(now+2*hour)
		s.run(t, roleSteps)
		s.assertComplete(t, "roles", nil, nil)

		target := access.Target{Type: directory.RoleTarget, ID: s.names["admin"]}
		if err := h.Access.Grant(h.pool.As(t.Context()), h.pool.ID, []access.NewGrant{{Target: target, Resource: "cars:1", Actions: []string{"cars:drive"}}}); err != nil {
			t.Fatal(err)
		}
		s.run(t, []step{
			{"getRoleAuthorizedResources", `{"code":"admin","resourceType":"DATA"}`,
				`200 {"totalCount":1,"list":[{"resourceCode":"cars:1","resourceType":"DATA","apiIdentifier":"","actions":["cars:drive"]}]}`, ""},
			{"getRoleAuthorizedResources", `{"code":"admin","resourceType":"API"}`, nothing, ""},
			{"getRoleAuthorizedResources", `{"code":"admin","namespace":"` + h.pool.AppID + `"}`, nothing, ""},
		})

		// Who is to have a role does not have it yet; the list of assignments tells when.
		a := h.client().send(t, "GET", "/api/v3/list-role-assignments", `{"roleCode":"admin"}`)
		if d := differs("assignments", map[string]any{"totalCount": 1.0}, a.Data); d != "" {
			t.Error(d)
		}
		s.run(t, []step{
			{"assignRole", `{"code":"admin","endTime":{later},"enableTime":{soon},"targets":[{"targetIdentifier":"{bob}","targetType":"USER"}]}`, did, ""},
			{"listRoleAssignments", `{"roleCode":"admin","targetType":["USER"]}`, `200 {"totalCount":1,"data":[{"status":"DISABLE","userPoolId":"` + h.pool.ID + `"}]}`, ""},
			{"assignRole", `{"code":"admin","endTime":{later},"targets":[{"targetIdentifier":"{bob}","targetType":"USER"}]}`, did, ""},
			{"listRoleAssignments", `{"roleCode":"admin","targetType":["USER"]}`, `200 {"totalCount":1,"data":[{"status":"ENABLE","enableTime":null}]}`, ""},
		})
		a = h.client().send(t, "GET", "/api/v3/list-role-assignments", `{"roleCode":"admin","targetType":["USER"]}`)
		if end := dig(a.Data, "data.0.endTime"); end != float64(now+2*hour) {
			t.Errorf("it ends at %v", end)
		}
	})
}
