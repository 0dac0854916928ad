package directory

import (
	"context"
	"errors"
	"sync"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// AccessKey lets a program manage its pool. The pool's identifier with the pool's secret is one that cannot be deleted.
type AccessKey struct {
	PoolID    string `db:"pool_id"`
	ID        string `db:"id"`
	Secret    string `db:"secret"` // sealed in the table; in the clear in what CreateKey and KeyForAuthentication return
	Kind      string `db:"kind"`
	OwnerID   string `db:"owner_id"`
	TenantID  string `db:"tenant_id"`
	Enabled   bool   `db:"enabled"`
	CreatedAt int64  `db:"created_at"`
	UsedAt    int64  `db:"used_at"`
}

// Errors of access keys.
var (
	ErrKeyNotFound = fault.New(fault.NotFound, "access_key_not_found")
	errTooManyKeys = fault.New(fault.Unprocessable, "access_keys_full")
)

const mostKeys = 200

// NewKey is an access key to be made.
type NewKey struct{ Kind, OwnerID, TenantID string }

// CreateKey makes an access key with a random secret, which is shown here and never again. Its owner is a user or an
// administrator of the pool, the caller when none is named; ErrUserNotFound for anybody else.
func (d *Directory) CreateKey(ctx context.Context, poolID string, n NewKey) (*AccessKey, error) {
	for _, f := range []struct{ name, value string }{{"type", n.Kind}, {"userId", n.OwnerID}, {"tenantId", n.TenantID}} {
		if err := clean(f.name, f.value, 64); err != nil {
			return nil, err
		}
	}
	k := &AccessKey{PoolID: poolID, ID: d.db.NewID(), Secret: secret.Random(16), Kind: n.Kind, OwnerID: n.OwnerID,
		TenantID: n.TenantID, Enabled: true, CreatedAt: d.db.Now()}
	k.UsedAt = k.CreatedAt
	if k.OwnerID == "" {
		k.OwnerID = caller.From(ctx).UserID
	}
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		if had, err := db.One[int64](ctx, d.db, "select count(*) from access_keys where pool_id = ?", poolID); err != nil {
			return err
		} else if had >= mostKeys {
			return errTooManyKeys
		}
		if n.OwnerID != "" {
			if known, err := db.One[int64](ctx, d.db, `select (select count(*) from administrators where pool_id = ? and id = ?) +
				(select count(*) from users where pool_id = ? and id = ?)`, poolID, n.OwnerID, poolID, n.OwnerID); err != nil {
				return err
			} else if known == 0 {
				return ErrUserNotFound
			}
		}
		row := *k
		row.Secret = d.master.Seal([]byte(k.Secret), accessKeyContext(k.ID))
		if err := db.Insert(ctx, d.db, "access_keys", &row); err != nil {
			return err
		}
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Create, Resource: audit.AccessKey, TargetID: k.ID,
			After: map[string]any{"kind": k.Kind, "owner_id": k.OwnerID, "tenant_id": k.TenantID}})
	})
	return k, err
}

func accessKeyContext(id string) string { return "access-key/" + id }

// KeyFilter selects access keys; what is empty selects everything.
type KeyFilter struct {
	OwnerID, TenantID, Kind string
	Enabled                 *bool
}

// AccessKeys returns the pool's access keys without their secrets, newest first; a pool has at most 200.
func (d *Directory) AccessKeys(ctx context.Context, poolID string, f KeyFilter) ([]AccessKey, error) {
	var w db.Where
	w.And("pool_id = ?", poolID)
	for _, c := range []struct{ column, value string }{{"owner_id", f.OwnerID}, {"tenant_id", f.TenantID}, {"kind", f.Kind}} {
		if c.value != "" {
			w.And(c.column+" = ?", c.value)
		}
	}
	if f.Enabled != nil {
		w.And("enabled = ?", *f.Enabled)
	}
	keys, err := db.List[AccessKey](ctx, d.db, "select "+db.Columns[AccessKey]()+" from access_keys where "+w.String()+
		" order by id desc limit ?", append(w.Args, mostKeys)...)
	for i := range keys {
		keys[i].Secret = ""
	}
	return keys, err
}

// AccessKey returns one access key without its secret, or ErrKeyNotFound.
func (d *Directory) AccessKey(ctx context.Context, poolID, id string) (*AccessKey, error) {
	k, err := db.One[AccessKey](ctx, d.db, selectKey+" where pool_id = ? and id = ?", poolID, id)
	if errors.Is(err, db.NoRow) {
		return nil, ErrKeyNotFound
	}
	k.Secret = ""
	return &k, err
}

