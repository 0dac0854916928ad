package directory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/expression"
)

// ruleField is a built-in field of users that rules may read.
type ruleField struct {
	kind expression.Kind
	size int
	at   func(*User) (any, bool)
}

// ruleFields are those fields by their names on V3's wire. Times are unix ms; one that is not set has no value.
var ruleFields = func() map[string]ruleField {
	fields := make(map[string]ruleField)
	text := func(name string, size int, at func(*User) string) {
		fields[name] = ruleField{expression.Text, size, func(u *User) (any, bool) { s := at(u); return s, s != "" }}
	}
	for _, f := range textFields {
		text(f.name, f.max, func(u *User) string { return *f.at(u) })
	}
	text("id", 24, func(u *User) string { return u.ID })
	text("status", 16, func(u *User) string { return string(u.Status) })
	text("workStatus", 16, func(u *User) string { return u.WorkStatus })
	text("userSourceType", 16, func(u *User) string { return u.SourceType })
	for name, at := range map[string]func(*User) int64{
		"createdAt":             func(u *User) int64 { return u.CreatedAt },
		"updatedAt":             func(u *User) int64 { return u.UpdatedAt },
		"statusChangedAt":       func(u *User) int64 { return u.StatusChangedAt },
		"passwordLastSetAt":     func(u *User) int64 { return u.PasswordSetAt },
		"passwordSecurityLevel": func(u *User) int64 { return u.PasswordLevel },
		"lastLogin":             func(u *User) int64 { return u.LastLoginAt },
		"signedUp":              func(u *User) int64 { return u.SignedUpAt },
	} {
		fields[name] = ruleField{expression.Int, 0, func(u *User) (any, bool) { n := at(u); return n, n != 0 }}
	}
	fields["loginsCount"] = ruleField{expression.Int, 0, func(u *User) (any, bool) { return u.LoginsCount, true }}
	for name, at := range map[string]func(*User) bool{
		"emailVerified": func(u *User) bool { return u.EmailVerified },
		"phoneVerified": func(u *User) bool { return u.PhoneVerified },
		"isDeleted":     func(u *User) bool { return u.IsDeleted },
	} {
		fields[name] = ruleField{expression.Flag, 0, func(u *User) (any, bool) { return at(u), true }}
	}
	return fields
}()

// The object of custom values has two names: a short one and the wire's.
const (
	customName   = "custom"
	customOnWire = "customData"
)

// ruleUser is a user as rules see one.
type ruleUser struct {
	*User
	custom ruleCustom
}

func (u *ruleUser) Field(name string) (any, bool) {
	if name == customName || name == customOnWire {
		return u.custom, true
	}
	if f, ok := ruleFields[name]; ok {
		return f.at(u.User)
	}
	return nil, false
}

// ruleCustom are a user's custom values by key.
type ruleCustom map[string]any

func (c ruleCustom) Field(key string) (any, bool) { v, ok := c[key]; return v, ok }

func varsOf(u *User, custom ruleCustom) expression.Vars {
	return expression.Vars{"user": &ruleUser{u, custom}}
}

// ruleEnv declares what rules of a pool may read: fields whose values are encrypted are not there.
func ruleEnv(fields []Field) (*expression.Env, error) {
	var own []expression.Field
	for _, f := range fields {
		if f.Encrypted {
			continue
		}
		kind, size := expression.Text, longestText
		switch f.DataType {
		case NumberData:
			kind = expression.Number
		case BooleanData:
			kind = expression.Flag
		case DatetimeData:
			kind = expression.Int
		case ObjectData:
			kind, size = expression.JSON, longestObject
		}
		own = append(own, expression.Field{Name: f.Key, Kind: kind, Size: size})
	}
	user := []expression.Field{{Name: customName, Kind: expression.Objects, Fields: own}, {Name: customOnWire, Kind: expression.Objects, Fields: own}}
	for name, f := range ruleFields {
		user = append(user, expression.Field{Name: name, Kind: f.kind, Size: f.size})
	}
	return expression.NewEnv(expression.Field{Name: "user", Kind: expression.Objects, Fields: user})
}

// ruleProgram is a compiled rule. A nil one admits nobody and reads nothing.
type ruleProgram struct {
	*expression.Program
	keys []string // of the custom fields that it reads
}

func newRuleProgram(env *expression.Env, rule string) (*ruleProgram, error) {
	p, err := env.Compile(rule)
	if err != nil {
		return nil, err
	}
	keys := make(map[string]bool)
	for _, path := range p.Fields() {
		for _, prefix := range []string{"user." + customName + ".", "user." + customOnWire + "."} {
			if key, ok := strings.CutPrefix(path, prefix); ok {
				keys[key] = true
			}
		}
	}
	return &ruleProgram{p, slices.Sorted(maps.Keys(keys))}, nil
}

