package access_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/directory"
)

func statement(resource string, actions ...string) access.Statement {
	return access.Statement{Resource: resource, Actions: actions}
}

func policyRef(s string) access.PolicyRef { return access.PolicyRef(refs(s)[0]) }

func policyRefs(list ...string) (out []access.PolicyRef) {
	for _, r := range refs(list...) {
		out = append(out, access.PolicyRef(r))
	}
	return out
}

func (h *hall) addPolicy(t *testing.T, poolID, ref string) *access.Policy {
	t.Helper()
	r := policyRef(ref)
	p, err := h.CreatePolicy(t.Context(), poolID, access.NewPolicy{Namespace: r.Namespace, Code: r.Code, Statements: []access.Statement{statement("books:1", "read")}})
	must(t, err)
	return p
}

func TestCreatePolicy(t *testing.T) {
	condition := func(c access.Condition) []access.Statement {
		return []access.Statement{{Resource: "a", Actions: []string{"b"}, Conditions: []access.Condition{c}}}
	}
	one := jsontext.Value("1")
	eachHall(t, 2, func(t *testing.T, h *hall) {
		plain := []access.Statement{statement("books:*", "books:write", "books:read")}
		for _, c := range []struct {
			name string
			pool string
			in   access.NewPolicy
			want string
		}{
			{"plain", "p", access.NewPolicy{Code: "one", Description: "d", Statements: plain}, ""},
			{"denying, with conditions", "p", access.NewPolicy{Code: "two", Statements: []access.Statement{statement("*", "*"),
				{Resource: "books:1", Actions: []string{"read"}, Effect: access.Deny, Conditions: []access.Condition{
					{Param: "ip", Operator: "In", Value: jsontext.Value(`["10.0.0.1",{"a":null}]`)}}}}}, ""},
			{"taken", "p", access.NewPolicy{Namespace: "default", Code: "one", Statements: plain}, "policy_code_taken"},
			{"the built-in code", "p", access.NewPolicy{Code: access.AdministratorAccess, Statements: plain}, "policy_code_taken"},
			{"in another namespace", "p", access.NewPolicy{Namespace: "app", Code: "one", Statements: plain}, ""},
			{"in another pool", "q", access.NewPolicy{Code: "one", Statements: plain}, ""},
			{"unknown namespace", "p", access.NewPolicy{Namespace: "nowhere", Code: "x", Statements: plain}, "namespace_not_found"},
			{"no code", "p", access.NewPolicy{Statements: plain}, "field_format code"},
			{"long code", "p", access.NewPolicy{Code: strings.Repeat("c", 65), Statements: plain}, "field_format code"},
			{"bad description", "p", access.NewPolicy{Code: "x", Description: "\xff", Statements: plain}, "field_format description"},
			{"no statements", "p", access.NewPolicy{Code: "x"}, "list_min statements 1"},
			{"too many statements", "p", access.NewPolicy{Code: "x", Statements: make([]access.Statement, 101)}, "list_max statements 100"},
			{"no resource", "p", access.NewPolicy{Code: "x", Statements: []access.Statement{statement(" ", "a")}}, "field_format resource"},
			{"no actions", "p", access.NewPolicy{Code: "x", Statements: []access.Statement{statement("a")}}, "list_min actions 1"},
			{"too many actions", "p", access.NewPolicy{Code: "x", Statements: []access.Statement{statement("a", make([]string, 51)...)}}, "list_max actions 50"},
			{"a blank action", "p", access.NewPolicy{Code: "x", Statements: []access.Statement{statement("a", "")}}, "field_format actions"},
			{"no effect", "p", access.NewPolicy{Code: "x", Statements: []access.Statement{{Resource: "a", Actions: []string{"b"}, Effect: "MAYBE"}}}, "field_format effect"},
			{"no parameter", "p", access.NewPolicy{Code: "x", Statements: condition(access.Condition{Operator: "Is", Value: one})}, "field_format param"},
			{"a long operator", "p", access.NewPolicy{Code: "x", Statements: condition(access.Condition{Param: "p", Operator: strings.Repeat("o", 129), Value: one})}, "field_format operator"},
			{"no value", "p", access.NewPolicy{Code: "x", Statements: condition(access.Condition{Param: "p", Operator: "Is"})}, "field_format value"},
			{"a null value", "p", access.NewPolicy{Code: "x", Statements: condition(access.Condition{Param: "p", Operator: "Is", Value: jsontext.Value("null")})}, "field_format value"},
			{"a value that is no JSON", "p", access.NewPolicy{Code: "x", Statements: condition(access.Condition{Param: "p", Operator: "Is", Value: jsontext.Value("{")})}, "field_format value"},
			{"too many conditions", "p", access.NewPolicy{Code: "x", Statements: []access.Statement{{Resource: "a", Actions: []string{"b"}, Conditions: make([]access.Condition, 51)}}}, "list_max condition 50"},
		} {
			p, err := h.CreatePolicy(t.Context(), c.pool, c.in)
			if said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if err != nil {
				continue
			}
			got, err := h.Policy(t.Context(), c.pool, access.PolicyRef{Namespace: c.in.Namespace, Code: c.in.Code})
			if err != nil || fmt.Sprint(*got) != fmt.Sprint(*p) || got.Description != c.in.Description || len(got.Statements) != len(c.in.Statements) || got.IsBuiltin {
				t.Errorf("%s: made %+v, read %+v, %v", c.name, p, got, err)
			}
		}
		got, err := h.Policy(t.Context(), "p", policyRef("two"))
		if err != nil || got.Statements[0].Effect != access.Allow || got.Statements[1].Effect != access.Deny ||
			string(got.Statements[1].Conditions[0].Value) != `["10.0.0.1",{"a":null}]` {
			t.Errorf("%+v, %v", got, err)
		}
		if got, _ := h.Policy(t.Context(), "p", policyRef("one")); !slices.Equal(got.Statements[0].Actions, []string{"books:write", "books:read"}) {
			t.Errorf("the order of actions: %v", got.Statements)
		}
	})
}

