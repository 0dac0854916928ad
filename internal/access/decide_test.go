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
	"pgregory.net/rapid"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

const department = directory.DepartmentTarget

// maze is pool "p" of a hall with what random changes are made to.
type maze struct {
	*hall
	ctx         context.Context
	org         string
	departments []string // without the root
	roles       []string
	policies    []string
}

func newMaze(t *testing.T, h *hall) *maze {
	t.Helper()
	m := &maze{hall: h, ctx: t.Context(), policies: []string{"pa", "pb"}}
	root, err := h.dir.CreateOrganization(m.ctx, "p", directory.NewDepartment{Code: "acme", Name: "Acme"})
	must(t, err)
	m.org = root.ID
	parent := root.ID
	for i := range 4 {
		n, err := h.dir.CreateDepartment(m.ctx, "p", directory.DepartmentRef{Anywhere: true, Value: parent}, directory.NewDepartment{Code: fmt.Sprint("d", i), Name: "d"})
		must(t, err)
		m.departments = append(m.departments, n.ID)
		if i != 1 {
			parent = n.ID
		}
	}
	for _, code := range []string{"ra", "rb", "app/rc"} {
		m.roles = append(m.roles, h.addRole(t, "p", code))
	}
	for i, code := range m.policies {
		_, err := h.CreatePolicy(m.ctx, "p", access.NewPolicy{Code: code, Namespace: []string{"default", "app"}[i], Statements: []access.Statement{{Resource: "books", Actions: []string{"read"}}}})
		must(t, err)
	}
	return m
}

var (
	someResources  = []string{"*", "books", "books:*", "books:1", "books:2", "films:1", "films:*", "a:b:*", "a:b", "a:b:c"}
	someActions    = []string{"*", "read", "books:read", "edit", "books:*", "films:edit", "x:*", "x:y"}
	someNamespaces = []string{"default", "app"}
	someTypes      = []access.ResourceType{access.Data, access.Menu}
)

// move puts a department below another.
func (m *maze) move(ctx context.Context, id, parent string) error {
	_, err := m.dir.UpdateDepartment(ctx, "p", directory.DepartmentRef{Anywhere: true, Value: id}, directory.DepartmentPatch{Parent: &parent})
	return err
}

func pick[T any](r *rapid.T, name string, list []T) T { return rapid.SampledFrom(list).Draw(r, name) }

func (m *maze) target(r *rapid.T) access.Target {
	switch pick(r, "target", []string{"user", "group", "department", "role"}) {
	case "user":
		return access.Target{Type: user, ID: pick(r, "user", m.users)}
	case "group":
		return access.Target{Type: group, ID: pick(r, "group", m.groups)}
	case "department":
		return access.Target{Type: department, ID: pick(r, "department", append(m.departments, m.org))}
	}
	return access.Target{Type: role, ID: pick(r, "role", m.roles)}
}

func (m *maze) actions(r *rapid.T) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(someActions), 0, 2, rapid.ID).Draw(r, "actions")
}

func (m *maze) period(r *rapid.T) directory.Period {
	hour := m.d.Now() + 3_600_000
	return pick(r, "period", []directory.Period{{}, {}, {}, {Begin: &hour}, {End: &hour}})
}

func (m *maze) grant(r *rapid.T) access.NewGrant {
	return access.NewGrant{Namespace: pick(r, "namespace", someNamespaces), Target: m.target(r), Resource: pick(r, "resource", someResources),
		ResourceType: pick(r, "type", someTypes), Actions: m.actions(r), Effect: pick(r, "effect", []access.Effect{access.Allow, access.Allow, access.Deny}),
		Inherit: rapid.Bool().Draw(r, "inherit")}
}

func (m *maze) role(r *rapid.T) access.RoleRef {
	return pick(r, "role", []access.RoleRef{{Code: "ra"}, {Code: "rb"}, {Namespace: "app", Code: "rc"}})
}

