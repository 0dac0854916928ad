package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

const (
	hour = int64(time.Hour / time.Millisecond)
	day  = 24 * hour
)

// pass lets time pass: it puts the times of all assignments and roles back, and lets nobody remember them.
func (h *hall) pass(t *testing.T, ms int64) {
	t.Helper()
	for _, sql := range []string{
		"update role_assignments set enable_time = enable_time - ? where pool_id = 'p' and enable_time > 0",
		"update role_assignments set end_time = end_time - ? where pool_id = 'p' and end_time > 0",
		"update roles set disable_time = disable_time - ? where pool_id = 'p' and disable_time > 0",
	} {
		_, err := db.Exec(t.Context(), h.d, sql, ms)
		must(t, err)
	}
	must(t, h.d.Publish(t.Context(), "p", "access"))
}

// does says by which of its verbs access lets a user have the roles, in the order direct, effective, has any, resources, users.
func (h *hall) does(t *testing.T, userID, ref string) string {
	t.Helper()
	ctx := t.Context()
	r := refs(ref)[0]
	named := func(list []access.Role) bool {
		return slices.ContainsFunc(list, func(x access.Role) bool { return x.Code == r.Code })
	}
	direct, total, err := h.RolesOfUser(ctx, "p", userID, "", directory.Page{Page: 1, Limit: 50})
	must(t, err)
	if int(total) != len(direct) {
		t.Errorf("%d of %d roles", len(direct), total)
	}
	effective, err := h.EffectiveRoles(ctx, "p", userID, "")
	must(t, err)
	has, err := h.HasAnyRole(ctx, "p", userID, []access.RoleRef{r})
	must(t, err)
	may, _, err := h.AuthorizedResourcesOfUser(ctx, "p", userID, access.ResourceFilter{}, directory.Page{})
	must(t, err)
	users, _, err := h.UsersOfRole(ctx, "p", r, directory.Page{Page: 1, Limit: 50})
	must(t, err)
	made, err := h.Role(ctx, "p", r)
	must(t, err)
	found, _, err := h.dir.Users(ctx, "p", directory.UserQuery{InRoles: []string{made.ID}, Page: directory.Page{Page: 1, Limit: 50}})
	must(t, err)
	isUser := func(u directory.User) bool { return u.ID == userID }
	if slices.ContainsFunc(users, isUser) != slices.ContainsFunc(found, isUser) {
		t.Error("the users of a role and the search for them differ")
	}
	text := ""
	for _, yes := range []bool{named(direct), named(effective), has, len(may) > 0, slices.ContainsFunc(users, isUser)} {
		text += map[bool]string{true: "1", false: "0"}[yes]
	}
	return text
}

