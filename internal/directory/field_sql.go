package directory

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

var selectFields = "select " + db.Columns[Field]() + " from fields where pool_id = ? and "

func (d *Directory) listFields(ctx context.Context, poolID string, t TargetType) ([]Field, error) {
	return db.List[Field](ctx, d.db, selectFields+"target_type = ? order by created_at, key limit ?", poolID, string(t), mostFields)
}

func (d *Directory) pageFields(ctx context.Context, poolID string, f FieldFilter, p Page) ([]Field, int64, error) {
	var w db.Where
	w.And("pool_id = ?", poolID)
	if f.TargetType != "" {
		w.And("target_type = ?", string(f.TargetType))
	} else {
		w.And("target_type <> ?", string(userBase))
	}
	if f.DataType != "" {
		w.And("data_type = ?", string(f.DataType))
	}
	if f.UserVisible != nil {
		w.And("user_visible = ?", *f.UserVisible)
	}
	if f.AdminVisible != nil {
		w.And("admin_visible = ?", *f.AdminVisible)
	}
	if f.Keyword != "" {
		like := LikePattern(f.Keyword)
		w.And(`lower(key) like ? escape '\' or lower(label) like ? escape '\'`, like, like)
	}
	total, err := db.One[int64](ctx, d.db, "select count(*) from fields where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := p.window()
	fields, err := db.List[Field](ctx, d.db, "select "+db.Columns[Field]()+" from fields where "+w.String()+
		" order by created_at desc, target_type, key desc limit ? offset ?", append(w.Args, limit, offset)...)
	return fields, total, err
}

// fieldsByKey returns those of the wanted fields that are there.
func (d *Directory) fieldsByKey(ctx context.Context, poolID string, wanted []Field, lock string) (map[fieldID]*Field, error) {
	types, keys := make([]string, len(wanted)), make([]string, len(wanted))
	asked := make(map[fieldID]bool, len(wanted))
	for i := range wanted {
		types[i], keys[i] = string(wanted[i].TargetType), wanted[i].Key
		asked[wanted[i].id()] = true
	}
	types = Findable(types)
	rows, err := db.List[Field](ctx, d.db, selectFields+"target_type in (?...) and key in (?...) order by target_type, key limit ?"+lock,
		poolID, types, keys, len(types)*len(keys))
	if err != nil {
		return nil, err
	}
	out := make(map[fieldID]*Field, len(rows))
	for i := range rows {
		if id := rows[i].id(); asked[id] {
			out[id] = &rows[i]
		}
	}
	return out, nil
}

// claimField inserts f unless its key is there, and reports whether it did.
func (d *Directory) claimField(ctx context.Context, f *Field) (bool, error) {
	texts := make([]string, 4)
	for i, v := range []any{f.Options, object(f.I18n), object(f.ValidateRules), f.AppIDs} {
		b, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			return false, err
		}
		texts[i] = string(b)
	}
	n, err := db.Exec(ctx, d.db, `insert into fields (pool_id, target_type, key, data_type, label, description, options, encrypted, is_unique,
			user_editable, admin_visible, user_visible, i18n, validate_rules, app_ids, desensitization, created_at, updated_at)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (pool_id, target_type, key) do nothing`,
		f.PoolID, string(f.TargetType), f.Key, string(f.DataType), f.Label, f.Description, texts[0], f.Encrypted, f.Unique,
		f.UserEditable, f.AdminVisible, f.UserVisible, texts[1], texts[2], texts[3], f.Desensitization, f.CreatedAt, f.UpdatedAt)
	return n == 1, err
}

// object is v, or an empty object in place of nothing: JSON columns hold objects and arrays only.
func object(v jsontext.Value) jsontext.Value {
	if len(v) == 0 {
		return jsontext.Value("{}")
	}
	return v
}

func (d *Directory) updateField(ctx context.Context, f *Field, changes []db.Change) error {
	return db.Update(ctx, d.db, "fields", changes, "pool_id = ? and target_type = ? and key = ?", f.PoolID, string(f.TargetType), f.Key)
}

