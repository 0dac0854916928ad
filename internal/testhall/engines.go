// Package testhall gives a test a place of its own on every engine: a database with the schema in it and, through New, the
// domain built over it. Only tests import it, and the benchmark for its PostgreSQL.
package testhall

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/guildhall-id/guildhall/internal/db"
)

// EachEngine runs a test on SQLite and on every PostgreSQL found, each time with a fresh, migrated database.
func EachEngine(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) { test(t, open(t, e.dsn(t))) })
	}
}

type engine struct {
	name string
	dsn  func(t testing.TB) string // of a migrated database
}

func engines(t testing.TB) []engine {
	all := []engine{{"sqlite", SQLite}}
	for _, c := range PostgresVersions(t) {
		all = append(all, engine{c.Name, func(t testing.TB) string { return c.Migrated(t, migrate) }})
	}
	return all
}

// SQLite makes a SQLite file with the schema in it and returns its path. It is removed when t ends.
func SQLite(t testing.TB) (dsn string) {
	t.Helper()
	file, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	dsn = filepath.Join(t.TempDir(), "guildhall.db")
	if err := os.WriteFile(dsn, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dsn
}

// migrated is the content of a SQLite file with the schema in it: writing it takes a fraction of migrating.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "guildhall-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	dsn := filepath.Join(dir, "guildhall.db")
	if err := migrate(dsn); err != nil {
		return nil, err
	}
	return os.ReadFile(dsn)
})

func migrate(dsn string) error {
	_, _, err := db.Migrate(context.Background(), dsn)
	return err
}

func open(t testing.TB, dsn string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	opened.Store(d, dsn)
	t.Cleanup(func() {
		opened.Delete(d)
		d.Close()
	})
	return d
}

// opened knows where the databases of running tests are.
var opened sync.Map

// Again opens the database of a test once more, as a second server over one PostgreSQL does.
func Again(t testing.TB, d *db.DB) *db.DB {
	t.Helper()
	dsn, _ := opened.Load(d)
	return open(t, dsn.(string))
}
