package v3

import (
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/caller"
)

const (
	noSpace      = `404 namespace not found`
	noDataThing  = `404 数据资源不存在`
	noDataPolicy = `404 数据策略不存在`
	emptyCode    = `400 code should not be empty`
	tooMuch      = `400 limit must not be greater than 50`
	emptySpace   = `400 namespaceCode should not be empty`
	emptyThing   = `400 resourceCode should not be empty`
	fewResources = `400 resources must contain at least 1 elements,resources should not be empty`
)

var dataSteps = []step{
	{"createUser", `{"username":"ann","externalId":"ann-x"}`, `200`, "ann=userId"},
	{"createUser", `{"username":"bob"}`, `200`, "bob=userId"},
	{"createGroup", `{"code":"dev","name":"Dev"}`, `200`, "dev=id"},
	{"addGroupMembers", `{"code":"dev","userIds":["{bob}"]}`, `200`, ""},

	// Namespaces.
	{"createPermissionNamespace", `{"code":"test","name":"Test","description":"d"}`, `200 {"code":"test","name":"Test","description":"d"}`, ""},
	{"createPermissionNamespace", `{"code":"test","name":"Test"}`, `409 namespace with code test already exists.`, ""},
	{"createPermissionNamespace", `{"code":"default","name":"x"}`, `403 can't use permission namespace code 'default' or 'system'`, ""},
	{"createPermissionNamespace", `{"code":"system","name":"x"}`, `403 can't use permission namespace code 'default' or 'system'`, ""},
	{"createPermissionNamespace", `{"code":"","name":"x"}`, emptyCode, ""},
	{"createPermissionNamespace", `{"code":"好","name":"x"}`, `400 invalid namespace code: 好`, ""},
	{"createPermissionNamespace", `{"code":"x","name":""}`, `400 name should not be empty`, ""},
	{"createPermissionNamespacesBatch", `{"list":[{"code":"one","name":"One"},{"code":"two","name":"Two"}]}`, `200 {"success":true}`, ""},
	{"createPermissionNamespacesBatch", `{"list":[{"code":"three","name":"N"},{"code":"two","name":"Two"}]}`, `409 namespace with code two already exists.`, ""},
	{"createPermissionNamespacesBatch", `{"list":[{"code":"default","name":"x"}]}`, `409 can't use built-in namespace code 'default' and 'system'`, ""},
	{"createPermissionNamespacesBatch", `{"list":[{"code":"","name":"x"}]}`, emptyCode, ""},
	{"createPermissionNamespacesBatch", `{"list":[{"code":"x","name":""}]}`, `400 name should not be empty`, ""},
	{"createPermissionNamespacesBatch", `{"list":[]}`, `400 list must contain at least 1 elements`, ""},
	{"getPermissionNamespace", `{"code":"one"}`, `200 {"code":"one","name":"One","description":""}`, ""},
	{"getPermissionNamespace", `{"code":""}`, emptyCode, ""},
	{"getPermissionNamespace", `{"code":"none"}`, noSpace, ""},
	{"getPermissionNamespacesBatch", `{"codes":["two","one"]}`, `200 [{"code":"two"},{"code":"one"}]`, ""},
	{"getPermissionNamespacesBatch", `{"codes":["none"]}`, `404 有不存在的权限空间`, ""},
	{"listPermissionNamespaces", `{"query":"ON"}`, `200 {"totalCount":1,"list":[{"code":"one"}]}`, ""},
	{"listPermissionNamespaces", `{"limit":51}`, tooMuch, ""},
	{"checkPermissionNamespaceExists", `{"code":"free","name":"free"}`, `200 {"isValid":true}`, ""},
	{"checkPermissionNamespaceExists", `{"code":"one","name":"one"}`, `200 {"isValid":false,"message":"namespace with code one already exists."}`, ""},
	{"checkPermissionNamespaceExists", `{}`, `400`, ""},
	{"updatePermissionNamespace", `{"code":"one","newCode":"uno","name":"Uno","description":"d"}`, `200 {"code":"uno","name":"Uno","description":"d"}`, ""},
	{"updatePermissionNamespace", `{"code":"好","newCode":"uno"}`, `409 namespace with code uno already exists.`, ""},
	{"updatePermissionNamespace", `{"code":"好","newCode":"free"}`, noSpace, ""},
	{"updatePermissionNamespace", `{"code":"","newCode":"x"}`, emptyCode, ""},
	{"createRole", `{"code":"editor","name":"Editor","namespace":"test","description":"d"}`, `200`, ""},
	{"listPermissionNamespaceRoles", `{"code":"test"}`, `200 {"totalCount":1,"list":[{"code":"editor","name":"Editor","description":"d","namespace":"test","updatedAt":"*"}]}`, ""},
	{"listPermissionNamespaceRoles", `{"code":"test","limit":51}`, tooMuch, ""},
	{"listPermissionNamespaceRoles", `{"code":""}`, `400 code should not be empty,code must be longer than or equal to 1 characters`, ""},
	{"listPermissionNamespaceRoles", `{"code":"none"}`, noSpace, ""},
	{"deletePermissionNamespace", `{"code":"uno"}`, `200 {"success":true}`, ""},
	{"deletePermissionNamespace", `{"code":"uno"}`, noSpace, ""},
	{"deletePermissionNamespace", `{"code":""}`, emptyCode, ""},
	{"deletePermissionNamespacesBatch", `{"codes":["two"]}`, `200 {"success":true}`, ""},
	{"deletePermissionNamespacesBatch", `{"codes":[""]}`, `404 权限空间不存在`, ""},

	// Resources.
	{"createDataResource", `{"namespaceCode":"test","resourceCode":"doc","resourceName":"Doc","type":"STRING","struct":"text","actions":["read","get"],"description":"d"}`,
		`200 {"resourceCode":"doc","resourceName":"Doc","type":"STRING","struct":"text","actions":["read","get"],"description":"d"}`, ""},
	{"createDataResource", `{"namespaceCode":"test","resourceCode":"doc","resourceName":"Doc 2","type":"STRING","struct":"text","actions":["read"]}`, `409 数据资源 code 已经存在`, ""},
	{"createDataResource", `{"namespaceCode":"","resourceCode":"x","resourceName":"X","type":"STRING","struct":"text","actions":["read"]}`, emptySpace, ""},
	{"createDataResource", `{"namespaceCode":"none","resourceCode":"x","resourceName":"X","type":"STRING","struct":"text","actions":["read"]}`, noSpace, ""},
	{"createDataResource", `{"namespaceCode":"test","resourceCode":"x","resourceName":"","type":"STRING","struct":"text","actions":["read"]}`, `400 resourceName should not be empty`, ""},
	{"createDataResource", `{"namespaceCode":"test","resourceCode":"","resourceName":"X","type":"STRING","struct":"text","actions":["read"]}`, emptyThing, ""},
	{"createDataResource", `{"namespaceCode":"test","resourceCode":"x","resourceName":"X","type":"STRING","struct":"","actions":["read"]}`, `400 struct should not be empty`, ""},
	{"createDataResource", `{"namespaceCode":"test","resourceCode":"x","resourceName":"X","type":"STRING","struct":"text","actions":[]}`, `400 actions should not be empty`, ""},
	{"createDataResource", `{"namespaceCode":"test","resourceCode":"a/b","resourceName":"X","type":"STRING","struct":"text","actions":["a"]}`, `400 参数 resourceCode 格式错误`, ""},
	{"createDataResource", `{"namespaceCode":"test","resourceCode":"x","resourceName":"X","type":"TREE","struct":"text","actions":["a"]}`, `400 参数 struct 格式错误`, ""},
	{"createDataResourceByString", `{"namespaceCode":"test","resourceCode":"text","resourceName":"Text","struct":"t","actions":["read"]}`, `200 {"struct":"t","type":"STRING"}`, ""},
	{"createDataResourceByString", `{"namespaceCode":"test","resourceCode":"x","resourceName":"X","struct":"","actions":["read"]}`, `400 struct should not be empty`, ""},
	{"createDataResourceByArray", `{"namespaceCode":"test","resourceCode":"list","resourceName":"List","struct":["a","b"],"actions":["read","write"]}`, `200 {"struct":["a","b"],"type":"ARRAY"}`, ""},
	{"createDataResourceByArray", `{"namespaceCode":"test","resourceCode":"x","resourceName":"X","struct":[],"actions":["read"]}`, `400 struct must contain at least 1 elements,struct should not be empty`, ""},
	{"createDataResourceByTree", `{"namespaceCode":"test","resourceCode":"tree","resourceName":"Tree","actions":["get","write"],
		"struct":[{"code":"a","name":"A","value":"","children":[{"code":"b","name":"B"}]},{"code":"c","name":"C"}]}`,
		`200 {"type":"TREE","struct":[{"code":"a","name":"A","value":"","children":[{"code":"b","name":"B"}]},{"code":"c","name":"C"}]}`, ""},
	{"createDataResourceByTree", `{"namespaceCode":"test","resourceCode":"x","resourceName":"X","struct":[],"actions":["read"]}`, `400 struct must contain at least 1 elements`, ""},
	{"listDataResources", `{"query":"DOC","namespaceCodes":["test"]}`, `200 {"totalCount":1,"list":[{"resourceCode":"doc","namespaceName":"Test","authorizationNum":0}]}`, ""},
	{"listDataResources", `{"limit":51}`, tooMuch, ""},
	{"getDataResource", `{"namespaceCode":"test","resourceCode":"doc"}`, `200 {"resourceCode":"doc","namespaceCode":"test"}`, ""},
	{"getDataResource", `{"namespaceCode":"test","resourceCode":""}`, emptyThing, ""},
	{"getDataResource", `{"namespaceCode":"test","resourceCode":"none"}`, noDataThing, ""},
	{"updateDataResource", `{"namespaceCode":"test","resourceCode":"text","resourceName":"Text 2","description":"e","struct":"u","actions":["read","update"]}`,
		`200 {"resourceCode":"text","resourceName":"Text 2","description":"e","struct":"u","actions":["read","update"]}`, ""},
	{"updateDataResource", `{"namespaceCode":"","resourceCode":"text"}`, emptySpace, ""},
	{"updateDataResource", `{"namespaceCode":"test","resourceCode":"text","struct":["u"]}`, `400 参数 struct 格式错误`, ""},
	{"checkDataResourceExists", `{"namespaceCode":"test","resourceCode":"free","resourceName":"Free"}`, `200 {"isValid":true}`, ""},
	{"checkDataResourceExists", `{"namespaceCode":"test","resourceCode":"doc","resourceName":"Free"}`, `200 {"isValid":false,"message":"数据资源 code 已经存在"}`, ""},
	{"checkDataResourceExists", `{"namespaceCode":"test","resourceCode":"free","resourceName":"Doc"}`, `200 {"isValid":false,"message":"数据资源名称已经存在"}`, ""},
	{"checkDataResourceExists", `{"namespaceCode":""}`, emptySpace, ""},
	{"deleteDataResource", `{"namespaceCode":"test","resourceCode":"text"}`, `200`, ""},
	{"deleteDataResource", `{"namespaceCode":"test","resourceCode":""}`, emptyThing, ""},

	// Fields of trees.
	{"createDnef", `{"namespaceCode":"test","resourceCode":"tree","key":"level","label":"Level","valueType":"SELECT","config":{"options":[{"value":"low"}]}}`, `200 {"success":true}`, ""},
	{"createDnef", `{"namespaceCode":"test","resourceCode":"tree","key":"level","label":"Level","valueType":"STRING"}`, `409 扩展字段 key 已经存在`, ""},
	{"createDnef", `{"namespaceCode":"test","resourceCode":"doc","key":"level","label":"Level","valueType":"STRING"}`, `422 只有树类型的数据资源支持扩展字段`, ""},
	{"batchCreateDnef", `{"namespaceCode":"test","resourceCode":"tree","fieldList":[{"key":"note","label":"Note","valueType":"STRING"}]}`, `200 {"success":true}`, ""},
	{"batchCreateDnef", `{"namespaceCode":"test","resourceCode":"tree","fieldList":[{"key":"a b","label":"Note","valueType":"STRING"}]}`, `400 参数 key 格式错误`, ""},
	{"updateDnef", `{"namespaceCode":"test","resourceCode":"tree","key":"level","label":"Rank","config":{"options":[{"value":"low"},{"value":"high"}]}}`, `200 {"success":true}`, ""},
	{"updateDnef", `{"namespaceCode":"test","resourceCode":"tree","key":"none","label":"Rank"}`, `404 扩展字段不存在`, ""},
	{"listDnef", `{"namespaceCode":"test","resourceCode":"tree","maxSize":1}`, `200 {"nextStartIndex":2,"truncated":true,"list":[{"key":"level","label":"Rank","valueType":"SELECT","config":{"options":[{"value":"low"},{"value":"high"}]}}]}`, ""},
	{"listDnef", `{"namespaceCode":"test","resourceCode":"tree","startIndex":2}`, `200 {"truncated":false,"list":[{"key":"note"}]}`, ""},
	{"listDnef", `{"namespaceCode":"test","resourceCode":"none"}`, noDataThing, ""},
	{"deleteDnef", `{"namespaceCode":"test","resourceCode":"tree","key":"note"}`, `200 {"success":true}`, ""},
	{"deleteDnef", `{"namespaceCode":"test","resourceCode":"tree","key":"note"}`, `404 扩展字段不存在`, ""},

	// Policies.
	{"createDataPolicy", `{"policyName":"docs","description":"d","statementList":[{"effect":"ALLOW","permissions":["test/doc/*","test/tree/a/get"]},{"effect":"DENY","permissions":["test/doc/get"]}]}`,
		`200 {"policyName":"docs","description":"d","createdAt":"*","updatedAt":"*"}`, "docs=policyId"},
	{"createDataPolicy", `{"policyName":"docs","statementList":[{"effect":"ALLOW","permissions":["test/doc/*"]}]}`, `409 数据策略名称已经存在`, ""},
	{"createDataPolicy", `{"statementList":[{"effect":"ALLOW","permissions":["test/doc/*"]}]}`, `400 policyName should not be empty`, ""},
	{"createDataPolicy", `{"policyName":"x","statementList":[]}`, `400 statementList must contain at least 1 elements`, ""},
	{"createDataPolicy", `{"policyName":"x","statementList":[{"effect":"ALLOW","permissions":[]}]}`, `400 permissions must contain at least 1 elements`, ""},
	{"createDataPolicy", `{"policyName":"x","statementList":[{"effect":"ALLOW","permissions":["test/doc"]}]}`, `400 参数 permissions 格式错误`, ""},
	{"createDataPolicy", `{"policyName":"x","statementList":[{"effect":"ALLOW","permissions":["test/none/*"]}]}`, noDataThing, ""},
	{"createDataPolicy", `{"policyName":"x","statementList":[{"effect":"ALLOW","permissions":["none/doc/*"]}]}`, noSpace, ""},
	{"createDataPolicy", `{"policyName":"x","statementList":"all"}`, `400 参数 statementList 格式错误`, ""},
	{"createDataPolicy", `{"policyName":"office","statementList":[{"effect":"ALLOW","permissions":["test/list*"],"condition":"environment.ip.startsWith('10.')"}]}`, `200`, "office=policyId"},
	{"listDataPolices", `{"query":"doc"}`, `200 {"totalCount":1,"list":[{"policyId":"{docs}","resourceList":[{"resourceName":"Doc"},{"resourceName":"Tree"}],"targetList":[]}]}`, ""},
	{"listDataPolices", `{"limit":51}`, tooMuch, ""},
	{"listSimpleDataPolices", `{"query":"doc"}`, `200 {"totalCount":1,"list":[{"policyId":"{docs}","policyName":"docs"}]}`, ""},
	{"listSimpleDataPolices", `{"limit":51}`, tooMuch, ""},
	{"getDataPolicy", `{"policyId":"{docs}"}`, `200 {"policyId":"{docs}","policyName":"docs"}`, ""},
	{"getDataPolicy", `{"policyId":""}`, `400 policyId should not be empty`, ""},
	{"getDataPolicy", `{"policyId":"{nobody}"}`, noDataPolicy, ""},
	{"updateDataPolicy", `{"policyId":"{docs}","policyName":"docs 2","description":"e"}`, `200 {"policyId":"{docs}","policyName":"docs 2","description":"e"}`, ""},
	{"updateDataPolicy", `{"policyId":""}`, `400 policyId should not be empty`, ""},
	{"checkDataPolicyExists", `{"policyName":"free"}`, `200 {"isValid":true}`, ""},
	{"checkDataPolicyExists", `{"policyName":"docs 2"}`, `200 {"isValid":false,"message":"数据策略名称已经存在"}`, ""},
	{"checkDataPolicyExists", `{"policyName":""}`, `400 policyName should not be empty`, ""},
	{"authorizeDataPolicies", `{"policyIds":["{docs}","{office}"],"targetList":[{"id":"{ann}","type":"USER"},{"id":"{dev}","type":"GROUP"}]}`, `200`, ""},
	{"authorizeDataPolicies", `{"policyIds":[],"targetList":[{"id":"","type":"USER"}]}`, `400 policyIds must contain at least 1 elements`, ""},
	{"authorizeDataPolicies", `{"policyIds":["{docs}"],"targetList":[]}`, `400 targetList should not be empty`, ""},
	{"authorizeDataPolicies", `{"policyIds":["{docs}"],"targetList":[{"id":"{nobody}","type":"USER"}]}`, noUser, ""},
	{"authorizeDataPolicies", `{"policyIds":["{nobody}"],"targetList":[{"id":"{ann}","type":"USER"}]}`, noDataPolicy, ""},
	{"listDataPolicyTargets", `{"policyId":"{docs}","targetType":["USER"]}`, `200 {"totalCount":1,"list":[{"targetIdentifier":"{ann}","targetType":"USER","targetName":"ann","authorizationTime":"*"}]}`, ""},
	{"listDataPolicyTargets", `{"policyId":""}`, `400 policyId should not be empty`, ""},

	// Questions.
	{"checkPermission", `{"namespaceCode":"test","userId":"{ann}","action":"read","resources":["doc","/tree/a","tree/a/b","none"]}`,
		`200 {"checkResultList":[{"namespaceCode":"test","resource":"doc","action":"read","enabled":true},{"enabled":false},{"enabled":false},{"enabled":false}]}`, ""},
	{"checkPermission", `{"namespaceCode":"test","userId":"{bob}","action":"get","resources":["doc","/tree/a","tree/a/b"]}`,
		`200 {"checkResultList":[{"enabled":false},{"enabled":true},{"enabled":false}]}`, ""},
	{"checkPermission", `{"namespaceCode":"test","userId":"{ann}","action":"read","resources":["list"]}`, `200 {"checkResultList":[{"enabled":false}]}`, ""},
	{"checkPermission", `{"namespaceCode":"test","userId":"{ann}","action":"read","resources":["list"],"judgeConditionEnabled":true,"authEnvParams":{"ip":"10.1.1.1","systemType":"ios"}}`,
		`200 {"checkResultList":[{"enabled":true}]}`, ""},
	{"checkPermission", `{"namespaceCode":"test","userId":"","action":"read","resources":["doc"]}`, `400 userId should not be empty`, ""},
	{"checkPermission", `{"namespaceCode":"","userId":"x","action":"read","resources":["doc"]}`, emptySpace, ""},
	{"checkPermission", `{"namespaceCode":"test","userId":"x","action":"","resources":["doc"]}`, `400 action should not be empty`, ""},
	{"checkPermission", `{"namespaceCode":"test","userId":"x","action":"read","resources":[]}`, fewResources, ""},
	{"checkPermission", `{"namespaceCode":"test","userId":"{nobody}","action":"read","resources":["doc"]}`, noUser, ""},
	{"checkPermission", `{"namespaceCode":"none","userId":"{ann}","action":"read","resources":["doc"]}`, noSpace, ""},
	{"checkExternalUserPermission", `{"namespaceCode":"test","externalId":"ann-x","action":"read","resources":["doc","list"],"authEnvParams":{"ip":"10.1.1.1"}}`,
		`200 {"checkResultList":[{"enabled":true},{"enabled":true}]}`, ""},
	{"checkExternalUserPermission", `{"namespaceCode":"test","externalId":"nobody","action":"read","resources":["doc"]}`, noUser, ""},
	{"getUserPermissionList", `{"userIds":["{ann}"],"namespaceCodes":["test"]}`, `200 {"userPermissionList":[{"userId":"{ann}","namespaceCode":"test","resourceList":[
		{"resourceCode":"doc","resourceType":"STRING","strAuthorize":{"value":"text","actions":["read"]}},
		{"resourceCode":"tree","resourceType":"TREE","treeAuthorize":{"authList":[{"nodePath":"/a","nodeName":"A","nodeActions":["get"],"nodeValue":""}]}}]}]}`, ""},
	{"getUserPermissionList", `{"userIds":[]}`, `400 userIds should not be empty`, ""},
	{"getUserResourcePermissionList", `{"namespaceCode":"test","userId":"{ann}","resources":["doc","tree/a","none"]}`,
		`200 {"permissionList":[{"namespaceCode":"test","resource":"doc","actions":["read"]},{"actions":["get"]},{"actions":[]}]}`, ""},
	{"getUserResourcePermissionList", `{"namespaceCode":"test","userId":"x","resources":[]}`, fewResources, ""},
	{"listResourceTargets", `{"namespaceCode":"test","resources":["doc","tree/a"],"actions":["read","get"]}`, `200 {"authUserList":[
		{"resource":"doc","actionAuthList":[{"action":"read","userIds":["{ann}","{bob}"]},{"action":"get","userIds":[]}]},
		{"resource":"tree/a","actionAuthList":[{"action":"read","userIds":[]},{"action":"get","userIds":["{ann}","{bob}"]}]}]}`, ""},
	{"listResourceTargets", `{"namespaceCode":"test","resources":["doc"],"actions":[]}`, `400 actions should not be empty`, ""},
	{"getUserResourceStruct", `{"namespaceCode":"test","userId":"{ann}","resourceCode":"tree"}`, `200 {"resourceType":"TREE","treeResourceAuthAction":{"nodeAuthActionList":[
		{"code":"a","name":"A","value":"","actions":["get"],"children":[{"code":"b","name":"B","actions":[]}]},{"code":"c","actions":[]}]}}`, ""},
	{"getUserResourceStruct", `{"namespaceCode":"test","userId":"{ann}","resourceCode":"none"}`, noDataThing, ""},
	{"getExternalUserResourceStruct", `{"namespaceCode":"test","externalId":"ann-x","resourceCode":"doc"}`, `200 {"resourceType":"STRING","strResourceAuthAction":{"value":"text","actions":["read"]}}`, ""},
	{"getExternalUserResourceStruct", `{"namespaceCode":"test","externalId":"none","resourceCode":"doc"}`, noUser, ""},
	{"checkUserSameLevelPermission", `{"namespaceCode":"test","userId":"{ann}","action":"get","resource":"tree","resourceNodeCodes":["a","c"]}`,
		`200 {"checkLevelResultList":[{"action":"get","resourceNodeCode":"a","enabled":true},{"resourceNodeCode":"c","enabled":false}]}`, ""},
	{"checkUserSameLevelPermission", `{"namespaceCode":"test","userId":"{ann}","action":"read","resource":"doc"}`, `200 {"checkLevelResultList":[{"action":"read","resourceNodeCode":"doc","enabled":true}]}`, ""},
	{"checkUserSameLevelPermission", `{"namespaceCode":"test","userId":"{ann}","action":"read","resource":""}`, `400 resource should not be empty`, ""},
	{"listPermissionView", `{"keyword":"bob"}`, `200 {"totalCount":3,"list":[{"userId":"{bob}","username":"bob","namespaceCode":"test","groupList":[{"groupId":"{dev}","groupCode":"dev"}],"roleList":[],"nodeList":[]},{},{}]}`, ""},
	{"listPermissionView", `{"limit":51}`, tooMuch, ""},
	{"revokeDataPolicy", `{"policyId":"{docs}","targetType":"USER","targetIdentifier":"{ann}"}`, `200`, ""},
	{"revokeDataPolicy", `{"policyId":"","targetType":"USER","targetIdentifier":"{ann}"}`, `400 policyId should not be empty`, ""},
	{"revokeDataPolicy", `{"policyId":"{docs}","targetType":"USER","targetIdentifier":""}`, `400 targetIdentifier should not be empty`, ""},
	{"checkPermission", `{"namespaceCode":"test","userId":"{ann}","action":"read","resources":["doc"]}`, `200 {"checkResultList":[{"enabled":false}]}`, ""},
	{"deleteDataPolicy", `{"policyId":"{docs}"}`, `200`, ""},
	{"deleteDataPolicy", `{"policyId":""}`, `400 policyId should not be empty`, ""},
}

