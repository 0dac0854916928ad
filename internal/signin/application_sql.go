package signin

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// applicationTopic is that of db.Publish; its keys are identifiers.
const applicationTopic = "applications"

var selectApplications = "select " + db.Columns[Application]() + " from applications where "

// appCache keeps the applications that requests have named lately.
type appCache struct {
	mu    sync.RWMutex
	epoch int64 // of the last change that was told: what was read before is not kept after it
	byID  map[string]*Application
}

// How many applications are remembered; beyond that the memory starts anew. An entry takes about 2 KB.
const mostCachedApplications = 5000

func (c *appCache) get(id string) (*Application, int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byID[id], c.epoch
}

// put keeps an application that was read since mark.
func (c *appCache) put(a *Application, mark int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != mark {
		return
	}
	if c.byID == nil || len(c.byID) >= mostCachedApplications {
		c.byID = make(map[string]*Application)
	}
	c.byID[a.ID] = a
}

// drop forgets applications; without identifiers all of them.
func (c *appCache) drop(_ string, ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	if len(ids) == 0 {
		c.byID = nil
	}
	for _, id := range ids {
		delete(c.byID, id)
	}
}

// Application returns an application by its identifier alone, without its secret: a request names it before its pool is
// known. Callers must compare PoolID with the pool they work in. It is shared: not to be changed. One that is not there is
// ErrApplicationNotFound; one that is turned off is returned, see Enabled.
func (s *Signin) Application(ctx context.Context, id string) (*Application, error) {
	if !db.IsID(id) {
		return nil, ErrApplicationNotFound
	}
	held, mark := s.apps.get(id)
	if held != nil && !s.db.InTx(ctx) {
		return held, nil
	}
	a, err := s.readApplication(ctx, "id = ? limit 1", id)
	if err != nil {
		return nil, err
	}
	if !s.db.InTx(ctx) {
		s.apps.put(a, mark)
	}
	return a, nil
}

// PoolApplication is Application for one of a pool: that of another is ErrApplicationNotFound.
func (s *Signin) PoolApplication(ctx context.Context, poolID, id string) (*Application, error) {
	a, err := s.Application(ctx, id)
	if err == nil && a.PoolID != poolID {
		err = ErrApplicationNotFound
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// readApplication reads one application by a condition.
func (s *Signin) readApplication(ctx context.Context, condition string, args ...any) (*Application, error) {
	a, err := db.One[Application](ctx, s.db, selectApplications+condition, args...)
	if errors.Is(err, db.NoRow) {
		return nil, ErrApplicationNotFound
	}
	if err != nil {
		return nil, err
	}
	a.open()
	return &a, nil
}

// open makes of a row what readers get: its secret out of sight, its settings filled in.
func (a *Application) open() {
	a.sealed, a.Secret = a.Secret, ""
	a.Settings.fill(a.Type)
}

// applicationForUpdate returns an application of the pool, its row held, or ErrApplicationNotFound.
func (s *Signin) applicationForUpdate(ctx context.Context, poolID, id string) (*Application, error) {
	if !db.IsID(id) {
		return nil, ErrApplicationNotFound
	}
	return s.readApplication(ctx, "pool_id = ? and id = ? for update", poolID, id)
}

// ApplicationNames returns the names of the pool's applications among the identifiers, by identifier: of at most 1,000.
func (s *Signin) ApplicationNames(ctx context.Context, poolID string, ids []string) (map[string]string, error) {
	type named struct {
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	list, err := db.List[named](ctx, s.db, "select id, name from applications where pool_id = ? and id in (?...) limit 1000", poolID, directory.Findable(ids))
	names := make(map[string]string, len(list))
	for _, a := range list {
		names[a.ID] = a.Name
	}
	return names, err
}

// FirstApplication returns the pool's oldest application, or ErrApplicationNotFound: tokens made for a user outside any
// application are made for it.
func (s *Signin) FirstApplication(ctx context.Context, poolID string) (*Application, error) {
	return s.readApplication(ctx, "pool_id = ? order by id limit 1", poolID)
}

// ApplicationFilter selects applications; what is empty selects everything.
type ApplicationFilter struct {
	Keywords  string // a part of the name or the identifier, in any ASCII case
	IDs       []string
	Types     []AppType
	SSO       *bool
	Integrate *bool // from a shop, which none of ours are
}

// Applications returns a page of the pool's applications that match, the newest first, and how many there are.
func (s *Signin) Applications(ctx context.Context, poolID string, f ApplicationFilter, p directory.Page) ([]*Application, int64, error) {
	if err := directory.CheckText("keywords", f.Keywords, directory.MaxName); err != nil {
		return nil, 0, err
	}
	var w db.Where
	w.And("pool_id = ?", poolID)
	if f.Keywords != "" {
		like := directory.LikePattern(f.Keywords)
		w.And(`lower(name) like ? escape '\' or lower(identifier) like ? escape '\' or id = ?`, like, like, f.Keywords)
	}
	if f.IDs != nil {
		w.And("id in (?...)", directory.Findable(f.IDs))
	}
	if len(f.Types) > 0 {
		types := make([]string, len(f.Types))
		for i, t := range f.Types {
			types[i] = string(t)
		}
		w.And("app_type in (?...)", types)
	}
	if f.SSO != nil {
		w.And("sso = ?", *f.SSO)
	}
	if f.Integrate != nil && *f.Integrate {
		return nil, 0, nil
	}
	total, err := db.One[int64](ctx, s.db, "select count(*) from applications where "+w.String(), w.Args...)
	if err != nil || total == 0 {
		return nil, 0, err
	}
	page, limit := int64(max(p.Page, 1)), int64(max(p.Limit, 1))
	rows, err := db.List[Application](ctx, s.db, selectApplications+w.String()+" order by id desc limit ? offset ?",
		append(w.Args, limit, (page-1)*limit)...)
	list := make([]*Application, len(rows))
	for i := range rows {
		rows[i].open()
		list[i] = &rows[i]
	}
	return list, total, err
}

// Unmade is what an application of a kind would be like that nobody has made: its settings are the defaults.
func Unmade(kind AppType) *Application {
	a := &Application{Type: kind, Enabled: true, SSO: true}
	a.Settings.fill(kind)
	return a
}

// LoginURL is where a browser goes to sign in to an application: to its own address, if it has one, else to our page.
func (s *Signin) LoginURL(app *Application) string {
	if app.Settings.InitLoginURI != "" {
		return app.Settings.InitLoginURI
	}
	return strings.TrimSuffix(s.issuer, "/oidc") + LoginPath + "?app_id=" + app.ID
}
