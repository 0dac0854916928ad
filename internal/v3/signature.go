package v3

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// The management client signs each request with the secret of its access key:
//
//	authorization: authing <key id>:<base64 of HMAC-SHA1(secret, S)>
//	S = METHOD \n
//	    name:value \n      for "date" and each header x-authing-*, sorted by name
//	    path?k=v&k=v       sorted, not URL-encoded; the query of GET, the body's members of every other method
//
// It signs its parameters as they are before they become a query or a body, and both lose something: which of several
// strings was signed cannot always be told from the wire. So all that may have been are tried (candidates). What is lost
// for good, and refused: a GET parameter that is null, an empty array or an object.
//
// S is a weak summary. It does not tell 5 from "5", nor a=1&b=2 from one parameter a with the value "1&b=2", and it says
// nothing of the query of any other method than GET, though the client sends the ids of one DELETE there. Whoever can
// change a request on its way can play with that: TLS must guard the way.

const (
	signatureScheme  = "authing"
	headerMethod     = "X-Authing-Signature-Method"
	headerVersion    = "X-Authing-Signature-Version"
	headerNonce      = "X-Authing-Signature-Nonce"
	headerSignedDate = "X-Authing-Date"
	nonceMax         = 64
	dateMax          = 64 // bytes of a date's text
	ambiguousMax     = 3  // parameters with two spellings of which all combinations are tried: 8 candidates
)

// signedRequest is what of a request the signature speaks of.
type signedRequest struct {
	Method string
	Path   string // decoded, without the query
	Header http.Header
	Query  url.Values // decoded
	Body   []byte
}

// parseAuthorization takes an Authorization header of the scheme "authing" apart. ok is false for any other scheme and
// for a header without both parts; the signature is not decoded yet.
func parseAuthorization(header string) (keyID, signature string, ok bool) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, signatureScheme) {
		return "", "", false
	}
	rest = strings.TrimSpace(rest)
	colon := strings.LastIndexByte(rest, ':') // base64 has none, a key id might
	if colon < 1 || colon == len(rest)-1 {
		return "", "", false
	}
	return rest[:colon], rest[colon+1:], true
}

// checkSignature makes every check of a signed request that needs no memory, in order. secret is that of the key which
// parseAuthorization named. It gives the nonce and the date to hand to replays, or an Unauthenticated fault:
// signature_method, signature_version, signature_date_missing, signature_date_format, signature_date_skew or
// signature_wrong.
func checkSignature(r signedRequest, secret, signature string, now time.Time, window time.Duration) (nonce string, dated time.Time, err error) {
	if r.Header.Get(headerMethod) != "HMAC-SHA1" {
		return "", time.Time{}, unsigned("signature_method")
	}
	if r.Header.Get(headerVersion) != "1.0" {
		return "", time.Time{}, unsigned("signature_version")
	}
	date := r.Header.Get("Date")
	if date == "" { // a browser does not let a script set Date
		date = r.Header.Get(headerSignedDate)
	}
	if dated, err = checkDate(date, now, window); err != nil {
		return "", time.Time{}, err
	}
	if nonce = r.Header.Get(headerNonce); !wellFormedNonce(nonce) {
		return "", time.Time{}, unsigned("signature_wrong")
	}
	if !verify(secret, candidates(r), signature) {
		return "", time.Time{}, unsigned("signature_wrong")
	}
	return nonce, dated, nil
}

func unsigned(code string) error { return fault.New(fault.Unauthenticated, code) }

func wellFormedNonce(nonce string) bool {
	unprintable := func(r rune) bool { return r <= ' ' || r > '~' }
	return nonce != "" && len(nonce) <= nonceMax && !strings.ContainsFunc(nonce, unprintable)
}

// checkDate reads a request's date and holds it to the window on both sides of now. The client sends an HTTP date (RFC
// 9110, 5.6.7, the preferred form), the vendor's documents name Unix milliseconds, other languages' libraries write a
// numeric zone (RFC 5322): all are taken.
func checkDate(value string, now time.Time, window time.Duration) (time.Time, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return time.Time{}, unsigned("signature_date_missing")
	}
	dated, ok := parseDate(value)
	if !ok {
		return time.Time{}, unsigned("signature_date_format")
	}
	if dated.Before(now.Add(-window)) || dated.After(now.Add(window)) {
		return time.Time{}, unsigned("signature_date_skew")
	}
	return dated, nil
}

