package directory

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/search"
)

// UserQuery selects users of a pool; what is empty selects everything.
type UserQuery struct {
	Keywords      string   // a part of any of SearchOn, whatever the case
	SearchOn      []string // names of text fields; empty means DefaultSearch
	Filters       []Filter // all must hold
	Sort          []Sort   // then by id; empty means newest first
	Status        Status
	UpdatedFrom   int64 // unix ms, inclusive
	UpdatedTo     int64
	ArchivedFrom  int64
	InGroups      []string // ids: in any of them
	InRoles       []string // ids: directly assigned to any of them
	InDepartments []string // ids: in any of them
	Page
}

// Filter is one condition on a field: V3's ListUsersAdvancedFilterItemDto.
type Filter struct {
	Field    string
	Operator string
	Value    jsontext.Value
}

// Sort is one key of an order.
type Sort struct {
	Field      string
	Descending bool
}

// The fields that keywords are looked for in when the caller names none.
var (
	DefaultSearch   = []string{"name", "email", "phone", "username", "nickname"}
	DefaultSearchV2 = []string{"username", "nickname", "email", "phone", "company", "name", "givenName", "familyName", "middleName",
		"profile", "preferredUsername"}
)

const (
	mostFilters = 50
	mostInList  = 500
	mostKeyword = 256
)

// valueKind is how the values of a field compare.
type valueKind uint8

const (
	asText valueKind = iota
	asInt
	asNumber
	asTime
	asBool
)

// queryField is a built-in field that filters, sorts or searches may name.
type queryField struct {
	column string
	kind   valueKind
	filter bool
	sort   bool
}

// queryFields is the allow-list: no other name reaches SQL. Names are V3's; synonyms are those of its documents.
var queryFields = func() map[string]queryField {
	fields := map[string]queryField{
		"id":                    {"id", asText, true, true},
		"status":                {"status", asText, true, true},
		"gender":                {"gender", asText, true, true},
		"createdAt":             {"created_at", asTime, true, true},
		"updatedAt":             {"updated_at", asTime, true, true},
		"statusChangedAt":       {"status_changed_at", asTime, true, true},
		"passwordLastSetAt":     {"password_set_at", asTime, true, true},
		"passwordSecurityLevel": {"password_level", asInt, true, true},
		"lastMfaTime":           {"last_mfa_at", asTime, true, true},
		"lastLogin":             {"last_login_at", asTime, true, true},
		"lastLoginTime":         {"last_login_at", asTime, true, true},
		"signedUp":              {"signed_up_at", asTime, true, false},
		"loginsCount":           {"logins_count", asInt, true, true},
		"lastLoginApp":          {"last_login_app", asText, true, false},
		"loggedInApps":          {"last_login_app", asText, true, false},
		"userSource":            {"source_type", asText, true, false},
		"userSourceType":        {"source_type", asText, true, true},
		"emailVerified":         {"email_verified", asBool, true, false},
		"phoneVerified":         {"phone_verified", asBool, true, false},
		"workStatus":            {"work_status", asText, true, false},
		"isDeleted":             {"is_deleted", asBool, true, false},
	}
	sortable := map[string]bool{"email": true, "username": true, "externalId": true, "phone": true, "phoneCountryCode": true, "lastIp": true, "name": true}
	for _, f := range textFields {
		if _, special := fields[f.name]; !special {
			fields[f.name] = queryField{f.column, asText, true, sortable[f.name]}
		}
	}
	return fields
}()

// closedFields take no other values: a filter by one that cannot be is a mistake, and is told so.
var closedFields = map[string][]string{
	"status":     {string(Activated), string(Suspended), string(Deactivated), string(Resigned), string(Archived)},
	"workStatus": {"Active", "Closed"},
	"gender":     {"M", "F", "U"},
}

// userPlan is a query made ready: what the search index answers, what it can answer, and what the table alone does.
type userPlan struct {
	words  []userWord // only the index knows
	facets []search.Facet
	easy   db.Where // the facets again, in SQL
	hard   db.Where // everything else
}

