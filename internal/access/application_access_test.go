package access_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// tree makes an organisation with a department in it and puts a user into the department.
func (h *hall) tree(t *testing.T, userID string) (root, below string) {
	t.Helper()
	ctx := t.Context()
	org, err := h.dir.CreateOrganization(ctx, "p", directory.NewDepartment{Code: "acme", Name: "Acme"})
	must(t, err)
	in := directory.DepartmentRef{Organization: "acme", Value: org.ID}
	d, err := h.dir.CreateDepartment(ctx, "p", in, directory.NewDepartment{Name: "Shop"})
	must(t, err)
	must(t, h.dir.AddDepartmentMembers(ctx, "p", directory.DepartmentRef{Organization: "acme", Value: d.ID}, []string{userID}))
	return org.ID, d.ID
}

// Who is let in: users 0 and 1 are in g0, user 2 is in a department of an organisation, user 3 is nowhere.
func TestAppAccess(t *testing.T) {
	eachHall(t, 4, func(t *testing.T, h *hall) {
		ctx := t.Context()
		must(t, h.EnsureApplication(ctx, "p", "shop", "Shop"))
		must(t, h.EnsureApplication(ctx, "p", "other", "Other"))
		root, below := h.tree(t, h.users[2])
		id := h.addRole(t, "p", "cook")
		must(t, h.Assign(ctx, "p", refs("cook"), []access.Target{{Type: user, ID: h.users[1]}}))
		department := directory.DepartmentTarget
		names := map[string]access.Target{"u0": {Type: user, ID: h.users[0]}, "u1": {Type: user, ID: h.users[1]}, "u2": {Type: user, ID: h.users[2]},
			"g0": {Type: group, ID: h.groups[0]}, "cook": {Type: role, ID: id}, "root": {Type: department, ID: root}, "below": {Type: department, ID: below}}

		for _, c := range []struct {
			name     string
			strategy access.Strategy
			records  string // "target+", "target-"; a star inherits, an "x" at the end is disabled
			want     string // the users who are let in
		}{
			{"nothing said", access.AllowAll, "", "0 1 2 3"},
			{"nothing said", access.DenyAll, "", ""},
			{"a user", access.DenyAll, "u0+", "0"},
			{"a user out", access.AllowAll, "u0-", "1 2 3"},
			{"a group", access.DenyAll, "g0+", "0 1"},
			{"a role", access.DenyAll, "cook+", "1"},
			{"a department", access.DenyAll, "below+", "2"},
			{"the one above", access.DenyAll, "root+", ""},
			{"the one above, inherited", access.DenyAll, "root+*", "2"},
			{"the one above out, inherited", access.AllowAll, "root-*", "0 1 3"},
			{"a denial wins", access.DenyAll, "g0+ u1-", "0"},
			{"a denial of many wins", access.DenyAll, "u0+ g0-", ""},
			{"one that is disabled says nothing", access.DenyAll, "g0+ u1-x", "0 1"},
			{"nor does a disabled permission", access.DenyAll, "g0+x", ""},
		} {
			list, _, err := h.AppRecords(ctx, "p", "shop", access.AppRecordFilter{}, directory.Page{Page: 1, Limit: 50})
			must(t, err)
			for _, r := range list {
				must(t, h.RevokeApp(ctx, "p", "shop", []access.Target{r.Target()}))
			}
			must(t, h.SetAppStrategy(ctx, "p", "shop", c.strategy))
			for _, r := range strings.Fields(c.records) {
				at := strings.IndexAny(r, "+-")
				g := access.AppGrant{Target: names[r[:at]], Effect: access.Allow, Inherit: strings.Contains(r, "*")}
				if r[at] == '-' {
					g.Effect = access.Deny
				}
				must(t, h.AuthorizeApp(ctx, "p", "shop", []access.AppGrant{g}))
				if strings.HasSuffix(r, "x") {
					must(t, h.EnableApp(ctx, "p", "shop", []access.Target{g.Target}, false))
				}
			}
			var in []string
			for i, u := range h.users {
				allowed, err := h.AppAccess(ctx, "p", "shop", u)
				must(t, err)
				if allowed {
					in = append(in, fmt.Sprint(i))
				}
				if other, err := h.AppAccess(ctx, "p", "other", u); err != nil || !other {
					t.Errorf("%s: another application: %v, %v", c.name, other, err)
				}
			}
			if got := strings.Join(in, " "); got != c.want {
				t.Errorf("%s, %s: %q, want %q", c.name, c.strategy, got, c.want)
			}
		}

		if _, err := h.AppAccess(ctx, "p", "none", h.users[0]); said(err) != "application_not_found" {
			t.Error(err)
		}
		if _, err := h.AppAccess(ctx, "p", "app", h.users[0]); said(err) != "application_not_found" { // a namespace alone
			t.Error(err)
		}
		if _, err := h.AppAccess(ctx, "q", "shop", h.other[0]); said(err) != "application_not_found" {
			t.Error(err)
		}
		if _, err := h.AppAccess(ctx, "p", "shop", unknown); said(err) != "user_not_found" {
			t.Error(err)
		}
	})
}

