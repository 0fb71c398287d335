package fetch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A host that fails this many times in a row is left alone for a while, so that a dead server does not cost every page
// of a pass its full time-out.
const (
	failuresUntilRest = 6
	restAfterFailures = time.Minute
)

// hostPace holds the pace towards one host: one request per interval, none before notBefore.
type hostPace struct {
	mu        sync.Mutex
	limiter   *rate.Limiter
	notBefore time.Time
	failures  int
	refusals  int           // 403s in a row
	latency   time.Duration // smoothed time of answers
	now       func() time.Time
}

func newHostPace(now func() time.Time) *hostPace {
	return &hostPace{limiter: rate.NewLimiter(rate.Inf, 1), now: now}
}

// wait blocks until a request may be sent: at most one per interval, and after any rest the host asked for. It gives up
// at once where the rest is longer than patience or the context ends first.
func (p *hostPace) wait(ctx context.Context, interval, patience time.Duration) error {
	p.mu.Lock()
	limit := rate.Inf
	if interval > 0 {
		limit = rate.Every(interval)
	}
	if p.limiter.Limit() != limit {
		p.limiter.SetLimitAt(p.now(), limit)
	}
	rest := p.notBefore.Sub(p.now())
	p.mu.Unlock()
	if rest > patience {
		return fmt.Errorf("host asks to be left alone for %v: %w", rest.Round(time.Second), errResting)
	}
	if rest > 0 {
		if err := sleep(ctx, rest); err != nil {
			return err
		}
	}
	if err := p.limiter.Wait(ctx); err != nil {
		if ctx.Err() == nil { // refused at once: the turn would come after the deadline
			err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
		}
		return err
	}
	return nil
}

// rest keeps every request away from the host until d has passed.
func (p *hostPace) rest(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.now().Add(d); until.After(p.notBefore) {
		p.notBefore = until
	}
}

// refusalsUntilRest 403s in a row are a host that wants to be left alone, whatever it calls that; the rest doubles for each
// further one.
const (
	refusalsUntilRest = 3
	restAfterRefusals = 15 * time.Minute
)

// refused counts a 403, or forgets them after any other answer.
func (p *hostPace) refused(is bool) {
	p.mu.Lock()
	if is {
		p.refusals++
	} else {
		p.refusals = 0
	}
	rest := time.Duration(0)
	if p.refusals >= refusalsUntilRest {
		rest = min(restAfterRefusals<<(p.refusals-refusalsUntilRest), 24*time.Hour)
	}
	p.mu.Unlock()
	if rest > 0 {
		p.rest(rest)
	}
}

// took learns how long a good answer took, and says the delay that keeps the host at one request of ours in two of its
// answers' time: a host that becomes slow is asked less. Errors come back fast and teach nothing.
func (p *hostPace) took(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.latency == 0 {
		p.latency = d
		return
	}
	p.latency = (p.latency*3 + d) / 4
}

// delay is the interval between requests: no less than floor, and twice what answers take, up to a minute.
func (p *hostPace) delay(floor time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(floor, min(2*p.latency, time.Minute))
}

// outcome counts failures of the host itself in a row.
func (p *hostPace) outcome(ok bool) {
	p.mu.Lock()
	if ok {
		p.failures = 0
	} else {
		p.failures++
	}
	tired := p.failures >= failuresUntilRest
	if tired {
		p.failures = 0
	}
	p.mu.Unlock()
	if tired {
		p.rest(restAfterFailures)
	}
}

// sleep waits for d or the end of the context.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
