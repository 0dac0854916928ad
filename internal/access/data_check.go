package access

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/expression"
	"github.com/guildhall-id/guildhall/internal/fault"
)

const (
	mostDataPlaces     = 100 // that one question asks about
	mostDataQuestions  = 100 // pairs of places and actions that one question for users asks about
	mostDataListed     = 500 // resources that a list of permissions has of one user
	mostDataListUsers  = 50
	mostDataHolders    = 10_000 // users that a list of them has
	mostDataConditions = 1000   // that one question judges
)

// Environment is what a request says of where it comes from, for conditions to read as environment.ip and so on. What is empty is
// not known.
type Environment struct {
	IP, City, Province, Country         string
	DeviceType, SystemType, BrowserType string
	RequestDate                         string
}

// Field implements expression.Object.
func (e *Environment) Field(name string) (any, bool) {
	for _, f := range environmentFields {
		if f.name == name {
			s := *f.at(e)
			return s, s != ""
		}
	}
	return nil, false
}

var environmentFields = []struct {
	name string
	at   func(*Environment) *string
}{
	{"ip", func(e *Environment) *string { return &e.IP }}, {"city", func(e *Environment) *string { return &e.City }},
	{"province", func(e *Environment) *string { return &e.Province }}, {"country", func(e *Environment) *string { return &e.Country }},
	{"deviceType", func(e *Environment) *string { return &e.DeviceType }}, {"systemType", func(e *Environment) *string { return &e.SystemType }},
	{"browserType", func(e *Environment) *string { return &e.BrowserType }}, {"requestDate", func(e *Environment) *string { return &e.RequestDate }},
}

// conditionUser is the user as conditions read one.
type conditionUser struct{ *directory.User }

var conditionUserFields = []struct {
	name string
	at   func(*directory.User) string
}{
	{"id", func(u *directory.User) string { return u.ID }}, {"username", func(u *directory.User) string { return u.Username }},
	{"name", func(u *directory.User) string { return u.Name }}, {"nickname", func(u *directory.User) string { return u.Nickname }},
	{"email", func(u *directory.User) string { return u.Email }}, {"phone", func(u *directory.User) string { return u.Phone }},
	{"externalId", func(u *directory.User) string { return u.ExternalID }}, {"status", func(u *directory.User) string { return string(u.Status) }},
	{"gender", func(u *directory.User) string { return u.Gender }}, {"country", func(u *directory.User) string { return u.Country }},
	{"province", func(u *directory.User) string { return u.Province }}, {"city", func(u *directory.User) string { return u.City }},
	{"company", func(u *directory.User) string { return u.Company }},
}

func (u conditionUser) Field(name string) (any, bool) {
	for _, f := range conditionUserFields {
		if f.name == name {
			s := f.at(u.User)
			return s, s != ""
		}
	}
	return nil, false
}

// conditionResource is the resource as conditions read one.
type conditionResource struct{ *DataResource }

func (r conditionResource) Field(name string) (any, bool) {
	switch name {
	case "namespace":
		return r.Namespace, true
	case "code":
		return r.Code, true
	case "name":
		return r.Name, true
	case "type":
		return string(r.Type), true
	}
	return nil, false
}

// conditionEnv is what conditions of data policies may name.
var conditionEnv = sync.OnceValues(func() (*expression.Env, error) {
	fields := func(names ...string) []expression.Field {
		out := make([]expression.Field, len(names))
		for i, name := range names {
			out[i] = expression.Field{Name: name, Kind: expression.Text}
		}
		return out
	}
	var ofUser, ofEnvironment []string
	for _, f := range conditionUserFields {
		ofUser = append(ofUser, f.name)
	}
	for _, f := range environmentFields {
		ofEnvironment = append(ofEnvironment, f.name)
	}
	return expression.NewEnv(expression.Field{Name: "user", Kind: expression.Objects, Fields: fields(ofUser...)},
		expression.Field{Name: "resource", Kind: expression.Objects, Fields: fields("namespace", "code", "name", "type")},
		expression.Field{Name: "environment", Kind: expression.Objects, Fields: fields(ofEnvironment...)})
})

func compileDataCondition(source string) (*expression.Program, error) {
	env, err := conditionEnv()
	if err != nil {
		return nil, err
	}
	return env.Compile(source)
}

// checkDataCondition refuses what does not compile: expression.ErrInvalid and expression.ErrTooCostly.
func checkDataCondition(source string) error {
	_, err := compileDataCondition(source)
	return err
}

// dataJudge says whether conditions hold for one user in one environment.
type dataJudge struct {
	a           *Access
	poolID      string
	userID      string
	environment *Environment // nil: nothing is judged
	user        *directory.User
	programs    map[string]*expression.Program
	judged      int
}

