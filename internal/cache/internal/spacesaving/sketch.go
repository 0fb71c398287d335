// Package spacesaving counts the most frequent keys of a stream in bounded
// memory: Space-Saving (Metwally, Agrawal, El Abbadi: Efficient Computation of
// Frequent and Top-k Elements in Data Streams, ICDT 2005). A sketch keeps a
// fixed number of keys; a new key takes the place, and the count, of the least
// frequent. So a count is too high by at most what it took over, and every key
// more frequent than the least is kept.
package spacesaving

import (
	"strings"
	"sync"
	"sync/atomic"
)

// Sketch counts keys. It is safe for concurrent use.
type Sketch struct {
	capacity int
	until    int64

	mu    sync.RWMutex
	byKey map[string]*Counter
	// heap has the smallest weight first. Counts grow without the heap: a
	// weight is what the count was when it was last read, so it is never too
	// high.
	heap []*Counter
}

// Counter is the count of one key.
type Counter struct {
	key    string
	n      atomic.Uint64
	over   uint64 // count of the key whose place it took
	until  int64
	gone   atomic.Bool // it has lost its place
	weight uint64      // in the heap
}

// New makes a sketch of at most capacity keys (at least 1). Its counters count
// directly (see Again) until then; 0 = for ever.
func New(capacity int, until int64) *Sketch {
	return &Sketch{capacity: max(capacity, 1), until: until, byKey: make(map[string]*Counter)}
}

// See counts one occurrence. The key may be borrowed: it is copied if it is
// kept.
func (s *Sketch) See(key string) *Counter {
	s.mu.RLock()
	c := s.byKey[key]
	if c != nil {
		c.n.Add(1)
	}
	s.mu.RUnlock()
	if c != nil {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.byKey[key]; c != nil {
		c.n.Add(1)
		return c
	}
	c = &Counter{key: strings.Clone(key), until: s.until}
	s.byKey[c.key] = c
	if len(s.heap) < s.capacity {
		c.n.Store(1)
		c.weight = 1
		s.heap = append(s.heap, c)
		s.up(len(s.heap) - 1)
		return c
	}
	least := s.least()
	least.gone.Store(true)
	delete(s.byKey, least.key)
	c.over = least.n.Load()
	c.n.Store(c.over + 1)
	c.weight = c.over + 1
	s.heap[0] = c
	s.down(0)
	return c
}

// Again counts one more occurrence of a key that was seen before, without
// looking it up; it returns false if the counter no longer counts.
func (c *Counter) Again(at int64) bool {
	if c == nil || c.until != 0 && at >= c.until || c.gone.Load() {
		return false
	}
	c.n.Add(1)
	return true
}

// Key is what is counted.
func (c *Counter) Key() string { return c.key }

// Bounds enclose how often the key was seen.
func (c *Counter) Bounds() (atLeast, atMost uint64) {
	n := c.n.Load()
	return n - c.over, n
}

// Find returns the counter of a key, nil if it is not kept.
func (s *Sketch) Find(key string) *Counter {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byKey[key]
}

// Counters returns all counters that are kept, in no order.
func (s *Sketch) Counters() []*Counter {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return append([]*Counter(nil), s.heap...)
}

// Floor is how often a key that is not kept can have been seen at most.
func (s *Sketch) Floor() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heap) < s.capacity {
		return 0
	}
	return s.least().n.Load()
}

// Take returns all counters that are kept and starts over.
func (s *Sketch) Take() []*Counter {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.heap
	s.heap, s.byKey = nil, make(map[string]*Counter)
	return taken
}

// least brings the smallest count to the top. A weight that has grown sinks;
// once the weight at the top has not grown, no count below is smaller.
func (s *Sketch) least() *Counter {
	for range s.heap { // bounded, since counts may grow meanwhile
		top := s.heap[0]
		n := top.n.Load()
		if n == top.weight {
			break
		}
		top.weight = n
		s.down(0)
	}
	return s.heap[0]
}

func (s *Sketch) up(i int) {
	for i > 0 && s.heap[i].weight < s.heap[(i-1)/2].weight {
		s.heap[i], s.heap[(i-1)/2] = s.heap[(i-1)/2], s.heap[i]
		i = (i - 1) / 2
	}
}

func (s *Sketch) down(i int) {
	for {
		least := 2*i + 1
		if least >= len(s.heap) {
			return
		}
		if right := least + 1; right < len(s.heap) && s.heap[right].weight < s.heap[least].weight {
			least = right
		}
		if s.heap[i].weight <= s.heap[least].weight {
			return
		}
		s.heap[i], s.heap[least] = s.heap[least], s.heap[i]
		i = least
	}
}