func parseDate(value string) (time.Time, bool) {
	if len(value) > dateMax {
		return time.Time{}, false
	}
	if strings.Trim(value, "0123456789") == "" {
		ms, err := strconv.ParseInt(value, 10, 64)
		return time.UnixMilli(ms).UTC(), err == nil
	}
	// The zone is the literal GMT: of any other name time.Parse would invent the offset. "_2" takes one digit or two.
	for _, layout := range []string{"Mon, _2 Jan 2006 15:04:05 GMT", "Mon, _2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// verify tells whether signature, in base64, is that of one of the candidates. Its time does not tell which, nor how
// much of the signature is right. Without a secret nothing verifies.
func verify(secret string, candidates []string, signature string) bool {
	given, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(given) != sha1.Size || secret == "" {
		return false
	}
	mac := hmac.New(sha1.New, []byte(secret))
	sum := make([]byte, 0, sha1.Size)
	match := 0
	for _, c := range candidates {
		mac.Reset()
		io.WriteString(mac, c)
		match |= subtle.ConstantTimeCompare(mac.Sum(sum), given)
	}
	return match == 1
}

// parameter is one k=v of the string to sign. other is a second spelling of the value that the client may have signed,
// or empty.
type parameter struct{ name, value, other string }

// candidates are the strings that the client may have signed for this request: one in most cases, two for a request
// without parameters, at most eight. There is none for a request that the client cannot have sent: a body that is not a
// JSON object or array, or that has a name twice.
func candidates(r signedRequest) []string {
	var params []parameter
	var ok bool
	if r.Method == http.MethodGet {
		params, ok = queryParameters(r.Query)
	} else {
		params, ok = bodyParameters(r.Body)
	}
	if !ok {
		return nil
	}
	head := r.Method + "\n" + signedHeaders(r.Header) + r.Path
	if len(params) == 0 {
		// Of a parameter object whose values are all undefined nothing is sent, but the question mark is signed.
		return []string{head, head + "?"}
	}
	slices.SortFunc(params, func(a, b parameter) int { return compareUTF16(a.name, b.name) })

	ambiguous, size := 0, len(head)
	for _, p := range params {
		if p.other != "" {
			ambiguous++
		}
		size += len(p.name) + max(len(p.value), len(p.other)) + 2
	}
	combinations := 1 << min(ambiguous, ambiguousMax)
	if ambiguous > ambiguousMax {
		combinations = 2 // all spelt one way or all the other: a client has one habit
	}
	found := make([]string, combinations)
	for choice := range found {
		var s strings.Builder
		s.Grow(size)
		s.WriteString(head)
		separator, bit := byte('?'), 0
		for _, p := range params {
			s.WriteByte(separator)
			separator = '&'
			s.WriteString(p.name)
			s.WriteByte('=')
			value := p.value
			if p.other != "" {
				if choice>>bit&1 == 1 {
					value = p.other
				}
				if ambiguous <= ambiguousMax {
					bit++
				}
			}
			s.WriteString(value)
		}
		found[choice] = s.String()
	}
	return found
}

// signedHeaders are the lines of H.
func signedHeaders(header http.Header) string {
	type line struct{ name, value string }
	var lines []line
	for name, values := range header {
		name = strings.ToLower(name)
		if name != "date" && !strings.HasPrefix(name, "x-authing-") {
			continue
		}
		value := strings.Join(values, ",")
		if !utf8.ValidString(value) {
			value = fromLatin1(value) // which is what Node writes a header in; the signature is over UTF-8
		}
		value = strings.Map(func(r rune) rune {
			if strings.ContainsRune("\t\n\r\f", r) {
				return ' '
			}
			return r
		}, value)
		lines = append(lines, line{name, strings.TrimFunc(value, isJSSpace)})
	}
	slices.SortFunc(lines, func(a, b line) int { return strings.Compare(a.name, b.name) })
	var s strings.Builder
	for _, l := range lines {
		s.WriteString(l.name + ":" + l.value + "\n")
	}
	return s.String()
}

func fromLatin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// isJSSpace is what String.prototype.trim removes (ECMA-262, WhiteSpace and LineTerminator).
func isJSSpace(r rune) bool {
	return r == '\uFEFF' || unicode.IsSpace(r) && r != '\u0085'
}

// queryParameters undoes the client's query: an array was sent as a[]=x&a[]=y and signed as ["x","y"].
func queryParameters(query url.Values) ([]parameter, bool) {
	params := make([]parameter, 0, len(query))
	for key, values := range query {
		name, isArray := strings.CutSuffix(key, "[]")
		if isArray && query.Has(name) {
			return nil, false // one parameter cannot have been both
		}
		p := parameter{name: name}
		if isArray || len(values) != 1 {
			p.value, p.other = arrayText(values)
		} else {
			p.value, p.other = stringText(values[0])
		}
		params = append(params, p)
	}
	return params, true
}

// stringText is a string as it stands; a Date, which travels as a string, was signed in its JSON form.
func stringText(s string) (value, other string) {
	if isJSDate(s) {
		return s, `"` + s + `"`
	}
	return s, ""
}

// isJSDate knows the text that JavaScript makes of a Date: 2006-01-02T15:04:05.000Z.
func isJSDate(s string) bool {
	const layout = "2006-01-02T15:04:05.000Z"
	if len(s) != len(layout) || s[10] != 'T' {
		return false
	}
	_, err := time.Parse(layout, s)
	return err == nil
}

// arrayText is JSON.stringify of the elements, which were strings, or else all numbers and booleans.
func arrayText(elements []string) (quoted, bare string) {
	texts := make([]byte, 0, 64)
	allBare := len(elements) > 0
	for _, e := range elements {
		texts = append(texts, ',')
		texts, _ = jsontext.AppendQuote(texts, e) // RFC 8785 quotes as JavaScript does
		if !isJSLiteral(e) {
			allBare = false
		}
	}
	quoted = "[" + strings.TrimPrefix(string(texts), ",") + "]"
	if allBare {
		bare = "[" + strings.Join(elements, ",") + "]"
	}
	return quoted, bare
}

func isJSLiteral(s string) bool {
	switch jsontext.Value(s).Kind() {
	case 't', 'f', '0':
		return len(s) <= 32 && jsontext.Value(s).IsValid() && strings.TrimSpace(s) == s
	}
	return false
}

// bodyParameters reads the members of a JSON object, or the elements of an array under their indexes. Strings are signed
// raw; everything else as the body has it, since the body and the signed text both come from JSON.stringify.
func bodyParameters(body []byte) ([]parameter, bool) {
	if body = bytes.TrimSpace(body); len(body) == 0 || string(body) == "null" {
		return nil, true
	}
	// A lone surrogate in a string becomes U+FFFD here and in the client's UTF-8 alike. Names given twice are refused.
	dec := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowInvalidUTF8(true))
	open, err := dec.ReadToken()
	if err != nil || open.Kind() != '{' && open.Kind() != '[' {
		return nil, false
	}
	var params []parameter
	for {
		switch dec.PeekKind() {
		case '}', ']':
			if _, err := dec.ReadToken(); err != nil {
				return nil, false
			}
			_, err := dec.ReadToken()
			return params, errors.Is(err, io.EOF)
		}
		p := parameter{name: strconv.Itoa(len(params))}
		if open.Kind() == '{' {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, false
			}
			p.name = name.String()
		}
		if dec.PeekKind() == '"' {
			s, err := dec.ReadToken()
			if err != nil {
				return nil, false
			}
			p.value, p.other = stringText(s.String())
		} else {
			v, err := dec.ReadValue()
			if err != nil {
				return nil, false
			}
			v = v.Clone() // the decoder's own buffer must not be changed
			if v.Compact() != nil {
				return nil, false
			}
			p.value = string(v)
		}
		params = append(params, p)
	}
}

// compareUTF16 orders as JavaScript's sort does, by UTF-16 code units: there an emoji, whose first unit is D83D, comes
// before U+FF01, the other way round than in UTF-8.
func compareUTF16(a, b string) int {
	for a != "" && b != "" {
		ra, na := utf8.DecodeRuneInString(a)
		rb, nb := utf8.DecodeRuneInString(b)
		if ra != rb {
			return cmp.Or(cmp.Compare(firstUnit(ra), firstUnit(rb)), cmp.Compare(ra, rb))
		}
		a, b = a[na:], b[nb:]
	}
	return cmp.Compare(len(a), len(b))
}

func firstUnit(r rune) rune {
	if high, _ := utf16.EncodeRune(r); high != utf8.RuneError {
		return high
	}
	return r
}
