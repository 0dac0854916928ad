package op

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// plan is what decoding needs to know of a struct type, found by reflection once, when the operation is made.
type plan struct {
	fields []field
	body   map[string]int // by name, those that stand in the JSON object
	query  map[string]int // by name, those that stand in the query
	path   []int
	absent []int // those for which absence means something: a refusal or a default
}

type kind uint8

const (
	kindString kind = iota
	kindBool
	kindInt
	kindFloat
	kindObject // a struct with a plan
	kindList
	kindRaw   // jsontext.Value
	kindOther // whatever package json makes of it
)

type field struct {
	name  string
	index []int // for reflect.Value.FieldByIndex, so that fields of embedded structs are reached
	value

	pointer  bool // to value
	required bool
	preset   reflect.Value // the default; zero Value when there is none
}

// value is the form of a field's value, or of a list's elements.
type value struct {
	kind     kind
	typ      reflect.Type
	object   *plan  // kindObject
	elem     *value // kindList
	enum     []string
	min, max *int64
	items    int // most elements, 0 = any number
	length   int // most characters, 0 = any number
}

// most fields in one struct, embedded ones counted; a fieldSet holds them.
const mostFields = 256

type fieldSet [mostFields / 64]uint64

func (s *fieldSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s *fieldSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

type source uint8

const (
	inBody source = iota
	inQuery
	inPath
)

// topPlan is the plan of an operation's arguments; those without path or query tag stand in the query if inQuery.
func topPlan(operation string, t reflect.Type, query bool) *plan {
	b := planner{operation: operation, made: map[reflect.Type]*plan{}}
	if t.Kind() != reflect.Struct {
		b.fail(t, "", "arguments are not a struct")
	}
	place := inBody
	if query {
		place = inQuery
	}
	p := new(plan)
	b.fill(p, t, nil, place)
	p.finish()
	return p
}

type planner struct {
	operation string
	made      map[reflect.Type]*plan // of nested structs; a type may contain itself through a list or a pointer
}

func (b *planner) fail(t reflect.Type, field, format string, args ...any) {
	panic(fmt.Sprintf("op: %s: %v.%s: %s", b.operation, t, field, fmt.Sprintf(format, args...)))
}

func (b *planner) nested(t reflect.Type) *plan {
	if p, ok := b.made[t]; ok {
		return p
	}
	p := new(plan)
	b.made[t] = p
	b.fill(p, t, nil, inBody)
	p.finish()
	return p
}

// fill appends the fields of t, which is reached by index from the struct that p is of.
func (b *planner) fill(p *plan, t reflect.Type, index []int, place source) {
	if p.body == nil {
		p.body, p.query = map[string]int{}, map[string]int{}
	}
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(slices.Clone(index), i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if sf.Anonymous && name == "" && sf.Type.Kind() == reflect.Struct {
			b.fill(p, sf.Type, at, place)
			continue
		}
		where := place
		if tag, ok := sf.Tag.Lookup("path"); ok {
			name, where = tag, inPath
		} else if tag, ok := sf.Tag.Lookup("query"); ok {
			name, where = tag, inQuery
		}
		switch {
		case name == "-" || !sf.IsExported():
			continue
		case name == "":
			b.fail(t, sf.Name, "has no json, path or query tag")
		case len(p.fields) == mostFields:
			b.fail(t, sf.Name, "more than %d fields", mostFields)
		}
		f := b.field(t, sf, name)
		f.index = at
		n := len(p.fields)
		p.fields = append(p.fields, f)
		switch where {
		case inBody:
			if _, twice := p.body[name]; twice {
				b.fail(t, sf.Name, "a second field named %q", name)
			}
			p.body[name] = n
		case inQuery:
			if _, twice := p.query[name]; twice {
				b.fail(t, sf.Name, "a second field named %q", name)
			}
			if !f.scalar() && (f.kind != kindList || f.elem.kind != kindString) {
				b.fail(t, sf.Name, "a %v cannot stand in a query", sf.Type)
			}
			p.query[name] = n
		case inPath:
			if !f.scalar() {
				b.fail(t, sf.Name, "a %v cannot stand in a path", sf.Type)
			}
			p.path = append(p.path, n)
		}
	}
}

func (p *plan) finish() {
	for i := range p.fields {
		if f := &p.fields[i]; f.required || f.preset.IsValid() || f.kind == kindObject && !f.pointer {
			p.absent = append(p.absent, i)
		}
	}
}

func (v *value) scalar() bool { return v.kind <= kindFloat }

func (b *planner) field(t reflect.Type, sf reflect.StructField, name string) field {
	f := field{name: name}
	typ := sf.Type
	if typ.Kind() == reflect.Pointer {
		f.pointer, typ = true, typ.Elem()
	}
	f.value = b.value(t, sf, typ)
	if f.pointer && f.kind == kindList {
		b.fail(t, sf.Name, "a pointer to a list: a nil list is absent already")
	}

	var preset string
	hasPreset := false
	for rule := range strings.SplitSeq(sf.Tag.Get("rule"), ",") {
		if rule == "" {
			continue
		}
		key, arg, _ := strings.Cut(rule, "=")
		number := func() int64 {
			n, err := strconv.ParseInt(arg, 10, 64)
			if err != nil {
				b.fail(t, sf.Name, "rule %q: not a whole number", rule)
			}
			return n
		}
		texts := &f.value // what enum and len are about
		if f.kind == kindList {
			texts = f.elem
		}
		fits := true
		switch key {
		case "required":
			f.required = true
			fits = arg == "" && !f.pointer || f.kind == kindObject
		case "default":
			preset, hasPreset = arg, true
			fits = f.scalar() && !f.pointer
		case "enum":
			texts.enum = strings.Split(arg, "|")
			fits = texts.kind == kindString && arg != ""
		case "min":
			f.min = new(number())
			fits = f.kind == kindInt || f.kind == kindFloat
		case "max":
			f.max = new(number())
			fits = f.kind == kindInt || f.kind == kindFloat
		case "len":
			texts.length = int(number())
			fits = texts.kind == kindString && texts.length > 0
		case "items":
			f.items = int(number())
			fits = f.kind == kindList && f.items > 0
		default:
			fits = false
		}
		if !fits {
			b.fail(t, sf.Name, "rule %q does not fit a %v", rule, sf.Type)
		}
	}
	if hasPreset {
		v := reflect.New(typ).Elem()
		if err := f.set(v, preset, name); err != nil || f.required {
			b.fail(t, sf.Name, "default %q breaks the field's own rules", preset)
		}
		f.preset = v
	}
	return f
}

var (
	rawType   = reflect.TypeFor[jsontext.Value]()
	ownDecode = []reflect.Type{reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextUnmarshaler]()}
)

func (b *planner) value(t reflect.Type, sf reflect.StructField, typ reflect.Type) value {
	v := value{typ: typ, kind: kindOther}
	if typ == rawType {
		v.kind = kindRaw
		return v
	}
	for _, i := range ownDecode {
		if reflect.PointerTo(typ).Implements(i) {
			return v
		}
	}
	switch typ.Kind() {
	case reflect.String:
		v.kind = kindString
	case reflect.Bool:
		v.kind = kindBool
	case reflect.Int64:
		v.kind = kindInt
	case reflect.Float64:
		v.kind = kindFloat
	case reflect.Struct:
		v.kind, v.object = kindObject, b.nested(typ)
	case reflect.Slice:
		if typ.Elem().Kind() == reflect.Uint8 {
			return v
		}
		v.kind = kindList
		v.elem = new(b.value(t, sf, typ.Elem()))
	case reflect.Map, reflect.Interface:
	default:
		b.fail(t, sf.Name, "a %v: numbers are int64 or float64, structs and lists are values", typ)
	}
	return v
}
