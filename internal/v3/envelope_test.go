package v3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
)

func TestSucceed(t *testing.T) {
	type item struct {
		ID   string   `json:"id"`
		Tags []string `json:"tags"`
	}
	for _, c := range []struct {
		data any
		want string
	}{
		{struct{}{}, `{"statusCode":200,"message":""}`},
		{item{ID: "<你&>"}, `{"statusCode":200,"message":"","data":{"id":"<你&>","tags":[]}}`},
		{&item{ID: "a", Tags: []string{"x"}}, `{"statusCode":200,"message":"","data":{"id":"a","tags":["x"]}}`},
		{Page[item]{TotalCount: 7}, `{"statusCode":200,"message":"","data":{"totalCount":7,"list":[]}}`},
		{[]item(nil), `{"statusCode":200,"message":"","data":[]}`},
		{(*item)(nil), `{"statusCode":200,"message":"","data":null}`},
		{item{ID: "a\xffb"}, `{"statusCode":200,"message":"","data":{"id":"a` + "\ufffd" + `b","tags":[]}}`},
		{func() {}, `{"statusCode":500,"message":"服务器内部错误","requestId":"r1"}`},
	} {
		w := httptest.NewRecorder()
		o := op.Unserved("GET", "/x", "x")
		ctx := op.WithLogger(t.Context(), slog.New(slog.DiscardHandler))
		envelope{}.Succeed(w, httptest.NewRequestWithContext(ctx, "GET", "/x", nil), &o, &caller.Caller{RequestID: "r1"}, c.data)
		checkAnswer(t, w, c.want)
	}
}

func checkAnswer(t *testing.T, w *httptest.ResponseRecorder, want string) {
	t.Helper()
	if got := w.Body.String(); got != want {
		t.Errorf("answer\n%s, want\n%s", got, want)
	}
	h := w.Header()
	if w.Code != 200 || h.Get("Content-Type") != "application/json; charset=utf-8" || h.Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
		t.Errorf("%d %v for %s", w.Code, h, want)
	}
}

