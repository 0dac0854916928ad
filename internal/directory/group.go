package directory

import (
	"context"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Group is a named set of users of a pool. Code is unique in the pool; times are unix milliseconds.
type Group struct {
	PoolID      string `db:"pool_id"`
	ID          string `db:"id"`
	Code        string `db:"code"`
	Name        string `db:"name"`
	Description string `db:"description"`
	Type        string `db:"type"` // "static" unless the caller said otherwise
	CreatedAt   int64  `db:"created_at"`
	UpdatedAt   int64  `db:"updated_at"`
}

// Errors of groups.
var (
	ErrGroupNotFound  = fault.New(fault.NotFound, "group_not_found")
	ErrGroupCodeTaken = fault.New(fault.Conflict, "group_code_taken")
)

const (
	mostNewGroups   = 50
	mostGroupCodes  = 500
	mostMembers     = 500  // that one call adds or removes
	mostGroupsAtAll = 1000 // that AllGroups returns and bulk reads take
	mostGroupsOf    = 200  // that GroupsOfUsers returns for each user
	mostMembersOf   = 50   // that MembersOf returns for each group
)

// Missing says what a verb over a batch of codes does about those that nothing has.
type Missing uint8

const (
	MissingOK    Missing = iota // they are passed over
	MissingFails                // the whole batch fails
)

// NewGroup is a group to be made. An empty Type means "static".
type NewGroup struct {
	Code, Name, Description, Type string
	Custom                        map[string]jsontext.Value
}

func (n *NewGroup) group(poolID, id string, now int64) (Group, error) {
	if n.Type == "" {
		n.Type = "static"
	}
	g := Group{PoolID: poolID, ID: id, Code: n.Code, Name: n.Name, Description: n.Description, Type: n.Type, CreatedAt: now, UpdatedAt: now}
	return g, g.check()
}

func (g *Group) check() error {
	if err := CheckCode("code", g.Code); err != nil {
		return err
	}
	if err := clean("name", g.Name, MaxName); err != nil {
		return err
	}
	if err := clean("description", g.Description, MaxDescription); err != nil {
		return err
	}
	return clean("type", g.Type, MaxCode)
}

// CreateGroup makes one group. See CreateGroups.
func (d *Directory) CreateGroup(ctx context.Context, poolID string, n NewGroup) (*Group, error) {
	groups, err := d.CreateGroups(ctx, poolID, []NewGroup{n})
	if err != nil {
		return nil, err
	}
	return &groups[0], nil
}

// CreateGroups makes up to 50 groups, all of them or none, with their custom values. A code that is taken, also by another of
// the batch, is ErrGroupCodeTaken.
func (d *Directory) CreateGroups(ctx context.Context, poolID string, list []NewGroup) ([]Group, error) {
	if err := CheckCount("list", len(list), mostNewGroups); err != nil {
		return nil, err
	}
	groups := make([]Group, len(list))
	values := make([]TargetValues, 0, len(list))
	for i := range list {
		var err error
		if groups[i], err = list[i].group(poolID, d.db.NewID(), d.db.Now()); err != nil {
			return nil, err
		}
		if len(list[i].Custom) > 0 {
			values = append(values, TargetValues{groups[i].ID, list[i].Custom})
		}
	}
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		for i := range groups {
			if err := db.Insert(ctx, d.db, "groups", &groups[i]); err != nil {
				return groupTaken(err)
			}
		}
		custom, err := d.writeValues(ctx, poolID, GroupTarget, values)
		if err != nil {
			return err
		}
		if len(groups) == 1 {
			return d.logNewGroup(ctx, &groups[0], custom)
		}
		e := aboutGroups(audit.Create, groups)
		e.After = groupList(groups)
		return d.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return groups, nil
}

// PutGroup makes the group of a code, or gives the one that has it this name, description and type. It reports whether the
// group is new. Custom values that n does not name stay, and so does what makes a group dynamic or static: SetRule and RemoveRule
// change that.
func (d *Directory) PutGroup(ctx context.Context, poolID string, n NewGroup) (g *Group, created bool, err error) {
	want, err := n.group(poolID, d.db.NewID(), d.db.Now())
	if err != nil {
		return nil, false, err
	}
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		had, err := d.claimGroup(ctx, &want)
		if err != nil {
			return err
		}
		created, g = had.ID == want.ID, &had
		if !created {
			next := had
			next.Name, next.Description = want.Name, want.Description
			if had.Type != DynamicGroup && want.Type != DynamicGroup {
				next.Type = want.Type
			}
			g = &next
			return d.saveGroup(ctx, &had, g, n.Custom)
		}
		custom, err := d.writeValues(ctx, poolID, GroupTarget, []TargetValues{{g.ID, n.Custom}})
		if err != nil {
			return err
		}
		return d.logNewGroup(ctx, g, custom)
	})
	if err != nil {
		return nil, false, err
	}
	return g, created, nil
}

