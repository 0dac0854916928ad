// Package expression compiles and evaluates conditions that administrators write: CEL expressions over typed objects, for rules
// of dynamic groups and conditions of policies. An expression has no side effects, reads nothing but the objects given to it,
// and its cost is bounded before and while it runs.
//
// Objects are read by field: user.city, or user["city"] for names that are no identifiers, and has(user.city) or
// "city" in user tell whether a field has a value. A field that is not declared does not compile. What a field without a value
// reads as: text is "", a flag is false; a number, a time, JSON and an object have no such value, so reading them fails, and
// with it the expression, unless || or && does not need them.
package expression

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// The limits of every expression.
const (
	MaxLength = 4096 // characters

	mostNesting        = 48      // of brackets, and of the syntax tree
	mostNodes          = 2000    // of the syntax tree, with what macros make
	mostComprehensions = 2       // one inside the other
	mostRegex          = 2000    // instructions of a compiled regular expression
	mostCost           = 100_000 // units of CEL's cost model, before and while it runs
	checkEvery         = 100     // steps of a comprehension between looks at the context
)

// The refusals of Compile are Invalid: "expression_invalid" (position "line:column" from 1, reason) and "expression_too_costly"
// (what limit). An evaluation that fails is Unprocessable "expression_failed" (reason): the caller decides what that means.
var (
	ErrInvalid   = invalid("1:1", "")
	ErrTooCostly = tooCostly("")
	ErrFailed    = failed("")
)

func invalid(at, reason string) error {
	return fault.New(fault.Invalid, "expression_invalid", at, reason)
}

func tooCostly(limit string) error { return fault.New(fault.Invalid, "expression_too_costly", limit) }

func failed(reason string) error { return fault.New(fault.Unprocessable, "expression_failed", reason) }

// Kind is what sort of values a field has.
type Kind uint8

// The sorts of fields, with the Go type of their values.
const (
	Text    Kind = iota // string
	Int                 // int64; times are unix milliseconds
	Number              // float64
	Flag                // bool
	JSON                // what encoding/json makes of JSON; of no static type
	Objects             // Object
)

// Field declares a field of an object, or a variable, which is of kind Objects.
type Field struct {
	Name   string
	Kind   Kind
	Size   int     // the most characters of a text or of a JSON value: what costs are estimated by; 0 means 1,024
	Fields []Field // of an object
}

// Object is a value of kind Objects. Field returns the value of a declared field, or false when it has none.
type Object interface {
	Field(name string) (value any, ok bool)
}

// Env has the variables that expressions may name. It is safe for concurrent use.
type Env struct {
	cel       *cel.Env
	provider  *provider
	variables map[string]*structure
}

// NewEnv declares variables, each of kind Objects. An error is a mistake of the programmer.
func NewEnv(variables ...Field) (*Env, error) {
	p, err := newProvider()
	if err != nil {
		return nil, err
	}
	e := &Env{provider: p, variables: make(map[string]*structure)}
	options := []cel.EnvOption{
		cel.CustomTypeProvider(p), cel.CustomTypeAdapter(p.Registry),
		cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(MaxLength), cel.ParserRecursionLimit(mostNesting), cel.ParserErrorRecoveryLimit(4),
		cel.ExpressionNodeLimit(mostNodes), cel.RegexProgramSizeLimit(mostRegex),
		cel.ASTValidators(cel.ValidateComprehensionNestingLimit(mostComprehensions), cel.ValidateRegexLiterals(),
			cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals()),
	}
	for _, v := range variables {
		if v.Kind != Objects {
			return nil, errors.New("expression: the variable " + v.Name + " is no object")
		}
		s := p.declare(v.Name, v.Fields)
		e.variables[v.Name] = s
		options = append(options, cel.Variable(v.Name, s.typ))
	}
	e.cel, err = cel.NewEnv(options...)
	return e, err
}

// Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	Source  string
	program cel.Program
	fields  []string
}

// Compile reads an expression whose value is true or false. What it refuses is described at ErrInvalid and ErrTooCostly.
func (e *Env) Compile(source string) (*Program, error) {
	if n := utf8.RuneCountInString(source); n > MaxLength {
		return nil, tooCostly(fmt.Sprintf("%d characters, at most %d", n, MaxLength))
	}
	if strings.TrimSpace(source) == "" {
		return nil, invalid("1:1", "the expression is empty")
	}
	if !utf8.ValidString(source) || strings.ContainsRune(source, 0) {
		return nil, invalid("1:1", "the text is not valid")
	}
	if tooDeep(source) {
		return nil, tooCostly(fmt.Sprintf("brackets nested more than %d deep", mostNesting))
	}
	parsed, issues := e.cel.Parse(source)
	if issues.Err() != nil {
		return nil, explain(issues)
	}
	e.rewrite(parsed.NativeRep())
	checked, issues := e.cel.Check(parsed)
	if issues.Err() != nil {
		return nil, explain(issues)
	}
	tree := checked.NativeRep()
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, invalid("1:1", "the result is "+checked.OutputType().String()+", it must be bool")
	}
	if err := onlyFields(tree); err != nil {
		return nil, err
	}
	estimate, err := e.cel.EstimateCost(checked, estimator{e})
	if err != nil {
		return nil, invalid("1:1", plain(err.Error()))
	}
	if estimate.Max > mostCost {
		return nil, tooCostly("the work that the expression may take")
	}
	p, err := e.cel.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(mostCost), cel.InterruptCheckFrequency(checkEvery))
	if err != nil {
		return nil, invalid("1:1", plain(err.Error()))
	}
	return &Program{Source: source, program: p, fields: fieldsOf(tree)}, nil
}

