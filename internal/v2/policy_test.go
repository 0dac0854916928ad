package v2

import (
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
)

func TestPolicies(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const create = `mutation($c: String!, $d: String, $s: [PolicyStatementInput!]!, $n: String) { createPolicy(code: $c, description: $d, statements: $s, namespace: $n) {
			namespace code isDefault description statements {resource actions effect condition {param operator value}} createdAt updatedAt assignmentsCount } }`
		const update = `mutation($c: String!, $d: String, $s: [PolicyStatementInput!], $n: String) { updatePolicy(code: $c, description: $d, statements: $s, newCode: $n) {
			code description statements {resource actions effect} } }`
		const assign = `mutation($p: [String!]!, $t: PolicyAssignmentTargetType!, $i: [String!], $n: String) { addPolicyAssignments(policies: $p, targetType: $t, targetIdentifiers: $i,
			inheritByChildren: true, namespace: $n) {code message} }`
		const unassign = `mutation($p: [String!]!, $t: PolicyAssignmentTargetType!, $i: [String!]) { removePolicyAssignments(policies: $p, targetType: $t, targetIdentifiers: $i) {code message} }`
		const list = `query($c: String, $t: PolicyAssignmentTargetType, $i: String, $p: Int, $l: Int) { policyAssignments(code: $c, targetType: $t, targetIdentifier: $i, page: $p, limit: $l) {
			totalCount list {code targetType targetIdentifier} } }`
		node, err := h.Directory.CreateOrganization(h.one.As(t.Context()), h.one.ID, directory.NewDepartment{Code: "acme", Name: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		h.known["node"] = node.ID
		const allowed = `[{"resource": "books:123", "actions": ["books:edit"], "effect": "ALLOW"}]`
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: createUser, with: bob, save: "bob=createUser.id"},
			{send: createUser, as: "key2", with: `{"u": {"username": "eve"}}`, save: "eve=createUser.id"},
			{send: createGroup, with: `{"c": "dev", "n": "Developers"}`},
			{send: createRole, with: `{"c": "admin"}`},

			{name: "create", send: create, with: `{"c": "edit", "d": "who edit", "s": ` + allowed + `}`,
				want: `{"createPolicy": {"namespace": "default", "code": "edit", "isDefault": false, "description": "who edit", "createdAt": "*", "updatedAt": "*", "assignmentsCount": 0,
					"statements": [{"resource": "books:123", "actions": ["books:edit"], "effect": "ALLOW", "condition": null}]}}`},
			{name: "create with conditions", send: create, with: `{"c": "deny", "s": [{"resource": "*", "actions": ["b", "a"], "effect": "DENY",
				"condition": [{"param": "ip", "operator": "In", "value": ["10.0.0.1", {"x": 1}]}]}, {"resource": "a", "actions": ["b"]}]}`,
				want: `{"createPolicy": {"description": null, "statements": [{"actions": ["b", "a"], "effect": "DENY",
					"condition": [{"param": "ip", "operator": "In", "value": ["10.0.0.1", {"x": 1}]}]}, {"effect": "ALLOW"}]}}`},
			{name: "create in a namespace", send: create, with: `{"c": "edit", "s": ` + allowed + `, "n": "$app"}`, want: `{"createPolicy": {"namespace": "$app"}}`},
			{name: "create again", send: create, with: `{"c": "edit", "s": ` + allowed + `}`, want: `!409`},
			{name: "create the built-in one", send: create, with: `{"c": "AdministratorAccess", "s": ` + allowed + `}`, want: `!409`},
			{name: "create without statements", send: create, with: `{"c": "x", "s": []}`, want: `!400`},
			{name: "create without actions", send: create, with: `{"c": "x", "s": [{"resource": "a", "actions": []}]}`, want: `!400`},
			{name: "create without a code", send: create, with: `{"c": "", "s": ` + allowed + `}`, want: `!400`},
			{name: "create in another pool's namespace", send: create, with: `{"c": "x", "s": ` + allowed + `, "n": "$app2"}`, want: `!404`},
			{name: "create with another effect", send: create, with: `{"c": "x", "s": [{"resource": "a", "actions": ["b"], "effect": "MAYBE"}]}`, want: `!400`},

			{name: "policy", send: `{policy(code: "edit") {code isDefault statements {actions}}}`, want: `{"policy": {"code": "edit", "isDefault": false, "statements": [{"actions": ["books:edit"]}]}}`},
			{name: "the built-in one", send: `{policy(code: "AdministratorAccess") {isDefault statements {resource actions effect}}}`,
				want: `{"policy": {"isDefault": true, "statements": [{"resource": "*", "actions": ["*"], "effect": "ALLOW"}]}}`},
			{name: "unknown", send: `{policy(code: "nonsense") {code}}`, want: `{"policy": null}`},
			{name: "another pool's", as: "key2", send: `{policy(code: "edit") {code}}`, want: `{"policy": null}`},
			{name: "policies", send: `{policies(page: 1, limit: 10) {totalCount list {code assignmentsCount}}}`,
				want: `{"policies": {"totalCount": 3, "list": [{"code": "deny"}, {"code": "edit"}, {"code": "AdministratorAccess"}]}}`},
			{name: "policies without the built-in one", send: `{policies(excludeDefault: true, limit: 1) {totalCount list {code}}}`, want: `{"policies": {"totalCount": 2, "list": [{"code": "deny"}]}}`},
			{name: "policies of a namespace", send: `{policies(namespace: "$app") {totalCount list {code namespace}}}`, want: `{"policies": {"totalCount": 1, "list": [{"namespace": "$app"}]}}`},
			{name: "policies of none", send: `{policies(namespace: "nonsense") {totalCount}}`, want: `!404`},
			{name: "policies, page 0", send: `{policies(page: 0) {totalCount}}`, want: `!400`},

			{name: "update statements", send: update, with: `{"c": "edit", "s": [{"resource": "books:*", "actions": ["books:*"], "effect": "ALLOW"}]}`,
				want: `{"updatePolicy": {"code": "edit", "description": "who edit", "statements": [{"resource": "books:*", "actions": ["books:*"], "effect": "ALLOW"}]}}`},
			{name: "update the description", send: update, with: `{"c": "edit", "d": "e"}`, want: `{"updatePolicy": {"description": "e", "statements": [{"resource": "books:*"}]}}`},
			{name: "update the code", send: update, with: `{"c": "edit", "n": "write"}`, want: `{"updatePolicy": {"code": "write"}}`},
			{name: "the old code", send: `{policy(code: "edit") {code}}`, want: `{"policy": null}`},
			{name: "update to a taken code", send: update, with: `{"c": "write", "n": "deny"}`, want: `!409`},
			{name: "update nothing that there is", send: update, with: `{"c": "edit", "d": "x"}`, want: `!404`},
			{name: "update the built-in one", send: update, with: `{"c": "AdministratorAccess", "d": "x"}`, want: `!422`},

			{name: "assign to users", send: assign, with: `{"p": ["write", "deny"], "t": "USER", "i": ["$ann", "$bob"]}`, want: `{"addPolicyAssignments": {"code": 200}}`},
			{name: "assign to a role", send: assign, with: `{"p": ["write"], "t": "ROLE", "i": ["admin"]}`, want: `{"addPolicyAssignments": {"code": 200}}`},
			{name: "assign to a group", send: assign, with: `{"p": ["write"], "t": "GROUP", "i": ["dev"]}`, want: `{"addPolicyAssignments": {"code": 200}}`},
			{name: "assign the built-in one", send: assign, with: `{"p": ["AdministratorAccess"], "t": "GROUP", "i": ["dev"]}`, want: `{"addPolicyAssignments": {"code": 200}}`},
			{name: "assign to nobody", send: assign, with: `{"p": ["write"], "t": "USER", "i": ["$nobody"]}`, want: `!2004`},
			{name: "assign to another pool's user", send: assign, with: `{"p": ["write"], "t": "USER", "i": ["$eve"]}`, want: `!2004`},
			{name: "assign to no role", send: assign, with: `{"p": ["write"], "t": "ROLE", "i": ["nonsense"]}`, want: `!404`},
			{name: "assign to no group", send: assign, with: `{"p": ["write"], "t": "GROUP", "i": ["dev", "nonsense"]}`, want: `!404`},
			{name: "assign to no node", send: assign, with: `{"p": ["write"], "t": "ORG", "i": ["$nobody"]}`, want: `!404`},
			{name: "assign to a node", send: assign, with: `{"p": ["deny"], "t": "ORG", "i": ["$node"]}`, want: `{"addPolicyAssignments": {"code": 200}}`},
			{name: "assignments of a node", send: list, with: `{"t": "ORG", "i": "$node"}`, want: `{"policyAssignments": {"totalCount": 1, "list": [{"code": "deny", "targetType": "ORG", "targetIdentifier": "$node"}]}}`},
			{name: "remove from a node", send: unassign, with: `{"p": ["deny"], "t": "ORG", "i": ["$node"]}`, want: `{"removePolicyAssignments": {"code": 200}}`},
			{name: "nothing of the node is left", send: list, with: `{"t": "ORG", "i": "$node"}`, want: `{"policyAssignments": {"totalCount": 0}}`},
			{name: "assign to a key", send: assign, with: `{"p": ["write"], "t": "AK_SK", "i": ["$nobody"]}`, want: `!400`},
			{name: "assign no policy", send: assign, with: `{"p": ["nonsense"], "t": "USER", "i": ["$ann"]}`, want: `!404`},
			{name: "assign to none", send: assign, with: `{"p": ["write"], "t": "USER"}`, want: `!400`},
			{name: "another pool assigns nothing", as: "key2", send: assign, with: `{"p": ["write"], "t": "USER", "i": ["$eve"]}`, want: `!404`},

			{name: "assignments", send: list, with: `{"c": "write"}`, want: `{"policyAssignments": {"totalCount": 4, "list": [{}, {}, {}, {}]}}`},
			{name: "assignments, a page", send: list, with: `{"c": "write", "p": 2, "l": 3}`, want: `{"policyAssignments": {"totalCount": 4, "list": [{"code": "write"}]}}`},
			{name: "assignments of a role", send: list, with: `{"t": "ROLE", "i": "admin"}`, want: `{"policyAssignments": {"totalCount": 1, "list": [{"code": "write", "targetType": "ROLE", "targetIdentifier": "admin"}]}}`},
			{name: "assignments of a group", send: list, with: `{"c": "write", "t": "GROUP", "i": "dev"}`, want: `{"policyAssignments": {"totalCount": 1, "list": [{"targetIdentifier": "dev"}]}}`},
			{name: "assignments of a user", send: list, with: `{"c": "deny", "t": "USER", "i": "$ann"}`, want: `{"policyAssignments": {"totalCount": 1, "list": [{"code": "deny", "targetIdentifier": "$ann"}]}}`},
			{name: "assignments of nobody", send: list, with: `{"t": "GROUP", "i": "nonsense"}`, want: `{"policyAssignments": {"totalCount": 0, "list": []}}`},
			{name: "assignments of no policy", send: list, with: `{"c": "nonsense"}`, want: `{"policyAssignments": {"totalCount": 0, "list": []}}`},
			{name: "assignments of another pool", as: "key2", send: list, with: `{"c": "write"}`, want: `{"policyAssignments": {"totalCount": 0}}`},
			{name: "below the policy", send: `{policy(code: "deny") {assignmentsCount assignments(page: 1, limit: 1) {code targetType targetIdentifier}}}`,
				want: `{"policy": {"assignmentsCount": 2, "assignments": [{"code": "deny", "targetType": "USER", "targetIdentifier": "*"}]}}`},
			{name: "counted in the list", send: `{policies(excludeDefault: true) {list {code assignmentsCount}}}`,
				want: `{"policies": {"list": [{"code": "deny", "assignmentsCount": 2}, {"code": "write", "assignmentsCount": 4}]}}`},

			{name: "disable", send: `mutation {disbalePolicyAssignment(policy: "write", targetType: ROLE, targetIdentifier: "admin") {code}}`, want: `{"disbalePolicyAssignment": {"code": 200}}`},
			{name: "enable", send: `mutation {enablePolicyAssignment(policy: "write", targetType: USER, targetIdentifier: "$ann") {code}}`, want: `{"enablePolicyAssignment": {"code": 200}}`},
			{name: "enable what is not assigned", send: `mutation {enablePolicyAssignment(policy: "deny", targetType: GROUP, targetIdentifier: "dev") {code}}`, want: `!404`},
			{name: "enable for nobody", send: `mutation {enablePolicyAssignment(policy: "deny", targetType: GROUP, targetIdentifier: "nonsense") {code}}`, want: `!404`},
			{name: "disable no policy", send: `mutation {disbalePolicyAssignment(policy: "nonsense", targetType: USER, targetIdentifier: "$ann") {code}}`, want: `!404`},

			{name: "remove", send: unassign, with: `{"p": ["write"], "t": "USER", "i": ["$ann", "$nobody"]}`, want: `{"removePolicyAssignments": {"code": 200}}`},
			{name: "remove from nobody", send: unassign, with: `{"p": ["write"], "t": "ROLE", "i": ["nonsense"]}`, want: `{"removePolicyAssignments": {"code": 200}}`},
			{name: "remove no policy", send: unassign, with: `{"p": ["nonsense"], "t": "ROLE", "i": ["nonsense"]}`, want: `!404`},
			{name: "what is left", send: list, with: `{"c": "write"}`, want: `{"policyAssignments": {"totalCount": 3}}`},

			{name: "delete with one unknown", send: `mutation {deletePolicies(codeList: ["write", "nonsense"]) {code}}`, want: `!404`},
			{name: "delete the built-in one", send: `mutation {deletePolicy(code: "AdministratorAccess") {code}}`, want: `!422`},
			{name: "delete another pool's", as: "key2", send: `mutation {deletePolicy(code: "write") {code}}`, want: `!404`},
			{name: "delete none", send: `mutation {deletePolicies(codeList: []) {code}}`, want: `!400`},
			{name: "delete", send: `mutation {deletePolicy(code: "write") {code}}`, want: `{"deletePolicy": {"code": 200}}`},
			{name: "delete many", send: `mutation {deletePolicies(codeList: ["deny"]) {code}}`, want: `{"deletePolicies": {"code": 200}}`},
			{name: "what is left at last", send: `{policies {totalCount list {code assignmentsCount}}}`, want: `{"policies": {"totalCount": 1, "list": [{"assignmentsCount": 1}]}}`},

			{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
			{name: "a user", as: "annToken", send: `{policies {totalCount}}`, want: `!1001`},
		})
	})
}
