package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// groupHall is a directory on one engine, with two pools that have users.
type groupHall struct {
	*directory.Directory
	d     *db.DB
	log   *audit.Log
	users []string // of pool "p"
	other []string // of pool "q"
}

func eachGroupHall(t *testing.T, users int, test func(t *testing.T, h *groupHall)) {
	t.Helper()
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		log := audit.New(d)
		h := &groupHall{directory.New(directory.Options{DB: d, Log: log}), d, log, nil, nil}
		h.users, h.other = h.addUsers(t, "p", users), h.addUsers(t, "q", 2)
		test(t, h)
	})
}

func (h *groupHall) addUsers(t *testing.T, poolID string, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = h.d.NewID()
		if err := db.Insert(t.Context(), h.d, "users", &directory.User{PoolID: poolID, ID: ids[i], Status: directory.Activated,
			WorkStatus: "Active", Gender: "U", SourceType: "adminCreated", Username: fmt.Sprint("user", i)}); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// count is the number of rows of a pool's table.
func (h *groupHall) count(t *testing.T, table, poolID string) int64 {
	t.Helper()
	n, err := db.One[int64](t.Context(), h.d, "select count(*) from "+table+" where pool_id = ?", poolID)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// statements counts the SQL of f on SQLite: inside a transaction the engine asks the context once before each statement.
func (h *groupHall) statements(t *testing.T, f func(ctx context.Context) error) int {
	t.Helper()
	if h.d.Engine() != "sqlite" {
		return 0
	}
	base, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := &askedContext{Context: base}
	n := 0
	if err := h.d.Tx(c, func(ctx context.Context) error {
		before := c.asked
		err := f(ctx)
		n = c.asked - before
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Fatal("no statement was counted")
	}
	return n
}

type askedContext struct {
	context.Context
	asked int
}

func (c *askedContext) Err() error {
	c.asked++
	return c.Context.Err()
}

func groupCodes(groups []directory.Group) string {
	codes := make([]string, len(groups))
	for i, g := range groups {
		codes[i] = g.Code
	}
	return strings.Join(codes, " ")
}

func userNames(users []directory.User) string {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.Username
	}
	return strings.Join(names, " ")
}

func TestCreateGroup(t *testing.T) {
	long := strings.Repeat("ü", 1025)
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		for _, c := range []struct {
			name string
			pool string
			in   directory.NewGroup
			want string
		}{
			{"plain", "p", directory.NewGroup{Code: "developer", Name: "Developers", Description: "who develop"}, ""},
			{"any text", "p", directory.NewGroup{Code: "研发/1 %_\\", Name: "\U0001F600 '\"", Type: "dynamic"}, ""},
			{"the longest", "p", directory.NewGroup{Code: long[:128], Name: long[:512], Description: long[:2048]}, ""},
			{"taken", "p", directory.NewGroup{Code: "developer"}, "group_code_taken"},
			{"in another pool", "q", directory.NewGroup{Code: "developer"}, ""},
			{"no code", "p", directory.NewGroup{Name: "x"}, "field_format code"},
			{"blank code", "p", directory.NewGroup{Code: " \t"}, "field_format code"},
			{"long code", "p", directory.NewGroup{Code: long[:130]}, "field_format code"},
			{"code with NUL", "p", directory.NewGroup{Code: "a\x00"}, "field_format code"},
			{"code that is no UTF-8", "p", directory.NewGroup{Code: "a\xff"}, "field_format code"},
			{"long name", "p", directory.NewGroup{Code: "n", Name: long[:514]}, "field_format name"},
			{"name with NUL", "p", directory.NewGroup{Code: "n", Name: "\x00"}, "field_format name"},
			{"long description", "p", directory.NewGroup{Code: "n", Description: long}, "field_format description"},
			{"long type", "p", directory.NewGroup{Code: "n", Type: long[:130]}, "field_format type"},
			{"undefined custom field", "p", directory.NewGroup{Code: "n", Custom: map[string]jsontext.Value{"x": jsontext.Value(`1`)}}, "field_undefined x"},
		} {
			g, err := h.CreateGroup(t.Context(), c.pool, c.in)
			if code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if err != nil {
				continue
			}
			got, err := h.Group(t.Context(), c.pool, c.in.Code)
			if err != nil || *got != *g || g.Name != c.in.Name || g.Description != c.in.Description || g.CreatedAt == 0 || g.UpdatedAt != g.CreatedAt ||
				!db.IsID(g.ID) || c.in.Type == "" && g.Type != "static" || c.in.Type != "" && g.Type != c.in.Type {
				t.Errorf("%s: made %+v, read %+v, %v", c.name, g, got, err)
			}
		}
		if n := h.count(t, "groups", "p"); n != 3 {
			t.Errorf("%d groups in p", n)
		}
	})
}

