package directory

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// DynamicGroup is the Type of groups whose members follow a rule. Such a group has none until SetRule.
const DynamicGroup = "dynamic"

// Errors of rules.
var (
	ErrGroupDynamic = fault.New(fault.Unprocessable, "group_is_dynamic") // its members follow its rule alone
	ErrNoRule       = fault.New(fault.NotFound, "group_rule_not_found")
)

const (
	mostRules   = 200 // of a pool
	mostSamples = 10  // users that a preview names each way

	stepUsers    = 1000                   // that one transaction of a rule change evaluates
	purgeBatch   = 5000                   // candidates that one transaction removes
	driveTime    = 10 * time.Second       // that SetRule works on a change itself
	driveReserve = 500 * time.Millisecond // that is left of a caller's deadline
	switchTime   = 5 * time.Minute        // that putting a change into force may take
	previewTime  = 5 * time.Second
)

// GroupRule is the rule of a dynamic group and how far a change of it is.
type GroupRule struct {
	Rule      string // that members follow now; "" before the first one does
	Pending   string // that users are being evaluated under; "" when Rule is in force for all
	Evaluated int64  // users evaluated under Pending
	Total     int64  // users of the pool, while there is a Pending
	UpdatedAt int64  // when Rule came into force or, before the first, was asked for; unix ms
}

// SetRule gives the group of a code a rule, a CEL expression over "user" (see Guildhall's documentation of dynamic groups), and makes it dynamic. Its
// members are the users for whom the rule is true and who have not resigned and are not archived; a rule that fails for a user, as it needs a value
// that the user has not, is not true. Members stay those of before until all users are evaluated, and are then exchanged in one
// transaction. The call works on that for some seconds; what is left continues in the background (ContinueRules), and
// Pending says so. A later SetRule replaces a change that is not through. What does not compile is
// expression.ErrInvalid or expression.ErrTooCostly; a pool has 200 rules: Unprocessable "group_rule_limit".
func (d *Directory) SetRule(ctx context.Context, poolID, code, rule string) (*GroupRule, error) {
	rule = strings.TrimSpace(rule)
	var g *Group
	var change string
	err := d.db.Tx(ctx, func(ctx context.Context) (err error) {
		if err := d.lockRules(ctx, poolID); err != nil {
			return err
		}
		if g, err = d.groupByCode(ctx, poolID, code, forUpdate); err != nil {
			return err
		}
		if _, err := d.compileRule(ctx, poolID, rule); err != nil {
			return err
		}
		had, err := d.groupRule(ctx, g, forUpdate)
		if err != nil {
			return err
		}
		next := ruleRow{PoolID: poolID, GroupID: g.ID, UpdatedAt: d.db.Now()}
		switch {
		case had == nil:
			if n, err := db.One[int64](ctx, d.db, "select count(*) from group_rules where pool_id = ?", poolID); err != nil {
				return err
			} else if n >= mostRules {
				return fault.New(fault.Unprocessable, "group_rule_limit", strconv.Itoa(mostRules))
			}
		case had.ChangeID != "" && had.Pending == rule, had.ChangeID == "" && had.Rule == rule:
			change = had.ChangeID
			return nil
		default:
			next.Rule, next.UpdatedAt = had.Rule, had.UpdatedAt
		}
		if rule != next.Rule {
			next.Pending, next.ChangeID = rule, d.db.NewID()
		}
		change = next.ChangeID
		if err := d.putRule(ctx, &next); err != nil {
			return err
		}
		e := aboutGroups(audit.Update, []Group{*g})
		e.Before, e.After = map[string]any{"type": g.Type, "rule": next.Rule}, map[string]any{"type": DynamicGroup, "rule": rule}
		if err := d.setGroupType(ctx, g, DynamicGroup); err != nil {
			return err
		}
		return d.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	if change != "" {
		if err := d.drive(ctx, poolID, g.ID, change, driveTime); err != nil {
			return nil, err
		}
	}
	return d.Rule(ctx, poolID, code)
}

// RemoveRule makes a dynamic group static. Who is a member stays so; a change of the rule that is not through is given up.
// A group without a rule is ErrNoRule.
func (d *Directory) RemoveRule(ctx context.Context, poolID, code string) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		if err := d.lockRules(ctx, poolID); err != nil {
			return err
		}
		g, err := d.groupByCode(ctx, poolID, code, forUpdate)
		if err != nil {
			return err
		}
		had, err := d.groupRule(ctx, g, forUpdate)
		if err != nil {
			return err
		}
		if had == nil && g.Type != DynamicGroup {
			return ErrNoRule
		}
		rule := ""
		if had != nil {
			rule = had.Rule
			if err := d.dropRules(ctx, poolID, []string{g.ID}); err != nil {
				return err
			}
		}
		e := aboutGroups(audit.Update, []Group{*g})
		e.Before, e.After = map[string]any{"type": g.Type, "rule": rule}, map[string]any{"type": "static", "rule": nil}
		if err := d.setGroupType(ctx, g, "static"); err != nil {
			return err
		}
		return d.log.Add(ctx, poolID, e)
	})
}

