package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

// heard collects what a server is told.
type heard struct {
	mu   sync.Mutex
	list []string
}

func (h *heard) hear(poolID string, keys []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range keys {
		h.list = append(h.list, poolID+"/"+k)
	}
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(slices.Values(h.list))
}

func TestPublish(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		var mine, others heard
		d.Subscribe("things", mine.hear)
		d.Subscribe("other things", others.hear)
		ctx := t.Context()
		broken := errors.New("broken")
		for _, c := range []struct {
			keys []string
			err  error
			want []string
		}{
			{[]string{"a"}, nil, []string{"p/a"}},
			{[]string{"b"}, broken, []string{"p/a"}},
			{[]string{"c", "d"}, nil, []string{"p/a", "p/c", "p/d"}},
		} {
			if err := d.Tx(ctx, func(ctx context.Context) error {
				if err := d.Publish(ctx, "p", "things", c.keys...); err != nil {
					return err
				}
				if slices.Contains(mine.all(), "p/"+c.keys[0]) {
					t.Errorf("%v: told before it is durable", c.keys)
				}
				return c.err
			}); !errors.Is(err, c.err) {
				t.Fatal(err)
			}
			if got := mine.all(); !slices.Equal(got, c.want) {
				t.Errorf("heard %v, want %v", got, c.want)
			}
		}
		if got := others.all(); len(got) > 0 {
			t.Errorf("another topic heard %v", got)
		}
	})
}

// Two servers over one PostgreSQL tell each other everything, also what transactions that overlap have changed.
func TestPublishToOtherServers(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		if d.Local() {
			return // one process owns the file
		}
		two := testhall.Again(t, d)
		var h heard
		two.Subscribe("things", h.hear)
		var want []string
		var wg sync.WaitGroup
		for i := range 40 {
			want = append(want, fmt.Sprintf("p/%02d", i))
			wg.Go(func() {
				if err := d.Tx(t.Context(), func(ctx context.Context) error {
					err := d.Publish(ctx, "p", "things", fmt.Sprintf("%02d", i))
					time.Sleep(time.Duration(i*7919%40) * 10 * time.Millisecond)
					return err
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		deadline := time.Now().Add(10 * time.Second)
		for !slices.Equal(h.all(), want) && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
		if got := h.all(); !slices.Equal(got, want) {
			t.Errorf("heard %v, want %v", got, want)
		}
	})
}
