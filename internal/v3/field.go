package v3

import (
	"context"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// fieldDTO is a field as the wire shows one, built-in or custom: CustomFieldDto.
type fieldDTO struct {
	TargetType            string        `json:"targetType"`
	CreatedAt             moment        `json:"createdAt"`
	DataType              string        `json:"dataType"`
	Key                   string        `json:"key"`
	Label                 string        `json:"label"`
	Description           string        `json:"description"`
	Encrypted             bool          `json:"encrypted"`
	IsUnique              bool          `json:"isUnique"`
	UserEditable          bool          `json:"userEditable"`
	VisibleInAdminConsole bool          `json:"visibleInAdminConsole"`
	VisibleInUserCenter   bool          `json:"visibleInUserCenter"`
	I18n                  *i18nDTO      `json:"i18n"`
	Options               []fieldOption `json:"options"`
}

type fieldOption struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// i18nDTO is CustomFieldI18n as an answer: all four languages, those without a text disabled.
type i18nDTO struct {
	Label *struct {
		ZhCN langDTO `json:"zh-CN"`
		EnUS langDTO `json:"en-US"`
		ZhTW langDTO `json:"zh-TW"`
		JaJP langDTO `json:"ja-JP"`
	} `json:"label"`
}

type langDTO struct {
	Enabled bool   `json:"enabled"`
	Value   string `json:"value"`
}

func viewFields(fields []directory.Field) []fieldDTO {
	list := make([]fieldDTO, len(fields))
	for i, f := range fields {
		list[i] = fieldDTO{TargetType: string(f.TargetType), CreatedAt: moment(f.CreatedAt), DataType: string(f.DataType), Key: f.Key,
			Label: f.Label, Description: f.Description, Encrypted: f.Encrypted, IsUnique: f.Unique, UserEditable: f.UserEditable,
			VisibleInAdminConsole: f.AdminVisible, VisibleInUserCenter: f.UserVisible}
		if f.DataType == directory.ObjectData {
			list[i].DataType = string(directory.StringData) // this wire has no word for objects; JSON is text
		}
		for _, o := range f.Options {
			list[i].Options = append(list[i].Options, fieldOption(o))
		}
		var i18n i18nDTO
		if len(f.I18n) > 0 && json.Unmarshal(f.I18n, &i18n) == nil && i18n.Label != nil {
			list[i].I18n = &i18n
		}
	}
	return list
}

func (a *API) getUserBaseFields(ctx context.Context, _ *struct{}) ([]fieldDTO, error) {
	fields, err := a.Directory.BaseFields(ctx, poolOf(ctx))
	return viewFields(fields), err
}

// listUserBaseFields filters and pages what getUserBaseFields tells.
func (a *API) listUserBaseFields(ctx context.Context, in *ListUserBaseFieldsParams) (*Page[fieldDTO], error) {
	fields, total, err := a.Directory.BaseFieldsPage(ctx, poolOf(ctx), directory.FieldFilter{
		TargetType: directory.TargetType(value(in.TargetType)), DataType: directory.DataType(value(in.DataType)), Keyword: value(in.Keyword),
		UserVisible: in.UserVisible, AdminVisible: in.AdminVisible}, pageOf(in.Page, in.Limit))
	return &Page[fieldDTO]{total, viewFields(fields)}, err
}

// setUserBaseFields answers with the fields of the request, in its order.
func (a *API) setUserBaseFields(ctx context.Context, in *SetUserBaseFieldsReqDto) ([]fieldDTO, error) {
	list := make([]directory.FieldInput, len(in.List))
	for i, f := range in.List {
		list[i] = directory.FieldInput{Key: f.Key, Label: f.Label, Description: f.Description, UserEditable: f.UserEditable,
			AdminVisible: f.VisibleInAdminConsole, UserVisible: f.VisibleInUserCenter, I18n: f.I18n.raw()}
	}
	all, err := a.Directory.SetBaseFields(ctx, poolOf(ctx), list)
	if err != nil {
		return nil, err
	}
	asked := make([]directory.Field, 0, len(list))
	for _, f := range list {
		if i := slices.IndexFunc(all, func(b directory.Field) bool { return b.Key == f.Key }); i >= 0 {
			asked = append(asked, all[i])
		}
	}
	return viewFields(asked), nil
}

func (a *API) getCustomFields(ctx context.Context, in *GetCustomFieldsParams) ([]fieldDTO, error) {
	fields, err := a.Directory.Fields(ctx, poolOf(ctx), directory.TargetType(in.TargetType))
	return viewFields(fields), err
}

func (a *API) listCustomFields(ctx context.Context, in *ListCustFieldsParams) (*Page[fieldDTO], error) {
	fields, total, err := a.Directory.FieldsPage(ctx, poolOf(ctx), directory.FieldFilter{
		TargetType: directory.TargetType(in.TargetType), DataType: directory.DataType(value(in.DataType)), Keyword: value(in.Keyword),
		UserVisible: in.UserVisible, AdminVisible: in.AdminVisible}, pageOf(in.Page, in.Limit))
	return &Page[fieldDTO]{total, viewFields(fields)}, err
}

func (a *API) setCustomFields(ctx context.Context, in *SetCustomFieldsReqDto) ([]fieldDTO, error) {
	list := make([]directory.FieldInput, len(in.List))
	for i, f := range in.List {
		list[i] = directory.FieldInput{TargetType: directory.TargetType(f.TargetType), Key: f.Key, DataType: directory.DataType(value(f.DataType)),
			Label: f.Label, Description: f.Description, Encrypted: f.Encrypted, Unique: f.IsUnique, UserEditable: f.UserEditable,
			AdminVisible: f.VisibleInAdminConsole, UserVisible: f.VisibleInUserCenter, ValidateRules: f.ValidateRules,
			AppIDs: f.AppIDs, Desensitization: f.Desensitization, I18n: f.I18n.raw()}
		for _, o := range f.Options {
			list[i].Options = append(list[i].Options, directory.Option(o))
		}
	}
	fields, err := a.Directory.SetFields(ctx, poolOf(ctx), list)
	return viewFields(fields), err
}

// raw is the translations as JSON, nil when there are none.
func (i *CustomFieldI18n) raw() jsontext.Value {
	if i == nil {
		return nil
	}
	b, err := json.Marshal(i)
	if err != nil {
		return nil // a struct of texts and flags always encodes
	}
	return b
}

// deleteCustomFields removes fields of several types of targets together. Fields that are not there are passed over.
func (a *API) deleteCustomFields(ctx context.Context, in *DeleteCustomFieldsReqDto) (success, error) {
	keys := make(map[directory.TargetType][]string)
	for _, f := range in.List {
		t := directory.TargetType(f.TargetType)
		keys[t] = append(keys[t], f.Key)
	}
	return succeeded(a.DB.Tx(ctx, func(ctx context.Context) error {
		for _, t := range slices.Sorted(maps.Keys(keys)) {
			if _, err := a.Directory.DeleteFields(ctx, poolOf(ctx), t, keys[t]); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (a *API) setCustomData(ctx context.Context, in *SetCustomDataReqDto) (success, error) {
	id, err := a.targetID(ctx, in.TargetType, in.TargetIdentifier, value(in.Namespace))
	if err != nil {
		return success{}, err
	}
	values := make(map[string]jsontext.Value, len(in.List))
	for _, v := range in.List {
		if values[v.Key] = v.Value; v.Value == nil {
			values[v.Key] = jsontext.Value("null")
		}
	}
	return succeeded(a.Directory.SetValues(ctx, poolOf(ctx), directory.TargetType(in.TargetType), id, values))
}

func (a *API) getCustomData(ctx context.Context, in *GetCustomDataParams) (customData, error) {
	id, err := a.targetID(ctx, in.TargetType, in.TargetIdentifier, value(in.Namespace))
	if err != nil {
		return nil, err
	}
	values, err := a.Directory.Values(ctx, poolOf(ctx), directory.TargetType(in.TargetType), []string{id})
	return customDataOf(values[id]), err
}

// targetID is the identifier of the target that the wire names: a user or a department by identifier, a group or a role by code.
func (a *API) targetID(ctx context.Context, targetType, name, namespace string) (string, error) {
	switch directory.TargetType(targetType) {
	case directory.UserTarget:
		u, err := a.user(ctx, "", name)
		if err != nil {
			return "", err
		}
		return u.ID, nil
	case directory.GroupTarget:
		g, err := a.Directory.Group(ctx, poolOf(ctx), name)
		if err != nil {
			return "", err
		}
		return g.ID, nil
	case directory.RoleTarget:
		r, err := a.Access.Role(ctx, poolOf(ctx), access.RoleRef{Namespace: namespace, Code: name})
		if err != nil {
			return "", err
		}
		return r.ID, nil
	}
	n, err := a.Directory.Department(ctx, poolOf(ctx), anyDepartment(name))
	if err != nil {
		return "", err
	}
	return n.ID, nil
}
