package notify_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func each(t *testing.T, test func(t *testing.T, h *testhall.Hall, p, other testhall.Pool)) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := testhall.New(t, d)
		test(t, h, h.Pool(t, "one"), h.Pool(t, "two"))
	})
}

func code(err error) string {
	if err == nil {
		return ""
	}
	if e := fault.As(err); e != nil {
		return e.Code
	}
	return "INTERNAL: " + err.Error()
}

// options are those of a Notify over the hall's database that sends nothing yet.
func options(h *testhall.Hall) notify.Options {
	return notify.Options{DB: h.DB, Log: h.Log, Master: h.Master, SMSSettings: h.Directory.SMSProvider}
}

func deliverAll(t *testing.T, n *notify.Notify) {
	t.Helper()
	for {
		done, err := n.Deliver(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if done == 0 {
			return
		}
	}
}

// box is what the outbox holds, by state.
func box(t *testing.T, h *testhall.Hall) map[string]int {
	t.Helper()
	states, err := db.List[string](t.Context(), h.DB, "select state from outbox limit 10000")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, s := range states {
		out[s]++
	}
	return out
}

// makeDue lets what waits for another attempt be due now.
func makeDue(t *testing.T, h *testhall.Hall) {
	t.Helper()
	if _, err := db.Exec(t.Context(), h.DB, "update outbox set due_at = 0 where state = 'due'"); err != nil {
		t.Fatal(err)
	}
}

var aCode = notify.Message{Channel: notify.Mail, To: "zhang@example.com", Kind: notify.LoginCode, Language: "en-US",
	Params: notify.Params{App: "Shop <b>", User: "zhang", Email: "zhang@example.com", Code: "482913", Minutes: 10}}

// parts are the texts of a mail by type, and its header.
func parts(t *testing.T, data string) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	out := map[string]string{}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m.Header, out
		}
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader = p
		if strings.EqualFold(p.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(p)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(p.Header.Get("Content-Type"), ";")
		out[kind] = string(b)
	}
}

func TestMail(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		for _, c := range []struct {
			name          string
			implicit, tls bool
			mode          string
			password      string // at the server
			username      string
			wantTLS, sent bool
		}{
			{"relay on this machine", false, false, notify.TLSNone, "", "", false, true},
			{"STARTTLS", false, true, notify.TLSStart, "secret", "guildhall", true, true},
			{"STARTTLS that is not there", false, false, notify.TLSStart, "", "", false, false},
			{"TLS from the first byte", true, true, notify.TLSImplicit, "secret", "guildhall", true, true},
			{"STARTTLS if there is any", false, true, notify.TLSOffered, "secret", "guildhall", true, true},
			{"a password, and nothing to hide it by", false, false, notify.TLSOffered, "secret", "guildhall", false, false},
		} {
			t.Run(c.name, func(t *testing.T) {
				server := newMailServer(t, c.implicit, c.tls)
				server.password = c.password
				var log bytes.Buffer
				o := options(h)
				o.Logger = slog.New(slog.NewTextHandler(&log, nil))
				o.SMTP = notify.SMTP{Host: server.host, Port: server.port, TLS: c.mode, Username: c.username, Password: c.password, From: "id@guildhall.test",
					Roots: &tls.Config{RootCAs: server.roots}}
				n := notify.New(o)
				if err := n.Send(t.Context(), p.ID, aCode); err != nil {
					t.Fatal(err)
				}
				deliverAll(t, n)
				list := server.received()
				if !c.sent {
					if len(list) != 0 || box(t, h)["due"] == 0 {
						t.Errorf("%v %v", list, box(t, h))
					}
					return
				}
				if len(list) != 1 || list[0].tls != c.wantTLS || list[0].user != c.username {
					t.Fatalf("%+v\n%s", list, log.String())
				}
				header, texts := parts(t, list[0].data)
				if subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject")); err != nil || subject != "Your sign-in code for Shop <b>" {
					t.Error(subject, err)
				}
				if a, err := mail.ParseAddress(header.Get("From")); err != nil || a.Address != "id@guildhall.test" || a.Name != "Shop <b>" {
					t.Error(a, err)
				}
				if !strings.Contains(texts["text/plain"], "482913") || !strings.Contains(texts["text/html"], ">482913<") ||
					!strings.Contains(texts["text/html"], "Shop &lt;b&gt;") || strings.Contains(texts["text/html"], "<img") || strings.Contains(texts["text/html"], "http") {
					t.Error(texts)
				}
				if strings.Contains(log.String(), "482913") || strings.Contains(log.String(), "zhang") {
					t.Errorf("the log tells: %s", log.String())
				}
			})
		}
		// What has gone leaves nothing behind.
		left, err := db.List[string](t.Context(), h.DB, "select sealed from outbox where state = 'sent' limit 100")
		if err != nil || len(left) != 4 || strings.Join(left, "") != "" {
			t.Error(left, err)
		}
	})
}

