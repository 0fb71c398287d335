package fetch

import (
	"context"
	"sync"
	"time"
)

// localBudgets are the budgets of one process. budget_redis.go implements the same in Lua; a test checks that they agree.
type localBudgets struct {
	now   func() time.Time
	mu    sync.Mutex
	hosts map[string]*hostPace // as many as the catalogue has hosts
}

// hostPace is the pace towards one host.
type hostPace struct {
	last     time.Time     // the last turn taken
	next     time.Time     // no turn before this time
	rest     time.Time     // no request before this time
	latency  time.Duration // of answers, smoothed
	refusals int           // in a row
	failures int           // in a row
}

func newLocalBudgets(now func() time.Time) *localBudgets {
	return &localBudgets{now: now, hosts: map[string]*hostPace{}}
}

func (b *localBudgets) of(host string) *hostPace {
	p, ok := b.hosts[host]
	if !ok {
		p = &hostPace{}
		b.hosts[host] = p
	}
	return p
}

// Take implements Budgets. It has no error.
func (b *localBudgets) Take(_ context.Context, host string, ask Ask) (Turn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, now := b.of(host), b.now()
	if rest := p.rest.Sub(now); rest > ask.Patience {
		return Turn{Wait: rest, Resting: true}, nil
	}
	start := later(now, p.next, p.rest)
	if !p.last.IsZero() { // the last asker may have had a shorter interval
		start = later(start, p.last.Add(p.gap(Ask{Interval: ask.Interval})))
	}
	if wait := start.Sub(now); wait > ask.Most {
		return Turn{Wait: wait, Late: true}, nil
	}
	p.last, p.next = start, start.Add(p.gap(ask))
	return Turn{Wait: start.Sub(now)}, nil
}

// Resting implements Budgets. It has no error.
func (b *localBudgets) Resting(_ context.Context, host string) (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, b.of(host).rest.Sub(b.now())), nil
}

// note remembers a turn that the shared budgets gave.
func (b *localBudgets) note(host string, wait time.Duration, ask Ask) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.of(host)
	if start := b.now().Add(wait); start.After(p.last) {
		p.last, p.next = start, start.Add(p.gap(ask))
	}
}

func (p *hostPace) gap(ask Ask) time.Duration {
	gap := max(ask.Interval, min(time.Duration(float64(p.latency)/concurrency), longestGap))
	return gap + time.Duration(ask.Jitter*float64(gap))
}

// Told implements Budgets. It has no error.
func (b *localBudgets) Told(_ context.Context, host string, o Outcome) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, now := b.of(host), b.now()
	if o.OK {
		if p.latency == 0 {
			p.latency = o.Took
		} else {
			p.latency = (p.latency*3 + o.Took) / 4
		}
	}
	if o.Refused {
		p.refusals++
	} else {
		p.refusals = 0
	}
	if o.Failed {
		p.failures++
	} else {
		p.failures = 0
	}
	rest := o.RetryAfter
	if over := p.refusals - refusalsUntilRest; over >= 0 {
		rest = max(rest, min(restAfterRefusals<<min(over, 10), longestWait))
	}
	if p.failures >= failuresUntilRest {
		p.failures = 0
		rest = max(rest, restAfterFailures)
	}
	if rest > 0 {
		p.rest = later(p.rest, now.Add(rest))
	}
	return nil
}

func later(first time.Time, more ...time.Time) time.Time {
	for _, t := range more {
		if t.After(first) {
			first = t
		}
	}
	return first
}