// GroupPatch is a change of a group; nil leaves a field as it is. An empty NewCode does so too.
type GroupPatch struct {
	Name, Description, NewCode *string
	Custom                     map[string]jsontext.Value // a null removes the value
}

// UpdateGroup changes the group of a code and returns it as it then is. Changing nothing writes nothing.
func (d *Directory) UpdateGroup(ctx context.Context, poolID, code string, p GroupPatch) (*Group, error) {
	var after Group
	err := d.db.Tx(ctx, func(ctx context.Context) error {
		before, err := d.groupByCode(ctx, poolID, code, forUpdate)
		if err != nil {
			return err
		}
		after = *before
		if p.NewCode != nil && *p.NewCode != "" {
			if err := CheckCode("newCode", *p.NewCode); err != nil {
				return err
			}
			after.Code = *p.NewCode
		}
		if p.Name != nil {
			after.Name = *p.Name
		}
		if p.Description != nil {
			after.Description = *p.Description
		}
		if err := after.check(); err != nil {
			return err
		}
		return d.saveGroup(ctx, before, &after, p.Custom)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// saveGroup writes what differs between two versions of a locked group, and its record.
func (d *Directory) saveGroup(ctx context.Context, before, after *Group, values map[string]jsontext.Value) error {
	custom, err := d.writeValues(ctx, after.PoolID, GroupTarget, []TargetValues{{after.ID, values}})
	if err != nil {
		return err
	}
	changes, err := db.Diff(before, after)
	if err != nil || len(changes) == 0 && len(custom) == 0 {
		return err
	}
	after.UpdatedAt = d.db.Now()
	changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
	if err := db.Update(ctx, d.db, "groups", changes, "pool_id = ? and id = ?", after.PoolID, after.ID); err != nil {
		return groupTaken(err)
	}
	if err := d.db.Publish(ctx, after.PoolID, MembersTopic, string(GroupTarget)+":"+after.ID); err != nil {
		return err
	}
	e := aboutGroups(audit.Update, []Group{*after})
	e.Before, e.After = audit.Changes(changes)
	custom.record(&e)
	return d.log.Add(ctx, after.PoolID, e)
}

func (d *Directory) logNewGroup(ctx context.Context, g *Group, custom valueChanges) error {
	changes, err := db.Diff(&Group{}, g)
	if err != nil {
		return err
	}
	e := aboutGroups(audit.Create, []Group{*g})
	e.Before, e.After = audit.Changes(changes)
	custom.record(&e)
	return d.log.Add(ctx, g.PoolID, e)
}

// DeleteGroups removes the groups of up to 500 codes with their memberships, custom values and what other packages keep for
// them (OnGroupsDeleted). With MissingFails an unknown code is ErrGroupNotFound and nothing is removed.
func (d *Directory) DeleteGroups(ctx context.Context, poolID string, codes []string, missing Missing) error {
	if err := CheckCount("codeList", len(codes), mostGroupCodes); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		if err := d.lockRules(ctx, poolID); err != nil {
			return err
		}
		groups, err := d.lockGroupsByCode(ctx, poolID, codes)
		if err != nil {
			return err
		}
		if missing == MissingFails && len(groups) < distinct(codes) {
			return ErrGroupNotFound
		}
		if len(groups) == 0 {
			return nil
		}
		ids := make([]string, len(groups))
		for i, g := range groups {
			ids[i] = g.ID
		}
		for _, f := range d.groupsDeleted {
			if err := f(ctx, poolID, ids); err != nil {
				return err
			}
		}
		if err := d.removeValues(ctx, poolID, GroupTarget, ids); err != nil {
			return err
		}
		if slices.ContainsFunc(groups, func(g Group) bool { return g.Type == DynamicGroup }) {
			if err := d.dropRules(ctx, poolID, ids); err != nil {
				return err
			}
		}
		if err := d.dropGroups(ctx, poolID, ids); err != nil {
			return err
		}
		e := aboutGroups(audit.Delete, groups)
		if len(groups) == 1 {
			changes, err := db.Diff(&groups[0], &Group{})
			if err != nil {
				return err
			}
			e.Before, _ = audit.Changes(changes)
		} else {
			e.Before = groupList(groups)
		}
		return d.log.Add(ctx, poolID, e)
	})
}

// OnGroupsDeleted registers f to run, inside the transaction, before groups are deleted: it removes what another package has
// given them. Call it while building, not later.
func (d *Directory) OnGroupsDeleted(f func(ctx context.Context, poolID string, groupIDs []string) error) {
	d.groupsDeleted = append(d.groupsDeleted, f)
}

// Group returns the group of a code, or ErrGroupNotFound.
func (d *Directory) Group(ctx context.Context, poolID, code string) (*Group, error) {
	return d.groupByCode(ctx, poolID, code, "")
}

// GroupsByCode returns the groups of up to 1,000 codes, by code. Unknown ones are left out.
func (d *Directory) GroupsByCode(ctx context.Context, poolID string, codes []string) (map[string]Group, error) {
	return d.groupsBy(ctx, poolID, "code", codes, func(g *Group) string { return g.Code })
}

// GroupsByID returns the groups of up to 1,000 identifiers, by identifier. Unknown ones are left out.
func (d *Directory) GroupsByID(ctx context.Context, poolID string, ids []string) (map[string]Group, error) {
	return d.groupsBy(ctx, poolID, "id", ids, func(g *Group) string { return g.ID })
}

// Groups returns a page of the groups whose name or code contains keywords in any ASCII case, newest first, and how many
// there are.
func (d *Directory) Groups(ctx context.Context, poolID, keywords string, p Page) ([]Group, int64, error) {
	if err := clean("keywords", keywords, MaxName); err != nil {
		return nil, 0, err
	}
	return d.listGroups(ctx, poolID, keywords, p)
}

// AllGroups returns every group of a pool, newest first, but no more than 1,000.
func (d *Directory) AllGroups(ctx context.Context, poolID string) ([]Group, error) {
	groups, _, err := d.listGroups(ctx, poolID, "", Page{1, mostGroupsAtAll})
	return groups, err
}

// GroupsOf returns a page of the groups that a user is in now, newest group first, and how many there are.
func (d *Directory) GroupsOf(ctx context.Context, poolID, userID string, p Page) ([]Group, int64, error) {
	return d.listGroupsOf(ctx, poolID, userID, p)
}

// GroupsOfUsers returns the groups of up to 1,000 users, by user: for each the newest 200.
func (d *Directory) GroupsOfUsers(ctx context.Context, poolID string, userIDs []string) (map[string][]Group, error) {
	if len(userIDs) > mostGroupsAtAll {
		return nil, CheckCount("userIds", len(userIDs), mostGroupsAtAll)
	}
	return d.groupsOfUsers(ctx, poolID, Findable(userIDs), mostGroupsOf)
}

// AddMembers puts up to 500 users into a group at once and for always, as AddMembersFor does.
func (d *Directory) AddMembers(ctx context.Context, poolID, code string, userIDs []string) error {
	return d.AddMembersFor(ctx, poolID, code, userIDs, Period{})
}

// AddMembersFor puts up to 500 users into a group for a period. Who is in it already is so for the new period then; an unknown
// user is ErrUserNotFound and nobody is added. A period that is over or has no length is fault.Field("endTime"), a dynamic group
// ErrGroupDynamic.
func (d *Directory) AddMembersFor(ctx context.Context, poolID, code string, userIDs []string, p Period) error {
	if err := CheckCount("userIds", len(userIDs), mostMembers); err != nil {
		return err
	}
	if err := p.Check(d.db.Now(), "startTime", "endTime"); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		g, err := d.groupByCode(ctx, poolID, code, forUpdate)
		if err != nil {
			return err
		}
		if g.Type == DynamicGroup {
			return ErrGroupDynamic
		}
		if err := d.LockUsers(ctx, poolID, userIDs); err != nil {
			return err
		}
		added, err := d.saveMembers(ctx, inGroups, poolID, g.ID, userIDs, p.Term(), getsPeriod)
		if err != nil || len(added) == 0 {
			return err
		}
		e := aboutGroups(audit.Add, []Group{*g})
		e.After = map[string]any{"user_ids": added}
		p.Record(e.After)
		return d.log.Add(ctx, poolID, e)
	})
}

