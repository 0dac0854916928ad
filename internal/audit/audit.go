// Package audit is the one log of what happened. A record is written in the transaction that did it: what is in the log was
// done, and what was done is in the log.
package audit

import (
	"context"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
)

// Operations of administrators, as the V3 wire names them (AdminAuditLogDto.operationType).
const (
	Create     = "create"
	Update     = "update"
	Delete     = "delete"
	Add        = "add"
	Remove     = "remove"
	Refresh    = "refresh"
	Resign     = "resign"
	Import     = "import"
	Enable     = "enable"
	Disable    = "disable"
	Activate   = "activate"
	Deactivate = "deactivate"
	Query      = "query" // a secret was read
)

// Resources that operations are done on (AdminAuditLogDto.resourceType). AccessKey, Field and Identity are ours: the wire has no word.
const (
	User         = "user"
	Userpool     = "userpool"
	UserGroup    = "userGroup"
	UserLogin    = "userLoginState"
	Role         = "role"
	RoleAssign   = "roleAssign"
	Namespace    = "resourceNamespace"
	Resource     = "generalResource"
	Grant        = "authorization"
	AppRes       = "application"
	Policy       = "policy"
	DataResource = "dataResource"
	DataPolicy   = "dataPolicy"
	AccessKey    = "accessKey"
	Field        = "customField"
	Identity     = "identity"
	Org          = "org"   // organisations, departments and posts
	Published    = "event" // what applications report
)

// Event says what was done to what. Before and After hold the fields that changed; a secret among them is written as "***".
type Event struct {
	Operation  string
	Resource   string
	TargetID   string
	TargetName string
	UserEvent  string // for what users do themselves: login, updateUserPrefile, … (UserActionLogDto.eventType)
	UserID     string // the user concerned, where the caller is not that user
	AppID      string // the application concerned, where it is not the caller's
	Failed     bool   // it was tried and refused
	Before     map[string]any
	After      map[string]any
}

// Record is one line of the log.
type Record struct {
	PoolID     string         `db:"pool_id"`
	Month      int64          `db:"month"`
	ID         string         `db:"id"`
	At         int64          `db:"at"`
	ActorKind  string         `db:"actor_kind"` // key | user | system
	ActorID    string         `db:"actor_id"`
	UserID     string         `db:"user_id"`
	AppID      string         `db:"app_id"`
	Operation  string         `db:"operation"`
	Resource   string         `db:"resource"`
	TargetID   string         `db:"target_id"`
	TargetName string         `db:"target_name"`
	Event      string         `db:"event"`
	Success    bool           `db:"success"`
	Before     map[string]any `db:"before_values,json"`
	After      map[string]any `db:"after_values,json"`
	ClientIP   string         `db:"client_ip"`
	UserAgent  string         `db:"user_agent"`
	RequestID  string         `db:"request_id"`
}

// Log writes and reads the log of all pools.
type Log struct{ db *db.DB }

// New is the log kept in d.
func New(d *db.DB) *Log { return &Log{d} }

// Add writes one record for the caller of ctx, inside the transaction of ctx. Domain verbs call it last.
func (l *Log) Add(ctx context.Context, poolID string, e Event) error {
	c := caller.From(ctx)
	now := l.db.Now()
	r := Record{PoolID: poolID, Month: month(now), ID: l.db.NewID(), At: now, ActorKind: "system", UserID: e.UserID,
		AppID: c.AppID, Operation: e.Operation, Resource: e.Resource, TargetID: e.TargetID, TargetName: e.TargetName,
		Event: e.UserEvent, Success: !e.Failed, Before: masked(e.Before), After: masked(e.After),
		ClientIP: c.ClientIP, UserAgent: short(c.UserAgent), RequestID: c.RequestID}
	if e.AppID != "" {
		r.AppID = e.AppID
	}
	switch c.Kind {
	case caller.Key:
		r.ActorKind, r.ActorID = "key", c.KeyID
		if c.UserID != "" && r.UserID == "" && e.UserEvent == "" {
			r.UserID = c.UserID
		}
	case caller.User:
		r.ActorKind, r.ActorID, r.UserID = "user", c.UserID, c.UserID
	}
	return db.Insert(ctx, l.db, "audit_log", &r)
}

