package directory

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/db"
)

// fieldsOf returns the fields of the wanted values, by key.
func (d *Directory) fieldsOf(ctx context.Context, poolID string, t TargetType, wanted []wantedValue) (map[string]*Field, error) {
	keys := wantedKeys(wanted)
	rows, err := db.List[Field](ctx, d.db, selectFields+"target_type = ? and key in (?...) limit ?", poolID, string(t), keys, len(keys))
	if err != nil {
		return nil, err
	}
	fields := make(map[string]*Field, len(rows))
	for i := range rows {
		fields[rows[i].Key] = &rows[i]
	}
	return fields, nil
}

func wantedKeys(wanted []wantedValue) []string {
	keys := make([]string, len(wanted))
	for i, w := range wanted {
		keys[i] = w.key
	}
	return Findable(keys)
}

// storedValues returns, among others, what the targets of the wanted values have in their fields.
func (d *Directory) storedValues(ctx context.Context, poolID string, t TargetType, wanted []wantedValue) (map[valueID]string, error) {
	ids := make([]string, len(wanted))
	for i, w := range wanted {
		ids[i] = w.target
	}
	ids = Findable(ids)
	keys := wantedKeys(wanted)
	rows, err := db.List[storedValue](ctx, d.db, `select target_id, key, value from field_values
		where pool_id = ? and target_type = ? and target_id in (?...) and key in (?...) limit ?`, poolID, string(t), ids, keys, len(ids)*len(keys))
	if err != nil {
		return nil, err
	}
	out := make(map[valueID]string, len(rows))
	for _, r := range rows {
		out[valueID{r.TargetID, r.Key}] = r.Value
	}
	return out, nil
}

// digestHolders returns who has the digests, which stand in Value.
func (d *Directory) digestHolders(ctx context.Context, poolID string, t TargetType, digests []string, wanted []wantedValue) ([]storedValue, error) {
	keys := wantedKeys(wanted)
	return db.List[storedValue](ctx, d.db, `select target_id, key, unique_value from field_values
		where pool_id = ? and target_type = ? and key in (?...) and unique_value in (?...) limit ?`,
		poolID, string(t), keys, digests, len(keys)*len(digests))
}

// valueBatch is how many rows one statement writes.
const valueBatch = 100

func (d *Directory) saveValues(ctx context.Context, poolID string, t TargetType, changes valueChanges) error {
	removed := make(map[string][]string) // targets by key
	var written valueChanges
	for _, c := range changes {
		if c.json == nil {
			removed[c.key] = append(removed[c.key], c.target)
		} else {
			written = append(written, c)
		}
	}
	for key, targets := range removed {
		if _, err := db.Exec(ctx, d.db, "delete from field_values where pool_id = ? and target_type = ? and key = ? and target_id in (?...)",
			poolID, string(t), key, targets); err != nil {
			return err
		}
	}
	now := d.db.Now()
	for batch := range slices.Chunk(written, valueBatch) {
		if err := d.upsertValues(ctx, poolID, t, batch, now); err != nil {
			return fieldTaken(err, written)
		}
	}
	return nil
}

func (d *Directory) upsertValues(ctx context.Context, poolID string, t TargetType, values valueChanges, now int64) error {
	args := make([]any, 0, 9*len(values))
	for _, v := range values {
		var number, digest any
		if v.number != nil {
			number = *v.number
		}
		if v.unique() {
			digest = v.digest
		}
		args = append(args, poolID, string(t), v.target, v.key, string(v.compact), v.text, number, digest, now)
	}
	const row = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
	_, err := db.Exec(ctx, d.db, `insert into field_values
			(pool_id, target_type, target_id, key, value, text_value, number_value, unique_value, updated_at)
		values `+row+strings.Repeat(", "+row, len(values)-1)+`
		on conflict (pool_id, target_type, target_id, key) do update set value = excluded.value, text_value = excluded.text_value,
			number_value = excluded.number_value, unique_value = excluded.unique_value, updated_at = excluded.updated_at`, args...)
	return err
}

// targetValue is a value with whose it is and what its field says of it.
type targetValue struct {
	TargetID string   `db:"target_id"`
	Key      string   `db:"key"`
	DataType DataType `db:"data_type"`
	Label    string   `db:"label"`
	Value    string   `db:"value"`
}

// "cross join" keeps SQLite from beginning with the fields, and with them all values of the pool.
const selectValues = `select v.target_id, v.key, f.data_type, f.label, v.value from field_values v cross join fields f
	where v.pool_id = ? and v.target_type = ? and v.target_id in (?...)
		and f.pool_id = v.pool_id and f.target_type = v.target_type and f.key = v.key
	order by v.target_id, f.created_at, v.key limit ?`

func (d *Directory) valuesOf(ctx context.Context, poolID string, t TargetType, ids []string) (map[string][]Value, error) {
	rows, err := db.List[targetValue](ctx, d.db, selectValues, poolID, string(t), ids, len(ids)*mostFields)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]Value, len(ids))
	for _, r := range rows {
		out[r.TargetID] = append(out[r.TargetID], Value{r.Key, r.DataType, r.Label, jsontext.Value(r.Value)})
	}
	return out, nil
}

// removeValues removes all values of targets, inside the transaction that deletes these.
func (d *Directory) removeValues(ctx context.Context, poolID string, t TargetType, ids []string) error {
	_, err := db.Exec(ctx, d.db, "delete from field_values where pool_id = ? and target_type = ? and target_id in (?...)", poolID, string(t), ids)
	return err
}
