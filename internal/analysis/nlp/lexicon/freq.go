package lexicon

// freqTable maps 32-bit hashes of forms to frequencies. About one in 20,000 forms that are not in it gets the frequency of
// another.
type freqTable struct {
	keys   []uint32 // 0 is empty
	values []byte   // Zipf value in steps of 0.05 above 1.5, plus 1
}

const (
	zipfFloor = 1.5
	zipfStep  = 0.05
)

func freqKey(s string) uint32 {
	k := uint32(mix(hash(s)))
	if k == 0 {
		return 1
	}
	return k
}

func newFreqTable(keys []uint32, values []byte) freqTable {
	t := freqTable{keys: make([]uint32, tableSize(len(keys))), values: nil}
	t.values = make([]byte, len(t.keys))
	mask := uint32(len(t.keys) - 1)
	for n, k := range keys {
		i := k * 0x9e3779b1 >> 7 & mask
		for t.keys[i] != 0 {
			i = (i + 1) & mask
		}
		t.keys[i], t.values[i] = k, values[n]
	}
	return t
}

func (t *freqTable) get(form string) float64 {
	k := freqKey(form)
	mask := uint32(len(t.keys) - 1)
	for i := k * 0x9e3779b1 >> 7 & mask; ; i = (i + 1) & mask {
		switch t.keys[i] {
		case 0:
			return 0
		case k:
			return zipfFloor + zipfStep*float64(t.values[i]-1)
		}
	}
}

// tableSize is a power of two such that n keys fill at most two thirds of the table.
func tableSize(n int) int {
	size := 4
	for size*2 < n*3 {
		size *= 2
	}
	return size
}