// Whoever has a role has it from its beginning until its end, while the role is enabled, by the clock alone.
func TestPeriods(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		now := h.d.Now()
		for i, c := range []struct {
			name       string
			begin, end int64 // from now, 0 for none
			by         access.Target
			steps      string // what holds now and after each hour
		}{
			{"always", 0, 0, access.Target{Type: user, ID: h.users[0]}, "11111 11111 11111"},
			{"until", 0, hour / 2, access.Target{Type: user, ID: h.users[0]}, "11111 00000 00000"},
			{"from", hour / 2, 0, access.Target{Type: user, ID: h.users[0]}, "00000 11111 11111"},
			{"from until", hour / 2, hour * 3 / 2, access.Target{Type: user, ID: h.users[0]}, "00000 11111 00000"},
			{"begun already", -hour, hour * 3 / 2, access.Target{Type: user, ID: h.users[0]}, "11111 11111 00000"},
			{"a group's", hour / 2, hour * 3 / 2, access.Target{Type: group, ID: h.groups[0]}, "00000 01110 00000"},
		} {
			name := fmt.Sprint("r", i)
			id := h.addRole(t, "p", name)
			must(t, h.Grant(ctx, "p", []access.NewGrant{{Target: access.Target{Type: role, ID: id}, Resource: "r", Actions: []string{"a"}}}))
			p := directory.Period{}
			if c.begin != 0 {
				p.Begin = ptr(h.d.Now() + c.begin)
			}
			if c.end != 0 {
				p.End = ptr(h.d.Now() + c.end)
			}
			must(t, h.AssignFor(ctx, "p", refs(name), []access.Target{c.by}, p))
			var got []string
			for step := range 3 {
				if step > 0 {
					h.pass(t, hour)
				}
				got = append(got, h.does(t, h.users[0], name))
				if other := h.does(t, h.users[2], name); other != "00000" {
					t.Errorf("%s: somebody else has %s", c.name, other)
				}
			}
			if strings.Join(got, " ") != c.steps {
				t.Errorf("%s: %v, want %s", c.name, got, c.steps)
			}
			must(t, h.DeleteRoles(ctx, "p", refs(name), directory.MissingFails))
		}

		h.addRole(t, "p", "a")
		for _, c := range []struct {
			name   string
			period directory.Period
			want   string
		}{
			{"over", directory.Period{End: ptr(now - 1)}, "field_format endTime"},
			{"zero", directory.Period{End: ptr(int64(0))}, "field_format endTime"},
			{"backwards", directory.Period{Begin: ptr(now + day), End: ptr(now + hour)}, "field_format endTime"},
			{"empty", directory.Period{Begin: ptr(now + day), End: ptr(now + day)}, "field_format endTime"},
			{"negative", directory.Period{Begin: ptr(int64(-1))}, "field_format enableTime"},
		} {
			if err := h.AssignFor(ctx, "p", refs("a"), []access.Target{{Type: user, ID: h.users[0]}}, c.period); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		if n := h.count(t, "role_assignments", "p"); n != 0 {
			t.Errorf("%d assignments were made", n)
		}

		// The last word counts: a new period replaces the old one.
		target := []access.Target{{Type: user, ID: h.users[0]}}
		must(t, h.AssignFor(ctx, "p", refs("a"), target, directory.Period{Begin: ptr(h.d.Now() + hour)}))
		must(t, h.Assign(ctx, "p", refs("a"), target))
		if has, err := h.HasAnyRole(ctx, "p", h.users[0], refs("a")); err != nil || !has {
			t.Errorf("assigned at once: %v, %v", has, err)
		}
		must(t, h.AssignFor(ctx, "p", refs("a"), target, directory.Period{Begin: ptr(h.d.Now() + hour)}))
		must(t, h.Unassign(ctx, "p", refs("a"), target, directory.MissingFails))
		if n := h.count(t, "role_assignments", "p"); n != 0 {
			t.Errorf("%d assignments are left", n)
		}
		for _, c := range []struct {
			target access.Target
			want   string
		}{{access.Target{Type: user, ID: unknown}, "user_not_found"}, {access.Target{Type: group, ID: unknown}, "group_not_found"}, {target[0], ""}} {
			if err := h.Unassign(ctx, "p", refs("a"), []access.Target{c.target}, directory.MissingFails); said(err) != c.want {
				t.Errorf("taken from %v: %v, want %q", c.target, err, c.want)
			}
		}
	})
}

func TestDisabledRoles(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		r := h.addRole(t, "p", "a")
		must(t, h.Grant(ctx, "p", []access.NewGrant{{Target: access.Target{Type: role, ID: r}, Resource: "r", Actions: []string{"a"}}}))
		must(t, h.Assign(ctx, "p", refs("a"), []access.Target{{Type: user, ID: h.users[0]}, {Type: group, ID: h.groups[0]}}))
		soon := h.d.Now() + hour
		for _, c := range []struct {
			name      string
			patch     access.RolePatch
			pass      int64
			want      string
			direct    string // of user 0
			throughIt string // of user 1, by the group
		}{
			{"enabled", access.RolePatch{}, 0, "", "11111", "01110"},
			{"disabled", access.RolePatch{Enabled: ptr(false)}, 0, "", "00001", "00000"},
			{"enabled again", access.RolePatch{Enabled: ptr(true)}, 0, "", "11111", "01110"},
			{"to be disabled", access.RolePatch{DisableTime: &soon}, 0, "", "11111", "01110"},
			{"time comes", access.RolePatch{}, 2 * hour, "", "00001", "00000"},
			{"named while disabled", access.RolePatch{Name: ptr("B")}, 0, "", "00001", "00000"},
			{"enabled after its time", access.RolePatch{Enabled: ptr(true)}, 0, "", "11111", "01110"},
			{"disabled at a time past", access.RolePatch{DisableTime: ptr(int64(1))}, 0, "", "00001", "00000"},
			{"never disabled", access.RolePatch{DisableTime: ptr(int64(0))}, 0, "", "11111", "01110"},
			{"a bad time", access.RolePatch{DisableTime: ptr(int64(-1))}, 0, "field_format disableTime", "11111", "01110"},
			{"open to applications", access.RolePatch{PermissionApply: ptr(true)}, 0, "", "11111", "01110"},
		} {
			if _, err := h.UpdateRole(ctx, "p", refs("a")[0], c.patch); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			h.pass(t, c.pass)
			if direct, through := h.does(t, h.users[0], "a"), h.does(t, h.users[1], "a"); direct != c.direct || through != c.throughIt {
				t.Errorf("%s: %s and %s, want %s and %s", c.name, direct, through, c.direct, c.throughIt)
			}
		}
		if got, err := h.Role(ctx, "p", refs("a")[0]); err != nil || !got.PermissionApply || got.DisableTime != 0 {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := h.CreateRole(ctx, "p", access.NewRole{Code: "b", DisableTime: -1}); said(err) != "field_format disableTime" {
			t.Error(err)
		}
		made, err := h.CreateRole(ctx, "p", access.NewRole{Code: "b", DisableTime: soon})
		if err != nil || made.DisableTime != soon || !made.EnabledAt(soon-1) || made.EnabledAt(soon) {
			t.Errorf("%+v, %v", made, err)
		}
	})
}

