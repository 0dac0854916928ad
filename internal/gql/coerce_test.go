package gql

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCoerce(t *testing.T) {
	const bad = "bad "
	for name, c := range map[string]struct {
		declare   string // what comes between query( and )
		arguments string
		variables string
		want      string // the arguments as JSON, without d and n unless they are given; or bad and part of the message
	}{
		"Int":                       {`$v: Int`, `i: $v`, `{"v": 12}`, `{"i":12}`},
		"Int, whole float":          {`$v: Int`, `i: $v`, `{"v": 12.0}`, `{"i":12}`},
		"Int, literal":              {``, `i: -3`, ``, `{"i":-3}`},
		"Int, fraction":             {`$v: Int`, `i: $v`, `{"v": 1.5}`, bad + `variable "v": expected an integer of 32 bits, found a number`},
		"Int, text":                 {`$v: Int`, `i: $v`, `{"v": "12"}`, bad + `variable "v": expected an integer of 32 bits, found a string`},
		"Int, boolean":              {`$v: Int`, `i: $v`, `{"v": true}`, bad + `found a boolean`},
		"Int, too large":            {`$v: Int`, `i: $v`, `{"v": 2147483648}`, bad + `variable "v": expected an integer of 32 bits`},
		"Int, smallest":             {`$v: Int`, `i: $v`, `{"v": -2147483648}`, `{"i":-2147483648}`},
		"Int, literal too large":    {``, `i: 2147483648`, ``, bad + `argument "i": expected an integer of 32 bits`},
		"Int, literal of 30 digits": {``, `i: 123456789012345678901234567890`, ``, bad + `Int`},
		"Int, literal text":         {``, `i: "1"`, ``, bad + `Int cannot represent`},
		"Float":                     {`$v: Float`, `f: $v`, `{"v": 1.5}`, `{"f":1.5}`},
		"Float of Int":              {`$v: Float`, `f: $v`, `{"v": 2}`, `{"f":2}`},
		"Float, literal Int":        {``, `f: 2`, ``, `{"f":2}`},
		"Float, literal":            {``, `f: 1e3`, ``, `{"f":1000}`},
		"Float, literal too large":  {``, `f: 1e999`, ``, bad + `out of range`},
		"Float, text":               {`$v: Float`, `f: $v`, `{"v": "2"}`, bad + `expected a number`},
		"String":                    {`$v: String`, `s: $v`, `{"v": "x"}`, `{"s":"x"}`},
		"String, empty":             {`$v: String`, `s: $v`, `{"v": ""}`, `{"s":""}`},
		"String, block literal":     {``, "s: \"\"\"\n  a\n    b\n\"\"\"", ``, `{"s":"a\n  b"}`},
		"String, escaped literal":   {``, `s: "\u00e9\n\""`, ``, `{"s":"é\n\""}`},
		"String, number":            {`$v: String`, `s: $v`, `{"v": 5}`, bad + `variable "v": expected a string, found a number`},
		"String, list":              {`$v: String`, `s: $v`, `{"v": ["a"]}`, bad + `found a list`},
		"String, object":            {`$v: String`, `s: $v`, `{"v": {}}`, bad + `found an object`},
		"Boolean":                   {`$v: Boolean`, `b: $v`, `{"v": false}`, `{"b":false}`},
		"Boolean, number":           {`$v: Boolean`, `b: $v`, `{"v": 1}`, bad + `expected a boolean`},
		"Boolean, text":             {`$v: Boolean`, `b: $v`, `{"v": "true"}`, bad + `expected a boolean`},
		"ID":                        {`$v: ID`, `id: $v`, `{"v": "a"}`, `{"id":"a"}`},
		"ID of Int":                 {`$v: ID`, `id: $v`, `{"v": 12}`, `{"id":"12"}`},
		"ID, literal Int":           {``, `id: 12`, ``, `{"id":"12"}`},
		"ID, fraction":              {`$v: ID`, `id: $v`, `{"v": 1.5}`, bad + `expected a string or an integer`},
		"enum":                      {`$v: Colour`, `c: $v`, `{"v": "GREEN"}`, `{"c":"GREEN"}`},
		"enum, literal":             {``, `c: GREEN`, ``, `{"c":"GREEN"}`},
		"enum, unknown":             {`$v: Colour`, `c: $v`, `{"v": "BEIGE"}`, bad + `variable "v": expected a value of the enum Colour, found a string`},
		"enum, case":                {`$v: Colour`, `c: $v`, `{"v": "green"}`, bad + `enum Colour`},
		"enum, literal text":        {``, `c: "GREEN"`, ``, bad + `enum`},
		"enum, literal unknown":     {``, `c: BEIGE`, ``, bad + `BEIGE`},
		"list":                      {`$v: [Int]`, `l: $v`, `{"v": [1, null, 2]}`, `{"l":[1,null,2]}`},
		"list, empty":               {`$v: [Int]`, `l: $v`, `{"v": []}`, `{"l":[]}`},
		"list of one":               {`$v: [Int]`, `l: $v`, `{"v": 4}`, `{"l":[4]}`},
		"list of one, literal":      {``, `l: 4`, ``, `{"l":[4]}`},
		"list, literal":             {`$v: Int`, `l: [1, $v, null]`, `{"v": 2}`, `{"l":[1,2,null]}`},
		"list, literal with gap":    {`$v: Int`, `l: [1, $v]`, `{}`, `{"l":[1,null]}`},
		"list, bad item":            {`$v: [Int]`, `l: $v`, `{"v": [1, "x"]}`, bad + `variable "v": expected an integer of 32 bits, found a string at v[1]`},
		"list of one, bad":          {`$v: [Int]`, `l: $v`, `{"v": "x"}`, bad + `found a string`},
		"list of lists":             {`$v: [[Int!]]`, `ll: $v`, `{"v": [[1], null, 2]}`, `{"ll":[[1],null,[2]]}`},
		"list of lists, one":        {`$v: [[Int!]]`, `ll: $v`, `{"v": 2}`, `{"ll":[[2]]}`},
		"list of lists, null item":  {`$v: [[Int!]]`, `ll: $v`, `{"v": [[1, null]]}`, bad + `must not be null at v[0][1]`},
		"Object":                    {`$v: Object`, `o: $v`, `{"v": {"a": [1, "x", null, {"b": 1.5}]}}`, `{"o":{"a":[1,"x",null,{"b":1.5}]}}`},
		"Object, scalar":            {`$v: Object`, `o: $v`, `{"v": 7}`, `{"o":7}`},
		"Object, literal":           {`$v: Int`, `o: {a: 1, b: [E, $v], c: "x", d: $v}`, `{"v": 3}`, `{"o":{"a":1,"b":["E",3],"c":"x","d":3}}`},
		"Object, huge literal":      {``, `o: 1e999`, ``, bad + `out of range`},
		"input":                     {`$v: Shape`, `shape: $v`, `{"v": {"points": [{"x": 1, "label": null}], "colour": "BLUE"}}`, `{"shape":{"colour":"BLUE","points":[{"label":null,"x":1,"y":7}]}}`},
		"input, defaults":           {`$v: Shape`, `shape: $v`, `{"v": {"points": {"x": 1, "y": 0}}}`, `{"shape":{"colour":"RED","points":[{"x":1,"y":0}]}}`},
		"input, literal":            {`$x: Int!, $y: Int, $l: String`, `shape: {points: [{x: $x, y: $y, label: $l}], next: {points: []}}`, `{"x": 1, "l": "z"}`, `{"shape":{"colour":"RED","next":{"colour":"RED","points":[]},"points":[{"label":"z","x":1,"y":7}]}}`},
		"input, variable inside":    {`$p: [Point!]!`, `shape: {points: $p}`, `{"p": {"x": 3}}`, `{"shape":{"colour":"RED","points":[{"x":3,"y":7}]}}`},
		"input, unknown field":      {`$v: Shape`, `shape: $v`, `{"v": {"points": [], "size": 1}}`, bad + `variable "v": Shape has no such field at v.size`},
		"input, missing field":      {`$v: Shape`, `shape: $v`, `{"v": {"points": [{"y": 1}]}}`, bad + `variable "v": a value of type Int! is required at v.points[0].x`},
		"input, null field":         {`$v: Shape`, `shape: $v`, `{"v": {"points": null}}`, bad + `must not be null at v.points`},
		"input, deep":               {`$v: Shape`, `shape: $v`, `{"v": {"points": [], "next": {"points": [{"x": 1}, {"x": "1"}]}}}`, bad + `at v.next.points[1].x`},
		"input, not an object":      {`$v: Shape`, `shape: $v`, `{"v": "x"}`, bad + `expected an object of type Shape, found a string`},
		"input, literal unknown":    {``, `shape: {points: [], size: 1}`, ``, bad + `size`},
		"input, literal missing":    {``, `shape: {}`, ``, bad + `points`},
		"null":                      {`$v: Int`, `i: $v`, `{"v": null}`, `{"i":null}`},
		"null, literal":             {``, `i: null`, ``, `{"i":null}`},
		"absent":                    {`$v: Int`, `i: $v`, `{}`, `{}`},
		"undeclared is ignored":     {`$v: Int`, `i: $v`, `{"v": 1, "w": {}}`, `{"i":1}`},
		"required":                  {`$v: Int!`, `i: $v`, `{}`, bad + `variable "v": a value of type Int! is required`},
		"required, null":            {`$v: Int!`, `i: $v`, `{"v": null}`, bad + `variable "v": must not be null`},
		"default of variable":       {`$v: Int = 3`, `i: $v`, `{}`, `{"i":3}`},
		"default, given":            {`$v: Int = 3`, `i: $v`, `{"v": 4}`, `{"i":4}`},
		"default, null given":       {`$v: Int = 3`, `i: $v`, `{"v": null}`, `{"i":null}`},
		"default, bad":              {`$v: Int = "x"`, `i: $v`, `{}`, bad + `Int`},
		"default of an input":       {`$v: Shape = {points: {x: 1}}`, `shape: $v`, `{}`, `{"shape":{"colour":"RED","points":[{"x":1,"y":7}]}}`},
		"default of argument":       {`$v: Int`, `d: $v`, `{}`, `{"d":5}`},
		"argument default, null":    {`$v: Int`, `d: $v`, `{"v": null}`, `{"d":null}`},
		"non-null by default":       {`$v: String`, `n: $v`, `{}`, `{"n":"x"}`},
		"non-null, null":            {`$v: String`, `n: $v`, `{"v": null}`, bad + `argument "n": must not be null`},
		"wrong position":            {`$v: String`, `i: $v`, `{"v": "x"}`, bad + `used in position expecting`},
		"unused variable":           {`$v: String`, `i: 1`, `{"v": "x"}`, bad + `never used`},
		"undefined variable":        {``, `i: $v`, `{"v": 1}`, bad + `not defined`},
		"unknown type":              {`$v: Nothing`, `i: $v`, `{"v": 1}`, bad + `Nothing`},
		"output type":               {`$v: House`, `o: $v`, `{"v": {}}`, bad + `"House"`},
		"unknown argument":          {``, `zzz: 1`, ``, bad + `zzz`},
	} {
		t.Run(name, func(t *testing.T) {
			s := town(t, Limits{})
			query := "{ echo(" + c.arguments + ") }"
			if c.declare != "" {
				query = "query(" + c.declare + ") " + query
			}
			var variables map[string]any
			if c.variables != "" {
				if err := json.Unmarshal([]byte(c.variables), &variables); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // planned, then from the cache
				r := s.Execute(t.Context(), Request{Query: query, Variables: variables})
				if want, fails := strings.CutPrefix(c.want, bad); fails {
					var d *DocumentError
					if len(r.Errors) == 0 || !errors.As(r.Errors[0], &d) || !strings.Contains(d.Message, want) {
						t.Fatalf("data %s errors %v; want an error with %q", r.Data, r.Errors, want)
					}
					if isVariable := strings.HasPrefix(d.Message, "variable") || strings.HasPrefix(d.Message, "argument"); isVariable != (d.Kind == Variable && d.Name != "") {
						t.Errorf("kind %d, name %q of %q", d.Kind, d.Name, d.Message)
					}
					return
				}
				if r.Errors != nil {
					t.Fatal(r.Errors[0])
				}
				var got struct{ Echo map[string]any }
				if err := json.Unmarshal(r.Data, &got); err != nil {
					t.Fatal(err)
				}
				for name, value := range map[string]any{"d": 5.0, "n": "x"} {
					if got.Echo[name] == value && !strings.HasPrefix(c.arguments, name+":") {
						delete(got.Echo, name)
					}
				}
				text, _ := json.Marshal(got.Echo)
				if string(text) != c.want {
					t.Errorf("\n got %s\nwant %s", text, c.want)
				}
			}
		})
	}
}

