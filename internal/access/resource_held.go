package access

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// HeldQuery asks what a target may do with resources. An empty Namespace is the default one, an empty Type asks for all.
type HeldQuery struct {
	Target    Target
	Namespace string
	Type      ResourceType
	Resources []string // only those that begin with one of these, of which a "*" at the end is taken off; none asks for all
	Denied    bool     // also what is denied
}

// HeldResource is a resource with what may or may not be done with it.
type HeldResource struct {
	AuthorizedResource
	Effect Effect
}

// HeldResources returns what a user may do now by themselves and through others, or what another target was itself granted: first what is
// allowed, then, where asked for, what is denied. Errors are those of AuthorizedResources.
func (a *Access) HeldResources(ctx context.Context, poolID string, q HeldQuery) ([]HeldResource, error) {
	f := ResourceFilter{Namespace: cmp.Or(q.Namespace, Default), Type: q.Type}
	read := func(p directory.Page) ([]AuthorizedResource, int64, error) {
		if q.Target.Type == directory.UserTarget {
			return a.AuthorizedResourcesOfUser(ctx, poolID, q.Target.ID, f, p)
		}
		return a.AuthorizedResources(ctx, poolID, q.Target, f, p)
	}
	allowed, _, err := read(directory.Page{})
	if err != nil {
		return nil, err
	}
	out := make([]HeldResource, 0, len(allowed))
	for _, r := range allowed {
		if q.wants(r.Code) {
			out = append(out, HeldResource{r, Allow})
		}
	}
	if !q.Denied {
		return out, nil
	}
	var list rules
	if q.Target.Type == directory.UserTarget {
		list, err = a.view(ctx, poolID).rulesOfUser(ctx, q.Target.ID, f)
	} else {
		var grants []grant
		grants, err = a.grantsOf(ctx, poolID, q.Target, f)
		for i := range grants {
			list = append(list, ruleOf(&grants[i]))
		}
	}
	if err != nil {
		return nil, err
	}
	for _, r := range list.denied(q.Type) {
		if q.wants(r.Code) {
			out = append(out, HeldResource{r, Deny})
		}
	}
	return out, nil
}

// wants reports whether a resource is among those asked for.
func (q *HeldQuery) wants(resource string) bool {
	return len(q.Resources) == 0 || slices.ContainsFunc(q.Resources, func(p string) bool {
		return strings.HasPrefix(resource, strings.TrimSuffix(p, "*"))
	})
}

// denied makes one entry of all rules that deny something on a resource, by resource.
func (list rules) denied(of ResourceType) []AuthorizedResource {
	type key struct {
		of       ResourceType
		resource string
	}
	at := make(map[key]int)
	whole := make(map[int]bool) // denied without naming actions
	var all []AuthorizedResource
	for i := range list {
		r := &list[i]
		if r.effect != Deny {
			continue
		}
		k := key{cmp.Or(r.resourceType, of, Data), r.resource}
		n, ok := at[k]
		if !ok {
			n = len(all)
			at[k] = n
			all = append(all, AuthorizedResource{Namespace: r.namespace, Code: k.resource, Type: k.of})
		}
		all[n].Actions = append(all[n].Actions, r.actions...)
		whole[n] = whole[n] || len(r.actions) == 0
	}
	for i := range all {
		all[i].Actions = sorted(all[i].Actions)
		if whole[i] {
			all[i].Actions = nil
		}
	}
	slices.SortFunc(all, func(a, b AuthorizedResource) int {
		return cmp.Or(strings.Compare(a.Code, b.Code), strings.Compare(string(a.Type), string(b.Type)))
	})
	return all
}
