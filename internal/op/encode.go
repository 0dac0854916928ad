package op

import (
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Appender is a value that writes itself as JSON. What it appends is taken as it is.
type Appender interface{ AppendJSON(dst []byte) []byte }

// Encode appends v as json.Marshal writes it, with text that is no UTF-8 replaced: it may come from an import or another
// directory, and a replacement character is better than no answer. Structs of texts, numbers and lists of such, which
// nearly all answers are, take a third of json.Marshal's time: half of a list's.
func (a *Answer) Encode(v any) error {
	if v == nil {
		a.WriteString("null")
		return nil
	}
	b, err := encoderOf(reflect.TypeOf(v))(a.AvailableBuffer(), reflect.ValueOf(v))
	if err == nil {
		a.Write(b)
	}
	return err
}

// tolerant replaces what is no UTF-8.
var tolerant = jsontext.AllowInvalidUTF8(true)

// encoder appends a value of one type.
type encoder func(dst []byte, v reflect.Value) ([]byte, error)

var encoders sync.Map // reflect.Type -> encoder; derived from types alone

func encoderOf(t reflect.Type) encoder {
	if e, ok := encoders.Load(t); ok {
		return e.(encoder)
	}
	// A type may hold itself: until its encoder is there, it is looked for again with each value.
	encoders.Store(t, encoder(func(dst []byte, v reflect.Value) ([]byte, error) { return encoderOf(t)(dst, v) }))
	e := newEncoder(t)
	encoders.Store(t, e)
	return e
}

var appenderType = reflect.TypeFor[Appender]()

// custom reports that a type has its own way to JSON, which only package json knows.
func custom(t reflect.Type) bool {
	for _, m := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.MarshalerTo](), reflect.TypeFor[interface{ MarshalText() ([]byte, error) }](),
		reflect.TypeFor[interface{ AppendText([]byte) ([]byte, error) }]()} {
		if t.Implements(m) || reflect.PointerTo(t).Implements(m) {
			return true
		}
	}
	return false
}

func newEncoder(t reflect.Type) encoder {
	if t.Implements(appenderType) && t.Kind() != reflect.Pointer {
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			return v.Interface().(Appender).AppendJSON(dst), nil
		}
	}
	if t.Kind() == reflect.Pointer {
		of := encoderOf(t.Elem())
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			return of(dst, v.Elem())
		}
	}
	if t == rawType || custom(t) {
		return marshal
	}
	switch t.Kind() {
	case reflect.String:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return appendString(dst, v.String()), nil }
	case reflect.Bool:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(dst, v.Bool()), nil }
	case reflect.Int, reflect.Int64, reflect.Int32:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(dst, v.Int(), 10), nil }
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return marshal
		}
		of := encoderOf(t.Elem())
		return func(dst []byte, v reflect.Value) (_ []byte, err error) {
			dst = append(dst, '[')
			for i := range v.Len() {
				if i > 0 {
					dst = append(dst, ',')
				}
				if dst, err = of(dst, v.Index(i)); err != nil {
					return dst, err
				}
			}
			return append(dst, ']'), nil
		}
	case reflect.Interface:
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			return encoderOf(v.Elem().Type())(dst, v.Elem())
		}
	case reflect.Struct:
		return structEncoder(t)
	}
	return marshal
}

func marshal(dst []byte, v reflect.Value) ([]byte, error) {
	b, err := json.Marshal(v.Interface(), tolerant)
	return append(dst, b...), err
}

// encodedField is a field of a struct.
type encodedField struct {
	index    int
	name     string // `"name":`
	omitZero bool
	embedded bool // the value's own members stand among the struct's
	of       encoder
}

// structEncoder knows the tags that answers use; a struct with others is json's.
func structEncoder(t reflect.Type) encoder {
	var members []encodedField
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" && options == "":
			continue
		case options == "embed" && name == "" && f.Type == rawType:
			members = append(members, encodedField{index: i, embedded: true})
			continue
		case f.Anonymous || !f.IsExported() || name == "" || strings.ContainsAny(name, `'"\`) || options != "" && options != "omitzero" ||
			f.Type.Kind() == reflect.Interface && options == "omitzero" || hasIsZero(f.Type):
			return marshal
		}
		members = append(members, encodedField{i, `"` + name + `":`, options == "omitzero", false, encoderOf(f.Type)})
	}
	return func(dst []byte, v reflect.Value) (_ []byte, err error) {
		start := len(dst)
		dst = append(dst, '{')
		for i := range members {
			m := &members[i]
			f := v.Field(m.index)
			if m.embedded {
				if f.Len() > 0 {
					return marshal(dst[:start], v)
				}
				continue
			}
			if m.omitZero && f.IsZero() {
				continue
			}
			if len(dst) > start+1 {
				dst = append(dst, ',')
			}
			dst = append(dst, m.name...)
			if dst, err = m.of(dst, f); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
}

func hasIsZero(t reflect.Type) bool {
	_, ok := t.MethodByName("IsZero")
	return ok
}

// appendString quotes a text.
func appendString(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			quoted, err := jsontext.AppendQuote(dst, s)
			if err != nil {
				quoted, _ = jsontext.AppendQuote(dst, string([]rune(s))) // each bad byte becomes U+FFFD
			}
			return quoted
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
