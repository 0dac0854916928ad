package v2

import (
	"context"
	"strings"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

type isAllowedInput struct {
	UserID    string `json:"userId" rule:"required"`
	Resource  string `json:"resource" rule:"required"`
	Action    string `json:"action" rule:"required"`
	Namespace string `json:"namespace"`
	TenantID  string `json:"tenantId"`
}

// question is what the input asks. There are no tenants: to name one is to name nobody.
func (in *isAllowedInput) question() (access.Question, error) {
	for _, f := range []struct{ name, value string }{{"userId", in.UserID}, {"resource", in.Resource}, {"action", in.Action}} {
		if f.value == "" {
			return access.Question{}, fault.Field(f.name)
		}
	}
	if in.TenantID != "" {
		return access.Question{}, errTenantNotFound
	}
	return access.Question{UserID: in.UserID, Namespace: in.Namespace, Resource: in.Resource, Action: in.Action}, nil
}

// isActionAllowed answers whether a user may do something.
func (a *API) isActionAllowed(ctx context.Context, in *isAllowedInput) (bool, error) {
	q, err := in.question()
	if err != nil {
		return false, err
	}
	return a.access.Decide(ctx, caller.From(ctx).PoolID, q)
}

// isActionDenied answers whether a rule denies it to the user. What nothing allows is not denied.
func (a *API) isActionDenied(ctx context.Context, in *isAllowedInput) (bool, error) {
	q, err := in.question()
	if err != nil {
		return false, err
	}
	why, err := a.access.Explain(ctx, caller.From(ctx).PoolID, q)
	if err != nil {
		return false, err
	}
	return !why.Allowed && why.DecidedBy != nil && why.DecidedBy.Effect == access.Deny, nil
}

// allowed is the answer of isAllowed.
type allowed struct {
	Allowed bool `json:"allowed"`
}

func (a *API) isAllowed(ctx context.Context, in *isAllowedInput) (*allowed, error) {
	yes, err := a.isActionAllowed(ctx, in)
	if err != nil {
		return nil, err
	}
	return &allowed{yes}, nil
}

// authorizationInput gives or takes resources in one namespace.
type authorizationInput struct {
	Namespace string `json:"namespace"`
	Opts      []struct {
		Type        string   `json:"targetType" rule:"required"`
		Identifiers []string `json:"targetIdentifiers" rule:"required"`
		Resources   []struct {
			Code    string              `json:"code" rule:"required"`
			Actions []string            `json:"actions"`
			Type    access.ResourceType `json:"resourceType"`
		} `json:"resources" rule:"required"`
	} `json:"opts" rule:"required"`
}

// names are the targets of all options, each option's behind those of the one before.
func (in *authorizationInput) names() ([]targetName, error) {
	var names []targetName
	grants := 0
	for _, o := range in.Opts {
		names = append(names, targetNames(o.Type, o.Identifiers)...)
		grants += len(o.Identifiers) * len(o.Resources)
	}
	return names, directory.CheckCount("opts", grants, mostGrants)
}

// authorizeResources grants resources to targets, in each option all to all, all options or none.
func (a *API) authorizeResources(ctx context.Context, in *authorizationInput) (struct{}, error) {
	names, err := in.names()
	if err != nil {
		return struct{}{}, err
	}
	targets, err := a.needTargets(ctx, in.Namespace, names)
	if err != nil {
		return struct{}{}, err
	}
	var grants []access.NewGrant
	for _, o := range in.Opts {
		own := targets[:len(o.Identifiers)]
		targets = targets[len(o.Identifiers):]
		for _, t := range own {
			for _, r := range o.Resources {
				grants = append(grants, access.NewGrant{Namespace: in.Namespace, Target: t, Resource: r.Code, ResourceType: r.Type, Actions: r.Actions})
			}
		}
	}
	return struct{}{}, a.access.Grant(ctx, caller.From(ctx).PoolID, grants)
}

// revokeResources takes resources from targets, in each option all from all; without actions, all actions. Who or what is not there
// has nothing to lose.
func (a *API) revokeResources(ctx context.Context, in *authorizationInput) (struct{}, error) {
	names, err := in.names()
	if err != nil {
		return struct{}{}, err
	}
	there, err := a.targetsThere(ctx, in.Namespace, names)
	if err != nil {
		return struct{}{}, err
	}
	var list []access.Revocation
	for _, o := range in.Opts {
		for _, id := range o.Identifiers {
			t, ok := there[targetName{o.Type, id}]
			if !ok {
				continue
			}
			for _, r := range o.Resources {
				list = append(list, revocation(in.Namespace, t, r.Code, r.Type, r.Actions))
			}
		}
	}
	return struct{}{}, a.revoke(ctx, in.Namespace, list)
}

// revocation takes a resource from a target: a bare type with all of its items, anything else exactly as it is named.
func revocation(namespace string, t access.Target, resource string, of access.ResourceType, actions []string) access.Revocation {
	return access.Revocation{Namespace: namespace, Target: t, Resource: resource, ResourceType: of, Actions: actions,
		Items: resource != "*" && !strings.Contains(resource, ":")}
}

// revoke takes back what list says. The namespace must be there even where nobody of the targets is.
func (a *API) revoke(ctx context.Context, namespace string, list []access.Revocation) error {
	pool := caller.From(ctx).PoolID
	if len(list) > 0 {
		return a.access.Revoke(ctx, pool, list)
	}
	if namespace == "" {
		return nil
	}
	_, err := a.access.Namespace(ctx, pool, namespace)
	return err
}

type revokeResourceInput struct {
	Namespace string `json:"namespace"`
	Resource  string `json:"resource" rule:"required"`
	Opts      []struct {
		targetName
	} `json:"opts" rule:"required"`
}

// revokeResource takes one resource with all its actions from targets.
func (a *API) revokeResource(ctx context.Context, in *revokeResourceInput) (struct{}, error) {
	names := make([]targetName, len(in.Opts))
	for i, o := range in.Opts {
		names[i] = o.targetName
	}
	targets, err := a.targetsIfThere(ctx, in.Namespace, names)
	if err != nil {
		return struct{}{}, err
	}
	list := make([]access.Revocation, len(targets))
	for i, t := range targets {
		list[i] = revocation(in.Namespace, t, in.Resource, "", nil)
	}
	return struct{}{}, a.revoke(ctx, in.Namespace, list)
}

type authorizedResourcesBatchInput struct {
	resourcesInput
	Targets []targetName `json:"targets" rule:"required,items=50"`
}

// resourceLists is the answer of authorizedResourcesBatch.
type resourceLists struct {
	List []*page[authorizedResource] `json:"list"`
}

// authorizedResourcesBatch lists for each target, in their order, what authorizedResources does.
func (a *API) authorizedResourcesBatch(ctx context.Context, in *authorizedResourcesBatchInput) (*resourceLists, error) {
	targets, err := a.needTargets(ctx, in.Namespace, in.Targets)
	if err != nil {
		return nil, err
	}
	out := &resourceLists{make([]*page[authorizedResource], len(targets))}
	for i, t := range targets {
		if out.List[i], err = a.resourcesOf(ctx, t, in.filter()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type authorizedTargetsInput struct {
	Namespace    string              `json:"namespace"`
	ResourceType access.ResourceType `json:"resourceType"`
	Resource     string              `json:"resource"`
	TargetType   string              `json:"targetType"`
	Actions      *struct {
		Op   string    `json:"op"`
		List []*string `json:"list"`
	} `json:"actions"`
}

// authorizedTarget is the type ResourcePermissionAssignment.
type authorizedTarget struct {
	TargetType       string   `json:"targetType"`
	TargetIdentifier string   `json:"targetIdentifier"`
	Actions          []string `json:"actions"`
}

// authorizedTargets lists who was granted a resource themselves, with all or with one of the actions where some are named.
func (a *API) authorizedTargets(ctx context.Context, in *authorizedTargetsInput) (*page[authorizedTarget], error) {
	q := access.TargetQuestion{Namespace: in.Namespace, Resource: in.Resource, ResourceType: in.ResourceType}
	if in.TargetType != "" {
		if q.TargetType = targetTypeOf(in.TargetType); errNoTarget[q.TargetType] == nil {
			return nil, fault.Field("targetType")
		}
	}
	if in.Resource == "" {
		return nil, fault.Field("resource")
	}
	if in.Actions != nil {
		q.AllActions = in.Actions.Op == "AND"
		for _, action := range in.Actions.List {
			if action == nil || *action == "" {
				return nil, fault.Field("actions")
			}
			q.Actions = append(q.Actions, *action)
		}
	}
	list, total, err := a.access.AuthorizedTargets(ctx, caller.From(ctx).PoolID, q)
	if err != nil {
		return nil, err
	}
	targets := make([]access.Target, len(list))
	for i, t := range list {
		targets[i] = t.Target
	}
	names, err := a.namesOf(ctx, targets)
	if err != nil {
		return nil, err
	}
	views := make([]authorizedTarget, len(list))
	for i, t := range list {
		name := names[t.Target]
		views[i] = authorizedTarget{name.Type, name.Identifier, t.Actions}
	}
	return &page[authorizedTarget]{total, views}, nil
}
