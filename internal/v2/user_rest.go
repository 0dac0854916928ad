package v2

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

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

// userTenants lists the tenants of a user: nobody is in any yet.
func (a *API) userTenants(ctx context.Context, in *userPathInput) ([]struct{}, error) {
	_, err := a.dir.User(ctx, caller.From(ctx).PoolID, directory.ByID(in.UserID))
	return []struct{}{}, err
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
