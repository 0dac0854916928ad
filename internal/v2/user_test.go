package v2

import (
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
)

const (
	createUser = `mutation($u: CreateUserInput!, $k: Boolean, $r: Boolean, $p: String, $i: CreateUserIdentityInput) {
		createUser(userInfo: $u, keepPassword: $k, resetPasswordOnFirstLogin: $r, params: $p, identity: $i) {
			id arn status userPoolId username email phone password token blocked signedUp lastLogin photo gender registerSource loginsCount
			customData { key value dataType label } identities { provider userIdInIdp userId userPoolId extIdpId isSocial } } }`
	updateUser = `mutation($id: String, $u: UpdateUserInput!) { updateUser(id: $id, input: $u) {
		id username email nickname company city blocked status tokenExpiredAt expiredAt directManagement } }`
	refreshToken = `mutation($id: String) { refreshToken(id: $id) { token iat exp } }`
	bob          = `{"u": {"username": "bob", "email": "Bob@Example.com", "phone": "13800000002", "nickname": "Bobby", "externalId": "ext-b"}}`
)

func TestUsers(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.known["encrypted"] = h.encrypted(t, h.one.ID, "123456")
		h.known["encryptedHash"] = h.encrypted(t, h.one.ID, "$2a$04$B.t7p8k4a1FhRqOYMdmzmuDZbsq3XoSpQ2BkqYBJCiR5vHkWPDxFe")
		h.known["encryptedByTwo"] = h.encrypted(t, h.two.ID, "123456")
		h.run(t, []step{
			{name: "create", send: createUser, save: "ann=createUser.id",
				with: `{"u": {"username": "ann", "email": "Ann@Example.com", "password": "$encrypted", "registerSource": ["basic:email"], "loginsCount": 2,
					"signedUp": "2020-10-15T17:55:37+08:00", "lastLogin": "2017-06-07T14:34:08+04:00"}, "k": false, "r": true}`,
				want: `{"createUser": {"id": "*", "status": "Activated", "userPoolId": "$one", "username": "ann", "email": "ann@example.com",
					"phone": null, "password": null, "token": null, "blocked": false, "signedUp": "2020-10-15T09:55:37.000Z",
					"lastLogin": "2017-06-07T10:34:08.000Z", "photo": "$photo", "gender": "U", "registerSource": ["basic:email"], "loginsCount": 2,
					"customData": [], "identities": []}}`},
			{name: "create a second", send: createUser, with: bob, save: "bob=createUser.id"},
			{name: "create with an identity and custom data", send: createUser,
				with: `{"u": {"openid": "o-1"}, "i": {"provider": "wechat", "userIdInIdp": "wx-1", "isSocial": true},
					"p": "[{\"key\": \"school\", \"value\": \"MIT\"}, {\"key\": \"age\", \"value\": 20}]"}`,
				want: `{"createUser": {"identities": [{"provider": "wechat", "userIdInIdp": "wx-1", "userPoolId": "$one", "isSocial": true, "extIdpId": null}],
					"customData": [{"key": "age", "value": "20", "dataType": "NUMBER"}, {"key": "school", "value": "MIT", "dataType": "STRING", "label": "学校"}]}}`},
			{name: "create with a password that is an encrypted hash", send: createUser, with: `{"u": {"username": "h1", "password": "$encryptedHash"}, "k": true}`},
			{name: "create with a password that is a hash in the clear", send: createUser,
				with: `{"u": {"username": "h2", "password": "$2a$04$B.t7p8k4a1FhRqOYMdmzmuDZbsq3XoSpQ2BkqYBJCiR5vHkWPDxFe"}, "k": true}`},
			{name: "create with a password that is encrypted for the default pool", as: "key2", send: createUser,
				with: `{"u": {"username": "d1", "password": "$encrypted"}}`},
			{name: "a hash in the clear is no password", send: createUser,
				with: `{"u": {"username": "x1", "password": "$2a$04$B.t7p8k4a1FhRqOYMdmzmuDZbsq3XoSpQ2BkqYBJCiR5vHkWPDxFe"}}`, want: `!2016`},
			{name: "an encrypted password is no hash", send: createUser, with: `{"u": {"username": "x1", "password": "$encrypted"}, "k": true}`, want: `!400`},
			{name: "a password in the clear", send: createUser, with: `{"u": {"username": "x1", "password": "123456"}}`, want: `!2016`},
			{name: "a password for another pool", send: createUser, with: `{"u": {"username": "x1", "password": "$encryptedByTwo"}}`, want: `!2016`},
			{name: "a password by SM2 that is none", send: createUser, with: `{"u": {"username": "x1", "password": "sm2:00"}}`, want: `!2016`},
			{name: "a password alone", send: createUser, with: `{"u": {"password": "$encrypted"}}`, want: `!400`},
			{name: "nothing", send: createUser, with: `{"u": {}}`, want: `!400`},
			{name: "a taken username", send: createUser, with: `{"u": {"username": "ann"}}`, want: `!2026`},
			{name: "a taken email", send: createUser, with: `{"u": {"email": "ANN@example.com"}}`, want: `!2026`},
			{name: "a taken phone", send: createUser, with: `{"u": {"phone": "13800000002"}}`, want: `!2026`},
			{name: "a taken identity", send: createUser, with: `{"u": {"username": "x1"}, "i": {"provider": "wechat", "userIdInIdp": "wx-1"}}`, want: `!2026`},
			{name: "a time as a number", send: createUser, with: `{"u": {"username": "x1", "lastLogin": "1602756997950"}}`, want: `!400`},
			{name: "params that are no list", send: createUser, with: `{"u": {"username": "x1"}, "p": "{}"}`, want: `!400`},
			{name: "params without a value", send: createUser, with: `{"u": {"username": "x1"}, "p": "[{\"key\": \"age\"}]"}`, want: `!400`},
			{name: "params of an unknown field", send: createUser, with: `{"u": {"username": "x1"}, "p": "[{\"key\": \"nonsense\", \"value\": 1}]"}`, want: `!400`},
			{name: "a NUL in a variable", send: createUser, with: `{"u": {"username": "x\u0000"}}`, want: `!400`},
			{name: "a NUL in a literal", send: `mutation { createUser(userInfo: {username: "x\u0000"}) { id } }`, want: `!400`},
			{name: "a wrong type", send: createUser, with: `{"u": {"username": 1}}`, want: `!400`},
			{name: "an unknown input", send: createUser, with: `{"u": {"nonsense": 1}}`, want: `!400`},
			{name: "a long name", send: createUser, with: `{"u": {"username": "` + strings.Repeat("x", 300) + `"}}`, want: `!400`},

			{name: "detail", send: "GET /api/v2/users/$ann", want: `{"id": "$ann", "arn": "arn:cn:authing:$one:user:$ann", "username": "ann",
				"password": null, "identities": [], "customData": null, "photo": "$photo", "createdAt": "*", "tokenExpiredAt": null}`},
			{name: "detail with custom data", send: "GET /api/v2/users/$ann?with_custom_data=true", want: `{"id": "$ann", "customData": []}`},
			{name: "detail of nobody", send: "GET /api/v2/users/$nobody", want: `null`},
			{name: "detail of no id", send: "GET /api/v2/users/xxx", want: `null`},
			{name: "detail of a NUL", send: "GET /api/v2/users/%00", want: `!400`},
			{name: "detail of no text", send: "GET /api/v2/users/%ff", want: `!400`},
			{name: "detail with a bad flag", send: "GET /api/v2/users/$ann?with_custom_data=maybe", want: `!400`},
			{name: "user", send: `{user(id: "$ann") {id customData {key} departments {totalCount list {isMainDepartment}}}}`,
				want: `{"user": {"id": "$ann", "customData": [], "departments": {"totalCount": 0, "list": []}}}`},
			{name: "user nobody", send: `{user(id: "$nobody") {id}}`, want: `{"user": null}`},
			{name: "user xxx", send: `{user(id: "xxx") {id}}`, want: `{"user": null}`},
			{name: "user without an id", send: `{user {id}}`, want: `!400`},

			{name: "update", send: updateUser, with: `{"id": "$ann", "u": {"nickname": "Annie", "email": "NEW@example.com", "city": "Paris",
				"tokenExpiredAt": "2040-01-02T03:04:05Z", "expiredAt": "2041-01-02T03:04:05Z", "directManagement": "$bob"}}`,
				want: `{"updateUser": {"id": "$ann", "nickname": "Annie", "email": "new@example.com", "city": "Paris",
				"tokenExpiredAt": "2040-01-02T03:04:05.000Z", "expiredAt": "2041-01-02T03:04:05.000Z", "directManagement": "$bob"}}`},
			{name: "empty text unsets", send: updateUser, with: `{"id": "$ann", "u": {"city": "", "expiredAt": ""}}`, want: `{"updateUser": {"city": null, "expiredAt": null}}`},
			{name: "null changes nothing", send: updateUser, with: `{"id": "$ann", "u": {"nickname": null}}`, want: `{"updateUser": {"nickname": "Annie"}}`},
			{name: "block", send: updateUser, with: `{"id": "$ann", "u": {"blocked": true}}`, want: `{"updateUser": {"blocked": true, "status": "Suspended"}}`},
			{name: "unblock", send: updateUser, with: `{"id": "$ann", "u": {"blocked": false}}`, want: `{"updateUser": {"blocked": false, "status": "Activated"}}`},
			{name: "update a password", send: updateUser, with: `{"id": "$ann", "u": {"password": "$encrypted"}}`, want: `{"updateUser": {"id": "$ann"}}`},
			{name: "update a password in the clear", send: updateUser, with: `{"id": "$ann", "u": {"password": "123456"}}`, want: `!2016`},
			{name: "update a taken username", send: updateUser, with: `{"id": "$ann", "u": {"username": "bob"}}`, want: `!2026`},
			{name: "update nobody", send: updateUser, with: `{"id": "$nobody", "u": {"nickname": "x"}}`, want: `!2004`},
			{name: "update without an id", send: updateUser, with: `{"u": {"nickname": "x"}}`, want: `!400`},
			{name: "update a time that is none", send: updateUser, with: `{"id": "$ann", "u": {"tokenExpiredAt": "soon"}}`, want: `!400`},
			{name: "update without an identifier", send: updateUser, with: `{"id": "$ann", "u": {"username": "", "email": ""}}`, want: `!400`},

			{name: "users", send: `{users(limit: 2) {totalCount list {username identities {provider} customData {key value}}}}`,
				want: `{"users": {"totalCount": 5, "list": [{"username": "h2"}, {"username": "h1", "identities": [], "customData": []}]}}`},
			{name: "users, second page", send: `{users(page: 2, limit: 2, excludeUsersInOrg: true) {totalCount list {username identities {provider} customData {key value}}}}`,
				want: `{"users": {"totalCount": 5, "list": [{"username": null, "identities": [{"provider": "wechat"}],
					"customData": [{"key": "age", "value": "20"}, {"key": "school", "value": "MIT"}]}, {"username": "bob"}]}}`},
			{name: "users, past the end", send: `{users(page: 9) {totalCount list {id}}}`, want: `{"users": {"totalCount": 5, "list": []}}`},
			{name: "users, oldest first", send: `{users(sortBy: CREATEDAT_ASC, limit: 1) {list {username}}}`, want: `{"users": {"list": [{"username": "ann"}]}}`},
			{name: "users, last changed first", send: `{users(sortBy: UPDATEDAT_DESC, limit: 1) {list {username}}}`, want: `{"users": {"list": [{"username": "ann"}]}}`},
			{name: "users, last changed last", send: `{users(sortBy: UPDATEDAT_ASC, limit: 1) {list {username}}}`, want: `{"users": {"list": [{"username": "bob"}]}}`},
			{name: "users, page 0", send: `{users(page: 0) {totalCount}}`, want: `!400`},
			{name: "users, limit 0", send: `{users(limit: 0) {totalCount}}`, want: `!400`},
			{name: "users, limit 101", send: `{users(limit: 101) {totalCount}}`, want: `!400`},
			{name: "users, limit -1", send: `{users(limit: -1) {totalCount}}`, want: `!400`},
			{name: "users, a far page", send: `{users(page: 2147483647, limit: 100) {list {id}}}`, want: `{"users": {"list": []}}`},
			{name: "archived", send: `{archivedUsers(page: 1, limit: 10) {totalCount list {id}}}`, want: `{"archivedUsers": {"totalCount": 0, "list": []}}`},

			{name: "search", send: `{searchUser(query: "BOBB") {totalCount list {username}}}`, want: `{"searchUser": {"totalCount": 1, "list": [{"username": "bob"}]}}`},
			{name: "search a field", send: `{searchUser(query: "bob", fields: ["nickname", null]) {totalCount}}`, want: `{"searchUser": {"totalCount": 1}}`},
			{name: "search another field", send: `{searchUser(query: "bobby", fields: ["username"]) {totalCount}}`, want: `{"searchUser": {"totalCount": 0}}`},
			{name: "search by address", send: `{searchUser(query: "1", fields: ["lastIP"]) {totalCount}}`, want: `{"searchUser": {"totalCount": 0}}`},
			{name: "search the password", send: `{searchUser(query: "x", fields: ["password"]) {totalCount}}`, want: `!400`},
			{name: "search an unknown group", send: `{searchUser(query: "", groupOpts: [{code: "nonsense"}]) {totalCount}}`, want: `{"searchUser": {"totalCount": 0}}`},
			{name: "search an unknown role", send: `{searchUser(query: "", roleOpts: [null, {code: "nonsense"}]) {totalCount}}`, want: `{"searchUser": {"totalCount": 0}}`},
			{name: "search a department", send: `{searchUser(query: "", departmentOpts: [{departmentId: "x"}]) {totalCount}}`, want: `{"searchUser": {"totalCount": 0}}`},
			{name: "search a percent sign", send: `{searchUser(query: "%") {totalCount}}`, want: `{"searchUser": {"totalCount": 0}}`},
			{name: "search too long a word", send: `{searchUser(query: "` + strings.Repeat("x", 1000) + `") {totalCount}}`, want: `!400`},

			{name: "find by username", send: `{findUser(username: "bob") {id identities {provider}}}`, want: `{"findUser": {"id": "$bob", "identities": []}}`},
			{name: "find by username in other case", send: `{findUser(username: "BOB") {id}}`, want: `{"findUser": null}`},
			{name: "find by email in other case", send: `{findUser(email: "BOB@example.com") {id customData {key}}}`, want: `{"findUser": {"id": "$bob", "customData": []}}`},
			{name: "find by phone", send: `{findUser(phone: "13800000002") {id}}`, want: `{"findUser": {"id": "$bob"}}`},
			{name: "find by externalId", send: `{findUser(externalId: "ext-b") {id}}`, want: `{"findUser": {"id": "$bob"}}`},
			{name: "find by identity", send: `{findUser(identity: {provider: "wechat", userIdInIdp: "wx-1"}) {openid}}`, want: `{"findUser": {"openid": "o-1"}}`},
			{name: "find by identifier", send: `{findUser(identity: {identifier: "wechat", userIdInIdp: "wx-1"}) {openid}}`, want: `{"findUser": {"openid": "o-1"}}`},
			{name: "find by half an identity", send: `{findUser(identity: {provider: "wechat"}) {openid}}`, want: `!400`},
			{name: "find by any of several", send: `{findUser(username: "nobody", email: "bob@example.com") {id}}`, want: `{"findUser": {"id": "$bob"}}`},
			{name: "find by nothing", send: `{findUser {id}}`, want: `!400`},
			{name: "find by a NUL", send: `{findUser(username: "\u0000") {id}}`, want: `!400`},
			{name: "exists", send: `{isUserExists(username: "bob")}`, want: `{"isUserExists": true}`},
			{name: "exists, any of several", send: `{isUserExists(username: "nobody", phone: "13800000002")}`, want: `{"isUserExists": true}`},
			{name: "exists not", send: `{isUserExists(email: "nobody@example.com")}`, want: `{"isUserExists": false}`},
			{name: "exists nothing", send: `{isUserExists}`, want: `!400`},

			{name: "batch", send: "POST /api/v2/users/batch", with: `{"ids": ["$bob", "$nobody", "$ann"]}`, want: `[{"id": "$bob", "customData": null, "identities": []}, {"id": "$ann"}]`},
			{name: "batch by email", send: "POST /api/v2/users/batch", with: `{"ids": ["new@example.com", "BOB@example.com"], "type": "email", "withCustomData": true}`,
				want: `[{"id": "$ann", "customData": []}, {"id": "$bob"}]`},
			{name: "batch by what is no email", send: "POST /api/v2/users/batch", with: `{"ids": ["x", "new@example.com"], "type": "email"}`, want: `[{"id": "$ann"}]`},
			{name: "batch by phone", send: "POST /api/v2/users/batch", with: `{"ids": ["13800000002", "1"], "type": "phone"}`, want: `[{"id": "$bob"}]`},
			{name: "batch by username", send: "POST /api/v2/users/batch", with: `{"ids": ["bob", "ann"], "type": "username"}`, want: `[{"id": "$bob"}, {"id": "$ann"}]`},
			{name: "batch by externalId", send: "POST /api/v2/users/batch", with: `{"ids": ["ext-b"], "type": "externalId"}`, want: `[{"id": "$bob"}]`},
			{name: "batch by nonsense", send: "POST /api/v2/users/batch", with: `{"ids": ["x"], "type": "nonsense"}`, want: `!400`},
			{name: "batch of nothing", send: "POST /api/v2/users/batch", with: `{"ids": []}`, want: `!400`},
			{name: "batch of too many", send: "POST /api/v2/users/batch", with: `{"ids": [` + strings.Repeat(`"x",`, 80) + `"x"]}`, want: `!2030`},
			{name: "batch of a number", send: "POST /api/v2/users/batch", with: `{"ids": [1]}`, want: `!400`},
			{name: "userBatch", send: `{userBatch(ids: ["bob", "x"], type: "username") {id identities {provider} customData {key}}}`,
				want: `{"userBatch": [{"id": "$bob", "identities": [], "customData": []}]}`},
			{name: "userBatch of too many", send: `query($i: [String!]!) {userBatch(ids: $i) {id}}`, with: `{"i": [` + strings.Repeat(`"x",`, 80) + `"x"]}`, want: `!2030`},

			{name: "filter", send: "POST /api/v2/users/filter", with: `{"page": 1, "limit": 1}`, want: `{"totalCount": 5, "list": [{"username": "h2", "identities": []}]}`},
			{name: "filter by a field", send: "POST /api/v2/users/filter", with: `{"filter": [[{"type": "basicFields", "value": "username"}, "EQ", "bob"]]}`,
				want: `{"totalCount": 1, "list": [{"id": "$bob"}]}`},
			{name: "filter by a custom field", send: "POST /api/v2/users/filter", with: `{"filter": [[{"type": "userDefinedFields", "value": "school"}, "EQ", "MIT"]]}`,
				want: `{"totalCount": 1}`},
			{name: "filter by an application", send: "POST /api/v2/users/filter",
				with: `{"filter": [[{"type": "OtherFields", "value": "app"}, "EQ", {"id": "$app", "label": "One"}]]}`, want: `{"totalCount": 0, "list": []}`},
			{name: "filter by what is not set", send: "POST /api/v2/users/filter", with: `{"filter": [[{"type": "x", "value": "username"}, "IS_NULL"]]}`, want: `{"totalCount": 1}`},
			{name: "filter by nonsense", send: "POST /api/v2/users/filter", with: `{"filter": [["username", "EQ", "x"]]}`, want: `!400`},
			{name: "filter by an unknown field", send: "POST /api/v2/users/filter", with: `{"filter": [[{"value": "nonsense"}, "EQ", "x"]]}`, want: `!400`},
			{name: "filter by an unknown operator", send: "POST /api/v2/users/filter", with: `{"filter": [[{"value": "username"}, "LIKE", "x"]]}`, want: `!400`},
			{name: "filter page 0", send: "POST /api/v2/users/filter", with: `{"page": 0}`, want: `!400`},

			{name: "link", send: "POST /api/v2/users/identity/link", want: `null`,
				with: `{"userId": "$bob", "userIdInIdp": "in-1", "isSocial": true, "type": "openid", "identifier": "github", "extIdpId": "$nobody"}`},
			{name: "linked", send: "GET /api/v2/users/$bob", want: `{"identities": [{"userIdInIdp": "in-1", "type": "openid", "provider": "github", "extIdpId": "$nobody", "userId": "$bob"}]}`},
			{name: "link what is linked", send: "POST /api/v2/users/identity/link",
				with: `{"userId": "$ann", "userIdInIdp": "in-1", "identifier": "github", "extIdpId": "$nobody"}`, want: `!2026`},
			{name: "link nobody", send: "POST /api/v2/users/identity/link", with: `{"userId": "$nobody", "userIdInIdp": "in-2", "identifier": "github"}`, want: `!2004`},
			{name: "link nothing", send: "POST /api/v2/users/identity/link", with: `{"userId": "$ann"}`, want: `!400`},
			{name: "unlink another type", send: "POST /api/v2/users/identity/unlink", with: `{"userId": "$bob", "type": "unionid", "extIdpId": "$nobody"}`, want: `!404`},
			{name: "unlink", send: "POST /api/v2/users/identity/unlink", with: `{"userId": "$bob", "type": "openid", "identifier": "github", "isSocial": true}`, want: `null`},
			{name: "unlink nobody", send: "POST /api/v2/users/identity/unlink", with: `{"userId": "$nobody", "identifier": "github"}`, want: `!2004`},
			{name: "unlink nothing", send: "POST /api/v2/users/identity/unlink", with: `{"userId": "$bob"}`, want: `!400`},

			{name: "login status", send: "GET /api/v2/users/login-status?userId=$ann", want: `{"isLogin": false, "user": {"id": "$ann"}, "application": []}`},
			{name: "login status over an application", send: "GET /api/v2/users/login-status?userId=$ann&appId=$app&deviceId=d", want: `{"isLogin": false}`},
			{name: "login status of nobody", send: "GET /api/v2/users/login-status?userId=$nobody", want: `{"isLogin": false, "user": null}`},
			{name: "login status of nothing", send: "GET /api/v2/users/login-status", want: `!400`},
			{name: "orgs", send: "GET /api/v2/users/$ann/orgs", want: `[]`},
			{name: "orgs of nobody", send: "GET /api/v2/users/$nobody/orgs", want: `!2004`},
			{name: "tenants", send: "GET /api/v2/users/$ann/tenants", want: `[]`},
			{name: "tenants of nobody", send: "GET /api/v2/users/$nobody/tenants", want: `!2004`},

			{name: "delete", send: `mutation {deleteUser(id: "$ann") {code message}}`, want: `{"deleteUser": {"code": 200, "message": "操作成功"}}`},
			{name: "deleted", send: "GET /api/v2/users/$ann", want: `null`},
			{name: "delete again", send: `mutation {deleteUser(id: "$ann") {code}}`, want: `!2210`},
			{name: "delete several and nobody", send: `mutation {deleteUsers(ids: ["$bob", "$nobody"]) {code}}`, want: `!2210`},
			{name: "all or none", send: "GET /api/v2/users/$bob", want: `{"id": "$bob"}`},
			{name: "delete several", send: `mutation {deleteUsers(ids: ["$bob"]) {code}}`, want: `{"deleteUsers": {"code": 200}}`},
			{name: "delete none", send: `mutation {deleteUsers(ids: []) {code}}`, want: `!400`},
			{name: "delete too many", send: `mutation($i: [String!]!) {deleteUsers(ids: $i) {code}}`, with: `{"i": [` + strings.Repeat(`"x",`, 80) + `"x"]}`, want: `!2030`},
		})
	})
}