func (p *ruleProgram) reads(key string) bool { return p != nil && slices.Contains(p.keys, key) }

// admits reports whether the rule makes the user a member. One that fails does not.
func (p *ruleProgram) admits(ctx context.Context, u *User, custom ruleCustom) (bool, error) {
	if u.left() {
		return false, nil
	}
	ok, err := p.Eval(ctx, varsOf(u, custom))
	if errors.Is(err, expression.ErrFailed) {
		return false, nil
	}
	return ok, err
}

// compileRule compiles a rule over the fields that the pool has now.
func (d *Directory) compileRule(ctx context.Context, poolID, rule string) (*ruleProgram, error) {
	fields, err := d.Fields(ctx, poolID, UserTarget)
	if err != nil {
		return nil, err
	}
	env, err := ruleEnv(fields)
	if err != nil {
		return nil, err
	}
	return newRuleProgram(env, rule)
}

// poolRule is the rule of one group, compiled.
type poolRule struct {
	group            string
	current, pending *ruleProgram // nil where there is none
	change           string       // to the pending one
}

// poolRules are the rules of a pool as of a version.
type poolRules struct {
	version string
	list    []poolRule
	groups  []string
	keys    []string // of all custom fields that the rules read
}

// of is the rule of a group, or nil.
func (p *poolRules) of(group string) *poolRule {
	if p == nil {
		return nil
	}
	for i := range p.list {
		if p.list[i].group == group {
			return &p.list[i]
		}
	}
	return nil
}

// ruleCache keeps the compiled rules of pools. Where this process alone writes, it also knows the pools that have none.
type ruleCache struct {
	mu    sync.Mutex
	pools map[string]*poolRules // an empty version: the pool never had rules
}

const mostCachedRules = 10_000 // pools

func (c *ruleCache) get(poolID string) *poolRules {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pools[poolID]
}

func (c *ruleCache) put(poolID string, p *poolRules) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pools == nil || len(c.pools) >= mostCachedRules {
		c.pools = make(map[string]*poolRules)
	}
	c.pools[poolID] = p
}

func (c *ruleCache) forget(poolID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pools, poolID)
}

// rulesOf returns the rules of a pool as the transaction of ctx sees them, or nil when there are none. Only transactions may ask:
// they alone have an order among them, which the memory of pools without rules relies on.
func (d *Directory) rulesOf(ctx context.Context, poolID string) (*poolRules, error) {
	cached := d.rules.get(poolID)
	if cached != nil && cached.version == "" && d.db.Local() {
		return nil, nil
	}
	version, err := db.One[string](ctx, d.db, "select version from rule_versions where pool_id = ?", poolID)
	if errors.Is(err, db.NoRow) {
		d.rules.put(poolID, &poolRules{})
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if cached == nil || cached.version != version {
		if cached, err = d.loadRules(ctx, poolID, version); err != nil {
			return nil, err
		}
		d.rules.put(poolID, cached)
	}
	if len(cached.list) == 0 {
		return nil, nil
	}
	return cached, nil
}

func (d *Directory) loadRules(ctx context.Context, poolID, version string) (*poolRules, error) {
	rows, err := db.List[ruleRow](ctx, d.db, selectRules+" order by group_id limit ?", poolID, mostRules)
	if err != nil {
		return nil, err
	}
	out := &poolRules{version: version}
	if len(rows) == 0 {
		return out, nil
	}
	fields, err := d.listFields(ctx, poolID, UserTarget)
	if err != nil {
		return nil, err
	}
	env, err := ruleEnv(fields)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		r := poolRule{group: row.GroupID, change: row.ChangeID}
		// What SetRule compiled compiles again: fields that rules read stay as they are. Should another version of the program refuse
		// it, the members stay as they are until the rule is set anew.
		if row.Rule != "" {
			r.current, _ = newRuleProgram(env, row.Rule)
		}
		if row.ChangeID != "" {
			if r.pending, err = newRuleProgram(env, row.Pending); err != nil {
				r.change = ""
			}
		}
		for _, p := range []*ruleProgram{r.current, r.pending} {
			if p != nil {
				out.keys = append(out.keys, p.keys...)
			}
		}
		out.list, out.groups = append(out.list, r), append(out.groups, r.group)
	}
	slices.Sort(out.keys)
	out.keys = slices.Compact(out.keys)
	return out, nil
}

// ruleValue is a custom value with whose it is and its field's type.
type ruleValue struct {
	TargetID string   `db:"target_id"`
	Key      string   `db:"key"`
	DataType DataType `db:"data_type"`
	Value    string   `db:"value"`
}

