package access_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

func resourceCodes(list []access.Resource) string {
	codes := make([]string, len(list))
	for i, r := range list {
		codes[i] = r.Namespace + "/" + r.Code
	}
	return strings.Join(codes, " ")
}

func TestCreateResources(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		whole := access.NewResource{Namespace: "app", Code: "books", Type: access.API, Name: "Books", Description: "to read", APIIdentifier: "https://books.example/*",
			Actions: []access.ResourceAction{{Name: "write", Description: "second"}, {Name: "read", Description: "first"}}}
		for _, c := range []struct {
			name string
			in   []access.NewResource
			want string
		}{
			{"whole", []access.NewResource{whole}, ""},
			{"plain", []access.NewResource{{Code: "books"}}, ""},
			{"every character", []access.NewResource{{Code: "aZ:09_-./*"}, {Code: strings.Repeat("r", 64)}}, ""},
			{"taken", []access.NewResource{{Code: "new"}, {Namespace: "default", Code: "books", Type: access.Menu}}, "resource_code_taken"},
			{"unknown namespace", []access.NewResource{{Namespace: "none", Code: "x"}}, "namespace_not_found"},
			{"no code", []access.NewResource{{Name: "x"}}, "resource_code_invalid "},
			{"blank", []access.NewResource{{Code: " "}}, "resource_code_invalid  "},
			{"Chinese", []access.NewResource{{Code: "额！"}}, "resource_code_invalid 额！"},
			{"too long", []access.NewResource{{Code: strings.Repeat("r", 65)}}, "resource_code_invalid " + strings.Repeat("r", 65)},
			{"bad type", []access.NewResource{{Code: "x", Type: "DOOR"}}, "field_format type"},
			{"an action without a name", []access.NewResource{{Code: "x", Actions: []access.ResourceAction{{Description: "d"}}}}, "field_format actions"},
			{"too many actions", []access.NewResource{{Code: "x", Actions: make([]access.ResourceAction, 201)}}, "list_max actions 200"},
			{"long address", []access.NewResource{{Code: "x", APIIdentifier: strings.Repeat("r", 1025)}}, "field_format apiIdentifier"},
			{"long name", []access.NewResource{{Code: "x", Name: strings.Repeat("r", 257)}}, "field_format name"},
			{"none", nil, "list_min list 1"},
			{"too many", make([]access.NewResource, 51), "list_max list 50"},
		} {
			list, err := h.CreateResources(t.Context(), "p", c.in)
			if said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			for i, r := range list {
				got, err := h.Resource(t.Context(), "p", access.ResourceRef{Namespace: c.in[i].Namespace, Code: c.in[i].Code})
				if err != nil || !reflect.DeepEqual(*got, r) || r.Name != c.in[i].Name || r.APIIdentifier != c.in[i].APIIdentifier ||
					fmt.Sprint(r.Actions) != fmt.Sprint(c.in[i].Actions) {
					t.Errorf("%s: made %+v, read %+v, %v", c.name, r, got, err)
				}
				byID, err := h.ResourceByID(t.Context(), "p", r.ID)
				if err != nil || !reflect.DeepEqual(*byID, r) {
					t.Errorf("%s: by id %+v, %v", c.name, byID, err)
				}
				if _, err := h.ResourceByID(t.Context(), "q", r.ID); said(err) != "resource_not_found" {
					t.Errorf("q finds it: %v", err)
				}
			}
		}
		if n := h.count(t, "resources", "p"); n != 4 {
			t.Errorf("%d resources in p", n)
		}
		r, err := h.CreateResource(t.Context(), "p", access.NewResource{})
		if err != nil || r.Code != r.ID || r.Namespace != "default" || r.Type != access.Data {
			t.Errorf("without a code: %+v, %v", r, err)
		}
		if _, err := h.CreateResource(t.Context(), "p", access.NewResource{Code: strings.Repeat("r", 65)}); said(err) != "field_format code" {
			t.Error(err)
		}
	})
}

