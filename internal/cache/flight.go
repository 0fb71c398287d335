package cache

import (
	"context"
	"encoding/binary"
	"runtime/debug"
	"sync"
	"time"
)

// A flight is one fetch that several readers share. Joining one is a read too:
// only those may join whose own versions, read after they came, are the
// flight's fill versions. So the versions are part of a flight's name. Plain
// singleflight by key would hand a value fetched before an invalidation to a
// caller that came after it.
type flight struct {
	done chan struct{} // closed when the answer stands
	lead *lock         // taken for it in advance and not used yet; flights.mu guards it

	mu    sync.Mutex
	taken bool // the value itself was handed to a caller
	ans   answer
}

type flights struct {
	mu         sync.Mutex
	byName     map[string]*flight
	refreshing map[string]struct{}
}

func newFlight() *flight { return &flight{done: make(chan struct{})} }

// flightName names the fingerprint too: another Func's type of the same key is
// another value.
func flightName(t *target, versions string) string {
	return string(binary.BigEndian.AppendUint64([]byte(t.key+"\x00"+versions), t.fprint))
}

// claim returns the flight of that name, and whether the caller must fly it.
// Whoever flies it gets the lead, if there is one: letting go of it here would
// look to other processes like a fetch that failed.
func (s *flights) claim(name string, lead *lock) (f *flight, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.byName[name]
	if !ok {
		f = newFlight()
		s.byName[name] = f
	}
	if lead != nil {
		f.lead = lead
	}
	return f, !ok
}

// takeLead is the flight's lead, once.
func (s *flights) takeLead(f *flight) *lock {
	s.mu.Lock()
	defer s.mu.Unlock()
	lead := f.lead
	f.lead = nil
	return lead
}

// land takes the flight off the table and gives everyone the answer.
func (c *Cache) land(ctx context.Context, name string, f *flight, ans answer) {
	s := &c.flights
	s.mu.Lock()
	delete(s.byName, name)
	s.mu.Unlock()
	c.letGo(ctx, s.takeLead(f))
	f.finish(ans)
}

// join shares the flight of this entry at these versions, or starts it. An
// entry stored at or before after is no answer to it. lead may be nil.
func (c *Cache) join(ctx context.Context, q *request, versions string, after int64, lead *lock) (answer, error) {
	name := flightName(&q.target, versions)
	f, mine := c.flights.claim(name, lead)
	if !mine {
		if lead != nil {
			c.pubsub.wake(lead.name) // the flight may be waiting for just this lock
		}
		q.layer.met.coalesced.inc()
		return f.wait(ctx)
	}
	// The fetch belongs to everyone who joins, so it outlives its starter's
	// cancellation; the layer's hard timeout and Close bound it.
	if !c.spawn(func() {
		lctx, cancel := c.loadContext(ctx, q, scopeOf(ctx).holdsSlot(), scopeOf(ctx))
		defer cancel()
		c.land(lctx, name, f, c.fill(lctx, q, versions, after, f))
	}) {
		c.land(ctx, name, f, answer{err: ErrClosed})
	}
	return f.wait(ctx)
}

// refresh fetches behind a read that has been answered: once per process, and
// once among processes, since who does not get the lock leaves it.
func (c *Cache) refresh(ctx context.Context, q *request, versions string, after int64) {
	name := flightName(&q.target, versions)
	c.flights.mu.Lock()
	_, running := c.flights.refreshing[name]
	if !running {
		c.flights.refreshing[name] = struct{}{}
	}
	c.flights.mu.Unlock()
	if running {
		return
	}
	end := func() {
		c.flights.mu.Lock()
		delete(c.flights.refreshing, name)
		c.flights.mu.Unlock()
	}
	if !c.spawn(func() {
		defer end()
		lctx, cancel := c.loadContext(ctx, q, false, nil)
		defer cancel()
		l := c.newLock(&q.target, versions)
		a, err := c.try(lctx, l, q.key, false)
		if err != nil || !l.held {
			return
		}
		if e, ok := c.filledMeanwhile(q, a.raw, versions, after); ok {
			c.release(lctx, l)
			if ans, err := c.answerFrom(q.layer, &e, FromRedis); err == nil {
				c.near.put(q, &e, ans.payload, q.began)
			}
			return
		}
		q.layer.met.refreshes.inc()
		c.fetchAndStore(lctx, q, versions, l)
	}) {
		end()
	}
}

func (f *flight) finish(ans answer) {
	f.ans = ans
	close(f.done)
}

// wait returns the flight's answer. The first to ask gets the value itself,
// the others the bytes: no two callers share memory they might write to.
func (f *flight) wait(ctx context.Context) (answer, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	ans := f.ans
	if f.taken && ans.payload != nil {
		ans.value = nil
	}
	f.taken = true
	return ans, ans.err
}

// loadContext is what a fetch runs in: the starter's values, not its end, and
// a scope of its own inside parent's.
func (c *Cache) loadContext(ctx context.Context, q *request, slot bool, parent *scope) (context.Context, context.CancelFunc) {
	return c.loadContextFor(ctx, q.layer, []string{q.key}, slot, parent)
}

func (c *Cache) loadContextFor(ctx context.Context, l *layerState, keys []string, slot bool, parent *scope) (context.Context, context.CancelFunc) {
	sc := &scope{c: c, parent: parent, keys: keys, slot: slot}
	lctx := context.WithValue(context.WithoutCancel(ctx), scopeKey{}, sc)
	lctx, cancel := context.WithTimeout(lctx, l.HardTimeout)
	stop := context.AfterFunc(c.life, cancel)
	return lctx, func() { stop(); cancel() }
}

// runLoad calls the source and makes a panic an error.
func (c *Cache) runLoad(ctx context.Context, q *request) (p product) {
	start := time.Now()
	met := &q.layer.met
	met.loads.inc()
	defer func() {
		since(met.load, start)
		if v := recover(); v != nil {
			p = product{err: c.panicked(q.layer, v)}
		}
		if p.err != nil && !p.negative {
			met.loadErrors.inc()
		}
	}()
	return c.tracedLoad(ctx, q)
}

func (c *Cache) panicked(l *layerState, v any) error {
	stack := debug.Stack()
	c.log.Error("cache loader panicked", "layer", l.Name, "panic", v, "stack", string(stack))
	return &PanicError{Value: v, Stack: stack}
}
