package access_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

func tree(codes ...string) access.DataStruct { return access.DataStruct{Nodes: nodes(codes...)} }

// nodes makes nodes of paths: "a", "a/b".
func nodes(paths ...string) (out []access.DataNode) {
	for _, p := range paths {
		at := &out
		for code := range strings.SplitSeq(p, "/") {
			i := slices.IndexFunc(*at, func(n access.DataNode) bool { return n.Code == code })
			if i < 0 {
				i = len(*at)
				*at = append(*at, access.DataNode{Code: code, Name: strings.ToUpper(code)})
			}
			at = &(*at)[i].Children
		}
	}
	return out
}

func (h *hall) addData(t *testing.T, poolID, namespace, code string, s access.DataStruct, actions ...string) *access.DataResource {
	t.Helper()
	n := access.NewDataResource{Namespace: namespace, Code: code, Name: strings.ToUpper(code), Type: access.StringData, Struct: s, Actions: actions}
	switch {
	case s.Nodes != nil:
		n.Type = access.TreeData
	case s.List != nil:
		n.Type = access.ArrayData
	case s.Text == "":
		n.Struct.Text = code
	}
	r, err := h.CreateDataResource(t.Context(), poolID, n)
	must(t, err)
	return r
}

func allow(paths ...string) access.DataStatement {
	return access.DataStatement{Effect: access.Allow, Permissions: paths}
}

func deny(paths ...string) access.DataStatement {
	return access.DataStatement{Effect: access.Deny, Permissions: paths}
}

// giveData makes a policy and gives it to targets.
func (h *hall) giveData(t *testing.T, poolID, name string, list []access.DataStatement, targets ...access.Target) string {
	t.Helper()
	p, err := h.CreateDataPolicy(t.Context(), poolID, access.NewDataPolicy{Name: name, Statements: list})
	must(t, err)
	if len(targets) > 0 {
		must(t, h.AssignDataPolicies(t.Context(), poolID, []string{p.ID}, targets))
	}
	return p.ID
}

