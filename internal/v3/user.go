package v3

import (
	"context"
	"errors"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// listUsersRequest also takes what older clients send beside options, or in place of them.
type listUsersRequest struct {
	ListUsersRequestDto
	Page              *int64 `json:"page" rule:"min=1,max=2147483647"`
	Limit             *int64 `json:"limit" rule:"min=1,max=50"`
	WithCustomData    bool   `json:"withCustomData"`
	WithIdentities    bool   `json:"withIdentities"`
	WithDepartmentIDs bool   `json:"withDepartmentIds"`
}

// listUsers ignores searchQuery, of which nobody has written down what it means.
func (a *API) listUsers(ctx context.Context, in *listUsersRequest) (*Page[userDTO], error) {
	o := &in.Options
	q := directory.UserQuery{Keywords: value(in.Keywords), SearchOn: o.FuzzySearchOn, Page: pageOf(o.Pagination.Page, o.Pagination.Limit)}
	if in.Page != nil {
		q.Page.Page = int(*in.Page)
	}
	if in.Limit != nil {
		q.Page.Limit = int(*in.Limit)
	}
	for _, f := range in.AdvancedFilter {
		q.Filters = append(q.Filters, directory.Filter{Field: f.Field, Operator: f.Operator, Value: f.Value})
	}
	for _, s := range o.Sort {
		q.Sort = append(q.Sort, directory.Sort{Field: s.Field, Descending: s.Order == "desc"})
	}
	return a.users(ctx, q, with{
		customData:    o.WithCustomData || in.WithCustomData,
		flat:          o.FlatCustomData,
		identities:    o.WithIdentities || in.WithIdentities,
		departmentIDs: o.WithDepartmentIDs || in.WithDepartmentIDs,
		posts:         o.WithPost,
	})
}

// listUsersLegacy filters by times in unix seconds, as nothing else on this wire does.
func (a *API) listUsersLegacy(ctx context.Context, in *ListUsersLegacyParams) (*Page[userDTO], error) {
	from, err := milliseconds("updatedAtStart", in.UpdatedAtStart)
	if err != nil {
		return nil, err
	}
	to, err := milliseconds("updatedAtEnd", in.UpdatedAtEnd)
	if err != nil {
		return nil, err
	}
	if to > 0 {
		to += 999 // the whole of the second
	}
	q := directory.UserQuery{Status: directory.Status(value(in.Status)), UpdatedFrom: from, UpdatedTo: to, Page: pageOf(in.Page, in.Limit)}
	return a.users(ctx, q, with{customData: in.WithCustomData, identities: in.WithIdentities, departmentIDs: in.WithDepartmentIDs, posts: in.WithPost})
}

// milliseconds are those of a time in unix seconds, 0 for none.
func milliseconds(name string, seconds *int64) (int64, error) {
	const latest = 253402300799 // the end of the year 9999
	if s := value(seconds); s < 0 || s > latest {
		return 0, fault.Field(name)
	}
	return value(seconds) * 1000, nil
}

func (a *API) users(ctx context.Context, q directory.UserQuery, w with) (*Page[userDTO], error) {
	users, total, err := a.Directory.Users(ctx, poolOf(ctx), q)
	if err != nil {
		return nil, err
	}
	list, err := a.viewUsers(ctx, users, w)
	return &Page[userDTO]{total, list}, err
}

// user is the user of an id of the wire's eight types.
func (a *API) user(ctx context.Context, userIDType, userID string) (*directory.User, error) {
	return a.Directory.User(ctx, poolOf(ctx), directory.UserRef{Type: userIDType, Value: userID})
}

func (a *API) getUser(ctx context.Context, in *GetUserParams) (*userDTO, error) {
	u, err := a.user(ctx, in.UserIDType, in.UserID)
	if err != nil {
		return nil, err
	}
	return a.viewUser(ctx, u, with{customData: in.WithCustomData, flat: in.FlatCustomData, identities: in.WithIdentities,
		departmentIDs: in.WithDepartmentIDs, posts: in.WithPost})
}

// getUserBatch leaves out users who are not there.
func (a *API) getUserBatch(ctx context.Context, in *GetUserBatchParams) ([]userDTO, error) {
	users, err := a.Directory.UsersByRefs(ctx, poolOf(ctx), directory.Refs(in.UserIDType, in.UserIDs))
	if err != nil {
		return nil, err
	}
	return a.viewUsers(ctx, users, with{customData: in.WithCustomData, flat: in.FlatCustomData, identities: in.WithIdentities, departmentIDs: in.WithDepartmentIDs})
}

func (a *API) createUser(ctx context.Context, in *CreateUserReqDto) (*userDTO, error) {
	list, err := a.createUsers(ctx, []CreateUserInfoDto{in.CreateUserInfoDto}, &in.Options)
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

func (a *API) createUsersBatch(ctx context.Context, in *CreateUserBatchReqDto) ([]userDTO, error) {
	return a.createUsers(ctx, in.List, &in.Options)
}

func (a *API) createUsers(ctx context.Context, list []CreateUserInfoDto, o *CreateUserOptionsDto) ([]userDTO, error) {
	users := make([]directory.NewUser, len(list))
	for i := range list {
		var err error
		if users[i], err = list[i].newUser(o); err != nil {
			return nil, err
		}
	}
	to := o.SendNotification
	made, err := a.Signin.CreateUsers(ctx, poolOf(ctx), users, signin.Notice{Mail: value(to.SendEmailNotification), Text: value(to.SendPhoneNotification),
		AppID: value(to.AppID)})
	if err != nil {
		return nil, err
	}
	return a.viewUsers(ctx, made, with{customData: true})
}

func (a *API) updateUser(ctx context.Context, in *UpdateUserReqDto) (*userDTO, error) {
	reset := in.Options.ResetPasswordOnNextLogin
	if reset == nil {
		reset = in.Options.ResetPasswordOnFirstLogin
	}
	p, err := in.patch(in.Options.PasswordEncryptType, value(in.Options.AutoGeneratePassword), reset)
	if err != nil {
		return nil, err
	}
	list, err := a.Signin.UpdateUsers(ctx, poolOf(ctx), []directory.UserRef{{Type: in.Options.UserIDType, Value: in.UserID}}, []directory.UserPatch{p},
		in.Options.SendPasswordResetedNotification.notice())
	if err != nil {
		return nil, err
	}
	return a.viewUser(ctx, &list[0], with{customData: true})
}

func (a *API) updateUserBatch(ctx context.Context, in *UpdateUserBatchReqDto) ([]userDTO, error) {
	refs, patches := make([]directory.UserRef, len(in.List)), make([]directory.UserPatch, len(in.List))
	for i := range in.List {
		var err error
		refs[i] = directory.ByID(in.List[i].UserID)
		patches[i], err = in.List[i].patch(in.Options.PasswordEncryptType, value(in.Options.AutoGeneratePassword), in.Options.ResetPasswordOnNextLogin)
		if err != nil {
			return nil, err
		}
	}
	users, err := a.Signin.UpdateUsers(ctx, poolOf(ctx), refs, patches, in.Options.SendPasswordResetedNotification.notice())
	if err != nil {
		return nil, err
	}
	return a.viewUsers(ctx, users, with{customData: true})
}

func (a *API) deleteUsersBatch(ctx context.Context, in *DeleteUsersBatchDto) (success, error) {
	return succeeded(a.Directory.DeleteUsers(ctx, poolOf(ctx), directory.Refs(in.Options.UserIDType, in.UserIDs)))
}

type existence struct {
	Exists bool `json:"exists"`
}

func (a *API) isUserExists(ctx context.Context, in *IsUserExistsReqDto) (existence, error) {
	p := directory.Principals{Username: value(in.Username), Email: value(in.Email), Phone: value(in.Phone), ExternalID: value(in.ExternalID)}
	if p == (directory.Principals{}) {
		return existence{}, fault.Field("username, email, phone, externalId")
	}
	_, err := a.Directory.UserByPrincipals(ctx, poolOf(ctx), p)
	if errors.Is(err, directory.ErrUserNotFound) {
		return existence{false}, nil
	}
	return existence{true}, err
}

func (a *API) resignUser(ctx context.Context, in *ResignUserReqDto) (success, error) {
	return succeeded(a.Directory.Resign(ctx, poolOf(ctx), directory.Refs(in.UserIDType, []string{in.UserID})))
}

func (a *API) resignUserBatch(ctx context.Context, in *ResignUserBatchReqDto) (success, error) {
	return succeeded(a.Directory.Resign(ctx, poolOf(ctx), directory.Refs(in.UserIDType, in.UserIDs)))
}

type archivedUserDTO struct {
	UserID     string `json:"userId"`
	ArchivedAt moment `json:"archivedAt"`
}

func (a *API) listArchivedUsers(ctx context.Context, in *ListArchivedUsersParams) (*Page[archivedUserDTO], error) {
	users, total, err := a.Directory.Users(ctx, poolOf(ctx), directory.UserQuery{
		Status: directory.Archived, ArchivedFrom: value(in.StartAt), Page: pageOf(in.Page, in.Limit)})
	list := make([]archivedUserDTO, len(users))
	for i := range users {
		list[i] = archivedUserDTO{users[i].ID, moment(users[i].ArchivedAt)}
	}
	return &Page[archivedUserDTO]{total, list}, err
}
