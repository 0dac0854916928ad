package v2

import (
	"strings"
	"testing"
)

const createGroup = `mutation($c: String!, $n: String!, $d: String) { createGroup(code: $c, name: $n, description: $d) { code name description createdAt updatedAt } }`

func TestGroups(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: createUser, with: bob, save: "bob=createUser.id"},

			{name: "create", send: createGroup, with: `{"c": "dev", "n": "Developers", "d": "who develop"}`,
				want: `{"createGroup": {"code": "dev", "name": "Developers", "description": "who develop", "createdAt": "*", "updatedAt": "*"}}`},
			{name: "create without a description", send: createGroup, with: `{"c": "qa", "n": "Testers"}`, want: `{"createGroup": {"description": null}}`},
			{name: "create again", send: createGroup, with: `{"c": "dev", "n": "x"}`, want: `!409`},
			{name: "create without a code", send: createGroup, with: `{"c": "", "n": "x"}`, want: `!400`},
			{name: "create without a name", send: createGroup, with: `{"c": "x"}`, want: `!400`},
			{name: "create a long code", send: createGroup, with: `{"c": "` + strings.Repeat("c", 100) + `", "n": "x"}`, want: `!400`},
			{name: "create a NUL", send: createGroup, with: `{"c": "a\u0000", "n": "x"}`, want: `!400`},

			{name: "group", send: `{group(code: "dev") {code name users {totalCount list {id}} authorizedResources {totalCount}}}`,
				want: `{"group": {"code": "dev", "users": {"totalCount": 0, "list": []}, "authorizedResources": {"totalCount": 0}}}`},
			{name: "unknown group", send: `{group(code: "nonsense") {code}}`, want: `{"group": null}`},
			{name: "a group by no text", send: `{group(code: "\u0000") {code}}`, want: `!400`},
			{name: "groups, newest first", send: `{groups(page: 1, limit: 10) {totalCount list {code name}}}`,
				want: `{"groups": {"totalCount": 2, "list": [{"code": "qa", "name": "Testers"}, {"code": "dev"}]}}`},
			{name: "groups, second page", send: `{groups(page: 2, limit: 1, sortBy: CREATEDAT_DESC) {totalCount list {code}}}`, want: `{"groups": {"totalCount": 2, "list": [{"code": "dev"}]}}`},
			{name: "groups, another order", send: `{groups(sortBy: UPDATEDAT_ASC) {totalCount}}`, want: `!400`},
			{name: "groups, page -1", send: `{groups(page: -1) {totalCount}}`, want: `!400`},

			{name: "add", send: `mutation {addUserToGroup(code: "dev", userIds: ["$ann", "$bob"]) {code message}}`, want: `{"addUserToGroup": {"code": 200}}`},
			{name: "add again", send: `mutation {addUserToGroup(code: "dev", userIds: ["$bob"]) {code}}`, want: `{"addUserToGroup": {"code": 200}}`},
			{name: "add nobody", send: `mutation {addUserToGroup(code: "qa", userIds: ["$ann", "$nobody"]) {code}}`, want: `!2004`},
			{name: "add to nothing", send: `mutation {addUserToGroup(code: "nonsense", userIds: ["$ann"]) {code}}`, want: `!404`},
			{name: "add none", send: `mutation {addUserToGroup(code: "dev", userIds: []) {code}}`, want: `!400`},
			{name: "members", send: `{group(code: "dev") {users(page: 1, limit: 1) {totalCount list {id username customData {key} identities {provider}}}}}`,
				want: `{"group": {"users": {"totalCount": 2, "list": [{"id": "*", "customData": [], "identities": []}]}}}`},
			{name: "members, limit 0", send: `{group(code: "dev") {users(limit: 0) {totalCount}}}`, want: `!400`},
			{name: "all or none", send: `{group(code: "qa") {users {totalCount}}}`, want: `{"group": {"users": {"totalCount": 0}}}`},
			{name: "the groups of a user", send: `{user(id: "$ann") {groups {totalCount list {code users {totalCount}}}}}`,
				want: `{"user": {"groups": {"totalCount": 1, "list": [{"code": "dev", "users": {"totalCount": 2}}]}}}`},
			{name: "groups by user", send: `{groups(userId: "$ann") {totalCount list {code}}}`, want: `{"groups": {"totalCount": 1, "list": [{"code": "dev"}]}}`},
			{name: "groups by nobody", send: `{groups(userId: "$nobody") {totalCount list {code}}}`, want: `{"groups": {"totalCount": 0, "list": []}}`},
			{name: "search in a group", send: `{searchUser(query: "", groupOpts: [{code: "dev"}, null]) {totalCount}}`, want: `{"searchUser": {"totalCount": 2}}`},
			{name: "remove", send: `mutation {removeUserFromGroup(code: "dev", userIds: ["$ann"]) {code}}`, want: `{"removeUserFromGroup": {"code": 200}}`},
			{name: "remove who is not in it", send: `mutation {removeUserFromGroup(code: "dev", userIds: ["$ann", "$nobody"]) {code}}`, want: `{"removeUserFromGroup": {"code": 200}}`},
			{name: "remove from nothing", send: `mutation {removeUserFromGroup(code: "nonsense", userIds: ["$ann"]) {code}}`, want: `!404`},

			{name: "update", send: `mutation {updateGroup(code: "qa", name: "QA", description: "who test", newCode: "test") {code name description}}`,
				want: `{"updateGroup": {"code": "test", "name": "QA", "description": "who test"}}`},
			{name: "the old code is gone", send: `{group(code: "qa") {code}}`, want: `{"group": null}`},
			{name: "update one field", send: `mutation {updateGroup(code: "test", name: "Tests") {name description}}`, want: `{"updateGroup": {"name": "Tests", "description": "who test"}}`},
			{name: "update nothing", send: `mutation {updateGroup(code: "qa", name: "x") {code}}`, want: `!404`},
			{name: "update to a taken code", send: `mutation {updateGroup(code: "test", newCode: "dev") {code}}`, want: `!409`},

			{name: "delete one that is unknown", send: `mutation {deleteGroups(codeList: ["dev", "nonsense"]) {code}}`, want: `!404`},
			{name: "all or none are deleted", send: `{group(code: "dev") {code}}`, want: `{"group": {"code": "dev"}}`},
			{name: "delete", send: `mutation {deleteGroups(codeList: ["dev"]) {code}}`, want: `{"deleteGroups": {"code": 200}}`},
			{name: "delete none", send: `mutation {deleteGroups(codeList: []) {code}}`, want: `!400`},
			{name: "its members left it", send: `{user(id: "$bob") {groups {totalCount}}}`, want: `{"user": {"groups": {"totalCount": 0}}}`},

			// Who is in a group may know it, and not who else is.
			{send: `mutation {addUserToGroup(code: "test", userIds: ["$ann"]) {code}}`},
			{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
			{name: "a member sees the group", as: "annToken", send: `{user {groups {list {code authorizedResources {totalCount}}}}}`,
				want: `{"user": {"groups": {"list": [{"code": "test", "authorizedResources": {"totalCount": 0}}]}}}`},
			{name: "a member does not see the others", as: "annToken", send: `{user {groups {list {users {totalCount}}}}}`, want: `!1001`},
		})
	})
}
