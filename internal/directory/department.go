package directory

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Department is a node of an organisation's tree. Times are unix milliseconds.
type Department struct {
	PoolID      string `db:"pool_id"`
	ID          string `db:"id"`
	OrgID       string `db:"org_id"`         // the root's identifier; a root's own
	ParentID    string `db:"parent_id"`      // "" for a root
	Code        string `db:"code,null"`      // unique in the organisation
	RootCode    string `db:"root_code,null"` // Code again, of roots only
	Name        string `db:"name"`
	Description string `db:"description"`
	Order       int64  `db:"order_index"` // among its siblings
	OpenID      string `db:"open_department_id,null"`
	Virtual     bool   `db:"is_virtual"`
	Enabled     bool   `db:"enabled"`
	I18n        string `db:"i18n"`             // JSON of the name's translations, "" for none
	TextI18n    string `db:"description_i18n"` // JSON of the description's translations, "" for none
	CreatedAt   int64  `db:"created_at"`
	UpdatedAt   int64  `db:"updated_at"`
}

// IsRoot reports whether the department is an organisation.
func (n *Department) IsRoot() bool { return n.ParentID == "" }

// Root is what callers name an organisation's root by, in place of its identifier.
const Root = "root"

// Errors of departments.
var (
	ErrDepartmentNotFound  = fault.New(fault.NotFound, "department_not_found")
	ErrDepartmentCodeTaken = fault.New(fault.Conflict, "department_code_taken")
	ErrOpenDepartmentTaken = fault.New(fault.Conflict, "open_department_taken")
	ErrDepartmentCycle     = fault.New(fault.Invalid, "department_cycle")
	ErrDepartmentTooDeep   = fault.New(fault.Unprocessable, "department_too_deep")
	ErrDepartmentIsRoot    = fault.New(fault.Unprocessable, "department_is_root")
	ErrOrganizationFull    = fault.New(fault.Unprocessable, "organization_full")
)

const (
	deepest         = 50       // levels of a tree below its root
	mostDepartments = 1000     // that one call reads or lists
	mostLeaders     = 50       // of one department
	longestI18n     = 16 << 10 // bytes
)

// DepartmentRef names one department.
type DepartmentRef struct {
	Organization string // the organisation's code
	OrgID        string // the identifier of its root, which goes before the code
	Anywhere     bool   // look in all organisations of the pool; Organization is ignored
	Type         string // department_id (also when empty) | open_department_id | sync_relation | custom_field | code
	Value        string // Root names the organisation's root, of any type
}

// condition selects the department among those of its organisation.
func (r DepartmentRef) condition(poolID string) (condition string, args []any, err error) {
	if r.Value == "" || len(r.Value) > 1024 || !validText(r.Value) {
		return "", nil, fault.Field("departmentId")
	}
	if r.Value == Root {
		return "id = org_id", nil, nil
	}
	switch r.Type {
	case "", "department_id":
		return "id = ?", []any{r.Value}, nil
	case "open_department_id":
		return "open_department_id = ?", []any{r.Value}, nil
	case "code":
		return "code = ?", []any{r.Value}, nil
	case "custom_field":
		key, value, found := strings.Cut(r.Value, ":")
		if !found || key == "" {
			return "", nil, fault.Field("departmentId")
		}
		return "id in (select target_id from field_values where pool_id = ? and target_type = 'DEPARTMENT' and key = ? and " +
			longTextIndex + " = substr(?, 1, 200) and text_value = ?)", []any{poolID, key, value, value}, nil
	case "sync_relation":
		return "1 = 0", nil, nil // nothing is synchronised from elsewhere
	}
	return "", nil, fault.Field("departmentIdType")
}

// NewDepartment is an organisation or a department to be made.
type NewDepartment struct {
	Code, Name, Description string
	OpenID                  string
	Virtual                 bool
	Order                   int64 // among its siblings: larger ones come first
	I18n                    jsontext.Value
	TextI18n                jsontext.Value // translations of the description
	Custom                  map[string]jsontext.Value
	PostIDs                 []string
}

func (n *NewDepartment) department(poolID, id string, now int64) (Department, error) {
	out := Department{PoolID: poolID, ID: id, Code: n.Code, Name: n.Name, Description: n.Description, OpenID: n.OpenID,
		Virtual: n.Virtual, Enabled: true, Order: n.Order, I18n: string(n.I18n), TextI18n: string(n.TextI18n), CreatedAt: now, UpdatedAt: now}
	return out, out.check()
}

func (n *Department) check() error {
	if n.Name == "" {
		return fault.Field("name")
	}
	if err := clean("name", n.Name, MaxName); err != nil {
		return err
	}
	if err := clean("description", n.Description, MaxDescription); err != nil {
		return err
	}
	for _, translations := range []string{n.I18n, n.TextI18n} {
		if len(translations) > longestI18n {
			return fault.Field("i18n")
		}
	}
	return clean("openDepartmentId", n.OpenID, MaxName)
}

