package access

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// accessTopic is that of db.Publish; its keys are "USER:<id>" and the like.
const accessTopic = "access"

// Nodes that are no targets.
const (
	policyNode    directory.TargetType = "POLICY"
	namespaceNode directory.TargetType = "NAMESPACE"
)

// changed tells, once the transaction of ctx is durable, that what targets have is another: their roles, grants, policies. Without
// targets it is the whole pool. Every verb that changes such things calls it, in its transaction.
func (a *Access) changed(ctx context.Context, poolID string, targets ...Target) error {
	keys := make([]string, len(targets))
	for i, t := range targets {
		keys[i] = string(t.Type) + ":" + t.ID
	}
	slices.Sort(keys)
	return a.db.Publish(ctx, poolID, accessTopic, slices.Compact(keys)...)
}

// targetsChanged is changed for targets that may be none.
func (a *Access) targetsChanged(ctx context.Context, poolID string, targets []Target) error {
	if len(targets) == 0 {
		return nil
	}
	return a.changed(ctx, poolID, targets...)
}

func (a *Access) changedByType(ctx context.Context, poolID string, ids targetIDs) error {
	var targets []Target
	for t, list := range ids {
		for _, id := range list {
			targets = append(targets, Target{t, id})
		}
	}
	return a.targetsChanged(ctx, poolID, targets)
}

const (
	// cacheLimit bounds what all nodes of the cache weigh, in bytes as weigh estimates them. What a process takes for it is up to
	// half more.
	cacheLimit = 128 << 20
	// mostNodeRules and heaviestNode are what one node of the cache holds. The grants of whoever has more are looked up for each question.
	mostNodeRules = 5000
	heaviestNode  = 2 << 20

	cacheShards = 32
)

// nodeCache keeps the nodes of all pools that were asked for lately. The zero value with a limit is ready.
//
// A node is kept only if nothing it was read from has changed since the reading began: who loads takes a mark first, and hands it in with
// the node; a change in between makes the marks differ.
type nodeCache struct {
	limit  int64 // in bytes, of all shards
	seed   atomic.Pointer[maphash.Seed]
	pools  sync.Map // pool -> *poolEpochs
	shards [cacheShards]cacheShard
}

// poolEpochs count what changes many nodes of a pool at once.
type poolEpochs struct{ all, tree, users atomic.Uint64 }

func (p *poolEpochs) of(t directory.TargetType) uint64 {
	switch t {
	case directory.UserTarget:
		return p.all.Load()<<32 + p.users.Load()
	case directory.DepartmentTarget:
		return p.all.Load()<<32 + p.tree.Load()
	}
	return p.all.Load() << 32
}

type cacheKey struct {
	pool *poolEpochs
	Target
}

type cacheShard struct {
	mu     sync.RWMutex
	nodes  map[cacheKey]*node
	weight int64
	epoch  atomic.Uint64 // counts the nodes that were dropped for a change
}

func (c *nodeCache) epochs(poolID string) *poolEpochs {
	if p, ok := c.pools.Load(poolID); ok {
		return p.(*poolEpochs)
	}
	p, _ := c.pools.LoadOrStore(poolID, new(poolEpochs))
	return p.(*poolEpochs)
}

func (c *nodeCache) shard(t Target) *cacheShard {
	seed := c.seed.Load()
	if seed == nil {
		s := maphash.MakeSeed()
		c.seed.CompareAndSwap(nil, &s)
		seed = c.seed.Load()
	}
	return &c.shards[maphash.String(*seed, t.ID)%cacheShards]
}

// get returns a node that is kept and true, or nil.
func (c *nodeCache) get(p *poolEpochs, t Target) *node {
	s := c.shard(t)
	s.mu.RLock()
	n := s.nodes[cacheKey{p, t}]
	s.mu.RUnlock()
	if n == nil || n.epoch != p.of(t.Type) {
		return nil
	}
	if !n.used.Load() {
		n.used.Store(true)
	}
	return n
}

// cacheMark is what a load begins with.
type cacheMark struct{ pool, shard uint64 }

func (c *nodeCache) mark(p *poolEpochs, t Target) cacheMark {
	return cacheMark{p.of(t.Type), c.shard(t).epoch.Load()}
}

// put keeps a node unless it may be out of date. Beyond the limit those not used since the last time go.
func (c *nodeCache) put(p *poolEpochs, t Target, n *node, m cacheMark) {
	s := c.shard(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch.Load() != m.shard || p.of(t.Type) != m.pool {
		return
	}
	n.epoch = m.pool
	k := cacheKey{p, t}
	if s.nodes == nil {
		s.nodes = make(map[cacheKey]*node)
	}
	if old := s.nodes[k]; old != nil {
		s.weight -= old.weight
	}
	s.nodes[k] = n
	s.weight += n.weight
	for limit := c.limit / cacheShards; s.weight > limit; {
		for k, old := range s.nodes {
			if s.weight <= limit {
				break
			}
			if old.used.CompareAndSwap(true, false) {
				continue
			}
			s.weight -= old.weight
			delete(s.nodes, k)
		}
	}
}

// forget drops the nodes of keys. It is called for what db.Publish tells.
func (c *nodeCache) forget(poolID string, keys []string) {
	if poolID == "" {
		c.pools.Range(func(_, p any) bool {
			p.(*poolEpochs).all.Add(1)
			return true
		})
		return
	}
	p := c.epochs(poolID)
	if len(keys) == 0 {
		p.all.Add(1)
	}
	for _, key := range keys {
		switch key {
		case directory.TreeMoved:
			p.tree.Add(1)
			continue
		case directory.AllUsersKey:
			p.users.Add(1)
			continue
		}
		of, id, _ := strings.Cut(key, ":")
		c.drop(p, Target{directory.TargetType(of), id})
	}
}

func (c *nodeCache) drop(p *poolEpochs, t Target) {
	s := c.shard(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch.Add(1)
	k := cacheKey{p, t}
	if old := s.nodes[k]; old != nil {
		s.weight -= old.weight
		delete(s.nodes, k)
	}
}

// weighs is what all nodes weigh, in bytes.
func (c *nodeCache) weighs() (bytes int64, nodes int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		bytes, nodes = bytes+s.weight, nodes+len(s.nodes)
		s.mu.RUnlock()
	}
	return bytes, nodes
}

// node is what one target has and belongs to: not what that, again, has.
type node struct {
	groups, departments []edge       // of a user
	ancestors           []string     // of a department, the nearest first
	roles               []edge       // assigned to it
	policies            []policyEdge // assigned to it, and enabled
	rules               rules        // its grants; of a policy its statements
	index               ruleIndex    // of the rules
	large               bool         // it has more grants than a node holds: rules are none of them
	code, name          string       // of a group, a department, a role
	dynamic             bool         // of a group: it has a rule
	disabled            bool         // of a role
	disableTime         int64        // of a role; 0 is never

	weight int64
	epoch  uint64
	used   atomic.Bool
}

type edge struct {
	id   string
	term directory.Term
}

type policyEdge struct {
	id      string
	inherit bool
}

// inForce reports whether what the node gives is in force at that time, unix ms: a role can be disabled.
func (n *node) inForce(ms int64) bool {
	return !n.disabled && (n.disableTime == 0 || ms < n.disableTime)
}

func (n *node) weigh() {
	n.weight = 400 + int64(len(n.code)+len(n.name)) + int64(len(n.groups)+len(n.departments)+len(n.roles))*64 + int64(len(n.ancestors)+len(n.policies))*48
	for i := range n.rules {
		n.weight += n.rules[i].weigh()
	}
	n.weight += int64(4 * len(n.index))
}
