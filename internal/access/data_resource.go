package access

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// DataType is what form a data resource has.
type DataType string

// The forms of data resources.
const (
	StringData DataType = "STRING"
	ArrayData  DataType = "ARRAY"
	TreeData   DataType = "TREE"
)

// DataResource is data that policies allow actions on: a text, a list of texts or a tree. Its code and its name are unique in its
// namespace; code, type and namespace stay as they are.
type DataResource struct {
	PoolID      string      `db:"pool_id"`
	ID          string      `db:"id"`
	Namespace   string      `db:"namespace"`
	Code        string      `db:"code"`
	Name        string      `db:"name"`
	Description string      `db:"description"`
	Type        DataType    `db:"type"`
	Struct      DataStruct  `db:"struct,json"`
	Actions     []string    `db:"actions,json"` // what can be done with it, in the order in which they were given
	Fields      []DataField `db:"fields,json"`  // of a tree's nodes
	CreatedAt   int64       `db:"created_at"`
	UpdatedAt   int64       `db:"updated_at"`
}

// DataStruct is what a resource consists of: of its members the one that belongs to the type is used.
type DataStruct struct {
	Text  string     `json:"text,omitempty"`
	List  []string   `json:"list,omitempty"`
	Nodes []DataNode `json:"nodes,omitempty"`
}

// DataNode is a node of a tree. Codes and names are unique among siblings.
type DataNode struct {
	Code     string                    `json:"code"`
	Name     string                    `json:"name"`
	Value    *string                   `json:"value,omitzero"`
	Children []DataNode                `json:"children,omitempty"`
	Fields   map[string]jsontext.Value `json:"extendFieldValue,omitempty"` // by the keys of the resource's fields
}

// DataField is something that the nodes of a tree may say beside the usual.
type DataField struct {
	Key         string        `json:"key"`
	Type        DataFieldType `json:"valueType"`
	Label       string        `json:"label"`
	Description string        `json:"description,omitempty"`
	Options     []string      `json:"options,omitempty"` // of a selection
}

// DataFieldType is what values a field takes.
type DataFieldType string

// The types of fields: any text, or one of the options.
const (
	TextField      DataFieldType = "STRING"
	SelectionField DataFieldType = "SELECT"
)

// Errors of data resources.
var (
	ErrDataResourceNotFound  = fault.New(fault.NotFound, "data_resource_not_found")
	ErrDataResourceCodeTaken = fault.New(fault.Conflict, "data_resource_code_taken")
	ErrDataResourceNameTaken = fault.New(fault.Conflict, "data_resource_name_taken")
	ErrDataResourceNoTree    = fault.New(fault.Unprocessable, "data_resource_no_tree")
	ErrDataFieldNotFound     = fault.New(fault.NotFound, "data_field_not_found")
	ErrDataFieldTaken        = fault.New(fault.Conflict, "data_field_taken")
)

const (
	mostDataElements = 500  // of a list
	mostDataNodes    = 1000 // of a tree
	deepestData      = 10   // levels of a tree
	mostDataActions  = 50
	mostDataFields   = 50
	mostDataOptions  = 100
	longestData      = 1024 // characters of a text, of an element, of a node's value
	mostDataCodes    = 500  // that one call names
)

// NewDataResource is a resource to be made.
type NewDataResource struct {
	Namespace, Code, Name, Description string
	Type                               DataType
	Struct                             DataStruct
	Actions                            []string
	Fields                             []DataField
}

// CreateDataResource makes a resource in a namespace that is there, or ErrNamespaceNotFound. Codes, of nodes too, and actions hold
// neither "/" nor "*": they are parts of paths.
func (a *Access) CreateDataResource(ctx context.Context, poolID string, n NewDataResource) (*DataResource, error) {
	now := a.db.Now()
	r := DataResource{PoolID: poolID, ID: a.db.NewID(), Namespace: n.Namespace, Code: n.Code, Name: n.Name, Description: n.Description, Type: n.Type,
		Struct: n.Struct, Actions: n.Actions, Fields: n.Fields, CreatedAt: now, UpdatedAt: now}
	if err := r.check(); err != nil {
		return nil, err
	}
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.lockNamespaces(ctx, poolID, []string{r.Namespace}); err != nil {
			return err
		}
		if err := db.Insert(ctx, a.db, "data_resources", &r); err != nil {
			return dataResourceTaken(err)
		}
		return a.logDataResource(ctx, audit.Create, &DataResource{}, &r)
	})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

func dataResourceTaken(err error) error {
	switch {
	case db.IsUnique(err, "data_resources", "code"):
		return ErrDataResourceCodeTaken.Because(err)
	case db.IsUnique(err, "data_resources", "name"):
		return ErrDataResourceNameTaken.Because(err)
	}
	return err
}

