// Package testhall gives a test a place of its own on every engine: a database with the schema in it and, through New, the
// domain built over it. Only tests import it.
package testhall

import (
	"path/filepath"
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
	dsn  func(t testing.TB) string
}

func engines(t testing.TB) []engine {
	all := []engine{{"sqlite", func(t testing.TB) string { return filepath.Join(t.TempDir(), "guildhall.db") }}}
	for _, c := range PostgresVersions(t) {
		all = append(all, engine{c.Name, c.Database})
	}
	return all
}

func open(t testing.TB, dsn string) *db.DB {
	t.Helper()
	if _, _, err := db.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}
