package cache

import (
	"context"
	"slices"
	"strings"
	"time"
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
		first, twice := again[i]
		if twice {
			*a = b.answers[first]
			if a.ans.payload != nil {
				a.ans.value = nil // each caller's own copy
			}
		} else if a.wait != nil {
			a.ans, a.err = a.wait(ctx)
		}
		if sc != nil && a.ans.hit && !twice {
			b.layer.met.nestedHits.inc()
		}
		if !sc.warms() {
			b.c.topKeys.see(b.layer, b.qs[i].key, int64(start.Sub(b.c.born)))
		}
		if a.err == nil || a.ans.negative {
			sc.note(b.c, b.qs[i].deps, &a.ans.inherited)
		}
	}
	since(b.layer.met.getMany, start)
	return b.answers
}

// read is step 1 for all: hits are answered, the rest is fetched.
func (b *batch) read(ctx context.Context, open []int) {
	c := b.c
	if !c.opt.Gate() || c.breaker.open.Load() || scopeOf(ctx).bypassed() {
		b.bypass(ctx, open, newBoost())
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
	met := c.history.met.Load()
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
		q.layer.met.missed(scopeOf(ctx))
		missing = append(missing, i)
	}
	if len(missing) == 0 {
		return
	}
	// Each missing version is made once, however many entries need it.
	var marked []int // being invalidated
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
		fresh, err := c.makeVersions(ctx, vkeys, have, met, nil)
		if err != nil {
			b.redisFailed(ctx, missing, err)
			return
		}
		for j, v := range vkeys {
			values[index[v]] = fresh[j]
		}
	}
	missing = slices.DeleteFunc(missing, func(i int) bool {
		under := !complete(versionsOf(b.qs[i]))
		if under {
			marked = append(marked, i)
		}
		return under
	})
	if len(marked) > 0 {
		b.bypass(ctx, marked, givenBoost())
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
	b.bypass(ctx, which, newBoost())
}

// direct fetches past the cache: what nobody fetches in one call and one
// slot, the rest as it comes.
func (b *batch) bypass(ctx context.Context, which []int, lift *boost) {
	c := b.c
	var mine []*bypassFlight
	var mineAt []int
	for _, i := range which {
		q := b.qs[i]
		q.layer.met.bypassed.inc()
		f, claimed, _ := c.bypass.claim(ctx, q, lift)
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
			next := c.bypass.pass(f.name)
			f.finish(answers[j])
			if next != nil {
				c.flyBypass(next)
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
				answers[j] = answerOf(&p, c.lifetime(q, &p, p.parts(scopeOf(lctx), q.deps)), FromBypass)
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
