package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/secret"
	"github.com/guildhall-id/guildhall/internal/server"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// The rows of getting in: `-only sign-in` measures them alone.
const (
	rowSignIn3    = "sign-in, V3 password, RS256"
	rowSignIn3EC  = "sign-in, V3 password, ES256"
	rowSignIn2    = "sign-in, V2 password"
	rowMe         = "sign-in, /oidc/me"
	rowIntrospect = "sign-in, introspection"
	rowProfile    = "sign-in, V3 get-profile"
	rowCode       = "sign-in, code flow"
	rowClient     = "sign-in, client_credentials"
	rowRefresh    = "sign-in, refresh_token"
)

const (
	members    = 400 // users with a password
	passphrase = "a long passphrase"
	callback   = "https://app.example/callback"
	allScope   = "openid profile username email phone offline_access"
	// baseURL is the same in the process that fills and in the one that serves, since it is the issuer of tokens.
	baseURL = "http://bench.example"
)

// door is what the rows of getting in need: two applications that differ in how their access tokens are signed (their id tokens are
// signed by HS256), and users who are signed in to both.
type door struct {
	apps      [2]*signin.Application // of RS256, of ES256
	members   []member
	refresh   [2]chan string // refresh tokens that nobody uses yet
	encrypted string         // the passphrase under the pool's key, as V2's clients send it
}

type member struct{ id, account, cookie, token string }

var accessAlgs = [2]string{"RS256", "ES256"}

// openDoor makes them. No server runs on the database yet.
func openDoor(dsn string, ids []string) (*door, error) {
	s, err := open(asSystem(""), dsn)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p, err := s.Directory.DefaultPool(asSystem(""))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(asSystem(p.ID), time.Minute)
	defer cancel()
	d := &door{}
	for i, alg := range accessAlgs {
		if d.apps[i], err = s.Signin.CreateApplication(ctx, p.ID, signin.NewApplication{Name: "Bench " + alg,
			Settings: signin.AppSettings{RedirectURIs: []string{callback}, AccessTokenAlg: alg}}); err != nil {
			return nil, err
		}
		d.refresh[i] = make(chan string, members)
	}
	keys, err := s.Directory.Keys(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, &keys.RSA.PublicKey, []byte(passphrase))
	if err != nil {
		return nil, err
	}
	d.encrypted = base64.StdEncoding.EncodeToString(sealed)
	return d, d.signIn(ctx, s, p.ID, ids)
}

// signIn gives users a password, all the same hash, since making one takes long, and signs them in.
func (d *door) signIn(ctx context.Context, s *server.Server, poolID string, ids []string) error {
	hasher, err := secret.NewHasher(secret.Cost{})
	if err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, passphrase)
	if err != nil {
		return err
	}
	var refs []directory.UserRef
	seen := map[string]bool{}
	for _, id := range ids {
		if !seen[id] && len(refs) < members {
			seen[id], refs = true, append(refs, directory.ByID(id))
		}
	}
	var users []directory.User
	for from := 0; from < len(refs); from += batch {
		some := refs[from:min(from+batch, len(refs))]
		patches := make([]directory.UserPatch, len(some))
		for i := range patches {
			patches[i].Password = &directory.PasswordInput{Text: hash, Stored: true}
		}
		changed, err := s.Directory.UpdateUsers(ctx, poolID, some, patches)
		if err != nil {
			return err
		}
		users = append(users, changed...)
	}
	time.Sleep(10 * time.Millisecond) // a new password ends what was given in its millisecond
	d.members = make([]member, len(users))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range fillers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(users) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if d.members[i], err = d.enter(ctx, s, &users[i]); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (d *door) enter(ctx context.Context, s *server.Server, u *directory.User) (member, error) {
	m := member{id: u.ID, account: u.Username}
	out, err := s.Signin.Establish(ctx, d.apps[0], u, signin.Proof{AMR: []string{signin.AMRPassword}, Direct: true, Trusted: true})
	if err != nil {
		return m, err
	}
	m.cookie = out.Cookie
	for i, app := range d.apps {
		set, err := s.Signin.IssueTokens(ctx, signin.TokenOrder{App: app, User: out.User, Session: out.Session, Scope: strings.Fields(allScope), Refresh: true})
		if err != nil {
			return m, err
		}
		d.refresh[i] <- set.Refresh
		if i == 0 {
			m.token = set.Access
		}
	}
	return m, nil
}

