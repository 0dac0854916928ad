package expression

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/fault"
)

type object map[string]any

func (o object) Field(name string) (any, bool) { v, ok := o[name]; return v, ok }

func environment(t testing.TB) *Env {
	t.Helper()
	custom := []Field{{Name: "school", Kind: Text}, {Name: "age", Kind: Number}, {Name: "remote", Kind: Flag}, {Name: "joined", Kind: Int},
		{Name: "tags", Kind: JSON, Size: 16 << 10}, {Name: "部门-1", Kind: Text}}
	e, err := NewEnv(Field{Name: "user", Kind: Objects, Fields: []Field{{Name: "city", Kind: Text, Size: 256}, {Name: "email", Kind: Text, Size: 254},
		{Name: "bio", Kind: Text, Size: 16 << 10}, {Name: "emailVerified", Kind: Flag}, {Name: "createdAt", Kind: Int}, {Name: "lastLogin", Kind: Int},
		{Name: "custom", Kind: Objects, Fields: custom}, {Name: "customData", Kind: Objects, Fields: custom}}},
		Field{Name: "environment", Kind: Objects, Fields: []Field{{Name: "ip", Kind: Text, Size: 45}}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ann() Vars {
	custom := object{"school": "MIT", "age": 30.0, "joined": int64(1_700_000_000_000), "tags": map[string]any{"list": []any{"a", "b"}, "n": 1.0}, "部门-1": "x"}
	return Vars{"user": object{"city": "Berlin", "email": "ann@example.com", "emailVerified": true, "createdAt": int64(1000), "bio": strings.Repeat("a", 5000),
		"custom": custom, "customData": custom}, "environment": object{"ip": "192.0.2.1"}}
}

func bare() Vars { return Vars{"user": object{"custom": object{}, "customData": object{}}} }

func TestEval(t *testing.T) {
	e := environment(t)
	for source, want := range map[string]string{ // of ann, of bare: true, false or the reason of a failure
		`user.city == "Berlin"`:    "true false",
		`user["city"] == "Berlin"`: "true false",
		`user.city == ""`:          "false true",
		`has(user.city)`:           "true false",
		`"city" in user`:           "true false",
		`user.emailVerified && user.email.endsWith(".com")`:                   "true false",
		`user.createdAt < 2000`:                                               "true fails",
		`user.createdAt < int(timestamp("2026-01-01T00:00:00Z")) * 1000`:      "true fails",
		`user.custom.age >= 18`:                                               "true fails",
		`user.custom.age == 30`:                                               "true fails",
		`30 == user.custom.age`:                                               "true fails",
		`user.custom.age in [18, 30]`:                                         "true fails",
		`user.custom.age != 30`:                                               "false fails",
		`has(user.custom.age) && user.custom.age < 18`:                        "false false",
		`user.custom.age < 18 || user.city == ""`:                             "false true",
		`!(user.custom.age > 40)`:                                             "true fails",
		`user.customData["age"] > 29.5`:                                       "true fails",
		`user.customData["部门-1"] == "x"`:                                      "true false",
		`"部门-1" in user.customData`:                                           "true false",
		`user.custom.remote`:                                                  "false false",
		`user.custom.joined > 1600000000000`:                                  "true fails",
		`user.custom.tags.list.exists(t, t == "b")`:                           "true fails",
		`"a" in user.custom.tags.list`:                                        "true fails",
		`user.custom.tags.n == 1`:                                             "true fails",
		`has(user.custom.tags) && user.custom.tags.none == 1`:                 "fails false",
		`user.city in ["Berlin", "Paris"]`:                                    "true false",
		`user.city.matches("^B.*n$")`:                                         "true false",
		`["a", "b"].exists(x, user.city.contains(x))`:                         "false false",
		`user.email == environment.ip`:                                        "false fails",
		`1 / (user.createdAt - 1000) > 0`:                                     "fails fails",
		`[{"user": "x"}].exists(user, user["user"] == "x")`:                   "true true",
		`user.bio.size() == 5000`:                                             "true false",
		`user.city == "Berlin" ? user.custom.age > 1 : user.email.size() > 1`: "true false",
	} {
		p, err := e.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var got []string
		for _, vars := range []Vars{ann(), bare()} {
			ok, err := p.Eval(t.Context(), vars)
			switch {
			case err != nil && errors.Is(err, ErrFailed):
				got = append(got, "fails")
			case err != nil:
				t.Errorf("%s: %v", source, err)
			case ok:
				got = append(got, "true")
			default:
				got = append(got, "false")
			}
			again, _, err2 := p.Explain(t.Context(), vars)
			if again != ok || (err == nil) != (err2 == nil) {
				t.Errorf("%s: explained as %v, %v", source, again, err2)
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: %s, want %s", source, g, want)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	e := environment(t)
	for source, want := range map[string]string{
		``:                                   "expression_invalid 1:1 the expression is empty",
		`user.nope == "x"`:                   "expression_invalid 1:5 there is no field 'nope'",
		`user.custom.nope == "x"`:            "expression_invalid 1:12 there is no field 'nope'",
		`user.customData["nope"] == "x"`:     "expression_invalid 1:16 there is no field 'nope'",
		"true &&\n nobody.x":                 "expression_invalid 2:2 there is no variable or function 'nobody'",
		`user.city == 1`:                     "expression_invalid 1:11 wrong types: there is no '==' of '(string, int)'",
		`user.custom.remote == "true"`:       "expression_invalid",
		`user.city`:                          "expression_invalid 1:1 the result is string, it must be bool",
		`user`:                               "expression_invalid",
		`user == user`:                       "expression_invalid 1:1 an object is no value by itself",
		`[user].exists(u, u.city == "x")`:    "expression_invalid 1:2 an object is no value by itself",
		`dyn(user).city == "x"`:              "expression_invalid",
		`(true ? user : user).city == ""`:    "expression_invalid",
		`type(user) == type(user)`:           "expression_invalid",
		`user.customData[user.city] == "x"`:  "expression_invalid",
		`user.city == `:                      "expression_invalid",
		`user.city = "x"`:                    "expression_invalid",
		`now() > 1`:                          "expression_invalid",
		"user.city == \"a\x00b\"":            "expression_invalid 1:1 the text is not valid",
		"\xff":                               "expression_invalid 1:1 the text is not valid",
		`user.city.matches("(")`:             "expression_invalid",
		`timestamp("soon") > timestamp("x")`: "expression_invalid",
		`user{city: "x"}.city == "x"`:        "expression_invalid",

		`user.city == "` + strings.Repeat("x", 10_000) + `"`:                            "expression_too_costly 10015 characters",
		strings.Repeat("(", 2000) + "true":                                              "expression_too_costly",
		strings.Repeat("[", 60) + strings.Repeat("]", 60):                               "expression_too_costly",
		strings.Repeat("!", 2000) + "true":                                              "expression_too_costly",
		strings.Repeat("! ", 2000) + "true":                                             "expression_too_costly",
		strings.Repeat("true?true:", 300) + "true":                                      "expression_too_costly",
		strings.Repeat("1+", 2000) + "1 == 1":                                           "expression_too_costly",
		`[1,2].all(a, [1,2].all(b, [1,2].all(c, true)))`:                                "expression_too_costly",
		`user.custom.tags.all(a, user.custom.tags.all(b, user.bio.contains(user.bio)))`: "expression_too_costly",
		`user.bio.matches(user.bio)`:                                                    "expression_too_costly",
		`user.bio.matches("` + strings.Repeat("a?", 1500) + `")`:                        "expression_too_costly",
		`user.city.matches("((a{100}){100}){100}")`:                                     "expression_",
		`[1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, user.bio + user.bio + user.bio + user.bio + user.bio)).size() == 9`: "expression_too_costly",
	} {
		began := time.Now()
		_, err := e.Compile(source)
		f := fault.As(err)
		if f == nil || !strings.HasPrefix(f.Code+" "+strings.Join(f.Args, " "), want) || f.Kind != fault.Invalid {
			t.Errorf("%.60s: %v, want %s", source, err, want)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%.60s: took %v", source, took)
		}
	}
}

func TestFields(t *testing.T) {
	e := environment(t)
	p, err := e.Compile(`has(user.custom.age) || user.customData["school"] == "x" && user.city == "B" && user.city != "C" && environment.ip != "" && user.custom.tags.list.exists(user, user.city == 1)`)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"environment.ip", "user.city", "user.custom.age", "user.custom.tags", "user.customData.school"}; !slices.Equal(p.Fields(), want) {
		t.Errorf("%q", p.Fields())
	}
}

func TestExplain(t *testing.T) {
	e := environment(t)
	p, err := e.Compile(`user.city == "Berlin" && (user.custom.age > 18 || user.email == "x") && user.lastLogin < 1 || user.emailVerified`)
	if err != nil {
		t.Fatal(err)
	}
	ok, read, err := p.Explain(t.Context(), ann())
	if want := map[string]any{"user.city": "Berlin", "user.custom.age": 30.0, "user.lastLogin": nil, "user.emailVerified": true}; !ok || err != nil || !maps.Equal(read, want) {
		t.Errorf("%v %v %v", ok, read, err)
	}
}

// What the estimate lets through is stopped while it runs.
func TestRunningCost(t *testing.T) {
	e := environment(t)
	p, err := e.Compile(`user.custom.tags.all(a, a == 1 || a == 2)`)
	if err != nil {
		t.Fatal(err)
	}
	many := make([]any, 100_000)
	for i := range many {
		many[i] = 1.0
	}
	began := time.Now()
	_, err = p.Eval(t.Context(), Vars{"user": object{"custom": object{"tags": many}}})
	if !errors.Is(err, ErrFailed) || time.Since(began) > time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = p.Eval(ctx, Vars{"user": object{"custom": object{"tags": many}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}

func TestProgramsAreShared(t *testing.T) {
	p, err := environment(t).Compile(`user.city == "Berlin" && user.custom.tags.list.exists(t, t == "b") && user.city.matches("B.*")`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				if ok, err := p.Eval(context.Background(), ann()); !ok || err != nil {
					t.Errorf("%v %v", ok, err)
				}
				if ok, err := p.Eval(context.Background(), bare()); ok {
					t.Errorf("%v %v", ok, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`user.city == "Berlin"`, `user.custom.tags.all(a, a == 1 || [a].exists(b, b in user.custom.tags))`, `user.custom["age"] in [1, 2]`,
		`"x" in user.custom ? has(user.city) : user.bio.matches("a+")`, `[1].map(x, x + 1)[0] == 2`, `timestamp("2026-01-01T00:00:00Z") > timestamp(0)`} {
		f.Add(s)
	}
	e := environment(f)
	f.Fuzz(func(t *testing.T, source string) {
		p, err := e.Compile(source)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		p.Fields()
		for _, vars := range []Vars{ann(), bare()} {
			if _, err := p.Eval(t.Context(), vars); err != nil && !errors.Is(err, ErrFailed) {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkEval(b *testing.B) {
	e := environment(b)
	for name, source := range map[string]string{"one": `user.city == "Berlin"`,
		"five": `user.city == "Berlin" && user.emailVerified && user.custom.age >= 18 && user.email.endsWith("@example.com") && has(user.custom.joined)`} {
		p, err := e.Compile(source)
		if err != nil {
			b.Fatal(err)
		}
		vars := ann()
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if ok, err := p.Eval(b.Context(), vars); !ok || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			if _, err := e.Compile(`user.city == "Berlin" && user.custom.age >= 18`); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("environment", func(b *testing.B) {
		for b.Loop() {
			environment(b)
		}
	})
}
