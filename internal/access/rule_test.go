package access

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// FuzzPatterns compares how rules are found with what their patterns say, and sees that nothing panics.
func FuzzPatterns(f *testing.F) {
	for _, s := range [][4]string{{"books:*", "books:1", "books:*", "edit"}, {"books", "books", "edit", "books:edit"}, {"*", "a:b:c", "x:*", "x:y"}, {"a:b:*", "a:b", "*", ""},
		{"*:*", "*", ":*", ":"}, {":", "::", "a:", "a:"}, {"books:*", "books:*", "books:", "books:"}} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	f.Fuzz(func(t *testing.T, granted, resource, action, verb string) {
		if granted == "" || resource == "" || action == "" || len(granted)+len(resource) > 512 || !utf8.ValidString(granted+resource) {
			return
		}
		want := granted == "*"
		if !want && resource != "*" {
			full := granted
			if !strings.Contains(full, ":") {
				full += ":*"
			}
			base, items := strings.CutSuffix(full, ":*")
			want = full == resource || items && (resource == base || strings.HasPrefix(resource, base+":"))
		}
		q := newAsked("p", &Question{Resource: resource, Action: verb}, 0)
		if got := slices.Contains(q.covering, pattern(granted)); got != want {
			t.Errorf("%q covers %q: %v", granted, resource, got)
		}
		if want && !slices.ContainsFunc(q.covering, func(p string) bool { return slices.Contains(spellings(p), granted) }) {
			t.Errorf("%q covers %q, and is not looked for", granted, resource)
		}
		r := rule{actions: []string{action}}
		same := rule{actions: []string{verb}}
		if verb != "" && !same.matches(&q) {
			t.Errorf("%q on %q is not itself", verb, resource)
		}
		if r.matches(&q) && verb != "" && action != verb && !strings.HasSuffix(action, "*") && !strings.HasSuffix(action, ":"+verb) && !strings.HasSuffix(verb, ":"+action) {
			t.Errorf("%q on %q allows %q", action, resource, verb)
		}
	})
}

func TestConditions(t *testing.T) {
	q := asked{poolID: "p", userID: "u", namespace: "default", now: 1_600_000_000_000, environment: map[string]any{
		"SourceIp": "10.1.2.3", "Age": 30.0, "City": "Paris", "LoggedInApps": []any{"a", "b"}, "MultiFactorAuthPresent": true, "UserId": "somebody else", "Since": "2020-01-02T00:00:00Z"}}
	for _, c := range []struct {
		param, operator, value string
		want                   string // yes, no or failed
	}{
		{"SourceIp", "IpAddress", `"10.0.0.0/8"`, "yes"},
		{"SourceIp", "NotIpAddress", `["10.0.0.0/8", "192.0.2.1"]`, "no"},
		{"SourceIp", "IpAddress", `"nonsense"`, "failed"},
		{"City", "IpAddress", `"10.0.0.0/8"`, "failed"},
		{"City", "StringEquals", `"Paris"`, "yes"},
		{"City", "StringEquals", `["Rome", "Paris"]`, "yes"},
		{"City", "StringNotEquals", `["Rome", "Paris"]`, "no"},
		{"City", "StringEqualsIgnoreCase", `"PARIS"`, "yes"},
		{"City", "StringLike", `"P?r*"`, "yes"},
		{"City", "StringNotLike", `"*ris"`, "no"},
		{"City", "In", `["Rome"]`, "no"},
		{"Age", "NumericGreaterThanEquals", `30`, "yes"},
		{"Age", "NumericLessThan", `"30"`, "no"},
		{"City", "NumericEquals", `1`, "failed"},
		{"LoggedInApps", "ListContains", `"b"`, "yes"},
		{"LoggedInApps", "ListContains", `"c"`, "no"},
		{"City", "ListContains", `"c"`, "failed"},
		{"MultiFactorAuthPresent", "Bool", `"true"`, "yes"},
		{"Since", "DateLessThan", `"2020-01-03"`, "yes"},
		{"Since", "DateGreaterThan", `1577923200`, "no"},
		{"CurrentTime", "DateGreaterThan", `"2020-01-01T00:00:00Z"`, "yes"},
		{"UserId", "StringEquals", `"u"`, "yes"},
		{"Missing", "StringEquals", `"u"`, "failed"},
		{"Missing", "StringNotEquals", `"u"`, "failed"},
		{"City", "Resembles", `"u"`, "failed"},
		{"City", "StringEquals", `{"a": 1}`, "failed"},
	} {
		condition := Condition{c.param, c.operator, jsontext.Value(c.value)}
		holds, failure := condition.holds(&q)
		got := map[bool]string{true: "yes", false: "no"}[holds]
		if failure != "" {
			got = "failed"
		}
		if got != c.want {
			t.Errorf("%s %s %s: %s %s", c.param, c.operator, c.value, got, failure)
		}
		for _, effect := range []Effect{Allow, Deny} {
			r := rule{effect: effect, conditions: []Condition{condition}}
			if want := c.want == "yes" || c.want == "failed" && effect == Deny; r.applies(&q) != want {
				t.Errorf("%s %s %s: %s applies: %v", c.param, c.operator, c.value, effect, !want)
			}
		}
	}
}

