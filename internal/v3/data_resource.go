package v3

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// english reports whether the caller wants English texts.
func english(ctx context.Context) bool {
	return strings.HasPrefix(strings.ToLower(caller.From(ctx).Language), "en")
}

// dataResourceDTO is a resource as the operations that make and change one show it.
type dataResourceDTO struct {
	Name        string           `json:"resourceName"`
	Code        string           `json:"resourceCode"`
	Type        access.DataType  `json:"type"`
	Description string           `json:"description"`
	Struct      jsontext.Value   `json:"struct"`
	Fields      []extendFieldDTO `json:"extendFieldList,omitempty"`
	Actions     []string         `json:"actions"`
}

// plainResourceDTO is a resource that is no tree, and has no fields.
type plainResourceDTO[S any] struct {
	Name        string          `json:"resourceName"`
	Code        string          `json:"resourceCode"`
	Type        access.DataType `json:"type"`
	Description string          `json:"description"`
	Struct      S               `json:"struct"`
	Actions     []string        `json:"actions"`
}

// updatedResourceDTO is a resource after a change, which the wire shows without its fields.
type updatedResourceDTO plainResourceDTO[jsontext.Value]

// foundResourceDTO is a resource that was asked for.
type foundResourceDTO struct {
	dataResourceDTO
	Namespace string `json:"namespaceCode"`
}

type extendFieldDTO struct {
	Key         string               `json:"key"`
	Type        access.DataFieldType `json:"valueType"`
	Description string               `json:"description,omitzero"`
	Label       string               `json:"label"`
	Config      *Config              `json:"config,omitzero"`
}

func viewDataField(f *access.DataField) extendFieldDTO {
	out := extendFieldDTO{Key: f.Key, Type: f.Type, Description: f.Description, Label: f.Label}
	if f.Type == access.SelectionField {
		out.Config = &Config{Options: make([]Option, len(f.Options))}
		for i, o := range f.Options {
			out.Config.Options[i] = Option{o}
		}
	}
	return out
}

func viewDataResource(r *access.DataResource) (*dataResourceDTO, error) {
	out := &dataResourceDTO{Name: r.Name, Code: r.Code, Type: r.Type, Description: r.Description, Actions: r.Actions}
	for i := range r.Fields {
		out.Fields = append(out.Fields, viewDataField(&r.Fields[i]))
	}
	var form any
	switch r.Type {
	case access.StringData:
		form = r.Struct.Text
	case access.ArrayData:
		form = r.Struct.List
	default:
		form = r.Struct.Nodes
	}
	var err error
	out.Struct, err = json.Marshal(form, json.Deterministic(true))
	return out, err
}

func plainResource[S any](r *access.DataResource, s S) *plainResourceDTO[S] {
	return &plainResourceDTO[S]{r.Name, r.Code, r.Type, r.Description, s, r.Actions}
}

// dataStruct reads the form of a resource of a type from the wire; its limits are the domain's.
func dataStruct(t access.DataType, v jsontext.Value) (access.DataStruct, error) {
	var s access.DataStruct
	wrong := fault.Field("struct")
	if len(v) == 0 || v.Kind() == 'n' || string(v) == `""` {
		return s, fault.New(fault.Invalid, "data_struct_missing")
	}
	var err error
	switch t {
	case access.StringData:
		err = json.Unmarshal(v, &s.Text)
	case access.ArrayData:
		err = json.Unmarshal(v, &s.List)
	case access.TreeData:
		if v.Kind() == '{' { // a tree of one node, as the description has it in places
			s.Nodes = make([]access.DataNode, 1)
			err = json.Unmarshal(v, &s.Nodes[0])
		} else {
			err = json.Unmarshal(v, &s.Nodes)
		}
	default:
		return s, fault.Field("type")
	}
	if err != nil {
		return s, wrong.Because(err)
	}
	return s, nil
}

func dataField(key, valueType, label string, description *string, c *Config) access.DataField {
	return access.DataField{Key: key, Type: access.DataFieldType(valueType), Label: label, Description: value(description), Options: optionsOf(c)}
}

// optionsOf are the options of a configuration; nil where there is none.
func optionsOf(c *Config) []string {
	if c == nil {
		return nil
	}
	out := make([]string, len(c.Options))
	for i, o := range c.Options {
		out[i] = o.Value
	}
	return out
}

