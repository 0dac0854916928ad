package access

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// DataPolicy is a set of statements about data resources with a name that is unique in the pool, to be given as a whole. Resources
// stand in it by their identifiers, so that a namespace can change its code.
type DataPolicy struct {
	PoolID      string          `db:"pool_id"`
	ID          string          `db:"id"`
	Name        string          `db:"name"`
	Description string          `db:"description"`
	Statements  []dataStatement `db:"statements,json"`
	CreatedAt   int64           `db:"created_at"`
	UpdatedAt   int64           `db:"updated_at"`
}

// dataStatement is a statement whose resources are found.
type dataStatement struct {
	Effect      Effect           `json:"effect"`
	Permissions []dataPermission `json:"permissions"`
	Condition   string           `json:"condition,omitempty"`
}

type dataPermission struct {
	Resource string `json:"resource"` // its identifier
	Node     string `json:"node,omitempty"`
	Action   string `json:"action"`
}

// DataStatement allows or denies what its paths say. A path to a node of a tree is about that node and none below it; a path that
// names no node is about the whole resource.
type DataStatement struct {
	Effect      Effect
	Permissions []string // paths, see ParseDataPath
	Condition   string   // an expression over user, resource and environment; "" always holds
}

// Errors of data policies.
var (
	ErrDataPolicyNotFound  = fault.New(fault.NotFound, "data_policy_not_found")
	ErrDataPolicyNameTaken = fault.New(fault.Conflict, "data_policy_name_taken")
	ErrDataPoliciesTooMany = fault.New(fault.Unprocessable, "data_policy_limit", strconv.Itoa(mostDataPolicies))
)

const (
	mostDataPermissions = 500  // of a policy
	mostDataPolicies    = 1000 // that one question looks at
	mostPolicyIDs       = 50   // that one call gives
	mostListedOf        = 50   // resources, and targets, that a list shows of each policy
)

// NewDataPolicy is a policy to be made, of 1 to 100 statements and 1 to 500 permissions.
type NewDataPolicy struct {
	Name, Description string
	Statements        []DataStatement
}