// RemoveMembers takes up to 500 users out of a group, also those who were to come later. Who is not in it, or is nobody, is passed
// over. A dynamic group is ErrGroupDynamic.
func (d *Directory) RemoveMembers(ctx context.Context, poolID, code string, userIDs []string) error {
	if err := CheckCount("userIds", len(userIDs), mostMembers); err != nil {
		return err
	}
	return d.db.Tx(ctx, func(ctx context.Context) error {
		g, err := d.groupByCode(ctx, poolID, code, "")
		if err != nil {
			return err
		}
		if g.Type == DynamicGroup {
			return ErrGroupDynamic
		}
		removed, err := d.deleteMembers(ctx, g, userIDs)
		if err != nil || len(removed) == 0 {
			return err
		}
		e := aboutGroups(audit.Remove, []Group{*g})
		e.Before = map[string]any{"user_ids": removed}
		return d.log.Add(ctx, poolID, e)
	})
}

// Members returns a page of the users of a group, newest member first, and how many there are.
func (d *Directory) Members(ctx context.Context, poolID, code string, p Page) ([]User, int64, error) {
	g, err := d.groupByCode(ctx, poolID, code, "")
	if err != nil {
		return nil, 0, err
	}
	return d.listMembers(ctx, g, p)
}

// MembersOf returns the newest members, at most limit and never over 50 each, of up to 1,000 groups, by group identifier.
func (d *Directory) MembersOf(ctx context.Context, poolID string, groupIDs []string, limit int) (map[string][]User, error) {
	if len(groupIDs) > mostGroupsAtAll {
		return nil, CheckCount("groupIds", len(groupIDs), mostGroupsAtAll)
	}
	return d.membersOf(ctx, poolID, Findable(groupIDs), min(max(limit, 1), mostMembersOf))
}

