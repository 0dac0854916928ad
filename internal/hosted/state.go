package hosted

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
)

// state is what a browser's pages remember. It travels in a sealed cookie, so it is the browser's own: nobody can make one, and it must
// stay within what a cookie takes. It holds no password.
type state struct {
	Token  string             `json:"t"`           // what every form of this browser carries
	Until  int64              `json:"u"`           // unix seconds
	Flow   *pending           `json:"f,omitzero"`  // the sign-in that waits for its next step
	Sent   map[string]address `json:"s,omitempty"` // where codes went, by what for
	Note   *note              `json:"n,omitzero"`  // what the next page says
	Enrol  *enrolment         `json:"e,omitzero"`  // the second factor that is being set up
	Reset  *pending           `json:"r,omitzero"`  // a code for a new password was right
	Proofs map[string]proof   `json:"p,omitempty"` // addresses that a person has proven to be theirs, for the step
	Scan   *scan              `json:"c,omitzero"`  // what the sign-in page shows to be scanned
}

// pending is something of signin's that goes on with a handle, for one door.
type pending struct {
	Door   string `json:"d"`
	Handle string `json:"h"`
	Keep   bool   `json:"k,omitzero"` // the session shall outlive the browser
}

// enrolment is a second factor that is being set up.
type enrolment struct {
	Type     string `json:"t"`
	Token    string `json:"k,omitempty"` // of signin
	URI      string `json:"u,omitempty"` // of a one-time password
	Secret   string `json:"s,omitempty"`
	Recovery string `json:"r,omitempty"` // shown once, when all is set
	AMR      string `json:"m,omitempty"`
	Keep     bool   `json:"b,omitzero"` // the device is to be remembered
}

// address is where a code went.
type address struct {
	Door    string `json:"d"`
	Email   string `json:"e,omitempty"`
	Phone   string `json:"p,omitempty"`
	Country string `json:"c,omitempty"`
	At      int64  `json:"a"` // unix seconds
}

// proof is an address and the token that proves it.
type proof struct {
	address
	Token string `json:"t"`
}

// scan is a sign-in by a scanned code that waits for its phone.
type scan struct {
	Door    string `json:"d"`
	ID      string `json:"i"`
	Content string `json:"c"`
	Until   int64  `json:"u"` // unix seconds
}

// note is what a form's answer has to say on the page that is read next.
type note struct {
	Page   string            `json:"p"` // its path
	Good   string            `json:"g,omitempty"`
	Code   string            `json:"c,omitempty"` // of a fault
	Kind   uint8             `json:"k,omitempty"`
	Args   []string          `json:"a,omitempty"`
	Field  string            `json:"f,omitempty"` // the input that it is about
	Ref    string            `json:"r,omitempty"` // the request's id, where the failure is the server's
	Values map[string]string `json:"v,omitempty"` // what was typed, never a secret
	Ask    bool              `json:"q,omitempty"` // a captcha is wanted
}

const (
	stateLife    = time.Hour
	longestState = 3800 // bytes of a cookie that every browser takes
)

func (p *Pages) cookieName() string {
	if p.secure {
		return "__Host-guildhall_pages" // bound to this host, over https alone (RFC 6265bis, 4.1.3.2)
	}
	return "guildhall_pages"
}

// stateContext keeps a sealed state from passing for anything else that the key might seal.
var stateContext = []byte("hosted pages 1")

// openState reads the browser's state; a new one when there is none that holds.
func (p *Pages) openState(r *http.Request) (s *state, fresh bool) {
	if c, err := r.Cookie(p.cookieName()); err == nil {
		if sealed, err := base64.RawURLEncoding.DecodeString(c.Value); err == nil {
			if plain, err := p.sealer.Open(nil, nil, sealed, stateContext); err == nil {
				s := &state{}
				if json.Unmarshal(plain, s) == nil && s.Token != "" && p.now().Unix() < s.Until {
					return s, false
				}
			}
		}
	}
	return &state{Token: rand.Text()}, true
}

// keepState sends the state to the browser. One that is too large for a cookie goes without what people typed.
func (p *Pages) keepState(w http.ResponseWriter, s *state) {
	s.Until = p.now().Add(stateLife).Unix()
	value := p.sealState(s)
	if len(value) > longestState && s.Note != nil {
		s.Note.Values = nil
		value = p.sealState(s)
	}
	http.SetCookie(w, &http.Cookie{Name: p.cookieName(), Value: value, Path: "/", HttpOnly: true, Secure: p.secure, SameSite: http.SameSiteLaxMode})
}

func (p *Pages) sealState(s *state) string {
	plain, err := json.Marshal(s, json.Deterministic(true))
	if err != nil {
		panic(err) // strings and numbers
	}
	return base64.RawURLEncoding.EncodeToString(p.sealer.Seal(nil, nil, plain, stateContext))
}

// isToken reports whether a form carries the state's token.
func (s *state) isToken(token string) bool {
	return subtle.ConstantTimeCompare([]byte(s.Token), []byte(token)) == 1
}

func (s *state) sentTo(what, door string) *address {
	if a, ok := s.Sent[what]; ok && a.Door == door {
		return &a
	}
	return nil
}

func (s *state) send(what string, a address) {
	if s.Sent == nil {
		s.Sent = map[string]address{}
	}
	s.Sent[what] = a
}
