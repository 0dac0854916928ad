package v2

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// group is the type Group. Its users and grants have resolvers.
type group struct {
	Code        string  `json:"code"`
	Name        string  `json:"name"`
	Description *string `json:"description"`
	CreatedAt   *string `json:"createdAt"`
	UpdatedAt   *string `json:"updatedAt"`

	of *directory.Group
}

func viewGroup(g *directory.Group) group {
	return group{g.Code, g.Name, text(&g.Description), timeText(g.CreatedAt), timeText(g.UpdatedAt), g}
}

func viewGroups(list []directory.Group, total int64) *page[group] {
	views := make([]group, len(list))
	for i := range list {
		views[i] = viewGroup(&list[i])
	}
	return &page[group]{total, views}
}

type codeInput struct {
	Code string `json:"code"`
}

// group answers one group, null when there is none.
func (a *API) group(ctx context.Context, in *codeInput) (*group, error) {
	g, err := a.dir.Group(ctx, caller.From(ctx).PoolID, in.Code)
	if errors.Is(err, directory.ErrGroupNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	view := viewGroup(g)
	return &view, nil
}

type groupsInput struct {
	paging
	sorting
	UserID string `json:"userId"`
}

func (a *API) groups(ctx context.Context, in *groupsInput) (*page[group], error) {
	if err := in.newestFirst(); err != nil {
		return nil, err
	}
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	var list []directory.Group
	var total int64
	pool := caller.From(ctx).PoolID
	if in.UserID != "" {
		list, total, err = a.dir.GroupsOf(ctx, pool, in.UserID, w)
	} else {
		list, total, err = a.dir.Groups(ctx, pool, "", w)
	}
	if err != nil {
		return nil, err
	}
	return viewGroups(list, total), nil
}

type createGroupInput struct {
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (a *API) createGroup(ctx context.Context, in *createGroupInput) (*group, error) {
	g, err := a.dir.CreateGroup(ctx, caller.From(ctx).PoolID, directory.NewGroup{Code: in.Code, Name: in.Name, Description: in.Description})
	if err != nil {
		return nil, err
	}
	view := viewGroup(g)
	return &view, nil
}

type updateGroupInput struct {
	Code        string  `json:"code"`
	Name        *string `json:"name"`
	Description *string `json:"description"`
	NewCode     *string `json:"newCode"`
}

func (a *API) updateGroup(ctx context.Context, in *updateGroupInput) (*group, error) {
	g, err := a.dir.UpdateGroup(ctx, caller.From(ctx).PoolID, in.Code, directory.GroupPatch{Name: in.Name, Description: in.Description, NewCode: in.NewCode})
	if err != nil {
		return nil, err
	}
	view := viewGroup(g)
	return &view, nil
}

type codesInput struct {
	CodeList []string `json:"codeList"`
}

// deleteGroups removes groups, all or none: an unknown code is an error on this wire.
func (a *API) deleteGroups(ctx context.Context, in *codesInput) (*commonMessage, error) {
	if err := a.dir.DeleteGroups(ctx, caller.From(ctx).PoolID, in.CodeList, directory.MissingFails); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

type membersInput struct {
	Code    string   `json:"code"`
	UserIDs []string `json:"userIds"`
}

func (a *API) addUserToGroup(ctx context.Context, in *membersInput) (*commonMessage, error) {
	if err := a.dir.AddMembers(ctx, caller.From(ctx).PoolID, in.Code, in.UserIDs); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

// removeUserFromGroup takes users out of a group; who is not in it is passed over.
func (a *API) removeUserFromGroup(ctx context.Context, in *membersInput) (*commonMessage, error) {
	if err := a.dir.RemoveMembers(ctx, caller.From(ctx).PoolID, in.Code, in.UserIDs); err != nil {
		return nil, err
	}
	return done(ctx), nil
}

func (a *API) groupUsers(ctx context.Context, g *group, in *paging) (*page[user], error) {
	w, err := in.window()
	if err != nil {
		return nil, err
	}
	users, total, err := a.dir.Members(ctx, g.of.PoolID, g.Code, w)
	if err != nil {
		return nil, err
	}
	return a.showPage(ctx, g.of.PoolID, users, total, selected(ctx, "list"))
}

// mostShown bounds the groups and roles of a user, which the schema does not page.
const mostShown = 200

func (a *API) userGroups(ctx context.Context, u *user, _ *struct{}) (*page[group], error) {
	list, total, err := a.dir.GroupsOf(ctx, u.UserPoolID, u.ID, directory.Page{Page: 1, Limit: mostShown})
	if err != nil {
		return nil, err
	}
	return viewGroups(list, total), nil
}
