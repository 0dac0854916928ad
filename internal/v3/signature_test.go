package v3

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// signatureVector is one request as the vendor's client sent it; testdata/make-signatures.mjs records them.
type signatureVector struct {
	Name, Method, Path, Query, Body string
	Headers                         map[string]string
	Secret, Authorization           string
	Lost                            string // why the signature cannot be checked, for those that cannot
}

func readSignatureVectors(tb testing.TB) []signatureVector {
	tb.Helper()
	text, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		tb.Fatal(err)
	}
	var vectors []signatureVector
	if err := json.Unmarshal(text, &vectors); err != nil {
		tb.Fatal(err)
	}
	return vectors
}

// request is what a Go server makes of the recorded one.
func (v signatureVector) request(tb testing.TB) signedRequest {
	tb.Helper()
	u, err := url.Parse(v.Path + "?" + v.Query)
	if err != nil {
		tb.Fatal(err)
	}
	header := http.Header{}
	for name, value := range v.Headers {
		var wire []byte // the recorder shows each byte of a header as the Latin-1 character
		for _, r := range value {
			wire = append(wire, byte(r))
		}
		header.Set(name, string(wire))
	}
	return signedRequest{Method: v.Method, Path: u.Path, Header: header, Query: u.Query(), Body: []byte(v.Body)}
}

func (v signatureVector) check(tb testing.TB, r signedRequest) error {
	tb.Helper()
	keyID, signature, ok := parseAuthorization(v.Authorization)
	if !ok || keyID != "64f0c7d2a1b2c3d4e5f60718" {
		tb.Fatalf("authorization %q: key %q, %v", v.Authorization, keyID, ok)
	}
	now, err := http.ParseTime(v.Headers["date"])
	if err != nil {
		tb.Fatal(err)
	}
	nonce, dated, err := checkSignature(r, v.Secret, signature, now.Add(time.Minute), 5*time.Minute)
	if err == nil && (nonce != v.Headers["x-authing-signature-nonce"] || !dated.Equal(now)) {
		tb.Errorf("nonce %q of %v", nonce, dated)
	}
	return err
}

func TestSignatureVectors(t *testing.T) {
	vectors := readSignatureVectors(t)
	if len(vectors) < 25 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			r := v.request(t)
			if n := len(candidates(r)); n < 1 || n > 8 {
				t.Errorf("%d candidates", n)
			}
			err := v.check(t, r)
			if v.Lost != "" {
				if codeOf(err) != "signature_wrong" {
					t.Errorf("%v, want signature_wrong: %s", err, v.Lost)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v; candidates %q", err, candidates(r))
			}
			for name, tamper := range map[string]func(r *signedRequest){
				"secret":     func(*signedRequest) { v.Secret += "x" },
				"method":     func(r *signedRequest) { r.Method = "PATCH" },
				"path":       func(r *signedRequest) { r.Path += "/" },
				"nonce":      func(r *signedRequest) { r.Header.Set(headerNonce, strings.Repeat("0", 32)) },
				"date":       func(r *signedRequest) { r.Header.Set("Date", strings.Replace(v.Headers["date"], "GMT", "+0000", 1)) },
				"language":   func(r *signedRequest) { r.Header.Set("X-Authing-Lang", "ja-JP") },
				"new header": func(r *signedRequest) { r.Header.Set("X-Authing-App-Id", "other") },
				"tenant":     func(r *signedRequest) { r.Header.Add("X-Authing-App-Id", "second") },
				"parameter": func(r *signedRequest) {
					if r.Method == http.MethodGet {
						r.Query.Set("added", "1")
					} else {
						r.Body = []byte(`{"added":1}`)
					}
				},
			} {
				changed, secret := r, v.Secret
				changed.Header, changed.Query = r.Header.Clone(), maps.Clone(r.Query)
				if changed.Query == nil {
					changed.Query = url.Values{}
				}
				tamper(&changed)
				if err := v.check(t, changed); codeOf(err) != "signature_wrong" {
					t.Errorf("with another %s: %v, want signature_wrong", name, err)
				}
				v.Secret = secret
			}
		})
	}
}

