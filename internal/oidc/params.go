package oidc

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// params are a request's parameters, each once; one without a value is as if it were not there (RFC 6749 3.1 and 3.2).
type params map[string]string

// mayRepeat are the parameters that a later specification lets stand more than once (RFC 8707 2).
var mayRepeat = map[string]bool{"resource": true}

// parseParams reads the text of a query or of a form. What is wrong is told with what could be read: a parameter that stands twice
// (RFC 6749 3.1: "MUST NOT be included more than once") is left out of the result and named in twice.
func parseParams(text string) (p params, twice []string, err error) {
	p = params{}
	seen := map[string]bool{}
	values, err := url.ParseQuery(text)
	if err != nil {
		return p, nil, refusal("invalid_request", "the parameters are not well encoded")
	}
	for name, list := range values {
		if !utf8.ValidString(name) {
			return p, nil, refusal("invalid_request", "a parameter is not UTF-8")
		}
		for _, v := range list {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return p, nil, refusal("invalid_request", "a parameter is not UTF-8: "+name)
			}
			if seen[name] && !mayRepeat[name] {
				twice = append(twice, name)
				delete(p, name)
				break
			}
			seen[name] = true
			if v != "" {
				p[name] = v
			}
		}
	}
	return p, twice, nil
}

// once reads parameters and refuses any that stands twice.
func once(text string) (params, error) {
	p, twice, err := parseParams(text)
	if err != nil {
		return nil, err
	}
	if len(twice) > 0 {
		return nil, refusal("invalid_request", "a parameter stands more than once: "+twice[0])
	}
	return p, nil
}

// formKey is where readForm leaves the body's text.
type formKey struct{}

// readForm reads the body of a request and leaves its text in the context. A body without a content type is a form: official clients
// send some like that (auth-notes 2). Any other type is refused (RFC 6749 3.2: application/x-www-form-urlencoded).
func readForm(r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return &Error{Code: "invalid_request", Description: "the request is too large", Status: http.StatusRequestEntityTooLarge}
		}
		return refusal("invalid_request", "the request cannot be read")
	}
	if ct := r.Header.Get("Content-Type"); ct != "" && len(b) > 0 {
		kind, _, err := mime.ParseMediaType(ct)
		if err != nil || kind != "application/x-www-form-urlencoded" {
			return refusal("invalid_request", "the body is no application/x-www-form-urlencoded")
		}
	}
	*r = *r.WithContext(context.WithValue(r.Context(), formKey{}, string(b)))
	return nil
}

// form is the text of the request's body.
func form(r *http.Request) string {
	text, _ := r.Context().Value(formKey{}).(string)
	return text
}
