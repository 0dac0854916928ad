package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Value is what a target has in a custom field.
type Value struct {
	Key      string
	DataType DataType
	Label    string
	JSON     jsontext.Value // as given, without white space
}

// TargetValues are the values that a target is to have: JSON by key. A null removes the value; an empty string is one.
type TargetValues struct {
	ID     string
	Values map[string]jsontext.Value
}

const (
	mostValueTargets = 1000 // that one call reads
	mostValues       = 1000 // that one call writes
	longestText      = 1024 // characters of a string
	longestObject    = 16 << 10
	longestLogged    = 256     // characters of a value in the audit log
	textIndex        = 1024    // characters of a value that filters see
	farthestTime     = 8.64e15 // ms from the epoch: the range of a JavaScript date
)

// ErrValueTooLong refuses a string of more than 1,024 characters, or an object of more than 16 KiB.
var ErrValueTooLong = fault.New(fault.Invalid, "custom_value_too_long")

// SetValues gives a target values of custom fields: all of them or none. A key that is no field is Invalid "field_undefined"
// (key), a value that is not of its field's type Invalid "field_type" (key), one that another target has in a unique field
// Conflict "field_taken" (key). Users and groups must exist; for other types the caller has seen that the target does.
func (d *Directory) SetValues(ctx context.Context, poolID string, t TargetType, targetID string, values map[string]jsontext.Value) error {
	return d.SetValuesOf(ctx, poolID, t, []TargetValues{{targetID, values}})
}

// SetValuesOf does what SetValues does for several targets, all of them or none: up to 1,000 values.
func (d *Directory) SetValuesOf(ctx context.Context, poolID string, t TargetType, targets []TargetValues) error {
	t, err := t.normal()
	if err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		changes, err := d.writeValues(ctx, poolID, t, targets)
		if err != nil || len(changes) == 0 {
			return err
		}
		return d.finishValues(ctx, poolID, t, changes)
	})
}

// RemoveValue takes a value from a target and reports whether it had one. The errors are those of SetValues.
func (d *Directory) RemoveValue(ctx context.Context, poolID string, t TargetType, targetID, key string) (existed bool, err error) {
	if t, err = t.normal(); err != nil {
		return false, err
	}
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		changes, err := d.writeValues(ctx, poolID, t, []TargetValues{{targetID, map[string]jsontext.Value{key: jsontext.Value("null")}}})
		if existed = len(changes) > 0; err != nil || !existed {
			return err
		}
		return d.finishValues(ctx, poolID, t, changes)
	})
	return existed, err
}

// finishValues does what a change of values alone asks for: a user has changed, for those who synchronise by that, and the log
// tells it.
func (d *Directory) finishValues(ctx context.Context, poolID string, t TargetType, changes valueChanges) error {
	if t == UserTarget {
		ids := make([]string, 0, len(changes))
		for id := range changes.byTarget() {
			ids = append(ids, id)
		}
		if _, err := db.Exec(ctx, d.db, "update users set updated_at = ? where pool_id = ? and id in (?...)", d.db.Now(), poolID, ids); err != nil {
			return err
		}
		if err := d.usersTouched(ctx, poolID, ids); err != nil {
			return err
		}
	}
	return d.logValues(ctx, poolID, t, changes)
}

// Values returns the values of up to 1,000 targets, by target, in the order of their fields' making. Who has none is left out.
func (d *Directory) Values(ctx context.Context, poolID string, t TargetType, targetIDs []string) (map[string][]Value, error) {
	t, err := t.normal()
	if err != nil {
		return nil, err
	}
	if len(targetIDs) > mostValueTargets {
		return nil, CheckCount("targetIds", len(targetIDs), mostValueTargets)
	}
	return d.valuesOf(ctx, poolID, t, Findable(targetIDs))
}

// RemoveValuesOf removes all values of targets that another package deletes, inside its transaction. It writes no record:
// the deletion has one.
func (d *Directory) RemoveValuesOf(ctx context.Context, poolID string, t TargetType, ids []string) error {
	return d.removeValues(ctx, poolID, t, ids)
}

