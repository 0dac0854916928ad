package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// TicketCode is the kind of authorization codes.
const TicketCode TicketKind = "code"

// Reasons why a grant is refused (RFC 6749 5.2, invalid_grant): one code, told apart by its argument for whoever develops the client.
const (
	GrantUnknown  = "code"          // unknown, expired, used, or of another application
	GrantRedirect = "redirect_uri"  // another redirect URI than the code was sent to
	GrantVerifier = "code_verifier" // not what the challenge was made from, missing, or given where there was no challenge
	GrantSession  = "session"       // the sign-in is over
)

// ErrGrantRefused says that a code is not exchanged; its argument is one of the reasons above.
var ErrGrantRefused = fault.New(fault.Invalid, "grant_refused")

func grantRefused(reason string) error {
	e := *ErrGrantRefused
	e.Args = []string{reason}
	return &e
}

// codeData is what an authorization code stands for.
type codeData struct {
	Kind        string   `json:"kind"` // FamilyOIDC or FamilyOAuth
	RedirectURI string   `json:"redirect_uri"`
	Challenge   string   `json:"challenge,omitempty"`
	ChallengeBy string   `json:"challenge_by,omitempty"`
	Scope       []string `json:"scope"`
	Nonce       string   `json:"nonce,omitempty"`
	SessionID   string   `json:"session,omitempty"`
	AuthTime    int64    `json:"auth_time"`
	AMR         []string `json:"amr,omitempty"`
}

// IssueCode makes the authorization code that answers a checked request (RFC 6749 4.1.2): for this client, this redirect URI and this
// challenge alone, once, for as long as the application's settings say.
func (s *Signin) IssueCode(ctx context.Context, app *Application, u *directory.User, x *Session, r *AuthorizeRequest, scope []string) (string, error) {
	kind := FamilyOIDC
	if r.Protocol == FamilyOAuth {
		kind = FamilyOAuth
	}
	return s.IssueTicket(ctx, app.PoolID, TicketCode, time.Duration(app.Settings.CodeLife)*time.Second,
		TicketFor{UserID: u.ID, AppID: app.ID, FamilyID: s.db.NewID()},
		&codeData{Kind: kind, RedirectURI: r.RedirectURI, Challenge: r.Challenge, ChallengeBy: r.ChallengeBy, Scope: scope, Nonce: r.Nonce,
			SessionID: x.ID, AuthTime: x.AuthTime, AMR: x.AMR})
}

// CodeExchange is what a client shows for its tokens (RFC 6749 4.1.3, RFC 7636 4.5).
type CodeExchange struct {
	Kind        string // FamilyOIDC or FamilyOAuth: the endpoint's
	Code        string
	RedirectURI string
	Verifier    string
}

// RedeemCode exchanges an authorization code, once, for the application that it was made for and that has proven itself. A code that
// comes again ends all tokens that were made from it (RFC 6749 4.1.2, RFC 9700 2.1.1 and 4.5). Whatever is wrong is ErrGrantRefused; a
// code shown with a wrong redirect URI or verifier stays good for its owner.
func (s *Signin) RedeemCode(ctx context.Context, app *Application, e CodeExchange) (*TokenSet, error) {
	// The order is that of RFC 6749 4.1.3: issued to this client, valid, the same redirect URI; then RFC 7636 4.6.
	t, err := s.ticket(ctx, TicketCode, e.Code)
	if errors.Is(err, ErrTicketInvalid) || err == nil && (t.AppID != app.ID || t.PoolID != app.PoolID) {
		return nil, grantRefused(GrantUnknown)
	}
	if err != nil {
		return nil, err
	}
	if t.UsedAt != 0 {
		return nil, s.codeReused(ctx, app, t)
	}
	if t.ExpiresAt <= s.db.Now() {
		return nil, grantRefused(GrantUnknown)
	}
	var d codeData
	if err := s.openTicket(t, &d); err != nil {
		return nil, err
	}
	switch {
	case d.Kind != e.Kind:
		return nil, grantRefused(GrantUnknown)
	case !secret.Equal(d.RedirectURI, e.RedirectURI):
		return nil, grantRefused(GrantRedirect)
	case !verifierMatches(d.Challenge, d.ChallengeBy, e.Verifier):
		return nil, grantRefused(GrantVerifier)
	}
	x, u, err := s.grantSession(ctx, t.PoolID, t.UserID, d.SessionID)
	if err != nil {
		return nil, err
	}
	set, err := s.IssueTokens(ctx, TokenOrder{App: app, User: u, Session: x, Kind: d.Kind, FamilyID: t.FamilyID, Scope: d.Scope, Nonce: d.Nonce,
		AuthTime: d.AuthTime, AMR: d.AMR, Refresh: true,
		First: func(ctx context.Context) error {
			_, err := s.SpendTicket(ctx, TicketCode, e.Code, nil)
			return err
		}})
	switch {
	case errors.Is(err, ErrTicketUsed):
		return nil, s.codeReused(ctx, app, t)
	case errors.Is(err, ErrTicketInvalid):
		return nil, grantRefused(GrantUnknown)
	case errors.Is(err, ErrNoSession):
		return nil, grantRefused(GrantSession)
	}
	return set, err
}

