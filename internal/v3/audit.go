package v3

import (
	"context"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// adminLogDTO is one deed of an administrator: AdminAuditLogDto.
type adminLogDTO struct {
	AdminUserID          string       `json:"adminUserId"`
	AdminUserAvatar      string       `json:"adminUserAvatar"`
	AdminUserDisplayName string       `json:"adminUserDisplayName"`
	ClientIP             string       `json:"clientIp"`
	OperationType        string       `json:"operationType"`
	ResourceType         string       `json:"resourceType"`
	EventDetails         string       `json:"eventDetails"`
	OperationParam       string       `json:"operationParam"`
	OriginValue          string       `json:"originValue"`
	TargetValue          string       `json:"targetValue"`
	Success              bool         `json:"success"`
	UserAgent            string       `json:"userAgent"`
	UA                   userAgentDTO `json:"ua"`
	GeoIP                geoIPDTO     `json:"geoip"`
	Timestamp            moment       `json:"timestamp"`
	RequestID            string       `json:"requestId"`
}

// userLogDTO is one deed of a user: UserActionLogDto.
type userLogDTO struct {
	UserID          string       `json:"userId"`
	UserAvatar      string       `json:"userAvatar"`
	UserDisplayName string       `json:"userDisplayName"`
	UserLoginsCount int64        `json:"userLoginsCount"`
	AppID           string       `json:"appId"`
	AppName         string       `json:"appName"`
	ClientIP        string       `json:"clientIp"`
	EventType       string       `json:"eventType"`
	EventDetail     string       `json:"eventDetail"`
	Success         bool         `json:"success"`
	AppLoginURL     string       `json:"appLoginUrl"`
	AppLogo         string       `json:"appLogo"`
	UserAgent       string       `json:"userAgent"`
	ParsedUserAgent userAgentDTO `json:"parsedUserAgent"`
	GeoIP           geoIPDTO     `json:"geoip"`
	Timestamp       moment       `json:"timestamp"`
	RequestID       string       `json:"requestId"`
}

// geoIPDTO stays empty: where an address is, is not looked up.
type geoIPDTO struct {
	Location struct {
		Lon float64 `json:"lon"`
		Lat float64 `json:"lat"`
	} `json:"location"`
	CountryName   string `json:"country_name"`
	CountryCode2  string `json:"country_code2"`
	CountryCode3  string `json:"country_code3"`
	RegionName    string `json:"region_name"`
	RegionCode    string `json:"region_code"`
	CityName      string `json:"city_name"`
	ContinentCode string `json:"continent_code"`
	Timezone      string `json:"timezone"`
}

func (a *API) getAdminAuditLogs(ctx context.Context, in *GetAdminAuditLogsDto) (*Page[adminLogDTO], error) {
	f := audit.Filter{RequestID: value(in.RequestID), ClientIP: value(in.ClientIP), Operation: allOr(in.OperationType),
		Resource: allOr(in.ResourceType), Administrator: value(in.UserID), Success: in.Success, AdminOnly: true,
		Page: int(in.Pagination.Page), Limit: int(in.Pagination.Limit)}
	records, total, err := a.logs(ctx, f, in.Start, in.End)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = administratorOf(&r)
	}
	administrators, err := a.Directory.Administrators(ctx, poolOf(ctx), ids)
	if err != nil {
		return nil, err
	}
	list := make([]adminLogDTO, len(records))
	for i, r := range records {
		list[i] = adminLogDTO{AdminUserID: ids[i], AdminUserDisplayName: administrators[ids[i]].Username, ClientIP: r.ClientIP,
			OperationType: r.Operation, ResourceType: r.Resource, EventDetails: r.TargetName,
			OriginValue: audit.Text(r.Before), TargetValue: audit.Text(r.After), Success: r.Success,
			UserAgent: r.UserAgent, UA: parseUserAgent(r.UserAgent), Timestamp: moment(r.At), RequestID: r.RequestID}
		if list[i].AdminUserDisplayName == "" {
			list[i].AdminUserDisplayName = ids[i]
		}
	}
	return &Page[adminLogDTO]{total, list}, nil
}

// administratorOf is who did it: the owner of the access key where it has one, else the key.
func administratorOf(r *audit.Record) string {
	if r.UserID != "" {
		return r.UserID
	}
	return r.ActorID
}

