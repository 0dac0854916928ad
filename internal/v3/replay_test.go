package v3

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var replayStart = time.Date(2026, 11, 3, 18, 37, 20, 600e6, time.UTC)

func TestReplayUse(t *testing.T) {
	const window = 5 * time.Minute
	type request struct {
		key, nonce string
		dated, now time.Duration // after replayStart's second
		want       string
	}
	sec := func(n int) time.Duration { return time.Duration(n) * time.Second }
	for name, requests := range map[string][]request{
		"once": {{"k", "a", sec(10), sec(10), ""}},
		"twice": {
			{"k", "a", sec(10), sec(10), ""},
			{"k", "a", sec(10), sec(10), "signature_replayed"},
			{"k", "a", sec(10), sec(200), "signature_replayed"},
		},
		"same nonce, other key": {
			{"k", "a", sec(10), sec(10), ""},
			{"l", "a", sec(10), sec(10), ""},
		},
		"key and nonce are two texts": {
			{"k", "aa", sec(10), sec(10), ""},
			{"ka", "a", sec(10), sec(10), ""},
		},
		"signed again at another time": {
			{"k", "a", sec(10), sec(10), ""},
			{"k", "a", sec(100), sec(100), "signature_replayed"},
		},
		"the second of the start": {
			{"k", "a", 0, sec(1), ""},
			{"k", "b", sec(-1), sec(1), "signature_date_skew"},
			{"k", "c", -time.Millisecond, sec(1), "signature_date_skew"},
		},
		"window": {
			{"k", "a", sec(10), sec(310), ""},
			{"k", "b", sec(10), sec(311), "signature_date_skew"},
			{"k", "c", sec(610), sec(310), ""},
			{"k", "d", sec(611), sec(310), "signature_date_skew"},
		},
		"dated ahead and replayed until the window ends": {
			{"k", "a", sec(310), sec(10), ""},
			{"k", "a", sec(310), sec(310), "signature_replayed"},
			{"k", "a", sec(310), sec(610), "signature_replayed"},
			{"k", "a", sec(310), sec(611), "signature_date_skew"},
		},
		"a clock that is set back does not revive a nonce": {
			{"k", "a", sec(10), sec(10), ""},
			{"k", "b", sec(1000), sec(1000), ""},
			{"k", "a", sec(10), sec(20), "signature_date_skew"},
		},
		"a refused nonce is not used": {
			{"k", "a", sec(10), sec(400), "signature_date_skew"},
			{"k", "a", sec(400), sec(400), ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplays(replayStart, window, 100)
			origin := replayStart.Truncate(time.Second)
			for i, q := range requests {
				err := r.use(q.key, q.nonce, origin.Add(q.dated), origin.Add(q.now))
				if codeOf(err) != q.want || (err == nil) != (q.want == "") {
					t.Errorf("request %d: %v, want %q", i, err, q.want)
				}
			}
		})
	}
}

// captured is a request that somebody recorded: its signature covers the nonce and the date.
type captured struct {
	key, nonce string
	dated      time.Time
}

// checkShape holds the memory to its bounds and to the order that forgetting relies on.
func (r *replays) checkShape(t *rapid.T) {
	for i := range r.shards {
		s := &r.shards[i]
		held, last := 0, int64(-1)
		for _, g := range s.generations {
			if g.from <= last || g.newest < g.from || len(g.nonces) == 0 {
				t.Fatalf("generation from %d to %d with %d nonces after %d", g.from, g.newest, len(g.nonces), last)
			}
			last = g.newest
			held += len(g.nonces)
		}
		if held != s.held || held > s.capacity {
			t.Fatalf("%d nonces, counted as %d, capacity %d", held, s.held, s.capacity)
		}
		if most := 2*generationsPerWindow + 2 + 2*generationsPerCapacity; len(s.generations) > most {
			t.Fatalf("%d generations, at most %d make sense", len(s.generations), most)
		}
	}
}

// However full the memory and whatever the clock does, no recorded request is taken twice, across restarts too.
func TestReplayNeverTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := time.Duration(rapid.Int64Range(1, 20).Draw(t, "window")) * time.Second
		capacity := rapid.OneOf(rapid.IntRange(0, 30), rapid.IntRange(100, 600)).Draw(t, "capacity")
		now := replayStart
		r := newReplays(now, window, capacity)
		var seen []captured
		taken := map[captured]bool{}
		use := func(t *rapid.T, c captured) {
			if r.use(c.key, c.nonce, c.dated, now) != nil {
				return
			}
			if taken[c] {
				t.Fatalf("%s %s of %v is taken a second time at %v", c.key, c.nonce, c.dated, now)
			}
			taken[c] = true
		}
		offset := rapid.Int64Range(-window.Milliseconds()-500, window.Milliseconds()+500)
		draw := func(t *rapid.T) captured {
			dated := now.Add(time.Duration(offset.Draw(t, "dated")) * time.Millisecond)
			if rapid.Bool().Draw(t, "whole seconds") {
				dated = dated.Truncate(time.Second)
			}
			return captured{rapid.SampledFrom([]string{"k", "l"}).Draw(t, "key"), fmt.Sprint(len(seen)), dated}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { r.checkShape(t) },
			"fresh": func(t *rapid.T) {
				for range rapid.IntRange(1, 10).Draw(t, "number") {
					c := draw(t)
					seen = append(seen, c)
					use(t, c)
				}
			},
			"replay": func(t *rapid.T) {
				if len(seen) > 0 {
					use(t, rapid.SampledFrom(seen).Draw(t, "recorded"))
				}
			},
			"replay all": func(t *rapid.T) {
				for _, c := range seen[max(len(seen)-200, 0):] {
					use(t, c)
				}
			},
			"sign an old nonce anew": func(t *rapid.T) {
				if len(seen) > 0 {
					c := rapid.SampledFrom(seen).Draw(t, "recorded")
					c.dated = draw(t).dated
					seen = append(seen, c)
					use(t, c)
				}
			},
			"time passes": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, 2*window.Milliseconds()).Draw(t, "ms")) * time.Millisecond)
			},
			"clock is set back": func(t *rapid.T) {
				now = now.Add(-time.Duration(rapid.Int64Range(0, 2*window.Milliseconds()).Draw(t, "ms")) * time.Millisecond)
			},
			"restart": func(t *rapid.T) {
				r = newReplays(now, window, capacity)
				for c := range taken { // see the comment on replays: not knowable
					if !c.dated.Before(now.Truncate(time.Second)) {
						delete(taken, c)
					}
				}
			},
		})
	})
}

