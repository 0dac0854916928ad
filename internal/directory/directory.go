// Package directory is WHO: pools and their keys, users and their custom fields, identities, groups, organisations and posts. Its verbs are the only
// way to change them; every one takes the pool it works in, keeps its rules, and leaves a record in the audit log in the
// same transaction. Facades only translate to and from it.
package directory

import (
	"context"
	"crypto/rsa"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// Directory keeps the people of all pools.
type Directory struct {
	db     *db.DB
	log    *audit.Log
	master *secret.Master
	hasher *secret.Hasher
	newRSA func() (*rsa.PrivateKey, error)
	keys   keyCache
	access accessCache
	rules  ruleCache

	indexes indexes

	// detached are told, in the transaction, of users who lose all that they were given.
	detached []func(ctx context.Context, poolID string, userIDs []string) error
	// opened are told, in the transaction, of a user whose account an administrator opens, whether it was shut or not.
	opened []func(ctx context.Context, poolID, userID string) error
	// groupsDeleted are told, in the transaction, of groups about to go.
	groupsDeleted []func(ctx context.Context, poolID string, groupIDs []string) error
	// departmentsDeleted are told, in the transaction, of departments about to go.
	departmentsDeleted []func(ctx context.Context, poolID string, departmentIDs []string) error
}

// Options are what a Directory is built from.
type Options struct {
	DB     *db.DB
	Log    *audit.Log
	Master *secret.Master
	Hasher *secret.Hasher
	// NewRSA makes the RSA keys of new pools; nil means secret.NewRSA, which takes tenths of a second.
	NewRSA func() (*rsa.PrivateKey, error)
}

// New builds the directory.
func New(o Options) *Directory {
	d := &Directory{db: o.DB, log: o.Log, master: o.Master, hasher: o.Hasher, newRSA: o.NewRSA}
	if d.newRSA == nil {
		d.newRSA = secret.NewRSA
	}
	o.DB.Subscribe(usersTopic, d.usersStale)
	return d
}

// OnDetach registers f to run, inside the transaction, when users are deleted or resign: it removes what another package
// has given them. Call it while building, not later.
func (d *Directory) OnDetach(f func(ctx context.Context, poolID string, userIDs []string) error) {
	d.detached = append(d.detached, f)
}

// OnOpened registers f to run, inside the transaction, when somebody says that a user's account is to be open: it removes what another
// package keeps it shut by. Call it while building, not later.
func (d *Directory) OnOpened(f func(ctx context.Context, poolID, userID string) error) {
	d.opened = append(d.opened, f)
}

func (d *Directory) detach(ctx context.Context, poolID string, userIDs []string) error {
	for _, f := range d.detached {
		if err := f(ctx, poolID, userIDs); err != nil {
			return err
		}
	}
	return nil
}

// Page selects a part of a list: Page from 1, Limit from 1 to 50 (V2: to 80 where it asks so).
type Page struct{ Page, Limit int }

func (p Page) window() (limit, offset int) {
	page, limit := max(p.Page, 1), max(p.Limit, 1)
	return limit, (page - 1) * limit
}