// What users may do with a token of their own: see themselves and change a part of it.
func TestOwnUser(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		steps := []step{
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: createUser, with: bob, save: "bob=createUser.id"},
			{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
			{send: `mutation {setUdf(targetType: USER, key: "age", dataType: NUMBER, label: "Age") {key}}`},
			{send: `mutation {setUdvBatch(targetType: USER, targetId: "$ann", udvList: [{key: "age", value: "3"}, {key: "school", value: "\"MIT\""}]) {key}}`},

			{name: "oneself", as: "annToken", send: `{user {id username roles {totalCount} groups {totalCount} departments {totalCount} authorizedResources {totalCount} customData {key}}}`,
				want: `{"user": {"id": "$ann", "roles": {"totalCount": 0}, "groups": {"totalCount": 0}, "authorizedResources": {"totalCount": 0}, "customData": [{"key": "age"}, {"key": "school"}]}}`},
			{name: "oneself by id", as: "annToken", send: `{user(id: "$ann") {id}}`, want: `{"user": {"id": "$ann"}}`},
			{name: "somebody else", as: "annToken", send: `{user(id: "$bob") {id}}`, want: `!1001`},
			{name: "somebody else's values", as: "annToken", send: `{udv(targetType: USER, targetId: "$bob") {key}}`, want: `!1001`},
			{name: "another kind of values", as: "annToken", send: `{udv(targetType: ROLE, targetId: "$ann") {key}}`, want: `!1001`},
			{name: "own values, those that users may see", as: "annToken", send: `{udv(targetType: USER, targetId: "$ann") {key}}`, want: `{"udv": [{"key": "age"}, {"key": "school"}]}`},
			{name: "change", as: "annToken", send: updateUser, with: `{"u": {"nickname": "Annie", "username": "anna"}}`, want: `{"updateUser": {"id": "$ann", "nickname": "Annie", "username": "anna"}}`},
			{name: "change by id", as: "annToken", send: updateUser, with: `{"id": "$ann", "u": {"city": "Paris"}}`, want: `{"updateUser": {"city": "Paris"}}`},
			{name: "change somebody else", as: "annToken", send: updateUser, with: `{"id": "$bob", "u": {"nickname": "x"}}`, want: `!1001`},
			{name: "a fresh token", as: "annToken", send: refreshToken, want: `{"refreshToken": {"token": "*"}}`},
			{name: "somebody else's token", as: "annToken", send: refreshToken, with: `{"id": "$bob"}`, want: `!1001`},
			{name: "the profile's change is theirs", send: "GET /api/v2/analysis/user-action?operation_name=updateUserPrefile",
				want: `{"totalCount": 2, "list": [{"userpool_id": "$one", "user": {"id": "$ann", "displayName": "Annie"}, "operation_name": "updateUserPrefile",
					"operation_desc": "修改用户资料", "geoip": {"ip": "192.0.2.7", "city_name": null}, "timestamp": "*", "app_id": "$app", "app": {"name": "one"}}, {}]}`},
		}
		// Whatever says who they are, and what others keep about them.
		for field, want := range map[string]string{
			`"email": "a@example.com"`: "!2225", `"phone": "1"`: "!2226", `"phoneCountryCode": "+1"`: "!2226", `"unionid": "x"`: "!2018", `"openid": "x"`: "!2018",
			`"password": "x"`: "!2018", `"externalId": "x"`: "!2018", `"emailVerified": true`: "!2018", `"phoneVerified": true`: "!2018", `"oauth": "x"`: "!2018",
			`"loginsCount": 1`: "!2018", `"lastLogin": "2020-01-01"`: "!2018", `"lastIP": "x"`: "!2018", `"tokenExpiredAt": "2020-01-01"`: "!2018",
			`"expiredAt": "2040-01-01"`: "!2018", `"blocked": false`: "!2018", `"mainDepartmentId": "x"`: "!2018", `"mainDepartmentCode": "x"`: "!2018",
			`"directManagement": "x"`: "!2018",
		} {
			steps = append(steps, step{name: "not " + field, as: "annToken", send: updateUser, with: `{"u": {"nickname": "x", ` + field + `}}`, want: want})
		}
		steps = append(steps,
			step{name: "nothing was changed", send: `{user(id: "$ann") {nickname email blocked}}`, want: `{"user": {"nickname": "Annie", "email": null, "blocked": false}}`},
			step{name: "a block ends the token", send: updateUser, with: `{"id": "$ann", "u": {"blocked": true}}`},
			step{name: "ended", as: "annToken", send: `{user {id}}`, want: `!2207`},
		)
		h.run(t, steps)
	})
}