// verdict is what a condition came to. One that nobody judged, or that had no result, did not hold and did not fail to hold.
type verdict uint8

const (
	unknownVerdict verdict = iota
	holds
	doesNotHold
)

func (j *dataJudge) judge(ctx context.Context, condition string, r *DataResource) (verdict, error) {
	if condition == "" {
		return holds, nil
	}
	if j.environment == nil {
		return unknownVerdict, nil
	}
	if j.judged++; j.judged > mostDataConditions {
		return 0, ErrDataPoliciesTooMany
	}
	program := j.programs[condition]
	if program == nil {
		var err error
		if program, err = compileDataCondition(condition); err != nil {
			return unknownVerdict, nil // it compiled when it was written; now it has no result
		}
		j.programs[condition] = program
	}
	if j.user == nil && slices.ContainsFunc(program.Fields(), func(f string) bool { return strings.HasPrefix(f, "user") }) {
		u, err := j.a.dir.User(ctx, j.poolID, directory.ByID(j.userID))
		if err != nil {
			return 0, err
		}
		j.user = u
	}
	user := j.user
	if user == nil {
		user = &directory.User{}
	}
	yes, err := program.Eval(ctx, expression.Vars{"user": conditionUser{user}, "resource": conditionResource{r}, "environment": j.environment})
	switch {
	case fault.As(err) != nil && fault.As(err).Is(expression.ErrFailed):
		return unknownVerdict, nil
	case err != nil:
		return 0, err
	case yes:
		return holds, nil
	}
	return doesNotHold, nil
}

// counts reports whether a statement of this effect counts when its condition came to v. In doubt nothing is allowed.
func counts(e Effect, v verdict) bool { return v == holds || e == Deny && v == unknownVerdict }

// dataKey is what one permission is about.
type dataKey struct{ resource, node, action string }

// dataRights are what somebody may do with some resources: the effects by what they are about.
type dataRights map[dataKey]struct{ allow, deny bool }

func (rights dataRights) add(k dataKey, e Effect) {
	x := rights[k]
	if e == Deny {
		x.deny = true
	} else {
		x.allow = true
	}
	rights[k] = x
}

// allows decides one question: an action that the resource has, at a node that it has.
func (rights dataRights) allows(r *DataResource, node, action string) bool {
	if !slices.Contains(r.Actions, action) {
		return false
	}
	if _, ok := r.node(node); !ok {
		return false
	}
	return rights.allowsKnown(r, node, action)
}

func (rights dataRights) allowsKnown(r *DataResource, node, action string) bool {
	allowed := false
	for _, act := range [...]string{action, EveryAction} {
		x := rights[dataKey{r.ID, node, act}]
		if node != "" {
			whole := rights[dataKey{r.ID, "", act}]
			x.allow, x.deny = x.allow || whole.allow, x.deny || whole.deny
		}
		if x.deny {
			return false
		}
		allowed = allowed || x.allow
	}
	return allowed
}

// actions are those of the resource that are allowed at a node that it has, in the resource's order; never nil.
func (rights dataRights) actions(r *DataResource, node string) []string {
	out := []string{}
	for _, action := range r.Actions {
		if rights.allowsKnown(r, node, action) {
			out = append(out, action)
		}
	}
	return out
}

// subjectCondition selects the assignments d of subjects.
func subjectCondition(subjects []Subject) (string, []any) {
	ids := make(targetIDs)
	for _, s := range subjects {
		ids[s.Type] = append(ids[s.Type], s.ID)
	}
	var parts []string
	var args []any
	for _, t := range []directory.TargetType{directory.UserTarget, directory.GroupTarget, directory.DepartmentTarget, directory.RoleTarget} {
		if len(ids[t]) > 0 {
			parts = append(parts, "d.target_type = '"+string(t)+"' and d.target_id in (?...)")
			args = append(args, directory.Findable(ids[t]))
		}
	}
	if len(parts) == 0 {
		return "1 = 0", nil
	}
	return "(" + strings.Join(parts, " or ") + ")", args
}

