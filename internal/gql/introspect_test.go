package gql

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
)

// fullIntrospection asks for all that the specification has, with wrapped types nine deep as the newest clients do.
var fullIntrospection = `query Introspection($all: Boolean = true) {
  __schema {
    description queryType { name } mutationType { name } subscriptionType { name }
    types { ...Whole }
    directives { name description locations isRepeatable args(includeDeprecated: $all) { ...Input } }
  }
}
fragment Whole on __Type {
  kind name description specifiedByURL
  fields(includeDeprecated: $all) { name description args(includeDeprecated: $all) { ...Input } type { ...Wrapped } isDeprecated deprecationReason }
  inputFields(includeDeprecated: $all) { ...Input }
  interfaces { ...Wrapped }
  enumValues(includeDeprecated: $all) { name description isDeprecated deprecationReason }
  possibleTypes { ...Wrapped }
}
fragment Input on __InputValue { name description type { ...Wrapped } defaultValue isDeprecated deprecationReason }
fragment Wrapped on __Type { kind name ` + strings.Repeat("ofType { kind name ", 9) + strings.Repeat("}", 9) + ` }`

// introspected is what a client reads.
type introspected struct {
	Schema struct {
		Description                               *string
		QueryType, MutationType, SubscriptionType *struct{ Name string }
		Types                                     []introspectedType
		Directives                                []struct {
			Name         string
			Locations    []string
			IsRepeatable bool
			Args         []introspectedInput
		}
	} `json:"__schema"`
}

type introspectedType struct {
	Kind                              string
	Name, Description, SpecifiedByURL *string
	OfType                            *introspectedType
	Fields                            []introspectedField
	InputFields                       []introspectedInput
	EnumValues                        []introspectedField
	Interfaces, PossibleTypes         []introspectedType
}

type introspectedField struct {
	Name              string
	Type              introspectedType
	Args              []introspectedInput
	IsDeprecated      bool
	DeprecationReason *string
}

type introspectedInput struct {
	introspectedField
	DefaultValue *string
}

func (t introspectedType) notation() string {
	switch t.Kind {
	case "NON_NULL":
		return t.OfType.notation() + "!"
	case "LIST":
		return "[" + t.OfType.notation() + "]"
	}
	return *t.Name
}

// signatures lists a schema as lines, the one way from what a client reads and the other from the SDL.
func (in introspected) signatures() (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	input := func(of string, i introspectedInput) {
		value := ""
		if i.DefaultValue != nil {
			value = " = " + *i.DefaultValue
		}
		add("%s %s: %s%s %v", of, i.Name, i.Type.notation(), value, i.IsDeprecated)
	}
	for _, t := range in.Schema.Types {
		name := *t.Name
		add("%s %s", t.Kind, name)
		for _, f := range t.Fields {
			add("%s.%s: %s %v", name, f.Name, f.Type.notation(), f.IsDeprecated)
			for _, a := range f.Args {
				input(name+"."+f.Name, a)
			}
		}
		for _, f := range t.InputFields {
			input(name, f)
		}
		for _, v := range t.EnumValues {
			add("%s is %s %v", name, v.Name, v.IsDeprecated)
		}
	}
	for _, d := range in.Schema.Directives {
		add("@%s %v %s", d.Name, d.IsRepeatable, d.Locations)
		for _, a := range d.Args {
			input("@"+d.Name, a)
		}
	}
	slices.Sort(lines)
	return lines
}

func sdlSignatures(s *ast.Schema) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	deprecated := func(d ast.DirectiveList) bool { return d.ForName("deprecated") != nil }
	value := func(v *ast.Value) string {
		if v == nil {
			return ""
		}
		return " = " + v.String()
	}
	arguments := func(of string, list ast.ArgumentDefinitionList) {
		for _, a := range list {
			add("%s %s: %s%s %v", of, a.Name, a.Type, value(a.DefaultValue), deprecated(a.Directives))
		}
	}
	for name, t := range s.Types {
		add("%s %s", t.Kind, name)
		for _, f := range t.Fields {
			switch {
			case strings.HasPrefix(f.Name, "__"):
			case t.Kind == ast.InputObject:
				add("%s %s: %s%s %v", name, f.Name, f.Type, value(f.DefaultValue), deprecated(f.Directives))
			default:
				add("%s.%s: %s %v", name, f.Name, f.Type, deprecated(f.Directives))
				arguments(name+"."+f.Name, f.Arguments)
			}
		}
		for _, v := range t.EnumValues {
			add("%s is %s %v", name, v.Name, deprecated(v.Directives))
		}
	}
	for name, d := range s.Directives {
		add("@%s %v %s", name, d.IsRepeatable, d.Locations)
		arguments("@"+name, d.Arguments)
	}
	slices.Sort(lines)
	return lines
}

