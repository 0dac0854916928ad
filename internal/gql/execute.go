package gql

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
)

// Request is one call. Variables are what JSON decoders make of an object: numbers are float64, lists []any, objects
// map[string]any. Execute does not change them.
type Request struct {
	Query         string
	OperationName string
	Variables     map[string]any
}

// Result is the outcome of one call: Data is a JSON object, or nil when there are Errors. Data must not be changed: other
// results may share it.
type Result struct {
	Data   []byte
	Errors []*Error
}

// Error is what one call failed with, and where.
type Error struct {
	Err          error  // a resolver's own error, a *DocumentError, or a fault of the program
	Path         []any  // response names and list indexes down to the field; nil for a fault of the document
	Line, Column int    // in the document, from 1; 0 when no place is to blame
	Field        string // "Query.users", "User.roles"; empty for a fault of the document
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return e.Field + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// run is one execution.
type run struct {
	ctx       context.Context
	schema    *Schema
	variables map[string]any
	buf       []byte
	calls     int
}

// Prepared is a request whose document has been read and planned, or refused. It is used by one goroutine.
type Prepared struct {
	schema    *Schema
	op        *operation
	variables map[string]any
	faults    []*Error
}

// Shape is what a request asks for, as far as its document tells without its variables.
type Shape struct {
	Mutation bool
	Schema   bool     // asks for the schema alone, whose answers are kept
	Fields   int      // selected, fragments expanded
	Types    []string // as SDL writes them, "[User!]!", of the fields that a resolver answers, sorted; those of the schema's description left out
}

// Shape tells what the request asks for; of a refused one it is the zero Shape. It must not be changed.
func (p *Prepared) Shape() Shape {
	if p.op == nil {
		return Shape{}
	}
	return p.op.shape
}

// Prepare does the part of Execute that resolves nothing.
func (s *Schema) Prepare(request Request) *Prepared {
	p := &Prepared{schema: s}
	doc, faults := s.document(request.Query)
	if faults != nil {
		p.faults = faults
		return p
	}
	op, faults := doc.operation(request.OperationName)
	if faults != nil {
		p.faults = faults
		return p
	}
	variables, fault := s.variables(op, request.Variables)
	if fault != nil {
		p.faults = []*Error{fault}
		return p
	}
	p.op, p.variables = op, variables
	return p
}

// Execute answers a prepared request, once, as Schema.Execute does.
func (p *Prepared) Execute(ctx context.Context) *Result {
	switch {
	case p.faults != nil:
		return &Result{Errors: p.faults}
	case p.op.describes:
		return p.schema.describe(ctx, p.op, p.variables)
	}
	return p.schema.execute(ctx, p.op, p.variables)
}

// Execute answers a request. Root fields are resolved one after the other, in the document's order, and the first error
// ends the execution. Nothing is resolved if a root field is not served or an argument has the wrong type. A document's
// own faults are reported up to the fifth.
//
// Resolvers' values are read so: an object is a struct, whose fields are known by their json tags, or a map with string
// keys, where an absent key is null. Nil pointers, nil maps and fields tagged omitzero that are zero are null. A nil slice
// is null where the schema allows it and an empty list where it does not. Int takes any Go integer, ID integers too, an
// enum the strings that the schema lists, and a scalar of the schema's own whatever marshals to JSON. A value that does not
// fit, null for a type that excludes it, or a struct without the field, is an error of the program.
func (s *Schema) Execute(ctx context.Context, request Request) *Result {
	return s.Prepare(request).Execute(ctx)
}

// answerKey identifies an answer about the schema. A document that was planned anew is a new key; the old answer ages out.
type answerKey struct {
	op        *operation
	variables string
}

// describe answers an operation that asks for the schema only: clients send those before each call.
func (s *Schema) describe(ctx context.Context, op *operation, variables map[string]any) *Result {
	key := answerKey{op: op}
	if len(variables) > 0 {
		key.variables = fmt.Sprintf("%#v", variables) // sorted by name
	}
	if data, ok := s.answers.get(key); ok {
		return &Result{Data: data}
	}
	r := s.execute(ctx, op, variables)
	if r.Errors == nil && len(key.variables) <= 1<<10 {
		r.Data = slices.Clip(slices.Clone(r.Data))
		s.answers.put(key, r.Data, len(r.Data)+len(key.variables))
	}
	return r
}

func (s *Schema) execute(ctx context.Context, op *operation, variables map[string]any) *Result {
	x := &run{ctx: ctx, schema: s, variables: variables}
	arguments := make([]Args, len(op.root.fields))
	for i, f := range op.root.fields {
		if !x.includes(f) || f.name == "__typename" {
			continue
		}
		if f.root == nil {
			return failed(x.fail(f, s.unserved(f.parent+"."+f.name)).in(f.alias))
		}
		var fault *Error
		if arguments[i], fault = s.arguments(f, variables); fault != nil {
			return failed(fault)
		}
	}
	x.buf = append(make([]byte, 0, min(op.size.Load()+512, 256<<10)), '{')
	for i, f := range op.root.fields {
		if !x.includes(f) {
			continue
		}
		x.member(f)
		if f.name == "__typename" {
			x.text(f.parent)
			continue
		}
		value, err := f.resolve(ctx, x, arguments[i])
		if err == nil {
			err = x.value(reflect.ValueOf(value), f.def.Type, f)
		}
		if err != nil {
			return failed(err.in(f.alias))
		}
	}
	x.buf = append(x.buf, '}')
	op.size.Store(int64(len(x.buf)))
	return &Result{Data: x.buf}
}

func failed(e *Error) *Result {
	slices.Reverse(e.Path)
	return &Result{Errors: []*Error{e}}
}

// in adds a step to the path, which grows from the field outwards.
func (e *Error) in(step any) *Error {
	if e.Field != "" {
		e.Path = append(e.Path, step)
	}
	return e
}

func (x *run) fail(f *field, err error) *Error {
	return &Error{Err: err, Line: f.line, Column: f.column, Field: f.parent + "." + f.name}
}

func (x *run) failf(f *field, format string, args ...any) *Error {
	return x.fail(f, fmt.Errorf("gql: "+f.parent+"."+f.name+" "+format, args...))
}

// includes reports whether @skip and @include leave f in. A condition that is null, which a variable with a default may be,
// leaves it out.
func (x *run) includes(f *field) bool {
	return f.always || slices.ContainsFunc(f.when, func(all []condition) bool {
		return !slices.ContainsFunc(all, func(c condition) bool { return x.variables[c.variable] != c.want })
	})
}

type selectedKey struct{}

type selected struct {
	run *run
	sub *selection
}

// Selects reports whether the document asks for the field that path leads to, below the field that is being resolved with
// ctx. Names are the schema's, not aliases. A resolver uses it to fetch in bulk, or not at all.
func Selects(ctx context.Context, path ...string) bool {
	at, ok := ctx.Value(selectedKey{}).(selected)
	return ok && at.run.selects(at.sub, path)
}

func (x *run) selects(sel *selection, path []string) bool {
	return len(path) == 0 || sel != nil && slices.ContainsFunc(sel.fields, func(f *field) bool {
		return f.name == path[0] && x.includes(f) && x.selects(f.sub, path[1:])
	})
}

func (f *field) resolve(ctx context.Context, x *run, args Args) (any, *Error) {
	return x.call(f, func(ctx context.Context) (any, error) { return f.root(ctx, args) })
}

func (x *run) call(f *field, resolve func(context.Context) (any, error)) (any, *Error) {
	ctx := x.ctx
	if !f.meta {
		if err := ctx.Err(); err != nil {
			return nil, x.fail(f, err)
		}
		if f.sub != nil {
			ctx = context.WithValue(ctx, selectedKey{}, selected{x, f.sub})
		}
	}
	value, err := resolve(ctx)
	if err != nil {
		return nil, x.fail(f, err)
	}
	return value, nil
}

// callNested resolves a field below the roots; parent is the object that it is a field of.
func (x *run) callNested(f *field, parent reflect.Value) (any, *Error) {
	if !f.meta {
		x.calls++
	}
	if x.calls > x.schema.limits.Calls {
		return nil, x.fail(f, &DocumentError{Kind: Limit, Message: "the document asks for too much at once"})
	}
	args, fault := x.schema.arguments(f, x.variables)
	if fault != nil {
		return nil, fault
	}
	if parent.Kind() == reflect.Struct {
		if !parent.CanAddr() {
			p := reflect.New(parent.Type())
			p.Elem().Set(parent)
			parent = p.Elem()
		}
		parent = parent.Addr()
	}
	return x.call(f, func(ctx context.Context) (any, error) { return f.nested(ctx, parent.Interface(), args) })
}

func (x *run) member(f *field) {
	if x.buf[len(x.buf)-1] != '{' {
		x.buf = append(x.buf, ',')
	}
	x.buf = append(x.buf, f.key...)
}

// text writes a string. Most need no escaping; finding that out here is faster than quoting them all.
func (x *run) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			x.buf, _ = jsontext.AppendQuote(x.buf, s) // the error tells of invalid UTF-8, which has been replaced
			return
		}
	}
	x.buf = append(append(append(x.buf, '"'), s...), '"')
}

