package v2

import "testing"

func TestApplicationAccess(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		people(t, h)
		const app = "/api/v2/applications/$app/authorization/"
		const ann = `{"targetType": "USER", "targetIdentifiers": ["$ann"], "namespace": "$app"}`
		h.run(t, []step{
			{send: createRole, with: `{"c": "guest", "n": "$app"}`},
			{name: "nobody", send: "GET " + app + "records", want: `{"totalCount": 0, "list": []}`},
			{name: "allow", send: "POST " + app + "allow", with: ann},
			{name: "it is among the records", send: "GET " + app + "records", want: `{"totalCount": 1, "list": [{"targetType": "USER", "targetIdentifier": "$ann", "enabled": true, "inheritByChildren": false,
				"namespace": "$app", "assignedAt": "*", "policyId": "$app:allow", "code": "$app:allow", "target": {"id": "$ann", "username": "ann"},
				"policy": {"id": "$app:allow", "hidden": true, "namespaceId": "*", "statements": [{"resource": "app:$app", "effect": "ALLOW", "actions": ["app:login"], "condition": []}]}}]}`},
			{name: "deny in its place", send: "POST " + app + "deny", with: ann},
			{name: "one record", send: "GET " + app + "records", want: `{"totalCount": 1, "list": [{"policyId": "$app:deny", "policy": {"statements": [{"effect": "DENY"}]}}]}`},
			{name: "disable", send: "POST " + app + "disable-effect", with: ann},
			{name: "disabled", send: "GET " + app + "records", want: `{"list": [{"enabled": false}]}`},
			{name: "enable", send: "POST " + app + "enable-effect", with: ann},
			{name: "enabled", send: "GET " + app + "records", want: `{"list": [{"enabled": true}]}`},
			{name: "a group", send: "POST " + app + "allow", with: `{"targetType": "GROUP", "targetIdentifiers": ["dev"]}`},
			{name: "a role of the application", send: "POST " + app + "allow", with: `{"targetType": "ROLE", "targetIdentifiers": ["guest"]}`},
			{name: "a role of another namespace", send: "POST " + app + "allow", with: `{"targetType": "ROLE", "targetIdentifiers": ["admin"], "namespace": "default"}`},
			{name: "a node", send: "POST " + app + "deny", with: `{"targetType": "ORG", "targetIdentifiers": ["$acme"], "inheritByChildren": true}`},
			{name: "list, the latest first", send: "GET " + app + "records?page=1&limit=4", want: `{"totalCount": 5, "list": [
				{"targetType": "ORG", "targetIdentifier": "$acme", "inheritByChildren": true, "target": {"id": "$acme", "name": "Acme"}}, {"targetType": "ROLE", "targetIdentifier": "admin", "target": {"code": "admin"}},
				{"targetType": "ROLE", "targetIdentifier": "guest"}, {"targetType": "GROUP", "targetIdentifier": "dev", "target": {"code": "dev", "name": "Developers"}}]}`},
			{name: "revoke", send: "POST " + app + "revoke", with: ann},
			{name: "revoke again", send: "POST " + app + "revoke", with: ann},
			{name: "revoke from nobody", send: "POST " + app + "revoke", with: `{"targetType": "GROUP", "targetIdentifiers": ["nonsense"]}`},
			{name: "what is left", send: "GET " + app + "records", want: `{"totalCount": 4}`},
			{name: "enable what is not said", send: "POST " + app + "enable-effect", with: ann, want: `!404`},
			{name: "allow nobody", send: "POST " + app + "allow", with: `{"targetType": "USER", "targetIdentifiers": ["$nobody"]}`, want: `!2004`},
			{name: "allow none", send: "POST " + app + "allow", with: `{"targetType": "USER", "targetIdentifiers": []}`, want: `!400`},
			{name: "allow a key", send: "POST " + app + "allow", with: `{"targetType": "AK_SK", "targetIdentifiers": ["x"]}`, want: `!400`},
			{name: "another pool's application", send: "POST /api/v2/applications/$app2/authorization/allow", with: ann, want: `!2011`},
			{name: "records of another pool's", send: "GET /api/v2/applications/$app2/authorization/records", want: `!2011`},
			{name: "revoke from another pool's", send: "POST /api/v2/applications/$app2/authorization/revoke", with: ann, want: `!2011`},
			{name: "enable another pool's", send: "POST /api/v2/applications/$app2/authorization/enable-effect", with: ann, want: `!2011`},

			{name: "nobody by default", send: "POST /api/v2/applications/$app", with: `{"permissionStrategy": {"defaultStrategy": "DENY_ALL"}}`,
				want: `{"id": "$app", "userPoolId": "$one", "name": "one", "permissionStrategy": {"enabled": true, "defaultStrategy": "DENY_ALL", "allowPolicyId": "$app:allow", "denyPolicyId": "$app:deny"}}`},
			{name: "everybody by default", send: "POST /api/v2/applications/$app", with: `{"permissionStrategy": {"defaultStrategy": "ALLOW_ALL"}}`, want: `{"permissionStrategy": {"defaultStrategy": "ALLOW_ALL"}}`},
			{name: "an unknown default", send: "POST /api/v2/applications/$app", with: `{"permissionStrategy": {"defaultStrategy": "X"}}`, want: `!400`},
			{name: "no default", send: "POST /api/v2/applications/$app", with: `{"permissionStrategy": {}}`, want: `!400`},
			{name: "another field", send: "POST /api/v2/applications/$app", with: `{"skipMfa": true}`, want: `!501`},
			{name: "another pool's default", send: "POST /api/v2/applications/$app2", with: `{"permissionStrategy": {"defaultStrategy": "DENY_ALL"}}`, want: `!2011`},
		})
	})
}