// CreateDataPolicy makes a policy. A namespace or a resource of its paths that is not there is ErrNamespaceNotFound or
// ErrDataResourceNotFound; nodes and actions need not be there.
func (a *Access) CreateDataPolicy(ctx context.Context, poolID string, n NewDataPolicy) (*DataPolicy, error) {
	now := a.db.Now()
	p := DataPolicy{PoolID: poolID, ID: a.db.NewID(), Name: n.Name, Description: n.Description, CreatedAt: now, UpdatedAt: now}
	if err := p.check(); err != nil {
		return nil, err
	}
	parsed, err := a.parseDataStatements(n.Statements)
	if err != nil {
		return nil, err
	}
	err = a.db.Tx(ctx, func(ctx context.Context) error {
		resources, err := a.resolveDataPaths(ctx, poolID, parsed)
		if err != nil {
			return err
		}
		p.Statements = parsed.statements(resources)
		if err := db.Insert(ctx, a.db, "data_policies", &p); err != nil {
			return dataPolicyTaken(err)
		}
		if err := a.linkDataPolicy(ctx, &p); err != nil {
			return err
		}
		changes, err := db.Diff(&DataPolicy{}, &p)
		if err != nil {
			return err
		}
		e := aboutDataPolicies(audit.Create, []DataPolicy{p})
		_, e.After = audit.Changes(changes)
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

func dataPolicyTaken(err error) error {
	if db.IsUnique(err, "data_policies", "name") {
		return ErrDataPolicyNameTaken.Because(err)
	}
	return err
}

func (p *DataPolicy) check() error {
	if strings.TrimSpace(p.Name) == "" {
		return fault.Field("policyName")
	}
	if err := directory.CheckText("policyName", p.Name, directory.MaxName); err != nil {
		return err
	}
	return directory.CheckText("description", p.Description, directory.MaxDescription)
}

// parsedStatement is a statement whose paths are read.
type parsedStatement struct {
	DataStatement
	paths []DataPath
}

type parsedStatements []parsedStatement

// parseDataStatements checks all that can be checked without the database.
func (a *Access) parseDataStatements(list []DataStatement) (parsedStatements, error) {
	if err := directory.CheckCount("statementList", len(list), mostStatements); err != nil {
		return nil, err
	}
	out := make(parsedStatements, len(list))
	total := 0
	for i, s := range list {
		if s.Effect != Allow && s.Effect != Deny {
			return nil, fault.Field("effect")
		}
		total += len(s.Permissions)
		if err := directory.CheckCount("permissions", len(s.Permissions), mostDataPermissions); err != nil {
			return nil, err
		}
		if s.Condition != "" {
			if err := checkDataCondition(s.Condition); err != nil {
				return nil, err
			}
		}
		out[i] = parsedStatement{DataStatement: s, paths: make([]DataPath, len(s.Permissions))}
		for j, text := range s.Permissions {
			var err error
			if out[i].paths[j], err = ParseDataPath(text); err != nil {
				return nil, err
			}
		}
	}
	if total > mostDataPermissions {
		return nil, directory.CheckCount("permissions", total, mostDataPermissions)
	}
	return out, nil
}

// resourceKey names a resource.
type resourceKey struct{ namespace, code string }

// resolveDataPaths finds the resources of all paths, locked until the transaction of ctx ends.
func (a *Access) resolveDataPaths(ctx context.Context, poolID string, list parsedStatements) (map[resourceKey]string, error) {
	asked := make(map[resourceKey]bool)
	var namespaces, codes []string
	for _, s := range list {
		for _, p := range s.paths {
			if k := (resourceKey{p.Namespace, p.Resource}); !asked[k] {
				asked[k] = true
				namespaces, codes = append(namespaces, p.Namespace), append(codes, p.Resource)
			}
		}
	}
	namespaces, codes = directory.Findable(namespaces), directory.Findable(codes)
	rows, err := db.List[dataResourceKey](ctx, a.db, "select namespace, code, id from data_resources where pool_id = ? and "+byRef+forUpdate,
		poolID, namespaces, codes, len(namespaces)*len(codes))
	if err != nil {
		return nil, err
	}
	found := make(map[resourceKey]string, len(rows))
	for _, r := range rows {
		found[resourceKey{r.Namespace, r.Code}] = r.ID
	}
	for k := range asked {
		if found[k] == "" {
			if err := a.needNamespaces(ctx, poolID, namespaces...); err != nil {
				return nil, err
			}
			return nil, ErrDataResourceNotFound
		}
	}
	return found, nil
}

type dataResourceKey struct {
	Namespace string `db:"namespace"`
	Code      string `db:"code"`
	ID        string `db:"id"`
}

func (list parsedStatements) statements(resources map[resourceKey]string) []dataStatement {
	out := make([]dataStatement, len(list))
	for i, s := range list {
		out[i] = dataStatement{Effect: s.Effect, Condition: s.Condition, Permissions: make([]dataPermission, len(s.paths))}
		for j, p := range s.paths {
			out[i].Permissions[j] = dataPermission{resources[resourceKey{p.Namespace, p.Resource}], p.Node, p.Action}
		}
	}
	return out
}

// resources are the identifiers of what the policy speaks of, each once.
func (p *DataPolicy) resources() []string {
	var ids []string
	for _, s := range p.Statements {
		for _, permission := range s.Permissions {
			ids = append(ids, permission.Resource)
		}
	}
	return directory.Findable(ids)
}

type dataPolicyResource struct {
	PoolID     string `db:"pool_id"`
	PolicyID   string `db:"policy_id"`
	ResourceID string `db:"resource_id"`
}

// linkDataPolicy writes the resources that the policy speaks of.
func (a *Access) linkDataPolicy(ctx context.Context, p *DataPolicy) error {
	ids := p.resources()
	links := make([]dataPolicyResource, len(ids))
	for i, id := range ids {
		links[i] = dataPolicyResource{p.PoolID, p.ID, id}
	}
	return db.InsertAll(ctx, a.db, "data_policy_resources", links)
}

var selectDataPolicies = "select " + db.Columns[DataPolicy]() + " from data_policies where pool_id = ? and "

// DataPolicy returns one policy, or ErrDataPolicyNotFound.
func (a *Access) DataPolicy(ctx context.Context, poolID, id string) (*DataPolicy, error) {
	return a.dataPolicy(ctx, poolID, id, "")
}

func (a *Access) dataPolicy(ctx context.Context, poolID, id, lock string) (*DataPolicy, error) {
	p, err := db.One[DataPolicy](ctx, a.db, selectDataPolicies+"id in (?...) limit 1"+lock, poolID, directory.Findable([]string{id}))
	if errors.Is(err, db.NoRow) {
		return nil, ErrDataPolicyNotFound
	}
	return &p, err
}

// DataPolicies returns a page of the policies whose name contains keywords in any ASCII case, newest first, and how many there are.
func (a *Access) DataPolicies(ctx context.Context, poolID, keywords string, p directory.Page) ([]DataPolicy, int64, error) {
	if err := directory.CheckText("query", keywords, directory.MaxName); err != nil {
		return nil, 0, err
	}
	var w db.Where
	w.And("pool_id = ?", poolID)
	if keywords != "" {
		w.And(`lower(name) like ? escape '\'`, directory.LikePattern(keywords))
	}
	total, err := db.One[int64](ctx, a.db, "select count(*) from data_policies where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[DataPolicy](ctx, a.db, "select "+db.Columns[DataPolicy]()+" from data_policies where "+w.String()+" order by id desc limit ? offset ?",
		append(w.Args, limit, offset)...)
	return list, total, err
}

// NamedResource is a resource that a policy speaks of.
type NamedResource struct {
	PolicyID string `db:"policy_id"`
	ID       string `db:"id"`
	Name     string `db:"name"`
}

// ResourcesOfDataPolicies returns the first 50 resources of each of up to 50 policies, by policy.
func (a *Access) ResourcesOfDataPolicies(ctx context.Context, poolID string, ids []string) (map[string][]NamedResource, error) {
	if len(ids) > mostPolicyIDs {
		return nil, directory.CheckCount("policyIds", len(ids), mostPolicyIDs)
	}
	rows, err := db.List[NamedResource](ctx, a.db, `select found.policy_id, r.id, r.name from (
			select policy_id, resource_id, row_number() over (partition by policy_id order by resource_id) as place
			from data_policy_resources where pool_id = ? and policy_id in (?...)) found
		join data_resources r on r.pool_id = ? and r.id = found.resource_id
		where found.place <= ? order by found.policy_id, found.place limit ?`,
		poolID, directory.Findable(ids), poolID, mostListedOf, mostListedOf*mostPolicyIDs)
	out := make(map[string][]NamedResource, len(ids))
	for _, r := range rows {
		out[r.PolicyID] = append(out[r.PolicyID], r)
	}
	return out, err
}

// DataPolicyPatch is a change of a policy; nil leaves a field as it is.
type DataPolicyPatch struct {
	Name, Description *string
	Statements        []DataStatement // nil leaves them; otherwise they take the place of all
}

// UpdateDataPolicy changes one policy and returns it as it then is. Changing nothing writes nothing.
func (a *Access) UpdateDataPolicy(ctx context.Context, poolID, id string, p DataPolicyPatch) (*DataPolicy, error) {
	var parsed parsedStatements
	if p.Statements != nil {
		var err error
		if parsed, err = a.parseDataStatements(p.Statements); err != nil {
			return nil, err
		}
	}
	var after DataPolicy
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		before, err := a.dataPolicy(ctx, poolID, id, forUpdate)
		if err != nil {
			return err
		}
		after = *before
		if p.Name != nil {
			after.Name = *p.Name
		}
		if p.Description != nil {
			after.Description = *p.Description
		}
		if parsed != nil {
			resources, err := a.resolveDataPaths(ctx, poolID, parsed)
			if err != nil {
				return err
			}
			after.Statements = parsed.statements(resources)
		}
		if err := after.check(); err != nil {
			return err
		}
		changes, err := db.Diff(before, &after)
		if err != nil || len(changes) == 0 {
			return err
		}
		after.UpdatedAt = a.db.Now()
		stamped := append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: after.UpdatedAt})
		if err := db.Update(ctx, a.db, "data_policies", stamped, "pool_id = ? and id = ?", poolID, id); err != nil {
			return dataPolicyTaken(err)
		}
		if parsed != nil {
			if _, err := db.Exec(ctx, a.db, "delete from data_policy_resources where pool_id = ? and policy_id = ?", poolID, id); err != nil {
				return err
			}
			if err := a.linkDataPolicy(ctx, &after); err != nil {
				return err
			}
		}
		e := aboutDataPolicies(audit.Update, []DataPolicy{after})
		e.Before, e.After = audit.Changes(changes)
		return a.log.Add(ctx, poolID, e)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// DeleteDataPolicy removes a policy and takes it from everybody. An unknown one is ErrDataPolicyNotFound.
func (a *Access) DeleteDataPolicy(ctx context.Context, poolID, id string) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		p, err := a.dataPolicy(ctx, poolID, id, forUpdate)
		if err != nil {
			return err
		}
		for _, sql := range []string{
			"delete from data_policy_assignments where pool_id = ? and policy_id = ?",
			"delete from data_policy_resources where pool_id = ? and policy_id = ?",
			"delete from data_policies where pool_id = ? and id = ?",
		} {
			if _, err := db.Exec(ctx, a.db, sql, poolID, id); err != nil {
				return err
			}
		}
		e := aboutDataPolicies(audit.Delete, []DataPolicy{*p})
		e.Before = map[string]any{"name": p.Name, "statements": p.Statements}
		return a.log.Add(ctx, poolID, e)
	})
}