// step makes one random change.
func (m *maze) step(r *rapid.T, ctx context.Context) error {
	in := directory.DepartmentRef{Anywhere: true, Value: pick(r, "department", append(m.departments, m.org))}
	some := []string{pick(r, "user", m.users)}
	code := pick(r, "group", []string{"g0", "g1"})
	policy := access.PolicyRef{Code: m.policies[0]}
	if rapid.Bool().Draw(r, "second policy") {
		policy = access.PolicyRef{Namespace: "app", Code: m.policies[1]}
	}
	switch pick(r, "step", []string{"grant", "grant", "grant", "grant", "revoke", "join", "leave", "enter", "exit", "move", "assign", "assign", "unassign", "role", "policy", "give", "give", "take", "switch"}) {
	case "grant":
		return m.Grant(ctx, "p", []access.NewGrant{m.grant(r)})
	case "revoke":
		g := m.grant(r)
		return m.Revoke(ctx, "p", []access.Revocation{{Namespace: g.Namespace, Target: g.Target, Resource: g.Resource, Items: true}})
	case "join":
		return m.dir.AddMembersFor(ctx, "p", code, some, m.period(r))
	case "leave":
		return m.dir.RemoveMembers(ctx, "p", code, some)
	case "enter":
		return m.dir.AddDepartmentMembersFor(ctx, "p", in, some, m.period(r))
	case "exit":
		return m.dir.RemoveDepartmentMembers(ctx, "p", in, some)
	case "move":
		parent := pick(r, "parent", append(m.departments, m.org))
		if err := m.move(ctx, pick(r, "moved", m.departments), parent); err != nil && said(err) != "department_cycle" {
			return err
		}
		return nil
	case "assign":
		target := m.target(r)
		if target.Type == role {
			return nil
		}
		return m.AssignFor(ctx, "p", []access.RoleRef{m.role(r)}, []access.Target{target}, m.period(r))
	case "unassign":
		target := m.target(r)
		if target.Type == role {
			return nil
		}
		return m.Unassign(ctx, "p", []access.RoleRef{m.role(r)}, []access.Target{target}, directory.MissingOK)
	case "role":
		_, err := m.UpdateRole(ctx, "p", m.role(r), access.RolePatch{Enabled: ptr(rapid.Bool().Draw(r, "enabled"))})
		return err
	case "policy":
		g := m.grant(r)
		s := access.Statement{Resource: g.Resource, Actions: append(g.Actions, "read"), Effect: g.Effect}
		if rapid.Bool().Draw(r, "conditional") {
			s.Conditions = []access.Condition{{Param: "x", Operator: "Equals", Value: jsontext.Value(`"1"`)}}
		}
		_, err := m.UpdatePolicy(ctx, "p", policy, access.PolicyPatch{Statements: []access.Statement{s}})
		return err
	case "give":
		return m.AssignPolicies(ctx, "p", []access.PolicyRef{policy}, []access.Target{m.target(r)}, rapid.Bool().Draw(r, "inherit"))
	case "take":
		return m.UnassignPolicies(ctx, "p", []access.PolicyRef{policy}, []access.Target{m.target(r)})
	}
	err := m.EnablePolicyAssignment(ctx, "p", policy, m.target(r), rapid.Bool().Draw(r, "enabled"))
	if said(err) == "policy_not_assigned" {
		err = nil
	}
	return err
}

func (m *maze) question(r *rapid.T) access.Question {
	q := access.Question{UserID: pick(r, "asked", m.users), Namespace: pick(r, "in", append(someNamespaces, "")), Resource: pick(r, "of", append(someResources, "books:3", "c")),
		Action: pick(r, "to", append(someActions, "", "books:edit", "x:z")), ResourceType: pick(r, "kind", append(someTypes, ""))}
	switch pick(r, "environment", []string{"", "", "1", "2"}) {
	case "1":
		q.Environment = map[string]any{"x": "1"}
	case "2":
		q.Environment = map[string]any{"x": "2"}
	}
	return q
}

