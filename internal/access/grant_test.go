package access_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// resources writes a list as "code[actions]", with the namespace and type where they are not the default ones.
func resources(list []access.AuthorizedResource) string {
	parts := make([]string, len(list))
	for i, r := range list {
		s := r.Code
		if r.Namespace != access.Default {
			s = r.Namespace + "/" + s
		}
		if r.Type != access.Data {
			s = string(r.Type) + " " + s
		}
		parts[i] = s + fmt.Sprint(r.Actions)
	}
	return strings.Join(parts, ", ")
}

func (h *hall) of(t *testing.T, target access.Target) string {
	t.Helper()
	list, total, err := h.AuthorizedResources(t.Context(), "p", target, access.ResourceFilter{}, directory.Page{})
	if err != nil || int(total) != len(list) {
		t.Fatal(total, err)
	}
	return resources(list)
}

func TestGrant(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		admin, foreign := h.addRole(t, "p", "admin"), h.addRole(t, "q", "admin")
		me := access.Target{Type: user, ID: h.users[0]}
		list := func(n access.NewGrant) []access.NewGrant { return []access.NewGrant{n} }
		for _, c := range []struct {
			name string
			list []access.NewGrant
			want string
			mine string // what the user then has themselves
		}{
			{"one", list(access.NewGrant{Target: me, Resource: "books:1", Actions: []string{"books:read"}}), "", "books:1[books:read]"},
			{"actions join, each once", list(access.NewGrant{Target: me, Resource: "books:1", Actions: []string{"books:edit", "books:read", "books:edit"}}), "",
				"books:1[books:edit books:read]"},
			{"one resource twice", []access.NewGrant{{Target: me, Resource: "*", Actions: []string{"b"}}, {Target: me, Resource: "*", Actions: []string{"a"}}}, "",
				"*[a b], books:1[books:edit books:read]"},
			{"another type and namespace", list(access.NewGrant{Target: me, Resource: "*", Actions: []string{"*"}, ResourceType: "MENU", Namespace: "app"}), "",
				"MENU app/*[*], *[a b], books:1[books:edit books:read]"},
			{"denied", list(access.NewGrant{Target: me, Resource: "*", Actions: []string{"a"}, Effect: "DENY"}), "", "MENU app/*[*], *[b], books:1[books:edit books:read]"},
			{"to others", []access.NewGrant{{Target: access.Target{Type: group, ID: h.groups[0]}, Resource: "g", Actions: []string{"a"}},
				{Target: access.Target{Type: role, ID: admin}, Resource: "r", Actions: []string{"a"}}}, "", "MENU app/*[*], *[b], books:1[books:edit books:read]"},
			{"an unknown user among them", []access.NewGrant{{Target: me, Resource: "x", Actions: []string{"a"}}, {Target: access.Target{Type: user, ID: unknown}, Resource: "x", Actions: []string{"a"}}},
				"user_not_found", "MENU app/*[*], *[b], books:1[books:edit books:read]"},
			{"unknown group", list(access.NewGrant{Target: access.Target{Type: group, ID: unknown}, Resource: "x", Actions: []string{"a"}}), "group_not_found", ""},
			{"unknown role", list(access.NewGrant{Target: access.Target{Type: role, ID: unknown}, Resource: "x", Actions: []string{"a"}}), "role_not_found", ""},
			{"malformed role", list(access.NewGrant{Target: access.Target{Type: role, ID: "\x00"}, Resource: "x", Actions: []string{"a"}}), "role_not_found", ""},
			{"another pool's role", list(access.NewGrant{Target: access.Target{Type: role, ID: foreign}, Resource: "x", Actions: []string{"a"}}), "role_not_found", ""},
			{"another pool's user", list(access.NewGrant{Target: access.Target{Type: user, ID: h.other[0]}, Resource: "x", Actions: []string{"a"}}), "user_not_found", ""},
			{"unknown department", list(access.NewGrant{Target: access.Target{Type: "DEPARTMENT", ID: unknown}, Resource: "x", Actions: []string{"a"}}), "department_not_found", ""},
			{"a pool", list(access.NewGrant{Target: access.Target{Type: "USERPOOL", ID: unknown}, Resource: "x", Actions: []string{"a"}}), "field_format targetType", ""},
			{"unknown namespace", list(access.NewGrant{Namespace: "nowhere", Target: me, Resource: "x", Actions: []string{"a"}}), "namespace_not_found", ""},
			{"malformed namespace", list(access.NewGrant{Namespace: "\xff", Target: me, Resource: "x", Actions: []string{"a"}}), "namespace_not_found", ""},
			{"no resource", list(access.NewGrant{Target: me, Actions: []string{"a"}}), "field_format resource", ""},
			{"long resource", list(access.NewGrant{Target: me, Resource: strings.Repeat("r", 257), Actions: []string{"a"}}), "field_format resource", ""},
			{"bad resource", list(access.NewGrant{Target: me, Resource: "\x00", Actions: []string{"a"}}), "field_format resource", ""},
			{"unknown type", list(access.NewGrant{Target: me, Resource: "x", ResourceType: "NONSENSE", Actions: []string{"a"}}), "field_format resourceType", ""},
			{"unknown effect", list(access.NewGrant{Target: me, Resource: "x", Effect: "MAYBE", Actions: []string{"a"}}), "field_format effect", ""},
			{"too many actions", list(access.NewGrant{Target: me, Resource: "x", Actions: make([]string, 51)}), "list_max actions 50", ""},
			{"an empty action", list(access.NewGrant{Target: me, Resource: "x", Actions: []string{""}}), "field_format actions", ""},
			{"a long action", list(access.NewGrant{Target: me, Resource: "x", Actions: []string{strings.Repeat("a", 129)}}), "field_format actions", ""},
			{"nothing", nil, "list_min list 1", ""},
			{"too many", make([]access.NewGrant, 501), "list_max list 500", "MENU app/*[*], *[b], books:1[books:edit books:read]"},
		} {
			if err := h.Grant(t.Context(), "p", c.list); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if got := h.of(t, me); c.mine != "" && got != c.mine {
				t.Errorf("%s: has %s, want %s", c.name, got, c.mine)
			}
		}
		if n, m := h.count(t, "grants", "p"), h.count(t, "grants", "q"); n != 6 || m != 0 {
			t.Errorf("%d grants, %d in the other pool", n, m)
		}
		if list, total, err := h.AuthorizedResources(t.Context(), "q", me, access.ResourceFilter{}, directory.Page{}); err != nil || total != 0 || len(list) != 0 {
			t.Errorf("another pool sees %v, %v", list, err)
		}
	})
}