func TestDataPaths(t *testing.T) {
	for text, want := range map[string]string{
		"ns/r/read": "ns r  read", "ns/r/*": "ns r  *", "ns/r*": "ns r  *", "/ns/r/read": "ns r  read", "ns/r/a/b/read": "ns r a/b read", "ns/r/a/*": "ns r a *",
		"": "", "ns": "", "ns/r": "", "ns/*": "", "ns//read": "", "ns/r/": "", "*/r/read": "", "ns/*/read": "", "ns/r/*/read": "", "ns/r/a*/read": "",
		"ns/r/re*d": "", "ns/r/\x00": "", "ns/r/\xff": "", "ns/r/" + strings.Repeat("a/", 10) + "read": "ns r " + strings.Repeat("a/", 9) + "a read",
		"ns/r/" + strings.Repeat("a/", 11) + "read": "", strings.Repeat("n", 65) + "/r/read": "",
	} {
		p, err := access.ParseDataPath(text)
		got := ""
		if err == nil {
			got = strings.Join([]string{p.Namespace, p.Resource, p.Node, p.Action}, " ")
		}
		if got != want || err != nil && said(err) != "field_format permissions" {
			t.Errorf("%.40q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzDataPath(f *testing.F) {
	for _, s := range []string{"ns/r/read", "ns/r*", "/ns/r/a/b/*", "a//b", "ns/r/\xff", "*/*/*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		access.ParseDataPlace(s)
		p, err := access.ParseDataPath(s)
		if err != nil {
			return
		}
		again, err := access.ParseDataPath(p.String())
		if err != nil || again != p {
			t.Errorf("%q is %+v, and written again %+v, %v", s, p, again, err)
		}
	})
}

func TestDataResources(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		act := []string{"read", "write"}
		text := access.DataStruct{Text: "x"}
		field := access.DataField{Key: "level", Type: access.SelectionField, Label: "Level", Options: []string{"low", "high"}}
		withValue := func(v string) access.DataStruct {
			return access.DataStruct{Nodes: []access.DataNode{{Code: "a", Name: "A", Fields: map[string]jsontext.Value{"level": jsontext.Value(v)}}}}
		}
		for _, c := range []struct {
			name string
			in   access.NewDataResource
			want string
		}{
			{"text", access.NewDataResource{Namespace: "app", Code: "s", Name: "S", Type: access.StringData, Struct: text, Actions: act}, ""},
			{"list", access.NewDataResource{Namespace: "app", Code: "l", Name: "L", Type: access.ArrayData, Struct: access.DataStruct{List: []string{"x", ""}}, Actions: act}, ""},
			{"tree", access.NewDataResource{Namespace: "app", Code: "t", Name: "T", Type: access.TreeData, Struct: withValue(`"low"`), Fields: []access.DataField{field}, Actions: act}, ""},
			{"code taken", access.NewDataResource{Namespace: "app", Code: "s", Name: "S2", Type: access.StringData, Struct: text, Actions: act}, "data_resource_code_taken"},
			{"name taken", access.NewDataResource{Namespace: "app", Code: "s2", Name: "S", Type: access.StringData, Struct: text, Actions: act}, "data_resource_name_taken"},
			{"another namespace", access.NewDataResource{Namespace: "default", Code: "s", Name: "S", Type: access.StringData, Struct: text, Actions: act}, ""},
			{"no namespace", access.NewDataResource{Namespace: "none", Code: "s", Name: "S", Type: access.StringData, Struct: text, Actions: act}, "namespace_not_found"},
			{"slash", access.NewDataResource{Namespace: "app", Code: "a/b", Name: "N", Type: access.StringData, Struct: text, Actions: act}, "field_format resourceCode"},
			{"star", access.NewDataResource{Namespace: "app", Code: "a*", Name: "N", Type: access.StringData, Struct: text, Actions: act}, "field_format resourceCode"},
			{"no name", access.NewDataResource{Namespace: "app", Code: "n", Type: access.StringData, Struct: text, Actions: act}, "field_format resourceName"},
			{"no actions", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.StringData, Struct: text}, "list_min actions 1"},
			{"an action twice", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.StringData, Struct: text, Actions: []string{"a", "a"}}, "field_format actions"},
			{"every action", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.StringData, Struct: text, Actions: []string{"*"}}, "field_format actions"},
			{"no text", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.StringData, Actions: act}, "field_format struct"},
			{"no nodes", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.TreeData, Actions: act}, "list_min struct 1"},
			{"too deep", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.TreeData, Struct: tree("a/a/a/a/a/a/a/a/a/a/a"), Actions: act}, "data_tree_too_deep"},
			{"a node twice", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.TreeData,
				Struct: access.DataStruct{Nodes: []access.DataNode{{Code: "a", Name: "A"}, {Code: "a", Name: "B"}}}, Actions: act}, "data_node_twice a"},
			{"a value that is none", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.TreeData, Struct: withValue(`"none"`),
				Fields: []access.DataField{field}, Actions: act}, "field_format extendFieldValue"},
			{"a field that is none", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.TreeData, Struct: withValue(`"low"`), Actions: act}, "field_format extendFieldValue"},
			{"fields of a text", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.StringData, Struct: text, Fields: []access.DataField{field}, Actions: act}, "data_resource_no_tree"},
		} {
			if _, err := h.CreateDataResource(ctx, "p", c.in); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		if _, err := h.DataResource(ctx, "q", "app", "s"); said(err) != "data_resource_not_found" {
			t.Errorf("another pool sees it: %v", err)
		}
		many := make([]string, 1001)
		for i := range many {
			many[i] = fmt.Sprint("n", i)
		}
		if _, err := h.CreateDataResource(ctx, "p", access.NewDataResource{Namespace: "app", Code: "n", Name: "N", Type: access.TreeData, Struct: tree(many...), Actions: act}); said(err) != "list_max struct 1000" {
			t.Errorf("too many nodes: %v", err)
		}

		// Fields go with their values.
		if err := h.UpdateDataField(ctx, "p", "app", "t", "level", access.DataFieldPatch{Options: []string{"high"}}); said(err) != "field_format extendFieldValue" {
			t.Errorf("an option in use: %v", err)
		}
		if err := h.AddDataFields(ctx, "p", "app", "t", []access.DataField{field}); said(err) != "data_field_taken" {
			t.Errorf("a field twice: %v", err)
		}
		if err := h.DeleteDataField(ctx, "p", "app", "t", "none"); said(err) != "data_field_not_found" {
			t.Errorf("no such field: %v", err)
		}
		must(t, h.DeleteDataField(ctx, "p", "app", "t", "level"))
		r, err := h.DataResource(ctx, "p", "app", "t")
		must(t, err)
		if len(r.Fields) != 0 || len(r.Struct.Nodes[0].Fields) != 0 {
			t.Errorf("the field is left: %+v", r)
		}
		for _, c := range []struct{ code, name, want string }{{"new", "New", ""}, {"s", "New", "data_resource_code_taken"}, {"new", "S", "data_resource_name_taken"}, {"", "S", "data_resource_name_taken"},
			{"a/b", "", "field_format resourceCode"}} {
			if err := h.DataResourceAvailable(ctx, "p", "app", c.code, c.name); said(err) != c.want {
				t.Errorf("available %v: %v", c, err)
			}
		}
		name := "Renamed"
		changed, err := h.UpdateDataResource(ctx, "p", "app", "s", access.DataResourcePatch{Name: &name, Struct: &access.DataStruct{Text: "y"}, Actions: []string{"read"}})
		if err != nil || changed.Name != name || changed.Struct.Text != "y" || len(changed.Actions) != 1 {
			t.Errorf("updated %+v, %v", changed, err)
		}
		list, total, err := h.DataResources(ctx, "p", access.DataResourceFilter{Namespaces: []string{"app"}, Keywords: "renA"}, directory.Page{Page: 1, Limit: 10})
		if err != nil || total != 1 || len(list) != 1 || list[0].NamespaceName != "app" {
			t.Errorf("listed %+v %d, %v", list, total, err)
		}
	})
}

