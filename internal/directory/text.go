package directory

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// The longest texts that groups, roles and their like take, in characters.
const (
	MaxCode        = 64
	MaxName        = 256
	MaxDescription = 1024
)

// CheckText refuses, by fault.Field(field), text that is no UTF-8, holds a NUL or is longer than max characters.
func CheckText(field, value string, max int) error {
	if !validText(value) || utf8.RuneCountInString(value) > max {
		return fault.Field(field)
	}
	return nil
}

func clean(field, value string, max int) error { return CheckText(field, value, max) }

// CheckCode refuses, by fault.Field(field), what cannot be the code of anything: blank text and what CheckText refuses.
func CheckCode(field, code string) error {
	if strings.TrimSpace(code) == "" {
		return fault.Field(field)
	}
	return CheckText(field, code, MaxCode)
}

// CheckCount refuses a list of n elements where 1 to most are taken: kind Invalid, codes "list_min" and "list_max" (name, bound).
func CheckCount(name string, n, most int) error {
	switch {
	case n < 1:
		return fault.New(fault.Invalid, "list_min", name, "1")
	case n > most:
		return fault.New(fault.Invalid, "list_max", name, strconv.Itoa(most))
	}
	return nil
}

// CheckRange refuses a number outside its bounds: kind Invalid, codes "field_min" and "field_max" (name, bound).
func CheckRange(name string, n, least, most int64) error {
	switch {
	case n < least:
		return fault.New(fault.Invalid, "field_min", name, strconv.FormatInt(least, 10))
	case n > most:
		return fault.New(fault.Invalid, "field_max", name, strconv.FormatInt(most, 10))
	}
	return nil
}

// Findable leaves of a list what could be a stored identifier or code, each once: the rest cannot be found.
func Findable(list []string) []string {
	seen := make(map[string]bool, len(list))
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s != "" && !seen[s] && CheckText("", s, MaxCode) == nil {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// LikePattern is what a lower-case column is matched with, by `like ? escape '\'`, to contain keywords in any ASCII case.
func LikePattern(keywords string) string { return "%" + escapeLike(lowerASCII(keywords)) + "%" }
