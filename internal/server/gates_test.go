package server

import (
	"encoding/json"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/gate"
	"github.com/guildhall-id/guildhall/internal/op"
)

func TestGateSizes(t *testing.T) {
	n := runtime.GOMAXPROCS(0)
	for _, c := range []struct {
		class   op.Class
		running int
		want    gate.Size
	}{
		{op.Point, 0, gate.Size{Running: 64 * n, Waiting: 1024 * n, Patience: time.Second}},
		{op.List, 0, gate.Size{Running: 8 * n, Waiting: 128 * n, Patience: time.Second}},
		{op.Write, 0, gate.Size{Running: 32 * n, Waiting: 512 * n, Patience: time.Second}},
		{op.Write, 3, gate.Size{Running: 3, Waiting: 48, Patience: time.Second}},
	} {
		if got := gateSize(c.class, c.running, time.Second); got != c.want {
			t.Errorf("%v, %d: %+v, want %+v", c.class, c.running, got, c.want)
		}
	}
	c, err := Load("", nil, map[string]string{"points_parallel": "1", "lists_parallel": "2", "writes_parallel": "3", "queue_time": "5s"})
	if err != nil {
		t.Fatal(err)
	}
	for class, want := range map[op.Class]int{op.Point: 1, op.List: 2, op.Write: 3} {
		if got := newGates(c)[class].Size(); got != (gate.Size{Running: want, Waiting: 16 * want, Patience: 5 * time.Second}) {
			t.Errorf("%v: %+v", class, got)
		}
	}
	if c.Password.Patience != 5*time.Second {
		t.Errorf("passwords wait %s", c.Password.Patience)
	}
}