// DataPolicyAvailable tells whether a policy of this name could be made: nil, ErrDataPolicyNameTaken or fault.Field("policyName").
func (a *Access) DataPolicyAvailable(ctx context.Context, poolID, name string) error {
	if err := (&DataPolicy{Name: name}).check(); err != nil {
		return err
	}
	taken, err := db.List[string](ctx, a.db, "select id from data_policies where pool_id = ? and name = ? limit 1", poolID, name)
	if err == nil && len(taken) > 0 {
		return ErrDataPolicyNameTaken
	}
	return err
}

// DataPolicyTarget is who has a policy. Name is that of the group or the role, or else its code, that of the department, and for a user the first that there is
// of username, name, email, phone and identifier.
type DataPolicyTarget struct {
	PolicyID  string               `db:"policy_id"`
	Type      directory.TargetType `db:"target_type"`
	ID        string               `db:"target_id"`
	CreatedAt int64                `db:"created_at"`
	Name      string               `db:"name"`
}

// namedTargets are the assignments d with the names of the targets.
const namedTargets = ` left join users u on d.target_type = 'USER' and u.pool_id = d.pool_id and u.id = d.target_id
	left join groups g on d.target_type = 'GROUP' and g.pool_id = d.pool_id and g.id = d.target_id
	left join roles r on d.target_type = 'ROLE' and r.pool_id = d.pool_id and r.id = d.target_id
	left join departments n on d.target_type = 'DEPARTMENT' and n.pool_id = d.pool_id and n.id = d.target_id`

