package directory

import (
	"cmp"
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/search"
)

const (
	mostMemberIDs     = 10000 // that one call reads
	mostDepartmentsOf = 200   // that DepartmentIDsOf returns for each user, and that a post is given to at once
	mostPlaces        = 50    // departments that a user is put into at once
)

// AddDepartmentMembers puts up to 500 users into a department at once and for always, as AddDepartmentMembersFor does.
func (d *Directory) AddDepartmentMembers(ctx context.Context, poolID string, ref DepartmentRef, userIDs []string) error {
	return d.AddDepartmentMembersFor(ctx, poolID, ref, userIDs, Period{})
}

// AddDepartmentMembersFor puts up to 500 users into a department for a period. Who is in it already is so for the new period then;
// where that is still to begin, they no longer lead it, nor is it their main department. An unknown user is ErrUserNotFound and
// nobody is added. A period that is over or has no length is fault.Field("endTime").
func (d *Directory) AddDepartmentMembersFor(ctx context.Context, poolID string, ref DepartmentRef, userIDs []string, p Period) error {
	if err := CheckCount("userIds", len(userIDs), mostMembers); err != nil {
		return err
	}
	if err := p.Check(d.db.Now(), "startTime", "endTime"); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := d.lockDepartment(ctx, poolID, ref)
		if err != nil {
			return err
		}
		if err := d.LockUsers(ctx, poolID, userIDs); err != nil {
			return err
		}
		added, err := d.saveMembers(ctx, inDepartments, poolID, n.ID, userIDs, p.Term(), getsPeriod)
		if err != nil || len(added) == 0 {
			return err
		}
		if !p.Term().InForceAt(d.db.Now()) {
			if err := d.forgetMain(ctx, poolID, n.ID, added); err != nil {
				return err
			}
		}
		e := aboutDepartment(audit.Add, n)
		e.After = map[string]any{"user_ids": added}
		p.Record(e.After)
		return d.log.Add(ctx, poolID, e)
	})
}

// RemoveDepartmentMembers takes up to 500 users out of a department, also those who were to come later. Who is not in it, or is
// nobody, is passed over.
func (d *Directory) RemoveDepartmentMembers(ctx context.Context, poolID string, ref DepartmentRef, userIDs []string) error {
	if err := CheckCount("userIds", len(userIDs), mostMembers); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := d.department(ctx, poolID, ref, "")
		if err != nil {
			return err
		}
		removed, err := db.List[string](ctx, d.db, "delete from department_members where pool_id = ? and department_id = ? and user_id in (?...) returning user_id",
			poolID, n.ID, Findable(userIDs))
		if err != nil || len(removed) == 0 {
			return err
		}
		if err := d.membersChanged(ctx, poolID, removed); err != nil {
			return err
		}
		if err := d.forgetMain(ctx, poolID, n.ID, removed); err != nil {
			return err
		}
		e := aboutDepartment(audit.Remove, n)
		e.Before = map[string]any{"user_ids": removed}
		return d.log.Add(ctx, poolID, e)
	})
}

// putLeaders makes these users, and no others, lead a locked department. It returns who led it before, nil where that are the
// same.
func (d *Directory) putLeaders(ctx context.Context, n *Department, userIDs []string) (had []string, err error) {
	if err := d.LockUsers(ctx, n.PoolID, userIDs); err != nil {
		return nil, err
	}
	now := d.db.Now()
	rows, err := db.List[pair](ctx, d.db, selectLeaders, n.PoolID, []string{n.ID}, now, now, mostMemberIDs)
	if err != nil {
		return nil, err
	}
	had = []string{}
	for _, r := range rows {
		had = append(had, r.ID)
	}
	want := Findable(userIDs)
	slices.Sort(want)
	if slices.Equal(had, want) {
		return nil, nil
	}
	if _, err := d.saveMembers(ctx, inDepartments, n.PoolID, n.ID, want, Term{}, staysAsIs); err != nil {
		return nil, err
	}
	for _, s := range []struct {
		leader bool
		test   string
	}{{true, "in (?...)"}, {false, "not in (?...)"}} {
		if _, err := db.Exec(ctx, d.db, "update department_members set is_leader = ? where pool_id = ? and department_id = ? and is_leader <> ? and user_id "+s.test,
			s.leader, n.PoolID, n.ID, s.leader, want); err != nil {
			return nil, err
		}
	}
	return had, nil
}

