// Package gql serves GraphQL documents over a schema in SDL: it parses and validates them, plans them once, and writes the
// answers of registered Go functions as JSON. It knows the language and no domain. Subscriptions, interfaces, unions and
// @oneOf inputs are outside of it; New refuses a schema that has them.
//
// Everything is registered before the first Execute; from then on a Schema is safe for any number of goroutines.
package gql

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

// Root resolves a field of Query or Mutation. Its value is read as the package's rules say (see Schema.Execute); its error
// reaches the Result as it is.
type Root func(ctx context.Context, args Args) (any, error)

// Nested resolves a field of any other type. A parent that is a struct arrives as a pointer to it, whether the resolver
// above returned it by value or by pointer; a parent that is a map arrives as that map.
type Nested func(ctx context.Context, parent any, args Args) (any, error)

// Schema is a schema with its resolvers, its plans and its cached answers. Make one with New.
type Schema struct {
	types     *ast.Schema
	limits    Limits
	rules     []validator.Rule
	roots     map[string]Root   // by "Query.user"
	nested    map[string]Nested // by "User.roles"
	bound     map[string]reflect.Type
	twice     []string // registered more than once
	unserved  func(field string) error
	documents *cache[string, *document]
	answers   *cache[answerKey, []byte]
	structs   sync.Map // reflect.Type -> map[string]goField; as many as the program has types
}

