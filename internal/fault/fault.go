// Package fault is the one error type of the domain. A facade maps its Kind and Code to the numbers and the words of its
// wire; what is not a *Error is internal: logged once with its request id and withheld from the caller.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure it is, in terms that every wire can express.
type Kind uint8

const (
	Internal        Kind = iota // a bug or a broken engine; its text never leaves the server
	Invalid                     // an argument is malformed, missing or out of bounds
	Unauthenticated             // the caller has not shown who they are
	Forbidden                   // the caller is known and may not
	NotFound                    // no such thing in the caller's pool
	Conflict                    // a unique value is taken
	Unprocessable               // well-formed, but against a rule of the domain
	TooLarge                    // the request, not one field, is over its limit
	Throttled                   // too much at once; the same call may succeed later
	Unsupported                 // the operation is known and not offered
	Unavailable                 // the server or its database cannot answer now
	Refused                     // a fault on the client's side that has no better kind (V3 statusCode 499)
)

var kindNames = [...]string{"internal", "invalid", "unauthenticated", "forbidden", "not found", "conflict",
	"unprocessable", "too large", "throttled", "unsupported", "unavailable", "refused"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is a failure that may be told to the caller. Code names it for the facades' message tables ("user_not_found");
// Args fill the placeholders of that message, in order. Cause is for the log only and is never shown.
type Error struct {
	Kind  Kind
	Code  string
	Args  []string
	Cause error
}

// New makes an error of a kind; code must stand in the message table of every facade.
func New(kind Kind, code string, args ...string) *Error {
	return &Error{Kind: kind, Code: code, Args: args}
}

// Field is the refusal of one argument's form: the wires say which, in the words of their own.
func Field(name string) *Error { return New(Invalid, "field_format", name) }

// Because returns a copy of e that carries cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

func (e *Error) Error() string {
	s := e.Kind.String() + ": " + e.Code
	for _, a := range e.Args {
		s += " " + a
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is a *Error with the same code, so that errors.Is works with the domain's exported errors.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// As returns the *Error in err's chain, or nil when err is nil or internal.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// KindOf is the kind of err: Internal for anything that is not a *Error.
func KindOf(err error) Kind {
	if e := As(err); e != nil {
		return e.Kind
	}
	return Internal
}
