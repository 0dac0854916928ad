package db

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
)

// A struct is mapped by its `db:"column"` tags. Options after the column's name: `null` stores the zero value as NULL, so
// that unique keys and "is null" see nothing there; `json` stores the field as JSON text. Fields are string, int64,
// bool, float64, or anything with `json`. Embedded structs count as part of the outer one.

type kind uint8

const (
	textKind kind = iota
	intKind
	boolKind
	floatKind
	jsonKind
)

type column struct {
	name  string
	index []int
	kind  kind
	null  bool
}

type plan struct {
	scalar  bool
	columns []column
	names   string
}

var plans sync.Map // reflect.Type -> *plan; derived from types alone

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{}
	if k, ok := kindOf(t); ok {
		p.scalar = true
		p.columns = []column{{kind: k}}
	} else {
		p.add(t, nil)
		names := make([]string, len(p.columns))
		for i, c := range p.columns {
			names[i] = c.name
		}
		p.names = strings.Join(names, ", ")
	}
	plans.Store(t, p)
	return p
}

func kindOf(t reflect.Type) (kind, bool) {
	switch t.Kind() {
	case reflect.String:
		return textKind, true
	case reflect.Int64, reflect.Int:
		return intKind, true
	case reflect.Bool:
		return boolKind, true
	case reflect.Float64:
		return floatKind, true
	}
	return 0, false
}

func (p *plan) add(t reflect.Type, outer []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int{}, outer...), i)
		tag, ok := f.Tag.Lookup("db")
		if f.Anonymous && !ok {
			p.add(f.Type, index)
			continue
		}
		if !ok || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		c := column{name: name, index: index, null: strings.Contains(options, "null")}
		if strings.Contains(options, "json") {
			c.kind = jsonKind
		} else if c.kind, ok = kindOf(f.Type); !ok {
			panic(fmt.Sprintf("db: %s.%s has no column type", t, f.Name))
		}
		p.columns = append(p.columns, c)
	}
}

func (c *column) field(v reflect.Value) reflect.Value {
	if len(c.index) == 1 {
		return v.Field(c.index[0])
	}
	return v.FieldByIndex(c.index)
}

func (p *plan) scan(r row, v reflect.Value) error {
	for i := range p.columns {
		c := &p.columns[i]
		if r.null(i) {
			continue
		}
		f := v
		if !p.scalar {
			f = c.field(v)
		}
		switch c.kind {
		case textKind:
			f.SetString(r.text(i))
		case intKind:
			f.SetInt(r.int(i))
		case boolKind:
			f.SetBool(r.bool(i))
		case floatKind:
			f.SetFloat(r.float(i))
		case jsonKind:
			if s := r.text(i); s != "" {
				if err := json.Unmarshal([]byte(s), f.Addr().Interface()); err != nil {
					return fmt.Errorf("db: column %s: %w", c.name, err)
				}
			}
		}
	}
	return nil
}

func (c *column) value(v reflect.Value) (any, error) {
	f := c.field(v)
	if c.null && f.IsZero() {
		return nil, nil
	}
	switch c.kind {
	case textKind:
		return f.String(), nil
	case intKind:
		return f.Int(), nil
	case boolKind:
		return f.Bool(), nil
	case floatKind:
		return f.Float(), nil
	}
	if c.null && f.Kind() != reflect.Struct && f.Len() == 0 {
		return nil, nil
	}
	b, err := json.Marshal(f.Interface(), json.Deterministic(true))
	return string(b), err
}

// Columns is the select list of T's columns, each with the table's alias when one is given.
func Columns[T any](alias ...string) string {
	p := planOf(reflect.TypeFor[T]())
	if len(alias) == 0 {
		return p.names
	}
	names := make([]string, len(p.columns))
	for i, c := range p.columns {
		names[i] = alias[0] + "." + c.name
	}
	return strings.Join(names, ", ")
}

// One returns the first row as a T, or NoRow. T is a mapped struct whose columns the statement selects in order, or a
// string, int64, bool or float64.
func One[T any](ctx context.Context, d *DB, sql string, args ...any) (T, error) {
	var out T
	found := false
	p, v := planOf(reflect.TypeFor[T]()), reflect.ValueOf(&out).Elem()
	_, err := d.run(ctx, sql, args, func(r row) error {
		if found {
			return nil
		}
		found = true
		return p.scan(r, v)
	})
	if err == nil && !found {
		err = NoRow
	}
	return out, err
}