func TestKickAndLogout(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		token := func(name string) step {
			return step{name: "a token of " + name, send: refreshToken, with: `{"id": "$` + name + `"}`, save: name + "Token=refreshToken.token"}
		}
		in := func(name string) step {
			return step{name: name + " is in", as: name + "Token", send: `{user {id}}`, want: `{"user": {"id": "$` + name + `"}}`}
		}
		out := func(name string) step {
			return step{name: name + " is out", as: name + "Token", send: `{user {id}}`, want: `!2207`}
		}
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: createUser, with: bob, save: "bob=createUser.id"},
			token("ann"), token("bob"), in("ann"), in("bob"),
			{name: "kick", send: "POST /api/v2/users/kick", with: `{"userIds": ["$ann", "$nobody"]}`, want: `null`},
			out("ann"), in("bob"),
			{name: "kick nobody", send: "POST /api/v2/users/kick", with: `{"userIds": []}`, want: `!400`},
			{name: "kick too many", send: "POST /api/v2/users/kick", with: `{"userIds": [` + strings.Repeat(`"x",`, 80) + `"x"]}`, want: `!2030`},
			{name: "a key of another pool", as: "key2", send: "POST /api/v2/users/kick", with: `{"userIds": ["$bob"]}`, want: `null`},
			in("bob"),
			{name: "log out", send: "GET /logout?userId=$bob&appId=$app", want: `null`},
			out("bob"),
			{name: "log nobody out", send: "GET /logout?userId=$nobody", want: `!2004`},
			{name: "log out without a name", send: "GET /logout", want: `!400`},
			{name: "log out by a dead token", as: "bobToken", send: "GET /logout", want: `null`},
			{name: "log out as nobody", as: "none", send: "GET /logout?userId=$bob", want: `null`},
			token("bob"), token("ann"),
			{name: "log oneself out", as: "bobToken", send: "GET /logout?appId=$app&deviceId=current&userId=$ann", want: `null`},
			out("bob"), in("ann"),
			{name: "the log knows", send: "GET /api/v2/analysis/user-action?operation_name[]=logout", want: `{"totalCount": 1, "list": [{"operation_desc": "退出登录"}]}`},
		})
	})
}