func TestReadResources(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		for _, n := range []access.NewResource{{Code: "books", Name: "Books"}, {Code: "menu", Type: access.Menu}, {Namespace: "app", Code: "books", Description: "some Books"},
			{Code: "pens", Description: "to write"}} {
			_, err := h.CreateResource(ctx, "p", n)
			must(t, err)
		}
		for _, c := range []struct {
			q     access.ResourceQuery
			page  directory.Page
			want  string
			total int64
			err   string
		}{
			{access.ResourceQuery{}, directory.Page{Page: 1, Limit: 3}, "default/pens app/books default/menu", 4, ""},
			{access.ResourceQuery{}, directory.Page{Page: 2, Limit: 3}, "default/books", 4, ""},
			{access.ResourceQuery{Namespaces: []string{"default"}}, directory.Page{Page: 1, Limit: 9}, "default/pens default/menu default/books", 3, ""},
			{access.ResourceQuery{Namespaces: []string{"default", "app"}, Type: access.Menu}, directory.Page{Page: 1, Limit: 9}, "default/menu", 1, ""},
			{access.ResourceQuery{Keywords: "BOOK"}, directory.Page{Page: 1, Limit: 9}, "app/books default/books", 2, ""},
			{access.ResourceQuery{Keywords: "write"}, directory.Page{Page: 1, Limit: 9}, "default/pens", 1, ""},
			{access.ResourceQuery{Keywords: "_"}, directory.Page{Page: 1, Limit: 9}, "", 0, ""},
			{access.ResourceQuery{Namespaces: []string{"default", "none"}}, directory.Page{}, "", 0, "namespace_not_found"},
			{access.ResourceQuery{Type: "DOOR"}, directory.Page{}, "", 0, "field_format type"},
			{access.ResourceQuery{Keywords: "\x00"}, directory.Page{}, "", 0, "field_format keywords"},
		} {
			list, total, err := h.Resources(ctx, "p", c.q, c.page)
			if said(err) != c.err || total != c.total || resourceCodes(list) != c.want {
				t.Errorf("%+v %v: %s of %d, %v", c.q, c.page, resourceCodes(list), total, err)
			}
		}
		if list, total, err := h.Resources(ctx, "q", access.ResourceQuery{}, directory.Page{}); err != nil || total != 0 || len(list) != 0 {
			t.Errorf("q sees %v of %d, %v", list, total, err)
		}
		for _, c := range []struct {
			namespace string
			codes     []string
			want, err string
		}{
			{"", []string{"pens", "none", "books", "pens", "额！ "}, "default/pens default/books", ""},
			{"app", []string{"books", "pens"}, "app/books", ""},
			{"none", []string{"books"}, "", "namespace_not_found"},
			{"", make([]string, 501), "", "list_max codeList 500"},
		} {
			list, err := h.ResourcesOf(ctx, "p", c.namespace, c.codes)
			if said(err) != c.err || resourceCodes(list) != c.want {
				t.Errorf("%s: %s, %v", c.namespace, resourceCodes(list), err)
			}
		}
		found, err := h.ResourcesByRef(ctx, "p", []access.ResourceRef{{Code: "books"}, {Namespace: "app", Code: "books"}, {Namespace: "none", Code: "x"}})
		if err != nil || len(found) != 2 || found[access.ResourceRef{Namespace: "default", Code: "books"}].Name != "Books" {
			t.Errorf("%v, %v", found, err)
		}
		for ref, want := range map[access.ResourceRef]string{{Code: "none"}: "resource_not_found", {Code: ""}: "resource_not_found", {Code: "额！"}: "resource_not_found",
			{Namespace: "none", Code: "books"}: "namespace_not_found"} {
			if _, err := h.Resource(ctx, "p", ref); said(err) != want {
				t.Errorf("%v: %v", ref, err)
			}
		}
	})
}

func TestUpdateResource(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		text := func(s string) *string { return &s }
		menu, door, linked := access.Menu, access.ResourceType("DOOR"), true
		made, err := h.CreateResource(ctx, "p", access.NewResource{Code: "books", Name: "Books", Actions: []access.ResourceAction{{Name: "read"}}})
		must(t, err)
		for _, c := range []struct {
			name string
			ref  access.ResourceRef
			p    access.ResourcePatch
			want string
			say  func(r *access.Resource) bool
		}{
			{"nothing", access.ResourceRef{Code: "books"}, access.ResourcePatch{}, "", func(r *access.Resource) bool { return reflect.DeepEqual(r, made) }},
			{"texts", access.ResourceRef{Code: "books"}, access.ResourcePatch{Name: text(""), Description: text("d"), APIIdentifier: text("/b")}, "",
				func(r *access.Resource) bool {
					return r.Name == "" && r.Description == "d" && r.APIIdentifier == "/b" && len(r.Actions) == 1
				}},
			{"all actions", access.ResourceRef{Code: "books"}, access.ResourcePatch{Actions: []access.ResourceAction{{Name: "z"}, {Name: "a", Description: "d"}}}, "",
				func(r *access.Resource) bool { return fmt.Sprint(r.Actions) == "[{z } {a d}]" }},
			{"no actions", access.ResourceRef{Code: "books"}, access.ResourcePatch{Actions: []access.ResourceAction{}}, "", func(r *access.Resource) bool { return len(r.Actions) == 0 }},
			{"type", access.ResourceRef{Namespace: "default", Code: "books"}, access.ResourcePatch{Type: &menu, LinkedToTenant: &linked}, "",
				func(r *access.Resource) bool { return r.Type == access.Menu && r.LinkedToTenant }},
			{"bad type", access.ResourceRef{Code: "books"}, access.ResourcePatch{Type: &door}, "field_format type", nil},
			{"long name", access.ResourceRef{Code: "books"}, access.ResourcePatch{Name: text(strings.Repeat("n", 257))}, "field_format name", nil},
			{"unknown", access.ResourceRef{Code: "none"}, access.ResourcePatch{Name: text("x")}, "resource_not_found", nil},
			{"unknown namespace", access.ResourceRef{Namespace: "none", Code: "books"}, access.ResourcePatch{}, "namespace_not_found", nil},
		} {
			r, err := h.UpdateResource(ctx, "p", c.ref, c.p)
			if said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if err != nil {
				continue
			}
			got, err := h.Resource(ctx, "p", c.ref)
			if err != nil || !reflect.DeepEqual(got, r) && !(len(got.Actions) == 0 && len(r.Actions) == 0) || !c.say(r) {
				t.Errorf("%s: said %+v, read %+v, %v", c.name, r, got, err)
			}
		}
	})
}

