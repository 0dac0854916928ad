package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Health is what Examine saw of a database.
type Health struct {
	Version string // of the engine
	Schema  int64  // the version of the schema in the database; 0 when there is none
	Newest  int64  // the version that this program makes
	Damage  string // what an integrity check found, "" when all is well or the engine has none
	Skew    time.Duration
}

// Examine looks at the database for the doctor. It does not change it.
func (d *DB) Examine(ctx context.Context) (*Health, error) {
	h := &Health{}
	var err error
	if h.Newest, err = newestMigration(); err != nil {
		return nil, err
	}
	version, clock := "select 'SQLite ' || sqlite_version()", ""
	if !d.Local() {
		version, clock = "select version()", "select cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"
	}
	if h.Version, err = One[string](ctx, d, version); err != nil {
		return nil, err
	}
	if clock != "" {
		ms, err := One[int64](ctx, d, clock)
		if err != nil {
			return nil, err
		}
		h.Skew = time.Duration(max(ms-d.Now(), d.Now()-ms)) * time.Millisecond
	} else {
		found, err := List[string](ctx, d, "pragma quick_check(3)")
		if err != nil {
			return nil, err
		}
		if len(found) != 1 || found[0] != "ok" {
			h.Damage = strings.Join(found, "; ")
		}
	}
	h.Schema, err = One[int64](ctx, d, "select max(version_id) from goose_db_version where is_applied")
	if err != nil && !errors.Is(err, NoRow) {
		h.Schema = 0 // no table yet: nothing was migrated
	}
	return h, nil
}

func newestMigration() (int64, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("db: no migrations: %w", err)
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(files[len(files)-1], "migrations/"), "_")
	return strconv.ParseInt(number, 10, 64)
}