func TestReadPolicies(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		for _, ref := range []string{"one", "app/one", "two"} {
			h.addPolicy(t, "p", ref)
		}
		for _, c := range []struct{ pool, ref, want string }{
			{"p", "one", ""}, {"p", "app/one", ""}, {"p", "app/two", "policy_not_found"}, {"q", "one", "policy_not_found"},
			{"p", "nowhere/one", "namespace_not_found"}, {"p", "\x00", "policy_not_found"}, {"q", access.AdministratorAccess, ""}, {"p", "app/AdministratorAccess", "policy_not_found"},
		} {
			if p, err := h.Policy(t.Context(), c.pool, policyRef(c.ref)); said(err) != c.want || err == nil && p.PoolID != c.pool {
				t.Errorf("%s %q: %v, want %q", c.pool, c.ref, err, c.want)
			}
		}
		for _, c := range []struct {
			filter access.PolicyFilter
			page   directory.Page
			want   string
			total  int64
			err    string
		}{
			{access.PolicyFilter{}, directory.Page{Page: 1, Limit: 10}, "two one one AdministratorAccess", 4, ""},
			{access.PolicyFilter{ExcludeBuiltin: true}, directory.Page{Page: 1, Limit: 10}, "two one one", 3, ""},
			{access.PolicyFilter{Namespace: "default"}, directory.Page{Page: 2, Limit: 2}, "AdministratorAccess", 3, ""},
			{access.PolicyFilter{Namespace: "app"}, directory.Page{Page: 1, Limit: 10}, "one", 1, ""},
			{access.PolicyFilter{Namespace: "nowhere"}, directory.Page{Page: 1, Limit: 10}, "", 0, "namespace_not_found"},
		} {
			list, total, err := h.Policies(t.Context(), "p", c.filter, c.page)
			var codes []string
			for _, p := range list {
				codes = append(codes, p.Code)
			}
			if got := strings.Join(codes, " "); got != c.want || total != c.total || said(err) != c.err {
				t.Errorf("%+v %+v: %q of %d, %v", c.filter, c.page, got, total, err)
			}
		}
	})
}