func TestDeleteResources(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		for _, pool := range []string{"p", "q"} {
			_, err := h.CreateResources(ctx, pool, []access.NewResource{{Code: "books:1"}, {Code: "books:2"}, {Namespace: "app", Code: "books:1"}})
			must(t, err)
		}
		byUser := func(i int, namespace, resource string) access.NewGrant {
			return access.NewGrant{Namespace: namespace, Target: access.Target{Type: user, ID: h.users[i]}, Resource: resource, Actions: []string{"read"}}
		}
		must(t, h.Grant(ctx, "p", []access.NewGrant{byUser(0, "default", "books:1"), byUser(0, "app", "books:1"), byUser(1, "default", "books:*"),
			{Target: access.Target{Type: group, ID: h.groups[0]}, Resource: "books:2", Actions: []string{"read"}}}))
		ask := func() string {
			var out []string
			for i, u := range h.users {
				for _, ns := range []string{"default", "app"} {
					for _, r := range []string{"books:1", "books:2"} {
						yes, err := h.Decide(ctx, "p", access.Question{UserID: u, Namespace: ns, Resource: r, Action: "read"})
						must(t, err)
						if yes {
							out = append(out, fmt.Sprint(i, ns, r))
						}
					}
				}
			}
			return strings.Join(out, " ")
		}
		if got, want := ask(), "0defaultbooks:1 0defaultbooks:2 0appbooks:1 1defaultbooks:1 1defaultbooks:2"; got != want {
			t.Errorf("before: %s", got)
		}
		for _, c := range []struct {
			namespace string
			codes     []string
			want      string
		}{
			{"", nil, "list_min codeList 1"},
			{"", make([]string, 51), "list_max codeList 50"},
			{"none", []string{"books:1"}, "namespace_not_found"},
			{"", []string{"none", "", " ", "额！", strings.Repeat("r", 65)}, ""},
			{"", []string{"books:1", "none"}, ""},
			{"", []string{"books:1"}, ""},
		} {
			if err := h.DeleteResources(ctx, "p", c.namespace, c.codes); said(err) != c.want {
				t.Errorf("%q %d: %v, want %q", c.namespace, len(c.codes), err, c.want)
			}
		}
		if got, want := ask(), "0defaultbooks:2 0appbooks:1 1defaultbooks:1 1defaultbooks:2"; got != want {
			t.Errorf("after one: %s", got)
		}
		list, _, err := h.Resources(ctx, "p", access.ResourceQuery{}, directory.Page{Page: 1, Limit: 9})
		if err != nil || resourceCodes(list) != "app/books:1 default/books:2" {
			t.Fatalf("%s, %v", resourceCodes(list), err)
		}
		others, _, err := h.Resources(ctx, "q", access.ResourceQuery{}, directory.Page{Page: 1, Limit: 9})
		must(t, err)
		must(t, h.DeleteResourcesByID(ctx, "p", []string{list[0].ID, list[1].ID, others[0].ID, "none"}))
		if got, want := ask(), "1defaultbooks:1 1defaultbooks:2"; got != want {
			t.Errorf("after all: %s", got)
		}
		if p, q := h.count(t, "resources", "p"), h.count(t, "resources", "q"); p != 0 || q != 3 {
			t.Errorf("%d and %d are left", p, q)
		}
		if err := h.DeleteResourcesByID(ctx, "p", nil); said(err) != "list_min ids 1" {
			t.Error(err)
		}
	})
}
