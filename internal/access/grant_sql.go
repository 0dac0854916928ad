package access

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// lockNamespaces makes sure that the namespaces exist, and that grants in them change one call after the other: actions are
// merged in memory.
func (a *Access) lockNamespaces(ctx context.Context, poolID string, codes []string) error {
	known := directory.Findable(codes)
	found, err := db.List[string](ctx, a.db, "select code from namespaces where pool_id = ? and code in (?...) order by code limit ?"+forUpdate,
		poolID, known, len(known))
	if err != nil {
		return err
	}
	for _, c := range codes {
		if !slices.Contains(found, c) {
			return ErrNamespaceNotFound
		}
	}
	return nil
}

var selectGrants = "select " + db.Columns[grant]() + " from grants where pool_id = ? and "

const byKey = "target_type in (?...) and target_id in (?...) and namespace in (?...) and resource in (?...) limit ?"

// grantsByKey returns the rows that the keys have.
func (a *Access) grantsByKey(ctx context.Context, poolID string, keys map[grantKey][]string) (map[grantKey]grant, error) {
	var types, targets, namespaces, resources []string
	for k := range keys {
		types, targets = append(types, string(k.target.Type)), append(targets, k.target.ID)
		namespaces, resources = append(namespaces, k.namespace), append(resources, k.resource)
	}
	for _, list := range []*[]string{&types, &targets, &namespaces, &resources} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	out := make(map[grantKey]grant, len(keys))
	rows, err := db.List[grant](ctx, a.db, selectGrants+byKey, poolID, types, targets, namespaces, resources, mostRevoked+1)
	if err == nil && len(rows) > mostRevoked {
		err = fault.New(fault.Unprocessable, "grant_limit", strconv.Itoa(mostRevoked))
	}
	for _, g := range rows {
		if _, ok := keys[g.key()]; ok {
			out[g.key()] = g
		}
	}
	return out, err
}

// grantsToRevoke returns, among others, the rows that the revocations are of.
func (a *Access) grantsToRevoke(ctx context.Context, poolID string, list []Revocation) ([]grant, error) {
	var types, targets, namespaces, resources []string
	var items [][2]string // ranges of the codes of items, in byte order
	for _, r := range list {
		types, targets = append(types, string(r.Target.Type)), append(targets, r.Target.ID)
		namespaces, resources = append(namespaces, RoleRef{Namespace: r.Namespace}.normal().Namespace), append(resources, r.Resource)
		if r.Items {
			items = append(items, [2]string{r.Resource + ":", r.Resource + ";"})
		}
	}
	slices.SortFunc(items, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	items = slices.Compact(items)
	condition, args := "resource in (?...)"+strings.Repeat(" or resource >= ? and resource < ?", len(items)), []any{resources}
	for _, r := range items {
		args = append(args, r[0], r[1])
	}
	var w db.Where
	w.And("target_type in (?...) and target_id in (?...) and namespace in (?...)", directory.Findable(types), directory.Findable(targets),
		directory.Findable(namespaces))
	w.And(condition, args...)
	rows, err := db.List[grant](ctx, a.db, selectGrants+w.String()+" limit ?", append(append([]any{poolID}, w.Args...), mostRevoked+1)...)
	if err == nil && len(rows) > mostRevoked {
		err = fault.New(fault.Unprocessable, "grant_limit", strconv.Itoa(mostRevoked))
	}
	return rows, err
}

// grantBatch is how many rows one statement writes.
const grantBatch = 100

func (a *Access) saveGrants(ctx context.Context, grants []grant) error {
	for batch := range slices.Chunk(grants, grantBatch) {
		args := make([]any, 0, 12*len(batch))
		for _, g := range batch {
			actions, err := json.Marshal(g.Actions)
			if err != nil {
				return err
			}
			args = append(args, g.PoolID, g.ID, g.Namespace, string(g.TargetType), g.TargetID, g.Inherit, g.Resource, string(g.ResourceType), string(actions),
				string(g.Effect), g.CreatedAt, g.UpdatedAt)
		}
		const row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		if _, err := db.Exec(ctx, a.db, `insert into grants
				(pool_id, id, namespace, target_type, target_id, inherit, resource, resource_type, actions, effect, created_at, updated_at)
			values `+row+strings.Repeat(", "+row, len(batch)-1)+`
			on conflict (pool_id, target_type, target_id, namespace, effect, inherit, resource_type, resource) do update set
				actions = excluded.actions, updated_at = excluded.updated_at`, args...); err != nil {
			return err
		}
	}
	return nil
}

func (a *Access) dropGrants(ctx context.Context, poolID string, grants []grant) error {
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	_, err := db.Exec(ctx, a.db, "delete from grants where pool_id = ? and id in (?...)", poolID, ids)
	return err
}

// grantsOf returns the grants of one target, denying ones first, then the latest first.
func (a *Access) grantsOf(ctx context.Context, poolID string, t Target, f ResourceFilter) ([]grant, error) {
	var w db.Where
	w.And("g.target_type = ? and g.target_id in (?...)", string(t.Type), directory.Findable([]string{t.ID}))
	return a.listGrants(ctx, "select "+db.Columns[grant]("g")+" from grants g where g.pool_id = ? and ", []any{poolID}, &w, f)
}

func (a *Access) listGrants(ctx context.Context, sql string, args []any, w *db.Where, f ResourceFilter) ([]grant, error) {
	if f.Namespace != "" {
		w.And("g.namespace = ?", f.Namespace)
	}
	if f.Type != "" {
		w.And("g.resource_type = ?", string(f.Type))
	}
	// 'DENY' comes after 'ALLOW': were the list cut, nothing denied would be missed.
	return db.List[grant](ctx, a.db, sql+w.String()+" order by g.effect desc, g.id desc limit ?", append(append(args, w.Args...), mostAuthorized)...)
}
