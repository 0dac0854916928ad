package hosted

import (
	"embed"
	"html/template"
	"net/url"
	"strings"
	"unicode/utf8"
)

//go:embed templates/page.html
var templates embed.FS

//go:embed assets
var assets embed.FS

// pageTemplate draws every page: they differ in their view alone.
var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{"icon": icon}).ParseFS(templates, "templates/page.html"))

// view is a page as the template draws it. Texts are in the page's language already.
type view struct {
	lang lang

	AppName     string
	Logo        template.URL // checked
	Style       template.CSS // checked values of the application's branding only
	Nonce, CSRF string
	Assets      string // where the stylesheet and the script are
	Langs       []tab
	Footer      string

	Emblem, EmblemKind string
	Heading, Lead      string
	Bad                bool // something is wrong: the page says so in its title and aloud
	Alert              *alert
	Who                *who
	Tabs               []tab
	TabsLabel          string
	QR                 *qr
	Recovery, UserCode string
	Scopes             []row
	Choices            []choice
	Forms              []form
	Next               *link
	Small              string
	Links              []link

	status  int  // of the answer; 0 is 200
	fetches bool // the script asks this server something
}

// T is a text in the page's language.
func (v *view) T(key string, args ...string) string { return v.lang.text(key, args...) }

// alert is a message above what it is about. Kind is error, good or nothing.
type alert struct{ Kind, Text, Reference string }

// Icon is the picture that goes with the kind.
func (a *alert) Icon() string {
	switch a.Kind {
	case "error":
		return "warning"
	case "good":
		return "check"
	}
	return "info"
}

// who is an account as its owner knows it.
type who struct{ Name, Detail, SwitchURL string }

// Initial stands in the place of a picture.
func (w *who) Initial() string { return initial(w.Name) }

func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(strings.TrimSpace(name))
	if r == utf8.RuneError {
		return "?"
	}
	return string(r)
}

type tab struct {
	Text, URL, Lang string
	Current         bool
}

type link struct{ Before, Text, URL string }

type row struct{ Icon, Title, Detail string }

// choice is a button for one of several ways: a link, or a form with one value.
type choice struct {
	Icon, Initial, Title, Detail string
	URL                          string
	Action, Name, Value          string
}

// qr is a code to scan. Poll is asked now and then whether it has been.
type qr struct {
	Image  template.URL
	Secret string
	Poll   string
}

// form is what a page sends. Every form carries the page's token.
type form struct {
	Action  string
	Class   string
	Divider bool
	Hidden  []pair
	Inputs  []input
	Buttons []button
	Pair    bool
	Scan    bool   // the script sends it when what is polled is done
	Passkey string // get or create: the script asks Options and puts the answer of the device into the form
	Options string
	Without string // what is said where the browser has no passkeys
}

type pair struct{ Name, Value string }

type button struct {
	Text, Kind, Icon string
	Name, Value      string
	Wait             int // seconds until it may be pressed
}

// input is one thing that a form asks for.
type input struct {
	Name, Type, Label string
	Class, Mode       string
	Complete          string // token of autocomplete (HTML, "Autofill")
	Value             string
	Hint, Wrong       string
	Optional          string
	Required          bool
	Focus             bool
	Verbatim          bool // spelling is the person's own
	Checked           bool
	Most              int
	Digits            int // sent by itself when it has so many
	Country           string
	CountryLabel      string
	Choices           []option
	Rich              template.HTML // the label, cleaned
	Image             template.URL
	about             string // the element that says what is wrong with the whole form
}

type option struct{ Value, Text string }

// ID is the element's, one for each name.
func (i input) ID() string { return "f-" + i.Name }

// Describes lists what a screen reader reads after the label.
func (i input) Describes() string {
	var ids []string
	if i.about != "" {
		ids = append(ids, i.about)
	}
	if i.Wrong != "" {
		ids = append(ids, i.ID()+"-wrong")
	}
	if i.Hint != "" {
		ids = append(ids, i.ID()+"-hint")
	}
	return strings.Join(ids, " ")
}

// focus puts the cursor where the person goes on: the first input that is wrong, or else the first one that is empty.
func (v *view) focus() {
	for _, want := range []func(*input) bool{
		func(i *input) bool { return i.Wrong != "" && i.Type != "checkbox" },
		func(i *input) bool { return i.Value == "" && i.Type != "checkbox" && i.Required },
	} {
		for f := range v.Forms {
			for i := range v.Forms[f].Inputs {
				if in := &v.Forms[f].Inputs[i]; want(in) {
					in.Focus = true
					if v.Bad && v.Alert != nil {
						in.about = "alert" // so that it is read when the page opens
					}
					return
				}
			}
		}
	}
}