// codeReused ends the tokens of a code that has come again, and is the refusal.
func (s *Signin) codeReused(ctx context.Context, app *Application, t *Ticket) error {
	if err := s.endStolen(ctx, app, &Family{PoolID: t.PoolID, ID: t.FamilyID, UserID: t.UserID}, "authorizationCodeReused"); err != nil {
		return err
	}
	return grantRefused(GrantUnknown)
}

// grantSession is the session and the user that a grant stands on, both still holding.
func (s *Signin) grantSession(ctx context.Context, poolID, userID, sessionID string) (*Session, *directory.User, error) {
	x, err := s.Session(ctx, poolID, sessionID)
	if errors.Is(err, ErrNoSession) {
		return nil, nil, grantRefused(GrantSession)
	}
	if err != nil {
		return nil, nil, err
	}
	u, err := s.sessionUser(ctx, x)
	if errors.Is(err, ErrNoSession) || err == nil && u.ID != userID {
		return nil, nil, grantRefused(GrantSession)
	}
	return x, u, err
}

// RedeemDeviceTokens is RedeemDevice with the tokens of the grant.
func (s *Signin) RedeemDeviceTokens(ctx context.Context, app *Application, deviceCode string) (*TokenSet, error) {
	g, err := s.RedeemDevice(ctx, app, deviceCode)
	if err != nil {
		return nil, err
	}
	x, u, err := s.grantSession(ctx, app.PoolID, g.UserID, g.SessionID)
	if err != nil {
		return nil, err
	}
	opens, err := s.Opens(ctx, app, x, u, 0)
	if err == nil && !opens { // the session has not shown a factor that this application demands
		err = grantRefused(GrantSession)
	}
	if err != nil {
		return nil, err
	}
	set, err := s.IssueTokens(ctx, TokenOrder{App: app, User: u, Session: x, Scope: g.Scope, Refresh: true})
	if errors.Is(err, ErrNoSession) {
		err = grantRefused(GrantSession)
	}
	return set, err
}

// verifierMatches is the check of RFC 7636 4.6. A verifier without a challenge is refused: somebody has taken the challenge out of
// the request (RFC 9700 2.1.1).
func verifierMatches(challenge, by, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	if !IsVerifier(verifier) {
		return false
	}
	if by == ChallengePlain {
		return secret.Equal(challenge, verifier)
	}
	sum := sha256.Sum256([]byte(verifier))
	return secret.Equal(challenge, base64.RawURLEncoding.EncodeToString(sum[:]))
}

// Ways of making a code challenge (RFC 7636 4.2).
const (
	ChallengeS256  = "S256"
	ChallengePlain = "plain"
)

// IsVerifier reports whether text has the form of a code verifier: 43 to 128 unreserved characters (RFC 7636 4.1).
func IsVerifier(text string) bool {
	if len(text) < 43 || len(text) > 128 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~') {
			return false
		}
	}
	return true
}

