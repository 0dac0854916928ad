package v2

import (
	"encoding/json"
	"strings"
	"testing"
)

// Whatever is sent, the answer has the form of the wire, and nothing breaks inside.
func FuzzGraphQL(f *testing.F) {
	h := oneHall(f)
	key := h.known["key"]
	docs := newDocuments(f)
	for _, field := range h.api.schema.Served() {
		f.Add(docs.of(field), `{}`)
	}
	for _, query := range []string{createUser, updateUser, refreshToken, createGroup, setUdf, setUdv, createRole, rolesOf, allow, authorize, resourcesOf, checkLogin} {
		f.Add(query, `{"u": {"username": "ann", "password": "x", "registerSource": ["a"]}, "i": {"provider": "p", "userIdInIdp": "i"}, "p": "[{\"key\":\"age\",\"value\":1}]",
			"id": "x", "c": "c", "n": "default", "t": "USER", "k": "k", "d": "NUMBER", "l": "L", "v": "1", "r": "a:b", "a": "c", "us": ["x"], "cs": ["c"],
			"o": [{"targetType": "ROLE", "targetIdentifier": "c", "actions": ["a"]}]}`)
	}
	f.Add(`{users(page: 1, limit: 3, sortBy: UPDATEDAT_ASC) {totalCount list {id roles {list {parent {code}}} groups {list {users {list {id}}}} customData {key}}}}`, `{}`)
	f.Add(`query($f: [String], $g: [SearchUserGroupOpt], $r: [SearchUserRoleOpt]) {searchUser(query: "%", fields: $f, groupOpts: $g, roleOpts: $r) {totalCount}}`,
		`{"f": ["name", null], "g": [{"code": "c"}, null], "r": [{"code": "c", "namespace": "n"}]}`)
	for _, body := range hostile() {
		var b struct{ Query string }
		if json.Unmarshal([]byte(body), &b) == nil && len(b.Query) < 4_000 {
			f.Add(b.Query, `null`)
		}
	}
	f.Fuzz(func(t *testing.T, query, variables string) {
		body := variables // a body of any kind, where the variables are no JSON
		if json.Valid([]byte(variables)) {
			if b, err := json.Marshal(map[string]any{"query": query, "variables": json.RawMessage(variables)}); err == nil {
				body = string(b)
			}
		}
		h.complaints = nil
		for _, as := range []string{key, ""} {
			w := h.request("POST", "/graphql/v2", body, as)
			if w.Code != 200 {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if code, _ := readGraphQL(t, w.Body.Bytes()); code == 500 {
				t.Error(w.Body)
			}
		}
		if len(h.complaints) > 0 {
			t.Errorf("%s", strings.Join(h.complaints, ""))
			h.complaints = nil
		}
	})
}

// FuzzREST sends any body to the routes that read one, and any query to those that read that.
func FuzzREST(f *testing.F) {
	h := oneHall(f)
	key := h.known["key"]
	for i, o := range h.api.served() {
		f.Add(uint8(i), `{"ids":["x"],"userIds":["x"],"userId":"x","userIdInIdp":"y","identifier":"z","filter":[[{"type":"a","value":"username"},"EQ","x"]]}`)
		f.Add(uint8(i), `page=1&limit=2&userId=x&operation_name[]=login&operator_arn=a&app_id[0]=b&start=1&end=2&definedFieldKey=age&appId=x&id_token=`+o.Name)
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		ops := h.api.served()
		o := ops[int(which)%len(ops)]
		path, body := pathWord.ReplaceAllString(o.Path, "x"), ""
		if o.Method == "GET" {
			path += "?" + clean(text)
		} else {
			body = text
		}
		h.complaints = nil
		w := h.request(o.Method, path, body, key)
		if w.Code != 200 {
			t.Fatalf("%s: status %d: %s", o.Pattern(), w.Code, w.Body)
		}
		if code, _ := readREST(t, w.Body.Bytes()); code == 500 {
			t.Errorf("%s: %s", o.Pattern(), w.Body)
		}
		if len(h.complaints) > 0 {
			t.Errorf("%s", strings.Join(h.complaints, ""))
			h.complaints = nil
		}
	})
}

// clean leaves out of a query what no server would let through to a handler.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || r == '#' {
			return '+'
		}
		return r
	}, text)
}
