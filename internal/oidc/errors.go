package oidc

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Error is a refusal in the protocol's words (RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6).
type Error struct {
	Code        string
	Description string // ASCII without quotes and backslashes (RFC 6749 5.2)
	Status      int
	Basic       bool // the client tried HTTP Basic: RFC 6749 5.2 wants the challenge
}

func (e *Error) Error() string { return e.Code + ": " + e.Description }

func refusal(code, description string) *Error {
	return &Error{Code: code, Description: description, Status: http.StatusBadRequest}
}

var (
	serverError = &Error{Code: "server_error", Description: "the server failed, see its log", Status: http.StatusInternalServerError}
	unavailable = &Error{Code: "temporarily_unavailable", Description: "the server cannot answer now, try again", Status: http.StatusServiceUnavailable}
)

// plain makes a text fit for error_description: what a client has sent may stand in it.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, text)
	if len(text) > 200 {
		text = text[:200]
	}
	return text
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b)
}

func writeError(w http.ResponseWriter, _ *http.Request, e *Error) {
	if e.Basic {
		w.Header().Set("WWW-Authenticate", `Basic realm="guildhall", error="`+e.Code+`"`)
	}
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, e.Status, map[string]string{"error": e.Code, "error_description": plain(e.Description)})
}