func TestSweepAssignments(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.addRole(t, "p", "a")
		h.addRole(t, "p", "b")
		h.addRole(t, "q", "a")
		now := h.d.Now()
		assign := func(pool, name string, target access.Target, p directory.Period) {
			t.Helper()
			must(t, h.AssignFor(ctx, pool, refs(name), []access.Target{target}, p))
		}
		assign("p", "a", access.Target{Type: user, ID: h.users[0]}, directory.Period{Begin: ptr(now + hour), End: ptr(now + 3*hour)})
		assign("p", "a", access.Target{Type: user, ID: h.users[1]}, directory.Period{Begin: ptr(now + hour)})
		assign("p", "b", access.Target{Type: group, ID: h.groups[0]}, directory.Period{End: ptr(now + hour)})
		assign("p", "b", access.Target{Type: user, ID: h.users[2]}, directory.Period{})
		assign("q", "a", access.Target{Type: user, ID: h.other[0]}, directory.Period{Begin: ptr(now + hour)})
		for _, c := range []struct {
			name string
			pass int64
			want []string // records of p: operation, role, how many targets
			left int64
		}{
			{"nothing yet", 0, nil, 4},
			{"some begin, one ends", 2 * hour, []string{"add a 2 USER", "remove b 1 GROUP"}, 3},
			{"again", 0, nil, 3},
			{"one ends", 2 * hour, []string{"remove a 1 USER"}, 2},
			{"long after", 100 * day, nil, 2},
		} {
			h.pass(t, c.pass)
			before, _, err := h.log.List(ctx, "p", audit.Filter{Limit: 50})
			must(t, err)
			must(t, h.SweepAssignments(ctx))
			after, _, err := h.log.List(ctx, "p", audit.Filter{Limit: 50})
			must(t, err)
			var got []string
			for _, r := range after[:len(after)-len(before)] {
				values := r.After
				if r.Operation == audit.Remove {
					values = r.Before
				}
				for _, kind := range []string{"USER", "GROUP"} {
					if list, ok := values[kind].([]any); ok {
						got = append(got, fmt.Sprint(r.Operation, " ", r.TargetName, " ", len(list), " ", kind))
					}
				}
				if r.Resource != audit.RoleAssign || r.ActorKind != "system" {
					t.Errorf("%s: %+v", c.name, r)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
			if n := h.count(t, "role_assignments", "p"); n != c.left {
				t.Errorf("%s: %d assignments are left, want %d", c.name, n, c.left)
			}
		}
		if records, _, err := h.log.List(ctx, "q", audit.Filter{Resource: audit.RoleAssign, Limit: 50}); err != nil || len(records) != 1 {
			t.Errorf("the other pool, whose time stood still, has %d records, %v", len(records), err)
		}
		// More than one transaction's worth.
		var targets []access.Target
		for i := range 30 {
			h.addRole(t, "p", fmt.Sprint("many", i))
		}
		var many []access.RoleRef
		for i := range 30 {
			many = append(many, refs(fmt.Sprint("many", i))...)
		}
		for i := range 20 {
			targets = append(targets, access.Target{Type: user, ID: h.addUser(t, "p", fmt.Sprint("more", i))})
		}
		must(t, h.AssignFor(ctx, "p", many, targets, directory.Period{End: ptr(h.d.Now() + hour)}))
		h.pass(t, 2*hour)
		must(t, h.SweepAssignments(ctx))
		if n := h.count(t, "role_assignments", "p"); n != 2 {
			t.Errorf("%d assignments are left, want 2", n)
		}
	})
}

