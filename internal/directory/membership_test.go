package directory_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

const hour = int64(time.Hour / time.Millisecond)

// pass lets time pass: it puts the times of all memberships back.
func (h *groupHall) pass(t *testing.T, ms int64) {
	t.Helper()
	for _, table := range []string{"group_members", "department_members"} {
		for _, sql := range []string{"enable_time = enable_time - ? where pool_id = 'p' and enable_time > 0",
			"end_time = end_time - ? where pool_id = 'p' and end_time > 0", "created_at = created_at - ? where pool_id = 'p'"} {
			if _, err := db.Exec(t.Context(), h.d, "update "+table+" set "+sql, ms); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (h *groupHall) sweep(t *testing.T) {
	t.Helper()
	if err := h.SweepMemberships(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// period is one that begins and ends so far from now; 0 is not at all.
func (h *groupHall) period(begin, end int64) directory.Period {
	var p directory.Period
	now := h.d.Now()
	if begin != 0 {
		begin += now
		p.Begin = &begin
	}
	if end != 0 {
		end += now
		p.End = &end
	}
	return p
}

// reader is a way to learn whether a user is in the group "g" or the department api of the tree.
type reader struct {
	name string
	in   func(userID string) (bool, error)
}

func groupReaders(t *testing.T, h *groupHall, g *directory.Group) []reader {
	ctx := t.Context()
	one := directory.Page{Page: 1, Limit: 50}
	named := func(list []directory.Group, total int64, err error) (bool, error) {
		if int(total) != len(list) {
			t.Errorf("%d groups of %d", len(list), total)
		}
		return slices.ContainsFunc(list, func(x directory.Group) bool { return x.ID == g.ID }), err
	}
	has := func(userID string, list []directory.User, total int64, err error) (bool, error) {
		if int(total) != len(list) {
			t.Errorf("%d members of %d", len(list), total)
		}
		return slices.Contains(userIDs(list), userID), err
	}
	return []reader{
		{"GroupsOf", func(u string) (bool, error) { return named(h.GroupsOf(ctx, "p", u, one)) }},
		{"GroupsOfUsers", func(u string) (bool, error) {
			list, err := h.GroupsOfUsers(ctx, "p", []string{u})
			return named(list[u], int64(len(list[u])), err)
		}},
		{"Members", func(u string) (bool, error) {
			list, total, err := h.Members(ctx, "p", g.Code, one)
			return has(u, list, total, err)
		}},
		{"MembersOf", func(u string) (bool, error) {
			list, err := h.MembersOf(ctx, "p", []string{g.ID}, 50)
			return has(u, list[g.ID], int64(len(list[g.ID])), err)
		}},
		{"MembersOf, the newest", func(u string) (bool, error) { // user 1 has always been in it
			list, err := h.MembersOf(ctx, "p", []string{g.ID}, 1)
			if len(list[g.ID]) != 1 {
				t.Errorf("the newest are %v", userNames(list[g.ID]))
			}
			return has(u, list[g.ID], 1, err)
		}},
		{"IsMember", func(u string) (bool, error) { return h.IsMember(ctx, "p", g.Code, u) }},
		{"Users in groups", func(u string) (bool, error) {
			list, total, err := h.Users(ctx, "p", directory.UserQuery{InGroups: []string{g.ID}, Page: one})
			return has(u, list, total, err)
		}},
	}
}

func departmentReaders(t *testing.T, x *tree) []reader {
	ctx := t.Context()
	one := directory.Page{Page: 1, Limit: 50}
	has := func(userID string, list []directory.User, total int64, err error) (bool, error) {
		if int(total) != len(list) {
			t.Errorf("%d members of %d", len(list), total)
		}
		return slices.Contains(userIDs(list), userID), err
	}
	members := func(name, department string, q directory.MemberQuery) reader {
		q.Page = one
		return reader{name, func(u string) (bool, error) {
			list, total, err := x.DepartmentMembers(ctx, "p", in("acme", department), q)
			return has(u, list, total, err)
		}}
	}
	filter := func(name, operator, value string, want bool) reader {
		return reader{name, func(u string) (bool, error) {
			list, total, err := x.Users(ctx, "p", directory.UserQuery{Page: one,
				Filters: []directory.Filter{{Field: "department", Operator: operator, Value: jsontext.Value(value)}}})
			found, err := has(u, list, total, err)
			return found == want, err
		}}
	}
	return []reader{
		members("DepartmentMembers", x.api.ID, directory.MemberQuery{}),
		members("DepartmentMembers, by user", x.api.ID, directory.MemberQuery{SortBy: "userId"}),
		members("DepartmentMembers, by a user's field", x.api.ID, directory.MemberQuery{SortBy: "updatedAt"}),
		members("DepartmentMembers, named", x.api.ID, directory.MemberQuery{Keywords: "user"}),
		members("DepartmentMembers of all above", x.root.ID, directory.MemberQuery{Children: true}),
		members("DepartmentMembers of all above, named", x.dev.ID, directory.MemberQuery{Children: true, Keywords: "user"}),
		{"DepartmentMemberIDs", func(u string) (bool, error) {
			list, err := x.DepartmentMemberIDs(ctx, "p", in("acme", x.api.ID))
			return slices.Contains(list, u), err
		}},
		{"InDepartment", func(u string) (bool, error) { return x.InDepartment(ctx, "p", in("acme", x.api.ID), u, false) }},
		{"InDepartment above", func(u string) (bool, error) { return x.InDepartment(ctx, "p", in("acme", x.root.ID), u, true) }},
		{"UserDepartments", func(u string) (bool, error) {
			list, total, err := x.UserDepartments(ctx, "p", u, directory.UserDepartmentQuery{Page: one})
			if int(total) != len(list) {
				t.Errorf("%d departments of %d", len(list), total)
			}
			return len(list) > 0, err
		}},
		{"DepartmentIDsOf", func(u string) (bool, error) {
			list, err := x.DepartmentIDsOf(ctx, "p", []string{u})
			return slices.Contains(list[u], x.api.ID), err
		}},
		{"DepartmentFacts", func(u string) (bool, error) { // user 1 has always been in it
			facts, err := x.DepartmentFacts(ctx, "p", []string{x.api.ID})
			n := facts[x.api.ID].Members
			if n != 1 && n != 2 {
				t.Errorf("%d members", n)
			}
			return n == 2, err
		}},
		{"Users in departments", func(u string) (bool, error) {
			list, total, err := x.Users(ctx, "p", directory.UserQuery{InDepartments: []string{x.api.ID}, Page: one})
			return has(u, list, total, err)
		}},
		filter("a filter by department", "IN", `[{"departmentId":"`+x.api.ID+`"}]`, true),
		filter("a filter by all above", "IN", `[{"organizationCode":"acme","departmentId":"root","includeChildrenDepartments":true}]`, true),
		filter("a filter by any department", "NOT_NULL", "", true),
		filter("a filter by no department", "IS_NULL", "", false),
	}
}

// Whoever is in a group or a department is so from the beginning until the end, by the clock alone, whichever way one asks.
func TestMembershipPeriods(t *testing.T) {
	eachGroupHall(t, 3, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		g, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: "g"})
		if err != nil {
			t.Fatal(err)
		}
		u := h.users
		for _, of := range []struct {
			name    string
			add     func(userID string, p directory.Period) error
			remove  func(userID string) error
			readers []reader
		}{
			{"group", func(u string, p directory.Period) error { return h.AddMembersFor(ctx, "p", "g", []string{u}, p) },
				func(u string) error { return h.RemoveMembers(ctx, "p", "g", []string{u}) }, groupReaders(t, h, g)},
			{"department", func(u string, p directory.Period) error {
				return h.AddDepartmentMembersFor(ctx, "p", in("acme", x.api.ID), []string{u}, p)
			}, func(u string) error { return h.RemoveDepartmentMembers(ctx, "p", in("acme", x.api.ID), []string{u}) }, departmentReaders(t, x)},
		} {
			if err := of.add(u[1], directory.Period{}); err != nil {
				t.Fatal(err)
			}
			h.pass(t, hour)
			for _, c := range []struct {
				name       string
				begin, end int64  // from now; 0 is not at all
				steps      string // what holds now and after each hour
			}{
				{"always", 0, 0, "111"},
				{"until", 0, hour / 2, "100"},
				{"from", hour / 2, 0, "011"},
				{"from until", hour / 2, hour * 3 / 2, "010"},
				{"begun already", -hour, hour * 3 / 2, "110"},
				{"much later", 3 * hour, 4 * hour, "000"},
			} {
				for _, swept := range []bool{false, true} {
					if err := of.add(u[0], h.period(c.begin, c.end)); err != nil {
						t.Fatal(err)
					}
					for step := range 3 {
						if step > 0 {
							h.pass(t, hour)
						}
						if swept {
							h.sweep(t)
						}
						for _, r := range of.readers {
							is, err := r.in(u[0])
							if err != nil || is != (c.steps[step] == '1') {
								t.Errorf("%s, %s, %s, hour %d, swept %v: %v, %v", of.name, c.name, r.name, step, swept, is, err)
							}
						}
						for _, r := range of.readers[2:4] {
							if is, err := r.in(u[2]); err != nil || is {
								t.Errorf("%s, %s: somebody else: %v, %v", of.name, r.name, is, err)
							}
						}
					}
					if err := of.remove(u[0]); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if n, m := h.count(t, "group_members", "p"), h.count(t, "department_members", "p"); n != 1 || m != 1 {
			t.Errorf("%d and %d memberships are left", n, m)
		}

		for _, c := range []struct {
			name       string
			begin, end int64
			want       string
		}{
			{"over", 0, -1, "field_format endTime"},
			{"backwards", 2 * hour, hour, "field_format endTime"},
			{"empty", hour, hour, "field_format endTime"},
			{"negative", -h.d.Now() - hour, 0, "field_format startTime"},
		} {
			p := h.period(c.begin, c.end)
			if err := h.AddMembersFor(ctx, "p", "g", u[:1], p); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if err := h.AddDepartmentMembersFor(ctx, "p", in("acme", x.api.ID), u[:1], p); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
	})
}

// The first moment counts, the last does not.
func TestMembershipMoments(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "guildhall.db")
	if _, _, err := db.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	now := time.UnixMilli(1_000_000)
	d, err := db.Open(t.Context(), db.Options{DSN: dsn, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	h := &groupHall{Directory: directory.New(directory.Options{DB: d, Log: audit.New(d)}), d: d}
	h.users = h.addUsers(t, "p", 1)
	if _, err := h.CreateGroup(t.Context(), "p", directory.NewGroup{Code: "g"}); err != nil {
		t.Fatal(err)
	}
	if err := h.AddMembersFor(t.Context(), "p", "g", h.users, h.period(10, 20)); err != nil {
		t.Fatal(err)
	}
	begin := now.UnixMilli()
	for _, c := range []struct {
		after int64
		in    bool
		state string // what is listed
	}{{0, false, "later"}, {9, false, "later"}, {10, true, "now"}, {19, true, "now"}, {20, false, ""}, {21, false, ""}} {
		now = time.UnixMilli(begin + c.after)
		is, err := h.IsMember(t.Context(), "p", "g", h.users[0])
		list, total, err2 := h.GroupPeriods(t.Context(), "p", "g", directory.Page{Page: 1, Limit: 10})
		state := ""
		if len(list) > 0 {
			state = map[bool]string{true: "now", false: "later"}[list[0].InForceAt(now.UnixMilli())]
		}
		if err != nil || err2 != nil || is != c.in || state != c.state || int(total) != len(list) {
			t.Errorf("after %d ms: %v, %q, %v, %v", c.after, is, state, err, err2)
		}
	}
}

// The last word counts, and one word is like another whether a sweep came between them or not.
func TestMembershipsChange(t *testing.T) {
	eachGroupHall(t, 2, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		if _, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: "g"}); err != nil {
			t.Fatal(err)
		}
		u, api, yes := h.users[:1], in("acme", x.api.ID), true
		add := func(begin, end int64) func() error {
			return func() error { return h.AddDepartmentMembersFor(ctx, "p", api, u, h.period(begin, end)) }
		}
		group := func(begin, end int64) func() error {
			return func() error { return h.AddMembersFor(ctx, "p", "g", u, h.period(begin, end)) }
		}
		lead := func() error {
			_, err := h.UpdateDepartment(ctx, "p", api, directory.DepartmentPatch{Leaders: u})
			return err
		}
		put := func() error {
			return h.SetUserDepartments(ctx, "p", directory.ByID(u[0]), []directory.UserDepartmentInput{{ID: x.api.ID, Main: &yes, Leader: &yes}})
		}
		later := func() error { h.pass(t, hour); return nil }
		sweep := func() error { h.sweep(t); return nil }
		// state is: in the group and until when, in the department, leads it, has it as the main one.
		state := func() string {
			text := ""
			for _, list := range []func() ([]directory.Membership, int64, error){
				func() ([]directory.Membership, int64, error) {
					return h.GroupPeriods(ctx, "p", "g", directory.Page{Page: 1, Limit: 9})
				},
				func() ([]directory.Membership, int64, error) {
					return h.DepartmentPeriods(ctx, "p", api, directory.Page{Page: 1, Limit: 9})
				},
			} {
				found, _, err := list()
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case len(found) == 0:
					text += " out"
				case !found[0].InForceAt(h.d.Now()):
					text += " later"
				case found[0].EndTime > 0:
					text += " for now"
				default:
					text += " in"
				}
			}
			facts, err := h.DepartmentFacts(ctx, "p", []string{x.api.ID})
			if err != nil {
				t.Fatal(err)
			}
			list, _, err := h.UserDepartments(ctx, "p", u[0], directory.UserDepartmentQuery{Page: directory.Page{Page: 1, Limit: 9}})
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(facts[x.api.ID].Leaders, u[0]) {
				text += " leads"
			}
			if len(list) > 0 && list[0].Leader != strings.Contains(text, "leads") {
				t.Errorf("leader: %v, but%s", list[0].Leader, text)
			}
			if len(list) > 0 && list[0].Main {
				text += " main"
			}
			return strings.TrimSpace(text)
		}
		for _, c := range []struct {
			name string
			do   []func() error
			want string
		}{
			{"to come", []func() error{group(hour*3, 0), add(hour*3, 0)}, "later later"},
			{"to come, then at once", []func() error{group(hour, 0), group(0, 0), add(hour, 0), add(0, 0)}, "in in"},
			{"for a time, then for always", []func() error{group(0, hour*3), group(0, 0), add(0, hour*3), add(0, 0)}, "in in"},
			{"in, then for a time", []func() error{group(0, 0), group(0, hour*3), add(0, 0), add(0, hour*3)}, "for now for now"},
			{"in, then later", []func() error{group(0, 0), group(hour*3, 0), put, add(hour*3, 0)}, "later later"},
			{"begun later, after leading", []func() error{put, add(hour/2, 0), later}, "out in"},
			{"leads what is to come", []func() error{add(hour*3, hour*4), lead}, "out in leads"},
			{"leads for a time", []func() error{add(0, hour*3), lead}, "out for now leads"},
			{"is put where they are to come", []func() error{add(hour*3, hour*4), put}, "out in leads main"},
			{"is put where they are for a time", []func() error{add(0, hour*3), put}, "out for now leads main"},
			{"over", []func() error{group(0, hour/2), put, add(0, hour/2), later}, "out out"},
			{"over, then again", []func() error{group(0, hour/2), put, add(0, hour/2), later, group(0, 0), add(0, 0)}, "in in"},
			{"over and swept, then again", []func() error{group(0, hour/2), put, add(0, hour/2), later, sweep, group(0, 0), add(0, 0)}, "in in"},
			{"over, then leads", []func() error{put, add(0, hour/2), later, lead}, "out in leads"},
			{"over and swept, then leads", []func() error{put, add(0, hour/2), later, sweep, lead}, "out in leads"},
			{"removed before it begins", []func() error{group(hour/2, 0), add(hour/2, 0), func() error {
				if err := h.RemoveMembers(ctx, "p", "g", u); err != nil {
					return err
				}
				return h.RemoveDepartmentMembers(ctx, "p", api, u)
			}, later, sweep}, "out out"},
		} {
			for i, do := range c.do {
				if err := do(); err != nil {
					t.Fatalf("%s, step %d: %v", c.name, i, err)
				}
			}
			if got := state(); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			h.sweep(t)
			if got := state(); got != c.want {
				t.Errorf("%s, swept: %s, want %s", c.name, got, c.want)
			}
			found, err := h.User(ctx, "p", directory.ByID(u[0]))
			if err != nil || (found.MainDepartmentID == x.api.ID) != strings.Contains(c.want, "main") || (found.MainDepartmentCode == "") != (found.MainDepartmentID == "") {
				t.Errorf("%s: the main department is %q %q, %v", c.name, found.MainDepartmentID, found.MainDepartmentCode, err)
			}
			if err := h.RemoveMembers(ctx, "p", "g", u); err != nil {
				t.Fatal(err)
			}
			if err := h.RemoveDepartmentMembers(ctx, "p", api, u); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// records are all that the log of the pool has, the latest first.
func (h *groupHall) records(t *testing.T) (all []audit.Record) {
	t.Helper()
	for page := 1; ; page++ {
		list, _, err := h.log.List(t.Context(), "p", audit.Filter{Page: page, Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, list...); len(list) == 0 {
			return all
		}
	}
}

// told are the records of groups and departments since the first n: operation, name, how many users, by whom.
func (h *groupHall) told(t *testing.T, n int) (list []string, all int) {
	t.Helper()
	records := h.records(t)
	for _, r := range records[:len(records)-n] {
		values := r.After
		if r.Operation == audit.Remove {
			values = r.Before
		}
		users, _ := values["user_ids"].([]any)
		list = append(list, fmt.Sprint(r.Operation, " ", r.TargetName, " ", len(users), " ", r.ActorKind))
	}
	slices.Sort(list)
	return list, len(records)
}

func TestSweepMemberships(t *testing.T) {
	eachGroupHall(t, 4, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		u := h.users
		for _, pool := range []string{"p", "q"} {
			if _, err := h.CreateGroup(ctx, pool, directory.NewGroup{Code: "g"}); err != nil {
				t.Fatal(err)
			}
		}
		dev, api := in("acme", x.dev.ID), in("acme", x.api.ID)
		for i, err := range []error{
			h.AddMembersFor(ctx, "p", "g", u[:2], h.period(hour, 3*hour)),
			h.AddMembersFor(ctx, "p", "g", u[2:3], h.period(0, hour)),
			h.AddMembersFor(ctx, "p", "g", u[3:], directory.Period{}),
			h.AddMembersFor(ctx, "q", "g", h.other, h.period(hour, 0)),
			h.AddDepartmentMembersFor(ctx, "p", dev, u[:3], h.period(hour, 2*hour+hour/2)),
			h.AddDepartmentMembersFor(ctx, "p", api, u[:1], h.period(0, hour)),
		} {
			if err != nil {
				t.Fatal(i, err)
			}
		}
		yes := true
		if err := h.SetUserDepartments(ctx, "p", directory.ByID(u[0]), []directory.UserDepartmentInput{{ID: x.dev.ID, Main: &yes, Leader: &yes}, {ID: x.api.ID}}); err != nil {
			t.Fatal(err)
		}
		if err := h.AddDepartmentMembersFor(ctx, "p", dev, u[:1], h.period(0, 2*hour+hour/2)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			pass   int64
			want   []string
			groups int64 // memberships left
			nodes  int64
			main   bool
		}{
			{"nothing yet", 0, nil, 4, 4, true},
			{"some begin, some end", 2 * hour, []string{"add DEV 2 system", "add g 2 system", "remove API 1 system", "remove g 1 system"}, 3, 3, true},
			{"again", 0, nil, 3, 3, true},
			{"more end", 2 * hour, []string{"remove DEV 3 system", "remove g 2 system"}, 1, 0, false},
			{"long after", 1000 * hour, nil, 1, 0, false},
		} {
			h.pass(t, c.pass)
			_, before := h.told(t, 0)
			h.sweep(t)
			if got, _ := h.told(t, before); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
			if n, m := h.count(t, "group_members", "p"), h.count(t, "department_members", "p"); n != c.groups || m != c.nodes {
				t.Errorf("%s: %d and %d memberships are left", c.name, n, m)
			}
			if found, err := h.User(ctx, "p", directory.ByID(u[0])); err != nil || (found.MainDepartmentID != "") != c.main {
				t.Errorf("%s: the main department is %q, %v", c.name, found.MainDepartmentID, err)
			}
		}
		// What begins and ends between two sweeps is told twice.
		if err := h.AddMembersFor(ctx, "p", "g", u[:1], h.period(hour, 2*hour)); err != nil {
			t.Fatal(err)
		}
		h.pass(t, 3*hour)
		_, before := h.told(t, 0)
		h.sweep(t)
		if got, _ := h.told(t, before); !slices.Equal(got, []string{"add g 1 system", "remove g 1 system"}) {
			t.Errorf("between two sweeps: %q", got)
		}
		// What is over when somebody comes again is told before they come, in the server's name.
		if err := h.AddMembersFor(ctx, "p", "g", u[:1], h.period(0, hour)); err != nil {
			t.Fatal(err)
		}
		h.pass(t, 2*hour)
		_, before = h.told(t, 0)
		if err := h.AddMembers(ctx, "p", "g", u[:1]); err != nil {
			t.Fatal(err)
		}
		h.sweep(t)
		if got, _ := h.told(t, before); !slices.Equal(got, []string{"add g 1 system", "remove g 1 system"}) {
			t.Errorf("somebody came again: %q", got)
		}
		if list, _, err := h.log.List(ctx, "q", audit.Filter{Limit: 50}); err != nil || len(list) != 2 {
			t.Errorf("the other pool, whose time stood still, has %d records, %v", len(list), err)
		}
	})
}

// Servers that sweep at once tell of each membership once.
func TestSweepsAtOnce(t *testing.T) {
	const users, groups = 60, 20 // more than one transaction's worth
	eachGroupHall(t, users, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		for i := range groups {
			code := fmt.Sprint("g", i)
			if _, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: code}); err != nil {
				t.Fatal(err)
			}
			if err := h.AddMembersFor(ctx, "p", code, h.users, h.period(hour+int64(i), 3*hour)); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.AddDepartmentMembersFor(ctx, "p", in("acme", x.api.ID), h.users, h.period(hour, 3*hour)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			operation string
			left      int64
		}{{audit.Add, users}, {audit.Remove, 0}} {
			h.pass(t, 2*hour)
			_, before := h.told(t, 0)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					if err := h.SweepMemberships(ctx); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			records := h.records(t)
			seen := map[string]int{}
			for _, r := range records[:len(records)-before] {
				values := r.After
				if c.operation == audit.Remove {
					values = r.Before
				}
				for _, u := range values["user_ids"].([]any) {
					seen[fmt.Sprint(r.TargetID, u)]++
				}
				if r.Operation != c.operation {
					t.Errorf("%+v", r)
				}
			}
			for key, n := range seen {
				if n != 1 {
					t.Errorf("%s %s was told %d times", c.operation, key, n)
				}
			}
			if len(seen) != users*(groups+1) {
				t.Errorf("%s: %d were told, want %d", c.operation, len(seen), users*(groups+1))
			}
			if n, m := h.count(t, "group_members", "p"), h.count(t, "department_members", "p"); n != c.left*groups || m != c.left {
				t.Errorf("%s: %d and %d are left", c.operation, n, m)
			}
		}
	})
}