func (b *bench) member(n int64) *member { return &b.door.members[n%int64(len(b.door.members))] }

// signInReads are the rows that change nothing, signInWrites the others.
func (b *bench) signInReads() []row {
	app := b.door.apps[0]
	named := func(field string) func(n int64, body []byte) error {
		return func(n int64, body []byte) error { return holds(body, `"`+field+`":"`+b.member(n).id+`"`) }
	}
	return []row{
		{name: rowMe, check: named("sub"), request: func(n int64) []byte { return getRequest("/oidc/me", bearerOf(b.member(n).token)) }},
		{name: rowIntrospect, check: func(n int64, body []byte) error { return holds(body, `"active":true`, `"sub":"`+b.member(n).id+`"`) },
			request: func(n int64) []byte {
				return formRequest("/oidc/token/introspection", url.Values{"token": {b.member(n).token}, "client_id": {app.ID}, "client_secret": {app.Secret}})
			}},
		{name: rowProfile, check: named("userId"), request: func(n int64) []byte { return getRequest("/api/v3/get-profile", bearerOf(b.member(n).token)) }},
	}
}

func (b *bench) signInWrites() []row {
	var rows []row
	for i, app := range b.door.apps {
		alg := accessAlgs[i]
		credentials := url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}}
		// tokens checks an answer with tokens: their algorithms, and whom they are of.
		tokens := func(body []byte, of, nonce string) error {
			t, err := readTokens(body)
			if err != nil {
				return err
			}
			if err := t.access.is(alg, of, ""); err != nil || nonce == noID {
				return err
			}
			return t.id.is("HS256", of, nonce)
		}
		rows = append(rows, row{name: []string{rowSignIn3, rowSignIn3EC}[i], hashes: 1, signatures: oneOf(i),
			check: func(n int64, body []byte) error { return tokens(body, b.member(n).id, "") },
			request: func(n int64) []byte {
				return postRequest("/api/v3/signin", "", fmt.Appendf(nil, `{"connection":"PASSWORD","client_id":%q,"client_secret":%q,"passwordPayload":{"account":%q,"password":%q}}`,
					app.ID, app.Secret, b.member(n).account, passphrase))
			}})
		if i == 0 {
			headers := "x-authing-userpool-id: " + b.poolID + "\r\nx-authing-app-id: " + app.ID + "\r\n"
			rows = append(rows, row{name: rowSignIn2, hashes: 1, signatures: oneOf(0), // the password is decrypted by RSA: the same work
				check: func(n int64, body []byte) error {
					return holds(body, `"code":200`, `"id":"`+b.member(n).id+`"`, `"token":"ey`)
				},
				request: func(n int64) []byte {
					return postRequest("/api/v2/login/account", headers, fmt.Appendf(nil, `{"account":%q,"password":%q}`, b.member(n).account, b.door.encrypted))
				}})
		}
		rows = append(rows,
			row{name: rowCode + ", " + alg, signatures: oneOf(i), begin: func() operation {
				return func(c *connection, n int64) ([]byte, error) {
					m, verifier := b.member(n), fmt.Sprintf("%043d", n)
					sum := sha256.Sum256([]byte(verifier))
					state, nonce := fmt.Sprint("state-", n), fmt.Sprint("nonce-", n)
					a, err := c.exchange(getRequest("/oidc/auth?"+url.Values{"client_id": {app.ID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {allScope},
						"state": {state}, "nonce": {nonce}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}.Encode(),
						"Cookie: guildhall-"+b.poolID+"="+m.cookie+"\r\n"))
					if err != nil {
						return nil, err
					}
					to, err := url.Parse(a.location)
					if err != nil || a.status/100 != 3 || !strings.HasPrefix(a.location, callback) || to.Query().Get("state") != state {
						return nil, wrong(fmt.Sprintf("status %d, to %q", a.status, a.location))
					}
					body, err := c.send(formRequest("/oidc/token", url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}, "grant_type": {"authorization_code"},
						"code": {to.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}))
					if err != nil {
						return nil, err
					}
					return body, tokens(body, m.id, nonce)
				}
			}},
			row{name: rowClient + ", " + alg, signatures: oneOf(i), check: func(_ int64, body []byte) error { return tokens(body, app.ID, noID) },
				request: func(int64) []byte {
					return formRequest("/oidc/token", url.Values{"client_id": credentials["client_id"], "client_secret": credentials["client_secret"], "grant_type": {"client_credentials"}})
				}},
			row{name: rowRefresh + ", " + alg, signatures: oneOf(i), begin: func() operation {
				refresh := "" // the next one of this caller's family
				return func(c *connection, _ int64) ([]byte, error) {
					if refresh == "" {
						select {
						case refresh = <-b.door.refresh[i]:
						default:
							return nil, wrong("there are no refresh tokens left")
						}
					}
					body, err := c.send(formRequest("/oidc/token", url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}, "grant_type": {"refresh_token"}, "refresh_token": {refresh}}))
					if err != nil {
						return nil, err
					}
					t, err := readTokens(body)
					if err != nil || t.RefreshToken == "" || t.RefreshToken == refresh {
						return nil, wrong("no new refresh token: " + string(body[:min(len(body), 200)]))
					}
					refresh = t.RefreshToken
					if err := t.access.is(alg, t.id.Subject, ""); err != nil {
						return nil, err
					}
					return body, t.id.is("HS256", t.access.Subject, "")
				}
			}})
	}
	return rows
}

