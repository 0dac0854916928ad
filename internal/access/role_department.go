package access

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// RolesOfDepartment returns a page of the roles that a department has itself at this time, the newest first, and how many there are.
// An empty namespace means all; one that is not there is ErrNamespaceNotFound.
func (a *Access) RolesOfDepartment(ctx context.Context, poolID, departmentID, namespace string, p directory.Page) ([]Role, int64, error) {
	if namespace != "" {
		if err := a.needNamespaces(ctx, poolID, namespace); err != nil {
			return nil, 0, err
		}
	}
	now := a.db.Now()
	var w db.Where
	w.And("a.pool_id = ? and a.target_type = 'DEPARTMENT' and a.target_id = ?", poolID, departmentID)
	w.And(inForce, now, now)
	w.And(enabled, now)
	if namespace != "" {
		w.And("r.namespace = ?", namespace)
	}
	from := " from role_assignments a join roles r on r.pool_id = a.pool_id and r.id = a.role_id where " + w.String()
	total, err := db.One[int64](ctx, a.db, "select count(*)"+from, w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	roles, err := db.List[Role](ctx, a.db, "select "+db.Columns[Role]("r")+from+" order by r.id desc limit ? offset ?", append(w.Args, limit, offset)...)
	return roles, total, err
}
