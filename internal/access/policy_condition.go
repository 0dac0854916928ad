package access

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parameters that a decision knows itself; what else a condition names, the asker says in the environment.
const (
	paramUserID      = "UserId"
	paramPoolID      = "UserPoolId"
	paramNamespace   = "Namespace"
	paramCurrentTime = "CurrentTime"
	paramEpochTime   = "EpochTime"
)

// parameter returns what a parameter is for a question. What a decision knows itself, the asker cannot say otherwise.
func (q *asked) parameter(name string) (any, bool) {
	switch name {
	case paramUserID:
		return q.userID, true
	case paramPoolID:
		return q.poolID, true
	case paramNamespace:
		return q.namespace, true
	case paramCurrentTime:
		return time.UnixMilli(q.now).UTC().Format(time.RFC3339), true
	case paramEpochTime:
		return float64(q.now / 1000), true
	}
	v, ok := q.environment[name]
	return v, ok && v != nil
}

// applies reports whether a rule counts for a question: an allowing one where all its conditions hold, a denying one too where one has no
// result.
func (r *rule) applies(q *asked) bool {
	failed := false
	for i := range r.conditions {
		holds, failure := r.conditions[i].holds(q)
		if failure != "" {
			failed = true
		} else if !holds {
			return false
		}
	}
	return !failed || r.effect == Deny
}

// results evaluates the conditions of a rule for an explanation.
func (r *rule) results(q *asked) []ConditionResult {
	var out []ConditionResult
	for i := range r.conditions {
		c := &r.conditions[i]
		result := ConditionResult{Param: c.Param, Operator: c.Operator, Value: c.Value}
		result.Actual, _ = q.parameter(c.Param)
		result.Holds, result.Failure = c.holds(q)
		out = append(out, result)
	}
	return out
}

// holds compares a parameter with the condition's value. A list of values is any of them, for an operator that negates none of
// them; a list as parameter is one that ListContains looks into. failure says why there is no result.
func (c *Condition) holds(q *asked) (holds bool, failure string) {
	actual, ok := q.parameter(c.Param)
	if !ok {
		return false, c.Param + " is not given"
	}
	var value any
	if err := json.Unmarshal(c.Value, &value); err != nil {
		return false, "the value cannot be read"
	}
	operator, negated := c.Operator, false
	for _, n := range negations {
		if c.Operator == n.negated {
			operator, negated = n.of, true
		}
	}
	compare := comparisons[operator]
	if compare == nil {
		return false, "there is no operator " + c.Operator
	}
	values, isList := value.([]any)
	if !isList {
		values = []any{value}
	}
	for _, v := range values {
		one, failure := compare(actual, v)
		if failure != "" {
			return false, failure
		}
		holds = holds || one
	}
	return holds != negated, ""
}

var negations = []struct{ negated, of string }{
	{"NotEquals", "Equals"}, {"NotIn", "In"}, {"NotIpAddress", "IpAddress"}, {"DateNotEquals", "DateEquals"}, {"NumericNotEquals", "NumericEquals"},
	{"StringNotEquals", "StringEquals"}, {"StringNotEqualsIgnoreCase", "StringEqualsIgnoreCase"}, {"StringNotLike", "StringLike"},
}

// comparisons are the operators that the wires' clients name, and the plain Equals and In beside them.
var comparisons = map[string]func(actual, value any) (holds bool, failure string){
	"Bool": func(actual, value any) (bool, string) {
		a, ok := flag(actual)
		b, ok2 := flag(value)
		if !ok || !ok2 {
			return false, "not true or false"
		}
		return a == b, ""
	},
	"Equals": equals,
	"In":     equals,
	"ListContains": func(actual, value any) (bool, string) {
		list, ok := actual.([]any)
		if !ok {
			return false, "not a list"
		}
		return slices.ContainsFunc(list, func(v any) bool { ok, _ := equals(v, value); return ok }), ""
	},
	"IpAddress":                inNetwork,
	"StringEquals":             texts(func(a, b string) bool { return a == b }),
	"StringEqualsIgnoreCase":   texts(strings.EqualFold),
	"StringLike":               texts(like),
	"NumericEquals":            numbers(func(a, b float64) bool { return a == b }),
	"NumericLessThan":          numbers(func(a, b float64) bool { return a < b }),
	"NumericLessThanEquals":    numbers(func(a, b float64) bool { return a <= b }),
	"NumericGreaterThan":       numbers(func(a, b float64) bool { return a > b }),
	"NumericGreaterThanEquals": numbers(func(a, b float64) bool { return a >= b }),
	"DateEquals":               dates(func(a, b time.Time) bool { return a.Equal(b) }),
	"DateLessThan":             dates(func(a, b time.Time) bool { return a.Before(b) }),
	"DateLessThanEquals":       dates(func(a, b time.Time) bool { return !a.After(b) }),
	"DateGreaterThan":          dates(func(a, b time.Time) bool { return a.After(b) }),
	"DateGreaterThanEquals":    dates(func(a, b time.Time) bool { return !a.Before(b) }),
}

func equals(actual, value any) (bool, string) {
	a, ok := text(actual)
	b, ok2 := text(value)
	if !ok || !ok2 {
		return false, "not one text, number or truth value"
	}
	return a == b, ""
}

func texts(f func(a, b string) bool) func(actual, value any) (bool, string) {
	return func(actual, value any) (bool, string) {
		a, ok := text(actual)
		b, ok2 := text(value)
		if !ok || !ok2 {
			return false, "not a text"
		}
		return f(a, b), ""
	}
}

func numbers(f func(a, b float64) bool) func(actual, value any) (bool, string) {
	return func(actual, value any) (bool, string) {
		a, ok := number(actual)
		b, ok2 := number(value)
		if !ok || !ok2 {
			return false, "not a number"
		}
		return f(a, b), ""
	}
}

func dates(f func(a, b time.Time) bool) func(actual, value any) (bool, string) {
	return func(actual, value any) (bool, string) {
		a, ok := date(actual)
		b, ok2 := date(value)
		if !ok || !ok2 {
			return false, "not a date"
		}
		return f(a, b), ""
	}
}

func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case int, int64:
		return fmt.Sprint(v), true
	}
	return "", false
}

func number(v any) (float64, bool) {
	s, ok := text(v)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && n == n
}

func flag(v any) (bool, bool) {
	switch s, _ := text(v); s {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// date reads RFC 3339, a day, or seconds since 1970, which from 10^11 on are milliseconds.
func date(v any) (time.Time, bool) {
	s, ok := text(v)
	if !ok {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	if n >= 1e11 {
		return time.UnixMilli(n), true
	}
	return time.Unix(n, 0), true
}

func inNetwork(actual, value any) (bool, string) {
	a, _ := text(actual)
	ip, err := netip.ParseAddr(strings.TrimSpace(a))
	if err != nil {
		return false, "not an IP address"
	}
	s, _ := text(value)
	if network, err := netip.ParsePrefix(s); err == nil {
		return network.Contains(ip.Unmap()), ""
	}
	other, err := netip.ParseAddr(s)
	if err != nil {
		return false, "not an IP address or network"
	}
	return other.Unmap() == ip.Unmap(), ""
}

// like matches a text with a pattern of "*", any characters, and "?", any one.
func like(s, pattern string) bool {
	text, p := []rune(s), []rune(pattern)
	at, star, from := 0, -1, 0
	i := 0
	for at < len(text) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, at
			i++
		case i < len(p) && (p[i] == '?' || p[i] == text[at]):
			i, at = i+1, at+1
		case star >= 0:
			from++
			i, at = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
