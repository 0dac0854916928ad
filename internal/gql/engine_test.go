package gql

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

func FuzzExecute(f *testing.F) {
	for _, query := range hostile() {
		if len(query) < 4_000 {
			f.Add(query, "")
		}
	}
	for _, query := range []string{
		`query($v: Shape = {points: [{x: 1}]}, $n: Boolean!) { echo(shape: $v, o: {a: $v}) house @skip(if: $n) { ...F people(limit: 3) { id } } } fragment F on House { id ... @include(if: $n) { owner { name } } }`,
		`mutation M($n: Int! = 3) { add(n: $n) __typename }`,
		`{ houses(ids: ["full", "map", "bytes", "loop"]) { id name colour tags grid extra floors height owner { home { id } } } }`,
		"{ echo(s: \"\"\"a\n  \\\"\"\" b\"\"\", l: [1, [2]], ll: 3, f: -1.5e3, c: RED) }",
		fullIntrospection,
	} {
		f.Add(query, `{"v": {"points": {"x": 1, "y": null}}, "n": true}`)
	}
	s := town(f, Limits{})
	f.Fuzz(func(t *testing.T, query, variables string) {
		request := Request{Query: query}
		if json.Unmarshal([]byte(variables), &request.Variables) != nil {
			request.Variables = nil
		}
		start := time.Now()
		r := s.Execute(t.Context(), request)
		if took := time.Since(start); took > time.Second*slowness {
			t.Errorf("took %v", took)
		}
		switch {
		case r.Errors != nil && r.Data != nil:
			t.Error("both data and errors")
		case r.Errors == nil && !json.Valid(r.Data):
			t.Errorf("not JSON: %q", r.Data)
		}
		for _, e := range r.Errors {
			_ = e.Error()
		}
		if again := s.Execute(t.Context(), request); !strings.Contains(query, "mutation") && (string(again.Data) != string(r.Data) || len(again.Errors) != len(r.Errors)) {
			t.Errorf("answered %q, then %q", r.Data, again.Data)
		}
	})
}

// TestSharedPlans is for the race detector: goroutines share documents, bindings of two Go types, and kept answers.
func TestSharedPlans(t *testing.T) {
	s := town(t, Limits{})
	requests := []struct {
		request Request
		want    string
	}{
		{Request{Query: `query($id: ID) { house(id: $id) { name owner { id } people(limit: 1) { id } } }`, Variables: map[string]any{"id": "map"}}, `{"house":{"name":"Map","owner":{"id":"q"},"people":[{"id":"Map0"}]}}`},
		{Request{Query: `query($id: ID) { house(id: $id) { name owner { id } people(limit: 1) { id } } }`, Variables: map[string]any{"id": "value"}}, `{"house":{"name":"Mill","owner":{"id":"p1"},"people":[{"id":"Mill0"}]}}`},
		{Request{Query: `query($y: Boolean!) { house { id name @include(if: $y) } }`, Variables: map[string]any{"y": false}}, `{"house":{"id":"7"}}`},
		{Request{Query: `query($y: Boolean!) { house { id name @include(if: $y) } }`, Variables: map[string]any{"y": true}}, `{"house":{"id":"7","name":"Mill"}}`},
		{Request{Query: `{ __type(name: "Person") { name kind } }`}, `{"__type":{"name":"Person","kind":"OBJECT"}}`},
		{Request{Query: fullIntrospection}, ""},
	}
	var group sync.WaitGroup
	for g := range 32 {
		group.Go(func() {
			for i := range 50 {
				c := requests[(g+i)%len(requests)]
				if c.want == "" && i > 10 {
					continue
				}
				r := s.Execute(t.Context(), c.request)
				if r.Errors != nil || c.want != "" && string(r.Data) != c.want {
					t.Errorf("got %s %v, want %s", r.Data, r.Errors, c.want)
					return
				}
				if i%10 == 0 { // and some that are planned anew
					s.Execute(t.Context(), Request{Query: fmt.Sprintf("{ a%d: house { id } }", g*100+i)})
				}
			}
		})
	}
	group.Wait()
}

