package v3

import (
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
)

var fieldSteps = []step{
	{"createUsersBatch", `{"list":[{"username":"ann"},{"username":"bob"}]}`, `200`, "ann=0.userId bob=1.userId"},
	{"createGroup", `{"code":"dev","name":"Dev"}`, `200`, ""},

	{"setCustomFields", `{"list":[{"dataType":"STRING","description":"d","isUnique":false,"key":"town","label":"Town","targetType":"USER","userEditable":true,"visibleInAdminConsole":true,"visibleInUserCenter":false},
		{"dataType":"SELECT","key":"size","label":"Size","options":[{"label":"Small","value":"S"},{"label":"mit","value":"M"}],"targetType":"USER"},
		{"dataType":"BOOLEAN","key":"done","targetType":"USER"},{"dataType":"DATETIME","key":"born","targetType":"USER"},
		{"dataType":"NUMBER","i18n":{"label":{"en-US":{"enabled":true,"value":"Rank"},"zh-CN":{"enabled":false}}},"key":"rank","targetType":"GROUP"},
		{"dataType":"STRING","key":"note","targetType":"ROLE"}]}`,
		`200 [{"targetType":"USER","key":"town","dataType":"STRING","label":"Town","description":"d","userEditable":true,"visibleInAdminConsole":true,
		"visibleInUserCenter":false,"isUnique":false,"encrypted":false,"createdAt":"*","options":[],"i18n":null},
		{"dataType":"ENUM","options":[{"label":"Small","value":"S"},{"label":"mit","value":"M"}]},{},{},
		{"targetType":"GROUP","i18n":{"label":{"en-US":{"enabled":true,"value":"Rank"},"zh-CN":{"enabled":false,"value":""},"zh-TW":{"enabled":false,"value":""},"ja-JP":{"enabled":false,"value":""}}}},{}]`, ""},
	{"setCustomFields", `{"list":[{"key":"town","label":"City","targetType":"USER"}]}`, `200 [{"key":"town","label":"City","dataType":"STRING","description":"d"}]`, ""},
	{"setCustomFields", `{"list":[{"dataType":"STRING","key":"k","targetType":"USER"},{"dataType":"STRING","key":"","targetType":"USER"}]}`, `400 参数 key 格式错误`, ""},
	{"setCustomFields", `{"list":[{"dataType":"STRING","key":"a\u0000","targetType":"USER"}]}`, `400 参数 key 格式错误`, ""},
	{"setCustomFields", `{"list":[{"dataType":"STRING","key":"{long}","targetType":"USER"}]}`, `400 参数 key 格式错误`, ""},
	{"setCustomFields", `{"list":[{"dataType":"NONSENSE","key":"k","targetType":"USER"}]}`, `400 参数 dataType 格式错误`, ""},
	{"setCustomFields", `{"list":[{"dataType":"STRING","key":"k","targetType":"NONSENSE"}]}`, `400 参数 targetType 格式错误`, ""},
	{"setCustomFields", `{"list":[{"key":"k","targetType":"USER"}]}`, `400 参数 dataType 格式错误`, ""},
	{"setCustomFields", `{"list":[]}`, `400 参数 list 格式错误`, ""},
	{"setCustomFields", `{"list":[` + strings.Repeat(`{"dataType":"STRING","key":"k","targetType":"USER"},`, 50) + `{"dataType":"STRING","key":"k","targetType":"USER"}]}`, `400 参数 list 最多允许 50 项`, ""},
	{"getCustomFields", `{"targetType":"USER"}`, `200 [{"key":"age"},{"key":"school"},{"key":"born"},{"key":"done"},{"key":"size"},{"key":"town","label":"City"}]`, ""},
	{"getCustomFields", `{"targetType":"DEPARTMENT"}`, `200 []`, ""},
	{"getCustomFields", `{"targetType":"NONSENSE"}`, `400 参数 targetType 格式错误`, ""},
	{"listCustFields", `{"dataType":"SELECT","targetType":"USER"}`, `200 {"totalCount":1,"list":[{"key":"size","dataType":"ENUM"}]}`, ""},
	{"listCustFields", `{"keyword":"O","limit":1,"page":2,"targetType":"USER"}`, `200 {"totalCount":4,"list":[{}]}`, ""},
	{"listCustFields", `{"targetType":"USER","userVisible":true}`, `200 {"totalCount":2}`, ""},
	{"listCustFields", `{"dataType":"NONSENSE","targetType":"USER"}`, `400 参数 dataType 格式错误`, ""},
	{"listCustFields", `{"limit":51,"targetType":"USER"}`, `400 参数 limit 格式错误`, ""},
	{"listCustFields", `{"page":0,"targetType":"USER"}`, `400 参数 page 格式错误`, ""},

	{"setCustomData", `{"list":[{"key":"town","value":"上海"},{"key":"age","value":20.5},{"key":"done","value":false},{"key":"born","value":"2022-07-03T03:20:30.000Z"},{"key":"size","value":"mit"}],"targetIdentifier":"{ann}","targetType":"USER"}`, `200 {"success":true}`, ""},
	{"getCustomData", `{"targetIdentifier":"{ann}","targetType":"USER"}`, `200 {"town":"上海","age":20.5,"done":false,"born":"2022-07-03T03:20:30.000Z","size":"mit"}`, ""},
	{"setCustomData", `{"list":[{"key":"age","value":null},{"key":"done"},{"key":"size","value":"S"}],"targetIdentifier":"{ann}","targetType":"USER"}`, `200 {"success":true}`, ""},
	{"getCustomData", `{"targetIdentifier":"{ann}","targetType":"USER"}`, `200 {"town":"上海","age":"-","done":"-","size":"S"}`, ""},
	{"getCustomData", `{"targetIdentifier":"{bob}","targetType":"USER"}`, `200 {}`, ""},
	{"setCustomData", `{"list":[{"key":"size","value":"XXL"}],"targetIdentifier":"{ann}","targetType":"USER"}`, `400 字段 size 的值与其类型不符`, ""},
	{"setCustomData", `{"list":[{"key":"town","value":"new"},{"key":"nonsense","value":1}],"targetIdentifier":"{ann}","targetType":"USER"}`, `400 字段 nonsense 未定义`, ""},
	{"setCustomData", `{"list":[{"key":"town","value":"{long}"}],"targetIdentifier":"{ann}","targetType":"USER"}`, `400 customData must be less than 1024 characters`, ""},
	{"setCustomData", `{"list":[],"targetIdentifier":"{ann}","targetType":"USER"}`, `400 参数 list 格式错误`, ""},
	{"setCustomData", `{"list":[{"key":"town","value":"x"}],"targetIdentifier":"{nobody}","targetType":"USER"}`, noUser, ""},
	{"setCustomData", `{"list":[{"key":"rank","value":7}],"targetIdentifier":"none","targetType":"GROUP"}`, noGroup, ""},
	{"setCustomData", `{"list":[{"key":"note","value":"x"}],"targetIdentifier":"none","targetType":"ROLE"}`, `404 角色不存在`, ""},
	{"setCustomData", `{"list":[{"key":"note","value":"x"}],"namespace":"none","targetIdentifier":"admin","targetType":"ROLE"}`, noNamespace, ""},
	{"setCustomData", `{"list":[{"key":"note","value":"x"}],"targetIdentifier":"d1","targetType":"DEPARTMENT"}`, `404 部门不存在`, ""},
	{"setCustomData", `{"list":[{"key":"rank","value":7}],"targetIdentifier":"dev","targetType":"GROUP"}`, `200`, ""},
	{"getCustomData", `{"targetIdentifier":"dev","targetType":"GROUP"}`, `200 {"rank":7}`, ""},
	{"setCustomData", `{"list":[{"key":"note","value":"n"}],"namespace":"default","targetIdentifier":"admin","targetType":"ROLE"}`, `200`, ""},
	{"getCustomData", `{"targetIdentifier":"admin","targetType":"ROLE"}`, `200 {"note":"n"}`, ""},
	{"getCustomData", `{"targetIdentifier":"{nobody}","targetType":"USER"}`, noUser, ""},
	{"getCustomData", `{"targetIdentifier":"none","targetType":"GROUP"}`, noGroup, ""},
	{"getCustomData", `{"targetIdentifier":"d1","targetType":"DEPARTMENT"}`, `404 部门不存在`, ""},
	{"getCustomData", `{"targetIdentifier":"x","targetType":"NONSENSE"}`, `400 参数 targetType 格式错误`, ""},

	{"setCustomFields", `{"list":[{"dataType":"STRING","isUnique":true,"key":"badge","targetType":"USER"}]}`, `200 [{"isUnique":true}]`, ""},
	{"setCustomData", `{"list":[{"key":"badge","value":"007"}],"targetIdentifier":"{ann}","targetType":"USER"}`, `200`, ""},
	{"setCustomData", `{"list":[{"key":"badge","value":"007"}],"targetIdentifier":"{bob}","targetType":"USER"}`, `409 字段 badge 的值已被占用`, ""},
	{"setCustomFields", `{"list":[{"dataType":"NUMBER","key":"badge","targetType":"USER"}]}`, `422 字段 badge 已有数据，不能更改类型`, ""},

	{"getUserBaseFields", ``, `200`, ""},
	{"listUserBaseFields", `{"keyword":"nick"}`, `200 {"totalCount":1,"list":[{"targetType":"USER","key":"nickname","dataType":"STRING","createdAt":null}]}`, ""},
	{"setUserBaseFields", `{"list":[{"key":"phone","description":"d"},{"key":"nickname","label":"Nick!","visibleInUserCenter":false}]}`, `200 [{"key":"phone","description":"d"},{"key":"nickname","label":"Nick!","visibleInUserCenter":false}]`, ""},
	{"listUserBaseFields", `{"keyword":"NICK!","targetType":"USER"}`, `200 {"totalCount":1,"list":[{"label":"Nick!"}]}`, ""},
	{"listUserBaseFields", `{"targetType":"GROUP"}`, nothing, ""},
	{"listUserBaseFields", `{"dataType":"SELECT"}`, `200 {"totalCount":1,"list":[{"dataType":"ENUM","key":"gender"}]}`, ""},
	{"listUserBaseFields", `{"dataType":"OBJECT"}`, `200 {"list":[{"dataType":"STRING"}]}`, ""},
	{"listUserBaseFields", `{"limit":50,"page":2147483647}`, `200 {"list":[]}`, ""},
	{"listUserBaseFields", `{"dataType":"NONSENSE"}`, `400 参数 dataType 格式错误`, ""},
	{"listUserBaseFields", `{"limit":0}`, `400 参数 limit 格式错误`, ""},
	{"listUserBaseFields", `{"keyword":"{long}"}`, `400 参数 keyword 格式错误`, ""},
	{"setUserBaseFields", `{"list":[{"key":"nonsense"}]}`, `400 字段 nonsense 未定义`, ""},
	{"setUserBaseFields", `{"list":[]}`, `400 参数 list 格式错误`, ""},

	{"deleteCustomFields", `{"list":[{"key":"town","targetType":"USER"},{"key":"none","targetType":"USER"},{"key":"note","targetType":"ROLE"}]}`, `200 {"success":true}`, ""},
	{"getCustomData", `{"targetIdentifier":"{ann}","targetType":"USER"}`, `200 {"town":"-","size":"S"}`, ""},
	{"getCustomData", `{"targetIdentifier":"admin","targetType":"ROLE"}`, `200 {"note":"-"}`, ""},
	{"getCustomData", `{"targetIdentifier":"dev","targetType":"GROUP"}`, `200 {"rank":7}`, ""},
	{"deleteCustomFields", `{"list":[]}`, `400 参数 list 格式错误`, ""},
	{"deleteCustomFields", `{"list":[{"key":"size","targetType":"USER"},{"key":"x","targetType":"NONSENSE"}]}`, `400 参数 targetType 格式错误`, ""},
	{"deleteCustomFields", `{"list":[` + strings.Repeat(`{"key":"k","targetType":"USER"},`, 50) + `{"key":"k","targetType":"USER"}]}`, `400 参数 list 最多允许 50 项`, ""},
	{"getCustomData", `{"targetIdentifier":"{ann}","targetType":"USER"}`, `200 {"size":"S"}`, ""},
}

func TestFields(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		if _, err := h.Access.CreateRole(h.pool.As(t.Context()), h.pool.ID, access.NewRole{Code: "admin", Name: "Admin"}); err != nil {
			t.Fatal(err)
		}
		s := newScript(t, h.client())
		s.run(t, fieldSteps)
		s.assertComplete(t, "udf", nil, []string{"getUserBaseFields"})
	})
}
