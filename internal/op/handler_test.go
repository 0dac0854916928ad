package op

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// plain is a wire that names the caller in a header and answers with a line of text.
type plain struct{ steps *[]string }

func (p plain) note(s string) {
	if p.steps != nil {
		*p.steps = append(*p.steps, s)
	}
}

func (p plain) Caller(r *http.Request, body []byte, o *Op) (*caller.Caller, error) {
	p.note("caller " + string(body))
	c := &caller.Caller{RequestID: "r1"}
	switch r.Header.Get("who") {
	case "key":
		c.Kind = caller.Key
	case "user":
		c.Kind = caller.User
	case "system":
		c.Kind = caller.System
	case "forger":
		return nil, fault.New(fault.Unauthenticated, "signature_wrong")
	case "broken":
		return c, errors.New("no database")
	}
	return c, nil
}

func (p plain) Succeed(w http.ResponseWriter, r *http.Request, o *Op, c *caller.Caller, data any) {
	p.note("succeed")
	fmt.Fprintf(w, "ok %s %v", c.RequestID, data)
}

func (p plain) Fail(w http.ResponseWriter, r *http.Request, o *Op, c *caller.Caller, err error) {
	p.note("fail")
	code := "internal"
	if e := fault.As(err); e != nil {
		code = e.Code
	}
	fmt.Fprintf(w, "%v %s %s", fault.KindOf(err), code, c.RequestID)
}

type greeting struct {
	Name string `json:"name" rule:"required"`
}

func greet(ctx context.Context, in *greeting) (string, error) {
	return fmt.Sprintf("hello %s of kind %d", in.Name, caller.From(ctx).Kind), nil
}

