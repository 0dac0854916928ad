package access_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// hall is directory and access on one engine: pool "p" with users and the groups g0 (users 0 and 1) and g1 (nobody), pool "q"
// with one of each; both have the namespaces default and app.
type hall struct {
	*access.Access
	dir    *directory.Directory
	d      *db.DB
	log    *audit.Log
	users  []string
	groups []string
	other  []string // a user and a group of q
}

const (
	unknown = "6229ffaaaaaaaaaaaade3e3d"
	user    = directory.UserTarget
	group   = directory.GroupTarget
	role    = directory.RoleTarget
)

func eachHall(t *testing.T, users int, test func(t *testing.T, h *hall)) {
	t.Helper()
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		log := audit.New(d)
		dir := directory.New(directory.Options{DB: d, Log: log})
		h := &hall{Access: access.New(d, log, dir), dir: dir, d: d, log: log}
		for _, pool := range []string{"p", "q"} {
			for _, ns := range []string{"default", "app"} {
				must(t, h.EnsureNamespace(t.Context(), pool, ns, ns))
			}
		}
		for i := range users {
			h.users = append(h.users, h.addUser(t, "p", fmt.Sprint("user", i)))
		}
		h.groups = []string{h.addGroup(t, "p", "g0"), h.addGroup(t, "p", "g1")}
		must(t, dir.AddMembers(t.Context(), "p", "g0", h.users[:2]))
		h.other = []string{h.addUser(t, "q", "user0"), h.addGroup(t, "q", "g0")}
		test(t, h)
	})
}

func (h *hall) addUser(t *testing.T, poolID, name string) string {
	t.Helper()
	id := h.d.NewID()
	must(t, db.Insert(t.Context(), h.d, "users", &directory.User{PoolID: poolID, ID: id, Status: directory.Activated, WorkStatus: "Active",
		Gender: "U", SourceType: "adminCreated", Username: name}))
	return id
}

func (h *hall) addGroup(t *testing.T, poolID, code string) string {
	t.Helper()
	g, err := h.dir.CreateGroup(t.Context(), poolID, directory.NewGroup{Code: code})
	must(t, err)
	return g.ID
}

// addRole makes a role, written namespace/code, and returns its identifier.
func (h *hall) addRole(t *testing.T, poolID, ref string) string {
	t.Helper()
	r := refs(ref)[0]
	made, err := h.CreateRole(t.Context(), poolID, access.NewRole{Namespace: r.Namespace, Code: r.Code, Name: strings.ToUpper(r.Code)})
	must(t, err)
	return made.ID
}

// refs are roles written "namespace/code", or "code" without a namespace.
func refs(list ...string) []access.RoleRef {
	out := make([]access.RoleRef, len(list))
	for i, s := range list {
		if namespace, code, ok := strings.Cut(s, "/"); ok {
			out[i] = access.RoleRef{Namespace: namespace, Code: code}
		} else {
			out[i] = access.RoleRef{Code: s}
		}
	}
	return out
}

