package v2

import "testing"

func TestAuditLogs(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const logs = "GET /api/v2/analysis/audit"
		h.run(t, []step{
			{name: "a record", send: `mutation {createGroup(code: "audited", name: "x") {code}}`},
			{name: "a refused call leaves none", send: `mutation {createGroup(code: "audited", name: "x") {code}}`, want: `!409`},
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
			{name: "what a user does is no administrator's", as: "annToken", send: `mutation {updateUser(input: {nickname: "Annie"}) {id}}`},

			{name: "newest first", send: logs + "?limit=3", want: `{"totalCount": "*", "list": [{"eventType": "refresh"}, {"eventType": "create"},
				{"userPoolId": "$one", "userPoolName": "one", "eventType": "create", "timestamp": "*", "clientIp": "192.0.2.7", "user_agent": "test", "geoip": {"ip": "192.0.2.7"},
					"eventResultCode": "success", "operationParam": "*", "eventDetails": "*", "ua": {"name": null}}]}`},
			{name: "by operation", send: logs + "?eventType=create&limit=1&clientip=192.0.2.7", want: `{"totalCount": 2, "list": [{"eventType": "create"}]}`},
			{name: "second page", send: logs + "?eventType=create&limit=1&page=2&clientip=192.0.2.7", want: `{"totalCount": 2, "list": [{"eventDetails": "*"}]}`},
			{name: "by another address", send: logs + "?clientip=192.0.2.8", want: `{"totalCount": 0, "list": []}`},
			{name: "by another application", send: logs + "?app_id=$app2", want: `{"totalCount": 0, "list": []}`},
			{name: "by nobody", send: logs + "?userId=$nobody", want: `{"totalCount": 0}`},
			{name: "by time", send: logs + "?start=1&end=2", want: `{"totalCount": 0}`},
			{name: "of another pool", as: "key2", send: logs + "?clientip=192.0.2.7", want: `{"totalCount": 0}`},
			{name: "page 0", send: logs + "?page=0", want: `!400`},
			{name: "too long a page", send: logs + "?limit=51", want: `!400`},
			{name: "a time that is none", send: logs + "?end=never", want: `!400`},
			{name: "a user", as: "annToken", send: logs, want: `!1001`},
			{name: "nobody", as: "none", send: logs, want: `!2020`},

			{name: "actions for the statistics client", send: "GET /api/v2/analysis/user-action", want: `{"totalCount": 1, "list": [{"userPoolId": "$one", "userId": "$ann", "userName": "Annie",
				"clientIp": "192.0.2.7", "appId": "$app", "appName": "one", "eventType": "updateUserPrefile", "operator_arn": "arn:cn:authing:$one:user:$ann", "@timestamp": "*", "app_id": "$app"}]}`},
		})
	})
}