func dataFields(list []ExtendField) []access.DataField {
	var out []access.DataField
	for _, f := range list {
		out = append(out, dataField(f.Key, f.ValueType, f.Label, f.Description, f.Config))
	}
	return out
}

func (a *API) makeDataResource(ctx context.Context, n access.NewDataResource, form jsontext.Value) (*access.DataResource, error) {
	if form != nil {
		var err error
		if n.Struct, err = dataStruct(n.Type, form); err != nil {
			return nil, err
		}
	}
	return a.Access.CreateDataResource(ctx, poolOf(ctx), n)
}

func (a *API) createDataResource(ctx context.Context, in *CreateDataResourceDto) (*dataResourceDTO, error) {
	r, err := a.makeDataResource(ctx, access.NewDataResource{Namespace: in.NamespaceCode, Code: in.ResourceCode, Name: in.ResourceName,
		Description: value(in.Description), Type: access.DataType(in.Type), Actions: in.Actions, Fields: dataFields(in.ExtendFieldList)}, in.Struct)
	if err != nil {
		return nil, err
	}
	return viewDataResource(r)
}

func (a *API) createDataResourceByString(ctx context.Context, in *CreateStringDataResourceDto) (*plainResourceDTO[string], error) {
	r, err := a.makeDataResource(ctx, access.NewDataResource{Namespace: in.NamespaceCode, Code: in.ResourceCode, Name: in.ResourceName,
		Description: value(in.Description), Type: access.StringData, Actions: in.Actions, Struct: access.DataStruct{Text: in.Struct}}, nil)
	if err != nil {
		return nil, err
	}
	return plainResource(r, r.Struct.Text), nil
}

func (a *API) createDataResourceByArray(ctx context.Context, in *CreateArrayDataResourceDto) (*plainResourceDTO[[]string], error) {
	r, err := a.makeDataResource(ctx, access.NewDataResource{Namespace: in.NamespaceCode, Code: in.ResourceCode, Name: in.ResourceName,
		Description: value(in.Description), Type: access.ArrayData, Actions: in.Actions, Struct: access.DataStruct{List: in.Struct}}, nil)
	if err != nil {
		return nil, err
	}
	return plainResource(r, r.Struct.List), nil
}

// treeResourceDTO is a tree; its nodes are as they were given.
type treeResourceDTO struct {
	plainResourceDTO[[]access.DataNode]
	Fields []extendFieldDTO `json:"extendFieldList,omitempty"`
}

func (a *API) createDataResourceByTree(ctx context.Context, in *CreateTreeDataResourceDto) (*treeResourceDTO, error) {
	r, err := a.makeDataResource(ctx, access.NewDataResource{Namespace: in.NamespaceCode, Code: in.ResourceCode, Name: in.ResourceName,
		Description: value(in.Description), Type: access.TreeData, Actions: in.Actions, Fields: dataFields(in.ExtendFieldList)}, in.Struct)
	if err != nil {
		return nil, err
	}
	out := &treeResourceDTO{plainResourceDTO: *plainResource(r, r.Struct.Nodes)}
	for i := range r.Fields {
		out.Fields = append(out.Fields, viewDataField(&r.Fields[i]))
	}
	return out, nil
}

// listedResourceDTO is a resource in a list.
type listedResourceDTO struct {
	Name          string          `json:"resourceName"`
	Code          string          `json:"resourceCode"`
	Type          access.DataType `json:"type"`
	Description   string          `json:"description"`
	Namespace     string          `json:"namespaceCode"`
	NamespaceName string          `json:"namespaceName"`
	Policies      int64           `json:"authorizationNum"` // how many speak of it
	UpdatedAt     moment          `json:"updatedAt"`
}

