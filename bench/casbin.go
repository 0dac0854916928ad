package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// rival decides what the world's rules say by casbin, in process: its RBAC model with effects, patterns at the end of resources
// and the comparisons in the order that costs it least. It knows all rules, but the memberships of those users only who are asked about.
type rival struct{ e *casbin.Enforcer }

const casbinModel = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && keyMatch(r.obj, p.obj) && g(r.sub, p.sub)
`

// newRival gives casbin the rules of a stage. What is granted to a department holds for "in" it, where it is inherited for "below"
// it: a member is in it, who is in it is below it, and who is below it is below the one above.
func newRival(ctx context.Context, w *world, stage int, asked []string) (*rival, int, error) {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		return nil, 0, err
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, 0, err
	}
	var rules [][]string
	for j := range w.grants {
		if !w.in(stage, j) {
			continue
		}
		g := w.grant(j)
		sub := name(g.Target)
		if g.Inherit {
			sub = below(g.Target.ID)
		}
		effect := "allow"
		if g.Effect == access.Deny {
			effect = "deny"
		}
		for _, action := range g.Actions {
			rules = append(rules, []string{sub, g.Resource, action, effect})
		}
	}
	if _, err := e.AddPoliciesEx(rules); err != nil {
		return nil, 0, err
	}
	links, err := w.links(ctx, asked)
	if err != nil {
		return nil, 0, err
	}
	_, err = e.AddGroupingPoliciesEx(links)
	return &rival{e}, len(rules), err
}

func (r *rival) decide(q access.Question) (bool, error) {
	return r.e.Enforce("USER:"+q.UserID, q.Resource, q.Action)
}

func name(t access.Target) string    { return string(t.Type) + ":" + t.ID }
func below(department string) string { return "BELOW:" + department }

// links says what some users belong to, and what that belongs to, as it stands in the tables.
func (w *world) links(ctx context.Context, asked []string) ([][]string, error) {
	var out [][]string
	role := func(t directory.TargetType, ids []string) {
		for i, id := range ids {
			out = append(out, []string{name(access.Target{Type: t, ID: id}), name(access.Target{Type: directory.RoleTarget, ID: w.roles[w.roleOf(t, i)]})})
		}
	}
	role(directory.DepartmentTarget, w.departments)
	role(directory.GroupTarget, w.groups)
	for _, id := range w.departments {
		out = append(out, []string{name(access.Target{Type: directory.DepartmentTarget, ID: id}), below(id)})
		if parent := w.parents[id]; parent != "" {
			out = append(out, []string{below(id), below(parent)})
		}
	}
	number := make(map[string]int, len(w.users))
	for i, id := range w.users {
		number[id] = i
	}
	for _, id := range asked {
		user := "USER:" + id
		out = append(out, []string{user, name(access.Target{Type: directory.RoleTarget, ID: w.roles[number[id]%len(w.roles)]})})
		for table, t := range map[string]directory.TargetType{"group": directory.GroupTarget, "department": directory.DepartmentTarget} {
			ids, err := db.List[string](ctx, w.s.DB, fmt.Sprintf("select %s_id from %[1]s_members where pool_id = ? and user_id = ? limit 100", table), w.poolID, id)
			if err != nil {
				return nil, err
			}
			for _, in := range ids {
				out = append(out, []string{user, name(access.Target{Type: t, ID: in})})
			}
		}
	}
	return out, nil
}

// subjects are all targets whose grants hold for a user, as the links say; what is inherited alone stands as below.
func subjects(links map[string][]string, user string) []string {
	out := []string{"USER:" + user}
	for i := 0; i < len(out); i++ {
		out = append(out, links[out[i]]...)
	}
	return out
}

// targetOf undoes name and below.
func targetOf(text string) access.Target {
	t, id, _ := strings.Cut(text, ":")
	if isBelow(text) {
		t = string(directory.DepartmentTarget)
	}
	return access.Target{Type: directory.TargetType(t), ID: id}
}

func isBelow(text string) bool { return strings.HasPrefix(text, below("")) }
