package forecast

import (
	"cmp"
	"slices"

	"openlearn/internal/cache/internal/spacesaving"
)

// Count is how often a key was asked for.
type Count struct {
	Key string
	N   float64
}

// Sketch counts the most asked keys in bounded memory (Space-Saving). It is safe for concurrent use.
type Sketch struct{ counts *spacesaving.Sketch }

// NewSketch makes a sketch of at most capacity keys (at least 1).
func NewSketch(capacity int) *Sketch { return &Sketch{spacesaving.New(capacity, 0)} }

// See counts one access.
func (s *Sketch) See(key string) { s.counts.See(key) }

// Take returns the most asked keys, at most that many, with the number of times they were certainly asked for, and
// starts over.
func (s *Sketch) Take(most int) []Count {
	taken := s.counts.Take()
	out := make([]Count, 0, len(taken))
	for _, c := range taken {
		atLeast, _ := c.Bounds()
		out = append(out, Count{c.Key(), float64(atLeast)})
	}
	slices.SortFunc(out, byCount)
	return slices.Clip(out[:min(most, len(out))])
}

// byCount orders the most asked first, and equal counts by name.
func byCount(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Key, b.Key)) }