// MemberQuery selects and orders the members of a department.
type MemberQuery struct {
	Children bool   // of the departments below, too; each user once
	Keywords string // as in UserQuery, on the default fields
	SortBy   string // JoinDepartmentAt (also "" and Default) | userId | createAt | updatedAt
	Ascend   bool
	Page
}

// DepartmentMembers returns the users of a department who match, and how many there are.
func (d *Directory) DepartmentMembers(ctx context.Context, poolID string, ref DepartmentRef, q MemberQuery) ([]User, int64, error) {
	n, err := d.department(ctx, poolID, ref, "")
	if err != nil {
		return nil, 0, err
	}
	words, err := keywordsOf(q.Keywords, nil)
	if err != nil {
		return nil, 0, err
	}
	key := map[string]string{"": "m.created_at", "Default": "m.created_at", "JoinDepartmentAt": "m.created_at", "userId": "0",
		"createAt": "0", "updatedAt": "u.updated_at"}[q.SortBy] // identifiers decide among equal keys, and bear the time of making
	if key == "" {
		return nil, 0, fault.Field("sortBy")
	}
	var w db.Where
	now := d.db.Now()
	from := " from department_members m"
	if q.Children {
		from = " from department_paths p cross join department_members m"
		w.And("p.pool_id = ? and p.ancestor = ? and m.pool_id = p.pool_id and m.department_id = p.descendant", poolID, n.ID)
	} else {
		w.And("m.pool_id = ? and m.department_id = ?", poolID, n.ID)
	}
	w.And(InForce("m"), now, now)
	counted, countedArgs := from+" where "+w.String(), slices.Clone(w.Args)
	if key == "u.updated_at" {
		from += " cross join users u"
		w.And("u.pool_id = m.pool_id and u.id = m.user_id")
	}
	from = "select m.user_id, " + key + " as sort_key" + from + " where " + w.String()
	limit, offset := q.window()
	var list []joined
	var total int64
	if q.Children || len(words) > 0 || key == "0" {
		// Each user counts once, wherever below they are: a map tells that in a fifth of the time that the engines take.
		if list, err = db.List[joined](ctx, d.db, from+" limit ?", append(w.Args, mostScanned)...); err != nil {
			return nil, 0, err
		}
		if list, err = d.latest(ctx, poolID, list, words); err != nil {
			return nil, 0, err
		}
		total = int64(len(list))
		slices.SortFunc(list, func(a, b joined) int {
			if !q.Ascend {
				a, b = b, a
			}
			return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.UserID, b.UserID))
		})
		list = list[min(offset, len(list)):min(offset+limit, len(list))]
	} else {
		if total, err = db.One[int64](ctx, d.db, "select count(*)"+counted, countedArgs...); err != nil || int64(offset) >= total {
			return []User{}, total, err
		}
		order := " order by " + key + direction(!q.Ascend) + ", m.user_id" + direction(!q.Ascend)
		if list, err = db.List[joined](ctx, d.db, from+order+" limit ? offset ?", append(w.Args, limit, offset)...); err != nil {
			return nil, 0, err
		}
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].UserID
	}
	users, err := d.usersInOrder(ctx, poolID, ids)
	return users, total, err
}

// joined is a member and what they are put in order by.
type joined struct {
	UserID string `db:"user_id"`
	Key    int64  `db:"sort_key"`
}

// latest keeps each user once, with their greatest key, and only those who have the words.
func (d *Directory) latest(ctx context.Context, poolID string, list []joined, words []userWord) ([]joined, error) {
	var m *search.Matches
	if len(words) > 0 {
		var err error
		if m, err = d.matching(ctx, poolID, words, nil); err != nil {
			return nil, err
		}
	}
	place := make(map[search.ID]int, len(list))
	kept := list[:0]
	for _, j := range list {
		id, ok := search.ParseID(j.UserID)
		if !ok || m != nil && !m.Has(id) {
			continue
		}
		if i, seen := place[id]; seen {
			kept[i].Key = max(kept[i].Key, j.Key)
			continue
		}
		place[id] = len(kept)
		kept = append(kept, j)
	}
	return kept, nil
}