func TestCreateGroupsIsAtomic(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		batch := func(n int, change func(i int, g *directory.NewGroup)) []directory.NewGroup {
			list := make([]directory.NewGroup, n)
			for i := range list {
				list[i] = directory.NewGroup{Code: fmt.Sprint("g", i), Name: "x"}
				change(i, &list[i])
			}
			return list
		}
		for _, c := range []struct {
			name string
			list []directory.NewGroup
			want string
		}{
			{"empty", nil, "list_min list 1"},
			{"too many", batch(51, func(int, *directory.NewGroup) {}), "list_max list 50"},
			{"one malformed", batch(50, func(i int, g *directory.NewGroup) {
				if i == 49 {
					g.Code = ""
				}
			}), "field_format code"},
			{"one twice", batch(50, func(i int, g *directory.NewGroup) {
				if i == 49 {
					g.Code = "g0"
				}
			}), "group_code_taken"},
			{"one value undefined", batch(50, func(i int, g *directory.NewGroup) {
				if i == 49 {
					g.Custom = map[string]jsontext.Value{"x": jsontext.Value("1")}
				}
			}), "field_undefined x"},
		} {
			if _, err := h.CreateGroups(t.Context(), "p", c.list); code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if n, m := h.count(t, "groups", "p"), h.count(t, "audit_log", "p"); n != 0 || m != 0 {
				t.Fatalf("%s: left %d groups, %d records", c.name, n, m)
			}
		}
		groups, err := h.CreateGroups(t.Context(), "p", batch(50, func(int, *directory.NewGroup) {}))
		if err != nil || len(groups) != 50 || groups[7].Code != "g7" || h.count(t, "groups", "p") != 50 || h.count(t, "audit_log", "p") != 1 {
			t.Fatalf("%d made, %v", len(groups), err)
		}
	})
}

func TestPutAndUpdateGroup(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		first, created, err := h.PutGroup(ctx, "p", directory.NewGroup{Code: "a", Name: "A"})
		if err != nil || !created || first.Name != "A" {
			t.Fatalf("%+v, %v, %v", first, created, err)
		}
		again, created, err := h.PutGroup(ctx, "p", directory.NewGroup{Code: "a", Name: "B", Type: "other"})
		if err != nil || created || again.ID != first.ID || again.Name != "B" || again.Type != "other" || again.CreatedAt != first.CreatedAt {
			t.Fatalf("%+v, %v, %v", again, created, err)
		}
		if _, _, err := h.PutGroup(ctx, "p", directory.NewGroup{Code: "", Name: "B"}); code(err) != "field_format code" {
			t.Fatal(err)
		}
		if _, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: "taken"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name, code string
			patch      directory.GroupPatch
			want       string
			after      string // code, name, description
		}{
			{"name", "a", directory.GroupPatch{Name: ptr("C")}, "", "a C "},
			{"cleared", "a", directory.GroupPatch{Name: ptr("")}, "", "a  "},
			{"description", "a", directory.GroupPatch{Description: ptr("d")}, "", "a  d"},
			{"nothing", "a", directory.GroupPatch{}, "", "a  d"},
			{"empty new code", "a", directory.GroupPatch{NewCode: ptr(""), Name: ptr("D")}, "", "a D d"},
			{"own code", "a", directory.GroupPatch{NewCode: ptr("a")}, "", "a D d"},
			{"taken code", "a", directory.GroupPatch{NewCode: ptr("taken")}, "group_code_taken", "a D d"},
			{"bad code", "a", directory.GroupPatch{NewCode: ptr(strings.Repeat("x", 65))}, "field_format newCode", "a D d"},
			{"bad name", "a", directory.GroupPatch{Name: ptr("\x00")}, "field_format name", "a D d"},
			{"new code", "a", directory.GroupPatch{NewCode: ptr("b")}, "", "b D d"},
			{"old code", "a", directory.GroupPatch{Name: ptr("x")}, "group_not_found", "b D d"},
			{"unknown", "nobody", directory.GroupPatch{Name: ptr("x")}, "group_not_found", "b D d"},
			{"malformed", "\x00\xff", directory.GroupPatch{Name: ptr("x")}, "group_not_found", "b D d"},
		} {
			records := h.count(t, "audit_log", "p")
			_, err := h.UpdateGroup(ctx, "p", c.code, c.patch)
			if code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			g, err := h.GroupsByID(ctx, "p", []string{first.ID})
			if got := g[first.ID]; err != nil || got.Code+" "+got.Name+" "+got.Description != c.after {
				t.Errorf("%s: left %+v, %v", c.name, got, err)
			}
			if (c.name == "nothing" || c.name == "own code") && h.count(t, "audit_log", "p") != records {
				t.Errorf("%s: was recorded", c.name)
			}
		}
		if _, err := h.UpdateGroup(ctx, "q", "b", directory.GroupPatch{Name: ptr("x")}); code(err) != "group_not_found" {
			t.Errorf("from another pool: %v", err)
		}
	})
}

