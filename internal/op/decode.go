package op

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/fault"
)

var (
	malformed      = fault.New(fault.Invalid, "body_malformed")
	queryMalformed = fault.New(fault.Invalid, "query_malformed")
)

// deepest nesting of a body; the tree of an organisation has 103 levels at most, all else that clients send 6.
const deepest = 112

// decode fills v, a zero struct of p's type, from the request's path, query and body.
func (p *plan) decode(v reflect.Value, r *http.Request, s *scratch) error {
	var seen fieldSet
	for _, i := range p.path {
		f := &p.fields[i]
		if err := p.text(v, i, r.PathValue(f.name), &seen); err != nil {
			return err
		}
	}
	if err := p.decodeQuery(v, r.URL.RawQuery, &seen); err != nil {
		return err
	}
	if body := s.body.Bytes(); r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodDelete {
		if err := inspect(body); err != nil {
			return err
		}
		s.decoder.Reset(&s.body)
		if err := p.decodeBody(v, &s.decoder, &seen); err != nil {
			return err
		}
	}
	return p.complete(v, &seen)
}

// inspect refuses nesting that only costs, which package jsontext lets through. It leaves all other errors to the decoder.
func inspect(body []byte) error {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{', '[':
			if depth++; depth > deepest {
				return malformed
			}
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
		}
	}
	return nil
}

// holdsNUL reports whether a string in raw JSON has the character NUL, which no text of the domain holds and PostgreSQL
// cannot store. As itself it is no JSON.
func holdsNUL(raw []byte) bool {
	nul := []byte(`\u0000`)
	if !bytes.Contains(raw, nul) {
		return false
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			if bytes.HasPrefix(raw[i:], nul) {
				return true
			}
			i++
		}
	}
	return false
}

func (p *plan) decodeBody(v reflect.Value, d *jsontext.Decoder, seen *fieldSet) error {
	switch d.PeekKind() {
	case '{':
		if err := p.decodeObject(v, d, seen); err != nil {
			return err
		}
	case jsontext.KindInvalid:
		if _, err := d.ReadToken(); err == io.EOF {
			return nil // an empty body is an object without keys
		}
		return malformed
	default:
		return malformed
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return malformed
	}
	return nil
}

// decodeObject reads an object whose opening brace is next.
func (p *plan) decodeObject(v reflect.Value, d *jsontext.Decoder, seen *fieldSet) error {
	if _, err := d.ReadToken(); err != nil {
		return malformed.Because(err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return malformed.Because(err)
		}
		i, known := p.lookup(name)
		if !known {
			unread := holdsNUL(name)
			if raw, err := d.ReadValue(); err != nil || unread || holdsNUL(raw) {
				return malformed.Because(err)
			}
			continue
		}
		f := &p.fields[i]
		present, err := f.decode(v.FieldByIndex(f.index), d)
		if err != nil {
			return err
		}
		if present {
			seen.add(i)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return malformed.Because(err)
	}
	return nil
}

// lookup finds the field of a quoted name.
func (p *plan) lookup(quoted []byte) (int, bool) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		i, ok := p.body[string(quoted[1:len(quoted)-1])]
		return i, ok
	}
	name, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return 0, false
	}
	i, ok := p.body[string(name)]
	return i, ok
}

// decode reads the next value into v and reports whether it was there, that is not null.
func (f *field) decode(v reflect.Value, d *jsontext.Decoder) (bool, error) {
	if d.PeekKind() == 'n' {
		if _, err := d.ReadToken(); err != nil {
			return false, malformed.Because(err)
		}
		return false, nil
	}
	if f.pointer {
		v.Set(reflect.New(f.typ))
		v = v.Elem()
	}
	if err := f.value.decode(v, d, f.name); err != nil {
		return false, err
	}
	if f.required {
		switch f.kind {
		case kindString:
			if v.Len() == 0 {
				return false, fault.Field(f.name)
			}
		case kindList:
			if v.Len() == 0 {
				return false, fault.New(fault.Invalid, "list_min", f.name, "1")
			}
		}
	}
	return true, nil
}