// Fields are the paths of the fields that the expression may read, such as "user.city", sorted, each once.
func (p *Program) Fields() []string { return slices.Clone(p.fields) }

// Vars are the variables of one evaluation, by name.
type Vars map[string]Object

// ResolveName implements interpreter.Activation.
func (v Vars) ResolveName(name string) (any, bool) {
	o, ok := v[name]
	return o, ok
}

// Parent implements interpreter.Activation.
func (v Vars) Parent() interpreter.Activation { return nil }

// Eval says whether the expression is true. It fails with ErrFailed where a value is missing that it needs, an operation has no
// result, or it costs too much; and with the error of ctx.
func (p *Program) Eval(ctx context.Context, vars Vars) (bool, error) {
	out, _, err := p.program.ContextEval(ctx, vars)
	if err != nil {
		if errors.Is(err, interpreter.InterruptError{}) {
			return false, context.Cause(ctx)
		}
		return false, failed(plain(err.Error()))
	}
	b, ok := out.(types.Bool)
	if !ok {
		return false, failed("the result is not bool")
	}
	return bool(b), nil
}

// Explain evaluates as Eval does, and returns the values of the fields that decided it: those read on the way, by path. A field
// that was read and has no value is there as nil.
func (p *Program) Explain(ctx context.Context, vars Vars) (result bool, read map[string]any, err error) {
	read = make(map[string]any)
	watched := make(Vars, len(vars))
	for name, o := range vars {
		watched[name] = watcher{o, name, read}
	}
	result, err = p.Eval(ctx, watched)
	return result, read, err
}

// watcher notes what is read of an object.
type watcher struct {
	Object
	path string
	read map[string]any
}

func (w watcher) Field(name string) (any, bool) {
	v, ok := w.Object.Field(name)
	path := w.path + "." + name
	if o, nested := v.(Object); nested {
		return watcher{o, path, w.read}, ok
	}
	w.read[path] = nil
	if ok {
		w.read[path] = v
	}
	return v, ok
}

// tooDeep looks for deep nesting before the parser, whose time grows with it.
func tooDeep(source string) bool {
	depth, unary := 0, 0
	for _, r := range source {
		switch r {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '!', '-':
			unary++
			if unary > mostNesting {
				return true
			}
			continue
		case ' ', '\t', '\n', '\r':
			continue
		}
		unary = 0
		if depth > mostNesting {
			return true
		}
	}
	return false
}

// explain words the first of the compiler's complaints.
func explain(issues *cel.Issues) error {
	list := issues.Errors()
	if len(list) == 0 {
		return invalid("1:1", plain(issues.Err().Error()))
	}
	first := list[0]
	for _, sign := range []string{"limit exceeded", "depth exceeded", "exceeds limit", "nesting limit", "exceeds nesting"} {
		if strings.Contains(first.Message, sign) {
			return tooCostly(plain(first.Message))
		}
	}
	line, column := max(first.Location.Line(), 1), max(first.Location.Column(), 0)+1
	return invalid(strconv.Itoa(line)+":"+strconv.Itoa(column), plain(first.Message))
}

// plain words a complaint for those who write expressions.
func plain(text string) string {
	for _, r := range []struct{ old, new string }{
		{"undefined field '", "there is no field '"},
		{"undeclared reference to '", "there is no variable or function '"},
		{" (in container '')", ""},
		{"found no matching overload for ", "wrong types: there is no "},
		{" applied to ", " of "},
		{"'_", "'"}, {"_'", "'"},
		{typePrefix, ""},
	} {
		text = strings.ReplaceAll(text, r.old, r.new)
	}
	if line, _, more := strings.Cut(text, "\n"); more {
		text = line
	}
	if utf8.RuneCountInString(text) > 300 {
		text = string([]rune(text)[:300]) + "…"
	}
	return text
}