const dataTargetName = `coalesce(nullif(g.name, ''), g.code, nullif(r.name, ''), r.code, n.name, nullif(u.username, ''), nullif(u.name, ''), nullif(u.email, ''), nullif(u.phone, ''), d.target_id)`

// DataPolicyTargets returns a page of who has a policy, the latest first, and how many there are; of the types given, if any, and
// with keywords in their name.
func (a *Access) DataPolicyTargets(ctx context.Context, poolID, id string, types []directory.TargetType, keywords string, p directory.Page) ([]DataPolicyTarget, int64, error) {
	if err := directory.CheckText("query", keywords, directory.MaxName); err != nil {
		return nil, 0, err
	}
	if _, err := a.dataPolicy(ctx, poolID, id, ""); err != nil {
		return nil, 0, err
	}
	var w db.Where
	w.And("d.pool_id = ? and d.policy_id = ?", poolID, id)
	if len(types) > 0 {
		names := make([]string, len(types))
		for i, t := range types {
			names[i] = string(t)
		}
		w.And("d.target_type in (?...)", names)
	}
	from := " from data_policy_assignments d"
	if keywords != "" {
		from += namedTargets
		w.And("lower("+dataTargetName+`) like ? escape '\'`, directory.LikePattern(keywords))
	}
	total, err := db.One[int64](ctx, a.db, "select count(*)"+from+" where "+w.String(), w.Args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	list, err := db.List[DataPolicyTarget](ctx, a.db, "select d.policy_id, d.target_type, d.target_id, d.created_at, "+dataTargetName+
		" from data_policy_assignments d"+namedTargets+" where "+w.String()+" order by d.created_at desc, d.target_id desc limit ? offset ?",
		append(w.Args, limit, offset)...)
	return list, total, err
}

// TargetsOfDataPolicies returns the latest 50 targets of each of up to 50 policies, by policy.
func (a *Access) TargetsOfDataPolicies(ctx context.Context, poolID string, ids []string) (map[string][]DataPolicyTarget, error) {
	if len(ids) > mostPolicyIDs {
		return nil, directory.CheckCount("policyIds", len(ids), mostPolicyIDs)
	}
	rows, err := db.List[DataPolicyTarget](ctx, a.db, "select d.policy_id, d.target_type, d.target_id, d.created_at, "+dataTargetName+` from (
			select pool_id, policy_id, target_type, target_id, created_at,
				row_number() over (partition by policy_id order by created_at desc, target_id desc) as place
			from data_policy_assignments where pool_id = ? and policy_id in (?...)) d`+namedTargets+`
		where d.place <= ? order by d.policy_id, d.place limit ?`,
		poolID, directory.Findable(ids), mostListedOf, mostListedOf*mostPolicyIDs)
	out := make(map[string][]DataPolicyTarget, len(ids))
	for _, t := range rows {
		out[t.PolicyID] = append(out[t.PolicyID], t)
	}
	return out, err
}

// AssignDataPolicies gives up to 50 policies to up to 500 users, groups, departments and roles, all to all or none. What is given to
// a department, an organisation is its root, its members have and those of all departments below. Who has a policy keeps it; an
// unknown policy or target is its NotFound error.
func (a *Access) AssignDataPolicies(ctx context.Context, poolID string, policyIDs []string, targets []Target) error {
	return a.changeDataPolicies(ctx, poolID, policyIDs, targets, func(ctx context.Context, list []DataPolicy, ids targetIDs) error {
		if err := a.lockTargets(ctx, poolID, ids); err != nil {
			return err
		}
		added, err := eachType(ids, func(t directory.TargetType, targets []string) ([]string, error) {
			return db.List[string](ctx, a.db, `insert into data_policy_assignments (pool_id, policy_id, target_type, target_id, created_at)
				select p.pool_id, p.id, cast(? as text), t.id, cast(? as bigint)
				from data_policies p join `+policyTargetTables[t]+` t on t.pool_id = p.pool_id
				where p.pool_id = ? and p.id in (?...) and t.id in (?...)
				on conflict (pool_id, policy_id, target_type, target_id) do nothing returning target_id`,
				string(t), a.db.Now(), poolID, dataPolicyIDs(list), targets)
		})
		if err != nil || len(added) == 0 {
			return err
		}
		e := aboutDataPolicies(audit.Add, list)
		e.After = assignedDataPolicies(list, added)
		return a.log.Add(ctx, poolID, e)
	})
}

// UnassignDataPolicies takes policies from targets. Who does not have one, or is nobody, is passed over; an unknown policy is
// ErrDataPolicyNotFound.
func (a *Access) UnassignDataPolicies(ctx context.Context, poolID string, policyIDs []string, targets []Target) error {
	return a.changeDataPolicies(ctx, poolID, policyIDs, targets, func(ctx context.Context, list []DataPolicy, ids targetIDs) error {
		removed, err := eachType(ids, func(t directory.TargetType, targets []string) ([]string, error) {
			return db.List[string](ctx, a.db, `delete from data_policy_assignments
				where pool_id = ? and policy_id in (?...) and target_type = ? and target_id in (?...) returning target_id`,
				poolID, dataPolicyIDs(list), string(t), targets)
		})
		if err != nil || len(removed) == 0 {
			return err
		}
		e := aboutDataPolicies(audit.Remove, list)
		e.Before = assignedDataPolicies(list, removed)
		return a.log.Add(ctx, poolID, e)
	})
}

// changeDataPolicies locks policies, in the order of their identifiers, and sorts targets, then writes, in one transaction.
func (a *Access) changeDataPolicies(ctx context.Context, poolID string, policyIDs []string, targets []Target,
	write func(ctx context.Context, list []DataPolicy, ids targetIDs) error) error {
	if err := directory.CheckCount("policyIds", len(policyIDs), mostPolicyIDs); err != nil {
		return err
	}
	if err := directory.CheckCount("targetList", len(targets), mostTargets); err != nil {
		return err
	}
	ids, err := byType(targets, directory.UserTarget, directory.GroupTarget, directory.DepartmentTarget, directory.RoleTarget)
	if err != nil {
		return err
	}
	return a.db.Tx(ctx, func(ctx context.Context) error {
		list, err := db.List[DataPolicy](ctx, a.db, selectDataPolicies+"id in (?...) order by id limit ?"+forUpdate,
			poolID, directory.Findable(policyIDs), mostPolicyIDs)
		if err != nil {
			return err
		}
		for _, id := range policyIDs {
			if !slices.ContainsFunc(list, func(p DataPolicy) bool { return p.ID == id }) {
				return ErrDataPolicyNotFound
			}
		}
		return write(ctx, list, ids)
	})
}

func dataPolicyIDs(list []DataPolicy) []string {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

// aboutDataPolicies begins a record; only that of a single policy names it.
func aboutDataPolicies(operation string, list []DataPolicy) audit.Event {
	e := audit.Event{Operation: operation, Resource: audit.DataPolicy}
	if len(list) == 1 {
		e.TargetID, e.TargetName = list[0].ID, list[0].Name
	}
	return e
}

// assignedDataPolicies is what a record tells of policies and the targets that got or lost one.
func assignedDataPolicies(list []DataPolicy, changed targetIDs) map[string]any {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	values := map[string]any{"policies": names}
	for t, ids := range changed {
		values[string(t)] = ids
	}
	return values
}