var opening = [...]jsontext.Kind{kindString: '"', kindInt: '0', kindFloat: '0', kindObject: '{', kindList: '['}

func (f *value) decode(v reflect.Value, d *jsontext.Decoder, name string) error {
	next := d.PeekKind()
	switch {
	case next == jsontext.KindInvalid:
		_, err := d.ReadToken()
		return malformed.Because(err)
	case f.kind == kindRaw || f.kind == kindOther:
	case f.kind == kindBool:
		if next != 't' && next != 'f' {
			return fault.Field(name)
		}
	case next != opening[f.kind]:
		return fault.Field(name)
	}

	switch f.kind {
	case kindObject:
		var seen fieldSet
		if err := f.object.decodeObject(v, d, &seen); err != nil {
			return err
		}
		return f.object.complete(v, &seen)
	case kindList:
		return f.decodeList(v, d, name)
	case kindRaw, kindOther:
		raw, err := d.ReadValue()
		if err != nil {
			return malformed.Because(err)
		}
		if holdsNUL(raw) {
			return fault.Field(name)
		}
		if f.kind == kindRaw {
			v.SetBytes(bytes.Clone(raw))
			return nil
		}
		if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
			return fault.Field(name).Because(err)
		}
		return nil
	}

	token, err := d.ReadToken()
	if err != nil {
		return malformed.Because(err)
	}
	switch f.kind {
	case kindBool:
		v.SetBool(token.Bool())
	case kindString:
		v.SetString(token.String())
	case kindInt:
		n, err := token.Int()
		if err != nil {
			return fault.Field(name)
		}
		v.SetInt(n)
	case kindFloat:
		n, err := token.Float()
		if err != nil {
			return fault.Field(name)
		}
		v.SetFloat(n)
	}
	return f.check(v, name)
}

func (f *value) decodeList(v reflect.Value, d *jsontext.Decoder, name string) error {
	if _, err := d.ReadToken(); err != nil {
		return malformed.Because(err)
	}
	v.Set(reflect.MakeSlice(f.typ, 0, 0))
	for n := 0; d.PeekKind() != ']'; n++ {
		if f.items > 0 && n == f.items {
			return tooMany(name, f.items)
		}
		if n == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(n + 1)
		if err := f.elem.decode(v.Index(n), d, name); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return malformed.Because(err)
	}
	return nil
}

func tooMany(name string, items int) error {
	return fault.New(fault.Invalid, "list_max", name, strconv.Itoa(items))
}

// check holds a scalar against its rules.
func (f *value) check(v reflect.Value, name string) error {
	switch f.kind {
	case kindString:
		s := v.String()
		if strings.IndexByte(s, 0) >= 0 {
			return fault.Field(name)
		}
		if f.enum != nil && !slices.Contains(f.enum, s) {
			return fault.Field(name)
		}
		if f.length > 0 && len(s) > f.length && utf8.RuneCountInString(s) > f.length {
			return fault.Field(name)
		}
	case kindInt:
		n := v.Int()
		if f.min != nil && n < *f.min {
			return bound("field_min", name, *f.min)
		}
		if f.max != nil && n > *f.max {
			return bound("field_max", name, *f.max)
		}
	case kindFloat:
		n := v.Float()
		if f.min != nil && n < float64(*f.min) {
			return bound("field_min", name, *f.min)
		}
		if f.max != nil && n > float64(*f.max) {
			return bound("field_max", name, *f.max)
		}
	}
	return nil
}

func bound(code, name string, n int64) error {
	return fault.New(fault.Invalid, code, name, strconv.FormatInt(n, 10))
}

// complete refuses the object if a required field is missing, and fills in the defaults of the others.
func (p *plan) complete(v reflect.Value, seen *fieldSet) error {
	for _, i := range p.absent {
		f := &p.fields[i]
		if seen.has(i) {
			continue
		}
		if f.required {
			return fault.Field(f.name)
		}
		f.fill(v)
	}
	return nil
}

func (p *plan) defaults(v reflect.Value) {
	for _, i := range p.absent {
		p.fields[i].fill(v)
	}
}

