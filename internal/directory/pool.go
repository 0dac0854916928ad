package directory

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"

	"github.com/emmansun/gmsm/sm2"
	"golang.org/x/sync/errgroup"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// Pool is an organisation's realm. Nothing crosses from one to another.
type Pool struct {
	ID        string       `db:"pool_id"`
	Name      string       `db:"name"`
	Secret    string       `db:"secret"` // sealed in the table, in the clear in what CreatePool returns, empty elsewhere
	IsDefault bool         `db:"is_default"`
	Settings  PoolSettings `db:"settings,json"`
	CreatedAt int64        `db:"created_at"`
	UpdatedAt int64        `db:"updated_at"`
}

// Administrator runs a pool. They are not among the pool's users.
type Administrator struct {
	PoolID    string `db:"pool_id"`
	ID        string `db:"id"`
	Username  string `db:"username"`
	Password  string `db:"password"` // a hash; in the clear in what CreatePool returns
	CreatedAt int64  `db:"created_at"`
}

// ErrPoolNotFound says that no pool has the identifier, or that there is none yet.
var ErrPoolNotFound = fault.New(fault.NotFound, "pool_not_found")

// CreatePool makes a pool with its secret, its signing and encryption keys, an administrator with a random password, and the
// custom fields that every client takes for granted. The first pool becomes the default one: it answers callers who
// name none. then runs in the same transaction, for what other packages keep of a pool. The secrets in what is returned
// are shown here and never again.
func (d *Directory) CreatePool(ctx context.Context, name string, then func(ctx context.Context, p *Pool, owner *Administrator) error) (*Pool, *Administrator, error) {
	if err := clean("name", name, 256); err != nil {
		return nil, nil, err
	}
	if strings.TrimSpace(name) == "" {
		return nil, nil, fault.Field("name")
	}
	now := d.db.Now()
	p := &Pool{ID: d.db.NewID(), Name: name, Secret: secret.Random(16), CreatedAt: now, UpdatedAt: now}
	a := &Administrator{PoolID: p.ID, ID: d.db.NewID(), Username: "admin", Password: secret.GeneratePassword(), CreatedAt: now}
	keys, err := d.newKeys(ctx, p.ID)
	if err != nil {
		return nil, nil, err
	}
	hash, err := d.hasher.Hash(ctx, a.Password)
	if err != nil {
		return nil, nil, err
	}
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		others, err := db.One[int64](ctx, d.db, "select count(*) from pools")
		if err != nil {
			return err
		}
		row := *p
		row.IsDefault = others == 0
		row.Secret = d.master.Seal([]byte(p.Secret), poolSecretContext(p.ID))
		if err := db.Insert(ctx, d.db, "pools", &row); err != nil {
			return err
		}
		p.IsDefault = row.IsDefault
		for i := range keys {
			if err := db.Insert(ctx, d.db, "pool_keys", &keys[i]); err != nil {
				return err
			}
		}
		admin := *a
		admin.Password = hash
		if err := db.Insert(ctx, d.db, "administrators", &admin); err != nil {
			return err
		}
		if err := d.EnsureDefaults(ctx, p.ID); err != nil {
			return err
		}
		if then != nil {
			if err := then(ctx, p, a); err != nil {
				return err
			}
		}
		return d.log.Add(ctx, p.ID, audit.Event{Operation: audit.Create, Resource: audit.Userpool, TargetID: p.ID, TargetName: p.Name,
			After: map[string]any{"name": p.Name, "administrator": a.Username}})
	})
	return p, a, err
}

func poolSecretContext(poolID string) string { return "pool/" + poolID + "/secret" }

// Pool returns the pool, without its secret, or ErrPoolNotFound.
func (d *Directory) Pool(ctx context.Context, poolID string) (*Pool, error) {
	return d.onePool(ctx, "pool_id = ?", poolID)
}

// DefaultPool returns the pool that answers callers who name none, or ErrPoolNotFound before the first is made.
func (d *Directory) DefaultPool(ctx context.Context) (*Pool, error) {
	return d.onePool(ctx, "is_default = ?", true)
}

func (d *Directory) onePool(ctx context.Context, condition string, arg any) (*Pool, error) {
	p, err := db.One[Pool](ctx, d.db, "select "+db.Columns[Pool]()+" from pools where "+condition+" order by pool_id limit 1", arg)
	if errors.Is(err, db.NoRow) {
		return nil, ErrPoolNotFound
	}
	p.hide()
	return &p, err
}

// Administrators returns the pool's administrators among the identifiers, by identifier, without their passwords.
func (d *Directory) Administrators(ctx context.Context, poolID string, ids []string) (map[string]Administrator, error) {
	list, err := db.List[Administrator](ctx, d.db, "select "+db.Columns[Administrator]()+
		" from administrators where pool_id = ? and id in (?...) limit 1000", poolID, Findable(ids))
	out := make(map[string]Administrator, len(list))
	for _, a := range list {
		a.Password = ""
		out[a.ID] = a
	}
	return out, err
}

// What a pool's keys are for.
const (
	SigningKey   = "sign"    // RS256: tokens
	SigningECKey = "sign_ec" // ES256: tokens
	RSAKey       = "rsa"     // passwords on their way, PKCS #1 v1.5
	SM2Key       = "sm2"     // passwords on their way, by China's standard
)

