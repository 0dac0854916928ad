package access

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// Subject is somebody whose grants and policies hold for a user: the user, a group, a department, a department above one of
// those, or a role.
type Subject struct {
	Target
	Via       []Target       // the way from the user, both ends left out: a role that a group has is via the group
	Term      directory.Term // when the user is on that way
	Inherited bool           // a department above one that the user is in: only what is inherited holds
}

// SubjectsOf returns the subjects of a user that are in force now, the user first. A target that several ways lead to is there for
// each of them. An unknown user is directory.ErrUserNotFound.
func (a *Access) SubjectsOf(ctx context.Context, poolID, userID string) ([]Subject, error) {
	v := a.view(ctx, poolID)
	list, err := v.reachOf(ctx, userID)
	if err != nil {
		return nil, err
	}
	out := make([]Subject, len(list))
	for i, s := range list {
		out[i] = Subject{Target: s.Target, Term: s.term, Inherited: s.inherited}
		for p := s.parent; p > 0; p = list[p].parent {
			out[i].Via = append(out[i].Via, list[p].Target)
			out[i].Term = both(out[i].Term, list[p].term)
		}
		slices.Reverse(out[i].Via)
	}
	return out, nil
}

// both is when two terms are in force.
func both(a, b directory.Term) directory.Term {
	out := directory.Term{EnableTime: max(a.EnableTime, b.EnableTime), EndTime: a.EndTime}
	if out.EndTime == 0 || b.EndTime != 0 && b.EndTime < out.EndTime {
		out.EndTime = b.EndTime
	}
	return out
}

// subject is a Subject as decisions see it.
type subject struct {
	Target
	node      *node
	policies  []*node // in the order of the node's; nil for what is not there
	term      directory.Term
	parent    int // the one before it on the way from the user; 0 is the user, whose own is -1
	inherited bool
}

// reachOf returns the subjects of a user, the user first; each after the one before it on its way.
func (v *view) reachOf(ctx context.Context, userID string) ([]subject, error) {
	lists, err := v.reach(ctx, []string{userID})
	if err != nil {
		return nil, err
	}
	if lists[0] == nil {
		return nil, directory.ErrUserNotFound
	}
	return lists[0], nil
}

// reach returns the subjects of users, in their order; nil for who is unknown.
func (v *view) reach(ctx context.Context, userIDs []string) ([][]subject, error) {
	targets := make([]Target, len(userIDs))
	for i, id := range userIDs {
		targets[i] = Target{directory.UserTarget, id}
	}
	nodes, err := v.nodes(ctx, targets)
	if err != nil {
		return nil, err
	}
	r := reaching{view: v, lists: make([][]subject, len(userIDs))}
	for i, n := range nodes {
		if n != nil {
			r.lists[i] = make([]subject, 1, 8+len(n.groups)+2*len(n.departments)+len(n.roles))
			r.lists[i][0] = subject{Target: targets[i], node: n, parent: -1}
		}
	}
	count := 0
	for _, n := range nodes {
		if n != nil {
			count += len(n.groups) + len(n.departments)
		}
	}
	r.expect(count)
	for i, n := range nodes {
		if n == nil {
			continue
		}
		r.edges(i, 0, directory.GroupTarget, n.groups)
		r.edges(i, 0, directory.DepartmentTarget, n.departments)
	}
	if err := r.add(ctx); err != nil {
		return nil, err
	}
	count = 0
	for _, list := range r.lists {
		for at := range list {
			count += len(list[at].node.roles) + len(list[at].node.ancestors)
		}
	}
	r.expect(count)
	for i, list := range r.lists {
		for at := range list {
			s := &list[at]
			r.edges(i, at, directory.RoleTarget, s.node.roles)
			for _, id := range s.node.ancestors {
				r.want(i, subject{Target: Target{directory.DepartmentTarget, id}, parent: at, inherited: true})
			}
		}
	}
	if err := r.add(ctx); err != nil {
		return nil, err
	}
	return r.lists, r.policies(ctx)
}

