package audit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestLog(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		l := audit.New(d)
		key := caller.With(t.Context(), &caller.Caller{Kind: caller.Key, PoolID: "p", KeyID: "k1", ClientIP: "10.0.0.1", RequestID: "r1"})
		user := caller.With(t.Context(), &caller.Caller{Kind: caller.User, PoolID: "p", UserID: "u1", AppID: "a1", RequestID: "r2"})
		for _, e := range []struct {
			ctx  context.Context
			pool string
			audit.Event
		}{
			{key, "p", audit.Event{Operation: audit.Create, Resource: audit.User, TargetID: "u1", TargetName: "bob",
				After: map[string]any{"username": "bob", "password": "hash", "password_level": int64(2), "totpSecret": "x"}}},
			{key, "p", audit.Event{Operation: audit.Delete, Resource: audit.UserGroup, TargetID: "g1"}},
			{user, "p", audit.Event{Operation: audit.Update, Resource: audit.User, TargetID: "u1", UserEvent: "updateUserPrefile"}},
			{key, "other", audit.Event{Operation: audit.Create, Resource: audit.User, TargetID: "u9"}},
		} {
			if err := d.Tx(e.ctx, func(ctx context.Context) error { return l.Add(ctx, e.pool, e.Event) }); err != nil {
				t.Fatal(err)
			}
		}
		undone := errors.New("undone")
		if err := d.Tx(key, func(ctx context.Context) error {
			if err := l.Add(ctx, "p", audit.Event{Operation: audit.Create, Resource: audit.Role}); err != nil {
				return err
			}
			return undone
		}); !errors.Is(err, undone) {
			t.Fatal(err)
		}
		yes, no := true, false
		for _, c := range []struct {
			name   string
			filter audit.Filter
			want   int64
		}{
			{"all", audit.Filter{}, 3},
			{"operation", audit.Filter{Operation: audit.Create}, 1},
			{"resource", audit.Filter{Resource: audit.UserGroup}, 1},
			{"request", audit.Filter{RequestID: "r2"}, 1},
			{"ip", audit.Filter{ClientIP: "10.0.0.1"}, 2},
			{"actor", audit.Filter{ActorIDs: []string{"k1"}}, 2},
			{"nobody", audit.Filter{ActorIDs: []string{}}, 0},
			{"user", audit.Filter{UserIDs: []string{"u1"}}, 1},
			{"application", audit.Filter{AppIDs: []string{"a1"}}, 1},
			{"users only", audit.Filter{UserOnly: true}, 1},
			{"admins only", audit.Filter{AdminOnly: true}, 2},
			{"events", audit.Filter{Events: []string{"login", "updateUserPrefile"}}, 1},
			{"other events", audit.Filter{Events: []string{"login"}}, 0},
			{"success", audit.Filter{Success: &yes}, 3},
			{"failure", audit.Filter{Success: &no}, 0},
			{"before", audit.Filter{End: 1}, 0},
			{"since", audit.Filter{Start: 1}, 3},
			{"page 2", audit.Filter{Page: 2, Limit: 2}, 3},
		} {
			list, total, err := l.List(t.Context(), "p", c.filter)
			if err != nil || total != c.want {
				t.Errorf("%s: %d (%d listed), %v; want %d", c.name, total, len(list), err, c.want)
			}
			if c.name == "page 2" && len(list) != 1 {
				t.Errorf("page 2 lists %d", len(list))
			}
		}
		list, _, err := l.List(t.Context(), "p", audit.Filter{Operation: audit.Create})
		if err != nil {
			t.Fatal(err)
		}
		r := list[0]
		if got := audit.Text(r.After); got != `{"password":"***","password_level":2,"totpSecret":"***","username":"bob"}` {
			t.Errorf("after = %s", got)
		}
		if r.ActorKind != "key" || r.ActorID != "k1" || r.TargetName != "bob" || r.Month < 202600 || r.At == 0 {
			t.Errorf("record = %+v", r)
		}
	})
}
