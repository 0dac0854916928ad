package access_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// passMemberships puts the times of all memberships back, and lets nobody remember them.
func (h *hall) passMemberships(t *testing.T, ms int64) {
	t.Helper()
	for _, table := range []string{"group_members", "department_members"} {
		for _, column := range []string{"enable_time", "end_time"} {
			_, err := db.Exec(t.Context(), h.d, "update "+table+" set "+column+" = "+column+" - ? where pool_id = 'p' and "+column+" > 0", ms)
			must(t, err)
		}
	}
	must(t, h.d.Publish(t.Context(), "p", "access"))
}

// What groups and departments have, their members have as long as they are in them.
func TestRolesOfMembershipPeriods(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		id := h.addRole(t, "p", "a")
		root, err := h.dir.CreateOrganization(ctx, "p", directory.NewDepartment{Code: "acme", Name: "Acme"})
		must(t, err)
		in := directory.DepartmentRef{Organization: "acme", Value: root.ID}
		must(t, h.Grant(ctx, "p", []access.NewGrant{
			{Target: access.Target{Type: role, ID: id}, Resource: "r", Actions: []string{"a"}},
			{Target: access.Target{Type: group, ID: h.groups[1]}, Resource: "of the group", Actions: []string{"a"}},
		}))
		must(t, h.Assign(ctx, "p", refs("a"), []access.Target{{Type: group, ID: h.groups[1]}, {Type: directory.DepartmentTarget, ID: root.ID}}))
		for _, of := range []struct {
			name   string
			add    func(p directory.Period) error
			remove func() error
			direct bool // the group itself is granted something
		}{
			{"group", func(p directory.Period) error { return h.dir.AddMembersFor(ctx, "p", "g1", h.users[2:], p) },
				func() error { return h.dir.RemoveMembers(ctx, "p", "g1", h.users[2:]) }, true},
			{"department", func(p directory.Period) error { return h.dir.AddDepartmentMembersFor(ctx, "p", in, h.users[2:], p) },
				func() error { return h.dir.RemoveDepartmentMembers(ctx, "p", in, h.users[2:]) }, false},
		} {
			for _, c := range []struct {
				name       string
				begin, end int64
				steps      string
			}{
				{"always", 0, 0, "01110 01110 01110"},
				{"until", 0, hour / 2, "01110 00000 00000"},
				{"from", hour / 2, 0, "00000 01110 01110"},
				{"from until", hour / 2, hour * 3 / 2, "00000 01110 00000"},
			} {
				p := directory.Period{}
				if c.begin != 0 {
					p.Begin = ptr(h.d.Now() + c.begin)
				}
				if c.end != 0 {
					p.End = ptr(h.d.Now() + c.end)
				}
				must(t, of.add(p))
				var got []string
				for step := range 3 {
					if step > 0 {
						h.passMemberships(t, hour)
					}
					got = append(got, h.does(t, h.users[2], "a"))
					may, _, err := h.AuthorizedResourcesOfUser(ctx, "p", h.users[2], access.ResourceFilter{}, directory.Page{})
					must(t, err)
					direct := slices.ContainsFunc(may, func(r access.AuthorizedResource) bool { return r.Code == "of the group" })
					if want := of.direct && strings.Fields(c.steps)[step] != "00000"; direct != want {
						t.Errorf("%s, %s, hour %d: what the group is granted: %v", of.name, c.name, step, direct)
					}
				}
				if strings.Join(got, " ") != c.steps {
					t.Errorf("%s, %s: %v, want %s", of.name, c.name, got, c.steps)
				}
				must(t, of.remove())
			}
		}
	})
}
