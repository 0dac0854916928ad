package v2

import (
	"strings"
	"testing"
)

const (
	setUdf = `mutation($t: UDFTargetType!, $k: String!, $d: UDFDataType!, $l: String!, $o: String) {
		setUdf(targetType: $t, key: $k, dataType: $d, label: $l, options: $o) { targetType dataType key label options } }`
	setUdv = `mutation($id: String!, $k: String!, $v: String!) { setUdv(targetType: USER, targetId: $id, key: $k, value: $v) { key value dataType label } }`
)

func TestCustomFields(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		steps := []step{
			{send: createUser, with: `{"u": {"username": "ann"}}`, save: "ann=createUser.id"},
			{send: createUser, with: bob, save: "bob=createUser.id"},
			{send: `mutation {createRole(code: "admin") {id}}`, save: "role=createRole.id"},

			{name: "those that every pool has", send: `{udf(targetType: USER) {key dataType label options targetType}}`,
				want: `{"udf": [{"key": "age", "dataType": "NUMBER", "label": "年龄", "options": null, "targetType": "USER"}, {"key": "school", "dataType": "STRING"}]}`},
			{name: "set", send: setUdf, with: `{"t": "USER", "k": "size", "d": "SELECT", "l": "Size", "o": "[{\"value\":\"XL\",\"label\":\"Large\"}]"}`,
				want: `{"setUdf": {"targetType": "USER", "dataType": "SELECT", "key": "size", "label": "Size", "options": "[{\"value\":\"XL\",\"label\":\"Large\"}]"}}`},
			{name: "set again", send: setUdf, with: `{"t": "USER", "k": "size", "d": "SELECT", "l": "Sizes"}`, want: `{"setUdf": {"label": "Sizes", "options": "*"}}`},
			{name: "set for departments", send: setUdf, with: `{"t": "NODE", "k": "size", "d": "NUMBER", "l": "Size"}`, want: `{"setUdf": {"targetType": "NODE", "dataType": "NUMBER"}}`},
			{name: "set for roles", send: setUdf, with: `{"t": "ROLE", "k": "rank", "d": "NUMBER", "l": "Rank"}`, want: `{"setUdf": {"targetType": "ROLE"}}`},
			{name: "each target has its own", send: `{udf(targetType: NODE) {key}}`, want: `{"udf": [{"key": "size"}]}`},
			{name: "an unknown type", send: setUdf, with: `{"t": "USER", "k": "k1", "d": "NONSENSE", "l": "L"}`, want: `!400`},
			{name: "an unknown target", send: setUdf, with: `{"t": "NONSENSE", "k": "k1", "d": "STRING", "l": "L"}`, want: `!400`},
			{name: "an empty key", send: setUdf, with: `{"t": "USER", "k": "", "d": "STRING", "l": "L"}`, want: `!400`},
			{name: "a long key", send: setUdf, with: `{"t": "USER", "k": "` + strings.Repeat("k", 1000) + `", "d": "STRING", "l": "L"}`, want: `!400`},
			{name: "no label", send: setUdf, with: `{"t": "USER", "k": "k1", "d": "STRING"}`, want: `!400`},
			{name: "options that are none", send: setUdf, with: `{"t": "USER", "k": "k1", "d": "SELECT", "l": "L", "o": "XL"}`, want: `!400`},
		}
		// What is given as JSON text comes back as text; what is of a wrong type is refused.
		for _, f := range []struct {
			key, dataType, given, shown string
			wrong                       []string
		}{
			{"text", "STRING", `"a \"b\"\n大学"`, "a \"b\"\n大学", []string{`11`, `true`, `{}`, `no JSON`, ``, `"a" "b"`, "\"\x00\"", `"\u0000"`}},
			{"number", "NUMBER", ` 20.5 `, "20.5", []string{`"18"`, `true`}},
			{"flag", "BOOLEAN", `false`, "false", []string{`"ok"`, `0`}},
			{"moment", "DATETIME", `1656818430000`, "1656818430000", []string{`"yesterday"`, `true`}},
			{"day", "DATETIME", `"2022-07-03T03:20:30Z"`, "2022-07-03T03:20:30Z", []string{`{}`}},
			{"object", "OBJECT", `{"a": [1, {"b": null}]}`, `{"a":[1,{"b":null}]}`, []string{`"text"`, `3`, `{"a":1,"a":2}`}},
			{"size", "SELECT", `"XL"`, "XL", []string{`"XXL"`, `1`}},
		} {
			steps = append(steps,
				step{name: "define " + f.key, send: setUdf, with: vars("t", "USER", "k", f.key, "d", f.dataType, "l", "L")},
				step{name: "give " + f.key, send: setUdv, with: vars("id", "$ann", "k", f.key, "v", f.given)},
				step{name: "read " + f.key, send: `{user(id: "$ann") {customData {key value dataType label}}}`,
					want: `{"user": {"customData": [` + vars("key", f.key, "value", f.shown, "dataType", f.dataType, "label", "L") + `]}}`})
			for _, wrong := range f.wrong {
				steps = append(steps, step{name: "give " + f.key + " " + wrong, send: setUdv, with: vars("id", "$ann", "k", f.key, "v", wrong), want: "!400"})
			}
			steps = append(steps,
				step{name: "a refused value changes nothing", send: `{udv(targetType: USER, targetId: "$ann") {value}}`, want: `{"udv": [` + vars("value", f.shown) + `]}`},
				step{name: "take " + f.key, send: `mutation {removeUdv(targetType: USER, targetId: "$ann", key: "` + f.key + `") {key}}`, want: `{"removeUdv": []}`})
		}
		h.run(t, append(steps, []step{
			{name: "several", send: `mutation {setUdvBatch(targetType: USER, targetId: "$ann", udvList: [{key: "age", value: "3"}, {key: "school", value: "\"MIT\""}]) {key value}}`,
				want: `{"setUdvBatch": [{"key": "age", "value": "3"}, {"key": "school", "value": "MIT"}]}`},
			{name: "several, all or none", send: `mutation {setUdvBatch(targetType: USER, targetId: "$ann", udvList: [{key: "age", value: "4"}, {key: "nonsense", value: "1"}]) {key}}`, want: `!400`},
			{name: "none of several", send: `{udv(targetType: USER, targetId: "$ann") {key value}}`, want: `{"udv": [{"value": "3"}, {"value": "MIT"}]}`},
			{name: "no value takes one away", send: `mutation {setUdvBatch(targetType: USER, targetId: "$ann", udvList: [{key: "age"}]) {key}}`, want: `{"setUdvBatch": [{"key": "school"}]}`},
			{name: "nothing", send: `mutation {setUdvBatch(targetType: USER, targetId: "$ann", udvList: []) {key}}`, want: `!400`},
			{name: "no list", send: `mutation {setUdvBatch(targetType: USER, targetId: "$ann") {key}}`, want: `!400`},
			{name: "values of nobody", send: `mutation {setUdv(targetType: USER, targetId: "$nobody", key: "age", value: "1") {key}}`, want: `!2004`},
			{name: "values of an empty id", send: `mutation {setUdv(targetType: USER, targetId: "", key: "age", value: "1") {key}}`, want: `!400`},
			{name: "list nobody's", send: `{udv(targetType: USER, targetId: "$nobody") {key}}`, want: `!2004`},
			{name: "take nobody's", send: `mutation {removeUdv(targetType: USER, targetId: "$nobody", key: "age") {key}}`, want: `!2004`},
			{name: "take an undefined one", send: `mutation {removeUdv(targetType: USER, targetId: "$ann", key: "nonsense") {key}}`, want: `!400`},

			{name: "a role's, by its id", send: `mutation {setUdv(targetType: ROLE, targetId: "$role", key: "rank", value: "7") {key value dataType}}`,
				want: `{"setUdv": [{"key": "rank", "value": "7", "dataType": "NUMBER"}]}`},
			{name: "a role's, by its code", send: `mutation {setUdv(targetType: ROLE, targetId: "admin", key: "rank", value: "7") {key}}`, want: `!404`},
			{name: "the pool's", send: `{udv(targetType: USERPOOL, targetId: "$one") {key}}`, want: `{"udv": []}`},
			{name: "another pool's", send: `{udv(targetType: USERPOOL, targetId: "$two") {key}}`, want: `!2224`},
			{name: "an application's", send: `{udv(targetType: APPLICATION, targetId: "$app") {key}}`, want: `{"udv": []}`},
			{name: "another pool's application's", send: `{udv(targetType: APPLICATION, targetId: "$app2") {key}}`, want: `!2011`},
			{name: "a department's", send: `{udv(targetType: NODE, targetId: "$nobody") {key}}`, want: `!404`},

			{name: "many", send: `mutation($i: [SetUdfValueBatchInput!]!) {setUdfValueBatch(targetType: USER, input: $i) {code message}}`,
				with: `{"i": [{"targetId": "$ann", "key": "age", "value": "1"}, {"targetId": "$bob", "key": "age", "value": "2"}, {"targetId": "$ann", "key": "school", "value": "\"A\""}]}`,
				want: `{"setUdfValueBatch": {"code": 200}}`},
			{name: "one for each that is asked for", send: `{udfValueBatch(targetType: USER, targetIds: ["$bob", "$nobody", "$ann"]) {targetId data {key value label}}}`,
				want: `{"udfValueBatch": [{"targetId": "$bob", "data": [{"key": "age", "value": "2", "label": "年龄"}]}, {"targetId": "$nobody", "data": []},
					{"targetId": "$ann", "data": [{"value": "1"}, {"value": "A"}]}]}`},
			{name: "null is nobody", send: `{udfValueBatch(targetType: USER, targetIds: [null]) {targetId}}`, want: `!400`},
			{name: "many, all or none", send: `mutation($i: [SetUdfValueBatchInput!]!) {setUdfValueBatch(targetType: USER, input: $i) {code}}`,
				with: `{"i": [{"targetId": "$ann", "key": "age", "value": "9"}, {"targetId": "$nobody", "key": "age", "value": "9"}]}`, want: `!2004`},
			{name: "many of roles that are none", send: `mutation($i: [SetUdfValueBatchInput!]!) {setUdfValueBatch(targetType: ROLE, input: $i) {code}}`,
				with: `{"i": [{"targetId": "$role", "key": "rank", "value": "9"}, {"targetId": "$nobody", "key": "rank", "value": "9"}]}`, want: `!404`},
			{name: "many of nothing", send: `mutation {setUdfValueBatch(targetType: USER, input: []) {code}}`, want: `!400`},
			{name: "none of many", send: `{udv(targetType: USER, targetId: "$ann") {value}}`, want: `{"udv": [{"value": "1"}, {"value": "A"}]}`},

			{name: "how many use a field", send: "GET /api/v2/analysis/exist-defined-field-count?definedFieldKey=age", want: `2`},
			{name: "in an application", send: "GET /api/v2/analysis/exist-defined-field-count?definedFieldKey=age&appId=$app", want: `0`},
			{name: "how many use an unknown one", send: "GET /api/v2/analysis/exist-defined-field-count?definedFieldKey=nonsense", want: `!400`},
			{name: "how many use none", send: "GET /api/v2/analysis/exist-defined-field-count", want: `!400`},

			{name: "the type of a used field stays", send: setUdf, with: `{"t": "USER", "k": "age", "d": "STRING", "l": "L"}`, want: `!422`},
			{name: "remove", send: `mutation {removeUdf(targetType: USER, key: "age") {code}}`, want: `{"removeUdf": {"code": 200}}`},
			{name: "its values went with it", send: `{udv(targetType: USER, targetId: "$ann") {key}}`, want: `{"udv": [{"key": "school"}]}`},
			{name: "remove again", send: `mutation {removeUdf(targetType: USER, key: "age") {code}}`, want: `!404`},
		}...))
	})
}
