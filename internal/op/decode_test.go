package op

import (
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/guildhall-id/guildhall/internal/fault"
)

type paging struct {
	Page  int64 `json:"page" rule:"min=1,default=1"`
	Limit int64 `json:"limit" rule:"min=1,max=50,default=10"`
}

type options struct {
	Paging  paging         `json:"pagination"`
	Encrypt string         `json:"encrypt" rule:"enum=none|rsa,default=none"`
	Notify  *bool          `json:"notify"`
	Labels  map[string]any `json:"labels"`
}

type member struct {
	Email  string   `json:"email" rule:"required,len=5"`
	Weight *float64 `json:"weight" rule:"min=0,max=1"`
	Tags   []string `json:"tags" rule:"enum=a|b,items=2"`
	Inner  []member `json:"inner"`
}

type secret struct {
	Value string `json:"value" rule:"required"`
	Tries int64  `json:"tries" rule:"default=3"`
}

type tenancy struct {
	Tenant *string `json:"tenantId"`
}

type team struct {
	Name     string         `json:"name" rule:"required"`
	Enabled  bool           `json:"enabled" rule:"required"`
	Size     *int64         `json:"size"`
	List     []member       `json:"list" rule:"items=3"`
	IDs      []string       `json:"ids"`
	Secret   *secret        `json:"secret"`
	Custom   jsontext.Value `json:"customData"`
	Options  options        `json:"options"`
	Matrix   [][]int64      `json:"matrix"`
	Internal string         `json:"-"`
	tenancy
}

// decodeBody is what an operation with arguments In makes of a body.
func decodeBody[In any](t testing.TB, body string) (*In, error) {
	t.Helper()
	in := new(In)
	r := httptest.NewRequest("POST", "/", nil)
	s := new(scratch)
	s.body.WriteString(body)
	return in, topPlan("test", reflect.TypeFor[In](), false).decode(reflect.ValueOf(in).Elem(), r, s)
}

func decodeQuery[In any](t testing.TB, query string) (*In, error) {
	t.Helper()
	in := new(In)
	r := httptest.NewRequest("GET", "/", nil)
	r.URL.RawQuery = query
	return in, topPlan("test", reflect.TypeFor[In](), true).decode(reflect.ValueOf(in).Elem(), r, new(scratch))
}

// text of an error as "code arg arg".
func refusal(err error) string {
	if err == nil {
		return ""
	}
	e := fault.As(err)
	if e == nil || e.Kind != fault.Invalid {
		return "NOT INVALID: " + err.Error()
	}
	return strings.Join(append([]string{e.Code}, e.Args...), " ")
}

func TestBody(t *testing.T) {
	withDefaults := options{Paging: paging{1, 10}, Encrypt: "none"}
	for _, c := range []struct {
		body string
		want team
	}{
		{`{"name":"a","enabled":false}`, team{Name: "a", Options: withDefaults}},
		{` {"name":"a","enabled":true, "unknown":{"deep":[1,{"x":null}]}, "NAME":"b"} `, team{Name: "a", Enabled: true, Options: withDefaults}},
		{`{"\u006eame":"\u4f60\n","enabled":true}`, team{Name: "你\n", Enabled: true, Options: withDefaults}},
		{`{"name":"a","enabled":true,"size":null,"list":null,"secret":null,"customData":null,"options":null,"tenantId":null}`,
			team{Name: "a", Enabled: true, Options: withDefaults}},
		{`{"name":"a","enabled":true,"size":0,"list":[],"ids":["x",""],"customData":{"k": [1]},"tenantId":"","matrix":[[1,2],[]]}`,
			team{Name: "a", Enabled: true, Size: new(int64(0)), List: []member{}, IDs: []string{"x", ""},
				Custom: jsontext.Value(`{"k": [1]}`), tenancy: tenancy{new("")}, Matrix: [][]int64{{1, 2}, {}}, Options: withDefaults}},
		{`{"name":"a","enabled":true,"list":[{"email":"你好你好你","weight":0.5,"tags":["a","b"],"inner":[{"email":"e"}]}],"secret":{"value":"v"}}`,
			team{Name: "a", Enabled: true, List: []member{{Email: "你好你好你", Weight: new(0.5), Tags: []string{"a", "b"}, Inner: []member{{Email: "e"}}}},
				Secret: &secret{"v", 3}, Options: withDefaults}},
		{`{"name":"a","enabled":true,"options":{"pagination":{"limit":50},"notify":false,"labels":{"a":1}}}`,
			team{Name: "a", Enabled: true, Options: options{Paging: paging{1, 50}, Encrypt: "none", Notify: new(false), Labels: map[string]any{"a": 1.0}}}},
		{`{"name":"a\\u0000","enabled":true}`, team{Name: `a\u0000`, Enabled: true, Options: withDefaults}}, // a backslash, not a NUL
	} {
		got, err := decodeBody[team](t, c.body)
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
		} else if d := cmp.Diff(&c.want, got, cmp.AllowUnexported(team{})); d != "" {
			t.Errorf("%s: -want +got\n%s", c.body, d)
		}
	}
}