func (a *API) getUserActionLogs(ctx context.Context, in *GetUserActionLogsDto) (*Page[userLogDTO], error) {
	f := audit.Filter{RequestID: value(in.RequestID), ClientIP: value(in.ClientIP), UserIDs: oneOrAny(in.UserID),
		AppIDs: oneOrAny(in.AppID), Success: in.Success, UserOnly: true, Page: int(in.Pagination.Page), Limit: int(in.Pagination.Limit)}
	if event := allOr(in.EventType); event != "" {
		f.Events = []string{event}
	}
	records, total, err := a.logs(ctx, f, in.Start, in.End)
	if err != nil {
		return nil, err
	}
	users, apps, err := a.actors(ctx, records)
	if err != nil {
		return nil, err
	}
	list := make([]userLogDTO, len(records))
	for i, r := range records {
		list[i] = userLogDTO{UserID: r.UserID, UserDisplayName: r.UserID, AppID: r.AppID, AppName: apps[r.AppID], ClientIP: r.ClientIP,
			EventType: r.Event, EventDetail: detailOf(&r), Success: r.Success, UserAgent: r.UserAgent,
			ParsedUserAgent: parseUserAgent(r.UserAgent), Timestamp: moment(r.At), RequestID: r.RequestID}
		if u := users[r.UserID]; u != nil {
			list[i].UserAvatar, list[i].UserDisplayName, list[i].UserLoginsCount = u.Photo, u.DisplayName(), u.LoginsCount
		}
	}
	return &Page[userLogDTO]{total, list}, nil
}

// detailOf is what there is to say of a user's deed: how somebody signed in, else whom or what it was about.
func detailOf(r *audit.Record) string {
	if amr, _ := r.After["amr"].(string); amr != "" {
		return amr
	}
	return r.TargetName
}

// actors are the users whom the records concern and the names of the applications, by identifier, as far as they still exist.
func (a *API) actors(ctx context.Context, records []audit.Record) (map[string]*directory.User, map[string]string, error) {
	var userIDs, appIDs []string
	for _, r := range records {
		userIDs, appIDs = append(userIDs, r.UserID), append(appIDs, r.AppID)
	}
	list, err := a.Directory.UsersByRefs(ctx, poolOf(ctx), directory.Refs("", directory.Findable(userIDs)))
	if err != nil {
		return nil, nil, err
	}
	users := make(map[string]*directory.User, len(list))
	for i := range list {
		users[list[i].ID] = &list[i]
	}
	names, err := a.Signin.ApplicationNames(ctx, poolOf(ctx), directory.Findable(appIDs))
	return users, names, err
}

// logs lists records between two times in unix milliseconds.
func (a *API) logs(ctx context.Context, f audit.Filter, start, end *int64) ([]audit.Record, int64, error) {
	f.Start, f.End = value(start), value(end)
	switch {
	case f.Start < 0:
		return nil, 0, fault.Field("start")
	case f.End < 0:
		return nil, 0, fault.Field("end")
	}
	return a.Log.List(ctx, poolOf(ctx), f)
}

// allOr is a filter's value: the wire says "all" for none.
func allOr(filter *string) string {
	if value(filter) == "all" {
		return ""
	}
	return value(filter)
}

// oneOrAny is a filter of one value, nil where there is none.
func oneOrAny(filter *string) []string {
	if value(filter) == "" {
		return nil
	}
	return []string{*filter}
}

// userAgentDTO is ParsedUserAgent.
type userAgentDTO struct {
	Device string `json:"device"`
	Name   string `json:"name"`
	OS     string `json:"os"`
}

// parseUserAgent tells the best-known browsers, systems and devices apart, and leaves empty what it does not know. Order
// matters: most browsers name others, too.
func parseUserAgent(s string) userAgentDTO {
	pick := func(known ...string) string {
		for i := 0; i+1 < len(known); i += 2 {
			if strings.Contains(s, known[i]) {
				return known[i+1]
			}
		}
		return ""
	}
	d := userAgentDTO{
		Device: pick("iPad", "Tablet", "Tablet", "Tablet", "Mobi", "Mobile", "Windows NT", "Desktop", "Macintosh", "Desktop", "X11", "Desktop"),
		Name: pick("MicroMessenger/", "WeChat", "DingTalk/", "DingTalk", "Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox",
			"Chrome/", "Chrome", "Safari/", "Safari"),
		OS: pick("Windows", "Windows", "Android", "Android", "iPhone", "iOS", "iPad", "iOS", "Mac OS X", "Mac OS", "Linux", "Linux"),
	}
	if d.Name == "" {
		d.Name, _, _ = strings.Cut(s, "/") // programs name themselves first: RFC 9110, 10.1.5
	}
	return d
}
