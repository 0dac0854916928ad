// Package db is the engine: it opens SQLite or PostgreSQL, runs transactions and maps rows to structs. One SQL text serves
// both; what differs stands in dialect.go, sqlite.go and postgres.go, and nobody else imports a driver.
//
// SQL is written with these conventions:
//   - `?` is an argument, `in (?...)` and `not in (?...)` take a []string;
//   - booleans are boolean, times are bigint unix milliseconds, JSON is text that the application reads;
//   - every statement names pool_id, and every list has a limit.
//
// What is kept in memory follows the database by Publish and Subscribe.
package db

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// NoRow is what One returns when nothing matches.
var NoRow = errors.New("db: no row")

// Errors of the engine that a caller may be told.
var (
	ErrBusy     = fault.New(fault.Unavailable, "database_busy")
	ErrDeadline = fault.New(fault.Unavailable, "deadline")
	ErrReplayed = fault.New(fault.Unauthenticated, "signature_replayed")
)

// UniqueError says that a row with the same unique value exists. Column is the last column of the violated key, or the
// key's own name where it has an expression.
type UniqueError struct{ Table, Column string }

func (e *UniqueError) Error() string { return "db: " + e.Table + "." + e.Column + " is taken" }

// IsUnique reports whether err is a violated unique key of that table and column.
func IsUnique(err error, table, column string) bool {
	var u *UniqueError
	return errors.As(err, &u) && u.Table == table && u.Column == column
}

// Options say how to open a database.
type Options struct {
	// DSN is the path of a SQLite file or a postgres:// address (several hosts too).
	DSN string
	// Readers is the most connections that read at once: SQLite's read pool, or PostgreSQL's whole pool. 0 chooses.
	Readers int
	// Deadline bounds a statement whose context has none. 0 means 15 s.
	Deadline time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Trace, if not nil, is told each statement as it is written in the code, before it runs: tests count them.
	Trace func(sql string)
}

// DB is an open database. It is safe for use by many goroutines.
type DB struct {
	engine   engine
	deadline time.Duration
	now      func() time.Time
	trace    func(sql string)
	ids      idSource
	feed     feed
	statements
}

// engine is one kind of database.
type engine interface {
	dialect
	// view runs one statement outside a transaction.
	view(ctx context.Context, sql string, args []any, each func(row) error) (int64, error)
	// update runs body in a transaction; body may run again. Returning nil means durably committed.
	update(ctx context.Context, body func(conn) error) error
	ping(ctx context.Context) error
	close() error
}

// conn is one connection inside a transaction.
type conn interface {
	run(ctx context.Context, sql string, args []any, each func(row) error) (int64, error)
}

// row reads the columns of the current row. A NULL reads as the zero value.
type row interface {
	null(i int) bool
	text(i int) string
	int(i int) int64
	float(i int) float64
	bool(i int) bool
}

