package v2

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// field is the type UserDefinedField: the definition of a custom field.
type field struct {
	TargetType string  `json:"targetType"`
	DataType   string  `json:"dataType"`
	Key        string  `json:"key"`
	Label      *string `json:"label"`
	Options    *string `json:"options"` // JSON text
}

// customValue is the types UserDefinedData and UserCustomData: what a target has in a custom field.
type customValue struct {
	Key      string  `json:"key"`
	DataType string  `json:"dataType"`
	Value    string  `json:"value"`
	Label    *string `json:"label"`
}

// targetValues is the type UserDefinedDataMap.
type targetValues struct {
	TargetID string        `json:"targetId"`
	Data     []customValue `json:"data"`
}

// dataType is a type in this wire's word for it.
func dataType(t directory.DataType) string {
	if t == directory.EnumData {
		return "SELECT"
	}
	return string(t)
}

func viewField(f *directory.Field) (field, error) {
	v := field{TargetType: string(f.TargetType), DataType: dataType(f.DataType), Key: f.Key, Label: text(&f.Label)}
	if f.TargetType == directory.DepartmentTarget {
		v.TargetType = "NODE"
	}
	if len(f.Options) > 0 {
		b, err := json.Marshal(f.Options)
		if err != nil {
			return v, err
		}
		options := string(b)
		v.Options = &options
	}
	return v, nil
}

// viewValue shows a value as clients read it back: the text of a string, a choice or a time that was given as text, and JSON
// text otherwise.
func viewValue(v *directory.Value) customValue {
	shown := customValue{Key: v.Key, DataType: dataType(v.DataType), Value: string(v.JSON), Label: text(&v.Label)}
	switch v.DataType {
	case directory.StringData, directory.EnumData, directory.DatetimeData:
		var s string
		if json.Unmarshal(v.JSON, &s) == nil {
			shown.Value = s
		}
	}
	return shown
}

// customData is what targets have in custom fields, by target. Users see of themselves what the pool lets them see.
func (a *API) customData(ctx context.Context, pool string, t directory.TargetType, ids []string) (map[string][]customValue, error) {
	values, err := a.dir.Values(ctx, pool, t, ids)
	if err != nil {
		return nil, err
	}
	hidden := map[string]bool{}
	if caller.From(ctx).Kind == caller.User && len(values) > 0 {
		fields, err := a.dir.Fields(ctx, pool, t)
		if err != nil {
			return nil, err
		}
		for _, f := range fields {
			hidden[f.Key] = !f.UserVisible
		}
	}
	shown := make(map[string][]customValue, len(values))
	for id, list := range values {
		for i := range list {
			if !hidden[list[i].Key] {
				shown[id] = append(shown[id], viewValue(&list[i]))
			}
		}
	}
	return shown, nil
}

type targetTypeInput struct {
	TargetType directory.TargetType `json:"targetType"`
}

func (a *API) udf(ctx context.Context, in *targetTypeInput) ([]field, error) {
	fields, err := a.dir.Fields(ctx, caller.From(ctx).PoolID, in.TargetType)
	if err != nil {
		return nil, err
	}
	views := make([]field, len(fields))
	for i := range fields {
		if views[i], err = viewField(&fields[i]); err != nil {
			return nil, err
		}
	}
	return views, nil
}

type setUdfInput struct {
	targetTypeInput
	Key      string             `json:"key"`
	DataType directory.DataType `json:"dataType"`
	Label    *string            `json:"label"`
	Options  string             `json:"options"`
}

// setUdf makes a field, or changes the one that has the key.
func (a *API) setUdf(ctx context.Context, in *setUdfInput) (*field, error) {
	f := directory.FieldInput{TargetType: in.TargetType, Key: in.Key, DataType: in.DataType, Label: in.Label}
	if in.Options != "" {
		if err := json.Unmarshal([]byte(in.Options), &f.Options); err != nil {
			return nil, fault.Field("options").Because(err)
		}
	}
	pool := caller.From(ctx).PoolID
	known, err := a.dir.Fields(ctx, pool, in.TargetType)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(known, func(k directory.Field) bool { return k.Key == in.Key }) {
		// This wire has no word for who may see and write a field: its users fill in all of them.
		f.UserVisible, f.UserEditable = new(true), new(true)
	}
	fields, err := a.dir.SetFields(ctx, pool, []directory.FieldInput{f})
	if err != nil {
		return nil, err
	}
	view, err := viewField(&fields[0])
	return &view, err
}