func TestRoleAssignments(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.addRole(t, "p", "admin")
		h.addRole(t, "q", "admin")
		end := h.d.Now() + hour
		must(t, h.AssignFor(ctx, "p", refs("admin"), []access.Target{{Type: user, ID: h.users[0]}}, directory.Period{End: &end}))
		time.Sleep(2 * time.Millisecond) // assignments of one millisecond have no order in time
		must(t, h.Assign(ctx, "p", refs("admin"), []access.Target{{Type: user, ID: h.users[1]}, {Type: group, ID: h.groups[1]}}))
		one := directory.Page{Page: 1, Limit: 10}
		for _, c := range []struct {
			name, pool, ref string
			filter          access.RoleAssignmentFilter
			page            directory.Page
			want            string
			total           int64
			err             string
		}{
			{"all, the latest first", "p", "admin", access.RoleAssignmentFilter{}, one, "GROUP USER USER", 3, ""},
			{"a page", "p", "admin", access.RoleAssignmentFilter{}, directory.Page{Page: 2, Limit: 2}, "USER", 3, ""},
			{"users", "p", "admin", access.RoleAssignmentFilter{Types: []directory.TargetType{user}}, one, "USER USER", 2, ""},
			{"departments", "p", "admin", access.RoleAssignmentFilter{Types: []directory.TargetType{directory.DepartmentTarget}}, one, "", 0, ""},
			{"by a part of the code", "p", "admin", access.RoleAssignmentFilter{Keywords: "DMI"}, one, "GROUP USER USER", 3, ""},
			{"of another name", "p", "admin", access.RoleAssignmentFilter{Keywords: "x"}, one, "", 0, ""},
			{"bad text", "p", "admin", access.RoleAssignmentFilter{Keywords: "\xff"}, one, "", 0, "field_format query"},
			{"another pool", "q", "admin", access.RoleAssignmentFilter{}, one, "", 0, ""},
			{"unknown role", "p", "nobody", access.RoleAssignmentFilter{}, one, "", 0, "role_not_found"},
			{"unknown namespace", "p", "nowhere/admin", access.RoleAssignmentFilter{}, one, "", 0, "namespace_not_found"},
		} {
			_, list, total, err := h.RoleAssignments(ctx, c.pool, refs(c.ref)[0], c.filter, c.page)
			var types []string
			for _, a := range list {
				types = append(types, string(a.TargetType))
				if !a.InForceAt(h.d.Now()) || a.TargetID == h.users[0] && (a.EndTime != end || a.InForceAt(end)) {
					t.Errorf("%s: %+v", c.name, a)
				}
			}
			if strings.Join(types, " ") != c.want || total != c.total || said(err) != c.err {
				t.Errorf("%s: %v of %d, %v; want %s of %d", c.name, types, total, err, c.want, c.total)
			}
		}
	})
}

func TestRoleAvailable(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		h.addRole(t, "p", "a") // named A
		for _, c := range []struct{ pool, ref, name, want string }{
			{"p", "b", "", ""},
			{"p", "b", "B", ""},
			{"p", "b", "a", ""},
			{"p", "b", "A", "role_name_taken"},
			{"p", "a", "", "role_code_taken"},
			{"p", "a", "B", "role_code_taken"},
			{"p", "app/a", "A", ""},
			{"q", "a", "A", ""},
			{"p", "nowhere/b", "", "namespace_not_found"},
			{"p", "b c", "", "role_code_invalid b c"},
			{"p", "", "", "role_code_missing"},
			{"p", strings.Repeat("x", 65), "", "field_format code"},
			{"p", "b", strings.Repeat("x", 257), "field_format name"},
		} {
			if err := h.RoleAvailable(t.Context(), c.pool, refs(c.ref)[0], c.name); said(err) != c.want {
				t.Errorf("%s %q %q: %v, want %q", c.pool, c.ref, c.name, err, c.want)
			}
		}
	})
}

