package signin

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// A pool signs with one key for each algorithm. The next one is published before it is used, so that whoever keeps the key set has
// it already, and a retired one as long as anything that it signed may be valid. Only the current key signs.

// keysTopic tells all servers that a pool's signing keys have changed.
const keysTopic = "signing_keys"

// purposes are the stored names of the algorithms that pools sign by.
var purposes = map[jose.SignatureAlgorithm]string{jose.RS256: directory.SigningKey, jose.ES256: directory.SigningECKey}

// keyAlgorithms are the algorithms of purposes, in the order in which their keys are published: clients that know no kid take the first.
var keyAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// ringKey is an opened key.
type ringKey struct {
	ID        string
	Algorithm jose.SignatureAlgorithm
	Stage     string
	ExpiresAt int64 // unix ms; 0: not known yet
	private   crypto.Signer
}

// keyRing is the signing keys of one pool: the current ones first, then the next, then the retired.
type keyRing struct {
	keys   []*ringKey
	readAt time.Time
}

// keyRings remembers the opened rings of pools.
type keyRings struct {
	mu    sync.RWMutex
	rings map[string]*keyRing
	// asOf grows with each change, so that a ring read before one is not kept after it.
	asOf uint64
}

// A ring is read again after this long: a retired key's time ends without anybody saying so, and the command line changes the keys of a
// SQLite file from another process.
const ringLife = time.Minute

// A token with an unknown key makes a server look again whether another server has made it, at most this often for each pool.
const ringRefresh = 200 * time.Millisecond

func (r *keyRings) drop(poolID string, _ []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asOf++
	if poolID == "" {
		r.rings = nil
		return
	}
	delete(r.rings, poolID)
}

type signingKeyRow struct {
	PoolID     string `db:"pool_id"`
	Purpose    string `db:"purpose"`
	KID        string `db:"kid"`
	PrivateKey string `db:"private_key"` // sealed
	PublicKey  string `db:"public_key"`
	Stage      string `db:"stage"`
	ExpiresAt  int64  `db:"expires_at"`
	CreatedAt  int64  `db:"created_at"`
}

// keyRing returns the pool's signing keys, no older than oldest, or directory.ErrPoolNotFound.
func (s *Signin) keyRing(ctx context.Context, poolID string, oldest time.Duration) (*keyRing, error) {
	s.rings.mu.RLock()
	ring, asOf := s.rings.rings[poolID], s.rings.asOf
	s.rings.mu.RUnlock()
	if ring != nil && time.Since(ring.readAt) < oldest && !s.db.InTx(ctx) {
		return ring, nil
	}
	if ring != nil && s.db.InTx(ctx) && time.Since(ring.readAt) < ringLife {
		return ring, nil // what is remembered was committed, and a transaction does not wait for more
	}
	ring = &keyRing{readAt: time.Now()}
	rows, err := db.List[signingKeyRow](ctx, s.db, "select "+db.Columns[signingKeyRow]()+
		" from pool_keys where pool_id = ? and purpose in (?...) and (expires_at = 0 or expires_at > ?) order by created_at desc, kid limit 100",
		poolID, []string{directory.SigningKey, directory.SigningECKey}, s.db.Now())
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, directory.ErrPoolNotFound
	}
	for _, r := range rows {
		k, err := s.openKey(&r)
		if err != nil {
			return nil, err
		}
		ring.keys = append(ring.keys, k)
	}
	stages := []string{directory.KeyCurrent, directory.KeyNext, directory.KeyRetired}
	slices.SortStableFunc(ring.keys, func(a, b *ringKey) int {
		if d := slices.Index(stages, a.Stage) - slices.Index(stages, b.Stage); d != 0 {
			return d
		}
		return slices.Index(keyAlgorithms, a.Algorithm) - slices.Index(keyAlgorithms, b.Algorithm)
	})
	s.rings.mu.Lock()
	if s.rings.asOf == asOf && !s.db.InTx(ctx) {
		if s.rings.rings == nil || len(s.rings.rings) >= mostRings {
			s.rings.rings = make(map[string]*keyRing)
		}
		s.rings.rings[poolID] = ring
	}
	s.rings.mu.Unlock()
	return ring, nil
}

// How many pools' rings are kept; beyond that the memory starts anew.
const mostRings = 1000

