package directory

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Post is a position that users hold and departments have. Code is unique in the pool; times are unix milliseconds.
type Post struct {
	PoolID      string `db:"pool_id"`
	ID          string `db:"id"`
	Code        string `db:"code"`
	Name        string `db:"name"`
	Description string `db:"description"`
	CreatedAt   int64  `db:"created_at"`
	UpdatedAt   int64  `db:"updated_at"`
}

// Errors of posts.
var (
	ErrPostNotFound  = fault.New(fault.NotFound, "post_not_found")
	ErrPostCodeTaken = fault.New(fault.Conflict, "post_code_taken")
)

const (
	mostPosts   = 1000 // that one call reads
	mostPostsOf = 50   // of one user or department
)

var selectPost = "select " + db.Columns[Post]() + " from posts where pool_id = ? and "

// NewPost is a post to be made, or to be put in the place of the one of its code.
type NewPost struct {
	Code, Name, Description string
	DepartmentIDs           []string // nil: none for a new post, as they are for another
}

func (n *NewPost) check() error {
	if err := CheckCode("code", n.Code); err != nil {
		return err
	}
	if n.Name == "" {
		return fault.Field("name")
	}
	if err := clean("name", n.Name, MaxName); err != nil {
		return err
	}
	return clean("description", n.Description, MaxDescription)
}

// CreatePost makes a post. A code that is taken is ErrPostCodeTaken, an unknown department NotFound "department_invalid" (id).
func (d *Directory) CreatePost(ctx context.Context, poolID string, n NewPost) (*Post, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	now := d.db.Now()
	p := Post{PoolID: poolID, ID: d.db.NewID(), Code: n.Code, Name: n.Name, Description: n.Description, CreatedAt: now, UpdatedAt: now}
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		if err := db.Insert(ctx, d.db, "posts", &p); err != nil {
			return postTaken(err)
		}
		return d.savePost(ctx, &Post{}, &p, n.DepartmentIDs, audit.Create)
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// UpdatePost gives the post of a code another name, description and departments.
func (d *Directory) UpdatePost(ctx context.Context, poolID string, n NewPost) (*Post, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	var after Post
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		before, err := d.postByCode(ctx, poolID, n.Code, forUpdate)
		if err != nil {
			return err
		}
		after = *before
		after.Name, after.Description, after.UpdatedAt = n.Name, n.Description, d.db.Now()
		if _, err := db.Exec(ctx, d.db, "update posts set name = ?, description = ?, updated_at = ? where pool_id = ? and id = ?",
			after.Name, after.Description, after.UpdatedAt, poolID, after.ID); err != nil {
			return err
		}
		return d.savePost(ctx, before, &after, n.DepartmentIDs, audit.Update)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// savePost writes the departments of a post, and the record.
func (d *Directory) savePost(ctx context.Context, before, after *Post, departmentIDs []string, operation string) error {
	changes, err := db.Diff(before, after)
	if err != nil {
		return err
	}
	e := audit.Event{Operation: operation, Resource: audit.Org, TargetID: after.ID, TargetName: after.Code}
	e.Before, e.After = audit.Changes(changes)
	if departmentIDs != nil {
		if len(departmentIDs) > mostDepartmentsOf {
			return CheckCount("departmentIdList", len(departmentIDs), mostDepartmentsOf)
		}
		if err := d.lockGiven(ctx, after.PoolID, departmentIDs); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, d.db, "delete from department_posts where pool_id = ? and post_id = ? and department_id not in (?...)",
			after.PoolID, after.ID, departmentIDs); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, d.db, `insert into department_posts (pool_id, department_id, post_id, created_at)
			select pool_id, id, cast(? as text), cast(? as bigint) from departments where pool_id = ? and id in (?...)
			on conflict (pool_id, department_id, post_id) do nothing`, after.ID, d.db.Now(), after.PoolID, departmentIDs); err != nil {
			return err
		}
		e.After["department_ids"] = departmentIDs
	}
	return d.log.Add(ctx, after.PoolID, e)
}

