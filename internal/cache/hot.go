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

// hot counts the most asked keys of this process in bounded memory: Space-Saving
// (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k
// Elements in Data Streams, ICDT 2005). Each shard keeps hotPerShard keys; one
// that is not among them takes the place, and the count, of the least asked.
// So a kept count is too high by at most what it took over, and every key asked
// more often than its shard's least is kept. Counts are of the current window
// and the one before.
type hot struct {
	seed   maphash.Seed
	shards [hotShards]hotShard
}

const (
	hotShards   = 16
	hotPerShard = 64
	hotWindow   = 5 * time.Minute
)

type hotShard struct {
	turned atomic.Int64 // when the window began (monotonic ns)
	mu     sync.RWMutex
	now    hotSketch
	before hotSketch
	began  int64 // of the window before
	_      [32]byte
}

type hotSketch struct {
	byKey map[string]*hotCount
	list  []*hotCount
}

type hotCount struct {
	layer *layerState
	key   string
	n     atomic.Uint64
	over  uint64      // taken over: how much of n may be other keys'
	until int64       // end of its window (monotonic ns)
	gone  atomic.Bool // it has lost its place
}

func newHot() *hot {
	h := &hot{seed: maphash.MakeSeed()}
	for i := range h.shards {
		h.shards[i].now.byKey = make(map[string]*hotCount, hotPerShard)
	}
	return h
}

// see counts one read at a monotonic time. key may be borrowed: it is copied
// if it is kept. The count may be kept by who comes often (see again).
func (h *hot) see(l *layerState, key string, at int64) *hotCount {
	s := &h.shards[maphash.String(h.seed, key)%hotShards]
	if at-s.turned.Load() < int64(hotWindow) {
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
	return s.now.add(l, key, s.turned.Load()+int64(hotWindow))
}

// again counts one more read of a key that was seen before, without looking it
// up; false if its count is over.
func (c *hotCount) again(at int64) bool {
	if c == nil || at >= c.until || c.gone.Load() {
		return false
	}
	c.n.Add(1)
	return true
}

// turn begins a new window when the current one is over.
func (s *hotShard) turn(at int64) {
	began := s.turned.Load()
	switch age := at - began; {
	case age < int64(hotWindow):
		return
	case age < 2*int64(hotWindow):
		s.before, s.began = s.now, began
	default: // nobody came for a whole window
		s.before, s.began = hotSketch{}, at
	}
	s.turned.Store(at)
	s.now = hotSketch{byKey: make(map[string]*hotCount, hotPerShard)}
}

func (k *hotSketch) add(l *layerState, key string, until int64) *hotCount {
	if c := k.byKey[key]; c != nil {
		c.n.Add(1)
		return c
	}
	c := &hotCount{layer: l, key: strings.Clone(key), until: until}
	if len(k.list) < hotPerShard {
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
func (k *hotSketch) floor() uint64 {
	if len(k.list) < hotPerShard {
		return 0
	}
	least := k.list[0].n.Load()
	for _, c := range k.list {
		least = min(least, c.n.Load())
	}
	return least
}

// HotKey is one of the most asked keys of this process.
type HotKey struct {
	Layer, ID string
	// AtLeast and AtMost enclose how often it was asked.
	AtLeast, AtMost uint64
}

// Hot lists the most asked keys of a layer ("" = of all) in this process, the
// most asked first, and since when they were counted: five to ten minutes ago,
// or the start.
func (c *Cache) Hot(layer string, most int) ([]HotKey, time.Time, error) {
	if layer != "" {
		if _, err := c.layer(layer); err != nil {
			return nil, time.Time{}, err
		}
	}
	var out []HotKey
	now := c.mono()
	since := now
	for i := range c.hot.shards {
		keys, began := c.hot.shards[i].top(layer, now)
		out = append(out, keys...)
		since = min(since, began)
	}
	slices.SortFunc(out, func(a, b HotKey) int {
		return cmp.Or(cmp.Compare(b.AtLeast, a.AtLeast), cmp.Compare(b.AtMost, a.AtMost), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(len(out), max(most, 0))], c.born.Add(time.Duration(since)), nil
}

func (s *hotShard) top(layer string, now int64) (out []HotKey, since int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	since = s.turned.Load()
	if s.before.byKey != nil {
		since = s.began
	}
	for _, pair := range [2]struct{ of, other *hotSketch }{{&s.now, &s.before}, {&s.before, &s.now}} {
		for _, c := range pair.of.list {
			twin := pair.other.byKey[c.key]
			if twin != nil && pair.of == &s.before || layer != "" && c.layer.Name != layer {
				continue // told with the current window's, or not asked for
			}
			n := c.n.Load()
			k := HotKey{Layer: c.layer.Name, ID: c.key[len(c.layer.keyPrefix):], AtLeast: n - c.over, AtMost: n}
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
