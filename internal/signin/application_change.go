package signin

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// Errors of applications.
var (
	// ErrIdentifierTaken says that another application of the pool has the identifier.
	ErrIdentifierTaken = fault.New(fault.Conflict, "application_identifier_taken")
	// ErrClientWrong says that no application has that identifier and that secret.
	ErrClientWrong = fault.New(fault.Unauthenticated, "client_wrong")
)

// NewApplication is an application to be made. Only the name is needed.
type NewApplication struct {
	Name        string
	Identifier  string // empty: one is made
	Logo        string
	Description string
	Type        AppType     // empty: WebApp
	SSO         *bool       // nil: yes
	Settings    AppSettings // what is empty holds the defaults
	Strategy    access.Strategy
}

const mostApplications = 2000 // of a pool

// CreateApplication makes an application with a random secret, which is in what is returned. It is enabled, and everybody may enter
// it unless the strategy says otherwise. An identifier is of 1 to 64 letters, digits, "-" and "_"; one that is taken is
// ErrIdentifierTaken. What its settings may be is said at check. A pool takes 2,000: Unprocessable "application_limit".
func (s *Signin) CreateApplication(ctx context.Context, poolID string, n NewApplication) (*Application, error) {
	now := s.db.Now()
	a := &Application{PoolID: poolID, ID: s.db.NewID(), Name: n.Name, Identifier: n.Identifier, Logo: n.Logo, Description: n.Description,
		Type: n.Type, Secret: secret.Random(16), Enabled: true, SSO: n.SSO == nil || *n.SSO, Settings: n.Settings, CreatedAt: now, UpdatedAt: now}
	if a.Type == "" {
		a.Type = WebApp
	}
	if a.Identifier == "" {
		a.Identifier = "app-" + a.ID[len(a.ID)-16:]
	}
	if a.SSO {
		a.SSOAt = now
	}
	a.Settings.fill(a.Type)
	a.Settings.fitDefaults(&AppSettings{DefaultLogin: "PASSWORD", DefaultRegister: "PASSWORD"})
	if err := a.check(); err != nil {
		return nil, err
	}
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		had, err := db.One[int64](ctx, s.db, "select count(*) from applications where pool_id = ?", poolID)
		if err != nil {
			return err
		}
		if had >= mostApplications {
			return fault.New(fault.Unprocessable, "application_limit", strconv.Itoa(mostApplications))
		}
		row := *a
		row.Secret = s.master.Seal([]byte(a.Secret), applicationContext(a.ID))
		if err := db.Insert(ctx, s.db, "applications", &row); err != nil {
			return identifierTaken(err)
		}
		if err := s.access.EnsureApplication(ctx, poolID, a.ID, a.Name); err != nil {
			return err
		}
		if n.Strategy != "" {
			if err := s.access.SetAppStrategy(ctx, poolID, a.ID, n.Strategy); err != nil {
				return err
			}
		}
		if err := s.log.Add(ctx, poolID, audit.Event{Operation: audit.Create, Resource: audit.AppRes, TargetID: a.ID, TargetName: a.Name,
			After: map[string]any{"name": a.Name, "identifier": a.Identifier, "type": a.Type}}); err != nil {
			return err
		}
		return s.db.Publish(ctx, poolID, applicationTopic, a.ID)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

func applicationContext(id string) string { return "application/" + id }

func identifierTaken(err error) error {
	if db.IsUnique(err, "applications", "identifier") {
		return ErrIdentifierTaken.Because(err)
	}
	return err
}

// ApplicationPatch is a change of an application; nil leaves a field as it is.
type ApplicationPatch struct {
	Name        *string
	Identifier  *string
	Logo        *string
	Description *string
	Type        *AppType
	Enabled     *bool
	SSO         *bool
	// Settings is given a copy of the settings to change, which it does not keep. It may be called more than once. Its error is
	// UpdateApplication's.
	Settings func(*AppSettings) error
}

// UpdateApplication changes an application and returns it as it then is, without its secret. The way of signing in that is shown
// first follows when it is no longer offered and the change does not choose one. Turning an application off keeps its sessions, but
// nobody signs in to it. Changing nothing writes nothing.
func (s *Signin) UpdateApplication(ctx context.Context, poolID, id string, p ApplicationPatch) (*Application, error) {
	var after *Application
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		before, err := s.applicationForUpdate(ctx, poolID, id)
		if err != nil {
			return err
		}
		if after, err = before.with(p, s.db.Now()); err != nil {
			return err
		}
		changes, err := db.Diff(before, after)
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := after.check(); err != nil {
			return err
		}
		after.UpdatedAt = s.db.Now()
		changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
		if err := db.Update(ctx, s.db, "applications", changes, "pool_id = ? and id = ?", poolID, id); err != nil {
			return identifierTaken(err)
		}
		if after.Name != before.Name {
			if err := s.access.RenameApplication(ctx, poolID, id, after.Name); err != nil {
				return err
			}
		}
		e := audit.Event{Operation: audit.Update, Resource: audit.AppRes, TargetID: id, TargetName: after.Name}
		if e.Before, e.After, err = before.changes(after); err != nil {
			return err
		}
		if err := s.log.Add(ctx, poolID, e); err != nil {
			return err
		}
		return s.db.Publish(ctx, poolID, applicationTopic, id)
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}

// with is the application with a patch in it. It shares nothing with a that the patch could change.
func (a *Application) with(p ApplicationPatch, now int64) (*Application, error) {
	after := *a
	set := func(to *string, value *string) {
		if value != nil {
			*to = *value
		}
	}
	set(&after.Name, p.Name)
	set(&after.Identifier, p.Identifier)
	set(&after.Logo, p.Logo)
	set(&after.Description, p.Description)
	if p.Type != nil {
		after.Type = *p.Type
	}
	if p.Enabled != nil {
		after.Enabled = *p.Enabled
	}
	if p.SSO != nil && *p.SSO != a.SSO {
		after.SSO, after.SSOAt = *p.SSO, 0
		if *p.SSO {
			after.SSOAt = now
		}
	}
	if p.Settings != nil {
		b, err := json.Marshal(&a.Settings)
		if err != nil {
			return nil, err
		}
		after.Settings = AppSettings{}
		if err := json.Unmarshal(b, &after.Settings); err != nil {
			return nil, err
		}
		if err := p.Settings(&after.Settings); err != nil {
			return nil, err
		}
		after.Settings.fill(after.Type)
		after.Settings.fitDefaults(&a.Settings)
	}
	return &after, nil
}

const longestLogged = 1000 // bytes of a setting's value in the log

// changes are the columns and settings that differ, by name.
func (a *Application) changes(after *Application) (was, is map[string]any, err error) {
	was, is = map[string]any{}, map[string]any{}
	columns, err := db.Diff(a, after)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range columns {
		if c.Column != "settings" && c.Column != "updated_at" {
			was[c.Column], is[c.Column] = c.Before, c.After
		}
	}
	var texts [2]map[string]jsontext.Value
	for i, t := range []*AppSettings{&a.Settings, &after.Settings} {
		b, err := json.Marshal(t, json.Deterministic(true))
		if err != nil {
			return nil, nil, err
		}
		if err := json.Unmarshal(b, &texts[i]); err != nil {
			return nil, nil, err
		}
	}
	told := func(b jsontext.Value) any {
		if len(b) > longestLogged {
			return strconv.Itoa(len(b)) + " bytes"
		}
		return b
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(texts[0])), maps.Keys(texts[1]))
	for _, name := range names {
		old, had := texts[0][name]
		value, has := texts[1][name]
		if had == has && slices.Equal(old, value) {
			continue
		}
		if had {
			was[name] = told(old)
		}
		if has {
			is[name] = told(value)
		}
	}
	return was, is, nil
}