func TestBodyRefused(t *testing.T) {
	const ok = `"name":"a","enabled":true`
	for _, c := range []struct{ body, want string }{
		// Not an object, or not JSON.
		{`[]`, "body_malformed"},
		{`null`, "body_malformed"},
		{`"x"`, "body_malformed"},
		{`{`, "body_malformed"},
		{`{` + ok, "body_malformed"},
		{`{` + ok + `}}`, "body_malformed"},
		{`{` + ok + `} {}`, "body_malformed"},
		{`{` + ok + `,}`, "body_malformed"},
		{`{` + ok + `,"list":[{"email":"a"}`, "body_malformed"},
		{`{` + ok + `,"x":[1,}`, "body_malformed"},
		{`{` + ok + `,"size":nul}`, "body_malformed"},
		{`{` + ok + `,"size":01}`, "body_malformed"},
		{`{'name':"a"}`, "body_malformed"},
		{`name=a`, "body_malformed"},
		{"\xef\xbb\xbf{" + ok + "}", "body_malformed"},
		// What a second reader might understand differently.
		{`{` + ok + `,"name":"b"}`, "body_malformed"},
		{`{` + ok + `,"\u006eame":"b"}`, "body_malformed"},
		{`{` + ok + `,"x":{"y":1,"y":2}}`, "body_malformed"},
		{`{` + ok + `,"customData":{"y":1,"y":2}}`, "body_malformed"},
		{`{` + ok + `,"options":{"labels":{"y":1,"y":2}}}`, "body_malformed"},
		{"{" + ok + ",\"ids\":[\"\xff\"]}", "body_malformed"},
		{"{" + ok + ",\"x\":\"\xc0\x80\"}", "body_malformed"},
		{`{` + ok + `,"x":"\ud800"}`, "body_malformed"},
		{`{` + ok + `,"x":"\\\u0000"}`, "body_malformed"},
		{`{` + ok + `,"\u0000":1}`, "body_malformed"},
		{`{` + ok + `,"x":` + strings.Repeat("[", 112) + strings.Repeat("]", 112) + `}`, "body_malformed"},
		// Required.
		{``, "field_format name"},
		{" \n", "field_format name"},
		{`{}`, "field_format name"},
		{`{"name":null,"enabled":true}`, "field_format name"},
		{`{"name":"","enabled":true}`, "field_format name"},
		{`{"Name":"a","enabled":true}`, "field_format name"},
		{`{"name":"a"}`, "field_format enabled"},
		{`{` + ok + `,"secret":{}}`, "field_format value"},
		{`{` + ok + `,"list":[{}]}`, "field_format email"},
		{`{` + ok + `,"list":[{"email":"a"},{"email":"a"},{"email":""}]}`, "field_format email"},
		// Text that cannot be kept.
		{`{"name":"\u0000","enabled":true}`, "field_format name"},
		{`{` + ok + `,"ids":["a\u0000"]}`, "field_format ids"},
		{`{` + ok + `,"list":[{"email":"a\u0000"}]}`, "field_format email"},
		{`{` + ok + `,"customData":{"a\u0000":1}}`, "field_format customData"},
		{`{` + ok + `,"customData":["\\\u0000"]}`, "field_format customData"},
		{`{` + ok + `,"options":{"labels":{"a":"\u0000"}}}`, "field_format labels"},
		// Types.
		{`{"name":1,"enabled":true}`, "field_format name"},
		{`{"name":"a","enabled":"true"}`, "field_format enabled"},
		{`{"name":"a","enabled":1}`, "field_format enabled"},
		{`{` + ok + `,"size":"1"}`, "field_format size"},
		{`{` + ok + `,"size":10.0}`, "field_format size"},
		{`{` + ok + `,"size":1e3}`, "field_format size"},
		{`{` + ok + `,"size":9223372036854775808}`, "field_format size"},
		{`{` + ok + `,"size":true}`, "field_format size"},
		{`{` + ok + `,"list":{}}`, "field_format list"},
		{`{` + ok + `,"list":["x"]}`, "field_format list"},
		{`{` + ok + `,"list":[null]}`, "field_format list"},
		{`{` + ok + `,"list":[{"email":"a"},{"email":"a"},{"email":[]}]}`, "field_format email"},
		{`{` + ok + `,"list":[{"email":"a","inner":[{"email":7}]}]}`, "field_format email"},
		{`{` + ok + `,"list":[{"email":"a","weight":1e999}]}`, "field_format weight"},
		{`{` + ok + `,"ids":["a",null]}`, "field_format ids"},
		{`{` + ok + `,"ids":["a",{"0":1}]}`, "field_format ids"},
		{`{` + ok + `,"ids":"a"}`, "field_format ids"},
		{`{` + ok + `,"secret":[]}`, "field_format secret"},
		{`{` + ok + `,"options":{"labels":[]}}`, "field_format labels"},
		{`{` + ok + `,"matrix":[[1],[1.5]]}`, "field_format matrix"},
		{`{` + ok + `,"tenantId":5}`, "field_format tenantId"},
		// Bounds.
		{`{` + ok + `,"options":{"pagination":{"limit":51}}}`, "field_max limit 50"},
		{`{` + ok + `,"options":{"pagination":{"limit":0}}}`, "field_min limit 1"},
		{`{` + ok + `,"options":{"pagination":{"page":-1}}}`, "field_min page 1"},
		{`{` + ok + `,"options":{"encrypt":"sm4"}}`, "field_format encrypt"},
		{`{` + ok + `,"options":{"encrypt":""}}`, "field_format encrypt"},
		{`{` + ok + `,"list":[{"email":"abcdef"}]}`, "field_format email"},
		{`{` + ok + `,"list":[{"email":"a","weight":1.5}]}`, "field_max weight 1"},
		{`{` + ok + `,"list":[{"email":"a","weight":-0.5}]}`, "field_min weight 0"},
		{`{` + ok + `,"list":[{"email":"a","tags":["a","c"]}]}`, "field_format tags"},
		{`{` + ok + `,"list":[{"email":"a","tags":["a","a","a"]}]}`, "list_max tags 2"},
		{`{` + ok + `,"list":[{"email":"a"},{"email":"a"},{"email":"a"},{"email":"a"}]}`, "list_max list 3"},
	} {
		if _, err := decodeBody[team](t, c.body); refusal(err) != c.want {
			t.Errorf("%s: %q, want %q", c.body, refusal(err), c.want)
		}
	}
}

