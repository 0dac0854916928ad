package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

type thing struct {
	PoolID string `db:"pool_id"`
	Name   string `db:"name"`
	Slot   int64  `db:"slot"`
	N      int64  `db:"n"`
}

func columnsOf() string { return db.Columns[thing]() }

func TestRows(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		for i := range int64(5) {
			if err := db.Insert(ctx, d, "tallies", &thing{"p", fmt.Sprint("n", i), 0, i}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.One[thing](ctx, d, "select "+columnsOf()+" from tallies where pool_id = ? and name = ?", "p", "n3")
		if err != nil || got != (thing{"p", "n3", 0, 3}) {
			t.Fatalf("One = %+v, %v", got, err)
		}
		if _, err = db.One[thing](ctx, d, "select "+columnsOf()+" from tallies where pool_id = ? and name = ?", "q", "n3"); !errors.Is(err, db.NoRow) {
			t.Fatalf("One in another pool: %v", err)
		}
		for _, c := range []struct {
			sql  string
			list []string
			want int
		}{
			{"in (?...)", []string{"n1", "n2", "n9"}, 2},
			{"in (?...)", nil, 0},
			{"not in (?...)", []string{"n1"}, 4},
			{"not in (?...)", nil, 5},
		} {
			l, err := db.List[string](ctx, d, "select name from tallies where pool_id = ? and name "+c.sql+" order by name limit 50", "p", c.list)
			if err != nil || len(l) != c.want {
				t.Errorf("%s %v: %v, %v", c.sql, c.list, l, err)
			}
		}
		before, after := got, got
		after.N = 77
		changes, err := db.Diff(&before, &after)
		if err != nil || len(changes) != 1 || changes[0] != (db.Change{Column: "n", Before: int64(3), After: int64(77)}) {
			t.Fatalf("Diff = %v, %v", changes, err)
		}
		if err := db.Update(ctx, d, "tallies", changes, "pool_id = ? and name = ?", "p", "n3"); err != nil {
			t.Fatal(err)
		}
		if n, _ := db.One[int64](ctx, d, "select n from tallies where pool_id = ? and name = ?", "p", "n3"); n != 77 {
			t.Fatalf("after Update n = %d", n)
		}
		err = db.Insert(ctx, d, "tallies", &after)
		if !db.IsUnique(err, "tallies", "slot") {
			t.Fatalf("second insert: %v", err)
		}
	})
}

func TestNullsAndBooleans(t *testing.T) {
	type user struct {
		A string   `db:"a,null"`
		B bool     `db:"b"`
		F float64  `db:"f,null"`
		J []string `db:"j,json"`
	}
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if _, err := db.Exec(ctx, d, "create table probe (a text, b boolean not null, f double precision, j text)"); err != nil {
			t.Fatal(err)
		}
		for _, u := range []user{{"", true, 0, nil}, {"x", false, 1.5, []string{"k", "ü"}}} {
			if err := db.Insert(ctx, d, "probe", &u); err != nil {
				t.Fatal(err)
			}
		}
		null, err := db.One[user](ctx, d, "select "+db.Columns[user]("p")+" from probe p where a is null and f is null and b = true")
		if err != nil || !null.B || len(null.J) != 0 {
			t.Fatalf("%+v, %v", null, err)
		}
		full, err := db.One[user](ctx, d, "select "+db.Columns[user]()+" from probe where a = ? and b = ?", "x", false)
		if err != nil || full.F != 1.5 || len(full.J) != 2 || full.J[1] != "ü" {
			t.Fatalf("%+v, %v", full, err)
		}
	})
}

// One verb that fails takes nothing else of its group along, whatever it did before.
func TestVerbsOfAGroupAreApart(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		var wg sync.WaitGroup
		boom := errors.New("boom")
		var bad atomic.Int64
		for i := range 200 {
			wg.Go(func() {
				err := d.Tx(t.Context(), func(ctx context.Context) error {
					if err := db.Insert(ctx, d, "tallies", &thing{"p", fmt.Sprint(i), 0, 1}); err != nil {
						return err
					}
					switch i % 4 {
					case 1:
						return boom
					case 2:
						panic("verb")
					case 3:
						_, err := db.Exec(ctx, d, "insert into nowhere values (1)")
						return err
					}
					return nil
				})
				if (err != nil) != (i%4 != 0) {
					t.Errorf("verb %d: %v", i, err)
				}
				if err != nil {
					bad.Add(1)
				}
			})
		}
		wg.Wait()
		n, err := db.One[int64](t.Context(), d, "select count(*) from tallies where pool_id = 'p'")
		if err != nil || n != 50 || bad.Load() != 150 {
			t.Fatalf("%d rows, %d failed, %v", n, bad.Load(), err)
		}
	})
}

