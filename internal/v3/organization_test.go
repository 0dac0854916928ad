package v3

import (
	"strings"
	"testing"
)

const (
	noOrganization  = `404 organization not found for code: none`
	noDepartment    = `404 部门不存在`
	noPost          = `404 岗位不存在`
	badOrganization = `400 参数 organizationCode 格式错误`
	badDepartmentID = `400 参数 departmentId 格式错误`
)

var organizationSteps = []step{
	{"createUsersBatch", `{"list":[{"username":"ann"},{"username":"bob"}]}`, `200`, "ann=0.userId bob=1.userId"},
	{"setCustomFields", `{"list":[{"dataType":"NUMBER","key":"size","targetType":"DEPARTMENT"}]}`, `200`, ""},
	{"createPost", `{"code":"chief","name":"Chief"}`, `200 {"code":"chief","name":"Chief","description":"","departmentIdList":[]}`, "chief=id"},

	{"createOrganization", `{"description":"d","i18n":{"organizationName":{"en-US":{"enabled":true,"value":"Acme"}}},"openDepartmentId":"open","organizationCode":"acme","organizationName":"Acme","postIdList":["{chief}"]}`,
		`200 {"organizationCode":"acme","organizationName":"Acme","description":"d","departmentId":"*","openDepartmentId":"open","hasChildren":false,"leaderUserIds":[],
		"membersCount":0,"isVirtualNode":false,"i18n":{"organizationName":{"en-US":{"enabled":true,"value":"Acme"}}},"customData":"-","postIdList":["{chief}"],"createdAt":"*","updatedAt":"*"}`, "acme=departmentId"},
	{"createOrganization", `{"organizationCode":"","organizationName":"Picked"}`, `200 {"organizationCode":"*"}`, "picked=organizationCode"},
	{"createOrganization", `{"organizationName":"Picked too"}`, `200 {"organizationCode":"*"}`, "third=organizationCode"},
	{"createOrganization", `{"organizationCode":"acme","organizationName":"A"}`, `409 组织标识符已存在`, ""},
	{"createOrganization", `{"organizationCode":"额！ ","organizationName":"A"}`, `400 invalid organization code: 额！ `, ""},
	{"createOrganization", `{"organizationCode":" ","organizationName":"A"}`, `400 invalid organization code:  `, ""},
	{"createOrganization", `{"organizationCode":"` + tooLongCode + `","organizationName":"A"}`, badOrganization, ""},
	{"createOrganization", `{"organizationCode":"a"}`, `400 参数 organizationName 格式错误`, ""},
	{"createOrganization", `{"organizationCode":"a","organizationName":"{long}"}`, `400 参数 organizationName 格式错误`, ""},
	{"createOrganization", `{"organizationCode":"a","organizationName":"A","postIdList":["none"]}`, noPost, ""},

	{"getOrganization", `{"organizationCode":"acme","withCustomData":true,"withPost":true}`, `200 {"departmentId":"{acme}","customData":{},"postIdList":["{chief}"]}`, ""},
	{"getOrganization", `{"organizationCode":"acme"}`, `200 {"customData":"-","postIdList":"-","status":"true"}`, ""},
	{"getOrganization", `{"organizationCode":"none"}`, noOrganization, ""},
	{"getOrganization", `{"organizationCode":""}`, `404 organization not found for code: `, ""},
	{"getOrganizationsBatch", `{"organizationCodeList":["{picked}","none","acme"]}`, `200 [{"organizationName":"Picked"},{"organizationName":"Acme"}]`, ""},
	{"getOrganizationsBatch", ``, `400 参数 organizationCodeList 格式错误`, ""},
	{"listOrganizations", ``, `200 {"totalCount":3,"list":[{"organizationName":"Picked too"},{"organizationName":"Picked"},{"organizationCode":"acme"}]}`, ""},
	{"listOrganizations", `{"limit":1,"page":3,"withCustomData":true,"withPost":true}`, `200 {"totalCount":3,"list":[{"organizationCode":"acme","customData":{},"postIdList":["{chief}"]}]}`, ""},
	{"listOrganizations", `{"fetchAll":true,"limit":1}`, `200 {"list":[{},{},{}]}`, ""},
	{"listOrganizations", `{"limit":51}`, `400 参数 limit 格式错误`, ""},
	{"searchOrganizations", `{"keywords":"pICK"}`, `200 {"totalCount":2}`, ""},
	{"searchOrganizations", `{"keywords":"%"}`, nothing, ""},
	{"searchOrganizations", `{"keywords":""}`, `400 参数 keywords 格式错误`, ""},
	{"searchOrganizations", `{"keywords":"x","limit":10000}`, `400 参数 limit 格式错误`, ""},
	{"searchOrganizations", `{"keywords":"x","page":-1}`, `400 参数 page 格式错误`, ""},

	{"updateOrganization", `{"leaderUserIds":["{ann}"],"organizationCode":"{picked}","organizationName":"New","organizationNewCode":"new","postIdList":["{chief}"]}`,
		`200 {"organizationCode":"new","organizationName":"New","leaderUserIds":["{ann}"],"membersCount":1,"postIdList":["{chief}"]}`, "new=departmentId"},
	{"updateOrganization", `{"organizationCode":"new","organizationNewCode":""}`, `200 {"organizationCode":"new"}`, ""},
	{"updateOrganization", `{"i18n":{"organizationName":{"zh-CN":{"enabled":true,"value":"新"}}},"organizationCode":"new"}`, `200 {"i18n":{"organizationName":{"zh-CN":{"value":"新"}}}}`, ""},
	{"updateOrganization", `{"organizationCode":"new","organizationNewCode":"额！ "}`, `400 invalid organization code: 额！ `, ""},
	{"updateOrganization", `{"organizationCode":"new","organizationNewCode":"` + tooLongCode + `"}`, `400 参数 organizationNewCode 格式错误`, ""},
	{"updateOrganization", `{"organizationCode":"new","organizationNewCode":"acme"}`, `409 组织标识符已存在`, ""},
	{"updateOrganization", `{"organizationCode":"none"}`, noOrganization, ""},
	{"updateOrganization", `{"leaderUserIds":["{nobody}"],"organizationCode":"new"}`, noUser, ""},
	{"updateOrganizationStatus", `{"rootNodeId":"{new}","status":"false"}`, `200 {"success":true}`, ""},
	{"updateOrganizationStatus", `{"rootNodeId":"{new}","status":"perhaps"}`, `400 参数 status 格式错误`, ""},
	{"updateOrganizationStatus", `{"rootNodeId":"{nobody}","status":"true"}`, `404 organization not found for code: {nobody}`, ""},
	{"listOrganizations", `{"status":false}`, `200 {"totalCount":1,"list":[{"organizationCode":"new","status":"false"}]}`, ""},

	{"deleteOrganization", `{"organizationCode":"new"}`, `200 {"success":true}`, ""},
	{"deleteOrganization", `{"organizationCode":"none"}`, noOrganization, ""},
	{"deleteOrganization", `{"organizationCode":"` + tooLongCode + `"}`, badOrganization, ""},
	{"listOrganizations", ``, `200 {"totalCount":2}`, ""},
}

