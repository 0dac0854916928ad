package v2

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const (
	createOrg = `mutation($name: String!, $code: String, $tenant: String) { createOrg(name: $name, code: $code, description: "d", tenantId: $tenant) {
		id tenantId rootNode { id orgId name code description root depth path codePath namePath children order } nodes { id root children } } }`
	addNode = `mutation($org: String!, $parent: String, $name: String!, $code: String, $order: Int, $i18n: String) {
		addNodeV2(orgId: $org, parentNodeId: $parent, name: $name, code: $code, order: $order, nameI18n: $i18n, description: "d") {
			id orgId name nameI18n code description order root depth path codePath namePath children } }`
	addNodeOld = `mutation($org: String!, $name: String!) { addNode(orgId: $org, name: $name) { id rootNode { id } nodes { id name children } } }`
	moveNode   = `mutation($org: String!, $node: String!, $to: String!) { moveNode(orgId: $org, nodeId: $node, targetParentId: $to) { id nodes { id children depth path } } }`
	updateNode = `mutation($id: String!, $name: String, $code: String, $description: String) {
		updateNode(id: $id, name: $name, code: $code, description: $description) { id name code description } }`
	deleteNode = `mutation($org: String!, $node: String!) { deleteNode(orgId: $org, nodeId: $node) { code message } }`
	deleteOrg  = `mutation($id: String!) { deleteOrg(id: $id) { code } }`
	oneOrg     = `query($id: String!) { org(id: $id) { id rootNode { id children } nodes { id name root children } } }`
	listOrgs   = `query($page: Int, $limit: Int, $sort: SortByEnum) { orgs(page: $page, limit: $limit, sortBy: $sort) { totalCount list { id rootNode { name } nodes { id } } } }`
	nodeByID   = `query($id: String!) { nodeById(id: $id) { id name path depth root } }`
	nodeByCode = `query($org: String!, $code: String!) { nodeByCode(orgId: $org, code: $code) { id } }`
	isRoot     = `query($org: String!, $node: String!) { isRootNode(orgId: $org, nodeId: $node) }`
	rootOf     = `query($org: String!) { rootNode(orgId: $org) { id name codePath } }`
	childrenOf = `query($node: String!, $org: String) { childrenNodes(nodeId: $node, orgId: $org) { id name } }`
	findNodes  = `query($keyword: String!) { searchNodes(keyword: $keyword) { id namePath } }`
	addMember  = `mutation($node: String, $org: String, $code: String, $users: [String!]!, $leader: Boolean) {
		addMember(nodeId: $node, orgId: $org, nodeCode: $code, userIds: $users, isLeader: $leader) { id users { totalCount list { username } } } }`
	removeMember = `mutation($node: String, $users: [String!]!) { removeMember(nodeId: $node, userIds: $users) { users { totalCount } } }`
	moveMembers  = `mutation($users: [String!]!, $from: String!, $to: String!) { moveMembers(userIds: $users, sourceNodeId: $from, targetNodeId: $to) { code } }`
	nodeMembers  = `query($id: String!, $sort: SortByEnum, $all: Boolean, $page: Int, $limit: Int) {
		nodeById(id: $id) { users(sortBy: $sort, includeChildrenNodes: $all, page: $page, limit: $limit) { totalCount list { username } } } }`
	setMain  = `mutation($user: String!, $node: String) { setMainDepartment(userId: $user, departmentId: $node) { code } }`
	mainOf   = `query { user(id: "$ann") { mainDepartmentId departments { list { isMainDepartment department { id } } } } }`
	makeUser = `mutation($name: String) { createUser(userInfo: {username: $name}) { id } }`
)