// writeValues checks and writes values, inside the transaction of ctx, and returns what it changed.
func (d *Directory) writeValues(ctx context.Context, poolID string, t TargetType, targets []TargetValues) (valueChanges, error) {
	wanted, err := gather(targets)
	if err != nil || len(wanted) == 0 {
		return nil, err
	}
	fields, err := d.fieldsOf(ctx, poolID, t, wanted)
	if err != nil {
		return nil, err
	}
	for i := range wanted {
		w := &wanted[i]
		f, ok := fields[w.key]
		if !ok {
			return nil, undefined(w.key)
		}
		w.field = f
		if isNull(w.json) {
			w.json = nil
		} else if w.checked, err = f.check(w.json); err != nil {
			return nil, err
		}
	}
	ids := make([]string, 0, len(targets))
	for _, v := range targets {
		ids = append(ids, v.ID)
	}
	switch t {
	case UserTarget:
		err = d.LockUsers(ctx, poolID, ids)
	case GroupTarget:
		err = d.LockGroups(ctx, poolID, ids)
	}
	if err != nil {
		return nil, err
	}
	if err := d.checkUnique(ctx, poolID, t, wanted); err != nil {
		return nil, err
	}
	had, err := d.storedValues(ctx, poolID, t, wanted)
	if err != nil {
		return nil, err
	}
	var changes valueChanges
	for i := range wanted {
		w := &wanted[i]
		before := had[valueID{w.target, w.key}]
		if before == string(w.compact) {
			continue
		}
		changes = append(changes, valueChange{wantedValue: w, before: before})
	}
	return changes, d.saveValues(ctx, poolID, t, changes)
}

func isNull(v jsontext.Value) bool { return strings.TrimSpace(string(v)) == "null" }

// wantedValue is a value on its way into the table; a nil json removes what is there.
type wantedValue struct {
	target, key string
	json        jsontext.Value
	field       *Field
	checked
}

// gather lists the values of all targets, each key of a target once, in the order in which rows are locked.
func gather(targets []TargetValues) ([]wantedValue, error) {
	last := make(map[valueID]jsontext.Value)
	for _, v := range targets {
		if len(Findable([]string{v.ID})) == 0 {
			return nil, fault.Field("targetId")
		}
		for key, value := range v.Values {
			last[valueID{v.ID, key}] = value
		}
	}
	if len(last) > mostValues {
		return nil, fault.New(fault.Invalid, "list_max", "list", strconv.Itoa(mostValues))
	}
	wanted := make([]wantedValue, 0, len(last))
	for id, value := range last {
		wanted = append(wanted, wantedValue{target: id.target, key: id.key, json: value})
	}
	sort.Slice(wanted, func(i, j int) bool {
		a, b := &wanted[i], &wanted[j]
		return a.target < b.target || a.target == b.target && a.key < b.key
	})
	return wanted, nil
}

// valueID names a value among those of a target type.
type valueID struct{ target, key string }

// checked is what is stored of a value that its field takes.
type checked struct {
	compact jsontext.Value
	text    string
	number  *float64
	digest  string // equal for equal values of a field; "" for what is never compared
}

// check refuses what is not of the field's type.
func (f *Field) check(v jsontext.Value) (checked, error) {
	var c checked
	if len(v) > 8*longestObject {
		return c, ErrValueTooLong
	}
	wrong := fault.New(fault.Invalid, "field_type", f.Key)
	c.compact = v.Clone()
	if c.compact.Compact() != nil || !c.compact.IsValid() {
		return c, wrong
	}
	kind := c.compact.Kind()
	c.text = string(c.compact)
	if kind == '"' {
		b, err := jsontext.AppendUnquote(nil, c.compact)
		if err != nil {
			return c, wrong
		}
		c.text = string(b)
		if utf8.RuneCountInString(c.text) > longestText {
			return c, ErrValueTooLong
		}
		if !validText(c.text) {
			return c, fault.Field(f.Key)
		}
	}
	canonical := c.text
	switch f.DataType {
	case StringData:
		if kind != '"' {
			return c, wrong
		}
	case EnumData:
		if kind != '"' || !f.offers(c.text) {
			return c, wrong
		}
	case NumberData, DatetimeData:
		n, ok := readNumber(f.DataType, kind, c.text)
		if !ok {
			return c, wrong
		}
		c.number, canonical = &n, strconv.FormatFloat(n, 'g', -1, 64)
	case BooleanData:
		n := 0.0
		switch kind {
		case 't':
			n = 1
		case 'f':
		default:
			return c, wrong
		}
		c.number = &n
	case ObjectData:
		if kind != '{' && kind != '[' {
			return c, wrong
		}
		if len(c.compact) > longestObject {
			return c, ErrValueTooLong
		}
		same := c.compact.Clone()
		if same.Canonicalize() == nil {
			canonical = string(same)
		}
	default:
		return c, wrong
	}
	if canonical != "" {
		sum := sha256.Sum256([]byte(canonical))
		c.digest = hex.EncodeToString(sum[:])
	}
	c.text = prefix(c.text, textIndex)
	return c, nil
}

