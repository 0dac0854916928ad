package directory

import (
	"context"
	"slices"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/search"
)

// Users returns the users who match, and how many there are in all.
func (d *Directory) Users(ctx context.Context, poolID string, q UserQuery) ([]User, int64, error) {
	p, err := d.planUsers(ctx, poolID, &q)
	if err != nil {
		return nil, 0, err
	}
	order, err := userOrder(q.Sort)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := q.window()
	if offset <= nearPage && d.tableAnswers(poolID, p, order, offset) {
		return d.nearUsers(ctx, poolID, p, order, limit, offset)
	}
	ids, total, err := d.selectUsers(ctx, poolID, p, order, limit, offset)
	if err != nil || len(ids) == 0 {
		return []User{}, total, err
	}
	users, err := d.usersInOrder(ctx, poolID, ids)
	return users, total, err
}

// tableAnswers reports whether a page is the table's to find: always without the index, where other conditions stand, and where an
// index of the table has the order or the page is near.
func (d *Directory) tableAnswers(poolID string, p *userPlan, o userSort, offset int) bool {
	if len(p.words) > 0 {
		return false
	}
	inOrder := o.facet() < 0
	if o.byID() {
		inOrder = offset <= nearPage
	}
	return p.hard.String() != "" || p.everything() && inOrder || !d.searchReady(poolID)
}

// nearUsers is Users for a page that is not far into the table: one statement finds and reads it.
func (d *Directory) nearUsers(ctx context.Context, poolID string, p *userPlan, o userSort, limit, offset int) ([]User, int64, error) {
	w, total, err := d.countInTable(ctx, poolID, p)
	if err != nil || int64(offset) >= total {
		return []User{}, total, err
	}
	if _, nullable := o.nullable(); nullable {
		ids, err := d.inTableOrder(ctx, w, o, limit, offset)
		if err != nil {
			return nil, 0, err
		}
		users, err := d.usersInOrder(ctx, poolID, ids)
		return users, total, err
	}
	users, err := db.List[User](ctx, d.db, "select "+db.Columns[User]()+" from users where "+w.String()+o.String()+" limit ? offset ?",
		append(slices.Clone(w.Args), limit, offset)...)
	return users, total, err
}