func TestRequiredList(t *testing.T) {
	type in struct {
		IDs []string `json:"ids" rule:"required"`
	}
	for body, want := range map[string]string{
		`{"ids":["a"]}`: "",
		`{"ids":[]}`:    "list_min ids 1",
		`{"ids":null}`:  "field_format ids",
		`{}`:            "field_format ids",
	} {
		if _, err := decodeBody[in](t, body); refusal(err) != want {
			t.Errorf("%s: %q, want %q", body, refusal(err), want)
		}
	}
}

// A pooled scratch is written over by the next request: nothing decoded may point into it.
func TestBodyIsCopied(t *testing.T) {
	s, in := new(scratch), new(team)
	s.body.WriteString(`{"name":"abc","enabled":true,"ids":["xyz"],"customData":{"k":"v"}}`)
	body := s.body.Bytes()
	err := topPlan("test", reflect.TypeFor[team](), false).decode(reflect.ValueOf(in).Elem(), httptest.NewRequest("POST", "/", nil), s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = '#'
	}
	if in.Name != "abc" || in.IDs[0] != "xyz" || string(in.Custom) != `{"k":"v"}` {
		t.Errorf("changed with the buffer: %+v", in)
	}
}

type search struct {
	ID       string   `json:"id" rule:"required"`
	Type     string   `json:"type" rule:"enum=user_id|email,default=user_id"`
	Gender   *string  `json:"gender" rule:"enum=M|F"`
	Keywords *string  `json:"keywords"`
	With     bool     `json:"with"`
	Active   *bool    `json:"active"`
	Start    *int64   `json:"start"`
	Ratio    *float64 `json:"ratio"`
	IDs      []string `json:"ids" rule:"items=3"`
	Kinds    []string `json:"kinds" rule:"enum=A|B"`
	paging
}