// With memory enough it answers as one that remembers everything: fresh nonces are taken, used ones are not.
func TestReplayExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := time.Duration(rapid.Int64Range(1, 20).Draw(t, "window")) * time.Second
		now := replayStart
		r := newReplays(now, window, 1<<20)
		first := replayStart.Truncate(time.Second)
		taken := map[string]time.Time{} // by nonce: the date it was taken with
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { r.checkShape(t) },
			"use": func(t *rapid.T) {
				nonce := fmt.Sprint(rapid.IntRange(0, 40).Draw(t, "nonce"))
				dated := now.Add(time.Duration(rapid.Int64Range(-window.Milliseconds()-1, window.Milliseconds()+1).Draw(t, "dated")) * time.Millisecond)
				got := codeOf(r.use("k", nonce, dated, now))
				before, used := taken[nonce]
				switch {
				case dated.Before(first), dated.Before(now.Add(-window)), dated.After(now.Add(window)):
					if got != "signature_date_skew" {
						t.Fatalf("%v at %v: %q, want signature_date_skew", dated, now, got)
					}
				case used && !before.Before(now.Add(-window)):
					if got != "signature_replayed" {
						t.Fatalf("nonce %s of %v again at %v: %q, want signature_replayed", nonce, before, now, got)
					}
				case used: // too old to matter; whether its generation is still there is not promised
					if got == "" {
						taken[nonce] = dated
					}
				default:
					if got != "" {
						t.Fatalf("fresh nonce %s of %v at %v: %q", nonce, dated, now, got)
					}
					taken[nonce] = dated
				}
			},
			"time passes": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, window.Milliseconds()).Draw(t, "ms")) * time.Millisecond)
			},
		})
	})
}

// A server that sees far more requests than it can remember in a window must go on serving clients whose clocks are right.
func TestReplayBusy(t *testing.T) {
	const perSecond, seconds = 200, 1200
	r := newReplays(replayStart, 5*time.Minute, 8*perSecond)
	late := 0
	for second := 1; second < seconds; second++ {
		now := replayStart.Add(time.Duration(second) * time.Second)
		for i := range perSecond {
			if err := r.use("k", fmt.Sprint(second, "-", i), now.Truncate(time.Second), now); err != nil {
				t.Fatalf("request %d of second %d: %v", i, second, err)
			}
		}
		if r.use("k", fmt.Sprint("late", second), now.Add(-time.Minute), now) != nil {
			late++
		}
	}
	if late < seconds*9/10 {
		t.Errorf("only %d of %d requests that are a minute late were refused: something forgets without raising the floor", late, seconds)
	}
}

// A quiet server must not go on holding what is long out of the window.
func TestReplayForgets(t *testing.T) {
	const window = 5 * time.Minute
	r := newReplays(replayStart, window, 100) // one shard
	now := replayStart
	for i := range 600 {
		now = now.Add(time.Minute)
		if err := r.use("k", fmt.Sprint(i), now, now); err != nil {
			t.Fatal(err)
		}
		if held := r.shards[0].held; held > 8 { // a window and one generation more
			t.Fatalf("%d nonces held after minute %d, one a minute", held, i)
		}
	}
}

// Dates that come in the wrong order must not part the memory into ever more generations.
func TestReplayDescending(t *testing.T) {
	const window = 5 * time.Minute
	r := newReplays(replayStart, window, 1<<20)
	now := replayStart.Add(time.Hour)
	for i := range 6000 {
		dated := now.Add(window - time.Duration(i)*100*time.Millisecond)
		if err := r.use("k", fmt.Sprint(i), dated, now); err != nil {
			t.Fatal(err)
		}
	}
	for i := range r.shards {
		if n := len(r.shards[i].generations); n > 2*generationsPerWindow+1 {
			t.Errorf("%d generations of one window's dates", n)
		}
	}
}

func TestReplayConcurrent(t *testing.T) {
	const nonces, callers = 5000, 8
	r := newReplays(replayStart, time.Minute, nonces*4)
	var taken atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := range nonces {
				dated := replayStart.Add(time.Duration(i%60) * time.Second)
				switch codeOf(r.use("k", fmt.Sprint(i), dated, replayStart.Add(30*time.Second))) {
				case "":
					taken.Add(1)
				case "signature_replayed":
				default:
					t.Error("refused though there is room")
				}
			}
		})
	}
	group.Wait()
	if n := taken.Load(); n != nonces {
		t.Errorf("%d taken of %d nonces used %d times each", n, nonces, callers)
	}
}

func BenchmarkReplayUse(b *testing.B) {
	r := newReplays(replayStart, 5*time.Minute, 1<<20)
	now := replayStart
	i := 0
	for b.Loop() {
		i++
		if i%1000 == 0 {
			now = now.Add(time.Second)
		}
		r.use("64f0c7d2a1b2c3d4e5f60718", fmt.Sprint(i), now.Truncate(time.Second), now)
	}
}
