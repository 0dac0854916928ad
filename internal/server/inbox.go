package server

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/notify"
)

// inboxPath is where developers read what the server would have sent.
const inboxPath = "/dev/inbox"

// mountInbox serves the developer's inbox: a page for people, JSON for tests (Accept: application/json, or ?format=json), of one address
// with ?to=. It stands only where the server was started in the developer's mode.
func (s *Server) mountInbox(mux *http.ServeMux) {
	mux.HandleFunc("GET "+inboxPath, func(w http.ResponseWriter, r *http.Request) {
		// The inbox holds codes: pages of other sites that the developer has open may not read it, whatever CORS says.
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" || r.Header.Get("Origin") != "" && site == "" {
			http.Error(w, "the inbox is not for other pages", http.StatusForbidden)
			return
		}
		list := s.inbox.Messages(r.URL.Query().Get("to"))
		if r.URL.Query().Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			_ = json.MarshalWrite(w, struct {
				Messages []notify.Caught `json:"messages"`
			}{list})
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		_ = inboxPage.Execute(w, list)
	})
}

var inboxPage = template.Must(template.New("inbox").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Inbox · Guildhall</title>
<style>
:root{color-scheme:light dark}
body{overflow-wrap:anywhere;max-width:60rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif}
article{border:1px solid #8886;border-radius:8px;padding:1rem;margin:1rem 0}
h2{font-size:1rem;margin:0}.code{font-size:1.6rem;letter-spacing:.2em;font-weight:600}
small{opacity:.75}pre{white-space:pre-wrap;font:inherit;margin:.5rem 0}iframe{width:100%;height:24rem;border:1px solid #8886;background:#fff}
</style></head><body>
<h1>Inbox</h1>
<p>Mails and texts that this server would have sent, newest first. It sends none: it runs in the developer's mode.</p>
{{range .}}<article><h2>{{if .Subject}}{{.Subject}}{{else}}{{.Kind}}{{end}}</h2>
<small>{{.Channel}} to {{.To}} · {{.At}} · {{.Kind}}</small>
{{if .Code}}<p class="code">{{.Code}}</p>{{end}}{{if .Link}}<p><a href="{{.Link}}">{{.Link}}</a></p>{{end}}
<pre>{{.Text}}</pre>{{if .HTML}}<details><summary>The mail</summary><iframe sandbox srcdoc="{{.HTML}}" title="The mail"></iframe></details>{{end}}
</article>{{else}}<p>Nothing yet.</p>{{end}}
</body></html>
`))
