package signin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Signing in by scanning: a browser shows a picture, and a person who is signed in elsewhere scans and allows it. Two secrets keep
// the sides apart. What is in the picture can be read by everybody near the screen, and serves for scanning alone; asking how it
// stands, and with it the ticket that signs in, takes the other one, which only the browser was told.
//
// An offer is the other way round: a browser that is signed in shows a picture, and an app that is not scans it and gets in.

// The kinds of tickets that scanning uses.
const (
	TicketScan     TicketKind = "scan"      // how a scan stands; its text is what the browser asks with
	TicketScanCode TicketKind = "scan-code" // what is in the picture: it leads to the scan
	TicketScanned  TicketKind = "scanned"   // what an allowed scan is exchanged for a sign-in with
	TicketOffer    TicketKind = "scan-offer"
)

const (
	// A picture is shown anew after this time (the vendor's clients ask for another one themselves).
	scanLife = 5 * time.Minute
	// The browser asks every second: this is time enough to come back with the ticket.
	scannedLife = 2 * time.Minute
)

// ScanStatus says how a scan stands.
type ScanStatus string

// A scan is new, scanned, and then allowed or cancelled; in the end, or when nothing is known of it, it has expired.
const (
	ScanNew       ScanStatus = "new"
	ScanScanned   ScanStatus = "scanned"
	ScanAllowed   ScanStatus = "allowed"
	ScanCancelled ScanStatus = "cancelled"
	ScanExpired   ScanStatus = "expired"
)

// ScanAction is what the person who scans does.
type ScanAction string

// The actions of who scans.
const (
	ScanScan   ScanAction = "scan"
	ScanAllow  ScanAction = "allow"
	ScanCancel ScanAction = "cancel"
)

// Errors of scanning.
var (
	// ErrScanGone says that a picture is none of the pool's, or that its time is over.
	ErrScanGone = fault.New(fault.NotFound, "scan_gone")
	// ErrScanState says that the action does not follow on what has been done: allowing comes after scanning, by the same person, and
	// nothing after allowing or cancelling.
	ErrScanState = fault.New(fault.Unprocessable, "scan_state")
	// ErrScanTicket says that a ticket is unknown, used, expired or another application's.
	ErrScanTicket = fault.New(fault.Invalid, "scan_ticket_invalid")
	// ErrScanInBrowser says that the pool has tickets exchanged by servers only, with the application's secret.
	ErrScanInBrowser = fault.New(fault.Forbidden, "scan_in_browser")
)

// Scan is a sign-in by scanning, as the browser sees it.
type Scan struct {
	ID     string // the browser's secret
	Code   string // the picture's content names it; only StartScan tells it
	Status ScanStatus
	User   *directory.User // who has scanned, nil before
	Ticket string          // for SignInScanned, once it is allowed
	Note   string          // what StartScan was given
	Full   bool            // the pool lets the browser see more of User than name and picture
	Life   time.Duration   // of a new one
}

// scanState is what the ticket of a scan keeps.
type scanState struct {
	Status ScanStatus `json:"status"`
	UserID string     `json:"user"`
	Ticket string     `json:"ticket"`
	Note   string     `json:"note"`
}

// StartScan begins a sign-in to an application by scanning. note is kept for the facade and comes back from ScanStanding and
// SignInScanned. ErrMethodOff when the application does not offer it.
func (s *Signin) StartScan(ctx context.Context, app *Application, note string) (*Scan, error) {
	policy, err := s.scanPolicy(ctx, app)
	if err != nil {
		return nil, err
	}
	x := &Scan{Status: ScanNew, Note: note, Life: orLife(policy.Life, scanLife)}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		var err error
		f := TicketFor{AppID: app.ID}
		if x.ID, err = s.IssueTicket(ctx, app.PoolID, TicketScan, x.Life, f, scanState{Status: ScanNew, Note: note}); err != nil {
			return err
		}
		x.Code, err = s.IssueTicket(ctx, app.PoolID, TicketScanCode, x.Life, f, x.ID)
		return err
	})
	return x, err
}

// scanPolicy is what the application says of scanning.
func (s *Signin) scanPolicy(ctx context.Context, app *Application) (QRCodePolicy, error) {
	if !app.Enabled {
		return QRCodePolicy{}, ErrAppDisabled
	}
	if !app.Offers(LoginQRCode) {
		return QRCodePolicy{}, ErrMethodOff
	}
	p, err := s.Policy(ctx, app)
	if err != nil {
		return QRCodePolicy{}, err
	}
	return p.QRCode, nil
}

