package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// TicketRefresh is the kind of refresh tokens.
const TicketRefresh TicketKind = "refresh"

// ScopeOffline asks for a refresh token, and for tokens that outlive the session (OpenID Connect Core 1.0, section 11).
const ScopeOffline = "offline_access"

// UserData is the claim `data` of a V2 user's token: what the V2 clients read without asking.
type UserData struct {
	Type       string  `json:"type"`
	UserPoolID string  `json:"userPoolId"`
	AppID      string  `json:"appId"`
	ARN        string  `json:"arn"`
	ID         string  `json:"id"`
	UserID     string  `json:"userId"`
	LegacyID   string  `json:"_id"`
	Phone      *string `json:"phone"`
	Email      *string `json:"email"`
	Username   *string `json:"username"`
	UnionID    *string `json:"unionid"`
	OpenID     *string `json:"openid"`
	ClientID   string  `json:"clientId"`
}

// UserClaims are what this server reads in an access token or a V2 user's token (v2-notes 2, shape b with data.arn; RFC 9068).
type UserClaims struct {
	jwt.Claims
	Use       string    `json:"use"` // tokens without one, id tokens among them, open nothing
	Pool      string    `json:"userpool_id"`
	Scope     string    `json:"scope,omitempty"` // words parted by spaces
	ClientID  string    `json:"client_id,omitempty"`
	SessionID string    `json:"sid,omitempty"`
	FamilyID  string    `json:"family,omitempty"` // "" for programs, which have none
	AuthTime  int64     `json:"auth_time,omitempty"`
	Data      *UserData `json:"data,omitempty"`
	// At is the time of issue in milliseconds: iat alone cannot tell a token made just before a revocation from one just after.
	At int64 `json:"issued_ms"`
	// Proof is a code over the claims that decide, which only this server can make. A V2 token is signed with its application's
	// secret: without this, whoever holds that secret could make tokens of any user.
	Proof string `json:"proof,omitempty"`
}

const (
	useAccess = "access"
	useUser   = "user"
)

// ARN names a user across pools.
func ARN(poolID, userID string) string { return "arn:cn:authing:" + poolID + ":user:" + userID }

// TokenOrder says which tokens an application gets for a user who has signed in to it.
type TokenOrder struct {
	App     *Application
	User    *directory.User
	Session *Session // nil when there is none
	Kind    string   // FamilyOIDC when empty
	// FamilyID names the family to make, "" for one of a fresh name: an authorization code knows its family before there is one.
	FamilyID string
	Scope    []string // granted
	Nonce    string
	AuthTime int64 // unix milliseconds; the session's when zero
	AMR      []string
	// Refresh asks for a refresh token, if the scope has offline_access and the application may use the grant.
	Refresh bool
	// ForCode and ForToken are what an id token of the front channel vouches for (c_hash, at_hash).
	Code string
	// Only the id token, or only the access token, is made when one of these is set.
	OnlyID, OnlyAccess bool
	// First, unless nil, runs first in the transaction that makes the family: what it spends is spent if and only if there are tokens.
	First func(ctx context.Context) error
}

// TokenSet is what an application gets. What is empty was not asked for.
type TokenSet struct {
	Access, ID, Refresh string
	Scope               []string
	ExpiresIn           int64 // seconds that the access token lasts
	FamilyID            string
}

