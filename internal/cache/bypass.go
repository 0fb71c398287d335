package cache

import (
	"context"
	"fmt"
	"sync"
)

// Bypass returns a context whose reads, and the reads nested in their loads, go
// past the cache to the source and store nothing: for measuring what the cache
// saves. They are counted as bypassed, and limited like all such loads.
func Bypass(ctx context.Context) context.Context {
	return context.WithValue(ctx, scopeKey{}, &scope{parent: scopeOf(ctx), bypass: true})
}

// bypassed reports whether s or a scope around it goes past the cache.
func (s *scope) bypassed() bool {
	for ; s != nil; s = s.parent {
		if s.bypass {
			return true
		}
	}
	return false
}

// Past the cache there are no versions to compare, so a read may share only a
// fetch that starts after it came: one fetch runs per key, and reads that come
// meanwhile share the next. Fetches are limited to some slots, so that the
// database survives. A load nested in one that has a slot shares it.
type bypasses struct {
	mu    sync.Mutex
	byKey map[string]*bypassPair
	slots chan struct{}
}

// bypassPair is one key's fetch in progress and the one after it.
type bypassPair struct {
	running, next *bypassFlight
}

type bypassFlight struct {
	*flight
	name   string
	q      *request
	joined bool            // by readers other than its starter; final once it flies
	ctx    context.Context // the starter's values, not its cancellation
	boost  *boost
}

// boost is given once a reader that holds a slot waits for a flight: it then
// flies in that reader's slot, or both would wait for ever.
type boost struct {
	once  sync.Once
	given chan struct{}
}

func newBoost() *boost { return &boost{given: make(chan struct{})} }

// givenBoost is the boost of a flight that needs no slot.
func givenBoost() *boost {
	b := newBoost()
	b.give()
	return b
}

func (b *boost) give() { b.once.Do(func() { close(b.given) }) }

func (b *boost) has() bool {
	select {
	case <-b.given:
		return true
	default:
		return false
	}
}

func (f *bypassFlight) lift() {
	if f != nil {
		f.boost.give()
	}
}

// claim returns the flight this read may share, and whether the caller must
// fly it now.
func (d *bypasses) claim(ctx context.Context, q *request, b *boost) (f *bypassFlight, mine, joined bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := q.key
	pair, ok := d.byKey[name]
	if ok && pair.running.q.fprint != q.fprint { // another Func's type of the same key
		name = flightName(&q.target, "")
		pair, ok = d.byKey[name]
	}
	switch {
	case !ok:
		f, mine = &bypassFlight{flight: newFlight(), name: name, q: q, ctx: ctx, boost: b}, true
		pair = &bypassPair{running: f}
		d.byKey[name] = pair
	case pair.next == nil:
		f = &bypassFlight{flight: newFlight(), name: name, q: q, ctx: ctx, boost: b}
		pair.next = f
	default:
		f, joined = pair.next, true
		f.joined = true
	}
	if scopeOf(ctx).holdsSlot() || b.has() {
		pair.running.lift()
		pair.next.lift()
	}
	return f, mine, joined
}

// pass ends a key's running fetch and returns the next to fly, if any.
func (d *bypasses) pass(name string) *bypassFlight {
	d.mu.Lock()
	defer d.mu.Unlock()
	pair := d.byKey[name]
	if pair == nil {
		return nil
	}
	pair.running, pair.next = pair.next, nil
	if pair.running == nil {
		delete(d.byKey, name)
	}
	return pair.running
}

// loadBypass fetches one entry past the cache.
func (c *Cache) loadBypass(ctx context.Context, q *request) (answer, error) {
	return c.flyPast(ctx, one(q), []int{0}, newBoost())[0].wait(ctx)
}

// flyPast finds the flights that a read of some entries may share, and flies
// together, in one call and one slot, those that nobody has claimed.
func (c *Cache) flyPast(ctx context.Context, s *fetcher, which []int, b *boost) []*bypassFlight {
	flights := make([]*bypassFlight, len(which))
	var mine []*bypassFlight
	var at []int
	for j, i := range which {
		q := s.qs[i]
		q.layer.met.bypassed.inc()
		f, claimed, joined := c.bypass.claim(ctx, q, b)
		flights[j] = f
		switch {
		case claimed:
			mine, at = append(mine, f), append(at, i)
		case joined:
			q.layer.met.coalesced.inc()
		}
	}
	if len(mine) > 0 {
		c.flyBypass(s, mine, at)
	}
	return flights
}

// flyBypass runs flights in the background, then those asked for meanwhile.
func (c *Cache) flyBypass(s *fetcher, fs []*bypassFlight, at []int) {
	if !c.spawn(func() { c.landBypass(fs, c.runBypass(s, fs, at)) }) {
		answers := make([]answer, len(fs))
		for j := range answers {
			answers[j].err = ErrClosed
		}
		c.landBypass(fs, answers)
	}
}

// landBypass gives flights their answers. Whoever asked for an entry meanwhile
// flies next.
func (c *Cache) landBypass(fs []*bypassFlight, answers []answer) {
	for j, f := range fs {
		next := c.bypass.pass(f.name) // first: a read that comes now must not get this answer
		f.finish(answers[j])
		if next != nil {
			c.flyBypass(one(next.q), []*bypassFlight{next}, []int{0})
		}
	}
}

func (c *Cache) runBypass(s *fetcher, fs []*bypassFlight, at []int) []answer {
	answers := make([]answer, len(fs))
	ctx, parent := fs[0].ctx, scopeOf(fs[0].ctx)
	keys := make([]string, len(fs))
	for j, f := range fs {
		keys[j] = f.q.key
	}
	lctx, cancel := c.loadContext(ctx, s.layer, keys, true, parent)
	defer cancel()
	free, err := c.takeSlot(lctx, parent.holdsSlot(), fs[0].boost.given)
	if err != nil {
		for j := range answers {
			answers[j].err = err
		}
		return answers
	}
	defer free()
	solo := len(fs) == 1 && !fs[0].joined
	for j, p := range c.callSource(lctx, s, at, solo) {
		q := fs[j].q
		answers[j] = answerOf(&p, c.lifetime(q, &p, p.parts(scopeOf(lctx), q.deps)), FromBypass)
	}
	return answers
}

// takeSlot waits for a slot at the source, for a parent's slot to share, or for
// ctx.
func (c *Cache) takeSlot(ctx context.Context, has bool, boost <-chan struct{}) (free func(), err error) {
	none := func() {}
	if has {
		return none, nil
	}
	select {
	case <-boost:
		return none, nil
	case c.bypass.slots <- struct{}{}:
		return func() { <-c.bypass.slots }, nil
	case <-ctx.Done():
		return none, fmt.Errorf("cache: no free slot at the source: %w", ctx.Err())
	}
}
