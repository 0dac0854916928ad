package search

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Load fills an empty index. next returns the documents in ascending order, some thousand at a time, and none at the end; its
// error ends Load. Until Load returns nobody sees any.
func (x *Index) Load(next func() ([]Document, error)) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	type batch struct {
		n    int
		list []Document
	}
	var (
		batches = make(chan batch, 2)
		mu      sync.Mutex
		done    [][]*block // by batch
		slots   atomic.Uint32
		wg      sync.WaitGroup
		total   int
		failed  error
	)
	for range min(runtime.GOMAXPROCS(0), 8) {
		wg.Go(func() {
			g := newGrams()
			for b := range batches {
				var blocks []*block
				for part := range slices.Chunk(b.list, blockSize) {
					list := make([]stored, len(part))
					for i := range part {
						list[i] = store(&part[i])
					}
					blocks = append(blocks, pack(slots.Add(1)-1, list, x.fields, x.facets))
					x.announce(g, blocks[len(blocks)-1], int(slots.Load()))
				}
				mu.Lock()
				for len(done) <= b.n {
					done = append(done, nil)
				}
				done[b.n] = blocks
				mu.Unlock()
			}
		})
	}
	for n := 0; ; n++ {
		list, err := next()
		if err != nil || len(list) == 0 {
			failed = err
			break
		}
		total += len(list)
		batches <- batch{n, list}
	}
	close(batches)
	wg.Wait()
	if failed != nil {
		return failed
	}
	x.slots = slots.Load()
	x.now.Store(&view{slices.Concat(done...), total})
	return nil
}

// announce tells the postings what a block has.
func (x *Index) announce(g *grams, b *block, slots int) {
	for f := range x.fields {
		if texts := b.field(f); len(texts) > 0 {
			x.postings[f].add(b.slot, g.of(texts), slots)
		}
	}
}

// Apply puts documents into the index, in place of those with their identifiers, and takes others out; who is not in it is passed over.
// All of it is seen at once.
func (x *Index) Apply(put []Document, gone []ID) {
	if len(put) == 0 && len(gone) == 0 {
		return
	}
	type change struct {
		id  ID
		doc *Document // nil to remove
	}
	changes := make([]change, 0, len(put)+len(gone))
	for i := range put {
		changes = append(changes, change{put[i].ID, &put[i]})
	}
	for _, id := range gone {
		changes = append(changes, change{id: id})
	}
	slices.SortStableFunc(changes, func(a, b change) int { return compare(a.id, b.id) })

	x.writing.Lock()
	defer x.writing.Unlock()
	old := x.now.Load()
	next := &view{blocks: slices.Clone(old.blocks), n: old.n}
	for len(changes) > 0 {
		at, n := 0, len(changes)
		var list []stored
		if len(next.blocks) > 0 {
			at = next.find(changes[0].id)
			if at+1 < len(next.blocks) {
				// Those that belong into the blocks behind wait for their turn.
				limit := next.blocks[at+1].ids[0]
				n, _ = slices.BinarySearchFunc(changes, limit, func(c change, id ID) int { return compare(c.id, id) })
			}
			list = next.blocks[at].documents(x.fields, x.facets)
		}
		before := len(list)
		for _, c := range changes[:n] {
			i, found := slices.BinarySearchFunc(list, c.id, func(s stored, id ID) int { return compare(s.id, id) })
			switch {
			case c.doc != nil && found:
				list[i] = store(c.doc)
			case c.doc != nil:
				list = slices.Insert(list, i, store(c.doc))
			case found:
				list = slices.Delete(list, i, i+1)
			}
		}
		changes = changes[n:]
		next.n += len(list) - before
		next.blocks = x.replace(next.blocks, at, list)
	}
	x.now.Store(next)
}

// replace puts documents in the place of a block, into as many blocks as they need.
func (x *Index) replace(blocks []*block, at int, list []stored) []*block {
	var slots []uint32
	last := at >= len(blocks)-1
	if at < len(blocks) {
		slots = append(slots, blocks[at].slot)
		blocks = slices.Delete(blocks, at, at+1)
	}
	size := blockSize
	if len(list) > blockSize && !last {
		size = blockSize * 3 / 4 // room for the next one in the middle; at the end, blocks are filled up
	}
	g := x.room()
	for i, part := 0, list; len(part) > 0; i++ {
		n := min(size, len(part))
		if i == len(slots) {
			slots = append(slots, x.slot())
		}
		b := pack(slots[i], part[:n], x.fields, x.facets)
		x.announce(g, b, int(x.slots))
		blocks = slices.Insert(blocks, at+i, b)
		part = part[n:]
	}
	if len(list) == 0 {
		x.free = append(x.free, slots...)
	}
	rooms.Put(g)
	return blocks
}

// rooms keeps the two megabytes that collecting grams takes.
var rooms = sync.Pool{New: func() any { return newGrams() }}

func (x *Index) room() *grams { return rooms.Get().(*grams) }

func (x *Index) slot() uint32 {
	if n := len(x.free); n > 0 {
		s := x.free[n-1]
		x.free = x.free[:n-1]
		return s
	}
	x.slots++
	return x.slots - 1
}
