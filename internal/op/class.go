package op

import (
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/gate"
)

// Class says what a call costs the server, so that a flood of dear calls does not stand in the way of the cheap ones.
type Class uint8

const (
	Point   Class = iota // reads one thing, or a few of one thing
	List                 // reads many: lists, searches, batches
	Write                // may change something
	classes              // how many there are
)

var classNames = [...]string{"point", "list", "write"}

func (c Class) String() string { return classNames[c] }

// Classes are all classes.
func Classes() []Class { return []Class{Point, List, Write} }

// Gates has one gate for each Class; those that are nil bound nothing. All operations of a server share one Gates.
type Gates [classes]*gate.Gate

// ErrBusy is what a server's gates refuse with: too many calls of the class run and wait. The same call may succeed later.
var ErrBusy = fault.New(fault.Throttled, "server_busy")

// retryAfter is how many seconds a throttled client is asked to wait: a queue that is full now is empty by then.
const retryAfter = "1"

// Costs returns o as one of class c, where the derived class is wrong.
func (o Op) Costs(c Class) Op {
	o.Class = c
	return o
}

// Regrade returns o with a class for each call, found from the arguments under a slot of o.Class, which is given back before one
// of the found class is waited for. In must be o's; f must be cheap and may prepare what the call goes on with.
func Regrade[In any](o Op, f func(in *In) Class) Op {
	o.regrade = func(in any) Class { return f(in.(*In)) }
	return o
}

// manyPrefixes begin the names, in lower case, of operations that answer with many.
var manyPrefixes = []string{"list", "search", "getall", "export"}

// paged are the names of arguments that lists alone have.
var paged = []string{"page", "limit", "pagination"}

// classOf derives the class: what does not write is a list if it is asked for in pages, or says in its name that it answers with many.
func classOf(o *Op) Class {
	name := strings.ToLower(o.Name)
	switch {
	case o.Writes:
		return Write
	case slices.ContainsFunc(manyPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }), strings.Contains(name, "batch"), o.plan.paged(1):
		return List
	}
	return Point
}

// paged reports whether p asks for a page, itself or in a struct at most depth below it.
func (p *plan) paged(depth int) bool {
	return slices.ContainsFunc(p.fields, func(f field) bool {
		return slices.Contains(paged, f.name) || depth > 0 && f.kind == kindObject && f.object.paged(depth-1)
	})
}
