package access

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

var selectResources = "select " + db.Columns[Resource]() + " from resources where pool_id = ? and "

// refBatch is how many references one statement looks for.
const refBatch = 500

func (a *Access) resourcesByRef(ctx context.Context, poolID string, refs []ResourceRef, lock string) (map[ResourceRef]Resource, error) {
	byNamespace := make(map[string][]string)
	var namespaces []string
	for _, r := range refs {
		r = r.normal()
		if byNamespace[r.Namespace] == nil {
			namespaces = append(namespaces, r.Namespace)
		}
		byNamespace[r.Namespace] = append(byNamespace[r.Namespace], r.Code)
	}
	slices.Sort(namespaces) // rows are locked in one order everywhere
	out := make(map[ResourceRef]Resource, len(refs))
	for _, namespace := range directory.Findable(namespaces) {
		codes := directory.Findable(byNamespace[namespace])
		slices.Sort(codes)
		for batch := range slices.Chunk(codes, refBatch) {
			rows, err := db.List[Resource](ctx, a.db, selectResources+"namespace = ? and code in (?...) order by code limit ?"+lock,
				poolID, namespace, batch, len(batch))
			if err != nil {
				return nil, err
			}
			for _, r := range rows {
				out[r.Ref()] = r
			}
		}
	}
	return out, nil
}

func (a *Access) resourcesByID(ctx context.Context, poolID string, ids []string, lock string) ([]Resource, error) {
	return db.List[Resource](ctx, a.db, selectResources+"id in (?...) order by namespace, code limit ?"+lock,
		poolID, directory.Findable(ids), max(len(ids), 1))
}

func (a *Access) listResources(ctx context.Context, poolID string, q ResourceQuery, p directory.Page) ([]Resource, int64, error) {
	var w db.Where
	w.And("pool_id = ?", poolID)
	if len(q.Namespaces) > 0 {
		w.And("namespace in (?...)", q.Namespaces)
	}
	if q.Type != "" {
		w.And("type = ?", string(q.Type))
	}
	if q.Keywords != "" {
		like := directory.LikePattern(q.Keywords)
		w.And(`lower(code) like ? escape '\' or lower(name) like ? escape '\' or lower(description) like ? escape '\'`, like, like, like)
	}
	total, err := db.One[int64](ctx, a.db, "select count(*) from resources where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[Resource](ctx, a.db, "select "+db.Columns[Resource]()+" from resources where "+w.String()+" order by id desc limit ? offset ?",
		append(w.Args, limit, offset)...)
	return list, total, err
}

// grantedOn is who was granted what, as far as it takes to remove it.
type grantedOn struct {
	ID         string               `db:"id"`
	Namespace  string               `db:"namespace"`
	Resource   string               `db:"resource"`
	TargetType directory.TargetType `db:"target_type"`
	TargetID   string               `db:"target_id"`
}

// dropResources removes resources and what was granted on them, and returns those who lose something.
func (a *Access) dropResources(ctx context.Context, poolID string, list []Resource) ([]Target, error) {
	ids := make([]string, len(list))
	of := make(map[ResourceRef]bool, len(list))
	var namespaces, codes []string
	for i, r := range list {
		ids[i], of[r.Ref()] = r.ID, true
		namespaces, codes = append(namespaces, r.Namespace), append(codes, r.Code)
	}
	granted, err := db.List[grantedOn](ctx, a.db, "select "+db.Columns[grantedOn]()+
		" from grants where pool_id = ? and namespace in (?...) and resource in (?...) order by id limit ?",
		poolID, directory.Findable(namespaces), directory.Findable(codes), mostRevoked+1)
	if err != nil {
		return nil, err
	}
	if len(granted) > mostRevoked {
		return nil, grantLimit()
	}
	var gone []string
	var targets []Target
	seen := make(map[Target]bool)
	for _, g := range granted {
		if !of[ResourceRef{g.Namespace, g.Resource}] {
			continue
		}
		gone = append(gone, g.ID)
		if t := (Target{g.TargetType, g.TargetID}); !seen[t] {
			seen[t] = true
			targets = append(targets, t)
		}
	}
	for batch := range slices.Chunk(gone, refBatch) {
		if _, err := db.Exec(ctx, a.db, "delete from grants where pool_id = ? and id in (?...)", poolID, batch); err != nil {
			return nil, err
		}
	}
	_, err = db.Exec(ctx, a.db, "delete from resources where pool_id = ? and id in (?...)", poolID, ids)
	return targets, err
}
