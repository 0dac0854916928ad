package directory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

func (h *groupHall) setFields(t *testing.T, poolID string, list ...directory.FieldInput) []directory.Field {
	t.Helper()
	fields, err := h.SetFields(t.Context(), poolID, list)
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

func values(pairs ...string) map[string]jsontext.Value {
	out := make(map[string]jsontext.Value)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = jsontext.Value(pairs[i+1])
	}
	return out
}

// has is what a target has, as "key=JSON key=JSON".
func (h *groupHall) has(t *testing.T, poolID string, target directory.TargetType, id string) string {
	t.Helper()
	all, err := h.Values(t.Context(), poolID, target, []string{id})
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, v := range all[id] {
		parts = append(parts, v.Key+"="+string(v.JSON))
	}
	return strings.Join(parts, " ")
}

func TestSetFields(t *testing.T) {
	eachGroupHall(t, 1, func(t *testing.T, h *groupHall) {
		for _, c := range []struct {
			name string
			in   directory.FieldInput
			want string
		}{
			{"new", directory.FieldInput{TargetType: "USER", Key: "school", DataType: "STRING"}, ""},
			{"again, without its type", directory.FieldInput{TargetType: "USER", Key: "school", Label: ptr("School")}, ""},
			{"of nodes", directory.FieldInput{TargetType: "NODE", Key: "school", DataType: "NUMBER"}, ""},
			{"select", directory.FieldInput{TargetType: "USER", Key: "尺码", DataType: "SELECT", Options: []directory.Option{{Value: "XL", Label: "large"}}}, ""},
			{"everything", directory.FieldInput{TargetType: "GROUP", Key: "a.b-c_d", DataType: "OBJECT", Label: ptr("L"), Description: ptr("D"), Encrypted: ptr(true),
				UserEditable: ptr(true), AdminVisible: ptr(false), UserVisible: ptr(true), Desensitization: ptr(true), AppIDs: []string{"x"},
				I18n: jsontext.Value(`{"label":{}}`), ValidateRules: jsontext.Value(`[ {} ]`)}, ""},
			{"the type changes while there are no values", directory.FieldInput{TargetType: "USER", Key: "school", DataType: "NUMBER"}, ""},
			{"no type", directory.FieldInput{TargetType: "USER", Key: "n"}, "field_format dataType"},
			{"unknown type", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "NONSENSE"}, "field_format dataType"},
			{"unknown target", directory.FieldInput{TargetType: "NONSENSE", Key: "n", DataType: "STRING"}, "field_format targetType"},
			{"the settings' target", directory.FieldInput{TargetType: "USER_BASE", Key: "n", DataType: "STRING"}, "field_format targetType"},
			{"empty key", directory.FieldInput{TargetType: "USER", DataType: "STRING"}, "field_format key"},
			{"long key", directory.FieldInput{TargetType: "USER", Key: strings.Repeat("k", 65), DataType: "STRING"}, "field_format key"},
			{"key with a space", directory.FieldInput{TargetType: "USER", Key: "a b", DataType: "STRING"}, "field_format key"},
			{"key with a NUL", directory.FieldInput{TargetType: "USER", Key: "a\x00", DataType: "STRING"}, "field_format key"},
			{"key with a control", directory.FieldInput{TargetType: "USER", Key: "a\u200b", DataType: "STRING"}, "field_format key"},
			{"key that is no UTF-8", directory.FieldInput{TargetType: "USER", Key: "\xc3", DataType: "STRING"}, "field_format key"},
			{"long label", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "STRING", Label: ptr(strings.Repeat("l", 257))}, "field_format label"},
			{"bad description", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "STRING", Description: ptr("\xff")}, "field_format description"},
			{"an option twice", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "ENUM", Options: []directory.Option{{Value: "a"}, {Value: "a"}}}, "field_format options"},
			{"an empty option", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "ENUM", Options: []directory.Option{{Label: "a"}}}, "field_format options"},
			{"too many options", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "ENUM", Options: make([]directory.Option, 501)}, "list_max options 500"},
			{"too many applications", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "ENUM", AppIDs: make([]string, 101)}, "list_max appIds 100"},
			{"i18n that is no object", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "STRING", I18n: jsontext.Value(`[]`)}, "field_format i18n"},
			{"i18n that is no JSON", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "STRING", I18n: jsontext.Value(`{`)}, "field_format i18n"},
			{"i18n that begins like null", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "STRING", I18n: jsontext.Value(`nope`)}, "field_format i18n"},
			{"rules too long", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "STRING", ValidateRules: jsontext.Value(`["` + strings.Repeat("x", 9000) + `"]`)},
				"field_format validateRules"},
		} {
			fields, err := h.SetFields(t.Context(), "p", []directory.FieldInput{c.in})
			if code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if err == nil && (len(fields) != 1 || fields[0].Key != c.in.Key || c.in.Label != nil && fields[0].Label != *c.in.Label) {
				t.Errorf("%s: %+v", c.name, fields)
			}
		}
		users, err := h.Fields(t.Context(), "p", "USER")
		if err != nil || len(users) != 2 || users[0].Key != "school" || users[0].Label != "School" || users[0].DataType != "NUMBER" || !users[0].AdminVisible ||
			users[1].DataType != "ENUM" || users[1].Options[0] != (directory.Option{Value: "XL", Label: "large"}) {
			t.Errorf("fields of users: %+v, %v", users, err)
		}
		if f, err := h.Fields(t.Context(), "p", "DEPARTMENT"); err != nil || len(f) != 1 || f[0].DataType != "NUMBER" || f[0].Label != "school" {
			t.Errorf("fields of departments: %+v, %v", f, err)
		}
		f, err := h.Fields(t.Context(), "p", "GROUP")
		if err != nil || len(f) != 1 {
			t.Fatal(f, err)
		}
		g := f[0]
		if g.Description != "D" || !g.Encrypted || !g.UserEditable || g.AdminVisible || !g.UserVisible || !g.Desensitization || g.Unique ||
			!slices.Equal(g.AppIDs, []string{"x"}) || string(g.I18n) != `{"label":{}}` || string(g.ValidateRules) != "[{}]" {
			t.Errorf("everything: %+v", g)
		}
		if f, err := h.Fields(t.Context(), "q", "USER"); err != nil || len(f) != 0 {
			t.Errorf("another pool sees %v, %v", f, err)
		}
		if _, err := h.Fields(t.Context(), "p", "NONSENSE"); code(err) != "field_format targetType" {
			t.Error(err)
		}
	})
}

