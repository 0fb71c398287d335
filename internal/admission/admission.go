// Package admission bounds how much work of a kind is done at once. The bound adapts to latency: while more concurrent work
// makes each piece slower, less is admitted (adaptive concurrency limits as in Netflix's concurrency-limits; the limiter is
// failsafe-go's). Some may wait for a bounded time; the rest is refused at once.
package admission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/prometheus/client_golang/prometheus"
)

// ErrShed is the error for work that was refused because too much of its class is under way.
var ErrShed = errors.New("too much is under way")

// Limits are the limits of a class.
type Limits struct {
	// Min and Max bound how many are admitted at once. The limit begins at Max, because a service that has just started
	// faces many requests at once, and falls within seconds.
	Min, Max uint
	// Queue is how many may wait for each one admitted (default 8). Beyond it they are refused with a rising probability,
	// and at twice as many all are refused.
	Queue float64
	// Wait is how long one may wait (default 1 s).
	Wait time.Duration
}

// Class is one kind of work. A nil Class admits everything.
type Class struct {
	name    string
	limiter adaptivelimiter.AdaptiveLimiter[any]
	shed    prometheus.Counter
	wait    time.Duration
}

// New makes a class and registers its metrics with reg (nil = nowhere).
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

// Do runs work once it is admitted, or returns ErrShed.
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
	defer func() { // a panic releases its place too
		if !finished {
			permit.Drop()
		}
	}()
	if err = work(); err == nil { // the duration of a failure says nothing about that of work
		permit.Record()
		finished = true
	}
	return err
}
