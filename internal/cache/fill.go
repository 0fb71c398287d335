package cache

import (
	"context"
	"time"

	"openlearn/internal/cache/internal/envelope"
)

// missing is an entry to be fetched, and stored with the versions read before
// the fetch.
type missing struct {
	at       int // its place in the fetcher
	versions string
	after    int64 // an entry stored at or before this time does not answer it
	lead     *lock // taken in advance, or nil

	// Set by join and refresh.
	name   string
	flight *flight // nil = a refresh, which nobody waits for
	lock   *lock
}

// join finds each entry's flight, its own or another reader's at the same
// versions, and fetches together what nobody fetches yet.
func (c *Cache) join(ctx context.Context, s *fetcher, ms []missing) {
	var mine []missing
	for i := range ms {
		m := &ms[i]
		q := s.qs[m.at]
		m.name = flightName(&q.target, m.versions)
		var claimed bool
		m.flight, claimed = c.flights.claim(m.name, m.lead)
		if claimed {
			m.lock = c.newLock(&q.target, m.versions)
			mine = append(mine, *m)
			continue
		}
		if m.lead != nil {
			c.pubsub.wake(m.lead.name) // the flight may be waiting for just this lock
		}
		q.layer.met.coalesced.inc()
	}
	if len(mine) == 0 {
		return
	}
	// A fetch belongs to everyone who joins, so it outlives its starter's
	// cancellation; the layer's hard timeout and Close bound it.
	slot := scopeOf(ctx).holdsSlot()
	if !c.spawn(func() {
		lctx, cancel := c.loadContext(ctx, s.layer, s.keys(mine), slot, scopeOf(ctx))
		defer cancel()
		c.fill(lctx, ctx, s, mine)
	}) {
		for i := range mine {
			c.land(ctx, &mine[i], answer{err: ErrClosed})
		}
	}
}

func (s *fetcher) keys(ms []missing) []string {
	keys := make([]string, len(ms))
	for i := range ms {
		keys[i] = s.qs[ms[i].at].key
	}
	return keys
}

// fill is steps 4 and 5 of the protocol for this process's one fetch of each
// entry: take the locks in one round trip, fetch and store the entries whose
// locks are now ours, and wait for the processes that have the others.
func (c *Cache) fill(ctx, starter context.Context, s *fetcher, ms []missing) {
	load, wait := c.takeLocks(ctx, s, ms)
	if len(wait) == 1 && len(load) == 0 {
		c.awaitFill(ctx, s.qs[wait[0].at], wait[0])
		return
	}
	for _, m := range wait { // each on its own, in parallel with the load
		q := s.qs[m.at]
		if !c.spawn(func() {
			wctx, cancel := c.loadContext(starter, q.layer, []string{q.key}, scopeOf(starter).holdsSlot(), scopeOf(starter))
			defer cancel()
			c.awaitFill(wctx, q, m)
		}) {
			c.land(ctx, &m, answer{err: ErrClosed})
		}
	}
	if len(load) > 0 {
		c.fetchAndStore(ctx, s, load)
	}
}

// takeLocks tries the locks of entries and answers those that other processes
// have filled meanwhile. It returns what is to be loaded, and what another
// process is loading. With the lead there is nothing to try: see takeLead.
func (c *Cache) takeLocks(ctx context.Context, s *fetcher, ms []missing) (load, wait []missing) {
	var try []missing
	for _, m := range ms {
		if lead := c.flights.takeLead(m.flight); lead != nil {
			m.lock = lead
			load = append(load, m)
			continue
		}
		try = append(try, m)
	}
	if len(try) == 0 {
		return load, nil
	}
	if c.breaker.open.Load() {
		return append(load, try...), nil
	}
	locks, keys := make([]*lock, len(try)), make([]string, len(try))
	for i, m := range try {
		locks[i], keys[i] = m.lock, s.qs[m.at].key
	}
	for i, a := range c.tryLocks(ctx, locks, keys, false) {
		m := try[i]
		switch {
		case c.landFilled(ctx, s.qs[m.at], &m, a):
		case m.lock.held || a.err != nil: // without Redis there is no lock: load
			load = append(load, m)
		default:
			wait = append(wait, m)
		}
	}
	return load, wait
}