// IssueTokens makes a family of tokens for a user. Scopes that the application may not have are left out, whichever door asks.
func (s *Signin) IssueTokens(ctx context.Context, o TokenOrder) (*TokenSet, error) {
	app := o.App
	if o.Kind != FamilyOAuth { // whose one scope, "user", is no other's
		o.Scope = s.GrantableScope(app, o.Scope)
	}
	f := &Family{PoolID: app.PoolID, ID: o.FamilyID, AppID: app.ID, UserID: o.User.ID, Kind: o.Kind, Scope: o.Scope, Nonce: o.Nonce,
		AuthTime: o.AuthTime, AMR: o.AMR, Offline: slices.Contains(o.Scope, ScopeOffline)}
	if f.Kind == "" {
		f.Kind = FamilyOIDC
	}
	if x := o.Session; x != nil {
		f.SessionID = x.ID
		if f.AuthTime == 0 {
			f.AuthTime = x.AuthTime
		}
		if f.AMR == nil {
			f.AMR = x.AMR
		}
	}
	if f.AuthTime == 0 {
		f.AuthTime = s.db.Now()
	}
	refresh := o.Refresh && f.Offline && app.IsGrant(GrantRefresh)
	life := max(app.Settings.AccessTokenLife, app.Settings.IDTokenLife)
	if refresh {
		life = max(life, app.Settings.RefreshTokenLife)
	}
	f.ExpiresAt = s.db.Now() + life*1000
	set := &TokenSet{Scope: o.Scope}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		if o.First != nil {
			if err := o.First(ctx); err != nil {
				return err
			}
		}
		if err := s.newFamily(ctx, f); err != nil {
			return err
		}
		if !refresh {
			set.Refresh = ""
			return nil
		}
		var err error
		set.Refresh, err = s.newRefresh(ctx, app, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return set, s.sign(ctx, set, f, o)
}

func (s *Signin) newRefresh(ctx context.Context, app *Application, f *Family) (string, error) {
	return s.IssueTicket(ctx, f.PoolID, TicketRefresh, time.Duration(app.Settings.RefreshTokenLife)*time.Second,
		TicketFor{UserID: f.UserID, AppID: f.AppID, FamilyID: f.ID}, nil)
}

// sign makes the tokens of a family that is there. Signing takes milliseconds and is in no transaction.
func (s *Signin) sign(ctx context.Context, set *TokenSet, f *Family, o TokenOrder) error {
	app := o.App
	set.FamilyID = f.ID
	now := time.UnixMilli(s.db.Now())
	var err error
	if !o.OnlyID {
		set.ExpiresIn = app.Settings.AccessTokenLife
		if f.Kind == FamilyOAuth {
			set.Access, err = s.opaqueAccess(ctx, f, now.Add(time.Duration(set.ExpiresIn)*time.Second))
		} else {
			set.Access, err = s.signAccess(ctx, app, f, o.User, set.Scope, now)
		}
		if err != nil {
			return err
		}
	}
	if !o.OnlyAccess && slices.Contains(set.Scope, "openid") {
		set.ID, err = s.signID(ctx, app, f, o.User, set, o.Code, now)
	}
	return err
}

// TicketOAuthAccess is the kind of opaque access tokens, which are read many times and used up when called in.
const TicketOAuthAccess TicketKind = "oauth_access"

func (s *Signin) opaqueAccess(ctx context.Context, f *Family, until time.Time) (string, error) {
	return s.IssueTicket(ctx, f.PoolID, TicketOAuthAccess, until.Sub(time.UnixMilli(s.db.Now())),
		TicketFor{UserID: f.UserID, AppID: f.AppID, FamilyID: f.ID}, f.Scope)
}

// signAccess makes an access token as a JWT (RFC 9068). Its type keeps it from passing for an id token.
func (s *Signin) signAccess(ctx context.Context, app *Application, f *Family, u *directory.User, scope []string, now time.Time) (string, error) {
	c := UserClaims{
		Claims: jwt.Claims{Issuer: s.issuer, Subject: u.ID, Audience: jwt.Audience{app.ID}, ID: secret.Random(16),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Duration(app.Settings.AccessTokenLife) * time.Second))},
		Use: useAccess, Pool: app.PoolID, Scope: strings.Join(scope, " "), ClientID: app.ID, SessionID: f.SessionID, FamilyID: f.ID,
		AuthTime: f.AuthTime / 1000, At: now.UnixMilli(),
	}
	return s.signWith(ctx, app, app.Settings.AccessTokenAlg, "at+jwt", c)
}

// signID makes an id token (OpenID Connect Core 1.0, section 2).
func (s *Signin) signID(ctx context.Context, app *Application, f *Family, u *directory.User, set *TokenSet, code string, now time.Time) (string, error) {
	claims, err := s.Claims(ctx, u, app, set.Scope)
	if err != nil {
		return "", err
	}
	claims["iss"], claims["aud"] = s.issuer, app.ID
	claims["iat"], claims["exp"] = now.Unix(), now.Unix()+app.Settings.IDTokenLife
	claims["auth_time"] = f.AuthTime / 1000
	if len(f.AMR) > 0 {
		claims["amr"] = f.AMR
	}
	if f.Nonce != "" {
		claims["nonce"] = f.Nonce
	}
	if f.SessionID != "" {
		claims["sid"] = f.SessionID
	}
	if set.Access != "" {
		claims["at_hash"] = halfHash(set.Access)
	}
	if code != "" {
		claims["c_hash"] = halfHash(code)
	}
	return s.signWith(ctx, app, app.Settings.IDTokenAlg, "JWT", claims)
}

