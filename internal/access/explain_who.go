package access

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Who is a user who may do what was asked, with one of the ways on which they may.
type Who struct {
	User directory.User
	Path Path // its steps say nothing of the rules of dynamic groups
}

const (
	mostHeld    = 100_000 // rules on one resource that WhoCan reads
	mostChecked = 50_000  // users whose conditions it evaluates one by one
)

// ErrTooManyHolders says that more rules are about a resource, or more users' conditions are to be evaluated, than one answer can look at.
var ErrTooManyHolders = fault.New(fault.TooLarge, "holders_too_many")

// WhoCan returns a page of the users who may do what q asks, by identifier, and how many there are; q.UserID is ignored. A
// namespace that is not there is ErrNamespaceNotFound.
func (a *Access) WhoCan(ctx context.Context, poolID string, q Question, p directory.Page) ([]Who, int64, error) {
	if err := q.check(); err != nil {
		return nil, 0, err
	}
	q.UserID = ""
	v := a.view(ctx, poolID)
	ask := newAsked(poolID, &q, v.now)
	if err := v.needNamespaces(ctx, ask.namespace); err != nil {
		return nil, 0, err
	}
	set, err := v.whoCan(ctx, &ask)
	if err != nil {
		return nil, 0, err
	}
	ids, total, err := a.pageOf(ctx, set, p)
	if err != nil || len(ids) == 0 {
		return []Who{}, total, err
	}
	users, err := db.List[directory.User](ctx, a.db, "select "+db.Columns[directory.User]()+" from users where pool_id = ? and id in (?...) order by id limit ?", poolID, ids, len(ids))
	if err != nil {
		return nil, 0, err
	}
	for i := range users {
		ids[i] = users[i].ID // but for those gone meanwhile
	}
	reached, err := v.reach(ctx, ids[:len(users)])
	if err != nil {
		return nil, 0, err
	}
	out := make([]Who, len(users))
	for i := range users {
		out[i].User, ask.userID = users[i], users[i].ID
		var first *hit
		if err := v.each(ctx, reached[i], &ask, func(at int, r *rule, inherit bool) bool {
			if r.effect == Allow && r.applies(&ask) {
				first = &hit{at, *r, inherit}
			}
			return first == nil
		}); err != nil {
			return nil, 0, err
		}
		if first != nil {
			way := pathing{view: v, list: reached[i], q: &ask, static: true}
			if out[i].Path, err = way.path(ctx, first); err != nil {
				return nil, 0, err
			}
		}
	}
	return out, total, nil
}

// whoCan is the set of the users who may: those for whom an allowing rule holds, without those for whom a denying one does.
func (v *view) whoCan(ctx context.Context, q *asked) (userSet, error) {
	list, err := v.holding(ctx, q, mostHeld+1)
	if err != nil {
		return userSet{}, err
	}
	if len(list) > mostHeld {
		return userSet{}, ErrTooManyHolders
	}
	holding := make(map[Effect][]Holder)
	for i := range list {
		h := &list[i]
		if !h.rule.matches(q) {
			continue
		}
		if !slices.ContainsFunc(h.rule.conditions, func(c Condition) bool { return c.Param == paramUserID }) {
			if h.rule.applies(q) {
				holding[h.rule.effect] = append(holding[h.rule.effect], h.Holder)
			}
			continue
		}
		// The condition is another for each user.
		set, err := v.a.membersOf(ctx, v.pool, []Holder{h.Holder})
		if err != nil {
			return userSet{}, err
		}
		ids, err := db.List[string](ctx, v.a.db, "select user_id from ("+set.sql+") found limit ?", append(set.args, mostChecked+1)...)
		if err != nil {
			return userSet{}, err
		}
		if len(ids) > mostChecked {
			return userSet{}, ErrTooManyHolders
		}
		one := *q
		for _, one.userID = range ids {
			if h.rule.applies(&one) {
				holding[h.rule.effect] = append(holding[h.rule.effect], Holder{Target: Target{directory.UserTarget, one.userID}})
			}
		}
	}
	allowed, err := v.a.membersOf(ctx, v.pool, holding[Allow])
	if err != nil || len(holding[Deny]) == 0 {
		return allowed, err
	}
	denied, err := v.a.membersOf(ctx, v.pool, holding[Deny])
	return allowed.minus(denied), err
}
