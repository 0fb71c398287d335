package cache

import (
	"context"
	"sync"
)

// Without versions to compare, a read may share only a fetch that starts after
// it came. So per key one fetch runs, and those who come meanwhile share the
// next one, which starts when the running one ends.
type directs struct {
	mu    sync.Mutex
	byKey map[string]*directPair
}

type directPair struct {
	next *flight // not started; readers may join
}

// loadDirect fetches past the cache: one fetch per key in this process.
func (c *Cache) loadDirect(ctx context.Context, q *request) (answer, error) {
	c.direct.mu.Lock()
	pair, running := c.direct.byKey[q.key]
	if !running {
		pair = &directPair{}
		c.direct.byKey[q.key] = pair
	}
	f, joined := pair.next, pair.next != nil
	if !joined {
		f = &flight{done: make(chan struct{})}
		if running {
			pair.next = f
		}
	}
	c.direct.mu.Unlock()
	if joined {
		q.layer.met.coalesced.Inc()
	}
	if !running && !c.spawn(func() { c.runDirect(ctx, q, pair, f) }) {
		c.direct.mu.Lock()
		delete(c.direct.byKey, q.key)
		c.direct.mu.Unlock()
		return answer{}, ErrClosed
	}
	return f.wait(ctx)
}

// runDirect runs f, then whatever was asked for while it ran, until nobody
// waits any more.
func (c *Cache) runDirect(ctx context.Context, q *request, pair *directPair, f *flight) {
	for f != nil {
		lctx, cancel := c.loadContext(ctx, q)
		p := c.runLoad(lctx, q)
		cancel()
		c.direct.mu.Lock()
		next := pair.next
		pair.next = nil
		if next == nil {
			delete(c.direct.byKey, q.key)
		}
		c.direct.mu.Unlock()
		f.finish(answer{payload: p.payload, value: p.value, negative: p.negative, err: p.err, info: Info{Source: FromBypass}})
		f = next
	}
}
