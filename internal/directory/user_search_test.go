package directory_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/search"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

var (
	someTexts   = []string{"", "Ann", "ANN", "Ａnn", "张三", "张三丰", "李四", "wang", "ann@a.org", "13800138000", "100%_\"*", "Köln", "köln"}
	someWords   = []string{"a", "an", "nn", "張", "张", "三", "张三", "zhangsan", "zs", "zsf", "LISI", "l", "38001", "%", "_", "\"*", "ö", "KÖ", "org", "none of them"}
	textColumns = map[string]func(*directory.User) string{
		"name": func(u *directory.User) string { return u.Name }, "nickname": func(u *directory.User) string { return u.Nickname },
		"username": func(u *directory.User) string { return u.Username }, "company": func(u *directory.User) string { return u.Company },
		"address": func(u *directory.User) string { return u.Address }, "website": func(u *directory.User) string { return u.Website },
		"email": func(u *directory.User) string { return u.Email }, "phone": func(u *directory.User) string { return u.Phone },
	}
	// What a user without a value has stands behind all others: ok is false.
	sortKeys = map[string]func(*directory.User) (key any, ok bool){
		"id":              func(u *directory.User) (any, bool) { return u.ID, true },
		"createdAt":       func(u *directory.User) (any, bool) { return u.ID, true },
		"updatedAt":       func(u *directory.User) (any, bool) { return u.UpdatedAt, true },
		"name":            func(u *directory.User) (any, bool) { return u.Name, u.Name != "" },
		"username":        func(u *directory.User) (any, bool) { return u.Username, u.Username != "" },
		"lastLogin":       func(u *directory.User) (any, bool) { return u.LastLoginAt, u.LastLoginAt != 0 },
		"loginsCount":     func(u *directory.User) (any, bool) { return u.LoginsCount, true },
		"status":          func(u *directory.User) (any, bool) { return string(u.Status), true },
		"gender":          func(u *directory.User) (any, bool) { return u.Gender, true },
		"userSourceType":  func(u *directory.User) (any, bool) { return u.SourceType, true },
		"statusChangedAt": func(u *directory.User) (any, bool) { return u.StatusChangedAt, u.StatusChangedAt != 0 },
	}
)

// A condition is a filter and what it means.
type condition struct {
	directory.Filter
	holds func(u *directory.User, age int) bool
}

func genCondition(t *rapid.T) condition {
	of := func(field, operator, value string, holds func(u *directory.User, age int) bool) condition {
		return condition{directory.Filter{Field: field, Operator: operator, Value: jsontext.Value(value)}, holds}
	}
	word := rapid.SampledFrom(someWords).Draw(t, "value")
	field := rapid.SampledFrom([]string{"name", "company", "address", "email"}).Draw(t, "of")
	return rapid.SampledFrom([]condition{
		of("gender", "EQUAL", `"F"`, func(u *directory.User, _ int) bool { return u.Gender == "F" }),
		of("gender", "NOT_EQUAL", `"F"`, func(u *directory.User, _ int) bool { return u.Gender != "F" }),
		of("status", "IN", `["Activated","Suspended"]`, func(u *directory.User, _ int) bool { return u.Status == "Activated" || u.Status == "Suspended" }),
		of("status", "EQUAL", `"Suspended"`, func(u *directory.User, _ int) bool { return u.Status == "Suspended" }),
		of("emailVerified", "EQUAL", `true`, func(u *directory.User, _ int) bool { return u.EmailVerified }),
		of("userSourceType", "NOT_EQUAL", `"excel"`, func(u *directory.User, _ int) bool { return u.SourceType != "excel" }),
		of("userSourceType", "EQUAL", `"elsewhere"`, func(u *directory.User, _ int) bool { return u.SourceType == "elsewhere" }),
		of("loginsCount", "GREATER", `2`, func(u *directory.User, _ int) bool { return u.LoginsCount > 2 }),
		of("lastLogin", "NOT_NULL", ``, func(u *directory.User, _ int) bool { return u.LastLoginAt > 0 }),
		of("city", "EQUAL", `"Köln"`, func(u *directory.User, _ int) bool { return u.City == "Köln" }),
		of("city", "NOT_EQUAL", `"Köln"`, func(u *directory.User, _ int) bool { return u.City != "Köln" }),
		of("age", "BETWEEN", `[2,4]`, func(_ *directory.User, age int) bool { return age >= 2 && age <= 4 }),
		of(field, "CONTAINS", fmt.Sprintf("%q", word), func(u *directory.User, _ int) bool { return search.Contains(textColumns[field](u), word, true) }),
		of(field, "NOT_CONTAINS", fmt.Sprintf("%q", word), func(u *directory.User, _ int) bool { return !search.Contains(textColumns[field](u), word, true) }),
	}).Draw(t, "condition")
}

