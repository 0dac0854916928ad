package access_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

func namespaceCodes(list []access.Namespace) string {
	codes := make([]string, len(list))
	for i, n := range list {
		codes[i] = n.Code
	}
	return strings.Join(codes, " ")
}

func TestCreateNamespaces(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		for _, c := range []struct {
			name string
			in   []access.NewNamespace
			want string
		}{
			{"plain", []access.NewNamespace{{Code: "shop", Name: "Shop", Description: "what is sold"}}, ""},
			{"several, without names", []access.NewNamespace{{Code: "a-Z_0.9:x"}, {Code: strings.Repeat("n", 64)}}, ""},
			{"taken", []access.NewNamespace{{Code: "new"}, {Code: "shop"}}, "namespace_code_taken"},
			{"twice", []access.NewNamespace{{Code: "new"}, {Code: "new"}}, "namespace_code_taken"},
			{"of an application", []access.NewNamespace{{Code: "app"}}, "namespace_code_taken"},
			{"default", []access.NewNamespace{{Code: "default"}}, "namespace_reserved"},
			{"system", []access.NewNamespace{{Code: "system"}}, "namespace_reserved"},
			{"no code", []access.NewNamespace{{Name: "x"}}, "namespace_code_missing"},
			{"blank", []access.NewNamespace{{Code: " "}}, "namespace_code_invalid  "},
			{"Chinese", []access.NewNamespace{{Code: "额！"}}, "namespace_code_invalid 额！"},
			{"too long", []access.NewNamespace{{Code: strings.Repeat("n", 65)}}, "namespace_code_invalid " + strings.Repeat("n", 65)},
			{"long name", []access.NewNamespace{{Code: "new", Name: strings.Repeat("n", 257)}}, "field_format name"},
			{"bad description", []access.NewNamespace{{Code: "new", Description: "\x00"}}, "field_format description"},
			{"none", nil, "list_min list 1"},
			{"too many", make([]access.NewNamespace, 51), "list_max list 50"},
		} {
			list, err := h.CreateNamespaces(t.Context(), "p", c.in)
			if said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			for i, n := range list {
				got, err := h.Namespace(t.Context(), "p", n.Code)
				if err != nil || *got != n || n.Code != c.in[i].Code || n.Name != c.in[i].Name || n.Description != c.in[i].Description {
					t.Errorf("%s: made %+v, read %+v, %v", c.name, n, got, err)
				}
				byNumber, err := h.NamespaceByNumber(t.Context(), "p", n.Number)
				if err != nil || *byNumber != n || n.Number <= 0 || n.Number >= 1<<53 {
					t.Errorf("%s: %d: %+v, %v", c.name, n.Number, byNumber, err)
				}
				if _, err := h.NamespaceByNumber(t.Context(), "q", n.Number); said(err) != "namespace_not_found" {
					t.Errorf("q finds it: %v", err)
				}
			}
		}
		if n := h.count(t, "namespaces", "p"); n != 5 {
			t.Errorf("%d namespaces in p", n)
		}
		_, err := h.CreateNamespace(t.Context(), "p", access.NewNamespace{Code: strings.Repeat("n", 65)})
		if said(err) != "field_format code" {
			t.Error(err)
		}
		one, err := h.CreateNamespace(t.Context(), "q", access.NewNamespace{Code: "shop"})
		if err != nil || one.PoolID != "q" {
			t.Errorf("in another pool: %+v, %v", one, err)
		}
	})
}

func TestListNamespaces(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		for i := range 3 {
			_, err := h.CreateNamespace(t.Context(), "p", access.NewNamespace{Code: fmt.Sprint("n", i), Name: fmt.Sprint("Space ", i)})
			must(t, err)
			_, err = db.Exec(t.Context(), h.d, "update namespaces set created_at = created_at + ? where code = ?", 1000*(i+1), fmt.Sprint("n", i))
			must(t, err)
		}
		for _, c := range []struct {
			keywords string
			page     directory.Page
			want     string
			total    int64
		}{
			{"", directory.Page{Page: 1, Limit: 3}, "n2 n1 n0", 5},
			{"", directory.Page{Page: 3, Limit: 2}, "app", 5},
			{"SPACE", directory.Page{Page: 1, Limit: 10}, "n2 n1 n0", 3},
			{"N1", directory.Page{Page: 1, Limit: 10}, "n1", 1},
			{"%", directory.Page{Page: 1, Limit: 10}, "", 0},
		} {
			list, total, err := h.Namespaces(t.Context(), "p", access.NamespaceFilter{Keywords: c.keywords}, c.page)
			if err != nil || total != c.total || c.page.Page != 3 && namespaceCodes(list) != c.want || c.page.Page == 3 && len(list) != 1 {
				t.Errorf("%q %v: %s of %d, %v", c.keywords, c.page, namespaceCodes(list), total, err)
			}
		}
		if list, total, err := h.Namespaces(t.Context(), "q", access.NamespaceFilter{Keywords: "n1"}, directory.Page{}); err != nil || total != 0 || len(list) != 0 {
			t.Errorf("q sees %v of %d, %v", list, total, err)
		}
		if _, _, err := h.Namespaces(t.Context(), "p", access.NamespaceFilter{Keywords: "\x00"}, directory.Page{}); said(err) != "field_format keywords" {
			t.Error(err)
		}
	})
}