// DeleteApplication removes an application with its permission namespace, its accounts and agreements, and what is said of who may
// enter it. The sessions that began there end, and so do all tokens for it. What a namespace may hold is said at
// access.RemoveApplication.
func (s *Signin) DeleteApplication(ctx context.Context, poolID, id string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		a, err := s.applicationForUpdate(ctx, poolID, id)
		if err != nil {
			return err
		}
		for {
			n, err := db.One[int64](ctx, s.db, "select count(*) from sessions where pool_id = ? and app_id = ?", poolID, id)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			if err := s.endSessions(ctx, poolID, "app_id = ?", []any{id}, true); err != nil {
				return err
			}
		}
		if err := s.endFamilies(ctx, poolID, "app_id = ?", id); err != nil {
			return err
		}
		for _, table := range []string{"programmatic_accounts", "agreements", "whitelist", "application_users"} {
			if _, err := db.Exec(ctx, s.db, "delete from "+table+" where pool_id = ? and app_id = ?", poolID, id); err != nil {
				return err
			}
		}
		if err := s.access.RemoveApplication(ctx, poolID, id); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, s.db, "delete from applications where pool_id = ? and id = ?", poolID, id); err != nil {
			return err
		}
		if err := s.log.Add(ctx, poolID, audit.Event{Operation: audit.Delete, Resource: audit.AppRes, TargetID: id, TargetName: a.Name,
			Before: map[string]any{"name": a.Name, "identifier": a.Identifier}}); err != nil {
			return err
		}
		return s.db.Publish(ctx, poolID, applicationTopic, id)
	})
}