// reaching gathers subjects, one step of all ways after the other.
type reaching struct {
	*view
	lists  [][]subject
	wanted []subject
	whose  []int // of the list of each wanted
}

// expect makes room for that many.
func (r *reaching) expect(n int) {
	r.wanted, r.whose = slices.Grow(r.wanted, n), slices.Grow(r.whose, n)
	if len(r.lists) == 1 {
		r.lists[0] = slices.Grow(r.lists[0], n)
	}
}

func (r *reaching) want(list int, s subject) {
	r.wanted, r.whose = append(r.wanted, s), append(r.whose, list)
}

func (r *reaching) edges(list, parent int, of directory.TargetType, edges []edge) {
	for _, e := range edges {
		if e.term.InForceAt(r.now) {
			r.want(list, subject{Target: Target{of, e.id}, term: e.term, parent: parent})
		}
	}
}

// add appends the wanted that are there and in force.
func (r *reaching) add(ctx context.Context) error {
	if len(r.wanted) == 0 {
		return nil
	}
	targets := make([]Target, len(r.wanted))
	for i := range r.wanted {
		targets[i] = r.wanted[i].Target
	}
	nodes, err := r.nodes(ctx, targets)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		s := r.wanted[i]
		if n == nil && r.own == nil { // what is gone took its members with it: read again, the node does not lead there
			r.a.cache.drop(r.epochs, r.lists[r.whose[i]][s.parent].Target)
		}
		if n == nil || !n.inForce(r.now) {
			continue
		}
		s.node = n
		r.lists[r.whose[i]] = append(r.lists[r.whose[i]], s)
	}
	r.wanted, r.whose = r.wanted[:0], r.whose[:0]
	return nil
}

// policies gives the subjects their policies.
func (r *reaching) policies(ctx context.Context) error {
	var targets []Target
	for _, list := range r.lists {
		for i := range list {
			for _, p := range list[i].node.policies {
				targets = append(targets, Target{policyNode, p.id})
			}
		}
	}
	if len(targets) == 0 {
		return nil
	}
	nodes, err := r.nodes(ctx, targets)
	if err != nil {
		return err
	}
	for _, list := range r.lists {
		for i := range list {
			n := len(list[i].node.policies)
			list[i].policies, nodes = nodes[:n:n], nodes[n:]
		}
	}
	return nil
}

// each calls f for the rules that cover a question's resource and are about its type and action, of all subjects for which
// they hold, until f returns false. inherit says what the rule's own assignment says, for policies.
func (v *view) each(ctx context.Context, list []subject, q *asked, f func(at int, r *rule, inherit bool) bool) error {
	large, err := v.large(ctx, list, q)
	if err != nil {
		return err
	}
	for at := range list {
		s := &list[at]
		own := s.node.rules
		if s.node.large {
			own = large[s.Target]
		}
		if len(own) > 0 {
			for place := range q.covering {
				found := own.find(q, place)
				for i := range found {
					r := &found[i]
					if (r.inherit || !s.inherited) && r.matches(q) && !f(at, r, r.inherit) {
						return nil
					}
				}
			}
		}
		for i, policy := range s.policies {
			inherit := s.node.policies[i].inherit
			if policy == nil || s.inherited && !inherit {
				continue
			}
			for place := range q.covering {
				found := policy.index.find(policy.rules, q, place)
				for i := range found {
					if r := &found[i]; r.matches(q) && !f(at, r, inherit) {
						return nil
					}
				}
			}
		}
	}
	return nil
}

// Holder is a target that something was given to, and whether the departments below it have it too.
type Holder struct {
	Target
	Inherit bool // only for departments
}

const mostHolders = 10_000

// MembersOfSubjects returns a page of the users for whom one of up to 10,000 holders is a subject now, by identifier, and how many
// there are.
func (a *Access) MembersOfSubjects(ctx context.Context, poolID string, list []Holder, p directory.Page) ([]string, int64, error) {
	if len(list) > mostHolders {
		return nil, 0, directory.CheckCount("targets", len(list), mostHolders)
	}
	set, err := a.membersOf(ctx, poolID, list)
	if err != nil {
		return nil, 0, err
	}
	return a.pageOf(ctx, set, p)
}