// dataRightsOf returns what the subjects of a user may do with resources, by identifier.
func (a *Access) dataRightsOf(ctx context.Context, poolID, userID string, subjects []Subject, resources map[string]*DataResource, env *Environment) (dataRights, error) {
	rights := make(dataRights)
	if len(resources) == 0 {
		return rights, nil
	}
	ids := make([]string, 0, len(resources))
	for id := range resources {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	of, args := subjectCondition(subjects)
	policies, err := db.List[DataPolicy](ctx, a.db, selectDataPolicies+`id in (select l.policy_id from data_policy_resources l
			where l.pool_id = ? and l.resource_id in (?...))
		and id in (select d.policy_id from data_policy_assignments d where d.pool_id = ? and `+of+`) order by id limit ?`,
		append(append([]any{poolID, poolID, ids, poolID}, args...), mostDataPolicies+1)...)
	if err != nil {
		return nil, err
	}
	if len(policies) > mostDataPolicies { // were the list cut, something denied might be missed
		return nil, ErrDataPoliciesTooMany
	}
	j := dataJudge{a: a, poolID: poolID, userID: userID, environment: env, programs: make(map[string]*expression.Program)}
	for i := range policies {
		for _, s := range policies[i].Statements {
			came := make(map[string]verdict) // by resource
			for _, p := range s.Permissions {
				r := resources[p.Resource]
				if r == nil {
					continue
				}
				v, known := came[p.Resource]
				if !known {
					if v, err = j.judge(ctx, s.Condition, r); err != nil {
						return nil, err
					}
					came[p.Resource] = v
				}
				if counts(s.Effect, v) {
					rights.add(dataKey{p.Resource, p.Node, p.Action}, s.Effect)
				}
			}
		}
	}
	return rights, nil
}

// placesIn finds the resources of places in a namespace that is there, or ErrNamespaceNotFound: by code, and by identifier.
func (a *Access) placesIn(ctx context.Context, poolID, namespace string, places []DataPlace) (byCode, byID map[string]*DataResource, err error) {
	codes := make([]string, len(places))
	for i, p := range places {
		codes[i] = p.Resource
	}
	if byCode, err = a.dataResourcesByCode(ctx, poolID, namespace, codes); err != nil {
		return nil, nil, err
	}
	if len(byCode) == 0 {
		if err := a.needNamespaces(ctx, poolID, namespace); err != nil {
			return nil, nil, err
		}
	}
	byID = make(map[string]*DataResource, len(byCode))
	for _, r := range byCode {
		byID[r.ID] = r
	}
	return byCode, byID, nil
}

// DataQuestion asks whether a user may do something at places.
type DataQuestion struct {
	UserID, Namespace, Action string
	Places                    []DataPlace
	// Type, unless empty, is the only type of resources that is asked about.
	Type DataType
	// Environment is what conditions are judged in. Without it a statement with a condition allows nothing, and denies what it says.
	Environment *Environment
}

// CheckData answers, in the order of up to 100 places, whether a data policy that one of the user's subjects has allows the action
// there and none denies it. An action or a place that is not there is not allowed. A namespace that is not there is
// ErrNamespaceNotFound, an unknown user directory.ErrUserNotFound; more than 1,000 policies to look at are ErrDataPoliciesTooMany.
func (a *Access) CheckData(ctx context.Context, poolID string, q DataQuestion) ([]bool, error) {
	if err := directory.CheckCount("resources", len(q.Places), mostDataPlaces); err != nil {
		return nil, err
	}
	_, rights, byCode, err := a.dataRightsAt(ctx, poolID, q.UserID, q.Namespace, q.Places, q.Environment)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(q.Places))
	for i, p := range q.Places {
		if r := byCode[p.Resource]; r != nil && (q.Type == "" || q.Type == r.Type) {
			out[i] = rights.allows(r, p.Node, q.Action)
		}
	}
	return out, nil
}

func (a *Access) dataRightsAt(ctx context.Context, poolID, userID, namespace string, places []DataPlace, env *Environment) (
	[]Subject, dataRights, map[string]*DataResource, error) {
	subjects, err := a.SubjectsOf(ctx, poolID, userID)
	if err != nil {
		return nil, nil, nil, err
	}
	byCode, byID, err := a.placesIn(ctx, poolID, namespace, places)
	if err != nil {
		return nil, nil, nil, err
	}
	rights, err := a.dataRightsOf(ctx, poolID, userID, subjects, byID, env)
	return subjects, rights, byCode, err
}

// DataActions answers, in the order of up to 100 places of a namespace, which actions a user may do there; never nil. Errors are
// those of CheckData. Conditions are not judged.
func (a *Access) DataActions(ctx context.Context, poolID, userID, namespace string, places []DataPlace) ([][]string, error) {
	if err := directory.CheckCount("resources", len(places), mostDataPlaces); err != nil {
		return nil, err
	}
	_, rights, byCode, err := a.dataRightsAt(ctx, poolID, userID, namespace, places, nil)
	if err != nil {
		return nil, err
	}
	out := make([][]string, len(places))
	for i, p := range places {
		out[i] = []string{}
		if r := byCode[p.Resource]; r != nil {
			if _, ok := r.node(p.Node); ok {
				out[i] = rights.actions(r, p.Node)
			}
		}
	}
	return out, nil
}

// PermittedNode is a node of a tree with what may be done there.
type PermittedNode struct {
	Path    string // codes from the top, with slashes between
	Node    *DataNode
	Actions []string
}

