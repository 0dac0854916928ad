package v3

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/op"
)

// unlike lists where the contract's description is known to be wrong or is left behind, with the reason: by operation for
// answers, by operation and field for requests, by DTO and member for members that it lacks.
var unlike = map[string]string{
	"DepartmentDto.appList":  "the contract gives getDepartmentAllApp the answer of a department, its description the applications that let it in",
	"listUserBaseFields":     "the description repeats the request as the answer",
	"listCustFields":         "the description repeats the request as the answer",
	"GroupDto.customData":    "sent when withCustomData asks for it",
	"ResGroupDto.customData": "sent when withCustomData asks for it",

	"CheckRoleParamsRespDto.message": "a text, sent where there is something to tell; the description has a boolean",

	"addWhitelist":        "the description shows one entry of the list",
	"listWhitelists":      "the description shows one entry of the list",
	"addWhitelistOfApp":   "the description shows one entry of the list",
	"listWhitelistsOfApp": "the description shows one entry of the list",

	"DepartmentPagingDto.totalCount": "a number, which the description calls a flag",
	"CreatePostDto.departmentIdList": "a list, as in PostInfoDto",
	"updateNodeStatus":               "the description names an empty type of another product",

	"listResources":      "the description puts an envelope into the page",
	"listCommonResource": "the description puts an envelope into the page",
	"listNamespaceRoles": "the description shows one entry of the page",

	"getVerifyConfigApp": "the description shows one entry of the list",

	"previewEmailTemplate": "the description leaves the envelope out",

	"GetSubjectAuthDataDto.allowed": "ours: the description does not say what was decided",

	"initAuthenticationOptions.account":  "ours: whose passkeys are asked for",
	"webAuthnLoginInitalize.account":     "ours: whose passkeys are asked for",
	"webAuthnRegisterFinalize.*":         "the description has no body",
	"webAuthnAdminInitialize.*":          "the description has no body",
	"webAuthnAdminRegisterFinalize.*":    "the description has no body",
	"listCredentialsByPage.*":            "the description has an empty body",
	"checkValidCredentialsByCredIds.*":   "the description has an empty body",
	"removeAllCredentials.*":             "the description has an empty body",
	"removeCredential.*":                 "the description spells the path otherwise",
	"updateWebAuthnCredential.name":      "the description calls the body requestBody",
	"updateWebAuthnAdminCredential.name": "the description calls the body requestBody",

	"listUsers.page":              "older clients send it beside options",
	"listUsers.limit":             "older clients send it beside options",
	"listUsers.withCustomData":    "older clients send it beside options",
	"listUsers.withIdentities":    "older clients send it beside options",
	"listUsers.withDepartmentIds": "older clients send it beside options",
}

func TestContract(t *testing.T) {
	c := readContract(t)
	ops := slices.DeleteFunc(New(Options{}).Operations(), func(o op.Op) bool { return strings.HasPrefix(o.Path, "/api/v3/x/") }) // those are our own
	for i := range ops {
		for _, problem := range c.check(&ops[i]) {
			t.Errorf("%s: %s", ops[i].Name, problem)
		}
	}
	have, missing := coverage(ops)
	if len(have) != len(ops) && !t.Failed() {
		t.Errorf("%d operations stand for %d rows: one is there twice", len(ops), len(have))
	}
	t.Logf("served %d of %d operations\n%s", len(have), len(operations), table(have, missing))
}