func TestRetries(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		server := newMailServer(t, false, false)
		o := options(h)
		o.SMTP = notify.SMTP{Host: server.host, Port: server.port, TLS: notify.TLSNone, From: "id@guildhall.test"}
		n := notify.New(o)
		send := func(m notify.Message) {
			t.Helper()
			if err := n.Send(t.Context(), p.ID, m); err != nil {
				t.Fatal(err)
			}
			deliverAll(t, n)
		}
		is := func(want map[string]int, mails int) {
			t.Helper()
			got := box(t, h)
			for _, state := range []string{"due", "sent", "failed"} {
				if got[state] != want[state] {
					t.Errorf("the outbox has %v instead of %v", got, want)
				}
			}
			if got := len(server.received()); got != mails {
				t.Errorf("%d mails instead of %d", got, mails)
			}
		}
		// For a while, then for good.
		server.refuse = []string{"451 4.3.0 later", "451 4.3.0 later"}
		send(aCode)
		is(map[string]int{"due": 1}, 0)
		for range 2 {
			makeDue(t, h)
			deliverAll(t, n)
		}
		is(map[string]int{"sent": 1}, 1)
		server.refuse = []string{"550 5.1.1 nobody here"}
		send(aCode)
		is(map[string]int{"sent": 1, "failed": 1}, 1)
		// The second of a kind is not sent.
		once := aCode
		once.Once = "welcome/1"
		send(once)
		send(once)
		is(map[string]int{"sent": 2, "failed": 1}, 2)
		// Not worth it any more.
		late := aCode
		late.Life = time.Millisecond
		if err := n.Send(t.Context(), p.ID, late); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
		deliverAll(t, n)
		is(map[string]int{"sent": 2, "failed": 2}, 2)
		// Not wanted, or of a transaction that is undone.
		nobody := aCode
		nobody.Unwanted = true
		send(nobody)
		is(map[string]int{"sent": 3, "failed": 2}, 2)
		undone := errors.New("undone")
		if err := h.DB.Tx(t.Context(), func(ctx context.Context) error {
			if err := n.Send(ctx, p.ID, aCode); err != nil {
				return err
			}
			return undone
		}); !errors.Is(err, undone) {
			t.Fatal(err)
		}
		deliverAll(t, n)
		is(map[string]int{"sent": 3, "failed": 2}, 2)
		// An address that is none goes nowhere.
		bad := aCode
		bad.To = "x@example.com\r\nBcc: y@example.com"
		send(bad)
		is(map[string]int{"sent": 3, "failed": 3}, 2)
		// No sealed text is left but of what is due; a day later all is forgotten.
		if n, err := db.One[int64](t.Context(), h.DB, "select count(*) from outbox where sealed <> ''"); n != 0 || err != nil {
			t.Error(n, err)
		}
		if _, err := db.Exec(t.Context(), h.DB, "update outbox set ended_at = ended_at - ?", (25 * time.Hour).Milliseconds()); err != nil {
			t.Fatal(err)
		}
		if err := n.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		is(nil, 2)
	})
}

