package gql

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// each joins what f makes of the first n numbers.
func each(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
		b.WriteByte(' ')
	}
	return b.String()
}

// hostile are documents that cost much more to validate or to answer than to send.
func hostile() map[string]string {
	deep := func(n int, open, leaf, shut string) string {
		return strings.Repeat(open, n) + leaf + strings.Repeat(shut, n)
	}
	number := func(format string) func(int) string {
		return func(i int) string { return strings.ReplaceAll(format, "#", fmt.Sprint(i)) }
	}
	chain := func(n int, body string) string {
		return each(n, func(i int) string {
			return fmt.Sprintf("fragment F%d on Person { %s }", i, strings.ReplaceAll(body, "#", fmt.Sprintf("...F%d", i+1)))
		}) + fmt.Sprintf("fragment F%d on Person { id }", n)
	}
	return map[string]string{
		"10,000 deep":               "{ house { " + deep(10_000, "owner { home { ", "id", "} } ") + "} }",
		"16 deep":                   "{ house { " + deep(7, "owner { home { ", "id", "} } ") + "} }",
		"10,000 lists deep":         "{ echo(o: " + deep(10_000, "[", "", "]") + ") }",
		"16 lists deep":             "{ echo(o: " + deep(16, "[", "", "]") + ") }",
		"900 objects deep":          "{ echo(o: " + deep(900, "{a:", "1", "}") + ") }",
		"deep variable type":        "query($v: " + deep(5_000, "[", "Int", "]") + ") { echo(i: $v) }",
		"inline fragments deep":     "{ " + deep(3_000, "... { ", "__typename", "} ") + "}",
		"deep by fragments":         "{ house { owner { ...F0 } } } " + chain(20, "home { owner { # } }"),
		"10,000 aliases":            "{ " + each(10_000, number("a#: __typename")) + "}",
		"31 aliases":                "{ " + each(31, number("a#: __typename")) + "}",
		"31 aliases in fragments":   "{ ...F ...G } fragment F on Query { " + each(16, number("a#: __typename")) + "} fragment G on Query { " + each(15, number("b#: __typename")) + "}",
		"7,000 equal fields":        "{ house { " + each(7_000, number("id")) + "} }",
		"3,001 aliases below":       "{ house { " + each(3_001, number("a#: id")) + "} }",
		"fragments doubling 2^30":   "{ house { owner { ...F0 } } } " + chain(30, "# #"),
		"fragments doubling 2^1000": "{ house { owner { ...F0 } } } " + chain(1_000, "# #"),
		"doubling below a field":    "{ house { owner { ...F0 } } } " + chain(12, "home { owner { # } } b: home { owner { # } }"),
		"long chain of fragments":   "{ house { owner { ...F0 } } } " + chain(1_500, "#"),
		"fragment in itself":        "{ house { ...F } } fragment F on House { id ...F }",
		"fragments in a ring":       "{ house { owner { ...F0 } } } " + chain(300, "name #") + " fragment F301 on Person { ...F0 }" + strings.Repeat(" ", 1),
		"ring below fields":         "{ house { ...A } } fragment A on House { owner { ...B } } fragment B on Person { home { ...A } }",
		"unused ring":               "{ __typename } fragment A on House { ...B } fragment B on House { ...A }",
		"many operations":           each(1_500, number("query q# { house { ...F } }")) + "fragment F on House { " + each(500, number("a#: id")) + "}",
		"6,000 variables":           "query(" + each(6_000, number("$v#: Int")) + ") { echo(l: [" + each(300, number("$v#")) + "]) }",
		"301 variables":             "query(" + each(301, number("$v#: Int")) + ") { echo(l: [" + each(301, number("$v#")) + "]) }",
		"1 MB":                      "{ house { name } } #" + strings.Repeat("x", 1<<20),
		"100 KB of commas":          "{ house { name } } " + strings.Repeat(",", 100<<10),
		"16,000 tokens":             "{ echo(l: [" + strings.Repeat("1 ", 16_000) + "]) }",
		"40,000 comments":           "{ house { name } } " + strings.Repeat("#\n", 40_000),
		"values repeated":           "{ echo(l: 1) ...F ...F ...F ...F } fragment F on Query { echo(l: [" + strings.Repeat("1 ", 9_000) + "]) }",
		"directives repeated":       "{ house { id " + strings.Repeat("@skip(if: true) ", 2_300) + "} }",
		"unknown names":             "{ house { " + each(2_900, number("nobodyKnowsThisName#")) + "} }",
		"one name of 90 KB":         "{ house { " + strings.Repeat("n", 90_000) + " } }",
		"one argument of 90 KB":     "{ house(id: {" + strings.Repeat("n", 90_000) + ": 1}) { id } }",
		"unknown input fields":      "{ echo(shape: {" + each(4_000, number("k#: 1")) + "}) }",
		"equal input fields":        "{ echo(shape: {" + each(4_000, number("points: []")) + "}) }",
		"unknown enum values":       "{ echo(l: [" + each(14_000, number("E")) + "]) }",
		"undefined variables":       "{ echo(l: [" + each(7_000, number("$v#")) + "]) }",
		"conflict at the end":       "{ house { " + each(2_900, number("a: id")) + "a: name } }",
		"conflict of arguments":     "{ echo(o: [" + strings.Repeat("1 ", 7_000) + "]) echo(o: [" + strings.Repeat("1 ", 6_999) + "2]) }",
		"introspection, deep lists": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
		"unclosed":                  strings.Repeat("{ house ", 900),
		"unclosed text":             `{ house(id: "` + strings.Repeat("x", 90_000),
		"not GraphQL":               strings.Repeat("\x00\xff", 40_000),
	}
}