// Rule returns the rule of the group of a code, or ErrNoRule.
func (d *Directory) Rule(ctx context.Context, poolID, code string) (*GroupRule, error) {
	g, err := d.groupByCode(ctx, poolID, code, "")
	if err != nil {
		return nil, err
	}
	row, err := d.groupRule(ctx, g, "")
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, ErrNoRule
	}
	r := &GroupRule{Rule: row.Rule, Pending: row.Pending, UpdatedAt: row.UpdatedAt}
	if row.ChangeID != "" {
		r.Evaluated = row.Evaluated
		r.Total, err = d.db.Tally(ctx, poolID, userTally)
	}
	return r, err
}

// ContinueRules finishes the changes of rules, in all pools, that nobody is working on, and removes what given up ones left. The server calls it at
// start and each minute; several may at once.
func (d *Directory) ContinueRules(ctx context.Context) error {
	pending, err := d.pendingRules(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range pending {
		errs = append(errs, d.drive(ctx, r.PoolID, r.GroupID, r.ChangeID, time.Hour))
	}
	return errors.Join(append(errs, d.purgeCandidates(ctx))...)
}

// drive works on a change until it is through or replaced, or the time is over.
func (d *Directory) drive(ctx context.Context, poolID, groupID, change string, limit time.Duration) error {
	began := time.Now()
	for {
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < driveReserve || time.Since(began) > limit {
			return nil
		}
		progress, err := d.stepRule(ctx, poolID, groupID, change)
		if err == nil && progress == allEvaluated {
			if err = d.db.Analyze(ctx, "group_candidates"); err == nil {
				err = d.switchRule(ctx, poolID, groupID, change)
			}
		}
		switch {
		case errors.Is(err, db.ErrDeadline), errors.Is(err, db.ErrBusy):
			return nil // what is done is kept, and goes on in the background
		case err != nil:
			return err
		case progress != moreUsers:
			return d.purgeCandidates(ctx)
		}
	}
}

// ruleProgress is how far a change is.
type ruleProgress uint8

const (
	noChange     ruleProgress = iota // it is through or replaced
	moreUsers                        // are to be evaluated
	allEvaluated                     // it can come into force
)

// stepRule evaluates the next users under a pending rule. They are held meanwhile: who writes one of them afterwards keeps the
// candidates right (regroup), who did before has been waited for. Users made meanwhile are their writers' alone.
func (d *Directory) stepRule(ctx context.Context, poolID, groupID, change string) (progress ruleProgress, err error) {
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		progress = noChange
		row, err := d.pendingRule(ctx, poolID, groupID, change)
		if err != nil || row == nil {
			return err
		}
		rules, err := d.rulesOf(ctx, poolID)
		if err != nil {
			return err
		}
		r := rules.of(groupID)
		if r == nil || r.change != change {
			return nil
		}
		users, err := db.List[User](ctx, d.db, selectUser+"id > ? order by id limit ?"+forUpdate, poolID, row.Position, stepUsers)
		if err != nil {
			return err
		}
		if progress = moreUsers; len(users) < stepUsers {
			progress = allEvaluated
		}
		if len(users) == 0 {
			return nil
		}
		values, err := d.ruleValues(ctx, poolID, r.pending.keys, userIDs(users))
		if err != nil {
			return err
		}
		var matching []string
		for i := range users {
			ok, err := r.pending.admits(ctx, &users[i], values[users[i].ID])
			if err != nil {
				return err
			}
			if ok {
				matching = append(matching, users[i].ID)
			}
		}
		if err := d.addCandidates(ctx, poolID, change, matching); err != nil {
			return err
		}
		return d.advanceRule(ctx, row, users[len(users)-1].ID, len(users))
	})
	return progress, err
}

