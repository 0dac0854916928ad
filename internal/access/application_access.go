package access

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Strategy says who may enter an application of whom nothing else is said.
type Strategy string

// The strategies. An application begins with AllowAll.
const (
	AllowAll Strategy = "ALLOW_ALL"
	DenyAll  Strategy = "DENY_ALL"
)

// AppRecord says whether a target may enter an application. An application has one for each target.
type AppRecord struct {
	PoolID     string               `db:"pool_id"`
	ID         string               `db:"id"`
	AppID      string               `db:"app_id"`
	TargetType directory.TargetType `db:"target_type"`
	TargetID   string               `db:"target_id"`
	Effect     Effect               `db:"effect"`
	Enabled    bool                 `db:"enabled"` // one that is not says nothing
	Inherit    bool                 `db:"inherit"` // of a department: also of the members of those below it
	CreatedAt  int64                `db:"created_at"`
	UpdatedAt  int64                `db:"updated_at"`
}

// Target is whom the record is about.
func (r *AppRecord) Target() Target { return Target{r.TargetType, r.TargetID} }

// Errors of entering applications.
var (
	ErrApplicationNotFound = fault.New(fault.NotFound, "application_not_found")
	// ErrAppRecordNotFound says that an application has no record of a target.
	ErrAppRecordNotFound = fault.New(fault.NotFound, "application_access_not_found")
)

// EnsureApplication makes the namespace of an application, whose identifier is its code, and lets everybody enter. It is part of
// making applications, and does nothing for one that is there.
func (a *Access) EnsureApplication(ctx context.Context, poolID, appID, name string) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.EnsureNamespace(ctx, poolID, appID, name); err != nil {
			return err
		}
		_, err := db.Exec(ctx, a.db, `insert into application_strategies (pool_id, app_id, strategy, updated_at) values (?, ?, ?, ?)
			on conflict (pool_id, app_id) do nothing`, poolID, appID, string(AllowAll), a.db.Now())
		return err
	})
}

// AppStrategy returns who may enter an application by default, or ErrApplicationNotFound.
func (a *Access) AppStrategy(ctx context.Context, poolID, appID string) (Strategy, error) {
	found, err := a.applications(ctx, poolID, []string{appID})
	if err != nil {
		return "", err
	}
	s, ok := found[appID]
	if !ok {
		return "", ErrApplicationNotFound
	}
	return s, nil
}

// AppStrategies returns the strategies of up to 1,000 applications, by identifier. Unknown ones are left out.
func (a *Access) AppStrategies(ctx context.Context, poolID string, appIDs []string) (map[string]Strategy, error) {
	if len(appIDs) > mostApplications {
		return nil, directory.CheckCount("appIds", len(appIDs), mostApplications)
	}
	return a.applications(ctx, poolID, appIDs)
}

// SetAppStrategy says who may enter an application by default. Saying the same again writes nothing.
func (a *Access) SetAppStrategy(ctx context.Context, poolID, appID string, s Strategy) error {
	if s != AllowAll && s != DenyAll {
		return fault.Field("permissionStrategy")
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		was, err := a.lockApplication(ctx, poolID, appID)
		if err != nil || was == s {
			return err
		}
		if _, err := db.Exec(ctx, a.db, "update application_strategies set strategy = ?, updated_at = ? where pool_id = ? and app_id = ?",
			string(s), a.db.Now(), poolID, appID); err != nil {
			return err
		}
		return a.log.Add(ctx, poolID, audit.Event{Operation: audit.Update, Resource: audit.AppRes, TargetID: appID,
			Before: map[string]any{"strategy": was}, After: map[string]any{"strategy": s}})
	})
}

// AppGrant says whether a target may enter an application. An empty Effect is Allow.
type AppGrant struct {
	Target  Target // a user, a group, a department or a role
	Effect  Effect
	Inherit bool // only for departments
}

