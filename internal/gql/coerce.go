package gql

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
)

// Args are the arguments of a field after coercion: Int is int, Float is float64, Boolean is bool, String, ID and enums are
// string, lists are []any, inputs and objects are map[string]any, and null is nil. An argument that the document does not
// give, or gives by a variable without a value, is absent unless the schema has a default for it.
type Args map[string]any

// Decode sets the fields of the struct that into points to, by their json tags, from the arguments that were given; it
// leaves the others as they are. A pointer field therefore tells an argument that was not given, or was null, from one
// that was. The error means that the Go type does not fit the schema: it is the program's, not the client's.
func (a Args) Decode(into any) error {
	text, err := jsonv2.Marshal(map[string]any(a), jsontext.AllowInvalidUTF8(true))
	if err == nil {
		err = jsonv2.Unmarshal(text, into, jsontext.AllowInvalidUTF8(true))
	}
	if err != nil {
		return fmt.Errorf("gql: arguments into %T: %w", into, err)
	}
	return nil
}

// mismatch is a value that its type does not take. It never holds the value: that may be a password.
type mismatch struct {
	path string // below the variable or argument: ".profile.udf[2].key"
	text string
}

func (m *mismatch) under(path string) *mismatch {
	m.path = path + m.path
	return m
}

func (m *mismatch) refuse(at *ast.Position, what, name string) *Error {
	text := m.text
	if m.path != "" {
		text += " at " + clip(name+m.path)
	}
	e := refuse(Variable, at, "%s %q: %s", what, clip(name), text)[0]
	e.Err.(*DocumentError).Name = name
	return e
}

// variables coerces the values of a request to the types that the operation declares. Values that it does not declare are
// ignored. A variable without value and default is absent from the result.
func (s *Schema) variables(op *operation, given map[string]any) (map[string]any, *Error) {
	if len(op.variables) == 0 {
		return nil, nil
	}
	values := make(map[string]any, len(op.variables))
	for _, def := range op.variables {
		value, ok := given[def.Variable]
		if !ok && def.DefaultValue != nil {
			value, ok = literal(def.DefaultValue, nil), true
		}
		if !ok && !def.Type.NonNull {
			continue
		}
		fault := &mismatch{text: "a value of type " + def.Type.String() + " is required"}
		var coerced any
		if ok {
			coerced, fault = s.coerce(def.Type, value)
		}
		if fault != nil {
			return nil, fault.refuse(def.Position, "variable", def.Variable)
		}
		values[def.Variable] = coerced
	}
	return values, nil
}

// arguments coerces what the document gives to a field.
func (s *Schema) arguments(f *field, variables map[string]any) (Args, *Error) {
	if len(f.args) == 0 {
		return nil, nil
	}
	args := make(Args, len(f.args))
	for _, a := range f.args {
		value := a.value
		if value != nil && value.Kind == ast.Variable {
			if v, ok := variables[value.Raw]; ok {
				if v == nil && a.def.Type.NonNull {
					return nil, (&mismatch{text: "must not be null"}).refuse(value.Position, "argument", a.def.Name)
				}
				args[a.def.Name] = v // coerced already, and the validator has compared the types
				continue
			}
			value = nil
		}
		if value == nil {
			value = a.def.DefaultValue
		}
		if value == nil {
			if a.def.Type.NonNull {
				return nil, (&mismatch{text: "a value of type " + a.def.Type.String() + " is required"}).refuse(a.value.Position, "argument", a.def.Name)
			}
			continue
		}
		coerced, fault := s.coerce(a.def.Type, literal(value, variables))
		if fault != nil {
			return nil, fault.refuse(value.Position, "argument", a.def.Name)
		}
		args[a.def.Name] = coerced
	}
	return args, nil
}

// literal turns a value of the document into what JSON would have decoded. In objects a variable without value is absent.
func literal(v *ast.Value, variables map[string]any) any {
	switch v.Kind {
	case ast.Variable:
		return variables[v.Raw]
	case ast.IntValue, ast.FloatValue:
		n, _ := strconv.ParseFloat(v.Raw, 64) // in range, or the document had been refused
		return n
	case ast.BooleanValue:
		return v.Raw == "true"
	case ast.NullValue:
		return nil
	case ast.ListValue:
		list := make([]any, len(v.Children))
		for i, c := range v.Children {
			list[i] = literal(c.Value, variables)
		}
		return list
	case ast.ObjectValue:
		object := make(map[string]any, len(v.Children))
		for _, c := range v.Children {
			if c.Value.Kind == ast.Variable {
				if _, ok := variables[c.Value.Raw]; !ok {
					continue
				}
			}
			object[c.Name] = literal(c.Value, variables)
		}
		return object
	}
	return v.Raw
}