// everything reports that the whole pool is asked for, whose number is kept.
func (p *userPlan) everything() bool {
	return len(p.words) == 0 && p.easy.String() == "" && p.hard.String() == ""
}

func (d *Directory) planUsers(ctx context.Context, poolID string, q *UserQuery) (p *userPlan, err error) {
	p = new(userPlan)
	w := &p.hard
	if q.Status != "" {
		p.facets = append(p.facets, facetOf("status", func(value string) bool { return value == string(q.Status) }))
		p.easy.And("status = ?", string(q.Status))
	}
	if q.UpdatedFrom > 0 {
		w.And("updated_at >= ?", q.UpdatedFrom)
	}
	if q.UpdatedTo > 0 {
		w.And("updated_at <= ?", q.UpdatedTo)
	}
	if q.ArchivedFrom > 0 {
		w.And("archived_at >= ?", q.ArchivedFrom)
	}
	if q.InGroups != nil {
		now := d.db.Now()
		w.And("id in (select user_id from group_members where pool_id = ? and group_id in (?...) and "+InForce()+")", poolID, q.InGroups, now, now)
	}
	if q.InRoles != nil {
		now := d.db.Now()
		w.And("id in (select target_id from role_assignments where pool_id = ? and target_type = 'USER' and role_id in (?...) and "+InForce()+")",
			poolID, q.InRoles, now, now)
	}
	if q.InDepartments != nil {
		now := d.db.Now()
		w.And("id in (select user_id from department_members where pool_id = ? and department_id in (?...) and "+InForce()+")",
			poolID, q.InDepartments, now, now)
	}
	if p.words, err = keywordsOf(q.Keywords, q.SearchOn); err != nil {
		return nil, err
	}
	if len(q.Filters) > mostFilters {
		return nil, fault.New(fault.Invalid, "list_max", "advancedFilter", strconv.Itoa(mostFilters))
	}
	var custom map[string]Field
	for _, f := range q.Filters {
		if known, ok := queryFields[f.Field]; ok && known.filter {
			if err := p.filter(known, f); err != nil {
				return nil, err
			}
			continue
		}
		switch f.Field {
		case "department":
			if err := departmentCondition(w, poolID, d.db.Now(), f); err != nil {
				return nil, err
			}
			continue
		case "identity":
			if err := identityCondition(w, poolID, f); err != nil {
				return nil, err
			}
			continue
		}
		if custom == nil {
			fields, err := d.Fields(ctx, poolID, UserTarget)
			if err != nil {
				return nil, err
			}
			custom = make(map[string]Field, len(fields))
			for _, c := range fields {
				custom[c.Key] = c
			}
		}
		field, ok := custom[f.Field]
		if !ok {
			return nil, fault.Field("advancedFilter")
		}
		if err := customCondition(w, poolID, field, f); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// filter adds a condition on a built-in field to the part that answers it best.
func (p *userPlan) filter(known queryField, f Filter) error {
	if known.column == "created_at" {
		madeBetween(&p.hard, f)
	}
	if f.Operator == "CONTAINS" || f.Operator == "NOT_CONTAINS" {
		word, err := containedText(known.kind, f)
		if err == nil {
			p.words = append(p.words, userWord{word, []string{f.Field}, true, f.Operator == "NOT_CONTAINS"})
		}
		return err
	}
	if test, ok := facetTest(known.kind, f); ok {
		p.facets = append(p.facets, test)
		return known.condition(&p.easy, f)
	}
	return known.condition(&p.hard, f)
}

// madeBetween bounds the identifiers by what a filter says of the time of making, which they bear: so their index serves it. The
// filter itself still has to hold.
func madeBetween(w *db.Where, f Filter) {
	var from, to any
	switch f.Operator {
	case "EQUAL":
		from, _ = filterValue(asTime, f.Field, f.Value)
		to = from
	case "GREATER":
		from, _ = filterValue(asTime, f.Field, f.Value)
	case "LESSER":
		to, _ = filterValue(asTime, f.Field, f.Value)
	case "BETWEEN":
		if list, err := filterValues(asTime, f); err == nil && len(list) == 2 {
			from, to = list[0], list[1]
		}
	}
	if ms, ok := from.(int64); ok {
		w.And("id >= ?", db.FirstID(ms))
	}
	if ms, ok := to.(int64); ok {
		w.And("id < ?", db.FirstID(ms+1))
	}
}

// containedText is the value of CONTAINS and NOT_CONTAINS.
func containedText(kind valueKind, f Filter) (s string, err error) {
	if kind != asText || json.Unmarshal(f.Value, &s) != nil || s == "" || !validText(s) || utf8.RuneCountInString(s) > mostKeyword {
		err = fault.Field("advancedFilter")
	}
	return s, err
}

func facetOf(field string, allow func(value string) bool) (f search.Facet) {
	f.Facet = slices.IndexFunc(facets, func(f facet) bool { return f.field == field })
	for i, value := range facets[f.Facet].values {
		f.Allow[i] = allow(value)
	}
	return f
}

// facetTest is a filter as a test of a facet, if the field is one and the test can be made without knowing values that are not listed.
func facetTest(kind valueKind, f Filter) (test search.Facet, ok bool) {
	at := slices.IndexFunc(facets, func(known facet) bool { return queryFields[known.field].column == queryFields[f.Field].column })
	if at < 0 {
		return test, false
	}
	var wanted []any
	switch f.Operator {
	case "EQUAL", "NOT_EQUAL":
		v, err := filterValue(kind, f.Field, f.Value)
		if err != nil {
			return test, false
		}
		wanted = []any{v}
	case "IN":
		list, err := filterValues(kind, f)
		if err != nil {
			return test, false
		}
		wanted = list
	default:
		return test, false
	}
	named := make(map[string]bool, len(wanted))
	for _, v := range wanted {
		s := fmt.Sprint(v)
		if !slices.Contains(facets[at].values, s) {
			return test, false
		}
		named[s] = true
	}
	not := f.Operator == "NOT_EQUAL"
	test = facetOf(facets[at].field, func(value string) bool { return named[value] != not })
	test.Allow[otherValue] = not
	return test, true
}

// condition adds a filter on a built-in column. What is not set differs from every value: NOT_EQUAL and NOT_CONTAINS hold for it.
func (f queryField) condition(w *db.Where, q Filter) error {
	return compare(w, f.kind, f.column, q, nil)
}

// compare adds the condition of one operator on a column; wrap, when given, puts it into a subquery that finds the values of a
// custom field.
func compare(w *db.Where, kind valueKind, column string, q Filter, wrap func(condition string) string) error {
	bad := fault.Field("advancedFilter")
	add := func(negated bool, condition string, args ...any) {
		switch {
		case wrap != nil && negated:
			w.And("id not in "+wrap(condition), args...)
		case wrap != nil:
			w.And("id in "+wrap(condition), args...)
		case negated:
			w.And(column+" is null or not ("+condition+")", args...)
		default:
			w.And(condition, args...)
		}
	}
	switch q.Operator {
	case "IS_NULL":
		if wrap != nil {
			add(true, "1 = 1")
		} else {
			w.And(column + " is null")
		}
	case "NOT_NULL":
		if wrap != nil {
			add(false, "1 = 1")
		} else {
			w.And(column + " is not null")
		}
	case "EQUAL", "NOT_EQUAL":
		v, err := filterValue(kind, q.Field, q.Value)
		if err != nil {
			return err
		}
		if column == longText {
			add(q.Operator == "NOT_EQUAL", longTextIndex+" = substr(?, 1, 200) and "+column+" = ?", v, v)
		} else {
			add(q.Operator == "NOT_EQUAL", column+" = ?", v)
		}
	case "GREATER", "LESSER":
		v, err := filterValue(kind, q.Field, q.Value)
		if err != nil || kind == asBool {
			return bad
		}
		add(false, column+map[string]string{"GREATER": " > ?", "LESSER": " < ?"}[q.Operator], v)
	case "BETWEEN":
		list, err := filterValues(kind, q)
		if err != nil || len(list) != 2 || kind == asBool {
			return bad
		}
		add(false, column+" >= ? and "+column+" <= ?", list...)
	case "IN":
		list, err := filterValues(kind, q)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			w.And("1 = 0")
			return nil
		}
		add(false, column+" in (?"+strings.Repeat(", ?", len(list)-1)+")", list...)
	case "CONTAINS", "NOT_CONTAINS":
		s, err := containedText(kind, q)
		if err != nil {
			return err
		}
		add(q.Operator == "NOT_CONTAINS", "lower("+column+`) like ? escape '\'`, "%"+escapeLike(lowerASCII(s))+"%")
	default:
		return bad
	}
	return nil
}

// filterValue reads one value of a filter in the field's kind. Times are unix ms or ISO 8601.
func filterValue(kind valueKind, field string, v jsontext.Value) (any, error) {
	bad := fault.Field("advancedFilter")
	if len(v) == 0 {
		return nil, bad
	}
	var s string
	isText := v.Kind() == '"'
	if !isText {
		s = string(v)
	} else if json.Unmarshal(v, &s) != nil || !validText(s) || len(s) > 2048 {
		return nil, bad
	}
	switch kind {
	case asText:
		if !isText {
			return nil, bad
		}
		if field == "email" {
			s = strings.ToLower(s)
		}
		if values := closedFields[field]; values != nil && !slices.Contains(values, s) {
			return nil, fault.Field(field)
		}
		return s, nil
	case asInt:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, bad
		}
		return n, nil
	case asNumber:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, bad
		}
		return n, nil
	case asTime:
		ms, ok := ParseTime(s)
		if !ok {
			return nil, bad
		}
		return ms, nil
	default:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, bad
		}
		return b, nil
	}
}

