package v2

import (
	"testing"
)

const (
	allow = `mutation($r: String!, $a: String!, $u: String, $us: [String!], $c: String, $cs: [String!], $n: String) {
		allow(resource: $r, action: $a, userId: $u, userIds: $us, roleCode: $c, roleCodes: $cs, namespace: $n) { code message } }`
	authorize = `mutation($n: String, $t: ResourceType, $r: String, $o: [AuthorizeResourceOpt]) {
		authorizeResource(namespace: $n, resourceType: $t, resource: $r, opts: $o) { code } }`
	resourcesOf = `query($t: PolicyAssignmentTargetType, $i: String, $n: String, $k: String) {
		authorizedResources(targetType: $t, targetIdentifier: $i, namespace: $n, resourceType: $k) { totalCount list { code type actions apiIdentifier } } }`
)

func TestGrants(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: createUser, with: bob, save: "bob=createUser.id"},
			{send: createGroup, with: `{"c": "dev", "n": "Developers"}`},
			{send: `mutation {addUserToGroup(code: "dev", userIds: ["$ann"]) {code}}`},
			{send: createRole, with: `{"c": "admin"}`},
			{send: createRole, with: `{"c": "admin", "n": "$app"}`},
			{send: `mutation {assignRole(roleCode: "admin", userIds: ["$ann"]) {code}}`},

			{name: "allow a user", send: allow, with: `{"r": "books:1", "a": "books:read", "u": "$ann"}`, want: `{"allow": {"code": 200}}`},
			{name: "allow the same again", send: allow, with: `{"r": "books:1", "a": "books:read", "u": "$ann", "n": "default"}`, want: `{"allow": {"code": 200}}`},
			{name: "allow users another action", send: allow, with: `{"r": "books:1", "a": "books:edit", "us": ["$ann", "$bob"]}`, want: `{"allow": {"code": 200}}`},
			{name: "allow a role", send: allow, with: `{"r": "books:2", "a": "*", "cs": ["admin"]}`, want: `{"allow": {"code": 200}}`},
			{name: "allow a role of another namespace", send: allow, with: `{"r": "cars:*", "a": "drive", "c": "admin", "u": "$bob", "n": "$app"}`, want: `{"allow": {"code": 200}}`},
			{name: "allow everything", send: allow, with: `{"r": "*", "a": "read", "u": "$bob"}`, want: `{"allow": {"code": 200}}`},
			{name: "a bare type is no resource", send: allow, with: `{"r": "books", "a": "read", "u": "$ann"}`, want: `!400`},
			{name: "nor is nothing", send: allow, with: `{"r": "", "a": "read", "u": "$ann"}`, want: `!400`},
			{name: "no action", send: allow, with: `{"r": "books:1", "a": "", "u": "$ann"}`, want: `!400`},
			{name: "nobody is named", send: allow, with: `{"r": "books:1", "a": "read"}`, want: `!400`},
			{name: "nobody is there", send: allow, with: `{"r": "books:9", "a": "read", "us": ["$ann", "$nobody"]}`, want: `!2004`},
			{name: "no such role", send: allow, with: `{"r": "books:9", "a": "read", "u": "$ann", "c": "nonsense"}`, want: `!404`},
			{name: "no such namespace", send: allow, with: `{"r": "books:9", "a": "read", "u": "$ann", "n": "nonsense"}`, want: `!404`},
			{name: "another pool's namespace", send: allow, with: `{"r": "books:9", "a": "read", "u": "$ann", "n": "$app2"}`, want: `!404`},

			{name: "authorize a group and a role", send: authorize, want: `{"authorizeResource": {"code": 200}}`,
				with: `{"t": "MENU", "r": "menu", "o": [{"targetType": "GROUP", "targetIdentifier": "dev", "actions": ["open"]}, {"targetType": "ROLE", "targetIdentifier": "admin", "actions": ["close"]}]}`},
			{name: "authorize a user", send: authorize, with: `{"r": "books", "o": [{"targetType": "USER", "targetIdentifier": "$bob", "actions": ["books:*"]}]}`, want: `{"authorizeResource": {"code": 200}}`},
			{name: "authorize an organisation", send: authorize, with: `{"r": "books", "o": [{"targetType": "ORG", "targetIdentifier": "x", "actions": ["a"]}]}`, want: `!404`},
			{name: "authorize a key", send: authorize, with: `{"r": "books", "o": [{"targetType": "AK_SK", "targetIdentifier": "x", "actions": ["a"]}]}`, want: `!400`},
			{name: "authorize an unknown group", send: authorize, with: `{"r": "books", "o": [{"targetType": "GROUP", "targetIdentifier": "x", "actions": ["a"]}]}`, want: `!404`},
			{name: "authorize nobody", send: authorize, with: `{"r": "books", "o": [{"targetType": "USER", "targetIdentifier": "$nobody", "actions": ["a"]}]}`, want: `!2004`},
			{name: "authorize an empty action", send: authorize, with: `{"r": "books", "o": [{"targetType": "USER", "targetIdentifier": "$bob", "actions": [""]}]}`, want: `!400`},
			{name: "authorize none", send: authorize, with: `{"r": "books", "o": []}`, want: `!400`},
			{name: "authorize null", send: authorize, with: `{"r": "books", "o": [null]}`, want: `!400`},
			{name: "authorize no resource", send: authorize, with: `{"o": [{"targetType": "USER", "targetIdentifier": "$bob", "actions": ["a"]}]}`, want: `!400`},

			{name: "a user has their own, their groups' and their roles'", send: resourcesOf, with: `{"t": "USER", "i": "$ann", "n": "default"}`,
				want: `{"authorizedResources": {"totalCount": 3}}`},
			{name: "of one kind", send: resourcesOf, with: `{"t": "USER", "i": "$ann", "k": "MENU"}`,
				want: `{"authorizedResources": {"totalCount": 1, "list": [{"code": "menu", "type": "MENU", "actions": ["close", "open"], "apiIdentifier": null}]}}`},
			{name: "through the user", send: `{user(id: "$ann") {authorizedResources(namespace: "default", resourceType: "DATA") {totalCount list {code actions}}}}`,
				want: `{"user": {"authorizedResources": {"totalCount": 2}}}`},
			{name: "in all namespaces", send: `{user(id: "$bob") {authorizedResources {totalCount}}}`, want: `{"user": {"authorizedResources": {"totalCount": 4}}}`},
			{name: "in one", send: `{user(id: "$bob") {authorizedResources(namespace: "$app") {totalCount list {code type actions}}}}`,
				want: `{"user": {"authorizedResources": {"totalCount": 1, "list": [{"code": "cars:*", "type": "DATA", "actions": ["drive"]}]}}}`},
			{name: "in an unknown one", send: `{user(id: "$bob") {authorizedResources(namespace: "nonsense") {totalCount}}}`, want: `!404`},
			{name: "of an unknown kind", send: `{user(id: "$bob") {authorizedResources(resourceType: "NONSENSE") {totalCount}}}`, want: `!400`},
			{name: "a group has its own", send: resourcesOf, with: `{"t": "GROUP", "i": "dev"}`, want: `{"authorizedResources": {"totalCount": 1, "list": [{"code": "menu", "actions": ["open"]}]}}`},
			{name: "through the group", send: `{group(code: "dev") {authorizedResources(namespace: "default") {list {code}}}}`, want: `{"group": {"authorizedResources": {"list": [{"code": "menu"}]}}}`},
			{name: "a role has its own", send: resourcesOf, with: `{"t": "ROLE", "i": "admin", "n": "default"}`, want: `{"authorizedResources": {"totalCount": 2}}`},
			{name: "through the role, of its namespace", send: `{role(code: "admin", namespace: "$app") {authorizedResources {totalCount list {code}}}}`,
				want: `{"role": {"authorizedResources": {"totalCount": 1, "list": [{"code": "cars:*"}]}}}`},
			{name: "through the role, of one kind", send: `{role(code: "admin") {authorizedResources(resourceType: "MENU") {list {code}}}}`, want: `{"role": {"authorizedResources": {"list": [{"code": "menu"}]}}}`},
			{name: "of nobody", send: resourcesOf, with: `{"t": "USER", "i": "$nobody"}`, want: `!2004`},
			{name: "of an unknown group", send: resourcesOf, with: `{"t": "GROUP", "i": "nonsense"}`, want: `!404`},
			{name: "of an unknown role", send: resourcesOf, with: `{"t": "ROLE", "i": "nonsense"}`, want: `!404`},
			{name: "of an organisation", send: resourcesOf, with: `{"t": "ORG", "i": "x"}`, want: `!404`},
			{name: "of nothing", send: resourcesOf, with: `{}`, want: `!400`},

			{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
			{name: "users see what they may", as: "annToken", send: `{user {authorizedResources {totalCount}}}`, want: `{"user": {"authorizedResources": {"totalCount": 3}}}`},
		})
	})
}

// A menu is granted without actions, and shown with its type.
func TestGrantsOfMenus(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.run(t, []step{
			{name: "user", send: `mutation { createUser(userInfo: {username: "menu"}) { id } }`, save: "menuUser=createUser.id"},
			{name: "authorize", with: `{"o": [{"targetType": "USER", "targetIdentifier": "$menuUser"}]}`,
				send: `mutation($o: [AuthorizeResourceOpt]) { authorizeResource(namespace: "default", resource: "menu_a", resourceType: MENU, opts: $o) { code } }`},
			{name: "list", with: `{"id": "$menuUser"}`,
				send: `query($id: String) { user(id: $id) { authorizedResources(namespace: "default") { totalCount list { code type actions } } } }`,
				want: `{"user": {"authorizedResources": {"totalCount": 1, "list": [{"code": "menu_a", "type": "MENU"}]}}}`},
		})
	})
}
