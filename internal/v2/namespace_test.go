package v2

import "testing"

func TestNamespaces(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		const all = "/api/v2/resource-namespace/$one"
		h.run(t, []step{
			{name: "those that come with a pool", send: "GET " + all + "?page=1&limit=10", want: `{"total": 2, "list": [{}, {}]}`},
			{name: "create", send: "POST " + all, with: `{"code": "books", "name": "Books", "description": "a shop"}`,
				want: `{"id": "*", "code": "books", "name": "Books", "description": "a shop", "status": 1, "appId": null, "appName": null}`},
			{name: "newest first", send: "GET " + all + "?limit=1", want: `{"total": 3, "list": [{"code": "books", "id": "*"}]}`},
			{name: "without a description", send: "POST " + all, with: `{"code": "cars", "name": "Cars"}`, want: `{"description": null}`},
			{name: "the same again", send: "POST " + all, with: `{"code": "books", "name": "Books"}`, want: `!409`},
			{name: "the default one", send: "POST " + all, with: `{"code": "default", "name": "Books"}`, want: `!1001`},
			{name: "no code", send: "POST " + all, with: `{"name": "Books"}`, want: `!400`},
			{name: "of another pool", send: "GET /api/v2/resource-namespace/$two", want: `!2224`},
			{name: "made in another pool", send: "POST /api/v2/resource-namespace/$two", with: `{"code": "x", "name": "X"}`, want: `!2224`},
			{name: "another pool's own", as: "key2", send: "GET /api/v2/resource-namespace/$two", want: `{"total": 2}`},

			{name: "update", send: "PUT " + all + "/code/books", with: `{"name": "Library"}`, want: `{"code": "books", "name": "Library", "description": "a shop"}`},
			{send: createRole, with: `{"c": "reader", "n": "books"}`},
			{name: "rename", send: "PUT " + all + "/code/books", with: `{"code": "library"}`, want: `{"code": "library", "name": "Library"}`},
			{name: "what is in it moves along", send: `{role(code: "reader", namespace: "library") {namespace}}`, want: `{"role": {"namespace": "library"}}`},
			{name: "to a taken code", send: "PUT " + all + "/code/library", with: `{"code": "cars"}`, want: `!409`},
			{name: "update an unknown one", send: "PUT " + all + "/code/books", with: `{"name": "x"}`, want: `!3005`},
			{name: "update another pool's", as: "key2", send: "PUT /api/v2/resource-namespace/$two/code/library", with: `{"name": "x"}`, want: `!3005`},
			{name: "rename an application's", send: "PUT " + all + "/code/$app", with: `{"name": "x"}`, want: `!1001`},

			{name: "delete", send: "DELETE " + all + "/code/library"},
			{name: "delete again", send: "DELETE " + all + "/code/library", want: `!3003`},
			{name: "delete another pool's", as: "key2", send: "DELETE /api/v2/resource-namespace/$two/code/cars", want: `!3003`},
			{name: "delete the default one", send: "DELETE " + all + "/code/default", want: `!1001`},
			{name: "delete an application's", send: "DELETE " + all + "/code/$app", want: `!1001`},
			{name: "what is left", send: "GET " + all, want: `{"total": 3, "list": [{"code": "cars"}, {}, {}]}`},
		})
	})
}
