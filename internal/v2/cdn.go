package v2

import (
	"net/http"
	"strings"
)

// mountCDN serves what the login component loads beside the configuration: a sprite of icons, which it puts into its page, and the
// logo of applications that have none.
func mountCDN(mux *http.ServeMux) {
	for path, text := range map[string]string{"/svg-string/guard": sprite(), "/logo.svg": logo} {
		mux.HandleFunc("GET "+cdnPath+path, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "image/svg+xml")
			h.Set("Cache-Control", "public, max-age=86400")
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
			_, _ = w.Write([]byte(text))
		})
	}
}

// logo is a hall with a gable and three columns.
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#2f4b8f"/>` +
	`<path d="M12 28 32 13l20 15zM16 32h6v14h-6zM29 32h6v14h-6zM42 32h6v14h-6zM12 48h40v5H12z" fill="#fff"/></svg>`

// icons are those that the component draws, by the names that it uses, on a square of 24. Lines take the colour of the text.
var icons = []struct{ names, body string }{
	{"authing-a-lock-line1", `<path d="M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3" ` + line + `/>`},
	{"authing-a-user-line1 authing-account-circle-line", `<circle cx="12" cy="8" r="4" ` + line + `/><path d="M4 21c1-5 4-7 8-7s7 2 8 7" ` + line + `/>`},
	{"authing-a-shield-check-line1", `<path d="M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6zM8.5 12l2.5 2.5 4.5-4.5" ` + line + `/>`},
	{"authing-arrow-left-s-line", `<path d="M15 5l-7 7 7 7" ` + line + `/>`},
	{"authing-arrow-down-s-fill", `<path d="M6 9h12l-6 7z" fill="currentColor"/>`},
	{"authing-checkbox-circle-fill", `<circle cx="12" cy="12" r="10" fill="currentColor"/><path d="M7.5 12l3 3 6-6" fill="none" stroke="#fff" stroke-width="2"/>`},
	{"authing-refer-qr-code authing-a-erweima22", `<path d="M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM14 18h2v2h-2zM18 14h2v2h-2z" ` + line + `/>`},
	{"authing-close-line", `<path d="M5 5l14 14M19 5L5 19" ` + line + `/>`},
	{"authing-bianzu authing-information-fill authing-error-warning-fill1", `<circle cx="12" cy="12" r="10" fill="currentColor"/><path d="M12 6v7M12 16v2" fill="none" stroke="#fff" stroke-width="2"/>`},
	{"authing-a-question-line1", `<circle cx="12" cy="12" r="9" ` + line + `/><path d="M9 9.5a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17v1" ` + line + `/>`},
	{"authing-a-eye-line1 authing-authing-eye-fill", `<path d="M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7z" ` + line + `/><circle cx="12" cy="12" r="3" ` + line + `/>`},
	{"authing-a-eye-close-line1 authing-authing-eye-off-fill", `<path d="M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7zM4 4l16 16" ` + line + `/>`},
	{"authing-a-share-forward-line1", `<path d="M13 5l7 6-7 6v-4c-5 0-7 2-9 5 0-6 3-10 9-10z" ` + line + `/>`},
	{"authing-slideshow-3-line authing-diannao", `<path d="M3 4h18v12H3zM12 16v4M8 20h8" ` + line + `/>`},
	{"authing-add-line", `<path d="M12 5v14M5 12h14" ` + line + `/>`},
	{"authing-indeterminate-circle-line", `<circle cx="12" cy="12" r="9" ` + line + `/><path d="M7 12h10" ` + line + `/>`},
	{"authing-more-fill", `<path d="M4 10h4v4H4zM10 10h4v4h-4zM16 10h4v4h-4z" fill="currentColor"/>`},
	{"authing-a-mail-line3 authing-mail", `<path d="M3 5h18v14H3zM3 6l9 7 9-7" ` + line + `/>`},
	{"authing-a-smartphone-line1 authing-phone", `<path d="M7 2h10v20H7zM11 19h2" ` + line + `/>`},
	{"authing-otp authing-totp authing-otp-push", `<circle cx="12" cy="13" r="8" ` + line + `/><path d="M12 8v5l3 2M9 2h6" ` + line + `/>`},
	{"authing-bind", `<path d="M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1" ` + line + `/>`},
	{"authing-face", `<circle cx="12" cy="12" r="9" ` + line + `/><path d="M8 15c2 2 6 2 8 0M9 9v1M15 9v1" ` + line + `/>`},
	{"authing-user-received-2-line", `<circle cx="10" cy="8" r="4" ` + line + `/><path d="M3 21c1-5 3-7 7-7M14 18l3 3 5-6" ` + line + `/>`},
}

const line = `fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"`

// sprite is one svg of all icons.
func sprite() string {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">`)
	for _, icon := range icons {
		for name := range strings.FieldsSeq(icon.names) {
			b.WriteString(`<symbol id="` + name + `" viewBox="0 0 24 24">` + icon.body + `</symbol>`)
		}
	}
	b.WriteString(`</svg>`)
	return b.String()
}