func TestGrantLimit(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		me := access.Target{Type: user, ID: h.users[0]}
		var err error
		for i := 0; i <= 10 && err == nil; i++ {
			actions := make([]string, 50)
			for j := range actions {
				actions[j] = fmt.Sprint(i*50 + j)
			}
			err = h.Grant(t.Context(), "p", []access.NewGrant{{Target: me, Resource: "r", Actions: actions}})
		}
		list, _, _ := h.AuthorizedResources(t.Context(), "p", me, access.ResourceFilter{}, directory.Page{})
		if said(err) != "grant_limit 500" || len(list) != 1 || len(list[0].Actions) != 500 {
			t.Errorf("%v, %d actions", err, len(list[0].Actions))
		}
	})
}

func TestRevoke(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		me, they := access.Target{Type: user, ID: h.users[0]}, access.Target{Type: user, ID: h.users[1]}
		granted := []access.NewGrant{
			{Target: me, Resource: "books", Actions: []string{"a", "b"}},
			{Target: me, Resource: "books:1", Actions: []string{"a", "b"}},
			{Target: me, Resource: "books:1", Actions: []string{"c"}, ResourceType: "API"},
			{Target: me, Resource: "books:*", Actions: []string{"a"}},
			{Target: me, Resource: "bookshop:1", Actions: []string{"a"}},
			{Target: me, Resource: "books:1", Actions: []string{"a"}, Namespace: "app"},
			{Target: they, Resource: "books:1", Actions: []string{"a"}},
		}
		const all = "app/books:1[a], bookshop:1[a], books:*[a], API books:1[c], books:1[a b], books[a b]"
		for _, c := range []struct {
			name string
			list []access.Revocation
			want string
			mine string
		}{
			{"an action", []access.Revocation{{Target: me, Resource: "books:1", Actions: []string{"a", "z"}}}, "",
				"app/books:1[a], bookshop:1[a], books:*[a], API books:1[c], books:1[b], books[a b]"},
			{"an item, of every type", []access.Revocation{{Target: me, Resource: "books:1"}}, "", "app/books:1[a], bookshop:1[a], books:*[a], books[a b]"},
			{"an item of one type", []access.Revocation{{Target: me, Resource: "books:1", ResourceType: "API", Actions: []string{}}}, "",
				"app/books:1[a], bookshop:1[a], books:*[a], books:1[a b], books[a b]"},
			{"the bare type alone", []access.Revocation{{Target: me, Resource: "books"}}, "", "app/books:1[a], bookshop:1[a], books:*[a], API books:1[c], books:1[a b]"},
			{"a type with its items", []access.Revocation{{Target: me, Resource: "books", Items: true}}, "", "app/books:1[a], bookshop:1[a]"},
			{"two at once", []access.Revocation{{Target: me, Resource: "books:1", Actions: []string{"a"}}, {Target: me, Resource: "books:1", Actions: []string{"b"}}}, "",
				"app/books:1[a], bookshop:1[a], books:*[a], API books:1[c], books[a b]"},
			{"another namespace", []access.Revocation{{Target: me, Resource: "books:1", Namespace: "app"}}, "", "bookshop:1[a], books:*[a], API books:1[c], books:1[a b], books[a b]"},
			{"what was not granted", []access.Revocation{{Target: me, Resource: "cars"}, {Target: access.Target{Type: user, ID: unknown}, Resource: "books"},
				{Target: access.Target{Type: group, ID: h.users[0]}, Resource: "books", Items: true}}, "", all},
			{"unknown namespace", []access.Revocation{{Target: me, Resource: "books", Namespace: "nowhere"}}, "namespace_not_found", all},
			{"no resource", []access.Revocation{{Target: me}}, "field_format resource", all},
			{"unknown type", []access.Revocation{{Target: me, Resource: "books", ResourceType: "x"}}, "field_format resourceType", all},
			{"unknown target type", []access.Revocation{{Target: access.Target{Type: "ORG"}, Resource: "books"}}, "field_format targetType", all},
			{"a bad action", []access.Revocation{{Target: me, Resource: "books", Actions: []string{"\xff"}}}, "field_format actions", all},
			{"nothing", nil, "list_min list 1", all},
		} {
			if _, err := db.Exec(t.Context(), h.d, "delete from grants where pool_id = 'p'"); err != nil {
				t.Fatal(err)
			}
			must(t, h.Grant(t.Context(), "p", granted))
			if got := h.of(t, me); got != all {
				t.Fatalf("granted %s", got)
			}
			if err := h.Revoke(t.Context(), "p", c.list); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if got := h.of(t, me); got != c.mine {
				t.Errorf("%s: has %s, want %s", c.name, got, c.mine)
			}
			if got := h.of(t, they); got != "books:1[a]" {
				t.Errorf("%s: the other has %s", c.name, got)
			}
		}
	})
}

