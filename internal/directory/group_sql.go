package directory

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// forUpdate ends a select whose rows the transaction is about to change, or which must be there until its end.
const forUpdate = " for update"

func (d *Directory) groupByCode(ctx context.Context, poolID, code, lock string) (*Group, error) {
	if len(Findable([]string{code})) == 0 {
		return nil, ErrGroupNotFound
	}
	g, err := db.One[Group](ctx, d.db, "select "+db.Columns[Group]()+" from groups where pool_id = ? and code = ?"+lock, poolID, code)
	if err != nil {
		return nil, notFound(err, ErrGroupNotFound)
	}
	return &g, nil
}

func (d *Directory) groupsBy(ctx context.Context, poolID, column string, list []string, of func(*Group) string) (map[string]Group, error) {
	if len(list) > mostGroupsAtAll {
		return nil, CheckCount("codeList", len(list), mostGroupsAtAll)
	}
	groups, err := db.List[Group](ctx, d.db, "select "+db.Columns[Group]()+" from groups where pool_id = ? and "+column+" in (?...) limit ?",
		poolID, Findable(list), mostGroupsAtAll)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Group, len(groups))
	for _, g := range groups {
		out[of(&g)] = g
	}
	return out, nil
}

// claimGroup inserts g, or returns, locked, the group that has its code.
func (d *Directory) claimGroup(ctx context.Context, g *Group) (Group, error) {
	return db.One[Group](ctx, d.db, `insert into groups (pool_id, id, code, name, description, type, created_at, updated_at)
		values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (pool_id, code) do update set code = excluded.code returning `+db.Columns[Group](),
		g.PoolID, g.ID, g.Code, g.Name, g.Description, g.Type, g.CreatedAt, g.UpdatedAt)
}

func (d *Directory) lockGroupsByCode(ctx context.Context, poolID string, codes []string) ([]Group, error) {
	return db.List[Group](ctx, d.db, "select "+db.Columns[Group]()+" from groups where pool_id = ? and code in (?...) order by code limit ?"+forUpdate,
		poolID, Findable(codes), mostGroupCodes)
}

func (d *Directory) dropGroups(ctx context.Context, poolID string, ids []string) error {
	if _, err := db.Exec(ctx, d.db, "delete from group_members where pool_id = ? and group_id in (?...)", poolID, ids); err != nil {
		return err
	}
	_, err := db.Exec(ctx, d.db, "delete from groups where pool_id = ? and id in (?...)", poolID, ids)
	return err
}

func (d *Directory) listGroups(ctx context.Context, poolID, keywords string, p Page) ([]Group, int64, error) {
	var w db.Where
	w.And("pool_id = ?", poolID)
	if keywords != "" {
		like := LikePattern(keywords)
		w.And(`lower(name) like ? escape '\' or lower(code) like ? escape '\'`, like, like)
	}
	total, err := db.One[int64](ctx, d.db, "select count(*) from groups where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := p.window()
	groups, err := db.List[Group](ctx, d.db, "select "+db.Columns[Group]()+" from groups where "+w.String()+" order by id desc limit ? offset ?",
		append(w.Args, limit, offset)...)
	return groups, total, err
}

var selectGroupsOfUser = "select " + db.Columns[Group]("g") + ` from group_members m
	join groups g on g.pool_id = m.pool_id and g.id = m.group_id
	where m.pool_id = ? and m.user_id = ? and ` + InForce("m") + " order by m.group_id desc limit ? offset ?"

func (d *Directory) listGroupsOf(ctx context.Context, poolID, userID string, p Page) ([]Group, int64, error) {
	if len(Findable([]string{userID})) == 0 {
		return []Group{}, 0, nil
	}
	now := d.db.Now()
	total, err := db.One[int64](ctx, d.db, "select count(*) from group_members where pool_id = ? and user_id = ? and "+InForce(), poolID, userID, now, now)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := p.window()
	groups, err := db.List[Group](ctx, d.db, selectGroupsOfUser, poolID, userID, now, now, limit, offset)
	return groups, total, err
}

// userGroup is a group beside one of the users in it.
type userGroup struct {
	UserID string `db:"user_id"`
	Group
}

var selectGroupsOf = "select found.user_id, " + db.Columns[Group]("g") + ` from (
		select user_id, group_id, row_number() over (partition by user_id order by group_id desc) as place
		from group_members where pool_id = ? and user_id in (?...) and ` + InForce() + `) found
	cross join groups g
	where g.pool_id = ? and g.id = found.group_id and found.place <= ? order by found.user_id, found.place limit ?`

func (d *Directory) groupsOfUsers(ctx context.Context, poolID string, userIDs []string, each int) (map[string][]Group, error) {
	now := d.db.Now()
	rows, err := db.List[userGroup](ctx, d.db, selectGroupsOf, poolID, userIDs, now, now, poolID, each, each*max(len(userIDs), 1))
	if err != nil {
		return nil, err
	}
	out := make(map[string][]Group, len(userIDs))
	for _, r := range rows {
		out[r.UserID] = append(out[r.UserID], r.Group)
	}
	return out, nil
}

// lock selects the rows of a table by identifier for the rest of the transaction; known is the error when one is not there.
// Each table's rows are locked in one order everywhere.
func (d *Directory) lock(ctx context.Context, table, order, poolID string, ids []string, known *fault.Error) error {
	n := distinct(ids)
	found, err := db.List[string](ctx, d.db, "select id from "+table+" where pool_id = ? and id in (?...) order by "+order+" limit ?"+forUpdate,
		poolID, Findable(ids), n)
	if err == nil && len(found) < n {
		return known
	}
	return err
}

func (d *Directory) deleteMembers(ctx context.Context, g *Group, userIDs []string) (removed []string, err error) {
	removed, err = db.List[string](ctx, d.db, "delete from group_members where pool_id = ? and group_id = ? and user_id in (?...) returning user_id",
		g.PoolID, g.ID, Findable(userIDs))
	if err != nil {
		return nil, err
	}
	return removed, d.membersChanged(ctx, g.PoolID, removed)
}

// removeMemberships takes users out of all groups, inside the transaction that deletes them or lets them resign.
func (d *Directory) removeMemberships(ctx context.Context, poolID string, userIDs []string) error {
	// Holding the users first lets no AddMembers slip in between: it holds them too.
	if _, err := db.List[string](ctx, d.db, "select id from users where pool_id = ? and id in (?...) order by id limit ?"+forUpdate,
		poolID, userIDs, len(userIDs)); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, d.db, "delete from group_members where pool_id = ? and user_id in (?...)", poolID, userIDs); err != nil {
		return err
	}
	return d.membersChanged(ctx, poolID, userIDs)
}