func TestSetFieldsIsAtomicAndBounded(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		batch := make([]directory.FieldInput, 51)
		for i := range batch {
			batch[i] = directory.FieldInput{TargetType: "USER", Key: fmt.Sprint("k", i), DataType: "STRING"}
		}
		for _, c := range []struct {
			name string
			list []directory.FieldInput
			want string
		}{
			{"none", nil, "list_min list 1"},
			{"too many", batch, "list_max list 50"},
			{"one without a type", append(slices.Clone(batch[:49]), directory.FieldInput{TargetType: "USER", Key: "x"}), "field_format dataType"},
		} {
			if _, err := h.SetFields(t.Context(), "p", c.list); code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if n := h.count(t, "fields", "p"); n != 0 {
				t.Fatalf("%s: left %d fields", c.name, n)
			}
		}
		twice := append(slices.Clone(batch[:2]), directory.FieldInput{TargetType: "USER", Key: "k0", Label: ptr("second")})
		if f := h.setFields(t, "p", twice...); len(f) != 3 || f[0].Label != "second" || f[2].Label != "second" || h.count(t, "fields", "p") != 2 {
			t.Errorf("a key twice: %+v", f)
		}
		var err error
		for i := 0; i < 510 && err == nil; i += 50 {
			for j := range 50 {
				batch[j].Key = fmt.Sprint("n", i+j)
			}
			_, err = h.SetFields(t.Context(), "p", batch[:50])
		}
		if n := h.count(t, "fields", "p"); code(err) != "field_limit 500" || n > 500 {
			t.Errorf("%d fields, %v", n, err)
		}
	})
}

