// Bench measures a built Guildhall against the least that an HTTP server on this machine can be, in one run. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/secret"
)

var (
	bin     = flag.String("bin", "./guildhall", "the built server")
	sizes   = flag.String("sizes", "1000,100000,1000000", "numbers of users")
	engines = flag.String("engines", "sqlite,postgres", "engines to measure")
	each    = flag.Duration("time", 1500*time.Millisecond, "time of each measurement")
	callers = flag.String("callers", "1,32", "numbers of callers")
	only    = flag.String("only", "", "measure only rows whose name contains this")
	keep    = flag.String("keep", "", "keep filled databases in this folder for the next run; empty: nothing is kept")
	dsn     = flag.String("db", "", "measure this filled database alone, and change it; with -fill: fill it, which must be empty")
	fillN   = flag.Int("fill", 0, "only fill the database -db with so many users")
	may     = flag.Bool("permissions", false, "measure permissions alone, in pools of -users users")
	usersN  = flag.Int("users", 1_000_000, "number of users of the pool whose permissions are measured")
	hello   = flag.String("hello", "", "serve the hello-world row at this address (used by the benchmark itself)")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if err := run(); err != nil {
		log.Fatal("bench: ", err)
	}
}

func run() error {
	switch {
	case *hello != "":
		return serveHello(*hello)
	case *fillN > 0 && *dsn == "":
		return errors.New("-fill needs -db")
	case *fillN > 0:
		return fill(*dsn, *fillN)
	}
	if _, err := os.Stat(*bin); err != nil {
		return fmt.Errorf("%w (build it first: make build)", err)
	}
	counts, err := numbers(*callers)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "guildhall-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if *may {
		return runPermissions(dir)
	}
	h, err := start("", os.Args[0], func(address string) []string { return []string{"-hello", address} }, "/")
	if err != nil {
		return err
	}
	defer h.stop()

	hashes, err := hashRate(max(*each, 2*time.Second))
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d processors, %s each, password hashes %.0f/s on all of them\n", runtime.Version(), runtime.NumCPU(), *each, hashes)
	var reports []*report
	defer func() { printAims(os.Stdout, reports, hashes) }()
	if *dsn != "" {
		r, err := measureDatabase(dir, h, engineOf(*dsn), *dsn, 0, counts)
		if err != nil {
			return err
		}
		reports = append(reports, r)
		return wrongAnswers(reports)
	}
	users, err := numbers(*sizes)
	if err != nil {
		return err
	}
	stores, err := openStores(dir)
	for _, s := range stores {
		defer s.close()
	}
	if err != nil {
		return err
	}
	for _, s := range stores {
		for _, n := range users {
			dsn, postmaster, giveBack, err := s.lend(n)
			if err != nil {
				return fmt.Errorf("%s, %d users: %w", s.name(), n, err)
			}
			r, err := measureDatabase(dir, h, s.name(), dsn, postmaster, counts)
			if err == nil && n == *usersN {
				r.permissions, err = measurePermissions(dir, s.name(), dsn, postmaster)
			}
			giveBack()
			if err != nil {
				return fmt.Errorf("%s, %d users: %w", s.name(), n, err)
			}
			reports = append(reports, r)
		}
	}
	return wrongAnswers(reports)
}

// wrongAnswers is an error if there was one.
func wrongAnswers(reports []*report) error {
	var n int64
	for _, r := range reports {
		n += r.failed
	}
	if n > 0 {
		return fmt.Errorf("%d answers were not what the rows expect", n)
	}
	return nil
}

