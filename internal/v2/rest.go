package v2

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/contract"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/op"
)

// restWire is the envelope of the REST routes: {"code":200,"statusCode":200,"message":…,"data":…}, or {"code":…,"statusCode":…,
// "message":…} and what else the refusal holds: some clients look at code and some at statusCode. The HTTP status is always 200:
// clients read nothing of another one.
type restWire struct{ api *API }

// Caller resolves the caller, and refuses a token that is worth nothing where the operation wants somebody.
func (w restWire) Caller(r *http.Request, _ []byte, o *op.Op) (*caller.Caller, error) {
	c, err := w.api.resolve(r)
	if err != nil {
		return c, err
	}
	return c, admit(r.Context(), c, o.Rule)
}

// raw is an answer without envelope: JSON as it stands.
type raw []byte

func (e restWire) Succeed(w http.ResponseWriter, r *http.Request, o *op.Op, c *caller.Caller, data any) {
	b := op.NewAnswer()
	if text, ok := data.(raw); ok {
		b.Write(text)
		b.Send(w)
		return
	}
	b.WriteString(`{"code":200,"statusCode":200,"message":"success","data":`)
	if _, none := data.(struct{}); none {
		b.WriteString("null")
	} else if err := json.MarshalWrite(b, data, encoding); err != nil {
		op.Logger(r.Context()).ErrorContext(r.Context(), "answer not encoded", "operation", o.Name, "request", c.RequestID, "error", err)
		b.Drop()
		e.Fail(w, r, o, c, err)
		return
	}
	b.WriteByte('}')
	b.Send(w)
}

type restFailure struct {
	Code       int    `json:"code"`
	StatusCode int    `json:"statusCode"`
	APICode    int    `json:"apiCode,omitzero"`
	Message    string `json:"message"`
	Data       any    `json:"data,omitzero"`
	FlowHandle string `json:"flowHandle,omitzero"`
	RequestID  string `json:"requestId,omitzero"`
}

// firstAPICode is where the wire's own numbers begin; below it they are those of HTTP.
const firstAPICode = 1000

func (restWire) Fail(w http.ResponseWriter, r *http.Request, _ *op.Op, c *caller.Caller, err error) {
	c = spoken(c, r)
	told := refusalOf(err, c)
	b := op.NewAnswer()
	f := restFailure{Code: told.code, StatusCode: told.status, Message: told.text, Data: told.data, FlowHandle: told.flow, RequestID: c.RequestID}
	if f.Code >= firstAPICode {
		f.APICode = f.Code
	}
	_ = json.MarshalWrite(b, f, encoding) // texts, numbers and views of our own always encode
	b.Send(w)
}

// spoken is c with the language of the request, where the caller was not resolved so far.
func spoken(c *caller.Caller, r *http.Request) *caller.Caller {
	if c.Language != "" {
		return c
	}
	known := *c
	known.Language = language(r.Header)
	return &known
}

// encoding writes nil lists as null, which clients tell from empty ones, and replaces what is not UTF-8: better a
// replacement character than no answer.
var encoding = json.JoinOptions(jsontext.AllowInvalidUTF8(true), json.FormatNilSliceAsNull(true))

// route is one row of the contract's REST routes.
type route struct {
	Method  string   `json:"method"`
	Path    string   `json:"path"`
	Methods []string `json:"methods"` // of the clients
}

func (r route) pattern() string { return r.Method + " " + r.Path }

// name is what the route is called in a message: the client's method, or the route itself.
func (r route) name() string {
	if len(r.Methods) > 0 {
		return r.Methods[0]
	}
	return r.pattern()
}

// contractRoutes reads the contract.
func contractRoutes() ([]route, error) {
	var c struct {
		Routes []route `json:"routes"`
	}
	err := json.Unmarshal(contract.V2REST, &c)
	return c.Routes, err
}

// unserved are the contract's routes under /api/v2, and those of its management client beside it, that ops has not: they say so.
func unserved(ops []op.Op, routes []route) []op.Op {
	known := map[string]bool{}
	for i := range ops {
		known[ops[i].Pattern()] = true
	}
	var list []op.Op
	for _, r := range routes {
		if (strings.HasPrefix(r.Path, "/api/v2/") || strings.HasPrefix(r.Path, "/connections/")) && !known[r.pattern()] {
			known[r.pattern()] = true
			list = append(list, op.Unserved(r.Method, r.Path, r.name()))
		}
	}
	return list
}

// encodeRaw is v as the whole answer, without an envelope.
func encodeRaw(v any) (raw, error) { return json.Marshal(v, encoding) }
