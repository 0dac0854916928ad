package directory

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/db"
)

// memberships is a table of who is in what.
type memberships struct {
	table, of string
	leads     bool // it says who leads, too
}

var (
	inGroups      = memberships{"group_members", "group_id", false}
	inDepartments = memberships{"department_members", "department_id", true}
)

// turnedMember is a membership that began or ended by the clock.
type turnedMember struct {
	PoolID string `db:"pool_id"`
	Of     string `db:"of"`
	UserID string `db:"user_id"`
}

func (m memberships) returningTurned() string { return " returning pool_id, " + m.of + ", user_id" }

// The rows that a sweep handles, of all pools. The condition stands outside the subquery too, so that of two servers that sweep at
// once each row is one's.
func (m memberships) begin() string {
	key := "pool_id, " + m.of + ", user_id"
	return "update " + m.table + " set pending = false where pending and (" + key + ") in (select " + key + " from " + m.table +
		" where pending and enable_time <= ? order by enable_time limit ?)" + m.returningTurned()
}

func (m memberships) end() string {
	key := "pool_id, " + m.of + ", user_id"
	return "delete from " + m.table + " where end_time > 0 and end_time <= ? and (" + key + ") in (select " + key + " from " + m.table +
		" where end_time > 0 and end_time <= ? order by end_time limit ?)" + m.returningTurned()
}

// present says what happens to those who are in already.
type present bool

const (
	staysAsIs  present = false // they keep their period
	getsPeriod present = true
)

// onPresent ends an insert of members. Its arguments are joined's.
func (m memberships) onPresent(p present) string {
	sql := " on conflict (pool_id, " + m.of + `, user_id) do update set
		enable_time = excluded.enable_time, end_time = excluded.end_time, pending = excluded.pending,
		created_at = case when excluded.pending or ` + m.table + ".enable_time > ? then excluded.created_at else " + m.table + ".created_at end"
	if m.leads {
		sql += ", is_leader = " + m.table + ".is_leader and not excluded.pending"
	}
	if p == staysAsIs {
		return sql + " where " + m.table + ".enable_time > ?"
	}
	return sql + " where " + m.table + ".enable_time <> excluded.enable_time or " + m.table + ".end_time <> excluded.end_time"
}

// saveMembers puts users of the pool into a group or a department and returns those who were not in it, or not for this period.
func (d *Directory) saveMembers(ctx context.Context, m memberships, poolID, id string, userIDs []string, t Term, p present) ([]string, error) {
	users := Findable(userIDs)
	if err := d.endMembershipsOf(ctx, m, poolID, m.of+" = ? and user_id in (?...)", id, users); err != nil {
		return nil, err
	}
	now := d.db.Now()
	args := []any{id, t.EnableTime, t.EndTime, t.EnableTime > now, max(now, t.EnableTime), poolID, users, now}
	if p == staysAsIs {
		args = append(args, now)
	}
	added, err := db.List[string](ctx, d.db, "insert into "+m.table+" (pool_id, "+m.of+`, user_id, enable_time, end_time, pending, created_at)
		select pool_id, cast(? as text), id, cast(? as bigint), cast(? as bigint), cast(? as boolean), cast(? as bigint)
		from users where pool_id = ? and id in (?...)`+m.onPresent(p)+" returning user_id", args...)
	if err != nil {
		return nil, err
	}
	return added, d.membersChanged(ctx, poolID, added)
}

func (d *Directory) listPeriods(ctx context.Context, m memberships, poolID, id string, p Page) ([]Membership, int64, error) {
	// Those to come count here, those gone do not.
	of, now := " from "+m.table+" where pool_id = ? and "+m.of+" = ? and (end_time = 0 or end_time > ?)", d.db.Now()
	total, err := db.One[int64](ctx, d.db, "select count(*)"+of, poolID, id, now)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := p.window()
	list, err := db.List[Membership](ctx, d.db, "select "+db.Columns[Membership]()+of+" order by created_at desc, user_id desc limit ? offset ?",
		poolID, id, now, limit, offset)
	return list, total, err
}