// AuthorizeApp says for up to 500 targets whether they may enter an application, all of them or none. What was said of a target is
// said no more; a record that was disabled is enabled. An unknown application or target is its NotFound error.
func (a *Access) AuthorizeApp(ctx context.Context, poolID, appID string, list []AppGrant) error {
	targets := make([]Target, len(list))
	wanted := make(map[Target]AppGrant, len(list))
	for i, g := range list {
		if g.Effect == "" {
			g.Effect = Allow
		}
		if g.Effect != Allow && g.Effect != Deny {
			return fault.Field("effect")
		}
		if g.Inherit && g.Target.Type != directory.DepartmentTarget {
			g.Inherit = false
		}
		targets[i], wanted[g.Target] = g.Target, g
	}
	return a.changeApp(ctx, poolID, appID, targets, func(ctx context.Context, ids targetIDs, had map[Target]AppRecord) error {
		if err := a.lockTargets(ctx, poolID, ids); err != nil {
			return err
		}
		now := a.db.Now()
		var changed []AppRecord
		for _, t := range targets {
			g, ok := wanted[t]
			if !ok {
				continue
			}
			delete(wanted, t)
			r, ok := had[t]
			if ok && r.Effect == g.Effect && r.Inherit == g.Inherit && r.Enabled {
				continue
			}
			if !ok {
				r = AppRecord{PoolID: poolID, ID: a.db.NewID(), AppID: appID, TargetType: t.Type, TargetID: t.ID, CreatedAt: now}
			}
			r.Effect, r.Inherit, r.Enabled, r.UpdatedAt = g.Effect, g.Inherit, true, now
			changed = append(changed, r)
		}
		if len(changed) == 0 {
			return nil
		}
		if err := a.saveAppRecords(ctx, changed); err != nil {
			return err
		}
		return a.logApp(ctx, audit.Add, appID, poolID, changed)
	})
}

// RevokeApp takes back what is said of up to 500 targets. Of whom nothing is said, or who is nobody, is passed over; an unknown
// application is ErrApplicationNotFound.
func (a *Access) RevokeApp(ctx context.Context, poolID, appID string, targets []Target) error {
	return a.changeApp(ctx, poolID, appID, targets, func(ctx context.Context, _ targetIDs, had map[Target]AppRecord) error {
		return a.dropAppRecords(ctx, poolID, appID, values(targets, had))
	})
}

// EnableApp turns what is said of up to 500 targets on or off. A target of which nothing is said is ErrAppRecordNotFound, and
// nothing is changed.
func (a *Access) EnableApp(ctx context.Context, poolID, appID string, targets []Target, enabled bool) error {
	return a.changeApp(ctx, poolID, appID, targets, func(ctx context.Context, _ targetIDs, had map[Target]AppRecord) error {
		for _, t := range targets {
			if _, ok := had[t]; !ok {
				return ErrAppRecordNotFound
			}
		}
		return a.switchAppRecords(ctx, poolID, appID, values(targets, had), enabled)
	})
}

// EnableAppRecord turns one record on or off by its identifier. One that is not there is ErrAppRecordNotFound.
func (a *Access) EnableAppRecord(ctx context.Context, poolID, id string, enabled bool) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		list, err := a.appRecordsByID(ctx, poolID, []string{id})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return ErrAppRecordNotFound
		}
		return a.switchAppRecords(ctx, poolID, list[0].AppID, list, enabled)
	})
}

