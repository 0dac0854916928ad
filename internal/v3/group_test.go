package v3

import (
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

const (
	noGroup     = `404 分组不存在`
	badCode     = `400 参数 code 格式错误`
	noNamespace = `404 权限组不存在`
	tooLongCode = "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc" // 65
)

var groupSteps = []step{
	{"createUsersBatch", `{"list":[{"username":"ann"},{"username":"bob"},{"username":"eve"}]}`, `200`, "ann=0.userId bob=1.userId eve=2.userId"},
	{"setCustomFields", `{"list":[{"dataType":"NUMBER","key":"rank","targetType":"GROUP"},{"dataType":"STRING","key":"name","targetType":"GROUP"}]}`, `200`, ""},

	{"createGroup", `{"code":"dev","customData":{"name":"mine","rank":7},"description":"who develop","name":"Dev","type":"static"}`,
		`200 {"id":"*","code":"dev","name":"Dev","description":"who develop","type":"static","metadataSource":[],"members":[],"customData":"-"}`, "dev=id"},
	{"createGroup", `{"code":"bare","name":"Bare"}`, `200 {"code":"bare","description":"","type":"static"}`, ""},
	{"createGroup", `{"code":"dev","name":"D"}`, `409 分组标识符已存在`, ""},
	{"createGroup", `{"code":"` + tooLongCode + `","name":"D"}`, badCode, ""},
	{"createGroup", `{"code":"","name":"D"}`, badCode, ""},
	{"createGroup", `{"code":" ","name":"D"}`, badCode, ""},
	{"createGroup", `{"name":"D"}`, badCode, ""},
	{"createGroup", `{"code":"d"}`, `400 参数 name 格式错误`, ""},
	{"createGroup", `{"code":"d","name":"a\u0000b"}`, `400 参数 name 格式错误`, ""},
	{"createGroup", `{"code":"d","description":"{long}","name":"D"}`, `400 参数 description 格式错误`, ""},
	{"createGroup", `{"code":"d","customData":{"rank":"x"},"name":"D"}`, `400 字段 rank 的值与其类型不符`, ""},

	{"createGroupsBatch", `{"list":[{"code":"one","description":"d","name":"One"},{"code":"two","name":"Two"}]}`, `200 [{"code":"one","name":"One","description":"d"},{"code":"two"}]`, ""},
	{"createGroupsBatch", `{"list":[{"code":"three","name":"T"},{"code":"one","name":"O"}]}`, `409 分组标识符已存在`, ""},
	{"createGroupsBatch", `{"list":[{"code":"four","name":"F"},{"code":"four","name":"F"}]}`, `409 分组标识符已存在`, ""},
	{"createGroupsBatch", `{"list":[{"code":"` + tooLongCode + `","name":"F"}]}`, `400 参数 list 格式错误`, ""},
	{"createGroupsBatch", `{"list":[]}`, `400 参数 list 格式错误`, ""},
	{"createGroupsBatch", `{"list":[` + strings.Repeat(`{"code":"x","name":"x"},`, 50) + `{"code":"x","name":"x"}]}`, `400 参数 list 最多允许 50 项`, ""},

	{"createOrUpdateGroup", `{"code":"either","description":"d","name":"First","type":"static"}`, `200 {"created":true,"data":{"code":"either","name":"First","description":"d"}}`, "either=data.id"},
	{"createOrUpdateGroup", `{"code":"either","name":"Second"}`, `200 {"created":false,"data":{"id":"{either}","name":"Second"}}`, ""},
	{"createOrUpdateGroup", `{"code":"","name":"N"}`, badCode, ""},

	{"getGroup", `{"code":"dev"}`, `200 {"id":"{dev}","name":"Dev","customData":"-"}`, ""},
	{"getGroup", `{"code":"dev","withCustomData":true}`, `200 {"customData":{"rank":7,"name":"mine"}}`, ""},
	{"getGroup", `{"code":"bare","withCustomData":true}`, `200 {"customData":{}}`, ""},
	{"getGroup", `{"code":"Dev"}`, noGroup, ""},
	{"getGroup", `{"code":""}`, badCode, ""},

	{"updateGroup", `{"code":"one","description":"uno","name":"Uno"}`, `200 {"code":"one","name":"Uno","description":"uno"}`, ""},
	{"updateGroup", `{"code":"one","newCode":"uno"}`, `200 {"code":"uno","name":"Uno","description":"uno"}`, ""},
	{"updateGroup", `{"code":"uno","newCode":""}`, `200 {"code":"uno"}`, ""},
	{"updateGroup", `{"code":"uno","customData":{"rank":1}}`, `200`, ""},
	{"getGroup", `{"code":"uno","withCustomData":true}`, `200 {"customData":{"rank":1}}`, ""},
	{"updateGroup", `{"code":"one","name":"N"}`, noGroup, ""},
	{"updateGroup", `{"code":"uno","newCode":"dev"}`, `409 分组标识符已存在`, ""},
	{"updateGroup", `{"code":"uno","newCode":"` + tooLongCode + `"}`, `400 参数 newCode 格式错误`, ""},
	{"updateGroup", `{"code":"uno","customData":"x"}`, `400 参数 customData 格式错误`, ""},

	{"listGroups", ``, `200 {"totalCount":5,"list":[{"code":"either"},{"code":"two"},{"code":"uno"},{"code":"bare"},{"code":"dev","members":[]}]}`, ""},
	{"listGroups", `{"limit":2,"page":2,"withCustomData":true}`, `200 {"totalCount":5,"list":[{"code":"uno","customData":{"rank":1}},{"code":"bare","customData":{}}]}`, ""},
	{"listGroups", `{"keywords":"UN"}`, `200 {"totalCount":1,"list":[{"code":"uno"}]}`, ""},
	{"listGroups", `{"keywords":"%"}`, nothing, ""},
	{"listGroups", `{"keywords":"{long}"}`, `400 参数 keywords 格式错误`, ""},
	{"listGroups", `{"limit":100000,"page":1}`, `400 参数 limit 格式错误`, ""},
	{"listGroups", `{"limit":1,"page":-1}`, `400 参数 page 格式错误`, ""},

	{"addGroupMembers", `{"code":"dev","userIds":["{ann}","{bob}"]}`, `200 {"success":true}`, ""},
	{"addGroupMembers", `{"code":"dev","userIds":["{bob}","{eve}","{eve}"]}`, `200 {"success":true}`, ""},
	{"addGroupMembers", `{"code":"dev","userIds":["{ann}","{nobody}"]}`, noUser, ""},
	{"addGroupMembers", `{"code":"none","userIds":["{ann}"]}`, noGroup, ""},
	{"addGroupMembers", `{"code":"","userIds":["{ann}"]}`, badCode, ""},
	{"addGroupMembers", `{"code":"dev","userIds":[]}`, `400 参数 userIds 格式错误`, ""},
	{"addGroupMembers", `{"code":"dev","userIds":[7]}`, `400 参数 userIds 格式错误`, ""},
	{"addGroupMembers", `{"code":"dev","userIds":[` + strings.Repeat(`"x",`, 50) + `"x"]}`, `400 参数 userIds 最多允许 50 项`, ""},
	{"listGroupMembers", `{"code":"dev"}`, `200 {"totalCount":3,"list":[{"customData":"-"},{},{}]}`, ""},
	{"listGroupMembers", `{"code":"dev","limit":2,"page":2,"withCustomData":true,"withDepartmentIds":true,"withIdentities":true}`,
		`200 {"totalCount":3,"list":[{"customData":{},"identities":[],"departmentIds":[]}]}`, ""},
	{"listGroupMembers", `{"code":"none"}`, noGroup, ""},
	{"listGroupMembers", `{"code":"dev","limit":10000}`, `400 参数 limit 格式错误`, ""},
	{"listGroupMembers", `{"code":"dev","page":-1}`, `400 参数 page 格式错误`, ""},
	{"getGroup", `{"code":"dev"}`, `200 {"members":[{},{},{}]}`, ""},
	{"getAllGroups", ``, `200 [{"members":[]},{},{},{},{"code":"dev","members":[]}]`, ""},
	{"getAllGroups", `{"fetchMembers":true,"withCustomData":true}`, `200 [{"members":[],"customData":{}},{},{},{},{"code":"dev","members":[{},{},{}],"customData":{"rank":7}}]`, ""},
	{"getAllGroups", `{"fetchMembers":"perhaps"}`, `400 参数 fetchMembers 格式错误`, ""},
	{"removeGroupMembers", `{"code":"dev","userIds":["{ann}","{eve}"]}`, `200 {"success":true}`, ""},
	{"removeGroupMembers", `{"code":"dev","userIds":["{ann}","{nobody}"]}`, `200 {"success":true}`, ""},
	{"removeGroupMembers", `{"code":"none","userIds":["{ann}"]}`, noGroup, ""},
	{"removeGroupMembers", `{"code":"","userIds":["{ann}"]}`, badCode, ""},
	{"removeGroupMembers", `{"code":"dev","userIds":[]}`, `400 参数 userIds 格式错误`, ""},
	{"listGroupMembers", `{"code":"dev"}`, `200 {"totalCount":1,"list":[{"userId":"{bob}"}]}`, ""},

	{"getGroupAuthorizedResources", `{"code":"dev"}`, `200 []`, ""},
	{"getGroupAuthorizedResources", `{"code":"none"}`, noGroup, ""},
	{"getGroupAuthorizedResources", `{"code":"dev","namespace":"none"}`, noNamespace, ""},
	{"getGroupAuthorizedResources", `{"code":"dev","resourceType":"NONSENSE"}`, `400 参数 resourceType 格式错误`, ""},

	{"deleteGroupsBatch", `{"codeList":["bare","none"]}`, `200 {"success":true}`, ""},
	{"getGroup", `{"code":"bare"}`, noGroup, ""},
	{"deleteGroupsBatch", `{"codeList":["none"]}`, `200 {"success":true}`, ""},
	{"deleteGroupsBatch", `{"codeList":[]}`, `400 参数 codeList 格式错误`, ""},
	{"deleteGroupsBatch", `{"codeList":[` + strings.Repeat(`"x",`, 50) + `"x"]}`, `400 参数 codeList 最多允许 50 项`, ""},
	{"listGroups", ``, `200 {"totalCount":4}`, ""},
}

func TestGroups(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.run(t, groupSteps)
		target := access.Target{Type: directory.GroupTarget, ID: s.names["dev"]}
		if err := h.Access.Grant(h.pool.As(t.Context()), h.pool.ID, []access.NewGrant{{Target: target, Resource: "cars:1", Actions: []string{"cars:drive"}}}); err != nil {
			t.Fatal(err)
		}
		s.run(t, []step{
			{"getGroupAuthorizedResources", `{"code":"dev","namespace":"default","resourceType":"DATA"}`,
				`200 [{"resourceCode":"cars:1","resourceType":"DATA","apiIdentifier":"","actions":["cars:drive"],"effect":"ALLOW"}]`, ""},
			{"getGroupAuthorizedResources", `{"code":"dev","resourceType":"API"}`, `200 []`, ""},
		})
		s.assertComplete(t, "groups", nil, nil)

		// Lifted values take no member's place.
		a := h.client().send(t, "GET", "/api/v3/list-groups", `{"flatCustomData":true,"keywords":"dev"}`)
		if d := differs("group", map[string]any{"rank": 7.0, "name": "Dev", "customData": "-"}, dig(a.Data, "list.0")); d != "" {
			t.Error(d, a.Text)
		}
	})
}
