package gql

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// DocumentKind says what is wrong with a request before any resolver is at fault.
type DocumentKind uint8

const (
	Syntax   DocumentKind = iota // the document does not parse
	Invalid                      // it parses and breaks a rule of the language or does not fit the schema
	Variable                     // a variable or an argument has a value that its type does not take
	Limit                        // it, or its answer, is over one of the Limits
)

// DocumentError is a fault of the request itself. Its text is meant for the client. It may repeat names and literals of
// the document, but never the value of a variable.
type DocumentError struct {
	Kind    DocumentKind
	Name    string // Kind Variable: the variable, without its sign, or the argument
	Message string
}

func (e *DocumentError) Error() string { return e.Message }

const (
	cachedBytes = 20 << 10 // longer documents are planned anew each time
	maxFaults   = 5        // faults told of one document
	maxMessage  = 300      // bytes of a fault's text: a literal in it may be as long as the document
)

// document is a valid document, planned for every operation in it.
type document struct {
	operations map[string]*operation
}

// operation is the plan of one operation. It never changes, but for what the atomics in it remember.
type operation struct {
	variables ast.VariableDefinitionList
	root      *selection
	describes bool // asks for nothing but the schema, and may be asked again
	shape     Shape
	size      atomic.Int64 // of the last answer: a hint for the next buffer
}

// selection is the set of fields asked of one object, fragments expanded and equal response names merged.
type selection struct {
	fields   []*field
	bindings atomic.Pointer[[]*binding] // one for each Go type seen so far
}

// field is one response name of a selection.
type field struct {
	alias, name  string
	key          []byte // the alias as a JSON member name with its colon
	parent       string // the type it is a field of
	def          *ast.FieldDefinition
	args         []argument
	when         [][]condition // asked for if all conditions of any of these hold
	always       bool          // asked for whatever the variables are
	leaf         leaf          // of the named type, when that is a scalar or an enum
	named        *ast.Definition
	sub          *selection // nil for leaves
	root         Root
	nested       Nested
	meta         bool // of the schema's description: its resolvers cost nothing
	line, column int
	first        *ast.Field // these two while planning only
	sets         []conditional
}

type argument struct {
	def   *ast.ArgumentDefinition
	value *ast.Value // nil when the document does not give it
}

// condition is one @skip or @include by a variable.
type condition struct {
	variable string
	want     bool
}

// never is the condition that fails for any variables: no variable has an empty name.
var never = condition{variable: "", want: true}

// conditional is a selection set and what has to hold for it.
type conditional struct {
	set  ast.SelectionSet
	when []condition
}

// document returns the plan of a text, from the cache when it is there.
func (s *Schema) document(text string) (*document, []*Error) {
	if len(text) > s.limits.Bytes {
		return nil, refuse(Limit, nil, "the document is longer than %d bytes", s.limits.Bytes)
	}
	if d, ok := s.documents.get(text); ok {
		return d, nil
	}
	tree, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, s.limits.Tokens)
	if err != nil {
		return nil, s.syntaxFault(err)
	}
	m := &meter{fragments: map[string]*ast.FragmentDefinition{}, known: map[*ast.FragmentDefinition]*cost{}, limits: s.limits}
	total, faults := m.document(tree)
	if faults != nil {
		return nil, faults
	}
	if faults := s.validate(tree); faults != nil {
		return nil, faults
	}
	d := &document{operations: map[string]*operation{}}
	cached := len(text) <= cachedBytes
	for _, op := range tree.Operations {
		plan, faults := s.plan(op, cached)
		if faults != nil {
			return nil, faults
		}
		d.operations[op.Name] = plan
	}
	if cached {
		s.documents.put(text, d, len(text)+total.work*plannedBytes)
	}
	return d, nil
}

// plannedBytes is what a selection or a value keeps in memory once planned and bound; measured at 200 to 350.
const plannedBytes = 400

// operation picks the operation that a request names.
func (d *document) operation(name string) (*operation, []*Error) {
	if op, ok := d.operations[name]; ok {
		return op, nil
	}
	if name != "" {
		return nil, refuse(Invalid, nil, "the document has no operation %q", clip(name))
	}
	if len(d.operations) == 1 {
		for _, op := range d.operations {
			return op, nil
		}
	}
	return nil, refuse(Invalid, nil, "the document has %d operations and operationName chooses none", len(d.operations))
}

