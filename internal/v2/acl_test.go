package v2

import "testing"

const (
	askTargets = `query($n: String!, $k: ResourceType!, $r: String!, $t: PolicyAssignmentTargetType, $a: AuthorizedTargetsActionsInput) {
		authorizedTargets(namespace: $n, resourceType: $k, resource: $r, targetType: $t, actions: $a) { totalCount list { targetType targetIdentifier actions } } }`
	createPolicies = `mutation($c: String!, $s: [PolicyStatementInput!]!, $n: String) { createPolicy(code: $c, statements: $s, namespace: $n) { code } }`
	assignPolicies = `mutation($p: [String!]!, $t: PolicyAssignmentTargetType!, $i: [String!], $b: Boolean) {
		addPolicyAssignments(policies: $p, targetType: $t, targetIdentifiers: $i, inheritByChildren: $b) { code } }`
	isAllowed = "POST /api/v2/acl/is-allowed"
	yes, no   = `{"allowed": true}`, `{"allowed": false}`
)

// people makes ann, who is in the group dev and in the node north below acme and has the role admin, and bob, who has
// nothing.
func people(t *testing.T, h *hall) {
	t.Helper()
	h.run(t, []step{
		{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
		{send: createUser, with: bob, save: "bob=createUser.id"},
		{send: createGroup, with: `{"c": "dev", "n": "Developers"}`},
		{send: `mutation {addUserToGroup(code: "dev", userIds: ["$ann"]) {code}}`},
		{send: createRole, with: `{"c": "admin"}`},
		{send: `mutation {assignRole(roleCode: "admin", userIds: ["$ann"]) {code}}`},
		{send: createOrg, with: `{"name": "Acme", "code": "acme"}`, save: "acme=createOrg.rootNode.id"},
		{send: addNode, with: `{"org": "$acme", "parent": "$acme", "name": "North", "code": "north"}`, save: "north=addNodeV2.id"},
		{send: `mutation {addMember(nodeId: "$north", userIds: ["$ann"]) {id}}`},
	})
}

func TestIsAllowed(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		people(t, h)
		ask := func(name, resource, action, want string) step {
			return step{name: name, send: isAllowed, with: `{"userId": "$ann", "resource": "` + resource + `", "action": "` + action + `"}`, want: want}
		}
		h.run(t, []step{
			ask("nothing granted", "books:123", "books:edit", no),
			{send: allow, with: `{"r": "books:123", "a": "books:edit", "u": "$ann"}`},
			ask("granted", "books:123", "books:edit", yes),
			ask("another action", "books:123", "books:delete", no),
			ask("another item", "books:124", "books:edit", no),
			ask("a bare verb", "books:123", "edit", yes),
			{name: "another user", send: isAllowed, with: `{"userId": "$bob", "resource": "books:123", "action": "books:edit"}`, want: no},
			{name: "in the default namespace by name", send: isAllowed, with: `{"userId": "$ann", "resource": "books:123", "action": "books:edit", "namespace": "default"}`, want: yes},
			{name: "in another namespace", send: isAllowed, with: `{"userId": "$ann", "resource": "books:123", "action": "books:edit", "namespace": "$app"}`, want: no},
			{send: allow, with: `{"r": "cars:1", "a": "cars:*", "u": "$ann"}`},
			ask("every action of the type", "cars:1", "cars:sell", yes),
			{send: allow, with: `{"r": "docs:*", "a": "docs:read", "u": "$ann"}`},
			ask("every item of the type", "docs:9", "docs:read", yes),
			ask("all items at once", "docs:*", "docs:read", yes),
			{send: allow, with: `{"r": "maps:1", "a": "maps:read", "c": "admin"}`},
			ask("through a role", "maps:1", "maps:read", yes),
			{send: authorize, with: `{"r": "toys:1", "o": [{"targetType": "GROUP", "targetIdentifier": "dev", "actions": ["toys:play"]}]}`},
			ask("through a group", "toys:1", "toys:play", yes),
			{send: authorize, with: `{"r": "desks:1", "o": [{"targetType": "ORG", "targetIdentifier": "$north", "actions": ["desks:use"]}]}`},
			ask("through a node", "desks:1", "desks:use", yes),
			{send: authorize, with: `{"r": "desks:2", "o": [{"targetType": "ORG", "targetIdentifier": "$acme", "actions": ["desks:use"]}]}`},
			ask("a node above has it alone", "desks:2", "desks:use", no),

			{name: "GraphQL asks the same", send: `{isActionAllowed(resource: "books:123", action: "books:edit", userId: "$ann")}`, want: `{"isActionAllowed": true}`},
			{name: "GraphQL is refused the same", send: `{isActionAllowed(resource: "books:123", action: "books:delete", userId: "$ann", namespace: "default")}`, want: `{"isActionAllowed": false}`},
			{name: "what nothing allows is not denied", send: `{isActionDenied(resource: "books:123", action: "books:delete", userId: "$ann")}`, want: `{"isActionDenied": false}`},
			{name: "what is allowed is not denied", send: `{isActionDenied(resource: "books:123", action: "books:edit", userId: "$ann")}`, want: `{"isActionDenied": false}`},

			{name: "no user", send: isAllowed, with: `{"resource": "books:123", "action": "books:edit"}`, want: `!400`},
			{name: "no resource", send: isAllowed, with: `{"userId": "$ann", "action": "books:edit"}`, want: `!400`},
			{name: "no action", send: isAllowed, with: `{"userId": "$ann", "resource": "books:123"}`, want: `!400`},
			{name: "an empty action on GraphQL", send: `{isActionAllowed(resource: "books:123", action: "", userId: "$ann")}`, want: `!400`},
			{name: "nobody", send: isAllowed, with: `{"userId": "$nobody", "resource": "books:123", "action": "books:edit"}`, want: `!2004`},
			{name: "nonsense", send: isAllowed, with: `{"userId": "x", "resource": "books:123", "action": "books:edit"}`, want: `!2004`},
			{name: "an unknown namespace", send: isAllowed, with: `{"userId": "$ann", "resource": "books:123", "action": "books:edit", "namespace": "nonsense"}`, want: `!404`},
			{name: "another pool's namespace", send: isAllowed, with: `{"userId": "$ann", "resource": "books:123", "action": "books:edit", "namespace": "$app2"}`, want: `!404`},
			{name: "a tenant", send: isAllowed, with: `{"userId": "$ann", "resource": "books:123", "action": "books:edit", "tenantId": "$nobody"}`, want: `!404`},
			{name: "another pool", as: "key2", send: isAllowed, with: `{"userId": "$ann", "resource": "books:123", "action": "books:edit"}`, want: `!2004`},
		})
	})
}

