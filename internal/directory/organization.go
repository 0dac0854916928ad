package directory

import (
	"context"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// An organisation is the root department of a tree: what is said of departments holds for it too. Its code is unique in the
// pool.

// Errors of organisations. An unknown code is NotFound "organization_not_found" (code).
var ErrOrganizationCodeTaken = fault.New(fault.Conflict, "organization_code_taken")

const (
	mostOrganizations = 1000  // that one call reads
	mostDropped       = 500   // departments that are removed by one statement
	mostInTree        = 20000 // departments of one organisation
)

func organizationNotFound(code string) error {
	return fault.New(fault.NotFound, "organization_not_found", code)
}

// checkNodeCode refuses what cannot be a code: fault.Field(field) for length and encoding, Invalid "organization_code_invalid"
// (code) for other characters than ASCII letters, digits and "_-.:@/". The wire has this text for departments as well.
func checkNodeCode(field, code string) error {
	if err := CheckText(field, code, MaxCode); err != nil {
		return err
	}
	if strings.ContainsFunc(code, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-.:@/", c)
	}) {
		return fault.New(fault.Invalid, "organization_code_invalid", code)
	}
	return nil
}

// CreateOrganization makes an organisation. An empty code becomes its identifier. A code that is taken is
// ErrOrganizationCodeTaken.
func (d *Directory) CreateOrganization(ctx context.Context, poolID string, n NewDepartment) (*Department, error) {
	if err := checkNodeCode("organizationCode", n.Code); err != nil {
		return nil, err
	}
	o, err := n.department(poolID, d.db.NewID(), d.db.Now())
	if err != nil {
		return nil, err
	}
	o.OrgID = o.ID
	if o.Code == "" {
		o.Code = o.ID
	}
	o.RootCode = o.Code
	err = d.db.Tx(ctx, func(ctx context.Context) error { return d.insertDepartment(ctx, &o, &n) })
	if err != nil {
		return nil, err
	}
	return &o, nil
}

// UpdateOrganization changes the organisation of a code. See UpdateDepartment.
func (d *Directory) UpdateOrganization(ctx context.Context, poolID, code string, p DepartmentPatch) (*Department, error) {
	if p.Code != nil {
		if err := checkNodeCode("organizationNewCode", *p.Code); err != nil {
			return nil, err
		}
	}
	return d.UpdateDepartment(ctx, poolID, DepartmentRef{Organization: code, Value: Root}, p)
}

// DeleteOrganization removes an organisation with all its departments, their memberships, values and posts.
func (d *Directory) DeleteOrganization(ctx context.Context, poolID, code string) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		o, err := d.organization(ctx, poolID, code, forUpdate)
		if err != nil {
			return err
		}
		return d.deleteTree(ctx, o)
	})
}

// Organization returns the organisation of a code.
func (d *Directory) Organization(ctx context.Context, poolID, code string) (*Department, error) {
	return d.organization(ctx, poolID, code, "")
}

// OrganizationByID returns the organisation whose root has this identifier; another one is NotFound "organization_not_found".
func (d *Directory) OrganizationByID(ctx context.Context, poolID, id string) (*Department, error) {
	o, err := d.department(ctx, poolID, DepartmentRef{Anywhere: true, Value: id}, "")
	if err != nil || !o.IsRoot() {
		if err == nil || fault.KindOf(err) == fault.NotFound {
			err = organizationNotFound(id)
		}
		return nil, err
	}
	return o, nil
}

// OrganizationsByCode returns the organisations of up to 1,000 codes in the order asked, leaving out those that are not there.
func (d *Directory) OrganizationsByCode(ctx context.Context, poolID string, codes []string) ([]Department, error) {
	if err := CheckCount("organizationCodeList", len(codes), mostOrganizations); err != nil {
		return nil, err
	}
	codes = Findable(codes)
	rows, err := db.List[Department](ctx, d.db, selectDepartment+"root_code in (?...) limit ?", poolID, codes, mostOrganizations)
	if err != nil {
		return nil, err
	}
	byCode := make(map[string]Department, len(rows))
	for _, o := range rows {
		byCode[o.RootCode] = o
	}
	list := make([]Department, 0, len(rows))
	for _, c := range codes {
		if o, ok := byCode[c]; ok {
			list = append(list, o)
		}
	}
	return list, nil
}

// OrganizationQuery selects organisations; what is empty selects everything.
type OrganizationQuery struct {
	Keywords string // a part of the name or the code, in any ASCII case
	Enabled  *bool
	Page
}

// Organizations returns the organisations that match, newest first, and how many there are.
func (d *Directory) Organizations(ctx context.Context, poolID string, q OrganizationQuery) ([]Department, int64, error) {
	var w db.Where
	w.And("pool_id = ?", poolID)
	w.And("root_code is not null")
	if err := nodeKeywords(&w, q.Keywords); err != nil {
		return nil, 0, err
	}
	if q.Enabled != nil {
		w.And("enabled = ?", *q.Enabled)
	}
	return d.listDepartments(ctx, &w, " order by id desc", q.Page)
}

func nodeKeywords(w *db.Where, keywords string) error {
	if keywords == "" {
		return nil
	}
	like := LikePattern(keywords)
	w.And(`lower(name) like ? escape '\' or lower(coalesce(code, '')) like ? escape '\'`, like, like)
	return clean("keywords", keywords, MaxName)
}

// deleteTree removes a department and all below it. The root of its organisation is locked.
func (d *Directory) deleteTree(ctx context.Context, n *Department) error {
	// The deepest go first, so that nobody ever sees one without its parent.
	ids, err := db.List[string](ctx, d.db, `select descendant from department_paths where pool_id = ? and ancestor = ?
		order by depth desc, descendant limit ?`, n.PoolID, n.ID, mostInTree)
	if err != nil {
		return err
	}
	if n.IsRoot() {
		if err := d.removeValues(ctx, n.PoolID, OrgTarget, []string{n.ID}); err != nil {
			return err
		}
	}
	for rest := ids; len(rest) > 0; {
		part := rest[:min(len(rest), mostDropped)]
		rest = rest[len(part):]
		if err := d.dropDepartments(ctx, n.PoolID, part); err != nil {
			return err
		}
	}
	changes, err := db.Diff(n, &Department{})
	if err != nil {
		return err
	}
	e := aboutDepartment(audit.Delete, n)
	e.Before, _ = audit.Changes(changes)
	e.Before["departments"] = len(ids)
	return d.log.Add(ctx, n.PoolID, e)
}