// List returns all rows as Ts, in order; never nil.
func List[T any](ctx context.Context, d *DB, sql string, args ...any) ([]T, error) {
	out := []T{}
	p := planOf(reflect.TypeFor[T]())
	_, err := d.run(ctx, sql, args, func(r row) error {
		var t T
		out = append(out, t)
		return p.scan(r, reflect.ValueOf(&out[len(out)-1]).Elem())
	})
	return out, err
}

// Exec runs a statement and returns how many rows it changed.
func Exec(ctx context.Context, d *DB, sql string, args ...any) (int64, error) {
	return d.run(ctx, sql, args, nil)
}

// Insert adds one row. A violated unique key is a *UniqueError.
func Insert[T any](ctx context.Context, d *DB, table string, t *T) error {
	p, v := planOf(reflect.TypeFor[T]()), reflect.ValueOf(t).Elem()
	args := make([]any, len(p.columns))
	for i := range p.columns {
		var err error
		if args[i], err = p.columns[i].value(v); err != nil {
			return err
		}
	}
	_, err := d.run(ctx, p.insert(table), args, nil)
	return err
}

// insertedAtOnce is how many rows one statement of InsertAll adds: it keeps their values below what the engines take.
const insertedAtOnce = 50

// InsertAll adds rows, by a statement for each fifty. A violated unique key is a *UniqueError; inside a transaction nothing is
// then added.
func InsertAll[T any](ctx context.Context, d *DB, table string, rows []T) error {
	p := planOf(reflect.TypeFor[T]())
	one := "(?" + strings.Repeat(", ?", len(p.columns)-1) + ")"
	for len(rows) > 0 {
		part := rows[:min(len(rows), insertedAtOnce)]
		rows = rows[len(part):]
		args := make([]any, 0, len(part)*len(p.columns))
		for i := range part {
			v := reflect.ValueOf(&part[i]).Elem()
			for c := range p.columns {
				value, err := p.columns[c].value(v)
				if err != nil {
					return err
				}
				args = append(args, value)
			}
		}
		sql := "insert into " + table + " (" + p.names + ") values " + one + strings.Repeat(", "+one, len(part)-1)
		if _, err := d.run(ctx, sql, args, nil); err != nil {
			return err
		}
	}
	return nil
}

var inserts sync.Map // table and columns -> statement

func (p *plan) insert(table string) string {
	key := table + "(" + p.names
	if s, ok := inserts.Load(key); ok {
		return s.(string)
	}
	s := "insert into " + table + " (" + p.names + ") values (?" + strings.Repeat(", ?", len(p.columns)-1) + ")"
	inserts.Store(key, s)
	return s
}

// Change is one column that differs between two versions of a row.
type Change struct {
	Column        string
	Before, After any // string, int64, bool, float64 or nil
}

// Diff lists the columns in which two rows differ, in the order of the struct.
func Diff[T any](before, after *T) ([]Change, error) {
	p := planOf(reflect.TypeFor[T]())
	b, a := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	var changes []Change
	for i := range p.columns {
		x, err := p.columns[i].value(b)
		if err != nil {
			return nil, err
		}
		y, err := p.columns[i].value(a)
		if err != nil {
			return nil, err
		}
		if x != y {
			changes = append(changes, Change{p.columns[i].name, x, y})
		}
	}
	return changes, nil
}

// Update writes the changes to the row that where and args name, which must include the pool. No changes, no statement.
func Update(ctx context.Context, d *DB, table string, changes []Change, where string, args ...any) error {
	if len(changes) == 0 {
		return nil
	}
	var set strings.Builder
	all := make([]any, 0, len(changes)+len(args))
	for i, c := range changes {
		if i > 0 {
			set.WriteString(", ")
		}
		set.WriteString(c.Column + " = ?")
		all = append(all, c.After)
	}
	_, err := d.run(ctx, "update "+table+" set "+set.String()+" where "+where, append(all, args...), nil)
	return err
}

// Where gathers the conditions of a statement and their arguments.
type Where struct {
	text strings.Builder
	Args []any
}

// And adds a condition, in parentheses.
func (w *Where) And(condition string, args ...any) {
	if w.text.Len() > 0 {
		w.text.WriteString(" and ")
	}
	w.text.WriteString("(" + condition + ")")
	w.Args = append(w.Args, args...)
}

// String is the conditions without the word "where".
func (w *Where) String() string { return w.text.String() }
