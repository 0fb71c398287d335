// Package seq labels sequences with linear models over hashed features: a second-order averaged perceptron with few
// candidates per position, and a first-order conditional random field. Training is deterministic.
package seq

// Hash is the hash of a string, to be combined into features with Feature.
func Hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// Feature combines the number of a template with its values.
func Feature(template int, parts ...uint64) uint64 {
	h := uint64(template+1) * 0x9e3779b97f4a7c15
	for _, p := range parts {
		h = (h ^ p) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h
}

// Feature1 is Feature for one part, without a slice.
func Feature1(template int, p uint64) uint64 {
	h := (uint64(template+1)*0x9e3779b97f4a7c15 ^ p) * 0xff51afd7ed558ccd
	return h ^ h>>32
}

// Feature2 is Feature for two parts.
func Feature2(template int, p, q uint64) uint64 {
	h := (uint64(template+1)*0x9e3779b97f4a7c15 ^ p) * 0xff51afd7ed558ccd
	h ^= h >> 32
	h = (h ^ q) * 0xff51afd7ed558ccd
	return h ^ h>>32
}

func key(feature uint64) uint32 {
	k := uint32(feature ^ feature>>29)
	if k == 0 {
		return 1
	}
	return k
}

// Features numbers the features of a training set.
type Features struct {
	index map[uint32]int32
	keys  []uint32
	count []int32
}

// NewFeatures makes an empty set.
func NewFeatures() *Features { return &Features{index: map[uint32]int32{}} }

// Len is the number of features.
func (f *Features) Len() int { return len(f.keys) }

// Add numbers the features of one position.
func (f *Features) Add(features []uint64) []int32 {
	out := make([]int32, len(features))
	for i, x := range features {
		k := key(x)
		n, ok := f.index[k]
		if !ok {
			n = int32(len(f.keys))
			f.index[k] = n
			f.keys = append(f.keys, k)
			f.count = append(f.count, 0)
		}
		f.count[n]++
		out[i] = n
	}
	return out
}

// Adopt renumbers features that another set numbered, in place.
func (f *Features) Adopt(from *Features, positions [][]int32) {
	for _, features := range positions {
		for i, n := range features {
			k := from.keys[n]
			own, ok := f.index[k]
			if !ok {
				own = int32(len(f.keys))
				f.index[k] = own
				f.keys = append(f.keys, k)
				f.count = append(f.count, 0)
			}
			f.count[own]++
			features[i] = own
		}
	}
}

// Prune drops features that occur fewer than least times and renumbers those of the positions.
func (f *Features) Prune(least int32, positions [][][]int32) {
	renumber := make([]int32, len(f.keys))
	kept := &Features{index: map[uint32]int32{}}
	for n, k := range f.keys {
		renumber[n] = -1
		if f.count[n] >= least {
			renumber[n] = int32(len(kept.keys))
			kept.index[k] = renumber[n]
			kept.keys = append(kept.keys, k)
			kept.count = append(kept.count, f.count[n])
		}
	}
	*f = *kept
	for _, sentence := range positions {
		for i, features := range sentence {
			out := features[:0]
			for _, n := range features {
				if renumber[n] >= 0 {
					out = append(out, renumber[n])
				}
			}
			sentence[i] = out
		}
	}
}