func table(have, missing []operation) string {
	type count struct{ served, all int }
	domains := map[string]*count{}
	at := func(o operation) *count {
		key := fmt.Sprintf("%-15s %-7s %s", o.Client, o.Tier, o.Domain)
		if domains[key] == nil {
			domains[key] = new(count)
		}
		domains[key].all++
		return domains[key]
	}
	for _, o := range have {
		at(o).served++
	}
	for _, o := range missing {
		at(o)
	}
	var lines []string
	for name, n := range domains {
		lines = append(lines, fmt.Sprintf("%-45s %3d of %3d", name, n.served, n.all))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// contract is what the description says of the operations in operations_gen.go.
type contract struct {
	requests map[string]map[string]bool // field names, by "METHOD /path"
	models   map[string]map[string]member
	inside   map[string]bool // types that are being compared: one may contain itself
}

type member struct {
	Type     string
	Required bool
	Enum     []any
}

func readContract(t testing.TB) contract {
	c := contract{requests: map[string]map[string]bool{}, inside: map[string]bool{}}
	read := func(name string, into any) {
		b, err := os.ReadFile("../../contract/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	read("v3-models.json", &c.models)
	for _, name := range []string{"v3-management.json", "v3-authentication.json"} {
		var rows []struct {
			Method, Path string
			Request      *struct{ Fields []struct{ Name string } }
		}
		read(name, &rows)
		for _, r := range rows {
			key := r.Method + " " + r.Path
			if c.requests[key] == nil {
				c.requests[key] = map[string]bool{}
			}
			if r.Request != nil {
				for _, f := range r.Request.Fields {
					c.requests[key][f.Name] = true
				}
			}
		}
	}
	return c
}

// check compares a served operation with its row, and returns the differences.
func (c contract) check(o *op.Op) (problems []string) {
	at := slices.IndexFunc(operations, func(row operation) bool { return row.Method == o.Method && row.Path == o.Path })
	if at < 0 {
		return []string{o.Pattern() + " is not in the contract"}
	}
	row := operations[at]
	if row.Name != o.Name && !slices.Contains(row.Also, o.Name) {
		problems = append(problems, "the contract calls it "+row.Name)
	}

	asked, known := argumentNames(o.In()), c.requests[o.Pattern()]
	for name := range asked {
		if !known[name] && unlike[o.Name+"."+name] == "" && unlike[o.Name+".*"] == "" {
			problems = append(problems, "the request has no field "+name)
		}
	}
	for name := range known {
		if !asked[name] && name != "requestBody" { // the whole body
			problems = append(problems, "the request's field "+name+" is not read")
		}
	}

	if unlike[o.Name] == "" {
		problems = append(problems, c.checkAnswer(row.Response, o.Out())...)
	}
	slices.Sort(problems)
	return problems
}

func argumentNames(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		for _, tag := range []string{"path", "query"} {
			if n, ok := f.Tag.Lookup(tag); ok {
				name = n
			}
		}
		switch {
		case f.Anonymous && name == "":
			for n := range argumentNames(f.Type) {
				names[n] = true
			}
		case f.IsExported() && name != "-":
			names[name] = true
		}
	}
	return names
}

// checkAnswer compares the data of an answer with the DTO of the whole envelope.
func (c contract) checkAnswer(response string, out reflect.Type) []string {
	envelope, ok := c.models[response]
	if !ok {
		return nil // the contract does not describe it
	}
	none := out == reflect.TypeFor[struct{}]()
	if _, wrapped := envelope["statusCode"]; !wrapped {
		return c.checkType("data", response, out) // a few rows name the data itself
	}
	data, has := envelope["data"]
	switch {
	case has && none:
		return []string{"the answer has no data, the contract has"}
	case !has && !none:
		return []string{"the answer has data, the contract has none"}
	case none:
		return nil
	}
	return c.checkType("data", data.Type, out)
}

var marshalers = []reflect.Type{reflect.TypeFor[jsonv2.Marshaler](), reflect.TypeFor[jsonv2.MarshalerTo](),
	reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()}

// checkType compares a Go type with a type of the contract. What marshals itself, maps and any are leaves.
func (c contract) checkType(where, want string, t reflect.Type) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	leaf := t == reflect.TypeFor[jsontext.Value]() || t.Kind() == reflect.Map || t.Kind() == reflect.Interface
	for _, m := range marshalers {
		leaf = leaf || t.Implements(m) || reflect.PointerTo(t).Implements(m)
	}
	// Trees contain themselves: what holds eight levels down holds below.
	if leaf || want == "any" || strings.Contains(want, "|") || strings.Count(where, ".") > 8 {
		return nil
	}
	differs := []string{fmt.Sprintf("%s is a %v, in the contract %s", where, t, want)}
	if elem, list := strings.CutSuffix(want, "[]"); list {
		if t.Kind() != reflect.Slice {
			return differs
		}
		return c.checkType(where+"[]", elem, t.Elem())
	}
	fits := func(kinds ...reflect.Kind) []string {
		if slices.Contains(kinds, t.Kind()) {
			return nil
		}
		return differs
	}
	switch want {
	case "string":
		return fits(reflect.String)
	case "boolean":
		return fits(reflect.Bool)
	case "number":
		return fits(reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64)
	}
	if problems := fits(reflect.Struct); problems != nil || len(c.models[want]) == 0 {
		return problems
	}

	pair := want + " " + t.String()
	if c.inside[pair] {
		return nil
	}
	c.inside[pair] = true
	defer delete(c.inside, pair)
	var problems []string
	have := map[string]bool{}
	var fields func(t reflect.Type)
	fields = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			embedded := f.Type
			for embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			switch {
			case f.Anonymous && name == "" || strings.Contains(options, "embed"):
				if embedded.Kind() == reflect.Struct {
					fields(embedded)
				}
				continue
			case !f.IsExported() || name == "-":
				continue
			case name == "":
				name = f.Name
			}
			have[name] = true
			m, known := c.models[want][name]
			switch {
			case unlike[want+"."+name] != "":
			case !known:
				problems = append(problems, fmt.Sprintf("%s.%s is unknown to %s", where, name, want))
			default:
				problems = append(problems, c.checkType(where+"."+name, m.Type, f.Type)...)
			}
		}
	}
	fields(t)
	for name, m := range c.models[want] {
		if m.Required && !have[name] && unlike[want+"."+name] == "" {
			problems = append(problems, fmt.Sprintf("%s lacks %s of %s", where, name, want))
		}
	}
	return problems
}