// checkFieldCount refuses what made a target type have more fields than it takes.
func (d *Directory) checkFieldCount(ctx context.Context, poolID string, created map[fieldID]bool) error {
	checked := make(map[TargetType]bool)
	for id := range created {
		if checked[id.target] {
			continue
		}
		checked[id.target] = true
		n, err := db.One[int64](ctx, d.db, "select count(*) from fields where pool_id = ? and target_type = ?", poolID, string(id.target))
		if err != nil {
			return err
		}
		if n > mostFields {
			return fault.New(fault.Unprocessable, "field_limit", strconv.Itoa(mostFields))
		}
	}
	return nil
}

func (d *Directory) dropFields(ctx context.Context, poolID string, t TargetType, keys []string) ([]string, error) {
	deleted, err := db.List[string](ctx, d.db, "delete from fields where pool_id = ? and target_type = ? and key in (?...) returning key",
		poolID, string(t), Findable(keys))
	if err != nil || len(deleted) == 0 {
		return deleted, err
	}
	_, err = db.Exec(ctx, d.db, "delete from field_values where pool_id = ? and target_type = ? and key in (?...)", poolID, string(t), deleted)
	return deleted, err
}

func (d *Directory) fieldUsed(ctx context.Context, f *Field) (bool, error) {
	_, err := db.One[string](ctx, d.db, "select target_id from field_values where pool_id = ? and target_type = ? and key = ? limit 1",
		f.PoolID, string(f.TargetType), f.Key)
	if errors.Is(err, db.NoRow) {
		return false, nil
	}
	return err == nil, err
}

const (
	mostUnique  = 100_000 // values that a field may have when it becomes unique
	digestBatch = 200
)

// storedValue is a value with whose it is.
type storedValue struct {
	TargetID string `db:"target_id"`
	Key      string `db:"key"`
	Value    string `db:"value"`
}

// makeUnique gives every value of a field its digest; two equal ones are "field_taken".
func (d *Directory) makeUnique(ctx context.Context, f *Field) error {
	values, err := db.List[storedValue](ctx, d.db, `select target_id, key, value from field_values
		where pool_id = ? and target_type = ? and key = ? limit ?`, f.PoolID, string(f.TargetType), f.Key, mostUnique+1)
	if err != nil {
		return err
	}
	if len(values) > mostUnique {
		return fault.New(fault.Unprocessable, "field_unique_limit", f.Key)
	}
	seen := make(map[string]bool, len(values))
	var args []any
	for _, v := range values {
		c, err := f.check(jsontext.Value(v.Value))
		if err != nil || c.digest == "" {
			continue // what the field no longer takes, and empty text, are not compared
		}
		if seen[c.digest] {
			return fault.New(fault.Conflict, "field_taken", f.Key)
		}
		seen[c.digest] = true
		args = append(args, v.TargetID, c.digest)
		if len(args) == 2*digestBatch {
			if err := d.writeDigests(ctx, f, args); err != nil {
				return err
			}
			args = args[:0]
		}
	}
	return d.writeDigests(ctx, f, args)
}

// writeDigests takes pairs of a target's identifier and a digest.
func (d *Directory) writeDigests(ctx context.Context, f *Field, pairs []any) error {
	if len(pairs) == 0 {
		return nil
	}
	n := len(pairs) / 2
	_, err := db.Exec(ctx, d.db, "with digests (target, digest) as (values (?, ?)"+strings.Repeat(", (?, ?)", n-1)+`)
		update field_values set unique_value = (select digest from digests where target = target_id)
		where pool_id = ? and target_type = ? and key = ? and target_id in (select target from digests)`,
		append(pairs, f.PoolID, string(f.TargetType), f.Key)...)
	return err
}

func (d *Directory) forgetDigests(ctx context.Context, f *Field) error {
	_, err := db.Exec(ctx, d.db, "update field_values set unique_value = null where pool_id = ? and target_type = ? and key = ? and unique_value is not null",
		f.PoolID, string(f.TargetType), f.Key)
	return err
}