func TestQuery(t *testing.T) {
	some := func(f func(*search)) search {
		s := search{ID: "1", Type: "user_id", paging: paging{1, 10}}
		f(&s)
		return s
	}
	for _, c := range []struct {
		query string
		want  search
	}{
		{"id=1", some(func(*search) {})},
		{"id=1&unknown=x&ID=2&unknown=y&x[a][b]=c&;&=&&x", some(func(*search) {})},
		{"id=1&type=&gender=&active=&start=&ratio=&limit=&with=&ids=", some(func(*search) {})},
		{"id=1&keywords=", some(func(s *search) { s.Keywords = new("") })},
		{"id=a%20b%2B+%E4%BD%A0;c", some(func(s *search) { s.ID = "a b+ 你;c" })},
		{"id=1&type=email&gender=M&with=true&active=false&start=-5&ratio=0.25&page=2&limit=50",
			some(func(s *search) {
				s.Type, s.Gender, s.With, s.Active, s.Start, s.Ratio = "email", new("M"), true, new(false), new(int64(-5)), new(0.25)
				s.paging = paging{2, 50}
			})},
		{"id=1&ids[]=x&ids[]=y", some(func(s *search) { s.IDs = []string{"x", "y"} })},
		{"id=1&ids%5B%5D=x&ids%5B%5D=y", some(func(s *search) { s.IDs = []string{"x", "y"} })},
		{"id=1&ids[0]=x&ids[1]=y", some(func(s *search) { s.IDs = []string{"x", "y"} })},
		{"id=1&ids=x&ids=y", some(func(s *search) { s.IDs = []string{"x", "y"} })},
		{"id=1&ids=x", some(func(s *search) { s.IDs = []string{"x"} })},
		{"id=1&ids=%5Bx+y%5D", some(func(s *search) { s.IDs = []string{"x", "y"} })},
		{"id=1&ids=[x%20y]", some(func(s *search) { s.IDs = []string{"x", "y"} })},
		{"id=1&ids=[]", some(func(*search) {})},
		{"id=1&ids[]=[x y]", some(func(s *search) { s.IDs = []string{"[x y]"} })},
	} {
		got, err := decodeQuery[search](t, c.query)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
		} else if d := cmp.Diff(&c.want, got, cmp.AllowUnexported(search{})); d != "" {
			t.Errorf("%s: -want +got\n%s", c.query, d)
		}
	}
}

func TestQueryRefused(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"", "field_format id"},
		{"id", "field_format id"},
		{"id=", "field_format id"},
		{"id=1&id=2", "field_format id"},
		{"id=1&id=1", "field_format id"},
		{"id[]=1", "field_format id"},
		{"id=1&gender=&gender=M", "field_format gender"},
		{"id=1&type=x", "field_format type"},
		{"id=1&with=1", "field_format with"},
		{"id=1&with=TRUE", "field_format with"},
		{"id=1&start=1.0", "field_format start"},
		{"id=1&start=x", "field_format start"},
		{"id=1&start=9223372036854775808", "field_format start"},
		{"id=1&ratio=NaN", "field_format ratio"},
		{"id=1&ratio=1e999", "field_format ratio"},
		{"id=1&limit=51", "field_max limit 50"},
		{"id=1&limit=0", "field_min limit 1"},
		{"id=1&limit=-1", "field_min limit 1"},
		{"id=1&page=0", "field_min page 1"},
		{"id=1&ids[a]=x", "field_format ids"},
		{"id=1&ids[0=x", "field_format ids"},
		{"id=1&ids[0][1]=x", "field_format ids"},
		{"id=1&ids=[a b c d]", "list_max ids 3"},
		{"id=1&kinds[]=A&kinds[]=C", "field_format kinds"},
		{"id=%00", "field_format id"},
		{"id=%ff", "field_format id"},
		{"id=%zz", "field_format id"},
		{"id=1&ids[]=%00", "field_format ids"},
		{"id=1&unknown=%00", "query_malformed"},
		{"id=1&unknown=%ff", "query_malformed"},
		{"id=1&%zz=1", "query_malformed"},
	} {
		if _, err := decodeQuery[search](t, c.query); refusal(err) != c.want {
			t.Errorf("%s: %q, want %q", c.query, refusal(err), c.want)
		}
	}
	type in struct {
		IDs []string `json:"ids" rule:"required"`
	}
	for query, want := range map[string]string{"": "field_format ids", "ids=": "list_min ids 1", "ids=[]": "list_min ids 1", "ids[]=a": ""} {
		if _, err := decodeQuery[in](t, query); refusal(err) != want {
			t.Errorf("%s: %q, want %q", query, refusal(err), want)
		}
	}
}

