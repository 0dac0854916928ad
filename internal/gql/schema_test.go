package gql

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// townSDL has every part of the language that is served.
const townSDL = `
"What the town can be asked."
schema { query: Query mutation: Mutation }

"Any JSON."
scalar Object @specifiedBy(url: "https://example.org/object")

enum Colour { RED GREEN BLUE @deprecated(reason: "faded") }

"A house."
type House {
  id: ID!
  name: String!
  colour: Colour
  floors: Int
  height: Float
  open: Boolean
  extra: Object
  tags: [String!]!
  grid: [[Int]]
  owner: Person
  people(limit: Int = 2, prefix: String): [Person!]!
  old: String @deprecated
}

type Person {
  id: ID!
  name: String
  secret: String!
  home: House
}

input Point { x: Int! y: Int = 7 label: String }

input Shape { points: [Point!]! colour: Colour = RED data: Object next: Shape }

type Query {
  house(id: ID): House
  houses(ids: [ID!]): [House!]!
  echo(i: Int, f: Float, s: String, b: Boolean, id: ID, c: Colour, l: [Int], ll: [[Int!]], o: Object, shape: Shape, d: Int = 5, n: String! = "x"): Object
  need(s: String!): String
  fails: String
  empty: String!
  unknown: String
}

type Mutation {
  add(n: Int!): Int!
  unknown: String
}
`

// contractSDL is the schema that this engine is made for.
func contractSDL(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../contract/v2.graphql")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustNew(t testing.TB, sdl string, limits Limits) *Schema {
	t.Helper()
	s, err := New(sdl, limits)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nothing(context.Context, Args) (any, error) { return nil, nil }

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct{ sdl, want string }{
		"syntax":       {`type Query { a: }`, "schema:1"},
		"unknown type": {`type Query { a: B }`, "B"},
		"no query":     {`type A { a: Int }`, "Query"},
		"other roots":  {`schema { query: Reading } type Reading { a: Int }`, "Query and Mutation"},
		"subscription": {`type Query { a: Int } type Subscription { a: Int }`, "subscriptions"},
		"interface":    {`interface I { a: Int } type Query implements I { a: Int }`, "interfaces"},
		"union":        {`type A { a: Int } union U = A type Query { a: U }`, "unions"},
		"oneOf":        {`input I @oneOf { a: Int } type Query { a(i: I): Int }`, "@oneOf"},
	} {
		if _, err := New(c.sdl, Limits{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	type person struct {
		ID     string  `json:"id"`
		Name   *string `json:"name"`
		Secret string  `json:"secret"`
		Home   any     `json:"home"`
	}
	type houseBase struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	type goodHouse struct {
		houseBase
		Colour string   `json:"colour,omitzero"`
		Floors *int64   `json:"floors"`
		Height float64  `json:"height"`
		Open   bool     `json:"open"`
		Extra  any      `json:"extra"`
		Tags   []string `json:"tags"`
		Grid   [][]*int `json:"grid"`
		Owner  *person  `json:"owner"`
		Old    string   `json:"old"`
	}
	type badPerson struct {
		ID     string `json:"id"`
		Name   int    `json:"name"`
		Secret string
		Home   string `json:"home"`
	}
	nested := func(context.Context, any, Args) (any, error) { return nil, nil }
	for name, c := range map[string]struct {
		register func(*Schema)
		want     []string // parts of the error, one for each line
	}{
		"nothing": {func(*Schema) {}, nil},
		"good": {func(s *Schema) {
			s.Query("house", nothing)
			s.Mutation("add", nothing)
			s.Field("House", "people", nested)
		}, nil},
		"unknown query":    {func(s *Schema) { s.Query("add", nothing) }, []string{"Query.add is not in the schema"}},
		"mutation":         {func(s *Schema) { s.Mutation("house", nothing) }, []string{"Mutation.house is not"}},
		"nested":           {func(s *Schema) { s.Field("House", "roof", nested); s.Field("Point", "x", nested) }, []string{"House.roof", "Point.x"}},
		"nested at root":   {func(s *Schema) { s.Field("Query", "house", nested) }, []string{"Query.house is not a field of an object"}},
		"twice":            {func(s *Schema) { s.Query("house", nothing); s.Query("house", nothing) }, []string{"Query.house is registered twice"}},
		"bound":            {func(s *Schema) { s.Bind("House", &goodHouse{}); s.Field("House", "people", nested) }, nil},
		"bound, in a ring": {func(s *Schema) { s.Bind("House", &house{}); s.Field("House", "people", nested) }, nil},
		"bound, lacking":   {func(s *Schema) { s.Bind("House", goodHouse{}) }, []string{"goodHouse has no field for House.people"}},
		"bound, wrong": {func(s *Schema) { s.Bind("Person", badPerson{}) }, []string{
			"badPerson has no field for Person.secret", "Person.home: the Go type string cannot be a House", "Person.name: the Go type int cannot be a String"}},
		"bound, unknown": {func(s *Schema) { s.Bind("Shape", badPerson{}) }, []string{"Shape is not an object type"}},
	} {
		s := mustNew(t, townSDL, Limits{})
		c.register(s)
		var lines []string
		if err := s.Check(); err != nil {
			lines = strings.Split(err.Error(), "\n")
		}
		if len(lines) != len(c.want) {
			t.Errorf("%s: %d faults %q, want %d", name, len(lines), lines, len(c.want))
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(lines[i], want) {
				t.Errorf("%s: %q, want %q", name, lines[i], want)
			}
		}
	}
}

func TestServedAndMissing(t *testing.T) {
	s := mustNew(t, townSDL, Limits{})
	s.Query("houses", nothing)
	s.Query("house", nothing)
	s.Mutation("add", nothing)
	if got, want := s.Served(), []string{"Mutation.add", "Query.house", "Query.houses"}; !slices.Equal(got, want) {
		t.Errorf("served %q, want %q", got, want)
	}
	if got, want := s.Missing(), []string{"Mutation.unknown", "Query.echo", "Query.empty", "Query.fails", "Query.need", "Query.unknown"}; !slices.Equal(got, want) {
		t.Errorf("missing %q, want %q", got, want)
	}
}

func TestContractIsWhole(t *testing.T) {
	missing := mustNew(t, contractSDL(t), Limits{}).Missing()
	mutations := slices.IndexFunc(missing, func(name string) bool { return strings.HasPrefix(name, "Query.") })
	if len(missing)-mutations != 49 || mutations != 80 {
		t.Errorf("%d queries and %d mutations, want 49 and 80", len(missing)-mutations, mutations)
	}
}

func TestUnserved(t *testing.T) {
	s := mustNew(t, townSDL, Limits{})
	added := false
	s.Mutation("add", func(context.Context, Args) (any, error) { added = true; return 1, nil })
	absent := errors.New("absent")
	var asked string
	s.Unserved(func(field string) error { asked = field; return absent })
	r := s.Execute(t.Context(), Request{Query: `mutation { add(n: 1) x: unknown }`})
	if r.Data != nil || len(r.Errors) != 1 || !errors.Is(r.Errors[0], absent) || asked != "Mutation.unknown" || r.Errors[0].Field != asked {
		t.Errorf("data %s, errors %v, asked for %q", r.Data, r.Errors, asked)
	}
	if added {
		t.Error("a mutation ran although another of the same request is not served")
	}
}