// A status that the schema's enum lacks is shown as the nearest one.
func TestStatusShown(t *testing.T) {
	h := oneHall(t)
	h.run(t, []step{{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"}})
	for status, want := range map[directory.Status]string{
		directory.Deactivated: `{"user": {"status": "Suspended", "blocked": true}}`, directory.Suspended: `{"user": {"status": "Suspended", "blocked": true}}`,
		directory.Activated: `{"user": {"status": "Activated", "blocked": false}}`, directory.Archived: `{"user": {"status": "Archived", "blocked": false}}`,
	} {
		_, err := h.Directory.UpdateUser(h.one.As(t.Context()), h.one.ID, directory.ByID(h.known["ann"]), directory.UserPatch{UserInput: directory.UserInput{Status: &status}})
		if err != nil {
			t.Fatal(err)
		}
		h.run(t, []step{{name: string(status), send: `{user(id: "$ann") {status blocked}}`, want: want}})
	}
}

// The vendor's page of user methods names fields that snapshots of its schema lack; they are taken all the same.
func TestDocumentedUserFields(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.run(t, []step{
			{name: "create", save: "placed=createUser.id", with: `{"u": {"username": "place", "city": "Köln", "province": "NRW"}}`,
				send: `mutation($u: CreateUserInput!) { createUser(userInfo: $u) { id city province } }`,
				want: `{"createUser": {"id": "*", "city": "Köln", "province": "NRW"}}`},
			{name: "update", with: `{"id": "$placed", "u": {"registerSource": ["basic:email"], "signedUp": "2020-10-15T17:55:37+08:00"}}`,
				send: `mutation($id: String, $u: UpdateUserInput!) { updateUser(id: $id, input: $u) { registerSource signedUp } }`,
				want: `{"updateUser": {"registerSource": ["basic:email"], "signedUp": "2020-10-15T09:55:37.000Z"}}`},
		})
	})
}