// Arguments of one operation may stand in path, query and body at once.
func TestSources(t *testing.T) {
	type in struct {
		ID     string  `path:"id" rule:"required,len=3"`
		Number *int64  `path:"number"`
		User   *string `query:"userId"`
		Page   int64   `json:"page" rule:"default=1"`
	}
	p := topPlan("test", reflect.TypeFor[in](), false)
	for _, c := range []struct{ id, number, query, body, want string }{
		{"a", "7", "userId=u&page=5", `{"page":2,"id":"z","userId":"z"}`, ""},
		{"", "", "", `{}`, "field_format id"},
		{"a\x00", "", "", `{}`, "field_format id"},
		{"a\xff", "", "", `{}`, "field_format id"},
		{"abcd", "", "", `{}`, "field_format id"},
		{"a", "x", "", `{}`, "field_format number"},
		{"a", "", "userId=%00", `{}`, "field_format userId"},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.SetPathValue("id", c.id)
		r.SetPathValue("number", c.number)
		r.URL.RawQuery = c.query
		s, got := new(scratch), new(in)
		s.body.WriteString(c.body)
		if err := p.decode(reflect.ValueOf(got).Elem(), r, s); refusal(err) != c.want {
			t.Errorf("%+v: %q", c, refusal(err))
		} else if err == nil && !reflect.DeepEqual(got, &in{"a", new(int64(7)), new("u"), 2}) {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

func TestBadTags(t *testing.T) {
	for _, c := range []struct {
		in    any
		query bool
	}{
		{in: 5},
		{in: struct{ Name string }{}},
		{in: struct {
			A int `json:"a"`
		}{}},
		{in: struct {
			paging
			P int64 `json:"page"`
		}{}},
		{in: struct {
			A string `json:"a" rule:"requird"`
		}{}},
		{in: struct {
			A *string `json:"a" rule:"required"`
		}{}},
		{in: struct {
			A string `json:"a" rule:"min=1"`
		}{}},
		{in: struct {
			A int64 `json:"a" rule:"max=x"`
		}{}},
		{in: struct {
			A int64 `json:"a" rule:"max=5,default=6"`
		}{}},
		{in: struct {
			A string `json:"a" rule:"enum=x|y,default=z"`
		}{}},
		{in: struct {
			A *int64 `json:"a" rule:"default=6"`
		}{}},
		{in: struct {
			A []int64 `json:"a" rule:"enum=1"`
		}{}},
		{in: struct {
			A string `json:"a" rule:"items=5"`
		}{}},
		{in: struct {
			A *[]string `json:"a"`
		}{}},
		{in: struct {
			A []struct {
				B bool `json:"b" rule:"len=1"`
			} `json:"a"`
		}{}},
		{in: struct {
			A jsontext.Value `json:"a"`
		}{}, query: true},
		{in: struct {
			A []string `path:"a"`
		}{}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("accepted: %T", c.in)
				}
			}()
			topPlan("test", reflect.TypeOf(c.in), c.query)
		}()
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"name":"a","enabled":true,"list":[{"email":"a","inner":[{"email":"e"}]}],"secret":{"value":"v"}}`,
		`{"name":"a","enabled":true,"x":{"a":1,"a":2}}`, `{"name":"a","enabled":true,"customData":{"a":{"b":[{}]}}}`,
		`{"name":"\u0061","enabled":true,"options":{"labels":{"a":null},"pagination":{"page":2}},"matrix":[[1]]}`, `{"name":"\ud83d\ude00"`, ``, `[`,
	} {
		f.Add([]byte(s))
	}
	p := topPlan("fuzz", reflect.TypeFor[team](), false)
	r := httptest.NewRequest("POST", "/", nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		s, in := new(scratch), new(team)
		s.body.Write(body)
		err := p.decode(reflect.ValueOf(in).Elem(), r, s)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if len(body) == 0 || strings.TrimSpace(string(body)) == "" {
			t.Fatalf("accepted an empty body without the required fields")
		}
		// The library's own reader, which refuses duplicate names at every depth, must have accepted it too.
		var any map[string]any
		if err := json.Unmarshal(body, &any); err != nil {
			t.Fatalf("accepted %q: %v", body, err)
		}
		if any["name"] != in.Name || in.Name == "" || any["enabled"] != in.Enabled {
			t.Fatalf("%q: read %+v", body, in)
		}
		for _, m := range in.List {
			if m.Email == "" {
				t.Fatalf("%q: a member without email", body)
			}
		}
		if strings.Contains(fmt.Sprintf("%q %q", any, in.Custom), `\x00`) {
			t.Fatalf("%q: a NUL got through", body)
		}
	})
}
