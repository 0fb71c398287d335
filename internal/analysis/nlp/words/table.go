// Package words holds word lists compactly: a read-only map from words to small numbers, packed for embedding. A Table is
// safe for concurrent use.
package words

import (
	"slices"

	"openlearn/internal/analysis/nlp/pack"
)

// Table maps words to values.
type Table struct {
	arena  []byte
	starts []uint32 // word i is arena[starts[i]:starts[i+1]]
	values []uint16
	slots  []uint32 // open addressing; index+1 of the word, 0 is free
	mask   uint32
}

// Lookup is the value of a word.
func (t *Table) Lookup(word string) (uint16, bool) {
	if t == nil || len(t.slots) == 0 {
		return 0, false
	}
	for i := hash(word) & t.mask; ; i = (i + 1) & t.mask {
		k := t.slots[i]
		if k == 0 {
			return 0, false
		}
		if string(t.arena[t.starts[k-1]:t.starts[k]]) == word {
			return t.values[k-1], true
		}
	}
}

// Len is the number of words.
func (t *Table) Len() int { return len(t.values) }

// All calls yield with every word in byte order.
func (t *Table) All(yield func(word string, value uint16) bool) {
	for i := range t.values {
		if !yield(string(t.arena[t.starts[i]:t.starts[i+1]]), t.values[i]) {
			return
		}
	}
}

// hash is FNV-1a.
func hash(s string) uint32 {
	h := uint32(2166136261)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h ^ h>>15
}

// New makes a table.
func New(values map[string]uint16) *Table {
	sorted := make([]string, 0, len(values))
	for w := range values {
		sorted = append(sorted, w)
	}
	slices.Sort(sorted)
	t := &Table{starts: make([]uint32, 1, len(sorted)+1)}
	for _, w := range sorted {
		t.arena = append(t.arena, w...)
		t.starts = append(t.starts, uint32(len(t.arena)))
		t.values = append(t.values, values[w])
	}
	t.index()
	return t
}

func (t *Table) index() {
	size := uint32(8)
	for size < uint32(len(t.values))*3/2+1 {
		size *= 2
	}
	t.slots, t.mask = make([]uint32, size), size-1
	for k := range t.values {
		i := hash(string(t.arena[t.starts[k]:t.starts[k+1]])) & t.mask
		for t.slots[i] != 0 {
			i = (i + 1) & t.mask
		}
		t.slots[i] = uint32(k) + 1
	}
}

// Write adds the table to a pack.
func (t *Table) Write(w *pack.Writer) {
	list := make([]string, 0, len(t.values))
	for word := range t.All {
		list = append(list, word)
	}
	w.Sorted(list)
	for _, v := range t.values {
		w.Byte(byte(v >> 8))
	}
	for _, v := range t.values {
		w.Byte(byte(v))
	}
}

// Read reads a table from a pack; the reader's Err says whether it was complete.
func Read(r *pack.Reader) *Table {
	list := r.Sorted()
	high, low := r.Bytes(len(list)), r.Bytes(len(list))
	if r.Err() != nil {
		return &Table{}
	}
	t := &Table{starts: make([]uint32, 1, len(list)+1), values: make([]uint16, len(list))}
	for i, w := range list {
		t.arena = append(t.arena, w...)
		t.starts = append(t.starts, uint32(len(t.arena)))
		t.values[i] = uint16(high[i])<<8 | uint16(low[i])
	}
	t.index()
	return t
}