func roleNames(roles []access.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.Namespace + "/" + r.Code
	}
	return strings.Join(names, " ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// said is what the caller is told: the code and the arguments, "" for success.
func said(err error) string {
	if err == nil {
		return ""
	}
	if e := fault.As(err); e != nil {
		return strings.Join(append([]string{e.Code}, e.Args...), " ")
	}
	return "INTERNAL: " + err.Error()
}

func ptr[T any](v T) *T { return &v }

func (h *hall) count(t *testing.T, table, poolID string) int64 {
	t.Helper()
	n, err := db.One[int64](t.Context(), h.d, "select count(*) from "+table+" where pool_id = ?", poolID)
	must(t, err)
	return n
}

// statements counts the SQL of f on SQLite: inside a transaction the engine asks the context once before each statement.
func (h *hall) statements(t *testing.T, f func(ctx context.Context) error) int {
	t.Helper()
	if h.d.Engine() != "sqlite" {
		return 0
	}
	base, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := &askedContext{Context: base}
	n := 0
	must(t, h.d.Tx(c, func(ctx context.Context) error {
		before := c.asked
		err := f(ctx)
		n = c.asked - before
		return err
	}))
	if n == 0 {
		t.Fatal("no statement was counted")
	}
	return n
}

type askedContext struct {
	context.Context
	asked int
}

func (c *askedContext) Err() error {
	c.asked++
	return c.Context.Err()
}

func TestNamespaces(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := t.Context()
		for _, c := range []struct{ name, code, title, want string }{
			{"new", "6229ffaaaaaaaaaaaade3e3d", "App", ""},
			{"there already", "default", "another name", ""},
			{"empty", "", "x", "field_format code"},
			{"long", strings.Repeat("x", 65), "x", "field_format code"},
			{"NUL", "a\x00", "x", "field_format code"},
			{"long name", "x", strings.Repeat("x", 257), "field_format name"},
		} {
			if err := h.EnsureNamespace(ctx, "p", c.code, c.title); said(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		if n, err := h.Namespace(ctx, "p", "default"); err != nil || n.Name != "default" {
			t.Errorf("default is %+v, %v", n, err)
		}
		for _, code := range []string{"nobody", "", "\xff"} {
			if _, err := h.Namespace(ctx, "p", code); said(err) != "namespace_not_found" {
				t.Errorf("%q: %v", code, err)
			}
		}
		if _, err := h.Namespace(ctx, "q", "6229ffaaaaaaaaaaaade3e3d"); said(err) != "namespace_not_found" {
			t.Errorf("in another pool: %v", err)
		}
		if all, err := h.NamespacesByCode(ctx, "p", []string{"app", "default", "x", "app"}); err != nil || len(all) != 2 {
			t.Errorf("several: %v, %v", all, err)
		}
	})
}

// What a user or a group was given goes with them, and only that.
func TestWhatWasGivenGoes(t *testing.T) {
	eachHall(t, 3, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.addRole(t, "p", "default/admin")
		for _, target := range []access.Target{{user, h.users[0]}, {user, h.users[1]}, {user, h.users[2]}, {group, h.groups[0]}, {group, h.groups[1]}} {
			must(t, h.Assign(ctx, "p", refs("admin"), []access.Target{target}))
			must(t, h.Grant(ctx, "p", []access.NewGrant{{Target: target, Resource: "r", Actions: []string{"a"}}}))
		}
		for _, c := range []struct {
			name string
			verb func() error
			left int64
		}{
			{"a user is deleted", func() error {
				return h.dir.DeleteUsers(ctx, "p", []directory.UserRef{directory.ByID(h.users[0])})
			}, 4},
			{"a user resigns", func() error { return h.dir.Resign(ctx, "p", []directory.UserRef{directory.ByID(h.users[1])}) }, 3},
			{"a group is deleted", func() error { return h.dir.DeleteGroups(ctx, "p", []string{"g0"}, directory.MissingFails) }, 2},
			{"a role is deleted", func() error { return h.DeleteRoles(ctx, "p", refs("admin"), directory.MissingFails) }, 0},
		} {
			must(t, c.verb())
			if n := h.count(t, "role_assignments", "p"); n != c.left {
				t.Errorf("%s: %d assignments are left, want %d", c.name, n, c.left)
			}
			if n := h.count(t, "grants", "p"); n != max(c.left, 2) {
				t.Errorf("%s: %d grants are left, want %d", c.name, n, max(c.left, 2))
			}
		}
	})
}

// Every verb that changes something leaves one record, and one that changes nothing leaves none.
func TestRecords(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		ctx := caller.With(t.Context(), &caller.Caller{Kind: caller.Key, PoolID: "p", KeyID: "k"})
		both := []access.Target{{user, h.users[0]}, {group, h.groups[0]}}
		grants := []access.NewGrant{{Target: both[0], Resource: "books:1", Actions: []string{"read", "edit"}}}
		revoke := []access.Revocation{{Target: both[0], Resource: "books:1", Actions: []string{"edit"}}}
		for _, c := range []struct {
			name                string
			verb                func() error
			operation, resource string // "" for no record
			before, after       string // parts of the record
		}{
			{"EnsureNamespace", func() error { return h.EnsureNamespace(ctx, "p", "new", "New") }, audit.Create, audit.Namespace, "", `"code":"new"`},
			{"EnsureNamespace again", func() error { return h.EnsureNamespace(ctx, "p", "new", "Newer") }, "", "", "", ""},
			{"CreateRole", func() error { _, err := h.CreateRole(ctx, "p", access.NewRole{Code: "a", Name: "A"}); return err },
				audit.Create, audit.Role, "", `"name":"A"`},
			{"CreateRoles", func() error {
				_, err := h.CreateRoles(ctx, "p", []access.NewRole{{Code: "b"}, {Code: "c"}})
				return err
			},
				audit.Create, audit.Role, "", `["default/b","default/c"]`},
			{"UpdateRole", func() error {
				_, err := h.UpdateRole(ctx, "p", refs("a")[0], access.RolePatch{Name: ptr("Z")})
				return err
			},
				audit.Update, audit.Role, `{"name":"A"}`, `{"name":"Z"}`},
			{"UpdateRole, the same", func() error {
				_, err := h.UpdateRole(ctx, "p", refs("a")[0], access.RolePatch{Name: ptr("Z")})
				return err
			}, "", "", "", ""},
			{"Assign", func() error { return h.Assign(ctx, "p", refs("a", "b"), both) }, audit.Add, audit.RoleAssign, "", h.groups[0]},
			{"Assign again", func() error { return h.Assign(ctx, "p", refs("a", "b"), both) }, "", "", "", ""},
			{"Unassign", func() error { return h.Unassign(ctx, "p", refs("a"), both, directory.MissingOK) }, audit.Remove, audit.RoleAssign, h.users[0], ""},
			{"Unassign again", func() error { return h.Unassign(ctx, "p", refs("a"), both, directory.MissingOK) }, "", "", "", ""},
			{"Grant", func() error { return h.Grant(ctx, "p", grants) }, audit.Add, audit.Grant, "", `"actions":["edit","read"]`},
			{"Grant again", func() error { return h.Grant(ctx, "p", grants) }, "", "", "", ""},
			{"Revoke", func() error { return h.Revoke(ctx, "p", revoke) }, audit.Remove, audit.Grant, `"actions":["edit"]`, ""},
			{"Revoke again", func() error { return h.Revoke(ctx, "p", revoke) }, "", "", "", ""},
			{"DeleteRoles, one", func() error { return h.DeleteRoles(ctx, "p", refs("a"), directory.MissingOK) }, audit.Delete, audit.Role, `"code":"a"`, ""},
			{"DeleteRoles", func() error { return h.DeleteRoles(ctx, "p", refs("b", "c"), directory.MissingOK) }, audit.Delete, audit.Role, `default/b`, ""},
			{"DeleteRoles again", func() error { return h.DeleteRoles(ctx, "p", refs("b", "c"), directory.MissingOK) }, "", "", "", ""},
		} {
			before, _, err := h.log.List(ctx, "p", audit.Filter{Limit: 50})
			must(t, err)
			if err := c.verb(); err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			after, _, err := h.log.List(ctx, "p", audit.Filter{Limit: 50})
			must(t, err)
			fresh := slices.DeleteFunc(after, func(r audit.Record) bool {
				return slices.ContainsFunc(before, func(b audit.Record) bool { return b.ID == r.ID })
			})
			switch {
			case c.operation == "" && len(fresh) == 0:
			case len(fresh) != 1:
				t.Errorf("%s left %d records", c.name, len(fresh))
			default:
				r := fresh[0]
				if r.Operation != c.operation || r.Resource != c.resource || r.ActorID != "k" ||
					!strings.Contains(audit.Text(r.Before), c.before) || !strings.Contains(audit.Text(r.After), c.after) {
					t.Errorf("%s: recorded %s %s by %s: %s -> %s", c.name, r.Operation, r.Resource, r.ActorID, audit.Text(r.Before), audit.Text(r.After))
				}
			}
		}
	})
}

