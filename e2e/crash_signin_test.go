package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
)

// Eight clients register, sign in, exchange codes, refresh, sign out and set passwords anew while the server is killed again and again.
// After each restart what was acknowledged holds: tokens that were given work, what was used up or ended does not; and what was cut off
// has happened whole or not at all. In the end the tables agree with each other and with what the clients have counted.
func TestSignInSurvivesKill(t *testing.T) {
	const (
		clients  = 8
		kills    = 8
		restTime = 20 * time.Second // no further kill afterwards
	)
	for key, value := range map[string]string{"ARGON2_MEMORY": "64", "ARGON2_TIME": "1", "CODES_PER_IP": "1000000"} {
		t.Setenv("GUILDHALL_"+key, value)
	}
	onEachEngine(t, func(t *testing.T, i *instance) {
		i.kill() // it starts anew with an issuer that outlives a restart, and with an inbox
		i.flags = append(i.flags, "--base-url", "http://guildhall.test", "--dev")
		i.start()
		d := &signInDesk{instance: i}
		d.prepare()

		began := time.Now()
		var next atomic.Int64
		var checked []*life
		done := 0
		for done < kills && time.Since(began) < restTime {
			d.key = i.token()
			var mu sync.Mutex
			var lives []*life
			var wg sync.WaitGroup
			var answered atomic.Int64
			for range clients {
				wg.Go(func() {
					for {
						l := &life{desk: d, email: fmt.Sprintf("user-%d@example.com", next.Add(1)), password: "correct horse 1"}
						err := l.live()
						mu.Lock()
						lives = append(lives, l)
						mu.Unlock()
						if err != nil {
							if !errors.Is(err, errGone) {
								t.Errorf("%s: %v", l.email, err)
							}
							return
						}
						answered.Add(1)
					}
				})
			}
			killAfter := 300*time.Millisecond + time.Duration(mathrand.IntN(900))*time.Millisecond
			time.Sleep(killAfter)
			i.kill()
			wg.Wait()
			done++
			if t.Failed() {
				return
			}
			i.start()
			d.key = i.token()
			each(clients, append(lives, sample(checked, 30)...), func(l *life) {
				if err := l.check(); err != nil {
					t.Errorf("%s, cut off at %q: %v", l.email, l.cut, err)
				}
			})
			checked = append(checked, lives...)
			if t.Failed() {
				return
			}
		}
		i.kill()
		d.tables(t, checked)
		cut := map[string]int{}
		happened := 0
		for _, l := range checked {
			if l.cut != "" {
				cut[l.cut]++
			}
			if l.happened {
				happened++
			}
		}
		t.Logf("%d kills in %v, %d users, cut off at %v, %d of these had happened", done, time.Since(began).Round(time.Second), len(checked), cut, happened)
		if len(cut) == 0 {
			t.Error("the server was not killed in the middle of anything")
		}
	})
}

// errGone says that the server did not live to answer.
var errGone = errors.New("the server is gone")

// each calls do for every one of a list, n at a time.
func each[T any](n int, list []T, do func(T)) {
	var at atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for {
				k := int(at.Add(1)) - 1
				if k >= len(list) {
					return
				}
				do(list[k])
			}
		})
	}
	wg.Wait()
}

func sample[T any](list []T, n int) []T {
	out := append([]T(nil), list...)
	mathrand.Shuffle(len(out), func(a, b int) { out[a], out[b] = out[b], out[a] })
	return out[:min(n, len(out))]
}

// signInDesk is an application of the server under test.
type signInDesk struct {
	*instance
	key    string // a management token
	public *rsa.PublicKey
	wrong  atomic.Int64 // passwords shown
}

// mostWrong is how many wrong passwords are shown: too many from one address, and the server wants a captcha.
const mostWrong = 8

const signInCallback = "https://app.example/cb"

