package notify

import (
	"context"
	"errors"
	"html/template"
	"regexp"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Template is a kind's mail as a pool words it. In Subject, Sender and Content stand placeholders, {{name}} or <%= name %>
// by the engine; see Placeholders.
type Template struct {
	PoolID     string `db:"pool_id"`
	Kind       Kind   `db:"kind"`
	Customized bool   `db:"customized"` // else the mail goes out as it comes
	Name       string `db:"name"`
	Subject    string `db:"subject"`
	Sender     string `db:"sender"`
	Content    string `db:"content"`
	ExpiresIn  int64  `db:"expires_in"` // seconds that a code or a link is good, 0 for what the policy says
	RedirectTo string `db:"redirect_to"`
	Engine     string `db:"engine"`
	UpdatedAt  int64  `db:"updated_at"`
}

// Engines are ways to write a placeholder.
const (
	Handlebars = "handlebar"
	EJS        = "ejs"
)

// ErrTemplate is the refusal of a template that cannot be used: a placeholder that there is not, or one where HTML lets none stand.
var ErrTemplate = fault.New(fault.Invalid, "mail_template_invalid")

func templateError(why string) error { return fault.New(fault.Invalid, "mail_template_invalid", why) }

const (
	longestContent = 64 << 10
	longestLine    = 512
	longestExpiry  = 7 * 24 * 3600
)

// Placeholders are the names that templates may use, in any case of letters, with what they stand for. Several names that are
// in use mean the same.
var Placeholders = map[string]func(p *Params) string{
	"app_name":       func(p *Params) string { return p.App },
	"client_name":    func(p *Params) string { return p.App },
	"userpool_name":  func(p *Params) string { return p.App },
	"user_name":      func(p *Params) string { return p.User },
	"username":       func(p *Params) string { return p.User },
	"nickname":       func(p *Params) string { return p.User },
	"email":          func(p *Params) string { return p.Email },
	"user_email":     func(p *Params) string { return p.Email },
	"verify_code":    func(p *Params) string { return p.Code },
	"code":           func(p *Params) string { return p.Code },
	"verify_link":    func(p *Params) string { return p.Link },
	"link":           func(p *Params) string { return p.Link },
	"url":            func(p *Params) string { return p.Link },
	"password":       func(p *Params) string { return p.Password },
	"expires_in":     func(p *Params) string { return strconv.FormatInt(p.Minutes, 10) },
	"expire_minutes": func(p *Params) string { return strconv.FormatInt(p.Minutes, 10) },
}

var (
	// A tag of either engine; what is in it must be a name.
	handlebarsTag = regexp.MustCompile(`(?s)\{\{\{?(.*?)\}?\}\}`)
	ejsTag        = regexp.MustCompile(`(?s)<%(.*?)%>`)
	nameOnly      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)
)

// pieces cuts a text at its placeholders: texts at even places, names at odd ones.
func pieces(engine, text string) ([]string, error) {
	tag, open := handlebarsTag, "{{"
	if engine == EJS {
		tag, open = ejsTag, "<%"
	}
	var out []string
	at := 0
	for _, m := range tag.FindAllStringSubmatchIndex(text, -1) {
		inside := strings.TrimSpace(text[m[2]:m[3]])
		if engine == EJS {
			if inside == "" || inside[0] != '=' && inside[0] != '-' {
				return nil, templateError("<%" + inside + "%>")
			}
			inside = strings.TrimSpace(inside[1:])
		}
		name := strings.ToLower(inside)
		if !nameOnly.MatchString(inside) || Placeholders[name] == nil {
			return nil, templateError(shorten(inside))
		}
		out = append(out, text[at:m[0]], name)
		at = m[1]
	}
	out = append(out, text[at:])
	for i := 0; i < len(out); i += 2 {
		if strings.Contains(out[i], open) {
			return nil, templateError(open)
		}
	}
	return out, nil
}

// line fills in the placeholders of a text that is no HTML.
func line(engine, text string, p *Params) (string, error) {
	parts, err := pieces(engine, text)
	if err != nil {
		return "", err
	}
	for i := 1; i < len(parts); i += 2 {
		parts[i] = Placeholders[parts[i]](p)
	}
	return strings.Join(parts, ""), nil
}

// oneLine is line for a header: what would begin a new one becomes a space.
func oneLine(engine, text string, p *Params) (string, error) {
	s, err := line(engine, text, p)
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)), " "), err
}

