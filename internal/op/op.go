// Package op is what the REST operations of both wires have in common: read the body, resolve the caller, ask the rule,
// decode and check the arguments, call, answer. It knows no domain and no envelope; a facade brings a table of Op and a
// Wire.
package op

import (
	"context"
	"net/http"
	"reflect"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Rule says whether a caller may use an operation at all; what they may do it to is the domain's to decide. It returns
// nil, or a *fault.Error of kind Unauthenticated or Forbidden.
type Rule func(*caller.Caller) error

// The refusals of the rules below.
var (
	ErrUnauthenticated = fault.New(fault.Unauthenticated, "unauthenticated")
	ErrForbidden       = fault.New(fault.Forbidden, "forbidden")
)

// Anyone lets every caller in, anonymous ones too.
func Anyone(*caller.Caller) error { return nil }

// ManagementKey lets in access keys of the pool and the server itself.
func ManagementKey(c *caller.Caller) error { return oneOf(c, caller.Key, caller.System) }

// SignedInUser lets in users of the pool who speak for themselves: a token that they have let a stranger's application have is
// not enough.
func SignedInUser(c *caller.Caller) error { return unlimited(c, oneOf(c, caller.User)) }

// KeyOrUser lets in whoever SignedInUser or ManagementKey lets in.
func KeyOrUser(c *caller.Caller) error {
	return unlimited(c, oneOf(c, caller.Key, caller.System, caller.User))
}

// UserByAnyToken lets in users of the pool by any token of theirs: for what answers no more than the token's scope covers.
func UserByAnyToken(c *caller.Caller) error { return oneOf(c, caller.User) }

func unlimited(c *caller.Caller, err error) error {
	if err == nil && c.Limited {
		err = ErrForbidden
	}
	return err
}

func oneOf(c *caller.Caller, kinds ...caller.Kind) error {
	for _, k := range kinds {
		if c.Kind == k {
			return nil
		}
	}
	if c.Kind == caller.Anonymous {
		return ErrUnauthenticated
	}
	return ErrForbidden
}

// Op is one operation of a REST wire. It is made by the functions below, which panic when a tag of In is wrong: a
// mistake of the programmer that shows at start-up.
//
// In is a struct. Its fields are named by their json tags, or by a path or query tag that also says where they stand;
// those with a json tag stand in the query for Get and Delete and in the JSON body for the others. Optional scalars are
// pointers, nil when the key is absent or null. The rule tag holds, separated by commas:
//
//	required   present, not null, and for strings and lists not empty
//	default=v  the value when absent; the field is no pointer then
//	enum=A|B   the values of a string, or of each string of a list
//	min=n      the least number
//	max=n      the greatest number
//	len=n      the most characters of a string, or of each string of a list
//	items=n    the most elements of a list
//
// Rules hold in nested structs and in lists of structs too. A nested struct that is left out has the defaults of its
// fields and none of its required ones. Unknown keys are ignored, on both wires.
//
// A violation is fault.Field(name), or kind Invalid with the codes "field_min" (name, bound), "field_max" (name, bound),
// "list_min" (name, bound) and "list_max" (name, bound); name is the last name on the way to the value, so
// list[3].email is "email".
type Op struct {
	Method string // GET, POST, PUT, PATCH or DELETE
	Path   string // a pattern of http.ServeMux without method: "/api/v3/ip-list/{id}"
	Name   string // the operation's name in the contract: "createUser"
	Writes bool   // whether a call may change something
	Rule   Rule
	Class  Class // what a call costs, derived from the name and the arguments unless Costs says otherwise

	in, out reflect.Type
	plan    *plan
	newIn   func() any
	call    func(ctx context.Context, in any) (any, error)
	regrade func(in any) Class // nil: Class holds for every call
}

// Get makes an operation that reads and takes its arguments from the query.
func Get[In, Out any](path, name string, rule Rule, f func(ctx context.Context, in *In) (Out, error)) Op {
	return define(http.MethodGet, path, name, false, rule, f)
}

// Query makes a POST that only reads.
func Query[In, Out any](path, name string, rule Rule, f func(ctx context.Context, in *In) (Out, error)) Op {
	return define(http.MethodPost, path, name, false, rule, f)
}

// Post makes a POST that writes.
func Post[In, Out any](path, name string, rule Rule, f func(ctx context.Context, in *In) (Out, error)) Op {
	return define(http.MethodPost, path, name, true, rule, f)
}

// Put makes a PUT.
func Put[In, Out any](path, name string, rule Rule, f func(ctx context.Context, in *In) (Out, error)) Op {
	return define(http.MethodPut, path, name, true, rule, f)
}

// Patch makes a PATCH.
func Patch[In, Out any](path, name string, rule Rule, f func(ctx context.Context, in *In) (Out, error)) Op {
	return define(http.MethodPatch, path, name, true, rule, f)
}

// Delete makes a DELETE, which takes its arguments from the path and the query.
func Delete[In, Out any](path, name string, rule Rule, f func(ctx context.Context, in *In) (Out, error)) Op {
	return define(http.MethodDelete, path, name, true, rule, f)
}

func define[In, Out any](method, path, name string, writes bool, rule Rule, f func(context.Context, *In) (Out, error)) Op {
	if rule == nil || f == nil {
		panic("op: " + name + ": no rule or no function")
	}
	in := reflect.TypeFor[In]()
	o := Op{
		Method: method, Path: path, Name: name, Writes: writes, Rule: rule,
		in: in, out: reflect.TypeFor[Out](),
		plan:  topPlan(name, in, method == http.MethodGet || method == http.MethodDelete),
		newIn: func() any { return new(In) },
		call: func(ctx context.Context, in any) (any, error) {
			out, err := f(ctx, in.(*In))
			if err != nil {
				return nil, err
			}
			return out, nil
		},
	}
	o.Class = classOf(&o)
	return o
}

// Unserved makes the operation that a wire knows and this server does not offer: it ignores all arguments and refuses
// everyone alike with kind Unsupported, code "operation_unsupported" (name).
func Unserved(method, path, name string) Op {
	return define(method, path, name, false, Anyone, func(context.Context, *struct{}) (struct{}, error) {
		return struct{}{}, fault.New(fault.Unsupported, "operation_unsupported", name)
	})
}

// Pattern is what http.ServeMux.Handle takes.
func (o *Op) Pattern() string { return o.Method + " " + o.Path }

// In is the struct type of the arguments, for tests that compare an operation with its contract.
func (o *Op) In() reflect.Type { return o.in }

// Out is the type of the answer's data; struct{} means that there is none.
func (o *Op) Out() reflect.Type { return o.out }