func TestHostileDocumentsAreRefusedQuickly(t *testing.T) {
	s := town(t, Limits{})
	for name, query := range hostile() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			r := s.Execute(t.Context(), Request{Query: query})
			took := time.Since(start)
			if r.Data != nil || len(r.Errors) == 0 || len(r.Errors) > maxFaults {
				t.Fatalf("answered: %.100s, %d errors", r.Data, len(r.Errors))
			}
			for _, e := range r.Errors {
				var d *DocumentError
				if !errors.As(e, &d) || len(d.Message) > 2*maxMessage {
					t.Errorf("error %T, %d bytes: %.200v", e.Err, len(e.Error()), e)
				}
			}
			// The race detector and a busy machine slow everything down; one more try tells them from a slow rule.
			if limit := 50 * time.Millisecond * slowness; took > limit {
				start = time.Now()
				s.Execute(t.Context(), Request{Query: query})
				if again := time.Since(start); again > limit {
					t.Errorf("took %v, then %v", took, again)
				}
			}
		})
	}
}

func TestLimits(t *testing.T) {
	const owner3 = `{ house(id: "loop") { owner { home { id } } } }`
	for name, c := range map[string]struct {
		limits Limits
		query  string
		want   string // part of the error; empty if it is answered
	}{
		"bytes":             {Limits{Bytes: 15}, `{ house { id } }`, "longer than 15 bytes"},
		"bytes, just":       {Limits{Bytes: 16}, `{ house { id } }`, ""},
		"tokens":            {Limits{Tokens: 5}, `{ house { id } }`, "more than 5 tokens"},
		"tokens, just":      {Limits{Tokens: 6}, `{ house { id } }`, ""},
		"depth":             {Limits{Depth: 3}, owner3, "more than 3 deep"},
		"depth, just":       {Limits{Depth: 4}, owner3, ""},
		"depth, fragments":  {Limits{Depth: 3}, `{ house { ...F } } fragment F on House { owner { home { id } } }`, "more than 3 deep"},
		"value depth":       {Limits{Depth: 2}, `{ echo(o: [[1]]) }`, "nests more than 2 deep"},
		"value depth, just": {Limits{Depth: 2}, `{ echo(o: [1]) }`, ""},
		"fields":            {Limits{Fields: 4}, owner3 + ` query B { house { id } }`, "more than 4 fields"},
		"fields, just":      {Limits{Fields: 4}, owner3, ""},
		"fields, expanded":  {Limits{Fields: 8}, `{ a: house { ...F } b: house { ...F } } fragment F on House { id name open }`, "more than 8 fields"},
		"aliases":           {Limits{Aliases: 2}, `{ a: house { id } b: house { id } c: house { id } }`, "more than 2 root fields"},
		"aliases, just":     {Limits{Aliases: 2}, `{ a: house { id } b: house { id } }`, ""},
		"variables":         {Limits{Variables: 1}, `query($a: Int, $b: Int) { echo(l: [$a, $b]) }`, "more than 1 variables"},
		"variables, just":   {Limits{Variables: 1}, `query($a: Int) { echo(l: [$a]) }`, ""},
		"calls":             {Limits{Calls: 2}, `{ a: house { people { id } } b: house { people { id } } c: house { people { id } } }`, "too much at once"},
		"calls, just":       {Limits{Calls: 2}, `{ a: house { people { id } } b: house { people { id } } }`, ""},
		"calls, meta":       {Limits{Calls: 1}, `{ house { people { id } } __schema { types { fields { args { name } } } } }`, ""},
		"answer":            {Limits{Answer: 300}, `{ house { people(limit: 1000) { id } } }`, "answer would be too long"},
		"answer, meta":      {Limits{Answer: 300}, `{ __schema { types { name } } }`, "answer would be too long"},
		"description": {Limits{}, "{ __schema { types { " + each(200, func(i int) string {
			return fmt.Sprintf("a%d: fields { name args { name type { name } } type { name fields { name description } ofType { fields { name } } } }", i)
		}) + "} } }", "answer would be too long"},
		"answer, just": {Limits{Answer: 300}, `{ house { people(limit: 10) { id } } }`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := town(t, c.limits).Execute(t.Context(), Request{Query: c.query, OperationName: ""})
			if c.want == "" {
				if r.Errors != nil {
					t.Fatal(r.Errors)
				}
				return
			}
			var d *DocumentError
			if len(r.Errors) != 1 || !errors.As(r.Errors[0], &d) || d.Kind != Limit || !strings.Contains(d.Message, c.want) {
				t.Fatalf("data %s, errors %v; want %q", r.Data, r.Errors, c.want)
			}
		})
	}
}

