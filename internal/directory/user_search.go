package directory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/search"
)

// The search index of a pool lives in memory and follows the table: nothing durable has to be kept true. It is read from the
// table when the pool is first searched, or soon after the start where the pool is large; from then on the users that transactions have
// changed are read again before the next search.

const (
	usersTopic = "users" // of db.Publish; its keys are identifiers

	warmFrom   = 1000 // users of a pool whose index is built before anybody searches
	loadBatch  = 4096
	mostStale  = 5000 // changed users who wait for the next search; beyond, they are read at once
	loadTime   = 10 * time.Minute
	mainIndex  = ""  // the name of the index of searchFields; others bear the name of their only field
	otherValue = 255 // of a facet: none of its known values
)

// searchFields are the fields of the index that a pool always has; any other text field gets one of its own when first asked for.
var searchFields = DefaultSearchV2

// indexedUser is what an index is built from.
type indexedUser struct {
	ID                string `db:"id"`
	Username          string `db:"username,null"`
	Nickname          string `db:"nickname,null"`
	Email             string `db:"email,null"`
	Phone             string `db:"phone,null"`
	Company           string `db:"company,null"`
	Name              string `db:"name,null"`
	GivenName         string `db:"given_name,null"`
	FamilyName        string `db:"family_name,null"`
	MiddleName        string `db:"middle_name,null"`
	Profile           string `db:"profile,null"`
	PreferredUsername string `db:"preferred_username,null"`
	Status            string `db:"status"`
	Gender            string `db:"gender"`
	WorkStatus        string `db:"work_status"`
	SourceType        string `db:"source_type"`
	EmailVerified     bool   `db:"email_verified"`
	PhoneVerified     bool   `db:"phone_verified"`
	IsDeleted         bool   `db:"is_deleted"`
}

// texts are in the order of searchFields.
func (u *indexedUser) texts() []string {
	return []string{u.Username, u.Nickname, u.Email, u.Phone, u.Company, u.Name, u.GivenName, u.FamilyName, u.MiddleName, u.Profile, u.PreferredUsername}
}

// facet is a field with few values, which the index has beside the texts.
type facet struct {
	field  string
	values []string // as filters write them; every user has one of them, or otherValue
	of     func(*indexedUser) string
}

var facets = []facet{
	{"status", closedFields["status"], func(u *indexedUser) string { return u.Status }},
	{"gender", closedFields["gender"], func(u *indexedUser) string { return u.Gender }},
	{"workStatus", closedFields["workStatus"], func(u *indexedUser) string { return u.WorkStatus }},
	{"userSourceType", []string{"excel", "register", "adminCreated", "sync"}, func(u *indexedUser) string { return u.SourceType }},
	{"emailVerified", truth, func(u *indexedUser) string { return truth[number(u.EmailVerified)] }},
	{"phoneVerified", truth, func(u *indexedUser) string { return truth[number(u.PhoneVerified)] }},
	{"isDeleted", truth, func(u *indexedUser) string { return truth[number(u.IsDeleted)] }},
}

var truth = []string{"false", "true"}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (u *indexedUser) document() search.Document {
	id, _ := search.ParseID(u.ID)
	d := search.Document{ID: id, Texts: u.texts(), Facets: make([]uint8, len(facets))}
	for i, f := range facets {
		d.Facets[i] = otherValue
		if at := slices.Index(f.values, f.of(u)); at >= 0 {
			d.Facets[i] = uint8(at)
		}
	}
	return d
}

// indexes are the search indexes of all pools.
type indexes struct {
	mu    sync.Mutex
	pools map[string]map[string]*userIndex // by pool, then by name
}

// userIndex is one index of one pool.
type userIndex struct {
	*search.Index
	source  source
	built   chan struct{}
	failure error // once built

	refreshing sync.Mutex
	mu         sync.Mutex
	stale      map[string]bool // users to be read again
}

// source reads the documents of an index.
type source struct {
	page func(ctx context.Context, after string) ([]search.Document, error) // in the order of identifiers
	of   func(ctx context.Context, ids []string) ([]search.Document, error) // those that there are
}

func documents[T any](list []T, err error, document func(*T) search.Document) ([]search.Document, error) {
	out := make([]search.Document, len(list))
	for i := range list {
		out[i] = document(&list[i])
	}
	return out, err
}

