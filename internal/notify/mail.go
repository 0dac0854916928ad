package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/wneessen/go-mail"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// How a connection to a mail server is protected.
const (
	TLSImplicit = "implicit" // from the first byte (RFC 8314), port 465
	TLSStart    = "starttls" // demanded after the greeting (RFC 3207), port 587
	TLSOffered  = "offered"  // STARTTLS if the server has it
	TLSNone     = "none"     // in the clear, within one machine or network
)

// SMTP says how to hand mail to a server. A password is never sent in the clear.
type SMTP struct {
	Host               string
	Port               int
	TLS                string
	Username, Password string // none: no authentication
	From               string // address that mails come from
	Roots              *tls.Config
}

func (s SMTP) configured() bool { return s.Host != "" && s.From != "" }

// smtpCarrier hands mail to one server.
type smtpCarrier struct{ SMTP }

func (c smtpCarrier) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithPort(c.Port), mail.WithTimeout(attemptTime)}
	switch c.TLS {
	case TLSImplicit:
		options = append(options, mail.WithSSL())
	case TLSOffered:
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	case TLSNone:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if c.Roots != nil {
		own := c.Roots.Clone()
		own.ServerName = c.Host
		options = append(options, mail.WithTLSConfig(own))
	}
	if c.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(c.Username), mail.WithPassword(c.Password))
	}
	return mail.NewClient(c.Host, options...)
}

func (c smtpCarrier) send(ctx context.Context, o *outgoing) error {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := m.FromFormat(o.Sender, c.From); err != nil {
		return permanent{fmt.Errorf("the sender: %w", err)}
	}
	if err := m.To(o.To); err != nil {
		return permanent{errors.New("the address cannot be written to")}
	}
	m.Subject(o.Subject)
	m.SetDateWithValue(time.UnixMilli(o.CreatedAt))
	// The same at each attempt, so that a mail that arrives twice can be told.
	_, domain, _ := strings.Cut(c.From, "@")
	m.SetMessageIDWithValue(o.ID + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes, please
	m.SetBodyString(mail.TypeTextPlain, o.PlainText)
	m.AddAlternativeString(mail.TypeTextHTML, o.HTML)
	client, err := c.client()
	if err != nil {
		return permanent{err}
	}
	err = client.DialAndSendWithContext(ctx, m)
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		return permanent{err}
	}
	return err
}

// Check connects to the server, and shows it name and password if there are any, without sending anything.
func (s SMTP) Check(ctx context.Context) error {
	client, err := smtpCarrier{s}.client()
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return err
	}
	return client.Close()
}

// Kinds of mail providers, as the V3 wire names them.
const (
	ProviderAli      = "ali"
	ProviderQQ       = "qq"
	ProviderSendGrid = "sendgrid"
	ProviderCustom   = "custom"
)

// Provider is through whom a pool sends its mail. Secret is the password, or the key of SendGrid: it goes in and never comes out.
type Provider struct {
	Type    string `json:"-"`
	Enabled bool   `json:"-"`
	Host    string `json:"host,omitzero"` // custom
	Port    int    `json:"port,omitzero"`
	Secure  bool   `json:"secure,omitzero"` // TLS from the first byte
	Sender  string `json:"sender"`          // the address, which is also the user's name
	Secret  string `json:"secret"`
}

// ErrProviderUnset says that a provider's settings are missing.
var ErrProviderUnset = fault.New(fault.Unprocessable, "mail_provider_incomplete")

// HiddenSecret stands for a provider's secret in what is read; given back in a change, the secret stays.
const HiddenSecret = "******"

// The vendors' servers.
var vendorServers = map[string]struct {
	host string
	port int
	tls  string
	user string
}{
	ProviderAli:      {"smtp.qiye.aliyun.com", 465, TLSImplicit, ""},
	ProviderQQ:       {"smtp.exmail.qq.com", 465, TLSImplicit, ""},
	ProviderSendGrid: {"smtp.sendgrid.net", 465, TLSImplicit, "apikey"},
}

type providerRow struct {
	PoolID    string `db:"pool_id"`
	Type      string `db:"type"`
	Enabled   bool   `db:"enabled"`
	Settings  string `db:"settings"` // sealed
	UpdatedAt int64  `db:"updated_at"`
}

func providerContext(poolID string) string { return "pool/" + poolID + "/mail-provider" }

// provider returns the pool's provider with its secret, or nil.
func (n *Notify) provider(ctx context.Context, poolID string) (*Provider, error) {
	r, err := db.One[providerRow](ctx, n.DB, "select "+db.Columns[providerRow]()+" from mail_providers where pool_id = ?", poolID)
	if errors.Is(err, db.NoRow) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	plain, err := n.Master.Open(r.Settings, providerContext(poolID))
	if err != nil {
		return nil, err
	}
	p := &Provider{Type: r.Type, Enabled: r.Enabled}
	return p, json.Unmarshal(plain, p)
}

