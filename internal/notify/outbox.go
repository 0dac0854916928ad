package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// States of a message in the outbox.
const (
	due    = "due"
	sent   = "sent"
	failed = "failed"
)

const (
	defaultLife = 24 * time.Hour
	leaseTime   = time.Minute      // an attempt that takes longer belongs to nobody
	attemptTime = 20 * time.Second // so it never does
	looksAt     = 80               // due messages that are read at once
	takes       = 10               // and those that one server claims of them
	mostAtOnce  = 64               // messages that one server sends at once
	mostOfPool  = 8                // and those of one pool among them
	keepsEnded  = 24 * time.Hour   // how long a message's Once is remembered
	longestText = 200
	askEvery    = 2 * time.Second
)

// outboxRow is a message that is to be sent or has been.
type outboxRow struct {
	PoolID     string `db:"pool_id"`
	ID         string `db:"id"`
	Once       string `db:"once"`
	Channel    string `db:"channel"`
	Kind       string `db:"kind"`
	Sealed     string `db:"sealed"`
	State      string `db:"state"`
	Attempts   int64  `db:"attempts"`
	DueAt      int64  `db:"due_at"`
	Lease      string `db:"lease"`
	DeadlineAt int64  `db:"deadline_at"`
	Problem    string `db:"problem"`
	CreatedAt  int64  `db:"created_at"`
	EndedAt    int64  `db:"ended_at"`
}

// content is what the row keeps sealed.
type content struct {
	To       string `json:"to"`
	Language string `json:"language,omitzero"`
	Params   Params `json:"params"`
	Unwanted bool   `json:"unwanted,omitzero"`
}

func outboxContext(r *outboxRow) string { return "pool/" + r.PoolID + "/outbox/" + r.ID }

// Send writes a message down, to go out once the transaction of ctx is durable; undone with it, nothing goes out. It does not
// ask whether there is a provider: see Ready.
func (n *Notify) Send(ctx context.Context, poolID string, m Message) error {
	now := n.DB.Now()
	if m.Life <= 0 {
		m.Life = defaultLife
	}
	r := outboxRow{PoolID: poolID, ID: n.DB.NewID(), Once: m.Once, Channel: string(m.Channel), Kind: string(m.Kind), State: due, DueAt: now,
		DeadlineAt: now + m.Life.Milliseconds(), CreatedAt: now}
	if r.Once == "" {
		r.Once = r.ID
	}
	plain, err := json.Marshal(content{m.To, m.Language, m.Params, m.Unwanted})
	if err != nil {
		return err
	}
	r.Sealed = n.Master.Seal(plain, outboxContext(&r))
	return n.DB.Tx(ctx, func(ctx context.Context) error {
		if m.Once != "" {
			// Read first: a violated key would spoil the transaction that this is part of.
			had, err := db.One[int64](ctx, n.DB, "select count(*) from outbox where pool_id = ? and once = ?", poolID, m.Once)
			if err != nil || had > 0 {
				return err
			}
		}
		if err := db.Insert(ctx, n.DB, "outbox", &r); err != nil {
			return err
		}
		n.DB.AfterCommit(ctx, n.awake)
		return nil
	})
}

func (n *Notify) awake() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run sends what is due until ctx ends: what this server writes down at once, what others leave behind within seconds.
func (n *Notify) Run(ctx context.Context) {
	var sending sync.WaitGroup
	defer sending.Wait()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	sweep := time.NewTicker(10 * time.Minute)
	defer sweep.Stop()
	for {
		for {
			begun, err := n.begin(ctx, &sending)
			if err != nil && ctx.Err() == nil {
				n.Logger.Warn("reading the outbox", "error", err)
			}
			if err != nil || begun == 0 {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		case <-tick.C:
		case <-sweep.C:
			if err := n.Sweep(ctx); err != nil && ctx.Err() == nil {
				n.Logger.Warn("sweeping the outbox", "error", err)
			}
		}
	}
}

// Deliver makes one attempt at some of what is due, and returns at how many. 0 means that nothing is due, or that others are at it. Several
// servers may do so at once: each message is claimed by one of them.
func (n *Notify) Deliver(ctx context.Context) (int, error) {
	var sending sync.WaitGroup
	defer sending.Wait()
	return n.begin(ctx, &sending)
}

// begin claims some of what is due and begins to send it; sending is done when that has ended. A pool has a bounded part of what is under
// way, and is passed over while it has it: one whose mail server is slow holds up no other.
func (n *Notify) begin(ctx context.Context, sending *sync.WaitGroup) (int, error) {
	rows, err := db.List[outboxRow](ctx, n.DB, "select "+db.Columns[outboxRow]()+" from outbox where state = ? and due_at <= ? and pool_id not in (?...) order by due_at limit ?",
		due, n.DB.Now(), n.under.full(), looksAt)
	if err != nil {
		return 0, err
	}
	// Servers that look at the same rows take different ones.
	rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	begun := 0
	for i := range rows {
		r := &rows[i]
		if begun == takes {
			break
		}
		if !n.under.enter(r.PoolID) {
			continue
		}
		ok, err := n.claim(ctx, r)
		if err != nil || !ok {
			n.under.leave(r.PoolID)
			if err != nil {
				return begun, err
			}
			continue
		}
		begun++
		sending.Add(1)
		go func() {
			defer sending.Done()
			n.attempt(ctx, r)
			n.under.leave(r.PoolID)
			n.awake() // there may be room for more
		}()
	}
	return begun, nil
}

// underWay counts what is being sent, by pool.
type underWay struct {
	mu    sync.Mutex
	pools map[string]int
	all   int
}

func (u *underWay) enter(pool string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all >= mostAtOnce || u.pools[pool] >= mostOfPool {
		return false
	}
	if u.pools == nil {
		u.pools = make(map[string]int)
	}
	u.pools[pool]++
	u.all++
	return true
}

func (u *underWay) leave(pool string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all--
	if u.pools[pool]--; u.pools[pool] == 0 {
		delete(u.pools, pool)
	}
}

// full are the pools that have all they may.
func (u *underWay) full() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := []string{}
	for pool, n := range u.pools {
		if n >= mostOfPool {
			list = append(list, pool)
		}
	}
	return list
}