func sourceOf[T any](d *db.DB, poolID, columns string, document func(*T) search.Document) source {
	return source{
		func(ctx context.Context, after string) ([]search.Document, error) {
			list, err := db.List[T](ctx, d, "select "+columns+" from users where pool_id = ? and id > ? order by id limit ?", poolID, after, loadBatch)
			return documents(list, err, document)
		},
		func(ctx context.Context, ids []string) ([]search.Document, error) {
			list, err := db.List[T](ctx, d, "select "+columns+" from users where pool_id = ? and id in (?...) limit ?", poolID, ids, len(ids))
			return documents(list, err, document)
		},
	}
}

// text is one field of a user.
type text struct {
	ID   string `db:"id"`
	Text string `db:"text,null"`
}

// index returns an index of a pool; build says to begin with it where it is not there, else it is nil then. It may still be
// building.
func (d *Directory) index(poolID, name string, build bool) *userIndex {
	d.indexes.mu.Lock()
	defer d.indexes.mu.Unlock()
	if x := d.indexes.pools[poolID][name]; x != nil || !build {
		return x
	}
	x := &userIndex{built: make(chan struct{}), stale: make(map[string]bool)}
	if name == mainIndex {
		x.Index = search.New(len(searchFields), len(facets))
		x.source = sourceOf(d.db, poolID, db.Columns[indexedUser](), (*indexedUser).document)
	} else {
		x.Index = search.New(1, 0)
		x.source = sourceOf(d.db, poolID, "id, "+queryFields[name].column+" as text", func(t *text) search.Document {
			id, _ := search.ParseID(t.ID)
			return search.Document{ID: id, Texts: []string{t.Text}}
		})
	}
	if d.indexes.pools == nil {
		d.indexes.pools = make(map[string]map[string]*userIndex)
	}
	if d.indexes.pools[poolID] == nil {
		d.indexes.pools[poolID] = make(map[string]*userIndex)
	}
	d.indexes.pools[poolID][name] = x
	go func() {
		if x.failure = x.load(); x.failure != nil {
			d.dropIndex(poolID, name, x)
		}
		close(x.built)
	}()
	return x
}

func (d *Directory) dropIndex(poolID, name string, x *userIndex) {
	d.indexes.mu.Lock()
	defer d.indexes.mu.Unlock()
	if d.indexes.pools[poolID][name] == x {
		delete(d.indexes.pools[poolID], name)
	}
}

// load reads the table. A page is asked for while the one before it is taken in.
func (x *userIndex) load() error {
	ctx, cancel := context.WithTimeout(context.Background(), loadTime)
	defer cancel()
	after := ""
	return x.Load(func() ([]search.Document, error) {
		list, err := x.source.page(ctx, after)
		if len(list) > 0 {
			after = list[len(list)-1].ID.String()
		}
		return list, err
	})
}

// fresh waits until the index is built and has every change whose transaction had ended when it was called.
func (x *userIndex) fresh(ctx context.Context) error {
	select {
	case <-x.built:
	case <-ctx.Done():
		return ErrSearchNotReady.Because(ctx.Err())
	}
	if x.failure != nil {
		return x.failure
	}
	x.refreshing.Lock()
	defer x.refreshing.Unlock()
	for {
		x.mu.Lock()
		ids := make([]string, 0, min(len(x.stale), loadBatch))
		for id := range x.stale {
			if len(ids) == loadBatch {
				break
			}
			ids = append(ids, id)
			delete(x.stale, id)
		}
		x.mu.Unlock()
		if len(ids) == 0 {
			return nil
		}
		list, err := x.source.of(ctx, ids)
		if err != nil {
			x.mu.Lock()
			for _, id := range ids {
				x.stale[id] = true
			}
			x.mu.Unlock()
			return err
		}
		found := make(map[search.ID]bool, len(list))
		for i := range list {
			found[list[i].ID] = true
		}
		var gone []search.ID
		for _, s := range ids {
			if id, ok := search.ParseID(s); ok && !found[id] {
				gone = append(gone, id)
			}
		}
		x.Apply(list, gone)
	}
}

// ErrSearchNotReady says that the index of a large pool is still being built, some seconds after the start.
var ErrSearchNotReady = fault.New(fault.Unavailable, "search_not_ready")