func (d *signInDesk) prepare() {
	d.t.Helper()
	a, err := d.call(http.MethodPost, "/api/v3/update-application", d.token(), map[string]any{"appId": d.credentials.AppID, "redirectUris": []string{signInCallback}})
	if err != nil || a.StatusCode != 200 {
		d.t.Fatalf("%+v, %v", a, err)
	}
	var system struct{ RSA struct{ PublicKey string } }
	if a, err = d.json(http.MethodGet, "/api/v3/system", nil, &system); err != nil || a.StatusCode != 0 && a.StatusCode != 200 {
		d.t.Fatalf("%+v, %v", a, err)
	}
	block, _ := pem.Decode([]byte(system.RSA.PublicKey))
	if block == nil {
		d.t.Fatalf("no key: %+v", system)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		d.t.Fatal(err)
	}
	d.public = key.(*rsa.PublicKey)
}

// send sends a request at the application's door. An error is errGone.
func (d *signInDesk) send(method, path, contentType, body string, header ...string) (*http.Response, []byte, error) {
	r, err := http.NewRequest(method, d.base+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("X-Authing-App-Id", d.credentials.AppID)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	resp, err := doorClient.Do(r)
	if err != nil {
		return nil, nil, errGone
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, errGone
	}
	return resp, text, nil
}

var doorClient = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// json sends JSON and reads data of the envelope into out, or the whole answer where there is no envelope.
func (d *signInDesk) json(method, path string, in, out any, header ...string) (answer, error) {
	var a answer
	body, err := json.Marshal(in)
	if err != nil {
		return a, err
	}
	_, text, err := d.send(method, path, "application/json", string(body), header...)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("%s: %w: %s", path, err, text)
	}
	if len(a.Data) == 0 {
		a.Data = text
	}
	if out != nil && (a.StatusCode == 0 || a.StatusCode == 200) {
		err = json.Unmarshal(a.Data, out)
	}
	return a, err
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
}

// form posts a form of the application's to one of the provider's endpoints.
func (d *signInDesk) form(path string, out any, fields ...string) (status int, err error) {
	q := url.Values{"client_id": {d.credentials.AppID}, "client_secret": {d.credentials.AppSecret}}
	for n := 0; n < len(fields); n += 2 {
		q.Set(fields[n], fields[n+1])
	}
	resp, text, err := d.send(http.MethodPost, path, "application/x-www-form-urlencoded", q.Encode())
	if err != nil {
		return 0, err
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			return 0, fmt.Errorf("%s: %w: %s", path, err, text)
		}
	}
	return resp.StatusCode, nil
}

// chain is a token family as its client knows it.
type chain struct {
	tokens
	used  []string // refresh tokens before this one, the latest last
	ended bool
}

// life is what one user does, and what is known of it: one step after the other, so that at most one is cut off.
type life struct {
	desk            *signInDesk
	email, password string
	id              string
	signIns, unsure int // acknowledged; cut off
	direct, browser chain
	cookie          string
	cookieEnded     bool
	oldPassword     string
	code            string // exchanged
	cut             string // the step that was cut off
	happened        bool   // and had happened nevertheless
	tried           string // what the step was to use or to set
	broken          bool   // the chains were used up by a check
}

// live goes through a life until its end or the server's.
func (l *life) live() error {
	d := l.desk
	type step struct {
		name string
		do   func() error
	}
	steps := []step{
		{"register", l.register}, {"sign in", l.signIn}, {"refresh", func() error { return l.refresh(&l.direct) }},
		{"sign in by browser", l.signInBrowser}, {"authorize", func() (err error) { l.tried, err = l.authorize(); return err }},
		{"exchange", l.exchange}, {"refresh", func() error { return l.refresh(&l.direct) }}, {"refresh of the browser", func() error { return l.refresh(&l.browser) }},
	}
	switch mathrand.IntN(5) {
	case 0:
		steps = append(steps, step{"revoke", func() error {
			status, err := d.form("/oidc/token/revocation", nil, "token", l.browser.Refresh)
			if err == nil && status != 200 {
				err = fmt.Errorf("revocation: %d", status)
			}
			if err == nil {
				l.browser.ended = true
			}
			return err
		}})
	case 1:
		steps = append(steps, step{"kick", func() error {
			a, err := d.json(http.MethodPost, "/api/v3/kick-users", map[string]any{"userId": l.id, "appIds": []string{d.credentials.AppID}}, nil, "Authorization", "Bearer "+d.key)
			if err == nil && a.StatusCode != 200 {
				err = fmt.Errorf("kick: %d %s", a.StatusCode, a.Message)
			}
			if err == nil {
				l.endAll()
			}
			return err
		}})
	case 2:
		steps = append(steps, step{"ask for a code", l.prepareReset}, step{"reset", func() error {
			a, err := d.json(http.MethodPost, "/api/v3/reset-password", map[string]string{"password": "correct horse 2", "passwordResetToken": l.tried}, nil)
			if err == nil && a.StatusCode != 200 {
				err = fmt.Errorf("reset: %d %s", a.StatusCode, a.Message)
			}
			if err == nil {
				l.oldPassword, l.password = l.password, "correct horse 2"
				l.endAll()
			}
			return err
		}})
	}
	for _, s := range steps {
		l.cut = s.name
		if err := s.do(); err != nil {
			return err
		}
	}
	l.cut = ""
	return nil
}