func TestAppRecords(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		must(t, h.EnsureApplication(ctx, "p", "shop", "Shop"))
		must(t, h.EnsureApplication(ctx, "q", "shop", "Shop"))
		u := func(i int) access.Target { return access.Target{Type: user, ID: h.users[i]} }
		g := access.Target{Type: group, ID: h.groups[0]}
		for _, c := range []struct {
			name string
			app  string
			list []access.AppGrant
			want string
		}{
			{"two", "shop", []access.AppGrant{{Target: u(0)}, {Target: g, Effect: access.Deny, Inherit: true}}, ""},
			{"again", "shop", []access.AppGrant{{Target: u(0), Effect: access.Allow}}, ""},
			{"the other effect", "shop", []access.AppGrant{{Target: u(0), Effect: access.Deny}}, ""},
			{"twice, the last counts", "shop", []access.AppGrant{{Target: u(1), Effect: access.Deny}, {Target: u(1)}}, ""},
			{"an unknown user", "shop", []access.AppGrant{{Target: u(2)}, {Target: access.Target{Type: user, ID: unknown}}}, "user_not_found"},
			{"another pool's", "shop", []access.AppGrant{{Target: access.Target{Type: group, ID: h.other[1]}}}, "group_not_found"},
			{"an unknown role", "shop", []access.AppGrant{{Target: access.Target{Type: role, ID: unknown}}}, "role_not_found"},
			{"an unknown application", "none", []access.AppGrant{{Target: u(0)}}, "application_not_found"},
			{"bad effect", "shop", []access.AppGrant{{Target: u(0), Effect: "MAYBE"}}, "field_format effect"},
			{"bad type", "shop", []access.AppGrant{{Target: access.Target{Type: "TENANT", ID: "x"}}}, "field_format targetType"},
			{"none", "shop", nil, "list_min list 1"},
			{"too many", "shop", make([]access.AppGrant, 501), "list_max list 500"},
		} {
			if err := h.AuthorizeApp(ctx, "p", c.app, c.list); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		show := func(f access.AppRecordFilter, p directory.Page) string {
			list, total, err := h.AppRecords(ctx, "p", "shop", f, p)
			must(t, err)
			out := []string{fmt.Sprint(total)}
			for _, r := range list {
				out = append(out, fmt.Sprintf("%s:%s:%v:%v", r.TargetName, r.Effect, r.Enabled, r.Inherit))
			}
			return strings.Join(out, " ")
		}
		off := false
		all := directory.Page{Page: 1, Limit: 50}
		must(t, h.EnableApp(ctx, "p", "shop", []access.Target{u(0), u(0)}, false))
		if err := h.EnableApp(ctx, "p", "shop", []access.Target{g, u(2)}, false); said(err) != "application_access_not_found" {
			t.Error(err)
		}
		// The group has no name.
		for _, c := range []struct {
			f    access.AppRecordFilter
			p    directory.Page
			want string
		}{
			{access.AppRecordFilter{}, all, "3 user1:ALLOW:true:false :DENY:true:false user0:DENY:false:false"},
			{access.AppRecordFilter{}, directory.Page{Page: 2, Limit: 2}, "3 user0:DENY:false:false"},
			{access.AppRecordFilter{Types: []directory.TargetType{group, role}}, all, "1 :DENY:true:false"},
			{access.AppRecordFilter{Effect: access.Allow}, all, "1 user1:ALLOW:true:false"},
			{access.AppRecordFilter{Enabled: &off}, all, "1 user0:DENY:false:false"},
			{access.AppRecordFilter{TargetName: "USER0"}, all, "1 user0:DENY:false:false"},
			{access.AppRecordFilter{TargetName: "%"}, all, "0"},
		} {
			if got := show(c.f, c.p); got != c.want {
				t.Errorf("%+v: %q, want %q", c.f, got, c.want)
			}
		}
		if _, _, err := h.AppRecords(ctx, "p", "none", access.AppRecordFilter{}, all); said(err) != "application_not_found" {
			t.Error(err)
		}
		if _, total, err := h.AppRecords(ctx, "q", "shop", access.AppRecordFilter{}, all); err != nil || total != 0 {
			t.Errorf("q sees %d, %v", total, err)
		}

		own, err := h.AppRecordsOf(ctx, "p", u(0))
		if err != nil || len(own) != 1 || own[0].AppID != "shop" {
			t.Fatalf("%v, %v", own, err)
		}
		if err := h.EnableAppRecord(ctx, "q", own[0].ID, true); said(err) != "application_access_not_found" {
			t.Error(err)
		}
		must(t, h.EnableAppRecord(ctx, "p", own[0].ID, true))
		must(t, h.DeleteAppRecords(ctx, "q", []string{own[0].ID}))
		if got := show(access.AppRecordFilter{TargetName: "user0"}, all); got != "1 user0:DENY:true:false" {
			t.Error(got)
		}
		must(t, h.DeleteAppRecords(ctx, "p", []string{own[0].ID, unknown}))
		must(t, h.RevokeApp(ctx, "p", "shop", []access.Target{g, u(2), {Type: user, ID: unknown}}))
		if got := show(access.AppRecordFilter{}, all); got != "1 user1:ALLOW:true:false" {
			t.Error(got)
		}
		if err := h.RevokeApp(ctx, "p", "none", []access.Target{g}); said(err) != "application_not_found" {
			t.Error(err)
		}

		// What is said of a target goes with it.
		must(t, h.AuthorizeApp(ctx, "p", "shop", []access.AppGrant{{Target: g}, {Target: access.Target{Type: role, ID: h.addRole(t, "p", "cook")}}}))
		must(t, h.dir.DeleteGroups(ctx, "p", []string{"g0"}, directory.MissingFails))
		must(t, h.DeleteRoles(ctx, "p", refs("cook"), directory.MissingFails))
		if got := show(access.AppRecordFilter{}, all); got != "1 user1:ALLOW:true:false" {
			t.Error(got)
		}
	})
}