// New reads a schema. The error is one of the SDL, or says which part of the language is not served.
func New(sdl string, limits Limits) (*Schema, error) {
	types, err := gqlparser.LoadSchema(&ast.Source{Name: "schema", Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("gql: %w", err)
	}
	if types.Query == nil || types.Query.Name != "Query" || types.Mutation != nil && types.Mutation.Name != "Mutation" {
		return nil, errors.New("gql: the root types have to be Query and Mutation")
	}
	if types.Subscription != nil {
		return nil, errors.New("gql: subscriptions are not served")
	}
	for name, def := range types.Types {
		if def.Kind == ast.Interface || def.Kind == ast.Union || def.Directives.ForName("oneOf") != nil {
			return nil, fmt.Errorf("gql: %s: interfaces, unions and @oneOf are not served", name)
		}
	}
	forgetDrafts(types)
	s := &Schema{
		types:  types,
		limits: limits.withDefaults(),
		rules:  validationRules(),
		roots:  map[string]Root{}, nested: map[string]Nested{}, bound: map[string]reflect.Type{},
		unserved:  func(field string) error { return fmt.Errorf("gql: no resolver for %s", field) },
		documents: newCache[string, *document](1_000, 32<<20),
		answers:   newCache[answerKey, []byte](64, 16<<20),
	}
	s.serveIntrospection()
	return s, nil
}

// Query registers the resolver of a field of Query.
func (s *Schema) Query(name string, f Root) { register(s, s.roots, "Query."+name, f) }

// Mutation registers the resolver of a field of Mutation.
func (s *Schema) Mutation(name string, f Root) { register(s, s.roots, "Mutation."+name, f) }

// Field registers the resolver of a field of an object type. It goes before a Go field of the same name.
func (s *Schema) Field(typeName, name string, f Nested) {
	register(s, s.nested, typeName+"."+name, f)
}

func register[F any](s *Schema, m map[string]F, name string, f F) {
	if _, ok := m[name]; ok {
		s.twice = append(s.twice, name)
	}
	m[name] = f
}

// Bind declares that resolvers answer the object type name with values of sample's Go type. Check then proves at start-up
// that every field of the type, and of the types below it, has a resolver or a Go field that fits.
func (s *Schema) Bind(name string, sample any) { s.bound[name] = reflect.TypeOf(sample) }

// Unserved sets what makes the error of a root field that has no resolver; field is "Query.x" or "Mutation.y".
func (s *Schema) Unserved(f func(field string) error) { s.unserved = f }

// Check reports everything that was registered and does not fit the schema: unknown names, names registered twice, and Go
// types given to Bind that lack a field or have one of the wrong type.
func (s *Schema) Check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("gql: "+format, args...)) }
	for _, name := range s.twice {
		fault("%s is registered twice", name)
	}
	for name := range s.roots {
		if s.definition(name) == nil {
			fault("%s is not in the schema", name)
		}
	}
	for name := range s.nested {
		if s.definition(name) == nil || strings.HasPrefix(name, "Query.") || strings.HasPrefix(name, "Mutation.") {
			fault("%s is not a field of an object type in the schema", name)
		}
	}
	for name, t := range s.bound {
		if def := s.types.Types[name]; def == nil || def.Kind != ast.Object {
			fault("%s is not an object type in the schema", name)
		} else {
			faults = append(faults, s.covers(t, def, map[string]bool{})...)
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(faults...)
}

// Served lists the root fields that have a resolver, sorted: "Mutation.y", "Query.x".
func (s *Schema) Served() []string { return s.rootFields(true) }

// Missing lists the root fields that have none, sorted.
func (s *Schema) Missing() []string { return s.rootFields(false) }

func (s *Schema) rootFields(served bool) []string {
	var names []string
	for _, def := range []*ast.Definition{s.types.Query, s.types.Mutation} {
		if def == nil {
			continue
		}
		for _, f := range def.Fields {
			name := def.Name + "." + f.Name
			if _, ok := s.roots[name]; ok == served && !strings.HasPrefix(f.Name, "__") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func (s *Schema) definition(name string) *ast.FieldDefinition {
	typeName, field, _ := strings.Cut(name, ".")
	if def := s.types.Types[typeName]; def != nil && def.Kind == ast.Object {
		return def.Fields.ForName(field)
	}
	return nil
}

// goField is one field of a Go struct as JSON names it.
type goField struct {
	index    []int
	omitzero bool
	goType   reflect.Type
}

// fieldsOf lists the fields of a struct type by their JSON names. Fields of embedded structs count as the struct's own;
// the shallower of two equal names wins.
func (s *Schema) fieldsOf(t reflect.Type) map[string]goField {
	if known, ok := s.structs.Load(t); ok {
		return known.(map[string]goField)
	}
	fields := map[string]goField{}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous && name == "" || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if old, ok := fields[name]; !ok || len(f.Index) < len(old.index) {
			fields[name] = goField{f.Index, slices.Contains(strings.Split(options, ","), "omitzero"), f.Type}
		}
	}
	s.structs.Store(t, fields)
	return fields
}

// fits reports why values of a Go type cannot answer a GraphQL type, as far as the Go type alone can tell.
func (s *Schema) fits(t reflect.Type, want *ast.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Interface {
		return nil
	}
	if want.Elem != nil {
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return fmt.Errorf("the Go type %s is no list", t)
		}
		return s.fits(t.Elem(), want.Elem)
	}
	def := s.types.Types[want.NamedType]
	ok := true
	if def.Kind == ast.Object {
		ok = t.Kind() == reflect.Struct || t.Kind() == reflect.Map && t.Key().Kind() == reflect.String
	} else {
		ok = leafOf(def).takes(t.Kind())
	}
	if !ok {
		return fmt.Errorf("the Go type %s cannot be a %s", t, want.NamedType)
	}
	return nil
}

// covers lists the fields of def, and of the object types below it, that the Go type t cannot answer.
func (s *Schema) covers(t reflect.Type, def *ast.Definition, seen map[string]bool) []error {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		t = t.Elem()
	}
	if t == nil || t.Kind() == reflect.Map || t.Kind() == reflect.Interface || seen[def.Name+" "+t.String()] {
		return nil
	}
	seen[def.Name+" "+t.String()] = true
	if t.Kind() != reflect.Struct {
		return []error{fmt.Errorf("gql: Go type %s cannot be a %s", t, def.Name)}
	}
	var faults []error
	fields := s.fieldsOf(t)
	for _, f := range def.Fields {
		if s.nested[def.Name+"."+f.Name] != nil {
			continue
		}
		goField, ok := fields[f.Name]
		if !ok {
			faults = append(faults, fmt.Errorf("gql: Go type %s has no field for %s.%s", t, def.Name, f.Name))
		} else if err := s.fits(goField.goType, f.Type); err != nil {
			faults = append(faults, fmt.Errorf("gql: %s.%s: %w", def.Name, f.Name, err))
		} else if below := s.types.Types[f.Type.Name()]; below.Kind == ast.Object {
			faults = append(faults, s.covers(goField.goType, below, seen)...)
		}
	}
	return faults
}
