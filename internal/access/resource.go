package access

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Resource describes what grants and policies speak of. Its code is unique in its namespace, whatever its type. Nothing has to be
// described to be granted, and actions that are not described can be granted too.
type Resource struct {
	PoolID         string           `db:"pool_id"`
	ID             string           `db:"id"`
	Namespace      string           `db:"namespace"`
	Code           string           `db:"code"`
	Type           ResourceType     `db:"type"`
	Name           string           `db:"name"`
	Description    string           `db:"description"`
	APIIdentifier  string           `db:"api_identifier"` // the address of an API
	Actions        []ResourceAction `db:"actions,json"`   // in the order in which they were given
	LinkedToTenant bool             `db:"linked_to_tenant"`
	CreatedAt      int64            `db:"created_at"`
	UpdatedAt      int64            `db:"updated_at"`
}

// ResourceAction is what can be done with a resource.
type ResourceAction struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Ref is how callers name the resource.
func (r *Resource) Ref() ResourceRef { return ResourceRef{r.Namespace, r.Code} }

// ResourceRef names a resource by its code in a namespace; an empty namespace is the default one.
type ResourceRef struct{ Namespace, Code string }

func (r ResourceRef) normal() ResourceRef { return ResourceRef(RoleRef(r).normal()) }

// ResourceRefs name resources of one namespace.
func ResourceRefs(namespace string, codes ...string) []ResourceRef {
	refs := make([]ResourceRef, len(codes))
	for i, c := range codes {
		refs[i] = ResourceRef{namespace, c}
	}
	return refs
}

// Errors of resources.
var (
	ErrResourceNotFound  = fault.New(fault.NotFound, "resource_not_found")
	ErrResourceCodeTaken = fault.New(fault.Conflict, "resource_code_taken")
)

const (
	mostNewResources     = 50   // that one call makes or deletes
	mostResources        = 5000 // that a bulk read takes
	mostResourceActions  = 200
	longestAPIIdentifier = 1024
)

// NewResource is a resource to be made. An empty Namespace is the default one, an empty Type Data.
type NewResource struct {
	Namespace, Code   string
	Type              ResourceType
	Name, Description string
	APIIdentifier     string
	Actions           []ResourceAction
}