func TestAuthorizedResources(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		direct, indirect := h.addRole(t, "p", "direct"), h.addRole(t, "p", "app/indirect")
		u := h.users
		must(t, h.Assign(ctx, "p", refs("direct"), []access.Target{{user, u[0]}}))
		must(t, h.Assign(ctx, "p", refs("app/indirect"), []access.Target{{group, h.groups[0]}}))
		me, mine := access.Target{Type: user, ID: u[0]}, access.Target{Type: group, ID: h.groups[0]}
		own, given := access.Target{Type: role, ID: direct}, access.Target{Type: role, ID: indirect}
		must(t, h.Grant(ctx, "p", []access.NewGrant{
			{Target: me, Resource: "books:1", Actions: []string{"read"}},
			{Target: mine, Resource: "books:1", Actions: []string{"edit", "read"}},
			{Target: own, Resource: "books:2", Actions: []string{"read"}, ResourceType: "API"},
			{Target: given, Resource: "books:1", Actions: []string{"burn"}, Namespace: "app"},
			{Target: given, Resource: "books:1", Actions: []string{"burn"}},
			{Target: access.Target{Type: group, ID: h.groups[1]}, Resource: "books:9", Actions: []string{"read"}},
		}))
		const everything = "books:1[burn edit read], app/books:1[burn], API books:2[read]"
		for _, c := range []struct {
			name   string
			user   string
			filter access.ResourceFilter
			page   directory.Page
			want   string
			total  int64
			err    string
		}{
			{"everything", u[0], access.ResourceFilter{}, directory.Page{}, everything, 3, ""},
			{"a page", u[0], access.ResourceFilter{}, directory.Page{Page: 2, Limit: 2}, "API books:2[read]", 3, ""},
			{"a page beyond", u[0], access.ResourceFilter{}, directory.Page{Page: 3, Limit: 2}, "", 3, ""},
			{"one namespace", u[0], access.ResourceFilter{Namespace: "app"}, directory.Page{}, "app/books:1[burn]", 1, ""},
			{"one type", u[0], access.ResourceFilter{Type: "API"}, directory.Page{}, "API books:2[read]", 1, ""},
			{"a type of nothing", u[0], access.ResourceFilter{Type: "MENU"}, directory.Page{}, "", 0, ""},
			{"by the group alone", u[1], access.ResourceFilter{}, directory.Page{}, "books:1[burn edit read], app/books:1[burn]", 2, ""},
			{"nothing", u[2], access.ResourceFilter{}, directory.Page{}, "", 0, ""},
			{"nobody", unknown, access.ResourceFilter{}, directory.Page{}, "", 0, ""},
			{"malformed", "\x00", access.ResourceFilter{}, directory.Page{}, "", 0, ""},
			{"unknown namespace", u[0], access.ResourceFilter{Namespace: "nowhere"}, directory.Page{}, "", 0, "namespace_not_found"},
			{"unknown type", u[0], access.ResourceFilter{Type: "NONSENSE"}, directory.Page{}, "", 0, "field_format resourceType"},
		} {
			list, total, err := h.AuthorizedResourcesOfUser(ctx, "p", c.user, c.filter, c.page)
			if resources(list) != c.want || total != c.total || said(err) != c.err {
				t.Errorf("%s: %s of %d, %v; want %s", c.name, resources(list), total, err, c.want)
			}
		}
		if list, _, err := h.AuthorizedResourcesOfUser(ctx, "q", u[0], access.ResourceFilter{}, directory.Page{}); err != nil || len(list) != 0 {
			t.Errorf("another pool sees %v, %v", list, err)
		}
		for target, want := range map[access.Target]string{me: "books:1[read]", mine: "books:1[edit read]", own: "API books:2[read]",
			given: "books:1[burn], app/books:1[burn]", {Type: role, ID: unknown}: ""} {
			if got := h.of(t, target); got != want {
				t.Errorf("%s itself has %s, want %s", target.Type, got, want)
			}
		}
	})
}