func (s *Signin) openKey(r *signingKeyRow) (*ringKey, error) {
	plain, err := s.master.Open(r.PrivateKey, directory.KeyContext(r.PoolID, r.Purpose))
	if err != nil {
		return nil, err
	}
	k := &ringKey{ID: r.KID, Stage: r.Stage, ExpiresAt: r.ExpiresAt}
	switch r.Purpose {
	case directory.SigningKey:
		k.Algorithm = jose.RS256
		k.private, err = secret.ParseRSA(string(plain))
	case directory.SigningECKey:
		k.Algorithm = jose.ES256
		k.private, err = secret.ParseEC(string(plain))
	}
	return k, err
}

// signingKey is the pool's current key for RS256 or ES256, with the kid that goes into the header.
func (s *Signin) signingKey(ctx context.Context, poolID, alg string) (jose.JSONWebKey, error) {
	ring, err := s.keyRing(ctx, poolID, ringLife)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	for _, k := range ring.keys {
		if string(k.Algorithm) == alg && k.Stage == directory.KeyCurrent {
			return jose.JSONWebKey{Key: k.private, KeyID: k.ID, Algorithm: alg}, nil
		}
	}
	return jose.JSONWebKey{}, fmt.Errorf("signin: the pool %s has no key for %s", poolID, alg)
}

// verifyingKey is the key that a token of the pool names by kid, if its algorithm is the key's own (RFC 8725, 3.1): ErrTokenInvalid for
// any other. A next key counts too: another server may have made it the current one a moment ago.
func (s *Signin) verifyingKey(ctx context.Context, poolID, alg, kid string) (crypto.PublicKey, error) {
	for _, oldest := range []time.Duration{ringLife, ringRefresh} {
		ring, err := s.keyRing(ctx, poolID, oldest)
		if fault.KindOf(err) == fault.NotFound {
			return nil, ErrTokenInvalid
		}
		if err != nil {
			return nil, err
		}
		for _, k := range ring.keys {
			if k.ID == kid && string(k.Algorithm) == alg && (k.ExpiresAt == 0 || s.db.Now() < k.ExpiresAt) {
				return k.private.Public(), nil
			}
		}
	}
	return nil, ErrTokenInvalid
}

