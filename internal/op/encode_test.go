package op

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

type shouted string

func (u shouted) MarshalText() ([]byte, error) { return []byte("<" + u + ">"), nil }

type branch struct {
	A string   `json:"a"`
	L []string `json:"l,omitzero"`
	N *branch  `json:"n"`
}

type answered struct {
	Text    string         `json:"text"`
	Maybe   *string        `json:"maybe"`
	Left    *string        `json:"left,omitzero"`
	Int     int64          `json:"int"`
	MaybeN  *int64         `json:"maybeN"`
	Bool    bool           `json:"bool"`
	Float   float64        `json:"float"`
	Raw     jsontext.Value `json:"raw"`
	Any     any            `json:"any"`
	Map     map[string]int `json:"map"`
	Inner   branch         `json:"inner"`
	Inners  []branch       `json:"inners"`
	Method  shouted        `json:"method"`
	Skipped string         `json:"-"`
	Omitted string         `json:"omitted,omitzero"`
	Rest    jsontext.Value `json:",embed"`
}

// Whatever an answer holds, it is written as json.Marshal writes it.
func TestEncodeEqualsMarshal(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("ab\"\\\n\x00é张\u2028</")), 0, 8, -1), rapid.Just("\xff\xfeok"))
	raw := rapid.SampledFrom([]jsontext.Value{nil, jsontext.Value("null"), jsontext.Value(`{"x": [1, 2]}`), jsontext.Value(`"s"`)})
	in := rapid.Custom(func(t *rapid.T) branch {
		return branch{A: text.Draw(t, "a"), L: rapid.SliceOfN(text, 0, 2).Draw(t, "l")}
	})
	rapid.Check(t, func(t *rapid.T) {
		s := answered{Text: text.Draw(t, "text"), Maybe: rapid.Ptr(text, true).Draw(t, "maybe"), Left: rapid.Ptr(text, true).Draw(t, "left"),
			Int: rapid.Int64().Draw(t, "int"), MaybeN: rapid.Ptr(rapid.Int64(), true).Draw(t, "maybeN"), Bool: rapid.Bool().Draw(t, "bool"),
			Float: rapid.Float64Range(-1e30, 1e30).Draw(t, "float"), Raw: raw.Draw(t, "raw"), Map: map[string]int{"k": 1}, Inner: in.Draw(t, "branch"),
			Inners: rapid.SliceOfN(in, 0, 3).Draw(t, "inners"), Method: shouted(rapid.StringMatching("[a-z]*").Draw(t, "method")), Skipped: "x",
			Omitted: text.Draw(t, "omitted"), Rest: rapid.SampledFrom([]jsontext.Value{nil, jsontext.Value(`{"more":true}`)}).Draw(t, "rest")}
		if rapid.Bool().Draw(t, "deep") {
			s.Inner.N = &branch{A: "deep"}
		}
		s.Any = rapid.SampledFrom([]any{nil, 1.5, "x", true, []string{"a"}, map[string]any{"b": nil}, &s.Inner}).Draw(t, "any")
		for _, v := range []any{s, &s, []answered{s, s}, []*answered{nil, &s}, map[string]answered{"k": s}, s.Any, []any{s, nil, 3}, [0]int{}} {
			want, err := json.Marshal(v, tolerant)
			if err != nil {
				t.Fatal(err)
			}
			var a Answer
			if err := a.Encode(v); err != nil || a.String() != string(want) {
				t.Fatalf("%v\n%s\n%s", err, a.String(), want)
			}
		}
	})
}