func TestHandler(t *testing.T) {
	post := Post("/greet", "greet", ManagementKey, greet)
	get := Get("/greet", "greet", ManagementKey, greet)
	fails := func(err error) Op {
		return Post("/greet", "greet", Anyone, func(context.Context, *greeting) (string, error) { return "x", err })
	}
	for _, c := range []struct {
		op         Op
		who        string
		query      string
		body       string
		want       string
		wantLogged string
	}{
		{post, "key", "", `{"name":"a"}`, "ok r1 hello a of kind 1", ""},
		{post, "system", "name=b", `{"name":"a"}`, "ok r1 hello a of kind 3", ""},
		{get, "key", "name=b", ``, "ok r1 hello b of kind 1", ""},
		{get, "key", "name=b", `{{{`, "ok r1 hello b of kind 1", ""},
		{post, "key", "", ``, "invalid field_format r1", ""},
		{post, "key", "", `[]`, "invalid body_malformed r1", ""},
		// A refusal of the caller hides what would be said of the arguments.
		{post, "", "", `[]`, "unauthenticated unauthenticated r1", ""},
		{post, "user", "", `[]`, "forbidden forbidden r1", ""},
		{post, "forger", "", `[]`, "unauthenticated signature_wrong ctx", ""},
		{post, "broken", "", `[]`, "internal internal r1", "no database"},
		// The limit comes before everything.
		{post, "forger", "", `{"name":"` + strings.Repeat("a", 100) + `"}`, "too large body_too_large ctx", ""},
		// Failures of the call.
		{fails(fault.New(fault.Conflict, "taken")), "", "", `{"name":"a"}`, "conflict taken r1", ""},
		{fails(errors.New("secret detail")), "", "", `{"name":"a"}`, "internal internal r1", "secret detail"},
		{fails(fault.New(fault.Internal, "odd")), "", "", `{"name":"a"}`, "internal odd r1", "odd"},
		{fails(fmt.Errorf("query: %w", context.DeadlineExceeded)), "", "", `{"name":"a"}`, "unavailable deadline r1", "query: context deadline exceeded"},
		{fails(fault.New(fault.Unavailable, "database_busy").Because(context.DeadlineExceeded)), "", "", `{"name":"a"}`, "unavailable database_busy r1", "database_busy"},
		{Unserved("POST", "/x", "createX"), "", "", `[]`, "invalid body_malformed r1", ""},
		{Unserved("POST", "/x", "createX"), "", "", `{"any":1}`, "unsupported operation_unsupported r1", ""},
	} {
		t.Run(c.op.Method+" "+c.who+" "+c.body, func(t *testing.T) {
			var log bytes.Buffer
			ctx := WithLogger(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
			ctx = caller.With(ctx, &caller.Caller{RequestID: "ctx"})
			r := httptest.NewRequestWithContext(ctx, c.op.Method, "/greet?"+c.query, strings.NewReader(c.body))
			r.Header.Set("who", c.who)
			w := httptest.NewRecorder()
			Handler(c.op, plain{}, Limits{Body: 64, Deadline: time.Second}).ServeHTTP(w, r)
			if got := w.Body.String(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			switch {
			case c.wantLogged == "" && log.Len() > 0:
				t.Errorf("logged: %s", &log)
			case c.wantLogged != "" && (strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), c.wantLogged) ||
				!strings.Contains(log.String(), "request=r1") || !strings.Contains(log.String(), "operation=greet")):
				t.Errorf("logged: %s", &log)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	var steps []string
	note := func(s string) { steps = append(steps, s) }
	o := Post("/greet", "greet", func(*caller.Caller) error { note("rule"); return nil },
		func(_ context.Context, in *greeting) (string, error) { note("call " + in.Name); return "", nil })
	r := httptest.NewRequest("POST", "/greet", strings.NewReader(`{"name":"a"}`))
	Handler(o, plain{&steps}, Limits{Body: 64}).ServeHTTP(httptest.NewRecorder(), r)
	if got, want := strings.Join(steps, ", "), `caller {"name":"a"}, rule, call a, succeed`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The limit holds for bodies that do not say their length, and a body of exactly the limit passes.
func TestBodyLimit(t *testing.T) {
	h := Handler(Post("/greet", "greet", Anyone, greet), plain{}, Limits{Body: 64})
	for _, size := range []int{64, 65} {
		body := `{"name":"` + strings.Repeat("a", size-11) + `"}`
		r := httptest.NewRequest("POST", "/greet", io.MultiReader(strings.NewReader(body)))
		r.ContentLength = -1
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got, want := strings.HasPrefix(w.Body.String(), "ok"), size == 64; got != want {
			t.Errorf("%d bytes: %s", size, w.Body)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/greet", iotest.ErrReader(io.ErrUnexpectedEOF)))
	if got := w.Body.String(); got != "invalid body_malformed " {
		t.Errorf("broken body: %s", got)
	}
}

func TestPanic(t *testing.T) {
	var log bytes.Buffer
	ctx := WithLogger(t.Context(), slog.New(slog.NewJSONHandler(&log, nil)))
	h := Handler(Post("/greet", "greet", Anyone, func(_ context.Context, in *greeting) (string, error) {
		panic("boom " + in.Name)
	}), plain{}, Limits{Body: 64})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/greet", strings.NewReader(`{"name":"a"}`)))
	if got := w.Body.String(); got != "internal internal r1" {
		t.Errorf("answered %q", got)
	}
	if s := log.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "panic: boom a") || !strings.Contains(s, "handler_test.go") {
		t.Errorf("logged %s", s)
	}
}

func TestDeadline(t *testing.T) {
	h := Handler(Post("/greet", "greet", Anyone, func(ctx context.Context, in *greeting) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}), plain{}, Limits{Body: 64, Deadline: time.Millisecond})
	w := httptest.NewRecorder()
	ctx := WithLogger(t.Context(), slog.New(slog.DiscardHandler))
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/greet", strings.NewReader(`{"name":"a"}`)))
	if got := w.Body.String(); got != "unavailable deadline r1" {
		t.Errorf("answered %q", got)
	}
}

func TestClientGone(t *testing.T) {
	for _, result := range []error{nil, context.Canceled} {
		var steps []string
		ctx, cancel := context.WithCancel(t.Context())
		h := Handler(Post("/greet", "greet", Anyone, func(context.Context, *greeting) (string, error) {
			cancel()
			return "", result
		}), plain{&steps}, Limits{Body: 64, Deadline: time.Second})
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if v := recover(); v != http.ErrAbortHandler {
					t.Errorf("recovered %v", v)
				}
			}()
			h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/greet", strings.NewReader(`{"name":"a"}`)))
		}()
		if w.Body.Len() > 0 || len(steps) != 1 {
			t.Errorf("answered %q after %v", w.Body, steps)
		}
	}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name string
		rule Rule
		want map[caller.Kind]error
	}{
		{"Anyone", Anyone, map[caller.Kind]error{}},
		{"ManagementKey", ManagementKey, map[caller.Kind]error{caller.Anonymous: ErrUnauthenticated, caller.User: ErrForbidden}},
		{"SignedInUser", SignedInUser, map[caller.Kind]error{caller.Anonymous: ErrUnauthenticated, caller.Key: ErrForbidden, caller.System: ErrForbidden}},
		{"KeyOrUser", KeyOrUser, map[caller.Kind]error{caller.Anonymous: ErrUnauthenticated}},
	} {
		for _, k := range []caller.Kind{caller.Anonymous, caller.Key, caller.User, caller.System} {
			if got := c.rule(&caller.Caller{Kind: k}); got != c.want[k] {
				t.Errorf("%s of kind %d: %v, want %v", c.name, k, got, c.want[k])
			}
		}
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		op      Op
		pattern string
		writes  bool
	}{
		{Get("/a", "a", Anyone, greet), "GET /a", false},
		{Query("/a", "a", Anyone, greet), "POST /a", false},
		{Post("/a", "a", Anyone, greet), "POST /a", true},
		{Put("/a", "a", Anyone, greet), "PUT /a", true},
		{Patch("/a", "a", Anyone, greet), "PATCH /a", true},
		{Delete("/a/{id}", "a", Anyone, greet), "DELETE /a/{id}", true},
	} {
		if c.op.Pattern() != c.pattern || c.op.Writes != c.writes || c.op.In().Name() != "greeting" || c.op.Out().Kind().String() != "string" {
			t.Errorf("%+v", c.op)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an operation without a rule was made")
		}
	}()
	Get("/a", "a", nil, greet)
}

// A PUT on a path with parameters, through the standard mux.
func TestMux(t *testing.T) {
	type in struct {
		ID   string `path:"id"`
		Name string `json:"name"`
	}
	o := Put("/x/{id}", "x", Anyone, func(_ context.Context, in *in) (string, error) { return in.ID + "/" + in.Name, nil })
	mux := http.NewServeMux()
	mux.Handle(o.Pattern(), Handler(o, plain{}, Limits{Body: 64, Deadline: time.Second}))
	for path, want := range map[string]string{"/x/7": "ok r1 7/n", "/x/%7Bid%7D": "ok r1 {id}/n", "/x/a%2Fb": "ok r1 a/b/n", "/x/%00": "invalid field_format r1"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("PUT", path, strings.NewReader(`{"name":"n"}`)))
		if got := w.Body.String(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

type benchUser struct {
	Status       *string  `json:"status" rule:"enum=Suspended|Resigned|Activated|Archived|Deactivated"`
	Email        *string  `json:"email"`
	Phone        *string  `json:"phone"`
	Username     *string  `json:"username"`
	Name         *string  `json:"name"`
	Gender       *string  `json:"gender" rule:"enum=M|F|U"`
	Verified     *bool    `json:"emailVerified"`
	Password     *string  `json:"password"`
	Departments  []string `json:"departmentIds"`
	Options      options  `json:"options"`
	RegionalName string   `json:"region"`
}

type nowhere struct{ h http.Header }

func (n nowhere) Header() http.Header         { return n.h }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

func BenchmarkPost(b *testing.B) {
	h := Handler(Post("/create-user", "createUser", ManagementKey, func(context.Context, *benchUser) (struct{}, error) {
		return struct{}{}, nil
	}), silent{}, Limits{Body: 1 << 20, Deadline: time.Minute})
	const body = `{"status":"Activated","email":"someone@example.com","phone":"13800000000","username":"someone","name":"Some One",` +
		`"gender":"F","emailVerified":true,"password":"Passw0rd!","departmentIds":["6268f4d4e9c3b5d5a0e0f7a1"],"options":{"encrypt":"none"}}`
	r := httptest.NewRequest("POST", "/create-user", nil)
	w := nowhere{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		h.ServeHTTP(w, r)
	}
}

// silent is the cheapest wire, so that the benchmark measures the wrapper.
type silent struct{}

var benchKey = &caller.Caller{Kind: caller.Key}

func (silent) Caller(*http.Request, []byte, *Op) (*caller.Caller, error) { return benchKey, nil }
func (silent) Succeed(w http.ResponseWriter, _ *http.Request, _ *Op, _ *caller.Caller, _ any) {
	io.WriteString(w, "ok")
}
func (silent) Fail(_ http.ResponseWriter, _ *http.Request, _ *Op, _ *caller.Caller, err error) {
	panic(err)
}

// Requests share pooled buffers and decoders: none may see another's arguments, nor may a broken one spoil them.
func TestConcurrent(t *testing.T) {
	h := Handler(Post("/greet", "greet", Anyone, greet), plain{}, Limits{Body: 64, Deadline: time.Minute})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				body, want := fmt.Sprintf(`{"name":"%d-%d"}`, g, i), fmt.Sprintf("ok r1 hello %d-%d of kind 0", g, i)
				if i%7 == 0 {
					body, want = fmt.Sprintf(`{"name":"%d-%d","x":[{"`, g, i), "invalid body_malformed r1"
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("POST", "/greet", strings.NewReader(body)))
				if got := w.Body.String(); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
		})
	}
	wg.Wait()
}