func (x *run) null(t *ast.Type, f *field) *Error {
	if t.NonNull {
		return x.failf(f, "is null and of type %s", f.def.Type)
	}
	x.buf = append(x.buf, "null"...)
	return nil
}

func (x *run) value(v reflect.Value, t *ast.Type, f *field) *Error {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem() // of nil: the zero Value
	}
	switch {
	case !v.IsValid():
		return x.null(t, f)
	case t.Elem != nil:
		return x.list(v, t, f)
	case f.sub != nil:
		return x.object(v, t, f)
	}
	return x.scalar(v, t, f)
}

func (x *run) list(v reflect.Value, t *ast.Type, f *field) *Error {
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() && !t.NonNull {
			return x.null(t, f)
		}
	case reflect.Array:
	default:
		return x.failf(f, "is a list and its Go type %s is none", v.Type())
	}
	x.buf = append(x.buf, '[')
	for i := range v.Len() {
		if i > 0 {
			x.buf = append(x.buf, ',')
		}
		if err := x.value(v.Index(i), t.Elem, f); err != nil {
			return err.in(i)
		}
		if err := x.full(f); err != nil {
			return err.in(i)
		}
	}
	x.buf = append(x.buf, ']')
	return nil
}

func (x *run) object(v reflect.Value, t *ast.Type, f *field) *Error {
	var bound []goField
	switch {
	case v.Kind() == reflect.Struct:
		var err *Error
		if bound, err = x.bind(f.sub, v.Type()); err != nil {
			return err
		}
	case v.Kind() != reflect.Map || v.Type().Key().Kind() != reflect.String:
		return x.failf(f, "is of type %s and its Go type %s is neither struct nor map", f.named.Name, v.Type())
	case v.IsNil():
		return x.null(t, f)
	}
	x.buf = append(x.buf, '{')
	for i, m := range f.sub.fields {
		if !m.always && !x.includes(m) {
			continue
		}
		x.member(m)
		var value reflect.Value
		var err *Error
		switch {
		case m.name == "__typename":
			x.text(m.parent)
			continue
		case m.nested != nil:
			var answer any
			answer, err = x.callNested(m, v)
			value = reflect.ValueOf(answer)
		case bound == nil:
			value = v.MapIndex(reflect.ValueOf(m.name).Convert(v.Type().Key()))
		case len(bound[i].index) == 1:
			value = v.Field(bound[i].index[0])
		default:
			value, _ = v.FieldByIndexErr(bound[i].index) // below a nil embedded pointer everything is null
		}
		if bound != nil && bound[i].omitzero && value.IsValid() && value.IsZero() {
			value = reflect.Value{}
		}
		if err == nil {
			err = x.value(value, m.def.Type, m)
		}
		if err != nil {
			return err.in(m.alias)
		}
	}
	x.buf = append(x.buf, '}')
	return x.full(f)
}

