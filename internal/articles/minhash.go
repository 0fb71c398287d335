package articles

import (
	"encoding/binary"
	"hash/fnv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Near duplicates are found by MinHash (Broder, 1997) over shingles of words, banded for look-up (Leskovec, Rajaraman and
// Ullman, Mining of Massive Datasets, §3.4): two texts share a band with probability 1-(1-J^4)^16, J being the Jaccard
// similarity of their shingles: .998 at J=.75, .64 at .5, .12 at .3.
const (
	minhashValues = 64
	bandRows      = 4
	shingleWords  = 3
	// A text shorter than this has too few shingles to be like another.
	minhashWords = 40
	// nearDuplicate is the least similarity of two tellings of the same story. An agency's text to which the newspaper has
	// added a line and of which it has cut the last paragraphs has .7; two stories on the same event by different writers
	// have less than .1.
	nearDuplicate = 0.55
)

// minhash is the signature of a text, and its bands; nil for a text too short to be compared.
func minhash(text string) (signature, bands []int32) {
	words := strings.FieldsFunc(norm.NFC.String(strings.ToLower(text)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) < minhashWords {
		return nil, nil
	}
	var least [minhashValues]uint32
	for i := range least {
		least[i] = ^uint32(0)
	}
	for i := 0; i+shingleWords <= len(words); i++ {
		h := fnv.New64a()
		for _, w := range words[i : i+shingleWords] {
			_, _ = h.Write([]byte(w)) // into memory
			_, _ = h.Write([]byte{0})
		}
		base := h.Sum64()
		for k := range least {
			least[k] = min(least[k], uint32(mix(base^(uint64(k)+1)*0x9e3779b97f4a7c15)>>32))
		}
	}
	signature, bands = make([]int32, minhashValues), make([]int32, 0, minhashValues/bandRows)
	for k, v := range least {
		signature[k] = int32(v) //nolint:gosec // the bits are kept, whatever the sign
	}
	for b := 0; b < minhashValues; b += bandRows {
		h := fnv.New32a()
		_, _ = h.Write([]byte{byte(b)})
		for _, v := range least[b : b+bandRows] {
			_, _ = h.Write(binary.BigEndian.AppendUint32(nil, v))
		}
		bands = append(bands, int32(h.Sum32())) //nolint:gosec // as above
	}
	return signature, bands
}

// mix spreads the bits of x (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// similarity estimates the Jaccard similarity of two texts from their signatures: the share of equal values.
func similarity(a, b []int32) float64 {
	if len(a) != minhashValues || len(b) != minhashValues {
		return 0
	}
	equal := 0
	for i := range a {
		if a[i] == b[i] {
			equal++
		}
	}
	return float64(equal) / minhashValues
}