// document fills in the placeholders of HTML, each escaped as its place in the document wants it.
func document(engine, text string, p *Params) (string, error) {
	parts, err := pieces(engine, text)
	if err != nil {
		return "", err
	}
	data := make(map[string]string, len(parts)/2)
	var source strings.Builder
	for i, part := range parts {
		if i%2 == 0 {
			// In what stands around placeholders nothing may be read as an action of Go's templates.
			source.WriteString(strings.ReplaceAll(part, "{{", `{{"{{"}}`))
			continue
		}
		data[part] = Placeholders[part](p)
		source.WriteString("{{." + part + "}}")
	}
	t, err := template.New("mail").Parse(source.String())
	if err != nil {
		return "", templateError(shorten(err.Error()))
	}
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		var wrong *template.Error
		if errors.As(err, &wrong) {
			return "", templateError(shorten(wrong.Description))
		}
		return "", err
	}
	return out.String(), nil
}

func isEnglish(language string) bool { return strings.HasPrefix(strings.ToLower(language), "en") }

// word puts a message into words: the pool's, where it has its own, else as it comes.
func (n *Notify) word(ctx context.Context, o *outgoing) error {
	s, ok := comes[o.Kind]
	if !ok {
		return permanent{errors.New("nobody knows the kind " + string(o.Kind))}
	}
	english := isEnglish(o.Language)
	var err error
	if o.PlainText, err = line(Handlebars, s.plain(english), &o.Params); err != nil {
		return permanent{err}
	}
	if o.Channel != Mail {
		o.PlainText = short(o.PlainText, o.Params.App, english)
		return nil
	}
	t, err := n.template(ctx, o.PoolID, o.Kind)
	if err != nil {
		return err
	}
	if t == nil || !t.Customized {
		t = builtin(o.Kind, english)
	} else if text := textOf(t.Content); text != "" {
		if own, err := line(t.Engine, text, &o.Params); err == nil {
			o.PlainText = own
		}
	}
	if o.Subject, err = oneLine(t.Engine, t.Subject, &o.Params); err == nil {
		if o.Sender, err = oneLine(t.Engine, t.Sender, &o.Params); err == nil {
			o.HTML, err = document(t.Engine, t.Content, &o.Params)
		}
	}
	if err != nil {
		return permanent{err}
	}
	return nil
}

// short is a message for a phone: one line, with the sender's name in front as people expect it there.
func short(text, sender string, english bool) string {
	before, after, mark := "【", "】", "。"
	if english {
		before, after, mark = "[", "] ", ". "
	}
	lines := strings.Split(text, "\n")
	if len(lines) == 3 { // a sentence, what it shows, and what to do with it
		lead := lines[0]
		if english {
			lead += " "
		}
		text = lead + lines[1] + mark + lines[2]
	}
	return before + sender + after + strings.ReplaceAll(text, "\n", " ")
}

var (
	unseen     = regexp.MustCompile(`(?is)<!--.*?-->|<(script|style|head|title)\b.*?</(script|style|head|title)\s*>`)
	lineBreaks = regexp.MustCompile(`(?i)<(br|/p|/div|/tr|/h[1-6]|/li)\b[^>]*>`)
	otherTags  = regexp.MustCompile(`(?s)<[a-zA-Z/!][^>]*>`)
)