func (l *life) endAll() { l.direct.ended, l.browser.ended, l.cookieEnded = true, true, true }

func (l *life) register() error {
	var u struct{ UserID string }
	a, err := l.desk.json(http.MethodPost, "/api/v3/signup", map[string]any{"connection": "PASSWORD",
		"passwordPayload": map[string]string{"email": l.email, "password": l.password}, "profile": map[string]string{"company": l.email}}, &u)
	if err == nil && (a.StatusCode != 200 || u.UserID == "") {
		err = fmt.Errorf("%d %s", a.StatusCode, a.Message)
	}
	l.id = u.UserID
	return err
}

// signInBy signs in at V3's door and reports the answer's status.
func (l *life) signInBy(password string, out *tokens) (int, error) {
	l.unsure++
	a, err := l.desk.json(http.MethodPost, "/api/v3/signin", map[string]any{"connection": "PASSWORD", "passwordPayload": map[string]string{"email": l.email, "password": password},
		"options": map[string]string{"scope": "openid offline_access"}, "client_id": l.desk.credentials.AppID, "client_secret": l.desk.credentials.AppSecret}, out)
	if err == nil {
		l.unsure--
		if a.StatusCode == 200 {
			l.signIns++
		}
	}
	return a.StatusCode, err
}

func (l *life) signIn() error {
	status, err := l.signInBy(l.password, &l.direct.tokens)
	if err == nil && (status != 200 || l.direct.Refresh == "") {
		err = fmt.Errorf("signin: %d", status)
	}
	return err
}

// signInBrowser signs in at V2's door, which sets the session's cookie.
func (l *life) signInBrowser() error {
	d := l.desk
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, d.public, []byte(l.password))
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"account": l.email, "password": base64.StdEncoding.EncodeToString(sealed)})
	if err != nil {
		return err
	}
	l.unsure++
	resp, text, err := d.send(http.MethodPost, "/api/v2/login/account", "application/json", string(body))
	if err != nil {
		return err
	}
	for _, c := range resp.Cookies() {
		if strings.HasPrefix(c.Name, "guildhall-") {
			l.cookie = c.Name + "=" + c.Value
		}
	}
	if l.cookie == "" {
		return fmt.Errorf("no cookie: %s", text)
	}
	l.unsure--
	l.signIns++
	return nil
}

// authorize asks for a code by the session's cookie: "" when somebody has to sign in.
func (l *life) authorize() (string, error) {
	q := url.Values{"client_id": {l.desk.credentials.AppID}, "redirect_uri": {signInCallback}, "response_type": {"code"}, "scope": {"openid offline_access"}, "prompt": {"none"}}
	resp, text, err := l.desk.send(http.MethodGet, "/oidc/auth?"+q.Encode(), "", "", "Cookie", l.cookie)
	if err != nil {
		return "", err
	}
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	code := to.Query().Get("code")
	if code == "" && to.Query().Get("error") != "login_required" {
		return "", fmt.Errorf("authorize: %d %s %s", resp.StatusCode, to, text)
	}
	return code, nil
}

