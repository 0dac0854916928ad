package directory

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// TargetType says what sort of thing custom fields, roles and grants belong to, in V3's words.
type TargetType string

// The sorts of targets. V2's NODE is understood as DepartmentTarget.
const (
	UserTarget        TargetType = "USER"
	GroupTarget       TargetType = "GROUP"
	RoleTarget        TargetType = "ROLE"
	DepartmentTarget  TargetType = "DEPARTMENT"
	OrgTarget         TargetType = "ORG"
	UserpoolTarget    TargetType = "USERPOOL"
	PermissionTarget  TargetType = "PERMISSION"
	ApplicationTarget TargetType = "APPLICATION"

	userBase TargetType = "USER_BASE" // settings of built-in fields; never a caller's
)

func (t TargetType) normal() (TargetType, error) {
	switch t {
	case UserTarget, GroupTarget, RoleTarget, DepartmentTarget, OrgTarget, UserpoolTarget, PermissionTarget, ApplicationTarget:
		return t, nil
	case "NODE":
		return DepartmentTarget, nil
	}
	return "", fault.Field("targetType")
}

// DataType is what sort of values a field takes.
type DataType string

// The sorts of values. V2's SELECT is understood as EnumData.
const (
	StringData   DataType = "STRING"
	NumberData   DataType = "NUMBER"
	DatetimeData DataType = "DATETIME" // epoch milliseconds or ISO 8601 text, kept as given
	BooleanData  DataType = "BOOLEAN"
	ObjectData   DataType = "OBJECT" // an object or an array
	EnumData     DataType = "ENUM"   // the value of one of the field's options, or any string while it has none
)

func (t DataType) normal() (DataType, error) {
	switch t {
	case StringData, NumberData, DatetimeData, BooleanData, ObjectData, EnumData:
		return t, nil
	case "SELECT":
		return EnumData, nil
	}
	return "", fault.Field("dataType")
}

// Field is a field that an organisation has defined for targets of one type, or its settings of a built-in field of users.
// Key is unique among the fields of a target type.
type Field struct {
	PoolID          string         `db:"pool_id"`
	TargetType      TargetType     `db:"target_type"`
	Key             string         `db:"key"`
	DataType        DataType       `db:"data_type"`
	Label           string         `db:"label"`
	Description     string         `db:"description"`
	Options         []Option       `db:"options,json"` // of EnumData
	Encrypted       bool           `db:"encrypted"`
	Unique          bool           `db:"is_unique"` // no two targets have the same value
	UserEditable    bool           `db:"user_editable"`
	AdminVisible    bool           `db:"admin_visible"`
	UserVisible     bool           `db:"user_visible"`
	I18n            jsontext.Value `db:"i18n,json"`           // an object, as given
	ValidateRules   jsontext.Value `db:"validate_rules,json"` // an object or array, as given
	AppIDs          []string       `db:"app_ids,json"`
	Desensitization bool           `db:"desensitization"`
	CreatedAt       int64          `db:"created_at"`
	UpdatedAt       int64          `db:"updated_at"`
}

// Option is one value that a field of type EnumData takes.
type Option struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// FieldInput is what a caller wants a field to be. nil, and an empty DataType, leave a setting as it is.
type FieldInput struct {
	TargetType                                                                  TargetType // not for SetBaseFields
	Key                                                                         string
	DataType                                                                    DataType
	Label, Description                                                          *string
	Encrypted, Unique, UserEditable, AdminVisible, UserVisible, Desensitization *bool
	Options                                                                     []Option
	AppIDs                                                                      []string
	I18n, ValidateRules                                                         jsontext.Value
}

const (
	mostFieldInputs  = 50
	mostFields       = 500 // of one target type
	mostOptions      = 500
	mostFieldApps    = 100
	longestFieldJSON = 8 << 10 // bytes
)

