package access_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

func TestCreateRole(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		for _, c := range []struct {
			name string
			pool string
			in   access.NewRole
			want string
		}{
			{"plain", "p", access.NewRole{Code: "admin", Name: "Admin", Description: "all"}, ""},
			{"every character", "p", access.NewRole{Code: "aZ09_-.:"}, ""},
			{"the longest", "p", access.NewRole{Code: strings.Repeat("r", 64), Name: strings.Repeat("ü", 256)}, ""},
			{"taken", "p", access.NewRole{Namespace: "default", Code: "admin"}, "role_code_taken"},
			{"in another namespace", "p", access.NewRole{Namespace: "app", Code: "admin"}, ""},
			{"in another pool", "q", access.NewRole{Code: "admin"}, ""},
			{"with a parent", "p", access.NewRole{Code: "sub", ParentCode: "admin"}, ""},
			{"with a parent of another namespace", "p", access.NewRole{Namespace: "app", Code: "sub", ParentCode: "aZ09_-.:"}, "role_not_found"},
			{"with an unknown parent", "p", access.NewRole{Code: "x", ParentCode: "nobody"}, "role_not_found"},
			{"unknown namespace", "p", access.NewRole{Namespace: "nowhere", Code: "x"}, "namespace_not_found"},
			{"malformed namespace", "p", access.NewRole{Namespace: "\x00", Code: "x"}, "namespace_not_found"},
			{"no code", "p", access.NewRole{Name: "x"}, "role_code_missing"},
			{"long code", "p", access.NewRole{Code: strings.Repeat("r", 65)}, "field_format code"},
			{"code with NUL", "p", access.NewRole{Code: "a\x00"}, "field_format code"},
			{"blank code", "p", access.NewRole{Code: " "}, "role_code_invalid  "},
			{"bad code", "p", access.NewRole{Code: "a b!"}, "role_code_invalid a b!"},
			{"Chinese code", "p", access.NewRole{Code: "管理员"}, "role_code_invalid 管理员"},
			{"long name", "p", access.NewRole{Code: "x", Name: strings.Repeat("n", 257)}, "field_format name"},
			{"bad description", "p", access.NewRole{Code: "x", Description: "\xff"}, "field_format description"},
		} {
			r, err := h.CreateRole(t.Context(), c.pool, c.in)
			if said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if err != nil {
				continue
			}
			got, err := h.Role(t.Context(), c.pool, access.RoleRef{Namespace: c.in.Namespace, Code: c.in.Code})
			if err != nil || *got != *r || !db.IsID(r.ID) || r.Name != c.in.Name || r.Description != c.in.Description || r.IsSystem || r.CreatedAt == 0 ||
				(r.ParentID != "") != (c.in.ParentCode != "") {
				t.Errorf("%s: made %+v, read %+v, %v", c.name, r, got, err)
			}
		}
		if n := h.count(t, "roles", "p"); n != 5 {
			t.Errorf("%d roles in p", n)
		}
	})
}

func TestCreateRolesIsAtomic(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		batch := func(last access.NewRole) []access.NewRole {
			list := make([]access.NewRole, 50)
			for i := range list {
				list[i] = access.NewRole{Code: fmt.Sprint("r", i)}
			}
			list[49] = last
			return list
		}
		records := h.count(t, "audit_log", "p")
		for _, c := range []struct {
			name string
			list []access.NewRole
			want string
		}{
			{"none", nil, "list_min list 1"},
			{"too many", make([]access.NewRole, 51), "list_max list 50"},
			{"one malformed", batch(access.NewRole{Code: ""}), "role_code_missing"},
			{"one twice", batch(access.NewRole{Code: "r0"}), "role_code_taken"},
			{"one nowhere", batch(access.NewRole{Namespace: "nowhere", Code: "x"}), "namespace_not_found"},
			{"one orphan", batch(access.NewRole{Code: "x", ParentCode: "nobody"}), "role_not_found"},
		} {
			if _, err := h.CreateRoles(t.Context(), "p", c.list); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if n, m := h.count(t, "roles", "p"), h.count(t, "audit_log", "p"); n != 0 || m != records {
				t.Fatalf("%s: left %d roles, %d records", c.name, n, m-records)
			}
		}
		if roles, err := h.CreateRoles(t.Context(), "p", batch(access.NewRole{Namespace: "app", Code: "r0"})); err != nil || len(roles) != 50 {
			t.Errorf("%d made, %v", len(roles), err)
		}
	})
}