func TestDataPolicies(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.addData(t, "p", "app", "doc", access.DataStruct{}, "read", "write")
		h.addData(t, "q", "app", "doc", access.DataStruct{}, "read", "write")
		for _, c := range []struct {
			name string
			in   []access.DataStatement
			want string
		}{
			{"one", []access.DataStatement{allow("app/doc/read")}, ""},
			{"one", []access.DataStatement{allow("app/doc/read")}, "data_policy_name_taken"},
			{"", []access.DataStatement{allow("app/doc/read")}, "field_format policyName"},
			{"none", nil, "list_min statementList 1"},
			{"empty", []access.DataStatement{allow()}, "list_min permissions 1"},
			{"effect", []access.DataStatement{{Effect: "MAYBE", Permissions: []string{"app/doc/read"}}}, "field_format effect"},
			{"path", []access.DataStatement{allow("app/doc")}, "field_format permissions"},
			{"namespace", []access.DataStatement{allow("none/doc/read")}, "namespace_not_found"},
			{"resource", []access.DataStatement{allow("app/none/read")}, "data_resource_not_found"},
			{"condition", []access.DataStatement{{Effect: access.Allow, Permissions: []string{"app/doc/read"}, Condition: "environment.ip =="}}, "expression_invalid"},
			{"many", []access.DataStatement{allow(slices.Repeat([]string{"app/doc/read"}, 501)...)}, "list_max permissions 500"},
		} {
			_, err := h.CreateDataPolicy(ctx, "p", access.NewDataPolicy{Name: c.name, Statements: c.in})
			if got := said(err); got != c.want && !(c.want == "expression_invalid" && strings.HasPrefix(got, c.want)) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		list, total, err := h.DataPolicies(ctx, "p", "ON", directory.Page{Page: 1, Limit: 10})
		if err != nil || total != 1 || list[0].Name != "one" {
			t.Fatalf("listed %+v, %v", list, err)
		}
		id := list[0].ID
		if err := h.AssignDataPolicies(ctx, "p", []string{id}, []access.Target{{Type: user, ID: unknown}}); said(err) != "user_not_found" {
			t.Errorf("an unknown user: %v", err)
		}
		if err := h.AssignDataPolicies(ctx, "q", []string{id}, []access.Target{{Type: user, ID: h.other[0]}}); said(err) != "data_policy_not_found" {
			t.Errorf("another pool: %v", err)
		}
		if err := h.AssignDataPolicies(ctx, "p", []string{id}, []access.Target{{Type: user, ID: h.other[0]}}); said(err) != "user_not_found" {
			t.Errorf("another pool's user: %v", err)
		}
		roleID := h.addRole(t, "p", "app/editor")
		targets := []access.Target{{Type: user, ID: h.users[0]}, {Type: group, ID: h.groups[0]}, {Type: role, ID: roleID}}
		for range 2 { // twice is once
			must(t, h.AssignDataPolicies(ctx, "p", []string{id}, targets))
		}
		names := func() string {
			of, total, err := h.DataPolicyTargets(ctx, "p", id, nil, "", directory.Page{Page: 1, Limit: 10})
			must(t, err)
			var out []string
			for _, x := range of {
				out = append(out, string(x.Type)+" "+x.Name)
			}
			slices.Sort(out)
			return fmt.Sprint(total, out)
		}
		if got, want := names(), "3 [GROUP g0 ROLE EDITOR USER user0]"; !strings.EqualFold(got, want) {
			t.Errorf("targets %s, want %s", got, want)
		}
		if of, total, err := h.DataPolicyTargets(ctx, "p", id, []directory.TargetType{user}, "USER0", directory.Page{Page: 1, Limit: 10}); err != nil || total != 1 || len(of) != 1 {
			t.Errorf("found %v %v", of, err)
		}
		must(t, h.dir.DeleteGroups(ctx, "p", []string{"g0"}, directory.MissingFails))
		must(t, h.DeleteRoles(ctx, "p", refs("app/editor"), directory.MissingFails))
		if got := names(); !strings.HasPrefix(got, "1 [USER") {
			t.Errorf("after deletions %s", got)
		}
		must(t, h.UnassignDataPolicies(ctx, "p", []string{id}, targets))
		if got := names(); got != "0 []" {
			t.Errorf("after all %s", got)
		}
		must(t, h.DeleteDataPolicy(ctx, "p", id))
		if _, err := h.DataPolicy(ctx, "p", id); said(err) != "data_policy_not_found" {
			t.Errorf("deleted: %v", err)
		}
	})
}