// What policies say is decided as what is granted.
func TestPoliciesDecide(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		people(t, h)
		ask := func(name, resource, action, want string) step {
			return step{name: name, send: isAllowed, with: `{"userId": "$ann", "resource": "` + resource + `", "action": "` + action + `"}`, want: want}
		}
		const edit = `[{"resource": "books:*", "actions": ["books:edit"], "effect": "ALLOW"}]`
		const forbid = `[{"resource": "books:1", "actions": ["books:*"], "effect": "DENY"}]`
		h.run(t, []step{
			{send: createPolicies, with: `{"c": "edit", "s": ` + edit + `}`},
			{send: createPolicies, with: `{"c": "forbid", "s": ` + forbid + `}`},
			ask("nobody has it", "books:1", "books:edit", no),
			{send: assignPolicies, with: `{"p": ["edit"], "t": "USER", "i": ["$ann"]}`},
			ask("a user has it", "books:1", "books:edit", yes),
			ask("another action", "books:1", "books:burn", no),
			{send: `mutation {disbalePolicyAssignment(policy: "edit", targetType: USER, targetIdentifier: "$ann") {code}}`},
			ask("disabled", "books:1", "books:edit", no),
			{send: `mutation {enablePolicyAssignment(policy: "edit", targetType: USER, targetIdentifier: "$ann") {code}}`},
			ask("enabled", "books:1", "books:edit", yes),
			{send: assignPolicies, with: `{"p": ["forbid"], "t": "GROUP", "i": ["dev"]}`},
			ask("a denial wins", "books:1", "books:edit", no),
			ask("where it reaches", "books:2", "books:edit", yes),
			{name: "denied", send: `{isActionDenied(resource: "books:1", action: "books:edit", userId: "$ann")}`, want: `{"isActionDenied": true}`},
			{send: `mutation {removePolicyAssignments(policies: ["forbid"], targetType: GROUP, targetIdentifiers: ["dev"]) {code}}`},
			ask("taken away", "books:1", "books:edit", yes),
			{send: `mutation {updatePolicy(code: "edit", statements: [{resource: "books:2", actions: ["books:edit"]}]) {code}}`},
			ask("changed", "books:1", "books:edit", no),
			{send: `mutation {deletePolicy(code: "edit") {code}}`},
			ask("deleted", "books:2", "books:edit", no),

			{send: createPolicies, with: `{"c": "desks", "s": [{"resource": "desks", "actions": ["use"]}]}`},
			{send: assignPolicies, with: `{"p": ["desks"], "t": "ORG", "i": ["$acme"], "b": false}`},
			ask("a node above has it alone", "desks:1", "desks:use", no),
			{send: `mutation {removePolicyAssignments(policies: ["desks"], targetType: ORG, targetIdentifiers: ["$acme"]) {code}}`},
			{send: assignPolicies, with: `{"p": ["desks"], "t": "ORG", "i": ["$acme"], "b": true}`},
			ask("the nodes below have it too", "desks:1", "desks:use", yes),
			{send: assignPolicies, with: `{"p": ["AdministratorAccess"], "t": "ROLE", "i": ["admin"]}`},
			ask("everything", "secrets:1", "secrets:read", yes),
		})
	})
}