// CreateDepartment makes a department below parent. Codes are those of organisations, or empty.
func (d *Directory) CreateDepartment(ctx context.Context, poolID string, parent DepartmentRef, n NewDepartment) (*Department, error) {
	if parent.OrgID == "" && parent.Organization != "" && strings.TrimSpace(parent.Organization) == "" {
		return nil, fault.New(fault.Invalid, "organization_code_blank", parent.Organization)
	}
	if err := checkNodeCode("code", n.Code); err != nil {
		return nil, err
	}
	out, err := n.department(poolID, d.db.NewID(), d.db.Now())
	if err != nil {
		return nil, err
	}
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		above, err := d.lockTree(ctx, poolID, parent)
		if err != nil {
			return err
		}
		if err := d.checkRoom(ctx, above); err != nil {
			return err
		}
		out.OrgID, out.ParentID = above.OrgID, above.ID
		return d.insertDepartment(ctx, &out, &n)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// insertDepartment writes a new node with its path, values, posts and record. The organisation's root is locked, or new.
func (d *Directory) insertDepartment(ctx context.Context, n *Department, from *NewDepartment) error {
	if err := db.Insert(ctx, d.db, "departments", n); err != nil {
		return departmentTaken(err)
	}
	if err := d.insertPath(ctx, n); err != nil {
		return err
	}
	custom, err := d.writeValues(ctx, n.PoolID, DepartmentTarget, []TargetValues{{n.ID, from.Custom}})
	if err != nil {
		return err
	}
	if from.PostIDs != nil {
		if _, err := d.putDepartmentPosts(ctx, n.PoolID, n.ID, from.PostIDs); err != nil {
			return err
		}
	}
	changes, err := db.Diff(&Department{}, n)
	if err != nil {
		return err
	}
	e := aboutDepartment(audit.Create, n)
	e.Before, e.After = audit.Changes(changes)
	custom.record(&e)
	e.Before = nil
	return d.log.Add(ctx, n.PoolID, e)
}

// DepartmentPatch is a change of a department; nil leaves what is there. An empty Code does so too.
type DepartmentPatch struct {
	Name, Description, Code, OpenID *string
	Parent                          *string        // of the same type as the department's reference
	I18n                            jsontext.Value // JSON
	Enabled                         *bool
	Leaders                         []string                  // users, who become members too; empty for none
	Custom                          map[string]jsontext.Value // a null removes the value
	PostIDs                         []string                  // empty for none
}

// UpdateDepartment changes the referred department and returns it as it then is. A parent in another organisation is
// ErrDepartmentNotFound, one below the department itself ErrDepartmentCycle, and a root stays one: ErrDepartmentIsRoot.
// Changing nothing writes nothing.
func (d *Directory) UpdateDepartment(ctx context.Context, poolID string, ref DepartmentRef, p DepartmentPatch) (*Department, error) {
	if p.Code != nil {
		if err := checkNodeCode("code", *p.Code); err != nil {
			return nil, err
		}
	}
	if len(p.Leaders) > mostLeaders {
		return nil, CheckCount("leaderUserIds", len(p.Leaders), mostLeaders)
	}
	var after Department
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		lock := d.lockDepartment
		if p.Parent != nil {
			lock = d.lockTree
		}
		before, err := lock(ctx, poolID, ref)
		if err != nil {
			return err
		}
		after = *before
		if err := p.apply(&after); err != nil {
			return err
		}
		if p.Parent != nil {
			ref := ref
			ref.Value = *p.Parent
			if err := d.move(ctx, &after, ref); err != nil {
				return err
			}
		}
		return d.saveDepartment(ctx, before, &after, &p)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

func (p *DepartmentPatch) apply(n *Department) error {
	for _, f := range []struct{ to, from *string }{{&n.Name, p.Name}, {&n.Description, p.Description}, {&n.OpenID, p.OpenID}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if p.Code != nil && *p.Code != "" && *p.Code != n.Code {
		n.Code = *p.Code
		if n.IsRoot() {
			n.RootCode = n.Code
		}
	}
	if p.I18n != nil {
		n.I18n = string(p.I18n)
	}
	if p.Enabled != nil {
		n.Enabled = *p.Enabled
	}
	return n.check()
}

// move puts n, whose tree is locked, below another parent; the row itself is saved by the caller.
func (d *Directory) move(ctx context.Context, n *Department, to DepartmentRef) error {
	parent, err := d.department(ctx, n.PoolID, to, "")
	if err != nil {
		return err
	}
	if parent.OrgID != n.OrgID {
		return ErrDepartmentNotFound
	}
	if parent.ID == n.ParentID {
		return nil
	}
	if n.IsRoot() {
		return ErrDepartmentIsRoot
	}
	height, err := d.placeFor(ctx, n, parent)
	if err != nil {
		return err
	}
	if height > deepest {
		return ErrDepartmentTooDeep
	}
	n.ParentID = parent.ID
	return d.movePaths(ctx, n)
}

// saveDepartment writes what differs between two versions of a locked department, and its record.
func (d *Directory) saveDepartment(ctx context.Context, before, after *Department, p *DepartmentPatch) error {
	custom, err := d.writeValues(ctx, after.PoolID, DepartmentTarget, []TargetValues{{after.ID, p.Custom}})
	if err != nil {
		return err
	}
	changes, err := db.Diff(before, after)
	if err != nil {
		return err
	}
	e := aboutDepartment(audit.Update, after)
	e.Before, e.After = audit.Changes(changes)
	custom.record(&e)
	changed := len(changes) > 0 || len(custom) > 0
	if p.Leaders != nil {
		had, err := d.putLeaders(ctx, after, p.Leaders)
		if err != nil {
			return err
		}
		if had != nil {
			changed = true
			e.Before["leader_user_ids"], e.After["leader_user_ids"] = had, p.Leaders
		}
	}
	if p.PostIDs != nil {
		had, err := d.putDepartmentPosts(ctx, after.PoolID, after.ID, p.PostIDs)
		if err != nil {
			return err
		}
		if had != nil {
			changed = true
			e.Before["post_ids"], e.After["post_ids"] = had, p.PostIDs
		}
	}
	if !changed {
		return nil
	}
	after.UpdatedAt = d.db.Now()
	changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
	if err := db.Update(ctx, d.db, "departments", changes, "pool_id = ? and id = ?", after.PoolID, after.ID); err != nil {
		return departmentTaken(err)
	}
	if err := d.db.Publish(ctx, after.PoolID, MembersTopic, string(DepartmentTarget)+":"+after.ID); err != nil {
		return err
	}
	return d.log.Add(ctx, after.PoolID, e)
}

// DeleteDepartment removes the referred department and all below it. A root is ErrDepartmentIsRoot: see DeleteOrganization.
func (d *Directory) DeleteDepartment(ctx context.Context, poolID string, ref DepartmentRef) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := d.lockTree(ctx, poolID, ref)
		if err != nil {
			return err
		}
		if n.IsRoot() {
			return ErrDepartmentIsRoot
		}
		return d.deleteTree(ctx, n)
	})
}

