package v2

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

const testPhoto = "http://guildhall.test/avatar.svg"

// hall is the wire over a fresh domain with two pools. An error that the server would have to explain fails the test.
type hall struct {
	*testhall.Hall
	api        *API
	mux        *http.ServeMux
	handler    http.Handler
	one, two   testhall.Pool
	known      map[string]string // what steps have saved, and what every test has
	mayFail    bool              // internal errors are expected
	complaints []string
}

func newHall(t testing.TB, d *db.DB) *hall {
	t.Helper()
	h := &hall{Hall: testhall.New(t, d)}
	h.one, h.two = h.Pool(t, "one"), h.Pool(t, "two")
	var err error
	h.api, err = New(Options{Directory: h.Directory, Access: h.Access, Signin: h.Signin, Log: h.Log, DB: d, DefaultPhoto: testPhoto,
		BaseURL: testhall.BaseURL, Version: "test", Limits: op.Limits{Body: 1 << 20, Deadline: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	h.mux = http.NewServeMux()
	h.api.Mount(h.mux)
	h.handler = h.around(h.mux)
	t.Cleanup(func() {
		if len(h.complaints) > 0 && !h.mayFail {
			t.Errorf("the server complained:\n%s", strings.Join(h.complaints, ""))
		}
	})
	h.known = map[string]string{
		"one": h.one.ID, "two": h.two.ID, "app": h.one.AppID, "app2": h.two.AppID, "nobody": "ffffffffffffffffffffffff",
		"secret": h.one.Secret, "photo": testPhoto, "keyID": h.one.KeyID, "keySecret": h.one.KeySecret,
	}
	for name, pool := range map[string]testhall.Pool{"key": h.one, "key2": h.two} {
		token, err := h.Signin.ManagementToken(context.Background(), pool.ID, pool.Secret, false)
		if err != nil {
			t.Fatal(err)
		}
		h.known[name] = token.Text
	}
	return h
}

// around puts round a mux what the server puts there.
func (h *hall) around(mux http.Handler) http.Handler {
	logger := slog.New(slog.NewTextHandler(complain(func(line string) { h.complaints = append(h.complaints, line) }), nil))
	behind := browser.Wrap(browser.NewCookies(testhall.BaseURL, false), browser.CORS(h.Signin.OriginAllowed, mux))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := caller.With(r.Context(), &caller.Caller{RequestID: "r1", ClientIP: "192.0.2.7", UserAgent: "test"})
		behind.ServeHTTP(w, r.WithContext(op.WithLogger(ctx, logger)))
	})
}

type complain func(string)

func (f complain) Write(b []byte) (int, error) { f(string(b)); return len(b), nil }

// eachHall runs a test on every engine.
func eachHall(t *testing.T, test func(t *testing.T, h *hall)) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) { test(t, newHall(t, d)) })
}

// oneHall is a hall on SQLite, for what no engine changes.
func oneHall(t testing.TB, change ...func(o *db.Options)) *hall {
	t.Helper()
	o := db.Options{DSN: testhall.SQLite(t)}
	for _, f := range change {
		f(&o)
	}
	d, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return newHall(t, d)
}

