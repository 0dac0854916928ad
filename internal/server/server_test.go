package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/testhall"
)

// build makes a server over a fresh database, with its log in the returned buffer.
func build(t testing.TB, flags map[string]string) (*Server, *syncBuffer) {
	t.Helper()
	all := map[string]string{"data": filepath.Join(t.TempDir(), "data"), "argon2_memory": "64", "argon2_time": "1"}
	for k, v := range flags {
		all[k] = v
	}
	c, err := Load("", nil, all)
	if err != nil {
		t.Fatal(err)
	}
	logs := &syncBuffer{}
	s, err := Build(context.Background(), c, "test", slog.New(slog.NewJSONHandler(logs, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, logs
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func ask(s *Server, method, target string, header http.Header, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for k, v := range header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestFirstPool(t *testing.T) {
	for _, e := range append([]string{""}, postgres(t)...) {
		t.Run(strings.SplitN(e, ":", 2)[0], func(t *testing.T) {
			flags := map[string]string{}
			if e != "" {
				flags["db"] = e
			}
			s, _ := build(t, flags)
			var wg sync.WaitGroup
			made := make(chan *Credentials, 8)
			for range 8 {
				wg.Go(func() {
					c, err := s.CreatePool(context.Background(), "first", true)
					if err != nil {
						t.Error(err)
					}
					made <- c
				})
			}
			wg.Wait()
			close(made)
			var first *Credentials
			for c := range made {
				if c != nil && first != nil {
					t.Error("two servers that start together made two first pools")
				}
				if c != nil {
					first = c
				}
			}
			if first == nil {
				t.Fatal("nobody made the first pool")
			}
			secrets := map[string]bool{}
			for _, v := range []string{first.UserPoolSecret, first.AppSecret, first.AccessKeySecret, first.AdminPassword} {
				if len(v) < 20 || secrets[v] {
					t.Errorf("%q is no secret of its own", v)
				}
				secrets[v] = true
			}
			second, err := s.CreatePool(context.Background(), "second", false)
			if err != nil || second.UserPoolID == first.UserPoolID {
				t.Fatalf("%+v, %v", second, err)
			}
			if p, err := s.Directory.DefaultPool(t.Context()); err != nil || p.ID != first.UserPoolID {
				t.Errorf("the first pool is the default: %+v, %v", p, err)
			}
		})
	}
}

// postgres gives a fresh empty database of each PostgreSQL found.
func postgres(t *testing.T) []string {
	var out []string
	for _, c := range testhall.PostgresVersions(t) {
		out = append(out, c.Database(t))
	}
	return out
}

func TestRoutes(t *testing.T) {
	s, _ := build(t, nil)
	if _, err := s.CreatePool(t.Context(), "p", true); err != nil {
		t.Fatal(err)
	}
	evil := http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}, "Host": {"evil.example"}}
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/healthz", "", 200, "ok"},
		{"GET", "/readyz", "", 200, "ready"},
		{"GET", "/metrics", "", 200, `guildhall_info{version="test"} 1`},
		{"GET", "/assets/avatar.svg", "", 200, "<svg"},
		{"GET", "/", "", 200, "Guildhall test"},
		{"GET", "/nowhere", "", 404, ""},
		{"GET", "/api/v3/system", "", 200, `"publicKey":"-----BEGIN PUBLIC KEY-----`},
		{"GET", "/api/v2/.well-known", "", 200, `"code":200`},
		{"GET", "/oidc/.well-known/jwks.json", "", 200, `"kty":"RSA"`},
		{"GET", "/api/v3/get-user?userId=x", "", 200, `"statusCode":401`},
		{"POST", "/api/v3/create-user", "{}", 200, `"statusCode":401`},
		{"POST", "/graphql/v2", `{"query":"{ users { totalCount } }"}`, 200, `"errors":[{"message":{"code":`},
		{"POST", "/api/v3/no-such-thing", "{}", 200, `"statusCode":404`},
		{"GET", "/api/v2/no/such/thing", "", 200, `"code":404`},
	} {
		w := ask(s, c.method, "http://evil.example"+c.path, evil, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %.200s", c.method, c.path, w.Code, w.Body)
		}
		if w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s %s has no request id", c.method, c.path)
		}
		if strings.Contains(w.Body.String()+fmt.Sprint(w.Header()), "evil") {
			t.Errorf("%s %s: the Host header reaches the answer: %.300s", c.method, c.path, w.Body)
		}
	}
}

func TestNotReadyWithoutDatabase(t *testing.T) {
	s, _ := build(t, nil)
	s.DB.Close()
	if w := ask(s, "GET", "/readyz", nil, ""); w.Code != 503 {
		t.Errorf("readyz: %d", w.Code)
	}
	if w := ask(s, "GET", "/healthz", nil, ""); w.Code != 200 {
		t.Errorf("healthz: %d", w.Code)
	}
	w := ask(s, "GET", "/api/v3/system", nil, "")
	if w.Code != 200 || strings.Contains(w.Body.String(), "db:") || strings.Contains(w.Body.String(), "closed") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestClientIP(t *testing.T) {
	s, _ := build(t, map[string]string{"trusted_proxies": "10.0.0.0/8, 192.0.2.7"})
	for _, c := range []struct{ remote, forwarded, want string }{
		{"203.0.113.9:1", "", "203.0.113.9"},
		{"203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		{"10.1.2.3:1", "198.51.100.1", "198.51.100.1"},
		{"10.1.2.3:1", "198.51.100.1, 192.0.2.7", "198.51.100.1"},
		{"10.1.2.3:1", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"},
		{"10.1.2.3:1", "nonsense", "10.1.2.3"},
		{"10.1.2.3:1", "", "10.1.2.3"},
		{"[2001:db8::1]:1", "198.51.100.1", "2001:db8::1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := s.clientIP(r); got != c.want {
			t.Errorf("%s, %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

// Running requests are answered when the server stops, new ones are not taken, and readiness ends first.
func TestGracefulStop(t *testing.T) {
	s, logs := build(t, map[string]string{"stop_timeout": "5s"})
	if _, err := s.CreatePool(t.Context(), "p", true); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()

	// A request whose body is still on its way when the server is told to stop.
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := `{"query":"{ __typename }"}`
	fmt.Fprintf(c, "POST /graphql/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:10])
	time.Sleep(50 * time.Millisecond)
	stop()
	time.Sleep(50 * time.Millisecond)
	if _, err := io.WriteString(c, body[10:]); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(answer), `{"data":{"__typename":"Query"}}`) {
		t.Errorf("%q, %v", answer, err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(6 * time.Second):
		t.Fatal("the server does not stop")
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("a stopped server takes connections")
	}
	if !strings.Contains(logs.String(), "stopping") {
		t.Error("stopping is not logged")
	}
}

func TestLimits(t *testing.T) {
	s, _ := build(t, map[string]string{"max_body": "2048"})
	big := `{"x":"` + strings.Repeat("y", 4096) + `"}`
	for path, want := range map[string]string{"/api/v3/is-user-exists": `"statusCode":413`, "/graphql/v2": `"errors":[{"message":{"code":`, "/api/v2/users/batch": `"code":`} {
		w := ask(s, "POST", path, nil, big)
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), `"code":200`) {
			t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
	}
}

// A lost or foreign master key stops the start and replaces nothing.
func TestMasterKeyBelongsToTheDatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	start := func() error {
		c, err := Load("", nil, map[string]string{"data": dir, "argon2_memory": "64", "argon2_time": "1"})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Build(t.Context(), c, "test", slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = s.CreatePool(t.Context(), "p", true)
		return err
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "master.key")
	right, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name string) {
		t.Helper()
		var wrong *ConfigError
		if err := start(); !errors.As(err, &wrong) || wrong.Key != "master_key" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	refused("lost")
	if _, err := os.Stat(key); !os.IsNotExist(err) {
		t.Errorf("a new key took the place of the lost one: %v", err)
	}
	if err := os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("foreign")
	if err := os.WriteFile(key, right, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := start(); err != nil {
		t.Errorf("put back: %v", err)
	}
}

func TestDoctor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	config := func() *Config {
		c, err := Load("", nil, map[string]string{"data": dir, "argon2_memory": "64", "argon2_time": "1"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	bad := func() (out []string) {
		for _, f := range Examine(t.Context(), config()) {
			if f.Bad {
				if f.Mend == "" {
					t.Errorf("%s does not say how to mend it", f.What)
				}
				out = append(out, f.What)
			}
		}
		return out
	}
	if got := bad(); got != nil {
		t.Errorf("nothing is there yet and nothing is wrong: %v", got)
	}
	s, err := Build(t.Context(), config(), "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreatePool(t.Context(), "p", true); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if got := bad(); got != nil {
		t.Errorf("a fresh installation is well: %v", got)
	}
	key := filepath.Join(dir, "master.key")
	for _, c := range []struct {
		name       string
		spoil, fix func() error
		want       string
	}{
		{"folder open to others", func() error { return os.Chmod(dir, 0o755) }, func() error { return os.Chmod(dir, 0o700) }, "data folder"},
		{"database open to others", func() error { return os.Chmod(filepath.Join(dir, "guildhall.db"), 0o644) },
			func() error { return os.Chmod(filepath.Join(dir, "guildhall.db"), 0o600) }, "database file"},
		{"master key open to others", func() error { return os.Chmod(key, 0o644) }, func() error { return os.Chmod(key, 0o600) }, "master key"},
		{"another master key", func() error { return os.Rename(key, key+".old") }, func() error { return os.Rename(key+".old", key) }, "master key"},
	} {
		if err := c.spoil(); err != nil {
			t.Fatal(err)
		}
		if c.name == "another master key" {
			if err := os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := bad(); len(got) == 0 || got[0] != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
		if err := c.fix(); err != nil {
			t.Fatal(err)
		}
	}
	if f := examineClock(time.Unix(0, 0)); !f.Bad {
		t.Error("1970 is no time")
	}
}

func BenchmarkGetUser(b *testing.B) {
	s, token, id := benchServer(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest("GET", "/api/v3/get-user?userId="+id, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if !bytes.HasPrefix(w.Body.Bytes(), []byte(`{"statusCode":200`)) {
				b.Fatal(w.Body)
			}
		}
	})
}

func BenchmarkListUsers50(b *testing.B) {
	s, token, _ := benchServer(b)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/api/v3/list-users", strings.NewReader(`{"options":{"pagination":{"page":1,"limit":50}}}`))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if !bytes.HasPrefix(w.Body.Bytes(), []byte(`{"statusCode":200`)) {
			b.Fatal(w.Body)
		}
	}
}

func benchServer(b *testing.B) (s *Server, token, id string) {
	s, _ = build(b, nil)
	c, err := s.CreatePool(b.Context(), "p", true)
	if err != nil {
		b.Fatal(err)
	}
	t, err := s.Signin.ManagementToken(b.Context(), c.AccessKeyID, c.AccessKeySecret, true)
	if err != nil {
		b.Fatal(err)
	}
	header := http.Header{"Authorization": {"Bearer " + t.Text}}
	for i := range 100 {
		w := ask(s, "POST", "/api/v3/create-user", header, fmt.Sprintf(`{"username":"u%d","email":"u%d@example.com","name":"Maria Müller","city":"Köln"}`, i, i))
		var a struct {
			Data struct {
				UserID string `json:"userId"`
			} `json:"data"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || a.Data.UserID == "" {
			b.Fatal(w.Body, err)
		}
		id = a.Data.UserID
	}
	return s, t.Text, id
}