func TestOrgs(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.known["long"] = strings.Repeat("x", 10000)
		h.run(t, []step{
			{name: "create", send: createOrg, with: `{"name": "Acme", "code": "acme"}`, save: "acme=createOrg.id",
				want: `{"createOrg": {"id": "*", "tenantId": null, "rootNode": {"name": "Acme", "code": "acme", "description": "d", "root": true, "depth": 0,
					"codePath": ["acme"], "namePath": ["Acme"], "children": [], "order": 0}, "nodes": [{"root": true, "children": []}]}}`},
			{name: "a code of another organisation", send: createOrg, with: `{"name": "Acme II", "code": "acme"}`, save: "twin=createOrg.id",
				want: `{"createOrg": {"rootNode": {"code": "acme"}}}`},
			{name: "without a code", send: createOrg, with: `{"name": "Plain"}`, save: "plain=createOrg.id", want: `{"createOrg": {"rootNode": {"code": "*"}}}`},
			{name: "without a name", send: createOrg, with: `{"name": ""}`, want: "!400"},
			{name: "a name too long", send: createOrg, with: `{"name": "$long"}`, want: "!400"},
			{name: "a code of other letters", send: createOrg, with: `{"name": "N", "code": "额"}`, want: "!400"},
			{name: "a code too long", send: createOrg, with: `{"name": "N", "code": "$long"}`, want: "!400"},
			{name: "of a tenant", send: createOrg, with: `{"name": "N", "tenant": "$nobody"}`, want: "!404"},
			{name: "a user may not", as: "none", send: createOrg, with: `{"name": "N"}`, want: "!2020"},

			{name: "node", send: addNode, with: `{"org": "$acme", "parent": "$acme", "name": "Dev", "code": "dev", "order": 5, "i18n": "{\"en\": \"Dev\"}"}`,
				save: "dev=addNodeV2.id", want: `{"addNodeV2": {"orgId": "$acme", "name": "Dev", "nameI18n": "{\"en\":\"Dev\"}", "code": "dev", "order": 5, "root": false,
					"depth": 1, "codePath": ["acme", "dev"], "namePath": ["Acme", "Dev"], "children": []}}`},
			{name: "below it", send: addNode, with: `{"org": "$acme", "parent": "$dev", "name": "API", "code": "api"}`, save: "api=addNodeV2.id",
				want: `{"addNodeV2": {"path": ["$acme", "$dev", "*"], "depth": 2, "nameI18n": null}}`},
			{name: "no parent is the root", send: addNode, with: `{"org": "$acme", "name": "Ops", "code": "ops", "order": 9}`, save: "ops=addNodeV2.id", want: `{"addNodeV2": {"depth": 1}}`},
			{name: "no code", send: addNodeOld, with: `{"org": "$plain", "name": "Loose"}`, want: `{"addNode": {"id": "$plain", "rootNode": {"id": "$plain"}, "nodes": [{"children": ["*"]}, {"name": "Loose", "children": []}]}}`},
			{name: "a code that is taken", send: addNode, with: `{"org": "$acme", "name": "Again", "code": "dev"}`, want: "!409"},
			{name: "a code of the organisation", send: addNode, with: `{"org": "$acme", "name": "Again", "code": "acme"}`, want: "!409"},
			{name: "an unknown organisation", send: addNode, with: `{"org": "$nobody", "name": "N"}`, want: "!404"},
			{name: "an organisation too long", send: addNode, with: `{"org": "$long", "name": "N"}`, want: "!404"},
			{name: "an organisation of none", send: addNode, with: `{"org": "", "name": "N"}`, want: "!400"},
			{name: "a node as organisation", send: addNode, with: `{"org": "$dev", "name": "N"}`, want: "!404"},
			{name: "an unknown parent", send: addNode, with: `{"org": "$acme", "parent": "xxx", "name": "N"}`, want: "!404"},
			{name: "a parent elsewhere", send: addNode, with: `{"org": "$twin", "parent": "$dev", "name": "N"}`, want: "!404"},
			{name: "translations that are none", send: addNode, with: `{"org": "$acme", "name": "N", "i18n": "[1]"}`, want: "!400"},
			{name: "another pool's", as: "key2", send: addNode, with: `{"org": "$acme", "name": "N"}`, want: "!404"},

			{name: "org", send: oneOrg, with: `{"id": "$acme"}`, want: `{"org": {"rootNode": {"children": ["$ops", "$dev"]}, "nodes": [{"id": "$acme", "root": true, "children": ["$ops", "$dev"]},
				{"id": "$ops", "children": []}, {"id": "$dev", "children": ["$api"]}, {"id": "$api", "root": false}]}}`},
			{name: "an unknown org", send: oneOrg, with: `{"id": "xxx"}`, want: "!404"},
			{name: "a node is no org", send: oneOrg, with: `{"id": "$dev"}`, want: "!404"},
			{name: "root is no org", send: oneOrg, with: `{"id": "root"}`, want: "!404"},
			{name: "orgs, newest first", send: listOrgs, with: `{"limit": 2}`, want: `{"orgs": {"totalCount": 3, "list": [{"id": "$plain", "nodes": ["*", "*"]}, {"id": "$twin", "rootNode": {"name": "Acme II"}}]}}`},
			{name: "another page", send: listOrgs, with: `{"page": 2, "limit": 2}`, want: `{"orgs": {"totalCount": 3, "list": [{"id": "$acme"}]}}`},
			{name: "another order", send: listOrgs, with: `{"sort": "UPDATEDAT_ASC"}`, want: "!400"},
			{name: "of another pool", as: "key2", send: listOrgs, want: `{"orgs": {"totalCount": 0, "list": []}}`},
			{name: "nodeById", send: nodeByID, with: `{"id": "$api"}`, want: `{"nodeById": {"id": "$api", "path": ["$acme", "$dev", "$api"], "depth": 2, "root": false}}`},
			{name: "of nobody", send: nodeByID, with: `{"id": "xxx"}`, want: `{"nodeById": null}`},
			{name: "of a long id", send: nodeByID, with: `{"id": "$long"}`, want: `{"nodeById": null}`},
			{name: "of no id", send: nodeByID, with: `{"id": ""}`, want: `{"nodeById": null}`},
			{name: "of another pool's id", as: "key2", send: nodeByID, with: `{"id": "$api"}`, want: `{"nodeById": null}`},
			{name: "nodeByCode", send: nodeByCode, with: `{"org": "$acme", "code": "api"}`, want: `{"nodeByCode": {"id": "$api"}}`},
			{name: "of the root", send: nodeByCode, with: `{"org": "$twin", "code": "acme"}`, want: `{"nodeByCode": {"id": "$twin"}}`},
			{name: "of another organisation", send: nodeByCode, with: `{"org": "$twin", "code": "api"}`, want: `{"nodeByCode": null}`},
			{name: "of a directory's form", send: nodeByCode, with: `{"org": "$acme", "code": "ou=devops,dc=example,dc=org"}`, want: `{"nodeByCode": null}`},
			{name: "root", send: isRoot, with: `{"org": "$acme", "node": "$acme"}`, want: `{"isRootNode": true}`},
			{name: "no root", send: isRoot, with: `{"org": "$acme", "node": "$api"}`, want: `{"isRootNode": false}`},
			{name: "another's root", send: isRoot, with: `{"org": "$acme", "node": "$twin"}`, want: "!404"},
			{name: "rootNode", send: rootOf, with: `{"org": "$acme"}`, want: `{"rootNode": {"id": "$acme", "codePath": ["acme"]}}`},
			{name: "rootNode of nobody", send: rootOf, with: `{"org": "$nobody"}`, want: "!404"},
			{name: "children", send: childrenOf, with: `{"node": "$acme"}`, want: `{"childrenNodes": [{"id": "$ops"}, {"id": "$dev"}]}`},
			{name: "children in an organisation", send: childrenOf, with: `{"node": "$dev", "org": "$acme"}`, want: `{"childrenNodes": [{"id": "$api"}]}`},
			{name: "children elsewhere", send: childrenOf, with: `{"node": "$dev", "org": "$twin"}`, want: "!404"},
			{name: "children of nobody", send: childrenOf, with: `{"node": "root"}`, want: "!404"},
			{name: "search", send: findNodes, with: `{"keyword": "AP"}`, want: `{"searchNodes": [{"id": "$api", "namePath": ["Acme", "Dev", "API"]}]}`},
			{name: "search in all", send: findNodes, with: `{"keyword": "acme"}`, want: `{"searchNodes": [{"id": "$twin"}, {"id": "$acme"}]}`},
			{name: "search for a wildcard", send: findNodes, with: `{"keyword": "%"}`, want: `{"searchNodes": []}`},
			{name: "search for nothing", send: findNodes, with: `{"keyword": ""}`, want: "!400"},
			{name: "search for too much", send: findNodes, with: `{"keyword": "$long"}`, want: "!400"},

			{name: "move", send: moveNode, with: `{"org": "$acme", "node": "$dev", "to": "$ops"}`, want: `{"moveNode": {"nodes": [{"id": "$acme", "children": ["$ops"]},
				{"id": "$ops", "children": ["$dev"]}, {"id": "$dev", "depth": 2}, {"id": "$api", "path": ["$acme", "$ops", "$dev", "$api"]}]}}`},
			{name: "into a circle", send: moveNode, with: `{"org": "$acme", "node": "$ops", "to": "$api"}`, want: "!400"},
			{name: "onto itself", send: moveNode, with: `{"org": "$acme", "node": "$ops", "to": "$ops"}`, want: "!400"},
			{name: "to another organisation", send: moveNode, with: `{"org": "$acme", "node": "$dev", "to": "$twin"}`, want: "!404"},
			{name: "from another organisation", send: moveNode, with: `{"org": "$twin", "node": "$dev", "to": "$twin"}`, want: "!404"},
			{name: "the root", send: moveNode, with: `{"org": "$acme", "node": "$acme", "to": "$dev"}`, want: "!422"},
			{name: "to root by its nickname", send: moveNode, with: `{"org": "$acme", "node": "$dev", "to": "root"}`, want: "!404"},
			{name: "update", send: updateNode, with: `{"id": "$dev", "name": "Developers", "code": "devs", "description": "who develop"}`,
				want: `{"updateNode": {"name": "Developers", "code": "devs", "description": "who develop"}}`},
			{name: "update nothing", send: updateNode, with: `{"id": "$dev"}`, want: `{"updateNode": {"name": "Developers"}}`},
			{name: "update to a taken code", send: updateNode, with: `{"id": "$dev", "code": "api"}`, want: "!409"},
			{name: "update to no name", send: updateNode, with: `{"id": "$dev", "name": ""}`, want: "!400"},
			{name: "update nobody", send: updateNode, with: `{"id": "$nobody", "name": "N"}`, want: "!404"},
			{name: "update another pool's", as: "key2", send: updateNode, with: `{"id": "$dev", "name": "N"}`, want: "!404"},
			{name: "the twin keeps its code", send: updateNode, with: `{"id": "$twin", "name": "Twin", "code": "acme"}`, want: `{"updateNode": {"name": "Twin", "code": "acme"}}`},

			{send: makeUser, with: `{"name": "ann"}`, save: "ann=createUser.id"},
			{send: makeUser, with: `{"name": "bob"}`, save: "bob=createUser.id"},
			{name: "members", send: addMember, with: `{"node": "$dev", "users": ["$ann", "$bob"]}`, want: `{"addMember": {"id": "$dev", "users": {"totalCount": 2}}}`},
			{name: "members by code", send: addMember, with: `{"org": "$acme", "code": "api", "users": ["$ann"], "leader": true}`, want: `{"addMember": {"id": "$api", "users": {"totalCount": 1}}}`},
			{name: "members by a code alone", send: addMember, with: `{"code": "api", "users": ["$ann"]}`, want: "!400"},
			{name: "members of nothing", send: addMember, with: `{"users": ["$ann"]}`, want: "!400"},
			{name: "members of nobody", send: addMember, with: `{"node": "$nobody", "users": ["$ann"]}`, want: "!404"},
			{name: "nobody as member", send: addMember, with: `{"node": "$ops", "users": ["$ann", "$nobody"]}`, want: "!2004"},
			{name: "no members", send: addMember, with: `{"node": "$ops", "users": []}`, want: "!400"},
			{name: "nothing was done", send: nodeMembers, with: `{"id": "$ops"}`, want: `{"nodeById": {"users": {"totalCount": 0, "list": []}}}`},
			{name: "with those below", send: nodeMembers, with: `{"id": "$ops", "all": true, "sort": "CREATEDAT_ASC"}`, want: `{"nodeById": {"users": {"totalCount": 2, "list": [{"username": "ann"}, {"username": "bob"}]}}}`},
			{name: "a page", send: nodeMembers, with: `{"id": "$dev", "sort": "CREATEDAT_DESC", "page": 2, "limit": 1}`, want: `{"nodeById": {"users": {"totalCount": 2, "list": [{"username": "ann"}]}}}`},
			{name: "search in a node", send: `query { searchUser(query: "", departmentOpts: [{departmentId: "$dev"}]) { totalCount } }`, want: `{"searchUser": {"totalCount": 2}}`},
			{name: "search above it", send: `query { searchUser(query: "", departmentOpts: [{departmentId: "$ops"}]) { totalCount } }`, want: `{"searchUser": {"totalCount": 0}}`},
			{name: "search below it", send: `query { searchUser(query: "ann", departmentOpts: [{departmentId: "$ops", includeChildrenDepartments: true}]) { totalCount } }`, want: `{"searchUser": {"totalCount": 1}}`},
			{name: "search in nothing", send: `query { searchUser(query: "", departmentOpts: [{departmentId: "root"}, {departmentId: "$long"}]) { totalCount } }`, want: `{"searchUser": {"totalCount": 0}}`},
			{send: makeUser, with: `{"name": "zoe"}`, save: "zoe=createUser.id"},
			{name: "users in no organisation", send: `query { users(excludeUsersInOrg: true) { totalCount list { username } } }`, want: `{"users": {"totalCount": 1, "list": [{"username": "zoe"}]}}`},
			{name: "main", send: setMain, with: `{"user": "$ann", "node": "$dev"}`, want: `{"setMainDepartment": {"code": 200}}`},
			{name: "main of a stranger", send: setMain, with: `{"user": "$ann", "node": "$ops"}`, want: "!422"},
			{name: "main of nobody", send: setMain, with: `{"user": "$nobody", "node": "$dev"}`, want: "!2004"},
			{name: "main of no node", send: setMain, with: `{"user": "$ann", "node": "$nobody"}`, want: "!404"},
			{name: "main is", send: mainOf, want: `{"user": {"mainDepartmentId": "$dev", "departments": {"list": ["*", "*"]}}}`},
			{name: "move members", send: moveMembers, with: `{"users": ["$ann"], "from": "$dev", "to": "$ops"}`, want: `{"moveMembers": {"code": 200}}`},
			{name: "main has moved too", send: mainOf, want: `{"user": {"mainDepartmentId": "$ops"}}`},
			{name: "who is not there stays", send: moveMembers, with: `{"users": ["$ann"], "from": "$dev", "to": "$api"}`, want: `{"moveMembers": {"code": 200}}`},
			{name: "move nobody", send: moveMembers, with: `{"users": ["$bob", "$nobody"], "from": "$dev", "to": "$ops"}`, want: "!2004"},
			{name: "move to nowhere", send: moveMembers, with: `{"users": ["$bob"], "from": "$dev", "to": "$nobody"}`, want: "!404"},
			{name: "bob stayed", send: nodeMembers, with: `{"id": "$dev"}`, want: `{"nodeById": {"users": {"totalCount": 1, "list": [{"username": "bob"}]}}}`},
			{name: "remove", send: removeMember, with: `{"node": "$dev", "users": ["$bob", "$nobody"]}`, want: `{"removeMember": {"users": {"totalCount": 0}}}`},
			{name: "no main", send: setMain, with: `{"user": "$ann"}`, want: `{"setMainDepartment": {"code": 200}}`},
			{name: "main is none", send: mainOf, want: `{"user": {"mainDepartmentId": null}}`},

			{name: "ways", send: "GET /api/v2/users/$ann/orgs", want: `[[{"type": "org", "id": "$acme", "rootNodeId": "$acme", "userPoolId": "$one", "logo": null},
				{"type": "node", "id": "$acme", "orgId": "$acme"}, {"type": "node", "id": "$ops", "name": "Ops"}],
				[{"type": "org"}, {"type": "node", "id": "$acme"}, {"type": "node", "id": "$ops"}, {"type": "node", "name": "Developers"}, {"type": "node", "id": "$api"}]]`},
			{name: "ways of nobody", send: "GET /api/v2/users/$nobody/orgs", want: "!2004"},
			{name: "own ways of a key", send: "GET /api/v2/users/me/orgs", want: "!1001"},
			{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
			{name: "own ways", as: "annToken", send: "GET /api/v2/users/me/orgs", want: `[["*", "*", "*"], ["*", "*", "*", "*", "*"]]`},
			{name: "own departments, not who else is there", as: "annToken", send: `query { user(id: "$ann") { departments { list { department { users { totalCount } } } } } }`, want: "!1001"},
			{name: "resources", send: `query { nodeById(id: "$ops") { authorizedResources { totalCount list { code } } } }`, want: `{"nodeById": {"authorizedResources": {"totalCount": 0, "list": []}}}`},

			{name: "role", send: `mutation { createRole(code: "lead") { id } }`, save: "lead=createRole.id"},
			{name: "assign to nodes", send: `mutation { assignRole(roleCode: "lead", nodeCodes: ["ops", "devs"]) { code } }`, want: `{"assignRole": {"code": 200}}`},
			{name: "assign to no node", send: `mutation { assignRole(roleCode: "lead", nodeCodes: ["api", "nonsense"]) { code } }`, want: "!404"},
			{name: "assign to two", send: `mutation { assignRole(roleCode: "lead", nodeCodes: ["acme"]) { code } }`, want: "!409"},
			{name: "its roles", send: `query { nodeById(id: "$ops") { roles { totalCount list { code } } } }`, want: `{"nodeById": {"roles": {"totalCount": 1, "list": [{"code": "lead"}]}}}`},
			{name: "its roles of a namespace", send: `query { nodeById(id: "$ops") { roles(namespace: "nonsense") { totalCount } } }`, want: "!404"},
			{name: "the refused one got none", send: `query { nodeById(id: "$api") { roles { totalCount } } }`, want: `{"nodeById": {"roles": {"totalCount": 0}}}`},
			{name: "revoke", send: `mutation { revokeRole(roleCode: "lead", nodeCodes: ["ops"]) { code } }`, want: `{"revokeRole": {"code": 200}}`},
			{name: "revoked", send: `query { nodeById(id: "$ops") { roles { totalCount } } }`, want: `{"nodeById": {"roles": {"totalCount": 0}}}`},

			{name: "field", send: `mutation { setUdf(targetType: NODE, key: "floor", dataType: NUMBER, label: "Floor") { targetType key } }`, want: `{"setUdf": {"targetType": "NODE", "key": "floor"}}`},
			{name: "fields", send: `query { udf(targetType: NODE) { targetType key } }`, want: `{"udf": [{"targetType": "NODE", "key": "floor"}]}`},
			{name: "value", send: `mutation { setUdv(targetType: NODE, targetId: "$ops", key: "floor", value: "3") { key value dataType } }`, want: `{"setUdv": [{"key": "floor", "value": "3", "dataType": "NUMBER"}]}`},
			{name: "value of nobody", send: `mutation { setUdv(targetType: NODE, targetId: "$nobody", key: "floor", value: "3") { key } }`, want: "!404"},
			{name: "value of a wrong type", send: `mutation { setUdv(targetType: NODE, targetId: "$ops", key: "floor", value: "\"x\"") { key } }`, want: "!400"},
			{name: "values", send: `query { udfValueBatch(targetType: NODE, targetIds: ["$ops", "$dev"]) { targetId data { value } } }`, want: `{"udfValueBatch": [{"targetId": "$ops", "data": [{"value": "3"}]}, {"data": []}]}`},
			{name: "remove a value", send: `mutation { removeUdv(targetType: NODE, targetId: "$ops", key: "floor") { key } }`, want: `{"removeUdv": []}`},
			{name: "organisation's field", send: `mutation { setUdf(targetType: ORG, key: "vat", dataType: STRING, label: "VAT") { key } }`, want: `{"setUdf": {"key": "vat"}}`},
			{name: "organisation's value", send: `mutation { setUdv(targetType: ORG, targetId: "$acme", key: "vat", value: "\"DE1\"") { value } }`, want: `{"setUdv": [{"value": "DE1"}]}`},
			{name: "a node has none", send: `mutation { setUdv(targetType: ORG, targetId: "$ops", key: "vat", value: "\"DE1\"") { value } }`, want: "!404"},

			{name: "not the root", send: deleteNode, with: `{"org": "$acme", "node": "$acme"}`, want: "!422"},
			{name: "not another's", send: deleteNode, with: `{"org": "$twin", "node": "$dev"}`, want: "!404"},
			{name: "delete", send: deleteNode, with: `{"org": "$acme", "node": "$dev"}`, want: `{"deleteNode": {"code": 200}}`},
			{name: "with those below", send: nodeByID, with: `{"id": "$api"}`, want: `{"nodeById": null}`},
			{name: "delete again", send: deleteNode, with: `{"org": "$acme", "node": "$dev"}`, want: "!404"},
			{name: "delete another pool's", as: "key2", send: deleteOrg, with: `{"id": "$acme"}`, want: "!404"},
			{name: "delete a node as org", send: deleteOrg, with: `{"id": "$ops"}`, want: "!404"},
			{name: "delete the twin", send: deleteOrg, with: `{"id": "$twin"}`, want: `{"deleteOrg": {"code": 200}}`},
			{name: "the other stays", send: oneOrg, with: `{"id": "$acme"}`, want: `{"org": {"nodes": ["*", "*"]}}`},
			{name: "delete the org", send: deleteOrg, with: `{"id": "$acme"}`, want: `{"deleteOrg": {"code": 200}}`},
			{name: "none is left", send: listOrgs, want: `{"orgs": {"totalCount": 1}}`},
			{name: "nor its values", send: `query { udfValueBatch(targetType: ORG, targetIds: ["$acme"]) { data { value } } }`, want: `{"udfValueBatch": [{"data": []}]}`},
		})
	})
}

