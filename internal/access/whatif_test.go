package access_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// change draws something that WhatIf knows.
func (m *maze) change(r *rapid.T) access.Change {
	c := access.Change{Kind: pick(r, "kind of change", []access.ChangeKind{access.ChangeGrant, access.ChangeRevoke, access.ChangeAddToGroup, access.ChangeRemoveFromGroup,
		access.ChangeAddToDepartment, access.ChangeRemoveDepartment, access.ChangeMoveDepartment, access.ChangeAssignRole, access.ChangeUnassignRole, access.ChangeDeleteRole})}
	switch c.Kind {
	case access.ChangeGrant:
		g := m.grant(r)
		c.Grant = &g
	case access.ChangeRevoke:
		g := m.grant(r)
		c.Revoke = &access.Revocation{Namespace: g.Namespace, Target: g.Target, Resource: g.Resource, Items: true}
	case access.ChangeMoveDepartment:
		c.Department, c.Parent = pick(r, "moved", m.departments), m.org
	case access.ChangeAssignRole, access.ChangeUnassignRole:
		c.Role = m.role(r)
		for len(c.Targets) == 0 || c.Targets[0].Type == role {
			c.Targets = []access.Target{m.target(r)}
		}
	case access.ChangeDeleteRole:
		c.Role = m.role(r)
	default:
		c.UserIDs, c.Group, c.Department = []string{pick(r, "user", m.users)}, "g0", pick(r, "department", m.departments)
	}
	return c
}

// do makes a change as a caller would.
func (m *maze) do(ctx context.Context, c access.Change) error {
	at := directory.DepartmentRef{Anywhere: true, Value: c.Department}
	switch c.Kind {
	case access.ChangeGrant:
		return m.Grant(ctx, "p", []access.NewGrant{*c.Grant})
	case access.ChangeRevoke:
		return m.Revoke(ctx, "p", []access.Revocation{*c.Revoke})
	case access.ChangeAddToGroup:
		return m.dir.AddMembers(ctx, "p", c.Group, c.UserIDs)
	case access.ChangeRemoveFromGroup:
		return m.dir.RemoveMembers(ctx, "p", c.Group, c.UserIDs)
	case access.ChangeAddToDepartment:
		return m.dir.AddDepartmentMembers(ctx, "p", at, c.UserIDs)
	case access.ChangeRemoveDepartment:
		return m.dir.RemoveDepartmentMembers(ctx, "p", at, c.UserIDs)
	case access.ChangeMoveDepartment:
		return m.move(ctx, c.Department, c.Parent)
	case access.ChangeAssignRole:
		return m.Assign(ctx, "p", []access.RoleRef{c.Role}, c.Targets)
	case access.ChangeUnassignRole:
		return m.Unassign(ctx, "p", []access.RoleRef{c.Role}, c.Targets, directory.MissingOK)
	}
	return m.DeleteRoles(ctx, "p", []access.RoleRef{c.Role}, directory.MissingFails)
}

// What WhatIf tells is what doing it would do; and it does nothing.
func TestWhatIfIsDoingIt(t *testing.T) {
	eachHall(t, 4, func(t *testing.T, h *hall) {
		m := newMaze(t, h)
		rapid.Check(t, func(r *rapid.T) {
			for range rapid.IntRange(1, 6).Draw(r, "steps") {
				if err := m.step(r, m.ctx); err != nil {
					r.Fatal(err)
				}
			}
			changes := []access.Change{m.change(r)}
			if rapid.Bool().Draw(r, "two") {
				if c := m.change(r); c.Kind != access.ChangeDeleteRole && changes[0].Kind != access.ChangeDeleteRole {
					changes = append(changes, c)
				}
			}
			before := readWorld(r, m.ctx, m.d)
			impact, err := m.WhatIf(m.ctx, "p", changes)
			if err != nil {
				r.Fatal(err)
			}
			var after *world
			undo := errors.New("undo")
			if err := m.d.Tx(m.ctx, func(ctx context.Context) error {
				for _, c := range changes {
					if err := m.do(ctx, c); err != nil {
						return err
					}
				}
				after = readWorld(r, ctx, m.d)
				// Inside the transaction its own changes are seen.
				q := m.question(r)
				if ok, failure := after.decide(q); failure == "" {
					if got, err := m.Decide(ctx, "p", q); err != nil || got != ok {
						r.Fatalf("in the transaction %+v: %v, %v", q, got, err)
					}
				}
				return undo
			}); !errors.Is(err, undo) {
				r.Fatal(err)
			}
			now := readWorld(r, m.ctx, m.d)
			now.now, after.now = before.now, before.now
			if !reflect.DeepEqual(before, now) {
				r.Fatalf("%+v has changed something", changes)
			}
			told := make(map[string]bool)
			for _, u := range impact.Users {
				told[u.UserID] = true
				for _, d := range u.Decisions {
					q := access.Question{UserID: u.UserID, Namespace: d.Namespace, Resource: d.Resource, ResourceType: d.ResourceType, Action: d.Action}
					could, _ := before.decide(q)
					can, _ := after.decide(q)
					if could != d.Before || can != d.After || could == can {
						r.Fatalf("%+v: %+v; the reference says %v, then %v", changes, d, could, can)
					}
				}
			}
			for range 40 {
				q := m.question(r)
				q.Environment = nil
				could, _ := before.decide(q)
				can, _ := after.decide(q)
				if could != can && !told[q.UserID] {
					r.Fatalf("%+v: nothing is told of %s, for whom %+v is %v, then %v", changes, q.UserID, q, could, can)
				}
			}
			m.compare(r)
		})
	})
}

func TestWhatIfRefuses(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		for _, c := range []struct {
			name    string
			changes []access.Change
			want    string
		}{
			{"nothing", nil, "list_min changes 1"},
			{"too many", make([]access.Change, 21), "list_max changes 20"},
			{"no kind", []access.Change{{}}, "field_format kind"},
			{"no grant", []access.Change{{Kind: access.ChangeGrant}}, "field_format grant"},
			{"nobody", []access.Change{{Kind: access.ChangeAddToGroup, Group: "g0"}}, "list_min userIds 1"},
			{"an unknown group", []access.Change{{Kind: access.ChangeAddToGroup, Group: "g9", UserIDs: h.users}}, "group_not_found"},
			{"an unknown role", []access.Change{{Kind: access.ChangeDeleteRole, Role: access.RoleRef{Code: "r"}}}, "role_not_found"},
			{"an unknown department", []access.Change{{Kind: access.ChangeMoveDepartment, Department: unknown, Parent: unknown}}, "department_not_found"},
		} {
			if _, err := h.WhatIf(t.Context(), "p", c.changes); said(err) != c.want {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
		}
	})
}