func (in *FieldInput) apply(f *Field) error {
	if in.DataType != "" {
		t, err := in.DataType.normal()
		if err != nil {
			return err
		}
		f.DataType = t
	}
	for _, s := range []struct {
		name   string
		in, at *string
		max    int
	}{{"label", in.Label, &f.Label, MaxName}, {"description", in.Description, &f.Description, MaxDescription}} {
		if s.in == nil {
			continue
		}
		if err := clean(s.name, *s.in, s.max); err != nil {
			return err
		}
		*s.at = *s.in
	}
	for _, s := range []struct{ in, at *bool }{{in.Encrypted, &f.Encrypted}, {in.Unique, &f.Unique}, {in.UserEditable, &f.UserEditable},
		{in.AdminVisible, &f.AdminVisible}, {in.UserVisible, &f.UserVisible}, {in.Desensitization, &f.Desensitization}} {
		if s.in != nil {
			*s.at = *s.in
		}
	}
	if in.Options != nil {
		if len(in.Options) > mostOptions {
			return fault.New(fault.Invalid, "list_max", "options", strconv.Itoa(mostOptions))
		}
		values := make(map[string]bool, len(in.Options))
		for _, o := range in.Options {
			if o.Value == "" || values[o.Value] || clean("options", o.Value, MaxName) != nil || clean("options", o.Label, MaxName) != nil {
				return fault.Field("options")
			}
			values[o.Value] = true
		}
		f.Options = in.Options
	}
	if in.AppIDs != nil {
		if len(in.AppIDs) > mostFieldApps {
			return fault.New(fault.Invalid, "list_max", "appIds", strconv.Itoa(mostFieldApps))
		}
		for _, id := range in.AppIDs {
			if err := clean("appIds", id, MaxCode); err != nil {
				return err
			}
		}
		f.AppIDs = in.AppIDs
	}
	for _, s := range []struct {
		name  string
		in    jsontext.Value
		at    *jsontext.Value
		kinds string
	}{{"i18n", in.I18n, &f.I18n, "{"}, {"validateRules", in.ValidateRules, &f.ValidateRules, "{["}} {
		if s.in == nil || isNull(s.in) {
			continue
		}
		v := s.in.Clone()
		if len(v) > longestFieldJSON || !strings.ContainsRune(s.kinds, rune(v.Kind())) || v.Compact() != nil {
			return fault.Field(s.name)
		}
		*s.at = v
	}
	return nil
}

// SetFields makes or changes up to 50 fields, all of them or none, and returns them in order. A new field needs a DataType; its
// label is its key, and only administrators see it, unless the input says otherwise. The data type of a field that has values stays: Unprocessable
// "field_type_fixed" (key). Making a field unique whose values are not is Conflict "field_taken" (key), or Unprocessable
// "field_unique_limit" (key) when it has more than 100,000 of them. A target type takes 500 fields: Unprocessable "field_limit".
func (d *Directory) SetFields(ctx context.Context, poolID string, list []FieldInput) ([]Field, error) {
	if err := CheckCount("list", len(list), mostFieldInputs); err != nil {
		return nil, err
	}
	wanted := make([]Field, len(list))
	for i, in := range list {
		t, err := in.TargetType.normal()
		if err != nil {
			return nil, err
		}
		if err := checkFieldKey(in.Key); err != nil {
			return nil, err
		}
		wanted[i] = Field{TargetType: t, Key: in.Key, Label: in.Key, AdminVisible: true}
		if err := in.apply(&wanted[i]); err != nil {
			return nil, err
		}
	}
	var fields []Field
	err := d.db.Tx(ctx, func(ctx context.Context) (err error) {
		fields, err = d.putFields(ctx, poolID, wanted, list)
		return err
	})
	return fields, err
}