func TestReadRoles(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		id := h.addRole(t, "p", "admin")
		h.addRole(t, "p", "app/admin")
		h.addRole(t, "p", "test_1")
		for _, c := range []struct {
			pool, ref, want string
		}{
			{"p", "admin", ""}, {"p", "default/admin", ""}, {"p", "app/admin", ""}, {"p", "nobody", "role_not_found"}, {"p", "app/test_1", "role_not_found"},
			{"p", "nowhere/admin", "namespace_not_found"}, {"q", "admin", "role_not_found"}, {"p", "\x00", "role_not_found"},
		} {
			if r, err := h.Role(ctx, c.pool, refs(c.ref)[0]); said(err) != c.want || err == nil && r.Code != "admin" {
				t.Errorf("%s %q: %+v, %v", c.pool, c.ref, r, err)
			}
		}
		for _, c := range []struct {
			filter access.RoleFilter
			page   directory.Page
			want   string
			total  int64
			err    string
		}{
			{access.RoleFilter{}, directory.Page{Page: 1, Limit: 10}, "default/test_1 app/admin default/admin", 3, ""},
			{access.RoleFilter{}, directory.Page{Page: 2, Limit: 2}, "default/admin", 3, ""},
			{access.RoleFilter{Namespace: "default"}, directory.Page{Page: 1, Limit: 10}, "default/test_1 default/admin", 2, ""},
			{access.RoleFilter{Keywords: "ADM"}, directory.Page{Page: 1, Limit: 10}, "app/admin default/admin", 2, ""},
			{access.RoleFilter{Keywords: "_"}, directory.Page{Page: 1, Limit: 10}, "default/test_1", 1, ""},
			{access.RoleFilter{Keywords: "\xff"}, directory.Page{Page: 1, Limit: 10}, "", 0, "field_format keywords"},
			{access.RoleFilter{Namespace: "nowhere"}, directory.Page{Page: 1, Limit: 10}, "", 0, "namespace_not_found"},
		} {
			roles, total, err := h.Roles(ctx, "p", c.filter, c.page)
			if roleNames(roles) != c.want || total != c.total || said(err) != c.err {
				t.Errorf("%+v: %s of %d, %v; want %s of %d", c.filter, roleNames(roles), total, err, c.want, c.total)
			}
		}
		if roles, total, err := h.Roles(ctx, "q", access.RoleFilter{}, directory.Page{}); err != nil || total != 0 || len(roles) != 0 {
			t.Errorf("another pool sees %v", roles)
		}
		byRef, err := h.RolesByRef(ctx, "p", refs("admin", "app/test_1", "app/admin", "nobody", "\xff"))
		if err != nil || len(byRef) != 2 || byRef[refs("default/admin")[0]].ID != id {
			t.Errorf("by reference: %v, %v", byRef, err)
		}
		byID, err := h.RolesByID(ctx, "p", []string{id, unknown, "\x00"})
		if err != nil || len(byID) != 1 || byID[id].Code != "admin" {
			t.Errorf("by id: %v, %v", byID, err)
		}
	})
}

