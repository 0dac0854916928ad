package db

import (
	"context"
	"encoding/json"
	"math"
	"sync"
	"time"
)

// feed tells those who keep something in memory that it has changed.
type feed struct {
	mu          sync.RWMutex
	subscribers map[string][]func(poolID string, keys []string)
	poll        sync.Once
	stop        chan struct{}
	stopped     sync.WaitGroup
	origin      string
}

const (
	feedEvery = 500 * time.Millisecond // how often the changes of other servers are asked for
	feedKept  = 10 * time.Minute       // how long they can be
)

// Subscribe has f called after each change of a topic that Publish tells of: on the server that made it when it is durable and
// before its Tx returns, on others over the same database within a second or two. What f then reads is as new as the change, or
// newer. f may be called several times for one change, from any goroutine, must be quick and must not call the database. Without
// keys, anything of the pool may have changed, without a pool anything at all: this server has been cut off for minutes.
// Call it while building, not later.
func (d *DB) Subscribe(topic string, f func(poolID string, keys []string)) {
	d.feed.mu.Lock()
	defer d.feed.mu.Unlock()
	if d.feed.subscribers == nil {
		d.feed.subscribers = make(map[string][]func(string, []string))
	}
	d.feed.subscribers[topic] = append(d.feed.subscribers[topic], f)
	if !d.Local() {
		d.feed.poll.Do(func() {
			d.feed.stop, d.feed.origin = make(chan struct{}), d.NewID()
			d.feed.stopped.Add(1)
			// Whatever is read from here on is followed from here on.
			var since int64
			if list, err := List[change](context.Background(), d, followPostgres, int64(math.MaxInt64), 1); err == nil {
				since = list[0].Horizon
			}
			go d.follow(since)
		})
	}
}

// Publish tells the subscribers of a topic, once the transaction of ctx is durable, what it has changed.
func (d *DB) Publish(ctx context.Context, poolID, topic string, keys ...string) error {
	if !d.Local() {
		list, err := json.Marshal(keys)
		if err != nil {
			return err
		}
		if _, err := Exec(ctx, d, publishPostgres, poolID, d.NewID(), d.feed.origin, topic, string(list), d.Now()); err != nil {
			return err
		}
	}
	d.AfterCommit(ctx, func() { d.deliver(topic, poolID, keys) })
	return nil
}

func (d *DB) deliver(topic, poolID string, keys []string) {
	d.feed.mu.RLock()
	defer d.feed.mu.RUnlock()
	for _, f := range d.feed.subscribers[topic] {
		f(poolID, keys)
	}
}

// change is a row of changes. Horizon is the same in all rows: every transaction before it has ended.
type change struct {
	ID          string `db:"id"`
	PoolID      string `db:"pool_id"`
	Origin      string `db:"origin"`
	Topic       string `db:"topic"`
	Keys        string `db:"keys"`
	Transaction int64  `db:"transaction_id"`
	Horizon     int64  `db:"horizon"`
}

// follow hands on what other servers have changed. Transactions end in another order than they begin, so all since the
// oldest that was still running are read again; what has been handed on is remembered until none of its time is.
func (d *DB) follow(since int64) {
	defer d.feed.stopped.Done()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-d.feed.stop
		cancel()
	}()
	var (
		known = make(map[string]int64) // transactions of those handed on
		last  = time.Now()
		trim  time.Time
	)
	tick := time.NewTicker(feedEvery)
	defer tick.Stop()
	for {
		list, err := List[change](ctx, d, followPostgres, since, mostChanges)
		switch now := time.Now(); {
		case err != nil:
		case now.Sub(last) > feedKept/2 || len(list) >= mostChanges:
			d.deliverAll()
			since, last = list[0].Horizon, now
			clear(known)
		default:
			for _, c := range list {
				if _, ok := known[c.ID]; ok || c.ID == "" {
					continue
				}
				known[c.ID] = c.Transaction
				var keys []string
				if c.Origin != d.feed.origin && json.Unmarshal([]byte(c.Keys), &keys) == nil {
					d.deliver(c.Topic, c.PoolID, keys)
				}
			}
			since, last = list[0].Horizon, now
			for id, transaction := range known {
				if transaction < since {
					delete(known, id)
				}
			}
			if now.Sub(trim) > time.Minute {
				trim = now
				_, _ = Exec(ctx, d, "delete from changes where created_at < ?", d.now().Add(-feedKept).UnixMilli())
			}
		}
		select {
		case <-d.feed.stop:
			return
		case <-tick.C:
		}
	}
}

// mostChanges is how many changes are read at once; who is further behind begins anew.
const mostChanges = 20_000

func (d *DB) deliverAll() {
	d.feed.mu.RLock()
	defer d.feed.mu.RUnlock()
	for _, list := range d.feed.subscribers {
		for _, f := range list {
			f("", nil)
		}
	}
}

// close ends follow, before the engine closes.
func (f *feed) close() {
	if f.stop != nil {
		close(f.stop)
		f.stopped.Wait()
	}
}
