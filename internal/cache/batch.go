package cache

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// batch is many loading reads as one: one round trip reads them all, one load
// call fetches what is missing and nobody else is fetching, one round trip
// stores it. It loads its own keys before it waits for others'.
type batch struct {
	c       *Cache
	layer   *layerState
	qs      []*request
	load    func(ctx context.Context, which []int) []product
	answers []batchAnswer
}

type batchAnswer struct {
	ans  answer
	err  error
	wait func(context.Context) (answer, error) // still to come
}

func (b *batch) set(i int, ans answer, err error) { b.answers[i] = batchAnswer{ans: ans, err: err} }

// run answers every request.
func (b *batch) run(ctx context.Context) []batchAnswer {
	start := time.Now()
	b.answers = make([]batchAnswer, len(b.qs))
	sc := scopeOf(ctx)
	var open []int
	firsts, again := map[string]int{}, map[int]int{} // one key asked twice is read once
	for i, q := range b.qs {
		if first, ok := firsts[q.key]; ok {
			again[i] = first
			continue
		}
		firsts[q.key] = i
		switch {
		case ctx.Err() != nil:
			b.set(i, answer{}, ctx.Err())
		case sc.loads(q.key):
			b.set(i, answer{}, ErrCycle)
		default:
			open = append(open, i)
		}
	}
	if len(open) > 0 {
		b.read(ctx, open)
	}
	for i := range b.answers {
		a := &b.answers[i]
		if first, ok := again[i]; ok {
			*a = b.answers[first]
			if a.ans.payload != nil {
				a.ans.value = nil // each caller's own copy
			}
		} else if a.wait != nil {
			a.ans, a.err = a.wait(ctx)
		}
		if a.err == nil || a.ans.negative {
			sc.note(b.c, b.qs[i].deps, &a.ans.burden)
		}
	}
	since(b.layer.met.getMany, start)
	return b.answers
}

// read is step 1 for all: hits are answered, the rest is fetched.
func (b *batch) read(ctx context.Context, open []int) {
	c := b.c
	if !c.opt.Gate() || c.breaker.open.Load() {
		b.direct(ctx, open)
		return
	}
	began := c.mono()
	index := map[string]int{}
	var keys []string
	slot := func(k string) {
		if _, ok := index[k]; !ok {
			index[k] = len(keys)
			keys = append(keys, k)
		}
	}
	for _, i := range open {
		b.qs[i].began = began
		slot(b.qs[i].key)
		for _, v := range b.qs[i].vkeys {
			slot(v)
		}
	}
	values, err := c.readKeys(ctx, "", keys)
	if err != nil {
		b.redisFailed(ctx, open, err)
		return
	}
	c.redisOK()
	versionsOf := func(q *request) []string {
		out := make([]string, len(q.vkeys))
		for j, v := range q.vkeys {
			out[j] = values[index[v]]
		}
		return out
	}
	var missing []int
	after := make(map[int]int64)
	for _, i := range open {
		q := b.qs[i]
		if ans, ok := b.stored(ctx, q, reading{raw: values[index[q.key]], versions: versionsOf(q)}); ok {
			b.set(i, c.hit(q, ans), nil)
			continue
		} else if ans.info.stored > 0 {
			after[i] = ans.info.stored
		}
		q.layer.met.misses.inc()
		missing = append(missing, i)
	}
	if len(missing) == 0 {
		return
	}
	// Each missing version is made once, however many entries need it.
	var vkeys, have []string
	made := map[string]bool{}
	for _, i := range missing {
		for _, v := range b.qs[i].vkeys {
			if !made[v] && len(values[index[v]]) != nonceLen {
				made[v] = true
				vkeys, have = append(vkeys, v), append(have, values[index[v]])
			}
		}
	}
	if len(vkeys) > 0 {
		fresh, err := c.makeVersions(ctx, vkeys, have)
		if err != nil {
			b.redisFailed(ctx, missing, err)
			return
		}
		for j, v := range vkeys {
			values[index[v]] = fresh[j]
		}
	}
	b.fetch(ctx, missing, func(i int) string { return strings.Join(versionsOf(b.qs[i]), "") }, after)
}

// stored judges what was read of one entry; a refused answer says when it was
// stored.
func (b *batch) stored(ctx context.Context, q *request, r reading) (answer, bool) {
	c := b.c
	e, v := c.judge(&q.target, r)
	if v == miss {
		return answer{}, false
	}
	ans, err := c.answerFrom(q.layer, &e, FromRedis)
	if err != nil {
		return answer{}, false
	}
	if v == fresh || v == revalidate && scopeOf(ctx) == nil {
		if v == revalidate {
			c.refresh(ctx, q, e.versions, e.stored)
		}
		c.near.put(q, &e, ans.payload, q.began)
		return ans, true
	}
	return answer{info: ans.info}, false
}