func TestIntrospectionIsTheSDL(t *testing.T) {
	for name, sdl := range map[string]string{"town": townSDL, "contract": contractSDL(t)} {
		s := mustNew(t, sdl, Limits{})
		r := s.Execute(t.Context(), Request{Query: fullIntrospection})
		if r.Errors != nil {
			t.Fatal(name, r.Errors[0])
		}
		var in introspected
		if err := json.Unmarshal(r.Data, &in); err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(sdlSignatures(s.types), in.signatures()); diff != "" {
			t.Errorf("%s (-SDL +introspection):\n%s", name, diff)
		}
		if in.Schema.QueryType.Name != "Query" || in.Schema.MutationType.Name != "Mutation" || in.Schema.SubscriptionType != nil {
			t.Errorf("%s: root types %v", name, in.Schema)
		}
		t.Logf("%s: %d types, %d bytes", name, len(in.Schema.Types), len(r.Data))
	}
}

// TestDirectiveLocationsArePublished: clients refuse a schema whose directives stand at locations that they do not know.
func TestDirectiveLocationsArePublished(t *testing.T) {
	r := mustNew(t, townSDL, Limits{}).Execute(t.Context(), Request{Query: `{ __schema { directives { name locations } } __type(name: "__DirectiveLocation") { enumValues { name } } }`})
	const want = `{"__schema":{"directives":[` +
		`{"name":"deprecated","locations":["FIELD_DEFINITION","ARGUMENT_DEFINITION","INPUT_FIELD_DEFINITION","ENUM_VALUE"]},` +
		`{"name":"include","locations":["FIELD","FRAGMENT_SPREAD","INLINE_FRAGMENT"]},` +
		`{"name":"skip","locations":["FIELD","FRAGMENT_SPREAD","INLINE_FRAGMENT"]},` +
		`{"name":"specifiedBy","locations":["SCALAR"]}]},"__type":{"enumValues":[`
	if !strings.HasPrefix(string(r.Data), want) || strings.Contains(string(r.Data), "DIRECTIVE_DEFINITION") || strings.Count(string(r.Data[len(want):]), "name") != 19 {
		t.Errorf("got %s\nwant %s with 19 locations", r.Data, want)
	}
}

