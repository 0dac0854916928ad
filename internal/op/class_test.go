package op

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/gate"
)

func TestClasses(t *testing.T) {
	type one struct {
		ID string `json:"id"`
	}
	type page struct {
		Page *int64 `json:"page"`
	}
	type options struct {
		Options struct {
			Pagination struct {
				Limit *int64 `json:"limit"`
			} `json:"pagination"`
		} `json:"options"`
	}
	type shallow struct {
		Options struct {
			Limit *int64 `json:"limit"`
		} `json:"options"`
	}
	for _, c := range []struct {
		op   Op
		want Class
	}{
		{Get("/x", "getUser", Anyone, nothing[one]), Point},
		{Query("/x", "getUser", Anyone, nothing[one]), Point},
		{Get("/x", "getUser", Anyone, nothing[page]), List},
		{Query("/x", "getUser", Anyone, nothing[options]), List},
		{Query("/x", "getUser", Anyone, nothing[shallow]), List},
		{Get("/x", "listUsers", Anyone, nothing[one]), List},
		{Get("/x", "searchUsers", Anyone, nothing[one]), List},
		{Get("/x", "getAllUsers", Anyone, nothing[one]), List},
		{Get("/x", "getUserBatch", Anyone, nothing[one]), List},
		{Query("/x", "batch", Anyone, nothing[one]), List},
		{Post("/x", "listUsers", Anyone, nothing[page]), Write},
		{Put("/x", "x", Anyone, nothing[one]), Write},
		{Patch("/x", "x", Anyone, nothing[one]), Write},
		{Delete("/x", "x", Anyone, nothing[one]), Write},
		{Unserved("POST", "/x", "createX"), Point},
		{Get("/x", "getUser", Anyone, nothing[one]).Costs(Write), Write},
	} {
		if c.op.Class != c.want {
			t.Errorf("%s %s %v is a %v, want a %v", c.op.Method, c.op.Name, c.op.In(), c.op.Class, c.want)
		}
	}
}

func nothing[In any](context.Context, *In) (string, error) { return "", nil }

// gates are of one slot each, with one place to wait.
func gates() Gates {
	var g Gates
	for _, c := range Classes() {
		g[c] = gate.New(gate.Size{Running: 1, Waiting: 1, Patience: time.Minute}, ErrBusy)
	}
	return g
}

// held fills the slot, and the place to wait, of a class.
func held(t *testing.T, g Gates, c Class) (free func()) {
	ctx, cancel := context.WithCancel(t.Context())
	if err := g[c].Enter(ctx); err != nil {
		t.Fatal(err)
	}
	go func() {
		if g[c].Enter(ctx) == nil {
			g[c].Leave()
		}
	}()
	synctest.Wait()
	return func() {
		cancel()
		synctest.Wait()
		g[c].Leave()
	}
}

func TestGates(t *testing.T) {
	type in struct {
		Class int64 `json:"class"`
	}
	get := Get("/x", "x", Anyone, nothing[in])
	regraded := Regrade(Query("/x", "x", Anyone, nothing[in]), func(in *in) Class { return Class(in.Class) })
	for _, c := range []struct {
		name string
		op   Op
		full Class
		body string
		want string
	}{
		{"its class is full", get, Point, "", "throttled server_busy ctx"},
		{"another class is full", get, List, "", "ok r1 "},
		{"the class before is full", regraded, Point, `{"class":2}`, "throttled server_busy ctx"},
		{"the class after is full", regraded, Write, `{"class":2}`, "throttled server_busy r1"},
		{"neither is full", regraded, List, `{"class":2}`, "ok r1 "},
		{"the class stays", regraded, Write, `{"class":0}`, "ok r1 "},
		{"the body is too large", get.as(http.MethodPost), Point, strings.Repeat(" ", 65), "too large body_too_large ctx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gates()
				free := held(t, g, c.full)
				var steps []string
				w := serve(t, c.op, g, plain{&steps}, strings.NewReader(c.body))
				if got := w.Body.String(); got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
				throttled := strings.HasPrefix(c.want, "throttled")
				if got := w.Header().Get("Retry-After"); (got == retryAfter) != throttled {
					t.Errorf("Retry-After %q", got)
				}
				if throttled && strings.HasSuffix(c.want, "ctx") && steps[0] != "fail" {
					t.Errorf("the refused one was worked for: %v", steps)
				}
				free()
				atRest(t, g)
			})
		})
	}
}

// Who waits for a place of the class that was found has given the first one back.
func TestRegradedWaitHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type in struct{}
		g := gates()
		if err := g[Write].Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		o := Regrade(Query("/x", "x", Anyone, nothing[in]), func(*in) Class { return Write })
		done := make(chan string)
		go func() { done <- serve(t, o, g, plain{}, strings.NewReader("{}")).Body.String() }()
		synctest.Wait()
		if p, w := g[Point].Load(), g[Write].Load(); p.Running != 0 || w.Waiting != 1 {
			t.Errorf("while it waits: point %+v, write %+v", p, w)
		}
		g[Write].Leave()
		if got := <-done; got != "ok r1 " {
			t.Errorf("%q", got)
		}
		atRest(t, g)
	})
}

// as is o as if it had another method.
func (o Op) as(method string) Op {
	o.Method = method
	return o
}

func serve(t *testing.T, o Op, g Gates, wire Wire, body io.Reader) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	Handler(o, wire, Limits{Body: 64, Deadline: time.Minute, Gates: g}).ServeHTTP(w, testRequest(t.Context(), o.Method, body))
	return w
}

