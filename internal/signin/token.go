package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

const (
	// Clients fetch a new management token when less than an hour of it is left (v2-notes 2); the vendor's lasts this long.
	managementLife = 15 * 24 * time.Hour
	// The V3 answer says how long its token lasts; this is the contract's default.
	managementLifeV3 = 2 * time.Hour
)

// Errors of tokens.
var (
	ErrKeyWrong     = fault.New(fault.Unauthenticated, "access_key_wrong")
	ErrTokenInvalid = fault.New(fault.Unauthenticated, "token_invalid")
)

// Token is a signed token with its times in unix seconds.
type Token struct {
	Text      string
	IssuedAt  int64
	ExpiresAt int64
}

// managementClaims are in a token that speaks for an access key. scoped_userpool_id must be text: the Go client asserts it.
type managementClaims struct {
	jwt.Claims
	Use   string `json:"use"`
	Pool  string `json:"scoped_userpool_id"`
	KeyID string `json:"access_key_id"`
	// Print tells the key's secret from those before it, and nothing else: a token dies with the secret that it was issued for.
	Print string `json:"key_print"`
}

const managementUse = "management"

// ManagementToken exchanges an access key and its secret for a token that speaks for the key. Both ErrKeyWrong: an unknown or
// disabled key, a wrong secret.
func (s *Signin) ManagementToken(ctx context.Context, keyID, keySecret string, v3 bool) (*Token, error) {
	k, err := s.dir.KeyForAuthentication(ctx, keyID)
	if errors.Is(err, directory.ErrKeyNotFound) || fault.KindOf(err) == fault.NotFound {
		return nil, ErrKeyWrong
	}
	if err != nil {
		return nil, err
	}
	if !secret.Equal(k.Secret, keySecret) {
		return nil, ErrKeyWrong
	}
	life := managementLife
	if v3 {
		life = managementLifeV3
	}
	return s.managementToken(k, life)
}

// RenewManagementToken exchanges a valid management token for a fresh one of the same key.
func (s *Signin) RenewManagementToken(ctx context.Context, token string) (*Token, error) {
	k, err := s.ManagementKey(ctx, token)
	if err != nil {
		return nil, err
	}
	return s.managementToken(k, managementLife)
}

func (s *Signin) managementToken(k *directory.AccessKey, life time.Duration) (*Token, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: s.managementSecret(k.PoolID)}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, err
	}
	now := time.UnixMilli(s.db.Now())
	t := &Token{IssuedAt: now.Unix(), ExpiresAt: now.Add(life).Unix()}
	t.Text, err = jwt.Signed(signer).Claims(managementClaims{
		Claims: jwt.Claims{Issuer: s.issuer, Subject: k.ID, ID: secret.Random(8), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(life))},
		Use:    managementUse, Pool: k.PoolID, KeyID: k.ID, Print: s.keyPrint(k),
	}).Serialize()
	return t, err
}

// managementSecret is the key of a pool's management tokens. Only this server reads them, so that they need no public key.
func (s *Signin) managementSecret(poolID string) []byte {
	return s.master.Derive("management-token/"+poolID, 32)
}

// keyPrint is a fingerprint of an access key's secret that only this server can make.
func (s *Signin) keyPrint(k *directory.AccessKey) string {
	return hex.EncodeToString(s.master.Derive("management-token/"+k.ID+"/"+k.Secret, 8))
}

// ManagementKey returns the access key that a management token speaks for: it dies with the key and with the key's secret.
// ErrTokenInvalid otherwise.
func (s *Signin) ManagementKey(ctx context.Context, token string) (*directory.AccessKey, error) {
	c, err := s.managementClaims(token)
	if err != nil {
		return nil, err
	}
	if c.Expiry == nil || s.db.Now() >= c.Expiry.Time().UnixMilli() {
		return nil, ErrTokenInvalid
	}
	k, err := s.dir.KeyForAuthentication(ctx, c.KeyID)
	if fault.KindOf(err) == fault.NotFound {
		return nil, ErrTokenInvalid
	}
	if err != nil {
		return nil, err
	}
	if k.PoolID != c.Pool || !secret.Equal(s.keyPrint(k), c.Print) {
		return nil, ErrTokenInvalid
	}
	return k, nil
}

// managementClaims checks a management token's signature and returns its claims; whether they still hold is the caller's to check.
func (s *Signin) managementClaims(token string) (*managementClaims, error) {
	if c, ok := s.seen.get(token).(*managementClaims); ok {
		return c, nil
	}
	mark := s.seen.mark()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return nil, ErrTokenInvalid.Because(err)
	}
	// The pool in the unchecked claims only chooses the key to check with.
	c := &managementClaims{}
	if err := parsed.UnsafeClaimsWithoutVerification(c); err != nil || c.Use != managementUse {
		return nil, ErrTokenInvalid
	}
	if err := parsed.Claims(s.managementSecret(c.Pool), c); err != nil {
		return nil, ErrTokenInvalid.Because(err)
	}
	s.seen.put(token, c, mark)
	return c, nil
}

// seenTokens remembers the claims of tokens whose signature was right: parsing and checking cost ten times the look-up, and
// clients send the same token for hours.
type seenTokens struct {
	mu     sync.RWMutex
	claims map[[sha256.Size]byte]any // *managementClaims or *UserClaims, not to be changed
	epoch  int64                     // counts drops: what was checked before one is not kept after it
}

// How many tokens are remembered; beyond that the memory starts anew. An entry takes about 1 KB.
const mostSeen = 10_000

func (s *seenTokens) get(token string) any {
	sum := sha256.Sum256([]byte(token))
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.claims[sum]
}

// mark is to be taken before a token is checked.
func (s *seenTokens) mark() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.epoch
}

// drop forgets all tokens: a secret or a key that has signed some may have gone.
func (s *seenTokens) drop(string, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch, s.claims = s.epoch+1, nil
}

// put remembers the claims of a token that was checked since mark.
func (s *seenTokens) put(token string, claims any, mark int64) {
	sum := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != mark {
		return
	}
	if s.claims == nil || len(s.claims) >= mostSeen {
		s.claims = make(map[[sha256.Size]byte]any)
	}
	s.claims[sum] = claims
}

// looksManagement reports, without checking anything, that a bearer claims to be a management token.
func (s *Signin) looksManagement(token string) bool {
	if c := s.seen.get(token); c != nil {
		_, ok := c.(*managementClaims)
		return ok
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return false
	}
	var c struct {
		Use string `json:"use"`
	}
	return json.Unmarshal(b, &c, jsontext.AllowDuplicateNames(true)) == nil && c.Use == managementUse
}
