package v3

import (
	"context"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// groupDTO is a group as the wire shows one: GroupDto and ResGroupDto.
type groupDTO struct {
	ID             string         `json:"id"`
	Code           string         `json:"code"`
	Name           string         `json:"name"`
	Description    string         `json:"description"`
	Type           string         `json:"type"`
	MetadataSource []string       `json:"metadataSource"`
	Members        []userDTO      `json:"members"` // the newest few; listGroupMembers has all
	CustomData     customData     `json:"customData,omitzero"`
	Flat           jsontext.Value `json:",embed"` // custom values as members of the group
}

// groupNames are the members of a group, which no custom value replaces.
var groupNames = memberNames(reflect.TypeFor[groupDTO]())

// withGroup says what to show of a group beside what always shows.
type withGroup struct{ members, customData, flat bool }

// mostMembersShown is how many members a group shows itself with.
const mostMembersShown = 50

// viewGroups shows groups in order, with one query for all that each kind of withGroup asks for.
func (a *API) viewGroups(ctx context.Context, groups []directory.Group, w withGroup) ([]groupDTO, error) {
	ids := make([]string, len(groups))
	for i := range groups {
		ids[i] = groups[i].ID
	}
	var members map[string][]directory.User
	var values map[string][]directory.Value
	var err error
	if w.members && len(ids) > 0 {
		if members, err = a.Directory.MembersOf(ctx, poolOf(ctx), ids, mostMembersShown); err != nil {
			return nil, err
		}
	}
	if (w.customData || w.flat) && len(ids) > 0 {
		if values, err = a.Directory.Values(ctx, poolOf(ctx), directory.GroupTarget, ids); err != nil {
			return nil, err
		}
	}
	list := make([]groupDTO, len(groups))
	for i := range groups {
		g := &groups[i]
		list[i] = groupDTO{ID: g.ID, Code: g.Code, Name: g.Name, Description: g.Description, Type: g.Type}
		if list[i].Members, err = a.viewUsers(ctx, members[g.ID], with{}); err != nil {
			return nil, err
		}
		if w.customData {
			list[i].CustomData = customDataOf(values[g.ID])
		}
		if w.flat {
			list[i].Flat = flatten(values[g.ID], groupNames)
		}
	}
	return list, nil
}

func (a *API) viewGroup(ctx context.Context, g *directory.Group, w withGroup) (*groupDTO, error) {
	list, err := a.viewGroups(ctx, []directory.Group{*g}, w)
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

func (a *API) getGroup(ctx context.Context, in *GetGroupParams) (*groupDTO, error) {
	g, err := a.Directory.Group(ctx, poolOf(ctx), in.Code)
	if err != nil {
		return nil, err
	}
	return a.viewGroup(ctx, g, withGroup{members: true, customData: in.WithCustomData})
}

func (a *API) listGroups(ctx context.Context, in *ListGroupsParams) (*Page[groupDTO], error) {
	groups, total, err := a.Directory.Groups(ctx, poolOf(ctx), value(in.Keywords), pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list, err := a.viewGroups(ctx, groups, withGroup{customData: in.WithCustomData, flat: in.FlatCustomData})
	return &Page[groupDTO]{total, list}, err
}

func (a *API) getAllGroups(ctx context.Context, in *GetAllGroupsParams) ([]groupDTO, error) {
	groups, err := a.Directory.AllGroups(ctx, poolOf(ctx))
	if err != nil {
		return nil, err
	}
	return a.viewGroups(ctx, groups, withGroup{members: in.FetchMembers, customData: in.WithCustomData})
}

func (in *CreateGroupReqDto) newGroup() (directory.NewGroup, error) {
	custom, err := objectOf("customData", in.CustomData)
	return directory.NewGroup{Code: in.Code, Name: in.Name, Description: value(in.Description), Type: value(in.Type), Custom: custom}, err
}

func (a *API) createGroup(ctx context.Context, in *CreateGroupReqDto) (*groupDTO, error) {
	list, err := a.createGroups(ctx, []CreateGroupReqDto{*in})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

func (a *API) createGroupsBatch(ctx context.Context, in *CreateGroupBatchReqDto) ([]groupDTO, error) {
	return a.createGroups(ctx, in.List)
}

func (a *API) createGroups(ctx context.Context, list []CreateGroupReqDto) ([]groupDTO, error) {
	wanted := make([]directory.NewGroup, len(list))
	for i := range list {
		var err error
		if wanted[i], err = list[i].newGroup(); err != nil {
			return nil, err
		}
	}
	groups, err := a.Directory.CreateGroups(ctx, poolOf(ctx), wanted)
	if err != nil {
		return nil, err
	}
	return a.viewGroups(ctx, groups, withGroup{})
}

// putGroupDTO is the answer of createOrUpdateGroup: CreateOrUpdateGroupDataDto.
type putGroupDTO struct {
	Created bool      `json:"created"`
	Data    *groupDTO `json:"data"`
}

func (a *API) createOrUpdateGroup(ctx context.Context, in *CreateOrUpdateGroupReqDto) (*putGroupDTO, error) {
	g, created, err := a.Directory.PutGroup(ctx, poolOf(ctx), directory.NewGroup{
		Code: in.Code, Name: in.Name, Description: value(in.Description), Type: value(in.Type)})
	if err != nil {
		return nil, err
	}
	d, err := a.viewGroup(ctx, g, withGroup{members: !created})
	return &putGroupDTO{created, d}, err
}

func (a *API) updateGroup(ctx context.Context, in *UpdateGroupReqDto) (*groupDTO, error) {
	custom, err := objectOf("customData", in.CustomData)
	if err != nil {
		return nil, err
	}
	g, err := a.Directory.UpdateGroup(ctx, poolOf(ctx), in.Code, directory.GroupPatch{
		Name: in.Name, Description: in.Description, NewCode: in.NewCode, Custom: custom})
	if err != nil {
		return nil, err
	}
	return a.viewGroup(ctx, g, withGroup{members: true})
}

func (a *API) deleteGroupsBatch(ctx context.Context, in *DeleteGroupsReqDto) (success, error) {
	return succeeded(a.Directory.DeleteGroups(ctx, poolOf(ctx), in.CodeList, directory.MissingOK))
}

func (a *API) addGroupMembers(ctx context.Context, in *AddGroupMembersReqDto) (success, error) {
	return succeeded(a.Directory.AddMembers(ctx, poolOf(ctx), in.Code, in.UserIDs))
}

func (a *API) removeGroupMembers(ctx context.Context, in *RemoveGroupMembersReqDto) (success, error) {
	return succeeded(a.Directory.RemoveMembers(ctx, poolOf(ctx), in.Code, in.UserIDs))
}

func (a *API) listGroupMembers(ctx context.Context, in *ListGroupMembersParams) (*Page[userDTO], error) {
	users, total, err := a.Directory.Members(ctx, poolOf(ctx), in.Code, pageOf(in.Page, in.Limit))
	if err != nil {
		return nil, err
	}
	list, err := a.viewUsers(ctx, users, with{customData: in.WithCustomData, flat: in.FlatCustomData,
		identities: in.WithIdentities, departmentIDs: in.WithDepartmentIDs})
	return &Page[userDTO]{total, list}, err
}

func (a *API) getGroupAuthorizedResources(ctx context.Context, in *GetGroupAuthorizedResourcesParams) ([]authorizedResourceDTO, error) {
	g, err := a.Directory.Group(ctx, poolOf(ctx), in.Code)
	if err != nil {
		return nil, err
	}
	page, err := a.heldResources(ctx, access.HeldQuery{Target: access.Target{Type: directory.GroupTarget, ID: g.ID}, Namespace: value(in.Namespace),
		Type: access.ResourceType(value(in.ResourceType))})
	if err != nil {
		return nil, err
	}
	return page.List, nil
}
