package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// branch is a department of a tree to be imported.
func branch(name, code string, children ...directory.DepartmentTree) directory.DepartmentTree {
	return directory.DepartmentTree{NewDepartment: directory.NewDepartment{Name: name, Code: code}, Children: children}
}

// chain is a tree of one department on each level.
func chain(levels int) directory.DepartmentTree {
	t := branch("leaf", "")
	for range levels {
		t = branch("n", "", t)
	}
	return t
}

func leaves(n int) []directory.DepartmentTree {
	list := make([]directory.DepartmentTree, n)
	for i := range list {
		list[i] = branch(fmt.Sprint("n", i), "")
	}
	return list
}

func TestImportOrganization(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		in := branch("Twin", "acme", branch("Dev", "dev", branch("API", "api")), branch("HR", ""))
		in.I18n, in.TextI18n, in.Order = jsontext.Value(`{"en":"T"}`), jsontext.Value(`{"en":"d"}`), 7
		in.Children[1].Order = 9
		root, err := h.ImportOrganization(ctx, "p", in)
		if err != nil {
			t.Fatal(err)
		}
		if root.Code != "acme" || root.RootCode != root.ID || root.I18n != `{"en":"T"}` || root.TextI18n != `{"en":"d"}` || root.Order != 7 || !root.Enabled {
			t.Errorf("%+v", root)
		}
		if o, err := h.Organization(ctx, "p", "acme"); err != nil || o.ID != x.root.ID {
			t.Error("the code names the first one", o, err)
		}
		if o, err := h.Organization(ctx, "p", root.ID); err != nil || o.ID != root.ID {
			t.Error("the other has its identifier", o, err)
		}
		nodes, err := h.OrganizationNodes(ctx, "p", []string{root.ID, "nobody"})
		if err != nil || len(nodes) != 4 {
			t.Fatal(nodes, err)
		}
		if all, err := h.OrganizationNodes(ctx, "p", nil); err != nil || len(all) != 9 {
			t.Error(len(all), err)
		}
		if none, err := h.OrganizationNodes(ctx, "q", nil); err != nil || len(none) != 0 {
			t.Error(none, err)
		}
		children, err := h.ChildIDs(ctx, "p", []string{root.ID})
		found, err2 := h.FindDepartments(ctx, "p", "hr")
		if err != nil || err2 != nil || len(found) != 1 || len(children[root.ID]) != 2 || children[root.ID][0] != found[0].ID {
			t.Error("the larger order comes first", children, found, err, err2)
		}
		api, err := h.DepartmentsByCode(ctx, "p", []string{"api", "none"})
		if err != nil || len(api["api"]) != 2 || len(api) != 1 {
			t.Fatal(api, err)
		}
		paths, err := h.DepartmentPaths(ctx, "p", []string{api["api"][1].ID})
		if err != nil || !slices.Equal(ids(paths[api["api"][1].ID]), []string{root.ID, api["api"][1].ParentID, api["api"][1].ID}) {
			t.Error(paths, err)
		}
		if n, err := h.Department(ctx, "p", directory.DepartmentRef{OrgID: root.ID, Type: "code", Value: "dev"}); err != nil || n.OrgID != root.ID {
			t.Error(n, err)
		}
		if plain, err := h.ImportOrganization(ctx, "p", branch("Plain", "")); err != nil || plain.Code != plain.ID || plain.RootCode != plain.ID {
			t.Error(plain, err)
		}

		before := [3]int64{h.count(t, "departments", "p"), h.count(t, "department_paths", "p"), h.count(t, "audit_log", "p")}
		for name, c := range map[string]struct {
			tree directory.DepartmentTree
			want string
		}{
			"a code twice":          {branch("A", "a", branch("B", "b"), branch("C", "b")), "department_code_taken"},
			"a child with the root": {branch("A", "a", branch("B", "a")), "department_code_taken"},
			"no name":               {branch("A", "a", branch("", "b")), "field_format name"},
			"a long name":           {branch("A", "a", branch(strings.Repeat("n", 10000), "b")), "field_format name"},
			"a long code":           {branch("A", "a", branch("B", strings.Repeat("n", 10000))), "field_format code"},
			"a strange code":        {branch("A", "a", branch("B", "ou=x,dc=y")), "organization_code_invalid ou=x,dc=y"},
			"a NUL":                 {branch("A\x00", "a"), "field_format name"},
			"too deep":              {chain(51), "department_too_deep"},
			"too many":              {branch("A", "a", leaves(5000)...), "list_max children 5000"},
		} {
			if _, err := h.ImportOrganization(ctx, "p", c.tree); said(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := [3]int64{h.count(t, "departments", "p"), h.count(t, "department_paths", "p"), h.count(t, "audit_log", "p")}; after != before {
			t.Error("something was half done", before, after)
		}
		if deep, err := h.ImportOrganization(ctx, "p", chain(50)); err != nil {
			t.Error(err)
		} else if err := h.DeleteOrganization(ctx, "p", deep.RootCode); err != nil {
			t.Error(err)
		}

		code, name := "acme", "Renamed"
		if o, err := h.UpdateOrganization(ctx, "p", root.ID, directory.DepartmentPatch{Code: &code, Name: &name}); err != nil || o.RootCode != root.ID {
			t.Error("the code that it has takes nothing from the other", o, err)
		}
	})
}

