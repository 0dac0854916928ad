package access_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// benchHall is a pool of 1,000 users in 10 groups, of which each has 5 roles, and of as many grants: half of them the roles', half the users'.
func benchHall(b *testing.B, grants int) (a *access.Access, users []string) {
	b.Helper()
	dsn := filepath.Join(b.TempDir(), "guildhall.db")
	if _, _, err := db.Migrate(b.Context(), dsn); err != nil {
		b.Fatal(err)
	}
	d, err := db.Open(b.Context(), db.Options{DSN: dsn})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	log := audit.New(d)
	dir := directory.New(directory.Options{DB: d, Log: log})
	a = access.New(d, log, dir)
	ctx := b.Context()
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	check(a.EnsureNamespace(ctx, "p", "default", "default"))
	check(d.Tx(ctx, func(ctx context.Context) error {
		for i := range 1000 {
			id := d.NewID()
			users = append(users, id)
			if err := db.Insert(ctx, d, "users", &directory.User{PoolID: "p", ID: id, Status: directory.Activated, WorkStatus: "Active", Gender: "U", SourceType: "adminCreated",
				Username: fmt.Sprint("u", i)}); err != nil {
				return err
			}
		}
		return nil
	}))
	var roles []string
	for i := range 10 {
		code := fmt.Sprint("g", i)
		g, err := dir.CreateGroup(ctx, "p", directory.NewGroup{Code: code})
		check(err)
		for j := range 5 {
			name := fmt.Sprint("r", i, "-", j)
			r, err := a.CreateRole(ctx, "p", access.NewRole{Code: name})
			check(err)
			roles = append(roles, r.ID)
			check(a.Assign(ctx, "p", access.RoleRefs("", name), []access.Target{{Type: directory.GroupTarget, ID: g.ID}}))
		}
		for from := 0; from < len(users); from += 500 {
			check(dir.AddMembers(ctx, "p", code, users[from:from+500]))
		}
	}
	const insert = `insert into grants (pool_id, id, namespace, target_type, target_id, inherit, resource, resource_type, actions, effect, created_at, updated_at)
		with recursive n(i) as (select 0 union all select i + 1 from n where i < ?)
		select 'p', printf('%024x', i * 2 + ?), 'default', ?, json_extract(?, '$[' || (i % ?) || ']'), false, 'books:' || i, 'DATA', '["read","edit"]', 'ALLOW', 0, 0 from n`
	for at, t := range []struct {
		of  string
		ids []string
	}{{"ROLE", roles}, {"USER", users}} {
		list := "["
		for i, id := range t.ids {
			if i > 0 {
				list += ","
			}
			list += `"` + id + `"`
		}
		_, err := db.Exec(ctx, d, insert, grants/2-1, at, t.of, list+"]", len(t.ids))
		check(err)
	}
	return a, users
}

// BenchmarkDecide asks what is in memory: a user of 10 groups and 50 roles.
func BenchmarkDecide(b *testing.B) {
	for _, grants := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(grants), func(b *testing.B) {
			a, users := benchHall(b, grants)
			q := access.Question{UserID: users[7], Resource: "books:7", Action: "read"}
			if ok, err := a.Decide(b.Context(), "p", q); err != nil || !ok {
				b.Fatal(ok, err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if _, err := a.Decide(b.Context(), "p", q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkExplain explains what BenchmarkDecide asks.
func BenchmarkExplain(b *testing.B) {
	a, users := benchHall(b, 10_000)
	q := access.Question{UserID: users[7], Resource: "books:7", Action: "read"}
	for b.Loop() {
		if e, err := a.Explain(b.Context(), "p", q); err != nil || !e.Allowed {
			b.Fatal(e, err)
		}
	}
}

// BenchmarkAuthorizedResourcesOfUser lists a thousand and more.
func BenchmarkAuthorizedResourcesOfUser(b *testing.B) {
	a, users := benchHall(b, 2000)
	for b.Loop() {
		list, _, err := a.AuthorizedResourcesOfUser(b.Context(), "p", users[7], access.ResourceFilter{}, directory.Page{})
		if err != nil || len(list) < 1000 {
			b.Fatal(len(list), err)
		}
	}
}