// putFields makes the wanted fields that are not there, and applies the inputs to those that are. A wanted field has what its
// input says and the defaults.
func (d *Directory) putFields(ctx context.Context, poolID string, wanted []Field, list []FieldInput) ([]Field, error) {
	known, err := d.fieldsByKey(ctx, poolID, wanted, "")
	if err != nil {
		return nil, err
	}
	now := d.db.Now()
	created := make(map[fieldID]bool)
	for i := range wanted {
		w := &wanted[i]
		w.PoolID, w.CreatedAt, w.UpdatedAt = poolID, now, now
		if _, ok := known[w.id()]; ok || created[w.id()] {
			continue
		}
		if w.DataType == "" {
			return nil, fault.Field("dataType")
		}
		claimed, err := d.claimField(ctx, w)
		if err != nil {
			return nil, err
		}
		if claimed {
			created[w.id()] = true
		}
	}
	if err := d.checkFieldCount(ctx, poolID, created); err != nil {
		return nil, err
	}
	if known, err = d.fieldsByKey(ctx, poolID, wanted, forUpdate); err != nil {
		return nil, err
	}
	before, after := make(map[string]any), make(map[string]any)
	for i := range list {
		id := wanted[i].id()
		had, ok := known[id]
		if !ok {
			return nil, fault.Field("key") // deleted at the same time
		}
		next := *had
		if err := list[i].apply(&next); err != nil {
			return nil, err
		}
		changes, err := d.changeField(ctx, had, &next, now)
		if err != nil {
			return nil, err
		}
		*had = next
		if created[id] {
			if changes, err = db.Diff(&Field{}, had); err != nil {
				return nil, err
			}
		}
		if len(changes) > 0 {
			before[id.String()], after[id.String()] = audit.Changes(changes)
		}
	}
	fields := make([]Field, len(list))
	for i := range list {
		fields[i] = *known[wanted[i].id()]
	}
	if len(after) == 0 {
		return fields, nil
	}
	e := audit.Event{Operation: audit.Update, Resource: audit.Field, Before: before, After: after}
	if len(created) > 0 {
		e.Operation = audit.Create
	}
	if len(list) == 1 {
		id := wanted[0].id().String()
		e.TargetID, e.TargetName = id, wanted[0].Key
		e.Before, e.After = before[id].(map[string]any), after[id].(map[string]any)
	}
	return fields, d.log.Add(ctx, poolID, e)
}

// changeField writes what differs between two versions of a locked field, and keeps the digests of a unique field's values.
func (d *Directory) changeField(ctx context.Context, had, next *Field, now int64) ([]db.Change, error) {
	changes, err := db.Diff(had, next)
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	if had.DataType != next.DataType {
		used, err := d.fieldUsed(ctx, had)
		if err != nil {
			return nil, err
		}
		if used {
			return nil, fault.New(fault.Unprocessable, "field_type_fixed", had.Key)
		}
	}
	if had.TargetType == UserTarget && (had.DataType != next.DataType || next.Encrypted && !had.Encrypted) {
		if err := d.fieldsFree(ctx, had.PoolID, []string{had.Key}); err != nil {
			return nil, err
		}
	}
	next.UpdatedAt = now
	changes = append(changes, db.Change{Column: "updated_at", Before: had.UpdatedAt, After: now})
	if err := d.updateField(ctx, had, changes); err != nil {
		return nil, err
	}
	switch {
	case next.Unique && !had.Unique:
		err = d.makeUnique(ctx, next)
	case !next.Unique && had.Unique:
		err = d.forgetDigests(ctx, next)
	}
	return changes, err
}

// DeleteFields removes fields of a target type with all their values, and returns the keys that were there. One that a rule of a
// dynamic group reads is Unprocessable "field_in_rule" (key, codes of groups); neither can its type change then, nor its values be encrypted.
func (d *Directory) DeleteFields(ctx context.Context, poolID string, t TargetType, keys []string) ([]string, error) {
	t, err := t.normal()
	if err != nil {
		return nil, err
	}
	if err := CheckCount("list", len(keys), mostFields); err != nil {
		return nil, err
	}
	var deleted []string
	err = d.db.Tx(ctx, func(ctx context.Context) (err error) {
		if t == UserTarget {
			if err := d.fieldsFree(ctx, poolID, keys); err != nil {
				return err
			}
		}
		if deleted, err = d.dropFields(ctx, poolID, t, keys); err != nil || len(deleted) == 0 {
			return err
		}
		e := audit.Event{Operation: audit.Delete, Resource: audit.Field, Before: map[string]any{"target_type": t, "keys": deleted}}
		if len(deleted) == 1 {
			e.TargetID, e.TargetName = fieldID{t, deleted[0]}.String(), deleted[0]
		}
		return d.log.Add(ctx, poolID, e)
	})
	return deleted, err
}

