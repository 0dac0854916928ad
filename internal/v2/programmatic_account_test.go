package v2

import (
	"strings"
	"testing"
)

func TestProgrammaticAccounts(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		h.known["chosen"] = strings.Repeat("s", 32)
		const list = "/api/v2/applications/$app/programmatic-access-accounts"
		const one = "/api/v2/applications/programmatic-access-accounts"
		h.run(t, []step{
			{name: "none", send: "GET " + list, want: `{"totalCount": 0, "list": []}`},
			{name: "create", send: "POST " + list, with: `{"tokenLifetime": 600}`, save: "first=id",
				want: `{"id": "*", "appId": "$app", "secret": "*", "remarks": null, "tokenLifetime": 600, "enabled": true, "createdAt": "*", "updatedAt": "*"}`},
			{name: "create another", send: "POST " + list, with: `{"tokenLifetime": 60, "remarks": "backup"}`, want: `{"remarks": "backup", "tokenLifetime": 60}`, save: "second=id"},
			{name: "the usual lifetime", send: "POST " + list, want: `{"tokenLifetime": 600}`, save: "third=id"},
			{name: "a lifetime of nothing", send: "POST " + list, with: `{"tokenLifetime": 0}`, want: `!400`},
			{name: "an endless lifetime", send: "POST " + list, with: `{"tokenLifetime": 9999999999}`, want: `!400`},
			{name: "an unknown application", send: "POST /api/v2/applications/$nobody/programmatic-access-accounts", want: `!2011`},
			{name: "another pool's", send: "POST /api/v2/applications/$app2/programmatic-access-accounts", want: `!2011`},
			{name: "list shows no secret", send: "GET " + list + "?limit=1&page=2", want: `{"totalCount": 3, "list": [{"id": "$second", "secret": null}]}`},
			{name: "list of another pool's", send: "GET /api/v2/applications/$app2/programmatic-access-accounts", want: `!2011`},
			{name: "page 0", send: "GET " + list + "?page=0", want: `!400`},

			{name: "disable", send: "PATCH " + one, with: `{"id": "$first", "enabled": false}`, want: `{"id": "$first", "enabled": false, "secret": null}`},
			{name: "enable", send: "PATCH " + one, with: `{"id": "$first", "enabled": true}`, want: `{"enabled": true}`},
			{name: "another secret", send: "PATCH " + one, with: `{"id": "$first", "secret": "$chosen"}`, want: `{"secret": "$chosen", "enabled": true}`},
			{name: "a short secret", send: "PATCH " + one, with: `{"id": "$first", "secret": "x"}`, want: `!400`},
			{name: "no change", send: "PATCH " + one, with: `{"id": "$first"}`, want: `!400`},
			{name: "nobody", send: "PATCH " + one, with: `{"id": "$nobody", "enabled": true}`, want: `!404`},
			{name: "another pool", as: "key2", send: "PATCH " + one, with: `{"id": "$first", "enabled": false}`, want: `!404`},
			{name: "another pool deletes", as: "key2", send: "DELETE " + one + "?id=$first", want: `!404`},
			{name: "delete", send: "DELETE " + one + "?id=$first"},
			{name: "delete again", send: "DELETE " + one + "?id=$first", want: `!404`},
			{name: "delete nothing", send: "DELETE " + one, want: `!400`},
			{name: "what is left", send: "GET " + list, want: `{"totalCount": 2, "list": [{"id": "$third"}, {"id": "$second"}]}`},
		})
	})
}