// TestServersShareTheOutbox has two servers send at once: each message goes once, also when one of them dies with a message in hand.
func TestServersShareTheOutbox(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		halls := []*testhall.Hall{h}
		if h.DB.Engine() != "sqlite" {
			halls = append(halls, h.Again(t))
		}
		var all []*notify.Notify
		inboxes := []*notify.Inbox{}
		for _, own := range halls {
			o := options(own)
			o.Inbox = notify.NewInbox(nil)
			inboxes = append(inboxes, o.Inbox)
			all = append(all, notify.New(o), notify.New(o))
		}
		const messages = 200
		for range messages {
			if err := all[0].Send(t.Context(), p.ID, aCode); err != nil {
				t.Fatal(err)
			}
		}
		// A server died while it held these: they are due again when the lease is over, and not before.
		if _, err := db.Exec(t.Context(), h.DB, "update outbox set lease = 'dead/1', due_at = due_at + 60000 where id in (select id from outbox order by id limit 5)"); err != nil {
			t.Fatal(err)
		}
		drain := func() {
			var wg sync.WaitGroup
			for _, n := range all {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for idle := 0; idle < 3; {
						done, err := n.Deliver(t.Context())
						if err != nil {
							t.Error(err)
							return
						}
						if done == 0 {
							idle++
							time.Sleep(5 * time.Millisecond)
						}
					}
				}()
			}
			wg.Wait()
		}
		arrived := func() (total int) {
			seen := map[string]bool{}
			for _, i := range inboxes {
				for _, m := range i.Messages("") {
					if seen[m.ID] {
						t.Errorf("%s went twice", m.ID)
					}
					seen[m.ID] = true
					total++
				}
			}
			return total
		}
		drain()
		if got := arrived(); got != messages-5 {
			t.Errorf("%d arrived", got)
		}
		makeDue(t, h)
		drain()
		if got := arrived(); got != messages {
			t.Errorf("%d arrived in the end", got)
		}
	})
}

func TestRunSendsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { h.Notify.Run(ctx); close(ended) }()
		started := time.Now()
		if err := h.Notify.Send(t.Context(), p.ID, aCode); err != nil {
			t.Fatal(err)
		}
		for len(h.Inbox.Messages(aCode.To)) == 0 {
			if time.Since(started) > 10*time.Second {
				t.Fatal("nothing was sent")
			}
			time.Sleep(time.Millisecond)
		}
		stop()
		<-ended
	})
}

// TestSlowPool has one pool's mail server take its time, with a heap of mails to it: another pool's go at once.
func TestSlowPool(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, slow, fast testhall.Pool) {
		server := newMailServer(t, false, false)
		server.delay = 500 * time.Millisecond
		o := options(h)
		o.Inbox = notify.NewInbox(nil)
		n := notify.New(o)
		if _, err := n.SetProvider(slow.As(t.Context()), slow.ID, notify.Provider{Type: notify.ProviderCustom, Enabled: true, Host: server.host, Port: server.port, Sender: "slow@pool.test"}); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if err := n.Send(t.Context(), slow.ID, aCode); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { n.Run(ctx); close(ended) }()
		time.Sleep(100 * time.Millisecond)
		started := time.Now()
		if err := n.Send(t.Context(), fast.ID, aCode); err != nil {
			t.Fatal(err)
		}
		for len(o.Inbox.Messages("")) == 0 {
			if time.Since(started) > 5*time.Second {
				t.Fatal("the other pool's mail waits")
			}
			time.Sleep(time.Millisecond)
		}
		if taken := len(server.received()); taken > 60 {
			t.Errorf("it went after %d of the others", taken)
		}
		stop()
		<-ended
	})
}