func TestAuthorizeResources(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		people(t, h)
		const authorizeAll = "POST /api/v2/acl/authorize-resources"
		const revokeAll = "POST /api/v2/acl/revoke-resources"
		const batch = "POST /api/v2/acl/list-authorized-resources-batch"
		const opts = `"opts": [
			{"targetType": "USER", "targetIdentifiers": ["$ann", "$bob"], "resources": [{"code": "ec2:1", "actions": ["ec2:Start"], "resourceType": "DATA"}]},
			{"targetType": "GROUP", "targetIdentifiers": ["dev"], "resources": [{"code": "ec2:1", "actions": ["ec2:Stop"], "resourceType": "DATA"}, {"code": "menu", "resourceType": "MENU"}]},
			{"targetType": "ROLE", "targetIdentifiers": ["admin"], "resources": [{"code": "ec2:1", "actions": ["ec2:Update"]}]},
			{"targetType": "ORG", "targetIdentifiers": ["$north"], "resources": [{"code": "ec2:1", "actions": ["ec2:View"], "resourceType": "DATA"}]}]`
		const everybody = `"targets": [{"targetType": "ORG", "targetIdentifier": "$north"}, {"targetType": "USER", "targetIdentifier": "$bob"},
			{"targetType": "GROUP", "targetIdentifier": "dev"}, {"targetType": "ROLE", "targetIdentifier": "admin"}, {"targetType": "USER", "targetIdentifier": "$ann"}]`
		one := func(target, more string) string {
			return `{"namespace": "default", "opts": [{` + target + `, "resources": [{"code": "ec2:1", "actions": ["ec2:Start"]` + more + `}]}]}`
		}
		h.run(t, []step{
			{name: "authorize", send: authorizeAll, with: `{"namespace": "default", ` + opts + `}`},
			{name: "list, in their order", send: batch, with: `{"namespace": "default", "resourceType": "DATA", ` + everybody + `}`, want: `{"list": [
				{"totalCount": 1, "list": [{"code": "ec2:1", "type": "DATA", "actions": ["ec2:View"]}]},
				{"totalCount": 1, "list": [{"code": "ec2:1", "actions": ["ec2:Start"]}]},
				{"totalCount": 1, "list": [{"code": "ec2:1", "actions": ["ec2:Stop"]}]},
				{"totalCount": 1, "list": [{"code": "ec2:1", "actions": ["ec2:Update"]}]},
				{"totalCount": 1, "list": [{"code": "ec2:1", "actions": ["ec2:Start", "ec2:Stop", "ec2:Update", "ec2:View"]}]}]}`},
			{name: "of all types", send: batch, with: `{"targets": [{"targetType": "GROUP", "targetIdentifier": "dev"}]}`, want: `{"list": [{"totalCount": 2}]}`},
			{name: "in another namespace", send: batch, with: `{"namespace": "$app", "targets": [{"targetType": "GROUP", "targetIdentifier": "dev"}]}`, want: `{"list": [{"totalCount": 0, "list": []}]}`},
			{name: "through the node", send: `{nodeById(id: "$north") {authorizedResources(namespace: "default") {totalCount list {code actions}}}}`,
				want: `{"nodeById": {"authorizedResources": {"totalCount": 1, "list": [{"code": "ec2:1", "actions": ["ec2:View"]}]}}}`},
			{name: "through the node's code", send: `{nodeByCode(orgId: "$acme", code: "north") {authorizedResources {list {code}}}}`, want: `{"nodeByCode": {"authorizedResources": {"list": [{"code": "ec2:1"}]}}}`},
			{name: "of a node", send: resourcesOf, with: `{"t": "ORG", "i": "$north"}`, want: `{"authorizedResources": {"totalCount": 1}}`},
			{name: "list of nobody", send: batch, with: `{"targets": [{"targetType": "GROUP", "targetIdentifier": "dev"}, {"targetType": "USER", "targetIdentifier": "$nobody"}]}`, want: `!2004`},
			{name: "list of none", send: batch, with: `{"targets": []}`, want: `!400`},
			{name: "list of an unknown namespace", send: batch, with: `{"namespace": "nonsense", "targets": [{"targetType": "GROUP", "targetIdentifier": "dev"}]}`, want: `!404`},

			{name: "who has it", send: askTargets, with: `{"n": "default", "k": "DATA", "r": "ec2:1"}`, want: `{"authorizedTargets": {"totalCount": 5}}`},
			{name: "which nodes have it", send: askTargets, with: `{"n": "default", "k": "DATA", "r": "ec2:1", "t": "ORG"}`,
				want: `{"authorizedTargets": {"totalCount": 1, "list": [{"targetType": "ORG", "targetIdentifier": "$north", "actions": ["ec2:View"]}]}}`},
			{name: "which roles", send: askTargets, with: `{"n": "default", "k": "DATA", "r": "ec2:1", "t": "ROLE"}`,
				want: `{"authorizedTargets": {"totalCount": 1, "list": [{"targetType": "ROLE", "targetIdentifier": "admin"}]}}`},
			{name: "who may do one of these", send: askTargets, with: `{"n": "default", "k": "DATA", "r": "ec2:1", "a": {"op": "OR", "list": ["ec2:Stop", "ec2:View"]}}`,
				want: `{"authorizedTargets": {"totalCount": 2}}`},
			{name: "who may do all of these", send: askTargets, with: `{"n": "default", "k": "DATA", "r": "ec2:1", "a": {"op": "AND", "list": ["ec2:Stop", "ec2:View"]}}`,
				want: `{"authorizedTargets": {"totalCount": 0, "list": []}}`},
			{name: "who has another type of it", send: askTargets, with: `{"n": "default", "k": "MENU", "r": "ec2:1"}`, want: `{"authorizedTargets": {"totalCount": 0}}`},
			{name: "who has it in an unknown namespace", send: askTargets, with: `{"n": "nonsense", "k": "MENU", "r": "ec2:1"}`, want: `!404`},
			{name: "who has nothing", send: askTargets, with: `{"n": "default", "k": "MENU", "r": ""}`, want: `!400`},
			{name: "no key", send: askTargets, with: `{"n": "default", "k": "MENU", "r": "ec2:1", "t": "AK_SK"}`, want: `!400`},
			{name: "another pool has nobody", as: "key2", send: askTargets, with: `{"n": "default", "k": "DATA", "r": "ec2:1"}`, want: `{"authorizedTargets": {"totalCount": 0}}`},

			{name: "authorize nobody", send: authorizeAll, with: one(`"targetType": "USER", "targetIdentifiers": ["$nobody"]`, ""), want: `!2004`},
			{name: "authorize an unknown group", send: authorizeAll, with: one(`"targetType": "GROUP", "targetIdentifiers": ["dev", "x"]`, ""), want: `!404`},
			{name: "authorize an unknown node", send: authorizeAll, with: one(`"targetType": "ORG", "targetIdentifiers": ["acme"]`, ""), want: `!404`},
			{name: "authorize the domain's word for a node", send: authorizeAll, with: one(`"targetType": "DEPARTMENT", "targetIdentifiers": ["$north"]`, ""), want: `!400`},
			{name: "authorize a key", send: authorizeAll, with: one(`"targetType": "AK_SK", "targetIdentifiers": ["x"]`, ""), want: `!400`},
			{name: "authorize none", send: authorizeAll, with: one(`"targetType": "USER", "targetIdentifiers": []`, ""), want: `!400`},
			{name: "authorize an unknown type", send: authorizeAll, with: one(`"targetType": "USER", "targetIdentifiers": ["$ann"]`, `, "resourceType": "NONSENSE"`), want: `!400`},
			{name: "authorize nothing", send: authorizeAll, with: `{"opts": []}`, want: `!400`},
			{name: "authorize in an unknown namespace", send: authorizeAll, with: `{"namespace": "nonsense", ` + opts + `}`, want: `!404`},
			{name: "authorize another pool's", as: "key2", send: authorizeAll, with: one(`"targetType": "USER", "targetIdentifiers": ["$ann"]`, ""), want: `!2004`},

			{name: "revoke an action of all targets", send: revokeAll, with: one(`"targetType": "USER", "targetIdentifiers": ["$ann", "$bob", "$nobody"]`, `, "resourceType": "DATA"`)},
			{name: "revoked", send: isAllowed, with: `{"userId": "$ann", "resource": "ec2:1", "action": "ec2:Start"}`, want: no},
			{name: "the group has its own", send: isAllowed, with: `{"userId": "$ann", "resource": "ec2:1", "action": "ec2:Stop"}`, want: yes},
			{name: "revoke from nobody", send: revokeAll, with: one(`"targetType": "USER", "targetIdentifiers": ["$nobody"]`, "")},
			{name: "revoke in an unknown namespace", send: revokeAll, with: `{"namespace": "nonsense", ` + opts + `}`, want: `!404`},
			{name: "revoke all", send: revokeAll, with: `{"namespace": "default", ` + opts + `}`},
			{name: "nothing is left", send: batch, with: `{` + everybody + `}`, want: `{"list": [{"totalCount": 0}, {"totalCount": 0}, {"totalCount": 0}, {"totalCount": 0}, {"totalCount": 0}]}`},
		})
	})
}

