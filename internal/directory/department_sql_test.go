package directory

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
)

var wholeTree = regexp.MustCompile(`\(pool_id=\?\)|AUTOMATIC|SCAN (group_members|departments|department_paths|department_members|department_posts|user_posts|posts|users|d|m|p|r|u|a|s|c)\b`)

// No statement of organisations, departments and posts reads a pool's whole part of a table, also while SQLite knows nothing of
// the tables' sizes.
func TestDepartmentPlans(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "guildhall.db")
	if _, _, err := db.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	var ran []string
	d, err := db.Open(t.Context(), db.Options{DSN: dsn, Trace: func(sql string) { ran = append(ran, sql) }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	h, ctx := New(Options{DB: d, Log: audit.New(d)}), t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in := func(id string) DepartmentRef { return DepartmentRef{Organization: "o", Value: id} }
	user := User{PoolID: "p", ID: d.NewID(), Username: "u"}
	must(nil, db.Insert(ctx, d, "users", &user))
	u := user.ID
	post, err := h.CreatePost(ctx, "p", NewPost{Code: "c", Name: "C"})
	must(nil, err)
	root, err := h.CreateOrganization(ctx, "p", NewDepartment{Code: "o", Name: "O", PostIDs: []string{post.ID}})
	must(nil, err)
	a, err := h.CreateDepartment(ctx, "p", in("root"), NewDepartment{Name: "A"})
	must(nil, err)
	b, err := h.CreateDepartment(ctx, "p", in("root"), NewDepartment{Name: "B"})
	must(nil, err)
	must(h.UpdateDepartment(ctx, "p", in(b.ID), DepartmentPatch{Parent: &a.ID, Leaders: []string{u}, PostIDs: []string{post.ID}}))
	must(nil, h.AddDepartmentMembers(ctx, "p", in(a.ID), []string{u}))
	must(nil, h.RemoveDepartmentMembers(ctx, "p", in(a.ID), []string{u}))
	yes := true
	must(nil, h.SetUserDepartments(ctx, "p", ByID(u), []UserDepartmentInput{{ID: a.ID, Main: &yes, Leader: &yes}}))
	must(nil, h.SetUserPosts(ctx, "p", ByID(u), []string{post.ID}))
	end, page := d.Now()+3_600_000, Page{Page: 1, Limit: 10}
	must(nil, h.AddDepartmentMembersFor(ctx, "p", in(a.ID), []string{u}, Period{End: &end}))
	_, _, err = h.DepartmentPeriods(ctx, "p", in(a.ID), page)
	must(nil, err)
	group, err := h.CreateGroup(ctx, "p", NewGroup{Code: "g"})
	must(nil, err)
	must(nil, h.AddMembersFor(ctx, "p", "g", []string{u}, Period{End: &end}))
	must(h.IsMember(ctx, "p", "g", u))
	_, _, err = h.GroupPeriods(ctx, "p", "g", page)
	must(nil, err)
	_, _, err = h.Members(ctx, "p", "g", page)
	must(nil, err)
	_, _, err = h.GroupsOf(ctx, "p", u, page)
	must(nil, err)
	_, _, err = h.Users(ctx, "p", UserQuery{InGroups: []string{group.ID}, InDepartments: []string{a.ID}, Sort: []Sort{{Field: "lastIp"}}})
	must(nil, err)
	must(nil, h.SweepMemberships(ctx))
	for _, children := range []bool{false, true} {
		for _, sort := range []string{"JoinDepartmentAt", "userId", "updatedAt"} {
			_, _, err := h.DepartmentMembers(ctx, "p", in(a.ID), MemberQuery{Children: children, SortBy: sort})
			must(nil, err)
		}
		must(h.InDepartment(ctx, "p", in(a.ID), u, children))
		_, _, err := h.ChildDepartments(ctx, "p", in("root"), ChildQuery{All: children, Enabled: &yes})
		must(nil, err)
	}
	must(h.DepartmentMemberIDs(ctx, "p", in(a.ID)))
	must(h.DepartmentFacts(ctx, "p", []string{a.ID}))
	must(h.DepartmentIDsOf(ctx, "p", []string{u}))
	must(h.OrganizationsByCode(ctx, "p", []string{"o"}))
	must(h.ParentDepartment(ctx, "p", in(b.ID)))
	must(h.PostFacts(ctx, "p", []string{post.ID}))
	must(h.PostsOfUser(ctx, "p", u))
	must(h.DepartmentIDsOfPost(ctx, "p", post.ID))
	must(h.PostIDsOfDepartments(ctx, "p", []string{a.ID}))
	_, _, err = h.UserDepartments(ctx, "p", u, UserDepartmentQuery{Paths: true})
	must(nil, err)
	for _, ref := range []string{"", "open_department_id", "code"} {
		h.Department(ctx, "p", DepartmentRef{Organization: "o", Type: ref, Value: "x"})
	}
	for _, children := range []string{"true", "false"} {
		_, _, err = h.Users(ctx, "p", UserQuery{Sort: []Sort{{Field: "lastIp"}}, Filters: []Filter{{Field: "department", Operator: "IN",
			Value: jsontext.Value(`[{"organizationCode":"o","departmentId":"` + a.ID + `","includeChildrenDepartments":` + children + `}]`)}}})
		must(nil, err)
	}
	must(nil, h.AddDepartmentLeaders(ctx, "p", anyDepartment(b.ID), []string{u}))
	must(nil, h.MoveDepartmentMembers(ctx, "p", anyDepartment(b.ID), anyDepartment(root.ID), []string{u}))
	must(nil, h.SetMainDepartment(ctx, "p", ByID(u), root.ID))
	must(h.OrganizationNodes(ctx, "p", []string{root.ID}))
	must(h.DepartmentPaths(ctx, "p", []string{a.ID}))
	must(h.DepartmentsByCode(ctx, "p", []string{"o"}))
	must(h.Department(ctx, "p", DepartmentRef{OrgID: root.ID, Value: a.ID}))
	imported, err := h.ImportOrganization(ctx, "p", DepartmentTree{NewDepartment: NewDepartment{Name: "I"}, Children: []DepartmentTree{{NewDepartment: NewDepartment{Name: "J"}}}})
	must(nil, err)
	must(nil, h.DeleteOrganization(ctx, "p", imported.Code))
	must(nil, h.DeletePost(ctx, "p", "c"))
	must(nil, h.DeleteDepartment(ctx, "p", in(b.ID)))
	must(nil, h.DeleteOrganization(ctx, "p", root.Code))

	slices.Sort(ran)
	for _, sql := range slices.Compact(ran) {
		if !strings.Contains(sql, "department") && !strings.Contains(sql, "posts") && !strings.Contains(sql, "group_members") {
			continue
		}
		plan, err := db.List[planStep](ctx, d, "explain query plan "+sql, slices.Repeat([]any{"1"}, strings.Count(sql, "?"))...)
		if err != nil {
			t.Fatal(sql, err)
		}
		for _, s := range plan {
			if wholeTree.MatchString(s.Detail) {
				t.Errorf("%s\n%s", s.Detail, sql)
			}
			if strings.HasPrefix(sql, "select count(*) from") && strings.Contains(sql, "_members where") && strings.Contains(s.Detail, "_members") &&
				!strings.Contains(s.Detail, "COVERING") && !strings.Contains(sql, "user_id in") {
				t.Errorf("members are counted by their rows: %s\n%s", s.Detail, sql)
			}
		}
	}
}