func TestDataPermission(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.run(t, dataSteps)
		s.assertComplete(t, "data-permission", nil, nil)

		// The second pool sees nothing of the first.
		other := newScript(t, h.as(h.Pool(t, "second")))
		other.names["office"], other.names["bob"] = s.names["office"], s.names["bob"]
		other.run(t, []step{
			{"createUser", `{"username":"own"}`, `200`, "own=userId"},
			{"getPermissionNamespace", `{"code":"test"}`, noSpace, ""},
			{"listDataResources", ``, `200 {"totalCount":0,"list":[]}`, ""},
			{"listDataPolices", ``, `200 {"totalCount":0,"list":[]}`, ""},
			{"getDataPolicy", `{"policyId":"{office}"}`, noDataPolicy, ""},
			{"authorizeDataPolicies", `{"policyIds":["{office}"],"targetList":[{"id":"{own}","type":"USER"}]}`, noDataPolicy, ""},
			{"getUserPermissionList", `{"userIds":["{bob}"]}`, noUser, ""},
			{"checkPermission", `{"namespaceCode":"default","userId":"{bob}","action":"read","resources":["list"]}`, noUser, ""},
			{"listPermissionView", `{}`, `200 {"totalCount":0,"list":[]}`, ""},
		})
	})
}

// What users ask of themselves, in the namespace of their token's application.
func TestOwnPermissions(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.names["app"] = h.pool.AppID
		s.run(t, []step{
			{"createUser", `{"username":"ann"}`, `200`, "ann=userId"},
			{"createDataResourceByString", `{"namespaceCode":"{app}","resourceCode":"text","resourceName":"Text","struct":"t","actions":["get"]}`, `200`, ""},
			{"createDataResourceByTree", `{"namespaceCode":"{app}","resourceCode":"tree","resourceName":"Tree","struct":[{"code":"a","name":"A"},{"code":"b","name":"B"}],"actions":["get","set"]}`, `200`, ""},
			{"createDataPolicy", `{"policyName":"own","statementList":[{"effect":"ALLOW","permissions":["{app}/text/*","{app}/tree/a/get"]},{"effect":"DENY","permissions":["{app}/tree/b/get"]}]}`, `200`, "own=policyId"},
			{"authorizeDataPolicies", `{"policyIds":["{own}"],"targetList":[{"id":"{ann}","type":"USER"}]}`, `200`, ""},
		})
		token, err := h.Signin.UserToken(h.pool.As(t.Context()), h.pool.ID, s.names["ann"], "")
		if err != nil {
			t.Fatal(err)
		}
		s.c = h.client().bearer(token.Text)
		s.run(t, []step{
			{"checkPermissionByStringResource", `{"resources":["text","tree"],"action":"get"}`,
				`200 {"checkResultList":[{"namespaceCode":"{app}","action":"get","resource":"text","enabled":true},{"enabled":false}]}`, ""},
			{"checkPermissionByArrayResource", `{"resources":["text"],"action":"get"}`, `200 {"checkResultList":[{"enabled":false}]}`, ""},
			{"checkPermissionByTreeResource", `{"resources":["/tree/a","/tree/b"],"action":"get"}`, `200 {"checkResultList":[{"enabled":true},{"enabled":false}]}`, ""},
			{"checkPermissionByTreeResource", `{"resources":[],"action":"get"}`, fewResources, ""},
			{"getUserAuthorizedResourcesList", ``, `200 {"userPermissionList":[{"userId":"{ann}","namespaceCode":"{app}","resourceList":[{"resourceCode":"text"},{"resourceCode":"tree"}]}]}`, ""},
			{"getUserAuthResourcePermissionList", `{"resources":["text","tree/a","123"]}`, `200 {"permissionList":[{"actions":["get"]},{"actions":["get"]},{"resource":"123","actions":[]}]}`, ""},
			{"getUserAuthResourceStruct", `{"resource":"text"}`, `200 {"resourceType":"STRING","strResourceAuthAction":{"value":"t","actions":["get"]}}`, ""},
			{"getUserAuthResourceStruct", `{"resource":"none"}`, noDataThing, ""},
			{"createDataPolicy", `{"policyName":"x","statementList":[]}`, `403`, ""}, // users manage nothing
		})
		// Both clients have an operation of this name.
		if a := s.c.send(t, "GET", "/api/v3/get-my-authorized-resources", ""); a.StatusCode != 200 || dig(a.Data, "totalCount") != 0.0 {
			t.Error(a.Text)
		}
		if a := s.c.send(t, "GET", "/api/v3/get-my-authorized-resources", `{"namespace":"none"}`); a.StatusCode != 404 {
			t.Error(a.Text)
		}
		s.c = h.client() // and a key is nobody's self
		s.run(t, []step{{"checkPermissionByStringResource", `{"resources":["text"],"action":"get"}`, `403`, ""}})
	})
}

// Every text of this part of the wire that says that something is missing is of an argument that there is.
func TestDataTextsName(t *testing.T) {
	there := map[string]bool{}
	for _, o := range New(Options{}).Operations() {
		if dataOperations[o.Name] {
			for name := range argumentNames(o.In()) {
				there[name] = true
			}
			if o.Rule(&caller.Caller{}) == nil {
				t.Errorf("%s is open to everybody", o.Name)
			}
		}
	}
	for name := range dataTexts {
		if !there[name] && !strings.Contains("key label", name) {
			t.Errorf("no operation has an argument %s", name)
		}
	}
}
