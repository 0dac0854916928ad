package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mozillazg/go-pinyin"
	"golang.org/x/text/unicode/norm"
)

// Fold writes a text the way it is compared: in lower case and, by Unicode's compatibility composition (NFKC), full and half width
// alike. Control characters are blanks.
func Fold(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToLower(norm.NFKC.String(s)))
}

const (
	mostHan      = 32 // characters; longer texts are no names, and have no pinyin
	mostReadings = 3  // of a character
	mostVariants = 8  // of a text
)

// appendText appends a folded text and, where it has Chinese characters, its pinyin: in full and by initials, without tones and
// blanks, in each way that its characters are read.
func appendText(dst []byte, s string) []byte {
	folded := Fold(s)
	dst = append(dst, folded...)
	for _, v := range readings(folded) {
		dst = append(append(dst, variant), v...)
	}
	return dst
}

var pinyinArgs = func() pinyin.Args {
	a := pinyin.NewArgs()
	a.Heteronym = true
	return a
}()

func readings(s string) []string {
	han := 0
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			han++
		}
	}
	if han == 0 || han > mostHan {
		return nil
	}
	type reading struct{ full, initials string }
	all := []reading{{}}
	for _, r := range s {
		if unicode.IsSpace(r) {
			continue
		}
		ways := []string{string(r)}
		if unicode.Is(unicode.Han, r) {
			if list := pinyin.SinglePinyin(r, pinyinArgs); len(list) > 0 {
				ways = distinct(list, mostReadings)
			}
		}
		if len(all)*len(ways) > mostVariants {
			ways = ways[:1]
		}
		next := make([]reading, 0, len(all)*len(ways))
		for _, w := range ways {
			_, size := utf8.DecodeRuneInString(w)
			for _, a := range all {
				next = append(next, reading{a.full + w, a.initials + w[:size]})
			}
		}
		all = next
	}
	var out []string
	for _, a := range all {
		out = append(out, a.full)
	}
	for _, a := range all {
		out = append(out, a.initials)
	}
	return distinct(out, len(out))
}

// distinct returns the first most different texts.
func distinct(list []string, most int) []string {
	var out []string
next:
	for _, s := range list {
		for _, o := range out {
			if o == s {
				continue next
			}
		}
		if out = append(out, s); len(out) == most {
			break
		}
	}
	return out
}

// Contains reports whether a text contains a word as Word means it: the definition that the index keeps to.
func Contains(text, word string, plain bool) bool {
	key := Fold(word)
	if strings.Contains(Fold(text), key) {
		return true
	}
	if plain {
		return false
	}
	for _, v := range readings(Fold(text)) {
		if strings.Contains(v, key) {
			return true
		}
	}
	return false
}