// runPermissions measures permissions alone.
func runPermissions(dir string) error {
	var reports []*report
	defer func() { printAims(os.Stdout, reports, 0) }()
	measure := func(engine, dsn string, postmaster int) error {
		p, err := measurePermissions(dir, engine, dsn, postmaster)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		reports = append(reports, &report{engine: engine, users: int64(p.users), permissions: p})
		return nil
	}
	fmt.Printf("%s, %d processors, %s each\n", runtime.Version(), runtime.NumCPU(), *each)
	if *dsn != "" {
		return measure(engineOf(*dsn), *dsn, 0)
	}
	stores, err := openStores(dir)
	for _, s := range stores {
		defer s.close()
	}
	if err != nil {
		return err
	}
	for _, s := range stores {
		dsn, postmaster, giveBack, err := s.lend(*usersN)
		if err != nil {
			return fmt.Errorf("%s, %d users: %w", s.name(), *usersN, err)
		}
		err = measure(s.name(), dsn, postmaster)
		giveBack()
		if err != nil {
			return err
		}
	}
	return nil
}

func openStores(dir string) ([]store, error) {
	var stores []store
	id, err := recipe()
	if err != nil {
		return nil, err
	}
	if *keep != "" {
		if dir, err = filepath.Abs(*keep); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if strings.Contains(*engines, "sqlite") {
		stores = append(stores, &sqliteStore{dir, id, *keep != ""})
	}
	if strings.Contains(*engines, "postgres") {
		p, err := openPostgres(dir, id, *keep != "")
		switch {
		case err != nil:
			return stores, err
		case p == nil:
			say("there is no PostgreSQL: only SQLite is measured")
		default:
			stores = append(stores, p)
		}
	}
	return stores, nil
}

func engineOf(dsn string) string {
	if db.IsPostgres(dsn) {
		return "PostgreSQL"
	}
	return "SQLite"
}

func numbers(list string) ([]int, error) {
	var out []int
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number", s)
		}
		out = append(out, n)
	}
	return out, nil
}

func serveHello(address string) error {
	body := []byte(`{"statusCode":200,"message":""}`)
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
}

// hashRate is how many password hashes a second all processors make when they do nothing else.
func hashRate(each time.Duration) (float64, error) {
	hasher, err := secret.NewHasher(secret.Cost{})
	if err != nil {
		return 0, err
	}
	ctx := context.Background()
	return onAll(each, func() error {
		_, err := hasher.Hash(ctx, passphrase)
		return err
	}), nil
}

// report is what was measured on one database.
type report struct {
	engine        string
	users         int64
	startUp       time.Duration // the best of three
	size          int64         // bytes on disk
	idle, loaded  int64         // bytes of memory: before the run, after it
	firstSearch   time.Duration // until the first search is answered
	indexed       int64         // bytes of memory after it
	rows          map[string]map[int]result
	hello         map[int]float64
	overload      []overload
	beside        []beside
	failed        int64 // answers that were wrong
	databaseKnown bool
	permissions   *permissions // nil where they were not measured
}

// overload is a row under as many callers as saturate the server, and under several times as many.
type overload struct {
	name      string
	factor    int
	few, many result
}

const saturating = 32

