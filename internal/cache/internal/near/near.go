// Package near is the in-process memory: entries next to the versions they were stored with.
//
// It decides nothing about coherence by itself. A strict read checks the versions of what it finds here; a bounded read
// does without that check for at most a stated time since the last one began. An invalidation message drops entries for
// bounded reads earlier, and a broken link clears the store.
package near

import (
	"fmt"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/cache/internal/fnv1a"
	"openlearn/internal/cache/internal/topkeys"
	"openlearn/internal/cache/internal/versionbatch"
)

// Store holds entries up to a number of bytes. It is safe for concurrent use.
type Store struct {
	entries *otter.Cache[string, *Entry] // nil = off
	// dropped[i] is when this process last heard that a dependency whose hash falls on i was invalidated. Sharing a
	// slot costs a check, never a wrong answer.
	dropped [4096]atomic.Int64
}

// Entry is one entry in memory. Its exported fields are not changed once it is put.
type Entry struct {
	// Envelope has the payload as encoded, uncompressed.
	Envelope envelope.Envelope
	// Owner is the function that decoded it; the names of its dependencies follow from the key.
	Owner uint64
	// VersionKeys are what a check reads.
	VersionKeys []string
	// Checks is where readers of this entry share their checks.
	Checks *versionbatch.Batcher
	// Counter counts its reads, so that the fastest path need not look it up.
	Counter atomic.Pointer[topkeys.Counter]
	// Shared is the decoded value of functions that share it.
	Shared atomic.Pointer[any]

	slots []uint16 // of its dependencies in Store.dropped
	since atomic.Int64
}

const overhead = 400 // bytes an entry costs besides its key and payload

// New makes a store of at most maxBytes; with 0 it keeps nothing.
func New(maxBytes int64) (*Store, error) {
	s := &Store{}
	if maxBytes <= 0 {
		return s, nil
	}
	entries, err := otter.New(&otter.Options[string, *Entry]{
		MaximumWeight: uint64(maxBytes),
		Weigher: func(k string, e *Entry) uint32 {
			return uint32(len(k) + len(e.Envelope.Payload) + len(e.Envelope.Versions)*3 + overhead)
		},
		Executor: func(fn func()) { fn() }, // no goroutines of its own
	})
	if err != nil {
		return nil, fmt.Errorf("cache: near: %w", err)
	}
	s.entries = entries
	return s, nil
}

// Get returns what is kept under a key, nil if there is nothing.
func (s *Store) Get(key string) *Entry {
	if s.entries == nil {
		return nil
	}
	e, _ := s.entries.GetIfPresent(key)
	return e
}

// Put keeps an entry with these dependencies whose versions were read by an exchange that began at since (monotonic).
func (s *Store) Put(key string, e *Entry, deps []string, since int64) {
	if s.entries == nil {
		return
	}
	e.slots = make([]uint16, len(deps))
	for i, d := range deps {
		e.slots[i] = uint16(fnv1a.Sum(d) % uint64(len(s.dropped)))
	}
	e.since.Store(since)
	s.entries.Set(key, e)
}

// Remove forgets an entry.
func (s *Store) Remove(key string) {
	if s.entries != nil {
		s.entries.Invalidate(key)
	}
}

// Clear forgets all entries.
func (s *Store) Clear() {
	if s.entries != nil {
		s.entries.InvalidateAll()
	}
}

// Drop notes that a dependency, named by its FNV-1a hash, was invalidated: no entry that depends on it and was checked
// before now is served without another check.
func (s *Store) Drop(hash uint64, now int64) {
	s.dropped[hash%uint64(len(s.dropped))].Store(now)
}

// Size is how many entries are kept, and how many bytes they take.
func (s *Store) Size() (entries int, bytes uint64) {
	if s.entries == nil {
		return 0, 0
	}
	return s.entries.EstimatedSize(), s.entries.WeightedSize()
}

// Settle does the work that the store has put off, so that Size is exact.
func (s *Store) Settle() {
	if s.entries != nil {
		s.entries.CleanUp()
	}
}

// Bound says under what conditions an entry is served without a check. All times but Wall are monotonic nanoseconds.
type Bound struct {
	Owner     uint64
	Up        int64 // since when messages have been received
	Now       int64
	Staleness int64 // nanoseconds since the last check began
	Wall      int64 // Unix milliseconds
}

// Bounded returns the entry if it may be served without a check, else nil.
func (s *Store) Bounded(key string, b *Bound) *Entry {
	e := s.Get(key)
	if e == nil || e.Owner != b.Owner {
		return nil
	}
	since := e.since.Load()
	if since <= b.Up || b.Now-since > b.Staleness || b.Wall >= e.Envelope.Soft {
		return nil
	}
	for _, slot := range e.slots {
		if s.dropped[slot].Load() >= since {
			return nil
		}
	}
	return e
}

// Since is when the last successful check of the entry began (monotonic).
func (e *Entry) Since() int64 { return e.since.Load() }

// Confirm notes that a check which began then found the entry current.
func (e *Entry) Confirm(began int64) {
	for {
		since := e.since.Load()
		if since >= began || e.since.CompareAndSwap(since, began) {
			return
		}
	}
}