// textOf is roughly what a reader of an HTML template sees.
func textOf(html string) string {
	html = unseen.ReplaceAllString(html, "")
	html = otherTags.ReplaceAllString(lineBreaks.ReplaceAllString(strings.ReplaceAll(html, "\n", " "), "\n"), "")
	html = strings.NewReplacer("&nbsp;", " ", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&amp;", "&").Replace(html)
	var lines []string
	for _, l := range strings.Split(html, "\n") {
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// builtin is a kind's template as it comes.
func builtin(k Kind, english bool) *Template {
	s := comes[k]
	t := &Template{Kind: k, Name: s.name, Subject: s.subject, Sender: "{{app_name}}", Content: s.html(english), Engine: Handlebars}
	if english {
		t.Name, t.Subject = s.nameEn, s.subjectEn
	}
	return t
}

func (n *Notify) template(ctx context.Context, poolID string, k Kind) (*Template, error) {
	t, err := db.One[Template](ctx, n.DB, "select "+db.Columns[Template]()+" from mail_templates where pool_id = ? and kind = ?", poolID, string(k))
	if errors.Is(err, db.NoRow) {
		return nil, nil
	}
	return &t, err
}

// Templates returns all kinds' templates, in the order of Kinds: the pool's own, and the others as they come in a language.
func (n *Notify) Templates(ctx context.Context, poolID, language string) ([]Template, error) {
	own, err := db.List[Template](ctx, n.DB, "select "+db.Columns[Template]()+" from mail_templates where pool_id = ? limit 100", poolID)
	if err != nil {
		return nil, err
	}
	list := make([]Template, len(Kinds))
	for i, k := range Kinds {
		list[i] = *builtin(k, isEnglish(language))
		for _, t := range own {
			if t.Kind == k {
				list[i] = t
			}
		}
	}
	return list, nil
}

// Expiry is how many seconds codes and links of a kind are good by the pool's own template, 0 when it says nothing.
func (n *Notify) Expiry(ctx context.Context, poolID string, k Kind) (int64, error) {
	t, err := n.template(ctx, poolID, k)
	if t == nil || err != nil || !t.Customized {
		return 0, err
	}
	return t.ExpiresIn, nil
}

// check refuses what cannot be sent.
func (t *Template) check() error {
	switch {
	case !t.Kind.Known():
		return fault.Field("type")
	case len(t.Content) > longestContent:
		return fault.Field("content")
	case len(t.Name) > longestLine:
		return fault.Field("name")
	case len(t.Subject) > longestLine:
		return fault.Field("subject")
	case len(t.Sender) > longestLine:
		return fault.Field("sender")
	case t.ExpiresIn < 0 || t.ExpiresIn > longestExpiry:
		return fault.Field("expiresIn")
	case len(t.RedirectTo) > 2048:
		return fault.Field("redirectTo")
	}
	if t.Engine == "" {
		t.Engine = Handlebars
	}
	if t.Engine != Handlebars && t.Engine != EJS {
		return fault.Field("tplEngine")
	}
	_, err := t.preview()
	return err
}

// sample is whom previews are written to.
var sample = Params{App: "Example", User: "Zhang San", Email: "zhangsan@example.com", Code: "123456", Link: "https://example.com/verify", Password: "Passw0rd!", Minutes: 10}

// preview is the template with samples in it.
func (t *Template) preview() (*Template, error) {
	p := sample
	if t.ExpiresIn > 0 {
		p.Minutes = max(t.ExpiresIn/60, 1)
	}
	out := *t
	var err error
	if out.Subject, err = oneLine(t.Engine, t.Subject, &p); err != nil {
		return nil, err
	}
	if out.Sender, err = oneLine(t.Engine, t.Sender, &p); err != nil {
		return nil, err
	}
	out.Content, err = document(t.Engine, t.Content, &p)
	return &out, err
}

// SetTemplate words a kind's mail for the pool. What cannot be used is ErrTemplate, or fault.Field with the field.
func (n *Notify) SetTemplate(ctx context.Context, t Template) (*Template, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	t.UpdatedAt = n.DB.Now()
	err := n.DB.Tx(ctx, func(ctx context.Context) error {
		if _, err := db.Exec(ctx, n.DB, "delete from mail_templates where pool_id = ? and kind = ?", t.PoolID, string(t.Kind)); err != nil {
			return err
		}
		if err := db.Insert(ctx, n.DB, "mail_templates", &t); err != nil {
			return err
		}
		return n.Log.Add(ctx, t.PoolID, audit.Event{Operation: audit.Update, Resource: audit.Userpool, TargetID: t.PoolID, TargetName: "mail template " + string(t.Kind),
			After: map[string]any{"customized": t.Customized, "subject": t.Subject, "sender": t.Sender}})
	})
	return &t, err
}

// Preview shows a template with samples in the places; what is empty in t is taken from the pool's template of its kind.
func (n *Notify) Preview(ctx context.Context, t Template, language string) (*Template, error) {
	if !t.Kind.Known() {
		return nil, fault.Field("type")
	}
	base, err := n.template(ctx, t.PoolID, t.Kind)
	if err != nil {
		return nil, err
	}
	if base == nil {
		base = builtin(t.Kind, isEnglish(language))
	}
	full := *base
	if t.Engine != "" && t.Engine != base.Engine {
		// What comes from the other template is written for another engine: the mail as it comes can be had for both.
		full = *builtin(t.Kind, isEnglish(language))
		full.Engine = t.Engine
		full.Content, full.Subject, full.Sender = toEngine(full.Content, t.Engine), toEngine(full.Subject, t.Engine), toEngine(full.Sender, t.Engine)
	}
	if t.ExpiresIn != 0 {
		full.ExpiresIn = t.ExpiresIn
	}
	full.Content, full.Subject, full.Sender = or(t.Content, full.Content), or(t.Subject, full.Subject), or(t.Sender, full.Sender)
	if err := full.check(); err != nil {
		return nil, err
	}
	return full.preview()
}

// toEngine writes the placeholders of a template as it comes for an engine.
func toEngine(text, engine string) string {
	if engine != EJS {
		return text
	}
	return handlebarsTag.ReplaceAllString(text, "<%= $1 %>")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