func (a *API) listDataResources(ctx context.Context, in *ListDataResourcesParams) (*Page[listedResourceDTO], error) {
	found, total, err := a.Access.DataResources(ctx, poolOf(ctx), access.DataResourceFilter{Namespaces: in.NamespaceCodes, Keywords: value(in.Query)},
		pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list := make([]listedResourceDTO, len(found))
	for i, r := range found {
		list[i] = listedResourceDTO{r.Name, r.Code, r.Type, r.Description, r.Namespace, r.NamespaceName, r.Policies, moment(r.UpdatedAt)}
	}
	return &Page[listedResourceDTO]{total, list}, nil
}

func (a *API) getDataResource(ctx context.Context, in *GetDataResourceParams) (*foundResourceDTO, error) {
	r, err := a.Access.DataResource(ctx, poolOf(ctx), in.NamespaceCode, in.ResourceCode)
	if err != nil {
		return nil, err
	}
	view, err := viewDataResource(r)
	if err != nil {
		return nil, err
	}
	return &foundResourceDTO{*view, r.Namespace}, nil
}

// updateDataResource changes what is named; an empty name leaves the name.
func (a *API) updateDataResource(ctx context.Context, in *UpdateDataResourceDto) (*updatedResourceDTO, error) {
	p := access.DataResourcePatch{Description: in.Description, Actions: in.Actions}
	if value(in.ResourceName) != "" {
		p.Name = in.ResourceName
	}
	if len(in.Struct) > 0 && in.Struct.Kind() != 'n' {
		r, err := a.Access.DataResource(ctx, poolOf(ctx), in.NamespaceCode, in.ResourceCode)
		if err != nil {
			return nil, err
		}
		form, err := dataStruct(r.Type, in.Struct)
		if err != nil {
			return nil, err
		}
		p.Struct = &form
	}
	r, err := a.Access.UpdateDataResource(ctx, poolOf(ctx), in.NamespaceCode, in.ResourceCode, p)
	if err != nil {
		return nil, err
	}
	view, err := viewDataResource(r)
	if err != nil {
		return nil, err
	}
	return (*updatedResourceDTO)(plainResource(r, view.Struct)), nil
}

func (a *API) deleteDataResource(ctx context.Context, in *DeleteDataResourceDto) (struct{}, error) {
	return struct{}{}, a.Access.DeleteDataResource(ctx, poolOf(ctx), in.NamespaceCode, in.ResourceCode)
}

func (a *API) checkDataResourceExists(ctx context.Context, in *CheckDataResourceExistsParams) (dataCheckDTO, error) {
	err := a.Access.DataResourceAvailable(ctx, poolOf(ctx), in.NamespaceCode, value(in.ResourceCode), value(in.ResourceName))
	return checked(ctx, err, "checkDataResourceExists")
}

func (a *API) createDataField(ctx context.Context, in *CreateDnefReq) (success, error) {
	return succeeded(a.Access.AddDataFields(ctx, poolOf(ctx), in.NamespaceCode, in.ResourceCode,
		[]access.DataField{dataField(in.Key, in.ValueType, in.Label, in.Description, in.Config)}))
}

func (a *API) createDataFields(ctx context.Context, in *BatchCreateDnefReq) (success, error) {
	return succeeded(a.Access.AddDataFields(ctx, poolOf(ctx), in.NamespaceCode, in.ResourceCode, dataFields(in.FieldList)))
}

func (a *API) deleteDataField(ctx context.Context, in *DeleteDnefReq) (success, error) {
	return succeeded(a.Access.DeleteDataField(ctx, poolOf(ctx), in.NamespaceCode, in.ResourceCode, in.Key))
}

func (a *API) updateDataField(ctx context.Context, in *UpdateDnefReq) (success, error) {
	return succeeded(a.Access.UpdateDataField(ctx, poolOf(ctx), in.NamespaceCode, in.ResourceCode, in.Key,
		access.DataFieldPatch{Label: in.Label, Description: in.Description, Options: optionsOf(in.Config)}))
}

// dataFieldsDTO is a piece of the list of fields; a next index of 0 is none.
type dataFieldsDTO struct {
	NextStartIndex int64            `json:"nextStartIndex"`
	Truncated      bool             `json:"truncated"`
	List           []extendFieldDTO `json:"list"`
}

func (a *API) listDataFields(ctx context.Context, in *ListDnefParams) (*dataFieldsDTO, error) {
	r, err := a.Access.DataResource(ctx, poolOf(ctx), in.NamespaceCode, in.ResourceCode)
	if err != nil {
		return nil, err
	}
	out := &dataFieldsDTO{List: []extendFieldDTO{}}
	keywords := strings.ToLower(value(in.Query))
	place := int64(0) // among those that match, from 1
	for i := range r.Fields {
		f := &r.Fields[i]
		if !strings.Contains(strings.ToLower(f.Key), keywords) && !strings.Contains(strings.ToLower(f.Label), keywords) {
			continue
		}
		switch place++; {
		case place < in.StartIndex:
		case int64(len(out.List)) < in.MaxSize:
			out.List = append(out.List, viewDataField(f))
		default:
			out.NextStartIndex, out.Truncated = place, true
			return out, nil
		}
	}
	return out, nil
}