// awaitFill waits for the process that is fetching an entry, and fetches if
// that comes to nothing or takes longer than LockWait.
func (c *Cache) awaitFill(ctx context.Context, q *request, m missing) {
	l := m.lock
	woken, done := c.pubsub.wait(l.name) // before the look: no wake-up is missed
	defer done()
	deadline := time.Now().Add(c.opt.LockWait)
	for lost := false; ; {
		if lead := c.flights.takeLead(m.flight); lead != nil {
			m.lock = lead
			break
		}
		if c.breaker.open.Load() {
			break
		}
		a := c.try(ctx, l, q.key, true)
		if a.err != nil {
			break
		}
		if c.landFilled(ctx, q, &m, a) {
			return
		}
		left := time.Until(deadline)
		if l.held || lost || left <= 0 {
			if lost {
				q.layer.met.lockTakeovers.inc()
			}
			break
		}
		q.layer.met.lockWaits.inc()
		var err error
		if lost, err = waitFor(ctx, woken, min(a.left+takeoverDelay, left)); err != nil {
			c.land(ctx, &m, answer{err: err})
			return
		}
	}
	m.at = 0
	c.fetchAndStore(ctx, one(q), []missing{m})
}

// takeoverDelay is how long after a lease's end its waiters look again.
const takeoverDelay = 10 * time.Millisecond

// waitFor waits for a wake-up or for d, and reports whether it was woken. After
// a wake-up the fill counts as lost unless the next look shows it; a lease that
// was merely extended does not count.
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

// landFilled answers with an entry that another process has stored since this
// reader looked. It is accepted only with exactly the versions that this reader
// has read itself, and newer than the one it saw.
func (c *Cache) landFilled(ctx context.Context, q *request, m *missing, a attempt) bool {
	if a.err != nil || a.raw == "" {
		return false
	}
	now := c.nowMS()
	e, err := envelope.Decode(a.raw)
	if err != nil || e.Fingerprint != q.fprint || e.Versions != m.versions || e.Stored <= m.after || now >= e.Soft {
		return false
	}
	ans, err := c.answerFrom(q.layer, &e, FromRedis, now)
	if err != nil {
		return false
	}
	c.release(ctx, m.lock)
	if m.flight == nil {
		c.keepNear(q, &e, ans.payload, q.began)
		return true
	}
	q.layer.met.coalesced.inc()
	c.land(ctx, m, ans)
	return true
}

// refresh fetches in the background of reads that have been answered: once per
// process and once across processes, since a process that does not get the lock
// does nothing.
func (c *Cache) refresh(ctx context.Context, s *fetcher, ms []missing) {
	var mine []missing
	for _, m := range ms {
		q := s.qs[m.at]
		m.name = flightName(&q.target, m.versions)
		if c.flights.claimRefresh(m.name) {
			m.lock = c.newLock(&q.target, m.versions)
			mine = append(mine, m)
		}
	}
	if len(mine) == 0 {
		return
	}
	end := func() {
		for i := range mine {
			c.flights.endRefresh(mine[i].name)
		}
	}
	if !c.spawn(func() {
		defer end()
		lctx, cancel := c.loadContext(ctx, s.layer, s.keys(mine), false, nil)
		defer cancel()
		load, _ := c.takeLocks(lctx, s, mine)
		n := 0
		for _, m := range load {
			if m.lock.held { // not held: the lock could not be tried
				load[n] = m
				n++
			}
		}
		if n > 0 {
			s.layer.met.refreshes.add(n)
			c.fetchAndStore(lctx, s, load[:n])
		}
	}) {
		end()
	}
}

// fetchAndStore fetches entries in one call and stores them with the versions
// read before it began. A slow fill can never overwrite a newer invalidation:
// its versions are no longer current, so it is never served.
func (c *Cache) fetchAndStore(ctx context.Context, s *fetcher, ms []missing) {
	which := make([]int, len(ms))
	stops := make([]func(), len(ms))
	for i, m := range ms {
		which[i] = m.at
		stops[i] = c.keepAlive(ctx, m.lock)
	}
	start := time.Now()
	products := c.callSource(ctx, s, which, false)
	cost := time.Since(start) / time.Duration(len(ms))
	for _, stop := range stops {
		stop()
	}
	sc := scopeOf(ctx)
	answers, fills := make([]answer, len(ms)), make([]entryFill, len(ms))
	for i := range ms {
		q, p := s.qs[ms[i].at], &products[i]
		life := c.lifetime(q, p, p.parts(sc, q.deps))
		answers[i] = answerOf(p, life, FromSource)
		fills[i] = entryFill{target: &q.target, lock: ms[i].lock}
		if p.failed() {
			continue
		}
		if e, ok := c.envelopeFor(q, p, ms[i].versions, cost, life); ok {
			answers[i].info.set(&e)
			fills[i].envelope = &e
		}
	}
	c.store(ctx, s.layer, fills)
	for i := range ms {
		q := s.qs[ms[i].at]
		if fills[i].stored {
			c.keepNear(q, fills[i].envelope, products[i].payload, q.began)
		}
		c.land(ctx, &ms[i], answers[i])
	}
}