// halfHash is the left half of the hash of a token (OpenID Connect Core 1.0, 3.1.3.6): of SHA-256, as all our algorithms are.
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2])
}

// signWith signs claims for an application: HS256 by its secret, the others by the pool's keys.
func (s *Signin) signWith(ctx context.Context, app *Application, alg, typ string, claims any) (string, error) {
	key := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg)}
	if alg == string(jose.HS256) {
		text, err := s.ApplicationSecret(ctx, app)
		if err != nil {
			return "", err
		}
		key.Key = []byte(text)
	} else {
		k, err := s.signingKey(ctx, app.PoolID, alg)
		if err != nil {
			return "", err
		}
		key.Key = k
	}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// RefreshTokens exchanges a refresh token for the next tokens of its family, with all its scope or that part of it. The token is used up;
// one that was used before ends the family: either it or the one after it is in wrong hands (RFC 9700, 4.14.2). ErrTicketInvalid and
// ErrTicketUsed for tokens that are refused, those of another application among them; ErrScopeWider for a scope that was not granted.
func (s *Signin) RefreshTokens(ctx context.Context, app *Application, refresh string, scope []string) (*TokenSet, error) {
	var f *Family
	var u *directory.User
	set := &TokenSet{}
	// Whether the person may still enter is asked first: within the transaction, where nothing that is remembered counts, it takes the
	// engine's writer a millisecond. It is answered after what the transaction finds, a token used before above all.
	barred, err := s.barred(ctx, app, refresh)
	if err != nil {
		return nil, err
	}
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		t, err := s.SpendTicket(ctx, TicketRefresh, refresh, nil)
		if t != nil && t.AppID != app.ID {
			return ErrTicketInvalid // and, the transaction undone, not used up by a stranger
		}
		if err != nil {
			if t != nil {
				f = &Family{PoolID: t.PoolID, ID: t.FamilyID}
			}
			return err
		}
		if f, err = s.family(ctx, t.PoolID, t.FamilyID); err != nil {
			return ErrTicketInvalid.Because(err)
		}
		if u, err = s.familyUser(ctx, f); err != nil {
			return ErrTicketInvalid.Because(err)
		}
		if barred != nil {
			return barred
		}
		set.Scope = f.Scope
		if len(scope) > 0 {
			for _, word := range scope {
				if !slices.Contains(f.Scope, word) {
					return ErrScopeWider
				}
			}
			set.Scope = scope
		}
		now := s.db.Now()
		until := max(f.ExpiresAt, now+1000*max(app.Settings.RefreshTokenLife, app.Settings.AccessTokenLife))
		if _, err := db.Exec(ctx, s.db, "update token_families set used_at = ?, expires_at = ? where pool_id = ? and id = ?", now, until, f.PoolID, f.ID); err != nil {
			return err
		}
		set.Refresh, err = s.newRefresh(ctx, app, f)
		return err
	})
	if errors.Is(err, ErrTicketUsed) {
		if end := s.endStolen(ctx, app, f, "refreshTokenReused"); end != nil {
			return nil, end
		}
	}
	if err != nil {
		return nil, err
	}
	return set, s.sign(ctx, set, f, TokenOrder{App: app, User: u})
}

// barred is why the person of a refresh token may not enter the application any more, nil where nothing bars them or the token is none.
func (s *Signin) barred(ctx context.Context, app *Application, refresh string) (refusal, err error) {
	t, err := s.PeekTicket(ctx, TicketRefresh, refresh, nil)
	if fault.As(err) != nil || err == nil && (t.PoolID != app.PoolID || t.AppID != app.ID) {
		return nil, nil // the transaction finds it out
	}
	if err != nil {
		return nil, err
	}
	u, err := s.dir.User(ctx, t.PoolID, directory.ByID(t.UserID))
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil // so too
	}
	if err == nil {
		err = s.letInto(ctx, app, u)
	}
	if fault.As(err) != nil {
		return err, nil
	}
	return nil, err
}

