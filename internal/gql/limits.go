package gql

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// Limits bound what one request may cost. A zero field takes its default. All but Calls and Answer are checked before the
// document is validated, so that a hostile one costs no more than its reading.
type Limits struct {
	Bytes     int // length of the document; 100 KB
	Tokens    int // lexical tokens, comments included; 15,000
	Depth     int // fields inside one another, leaves included, and likewise lists and objects inside a value; 15
	Fields    int // selected fields after fragments are expanded, over all operations and fragments together; 3,000
	Aliases   int // root fields of one operation, which only aliases can make many; 30
	Variables int // variables of one operation; 300
	Calls     int // nested resolvers called for one request; 2,000
	Answer    int // bytes of the answer; 16 MB
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		limit *int
		value int
	}{
		{&l.Bytes, 100 << 10}, {&l.Tokens, 15_000}, {&l.Depth, 15}, {&l.Fields, 3_000}, {&l.Aliases, 30},
		{&l.Variables, 300}, {&l.Calls, 2_000}, {&l.Answer, 16 << 20},
	} {
		if *f.limit == 0 {
			*f.limit = f.value
		}
	}
	return l
}

// cost is what the validator and the planner will spend on a selection set. Sums stop growing at tooMuch.
type cost struct {
	fields int // fields after expansion
	work   int // selections, directives and values after expansion
	depth  int // of fields
	width  int // fields of the set itself
}

const tooMuch = 1 << 30

func (c *cost) add(o cost) {
	c.fields = min(c.fields+o.fields, tooMuch)
	c.work = min(c.work+o.work, tooMuch)
	c.depth = max(c.depth, o.depth)
	c.width = min(c.width+o.width, tooMuch)
}

// meter measures a document that nothing has checked yet, in time linear to its length: fragments are measured once.
type meter struct {
	limits    Limits
	fragments map[string]*ast.FragmentDefinition
	known     map[*ast.FragmentDefinition]*cost // nil while it is being measured: meeting that again is a cycle
	fault     []*Error                          // the first one found
}

func (m *meter) refuse(kind DocumentKind, at *ast.Position, format string, args ...any) {
	if m.fault == nil {
		m.fault = refuse(kind, at, format, args...)
	}
}

// document adds up all operations and all fragments, since the validator walks each of them by itself.
func (m *meter) document(tree *ast.QueryDocument) (total cost, faults []*Error) {
	for _, f := range tree.Fragments {
		if m.fragments[f.Name] == nil {
			m.fragments[f.Name] = f
		}
	}
	for _, op := range tree.Operations {
		if len(op.VariableDefinitions) > m.limits.Variables {
			m.refuse(Limit, op.Position, "the operation has more than %d variables", m.limits.Variables)
		}
		c := m.set(op.SelectionSet)
		if c.width > m.limits.Aliases {
			m.refuse(Limit, op.Position, "the operation has more than %d root fields", m.limits.Aliases)
		}
		c.work += m.directives(op.Directives)
		for _, v := range op.VariableDefinitions {
			c.work += 1 + m.value(v.DefaultValue, 1) + m.directives(v.Directives)
		}
		total.add(c)
	}
	for _, f := range tree.Fragments {
		total.add(m.fragment(f))
	}
	if total.depth > m.limits.Depth {
		m.refuse(Limit, nil, "the document nests fields more than %d deep", m.limits.Depth)
	}
	if total.fields > m.limits.Fields || total.work > 2*m.limits.Tokens {
		m.refuse(Limit, nil, "the document selects more than %d fields, or too much beside them", m.limits.Fields)
	}
	return total, m.fault
}

func (m *meter) fragment(f *ast.FragmentDefinition) cost {
	if c, ok := m.known[f]; ok {
		if c == nil {
			m.refuse(Invalid, f.Position, "the fragment %q contains itself", clip(f.Name))
			return cost{}
		}
		return *c
	}
	if len(f.VariableDefinition) > 0 {
		m.refuse(Syntax, f.Position, "a fragment declares no variables") // the parser takes an old draft's
	}
	m.known[f] = nil
	c := m.set(f.SelectionSet)
	c.work = min(c.work+m.directives(f.Directives), tooMuch)
	m.known[f] = &c
	return c
}

func (m *meter) set(set ast.SelectionSet) (total cost) {
	for _, sel := range set {
		if m.fault != nil {
			break
		}
		var c cost
		switch sel := sel.(type) {
		case *ast.Field:
			c = m.set(sel.SelectionSet)
			c.fields, c.depth, c.width = c.fields+1, c.depth+1, 1
			for _, a := range sel.Arguments {
				c.work += m.value(a.Value, 1)
			}
			c.work += m.directives(sel.Directives)
		case *ast.InlineFragment:
			c = m.set(sel.SelectionSet)
			c.work += m.directives(sel.Directives)
		case *ast.FragmentSpread:
			if f := m.fragments[sel.Name]; f != nil {
				c = m.fragment(f)
			}
			c.work += m.directives(sel.Directives)
		}
		c.work++
		total.add(c)
	}
	return total
}

func (m *meter) directives(list ast.DirectiveList) (n int) {
	for _, d := range list {
		n++
		for _, a := range d.Arguments {
			n += m.value(a.Value, 1)
		}
	}
	return n
}

func (m *meter) value(v *ast.Value, depth int) (n int) {
	if v == nil {
		return 0
	}
	if depth > m.limits.Depth {
		m.refuse(Limit, v.Position, "a value nests more than %d deep", m.limits.Depth)
		return 1
	}
	if v.Kind == ast.IntValue || v.Kind == ast.FloatValue {
		if _, err := strconv.ParseFloat(v.Raw, 64); err != nil {
			m.refuse(Invalid, v.Position, "the number %s is out of range", clip(v.Raw))
		}
	}
	for _, c := range v.Children {
		n += m.value(c.Value, depth+1)
	}
	return n + 1
}
