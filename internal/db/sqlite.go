package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	// A group is closed when it has this many verbs or has run this long; what waits goes into the next.
	groupSize = 256
	groupTime = 5 * time.Millisecond

	walSoft = 8 << 20  // the checkpointer starts at this size of the write-ahead log
	walHard = 64 << 20 // at this size the writer itself waits for a checkpoint, so that the log cannot grow without end

	busyTimeout   = 5 * time.Second
	mostPrepared  = 400 // statements that one connection keeps
	watchInterval = 50 * time.Millisecond
)

// sqliteEngine is one file with one writer and a pool of readers. The writer commits what waits as one group: each verb in
// a savepoint of its own, one sync for all of them.
type sqliteEngine struct {
	sqliteDialect
	path    string
	jobs    chan *job
	writer  *sqliteConn
	readers readerPool

	stop       chan struct{}
	background sync.WaitGroup
	checkpoint chan struct{}
	closed     sync.Once
	closing    sync.RWMutex // held shared while a job is handed over
	isClosed   bool
}

type job struct {
	ctx  context.Context
	body func(conn) error
	err  error
	done chan struct{}
}

func openSQLite(o Options) (*sqliteEngine, error) {
	path, err := filepath.Abs(strings.TrimPrefix(o.DSN, "sqlite:"))
	if err != nil {
		return nil, err
	}
	// The file holds people's data: nobody but its owner reads it, whatever the umask.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	e := &sqliteEngine{path: path, jobs: make(chan *job, groupSize), stop: make(chan struct{}), checkpoint: make(chan struct{}, 1)}
	if e.writer, err = openSQLiteConn(path, 16<<20, ""); err != nil {
		return nil, err
	}
	size := o.Readers
	if size <= 0 {
		size = 2 * runtime.GOMAXPROCS(0)
	}
	e.readers = readerPool{open: func() (*sqliteConn, error) { return openSQLiteConn(path, 8<<20, "pragma query_only = true") },
		tokens: make(chan struct{}, size), stop: e.stop}
	e.background.Add(3)
	go e.write()
	go e.checkpoints()
	go e.watch()
	return e, nil
}

func (e *sqliteEngine) close() error {
	e.closed.Do(func() {
		e.closing.Lock()
		e.isClosed = true
		close(e.stop)
		e.closing.Unlock()
		e.background.Wait()
		e.readers.close()
		_ = sqlitex.ExecuteTransient(e.writer.c, "pragma wal_checkpoint(truncate)", nil)
		e.writer.close()
	})
	return nil
}

func (e *sqliteEngine) ping(ctx context.Context) error {
	_, err := e.view(ctx, "select 1", nil, nil)
	return err
}

func (e *sqliteEngine) view(ctx context.Context, sql string, args []any, each func(row) error) (int64, error) {
	if each == nil && !readsOnly(sql) {
		// A lone write is a transaction of one statement.
		var n int64
		err := e.update(ctx, func(c conn) (err error) {
			n, err = c.run(ctx, sql, args, nil)
			return err
		})
		return n, err
	}
	c, err := e.readers.get(ctx)
	if err != nil {
		return 0, err
	}
	defer e.readers.put(c)
	return c.run(ctx, sql, args, each)
}

func readsOnly(sql string) bool {
	s := strings.TrimSpace(sql)
	return len(s) >= 6 && (strings.EqualFold(s[:6], "select") || strings.EqualFold(s[:4], "with"))
}

// update hands the body to the writer and waits for the group's commit. Once the writer has begun the body, the outcome
// is awaited whatever happens to ctx, so that it is always known.
func (e *sqliteEngine) update(ctx context.Context, body func(conn) error) error {
	j := &job{ctx: ctx, body: body, done: make(chan struct{})}
	e.closing.RLock()
	if e.isClosed {
		e.closing.RUnlock()
		return errClosed
	}
	select {
	case e.jobs <- j:
		e.closing.RUnlock()
	case <-ctx.Done():
		e.closing.RUnlock()
		return ctx.Err()
	}
	<-j.done
	return j.err
}

var errClosed = errors.New("db: closed")

func (e *sqliteEngine) write() {
	defer e.background.Done()
	for {
		select {
		case j := <-e.jobs:
			e.commit(j)
		case <-e.stop:
			for {
				select {
				case j := <-e.jobs:
					e.commit(j)
				default:
					return
				}
			}
		}
	}
}

