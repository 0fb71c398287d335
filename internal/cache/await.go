package cache

import (
	"context"
	"time"
)

// pending is an answer that is still to come from a flight.
type pending struct {
	flight *flight
	// stale stands in for it if the source fails, or takes longer than the
	// layer's SoftTimeout from start. It is expired, never invalidated.
	stale *answer
	start time.Time
}

// await waits for an answer.
func (c *Cache) await(ctx context.Context, q *request, p pending) (answer, error) {
	if p.stale == nil {
		return p.flight.wait(ctx)
	}
	wait := ctx
	if d := q.layer.SoftTimeout; d > 0 {
		var cancel context.CancelFunc
		wait, cancel = context.WithDeadline(ctx, p.start.Add(d))
		defer cancel()
	}
	ans, err := p.flight.wait(wait)
	if err == nil || ans.negative || ctx.Err() != nil {
		return ans, err
	}
	q.layer.met.stale.inc()
	return *p.stale, nil
}

// pending is what a reader of a missing entry waits for, having found f.
func (m *missing) pending(f *found) pending {
	p := pending{flight: m.flight}
	if f.standIn {
		stale := f.ans // a copy: found itself stays on the stack
		p.stale, p.start = &stale, time.Now()
	}
	return p
}

// redisFailed sends a single read to the source, unless the caller has gone.
func (c *Cache) redisFailed(ctx context.Context, q *request, err error) (answer, error) {
	if err := callerGone(ctx); err != nil {
		return answer{}, err
	}
	c.redisDown(err)
	c.log.Debug("cache read failed, going to the source", "layer", q.layer.Name, "error", err)
	return c.loadBypass(ctx, q)
}

// callerGone returns the error of the caller's context if it has ended or is
// about to: the socket's deadline comes slightly before the context's.
func callerGone(ctx context.Context) error {
	if d, ok := ctx.Deadline(); ok && time.Until(d) < time.Millisecond {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}
