package db

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite" // the driver that goose speaks to
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the database of dsn to this program's schema and returns the versions before and after. Migrations only add,
// each statement can be run again, and servers that start together wait for one another.
func Migrate(ctx context.Context, dsn string) (before, after int64, err error) {
	var (
		pool    *sql.DB
		dialect goose.Dialect
		files   fs.FS = migrations
		options       = []goose.ProviderOption{goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true)}
	)
	if IsPostgres(dsn) {
		config, err := postgresConfig(dsn)
		if err != nil {
			return 0, 0, err
		}
		pool, dialect, files = stdlib.OpenDB(*config.ConnConfig), goose.DialectPostgres, byteOrdered{migrations}
		locker, err := lock.NewPostgresTableLocker(lock.WithTableLockTimeout(time.Second, 60))
		if err != nil {
			return 0, 0, err
		}
		options = append(options, goose.WithLocker(locker))
	} else {
		path, err := filepath.Abs(strings.TrimPrefix(dsn, "sqlite:"))
		if err != nil {
			return 0, 0, err
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return 0, 0, err
		}
		f.Close()
		// A path may hold what means something in an address.
		address := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"}
		pool, err = sql.Open("sqlite", address.String())
		if err != nil {
			return 0, 0, err
		}
		dialect = goose.DialectSQLite3
	}
	defer pool.Close()
	dir, err := fs.Sub(files, "migrations")
	if err != nil {
		return 0, 0, err
	}
	p, err := goose.NewProvider(dialect, pool, dir, options...)
	if err != nil {
		return 0, 0, err
	}
	if before, err = p.GetDBVersion(ctx); err != nil {
		return 0, 0, fmt.Errorf("db: cannot read the schema's version: %w", err)
	}
	sources := p.ListSources()
	newest := sources[len(sources)-1].Version
	if before > newest {
		return before, before, fmt.Errorf("db: the database has schema %d, made by a newer Guildhall; this one knows %d", before, newest)
	}
	if before == newest {
		return before, before, nil
	}
	if _, err := p.Up(ctx); err != nil {
		return before, 0, fmt.Errorf("db: migrating: %w", err)
	}
	return before, newest, nil
}

// byteOrdered gives PostgreSQL's text columns byte order, which SQLite has of itself: sorting, ranges and unique keys must not
// depend on the server's locale.
type byteOrdered struct{ fs.FS }

var textColumn = regexp.MustCompile(`(?m)^(\s+\w+\s+text)\b`)

func (f byteOrdered) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	b, err := io.ReadAll(file)
	return &rewritten{file, bytes.NewReader(textColumn.ReplaceAll(b, []byte(`$1 collate "C"`)))}, err
}

// rewritten is a file with other content.
type rewritten struct {
	fs.File
	content *bytes.Reader
}

func (r *rewritten) Read(b []byte) (int, error) { return r.content.Read(b) }