// ruleValues are the users' values of those custom fields, by user.
func (d *Directory) ruleValues(ctx context.Context, poolID string, keys, users []string) (map[string]ruleCustom, error) {
	if len(keys) == 0 || len(users) == 0 {
		return nil, nil
	}
	rows, err := db.List[ruleValue](ctx, d.db, `select v.target_id, v.key, f.data_type, v.value from field_values v cross join fields f
		where v.pool_id = ? and v.target_type = 'USER' and v.target_id in (?...) and v.key in (?...)
			and f.pool_id = v.pool_id and f.target_type = 'USER' and f.key = v.key limit ?`, poolID, users, keys, len(keys)*len(users))
	if err != nil {
		return nil, err
	}
	out := make(map[string]ruleCustom, len(users))
	for _, r := range rows {
		if v, ok := r.typed(); ok {
			if out[r.TargetID] == nil {
				out[r.TargetID] = make(ruleCustom)
			}
			out[r.TargetID][r.Key] = v
		}
	}
	return out, nil
}

// typed is the value in the Go type that expressions have for the field's type.
func (r *ruleValue) typed() (any, bool) {
	v := jsontext.Value(r.Value)
	var out any
	if err := json.Unmarshal(v, &out); err != nil {
		return nil, false
	}
	switch r.DataType {
	case NumberData:
		n, ok := out.(float64)
		return n, ok
	case BooleanData:
		b, ok := out.(bool)
		return b, ok
	case DatetimeData:
		text, ok := out.(string)
		if !ok {
			text = r.Value
		}
		n, ok := readNumber(DatetimeData, v.Kind(), text)
		return int64(n), ok
	case ObjectData:
		return out, true
	}
	s, ok := out.(string)
	return s, ok
}

// regroup brings the members of the pool's dynamic groups up to date with a write of users, inside its transaction.
func (d *Directory) regroup(ctx context.Context, poolID string, changes []userChange) error {
	if len(changes) == 0 {
		return nil
	}
	if err := d.db.Lock(ctx, poolID, rulesLock, db.Shared); err != nil {
		return err
	}
	rules, err := d.rulesOf(ctx, poolID)
	if err != nil || rules == nil {
		return err
	}
	users := make(map[string]*User, len(changes)) // as they are now; nil for who is gone
	var ids, known []string
	for _, c := range changes {
		u := c.after
		if u == nil {
			u = c.before
		}
		if _, twice := users[u.ID]; !twice {
			ids = append(ids, u.ID)
			if c.before != nil {
				known = append(known, u.ID)
			}
		}
		users[u.ID] = c.after
	}
	values, err := d.ruleValues(ctx, poolID, rules.keys, ids)
	if err != nil {
		return err
	}
	members, err := d.membersAmong(ctx, poolID, rules.groups, known)
	if err != nil {
		return err
	}
	added, removed := make(map[string][]string), make(map[string][]string)
	var touched []string
	for i := range rules.list {
		r := &rules.list[i]
		if r.change != "" {
			in, out, err := r.pending.split(ctx, ids, users, values)
			if err != nil {
				return err
			}
			if err := d.addCandidates(ctx, poolID, r.change, in); err != nil {
				return err
			}
			if err := d.removeCandidates(ctx, poolID, r.change, out); err != nil {
				return err
			}
		}
		if r.current == nil {
			continue
		}
		in, out, err := r.current.split(ctx, ids, users, values)
		if err != nil {
			return err
		}
		in = slices.DeleteFunc(in, func(id string) bool { return members[memberID{r.group, id}] })
		out = slices.DeleteFunc(out, func(id string) bool { return !members[memberID{r.group, id}] })
		if len(in) > 0 {
			if err := d.admitMembers(ctx, poolID, r.group, in); err != nil {
				return err
			}
			added[r.group] = in
		}
		if len(out) > 0 {
			if err := d.dismissMembers(ctx, poolID, r.group, out); err != nil {
				return err
			}
			removed[r.group] = out
		}
		if len(in)+len(out) > 0 {
			touched = append(touched, r.group)
		}
	}
	return d.recordRegrouped(ctx, poolID, touched, added, removed)
}

// split says who of the users is to be in and who is not.
func (p *ruleProgram) split(ctx context.Context, ids []string, users map[string]*User, values map[string]ruleCustom) (in, out []string, err error) {
	for _, id := range ids {
		ok := false
		if u := users[id]; u != nil {
			if ok, err = p.admits(ctx, u, values[id]); err != nil {
				return nil, nil, err
			}
		}
		if ok {
			in = append(in, id)
		} else {
			out = append(out, id)
		}
	}
	return in, out, nil
}
