package signin

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

func TestCleanHTML(t *testing.T) {
	const to = ` target="_blank" rel="noopener noreferrer">`
	for _, c := range []struct{ name, in, want string }{
		{"text", "A test agreement", "A test agreement"},
		{"quotes", `it's "fine"`, `it's "fine"`},
		{"signs", "1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"},
		{"entities", "&lt;b&gt; &amp; &#169;", "&lt;b&gt; &amp; ©"},
		{"a link", `I agree to the <a href="https://example.com/terms?a=1&b=2">terms</a>`, `I agree to the <a href="https://example.com/terms?a=1&amp;b=2"` + to + `terms</a>`},
		{"a link of this server", `<a href="/terms">terms</a>`, `<a href="/terms"` + to + `terms</a>`},
		{"a mailbox", `<a href="mailto:law@example.com">us</a>`, `<a href="mailto:law@example.com"` + to + `us</a>`},
		{"other attributes", `<a href="https://example.com" onclick="x()" style="y" target="_top">a</a>`, `<a href="https://example.com"` + to + `a</a>`},
		{"marks", `<b>a</b> <EM class="x">b</EM><br/>c`, `<b>a</b> <em>b</em><br>c`},
		{"unknown elements", `<div><h1>a</h1><p>b</p></div>`, `ab`},
		{"a script", `a<script>alert(1)</script>b`, `ab`},
		{"a script that ends in an attribute", `a<script x="</script>">b</script>c`, `ac`},
		{"a style", `a<style>b{}</style>c`, `ac`},
		{"a comment", `a<!-- <script>x</script> -->b`, `ab`},
		{"a picture", `a<img src=x onerror=alert(1)>b`, `ab`},
		{"a form", `<form action="https://evil.example"><input name=x><button>go</button></form>`, `go`},
		{"a frame", `a<iframe src="https://evil.example">b</iframe>c`, `ac`},
		{"svg", `a<svg><a href="javascript:x">b</a><script>c</script></svg>d`, `ad`},
		{"svg in svg", `a<svg><svg></svg>b</svg>c`, `ac`},
		{"a link that runs", `<a href="javascript:alert(1)">a</a>`, `a`},
		{"in another case", `<a href="JaVaScRiPt:alert(1)">a</a>`, `a`},
		{"with a tab", "<a href=\"java\tscript:alert(1)\">a</a>", `a`},
		{"with entities", `<a href="&#106;avascript:alert(1)">a</a>`, `a`},
		{"data", `<a href="data:text/html,x">a</a>`, `a`},
		{"another server by its path", `<a href="//evil.example">a</a>`, `a`},
		{"another server by a backslash", `<a href="/\evil.example">a</a>`, `a`},
		{"a name in front", `<a href="https://example.com@evil.example">a</a>`, `a`},
		{"no address", `<a>a</a>`, `a`},
		{"two addresses", `<a href="https://example.com" href="javascript:x">a</a>`, `<a href="https://example.com"` + to + `a</a>`},
		{"an address that breaks out", `<a href='https://example.com/"onmouseover="x'>a</a>`, `<a href="https://example.com/%22onmouseover=%22x"` + to + `a</a>`},
		{"open elements", `<b><i>a`, `<b><i>a</i></b>`},
		{"crossed elements", `<b><i>a</b>b</i>`, `<b><i>a</i></b>b`},
		{"ends without beginnings", `</b>a</div></a>`, `a`},
		{"a link in a link", `<a href="https://a.example">a<a href="https://b.example">b</a></a>`,
			`<a href="https://a.example"` + to + `a</a><a href="https://b.example"` + to + `b</a>`},
		{"half an element", `a<b`, `a`},
		{"nothing", "", ""},
		{"blank", " \n", ""},
		{"blank in marks", "<b> </b>", ""},
		{"only a picture", "<img src=x>", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := cleanHTML(c.in)
			if got != c.want {
				t.Errorf("%q\nbecame %q\nwant   %q", c.in, got, c.want)
			}
			if again := cleanHTML(got); again != got {
				t.Errorf("cleaned twice it is %q", again)
			}
		})
	}
}

// Whatever is cleaned has, for a browser's parser, only the elements and attributes that may be there.
func FuzzCleanHTML(f *testing.F) {
	for _, seed := range []string{"<a href=/x>", "<b><i>a</b>", "<svg><script>", "<a href='javascript:x'>", "<noscript><p title=\"</noscript><img src=x onerror=y>\">", "<math><mtext></form>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := cleanHTML(in)
		if again := cleanHTML(got); utf8.ValidString(in) && again != got {
			t.Errorf("%q became %q, and then %q", in, got, again)
		}
		nodes, err := html.ParseFragment(strings.NewReader(got), nil)
		if err != nil {
			t.Fatal(err)
		}
		var look func(n *html.Node)
		look = func(n *html.Node) {
			if n.Type == html.ElementNode && n.Data != "html" && n.Data != "head" && n.Data != "body" {
				if !marks[n.DataAtom] && n.Data != "a" {
					t.Errorf("%q became %q, which has %s", in, got, n.Data)
				}
				for _, a := range n.Attr {
					if n.Data != "a" || a.Key != "href" && a.Key != "target" && a.Key != "rel" {
						t.Errorf("%q became %q, which has %s", in, got, a.Key)
					}
				}
			}
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				look(c)
			}
		}
		for _, n := range nodes {
			look(n)
		}
	})
}