// Provider returns the pool's provider, HiddenSecret in place of its secret, or nil when it has none.
func (n *Notify) Provider(ctx context.Context, poolID string) (*Provider, error) {
	p, err := n.provider(ctx, poolID)
	if p != nil && p.Secret != "" {
		p.Secret = HiddenSecret
	}
	return p, err
}

// SetProvider gives the pool a provider in place of the one it had. HiddenSecret keeps the secret of one of the same type and server.
// An enabled provider needs all that its type asks for: ErrProviderUnset, or fault.Field with the field that cannot be.
func (n *Notify) SetProvider(ctx context.Context, poolID string, p Provider) (*Provider, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	err := n.DB.Tx(ctx, func(ctx context.Context) error {
		before, err := n.provider(ctx, poolID)
		if err != nil {
			return err
		}
		if p.Secret == HiddenSecret {
			// A kept secret goes to the server that it was given for and to no other.
			if before == nil || before.Type != p.Type || before.Host != p.Host || before.Port != p.Port {
				return fault.Field("senderPass")
			}
			p.Secret = before.Secret
		}
		if p.Enabled && (p.Sender == "" || p.Secret == "" && p.Type != ProviderCustom || p.Host == "" && p.Type == ProviderCustom) {
			return ErrProviderUnset
		}
		plain, err := json.Marshal(&p)
		if err != nil {
			return err
		}
		r := providerRow{poolID, p.Type, p.Enabled, n.Master.Seal(plain, providerContext(poolID)), n.DB.Now()}
		if _, err := db.Exec(ctx, n.DB, "delete from mail_providers where pool_id = ?", poolID); err != nil {
			return err
		}
		if err := db.Insert(ctx, n.DB, "mail_providers", &r); err != nil {
			return err
		}
		e := audit.Event{Operation: audit.Update, Resource: audit.Userpool, TargetID: poolID, TargetName: "mail provider", After: p.told()}
		if before != nil {
			e.Before = before.told()
		}
		return n.Log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return n.Provider(ctx, poolID)
}

// told is what the log keeps of a provider.
func (p *Provider) told() map[string]any {
	return map[string]any{"type": p.Type, "enabled": p.Enabled, "host": p.Host, "port": int64(p.Port), "sender": p.Sender, "secret": "***"}
}

func (p *Provider) check() error {
	switch p.Type {
	case ProviderAli, ProviderQQ, ProviderSendGrid, ProviderCustom:
	default:
		return fault.Field("type")
	}
	if p.Sender != "" && !isAddress(p.Sender) {
		return fault.Field("sender")
	}
	if len(p.Host) > 253 || strings.ContainsAny(p.Host, " \t\r\n/@:\x00") && net.ParseIP(p.Host) == nil {
		return fault.Field("smtp_host")
	}
	if p.Type == ProviderCustom && p.Host != "" && (p.Port < 1 || p.Port > 65535) {
		return fault.Field("smtp_port")
	}
	if len(p.Secret) > 1024 || strings.ContainsAny(p.Secret, "\r\n\x00") {
		return fault.Field("senderPass")
	}
	return nil
}

// smtp is how a provider is reached.
func (p *Provider) smtp(roots *tls.Config) SMTP {
	s := SMTP{Username: p.Sender, Password: p.Secret, From: p.Sender, Roots: roots}
	if v, ok := vendorServers[p.Type]; ok {
		s.Host, s.Port, s.TLS = v.host, v.port, v.tls
		if v.user != "" {
			s.Username = v.user
		}
		return s
	}
	s.Host, s.Port, s.TLS = p.Host, p.Port, TLSOffered
	if p.Secure {
		s.TLS = TLSImplicit
	}
	if p.Secret == "" {
		s.Username = ""
	}
	return s
}

func (n *Notify) mailCarrier(ctx context.Context, poolID string) (carrier, error) {
	p, err := n.provider(ctx, poolID)
	switch {
	case err != nil:
		return nil, err
	case p != nil && p.Enabled:
		return smtpCarrier{p.smtp(n.SMTP.Roots)}, nil
	case n.SMTP.configured():
		return smtpCarrier{n.SMTP}, nil
	case n.Inbox != nil:
		return n.Inbox, nil
	}
	return nil, ErrNoMail
}

// isAddress reports whether s is a bare mail address that can stand in a header.
func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && len(s) <= 254 && !strings.ContainsAny(s, " \t\r\n\x00,;:<>\"()[]\\") && !strings.Contains(domain, "@")
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
