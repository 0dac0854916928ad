package db

import (
	"context"
	"errors"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresEngine is a pool of connections to PostgreSQL. Transactions are READ COMMITTED: what must not be lost between a
// read and a write is read "for update", what must be unique has a unique key, and counters are added to in place.
type postgresEngine struct {
	postgresDialect
	pool *pgxpool.Pool
}

func openPostgres(ctx context.Context, o Options) (*postgresEngine, error) {
	config, err := postgresConfig(o.DSN)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(o.Readers)
	if o.Readers <= 0 {
		config.MaxConns = int32(max(8, 4*runtime.GOMAXPROCS(0)))
	}
	// A hung server still answers TCP: without a bound on connecting, callers would wait for good.
	if config.ConnConfig.ConnectTimeout <= 0 {
		config.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &postgresEngine{pool: pool}, nil
}

// postgresConfig reads a DSN. `pgbouncer=true` says that a transaction pooler stands between, which cannot keep prepared
// statements.
func postgresConfig(dsn string) (*pgxpool.Config, error) {
	pooler := false
	if u, err := url.Parse(dsn); err == nil && u.Query().Has("pgbouncer") {
		q := u.Query()
		pooler = q.Get("pgbouncer") == "true"
		q.Del("pgbouncer")
		u.RawQuery = q.Encode()
		dsn = u.String()
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// The library's text repeats the DSN, which may hold a password.
		return nil, errors.New("db: the PostgreSQL address cannot be read")
	}
	if pooler {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	if len(config.ConnConfig.Fallbacks) > 0 && config.ConnConfig.ValidateConnect == nil && strings.Contains(hosts(dsn), ",") {
		config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return config, nil
}

func hosts(dsn string) string {
	_, rest, _ := strings.Cut(dsn, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

func (e *postgresEngine) close() error {
	e.pool.Close()
	return nil
}

func (e *postgresEngine) ping(ctx context.Context) error { return e.pool.Ping(ctx) }

func (e *postgresEngine) view(ctx context.Context, sql string, args []any, each func(row) error) (int64, error) {
	return query(ctx, e.pool, sql, args, each)
}

func (e *postgresEngine) update(ctx context.Context, body func(conn) error) error {
	return pgx.BeginFunc(ctx, e.pool, func(tx pgx.Tx) error {
		return protect(body, postgresConn{tx})
	})
}

type postgresConn struct{ tx pgx.Tx }

func (c postgresConn) run(ctx context.Context, sql string, args []any, each func(row) error) (int64, error) {
	return query(ctx, c.tx, sql, args, each)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func query(ctx context.Context, q querier, sql string, args []any, each func(row) error) (int64, error) {
	if each == nil {
		tag, err := q.Exec(ctx, sql, args...)
		return tag.RowsAffected(), err
	}
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	cells := make(cells, len(rows.FieldDescriptions()))
	targets := make([]any, len(cells))
	for i := range cells {
		targets[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return 0, err
		}
		if err := each(cells); err != nil {
			return 0, err
		}
	}
	return rows.CommandTag().RowsAffected(), rows.Err()
}

// cell takes a value of any of the column types in use.
type cell struct {
	s string
	i int64
	f float64

	null bool
}

type cells []cell

func (c cells) null(i int) bool     { return c[i].null }
func (c cells) text(i int) string   { return c[i].s }
func (c cells) int(i int) int64     { return c[i].i }
func (c cells) float(i int) float64 { return c[i].f }
func (c cells) bool(i int) bool     { return c[i].i != 0 }

func (c *cell) ScanText(v pgtype.Text) error { *c = cell{s: v.String, null: !v.Valid}; return nil }

func (c *cell) ScanInt64(v pgtype.Int8) error {
	*c = cell{i: v.Int64, f: float64(v.Int64), null: !v.Valid}
	return nil
}

func (c *cell) ScanFloat64(v pgtype.Float8) error {
	*c = cell{i: int64(v.Float64), f: v.Float64, null: !v.Valid}
	return nil
}

func (c *cell) ScanBool(v pgtype.Bool) error {
	*c = cell{null: !v.Valid}
	if v.Bool {
		c.i = 1
	}
	return nil
}

func (postgresDialect) violated(err error) (table, column string) {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "23505" {
		return "", ""
	}
	// "Key (pool_id, email)=(…) already exists." is translated with the server's messages, so the name decides: our unique
	// keys are called <table>_<column>_key, and primary keys <table>_pkey.
	if name, ok := strings.CutPrefix(e.ConstraintName, e.TableName+"_"); ok {
		return e.TableName, strings.TrimSuffix(name, "_key")
	}
	return e.TableName, e.ConstraintName
}

func (postgresDialect) lostRace(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// How servers tell each other of changes. The first row read is the horizon alone: it comes from the snapshot that the other rows
// are read with.
const (
	publishPostgres = `insert into changes (pool_id, id, origin, topic, keys, transaction_id, created_at)
		values (?, ?, ?, ?, ?, pg_current_xact_id()::text::bigint, ?)`
	followPostgres = `select '' as id, '' as pool_id, '' as origin, '' as topic, '' as keys, cast(0 as bigint) as transaction_id,
			pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon
		union all (select id, pool_id, origin, topic, keys, transaction_id, pg_snapshot_xmin(pg_current_snapshot())::text::bigint
			from changes where transaction_id >= ? limit ?)`
)
