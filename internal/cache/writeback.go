package cache

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/envelope"
)

// lifetime is when a product goes stale and when it becomes useless, no later
// than its parts, together with what it read but did not declare.
func (c *Cache) lifetime(q *request, p *product, parts inherited) inherited {
	ttl := p.ttl
	switch {
	case ttl == 0 && p.negative:
		ttl = q.layer.NegativeTTL
	case ttl == 0:
		ttl = q.layer.TTL
	}
	ttl = min(ttl, c.opt.MaxTTL-q.layer.hardWindow())
	now := c.nowMS()
	if ttl <= 0 { // not to be kept, by decision of the layer or the loader
		return inherited{undeclared: parts.undeclared, soft: now, hard: now}
	}
	soft := now + max(c.jittered(ttl).Milliseconds(), 1)
	hard := soft
	if !p.negative {
		hard += q.layer.hardWindow().Milliseconds()
	}
	soft = earlier(soft, parts.soft)
	hard = max(earlier(hard, parts.hard), soft)
	return inherited{undeclared: parts.undeclared, soft: soft, hard: hard}
}

// envelopeFor decides whether a product is stored, and makes its envelope.
func (c *Cache) envelopeFor(q *request, p *product, versions string, cost time.Duration, b inherited) (envelope.Envelope, bool) {
	now := c.nowMS()
	switch {
	case p.reject != rejectNone:
	case p.ttl < 0, p.negative && p.ttl == 0 && q.layer.NegativeTTL == 0:
		return envelope.Envelope{}, false // by decision, not because of a fault
	case len(b.undeclared) > 0:
		p.reject = rejectNested
		c.log.Warn("cache entry not stored: it read what it does not declare",
			"layer", q.layer.Name, "key", q.key, "undeclared", b.undeclared)
	case len(p.payload) > c.opt.MaxValueBytes:
		p.reject = rejectTooLarge
		c.log.Warn("cache entry not stored: too large", "layer", q.layer.Name, "key", q.key, "bytes", len(p.payload))
	case b.soft <= now:
		p.reject = rejectExpired
	}
	if p.reject != rejectNone {
		q.layer.met.rejected[p.reject].inc()
		return envelope.Envelope{}, false
	}
	e := envelope.Envelope{
		Fingerprint: q.fprint, Stored: now, Soft: b.soft, Hard: b.hard, Cost: envelope.Microseconds(cost),
		Size: uint32(len(p.payload)), Versions: versions, Names: envelope.EncodeNames(q.deps), Payload: p.payload,
	}
	if q.plain {
		e.Flags |= envelope.Plain
	}
	if p.negative {
		e.Flags |= envelope.Negative
	}
	raw, packed := c.packer.Pack(&e)
	c.met.raw.add(raw)
	c.met.packed.add(packed)
	return e, true
}

// jittered only shortens: the documented TTL is the longest.
func (c *Cache) jittered(ttl time.Duration) time.Duration {
	if c.opt.Jitter <= 0 {
		return ttl
	}
	return ttl - time.Duration(c.opt.Rand()*c.opt.Jitter*float64(ttl))
}

// entryFill is an entry to be written, and the lock that its fetch held.
type entryFill struct {
	target   *target
	envelope *envelope.Envelope // nil = nothing is stored, and the lock given back
	lock     *lock              // or nil
	stored   bool               // Redis took it
}

// store writes envelopes in one round trip, renews the lifetime of their
// versions and gives the locks back.
func (c *Cache) store(ctx context.Context, l *layerState, fills []entryFill) {
	start := time.Now()
	sets := make([]*redis.StatusCmd, len(fills))
	n := 0
	pipe := c.rdb.Pipeline()
	for i := range fills {
		f := &fills[i]
		if f.envelope == nil {
			continue
		}
		if c.breaker.open.Load() {
			l.met.rejected[rejectRedis].inc()
			continue
		}
		n++
		sets[i] = c.queueStore(ctx, pipe, f.target, f.envelope)
	}
	if n > 0 {
		defer since(l.met.set, start)
		if !c.cluster { // there a lock is released only after the entry is stored
			c.queueReleases(ctx, pipe, fills)
		}
		sctx, cancel := c.brief(ctx)
		_, _ = pipe.Exec(sctx) // a version that is gone only costs a miss
		cancel()
	}
	c.releaseAll(ctx, fills)
	for i := range fills {
		if sets[i] == nil {
			continue
		}
		err := sets[i].Err()
		if fills[i].stored = err == nil; err != nil {
			l.met.rejected[rejectRedis].inc()
			c.refused(err)
			c.log.Debug("cache fill failed", "layer", l.Name, "key", fills[i].target.key, "error", err)
		}
	}
}

// queueStore writes an entry. Its versions live at least as long as it does,
// and no longer on its account: perhaps nothing else will ever depend on them.
func (c *Cache) queueStore(ctx context.Context, pipe redis.Pipeliner, t *target, e *envelope.Envelope) *redis.StatusCmd {
	px := max(e.Hard-e.Stored, 1)
	set := pipe.Set(ctx, t.key, e.Encode(), time.Duration(px)*time.Millisecond)
	queueOutlive(ctx, pipe, t.vkeys, px)
	return set
}

// queueOutlive extends the lifetime of versions to px milliseconds from now,
// and shortens none.
func queueOutlive(ctx context.Context, pipe redis.Pipeliner, vkeys []string, px int64) {
	for _, v := range vkeys {
		pipe.Do(ctx, "pexpire", v, px, "gt")
	}
}