// At a server whose every place is taken for longer than anybody waits, both wires refuse in their own form, and what machines ask
// is answered.
func TestOverload(t *testing.T) {
	s, logs := build(t, map[string]string{"points_parallel": "1", "lists_parallel": "1", "writes_parallel": "1", "password_parallel": "1", "queue_time": "10ms"})
	c, err := s.CreatePool(t.Context(), "p", true)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Signin.ManagementToken(t.Context(), c.AccessKeyID, c.AccessKeySecret, true)
	if err != nil {
		t.Fatal(err)
	}
	key := http.Header{"Authorization": {"Bearer " + token.Text}}
	english := http.Header{"X-Authing-Lang": {"en-US"}}
	const three, two, graphql = `{"statusCode":429,"message":"服务繁忙，请稍后重试","requestId":"*"}`, `{"code":1000,"statusCode":429,"apiCode":1000,"message":"服务繁忙，请稍后重试","requestId":"*"}`,
		`{"errors":[{"message":{"code":1000,"message":"服务繁忙，请稍后重试","data":null},"locations":null,"path":null,"extensions":{"code":1000,"extension":{"name":"server_busy"}},"requestId":"*"}],"data":null}`
	for _, x := range []struct {
		full, method, path string
		header             http.Header
		body, want         string // "" = not refused
	}{
		{"point", "GET", "/api/v3/get-user?userId=x", key, "", three},
		{"point", "GET", "/api/v3/get-user?userId=x", nil, "", three}, // before anybody is asked who they are
		{"point", "GET", "/api/v3/get-user?userId=x", english, "", `{"statusCode":429,"message":"The service is busy, try again later","requestId":"*"}`},
		{"point", "GET", "/api/v2/users/x", nil, "", two},
		{"point", "GET", "/api/v2/users/x", english, "", `{"code":1000,"statusCode":429,"apiCode":1000,"message":"The service is busy, try again later","requestId":"*"}`},
		{"point", "POST", "/graphql/v2", nil, `{"query":"{user(id: \"x\") {id}}"}`, graphql},
		{"point", "POST", "/api/v3/list-users", key, "{}", ""},
		{"point", "POST", "/api/v3/create-user", key, `{"username":"a"}`, ""},
		{"list", "POST", "/api/v3/list-users", key, "{}", three},
		{"list", "POST", "/api/v2/users/batch", nil, "{}", two},
		{"list", "POST", "/graphql/v2", nil, `{"query":"{users {totalCount}}"}`, graphql},
		{"list", "POST", "/graphql/v2", nil, `{"query":"{user(id: \"x\") {id}}"}`, ""},
		{"list", "GET", "/api/v3/get-user?userId=x", key, "", ""},
		{"write", "POST", "/api/v3/create-user", key, `{"username":"b"}`, three},
		{"write", "POST", "/graphql/v2", nil, `{"query":"mutation {deleteUser(id: \"x\") {code}}"}`, graphql},
		{"write", "POST", "/api/v3/list-users", key, "{}", ""},
		{"password", "POST", "/api/v3/create-user", key, `{"username":"c","password":"Passw0rd!"}`, `{"statusCode":429,"message":"登录人数过多，请稍后重试","requestId":"*"}`},
		{"password", "POST", "/api/v3/create-user", key, `{"username":"d"}`, ""},
	} {
		g := s.gates[x.full]
		if err := g.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		w := ask(s, x.method, x.path, x.header, x.body)
		got := regexp.MustCompile(`"requestId":"\w+"`).ReplaceAllString(w.Body.String(), `"requestId":"*"`)
		refused := w.Header().Get("Retry-After") == "1"
		switch {
		case w.Code != http.StatusOK:
			t.Errorf("%s full, %s: status %d", x.full, x.path, w.Code)
		case x.want == "" && (refused || strings.Contains(got, "429") || strings.Contains(got, "server_busy")):
			t.Errorf("%s full, %s is refused: %s", x.full, x.path, got)
		case x.want != "" && (!refused || got != x.want):
			t.Errorf("%s full, %s: Retry-After %q\n%s, want\n%s", x.full, x.path, w.Header().Get("Retry-After"), got, x.want)
		}
		g.Leave()
	}

	for _, g := range s.gates {
		if err := g.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer g.Leave()
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/"} {
		if w := ask(s, "GET", path, nil, ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
	}
	told := ask(s, "GET", "/metrics", nil, "").Body.String()
	for _, line := range []string{`guildhall_gate_running{class="point"} 1`, `guildhall_gate_waiting{class="list"} 0`, `guildhall_gate_refused_total{class="point"} 6`,
		`guildhall_gate_refused_total{class="list"} 3`, `guildhall_gate_refused_total{class="write"} 2`, `guildhall_gate_refused_total{class="password"} 1`} {
		if !strings.Contains(told, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if got := logs.String(); strings.Contains(got, `"level":"ERROR"`) || strings.Contains(got, `"level":"WARN"`) {
		t.Errorf("refusals are logged: a flood would flood the log\n%s", got)
	}
}

// A flood over real connections: everybody is answered, by success or by refusal, and all places are free afterwards.
func TestFlood(t *testing.T) {
	s, _ := build(t, map[string]string{"lists_parallel": "1", "queue_time": "30s"})
	c, err := s.CreatePool(t.Context(), "p", true)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Signin.ManagementToken(t.Context(), c.AccessKeyID, c.AccessKeySecret, true)
	if err != nil {
		t.Fatal(err)
	}
	g := s.gates["list"]
	if err := g.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	const callers = 40 // one place that is held, sixteen that wait, and the rest
	answers := make(chan int, callers)
	for range callers {
		go func() {
			w := ask(s, "POST", "/api/v3/list-users", http.Header{"Authorization": {"Bearer " + token.Text}}, "{}")
			var a struct {
				StatusCode int `json:"statusCode"`
			}
			_ = json.Unmarshal(w.Body.Bytes(), &a)
			answers <- a.StatusCode
		}()
	}
	count := map[int]int{}
	for range callers - 16 {
		count[<-answers]++
	}
	if count[429] != callers-16 {
		t.Errorf("while the place is held: %v", count)
	}
	g.Leave()
	for range 16 {
		count[<-answers]++
	}
	if count[200] != 16 || g.Load().Running != 0 || g.Load().Waiting != 0 {
		t.Errorf("in the end %v, %+v", count, g.Load())
	}
}
