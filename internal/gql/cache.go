package gql

import (
	"container/list"
	"sync"
)

// cache keeps the most recently used entries, no more than max of them, whose costs add up to no more than budget.
type cache[K comparable, V any] struct {
	mu     sync.Mutex
	max    int
	budget int
	used   int
	byKey  map[K]*list.Element
	order  list.List // of *entry[K, V], newest first
}

type entry[K comparable, V any] struct {
	key   K
	value V
	cost  int
}

func newCache[K comparable, V any](max, budget int) *cache[K, V] {
	return &cache[K, V]{max: max, budget: budget, byKey: map[K]*list.Element{}}
}

func (c *cache[K, V]) get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// put keeps value unless it alone is over an eighth of the budget, or key is there already.
func (c *cache[K, V]) put(key K, value V, cost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[key]; ok || cost > c.budget/8 {
		return
	}
	c.byKey[key] = c.order.PushFront(&entry[K, V]{key, value, cost})
	for c.used += cost; c.used > c.budget || len(c.byKey) > c.max; {
		last := c.order.Remove(c.order.Back()).(*entry[K, V])
		delete(c.byKey, last.key)
		c.used -= last.cost
	}
}
