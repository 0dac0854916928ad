package v3

import (
	"reflect"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/op"
)

// fewThings are the operations of class point whose answer is a list all the same, but one that stays short: what belongs to one
// user, group, role or pool.
var fewThings = map[string]bool{
	"userFieldDecrypt":     true,
	"getUserIdentities":    true,
	"getUserRoles":         true,
	"getUserGroups":        true,
	"getUserSyncRelations": true,
	"getUserPosts":         true,
	"getUserBaseFields":    true,
	"getCustomFields":      true,
	"getCustomData":        true,
	"getAccessKeyList":     true,
	"getAccessKey":         true,
}

// The class of an operation is derived from its name and its arguments; its answer tells whether that was right. A new operation that
// fails here reads one thing after all (name it in fewThings), or many: then say Costs(op.List) beside the route.
func TestClasses(t *testing.T) {
	few := map[string]bool{}
	for _, o := range new(API).Operations() {
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
