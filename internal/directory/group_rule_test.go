package directory_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/expression"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// ruleHall is a directory on one engine with a pool "p" that has custom fields.
type ruleHall struct {
	*directory.Directory
	d   *db.DB
	log *audit.Log
}

func newRuleHall(t testing.TB, d *db.DB) *ruleHall {
	t.Helper()
	hasher, err := secret.NewHasher(secret.Cost{Memory: 64, Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	log := audit.New(d)
	h := &ruleHall{directory.New(directory.Options{DB: d, Log: log, Hasher: hasher}), d, log}
	yes := true
	if _, err := h.SetFields(t.Context(), "p", []directory.FieldInput{
		{TargetType: directory.UserTarget, Key: "team", DataType: directory.StringData},
		{TargetType: directory.UserTarget, Key: "age", DataType: directory.NumberData},
		{TargetType: directory.UserTarget, Key: "remote", DataType: directory.BooleanData},
		{TargetType: directory.UserTarget, Key: "joined", DataType: directory.DatetimeData},
		{TargetType: directory.UserTarget, Key: "tags", DataType: directory.ObjectData},
		{TargetType: directory.UserTarget, Key: "hidden", DataType: directory.StringData, Encrypted: &yes},
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *ruleHall) create(t testing.TB, name, city string, custom map[string]string) *directory.User {
	t.Helper()
	u, err := h.CreateUser(t.Context(), "p", newRuleUser(name, city, custom))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func newRuleUser(name, city string, custom map[string]string) directory.NewUser {
	values := make(map[string]jsontext.Value)
	for k, v := range custom {
		values[k] = jsontext.Value(v)
	}
	return directory.NewUser{UserInput: directory.UserInput{Username: &name, City: &city}, Custom: values}
}

func (h *ruleHall) group(t testing.TB, code, rule string) {
	t.Helper()
	if _, err := h.CreateGroup(t.Context(), "p", directory.NewGroup{Code: code, Name: code, Type: directory.DynamicGroup}); err != nil {
		t.Fatal(err)
	}
	if rule == "" {
		return
	}
	if r, err := h.SetRule(t.Context(), "p", code, rule); err != nil || r.Rule != rule || r.Pending != "" {
		t.Fatalf("%s: %+v, %v", rule, r, err)
	}
}

// members are the user names in a group, sorted.
func (h *ruleHall) members(t testing.TB, code string) string {
	t.Helper()
	var names []string
	for page := 1; ; page++ {
		users, _, err := h.Members(t.Context(), "p", code, directory.Page{Page: page, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range users {
			names = append(names, u.Username)
		}
		if len(users) < 1000 {
			break
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func eachRuleHall(t *testing.T, test func(t *testing.T, h *ruleHall)) {
	t.Helper()
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) { test(t, newRuleHall(t, d)) })
}

func TestRules(t *testing.T) {
	eachRuleHall(t, func(t *testing.T, h *ruleHall) {
		ann := h.create(t, "ann", "Berlin", map[string]string{"team": `"red"`, "age": `30`, "remote": `true`, "joined": `"2024-01-01T00:00:00Z"`, "tags": `{"list":["a","b"]}`})
		h.create(t, "bob", "Paris", map[string]string{"age": `17`, "joined": `1600000000000`})
		h.create(t, "eve", "Berlin", nil)
		h.create(t, "kim", "", map[string]string{"team": `""`, "tags": `["a"]`})
		for i, c := range []struct{ rule, want string }{
			{`user.city == "Berlin"`, "ann eve"},
			{`user.city != "Berlin"`, "bob kim"},
			{`user.city == ""`, "kim"},
			{`user.custom.team == "red"`, "ann"},
			{`user.customData["team"] == ""`, "bob eve kim"},
			{`user.custom.age >= 18`, "ann"},
			{`user.custom.age == 17`, "bob"},
			{`!has(user.custom.age)`, "eve kim"},
			{`user.custom.remote`, "ann"},
			{`!user.custom.remote`, "bob eve kim"},
			{`user.custom.joined > int(timestamp("2023-01-01T00:00:00Z")) * 1000`, "ann"},
			{`user.custom.joined < 1700000000000`, "bob"},
			{`"a" in user.custom.tags.list`, "ann"},
			{`user.custom.tags[0] == "a"`, "kim"},
			{`user.username in ["ann", "kim"] || user.custom.age < 18`, "ann bob kim"},
			{`user.status == "Activated" && user.gender == "U" && user.createdAt > 0 && !user.emailVerified`, "ann bob eve kim"},
			{`has(user.lastLogin)`, ""},
		} {
			code := fmt.Sprint("g", i)
			h.group(t, code, c.rule)
			if got := h.members(t, code); got != c.want {
				t.Errorf("%s: %q, want %q", c.rule, got, c.want)
			}
		}
		// A write of a user is followed in the same transaction.
		update := func(name string, in directory.UserInput, custom map[string]jsontext.Value) {
			t.Helper()
			if _, err := h.UpdateUser(t.Context(), "p", directory.UserRef{Type: "username", Value: name}, directory.UserPatch{UserInput: in, Custom: custom}); err != nil {
				t.Fatal(err)
			}
		}
		berlin, rome := "Berlin", "Rome"
		update("bob", directory.UserInput{City: &berlin}, nil)
		update("eve", directory.UserInput{City: &rome}, map[string]jsontext.Value{"age": jsontext.Value("18"), "team": jsontext.Value(`"red"`)})
		if err := h.SetValues(t.Context(), "p", directory.UserTarget, ann.ID, map[string]jsontext.Value{"team": jsontext.Value("null")}); err != nil {
			t.Fatal(err)
		}
		for code, want := range map[string]string{"g0": "ann bob", "g3": "eve", "g4": "ann bob kim", "g5": "ann eve", "g7": "kim"} {
			if got := h.members(t, code); got != want {
				t.Errorf("after writes, %s: %q, want %q", code, got, want)
			}
		}
		for _, verb := range []func(context.Context, string, string, []string) error{h.AddMembers, h.RemoveMembers} {
			if err := verb(t.Context(), "p", "g0", []string{ann.ID}); !errors.Is(err, directory.ErrGroupDynamic) {
				t.Errorf("by hand: %v", err)
			}
		}
		// What a rule reads is not taken away.
		enum := directory.FieldInput{TargetType: directory.UserTarget, Key: "team", DataType: directory.NumberData}
		if _, err := h.SetFields(t.Context(), "p", []directory.FieldInput{enum}); fault.As(err) == nil {
			t.Errorf("a type was changed: %v", err)
		}
		_, err := h.DeleteFields(t.Context(), "p", directory.UserTarget, []string{"age"})
		if f := fault.As(err); f == nil || f.Code != "field_in_rule" || !slices.Equal(f.Args, []string{"age", "g14, g5, g6, g7"}) {
			t.Errorf("a field was removed: %v", err)
		}
		yes := true
		_, err = h.SetFields(t.Context(), "p", []directory.FieldInput{{TargetType: directory.UserTarget, Key: "team", Encrypted: &yes}})
		if f := fault.As(err); f == nil || f.Code != "field_in_rule" {
			t.Errorf("a field was encrypted: %v", err)
		}
		if err := h.DeleteGroups(t.Context(), "p", []string{"g14", "g5", "g6", "g7"}, directory.MissingFails); err != nil {
			t.Fatal(err)
		}
		if _, err := h.DeleteFields(t.Context(), "p", directory.UserTarget, []string{"age"}); err != nil {
			t.Errorf("the rules are gone: %v", err)
		}
		// Who is gone is in none.
		if err := h.Resign(t.Context(), "p", []directory.UserRef{{Type: "username", Value: "bob"}}); err != nil {
			t.Fatal(err)
		}
		if err := h.DeleteUsers(t.Context(), "p", []directory.UserRef{{Type: "username", Value: "ann"}}); err != nil {
			t.Fatal(err)
		}
		archived := directory.Archived
		update("bob", directory.UserInput{Status: &archived}, nil)
		update("kim", directory.UserInput{Status: &archived}, nil)
		for code, want := range map[string]string{"g0": "", "g1": "eve", "g15": "eve"} {
			if got := h.members(t, code); got != want {
				t.Errorf("after they left, %s: %q, want %q", code, got, want)
			}
		}
		if n, err := db.One[int64](t.Context(), h.d, "select count(*) from group_candidates where pool_id = ?", "p"); err != nil || n != 0 {
			t.Errorf("%d candidates are left, %v", n, err)
		}
	})
}

func TestSetRule(t *testing.T) {
	eachRuleHall(t, func(t *testing.T, h *ruleHall) {
		ctx := t.Context()
		ann, bob := h.create(t, "ann", "Berlin", nil), h.create(t, "bob", "Paris", nil)
		if _, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: "g", Name: "g"}); err != nil {
			t.Fatal(err)
		}
		if err := h.AddMembers(ctx, "p", "g", []string{ann.ID, bob.ID}); err != nil {
			t.Fatal(err)
		}
		for rule, want := range map[string]error{"": expression.ErrInvalid, "user.nope": expression.ErrInvalid, `user.custom.hidden == "x"`: expression.ErrInvalid,
			`user.password == ""`: expression.ErrInvalid, `user.city == 1`: expression.ErrInvalid, "user.city": expression.ErrInvalid,
			`user.city == "` + strings.Repeat("x", 10_000) + `"`: expression.ErrTooCostly} {
			if _, err := h.SetRule(ctx, "p", "g", rule); !errors.Is(err, want) {
				t.Errorf("%.40s: %v", rule, err)
			}
		}
		if _, err := h.SetRule(ctx, "p", "none", "true"); !errors.Is(err, directory.ErrGroupNotFound) {
			t.Errorf("no group: %v", err)
		}
		if _, err := h.Rule(ctx, "p", "g"); !errors.Is(err, directory.ErrNoRule) {
			t.Errorf("no rule: %v", err)
		}
		if err := h.RemoveRule(ctx, "p", "g"); !errors.Is(err, directory.ErrNoRule) {
			t.Errorf("no rule to remove: %v", err)
		}
		preview, err := h.PreviewRule(ctx, "p", "g", `user.city == "Berlin"`)
		if err != nil || preview.Join != 0 || preview.Leave != 1 || preview.Members != 1 || preview.Total != 2 || preview.Estimated || !slices.Equal(preview.Leaving, []string{bob.ID}) {
			t.Errorf("%+v, %v", preview, err)
		}
		preview, err = h.PreviewRule(ctx, "p", "", `user.city == "Berlin"`)
		if err != nil || preview.Join != 1 || preview.Leave != 0 || !slices.Equal(preview.Joining, []string{ann.ID}) {
			t.Errorf("%+v, %v", preview, err)
		}
		if _, err = h.SetRule(ctx, "p", "g", `user.city == "Berlin"`); err != nil || h.members(t, "g") != "ann" {
			t.Errorf("%q, %v", h.members(t, "g"), err)
		}
		records, _, err := h.log.List(ctx, "p", audit.Filter{Resource: audit.UserGroup, Page: 1, Limit: 50})
		if err != nil || records[0].Operation != audit.Refresh || fmt.Sprint(records[0].After["removed"]) != "1" || records[1].Operation != audit.Update {
			t.Errorf("%+v, %v", records, err)
		}
		e, err := h.ExplainMembership(ctx, "p", "g", ann.ID)
		if err != nil || !e.Member || !e.Matches || e.Since == 0 || !maps.Equal(e.Fields, map[string]any{"user.city": "Berlin"}) || e.Rule != `user.city == "Berlin"` {
			t.Errorf("%+v, %v", e, err)
		}
		if e, err = h.ExplainMembership(ctx, "p", "g", bob.ID); err != nil || e.Member || e.Matches || e.Since != 0 || e.Fields["user.city"] != "Paris" {
			t.Errorf("%+v, %v", e, err)
		}
		if _, err = h.ExplainMembership(ctx, "p", "g", "nobody"); !errors.Is(err, directory.ErrUserNotFound) {
			t.Errorf("nobody: %v", err)
		}
		// The wire's upsert keeps what makes the group dynamic.
		if g, _, err := h.PutGroup(ctx, "p", directory.NewGroup{Code: "g", Name: "new"}); err != nil || g.Type != directory.DynamicGroup || g.Name != "new" {
			t.Errorf("%+v, %v", g, err)
		}
		if err := h.RemoveRule(ctx, "p", "g"); err != nil || h.members(t, "g") != "ann" {
			t.Errorf("%q, %v", h.members(t, "g"), err)
		}
		if g, err := h.Group(ctx, "p", "g"); err != nil || g.Type != "static" {
			t.Errorf("%+v, %v", g, err)
		}
		if err := h.AddMembers(ctx, "p", "g", []string{bob.ID}); err != nil {
			t.Error(err)
		}
		paris := "Paris"
		if _, err := h.UpdateUser(ctx, "p", directory.UserRef{Type: "username", Value: "ann"}, directory.UserPatch{UserInput: directory.UserInput{City: &paris}}); err != nil || h.members(t, "g") != "ann bob" {
			t.Errorf("%q, %v", h.members(t, "g"), err)
		}
	})
}

func TestRuleLimit(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		if d.Engine() != "sqlite" {
			return // one engine is enough
		}
		h := newRuleHall(t, d)
		for i := range 200 {
			h.group(t, fmt.Sprint("g", i), "true")
		}
		h.group(t, "more", "")
		_, err := h.SetRule(t.Context(), "p", "more", "true")
		if f := fault.As(err); f == nil || f.Code != "group_rule_limit" {
			t.Errorf("%v", err)
		}
	})
}

// A change that is cut off stays invisible, follows writes, and is finished later; a later change replaces it.
func TestPendingRule(t *testing.T) {
	eachRuleHall(t, func(t *testing.T, h *ruleHall) {
		ctx := t.Context()
		for _, name := range []string{"ann", "bob", "eve"} {
			h.create(t, name, "Berlin", nil)
		}
		h.create(t, "kim", "Paris", nil)
		h.group(t, "g", `user.city == "Paris"`)
		// A caller whose time is over leaves all the work.
		start := func(rule string) {
			t.Helper()
			hurried, cancel := context.WithTimeout(ctx, 400*time.Millisecond)
			defer cancel()
			r, err := h.SetRule(hurried, "p", "g", rule)
			if err != nil || r.Rule != `user.city == "Paris"` || r.Pending != rule || r.Total != 4 {
				t.Fatalf("%+v, %v", r, err)
			}
		}
		start(`user.city == "Rome"`)
		start(`user.city == "Berlin"`)
		paris, berlin := "Paris", "Berlin"
		for name, city := range map[string]*string{"ann": &paris, "kim": &berlin} {
			if _, err := h.UpdateUser(ctx, "p", directory.UserRef{Type: "username", Value: name}, directory.UserPatch{UserInput: directory.UserInput{City: city}}); err != nil {
				t.Fatal(err)
			}
		}
		h.create(t, "new", "Berlin", nil)
		if err := h.DeleteUsers(ctx, "p", []directory.UserRef{{Type: "username", Value: "bob"}}); err != nil {
			t.Fatal(err)
		}
		if got := h.members(t, "g"); got != "ann" {
			t.Errorf("before the switch: %q", got)
		}
		if err := h.ContinueRules(ctx); err != nil {
			t.Fatal(err)
		}
		if got := h.members(t, "g"); got != "eve kim new" {
			t.Errorf("after it: %q", got)
		}
		if r, err := h.Rule(ctx, "p", "g"); err != nil || r.Rule != `user.city == "Berlin"` || r.Pending != "" {
			t.Errorf("%+v, %v", r, err)
		}
		if n, err := db.One[int64](ctx, h.d, "select count(*) from group_candidates where pool_id = ?", "p"); err != nil || n != 0 {
			t.Errorf("%d candidates are left, %v", n, err)
		}
	})
}

// Writers, changes of rules and the background run at once; in the end every group has whom its rule wants.
func TestRulesRace(t *testing.T) {
	eachRuleHall(t, func(t *testing.T, h *ruleHall) {
		ctx := t.Context()
		cities := []string{"Berlin", "Paris", "Rome"}
		var users []*directory.User
		for i := range 40 {
			users = append(users, h.create(t, fmt.Sprint("user", i), cities[i%3], nil))
		}
		h.group(t, "g", `user.city == "Rome"`)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range 25 {
					u := users[(w*7+i*3)%len(users)]
					_, err := h.UpdateUser(ctx, "p", directory.UserRef{Type: "user_id", Value: u.ID}, directory.UserPatch{UserInput: directory.UserInput{City: &cities[(i+w)%3]}})
					if err != nil {
						t.Error(err)
					}
					if _, err := h.CreateUser(ctx, "p", newRuleUser(fmt.Sprint("new", w, "-", i), cities[i%3], nil)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(func() {
			for i := range 12 {
				if _, err := h.SetRule(ctx, "p", "g", fmt.Sprintf("user.city == %q", cities[i%3])); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				if err := h.ContinueRules(ctx); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		if err := h.ContinueRules(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := h.Rule(ctx, "p", "g")
		if err != nil || r.Pending != "" || r.Rule != `user.city == "Rome"` {
			t.Fatalf("%+v, %v", r, err)
		}
		want, err := db.List[string](ctx, h.d, "select username from users where pool_id = ? and city = 'Rome' order by username", "p")
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		if got := h.members(t, "g"); got != strings.Join(want, " ") {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// ruleModel is a user as the test remembers one.
type ruleModel struct {
	city, team string
	age        float64 // 0 for none
	left       bool
}

// The rules of the property test beside what they mean.
var modelRules = []struct {
	rule  string
	holds func(ruleModel) bool
}{
	{`user.city == "Berlin"`, func(m ruleModel) bool { return m.city == "Berlin" }},
	{`user.city != "Berlin" && user.custom.team == "red"`, func(m ruleModel) bool { return m.city != "Berlin" && m.team == "red" }},
	{`user.custom.age > 20`, func(m ruleModel) bool { return m.age > 20 }},
	{`!(user.custom.age > 20)`, func(m ruleModel) bool { return m.age != 0 && m.age <= 20 }},
	{`has(user.custom.age) || user.city in ["Rome", "Paris"]`, func(m ruleModel) bool { return m.age != 0 || m.city == "Rome" || m.city == "Paris" }},
	{`user.customData["team"] == "" && user.city.startsWith("B")`, func(m ruleModel) bool { return m.team == "" && m.city == "Berlin" }},
	{`true`, func(ruleModel) bool { return true }},
	{`user.status == "Resigned"`, func(ruleModel) bool { return false }},
}

func TestRulesFollowUsers(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := newRuleHall(t, d)
		ctx := t.Context()
		cities, teams, ages := []string{"", "Berlin", "Paris", "Rome"}, []string{"", "red", "blue"}, []float64{0, 10, 20.5, 30}
		codes := []string{"a", "b", "c"}
		for _, c := range codes {
			h.group(t, c, "")
		}
		users, rules := map[string]ruleModel{}, map[string]int{} // by name; by code
		serial := 0
		rapid.Check(t, func(r *rapid.T) {
			draw := func() (m ruleModel, custom map[string]jsontext.Value) {
				m = ruleModel{rapid.SampledFrom(cities).Draw(r, "city"), rapid.SampledFrom(teams).Draw(r, "team"), rapid.SampledFrom(ages).Draw(r, "age"), false}
				custom = map[string]jsontext.Value{"team": jsontext.Value(fmt.Sprintf("%q", m.team)), "age": jsontext.Value("null")}
				if m.age != 0 {
					custom["age"] = jsontext.Value(fmt.Sprint(m.age))
				}
				return m, custom
			}
			pick := func() string {
				return rapid.SampledFrom(slices.Sorted(maps.Keys(users))).Draw(r, "user")
			}
			ref := func(name string) []directory.UserRef { return []directory.UserRef{{Type: "username", Value: name}} }
			for range rapid.IntRange(1, 5).Draw(r, "steps") {
				verb := rapid.IntRange(0, 7).Draw(r, "verb")
				if len(users) == 0 && verb < 6 {
					verb = 0
				}
				var err error
				switch verb {
				case 0, 1:
					m, custom := draw()
					serial++
					name := fmt.Sprint("user", serial)
					n := newRuleUser(name, m.city, nil)
					n.Custom = custom
					_, err = h.CreateUser(ctx, "p", n)
					users[name] = m
				case 2:
					name := pick()
					m, custom := draw()
					m.left = users[name].left
					_, err = h.UpdateUser(ctx, "p", ref(name)[0], directory.UserPatch{UserInput: directory.UserInput{City: &m.city}, Custom: custom})
					users[name] = m
				case 3:
					name := pick()
					m, custom := draw()
					had := users[name]
					had.team = m.team
					var id string
					if id, err = db.One[string](ctx, h.d, "select id from users where pool_id = ? and username = ?", "p", name); err == nil {
						err = h.SetValues(ctx, "p", directory.UserTarget, id, map[string]jsontext.Value{"team": custom["team"]})
					}
					users[name] = had
				case 4:
					name := pick()
					err = h.DeleteUsers(ctx, "p", ref(name))
					delete(users, name)
				case 5:
					name := pick()
					err = h.Resign(ctx, "p", ref(name))
					m := users[name]
					m.left = true
					users[name] = m
				default:
					code, rule := rapid.SampledFrom(codes).Draw(r, "group"), rapid.IntRange(0, len(modelRules)-1).Draw(r, "rule")
					_, err = h.SetRule(ctx, "p", code, modelRules[rule].rule)
					rules[code] = rule
				}
				if err != nil {
					r.Fatal(err)
				}
			}
			for code, rule := range rules {
				var want []string
				for name, m := range users {
					if !m.left && modelRules[rule].holds(m) {
						want = append(want, name)
					}
				}
				slices.Sort(want)
				if got := h.members(t, code); got != strings.Join(want, " ") {
					r.Fatalf("%s: %q, want %q", modelRules[rule].rule, got, want)
				}
			}
		})
	})
}

// What following rules costs in statements.
func TestRuleStatements(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		if d.Engine() != "sqlite" {
			return // statements are counted on SQLite
		}
		h := newRuleHall(t, d)
		counter := &groupHall{h.Directory, d, h.log, nil, nil}
		serial := 0
		create := func(city string) int {
			return counter.statements(t, func(ctx context.Context) error {
				list := make([]directory.NewUser, 50)
				for i := range list {
					serial++
					list[i] = newRuleUser(fmt.Sprint("user", serial), city, nil)
				}
				_, err := h.CreateUsers(ctx, "p", list)
				return err
			})
		}
		create("Oslo")
		without := create("Oslo")
		h.group(t, "a", `user.city == "Berlin"`)
		create("Oslo")
		if n := create("Oslo"); n-without != 1 {
			t.Errorf("with a rule that takes none: %d more", n-without)
		}
		if n := create("Berlin"); n-without != 4 { // the version, the insert, the group, the record
			t.Errorf("with a rule that takes all: %d more", n-without)
		}
		h.group(t, "b", `user.custom.age > 1`)
		create("Oslo")
		if n := create("Oslo"); n-without != 2 { // and the custom values
			t.Errorf("with a rule over a custom field: %d more", n-without)
		}
	})
}

// A server follows the rules that another one over the same database has set.
func TestRulesOfAnotherServer(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		if d.Local() {
			return // one process has the database for itself
		}
		h := newRuleHall(t, d)
		other := &ruleHall{directory.New(directory.Options{DB: d, Log: h.log}), d, h.log}
		other.create(t, "ann", "Berlin", nil)
		h.group(t, "g", `user.city == "Berlin"`)
		other.create(t, "bob", "Berlin", nil)
		if got := h.members(t, "g"); got != "ann bob" {
			t.Errorf("after the first rule: %q", got)
		}
		if _, err := h.SetRule(t.Context(), "p", "g", `user.city == "Paris"`); err != nil {
			t.Fatal(err)
		}
		other.create(t, "eve", "Paris", nil)
		other.create(t, "kim", "Berlin", nil)
		if got := h.members(t, "g"); got != "eve" {
			t.Errorf("after the second: %q", got)
		}
		if err := h.RemoveRule(t.Context(), "p", "g"); err != nil {
			t.Fatal(err)
		}
		other.create(t, "max", "Paris", nil)
		if got := h.members(t, "g"); got != "eve" {
			t.Errorf("without a rule: %q", got)
		}
	})
}
