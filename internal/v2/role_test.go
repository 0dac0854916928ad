package v2

import (
	"testing"
)

const (
	createRole = `mutation($n: String, $c: String!, $d: String, $p: String) { createRole(namespace: $n, code: $c, description: $d, parent: $p) {
		id namespace code arn description isSystem createdAt updatedAt parent { code parent { code } } users { totalCount } } }`
	rolesOf = `query($id: String, $n: String) { user(id: $id) { roles(namespace: $n) { totalCount list { code namespace } } } }`
)

func TestRoles(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: createUser, with: bob, save: "bob=createUser.id"},
			{send: createGroup, with: `{"c": "dev", "n": "Developers"}`},

			{name: "create", send: createRole, with: `{"c": "admin", "d": "all"}`, save: "role=createRole.id",
				want: `{"createRole": {"id": "*", "namespace": "default", "code": "admin", "arn": "arn:cn:authing:$one:role:admin", "description": "all",
					"isSystem": false, "createdAt": "*", "parent": null, "users": {"totalCount": 0}}}`},
			{name: "create with a parent", send: createRole, with: `{"c": "sub", "p": "admin"}`, want: `{"createRole": {"parent": {"code": "admin", "parent": null}, "description": null}}`},
			{name: "create with a grandparent", send: createRole, with: `{"c": "subsub", "p": "sub"}`, want: `{"createRole": {"parent": {"code": "sub", "parent": {"code": "admin"}}}}`},
			{name: "create of the same code elsewhere", send: createRole, with: `{"n": "$app", "c": "admin"}`, want: `{"createRole": {"namespace": "$app"}}`},
			{name: "create again", send: createRole, with: `{"c": "admin"}`, want: `!409`},
			{name: "create with an unknown parent", send: createRole, with: `{"c": "x", "p": "nonsense"}`, want: `!404`},
			{name: "create in an unknown namespace", send: createRole, with: `{"n": "nonsense", "c": "x"}`, want: `!404`},
			{name: "create in another pool's namespace", send: createRole, with: `{"n": "$app2", "c": "x"}`, want: `!404`},
			{name: "create a malformed code", send: createRole, with: `{"c": "a b"}`, want: `!400`},
			{name: "create no code", send: createRole, with: `{"c": ""}`, want: `!400`},

			{name: "role", send: `{role(code: "admin", namespace: "default") {id description parent {code}}}`, want: `{"role": {"id": "$role", "description": "all", "parent": null}}`},
			{name: "unknown role", send: `{role(code: "nonsense") {id}}`, want: `{"role": null}`},
			{name: "role of an unknown namespace", send: `{role(code: "admin", namespace: "nonsense") {id}}`, want: `{"role": null}`},
			{name: "roles of the default namespace, newest first", send: `{roles(page: 1, limit: 10) {totalCount list {code parent {code}}}}`,
				want: `{"roles": {"totalCount": 3, "list": [{"code": "subsub", "parent": {"code": "sub"}}, {"code": "sub", "parent": {"code": "admin"}}, {"code": "admin", "parent": null}]}}`},
			{name: "roles of another", send: `{roles(namespace: "$app") {totalCount list {namespace}}}`, want: `{"roles": {"totalCount": 1, "list": [{"namespace": "$app"}]}}`},
			{name: "roles of an unknown one", send: `{roles(namespace: "nonsense") {totalCount}}`, want: `!404`},
			{name: "roles in another order", send: `{roles(sortBy: CREATEDAT_ASC) {totalCount}}`, want: `!400`},
			{name: "roles, limit 0", send: `{roles(limit: 0) {totalCount}}`, want: `!400`},

			{name: "assign", send: `mutation {assignRole(roleCodes: ["admin", null], userIds: ["$ann"]) {code message}}`, want: `{"assignRole": {"code": 200}}`},
			{name: "assign again", send: `mutation {assignRole(roleCode: "admin", userIds: ["$ann"]) {code}}`, want: `{"assignRole": {"code": 200}}`},
			{name: "assign in another namespace", send: `mutation {assignRole(namespace: "$app", roleCode: "admin", userIds: ["$ann"]) {code}}`, want: `{"assignRole": {"code": 200}}`},
			{name: "assign to a group", send: `mutation {assignRole(roleCode: "sub", groupCodes: ["dev"]) {code}}`, want: `{"assignRole": {"code": 200}}`},
			{name: "assign an unknown role", send: `mutation {assignRole(roleCodes: ["admin", "nonsense"], userIds: ["$bob"]) {code}}`, want: `!404`},
			{name: "assign to nobody", send: `mutation {assignRole(roleCode: "admin", userIds: ["$bob", "$nobody"]) {code}}`, want: `!2004`},
			{name: "assign to an unknown group", send: `mutation {assignRole(roleCode: "admin", groupCodes: ["nonsense"]) {code}}`, want: `!404`},
			{name: "assign to a node", send: `mutation {assignRole(roleCode: "admin", userIds: ["$bob"], nodeCodes: ["x"]) {code}}`, want: `!404`},
			{name: "assign nothing", send: `mutation {assignRole(userIds: ["$bob"]) {code}}`, want: `!400`},
			{name: "assign to none", send: `mutation {assignRole(roleCode: "admin") {code}}`, want: `!400`},
			{name: "assign in an unknown namespace", send: `mutation {assignRole(namespace: "nonsense", roleCode: "admin", userIds: ["$bob"]) {code}}`, want: `!404`},
			{name: "nobody got any of it", send: rolesOf, with: `{"id": "$bob"}`, want: `{"user": {"roles": {"totalCount": 0, "list": []}}}`},

			{name: "the roles of a user in all namespaces", send: rolesOf, with: `{"id": "$ann"}`, want: `{"user": {"roles": {"totalCount": 2}}}`},
			{name: "the roles of a user in one", send: rolesOf, with: `{"id": "$ann", "n": "default"}`, want: `{"user": {"roles": {"totalCount": 1, "list": [{"code": "admin", "namespace": "default"}]}}}`},
			{name: "the roles of a user in an unknown one", send: rolesOf, with: `{"id": "$ann", "n": "nonsense"}`, want: `!404`},
			{name: "the roles of a user in no text", send: rolesOf, with: `{"id": "$ann", "n": "\u0000"}`, want: `!400`},
			{name: "the roles of a user in no literal", send: `{user(id: "$ann") {roles(namespace: "\u0000") {totalCount}}}`, want: `!400`},
			{name: "the users of a role", send: `{role(code: "admin") {users(page: 1, limit: 5) {totalCount list {id identities {provider} customData {key}}}}}`,
				want: `{"role": {"users": {"totalCount": 1, "list": [{"id": "$ann", "identities": [], "customData": []}]}}}`},
			{name: "the users of a role, page 0", send: `{role(code: "admin") {users(page: 0) {totalCount}}}`, want: `!400`},
			{name: "find the users of a role", send: `POST /api/v2/roles/roleUsers`, with: `{"namespace": "default", "code": "admin", "page": 1, "limit": 10, "search": ""}`,
				want: `{"totalCount": 1, "list": [{"id": "$ann", "username": "ann"}]}`},
			{name: "find by a part of the name", send: `POST /api/v2/roles/roleUsers`, with: `{"code": "admin", "search": "NN"}`, want: `{"totalCount": 1, "list": [{"id": "$ann"}]}`},
			{name: "find nobody", send: `POST /api/v2/roles/roleUsers`, with: `{"code": "admin", "search": "bob"}`, want: `{"totalCount": 0, "list": []}`},
			{name: "find in an unknown role", send: `POST /api/v2/roles/roleUsers`, with: `{"code": "nonsense"}`, want: `!404`},
			{name: "find in an unknown namespace", send: `POST /api/v2/roles/roleUsers`, with: `{"code": "admin", "namespace": "nonsense"}`, want: `!404`},
			{name: "find on page 0", send: `POST /api/v2/roles/roleUsers`, with: `{"code": "admin", "page": 0}`, want: `!400`},
			{name: "find by a number", send: `POST /api/v2/roles/roleUsers`, with: `{"code": "admin", "search": 7}`, want: `!400`},
			{name: "search by role", send: `{searchUser(query: "", roleOpts: [{code: "admin"}]) {totalCount list {id}}}`, want: `{"searchUser": {"totalCount": 1, "list": [{"id": "$ann"}]}}`},
			{name: "search by role and group", send: `{searchUser(query: "", roleOpts: [{code: "admin", namespace: "$app"}], groupOpts: [{code: "dev"}]) {totalCount}}`, want: `{"searchUser": {"totalCount": 0}}`},

			{name: "revoke", send: `mutation {revokeRole(namespace: "default", roleCodes: ["admin"], userIds: ["$ann", "$nobody"]) {code}}`, want: `{"revokeRole": {"code": 200}}`},
			{name: "revoke again", send: `mutation {revokeRole(roleCode: "admin", userIds: ["$ann"]) {code}}`, want: `{"revokeRole": {"code": 200}}`},
			{name: "revoke an unknown one", send: `mutation {revokeRole(roleCode: "nonsense", userIds: ["$ann"]) {code}}`, want: `!404`},
			{name: "revoke from an unknown group", send: `mutation {revokeRole(roleCode: "sub", groupCodes: ["nonsense"]) {code}}`, want: `!404`},
			{name: "revoke from a node", send: `mutation {revokeRole(roleCode: "sub", nodeCodes: ["x"]) {code}}`, want: `!404`},
			{name: "revoked", send: rolesOf, with: `{"id": "$ann"}`, want: `{"user": {"roles": {"totalCount": 1, "list": [{"namespace": "$app"}]}}}`},

			{name: "update", send: `mutation {updateRole(code: "sub", description: "less", newCode: "lower") {code description parent {code}}}`,
				want: `{"updateRole": {"code": "lower", "description": "less", "parent": {"code": "admin"}}}`},
			{name: "update to a taken code", send: `mutation {updateRole(code: "lower", newCode: "admin") {code}}`, want: `!409`},
			{name: "update an unknown one", send: `mutation {updateRole(code: "sub", description: "x") {code}}`, want: `!404`},
			{name: "delete", send: `mutation {deleteRole(code: "lower") {code}}`, want: `{"deleteRole": {"code": 200}}`},
			{name: "delete again", send: `mutation {deleteRole(code: "lower") {code}}`, want: `!404`},
			{name: "a parent that is gone is none", send: `{role(code: "subsub") {code parent {code}}}`, want: `{"role": {"code": "subsub", "parent": null}}`},
			{name: "delete several and an unknown one", send: `mutation {deleteRoles(codeList: ["admin", "nonsense"]) {code}}`, want: `!404`},
			{name: "delete several", send: `mutation {deleteRoles(codeList: ["admin", "subsub"], namespace: "default") {code}}`, want: `{"deleteRoles": {"code": 200}}`},
			{name: "delete none", send: `mutation {deleteRoles(codeList: []) {code}}`, want: `!400`},
			{name: "delete in an unknown namespace", send: `mutation {deleteRole(code: "admin", namespace: "nonsense") {code}}`, want: `!404`},
			{name: "the other namespace kept its own", send: `{role(code: "admin", namespace: "$app") {code}}`, want: `{"role": {"code": "admin"}}`},

			{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
			{name: "who has a role sees what it may", as: "annToken", send: `{user {roles {list {code parent {code} authorizedResources {totalCount}}}}}`,
				want: `{"user": {"roles": {"list": [{"code": "admin", "parent": null, "authorizedResources": {"totalCount": 0}}]}}}`},
			{name: "who has a role does not see who else has", as: "annToken", send: `{user {roles {list {users {totalCount}}}}}`, want: `!1001`},
		})
	})
}
