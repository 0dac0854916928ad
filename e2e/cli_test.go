package e2e

import (
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCommandLine(t *testing.T) {
	bin := binary(t)
	run := func(args ...string) (stdout, stderr string, status int) {
		t.Helper()
		c := exec.Command(bin, args...)
		var out, errs strings.Builder
		c.Stdout, c.Stderr = &out, &errs
		err := c.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return out.String(), errs.String(), c.ProcessState.ExitCode()
	}
	dir := filepath.Join(t.TempDir(), "a b#c?d%20")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   string // on stdout, or on stderr for a failure
	}{
		{"version", []string{"version"}, 0, "guildhall "},
		{"doctor before anything", []string{"doctor", "--data", dir}, 0, "The first start makes it."},
		{"migrate", []string{"migrate", "--data", dir}, 0, "Migrated the schema from version 0"},
		{"migrate again", []string{"migrate", "--data", dir}, 0, "already"},
		{"rotating the keys of no pool", []string{"keys", "rotate", "--data", dir}, 1, "pool"},
		{"init needs a name", []string{"init", "--data", dir}, 2, "--pool-name"},
		{"init with an empty name", []string{"init", "--data", dir, "--pool-name", " "}, 1, "name"},
		{"wrong address", []string{"serve", "--data", dir, "--listen", "nowhere"}, 2, "setting listen"},
		{"busy address", []string{"serve", "--data", dir, "--listen", busy.Addr().String()}, 2, "setting listen"},
		{"wrong database", []string{"serve", "--data", dir, "--db", "mysql://x"}, 2, "setting db"},
		{"database that is not there", []string{"migrate", "--data", dir, "--db", "postgres://127.0.0.1:1/x?connect_timeout=1"}, 1, "database"},
		{"wrong base", []string{"serve", "--data", dir, "--base-url", "here"}, 2, "setting base_url"},
		{"no such file", []string{"serve", "--data", dir, "--config", "missing.yaml"}, 2, "setting config"},
		{"no such command", []string{"frobnicate"}, 2, "frobnicate"},
		{"folder that cannot be", []string{"migrate", "--data", "/dev/null/x"}, 2, "setting data"},
	} {
		stdout, stderr, status := run(c.args...)
		said := stdout
		if c.status != 0 {
			said = stderr
		}
		if status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s: status %d, want %d; %q should say %q", c.name, status, c.status, said, c.says)
		}
		if strings.Contains(stdout+stderr, "goroutine ") {
			t.Errorf("%s: a stack is shown", c.name)
		}
	}

	seen := map[string]bool{}
	for _, name := range []string{"one", "two"} {
		stdout, _, status := run("init", "--pool-name", name, "--json", "--data", dir, "--base-url", "https://id.example.org/")
		var c map[string]string
		if err := json.Unmarshal([]byte(stdout), &c); status != 0 || err != nil {
			t.Fatalf("init: %d, %v, %q", status, err, stdout)
		}
		for _, key := range []string{"userPoolId", "userPoolSecret", "appId", "appSecret", "accessKeyId", "accessKeySecret"} {
			if len(c[key]) < 24 || seen[c[key]] {
				t.Errorf("%s: %s is %q", name, key, c[key])
			}
			seen[c[key]] = true
		}
		if c["host"] != "https://id.example.org" {
			t.Errorf("host is %q", c["host"])
		}
	}

	fresh := filepath.Join(t.TempDir(), "data")
	i := &instance{t: t, bin: bin, flags: []string{"--data", fresh}}
	began := time.Now()
	i.start()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the first start took %s", took)
	}
	i.kill()
	first := i.logs.String()
	if !strings.Contains(first, "These secrets are shown once") || strings.Count(first, "new ManagementClient(") != 2 {
		t.Errorf("the first start prints %q", first)
	}
	i.logs.Reset()
	i.start()
	i.kill()
	if again := i.logs.String(); strings.Contains(again, "secret") {
		t.Errorf("the second start prints %q", again)
	}
}
