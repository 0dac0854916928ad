package access

import (
	"context"
	"strconv"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

var selectNamespaces = "select " + db.Columns[Namespace]() + " from namespaces where pool_id = ? and "

// namespaced are the tables whose rows are in a namespace, each with a key or an index that begins with the pool and the namespace.
var namespaced = []string{"policies", "roles", "resources", "grants", "data_resources"}

func (a *Access) listNamespaces(ctx context.Context, poolID string, f NamespaceFilter, p directory.Page) ([]Namespace, int64, error) {
	var w db.Where
	w.And("pool_id = ?", poolID)
	if f.Keywords != "" {
		like := directory.LikePattern(f.Keywords)
		w.And(`lower(name) like ? escape '\' or lower(code) like ? escape '\'`, like, like)
	}
	total, err := db.One[int64](ctx, a.db, "select count(*) from namespaces where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[Namespace](ctx, a.db, "select "+db.Columns[Namespace]()+" from namespaces where "+w.String()+
		" order by created_at desc, code desc limit ? offset ?", append(w.Args, limit, offset)...)
	return list, total, err
}

// namespacesForUpdate returns those of the codes that the pool has, locked. Namespaces are locked before everything in them.
func (a *Access) namespacesForUpdate(ctx context.Context, poolID string, codes []string) ([]Namespace, error) {
	return db.List[Namespace](ctx, a.db, selectNamespaces+"code in (?...) order by code limit ?"+forUpdate,
		poolID, directory.Findable(codes), max(len(codes), 1))
}

// lockedNamespace returns a namespace, locked, or ErrNamespaceNotFound.
func (a *Access) lockedNamespace(ctx context.Context, poolID, code string) (*Namespace, error) {
	list, err := a.namespacesForUpdate(ctx, poolID, []string{code})
	if err == nil && len(list) == 0 {
		err = ErrNamespaceNotFound
	}
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// boundNamespaces refuses namespaces that hold more than one transaction works off: the assignments of their roles count too.
func (a *Access) boundNamespaces(ctx context.Context, poolID string, codes []string) error {
	left := int64(mostInNamespace)
	for _, sql := range append([]string{
		`select count(*) from (select 1 as one from roles r join role_assignments x on x.pool_id = r.pool_id and x.role_id = r.id
			where r.pool_id = ? and r.namespace in (?...) limit ?) counted`,
		`select count(*) from (select 1 as one from policies p join policy_assignments x on x.pool_id = p.pool_id and x.policy_id = p.id
			where p.pool_id = ? and p.namespace in (?...) limit ?) counted`,
	}, countNamespaced()...) {
		n, err := db.One[int64](ctx, a.db, sql, poolID, codes, left+1)
		if err != nil {
			return err
		}
		if left -= n; left < 0 {
			return fault.New(fault.Unprocessable, "namespace_too_large", strconv.Itoa(mostInNamespace))
		}
	}
	return nil
}

func countNamespaced() []string {
	out := make([]string, len(namespaced))
	for i, table := range namespaced {
		out[i] = "select count(*) from (select 1 as one from " + table + " where pool_id = ? and namespace in (?...) limit ?) counted"
	}
	return out
}

// moveNamespace gives all that is in a namespace to another.
func (a *Access) moveNamespace(ctx context.Context, poolID, from, to string) error {
	if err := a.boundNamespaces(ctx, poolID, []string{from}); err != nil {
		return err
	}
	for _, table := range namespaced {
		if _, err := db.Exec(ctx, a.db, "update "+table+" set namespace = ? where pool_id = ? and namespace = ?", to, poolID, from); err != nil {
			return err
		}
	}
	return nil
}

// dropNamespaces removes namespaces, which are locked, with all that is in them.
func (a *Access) dropNamespaces(ctx context.Context, poolID string, codes []string) error {
	if err := a.boundNamespaces(ctx, poolID, codes); err != nil {
		return err
	}
	const these = " where pool_id = ? and namespace in (?...)"
	for _, of := range []struct {
		table string
		drop  func(ctx context.Context, poolID string, ids []string) error
	}{{"policies", a.dropPolicies}, {"roles", a.dropRolesWhole}} {
		for {
			ids, err := db.List[string](ctx, a.db, "select id from "+of.table+these+" order by id limit 500"+forUpdate, poolID, codes)
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				break
			}
			if err := of.drop(ctx, poolID, ids); err != nil {
				return err
			}
		}
	}
	if err := a.dropDataOfNamespaces(ctx, poolID, codes); err != nil {
		return err
	}
	for _, table := range namespaced {
		if _, err := db.Exec(ctx, a.db, "delete from "+table+these, poolID, codes); err != nil {
			return err
		}
	}
	_, err := db.Exec(ctx, a.db, "delete from namespaces where pool_id = ? and code in (?...)", poolID, codes)
	return err
}

// dropRolesWhole removes roles with their custom values.
func (a *Access) dropRolesWhole(ctx context.Context, poolID string, ids []string) error {
	if err := a.dir.RemoveValuesOf(ctx, poolID, directory.RoleTarget, ids); err != nil {
		return err
	}
	return a.dropRoles(ctx, poolID, ids)
}