// DeletePost removes the post of a code from all who have it.
func (d *Directory) DeletePost(ctx context.Context, poolID, code string) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		p, err := d.postByCode(ctx, poolID, code, forUpdate)
		if err != nil {
			return err
		}
		for _, of := range []string{"user_posts where pool_id = ? and post_id = ?", "department_posts where pool_id = ? and post_id = ?", "posts where pool_id = ? and id = ?"} {
			if _, err := db.Exec(ctx, d.db, "delete from "+of, poolID, p.ID); err != nil {
				return err
			}
		}
		changes, err := db.Diff(p, &Post{})
		if err != nil {
			return err
		}
		e := audit.Event{Operation: audit.Delete, Resource: audit.Org, TargetID: p.ID, TargetName: p.Code}
		e.Before, _ = audit.Changes(changes)
		return d.log.Add(ctx, poolID, e)
	})
}

// Post returns the post of a code, or ErrPostNotFound.
func (d *Directory) Post(ctx context.Context, poolID, code string) (*Post, error) {
	return d.postByCode(ctx, poolID, code, "")
}

func (d *Directory) postByCode(ctx context.Context, poolID, code, lock string) (*Post, error) {
	if len(Findable([]string{code})) == 0 {
		return nil, ErrPostNotFound
	}
	p, err := db.One[Post](ctx, d.db, selectPost+"code = ?"+lock, poolID, code)
	if err != nil {
		return nil, notFound(err, ErrPostNotFound)
	}
	return &p, nil
}

// PostByID returns the post of an identifier, or ErrPostNotFound.
func (d *Directory) PostByID(ctx context.Context, poolID, id string) (*Post, error) {
	if len(Findable([]string{id})) == 0 {
		return nil, ErrPostNotFound
	}
	p, err := db.One[Post](ctx, d.db, selectPost+"id = ?", poolID, id)
	if err != nil {
		return nil, notFound(err, ErrPostNotFound)
	}
	return &p, nil
}

// PostQuery selects posts; what is empty selects everything. Times are unix ms, exclusive.
type PostQuery struct {
	Keywords                    string   // a part of the name or the code, in any ASCII case
	Codes                       []string // any of them
	CreatedAfter, CreatedBefore int64
	UpdatedAfter, UpdatedBefore int64
	Page
}

