package directory

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/db"
)

// ruleRow is a row of group_rules.
type ruleRow struct {
	PoolID    string `db:"pool_id"`
	GroupID   string `db:"group_id"`
	Rule      string `db:"rule"`
	Pending   string `db:"pending"`
	ChangeID  string `db:"change_id"`
	Position  string `db:"position"`
	Evaluated int64  `db:"evaluated"`
	UpdatedAt int64  `db:"updated_at"`
}

// rulesLock is the name that writers of users share and that who changes rules has alone: a writer that has not seen a change
// of a rule is through before the change is.
const rulesLock = "rules"

// lockRules begins a change of the pool's rules: what other transactions know of them is out of date.
func (d *Directory) lockRules(ctx context.Context, poolID string) error {
	return d.db.Lock(ctx, poolID, rulesLock, db.Alone)
}

var selectRules = "select " + db.Columns[ruleRow]() + " from group_rules where pool_id = ?"

// groupRule is the row of a group's rule, or nil.
func (d *Directory) groupRule(ctx context.Context, g *Group, lock string) (*ruleRow, error) {
	return found(db.One[ruleRow](ctx, d.db, selectRules+" and group_id = ?"+lock, g.PoolID, g.ID))
}

// pendingRule is the locked row of a change, or nil when it is through or replaced.
func (d *Directory) pendingRule(ctx context.Context, poolID, groupID, change string) (*ruleRow, error) {
	return found(db.One[ruleRow](ctx, d.db, selectRules+" and group_id = ? and change_id = ?"+forUpdate, poolID, groupID, change))
}

func found[T any](row T, err error) (*T, error) {
	if errors.Is(err, db.NoRow) {
		return nil, nil
	}
	return &row, err
}

// pendingRules are the changes that are not through, of all pools.
func (d *Directory) pendingRules(ctx context.Context) ([]ruleRow, error) {
	return db.List[ruleRow](ctx, d.db, "select "+db.Columns[ruleRow]()+" from group_rules where change_id <> '' order by change_id limit ?", mostRules)
}

// putRule writes the rule of a group, and lets every server know. The caller has the pool's rules alone.
func (d *Directory) putRule(ctx context.Context, r *ruleRow) error {
	if _, err := db.Exec(ctx, d.db, `insert into group_rules (pool_id, group_id, rule, pending, change_id, position, evaluated, updated_at)
		values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (pool_id, group_id) do update set rule = excluded.rule, pending = excluded.pending,
		change_id = excluded.change_id, position = excluded.position, evaluated = excluded.evaluated, updated_at = excluded.updated_at`,
		r.PoolID, r.GroupID, r.Rule, r.Pending, r.ChangeID, r.Position, r.Evaluated, r.UpdatedAt); err != nil {
		return err
	}
	return d.newVersion(ctx, r.PoolID)
}

// dropRules removes the rules of groups. The caller has the pool's rules alone.
func (d *Directory) dropRules(ctx context.Context, poolID string, groupIDs []string) error {
	n, err := db.Exec(ctx, d.db, "delete from group_rules where pool_id = ? and group_id in (?...)", poolID, groupIDs)
	if err != nil || n == 0 {
		return err
	}
	return d.newVersion(ctx, poolID)
}

func (d *Directory) newVersion(ctx context.Context, poolID string) error {
	d.rules.forget(poolID)
	_, err := db.Exec(ctx, d.db, `insert into rule_versions (pool_id, version) values (?, ?)
		on conflict (pool_id) do update set version = excluded.version`, poolID, d.db.NewID())
	return err
}

func (d *Directory) advanceRule(ctx context.Context, r *ruleRow, position string, evaluated int) error {
	_, err := db.Exec(ctx, d.db, "update group_rules set position = ?, evaluated = evaluated + ? where pool_id = ? and group_id = ?",
		position, evaluated, r.PoolID, r.GroupID)
	return err
}

func (d *Directory) setGroupType(ctx context.Context, g *Group, kind string) error {
	if g.Type == kind {
		return nil
	}
	if _, err := db.Exec(ctx, d.db, "update groups set type = ?, updated_at = ? where pool_id = ? and id = ?", kind, d.db.Now(), g.PoolID, g.ID); err != nil {
		return err
	}
	return d.db.Publish(ctx, g.PoolID, MembersTopic, string(GroupTarget)+":"+g.ID)
}