var departmentSteps = []step{
	{"createDepartment", `{"code":"dev","customData":{"size":3},"description":"d","i18n":{"name":{"en-US":{"enabled":true,"value":"Dev"}}},"isVirtualNode":false,"name":"Dev","openDepartmentId":"open-dev","organizationCode":"acme","parentDepartmentId":"root","postIdList":["{chief}"]}`,
		`200 {"organizationCode":"acme","departmentId":"*","createdAt":"*","updatedAt":"*","openDepartmentId":"open-dev","name":"Dev","leaderUserIds":[],"description":"d","parentDepartmentId":"{acme}",
		"code":"dev","parentDepartmentCode":"acme","membersCount":0,"hasChildren":false,"isVirtualNode":false,"i18n":{"name":{"en-US":{"value":"Dev"}}},"customData":{"size":3},"postIdList":["{chief}"],"status":true}`, "dev=departmentId"},
	{"createDepartment", `{"code":"api","departmentIdType":"code","name":"API","organizationCode":"acme","parentDepartmentId":"dev"}`, `200 {"parentDepartmentId":"{dev}"}`, "api=departmentId"},
	{"createDepartment", `{"isVirtualNode":true,"name":"Guests","organizationCode":"acme","parentDepartmentId":"{acme}"}`, `200 {"code":null,"isVirtualNode":true}`, "guests=departmentId"},
	{"createDepartment", `{"name":"N","organizationCode":"none","parentDepartmentId":"root"}`, noOrganization, ""},
	{"createDepartment", `{"name":"N","organizationCode":"","parentDepartmentId":"root"}`, `404 organization not found for code: `, ""},
	{"createDepartment", `{"name":"N","organizationCode":" ","parentDepartmentId":"root"}`, `400 invalid organization code  `, ""},
	{"createDepartment", `{"name":"N","organizationCode":"` + tooLongCode + `","parentDepartmentId":"root"}`, badOrganization, ""},
	{"createDepartment", `{"name":"N","organizationCode":"acme","parentDepartmentId":"none"}`, noDepartment, ""},
	{"createDepartment", `{"code":"dev","name":"N","organizationCode":"acme","parentDepartmentId":"root"}`, `409 部门标识符已存在`, ""},
	{"createDepartment", `{"name":"N","openDepartmentId":"open-dev","organizationCode":"acme","parentDepartmentId":"root"}`, `409 openDepartmentId 已存在`, ""},
	{"createDepartment", `{"customData":{"size":"x"},"name":"N","organizationCode":"acme","parentDepartmentId":"root"}`, `400 字段 size 的值与其类型不符`, ""},

	{"getDepartment", `{"departmentId":"{dev}","organizationCode":"acme","withCustomData":true}`, `200 {"customData":{"size":3},"hasChildren":true}`, ""},
	{"getDepartment", `{"departmentId":"root","organizationCode":"acme"}`, `200 {"departmentId":"{acme}","parentDepartmentId":""}`, ""},
	{"getDepartment", `{"organizationCode":"acme"}`, `200 {"departmentId":"{acme}"}`, ""},
	{"getDepartment", `{"departmentId":"open-dev","departmentIdType":"open_department_id","organizationCode":"acme"}`, `200 {"departmentId":"{dev}"}`, ""},
	{"getDepartment", `{"departmentCode":"api","organizationCode":"acme"}`, `200 {"departmentId":"{api}"}`, ""},
	{"getDepartment", `{"departmentId":"{api}"}`, `200 {"departmentId":"{api}","organizationCode":"acme"}`, ""},
	{"getDepartment", `{"departmentId":"{dev}","organizationCode":"none"}`, noOrganization, ""},
	{"getDepartment", `{"departmentId":"{dev}","organizationCode":""}`, `404 organization not found for code: `, ""},
	{"getDepartment", `{"departmentId":"{dev}","organizationCode":"{third}"}`, noDepartment, ""},
	{"getDepartment", ``, badDepartmentID, ""},
	{"getDepartmentById", `{"departmentId":"{dev}","withCustomData":true}`, `200 {"customData":{"size":3}}`, ""},
	{"getDepartmentAllApp", `{"departmentId":"{dev}"}`, `200 {"appList":[],"departmentId":"{dev}"}`, ""},
	{"getDepartmentAllApp", `{"departmentId":"{nobody}"}`, noDepartment, ""},
	{"getDepartmentById", `{"departmentId":"{nobody}"}`, noDepartment, ""},
	{"setCustomData", `{"list":[{"key":"size","value":4}],"targetIdentifier":"{api}","targetType":"DEPARTMENT"}`, `200`, ""},
	{"getCustomData", `{"targetIdentifier":"{api}","targetType":"DEPARTMENT"}`, `200 {"size":4}`, ""},
	{"getParentDepartment", `{"departmentId":"{api}","organizationCode":"acme","withCustomData":true}`, `200 {"departmentId":"{dev}","customData":{"size":3}}`, ""},
	{"getParentDepartment", `{"departmentId":"root","organizationCode":"acme"}`, noDepartment, ""},
	{"getParentDepartment", `{"departmentId":"{api}","organizationCode":" "}`, `404 organization not found for code:  `, ""},

	{"listChildrenDepartments", `{"departmentId":"root","organizationCode":"acme"}`, `200 {"totalCount":2,"list":[{"departmentId":"{dev}"},{"departmentId":"{guests}"}]}`, ""},
	{"listChildrenDepartments", `{"departmentId":"root","excludeVirtualNode":true,"organizationCode":"acme"}`, `200 {"totalCount":1,"list":[{"departmentId":"{dev}"}]}`, ""},
	{"listChildrenDepartments", `{"departmentId":"root","onlyVirtualNode":true,"organizationCode":"acme","withCustomData":true}`, `200 {"list":[{"departmentId":"{guests}","customData":{}}]}`, ""},
	{"listChildrenDepartments", `{"departmentId":"root","organizationCode":"none"}`, noOrganization, ""},
	{"listChildrenDepartments", `{"departmentId":"","organizationCode":"acme"}`, badDepartmentID, ""},
	{"getAllDepartments", `{"organizationCode":"acme"}`, `200 {"totalCount":3,"list":[{"departmentId":"{dev}"},{"departmentId":"{guests}"},{"departmentId":"{api}"}]}`, ""},
	{"getAllDepartments", `{"organizationCode":"none"}`, noOrganization, ""},
	{"searchDepartments", `{"keywords":"de","organizationCode":"acme","withCustomData":true}`, `200 [{"departmentId":"{dev}","customData":{"size":3}}]`, ""},
	{"searchDepartments", `{"keywords":"","organizationCode":"acme"}`, `400 参数 keywords 格式错误`, ""},
	{"searchDepartments", `{"keywords":"x","organizationCode":"none"}`, noOrganization, ""},
	{"searchDepartmentsList", `{"advancedFilter":[{"field":"name","operator":"CONTAINS","value":"ap"}],"organizationCode":"acme","withPost":true}`, `200 [{"departmentId":"{api}","postIdList":[]}]`, ""},
	{"searchDepartmentsList", `{"organizationCode":"acme","sort":[{"field":"name","order":"asc"}]}`, `200 [{"name":"API"},{"name":"Dev"},{"name":"Guests"}]`, ""},
	{"searchDepartmentsList", `{"limit":1,"orderBy":"ASC","organizationCode":"acme","page":2,"sortBy":"createdAt"}`, `200 [{}]`, ""},
	{"searchDepartmentsList", `{"advancedFilter":[{"field":"code","operator":"EQUAL","value":"dev"}],"organizationCode":"acme"}`, `400 参数 advancedFilter 格式错误`, ""},
	{"searchDepartmentsList", `{"advancedFilter":[{"field":"updatedAt","operator":"BETWEEN","value":[1]}],"organizationCode":"acme"}`, `400 参数 advancedFilter 格式错误`, ""},

	{"updateDepartment", `{"code":"anyway","departmentId":"{guests}","name":"Visitors","organizationCode":"acme","parentDepartmentId":"{dev}"}`, `200 {"code":"anyway","name":"Visitors","parentDepartmentId":"{dev}"}`, ""},
	{"updateDepartment", `{"code":"","departmentId":"{guests}","leaderUserIds":["{bob}"],"organizationCode":"acme","postIdList":[],"status":false}`, `200 {"code":"anyway","leaderUserIds":["{bob}"],"postIdList":[],"status":false}`, ""},
	{"updateDepartment", `{"customData":{"size":1},"departmentId":"{guests}","organizationCode":"acme"}`, `200 {"customData":{"size":1}}`, ""},
	{"updateDepartment", `{"code":"额！ ","departmentId":"{guests}","organizationCode":"acme"}`, `400 invalid organization code: 额！ `, ""},
	{"updateDepartment", `{"code":" ","departmentId":"{guests}","organizationCode":"acme"}`, `400 invalid organization code:  `, ""},
	{"updateDepartment", `{"code":"` + tooLongCode + `","departmentId":"{guests}","organizationCode":"acme"}`, badCode, ""},
	{"updateDepartment", `{"departmentId":"{dev}","organizationCode":"acme","parentDepartmentId":"{guests}"}`, `400 不能将部门移动到自身或其子部门下`, ""},
	{"updateDepartment", `{"departmentId":"root","organizationCode":"acme","parentDepartmentId":"{guests}"}`, `422 不能移动或删除根部门`, ""},
	{"updateDepartment", `{"departmentId":"{dev}","organizationCode":"none"}`, noOrganization, ""},
	{"updateNodeStatus", `{"departmentId":"{guests}","status":true}`, `200`, ""},
	{"updateNodeStatus", `{"departmentId":"{nobody}","status":true}`, noDepartment, ""},
	{"listChildrenDepartments", `{"departmentId":"{dev}","organizationCode":"acme","status":true}`, `200 {"totalCount":2}`, ""},

	{"addDepartmentMembers", `{"departmentId":"{api}","organizationCode":"acme","userIds":["{ann}"]}`, `200 {"success":true}`, ""},
	{"addDepartmentMembers", `{"departmentId":"{api}","organizationCode":"acme","userIds":["{bob}","{nobody}"]}`, noUser, ""},
	{"addDepartmentMembers", `{"departmentId":"{api}","organizationCode":"none","userIds":["{bob}"]}`, noOrganization, ""},
	{"addDepartmentMembers", `{"departmentId":"{api}","organizationCode":"acme","userIds":[` + strings.Repeat(`"x",`, 50) + `"x"]}`, `400 参数 userIds 最多允许 50 项`, ""},
	{"listDepartmentMembers", `{"departmentId":"{api}","organizationCode":"acme","withCustomData":true,"withDepartmentIds":true,"withIdentities":true}`,
		`200 {"totalCount":1,"list":[{"userId":"{ann}","departmentIds":["{api}"],"customData":{},"identities":[]}]}`, ""},
	{"listDepartmentMembers", `{"departmentId":"{dev}","organizationCode":"acme"}`, nothing, ""},
	{"listDepartmentMembers", `{"departmentId":"{dev}","includeChildrenDepartments":true,"organizationCode":"acme","orderBy":"Asc","sortBy":"userId"}`, `200 {"totalCount":2,"list":[{"userId":"{ann}"},{"userId":"{bob}"}]}`, ""},
	{"listDepartmentMembers", `{"departmentId":"{dev}","organizationCode":"acme","sortBy":"nonsense"}`, `400 参数 sortBy 格式错误`, ""},
	{"listDepartmentMembers", `{"departmentId":"{dev}","organizationCode":"none"}`, noOrganization, ""},
	{"listDepartmentMemberIds", `{"departmentId":"{api}","organizationCode":"acme"}`, `200 ["{ann}"]`, ""},
	{"listDepartmentMemberIds", `{"departmentId":"{nobody}","organizationCode":"acme"}`, noDepartment, ""},
	{"searchDepartmentMembers", `{"departmentId":"root","includeChildrenDepartments":true,"keywords":"AN","organizationCode":"acme"}`, `200 {"totalCount":1,"list":[{"username":"ann"}]}`, ""},
	{"searchDepartmentMembers", `{"departmentId":"root","keywords":"","organizationCode":"acme"}`, `400 参数 keywords 格式错误`, ""},
	{"isUserInDepartment", `{"departmentId":"{dev}","organizationCode":"acme","userId":"{ann}"}`, `200 {"inDepartment":false}`, ""},
	{"isUserInDepartment", `{"departmentId":"{dev}","includeChildrenDepartments":true,"organizationCode":"acme","userId":"{ann}"}`, `200 {"inDepartment":true}`, ""},
	{"isUserInDepartment", `{"departmentId":"{dev}","organizationCode":"acme","userId":"{nobody}"}`, noUser, ""},
	{"removeDepartmentMembers", `{"departmentId":"{guests}","organizationCode":"acme","userIds":["{bob}","{nobody}"]}`, `200 {"success":true}`, ""},
	{"removeDepartmentMembers", `{"departmentId":"{guests}","organizationCode":"none","userIds":["{bob}"]}`, noOrganization, ""},

	{"setUserDepartments", `{"departments":[{"departmentId":"{api}","isLeader":true,"isMainDepartment":true},{"departmentId":"{guests}"}],"userId":"{bob}"}`, `200 {"success":true}`, ""},
	{"setUserDepartments", `{"departments":[{"departmentId":""}],"userId":"{bob}"}`, `404 存在不合法的 departmentId: `, ""},
	{"setUserDepartments", `{"departments":[{"departmentId":"` + tooLongCode + `"}],"userId":"{bob}"}`, `404 存在不合法的 departmentId: ` + tooLongCode, ""},
	{"getUserDepartments", `{"orderBy":"Asc","sortBy":"DepartmentName","userId":"{bob}","withCustomData":true,"withDepartmentPaths":true}`,
		`200 {"totalCount":2,"list":[{"organizationCode":"acme","departmentId":"{api}","isRoot":false,"isLeader":true,"isMainDepartment":true,"joinedAt":"*","code":"api","customData":{"size":4},
		"departmentIdPath":["{acme}","{dev}","{api}"],"departmentCodePath":["acme","dev","api"],"departmentNamePath":["Acme","Dev","API"]},{"departmentId":"{guests}","isMainDepartment":false}]}`, ""},
	{"getUserDepartments", `{"userId":"{bob}"}`, `200 {"list":[{"departmentIdPath":"-","customData":"-"},{}]}`, ""},
	{"getUserDepartments", `{"userId":"{nobody}"}`, noUser, ""},
	{"getUser", `{"userId":"{bob}","withDepartmentIds":true}`, `200 {"mainDepartmentId":"{api}"}`, ""},
	{"listUsers", `{"advancedFilter":[{"field":"department","operator":"IN","value":[{"departmentId":"dev","departmentIdType":"code","includeChildrenDepartments":true,"organizationCode":"acme"}]}]}`, `200 {"totalCount":2}`, ""},
	{"listUsers", `{"advancedFilter":[{"field":"department","operator":"IN","value":[{"departmentId":"{guests}","departmentIdType":"department_id","includeChildrenDepartments":false,"organizationCode":"acme"}]}]}`, `200 {"list":[{"userId":"{bob}"}]}`, ""},
	{"createUser", `{"departmentIds":["{dev}"],"username":"cat"}`, `200`, "cat=userId"},
	{"getUser", `{"userId":"{cat}","withDepartmentIds":true}`, `200 {"departmentIds":["{dev}"]}`, ""},

	{"getDepartmentSyncRelations", `{"departmentId":"{dev}","organizationCode":"acme"}`, `200 []`, ""},
	{"getDepartmentSyncRelations", `{"departmentId":"{dev}","organizationCode":"none"}`, noOrganization, ""},
	{"deleteDepartmentSyncRelations", `{"departmentId":"{dev}","organizationCode":"acme","provider":"lark"}`, `200 {"success":true}`, ""},
	{"deleteDepartmentSyncRelations", `{"departmentId":"{nobody}","organizationCode":"acme","provider":"lark"}`, noDepartment, ""},

	{"createDepartmentTree", `{"children":["East",{"children":["Shop"],"members":[{"email":"Dan@Example.com","name":"Dan"},{"username":"cat","city":"Rome"}],"name":"West"}],"members":{"name":"Dan D","username":"dan","email":"dan@example.com"},"name":"Branch"}`,
		`200 {"addUser":1,"updateUser":1,"addDepartment":4,"updateDepartment":0}`, ""},
	{"createDepartmentTree", `{"children":[{"children":[{"name":"Shop"},"Desk"],"name":"West"}],"name":"Branch"}`, `200 {"addUser":0,"updateUser":0,"addDepartment":1,"updateDepartment":3}`, ""},
	{"getUser", `{"userId":"{cat}"}`, `200 {"city":"Rome"}`, ""},
	{"createDepartmentTree", `{"name":""}`, `400 参数 name 格式错误`, ""},
	{"createDepartmentTree", `{"children":[7],"name":"Branch"}`, `400 参数 children 格式错误`, ""},
	{"createDepartmentTree", `{"children":[{"name":"Gone"},""],"name":"Branch"}`, `400 参数 name 格式错误`, ""},
	{"createDepartmentTree", `{"members":["dan"],"name":"Branch"}`, `400 参数 members 格式错误`, ""},
	{"createDepartmentTree", `{"children":[{"members":{"gender":"X","username":"eve"},"name":"Gone"}],"name":"Branch"}`, `400 参数 gender 格式错误`, ""},

	{"deleteDepartment", `{"departmentId":"root","organizationCode":"acme"}`, `422 不能移动或删除根部门`, ""},
	{"deleteDepartment", `{"departmentId":"{dev}","organizationCode":"额！ "}`, `404 organization not found for code: 额！ `, ""},
	{"deleteDepartment", `{"departmentId":"{dev}","organizationCode":"acme"}`, `200 {"success":true}`, ""},
	{"getAllDepartments", `{"organizationCode":"acme"}`, nothing, ""},
	{"getUser", `{"userId":"{bob}","withDepartmentIds":true}`, `200 {"mainDepartmentId":null,"departmentIds":[]}`, ""},
}