func (l *life) exchangeBy(code string, out *tokens) (int, error) {
	return l.desk.form("/oidc/token", out, "grant_type", "authorization_code", "code", code, "redirect_uri", signInCallback)
}

func (l *life) exchange() error {
	status, err := l.exchangeBy(l.tried, &l.browser.tokens)
	if err == nil && (status != 200 || l.browser.Refresh == "") {
		return fmt.Errorf("exchange of %q: %d %+v", l.tried, status, l.browser)
	}
	if err == nil {
		l.code = l.tried
	}
	return err
}

func (l *life) refresh(c *chain) error {
	var next tokens
	status, err := l.desk.form("/oidc/token", &next, "grant_type", "refresh_token", "refresh_token", c.Refresh)
	if err == nil && (status != 200 || next.Refresh == "") {
		err = fmt.Errorf("refresh: %d %+v", status, next)
	}
	if err == nil {
		c.used = append(c.used, c.Refresh)
		c.tokens = next
	}
	return err
}

// prepareReset asks for a code and exchanges it for the token that permits a new password.
func (l *life) prepareReset() error {
	d := l.desk
	a, err := d.json(http.MethodPost, "/api/v3/send-email", map[string]string{"email": l.email, "channel": "CHANNEL_RESET_PASSWORD"}, nil)
	if err == nil && a.StatusCode != 200 {
		err = fmt.Errorf("send-email: %d %s", a.StatusCode, a.Message)
	}
	var box struct{ Messages []struct{ Code string } }
	for began := time.Now(); err == nil && len(box.Messages) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			return errors.New("no mail after 10 s")
		}
		_, err = d.json(http.MethodGet, "/dev/inbox?format=json&to="+url.QueryEscape(l.email), nil, &box)
	}
	if err != nil {
		return err
	}
	var token struct{ PasswordResetToken string }
	a, err = d.json(http.MethodPost, "/api/v3/verify-reset-password-request", map[string]any{"verifyMethod": "EMAIL_PASSCODE",
		"emailPassCodePayload": map[string]string{"email": l.email, "passCode": box.Messages[0].Code}}, &token)
	if err == nil && (a.StatusCode != 200 || token.PasswordResetToken == "") {
		err = fmt.Errorf("verify-reset: %d %s", a.StatusCode, a.Message)
	}
	l.tried = token.PasswordResetToken
	return err
}

// holds reports whether a chain's access token opens and its refresh token is good, which must be one.
func (l *life) holds(c *chain) (bool, error) {
	resp, _, err := l.desk.send(http.MethodGet, "/oidc/me", "", "", "Authorization", "Bearer "+c.Access)
	if err != nil {
		return false, err
	}
	good, err := l.good(c.Refresh)
	if err == nil && good != (resp.StatusCode == 200) {
		err = fmt.Errorf("the access token is answered %d, the refresh token is good: %v", resp.StatusCode, good)
	}
	return good, err
}

func (l *life) good(refresh string) (bool, error) {
	var i struct{ Active bool }
	_, err := l.desk.form("/oidc/token/introspection", &i, "token", refresh)
	return i.Active, err
}

// refused uses a refresh token up that must not be good.
func (l *life) refused(refresh string) error {
	var out tokens
	status, err := l.desk.form("/oidc/token", &out, "grant_type", "refresh_token", "refresh_token", refresh)
	if err == nil && (status != 400 || out.Error != "invalid_grant") {
		err = fmt.Errorf("a used or ended refresh token is answered %d %q", status, out.Error)
	}
	return err
}

