package cache

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// takeoverDelay is how long past a lease's end its waiters look again.
const takeoverDelay = 10 * time.Millisecond

// fill is steps 4 and 5 for the process's one fetch of an entry at versions:
// take the lock and fetch, or wait for the process that has it. With the
// lead there is nobody to wait for and nothing filled meanwhile.
func (c *Cache) fill(ctx context.Context, q *request, versions string, after int64, f *flight) answer {
	l := c.newLock(&q.target, versions)
	woken, done := c.pubsub.wait(l.name) // before the first look: no wake-up is missed
	defer done()
	deadline := time.Now().Add(c.opt.LockWait)
	for lost, announced := false, false; ; {
		if lead := c.flights.takeLead(f); lead != nil {
			return c.fetchAndStore(ctx, q, versions, lead)
		}
		if c.breaker.open.Load() {
			break
		}
		a, err := c.try(ctx, l, q.key, announced)
		if err != nil {
			break // without Redis there is no lock: fetch
		}
		if e, ok := c.filledMeanwhile(q, a.raw, versions, after); ok {
			c.release(ctx, l)
			q.layer.met.coalesced.inc()
			if ans, err := c.answerFrom(q.layer, &e, FromRedis); err == nil {
				return ans
			}
			break
		}
		left := time.Until(deadline)
		if l.held || lost || left <= 0 {
			if lost {
				q.layer.met.lockTakeovers.inc()
			}
			break
		}
		if !announced { // say so before the look that the wait follows
			announced = true
			continue
		}
		q.layer.met.lockWaits.inc()
		if lost, err = waitFor(ctx, woken, min(a.left+takeoverDelay, left)); err != nil {
			return answer{err: err}
		}
	}
	return c.fetchAndStore(ctx, q, versions, l)
}

// waitFor waits for a wake-up or a time. A wake-up is counted as lost until
// the next look shows a fill; a lease that merely ran on is not.
func waitFor(ctx context.Context, woken <-chan struct{}, d time.Duration) (bool, error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-woken:
		return true, nil
	case <-t.C:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// filledMeanwhile accepts an entry only with exactly the versions that this
// reader has read itself, and newer than the one it saw.
func (c *Cache) filledMeanwhile(q *request, raw, versions string, after int64) (envelope, bool) {
	if raw == "" {
		return envelope{}, false
	}
	e, err := decodeEnvelope(raw)
	ok := err == nil && e.fprint == q.fprint && e.versions == versions && e.stored > after && c.nowMS() < e.soft
	return e, ok
}

// fetchAndStore fetches and stores with the versions read before the fetch
// began. A slow fill can never overwrite a newer invalidation: its versions
// are no longer current, so it is never served.
func (c *Cache) fetchAndStore(ctx context.Context, q *request, versions string, l *lock) answer {
	stop := c.keepAlive(ctx, l)
	start := time.Now()
	sc := scopeOf(ctx)
	p := c.runLoad(ctx, q)
	stop()
	parts := sc.end(q.deps)
	b := c.lifetime(q, &p, parts)
	ans := answerOf(&p, b, FromSource)
	if p.err != nil && !p.negative {
		c.release(ctx, l)
		return ans
	}
	e, ok := c.envelopeFor(q, &p, versions, time.Since(start), b)
	if !ok {
		c.release(ctx, l)
		return ans
	}
	ans.info.set(&e)
	if c.store(ctx, &q.target, &e, l) {
		c.near.put(q, &e, p.payload, q.began)
	}
	return ans
}

// lifetime is when a product goes stale and when it is of no use any more, no
// later than its parts, together with what it read but did not declare.
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
func (c *Cache) envelopeFor(q *request, p *product, versions string, cost time.Duration, b inherited) (envelope, bool) {
	now := c.nowMS()
	switch {
	case p.reject != rejectNone:
	case p.ttl < 0, p.negative && p.ttl == 0 && q.layer.NegativeTTL == 0:
		return envelope{}, false // by decision, not for a fault
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
		return envelope{}, false
	}
	e := envelope{
		fprint: q.fprint, stored: now, soft: b.soft, hard: b.hard, cost: saturate(cost),
		size: uint32(len(p.payload)), versions: versions, names: encodeNames(q.deps), payload: p.payload,
	}
	if q.plain {
		e.flags |= flagPlain
	}
	if p.negative {
		e.flags |= flagNegative
	}
	c.pack(&e)
	return e, true
}

// jittered only shortens: the documented TTL is the longest.
func (c *Cache) jittered(ttl time.Duration) time.Duration {
	if c.opt.Jitter <= 0 {
		return ttl
	}
	return ttl - time.Duration(c.opt.Rand()*c.opt.Jitter*float64(ttl))
}

// store writes an envelope, re-arms the lifetime of its versions and gives
// the lock back. It reports whether Redis took it.
func (c *Cache) store(ctx context.Context, t *target, e *envelope, l *lock) bool {
	start := time.Now()
	defer since(t.layer.met.set, start)
	if c.breaker.open.Load() {
		t.layer.met.rejected[rejectRedis].inc()
		return false
	}
	ctx, cancel := c.brief(ctx)
	defer cancel()
	pipe := c.rdb.Pipeline()
	set := c.queueStore(ctx, pipe, t, e)
	if l != nil && l.held && !c.cluster {
		c.queueRelease(ctx, pipe, l)
		l.held = false
	}
	_, _ = pipe.Exec(ctx) // a version that is gone only costs a miss
	if l != nil {
		c.release(ctx, l) // on Cluster only after the entry is there
	}
	if err := set.Err(); err != nil {
		t.layer.met.rejected[rejectRedis].inc()
		c.refused(err)
		c.log.Debug("cache fill failed", "layer", t.layer.Name, "key", t.key, "error", err)
		return false
	}
	return true
}

func (c *Cache) queueStore(ctx context.Context, pipe redis.Pipeliner, t *target, e *envelope) *redis.StatusCmd {
	px := time.Duration(max(e.hard-e.stored, 1)) * time.Millisecond
	set := pipe.Set(ctx, t.key, e.encode(), px)
	for i, v := range t.vkeys {
		if t.armed&(1<<i) == 0 {
			pipe.PExpire(ctx, v, c.versionLife)
		}
	}
	return set
}