// commit runs the first job and all that wait as one group.
func (e *sqliteEngine) commit(first *job) {
	e.limitLog()
	group := []*job{first}
	defer func() {
		for _, j := range group {
			close(j.done)
		}
		select {
		case e.checkpoint <- struct{}{}:
		default:
		}
	}()
	if err := e.writer.exec("begin immediate"); err != nil {
		first.err = err
		return
	}
	started := time.Now()
	for i := 0; i < len(group); i++ {
		if !e.attempt(group[i]) {
			// The engine rolled back everything, so what this group did before is done again without the culprit.
			for _, j := range group[:i] {
				if j.err == nil {
					e.alone(j)
				}
			}
			return
		}
		if i == len(group)-1 && len(group) < groupSize && time.Since(started) < groupTime {
			select {
			case j := <-e.jobs:
				group = append(group, j)
			default:
			}
		}
	}
	if err := e.writer.exec("commit"); err != nil {
		_ = e.writer.exec("rollback")
		for _, j := range group {
			if j.err == nil {
				j.err = err
			}
		}
	}
}

// attempt runs one job in a savepoint. It reports false when the engine has rolled back the whole transaction.
func (e *sqliteEngine) attempt(j *job) bool {
	if j.err = j.ctx.Err(); j.err != nil {
		return true
	}
	if j.err = e.writer.exec("savepoint verb"); j.err != nil {
		return !e.writer.c.AutocommitEnabled()
	}
	j.err = protect(j.body, e.writer)
	if e.writer.c.AutocommitEnabled() {
		if j.err == nil {
			j.err = errors.New("db: the engine ended the transaction")
		}
		return false
	}
	if j.err != nil {
		if err := e.writer.exec("rollback to verb"); err != nil {
			return !e.writer.c.AutocommitEnabled()
		}
	}
	if err := e.writer.exec("release verb"); err != nil && j.err == nil {
		j.err = err
	}
	return !e.writer.c.AutocommitEnabled()
}

// alone runs one job in a transaction of its own.
func (e *sqliteEngine) alone(j *job) {
	if j.err = e.writer.exec("begin immediate"); j.err != nil {
		return
	}
	if ok := e.attempt(j); !ok {
		return
	}
	if j.err != nil {
		_ = e.writer.exec("rollback")
		return
	}
	if j.err = e.writer.exec("commit"); j.err != nil {
		_ = e.writer.exec("rollback")
	}
}

// protect turns a panic of a body into an error, so that it cannot take the writer along.
func protect(body func(conn) error, c conn) (err error) {
	defer func() {
		if p := recover(); p != nil {
			buf := make([]byte, 8<<10)
			err = fmt.Errorf("db: panic in a transaction: %v\n%s", p, buf[:runtime.Stack(buf, false)])
		}
	}()
	return body(c)
}

func (e *sqliteEngine) logSize() int64 {
	if info, err := os.Stat(e.path + "-wal"); err == nil {
		return info.Size()
	}
	return 0
}

// limitLog waits for a full checkpoint when the log has outgrown what the checkpointer can do beside the writer.
func (e *sqliteEngine) limitLog() {
	if e.logSize() >= walHard {
		_ = sqlitex.ExecuteTransient(e.writer.c, "pragma wal_checkpoint(truncate)", nil)
	}
}

// checkpoints copies the log into the file outside the write path.
func (e *sqliteEngine) checkpoints() {
	defer e.background.Done()
	c, err := openSQLiteConn(e.path, 1<<20, "")
	if err != nil {
		return
	}
	defer c.close()
	for {
		select {
		case <-e.stop:
			return
		case <-e.checkpoint:
			if e.logSize() >= walSoft {
				_ = sqlitex.ExecuteTransient(c.c, "pragma wal_checkpoint(passive)", nil)
			}
		}
	}
}

// watch interrupts readers that have outlived their deadline.
func (e *sqliteEngine) watch() {
	defer e.background.Done()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-e.stop:
			return
		case now := <-tick.C:
			e.readers.interrupt(now)
		}
	}
}

func (sqliteDialect) violated(err error) (table, column string) {
	if code := sqlite.ErrCode(err); code != sqlite.ResultConstraintUnique && code != sqlite.ResultConstraintPrimaryKey {
		return "", ""
	}
	_, list, ok := strings.Cut(err.Error(), "UNIQUE constraint failed: ")
	if !ok {
		return "", ""
	}
	last := list[strings.LastIndex(list, ", ")+1:]
	table, column, _ = strings.Cut(strings.Trim(last, " )"), ".")
	return table, column
}

func (sqliteDialect) lostRace(err error) bool {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return true
	}
	return false
}

// readerPool lends connections that read; each is opened when first needed.
type readerPool struct {
	open   func() (*sqliteConn, error)
	tokens chan struct{}
	stop   chan struct{} // closed with the engine
	mu     sync.Mutex
	idle   []*sqliteConn
	all    []*sqliteConn
}

