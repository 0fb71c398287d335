package cache

import (
	"context"
	"errors"
	"time"
)

// A loading read goes through the same steps whether it asks for one entry
// (getOrLoad) or for several (batch): memory and its check, the look at Redis,
// the judgement, and for what is missing a shared fetch, with an expired value
// to fall back on if the source fails. They differ in how an exchange with
// Redis is shared: a single read shares it with other readers of its entry, a
// batch among its own entries.

// request is one entry that is read, and how to get it from the source.
type request struct {
	target
	load     loader
	owner    uint64 // the Func that asks; 0 = the byte interface
	plain    bool   // do not compress
	volatile bool   // the source may differ from one fetch to the next
	began    int64  // when its look at Redis began (monotonic)
}

// loader fetches one entry from the source. A solo fetch has one caller, who
// takes the value itself: nothing is encoded.
type loader func(ctx context.Context, solo bool) product

// product is what a load made: bytes for the store and, for the one caller who
// takes it, the value itself.
type product struct {
	payload  []byte
	value    any
	negative bool
	ttl      time.Duration // 0 = the layer's; negative = do not store
	reject   reject        // why not to store
	err      error         // what every caller gets (of negative answers too)
	scope    *scope        // the load's own, where several ran in one
}

// getOrLoad reads one entry.
func (c *Cache) getOrLoad(ctx context.Context, q *request) (answer, error) {
	start := time.Now()
	ans, err := c.tracedRead(ctx, q)
	took := time.Since(start).Seconds()
	q.layer.met.get.Observe(took)
	if ans.hit {
		q.layer.met.hit.Observe(took)
	}
	c.answered(scopeOf(ctx), q, &ans, err, start)
	return ans, err
}

// answered counts an answer, and tells the load that the read was made in.
func (c *Cache) answered(sc *scope, q *request, ans *answer, err error, start time.Time) {
	if sc != nil && ans.hit {
		q.layer.met.nestedHits.inc()
	}
	if !sc.warms() {
		c.topKeys.See(q.key, int64(start.Sub(c.born)))
	}
	if err == nil || ans.negative {
		sc.note(c, q.deps, &ans.inherited)
	}
}

func (c *Cache) read(ctx context.Context, q *request) (answer, error) {
	sc := scopeOf(ctx)
	if err := refuse(ctx, sc, q); err != nil {
		return answer{}, err
	}
	if c.passedBy(sc) {
		return c.loadBypass(ctx, q)
	}
	if e := c.remembered(sc, q); e != nil {
		now, err := e.Checks.Read(ctx, e.VersionKeys)
		if err == nil {
			err = now.Err
		}
		if err != nil {
			return c.redisFailed(ctx, q, err)
		}
		c.redisOK()
		q.began = now.Began
		if f := c.judgeNear(sc, q, e, now); f.usable {
			return c.serve(ctx, q, &f), nil
		}
	}
	r, err := c.readShared(ctx, &q.target)
	if err != nil {
		return c.redisFailed(ctx, q, err)
	}
	c.redisOK()
	q.began = r.began
	f := c.judgeStored(sc, q, r)
	if f.usable {
		return c.serve(ctx, q, &f), nil
	}
	q.layer.met.missed(sc)
	return c.fetch(ctx, q, r.versions, r.met, &f)
}

// refuse returns why a read is not answered at all.
func refuse(ctx context.Context, sc *scope, q *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if sc.loads(q.key) {
		return ErrCycle
	}
	return nil
}

// passedBy reports whether reads go past the cache to the source.
func (c *Cache) passedBy(sc *scope) bool {
	return !c.opt.Gate() || c.breaker.open.Load() || sc.bypassed()
}

// missed counts a read for which nothing current was stored.
func (m *layerMetrics) missed(sc *scope) {
	m.misses.inc()
	if sc != nil {
		m.nestedMisses.inc()
	}
}

// serve answers a single read from the store.
func (c *Cache) serve(ctx context.Context, q *request, f *found) answer {
	if f.refresh {
		c.refresh(ctx, one(q), []missing{{versions: f.versions, after: f.after}})
	}
	return c.hit(q, f.ans)
}

// hit counts an answer from the store.
func (c *Cache) hit(q *request, ans answer) answer {
	met := &q.layer.met
	met.hits.inc()
	if ans.info.Stale {
		met.stale.inc()
	}
	if ans.negative {
		met.negatives.inc()
	}
	ans.hit = true
	c.maybeAudit(q, &ans)
	return ans
}

// fetch gets one entry from the source, or shares the fetch that another
// reader of the same versions has in progress.
func (c *Cache) fetch(ctx context.Context, q *request, have []string, met uint64, f *found) (answer, error) {
	versions, lead, err := c.takeLead(ctx, q, have, met)
	if errors.Is(err, errClosed) {
		return c.loadUnstored(ctx, q)
	}
	if err != nil {
		return c.redisFailed(ctx, q, err)
	}
	m := [1]missing{{versions: versions, after: f.after, lead: lead}}
	c.join(ctx, one(q), m[:])
	return c.await(ctx, q, m[0].pending(f))
}

// reload is a read that accepts no stored answer: for an entry, stored at
// after, that is current but proved unusable. Its fill overwrites it.
func (c *Cache) reload(ctx context.Context, q *request, after int64) (answer, error) {
	if c.passedBy(scopeOf(ctx)) {
		return c.loadBypass(ctx, q)
	}
	own := *q // a refresh behind the first read may still be at work with q
	q = &own
	q.began = c.mono()
	met := c.history.met.Load()
	have, err := c.readKeys(ctx, "", q.vkeys)
	if err != nil {
		return c.redisFailed(ctx, q, err)
	}
	ans, err := c.fetch(ctx, q, have, met, &found{after: after})
	if err == nil {
		scopeOf(ctx).note(c, q.deps, &ans.inherited)
	}
	return ans, err
}
