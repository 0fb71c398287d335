package cache

import (
	"context"
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

	mu    sync.Mutex
	taken bool // the value itself was handed to a caller
	ans   answer
}

type flights struct {
	mu     sync.Mutex
	byName map[string]*flight
}

// join shares the flight of this entry at these versions, or starts it.
func (c *Cache) join(ctx context.Context, q *request, versions string) (answer, error) {
	name := q.key + "\x00" + versions
	c.flights.mu.Lock()
	f, ok := c.flights.byName[name]
	if !ok {
		f = &flight{done: make(chan struct{})}
		c.flights.byName[name] = f
	}
	c.flights.mu.Unlock()
	if ok {
		q.layer.met.coalesced.Inc()
		return f.wait(ctx)
	}
	// The fetch belongs to everyone who joins, so it outlives its starter's
	// cancellation; the layer's hard timeout and Close bound it.
	started := c.spawn(func() {
		lctx, cancel := c.loadContext(ctx, q)
		defer cancel()
		ans := c.fetchAndFill(lctx, q, versions)
		c.flights.mu.Lock()
		delete(c.flights.byName, name)
		c.flights.mu.Unlock()
		f.finish(ans)
	})
	if !started {
		c.flights.mu.Lock()
		delete(c.flights.byName, name)
		c.flights.mu.Unlock()
		f.finish(answer{err: ErrClosed})
	}
	return f.wait(ctx)
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

// loadContext is what a fetch runs in: the starter's values, not its end.
func (c *Cache) loadContext(ctx context.Context, q *request) (context.Context, context.CancelFunc) {
	lctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.layer.HardTimeout)
	stop := context.AfterFunc(c.life, cancel)
	return lctx, func() { stop(); cancel() }
}

// runLoad calls the source and makes a panic an error.
func (c *Cache) runLoad(ctx context.Context, q *request) (p product) {
	start := time.Now()
	met := &q.layer.met
	met.loads.Inc()
	defer func() {
		since(met.load, start)
		if v := recover(); v != nil {
			p = product{err: &PanicError{Value: v, Stack: debug.Stack()}}
			c.log.Error("cache loader panicked", "layer", q.layer.Name, "key", q.key, "panic", v, "stack", string(debug.Stack()))
		}
		if p.err != nil && !p.negative {
			met.loadErrors.Inc()
		}
	}()
	return q.load(ctx)
}
