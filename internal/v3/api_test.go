package v3

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

const testPhoto = "http://guildhall.test/photo.svg"

// apiHall is the wire over a domain on one engine, with a pool.
type apiHall struct {
	*testhall.Hall
	api  *API
	mux  *http.ServeMux
	pool testhall.Pool
}

func newAPI(t testing.TB, d *db.DB) *apiHall {
	t.Helper()
	h := &apiHall{Hall: testhall.New(t, d), mux: http.NewServeMux()}
	h.pool = h.Pool(t, "first")
	h.api = New(Options{Directory: h.Directory, Access: h.Access, Signin: h.Signin, Notify: h.Notify, Log: h.Log, DB: d,
		Limits: op.Limits{Body: 1 << 20, Deadline: 10 * time.Second}, Now: time.Now, Started: time.Now(), Window: 5 * time.Minute,
		DefaultPhoto: testPhoto, Version: "1.2.3"})
	h.api.Mount(h.mux)
	return h
}

// client speaks for one pool's access key, signing each request as the vendor's client does.
type client struct {
	h        *apiHall
	id       string
	secret   string
	header   map[string]string // in place of what would be sent; an empty value sends none
	tamper   func(*http.Request)
	unsigned bool
}

func (h *apiHall) client() *client {
	return &client{h: h, id: h.pool.KeyID, secret: h.pool.KeySecret}
}

func (h *apiHall) as(p testhall.Pool) *client { return &client{h: h, id: p.KeyID, secret: p.KeySecret} }

// with is the client with one header changed.
func (c *client) with(name, value string) *client {
	d := *c
	d.header = maps.Clone(c.header)
	if d.header == nil {
		d.header = map[string]string{}
	}
	d.header[http.CanonicalHeaderKey(name)] = value
	return &d
}

// bearer is the client with a token in place of its signature.
func (c *client) bearer(token string) *client {
	d := c.with("Authorization", token)
	d.unsigned = true
	return d
}

// answer is what came back. Data is as encoding/json reads it.
type answer struct {
	StatusCode int
	Message    string
	APICode    int
	RequestID  string
	Data       any
	Text       string
}

// send sends params, a JSON object, in the query of GET and in the body of all else.
func (c *client) send(t testing.TB, method, path, params string) answer {
	t.Helper()
	var fields map[string]any
	if params != "" {
		d := json.NewDecoder(strings.NewReader(params))
		d.UseNumber()
		if err := d.Decode(&fields); err != nil {
			t.Fatalf("%s: %v", params, err)
		}
	}
	target, body := path, params
	if method == http.MethodGet || method == http.MethodDelete {
		query := url.Values{}
		for name, v := range fields {
			if list, ok := v.([]any); ok {
				for _, e := range list {
					query.Add(name+"[]", fmt.Sprint(e))
				}
			} else if v != nil {
				query.Set(name, fmt.Sprint(v))
			}
		}
		if target, body = path, ""; len(query) > 0 {
			target += "?" + query.Encode()
		}
	}
	if method == http.MethodDelete {
		fields = nil // clients sign the body alone, and there is none
	}
	return c.raw(t, method, target, body, path, fields)
}

