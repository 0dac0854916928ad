package v3

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"time"
)

// replays remembers the nonces of signed requests, so that a recorded request is not answered a second time. It holds
// what only this process has seen, which is enough for reads; a write records its nonce in the transaction that it makes
// (caller.Once), where every server sees it.
//
// It is exact: a request that it has taken once it never takes again. A nonce belongs to the date that was signed with it,
// and nonces are only ever forgotten together with the right to be dated so: every part keeps a floor, and a request dated
// at or below the floor is refused whatever its nonce. The floor rises when dates leave the window and when memory is full.
// It begins just below the second in which the process started, since the process before may have seen what is dated
// earlier. What that one saw of the very second, or of a client whose clock is ahead, cannot be known here: to refuse it
// would be to refuse every client for a while after each start.
//
// It is bounded: with more than capacity nonces in a window the oldest are given up early, and clients whose clocks are
// slow, or whose requests were long on the way, are refused before a replay is let in. An entry takes 20 to 40 bytes.
type replays struct {
	seed   [2]maphash.Seed
	shards []replayShard
	window time.Duration
}

const (
	replayShards = 16 // locks, at most
	shardMin     = 64 // nonces in a shard, at least
	// A shard keeps its nonces in generations and forgets a generation at a time. They are made narrow and small so that
	// little is given up when memory is full: a quarter of the window, an eighth of the capacity.
	generationsPerWindow   = 4
	generationsPerCapacity = 8
)

// replayShard is a memory of its own for its share of the nonces. Key and nonce choose the shard, never the date, so
// that a request meets the same floor each time.
type replayShard struct {
	mu          sync.Mutex
	floor       int64 // Unix ms; requests dated so or earlier are refused
	capacity    int
	held        int          // nonces in all generations
	generations []generation // by from, ascending
}

// generation holds the nonces of requests dated from its beginning until the next one's.
type generation struct {
	from   int64 // Unix ms
	newest int64 // of the dates held
	nonces map[nonceHash]struct{}
}

// nonceHash is a keyed hash of key id and nonce. Two that collide could only have one of them refused.
type nonceHash [16]byte

// newReplays makes an empty memory. started is when the process began to serve, window how far a request's date may be
// from now on either side, capacity how many nonces to hold in all (at least 1).
func newReplays(started time.Time, window time.Duration, capacity int) *replays {
	capacity = max(capacity, 1)
	shards := min(max(capacity/shardMin, 1), replayShards)
	r := &replays{
		seed:   [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		shards: make([]replayShard, shards),
		window: window,
	}
	for i := range r.shards {
		r.shards[i].floor = started.Truncate(time.Second).UnixMilli() - 1
		r.shards[i].capacity = capacity / shards
	}
	return r
}

// use takes the nonce of a request whose signature is proven and whose date is dated. It returns nil the first time,
// Unauthenticated "signature_replayed" if the key has used the nonce before, and Unauthenticated "signature_date_skew" if
// the date is outside the window around now or at a time of which the nonces are not known, or no longer.
func (r *replays) use(keyID, nonce string, dated, now time.Time) error {
	date := dated.UnixMilli()
	earliest, latest := now.Add(-r.window).UnixMilli(), now.Add(r.window).UnixMilli()
	if date < earliest || date > latest {
		return unsigned("signature_date_skew")
	}
	hash := r.hash(keyID, nonce)
	shard := &r.shards[binary.LittleEndian.Uint64(hash[:])%uint64(len(r.shards))]
	shard.mu.Lock()
	defer shard.mu.Unlock()

	for len(shard.generations) > 0 && shard.generations[0].newest < earliest {
		shard.forget()
	}
	if date <= shard.floor {
		return unsigned("signature_date_skew")
	}
	for _, g := range shard.generations {
		if _, used := g.nonces[hash]; used {
			return unsigned("signature_replayed")
		}
	}
	for shard.held >= shard.capacity {
		if shard.forget(); date <= shard.floor {
			return unsigned("signature_date_skew")
		}
	}
	shard.add(hash, date, max(r.window.Milliseconds()/generationsPerWindow, 1))
	return nil
}

func (r *replays) hash(keyID, nonce string) (sum nonceHash) {
	for i, seed := range r.seed {
		var h maphash.Hash
		h.SetSeed(seed)
		h.WriteString(keyID)
		h.WriteByte(0) // in no nonce: see wellFormedNonce
		h.WriteString(nonce)
		binary.LittleEndian.PutUint64(sum[8*i:], h.Sum64())
	}
	return sum
}

// forget gives up the oldest generation, and with it the right to be dated as its requests were.
func (s *replayShard) forget() {
	oldest := s.generations[0]
	s.generations = slices.Delete(s.generations, 0, 1)
	s.held -= len(oldest.nonces)
	s.floor = max(s.floor, oldest.newest)
}

// add puts hash into the generation of its date. width is the longest time that one generation may span.
func (s *replayShard) add(hash nonceHash, date, width int64) {
	next, _ := slices.BinarySearchFunc(s.generations, date, func(g generation, date int64) int {
		if g.from <= date {
			return -1
		}
		return 1
	})
	begin := func(from int64) {
		s.generations = slices.Insert(s.generations, next, generation{from: from, newest: math.MinInt64, nonces: map[nonceHash]struct{}{}})
		next++
	}
	cell := date - date%width
	switch {
	case next == 0 || s.generations[next-1].from < cell:
		begin(cell)
	case len(s.generations[next-1].nonces) >= max(s.capacity/generationsPerCapacity, 1) && s.generations[next-1].newest < date:
		begin(date) // the full one keeps the earlier dates; requests of one millisecond cannot be parted
	}
	g := &s.generations[next-1]
	g.newest = max(g.newest, date)
	g.nonces[hash] = struct{}{}
	s.held++
}