var selectKey = "select " + db.Columns[AccessKey]() + " from access_keys"

// EnableKey lets an access key work, or stops it at once.
func (d *Directory) EnableKey(ctx context.Context, poolID, id string, enabled bool) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, d.db, "update access_keys set enabled = ? where pool_id = ? and id = ?", enabled, poolID, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrKeyNotFound
		}
		d.db.AfterCommit(ctx, func() { d.access.drop(id) })
		operation := audit.Disable
		if enabled {
			operation = audit.Enable
		}
		return d.log.Add(ctx, poolID, audit.Event{Operation: operation, Resource: audit.AccessKey, TargetID: id})
	})
}

// DeleteKey removes an access key. It is dead when DeleteKey returns.
func (d *Directory) DeleteKey(ctx context.Context, poolID, id string) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, d.db, "delete from access_keys where pool_id = ? and id = ?", poolID, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrKeyNotFound
		}
		d.db.AfterCommit(ctx, func() { d.access.drop(id) })
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Delete, Resource: audit.AccessKey, TargetID: id})
	})
}

// KeyForAuthentication returns the enabled access key with its secret, so that a signature or a secret can be checked
// against it; ErrKeyNotFound when there is none or it is disabled. Only the code that authenticates callers may ask.
// The pool's identifier is the access key whose secret is the pool's.
func (d *Directory) KeyForAuthentication(ctx context.Context, id string) (*AccessKey, error) {
	if !db.IsID(id) {
		return nil, ErrKeyNotFound
	}
	if d.db.Local() {
		if k := d.access.get(id); k != nil && d.db.Now()-k.UsedAt < useInterval {
			return k, nil
		}
	}
	generation := d.access.generation()
	k, err := d.readKey(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := d.noteUse(ctx, k); err != nil {
		return nil, err
	}
	if d.db.Local() {
		d.access.put(id, k, generation)
	}
	return k, nil
}

// useInterval is how exactly the last use of a key is known, in ms: authenticating costs a write once in that time.
const useInterval = 60 * 60 * 1000

func (d *Directory) noteUse(ctx context.Context, k *AccessKey) error {
	now := d.db.Now()
	if now-k.UsedAt < useInterval {
		return nil
	}
	k.UsedAt = now
	_, err := db.Exec(ctx, d.db, "update access_keys set used_at = ? where pool_id = ? and id = ? and used_at < ?", now, k.PoolID, k.ID, now)
	return err
}

func (d *Directory) readKey(ctx context.Context, id string) (*AccessKey, error) {
	k, err := db.One[AccessKey](ctx, d.db, selectKey+" where id = ? limit 1", id)
	sealed := accessKeyContext(id)
	if errors.Is(err, db.NoRow) {
		var p Pool
		p, err = db.One[Pool](ctx, d.db, "select "+db.Columns[Pool]()+" from pools where pool_id = ?", id)
		k = AccessKey{PoolID: id, ID: id, Secret: p.Secret, Kind: "userpool", Enabled: true, CreatedAt: p.CreatedAt, UsedAt: d.db.Now()}
		sealed = poolSecretContext(id)
	}
	if errors.Is(err, db.NoRow) {
		return nil, ErrKeyNotFound
	}
	if err != nil {
		return nil, err
	}
	if !k.Enabled {
		return nil, ErrKeyNotFound
	}
	plain, err := d.master.Open(k.Secret, sealed)
	if err != nil {
		return nil, err
	}
	k.Secret = string(plain)
	return &k, nil
}

// accessCache mirrors access keys where this process alone writes them. A key read before a change is not put after it.
type accessCache struct {
	mu   sync.RWMutex
	gen  uint64
	keys map[string]*AccessKey
}

const mostCachedKeys = 10_000

func (c *accessCache) get(id string) *AccessKey {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.keys[id]
}

func (c *accessCache) generation() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.gen
}

func (c *accessCache) put(id string, k *AccessKey, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != generation {
		return
	}
	if c.keys == nil || len(c.keys) >= mostCachedKeys {
		c.keys = make(map[string]*AccessKey)
	}
	c.keys[id] = k
}

func (c *accessCache) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	delete(c.keys, id)
}

// PurgeNonces removes what the date of a request refuses by itself. The server calls it now and then.
func (d *Directory) PurgeNonces(ctx context.Context) error {
	_, err := db.Exec(ctx, d.db, "delete from nonces where expires_at < ?", d.db.Now())
	return err
}