// usersStale is told by the database which users have changed.
func (d *Directory) usersStale(poolID string, ids []string) {
	d.indexes.mu.Lock()
	defer d.indexes.mu.Unlock()
	switch {
	case poolID == "":
		clear(d.indexes.pools)
	case ids == nil:
		delete(d.indexes.pools, poolID)
	}
	for _, x := range d.indexes.pools[poolID] {
		x.mu.Lock()
		before := len(x.stale)
		for _, id := range ids {
			x.stale[id] = true
		}
		many := before < mostStale && len(x.stale) >= mostStale
		x.mu.Unlock()
		if many {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), loadTime)
				defer cancel()
				_ = x.fresh(ctx) // the next search tells what is wrong
			}()
		}
	}
}

// WarmSearch builds the search indexes of large pools, one after the other, so that the first search does not wait for that. It
// returns when they are built or ctx ends.
func (d *Directory) WarmSearch(ctx context.Context) error {
	pools, err := db.List[string](ctx, d.db, "select pool_id from tallies where name = ? group by pool_id having sum(n) >= ? order by pool_id limit 1000",
		userTally, warmFrom)
	for _, id := range pools {
		if err := d.index(id, mainIndex, true).fresh(ctx); err != nil {
			return err
		}
	}
	return err
}

// userWord is a text that a list is searched for, before it is known in which index.
type userWord struct {
	text       string
	fields     []string
	plain, not bool
}

// matching returns the users of a pool who have all words and facets; without both it is everybody. They are those of the main
// index.
func (d *Directory) matching(ctx context.Context, poolID string, words []userWord, of []search.Facet) (*search.Matches, error) {
	main := d.index(poolID, mainIndex, true)
	if err := main.fresh(ctx); err != nil {
		return nil, err
	}
	q := search.Query{Facets: of}
	var elsewhere []userWord
	for _, w := range words {
		if fields, all := mainFields(w.fields); all {
			q.Words = append(q.Words, search.Word{Text: w.text, Fields: fields, Plain: w.plain, Not: w.not})
		} else {
			elsewhere = append(elsewhere, w)
		}
	}
	m := main.Match(q)
	for _, w := range elsewhere {
		fields, _ := mainFields(w.fields)
		found := main.Match(search.Query{Words: []search.Word{{Text: w.text, Fields: fields, Plain: w.plain}}})
		for _, name := range w.fields {
			if slices.Contains(searchFields, name) {
				continue
			}
			x := d.index(poolID, name, true)
			if err := x.fresh(ctx); err != nil {
				return nil, err
			}
			found.Or(x.Match(search.Query{Words: []search.Word{{Text: w.text, Fields: []int{0}, Plain: w.plain}}}))
		}
		m.And(func(id search.ID) bool { return found.Has(id) != w.not })
	}
	return m, nil
}

// mainFields are the places of those fields that the main index has, and whether it has all.
func mainFields(names []string) (places []int, all bool) {
	for _, name := range names {
		if i := slices.Index(searchFields, name); i >= 0 {
			places = append(places, i)
		}
	}
	return places, len(places) == len(names)
}

// keywordsOf is the word that keywords ask for; none without keywords.
func keywordsOf(keywords string, on []string) ([]userWord, error) {
	keywords = strings.TrimSpace(keywords)
	if keywords == "" {
		return nil, nil
	}
	if !validText(keywords) || len([]rune(keywords)) > mostKeyword {
		return nil, fault.Field("keywords")
	}
	if len(on) == 0 {
		on = DefaultSearch
	}
	if len(on) > len(queryFields) {
		return nil, fault.Field("fuzzySearchOn")
	}
	var fields []string
	for _, name := range on {
		if f, ok := queryFields[name]; !ok || f.kind != asText {
			return nil, fault.Field("fuzzySearchOn")
		}
		if !slices.Contains(fields, name) {
			fields = append(fields, name)
		}
	}
	return []userWord{{text: keywords, fields: fields}}, nil
}

// idsOf writes identifiers as the tables have them.
func idsOf(list []search.ID) []string {
	out := make([]string, len(list))
	for i, id := range list {
		out[i] = id.String()
	}
	return out
}
