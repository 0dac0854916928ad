package directory

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/db"
)

const ofWhitelist = "pool_id = ? and app_id = ? and type = ?"

func (d *Directory) listWhitelist(ctx context.Context, poolID string, k WhitelistKey) ([]WhitelistEntry, error) {
	return db.List[WhitelistEntry](ctx, d.db, "select "+db.Columns[WhitelistEntry]()+" from whitelist where "+ofWhitelist+
		" order by created_at desc, value limit ?", poolID, k.AppID, string(k.Type), mostWhitelisted)
}

func (d *Directory) whitelisted(ctx context.Context, poolID string, k WhitelistKey, values []string) (map[string]WhitelistEntry, error) {
	list, err := db.List[WhitelistEntry](ctx, d.db, "select "+db.Columns[WhitelistEntry]()+" from whitelist where "+ofWhitelist+
		" and value in (?...) limit ?", poolID, k.AppID, string(k.Type), values, len(values))
	out := make(map[string]WhitelistEntry, len(list))
	for _, e := range list {
		out[e.Value] = e
	}
	return out, err
}

func (d *Directory) countWhitelist(ctx context.Context, poolID string, k WhitelistKey) (int64, error) {
	return db.One[int64](ctx, d.db, "select count(*) from whitelist where "+ofWhitelist, poolID, k.AppID, string(k.Type))
}

func (d *Directory) insertWhitelisted(ctx context.Context, e *WhitelistEntry) error {
	return db.Insert(ctx, d.db, "whitelist", e)
}

func (d *Directory) deleteWhitelisted(ctx context.Context, poolID string, k WhitelistKey, values []string) error {
	_, err := db.Exec(ctx, d.db, "delete from whitelist where "+ofWhitelist+" and value in (?...)", poolID, k.AppID, string(k.Type), values)
	return err
}

// lockWhitelist makes changes of one list wait for each other, so that its length is known, and the application stay.
func (d *Directory) lockWhitelist(ctx context.Context, poolID string, k WhitelistKey) error {
	if k.AppID != "" {
		return d.needApplication(ctx, poolID, k.AppID, forUpdate)
	}
	return d.lockPool(ctx, poolID)
}

// lockPool holds the pool's row for the rest of the transaction, or is ErrPoolNotFound.
func (d *Directory) lockPool(ctx context.Context, poolID string) error {
	_, err := db.One[string](ctx, d.db, "select pool_id from pools where pool_id = ?"+forUpdate, poolID)
	return notFound(err, ErrPoolNotFound)
}

// needApplication makes sure that the pool has an application; an empty identifier is none to look for.
func (d *Directory) needApplication(ctx context.Context, poolID, appID, lock string) error {
	if appID == "" {
		return nil
	}
	if len(Findable([]string{appID})) == 0 {
		return ErrWhitelistApplication
	}
	_, err := db.One[string](ctx, d.db, "select id from applications where pool_id = ? and id = ?"+lock, poolID, appID)
	if errors.Is(err, db.NoRow) {
		return ErrWhitelistApplication
	}
	return err
}
