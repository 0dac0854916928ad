package search

import (
	"math/bits"
	"slices"
	"sync"
)

// gram is three bytes that follow one another.
func gram(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

const gramSize = 3

// postings are the blocks of each gram of one field.
type postings struct {
	mu sync.RWMutex
	of map[uint32]*posting
}

// posting is a set of slots: a sorted list while they are few, then bits.
type posting struct {
	list []uint32
	bits bitset
}

// Beyond one slot of so many, bits are smaller than a list.
const sparse = 32

func (p *posting) add(slot uint32, slots int) {
	if p.bits != nil {
		p.bits = p.bits.set(slot)
		return
	}
	if n := len(p.list); n == 0 || p.list[n-1] < slot {
		p.list = append(p.list, slot)
	} else if i, found := slices.BinarySearch(p.list, slot); !found {
		p.list = slices.Insert(p.list, i, slot)
	}
	if len(p.list) > 8 && len(p.list)*sparse > slots {
		p.bits = make(bitset, (max(slots, int(p.list[len(p.list)-1])+1)+63)/64)
		for _, s := range p.list {
			p.bits = p.bits.set(s)
		}
		p.list = nil
	}
}

func (p *posting) len() int {
	if p.bits != nil {
		return len(p.bits) * 64 // at most; only to choose where to begin
	}
	return len(p.list)
}

func (p *postings) add(slot uint32, grams []uint32, slots int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range grams {
		at := p.of[g]
		if at == nil {
			at = new(posting)
			p.of[g] = at
		}
		at.add(slot, slots)
	}
}

func (p *postings) size() (n int64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, at := range p.of {
		n += int64(cap(at.list)*4+cap(at.bits)*8) + 80
	}
	return n
}

// blocks returns the slots that have all grams of a key, and about how many they are; nil when the key has no gram.
func (p *postings) blocks(key []byte) (bitset, int) {
	if len(key) < gramSize {
		return nil, 0
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	found := make([]*posting, 0, len(key))
	for i := range len(key) - gramSize + 1 {
		at := p.of[gram(key[i:])]
		if at == nil {
			return bitset{}, 0
		}
		found = append(found, at)
	}
	slices.SortFunc(found, func(a, b *posting) int { return a.len() - b.len() })
	var set bitset
	if first := found[0]; first.bits != nil {
		set = slices.Clone(first.bits)
	} else {
		set = make(bitset, first.list[len(first.list)-1]/64+1)
		for _, s := range first.list {
			set[s/64] |= 1 << (s % 64)
		}
	}
	for _, at := range found[1:] {
		if at.bits != nil {
			set.and(at.bits)
		} else {
			set.andList(at.list)
		}
	}
	n := 0
	for _, w := range set {
		n += bits.OnesCount64(w)
	}
	return set, n
}

// bitset is a set of slots.
type bitset []uint64

func (b bitset) has(slot uint32) bool { return int(slot/64) < len(b) && b[slot/64]>>(slot%64)&1 == 1 }

func (b bitset) set(slot uint32) bitset {
	for int(slot/64) >= len(b) {
		b = append(b, 0)
	}
	b[slot/64] |= 1 << (slot % 64)
	return b
}

func (b bitset) and(other bitset) {
	for i := range b {
		if i < len(other) {
			b[i] &= other[i]
		} else {
			b[i] = 0
		}
	}
}

func (b bitset) andList(list []uint32) {
	keep := make(bitset, len(b))
	for _, s := range list {
		if b.has(s) {
			keep[s/64] |= 1 << (s % 64)
		}
	}
	copy(b, keep)
}

// grams collects the different grams of texts. Its room is used again and again.
type grams struct {
	seen bitset
	list []uint32
}

func newGrams() *grams { return &grams{seen: make(bitset, 1<<24/64)} }

// of returns the grams of texts, which end with textEnd each; no gram crosses an end. What it returns holds until the next call.
func (g *grams) of(texts []byte) []uint32 {
	for _, s := range g.list {
		g.seen[s/64] = 0
	}
	g.list = g.list[:0]
	for i := 0; i+gramSize <= len(texts); i++ {
		s := gram(texts[i:])
		if byte(s) <= variant || byte(s>>8) <= variant || byte(s>>16) <= variant || g.seen[s/64]>>(s%64)&1 == 1 {
			continue
		}
		g.seen[s/64] |= 1 << (s % 64)
		g.list = append(g.list, s)
	}
	return g.list
}