// What an import costs grows by whole batches.
func TestImportCost(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		n := h.statements(t, func(ctx context.Context) error {
			_, err := h.ImportOrganization(ctx, "p", branch("A", "a", leaves(1000)...))
			return err
		})
		if n > 40 {
			t.Errorf("%d statements for 1,001 departments", n)
		}
	})
}

// Random creations, moves, deletions and imports keep the closure equal to what parents alone say.
func TestTreePaths(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		var grow func(r *rapid.T, depth int) directory.DepartmentTree
		grow = func(r *rapid.T, depth int) directory.DepartmentTree {
			out := branch(rapid.StringMatching(`[a-z]{1,3}`).Draw(r, "name"), "")
			if depth < 4 {
				for range rapid.IntRange(0, 3).Draw(r, "children") {
					out.Children = append(out.Children, grow(r, depth+1))
				}
			}
			return out
		}
		rapid.Check(t, func(r *rapid.T) {
			for range rapid.IntRange(1, 3).Draw(r, "organisations") {
				if _, err := h.ImportOrganization(ctx, "p", grow(r, 0)); err != nil {
					r.Fatal(err)
				}
			}
			for range rapid.IntRange(0, 8).Draw(r, "steps") {
				all, err := h.OrganizationNodes(ctx, "p", nil)
				if err != nil {
					r.Fatal(err)
				}
				a, b := rapid.SampledFrom(all).Draw(r, "a"), rapid.SampledFrom(all).Draw(r, "b")
				ref := directory.DepartmentRef{OrgID: a.OrgID, Value: a.ID}
				switch rapid.IntRange(0, 3).Draw(r, "verb") {
				case 0:
					_, err = h.CreateDepartment(ctx, "p", ref, directory.NewDepartment{Name: "n"})
				case 1:
					_, err = h.UpdateDepartment(ctx, "p", ref, directory.DepartmentPatch{Parent: &b.ID})
				case 2:
					err = h.DeleteDepartment(ctx, "p", ref)
				default:
					_, err = h.MergeTree(ctx, "p", named(grow(r, 2)))
				}
				for _, known := range []error{directory.ErrDepartmentCycle, directory.ErrDepartmentIsRoot, directory.ErrDepartmentNotFound} {
					if errors.Is(err, known) {
						err = nil
					}
				}
				if err != nil {
					r.Fatal(err)
				}
			}
			all, err := h.OrganizationNodes(ctx, "p", nil)
			if err != nil {
				r.Fatal(err)
			}
			parent := map[string]string{}
			for _, n := range all {
				parent[n.ID] = n.ParentID
			}
			var want []string
			for _, n := range all {
				last := ""
				for at, depth := n.ID, 0; at != ""; at, depth = parent[at], depth+1 {
					want = append(want, fmt.Sprint(n.ID, at, depth))
					last = at
				}
				if last != n.OrgID {
					r.Fatalf("%s stands below %s, and says %s", n.ID, last, n.OrgID)
				}
			}
			type row struct {
				Descendant string `db:"descendant"`
				Ancestor   string `db:"ancestor"`
				Depth      int64  `db:"depth"`
			}
			rows, err := db.List[row](ctx, h.d, "select descendant, ancestor, depth from department_paths where pool_id = 'p'")
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
			for _, n := range all {
				if n.IsRoot() {
					if err := h.DeleteOrganization(ctx, "p", n.RootCode); err != nil {
						r.Fatal(err)
					}
				}
			}
		})
	})
}