var postSteps = []step{
	{"createPost", `{"code":"clerk","departmentIdList":["{acme}"],"description":"d","name":"Clerk"}`, `200 {"id":"*","code":"clerk","name":"Clerk","description":"d","departmentIdList":["{acme}"]}`, "clerk=id"},
	{"createPost", `{"code":"clerk","name":"Clerk"}`, `409 岗位标识符已存在`, ""},
	{"createPost", `{"code":"","name":"C"}`, badCode, ""},
	{"createPost", `{"code":"c","name":"C","departmentIdList":"{nobody}"}`, `404 存在不合法的 departmentId: {nobody}`, ""},
	{"createPost", `{"code":"c","departmentIdList":7,"name":"C"}`, `400 参数 departmentIdList 格式错误`, ""},
	{"getPost", `{"code":"clerk"}`, `200 {"id":"{clerk}","departmentIdList":["{acme}"]}`, ""},
	{"getPost", `{"code":"none"}`, noPost, ""},
	{"getPostById", `{"idList":["{clerk}"]}`, `200 {"code":"clerk"}`, ""},
	{"getPostById", `{"idList":"{clerk}"}`, `200 {"code":"clerk"}`, ""},
	{"getPostById", `{"idList":"{nobody}"}`, noPost, ""},
	{"getPostById", `{}`, `400 参数 idList 格式错误`, ""},
	{"updatePost", `{"code":"clerk","departmentIdList":[],"name":"Clerk II"}`, `200 {"id":"{clerk}","name":"Clerk II","departmentIdList":[]}`, ""},
	{"updatePost", `{"code":"none","name":"N"}`, noPost, ""},

	{"setUserPosts", `{"postIds":["{clerk}"],"userId":"{ann}"}`, `200`, ""},
	{"setUserPosts", `{"postIds":["{clerk}","none"],"userId":"{ann}"}`, noPost, ""},
	{"setUserPosts", `{"postIds":["{clerk}"],"userId":"{nobody}"}`, noUser, ""},
	{"userConnectionPost", `{"postId":"{chief}","userId":"{ann}"}`, `200`, ""},
	{"userConnectionPost", `{"postId":"{chief}","userId":"{ann}"}`, `200`, ""},
	{"userConnectionPost", `{"postId":"none","userId":"{ann}"}`, noPost, ""},
	{"getUserPosts", `{"userId":"{ann}"}`, `200 [{"code":"chief"},{"code":"clerk"}]`, ""},
	{"getUserPosts", `{"userId":"{nobody}"}`, noUser, ""},
	{"getUserPost", `{"userId":"{ann}"}`, `200 {"code":"chief","departmentIdList":["{acme}"]}`, ""},
	{"getUserPost", `{"userId":"{bob}"}`, noPost, ""},
	{"getUser", `{"userId":"{ann}","withPost":true}`, `200 {"postIdList":["{chief}","{clerk}"]}`, ""},
	{"postList", ``, `200 {"totalCount":2,"list":[{"code":"clerk","userCount":1,"departmentCount":0,"metadataSource":[]},{"code":"chief","userCount":1,"departmentCount":1}]}`, ""},
	{"postList", `{"keywords":"CHI"}`, `200 {"totalCount":1}`, ""},
	{"postList", `{"createdBefore":1}`, nothing, ""},
	{"postList", `{"limit":51}`, `400 参数 limit 格式错误`, ""},
	{"postListBatch", `{"postCodes":["clerk","none"]}`, `200 {"totalCount":1,"list":[{"code":"clerk"}]}`, ""},
	{"postListBatch", `{"page":0}`, `400 参数 page 格式错误`, ""},
	{"removePost", `{"code":"chief"}`, `200`, ""},
	{"removePost", `{"code":"chief"}`, noPost, ""},
	{"getUser", `{"userId":"{ann}","withPost":true}`, `200 {"postIdList":["{clerk}"]}`, ""},
	{"getOrganization", `{"organizationCode":"acme","withPost":true}`, `200 {"postIdList":[]}`, ""},
	{"resignUser", `{"userId":"{ann}"}`, `200`, ""},
	{"getUserPosts", `{"userId":"{ann}"}`, `200 []`, ""},
}

func TestOrganizations(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.run(t, organizationSteps)
		s.assertComplete(t, "organizations", nil, nil)
		s.run(t, departmentSteps)
		s.assertComplete(t, "departments", nil, nil)
		s.run(t, []step{{"createDepartment", `{"customData":{"size":9},"name":"Flat","organizationCode":"acme","parentDepartmentId":"root"}`, `200`, "flat=departmentId"}})
		a := h.client().send(t, "GET", "/api/v3/get-department", s.fill(`{"departmentId":"{flat}","flatCustomData":true,"organizationCode":"acme"}`))
		if d := differs("department", map[string]any{"size": 9.0, "name": "Flat", "customData": "-"}, a.Data); d != "" {
			t.Error(d, a.Text)
		}
		s.run(t, postSteps)
		s.assertComplete(t, "posts", nil, nil)
	})
}