func measureDatabase(dir string, h *process, engine, dsn string, postmaster int, counts []int) (*report, error) {
	a, err := admit(dsn)
	if err != nil {
		return nil, err
	}
	r := &report{engine: engine, users: a.users, size: a.size, rows: map[string]map[int]result{}, hello: map[int]float64{}, databaseKnown: postmaster != 0}
	b := &bench{hello: h, admission: *a}
	if b.door, err = openDoor(dsn, a.ids); err != nil {
		return nil, err
	}
	serve := func(address string) []string {
		return []string{"serve", "--listen", address, "--db", dsn, "--data", filepath.Join(dir, "data"), "--base-url", baseURL}
	}
	for i := range 3 {
		if b.server != nil {
			b.server.stop()
		}
		if b.server, err = start(dir, *bin, serve, "/readyz"); err != nil {
			logs, _ := os.ReadFile(filepath.Join(dir, "server.log"))
			return nil, fmt.Errorf("%w\n%s", err, logs)
		}
		if i == 0 || b.server.startUp < r.startUp {
			r.startUp = b.server.startUp
		}
	}
	defer b.server.stop()
	b.server.postmaster = postmaster
	time.Sleep(500 * time.Millisecond)
	r.idle = b.server.memory()
	if !db.IsPostgres(dsn) {
		r.size = fileSize(dsn)
	}
	if err := b.enter(); err != nil {
		return nil, err
	}
	began := time.Now()
	for _, row := range b.rows() {
		if row.name == rowCommon {
			row.first()
		}
	}
	r.firstSearch = time.Since(began)
	time.Sleep(time.Second)
	r.indexed = b.server.memory()
	fmt.Printf("\n%s, %d users: start-up %s, memory idle %d MB, first search answered after %s, memory then %d MB, database %d MB\n\n",
		engine, r.users, short(r.startUp), r.idle>>20, short(r.firstSearch), r.indexed>>20, r.size>>20)
	rows := slices.DeleteFunc(b.rows(), func(row row) bool { return row.name != rowHello && !strings.Contains(row.name, *only) })
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "operation\tfinds\tcallers\tops/s\tof hello\tp50\tp95\tp99\tcpu/op\tdb cpu/op\tfailed\trefused\t")
	var failures []string
	fail := func(name string, m result) {
		if m.failed > 0 {
			r.failed += m.failed
			failures = append(failures, fmt.Sprintf("%s failed with: %s", name, m.failure))
		}
	}
	for _, row := range rows {
		finds := row.first()
		for _, n := range counts {
			m := measure(row, n, *each)
			r.add(row.name, n, m)
			databaseCPU := "-"
			if r.databaseKnown {
				databaseCPU = short(m.databaseCPU)
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%.0f\t%.3f\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t\n", row.name, finds, n, m.rate, m.rate/r.hello[n],
				short(m.p50), short(m.p95), short(m.p99), short(m.cpu), databaseCPU, m.failed, m.refused)
			fail(row.name, m)
		}
		var factors []int
		switch {
		case slices.Contains([]string{rowGet, rowList, rowOrdinary}, row.name):
			factors = []int{overloadFactor}
		case slices.Contains([]string{rowSignIn3, rowSignIn2}, row.name):
			factors = []int{overloadFactor, floodFactor}
		}
		for _, factor := range factors {
			o := overloaded(row, factor)
			r.overload = append(r.overload, o)
			fail(row.name, o.few)
			fail(row.name, o.many)
		}
		if had, ok := r.rows[row.name][saturating]; row.hashes > 0 || ok && row.signatures != [2]float64{} {
			s, err := b.besideBare(row, had)
			if err != nil {
				return nil, err
			}
			r.beside = append(r.beside, s)
			if row.hashes > 0 {
				fail(row.name, s.result)
			}
		}
	}
	w.Flush()
	r.printBeside()
	r.printOverload()
	for _, f := range failures {
		fmt.Println(f)
	}
	r.loaded = b.server.memory()
	fmt.Printf("\nmemory after the run %d MB\n", r.loaded>>20)
	return r, nil
}

func (r *report) add(name string, callers int, m result) {
	if r.rows[name] == nil {
		r.rows[name] = map[int]result{}
	}
	r.rows[name][callers] = m
	if name == rowHello {
		r.hello[callers] = m.rate
	}
}

// overloaded measures few and many callers in turn, twice, since a machine's mood changes; the better of each counts.
func overloaded(row row, factor int) overload {
	o := overload{name: row.name, factor: factor}
	for range 2 {
		if m := measure(row, saturating, *each); m.rate > o.few.rate {
			o.few = m
		}
		if m := measure(row, saturating*factor, *each); m.rate > o.many.rate {
			o.many = m
		}
	}
	return o
}

func (r *report) printOverload() {
	if len(r.overload) == 0 {
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\noverload\tcallers\tops/s at %d\tops/s\tchange\tp99 at %d\tp99\trefused/s\tfailed\t\n", saturating, saturating)
	for _, o := range r.overload {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%+.0f %%\t%s\t%s\t%.0f\t%d\t\n", o.name, saturating*o.factor, o.few.rate, o.many.rate, 100*o.change(), short(o.few.p99), short(o.many.p99),
			float64(o.many.refused)/each.Seconds(), o.few.failed+o.many.failed)
	}
	w.Flush()
}

func (o *overload) change() float64 { return o.many.rate/o.few.rate - 1 }

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
