package browser_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/guildhall-id/guildhall/internal/browser"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Whose pages sign the browser in.
func TestSetSession(t *testing.T) {
	cookies := browser.NewCookies("http://id.example", false)
	cookies.Allow = func(_ context.Context, poolID, _, origin string) (bool, error) {
		return poolID == "p" && origin == "http://app.example", nil
	}
	for name, c := range map[string]struct {
		header map[string]string
		want   bool
	}{
		"no browser":                        {nil, true},
		"our own page":                      {map[string]string{"Origin": "http://id.example", "Sec-Fetch-Site": "same-origin"}, true},
		"our own page, by its host":         {map[string]string{"Origin": "http://id.example"}, true},
		"a form of ours, which says null":   {map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}, true},
		"an application's page":             {map[string]string{"Origin": "http://app.example", "Sec-Fetch-Site": "cross-site"}, true},
		"a stranger's page":                 {map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, false},
		"a stranger's form, which says so":  {map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, false},
		"a stranger's form, which hides it": {map[string]string{"Origin": "null", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, false},
		"the same, an old browser":          {map[string]string{"Origin": "null"}, false},
		"a neighbour of the same site":      {map[string]string{"Origin": "http://other.id.example", "Sec-Fetch-Site": "same-site"}, false},
		"a stranger's picture":              {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, false},
		"a link":                            {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "http://id.example/login", nil)
			for key, value := range c.header {
				r.Header.Set(key, value)
			}
			w := httptest.NewRecorder()
			browser.Wrap(cookies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				browser.From(r.Context()).SetSession(&signin.Session{PoolID: "p", ExpiresAt: 4e12}, "secret", true)
			})).ServeHTTP(w, r)
			if got := len(w.Result().Cookies()) == 1; got != c.want {
				t.Errorf("%v", w.Result().Cookies())
			}
		})
	}
}
