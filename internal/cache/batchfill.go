package cache

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// own is a flight this batch flies.
type own struct {
	i        int
	f        *flight
	name     string
	versions string
	lock     *lock
}

// fetch claims the flights nobody flies, tries their locks in one round trip,
// and loads in one call what it got. Keys that another process is fetching
// are waited for one by one, beside it.
func (b *batch) fetch(ctx context.Context, missing []int, versionsOf func(int) string, after map[int]int64) {
	c := b.c
	var mine []own
	for _, i := range missing {
		q, versions := b.qs[i], versionsOf(i)
		name := flightName(&q.target, versions)
		f, claimed := c.flights.claim(name, nil)
		b.answers[i].wait = f.wait
		if !claimed {
			q.layer.met.coalesced.inc()
			continue
		}
		mine = append(mine, own{i: i, f: f, name: name, versions: versions, lock: c.newLock(&q.target, versions)})
	}
	if len(mine) == 0 {
		return
	}
	parent := scopeOf(ctx)
	if !c.spawn(func() {
		keys := make([]string, len(mine))
		for j, o := range mine {
			keys[j] = b.qs[o.i].key
		}
		lctx, cancel := c.loadContextFor(ctx, b.layer, keys, parent.holdsSlot(), parent)
		defer cancel()
		b.fill(lctx, ctx, mine, after)
	}) {
		for _, o := range mine {
			c.land(ctx, o.name, o.f, answer{err: ErrClosed})
		}
	}
}

func (b *batch) fill(lctx, ctx context.Context, mine []own, after map[int]int64) {
	c := b.c
	pipe := c.rdb.Pipeline()
	sets, gets := make([]*redis.BoolCmd, len(mine)), make([]*redis.StringCmd, len(mine))
	for j, o := range mine {
		sets[j] = pipe.SetNX(lctx, o.lock.name, o.lock.token, c.opt.Lease)
		gets[j] = pipe.Get(lctx, b.qs[o.i].key)
	}
	sctx, cancel := c.brief(lctx)
	_, _ = pipe.Exec(sctx) // each command's own error is looked at
	cancel()
	var load []own
	for j, o := range mine {
		q := b.qs[o.i]
		won, err := sets[j].Result()
		o.lock.held = err == nil && won
		if e, ok := c.filledMeanwhile(q, gets[j].Val(), o.versions, after[o.i]); ok {
			if ans, err := c.answerFrom(q.layer, &e, FromRedis); err == nil {
				c.release(lctx, o.lock)
				c.land(lctx, o.name, o.f, ans)
				continue
			}
		}
		if o.lock.held || err != nil {
			load = append(load, o)
			continue
		}
		if !c.spawn(func() {
			wctx, cancel := c.loadContext(ctx, q, scopeOf(ctx).holdsSlot(), scopeOf(ctx))
			defer cancel()
			c.land(wctx, o.name, o.f, c.fill(wctx, q, o.versions, after[o.i], o.f))
		}) {
			c.land(ctx, o.name, o.f, answer{err: ErrClosed})
		}
	}
	if len(load) > 0 {
		b.loadAndStore(lctx, load)
	}
}

func (b *batch) loadAndStore(ctx context.Context, load []own) {
	c := b.c
	which := make([]int, len(load))
	stops := make([]func(), len(load))
	for j, o := range load {
		which[j] = o.i
		stops[j] = c.keepAlive(ctx, o.lock)
	}
	start := time.Now()
	products := b.runLoad(ctx, which)
	cost := time.Since(start) / time.Duration(len(load))
	for _, stop := range stops {
		stop()
	}
	sc := scopeOf(ctx)
	pipe := c.rdb.Pipeline()
	type stored struct {
		envelope
		set *redis.StatusCmd
	}
	kept := make([]*stored, len(load))
	answers := make([]answer, len(load))
	for j, o := range load {
		q, p := b.qs[o.i], &products[j]
		life := c.lifetime(q, p, p.parts(sc, q.deps))
		answers[j] = answerOf(p, life, FromSource)
		if p.err != nil && !p.negative {
			continue
		}
		if e, ok := c.envelopeFor(q, p, o.versions, cost, life); ok {
			kept[j] = &stored{envelope: e, set: c.queueStore(ctx, pipe, &q.target, &e)}
			answers[j].info.set(&e)
		}
	}
	sctx, cancel := c.brief(ctx)
	defer cancel()
	_, _ = pipe.Exec(sctx)
	release := c.rdb.Pipeline()
	for j, o := range load {
		if k := kept[j]; k != nil {
			q := b.qs[o.i]
			if err := k.set.Err(); err != nil {
				q.layer.met.rejected[rejectRedis].inc()
				c.refused(err)
			} else {
				c.near.put(q, &k.envelope, products[j].payload, q.began)
			}
		}
		if o.lock.held {
			o.lock.held = false
			c.queueRelease(ctx, release, o.lock)
		}
		c.land(ctx, o.name, o.f, answers[j])
	}
	if release.Len() > 0 {
		if _, err := release.Exec(ctx); err != nil {
			c.log.Debug("cache locks not released, they will lapse", "error", err)
		}
	}
}

// runLoad is one call of the source for all; it answers as many products.
func (b *batch) runLoad(ctx context.Context, which []int) (ps []product) {
	start := time.Now()
	met := &b.layer.met
	met.loads.inc()
	fail := func(err error) {
		met.loadErrors.inc()
		ps = make([]product, len(which))
		for i := range ps {
			ps[i].err = err
		}
	}
	defer func() {
		since(met.load, start)
		if v := recover(); v != nil {
			fail(b.c.panicked(b.layer, v))
		}
	}()
	ps = b.tracedLoad(ctx, which)
	if len(ps) != len(which) {
		fail(fmt.Errorf("cache: batch load in layer %s answered %d of %d", b.layer.Name, len(ps), len(which)))
	}
	return ps
}
