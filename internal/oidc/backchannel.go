package oidc

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// noticer delivers logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.5).
type noticer struct {
	signin *signin.Signin
	client *http.Client
}

const (
	noticeEvery    = time.Second
	noticeTimeout  = 5 * time.Second
	noticesAtOnce  = 16
	noticesPerTake = 64
)

var errPrivate = errors.New("oidc: the address is not public")

func newNoticer(o Options) *noticer {
	dialer := &net.Dialer{Timeout: noticeTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		// The address is the one that is connected to, after every look-up: a name that changes its mind does not get past this.
		host, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !o.PrivateTargets && !isPublic(host.Addr(), o.Allowed) {
			return errPrivate
		}
		return nil
	}}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: noticeTimeout, ResponseHeaderTimeout: noticeTimeout,
		MaxIdleConns: noticesAtOnce, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10}
	return &noticer{signin: o.Signin, client: &http.Client{Transport: transport, Timeout: noticeTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// special are networks that netip's own questions do not cover: shared, documentation, benchmarking, translation, and reserved ones
// (RFC 6890).
var special = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16")

func prefixes(list ...string) (out []netip.Prefix) {
	for _, text := range list {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// isPublic reports whether an address is one of the open network, or of the allowed ones.
func isPublic(a netip.Addr, allowed []netip.Prefix) bool {
	a = a.Unmap()
	for _, p := range allowed {
		if p.Contains(a) {
			return true
		}
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast() && a.Zone() == ""
}

// Run delivers logout tokens until ctx ends. Several servers over one database share the work.
func (p *Provider) Run(ctx context.Context) {
	tick := time.NewTicker(noticeEvery)
	defer tick.Stop()
	for {
		for {
			n, err := p.DeliverLogouts(ctx)
			if err != nil && ctx.Err() == nil {
				op.Logger(ctx).Warn("delivering logout tokens", "error", err)
			}
			if err != nil || n < noticesPerTake {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// DeliverLogouts delivers what is due now, and returns how many were tried.
func (p *Provider) DeliverLogouts(ctx context.Context) (int, error) {
	due, err := p.signin.TakeLogoutNotices(ctx, noticesPerTake)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	var wait sync.WaitGroup
	slots := make(chan struct{}, noticesAtOnce)
	errs := make([]error, len(due))
	for i, n := range due {
		wait.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wait.Done() }()
			errs[i] = p.notices.deliver(ctx, n)
		}()
	}
	wait.Wait()
	return len(due), errors.Join(errs...)
}

func (d *noticer) deliver(ctx context.Context, n signin.LogoutNotice) error {
	app, token, err := d.signin.LogoutToken(ctx, n)
	if fault.KindOf(err) == fault.NotFound {
		return d.signin.LogoutDelivered(ctx, n, true)
	}
	if err != nil {
		return err
	}
	delivered, err := d.post(ctx, app.Settings.BackchannelLogoutURI, token)
	if err != nil {
		// The address is an administrator's: it may stand in the log.
		op.Logger(ctx).Info("logout token not delivered", "application", app.ID, "try", n.Tries, "error", err)
	}
	return d.signin.LogoutDelivered(ctx, n, delivered)
}

// post sends a logout token. 200 and 204 are success (section 2.8); no redirect is followed.
func (d *noticer) post(ctx context.Context, address, token string) (bool, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return false, errors.New("oidc: the back-channel logout URI is no address")
	}
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "guildhall")
	resp, err := d.client.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 16<<10)
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNoContent {
		return true, nil
	}
	return false, errors.New("oidc: the application answered " + resp.Status)
}