func (p *readerPool) get(ctx context.Context) (*sqliteConn, error) {
	select {
	case p.tokens <- struct{}{}:
	default:
		select {
		case p.tokens <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-p.stop:
			return nil, errClosed
		}
	}
	p.mu.Lock()
	var c *sqliteConn
	if n := len(p.idle); n > 0 {
		c, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if c == nil {
		var err error
		if c, err = p.open(); err != nil {
			<-p.tokens
			return nil, err
		}
		p.mu.Lock()
		p.all = append(p.all, c)
		p.mu.Unlock()
	}
	c.begin(ctx)
	return c, nil
}

func (p *readerPool) put(c *sqliteConn) {
	c.end()
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	<-p.tokens
}

func (p *readerPool) interrupt(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.all {
		c.overdue(now)
	}
}

func (p *readerPool) close() {
	for range cap(p.tokens) {
		p.tokens <- struct{}{}
	}
	for _, c := range p.all {
		c.close()
	}
}

// sqliteConn is one connection and the statements it has prepared, oldest first.
type sqliteConn struct {
	c        *sqlite.Conn
	prepared []string
	known    map[string]bool

	mu        sync.Mutex // guards what the watcher touches
	deadline  time.Time
	interrupt chan struct{}
	fired     bool
}

func openSQLiteConn(path string, cache int, extra string) (*sqliteConn, error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenWAL)
	if err != nil {
		return nil, err
	}
	c.SetBusyTimeout(busyTimeout)
	for _, s := range []string{
		"pragma synchronous = full",
		"pragma wal_autocheckpoint = 0",
		"pragma temp_store = memory",
		"pragma mmap_size = 0",
		fmt.Sprintf("pragma cache_size = %d", -cache/1024),
		extra,
	} {
		if s == "" {
			continue
		}
		if err := sqlitex.ExecuteTransient(c, s, nil); err != nil {
			c.Close()
			return nil, err
		}
	}
	return &sqliteConn{c: c, known: make(map[string]bool)}, nil
}

func (c *sqliteConn) close() {
	c.c.SetInterrupt(nil)
	c.c.Close()
}

// begin and end bracket a use by a reader; overdue may come from the watcher in between.
func (c *sqliteConn) begin(ctx context.Context) {
	if c.interrupt == nil {
		c.interrupt = make(chan struct{})
		c.c.SetInterrupt(c.interrupt)
	}
	c.mu.Lock()
	c.deadline, _ = ctx.Deadline()
	c.mu.Unlock()
}

func (c *sqliteConn) overdue(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.fired && !c.deadline.IsZero() && now.After(c.deadline) {
		c.fired = true
		close(c.interrupt)
	}
}

func (c *sqliteConn) end() {
	c.mu.Lock()
	c.deadline = time.Time{}
	fired := c.fired
	c.fired = false
	c.mu.Unlock()
	if fired {
		c.interrupt = make(chan struct{})
		c.c.SetInterrupt(c.interrupt)
	}
}

// prepare keeps the statements used last; SQL made by filters would else pile up.
func (c *sqliteConn) prepare(sql string) (*sqlite.Stmt, error) {
	if !c.known[sql] {
		if len(c.prepared) >= mostPrepared {
			oldest := c.prepared[0]
			c.prepared = c.prepared[1:]
			delete(c.known, oldest)
			if s, err := c.c.Prepare(oldest); err == nil {
				s.Finalize()
			}
		}
		c.prepared = append(c.prepared, sql)
		c.known[sql] = true
	}
	return c.c.Prepare(sql)
}

func (c *sqliteConn) exec(sql string) error {
	_, err := c.run(context.Background(), sql, nil, nil)
	return err
}

func (c *sqliteConn) run(_ context.Context, sql string, args []any, each func(row) error) (int64, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return 0, err
	}
	for i, a := range args {
		switch v := a.(type) {
		case nil:
			s.BindNull(i + 1)
		case string:
			s.BindText(i+1, v)
		case int64:
			s.BindInt64(i+1, v)
		case bool:
			s.BindBool(i+1, v)
		case float64:
			s.BindFloat(i+1, v)
		}
	}
	r := sqliteRow{s}
	for {
		more, err := s.Step()
		if err != nil {
			return 0, err
		}
		if !more {
			break
		}
		if each != nil {
			if err := each(r); err != nil {
				s.Reset()
				return 0, err
			}
		}
	}
	n := int64(c.c.Changes())
	s.Reset()
	return n, nil
}

type sqliteRow struct{ s *sqlite.Stmt }

func (r sqliteRow) null(i int) bool     { return r.s.ColumnIsNull(i) }
func (r sqliteRow) text(i int) string   { return r.s.ColumnText(i) }
func (r sqliteRow) int(i int) int64     { return r.s.ColumnInt64(i) }
func (r sqliteRow) float(i int) float64 { return r.s.ColumnFloat(i) }
func (r sqliteRow) bool(i int) bool     { return r.s.ColumnInt64(i) != 0 }