// named is a tree by names alone.
func named(t directory.DepartmentTree) directory.NamedTree {
	out := directory.NamedTree{Name: t.Name}
	for _, c := range t.Children {
		out.Children = append(out.Children, named(c))
	}
	return out
}

func TestMoveMembers(t *testing.T) {
	eachGroupHall(t, 4, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		u := h.users
		of := func(n *directory.Department) directory.DepartmentRef {
			return directory.DepartmentRef{Anywhere: true, Value: n.ID}
		}
		if err := h.AddDepartmentLeaders(ctx, "p", of(x.api), u[:2]); err != nil {
			t.Fatal(err)
		}
		if err := h.AddDepartmentMembers(ctx, "p", of(x.ops), u[2:3]); err != nil {
			t.Fatal(err)
		}
		if facts, err := h.DepartmentFacts(ctx, "p", []string{x.api.ID}); err != nil || !slices.Equal(facts[x.api.ID].Leaders, u[:2]) {
			t.Error(facts, err)
		}
		main := func(user string) string {
			found, err := h.User(ctx, "p", directory.ByID(user))
			if err != nil {
				t.Fatal(err)
			}
			return found.MainDepartmentID + " " + found.MainDepartmentCode
		}
		setMain := func(user, id string) string { return said(h.SetMainDepartment(ctx, "p", directory.ByID(user), id)) }
		for _, c := range []struct{ user, id, want, main string }{
			{u[0], x.api.ID, "<nil>", x.api.ID + " api"},
			{u[0], x.api.ID, "<nil>", x.api.ID + " api"},
			{u[0], x.dev.ID, "user_not_in_department", x.api.ID + " api"}, // only below it
			{u[0], "none", "department_not_found", x.api.ID + " api"},
			{u[2], x.ops.ID, "<nil>", x.ops.ID + " ops"},
			{u[2], "", "<nil>", " "},
		} {
			if got := setMain(c.user, c.id); got != c.want || main(c.user) != c.main {
				t.Errorf("%+v: %s, %s", c, got, main(c.user))
			}
		}
		if got := setMain("nobody", x.ops.ID); got != "user_not_found" {
			t.Error(got)
		}

		for _, c := range []struct {
			name     string
			from, to directory.DepartmentRef
			users    []string
			want     string
			api, ops int64
		}{
			{"nobody", of(x.api), of(x.ops), nil, "list_min userIds 1", 2, 1},
			{"an unknown user", of(x.api), of(x.ops), []string{u[0], "none"}, "user_not_found", 2, 1},
			{"another pool's", of(x.api), of(x.ops), []string{u[0], h.other[0]}, "user_not_found", 2, 1},
			{"to nowhere", of(x.api), of(&directory.Department{ID: "none"}), u[:1], "department_not_found", 2, 1},
			{"from nowhere", of(&directory.Department{ID: "none"}), of(x.api), u[:1], "department_not_found", 2, 1},
			{"who is not in it", of(x.api), of(x.ops), u[3:], "<nil>", 2, 1},
			{"to itself", of(x.api), of(x.api), u[:2], "<nil>", 2, 1},
			{"one, and who is not in it", of(x.api), of(x.ops), []string{u[0], u[3]}, "<nil>", 1, 2},
			{"who is there already", of(x.ops), of(x.api), u[:1], "<nil>", 2, 1},
		} {
			if err := h.MoveDepartmentMembers(ctx, "p", c.from, c.to, c.users); said(err) != c.want {
				t.Errorf("%s: %v", c.name, err)
			}
			facts, err := h.DepartmentFacts(ctx, "p", []string{x.api.ID, x.ops.ID})
			if err != nil || facts[x.api.ID].Members != c.api || facts[x.ops.ID].Members != c.ops {
				t.Errorf("%s: %+v %v", c.name, facts, err)
			}
		}
		if got := main(u[0]); got != x.api.ID+" api" {
			t.Error("the main department moves along", got)
		}
		if facts, err := h.DepartmentFacts(ctx, "p", []string{x.api.ID}); err != nil || !slices.Equal(facts[x.api.ID].Leaders, u[1:2]) {
			t.Error("who comes does not lead", facts, err)
		}
		if err := h.AddDepartmentLeaders(ctx, "p", of(x.api), []string{u[0], "none"}); !errors.Is(err, directory.ErrUserNotFound) {
			t.Error(err)
		}
	})
}

