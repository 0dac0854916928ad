package access

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// rule is a grant or a statement of a policy as decisions read it.
type rule struct {
	namespace    string
	covers       string // the resource in the form of pattern
	hash         uint64 // of both
	id           string // of the grant or the policy
	statement    int    // of the policy; -1 of a grant
	policy       string // the policy's code
	resource     string
	resourceType ResourceType // "" for all types
	actions      []string     // none, or one that is "*": all
	effect       Effect
	inherit      bool
	conditions   []Condition
}

func (r *rule) weigh() int64 {
	n := 250 + len(r.resource) + len(r.id)
	for _, a := range r.actions {
		n += 24 + len(a)
	}
	for _, c := range r.conditions {
		n += 80 + len(c.Param) + len(c.Operator) + len(c.Value)
	}
	return int64(n)
}

func ruleOf(g *grant) rule {
	return rule{namespace: g.Namespace, covers: pattern(g.Resource), id: g.ID, statement: -1, resource: g.Resource, resourceType: g.ResourceType,
		actions: g.Actions, effect: g.Effect, inherit: g.Inherit && g.TargetType == directory.DepartmentTarget}
}

func rulesOf(p *Policy) []rule {
	out := make([]rule, len(p.Statements))
	for i, s := range p.Statements {
		out[i] = rule{namespace: p.Namespace, covers: pattern(s.Resource), id: p.ID, statement: i, policy: p.Code, resource: s.Resource, actions: s.Actions,
			effect: s.Effect, conditions: s.Conditions}
	}
	return out
}

// rules are sorted by the hash of their namespace and of what they cover.
type rules []rule

func (list rules) sort() {
	for i := range list {
		list[i].hash = hashOf(list[i].namespace, list[i].covers)
	}
	slices.SortFunc(list, func(a, b rule) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), strings.Compare(a.namespace, b.namespace), strings.Compare(a.covers, b.covers), strings.Compare(a.id, b.id), a.statement-b.statement)
	})
}

