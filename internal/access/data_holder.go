package access

import (
	"context"
	"slices"
	"strings"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// dataHolders is who has which data policy now, and through which target: SubjectsOf from the other side. A condition on the
// assignments d goes in at each of the marks. Its arguments are dataHolderArgs'.
var dataHolders = func() string {
	const of = "d.policy_id, d.target_type, d.target_id"
	const from = " from data_policy_assignments d "
	const mark = " where d.pool_id = ? and d.target_type = "
	ways := []string{
		"select " + of + ", d.target_id as user_id" + from + mark + "'USER' and $",
		"select " + of + ", m.user_id" + from + "join group_members m on m.pool_id = d.pool_id and m.group_id = d.target_id and " + directory.InForce("m") +
			mark + "'GROUP' and $",
		"select " + of + ", m.user_id" + from + "join department_paths p on p.pool_id = d.pool_id and p.ancestor = d.target_id" +
			" join department_members m on m.pool_id = d.pool_id and m.department_id = p.descendant and " + directory.InForce("m") +
			mark + "'DEPARTMENT' and $",
	}
	role := from + "join roles r on r.pool_id = d.pool_id and r.id = d.target_id and " + enabled +
		" join role_assignments a on a.pool_id = d.pool_id and a.role_id = d.target_id and " + inForce
	ways = append(ways,
		"select "+of+", a.target_id"+role+" and a.target_type = 'USER'"+mark+"'ROLE' and $",
		"select "+of+", m.user_id"+role+" and a.target_type = 'GROUP' join group_members m on m.pool_id = d.pool_id and m.group_id = a.target_id and "+
			directory.InForce("m")+mark+"'ROLE' and $",
		"select "+of+", m.user_id"+role+" and a.target_type = 'DEPARTMENT' join department_members m on m.pool_id = d.pool_id and m.department_id = a.target_id and "+
			directory.InForce("m")+mark+"'ROLE' and $")
	return "with holders (policy_id, target_type, target_id, user_id) as (" + strings.Join(ways, " union all ") + ") "
}()

// holdersWhere is dataHolders for the assignments that a condition selects, with its arguments.
func (a *Access) holdersWhere(poolID, condition string, args ...any) (string, []any) {
	now := a.db.Now()
	var all []any
	add := func(list ...any) { all = append(append(all, list...), args...) }
	add(poolID)                          // user
	add(now, now, poolID)                // group
	add(now, now, poolID)                // department
	add(now, now, now, poolID)           // role of a user
	add(now, now, now, now, now, poolID) // role of a group
	add(now, now, now, now, now, poolID) // role of a department
	return strings.ReplaceAll(dataHolders, "$", condition), all
}

// DataUsers are the users who may do something at a place.
type DataUsers struct {
	Place   DataPlace
	Action  string
	UserIDs []string // sorted
}

// UsersOfData lists who may do each of some actions at each of some places of a namespace, 100 pairs at most, by place and action in
// the order given. Nobody may do what is not there. More than 10,000 users for one pair are Unprocessable "data_list_limit". Other
// errors are those of CheckData; conditions are not judged.
func (a *Access) UsersOfData(ctx context.Context, poolID, namespace string, places []DataPlace, actions []string) ([]DataUsers, error) {
	if err := directory.CheckCount("resources", len(places), mostDataPlaces); err != nil {
		return nil, err
	}
	if err := directory.CheckCount("actions", len(actions), mostDataQuestions/len(places)); err != nil {
		return nil, err
	}
	byCode, byID, err := a.placesIn(ctx, poolID, namespace, places)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	policies, err := db.List[DataPolicy](ctx, a.db, selectDataPolicies+`id in (select l.policy_id from data_policy_resources l
		where l.pool_id = ? and l.resource_id in (?...)) order by id limit ?`, poolID, poolID, ids, mostDataPolicies+1)
	if err != nil {
		return nil, err
	}
	if len(policies) > mostDataPolicies {
		return nil, ErrDataPoliciesTooMany
	}
	out := make([]DataUsers, 0, len(places)*len(actions))
	found := make(map[string][]string) // by the policies
	for _, place := range places {
		for _, action := range actions {
			users := DataUsers{Place: place, Action: action, UserIDs: []string{}}
			if r := byCode[place.Resource]; r != nil && slices.Contains(r.Actions, action) {
				if _, ok := r.node(place.Node); ok {
					if users.UserIDs, err = a.usersOf(ctx, poolID, policies, r, place.Node, action, found); err != nil {
						return nil, err
					}
				}
			}
			out = append(out, users)
		}
	}
	return out, nil
}

// usersOf are those who have a policy that allows and none that denies.
func (a *Access) usersOf(ctx context.Context, poolID string, policies []DataPolicy, r *DataResource, node, action string, found map[string][]string) ([]string, error) {
	var allow, deny []string
	for i := range policies {
		rights := make(dataRights)
		for _, s := range policies[i].Statements {
			v := holds
			if s.Condition != "" {
				v = unknownVerdict
			}
			for _, p := range s.Permissions {
				if p.Resource == r.ID && (p.Node == "" || p.Node == node) && (p.Action == EveryAction || p.Action == action) && counts(s.Effect, v) {
					rights.add(dataKey{}, s.Effect)
				}
			}
		}
		if rights[dataKey{}].deny {
			deny = append(deny, policies[i].ID)
		} else if rights[dataKey{}].allow {
			allow = append(allow, policies[i].ID)
		}
	}
	if len(allow) == 0 {
		return []string{}, nil
	}
	key := strings.Join(allow, " ") + "-" + strings.Join(deny, " ")
	if list, ok := found[key]; ok {
		return list, nil
	}
	with, args := a.holdersWhere(poolID, "d.policy_id in (?...)", append(slices.Clone(allow), deny...))
	list, err := db.List[string](ctx, a.db, with+`select distinct h.user_id from holders h where h.policy_id in (?...)
		and h.user_id not in (select x.user_id from holders x where x.policy_id in (?...)) order by h.user_id limit ?`,
		append(args, allow, deny, mostDataHolders+1)...)
	if err == nil && len(list) > mostDataHolders {
		err = fault.New(fault.Unprocessable, "data_list_limit")
	}
	found[key] = list
	return list, err
}

// DataView is that a user has policies that speak of a resource, and through whom.
type DataView struct {
	UserID, Username string
	Resource         *DataResource
	Policies         []Named
	Groups, Roles    []Named
	Departments      []Named
}

// Named is something with an identifier, a name and, but for policies, a code.
type Named struct{ ID, Name, Code string }

type dataViewRow struct {
	UserID     string `db:"user_id"`
	ResourceID string `db:"resource_id"`
}

type dataViewWay struct {
	dataViewRow
	PolicyID   string               `db:"policy_id"`
	TargetType directory.TargetType `db:"target_type"`
	TargetID   string               `db:"target_id"`
}

// mostViewWays is how many ways from users to policies a page of the view shows.
const mostViewWays = 10_000

// DataViews returns a page of who has policies that speak of which resource, by user and resource, the latest user first, and how many
// there are; of the users whose username or name contains keywords in any ASCII case. Whether the policies allow or deny does not
// matter here.
func (a *Access) DataViews(ctx context.Context, poolID, keywords string, p directory.Page) ([]DataView, int64, error) {
	if err := directory.CheckText("keyword", keywords, directory.MaxName); err != nil {
		return nil, 0, err
	}
	with, args := a.holdersWhere(poolID, "1 = 1")
	from := `from (select distinct h.user_id, l.resource_id from holders h
		join data_policy_resources l on l.pool_id = ? and l.policy_id = h.policy_id) found
		join users u on u.pool_id = ? and u.id = found.user_id`
	args = append(args, poolID, poolID)
	if keywords != "" {
		like := directory.LikePattern(keywords)
		from += ` where (lower(u.username) like ? escape '\' or lower(u.name) like ? escape '\')`
		args = append(args, like, like)
	}
	total, err := db.One[int64](ctx, a.db, with+"select count(*) "+from, args...)
	if err != nil {
		return nil, 0, err
	}
	limit, offset := window(p)
	rows, err := db.List[dataViewRow](ctx, a.db, with+"select found.user_id, found.resource_id "+from+
		" order by found.user_id desc, found.resource_id limit ? offset ?", append(args, limit, offset)...)
	if err != nil || len(rows) == 0 {
		return []DataView{}, total, err
	}
	views, err := a.showDataViews(ctx, poolID, rows)
	return views, total, err
}

// showDataViews adds to pairs of users and resources their names and the ways between them.
func (a *Access) showDataViews(ctx context.Context, poolID string, rows []dataViewRow) ([]DataView, error) {
	users, resources := make([]string, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		users[i], resources[i] = r.UserID, r.ResourceID
	}
	users, resources = directory.Findable(users), directory.Findable(resources)
	with, args := a.holdersWhere(poolID, "d.policy_id in (select k.policy_id from data_policy_resources k where k.pool_id = ? and k.resource_id in (?...))",
		poolID, resources)
	ways, err := db.List[dataViewWay](ctx, a.db, with+`select distinct h.user_id, l.resource_id, h.policy_id, h.target_type, h.target_id from holders h
		join data_policy_resources l on l.pool_id = ? and l.policy_id = h.policy_id
		where h.user_id in (?...) and l.resource_id in (?...)
		order by h.user_id, l.resource_id, h.policy_id, h.target_type, h.target_id limit ?`, append(args, poolID, users, resources, mostViewWays)...)
	if err != nil {
		return nil, err
	}
	names, err := a.namesOfWays(ctx, poolID, ways)
	if err != nil {
		return nil, err
	}
	byID, err := a.dataResourcesByID(ctx, poolID, resources)
	if err != nil {
		return nil, err
	}
	people, err := a.dir.UsersByRefs(ctx, poolID, directory.Refs("user_id", users))
	if err != nil {
		return nil, err
	}
	username := make(map[string]string, len(people))
	for _, u := range people {
		username[u.ID] = u.Username
	}
	through := make(map[dataViewRow][]dataViewWay)
	for _, w := range ways {
		through[w.dataViewRow] = append(through[w.dataViewRow], w)
	}
	views := make([]DataView, 0, len(rows))
	for _, row := range rows {
		r := byID[row.ResourceID]
		if r == nil {
			continue
		}
		v := DataView{UserID: row.UserID, Username: username[row.UserID], Resource: r}
		for _, w := range through[row] {
			for _, of := range []struct {
				list *[]Named
				key  Target
			}{{&v.Policies, Target{policyTarget, w.PolicyID}}, {v.of(w.TargetType), Target{w.TargetType, w.TargetID}}} {
				if n, ok := names[of.key]; ok && of.list != nil && !slices.Contains(*of.list, n) {
					*of.list = append(*of.list, n)
				}
			}
		}
		views = append(views, v)
	}
	return views, nil
}

// policyTarget stands for a policy among the names of targets.
const policyTarget directory.TargetType = "POLICY"

// of is the list that targets of a type go to; users are not listed.
func (v *DataView) of(t directory.TargetType) *[]Named {
	switch t {
	case directory.GroupTarget:
		return &v.Groups
	case directory.RoleTarget:
		return &v.Roles
	case directory.DepartmentTarget:
		return &v.Departments
	}
	return nil
}

type namedRow struct {
	ID   string `db:"id"`
	Name string `db:"name"`
	Code string `db:"code"`
}

// namesOfWays returns the names of policies and targets, a statement for each sort.
func (a *Access) namesOfWays(ctx context.Context, poolID string, ways []dataViewWay) (map[Target]Named, error) {
	ids := make(targetIDs)
	for _, w := range ways {
		ids[policyTarget] = append(ids[policyTarget], w.PolicyID)
		ids[w.TargetType] = append(ids[w.TargetType], w.TargetID)
	}
	out := make(map[Target]Named)
	for _, of := range []struct {
		t       directory.TargetType
		columns string
	}{
		{policyTarget, "select id, name, '' from data_policies"}, {directory.GroupTarget, "select id, name, code from groups"},
		{directory.RoleTarget, "select id, name, code from roles"}, {directory.DepartmentTarget, "select id, name, code from departments"},
	} {
		known := directory.Findable(ids[of.t])
		if len(known) == 0 {
			continue
		}
		rows, err := db.List[namedRow](ctx, a.db, of.columns+" where pool_id = ? and id in (?...) limit ?", poolID, known, len(known))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[Target{of.t, r.ID}] = Named(r)
		}
	}
	return out, nil
}