func TestTransactionsJoinAndHooksRunAfterCommit(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		var hooks []string
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			d.AfterCommit(ctx, func() { hooks = append(hooks, "outer") })
			return d.Tx(ctx, func(ctx context.Context) error {
				d.AfterCommit(ctx, func() { hooks = append(hooks, "inner") })
				return db.Insert(ctx, d, "tallies", &thing{"p", "joined", 0, 1})
			})
		})
		if err != nil || strings.Join(hooks, " ") != "outer inner" {
			t.Fatalf("%v, %v", hooks, err)
		}
		err = d.Tx(t.Context(), func(ctx context.Context) error {
			d.AfterCommit(ctx, func() { hooks = append(hooks, "never") })
			return d.Tx(ctx, func(ctx context.Context) error { return errors.New("undo") })
		})
		if err == nil || len(hooks) != 2 {
			t.Fatalf("%v, %v", hooks, err)
		}
	})
}

func TestNonceIsSpentWithTheFirstWrite(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		request := func(nonce string) context.Context {
			return caller.With(t.Context(), &caller.Caller{PoolID: "p", Once: &caller.Once{KeyID: "k", Nonce: nonce, Expires: 1}})
		}
		write := func(ctx context.Context, name string) error {
			return d.Tx(ctx, func(ctx context.Context) error { return db.Insert(ctx, d, "tallies", &thing{"p", name, 0, 1}) })
		}
		first := request("n1")
		if err := write(first, "a"); err != nil {
			t.Fatal(err)
		}
		if err := write(first, "b"); err != nil {
			t.Fatalf("second write of the same request: %v", err)
		}
		if err := write(request("n1"), "c"); !errors.Is(err, db.ErrReplayed) {
			t.Fatalf("replay: %v", err)
		}
		if err := write(request("n2"), "a"); !db.IsUnique(err, "tallies", "slot") {
			t.Fatalf("failing write: %v", err)
		}
		if err := write(request("n2"), "d"); err != nil {
			t.Fatalf("the nonce of a write that was undone is free: %v", err)
		}
		names, err := db.List[string](t.Context(), d, "select name from tallies where pool_id = 'p' order by name limit 10")
		if err != nil || strings.Join(names, "") != "abd" {
			t.Fatalf("%v, %v", names, err)
		}
		var wg sync.WaitGroup
		var done atomic.Int64
		for i := range 50 {
			wg.Go(func() {
				if write(request("n3"), fmt.Sprint("race", i)) == nil {
					done.Add(1)
				}
			})
		}
		wg.Wait()
		if done.Load() != 1 {
			t.Fatalf("one nonce let %d writes in", done.Load())
		}
	})
}

func TestCountersAreNotLost(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 20 {
					err := d.Tx(t.Context(), func(ctx context.Context) error { return d.Count(ctx, "p", "users", 1) })
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n, err := d.Tally(t.Context(), "p", "users"); n != 320 || err != nil {
			t.Fatalf("tally = %d, %v", n, err)
		}
	})
}

