package v2

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/op"
)

// mostUsers is how many users one call may name.
const mostUsers = 80

type idInput struct {
	ID *string `json:"id"`
}

// own is the user that a call means: the one it names or, for users themselves, nobody but the one who asks. Management calls
// must name one.
func (in idInput) own(c *caller.Caller) (string, error) {
	named := in.ID != nil && *in.ID != ""
	switch {
	case c.Kind == caller.User && (!named || *in.ID == c.UserID):
		return c.UserID, nil
	case c.Kind == caller.User:
		return "", op.ErrForbidden
	case !named:
		return "", fault.Field("id")
	}
	return *in.ID, nil
}

// user answers one user, null when there is none.
func (a *API) user(ctx context.Context, in *idInput) (*user, error) {
	c := caller.From(ctx)
	id, err := in.own(c)
	if err != nil {
		return nil, err
	}
	u, err := a.dir.User(ctx, c.PoolID, directory.ByID(id))
	if err == nil && c.Kind == caller.User {
		return a.showSelf(ctx, u, selected(ctx))
	}
	return a.showFound(ctx, u, err, selected(ctx))
}

// showFound shows a user who was looked for: nobody is nil and no error.
func (a *API) showFound(ctx context.Context, u *directory.User, err error, d detail) (*user, error) {
	if errors.Is(err, directory.ErrUserNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return a.showOne(ctx, u, d)
}

type usersInput struct {
	paging
	sorting
	ExcludeUsersInOrg bool `json:"excludeUsersInOrg"`
}

func (a *API) users(ctx context.Context, in *usersInput) (*page[user], error) {
	q := directory.UserQuery{Sort: in.keys()}
	if in.ExcludeUsersInOrg {
		q.Filters = []directory.Filter{{Field: "department", Operator: "IS_NULL"}}
	}
	return a.listUsers(ctx, in.paging, q)
}

func (a *API) archivedUsers(ctx context.Context, in *paging) (*page[user], error) {
	return a.listUsers(ctx, *in, directory.UserQuery{Status: directory.Archived})
}

func (a *API) listUsers(ctx context.Context, p paging, q directory.UserQuery) (*page[user], error) {
	var err error
	if q.Page, err = p.window(); err != nil {
		return nil, err
	}
	pool := caller.From(ctx).PoolID
	users, total, err := a.dir.Users(ctx, pool, q)
	if err != nil {
		return nil, err
	}
	return a.showPage(ctx, pool, users, total, selected(ctx, "list"))
}

type searchInput struct {
	paging
	Query         string           `json:"query"`
	Fields        []*string        `json:"fields"`
	DepartmentOpt []*departmentOpt `json:"departmentOpts"`
	GroupOpt      []*struct {
		Code *string `json:"code"`
	} `json:"groupOpts"`
	RoleOpt []*roleInput `json:"roleOpts"`
}

// departmentOpt is the input SearchUserDepartmentOpt, and a value of the directory's filter by department.
type departmentOpt struct {
	DepartmentID               string `json:"departmentId"`
	IncludeChildrenDepartments bool   `json:"includeChildrenDepartments"`
}

// searchUser looks for users by a part of any of the fields; departments, groups and roles narrow the search. One that is
// unknown has nobody in it.
func (a *API) searchUser(ctx context.Context, in *searchInput) (*page[user], error) {
	pool := caller.From(ctx).PoolID
	q := directory.UserQuery{Keywords: in.Query}
	for _, f := range in.Fields {
		switch {
		case f == nil:
		case *f == "lastIP":
			q.SearchOn = append(q.SearchOn, "lastIp")
		default:
			q.SearchOn = append(q.SearchOn, *f)
		}
	}
	if len(q.SearchOn) == 0 {
		q.SearchOn = directory.DefaultSearchV2
	}
	if len(in.DepartmentOpt) > 0 {
		wanted := []departmentOpt{}
		for _, d := range in.DepartmentOpt {
			if d != nil && len(directory.Findable([]string{d.DepartmentID})) > 0 && d.DepartmentID != directory.Root {
				wanted = append(wanted, *d)
			}
		}
		value, err := json.Marshal(wanted)
		if err != nil {
			return nil, err
		}
		q.Filters = []directory.Filter{{Field: "department", Operator: "IN", Value: value}}
	}
	if len(in.GroupOpt) > 0 {
		var codes []string
		for _, g := range in.GroupOpt {
			if g != nil && g.Code != nil {
				codes = append(codes, *g.Code)
			}
		}
		groups, err := a.dir.GroupsByCode(ctx, pool, codes)
		if err != nil {
			return nil, err
		}
		q.InGroups = []string{}
		for _, g := range groups {
			q.InGroups = append(q.InGroups, g.ID)
		}
	}
	if len(in.RoleOpt) > 0 {
		var refs []access.RoleRef
		for _, r := range in.RoleOpt {
			if r != nil {
				refs = append(refs, r.ref())
			}
		}
		roles, err := a.access.RolesByRef(ctx, pool, refs)
		if err != nil {
			return nil, err
		}
		q.InRoles = []string{}
		for _, r := range roles {
			q.InRoles = append(q.InRoles, r.ID)
		}
	}
	return a.listUsers(ctx, in.paging, q)
}

// keysInput names a user by what is unique in a pool.
type keysInput struct {
	Email      string `json:"email"`
	Phone      string `json:"phone"`
	Username   string `json:"username"`
	ExternalID string `json:"externalId"`
	Identity   *struct {
		Identifier  string `json:"identifier"`
		UserIDInIDP string `json:"userIdInIdp"`
		Provider    string `json:"provider"`
	} `json:"identity"`
}

// find is the first user whom any of the keys names, or directory.ErrUserNotFound.
func (a *API) find(ctx context.Context, in *keysInput) (*directory.User, error) {
	pool := caller.From(ctx).PoolID
	keys := directory.Principals{Username: in.Username, Email: in.Email, Phone: in.Phone, ExternalID: in.ExternalID}
	if in.Identity == nil && keys == (directory.Principals{}) {
		return nil, fault.New(fault.Invalid, "user_identifier_missing")
	}
	u, err := a.dir.UserByPrincipals(ctx, pool, keys)
	if in.Identity == nil || !errors.Is(err, directory.ErrUserNotFound) {
		return u, err
	}
	source := in.Identity.Provider
	if source == "" {
		source = in.Identity.Identifier
	}
	if source == "" || in.Identity.UserIDInIDP == "" {
		return nil, fault.Field("identity")
	}
	return a.dir.UserByIdentity(ctx, pool, source, in.Identity.UserIDInIDP)
}

func (a *API) findUser(ctx context.Context, in *keysInput) (*user, error) {
	u, err := a.find(ctx, in)
	return a.showFound(ctx, u, err, selected(ctx))
}

// isUserExists tells management calls of every user. Others ask as forms do that people fill in.
func (a *API) isUserExists(ctx context.Context, in *keysInput) (bool, error) {
	if c := caller.From(ctx); c.Kind != caller.Key && c.Kind != caller.System {
		if c.PoolID == "" {
			return false, directory.ErrPoolNotFound
		}
		return a.signin.AccountKnown(ctx, c.PoolID, directory.Principals{Username: in.Username, Email: in.Email, Phone: in.Phone, ExternalID: in.ExternalID})
	}
	_, err := a.find(ctx, in)
	if errors.Is(err, directory.ErrUserNotFound) {
		return false, nil
	}
	return err == nil, err
}

type batchInput struct {
	IDs  []string `json:"ids"`
	Type *string  `json:"type"`
}

// refTypes are the kinds of keys that users are asked for in bulk.
var refTypes = map[string]string{"id": "user_id", "username": "username", "phone": "phone", "email": "email", "externalId": "external_id"}

// batch finds users by keys of one kind, in the order of the keys; what names nobody is left out.
func (a *API) batch(ctx context.Context, in *batchInput) ([]directory.User, error) {
	if len(in.IDs) > mostUsers {
		return nil, errBatchTooLong
	}
	kind := "user_id"
	if in.Type != nil && *in.Type != "" {
		var ok bool
		if kind, ok = refTypes[*in.Type]; !ok {
			return nil, fault.Field("type")
		}
	}
	pool := caller.From(ctx).PoolID
	users, err := a.dir.UsersByRefs(ctx, pool, directory.Refs(kind, in.IDs))
	if fault.KindOf(err) != fault.Invalid || kind != "email" && kind != "phone" {
		return users, err
	}
	// This wire stores emails and phones of any form, which references do not take: those are looked for one by one.
	users = []directory.User{}
	for _, id := range in.IDs {
		keys := directory.Principals{Email: id}
		if kind == "phone" {
			keys = directory.Principals{Phone: id}
		}
		u, err := a.dir.UserByPrincipals(ctx, pool, keys)
		if errors.Is(err, directory.ErrUserNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		users = append(users, *u)
	}
	return users, nil
}

func (a *API) userBatch(ctx context.Context, in *batchInput) ([]user, error) {
	users, err := a.batch(ctx, in)
	if err != nil {
		return nil, err
	}
	return a.show(ctx, caller.From(ctx).PoolID, users, selected(ctx))
}

type createUserInput struct {
	UserInfo                  userInput `json:"userInfo"`
	KeepPassword              bool      `json:"keepPassword"`
	ResetPasswordOnFirstLogin bool      `json:"resetPasswordOnFirstLogin"`
	Params                    string    `json:"params"`
	Identity                  *struct {
		Provider     string `json:"provider"`
		UserIDInIDP  string `json:"userIdInIdp"`
		OpenID       string `json:"openid"`
		IsSocial     bool   `json:"isSocial"`
		ConnectionID string `json:"connectionId"`
		AccessToken  string `json:"accessToken"`
		RefreshToken string `json:"refreshToken"`
	} `json:"identity"`
}

func (a *API) createUser(ctx context.Context, in *createUserInput) (*user, error) {
	fields, err := in.UserInfo.fields()
	if err != nil {
		return nil, err
	}
	n := directory.NewUser{UserInput: fields, Password: in.UserInfo.password(in.KeepPassword)}
	if in.ResetPasswordOnFirstLogin {
		n.ResetPasswordOnLogin = &in.ResetPasswordOnFirstLogin
	}
	if n.Custom, err = customParams(in.Params); err != nil {
		return nil, err
	}
	if i := in.Identity; i != nil {
		n.Identities = []directory.NewIdentity{{Provider: i.Provider, UserIDInIDP: i.UserIDInIDP, OpenID: i.OpenID, IsSocial: i.IsSocial,
			ConnectionID: i.ConnectionID, AccessToken: i.AccessToken, RefreshToken: i.RefreshToken}}
	}
	u, err := a.dir.CreateUser(ctx, caller.From(ctx).PoolID, n)
	if err != nil {
		return nil, err
	}
	return a.showOne(ctx, u, selected(ctx))
}

// customParams reads the custom values of a new user: JSON text, a list of {key, value}.
func customParams(params string) (map[string]jsontext.Value, error) {
	if params == "" {
		return nil, nil
	}
	var list []struct {
		Key   string         `json:"key"`
		Value jsontext.Value `json:"value"`
	}
	if err := json.Unmarshal([]byte(params), &list); err != nil {
		return nil, fault.Field("params").Because(err)
	}
	values := make(map[string]jsontext.Value, len(list))
	for _, v := range list {
		if v.Key == "" || len(v.Value) == 0 {
			return nil, fault.Field("params")
		}
		values[v.Key] = v.Value
	}
	return values, nil
}

type updateUserInput struct {
	idInput
	Input      userInput `json:"input"`
	EmailToken string    `json:"emailToken"`
	PhoneToken string    `json:"phoneToken"`
}

// updateUser changes a user. Users change themselves only, and less of it.
func (a *API) updateUser(ctx context.Context, in *updateUserInput) (*user, error) {
	c := caller.From(ctx)
	id, err := in.own(c)
	if err != nil {
		return nil, err
	}
	if c.Kind == caller.User {
		return a.updateSelf(ctx, in)
	}
	p := directory.UserPatch{}
	if p.UserInput, err = in.Input.fields(); err != nil {
		return nil, err
	}
	p.Password = in.Input.password(false)
	u, err := a.dir.UpdateUser(ctx, c.PoolID, directory.ByID(id), p)
	if err != nil {
		return nil, err
	}
	return a.showOne(ctx, u, selected(ctx))
}

type deleteUserInput struct {
	ID string `json:"id"`
}

func (a *API) deleteUser(ctx context.Context, in *deleteUserInput) (*commonMessage, error) {
	return a.deleteUsers(ctx, &deleteUsersInput{IDs: []string{in.ID}})
}

type deleteUsersInput struct {
	IDs []string `json:"ids"`
}

// deleteUsers removes users, all or none.
func (a *API) deleteUsers(ctx context.Context, in *deleteUsersInput) (*commonMessage, error) {
	if err := countUsers("ids", in.IDs); err != nil {
		return nil, err
	}
	err := a.dir.DeleteUsers(ctx, caller.From(ctx).PoolID, directory.Refs("user_id", in.IDs))
	if errors.Is(err, directory.ErrUserNotFound) {
		return nil, errDeleteUnknown
	}
	if err != nil {
		return nil, err
	}
	return done(ctx), nil
}

func countUsers(name string, ids []string) error {
	switch {
	case len(ids) == 0:
		return fault.New(fault.Invalid, "list_min", name, "1")
	case len(ids) > mostUsers:
		return errBatchTooLong
	}
	return nil
}
