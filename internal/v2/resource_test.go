package v2

import "testing"

func TestResources(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const actions = `[{"name": "books:read", "description": "read"}, {"name": "books:edit", "description": ""}]`
		h.run(t, []step{
			{name: "none", send: "GET /api/v2/resources", want: `{"totalCount": 0, "list": []}`},
			{name: "create", send: "POST /api/v2/resources", with: `{"code": "books", "type": "DATA", "description": "Books", "namespace": "default", "actions": ` + actions + `}`, save: "books=id",
				want: `{"id": "*", "userPoolId": "$one", "code": "books", "type": "DATA", "description": "Books", "namespace": "default", "namespaceId": "*", "apiIdentifier": null,
					"createdAt": "*", "updatedAt": "*", "actions": ` + actions + `}`},
			{name: "in an application's namespace", send: "POST /api/v2/resources", with: `{"code": "books", "type": "API", "namespace": "$app", "apiIdentifier": "https://example.com/books", "actions": []}`,
				want: `{"namespace": "$app", "type": "API", "apiIdentifier": "https://example.com/books", "actions": []}`},
			{name: "the same again", send: "POST /api/v2/resources", with: `{"code": "books", "type": "MENU", "namespace": "default"}`, want: `!409`},
			{name: "no code", send: "POST /api/v2/resources", with: `{"type": "MENU"}`, want: `!400`},
			{name: "an unknown type", send: "POST /api/v2/resources", with: `{"code": "x", "type": "NONSENSE"}`, want: `!400`},
			{name: "an action without a name", send: "POST /api/v2/resources", with: `{"code": "x", "actions": [{"description": "x"}]}`, want: `!400`},
			{name: "an unknown namespace", send: "POST /api/v2/resources", with: `{"code": "x", "type": "DATA", "namespace": "nonsense"}`, want: `!404`},
			{name: "another pool's namespace", send: "POST /api/v2/resources", with: `{"code": "x", "type": "DATA", "namespace": "$app2"}`, want: `!404`},
			{name: "several", send: "POST /api/v2/resources/bulk", with: `{"bulk": [{"code": "menu", "type": "MENU", "namespace": "default"}, {"code": "save", "type": "BUTTON"}]}`,
				want: `[{"code": "menu", "type": "MENU"}, {"code": "save", "namespace": "default"}]`},
			{name: "all or none", send: "POST /api/v2/resources/bulk", with: `{"bulk": [{"code": "new", "type": "MENU"}, {"code": "menu", "type": "MENU"}]}`, want: `!409`},
			{name: "none", send: "POST /api/v2/resources/bulk", with: `{"bulk": []}`, want: `!400`},

			{name: "list", send: "GET /api/v2/resources?namespace=default&limit=2&page=2", want: `{"totalCount": 3, "list": [{"code": "books"}]}`},
			{name: "list of a type", send: "GET /api/v2/resources?namespace=default&type=MENU", want: `{"totalCount": 1, "list": [{"code": "menu"}]}`},
			{name: "list of an application", send: "GET /api/v2/resources?namespace=$app", want: `{"totalCount": 1, "list": [{"code": "books", "type": "API"}]}`},
			{name: "list of an unknown namespace", send: "GET /api/v2/resources?namespace=nonsense", want: `!404`},
			{name: "list of another pool's", send: "GET /api/v2/resources?namespace=$app2", want: `!404`},
			{name: "list of an unknown type", send: "GET /api/v2/resources?type=NONSENSE", want: `!400`},
			{name: "by identifier", send: "GET /api/v2/resources/detail?id=$books", want: `{"id": "$books", "code": "books"}`},
			{name: "by code", send: "GET /api/v2/resources/detail?namespace=default&code=books", want: `{"id": "$books", "actions": ` + actions + `}`},
			{name: "an unknown code", send: "GET /api/v2/resources/detail?namespace=default&code=nonsense", want: `null`},
			{name: "a code of an unknown namespace", send: "GET /api/v2/resources/detail?namespace=nonsense&code=books", want: `null`},
			{name: "from another pool", as: "key2", send: "GET /api/v2/resources/detail?id=$books", want: `null`},
			{name: "neither", send: "GET /api/v2/resources/detail", want: `!400`},

			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: authorize, with: `{"n": "$app", "t": "API", "r": "books", "o": [{"targetType": "USER", "targetIdentifier": "$ann", "actions": ["read"]}]}`},
			{send: authorize, with: `{"n": "$app", "t": "API", "r": "cars", "o": [{"targetType": "USER", "targetIdentifier": "$ann", "actions": ["read"]}]}`},
			{name: "an API that is granted", send: resourcesOf, with: `{"t": "USER", "i": "$ann"}`,
				want: `{"authorizedResources": {"list": [{"code": "cars", "apiIdentifier": null}, {"code": "books", "type": "API", "apiIdentifier": "https://example.com/books"}]}}`},

			{name: "update", send: "POST /api/v2/resources/books", with: `{"namespace": "default", "description": "More", "type": "API", "actions": [{"name": "b"}, {"name": "a", "description": "x"}]}`,
				want: `{"id": "$books", "description": "More", "type": "API", "actions": [{"name": "b", "description": ""}, {"name": "a", "description": "x"}]}`},
			{name: "update keeps what is not given", send: "POST /api/v2/resources/books", with: `{"apiIdentifier": "https://example.com"}`,
				want: `{"description": "More", "apiIdentifier": "https://example.com", "actions": [{"name": "b"}, {"name": "a"}]}`},
			{name: "update an unknown one", send: "POST /api/v2/resources/nonsense", with: `{"namespace": "default", "description": "x"}`, want: `!404`},
			{name: "update another pool's", as: "key2", send: "POST /api/v2/resources/books", with: `{"namespace": "default", "description": "x"}`, want: `!404`},

			{name: "delete another pool's", as: "key2", send: "DELETE /api/v2/resources/books?namespace=default", want: `!404`},
			{name: "delete", send: "DELETE /api/v2/resources/books?namespace=default"},
			{name: "delete again", send: "DELETE /api/v2/resources/books?namespace=default", want: `!404`},
			{name: "the application's is there", send: "GET /api/v2/resources/detail?namespace=$app&code=books", want: `{"type": "API"}`},
		})
	})
}
