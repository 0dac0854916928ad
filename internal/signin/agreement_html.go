package signin

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// marks are the elements without attributes that an agreement's title may have. Other elements are left out and their text kept.
var marks = map[atom.Atom]bool{atom.B: true, atom.Strong: true, atom.I: true, atom.Em: true, atom.U: true, atom.S: true, atom.Small: true,
	atom.Sub: true, atom.Sup: true, atom.Code: true, atom.Span: true, atom.Br: true}

// unseen are the elements whose text is no text of the page, or that a parser reads by rules of its own.
var unseen = map[string]bool{"script": true, "style": true, "template": true, "iframe": true, "noembed": true, "noframes": true, "noscript": true,
	"xmp": true, "plaintext": true, "textarea": true, "title": true, "svg": true, "math": true, "object": true, "select": true}

// cleanHTML leaves of a fragment of HTML what a page may show as it is: text, links to the web or to a mailbox, and simple marks
// without attributes. It writes each element anew and closes what is open, so nothing of the input's own markup reaches a browser.
// What is blank without its markup is "". Cleaning twice changes nothing more.
func cleanHTML(fragment string) string {
	var (
		out  strings.Builder
		open []string // the elements of out that are open
		skip string   // the unseen element that the tokenizer is in
		deep int      // how many of it are open
		seen bool     // text has been written
	)
	z := html.NewTokenizer(strings.NewReader(fragment))
	for {
		kind := z.Next()
		if kind == html.ErrorToken { // the end: a reader of a string fails by nothing else
			break
		}
		t := z.Token()
		if skip != "" {
			switch {
			case t.Data != skip:
			case kind == html.StartTagToken:
				deep++
			case kind == html.EndTagToken:
				if deep--; deep == 0 {
					skip = ""
				}
			}
			continue
		}
		switch kind {
		case html.TextToken:
			seen = seen || strings.TrimSpace(t.Data) != ""
			out.WriteString(escapeText(t.Data))
		case html.StartTagToken, html.SelfClosingTagToken:
			switch {
			case unseen[t.Data]:
				if kind == html.StartTagToken {
					skip, deep = t.Data, 1
				}
			case t.DataAtom == atom.A:
				// A link inside a link is none: the outer one ends, as browsers have it.
				open = shut(&out, open, "a")
				if href := safeLink(t); href != "" {
					out.WriteString(`<a href="` + html.EscapeString(href) + `" target="_blank" rel="noopener noreferrer">`)
					open = append(open, "a")
				}
			case t.DataAtom == atom.Br:
				out.WriteString("<br>")
			case marks[t.DataAtom]:
				out.WriteString("<" + t.Data + ">")
				open = append(open, t.Data)
			}
		case html.EndTagToken:
			open = shut(&out, open, t.Data)
		}
	}
	for i := len(open) - 1; i >= 0; i-- {
		out.WriteString("</" + open[i] + ">")
	}
	if !seen {
		return ""
	}
	return out.String()
}

// shut closes the innermost open element of a name with all that is open in it, or nothing.
func shut(out *strings.Builder, open []string, name string) []string {
	for i := len(open) - 1; i >= 0; i-- {
		if open[i] != name {
			continue
		}
		for j := len(open) - 1; j >= i; j-- {
			out.WriteString("</" + open[j] + ">")
		}
		return open[:i]
	}
	return open
}

var textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escapeText leaves quotes as they are: they mean nothing between elements.
func escapeText(s string) string { return textEscapes.Replace(s) }

// safeLink is where a link leads, or "" where it leads nowhere that a page may lead to: to anything but the web, a mailbox, or a path
// of the page's own server.
func safeLink(t html.Token) string {
	for _, a := range t.Attr {
		if a.Namespace != "" || a.Key != "href" {
			continue
		}
		u, err := url.Parse(strings.TrimSpace(a.Val))
		if err != nil {
			return ""
		}
		switch u.Scheme {
		case "http", "https":
			if u.Host == "" || u.User != nil {
				return ""
			}
		case "mailto":
		case "":
			if u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.ContainsAny(u.Path, "\\") || strings.HasPrefix(u.Path, "//") {
				return ""
			}
		default:
			return ""
		}
		return u.String()
	}
	return ""
}