// wireUsers makes users of a Go struct type with all the scalar fields that the schema's User has.
func wireUsers(s *Schema, n int) (users any, selection string, fields int) {
	var goFields []reflect.StructField
	for _, f := range s.types.Types["User"].Fields {
		types := map[string]reflect.Type{"String": reflect.TypeFor[*string](), "Int": reflect.TypeFor[*int64](), "Boolean": reflect.TypeFor[*bool]()}
		goType, ok := types[f.Type.NamedType]
		if !ok || len(goFields) == 51 {
			continue
		}
		if s.types.Types[f.Type.NamedType].Kind != ast.Scalar {
			continue
		}
		goFields = append(goFields, reflect.StructField{Name: strings.ToUpper(f.Name[:1]) + f.Name[1:], Type: goType, Tag: reflect.StructTag(`json:"` + f.Name + `"`)})
		selection += f.Name + " "
	}
	userType := reflect.StructOf(goFields)
	list := reflect.MakeSlice(reflect.SliceOf(reflect.PointerTo(userType)), 0, n)
	text, number, yes := "2026-11-21T18:05:00.000Z", int64(1234), true
	for range n {
		u := reflect.New(userType)
		for i := range goFields {
			switch p := u.Elem().Field(i); p.Type().Elem().Kind() {
			case reflect.String:
				p.Set(reflect.ValueOf(&text))
			case reflect.Int64:
				p.Set(reflect.ValueOf(&number))
			default:
				p.Set(reflect.ValueOf(&yes))
			}
		}
		list = reflect.Append(list, u)
	}
	return list.Interface(), selection, len(goFields)
}

func usersOfContract(b testing.TB) (*Schema, Request, int) {
	s := mustNew(b, contractSDL(b), Limits{})
	users, selection, n := wireUsers(s, 50)
	page := map[string]any{"totalCount": 50, "list": users}
	s.Query("users", func(_ context.Context, args Args) (any, error) { return page, nil })
	return s, Request{
		Query:     `query users($page: Int, $limit: Int) { users(page: $page, limit: $limit) { totalCount list { ` + selection + `} } }`,
		Variables: map[string]any{"page": 1.0, "limit": 50.0},
	}, n
}

func BenchmarkUsers(b *testing.B) {
	s, request, n := usersOfContract(b)
	b.ReportAllocs()
	for b.Loop() {
		if r := s.Execute(b.Context(), request); r.Errors != nil {
			b.Fatal(r.Errors)
		}
	}
	b.ReportMetric(float64(n), "fields")
}

// BenchmarkUsersAsMaps reads the users from maps instead of structs.
func BenchmarkUsersAsMaps(b *testing.B) {
	s, request, _ := usersOfContract(b)
	var list []any
	var decoded struct {
		Users struct{ List []map[string]any }
	}
	if err := json.Unmarshal(s.Execute(b.Context(), request).Data, &decoded); err != nil {
		b.Fatal(err)
	}
	for _, u := range decoded.Users.List {
		u["loginsCount"] = 3
		list = append(list, u)
	}
	s.Query("users", func(context.Context, Args) (any, error) { return map[string]any{"totalCount": 50, "list": list}, nil })
	s.documents = newCache[string, *document](10, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		if r := s.Execute(b.Context(), request); r.Errors != nil {
			b.Fatal(r.Errors)
		}
	}
}

func BenchmarkPlanning(b *testing.B) {
	s, request, _ := usersOfContract(b)
	for i := 0; b.Loop(); i++ {
		if _, faults := s.document(request.Query + " #" + fmt.Sprint(i)); faults != nil {
			b.Fatal(faults)
		}
	}
}

func BenchmarkIntrospection(b *testing.B) {
	s := mustNew(b, contractSDL(b), Limits{})
	d, faults := s.document(fullIntrospection)
	if faults != nil {
		b.Fatal(faults)
	}
	op, _ := d.operation("")
	b.Run("executed", func(b *testing.B) {
		for b.Loop() {
			if r := s.execute(b.Context(), op, map[string]any{"all": true}); r.Errors != nil {
				b.Fatal(r.Errors)
			}
		}
	})
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			if r := s.Execute(b.Context(), Request{Query: fullIntrospection}); r.Errors != nil {
				b.Fatal(r.Errors)
			}
		}
	})
}
