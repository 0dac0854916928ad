package directory

import (
	"context"
	"errors"
	"strconv"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

const (
	mostMerged        = 1000 // departments that one merge names
	mostMergedMembers = 200  // members that it names
)

// NamedTree is an organisation, or a department, that is known by its name among its siblings.
type NamedTree struct {
	Name     string
	Members  []UserInput // each known by username, e-mail or phone number
	Children []NamedTree
}

// MergeResult counts what a merge did.
type MergeResult struct {
	UsersAdded, UsersUpdated             int // updated: who was there already
	DepartmentsAdded, DepartmentsUpdated int // updated: those that were there already
}

// MergeTree makes what a tree names and is not there: the organisation, departments below it, and their members. An organisation or
// department of the name, the first of several, is taken as it is and keeps what else is below it and in it; a user whom username, e-mail
// or phone number name gets the other fields and becomes a member, and is made where there is none (ErrUserUnidentified without any of
// the three). All is done or nothing. More than 1,000 departments are Invalid "list_max" ("children"), more than 200 members ("members").
func (d *Directory) MergeTree(ctx context.Context, poolID string, t NamedTree) (MergeResult, error) {
	departments, members := 0, 0
	if err := t.check(0, &departments, &members); err != nil {
		return MergeResult{}, err
	}
	var m merge
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		m = merge{d: d, poolID: poolID, now: d.db.Now()}
		if err := m.departments(ctx, &t); err != nil {
			return err
		}
		return m.people(ctx)
	})
	return m.result, err
}

func (t *NamedTree) check(depth int, departments, members *int) error {
	if depth > deepest {
		return ErrDepartmentTooDeep
	}
	if *departments++; *departments > mostMerged {
		return fault.New(fault.Invalid, "list_max", "children", strconv.Itoa(mostMerged))
	}
	if *members += len(t.Members); *members > mostMergedMembers {
		return fault.New(fault.Invalid, "list_max", "members", strconv.Itoa(mostMergedMembers))
	}
	if err := (&Department{Name: t.Name}).check(); err != nil {
		return err
	}
	for i := range t.Children {
		if err := t.Children[i].check(depth+1, departments, members); err != nil {
			return err
		}
	}
	return nil
}

// merge is one run of MergeTree.
type merge struct {
	d      *Directory
	poolID string
	now    int64
	places []mergedPlace // that have members
	result MergeResult
}

// mergedPlace is a department and what the tree says of it.
type mergedPlace struct {
	row  Department
	tree *NamedTree
	made bool
}

// departments finds or makes the tree's departments, level by level.
func (m *merge) departments(ctx context.Context, t *NamedTree) error {
	top, err := m.organization(ctx, t)
	if err != nil {
		return err
	}
	var rows []Department
	if top.made {
		rows = append(rows, top.row)
	}
	made := map[pair]*mergedPlace{} // on this level, by parent and name: siblings of one name are one department
	for level := []*mergedPlace{top}; len(level) > 0; {
		known, err := m.children(ctx, level)
		if err != nil {
			return err
		}
		var next []*mergedPlace
		clear(made)
		for _, above := range level {
			if len(above.tree.Members) > 0 {
				m.places = append(m.places, *above)
			}
			for i := range above.tree.Children {
				child := &above.tree.Children[i]
				key := pair{above.row.ID, child.Name}
				p := &mergedPlace{tree: child}
				if before, ok := made[key]; ok {
					p.row, p.made = before.row, before.made
				} else {
					if p.row, ok = known[key]; !ok {
						p.made = true
						p.row = m.fresh(child.Name)
						p.row.OrgID, p.row.ParentID = above.row.OrgID, above.row.ID
						rows = append(rows, p.row)
					}
					made[key] = p
					m.count(p)
				}
				next = append(next, p)
			}
		}
		level = next
	}
	m.count(top)
	if len(rows) == 0 {
		return nil
	}
	size, err := db.One[int64](ctx, m.d.db, "select count(*) from departments where pool_id = ? and org_id = ?", m.poolID, top.row.OrgID)
	if err != nil {
		return err
	}
	if size+int64(len(rows)) > mostInTree {
		return ErrOrganizationFull
	}
	return m.d.insertTree(ctx, rows)
}