func (f *field) fill(v reflect.Value) {
	switch {
	case f.preset.IsValid():
		v.FieldByIndex(f.index).Set(f.preset)
	case f.kind == kindObject && !f.pointer:
		f.object.defaults(v.FieldByIndex(f.index))
	}
}

// decodeQuery reads scalars, each at most once, and lists in all the forms that clients send: a[]=x&a[]=y, a[0]=x,
// a=x&a=y, and the a=[x y] of Go's %v.
func (p *plan) decodeQuery(v reflect.Value, raw string, seen *fieldSet) error {
	var sent fieldSet
	for raw != "" && len(p.query) > 0 {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		key, text, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			return queryMalformed
		}
		name, suffix := key, ""
		if at := strings.IndexByte(key, '['); at >= 0 {
			name, suffix = key[:at], key[at:]
		}
		i, known := p.query[name]
		text, err = url.QueryUnescape(text)
		if err != nil || !storable(text) {
			if known {
				return fault.Field(name)
			}
			return queryMalformed
		}
		if !known {
			continue
		}
		f := &p.fields[i]
		if f.kind == kindList {
			if !listSuffix(suffix) {
				return fault.Field(name)
			}
			if err := f.appendText(v.FieldByIndex(f.index), text, suffix); err != nil {
				return err
			}
			seen.add(i)
			continue
		}
		if suffix != "" || sent.has(i) {
			return fault.Field(name)
		}
		sent.add(i)
		if err := p.text(v, i, text, seen); err != nil {
			return err
		}
	}
	for _, i := range p.absent {
		f := &p.fields[i]
		if f.kind == kindList && seen.has(i) && v.FieldByIndex(f.index).Len() == 0 {
			return fault.New(fault.Invalid, "list_min", f.name, "1")
		}
	}
	return nil
}

// storable reports whether s is text that can be kept: UTF-8 without NUL.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// listSuffix reports whether s is "", "[]" or an index such as "[0]".
func listSuffix(s string) bool {
	if s == "" || s == "[]" {
		return true
	}
	s, closed := strings.CutSuffix(s[1:], "]")
	return closed && strings.Trim(s, "0123456789") == ""
}

func (f *field) appendText(list reflect.Value, text, suffix string) error {
	texts := []string{text}
	if suffix == "" {
		if text == "" {
			texts = nil // "a=" is how some clients say: none
		} else if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			texts = strings.Fields(text[1 : len(text)-1])
		}
	}
	for _, s := range texts {
		n := list.Len()
		if f.items > 0 && n == f.items {
			return tooMany(f.name, f.items)
		}
		list.Grow(1)
		list.SetLen(n + 1)
		if err := f.elem.set(list.Index(n), s, f.name); err != nil {
			return err
		}
	}
	return nil
}

// text puts a scalar of path or query in its place.
func (p *plan) text(v reflect.Value, i int, text string, seen *fieldSet) error {
	f := &p.fields[i]
	if !storable(text) || text == "" && f.required {
		return fault.Field(f.name)
	}
	if text == "" && (f.kind != kindString || f.enum != nil || f.preset.IsValid()) {
		return nil
	}
	v = v.FieldByIndex(f.index)
	if f.pointer {
		v.Set(reflect.New(f.typ))
		v = v.Elem()
	}
	seen.add(i)
	return f.set(v, text, f.name)
}

// set puts the textual form of a scalar into v and checks it.
func (f *value) set(v reflect.Value, text, name string) error {
	var err error
	switch f.kind {
	case kindString:
		v.SetString(text)
	case kindBool:
		if text != "true" && text != "false" {
			return fault.Field(name)
		}
		v.SetBool(text == "true")
	case kindInt:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v.SetInt(n)
	case kindFloat:
		var n float64
		n, err = strconv.ParseFloat(text, 64)
		if n != n || n-n != 0 { // NaN and the infinities, which JSON does not have either
			return fault.Field(name)
		}
		v.SetFloat(n)
	}
	if err != nil {
		return fault.Field(name)
	}
	return f.check(v, name)
}
