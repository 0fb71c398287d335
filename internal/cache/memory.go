package cache

import (
	"time"

	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/cache/internal/near"
	"openlearn/internal/cache/internal/versionbatch"
)

// keepNear keeps in process memory an entry whose versions were read by an
// exchange that began at since.
func (c *Cache) keepNear(q *request, e *envelope.Envelope, payload []byte, since int64) {
	if q.layer.Near.Mode == NearOff {
		return
	}
	n := &near.Entry{Envelope: *e, Owner: q.owner, VersionKeys: q.vkeys, Checks: c.batcher}
	if c.cluster { // a node may be away and the others not: each entry has its own
		n.Checks = versionbatch.New(&c.batches)
	}
	n.Envelope.Flags &^= envelope.Compressed
	n.Envelope.Payload = payload
	c.near.Put(q.key, n, q.deps, since)
}

// bounded returns the entry if it may be served without a look at Redis.
func (c *Cache) bounded(l *layerState, key string, owner uint64) *near.Entry {
	up := c.pubsub.upSince.Load()
	if up == 0 {
		return nil
	}
	now := c.mono()
	e := c.near.Bounded(key, &near.Bound{Owner: owner, Up: up, Now: now, Staleness: int64(l.Near.Staleness), Wall: c.nowMS()})
	if e != nil && !e.Counter.Load().Again(now) {
		e.Counter.Store(c.topKeys.See(key, now))
	}
	return e
}

// mono is a monotonic clock in nanoseconds since the cache was made, never 0.
func (c *Cache) mono() int64 { return int64(time.Since(c.born)) + 1 }
