package signin

import (
	"context"
	"slices"
	"time"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// An interaction is an authorization request that waits for its person: it has been checked, the browser has been sent to the
// hosted pages, and it goes on at (*Interaction).ContinuePath when they are done. Its key travels in addresses and says
// nothing by itself: what it leads to depends on the session of the browser that comes with it.
//
// The pages' part: read it by Interaction(key); sign the person in (a session newer than the interaction answers prompt=login by
// itself), or let them choose an account (ChooseAccount), agree (GrantConsent) or refuse (RefuseInteraction); then send the
// browser to ContinuePath with 303. Each step is checked again there: a page that skips one is shown anew.

// Where the browser is sent, below the base URL.
const (
	LoginPath       = "/login"      // ?interaction=KEY: sign in, or choose an account when Need is NeedAccount
	ConsentPath     = "/consent"    // ?interaction=KEY: agree to scopes
	DevicePath      = "/device"     // ?user_code=BCDF-GHJK: connect a device
	ContinuePrefix  = "/oidc/auth/" // and the key: the request goes on
	interactionLife = 30 * time.Minute
)

// TicketInteraction is the kind of a pending authorization request.
const TicketInteraction TicketKind = "interaction"

// ErrInteractionGone says that no authorization request waits under a key: it never did, it was answered, or it took longer than
// half an hour. The person must begin again at the application.
var ErrInteractionGone = fault.New(fault.NotFound, "interaction_gone")

// Need is what an interaction waits for.
type Need string

// What an interaction can wait for.
const (
	NeedLogin   Need = "login"          // somebody who signs in, now
	NeedAccount Need = "select_account" // a choice between the browser's session and another account
	NeedConsent Need = "consent"        // the signed-in user's word on the scopes
)

// AuthorizeRequest is a checked authorization request: client, redirect URI and everything else hold. Field names are those of
// RFC 6749 4.1.1 and OpenID Connect Core 3.1.2.1.
type AuthorizeRequest struct {
	Protocol     string   `json:"protocol"` // "oidc" or "oauth"
	ClientID     string   `json:"client_id"`
	RedirectURI  string   `json:"redirect_uri"`
	ResponseType string   `json:"response_type"` // its words in order of the alphabet
	ResponseMode string   `json:"response_mode"`
	Scope        []string `json:"scope"`
	State        string   `json:"state"`
	HasState     bool     `json:"has_state"`
	Nonce        string   `json:"nonce,omitempty"`
	Challenge    string   `json:"code_challenge,omitempty"`
	ChallengeBy  string   `json:"code_challenge_method,omitempty"` // S256, or plain for Legacy applications
	Prompt       []string `json:"prompt,omitempty"`
	MaxAge       *int64   `json:"max_age,omitempty"` // seconds
	LoginHint    string   `json:"login_hint,omitempty"`
	UILocales    string   `json:"ui_locales,omitempty"`
	HintSubject  string   `json:"hint_subject,omitempty"` // of id_token_hint: nobody else may answer
	TenantID     string   `json:"tenant_id,omitempty"`
	PageContext  string   `json:"login_page_context,omitempty"`
	UpstreamID   string   `json:"ext_idp_conn_id,omitempty"`
}

// Prompts reports whether the request's prompt has the word.
func (r *AuthorizeRequest) Prompts(word string) bool { return slices.Contains(r.Prompt, word) }

// Interaction is a pending authorization request and what its person has done so far.
type Interaction struct {
	Key       string       `json:"-"`
	App       *Application `json:"-"` // shared: not to be changed
	CreatedAt int64        `json:"-"` // unix ms
	ExpiresAt int64        `json:"-"` // unix ms

	Request AuthorizeRequest `json:"request"`
	Need    Need             `json:"need"`
	// Chosen is the session that the person has chosen to go on with.
	Chosen string `json:"chosen,omitempty"`
	// ConsentBy is the user who has agreed, to Consented; another user of the same browser has not.
	ConsentBy string   `json:"consent_by,omitempty"`
	Consented []string `json:"consented,omitempty"`
	Refused   bool     `json:"refused,omitempty"`

	ticket *Ticket
}

// ContinuePath is where the browser goes on when a page is done: GET, below the base URL.
func (in *Interaction) ContinuePath() string { return ContinuePrefix + in.Key }

// PagePath is the page that answers the interaction's need, below the base URL.
func (in *Interaction) PagePath() string {
	if in.Need == NeedConsent {
		return ConsentPath + "?interaction=" + in.Key
	}
	return LoginPath + "?interaction=" + in.Key
}

// StartInteraction keeps a checked request of the application until its person has done what is needed, and returns it with its key.
func (s *Signin) StartInteraction(ctx context.Context, app *Application, r AuthorizeRequest, need Need) (*Interaction, error) {
	in := &Interaction{App: app, Request: r, Need: need, CreatedAt: s.db.Now()}
	key, err := s.IssueTicket(ctx, app.PoolID, TicketInteraction, interactionLife, TicketFor{AppID: app.ID}, in)
	if err != nil {
		return nil, err
	}
	in.Key, in.ExpiresAt = key, in.CreatedAt+interactionLife.Milliseconds()
	return in, nil
}

// Interaction reads a pending request. ErrInteractionGone when there is none under the key, or its application is gone.
func (s *Signin) Interaction(ctx context.Context, key string) (*Interaction, error) {
	in := &Interaction{Key: key}
	t, err := s.PeekTicket(ctx, TicketInteraction, key, in)
	return s.interaction(ctx, in, t, err)
}

// FinishInteraction takes the request out: of callers at once exactly one gets it, the others ErrInteractionGone.
// What its answer needs is decided before.
func (s *Signin) FinishInteraction(ctx context.Context, key string) (*Interaction, error) {
	in := &Interaction{Key: key}
	t, err := s.SpendTicket(ctx, TicketInteraction, key, in)
	return s.interaction(ctx, in, t, err)
}

func (s *Signin) interaction(ctx context.Context, in *Interaction, t *Ticket, err error) (*Interaction, error) {
	if fault.As(err) != nil && fault.KindOf(err) != fault.Unavailable && fault.KindOf(err) != fault.Throttled {
		return nil, ErrInteractionGone.Because(err)
	}
	if err != nil {
		return nil, err
	}
	app, err := s.Application(ctx, t.AppID)
	if fault.KindOf(err) == fault.NotFound {
		return nil, ErrInteractionGone
	}
	if err != nil {
		return nil, err
	}
	in.App, in.ticket, in.CreatedAt, in.ExpiresAt = app, t, t.CreatedAt, t.ExpiresAt
	return in, nil
}

// AskInteraction notes what the request waits for now.
func (s *Signin) AskInteraction(ctx context.Context, in *Interaction, need Need) error {
	return s.changeInteraction(ctx, in.Key, func(in *Interaction) { in.Need = need })
}

// ChooseAccount goes on with the browser's session: the answer to NeedAccount.
func (s *Signin) ChooseAccount(ctx context.Context, key, sessionID string) error {
	return s.changeInteraction(ctx, key, func(in *Interaction) { in.Chosen = sessionID })
}

// GrantConsent notes that the user agrees to those of the requested scopes; others are passed over. The caller has checked that the
// user holds the browser's session and that the form is the page's own.
func (s *Signin) GrantConsent(ctx context.Context, key, userID string, scope []string) error {
	return s.changeInteraction(ctx, key, func(in *Interaction) {
		in.ConsentBy, in.Consented = userID, nil
		for _, name := range in.Request.Scope {
			if slices.Contains(scope, name) {
				in.Consented = append(in.Consented, name)
			}
		}
	})
}

// RefuseInteraction notes that the person does not want to: the application is told access_denied (RFC 6749 4.1.2.1).
func (s *Signin) RefuseInteraction(ctx context.Context, key string) error {
	return s.changeInteraction(ctx, key, func(in *Interaction) { in.Refused = true })
}

func (s *Signin) changeInteraction(ctx context.Context, key string, change func(in *Interaction)) error {
	in, err := s.Interaction(ctx, key)
	if err != nil {
		return err
	}
	change(in)
	return s.UpdateTicket(ctx, in.ticket, in)
}
