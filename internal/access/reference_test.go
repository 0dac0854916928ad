package access_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// world is everything that decisions of a pool depend on, as the tables have it. What is here is written to be obviously right, and slow: it is
// what the decisions of the package are compared with.
type world struct {
	now         int64
	users       []string
	namespaces  []string
	groups      []worldLink // of, id: a user in a group
	departments []worldLink // a user in a department
	parents     map[string]string
	roles       []worldRole
	assigned    []worldAssignment
	grants      []worldGrant
	policies    map[string]worldPolicy
	given       []worldGiven
}

type worldLink struct {
	User string `db:"user_id"`
	ID   string `db:"id"`
	directory.Term
}

type worldRole struct {
	ID          string `db:"id"`
	Disabled    bool   `db:"disabled"`
	DisableTime int64  `db:"disable_time"`
}

type worldAssignment struct {
	Role string `db:"role_id"`
	Type string `db:"target_type"`
	ID   string `db:"target_id"`
	directory.Term
}

type worldGrant struct {
	ID           string   `db:"id"`
	Namespace    string   `db:"namespace"`
	Type         string   `db:"target_type"`
	Target       string   `db:"target_id"`
	Inherit      bool     `db:"inherit"`
	Resource     string   `db:"resource"`
	ResourceType string   `db:"resource_type"`
	Actions      []string `db:"actions,json"`
	Effect       string   `db:"effect"`
	Conditions   []access.Condition
}

type worldPolicy struct {
	ID         string             `db:"id"`
	Namespace  string             `db:"namespace"`
	Statements []access.Statement `db:"statements,json"`
}

type worldGiven struct {
	Policy  string `db:"policy_id"`
	Type    string `db:"target_type"`
	ID      string `db:"target_id"`
	Inherit bool   `db:"inherit"`
	Enabled bool   `db:"enabled"`
}

type worldDepartment struct {
	ID     string `db:"id"`
	Parent string `db:"parent_id"`
}

// readWorld reads the rows of pool "p".
func readWorld(t fataler, ctx context.Context, d *db.DB) *world {
	w := &world{now: d.Now(), parents: make(map[string]string), policies: make(map[string]worldPolicy)}
	w.users = rowsOf[string](t, ctx, d, "select id from users where pool_id = 'p' order by id limit ?")
	w.namespaces = rowsOf[string](t, ctx, d, "select code from namespaces where pool_id = 'p' limit ?")
	w.groups = rowsOf[worldLink](t, ctx, d, "select user_id, group_id, enable_time, end_time from group_members where pool_id = 'p' limit ?")
	w.departments = rowsOf[worldLink](t, ctx, d, "select user_id, department_id, enable_time, end_time from department_members where pool_id = 'p' limit ?")
	for _, n := range rowsOf[worldDepartment](t, ctx, d, "select id, parent_id from departments where pool_id = 'p' limit ?") {
		w.parents[n.ID] = n.Parent
	}
	w.roles = rowsOf[worldRole](t, ctx, d, "select id, disabled, disable_time from roles where pool_id = 'p' limit ?")
	w.assigned = rowsOf[worldAssignment](t, ctx, d, "select role_id, target_type, target_id, enable_time, end_time from role_assignments where pool_id = 'p' limit ?")
	w.grants = rowsOf[worldGrant](t, ctx, d, "select "+db.Columns[worldGrant]()+" from grants where pool_id = 'p' limit ?")
	for _, p := range rowsOf[worldPolicy](t, ctx, d, "select id, namespace, statements from policies where pool_id = 'p' limit ?") {
		w.policies[p.ID] = p
	}
	w.given = rowsOf[worldGiven](t, ctx, d, "select policy_id, target_type, target_id, inherit, enabled from policy_assignments where pool_id = 'p' limit ?")
	for _, g := range w.given {
		p := w.policies[g.Policy]
		for i, s := range p.Statements {
			if g.Enabled {
				w.grants = append(w.grants, worldGrant{ID: fmt.Sprint(p.ID, "/", i), Namespace: p.Namespace, Type: g.Type, Target: g.ID, Inherit: g.Inherit,
					Resource: s.Resource, Actions: s.Actions, Effect: string(s.Effect), Conditions: s.Conditions})
			}
		}
	}
	return w
}

// fataler is what rapid's T and testing's have in common.
type fataler interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Helper()
}