func TestUpdateAndDeleteRoles(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		id := h.addRole(t, "p", "a")
		h.addRole(t, "p", "taken")
		for _, c := range []struct {
			name, ref string
			patch     access.RolePatch
			want      string
			after     string
		}{
			{"name", "a", access.RolePatch{Name: ptr("N")}, "", "a N "},
			{"description", "default/a", access.RolePatch{Description: ptr("d")}, "", "a N d"},
			{"empty new code", "a", access.RolePatch{NewCode: ptr("")}, "", "a N d"},
			{"taken", "a", access.RolePatch{NewCode: ptr("taken")}, "role_code_taken", "a N d"},
			{"bad code", "a", access.RolePatch{NewCode: ptr("a b")}, "role_code_invalid a b", "a N d"},
			{"long code", "a", access.RolePatch{NewCode: ptr(strings.Repeat("x", 65))}, "field_format newCode", "a N d"},
			{"bad name", "a", access.RolePatch{Name: ptr("\x00")}, "field_format name", "a N d"},
			{"new code", "a", access.RolePatch{NewCode: ptr("b"), Name: ptr("")}, "", "b  d"},
			{"old code", "a", access.RolePatch{Name: ptr("x")}, "role_not_found", "b  d"},
			{"unknown namespace", "nowhere/b", access.RolePatch{Name: ptr("x")}, "namespace_not_found", "b  d"},
		} {
			if _, err := h.UpdateRole(ctx, "p", refs(c.ref)[0], c.patch); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			got, err := h.RolesByID(ctx, "p", []string{id})
			if r := got[id]; err != nil || r.Code+" "+r.Name+" "+r.Description != c.after {
				t.Errorf("%s: left %+v, %v", c.name, r, err)
			}
		}
		if _, err := h.UpdateRole(ctx, "q", refs("b")[0], access.RolePatch{Name: ptr("x")}); said(err) != "role_not_found" {
			t.Errorf("from another pool: %v", err)
		}

		if _, err := h.dir.SetFields(ctx, "p", []directory.FieldInput{{TargetType: role, Key: "k", DataType: "STRING"}}); err != nil {
			t.Fatal(err)
		}
		must(t, h.dir.SetValues(ctx, "p", role, id, map[string]jsontext.Value{"k": jsontext.Value(`"v"`)}))
		child, err := h.CreateRole(ctx, "p", access.NewRole{Code: "child", ParentCode: "b"})
		must(t, err)
		h.addRole(t, "p", "app/b")
		for _, c := range []struct {
			name, pool string
			refs       []access.RoleRef
			missing    directory.Missing
			want       string
			left       int64
		}{
			{"none", "p", nil, directory.MissingOK, "list_min codeList 1", 4},
			{"too many", "p", make([]access.RoleRef, 101), directory.MissingOK, "list_max codeList 100", 4},
			{"unknown fails", "p", refs("b", "nobody"), directory.MissingFails, "role_not_found", 4},
			{"unknown is fine", "p", refs("nobody"), directory.MissingOK, "", 4},
			{"unknown namespace", "p", refs("nowhere/b"), directory.MissingOK, "namespace_not_found", 4},
			{"another pool's", "q", refs("b"), directory.MissingOK, "", 4},
			{"of two namespaces", "p", refs("b", "app/b", "default/b"), directory.MissingFails, "", 2},
		} {
			if err := h.DeleteRoles(ctx, c.pool, c.refs, c.missing); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if n := h.count(t, "roles", "p"); n != c.left {
				t.Errorf("%s: %d roles are left, want %d", c.name, n, c.left)
			}
		}
		if n := h.count(t, "field_values", "p"); n != 0 {
			t.Errorf("%d values of the role are left", n)
		}
		if got, err := h.RolesByID(ctx, "p", []string{child.ID}); err != nil || got[child.ID].ParentID != "" {
			t.Errorf("the child is %+v, %v", got, err)
		}
	})
}

