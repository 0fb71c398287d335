package faults

import (
	"context"
	"fmt"
	"time"
)

// row is one fault.
type row struct {
	group string
	name  string // as FAULTS selects it
	what  string // what was done
	short bool   // in the short form too

	// prepare prepares the fault before anything is measured; the function it returns, if any, undoes that.
	prepare func(ctx context.Context, e *env) (restore func(context.Context) error, err error)
	// inject makes the fault. undo ends it, and is called once.
	inject func(ctx context.Context, e *env, l *load) (undo func(context.Context) error, err error)
	// expect names what is wrong with the outcome, beyond the checks of every row.
	expect func(o *outcome) []string

	bulky    bool          // PATCHes carry a long text
	balanced bool          // clients ask the instances that are ready
	fresh    bool          // every request uses a connection of its own
	away     bool          // no instance can ask PostgreSQL during the fault
	dead     bool          // an instance cannot answer requests
	soak     bool          // held for as long as a soak
	hold     time.Duration // in the long form; 0: like the others
}

// rows are in the order of the table.
func rows() []row {
	var all []row
	for _, group := range [][]row{redisRows(), postgresRows(), processRows(), overloadRows(), soakRows()} {
		all = append(all, group...)
	}
	return all
}

func (r row) lasting(t timing) time.Duration {
	switch {
	case r.soak:
		return t.soak
	case r.hold > t.hold:
		return r.hold
	}
	return t.hold
}

// ends returns the undo of a row's extra requests.
func ends(all ...*surplus) func(context.Context) error {
	return func(context.Context) error {
		for _, s := range all {
			s.stop()
		}
		return nil
	}
}

// nothing is the undo of a fault that undoes itself.
func nothing(context.Context) error { return nil }

// each puts proxies into a condition and returns the undo.
func each(c condition, proxies ...*proxy) func(context.Context) error {
	for _, p := range proxies {
		p.set(c)
	}
	return func(context.Context) error {
		for _, p := range proxies {
			p.set(condition{})
		}
		return nil
	}
}

// again repeats do in the background until it is stopped, which returns its first error.
func again(pause time.Duration, do func(context.Context) error) (stop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		for {
			if err := do(ctx); err != nil && ctx.Err() == nil {
				failed <- err
				return
			}
			if !sleep(ctx, pause) {
				failed <- nil
				return
			}
		}
	}()
	return func(context.Context) error { cancel(); return <-failed }
}

// within expects that the p99 of reads that should be hits is at most limit, once the service has had a moment to
// notice.
func within(limit time.Duration) func(*outcome) []string {
	return func(o *outcome) []string {
		got := quantile(times(o.during(2*time.Second), func(s sample) bool { return s.kind == hit }), 0.99)
		o.note("p99 of hits from 2 s on: %v", round(got))
		if got > limit {
			return []string{fmt.Sprintf("p99 of hits from 2 s on %v, at most %v wanted", round(got), limit)}
		}
		return nil
	}
}

// unnoticed expects that no request fails.
func unnoticed(o *outcome) []string {
	if n := o.errors(); n > 0 {
		return []string{fmt.Sprintf("%d requests failed, none should", n)}
	}
	return nil
}
