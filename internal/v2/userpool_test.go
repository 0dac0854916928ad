package v2

import "testing"

func TestUserpool(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const update = `mutation($i: UpdateUserpoolInput!) { updateUserpool(input: $i) { id name domain description secret jwtSecret logo registerDisabled
			tokenExpiresAfter userpoolTypes {code name} frequentRegisterCheck {timeInterval limit enabled} passwordUpdatePolicy {enabled forcedCycle}
			qrcodeLoginStrategy {qrcodeExpiresAfter} app2WxappLoginStrategy {ticketExpriresAfter} changePhoneStrategy {verifyOldPhone}
			whitelist {phoneEnabled emailEnabled usernameEnabled} customSMSProvider {enabled provider config} verifyCodeLength } }`
		const detail = "GET /api/v2/userpools/detail"
		h.run(t, []step{
			{name: "detail", send: detail, want: `{"id": "$one", "name": "one", "secret": "", "jwtSecret": "", "registerDisabled": false, "logo": "",
				"createdAt": "*", "whitelist": {"phoneEnabled": false, "emailEnabled": false, "usernameEnabled": false}}`},
			{name: "a switch", send: update, with: `{"i": {"whitelist": {"emailEnabled": true}}}`,
				want: `{"updateUserpool": {"id": "$one", "whitelist": {"phoneEnabled": false, "emailEnabled": true, "usernameEnabled": false}, "tokenExpiresAfter": null}}`},
			{name: "another leaves it", send: update, with: `{"i": {"whitelist": {"phoneEnabled": true}}}`,
				want: `{"updateUserpool": {"whitelist": {"phoneEnabled": true, "emailEnabled": true}}}`},
			{name: "everything", send: update, with: `{"i": {"name": "Eins", "logo": "l.svg", "domain": "eins", "description": "the first", "userpoolTypes": ["b2b"],
				"registerDisabled": false, "tokenExpiresAfter": 3600, "frequentRegisterCheck": {"timeInterval": 300, "limit": 10, "enabled": true},
				"passwordUpdatePolicy": {"enabled": true, "forcedCycle": 90}, "qrcodeLoginStrategy": {"qrcodeExpiresAfter": 120},
				"app2WxappLoginStrategy": {"ticketExpriresAfter": 60}, "changePhoneStrategy": {"verifyOldPhone": true}, "verifyCodeLength": 6,
				"customSMSProvider": {"enabled": true, "provider": "acme", "config": "{\"key\":\"hush\"}"}}}`,
				want: `{"updateUserpool": {"name": "Eins", "logo": "l.svg", "domain": "eins", "description": "the first", "secret": "", "jwtSecret": "",
					"userpoolTypes": [{"code": "b2b", "name": "b2b"}], "registerDisabled": false, "tokenExpiresAfter": 3600,
					"frequentRegisterCheck": {"timeInterval": 300, "limit": 10, "enabled": true}, "passwordUpdatePolicy": {"enabled": true, "forcedCycle": 90},
					"qrcodeLoginStrategy": {"qrcodeExpiresAfter": 120}, "app2WxappLoginStrategy": {"ticketExpriresAfter": 60},
					"changePhoneStrategy": {"verifyOldPhone": true}, "verifyCodeLength": 6,
					"customSMSProvider": {"enabled": true, "provider": "acme", "config": null}, "whitelist": {"phoneEnabled": true, "emailEnabled": true}}}`},
			{name: "null changes nothing", send: update, with: `{"i": {"name": null, "whitelist": {"phoneEnabled": null}}}`,
				want: `{"updateUserpool": {"name": "Eins", "whitelist": {"phoneEnabled": true}}}`},
			{name: "read again", send: `{userpool {name tokenExpiresAfter frequentRegisterCheck {limit} customSMSProvider {provider config}}}`,
				want: `{"userpool": {"name": "Eins", "tokenExpiresAfter": 3600, "frequentRegisterCheck": {"limit": 10}, "customSMSProvider": {"provider": "acme", "config": null}}}`},
			{name: "detail again", send: detail, want: `{"name": "Eins", "domain": "eins", "registerDisabled": false, "userpoolTypes": [{"code": "b2b"}], "whitelist": {"emailEnabled": true}}`},
			{name: "the other pool", as: "key2", send: detail, want: `{"name": "two", "registerDisabled": false, "whitelist": {"emailEnabled": false}}`},
			{name: "no name", send: update, with: `{"i": {"name": ""}}`, want: `!400`},
			{name: "a negative time", send: update, with: `{"i": {"tokenExpiresAfter": -1}}`, want: `!400`},
			{name: "an unknown setting", send: update, with: `{"i": {"nonsense": 1}}`, want: `!400`},
			{name: "a wrong type", send: update, with: `{"i": {"registerDisabled": "no"}}`, want: `!400`},
			{name: "nobody", as: "none", send: update, with: `{"i": {}}`, want: `!2020`},

			{name: "no variables", send: "GET /api/v2/env", want: `[]`},
			{name: "a variable", send: "POST /api/v2/env", with: `{"key": "b", "value": "text"}`, want: `[{"key": "b", "value": "text"}]`},
			{name: "an object", send: "POST /api/v2/env", with: `{"key": "a", "value": {"x": [1]}}`, want: `[{"key": "a", "value": {"x": [1]}}, {"key": "b", "value": "text"}]`},
			{name: "another value", send: "POST /api/v2/env", with: `{"key": "b", "value": 7}`, want: `[{"key": "a"}, {"key": "b", "value": 7, "createdAt": "*", "updatedAt": "*"}]`},
			{name: "no key", send: "POST /api/v2/env", with: `{"value": 7}`, want: `!400`},
			{name: "no value", send: "POST /api/v2/env", with: `{"key": "c"}`, want: `!400`},
			{name: "the other pool's variables", as: "key2", send: "GET /api/v2/env", want: `[]`},
			{name: "remove", send: "DELETE /api/v2/env/a", want: `[{"key": "b"}]`},
			{name: "remove again", send: "DELETE /api/v2/env/a", want: `!404`},
			{name: "the other pool removes nothing here", as: "key2", send: "DELETE /api/v2/env/b", want: `!404`},

			{name: "a new secret", send: `mutation {refreshUserpoolSecret}`, save: "fresh=refreshUserpoolSecret"},
			{name: "the old token is dead", send: `{userpool {id}}`, want: `!2207`},
			{name: "the old secret is wrong", as: "none", send: `{accessToken(userPoolId: "$one", secret: "$secret") {exp}}`, want: `!401`},
			{name: "the new one is right", as: "none", send: `{accessToken(userPoolId: "$one", secret: "$fresh") {accessToken}}`, save: "freshToken=accessToken.accessToken"},
			{name: "its token works", as: "freshToken", send: `{userpool {secret}}`, want: `{"userpool": {"secret": ""}}`},
			{name: "the other pool is untouched", as: "key2", send: `{userpool {id}}`, want: `{"userpool": {"id": "$two"}}`},
		})
	})
}