// logDataResource records what differs between two versions.
func (a *Access) logDataResource(ctx context.Context, operation string, before, after *DataResource) error {
	changes, err := db.Diff(before, after)
	if err != nil {
		return err
	}
	e := audit.Event{Operation: operation, Resource: audit.DataResource, TargetID: after.ID, TargetName: after.Namespace + "/" + after.Code}
	e.Before, e.After = audit.Changes(changes)
	if operation == audit.Create {
		e.Before = nil
	}
	return a.log.Add(ctx, after.PoolID, e)
}

// checkPart refuses what cannot stand between the slashes of a path.
func checkPart(field, part string, most int) error {
	if strings.TrimSpace(part) == "" || strings.ContainsAny(part, "/*") {
		return fault.Field(field)
	}
	return directory.CheckText(field, part, most)
}

func (r *DataResource) check() error {
	if err := checkPart("resourceCode", r.Code, directory.MaxCode); err != nil {
		return err
	}
	if strings.TrimSpace(r.Name) == "" {
		return fault.Field("resourceName")
	}
	if err := directory.CheckText("resourceName", r.Name, directory.MaxName); err != nil {
		return err
	}
	if err := directory.CheckText("description", r.Description, directory.MaxDescription); err != nil {
		return err
	}
	if err := directory.CheckCount("actions", len(r.Actions), mostDataActions); err != nil {
		return err
	}
	seen := make(map[string]bool, len(r.Actions))
	for _, action := range r.Actions {
		if err := checkPart("actions", action, longestAction); err != nil {
			return err
		}
		if seen[action] {
			return fault.Field("actions")
		}
		seen[action] = true
	}
	if err := r.checkFields(); err != nil {
		return err
	}
	return r.checkStruct()
}

func (r *DataResource) checkFields() error {
	if len(r.Fields) == 0 {
		return nil
	}
	if r.Type != TreeData {
		return ErrDataResourceNoTree
	}
	if err := directory.CheckCount("fieldList", len(r.Fields), mostDataFields); err != nil {
		return err
	}
	seen := make(map[string]bool, len(r.Fields))
	for i := range r.Fields {
		if err := r.Fields[i].check(); err != nil {
			return err
		}
		if seen[r.Fields[i].Key] {
			return ErrDataFieldTaken
		}
		seen[r.Fields[i].Key] = true
	}
	return nil
}