// Fields returns the fields of a target type in the order of their making: at most 500.
func (d *Directory) Fields(ctx context.Context, poolID string, t TargetType) ([]Field, error) {
	t, err := t.normal()
	if err != nil {
		return nil, err
	}
	return d.listFields(ctx, poolID, t)
}

// FieldFilter selects fields; what is empty selects everything.
type FieldFilter struct {
	TargetType                TargetType
	DataType                  DataType
	Keyword                   string // a part of the key or the label, in any ASCII case
	UserVisible, AdminVisible *bool
}

// FieldsPage returns a page of the fields that match, newest first, and how many there are.
func (d *Directory) FieldsPage(ctx context.Context, poolID string, f FieldFilter, p Page) ([]Field, int64, error) {
	var err error
	if f.TargetType != "" {
		if f.TargetType, err = f.TargetType.normal(); err != nil {
			return nil, 0, err
		}
	}
	if f.DataType != "" {
		if f.DataType, err = f.DataType.normal(); err != nil {
			return nil, 0, err
		}
	}
	if err := clean("keyword", f.Keyword, MaxName); err != nil {
		return nil, 0, err
	}
	return d.pageFields(ctx, poolID, f, p)
}

// EnsureDefaults makes the fields that clients take for granted: school, a string, and age, a number, of users, who see and fill them
// in themselves. It is part of making a pool and has no record of its own.
func (d *Directory) EnsureDefaults(ctx context.Context, poolID string) error {
	now := d.db.Now()
	return d.db.Tx(ctx, func(ctx context.Context) error {
		for _, f := range []Field{{Key: "school", DataType: StringData, Label: "学校"}, {Key: "age", DataType: NumberData, Label: "年龄"}} {
			f.PoolID, f.TargetType, f.AdminVisible, f.CreatedAt, f.UpdatedAt = poolID, UserTarget, true, now, now
			f.UserVisible, f.UserEditable = true, true
			if _, err := d.claimField(ctx, &f); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkFieldKey takes 1 to 64 visible characters without spaces.
func checkFieldKey(key string) error {
	if key == "" || clean("key", key, MaxCode) != nil || strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return fault.Field("key")
	}
	return nil
}

// fieldID names a field within its pool.
type fieldID struct {
	target TargetType
	key    string
}

func (i fieldID) String() string { return string(i.target) + "." + i.key }

func (f *Field) id() fieldID { return fieldID{f.TargetType, f.Key} }

// builtIn is a field that every user has.
type builtIn struct {
	key      string
	dataType DataType
	zh, en   string
	editable bool // by the users themselves, unless the pool says otherwise
}

// The built-in fields of users, by their names on the wire.
var builtIns = []builtIn{
	{"username", StringData, "用户名", "Username", true},
	{"email", StringData, "邮箱", "Email", true},
	{"phone", StringData, "手机号", "Phone", true},
	{"name", StringData, "姓名", "Name", true},
	{"nickname", StringData, "昵称", "Nickname", true},
	{"photo", StringData, "头像", "Photo", true},
	{"gender", EnumData, "性别", "Gender", true},
	{"birthdate", DatetimeData, "出生日期", "Birthdate", true},
	{"country", StringData, "国家", "Country", true},
	{"province", StringData, "省份", "Province", true},
	{"city", StringData, "城市", "City", true},
	{"region", StringData, "区域", "Region", true},
	{"locality", StringData, "地区", "Locality", true},
	{"address", StringData, "地址", "Address", true},
	{"streetAddress", StringData, "街道地址", "Street address", true},
	{"formatted", StringData, "完整地址", "Formatted address", true},
	{"postalCode", StringData, "邮政编码", "Postal code", true},
	{"company", StringData, "公司", "Company", true},
	{"givenName", StringData, "名", "Given name", true},
	{"familyName", StringData, "姓", "Family name", true},
	{"middleName", StringData, "中间名", "Middle name", true},
	{"profile", StringData, "个人资料页", "Profile", true},
	{"preferredUsername", StringData, "偏好用户名", "Preferred username", true},
	{"website", StringData, "个人网站", "Website", true},
	{"zoneinfo", StringData, "时区", "Time zone", true},
	{"locale", StringData, "语言", "Locale", true},
	{"identityNumber", StringData, "证件号码", "Identity number", false},
	{"phoneCountryCode", StringData, "手机区号", "Phone country code", false},
	{"externalId", StringData, "外部 ID", "External ID", false},
	{"status", StringData, "账号状态", "Status", false},
	{"workStatus", StringData, "工作状态", "Work status", false},
	{"emailVerified", BooleanData, "邮箱已验证", "Email verified", false},
	{"phoneVerified", BooleanData, "手机号已验证", "Phone verified", false},
	{"browser", StringData, "浏览器", "Browser", false},
	{"device", StringData, "设备", "Device", false},
	{"userSourceType", StringData, "来源", "Source", false},
	{"registerSource", ObjectData, "注册方式", "Registration source", false},
	{"loginsCount", NumberData, "登录次数", "Sign-ins", false},
	{"lastLogin", DatetimeData, "最后登录时间", "Last sign-in", false},
	{"lastIp", StringData, "最后登录 IP", "Last IP", false},
	{"passwordLastSetAt", DatetimeData, "密码修改时间", "Password set at", false},
	{"passwordSecurityLevel", NumberData, "密码强度", "Password strength", false},
	{"statusChangedAt", DatetimeData, "状态变更时间", "Status changed at", false},
	{"createdAt", DatetimeData, "创建时间", "Created at", false},
	{"updatedAt", DatetimeData, "更新时间", "Updated at", false},
}

func (b *builtIn) field(poolID string) Field {
	i18n := `{"label":{"zh-CN":{"enabled":true,"value":` + strconv.Quote(b.zh) + `},"en-US":{"enabled":true,"value":` + strconv.Quote(b.en) + `}}}`
	f := Field{PoolID: poolID, TargetType: userBase, Key: b.key, DataType: b.dataType, Label: b.zh, I18n: jsontext.Value(i18n),
		UserEditable: b.editable, AdminVisible: true, UserVisible: b.editable}
	if b.key == "gender" {
		f.Options = []Option{{"M", "男"}, {"F", "女"}, {"U", "未知"}}
	}
	return f
}

// BaseFields returns the built-in fields of users, as the pool has set them, in a fixed order. Their TargetType is UserTarget.
func (d *Directory) BaseFields(ctx context.Context, poolID string) ([]Field, error) {
	set, err := d.listFields(ctx, poolID, userBase)
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]Field, len(set))
	for _, f := range set {
		byKey[f.Key] = f
	}
	fields := make([]Field, len(builtIns))
	for i := range builtIns {
		f, ok := byKey[builtIns[i].key]
		if !ok {
			f = builtIns[i].field(poolID)
		}
		f.TargetType = UserTarget
		fields[i] = f
	}
	return fields, nil
}

// SetBaseFields changes label, description, translations and who sees or edits built-in fields of users, and returns all of
// them as BaseFields does. Other settings of the inputs are ignored. A key that is none of theirs is Invalid "field_undefined" (key).
func (d *Directory) SetBaseFields(ctx context.Context, poolID string, list []FieldInput) ([]Field, error) {
	if err := CheckCount("list", len(list), mostFieldInputs); err != nil {
		return nil, err
	}
	wanted, inputs := make([]Field, len(list)), make([]FieldInput, len(list))
	for i, in := range list {
		at := -1
		for j := range builtIns {
			if builtIns[j].key == in.Key {
				at = j
			}
		}
		if at < 0 {
			return nil, undefined(in.Key)
		}
		inputs[i] = FieldInput{Key: in.Key, Label: in.Label, Description: in.Description, I18n: in.I18n,
			UserEditable: in.UserEditable, AdminVisible: in.AdminVisible, UserVisible: in.UserVisible}
		wanted[i] = builtIns[at].field(poolID)
		if err := inputs[i].apply(&wanted[i]); err != nil {
			return nil, err
		}
	}
	if err := d.db.Tx(ctx, func(ctx context.Context) error {
		_, err := d.putFields(ctx, poolID, wanted, inputs)
		return err
	}); err != nil {
		return nil, err
	}
	return d.BaseFields(ctx, poolID)
}

func undefined(key string) error {
	if CheckText("", key, MaxCode) != nil {
		return fault.Field("key")
	}
	return fault.New(fault.Invalid, "field_undefined", key)
}