// claim makes a due message this server's until its lease is over.
func (n *Notify) claim(ctx context.Context, r *outboxRow) (bool, error) {
	lease := n.server + "/" + secret.Random(4)
	changed, err := db.Exec(ctx, n.DB, "update outbox set lease = ?, due_at = ?, attempts = attempts + 1 where pool_id = ? and id = ? and state = ? and lease = ? and due_at = ?",
		lease, n.DB.Now()+leaseTime.Milliseconds(), r.PoolID, r.ID, due, r.Lease, r.DueAt)
	if err != nil || changed == 0 {
		return false, err
	}
	r.Lease = lease
	r.Attempts++
	return true, nil
}

// permanent is a failure that another attempt would meet again.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// attempt tries to send a claimed message and writes down what came of it.
func (n *Notify) attempt(ctx context.Context, r *outboxRow) {
	var err error
	if n.DB.Now() >= r.DeadlineAt {
		err = permanent{errors.New("its time is over")}
	} else {
		sending, cancel := context.WithTimeout(ctx, attemptTime)
		err = n.dispatch(sending, r)
		cancel()
	}
	// A stop must not leave a message that has gone for another server to send once more.
	ctx = context.WithoutCancel(ctx)
	now := n.DB.Now()
	next := now + n.pause(r.Attempts).Milliseconds()
	var hopeless permanent
	switch {
	case err == nil:
		_, err = db.Exec(ctx, n.DB, "update outbox set state = ?, sealed = '', problem = '', lease = '', ended_at = ? where pool_id = ? and id = ? and lease = ?",
			sent, now, r.PoolID, r.ID, r.Lease)
	case errors.As(err, &hopeless), next >= r.DeadlineAt:
		n.Logger.Warn("a message was given up", "pool", r.PoolID, "id", r.ID, "channel", r.Channel, "kind", r.Kind, "attempts", r.Attempts, "error", err)
		_, err = db.Exec(ctx, n.DB, "update outbox set state = ?, sealed = '', problem = ?, lease = '', ended_at = ? where pool_id = ? and id = ? and lease = ?",
			failed, shorten(err.Error()), now, r.PoolID, r.ID, r.Lease)
	default:
		n.Logger.Info("a message is tried again later", "pool", r.PoolID, "id", r.ID, "channel", r.Channel, "kind", r.Kind, "attempts", r.Attempts, "error", err)
		_, err = db.Exec(ctx, n.DB, "update outbox set due_at = ?, problem = ?, lease = '' where pool_id = ? and id = ? and lease = ?",
			next, shorten(err.Error()), r.PoolID, r.ID, r.Lease)
	}
	if err != nil {
		n.Logger.Warn("writing to the outbox", "pool", r.PoolID, "id", r.ID, "error", err)
	}
}

// dispatch words a message and hands it to its carrier.
func (n *Notify) dispatch(ctx context.Context, r *outboxRow) error {
	plain, err := n.Master.Open(r.Sealed, outboxContext(r))
	if err != nil {
		return permanent{err}
	}
	var c content
	if err := json.Unmarshal(plain, &c); err != nil {
		return permanent{err}
	}
	if c.Unwanted {
		return nil
	}
	carrier, err := n.carrier(ctx, r.PoolID, Channel(r.Channel))
	if err != nil {
		if fault.KindOf(err) == fault.Unprocessable {
			return permanent{err}
		}
		return err
	}
	o := &outgoing{ID: r.ID, PoolID: r.PoolID, Channel: Channel(r.Channel), Kind: Kind(r.Kind), To: c.To, Language: c.Language, Params: c.Params,
		CreatedAt: r.CreatedAt}
	if err := n.word(ctx, o); err != nil {
		return err
	}
	return carrier.send(ctx, o)
}

// outgoing is a message in words.
type outgoing struct {
	ID, PoolID               string
	Channel                  Channel
	Kind                     Kind
	To, Language             string
	Params                   Params
	CreatedAt                int64
	Sender                   string // the name that a mail comes from
	Subject, HTML, PlainText string
}

// carrier takes messages to where they go. Its errors are permanent where another attempt would be in vain.
type carrier interface {
	send(ctx context.Context, o *outgoing) error
}

// carrier is what takes the pool's messages: the pool's own provider, the server's, or the developer's inbox.
func (n *Notify) carrier(ctx context.Context, poolID string, c Channel) (carrier, error) {
	if c == Mail {
		return n.mailCarrier(ctx, poolID)
	}
	return n.smsCarrier(ctx, poolID)
}

// backoff is how long to wait after so many attempts: 2 s, 8 s, 32 s … at most 10 minutes, half of it by chance.
func backoff(attempts int64) time.Duration {
	d := min(2*time.Second<<min(2*(attempts-1), 20), 10*time.Minute)
	return d/2 + rand.N(d/2)
}

// Sweep forgets messages that ended a day ago.
func (n *Notify) Sweep(ctx context.Context) error {
	_, err := db.Exec(ctx, n.DB, "delete from outbox where state <> ? and ended_at < ?", due, n.DB.Now()-keepsEnded.Milliseconds())
	return err
}

func shorten(s string) string {
	if len(s) > longestText {
		s = s[:longestText]
	}
	return strings.ToValidUTF8(s, "")
}