// IsMember reports whether a user is in the group of a code, or ErrGroupNotFound.
func (d *Directory) IsMember(ctx context.Context, poolID, code, userID string) (bool, error) {
	g, err := d.groupByCode(ctx, poolID, code, "")
	if err != nil {
		return false, err
	}
	return d.hasMember(ctx, g, userID)
}

// LockUsers makes sure that the users exist, and that none is deleted before the transaction of ctx ends. An unknown one is
// ErrUserNotFound.
func (d *Directory) LockUsers(ctx context.Context, poolID string, ids []string) error {
	return d.lock(ctx, "users", "id", poolID, ids, ErrUserNotFound)
}

// LockGroups makes sure that the groups exist, and that none is deleted before the transaction of ctx ends. An unknown one is
// ErrGroupNotFound.
func (d *Directory) LockGroups(ctx context.Context, poolID string, ids []string) error {
	return d.lock(ctx, "groups", "code", poolID, ids, ErrGroupNotFound)
}

func groupTaken(err error) error {
	if db.IsUnique(err, "groups", "code") {
		return ErrGroupCodeTaken.Because(err)
	}
	return err
}

// aboutGroups begins a record; only that of a single group names it.
func aboutGroups(operation string, groups []Group) audit.Event {
	e := audit.Event{Operation: operation, Resource: audit.UserGroup}
	if len(groups) == 1 {
		e.TargetID, e.TargetName = groups[0].ID, groups[0].Code
	}
	return e
}

func groupList(groups []Group) map[string]any {
	ids, codes := make([]string, len(groups)), make([]string, len(groups))
	for i, g := range groups {
		ids[i], codes[i] = g.ID, g.Code
	}
	return map[string]any{"ids": ids, "codes": codes}
}

func distinct(list []string) int {
	sorted := slices.Sorted(slices.Values(list))
	return len(slices.Compact(sorted))
}

// notFound turns db.NoRow into what the caller may be told.
func notFound(err error, known *fault.Error) error {
	if errors.Is(err, db.NoRow) {
		return known
	}
	return err
}
