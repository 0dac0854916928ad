package gql

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// The meta types are the schema as section 4 of the specification (October 2021) describes it to clients.

type metaSchema struct {
	Description      string           `json:"description,omitzero"`
	Types            []*metaType      `json:"types"`
	QueryType        *metaType        `json:"queryType"`
	MutationType     *metaType        `json:"mutationType"`
	SubscriptionType *metaType        `json:"subscriptionType"`
	Directives       []*metaDirective `json:"directives"`
}

type metaType struct {
	Kind           string      `json:"kind"`
	Name           string      `json:"name,omitzero"`
	Description    string      `json:"description,omitzero"`
	SpecifiedByURL string      `json:"specifiedByURL,omitzero"`
	Interfaces     []*metaType `json:"interfaces"`
	PossibleTypes  []*metaType `json:"possibleTypes"`
	OfType         *metaType   `json:"ofType"`
	fields         []*metaField
	inputFields    []*metaInput
	enumValues     []*metaNamed
}

// metaNamed is what may be deprecated; by itself it is an enum value.
type metaNamed struct {
	Name              string `json:"name"`
	Description       string `json:"description,omitzero"`
	IsDeprecated      bool   `json:"isDeprecated"`
	DeprecationReason string `json:"deprecationReason,omitzero"`
}

type metaField struct {
	metaNamed
	Type *metaType `json:"type"`
	args []*metaInput
}

type metaInput struct {
	metaNamed
	Type         *metaType `json:"type"`
	DefaultValue *string   `json:"defaultValue"`
}

type metaDirective struct {
	Name         string                  `json:"name"`
	Description  string                  `json:"description,omitzero"`
	IsRepeatable bool                    `json:"isRepeatable"`
	Locations    []ast.DirectiveLocation `json:"locations"`
	args         []*metaInput
}

func (m *metaNamed) deprecated() bool { return m.IsDeprecated }

// forgetDrafts brings the description that the parser adds to each schema back to the published specification: clients
// refuse a directive at a location that they do not know, and nothing here serves @defer or @oneOf.
func forgetDrafts(types *ast.Schema) {
	delete(types.Directives, "defer")
	delete(types.Directives, "oneOf")
	for _, d := range types.Directives {
		d.Locations = slices.DeleteFunc(d.Locations, func(l ast.DirectiveLocation) bool { return l == ast.LocationDirectiveDefinition })
	}
	locations := types.Types["__DirectiveLocation"]
	locations.EnumValues = slices.DeleteFunc(locations.EnumValues, func(v *ast.EnumValueDefinition) bool {
		return v.Name == string(ast.LocationDirectiveDefinition)
	})
	t := types.Types["__Type"]
	t.Fields = slices.DeleteFunc(t.Fields, func(f *ast.FieldDefinition) bool { return f.Name == "isOneOf" })
}

