// Package admission bounds how much of a kind of work is done at once. The bound follows what the work takes: while more at
// once makes each take longer, fewer are let in (adaptive concurrency limits, as Netflix's concurrency-limits; the limiter
// is failsafe-go's). A few may wait for a bounded time; the others are told at once to come back.
package admission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/prometheus/client_golang/prometheus"
)

// ErrShed is work that was not begun because too much of its class is under way.
var ErrShed = errors.New("too much is under way")

// Limits are those of a class.
type Limits struct {
	// Min and Max are how many are let in at once, at least and at most. It begins at Max: a service that has just started
	// has a herd before it, and the limit falls within seconds.
	Min, Max uint
	// Queue is how many may wait for each that is let in (default 8). Beyond it they are refused with a rising
	// probability, and all of them at twice as many.
	Queue float64
	// Wait is how long one may wait (default 1 s).
	Wait time.Duration
}

// Class is one kind of work. Nil lets everything in.
type Class struct {
	name    string
	limiter adaptivelimiter.AdaptiveLimiter[any]
	shed    prometheus.Counter
	wait    time.Duration
}

// New makes a class whose figures reg gets (nil = none).
func New(name string, l Limits, reg prometheus.Registerer) *Class {
	if l.Queue == 0 {
		l.Queue = 8
	}
	if l.Wait == 0 {
		l.Wait = time.Second
	}
	labels := prometheus.Labels{"class": name}
	c := &Class{
		name: name, wait: l.Wait,
		limiter: adaptivelimiter.NewBuilder[any]().WithLimits(l.Min, l.Max, l.Max).WithQueueing(l.Queue, 2*l.Queue).
			WithRecentWindow(time.Second, 10*time.Second, 20).Build(),
		shed: prometheus.NewCounter(prometheus.CounterOpts{Name: "admission_shed_total", Help: "Work that was refused because too much of its class was under way.", ConstLabels: labels}),
	}
	if reg != nil {
		gauge := func(name, help string, value func() int) prometheus.Collector {
			return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return float64(value()) })
		}
		reg.MustRegister(c.shed,
			gauge("admission_limit", "How much work of a class is let in at once, now.", c.limiter.Limit),
			gauge("admission_in_flight", "Work of a class that is under way.", c.limiter.Inflight),
			gauge("admission_waiting", "Work of a class that waits to be let in.", c.limiter.Queued))
	}
	return c
}

// Do runs work when it is let in; ErrShed if it was not.
func (c *Class) Do(ctx context.Context, work func() error) error {
	if c == nil {
		return work()
	}
	permit, err := c.limiter.AcquirePermitWithMaxWait(ctx, c.wait)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("wait for admission of %s: %w", c.name, ctx.Err())
		}
		c.shed.Inc()
		return fmt.Errorf("%s: %w", c.name, ErrShed)
	}
	finished := false
	defer func() { // a panic too gives its place back
		if !finished {
			permit.Drop()
		}
	}()
	if err = work(); err == nil { // how long a failure took says nothing of what work takes
		permit.Record()
		finished = true
	}
	return err
}
