package v2

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// auditFacts are the members of the client's type AuditLog that actions of users and of administrators have alike.
type auditFacts struct {
	PoolID    string `json:"userPoolId"`
	PoolName  string `json:"userPoolName"`
	UserID    string `json:"userId"`
	UserName  string `json:"userName"`
	ClientIP  string `json:"clientIp"`
	UserAgent string `json:"user_agent"`
	UA        struct {
		Device *string `json:"device"`
		Name   *string `json:"name"`
		OS     *string `json:"os"`
	} `json:"ua"` // nobody takes the text apart yet
	FactAppID       string `json:"appId"`
	AppName         string `json:"appName"`
	EventType       string `json:"eventType"`       // what users did, or the operation of an administrator
	OperationParam  string `json:"operationParam"`  // JSON: what it was done to
	EventDetails    string `json:"eventDetails"`    // JSON: the fields that changed
	EventResultCode string `json:"eventResultCode"` // success | fail
}

// operationParam names what something was done to.
type operationParam struct {
	ResourceType string `json:"resourceType"`
	TargetID     string `json:"targetId"`
	TargetName   string `json:"targetName"`
}

// eventDetails are the fields that changed.
type eventDetails struct {
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

func factsOf(r *audit.Record, poolName, userName, appName string) (auditFacts, error) {
	f := auditFacts{PoolID: r.PoolID, PoolName: poolName, UserID: r.UserID, UserName: userName, ClientIP: r.ClientIP, UserAgent: r.UserAgent,
		FactAppID: r.AppID, AppName: appName, EventType: r.Event, EventResultCode: "success"}
	if f.EventType == "" {
		f.EventType = r.Operation
	}
	if !r.Success {
		f.EventResultCode = "fail"
	}
	param, err := json.Marshal(operationParam{r.Resource, r.TargetID, r.TargetName})
	if err != nil {
		return f, err
	}
	details, err := json.Marshal(eventDetails{r.Before, r.After}, json.Deterministic(true))
	f.OperationParam, f.EventDetails = string(param), string(details)
	return f, err
}

// auditLog is one thing that an administrator did: the client's type AuditLog.
type auditLog struct {
	Timestamp string `json:"timestamp"`
	GeoIP     struct {
		IP string `json:"ip"`
	} `json:"geoip"`
	auditFacts
}

type auditLogsInput struct {
	ClientIP  string   `json:"clientip"`
	EventType string   `json:"eventType"` // create, update, delete, add, remove, …
	UserID    string   `json:"userId"`
	AppIDs    []string `json:"app_id" rule:"items=50"`
	Start     int64    `json:"start" rule:"default=0,min=0"` // unix ms
	End       int64    `json:"end" rule:"default=0,min=0"`
	Page      *int64   `json:"page"`
	Limit     *int64   `json:"limit"`
}

// auditLogs lists what keys and administrators did, newest first.
func (a *API) auditLogs(ctx context.Context, in *auditLogsInput) (*page[auditLog], error) {
	w, err := window(in.Page, in.Limit, mostActions)
	if err != nil {
		return nil, err
	}
	c := caller.From(ctx)
	f := audit.Filter{AdminOnly: true, ClientIP: in.ClientIP, Operation: in.EventType, AppIDs: in.AppIDs, Start: in.Start, End: in.End,
		Page: w.Page, Limit: w.Limit}
	if in.UserID != "" {
		f.UserIDs = []string{in.UserID}
	}
	records, total, err := a.log.List(ctx, c.PoolID, f)
	if err != nil {
		return nil, err
	}
	users, apps, err := a.actors(ctx, records)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.UserID
	}
	administrators, err := a.dir.Administrators(ctx, c.PoolID, directory.Findable(ids))
	if err != nil {
		return nil, err
	}
	pool, err := a.dir.Pool(ctx, c.PoolID)
	if err != nil {
		return nil, err
	}
	list := make([]auditLog, len(records))
	for i := range records {
		r, v := &records[i], &list[i]
		name := users[r.UserID]
		if admin, ok := administrators[r.UserID]; ok {
			name = admin.Username
		}
		v.Timestamp, v.GeoIP.IP = isoTime(r.At), r.ClientIP
		if v.auditFacts, err = factsOf(r, pool.Name, name, apps[r.AppID]); err != nil {
			return nil, err
		}
	}
	return &page[auditLog]{total, list}, nil
}
