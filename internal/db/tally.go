package db

import (
	"context"
	"math/rand/v2"
)

// Slots of one counter: as many writers can add at once without waiting for each other's commit. SQLite has one writer.
const tallySlots = 16

// Count adds n to a counter of a pool, inside the transaction of ctx.
func (d *DB) Count(ctx context.Context, poolID, name string, n int64) error {
	slot := int64(0)
	if !d.Local() {
		slot = rand.Int64N(tallySlots)
	}
	_, err := Exec(ctx, d, `insert into tallies (pool_id, name, slot, n) values (?, ?, ?, ?)
		on conflict (pool_id, name, slot) do update set n = tallies.n + excluded.n`, poolID, name, slot, n)
	return err
}

// Tally is the value of a counter: what Count added up to.
func (d *DB) Tally(ctx context.Context, poolID, name string) (int64, error) {
	return One[int64](ctx, d, `select cast(coalesce(sum(n), 0) as bigint) from tallies where pool_id = ? and name = ?`, poolID, name)
}