// What is denied to a user, by whatever way, is not among what they are allowed.
func TestDenyWins(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		for _, c := range []struct {
			allowed, denied string // resource and action
			want            string
		}{
			{"books:1 read", "", "books:1[read]"},
			{"books:1 read", "books:1 read", ""},
			{"books:1 read", "books:1 edit", "books:1[read]"},
			{"books:1 read", "books:2 read", "books:1[read]"},
			{"books:1 read", "books:1 *", ""},
			{"books:1 books:read", "books:1 books:*", ""},
			{"books:1 books:read", "books:1 book:*", "books:1[books:read]"},
			{"books:1 read", "* read", ""},
			{"books:1 read", "books:* read", ""},
			{"books:1:2 read", "books:1:* *", ""},
			{"bookshop read", "books:* read", "bookshop[read]"},
			{"books:* read", "books:1 read", "books:*[read]"},
		} {
			if _, err := db.Exec(ctx, h.d, "delete from grants where pool_id = 'p'"); err != nil {
				t.Fatal(err)
			}
			for _, g := range []struct {
				target access.Target
				what   string
				effect access.Effect
			}{{access.Target{Type: user, ID: h.users[0]}, c.allowed, access.Allow}, {access.Target{Type: group, ID: h.groups[0]}, c.denied, access.Deny}} {
				if resource, action, ok := strings.Cut(g.what, " "); ok {
					must(t, h.Grant(ctx, "p", []access.NewGrant{{Target: g.target, Resource: resource, Actions: []string{action}, Effect: g.effect}}))
				}
			}
			list, _, err := h.AuthorizedResourcesOfUser(ctx, "p", h.users[0], access.ResourceFilter{}, directory.Page{})
			if err != nil || resources(list) != c.want {
				t.Errorf("%s, but not %s: has %s, %v; want %s", c.allowed, c.denied, resources(list), err, c.want)
			}
		}
	})
}

