package seq

import (
	"fmt"
	"math"
	"slices"

	"openlearn/internal/analysis/nlp/pack"
)

// Weights maps features to weights of labels: sparse, quantised, immutable.
type Weights struct {
	labels int
	slots  []slot // open addressing
	items  []item
	scale  float32
}

// slot is an entry of the hash table: a feature's key, 0 if the slot is empty, and where its weights begin in items. The low bit
// of the label byte marks the last one.
type slot struct{ key, first uint32 }

type item struct {
	label byte // the label, doubled; odd for the last of a feature
	value int8
}

// Sparse makes Weights from dense ones, feature-major, dropping those below least in absolute value.
func Sparse(f *Features, dense []float32, labels int, least float32) *Weights {
	top := float32(0)
	for _, w := range dense {
		top = max(top, float32(math.Abs(float64(w))))
	}
	if top == 0 {
		top = 1
	}
	w := &Weights{labels: labels, scale: top / (127 * 127)}
	order := make([]int, f.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case f.keys[a] < f.keys[b]:
			return -1
		case f.keys[a] > f.keys[b]:
			return 1
		}
		return 0
	})
	var keys, first []uint32
	for _, n := range order {
		begin := len(w.items)
		for l := range labels {
			x := dense[n*labels+l]
			if float32(math.Abs(float64(x))) < least {
				continue
			}
			if q := quantise(x / w.scale); q != 0 {
				w.items = append(w.items, item{byte(l) << 1, q})
			}
		}
		if len(w.items) > begin {
			w.items[len(w.items)-1].label |= 1
			keys = append(keys, f.keys[n])
			first = append(first, uint32(begin))
		}
	}
	w.build(keys, first)
	return w
}

func (w *Weights) build(keys, first []uint32) {
	size := 4
	for size*2 < len(keys)*3 {
		size *= 2
	}
	w.slots = make([]slot, size)
	mask := uint32(size - 1)
	for n, k := range keys {
		i := k * 0x9e3779b1 >> 5 & mask
		for w.slots[i].key != 0 {
			i = (i + 1) & mask
		}
		w.slots[i] = slot{k, first[n]}
	}
}

// quantise takes the signed square root: small weights are many and need small steps, large ones are few.
func quantise(x float32) int8 {
	q := math.Round(math.Sqrt(math.Abs(float64(x))))
	if x < 0 {
		q = -q
	}
	return int8(max(-127, min(127, q)))
}

// squares undoes quantise.
var squares = func() (t [256]int32) {
	for q := -127; q <= 127; q++ {
		v := int32(q * q)
		if q < 0 {
			v = -v
		}
		t[uint8(int8(q))] = v
	}
	return t
}()

// Add adds the weights of features to the scores of labels, in units of Scale. Most of the time goes into waiting for memory, so
// the slots of many features are read before any is looked at: their reads overlap.
func (w *Weights) Add(scores []int32, features []uint64) {
	const batch = 64
	var slots [batch]slot
	var begins [batch]uint32
	var items [batch]item
	mask := uint32(len(w.slots) - 1)
	for len(features) > 0 {
		part := features[:min(batch, len(features))]
		features = features[len(part):]
		for j, f := range part {
			slots[j] = w.slots[key(f)*0x9e3779b1>>5&mask]
		}
		n := 0
		for j, f := range part {
			s, k := slots[j], key(f)
			for i := k * 0x9e3779b1 >> 5; s.key != k && s.key != 0; {
				i++
				s = w.slots[i&mask]
			}
			if s.key == k {
				begins[n] = s.first
				n++
			}
		}
		for j, b := range begins[:n] {
			items[j] = w.items[b]
		}
		for j, b := range begins[:n] {
			it := items[j]
			for {
				scores[it.label>>1] += squares[uint8(it.value)]
				if it.label&1 == 1 {
					break
				}
				b++
				it = w.items[b]
			}
		}
	}
}

// Scale is the value of one unit of Add.
func (w *Weights) Scale() float32 { return w.scale }

// Len is the number of weights.
func (w *Weights) Len() int { return len(w.items) }

// Write adds the weights to a model file.
func (w *Weights) Write(out *pack.Writer) {
	var slots []slot
	for _, s := range w.slots {
		if s.key != 0 {
			slots = append(slots, s)
		}
	}
	slices.SortFunc(slots, func(a, b slot) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	out.Uint(uint64(w.labels))
	out.Float(float64(w.scale))
	out.Uint(uint64(len(slots)))
	out.Uint(uint64(len(w.items)))
	last := uint32(0)
	for _, s := range slots {
		out.Uint(uint64(s.key - last))
		last = s.key
	}
	each := func(do func(item)) {
		for _, s := range slots {
			for j := s.first; ; j++ {
				do(w.items[j])
				if w.items[j].label&1 == 1 {
					break
				}
			}
		}
	}
	// Labels and values are separate: each compresses better among its own kind.
	each(func(it item) { out.Byte(it.label) })
	each(func(it item) { out.Byte(byte(it.value)) })
}

// ReadWeights reads what Write wrote.
func ReadWeights(in *pack.Reader) (*Weights, error) {
	w := &Weights{labels: int(in.Uint()), scale: float32(in.Float())}
	n := in.Count(1)
	m := in.Count(2)
	keys := make([]uint32, n)
	last := uint32(0)
	for i := range keys {
		last += uint32(in.Uint())
		keys[i] = last
	}
	labels, values := in.Bytes(m), in.Bytes(m)
	if err := in.Err(); err != nil {
		return nil, err
	}
	w.items = make([]item, m)
	first := make([]uint32, 0, n)
	begins := true
	for i := range w.items {
		w.items[i] = item{labels[i], int8(values[i])}
		if int(labels[i]>>1) >= w.labels {
			return nil, fmt.Errorf("weight %d is for label %d of %d", i, labels[i]>>1, w.labels)
		}
		if begins {
			first = append(first, uint32(i))
		}
		begins = labels[i]&1 == 1
	}
	if len(first) != n || !begins {
		return nil, fmt.Errorf("%d features, weights for %d", n, len(first))
	}
	w.build(keys, first)
	return w, nil
}
