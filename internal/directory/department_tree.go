package directory

import (
	"context"
	"slices"
	"strconv"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Errors of whole trees.
var (
	// ErrTreesTooLarge says that a call would read more departments than one answer holds.
	ErrTreesTooLarge = fault.New(fault.TooLarge, "departments_too_many")
	// ErrUserNotInDepartment says that a user is not directly in a department.
	ErrUserNotInDepartment = fault.New(fault.Unprocessable, "user_not_in_department")
)

// mostImported is how many departments one call makes.
const mostImported = 5000

// DepartmentTree is a department to be made with all that stands below it.
type DepartmentTree struct {
	NewDepartment // custom values and posts are not for trees, and ignored
	Children      []DepartmentTree
}

// ImportOrganization makes an organisation with all its departments, all or none, and returns its root. Codes are unique among
// the tree's departments (ErrDepartmentCodeTaken); but another organisation may have the root's: then callers find the new one by
// its identifier in place of the code, as they do where the root has none. More than 5,000 departments are
// Invalid "list_max" ("children"), more than 50 levels ErrDepartmentTooDeep.
func (d *Directory) ImportOrganization(ctx context.Context, poolID string, t DepartmentTree) (*Department, error) {
	f := flattened{poolID: poolID, newID: d.db.NewID, now: d.db.Now()}
	if err := f.add(&t, nil, 0); err != nil {
		return nil, err
	}
	var root Department
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		rows := slices.Clone(f.rows)
		if rows[0].Code == "" {
			rows[0].Code = rows[0].ID
		}
		rows[0].RootCode = rows[0].Code
		taken, err := db.List[string](ctx, d.db, "select id from departments where pool_id = ? and root_code = ? limit 1", poolID, rows[0].Code)
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			rows[0].RootCode = rows[0].ID
		}
		root = rows[0]
		return d.insertTree(ctx, rows)
	})
	if err != nil {
		return nil, err
	}
	return &root, nil
}

// flattened is a tree as rows, parents before their children.
type flattened struct {
	poolID string
	newID  func() string
	now    int64
	rows   []Department
}