// fact is one permission of the naive model.
type fact struct {
	target         access.Target
	effect         access.Effect
	code, node, of string
}

// The check must answer as one that goes through all permissions of all subjects, on random worlds.
func TestDataCheckAgainstNaive(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		rnd := rand.New(rand.NewSource(1))
		actions := []string{"read", "write", "share"}
		forms := map[string][]string{"doc": {""}, "tree": {"", "a", "a/b", "c"}}
		h.addData(t, "p", "app", "doc", access.DataStruct{}, actions...)
		h.addData(t, "p", "app", "tree", tree("a/b", "c"), actions...)
		roleID := h.addRole(t, "p", "app/editor")
		must(t, h.Assign(ctx, "p", refs("app/editor"), []access.Target{{Type: user, ID: h.users[2]}, {Type: group, ID: h.groups[0]}}))
		targets := []access.Target{{Type: user, ID: h.users[0]}, {Type: user, ID: h.users[1]}, {Type: group, ID: h.groups[0]}, {Type: group, ID: h.groups[1]}, {Type: role, ID: roleID}}
		subjects := map[string][]access.Target{
			h.users[0]: {targets[0], targets[2], targets[4]}, h.users[1]: {targets[1], targets[2], targets[4]}, h.users[2]: {{Type: user, ID: h.users[2]}, targets[4]},
		}
		var facts []fact
		pick := func(list []string) string { return list[rnd.Intn(len(list))] }
		for i := range 14 {
			var statements []access.DataStatement
			to := targets[rnd.Intn(len(targets))]
			for range 1 + rnd.Intn(2) {
				s := access.DataStatement{Effect: access.Allow}
				if rnd.Intn(4) == 0 {
					s.Effect = access.Deny
				}
				code := pick([]string{"doc", "tree"})
				node, action := pick(forms[code]), pick(append(actions, "*"))
				path := "app/" + code + "/" + action
				if node != "" {
					path = "app/" + code + "/" + node + "/" + action
				}
				s.Permissions = []string{path}
				statements = append(statements, s)
				facts = append(facts, fact{to, s.Effect, code, node, action})
			}
			h.giveData(t, "p", fmt.Sprint("policy", i), statements, to)
			if i%4 != 3 {
				continue
			}
			for _, userID := range h.users {
				for code, places := range forms {
					for _, node := range append(places, "none") {
						for _, action := range append(actions, "fly") {
							want := false
							denied := false
							for _, f := range facts {
								if f.code == code && slices.Contains(subjects[userID], f.target) && (f.node == "" || f.node == node) && (f.of == "*" || f.of == action) {
									want = want || f.effect == access.Allow
									denied = denied || f.effect == access.Deny
								}
							}
							want = want && !denied && node != "none" && action != "fly"
							place := access.DataPlace{Resource: code, Node: node}
							got, err := h.CheckData(ctx, "p", access.DataQuestion{UserID: userID, Namespace: "app", Action: action, Places: []access.DataPlace{place}})
							must(t, err)
							if got[0] != want {
								t.Fatalf("%s %v of %s: %v, want %v", action, place, userID, got[0], want)
							}
							users, err := h.UsersOfData(ctx, "p", "app", []access.DataPlace{place}, []string{action})
							must(t, err)
							if slices.Contains(users[0].UserIDs, userID) != want {
								t.Fatalf("%s %v: users %v, want %s %v", action, place, users[0].UserIDs, userID, want)
							}
						}
					}
				}
			}
		}
	})
}

