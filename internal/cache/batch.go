package cache

import (
	"context"
	"strings"
	"time"

	"openlearn/internal/cache/internal/near"
	"openlearn/internal/cache/internal/version"
	"openlearn/internal/cache/internal/versionbatch"
)

// batch reads several entries as one: one round trip looks at them all, one
// load call fetches what is missing and not being fetched already, one round
// trip stores it. It loads its own entries before it waits for others'.
type batch struct {
	fetcher
	c       *Cache
	answers []batchAnswer
}

type batchAnswer struct {
	ans  answer
	err  error
	wait *pending // still to come
}

func (b *batch) set(i int, ans answer, err error) { b.answers[i] = batchAnswer{ans: ans, err: err} }

// run answers every request.
func (b *batch) run(ctx context.Context) []batchAnswer {
	start := time.Now()
	b.answers = make([]batchAnswer, len(b.qs))
	sc := scopeOf(ctx)
	var open []int
	firsts, again := map[string]int{}, map[int]int{} // a key asked twice is read once
	for i, q := range b.qs {
		if first, ok := firsts[q.key]; ok {
			again[i] = first
			continue
		}
		firsts[q.key] = i
		if err := refuse(ctx, sc, q); err != nil {
			b.set(i, answer{}, err)
			continue
		}
		open = append(open, i)
	}
	if len(open) > 0 {
		b.read(ctx, sc, open)
	}
	for i := range b.answers {
		a := &b.answers[i]
		first, twice := again[i]
		if !twice {
			if a.wait != nil {
				a.ans, a.err = b.c.await(ctx, b.qs[i], *a.wait)
			}
			b.c.answered(sc, b.qs[i], &a.ans, a.err, start)
			continue
		}
		*a = b.answers[first]
		if a.ans.payload != nil {
			a.ans.value = nil // each caller's own copy
		}
		if !sc.warms() {
			b.c.topKeys.See(b.qs[i].key, int64(start.Sub(b.c.born)))
		}
	}
	since(b.layer.met.getMany, start)
	return b.answers
}

// read answers what is stored and begins to fetch the rest.
func (b *batch) read(ctx context.Context, sc *scope, open []int) {
	c := b.c
	if c.passedBy(sc) {
		b.bypass(ctx, open, newBoost())
		return
	}
	near := make(map[int]*near.Entry)
	for _, i := range open {
		if e := c.remembered(sc, b.qs[i]); e != nil {
			near[i] = e
		}
	}
	var misses []batchMiss
	var refreshes []missing
	met := c.history.met.Load()
	for len(open) > 0 { // again for entries whose copy in memory is out of date
		seen, err := b.look(ctx, open, near)
		if err != nil {
			b.redisFailed(ctx, open, err)
			break
		}
		c.redisOK()
		var again []int
		for _, i := range open {
			q := b.qs[i]
			var f found
			r := seen.of(q)
			if e := near[i]; e != nil {
				delete(near, i)
				if f = c.judgeNear(sc, q, e, versionbatch.Outcome{Began: r.began, Versions: r.versions}); !f.usable {
					again = append(again, i)
					continue
				}
			} else if f = c.judgeStored(sc, q, r); !f.usable {
				q.layer.met.missed(sc)
				misses = append(misses, batchMiss{i, f, r.versions})
				continue
			}
			if f.refresh {
				refreshes = append(refreshes, missing{at: i, versions: f.versions, after: f.after})
			}
			b.set(i, c.hit(q, f.ans), nil)
		}
		open = again
	}
	if len(refreshes) > 0 {
		c.refresh(ctx, &b.fetcher, refreshes)
	}
	if len(misses) > 0 {
		b.fetch(ctx, misses, met)
	}
}

// looked is what one round trip of a batch returned.
type looked struct {
	values map[string]string
	began  int64
}

func (l *looked) of(q *request) reading {
	r := reading{raw: l.values[q.key], versions: make([]string, len(q.vkeys)), began: l.began}
	for j, v := range q.vkeys {
		r.versions[j] = l.values[v]
	}
	return r
}

// look reads entries with their versions; of those in memory only the versions.
// A version that several entries depend on is read once.
func (b *batch) look(ctx context.Context, which []int, near map[int]*near.Entry) (*looked, error) {
	l := &looked{values: make(map[string]string), began: b.c.mono()}
	var keys []string
	add := func(k string) {
		if _, ok := l.values[k]; !ok {
			l.values[k] = ""
			keys = append(keys, k)
		}
	}
	for _, i := range which {
		q := b.qs[i]
		q.began = l.began
		if near[i] == nil {
			add(q.key)
		}
		for _, v := range q.vkeys {
			add(v)
		}
	}
	values, err := b.c.readEntries(ctx, keys)
	if err != nil {
		return nil, err
	}
	for j, k := range keys {
		l.values[k] = values[j]
	}
	return l, nil
}

// batchMiss is an entry with nothing usable stored, and those of its versions
// that already exist.
type batchMiss struct {
	at       int
	found    found
	versions []string
}

// fetch makes the missing versions of the missing entries and has the entries
// fetched.
func (b *batch) fetch(ctx context.Context, misses []batchMiss, met uint64) {
	// Each missing version is made once, however many entries need it.
	var vkeys, have []string
	made := map[string]int{}
	for _, m := range misses {
		for j, v := range b.qs[m.at].vkeys {
			if _, ok := made[v]; !ok && len(m.versions[j]) != version.Len {
				made[v] = len(vkeys)
				vkeys, have = append(vkeys, v), append(have, m.versions[j])
			}
		}
	}
	if len(vkeys) > 0 {
		fresh, err := b.c.makeVersions(ctx, vkeys, have, met, nil)
		if err != nil {
			at := make([]int, len(misses))
			for j, m := range misses {
				at[j] = m.at
			}
			b.redisFailed(ctx, at, err)
			return
		}
		for _, m := range misses {
			for j, v := range b.qs[m.at].vkeys {
				if k, ok := made[v]; ok {
					m.versions[j] = fresh[k]
				}
			}
		}
	}
	var unstored []int // a dependency is being invalidated
	var ms []missing
	var founds []*found
	for k := range misses {
		m := &misses[k]
		if !version.Complete(m.versions) {
			unstored = append(unstored, m.at)
			continue
		}
		ms = append(ms, missing{at: m.at, versions: strings.Join(m.versions, ""), after: m.found.after})
		founds = append(founds, &m.found)
	}
	if len(unstored) > 0 {
		b.bypass(ctx, unstored, givenBoost())
	}
	b.c.join(ctx, &b.fetcher, ms)
	for k := range ms {
		p := ms[k].pending(founds[k])
		b.answers[ms[k].at].wait = &p
	}
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

// bypass fetches past the cache.
func (b *batch) bypass(ctx context.Context, which []int, lift *boost) {
	for j, f := range b.c.flyPast(ctx, &b.fetcher, which, lift) {
		b.answers[which[j]].wait = &pending{flight: f.flight}
	}
}
