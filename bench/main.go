// Bench measures a built Guildhall against the least that an HTTP server on this machine can be, in one run:
//
//	go run ./bench [-bin ./guildhall] [-db postgres://…] [-users 1000] [-time 3s]
//
// Machines differ and are noisy: read the ratios to the first row, not the numbers alone. Server and load generator share the
// processors, so that a row's rate is what both together reach; "cpu" is the server's alone.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

var (
	bin     = flag.String("bin", "./guildhall", "the built server")
	dsn     = flag.String("db", "", "database of the server; empty: SQLite in a temporary folder")
	users   = flag.Int("users", 1000, "users in the pool before the measurement")
	each    = flag.Duration("time", 3*time.Second, "time of each measurement")
	only    = flag.String("only", "", "measure only rows whose name contains this")
	hello   = flag.String("hello", "", "serve the hello-world row at this address (used by the benchmark itself)")
	callers = flag.String("callers", "1,32", "numbers of callers")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if *hello != "" {
		serveHello(*hello)
		return
	}
	if err := run(); err != nil {
		log.Fatal("bench: ", err)
	}
}

func serveHello(address string) {
	body := []byte(`{"statusCode":200,"message":""}`)
	log.Fatal(http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})))
}

type credentials struct {
	UserPoolID, UserPoolSecret, AppID, AccessKeyID, AccessKeySecret string
}

func run() error {
	dir, err := os.MkdirTemp("", "guildhall-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	helloServer, err := start("", os.Args[0], func(address string) []string { return []string{"-hello", address} }, "/")
	if err != nil {
		return err
	}
	defer helloServer.stop()

	flags := []string{"--data", filepath.Join(dir, "data")}
	if *dsn != "" {
		flags = append(flags, "--db", *dsn)
	}
	out, err := exec.Command(*bin, append([]string{"init", "--pool-name", "bench", "--json"}, flags...)...).Output()
	if err != nil {
		return fmt.Errorf("%s init: %w (build it first: make build)", *bin, err)
	}
	var c credentials
	if err := json.Unmarshal(out, &c); err != nil {
		return err
	}
	s, err := start(dir, *bin, func(address string) []string {
		return append([]string{"serve", "--listen", address}, flags...)
	}, "/readyz")
	if err != nil {
		return err
	}
	defer s.stop()
	idle := s.memory()

	b, err := prepare(s, c)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d processors, %d users, %s each, database %s\n", runtime.Version(), runtime.NumCPU(), *users, *each, engineName())
	fmt.Printf("start-up to ready %s, memory idle %d MB, with %d users %d MB\n\n", s.startUp.Round(time.Millisecond), idle>>20, *users, s.memory()>>20)

	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "operation\tcallers\tops/s\tof hello\tp50\tp99\tcpu/op\tfailed\t")
	var counts []int
	for _, n := range strings.Split(*callers, ",") {
		count, err := strconv.Atoi(n)
		if err != nil {
			return err
		}
		counts = append(counts, count)
	}
	base := map[int]float64{}
	for _, r := range b.rows(helloServer) {
		if *only != "" && r.name != "hello-world" && !strings.Contains(r.name, *only) {
			continue
		}
		for _, n := range counts {
			m := measure(r, n)
			if r.name == "hello-world" {
				base[n] = m.rate
			}
			fmt.Fprintf(w, "%s\t%d\t%.0f\t%.2f\t%s\t%s\t%s\t%d\t\n", r.name, n, m.rate, m.rate/base[n], short(m.p50), short(m.p99), short(m.cpu), m.failed)
			w.Flush()
		}
	}
	fmt.Printf("\nmemory after the run %d MB\n", s.memory()>>20)
	return nil
}

func engineName() string {
	if *dsn != "" {
		return "PostgreSQL"
	}
	return "SQLite"
}

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// server is a child process that listens on loopback.
type server struct {
	address string
	startUp time.Duration
	command *exec.Cmd
}

func start(dir, name string, args func(address string) []string, ready string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	command := exec.Command(name, args(address)...)
	if dir != "" {
		logs, err := os.Create(filepath.Join(dir, "server.log"))
		if err != nil {
			return nil, err
		}
		command.Stdout, command.Stderr = logs, logs
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &server{address: address, command: command}
	for time.Since(began) < 10*time.Second {
		if resp, err := http.Get("http://" + address + ready); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				s.startUp = time.Since(began)
				return s, nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("%s is not ready after 10 s", name)
}

func (s *server) stop() {
	_ = s.command.Process.Signal(os.Interrupt)
	_ = s.command.Wait()
}

// memory is the resident memory of the process in bytes, 0 where the system does not tell.
func (s *server) memory() int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// cpu is the processor time that the process has used, 0 where the system does not tell.
func (s *server) cpu() time.Duration {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	_, after, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(after)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // clock ticks of 1/100 s
}

// row is one measured operation: request makes the bytes of the n-th request, good says whether an answer is right.
type row struct {
	name    string
	server  *server
	request func(n int64) []byte
	good    []byte
}

type result struct {
	rate          float64
	p50, p99, cpu time.Duration
	failed        int64
}

var sequence atomic.Int64

// measure lets a number of callers send one request after another, each over a connection of its own.
func measure(r row, callers int) result {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		all    []time.Duration
		failed atomic.Int64
	)
	warm := time.Now().Add(200 * time.Millisecond)
	end := warm.Add(*each)
	var before time.Duration
	time.AfterFunc(time.Until(warm), func() { before = r.server.cpu() })
	for range callers {
		wg.Go(func() {
			c, err := dial(r.server.address)
			if err != nil {
				failed.Add(1)
				return
			}
			defer c.Close()
			var took []time.Duration
			for {
				began := time.Now()
				if began.After(end) {
					break
				}
				body, err := c.send(r.request(sequence.Add(1)))
				now := time.Now()
				if err != nil || !bytes.Contains(body, r.good) {
					failed.Add(1)
					if err != nil {
						c.Close()
						if c, err = dial(r.server.address); err != nil {
							return
						}
					}
					continue
				}
				if began.After(warm) {
					took = append(took, now.Sub(began))
				}
			}
			mu.Lock()
			all = append(all, took...)
			mu.Unlock()
		})
	}
	wg.Wait()
	m := result{failed: failed.Load()}
	if len(all) == 0 {
		return m
	}
	slices.Sort(all)
	m.rate = float64(len(all)) / each.Seconds()
	m.p50, m.p99 = all[len(all)/2], all[len(all)*99/100]
	m.cpu = (r.server.cpu() - before) / time.Duration(len(all))
	return m
}