func TestFieldsPage(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		h.setFields(t, "p", directory.FieldInput{TargetType: "USER", Key: "aa", DataType: "STRING", Label: ptr("School%")},
			directory.FieldInput{TargetType: "USER", Key: "ab", DataType: "NUMBER", UserVisible: ptr(true)},
			directory.FieldInput{TargetType: "GROUP", Key: "b", DataType: "ENUM", AdminVisible: ptr(false)})
		if _, err := h.SetBaseFields(t.Context(), "p", []directory.FieldInput{{Key: "company", Label: ptr("Firm")}}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			filter directory.FieldFilter
			page   directory.Page
			want   string
			total  int64
			err    string
		}{
			{directory.FieldFilter{}, directory.Page{Page: 1, Limit: 10}, "aa ab b", 3, ""},
			{directory.FieldFilter{}, directory.Page{Page: 2, Limit: 3}, "", 3, ""},
			{directory.FieldFilter{TargetType: "USER"}, directory.Page{Page: 1, Limit: 10}, "aa ab", 2, ""},
			{directory.FieldFilter{DataType: "SELECT"}, directory.Page{Page: 1, Limit: 10}, "b", 1, ""},
			{directory.FieldFilter{Keyword: "A"}, directory.Page{Page: 1, Limit: 10}, "aa ab", 2, ""},
			{directory.FieldFilter{Keyword: "school%"}, directory.Page{Page: 1, Limit: 10}, "aa", 1, ""},
			{directory.FieldFilter{UserVisible: ptr(true)}, directory.Page{Page: 1, Limit: 10}, "ab", 1, ""},
			{directory.FieldFilter{AdminVisible: ptr(false)}, directory.Page{Page: 1, Limit: 10}, "b", 1, ""},
			{directory.FieldFilter{TargetType: "USER_BASE"}, directory.Page{Page: 1, Limit: 10}, "", 0, "field_format targetType"},
			{directory.FieldFilter{DataType: "x"}, directory.Page{Page: 1, Limit: 10}, "", 0, "field_format dataType"},
			{directory.FieldFilter{Keyword: "\x00"}, directory.Page{Page: 1, Limit: 10}, "", 0, "field_format keyword"},
		} {
			fields, total, err := h.FieldsPage(t.Context(), "p", c.filter, c.page)
			var keys []string
			for _, f := range fields {
				keys = append(keys, f.Key)
			}
			slices.Sort(keys)
			if got := strings.Join(keys, " "); got != c.want || total != c.total || code(err) != c.err {
				t.Errorf("%+v: %s of %d, %v; want %s of %d", c.filter, got, total, err, c.want, c.total)
			}
		}
	})
}