func (f *DataField) check() error {
	if f.Key == "" || len(f.Key) > 64 || strings.ContainsFunc(f.Key, func(c rune) bool {
		return c != '_' && c != '$' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) {
		return fault.Field("key")
	}
	if strings.TrimSpace(f.Label) == "" {
		return fault.Field("label")
	}
	if err := directory.CheckText("label", f.Label, directory.MaxName); err != nil {
		return err
	}
	if err := directory.CheckText("description", f.Description, directory.MaxDescription); err != nil {
		return err
	}
	switch f.Type {
	case TextField:
		if len(f.Options) > 0 {
			return fault.Field("config")
		}
	case SelectionField:
		if err := directory.CheckCount("options", len(f.Options), mostDataOptions); err != nil {
			return err
		}
		for _, o := range f.Options {
			if strings.TrimSpace(o) == "" {
				return fault.Field("options")
			}
			if err := directory.CheckText("options", o, directory.MaxName); err != nil {
				return err
			}
		}
	default:
		return fault.Field("valueType")
	}
	return nil
}

func (r *DataResource) checkStruct() error {
	s := &r.Struct
	switch r.Type {
	case StringData:
		if s.Text == "" || s.List != nil || s.Nodes != nil {
			return fault.Field("struct")
		}
		return directory.CheckText("struct", s.Text, longestData)
	case ArrayData:
		if s.Text != "" || s.Nodes != nil {
			return fault.Field("struct")
		}
		if err := directory.CheckCount("struct", len(s.List), mostDataElements); err != nil {
			return err
		}
		for _, element := range s.List {
			if err := directory.CheckText("struct", element, longestData); err != nil {
				return err
			}
		}
		return nil
	case TreeData:
		if s.Text != "" || s.List != nil {
			return fault.Field("struct")
		}
		if err := directory.CheckCount("struct", len(s.Nodes), mostDataNodes); err != nil {
			return err
		}
		left := mostDataNodes
		return r.checkNodes(s.Nodes, 1, &left)
	}
	return fault.Field("type")
}

func (r *DataResource) checkNodes(nodes []DataNode, depth int, left *int) error {
	if depth > deepestData {
		return fault.New(fault.Invalid, "data_tree_too_deep")
	}
	if *left -= len(nodes); *left < 0 {
		return directory.CheckCount("struct", mostDataNodes+1, mostDataNodes)
	}
	codes, names := make(map[string]bool, len(nodes)), make(map[string]bool, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		if err := checkPart("code", n.Code, directory.MaxCode); err != nil {
			return err
		}
		if strings.TrimSpace(n.Name) == "" {
			return fault.Field("name")
		}
		if err := directory.CheckText("name", n.Name, directory.MaxName); err != nil {
			return err
		}
		if codes[n.Code] || names[n.Name] {
			return fault.New(fault.Invalid, "data_node_twice", n.Code)
		}
		codes[n.Code], names[n.Name] = true, true
		if n.Value != nil {
			if err := directory.CheckText("value", *n.Value, longestData); err != nil {
				return err
			}
		}
		for key, v := range n.Fields {
			at := slices.IndexFunc(r.Fields, func(f DataField) bool { return f.Key == key })
			if at < 0 || !r.Fields[at].takes(v) {
				return fault.Field("extendFieldValue")
			}
		}
		if err := r.checkNodes(n.Children, depth+1, left); err != nil {
			return err
		}
	}
	return nil
}

// takes reports whether a value is one of the field's: a text, for a selection one of the options.
func (f *DataField) takes(v jsontext.Value) bool {
	if v.Kind() != '"' {
		return false
	}
	text, err := jsontext.AppendUnquote(nil, v)
	return err == nil && len(text) <= 4*longestData && (f.Type == TextField || slices.Contains(f.Options, string(text)))
}

// Node returns the node at a path of codes, "" for the resource itself; nil when there is none.
func (r *DataResource) node(path string) (n *DataNode, ok bool) {
	if path == "" {
		return nil, true
	}
	nodes := r.Struct.Nodes
	for code := range strings.SplitSeq(path, "/") {
		at := slices.IndexFunc(nodes, func(n DataNode) bool { return n.Code == code })
		if at < 0 {
			return nil, false
		}
		n, nodes = &nodes[at], nodes[at].Children
	}
	return n, true
}

var selectDataResources = "select " + db.Columns[DataResource]() + " from data_resources where pool_id = ? and "

// DataResource returns one resource, or ErrNamespaceNotFound or ErrDataResourceNotFound.
func (a *Access) DataResource(ctx context.Context, poolID, namespace, code string) (*DataResource, error) {
	return a.dataResource(ctx, poolID, namespace, code, "")
}

func (a *Access) dataResource(ctx context.Context, poolID, namespace, code, lock string) (*DataResource, error) {
	r, err := db.One[DataResource](ctx, a.db, selectDataResources+"namespace in (?...) and code in (?...) limit 1"+lock,
		poolID, directory.Findable([]string{namespace}), directory.Findable([]string{code}))
	if errors.Is(err, db.NoRow) {
		if err := a.needNamespaces(ctx, poolID, namespace); err != nil {
			return nil, err
		}
		return nil, ErrDataResourceNotFound
	}
	return &r, err
}

// dataResourcesByCode returns the resources of a namespace among the codes, by code.
func (a *Access) dataResourcesByCode(ctx context.Context, poolID, namespace string, codes []string) (map[string]*DataResource, error) {
	known := directory.Findable(codes)
	rows, err := db.List[DataResource](ctx, a.db, selectDataResources+"namespace in (?...) and code in (?...) limit ?",
		poolID, directory.Findable([]string{namespace}), known, len(known))
	out := make(map[string]*DataResource, len(rows))
	for i := range rows {
		out[rows[i].Code] = &rows[i]
	}
	return out, err
}

// dataResourcesByID returns resources by identifier.
func (a *Access) dataResourcesByID(ctx context.Context, poolID string, ids []string) (map[string]*DataResource, error) {
	known := directory.Findable(ids)
	rows, err := db.List[DataResource](ctx, a.db, selectDataResources+"id in (?...) limit ?", poolID, known, len(known))
	out := make(map[string]*DataResource, len(rows))
	for i := range rows {
		out[rows[i].ID] = &rows[i]
	}
	return out, err
}

// DataResourceFilter selects resources; what is empty selects everything.
type DataResourceFilter struct {
	Namespaces []string // unknown ones have no resources
	Keywords   string   // in the name or the code, in any ASCII case
}

// ListedDataResource is a resource without its structure, beside the name of its namespace and how many policies speak of it.
type ListedDataResource struct {
	ID            string   `db:"id"`
	Namespace     string   `db:"namespace"`
	NamespaceName string   `db:"namespace_name"`
	Code          string   `db:"code"`
	Name          string   `db:"name"`
	Description   string   `db:"description"`
	Type          DataType `db:"type"`
	UpdatedAt     int64    `db:"updated_at"`
	Policies      int64    `db:"policies"`
}

// DataResources returns a page of the resources that match, newest first, and how many there are.
func (a *Access) DataResources(ctx context.Context, poolID string, f DataResourceFilter, p directory.Page) ([]ListedDataResource, int64, error) {
	if len(f.Namespaces) > mostDataCodes {
		return nil, 0, directory.CheckCount("namespaceCodes", len(f.Namespaces), mostDataCodes)
	}
	if err := directory.CheckText("query", f.Keywords, directory.MaxName); err != nil {
		return nil, 0, err
	}
	var w db.Where
	w.And("r.pool_id = ?", poolID)
	if len(f.Namespaces) > 0 {
		w.And("r.namespace in (?...)", directory.Findable(f.Namespaces))
	}
	if f.Keywords != "" {
		like := directory.LikePattern(f.Keywords)
		w.And(`lower(r.name) like ? escape '\' or lower(r.code) like ? escape '\'`, like, like)
	}
	total, err := db.One[int64](ctx, a.db, "select count(*) from data_resources r where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[ListedDataResource](ctx, a.db, `select r.id, r.namespace, n.name, r.code, r.name, r.description, r.type, r.updated_at,
			(select count(*) from data_policy_resources p where p.pool_id = r.pool_id and p.resource_id = r.id)
		from data_resources r join namespaces n on n.pool_id = r.pool_id and n.code = r.namespace
		where `+w.String()+" order by r.id desc limit ? offset ?", append(w.Args, limit, offset)...)
	return list, total, err
}

// DataResourcePatch is a change of a resource; nil leaves a field as it is.
type DataResourcePatch struct {
	Name, Description *string
	Struct            *DataStruct
	Actions           []string
}

// UpdateDataResource changes a resource and returns it as it then is. What policies say of nodes and actions that are gone holds for
// nothing until there are such again.
func (a *Access) UpdateDataResource(ctx context.Context, poolID, namespace, code string, p DataResourcePatch) (*DataResource, error) {
	return a.changeDataResource(ctx, poolID, namespace, code, func(r *DataResource) error {
		if p.Name != nil {
			r.Name = *p.Name
		}
		if p.Description != nil {
			r.Description = *p.Description
		}
		if p.Struct != nil {
			r.Struct = *p.Struct
		}
		if p.Actions != nil {
			r.Actions = p.Actions
		}
		return nil
	})
}

// changeDataResource applies a change to a resource in one transaction. Changing nothing writes nothing.
func (a *Access) changeDataResource(ctx context.Context, poolID, namespace, code string, apply func(*DataResource) error) (*DataResource, error) {
	var after *DataResource
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		before, err := a.dataResource(ctx, poolID, namespace, code, forUpdate)
		if err != nil {
			return err
		}
		changed := *before
		changed.Fields = slices.Clone(before.Fields)
		after = &changed
		if err := apply(after); err != nil {
			return err
		}
		if err := after.check(); err != nil {
			return err
		}
		changes, err := db.Diff(before, after)
		if err != nil || len(changes) == 0 {
			return err
		}
		after.UpdatedAt = a.db.Now()
		stamped := append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
		if err := db.Update(ctx, a.db, "data_resources", stamped, "pool_id = ? and id = ?", poolID, after.ID); err != nil {
			return dataResourceTaken(err)
		}
		return a.logDataResource(ctx, audit.Update, before, after)
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}

// DeleteDataResource removes a resource; policies no longer speak of it. An unknown one is ErrDataResourceNotFound.
func (a *Access) DeleteDataResource(ctx context.Context, poolID, namespace, code string) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		r, err := a.dataResource(ctx, poolID, namespace, code, forUpdate)
		if err != nil {
			return err
		}
		for _, sql := range []string{
			"delete from data_policy_resources where pool_id = ? and resource_id = ?",
			"delete from data_resources where pool_id = ? and id = ?",
		} {
			if _, err := db.Exec(ctx, a.db, sql, poolID, r.ID); err != nil {
				return err
			}
		}
		return a.log.Add(ctx, poolID, audit.Event{Operation: audit.Delete, Resource: audit.DataResource, TargetID: r.ID, TargetName: r.Namespace + "/" + r.Code,
			Before: map[string]any{"namespace": r.Namespace, "code": r.Code, "name": r.Name, "type": r.Type}})
	})
}

// dropDataOfNamespaces removes the data resources of namespaces that are going, inside the transaction that removes them and that has
// found them few enough. They are locked first, so that no policy begins to speak of one meanwhile.
func (a *Access) dropDataOfNamespaces(ctx context.Context, poolID string, codes []string) error {
	ids, err := db.List[string](ctx, a.db, "select id from data_resources where pool_id = ? and namespace in (?...) order by namespace, code limit ?"+forUpdate,
		poolID, codes, mostInNamespace)
	if err != nil || len(ids) == 0 {
		return err
	}
	for _, sql := range []string{
		"delete from data_policy_resources where pool_id = ? and resource_id in (?...)",
		"delete from data_resources where pool_id = ? and id in (?...)",
	} {
		if _, err := db.Exec(ctx, a.db, sql, poolID, ids); err != nil {
			return err
		}
	}
	return nil
}

// DataResourceAvailable tells whether a resource of this code and this name, each unless it is empty, could be made in a namespace:
// nil, or ErrDataResourceCodeTaken, ErrDataResourceNameTaken, ErrNamespaceNotFound or what CreateDataResource says of their form.
func (a *Access) DataResourceAvailable(ctx context.Context, poolID, namespace, code, name string) error {
	if err := a.needNamespaces(ctx, poolID, namespace); err != nil {
		return err
	}
	if code != "" {
		if err := checkPart("resourceCode", code, directory.MaxCode); err != nil {
			return err
		}
	}
	if err := directory.CheckText("resourceName", name, directory.MaxName); err != nil {
		return err
	}
	taken, err := db.List[string](ctx, a.db, "select code from data_resources where pool_id = ? and namespace = ? and (code = ? or name = ?) limit 2",
		poolID, namespace, code, name)
	switch {
	case err != nil || len(taken) == 0:
		return err
	case slices.Contains(taken, code):
		return ErrDataResourceCodeTaken
	}
	return ErrDataResourceNameTaken
}

// AddDataFields adds fields to a tree, all of them or none. A key that is there is ErrDataFieldTaken, a resource that is no tree
// ErrDataResourceNoTree.
func (a *Access) AddDataFields(ctx context.Context, poolID, namespace, code string, list []DataField) error {
	if err := directory.CheckCount("fieldList", len(list), mostDataFields); err != nil {
		return err
	}
	_, err := a.changeDataResource(ctx, poolID, namespace, code, func(r *DataResource) error {
		r.Fields = append(r.Fields, list...)
		return nil
	})
	return err
}

// DataFieldPatch is a change of a field; nil leaves a member as it is.
type DataFieldPatch struct {
	Label, Description *string
	Options            []string
}

// UpdateDataField changes a field. Options that nodes have cannot go: fault.Field("extendFieldValue").
func (a *Access) UpdateDataField(ctx context.Context, poolID, namespace, code, key string, p DataFieldPatch) error {
	return a.changeDataField(ctx, poolID, namespace, code, key, func(r *DataResource, at int) {
		f := &r.Fields[at]
		if p.Label != nil {
			f.Label = *p.Label
		}
		if p.Description != nil {
			f.Description = *p.Description
		}
		if p.Options != nil {
			f.Options = p.Options
		}
	})
}

// DeleteDataField removes a field and its values.
func (a *Access) DeleteDataField(ctx context.Context, poolID, namespace, code, key string) error {
	return a.changeDataField(ctx, poolID, namespace, code, key, func(r *DataResource, at int) {
		r.Fields = slices.Delete(r.Fields, at, at+1)
		r.Struct.Nodes = withoutField(r.Struct.Nodes, key)
	})
}

func (a *Access) changeDataField(ctx context.Context, poolID, namespace, code, key string, apply func(r *DataResource, at int)) error {
	_, err := a.changeDataResource(ctx, poolID, namespace, code, func(r *DataResource) error {
		if r.Type != TreeData {
			return ErrDataResourceNoTree
		}
		at := slices.IndexFunc(r.Fields, func(f DataField) bool { return f.Key == key })
		if at < 0 {
			return ErrDataFieldNotFound
		}
		apply(r, at)
		return nil
	})
	return err
}

// withoutField copies nodes, so that what was read stays as it is.
func withoutField(nodes []DataNode, key string) []DataNode {
	out := slices.Clone(nodes)
	for i := range out {
		n := &out[i]
		if _, has := n.Fields[key]; has {
			left := make(map[string]jsontext.Value, len(n.Fields))
			for k, v := range n.Fields {
				if k != key {
					left[k] = v
				}
			}
			n.Fields = left
		}
		n.Children = withoutField(n.Children, key)
	}
	return out
}