// orLife is so many seconds, or what holds where nothing is said.
func orLife(seconds int64, otherwise time.Duration) time.Duration {
	if seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return otherwise
}

// ScanStanding tells the browser of the application how its scan stands. It is never an error that there is none: it has expired
// then, as far as anybody can tell.
func (s *Signin) ScanStanding(ctx context.Context, app *Application, id string) (*Scan, error) {
	var state scanState
	t, err := s.PeekTicket(ctx, TicketScan, id, &state)
	if errors.Is(err, ErrTicketInvalid) || err == nil && (t.AppID != app.ID || t.PoolID != app.PoolID) {
		return &Scan{ID: id, Status: ScanExpired}, nil
	}
	if err != nil {
		return nil, err
	}
	policy, err := s.scanPolicy(ctx, app)
	if err != nil {
		return nil, err
	}
	x := &Scan{ID: id, Status: state.Status, Ticket: state.Ticket, Note: state.Note, Full: policy.FullUser && state.Status == ScanAllowed}
	if state.UserID != "" {
		x.User, err = s.dir.User(ctx, t.PoolID, directory.ByID(state.UserID))
		if errors.Is(err, directory.ErrUserNotFound) {
			return &Scan{ID: id, Status: ScanExpired}, nil
		}
	}
	return x, err
}

// ActOnScan is what a signed-in user of the pool does with a picture: code is what stood in it, or the browser's secret itself, where
// an app has learnt that from its own server. Repeating an action is no error. ErrScanGone, ErrScanState.
func (s *Signin) ActOnScan(ctx context.Context, poolID, userID, code string, action ScanAction) error {
	for try := 1; ; try++ {
		err := s.actOnScan(ctx, poolID, userID, code, action)
		if !errors.Is(err, ErrTicketChanged) || try == 5 {
			return err
		}
	}
}

func (s *Signin) actOnScan(ctx context.Context, poolID, userID, code string, action ScanAction) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		id := code
		if _, err := s.PeekTicket(ctx, TicketScanCode, code, &id); err != nil && !errors.Is(err, ErrTicketInvalid) {
			return err
		}
		var state scanState
		t, err := s.PeekTicket(ctx, TicketScan, id, &state)
		if errors.Is(err, ErrTicketInvalid) || err == nil && t.PoolID != poolID {
			return ErrScanGone
		}
		if err != nil {
			return err
		}
		next := map[ScanAction]ScanStatus{ScanScan: ScanScanned, ScanAllow: ScanAllowed, ScanCancel: ScanCancelled}[action]
		own := state.UserID == userID
		switch {
		case next == "":
			return fault.Field("action")
		case state.Status == next && own:
			return nil
		case state.Status == ScanNew && next != ScanAllowed:
		case state.Status == ScanScanned && own:
		default:
			return ErrScanState
		}
		state.Status, state.UserID = next, userID
		if next == ScanAllowed {
			app, err := s.PoolApplication(ctx, poolID, t.AppID)
			if err != nil {
				return err
			}
			policy, err := s.scanPolicy(ctx, app)
			if err != nil {
				return err
			}
			life := orLife(policy.TicketLife, scannedLife)
			if state.Ticket, err = s.IssueTicket(ctx, poolID, TicketScanned, life, TicketFor{UserID: userID, AppID: t.AppID}, state.Note); err != nil {
				return err
			}
		}
		if err := s.UpdateTicket(ctx, t, state); err != nil || next != ScanAllowed {
			return err
		}
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Enable, Resource: audit.UserLogin, TargetID: userID, UserID: userID,
			After: map[string]any{"app": t.AppID, "by": "scan"}})
	})
}

// SignInScanned exchanges an allowed scan's ticket for a sign-in, once, and returns StartScan's note with it. A proof that is not Trusted
// comes from a browser, which the pool may have do without. ErrScanTicket, ErrScanInBrowser, and what Establish refuses.
func (s *Signin) SignInScanned(ctx context.Context, app *Application, ticket string, proof Proof) (*Outcome, string, error) {
	policy, err := s.scanPolicy(ctx, app)
	if err != nil {
		return nil, "", err
	}
	if !proof.Trusted && !policy.InBrowser {
		return nil, "", ErrScanInBrowser
	}
	var note string
	u, err := s.spendFor(ctx, app, TicketScanned, ticket, &note, app.ID)
	if err != nil {
		return nil, "", err
	}
	proof.AMR = []string{AMRScan}
	out, err := s.Establish(ctx, app, u, proof)
	return out, note, err
}