// The cache stays below its limit, and forgets what it is told to.
func TestCacheLimit(t *testing.T) {
	c := nodeCache{limit: 64 << 10}
	p := c.epochs("p")
	for i := range 10_000 {
		target := Target{"USER", strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i%391)}
		n := &node{}
		n.weigh()
		c.put(p, target, n, c.mark(p, target))
		c.get(p, target)
	}
	if bytes, nodes := c.weighs(); bytes > c.limit || nodes == 0 {
		t.Errorf("%d bytes in %d nodes", bytes, nodes)
	}
	c.limit = 1 << 20
	of := func(kind directory.TargetType, id string) Target { return Target{kind, id} }
	for _, f := range []struct {
		name, pool string
		keys       []string
		left       string // of a user, a department and a role
	}{
		{"one", "p", []string{"USER:u"}, "011"},
		{"another pool's", "q", []string{"USER:u"}, "111"},
		{"users", "p", []string{"USERS"}, "011"},
		{"tree", "p", []string{"TREE"}, "101"},
		{"the pool", "p", nil, "000"},
		{"everything", "", nil, "000"},
	} {
		targets := []Target{of("USER", "u"), of("DEPARTMENT", "d"), of("ROLE", "r")}
		for _, target := range targets {
			n := &node{}
			n.weigh()
			c.put(p, target, n, c.mark(p, target))
		}
		mark := c.mark(p, targets[0])
		c.forget(f.pool, f.keys)
		got := ""
		for _, target := range targets {
			if c.get(p, target) != nil {
				got += "1"
			} else {
				got += "0"
			}
		}
		if want := strings.ReplaceAll(f.left, " ", ""); got != want {
			t.Errorf("%s: left %s, want %s", f.name, got, want)
		}
		// What was read before is not kept afterwards.
		c.put(p, targets[0], &node{}, mark)
		if kept := c.get(p, targets[0]) != nil; kept != (got[0] == '1') {
			t.Errorf("%s: kept %v", f.name, kept)
		}
	}
}

// The index finds what a search of the sorted list finds, for every length and also where hashes or parts of them are alike.
func TestRuleIndex(t *testing.T) {
	for _, n := range []int{0, 1, 4, 5, 8, 100, 5000} {
		var list rules
		for i := range n {
			list = append(list, rule{namespace: []string{"default", "other"}[i%2], covers: fmt.Sprint("books:", i%(n/2+1)), id: fmt.Sprint(i)})
		}
		list.sort()
		if n == 100 { // as if two patterns had one hash, and others its lower bits
			list[40].hash, list[41].hash = list[39].hash, list[39].hash
			for i := 60; i < 70; i++ {
				list[i].hash = list[i].hash&^0xffff | list[60].hash&0xffff
			}
			slices.SortFunc(list, func(a, b rule) int { return cmp.Compare(a.hash, b.hash) })
		}
		index := list.index()
		for i := range n + 20 {
			q := newAsked("p", &Question{Resource: fmt.Sprint("books:", i), Namespace: []string{"default", "other"}[i%2]}, 0)
			for place := range q.covering {
				want, got := list.find(&q, place), index.find(list, &q, place)
				if len(want) != len(got) || len(want) > 0 && &want[0] != &got[0] {
					t.Errorf("%d rules, %v: %d found by the index, %d without", n, q.covering[place], len(got), len(want))
				}
			}
		}
		if few := n <= fewRules; (index == nil) != few {
			t.Errorf("%d rules: index %v", n, index)
		}
	}
}
