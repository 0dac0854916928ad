package access

import (
	"context"
	"errors"
	"slices"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

type appStrategy struct {
	AppID    string   `db:"app_id"`
	Strategy Strategy `db:"strategy"`
}

// applications returns the strategies of those of the codes that are applications of the pool.
func (a *Access) applications(ctx context.Context, poolID string, ids []string) (map[string]Strategy, error) {
	rows, err := db.List[appStrategy](ctx, a.db, "select app_id, strategy from application_strategies where pool_id = ? and app_id in (?...) limit ?",
		poolID, directory.Findable(ids), mostApplications)
	out := make(map[string]Strategy, len(rows))
	for _, r := range rows {
		out[r.AppID] = r.Strategy
	}
	return out, err
}

// lockApplication returns an application's strategy, locked, or ErrApplicationNotFound. Applications are locked before targets.
func (a *Access) lockApplication(ctx context.Context, poolID, appID string) (Strategy, error) {
	if len(directory.Findable([]string{appID})) == 0 {
		return "", ErrApplicationNotFound
	}
	s, err := db.One[Strategy](ctx, a.db, "select strategy from application_strategies where pool_id = ? and app_id = ?"+forUpdate, poolID, appID)
	if errors.Is(err, db.NoRow) {
		return "", ErrApplicationNotFound
	}
	return s, err
}

var selectAppRecords = "select " + db.Columns[AppRecord]() + " from application_access where pool_id = ? and "

// appRecordsOf returns what applications say of targets.
func (a *Access) appRecordsOf(ctx context.Context, poolID string, appIDs []string, targets []Target) ([]AppRecord, error) {
	wanted := make(map[Target]bool, len(targets))
	types, ids := make([]string, 0, 4), make([]string, len(targets))
	for i, t := range targets {
		wanted[t], ids[i] = true, t.ID
		if !slices.Contains(types, string(t.Type)) {
			types = append(types, string(t.Type))
		}
	}
	var out []AppRecord
	for batch := range slices.Chunk(directory.Findable(ids), refBatch) {
		rows, err := db.List[AppRecord](ctx, a.db, selectAppRecords+"app_id in (?...) and target_type in (?...) and target_id in (?...) order by id limit ?",
			poolID, appIDs, types, batch, len(appIDs)*len(types)*len(batch))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if wanted[r.Target()] {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

func (a *Access) appRecordsByID(ctx context.Context, poolID string, ids []string) ([]AppRecord, error) {
	return db.List[AppRecord](ctx, a.db, selectAppRecords+"id in (?...) order by app_id, id limit ?"+forUpdate, poolID, directory.Findable(ids), max(len(ids), 1))
}

func (a *Access) appRecordsOfTarget(ctx context.Context, poolID string, t Target) ([]AppRecord, error) {
	return db.List[AppRecord](ctx, a.db, selectAppRecords+"target_type = ? and target_id in (?...) order by id desc limit ?",
		poolID, string(t.Type), directory.Findable([]string{t.ID}), mostApplications)
}

func (a *Access) saveAppRecords(ctx context.Context, list []AppRecord) error {
	if err := a.deleteAppRecords(ctx, list[0].PoolID, list); err != nil {
		return err
	}
	return db.InsertAll(ctx, a.db, "application_access", list)
}

func (a *Access) deleteAppRecords(ctx context.Context, poolID string, list []AppRecord) error {
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r.ID
	}
	_, err := db.Exec(ctx, a.db, "delete from application_access where pool_id = ? and id in (?...)", poolID, ids)
	return err
}

// nameOfTarget is the name of the target of a row of application_access.
const nameOfTarget = `coalesce(case x.target_type
		when 'USER' then (select coalesce(nullif(u.name, ''), u.username) from users u where u.pool_id = x.pool_id and u.id = x.target_id)
		when 'GROUP' then (select g.name from groups g where g.pool_id = x.pool_id and g.id = x.target_id)
		when 'ROLE' then (select r.name from roles r where r.pool_id = x.pool_id and r.id = x.target_id)
		else (select d.name from departments d where d.pool_id = x.pool_id and d.id = x.target_id) end, '')`

func (a *Access) listAppRecords(ctx context.Context, poolID, appID string, f AppRecordFilter, p directory.Page) ([]NamedAppRecord, int64, error) {
	var w db.Where
	w.And("x.pool_id = ? and x.app_id = ?", poolID, appID)
	if len(f.Types) > 0 {
		types := make([]string, len(f.Types))
		for i, t := range f.Types {
			types[i] = string(t)
		}
		w.And("x.target_type in (?...)", types)
	}
	if f.Effect != "" {
		w.And("x.effect = ?", string(f.Effect))
	}
	if f.Enabled != nil {
		w.And("x.enabled = ?", *f.Enabled)
	}
	if f.TargetName != "" {
		w.And("lower("+nameOfTarget+`) like ? escape '\'`, directory.LikePattern(f.TargetName))
	}
	total, err := db.One[int64](ctx, a.db, "select count(*) from application_access x where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[NamedAppRecord](ctx, a.db, "select "+db.Columns[AppRecord]("x")+", "+nameOfTarget+" as target_name from application_access x where "+
		w.String()+" order by x.id desc limit ? offset ?", append(w.Args, limit, offset)...)
	return list, total, err
}

// departmentsAbove returns the departments above one.
func (a *Access) departmentsAbove(ctx context.Context, poolID, id string) ([]string, error) {
	return db.List[string](ctx, a.db, "select ancestor from department_paths where pool_id = ? and descendant in (?...) and depth > 0 order by depth limit 100",
		poolID, directory.Findable([]string{id}))
}

type targetRow struct {
	ID   string `db:"id"`
	Name string `db:"name"`
}

// TargetNames returns the names of up to 500 targets; a user's is their user name where they have no name. One that is not there is
// its NotFound error.
func (a *Access) TargetNames(ctx context.Context, poolID string, targets []Target) (map[Target]string, error) {
	if err := directory.CheckCount("targets", len(targets), mostTargets); err != nil {
		return nil, err
	}
	ids, err := byType(targets, directory.UserTarget, directory.GroupTarget, directory.DepartmentTarget, directory.RoleTarget)
	if err != nil {
		return nil, err
	}
	out := make(map[Target]string, len(targets))
	for t, list := range ids {
		name, missing := "name", directory.ErrUserNotFound
		switch t {
		case directory.UserTarget:
			name = "coalesce(nullif(name, ''), username, '')"
		case directory.GroupTarget:
			missing = directory.ErrGroupNotFound
		case directory.DepartmentTarget:
			missing = directory.ErrDepartmentNotFound
		case directory.RoleTarget:
			missing = ErrRoleNotFound
		}
		rows, err := db.List[targetRow](ctx, a.db, "select id, "+name+" as name from "+policyTargetTables[t]+" where pool_id = ? and id in (?...) limit ?",
			poolID, directory.Findable(list), len(list))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[Target{t, r.ID}] = r.Name
		}
		for _, id := range list {
			if _, ok := out[Target{t, id}]; !ok {
				return nil, missing
			}
		}
	}
	return out, nil
}