// DepartmentMemberIDs returns the identifiers of the users directly in a department, newest member first, but no more than
// 10,000.
func (d *Directory) DepartmentMemberIDs(ctx context.Context, poolID string, ref DepartmentRef) ([]string, error) {
	n, err := d.department(ctx, poolID, ref, "")
	if err != nil {
		return nil, err
	}
	now := d.db.Now()
	return db.List[string](ctx, d.db, "select user_id from department_members where pool_id = ? and department_id = ? and "+InForce()+
		" order by created_at desc, user_id desc limit ?", poolID, n.ID, now, now, mostMemberIDs)
}

// InDepartment reports whether a user is in a department or, with children, in one below it.
func (d *Directory) InDepartment(ctx context.Context, poolID string, ref DepartmentRef, userID string, children bool) (bool, error) {
	n, err := d.department(ctx, poolID, ref, "")
	if err != nil {
		return false, err
	}
	depth := 0
	if children {
		depth = deepest
	}
	now := d.db.Now()
	count, err := db.One[int64](ctx, d.db, `select count(*) from department_members m cross join department_paths p
		where m.pool_id = ? and m.user_id = ? and `+InForce("m")+` and p.pool_id = m.pool_id and p.descendant = m.department_id
		and p.ancestor = ? and p.depth <= ?`, poolID, userID, now, now, n.ID, depth)
	return count > 0, err
}

// UserDepartment is a department beside one of its members.
type UserDepartment struct {
	Department
	Leader           bool         `db:"is_leader"`
	JoinedAt         int64        `db:"joined_at"`
	Main             bool         `db:"is_main"`
	OrganizationCode string       `db:"organization_code"`
	Path             []Department `db:"-"` // from the organisation to the department itself, when asked for; identifiers, codes and names only
}

// UserDepartmentQuery orders the departments of a user.
type UserDepartmentQuery struct {
	SortBy string // JoinDepartmentAt (also "") | DepartmentCreatedAt | DepartmentName | DepartmemtCode (sic)
	Ascend bool
	Paths  bool
	Page
}