// CreateResource makes one resource. See CreateResources; here an empty code lets the resource's identifier be its code, and one of
// more than 64 characters is the refusal of the field "code".
func (a *Access) CreateResource(ctx context.Context, poolID string, n NewResource) (*Resource, error) {
	if err := directory.CheckText("code", n.Code, directory.MaxCode); err != nil {
		return nil, err
	}
	id := a.db.NewID()
	if n.Code == "" {
		n.Code = id
	}
	list, err := a.createResources(ctx, poolID, []NewResource{n}, []string{id})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// CreateResources makes up to 50 resources, all of them or none. A code is of 1 to 64 ASCII letters, digits and "_-.:/*": Invalid
// "resource_code_invalid" (code). One that is taken is ErrResourceCodeTaken, a namespace that is not there ErrNamespaceNotFound.
func (a *Access) CreateResources(ctx context.Context, poolID string, list []NewResource) ([]Resource, error) {
	if err := directory.CheckCount("list", len(list), mostNewResources); err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i := range ids {
		ids[i] = a.db.NewID()
	}
	return a.createResources(ctx, poolID, list, ids)
}

func (a *Access) createResources(ctx context.Context, poolID string, list []NewResource, ids []string) ([]Resource, error) {
	now := a.db.Now()
	made := make([]Resource, len(list))
	namespaces := make([]string, len(list))
	for i, n := range list {
		ref := ResourceRef{n.Namespace, n.Code}.normal()
		made[i] = Resource{PoolID: poolID, ID: ids[i], Namespace: ref.Namespace, Code: ref.Code, Type: n.Type, Name: n.Name,
			Description: n.Description, APIIdentifier: n.APIIdentifier, Actions: append([]ResourceAction{}, n.Actions...), CreatedAt: now, UpdatedAt: now}
		if n.Type == "" {
			made[i].Type = Data
		}
		if err := made[i].check(); err != nil {
			return nil, err
		}
		namespaces[i] = ref.Namespace
	}
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.lockNamespaces(ctx, poolID, namespaces); err != nil {
			return err
		}
		for i := range made {
			if err := db.Insert(ctx, a.db, "resources", &made[i]); err != nil {
				return resourceTaken(err)
			}
		}
		e := aboutResources(audit.Create, made)
		if len(made) == 1 {
			changes, err := db.Diff(&Resource{}, &made[0])
			if err != nil {
				return err
			}
			_, e.After = audit.Changes(changes)
		} else {
			e.After = resourceList(made)
		}
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (r *Resource) check() error {
	if r.Code == "" || directory.CheckText("code", r.Code, directory.MaxCode) != nil || !plainCode(r.Code, "_-.:/*") {
		return fault.New(fault.Invalid, "resource_code_invalid", r.Code)
	}
	if r.Type.check() != nil {
		return fault.Field("type")
	}
	if len(r.Actions) > mostResourceActions {
		return directory.CheckCount("actions", len(r.Actions), mostResourceActions)
	}
	for _, action := range r.Actions {
		if strings.TrimSpace(action.Name) == "" || directory.CheckText("actions", action.Name, longestAction) != nil ||
			directory.CheckText("actions", action.Description, directory.MaxDescription) != nil {
			return fault.Field("actions")
		}
	}
	for _, t := range []struct {
		field, text string
		most        int
	}{{"name", r.Name, directory.MaxName}, {"description", r.Description, directory.MaxDescription}, {"apiIdentifier", r.APIIdentifier, longestAPIIdentifier}} {
		if err := directory.CheckText(t.field, t.text, t.most); err != nil {
			return err
		}
	}
	return nil
}

func resourceTaken(err error) error {
	if db.IsUnique(err, "resources", "code") {
		return ErrResourceCodeTaken.Because(err)
	}
	return err
}

// Resource returns one resource, or ErrResourceNotFound, or ErrNamespaceNotFound where there is no such namespace.
func (a *Access) Resource(ctx context.Context, poolID string, ref ResourceRef) (*Resource, error) {
	list, err := a.needResources(ctx, poolID, []ResourceRef{ref}, "")
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// ResourceByID returns one resource, or ErrResourceNotFound.
func (a *Access) ResourceByID(ctx context.Context, poolID, id string) (*Resource, error) {
	list, err := a.resourcesByID(ctx, poolID, []string{id}, "")
	if err == nil && len(list) == 0 {
		err = ErrResourceNotFound
	}
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// ResourcesByRef returns up to 5,000 resources, by reference with the namespace filled in. Unknown ones are left out.
func (a *Access) ResourcesByRef(ctx context.Context, poolID string, refs []ResourceRef) (map[ResourceRef]Resource, error) {
	if len(refs) > mostResources {
		return nil, directory.CheckCount("resources", len(refs), mostResources)
	}
	return a.resourcesByRef(ctx, poolID, refs, "")
}

// ResourcesOf returns up to 500 resources of a namespace in the order of their codes. Unknown ones are left out; a namespace that
// is not there is ErrNamespaceNotFound.
func (a *Access) ResourcesOf(ctx context.Context, poolID, namespace string, codes []string) ([]Resource, error) {
	if len(codes) > mostNamespaces {
		return nil, directory.CheckCount("codeList", len(codes), mostNamespaces)
	}
	refs := ResourceRefs(namespace, codes...)
	if err := a.needNamespaces(ctx, poolID, ResourceRef{Namespace: namespace}.normal().Namespace); err != nil {
		return nil, err
	}
	found, err := a.resourcesByRef(ctx, poolID, refs, "")
	list := make([]Resource, 0, len(found))
	for _, r := range refs {
		if one, ok := found[r.normal()]; ok {
			list = append(list, one)
			delete(found, r.normal())
		}
	}
	return list, err
}

// ResourceQuery selects resources; what is empty selects everything.
type ResourceQuery struct {
	Namespaces []string // up to 500
	Type       ResourceType
	Keywords   string // a part of the code, the name or the description, in any ASCII case
}

// Resources returns a page of the resources that match, the latest first, and how many there are. A namespace that is not there
// is ErrNamespaceNotFound.
func (a *Access) Resources(ctx context.Context, poolID string, q ResourceQuery, p directory.Page) ([]Resource, int64, error) {
	if err := directory.CheckText("keywords", q.Keywords, directory.MaxName); err != nil {
		return nil, 0, err
	}
	if q.Type != "" && q.Type.check() != nil {
		return nil, 0, fault.Field("type")
	}
	if len(q.Namespaces) > 0 {
		if err := a.needNamespaces(ctx, poolID, q.Namespaces...); err != nil {
			return nil, 0, err
		}
	}
	return a.listResources(ctx, poolID, q, p)
}

// ResourcePatch is a change of a resource; nil leaves a field as it is.
type ResourcePatch struct {
	Name, Description, APIIdentifier *string
	Type                             *ResourceType
	Actions                          []ResourceAction // nil leaves them; otherwise they take the place of all
	LinkedToTenant                   *bool
}

// UpdateResource changes one resource and returns it as it then is. Changing nothing writes nothing. What was granted stays.
func (a *Access) UpdateResource(ctx context.Context, poolID string, ref ResourceRef, p ResourcePatch) (*Resource, error) {
	var after Resource
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		found, err := a.needResources(ctx, poolID, []ResourceRef{ref}, forUpdate)
		if err != nil {
			return err
		}
		before := found[0]
		after = before
		for _, f := range []struct{ at, value *string }{{&after.Name, p.Name}, {&after.Description, p.Description}, {&after.APIIdentifier, p.APIIdentifier}} {
			if f.value != nil {
				*f.at = *f.value
			}
		}
		if p.Type != nil {
			after.Type = *p.Type
		}
		if p.Actions != nil {
			after.Actions = p.Actions
		}
		if p.LinkedToTenant != nil {
			after.LinkedToTenant = *p.LinkedToTenant
		}
		if err := after.check(); err != nil {
			return err
		}
		changes, err := db.Diff(&before, &after)
		if err != nil || len(changes) == 0 {
			return err
		}
		after.UpdatedAt = a.db.Now()
		changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
		if err := db.Update(ctx, a.db, "resources", changes, "pool_id = ? and id = ?", poolID, after.ID); err != nil {
			return err
		}
		e := aboutResources(audit.Update, []Resource{after})
		e.Before, e.After = audit.Changes(changes)
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// DeleteResources removes up to 50 resources of a namespace with what was granted on them; grants on patterns such as "books:*" and
// policies stay. Unknown ones are passed over; a namespace that is not there is ErrNamespaceNotFound. More than 10,000 grants are
// Unprocessable "grant_limit".
func (a *Access) DeleteResources(ctx context.Context, poolID, namespace string, codes []string) error {
	if err := directory.CheckCount("codeList", len(codes), mostNewResources); err != nil {
		return err
	}
	namespace = ResourceRef{Namespace: namespace}.normal().Namespace
	return a.deleteResources(ctx, poolID, func(ctx context.Context) ([]Resource, error) {
		if err := a.lockNamespaces(ctx, poolID, []string{namespace}); err != nil {
			return nil, err
		}
		found, err := a.resourcesByRef(ctx, poolID, ResourceRefs(namespace, codes...), forUpdate)
		list := make([]Resource, 0, len(found))
		for _, r := range found {
			list = append(list, r)
		}
		return list, err
	})
}

// DeleteResourcesByID removes up to 50 resources of any namespace, as DeleteResources does.
func (a *Access) DeleteResourcesByID(ctx context.Context, poolID string, ids []string) error {
	if err := directory.CheckCount("ids", len(ids), mostNewResources); err != nil {
		return err
	}
	return a.deleteResources(ctx, poolID, func(ctx context.Context) ([]Resource, error) {
		found, err := a.resourcesByID(ctx, poolID, ids, "")
		if err != nil || len(found) == 0 {
			return nil, err
		}
		namespaces := make([]string, len(found))
		for i, r := range found {
			namespaces[i] = r.Namespace
		}
		if err := a.lockNamespaces(ctx, poolID, namespaces); err != nil {
			return nil, err
		}
		return a.resourcesByID(ctx, poolID, ids, forUpdate)
	})
}

func (a *Access) deleteResources(ctx context.Context, poolID string, find func(context.Context) ([]Resource, error)) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		list, err := find(ctx)
		if err != nil || len(list) == 0 {
			return err
		}
		slices.SortFunc(list, func(a, b Resource) int { return strings.Compare(a.ID, b.ID) })
		targets, err := a.dropResources(ctx, poolID, list)
		if err != nil {
			return err
		}
		if len(targets) > 0 {
			if err := a.changed(ctx, poolID, targets...); err != nil {
				return err
			}
		}
		e := aboutResources(audit.Delete, list)
		e.Before = resourceList(list)
		e.Before["grants"] = len(targets)
		return a.log.Add(ctx, poolID, e)
	})
}

// needResources returns the referred resources, each once, or ErrNamespaceNotFound or ErrResourceNotFound.
func (a *Access) needResources(ctx context.Context, poolID string, refs []ResourceRef, lock string) ([]Resource, error) {
	found, err := a.resourcesByRef(ctx, poolID, refs, lock)
	if err != nil {
		return nil, err
	}
	return need(ctx, a, poolID, refs, found, ErrResourceNotFound)
}

// aboutResources begins a record; only that of a single resource names it.
func aboutResources(operation string, list []Resource) audit.Event {
	e := audit.Event{Operation: operation, Resource: audit.Resource}
	if len(list) == 1 {
		e.TargetID, e.TargetName = list[0].ID, list[0].Code
	}
	return e
}

func resourceList(list []Resource) map[string]any {
	ids, codes := make([]string, len(list)), make([]string, len(list))
	for i, r := range list {
		ids[i], codes[i] = r.ID, r.Namespace+"/"+r.Code
	}
	return map[string]any{"ids": ids, "codes": codes}
}

func grantLimit() error {
	return fault.New(fault.Unprocessable, "grant_limit", strconv.Itoa(mostRevoked))
}