func TestUpdateAndDeletePolicies(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.addPolicy(t, "p", "one")
		h.addPolicy(t, "p", "two")
		h.addPolicy(t, "q", "one")
		for _, c := range []struct {
			name, ref string
			patch     access.PolicyPatch
			want      string
		}{
			{"nothing", "one", access.PolicyPatch{}, ""},
			{"description", "one", access.PolicyPatch{Description: ptr("d"), NewCode: ptr("")}, ""},
			{"statements", "one", access.PolicyPatch{Statements: []access.Statement{statement("cars:*", "drive")}}, ""},
			{"no statements", "one", access.PolicyPatch{Statements: []access.Statement{}}, "list_min statements 1"},
			{"malformed statements", "one", access.PolicyPatch{Statements: []access.Statement{statement("", "a")}}, "field_format resource"},
			{"a taken code", "one", access.PolicyPatch{NewCode: ptr("two")}, "policy_code_taken"},
			{"a malformed code", "one", access.PolicyPatch{NewCode: ptr(" ")}, "field_format newCode"},
			{"unknown", "three", access.PolicyPatch{Description: ptr("d")}, "policy_not_found"},
			{"unknown namespace", "nowhere/one", access.PolicyPatch{Description: ptr("d")}, "namespace_not_found"},
			{"the built-in one", access.AdministratorAccess, access.PolicyPatch{Description: ptr("d")}, "policy_builtin"},
			{"a new code", "one", access.PolicyPatch{NewCode: ptr("uno")}, ""},
		} {
			if _, err := h.UpdatePolicy(ctx, "p", policyRef(c.ref), c.patch); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		if p, err := h.Policy(ctx, "p", policyRef("uno")); err != nil || p.Description != "d" || p.Statements[0].Resource != "cars:*" {
			t.Errorf("%+v, %v", p, err)
		}
		if p, err := h.Policy(ctx, "q", policyRef("one")); err != nil || p.Description != "" {
			t.Errorf("the other pool's: %+v, %v", p, err)
		}
		_, n, err := h.log.List(ctx, "p", audit.Filter{Resource: audit.Policy, Operation: audit.Update, Limit: 10})
		if err != nil || n != 3 {
			t.Errorf("%d records, %v", n, err)
		}

		must(t, h.AssignPolicies(ctx, "p", policyRefs("uno", "two"), []access.Target{{Type: user, ID: h.users[0]}}, false))
		for _, c := range []struct {
			name string
			refs []access.PolicyRef
			want string
			left int64
		}{
			{"none", nil, "list_min codeList 1", 2},
			{"too many", make([]access.PolicyRef, 101), "list_max codeList 100", 2},
			{"one unknown", policyRefs("uno", "three"), "policy_not_found", 2},
			{"the built-in one", policyRefs("uno", access.AdministratorAccess), "policy_builtin", 2},
			{"one, twice named", policyRefs("uno", "default/uno"), "", 1},
			{"gone", policyRefs("uno"), "policy_not_found", 1},
			{"the last", policyRefs("two"), "", 0},
		} {
			err := h.DeletePolicies(ctx, "p", c.refs)
			if n := h.count(t, "policy_assignments", "p"); said(err) != c.want || n != c.left {
				t.Errorf("delete %s: %v with %d assignments left, want %q and %d", c.name, err, n, c.want, c.left)
			}
		}
		if n := h.count(t, "policies", "q"); n != 2 {
			t.Errorf("%d policies left in q", n)
		}
	})
}