// oneOf is one signature by an algorithm of accessAlgs.
func oneOf(i int) (n [2]float64) { n[i] = 1; return n }

func bearerOf(token string) string { return "Authorization: Bearer " + token + "\r\n" }

func formRequest(path string, form url.Values) []byte {
	body := form.Encode()
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// holds checks that an answer has all of some texts in it.
func holds(body []byte, texts ...string) error {
	for _, t := range texts {
		if !bytes.Contains(body, []byte(t)) {
			return wrong(string(body[:min(len(body), 200)]))
		}
	}
	return nil
}

const noID = "no id token"

type tokenSet struct {
	AccessToken  string `json:"access_token"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
	access, id   readToken
}

type readToken struct {
	Alg     string `json:"alg"`
	Subject string `json:"sub"`
	Nonce   string `json:"nonce"`
}

// readTokens reads the tokens of an answer, of V3's envelope or not.
func readTokens(body []byte) (*tokenSet, error) {
	var v struct {
		tokenSet
		Data tokenSet `json:"data"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, wrong(err.Error())
	}
	t := &v.tokenSet
	if t.AccessToken == "" {
		t = &v.Data
	}
	if t.AccessToken == "" {
		return nil, wrong(string(body[:min(len(body), 200)]))
	}
	for _, x := range []struct {
		text string
		to   *readToken
	}{{t.AccessToken, &t.access}, {t.IDToken, &t.id}} {
		for _, part := range strings.SplitN(x.text, ".", 3)[:min(2, strings.Count(x.text, "."))] {
			text, err := base64.RawURLEncoding.DecodeString(part)
			if err == nil {
				err = json.Unmarshal(text, x.to)
			}
			if err != nil {
				return nil, wrong(err.Error())
			}
		}
	}
	return t, nil
}

func (t *readToken) is(alg, subject, nonce string) error {
	if t.Alg != alg || t.Subject != subject || t.Nonce != nonce {
		return wrong(fmt.Sprintf("a token by %q of %q with nonce %q instead of %q, %q, %q", t.Alg, t.Subject, t.Nonce, alg, subject, nonce))
	}
	return nil
}

// bare is what all processors do a second of what sign-in cannot go without, each measured when they do nothing else.
type bare struct {
	hashes     float64
	signatures [2]float64 // by accessAlgs
}

// limit is how often a second all processors do what a row needs of it.
func (w *bare) limit(r *row) float64 {
	seconds := r.hashes / w.hashes
	for i, n := range r.signatures {
		seconds += n / w.signatures[i]
	}
	return 1 / seconds
}

