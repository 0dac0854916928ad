package v2

import (
	"context"
	"errors"
	"strconv"
	"strings"

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

// commonMessage is the type CommonMessage: what answers a change that has nothing to show.
type commonMessage struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// done answers a change in the caller's language.
func done(ctx context.Context) *commonMessage {
	if english(caller.From(ctx)) {
		return &commonMessage{200, "Done"}
	}
	return &commonMessage{200, "操作成功"}
}

// paging is the page that a list is asked for.
type paging struct {
	Page  *int64 `json:"page"`
	Limit *int64 `json:"limit"`
}

const (
	defaultLimit = 10
	mostLimit    = 100
)

// window is the page in the directory's terms: the first of ten where nothing is given, and never more than a hundred.
func (p paging) window() (directory.Page, error) {
	return window(p.Page, p.Limit, mostLimit)
}

func window(page, limit *int64, most int64) (directory.Page, error) {
	w := directory.Page{Page: 1, Limit: defaultLimit}
	if page != nil {
		if *page < 1 || *page > 1<<31 {
			return w, fault.Field("page")
		}
		w.Page = int(*page)
	}
	if limit != nil {
		if *limit < 1 {
			return w, fault.Field("limit")
		}
		if *limit > most {
			return w, fault.New(fault.Invalid, "field_max", "limit", strconv.FormatInt(most, 10))
		}
		w.Limit = int(*limit)
	}
	return w, nil
}

// sorting is the argument sortBy, for users. Newest first is the directory's own order.
type sorting struct {
	SortBy string `json:"sortBy"`
}

func (s sorting) keys() []directory.Sort {
	switch s.SortBy {
	case "CREATEDAT_ASC":
		return []directory.Sort{{Field: "createdAt"}}
	case "UPDATEDAT_ASC":
		return []directory.Sort{{Field: "updatedAt"}}
	case "UPDATEDAT_DESC":
		return []directory.Sort{{Field: "updatedAt", Descending: true}}
	}
	return nil
}

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
	// excludeUsersInOrg is not read: nobody is in an organisation yet.
}

func (a *API) users(ctx context.Context, in *usersInput) (*page[user], error) {
	return a.listUsers(ctx, in.paging, directory.UserQuery{Sort: in.keys()})
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
	Query         string    `json:"query"`
	Fields        []*string `json:"fields"`
	DepartmentOpt []*struct {
		DepartmentID *string `json:"departmentId"`
	} `json:"departmentOpts"`
	GroupOpt []*struct {
		Code *string `json:"code"`
	} `json:"groupOpts"`
	RoleOpt []*roleInput `json:"roleOpts"`
}

// searchUser looks for users by a part of any of the fields; groups and roles narrow the search. A group or a role that is
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
		q.InDepartments = []string{}
		for _, d := range in.DepartmentOpt {
			if d != nil && d.DepartmentID != nil {
				q.InDepartments = append(q.InDepartments, *d.DepartmentID)
			}
		}
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

func (a *API) isUserExists(ctx context.Context, in *keysInput) (bool, error) {
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
	Input userInput `json:"input"`
}

