package oidc

import (
	"html/template"
	"net/http"

	"github.com/guildhall-id/guildhall/internal/signin"
)

// plainPages are pages without looks, for a provider that is given no others.
type plainPages struct{}

var plainPage = template.Must(template.New("plain").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title></head>
<body><main><h1>{{.Title}}</h1><p>{{.Text}}</p>{{if .Action}}<form method="post" action="{{.Action}}">
{{range $name, $value := .Fields}}<input type="hidden" name="{{$name}}" value="{{$value}}">
{{end}}<button type="submit">Sign out</button></form>{{end}}</main></body></html>
`))

type plainText struct {
	Title, Text, Action string
	Fields              map[string]string
}

func writePlain(w http.ResponseWriter, status int, page plainText) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = plainPage.Execute(w, page)
}

func (plainPages) Error(w http.ResponseWriter, _ *http.Request, _ *signin.Application, status int, code, description string) {
	writePlain(w, status, plainText{Title: "This did not work", Text: code + ": " + description})
}

func (plainPages) SignedOut(w http.ResponseWriter, _ *http.Request, _ *signin.Application) {
	writePlain(w, http.StatusOK, plainText{Title: "You are signed out", Text: "You can close this window."})
}

func (plainPages) ConfirmLogout(w http.ResponseWriter, _ *http.Request, _ *signin.Application, action string, fields map[string]string) {
	writePlain(w, http.StatusOK, plainText{Title: "Sign out?", Text: "An application asks to sign you out.", Action: action, Fields: fields})
}