// usersInOrder returns the users of identifiers, in their order. Who has been deleted meanwhile is left out.
func (d *Directory) usersInOrder(ctx context.Context, poolID string, ids []string) ([]User, error) {
	users, err := db.List[User](ctx, d.db, selectUser+"id in (?...) limit ?", poolID, ids, len(ids))
	place := make(map[string]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	slices.SortFunc(users, func(a, b User) int { return place[a.ID] - place[b.ID] })
	return users, err
}

const (
	nearPage    = 1000 // rows that the table skips as fast as the index finds their end
	mostInOrder = 5000 // users whom the index has found and the table puts in order or filters
	mostScanned = 5_000_000
)

// selectUsers returns a page of the identifiers that a plan selects, and how many there are.
func (d *Directory) selectUsers(ctx context.Context, poolID string, p *userPlan, o userSort, limit, offset int) (ids []string, total int64, err error) {
	hard := p.hard.String() != ""
	if d.tableAnswers(poolID, p, o, offset) {
		w, total, err := d.countInTable(ctx, poolID, p)
		if err != nil || int64(offset) >= total {
			return nil, total, err
		}
		ids, err = d.inTableOrder(ctx, w, o, limit, offset)
		return ids, total, err
	}
	m, err := d.matching(ctx, poolID, p.words, p.facets)
	if err != nil {
		return nil, 0, err
	}
	if !hard {
		total = int64(m.Len())
		if offset >= m.Len() {
			return nil, total, nil
		}
		if o.byID() {
			return idsOf(m.Page(offset, limit, !o.descending())), total, nil
		}
		if f := o.facet(); f >= 0 {
			ids, complete, err := d.byFacet(ctx, poolID, p, f, o, m.Len(), limit, offset)
			if complete || err != nil {
				return ids, total, err
			}
		}
	}
	var w db.Where
	w.And("pool_id = ?", poolID)
	if hard {
		w.And(p.hard.String(), p.hard.Args...)
	}
	if m.Len() <= mostInOrder {
		w.And("id in (?...)", idsOf(m.Page(0, m.Len(), false)))
		if !hard {
			ids, err = d.inTableOrder(ctx, &w, o, limit, offset)
			return ids, total, err
		}
		ids, err = d.inTableOrder(ctx, &w, o, mostInOrder, 0)
		return window(ids, limit, offset), int64(len(ids)), err
	}
	// Many match: the table is read in its order, and those are taken whom the index has found. Without other conditions their
	// number is known, and how far to read can be guessed.
	size := mostScanned
	if !hard {
		all, err := d.db.Tally(ctx, poolID, userTally)
		if err != nil {
			return nil, 0, err
		}
		size = int(int64(offset+limit)*all/total*5/4) + nearPage
	}
	var found []string
	for from := 0; ; {
		list, err := d.inTableOrder(ctx, &w, o, size, from)
		if err != nil {
			return nil, 0, err
		}
		for _, s := range list {
			if id, ok := search.ParseID(s); ok && m.Has(id) {
				found = append(found, s)
			}
		}
		if len(list) < size || !hard && len(found) >= offset+limit {
			break
		}
		from += len(list)
		size *= 2
	}
	if hard {
		total = int64(len(found))
	}
	return window(found, limit, offset), total, nil
}

// byFacet is a page in the order of a facet: its values one after the other. It is not complete, and no answer, when a user has a
// value that is none of those known.
func (d *Directory) byFacet(ctx context.Context, poolID string, p *userPlan, facet int, o userSort, total, limit, offset int) (ids []string, complete bool, err error) {
	values := slices.Clone(facets[facet].values)
	slices.Sort(values)
	if o.descending() {
		slices.Reverse(values)
	}
	skip := offset
	for _, value := range values {
		test := facetOf(facets[facet].field, func(v string) bool { return v == value })
		m, err := d.matching(ctx, poolID, p.words, append(slices.Clone(p.facets), test))
		if err != nil {
			return nil, false, err
		}
		total -= m.Len()
		if len(ids) < limit {
			ids = append(ids, idsOf(m.Page(skip, limit-len(ids), !o.descending()))...)
		}
		skip = max(0, skip-m.Len())
	}
	return ids, total == 0, nil
}

func window(ids []string, limit, offset int) []string {
	return ids[min(offset, len(ids)):min(offset+limit, len(ids))]
}

// countInTable returns the conditions of a plan without words, and for how many users they hold.
func (d *Directory) countInTable(ctx context.Context, poolID string, p *userPlan) (w *db.Where, total int64, err error) {
	w = new(db.Where)
	w.And("pool_id = ?", poolID)
	for _, part := range []*db.Where{&p.easy, &p.hard} {
		if part.String() != "" {
			w.And(part.String(), part.Args...)
		}
	}
	if p.everything() {
		total, err = d.db.Tally(ctx, poolID, userTally)
	} else {
		total, err = db.One[int64](ctx, d.db, "select count(*) from users where "+w.String(), w.Args...)
	}
	return w, total, err
}

// inTableOrder returns a page of the identifiers of users for whom w holds. Those without a value come last, in either direction;
// an index that both engines read both ways has them at one end, so that they are a list of their own.
func (d *Directory) inTableOrder(ctx context.Context, w *db.Where, o userSort, limit, offset int) ([]string, error) {
	list := func(condition, order string, limit, offset int) ([]string, error) {
		return db.List[string](ctx, d.db, "select id from users where "+w.String()+condition+order+" limit ? offset ?",
			append(slices.Clone(w.Args), limit, offset)...)
	}
	column, nullable := o.nullable()
	if !nullable {
		return list("", o.String(), limit, offset)
	}
	ids, err := list(" and "+column+" is not null", o.String(), limit, offset)
	if err != nil || len(ids) == limit {
		return ids, err
	}
	with := int64(offset + len(ids))
	if len(ids) == 0 && offset > 0 {
		if with, err = db.One[int64](ctx, d.db, "select count(*) from users where "+w.String()+" and "+column+" is not null", w.Args...); err != nil {
			return nil, err
		}
	}
	// In this form the condition has no index: one by the column would have to be sorted by identifier.
	without := " and coalesce(" + column + ", '') = ''"
	if o[0].kind != asText {
		without = " and coalesce(" + column + ", 0) = 0"
	}
	rest, err := list(without, " order by id"+direction(o.descending()), limit-len(ids), max(0, offset-int(with)))
	return append(ids, rest...), err
}

// searchReady reports whether the index of a pool is there.
func (d *Directory) searchReady(poolID string) bool {
	x := d.index(poolID, mainIndex, false)
	if x == nil {
		return false
	}
	select {
	case <-x.built:
		return x.failure == nil
	default:
		return false
	}
}

// userSort is an order of users: by some columns, then by identifier. What is not set comes last.
type userSort []sortColumn

type sortColumn struct {
	queryField
	descending bool
}

const mostSortKeys = 8

func userOrder(keys []Sort) (userSort, error) {
	if len(keys) > mostSortKeys {
		return nil, fault.New(fault.Invalid, "list_max", "sort", "8")
	}
	o := make(userSort, 0, len(keys))
	for _, k := range keys {
		f, ok := queryFields[k.Field]
		if !ok || !f.sort {
			return nil, fault.Field("sort")
		}
		if f.column == "created_at" {
			f.column = "id" // identifiers bear the time of the making
		}
		if o = append(o, sortColumn{f, k.Descending}); f.column == "id" {
			break // nobody shares one
		}
	}
	return o, nil
}

// descending is the direction of the last key, which identifiers follow.
func (o userSort) descending() bool { return len(o) == 0 || o[len(o)-1].descending }

func (o userSort) byID() bool { return len(o) == 0 || o[0].column == "id" }

// facet is the place of the only key among the facets, -1 if it is none of them.
func (o userSort) facet() int {
	if len(o) != 1 {
		return -1
	}
	return slices.IndexFunc(facets, func(f facet) bool { return queryFields[f.field].column == o[0].column })
}

// nullable is the only column of the order if it may have nothing in it.
func (o userSort) nullable() (column string, ok bool) {
	if len(o) != 1 || o[0].column == "id" || notNull[o[0].column] {
		return "", false
	}
	return o[0].column, true
}

var notNull = map[string]bool{"status": true, "gender": true, "updated_at": true, "logins_count": true, "source_type": true}

// alone are the columns whose values only one user has.
var alone = map[string]bool{"username": true, "email": true, "external_id": true}

func (o userSort) String() string {
	s := " order by "
	for _, c := range o {
		if c.column == "id" {
			break
		}
		s += c.column + direction(c.descending)
		if len(o) == 1 && alone[c.column] {
			return s
		}
		if len(o) > 1 && !notNull[c.column] {
			s += " nulls last"
		}
		s += ", "
	}
	return s + "id" + direction(o.descending())
}