// UserDepartments returns a page of the departments that a user is in, and how many there are.
func (d *Directory) UserDepartments(ctx context.Context, poolID, userID string, q UserDepartmentQuery) ([]UserDepartment, int64, error) {
	column := map[string]string{"": "m.created_at", "JoinDepartmentAt": "m.created_at", "DepartmentCreatedAt": "d.created_at",
		"DepartmentName": "d.name", "DepartmemtCode": "d.code"}[q.SortBy]
	if column == "" {
		return nil, 0, fault.Field("sortBy")
	}
	now := d.db.Now()
	total, err := db.One[int64](ctx, d.db, "select count(*) from department_members where pool_id = ? and user_id = ? and "+InForce(), poolID, userID, now, now)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := q.window()
	list, err := db.List[UserDepartment](ctx, d.db, "select "+db.Columns[Department]("d")+`, m.is_leader, m.created_at,
		coalesce(u.main_department_id, '') = d.id, r.root_code
		from users u cross join department_members m cross join departments d cross join departments r
		where u.pool_id = ? and u.id = ? and m.pool_id = u.pool_id and m.user_id = u.id and `+InForce("m")+` and d.pool_id = m.pool_id and d.id = m.department_id
		and r.pool_id = d.pool_id and r.id = d.org_id
		order by `+column+direction(!q.Ascend)+" nulls last, d.id"+direction(!q.Ascend)+" limit ? offset ?", poolID, userID, now, now, limit, offset)
	if err != nil || !q.Paths || len(list) == 0 {
		return list, total, err
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	paths, err := d.paths(ctx, poolID, ids)
	for i := range list {
		list[i].Path = paths[list[i].ID]
	}
	return list, total, err
}

// pathStep is one department on the way down to another.
type pathStep struct {
	Of   string `db:"of"`
	ID   string `db:"id"`
	Code string `db:"code"`
	Name string `db:"name"`
}

// paths returns the ways from the organisations down to departments, by department.
func (d *Directory) paths(ctx context.Context, poolID string, ids []string) (map[string][]Department, error) {
	steps, err := db.List[pathStep](ctx, d.db, `select p.descendant, d.id, d.code, d.name from department_paths p cross join departments d
		where p.pool_id = ? and p.descendant in (?...) and d.pool_id = p.pool_id and d.id = p.ancestor
		order by p.descendant, p.depth desc limit ?`, poolID, ids, (deepest+1)*len(ids))
	out := make(map[string][]Department)
	for _, s := range steps {
		out[s.Of] = append(out[s.Of], Department{ID: s.ID, Code: s.Code, Name: s.Name})
	}
	return out, err
}

// DepartmentIDsOf returns the departments, by identifier, of up to 1,000 users, by user: of each at most 200.
func (d *Directory) DepartmentIDsOf(ctx context.Context, poolID string, userIDs []string) (map[string][]string, error) {
	if len(userIDs) > mostDepartments {
		return nil, CheckCount("userIds", len(userIDs), mostDepartments)
	}
	now := d.db.Now()
	rows, err := db.List[pair](ctx, d.db, `select user_id, department_id from (
			select user_id, department_id, created_at, row_number() over (partition by user_id order by created_at, department_id) as place
			from department_members where pool_id = ? and user_id in (?...) and `+InForce()+`) numbered
		where place <= ? order by user_id, place limit ?`, poolID, Findable(userIDs), now, now, mostDepartmentsOf, mostDepartmentsOf*max(len(userIDs), 1))
	return gatherPairs(rows), err
}

// UserDepartmentInput is a department that a user is to be in; a nil flag leaves it as it was, and is false where the user was
// not in it.
type UserDepartmentInput struct {
	ID           string
	Leader, Main *bool
}

// SetUserDepartments puts a user into up to 50 departments, of any organisations, and takes them out of all others. An unknown
// department is NotFound "department_invalid" (id); more than one main department is fault.Field("isMainDepartment").
func (d *Directory) SetUserDepartments(ctx context.Context, poolID string, ref UserRef, list []UserDepartmentInput) error {
	if err := CheckCount("departments", len(list), mostPlaces); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		found, err := d.User(ctx, poolID, ref)
		if err != nil {
			return err
		}
		ids := make([]string, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		if err := d.lockGiven(ctx, poolID, ids); err != nil {
			return err
		}
		u, err := d.lockUser(ctx, poolID, ByID(found.ID))
		if err != nil {
			return err
		}
		return d.putUserDepartments(ctx, u, list)
	})
}

// lockGiven locks departments that a user is to be in.
func (d *Directory) lockGiven(ctx context.Context, poolID string, ids []string) error {
	asked := Findable(ids)
	slices.Sort(asked)
	found, err := db.List[string](ctx, d.db, "select id from departments where pool_id = ? and id in (?...) order by id limit ?"+forUpdate, poolID, asked, len(asked))
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, ok := slices.BinarySearch(found, id); !ok {
			return fault.New(fault.NotFound, "department_invalid", id)
		}
	}
	return nil
}