// The harness must see each kind of difference.
func TestContractCheck(t *testing.T) {
	c := readContract(t)
	type paged struct {
		PaginationDto
		StartAt *int64 `json:"startAt"`
	}
	type success struct {
		Success bool `json:"success"`
	}
	type loose struct {
		Success any                       `json:"success"`
		Rest    map[string]jsontext.Value `json:",embed"`
	}
	type key struct {
		ID     string         `json:"accessKeyId"`
		Secret jsontext.Value `json:"accessKeySecret"`
		UserID *string        `json:"userId"`
	}
	type fullKey struct {
		key
		CreatedAt string `json:"createdAt"`
		Status    string `json:"status"`
		LastDate  string `json:"lastDate"`
		PoolID    string `json:"userPoolId"`
		Enable    bool   `json:"enable"`
	}
	type extraKey struct {
		fullKey
		Colour string `json:"colour"`
	}
	type textualKey struct {
		fullKey
		Enable string `json:"enable"`
	}
	for _, x := range []struct {
		name string
		op   op.Op
		want []string
	}{
		{"right", op.Post("/api/v3/delete-users-batch", "deleteUsersBatch", op.ManagementKey, call[DeleteUsersBatchDto, success]), nil},
		{"right, by leaves", op.Post("/api/v3/delete-users-batch", "deleteUsersBatch", op.ManagementKey, call[DeleteUsersBatchDto, loose]), nil},
		{"right, embedded", op.Get("/api/v3/list-archived-users", "listArchivedUsers", op.ManagementKey, call[paged, any]), nil},
		{"right, list", op.Get("/api/v3/list-access-key", "getAccessKeyList", op.ManagementKey, call[GetAccessKeyListParams, []fullKey]), nil},
		{"right, second name", op.Post("/api/v3/pub-event", "pub", op.ManagementKey, call[struct {
			Type   string         `json:"eventType"`
			Source string         `json:"source"`
			Data   jsontext.Value `json:"eventData"`
		}, any]), nil},
		{"right, no data", op.Post("/api/v3/delete-access-key", "deleteAccessKey", op.ManagementKey, call[DeleteAccessKeyDto, struct{}]), nil},
		{"path", op.Post("/api/v3/create-usr", "createUser", op.ManagementKey, call[CreateUserReqDto, any]),
			[]string{"POST /api/v3/create-usr is not in the contract"}},
		{"method", op.Get("/api/v3/delete-access-key", "deleteAccessKey", op.ManagementKey, call[DeleteAccessKeyDto, struct{}]),
			[]string{"GET /api/v3/delete-access-key is not in the contract"}},
		{"name", op.Post("/api/v3/delete-access-key", "deleteKey", op.ManagementKey, call[DeleteAccessKeyDto, struct{}]),
			[]string{"the contract calls it deleteAccessKey"}},
		{"request", op.Post("/api/v3/delete-access-key", "deleteAccessKey", op.ManagementKey, call[success, struct{}]),
			[]string{"the request has no field success", "the request's field accessKeyId is not read"}},
		{"data", op.Post("/api/v3/delete-access-key", "deleteAccessKey", op.ManagementKey, call[DeleteAccessKeyDto, success]),
			[]string{"the answer has data, the contract has none"}},
		{"no data", op.Post("/api/v3/delete-users-batch", "deleteUsersBatch", op.ManagementKey, call[DeleteUsersBatchDto, struct{}]),
			[]string{"the answer has no data, the contract has"}},
		{"not a list", op.Get("/api/v3/list-access-key", "getAccessKeyList", op.ManagementKey, call[GetAccessKeyListParams, fullKey]),
			[]string{"data is a v3.fullKey, in the contract ListAccessKeyRespDto[]"}},
		{"missing", op.Get("/api/v3/list-access-key", "getAccessKeyList", op.ManagementKey, call[GetAccessKeyListParams, []key]),
			[]string{"data[] lacks createdAt of ListAccessKeyRespDto", "data[] lacks enable of ListAccessKeyRespDto", "data[] lacks lastDate of ListAccessKeyRespDto",
				"data[] lacks status of ListAccessKeyRespDto", "data[] lacks userPoolId of ListAccessKeyRespDto"}},
		{"unknown", op.Get("/api/v3/list-access-key", "getAccessKeyList", op.ManagementKey, call[GetAccessKeyListParams, []extraKey]),
			[]string{"data[].colour is unknown to ListAccessKeyRespDto"}},
		{"type", op.Get("/api/v3/list-access-key", "getAccessKeyList", op.ManagementKey, call[GetAccessKeyListParams, []textualKey]),
			[]string{"data[].enable is a string, in the contract boolean"}},
	} {
		if got := c.check(&x.op); !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

func call[In, Out any](context.Context, *In) (out Out, err error) { return out, nil }

func TestCoverage(t *testing.T) {
	ops := []op.Op{
		op.Post("/api/v3/create-user", "createUser", op.ManagementKey, call[CreateUserReqDto, any]),
		op.Post("/api/v3/elsewhere", "elsewhere", op.ManagementKey, call[struct{}, any]),
	}
	have, missing := coverage(ops)
	if len(have) != 1 || have[0].Name != "createUser" || len(have)+len(missing) != len(operations) {
		t.Errorf("served %v, missing %d of %d", have, len(missing), len(operations))
	}
	patterns := map[string]bool{}
	for _, o := range operations {
		u := unserved(o)
		if patterns[u.Pattern()] {
			t.Errorf("%s is there twice", u.Pattern())
		}
		patterns[u.Pattern()] = true
	}
	if text := table(have, missing); !strings.Contains(text, "management      core    users                   1 of  41") {
		t.Errorf("table:\n%s", text)
	}
}