// The texts and numbers that clients compare.
func TestFail(t *testing.T) {
	new := fault.New
	for _, c := range []struct {
		err    error
		zh, en string // as {"statusCode":zh…,"requestId":"r1"}
	}{
		{fault.Field("userId"), `400,"message":"参数 userId 格式错误"`, `400,"message":"Parameter userId is malformed"`},
		{fault.Field("username, email"), `400,"message":"参数 username, email 格式错误"`, `400,"message":"Parameter username, email is malformed"`},
		{new(fault.Invalid, "field_min", "page", "1"), `400,"message":"参数 page 格式错误"`, `400,"message":"Parameter page must not be less than 1"`},
		{new(fault.Invalid, "field_max", "timeout", "60"), `400,"message":"参数 timeout 格式错误"`, `400,"message":"Parameter timeout must not be greater than 60"`},
		{new(fault.Invalid, "field_max", "limit", "50"), `400,"message":"参数 limit 格式错误"`, `400,"message":"Parameter limit must not be greater than 50"`},
		{new(fault.Invalid, "list_min", "userIds", "1"), `400,"message":"参数 userIds 格式错误"`, `400,"message":"userIds must contain at least 1 elements"`},
		{new(fault.NotFound, "user_not_found"), `404,"message":"用户不存在","apiCode":2004`, `404,"message":"User not found","apiCode":2004`},
		{new(fault.Invalid, "user_identifier_missing"), `400,"message":"Must contain one of the following fields: username, phone, email"`, ``},
		{new(fault.Invalid, "phone_missing"), `400,"message":"phone cannot be empty"`, ``},
		{new(fault.Invalid, "custom_value_too_long"), `400,"message":"customData must be less than 1024 characters"`, ``},
		{new(fault.Refused, "principal_missing"), `499,"message":"没有认证记录"`, `499,"message":"No authentication record"`},
		{new(fault.Conflict, "group_code_taken"), `409,"message":"分组标识符已存在"`, `409,"message":"The group's code is taken"`},
		{new(fault.NotFound, "group_not_found"), `404,"message":"分组不存在"`, `404,"message":"Group not found"`},
		{new(fault.NotFound, "namespace_not_found"), `404,"message":"权限组不存在"`, `404,"message":"Permission namespace not found"`},
		{new(fault.NotFound, "role_not_found"), `404,"message":"角色不存在"`, `404,"message":"Role not found"`},
		{new(fault.NotFound, "department_invalid", "d1"), `404,"message":"存在不合法的 departmentId: d1"`, `404,"message":"Unknown departmentId: d1"`},
		{new(fault.Unauthenticated, "signature_wrong"), `401,"message":"请求签名错误","apiCode":1300`, ``},
		{new(fault.Unauthenticated, "signature_method"), `401,"message":"不支持的签名方法","apiCode":1301`, ``},
		{new(fault.Unauthenticated, "signature_version"), `401,"message":"不支持的签名版本","apiCode":1302`, ``},
		{new(fault.Unauthenticated, "signature_date_format"), `401,"message":"请求时间戳格式错误","apiCode":1303`, ``},
		{new(fault.Unauthenticated, "signature_date_missing"), `401,"message":"缺少请求时间戳","apiCode":1304`, ``},
		{new(fault.Unauthenticated, "signature_date_skew"), `401,"message":"请求时间戳与服务器时间相差过大","apiCode":1305`, ``},
		{new(fault.Unauthenticated, "signature_replayed"), `401,"message":"请求签名已被使用","apiCode":1306`, ``},
		{new(fault.Unsupported, "operation_unsupported", "createX"), `501,"message":"暂不支持操作 createX"`, `501,"message":"Operation createX is not supported"`},
		{new(fault.TooLarge, "body_too_large"), `413,"message":"请求体过大"`, ``},
		{new(fault.Unavailable, "deadline"), `503,"message":"请求超时，请稍后重试"`, ``},
		{fmt.Errorf("wrapped: %w", fault.Field("x")), `400,"message":"参数 x 格式错误"`, ``},
		// A code without message has its kind's text, never its own.
		{new(fault.Forbidden, "unheard_of", "x"), `403,"message":"无权限执行此操作"`, `403,"message":"Not permitted"`},
		{new(fault.Unprocessable, "unheard_of"), `422,"message":"不允许的操作"`, `422,"message":"Operation not allowed"`},
		{new(fault.Throttled, "unheard_of"), `429,"message":"请求过于频繁，请稍后重试"`, `429,"message":"Too many requests, try again later"`},
		{new(fault.Kind(99), "unheard_of"), `500,"message":"服务器内部错误"`, `500,"message":"Internal server error"`},
		// Internal failures say nothing, whatever their code.
		{errors.New("pq: secret"), `500,"message":"服务器内部错误"`, `500,"message":"Internal server error"`},
		{new(fault.Internal, "user_not_found").Because(errors.New("secret")), `500,"message":"服务器内部错误"`, `500,"message":"Internal server error"`},
		{context.Canceled, `500,"message":"服务器内部错误"`, `500,"message":"Internal server error"`},
	} {
		o := op.Unserved("GET", "/x", "x")
		for _, l := range []struct{ caller, header, want string }{
			{"", "", c.zh}, {"zh-CN", "en-US", c.zh}, {"", "zh-CN", c.zh}, {"", "ja-JP", c.zh}, {"en-US", "", c.en}, {"", "en-US", c.en},
		} {
			if l.want == "" {
				continue
			}
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil)
			r.Header.Set("x-authing-lang", l.header)
			envelope{}.Fail(w, r, &o, &caller.Caller{RequestID: "r1", Language: l.caller}, c.err)
			checkAnswer(t, w, `{"statusCode":`+l.want+`,"requestId":"r1"}`)
		}
	}
	w, o := httptest.NewRecorder(), op.Unserved("GET", "/x", "x")
	envelope{}.Fail(w, httptest.NewRequest("GET", "/x", nil), &o, &caller.Caller{}, fault.Field("x"))
	checkAnswer(t, w, `{"statusCode":400,"message":"参数 x 格式错误"}`)
}