func flat(list []access.AuthorizedResource) []string {
	var out []string
	for _, e := range list {
		actions := e.Actions
		if len(actions) == 0 {
			actions = []string{""}
		}
		for _, a := range actions {
			out = append(out, strings.Join([]string{e.Namespace, string(e.Type), e.Code, a}, " "))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Whatever was changed, every answer is the reference's.
func TestDecideIsTheReference(t *testing.T) {
	eachHall(t, 4, func(t *testing.T, h *hall) {
		m := newMaze(t, h)
		rapid.Check(t, func(r *rapid.T) {
			for range rapid.IntRange(1, 6).Draw(r, "steps") {
				if err := m.step(r, m.ctx); err != nil {
					r.Fatal(err)
				}
				m.compare(r)
			}
		})
	})
}

// compare asks everything of which the reference knows the answer.
func (m *maze) compare(r *rapid.T) {
	w := readWorld(r, m.ctx, m.d)
	var list []access.Question
	var want []bool
	for range 6 {
		q := m.question(r)
		ok, failure := w.decide(q)
		got, err := m.Decide(m.ctx, "p", q)
		if said(err) != failure || got != ok {
			r.Fatalf("%+v: %v, %v; the reference says %v, %s", q, got, err, ok, failure)
		}
		list, want = append(list, q), append(want, ok)
		e, err := m.Explain(m.ctx, "p", q)
		if err != nil || e.Allowed != ok {
			r.Fatalf("%+v is explained as %+v, %v", q, e, err)
		}
		m.replay(r, w, q, e)
	}
	if got, err := m.DecideAll(m.ctx, "p", list); err != nil || !slices.Equal(got, want) {
		r.Fatalf("all: %v, %v; the reference says %v", got, err, want)
	}
	id := pick(r, "listed", m.users)
	may, _, err := m.AuthorizedResourcesOfUser(m.ctx, "p", id, access.ResourceFilter{}, directory.Page{})
	if got, want := flat(may), w.effective(id); err != nil || !slices.Equal(got, want) {
		r.Fatalf("%s may %q, %v; the reference says %q", id, got, err, want)
	}
	subjects, err := m.SubjectsOf(m.ctx, "p", id)
	var got, expected []string
	for _, s := range subjects {
		got = append(got, fmt.Sprint(s.Type, s.ID, s.Inherited))
	}
	for _, s := range w.subjects(id) {
		expected = append(expected, fmt.Sprint(s.kind, s.id, s.inherited))
	}
	slices.Sort(got)
	slices.Sort(expected)
	if err != nil || !slices.Equal(got, expected) {
		r.Fatalf("subjects %v, %v; the reference says %v", got, err, expected)
	}
	m.compareWho(r, w)
}

// replay sees that a way of an explanation is there, and that it alone leads to the answer.
func (m *maze) replay(r *rapid.T, w *world, q access.Question, e *access.Explanation) {
	if (e.DecidedBy == nil) != (len(e.Paths) == 0) || e.Allowed && (e.DecidedBy == nil || len(e.Overridden) > 0) {
		r.Fatalf("%+v: %+v", q, e)
	}
	for _, p := range slices.Concat(e.Paths, e.Overridden) {
		last := p.Steps[len(p.Steps)-1]
		if p.Steps[0].ID != q.UserID || last.Target != p.Rule.Target {
			r.Fatalf("%+v: a way from %+v to %+v", q, p.Steps[0], last)
		}
		if !slices.Contains(w.subjects(q.UserID), worldSubject{string(last.Type), last.ID, last.Inherited}) {
			r.Fatalf("%+v: %+v is none of the user's", q, last)
		}
		for i, s := range p.Steps[1:] {
			if !w.leads(p.Steps[i].Target, s.Target, s.Inherited) {
				r.Fatalf("%+v: nothing leads from %+v to %+v", q, p.Steps[i], s)
			}
		}
		alone := *w
		id := p.Rule.ID
		if p.Rule.Kind == access.PolicyRule {
			id = fmt.Sprint(id, "/", p.Rule.Statement)
		}
		alone.grants = nil
		for _, g := range w.grants {
			if g.ID == id && g.Type == string(last.Type) && g.Target == last.ID {
				g.Effect = "ALLOW" // a rule that denies is about the question as one that allows is
				g.Conditions = nil
				alone.grants = append(alone.grants, g)
			}
		}
		if ok, _ := alone.decide(q); !ok {
			r.Fatalf("%+v is not decided by %+v", q, p.Rule)
		}
	}
	for _, n := range e.Nearest {
		if e.DecidedBy != nil || n.Effect != access.Allow || len(e.Nearest) > 10 {
			r.Fatalf("%+v: near is %+v", q, n)
		}
	}
}

// leads reports whether a membership or an assignment in force, or the tree, leads from one target to another.
func (w *world) leads(from, to access.Target, inherited bool) bool {
	if inherited {
		for up := w.parents[from.ID]; up != ""; up = w.parents[up] {
			if up == to.ID {
				return true
			}
		}
		return false
	}
	for _, m := range slices.Concat(w.groups, w.departments) {
		if m.User == from.ID && m.ID == to.ID && m.InForceAt(w.now) {
			return true
		}
	}
	return slices.ContainsFunc(w.assigned, func(a worldAssignment) bool { return a.ID == from.ID && a.Role == to.ID && a.InForceAt(w.now) })
}

// compareWho asks who may.
func (m *maze) compareWho(r *rapid.T, w *world) {
	q := m.question(r)
	want := w.who(q)
	var got []string
	for page := 1; page == 1 || len(got) < len(want); page++ {
		list, total, err := m.WhoCan(m.ctx, "p", q, directory.Page{Page: page, Limit: 2})
		if err != nil || int(total) != len(want) || page > 1 && len(list) == 0 {
			r.Fatalf("who may %+v: %d, %v; the reference says %v", q, total, err, want)
		}
		for _, u := range list {
			got = append(got, u.User.ID)
			if len(u.Path.Steps) == 0 || u.Path.Steps[0].ID != u.User.ID || u.Path.Rule.Effect != access.Allow {
				r.Fatalf("who may %+v: %+v", q, u.Path)
			}
		}
	}
	if !slices.Equal(got, want) {
		r.Fatalf("who may %+v: %v; the reference says %v", q, got, want)
	}
}

// What is in memory is asked of nobody, and what another server changes is known within two seconds.
func TestDecideOnTwoServers(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		if d.Local() {
			return // one process owns the file
		}
		one := testhall.New(t, d)
		two := one.Again(t)
		p := one.Pool(t, "p")
		ctx := p.As(t.Context())
		g, err := one.Directory.CreateGroup(ctx, p.ID, directory.NewGroup{Code: "g"})
		must(t, err)
		q := access.Question{UserID: p.AdminID, Resource: "books:1", Action: "read"}
		u, err := one.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: ptr("ann")}})
		must(t, err)
		q.UserID = u.ID
		grant := access.NewGrant{Target: access.Target{Type: group, ID: g.ID}, Resource: "books", Actions: []string{"read"}}
		for _, c := range []struct {
			name string
			do   func() error
			want bool
		}{
			{"a grant to nobody", func() error { return one.Access.Grant(ctx, p.ID, []access.NewGrant{grant}) }, false},
			{"joins the group", func() error { return one.Directory.AddMembers(ctx, p.ID, "g", []string{u.ID}) }, true},
			{"revoked", func() error {
				return one.Access.Revoke(ctx, p.ID, []access.Revocation{{Target: grant.Target, Resource: "books"}})
			}, false},
			{"granted by the other", func() error { return two.Access.Grant(ctx, p.ID, []access.NewGrant{grant}) }, true},
			{"the group goes", func() error { return two.Directory.DeleteGroups(ctx, p.ID, []string{"g"}, directory.MissingFails) }, false},
		} {
			for _, h := range []*testhall.Hall{one, two} {
				if _, err := h.Access.Decide(ctx, p.ID, q); err != nil {
					t.Fatal(err)
				}
			}
			must(t, c.do())
			for i, h := range []*testhall.Hall{one, two} {
				deadline := time.Now().Add(2 * time.Second)
				got, err := h.Access.Decide(ctx, p.ID, q)
				for ; err == nil && got != c.want && time.Now().Before(deadline); got, err = h.Access.Decide(ctx, p.ID, q) {
					time.Sleep(10 * time.Millisecond)
				}
				if err != nil || got != c.want {
					t.Errorf("%s: server %d says %v, %v", c.name, i+1, got, err)
				}
			}
		}
	})
}