func codeOf(err error) string {
	if f := fault.As(err); f != nil && f.Kind == fault.Unauthenticated {
		return f.Code
	}
	return ""
}

func TestSignatureCandidates(t *testing.T) {
	const date, other = "2023-11-14T22:13:20.123Z", "2024-11-14T22:13:20.123Z"
	get := func(query string) signedRequest {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		return signedRequest{Method: "GET", Path: "/p", Query: values}
	}
	post := func(body string) signedRequest {
		return signedRequest{Method: "POST", Path: "/p", Query: url.Values{"unsigned": {"1"}}, Body: []byte(body)}
	}
	dates := func(n int) string {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf("%q:%q", string(rune('a'+i)), date))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	for name, c := range map[string]struct {
		r    signedRequest
		want []string // without the method
	}{
		"nothing":                  {get(""), []string{"/p", "/p?"}},
		"event channel":            {signedRequest{Method: "websocket"}, []string{"", "?"}},
		"blank body":               {post(" \n"), []string{"/p", "/p?"}},
		"sorted":                   {get("b=2&a=1&B=3"), []string{"/p?B=3&a=1&b=2"}},
		"a name with no value":     {get("a"), []string{"/p?a="}},
		"array":                    {get("a[]=x&a[]=%3C%22%5C%C3%A9%01"), []string{"/p?a=[\"x\",\"<\\\"\\\\é\\u0001\"]"}},
		"array of literals":        {get("a[]=1&a[]=true"), []string{`/p?a=["1","true"]`, `/p?a=[1,true]`}},
		"almost literals":          {get("a[]=1&a[]=x"), []string{`/p?a=["1","x"]`}},
		"not literals":             {get("a[]=+1&a[]=1"), []string{`/p?a=[" 1","1"]`}},
		"null is no literal":       {get("a[]=null"), []string{`/p?a=["null"]`}},
		"name twice":               {get("a=x&a=y"), []string{`/p?a=["x","y"]`}},
		"name in two forms":        {get("a=x&a[]=x"), nil},
		"date":                     {get("a=" + date), []string{"/p?a=" + date, `/p?a="` + date + `"`}},
		"two dates":                {post(`{"a":"` + date + `","b":"` + other + `"}`), []string{"/p?a=" + date + "&b=" + other, `/p?a="` + date + `"&b=` + other, "/p?a=" + date + `&b="` + other + `"`, `/p?a="` + date + `"&b="` + other + `"`}},
		"not quite a date":         {post(`{"a":"2023-11-14T22:13:20Z","b":"2023-13-14T22:13:20.123Z","c":"2023-11-14 22:13:20.123Z"}`), []string{"/p?a=2023-11-14T22:13:20Z&b=2023-13-14T22:13:20.123Z&c=2023-11-14 22:13:20.123Z"}},
		"date and literals":        {get("a[]=1&b=" + date), []string{`/p?a=["1"]&b=` + date, `/p?a=[1]&b=` + date, `/p?a=["1"]&b="` + date + `"`, `/p?a=[1]&b="` + date + `"`}},
		"body not compact":         {post("{ \"a\" : [ 1 , { \"b\" : \"c  d\" } ] , \"e\" : 1.0 }\n"), []string{`/p?a=[1,{"b":"c  d"}]&e=1.0`}},
		"body of another language": {post(`{"a":"\u5f20","b":{"c":"\u5f20"}}`), []string{`/p?a=张&b={"c":"\u5f20"}`}},
		"numbers as written":       {post(`{"a":-0,"b":1E21,"c":[1e+2]}`), []string{`/p?a=-0&b=1E21&c=[1e+2]`}},
		"array body":               {post(`["x",{"a":1}]`), []string{`/p?0=x&1={"a":1}`}},
		"empty array body":         {post(`[]`), []string{"/p", "/p?"}},
		"separators in a value":    {post(`{"a":"1&b=2"}`), []string{"/p?a=1&b=2"}},
		"body of GET":              {signedRequest{Method: "GET", Path: "/p", Body: []byte(`{"a":1}`)}, []string{"/p", "/p?"}},

		"name twice in a body":  {post(`{"a":1,"a":2}`), nil},
		"name twice deep":       {post(`{"a":{"b":1,"b":2}}`), nil},
		"string body":           {post(`"a"`), nil},
		"number body":           {post(`1`), nil},
		"form body":             {post(`a=1`), nil},
		"cut body":              {post(`{"a":1`), nil},
		"more after the body":   {post(`{"a":1}{}`), nil},
		"brackets do not match": {post(`{"a":1]`), nil},
		"trailing comma":        {post(`{"a":1,}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for _, w := range c.want {
				want = append(want, c.r.Method+"\n"+w)
			}
			if got := candidates(c.r); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
	for n, want := range map[int]int{1: 2, 2: 4, 3: 8, 4: 2, 26: 2} {
		got := candidates(post(dates(n)))
		slices.Sort(got)
		if len(slices.Compact(got)) != want {
			t.Errorf("%d dates: %d candidates, want %d", n, len(got), want)
		}
		if last := "POST\n/p?a=\"" + date; !strings.HasPrefix(got[0], last) {
			t.Errorf("%d dates: none with all of them quoted, %q", n, got[0])
		}
	}
}

func TestSignatureHeaders(t *testing.T) {
	got := signedHeaders(http.Header{
		"X-Authing-Lang":            {"\tzh-CN\u00a0\ufeff "},
		"X-Authing-App-Id":          {"a\tb"},
		"X-Authing-App-Tenant-Id":   {""},
		"x-authing-lower":           {"as a test sets it"},
		"X-Authing-Twice":           {"1", "2"},
		"X-Authing-Latin":           {"\xe9"},
		"X-Authing-Utf":             {"张"},
		"Date":                      {"Sat, 21 Nov 2026 18:37:20 GMT"},
		"X-Authingother":            {"not signed"},
		"Dates":                     {"not signed"},
		"Authorization":             {"not signed"},
		"X-Authing-Signature-Nonce": {"n"},
	})
	want := `date:Sat, 21 Nov 2026 18:37:20 GMT
x-authing-app-id:a b
x-authing-app-tenant-id:
x-authing-lang:zh-CN
x-authing-latin:é
x-authing-lower:as a test sets it
x-authing-signature-nonce:n
x-authing-twice:1,2
x-authing-utf:张
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSignatureAuthorization(t *testing.T) {
	for header, want := range map[string]struct {
		keyID, signature string
		ok               bool
	}{
		"authing key:c2ln":   {"key", "c2ln", true},
		"Authing key:c2ln=":  {"key", "c2ln=", true},
		"authing  key:c2ln ": {"key", "c2ln", true},
		"authing a:b:c2ln":   {"a:b", "c2ln", true},
		"":                   {},
		"authing":            {},
		"authing key":        {},
		"authing key:":       {},
		"authing :c2ln":      {},
		"authing:key:c2ln":   {},
		"Bearer key:c2ln":    {},
		"key:c2ln":           {},
	} {
		keyID, signature, ok := parseAuthorization(header)
		if keyID != want.keyID || signature != want.signature || ok != want.ok {
			t.Errorf("%q: %q, %q, %v", header, keyID, signature, ok)
		}
	}
}

func TestSignatureVerify(t *testing.T) {
	sign := func(secret, s string) string {
		mac := hmac.New(sha1.New, []byte(secret))
		mac.Write([]byte(s))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	good := sign("secret", "S")
	for name, c := range map[string]struct {
		secret     string
		candidates []string
		signature  string
		want       bool
	}{
		"only one":      {"secret", []string{"S"}, good, true},
		"first":         {"secret", []string{"S", "T"}, good, true},
		"last":          {"secret", []string{"T", "U", "S"}, good, true},
		"every":         {"secret", []string{"S", "S"}, good, true},
		"none":          {"secret", nil, good, false},
		"other string":  {"secret", []string{"T"}, good, false},
		"other secret":  {"secreT", []string{"S"}, good, false},
		"no secret":     {"", []string{"S"}, sign("", "S"), false},
		"no signature":  {"secret", []string{"S"}, "", false},
		"cut signature": {"secret", []string{"S"}, good[:24], false},
		"not base64":    {"secret", []string{"S"}, "!" + good[1:], false},
		"not padded":    {"secret", []string{"S"}, strings.TrimRight(good, "="), false},
		"two lines":     {"secret", []string{"S"}, good + "\nAAAA", false},
	} {
		if got := verify(c.secret, c.candidates, c.signature); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSignatureDate(t *testing.T) {
	now := time.Date(2026, 11, 3, 18, 37, 20, 500e6, time.UTC)
	const window = 5 * time.Minute
	for value, want := range map[string]string{ // to the date in RFC 3339, or to the code
		"Tue, 03 Nov 2026 18:37:20 GMT":    "2026-11-03T18:37:20Z",
		" Tue, 03 Nov 2026 18:37:20 GMT ":  "2026-11-03T18:37:20Z",
		"Tue, 3 Nov 2026 18:37:20 GMT":     "2026-11-03T18:37:20Z",
		"Wed, 04 Nov 2026 02:37:20 +0800":  "2026-11-03T18:37:20Z",
		"1793731040123":                    "2026-11-03T18:37:20.123Z",
		"Tue, 03 Nov 2026 18:32:21 GMT":    "2026-11-03T18:32:21Z",
		"Tue, 03 Nov 2026 18:32:20 GMT":    "signature_date_skew",
		"Tue, 03 Nov 2026 18:42:20 GMT":    "2026-11-03T18:42:20Z",
		"Tue, 03 Nov 2026 18:42:21 GMT":    "signature_date_skew",
		"Tue, 03 Nov 2026 18:37:20 +0800":  "signature_date_skew",
		"1793731040":                       "signature_date_skew", // seconds
		"0":                                "signature_date_skew",
		"":                                 "signature_date_missing",
		" ":                                "signature_date_missing",
		"now":                              "signature_date_format",
		"Tue, 03 Nov 2026 18:37:20 CST":    "signature_date_format",
		"Tue, 03 Nov 2026 18:37:20":        "signature_date_format",
		"Tuesday, 03-Nov-26 18:37:20 GMT":  "signature_date_format",
		"2026-11-03T18:37:20Z":             "signature_date_format",
		"99999999999999999999":             "signature_date_format",
		"-1793731040123":                   "signature_date_format",
		strings.Repeat("1", 1<<20):         "signature_date_format",
		"9223372036854775807":              "signature_date_skew",
		"Tue, 03 Nov 12026 18:37:20 GMT":   "signature_date_format",
		"Tue, 33 Nov 2026 18:37:20 GMT":    "signature_date_format",
		"Tue, 03 Nov 2026 18:37:20 GMT, x": "signature_date_format",
	} {
		got, err := checkDate(value, now, window)
		text := got.Format(time.RFC3339Nano)
		if err != nil {
			text = codeOf(err)
		}
		if text != want {
			t.Errorf("%.40q: %s, %v, want %s", value, text, err, want)
		}
	}
}

func TestSignatureChecks(t *testing.T) {
	now := time.Date(2026, 11, 3, 18, 37, 20, 0, time.UTC)
	const secretText = "secret"
	for name, c := range map[string]struct {
		change func(h http.Header)
		want   string
	}{
		"good":                 {func(http.Header) {}, ""},
		"no method":            {func(h http.Header) { h.Del(headerMethod) }, "signature_method"},
		"other method":         {func(h http.Header) { h.Set(headerMethod, "HMAC-SHA256") }, "signature_method"},
		"no version":           {func(h http.Header) { h.Del(headerVersion) }, "signature_version"},
		"other version":        {func(h http.Header) { h.Set(headerVersion, "2.0") }, "signature_version"},
		"no date":              {func(h http.Header) { h.Del("Date") }, "signature_date_missing"},
		"bad date":             {func(h http.Header) { h.Set("Date", "now") }, "signature_date_format"},
		"old date":             {func(h http.Header) { h.Set("Date", "1") }, "signature_date_skew"},
		"date of a browser":    {func(h http.Header) { h.Del("Date"); h.Set(headerSignedDate, "1793731040000") }, ""},
		"Date goes first":      {func(h http.Header) { h.Set("Date", "now"); h.Set(headerSignedDate, "1793731040000") }, "signature_date_format"},
		"no nonce":             {func(h http.Header) { h.Del(headerNonce) }, "signature_wrong"},
		"longest nonce":        {func(h http.Header) { h.Set(headerNonce, strings.Repeat("n", 64)) }, ""},
		"long nonce":           {func(h http.Header) { h.Set(headerNonce, strings.Repeat("n", 65)) }, "signature_wrong"},
		"nonce with a space":   {func(h http.Header) { h.Set(headerNonce, "a b") }, "signature_wrong"},
		"nonce beyond ASCII":   {func(h http.Header) { h.Set(headerNonce, "é") }, "signature_wrong"},
		"nonce with a control": {func(h http.Header) { h.Set(headerNonce, "a\x7f") }, "signature_wrong"},
	} {
		h := http.Header{}
		h.Set("Date", now.Format(http.TimeFormat))
		h.Set(headerMethod, "HMAC-SHA1")
		h.Set(headerVersion, "1.0")
		h.Set(headerNonce, "nonce")
		c.change(h)
		r := signedRequest{Method: "POST", Path: "/p", Header: h}
		mac := hmac.New(sha1.New, []byte(secretText))
		mac.Write([]byte(candidates(r)[0]))
		signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		nonce, dated, err := checkSignature(r, secretText, signature, now, time.Minute)
		if codeOf(err) != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err == nil && (nonce != h.Get(headerNonce) || !dated.Equal(now)) {
			t.Errorf("%s: nonce %q of %v", name, nonce, dated)
		}
		if err != nil && (nonce != "" || !dated.IsZero()) {
			t.Errorf("%s: gives nonce %q and date %v with an error", name, nonce, dated)
		}
	}
}

func TestSignatureNameOrder(t *testing.T) {
	// As Array.prototype.sort orders them.
	want := []string{"", "0", "1", "10", "2", "A", "Z", "a", "aa", "é", "\ud7ff", "\U00010000", "🔑", "🔑a", "🔒", "\U0010ffff", "\ue000", "！", "！a", "\uffff"}
	for i, a := range want {
		for j, b := range want {
			got := compareUTF16(a, b)
			if (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("compare %q with %q: %d", a, b, got)
			}
		}
	}
}

func FuzzStringToSign(f *testing.F) {
	for _, v := range readSignatureVectors(f) {
		f.Add(v.Method, v.Path, v.Query, []byte(v.Body), v.Headers["x-authing-app-id"])
	}
	f.Add("GET", "", "a[]=1&[]=2&a[][]=3&=4&%ff[]=%ff", []byte{}, "\xff")
	f.Add("POST", "/", "", []byte(`{"a":"`+"\xff"+`","\ud800":[[[]]],"\udfff":1e999}`), "\u0085")
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte, header string) {
		values, _ := url.ParseQuery(query) // what parses before an error is kept, as net/http does
		r := signedRequest{Method: method, Path: path, Query: values, Body: body, Header: http.Header{"X-Authing-App-Id": {header}}}
		before := string(body)
		found := candidates(r)
		if string(body) != before {
			t.Fatal("the body was changed")
		}
		if len(found) > 8 {
			t.Fatalf("%d candidates", len(found))
		}
		// Nothing may blow up: an escaped byte becomes six characters at most.
		limit := len(method) + len(path) + 6*(len(query)+len(body)) + 3*len(header) + 64
		for _, s := range found {
			if len(s) > limit {
				t.Errorf("%d bytes to sign of %d sent", len(s), limit)
			}
		}
		if len(found) > 0 && !slices.Equal(found, candidates(r)) {
			t.Error("not the same again")
		}
	})
}
