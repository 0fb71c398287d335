package cache

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// fetchAndFill is steps 4 and 5: fetch, then store with the versions that were
// read before the fetch began. A slow fill can never overwrite a newer
// invalidation: its versions are no longer current, so it is never served.
func (c *Cache) fetchAndFill(ctx context.Context, q *request, versions string) answer {
	start := time.Now()
	p := c.runLoad(ctx, q)
	ans := answer{payload: p.payload, value: p.value, negative: p.negative, err: p.err, info: Info{Source: FromSource}}
	if p.err != nil && !p.negative {
		return ans
	}
	if e, ok := c.envelopeFor(q, &p, versions, time.Since(start)); ok {
		ans.info.StoredAt, ans.info.Expires = time.UnixMilli(e.stored), time.UnixMilli(e.soft)
		c.store(ctx, &q.target, &e)
	}
	return ans
}

// envelopeFor decides whether and how long a product is stored.
func (c *Cache) envelopeFor(q *request, p *product, versions string, cost time.Duration) (envelope, bool) {
	met := &q.layer.met
	if p.noStore != "" {
		met.rejected[p.noStore].Inc()
		return envelope{}, false
	}
	if len(p.payload) > c.opt.MaxValueBytes {
		met.rejected[rejectTooLarge].Inc()
		return envelope{}, false
	}
	ttl := p.ttl
	if ttl == 0 {
		ttl = q.layer.TTL
		if p.negative {
			ttl = q.layer.NegativeTTL
		}
	}
	if ttl <= 0 {
		return envelope{}, false // by decision of the layer or the loader
	}
	now := c.nowMS()
	e := envelope{
		fprint: q.fprint, stored: now, cost: saturate(cost),
		size: uint32(len(p.payload)), versions: versions, payload: p.payload,
	}
	e.soft = now + max(c.jittered(ttl).Milliseconds(), 1)
	e.hard = e.soft + q.layer.hardWindow().Milliseconds()
	if p.negative {
		e.flags |= flagNegative
		e.hard = e.soft
	}
	return e, true
}

// jittered only shortens: the documented TTL is the longest.
func (c *Cache) jittered(ttl time.Duration) time.Duration {
	if c.opt.Jitter <= 0 {
		return ttl
	}
	return ttl - time.Duration(c.opt.Rand()*c.opt.Jitter*float64(ttl))
}

// store writes an envelope and re-arms the lifetime of its versions.
func (c *Cache) store(ctx context.Context, t *target, e *envelope) {
	start := time.Now()
	pipe := c.rdb.Pipeline()
	set := c.queueStore(ctx, pipe, t, e)
	_, _ = pipe.Exec(ctx) // a version that is gone only costs a miss
	since(t.layer.met.set, start)
	if err := set.Err(); err != nil {
		t.layer.met.rejected[rejectRedis].Inc()
		c.log.Debug("cache fill failed", "layer", t.layer.Name, "key", t.key, "error", err)
	}
}

func (c *Cache) queueStore(ctx context.Context, pipe redis.Pipeliner, t *target, e *envelope) *redis.StatusCmd {
	px := time.Duration(max(e.hard-e.stored, 1)) * time.Millisecond
	set := pipe.Set(ctx, t.key, e.encode(), px)
	for _, v := range t.vkeys {
		pipe.PExpire(ctx, v, c.versionLife)
	}
	return set
}