func TestUnserved(t *testing.T) {
	o := unserved(operation{Name: "createX", Method: "PUT", Path: "/api/v3/x"})
	if o.Pattern() != "PUT /api/v3/x" || o.Name != "createX" || o.Rule(&caller.Caller{}) != nil || o.Writes {
		t.Errorf("%+v", o)
	}
}

// elsewhere are places, and codes, that no answer of this wire comes from, with the reason.
var elsewhere = map[string]string{
	"../v2/":              "the other wire's own",
	"../hosted/":          "what pages say to people stands in hosted/refusal.go",
	"scope_wider":         "tokens are refreshed at the provider's token endpoint alone",
	"agreement_not_found": "agreements are kept through the other wire alone",
	"agreement_limit":     "agreements are kept through the other wire alone",
}

// Every code that the source makes has a message with no more placeholders than the code has arguments.
func TestEveryCodeHasAMessage(t *testing.T) {
	codes := codesOf(t, "..")
	maps.DeleteFunc(codes, func(where string, c code) bool {
		for door, why := range elsewhere {
			if why != "" && (strings.HasPrefix(where, door) || c.code == door) {
				return true
			}
		}
		return false
	})
	for where, c := range codes {
		m, ok := messages[c.code]
		switch {
		case c.code == "":
			t.Errorf("%s: the code is not a literal, so no test can find its message", where)
		case !ok:
			t.Errorf("%s: code %q has no message", where, c.code)
		case c.args >= 0 && max(strings.Count(m.zh, "%s"), strings.Count(m.en, "%s")) > c.args:
			t.Errorf("%s: code %q has %d arguments, its message more", where, c.code, c.args)
		}
	}
	if len(codes) < 10 {
		t.Errorf("only %d codes found: is the search broken?", len(codes))
	}
}

type code struct {
	code string
	args int // -1 when they cannot be told
}

// codesOf finds, by place, the codes of the faults that non-test source under dir makes: fault.New, fault.Field and
// fault.Error literals, and calls of functions of the same package that hand a parameter on to fault.New as the code.
// The arguments of package variables are not told: they are there to be compared with.
func codesOf(t *testing.T, dir string) map[string]code {
	t.Helper()
	positions := token.NewFileSet()
	packages := map[string][]*ast.File{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(positions, path, nil, parser.SkipObjectResolution)
		packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	found := map[string]code{}
	for _, files := range packages {
		wrappers := map[string]int{} // functions that take a code: which of their parameters it is
		for _, file := range files {
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				ast.Inspect(f, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok && isFault(call.Fun, "New") && len(call.Args) > 1 {
						if i := parameterIndex(f, call.Args[1]); i >= 0 {
							wrappers[f.Name.Name] = i
						}
					}
					return true
				})
			}
		}
		for _, file := range files {
			for _, decl := range file.Decls {
				f, _ := decl.(*ast.FuncDecl)
				ast.Inspect(decl, func(n ast.Node) bool {
					if n == nil {
						return true
					}
					if c, ok := codeAt(n, f, wrappers); ok {
						if f == nil {
							c.args = -1
						}
						found[positions.Position(n.Pos()).String()] = c
					}
					return true
				})
			}
		}
	}
	return found
}