func TestValueTypes(t *testing.T) {
	long := func(n int) string { return `"` + strings.Repeat("ü", n) + `"` }
	eachGroupHall(t, 1, func(t *testing.T, h *groupHall) {
		h.setFields(t, "p", directory.FieldInput{TargetType: "USER", Key: "s", DataType: "STRING"}, directory.FieldInput{TargetType: "USER", Key: "n", DataType: "NUMBER"},
			directory.FieldInput{TargetType: "USER", Key: "d", DataType: "DATETIME"}, directory.FieldInput{TargetType: "USER", Key: "b", DataType: "BOOLEAN"},
			directory.FieldInput{TargetType: "USER", Key: "o", DataType: "OBJECT"}, directory.FieldInput{TargetType: "USER", Key: "e", DataType: "ENUM"},
			directory.FieldInput{TargetType: "USER", Key: "f", DataType: "ENUM", Options: []directory.Option{{Value: "S"}, {Value: "XL"}}})
		type indexed struct {
			Text   string  `db:"text_value"`
			Number float64 `db:"number_value"`
			None   bool    `db:"none"`
		}
		const none = -1 // of number
		for _, c := range []struct {
			key, json string
			want      string // "" or the refusal
			stored    string
			text      string
			number    float64
		}{
			{"s", `"Tsinghua"`, "", `"Tsinghua"`, "Tsinghua", none},
			{"s", `""`, "", `""`, "", none},
			{"s", ` "清\u534e\n" `, "", `"清\u534e\n"`, "清华\n", none},
			{"s", long(1024), "", long(1024), strings.Repeat("ü", 1024), none},
			{"s", long(1025), "custom_value_too_long", "", "", 0},
			{"s", `"` + strings.Repeat("x", 1<<20) + `"`, "custom_value_too_long", "", "", 0},
			{"s", `11`, "field_type s", "", "", 0},
			{"s", `true`, "field_type s", "", "", 0},
			{"s", `{}`, "field_type s", "", "", 0},
			{"s", `["a"]`, "field_type s", "", "", 0},
			{"s", ``, "field_type s", "", "", 0},
			{"s", `nonsense`, "field_type s", "", "", 0},
			{"s", `"a" "b"`, "field_type s", "", "", 0},
			{"s", `"a`, "field_type s", "", "", 0},
			{"s", "\"\xff\"", "field_type s", "", "", 0},
			{"s", `"\ud800"`, "field_type s", "", "", 0},
			{"s", `"a\u0000b"`, "field_format s", "", "", 0},
			{"n", `18`, "", "18", "18", 18},
			{"n", `-0.0`, "", "-0.0", "-0.0", 0},
			{"n", `12345678901234567890`, "", "12345678901234567890", "12345678901234567890", 12345678901234567890},
			{"n", `1e300`, "", "1e300", "1e300", 1e300},
			{"n", `1e400`, "field_type n", "", "", 0},
			{"n", `"18"`, "field_type n", "", "", 0},
			{"n", `true`, "field_type n", "", "", 0},
			{"n", `0x10`, "field_type n", "", "", 0},
			{"n", `NaN`, "field_type n", "", "", 0},
			{"d", `1656818430000`, "", "1656818430000", "1656818430000", 1656818430000},
			{"d", `"2022-07-03T03:20:30.000Z"`, "", `"2022-07-03T03:20:30.000Z"`, "2022-07-03T03:20:30.000Z", 1656818430000},
			{"d", `"2022-07-03T11:20:30+08:00"`, "", `"2022-07-03T11:20:30+08:00"`, "2022-07-03T11:20:30+08:00", 1656818430000},
			{"d", `"2022-07-03"`, "", `"2022-07-03"`, "2022-07-03", 1656806400000},
			{"d", `"1965-03-01"`, "", `"1965-03-01"`, "1965-03-01", -152668800000},
			{"d", `"1656818430000"`, "field_type d", "", "", 0},
			{"d", `"yesterday"`, "field_type d", "", "", 0},
			{"d", `""`, "field_type d", "", "", 0},
			{"d", `1e16`, "field_type d", "", "", 0},
			{"d", `true`, "field_type d", "", "", 0},
			{"b", `true`, "", "true", "true", 1},
			{"b", `false`, "", "false", "false", 0},
			{"b", `"ok"`, "field_type b", "", "", 0},
			{"b", `1`, "field_type b", "", "", 0},
			{"o", `{"a": [1, {"b": null}]}`, "", `{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`, none},
			{"o", `[ ]`, "", `[]`, `[]`, none},
			{"o", `{"a":"\u0000"}`, "", `{"a":"\u0000"}`, `{"a":"\u0000"}`, none},
			{"o", `{"a":1,"a":2}`, "field_type o", "", "", 0},
			{"o", `"text"`, "field_type o", "", "", 0},
			{"o", `3`, "field_type o", "", "", 0},
			{"o", `["` + strings.Repeat("x", 16<<10) + `"]`, "custom_value_too_long", "", "", 0},
			{"o", strings.Repeat("[", 20000) + strings.Repeat("]", 20000), "field_type o", "", "", 0},
			{"e", `"anything"`, "", `"anything"`, "anything", none},
			{"e", `1`, "field_type e", "", "", 0},
			{"f", `"XL"`, "", `"XL"`, "XL", none},
			{"f", `"M"`, "field_type f", "", "", 0},
			{"f", `["XL"]`, "field_type f", "", "", 0},
			{"x", `1`, "field_undefined x", "", "", 0},
			{"\x00", `1`, "field_format key", "", "", 0},
			{"\xff", `null`, "field_format key", "", "", 0},
		} {
			id := h.addUser(t)
			err := h.SetValues(t.Context(), "p", "USER", id, values(c.key, c.json))
			if code(err) != c.want {
				t.Errorf("%s %.40s: %v, want %q", c.key, c.json, err, c.want)
			}
			if want := c.key + "=" + c.stored; err == nil && h.has(t, "p", "USER", id) != want {
				t.Errorf("%s %.40s: %.60s, want %.60s", c.key, c.json, h.has(t, "p", "USER", id), want)
			}
			if err != nil {
				if got := h.has(t, "p", "USER", id); got != "" {
					t.Errorf("%s %.40s: refused, and left %.60s", c.key, c.json, got)
				}
				continue
			}
			i, err := db.One[indexed](t.Context(), h.d, `select text_value, number_value, number_value is null as none from field_values
				where pool_id = 'p' and target_id = ?`, id)
			if err != nil || i.Text != c.text || i.None != (c.number == none) || !i.None && i.Number != c.number {
				t.Errorf("%s %.40s: indexed as %+v, %v", c.key, c.json, i, err)
			}
		}
	})
}