// Opens reports whether a browser's session opens an application without a new sign-in: the application lets its user in, takes part in
// single sign-on or has been signed in to before, and the session has shown every factor that the application demands. A sign-in at or
// after since, in unix milliseconds, counts as one to the application. Errors of the user's not being let in are those of Establish.
func (s *Signin) Opens(ctx context.Context, app *Application, x *Session, u *directory.User, since int64) (bool, error) {
	if !app.Enabled {
		return false, ErrAppDisabled
	}
	if err := s.letInto(ctx, app, u); err != nil {
		return false, err
	}
	demanded, _, _, err := s.FactorsDemanded(ctx, app, u, x.AMR, x.DeviceID)
	if err != nil || demanded {
		return false, err
	}
	if x.AppID == app.ID || x.AuthTime >= since {
		return true, nil
	}
	if app.SSO {
		from, err := s.Application(ctx, x.AppID)
		if err == nil && from.SSO || fault.KindOf(err) == fault.NotFound {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	n, err := db.One[int64](ctx, s.db, "select count(*) from (select id from token_families where pool_id = ? and session_id = ? and app_id = ? limit 1) as known",
		app.PoolID, x.ID, app.ID)
	return n > 0, err
}

// GrantableScope is the part of the scopes that the application may have, each once, in the order asked; unknown ones are left out
// (RFC 6749 3.3).
func (s *Signin) GrantableScope(app *Application, asked []string) []string {
	granted := []string{}
	for _, word := range asked {
		if !slices.Contains(granted, word) && (slices.Contains(StandardScopes, word) || slices.Contains(app.Settings.Scopes, word)) {
			granted = append(granted, word)
		}
	}
	return granted
}

// AuthorizationRefused notes in the log that an authorization was refused for its user's or its application's sake.
func (s *Signin) AuthorizationRefused(ctx context.Context, app *Application, userID, reason string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		return s.log.Add(ctx, app.PoolID, audit.Event{Operation: audit.Query, Resource: audit.AppRes, TargetID: app.ID, TargetName: app.Name, AppID: app.ID,
			UserID: userID, Failed: true, After: map[string]any{"refused": reason}})
	})
}

// Hint is what an id token tells that a client shows again: whom it was made for, and in which session.
type Hint struct {
	App       *Application
	Subject   string
	SessionID string
}

// IDTokenHint reads an id token of ours that a client shows as a hint (OpenID Connect Core 3.1.2.1, RP-Initiated Logout 2): its signature
// and issuer must be right, its time may be over. ErrTokenInvalid for anything else.
func (s *Signin) IDTokenHint(ctx context.Context, token string) (*Hint, error) {
	parsed, err := jwt.ParseSigned(token, tokenAlgorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return nil, ErrTokenInvalid.Because(err)
	}
	type idClaims struct {
		jwt.Claims
		SessionID string `json:"sid"`
		Use       string `json:"use"`
	}
	// The unchecked claims only choose the key to check with.
	var c idClaims
	if err := parsed.UnsafeClaimsWithoutVerification(&c); err != nil || len(c.Audience) != 1 {
		return nil, ErrTokenInvalid
	}
	app, err := s.Application(ctx, c.Audience[0])
	if fault.KindOf(err) == fault.NotFound {
		return nil, ErrTokenInvalid
	}
	if err != nil {
		return nil, err
	}
	h := parsed.Headers[0]
	// The algorithm is one that the application may have asked for when the token was made; which key checks it follows from the
	// algorithm, so that a public key is never taken for a secret (RFC 8725 2.1).
	var key any
	if h.Algorithm == string(jose.HS256) {
		text, err := s.ApplicationSecret(ctx, app)
		if err != nil {
			return nil, err
		}
		key = []byte(text)
	} else if key, err = s.verifyingKey(ctx, app.PoolID, h.Algorithm, h.KeyID); err != nil {
		return nil, err
	}
	c = idClaims{}
	if err := parsed.Claims(key, &c); err != nil {
		return nil, ErrTokenInvalid.Because(err)
	}
	// An access token or a logout token is no id token (RFC 8725 3.11, 3.12).
	if typ, _ := h.ExtraHeaders[jose.HeaderType].(string); c.Issuer != s.issuer || c.Subject == "" || c.Use == useAccess || typ != "" && !strings.EqualFold(typ, "JWT") {
		return nil, ErrTokenInvalid
	}
	return &Hint{App: app, Subject: c.Subject, SessionID: c.SessionID}, nil
}