func TestFaultsDoNotRepeatVariables(t *testing.T) {
	const secret = "hunter2"
	for query, variables := range map[string]map[string]any{
		`query($v: Int) { echo(i: $v) }`:       {"v": secret},
		`query($v: Colour) { echo(c: $v) }`:    {"v": secret},
		`query($v: [[Int!]]) { echo(ll: $v) }`: {"v": []any{secret}},
		`query($v: Shape) { echo(shape: $v) }`: {"v": map[string]any{"points": secret}},
	} {
		r := town(t, Limits{}).Execute(t.Context(), Request{Query: query, Variables: variables})
		if len(r.Errors) != 1 || strings.Contains(r.Errors[0].Error(), secret) {
			t.Errorf("%s: %v", query, r.Errors)
		}
	}
}

func TestArgsDecode(t *testing.T) {
	type point struct {
		X int  `json:"x"`
		Y *int `json:"y"`
	}
	type into struct {
		Name   string   `json:"name"`
		Limit  int      `json:"limit"`
		Page   *int     `json:"page"`
		Gone   *string  `json:"gone"`
		Colour colour   `json:"colour"`
		IDs    []string `json:"ids"`
		Point  *point   `json:"point"`
		Extra  any      `json:"extra"`
	}
	two := 2
	got := into{Limit: 10, Name: "old"}
	args := Args{"name": "n\xff", "page": 2, "gone": nil, "colour": "RED", "ids": []any{"a"}, "point": map[string]any{"x": 1}, "extra": map[string]any{"a": 1.5}, "other": true}
	if err := args.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := into{Name: "n\uFFFD", Limit: 10, Page: &two, Colour: "RED", IDs: []string{"a"}, Point: &point{X: 1}, Extra: map[string]any{"a": 1.5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := Args(nil).Decode(&got); err != nil {
		t.Errorf("no arguments: %v", err)
	}
	if err := (Args{"limit": "x"}).Decode(&got); err == nil || !strings.Contains(err.Error(), "gql.into") {
		t.Errorf("a wrong Go type decodes: %v", err)
	}
}