func TestOrgsOverREST(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		deep := strings.Repeat(`{"name": "n", "children": [`, 52) + strings.Repeat("]}", 52)
		many := make([]string, 5000)
		for i := range many {
			many[i] = fmt.Sprintf(`{"name": "n%d"}`, i)
		}
		const trees = `{"name": "Acme", "code": "acme", "order": 10, "nameI18n": {"ja": "x", "en": "Acme"}, "descriptionI18n": {"en": "d"}, "id": "ignored", "children": [
			{"code": "hr", "name": "HR", "order": 10}, {"code": "dev", "name": "Dev", "description": "devs", "order": 40, "children": [{"name": "Backend", "code": "be"}]}]}`
		const exported = `{"name": "Acme", "code": "acme", "nameI18n": {"en": "Acme", "ja": "x"}, "descriptionI18n": {"en": "d"}, "order": 10, "children": [
			{"code": "dev", "description": "devs", "nameI18n": null, "children": [{"name": "Backend", "children": []}]}, {"code": "hr", "children": []}]}`
		load := func(file string) string { return `{"filetype": "json", "file": ` + file + `}` }
		h.run(t, []step{
			{name: "none", send: "GET /api/v2/orgs/count", want: `{"count": 0}`},
			{name: "import", send: "POST /api/v2/orgs/import", with: load(trees), want: exported, save: "acme=id"},
			{name: "import again", send: "POST /api/v2/orgs/import", with: load(trees), want: exported, save: "twin=id"},
			{name: "org", send: oneOrg, with: `{"id": "$acme"}`, want: `{"org": {"nodes": [{"name": "Acme"}, {"name": "Dev"}, {"name": "Backend"}, {"name": "HR"}]}}`},
			{name: "paths", send: findNodes, with: `{"keyword": "backend"}`, want: `{"searchNodes": [{"namePath": ["Acme", "Dev", "Backend"]}, {"namePath": ["Acme", "Dev", "Backend"]}]}`},
			{name: "not JSON", send: "POST /api/v2/orgs/import", with: `{"filetype": "excel", "file": {}}`, want: "!400"},
			{name: "no file", send: "POST /api/v2/orgs/import", with: `{"filetype": "json"}`, want: "!400"},
			{name: "a list", send: "POST /api/v2/orgs/import", with: load(`[{"name": "n"}]`), want: "!400"},
			{name: "no name", send: "POST /api/v2/orgs/import", with: load(`{"code": "x"}`), want: "!400"},
			{name: "no name below", send: "POST /api/v2/orgs/import", with: load(`{"name": "n", "children": [{"code": "x"}]}`), want: "!400"},
			{name: "null below", send: "POST /api/v2/orgs/import", with: load(`{"name": "n", "children": [null]}`), want: "!400"},
			{name: "a code twice", send: "POST /api/v2/orgs/import", with: load(`{"name": "n", "children": [{"name": "a", "code": "x"}, {"name": "b", "code": "x"}]}`), want: "!409"},
			{name: "a long name", send: "POST /api/v2/orgs/import", with: load(`{"name": "n", "children": [{"name": "` + strings.Repeat("x", 10000) + `"}]}`), want: "!400"},
			{name: "an order of text", send: "POST /api/v2/orgs/import", with: load(`{"name": "n", "order": "1"}`), want: "!400"},
			{name: "an order too large", send: "POST /api/v2/orgs/import", with: load(`{"name": "n", "order": 3000000000}`), want: "!400"},
			{name: "translations of numbers", send: "POST /api/v2/orgs/import", with: load(`{"name": "n", "nameI18n": {"en": 1}}`), want: "!400"},
			{name: "too deep", send: "POST /api/v2/orgs/import", with: load(deep), want: "!422"},
			{name: "too many", send: "POST /api/v2/orgs/import", with: load(`{"name": "n", "children": [` + strings.Join(many, ",") + `]}`), want: "!400"},
			{name: "nothing half done", send: "GET /api/v2/orgs/count", want: `{"count": 2}`},
			{name: "list", send: "GET /api/v2/orgs?page=1&limit=10", want: `[{"id": "$twin"}, {"id": "$acme", "rootNodeId": "$acme", "tenantId": null, "rootNode": {"name": "Acme"}}]`},
			{name: "another page", send: "GET /api/v2/orgs?page=2&limit=1", want: `[{"id": "$acme"}]`},
			{name: "a wrong page", send: "GET /api/v2/orgs?page=0&limit=1", want: "!400"},
			{name: "export", send: "GET /api/v2/orgs/export?org_id=$acme", want: exported},
			{name: "export nobody", send: "GET /api/v2/orgs/export?org_id=$nobody", want: "!404"},
			{name: "export nothing", send: "GET /api/v2/orgs/export?org_id=", want: "!400"},
			{name: "export all", send: "GET /api/v2/orgs/export", want: `[` + exported + `, ` + exported + `]`},
			{name: "export another pool's", as: "key2", send: "GET /api/v2/orgs/export", want: `[]`},
			{name: "by tenant", send: "GET /api/v2/orgs/by-tenant?tenant_id=x", want: `null`},
			{name: "policy", send: `mutation { createPolicy(code: "p", statements: [{resource: "book:*", actions: ["read"], effect: ALLOW}]) { code } }`},
			{name: "to a node", send: `mutation { addPolicyAssignments(policies: ["p"], targetType: ORG, targetIdentifiers: ["$acme"]) { code } }`},
			{name: "by target", send: "GET /api/v2/policies/assignments/by-target?namespace=default&policy_code=p&target_type=ORG", want: `{"totalCount": 1, "list": [{"code": "p", "targetType": "ORG", "targetIdentifier": "$acme"}]}`},
			{name: "by another", send: "GET /api/v2/policies/assignments/by-target?namespace=default&policy_code=p&target_type=USER", want: `{"totalCount": 0, "list": []}`},
			{name: "by nonsense", send: "GET /api/v2/policies/assignments/by-target?namespace=default&policy_code=p&target_type=x", want: "!400"},
			{name: "of no policy", send: "GET /api/v2/policies/assignments/by-target?namespace=default&policy_code=q&target_type=USER", want: "!404"},
		})

		// What is exported can be imported.
		w := h.request("GET", "/api/v2/orgs/export?org_id="+h.known["acme"], "", h.known["key"])
		var answer struct{ Data json.RawMessage }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		h.run(t, []step{{name: "import an export", send: "POST /api/v2/orgs/import", with: load(string(answer.Data)), want: exported}})
	})
}