func (b *batch) redisFailed(ctx context.Context, which []int, err error) {
	if gone := callerGone(ctx); gone != nil {
		for _, i := range which {
			b.set(i, answer{}, gone)
		}
		return
	}
	b.c.redisDown(err)
	b.direct(ctx, which)
}

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
		name := flightName(q.key, versions)
		f, claimed := c.flights.claim(name)
		b.answers[i].wait = f.wait
		if !claimed {
			q.layer.met.coalesced.inc()
			continue
		}
		mine = append(mine, own{i: i, f: f, name: name, versions: versions, lock: c.newLock(q.key, versions)})
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
			c.flights.land(o.name, o.f, answer{err: ErrClosed})
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
	_, _ = pipe.Exec(lctx) // each command's own error is looked at
	var load []own
	for j, o := range mine {
		q := b.qs[o.i]
		won, err := sets[j].Result()
		o.lock.held = err == nil && won
		if e, ok := c.filledMeanwhile(q, gets[j].Val(), o.versions, after[o.i]); ok {
			if ans, err := c.answerFrom(q.layer, &e, FromRedis); err == nil {
				c.release(lctx, o.lock)
				c.flights.land(o.name, o.f, ans)
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
			c.flights.land(o.name, o.f, c.fill(wctx, q, o.versions, after[o.i]))
		}) {
			c.flights.land(o.name, o.f, answer{err: ErrClosed})
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
		life := c.lifetime(q, p, sc.end(q.deps))
		answers[j] = answerOf(p, life, FromSource)
		if p.err != nil && !p.negative {
			continue
		}
		if e, ok := c.envelopeFor(q, p, o.versions, cost, life); ok {
			kept[j] = &stored{envelope: e, set: c.queueStore(ctx, pipe, &q.target, &e)}
			answers[j].info.set(&e)
		}
	}
	_, _ = pipe.Exec(ctx)
	release := c.rdb.Pipeline()
	for j, o := range load {
		if k := kept[j]; k != nil {
			q := b.qs[o.i]
			if err := k.set.Err(); err != nil {
				q.layer.met.rejected[rejectRedis].inc()
			} else {
				c.near.put(q, &k.envelope, products[j].payload, q.began)
			}
		}
		if o.lock.held {
			o.lock.held = false
			c.queueRelease(ctx, release, o.lock)
		}
		c.flights.land(o.name, o.f, answers[j])
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
	ps = b.load(ctx, which)
	if len(ps) != len(which) {
		fail(fmt.Errorf("cache: batch load in layer %s answered %d of %d", b.layer.Name, len(ps), len(which)))
	}
	return ps
}

// direct fetches past the cache: what nobody fetches in one call and one
// slot, the rest as it comes.
func (b *batch) direct(ctx context.Context, which []int) {
	c := b.c
	lift := newBoost()
	var mine []*directFlight
	var mineAt []int
	for _, i := range which {
		q := b.qs[i]
		q.layer.met.bypassed.inc()
		f, claimed, _ := c.direct.claim(ctx, q, lift)
		b.answers[i].wait = f.wait
		if claimed {
			mine, mineAt = append(mine, f), append(mineAt, i)
		}
	}
	if len(mine) == 0 {
		return
	}
	// Each key's flight is ended as a single one would be, and whoever asked
	// meanwhile flies next.
	end := func(answers []answer) {
		for j, f := range mine {
			next := c.direct.pass(f.q.key)
			f.finish(answers[j])
			if next != nil {
				c.flyDirect(next)
			}
		}
	}
	answers := make([]answer, len(mine))
	if !c.spawn(func() {
		parent := scopeOf(ctx)
		keys := make([]string, len(mine))
		for j, f := range mine {
			keys[j] = f.q.key
		}
		lctx, cancel := c.loadContextFor(ctx, b.layer, keys, true, parent)
		defer cancel()
		free, err := c.takeSlot(lctx, parent.holdsSlot(), lift.given)
		if err == nil {
			for j, p := range b.runLoad(lctx, mineAt) {
				q := b.qs[mineAt[j]]
				answers[j] = answerOf(&p, c.lifetime(q, &p, scopeOf(lctx).end(q.deps)), FromBypass)
			}
		} else {
			for j := range answers {
				answers[j].err = err
			}
		}
		free()
		end(answers)
	}) {
		for j := range answers {
			answers[j].err = ErrClosed
		}
		end(answers)
	}
}