// find returns the rules of a question's namespace that cover its resource by the pattern of that place.
func (list rules) find(q *asked, place int) rules {
	hash := q.hashes[place]
	from, to := 0, len(list)
	for from < to {
		if middle := int(uint(from+to) >> 1); list[middle].hash < hash {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return list.from(from, q, place)
}

// from is find where the first rule of the hash, if there is any, stands at from.
func (list rules) from(from int, q *asked, place int) rules {
	hash, covers := q.hashes[place], q.covering[place]
	to := from
	for from < len(list) && list[from].hash == hash && (list[from].covers != covers || list[from].namespace != q.namespace) {
		from++
	}
	for to = from; to < len(list) && list[to].hash == hash && list[to].covers == covers && list[to].namespace == q.namespace; {
		to++
	}
	return list[from:to]
}

// ruleIndex finds the rules of a hash in a list of many with one look at memory, where a search in the list takes as many as it has halves:
// an open table of twice as many places as rules. A place holds one more than where the rules of a hash begin, and beside it 16 bits of the
// hash, so that the list itself is hardly looked at in vain.
type ruleIndex []uint32

// fewRules are searched as fast as an index. An index has room for as many as a node holds, and no more than 65,535.
const fewRules = 4

// index is nil for a few rules. They must be sorted.
func (list rules) index() ruleIndex {
	if len(list) <= fewRules {
		return nil
	}
	x := make(ruleIndex, 1<<bits.Len(uint(2*len(list)-1)))
	for i := range list {
		h := list[i].hash
		if i > 0 && list[i-1].hash == h {
			continue
		}
		at := h >> 40 & uint64(len(x)-1)
		for x[at] != 0 {
			at = (at + 1) & uint64(len(x)-1)
		}
		x[at] = uint32(h)<<16 | uint32(i+1)
	}
	return x
}

// find is list.find by the index.
func (x ruleIndex) find(list rules, q *asked, place int) rules {
	if x == nil {
		return list.find(q, place)
	}
	h := q.hashes[place]
	for at := h >> 40 & uint64(len(x)-1); x[at] != 0; at = (at + 1) & uint64(len(x)-1) {
		if x[at]>>16 == uint32(h)&0xffff {
			if from := int(x[at]&0xffff) - 1; list[from].hash == h {
				return list.from(from, q, place)
			}
		}
	}
	return nil
}

// hashOf is FNV-1a. That others can make texts of one hash costs them a longer search of their own.
func hashOf(namespace, covers string) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range [2]string{namespace, covers} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	return h
}

// pattern is one form of a grant's resource: "*" is everything; "books:*", which a bare "books" is too, is books and all that begins with
// "books:"; what else there is stands for itself.
func pattern(resource string) string {
	if resource == "*" || strings.Contains(resource, ":") {
		return resource
	}
	return resource + ":*"
}

// covering lists the patterns that cover a resource.
func covering(resource string) []string {
	out := make([]string, 1, 4)
	out[0] = "*"
	if resource == "*" {
		return out
	}
	out = append(out, resource+":*")
	if strings.Contains(resource, ":") {
		out = append(out, resource)
	}
	for i := range len(resource) {
		if resource[i] == ':' && resource[i+1:] != "*" { // "books:*" has that form itself
			out = append(out, resource[:i+1]+"*")
		}
	}
	return out
}

// spellings are the ways in which a pattern may have been written.
func spellings(pattern string) []string {
	if bare, ok := strings.CutSuffix(pattern, ":*"); ok && bare != "" && bare != "*" && !strings.Contains(bare, ":") {
		return []string{pattern, bare}
	}
	return []string{pattern}
}

// typeOf is the type of a resource with its colon: "books:" of "books:1" and of "books", "" of "*".
func typeOf(resource string) string {
	if i := strings.IndexByte(resource, ':'); i >= 0 {
		return resource[:i+1]
	}
	if resource == "*" {
		return ""
	}
	return resource + ":"
}

// verb is an action without the type of its resource.
func verb(action, resourceType string) string {
	if v, ok := strings.CutPrefix(action, resourceType); ok && v != "" {
		return v
	}
	return action
}

// asked is a question in the form that rules are matched with.
type asked struct {
	namespace    string
	resource     string
	resourceType ResourceType
	covering     []string // patterns
	hashes       []uint64 // of the namespace with each of them
	of           string   // the type of the resource
	verb         string
	environment  map[string]any
	userID       string
	poolID       string
	now          int64
}

func newAsked(poolID string, q *Question, now int64) asked {
	ns := q.Namespace
	if ns == "" {
		ns = Default
	}
	of := typeOf(q.Resource)
	out := asked{namespace: ns, resource: q.Resource, resourceType: q.ResourceType, covering: covering(q.Resource), of: of, verb: verb(q.Action, of),
		environment: q.Environment, userID: q.UserID, poolID: poolID, now: now}
	out.hashes = make([]uint64, len(out.covering))
	for i, p := range out.covering {
		out.hashes[i] = hashOf(ns, p)
	}
	return out
}

// matches reports whether a rule that covers the resource is about its type and the action. A rule without actions is about all of them.
func (r *rule) matches(q *asked) bool {
	if r.resourceType != "" && q.resourceType != "" && r.resourceType != q.resourceType {
		return false
	}
	if len(r.actions) == 0 {
		return true
	}
	for _, action := range r.actions {
		if covers(verb(action, q.of), q.verb) {
			return true
		}
	}
	return false
}

// covers reports whether a granted action is or includes one asked for, both without the type of the resource.
func covers(granted, action string) bool {
	if granted == "*" || granted == action && action != "" {
		return true
	}
	prefix, ok := strings.CutSuffix(granted, "*")
	return ok && strings.HasSuffix(prefix, ":") && strings.HasPrefix(action, prefix)
}