// Stages of a key's life. Only signing keys have another than KeyCurrent.
const (
	KeyNext    = "next"    // published before it is used
	KeyCurrent = "current" // in use
	KeyRetired = "retired" // published as long as something that it signed may be valid
)

type poolKey struct {
	PoolID     string `db:"pool_id"`
	Purpose    string `db:"purpose"`
	KID        string `db:"kid"`
	PrivateKey string `db:"private_key"` // sealed
	PublicKey  string `db:"public_key"`
	Stage      string `db:"stage"`
	ExpiresAt  int64  `db:"expires_at"`
	CreatedAt  int64  `db:"created_at"`
}

// Keys are the keys that passwords travel under to a pool, opened. They are not to be changed. Those that tokens are signed with are
// package signin's.
type Keys struct {
	RSA       *rsa.PrivateKey
	RSAPublic string // PEM, SPKI
	SM2       *sm2.PrivateKey
	SM2Public string // hex, with the 04 prefix
}

// newKeys makes the keys of a new pool, at once on several processors.
func (d *Directory) newKeys(ctx context.Context, poolID string) ([]poolKey, error) {
	keys := make([]poolKey, 4)
	var g errgroup.Group
	for i, purpose := range []string{SigningKey, RSAKey} {
		g.Go(func() error {
			k, err := d.newRSA()
			if err != nil {
				return err
			}
			keys[i] = poolKey{Purpose: purpose, PrivateKey: secret.EncodeRSA(k), PublicKey: secret.PublicRSA(k)}
			return nil
		})
	}
	k, err := secret.NewSM2()
	if err != nil {
		return nil, err
	}
	keys[2] = poolKey{Purpose: SM2Key, PrivateKey: secret.EncodeSM2(k), PublicKey: secret.PublicSM2(k)}
	curve, err := secret.NewEC()
	if err != nil {
		return nil, err
	}
	keys[3] = poolKey{Purpose: SigningECKey, PrivateKey: secret.EncodeEC(curve), PublicKey: secret.PublicEC(curve)}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := range keys {
		k := &keys[i]
		k.PoolID, k.KID, k.Stage, k.CreatedAt = poolID, KeyID(k.PublicKey), KeyCurrent, d.db.Now()
		k.PrivateKey = d.master.Seal([]byte(k.PrivateKey), KeyContext(poolID, k.Purpose))
	}
	return keys, nil
}

// KeyID is the identifier of a public key's text: no two keys share one, in whatever pools.
func KeyID(public string) string {
	sum := sha256.Sum256([]byte(public))
	return hex.EncodeToString(sum[:16])
}

// KeyContext is what a pool's private key of a purpose is sealed under.
func KeyContext(poolID, purpose string) string { return "pool/" + poolID + "/key/" + purpose }

// keyCache keeps the opened keys of pools; a key never changes.
type keyCache struct {
	mu   sync.RWMutex
	keys map[string]*Keys
}

// How many pools' keys are kept opened; beyond that the memory starts anew.
const mostOpenKeys = 1000

// Keys returns the pool's keys, or ErrPoolNotFound.
func (d *Directory) Keys(ctx context.Context, poolID string) (*Keys, error) {
	d.keys.mu.RLock()
	k := d.keys.keys[poolID]
	d.keys.mu.RUnlock()
	if k != nil {
		return k, nil
	}
	rows, err := db.List[poolKey](ctx, d.db, "select "+db.Columns[poolKey]()+" from pool_keys where pool_id = ? and purpose in (?...) order by created_at, kid limit 100",
		poolID, []string{RSAKey, SM2Key})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrPoolNotFound
	}
	k = &Keys{}
	for _, r := range rows { // the newest of each purpose wins
		plain, err := d.master.Open(r.PrivateKey, KeyContext(poolID, r.Purpose))
		if err != nil {
			return nil, err
		}
		switch r.Purpose {
		case RSAKey:
			k.RSAPublic = r.PublicKey
			k.RSA, err = secret.ParseRSA(string(plain))
		case SM2Key:
			k.SM2Public = r.PublicKey
			k.SM2, err = secret.ParseSM2(string(plain))
		}
		if err != nil {
			return nil, err
		}
	}
	d.keys.mu.Lock()
	if d.keys.keys == nil || len(d.keys.keys) >= mostOpenKeys {
		d.keys.keys = make(map[string]*Keys)
	}
	d.keys.keys[poolID] = k
	d.keys.mu.Unlock()
	return k, nil
}

// Decrypt opens a password that was encrypted for the pool, by "rsa" or "sm2". A client that knew no pool has asked for the
// default pool's key, so that one is tried too. What cannot be opened is Invalid password_undecryptable.
func (d *Directory) Decrypt(ctx context.Context, poolID, by, text string) (string, error) {
	plain, err := d.decrypt(ctx, poolID, by, text)
	if err == nil || fault.KindOf(err) != fault.Invalid {
		return plain, err
	}
	p, other := d.DefaultPool(ctx)
	if other != nil || p.ID == poolID {
		return "", err
	}
	return d.decrypt(ctx, p.ID, by, text)
}

func (d *Directory) decrypt(ctx context.Context, poolID, by, text string) (string, error) {
	k, err := d.Keys(ctx, poolID)
	if err != nil {
		return "", err
	}
	var plain []byte
	if by == "sm2" {
		plain, err = secret.DecryptSM2(k.SM2, text)
	} else {
		plain, err = secret.DecryptRSA(k.RSA, text)
	}
	return string(plain), err
}