func TestDeleteGroups(t *testing.T) {
	eachGroupHall(t, 2, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		var gone []string
		h.OnGroupsDeleted(func(ctx context.Context, poolID string, ids []string) error {
			gone = append(gone, poolID+fmt.Sprint(len(ids)))
			return nil
		})
		if _, err := h.SetFields(ctx, "p", []directory.FieldInput{{TargetType: directory.GroupTarget, Key: "k", DataType: "STRING"}}); err != nil {
			t.Fatal(err)
		}
		for _, code := range []string{"a", "b", "c"} {
			if _, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: code, Custom: map[string]jsontext.Value{"k": jsontext.Value(`"v"`)}}); err != nil {
				t.Fatal(err)
			}
			if err := h.AddMembers(ctx, "p", code, h.users); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			name, pool string
			codes      []string
			missing    directory.Missing
			want       string
			left       int64
		}{
			{"none", "p", nil, directory.MissingOK, "list_min codeList 1", 3},
			{"too many", "p", make([]string, 501), directory.MissingOK, "list_max codeList 500", 3},
			{"unknown fails", "p", []string{"a", "nobody"}, directory.MissingFails, "group_not_found", 3},
			{"malformed fails", "p", []string{"a", "\xff"}, directory.MissingFails, "group_not_found", 3},
			{"unknown is fine", "p", []string{"nobody", "\x00"}, directory.MissingOK, "", 3},
			{"another pool's", "q", []string{"a"}, directory.MissingOK, "", 3},
			{"one, twice", "p", []string{"a", "a"}, directory.MissingFails, "", 2},
			{"the rest", "p", []string{"b", "c", "nobody"}, directory.MissingOK, "", 0},
		} {
			if err := h.DeleteGroups(ctx, c.pool, c.codes, c.missing); code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			if n, m, v := h.count(t, "groups", "p"), h.count(t, "group_members", "p"), h.count(t, "field_values", "p"); n != c.left || m != 2*c.left || v != c.left {
				t.Errorf("%s: %d groups, %d memberships, %d values", c.name, n, m, v)
			}
		}
		if got := strings.Join(gone, " "); got != "p1 p2" {
			t.Errorf("the hook saw %q", got)
		}

		// What the hook refuses does not happen.
		if _, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: "d"}); err != nil {
			t.Fatal(err)
		}
		no := errors.New("no")
		h.OnGroupsDeleted(func(context.Context, string, []string) error { return no })
		if err := h.DeleteGroups(ctx, "p", []string{"d"}, directory.MissingOK); !errors.Is(err, no) || h.count(t, "groups", "p") != 1 {
			t.Errorf("a failing hook: %v", err)
		}
	})
}