func TestDataConditions(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		h.addData(t, "p", "app", "doc", access.DataStruct{}, "read", "write")
		to := access.Target{Type: user, ID: h.users[0]}
		h.giveData(t, "p", "office", []access.DataStatement{
			{Effect: access.Allow, Permissions: []string{"app/doc/*"}, Condition: `environment.ip.startsWith("10.") && user.username == "user0" && resource.code == "doc"`},
			{Effect: access.Deny, Permissions: []string{"app/doc/write"}, Condition: `environment.deviceType == "Mobile"`}}, to)
		h.giveData(t, "p", "failing", []access.DataStatement{{Effect: access.Deny, Permissions: []string{"app/doc/write"},
			Condition: `environment.city == "Nowhere" && timestamp(environment.requestDate) > timestamp("2026-01-01T00:00:00Z")`}}, to)
		for _, c := range []struct {
			name   string
			env    *access.Environment
			action string
			want   bool
		}{
			{"not judged", nil, "read", false},
			{"in the office", &access.Environment{IP: "10.0.0.1"}, "read", true},
			{"elsewhere", &access.Environment{IP: "192.0.2.1"}, "read", false},
			{"nothing known", &access.Environment{}, "read", false},
			{"a denial that does not hold", &access.Environment{IP: "10.0.0.1", DeviceType: "PC"}, "write", true},
			{"a denial that holds", &access.Environment{IP: "10.0.0.1", DeviceType: "Mobile"}, "write", false},
			{"a denial that fails", &access.Environment{IP: "10.0.0.1", City: "Nowhere", RequestDate: "yesterday"}, "write", false},
		} {
			got, err := h.CheckData(t.Context(), "p", access.DataQuestion{UserID: h.users[0], Namespace: "app", Action: c.action,
				Places: []access.DataPlace{{Resource: "doc"}}, Environment: c.env})
			if err != nil || got[0] != c.want {
				t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
			}
		}
	})
}

func TestDataLists(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.addData(t, "p", "app", "doc", access.DataStruct{}, "read", "write")
		h.addData(t, "p", "app", "tree", tree("a/b", "c"), "read", "write")
		h.addData(t, "q", "app", "doc", access.DataStruct{}, "read")
		h.giveData(t, "p", "docs", []access.DataStatement{allow("app/doc/*"), deny("app/doc/write")}, access.Target{Type: user, ID: h.users[0]})
		h.giveData(t, "p", "trees", []access.DataStatement{allow("app/tree/a/read", "app/tree/c/*")}, access.Target{Type: group, ID: h.groups[0]})
		show := func(list []access.DataOfUser) string {
			var out []string
			for _, of := range list {
				for _, p := range of.Resources {
					line := of.Namespace + "/" + p.Resource.Code + fmt.Sprint(p.Actions)
					for _, n := range p.Nodes {
						line += " " + n.Path + fmt.Sprint(n.Actions)
					}
					out = append(out, line)
				}
			}
			return strings.Join(out, "; ")
		}
		list, err := h.DataOfUsers(ctx, "p", h.users[:1], nil)
		if got, want := show(list), "app/doc[read]; app/tree[] a[read] a/b[] c[read write]"; err != nil || got != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
		if list, err := h.DataOfUsers(ctx, "p", h.users[:1], []string{"default"}); err != nil || len(list) != 0 {
			t.Errorf("elsewhere %v, %v", list, err)
		}
		if _, err := h.DataOfUsers(ctx, "p", []string{unknown}, nil); said(err) != "user_not_found" {
			t.Errorf("nobody: %v", err)
		}
		if _, err := h.DataOfUsers(ctx, "q", h.users[:1], nil); said(err) != "user_not_found" {
			t.Errorf("another pool: %v", err)
		}
		if _, err := h.DataOfUsers(ctx, "p", h.users[:1], []string{"none"}); said(err) != "namespace_not_found" {
			t.Errorf("no such namespace: %v", err)
		}
		views, total, err := h.DataViews(ctx, "p", "", directory.Page{Page: 1, Limit: 10})
		if err != nil || total != 3 || len(views) != 3 {
			t.Fatalf("view %+v %d, %v", views, total, err)
		}
		for _, v := range views {
			if (v.Resource.Code == "tree") != (len(v.Groups) == 1) || len(v.Policies) != 1 || v.Username == "" {
				t.Errorf("view %+v", v)
			}
		}
		if views, total, err := h.DataViews(ctx, "p", "SER0", directory.Page{Page: 1, Limit: 1}); err != nil || total != 2 || len(views) != 1 {
			t.Errorf("view of one %+v %d, %v", views, total, err)
		}
		if _, total, err := h.DataViews(ctx, "q", "", directory.Page{Page: 1, Limit: 10}); err != nil || total != 0 {
			t.Errorf("another pool's view: %d, %v", total, err)
		}
		must(t, h.DeleteDataResource(ctx, "p", "app", "doc"))
		if list, err := h.DataOfUsers(ctx, "p", h.users[:1], nil); err != nil || !strings.HasPrefix(show(list), "app/tree") {
			t.Errorf("after deletion %s, %v", show(list), err)
		}
		got, err := h.CheckData(ctx, "p", access.DataQuestion{UserID: h.users[0], Namespace: "app", Action: "read", Places: []access.DataPlace{{Resource: "doc"}, {Resource: "tree", Node: "a"}}})
		if err != nil || got[0] || !got[1] {
			t.Errorf("check %v, %v", got, err)
		}
	})
}