// Open opens the database; it does not migrate it. Close it when done.
func Open(ctx context.Context, o Options) (*DB, error) {
	d := &DB{deadline: o.Deadline, now: o.Now, trace: o.Trace}
	if d.deadline <= 0 {
		d.deadline = 15 * time.Second
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.ids.now = d.now
	var err error
	if IsPostgres(o.DSN) {
		d.engine, err = openPostgres(ctx, o)
	} else {
		d.engine, err = openSQLite(o)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// IsPostgres reports whether a DSN names a PostgreSQL server rather than a SQLite file.
func IsPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// Close waits for running transactions and closes the database.
func (d *DB) Close() error {
	d.feed.close()
	return d.engine.close()
}

// Ping asks the engine for an answer within ctx.
func (d *DB) Ping(ctx context.Context) error { return d.engine.ping(ctx) }

// Engine names the engine: "sqlite" or "postgres".
func (d *DB) Engine() string { return d.engine.name() }

// Local reports whether this process is the only one that writes, so that memory can mirror rows.
func (d *DB) Local() bool { return d.engine.name() == "sqlite" }

// Now is the database's clock in unix milliseconds.
func (d *DB) Now() int64 { return d.now().UnixMilli() }

// transaction rides in the context of the body of Tx.
type transaction struct {
	conn  conn
	db    *DB
	after []func()
}

type txKey struct{}

// Tx runs body in one transaction and returns its error. What body did is durable when Tx returns nil, and undone when it
// returns an error. A Tx inside a Tx joins it. body may run more than once, so it has no effects outside the
// database but through AfterCommit. The first transaction of a signed request records its nonce (see caller.Once); a
// request whose nonce is recorded fails with ErrReplayed.
func (d *DB) Tx(ctx context.Context, body func(ctx context.Context) error) error {
	if t := current(ctx, d); t != nil {
		return body(ctx)
	}
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	once := caller.From(ctx).Once
	spend := once != nil && once.Spend()
	err := d.retry(ctx, func() error {
		t := &transaction{db: d}
		err := d.engine.update(ctx, func(c conn) error {
			t.conn, t.after = c, nil
			ctx := context.WithValue(ctx, txKey{}, t)
			if spend {
				if err := d.recordNonce(ctx, once); err != nil {
					return err
				}
			}
			return body(ctx)
		})
		if err == nil {
			for _, f := range t.after {
				f()
			}
		}
		return err
	})
	if err != nil && spend {
		once.Unspend()
	}
	return d.explain(ctx, err)
}

// AfterCommit calls f once the transaction of ctx is durable, before its Tx returns; f must be quick. Outside a
// transaction f is called at once.
func (d *DB) AfterCommit(ctx context.Context, f func()) {
	if t := current(ctx, d); t != nil {
		t.after = append(t.after, f)
		return
	}
	f()
}

// InTx reports whether ctx is that of a transaction: what is read there may be undone, and is not for memory.
func (d *DB) InTx(ctx context.Context) bool { return current(ctx, d) != nil }

func current(ctx context.Context, d *DB) *transaction {
	if t, ok := ctx.Value(txKey{}).(*transaction); ok && t.db == d {
		return t
	}
	return nil
}

func (d *DB) recordNonce(ctx context.Context, once *caller.Once) error {
	_, err := Exec(ctx, d, `insert into nonces (pool_id, key_id, nonce, expires_at) values (?, ?, ?, ?)`,
		caller.From(ctx).PoolID, once.KeyID, once.Nonce, once.Expires)
	if IsUnique(err, "nonces", "nonce") {
		return ErrReplayed
	}
	return err
}

const tries = 10

// retry runs f again while the engine says that it lost a race, with growing jittered pauses.
func (d *DB) retry(ctx context.Context, f func() error) error {
	for n := 0; ; n++ {
		err := f()
		if err == nil || !d.engine.lostRace(err) || n == tries {
			return err
		}
		pause := time.Duration(mathrand.Int64N(int64(2*time.Millisecond) << n))
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// explain turns the engine's errors into the package's.
func (d *DB) explain(ctx context.Context, err error) error {
	if err == nil || fault.As(err) != nil {
		return err
	}
	if ctx.Err() != nil {
		return ErrDeadline.Because(err)
	}
	if d.engine.lostRace(err) {
		return ErrBusy.Because(err)
	}
	return err
}

func (d *DB) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d.deadline)
}

// run sends one statement to the transaction of ctx, or to the engine when there is none.
func (d *DB) run(ctx context.Context, sql string, args []any, each func(row) error) (int64, error) {
	if d.trace != nil {
		d.trace(sql)
	}
	text, args, err := d.statement(d.engine, sql, args)
	if err != nil {
		return 0, err
	}
	var n int64
	if t := current(ctx, d); t != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		n, err = t.conn.run(ctx, text, args, each)
	} else {
		ctx, cancel := d.bounded(ctx)
		defer cancel()
		n, err = d.engine.view(ctx, text, args, each)
		err = d.explain(ctx, err)
	}
	if err != nil {
		if table, column := d.engine.violated(err); table != "" {
			return n, &UniqueError{table, column}
		}
		if fault.As(err) == nil {
			err = fmt.Errorf("%w [%s]", err, abbreviate(sql))
		}
	}
	return n, err
}

func abbreviate(sql string) string {
	s := strings.Join(strings.Fields(sql), " ")
	if len(s) > 160 {
		s = s[:160] + "…"
	}
	return s
}

// idSource makes identifiers that sort by the time of their making, also within a millisecond of one process.
type idSource struct {
	now  func() time.Time
	mu   sync.Mutex
	last uint64
	tail uint64
}

// NewID is 24 lower-case hexadecimal digits: 48 bits of unix milliseconds, then 48 bits that begin at random and grow
// within the millisecond. Ids are no secrets.
func (d *DB) NewID() string {
	s := &d.ids
	ms := uint64(s.now().UnixMilli())
	s.mu.Lock()
	if ms > s.last {
		var b [8]byte
		rand.Read(b[:])
		s.last, s.tail = ms, binary.BigEndian.Uint64(b[:])>>17 // 47 bits, so that there is room to grow
	} else {
		s.tail += 1 + mathrand.Uint64N(1<<16)
	}
	ms, tail := s.last, s.tail
	s.mu.Unlock()
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], ms<<16)
	binary.BigEndian.PutUint64(b[6:14], tail<<16)
	return hex.EncodeToString(b[:12])
}

// IDTime is when an identifier of NewID was made, in unix milliseconds; identifiers of different milliseconds order as their times do.
func IDTime(id string) int64 {
	ms, _ := strconv.ParseInt(id[:12], 16, 64)
	return ms
}

// FirstID is not after any identifier made at that time, in unix milliseconds, or later, and after all made before.
func FirstID(ms int64) string { return fmt.Sprintf("%012x", max(ms, 0)) }

// IsID reports whether s has the form of an identifier.
func IsID(s string) bool {
	if len(s) != 24 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