// What lists, searches and filters answer, after whatever was written, is what a scan over all users finds, in the order asked
// for, on every page.
func TestUsersEqualScan(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, _, other testhall.Pool) {
		checks := 0
		rapid.Check(t, func(rt *rapid.T) {
			if checks++; checks > 12 && h.DB.Engine() != "sqlite" {
				return // each check makes a pool; the engines differ in SQL alone
			}
			p := testhall.Pool{ID: fmt.Sprint("pool", checks)}
			ctx := p.As(t.Context())
			if _, err := h.Directory.SetFields(ctx, p.ID, []directory.FieldInput{{TargetType: directory.UserTarget, Key: "age", DataType: "NUMBER"}}); err != nil {
				t.Fatal(err)
			}
			pick := func(name string) *string { return ptr(rapid.SampledFrom(someTexts).Draw(rt, name)) }
			ages := map[string]int{}
			var ids []string
			n := 0
			for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
				var list []directory.NewUser
				var age []int
				for range rapid.IntRange(0, 12).Draw(rt, "made") {
					n++
					age = append(age, rapid.IntRange(0, 5).Draw(rt, "age"))
					u := directory.NewUser{UserInput: directory.UserInput{Username: ptr(fmt.Sprint(*pick("username"), n)), Name: pick("name"), Nickname: pick("nickname"),
						Company: pick("company"), Address: pick("address"), Website: pick("website"), City: pick("city"), Gender: ptr(rapid.SampledFrom([]string{"F", "M"}).Draw(rt, "gender")),
						EmailVerified: ptr(rapid.Bool().Draw(rt, "verified")), LoginsCount: ptr(rapid.Int64Range(0, 4).Draw(rt, "logins")),
						LastLoginAt: ptr(rapid.SampledFrom([]int64{0, 1_600_000_000_000, 1_700_000_000_000}).Draw(rt, "login"))},
						SourceType: rapid.SampledFrom([]string{"", "excel", "elsewhere"}).Draw(rt, "source"),
						Custom:     map[string]jsontext.Value{"age": jsontext.Value(fmt.Sprint(age[len(age)-1]))}}
					list = append(list, u)
				}
				if len(list) > 0 {
					users, err := h.Directory.CreateUsers(ctx, p.ID, list)
					if err != nil {
						rt.Fatal(err)
					}
					for i, u := range users {
						ids, ages[u.ID] = append(ids, u.ID), age[i]
					}
				}
				for _, id := range ids {
					switch rapid.IntRange(0, 9).Draw(rt, "fate") {
					case 0:
						if err := h.Directory.DeleteUsers(ctx, p.ID, []directory.UserRef{directory.ByID(id)}); err != nil {
							rt.Fatal(err)
						}
						ids = slices.DeleteFunc(slices.Clone(ids), func(s string) bool { return s == id })
					case 1:
						if _, err := h.Directory.UpdateUser(ctx, p.ID, directory.ByID(id), directory.UserPatch{UserInput: directory.UserInput{Name: pick("new name"),
							Address: pick("new address"), Status: ptr(rapid.SampledFrom([]directory.Status{"Suspended", "Activated"}).Draw(rt, "new status"))}}); err != nil {
							rt.Fatal(err)
						}
					}
				}
				for range 4 {
					q := directory.UserQuery{Page: directory.Page{Page: rapid.IntRange(1, 3).Draw(rt, "page"), Limit: rapid.IntRange(1, 20).Draw(rt, "limit")}}
					if rapid.Bool().Draw(rt, "search") {
						q.Keywords = rapid.SampledFrom(someWords).Draw(rt, "keywords")
						if rapid.Bool().Draw(rt, "chosen") {
							q.SearchOn = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"name", "nickname", "username", "company", "address", "website"}), 1, 3, rapid.ID).Draw(rt, "on")
						}
					}
					var conditions []condition
					for range rapid.IntRange(0, 2).Draw(rt, "filters") {
						c := genCondition(rt)
						conditions, q.Filters = append(conditions, c), append(q.Filters, c.Filter)
					}
					if rapid.Bool().Draw(rt, "sorted") {
						fields := make([]string, 0, len(sortKeys))
						for f := range sortKeys {
							fields = append(fields, f)
						}
						slices.Sort(fields)
						for range rapid.IntRange(1, 2).Draw(rt, "keys") {
							q.Sort = append(q.Sort, directory.Sort{Field: rapid.SampledFrom(fields).Draw(rt, "by"), Descending: rapid.Bool().Draw(rt, "descending")})
						}
					}
					want := scan(t, ctx, h.DB, p.ID, &q, conditions, ages)
					got, total, err := h.Directory.Users(ctx, p.ID, q)
					if err != nil {
						rt.Fatalf("%+v: %v", q, err)
					}
					if int(total) != len(want) {
						rt.Fatalf("%+v: %d in all, want %d", q, total, len(want))
					}
					from := min((q.Page.Page-1)*q.Limit, len(want))
					want = want[from:min(from+q.Limit, len(want))]
					found := []string{}
					for _, u := range got {
						found = append(found, u.ID)
					}
					if !slices.Equal(found, want) {
						rt.Fatalf("%+v:\n%v\nwant\n%v", q, found, want)
					}
				}
			}
		})
		if _, total, err := h.Directory.Users(other.As(t.Context()), other.ID, directory.UserQuery{Keywords: "a", Page: directory.Page{Page: 1, Limit: 10}}); err != nil || total != 0 {
			t.Errorf("another pool finds %d, %v", total, err)
		}
	})
}

