package cache

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"openlearn/internal/cache/internal/topkeys"
)

// near is the in-process memory: entries next to their versions.
//
// Strict reads check the versions, and the versions alone, in one round trip
// that readers of one entry share if it began after they came. Bounded reads
// skip the check for at most a stated time since the last check began; an
// invalidation message drops them earlier, a broken link drops all.
type near struct {
	store *otter.Cache[string, *nearEntry] // nil = off
	// checks are shared by all entries; on Cluster, where a node may be away
	// and the others not, each entry has its own.
	checks *versionBatcher
	// dropped[i] is when a dependency whose hash falls on i was last heard to
	// be invalidated. Sharing a slot costs a check, never a wrong answer.
	dropped [4096]atomic.Int64
}

type nearEntry struct {
	env    envelope // payload as encoded, uncompressed
	owner  uint64   // the Func it was decoded by; its dependency names follow from the key
	slots  []uint16 // of its dependencies in near.dropped
	vkeys  []string
	checks *versionBatcher
	// since is when the last successful check began (monotonic ns).
	since atomic.Int64
	// top counts its reads, so that the quickest need not look it up.
	top atomic.Pointer[topkeys.Counter]
	// shared is the decoded value of Funcs that share it.
	shared atomic.Pointer[any]
}

const nearOverhead = 400 // bytes an entry costs besides its key and payload

func newNear(maxBytes int64) (*near, error) {
	n := &near{}
	if maxBytes <= 0 {
		return n, nil
	}
	store, err := otter.New(&otter.Options[string, *nearEntry]{
		MaximumWeight: uint64(maxBytes),
		Weigher: func(k string, e *nearEntry) uint32 {
			return uint32(len(k) + len(e.env.payload) + len(e.env.versions)*3 + nearOverhead)
		},
		Executor: func(fn func()) { fn() }, // no goroutines of its own
	})
	if err != nil {
		return nil, fmt.Errorf("cache: near: %w", err)
	}
	n.store = store
	return n, nil
}

func (n *near) get(key string) *nearEntry {
	if n.store == nil {
		return nil
	}
	e, _ := n.store.GetIfPresent(key)
	return e
}

// put keeps an entry whose versions were read by an exchange that began at
// since.
func (n *near) put(q *request, e *envelope, payload []byte, since int64) {
	if n.store == nil || q.layer.Near.Mode == NearOff {
		return
	}
	ne := &nearEntry{env: *e, owner: q.owner, vkeys: q.vkeys, slots: make([]uint16, len(q.deps)), checks: n.checks}
	if ne.checks == nil {
		ne.checks = new(versionBatcher)
	}
	ne.env.flags &^= flagCompressed
	ne.env.payload = payload
	ne.since.Store(since)
	for i, d := range q.deps {
		ne.slots[i] = uint16(hash64(fnvOffset, d) % uint64(len(n.dropped)))
	}
	n.store.Set(q.key, ne)
}

func (n *near) remove(key string) {
	if n.store != nil {
		n.store.Invalidate(key)
	}
}

func (n *near) clear() {
	if n.store != nil {
		n.store.InvalidateAll()
	}
}

func (n *near) drop(hash uint64, now int64) {
	n.dropped[hash%uint64(len(n.dropped))].Store(now)
}

// bounded returns the entry if it may be served without a look at Redis.
func (c *Cache) bounded(l *layerState, key string, owner uint64) *nearEntry {
	up := c.pubsub.upSince.Load()
	if up == 0 {
		return nil
	}
	e := c.near.get(key)
	if e == nil || e.owner != owner {
		return nil
	}
	since, now := e.since.Load(), c.mono()
	if since <= up || now-since > int64(l.Near.Staleness) || c.nowMS() >= e.env.soft {
		return nil
	}
	for _, s := range e.slots {
		if c.near.dropped[s].Load() >= since {
			return nil
		}
	}
	if !e.top.Load().Again(now) {
		e.top.Store(c.topKeys.See(key, now))
	}
	return e
}

// confirm notes that a check which began then found the entry current.
func (e *nearEntry) confirm(began int64) {
	for {
		since := e.since.Load()
		if since >= began || e.since.CompareAndSwap(since, began) {
			return
		}
	}
}

func sameVersions(stored string, current []string) bool {
	if len(stored) != len(current)*nonceLen {
		return false
	}
	for i, v := range current {
		if v != stored[i*nonceLen:(i+1)*nonceLen] {
			return false
		}
	}
	return true
}

// mono is a monotonic clock in nanoseconds since the cache was made, never 0.
func (c *Cache) mono() int64 { return int64(time.Since(c.born)) + 1 }