func (h *groupHall) addUser(t *testing.T) string {
	t.Helper()
	id := h.d.NewID()
	if err := db.Insert(t.Context(), h.d, "users", &directory.User{PoolID: "p", ID: id, Status: directory.Activated, WorkStatus: "Active", Gender: "U",
		SourceType: "adminCreated"}); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestValues(t *testing.T) {
	eachGroupHall(t, 3, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		for _, pool := range []string{"p", "q"} {
			h.setFields(t, pool, directory.FieldInput{TargetType: "USER", Key: "a", DataType: "STRING", Label: ptr("The a")},
				directory.FieldInput{TargetType: "USER", Key: "b", DataType: "NUMBER"}, directory.FieldInput{TargetType: "NODE", Key: "a", DataType: "NUMBER"})
		}
		u := h.users
		const unknown = "6229ffaaaaaaaaaaaade3e3d"
		for _, c := range []struct {
			name   string
			target directory.TargetType
			list   []directory.TargetValues
			want   string
			first  string // what the first user then has
		}{
			{"two", "USER", []directory.TargetValues{{ID: u[0], Values: values("a", `"x"`, "b", `1`)}}, "", `a="x" b=1`},
			{"one changes", "USER", []directory.TargetValues{{ID: u[0], Values: values("b", `2`)}}, "", `a="x" b=2`},
			{"null removes", "USER", []directory.TargetValues{{ID: u[0], Values: values("b", `null`)}}, "", `a="x"`},
			{"null where there is nothing", "USER", []directory.TargetValues{{ID: u[0], Values: values("b", ` null`)}}, "", `a="x"`},
			{"empty text is a value", "USER", []directory.TargetValues{{ID: u[0], Values: values("a", `""`)}}, "", `a=""`},
			{"one of two undefined", "USER", []directory.TargetValues{{ID: u[0], Values: values("a", `"y"`, "c", `1`)}}, "field_undefined c", `a=""`},
			{"null of an undefined field", "USER", []directory.TargetValues{{ID: u[0], Values: values("c", `null`)}}, "field_undefined c", `a=""`},
			{"one of two mistyped", "USER", []directory.TargetValues{{ID: u[0], Values: values("a", `"y"`)}, {ID: u[1], Values: values("b", `"1"`)}}, "field_type b", `a=""`},
			{"a batch", "USER", []directory.TargetValues{{ID: u[0], Values: values("a", `"y"`)}, {ID: u[1], Values: values("a", `"z"`, "b", `3`)}}, "", `a="y"`},
			{"a target twice", "USER", []directory.TargetValues{{ID: u[0], Values: values("a", `"1"`)}, {ID: u[0], Values: values("a", `"2"`)}}, "", `a="2"`},
			{"an unknown user among them", "USER", []directory.TargetValues{{ID: u[0], Values: values("a", `"n"`)}, {ID: unknown, Values: values("a", `"n"`)}}, "user_not_found", `a="2"`},
			{"another pool's user", "USER", []directory.TargetValues{{ID: h.other[0], Values: values("a", `"n"`)}}, "user_not_found", `a="2"`},
			{"a malformed target", "USER", []directory.TargetValues{{ID: "\x00", Values: values("a", `"n"`)}}, "field_format targetId", `a="2"`},
			{"an unknown group", "GROUP", []directory.TargetValues{{ID: unknown, Values: values()}}, "", `a="2"`},
			{"a node", "NODE", []directory.TargetValues{{ID: u[0], Values: values("a", `7`)}}, "", `a="2"`},
			{"unknown target type", "NONSENSE", []directory.TargetValues{{ID: u[0], Values: values("a", `7`)}}, "field_format targetType", `a="2"`},
			{"nothing", "USER", nil, "", `a="2"`},
			{"too many", "USER", func() []directory.TargetValues {
				list := make([]directory.TargetValues, 1001)
				for i := range list {
					list[i] = directory.TargetValues{ID: fmt.Sprint(i), Values: values("a", `"x"`)}
				}
				return list
			}(), "list_max list 1000", `a="2"`},
		} {
			if err := h.SetValuesOf(ctx, "p", c.target, c.list); code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if got := h.has(t, "p", "USER", u[0]); got != c.first {
				t.Errorf("%s: left %s, want %s", c.name, got, c.first)
			}
		}
		if got := h.has(t, "p", "DEPARTMENT", u[0]); got != "a=7" {
			t.Errorf("the node has %s", got)
		}
		all, err := h.Values(ctx, "p", "USER", []string{u[2], u[1], u[0], u[0], "\xff", unknown})
		if err != nil || len(all) != 2 || len(all[u[1]]) != 2 || all[u[1]][0].Label != "The a" || all[u[1]][1].DataType != "NUMBER" {
			t.Errorf("values of several: %+v, %v", all, err)
		}
		if _, err := h.Values(ctx, "p", "USER", make([]string, 1001)); code(err) != "list_max targetIds 1000" {
			t.Error(err)
		}
		if got := h.has(t, "q", "USER", u[0]); got != "" {
			t.Errorf("another pool sees %s", got)
		}

		for _, c := range []struct {
			id, key string
			existed bool
			want    string
		}{
			{u[1], "b", true, ""}, {u[1], "b", false, ""}, {u[1], "c", false, "field_undefined c"}, {unknown, "a", false, "user_not_found"},
			{h.other[0], "a", false, "user_not_found"},
		} {
			if existed, err := h.RemoveValue(ctx, "p", "USER", c.id, c.key); existed != c.existed || code(err) != c.want {
				t.Errorf("RemoveValue %s %s: %v, %v", c.id, c.key, existed, err)
			}
		}
		if got := h.has(t, "p", "USER", u[1]); got != `a="z"` {
			t.Errorf("after removal: %s", got)
		}
		if err := h.DeleteUsers(ctx, "p", []directory.UserRef{directory.ByID(u[1])}); err != nil {
			t.Fatal(err)
		}
		if err := h.RemoveValuesOf(ctx, "p", "DEPARTMENT", []string{u[0]}); err != nil {
			t.Fatal(err)
		}
		if n := h.count(t, "field_values", "p"); n != 1 {
			t.Errorf("%d values are left", n)
		}
		if deleted, err := h.DeleteFields(ctx, "p", "USER", []string{"a", "a", "nobody", "\x00"}); err != nil || !slices.Equal(deleted, []string{"a"}) {
			t.Errorf("deleted %v, %v", deleted, err)
		}
		if n, m := h.count(t, "field_values", "p"), h.count(t, "fields", "q"); n != 0 || m != 3 {
			t.Errorf("%d values are left, %d fields in the other pool", n, m)
		}
		if f, err := h.Fields(ctx, "p", "DEPARTMENT"); err != nil || len(f) != 1 {
			t.Errorf("the nodes' field of that name: %v, %v", f, err)
		}
		if deleted, err := h.DeleteFields(ctx, "p", "USER", []string{"a"}); err != nil || len(deleted) != 0 {
			t.Errorf("deleted again %v, %v", deleted, err)
		}
		if _, err := h.DeleteFields(ctx, "p", "NONSENSE", []string{"a"}); code(err) != "field_format targetType" {
			t.Error(err)
		}
	})
}