// maxDescription is how long an answer may become by describing the schema: a short document can multiply it.
const maxDescription = 1 << 20

func (x *run) full(f *field) *Error {
	if n := len(x.buf); n > x.schema.limits.Answer || f.meta && n > maxDescription {
		return x.fail(f, &DocumentError{Kind: Limit, Message: "the answer would be too long"})
	}
	return nil
}

// binding says where a Go struct type has the fields of a selection; parallel to selection.fields.
type binding struct {
	goType reflect.Type
	fields []goField
}

func (x *run) bind(sel *selection, t reflect.Type) ([]goField, *Error) {
	known := sel.bindings.Load()
	if known != nil {
		for _, b := range *known {
			if b.goType == t {
				return b.fields, nil
			}
		}
	}
	fields := x.schema.fieldsOf(t)
	b := &binding{t, make([]goField, len(sel.fields))}
	for i, f := range sel.fields {
		if f.nested != nil || f.name == "__typename" {
			continue
		}
		g, ok := fields[f.name]
		if !ok {
			return nil, x.failf(f, "is not in the Go type %s", t).in(f.alias)
		}
		if err := x.schema.fits(g.goType, f.def.Type); err != nil {
			return nil, x.failf(f, "has no fitting Go field: %w", err).in(f.alias)
		}
		b.fields[i] = g
	}
	// One that another goroutine adds at the same time may get lost here; it is made again when it is needed.
	list := []*binding{b}
	if known != nil {
		list = append(slices.Clone(*known), b)
	}
	sel.bindings.Store(&list)
	return b.fields, nil
}

