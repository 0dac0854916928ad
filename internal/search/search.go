// Package search finds documents of a few short texts by substring, in memory: it knows no database and no domain.
//
// Documents stand in blocks of up to 64, ordered by identifier. A block keeps the folded texts of its documents, one field after
// the other. For each field and each three bytes that follow one another (a character of Chinese is three bytes) a posting
// says in which blocks they occur. A search intersects the postings of its word and reads the texts of the blocks that are left; so the
// postings may say too much, never too little, and a search is exact. A result is a word of 64 bits for each block: counting it,
// turning to any page of it and testing a document in it cost next to nothing.
//
// Readers never wait: they work on the blocks as they were when they began.
package search

import (
	"bytes"
	"encoding/hex"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// ID identifies a document; documents are ordered by it.
type ID [12]byte

// ParseID reads 24 lower-case hexadecimal digits.
func ParseID(s string) (id ID, ok bool) {
	if len(s) != 2*len(id) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}

func (id ID) String() string { return hex.EncodeToString(id[:]) }

func compare(a, b ID) int { return bytes.Compare(a[:], b[:]) }

// Document is what is found. Texts has one text for each field of the index, as a person wrote it; Facets has one value for each
// facet.
type Document struct {
	ID     ID
	Texts  []string
	Facets []uint8
}

// Index holds documents. It is safe for use by many goroutines; New makes one.
type Index struct {
	fields, facets int
	postings       []postings // by field
	now            atomic.Pointer[view]
	recent         recent
	large          int // largeWork

	writing sync.Mutex
	slots   uint32   // given to blocks so far
	free    []uint32 // given back
}

// New makes an empty index for documents of that many texts and facets.
func New(fields, facets int) *Index {
	x := &Index{fields: fields, facets: facets, postings: make([]postings, fields), large: largeWork}
	for i := range x.postings {
		x.postings[i].of = make(map[uint32]*posting)
	}
	x.now.Store(&view{})
	return x
}

// Len is the number of documents.
func (x *Index) Len() int { return x.now.Load().n }

// Size is about how many bytes of memory the index holds.
func (x *Index) Size() int64 {
	var n int64
	for _, b := range x.now.Load().blocks {
		n += int64(cap(b.data)+len(b.facets)+len(b.ids)*len(ID{})) + 160
	}
	for i := range x.postings {
		n += x.postings[i].size()
	}
	return n
}

// view is the index at one moment. It never changes.
type view struct {
	blocks []*block // not empty, by identifier
	n      int
}

// find is the position of the block that has the identifier, or would.
func (v *view) find(id ID) int {
	i, found := slices.BinarySearchFunc(v.blocks, id, func(b *block, id ID) int { return compare(b.ids[0], id) })
	if !found && i > 0 {
		i--
	}
	return i
}

// Query selects documents; all its conditions hold for what it selects.
type Query struct {
	Words  []Word
	Facets []Facet
}

// Word is a text that one of the fields has to contain, whatever the case and width of its characters.
type Word struct {
	Text   string
	Fields []int
	Plain  bool // as it is written only: not in the pinyin of Chinese characters
	Not    bool // no field may contain it
}

// Facet is a facet and the values that it may have.
type Facet struct {
	Facet int
	Allow [256]bool
}

// word is a Word made ready.
type word struct {
	Word
	key    []byte
	blocks []bitset // by place in Fields: the slots that may have it; nil where all may
}

// Match returns the documents that a query selects: those whose Apply returned before are as that left them.
func (x *Index) Match(q Query) *Matches {
	v := x.now.Load() // before the postings are read: they say at least what this view has
	m := &Matches{view: v, masks: make([]uint64, len(v.blocks))}
	if len(q.Words) == 0 && len(q.Facets) == 0 {
		for i, b := range v.blocks {
			m.masks[i] = b.all()
		}
		m.n = v.n
		return m
	}
	words := make([]word, len(q.Words))
	work := 0
	for i, w := range q.Words {
		words[i] = word{Word: w, key: []byte(Fold(w.Text)), blocks: make([]bitset, len(w.Fields))}
		for j, f := range w.Fields {
			set, n := x.postings[f].blocks(words[i].key)
			if set == nil {
				n = len(v.blocks)
			}
			words[i].blocks[j] = set
			work += n
		}
	}
	part := func(from, to int) {
		for i := from; i < to; i++ {
			m.masks[i] = v.blocks[i].match(words, q.Facets)
		}
	}
	if work <= x.large {
		part(0, len(v.blocks))
	} else {
		key := q.key()
		known := x.recent.like(key, v)
		part = func(from, to int) {
			for i := from; i < to; i++ {
				if mask, ok := known.mask(i); ok {
					m.masks[i] = mask
				} else {
					m.masks[i] = v.blocks[i].match(words, q.Facets)
				}
			}
		}
		inParts(len(v.blocks), part)
		x.recent.put(key, m.clone())
	}
	m.count()
	return m
}

// largeWork is how many blocks a query has to read to do so on several processors, and to be remembered.
const largeWork = 512

// inParts calls part for all of 0…n, on several processors.
func inParts(n int, part func(from, to int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 8) {
		wg.Go(func() {
			const step = 128
			for {
				from := int(next.Add(step)) - step
				if from >= n {
					return
				}
				part(from, min(from+step, n))
			}
		})
	}
	wg.Wait()
}

// Matches are the documents that a query selected, as the index was then. They never change but by And and Or.
type Matches struct {
	view  *view
	masks []uint64
	n     int
}

func (m *Matches) count() {
	m.n = 0
	for _, w := range m.masks {
		m.n += bits.OnesCount64(w)
	}
}

// Len is the number of documents.
func (m *Matches) Len() int { return m.n }

// Has reports whether a document is among them.
func (m *Matches) Has(id ID) bool {
	if len(m.view.blocks) == 0 {
		return false
	}
	i := m.view.find(id)
	if m.masks[i] == 0 {
		return false
	}
	j, found := m.view.blocks[i].place(id)
	return found && m.masks[i]>>j&1 == 1
}

// Page returns up to limit documents after the first offset ones, the greatest identifier first, or with ascending the least.
func (m *Matches) Page(offset, limit int, ascending bool) []ID {
	out := make([]ID, 0, min(limit, m.n))
	for i := range m.masks {
		if !ascending {
			i = len(m.masks) - 1 - i
		}
		w := m.masks[i]
		n := bits.OnesCount64(w)
		if offset >= n {
			offset -= n
			continue
		}
		for w != 0 && len(out) < limit {
			j := bits.TrailingZeros64(w)
			if !ascending {
				j = 63 - bits.LeadingZeros64(w)
			}
			w &^= 1 << j
			if offset > 0 {
				offset--
				continue
			}
			out = append(out, m.view.blocks[i].ids[j])
		}
		if len(out) == limit {
			break
		}
	}
	return out
}

// Or adds the documents of another index that are in this one, too.
func (m *Matches) Or(other *Matches) {
	for i, w := range other.masks {
		for ; w != 0; w &= w - 1 {
			m.set(other.view.blocks[i].ids[bits.TrailingZeros64(w)])
		}
	}
	m.count()
}

func (m *Matches) set(id ID) {
	if len(m.view.blocks) == 0 {
		return
	}
	i := m.view.find(id)
	if j, found := m.view.blocks[i].place(id); found {
		m.masks[i] |= 1 << j
	}
}

func (m *Matches) clone() *Matches {
	return &Matches{view: m.view, masks: slices.Clone(m.masks), n: m.n}
}

// And keeps those documents for which keep holds.
func (m *Matches) And(keep func(ID) bool) {
	for i, w := range m.masks {
		for rest := w; rest != 0; rest &= rest - 1 {
			j := bits.TrailingZeros64(rest)
			if !keep(m.view.blocks[i].ids[j]) {
				m.masks[i] &^= 1 << j
			}
		}
	}
	m.count()
}