func TestAssign(t *testing.T) {
	eachHall(t, 4, func(t *testing.T, h *hall) {
		ctx := t.Context()
		for _, ref := range []string{"a", "b", "app/a"} {
			h.addRole(t, "p", ref)
		}
		h.addRole(t, "q", "a")
		u, g := h.users, h.groups
		// Each row acts and says what the users then have: themselves in all namespaces, and with their groups.
		for i, c := range []struct {
			name     string
			take     bool
			pool     string
			refs     []access.RoleRef
			targets  []access.Target
			want     string
			direct   [3]string
			together [3]string
		}{
			{"one", false, "p", refs("a"), []access.Target{{user, u[0]}}, "", [3]string{"default/a"}, [3]string{"default/a"}},
			{"again, and another", false, "p", refs("a", "b", "default/a"), []access.Target{{user, u[0]}, {user, u[2]}}, "",
				[3]string{"default/b default/a", "", "default/b default/a"}, [3]string{"default/b default/a", "", "default/b default/a"}},
			{"to a group, of two namespaces", false, "p", refs("app/a", "a"), []access.Target{{group, g[0]}}, "",
				[3]string{"default/b default/a", "", "default/b default/a"}, [3]string{"app/a default/b default/a", "app/a default/a", "default/b default/a"}},
			{"take one", true, "p", refs("a"), []access.Target{{user, u[0]}, {user, u[1]}, {user, unknown}, {user, "\xff"}}, "",
				[3]string{"default/b", "", "default/b default/a"}, [3]string{"app/a default/b default/a", "app/a default/a", "default/b default/a"}},
			{"take from the group", true, "p", refs("a", "app/a"), []access.Target{{group, g[0]}, {group, g[1]}, {user, u[2]}}, "",
				[3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"unknown role", false, "p", refs("a", "nobody"), []access.Target{{user, u[1]}}, "role_not_found", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"unknown namespace", false, "p", refs("nowhere/a"), []access.Target{{user, u[1]}}, "namespace_not_found", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"unknown user", false, "p", refs("a"), []access.Target{{user, u[1]}, {user, unknown}}, "user_not_found", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"unknown group", false, "p", refs("a"), []access.Target{{user, u[1]}, {group, unknown}}, "group_not_found", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"another pool's user", false, "p", refs("a"), []access.Target{{user, u[1]}, {user, h.other[0]}}, "user_not_found", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"another pool's group", false, "p", refs("a"), []access.Target{{user, u[1]}, {group, h.other[1]}}, "group_not_found", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"from another pool", false, "q", refs("a"), []access.Target{{user, u[1]}}, "user_not_found", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"to a role", false, "p", refs("a"), []access.Target{{role, u[1]}}, "field_format targetType", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"to nobody", false, "p", refs("a"), nil, "list_min targets 1", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"to too many", false, "p", refs("a"), make([]access.Target, 501), "list_max targets 500", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"no roles", false, "p", nil, []access.Target{{user, u[1]}}, "list_min roles 1", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
			{"take an unknown role", true, "p", refs("nobody"), []access.Target{{user, u[1]}}, "role_not_found", [3]string{"default/b", "", "default/b"}, [3]string{"default/b", "", "default/b"}},
		} {
			verb := h.Assign
			if c.take {
				verb = func(ctx context.Context, poolID string, refs []access.RoleRef, targets []access.Target) error {
					return h.Unassign(ctx, poolID, refs, targets, directory.MissingOK)
				}
			}
			if err := verb(ctx, c.pool, c.refs, c.targets); said(err) != c.want {
				t.Errorf("%d %s: %v, want %q", i, c.name, err, c.want)
			}
			for j := range c.direct {
				roles, total, err := h.RolesOfUser(ctx, "p", u[j], "", directory.Page{Page: 1, Limit: 10})
				if got := byID(roles); err != nil || got != byName(c.direct[j]) || int(total) != len(roles) {
					t.Errorf("%s: user %d has %s of %d, %v; want %s", c.name, j, got, total, err, c.direct[j])
				}
				roles, err = h.EffectiveRoles(ctx, "p", u[j], "")
				if got := byID(roles); err != nil || got != byName(c.together[j]) {
					t.Errorf("%s: user %d has together %s, %v; want %s", c.name, j, got, err, c.together[j])
				}
			}
		}
	})
}

// byID and byName put roles into one order, for comparison.
func byID(roles []access.Role) string { return byName(roleNames(roles)) }

func byName(names string) string {
	list := strings.Fields(names)
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestRolesOfUsers(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		for _, ref := range []string{"a", "app/a", "b"} {
			h.addRole(t, "p", ref)
		}
		u := h.users
		must(t, h.Assign(ctx, "p", refs("a", "app/a"), []access.Target{{user, u[0]}}))
		must(t, h.Assign(ctx, "p", refs("b"), []access.Target{{group, h.groups[0]}}))
		for _, c := range []struct {
			namespace string
			page      directory.Page
			want      string
			total     int64
			together  string
			err       string
		}{
			{"", directory.Page{Page: 1, Limit: 10}, "app/a default/a", 2, "default/b app/a default/a", ""},
			{"", directory.Page{Page: 2, Limit: 1}, "default/a", 2, "default/b app/a default/a", ""},
			{"default", directory.Page{Page: 1, Limit: 10}, "default/a", 1, "default/b default/a", ""},
			{"nowhere", directory.Page{Page: 1, Limit: 10}, "", 0, "", "namespace_not_found"},
		} {
			roles, total, err := h.RolesOfUser(ctx, "p", u[0], c.namespace, c.page)
			if roleNames(roles) != c.want || total != c.total || said(err) != c.err {
				t.Errorf("%s: %s of %d, %v", c.namespace, roleNames(roles), total, err)
			}
			if roles, err := h.EffectiveRoles(ctx, "p", u[0], c.namespace); roleNames(roles) != c.together || said(err) != c.err {
				t.Errorf("%s: together %s, %v", c.namespace, roleNames(roles), err)
			}
		}
		for _, c := range []struct {
			name, pool, user string
			refs             []access.RoleRef
			want             bool
			err              string
		}{
			{"direct", "p", u[0], refs("a"), true, ""},
			{"by a group", "p", u[1], refs("b"), true, ""},
			{"one of several", "p", u[0], refs("nobody", "app/a"), true, ""},
			{"none", "p", u[2], refs("a", "b", "app/a"), false, ""},
			{"of another namespace", "p", u[1], refs("app/b"), false, ""},
			{"unknown namespace", "p", u[0], refs("nowhere/a"), false, ""},
			{"another pool", "q", u[0], refs("a"), false, ""},
			{"unknown user", "p", unknown, refs("a"), false, ""},
			{"malformed user", "p", "\x00", refs("a"), false, ""},
			{"no roles", "p", u[0], nil, false, "list_min roles 1"},
		} {
			if got, err := h.HasAnyRole(ctx, c.pool, c.user, c.refs); got != c.want || said(err) != c.err {
				t.Errorf("HasAnyRole %s: %v, %v", c.name, got, err)
			}
		}
		time.Sleep(2 * time.Millisecond) // assignments of one millisecond have no order in time
		must(t, h.Assign(ctx, "p", refs("a"), []access.Target{{user, u[2]}, {group, h.groups[0]}}))
		for _, c := range []struct {
			pool, ref string
			page      directory.Page
			want      string
			total     int64
			err       string
		}{
			{"p", "a", directory.Page{Page: 1, Limit: 10}, "user2 user0", 2, ""},
			{"p", "a", directory.Page{Page: 2, Limit: 1}, "user0", 2, ""},
			{"p", "nobody", directory.Page{}, "", 0, "role_not_found"},
			{"q", "a", directory.Page{}, "", 0, "role_not_found"},
		} {
			users, total, err := h.UsersOfRole(ctx, c.pool, refs(c.ref)[0], c.page)
			var names []string
			for _, u := range users {
				names = append(names, u.Username)
			}
			if got := strings.Join(names, " "); got != c.want || total != c.total || said(err) != c.err {
				t.Errorf("users of %s: %s of %d, %v", c.ref, got, total, err)
			}
		}
	})
}

// Whoever wins, no assignment outlives its role, its user or its group.
func TestAssignRace(t *testing.T) {
	eachHall(t, 12, func(t *testing.T, h *hall) {
		ctx := t.Context()
		for round := range 4 {
			name := fmt.Sprint("r", round)
			h.addRole(t, "p", name)
			h.addGroup(t, "p", name)
			groups, err := h.dir.GroupsByCode(ctx, "p", []string{name})
			must(t, err)
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					targets := []access.Target{{group, groups[name].ID}}
					if i%2 == 0 {
						targets = nil
					}
					for _, id := range h.users[round:] {
						targets = append(targets, access.Target{Type: user, ID: id})
					}
					switch err := h.Assign(ctx, "p", refs(name), targets); said(err) {
					case "", "user_not_found", "group_not_found", "role_not_found":
					default:
						t.Errorf("assign: %v", err)
					}
				})
			}
			wg.Go(func() {
				if err := h.dir.DeleteUsers(ctx, "p", []directory.UserRef{directory.ByID(h.users[round])}); err != nil {
					t.Errorf("delete the user: %v", err)
				}
			})
			wg.Go(func() {
				if err := h.dir.DeleteGroups(ctx, "p", []string{name}, directory.MissingFails); err != nil {
					t.Errorf("delete the group: %v", err)
				}
			})
			if round%2 == 1 {
				wg.Go(func() {
					if err := h.DeleteRoles(ctx, "p", refs(name), directory.MissingFails); err != nil {
						t.Errorf("delete the role: %v", err)
					}
				})
			}
			wg.Wait()
		}
		orphans, err := db.One[int64](ctx, h.d, `select count(*) from role_assignments a where a.pool_id = ? and (
			not exists (select 1 from roles r where r.pool_id = a.pool_id and r.id = a.role_id) or
			a.target_type = 'USER' and not exists (select 1 from users u where u.pool_id = a.pool_id and u.id = a.target_id) or
			a.target_type = 'GROUP' and not exists (select 1 from groups g where g.pool_id = a.pool_id and g.id = a.target_id))`, "p")
		if err != nil || orphans != 0 {
			t.Errorf("%d orphans, %v", orphans, err)
		}
	})
}