// fillNamespace puts one of everything into a namespace.
func (h *hall) fillNamespace(t *testing.T, code string) {
	t.Helper()
	ctx := t.Context()
	id := h.addRole(t, "p", code+"/cook")
	_, err := h.CreateResource(ctx, "p", access.NewResource{Namespace: code, Code: "books"})
	must(t, err)
	_, err = h.CreatePolicy(ctx, "p", access.NewPolicy{Namespace: code, Code: "reading", Statements: []access.Statement{{Resource: "pens", Actions: []string{"read"}}}})
	must(t, err)
	must(t, h.AssignPolicies(ctx, "p", access.PolicyRefs(code, "reading"), []access.Target{{Type: user, ID: h.users[1]}}, false))
	must(t, h.Assign(ctx, "p", refs(code+"/cook"), []access.Target{{Type: user, ID: h.users[0]}}))
	must(t, h.Grant(ctx, "p", []access.NewGrant{
		{Namespace: code, Target: access.Target{Type: user, ID: h.users[0]}, Resource: "books", Actions: []string{"read"}},
		{Namespace: "default", Target: access.Target{Type: role, ID: id}, Resource: "stove", Actions: []string{"use"}},
	}))
}

// may is what users may in a namespace, each as "user:resource".
func (h *hall) may(t *testing.T, namespace string) string {
	t.Helper()
	var out []string
	for i, u := range h.users {
		for _, q := range []struct{ namespace, resource, action string }{{namespace, "books", "read"}, {namespace, "pens", "read"}, {"default", "stove", "use"}} {
			allowed, err := h.Decide(t.Context(), "p", access.Question{UserID: u, Namespace: q.namespace, Resource: q.resource, Action: q.action})
			if err != nil && said(err) != "namespace_not_found" {
				t.Fatal(err)
			}
			if allowed {
				out = append(out, fmt.Sprint(i, ":", q.resource))
			}
		}
	}
	return strings.Join(out, " ")
}

func TestUpdateNamespace(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		must(t, h.EnsureApplication(ctx, "p", "shopapp", "Shop App"))
		text := func(s string) *string { return &s }
		_, err := h.CreateNamespaces(ctx, "p", []access.NewNamespace{{Code: "shop", Name: "Shop"}, {Code: "bar"}})
		must(t, err)
		h.fillNamespace(t, "shop")
		for _, c := range []struct {
			name, code string
			p          access.NamespacePatch
			want       string
		}{
			{"nothing", "shop", access.NamespacePatch{}, ""},
			{"name", "shop", access.NamespacePatch{Name: text("Store"), Description: text("d")}, ""},
			{"the same code", "shop", access.NamespacePatch{NewCode: text("shop")}, ""},
			{"empty code", "shop", access.NamespacePatch{NewCode: text("")}, ""},
			{"taken", "shop", access.NamespacePatch{NewCode: text("bar")}, "namespace_code_taken"},
			{"reserved", "shop", access.NamespacePatch{NewCode: text("default")}, "namespace_reserved"},
			{"blank", "shop", access.NamespacePatch{NewCode: text(" ")}, "namespace_code_invalid  "},
			{"too long", "shop", access.NamespacePatch{NewCode: text(strings.Repeat("n", 65))}, "field_format newCode"},
			{"long name", "shop", access.NamespacePatch{Name: text(strings.Repeat("n", 257))}, "field_format name"},
			{"unknown", "none", access.NamespacePatch{Name: text("x")}, "namespace_not_found"},
			{"the default one's name", "default", access.NamespacePatch{Name: text("Common")}, ""},
			{"the default one's code", "default", access.NamespacePatch{NewCode: text("common")}, "namespace_reserved"},
			{"an application's description", "shopapp", access.NamespacePatch{Description: text("d")}, ""},
			{"an application's name", "shopapp", access.NamespacePatch{Name: text("x")}, "namespace_of_application"},
			{"an application's code", "shopapp", access.NamespacePatch{NewCode: text("x")}, "namespace_of_application"},
		} {
			n, err := h.UpdateNamespace(ctx, "p", c.code, c.p)
			if said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if err != nil {
				continue
			}
			if got, err := h.Namespace(ctx, "p", c.code); err != nil || *got != *n {
				t.Errorf("%s: said %+v, read %+v, %v", c.name, n, got, err)
			}
		}

		const all = "0:books 0:stove 1:pens"
		if got := h.may(t, "shop"); got != all {
			t.Errorf("before: %s", got)
		}
		n, err := h.UpdateNamespace(ctx, "p", "shop", access.NamespacePatch{NewCode: text("store")})
		if err != nil || n.Code != "store" || n.Name != "Store" {
			t.Fatalf("%+v, %v", n, err)
		}
		if got := h.may(t, "store"); got != all {
			t.Errorf("after: %s", got)
		}
		if got := h.may(t, "shop"); got != "0:stove" {
			t.Errorf("under the old code: %s", got)
		}
		r, err := h.Resource(ctx, "p", access.ResourceRef{Namespace: "store", Code: "books"})
		if err != nil || r.Namespace != "store" {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := h.Role(ctx, "p", access.RoleRef{Namespace: "store", Code: "cook"}); err != nil {
			t.Error(err)
		}
	})
}