func TestDocumentFaults(t *testing.T) {
	for query, want := range map[string]string{
		"{ house {\n id": "0 2:4 Expected Name, found <EOF>",
		"{ echo(o: " + strings.Repeat("[", 2_000):                    "3 1:1010 the document nests more than 1000 deep",
		"{ house { ...F } } fragment F($a: Int = 1) on House { id }": `0 1:20 a fragment declares no variables`,
		"{ hous { id } }":                                       `1 1:3 Cannot query field "hous" on type "Query".`,
		"{ house { id\n owner } }":                              `1 2:2 Field "owner" of type "Person" must have a selection of subfields.`,
		"subscription { a }":                                    `1 1:1 Schema does not support operation type "subscription"`,
		"{ house { id @defer } }":                               `1 1:15 Unknown directive "@defer".`,
		"{ house { x: id x: name } }":                           `1 1:17 the response name "x" stands for different fields or arguments; use aliases`,
		"{ house { people { id } people(limit: 1) { name } } }": `1 1:25 the response name "people" stands for different fields or arguments; use aliases`,
		"{ house { x: id @skip(if: true) x: name } }":           `1 1:33 the response name "x" stands for different fields or arguments; use aliases`,
		"{ echo(o: {a: 1, b: 2}) echo(o: {b: 2, a: 3}) }":       `1 1:25 the response name "echo" stands for different fields or arguments; use aliases`,
		"{ house { ...F } } fragment F on Person { id }":        `1 1:14 Fragment "F" cannot be spread here as objects of type "House" can never be of type "Person".`,
		"{ house { ...F } } fragment F on House { ...F }":       `1 1:20 the fragment "F" contains itself`,
		"{ house { id } } { house { id } }":                     `1 1:1 This anonymous operation must be the only defined operation.`,
		"query A { house { id } } query A { house { name } }":   `1 1:26 There can be only one operation named "A".`,
	} {
		r := town(t, Limits{}).Execute(t.Context(), Request{Query: query})
		var d *DocumentError
		if len(r.Errors) == 0 || !errors.As(r.Errors[0], &d) {
			t.Errorf("%s: data %s, errors %v", query, r.Data, r.Errors)
			continue
		}
		e := r.Errors[0]
		if got := fmt.Sprintf("%d %d:%d %s", d.Kind, e.Line, e.Column, d.Message); got != want || e.Path != nil || e.Field != "" {
			t.Errorf("%s:\n got %s\nwant %s", query, got, want)
		}
	}
}

