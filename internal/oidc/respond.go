package oidc

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// pair is one parameter of an answer. Answers keep the order in which they were written.
type pair struct{ name, value string }

// respond sends the answer of an authorization request to its redirect URI. All answers name the issuer (RFC 9207) and give the state
// back. A redirect is 303, so that no form is ever posted on (RFC 9700 4.12).
func (p *Provider) respond(w http.ResponseWriter, r *http.Request, f face, to *reply, answer []pair) error {
	if to.has {
		answer = append(answer, pair{"state", to.state})
	}
	answer = append(answer, pair{"iss", p.issuer(f)})
	switch to.mode {
	case modeFormPost:
		return formPost(w, to.uri, answer)
	case modeWebMessage:
		return webMessage(w, to.uri, answer)
	}
	var b strings.Builder
	for i, a := range answer {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(a.name) + "=" + url.QueryEscape(a.value))
	}
	// The registered address is kept byte for byte, its own query included (RFC 6749 3.1.2).
	address := to.uri
	switch {
	case to.mode == modeFragment:
		address += "#"
	case !strings.Contains(address, "?"):
		address += "?"
	case !strings.HasSuffix(address, "?") && !strings.HasSuffix(address, "&"):
		address += "&"
	}
	w.Header().Set("Location", address+b.String())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// refuse sends a refusal to the redirect URI (RFC 6749 4.1.2.1).
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, f face, to *reply, e *Error) error {
	return p.respond(w, r, f, to, []pair{{"error", e.Code}, {"error_description", plain(e.Description)}})
}

func scriptNonce() string {
	var b [18]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

var formPostPage = template.Must(template.New("form_post").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>One moment</title></head>
<body><form method="post" action="{{.Action}}">
{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{end}}<noscript><button type="submit">Continue</button></noscript></form>
<script nonce="{{.Nonce}}">document.forms[0].submit()</script></body></html>
`))

// formPost answers with a form that posts itself (OAuth 2.0 Form Post Response Mode 2).
func formPost(w http.ResponseWriter, uri string, answer []pair) error {
	type field struct{ Name, Value string }
	data := struct {
		Action template.URL // one of the application's registered addresses, byte for byte
		Fields []field
		Nonce  string
	}{Action: template.URL(uri), Nonce: scriptNonce()}
	for _, a := range answer {
		data.Fields = append(data.Fields, field{a.name, a.value})
	}
	var b bytes.Buffer
	if err := formPostPage.Execute(&b, data); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'nonce-"+data.Nonce+"'")
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(b.Bytes())
	return err
}

// webMessage answers with a page that tells its opener or its parent (auth-notes 3). Only a window of the redirect URI's own origin
// hears it: the browser compares. A window that was opened for this closes itself, a little later: the clients take a closed window for
// a refusal, and must have heard first. The page may stand in a frame of any page, which then hears nothing.
func webMessage(w http.ResponseWriter, uri string, answer []pair) error {
	response := make(map[string]string, len(answer))
	for _, a := range answer {
		response[a.name] = a.value
	}
	// json escapes <, > and & so that no value ends the script.
	message, err := json.Marshal(map[string]any{"type": "authorization_response", "response": response})
	if err != nil {
		return err
	}
	origin, err := json.Marshal(originOf(uri))
	if err != nil {
		return err
	}
	nonce := scriptNonce()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'nonce-"+nonce+"'")
	w.WriteHeader(http.StatusOK)
	_, err = w.Write([]byte(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>One moment</title></head><body>
<script nonce="` + nonce + `">(function () {
  var to = window.opener || (window.parent !== window ? window.parent : null);
  if (to) to.postMessage(` + string(message) + `, ` + string(origin) + `);
  if (window.opener) setTimeout(function () { window.close() }, 100);
})()</script></body></html>
`))
	return err
}