// Taking a type away takes its items; taking an item leaves the type.
func TestRevokeResource(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		people(t, h)
		const revoke = "POST /api/v2/acl/revoke-resource"
		left := func(name, want string) step {
			return step{name: name, send: resourcesOf, with: `{"t": "USER", "i": "$bob"}`, want: `{"authorizedResources": ` + want + `}`}
		}
		target := `"opts": [{"targetType": "USER", "targetIdentifier": "$bob"}]`
		h.run(t, []step{
			{send: authorize, with: `{"r": "books", "o": [{"targetType": "USER", "targetIdentifier": "$bob", "actions": ["books:read"]}, {"targetType": "USER", "targetIdentifier": "$ann", "actions": ["books:read"]}]}`},
			{send: allow, with: `{"r": "books:1", "a": "books:read", "u": "$bob"}`},
			{send: allow, with: `{"r": "books:*", "a": "books:read", "u": "$bob"}`},
			{send: allow, with: `{"r": "bookshops:1", "a": "read", "u": "$bob"}`},
			left("all", `{"totalCount": 4}`),
			{name: "an item", send: revoke, with: `{"namespace": "default", "resource": "books:1", ` + target + `}`},
			left("the type stays", `{"totalCount": 3}`),
			{name: "another pool", as: "key2", send: revoke, with: `{"namespace": "default", "resource": "books", ` + target + `}`},
			left("as before", `{"totalCount": 3}`),
			{name: "the type", send: revoke, with: `{"namespace": "default", "resource": "books", ` + target + `}`},
			left("what begins with its name stays", `{"totalCount": 1, "list": [{"code": "bookshops:1"}]}`),
			{name: "of one target only", send: isAllowed, with: `{"userId": "$ann", "resource": "books:1", "action": "read"}`, want: yes},
			{name: "again", send: revoke, with: `{"namespace": "default", "resource": "books", ` + target + `}`},
			{name: "from nobody", send: revoke, with: `{"namespace": "default", "resource": "books", "opts": [{"targetType": "GROUP", "targetIdentifier": "nonsense"}]}`},
			{name: "in an unknown namespace", send: revoke, with: `{"namespace": "nonsense", "resource": "books", ` + target + `}`, want: `!404`},
			{name: "from nobody in an unknown namespace", send: revoke, with: `{"namespace": "nonsense", "resource": "books", "opts": [{"targetType": "GROUP", "targetIdentifier": "nonsense"}]}`, want: `!404`},
			{name: "no resource", send: revoke, with: `{"namespace": "default", ` + target + `}`, want: `!400`},
			{name: "no target", send: revoke, with: `{"namespace": "default", "resource": "books"}`, want: `!400`},
			{name: "no such type", send: revoke, with: `{"resource": "books", "opts": [{"targetType": "X", "targetIdentifier": "x"}]}`, want: `!400`},
		})
	})
}
