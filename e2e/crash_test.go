// Package e2e tests the built binary from outside. The tests of the official clients are the .mjs files beside this one.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/testhall"
)

// binary is the program under test: GUILDHALL_BIN, or one built for the test.
func binary(t *testing.T) string {
	if bin := os.Getenv("GUILDHALL_BIN"); bin != "" {
		return bin
	}
	bin := filepath.Join(t.TempDir(), "guildhall")
	if out, err := exec.Command("go", "build", "-o", bin, "../cmd/guildhall").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

type instance struct {
	t       *testing.T
	bin     string
	flags   []string
	base    string
	dsn     string // of the database
	command *exec.Cmd
	logs    bytes.Buffer

	credentials struct{ AccessKeyID, AccessKeySecret, AppID, AppSecret string }
}

func (i *instance) start() {
	i.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		i.t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	i.base = "http://" + address
	i.command = exec.Command(i.bin, append([]string{"serve", "--listen", address}, i.flags...)...)
	i.command.Stdout, i.command.Stderr = &i.logs, &i.logs
	if err := i.command.Start(); err != nil {
		i.t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
		if resp, err := http.Get(i.base + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	i.kill()
	i.t.Fatalf("not ready after 10 s\n%s", i.logs.String())
}

func (i *instance) kill() {
	_ = i.command.Process.Kill()
	_ = i.command.Wait()
}

var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

type answer struct {
	StatusCode int             `json:"statusCode"`
	Message    string          `json:"message"`
	Data       json.RawMessage `json:"data"`
}

func (i *instance) call(method, path, token string, in any) (answer, error) {
	var a answer
	body, err := json.Marshal(in)
	if err != nil {
		return a, err
	}
	var reader io.Reader
	if method == http.MethodPost {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequest(method, i.base+path, reader)
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(r)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

func (i *instance) token() string {
	i.t.Helper()
	a, err := i.call(http.MethodPost, "/api/v3/get-management-token", "", map[string]string{
		"accessKeyId": i.credentials.AccessKeyID, "accessKeySecret": i.credentials.AccessKeySecret})
	var data struct {
		AccessToken string `json:"access_token"`
	}
	if err != nil || json.Unmarshal(a.Data, &data) != nil || data.AccessToken == "" {
		i.t.Fatalf("no token: %+v, %v", a, err)
	}
	return data.AccessToken
}

// onEachEngine runs a test with a running server that has one pool and an access key of it.
func onEachEngine(t *testing.T, test func(t *testing.T, i *instance)) {
	bin := binary(t)
	engines := map[string]func(t *testing.T) string{"sqlite": func(*testing.T) string { return "" }}
	for _, c := range testhall.PostgresVersions(t) {
		engines[c.Name] = func(t *testing.T) string { return c.Database(t) }
	}
	for name, dsn := range engines {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			i := &instance{t: t, bin: bin, flags: []string{"--data", data}, dsn: dsn(t)}
			if i.dsn != "" {
				i.flags = append(i.flags, "--db", i.dsn)
			} else {
				i.dsn = filepath.Join(data, "guildhall.db")
			}
			out, err := exec.Command(bin, append([]string{"init", "--pool-name", "crash", "--json"}, i.flags...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(out, &i.credentials); err != nil {
				t.Fatal(err)
			}
			i.start()
			t.Cleanup(i.kill)
			test(t, i)
		})
	}
}

// What was acknowledged is there after kill -9, what was not is there whole or not at all, and the kept number of users is right.
func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	onEachEngine(t, func(t *testing.T, i *instance) {
		token := i.token()
		const users = 10_000
		killAt := int64(500 + rand.IntN(users/2))
		var (
			next, done atomic.Int64
			mu         sync.Mutex
			known      = map[string]string{} // user name -> id of what was acknowledged
			wg         sync.WaitGroup
			once       sync.Once
		)
		for range 32 {
			wg.Go(func() {
				for {
					n := next.Add(1)
					if n > users {
						return
					}
					name := fmt.Sprint("user-", n)
					a, err := i.call(http.MethodPost, "/api/v3/create-user", token, map[string]any{"username": name, "email": name + "@example.com",
						"customData": map[string]any{"school": name}})
					if err != nil {
						return // the server is gone
					}
					var u struct {
						UserID string `json:"userId"`
					}
					if a.StatusCode != 200 || json.Unmarshal(a.Data, &u) != nil {
						t.Errorf("%s: %d %s", name, a.StatusCode, a.Message)
						return
					}
					mu.Lock()
					known[name] = u.UserID
					mu.Unlock()
					if done.Add(1) == killAt {
						go once.Do(func() { _ = i.command.Process.Kill() })
					}
				}
			})
		}
		wg.Wait()
		_ = i.command.Wait()
		if len(known) < int(killAt) || len(known) == users {
			t.Fatalf("%d creations were acknowledged, the kill came at %d", len(known), killAt)
		}

		i.start()
		token = i.token()
		found := map[string]string{}
		var total int
		for page := 1; ; page++ {
			a, err := i.call(http.MethodPost, "/api/v3/list-users", token, map[string]any{"options": map[string]any{
				"pagination": map[string]int{"page": page, "limit": 50}, "withCustomData": true}})
			if err != nil {
				t.Fatal(err)
			}
			var data struct {
				TotalCount int `json:"totalCount"`
				List       []struct {
					UserID, Username, Email string
					CustomData              map[string]string
				} `json:"list"`
			}
			if err := json.Unmarshal(a.Data, &data); err != nil {
				t.Fatalf("%+v, %v", a, err)
			}
			for _, u := range data.List {
				found[u.Username] = u.UserID
				if u.Email != u.Username+"@example.com" || u.CustomData["school"] != u.Username {
					t.Errorf("%s is half there: %+v", u.Username, u)
				}
			}
			total = data.TotalCount
			if len(data.List) == 0 {
				break
			}
		}
		if total != len(found) {
			t.Errorf("the kept number is %d, there are %d users", total, len(found))
		}
		lost := 0
		for name, id := range known {
			if found[name] != id {
				lost++
			}
		}
		t.Logf("%d acknowledged before the kill, %d found after it, %d lost", len(known), len(found), lost)
		if lost > 0 {
			t.Errorf("%d acknowledged users are lost", lost)
		}
	})
}