// spendFor spends a ticket of the application's pool and returns its user. issuedTo, unless it is empty, is the application that it
// must have been issued to.
func (s *Signin) spendFor(ctx context.Context, app *Application, kind TicketKind, text string, data any, issuedTo string) (*directory.User, error) {
	// Looked at first: another application must not be able to use it up.
	t, err := s.PeekTicket(ctx, kind, text, nil)
	if err == nil && (t.PoolID != app.PoolID || issuedTo != "" && t.AppID != issuedTo) {
		return nil, ErrScanTicket
	}
	if err == nil {
		t, err = s.SpendTicket(ctx, kind, text, data)
	}
	if errors.Is(err, ErrTicketInvalid) || errors.Is(err, ErrTicketUsed) {
		return nil, ErrScanTicket
	}
	if err != nil {
		return nil, err
	}
	u, err := s.dir.User(ctx, t.PoolID, directory.ByID(t.UserID))
	if errors.Is(err, directory.ErrUserNotFound) {
		return nil, ErrScanTicket
	}
	return u, err
}

// OfferScan makes what a signed-in user's browser shows to an app of theirs that is not signed in: whoever takes it first is signed
// in as that user, to the application that takes it.
func (s *Signin) OfferScan(ctx context.Context, app *Application, userID string) (id string, err error) {
	policy, err := s.scanPolicy(ctx, app)
	if err != nil {
		return "", err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if id, err = s.IssueTicket(ctx, app.PoolID, TicketOffer, orLife(policy.Life, scanLife), TicketFor{UserID: userID, AppID: app.ID}, nil); err != nil {
			return err
		}
		return s.log.Add(ctx, app.PoolID, audit.Event{Operation: audit.Enable, Resource: audit.UserLogin, TargetID: userID, UserID: userID,
			After: map[string]any{"app": app.ID, "by": "offer"}})
	})
	return id, err
}

// OfferStanding tells applications of the pool how an offer stands: new, allowed once it was taken, or expired.
func (s *Signin) OfferStanding(ctx context.Context, app *Application, id string) (ScanStatus, error) {
	t, err := s.ticket(ctx, TicketOffer, id)
	switch {
	case errors.Is(err, ErrTicketInvalid), err == nil && t.PoolID != app.PoolID:
		return ScanExpired, nil
	case err != nil:
		return "", err
	case t.UsedAt != 0:
		return ScanAllowed, nil
	case t.ExpiresAt <= s.db.Now():
		return ScanExpired, nil
	}
	return ScanNew, nil
}

// OfferApplications are those that may take an offer which the browser of an application shows: they let its user in and offer to sign in by
// scanning. ErrScanTicket for one that is over, or another application's.
func (s *Signin) OfferApplications(ctx context.Context, appID, id string) ([]*Application, error) {
	t, err := s.PeekTicket(ctx, TicketOffer, id, nil)
	if errors.Is(err, ErrTicketInvalid) || err == nil && t.AppID != appID {
		return nil, ErrScanTicket
	}
	if err != nil {
		return nil, err
	}
	list, _, err := s.AccessibleApplications(ctx, t.PoolID, t.UserID, directory.Page{Page: 1, Limit: mostUserApplications})
	if err != nil {
		return nil, err
	}
	var takers []*Application
	for _, a := range list {
		if a.Offers(LoginQRCode) {
			takers = append(takers, a.Application)
		}
	}
	return takers, nil
}

// TakeOffer signs the user who made an offer in to an application of the pool, once. ErrScanTicket, and what Establish refuses.
func (s *Signin) TakeOffer(ctx context.Context, app *Application, id string, proof Proof) (*Outcome, error) {
	if _, err := s.scanPolicy(ctx, app); err != nil {
		return nil, err
	}
	u, err := s.spendFor(ctx, app, TicketOffer, id, nil, "")
	if err != nil {
		return nil, err
	}
	proof.AMR = []string{AMRScan}
	return s.Establish(ctx, app, u, proof)
}

// Content is what stands in the picture of a new scan, in the form that the vendor's mobile kits read.
func (x *Scan) Content(app *Application) (string, error) {
	b, err := json.Marshal(struct {
		Scene      string `json:"scene"`
		Random     string `json:"random"`
		UserPoolID string `json:"userPoolId"`
		AppID      string `json:"appId"`
		ExpiresIn  int64  `json:"expiresIn"`
	}{"APP_AUTH", x.Code, app.PoolID, app.ID, int64(x.Life / time.Second)})
	return string(b), err
}

// OfferHost is where an app that has scanned an offer reaches this server.
func (s *Signin) OfferHost() string { return strings.TrimSuffix(s.issuer, "/oidc") }
