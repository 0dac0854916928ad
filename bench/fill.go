package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/server"
)

// masterKey seals the secrets of every database of the benchmark, so that none needs a key file beside it.
const masterKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

const (
	batch        = 80   // the most that CreateUsers takes
	outer        = 4000 // users of one transaction on SQLite
	fillers      = 6    // that write at once on PostgreSQL
	departments  = 1000
	branches     = 4 // below the organisation and below each department: six levels
	groups       = 200
	groupMembers = 400 // of each, or a twentieth of all when that is less
)

// open builds the domain over a database in this process.
func open(ctx context.Context, dsn string) (*server.Server, error) {
	data, err := os.MkdirTemp("", "guildhall-bench-*") // stays empty, since the master key is given
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(data)
	config, err := server.Load("", nil, map[string]string{"data": data, "db": dsn, "master_key": masterKey, "base_url": baseURL})
	if err != nil {
		return nil, err
	}
	return server.Build(ctx, config, "bench", slog.New(slog.DiscardHandler))
}

func asSystem(poolID string) context.Context {
	return caller.With(context.Background(), &caller.Caller{Kind: caller.System, PoolID: poolID})
}

// fill makes a pool with the first n people of the population, their departments and groups in a fresh database.
func fill(dsn string, n int) error {
	if db.IsPostgres(dsn) && !strings.Contains(dsn, "synchronous_commit") {
		separator := "?"
		if strings.Contains(dsn, "?") {
			separator = "&"
		}
		dsn += separator + "synchronous_commit=off" // while filling only
	}
	ctx, cancel := context.WithTimeout(asSystem(""), 2*time.Hour) // also the deadline of each transaction
	defer cancel()
	s, err := open(ctx, dsn)
	if err != nil {
		return err
	}
	defer s.Close()
	made, err := s.CreatePool(ctx, "bench", true)
	if err != nil {
		return err
	}
	if made == nil {
		return fmt.Errorf("the database has a pool already: filling begins with an empty one")
	}
	f := &filler{s: s, poolID: made.UserPoolID, ids: make([]string, n)}
	ctx = caller.With(ctx, &caller.Caller{Kind: caller.System, PoolID: f.poolID})
	began := time.Now()
	if err := f.fields(ctx); err != nil {
		return err
	}
	if err := f.users(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	say("filled %d users in %s: %.0f users/s", n, took.Round(time.Millisecond), float64(n)/took.Seconds())
	if err := f.tree(ctx); err != nil {
		return err
	}
	if err := f.groups(ctx); err != nil {
		return err
	}
	if !s.DB.Local() {
		if _, err := db.Exec(ctx, s.DB, "analyze"); err != nil {
			return err
		}
	}
	say("with %d departments and %d groups %s", departments, groups, time.Since(began).Round(time.Millisecond))
	return nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

type filler struct {
	s      *server.Server
	poolID string
	ids    []string // of the people
	done   atomic.Int64
}

func (f *filler) fields(ctx context.Context) error {
	_, err := f.s.Directory.SetFields(ctx, f.poolID, []directory.FieldInput{
		{TargetType: directory.UserTarget, Key: "school", DataType: directory.StringData},
		{TargetType: directory.UserTarget, Key: "age", DataType: directory.NumberData}})
	return err
}

// users makes everybody: SQLite has one writer and likes long transactions; on PostgreSQL several write at once, each batch in a
// transaction of its own, since long ones would wait for each other's counters.
func (f *filler) users(ctx context.Context) error {
	ended := make(chan struct{})
	defer close(ended)
	go f.report(ended)
	if f.s.DB.Local() {
		for from := 0; from < len(f.ids); from += outer {
			to := min(from+outer, len(f.ids))
			if err := f.s.DB.Tx(ctx, func(ctx context.Context) error { return f.some(ctx, from, to) }); err != nil {
				return err
			}
		}
		return nil
	}
	// The planner must know how the tables have grown, sooner than PostgreSQL itself looks.
	for from, to := 0, 1000; from < len(f.ids); from, to = to, 4*to {
		if err := f.together(ctx, from, min(to, len(f.ids))); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, f.s.DB, "analyze"); err != nil {
			return err
		}
	}
	return nil
}

// together makes the people of a range by several writers.
func (f *filler) together(ctx context.Context, from, to int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	next.Store(int64(from))
	var wg sync.WaitGroup
	for range fillers {
		wg.Go(func() {
			for ctx.Err() == nil {
				start := int(next.Add(batch)) - batch
				if start >= to {
					return
				}
				if err := f.some(ctx, start, min(start+batch, to)); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (f *filler) report(ended <-chan struct{}) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			say("  %d of %d users, %.0f users/s", f.done.Load(), len(f.ids), float64(f.done.Load())/time.Since(began).Seconds())
		}
	}
}

// some makes the people of a range, in batches.
func (f *filler) some(ctx context.Context, from, to int) error {
	for ; from < to; from += batch {
		list := make([]directory.NewUser, 0, batch)
		for i := from; i < min(from+batch, to); i++ {
			list = append(list, newUser(personAt(i)))
		}
		made, err := f.s.Directory.CreateUsers(ctx, f.poolID, list)
		if err != nil {
			return fmt.Errorf("user %d to %d: %w", from, from+len(list), err)
		}
		for i := range made {
			f.ids[from+i] = made[i].ID
		}
		f.done.Add(int64(len(made)))
	}
	return nil
}

func newUser(p person) directory.NewUser {
	return directory.NewUser{
		UserInput: directory.UserInput{Username: &p.username, Email: &p.email, Phone: &p.phone, PhoneCountryCode: &p.countryCode, Name: &p.name,
			GivenName: &p.givenName, FamilyName: &p.familyName, Nickname: &p.nickname, Gender: &p.gender, Birthdate: &p.birthdate,
			Company: &p.company, City: &p.city, Country: &p.country},
		Custom: map[string]jsontext.Value{"school": jsontext.Value(strconv.Quote(p.school)), "age": jsontext.Value(strconv.Itoa(p.age))},
	}
}

// tree makes one organisation and its departments, and puts user i into department i modulo their number.
func (f *filler) tree(ctx context.Context) error {
	root, err := f.s.Directory.CreateOrganization(ctx, f.poolID, directory.NewDepartment{Code: organization, Name: "Bench"})
	if err != nil {
		return err
	}
	ids := make([]string, departments)
	return f.s.DB.Tx(ctx, func(ctx context.Context) error {
		for k := range ids {
			parent := root.ID
			if k >= branches {
				parent = ids[k/branches-1]
			}
			made, err := f.s.Directory.CreateDepartment(ctx, f.poolID, directory.DepartmentRef{Organization: organization, Value: parent},
				directory.NewDepartment{Code: departmentCode(k), Name: fmt.Sprint("Department ", k)})
			if err != nil {
				return err
			}
			ids[k] = made.ID
			var members []string
			for i := k; i < len(f.ids); i += departments {
				members = append(members, f.ids[i])
			}
			for len(members) > 0 {
				n := min(len(members), 500)
				if err := f.s.Directory.AddDepartmentMembers(ctx, f.poolID, directory.DepartmentRef{Organization: organization, Value: made.ID}, members[:n]); err != nil {
					return err
				}
				members = members[n:]
			}
		}
		return nil
	})
}

const organization = "bench"

func departmentCode(k int) string { return fmt.Sprint("department-", k) }

// groups makes groups whose members stand next to each other in the population. Each begins a third of its size after the one
// before, as far as there are people, so that who is in groups at all is in three, or in more of a small pool.
func (f *filler) groups(ctx context.Context) error {
	size := min(groupMembers, len(f.ids)/20)
	spread := min(len(f.ids), groups*size/3)
	return f.s.DB.Tx(ctx, func(ctx context.Context) error {
		for g := range groups {
			code := fmt.Sprint("group-", g)
			if _, err := f.s.Directory.CreateGroup(ctx, f.poolID, directory.NewGroup{Code: code, Name: fmt.Sprint("Group ", g)}); err != nil {
				return err
			}
			var members []string
			for i := range size {
				members = append(members, f.ids[(g*spread/groups+i)%len(f.ids)])
			}
			if len(members) == 0 {
				continue
			}
			if err := f.s.Directory.AddMembers(ctx, f.poolID, code, members); err != nil {
				return err
			}
		}
		return nil
	})
}