// switchRule puts an evaluated rule into force. It outlasts the caller's deadline: half of it is worth nothing.
func (d *Directory) switchRule(ctx context.Context, poolID, groupID, change string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), switchTime)
	defer cancel()
	return d.db.Tx(ctx, func(ctx context.Context) error {
		if err := d.lockRules(ctx, poolID); err != nil {
			return err
		}
		row, err := d.pendingRule(ctx, poolID, groupID, change)
		if err != nil || row == nil {
			return err
		}
		groups, err := d.GroupsByID(ctx, poolID, []string{groupID})
		if err != nil {
			return err
		}
		g := groups[groupID]
		added, removed, err := d.exchangeMembers(ctx, &g, change)
		if err != nil {
			return err
		}
		next := *row
		next.Rule, next.Pending, next.ChangeID, next.Position, next.UpdatedAt = row.Pending, "", "", "", d.db.Now()
		if err := d.putRule(ctx, &next); err != nil {
			return err
		}
		e := aboutGroups(audit.Refresh, []Group{g})
		e.Before, e.After = map[string]any{"rule": row.Rule}, map[string]any{"rule": next.Rule, "added": added, "removed": removed}
		return d.log.Add(ctx, poolID, e)
	})
}

// RulePreview says what a rule would do to the members of a group.
type RulePreview struct {
	Join, Leave, Members int64    // how many would come, would go, and would be members in all
	Joining, Leaving     []string // up to 10 of their identifiers, oldest users first
	Evaluated, Total     int64    // users looked at, and all there are
	Estimated            bool     // the time was over before all were: Join, Leave and Members are projected from those who were
}

// PreviewRule evaluates a rule for the users of a pool and compares with the members of the group of a code, or with none when it
// is "". It writes nothing, and takes 5 s at the most, less where ctx says so: for larger pools the numbers are estimates. The refusals are SetRule's.
func (d *Directory) PreviewRule(ctx context.Context, poolID, code, rule string) (*RulePreview, error) {
	program, err := d.compileRule(ctx, poolID, strings.TrimSpace(rule))
	if err != nil {
		return nil, err
	}
	groupIDs := []string{}
	if code != "" {
		g, err := d.groupByCode(ctx, poolID, code, "")
		if err != nil {
			return nil, err
		}
		groupIDs = append(groupIDs, g.ID)
	}
	out := &RulePreview{Joining: []string{}, Leaving: []string{}}
	if out.Total, err = d.db.Tally(ctx, poolID, userTally); err != nil {
		return nil, err
	}
	began, position := time.Now(), ""
	for {
		users, err := db.List[User](ctx, d.db, selectUser+"id > ? order by id limit ?", poolID, position, stepUsers)
		if err != nil {
			return nil, err
		}
		ids := userIDs(users)
		values, err := d.ruleValues(ctx, poolID, program.keys, ids)
		if err != nil {
			return nil, err
		}
		members, err := d.membersAmong(ctx, poolID, groupIDs, ids)
		if err != nil {
			return nil, err
		}
		for i := range users {
			id := users[i].ID
			ok, err := program.admits(ctx, &users[i], values[id])
			if err != nil {
				return nil, err
			}
			is := len(groupIDs) > 0 && members[memberID{groupIDs[0], id}]
			switch {
			case ok && !is:
				out.Join++
				out.Joining = sample(out.Joining, id)
			case is && !ok:
				out.Leave++
				out.Leaving = sample(out.Leaving, id)
			}
			if ok {
				out.Members++
			}
		}
		out.Evaluated += int64(len(users))
		if len(users) < stepUsers {
			break
		}
		position = users[len(users)-1].ID
		if deadline, ok := ctx.Deadline(); time.Since(began) > previewTime || ok && time.Until(deadline) < driveReserve {
			out.Estimated = out.Total > out.Evaluated
			break
		}
	}
	if !out.Estimated {
		out.Total = out.Evaluated
		return out, nil
	}
	for _, n := range []*int64{&out.Join, &out.Leave, &out.Members} {
		*n = int64(float64(*n) * float64(out.Total) / float64(out.Evaluated))
	}
	return out, nil
}

func sample(list []string, id string) []string {
	if len(list) < mostSamples {
		list = append(list, id)
	}
	return list
}