type removeUdfInput struct {
	targetTypeInput
	Key string `json:"key"`
}

// removeUdf deletes a field with all its values.
func (a *API) removeUdf(ctx context.Context, in *removeUdfInput) (*commonMessage, error) {
	deleted, err := a.dir.DeleteFields(ctx, caller.From(ctx).PoolID, in.TargetType, []string{in.Key})
	if err != nil {
		return nil, err
	}
	if len(deleted) == 0 {
		return nil, errFieldNotFound
	}
	return done(ctx), nil
}

type targetInput struct {
	targetTypeInput
	TargetID string `json:"targetId"`
}

// udv lists what one target has in custom fields. Users may ask for themselves.
func (a *API) udv(ctx context.Context, in *targetInput) ([]customValue, error) {
	c := caller.From(ctx)
	if c.Kind == caller.User && (in.TargetType != directory.UserTarget || in.TargetID != c.UserID) {
		return nil, op.ErrForbidden
	}
	if in.TargetType == directory.UserTarget {
		if _, err := a.dir.User(ctx, c.PoolID, directory.ByID(in.TargetID)); err != nil {
			return nil, err
		}
	}
	if err := a.checkTargets(ctx, in.TargetType, in.TargetID); err != nil {
		return nil, err
	}
	return a.valuesOf(ctx, in)
}

// valuesOf answers the calls that list a target's values as they now are.
func (a *API) valuesOf(ctx context.Context, in *targetInput) ([]customValue, error) {
	values, err := a.customData(ctx, caller.From(ctx).PoolID, in.TargetType, []string{in.TargetID})
	return append([]customValue{}, values[in.TargetID]...), err
}

// checkTargets refuses targets that are not there, but for users: those the directory itself refuses when it writes. Nothing is
// a permission yet.
func (a *API) checkTargets(ctx context.Context, t directory.TargetType, ids ...string) error {
	pool := caller.From(ctx).PoolID
	switch t {
	case directory.UserTarget:
		return nil
	case "NODE", directory.DepartmentTarget, directory.OrgTarget:
		nodes, err := a.dir.DepartmentsByID(ctx, pool, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if n, ok := nodes[id]; !ok || t == directory.OrgTarget && !n.IsRoot() {
				return directory.ErrDepartmentNotFound
			}
		}
		return nil
	case directory.RoleTarget:
		roles, err := a.access.RolesByID(ctx, pool, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, ok := roles[id]; !ok {
				return access.ErrRoleNotFound
			}
		}
		return nil
	case directory.ApplicationTarget:
		for _, id := range ids {
			if known, err := a.applicationOf(ctx, pool, id); err != nil || known == "" {
				return cmp.Or[error](err, signin.ErrApplicationNotFound)
			}
		}
		return nil
	case directory.UserpoolTarget:
		for _, id := range ids {
			if id != pool {
				return directory.ErrPoolNotFound
			}
		}
		return nil
	}
	return errTargetNotFound
}

type udfValueBatchInput struct {
	targetTypeInput
	TargetIDs []*string `json:"targetIds"`
}

// udfValueBatch lists what targets have in custom fields, one entry for each that is asked for.
func (a *API) udfValueBatch(ctx context.Context, in *udfValueBatchInput) ([]targetValues, error) {
	ids := make([]string, 0, len(in.TargetIDs))
	for _, id := range in.TargetIDs {
		if id == nil {
			return nil, fault.Field("targetIds")
		}
		ids = append(ids, *id)
	}
	values, err := a.customData(ctx, caller.From(ctx).PoolID, in.TargetType, ids)
	if err != nil {
		return nil, err
	}
	list := make([]targetValues, len(ids))
	for i, id := range ids {
		list[i] = targetValues{id, values[id]}
	}
	return list, nil
}

type setUdvInput struct {
	targetInput
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (a *API) setUdv(ctx context.Context, in *setUdvInput) ([]customValue, error) {
	return a.setUdvBatch(ctx, &setUdvBatchInput{in.targetInput, []keyValue{{in.Key, &in.Value}}})
}

// keyValue is a value on its way in: JSON text. None removes the value, as null does.
type keyValue struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
}

