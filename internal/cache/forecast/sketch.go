package forecast

import (
	"cmp"
	"slices"
	"sync"
)

// Count is how often a key was asked for.
type Count struct {
	Key string
	N   float64
}

// Sketch counts the most asked keys in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi: Efficient Computation
// of Frequent and Top-k Elements in Data Streams, ICDT 2005) on a heap, so that a key that is new costs O(log capacity).
// It is safe for concurrent use.
type Sketch struct {
	capacity int

	mu    sync.Mutex
	byKey map[string]*counter
	heap  []*counter // least asked first
}

type counter struct {
	key     string
	n, over uint64 // over: what it took from the key whose place it has
	at      int    // in the heap
}

// NewSketch makes a sketch of at most capacity keys (at least 1).
func NewSketch(capacity int) *Sketch {
	return &Sketch{capacity: max(capacity, 1), byKey: map[string]*counter{}}
}

// See counts one access.
func (s *Sketch) See(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.byKey[key]
	switch {
	case c != nil:
	case len(s.heap) < s.capacity:
		c = &counter{key: key, at: len(s.heap)}
		s.heap = append(s.heap, c)
		s.byKey[key] = c
		s.up(c.at) // its count is 0
	default:
		c = s.heap[0]
		delete(s.byKey, c.key)
		c.key, c.over = key, c.n
		s.byKey[key] = c
	}
	c.n++
	s.down(c.at)
}

// Take returns the most asked keys, at most that many, with what they were asked for certain, and begins anew.
func (s *Sketch) Take(most int) []Count {
	s.mu.Lock()
	heap := s.heap
	s.heap, s.byKey = nil, map[string]*counter{}
	s.mu.Unlock()
	out := make([]Count, 0, len(heap))
	for _, c := range heap {
		out = append(out, Count{c.key, float64(c.n - c.over)})
	}
	slices.SortFunc(out, byCount)
	return slices.Clip(out[:min(most, len(out))])
}

// byCount orders the most asked first, equals by name.
func byCount(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Key, b.Key)) }

func (s *Sketch) up(i int) {
	for i > 0 && s.heap[i].n < s.heap[(i-1)/2].n {
		s.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (s *Sketch) down(i int) {
	for {
		least := 2*i + 1
		if least >= len(s.heap) {
			return
		}
		if right := least + 1; right < len(s.heap) && s.heap[right].n < s.heap[least].n {
			least = right
		}
		if s.heap[i].n <= s.heap[least].n {
			return
		}
		s.swap(i, least)
		i = least
	}
}

func (s *Sketch) swap(i, j int) {
	h := s.heap
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}