var selectMembers = "select " + db.Columns[User]("u") + ` from group_members m
	join users u on u.pool_id = m.pool_id and u.id = m.user_id
	where m.pool_id = ? and m.group_id = ? and ` + InForce("m") + " order by m.created_at desc, m.user_id desc limit ? offset ?"

func (d *Directory) listMembers(ctx context.Context, g *Group, p Page) ([]User, int64, error) {
	now := d.db.Now()
	total, err := db.One[int64](ctx, d.db, "select count(*) from group_members where pool_id = ? and group_id = ? and "+InForce(), g.PoolID, g.ID, now, now)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := p.window()
	users, err := db.List[User](ctx, d.db, selectMembers, g.PoolID, g.ID, now, now, limit, offset)
	return users, total, err
}

// groupMember is a user beside one of their groups.
type groupMember struct {
	GroupID string `db:"group_id"`
	User
}

// selectMembersOf numbers, of a large group, only the members since the last one wanted. "cross join" and the inner limit keep
// the engines from beginning with all users of the pool.
var selectMembersOf = "select found.group_id, " + db.Columns[User]("u") + ` from (
		select group_id, user_id, place from (
			select m.group_id, m.user_id, row_number() over (partition by m.group_id order by m.created_at desc, m.user_id desc) as place
			from groups g cross join group_members m
			where g.pool_id = ? and g.id in (?...) and m.pool_id = g.pool_id and m.group_id = g.id and ` + InForce("m") + ` and m.created_at >= coalesce((
				select x.created_at from group_members x where x.pool_id = g.pool_id and x.group_id = g.id and ` + InForce("x") + `
				order by x.created_at desc limit 1 offset ?), 0)) numbered
		where place <= ? limit ?) found
	cross join users u
	where u.pool_id = ? and u.id = found.user_id order by found.group_id, found.place`

func (d *Directory) membersOf(ctx context.Context, poolID string, groupIDs []string, each int) (map[string][]User, error) {
	now := d.db.Now()
	rows, err := db.List[groupMember](ctx, d.db, selectMembersOf, poolID, groupIDs, now, now, now, now, each-1, each, each*max(len(groupIDs), 1), poolID)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]User, len(groupIDs))
	for _, r := range rows {
		out[r.GroupID] = append(out[r.GroupID], r.User)
	}
	return out, nil
}

func (d *Directory) hasMember(ctx context.Context, g *Group, userID string) (bool, error) {
	now := d.db.Now()
	n, err := db.One[int64](ctx, d.db, "select count(*) from group_members where pool_id = ? and group_id = ? and user_id in (?...) and "+InForce(),
		g.PoolID, g.ID, Findable([]string{userID}), now, now)
	return n > 0, err
}
