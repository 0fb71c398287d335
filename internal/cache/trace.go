package cache

import (
	"context"
	"errors"
	"strconv"
)

// Operation is what a Tracer is told of.
type Operation string

// The operations.
const (
	OpRead       Operation = "read"       // one entry, or several at once
	OpLoad       Operation = "load"       // the source's work for a read
	OpInvalidate Operation = "invalidate" // of dependencies; it has no layer
)

// Tracer is told when operations begin and end, to show what a request waited
// for. It is told layers, numbers and outcomes, never of keys and values. It is
// an interface because the library does not choose a tracing system.
//
// Options.Tracer nil = nobody; a read then costs one comparison more, and no
// memory.
type Tracer interface {
	// Begin is called before an operation on n entries (or dependencies) of a
	// layer. What happens inside runs in the context it returns. end is called
	// once, with the outcome: of a read near, redis, source or bypass, and
	// stale for an expired value; of several "3 of 5 stored".
	Begin(ctx context.Context, op Operation, layer string, n int) (inside context.Context, end func(outcome string, err error))
}

// tracedRead is read, reported to the tracer.
func (c *Cache) tracedRead(ctx context.Context, q *request) (answer, error) {
	if c.opt.Tracer == nil {
		return c.read(ctx, q)
	}
	ctx, end := c.opt.Tracer.Begin(ctx, OpRead, q.layer.Name, 1)
	ans, err := c.read(ctx, q)
	end(ans.info.outcome(), fault(err))
	return ans, err
}

// tracedNear tells the tracer of a read that was answered without a look at
// Redis.
func (c *Cache) tracedNear(ctx context.Context, l *layerState) {
	if c.opt.Tracer == nil {
		return
	}
	_, end := c.opt.Tracer.Begin(ctx, OpRead, l.Name, 1)
	end(FromNear.String(), nil)
}

// tracedRun is run, reported to the tracer.
func (b *batch) tracedRun(ctx context.Context) []batchAnswer {
	if b.c.opt.Tracer == nil {
		return b.run(ctx)
	}
	ctx, end := b.c.opt.Tracer.Begin(ctx, OpRead, b.layer.Name, len(b.qs))
	answers := b.run(ctx)
	stored := 0
	var first error
	for i := range answers {
		if answers[i].ans.hit {
			stored++
		}
		if first == nil {
			first = fault(answers[i].err)
		}
	}
	end(strconv.Itoa(stored)+" of "+strconv.Itoa(len(answers))+" stored", first)
	return answers
}

// tracedLoad calls the source and reports it to the tracer.
func (c *Cache) tracedLoad(ctx context.Context, s *fetcher, which []int, solo bool) []product {
	if c.opt.Tracer == nil {
		return s.load(ctx, which, solo)
	}
	ctx, end := c.opt.Tracer.Begin(ctx, OpLoad, s.layer.Name, len(which))
	failed := errAbandoned
	defer func() { end("", failed) }() // deferred: a panic of the source is on its way out
	ps := s.load(ctx, which, solo)
	failed = nil
	for i := range ps {
		if failed == nil {
			failed = fault(ps[i].err)
		}
	}
	return ps
}

// tracedInvalidation tells the tracer of an invalidation that ends with end.
func (c *Cache) tracedInvalidation(ctx context.Context, n int) (context.Context, func(outcome string, err error)) {
	if c.opt.Tracer == nil {
		return ctx, func(string, error) {}
	}
	return c.opt.Tracer.Begin(ctx, OpInvalidate, "", n)
}

var errAbandoned = errors.New("cache: the load panicked")

// fault is err unless it is an answer.
func fault(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (i Info) outcome() string {
	if i.Stale {
		return "stale"
	}
	return i.Source.String()
}