// signatureRates measures signing by RSA of 2048 bits and on P-256.
func signatureRates(each time.Duration) (rates [2]float64, err error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return rates, err
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return rates, err
	}
	sum := sha256.Sum256([]byte(passphrase))
	for i, signer := range []crypto.Signer{k, e} {
		rates[i] = onAll(each, func() error {
			_, err := signer.Sign(rand.Reader, sum[:], crypto.SHA256)
			return err
		})
	}
	return rates, nil
}

// onAll is how often a second all processors do something.
func onAll(each time.Duration, do func() error) float64 {
	var n atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for time.Since(began) < each {
				if do() == nil {
					n.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(began).Seconds()
}

// beside is a row that needs hashes or signatures, and what they alone would let it reach, measured right before it.
type beside struct {
	name         string
	row          row
	hashes       float64 // alone
	limit        float64 // of hashes and signatures alone
	result       result
	before, peak int64 // bytes of the server's memory
}

// besideBare measures a row with hashes under saturating callers and what it needs alone, in turn, twice, since a machine's mood changes;
// the better of each counts. Of other rows had is what has been measured, and only what they need alone is measured.
func (b *bench) besideBare(r row, had result) (beside, error) {
	s := beside{name: r.name, row: r, before: b.server.memory()}
	w := bare{hashes: 1}
	if r.hashes == 0 {
		var err error
		s.result = had
		if w.signatures, err = signatureRates(*each / 3); err == nil {
			s.limit = w.limit(&r)
		}
		return s, err
	}
	for range 2 {
		rate, err := hashRate(*each)
		if err != nil {
			return s, err
		}
		w.hashes = max(w.hashes, rate)
		rates, err := signatureRates(*each / 3)
		if err != nil {
			return s, err
		}
		for i := range rates {
			w.signatures[i] = max(w.signatures[i], rates[i])
		}
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-done:
					return
				case <-tick.C:
					s.peak = max(s.peak, b.server.memory())
				}
			}
		})
		m := measure(r, saturating, *each)
		close(done)
		wg.Wait()
		failed := s.result.failed + m.failed
		if m.rate > s.result.rate || s.result.failure == "" && m.failure != "" {
			s.result = m
		}
		s.result.failed = failed
	}
	s.hashes, s.limit = w.hashes, w.limit(&r)
	return s, nil
}

func (r *report) printBeside() {
	if len(r.beside) == 0 {
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\nbeside bare cryptography, callers: %d\tops/s\tof bare hashes\tlimit\tof the limit\tp50\tp99\tcpu/op\tmemory before\tpeak\trefused\t\n", saturating)
	for _, s := range r.beside {
		ofHashes, before, peak := "-", "-", "-"
		if s.row.hashes > 0 {
			ofHashes, before, peak = fmt.Sprintf("%.0f/s: %.2f", s.hashes, s.result.rate/s.hashes), fmt.Sprintf("%d MB", s.before>>20), fmt.Sprintf("%d MB", s.peak>>20)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%.0f\t%.2f\t%s\t%s\t%s\t%s\t%s\t%d\t\n", s.name, s.result.rate, ofHashes, s.limit, s.result.rate/s.limit,
			short(s.result.p50), short(s.result.p99), short(s.result.cpu), before, peak, s.result.refused)
	}
	w.Flush()
}

// signIn are the aims of getting in.
func (a aims) signIn() {
	for _, s := range a.r.beside {
		if s.row.hashes > 0 {
			a.line(fmt.Sprintf("%s: within 15 %% of bare hashes, callers: %d", s.name, saturating),
				fmt.Sprintf("%.0f/s of %.0f/s (%+.0f %%)", s.result.rate, s.hashes, 100*(s.result.rate/s.hashes-1)), s.result.rate >= 0.85*s.hashes)
		}
	}
	for _, name := range []string{rowMe, rowIntrospect, rowProfile} {
		if m, ok := a.r.rows[name][saturating]; ok {
			a.line(fmt.Sprintf("%s: 15,000 a second at least, callers: %d", name, saturating), fmt.Sprintf("%.0f/s", m.rate), m.rate >= 15000)
		}
	}
}