// settle finds out what has become of the step that was cut off, which must have happened whole or not at all.
func (l *life) settle() error {
	switch l.cut {
	case "register":
		var u struct{ UserID, Company string }
		a, err := l.desk.json(http.MethodGet, "/api/v3/get-user?userIdType=email&userId="+url.QueryEscape(l.email), nil, &u, "Authorization", "Bearer "+l.desk.key)
		if err != nil || a.StatusCode != 200 {
			return err
		}
		l.id, l.happened = u.UserID, true
		if u.Company != l.email {
			return fmt.Errorf("half registered: %+v", u)
		}
	case "refresh", "refresh of the browser":
		c := &l.direct
		if l.cut != "refresh" {
			c = &l.browser
		}
		good, err := l.good(c.Refresh)
		if err != nil || good {
			return err
		}
		// It was used up, and what it was exchanged for was lost on the way: used again, it ends its family.
		l.happened = true
		resp, _, err := l.desk.send(http.MethodGet, "/oidc/me", "", "", "Authorization", "Bearer "+c.Access)
		if err == nil && resp.StatusCode != 200 {
			err = fmt.Errorf("the access token before is answered %d", resp.StatusCode)
		}
		if err == nil {
			err = l.refused(c.Refresh)
		}
		c.ended = true
		return err
	case "exchange":
		status, err := l.exchangeBy(l.tried, &l.browser.tokens)
		switch {
		case err != nil:
			return err
		case status == 200:
		case status == 400 && l.browser.Error == "invalid_grant":
			l.happened, l.browser = true, chain{}
		default:
			return fmt.Errorf("the code is answered %d %+v", status, l.browser)
		}
		l.code = l.tried
	case "revoke":
		good, err := l.holds(&l.browser)
		l.browser.ended, l.happened = !good, !good
		return err
	case "kick":
		good, err := l.holds(&l.direct)
		if err == nil && !good {
			l.endAll()
			l.happened = true
		}
		return err // that the rest is alike is checked with everything else
	case "reset":
		good, err := l.holds(&l.direct) // until the password is another one
		if err != nil || good {
			return err
		}
		var out tokens
		status, err := l.signInBy("correct horse 2", &out)
		if err == nil && status != 200 {
			err = fmt.Errorf("the tokens have ended, the new password is answered %d", status)
		}
		if err == nil {
			l.oldPassword, l.password, l.happened = l.password, "correct horse 2", true
			l.endAll()
		}
		return err
	}
	return nil
}

// check holds what is known of a life against the server.
func (l *life) check() error {
	if l.cut != "" && !l.broken {
		if err := l.settle(); err != nil {
			return err
		}
	}
	if l.id == "" {
		return nil // never registered
	}
	var u struct{ UserID, Company string }
	a, err := l.desk.json(http.MethodGet, "/api/v3/get-user?userId="+l.id, nil, &u, "Authorization", "Bearer "+l.desk.key)
	if err != nil || a.StatusCode != 200 || u.Company != l.email {
		return fmt.Errorf("the user: %+v %+v %v", a, u, err)
	}
	for name, c := range map[string]*chain{"direct": &l.direct, "browser": &l.browser} {
		if c.Refresh == "" {
			continue
		}
		good, err := l.holds(c)
		if err != nil || good == c.ended {
			return fmt.Errorf("tokens (%s): good %v, ended %v, %v", name, good, c.ended, err)
		}
		for _, used := range c.used {
			if good, err := l.good(used); err != nil || good {
				return fmt.Errorf("a used refresh token (%s) is good: %v, %v", name, good, err)
			}
		}
		if c.ended {
			if err := l.refused(c.Refresh); err != nil {
				return err
			}
		}
	}
	if l.cookie != "" {
		code, err := l.authorize()
		if err != nil || (code != "") == l.cookieEnded {
			return fmt.Errorf("the session gives the code %q, ended %v: %v", code, l.cookieEnded, err)
		}
	}
	if l.broken {
		return nil
	}
	l.broken = true
	if l.oldPassword != "" && l.desk.wrong.Add(1) <= mostWrong {
		if status, err := l.signInBy(l.oldPassword, &tokens{}); err != nil || status == 200 {
			return fmt.Errorf("the old password is answered %d, %v", status, err)
		}
	}
	if status, err := l.signInBy(l.password, &tokens{}); err != nil || status != 200 {
		return fmt.Errorf("the password is answered %d, %v", status, err)
	}
	// What comes a second time is refused and ends its family.
	if l.code != "" {
		var out tokens
		if status, err := l.exchangeBy(l.code, &out); err != nil || status != 400 || out.Error != "invalid_grant" {
			return fmt.Errorf("a used code is answered %d %+v, %v", status, out, err)
		}
		l.browser.ended = true
	}
	if n := len(l.direct.used); n > 0 {
		if err := l.refused(l.direct.used[n-1]); err != nil {
			return err
		}
		l.direct.ended = true
	}
	for _, c := range []*chain{&l.direct, &l.browser} {
		if c.Refresh == "" || !c.ended {
			continue
		}
		if good, err := l.holds(c); err != nil || good {
			return fmt.Errorf("after a second use the tokens are good: %v, %v", good, err)
		}
	}
	return nil
}

