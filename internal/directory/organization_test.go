package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

func said(err error) string {
	if e := fault.As(err); e != nil {
		return strings.Join(append([]string{e.Code}, e.Args...), " ")
	}
	return fmt.Sprint(err)
}

func ids(list []directory.Department) (out []string) {
	for _, n := range list {
		out = append(out, n.ID)
	}
	return out
}

func userIDs(list []directory.User) (out []string) {
	for _, u := range list {
		out = append(out, u.ID)
	}
	return out
}

// tree is an organisation "acme" of dev (api, web) and ops.
type tree struct {
	*groupHall
	root, dev, api, web, ops *directory.Department
}

func newTree(t *testing.T, h *groupHall) *tree {
	t.Helper()
	out := &tree{groupHall: h}
	var err error
	if out.root, err = h.CreateOrganization(t.Context(), "p", directory.NewDepartment{Code: "acme", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
	make := func(code, parent string) *directory.Department {
		n, err := h.CreateDepartment(t.Context(), "p", in("acme", parent), directory.NewDepartment{Code: code, Name: strings.ToUpper(code), OpenID: "open-" + code})
		if err != nil {
			t.Fatal(code, err)
		}
		return n
	}
	out.dev = make("dev", directory.Root)
	out.api, out.web = make("api", out.dev.ID), make("web", out.dev.ID)
	out.ops = make("ops", out.root.ID)
	return out
}

func in(organization, id string) directory.DepartmentRef {
	return directory.DepartmentRef{Organization: organization, Value: id}
}

func TestOrganizations(t *testing.T) {
	eachGroupHall(t, 3, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		for _, c := range []struct{ code, want string }{
			{"acme", "organization_code_taken"},
			{"额！ ", "organization_code_invalid 额！ "},
			{" ", "organization_code_invalid  "},
			{strings.Repeat("1", 65), "field_format organizationCode"},
			{"a\x00", "field_format organizationCode"},
		} {
			if _, err := h.CreateOrganization(ctx, "p", directory.NewDepartment{Code: c.code, Name: "N"}); said(err) != c.want {
				t.Errorf("create %q: %v", c.code, err)
			}
		}
		if _, err := h.CreateOrganization(ctx, "p", directory.NewDepartment{Code: "n"}); said(err) != "field_format name" {
			t.Error(err)
		}
		other, err := h.CreateOrganization(ctx, "q", directory.NewDepartment{Code: "acme", Name: "Acme"})
		if err != nil {
			t.Fatal("a code is free in another pool: ", err)
		}
		picked, err := h.CreateOrganization(ctx, "p", directory.NewDepartment{Name: "Picked"})
		if err != nil || picked.Code != picked.ID {
			t.Fatal(picked, err)
		}

		list, total, err := h.Organizations(ctx, "p", directory.OrganizationQuery{Page: directory.Page{Page: 1, Limit: 10}})
		if err != nil || total != 2 || !slices.Equal(ids(list), []string{picked.ID, x.root.ID}) {
			t.Error(list, total, err)
		}
		no := false
		for _, c := range []struct {
			q    directory.OrganizationQuery
			want int64
		}{{directory.OrganizationQuery{Keywords: "aCM"}, 1}, {directory.OrganizationQuery{Keywords: "dev"}, 0}, {directory.OrganizationQuery{Enabled: &no}, 0}} {
			if _, total, err := h.Organizations(ctx, "p", c.q); err != nil || total != c.want {
				t.Errorf("%+v: %d %v", c.q, total, err)
			}
		}
		if list, err := h.OrganizationsByCode(ctx, "p", []string{picked.Code, "none", "acme"}); err != nil || !slices.Equal(ids(list), []string{picked.ID, x.root.ID}) {
			t.Error(list, err)
		}
		if _, err := h.OrganizationByID(ctx, "p", other.ID); said(err) != "organization_not_found "+other.ID {
			t.Error(err)
		}
		if _, err := h.OrganizationByID(ctx, "p", x.dev.ID); said(err) != "organization_not_found "+x.dev.ID {
			t.Error(err)
		}

		code, empty, taken := "acme2", "", picked.Code
		if o, err := h.UpdateOrganization(ctx, "p", "acme", directory.DepartmentPatch{Code: &code, Name: &code}); err != nil || o.Code != code || o.Name != code {
			t.Error(o, err)
		}
		if o, err := h.UpdateOrganization(ctx, "p", code, directory.DepartmentPatch{Code: &empty}); err != nil || o.Code != code {
			t.Error(o, err)
		}
		if _, err := h.UpdateOrganization(ctx, "p", code, directory.DepartmentPatch{Code: &taken}); !errors.Is(err, directory.ErrOrganizationCodeTaken) {
			t.Error(err)
		}
		if _, err := h.Organization(ctx, "p", "acme"); said(err) != "organization_not_found acme" {
			t.Error(err)
		}
		if err := h.AddDepartmentMembers(ctx, "p", in(code, x.api.ID), h.users[:1]); err != nil {
			t.Fatal(err)
		}
		yes := true
		if err := h.SetUserDepartments(ctx, "p", directory.ByID(h.users[1]), []directory.UserDepartmentInput{{ID: x.web.ID, Main: &yes}}); err != nil {
			t.Fatal(err)
		}
		if err := h.DeleteOrganization(ctx, "p", code); err != nil {
			t.Fatal(err)
		}
		if err := h.DeleteOrganization(ctx, "p", code); said(err) != "organization_not_found "+code {
			t.Error(err)
		}
		if h.count(t, "departments", "p") != 1 || h.count(t, "department_paths", "p") != 1 || h.count(t, "department_members", "p") != 0 || h.count(t, "departments", "q") != 1 {
			t.Error("a deleted organisation leaves something, or took too much")
		}
		if u, err := h.User(ctx, "p", directory.ByID(h.users[1])); err != nil || u.MainDepartmentID != "" {
			t.Error("the main department stayed", err)
		}
		records, _, err := h.log.List(ctx, "p", audit.Filter{Resource: audit.Org, Limit: 50})
		if err != nil || len(records) != 9 || records[0].Operation != audit.Delete || records[0].TargetID != x.root.ID {
			t.Error(len(records), err)
		}
	})
}

func TestDepartments(t *testing.T) {
	eachGroupHall(t, 3, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		if _, err := h.CreateOrganization(ctx, "p", directory.NewDepartment{Code: "other", Name: "Other"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			parent directory.DepartmentRef
			n      directory.NewDepartment
			want   string
		}{
			{in("none", "root"), directory.NewDepartment{Name: "N"}, "organization_not_found none"},
			{in("", "root"), directory.NewDepartment{Name: "N"}, "organization_not_found "},
			{in(" ", "root"), directory.NewDepartment{Name: "N"}, "organization_code_blank  "},
			{in(strings.Repeat("1", 65), "root"), directory.NewDepartment{Name: "N"}, "field_format organizationCode"},
			{in("acme", "none"), directory.NewDepartment{Name: "N"}, "department_not_found"},
			{in("other", x.dev.ID), directory.NewDepartment{Name: "N"}, "department_not_found"},
			{in("acme", ""), directory.NewDepartment{Name: "N"}, "field_format departmentId"},
			{in("acme", "root"), directory.NewDepartment{Name: ""}, "field_format name"},
			{in("acme", "root"), directory.NewDepartment{Name: "N", Code: "dev"}, "department_code_taken"},
			{in("acme", "root"), directory.NewDepartment{Name: "N", OpenID: "open-dev"}, "open_department_taken"},
			{in("acme", "root"), directory.NewDepartment{Name: "N", Code: "a b"}, "organization_code_invalid a b"},
			{in("acme", "root"), directory.NewDepartment{Name: "N", Custom: map[string]jsontext.Value{"x": jsontext.Value("1")}}, "field_undefined x"},
			{in("acme", "root"), directory.NewDepartment{Name: "N", PostIDs: []string{"x"}}, "post_not_found"},
		} {
			if _, err := h.CreateDepartment(ctx, "p", c.parent, c.n); said(err) != c.want {
				t.Errorf("create in %+v %+v: %v", c.parent, c.n, err)
			}
		}
		if _, err := h.CreateDepartment(ctx, "p", in("other", "root"), directory.NewDepartment{Name: "N", Code: "dev"}); err != nil {
			t.Error("a code is free in another organisation: ", err)
		}

		if _, err := h.SetFields(ctx, "p", []directory.FieldInput{{TargetType: directory.DepartmentTarget, Key: "cost", DataType: directory.StringData}}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.UpdateDepartment(ctx, "p", in("acme", x.ops.ID), directory.DepartmentPatch{Custom: map[string]jsontext.Value{"cost": jsontext.Value(`"c:1"`)}}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ kind, value, want string }{
			{"", x.ops.ID, x.ops.ID}, {"department_id", "root", x.root.ID}, {"code", "ops", x.ops.ID}, {"code", "OPS", ""},
			{"open_department_id", "open-ops", x.ops.ID}, {"custom_field", "cost:c:1", x.ops.ID}, {"custom_field", "cost:c", ""},
			{"sync_relation", "lark:1", ""}, {"", "nonsense", ""},
		} {
			n, err := h.Department(ctx, "p", directory.DepartmentRef{Organization: "acme", Type: c.kind, Value: c.value})
			if c.want == "" && !errors.Is(err, directory.ErrDepartmentNotFound) || c.want != "" && (err != nil || n.ID != c.want) {
				t.Errorf("%s %s: %v %v", c.kind, c.value, n, err)
			}
			if _, err := h.Department(ctx, "q", directory.DepartmentRef{Anywhere: true, Type: c.kind, Value: c.value}); err == nil {
				t.Errorf("%s %s is seen from another pool", c.kind, c.value)
			}
		}
		if n, err := h.ParentDepartment(ctx, "p", in("acme", x.api.ID)); err != nil || n.ID != x.dev.ID {
			t.Error(n, err)
		}
		if _, err := h.ParentDepartment(ctx, "p", in("acme", "root")); !errors.Is(err, directory.ErrDepartmentNotFound) {
			t.Error(err)
		}

		for _, c := range []struct {
			id   string
			q    directory.ChildQuery
			want []string
		}{
			{"root", directory.ChildQuery{}, []string{x.dev.ID, x.ops.ID}},
			{"root", directory.ChildQuery{All: true}, []string{x.dev.ID, x.ops.ID, x.api.ID, x.web.ID}},
			{x.dev.ID, directory.ChildQuery{}, []string{x.api.ID, x.web.ID}},
			{x.api.ID, directory.ChildQuery{All: true}, nil},
		} {
			list, total, err := h.ChildDepartments(ctx, "p", in("acme", c.id), c.q)
			if err != nil || total != int64(len(c.want)) || !slices.Equal(ids(list), c.want) {
				t.Errorf("children of %s: %v %d %v", c.id, ids(list), total, err)
			}
		}

		for _, c := range []struct {
			q    directory.DepartmentQuery
			want int64
		}{
			{directory.DepartmentQuery{}, 4},
			{directory.DepartmentQuery{Keywords: "pi"}, 1},
			{directory.DepartmentQuery{Keywords: "acme"}, 0},
			{directory.DepartmentQuery{Filters: []directory.Filter{{Field: "name", Operator: "IN", Value: jsontext.Value(`["DEV","OPS"]`)}}}, 2},
			{directory.DepartmentQuery{Filters: []directory.Filter{{Field: "createdAt", Operator: "LESSER", Value: jsontext.Value(`1`)}}}, 0},
		} {
			if _, total, err := h.SearchDepartments(ctx, "p", "acme", c.q); err != nil || total != c.want {
				t.Errorf("%+v: %d %v", c.q, total, err)
			}
		}
		if _, _, err := h.SearchDepartments(ctx, "p", "acme", directory.DepartmentQuery{Filters: []directory.Filter{{Field: "pool_id", Operator: "EQUAL"}}}); said(err) != "field_format advancedFilter" {
			t.Error(err)
		}

		// Moves.
		move := func(id, to string) error {
			_, err := h.UpdateDepartment(ctx, "p", in("acme", id), directory.DepartmentPatch{Parent: &to})
			return err
		}
		for _, c := range []struct{ id, to, want string }{
			{x.dev.ID, x.api.ID, "department_cycle"}, {x.dev.ID, x.dev.ID, "department_cycle"},
			{"root", x.dev.ID, "department_is_root"}, {x.dev.ID, "nonsense", "department_not_found"},
		} {
			if err := move(c.id, c.to); said(err) != c.want {
				t.Errorf("move %s to %s: %v", c.id, c.to, err)
			}
		}
		if err := move(x.dev.ID, x.ops.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.SetUserDepartments(ctx, "p", directory.ByID(h.users[0]), []directory.UserDepartmentInput{{ID: x.api.ID}}); err != nil {
			t.Fatal(err)
		}
		found, _, err := h.UserDepartments(ctx, "p", h.users[0], directory.UserDepartmentQuery{Paths: true, Page: directory.Page{Limit: 10}})
		if err != nil || len(found) != 1 || !slices.Equal(ids(found[0].Path), []string{x.root.ID, x.ops.ID, x.dev.ID, x.api.ID}) || found[0].OrganizationCode != "acme" {
			t.Errorf("%+v %v", found, err)
		}
		facts, err := h.DepartmentFacts(ctx, "p", []string{x.root.ID, x.dev.ID, x.api.ID})
		if err != nil || facts[x.dev.ID].ParentCode != "ops" || !facts[x.dev.ID].HasChildren || facts[x.api.ID].HasChildren || facts[x.api.ID].Members != 1 || facts[x.api.ID].OrganizationCode != "acme" {
			t.Error(facts, err)
		}
		if err := h.DeleteDepartment(ctx, "p", in("acme", "root")); !errors.Is(err, directory.ErrDepartmentIsRoot) {
			t.Error(err)
		}
		if err := h.DeleteDepartment(ctx, "p", in("acme", x.dev.ID)); err != nil {
			t.Fatal(err)
		}
		if n, err := h.DepartmentsByID(ctx, "p", []string{x.dev.ID, x.api.ID, x.web.ID, x.ops.ID}); err != nil || len(n) != 1 {
			t.Error(n, err)
		}
	})
}

func TestDepartmentMembers(t *testing.T) {
	eachGroupHall(t, 4, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		u, yes, no := h.users, true, false
		if err := h.AddDepartmentMembers(ctx, "p", in("acme", x.dev.ID), []string{u[0], u[1], u[0]}); err != nil {
			t.Fatal(err)
		}
		if err := h.AddDepartmentMembers(ctx, "p", in("acme", x.api.ID), []string{u[0], u[2]}); err != nil {
			t.Fatal(err)
		}
		for _, list := range [][]string{{u[3], "nobody"}, {u[3], h.other[0]}} {
			if err := h.AddDepartmentMembers(ctx, "p", in("acme", x.ops.ID), list); !errors.Is(err, directory.ErrUserNotFound) {
				t.Error(list, err)
			}
		}
		for _, c := range []struct {
			id   string
			q    directory.MemberQuery
			want []string
		}{
			{x.dev.ID, directory.MemberQuery{SortBy: "userId", Ascend: true}, u[:2]},
			{x.dev.ID, directory.MemberQuery{SortBy: "createAt", Ascend: true}, u[:2]},
			{x.dev.ID, directory.MemberQuery{SortBy: "userId", Ascend: true, Children: true}, u[:3]},
			{x.dev.ID, directory.MemberQuery{SortBy: "updatedAt", Ascend: true, Children: true}, u[:3]},
			{"root", directory.MemberQuery{SortBy: "userId", Children: true, Keywords: "USER2"}, u[2:3]},
			{"root", directory.MemberQuery{}, nil},
			{x.api.ID, directory.MemberQuery{Keywords: "user1"}, nil},
		} {
			c.q.Page = directory.Page{Page: 1, Limit: 10}
			list, total, err := h.DepartmentMembers(ctx, "p", in("acme", c.id), c.q)
			if err != nil || total != int64(len(c.want)) || !slices.Equal(userIDs(list), c.want) {
				t.Errorf("%s %+v: %v %d %v", c.id, c.q, userIDs(list), total, err)
			}
		}
		for _, sort := range []string{"", "Default", "JoinDepartmentAt"} {
			list, total, err := h.DepartmentMembers(ctx, "p", in("acme", x.dev.ID), directory.MemberQuery{SortBy: sort, Children: true, Page: directory.Page{Page: 2, Limit: 2}})
			if err != nil || total != 3 || len(list) != 1 {
				t.Error(sort, list, total, err)
			}
		}
		for _, c := range []struct {
			user, id string
			children bool
			want     bool
		}{{u[2], x.dev.ID, false, false}, {u[2], x.dev.ID, true, true}, {u[2], "root", true, true}, {u[2], x.api.ID, false, true}, {u[3], "root", true, false}} {
			if got, err := h.InDepartment(ctx, "p", in("acme", c.id), c.user, c.children); err != nil || got != c.want {
				t.Errorf("%+v: %v %v", c, got, err)
			}
		}

		if _, err := h.UpdateDepartment(ctx, "p", in("acme", x.ops.ID), directory.DepartmentPatch{Leaders: []string{u[3], u[1]}}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.UpdateDepartment(ctx, "p", in("acme", x.ops.ID), directory.DepartmentPatch{Leaders: []string{u[3]}}); err != nil {
			t.Fatal(err)
		}
		if facts, err := h.DepartmentFacts(ctx, "p", []string{x.ops.ID}); err != nil || !slices.Equal(facts[x.ops.ID].Leaders, u[3:]) || facts[x.ops.ID].Members != 2 {
			t.Error(facts, err)
		}
		if _, err := h.UpdateDepartment(ctx, "p", in("acme", x.ops.ID), directory.DepartmentPatch{Leaders: []string{"nobody"}}); !errors.Is(err, directory.ErrUserNotFound) {
			t.Error(err)
		}

		set := func(list ...directory.UserDepartmentInput) error {
			return h.SetUserDepartments(ctx, "p", directory.ByID(u[3]), list)
		}
		if err := set(directory.UserDepartmentInput{ID: x.ops.ID, Main: &yes}, directory.UserDepartmentInput{ID: x.web.ID, Leader: &yes}); err != nil {
			t.Fatal(err)
		}
		list, total, err := h.UserDepartments(ctx, "p", u[3], directory.UserDepartmentQuery{SortBy: "DepartmentName", Ascend: true, Page: directory.Page{Limit: 10}})
		if err != nil || total != 2 || !list[0].Main || !list[0].Leader || list[0].Name != "OPS" || list[1].Main || !list[1].Leader {
			t.Errorf("%+v %v", list, err)
		}
		for _, c := range []struct {
			list []directory.UserDepartmentInput
			want string
		}{
			{nil, "list_min departments 1"},
			{[]directory.UserDepartmentInput{{ID: x.ops.ID}, {ID: "none"}}, "department_invalid none"},
			{[]directory.UserDepartmentInput{{ID: ""}}, "department_invalid "},
			{[]directory.UserDepartmentInput{{ID: x.ops.ID, Main: &yes}, {ID: x.web.ID, Main: &yes}}, "field_format isMainDepartment"},
		} {
			if err := set(c.list...); said(err) != c.want {
				t.Errorf("%+v: %v", c.list, err)
			}
		}
		if err := h.SetUserDepartments(ctx, "q", directory.ByID(h.other[0]), []directory.UserDepartmentInput{{ID: x.ops.ID}}); said(err) != "department_invalid "+x.ops.ID {
			t.Error(err)
		}
		if err := set(directory.UserDepartmentInput{ID: x.web.ID, Leader: &no}); err != nil {
			t.Fatal(err)
		}
		if m, err := h.DepartmentIDsOf(ctx, "p", []string{u[0], u[3]}); err != nil || len(m[u[0]]) != 2 || !slices.Equal(m[u[3]], []string{x.web.ID}) {
			t.Error(m, err)
		}
		if found, err := h.User(ctx, "p", directory.ByID(u[3])); err != nil || found.MainDepartmentID != "" {
			t.Error(found, err)
		}

		for _, c := range []struct {
			filter string
			want   []string
		}{
			{`[{"organizationCode":"acme","departmentId":"` + x.dev.ID + `","departmentIdType":"department_id","includeChildrenDepartments":false}]`, u[:2]},
			{`[{"organizationCode":"acme","departmentId":"dev","departmentIdType":"code","includeChildrenDepartments":true}]`, u},
			{`[{"departmentId":"` + x.api.ID + `"},{"organizationCode":"acme","departmentId":"web","departmentIdType":"code"}]`, []string{u[0], u[2], u[3]}},
			{`[{"organizationCode":"none","departmentId":"dev","departmentIdType":"code"}]`, nil},
			{`[]`, nil},
		} {
			users, _, err := h.Users(ctx, "p", directory.UserQuery{Filters: []directory.Filter{{Field: "department", Operator: "IN", Value: jsontext.Value(c.filter)}},
				Sort: []directory.Sort{{Field: "id"}}, Page: directory.Page{Limit: 10}})
			if err != nil || !slices.Equal(userIDs(users), c.want) {
				t.Errorf("%s: %v %v", c.filter, userIDs(users), err)
			}
		}
		for op, want := range map[string]int{"IS_NULL": 0, "NOT_NULL": 4} {
			users, _, err := h.Users(ctx, "p", directory.UserQuery{Filters: []directory.Filter{{Field: "department", Operator: op}}, Page: directory.Page{Limit: 10}})
			if err != nil || len(users) != want {
				t.Error(op, len(users), err)
			}
		}
		if users, _, err := h.Users(ctx, "p", directory.UserQuery{InDepartments: []string{x.api.ID}, Page: directory.Page{Limit: 10}}); err != nil || len(users) != 2 {
			t.Error(len(users), err)
		}

		if err := h.RemoveDepartmentMembers(ctx, "p", in("acme", x.api.ID), []string{u[0], "nobody"}); err != nil {
			t.Fatal(err)
		}
		if got, err := h.DepartmentMemberIDs(ctx, "p", in("acme", x.api.ID)); err != nil || !slices.Equal(got, u[2:3]) {
			t.Error(got, err)
		}
		if err := h.Resign(ctx, "p", directory.Refs("", u[2:3])); err != nil {
			t.Fatal(err)
		}
		if err := h.DeleteUsers(ctx, "p", directory.Refs("", u[:1])); err != nil {
			t.Fatal(err)
		}
		if m, err := h.DepartmentIDsOf(ctx, "p", u); err != nil || m[u[0]] != nil || m[u[2]] != nil || m[u[1]] == nil {
			t.Error("who left is still in a department", m, err)
		}

		name := "new"
		made, err := h.CreateUser(ctx, "p", directory.NewUser{UserInput: directory.UserInput{Username: &name}, DepartmentIDs: []string{x.web.ID, x.api.ID}})
		if err != nil {
			t.Fatal(err)
		}
		if m, err := h.DepartmentIDsOf(ctx, "p", []string{made.ID}); err != nil || len(m[made.ID]) != 2 {
			t.Error(m, err)
		}
		name = "newer"
		if _, err := h.CreateUser(ctx, "p", directory.NewUser{UserInput: directory.UserInput{Username: &name}, DepartmentIDs: []string{"none"}}); said(err) != "department_invalid none" {
			t.Error(err)
		}
	})
}

// Random operations keep the closure equal to what parents alone say.
func TestDepartmentPaths(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		ctx, turn := t.Context(), 0
		rapid.Check(t, func(r *rapid.T) {
			turn++
			org := fmt.Sprint("org", turn)
			root, err := h.CreateOrganization(ctx, "p", directory.NewDepartment{Code: org, Name: org})
			if err != nil {
				r.Fatal(err)
			}
			parent := map[string]string{root.ID: ""}
			nodes := []string{root.ID}
			above := func(id, other string) bool { // other is id or above it
				for ; id != ""; id = parent[id] {
					if id == other {
						return true
					}
				}
				return false
			}
			for range rapid.IntRange(1, 12).Draw(r, "steps") {
				a, b := rapid.SampledFrom(nodes).Draw(r, "a"), rapid.SampledFrom(nodes).Draw(r, "b")
				switch rapid.IntRange(0, 4).Draw(r, "verb") {
				case 0, 1:
					n, err := h.CreateDepartment(ctx, "p", in(org, a), directory.NewDepartment{Name: "n"})
					if err != nil {
						r.Fatal(err)
					}
					parent[n.ID] = a
					nodes = append(nodes, n.ID)
				case 2, 3:
					_, err := h.UpdateDepartment(ctx, "p", in(org, a), directory.DepartmentPatch{Parent: &b})
					switch {
					case a == root.ID:
						if !errors.Is(err, directory.ErrDepartmentIsRoot) {
							r.Fatal(err)
						}
					case above(b, a):
						if !errors.Is(err, directory.ErrDepartmentCycle) {
							r.Fatal(err)
						}
					case err != nil:
						r.Fatal(err)
					default:
						parent[a] = b
					}
				default:
					if a == root.ID {
						continue
					}
					if err := h.DeleteDepartment(ctx, "p", in(org, a)); err != nil {
						r.Fatal(err)
					}
					gone := map[string]bool{}
					for _, id := range nodes {
						gone[id] = above(id, a)
					}
					nodes = slices.DeleteFunc(nodes, func(id string) bool { return gone[id] })
					for id := range gone {
						if gone[id] {
							delete(parent, id)
						}
					}
				}
			}
			var want []string
			for _, id := range nodes {
				for at, depth := id, 0; at != ""; at, depth = parent[at], depth+1 {
					want = append(want, fmt.Sprint(id, at, depth))
				}
			}
			type row struct {
				Descendant string `db:"descendant"`
				Ancestor   string `db:"ancestor"`
				Depth      int64  `db:"depth"`
			}
			rows, err := db.List[row](ctx, h.d, `select descendant, ancestor, depth from department_paths where pool_id = 'p' and descendant in (
				select descendant from department_paths where pool_id = 'p' and ancestor = ?)`, root.ID)
			if err != nil {
				r.Fatal(err)
			}
			var have []string
			for _, p := range rows {
				have = append(have, fmt.Sprint(p.Descendant, p.Ancestor, p.Depth))
			}
			slices.Sort(want)
			slices.Sort(have)
			if !slices.Equal(want, have) {
				r.Fatalf("closure:\n%v\nwant:\n%v", have, want)
			}
			if err := h.DeleteOrganization(ctx, "p", org); err != nil {
				r.Fatal(err)
			}
			if n := h.count(t, "department_paths", "p"); n != 0 {
				r.Fatalf("%d paths are left", n)
			}
		})
	})
}

// Two moves that each are fine alone, and a circle together: one of them sees the other.
func TestMovesAtOnce(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		x := newTree(t, h)
		for range 10 {
			results := make(chan error)
			for _, m := range [][2]string{{x.dev.ID, x.ops.ID}, {x.ops.ID, x.dev.ID}} {
				go func() {
					_, err := h.UpdateDepartment(t.Context(), "p", in("acme", m[0]), directory.DepartmentPatch{Parent: &m[1]})
					results <- err
				}()
			}
			refused := 0
			for range 2 {
				if err := <-results; errors.Is(err, directory.ErrDepartmentCycle) {
					refused++
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if refused != 1 {
				t.Fatalf("%d moves were refused", refused)
			}
			root := directory.Root
			for _, id := range []string{x.dev.ID, x.ops.ID} {
				if _, err := h.UpdateDepartment(t.Context(), "p", in("acme", id), directory.DepartmentPatch{Parent: &root}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// What comes after a failed step of a verb is undone with it.
func TestDepartmentAllOrNone(t *testing.T) {
	eachGroupHall(t, 1, func(t *testing.T, h *groupHall) {
		x := newTree(t, h)
		name, parent := "Renamed", x.ops.ID
		if _, err := h.UpdateDepartment(t.Context(), "p", in("acme", x.dev.ID), directory.DepartmentPatch{Name: &name, Parent: &parent,
			Leaders: h.users, PostIDs: []string{"none"}}); !errors.Is(err, directory.ErrPostNotFound) {
			t.Fatal(err)
		}
		n, err := h.Department(t.Context(), "p", in("acme", x.dev.ID))
		if err != nil || *n != *x.dev || h.count(t, "department_members", "p") != 0 {
			t.Error(n, err)
		}
		if list, _, err := h.ChildDepartments(t.Context(), "p", in("acme", x.ops.ID), directory.ChildQuery{All: true}); err != nil || len(list) != 0 {
			t.Error(list, err)
		}
		last := x.dev.ID
		for {
			n, err := h.CreateDepartment(t.Context(), "p", in("acme", last), directory.NewDepartment{Name: "n"})
			if err != nil {
				if !errors.Is(err, directory.ErrDepartmentTooDeep) {
					t.Error(err)
				}
				break
			}
			last = n.ID
		}
		if _, err := h.UpdateDepartment(t.Context(), "p", in("acme", x.dev.ID), directory.DepartmentPatch{Parent: &parent}); !errors.Is(err, directory.ErrDepartmentTooDeep) {
			t.Error(err)
		}
	})
}