// JWKS is the pool's public signing keys (RFC 7517) as JSON: current, next and retired ones, or directory.ErrPoolNotFound.
func (s *Signin) JWKS(ctx context.Context, poolID string) ([]byte, error) {
	ring, err := s.keyRing(ctx, poolID, ringLife)
	if err != nil {
		return nil, err
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range ring.keys {
		if k.ExpiresAt == 0 || s.db.Now() < k.ExpiresAt {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"})
		}
	}
	return json.Marshal(set)
}

// mostPublished is how many keys IssuerKeys gives: those of a hundred pools and more.
const mostPublished = 500

// IssuerKeys is the public signing keys of all pools as JSON, the default pool's first, at most 500: there is one issuer, and whoever reads its
// key set by its address alone belongs to any pool. That a pool's reader gets other pools' keys opens nothing: only this server signs with
// them, and a token names its application. Beyond so many pools, applications read the set below their own identifier.
func (s *Signin) IssuerKeys(ctx context.Context) ([]byte, error) {
	rows, err := db.List[signingKeyRow](ctx, s.db, "select "+db.Columns[signingKeyRow]("k")+
		" from pools p join pool_keys k on k.pool_id = p.pool_id where k.purpose in (?...) and (k.expires_at = 0 or k.expires_at > ?)"+
		" order by p.is_default desc, p.pool_id, k.stage, k.purpose, k.created_at desc, k.kid limit ?",
		[]string{directory.SigningKey, directory.SigningECKey}, s.db.Now(), mostPublished)
	if err != nil {
		return nil, err
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, r := range rows {
		block, _ := pem.Decode([]byte(r.PublicKey))
		if block == nil {
			return nil, fmt.Errorf("the public half of key %s is unreadable", r.KID)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: public, KeyID: r.KID, Algorithm: string(algorithmOf(r.Purpose)), Use: "sig"})
	}
	return json.Marshal(set)
}

// algorithmOf is the algorithm that keys of a purpose sign by.
func algorithmOf(purpose string) jose.SignatureAlgorithm {
	for by, name := range purposes {
		if name == purpose {
			return by
		}
	}
	return ""
}

// newSigningKey makes a key that nobody has seen. It takes tenths of a second: keep it out of transactions.
func newSigningKey(by jose.SignatureAlgorithm) (private, public string, err error) {
	if by == jose.ES256 {
		k, err := secret.NewEC()
		if err != nil {
			return "", "", err
		}
		return secret.EncodeEC(k), secret.PublicEC(k), nil
	}
	k, err := secret.NewRSA()
	if err != nil {
		return "", "", err
	}
	return secret.EncodeRSA(k), secret.PublicRSA(k), nil
}

// RotateKeys makes the pool sign with other keys from now on: the next ones, which it has published since the last rotation, or at the
// first one new ones, and publishes the next after them. Those that signed so far stay published as long as the longest-lived token
// of the pool's applications. It is an administrator's verb; directory.ErrPoolNotFound.
func (s *Signin) RotateKeys(ctx context.Context, poolID string) error {
	// Two of each: the second serves where there is no next one yet.
	fresh := make([]signingKeyRow, 0, 2*len(keyAlgorithms))
	for _, by := range keyAlgorithms {
		for range 2 {
			private, public, err := newSigningKey(by)
			if err != nil {
				return err
			}
			fresh = append(fresh, signingKeyRow{PoolID: poolID, Purpose: purposes[by], KID: directory.KeyID(public),
				PrivateKey: s.master.Seal([]byte(private), directory.KeyContext(poolID, purposes[by])), PublicKey: public})
		}
	}
	life, err := s.longestTokenLife(ctx, poolID)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		// The pool's row is held: of two rotations at once the second goes on from the first.
		locked, err := db.List[string](ctx, s.db, "select pool_id from pools where pool_id = ? limit 1 for update", poolID)
		if err != nil {
			return err
		}
		if len(locked) == 0 {
			return directory.ErrPoolNotFound
		}
		now := s.db.Now()
		if _, err := db.Exec(ctx, s.db, "delete from pool_keys where pool_id = ? and stage = ? and expires_at <= ?", poolID, directory.KeyRetired, now); err != nil {
			return err
		}
		var current []string
		for i, by := range keyAlgorithms {
			fresh := fresh[2*i : 2*i+2]
			if _, err := db.Exec(ctx, s.db, "update pool_keys set stage = ?, expires_at = ? where pool_id = ? and purpose = ? and stage = ?",
				directory.KeyRetired, now+life.Milliseconds(), poolID, purposes[by], directory.KeyCurrent); err != nil {
				return err
			}
			next, err := db.List[string](ctx, s.db, "select kid from pool_keys where pool_id = ? and purpose = ? and stage = ? order by created_at, kid limit 1",
				poolID, purposes[by], directory.KeyNext)
			if err != nil {
				return err
			}
			if len(next) == 1 {
				if _, err := db.Exec(ctx, s.db, "update pool_keys set stage = ? where pool_id = ? and purpose = ? and kid = ?",
					directory.KeyCurrent, poolID, purposes[by], next[0]); err != nil {
					return err
				}
				current = append(current, next[0])
			} else {
				row := fresh[1]
				row.Stage, row.CreatedAt = directory.KeyCurrent, now
				if err := db.Insert(ctx, s.db, "pool_keys", &row); err != nil {
					return err
				}
				current = append(current, row.KID)
			}
			row := fresh[0]
			row.Stage, row.CreatedAt = directory.KeyNext, now
			if err := db.Insert(ctx, s.db, "pool_keys", &row); err != nil {
				return err
			}
		}
		if err := s.db.Publish(ctx, poolID, keysTopic); err != nil {
			return err
		}
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Refresh, Resource: audit.Userpool, TargetID: poolID,
			After: map[string]any{"signing_keys": current}})
	})
}

// longestTokenLife is how long a signed token of the pool may be valid, with a little for clocks that differ.
func (s *Signin) longestTokenLife(ctx context.Context, poolID string) (time.Duration, error) {
	policy, err := s.PoolPolicy(ctx, poolID)
	if err != nil {
		return 0, err
	}
	life := max(int64(managementLife/time.Second), policy.TokenLife)
	after := ""
	for {
		list, err := db.List[Application](ctx, s.db, "select "+db.Columns[Application]()+" from applications where pool_id = ? and id > ? order by id limit 500",
			poolID, after)
		if err != nil {
			return 0, err
		}
		for _, a := range list {
			life = max(life, a.Settings.IDTokenLife, a.Settings.AccessTokenLife)
			after = a.ID
		}
		if len(list) < 500 {
			return time.Duration(life)*time.Second + time.Hour, nil
		}
	}
}