// RotateSecret gives an application a new random secret and returns it. The old one is worth nothing from then on, nor are tokens
// that it signed.
func (s *Signin) RotateSecret(ctx context.Context, poolID, id string) (string, error) {
	text := secret.Random(16)
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		a, err := s.applicationForUpdate(ctx, poolID, id)
		if err != nil {
			return err
		}
		if _, err := db.Exec(ctx, s.db, "update applications set secret = ?, updated_at = ? where pool_id = ? and id = ?",
			s.master.Seal([]byte(text), applicationContext(id)), s.db.Now(), poolID, id); err != nil {
			return err
		}
		if err := s.log.Add(ctx, poolID, audit.Event{Operation: audit.Refresh, Resource: audit.AppRes, TargetID: id, TargetName: a.Name,
			After: map[string]any{"secret": "***"}}); err != nil {
			return err
		}
		return s.db.Publish(ctx, poolID, applicationTopic, id)
	})
	if err != nil {
		return "", err
	}
	return text, nil
}

// RevealSecret returns an application's secret to an administrator, and leaves a record that they have seen it.
func (s *Signin) RevealSecret(ctx context.Context, poolID, id string) (string, error) {
	a, err := s.PoolApplication(ctx, poolID, id)
	if err != nil {
		return "", err
	}
	text, err := s.ApplicationSecret(ctx, a)
	if err != nil {
		return "", err
	}
	return text, s.db.Tx(ctx, func(ctx context.Context) error {
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Query, Resource: audit.AppRes, TargetID: id, TargetName: a.Name,
			After: map[string]any{"secret": "***"}})
	})
}

// ApplicationSecret returns an application's secret, for the server's own use: it leaves no record. See RevealSecret.
func (s *Signin) ApplicationSecret(ctx context.Context, app *Application) (string, error) {
	sealed := app.sealed
	if sealed == "" {
		row, err := s.readApplication(ctx, "pool_id = ? and id = ?", app.PoolID, app.ID)
		if err != nil {
			return "", err
		}
		sealed = row.sealed
	}
	plain, err := s.master.Open(sealed, applicationContext(app.ID))
	return string(plain), err
}

// AuthenticateApplication returns the application of an identifier and its secret. ErrClientWrong for every other pair, and for an
// application that is turned off.
func (s *Signin) AuthenticateApplication(ctx context.Context, appID, text string) (*Application, error) {
	a, err := s.Application(ctx, appID)
	known := strings.Repeat("0", 32)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		a = nil
	case err != nil:
		return nil, err
	default:
		if known, err = s.ApplicationSecret(ctx, a); err != nil {
			return nil, err
		}
	}
	if !secret.Equal(known, text) || a == nil || !a.Enabled {
		return nil, ErrClientWrong
	}
	return a, nil
}

// IdentifierFree reports whether an application of the pool could have an identifier.
func (s *Signin) IdentifierFree(ctx context.Context, poolID, identifier string) (bool, error) {
	if checkIdentifier(identifier) != nil {
		return false, nil
	}
	n, err := db.One[int64](ctx, s.db, "select count(*) from applications where pool_id = ? and identifier = ?", poolID, identifier)
	return n == 0, err
}