func TestMergeTree(t *testing.T) {
	eachGroupHall(t, 1, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		x := newTree(t, h)
		text := func(s string) *string { return &s }
		member := func(name, email, city string) directory.UserInput {
			in := directory.UserInput{City: &city}
			if name != "" {
				in.Username = &name
			}
			if email != "" {
				in.Email = &email
			}
			return in
		}
		tree := directory.NamedTree{Name: "Acme", Children: []directory.NamedTree{
			{Name: "DEV", Members: []directory.UserInput{member("user0", "", "Rome"), member("eve", "Eve@Example.com", "Oslo")}},
			{Name: "Sales", Children: []directory.NamedTree{{Name: "North"}, {Name: "North", Members: []directory.UserInput{member("", "eve@example.com", "Bonn")}}}},
		}}
		for _, want := range []directory.MergeResult{
			{UsersAdded: 1, UsersUpdated: 1, DepartmentsAdded: 2, DepartmentsUpdated: 2},
			{UsersUpdated: 2, DepartmentsUpdated: 4},
		} {
			if got, err := h.MergeTree(ctx, "p", tree); err != nil || got != want {
				t.Fatalf("%+v %v, want %+v", got, err, want)
			}
		}
		eve, err := h.User(ctx, "p", directory.UserRef{Type: "email", Value: "eve@example.com"})
		if err != nil || eve.City != "Bonn" {
			t.Error(eve, err)
		}
		if m, err := h.DepartmentIDsOf(ctx, "p", []string{eve.ID, h.users[0]}); err != nil || len(m[eve.ID]) != 2 || !slices.Equal(m[h.users[0]], []string{x.dev.ID}) {
			t.Error(m, err)
		}
		if list, _, err := h.ChildDepartments(ctx, "p", in("acme", directory.Root), directory.ChildQuery{All: true}); err != nil || len(list) != 6 {
			t.Error(ids(list), err)
		}
		if got, err := h.MergeTree(ctx, "q", directory.NamedTree{Name: "Acme"}); err != nil || got.DepartmentsAdded != 1 {
			t.Error("another pool has none of the name", got, err)
		}

		before := [3]int64{h.count(t, "departments", "p"), h.count(t, "users", "p"), h.count(t, "department_members", "p")}
		many := make([]directory.NamedTree, 1000)
		for i := range many {
			many[i].Name = fmt.Sprint("n", i)
		}
		deep := directory.NamedTree{Name: "leaf"}
		for range 51 {
			deep = directory.NamedTree{Name: "n", Children: []directory.NamedTree{deep}}
		}
		for name, c := range map[string]struct {
			tree directory.NamedTree
			want string
		}{
			"no name":        {directory.NamedTree{Name: "New", Children: []directory.NamedTree{{}}}, "field_format name"},
			"a long name":    {directory.NamedTree{Name: strings.Repeat("n", 10000)}, "field_format name"},
			"too many":       {directory.NamedTree{Name: "New", Children: many}, "list_max children 1000"},
			"too deep":       {deep, "department_too_deep"},
			"too many users": {directory.NamedTree{Name: "New", Members: make([]directory.UserInput, 201)}, "list_max members 200"},
			"nobody": {directory.NamedTree{Name: "New", Members: []directory.UserInput{member("zoe", "", ""), {Name: text("Z")}}},
				"user_identifier_missing"},
			"two people": {directory.NamedTree{Name: "New", Members: []directory.UserInput{member("user0", "eve@example.com", "")}}, "email_taken"},
		} {
			if _, err := h.MergeTree(ctx, "p", c.tree); said(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := [3]int64{h.count(t, "departments", "p"), h.count(t, "users", "p"), h.count(t, "department_members", "p")}; after != before {
			t.Error("something was half done", before, after)
		}
	})
}