// ErrScopeWider says that a refresh asks for more than was granted (RFC 6749, section 6).
var ErrScopeWider = fault.New(fault.Invalid, "scope_wider")

// endStolen ends a family of which a used token has come up again, and says so in the log.
func (s *Signin) endStolen(ctx context.Context, app *Application, f *Family, event string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if err := s.EndFamily(ctx, f.PoolID, f.ID); err != nil {
			return err
		}
		return s.log.Add(ctx, f.PoolID, audit.Event{Operation: audit.Remove, Resource: audit.UserLogin, TargetID: f.ID, UserID: f.UserID,
			TargetName: app.Name, UserEvent: event})
	})
}

// familyUser is the user of a standing family, if they may still get in.
func (s *Signin) familyUser(ctx context.Context, f *Family) (*directory.User, error) {
	u, err := s.dir.User(ctx, f.PoolID, directory.ByID(f.UserID))
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return nil, ErrTokenInvalid
	case err != nil:
		return nil, err
	case !s.tokenHolds(u, f.AuthTime):
		return nil, ErrTokenInvalid
	}
	return u, nil
}

// tokenHolds reports whether something issued to a user at a time, in milliseconds, has not been called in since.
func (s *Signin) tokenHolds(u *directory.User, at int64) bool {
	now := s.db.Now()
	return letIn(u, now) && at > u.TokensAfter && (at >= u.TokenExpiredAt || u.TokenExpiredAt > now)
}

// MachineToken makes a token of a program that speaks for itself (RFC 6749, 4.4): account is the application or one of its
// programmatic accounts, which the caller has authenticated; life is in seconds, the application's when zero.
func (s *Signin) MachineToken(ctx context.Context, app *Application, account string, scope []string, life int64) (*TokenSet, error) {
	if life == 0 {
		life = app.Settings.AccessTokenLife
	}
	now := time.UnixMilli(s.db.Now())
	c := UserClaims{
		Claims: jwt.Claims{Issuer: s.issuer, Subject: account, Audience: jwt.Audience{app.ID}, ID: secret.Random(16),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Duration(life) * time.Second))},
		Use: useAccess, Pool: app.PoolID, Scope: strings.Join(scope, " "), ClientID: account, At: now.UnixMilli(),
	}
	text, err := s.signWith(ctx, app, app.Settings.AccessTokenAlg, "at+jwt", c)
	return &TokenSet{Access: text, Scope: scope, ExpiresIn: life}, err
}

// V2Token makes the token that V2's clients keep with the user: id token and credential in one, signed with the application's secret
// unless the application asks for RS256. x may be nil.
func (s *Signin) V2Token(ctx context.Context, app *Application, x *Session, u *directory.User) (*Token, error) {
	f := &Family{PoolID: app.PoolID, AppID: app.ID, UserID: u.ID, Kind: FamilyV2, AuthTime: s.db.Now()}
	if x != nil {
		f.SessionID, f.AuthTime, f.AMR = x.ID, x.AuthTime, x.AMR
	}
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	now := time.UnixMilli(s.db.Now())
	until := now.Add(time.Duration(policy.TokenLife) * time.Second)
	f.ExpiresAt = until.UnixMilli()
	if err := s.db.Tx(ctx, func(ctx context.Context) error { return s.newFamily(ctx, f) }); err != nil {
		return nil, err
	}
	claims, err := s.Claims(ctx, u, app, v2Scope)
	if err != nil {
		return nil, err
	}
	text := func(v string) *string {
		if v == "" {
			return nil
		}
		return &v
	}
	c := UserClaims{
		Claims: jwt.Claims{Issuer: s.issuer, Subject: u.ID, Audience: jwt.Audience{app.ID}, ID: secret.Random(16),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(until)},
		Use: useUser, Pool: app.PoolID, SessionID: f.SessionID, FamilyID: f.ID, AuthTime: f.AuthTime / 1000, At: now.UnixMilli(),
		Data: &UserData{Type: "user", UserPoolID: app.PoolID, AppID: app.ID, ARN: ARN(app.PoolID, u.ID), ID: u.ID, UserID: u.ID, LegacyID: u.ID,
			Phone: text(u.Phone), Email: text(u.Email), Username: text(u.Username), UnionID: text(u.UnionID), OpenID: text(u.OpenID), ClientID: app.PoolID},
	}
	c.Proof = s.proofOf(&c)
	claims["iss"], claims["aud"], claims["jti"], claims["iat"], claims["exp"] = c.Issuer, app.ID, c.ID, now.Unix(), until.Unix()
	claims["use"], claims["userpool_id"], claims["family"], claims["auth_time"], claims["issued_ms"] = c.Use, c.Pool, c.FamilyID, c.AuthTime, c.At
	claims["data"], claims["proof"] = c.Data, c.Proof
	if c.SessionID != "" {
		claims["sid"] = c.SessionID
	}
	t := &Token{IssuedAt: now.Unix(), ExpiresAt: until.Unix()}
	t.Text, err = s.signWith(ctx, app, app.Settings.IDTokenAlg, "JWT", claims)
	return t, err
}