// request sends one request; as is the token, "" for none.
func (h *hall) request(method, path, body, as string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if as != "" {
		r.Header.Set("Authorization", "Bearer "+as)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// step is a request and its answer. Words that begin with $ stand for what was saved, in every member.
type step struct {
	name string
	// as is whose token is sent: "" for the first pool's key, "none" for no token, else what was saved under that name.
	as string
	// send is a GraphQL document, or "METHOD /path".
	send string
	// with holds the variables of a document, or the body of a REST call: JSON.
	with string
	// want is a part of the answer's data (objects may have more members, "*" is anything but null), or "!" and a code.
	want string
	// save names what the answer has at a path: "ann=createUser.id".
	save string
}

func (h *hall) run(t *testing.T, steps []step) {
	t.Helper()
	for i, s := range steps {
		name := s.name
		if name == "" {
			name = fmt.Sprintf("%d %.60s", i, strings.ReplaceAll(s.send, "/", "|"))
		}
		t.Run(name, func(t *testing.T) { h.step(t, s) })
	}
}

func (h *hall) step(t *testing.T, s step) {
	t.Helper()
	as := h.known["key"]
	switch s.as {
	case "":
	case "none":
		as = ""
	default:
		as = h.known[s.as]
		if as == "" {
			t.Fatalf("nobody is called %s", s.as)
		}
	}
	method, path, rest := strings.Cut(h.fill(s.send), " /")
	var body string
	if rest {
		path = "/" + path
		if body = h.fill(s.with); body == "" && method != "GET" {
			body = "{}"
		}
	} else {
		method, path = "POST", "/graphql/v2"
		request := map[string]any{"query": h.fill(s.send)}
		if s.with != "" {
			request["variables"] = json.RawMessage(h.fill(s.with))
		}
		b, err := json.Marshal(request)
		if err != nil {
			t.Fatalf("%v in %s", err, h.fill(s.with))
		}
		body = string(b)
	}
	w := h.request(method, path, body, as)
	if w.Code != http.StatusOK {
		t.Fatalf("HTTP status %d: %s", w.Code, w.Body)
	}
	var code int
	var data any
	if rest {
		code, data = readREST(t, w.Body.Bytes())
	} else {
		code, data = readGraphQL(t, w.Body.Bytes())
	}
	want := h.fill(s.want)
	if refused, ok := strings.CutPrefix(want, "!"); ok {
		if fmt.Sprint(code) != refused {
			t.Fatalf("answered %s, want the code %s", w.Body, refused)
		}
		return
	}
	if code != 200 {
		t.Fatalf("refused: %s", w.Body)
	}
	if want != "" {
		var expected any
		if err := json.Unmarshal([]byte(want), &expected); err != nil {
			t.Fatalf("%v in the expected %s", err, want)
		}
		if problem := compare(data, expected, "data"); problem != "" {
			t.Errorf("%s\nof the answer %s", problem, w.Body)
		}
	}
	if s.save != "" {
		name, at, _ := strings.Cut(s.save, "=")
		v := data
		for key := range strings.SplitSeq(at, ".") {
			m, _ := v.(map[string]any)
			v = m[key]
		}
		text, ok := v.(string)
		if !ok {
			t.Fatalf("nothing to save at %s: %s", at, w.Body)
		}
		h.known[name] = text
	}
}

var word = regexp.MustCompile(`\$[a-zA-Z][a-zA-Z0-9]*`)

func (h *hall) fill(s string) string {
	return word.ReplaceAllStringFunc(s, func(name string) string {
		if v, ok := h.known[name[1:]]; ok {
			return v
		}
		return name
	})
}

// readREST checks an envelope of REST, or takes the answer as it is when it has none.
func readREST(t *testing.T, body []byte) (code int, data any) {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	n, ok := e["code"].(float64)
	if !ok {
		return 200, e
	}
	if _, ok := e["message"].(string); !ok || e["message"] == "" {
		t.Errorf("no message: %s", body)
	}
	if n != 200 && e["requestId"] != "r1" {
		t.Errorf("a refusal without its request: %s", body)
	}
	return int(n), e["data"]
}

// readGraphQL checks an envelope of GraphQL and returns the first error's code, or 200.
func readGraphQL(t *testing.T, body []byte) (code int, data any) {
	t.Helper()
	var e struct {
		Data   any
		Errors []struct {
			Message struct {
				Code    int
				Message string
				Data    *any
			}
			Locations []struct {
				Line   int
				Column int
			}
			Path       []any
			Extensions struct {
				Code      int
				Extension struct{ Name string }
			}
			RequestID string
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if len(e.Errors) == 0 {
		if e.Data == nil {
			t.Fatalf("neither data nor errors: %s", body)
		}
		return 200, e.Data
	}
	if e.Data != nil {
		t.Errorf("data and errors: %s", body)
	}
	for _, f := range e.Errors {
		if f.Message.Code == 0 || f.Message.Message == "" || f.Extensions.Code != f.Message.Code || f.Extensions.Extension.Name == "" || f.RequestID != "r1" {
			t.Errorf("not an error of the wire: %s", body)
		}
	}
	return e.Errors[0].Message.Code, nil
}

// compare says where actual lacks what is expected, "" when it does not.
func compare(actual, expected any, at string) string {
	switch e := expected.(type) {
	case map[string]any:
		a, ok := actual.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want an object", at, actual)
		}
		for key, want := range e {
			if problem := compare(a[key], want, at+"."+key); problem != "" {
				return problem
			}
		}
		return ""
	case []any:
		a, ok := actual.([]any)
		if !ok || len(a) != len(e) {
			return fmt.Sprintf("%s is %v, want %d elements", at, actual, len(e))
		}
		for i := range e {
			if problem := compare(a[i], e[i], fmt.Sprintf("%s[%d]", at, i)); problem != "" {
				return problem
			}
		}
		return ""
	case string:
		if e == "*" && actual != nil {
			return ""
		}
	}
	if actual != expected {
		return fmt.Sprintf("%s is %#v, want %#v", at, actual, expected)
	}
	return ""
}

// encrypted is a password as clients send it to the pool.
func (h *hall) encrypted(t testing.TB, pool, password string) string {
	t.Helper()
	keys, err := h.Directory.Keys(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	b, err := rsa.EncryptPKCS1v15(rand.Reader, &keys.RSA.PublicKey, []byte(password))
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// vars is a JSON object of texts, for values that a raw string cannot hold.
func vars(pairs ...string) string {
	object := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		object[pairs[i]] = pairs[i+1]
	}
	b, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(b)
}
