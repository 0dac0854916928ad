// Package signin is GETTING IN: applications, and the tokens that say who somebody is. It knows nothing of HTTP.
package signin

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// Signin keeps the applications of all pools and issues their tokens.
type Signin struct {
	db     *db.DB
	log    *audit.Log
	dir    *directory.Directory
	access *access.Access
	master *secret.Master
	issuer string
	seen   seenTokens
}

// Options are what a Signin is built from.
type Options struct {
	DB        *db.DB
	Log       *audit.Log
	Directory *directory.Directory
	Access    *access.Access
	Master    *secret.Master
	// BaseURL is where clients reach the server, without a slash at its end: the issuer is {BaseURL}/oidc.
	BaseURL string
}

// New builds the package.
func New(o Options) *Signin {
	return &Signin{db: o.DB, log: o.Log, dir: o.Directory, access: o.Access, master: o.Master, issuer: o.BaseURL + "/oidc"}
}

// Application is a program that the pool's users sign in to. Each is a permission namespace of its own, whose code is its
// identifier.
type Application struct {
	PoolID    string `db:"pool_id"`
	ID        string `db:"id"`
	Name      string `db:"name"`
	Secret    string `db:"secret"` // sealed in the table, in the clear in what CreateApplication returns, empty elsewhere
	CreatedAt int64  `db:"created_at"`
	UpdatedAt int64  `db:"updated_at"`
}

// ErrApplicationNotFound says that no application has the identifier.
var ErrApplicationNotFound = access.ErrApplicationNotFound

// CreateApplication makes an application with a random secret, which is shown here and never again.
func (s *Signin) CreateApplication(ctx context.Context, poolID, name string) (*Application, error) {
	if err := directory.CheckText("name", name, 256); err != nil {
		return nil, err
	}
	now := s.db.Now()
	a := &Application{PoolID: poolID, ID: s.db.NewID(), Name: name, Secret: secret.Random(16), CreatedAt: now, UpdatedAt: now}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		row := *a
		row.Secret = s.master.Seal([]byte(a.Secret), "application/"+a.ID)
		if err := db.Insert(ctx, s.db, "applications", &row); err != nil {
			return err
		}
		if err := s.access.EnsureApplication(ctx, poolID, a.ID, name); err != nil {
			return err
		}
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Create, Resource: audit.AppRes, TargetID: a.ID, TargetName: name})
	})
	return a, err
}

// Application returns an application by its identifier alone, without its secret: a request names it before its pool is
// known. Callers must compare PoolID with the pool they work in.
func (s *Signin) Application(ctx context.Context, id string) (*Application, error) {
	a, err := db.One[Application](ctx, s.db, "select "+db.Columns[Application]()+" from applications where id = ? limit 1", id)
	if errors.Is(err, db.NoRow) {
		return nil, ErrApplicationNotFound
	}
	a.Secret = ""
	return &a, err
}

// ApplicationNames returns the names of the pool's applications among the identifiers, by identifier.
func (s *Signin) ApplicationNames(ctx context.Context, poolID string, ids []string) (map[string]string, error) {
	list, err := db.List[Application](ctx, s.db, "select "+db.Columns[Application]()+" from applications where pool_id = ? and id in (?...) limit 1000",
		poolID, ids)
	names := make(map[string]string, len(list))
	for _, a := range list {
		names[a.ID] = a.Name
	}
	return names, err
}

// FirstApplication returns the pool's oldest application, or ErrApplicationNotFound: tokens made for a user outside any
// application are made for it.
func (s *Signin) FirstApplication(ctx context.Context, poolID string) (*Application, error) {
	a, err := db.One[Application](ctx, s.db, "select "+db.Columns[Application]()+" from applications where pool_id = ? order by id limit 1", poolID)
	if errors.Is(err, db.NoRow) {
		return nil, ErrApplicationNotFound
	}
	a.Secret = ""
	return &a, err
}
