package search

import (
	"fmt"
	"strings"
	"sync"
)

// recent remembers what the last queries that were much work have found. Blocks never change: what a query has found in a block
// that is still there holds, and only those that were replaced since are read again. So the second page of a common word costs as little as
// that of a rare one.
type recent struct {
	mu   sync.Mutex
	list []remembered // the last one last
}

type remembered struct {
	key     string
	matches *Matches
}

const mostRemembered = 16

func (q *Query) key() string {
	var b strings.Builder
	for _, w := range q.Words {
		fmt.Fprintf(&b, "%q %v %v %v|", Fold(w.Text), w.Fields, w.Plain, w.Not)
	}
	for _, f := range q.Facets {
		fmt.Fprintf(&b, "%d", f.Facet)
		for value, allowed := range f.Allow {
			if allowed {
				fmt.Fprintf(&b, " %d", value)
			}
		}
	}
	return b.String()
}

func (r *recent) put(key string, m *Matches) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.list {
		if r.list[i].key == key {
			r.list = append(r.list[:i], r.list[i+1:]...)
			break
		}
	}
	if len(r.list) == mostRemembered {
		r.list = append(r.list[:0], r.list[1:]...)
	}
	r.list = append(r.list, remembered{key, m})
}

// like returns what is known of a query for the blocks of a view.
func (r *recent) like(key string, v *view) known {
	r.mu.Lock()
	var m *Matches
	for i := range r.list {
		if r.list[i].key == key {
			m = r.list[i].matches
		}
	}
	r.mu.Unlock()
	if m == nil {
		return known{}
	}
	if m.view == v {
		return known{m, nil}
	}
	k := known{m, make([]int32, len(v.blocks))}
	old := m.view.blocks
	j := 0
	for i, b := range v.blocks {
		for j < len(old) && old[j] != b && compare(old[j].ids[0], b.ids[0]) < 0 {
			j++
		}
		k.at[i] = -1
		if j < len(old) && old[j] == b {
			k.at[i] = int32(j)
		}
	}
	return k
}

// known are earlier matches; at says where the blocks of the present view stand in theirs, -1 for nowhere, nil for the same place.
type known struct {
	m  *Matches
	at []int32
}

func (k known) mask(i int) (uint64, bool) {
	if k.m == nil {
		return 0, false
	}
	if k.at != nil {
		if i = int(k.at[i]); i < 0 {
			return 0, false
		}
	}
	return k.m.masks[i], true
}