func (m *merge) count(p *mergedPlace) {
	if p.made {
		m.result.DepartmentsAdded++
	} else {
		m.result.DepartmentsUpdated++
	}
}

func (m *merge) fresh(name string) Department {
	return Department{PoolID: m.poolID, ID: m.d.db.NewID(), Name: name, Enabled: true, CreatedAt: m.now, UpdatedAt: m.now}
}

// organization finds the organisation of the tree's name, and locks it, or begins a new one.
func (m *merge) organization(ctx context.Context, t *NamedTree) (*mergedPlace, error) {
	row, err := db.One[Department](ctx, m.d.db, selectDepartment+"root_code is not null and name = ? order by id limit 1"+forUpdate, m.poolID, t.Name)
	if err == nil {
		return &mergedPlace{row: row, tree: t}, nil
	}
	if !errors.Is(err, db.NoRow) {
		return nil, err
	}
	row = m.fresh(t.Name)
	row.OrgID, row.Code, row.RootCode = row.ID, row.ID, row.ID
	return &mergedPlace{row: row, tree: t, made: true}, nil
}

// children are the departments below those of a level that have a name the tree wants there: of several the first.
func (m *merge) children(ctx context.Context, level []*mergedPlace) (map[pair]Department, error) {
	var parents, names []string
	for _, p := range level {
		if p.made || len(p.tree.Children) == 0 {
			continue
		}
		parents = append(parents, p.row.ID)
		for i := range p.tree.Children {
			names = append(names, p.tree.Children[i].Name)
		}
	}
	known := make(map[pair]Department)
	if len(parents) == 0 {
		return known, nil
	}
	rows, err := db.List[Department](ctx, m.d.db, selectDepartment+"parent_id in (?...) and name in (?...) order by order_index desc, id limit ?",
		m.poolID, parents, names, mostInTree)
	for _, n := range rows {
		key := pair{n.ParentID, n.Name}
		if _, ok := known[key]; !ok {
			known[key] = n
		}
	}
	return known, err
}

// people finds or makes the members and puts them into their departments.
func (m *merge) people(ctx context.Context) error {
	if len(m.places) == 0 {
		return nil
	}
	ids := make([]string, len(m.places))
	for i := range m.places {
		ids[i] = m.places[i].row.ID
	}
	if err := m.d.LockDepartments(ctx, m.poolID, ids); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range m.places {
		p := &m.places[i]
		members := make([]string, 0, len(p.tree.Members))
		for _, in := range p.tree.Members {
			id, made, err := m.person(ctx, in)
			if err != nil {
				return err
			}
			members = append(members, id)
			if seen[id] {
				continue
			}
			seen[id] = true
			if made {
				m.result.UsersAdded++
			} else {
				m.result.UsersUpdated++
			}
		}
		if err := m.d.AddDepartmentMembers(ctx, m.poolID, anyDepartment(p.row.ID), members); err != nil {
			return err
		}
	}
	return nil
}

// person finds and changes, or makes, one user.
func (m *merge) person(ctx context.Context, in UserInput) (id string, made bool, err error) {
	var by Principals
	for _, f := range []struct{ to, from *string }{{&by.Username, in.Username}, {&by.Email, in.Email}, {&by.Phone, in.Phone}, {&by.PhoneCountryCode, in.PhoneCountryCode}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	u, err := m.d.UserByPrincipals(ctx, m.poolID, by)
	switch {
	case errors.Is(err, ErrUserNotFound):
		u, err = m.d.CreateUser(ctx, m.poolID, NewUser{UserInput: in})
		made = true
	case err == nil:
		u, err = m.d.UpdateUser(ctx, m.poolID, ByID(u.ID), UserPatch{UserInput: in})
	}
	if err != nil {
		return "", false, err
	}
	return u.ID, made, nil
}