// raw sends target and body as they are; path and fields are what is signed.
func (c *client) raw(t testing.TB, method, target, body, path string, fields map[string]any) answer {
	t.Helper()
	var nonce [16]byte
	rand.Read(nonce[:])
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, value := range map[string]string{"Content-Type": "application/json", headerNonce: hex.EncodeToString(nonce[:]),
		headerMethod: "HMAC-SHA1", headerVersion: "1.0", "Date": time.Now().UTC().Format(http.TimeFormat), "X-Authing-Lang": "zh-CN"} {
		r.Header.Set(name, value)
	}
	for name, value := range c.header {
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	if !c.unsigned {
		mac := hmac.New(sha1.New, []byte(c.secret))
		mac.Write([]byte(toSign(method, path, r.Header, fields)))
		r.Header.Set("Authorization", "authing "+c.id+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if c.tamper != nil {
		c.tamper(r)
	}
	r = r.WithContext(caller.With(t.Context(), &caller.Caller{RequestID: "request-1", ClientIP: "192.0.2.7", UserAgent: r.Header.Get("User-Agent")}))
	w := httptest.NewRecorder()
	c.h.mux.ServeHTTP(w, r)
	a := answer{Text: w.Body.String()}
	if w.Code != http.StatusOK {
		t.Errorf("%s %s: HTTP status %d", method, path, w.Code)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Errorf("%s %s: %v: %s", method, path, err, a.Text)
	}
	return a
}

// toSign is the vendor's string to sign, for parameters that JavaScript would not spell otherwise.
func toSign(method, path string, header http.Header, fields map[string]any) string {
	var b strings.Builder
	b.WriteString(method + "\n")
	var names []string
	for name := range header {
		if lower := strings.ToLower(name); lower == "date" || strings.HasPrefix(lower, "x-authing-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString(name + ":" + header.Get(name) + "\n")
	}
	b.WriteString(path)
	separator := "?"
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text, ok := fields[name].(string)
		if !ok {
			text = compact(fields[name])
		}
		b.WriteString(separator + name + "=" + text)
		separator = "&"
	}
	return b.String()
}

// compact is JSON as JavaScript writes it. Objects must be written compact with sorted keys in the tests' parameters.
func compact(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

// step is one call of an operation and what it answers: "200" with the data, or a status with the message. Data is
// compared as far as it is told: objects may have further members, lists may not; "*" is anything but null. Names in braces
// stand for what earlier steps have kept.
type step struct {
	operation string
	params    string
	want      string
	keep      string // "name=path.to.value", several separated by spaces
}

// script runs steps and notes which operations succeeded and which were refused.
type script struct {
	c                  *client
	contract           contract
	names              map[string]string
	succeeded, refused map[string]bool
}

func newScript(t testing.TB, c *client) *script {
	return &script{c: c, contract: readContract(t), succeeded: map[string]bool{}, refused: map[string]bool{},
		names: map[string]string{"nobody": "ffffffffffffffffffffffff", "key": c.id, "long": strings.Repeat("x", 3000)}}
}

// fill puts the names in.
func (s *script) fill(text string) string {
	for name, value := range s.names {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

func (s *script) run(t *testing.T, steps []step) {
	t.Helper()
	for i, x := range steps {
		params, want := s.fill(x.params), s.fill(x.want)
		at := slices.IndexFunc(operations, func(o operation) bool { return o.Name == x.operation })
		if at < 0 {
			t.Fatalf("step %d: no operation %s", i, x.operation)
		}
		o := operations[at]
		a := s.c.send(t, o.Method, o.Path, canonical(t, params))
		where := fmt.Sprintf("step %d, %s %s", i, x.operation, params)
		s.check(t, where, o, a, want)
		for _, k := range strings.Fields(x.keep) {
			name, path, _ := strings.Cut(k, "=")
			s.names[name] = fmt.Sprint(dig(a.Data, path))
		}
	}
}

// canonical is JSON compact and with sorted keys, which is how the tests' client signs it.
func canonical(t testing.TB, params string) string {
	if params == "" {
		return ""
	}
	d := json.NewDecoder(strings.NewReader(params))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", params, err)
	}
	return compact(v)
}

func (s *script) check(t *testing.T, where string, o operation, a answer, want string) {
	t.Helper()
	status, rest, _ := strings.Cut(want, " ")
	if strconv.Itoa(a.StatusCode) != status {
		t.Errorf("%s:\n%s, want %s", where, a.Text, want)
		return
	}
	if a.StatusCode != 200 {
		s.refused[o.Name] = true
		if a.RequestID != "request-1" || a.Data != nil || a.Message == "" || rest != "" && a.Message != rest {
			t.Errorf("%s:\n%s, want %s", where, a.Text, want)
		}
		return
	}
	s.succeeded[o.Name] = true
	if a.Message != "" || a.APICode != 0 || a.RequestID != "" {
		t.Errorf("%s: the envelope of a success: %s", where, a.Text)
	}
	if model, ok := s.contract.models[o.Response]; ok && unlike[o.Name] == "" {
		if data, ok := model["data"]; ok && a.Data != nil {
			for _, problem := range s.contract.conform("data", data.Type, a.Data) {
				t.Errorf("%s: %s", where, problem)
			}
		}
	}
	if rest == "" {
		return
	}
	var expected any
	if err := json.Unmarshal([]byte(rest), &expected); err != nil {
		t.Fatalf("%s: want %s: %v", where, rest, err)
	}
	if problem := differs("data", expected, a.Data); problem != "" {
		t.Errorf("%s: %s in\n%s", where, problem, a.Text)
	}
}

// differs says where got is not what is wanted, "" if it is.
func differs(where string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want an object", where, got)
		}
		for k, v := range w {
			if _, ok := g[k]; !ok && v == "-" {
				continue
			}
			if d := differs(where+"."+k, v, g[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %v, want %d elements", where, got, len(w))
		}
		for i := range w {
			if d := differs(fmt.Sprintf("%s[%d]", where, i), w[i], g[i]); d != "" {
				return d
			}
		}
		return ""
	case string:
		if w == "*" && got != nil {
			return ""
		}
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Sprintf("%s is %v, want %v", where, got, want)
	}
	return ""
}

// dig is the value at a path of member names and indexes; "" is the whole.
func dig(v any, path string) any {
	if path == "" {
		return v
	}
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			if i, err := strconv.Atoi(name); err == nil && i < len(x) {
				v = x[i]
			}
		}
	}
	return v
}

// conform compares a value with a type of the contract: what is required is there, what is there has its type and one of
// its values, and there is nothing else.
func (c contract) conform(where, typ string, v any) (problems []string) {
	if v == nil || typ == "any" || strings.Contains(typ, "|") {
		return nil
	}
	if elem, list := strings.CutSuffix(typ, "[]"); list {
		elements, ok := v.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is no list: %v", where, v)}
		}
		for i, e := range elements {
			problems = append(problems, c.conform(fmt.Sprintf("%s[%d]", where, i), elem, e)...)
		}
		return problems
	}
	model, known := c.models[typ]
	ok := true
	switch x := v.(type) {
	case string:
		ok = typ == "string"
	case float64:
		ok = typ == "number"
	case bool:
		ok = typ == "boolean"
	case map[string]any:
		ok = known
		for name := range x {
			if _, told := model[name]; !told && len(model) > 0 && unlike[typ+"."+name] == "" {
				problems = append(problems, where+"."+name+" is not in "+typ)
			}
		}
		for name, m := range model {
			if unlike[typ+"."+name] != "" {
				continue
			}
			if x[name] == nil && m.Required && unlike[typ] == "" {
				problems = append(problems, where+"."+name+" is missing")
			}
			if text, is := x[name].(string); is && len(m.Enum) > 0 && !slices.Contains(m.Enum, any(text)) {
				problems = append(problems, fmt.Sprintf("%s.%s is %q, not one of %v", where, name, text, m.Enum))
			}
			problems = append(problems, c.conform(where+"."+name, m.Type, x[name])...)
		}
	default:
		ok = false
	}
	if !ok {
		problems = append(problems, fmt.Sprintf("%s is %v, want %s", where, v, typ))
	}
	return problems
}

// assertComplete fails unless each served operation of a domain was seen to succeed and to refuse.
func (s *script) assertComplete(t *testing.T, domain string, neverSucceeds, neverRefuses []string) {
	t.Helper()
	for _, o := range operations {
		if o.Client != "management" || o.Domain != domain {
			continue
		}
		if !s.succeeded[o.Name] && !slices.Contains(neverSucceeds, o.Name) {
			t.Errorf("%s was never seen to succeed", o.Name)
		}
		if !s.refused[o.Name] && !slices.Contains(neverRefuses, o.Name) {
			t.Errorf("%s was never seen to refuse", o.Name)
		}
	}
}

// token is a management token of a pool's key.
func (h *apiHall) token(t testing.TB, p testhall.Pool) string {
	t.Helper()
	k, err := h.Signin.ManagementToken(context.Background(), p.KeyID, p.KeySecret, true)
	if err != nil {
		t.Fatal(err)
	}
	return k.Text
}

// eachAPI runs a test on every engine.
func eachAPI(t *testing.T, test func(t *testing.T, h *apiHall)) {
	t.Parallel()
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) { test(t, newAPI(t, d)) })
}
