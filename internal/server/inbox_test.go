package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/notify"
)

func TestInbox(t *testing.T) {
	s, logs := build(t, map[string]string{"dev": "true"})
	made, err := s.CreatePool(t.Context(), "p", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []notify.Message{
		{Channel: notify.Mail, To: "ann@example.com", Kind: notify.LoginCode, Params: notify.Params{App: `<script>alert(1)</script>`, Code: "482913", Minutes: 10}},
		{Channel: notify.SMS, To: "+8613800138000", Kind: notify.LoginCode, Language: "en", Params: notify.Params{App: "Shop", Code: "111111", Minutes: 10}},
	} {
		if err := s.Notify.Send(t.Context(), made.UserPoolID, m); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n > 0; {
		var err error
		if n, err = s.Notify.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	page := ask(s, "GET", "/dev/inbox", nil, "")
	if page.Code != 200 || !strings.Contains(page.Body.String(), "482913") || !strings.Contains(page.Body.String(), "111111") ||
		strings.Contains(page.Body.String(), "<script>") || !strings.Contains(page.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v %s", page.Code, page.Header(), page.Body)
	}
	for target, header := range map[string]http.Header{"/dev/inbox?format=json&to=ann@example.com": nil, "/dev/inbox?to=ann@example.com": {"Accept": {"application/json"}}} {
		w := ask(s, "GET", target, header, "")
		if w.Code != 200 || !strings.Contains(w.Body.String(), `"code":"482913"`) || strings.Contains(w.Body.String(), "111111") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	for _, c := range []struct {
		header http.Header
		want   int
	}{
		{http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://evil.test"}}, 403},
		{http.Header{"Origin": {"http://evil.test"}}, 403},
		{http.Header{"Sec-Fetch-Site": {"none"}}, 200},
		{http.Header{"Sec-Fetch-Site": {"same-origin"}}, 200},
	} {
		if w := ask(s, "GET", "/dev/inbox", c.header, ""); w.Code != c.want {
			t.Errorf("%v: %d", c.header, w.Code)
		}
	}
	if !strings.Contains(logs.String(), "482913") {
		t.Error("the log does not tell the code")
	}

	plain, _ := build(t, nil)
	if w := ask(plain, "GET", "/dev/inbox?dev=true", http.Header{"X-Dev": {"true"}}, ""); w.Code != 404 {
		t.Errorf("without the developer's mode: %d", w.Code)
	}
	if err := plain.Notify.Ready(t.Context(), "ffffffffffffffffffffffff", notify.Mail); err == nil {
		t.Error("mails go somewhere")
	}
}

func TestDoctorOfMessages(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags map[string]string
		what  string
		bad   bool
	}{
		{"nothing", nil, "mail", false},
		{"no mail server", map[string]string{"smtp_host": "127.0.0.1", "smtp_port": "1", "smtp_from": "id@guildhall.test"}, "mail", true},
		{"no hook", map[string]string{"sms_hook_url": "http://127.0.0.1:1/sms", "sms_hook_secret": "0123456789abcdef"}, "texts", true},
		{"for oneself", map[string]string{"dev": "true"}, "developer's mode", false},
		{"for everybody", map[string]string{"dev": "true", "listen": ":8080"}, "developer's mode", true},
	} {
		config, err := Load("", nil, c.flags)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range examineMessages(t.Context(), config) {
			if f.What == c.what {
				found = true
				if f.Bad != c.bad || f.Mend == "" {
					t.Errorf("%s: %+v", c.name, f)
				}
			}
		}
		if !found {
			t.Errorf("%s: nothing of %s", c.name, c.what)
		}
	}
}
