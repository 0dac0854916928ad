package db

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// dialect is what the engines write or say differently.
type dialect interface {
	name() string
	// text writes the engine's form of the n-th placeholder (from 1).
	placeholder(b *strings.Builder, n int)
	// list writes the engine's test for membership in the list bound to the n-th placeholder.
	list(b *strings.Builder, n int, not bool)
	// lock is what ends a select whose rows the transaction is about to change.
	lock() string
	// listArg is the value bound for a list.
	listArg(list []string) any
	// violated names the table and column of a violated unique key, or "".
	violated(err error) (table, column string)
	// lostRace reports that the transaction may succeed when run again.
	lostRace(err error) bool
}

// statements remembers the engine's text of the SQL seen.
type statements struct {
	mu    sync.RWMutex
	texts map[string]string
}

// Texts beyond this many are made by filters that differ each time; the memory starts anew.
const mostTexts = 4096

// statement is the engine's text of sql with its arguments in the engine's form.
func (s *statements) statement(d dialect, sql string, args []any) (string, []any, error) {
	s.mu.RLock()
	text, ok := s.texts[sql]
	s.mu.RUnlock()
	if !ok {
		text = rewrite(d, sql)
		s.mu.Lock()
		if s.texts == nil || len(s.texts) >= mostTexts {
			s.texts = make(map[string]string)
		}
		s.texts[sql] = text
		s.mu.Unlock()
	}
	for i, a := range args {
		switch v := a.(type) {
		case string, int64, bool, float64, nil:
		case int:
			args[i] = int64(v)
		case []string:
			args[i] = d.listArg(v)
		default:
			return "", nil, fmt.Errorf("db: argument %d is a %T", i+1, a)
		}
	}
	return text, args, nil
}

// rewrite turns `?`, `in (?...)`, `not in (?...)` and `for update` into the engine's form. Literals in our SQL hold no
// question mark. A bare argument behind `limit` or `offset` is cast: SQLite looks at its value while planning, and so would plan
// the statement anew each time.
func rewrite(d dialect, sql string) string {
	var b strings.Builder
	n := 0
	for i := 0; i < len(sql); {
		rest := sql[i:]
		switch {
		case strings.HasPrefix(rest, "not in (?...)"):
			n++
			d.list(&b, n, true)
			i += len("not in (?...)")
		case strings.HasPrefix(rest, "in (?...)"):
			n++
			d.list(&b, n, false)
			i += len("in (?...)")
		case strings.HasPrefix(rest, "for update"):
			b.WriteString(d.lock())
			i += len("for update")
		case strings.HasPrefix(rest, "limit ?"), strings.HasPrefix(rest, "offset ?"):
			word := rest[:strings.IndexByte(rest, '?')]
			n++
			b.WriteString(word + "cast(")
			d.placeholder(&b, n)
			b.WriteString(" as bigint)")
			i += len(word) + 1
		case rest[0] == '?':
			n++
			d.placeholder(&b, n)
			i++
		default:
			b.WriteByte(rest[0])
			i++
		}
	}
	return b.String()
}

type sqliteDialect struct{}

func (sqliteDialect) name() string                          { return "sqlite" }
func (sqliteDialect) placeholder(b *strings.Builder, _ int) { b.WriteByte('?') }
func (sqliteDialect) lock() string                          { return "" } // there is one writer
func (sqliteDialect) listArg(list []string) any {
	if list == nil {
		return "[]"
	}
	b, _ := json.Marshal(list)
	return string(b)
}
func (sqliteDialect) list(b *strings.Builder, _ int, not bool) {
	if not {
		b.WriteString("not ")
	}
	b.WriteString("in (select value from json_each(?))")
}

type postgresDialect struct{}

func (postgresDialect) name() string { return "postgres" }
func (postgresDialect) placeholder(b *strings.Builder, n int) {
	b.WriteByte('$')
	b.WriteString(strconv.Itoa(n))
}
func (postgresDialect) lock() string { return "for update" }
func (postgresDialect) listArg(list []string) any {
	if list == nil {
		return []string{}
	}
	return list
}
func (postgresDialect) list(b *strings.Builder, n int, not bool) {
	if not {
		b.WriteString("<> all($")
	} else {
		b.WriteString("= any($")
	}
	b.WriteString(strconv.Itoa(n))
	b.WriteByte(')')
}