var errNotFinite = errors.New("gql: not a finite number")

func (x *run) scalar(v reflect.Value, t *ast.Type, f *field) *Error {
	if !f.leaf.takes(v.Kind()) {
		return x.failf(f, "is of type %s, which the Go type %s cannot be", f.named.Name, v.Type())
	}
	switch f.leaf {
	case leafEnum:
		if f.named.EnumValues.ForName(v.String()) == nil {
			return x.failf(f, "is %q, which the enum %s does not have", clip(v.String()), f.named.Name)
		}
		x.text(v.String())
	case leafString:
		x.text(v.String())
	case leafBoolean:
		x.buf = strconv.AppendBool(x.buf, v.Bool())
	case leafID:
		if v.Kind() == reflect.String {
			x.text(v.String())
			break
		}
		x.buf = append(x.integer(append(x.buf, '"'), v), '"')
	case leafInt:
		x.buf = x.integer(x.buf, v)
	case leafFloat:
		if !v.CanFloat() {
			x.buf = x.integer(x.buf, v)
		} else if n := v.Float(); math.IsNaN(n) || math.IsInf(n, 0) {
			return x.fail(f, errNotFinite)
		} else {
			x.buf = strconv.AppendFloat(x.buf, n, 'g', -1, 64)
		}
	default:
		text, err := jsonv2.Marshal(v.Interface(), jsonv2.Deterministic(true), jsontext.AllowInvalidUTF8(true),
			jsonv2.FormatNilSliceAsNull(true), jsonv2.FormatNilMapAsNull(true))
		if err != nil {
			return x.failf(f, "does not marshal: %w", err)
		}
		if string(text) == "null" {
			return x.null(t, f)
		}
		x.buf = append(x.buf, text...)
	}
	return nil
}

func (x *run) integer(buf []byte, v reflect.Value) []byte {
	if v.CanInt() {
		return strconv.AppendInt(buf, v.Int(), 10)
	}
	return strconv.AppendUint(buf, v.Uint(), 10)
}
