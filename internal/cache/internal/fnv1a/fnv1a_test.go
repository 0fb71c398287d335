package fnv1a

import (
	"hash/fnv"
	"testing"
)

// It is the algorithm of the standard library, in one piece and in several.
func TestItIsFNV1a(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a", "article:42", "source:El Tiempo", "ñ\x00\xff"} {
		h := fnv.New64a()
		_, _ = h.Write([]byte(s))
		if got := Sum(s); got != h.Sum64() {
			t.Errorf("%q: %x, want %x", s, got, h.Sum64())
		}
		if half := len(s) / 2; Add(Sum(s[:half]), s[half:]) != Sum(s) {
			t.Errorf("%q: another hash when it comes in two parts", s)
		}
	}
}