// RuleExplanation says why a user is or is not in a dynamic group.
type RuleExplanation struct {
	Rule    string         // the one in force or, before the first is, the pending one
	Member  bool           // whether the user is in the group
	Since   int64          // when they became a member, unix ms; 0 for who is none
	Matches bool           // what the rule says of the user now; it differs from Member only while a change is under way
	Fields  map[string]any // what the rule read on its way, by path such as "user.city"; nil for what has no value
	Failure string         // why the rule has no result for the user, "" when it has
}

// ExplainMembership says why a user is or is not in the group of a code. A group without rule is ErrNoRule, an unknown user
// ErrUserNotFound.
func (d *Directory) ExplainMembership(ctx context.Context, poolID, code, userID string) (*RuleExplanation, error) {
	g, err := d.groupByCode(ctx, poolID, code, "")
	if err != nil {
		return nil, err
	}
	row, err := d.groupRule(ctx, g, "")
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, ErrNoRule
	}
	found, err := db.List[User](ctx, d.db, selectUser+"id in (?...) limit 1", poolID, Findable([]string{userID}))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrUserNotFound
	}
	out := &RuleExplanation{Rule: row.Rule, Fields: map[string]any{}}
	if out.Rule == "" {
		out.Rule = row.Pending
	}
	if out.Since, err = db.One[int64](ctx, d.db, "select created_at from group_members where pool_id = ? and group_id = ? and user_id = ?",
		poolID, g.ID, found[0].ID); err == nil {
		out.Member = true
	} else if !errors.Is(err, db.NoRow) {
		return nil, err
	}
	program, err := d.compileRule(ctx, poolID, out.Rule)
	if err != nil {
		return nil, err
	}
	values, err := d.ruleValues(ctx, poolID, program.keys, []string{found[0].ID})
	if err != nil {
		return nil, err
	}
	out.Matches, out.Fields, err = program.Explain(ctx, varsOf(&found[0], values[found[0].ID]))
	if f := fault.As(err); f != nil && len(f.Args) > 0 {
		out.Failure, err = f.Args[0], nil
	}
	out.Matches = out.Matches && !found[0].left()
	return out, err
}

// fieldsFree refuses to take from rules what they read: Unprocessable "field_in_rule" (key, codes of groups).
func (d *Directory) fieldsFree(ctx context.Context, poolID string, keys []string) error {
	if err := d.db.Lock(ctx, poolID, rulesLock, db.Shared); err != nil {
		return err
	}
	rules, err := d.rulesOf(ctx, poolID)
	if err != nil || rules == nil {
		return err
	}
	for _, key := range keys {
		var ids []string
		for _, r := range rules.list {
			if r.current.reads(key) || r.pending.reads(key) {
				ids = append(ids, r.group)
			}
		}
		if len(ids) == 0 {
			continue
		}
		groups, err := d.GroupsByID(ctx, poolID, ids)
		if err != nil {
			return err
		}
		var codes []string
		for _, g := range groups {
			codes = append(codes, g.Code)
		}
		slices.Sort(codes)
		return fault.New(fault.Unprocessable, "field_in_rule", key, strings.Join(codes, ", "))
	}
	return nil
}

// recordRegrouped writes a record for each group whose members a write of users has changed.
func (d *Directory) recordRegrouped(ctx context.Context, poolID string, groups []string, added, removed map[string][]string) error {
	if len(groups) == 0 {
		return nil
	}
	known, err := d.GroupsByID(ctx, poolID, groups)
	if err != nil {
		return err
	}
	for _, id := range groups {
		g := known[id]
		operation := audit.Update
		if len(removed[id]) == 0 {
			operation = audit.Add
		} else if len(added[id]) == 0 {
			operation = audit.Remove
		}
		e := aboutGroups(operation, []Group{g})
		if len(added[id]) > 0 {
			e.After = map[string]any{"user_ids": added[id], "by": "rule"}
		}
		if len(removed[id]) > 0 {
			e.Before = map[string]any{"user_ids": removed[id], "by": "rule"}
		}
		if err := d.log.Add(ctx, poolID, e); err != nil {
			return err
		}
	}
	return nil
}

func userIDs(users []User) []string {
	ids := make([]string, len(users))
	for i := range users {
		ids[i] = users[i].ID
	}
	return ids
}

// left reports whether the account is closed for good: such users are in no dynamic group.
func (u *User) left() bool { return u.WorkStatus == "Closed" }