func (v *keyValue) json() (jsontext.Value, error) {
	if v.Value == nil {
		return jsontext.Value("null"), nil
	}
	value := jsontext.Value(*v.Value)
	if !value.IsValid() {
		return nil, fault.Field("value")
	}
	return value, nil
}

type setUdvBatchInput struct {
	targetInput
	UdvList []keyValue `json:"udvList"`
}

// setUdvBatch gives one target values and lists all that it then has.
func (a *API) setUdvBatch(ctx context.Context, in *setUdvBatchInput) ([]customValue, error) {
	if err := directory.CheckCount("udvList", len(in.UdvList), mostValues); err != nil {
		return nil, err
	}
	if err := ownValues(ctx, &in.targetInput); err != nil {
		return nil, err
	}
	if err := a.checkTargets(ctx, in.TargetType, in.TargetID); err != nil {
		return nil, err
	}
	values := make(map[string]jsontext.Value, len(in.UdvList))
	for i := range in.UdvList {
		v, err := in.UdvList[i].json()
		if err != nil {
			return nil, err
		}
		values[in.UdvList[i].Key] = v
	}
	if err := a.setValues(ctx, &in.targetInput, values); err != nil {
		return nil, err
	}
	return a.valuesOf(ctx, &in.targetInput)
}

// ownValues refuses users to write any values but their own.
func ownValues(ctx context.Context, in *targetInput) error {
	c := caller.From(ctx)
	if c.Kind == caller.User && (in.TargetType != directory.UserTarget || in.TargetID != c.UserID) {
		return op.ErrForbidden
	}
	return nil
}

// setValues gives one target values, for a caller who may. Users give them to themselves alone, and only those that the pool has opened to them.
func (a *API) setValues(ctx context.Context, in *targetInput, values map[string]jsontext.Value) error {
	c := caller.From(ctx)
	if c.Kind != caller.User {
		return a.dir.SetValues(ctx, c.PoolID, in.TargetType, in.TargetID, values)
	}
	app, err := a.applicationMeant(ctx, c)
	if err != nil {
		return err
	}
	return a.signin.SetOwnValues(ctx, app, c.UserID, values)
}

// mostValues is how many values one call may write.
const mostValues = 1000

type setUdfValueBatchInput struct {
	targetTypeInput
	Input []struct {
		TargetID string `json:"targetId"`
		keyValue
	} `json:"input"`
}

// setUdfValueBatch gives several targets values, all or none.
func (a *API) setUdfValueBatch(ctx context.Context, in *setUdfValueBatchInput) (*commonMessage, error) {
	if err := directory.CheckCount("input", len(in.Input), mostValues); err != nil {
		return nil, err
	}
	var targets []directory.TargetValues
	var ids []string
	at := map[string]int{}
	for i := range in.Input {
		v := &in.Input[i]
		value, err := v.json()
		if err != nil {
			return nil, err
		}
		n, known := at[v.TargetID]
		if !known {
			n, at[v.TargetID] = len(targets), len(targets)
			ids = append(ids, v.TargetID)
			targets = append(targets, directory.TargetValues{ID: v.TargetID, Values: map[string]jsontext.Value{}})
		}
		targets[n].Values[v.Key] = value
	}
	if err := a.checkTargets(ctx, in.TargetType, ids...); err != nil {
		return nil, err
	}
	if err := a.dir.SetValuesOf(ctx, caller.From(ctx).PoolID, in.TargetType, targets); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type removeUdvInput struct {
	targetInput
	Key string `json:"key"`
}

// removeUdv takes a value away and lists those that are left.
func (a *API) removeUdv(ctx context.Context, in *removeUdvInput) ([]customValue, error) {
	if err := ownValues(ctx, &in.targetInput); err != nil {
		return nil, err
	}
	if err := a.checkTargets(ctx, in.TargetType, in.TargetID); err != nil {
		return nil, err
	}
	if caller.From(ctx).Kind == caller.User {
		if err := a.setValues(ctx, &in.targetInput, map[string]jsontext.Value{in.Key: jsontext.Value("null")}); err != nil {
			return nil, err
		}
		return a.valuesOf(ctx, &in.targetInput)
	}
	if _, err := a.dir.RemoveValue(ctx, caller.From(ctx).PoolID, in.TargetType, in.TargetID, in.Key); err != nil {
		return nil, err
	}
	return a.valuesOf(ctx, &in.targetInput)
}