// scan is the definition: all users, one after the other.
func scan(t *testing.T, ctx context.Context, d *db.DB, poolID string, q *directory.UserQuery, conditions []condition, ages map[string]int) []string {
	t.Helper()
	users, err := db.List[directory.User](ctx, d, "select "+db.Columns[directory.User]()+" from users where pool_id = ? order by id limit 1000", poolID)
	if err != nil {
		t.Fatal(err)
	}
	on := q.SearchOn
	if len(on) == 0 {
		on = directory.DefaultSearch
	}
	users = slices.DeleteFunc(users, func(u directory.User) bool {
		if q.Keywords != "" && !slices.ContainsFunc(on, func(f string) bool { return search.Contains(textColumns[f](&u), q.Keywords, false) }) {
			return true
		}
		return slices.ContainsFunc(conditions, func(c condition) bool { return !c.holds(&u, ages[u.ID]) })
	})
	last := true
	if len(q.Sort) > 0 {
		last = q.Sort[len(q.Sort)-1].Descending
	}
	if i := slices.IndexFunc(q.Sort, func(s directory.Sort) bool { return s.Field == "id" || s.Field == "createdAt" }); i >= 0 {
		last = q.Sort[i].Descending
	}
	slices.SortFunc(users, func(a, b directory.User) int {
		for _, s := range q.Sort {
			x, okX := sortKeys[s.Field](&a)
			y, okY := sortKeys[s.Field](&b)
			if okX != okY {
				if okX {
					return -1
				}
				return 1
			}
			c := 0
			if s, ok := x.(string); ok {
				c = strings.Compare(s, y.(string))
			} else {
				c = cmp.Compare(x.(int64), y.(int64))
			}
			if s.Descending {
				c = -c
			}
			if c != 0 && okX {
				return c
			}
		}
		if last {
			return strings.Compare(b.ID, a.ID)
		}
		return strings.Compare(a.ID, b.ID)
	})
	ids := []string{}
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids
}

// What one server has written, another over the same database finds within seconds.
func TestSearchOnTwoServers(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		if h.DB.Local() {
			return // one process owns the file
		}
		two := h.Again(t)
		ctx := p.As(t.Context())
		found := func(word string) int64 {
			_, total, err := two.Directory.Users(ctx, p.ID, directory.UserQuery{Keywords: word, Page: directory.Page{Page: 1, Limit: 10}})
			if err != nil {
				t.Fatal(err)
			}
			return total
		}
		await := func(word string, want int64) {
			t.Helper()
			deadline := time.Now().Add(10 * time.Second)
			for found(word) != want && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
			}
			if n := found(word); n != want {
				t.Errorf("the other server finds %d users with %q, want %d", n, word, want)
			}
		}
		await("zhang", 0)
		u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: ptr("u"), Name: ptr("张三")}})
		if err != nil {
			t.Fatal(err)
		}
		await("zhang", 1)
		if _, err := h.Directory.UpdateUser(ctx, p.ID, directory.ByID(u.ID), directory.UserPatch{UserInput: directory.UserInput{Name: ptr("李四")}}); err != nil {
			t.Fatal(err)
		}
		await("lisi", 1)
		await("zhang", 0)
		if err := h.Directory.DeleteUsers(ctx, p.ID, []directory.UserRef{directory.ByID(u.ID)}); err != nil {
			t.Fatal(err)
		}
		await("lisi", 0)
	})
}
