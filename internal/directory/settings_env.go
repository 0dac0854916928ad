package directory

import (
	"context"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// EnvVariable is a named value that an administrator keeps for the pool's own programs. Value is JSON.
type EnvVariable struct {
	Key       string
	Value     jsontext.Value
	CreatedAt int64
	UpdatedAt int64
}

// envRow is how the table has one.
type envRow struct {
	PoolID    string `db:"pool_id"`
	Key       string `db:"key"`
	Value     string `db:"value"` // sealed: programs keep credentials here
	CreatedAt int64  `db:"created_at"`
	UpdatedAt int64  `db:"updated_at"`
}

const (
	mostEnv    = 200
	longestEnv = 16 << 10 // bytes of a value
)

// ErrEnvNotFound says that the pool has no variable of a key.
var ErrEnvNotFound = fault.New(fault.NotFound, "env_not_found")

// Env returns all variables of a pool, in the order of their keys.
func (d *Directory) Env(ctx context.Context, poolID string) ([]EnvVariable, error) {
	rows, err := db.List[envRow](ctx, d.db, "select "+db.Columns[envRow]()+" from pool_env where pool_id = ? order by key limit ?", poolID, mostEnv)
	if err != nil {
		return nil, err
	}
	list := make([]EnvVariable, len(rows))
	for i, r := range rows {
		value, err := d.master.Open(r.Value, envContext(poolID, r.Key))
		if err != nil {
			return nil, err
		}
		list[i] = EnvVariable{r.Key, value, r.CreatedAt, r.UpdatedAt}
	}
	return list, nil
}

// SetEnv makes a variable, or gives the one of that key another value: JSON of at most 16 KB. A pool takes 200: Unprocessable
// "env_limit".
func (d *Directory) SetEnv(ctx context.Context, poolID, key string, value jsontext.Value) error {
	if strings.TrimSpace(key) == "" {
		return fault.Field("key")
	}
	if err := clean("key", key, MaxCode); err != nil {
		return err
	}
	if len(value) == 0 || len(value) > longestEnv || !value.IsValid() {
		return fault.Field("value")
	}
	now := d.db.Now()
	sealed := d.master.Seal(value, envContext(poolID, key))
	return d.db.Tx(ctx, func(ctx context.Context) error {
		if err := d.lockPool(ctx, poolID); err != nil {
			return err
		}
		e := audit.Event{Operation: audit.Update, Resource: audit.Userpool, TargetID: poolID, After: map[string]any{"env": key}}
		changed, err := db.Exec(ctx, d.db, "update pool_env set value = ?, updated_at = ? where pool_id = ? and key = ?", sealed, now, poolID, key)
		if err != nil {
			return err
		}
		if changed == 0 {
			e.Operation = audit.Add
			n, err := db.One[int64](ctx, d.db, "select count(*) from pool_env where pool_id = ?", poolID)
			if err != nil {
				return err
			}
			if n >= mostEnv {
				return fault.New(fault.Unprocessable, "env_limit", strconv.Itoa(mostEnv))
			}
			if err := db.Insert(ctx, d.db, "pool_env", &envRow{poolID, key, sealed, now, now}); err != nil {
				return err
			}
		}
		return d.log.Add(ctx, poolID, e)
	})
}

// RemoveEnv removes a variable, or is ErrEnvNotFound.
func (d *Directory) RemoveEnv(ctx context.Context, poolID, key string) error {
	if len(Findable([]string{key})) == 0 {
		return ErrEnvNotFound
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, d.db, "delete from pool_env where pool_id = ? and key = ?", poolID, key)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrEnvNotFound
		}
		return d.log.Add(ctx, poolID, audit.Event{Operation: audit.Remove, Resource: audit.Userpool, TargetID: poolID, Before: map[string]any{"env": key}})
	})
}

func envContext(poolID, key string) string { return "pool/" + poolID + "/env/" + key }
