package directory_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// benchHall is a pool of a thousand users on SQLite.
func benchHall(b *testing.B) (*testhall.Hall, testhall.Pool, []string) {
	dsn := filepath.Join(b.TempDir(), "g.db")
	if _, _, err := db.Migrate(b.Context(), dsn); err != nil {
		b.Fatal(err)
	}
	d, err := db.Open(b.Context(), db.Options{DSN: dsn})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	h := testhall.New(b, d)
	p := h.Pool(b, "bench")
	var ids []string
	for range 20 {
		list := make([]directory.NewUser, 50)
		for i := range list {
			n := fmt.Sprint("user", len(ids)+i)
			list[i].UserInput = directory.UserInput{Username: &n, Name: ptr("Maria Müller"), Email: ptr(n + "@example.com"), City: ptr("Köln")}
		}
		users, err := h.Directory.CreateUsers(p.As(b.Context()), p.ID, list)
		if err != nil {
			b.Fatal(err)
		}
		for _, u := range users {
			ids = append(ids, u.ID)
		}
	}
	return h, p, ids
}

func BenchmarkUser(b *testing.B) {
	h, p, ids := benchHall(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := h.Directory.User(b.Context(), p.ID, directory.ByID(ids[i%len(ids)])); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUsersOf50(b *testing.B) {
	h, p, _ := benchHall(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := h.Directory.Users(b.Context(), p.ID, directory.UserQuery{Page: directory.Page{Page: 1, Limit: 50}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateUser(b *testing.B) {
	h, p, _ := benchHall(b)
	ctx := p.As(b.Context())
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := h.DB.NewID()
			if _, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: &n, Email: ptr(n + "@example.com")}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