// coerce makes v a value of type t as section 3 of the specification says for inputs; coercing twice changes nothing.
func (s *Schema) coerce(t *ast.Type, v any) (any, *mismatch) {
	if v == nil {
		if t.NonNull {
			return nil, &mismatch{text: "must not be null"}
		}
		return nil, nil
	}
	if t.Elem != nil {
		return s.coerceList(t.Elem, v)
	}
	def := s.types.Types[t.NamedType]
	if def.Kind == ast.InputObject {
		return s.coerceObject(def, v)
	}
	if coerced, ok := coerceLeaf(def, v); ok {
		return coerced, nil
	}
	return nil, &mismatch{text: "expected " + leafOf(def).wanted(def) + ", found " + kindOf(v)}
}

func (s *Schema) coerceList(elem *ast.Type, v any) (any, *mismatch) {
	list, ok := v.([]any)
	if !ok {
		c, fault := s.coerce(elem, v) // one value stands for a list of it
		return []any{c}, fault
	}
	coerced := make([]any, len(list))
	for i, item := range list {
		c, fault := s.coerce(elem, item)
		if fault != nil {
			return nil, fault.under("[" + strconv.Itoa(i) + "]")
		}
		coerced[i] = c
	}
	return coerced, nil
}

func (s *Schema) coerceObject(def *ast.Definition, v any) (any, *mismatch) {
	given, ok := v.(map[string]any)
	if !ok {
		return nil, &mismatch{text: "expected an object of type " + def.Name + ", found " + kindOf(v)}
	}
	for name := range given {
		if def.Fields.ForName(name) == nil {
			return nil, &mismatch{path: "." + name, text: def.Name + " has no such field"}
		}
	}
	coerced := make(map[string]any, len(given))
	for _, f := range def.Fields {
		value, ok := given[f.Name]
		if !ok && f.DefaultValue != nil {
			value, ok = literal(f.DefaultValue, nil), true
		}
		if !ok {
			if f.Type.NonNull {
				return nil, &mismatch{path: "." + f.Name, text: "a value of type " + f.Type.String() + " is required"}
			}
			continue
		}
		c, fault := s.coerce(f.Type, value)
		if fault != nil {
			return nil, fault.under("." + f.Name)
		}
		coerced[f.Name] = c
	}
	return coerced, nil
}

func coerceLeaf(def *ast.Definition, v any) (any, bool) {
	switch leafOf(def) {
	case leafInt:
		n, ok := number(v)
		if !ok || n != math.Trunc(n) || n < math.MinInt32 || n > math.MaxInt32 {
			return nil, false
		}
		return int(n), true
	case leafFloat:
		n, ok := number(v)
		return n, ok
	case leafBoolean:
		b, ok := v.(bool)
		return b, ok
	case leafEnum:
		text, ok := v.(string)
		return text, ok && def.EnumValues.ForName(text) != nil
	case leafID:
		if n, ok := number(v); ok {
			return strconv.FormatInt(int64(n), 10), n == math.Trunc(n) && math.Abs(n) < 1<<53
		}
		fallthrough
	case leafString:
		text, ok := v.(string)
		return text, ok
	}
	return v, true
}

// number reads a decoded number, or an integer that a Go caller gave.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case int:
		return float64(v), true
	}
	return 0, false
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	if _, ok := number(v); ok {
		return "a number"
	}
	return "something else"
}

// leaf is a kind of scalar, or an enum.
type leaf uint8

const (
	leafAny leaf = iota // a scalar of the schema's own: any JSON value
	leafString
	leafInt
	leafFloat
	leafBoolean
	leafID
	leafEnum
)

func leafOf(def *ast.Definition) leaf {
	if def.Kind == ast.Enum {
		return leafEnum
	}
	return leaf(1 + slices.Index([]string{"String", "Int", "Float", "Boolean", "ID"}, def.Name))
}

// wanted says in a message what an input of the type has to be.
func (l leaf) wanted(def *ast.Definition) string {
	return [...]string{"JSON", "a string", "an integer of 32 bits", "a number", "a boolean", "a string or an integer",
		"a value of the enum " + def.Name}[l]
}

// takes reports whether Go values of a kind can answer a leaf.
func (l leaf) takes(k reflect.Kind) bool {
	integer := k >= reflect.Int && k <= reflect.Uint64
	switch l {
	case leafString, leafEnum:
		return k == reflect.String
	case leafInt:
		return integer
	case leafFloat:
		return integer || k == reflect.Float32 || k == reflect.Float64
	case leafBoolean:
		return k == reflect.Bool
	case leafID:
		return integer || k == reflect.String
	}
	return true
}