// Changes splits a row's differences into what an Event keeps.
func Changes(changes []db.Change) (before, after map[string]any) {
	before, after = make(map[string]any, len(changes)), make(map[string]any, len(changes))
	for _, c := range changes {
		if c.Column == "updated_at" {
			continue
		}
		before[c.Column], after[c.Column] = c.Before, c.After
	}
	return before, after
}

// secret fields are told by their name, wherever they stand.
var secret = []string{"password", "secret", "token", "recovery", "otp", "private"}

// Settings that only sound like secrets.
var open = map[string]bool{"password_set_at": true, "password_level": true, "password_reset_on_login": true, "token_expired_at": true,
	"tokenExpiresAfter": true, "passwordUpdatePolicy": true, "loginPasswordFailCheck": true}

func masked(values map[string]any) map[string]any {
	out := make(map[string]any, len(values))
	for k, v := range values {
		out[k] = v
		if v == nil || open[k] {
			continue
		}
		lower := strings.ToLower(k)
		for _, s := range secret {
			if strings.Contains(lower, s) {
				out[k] = "***"
			}
		}
	}
	return out
}

func short(s string) string {
	if len(s) > 512 {
		return strings.ToValidUTF8(s[:512], "")
	}
	return s
}

func month(ms int64) int64 {
	t := time.UnixMilli(ms).UTC()
	return int64(t.Year()*100 + int(t.Month()))
}

// Filter selects records; zero fields select everything.
type Filter struct {
	RequestID string
	ClientIP  string
	Operation string
	Resource  string
	Events    []string // names of what users did
	ActorIDs  []string // keys or users who acted
	UserIDs   []string // users who acted or are concerned
	AppIDs    []string
	Success   *bool
	// Administrator is a key that acted, or the owner of one.
	Administrator string
	Start, End    int64 // unix ms, inclusive; 0 is open
	UserOnly      bool  // only what users did themselves
	AdminOnly     bool  // only what keys and administrators did
	Page          int   // from 1
	Limit         int   // 1 to 50
}

// List returns the records of a pool that match, newest first, and how many there are.
func (l *Log) List(ctx context.Context, poolID string, f Filter) ([]Record, int64, error) {
	var w db.Where
	w.And("pool_id = ?", poolID)
	for _, c := range []struct {
		column, value string
	}{{"request_id", f.RequestID}, {"client_ip", f.ClientIP}, {"operation", f.Operation}, {"resource", f.Resource}} {
		if c.value != "" {
			w.And(c.column+" = ?", c.value)
		}
	}
	for _, c := range []struct {
		column string
		list   []string
	}{{"actor_id", f.ActorIDs}, {"user_id", f.UserIDs}, {"app_id", f.AppIDs}, {"event", f.Events}} {
		if c.list != nil {
			w.And(c.column+" in (?...)", c.list)
		}
	}
	if f.Administrator != "" {
		w.And("actor_id = ? or user_id = ?", f.Administrator, f.Administrator)
	}
	if f.Success != nil {
		w.And("success = ?", *f.Success)
	}
	if f.Start > 0 {
		w.And("at >= ?", f.Start)
	}
	if f.End > 0 {
		w.And("at <= ?", f.End)
	}
	if f.UserOnly {
		w.And("event <> ''")
	}
	if f.AdminOnly {
		w.And("event = ''")
	}
	total, err := db.One[int64](ctx, l.db, "select count(*) from audit_log where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	page, limit := max(f.Page, 1), min(max(f.Limit, 1), 50)
	records, err := db.List[Record](ctx, l.db, "select "+db.Columns[Record]()+" from audit_log where "+w.String()+
		" order by at desc, id desc limit ? offset ?", append(w.Args, limit, (page-1)*limit)...)
	return records, total, err
}

// Text is one side of a record as JSON, "" when there is nothing.
func Text(values map[string]any) string {
	if len(values) == 0 {
		return ""
	}
	b, err := json.Marshal(values, json.Deterministic(true))
	if err != nil {
		return ""
	}
	return string(b)
}