func TestReadsEndAtTheirDeadline(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		const endless = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000000000) select max(i) from n`
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := db.One[int64](ctx, d, endless)
		if !errors.Is(err, db.ErrDeadline) {
			t.Fatalf("%v", err)
		}
		for range 64 { // no connection is left interrupted
			if n, err := db.One[int64](t.Context(), d, "select 7"); n != 7 || err != nil {
				t.Fatal(n, err)
			}
		}
	})
}

func TestIDs(t *testing.T) {
	now := time.UnixMilli(1_780_000_000_000)
	d, err := db.Open(t.Context(), db.Options{DSN: filepath.Join(t.TempDir(), "x.db"), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	last := ""
	for i := range 100_000 {
		if i%1000 == 0 {
			now = now.Add(time.Millisecond)
		}
		id := d.NewID()
		if !db.IsID(id) || id <= last {
			t.Fatalf("id %d is %q after %q", i, id, last)
		}
		last = id
	}
	for _, bad := range []string{"", "xyz", strings.Repeat("A", 24), strings.Repeat("g", 24), strings.Repeat("0", 25)} {
		if db.IsID(bad) {
			t.Errorf("%q is no id", bad)
		}
	}
}

func TestFileBelongsToItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b#c?d%20ü.db") // what means something in an address is part of the name
	if _, _, err := db.Migrate(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	before, after, err := db.Migrate(t.Context(), path)
	if err != nil || before != after || before == 0 {
		t.Fatalf("second migration: %d -> %d, %v", before, after, err)
	}
}

func TestLogStaysBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.db")
	if _, _, err := db.Migrate(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Options{DSN: path})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	big := strings.Repeat("x", 200_000)
	for i := range 1000 { // 200 MB through the log
		if err := d.Tx(t.Context(), func(ctx context.Context) error {
			_, err := db.Exec(ctx, d, "insert into pools (pool_id, name, secret, is_default, created_at, updated_at) values ('p', ?, '', false, 0, 0) on conflict (pool_id) do update set name = excluded.name, updated_at = ?", big, i)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path + "-wal")
	if err != nil || info.Size() > 100<<20 {
		t.Fatalf("the log has %d bytes, %v", info.Size(), err)
	}
}

// At stricter isolation PostgreSQL breaks transactions off; they are run again and nothing is lost.
func TestLostRacesAreRunAgain(t *testing.T) {
	for _, c := range testhall.PostgresVersions(t) {
		t.Run(c.Name, func(t *testing.T) {
			dsn := c.Database(t)
			if _, _, err := db.Migrate(t.Context(), dsn); err != nil {
				t.Fatal(err)
			}
			d, err := db.Open(t.Context(), db.Options{DSN: dsn + "&options=-c%20default_transaction_isolation%3Dserializable"})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if level, err := db.One[string](t.Context(), d, "show default_transaction_isolation"); level != "serializable" || err != nil {
				t.Fatal(level, err)
			}
			if err := db.Insert(t.Context(), d, "tallies", &thing{"p", "n", 0, 0}); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			var runs atomic.Int64
			const callers = 6
			for range callers {
				wg.Go(func() {
					err := d.Tx(t.Context(), func(ctx context.Context) error {
						runs.Add(1)
						n, err := db.One[int64](ctx, d, "select n from tallies where pool_id = ? and name = ?", "p", "n")
						if err != nil {
							return err
						}
						time.Sleep(5 * time.Millisecond)
						_, err = db.Exec(ctx, d, "update tallies set n = ? where pool_id = ? and name = ?", n+1, "p", "n")
						return err
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n, err := db.One[int64](t.Context(), d, "select n from tallies where pool_id = ? and name = ?", "p", "n"); n != callers || err != nil {
				t.Errorf("%d of %d additions hold, %v", n, callers, err)
			}
			if runs.Load() == callers {
				t.Error("nothing was run again: the test proves nothing")
			}
		})
	}
}

// All SQL of the migrations keeps to what the engines that may come share.
func TestMigrationsKeepTheRules(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	forbidden := regexp.MustCompile(`(?i)\b(serial|bigserial|identity|trigger|references|citext|ltree|jsonb?|timestamp|autoincrement|temp|deferrable)\b`)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`--[^\n]*`).ReplaceAllString(string(b), "")
		if m := forbidden.FindString(text); m != "" {
			t.Errorf("%s: %s", file, m)
		}
		for _, s := range strings.Split(text, ";") {
			s = strings.TrimSpace(s)
			switch {
			case s == "":
			case strings.HasPrefix(s, "create table if not exists"):
				if !regexp.MustCompile(`primary key \(pool_id\b`).MatchString(s) {
					t.Errorf("%s: the key does not begin with the pool: %.60s", file, s)
				}
				for _, unique := range regexp.MustCompile(`unique \([^)]*\)`).FindAllString(s, -1) {
					if !strings.HasPrefix(unique, "unique (pool_id") {
						t.Errorf("%s: %s", file, unique)
					}
				}
			case strings.HasPrefix(s, "create index if not exists"), strings.HasPrefix(s, "alter table"):
			default:
				t.Errorf("%s: a statement that cannot be run again: %.60s", file, s)
			}
		}
	}
}