// What is asked again is answered without the database: what is written there behind the verbs' back shows so.
func TestDecideFromMemory(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		q := access.Question{UserID: h.users[0], Resource: "books:1", Action: "read"}
		must(t, h.Grant(t.Context(), "p", []access.NewGrant{{Target: access.Target{Type: group, ID: h.groups[0]}, Resource: "books", Actions: []string{"read"}}}))
		if ok, err := h.Decide(t.Context(), "p", q); err != nil || !ok {
			t.Fatal(ok, err)
		}
		_, err := db.Exec(t.Context(), h.d, "delete from grants where pool_id = 'p'") // behind its back
		must(t, err)
		if ok, err := h.Decide(t.Context(), "p", q); err != nil || !ok {
			t.Errorf("%v, %v", ok, err)
		}
		if e, err := h.Explain(t.Context(), "p", q); err != nil || !e.Allowed || len(e.Paths) != 1 || e.Paths[0].Steps[1].Code != "g0" {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

// Who has more grants than memory takes is answered from the database.
func TestDecideOfManyGrants(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		me := access.Target{Type: user, ID: h.users[0]}
		for from := 0; from < 5500; from += 500 {
			list := make([]access.NewGrant, 500)
			for i := range list {
				list[i] = access.NewGrant{Target: me, Resource: fmt.Sprint("books:", from+i), Actions: []string{"read"}}
			}
			must(t, h.Grant(ctx, "p", list))
		}
		for _, c := range []struct {
			resource string
			want     bool
		}{{"books:0", true}, {"books:5499", true}, {"books:5500", false}, {"books", false}} {
			if ok, err := h.Decide(ctx, "p", access.Question{UserID: me.ID, Resource: c.resource, Action: "books:read"}); err != nil || ok != c.want {
				t.Errorf("%s: %v, %v", c.resource, ok, err)
			}
		}
		must(t, h.Grant(ctx, "p", []access.NewGrant{{Target: me, Resource: "books", Effect: access.Deny}}))
		if ok, err := h.Decide(ctx, "p", access.Question{UserID: me.ID, Resource: "books:7", Action: "read"}); err != nil || ok {
			t.Errorf("denied, but %v, %v", ok, err)
		}
	})
}

