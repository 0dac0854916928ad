// Package v3 is the facade of the V3 wire: REST operations under /api/v3 that answer HTTP 200 with the verdict in the
// body. It translates between the wire's requests and answers and the domain, and decides nothing.
package v3

import (
	"net/http"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
)

// Page is the data of a list's answer. TotalCount counts the whole list, List is the asked page of it and is never null
// on the wire.
type Page[T any] struct {
	TotalCount int64 `json:"totalCount"`
	List       []T   `json:"list"`
}

// envelope is the answering half of an op.Wire. The HTTP status is always 200: the clients read the body's statusCode
// only, and their HTTP libraries would replace it with an error of their own.
type envelope struct{}

// Succeed answers {"statusCode":200,"message":"","data":…}; an operation whose Out is struct{} has no data. The message
// is empty because clients' tests compare it.
func (e envelope) Succeed(w http.ResponseWriter, r *http.Request, o *op.Op, c *caller.Caller, data any) {
	b := op.NewAnswer()
	b.WriteString(`{"statusCode":200,"message":""`)
	if _, none := data.(struct{}); !none {
		b.WriteString(`,"data":`)
		if err := b.Encode(data); err != nil {
			op.Logger(r.Context()).ErrorContext(r.Context(), "answer not encoded", "operation", o.Name, "request", c.RequestID, "error", err)
			b.Drop()
			e.Fail(w, r, o, c, err)
			return
		}
	}
	b.WriteByte('}')
	b.Send(w)
}

// Fail answers {"statusCode":…,"message":…,"apiCode":…,"requestId":…}; apiCode and requestId are left out when there is
// none. What is not a *fault.Error is answered as internal, without its text.
func (envelope) Fail(w http.ResponseWriter, r *http.Request, o *op.Op, c *caller.Caller, err error) {
	lang := c.Language
	if lang == "" {
		lang = r.Header.Get("x-authing-lang")
	}
	b := op.NewAnswer()
	// A struct of texts and numbers always encodes.
	_ = b.Encode(failureOf(err, o.Name, strings.HasPrefix(strings.ToLower(lang), "en"), c.RequestID))
	b.Send(w)
}

type failure struct {
	StatusCode int    `json:"statusCode"`
	Message    string `json:"message"`
	APICode    int    `json:"apiCode,omitzero"`
	RequestID  string `json:"requestId,omitzero"`
	Data       any    `json:"data,omitzero"` // what a sign-in goes on with
}

func failureOf(err error, operation string, english bool, requestID string) failure {
	e := fault.As(err)
	if e == nil {
		e = &fault.Error{Kind: fault.Internal}
	}
	m := messageOf(e, operation)
	text := m.zh
	if english {
		text = m.en
	}
	return failure{StatusCode: statusOf(e.Kind), Message: fillIn(text, e.Args), APICode: m.apiCode, RequestID: requestID, Data: dataOf(err)}
}