// PermittedData is a resource with what a user may do with it: as a whole and, of a tree, at its nodes, every one of them from the
// top, children after their parent.
type PermittedData struct {
	Resource *DataResource
	Actions  []string
	Nodes    []PermittedNode
}

func (rights dataRights) permitted(r *DataResource) PermittedData {
	p := PermittedData{Resource: r, Actions: rights.actions(r, "")}
	var walk func(prefix string, nodes []DataNode)
	walk = func(prefix string, nodes []DataNode) {
		for i := range nodes {
			path := prefix + nodes[i].Code
			p.Nodes = append(p.Nodes, PermittedNode{path, &nodes[i], rights.actions(r, path)})
			walk(path+"/", nodes[i].Children)
		}
	}
	walk("", r.Struct.Nodes)
	return p
}

// any reports whether something may be done.
func (p *PermittedData) any() bool {
	return len(p.Actions) > 0 || slices.ContainsFunc(p.Nodes, func(n PermittedNode) bool { return len(n.Actions) > 0 })
}

// DataStructOf returns one resource with what a user may do with it. Errors are those of CheckData and ErrDataResourceNotFound;
// conditions are not judged.
func (a *Access) DataStructOf(ctx context.Context, poolID, userID, namespace, code string) (*PermittedData, error) {
	_, rights, byCode, err := a.dataRightsAt(ctx, poolID, userID, namespace, []DataPlace{{Resource: code}}, nil)
	if err != nil {
		return nil, err
	}
	r := byCode[code]
	if r == nil {
		return nil, ErrDataResourceNotFound
	}
	p := rights.permitted(r)
	return &p, nil
}

// DataOfUser is what one user may do in one namespace.
type DataOfUser struct {
	UserID, Namespace string
	Resources         []PermittedData // those with which something may be done, by code
}

// DataOfUsers lists what up to 50 users may do with data resources, in all namespaces or in those named, by user in the order given
// and by namespace; where nothing may be done there is no entry. More than 500 resources of one user are Unprocessable
// "data_list_limit". Other errors are those of CheckData; conditions are not judged.
func (a *Access) DataOfUsers(ctx context.Context, poolID string, userIDs, namespaces []string) ([]DataOfUser, error) {
	if err := directory.CheckCount("userIds", len(userIDs), mostDataListUsers); err != nil {
		return nil, err
	}
	if len(namespaces) > 0 {
		if err := a.needNamespaces(ctx, poolID, namespaces...); err != nil {
			return nil, err
		}
	}
	var out []DataOfUser
	seen := make(map[string]bool)
	for _, userID := range userIDs {
		if seen[userID] {
			continue
		}
		seen[userID] = true
		subjects, err := a.SubjectsOf(ctx, poolID, userID)
		if err != nil {
			return nil, err
		}
		resources, err := a.dataResourcesOf(ctx, poolID, subjects, namespaces)
		if err != nil {
			return nil, err
		}
		byID := make(map[string]*DataResource, len(resources))
		for i := range resources {
			byID[resources[i].ID] = &resources[i]
		}
		rights, err := a.dataRightsOf(ctx, poolID, userID, subjects, byID, nil)
		if err != nil {
			return nil, err
		}
		for i := range resources {
			p := rights.permitted(&resources[i])
			if !p.any() {
				continue
			}
			namespace := resources[i].Namespace
			if n := len(out); n == 0 || out[n-1].UserID != userID || out[n-1].Namespace != namespace {
				out = append(out, DataOfUser{UserID: userID, Namespace: namespace})
			}
			last := &out[len(out)-1]
			last.Resources = append(last.Resources, p)
		}
	}
	return out, nil
}

// dataResourcesOf returns the resources that policies of subjects speak of, by namespace and code.
func (a *Access) dataResourcesOf(ctx context.Context, poolID string, subjects []Subject, namespaces []string) ([]DataResource, error) {
	of, args := subjectCondition(subjects)
	var w db.Where
	w.And(`id in (select l.resource_id from data_policy_assignments d
		join data_policy_resources l on l.pool_id = d.pool_id and l.policy_id = d.policy_id where d.pool_id = ? and `+of+")", append([]any{poolID}, args...)...)
	if len(namespaces) > 0 {
		w.And("namespace in (?...)", directory.Findable(namespaces))
	}
	list, err := db.List[DataResource](ctx, a.db, selectDataResources+w.String()+" order by namespace, code limit ?",
		append(append([]any{poolID}, w.Args...), mostDataListed+1)...)
	if err == nil && len(list) > mostDataListed {
		err = fault.New(fault.Unprocessable, "data_list_limit")
	}
	return list, err
}