func TestDecideRefuses(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		for _, c := range []struct {
			name string
			q    access.Question
			want string
		}{
			{"an unknown user", access.Question{UserID: unknown, Resource: "r"}, "user_not_found"},
			{"another pool's user", access.Question{UserID: h.other[0], Resource: "r"}, "user_not_found"},
			{"a malformed user", access.Question{UserID: "\x00", Resource: "r"}, "user_not_found"},
			{"an unknown namespace", access.Question{UserID: h.users[0], Namespace: "x", Resource: "r"}, "namespace_not_found"},
			{"no resource", access.Question{UserID: h.users[0]}, "field_format resource"},
			{"a malformed action", access.Question{UserID: h.users[0], Resource: "r", Action: "\xff"}, "field_format action"},
			{"an unknown type", access.Question{UserID: h.users[0], Resource: "r", ResourceType: "X"}, "field_format resourceType"},
		} {
			if _, err := h.Decide(t.Context(), "p", c.q); said(err) != c.want {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
			if _, err := h.DecideAll(t.Context(), "p", []access.Question{c.q}); said(err) != c.want {
				t.Errorf("all: %s: %v, want %s", c.name, err, c.want)
			}
			if _, err := h.Explain(t.Context(), "p", c.q); said(err) != c.want {
				t.Errorf("explain: %s: %v, want %s", c.name, err, c.want)
			}
		}
		if _, err := h.DecideAll(t.Context(), "p", make([]access.Question, 1001)); said(err) != "list_max list 1000" {
			t.Error(err)
		}
	})
}