// updateUser changes a user. Users change themselves only, and less of it.
func (a *API) updateUser(ctx context.Context, in *updateUserInput) (*user, error) {
	c := caller.From(ctx)
	id, err := in.own(c)
	if err != nil {
		return nil, err
	}
	p := directory.UserPatch{}
	if c.Kind == caller.User {
		if err := in.Input.byOwner(); err != nil {
			return nil, err
		}
		p.Event = updateProfile
	}
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

// REST.

type getUserInput struct {
	UserID         string `path:"userId"`
	WithCustomData bool   `json:"with_custom_data" rule:"default=false"`
}

func (a *API) getUser(ctx context.Context, in *getUserInput) (*user, error) {
	u, err := a.dir.User(ctx, caller.From(ctx).PoolID, directory.ByID(in.UserID))
	return a.showFound(ctx, u, err, detail{customData: in.WithCustomData, identities: true})
}

type postBatchInput struct {
	IDs            []string `json:"ids" rule:"required"`
	Type           *string  `json:"type"`
	WithCustomData bool     `json:"withCustomData" rule:"default=false"`
}

func (a *API) postBatch(ctx context.Context, in *postBatchInput) ([]user, error) {
	users, err := a.batch(ctx, &batchInput{in.IDs, in.Type})
	if err != nil {
		return nil, err
	}
	return a.show(ctx, caller.From(ctx).PoolID, users, detail{customData: in.WithCustomData, identities: true})
}

type filterInput struct {
	Page   *int64             `json:"page"`
	Limit  *int64             `json:"limit"`
	Filter [][]jsontext.Value `json:"filter"`
}

// filterUsers lists users by conditions, each a triple: what is compared, {"type":…,"value":…}, the operator, and the value. The
// client has no type for it; its own test is all that is known.
func (a *API) filterUsers(ctx context.Context, in *filterInput) (*page[user], error) {
	q := directory.UserQuery{}
	for _, condition := range in.Filter {
		f, err := filterOf(condition)
		if err != nil {
			return nil, err
		}
		q.Filters = append(q.Filters, f)
	}
	var err error
	if q.Page, err = (paging{in.Page, in.Limit}).window(); err != nil {
		return nil, err
	}
	pool := caller.From(ctx).PoolID
	users, total, err := a.dir.Users(ctx, pool, q)
	if err != nil {
		return nil, err
	}
	return a.showPage(ctx, pool, users, total, detail{identities: true})
}

var filterOperators = map[string]string{
	"EQ": "EQUAL", "NEQ": "NOT_EQUAL", "GT": "GREATER", "LT": "LESSER", "IN": "IN", "BETWEEN": "BETWEEN",
	"CONTAINS": "CONTAINS", "NOT_CONTAINS": "NOT_CONTAINS", "IS_NULL": "IS_NULL", "NOT_NULL": "NOT_NULL",
}

func filterOf(condition []jsontext.Value) (directory.Filter, error) {
	var f directory.Filter
	var subject struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	var operator string
	if len(condition) < 2 || len(condition) > 3 || json.Unmarshal(condition[0], &subject) != nil || json.Unmarshal(condition[1], &operator) != nil {
		return f, fault.Field("filter")
	}
	f.Field, f.Operator = subject.Value, filterOperators[strings.ToUpper(operator)]
	if subject.Type == "OtherFields" && subject.Value == "app" {
		f.Field = "loggedInApps"
	}
	if len(condition) == 3 {
		f.Value = condition[2]
		var choice struct {
			ID jsontext.Value `json:"id"`
		}
		// A value chosen from a list comes with its label.
		if f.Value.Kind() == '{' && json.Unmarshal(f.Value, &choice) == nil && len(choice.ID) > 0 {
			f.Value = choice.ID
		}
	}
	return f, nil
}

type linkInput struct {
	UserID      string `json:"userId" rule:"required"`
	UserIDInIDP string `json:"userIdInIdp" rule:"required"`
	IsSocial    bool   `json:"isSocial" rule:"default=false"`
	Type        string `json:"type"`
	Identifier  string `json:"identifier"`
	ExtIDPID    string `json:"extIdpId"`
}

func (a *API) linkIdentity(ctx context.Context, in *linkInput) (struct{}, error) {
	return struct{}{}, a.dir.LinkIdentity(ctx, caller.From(ctx).PoolID, directory.ByID(in.UserID), directory.NewIdentity{
		UserIDInIDP: in.UserIDInIDP, IsSocial: in.IsSocial, Type: in.Type, Provider: in.Identifier, ExtIDPID: in.ExtIDPID})
}

type unlinkInput struct {
	UserID     string `json:"userId" rule:"required"`
	Type       string `json:"type"`
	Identifier string `json:"identifier"`
	ExtIDPID   string `json:"extIdpId"`
}

func (a *API) unlinkIdentity(ctx context.Context, in *unlinkInput) (struct{}, error) {
	source := in.ExtIDPID
	if source == "" {
		source = in.Identifier
	}
	if source == "" {
		return struct{}{}, fault.Field("extIdpId")
	}
	return struct{}{}, a.dir.UnlinkIdentity(ctx, caller.From(ctx).PoolID, directory.ByID(in.UserID), source, in.Type)
}

type loginStatusInput struct {
	UserID string `json:"userId" rule:"required"`
}

type loginStatus struct {
	IsLogin     bool       `json:"isLogin"`
	User        *user      `json:"user"`
	Application []struct{} `json:"application"`
}

// loginStatus says that nobody is signed in: there are no sessions in this version, only tokens that their holders keep.
func (a *API) loginStatus(ctx context.Context, in *loginStatusInput) (*loginStatus, error) {
	u, err := a.dir.User(ctx, caller.From(ctx).PoolID, directory.ByID(in.UserID))
	shown, err := a.showFound(ctx, u, err, detail{identities: true})
	if err != nil {
		return nil, err
	}
	return &loginStatus{User: shown, Application: []struct{}{}}, nil
}

type userPathInput struct {
	UserID string `path:"userId"`
}

// userOrgs lists the organisations of a user, userTenants the tenants: nobody is in any yet.
func (a *API) userOrgs(ctx context.Context, in *userPathInput) ([]struct{}, error) {
	_, err := a.dir.User(ctx, caller.From(ctx).PoolID, directory.ByID(in.UserID))
	return []struct{}{}, err
}

func (a *API) userTenants(ctx context.Context, in *userPathInput) ([]struct{}, error) {
	return a.userOrgs(ctx, in)
}

type kickInput struct {
	UserIDs []string `json:"userIds"`
}

// kick ends the users' logins: it calls in their tokens. Whom it does not find it passes over.
func (a *API) kick(ctx context.Context, in *kickInput) (struct{}, error) {
	if err := countUsers("userIds", in.UserIDs); err != nil {
		return struct{}{}, err
	}
	pool := caller.From(ctx).PoolID
	users, err := a.dir.UsersByRefs(ctx, pool, directory.Refs("user_id", in.UserIDs))
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, a.endLogins(ctx, pool, users, "")
}

// endLogins calls in the tokens of users: none that was issued up to now is valid any more.
func (a *API) endLogins(ctx context.Context, pool string, users []directory.User, event string) error {
	now := a.db.Now()
	refs, patches := make([]directory.UserRef, len(users)), make([]directory.UserPatch, len(users))
	for i := range users {
		refs[i] = directory.ByID(users[i].ID)
		patches[i] = directory.UserPatch{UserInput: directory.UserInput{TokenExpiredAt: &now}, Event: event}
	}
	_, err := a.dir.UpdateUsers(ctx, pool, refs, patches)
	return err
}

type logoutInput struct {
	UserID string `json:"userId"`
}

// logout ends the logins of the user whom a management call names, or of the user who calls.
func (a *API) logout(ctx context.Context, in *logoutInput) (struct{}, error) {
	c := caller.From(ctx)
	id, event := in.UserID, ""
	switch c.Kind {
	case caller.Anonymous:
		return struct{}{}, errNotLoggedIn
	case caller.User:
		id, event = c.UserID, logoutEvent
	}
	if id == "" {
		return struct{}{}, fault.Field("userId")
	}
	u, err := a.dir.User(ctx, c.PoolID, directory.ByID(id))
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, a.endLogins(ctx, c.PoolID, []directory.User{*u}, event)
}