func filterValues(kind valueKind, q Filter) ([]any, error) {
	var list []jsontext.Value
	if json.Unmarshal(q.Value, &list) != nil || len(list) > mostInList {
		return nil, fault.Field("advancedFilter")
	}
	out := make([]any, len(list))
	for i, v := range list {
		var err error
		if out[i], err = filterValue(kind, q.Field, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Texts of custom fields are longer than an index entry may be: the index has their beginnings.
const (
	longText      = "text_value"
	longTextIndex = "substr(text_value, 1, 200)"
)

// customCondition adds a filter on a custom field: its values stand in a table of their own.
func customCondition(w *db.Where, poolID string, field Field, q Filter) error {
	kind, column := asText, longText
	switch field.DataType {
	case "NUMBER":
		kind, column = asNumber, "number_value"
	case "DATETIME":
		kind, column = asTime, "number_value"
	case "BOOLEAN":
		kind, column = asBool, "number_value"
	}
	var inner db.Where
	args := []any{poolID, field.Key}
	err := compare(&inner, kind, column, q, func(condition string) string {
		return "(select target_id from field_values where pool_id = ? and target_type = 'USER' and key = ? and (" + condition + "))"
	})
	if err != nil {
		return err
	}
	for _, a := range inner.Args {
		switch v := a.(type) {
		case bool:
			a = 0.0
			if v {
				a = 1.0
			}
		case int64:
			a = float64(v)
		}
		args = append(args, a)
	}
	if len(inner.Args) == 0 && !strings.Contains(inner.String(), "?") {
		args = nil // an empty list: nothing is asked of the table
	}
	w.And(inner.String(), args...)
	return nil
}

// departmentCondition filters by department: the values of IN name departments as the rest of the wire does.
func departmentCondition(w *db.Where, poolID string, now int64, q Filter) error {
	members := "select user_id from department_members where pool_id = ? and " + InForce()
	switch q.Operator {
	case "IN":
		var list []struct {
			OrganizationCode           string `json:"organizationCode"`
			DepartmentID               string `json:"departmentId"`
			DepartmentIDType           string `json:"departmentIdType"`
			IncludeChildrenDepartments bool   `json:"includeChildrenDepartments"`
		}
		if json.Unmarshal(q.Value, &list) != nil || len(list) > mostFilters {
			return fault.Field("advancedFilter")
		}
		if len(list) == 0 {
			w.And("1 = 0")
			return nil
		}
		parts, args := []string{}, []any{poolID, now, now}
		for _, f := range list {
			condition, of, err := DepartmentRef{Type: f.DepartmentIDType, Value: f.DepartmentID}.condition(poolID)
			if err != nil || !validText(f.OrganizationCode) || f.OrganizationCode == "" && f.DepartmentID == Root {
				return fault.Field("advancedFilter")
			}
			departments := "select id from departments where pool_id = ? and " + condition
			of = append([]any{poolID}, of...)
			if f.OrganizationCode != "" {
				departments += " and org_id in (select id from departments where pool_id = ? and root_code = ?)"
				of = append(of, poolID, f.OrganizationCode)
			}
			if f.IncludeChildrenDepartments {
				departments = "select descendant from department_paths where pool_id = ? and ancestor in (" + departments + ")"
				of = append([]any{poolID}, of...)
			}
			parts = append(parts, departments)
			args = append(args, of...)
		}
		w.And("id in ("+members+" and department_id in ("+strings.Join(parts, " union ")+"))", args...)
	case "IS_NULL":
		w.And("id not in ("+members+")", poolID, now, now)
	case "NOT_NULL":
		w.And("id in ("+members+")", poolID, now, now)
	default:
		return fault.Field("advancedFilter")
	}
	return nil
}

// identityCondition filters by outside accounts, written as `extIdpId:userIdInIdp`.
func identityCondition(w *db.Where, poolID string, q Filter) error {
	const mine = "select user_id from identities where pool_id = ?"
	pair := func(s string) []any {
		a, b, _ := strings.Cut(s, ":")
		return []any{poolID, a, b}
	}
	switch q.Operator {
	case "IS_NULL":
		w.And("id not in ("+mine+")", poolID)
	case "NOT_NULL":
		w.And("id in ("+mine+")", poolID)
	case "EQUAL", "NOT_EQUAL":
		v, err := filterValue(asText, q.Field, q.Value)
		if err != nil {
			return err
		}
		not := ""
		if q.Operator == "NOT_EQUAL" {
			not = "not "
		}
		w.And("id "+not+"in ("+mine+" and ext_idp_id = ? and user_id_in_idp = ?)", pair(v.(string))...)
	case "IN":
		list, err := filterValues(asText, q)
		if err != nil {
			return err
		}
		parts, args := []string{"1 = 0"}, []any{}
		for _, v := range list {
			parts = append(parts, "id in ("+mine+" and ext_idp_id = ? and user_id_in_idp = ?)")
			args = append(args, pair(v.(string))...)
		}
		w.And(strings.Join(parts, " or "), args...)
	default:
		return fault.Field("advancedFilter")
	}
	return nil
}

// ParseTime reads a time of the wire: unix milliseconds, or ISO 8601 with or without fraction and zone (UTC then).
func ParseTime(s string) (ms int64, ok bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, n >= 0 && n <= latestTime
	}
	return ParseISOTime(s)
}

// ParseISOTime reads ISO 8601 as ParseTime does, and nothing else.
func ParseISOTime(s string) (ms int64, ok bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700",
		"2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			ms := t.UnixMilli()
			return ms, ms >= 0 && ms <= latestTime
		}
	}
	return 0, false
}

// validText reports whether s can be stored and shown: UTF-8 without NUL.
func validText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// lowerASCII folds as the engines' lower() does under byte order.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s)
}