// at is a path with a query, in the order of the pairs, leaving out those without a value.
func at(path string, pairs ...string) string {
	q := ""
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		if q != "" {
			q += "&"
		}
		q += url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1])
	}
	if q == "" {
		return path
	}
	return path + "?" + q
}

// icons are lines on a field of 24 by 24.
var icons = map[string]string{
	"hall":     `<path d="M3 9.5 12 4l9 5.5M4 20h16M6 10v7M10 10v7M14 10v7M18 10v7"/>`,
	"warning":  `<circle cx="12" cy="12" r="9"/><path d="M12 7.5v5.5M12 16.2v.1"/>`,
	"info":     `<circle cx="12" cy="12" r="9"/><path d="M12 11v5.5M12 7.7v.1"/>`,
	"check":    `<circle cx="12" cy="12" r="9"/><path d="m8 12.3 2.8 2.8L16 9.5"/>`,
	"eye":      `<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z"/><circle cx="12" cy="12" r="2.75"/>`,
	"next":     `<path d="m9 5.5 6.5 6.5L9 18.5"/>`,
	"key":      `<circle cx="8" cy="15.5" r="4.5"/><path d="m11.2 12.3 8.3-8.3M16 7.5l3 3"/>`,
	"passkey":  `<circle cx="9.5" cy="7.5" r="3.75"/><path d="M3 20c0-4 2.8-6.5 6.5-6.5 1.2 0 2.3.3 3.2.8"/><circle cx="17.5" cy="13" r="2.75"/><path d="M17.5 15.75V21l1.7-1.5-1.4-1.2 1.4-1.2"/>`,
	"phone":    `<rect x="7" y="2.5" width="10" height="19" rx="2.25"/><path d="M11 18.5h2"/>`,
	"mail":     `<rect x="3" y="5" width="18" height="14" rx="2.25"/><path d="m3.5 7 8.5 6.5L20.5 7"/>`,
	"clock":    `<circle cx="12" cy="12" r="9"/><path d="M12 7v5.2l3.4 2"/>`,
	"shield":   `<path d="M12 3 4.5 6v5.5c0 4.6 3.1 8 7.5 9.5 4.4-1.5 7.5-4.9 7.5-9.5V6Z"/><path d="m8.8 11.8 2.3 2.3 4.2-4.3"/>`,
	"lock":     `<rect x="5" y="10.5" width="14" height="10" rx="2.25"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5"/>`,
	"person":   `<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c.6-4.2 3.5-6.5 7.5-6.5s6.9 2.3 7.5 6.5"/>`,
	"people":   `<circle cx="9" cy="8.5" r="3.5"/><path d="M2.5 19.5c.5-3.7 3-5.5 6.5-5.5s6 1.8 6.5 5.5M16 5.3a3.5 3.5 0 0 1 0 6.4M18 14.4c2 .7 3.2 2.4 3.5 5.1"/>`,
	"home":     `<path d="m3.5 11 8.5-7 8.5 7M6 9.5V20h12V9.5M10 20v-5.5h4V20"/>`,
	"building": `<rect x="5" y="3.5" width="14" height="17" rx="1.75"/><path d="M9 8h1.5M13.5 8H15M9 12h1.5M13.5 12H15M10.5 20.5V16h3v4.5"/>`,
	"list":     `<path d="M9 6.5h11M9 12h11M9 17.5h11M4.5 6.5h.1M4.5 12h.1M4.5 17.5h.1"/>`,
	"screen":   `<rect x="3" y="4.5" width="18" height="12" rx="2"/><path d="M9 20.5h6M12 16.5v4"/>`,
	"out":      `<path d="M14 4.5H6.5A1.5 1.5 0 0 0 5 6v12a1.5 1.5 0 0 0 1.5 1.5H14M10.5 12h10M17 8.5l3.5 3.5-3.5 3.5"/>`,
	"plus":     `<circle cx="12" cy="12" r="9"/><path d="M12 8v8M8 12h8"/>`,
}

// icon is an inline picture that screen readers pass over.
func icon(name string) template.HTML {
	return template.HTML(`<svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">` + icons[name] + `</svg>`)
}