// tables reads the database of a server that has gone.
func (d *signInDesk) tables(t *testing.T, lives []*life) {
	t.Helper()
	store, err := db.Open(t.Context(), db.Options{DSN: d.dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, c := range []struct{ what, sql string }{
		{"sessions without a record", `select count(*) from sessions s where not exists
			(select 1 from audit_log a where a.pool_id = s.pool_id and a.event = 'login' and a.success and a.user_id = s.user_id and a.after_values like '%' || s.id || '%')`},
		{"records of sign-ins without a session, where none has ended", `select count(*) from audit_log a where a.event = 'login' and a.success
			and not exists (select 1 from audit_log o where o.pool_id = a.pool_id and o.user_id = a.user_id and o.event <> 'login' and o.event <> 'register')
			and not exists (select 1 from sessions s where s.pool_id = a.pool_id and s.user_id = a.user_id)`},
		{"families without a user", "select count(*) from token_families f where not exists (select 1 from users u where u.pool_id = f.pool_id and u.id = f.user_id)"},
		{"standing families without a session", `select count(*) from token_families f where f.revoked_at = 0 and not f.offline and f.session_id <> ''
			and not exists (select 1 from sessions s where s.pool_id = f.pool_id and s.id = f.session_id)`},
		{"refresh tokens without a family", `select count(*) from tickets k where k.kind = 'refresh'
			and not exists (select 1 from token_families f where f.pool_id = k.pool_id and f.id = k.family_id)`},
		{"families with two refresh tokens that are good", `select count(*) from (select family_id from tickets where kind = 'refresh' and used_at = 0 and family_id <> ''
			group by pool_id, family_id having count(*) > 1) as twice`},
		{"used codes without a family", `select count(*) from tickets k where k.kind = 'code' and k.used_at <> 0
			and not exists (select 1 from token_families f where f.pool_id = k.pool_id and f.id = k.family_id)`},
		{"families of unused codes", `select count(*) from tickets k where k.kind = 'code' and k.used_at = 0
			and exists (select 1 from token_families f where f.pool_id = k.pool_id and f.id = k.family_id)`},
		{"applications' users who are counted wrong", `select count(*) from application_users a where a.logins <>
			(select count(*) from token_families f where f.pool_id = a.pool_id and f.app_id = a.app_id and f.user_id = a.user_id)`},
		{"users whose sign-ins are not those of the log", `select count(*) from users u where coalesce(u.logins_count, 0) <>
			(select count(*) from audit_log a where a.pool_id = u.pool_id and a.user_id = u.id and a.event = 'login' and a.success)`},
		{"users without a record", `select count(*) from users u where u.email like 'user-%' and not exists
			(select 1 from audit_log a where a.pool_id = u.pool_id and a.target_id = u.id and a.operation = 'create')`},
	} {
		n, err := db.One[int64](t.Context(), store, c.sql)
		if err != nil || n != 0 {
			t.Errorf("%d %s, %v", n, c.what, err)
		}
	}
	type row struct {
		ID          string `db:"id"`
		LoginsCount int64  `db:"logins_count,null"`
	}
	rows, err := db.List[row](t.Context(), store, "select id, logins_count from users")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, r := range rows {
		counts[r.ID] = int(r.LoginsCount)
	}
	for _, l := range lives {
		if n, ok := counts[l.id]; l.id != "" && (!ok || n < l.signIns || n > l.signIns+l.unsure) {
			t.Errorf("%s has signed in %d times, %d were acknowledged and %d cut off", l.email, n, l.signIns, l.unsure)
		}
	}
}