func TestDeleteNamespaces(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		must(t, h.EnsureApplication(ctx, "p", "shopapp", "Shop App"))
		_, err := h.CreateNamespaces(ctx, "p", []access.NewNamespace{{Code: "shop"}, {Code: "bar"}, {Code: "kept"}})
		must(t, err)
		_, err = h.CreateNamespace(ctx, "q", access.NewNamespace{Code: "shop"})
		must(t, err)
		h.fillNamespace(t, "shop")
		h.fillNamespace(t, "kept")
		if got := h.may(t, "shop"); got != "0:books 0:stove 1:pens" {
			t.Errorf("before: %s", got)
		}
		for _, c := range []struct {
			name    string
			codes   []string
			missing directory.Missing
			want    string
		}{
			{"none", nil, directory.MissingOK, "list_min codeList 1"},
			{"too many", make([]string, 51), directory.MissingOK, "list_max codeList 50"},
			{"unknown", []string{"shop", "none"}, directory.MissingFails, "namespace_not_found"},
			{"unknown that may be", []string{"none", "额！", "", " ", strings.Repeat("n", 65)}, directory.MissingOK, ""},
			{"default", []string{"shop", "default"}, directory.MissingOK, "namespace_reserved"},
			{"an application's", []string{"shop", "shopapp"}, directory.MissingOK, "namespace_of_application"},
			{"two", []string{"shop", "bar", "shop"}, directory.MissingFails, ""},
			{"again", []string{"shop"}, directory.MissingFails, "namespace_not_found"},
		} {
			if err := h.DeleteNamespaces(ctx, "p", c.codes, c.missing); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		if got := h.may(t, "shop"); got != "0:stove" { // of the role in "kept"
			t.Errorf("after: %s", got)
		}
		if got := h.may(t, "kept"); got != "0:books 0:stove 1:pens" {
			t.Errorf("the other: %s", got)
		}
		for table, want := range map[string]int64{"roles": 1, "resources": 1, "policies": 2, "policy_assignments": 1, "grants": 2, "role_assignments": 1, "namespaces": 4} {
			if n := h.count(t, table, "p"); n != want { // one policy is built in
				t.Errorf("%d %s are left, want %d", n, table, want)
			}
		}
		if _, err := h.Namespace(ctx, "q", "shop"); err != nil {
			t.Errorf("that of q: %v", err)
		}
	})
}

// grantMany writes grants on a resource to as many users, who need not exist.
func (h *hall) grantMany(t *testing.T, namespace, resource string, n int) {
	t.Helper()
	_, err := db.Exec(t.Context(), h.d, `insert into grants
			(pool_id, id, namespace, target_type, target_id, resource, resource_type, actions, effect, inherit, created_at, updated_at)
		with recursive n (i) as (select 1 union all select i + 1 from n where i < cast(? as bigint))
		select 'p', cast(? as text) || i, cast(? as text), 'USER', 'u' || i, cast(? as text), 'DATA', '["read"]', 'ALLOW', cast(? as boolean), 0, 0 from n`,
		n, namespace+resource, namespace, resource, false)
	must(t, err)
}

// What one transaction would not work off is refused, and nothing is lost.
func TestNamespaceBounds(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		_, err := h.CreateNamespace(ctx, "p", access.NewNamespace{Code: "shop"})
		must(t, err)
		_, err = h.CreateResource(ctx, "p", access.NewResource{Namespace: "shop", Code: "books"})
		must(t, err)
		h.grantMany(t, "shop", "books", 20_000) // and the resource itself
		code := "store"
		if _, err := h.UpdateNamespace(ctx, "p", "shop", access.NamespacePatch{NewCode: &code}); said(err) != "namespace_too_large 20000" {
			t.Error(err)
		}
		if err := h.DeleteNamespaces(ctx, "p", []string{"shop"}, directory.MissingFails); said(err) != "namespace_too_large 20000" {
			t.Error(err)
		}
		if err := h.DeleteResources(ctx, "p", "shop", []string{"books"}); said(err) != "grant_limit 10000" {
			t.Error(err)
		}
		if n := h.count(t, "grants", "p"); n != 20_000 {
			t.Errorf("%d grants are left", n)
		}
		_, err = db.Exec(ctx, h.d, "delete from grants where pool_id = 'p' and target_id = 'u1'")
		must(t, err)
		must(t, h.DeleteNamespaces(ctx, "p", []string{"shop"}, directory.MissingFails))
		if n := h.count(t, "grants", "p"); n != 0 {
			t.Errorf("%d grants are left", n)
		}
	})
}
