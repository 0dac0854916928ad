package v2

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/op"
)

func TestDocumentClasses(t *testing.T) {
	a, err := New(Options{Limits: op.Limits{Body: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		query, operation string
		want             op.Class
	}{
		{`{user(id: "x") {id username identities {provider}}}`, "", op.Point},
		{`{isUserExists(username: "x")}`, "", op.Point},
		{`{users {totalCount}}`, "", op.List},
		{`{all: users {list {id}}}`, "", op.List},
		{`query {...f} fragment f on Query {searchUser(query: "x") {totalCount}}`, "", op.List},
		{`{userBatch(ids: ["x"]) {id}}`, "", op.List},
		{`{user(id: "x") {id roles {totalCount}}}`, "", op.List},
		{`{group(code: "x") {users {list {id}}}}`, "", op.List},
		{`{isUserExists(username: "x") ` + func() (many string) {
			for i := range 16 {
				many += fmt.Sprintf("u%d: user(id: \"%d\") {id arn status username email phone name nickname city company} ", i, i)
			}
			return many
		}() + `}`, "", op.List},
		{`mutation {deleteUser(id: "x") {code}}`, "", op.Write},
		{`query q {user(id: "x") {id}} mutation m {deleteUser(id: "x") {code}}`, "m", op.Write},
		{`query q {user(id: "x") {id}} mutation m {deleteUser(id: "x") {code}}`, "q", op.Point},
		{`{__schema {types {name fields {name}}}}`, "", op.Point},
		{`{__typename}`, "", op.Point},
		{`{users {`, "", op.Point},
		{`{users {unknown}}`, "", op.Point},
		{`query q {users {totalCount}}`, "other", op.Point},
	} {
		in := &graphqlRequest{Query: c.query}
		if c.operation != "" {
			in.OperationName = &c.operation
		}
		if got := a.classOf(in); got != c.want {
			t.Errorf("%.80s %s: %v, want %v", c.query, c.operation, got, c.want)
		}
	}
}

// fewThings are the operations of class point whose answer is a list all the same, but one that stays short: what belongs to one
// user, group, role or pool.
var fewThings = map[string]bool{
	"getUserTenants": true,
}

// The class of an operation is derived from its name and its arguments; its answer tells whether that was right. A new operation that
// fails here reads one thing after all (name it in fewThings), or many: then say Costs(op.List) beside the route.
func TestClasses(t *testing.T) {
	few := map[string]bool{}
	for _, o := range new(API).served() {
		t.Logf("%-5v %s %s", o.Class, o.Pattern(), o.Name)
		switch {
		case o.Writes != (o.Class == op.Write):
			t.Errorf("%s: writes %v, class %v", o.Name, o.Writes, o.Class)
		case o.Class == op.Point && holdsList(o.Out()):
			few[o.Name] = true
			if !fewThings[o.Name] {
				t.Errorf("%s answers with a list of objects and is a %v", o.Name, o.Class)
			}
		}
	}
	for name := range fewThings {
		if !few[name] {
			t.Errorf("%s is no point read that answers with a list", name)
		}
	}
}

// holdsList reports whether t is a list of objects or a page of one.
func holdsList(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		e := t.Elem()
		for e.Kind() == reflect.Pointer {
			e = e.Elem()
		}
		return e.Kind() == reflect.Struct
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == "list" && holdsList(f.Type) {
				return true
			}
		}
	}
	return false
}
