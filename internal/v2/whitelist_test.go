package v2

import (
	"strings"
	"testing"
)

func TestWhitelist(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const add = `mutation($t: WhitelistType!, $l: [String!]!) { addWhitelist(type: $t, list: $l) { createdAt updatedAt value } }`
		const remove = `mutation($t: WhitelistType!, $l: [String!]!) { removeWhitelist(type: $t, list: $l) { createdAt updatedAt value } }`
		h.run(t, []step{
			{name: "empty", send: `{whitelist(type: EMAIL) {value}}`, want: `{"whitelist": []}`},
			{name: "add", send: add, with: `{"t": "EMAIL", "l": ["Ann@Example.com", "bob@example.com"]}`,
				want: `{"addWhitelist": [{"value": "ann@example.com", "createdAt": "*", "updatedAt": "*"}, {"value": "bob@example.com"}]}`},
			{name: "add again", send: add, with: `{"t": "EMAIL", "l": ["BOB@example.com"]}`, want: `{"addWhitelist": [{"value": "bob@example.com"}]}`},
			{name: "a user name keeps its case", send: add, with: `{"t": "USERNAME", "l": ["Ann"]}`, want: `{"addWhitelist": [{"value": "Ann"}]}`},
			{name: "list", send: `{whitelist(type: EMAIL) {value createdAt updatedAt}}`, want: `{"whitelist": [{}, {}]}`},
			{name: "of another type", send: `{whitelist(type: PHONE) {value}}`, want: `{"whitelist": []}`},
			{name: "of another pool", as: "key2", send: `{whitelist(type: EMAIL) {value}}`, want: `{"whitelist": []}`},
			{name: "another pool removes nothing here", as: "key2", send: remove, with: `{"t": "EMAIL", "l": ["bob@example.com"]}`, want: `{"removeWhitelist": []}`},
			{name: "remove", send: remove, with: `{"t": "EMAIL", "l": ["bob@example.com", "eve@example.com"]}`, want: `{"removeWhitelist": [{"value": "bob@example.com"}]}`},
			{name: "what is left", send: `{whitelist(type: EMAIL) {value}}`, want: `{"whitelist": [{"value": "ann@example.com"}]}`},
			{name: "none", send: add, with: `{"t": "EMAIL", "l": []}`, want: `!400`},
			{name: "blank", send: add, with: `{"t": "EMAIL", "l": [" "]}`, want: `!400`},
			{name: "no type", send: add, with: `{"t": "NONSENSE", "l": ["x"]}`, want: `!400`},
			{name: "a NUL", send: add, with: `{"t": "PHONE", "l": ["a\u0000"]}`, want: `!400`},
			{name: "too many", send: add, with: `{"t": "PHONE", "l": [` + strings.Repeat(`"x",`, 500) + `"x"]}`, want: `!400`},

			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: refreshToken, with: `{"id": "$ann"}`, save: "annToken=refreshToken.token"},
			{name: "a user", as: "annToken", send: `{whitelist(type: EMAIL) {value}}`, want: `!1001`},
			{name: "nobody", as: "none", send: `{whitelist(type: EMAIL) {value}}`, want: `!2020`},
		})
	})
}
