package gql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

type house struct {
	ID     int        `json:"id"`
	Name   string     `json:"name"`
	Colour colour     `json:"colour,omitzero"`
	Floors *int16     `json:"floors"`
	Height float32    `json:"height,omitzero"`
	Open   bool       `json:"open,omitzero"`
	Extra  any        `json:"extra"`
	Tags   []string   `json:"tags"`
	Grid   [][]uint16 `json:"grid"`
	Owner  *person    `json:"owner"`
	Old    string     `json:"old"`
}

type colour string

type plate struct {
	ID   string `json:"id"`
	Name any    `json:"name"`
}

type person struct {
	*plate
	Secret *string `json:"secret"`
	Home   *house  `json:"home"`
}

var errTown = errors.New("the town refuses")

// town answers the test schema. Houses differ by their number, and some of them are broken.
func town(t testing.TB, limits Limits) *Schema {
	s := mustNew(t, townSDL, limits)
	secret, floors := "s3", int16(3)
	build := func(id string) any {
		h := house{ID: 7, Name: "Mill", Colour: "RED", Floors: &floors, Extra: map[string]any{"b": 1, "a": []any{nil, "x"}},
			Owner: &person{plate: &plate{"p1", "Ann"}, Secret: &secret}}
		switch id {
		case "nobody":
			return (*house)(nil)
		case "nil":
			return nil
		case "value":
			return h
		case "map":
			return map[string]any{"id": "m", "name": "Map", "colour": "GREEN", "floors": uint8(9), "tags": []any{"a"}, "owner": map[string]string{"id": "q"}}
		case "other struct":
			return struct {
				Name string `json:"name"`
				ID   string `json:"id"`
			}{"Other", "o"}
		case "bad colour":
			h.Colour = "BEIGE"
		case "no secret":
			h.Owner.Secret = nil
		case "no name":
			h.Owner.plate = nil
		case "odd name":
			h.Owner.Name = 12
		case "infinite":
			h.Height = float32(math.Inf(1))
		case "no JSON":
			h.Extra = make(chan int)
		case "raw":
			h.Extra = jsontext.Value(`{"k": [1]}`)
		case "wrong type":
			return []int{1}
		case "no fields":
			return struct{ Name string }{"x"}
		case "wrong field":
			return struct {
				Name []string `json:"name"`
			}{}
		case "full":
			h.Tags, h.Grid, h.Height, h.Open = []string{"a", "\u2028\"\\\x00<"}, [][]uint16{{1, 2}, nil, {}}, 1.5, true
		case "bytes":
			h.Name = "a\xff\xfeb"
		case "loop":
			h.Owner.Home = &h
		}
		return &h
	}
	s.Query("house", func(_ context.Context, args Args) (any, error) {
		id, _ := args["id"].(string)
		return build(id), nil
	})
	s.Query("houses", func(_ context.Context, args Args) (any, error) {
		if args["ids"] == nil {
			return []house(nil), nil
		}
		var list []any
		for _, id := range args["ids"].([]any) {
			list = append(list, build(id.(string)))
		}
		return list, nil
	})
	s.Query("echo", func(_ context.Context, args Args) (any, error) { return map[string]any(args), nil })
	s.Query("need", func(_ context.Context, args Args) (any, error) { return args["s"], nil })
	s.Query("fails", func(context.Context, Args) (any, error) { return nil, errTown })
	s.Query("empty", nothing)
	sum := 0
	s.Mutation("add", func(_ context.Context, args Args) (any, error) {
		sum += args["n"].(int)
		if sum > 100 {
			return nil, errTown
		}
		return sum, nil
	})
	s.Field("House", "people", func(_ context.Context, parent any, args Args) (any, error) {
		name := "nobody"
		switch h := parent.(type) {
		case *house:
			name = h.Name
		case map[string]any:
			name = h["name"].(string)
		}
		prefix, _ := args["prefix"].(string)
		if prefix == "fail" {
			return nil, errTown
		}
		people := make([]person, args["limit"].(int))
		for i := range people {
			people[i] = person{plate: &plate{fmt.Sprint(name, i), prefix + fmt.Sprint(i)}, Secret: &secret}
		}
		return people, nil
	})
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExecute(t *testing.T) {
	for name, c := range map[string]struct {
		query, variables, want string
	}{
		"field":            {`{ house { name } }`, ``, `{"house":{"name":"Mill"}}`},
		"aliases":          {`{ a: house { n: name name } b: house { id } }`, ``, `{"a":{"n":"Mill","name":"Mill"},"b":{"id":"7"}}`},
		"typename":         {`{ __typename house { __typename owner { t: __typename } } }`, ``, `{"__typename":"Query","house":{"__typename":"House","owner":{"t":"Person"}}}`},
		"null object":      {`{ house(id: "nobody") { name } }`, ``, `{"house":null}`},
		"nil object":       {`{ house(id: "nil") { name } }`, ``, `{"house":null}`},
		"zero is null":     {`{ house { open height colour } }`, ``, `{"house":{"open":null,"height":null,"colour":"RED"}}`},
		"pointers":         {`{ house { floors owner { home { id } } } }`, ``, `{"house":{"floors":3,"owner":{"home":null}}}`},
		"nil slices":       {`{ house { tags grid } }`, ``, `{"house":{"tags":[],"grid":null}}`},
		"nil root list":    {`{ houses { id } }`, ``, `{"houses":[]}`},
		"lists":            {`{ house(id: "full") { tags grid } }`, ``, `{"house":{"tags":["a","\u2028\"\\\u0000<"],"grid":[[1,2],null,[]]}}`},
		"numbers":          {`{ house(id: "full") { height open } }`, ``, `{"house":{"height":1.5,"open":true}}`},
		"invalid UTF-8":    {`{ house(id: "bytes") { name } }`, ``, `{"house":{"name":"a` + "\uFFFD\uFFFD" + `b"}}`},
		"any JSON":         {`{ house { extra } }`, ``, `{"house":{"extra":{"a":[null,"x"],"b":1}}}`},
		"raw JSON":         {`{ house(id: "raw") { extra } }`, ``, `{"house":{"extra":{"k":[1]}}}`},
		"struct by value":  {`{ house(id: "value") { name people(limit: 1) { id } } }`, ``, `{"house":{"name":"Mill","people":[{"id":"Mill0"}]}}`},
		"map":              {`{ house(id: "map") { id name colour floors tags open owner { id name } people { id } } }`, ``, `{"house":{"id":"m","name":"Map","colour":"GREEN","floors":9,"tags":["a"],"open":null,"owner":{"id":"q","name":null},"people":[{"id":"Map0"},{"id":"Map1"}]}}`},
		"nested arguments": {`query($l: Int, $p: String) { house { a: people(limit: $l, prefix: $p) { name } b: people { name } } }`, `{"l": 1, "p": "Mr "}`, `{"house":{"a":[{"name":"Mr 0"}],"b":[{"name":"0"},{"name":"1"}]}}`},
		"list of nested":   {`{ houses(ids: ["1", "map"]) { people(limit: 1) { id } } }`, ``, `{"houses":[{"people":[{"id":"Mill0"}]},{"people":[{"id":"Map0"}]}]}`},
		"fragments":        {`{ house { ...A ... on House { floors ...B } ... { owner { id } } } } fragment A on House { name ...B } fragment B on House { id owner { name } }`, ``, `{"house":{"name":"Mill","id":"7","owner":{"name":"Ann","id":"p1"},"floors":3}}`},
		"merging":          {`{ house { owner { id } } house { owner { name } name } }`, ``, `{"house":{"owner":{"id":"p1","name":"Ann"},"name":"Mill"}}`},
		"merging arguments": {`query($a: Int = 1) { house { people(limit: $a, prefix: "x") { id } people(prefix: "x", limit: $a) { name } } }`, ``,
			`{"house":{"people":[{"id":"Mill0","name":"x0"}]}}`},
		"merging objects": {`{ echo(o: {a: 1, b: [E]}, d: 1, n: "") echo(n: "", d: 1, o: {b: [E], a: 1}) }`, ``, `{"echo":{"d":1,"n":"","o":{"a":1,"b":["E"]}}}`},
		"two Go types":    {`{ houses(ids: ["1", "other struct", "2"]) { id name } }`, ``, `{"houses":[{"id":"7","name":"Mill"},{"id":"o","name":"Other"},{"id":"7","name":"Mill"}]}`},
		"conditions of siblings": {`query($a: Boolean!, $b: Boolean!, $c: Boolean!, $y: Boolean!, $n: Boolean!) { house { ... @include(if: $a) { ... @include(if: $b) { ... @include(if: $c) { id @include(if: $y) name @include(if: $n) } } } } }`,
			`{"a": true, "b": true, "c": true, "y": true, "n": false}`, `{"house":{"id":"7"}}`},
		"skip":             {`query($y: Boolean!, $n: Boolean = false) { house { id @skip(if: $y) name @skip(if: $n) floors @include(if: $n) } x: __typename @include(if: $n) }`, `{"y": true}`, `{"house":{"name":"Mill"}}`},
		"skip by literal":  {`{ house { id @skip(if: true) name @include(if: true) floors @skip(if: false) open @include(if: false) } }`, ``, `{"house":{"name":"Mill","floors":3}}`},
		"skip a root":      {`query($n: Boolean!) { fails @include(if: $n) house @skip(if: $n) { id } }`, `{"n": false}`, `{"house":{"id":"7"}}`},
		"skip everything":  {`{ house { id @skip(if: true) } }`, ``, `{"house":{}}`},
		"skip a fragment":  {`query($y: Boolean!) { house { ...A @skip(if: $y) ... @include(if: $y) { id } } } fragment A on House { name }`, `{"y": true}`, `{"house":{"id":"7"}}`},
		"both directives":  {`query($a: Boolean!, $b: Boolean!) { house { id @skip(if: $a) @include(if: $b) name @include(if: $b) @skip(if: $b) } }`, `{"a": false, "b": true}`, `{"house":{"id":"7"}}`},
		"either occurence": {`query($y: Boolean!, $n: Boolean!) { house { id @include(if: $n) id @include(if: $y) } }`, `{"y": true, "n": false}`, `{"house":{"id":"7"}}`},
		"merged parts keep their conditions": {`query($y: Boolean!, $n: Boolean!) { house @include(if: $y) { id } house @include(if: $n) { name owner { id } } }`,
			`{"y": true, "n": false}`, `{"house":{"id":"7"}}`},
		"merged parts, never": {`{ house { id } house @skip(if: true) { name } }`, ``, `{"house":{"id":"7"}}`},
		"shorthand mutation":  {`mutation { a: add(n: 1) b: add(n: 2) }`, ``, `{"a":1,"b":3}`},
		"loop":                {`{ house(id: "loop") { owner { home { owner { home { id } } } } } }`, ``, `{"house":{"owner":{"home":{"owner":{"home":{"id":"7"}}}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := town(t, Limits{})
			var variables map[string]any
			if c.variables != "" {
				if err := json.Unmarshal([]byte(c.variables), &variables); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // planned, then from the cache
				r := s.Execute(t.Context(), Request{Query: c.query, Variables: variables})
				if r.Errors != nil {
					t.Fatalf("%+v", r.Errors[0])
				}
				if !json.Valid(r.Data) {
					t.Fatalf("not JSON: %s", r.Data)
				}
				if want := strings.ReplaceAll(c.want, `\u2028`, "\u2028"); string(r.Data) != want {
					t.Fatalf("\n got %s\nwant %s", r.Data, want)
				}
				if strings.HasPrefix(c.query, "mutation") {
					break
				}
			}
		})
	}
}

func TestExecuteErrors(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		want  string // part of the text
		field string
		path  []any
		at    [2]int
	}{
		"resolver":         {`{ house { id } fails }`, "the town refuses", "Query.fails", []any{"fails"}, [2]int{1, 16}},
		"resolver, alias":  {"{\n  f: fails\n}", "the town refuses", "Query.fails", []any{"f"}, [2]int{2, 3}},
		"nested resolver":  {`{ houses(ids: ["1", "2"]) { p: people(prefix: "fail") { id } } }`, "the town refuses", "House.people", []any{"houses", 0, "p"}, [2]int{1, 29}},
		"null at root":     {`{ empty }`, "Query.empty is null and of type String!", "Query.empty", []any{"empty"}, [2]int{1, 3}},
		"null below":       {`{ house(id: "no secret") { owner { secret } } }`, "Person.secret is null", "Person.secret", []any{"house", "owner", "secret"}, [2]int{1, 36}},
		"null in a list":   {`{ houses(ids: ["1", "nil"]) { id } }`, "Query.houses is null and of type [House!]!", "Query.houses", []any{"houses", 1}, [2]int{1, 3}},
		"absent in a map":  {`{ house(id: "map") { owner { secret } } }`, "Person.secret is null", "Person.secret", []any{"house", "owner", "secret"}, [2]int{1, 30}},
		"null, embedded":   {`{ house(id: "no name") { owner { id } } }`, "Person.id is null", "Person.id", []any{"house", "owner", "id"}, [2]int{1, 34}},
		"unknown enum":     {`{ house(id: "bad colour") { colour } }`, `House.colour is "BEIGE", which the enum Colour does not have`, "House.colour", []any{"house", "colour"}, [2]int{1, 29}},
		"int for string":   {`{ house(id: "odd name") { owner { name } } }`, "Person.name is of type String, which the Go type int cannot be", "Person.name", []any{"house", "owner", "name"}, [2]int{1, 35}},
		"infinite":         {`{ house(id: "infinite") { height } }`, "finite", "House.height", []any{"house", "height"}, [2]int{1, 27}},
		"not JSON":         {`{ house(id: "no JSON") { extra } }`, "House.extra does not marshal", "House.extra", []any{"house", "extra"}, [2]int{1, 26}},
		"wrong Go type":    {`{ house(id: "wrong type") { id } }`, "Query.house is of type House and its Go type []int is neither", "Query.house", []any{"house"}, [2]int{1, 3}},
		"no Go field":      {`{ house(id: "no fields") { name } }`, "House.name is not in the Go type struct", "House.name", []any{"house", "name"}, [2]int{1, 28}},
		"unfit Go field":   {`{ house(id: "wrong field") { name } }`, "House.name has no fitting Go field: the Go type []string cannot be a String", "House.name", []any{"house", "name"}, [2]int{1, 30}},
		"first of several": {`mutation { a: add(n: 99) b: add(n: 9) c: add(n: 1) }`, "the town refuses", "Mutation.add", []any{"b"}, [2]int{1, 26}},
	} {
		t.Run(name, func(t *testing.T) {
			r := town(t, Limits{}).Execute(t.Context(), Request{Query: c.query})
			if r.Data != nil || len(r.Errors) != 1 {
				t.Fatalf("data %s, errors %v; want one error and no data", r.Data, r.Errors)
			}
			e := r.Errors[0]
			if !strings.Contains(e.Err.Error(), c.want) || e.Field != c.field || !reflect.DeepEqual(e.Path, c.path) || [2]int{e.Line, e.Column} != c.at {
				t.Errorf("got %q\n field %q path %v at %d:%d\nwant %q\n field %q path %v at %v", e.Err, e.Field, e.Path, e.Line, e.Column, c.want, c.field, c.path, c.at)
			}
			if c.want == errTown.Error() && !errors.Is(e, errTown) {
				t.Error("the resolver's error value is lost")
			}
		})
	}
}

func TestBadArgumentsRunNothing(t *testing.T) {
	s := town(t, Limits{})
	r := s.Execute(t.Context(), Request{Query: `mutation($n: Int = 1) { a: add(n: 1) b: add(n: $n) }`, Variables: map[string]any{"n": nil}})
	var d *DocumentError
	if len(r.Errors) != 1 || !errors.As(r.Errors[0], &d) || d.Kind != Variable || d.Name != "n" {
		t.Fatalf("errors %v, want one of the argument n", r.Errors)
	}
	if r = s.Execute(t.Context(), Request{Query: `mutation { add(n: 0) }`}); string(r.Data) != `{"add":0}` {
		t.Errorf("the first mutation ran: %s", r.Data)
	}
}

func TestOperationName(t *testing.T) {
	const three = `query A { house { id } } query B { house { name } } mutation C { add(n: 1) }`
	for _, c := range []struct{ query, name, want string }{
		{three, "A", `{"house":{"id":"7"}}`},
		{three, "B", `{"house":{"name":"Mill"}}`},
		{three, "C", `{"add":1}`},
		{three, "D", `error: the document has no operation "D"`},
		{three, "", `error: the document has 3 operations and operationName chooses none`},
		{`query A { house { id } }`, "", `{"house":{"id":"7"}}`},
		{`{ house { id } }`, "A", `error: the document has no operation "A"`},
		{`fragment F on House { id }`, "", `error: Fragment "F" is never used.`},
		{``, "", `error: the document has 0 operations and operationName chooses none`},
	} {
		r := town(t, Limits{}).Execute(t.Context(), Request{Query: c.query, OperationName: c.name})
		got := string(r.Data)
		if len(r.Errors) > 0 {
			got = "error: " + r.Errors[0].Error()
		}
		if got != c.want {
			t.Errorf("%q of %q:\n got %s\nwant %s", c.name, c.query, got, c.want)
		}
	}
}

func TestExecuteStopsWithItsContext(t *testing.T) {
	s := town(t, Limits{})
	ctx, cancel := context.WithCancel(t.Context())
	s.Query("unknown", func(context.Context, Args) (any, error) { cancel(); return "x", nil })
	r := s.Execute(ctx, Request{Query: `{ unknown house { id } }`})
	if len(r.Errors) != 1 || !errors.Is(r.Errors[0], context.Canceled) || r.Errors[0].Field != "Query.house" {
		t.Errorf("data %s, errors %v", r.Data, r.Errors)
	}
}

func TestSelects(t *testing.T) {
	s := mustNew(t, townSDL, Limits{})
	var got []string
	note := func(ctx context.Context) {
		for _, path := range []string{"owner", "owner.home", "owner.home.id", "people.name", "name", "home"} {
			if Selects(ctx, strings.Split(path, ".")...) {
				got = append(got, path)
			}
		}
	}
	s.Query("house", func(ctx context.Context, _ Args) (any, error) { note(ctx); return map[string]any{}, nil })
	s.Field("House", "owner", func(ctx context.Context, _ any, _ Args) (any, error) { note(ctx); return nil, nil })
	r := s.Execute(t.Context(), Request{
		Query:     `query($n: Boolean!) { house { o: owner { name home @include(if: $n) { id } } ...F } } fragment F on House { people { name } }`,
		Variables: map[string]any{"n": false},
	})
	if len(r.Errors) != 1 || r.Errors[0].Field != "House.people" { // absent in the map
		t.Fatal(r.Errors)
	}
	if want := []string{"owner", "people.name", "name"}; !slices.Equal(got, want) {
		t.Errorf("selected %q, want %q", got, want)
	}
	if Selects(t.Context(), "owner") {
		t.Error("a context without a field selects something")
	}
}

func TestVariablesAreNotChanged(t *testing.T) {
	given := map[string]any{"o": map[string]any{"n": 1.0, "l": []any{"x"}}, "l": []any{1.0}, "shape": map[string]any{"points": map[string]any{"x": 1.0}}}
	before := fmt.Sprintf("%#v", given)
	r := town(t, Limits{}).Execute(t.Context(), Request{Query: `query($o: Object, $l: [Int], $shape: Shape) { echo(o: $o, l: $l, shape: $shape) }`, Variables: given})
	if r.Errors != nil {
		t.Fatal(r.Errors)
	}
	if diff := cmp.Diff(before, fmt.Sprintf("%#v", given)); diff != "" {
		t.Error(diff)
	}
}

func TestShape(t *testing.T) {
	s := town(t, Limits{})
	for _, c := range []struct {
		query string
		want  Shape
	}{
		{`{ house(id: "map") { id } h: house(id: "map") { id people(limit: 1) { id } } }`, Shape{Fields: 6, Types: []string{"House", "[Person!]!"}}},
		{`mutation { add(n: 1) }`, Shape{Mutation: true, Fields: 1, Types: []string{"Int!"}}},
		{`{ __schema { queryType { name } } }`, Shape{Schema: true, Fields: 3}},
		{`{ __typename }`, Shape{Schema: true, Fields: 1}},
		{`{ house {`, Shape{}},
	} {
		if got := s.Prepare(Request{Query: c.query}).Shape(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.query, got, c.want)
		}
	}
}