func TestListGroups(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		for _, g := range [][2]string{{"dev", "Developers"}, {"qa_1", "Testers 100%"}, {"OPS", "运维 Ärzte"}} {
			if _, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: g[0], Name: g[1]}); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			keywords string
			page     directory.Page
			want     string
			total    int64
			err      string
		}{
			{"", directory.Page{Page: 1, Limit: 10}, "OPS qa_1 dev", 3, ""},
			{"", directory.Page{Page: 2, Limit: 2}, "dev", 3, ""},
			{"", directory.Page{Page: 9, Limit: 2}, "", 3, ""},
			{"DEVEL", directory.Page{Page: 1, Limit: 10}, "dev", 1, ""},
			{"ops", directory.Page{Page: 1, Limit: 10}, "OPS", 1, ""},
			{"运维", directory.Page{Page: 1, Limit: 10}, "OPS", 1, ""},
			{"Ärz", directory.Page{Page: 1, Limit: 10}, "OPS", 1, ""},
			{"%", directory.Page{Page: 1, Limit: 10}, "qa_1", 1, ""},
			{"_", directory.Page{Page: 1, Limit: 10}, "qa_1", 1, ""},
			{`\`, directory.Page{Page: 1, Limit: 10}, "", 0, ""},
			{"e", directory.Page{Page: 1, Limit: 1}, "OPS", 3, ""},
			{strings.Repeat("x", 257), directory.Page{Page: 1, Limit: 1}, "", 0, "field_format keywords"},
			{"\x00", directory.Page{Page: 1, Limit: 1}, "", 0, "field_format keywords"},
		} {
			groups, total, err := h.Groups(ctx, "p", c.keywords, c.page)
			if groupCodes(groups) != c.want || total != c.total || code(err) != c.err {
				t.Errorf("%q %v: %s of %d, %v; want %s of %d", c.keywords, c.page, groupCodes(groups), total, err, c.want, c.total)
			}
		}
		if groups, total, err := h.Groups(ctx, "q", "", directory.Page{Page: 1, Limit: 10}); err != nil || len(groups) != 0 || total != 0 {
			t.Errorf("another pool sees %v", groups)
		}
		if all, err := h.AllGroups(ctx, "p"); err != nil || groupCodes(all) != "OPS qa_1 dev" {
			t.Errorf("all: %v, %v", all, err)
		}
		byCode, err := h.GroupsByCode(ctx, "p", []string{"dev", "dev", "nobody", "\xff", "OPS"})
		if err != nil || len(byCode) != 2 || byCode["dev"].Name != "Developers" {
			t.Errorf("by code: %v, %v", byCode, err)
		}
		if _, err := h.GroupsByID(ctx, "p", make([]string, 1001)); code(err) == "" {
			t.Error("1,001 ids were taken")
		}
	})
}

func TestMembers(t *testing.T) {
	eachGroupHall(t, 4, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		u := h.users
		var ids []string
		for _, code := range []string{"a", "b", "c"} {
			g, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: code})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, g.ID)
		}
		for i, c := range []struct {
			name  string
			verb  func(context.Context, string, string, []string) error
			pool  string
			code  string
			users []string
			want  string
			after string
		}{
			{"one", h.AddMembers, "p", "a", u[:1], "", "user0"},
			{"newest first", h.AddMembers, "p", "a", u[1:2], "", "user1 user0"},
			{"repeated", h.AddMembers, "p", "a", []string{u[0], u[0], u[2]}, "", "user2 user1 user0"},
			{"nobody", h.AddMembers, "p", "a", nil, "list_min userIds 1", "user2 user1 user0"},
			{"too many", h.AddMembers, "p", "a", make([]string, 501), "list_max userIds 500", "user2 user1 user0"},
			{"an unknown user", h.AddMembers, "p", "a", []string{u[3], "6229ffaaaaaaaaaaaade3e3d"}, "user_not_found", "user2 user1 user0"},
			{"a malformed one", h.AddMembers, "p", "a", []string{u[3], "\x00"}, "user_not_found", "user2 user1 user0"},
			{"another pool's user", h.AddMembers, "p", "a", []string{u[3], h.other[0]}, "user_not_found", "user2 user1 user0"},
			{"unknown group", h.AddMembers, "p", "nobody", u[:1], "group_not_found", "user2 user1 user0"},
			{"another pool's group", h.AddMembers, "q", "a", h.other, "group_not_found", "user2 user1 user0"},
			{"leave", h.RemoveMembers, "p", "a", u[1:2], "", "user2 user0"},
			{"leave again, and unknown ones", h.RemoveMembers, "p", "a", []string{u[1], "nobody", "\xff"}, "", "user2 user0"},
			{"leave an unknown group", h.RemoveMembers, "p", "nobody", u[:1], "group_not_found", "user2 user0"},
			{"nobody leaves", h.RemoveMembers, "p", "a", nil, "list_min userIds 1", "user2 user0"},
			{"leave in another pool", h.RemoveMembers, "q", "a", u[:1], "group_not_found", "user2 user0"},
		} {
			if i > 0 {
				time.Sleep(2 * time.Millisecond) // members of one millisecond have no order in time
			}
			if err := c.verb(ctx, c.pool, c.code, c.users); code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			users, total, err := h.Members(ctx, "p", "a", directory.Page{Page: 1, Limit: 10})
			if err != nil || userNames(users) != c.after || int(total) != len(users) {
				t.Errorf("%s: left %s of %d, %v; want %s", c.name, userNames(users), total, err, c.after)
			}
		}
		if users, total, err := h.Members(ctx, "p", "a", directory.Page{Page: 2, Limit: 1}); err != nil || userNames(users) != "user0" || total != 2 {
			t.Errorf("page 2: %s of %d, %v", userNames(users), total, err)
		}
		if _, _, err := h.Members(ctx, "p", "nobody", directory.Page{}); code(err) != "group_not_found" {
			t.Errorf("members of nobody: %v", err)
		}
		for _, c := range []struct {
			code, user string
			want       bool
			err        string
		}{{"a", u[0], true, ""}, {"a", u[1], false, ""}, {"a", "\x00", false, ""}, {"nobody", u[0], false, "group_not_found"}} {
			if is, err := h.IsMember(ctx, "p", c.code, c.user); is != c.want || code(err) != c.err {
				t.Errorf("IsMember(%s, %q) = %v, %v", c.code, c.user, is, err)
			}
		}

		if err := h.AddMembers(ctx, "p", "c", u[:1]); err != nil {
			t.Fatal(err)
		}
		groups, total, err := h.GroupsOf(ctx, "p", u[0], directory.Page{Page: 1, Limit: 10})
		if err != nil || groupCodes(groups) != "c a" || total != 2 {
			t.Errorf("groups of a user: %s of %d, %v", groupCodes(groups), total, err)
		}
		if groups, total, err := h.GroupsOf(ctx, "q", u[0], directory.Page{Page: 1, Limit: 10}); err != nil || len(groups) != 0 || total != 0 {
			t.Errorf("another pool sees groups %v, %v", groups, err)
		}
		of, err := h.GroupsOfUsers(ctx, "p", append([]string{"nobody"}, u...))
		if err != nil || len(of) != 2 || groupCodes(of[u[0]]) != "c a" || groupCodes(of[u[2]]) != "a" {
			t.Errorf("groups of users: %v, %v", of, err)
		}
		members, err := h.MembersOf(ctx, "p", ids, 1)
		if err != nil || len(members) != 2 || userNames(members[ids[0]]) != "user2" || userNames(members[ids[2]]) != "user0" {
			t.Errorf("members of groups: %v, %v", members, err)
		}
		if members, err := h.MembersOf(ctx, "p", ids, 99); err != nil || userNames(members[ids[0]]) != "user2 user0" {
			t.Errorf("all members of groups: %v, %v", members, err)
		}
		if members, err := h.MembersOf(ctx, "q", ids, 9); err != nil || len(members) != 0 {
			t.Errorf("another pool sees members %v, %v", members, err)
		}
		if members, err := h.MembersOf(ctx, "p", nil, 9); err != nil || len(members) != 0 {
			t.Errorf("members of no groups: %v, %v", members, err)
		}
	})
}

// The number of statements does not grow with the number of users, groups or values.
func TestGroupStatements(t *testing.T) {
	eachGroupHall(t, 100, func(t *testing.T, h *groupHall) {
		codes, ids := make([]string, 40), make([]string, 40)
		for i := range codes {
			codes[i] = fmt.Sprint("g", i)
			g, err := h.CreateGroup(t.Context(), "p", directory.NewGroup{Code: codes[i]})
			if err != nil {
				t.Fatal(err)
			}
			ids[i] = g.ID
		}
		for _, c := range []struct {
			name string
			most int
			verb func(ctx context.Context) error
		}{
			{"AddMembers", 5, func(ctx context.Context) error { return h.AddMembers(ctx, "p", "g0", h.users) }},
			{"RemoveMembers", 3, func(ctx context.Context) error { return h.RemoveMembers(ctx, "p", "g0", h.users) }},
			{"GroupsOfUsers", 1, func(ctx context.Context) error { _, err := h.GroupsOfUsers(ctx, "p", h.users); return err }},
			{"MembersOf", 1, func(ctx context.Context) error { _, err := h.MembersOf(ctx, "p", ids, 50); return err }},
			{"Members", 3, func(ctx context.Context) error {
				_, _, err := h.Members(ctx, "p", "g0", directory.Page{Page: 1, Limit: 50})
				return err
			}},
			{"DeleteGroups", 5, func(ctx context.Context) error { return h.DeleteGroups(ctx, "p", codes, directory.MissingFails) }},
		} {
			if n := h.statements(t, c.verb); n > c.most {
				t.Errorf("%s took %d statements, want at most %d", c.name, n, c.most)
			}
		}
	})
}

// Whoever wins, no membership outlives its group or its user.
func TestMembersRace(t *testing.T) {
	eachGroupHall(t, 12, func(t *testing.T, h *groupHall) {
		ctx := t.Context()
		for round := range 5 {
			name := fmt.Sprint("g", round)
			if _, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: name}); err != nil {
				t.Fatal(err)
			}
			leaver := h.users[round]
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					switch err := h.AddMembers(ctx, "p", name, h.users[round+i%3:]); code(err) {
					case "", "user_not_found", "group_not_found":
					default:
						t.Errorf("add: %v", err)
					}
				})
			}
			wg.Go(func() {
				if err := h.DeleteUsers(ctx, "p", []directory.UserRef{directory.ByID(leaver)}); err != nil {
					t.Errorf("delete the user: %v", err)
				}
			})
			if round%2 == 1 {
				wg.Go(func() {
					if err := h.DeleteGroups(ctx, "p", []string{name}, directory.MissingFails); err != nil {
						t.Errorf("delete the group: %v", err)
					}
				})
			}
			wg.Wait()
		}
		orphans, err := db.One[int64](ctx, h.d, `select count(*) from group_members m where m.pool_id = ? and (
			not exists (select 1 from users u where u.pool_id = m.pool_id and u.id = m.user_id) or
			not exists (select 1 from groups g where g.pool_id = m.pool_id and g.id = m.group_id))`, "p")
		if err != nil || orphans != 0 {
			t.Errorf("%d orphans, %v", orphans, err)
		}
	})
}

func TestPutGroupRace(t *testing.T) {
	eachGroupHall(t, 0, func(t *testing.T, h *groupHall) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		made := 0
		for i := range 10 {
			wg.Go(func() {
				_, created, err := h.PutGroup(t.Context(), "p", directory.NewGroup{Code: "a", Name: fmt.Sprint(i)})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if created {
					made++
				}
			})
		}
		wg.Wait()
		if n := h.count(t, "groups", "p"); n != 1 || made != 1 {
			t.Errorf("%d groups, %d said to be made", n, made)
		}
	})
}

// Every verb that changes something leaves one record.
func TestGroupRecords(t *testing.T) {
	eachGroupHall(t, 2, func(t *testing.T, h *groupHall) {
		ctx := caller.With(t.Context(), &caller.Caller{Kind: caller.Key, PoolID: "p", KeyID: "k"})
		field := directory.FieldInput{TargetType: "USER", Key: "hobby", DataType: "STRING"}
		for _, c := range []struct {
			name                string
			verb                func() error
			operation, resource string
			before, after       string // parts of the record
		}{
			{"CreateGroup", func() error {
				_, err := h.CreateGroup(ctx, "p", directory.NewGroup{Code: "a", Name: "A"})
				return err
			}, audit.Create, audit.UserGroup, "", `"name":"A"`},
			{"CreateGroups", func() error {
				_, err := h.CreateGroups(ctx, "p", []directory.NewGroup{{Code: "b"}, {Code: "c"}})
				return err
			}, audit.Create, audit.UserGroup, "", `"codes":["b","c"]`},
			{"PutGroup, new", func() error { _, _, err := h.PutGroup(ctx, "p", directory.NewGroup{Code: "d"}); return err },
				audit.Create, audit.UserGroup, "", `"code":"d"`},
			{"PutGroup", func() error { _, _, err := h.PutGroup(ctx, "p", directory.NewGroup{Code: "d", Name: "D"}); return err },
				audit.Update, audit.UserGroup, `"name":""`, `"name":"D"`},
			{"UpdateGroup", func() error { _, err := h.UpdateGroup(ctx, "p", "a", directory.GroupPatch{Name: ptr("Z")}); return err },
				audit.Update, audit.UserGroup, `{"name":"A"}`, `{"name":"Z"}`},
			{"AddMembers", func() error { return h.AddMembers(ctx, "p", "a", h.users) }, audit.Add, audit.UserGroup, "", h.users[1]},
			{"RemoveMembers", func() error { return h.RemoveMembers(ctx, "p", "a", h.users[:1]) }, audit.Remove, audit.UserGroup, h.users[0], ""},
			{"DeleteGroups, one", func() error { return h.DeleteGroups(ctx, "p", []string{"a"}, directory.MissingOK) },
				audit.Delete, audit.UserGroup, `"code":"a"`, ""},
			{"DeleteGroups", func() error { return h.DeleteGroups(ctx, "p", []string{"b", "c"}, directory.MissingOK) },
				audit.Delete, audit.UserGroup, `"codes":["b","c"]`, ""},
			{"SetFields, new", func() error { _, err := h.SetFields(ctx, "p", []directory.FieldInput{field}); return err },
				audit.Create, audit.Field, "", `"data_type":"STRING"`},
			{"SetFields", func() error {
				_, err := h.SetFields(ctx, "p", []directory.FieldInput{{TargetType: "USER", Key: "hobby", Label: ptr("Hobby")}})
				return err
			}, audit.Update, audit.Field, `{"label":"hobby"}`, `{"label":"Hobby"}`},
			{"SetBaseFields", func() error {
				_, err := h.SetBaseFields(ctx, "p", []directory.FieldInput{{Key: "company", Label: ptr("Firm")}})
				return err
			}, audit.Create, audit.Field, "", `"label":"Firm"`},
			{"SetValues", func() error {
				return h.SetValues(ctx, "p", "USER", h.users[0], map[string]jsontext.Value{"hobby": jsontext.Value(`"chess"`)})
			}, audit.Update, audit.User, `"customData.hobby":null`, `"customData.hobby":"chess"`},
			{"SetValuesOf", func() error {
				return h.SetValuesOf(ctx, "p", "USER", []directory.TargetValues{{ID: h.users[0], Values: map[string]jsontext.Value{"hobby": jsontext.Value(`"go"`)}},
					{ID: h.users[1], Values: map[string]jsontext.Value{"hobby": jsontext.Value(`"x"`)}}})
			}, audit.Update, audit.User, h.users[0] + `.hobby":"chess"`, h.users[1] + `.hobby":"x"`},
			{"RemoveValue", func() error { _, err := h.RemoveValue(ctx, "p", "USER", h.users[0], "hobby"); return err },
				audit.Update, audit.User, `"customData.hobby":"go"`, `"customData.hobby":null`},
			{"DeleteFields", func() error { _, err := h.DeleteFields(ctx, "p", "USER", []string{"hobby"}); return err },
				audit.Delete, audit.Field, `"keys":["hobby"]`, ""},
		} {
			before, _, err := h.log.List(ctx, "p", audit.Filter{Limit: 50})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.verb(); err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			after, _, err := h.log.List(ctx, "p", audit.Filter{Limit: 50})
			if err != nil || len(after) != len(before)+1 {
				t.Errorf("%s left %d records, %v", c.name, len(after)-len(before), err)
				continue
			}
			r := after[slices.IndexFunc(after, func(r audit.Record) bool {
				return !slices.ContainsFunc(before, func(b audit.Record) bool { return b.ID == r.ID })
			})]
			if r.Operation != c.operation || r.Resource != c.resource || r.ActorID != "k" ||
				!strings.Contains(audit.Text(r.Before), c.before) || !strings.Contains(audit.Text(r.After), c.after) {
				t.Errorf("%s: recorded %s %s by %s: %s -> %s", c.name, r.Operation, r.Resource, r.ActorID, audit.Text(r.Before), audit.Text(r.After))
			}
		}
	})
}
