package v2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/gql"
	"github.com/guildhall-id/guildhall/internal/op"
)

type graphqlRequest struct {
	Query         string         `json:"query" rule:"required"`
	OperationName *string        `json:"operationName"`
	Variables     map[string]any `json:"variables"`

	prepared *gql.Prepared
}

// largeDocument is the number of selected fields from which a document counts as a list: the clients' reads of one thing have up
// to some 60.
const largeDocument = 150

// classOf reads the document, and says what answering it costs.
func (a *API) classOf(in *graphqlRequest) op.Class {
	request := gql.Request{Query: in.Query, Variables: in.Variables}
	if in.OperationName != nil {
		request.OperationName = *in.OperationName
	}
	in.prepared = a.schema.Prepare(request)
	shape := in.prepared.Shape()
	switch {
	case shape.Mutation:
		return op.Write
	case shape.Schema:
		return op.Point
	case shape.Fields >= largeDocument, slices.ContainsFunc(shape.Types, isMany):
		return op.List
	}
	return op.Point
}

// isMany reports whether a type of the schema is that of many things.
func isMany(name string) bool {
	return strings.HasPrefix(name, "[") || strings.HasPrefix(name, "Paginated")
}

// graphql answers the document that classOf has read. As an operation it may be called by anyone: each root field has a rule of
// its own.
func (a *API) graphql(ctx context.Context, in *graphqlRequest) (jsontext.Value, error) {
	result := in.prepared.Execute(ctx)
	if result.Errors != nil {
		return nil, newDocumentFailure(result.Errors)
	}
	return result.Data, nil
}

// rootName is the name of a root field without its type: "Query.user" is user.
func rootName(field string) string {
	_, name, _ := strings.Cut(field, ".")
	return name
}

// root makes a resolver of a field of Query or Mutation from a function of the form that REST operations have: its rule is
// asked first, then the arguments are decoded into In by its json tags. A root without a rule does not compile.
func root[In, Out any](rule op.Rule, f func(ctx context.Context, in *In) (Out, error)) gql.Root {
	return func(ctx context.Context, args gql.Args) (any, error) {
		if err := admit(ctx, caller.From(ctx), rule); err != nil {
			return nil, err
		}
		in := new(In)
		if err := decodeArguments(args, in); err != nil {
			return nil, err
		}
		return f(ctx, in)
	}
}

// nested makes a resolver of a field of the wire's type that Parent shows. It has a rule too: who may see an object may not
// see everything that it leads to.
func nested[Parent, In, Out any](rule op.Rule, f func(ctx context.Context, parent *Parent, in *In) (Out, error)) gql.Nested {
	return func(ctx context.Context, parent any, args gql.Args) (any, error) {
		if err := admit(ctx, caller.From(ctx), rule); err != nil {
			return nil, err
		}
		in := new(In)
		if err := decodeArguments(args, in); err != nil {
			return nil, err
		}
		return f(ctx, parent.(*Parent), in)
	}
}

func decodeArguments(args gql.Args, into any) error {
	for name, v := range args {
		if !storable(v) {
			return fault.Field(name)
		}
	}
	return args.Decode(into)
}

// storable reports whether all texts in v are UTF-8 without NUL: a literal of a document can hold either, which no table
// takes.
func storable(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v) && strings.IndexByte(v, 0) < 0
	case []any:
		for _, item := range v {
			if !storable(item) {
				return false
			}
		}
	case map[string]any:
		for key, item := range v {
			if !storable(key) || !storable(item) {
				return false
			}
		}
	}
	return true
}

// documentFailure is the errors of a document, each with a *fault.Error in its chain unless it is internal.
type documentFailure []*gql.Error

func newDocumentFailure(list []*gql.Error) documentFailure {
	failure := make(documentFailure, len(list))
	for i, e := range list {
		told := *e
		if d := (*gql.DocumentError)(nil); errors.As(e.Err, &d) {
			told.Err = fault.New(fault.Invalid, "document", d.Message)
		}
		failure[i] = &told
	}
	return failure
}

func (f documentFailure) Error() string { return fmt.Sprint([]*gql.Error(f)) }

func (f documentFailure) Unwrap() []error {
	list := make([]error, len(f))
	for i, e := range f {
		list[i] = e
	}
	return list
}

// graphqlWire is the envelope of GraphQL: {"data":…}, or {"errors":[…],"data":null} with an object as each message. The HTTP
// status is always 200: clients read nothing of another one.
type graphqlWire struct{ api *API }

func (w graphqlWire) Caller(r *http.Request, _ []byte, _ *op.Op) (*caller.Caller, error) {
	return w.api.resolve(r)
}

func (graphqlWire) Succeed(w http.ResponseWriter, _ *http.Request, _ *op.Op, _ *caller.Caller, data any) {
	b := op.NewAnswer()
	b.WriteString(`{"data":`)
	b.Write(data.(jsontext.Value))
	b.WriteByte('}')
	b.Send(w)
}

type graphqlFailure struct {
	Errors []graphqlError `json:"errors"`
	Data   *struct{}      `json:"data"`
}

type graphqlError struct {
	Message struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data"`
	} `json:"message"`
	Locations  []graphqlLocation `json:"locations"`
	Path       []any             `json:"path"`
	Extensions struct {
		Code      int `json:"code"`
		Extension struct {
			Name string `json:"name"`
		} `json:"extension"`
	} `json:"extensions"`
	RequestID string `json:"requestId,omitzero"`
}

type graphqlLocation struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

func (graphqlWire) Fail(w http.ResponseWriter, r *http.Request, _ *op.Op, c *caller.Caller, err error) {
	c = spoken(c, r)
	list, ok := err.(documentFailure) // not one in its chain: that may be the cause of something that may be told
	if !ok {
		list = documentFailure{{Err: err}}
	}
	answer := graphqlFailure{Errors: make([]graphqlError, len(list))}
	for i, e := range list {
		told, to := refusalOf(e.Err, c), &answer.Errors[i]
		to.Message.Code, to.Message.Message, to.Message.Data = told.code, told.text, told.data
		to.Extensions.Code, to.Extensions.Extension.Name = told.code, told.name
		to.Path, to.RequestID = e.Path, c.RequestID
		if e.Line > 0 {
			to.Locations = []graphqlLocation{{e.Line, e.Column}}
		}
	}
	b := op.NewAnswer()
	_ = json.MarshalWrite(b, answer, encoding) // texts, numbers and a path of them always encode
	b.Send(w)
}