func (f *Field) offers(value string) bool {
	for _, o := range f.Options {
		if value == o.Value || value == o.Label { // clients' tests choose by the label, too
			return true
		}
	}
	return len(f.Options) == 0
}

// readNumber is the number of a JSON number or, for times, of ISO 8601 text in milliseconds.
func readNumber(t DataType, kind jsontext.Kind, text string) (float64, bool) {
	if t == DatetimeData && kind == '"' {
		// Built-in times begin in 1970; here a time before is one as well.
		ms, ok := ParseISOTime(text)
		return float64(ms), ok || ms != 0
	}
	n, err := strconv.ParseFloat(text, 64)
	if kind != '0' || err != nil {
		return 0, false
	}
	return n + 0 /* no negative zero */, t == NumberData || math.Abs(n) <= farthestTime
}

func prefix(s string, characters int) string {
	n := 0
	for i := range s {
		if n == characters {
			return s[:i]
		}
		n++
	}
	return s
}

// checkUnique refuses values of unique fields that another target has or is about to get.
func (d *Directory) checkUnique(ctx context.Context, poolID string, t TargetType, wanted []wantedValue) error {
	owners := make(map[valueID]string) // of a digest and a key
	var digests []string
	for _, w := range wanted {
		if !w.unique() {
			continue
		}
		id := valueID{w.digest, w.key}
		if owners[id] != "" {
			return fault.New(fault.Conflict, "field_taken", w.key)
		}
		owners[id] = w.target
		digests = append(digests, w.digest)
	}
	if len(digests) == 0 {
		return nil
	}
	holders, err := d.digestHolders(ctx, poolID, t, digests, wanted)
	if err != nil {
		return err
	}
	for _, h := range holders {
		if owner := owners[valueID{h.Value, h.Key}]; owner != "" && owner != h.TargetID {
			return fault.New(fault.Conflict, "field_taken", h.Key)
		}
	}
	return nil
}

func (w *wantedValue) unique() bool { return w.field.Unique && w.json != nil && w.digest != "" }

// valueChanges are what a write of values changed.
type valueChanges []valueChange

type valueChange struct {
	*wantedValue
	before string // JSON, "" where there was none
}

// byTarget splits the changes by the target that they are of.
func (c valueChanges) byTarget() map[string]valueChanges {
	out := make(map[string]valueChanges)
	for _, v := range c {
		out[v.target] = append(out[v.target], v)
	}
	return out
}

// record adds the changes of one target to what an event tells.
func (c valueChanges) record(e *audit.Event) {
	c.tell(e, func(v *valueChange) string { return "customData." + v.key })
}

func (c valueChanges) tell(e *audit.Event, name func(*valueChange) string) {
	if e.Before == nil {
		e.Before = make(map[string]any)
	}
	if e.After == nil {
		e.After = make(map[string]any)
	}
	for i := range c {
		v := &c[i]
		e.Before[name(v)], e.After[name(v)] = logged(v.field, v.before), logged(v.field, string(v.compact))
	}
}

// logged is what the audit log keeps of a value.
func logged(f *Field, value string) any {
	switch {
	case value == "":
		return nil
	case f.Encrypted:
		return "***"
	case utf8.RuneCountInString(value) > longestLogged:
		return prefix(value, longestLogged) + "…"
	}
	return jsontext.Value(value)
}

func (d *Directory) logValues(ctx context.Context, poolID string, t TargetType, changes valueChanges) error {
	resource, ok := map[TargetType]string{UserTarget: audit.User, GroupTarget: audit.UserGroup, RoleTarget: audit.Role, DepartmentTarget: audit.Org,
		ApplicationTarget: audit.AppRes, UserpoolTarget: audit.Userpool}[t]
	if !ok {
		resource = audit.Field
	}
	e := audit.Event{Operation: audit.Update, Resource: resource}
	if first, last := changes[0].target, changes[len(changes)-1].target; first == last {
		e.TargetID = first
		if t == UserTarget {
			e.UserID = first
		}
		changes.record(&e)
	} else {
		changes.tell(&e, func(v *valueChange) string { return v.target + "." + v.key })
	}
	return d.log.Add(ctx, poolID, e)
}

// fieldTaken explains a violated unique key: another server was faster than checkUnique.
func fieldTaken(err error, changes valueChanges) error {
	if !db.IsUnique(err, "field_values", "unique_value") {
		return err
	}
	var keys []string
	for _, c := range changes {
		if c.unique() {
			keys = append(keys, c.key)
		}
	}
	return fault.New(fault.Conflict, "field_taken", strings.Join(Findable(keys), ",")).Because(err)
}