// v2Scope are the scopes whose claims a V2 token holds (auth-notes 5).
var v2Scope = []string{"openid", "profile", "username", "email", "phone", "address", "external_id", "unionid"}

// proofOf is the code over the claims of a V2 token that decide.
func (s *Signin) proofOf(c *UserClaims) string {
	text := strings.Join([]string{c.Pool, c.Subject, strings.Join(c.Audience, " "), c.ID, c.FamilyID, c.SessionID, c.Use, c.Scope,
		c.Expiry.Time().UTC().Format(time.RFC3339), strconv.FormatInt(c.At, 10)}, "\n")
	return hex.EncodeToString(s.master.Derive("user-token/"+text, 16))
}

// UserToken issues a V2 token for a user of the pool who is let in, for the application or, when appID is empty, the pool's first
// one. It is an administrator's or the user's own verb: it leaves a record.
func (s *Signin) UserToken(ctx context.Context, poolID, userID, appID string) (*Token, error) {
	u, err := s.dir.User(ctx, poolID, directory.ByID(userID))
	if err != nil {
		return nil, err
	}
	if !letIn(u, s.db.Now()) {
		return nil, ErrUserShut
	}
	// What users make of a token of theirs ends with the session that it came of, and opens no application that they may no longer enter.
	var x *Session
	c := caller.From(ctx)
	own := c.Kind == caller.User
	if own && c.SessionID != "" {
		if x, err = s.Session(ctx, poolID, c.SessionID); errors.Is(err, ErrNoSession) {
			return nil, ErrTokenInvalid
		} else if err != nil {
			return nil, err
		}
	}
	var app *Application
	if appID == "" {
		app, err = s.FirstApplication(ctx, poolID)
	} else if app, err = s.Application(ctx, appID); err == nil && app.PoolID != poolID {
		err = ErrApplicationNotFound
	}
	if err != nil {
		return nil, err
	}
	if own {
		if err := s.letInto(ctx, app, u); err != nil {
			return nil, err
		}
	}
	t, err := s.V2Token(ctx, app, x, u)
	if err != nil {
		return nil, err
	}
	event := audit.Event{Operation: audit.Refresh, Resource: audit.UserLogin, TargetID: u.ID, TargetName: u.DisplayName()}
	if own {
		event.UserEvent = "refreshUserTokenBySelf"
	}
	return t, s.db.Tx(ctx, func(ctx context.Context) error { return s.log.Add(ctx, poolID, event) })
}

// ErrUserShut says that the account is suspended, deactivated, resigned or archived.
var ErrUserShut = fault.New(fault.Forbidden, "user_shut")

// User returns the claims of an access token or a V2 user's token and the user, if the token is theirs and still valid: signed by the key
// it should be, not expired, its family standing, not called in since, and its user still let in. ErrTokenInvalid otherwise, also for
// the tokens of programs.
func (s *Signin) User(ctx context.Context, token string) (*UserClaims, *directory.User, error) {
	c, err := s.tokenClaims(ctx, token)
	if err != nil {
		return nil, nil, err
	}
	if c.FamilyID == "" {
		return nil, nil, ErrTokenInvalid
	}
	u, err := s.dir.UserWhile(ctx, c.Pool, c.Subject, standing, c.Pool, c.FamilyID, s.db.Now())
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return nil, nil, ErrTokenInvalid
	case err != nil:
		return nil, nil, err
	case !s.tokenHolds(u, c.At):
		return nil, nil, ErrTokenInvalid
	}
	return c, u, nil
}

