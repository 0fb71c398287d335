package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// fetcher loads the entries of one read from the source: one, or several in
// one call. They are told apart by their places in qs.
type fetcher struct {
	layer *layerState
	qs    []*request
	many  func(ctx context.Context, which []int) []product // nil = a single entry, by its own loader
}

// one fetches a single entry.
func one(q *request) *fetcher { return &fetcher{layer: q.layer, qs: []*request{q}} }

func (s *fetcher) load(ctx context.Context, which []int, solo bool) []product {
	if s.many == nil {
		return []product{s.qs[which[0]].load(ctx, solo)}
	}
	return s.many(ctx, which)
}

// callSource is one call of the source, which answers with as many products as
// it is asked for. A panic is an error of them all.
func (c *Cache) callSource(ctx context.Context, s *fetcher, which []int, solo bool) (ps []product) {
	start := time.Now()
	met := &s.layer.met
	met.loads.inc()
	defer func() {
		since(met.load, start)
		if v := recover(); v != nil {
			ps = allFailed(len(which), c.panicked(s.layer, v))
		}
		if slices.ContainsFunc(ps, product.failed) {
			met.loadErrors.inc()
		}
	}()
	ps = c.tracedLoad(ctx, s, which, solo)
	if len(ps) != len(which) {
		ps = allFailed(len(which), fmt.Errorf("cache: batch load in layer %s answered %d of %d", s.layer.Name, len(ps), len(which)))
	}
	return ps
}

// failed reports whether the source gave no answer; "not found" is one.
func (p product) failed() bool { return p.err != nil && !p.negative }

func allFailed(n int, err error) []product {
	ps := make([]product, n)
	for i := range ps {
		ps[i].err = err
	}
	return ps
}

func (c *Cache) panicked(l *layerState, v any) error {
	stack := debug.Stack()
	c.log.Error("cache loader panicked", "layer", l.Name, "panic", v, "stack", string(stack))
	return &PanicError{Value: v, Stack: stack}
}

// loadContext is what a fetch runs in: the values of its starter's context but
// not its cancellation, and a scope of its own inside parent's.
func (c *Cache) loadContext(ctx context.Context, l *layerState, keys []string, slot bool, parent *scope) (context.Context, context.CancelFunc) {
	sc := &scope{c: c, parent: parent, keys: keys, slot: slot}
	lctx := context.WithValue(context.WithoutCancel(ctx), scopeKey{}, sc)
	lctx, cancel := context.WithTimeout(lctx, l.HardTimeout)
	stop := context.AfterFunc(c.life, cancel)
	return lctx, func() { stop(); cancel() }
}