// codeAt is the code that n, within the function f or nil, makes a fault of.
func codeAt(n ast.Node, f *ast.FuncDecl, wrappers map[string]int) (code, bool) {
	switch n := n.(type) {
	case *ast.CallExpr:
		name, _ := n.Fun.(*ast.Ident)
		switch {
		case isFault(n.Fun, "Field"):
			return code{"field_format", 1}, true
		case isFault(n.Fun, "New") && len(n.Args) > 1 && (f == nil || parameterIndex(f, n.Args[1]) < 0):
			c := code{literal(n.Args[1]), len(n.Args) - 2}
			if n.Ellipsis.IsValid() {
				c.args = -1
			}
			return c, true
		case name != nil:
			if i, ok := wrappers[name.Name]; ok && i < len(n.Args) {
				return code{literal(n.Args[i]), -1}, true
			}
		}
	case *ast.CompositeLit:
		if !isFault(n.Type, "Error") {
			break
		}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Code" {
					return code{literal(kv.Value), -1}, true
				}
			}
		}
	}
	return code{}, false
}

// parameterIndex is the index of the parameter of f that e names, or -1.
func parameterIndex(f *ast.FuncDecl, e ast.Expr) int {
	name, ok := e.(*ast.Ident)
	if !ok {
		return -1
	}
	i := 0
	for _, group := range f.Type.Params.List {
		for _, p := range group.Names {
			if p.Name == name.Name {
				return i
			}
			i++
		}
	}
	return -1
}

func isFault(e ast.Expr, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == "fault"
}

func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		s, _ := strconv.Unquote(l.Value)
		return s
	}
	return ""
}

// The search of the test above must see each form, and nothing that only looks like it.
func TestCodesOf(t *testing.T) {
	dir := t.TempDir()
	source := `package x
var name = "dynamic"
var a = fault.New(fault.Invalid, "one")
func b() { return fault.Field("name"), fault.New(fault.Invalid, "two", "arg") }
var c = &fault.Error{Kind: fault.Internal, Code: "three"}
var d = fault.New(fault.Invalid, name)
func e() { return fault.New(fault.Invalid, "four", args...) }
var f = errors.New("not a code")
func g(x, code string) error { return fault.New(fault.Invalid, code, x) }
func h() { return g("x", "five"), g("x", name) }
`
	for _, name := range []string{"x.go", "x_test.go"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := map[code]int{}
	for _, c := range codesOf(t, dir) {
		got[c]++
	}
	want := map[code]int{{"one", -1}: 1, {"two", 1}: 1, {"field_format", 1}: 1, {"three", -1}: 1, {"four", -1}: 1, {"five", -1}: 1, {"", -1}: 2}
	if !maps.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// The numbers of both tables stand in the contract.
func TestNumbersStandInTheContract(t *testing.T) {
	var contract struct{ StatusCode, APICode []struct{ Code int } }
	b, err := os.ReadFile("../../contract/error-codes.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &contract); err != nil {
		t.Fatal(err)
	}
	// Signing in has numbers that the list leaves out and its descriptions name.
	status, api := map[int]bool{}, map[int]bool{0: true, 2000: true, 2001: true, 2016: true, 2061: true, 2080: true, 2300: true}
	for _, c := range contract.StatusCode {
		status[c.Code] = true
	}
	for _, c := range contract.APICode {
		api[c.Code] = true
	}
	for name, m := range messages {
		if !api[m.apiCode] {
			t.Errorf("%s: apiCode %d", name, m.apiCode)
		}
		if m.zh == "" || m.en == "" {
			t.Errorf("%s: no text", name)
		}
	}
	for k := fault.Internal; !strings.HasPrefix(k.String(), "kind("); k++ {
		if m, ok := kinds[k]; !ok || !status[m.status] || m.zh == "" || m.en == "" {
			t.Errorf("kind %v: %+v", k, m)
		}
	}
}

func TestFillIn(t *testing.T) {
	for _, c := range []struct {
		text string
		args []string
		want string
	}{
		{"plain", nil, "plain"},
		{"a %s b %s", []string{"1", "2"}, "a 1 b 2"},
		{"a %s b %s", []string{"%s"}, "a %s b "},
		{"%s", []string{"1", "2"}, "1"},
		{"100%", []string{"1"}, "100%"},
	} {
		if got := fillIn(c.text, c.args); got != c.want {
			t.Errorf("%q %v: %q", c.text, c.args, got)
		}
	}
}