// contractDocument is one row of the list of documents that clients send.
type contractDocument struct {
	Operation       string            `json:"operation"`
	Kind            string            `json:"kind"`
	Root            string            `json:"root"`
	Variables       map[string]string `json:"variables"`
	NestedVariables []string          `json:"nestedVariables"`
	Selects         []string          `json:"selects"`
}

func contractDocuments(t testing.TB) (rows []contractDocument) {
	t.Helper()
	text, err := os.ReadFile("../../contract/v2-documents.json")
	if err == nil {
		err = json.Unmarshal(text, &rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// text writes the document of a row. A variable is the argument of its own name: on nested fields if the row says so, and
// otherwise on the root field.
func (d contractDocument) text(s *Schema) string {
	root := s.types.Query
	if d.Kind == "mutation" {
		root = s.types.Mutation
	}
	nested := func(name string) bool { return slices.Contains(d.NestedVariables, name) }
	call := func(f *ast.FieldDefinition, takes func(string) bool) string {
		var args []string
		for _, a := range f.Arguments {
			if d.Variables[a.Name] != "" && takes(a.Name) {
				args = append(args, a.Name+": $"+a.Name)
			}
		}
		if args == nil {
			return f.Name
		}
		return f.Name + "(" + strings.Join(args, ", ") + ")"
	}
	var write func(def *ast.Definition, paths []string) string
	write = func(def *ast.Definition, paths []string) string {
		var parts []string
		below := map[string][]string{}
		for _, path := range paths {
			name, rest, _ := strings.Cut(path, ".")
			if below[name] == nil {
				parts = append(parts, name)
			}
			below[name] = append(below[name], rest)
		}
		for i, name := range parts {
			if f := def.Fields.ForName(name); f != nil {
				parts[i] = call(f, nested)
				if t := s.types.Types[f.Type.Name()]; t.Kind == ast.Object {
					parts[i] += write(t, below[name])
				}
			}
		}
		return " {\n  " + strings.Join(parts, "\n  ") + "\n}"
	}
	var declared []string
	for name, typ := range d.Variables {
		declared = append(declared, "$"+name+": "+typ)
	}
	slices.Sort(declared)
	text := d.Kind + " " + d.Operation
	if declared != nil {
		text += "(" + strings.Join(declared, ", ") + ")"
	}
	field := root.Fields.ForName(d.Root)
	if field == nil {
		return text + " { " + d.Root + " }"
	}
	text += " { " + call(field, func(name string) bool { return !nested(name) || field.Arguments.ForName(name).Type.NonNull })
	if len(d.Selects) > 0 {
		text += write(s.types.Types[field.Type.Name()], d.Selects)
	}
	return text + " }"
}

func TestContractDocumentsAreValid(t *testing.T) {
	s := mustNew(t, contractSDL(t), Limits{})
	rows := contractDocuments(t)
	if len(rows) != 142 {
		t.Errorf("%d documents, want 142", len(rows))
	}
	roots := map[string]bool{}
	for _, row := range rows {
		text := row.text(s)
		d, faults := s.document(text)
		if faults != nil {
			t.Errorf("%s: %v\n%s", row.Operation, faults, text)
			continue
		}
		var paths []string
		var walk func(sel *selection, prefix string)
		walk = func(sel *selection, prefix string) {
			for _, f := range sel.fields {
				if f.sub == nil {
					paths = append(paths, prefix+f.name)
				} else {
					walk(f.sub, prefix+f.name+".")
				}
			}
		}
		op := d.operations[row.Operation]
		if sub := op.root.fields[0].sub; sub != nil {
			walk(sub, "")
		}
		slices.Sort(paths)
		slices.Sort(row.Selects)
		want := slices.Compact(row.Selects) // some documents select a field twice
		if !slices.Equal(paths, want) || len(op.variables) != len(row.Variables) {
			t.Errorf("%s is planned as %q, want %q", row.Operation, paths, want)
		}
		roots[row.Root] = true
	}
	t.Logf("%d documents of %d root fields", len(rows), len(roots))
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache[int, string](3, 80)
	for i := range 10 {
		c.put(i, "v", 10)
		c.get(0) // stays, being used
	}
	for key, want := range map[int]bool{0: true, 8: true, 9: true, 7: false} {
		if _, ok := c.get(key); ok != want {
			t.Errorf("entry %d kept: %v, want %v", key, ok, want)
		}
	}
	c.put(20, "too large", 11)
	if _, ok := c.get(20); ok || c.used != 30 || len(c.byKey) != 3 || c.order.Len() != 3 {
		t.Errorf("used %d, %d keys, %d in order", c.used, len(c.byKey), c.order.Len())
	}
	c = newCache[int, string](100, 80)
	for i := range 20 {
		c.put(i, "v", 10)
		c.put(i, "again", 10)
	}
	if v, _ := c.get(19); c.used != 80 || len(c.byKey) != 8 || v != "v" {
		t.Errorf("used %d, %d keys, newest %q", c.used, len(c.byKey), v)
	}
}

func TestOnlyShortValidDocumentsAreKept(t *testing.T) {
	s := town(t, Limits{})
	for query, kept := range map[string]bool{
		`{ house { id } }`: true,
		`{ nobody }`:       false,
		`{ house `:         false,
		`{ house { name } } #` + strings.Repeat("x", cachedBytes): false,
	} {
		s.Execute(t.Context(), Request{Query: query})
		if _, ok := s.documents.get(query); ok != kept {
			t.Errorf("%.30q kept: %v, want %v", query, ok, kept)
		}
	}
}

// TestCacheMemory holds the estimate of plannedBytes against what plans keep in memory.
func TestCacheMemory(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for name, make := range map[string]func(i int) string{
		"fields": func(i int) string {
			return fmt.Sprintf("{ x%d: house { %s} }", i, each(900, func(j int) string { return fmt.Sprintf("a%d: id", j) }))
		},
		"expanded": func(i int) string {
			return fmt.Sprintf("{ x%d: house { %s} } fragment F on House { %s}", i, each(25, func(j int) string { return fmt.Sprintf("a%d: owner { home { ...F } }", j) }),
				each(100, func(j int) string { return fmt.Sprintf("a%d: id", j) }))
		},
		"values": func(i int) string { return fmt.Sprintf("{ x%d: echo(l: [%s]) }", i, strings.Repeat("1 ", 5_000)) },
		"calls": func(i int) string {
			return fmt.Sprintf("{ x%d: house { %s} }", i, each(300, func(j int) string { return fmt.Sprintf("a%d: people(limit: 1, prefix: %q) { id }", j, fmt.Sprint(j)) }))
		},
	} {
		s := town(t, Limits{Calls: 1 << 20, Depth: 20})
		before := heap()
		for i := range 60 {
			if r := s.Execute(t.Context(), Request{Query: make(i)}); r.Errors != nil {
				t.Fatal(name, r.Errors)
			}
		}
		grown, estimate := int(heap()-before), s.documents.used
		runtime.KeepAlive(s)
		t.Logf("%s: %d documents keep %d KB, estimated at %d KB", name, len(s.documents.byKey), grown>>10, estimate>>10)
		if grown > estimate*5/4 {
			t.Errorf("%s: %d KB kept, estimated at %d", name, grown>>10, estimate>>10)
		}
	}
}
