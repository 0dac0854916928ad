package v2

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// What users do themselves, as both wires name it.
const (
	updateProfile = "updateUserPrefile" // so spelt on the wire
	logoutEvent   = "logout"
)

type userActionsInput struct {
	ClientIP       string   `json:"clientip"`
	OperationNames []string `json:"operation_name" rule:"items=50"`
	OperatorARNs   []string `json:"operator_arn" rule:"items=50"`
	AppIDs         []string `json:"app_id" rule:"items=50"`
	EventType      string   `json:"eventType"`
	UserID         string   `json:"userId"`
	Start          int64    `json:"start" rule:"default=0,min=0"` // unix ms
	End            int64    `json:"end" rule:"default=0,min=0"`
	Page           *int64   `json:"page"`
	Limit          *int64   `json:"limit"`
	// exclude_non_app_records is not read: what users do, they do with a token, and each token is an application's.
}

// userAction is one thing that a user did, in the names that the client translates.
type userAction struct {
	UserPoolID string `json:"userpool_id"`
	User       struct {
		ID          string `json:"id"`
		DisplayName string `json:"displayName"`
	} `json:"user"`
	GeoIP struct {
		CityName   *string `json:"city_name"`
		RegionName *string `json:"region_name"`
		IP         string  `json:"ip"`
	} `json:"geoip"`
	OperationDesc string `json:"operation_desc"`
	OperationName string `json:"operation_name"`
	Timestamp     string `json:"timestamp"`
	AppID         string `json:"app_id"`
	App           struct {
		Name string `json:"name"`
	} `json:"app"`
	// What the statistics client reads, and the user actions client beside it.
	auditFacts
	LoggedAt    string `json:"@timestamp"`
	OperatorARN string `json:"operator_arn"`
}

// mostActions is the longest page of the audit log.
const mostActions = 50

// userActions lists what users did themselves, newest first.
func (a *API) userActions(ctx context.Context, in *userActionsInput) (*page[userAction], error) {
	w, err := window(in.Page, in.Limit, mostActions)
	if err != nil {
		return nil, err
	}
	c := caller.From(ctx)
	f := audit.Filter{UserOnly: true, ClientIP: in.ClientIP, AppIDs: in.AppIDs, Start: in.Start, End: in.End,
		Page: w.Page, Limit: w.Limit}
	if len(in.OperationNames) > 0 {
		f.Events = in.OperationNames
	} else if in.EventType != "" {
		f.Events = []string{in.EventType}
	}
	for _, arn := range in.OperatorARNs {
		id, found := strings.CutPrefix(arn, signin.ARN(c.PoolID, ""))
		if !found {
			return nil, fault.Field("operator_arn")
		}
		f.UserIDs = append(f.UserIDs, id)
	}
	if in.UserID != "" {
		f.UserIDs = append(f.UserIDs, in.UserID)
	}
	records, total, err := a.log.List(ctx, c.PoolID, f)
	if err != nil {
		return nil, err
	}
	users, apps, err := a.actors(ctx, records)
	if err != nil {
		return nil, err
	}
	pool, err := a.dir.Pool(ctx, c.PoolID)
	if err != nil {
		return nil, err
	}
	list := make([]userAction, len(records))
	for i := range records {
		r, v := &records[i], &list[i]
		v.UserPoolID, v.OperationName, v.OperationDesc = r.PoolID, r.Event, actionText(r.Event, c)
		v.User.ID, v.User.DisplayName = r.UserID, users[r.UserID]
		v.GeoIP.IP, v.Timestamp = r.ClientIP, isoTime(r.At)
		v.AppID, v.App.Name = r.AppID, apps[r.AppID]
		v.LoggedAt, v.OperatorARN = v.Timestamp, signin.ARN(r.PoolID, r.UserID)
		if v.auditFacts, err = factsOf(r, pool.Name, users[r.UserID], apps[r.AppID]); err != nil {
			return nil, err
		}
	}
	return &page[userAction]{total, list}, nil
}

// actors are the names of the users and of the applications in records, by identifier. Users who are gone are called what
// the records call them.
func (a *API) actors(ctx context.Context, records []audit.Record) (users, apps map[string]string, err error) {
	users = map[string]string{}
	var userIDs, appIDs []string
	for _, r := range records {
		userIDs, appIDs = append(userIDs, r.UserID), append(appIDs, r.AppID)
		if r.TargetID == r.UserID {
			users[r.UserID] = r.TargetName
		}
	}
	pool := caller.From(ctx).PoolID
	list, err := a.dir.UsersByRefs(ctx, pool, directory.Refs("user_id", directory.Findable(userIDs)))
	if err != nil {
		return nil, nil, err
	}
	for i := range list {
		users[list[i].ID] = list[i].DisplayName()
	}
	apps, err = a.signin.ApplicationNames(ctx, pool, directory.Findable(appIDs))
	return users, apps, err
}

var actionTexts = map[string][2]string{
	updateProfile:            {"修改用户资料", "Updated the profile"},
	logoutEvent:              {"退出登录", "Logged out"},
	"login":                  {"登录", "Logged in"},
	"register":               {"注册", "Signed up"},
	"refreshUserTokenBySelf": {"刷新 token", "Refreshed the token"},
}

func actionText(event string, c *caller.Caller) string {
	texts, ok := actionTexts[event]
	switch {
	case !ok:
		return event
	case english(c):
		return texts[1]
	}
	return texts[0]
}

type loginCountInput struct {
	AppID string `json:"appId" rule:"required"`
}

// totalLoginCount counts the users who have signed in to an application.
func (a *API) totalLoginCount(ctx context.Context, in *loginCountInput) (int64, error) {
	return a.countUsers(ctx, directory.Filter{Field: "loggedInApps", Operator: "EQUAL", Value: quoted(in.AppID)})
}

type fieldCountInput struct {
	DefinedFieldKey string  `json:"definedFieldKey" rule:"required"`
	AppID           *string `json:"appId"`
}

// fieldCount counts the users who have a value in a custom field: those of an application, if one is named.
func (a *API) fieldCount(ctx context.Context, in *fieldCountInput) (int64, error) {
	filters := []directory.Filter{{Field: in.DefinedFieldKey, Operator: "NOT_NULL"}}
	if in.AppID != nil && *in.AppID != "" {
		filters = append(filters, directory.Filter{Field: "loggedInApps", Operator: "EQUAL", Value: quoted(*in.AppID)})
	}
	return a.countUsers(ctx, filters...)
}

func (a *API) countUsers(ctx context.Context, filters ...directory.Filter) (int64, error) {
	_, total, err := a.dir.Users(ctx, caller.From(ctx).PoolID, directory.UserQuery{Filters: filters, Page: directory.Page{Page: 1, Limit: 1}})
	return total, err
}

// quoted is s as JSON text.
func quoted(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s) // the error tells of invalid UTF-8, which has been replaced
	return b
}