// OnDepartmentsDeleted registers f to run, inside the transaction, before departments are deleted: it removes what another
// package has given them. Call it while building, not later.
func (d *Directory) OnDepartmentsDeleted(f func(ctx context.Context, poolID string, departmentIDs []string) error) {
	d.departmentsDeleted = append(d.departmentsDeleted, f)
}

// LockDepartments makes sure that the departments exist, and that none is deleted before the transaction of ctx ends. An
// unknown one is ErrDepartmentNotFound.
func (d *Directory) LockDepartments(ctx context.Context, poolID string, ids []string) error {
	return d.lock(ctx, "departments", "id", poolID, ids, ErrDepartmentNotFound)
}

// Department returns the referred department. An unknown organisation is NotFound "organization_not_found" (code), an unknown
// department ErrDepartmentNotFound.
func (d *Directory) Department(ctx context.Context, poolID string, ref DepartmentRef) (*Department, error) {
	return d.department(ctx, poolID, ref, "")
}

// ParentDepartment returns the department above the referred one. A root has none: ErrDepartmentNotFound.
func (d *Directory) ParentDepartment(ctx context.Context, poolID string, ref DepartmentRef) (*Department, error) {
	n, err := d.department(ctx, poolID, ref, "")
	if err != nil {
		return nil, err
	}
	if n.IsRoot() {
		return nil, ErrDepartmentNotFound
	}
	return d.department(ctx, poolID, DepartmentRef{Anywhere: true, Value: n.ParentID}, "")
}

// DepartmentsByID returns up to 1,000 departments, by identifier. Unknown ones are left out.
func (d *Directory) DepartmentsByID(ctx context.Context, poolID string, ids []string) (map[string]Department, error) {
	if len(ids) > mostDepartments {
		return nil, CheckCount("departmentIds", len(ids), mostDepartments)
	}
	rows, err := db.List[Department](ctx, d.db, selectDepartment+"id in (?...) limit ?", poolID, Findable(ids), mostDepartments)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Department, len(rows))
	for _, n := range rows {
		out[n.ID] = n
	}
	return out, nil
}