// DeleteAppRecords removes up to 50 records by their identifiers. Unknown ones are passed over.
func (a *Access) DeleteAppRecords(ctx context.Context, poolID string, ids []string) error {
	if err := directory.CheckCount("authIds", len(ids), mostNewResources); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		list, err := a.appRecordsByID(ctx, poolID, ids)
		if err != nil {
			return err
		}
		byApp := make(map[string][]AppRecord)
		var apps []string
		for _, r := range list {
			if byApp[r.AppID] == nil {
				apps = append(apps, r.AppID)
			}
			byApp[r.AppID] = append(byApp[r.AppID], r)
		}
		for _, appID := range apps {
			if err := a.dropAppRecords(ctx, poolID, appID, byApp[appID]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *Access) switchAppRecords(ctx context.Context, poolID, appID string, list []AppRecord, enabled bool) error {
	var changed []AppRecord
	for _, r := range list {
		if r.Enabled != enabled {
			r.Enabled, r.UpdatedAt = enabled, a.db.Now()
			changed = append(changed, r)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if err := a.saveAppRecords(ctx, changed); err != nil {
		return err
	}
	if enabled {
		return a.logApp(ctx, audit.Enable, appID, poolID, changed)
	}
	return a.logApp(ctx, audit.Disable, appID, poolID, changed)
}

func (a *Access) dropAppRecords(ctx context.Context, poolID, appID string, gone []AppRecord) error {
	if len(gone) == 0 {
		return nil
	}
	if err := a.deleteAppRecords(ctx, poolID, gone); err != nil {
		return err
	}
	return a.logApp(ctx, audit.Remove, appID, poolID, gone)
}

// changeApp locks an application, so that its records change one call after the other, and reads those of the targets; then writes, in one
// transaction.
func (a *Access) changeApp(ctx context.Context, poolID, appID string, targets []Target,
	write func(ctx context.Context, ids targetIDs, had map[Target]AppRecord) error) error {
	if err := directory.CheckCount("list", len(targets), mostTargets); err != nil {
		return err
	}
	ids, err := byType(targets, directory.UserTarget, directory.GroupTarget, directory.DepartmentTarget, directory.RoleTarget)
	if err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		if _, err := a.lockApplication(ctx, poolID, appID); err != nil {
			return err
		}
		had, err := a.appRecordsOf(ctx, poolID, []string{appID}, targets)
		if err != nil {
			return err
		}
		byTarget := make(map[Target]AppRecord, len(had))
		for _, r := range had {
			byTarget[r.Target()] = r
		}
		return write(ctx, ids, byTarget)
	})
}

// values are the records of targets that have one, each once and in their order.
func values(targets []Target, had map[Target]AppRecord) []AppRecord {
	var out []AppRecord
	seen := make(map[Target]bool, len(targets))
	for _, t := range targets {
		if r, ok := had[t]; ok && !seen[t] {
			seen[t] = true
			out = append(out, r)
		}
	}
	return out
}

// AppRecordFilter selects records; what is empty selects everything.
type AppRecordFilter struct {
	Types      []directory.TargetType
	Effect     Effect
	Enabled    *bool
	TargetName string // a part of the target's name, or of a user's user name, in any ASCII case
}

// NamedAppRecord is a record beside the name of its target.
type NamedAppRecord struct {
	AppRecord
	TargetName string `db:"target_name"` // a user's is their user name where they have no name
}

// AppRecords returns a page of an application's records that match, the latest first, and how many there are. An unknown application
// is ErrApplicationNotFound.
func (a *Access) AppRecords(ctx context.Context, poolID, appID string, f AppRecordFilter, p directory.Page) ([]NamedAppRecord, int64, error) {
	if err := directory.CheckText("targetName", f.TargetName, directory.MaxName); err != nil {
		return nil, 0, err
	}
	if _, err := a.AppStrategy(ctx, poolID, appID); err != nil {
		return nil, 0, err
	}
	return a.listAppRecords(ctx, poolID, appID, f, p)
}

// AppRecordsOf returns what applications say of a target itself, the latest first: at most 1,000.
func (a *Access) AppRecordsOf(ctx context.Context, poolID string, t Target) ([]AppRecord, error) {
	return a.appRecordsOfTarget(ctx, poolID, t)
}

const mostApplications = 1000 // that one question is about

// AppAccess reports whether a user may enter an application: a denial of one of the user's subjects decides, then a permission, then
// the application's strategy. An unknown user is directory.ErrUserNotFound, an unknown application ErrApplicationNotFound.
func (a *Access) AppAccess(ctx context.Context, poolID, appID, userID string) (bool, error) {
	verdicts, err := a.AppVerdicts(ctx, poolID, userID, []string{appID})
	if err != nil {
		return false, err
	}
	v, ok := verdicts[appID]
	if !ok {
		return false, ErrApplicationNotFound
	}
	return v.Allowed, nil
}

// AppVerdict says whether a user may enter an application and why.
type AppVerdict struct {
	Allowed  bool
	Strategy Strategy   // of the application
	Record   *AppRecord // what decided; nil for the strategy
}

// AppVerdicts answers AppAccess for up to 1,000 applications, by identifier. Unknown applications are left out; an unknown user
// is directory.ErrUserNotFound.
func (a *Access) AppVerdicts(ctx context.Context, poolID, userID string, appIDs []string) (map[string]AppVerdict, error) {
	subjects, err := a.SubjectsOf(ctx, poolID, userID)
	if err != nil {
		return nil, err
	}
	direct := make(map[Target]bool, len(subjects))
	for _, s := range subjects {
		direct[s.Target] = direct[s.Target] || !s.Inherited
	}
	return a.judgeApps(ctx, poolID, appIDs, Target{directory.UserTarget, userID}, direct)
}

// AppVerdict answers for one application what holds for a target by itself: for a user what AppAccess says, for a department also what
// it inherits. An unknown target or application is its NotFound error.
func (a *Access) AppVerdict(ctx context.Context, poolID, appID string, t Target) (*AppVerdict, error) {
	var found map[string]AppVerdict
	var err error
	if t.Type == directory.UserTarget {
		found, err = a.AppVerdicts(ctx, poolID, t.ID, []string{appID})
	} else {
		if _, err := a.TargetNames(ctx, poolID, []Target{t}); err != nil {
			return nil, err
		}
		direct := map[Target]bool{t: true}
		if t.Type == directory.DepartmentTarget {
			above, err := a.departmentsAbove(ctx, poolID, t.ID)
			if err != nil {
				return nil, err
			}
			for _, id := range above {
				direct[Target{directory.DepartmentTarget, id}] = false
			}
		}
		found, err = a.judgeApps(ctx, poolID, []string{appID}, t, direct)
	}
	if err != nil {
		return nil, err
	}
	v, ok := found[appID]
	if !ok {
		return nil, ErrApplicationNotFound
	}
	return &v, nil
}

// judgeApps decides about applications by what they say of subjects; of those for which direct is false only what is inherited holds.
func (a *Access) judgeApps(ctx context.Context, poolID string, appIDs []string, self Target, direct map[Target]bool) (map[string]AppVerdict, error) {
	strategies, err := a.AppStrategies(ctx, poolID, appIDs)
	if err != nil {
		return nil, err
	}
	targets := make([]Target, 0, len(direct))
	for t := range direct {
		targets = append(targets, t)
	}
	known := make([]string, 0, len(strategies))
	out := make(map[string]AppVerdict, len(strategies))
	for appID, s := range strategies {
		known = append(known, appID)
		out[appID] = AppVerdict{Allowed: s == AllowAll, Strategy: s}
	}
	records, err := a.appRecordsOf(ctx, poolID, known, targets)
	if err != nil {
		return nil, err
	}
	for i := range records {
		r := &records[i]
		if !r.Enabled || !direct[r.Target()] && !r.Inherit {
			continue
		}
		v := out[r.AppID]
		if v.Record != nil && v.Record.Effect != r.Effect && r.Effect == Allow || v.Record != nil && v.Record.Effect == r.Effect && r.Target() != self {
			continue // a denial stays, and of one effect the own record is the reason to tell
		}
		v.Allowed, v.Record = r.Effect == Allow, r
		out[r.AppID] = v
	}
	return out, nil
}

// logApp writes what of an application's records was changed.
func (a *Access) logApp(ctx context.Context, operation, appID, poolID string, records []AppRecord) error {
	list := make([]map[string]any, 0, min(len(records), mostLogged))
	for _, r := range records[:min(len(records), mostLogged)] {
		list = append(list, map[string]any{"target_type": r.TargetType, "target_id": r.TargetID, "effect": r.Effect, "inherit": r.Inherit})
	}
	e := audit.Event{Operation: operation, Resource: audit.AppRes, TargetID: appID}
	if changed := map[string]any{"access": list, "count": len(records)}; operation == audit.Remove {
		e.Before = changed
	} else {
		e.After = changed
	}
	if len(records) == 1 && records[0].TargetType == directory.UserTarget {
		e.UserID = records[0].TargetID
	}
	return a.log.Add(ctx, poolID, e)
}
