package notify_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestTemplatesAsTheyCome(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		for language, text := range map[string]*regexp.Regexp{"zh-CN": regexp.MustCompile(`\p{Han}`), "en-US": regexp.MustCompile(`[a-z]{4}`)} {
			list, err := h.Notify.Templates(t.Context(), p.ID, language)
			if err != nil || len(list) != 15 {
				t.Fatal(len(list), err)
			}
			for _, tp := range list {
				if tp.Customized || !text.MatchString(tp.Name) || !text.MatchString(tp.Subject) || !text.MatchString(tp.Content) {
					t.Errorf("%s in %s: %+v", tp.Kind, language, tp)
				}
				if language == "en-US" && regexp.MustCompile(`\p{Han}`).MatchString(tp.Content+tp.Subject+tp.Name) {
					t.Errorf("%s is half Chinese", tp.Kind)
				}
				// No pictures, nothing from elsewhere, no script.
				if regexp.MustCompile(`(?i)<img|<script|<link|src=|url\(|https?:`).MatchString(tp.Content) {
					t.Errorf("%s: %s", tp.Kind, tp.Content)
				}
				shown, err := h.Notify.Preview(t.Context(), notify.Template{PoolID: p.ID, Kind: tp.Kind}, language)
				if err != nil || strings.Contains(shown.Content+shown.Subject+shown.Sender, "{{") {
					t.Errorf("%s: %v %+v", tp.Kind, err, shown)
				}
				ejs, err := h.Notify.Preview(t.Context(), notify.Template{PoolID: p.ID, Kind: tp.Kind, Engine: notify.EJS, Subject: "<%= app_name %>!"}, language)
				if err != nil || ejs.Subject != "Example!" || ejs.Content != shown.Content {
					t.Errorf("%s in ejs: %v %+v", tp.Kind, err, ejs)
				}
			}
		}
	})
}

func TestTemplateOfAPool(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		own := func(content string) notify.Template {
			return notify.Template{PoolID: p.ID, Kind: notify.LoginCode, Customized: true, Name: "ours", Subject: "{{ code }} for {{app_name}}", Sender: "{{client_name}} team",
				Content: content}
		}
		for _, c := range []struct{ name, engine, content, want string }{
			{"plain", "", `<p>{{verify_code}}</p>`, ""},
			{"other case, blanks, three braces", "", `<p>{{{ VERIFY_CODE }}} {{ App_Name }}</p>`, ""},
			{"ejs", "ejs", `<p><%= code %> <%- app_name %></p>`, ""},
			{"mustaches are text to ejs", "ejs", `<p>{{if}}</p>`, ""},
			{"ejs tags are HTML to handlebars", "", `<p>{{code}}</p>`, ""},
			{"in an address", "", `<a href="{{verify_link}}">x</a>`, ""},
			{"no such name", "", `{{no_such}}`, "mail_template_invalid"},
			{"a block", "", `{{#if code}}x{{/if}}`, "mail_template_invalid"},
			{"an action of another engine", "", `{{template "x"}}`, "mail_template_invalid"},
			{"a field", "", `{{.Password}}`, "mail_template_invalid"},
			{"not closed", "", `<p>{{code</p>`, "mail_template_invalid"},
			{"ejs code", "ejs", `<% while(true){} %>`, "mail_template_invalid"},
			{"half a tag", "", `<a href="{{verify_link}}>x`, "mail_template_invalid"},
			{"too long", "", strings.Repeat("x", 70_000), "field_format"},
			{"an unknown engine", "pug", `x`, "field_format"},
		} {
			tp := own(c.content)
			if tp.Engine = c.engine; c.engine == "ejs" {
				tp.Subject, tp.Sender = "<%= code %>", "us"
			}
			_, err := h.Notify.SetTemplate(ctx, tp)
			if code(err) != c.want {
				t.Errorf("%s: %v instead of %q", c.name, err, c.want)
			}
		}
		if _, err := h.Notify.SetTemplate(ctx, own(`<style>p{color:red}</style><p>Dear {{user_name}},<br>{{code}} &amp; <a href="/x?u={{user_name}}">x</a></p><!-- {{expires_in}} -->`)); err != nil {
			t.Fatal(err)
		}
		m := aCode
		m.Params.App, m.Params.User = "Shop\r\nBcc: x@y.z", `<script>alert(1)</script>"&`
		for _, pool := range []string{p.ID, other.ID} {
			if err := h.Notify.Send(ctx, pool, m); err != nil {
				t.Fatal(err)
			}
		}
		deliverAll(t, h.Notify)
		var ours, theirs notify.Caught
		for _, c := range h.Inbox.Messages(m.To) {
			if c.PoolID == p.ID {
				ours = c
			} else {
				theirs = c
			}
		}
		if ours.Subject != "482913 for Shop Bcc: x@y.z" || ours.From != "Shop Bcc: x@y.z team" || !strings.Contains(ours.HTML, "Dear &lt;script&gt;") ||
			!strings.Contains(ours.HTML, "/x?u=%3cscript%3e") || strings.Contains(ours.HTML, "<script") || ours.Text != "Dear "+m.Params.User+",\n482913 & x" {
			t.Errorf("%+v", ours)
		}
		if !strings.HasPrefix(theirs.Subject, "Your sign-in code") {
			t.Errorf("%+v", theirs)
		}
		// Switched off, the mail goes out as it comes.
		off := own(`<p>{{code}}</p>`)
		off.Customized = false
		if _, err := h.Notify.SetTemplate(ctx, off); err != nil {
			t.Fatal(err)
		}
		list, err := h.Notify.Templates(ctx, p.ID, "en")
		if err != nil || list[3].Kind != notify.LoginCode || list[3].Name != "ours" {
			t.Error(list[3], err)
		}
		if err := h.Notify.Send(ctx, p.ID, aCode); err != nil {
			t.Fatal(err)
		}
		deliverAll(t, h.Notify)
		if got := h.Inbox.Messages(aCode.To)[0]; !strings.HasPrefix(got.Subject, "Your sign-in code") {
			t.Errorf("%+v", got)
		}
	})
}

// FuzzTemplate looks for templates that are taken and cannot be filled in.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{{code}}", "{{{code}}}", "{{code}", "<a href={{link}}>", "<script>{{code}}</script>", "<%= code %>", "{{\"{{\"}}", "<style>{{code}}", "<!--{{code}}-->", "<p {{code}}>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		out, err := notify.Fill(content, `"><script>alert(1)</script>`)
		if err != nil {
			if code(err) != "mail_template_invalid" {
				t.Fatalf("%q: %v", content, err)
			}
			return
		}
		if strings.Contains(out, "<script>alert(1)") {
			t.Fatalf("%q gives %q", content, out)
		}
	})
}