func rowsOf[T any](t fataler, ctx context.Context, d *db.DB, sql string) []T {
	t.Helper()
	list, err := db.List[T](ctx, d, sql, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return list
}

// worldSubject is somebody whose grants hold for a user; inherited where only those that say so do.
type worldSubject struct {
	kind, id  string
	inherited bool
}

func (w *world) subjects(user string) []worldSubject {
	list := []worldSubject{{"USER", user, false}}
	for _, m := range w.groups {
		if m.User == user && m.InForceAt(w.now) {
			list = append(list, worldSubject{"GROUP", m.ID, false})
		}
	}
	for _, m := range w.departments {
		if m.User == user && m.InForceAt(w.now) {
			list = append(list, worldSubject{"DEPARTMENT", m.ID, false})
		}
	}
	for _, s := range list {
		for _, a := range w.assigned {
			for _, r := range w.roles {
				if a.Type == s.kind && a.ID == s.id && a.InForceAt(w.now) && r.ID == a.Role && !r.Disabled && (r.DisableTime == 0 || w.now < r.DisableTime) {
					list = append(list, worldSubject{"ROLE", r.ID, false})
				}
			}
		}
		if s.kind == "DEPARTMENT" {
			for up := w.parents[s.id]; up != ""; up = w.parents[up] {
				list = append(list, worldSubject{"DEPARTMENT", up, true})
			}
		}
	}
	return list
}

// covers says whether a granted resource or one asked for is, or includes, the other.
func (g *worldGrant) covers(resource string) bool {
	granted := g.Resource
	if granted == "*" || resource == "*" {
		return granted == "*"
	}
	if !strings.Contains(granted, ":") {
		granted += ":*"
	}
	if base, ok := strings.CutSuffix(granted, ":*"); ok {
		return resource == base || strings.HasPrefix(resource, base+":")
	}
	return resource == granted
}

func (g *worldGrant) does(action, resource string) bool {
	if len(g.Actions) == 0 {
		return true
	}
	of, _, _ := strings.Cut(resource, ":")
	bare := func(s string) string {
		if rest := strings.TrimPrefix(s, of+":"); resource != "*" && rest != "" {
			return rest
		}
		return s
	}
	action = bare(action)
	return slices.ContainsFunc(g.Actions, func(granted string) bool {
		granted = bare(granted)
		return granted == "*" || granted == action || strings.HasSuffix(granted, ":*") && strings.HasPrefix(action, granted[:len(granted)-1])
	})
}

// applies knows the conditions that the tests use: that a value of the environment equals a text.
func (g *worldGrant) applies(environment map[string]any) bool {
	failed := false
	for _, c := range g.Conditions {
		var want string
		_ = json.Unmarshal(c.Value, &want)
		got, ok := environment[c.Param]
		switch {
		case !ok:
			failed = true
		case got != want:
			return false
		}
	}
	return !failed || g.Effect == "DENY"
}

// decide answers as Decide is to, with the code of its error.
func (w *world) decide(q access.Question) (bool, string) {
	if !slices.Contains(w.users, q.UserID) {
		return false, "user_not_found"
	}
	namespace := cmp.Or(q.Namespace, "default")
	if !slices.Contains(w.namespaces, namespace) {
		return false, "namespace_not_found"
	}
	allowed := false
	for _, s := range w.subjects(q.UserID) {
		for _, g := range w.grants {
			if g.Type == s.kind && g.Target == s.id && (g.Inherit || !s.inherited) && g.Namespace == namespace &&
				(g.ResourceType == "" || q.ResourceType == "" || g.ResourceType == string(q.ResourceType)) &&
				g.covers(q.Resource) && g.does(q.Action, q.Resource) && g.applies(q.Environment) {
				if g.Effect == "DENY" {
					return false, ""
				}
				allowed = true
			}
		}
	}
	return allowed, ""
}

// effective lists, as "namespace type resource action", what allowing grants of a user's subjects name and the user may do.
func (w *world) effective(user string) []string {
	var out []string
	for _, s := range w.subjects(user) {
		for _, g := range w.grants {
			if g.Type != s.kind || g.Target != s.id || s.inherited && !g.Inherit || g.Effect != "ALLOW" {
				continue
			}
			of := cmp.Or(access.ResourceType(g.ResourceType), access.Data)
			actions := g.Actions
			if len(actions) == 0 {
				actions = []string{""}
			}
			for _, action := range actions {
				q := access.Question{UserID: user, Namespace: g.Namespace, Resource: g.Resource, Action: action, ResourceType: of}
				if ok, _ := w.decide(q); ok && g.applies(nil) {
					out = append(out, strings.Join([]string{g.Namespace, string(of), g.Resource, action}, " "))
				}
			}
		}
	}
	slices.Sort(out)
	itself := ""
	return slices.DeleteFunc(slices.Compact(out), func(s string) bool { // who has the resource itself has all actions
		key := s[:strings.LastIndex(s, " ")+1]
		if s == key {
			itself = key
		}
		return s != key && key == itself
	})
}

// who lists the users who may.
func (w *world) who(q access.Question) []string {
	var out []string
	for _, q.UserID = range w.users {
		if ok, _ := w.decide(q); ok {
			out = append(out, q.UserID)
		}
	}
	return out
}

// The reference itself: a handful of worlds small enough to see.
func TestReference(t *testing.T) {
	w := &world{now: 10, users: []string{"u"}, namespaces: []string{"default"}, parents: map[string]string{"child": "root"},
		departments: []worldLink{{User: "u", ID: "child"}}}
	for _, c := range []struct {
		grants   []worldGrant
		question string
		want     bool
	}{
		{nil, "books:1 read", false},
		{[]worldGrant{{Type: "DEPARTMENT", Target: "root", Resource: "books", Actions: []string{"read"}, Effect: "ALLOW"}}, "books:1 read", false},
		{[]worldGrant{{Type: "DEPARTMENT", Target: "root", Inherit: true, Resource: "books", Actions: []string{"read"}, Effect: "ALLOW"}}, "books:1 books:read", true},
		{[]worldGrant{{Type: "USER", Target: "u", Resource: "*", Effect: "ALLOW"}, {Type: "USER", Target: "u", Resource: "books:1", Effect: "DENY"}}, "books:1 read", false},
	} {
		for i := range c.grants {
			c.grants[i].Namespace = "default"
		}
		w.grants = c.grants
		resource, action, _ := strings.Cut(c.question, " ")
		if got, _ := w.decide(access.Question{UserID: "u", Resource: resource, Action: action}); got != c.want {
			t.Errorf("%v, %s: %v", c.grants, c.question, got)
		}
	}
}