func TestAuthorizedTargets(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		me, they := access.Target{Type: user, ID: h.users[0]}, access.Target{Type: group, ID: h.groups[0]}
		must(t, h.Grant(t.Context(), "p", []access.NewGrant{
			{Target: me, Resource: "books:1", Actions: []string{"read", "edit", "drop"}}, {Target: me, Resource: "books:1", Actions: []string{"drop"}, Effect: access.Deny},
			{Target: they, Resource: "books:1", Actions: []string{"*"}}, {Target: they, Resource: "books:2", Actions: []string{"*"}},
		}))
		for _, c := range []struct {
			name string
			q    access.TargetQuestion
			want string
		}{
			{"everybody", access.TargetQuestion{}, "GROUP[*] USER[edit read]"},
			{"users", access.TargetQuestion{TargetType: user}, "USER[edit read]"},
			{"one of the actions", access.TargetQuestion{Actions: []string{"read", "drop"}}, "GROUP[*] USER[edit read]"},
			{"all of the actions", access.TargetQuestion{Actions: []string{"books:read", "drop"}, AllActions: true}, "GROUP[*]"},
			{"an action that is denied", access.TargetQuestion{Actions: []string{"drop"}}, "GROUP[*]"},
			{"another type", access.TargetQuestion{ResourceType: access.Menu}, ""},
			{"a page", access.TargetQuestion{Page: directory.Page{Page: 2, Limit: 1}}, "USER[edit read]"},
		} {
			c.q.Resource = "books:1"
			list, _, err := h.AuthorizedTargets(t.Context(), "p", c.q)
			var got []string
			for _, a := range list {
				got = append(got, fmt.Sprint(a.Type, a.Actions))
			}
			if s := strings.Join(got, " "); err != nil || s != c.want {
				t.Errorf("%s: %s, %v, want %s", c.name, s, err, c.want)
			}
		}
	})
}

// What a verb has changed is seen by whoever asks after it, however many are loading meanwhile what it changes.
func TestDecideSeesWhatWasWritten(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		must(t, h.Grant(ctx, "p", []access.NewGrant{{Target: access.Target{Type: group, ID: h.groups[1]}, Resource: "books", Actions: []string{"read"}}}))
		q := access.Question{UserID: h.users[0], Resource: "books:1", Action: "read"}
		stop := make(chan struct{})
		var askers sync.WaitGroup
		defer askers.Wait()
		defer close(stop)
		for range 4 {
			askers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if _, err := h.Decide(ctx, "p", q); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		deny := access.NewGrant{Target: access.Target{Type: user, ID: h.users[0]}, Resource: "*", Effect: access.Deny}
		for round := range 50 {
			for _, c := range []struct {
				name string
				do   func() error
				want bool
			}{
				{"joins", func() error { return h.dir.AddMembers(ctx, "p", "g1", h.users[:1]) }, true},
				{"is denied", func() error { return h.Grant(ctx, "p", []access.NewGrant{deny}) }, false},
				{"is denied no more", func() error {
					return h.Revoke(ctx, "p", []access.Revocation{{Target: deny.Target, Resource: "*"}})
				}, true},
				{"leaves", func() error { return h.dir.RemoveMembers(ctx, "p", "g1", h.users[:1]) }, false},
			} {
				must(t, c.do())
				if got, err := h.Decide(ctx, "p", q); err != nil || got != c.want {
					t.Fatalf("round %d, %s: %v, %v", round, c.name, got, err)
				}
			}
		}
	})
}

// A department that moves takes those below it along.
func TestDecideFollowsTheTree(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		m := newMaze(t, h)
		must(t, m.dir.AddDepartmentMembers(m.ctx, "p", directory.DepartmentRef{Anywhere: true, Value: m.departments[3]}, h.users[:1]))
		must(t, m.Grant(m.ctx, "p", []access.NewGrant{{Target: access.Target{Type: department, ID: m.departments[1]}, Resource: "books", Inherit: true}}))
		for _, c := range []struct {
			parent string
			want   bool
		}{{m.departments[1], true}, {m.org, false}} {
			if _, err := m.Decide(m.ctx, "p", access.Question{UserID: h.users[0], Resource: "books"}); err != nil {
				t.Fatal(err)
			}
			must(t, m.move(m.ctx, m.departments[2], c.parent)) // which the user's department is below
			if got, err := m.Decide(m.ctx, "p", access.Question{UserID: h.users[0], Resource: "books"}); err != nil || got != c.want {
				t.Errorf("%v, %v, want %v", got, err, c.want)
			}
		}
	})
}