func testRequest(ctx context.Context, method string, body io.Reader) *http.Request {
	ctx = WithLogger(caller.With(ctx, &caller.Caller{RequestID: "ctx"}), slog.New(slog.DiscardHandler))
	return httptest.NewRequestWithContext(ctx, method, "/x", body)
}

func atRest(t *testing.T, g Gates) {
	t.Helper()
	for _, c := range Classes() {
		if l := g[c].Load(); l.Running != 0 || l.Waiting != 0 {
			t.Errorf("%v at rest: %+v", c, l)
		}
	}
}

// No way through the handler keeps a slot: a hundred go each way through gates of one.
func TestSlotsComeBack(t *testing.T) {
	type in struct {
		Must string `json:"must" rule:"required"`
	}
	call := func(f func()) func(context.Context, *in) (string, error) {
		return func(context.Context, *in) (string, error) { f(); return "", errors.New("failed") }
	}
	boom := func() { panic("boom") }
	for _, c := range []struct {
		name string
		op   Op
		body string
		wire Wire
	}{
		{"failure", Post("/x", "x", Anyone, call(func() {})), `{"must":"x"}`, plain{}},
		{"panic", Post("/x", "x", Anyone, call(boom)), `{"must":"x"}`, plain{}},
		{"panic that aborts", Post("/x", "x", Anyone, call(func() { panic(http.ErrAbortHandler) })), `{"must":"x"}`, plain{}},
		{"panic while the class is found", Regrade(Post("/x", "x", Anyone, call(func() {})), func(*in) Class { boom(); return Point }), `{"must":"x"}`, plain{}},
		{"panic in another class", Regrade(Post("/x", "x", Anyone, call(boom)), func(*in) Class { return List }), `{"must":"x"}`, plain{}},
		{"panic of the wire", Post("/x", "x", Anyone, call(func() {})), `{"must":"x"}`, explosive{}},
		{"rule", Post("/x", "x", ManagementKey, call(func() {})), `{"must":"x"}`, plain{}},
		{"arguments", Post("/x", "x", Anyone, call(func() {})), `{}`, plain{}},
		{"malformed", Post("/x", "x", Anyone, call(func() {})), `{`, plain{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gates()
			for range 100 {
				func() {
					defer func() { _ = recover() }()
					serve(t, c.op, g, c.wire, strings.NewReader(c.body))
				}()
			}
			atRest(t, g)
			for _, class := range Classes() {
				if g[class].Load().Refused != 0 {
					t.Errorf("%v has refused", class)
				}
			}
		})
	}
}

// explosive is a wire that panics over every caller.
type explosive struct{ plain }

func (explosive) Caller(*http.Request, []byte, *Op) (*caller.Caller, error) { panic("boom") }

// A body that does not come to its end holds no slot, nor does an answer that nobody fetches.
func TestSlowClientsHoldNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type in struct{}
		o := Post("/x", "x", Anyone, nothing[in])
		g := gates()
		body, send := io.Pipe()
		done := make(chan string)
		go func() { done <- serve(t, o, g, plain{}, body).Body.String() }()
		_, _ = send.Write([]byte("{"))
		synctest.Wait()
		atRest(t, g)
		if got := serve(t, o, g, plain{}, strings.NewReader("{}")).Body.String(); got != "ok r1 " {
			t.Errorf("beside a slow one: %q", got)
		}
		_, _ = send.Write([]byte("}"))
		send.Close()
		if got := <-done; got != "ok r1 " {
			t.Errorf("the slow one: %q", got)
		}

		w := &slowWriter{httptest.NewRecorder(), make(chan struct{})}
		finished := make(chan struct{})
		go func() {
			Handler(o, plain{}, Limits{Body: 64, Gates: g}).ServeHTTP(w, testRequest(t.Context(), "POST", strings.NewReader("{}")))
			close(finished)
		}()
		synctest.Wait()
		atRest(t, g)
		close(w.fetched)
		<-finished
	})
}

type slowWriter struct {
	*httptest.ResponseRecorder
	fetched chan struct{}
}

func (w *slowWriter) Write(b []byte) (int, error) {
	<-w.fetched
	return w.ResponseRecorder.Write(b)
}

// Who waits and goes away, or waits beyond the deadline, leaves the queue, and is not worked for.
func TestWaitingEnds(t *testing.T) {
	type in struct{}
	for _, c := range []struct {
		name     string
		deadline time.Duration
		goes     bool
		want     string
	}{
		{"client gone", time.Minute, true, ""},
		{"deadline", 10 * time.Millisecond, false, "unavailable deadline ctx"},
		{"patience", 2 * time.Minute, false, "throttled server_busy ctx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gates()
				if err := g[Write].Enter(t.Context()); err != nil {
					t.Fatal(err)
				}
				var steps []string
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w := httptest.NewRecorder()
				done := make(chan any)
				go func() {
					defer func() { done <- recover() }()
					Handler(Post("/x", "x", Anyone, nothing[in]), plain{&steps}, Limits{Body: 64, Deadline: c.deadline, Gates: g}).
						ServeHTTP(w, testRequest(ctx, "POST", strings.NewReader("{}")))
				}()
				synctest.Wait()
				if g[Write].Load().Waiting != 1 {
					t.Error("it does not wait")
				}
				if c.goes {
					cancel()
				}
				if v := <-done; c.goes != (v == http.ErrAbortHandler) {
					t.Errorf("recovered %v", v)
				}
				if got := w.Body.String(); got != c.want || len(steps) > 1 {
					t.Errorf("%q after %v, want %q", got, steps, c.want)
				}
				g[Write].Leave()
				atRest(t, g)
			})
		})
	}
}