func TestUniqueValues(t *testing.T) {
	eachGroupHall(t, 4, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		unique := func(key string, t directory.DataType, on bool) directory.FieldInput {
			return directory.FieldInput{TargetType: "USER", Key: key, DataType: t, Unique: ptr(on)}
		}
		h.setFields(t, "p", unique("s", "STRING", true), unique("n", "NUMBER", true), unique("o", "OBJECT", true), unique("d", "DATETIME", true))
		u := h.users
		for _, c := range []struct {
			name string
			list []directory.TargetValues
			want string
		}{
			{"first", []directory.TargetValues{{ID: u[0], Values: values("s", `"x"`, "n", `1`, "o", `{"a":1,"b":2}`, "d", `"2022-07-03T03:20:30Z"`)}}, ""},
			{"again by the same", []directory.TargetValues{{ID: u[0], Values: values("s", `"x"`, "n", `1.0`)}}, ""},
			{"taken", []directory.TargetValues{{ID: u[1], Values: values("s", `"x"`)}}, "field_taken s"},
			{"taken, written otherwise", []directory.TargetValues{{ID: u[1], Values: values("s", `"\u0078"`)}}, "field_taken s"},
			{"other case", []directory.TargetValues{{ID: u[1], Values: values("s", `"X"`)}}, ""},
			{"an equal number", []directory.TargetValues{{ID: u[1], Values: values("n", `10e-1`)}}, "field_taken n"},
			{"an equal object", []directory.TargetValues{{ID: u[1], Values: values("o", `{"b":2,"a":1}`)}}, "field_taken o"},
			{"an equal time", []directory.TargetValues{{ID: u[1], Values: values("d", `1656818430000`)}}, "field_taken d"},
			{"two of a batch", []directory.TargetValues{{ID: u[2], Values: values("n", `5`)}, {ID: u[3], Values: values("n", `5`)}}, "field_taken n"},
			{"one text in two fields", []directory.TargetValues{{ID: u[2], Values: values("s", `"1"`, "n", `2`)}, {ID: u[3], Values: values("s", `"2"`)}}, ""},
			{"empty text", []directory.TargetValues{{ID: u[2], Values: values("s", `""`)}, {ID: u[3], Values: values("s", `""`)}}, ""},
			{"freed", []directory.TargetValues{{ID: u[0], Values: values("s", `null`)}}, ""},
			{"and taken", []directory.TargetValues{{ID: u[1], Values: values("s", `"x"`)}}, ""},
		} {
			if err := h.SetValuesOf(ctx, "p", "USER", c.list); code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}

		h.setFields(t, "p", unique("s", "STRING", false))
		if err := h.SetValues(ctx, "p", "USER", u[0], values("s", `"x"`)); err != nil {
			t.Errorf("while it is not unique: %v", err)
		}
		if _, err := h.SetFields(ctx, "p", []directory.FieldInput{unique("s", "STRING", true)}); code(err) != "field_taken s" {
			t.Errorf("made unique with equal values: %v", err)
		}
		if err := h.SetValues(ctx, "p", "USER", u[0], values("s", `"y"`)); err != nil {
			t.Errorf("the refused change left something: %v", err)
		}
		h.setFields(t, "p", unique("s", "STRING", true))
		if err := h.SetValues(ctx, "p", "USER", u[0], values("s", `"x"`)); code(err) != "field_taken s" {
			t.Errorf("made unique: %v", err)
		}
		if _, err := h.SetFields(ctx, "p", []directory.FieldInput{{TargetType: "USER", Key: "s", DataType: "NUMBER"}}); code(err) != "field_type_fixed s" {
			t.Errorf("another type with values: %v", err)
		}
	})
}