func TestIntrospection(t *testing.T) {
	for query, want := range map[string]string{
		`{ __type(name: "Colour") { kind name description fields { name } inputFields { name } interfaces { name } possibleTypes { name } ofType { name } enumValues { name } } }`: `{"__type":{"kind":"ENUM","name":"Colour","description":null,"fields":null,"inputFields":null,"interfaces":null,"possibleTypes":null,"ofType":null,"enumValues":[{"name":"RED"},{"name":"GREEN"}]}}`,
		`{ __type(name: "Colour") { enumValues(includeDeprecated: true) { name isDeprecated deprecationReason } } }`:                                                               `{"__type":{"enumValues":[{"name":"RED","isDeprecated":false,"deprecationReason":null},{"name":"GREEN","isDeprecated":false,"deprecationReason":null},{"name":"BLUE","isDeprecated":true,"deprecationReason":"faded"}]}}`,
		`query($n: String!) { __type(name: $n) { description interfaces { name } fields(includeDeprecated: null) { name } } }`:                                                     `{"__type":{"description":"A house.","interfaces":[],"fields":[{"name":"id"},{"name":"name"},{"name":"colour"},{"name":"floors"},{"name":"height"},{"name":"open"},{"name":"extra"},{"name":"tags"},{"name":"grid"},{"name":"owner"},{"name":"people"}]}}`,
		`{ __type(name: "Object") { kind description specifiedByURL enumValues { name } } s: __type(name: "String") { specifiedByURL } }`:                                          `{"__type":{"kind":"SCALAR","description":"Any JSON.","specifiedByURL":"https://example.org/object","enumValues":null},"s":{"specifiedByURL":null}}`,
		`{ __type(name: "Point") { kind fields { name } inputFields { name defaultValue type { kind name ofType { name } } } } }`:                                                  `{"__type":{"kind":"INPUT_OBJECT","fields":null,"inputFields":[{"name":"x","defaultValue":null,"type":{"kind":"NON_NULL","name":null,"ofType":{"name":"Int"}}},{"name":"y","defaultValue":"7","type":{"kind":"SCALAR","name":"Int","ofType":null}},{"name":"label","defaultValue":null,"type":{"kind":"SCALAR","name":"String","ofType":null}}]}}`,
		`{ __type(name: "Person!") { name } a: __type(name: "Nobody") { name } b: __type(name: "") { name } }`:                                                                     `{"__type":null,"a":null,"b":null}`,
		`{ __schema { __typename description queryType { __typename name fields { name } } } __typename }`:                                                                         `{"__schema":{"__typename":"__Schema","description":"What the town can be asked.","queryType":{"__typename":"__Type","name":"Query","fields":[{"name":"house"},{"name":"houses"},{"name":"echo"},{"name":"need"},{"name":"fails"},{"name":"empty"},{"name":"unknown"}]}},"__typename":"Query"}`,
		`{ __type(name: "__Type") { fields { name args { name defaultValue } } } house { id } }`:                                                                                   `{"__type":{"fields":[{"name":"kind","args":[]},{"name":"name","args":[]},{"name":"description","args":[]},{"name":"specifiedByURL","args":[]},{"name":"fields","args":[{"name":"includeDeprecated","defaultValue":"false"}]},{"name":"interfaces","args":[]},{"name":"possibleTypes","args":[]},{"name":"enumValues","args":[{"name":"includeDeprecated","defaultValue":"false"}]},{"name":"inputFields","args":[{"name":"includeDeprecated","defaultValue":"false"}]},{"name":"ofType","args":[]}]},"house":{"id":"7"}}`,
	} {
		s := town(t, Limits{})
		for range 2 { // the second answer may be a kept one
			r := s.Execute(t.Context(), Request{Query: query, Variables: map[string]any{"n": "House"}})
			if string(r.Data) != want || r.Errors != nil {
				t.Errorf("%s\n got %s %v\nwant %s", query, r.Data, r.Errors, want)
			}
		}
	}
}

func TestDescriptionsAreKeptByVariables(t *testing.T) {
	s := town(t, Limits{})
	const query = `query($n: String!, $all: Boolean) { __type(name: $n) { name enumValues(includeDeprecated: $all) { name } } }`
	ask := func(variables map[string]any) string {
		return string(s.Execute(t.Context(), Request{Query: query, Variables: variables}).Data)
	}
	for range 2 {
		for _, c := range []struct {
			variables map[string]any
			want      string
		}{
			{map[string]any{"n": "Colour"}, `{"__type":{"name":"Colour","enumValues":[{"name":"RED"},{"name":"GREEN"}]}}`},
			{map[string]any{"n": "Colour", "all": true}, `{"__type":{"name":"Colour","enumValues":[{"name":"RED"},{"name":"GREEN"},{"name":"BLUE"}]}}`},
			{map[string]any{"n": "House", "all": true}, `{"__type":{"name":"House","enumValues":null}}`},
		} {
			if got := ask(c.variables); got != c.want {
				t.Errorf("%v: got %s, want %s", c.variables, got, c.want)
			}
		}
	}
	if n := len(s.answers.byKey); n != 3 {
		t.Errorf("%d answers kept, want 3", n)
	}
	s.Execute(t.Context(), Request{Query: `{ __schema { queryType { name } } house { id } }`})
	ask(map[string]any{"n": strings.Repeat("x", 2_000)})
	if n := len(s.answers.byKey); n != 3 {
		t.Errorf("%d answers kept after a mixed document and a long variable, want 3", n)
	}
	for i := range 1_000 {
		ask(map[string]any{"n": fmt.Sprint(i)})
	}
	if n := len(s.answers.byKey); n > 64 {
		t.Errorf("%d answers kept", n)
	}
}