func (f *flattened) add(t *DepartmentTree, parent *Department, depth int) error {
	if depth > deepest {
		return ErrDepartmentTooDeep
	}
	if len(f.rows) >= mostImported {
		return fault.New(fault.Invalid, "list_max", "children", strconv.Itoa(mostImported))
	}
	if err := checkNodeCode("code", t.Code); err != nil {
		return err
	}
	n, err := t.department(f.poolID, f.newID(), f.now)
	if err != nil {
		return err
	}
	n.OrgID = n.ID
	if parent != nil {
		n.OrgID, n.ParentID = parent.OrgID, parent.ID
	}
	f.rows = append(f.rows, n)
	for i := range t.Children {
		if err := f.add(&t.Children[i], &n, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// insertTree writes new departments of one organisation, parents before their children, with their paths and one record about the
// first. The organisation's root is locked, or among them.
func (d *Directory) insertTree(ctx context.Context, rows []Department) error {
	if err := db.InsertAll(ctx, d.db, "departments", rows); err != nil {
		return departmentTaken(err)
	}
	for rest := rows; len(rest) > 0; {
		part := rest[:min(len(rest), mostDropped)]
		rest = rest[len(part):]
		ids := make([]string, len(part))
		for i := range part {
			ids[i] = part[i].ID
		}
		if err := d.insertPaths(ctx, rows[0].PoolID, ids); err != nil {
			return err
		}
	}
	e := aboutDepartment(audit.Create, &rows[0])
	changes, err := db.Diff(&Department{}, &rows[0])
	if err != nil {
		return err
	}
	_, e.After = audit.Changes(changes)
	e.After["departments"] = len(rows)
	return d.log.Add(ctx, rows[0].PoolID, e)
}

// insertPaths writes the closure's rows of departments that are there with all those above them, climbing from each to its root.
func (d *Directory) insertPaths(ctx context.Context, poolID string, ids []string) error {
	_, err := db.Exec(ctx, d.db, `insert into department_paths (pool_id, descendant, ancestor, depth)
		with recursive climb(descendant, ancestor, depth) as (
			select id, id, cast(0 as bigint) from departments where pool_id = ? and id in (?...)
			union all
			select climb.descendant, d.parent_id, climb.depth + 1 from climb cross join departments d
				where d.pool_id = ? and d.id = climb.ancestor and d.parent_id <> '')
		select cast(? as text), descendant, ancestor, depth from climb`, poolID, ids, poolID, poolID)
	return err
}

// organizationOf returns the organisation that a reference to a department names, by identifier or by code.
func (d *Directory) organizationOf(ctx context.Context, poolID string, ref DepartmentRef, lock string) (*Department, error) {
	if ref.OrgID == "" {
		return d.organization(ctx, poolID, ref.Organization, lock)
	}
	if CheckText("", ref.OrgID, MaxCode) != nil {
		return nil, organizationNotFound("")
	}
	o, err := db.One[Department](ctx, d.db, selectDepartment+"id = ? and parent_id = ''"+lock, poolID, ref.OrgID)
	if err == db.NoRow {
		return nil, organizationNotFound(ref.OrgID)
	}
	return &o, err
}

// OrganizationNodes returns all departments of organisations, roots included, of each organisation in the order of siblings. Nil ids
// stand for all organisations of the pool; unknown ones are passed over. More than 20,000 departments are ErrTreesTooLarge.
func (d *Directory) OrganizationNodes(ctx context.Context, poolID string, ids []string) ([]Department, error) {
	condition, args := "1 = 1", []any{poolID}
	if ids != nil {
		condition, args = "org_id in (?...)", append(args, Findable(ids))
	}
	list, err := db.List[Department](ctx, d.db, selectDepartment+condition+" order by org_id desc, order_index desc, id limit ?", append(args, mostInTree+1)...)
	if err == nil && len(list) > mostInTree {
		return nil, ErrTreesTooLarge
	}
	return list, err
}

// DepartmentPaths returns the ways from the organisations down to up to 1,000 departments, by department: both ends included, with
// identifiers, codes and names only.
func (d *Directory) DepartmentPaths(ctx context.Context, poolID string, ids []string) (map[string][]Department, error) {
	if len(ids) > mostDepartments {
		return nil, CheckCount("departmentIds", len(ids), mostDepartments)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return d.paths(ctx, poolID, Findable(ids))
}

// FindDepartments returns the departments of all organisations, roots included, that have the keywords in their name or code, in any ASCII
// case: the newest first, and no more than 1,000.
func (d *Directory) FindDepartments(ctx context.Context, poolID, keywords string) ([]Department, error) {
	if keywords == "" {
		return nil, fault.Field("keywords")
	}
	var w db.Where
	w.And("pool_id = ?", poolID)
	if err := nodeKeywords(&w, keywords); err != nil {
		return nil, err
	}
	return db.List[Department](ctx, d.db, "select "+db.Columns[Department]()+" from departments where "+w.String()+" order by id desc limit ?",
		append(w.Args, mostDepartments)...)
}

// DepartmentsByCode returns the departments of all organisations that have one of up to 500 codes, by code: a code may be that of one
// department in each organisation. Codes that nobody has are left out.
func (d *Directory) DepartmentsByCode(ctx context.Context, poolID string, codes []string) (map[string][]Department, error) {
	if err := CheckCount("codes", len(codes), mostMembers); err != nil {
		return nil, err
	}
	list, err := db.List[Department](ctx, d.db, selectDepartment+"code in (?...) order by code, id limit ?", poolID, Findable(codes), mostInTree)
	out := make(map[string][]Department)
	for _, n := range list {
		out[n.Code] = append(out[n.Code], n)
	}
	return out, err
}

// AddDepartmentLeaders puts up to 50 users into a department, as AddDepartmentMembers does, and lets them lead it beside those who do.
// No more than 50 lead it then.
func (d *Directory) AddDepartmentLeaders(ctx context.Context, poolID string, ref DepartmentRef, userIDs []string) error {
	if err := CheckCount("userIds", len(userIDs), mostLeaders); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := d.lockDepartment(ctx, poolID, ref)
		if err != nil {
			return err
		}
		if err := d.AddDepartmentMembers(ctx, poolID, anyDepartment(n.ID), userIDs); err != nil {
			return err
		}
		made, err := db.List[string](ctx, d.db, `update department_members set is_leader = true
			where pool_id = ? and department_id = ? and user_id in (?...) and not is_leader returning user_id`, poolID, n.ID, Findable(userIDs))
		if err != nil || len(made) == 0 {
			return err
		}
		now := d.db.Now()
		leaders, err := db.List[string](ctx, d.db, "select user_id from department_members where pool_id = ? and department_id = ? and is_leader and "+InForce()+
			" limit ?", poolID, n.ID, now, now, mostLeaders+1)
		if err != nil {
			return err
		}
		if len(leaders) > mostLeaders {
			return CheckCount("userIds", len(leaders), mostLeaders)
		}
		slices.Sort(made)
		e := aboutDepartment(audit.Update, n)
		e.After = map[string]any{"new_leader_user_ids": made}
		return d.log.Add(ctx, poolID, e)
	})
}

// anyDepartment refers to a department by identifier alone.
func anyDepartment(id string) DepartmentRef { return DepartmentRef{Anywhere: true, Value: id} }

// MoveDepartmentMembers takes up to 500 users out of one department and puts them into another, all or none. Who is not directly in the
// first is passed over, but an unknown user is ErrUserNotFound. They do not lead the second, and their membership of it has no end; whose
// main department the first was, theirs is the second now.
func (d *Directory) MoveDepartmentMembers(ctx context.Context, poolID string, from, to DepartmentRef, userIDs []string) error {
	if err := CheckCount("userIds", len(userIDs), mostMembers); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		source, err := d.department(ctx, poolID, from, "")
		if err != nil {
			return err
		}
		target, err := d.department(ctx, poolID, to, "")
		if err != nil {
			return err
		}
		if err := d.LockDepartments(ctx, poolID, []string{source.ID, target.ID}); err != nil {
			return err
		}
		if err := d.LockUsers(ctx, poolID, userIDs); err != nil {
			return err
		}
		now := d.db.Now()
		users, err := db.List[pair](ctx, d.db, `select coalesce(u.main_department_id, ''), u.id from department_members m cross join users u
			where m.pool_id = ? and m.department_id = ? and m.user_id in (?...) and `+InForce("m")+`
			and u.pool_id = m.pool_id and u.id = m.user_id order by u.id limit ?`, poolID, source.ID, Findable(userIDs), now, now, mostMembers)
		if err != nil || len(users) == 0 || source.ID == target.ID {
			return err
		}
		var moving, mains []string
		for _, u := range users {
			moving = append(moving, u.ID)
			if u.Of == source.ID {
				mains = append(mains, u.ID)
			}
		}
		if err := d.RemoveDepartmentMembers(ctx, poolID, anyDepartment(source.ID), moving); err != nil {
			return err
		}
		if err := d.AddDepartmentMembers(ctx, poolID, anyDepartment(target.ID), moving); err != nil {
			return err
		}
		return d.putMainDepartment(ctx, poolID, target, mains)
	})
}