// A field with more values than one statement takes becomes unique.
func TestMakeUniqueInBatches(t *testing.T) {
	eachGroupHall(t, 450, func(t *testing.T, h *groupHall) {
		h.setFields(t, "p", directory.FieldInput{TargetType: "USER", Key: "n", DataType: "NUMBER"})
		list := make([]directory.TargetValues, len(h.users))
		for i, id := range h.users {
			list[i] = directory.TargetValues{ID: id, Values: values("n", fmt.Sprint(i))}
		}
		if err := h.SetValuesOf(t.Context(), "p", "USER", list); err != nil {
			t.Fatal(err)
		}
		h.setFields(t, "p", directory.FieldInput{TargetType: "USER", Key: "n", Unique: ptr(true)})
		n, err := db.One[int64](t.Context(), h.d, "select count(distinct unique_value) from field_values where pool_id = 'p'")
		if err != nil || n != 450 {
			t.Fatalf("%d digests, %v", n, err)
		}
		if err := h.SetValues(t.Context(), "p", "USER", h.users[0], values("n", "449")); code(err) != "field_taken n" {
			t.Fatal(err)
		}
	})
}

func TestValueStatements(t *testing.T) {
	eachGroupHall(t, 100, func(t *testing.T, h *groupHall) {
		h.setFields(t, "p", directory.FieldInput{TargetType: "USER", Key: "a", DataType: "STRING"}, directory.FieldInput{TargetType: "USER", Key: "b", DataType: "NUMBER", Unique: ptr(true)})
		list := make([]directory.TargetValues, len(h.users))
		for i, id := range h.users {
			list[i] = directory.TargetValues{ID: id, Values: values("a", `"x"`, "b", fmt.Sprint(i))}
		}
		for _, c := range []struct {
			name string
			most int
			verb func(ctx context.Context) error
		}{
			{"one target", 9, func(ctx context.Context) error { return h.SetValuesOf(ctx, "p", "USER", list[:1]) }},
			{"100 targets", 9, func(ctx context.Context) error { return h.SetValuesOf(ctx, "p", "USER", list) }},
			{"read", 1, func(ctx context.Context) error { _, err := h.Values(ctx, "p", "USER", h.users); return err }},
		} {
			if n := h.statements(t, c.verb); n > c.most {
				t.Errorf("%s took %d statements, want at most %d", c.name, n, c.most)
			}
		}
	})
}

// Of many who want the same unique value one gets it, and writes to one target do not fail for each other.
func TestValueRace(t *testing.T) {
	eachGroupHall(t, 8, func(t *testing.T, h *groupHall) {
		h.setFields(t, "p", directory.FieldInput{TargetType: "USER", Key: "u", DataType: "STRING", Unique: ptr(true)},
			directory.FieldInput{TargetType: "USER", Key: "a", DataType: "NUMBER"}, directory.FieldInput{TargetType: "ORG", Key: "a", DataType: "NUMBER"})
		for round := range 5 {
			var wg sync.WaitGroup
			var mu sync.Mutex
			got := map[string]int{}
			for i, id := range h.users {
				wg.Go(func() {
					err := h.SetValues(t.Context(), "p", "USER", id, values("u", fmt.Sprintf(`"round %d"`, round)))
					mu.Lock()
					got[code(err)]++
					mu.Unlock()
					for _, target := range []directory.TargetType{"USER", "ORG"} {
						if err := h.SetValues(t.Context(), "p", target, h.users[0], values("a", fmt.Sprint(i))); err != nil {
							t.Errorf("one target: %v", err)
						}
					}
				})
			}
			wg.Wait()
			if got[""] != 1 || got["field_taken u"] != len(h.users)-1 {
				t.Errorf("round %d: %v", round, got)
			}
		}
	})
}