// path is the chain of fields that e selects, from a declared variable on, and what stands at its end; nil when e is none.
func (e *Env) path(x ast.Expr) (s *structure, f *Field) {
	switch x.Kind() {
	case ast.IdentKind:
		return e.variables[x.AsIdent()], nil
	case ast.SelectKind:
		s, _ := e.path(x.AsSelect().Operand())
		if s == nil {
			return nil, nil
		}
		f := s.fields[x.AsSelect().FieldName()]
		if f == nil {
			return nil, nil
		}
		return f.structure, &f.Field
	}
	return nil, nil
}

// rewrite gives other spellings of fields their first one, before types are checked: object["name"] is object.name,
// "name" in object is has(object.name), and a whole number compared with a field of kind Number is one with a fraction.
func (e *Env) rewrite(tree *ast.AST) {
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() != ast.CallKind || len(x.AsCall().Args()) != 2 {
			return
		}
		call := x.AsCall()
		left, right := call.Args()[0], call.Args()[1]
		switch call.FunctionName() {
		case operators.Index:
			if s, _ := e.path(left); s != nil {
				if name, ok := literalText(right); ok {
					x.SetKindCase(factory.NewSelect(x.ID(), left, name))
				}
			}
		case operators.In:
			if s, _ := e.path(right); s != nil {
				if name, ok := literalText(left); ok {
					x.SetKindCase(factory.NewPresenceTest(x.ID(), right, name))
				}
			} else if e.isNumber(left) && right.Kind() == ast.ListKind {
				for _, item := range right.AsList().Elements() {
					toNumber(factory, item)
				}
			}
		case operators.Equals, operators.NotEquals:
			if e.isNumber(left) {
				toNumber(factory, right)
			} else if e.isNumber(right) {
				toNumber(factory, left)
			}
		}
	}))
}

func literalText(x ast.Expr) (string, bool) {
	if x.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := x.AsLiteral().(types.String)
	return string(s), ok
}

func (e *Env) isNumber(x ast.Expr) bool {
	_, f := e.path(x)
	return f != nil && f.Kind == Number
}

func toNumber(factory ast.ExprFactory, x ast.Expr) {
	if x.Kind() == ast.LiteralKind {
		if n, ok := x.AsLiteral().(types.Int); ok {
			x.SetKindCase(factory.NewLiteral(x.ID(), types.Double(n)))
		}
	}
}

// onlyFields refuses expressions that use an object as a value: only its fields have one.
func onlyFields(tree *ast.AST) error {
	operands := make(map[int64]bool)
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() == ast.SelectKind {
			operands[x.AsSelect().Operand().ID()] = true
		}
	}))
	var err error
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if isObject(tree, x) && (!operands[x.ID()] || x.Kind() != ast.IdentKind && x.Kind() != ast.SelectKind) && err == nil {
			at := tree.SourceInfo().GetStartLocation(x.ID())
			err = invalid(strconv.Itoa(max(at.Line(), 1))+":"+strconv.Itoa(max(at.Column(), 0)+1),
				"an object is no value by itself: name a field of it")
		}
	}))
	return err
}

func isObject(tree *ast.AST, x ast.Expr) bool {
	t := tree.GetType(x.ID())
	return t != nil && t.Kind() == types.StructKind && strings.HasPrefix(t.TypeName(), typePrefix)
}

// fieldsOf lists the fields that a checked expression selects from objects.
func fieldsOf(tree *ast.AST) []string {
	var found []string
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() == ast.SelectKind && isObject(tree, x.AsSelect().Operand()) && !(isObject(tree, x) && !x.AsSelect().IsTestOnly()) {
			object := tree.GetType(x.AsSelect().Operand().ID()).TypeName()
			found = append(found, strings.TrimPrefix(object, typePrefix)+"."+x.AsSelect().FieldName())
		}
	}))
	slices.Sort(found)
	return slices.Compact(found)
}

// estimator tells the cost model how large fields are.
type estimator struct{ env *Env }

// The sizes taken for parts of JSON values, whose whole is bounded: that no value has these all at once keeps the estimate high.
const (
	partOfJSON  = 256
	itemsOfJSON = 200
)

func (estimator) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

func (s estimator) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	size := cost.RangedSizeEstimate(0, partOfJSON)
	path := node.Path()
	if len(path) == 0 {
		if node.Type().Kind() == types.DynKind {
			return &size
		}
		return nil
	}
	object := s.env.variables[path[0]]
	for i, name := range path[1:] {
		if object == nil || object.fields[name] == nil {
			return &size
		}
		f := object.fields[name]
		object = f.structure
		if i+2 < len(path) {
			if f.Kind == JSON {
				return &size
			}
			continue
		}
		switch f.Kind {
		case JSON:
			size = cost.RangedSizeEstimate(0, itemsOfJSON)
		case Text:
			longest := f.Size
			if longest == 0 {
				longest = 1024
			}
			size = cost.RangedSizeEstimate(0, uint64(longest))
		}
	}
	return &size
}
