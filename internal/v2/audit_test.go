package v2

import "testing"

func TestUserActions(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const actions = "GET /api/v2/analysis/user-action"
		change := func(as string) step {
			return step{name: as + " changes the profile", as: as, send: `mutation {updateUser(input: {nickname: "` + as + `"}) {id}}`}
		}
		h.run(t, []step{
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: createUser, with: bob, save: "bob=createUser.id"},
			{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
			{send: refreshToken, with: `{"id": "$bob"}`, save: "bobToken=refreshToken.token"},
			{name: "what administrators do is no user's action", send: actions, want: `{"totalCount": 0, "list": []}`},
			change("annToken"), change("bobToken"),
			{name: "their own token", as: "annToken", send: refreshToken, save: "fresh=refreshToken.token"},

			{name: "all, newest first", send: actions + "?page=1&limit=10&exclude_non_app_records=1", want: `{"totalCount": 3, "list": [
				{"user": {"id": "$ann", "displayName": "annToken"}, "operation_name": "refreshUserTokenBySelf", "operation_desc": "刷新 token"},
				{"user": {"id": "$bob"}, "operation_name": "updateUserPrefile"},
				{"userpool_id": "$one", "user": {"id": "$ann"}, "operation_name": "updateUserPrefile", "app_id": "$app", "app": {"name": "one"},
					"geoip": {"ip": "192.0.2.7", "city_name": null, "region_name": null}, "timestamp": "*"}]}`},
			{name: "second page", send: actions + "?page=2&limit=2", want: `{"totalCount": 3, "list": [{"user": {"id": "$ann"}}]}`},
			{name: "by user", send: actions + "?operator_arn[]=arn:cn:authing:$one:user:$bob", want: `{"totalCount": 1, "list": [{"user": {"id": "$bob"}}]}`},
			{name: "by user without brackets", send: actions + "?operator_arn=arn:cn:authing:$one:user:$bob", want: `{"totalCount": 1}`},
			{name: "by users", send: actions + "?operator_arn[]=arn:cn:authing:$one:user:$bob&operator_arn[]=arn:cn:authing:$one:user:$ann", want: `{"totalCount": 3}`},
			{name: "by the statistics client", send: actions + "?userId=$ann&eventType=updateUserPrefile&app_id=$app", want: `{"totalCount": 1}`},
			{name: "by operation", send: actions + "?operation_name[]=updateUserPrefile", want: `{"totalCount": 2}`},
			{name: "by address", send: actions + "?clientip=192.0.2.7", want: `{"totalCount": 3}`},
			{name: "by another address", send: actions + "?clientip=192.0.2.8", want: `{"totalCount": 0}`},
			{name: "by application", send: actions + "?app_id[]=$app", want: `{"totalCount": 3}`},
			{name: "by another application", send: actions + "?app_id[]=$app2", want: `{"totalCount": 0}`},
			{name: "by time", send: actions + "?start=1&end=2", want: `{"totalCount": 0}`},
			{name: "since then", send: actions + "?start=1", want: `{"totalCount": 3}`},
			{name: "by several operations", send: actions + "?operation_name[]=login&operation_name[]=updateUserPrefile", want: `{"totalCount": 2}`},
			{name: "by what is no user", send: actions + "?operator_arn[]=$ann", want: `!400`},
			{name: "by no text", send: actions + "?clientip=%00", want: `!400`},
			{name: "page 0", send: actions + "?page=0", want: `!400`},
			{name: "too long a page", send: actions + "?limit=51", want: `!400`},
			{name: "a time that is none", send: actions + "?start=yesterday", want: `!400`},
			{name: "a time before all", send: actions + "?start=-1", want: `!400`},

			{name: "who is gone keeps a name", send: `mutation {deleteUser(id: "$bob") {code}}`},
			{name: "the name", send: actions + "?operation_name=updateUserPrefile&limit=1", want: `{"list": [{"user": {"id": "$bob", "displayName": "bobToken"}}]}`},

			{name: "logins to an application", send: "GET /api/v2/analysis/total-login-count?appId=$app", want: `0`},
			{name: "logins to none", send: "GET /api/v2/analysis/total-login-count", want: `!400`},
		})
	})
}