// putUserDepartments writes the departments of a locked user and its record.
func (d *Directory) putUserDepartments(ctx context.Context, u *User, list []UserDepartmentInput) error {
	main, keepMain := "", false
	var ids, leaders, others []string
	for _, in := range list {
		if in.Main != nil && *in.Main {
			if main != "" && main != in.ID {
				return fault.Field("isMainDepartment")
			}
			main = in.ID
		}
		keepMain = keepMain || in.Main == nil && in.ID == u.MainDepartmentID
		ids = append(ids, in.ID)
		if in.Leader != nil && *in.Leader {
			leaders = append(leaders, in.ID)
		} else if in.Leader != nil {
			others = append(others, in.ID)
		}
	}
	if main == "" && keepMain {
		main = u.MainDepartmentID
	}
	// Memberships that have run out are over before anything is said of the others; who was to come later does so at once.
	if err := d.endMembershipsOf(ctx, inDepartments, u.PoolID, "user_id = ?", u.ID); err != nil {
		return err
	}
	now := d.db.Now()
	had, err := db.List[string](ctx, d.db, "select department_id from department_members where pool_id = ? and user_id = ? and "+InForce()+
		" order by created_at, department_id limit ?", u.PoolID, u.ID, now, now, mostMemberIDs)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{"delete from department_members where pool_id = ? and user_id = ? and department_id not in (?...)", []any{u.PoolID, u.ID, ids}},
		{`insert into department_members (pool_id, department_id, user_id, created_at)
			select pool_id, id, cast(? as text), cast(? as bigint) from departments where pool_id = ? and id in (?...)` + inDepartments.onPresent(staysAsIs),
			[]any{u.ID, now, u.PoolID, ids, now, now}},
		{"update department_members set is_leader = true where pool_id = ? and user_id = ? and department_id in (?...)", []any{u.PoolID, u.ID, leaders}},
		{"update department_members set is_leader = false where pool_id = ? and user_id = ? and department_id in (?...)", []any{u.PoolID, u.ID, others}},
		{`update users set main_department_id = (select id from departments where pool_id = ? and id = ?),
			main_department_code = (select code from departments where pool_id = ? and id = ?) where pool_id = ? and id = ?`,
			[]any{u.PoolID, main, u.PoolID, main, u.PoolID, u.ID}},
	} {
		if _, err := db.Exec(ctx, d.db, s.sql, s.args...); err != nil {
			return err
		}
	}
	if err := d.membersChanged(ctx, u.PoolID, []string{u.ID}); err != nil {
		return err
	}
	if main != u.MainDepartmentID {
		if err := d.usersTouched(ctx, u.PoolID, []string{u.ID}); err != nil {
			return err
		}
	}
	return d.log.Add(ctx, u.PoolID, audit.Event{Operation: audit.Update, Resource: audit.User, TargetID: u.ID, TargetName: u.DisplayName(), UserID: u.ID,
		Before: map[string]any{"department_ids": had, "main_department_id": u.MainDepartmentID},
		After:  map[string]any{"department_ids": ids, "main_department_id": main, "leader_of": leaders}})
}

// joinDepartments puts new users into the departments they were made with, inside the transaction of ctx.
func (d *Directory) joinDepartments(ctx context.Context, poolID string, users []User, list []NewUser) error {
	var all []string
	for i := range list {
		if len(list[i].DepartmentIDs) > mostPlaces {
			return CheckCount("departmentIds", len(list[i].DepartmentIDs), mostPlaces)
		}
		all = append(all, list[i].DepartmentIDs...)
	}
	if len(all) == 0 {
		return nil
	}
	if err := d.lockGiven(ctx, poolID, all); err != nil {
		return err
	}
	for i := range list {
		if _, err := db.Exec(ctx, d.db, `insert into department_members (pool_id, department_id, user_id, is_leader, created_at)
			select pool_id, id, cast(? as text), false, cast(? as bigint) from departments where pool_id = ? and id in (?...)`,
			users[i].ID, d.db.Now(), poolID, list[i].DepartmentIDs); err != nil {
			return err
		}
	}
	return d.membersChanged(ctx, poolID, userIDs(users))
}

// removeDepartments takes users out of all departments and posts, inside the transaction of ctx.
func (d *Directory) removeDepartments(ctx context.Context, poolID string, userIDs []string) error {
	if _, err := db.Exec(ctx, d.db, `update users set main_department_id = null, main_department_code = null
		where pool_id = ? and id in (?...) and main_department_id is not null`, poolID, userIDs); err != nil {
		return err
	}
	for _, table := range []string{"department_members", "user_posts"} {
		if _, err := db.Exec(ctx, d.db, "delete from "+table+" where pool_id = ? and user_id in (?...)", poolID, userIDs); err != nil {
			return err
		}
	}
	return d.membersChanged(ctx, poolID, userIDs)
}