// tokenClaims checks a token's signature, its issuer and its time, and returns its claims; whether they still hold is the
// caller's to check. Opaque tokens are looked up.
func (s *Signin) tokenClaims(ctx context.Context, token string) (*UserClaims, error) {
	c, ok := s.seen.get(token).(*UserClaims)
	if !ok {
		var err error
		if ticketPool(token) != "" {
			if c, err = s.opaqueClaims(ctx, token); err != nil {
				return nil, err
			}
			return c, s.appOn(ctx, c)
		}
		mark := s.seen.mark()
		if c, err = s.verify(ctx, token); err != nil {
			return nil, err
		}
		s.seen.put(token, c, mark)
	}
	if c.Expiry == nil || s.db.Now() >= c.Expiry.Time().UnixMilli() || c.Issuer != s.issuer {
		return nil, ErrTokenInvalid
	}
	return c, s.appOn(ctx, c)
}

// appOn reports by ErrTokenInvalid that the application that a token was made for is switched off or gone.
func (s *Signin) appOn(ctx context.Context, c *UserClaims) error {
	if len(c.Audience) != 1 {
		return ErrTokenInvalid
	}
	app, err := s.Application(ctx, c.Audience[0])
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return ErrTokenInvalid
	case err != nil:
		return err
	case !app.Enabled || app.PoolID != c.Pool:
		return ErrTokenInvalid
	}
	return nil
}

// tokenAlgorithms are those that our tokens are signed with: never none, and what a token names itself chooses no key of another kind.
var tokenAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.HS256}

// verify checks the signature of a token by the key of the pool, or the secret of the application, that it names.
func (s *Signin) verify(ctx context.Context, token string) (*UserClaims, error) {
	parsed, err := jwt.ParseSigned(token, tokenAlgorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return nil, ErrTokenInvalid.Because(err)
	}
	// The unchecked claims only choose the key to check with.
	c := &UserClaims{}
	if err := parsed.UnsafeClaimsWithoutVerification(c); err != nil || c.Use != useAccess && c.Use != useUser {
		return nil, ErrTokenInvalid
	}
	h := parsed.Headers[0]
	var key any
	if h.Algorithm == string(jose.HS256) {
		if c.Use != useUser || len(c.Audience) != 1 {
			return nil, ErrTokenInvalid
		}
		app, err := s.Application(ctx, c.Audience[0])
		if fault.KindOf(err) == fault.NotFound {
			return nil, ErrTokenInvalid
		}
		if err != nil {
			return nil, err
		}
		text, err := s.ApplicationSecret(ctx, app)
		if err != nil {
			return nil, err
		}
		if app.PoolID != c.Pool {
			return nil, ErrTokenInvalid
		}
		key = []byte(text)
	} else {
		key, err = s.verifyingKey(ctx, c.Pool, h.Algorithm, h.KeyID)
		if err != nil {
			return nil, err
		}
	}
	c = &UserClaims{}
	if err := parsed.Claims(key, c); err != nil {
		return nil, ErrTokenInvalid.Because(err)
	}
	if c.Expiry == nil || c.Use == useUser && !secret.Equal(c.Proof, s.proofOf(c)) {
		return nil, ErrTokenInvalid
	}
	return c, nil
}

// opaqueClaims are the claims of an opaque access token.
func (s *Signin) opaqueClaims(ctx context.Context, token string) (*UserClaims, error) {
	var scope []string
	t, err := s.PeekTicket(ctx, TicketOAuthAccess, token, &scope)
	if fault.As(err) != nil {
		return nil, ErrTokenInvalid.Because(err)
	}
	if err != nil {
		return nil, err
	}
	issued, ends := time.UnixMilli(t.CreatedAt), time.UnixMilli(t.ExpiresAt)
	return &UserClaims{
		Claims: jwt.Claims{Issuer: s.issuer, Subject: t.UserID, Audience: jwt.Audience{t.AppID}, IssuedAt: jwt.NewNumericDate(issued), Expiry: jwt.NewNumericDate(ends)},
		Use:    useAccess, Pool: t.PoolID, Scope: strings.Join(scope, " "), ClientID: t.AppID, FamilyID: t.FamilyID, At: t.CreatedAt,
	}, nil
}

