package search

import (
	"bytes"
	"slices"
)

// blockSize is how many documents a block has at most: as many as a word has bits.
const blockSize = 64

// A text ends with textEnd. What stands behind variant is another way to write it.
const (
	textEnd = 0x00
	variant = 0x01
)

// block is up to 64 documents that follow one another. It never changes.
type block struct {
	slot   uint32 // what postings call it
	ids    []ID
	data   []byte   // the texts of the first field, each with its end, then those of the second…
	ends   []uint32 // where a field ends in data; a field that no document has takes nothing
	facets []uint8  // of the first facet, by document, then of the second…
}

func (b *block) field(f int) []byte {
	start := uint32(0)
	if f > 0 {
		start = b.ends[f-1]
	}
	return b.data[start:b.ends[f]]
}

func (b *block) place(id ID) (int, bool) {
	return slices.BinarySearchFunc(b.ids, id, compare)
}

// all is every document of the block, as bits.
func (b *block) all() uint64 { return ^uint64(0) >> (blockSize - len(b.ids)) }

// match returns the documents of the block, as bits, for which everything holds.
func (b *block) match(words []word, facets []Facet) uint64 {
	all := b.all()
	mask := all
	for i := range facets {
		f := &facets[i]
		var allowed uint64
		for j, value := range b.facets[f.Facet*len(b.ids) : (f.Facet+1)*len(b.ids)] {
			if f.Allow[value] {
				allowed |= 1 << j
			}
		}
		if mask &= allowed; mask == 0 {
			return 0
		}
	}
	for i := range words {
		w := &words[i]
		var found uint64
		for j, f := range w.Fields {
			if w.blocks[j] == nil || w.blocks[j].has(b.slot) {
				if found |= find(b.field(f), w.key, w.Plain); found == all {
					break
				}
			}
		}
		if w.Not {
			found = ^found
		}
		if mask &= found; mask == 0 {
			return 0
		}
	}
	return mask
}

// find returns, as bits, the texts that contain key.
func find(texts, key []byte, plain bool) (found uint64) {
	for place := 0; len(texts) > 0; place++ {
		at := bytes.Index(texts, key)
		if at < 0 {
			return found
		}
		start := bytes.LastIndexByte(texts[:at], textEnd) + 1
		place += bytes.Count(texts[:start], []byte{textEnd})
		if !plain || bytes.IndexByte(texts[start:at], variant) < 0 {
			found |= 1 << place
		}
		texts = texts[at+bytes.IndexByte(texts[at:], textEnd)+1:]
	}
	return found
}

// stored is a document as a block has it: folded texts without their ends.
type stored struct {
	id     ID
	texts  [][]byte
	facets []uint8
}

func store(d *Document) stored {
	s := stored{id: d.ID, texts: make([][]byte, len(d.Texts)), facets: d.Facets}
	for i, t := range d.Texts {
		if t != "" {
			s.texts[i] = appendText(nil, t)
		}
	}
	return s
}

// documents takes a block apart.
func (b *block) documents(fields, facets int) []stored {
	out := make([]stored, len(b.ids))
	for i := range out {
		out[i] = stored{id: b.ids[i], texts: make([][]byte, fields), facets: make([]uint8, facets)}
		for f := range facets {
			out[i].facets[f] = b.facets[f*len(b.ids)+i]
		}
	}
	for f := range fields {
		rest := b.field(f)
		for i := 0; len(rest) > 0; i++ {
			end := bytes.IndexByte(rest, textEnd)
			out[i].texts[f], rest = rest[:end:end], rest[end+1:]
		}
	}
	return out
}

// pack puts documents, ordered by identifier, into a block.
func pack(slot uint32, list []stored, fields, facets int) *block {
	b := &block{slot: slot, ids: make([]ID, len(list)), ends: make([]uint32, fields), facets: make([]uint8, facets*len(list))}
	size := 0
	empty := make([]bool, fields)
	for f := range fields {
		n := 0
		for i := range list {
			n += len(list[i].texts[f])
		}
		if empty[f] = n == 0; n > 0 {
			size += n + len(list)
		}
	}
	b.data = make([]byte, 0, size)
	for f := range fields {
		if !empty[f] {
			for i := range list {
				b.data = append(append(b.data, list[i].texts[f]...), textEnd)
			}
		}
		b.ends[f] = uint32(len(b.data))
	}
	for i := range list {
		b.ids[i] = list[i].id
		for f := range facets {
			b.facets[f*len(list)+i] = list[i].facets[f]
		}
	}
	return b
}