// serveIntrospection describes the schema once and registers the resolvers of __schema, __type and what they lead to.
func (s *Schema) serveIntrospection() {
	d := describer{types: map[string]*metaType{}}
	for name, def := range s.types.Types {
		d.types[name] = &metaType{Kind: string(def.Kind), Name: name, Description: def.Description}
	}
	schema := &metaSchema{Description: s.types.Description, QueryType: d.types[s.types.Query.Name]}
	if s.types.Mutation != nil {
		schema.MutationType = d.types[s.types.Mutation.Name]
	}
	for _, name := range slices.Sorted(maps.Keys(s.types.Types)) {
		d.fill(s.types.Types[name])
		schema.Types = append(schema.Types, d.types[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.types.Directives)) {
		def := s.types.Directives[name]
		schema.Directives = append(schema.Directives, &metaDirective{
			Name: name, Description: def.Description, IsRepeatable: def.IsRepeatable, Locations: def.Locations, args: d.inputs(def.Arguments),
		})
	}
	s.Query("__schema", func(context.Context, Args) (any, error) { return schema, nil })
	named := maps.Clone(d.types)
	maps.DeleteFunc(named, func(_ string, t *metaType) bool { return t.Name == "" })
	s.Query("__type", func(_ context.Context, args Args) (any, error) { return named[args["name"].(string)], nil })
	s.Field("__Type", "fields", listing(func(t *metaType) []*metaField { return t.fields }))
	s.Field("__Type", "inputFields", listing(func(t *metaType) []*metaInput { return t.inputFields }))
	s.Field("__Type", "enumValues", listing(func(t *metaType) []*metaNamed { return t.enumValues }))
	s.Field("__Field", "args", listing(func(f *metaField) []*metaInput { return f.args }))
	s.Field("__Directive", "args", listing(func(d *metaDirective) []*metaInput { return d.args }))
}

// listing resolves a list of parts of P, without the deprecated ones unless they are asked for.
func listing[P any, T interface{ deprecated() bool }](of func(*P) []T) Nested {
	return func(_ context.Context, parent any, args Args) (any, error) {
		list := of(parent.(*P))
		if all, _ := args["includeDeprecated"].(bool); !all && slices.ContainsFunc(list, T.deprecated) {
			list = slices.DeleteFunc(slices.Clone(list), T.deprecated)
		}
		return list, nil
	}
}

// describer makes meta values. types holds named types by name and wrapped ones by their notation ("[User!]").
type describer struct {
	types map[string]*metaType
}

func (d describer) fill(def *ast.Definition) {
	t := d.types[def.Name]
	switch def.Kind {
	case ast.Object:
		t.Interfaces = []*metaType{}
		for _, f := range def.Fields {
			if !strings.HasPrefix(f.Name, "__") {
				t.fields = append(t.fields, &metaField{named(f.Name, f.Description, f.Directives), d.of(f.Type), d.inputs(f.Arguments)})
			}
		}
	case ast.InputObject:
		for _, f := range def.Fields {
			t.inputFields = append(t.inputFields, d.input(f.Name, f.Description, f.Directives, f.Type, f.DefaultValue))
		}
	case ast.Enum:
		for _, v := range def.EnumValues {
			value := named(v.Name, v.Description, v.Directives)
			t.enumValues = append(t.enumValues, &value)
		}
	case ast.Scalar:
		if by := def.Directives.ForName("specifiedBy"); by != nil {
			t.SpecifiedByURL = by.Arguments.ForName("url").Value.Raw
		}
	}
}

func (d describer) inputs(defs ast.ArgumentDefinitionList) (list []*metaInput) {
	for _, a := range defs {
		list = append(list, d.input(a.Name, a.Description, a.Directives, a.Type, a.DefaultValue))
	}
	return list
}

func (d describer) input(name, description string, directives ast.DirectiveList, t *ast.Type, value *ast.Value) *metaInput {
	input := &metaInput{metaNamed: named(name, description, directives), Type: d.of(t)}
	if value != nil {
		text := value.String()
		input.DefaultValue = &text
	}
	return input
}

func named(name, description string, directives ast.DirectiveList) metaNamed {
	m := metaNamed{Name: name, Description: description}
	if by := directives.ForName("deprecated"); by != nil {
		m.IsDeprecated, m.DeprecationReason = true, "No longer supported"
		if reason := by.Arguments.ForName("reason"); reason != nil {
			m.DeprecationReason = cmp.Or(reason.Value.Raw, m.DeprecationReason)
		}
	}
	return m
}

// of returns the meta type of a type with its wrappers.
func (d describer) of(t *ast.Type) *metaType {
	notation := t.String()
	if known := d.types[notation]; known != nil {
		return known
	}
	wrapped := &metaType{Kind: "LIST"}
	inner := *t
	if t.NonNull {
		wrapped.Kind, inner.NonNull = "NON_NULL", false
	} else {
		inner = *t.Elem
	}
	wrapped.OfType = d.of(&inner)
	d.types[notation] = wrapped
	return wrapped
}