// putMainDepartment makes a locked department the main one of locked users, nil that of none.
func (d *Directory) putMainDepartment(ctx context.Context, poolID string, n *Department, userIDs []string) error {
	if len(userIDs) == 0 {
		return nil
	}
	if n == nil {
		n = &Department{}
	}
	if _, err := db.Exec(ctx, d.db, `update users set main_department_id = nullif(cast(? as text), ''), main_department_code = nullif(cast(? as text), ''), updated_at = ?
		where pool_id = ? and id in (?...)`, n.ID, n.Code, d.db.Now(), poolID, userIDs); err != nil {
		return err
	}
	return d.usersTouched(ctx, poolID, userIDs)
}

// SetMainDepartment makes a department that the user is directly in their main one, "" none. A user who is not in it is
// ErrUserNotInDepartment, an unknown department ErrDepartmentNotFound.
func (d *Directory) SetMainDepartment(ctx context.Context, poolID string, ref UserRef, departmentID string) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		var n *Department
		var err error
		if departmentID != "" {
			if n, err = d.lockDepartment(ctx, poolID, anyDepartment(departmentID)); err != nil {
				return err
			}
		}
		u, err := d.lockUser(ctx, poolID, ref)
		if err != nil {
			return err
		}
		if n != nil {
			in, err := d.InDepartment(ctx, poolID, anyDepartment(n.ID), u.ID, false)
			if err != nil {
				return err
			}
			if !in {
				return ErrUserNotInDepartment
			}
		}
		if u.MainDepartmentID == departmentID {
			return nil
		}
		if err := d.putMainDepartment(ctx, poolID, n, []string{u.ID}); err != nil {
			return err
		}
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Update, Resource: audit.User, TargetID: u.ID, TargetName: u.DisplayName(), UserID: u.ID,
			Before: map[string]any{"main_department_id": u.MainDepartmentID}, After: map[string]any{"main_department_id": departmentID}})
	})
}
