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
// fetch that starts after it came: per key one fetch runs, and those who come
// meanwhile share the next. Fetches are limited to some slots, so that the
// database survives. A load nested in one that has a slot shares it.
type bypasses struct {
	mu    sync.Mutex
	byKey map[string]*bypassPair
	slots chan struct{}
}

// bypassPair is one key's fetch under way and the one after it.
type bypassPair struct {
	running, next *bypassFlight
}

type bypassFlight struct {
	*flight
	name   string
	q      *request
	joined bool            // by others than its starter; final once it flies
	ctx    context.Context // the starter's: its values, not its end
	boost  *boost
}

// boost is given once a reader that holds a slot waits for a flight: it then
// flies in that reader's slot, or both would wait for ever.
type boost struct {
	once  sync.Once
	given chan struct{}
}

func newBoost() *boost { return &boost{given: make(chan struct{})} }

// givenBoost is that of a flight which needs no slot.
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

// loadBypass fetches past the cache.
func (c *Cache) loadBypass(ctx context.Context, q *request) (answer, error) {
	return c.flyOrJoin(ctx, q, newBoost())
}

func (c *Cache) flyOrJoin(ctx context.Context, q *request, b *boost) (answer, error) {
	f, mine, joined := c.bypass.claim(ctx, q, b)
	if joined {
		q.layer.met.coalesced.inc()
	}
	if mine {
		c.flyBypass(f)
	}
	return f.wait(ctx)
}

// flyBypass runs f in the background, then whatever was asked for meanwhile.
func (c *Cache) flyBypass(f *bypassFlight) {
	if !c.spawn(func() { c.flyAll(f, c.runBypass) }) {
		c.flyAll(f, closedAnswer)
	}
}

func closedAnswer(*bypassFlight) answer { return answer{err: ErrClosed} }

// flyAll flies f and then whatever was asked for meanwhile.
func (c *Cache) flyAll(f *bypassFlight, fly func(*bypassFlight) answer) {
	for f != nil {
		ans := fly(f)
		next := c.bypass.pass(f.name) // first: who comes now must not get this
		f.finish(ans)
		f = next
	}
}

func (c *Cache) runBypass(f *bypassFlight) answer {
	parent := scopeOf(f.ctx)
	lctx, cancel := c.loadContext(f.ctx, f.q, true, parent)
	defer cancel()
	free, err := c.takeSlot(lctx, parent.holdsSlot(), f.boost.given)
	if err != nil {
		return answer{err: err}
	}
	defer free()
	q := *f.q
	q.solo = !f.joined
	p := c.runLoad(lctx, &q)
	return answerOf(&p, c.lifetime(&q, &p, scopeOf(lctx).end(q.deps)), FromBypass)
}

// takeSlot waits for a slot at the source, for a parent's to share, or for ctx.
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