// Posts returns the posts that match, newest first, and how many there are.
func (d *Directory) Posts(ctx context.Context, poolID string, q PostQuery) ([]Post, int64, error) {
	if err := clean("keywords", q.Keywords, MaxName); err != nil {
		return nil, 0, err
	}
	var w db.Where
	w.And("pool_id = ?", poolID)
	if q.Keywords != "" {
		like := LikePattern(q.Keywords)
		w.And(`lower(name) like ? escape '\' or lower(code) like ? escape '\'`, like, like)
	}
	if q.Codes != nil {
		w.And("code in (?...)", Findable(q.Codes))
	}
	for _, c := range []struct {
		condition string
		at        int64
	}{{"created_at > ?", q.CreatedAfter}, {"created_at < ?", q.CreatedBefore}, {"updated_at > ?", q.UpdatedAfter}, {"updated_at < ?", q.UpdatedBefore}} {
		if c.at > 0 {
			w.And(c.condition, c.at)
		}
	}
	total, err := db.One[int64](ctx, d.db, "select count(*) from posts where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := q.window()
	list, err := db.List[Post](ctx, d.db, "select "+db.Columns[Post]()+" from posts where "+w.String()+" order by id desc limit ? offset ?",
		append(w.Args, limit, offset)...)
	return list, total, err
}

// PostFacts is how many have a post.
type PostFacts struct {
	ID          string `db:"id"`
	Users       int64  `db:"users"`
	Departments int64  `db:"departments"`
}

// PostFacts returns the facts of up to 1,000 posts, by identifier.
func (d *Directory) PostFacts(ctx context.Context, poolID string, ids []string) (map[string]PostFacts, error) {
	rows, err := db.List[PostFacts](ctx, d.db, `select p.id,
			(select count(*) from user_posts u where u.pool_id = p.pool_id and u.post_id = p.id),
			(select count(*) from department_posts d where d.pool_id = p.pool_id and d.post_id = p.id)
		from posts p where p.pool_id = ? and p.id in (?...) limit ?`, poolID, ids, mostPosts)
	out := make(map[string]PostFacts, len(rows))
	for _, f := range rows {
		out[f.ID] = f
	}
	return out, err
}

// DepartmentIDsOfPost returns the departments that have a post, by identifier, in the order of their making: at most 1,000.
func (d *Directory) DepartmentIDsOfPost(ctx context.Context, poolID, postID string) ([]string, error) {
	return db.List[string](ctx, d.db, "select department_id from department_posts where pool_id = ? and post_id = ? order by department_id limit ?",
		poolID, postID, mostPosts)
}

// PostIDsOfUsers returns the posts, by identifier, of up to 1,000 users, by user.
func (d *Directory) PostIDsOfUsers(ctx context.Context, poolID string, userIDs []string) (map[string][]string, error) {
	return d.postIDs(ctx, "user_posts", "user_id", poolID, userIDs)
}

// PostIDsOfDepartments returns the posts, by identifier, of up to 1,000 departments, by department.
func (d *Directory) PostIDsOfDepartments(ctx context.Context, poolID string, departmentIDs []string) (map[string][]string, error) {
	return d.postIDs(ctx, "department_posts", "department_id", poolID, departmentIDs)
}

func (d *Directory) postIDs(ctx context.Context, table, column, poolID string, ids []string) (map[string][]string, error) {
	if len(ids) > mostPosts {
		return nil, CheckCount("ids", len(ids), mostPosts)
	}
	rows, err := db.List[pair](ctx, d.db, "select "+column+", post_id from "+table+" where pool_id = ? and "+column+" in (?...) order by "+column+", post_id limit ?",
		poolID, ids, mostPostsOf*max(len(ids), 1))
	return gatherPairs(rows), err
}

// PostsOfUser returns the posts that a user holds, in the order of their making.
func (d *Directory) PostsOfUser(ctx context.Context, poolID, userID string) ([]Post, error) {
	return db.List[Post](ctx, d.db, "select "+db.Columns[Post]("p")+` from user_posts u cross join posts p
		where u.pool_id = ? and u.user_id = ? and p.pool_id = u.pool_id and p.id = u.post_id order by p.id limit ?`, poolID, userID, mostPostsOf)
}

// SetUserPosts gives a user these posts and no others: at most 50. An unknown one is ErrPostNotFound.
func (d *Directory) SetUserPosts(ctx context.Context, poolID string, ref UserRef, postIDs []string) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		u, err := d.lockUser(ctx, poolID, ref)
		if err != nil {
			return err
		}
		had, err := d.putPosts(ctx, "user_posts", "user_id", poolID, u.ID, postIDs)
		if err != nil || had == nil {
			return err
		}
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Update, Resource: audit.User, TargetID: u.ID, TargetName: u.DisplayName(), UserID: u.ID,
			Before: map[string]any{"post_ids": had}, After: map[string]any{"post_ids": postIDs}})
	})
}

// putDepartmentPosts gives a department these posts and no others, and returns those it had, nil where that are the same.
func (d *Directory) putDepartmentPosts(ctx context.Context, poolID, departmentID string, postIDs []string) (had []string, err error) {
	return d.putPosts(ctx, "department_posts", "department_id", poolID, departmentID, postIDs)
}

func (d *Directory) putPosts(ctx context.Context, table, column, poolID, id string, postIDs []string) (had []string, err error) {
	if len(postIDs) > mostPostsOf {
		return nil, CheckCount("postIds", len(postIDs), mostPostsOf)
	}
	if err := d.lock(ctx, "posts", "id", poolID, postIDs, ErrPostNotFound); err != nil {
		return nil, err
	}
	had, err = db.List[string](ctx, d.db, "select post_id from "+table+" where pool_id = ? and "+column+" = ? order by post_id limit ?", poolID, id, mostPosts)
	if err != nil {
		return nil, err
	}
	want := Findable(postIDs)
	slices.Sort(want)
	if slices.Equal(had, want) {
		return nil, nil
	}
	if _, err := db.Exec(ctx, d.db, "delete from "+table+" where pool_id = ? and "+column+" = ? and post_id not in (?...)", poolID, id, want); err != nil {
		return nil, err
	}
	_, err = db.Exec(ctx, d.db, "insert into "+table+" (pool_id, "+column+`, post_id, created_at)
		select pool_id, cast(? as text), id, cast(? as bigint) from posts where pool_id = ? and id in (?...)
		on conflict (pool_id, `+column+", post_id) do nothing", id, d.db.Now(), poolID, want)
	return had, err
}

func postTaken(err error) error {
	if db.IsUnique(err, "posts", "code") {
		return ErrPostCodeTaken.Because(err)
	}
	return err
}