func (d *Directory) addCandidates(ctx context.Context, poolID, change string, userIDs []string) error {
	if len(userIDs) == 0 {
		return nil
	}
	_, err := db.Exec(ctx, d.db, `insert into group_candidates (pool_id, change_id, user_id)
		select pool_id, cast(? as text), id from users where pool_id = ? and id in (?...) on conflict (pool_id, change_id, user_id) do nothing`,
		change, poolID, userIDs)
	return err
}

func (d *Directory) removeCandidates(ctx context.Context, poolID, change string, userIDs []string) error {
	if len(userIDs) == 0 {
		return nil
	}
	_, err := db.Exec(ctx, d.db, "delete from group_candidates where pool_id = ? and change_id = ? and user_id in (?...)", poolID, change, userIDs)
	return err
}

// admitMembers puts users into a dynamic group, at once and for always.
func (d *Directory) admitMembers(ctx context.Context, poolID, groupID string, userIDs []string) error {
	if _, err := db.Exec(ctx, d.db, `insert into group_members (pool_id, group_id, user_id, created_at)
		select pool_id, cast(? as text), id, cast(? as bigint) from users where pool_id = ? and id in (?...)
		on conflict (pool_id, group_id, user_id) do update set enable_time = 0, end_time = 0, pending = false`,
		groupID, d.db.Now(), poolID, userIDs); err != nil {
		return err
	}
	return d.membersChanged(ctx, poolID, userIDs)
}

func (d *Directory) dismissMembers(ctx context.Context, poolID, groupID string, userIDs []string) error {
	if _, err := db.Exec(ctx, d.db, "delete from group_members where pool_id = ? and group_id = ? and user_id in (?...)", poolID, groupID, userIDs); err != nil {
		return err
	}
	return d.membersChanged(ctx, poolID, userIDs)
}

// exchangeMembers makes the candidates of a change the members of its group.
func (d *Directory) exchangeMembers(ctx context.Context, g *Group, change string) (added, removed int64, err error) {
	if removed, err = db.Exec(ctx, d.db, `delete from group_members where pool_id = ? and group_id = ? and not exists (
		select 1 from group_candidates c where c.pool_id = group_members.pool_id and c.change_id = ? and c.user_id = group_members.user_id)`,
		g.PoolID, g.ID, change); err != nil {
		return 0, 0, err
	}
	// A period that a member had while the group was static is over.
	if _, err = db.Exec(ctx, d.db, `update group_members set enable_time = 0, end_time = 0, pending = false
		where pool_id = ? and group_id = ? and (enable_time <> 0 or end_time <> 0 or pending)`, g.PoolID, g.ID); err != nil {
		return 0, 0, err
	}
	if added, err = db.Exec(ctx, d.db, `insert into group_members (pool_id, group_id, user_id, created_at)
		select c.pool_id, cast(? as text), c.user_id, cast(? as bigint) from group_candidates c cross join users u
		where c.pool_id = ? and c.change_id = ? and u.pool_id = c.pool_id and u.id = c.user_id
		on conflict (pool_id, group_id, user_id) do nothing`, g.ID, d.db.Now(), g.PoolID, change); err != nil {
		return 0, 0, err
	}
	return added, removed, d.db.Publish(ctx, g.PoolID, MembersTopic, AllUsersKey)
}

// memberID names a membership.
type memberID struct{ group, user string }

// membersAmong are the memberships of users in groups.
func (d *Directory) membersAmong(ctx context.Context, poolID string, groupIDs, userIDs []string) (map[memberID]bool, error) {
	out := make(map[memberID]bool)
	if len(groupIDs) == 0 || len(userIDs) == 0 {
		return out, nil
	}
	rows, err := db.List[turnedMember](ctx, d.db, "select pool_id, group_id, user_id from group_members where pool_id = ? and user_id in (?...) and group_id in (?...) limit ?",
		poolID, userIDs, groupIDs, len(groupIDs)*len(userIDs))
	for _, r := range rows {
		out[memberID{r.Of, r.UserID}] = true
	}
	return out, err
}

// purgeCandidates removes, of all pools, the candidates of changes that are through or replaced.
func (d *Directory) purgeCandidates(ctx context.Context) error {
	const stale = `c where not exists (select 1 from group_rules r where r.pool_id = c.pool_id and r.change_id = c.change_id)`
	for {
		n, err := db.Exec(ctx, d.db, `delete from group_candidates where (pool_id, change_id, user_id) in (
			select c.pool_id, c.change_id, c.user_id from group_candidates `+stale+" limit ?)", purgeBatch)
		if err != nil || n < purgeBatch {
			return err
		}
	}
}
