package cache

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// topKeys counts the most asked keys of this process in bounded memory: Space-Saving
// (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k
// Elements in Data Streams, ICDT 2005). Each shard keeps topPerShard keys; one
// that is not among them takes the place, and the count, of the least asked.
// So a kept count is too high by at most what it took over, and every key asked
// more often than its shard's least is kept. Counts are of the current window
// and the one before.
type topKeys struct {
	seed   maphash.Seed
	shards [topShards]topShard
}

const (
	topShards   = 16
	topPerShard = 64
	topWindow   = 5 * time.Minute
)

type topShard struct {
	turned atomic.Int64 // when the window began (monotonic ns)
	mu     sync.RWMutex
	now    topSketch
	before topSketch
	began  int64 // of the window before
	_      [32]byte
}

type topSketch struct {
	byKey map[string]*topCount
	list  []*topCount
}

type topCount struct {
	layer *layerState
	key   string
	n     atomic.Uint64
	over  uint64      // taken over: how much of n may be other keys'
	until int64       // end of its window (monotonic ns)
	gone  atomic.Bool // it has lost its place
}

func newTopKeys() *topKeys {
	h := &topKeys{seed: maphash.MakeSeed()}
	for i := range h.shards {
		h.shards[i].now.byKey = make(map[string]*topCount, topPerShard)
	}
	return h
}

// see counts one read at a monotonic time. key may be borrowed: it is copied
// if it is kept. The count may be kept by who comes often (see again).
func (h *topKeys) see(l *layerState, key string, at int64) *topCount {
	s := &h.shards[maphash.String(h.seed, key)%topShards]
	if at-s.turned.Load() < int64(topWindow) {
		s.mu.RLock()
		c := s.now.byKey[key]
		if c != nil {
			c.n.Add(1)
			s.mu.RUnlock()
			return c
		}
		s.mu.RUnlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(at)
	return s.now.add(l, key, s.turned.Load()+int64(topWindow))
}

// again counts one more read of a key that was seen before, without looking it
// up; false if its count is over.
func (c *topCount) again(at int64) bool {
	if c == nil || at >= c.until || c.gone.Load() {
		return false
	}
	c.n.Add(1)
	return true
}

// turn begins a new window when the current one is over.
func (s *topShard) turn(at int64) {
	began := s.turned.Load()
	switch age := at - began; {
	case age < int64(topWindow):
		return
	case age < 2*int64(topWindow):
		s.before, s.began = s.now, began
	default: // nobody came for a whole window
		s.before, s.began = topSketch{}, at
	}
	s.turned.Store(at)
	s.now = topSketch{byKey: make(map[string]*topCount, topPerShard)}
}

func (k *topSketch) add(l *layerState, key string, until int64) *topCount {
	if c := k.byKey[key]; c != nil {
		c.n.Add(1)
		return c
	}
	c := &topCount{layer: l, key: strings.Clone(key), until: until}
	if len(k.list) < topPerShard {
		k.list = append(k.list, c)
	} else {
		least := 0
		for i := range k.list {
			if k.list[i].n.Load() < k.list[least].n.Load() {
				least = i
			}
		}
		gone := k.list[least]
		gone.gone.Store(true)
		delete(k.byKey, gone.key)
		c.over = gone.n.Load()
		k.list[least] = c
	}
	c.n.Store(c.over + 1)
	k.byKey[c.key] = c
	return c
}

// floor is the most that a key which is not kept can have been asked.
func (k *topSketch) floor() uint64 {
	if len(k.list) < topPerShard {
		return 0
	}
	least := k.list[0].n.Load()
	for _, c := range k.list {
		least = min(least, c.n.Load())
	}
	return least
}

// TopKey is one of the most asked keys of this process.
type TopKey struct {
	Layer, ID string
	// AtLeast and AtMost enclose how often it was asked.
	AtLeast, AtMost uint64
}

// TopKeys lists the most asked keys of a layer ("" = of all) in this process, the
// most asked first, and since when they were counted: five to ten minutes ago,
// or the start.
func (c *Cache) TopKeys(layer string, most int) ([]TopKey, time.Time, error) {
	if layer != "" {
		if _, err := c.layer(layer); err != nil {
			return nil, time.Time{}, err
		}
	}
	var out []TopKey
	now := c.mono()
	since := now
	for i := range c.topKeys.shards {
		keys, began := c.topKeys.shards[i].top(layer, now)
		out = append(out, keys...)
		since = min(since, began)
	}
	slices.SortFunc(out, func(a, b TopKey) int {
		return cmp.Or(cmp.Compare(b.AtLeast, a.AtLeast), cmp.Compare(b.AtMost, a.AtMost), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(len(out), max(most, 0))], c.born.Add(time.Duration(since)), nil
}

func (s *topShard) top(layer string, now int64) (out []TopKey, since int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	since = s.turned.Load()
	if s.before.byKey != nil {
		since = s.began
	}
	for _, pair := range [2]struct{ of, other *topSketch }{{&s.now, &s.before}, {&s.before, &s.now}} {
		for _, c := range pair.of.list {
			twin := pair.other.byKey[c.key]
			if twin != nil && pair.of == &s.before || layer != "" && c.layer.Name != layer {
				continue // told with the current window's, or not asked for
			}
			n := c.n.Load()
			k := TopKey{Layer: c.layer.Name, ID: c.key[len(c.layer.keyPrefix):], AtLeast: n - c.over, AtMost: n}
			if twin != nil {
				m := twin.n.Load()
				k.AtLeast, k.AtMost = k.AtLeast+m-twin.over, k.AtMost+m
			} else {
				k.AtMost += pair.other.floor()
			}
			out = append(out, k)
		}
	}
	return out, since
}