func TestAppStrategy(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		must(t, h.EnsureApplication(ctx, "p", "shop", "Shop"))
		must(t, h.EnsureApplication(ctx, "p", "shop", "Shop"))
		for _, c := range []struct {
			pool, app string
			s         access.Strategy
			want      string
		}{
			{"p", "shop", access.DenyAll, ""},
			{"p", "shop", access.DenyAll, ""},
			{"p", "shop", access.AllowAll, ""},
			{"p", "shop", access.DenyAll, ""},
			{"p", "shop", "SOME", "field_format permissionStrategy"},
			{"p", "app", access.DenyAll, "application_not_found"},
			{"p", "", access.DenyAll, "application_not_found"},
			{"q", "shop", access.DenyAll, "application_not_found"},
		} {
			if err := h.SetAppStrategy(ctx, c.pool, c.app, c.s); said(err) != c.want {
				t.Errorf("%s %s %s: %v, want %q", c.pool, c.app, c.s, err, c.want)
			}
		}
		must(t, h.EnsureApplication(ctx, "p", "shop", "Shop"))
		if s, err := h.AppStrategy(ctx, "p", "shop"); err != nil || s != access.DenyAll {
			t.Errorf("%s, %v", s, err)
		}
		if _, err := h.AppStrategy(ctx, "q", "shop"); said(err) != "application_not_found" {
			t.Error(err)
		}
	})
}