// Actions granted at the same time join; none is lost.
func TestGrantRace(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		me := access.Target{Type: user, ID: h.users[0]}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if err := h.Grant(t.Context(), "p", []access.NewGrant{{Target: me, Resource: "r", Actions: []string{fmt.Sprint("a", i)}}}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		list, _, err := h.AuthorizedResources(t.Context(), "p", me, access.ResourceFilter{}, directory.Page{})
		if err != nil || len(list) != 1 || len(list[0].Actions) != 20 {
			t.Errorf("%s, %v", resources(list), err)
		}
	})
}

// A menu or a button is granted as it is: there is nothing else to do with it.
func TestGrantWithoutActions(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		me := access.Target{Type: user, ID: h.users[0]}
		menu := access.NewGrant{Target: me, Resource: "menu_a", ResourceType: "MENU"}
		deny, read := menu, menu
		deny.Effect, read.Actions = "DENY", []string{"read"}
		take := access.Revocation{Target: me, Resource: "menu_a"}
		some := take
		some.Actions = []string{"read"}
		for _, step := range []struct {
			name string
			do   func() error
			want string
		}{
			{"grant", func() error { return h.Grant(t.Context(), "p", []access.NewGrant{menu}) }, "MENU menu_a[]"},
			{"again", func() error { return h.Grant(t.Context(), "p", []access.NewGrant{menu}) }, "MENU menu_a[]"},
			{"revoke an action of it", func() error { return h.Revoke(t.Context(), "p", []access.Revocation{some}) }, "MENU menu_a[]"},
			{"grant an action", func() error { return h.Grant(t.Context(), "p", []access.NewGrant{read}) }, "MENU menu_a[]"},
			{"deny it", func() error { return h.Grant(t.Context(), "p", []access.NewGrant{deny}) }, ""},
			{"revoke both", func() error { return h.Revoke(t.Context(), "p", []access.Revocation{take}) }, ""},
			{"grant anew", func() error { return h.Grant(t.Context(), "p", []access.NewGrant{menu}) }, "MENU menu_a[]"},
			{"revoke", func() error { return h.Revoke(t.Context(), "p", []access.Revocation{take}) }, ""},
		} {
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if got := h.of(t, me); got != step.want {
				t.Errorf("%s: %q, want %q", step.name, got, step.want)
			}
		}
	})
}