func TestProvider(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		server := newMailServer(t, false, true)
		server.password = "pass-word"
		o := options(h)
		o.SMTP.Roots = &tls.Config{RootCAs: server.roots}
		n := notify.New(o)
		if got, err := n.Provider(ctx, p.ID); got != nil || err != nil {
			t.Fatal(got, err)
		}
		if got := code(n.Ready(ctx, p.ID, notify.Mail)); got != "mail_not_configured" {
			t.Error(got)
		}
		own := notify.Provider{Type: notify.ProviderCustom, Enabled: true, Host: server.host, Port: server.port, Sender: "own@pool.test", Secret: "pass-word"}
		with := func(f func(p *notify.Provider)) notify.Provider { c := own; f(&c); return c }
		for _, c := range []struct {
			name string
			p    notify.Provider
			want string
		}{
			{"an unknown type", with(func(p *notify.Provider) { p.Type = "pigeon" }), "field_format"},
			{"no sender", with(func(p *notify.Provider) { p.Sender = "" }), "mail_provider_incomplete"},
			{"a sender with a header in it", with(func(p *notify.Provider) { p.Sender = "a@b.cd\r\nBcc: x@y.z" }), "field_format"},
			{"a host with a path", with(func(p *notify.Provider) { p.Host = "smtp.test/x" }), "field_format"},
			{"no port", with(func(p *notify.Provider) { p.Port = 0 }), "field_format"},
			{"a port too high", with(func(p *notify.Provider) { p.Port = 70000 }), "field_format"},
			{"a secret that was never given", with(func(p *notify.Provider) { p.Secret = notify.HiddenSecret }), "field_format"},
			{"nothing but off", notify.Provider{Type: notify.ProviderQQ}, ""},
			{"on without settings", notify.Provider{Type: notify.ProviderQQ, Enabled: true}, "mail_provider_incomplete"},
			{"our own", own, ""},
			{"our own again, the secret kept", with(func(p *notify.Provider) { p.Secret = notify.HiddenSecret }), ""},
			{"the kept secret for another server", with(func(p *notify.Provider) { p.Secret, p.Host = notify.HiddenSecret, "evil.test" }), "field_format"},
		} {
			got, err := n.SetProvider(ctx, p.ID, c.p)
			if code(err) != c.want {
				t.Errorf("%s: %q instead of %q", c.name, code(err), c.want)
			}
			if err == nil && c.p.Secret != "" && got.Secret != notify.HiddenSecret {
				t.Errorf("%s: the secret is told: %+v", c.name, got)
			}
		}
		if err := n.Send(ctx, p.ID, aCode); err != nil {
			t.Fatal(err)
		}
		deliverAll(t, n)
		if list := server.received(); len(list) != 1 || list[0].user != "own@pool.test" || !strings.Contains(list[0].from, "own@pool.test") {
			t.Errorf("%+v", list)
		}
		if got := code(n.Ready(ctx, other.ID, notify.Mail)); got != "mail_not_configured" {
			t.Errorf("another pool: %q", got)
		}
		stored, err := db.One[string](ctx, h.DB, "select settings from mail_providers where pool_id = ?", p.ID)
		if err != nil || strings.Contains(stored, "pass-word") || strings.Contains(stored, "pool.test") {
			t.Error(stored, err)
		}
		told, err := db.List[string](ctx, h.DB, "select before_values || after_values from audit_log where pool_id = ? limit 100", p.ID)
		if err != nil || strings.Contains(strings.Join(told, ""), "pass-word") {
			t.Error(told, err)
		}
	})
}

func TestInbox(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		var log bytes.Buffer
		o := options(h)
		o.Inbox = notify.NewInbox(slog.New(slog.NewTextHandler(&log, nil)))
		n := notify.New(o)
		m := aCode
		text := notify.Message{Channel: notify.SMS, To: "+8613800138000", Kind: notify.RegisterCode, Params: notify.Params{App: "商店", Code: "123456", Minutes: 10}}
		for range 510 {
			if err := n.Send(t.Context(), p.ID, m); err != nil {
				t.Fatal(err)
			}
		}
		deliverAll(t, n)
		if err := n.Send(t.Context(), p.ID, text); err != nil {
			t.Fatal(err)
		}
		deliverAll(t, n)
		list := o.Inbox.Messages("")
		if len(list) != 500 || list[0].To != text.To || list[0].Code != "123456" || !strings.HasPrefix(list[0].Text, "【商店】您正在注册") {
			t.Errorf("%d, %+v", len(list), list[0])
		}
		if got := o.Inbox.Messages(text.To); len(got) != 1 {
			t.Error(got)
		}
		for language, want := range map[string]string{
			"en": "[商店] You are signing up for 商店. Your code is: 123456. It is good for 10 minutes and works once. Tell it to nobody. If you did not ask for it, ignore this message.",
			"zh": "【商店】您正在注册 商店，验证码为：123456。验证码 10 分钟内有效，仅可使用一次，请勿告知他人。如非本人操作，请忽略此消息。"} {
			text.Language = language
			if err := n.Send(t.Context(), p.ID, text); err != nil {
				t.Fatal(err)
			}
			deliverAll(t, n)
			if got := o.Inbox.Messages(text.To)[0].Text; got != want {
				t.Error(got)
			}
		}
		if !strings.Contains(log.String(), "code=123456") {
			t.Error("the log does not say what was caught")
		}
	})
}