// The number of statements does not grow with the number of roles, targets or grants.
func TestStatements(t *testing.T) {
	eachHall(t, 100, func(t *testing.T, h *hall) {
		var all []access.RoleRef
		for i := range 40 {
			all = append(all, refs(fmt.Sprint("r", i))...)
			h.addRole(t, "p", fmt.Sprint("r", i))
		}
		var targets []access.Target
		var grants []access.NewGrant
		var revocations []access.Revocation
		var questions []access.Question
		for i, id := range h.users {
			questions = append(questions, access.Question{UserID: id, Resource: fmt.Sprint("r:", i), Action: "a"})
			targets = append(targets, access.Target{Type: user, ID: id})
			grants = append(grants, access.NewGrant{Target: targets[i], Resource: fmt.Sprint("r:", i), Actions: []string{"a", "b"}})
			revocations = append(revocations, access.Revocation{Target: targets[i], Resource: "r", Actions: []string{"a"}, Items: true})
		}
		for _, c := range []struct {
			name string
			most int
			verb func(ctx context.Context) error
		}{
			{"Assign", 5, func(ctx context.Context) error { return h.Assign(ctx, "p", all, targets) }},
			{"EffectiveRoles", 1, func(ctx context.Context) error { _, err := h.EffectiveRoles(ctx, "p", h.users[0], ""); return err }},
			{"HasAnyRole", 2, func(ctx context.Context) error { _, err := h.HasAnyRole(ctx, "p", h.users[0], all); return err }},
			{"Grant", 6, func(ctx context.Context) error { return h.Grant(ctx, "p", grants) }},
			{"DecideAll", 14, func(ctx context.Context) error { _, err := h.DecideAll(ctx, "p", questions); return err }},
			{"Decide", 14, func(ctx context.Context) error { _, err := h.Decide(ctx, "p", questions[0]); return err }},
			{"Explain", 14, func(ctx context.Context) error { _, err := h.Explain(ctx, "p", questions[0]); return err }},
			{"WhoCan", 21, func(ctx context.Context) error {
				_, _, err := h.WhoCan(ctx, "p", questions[0], directory.Page{Page: 1, Limit: 50})
				return err
			}},
			{"AuthorizedResourcesOfUser", 15, func(ctx context.Context) error {
				_, _, err := h.AuthorizedResourcesOfUser(ctx, "p", h.users[0], access.ResourceFilter{Namespace: "default"}, directory.Page{})
				return err
			}},
			{"Revoke", 6, func(ctx context.Context) error { return h.Revoke(ctx, "p", revocations) }},
			{"Unassign", 4, func(ctx context.Context) error { return h.Unassign(ctx, "p", all, targets, directory.MissingOK) }},
			{"DeleteRoles", 11, func(ctx context.Context) error { return h.DeleteRoles(ctx, "p", all, directory.MissingFails) }},
		} {
			if n := h.statements(t, c.verb); n > c.most {
				t.Errorf("%s took %d statements, want at most %d", c.name, n, c.most)
			}
		}
	})
}