func TestSetFieldsRace(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := h.SetFields(t.Context(), "p", []directory.FieldInput{{TargetType: "USER", Key: "a", DataType: "STRING"}}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := h.count(t, "audit_log", "p"); n != 1 {
			t.Errorf("%d records of one making", n)
		}
	})
}

func TestEncryptedValuesAreNotLogged(t *testing.T) {
	eachGroupHall(t, 1, func(t *testing.T, h *groupHall) {
		h.setFields(t, "p", directory.FieldInput{TargetType: "USER", Key: "pin", DataType: "STRING", Encrypted: ptr(true)},
			directory.FieldInput{TargetType: "USER", Key: "essay", DataType: "STRING"})
		if err := h.SetValues(t.Context(), "p", "USER", h.users[0], values("pin", `"4711"`, "essay", `"`+strings.Repeat("x", 1000)+`"`)); err != nil {
			t.Fatal(err)
		}
		records, _, err := h.log.List(t.Context(), "p", audit.Filter{Resource: audit.User})
		if err != nil || len(records) != 1 {
			t.Fatal(records, err)
		}
		if text := audit.Text(records[0].After); strings.Contains(text, "4711") || !strings.Contains(text, `"customData.pin":"***"`) || len(text) > 400 {
			t.Errorf("logged %s", text)
		}
	})
}

func TestBaseFields(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		find := func(poolID, key string) directory.Field {
			fields, err := h.BaseFields(ctx, poolID)
			if err != nil || len(fields) < 40 {
				t.Fatal(len(fields), err)
			}
			for _, f := range fields {
				if f.TargetType != "USER" || f.Label == "" || f.DataType == "" || !f.I18n.IsValid() {
					t.Errorf("%+v", f)
				}
				if f.Key == key {
					return f
				}
			}
			t.Fatalf("no field %s", key)
			return directory.Field{}
		}
		if f := find("p", "company"); f.Label != "公司" || !f.UserEditable || f.DataType != "STRING" {
			t.Errorf("company is %+v", f)
		}
		for _, c := range []struct {
			name string
			list []directory.FieldInput
			want string
		}{
			{"label", []directory.FieldInput{{Key: "company", Label: ptr("Firm"), UserEditable: ptr(false), DataType: "NUMBER", Unique: ptr(true)}}, ""},
			{"again", []directory.FieldInput{{Key: "company", Description: ptr("d")}}, ""},
			{"unknown", []directory.FieldInput{{Key: "company", Label: ptr("x")}, {Key: "nobody"}}, "field_undefined nobody"},
			{"malformed key", []directory.FieldInput{{Key: "\x00"}}, "field_format key"},
			{"malformed label", []directory.FieldInput{{Key: "company", Label: ptr("\x00")}}, "field_format label"},
			{"none", nil, "list_min list 1"},
		} {
			if _, err := h.SetBaseFields(ctx, "p", c.list); code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		if f := find("p", "company"); f.Label != "Firm" || f.UserEditable || f.Description != "d" || f.DataType != "STRING" || f.Unique {
			t.Errorf("company is now %+v", f)
		}
		if f := find("q", "company"); f.Label != "公司" {
			t.Errorf("in another pool company is %+v", f)
		}
		if f := find("p", "gender"); f.DataType != "ENUM" || len(f.Options) != 3 {
			t.Errorf("gender is %+v", f)
		}
	})
}

func TestEnsureDefaults(t *testing.T) {
	eachGroupHall(t, 1, func(t *testing.T, h *groupHall) {
		for range 2 {
			if err := h.EnsureDefaults(t.Context(), "p"); err != nil {
				t.Fatal(err)
			}
		}
		fields, err := h.Fields(t.Context(), "p", "USER")
		if err != nil || len(fields) != 2 {
			t.Fatal(fields, err)
		}
		if err := h.SetValues(t.Context(), "p", "USER", h.users[0], values("school", `"x"`, "age", `3`)); err != nil {
			t.Error(err)
		}
	})
}
