package secret

import (
	"regexp"
	"testing"
)

func TestRandom(t *testing.T) {
	a, b := Random(16), Random(16)
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(a) {
		t.Errorf("Random(16) = %q, want 32 hex digits", a)
	}
	if a == b {
		t.Errorf("two random texts are equal: %s", a)
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"abc", "abc", true},
		{"abc", "abd", false},
		{"abc", "abcd", false},
		{"abc", "", false},
	} {
		if got := Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%q, %q) = %v", c.a, c.b, got)
		}
	}
}