func TestAssignPolicies(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		for _, ref := range []string{"one", "two", "app/one"} {
			h.addPolicy(t, "p", ref)
		}
		r := h.addRole(t, "p", "admin")
		users := func(ids ...string) (out []access.Target) {
			for _, id := range ids {
				out = append(out, access.Target{Type: user, ID: id})
			}
			return out
		}
		everybody := append(users(h.users[:2]...), access.Target{Type: group, ID: h.groups[0]}, access.Target{Type: role, ID: r})
		for _, c := range []struct {
			name    string
			remove  bool
			refs    []access.PolicyRef
			targets []access.Target
			want    string
			left    int64
		}{
			{"all to all", false, policyRefs("one", "two"), everybody, "", 8},
			{"again", false, policyRefs("one"), everybody, "", 8},
			{"the built-in one", false, policyRefs(access.AdministratorAccess), users(h.users[0]), "", 9},
			{"another namespace", false, policyRefs("app/one"), users(h.users[2]), "", 10},
			{"unknown user", false, policyRefs("one"), users(h.users[2], unknown), "user_not_found", 10},
			{"another pool's user", false, policyRefs("one"), users(h.other[0]), "user_not_found", 10},
			{"unknown role", false, policyRefs("one"), []access.Target{{Type: role, ID: unknown}}, "role_not_found", 10},
			{"unknown group", false, policyRefs("one"), []access.Target{{Type: group, ID: unknown}}, "group_not_found", 10},
			{"unknown department", false, policyRefs("one"), []access.Target{{Type: directory.DepartmentTarget, ID: unknown}}, "department_not_found", 10},
			{"unknown policy", false, policyRefs("one", "three"), everybody, "policy_not_found", 10},
			{"unknown namespace", false, policyRefs("nowhere/one"), everybody, "namespace_not_found", 10},
			{"no policy", false, nil, everybody, "list_min policies 1", 10},
			{"nobody", false, policyRefs("one"), nil, "list_min targetIdentifiers 1", 10},
			{"another type", false, policyRefs("one"), []access.Target{{Type: "ORG", ID: unknown}}, "field_format targetType", 10},
			{"remove", true, policyRefs("one"), users(h.users[0], unknown), "", 9},
			{"remove again", true, policyRefs("one"), users(h.users[0]), "", 9},
			{"remove an unknown one", true, policyRefs("three"), users(h.users[0]), "policy_not_found", 9},
		} {
			var err error
			if c.remove {
				err = h.UnassignPolicies(ctx, "p", c.refs, c.targets)
			} else {
				err = h.AssignPolicies(ctx, "p", c.refs, c.targets, true)
			}
			if n := h.count(t, "policy_assignments", "p"); said(err) != c.want || n != c.left {
				t.Errorf("%s: %v, %d assignments; want %q and %d", c.name, err, n, c.want, c.left)
			}
		}

		for _, c := range []struct {
			filter access.AssignmentFilter
			page   directory.Page
			n      int
			total  int64
			err    string
		}{
			{access.AssignmentFilter{}, directory.Page{Page: 1, Limit: 50}, 9, 9, ""},
			{access.AssignmentFilter{Namespace: "default", Code: "one"}, directory.Page{Page: 1, Limit: 2}, 2, 3, ""},
			{access.AssignmentFilter{Namespace: "default", Code: "one"}, directory.Page{Page: 2, Limit: 2}, 1, 3, ""},
			{access.AssignmentFilter{Code: "one"}, directory.Page{Page: 1, Limit: 50}, 4, 4, ""},
			{access.AssignmentFilter{TargetType: role, TargetID: r}, directory.Page{Page: 1, Limit: 50}, 2, 2, ""},
			{access.AssignmentFilter{TargetType: user, TargetID: h.users[0]}, directory.Page{Page: 1, Limit: 50}, 2, 2, ""},
			{access.AssignmentFilter{Code: "three"}, directory.Page{Page: 1, Limit: 50}, 0, 0, ""},
			{access.AssignmentFilter{Code: "\x00"}, directory.Page{Page: 1, Limit: 50}, 0, 0, ""},
			{access.AssignmentFilter{Namespace: "nowhere"}, directory.Page{Page: 1, Limit: 50}, 0, 0, "namespace_not_found"},
		} {
			list, total, err := h.PolicyAssignments(ctx, "p", c.filter, c.page)
			if len(list) != c.n || total != c.total || said(err) != c.err {
				t.Errorf("%+v: %d of %d, %v", c.filter, len(list), total, err)
			}
		}
		if list, _, err := h.PolicyAssignments(ctx, "q", access.AssignmentFilter{}, directory.Page{Page: 1, Limit: 50}); err != nil || len(list) != 0 {
			t.Errorf("q has %v, %v", list, err)
		}

		one, err := h.Policy(ctx, "p", policyRef("one"))
		must(t, err)
		if counts, err := h.PolicyAssignmentCounts(ctx, "p", []string{one.ID, unknown}); err != nil || len(counts) != 1 || counts[one.ID] != 3 {
			t.Errorf("counts %v, %v", counts, err)
		}

		state := func() string {
			list, _, err := h.PolicyAssignments(ctx, "p", access.AssignmentFilter{Code: "two", TargetType: user, TargetID: h.users[0]}, directory.Page{Page: 1, Limit: 2})
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			return fmt.Sprint(list[0].Enabled, list[0].Inherit)
		}
		for _, c := range []struct {
			ref     string
			target  access.Target
			enabled bool
			want    string
			state   string
		}{
			{"two", users(h.users[0])[0], false, "", "false true"},
			{"two", users(h.users[0])[0], false, "", "false true"},
			{"two", users(h.users[2])[0], true, "policy_not_assigned", "false true"},
			{"two", users("\x00")[0], true, "policy_not_assigned", "false true"},
			{"three", users(h.users[0])[0], true, "policy_not_found", "false true"},
			{"two", users(h.users[0])[0], true, "", "true true"},
		} {
			if err := h.EnablePolicyAssignment(ctx, "p", policyRef(c.ref), c.target, c.enabled); said(err) != c.want || state() != c.state {
				t.Errorf("%+v: %v, then %s", c, err, state())
			}
		}
		_, n, err := h.log.List(ctx, "p", audit.Filter{Resource: audit.Policy, Operation: audit.Disable, Limit: 10})
		if err != nil || n != 1 {
			t.Errorf("%d records, %v", n, err)
		}
	})
}