// Inspection is what introspection says of a token (RFC 7662, 2.2).
type Inspection struct {
	Refresh bool // a refresh token; else an access token
	Claims  *UserClaims
	User    *directory.User // nil for a program's token
}

// Inspect tells what a token is good for. ErrTokenInvalid for every token that is good for nothing (any more).
func (s *Signin) Inspect(ctx context.Context, token string) (*Inspection, error) {
	if ticketPool(token) != "" {
		t, err := s.PeekTicket(ctx, TicketRefresh, token, nil)
		if err == nil {
			return s.inspectRefresh(ctx, t)
		}
		if fault.As(err) == nil {
			return nil, err
		}
	}
	c, err := s.tokenClaims(ctx, token)
	if err != nil {
		return nil, err
	}
	if c.FamilyID != "" {
		c, u, err := s.User(ctx, token)
		return &Inspection{Claims: c, User: u}, err
	}
	gone, err := s.calledIn(ctx, c)
	if err != nil {
		return nil, err
	}
	if gone {
		return nil, ErrTokenInvalid
	}
	return &Inspection{Claims: c}, nil
}

func (s *Signin) inspectRefresh(ctx context.Context, t *Ticket) (*Inspection, error) {
	f, err := s.family(ctx, t.PoolID, t.FamilyID)
	if err != nil {
		return nil, err
	}
	u, err := s.familyUser(ctx, f)
	if err != nil {
		return nil, err
	}
	c := &UserClaims{
		Claims: jwt.Claims{Issuer: s.issuer, Subject: t.UserID, Audience: jwt.Audience{t.AppID},
			IssuedAt: jwt.NewNumericDate(time.UnixMilli(t.CreatedAt)), Expiry: jwt.NewNumericDate(time.UnixMilli(t.ExpiresAt))},
		Pool: t.PoolID, Scope: strings.Join(f.Scope, " "), ClientID: t.AppID, SessionID: f.SessionID, FamilyID: f.ID, At: t.CreatedAt,
	}
	if err := s.appOn(ctx, c); err != nil {
		return nil, err
	}
	return &Inspection{Refresh: true, Claims: c, User: u}, nil
}

// ticketCalledIn is the kind of the notes that a program's token has been called in. Their hash is of the token's jti.
const ticketCalledIn TicketKind = "called_in"

func (s *Signin) calledIn(ctx context.Context, c *UserClaims) (bool, error) {
	n, err := db.One[int64](ctx, s.db, "select count(*) from tickets where pool_id = ? and hash = ?", c.Pool, hashOf(string(ticketCalledIn)+c.ID))
	return n > 0, err
}

// RevokeToken calls in an access or refresh token of the application, and with it its whole family (RFC 7009, 2.1). A text that is no
// token, or no longer one, is no error; another application's is ErrTokenInvalid and stays as it is.
func (s *Signin) RevokeToken(ctx context.Context, app *Application, token string) error {
	i, err := s.Inspect(ctx, token)
	if fault.KindOf(err) == fault.Unauthenticated {
		return nil
	}
	if err != nil {
		return err
	}
	c := i.Claims
	if !slices.Contains(c.Audience, app.ID) || c.Pool != app.PoolID {
		return ErrTokenInvalid
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		if c.FamilyID != "" {
			if err := s.EndFamily(ctx, app.PoolID, c.FamilyID); err != nil {
				return err
			}
		} else {
			row := Ticket{PoolID: c.Pool, Hash: hashOf(string(ticketCalledIn) + c.ID), Kind: ticketCalledIn, AppID: app.ID, CreatedAt: s.db.Now(),
				ExpiresAt: c.Expiry.Time().UnixMilli()}
			if err := db.Insert(ctx, s.db, "tickets", &row); err != nil && !db.IsUnique(err, "tickets", "hash") {
				return err
			}
		}
		return s.log.Add(ctx, app.PoolID, audit.Event{Operation: audit.Remove, Resource: audit.UserLogin, TargetID: c.Subject, TargetName: app.Name,
			UserID: userOf(i), UserEvent: "revokeToken"})
	})
}

func userOf(i *Inspection) string {
	if i.User == nil {
		return ""
	}
	return i.User.ID
}