// ChildQuery selects departments below one; what is nil selects everything.
type ChildQuery struct {
	Enabled, Virtual *bool
	All              bool // all below, not only the next level
}

// ChildDepartments returns the departments below the referred one, level by level in the order of siblings, but no more than
// 1,000, and how many there are.
func (d *Directory) ChildDepartments(ctx context.Context, poolID string, ref DepartmentRef, q ChildQuery) ([]Department, int64, error) {
	n, err := d.department(ctx, poolID, ref, "")
	if err != nil {
		return nil, 0, err
	}
	return d.children(ctx, n, q)
}

// DepartmentQuery selects departments of an organisation, without its root; what is empty selects everything.
type DepartmentQuery struct {
	Keywords string   // a part of the name or the code, in any ASCII case
	Filters  []Filter // on createdAt, updatedAt and name; all must hold
	Sort     []Sort   // by the same; then by id
	Page
}

// nodeFields are what departments are filtered and sorted by.
var nodeFields = map[string]queryField{
	"name":      {"name", asText, true, true},
	"createdAt": {"created_at", asTime, true, true},
	"updatedAt": {"updated_at", asTime, true, true},
}

// SearchDepartments returns the departments of an organisation that match, and how many there are.
func (d *Directory) SearchDepartments(ctx context.Context, poolID, organization string, q DepartmentQuery) ([]Department, int64, error) {
	o, err := d.organization(ctx, poolID, organization, "")
	if err != nil {
		return nil, 0, err
	}
	var w db.Where
	w.And("pool_id = ?", poolID)
	w.And("org_id = ?", o.ID)
	w.And("root_code is null")
	if err := nodeKeywords(&w, q.Keywords); err != nil {
		return nil, 0, err
	}
	if len(q.Filters) > mostFilters {
		return nil, 0, CheckCount("advancedFilter", len(q.Filters), mostFilters)
	}
	for _, f := range q.Filters {
		known, ok := nodeFields[f.Field]
		if !ok {
			return nil, 0, fault.Field("advancedFilter")
		}
		if err := known.condition(&w, f); err != nil {
			return nil, 0, err
		}
	}
	if len(q.Sort) > 8 {
		return nil, 0, CheckCount("sort", len(q.Sort), 8)
	}
	order := " order by "
	for _, s := range q.Sort {
		known, ok := nodeFields[s.Field]
		if !ok {
			return nil, 0, fault.Field("sort")
		}
		order += known.column + direction(s.Descending) + ", "
	}
	return d.listDepartments(ctx, &w, order+"id desc", q.Page)
}

func direction(descending bool) string {
	if descending {
		return " desc"
	}
	return " asc"
}

// DepartmentFacts is what is known of a department beyond its own row.
type DepartmentFacts struct {
	ID               string   `db:"id"`
	OrganizationCode string   `db:"organization_code"`
	ParentCode       string   `db:"parent_code"`
	Members          int64    `db:"members"` // directly in it
	HasChildren      bool     `db:"has_children"`
	Leaders          []string `db:"-"` // users, by identifier
}

// DepartmentFacts returns the facts of up to 1,000 departments, by identifier.
func (d *Directory) DepartmentFacts(ctx context.Context, poolID string, ids []string) (map[string]DepartmentFacts, error) {
	if len(ids) > mostDepartments {
		return nil, CheckCount("departmentIds", len(ids), mostDepartments)
	}
	return d.facts(ctx, poolID, ids)
}

func departmentTaken(err error) error {
	for column, known := range map[string]*fault.Error{"code": ErrDepartmentCodeTaken, "root_code": ErrOrganizationCodeTaken,
		"open_department_id": ErrOpenDepartmentTaken} {
		if db.IsUnique(err, "departments", column) {
			return known.Because(err)
		}
	}
	return err
}

func aboutDepartment(operation string, n *Department) audit.Event {
	return audit.Event{Operation: operation, Resource: audit.Org, TargetID: n.ID, TargetName: n.Name}
}

// parentChild is one step of a tree.
type parentChild struct {
	Parent string `db:"parent_id"`
	Child  string `db:"id"`
}

// ChildIDs returns the direct children of up to 1,000 departments, by department, in their order: 5,000 in all at most.
func (d *Directory) ChildIDs(ctx context.Context, poolID string, ids []string) (map[string][]string, error) {
	if len(ids) > mostDepartments {
		return nil, CheckCount("departmentIds", len(ids), mostDepartments)
	}
	list, err := db.List[parentChild](ctx, d.db, `select parent_id, id from departments where pool_id = ? and parent_id in (?...)
		order by parent_id, order_index desc, id limit 5000`, poolID, Findable(ids))
	out := make(map[string][]string)
	for _, s := range list {
		out[s.Parent] = append(out[s.Parent], s.Child)
	}
	return out, err
}