// Assignments go with whom they were made to.
func TestPoliciesGoWithTheirTargets(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.addPolicy(t, "p", "one")
		h.addRole(t, "p", "admin")
		r, err := h.Role(ctx, "p", refs("admin")[0])
		must(t, err)
		org, err := h.dir.CreateOrganization(ctx, "p", directory.NewDepartment{Code: "acme", Name: "Acme"})
		must(t, err)
		must(t, h.AssignPolicies(ctx, "p", policyRefs("one"), []access.Target{{Type: user, ID: h.users[0]}, {Type: user, ID: h.users[1]},
			{Type: group, ID: h.groups[0]}, {Type: role, ID: r.ID}, {Type: directory.DepartmentTarget, ID: org.ID}}, true))
		for _, c := range []struct {
			name string
			do   func() error
			left int64
		}{
			{"a user", func() error { return h.dir.DeleteUsers(ctx, "p", directory.Refs("user_id", h.users[:1])) }, 4},
			{"an organisation", func() error { return h.dir.DeleteOrganization(ctx, "p", "acme") }, 3},
			{"a group", func() error { return h.dir.DeleteGroups(ctx, "p", []string{"g0"}, directory.MissingFails) }, 2},
			{"a role", func() error { return h.DeleteRoles(ctx, "p", refs("admin"), directory.MissingFails) }, 1},
		} {
			must(t, c.do())
			if n := h.count(t, "policy_assignments", "p"); n != c.left {
				t.Errorf("%s is gone: %d assignments, want %d", c.name, n, c.left)
			}
		}
	})
}

// Whoever assigns while another deletes leaves no assignment of what is gone.
func TestPolicyRace(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		for range 10 {
			p := h.addPolicy(t, "p", "raced")
			var wg sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				wg.Go(func() {
					switch i {
					case 0:
						errs[i] = h.DeletePolicies(ctx, "p", policyRefs("raced"))
					case 1:
						_, errs[i] = h.UpdatePolicy(ctx, "p", policyRef("raced"), access.PolicyPatch{Description: ptr("raced")})
					default:
						errs[i] = h.AssignPolicies(ctx, "p", policyRefs("raced"), []access.Target{{Type: user, ID: h.users[0]}, {Type: group, ID: h.groups[0]}}, false)
					}
				})
			}
			wg.Wait()
			must(t, errs[0])
			for _, err := range errs[1:] {
				if said(err) != "" && said(err) != "policy_not_found" {
					t.Fatal(err)
				}
			}
			if counts, err := h.PolicyAssignmentCounts(ctx, "p", []string{p.ID}); err != nil || len(counts) != 0 {
				t.Fatalf("assignments of a policy that is gone: %v, %v", counts, err)
			}
		}
	})
}
