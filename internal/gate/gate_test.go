package gate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errFull = errors.New("full")

// At a gate of one slot that is held, callers arrive one second after the other; what becomes of each is told.
func TestWaiting(t *testing.T) {
	for _, c := range []struct {
		name     string
		waiting  int
		patience time.Duration
		leave    []time.Duration // of each caller: when its client goes away, 0 = never
		held     time.Duration   // how long the slot stays taken, and each who enters keeps it as long
		want     []error
		order    []int // of those that entered
		refused  uint64
	}{
		{name: "in order", waiting: 5, leave: make([]time.Duration, 5), held: 10 * time.Second, want: make([]error, 5), order: []int{0, 1, 2, 3, 4}},
		{name: "beyond the bound", waiting: 2, leave: make([]time.Duration, 4), held: 10 * time.Second, want: []error{nil, nil, errFull, errFull}, order: []int{0, 1}, refused: 2},
		{name: "nobody may wait", waiting: 0, leave: make([]time.Duration, 2), held: 10 * time.Second, want: []error{errFull, errFull}, refused: 2},
		{name: "a place comes free for the next", waiting: 2, leave: []time.Duration{1500 * time.Millisecond, 0, 0}, held: 10 * time.Second,
			want: []error{context.DeadlineExceeded, nil, nil}, order: []int{1, 2}},
		{name: "the middle one goes", waiting: 5, leave: []time.Duration{0, 5 * time.Second, 0}, held: 10 * time.Second,
			want: []error{nil, context.DeadlineExceeded, nil}, order: []int{0, 2}},
		{name: "patience ends", waiting: 5, patience: 4 * time.Second, leave: make([]time.Duration, 2), held: 10 * time.Second, want: []error{errFull, errFull}, refused: 2},
		{name: "patience suffices for the first", waiting: 5, patience: 12 * time.Second, leave: make([]time.Duration, 2), held: 10 * time.Second,
			want: []error{nil, errFull}, order: []int{0}, refused: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := New(Size{Running: 1, Waiting: c.waiting, Patience: c.patience}, errFull)
				if err := g.Enter(t.Context()); err != nil {
					t.Fatal(err)
				}
				got := make([]error, len(c.leave))
				var order []int
				var wg sync.WaitGroup
				for i, leave := range c.leave {
					wg.Go(func() {
						ctx := t.Context()
						if leave > 0 {
							var cancel context.CancelFunc
							ctx, cancel = context.WithTimeout(ctx, leave)
							defer cancel()
						}
						if got[i] = g.Enter(ctx); got[i] == nil {
							order = append(order, i)
							time.Sleep(c.held)
							g.Leave()
						}
					})
					time.Sleep(time.Second)
				}
				time.Sleep(c.held - time.Duration(len(c.leave))*time.Second)
				g.Leave()
				wg.Wait()
				if !slices.Equal(got, c.want) || !slices.Equal(order, c.order) {
					t.Errorf("%v in order %v, want %v in order %v", got, order, c.want, c.order)
				}
				if l := g.Load(); l != (Load{0, 0, c.refused}) {
					t.Errorf("at rest %+v, want %d refused", l, c.refused)
				}
			})
		})
	}
}

// Who comes while others wait does not overtake them, even in the moment in which a slot comes free.
func TestNobodyOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Size{Running: 1, Waiting: 2}, errFull)
		_ = g.Enter(t.Context())
		first := make(chan struct{})
		go func() { _ = g.Enter(t.Context()); close(first) }()
		synctest.Wait()
		g.Leave() // hands the slot to the one that waits, before it runs
		second := make(chan struct{})
		go func() { _ = g.Enter(t.Context()); close(second) }()
		synctest.Wait()
		select {
		case <-first:
		default:
			t.Error("the first has no slot")
		}
		select {
		case <-second:
			t.Error("the second has one")
		default:
		}
		g.Leave()
		<-second
		g.Leave()
	})
}

// Who has gone by the time a slot comes free does not take it, whichever of the two is seen first.
func TestGoneWhenTheSlotComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Size{Running: 1, Waiting: 1}, errFull)
		for range 100 {
			_ = g.Enter(t.Context())
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- g.Enter(ctx) }()
			synctest.Wait()
			g.Leave()
			cancel()
			if err := <-done; err == nil {
				t.Error("it took the slot")
				g.Leave()
			}
			if l := g.Load(); l != (Load{}) {
				t.Fatalf("at rest %+v", l)
			}
		}
	})
}

func TestEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := New(Size{Running: 1}, errFull)
	if err := g.Enter(ctx); err != context.Canceled {
		t.Errorf("%v", err)
	}
	if l := g.Load(); l != (Load{}) {
		t.Errorf("%+v", l)
	}
}

// Full refuses when Enter would at once, and takes no place.
func TestFull(t *testing.T) {
	g := New(Size{Running: 1, Waiting: 1}, errFull)
	if err := g.Full(); err != nil {
		t.Error(err)
	}
	if err := g.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Full(); err != nil {
		t.Error("one may still wait:", err)
	}
	waited := make(chan error)
	go func() { waited <- g.Enter(t.Context()) }()
	for g.Load().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := g.Full(); !errors.Is(err, errFull) || g.Load().Refused != 1 {
		t.Errorf("%v, %+v", err, g.Load())
	}
	g.Leave()
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	if err := g.Full(); err != nil {
		t.Error(err)
	}
}

func TestNil(t *testing.T) {
	var g *Gate
	if err := g.Enter(t.Context()); err != nil {
		t.Error(err)
	}
	g.Leave()
	if g.Load() != (Load{}) || g.Size() != (Size{}) {
		t.Error("a gate that is none has something to tell")
	}
}

func TestNewRefuses(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a gate that nobody can pass was made")
		}
	}()
	New(Size{Waiting: 1}, errFull)
}

// However many come and go, never more than Running are inside and no slot is lost.
func TestStorm(t *testing.T) {
	g := New(Size{Running: 3, Waiting: 8, Patience: time.Millisecond}, errFull)
	var inside, entered atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for n := range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+(i*n)%300)*time.Microsecond)
				if g.Enter(ctx) == nil {
					if now := inside.Add(1); now > 3 {
						t.Errorf("%d inside", now)
					}
					entered.Add(1)
					time.Sleep(time.Duration(n%50) * time.Microsecond)
					inside.Add(-1)
					g.Leave()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if l := g.Load(); l.Running != 0 || l.Waiting != 0 || entered.Load() == 0 {
		t.Errorf("at rest %+v, %d entered", l, entered.Load())
	}
}

func BenchmarkEnter(b *testing.B) {
	g := New(Size{Running: 64, Waiting: 1024, Patience: time.Second}, errFull)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if g.Enter(ctx) == nil {
				g.Leave()
			}
		}
	})
}