// userSet is a statement that selects the identifiers of users, each once, as user_id.
type userSet struct {
	sql  string
	args []any
}

// minus is who is in a set and not in another.
func (s userSet) minus(other userSet) userSet {
	return userSet{s.sql + " except select user_id from (" + other.sql + ") taken", append(slices.Clone(s.args), other.args...)}
}

func (a *Access) pageOf(ctx context.Context, s userSet, p directory.Page) ([]string, int64, error) {
	total, err := db.One[int64](ctx, a.db, "select count(*) from ("+s.sql+") found", slices.Clone(s.args)...)
	if err != nil || total == 0 {
		return []string{}, 0, err
	}
	limit, offset := window(p)
	ids, err := db.List[string](ctx, a.db, "select user_id from ("+s.sql+") found order by user_id limit ? offset ?", append(slices.Clone(s.args), limit, offset)...)
	return ids, total, err
}

// membersOf is the set of the users for whom one of the holders is a subject now. "cross join" keeps SQLite from beginning with all
// memberships of the pool.
func (a *Access) membersOf(ctx context.Context, poolID string, list []Holder) (userSet, error) {
	var users, groups, departments, roots, roles []string
	for _, h := range list {
		switch h.Type {
		case directory.UserTarget:
			users = append(users, h.ID)
		case directory.GroupTarget:
			groups = append(groups, h.ID)
		case directory.RoleTarget:
			roles = append(roles, h.ID)
		case directory.DepartmentTarget:
			if h.Inherit {
				roots = append(roots, h.ID)
			} else {
				departments = append(departments, h.ID)
			}
		}
	}
	now := a.db.Now()
	s := userSet{"select id as user_id from users where pool_id = ? and id in (?...)", []any{poolID, directory.Findable(users)}}
	or := func(sql string, args ...any) { s.sql, s.args = s.sql+" union "+sql, append(s.args, args...) }
	if len(roles) > 0 {
		var err error
		if roles, err = db.List[string](ctx, a.db, "select r.id from roles r where r.pool_id = ? and r.id in (?...) and "+enabled+" limit ?",
			poolID, directory.Findable(roles), now, mostHolders); err != nil {
			return s, err
		}
		rows, err := db.List[edgeRow](ctx, a.db, `select target_type, target_id, role_id, enable_time, end_time from role_assignments a where pool_id = ? and role_id in (?...)
			and target_type in (?...) and `+inForce+" limit ?", poolID, roles, []string{string(directory.GroupTarget), string(directory.DepartmentTarget)}, now, now, mostNodeEdges+1)
		if err != nil {
			return s, err
		}
		if len(rows) > mostNodeEdges {
			return s, ErrTooManySubjects
		}
		for _, r := range rows {
			if r.TargetType == directory.GroupTarget {
				groups = append(groups, r.TargetID)
			} else {
				departments = append(departments, r.TargetID)
			}
		}
		or("select target_id from role_assignments a where pool_id = ? and role_id in (?...) and target_type = 'USER' and "+inForce, poolID, roles, now, now)
	}
	if len(groups) > 0 {
		or(`select m.user_id from groups g cross join group_members m
			where g.pool_id = ? and g.id in (?...) and m.pool_id = g.pool_id and m.group_id = g.id and `+directory.InForce("m"),
			poolID, directory.Findable(groups), now, now)
	}
	if len(departments) > 0 {
		or(`select m.user_id from departments d cross join department_members m
			where d.pool_id = ? and d.id in (?...) and m.pool_id = d.pool_id and m.department_id = d.id and `+directory.InForce("m"),
			poolID, directory.Findable(departments), now, now)
	}
	if len(roots) > 0 {
		or(`select m.user_id from department_paths p cross join department_members m
			where p.pool_id = ? and p.ancestor in (?...) and m.pool_id = p.pool_id and m.department_id = p.descendant and `+directory.InForce("m"),
			poolID, directory.Findable(roots), now, now)
	}
	return s, nil
}