func TestAdminRoles(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		if err := h.DeleteAdminRoles(ctx, "p", []string{"x"}); said(err) != "role_not_found" {
			t.Errorf("before there is any: %v", err)
		}
		for _, c := range []struct{ code, want string }{{"x", ""}, {"x", "role_code_taken"}, {"y", ""}, {"a b", "role_code_invalid a b"}} {
			if r, err := h.CreateAdminRole(ctx, "p", access.NewRole{Namespace: "app", Code: c.code}); said(err) != c.want || err == nil && r.Namespace != access.AdminNamespace {
				t.Errorf("%s: %+v, %v", c.code, r, err)
			}
		}
		for _, c := range []struct {
			pool  string
			codes []string
			want  string
		}{{"p", []string{"x", "nobody"}, "role_not_found"}, {"q", []string{"x"}, "role_not_found"}, {"p", nil, "list_min codeList 1"}, {"p", []string{"x", "y"}, ""}, {"p", []string{"x"}, "role_not_found"}} {
			if err := h.DeleteAdminRoles(ctx, c.pool, c.codes); said(err) != c.want {
				t.Errorf("%v: %v, want %q", c.codes, err, c.want)
			}
		}
	})
}

// The members of a department have its roles; those of the departments below and above do not.
func TestRolesOfDepartments(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		id := h.addRole(t, "p", "a")
		must(t, h.Grant(ctx, "p", []access.NewGrant{{Target: access.Target{Type: role, ID: id}, Resource: "r", Actions: []string{"a"}}}))
		root, err := h.dir.CreateOrganization(ctx, "p", directory.NewDepartment{Code: "acme", Name: "Acme"})
		must(t, err)
		in := func(value string) directory.DepartmentRef {
			return directory.DepartmentRef{Organization: "acme", Value: value}
		}
		shop, err := h.dir.CreateDepartment(ctx, "p", in(root.ID), directory.NewDepartment{Code: "shop", Name: "Shop"})
		must(t, err)
		desk, err := h.dir.CreateDepartment(ctx, "p", in(shop.ID), directory.NewDepartment{Code: "desk", Name: "Desk"})
		must(t, err)
		for i, d := range []string{root.ID, shop.ID, desk.ID} {
			must(t, h.dir.AddDepartmentMembers(ctx, "p", in(d), []string{h.users[i]}))
		}
		target := []access.Target{{Type: directory.DepartmentTarget, ID: shop.ID}}
		for _, c := range []struct {
			name    string
			verb    func() error
			want    string
			has     string // what user 1 has
			of      int64  // departments that have the role
			targets int64
		}{
			{"unknown", func() error {
				return h.Assign(ctx, "p", refs("a"), []access.Target{{Type: directory.DepartmentTarget, ID: unknown}})
			}, "department_not_found", "00000", 0, 0},
			{"another pool's", func() error { return h.Assign(ctx, "q", refs("a"), target) }, "role_not_found", "00000", 0, 0},
			{"assigned", func() error { return h.Assign(ctx, "p", refs("a"), target) }, "", "01110", 1, 1},
			{"to begin", func() error {
				return h.AssignFor(ctx, "p", refs("a"), target, directory.Period{Begin: ptr(h.d.Now() + hour)})
			}, "", "00000", 0, 1},
			{"begun", func() error { h.pass(t, 2*hour); return nil }, "", "01110", 1, 1},
			{"taken", func() error { return h.Unassign(ctx, "p", refs("a"), target, directory.MissingFails) }, "", "00000", 0, 0},
			{"assigned again", func() error { return h.Assign(ctx, "p", refs("a"), target) }, "", "01110", 1, 1},
			{"deleted", func() error { return h.dir.DeleteDepartment(ctx, "p", in(shop.ID)) }, "", "00000", 0, 0},
		} {
			if err := c.verb(); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if got := h.does(t, h.users[1], "a"); got != c.has {
				t.Errorf("%s: the member has %s, want %s", c.name, got, c.has)
			}
			for _, other := range []int{0, 2} {
				if got := h.does(t, h.users[other], "a"); got != "00000" {
					t.Errorf("%s: user %d has %s", c.name, other, got)
				}
			}
			list, total, err := h.DepartmentsOfRole(ctx, "p", refs("a")[0], directory.Page{Page: 1, Limit: 10})
			if err != nil || total != c.of || len(list) != int(total) || total == 1 && list[0].Name != "Shop" {
				t.Errorf("%s: departments %+v of %d, %v", c.name, list, total, err)
			}
			if n := h.count(t, "role_assignments", "p"); n != c.targets {
				t.Errorf("%s: %d assignments, want %d", c.name, n, c.targets)
			}
		}
		if _, _, err := h.DepartmentsOfRole(ctx, "p", refs("nobody")[0], directory.Page{}); said(err) != "role_not_found" {
			t.Error(err)
		}
	})
}
