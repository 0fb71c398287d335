// Package topkeys keeps the most asked keys of the last five to ten minutes.
package topkeys

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"openlearn/internal/cache/internal/spacesaving"
)

const (
	// Shards and PerShard bound the keys that are kept.
	Shards   = 16
	PerShard = 64
	// Window is how long keys are counted; the window before is kept too.
	Window = 5 * time.Minute
)

// TopKeys counts keys. It is safe for concurrent use. Times are nanoseconds of
// a monotonic clock.
type TopKeys struct {
	seed   maphash.Seed
	shards [Shards]shard
}

type shard struct {
	turned atomic.Int64 // when the window began
	now    atomic.Pointer[spacesaving.Sketch]
	mu     sync.Mutex
	before *spacesaving.Sketch // nil = none
	began  int64               // when the window before began
	_      [32]byte            // shards share no cache line
}

// Counter counts one key without looking it up again.
type Counter = spacesaving.Counter

// New makes an empty one.
func New() *TopKeys {
	t := &TopKeys{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].now.Store(spacesaving.New(PerShard, int64(Window)))
	}
	return t
}

// See counts one read at a time. The key may be borrowed.
func (t *TopKeys) See(key string, at int64) *Counter {
	s := &t.shards[maphash.String(t.seed, key)%Shards]
	if at-s.turned.Load() >= int64(Window) {
		s.mu.Lock()
		s.turn(at)
		s.mu.Unlock()
	}
	return s.now.Load().See(key)
}

// turn begins a new window when the current one is over.
func (s *shard) turn(at int64) {
	began := s.turned.Load()
	switch age := at - began; {
	case age < int64(Window):
		return
	case age < 2*int64(Window):
		s.before, s.began = s.now.Load(), began
	default: // nobody came for a whole window
		s.before, s.began = nil, at
	}
	s.now.Store(spacesaving.New(PerShard, at+int64(Window)))
	s.turned.Store(at)
}

// Key is one of the most asked; its count lies between AtLeast and AtMost.
type Key struct {
	Key             string
	AtLeast, AtMost uint64
}

// Top lists the keys that are kept at a time, in no order, and since when they
// were counted.
func (t *TopKeys) Top(at int64) (keys []Key, since int64) {
	since = at
	for i := range t.shards {
		of, began := t.shards[i].top(at)
		keys = append(keys, of...)
		since = min(since, began)
	}
	return keys, since
}

func (s *shard) top(at int64) (keys []Key, since int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(at)
	now := s.now.Load()
	before, since := s.before, s.began
	if before == nil {
		before, since = spacesaving.New(1, 0), s.turned.Load()
	}
	floor := before.Floor()
	for _, c := range now.Counters() {
		k := Key{Key: c.Key()}
		k.AtLeast, k.AtMost = c.Bounds()
		if twin := before.Find(c.Key()); twin != nil {
			least, most := twin.Bounds()
			k.AtLeast, k.AtMost = k.AtLeast+least, k.AtMost+most
		} else {
			k.AtMost += floor
		}
		keys = append(keys, k)
	}
	floor = now.Floor()
	for _, c := range before.Counters() {
		if now.Find(c.Key()) == nil { // else listed already
			least, most := c.Bounds()
			keys = append(keys, Key{c.Key(), least, most + floor})
		}
	}
	return keys, since
}