// With a namespace its data goes, with a user what they were given; a new code of a namespace leaves policies as they are.
func TestDataGoes(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		_, err := h.CreateNamespace(ctx, "p", access.NewNamespace{Code: "lab", Name: "Lab"})
		must(t, err)
		h.addData(t, "p", "lab", "doc", access.DataStruct{}, "read")
		h.giveData(t, "p", "docs", []access.DataStatement{allow("lab/doc/*")}, access.Target{Type: user, ID: h.users[0]}, access.Target{Type: user, ID: h.users[1]})
		code := "labs"
		_, err = h.UpdateNamespace(ctx, "p", "lab", access.NamespacePatch{NewCode: &code})
		must(t, err)
		got, err := h.CheckData(ctx, "p", access.DataQuestion{UserID: h.users[0], Namespace: "labs", Action: "read", Places: []access.DataPlace{{Resource: "doc"}}})
		if err != nil || !got[0] {
			t.Errorf("after the new code %v, %v", got, err)
		}
		must(t, h.dir.DeleteUsers(ctx, "p", directory.Refs("user_id", h.users[:1])))
		if n := h.count(t, "data_policy_assignments", "p"); n != 1 {
			t.Errorf("%d assignments are left of one", n)
		}
		must(t, h.DeleteNamespaces(ctx, "p", []string{"labs"}, directory.MissingFails))
		for _, table := range []string{"data_resources", "data_policy_resources"} {
			if n := h.count(t, table, "p"); n != 0 {
				t.Errorf("%s has %d rows", table, n)
			}
		}
	})
}

// A department's policies hold for members of the departments below it.
func TestDataOfDepartments(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.addData(t, "p", "app", "doc", access.DataStruct{}, "read")
		org, err := h.dir.CreateOrganization(ctx, "p", directory.NewDepartment{Code: "org", Name: "Org"})
		must(t, err)
		root := directory.DepartmentRef{Anywhere: true, Value: org.ID}
		child, err := h.dir.CreateDepartment(ctx, "p", root, directory.NewDepartment{Name: "Child"})
		must(t, err)
		must(t, h.dir.AddDepartmentMembers(ctx, "p", directory.DepartmentRef{Anywhere: true, Value: child.ID}, h.users[:1]))
		h.giveData(t, "p", "docs", []access.DataStatement{allow("app/doc/read")}, access.Target{Type: directory.DepartmentTarget, ID: org.ID})
		for i, want := range []bool{true, false} {
			got, err := h.CheckData(ctx, "p", access.DataQuestion{UserID: h.users[i], Namespace: "app", Action: "read", Places: []access.DataPlace{{Resource: "doc"}}})
			if err != nil || got[0] != want {
				t.Errorf("user %d: %v, %v", i, got, err)
			}
		}
		users, err := h.UsersOfData(ctx, "p", "app", []access.DataPlace{{Resource: "doc"}}, []string{"read"})
		if err != nil || !slices.Equal(users[0].UserIDs, h.users[:1]) {
			t.Errorf("users %v, %v", users, err)
		}
		must(t, h.dir.DeleteDepartment(ctx, "p", directory.DepartmentRef{Anywhere: true, Value: child.ID}))
	})
}