func refuse(kind DocumentKind, at *ast.Position, format string, args ...any) []*Error {
	e := &Error{Err: &DocumentError{Kind: kind, Message: fmt.Sprintf(format, args...)}}
	if at != nil {
		e.Line, e.Column = at.Line, at.Column
	}
	return []*Error{e}
}

func clip(text string) string {
	if len(text) > maxMessage {
		text = text[:maxMessage]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

func (s *Schema) syntaxFault(err error) []*Error {
	var g *gqlerror.Error
	if !errors.As(err, &g) {
		return refuse(Syntax, nil, "%s", clip(err.Error()))
	}
	if len(g.Locations) == 0 { // the parser's limits alone have no place
		return refuse(Limit, nil, "the document has more than %d tokens", s.limits.Tokens)
	}
	at := &ast.Position{Line: g.Locations[0].Line, Column: g.Locations[0].Column}
	if strings.HasPrefix(g.Message, "exceeded maximum nesting depth") {
		return refuse(Limit, at, "the document nests more than %d deep", parser.MaxNestingDepth)
	}
	return refuse(Syntax, at, "%s", clip(g.Message))
}

// validationRules are those of the specification, less what is done here in linear time (cycles of fragments, merging of
// equal response names), and without suggestions, which compare each unknown name with each known one.
func validationRules() []validator.Rule {
	return []validator.Rule{
		rules.FieldsOnCorrectTypeRuleWithoutSuggestions, rules.FragmentsOnCompositeTypesRule,
		rules.KnownArgumentNamesRuleWithoutSuggestions, rules.KnownDirectivesRule, rules.KnownFragmentNamesRule,
		rules.KnownRootTypeRule, rules.KnownTypeNamesRuleWithoutSuggestions, rules.LoneAnonymousOperationRule,
		rules.MaxIntrospectionDepth, rules.NoUndefinedVariablesRule, rules.NoUnusedFragmentsRule,
		rules.NoUnusedVariablesRule, rules.PossibleFragmentSpreadsRule, rules.ProvidedRequiredArgumentsRule,
		rules.ScalarLeafsRuleWithoutSuggestions, rules.UniqueArgumentNamesRule, rules.UniqueDirectivesPerLocationRule,
		rules.UniqueFragmentNamesRule, rules.UniqueInputFieldNamesRule, rules.UniqueOperationNamesRule,
		rules.UniqueVariableNamesRule, rules.ValuesOfCorrectTypeRuleWithoutSuggestions, rules.VariablesAreInputTypesRule,
		rules.VariablesInAllowedPositionRule,
	}
}

func (s *Schema) validate(tree *ast.QueryDocument) (faults []*Error) {
	events := &validator.Events{}
	for _, rule := range s.rules {
		rule.RuleFunc(events, func(options ...validator.ErrorOption) {
			if len(faults) == maxFaults {
				return
			}
			var g gqlerror.Error
			for _, o := range options {
				o(&g)
			}
			var at *ast.Position
			if len(g.Locations) > 0 {
				at = &ast.Position{Line: g.Locations[0].Line, Column: g.Locations[0].Column}
			}
			faults = append(faults, refuse(Invalid, at, "%s", clip(g.Message))...)
		})
	}
	validator.Walk(s.types, tree, events)
	return faults
}

// plan turns a valid operation into what the executor walks.
func (s *Schema) plan(op *ast.OperationDefinition, cached bool) (*operation, []*Error) {
	def := s.types.Query
	if op.Operation == ast.Mutation {
		def = s.types.Mutation
	}
	root, faults := s.selection(def, []conditional{{set: op.SelectionSet}})
	if faults != nil {
		return nil, faults
	}
	plan := &operation{variables: op.VariableDefinitions, root: root, describes: cached}
	for _, f := range root.fields {
		plan.describes = plan.describes && strings.HasPrefix(f.name, "__")
	}
	plan.shape = Shape{Mutation: op.Operation == ast.Mutation, Schema: plan.describes}
	plan.shape.add(root)
	slices.Sort(plan.shape.Types)
	plan.shape.Types = slices.Compact(plan.shape.Types)
	return plan, nil
}

func (s *Shape) add(sel *selection) {
	s.Fields += len(sel.fields)
	for _, f := range sel.fields {
		if !f.meta && !strings.HasPrefix(f.name, "__") && (f.root != nil || f.nested != nil) {
			s.Types = append(s.Types, f.def.Type.String())
		}
		if f.sub != nil {
			s.add(f.sub)
		}
	}
}

// selection merges all selection sets that one response name has collected.
func (s *Schema) selection(def *ast.Definition, sets []conditional) (*selection, []*Error) {
	sel := &selection{}
	byAlias := map[string]*field{}
	for _, c := range sets {
		if faults := s.collect(sel, byAlias, def, c); faults != nil {
			return nil, faults
		}
	}
	for _, f := range sel.fields {
		if f.named.Kind == ast.Object {
			if len(f.sets) == 1 {
				f.sets[0].when = nil // f itself is under these
			}
			sub, faults := s.selection(f.named, f.sets)
			if faults != nil {
				return nil, faults
			}
			f.sub = sub
		}
		f.first, f.sets = nil, nil // lets the tree go
	}
	return sel, nil
}

func (s *Schema) collect(sel *selection, byAlias map[string]*field, def *ast.Definition, c conditional) []*Error {
	for _, item := range c.set {
		switch item := item.(type) {
		case *ast.InlineFragment:
			if faults := s.collect(sel, byAlias, def, conditional{item.SelectionSet, under(c.when, item.Directives)}); faults != nil {
				return faults
			}
		case *ast.FragmentSpread:
			set := item.Definition.SelectionSet
			if faults := s.collect(sel, byAlias, def, conditional{set, under(c.when, item.Directives)}); faults != nil {
				return faults
			}
		case *ast.Field:
			f := byAlias[item.Alias]
			if f == nil {
				f = s.field(def, item)
				byAlias[item.Alias] = f
				sel.fields = append(sel.fields, f)
			} else if item.Name != f.name || !sameArguments(item.Arguments, f.first.Arguments) {
				return refuse(Invalid, item.Position, "the response name %q stands for different fields or arguments; use aliases", clip(item.Alias))
			}
			when := under(c.when, item.Directives)
			f.when = append(f.when, when)
			f.always = f.always || len(when) == 0
			f.sets = append(f.sets, conditional{item.SelectionSet, when})
		}
	}
	return nil
}

func (s *Schema) field(parent *ast.Definition, item *ast.Field) *field {
	f := &field{
		alias: item.Alias, name: item.Name, key: []byte(`"` + item.Alias + `":`), parent: parent.Name,
		def: item.Definition, named: s.types.Types[item.Definition.Type.Name()],
		root: s.roots[parent.Name+"."+item.Name], nested: s.nested[parent.Name+"."+item.Name], meta: strings.HasPrefix(parent.Name, "__"),
		line: item.Position.Line, column: item.Position.Column, first: item,
	}
	f.leaf = leafOf(f.named)
	for _, def := range f.def.Arguments {
		a := argument{def: def}
		if given := item.Arguments.ForName(def.Name); given != nil {
			a.value = given.Value
		}
		if a.value != nil || def.DefaultValue != nil {
			f.args = append(f.args, a)
		}
	}
	return f
}

// under adds the conditions of directives to those that hold already; it leaves when as it is.
func under(when []condition, directives ast.DirectiveList) []condition {
	for _, d := range directives {
		c := condition{want: d.Name == "include"}
		if d.Name != "include" && d.Name != "skip" {
			continue
		}
		if v := d.Arguments.ForName("if").Value; v.Kind == ast.Variable {
			c.variable = v.Raw
		} else if (v.Raw == "true") == c.want {
			continue
		} else {
			c = never
		}
		if !slices.Contains(when, c) {
			when = append(slices.Clip(when), c)
		}
	}
	return when
}

// sameArguments compares what two fields of a valid document are given; the order does not matter.
func sameArguments(a, b ast.ArgumentList) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x *ast.Argument) bool {
		y := b.ForName(x.Name)
		return y == nil || !sameValue(x.Value, y.Value)
	})
}

func sameValue(a, b *ast.Value) bool {
	if a == b { // one fragment spread twice
		return true
	}
	if a.Kind != b.Kind || a.Raw != b.Raw || len(a.Children) != len(b.Children) {
		return false
	}
	for i, x := range a.Children {
		y := b.Children[i].Value
		if a.Kind == ast.ObjectValue {
			y = b.Children.ForName(x.Name)
		}
		if y == nil || !sameValue(x.Value, y) {
			return false
		}
	}
	return true
}
