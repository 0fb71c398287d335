package fetch

import (
	"context"
	"fmt"
	"time"
)

// Budgets sets the pace of requests to each host, over feeds, pages and robots.txt. It is an interface because where
// budgets are kept decides who shares them: one process (its own budgets) or all instances (RedisBudgets).
type Budgets interface {
	// Take takes the next turn at a host. If the answer is Resting or Late, no turn is taken.
	Take(ctx context.Context, host string, ask Ask) (Turn, error)
	// Resting is how long a host must still be left alone, whatever turns were taken; 0: it need not be.
	Resting(ctx context.Context, host string) (time.Duration, error)
	// Told records the outcome of a request.
	Told(ctx context.Context, host string, o Outcome) error
}

// Ask describes the turn that is wanted.
type Ask struct {
	// Interval is the least time between requests: the source's own and robots.txt's.
	Interval time.Duration
	// Jitter is the share of the interval by which this gap is longer: a polite client does not send requests in step.
	Jitter float64
	// Patience is the longest rest of the host that the asker waits for.
	Patience time.Duration
	// Most is the longest total wait.
	Most time.Duration
}

// Turn is when a request may be sent.
type Turn struct {
	Wait    time.Duration
	Resting bool // no turn: the host rests for Wait, which is longer than the asker's patience
	Late    bool // no turn: it would come after Wait, which is longer than the asker can wait
}

// Outcome is the outcome of a request.
type Outcome struct {
	OK         bool
	Took       time.Duration // until the answer was complete; counts if OK
	Failed     bool          // no answer, or 5xx: the host's fault
	Refused    bool          // 403 or 429
	RetryAfter time.Duration
}

const (
	// A host that fails this many times in a row is left alone for a while, so that a dead server does not cost the full
	// timeout for every page of a pass.
	failuresUntilRest = 6
	restAfterFailures = time.Minute
	// After this many refusals in a row the host evidently wants to be left alone, whatever its status code says. The rest
	// doubles with each further one.
	refusalsUntilRest = 3
	restAfterRefusals = 15 * time.Minute
	// concurrency is how many of our requests a host should be serving on average: the gap between requests is the host's
	// latency divided by it (the rule of Scrapy's AutoThrottle). A host that becomes slow gets fewer requests. Errors come
	// back fast and do not count.
	concurrency = 0.5
	longestGap  = time.Minute
	// jitter is how much longer a gap may be at random. It is never shorter.
	jitter = 0.2
	// budgetTimeout bounds one exchange with the shared budgets.
	budgetTimeout = time.Second
)

// turn waits until a request may be sent to an address of a host.
func (f *Fetcher) turn(ctx context.Context, address, host string, interval time.Duration) error {
	for {
		ask := Ask{Interval: interval, Jitter: jitter * f.cfg.Rand(), Patience: f.cfg.Patience, Most: 24 * time.Hour}
		if deadline, ok := ctx.Deadline(); ok {
			ask.Most = time.Until(deadline) // context deadlines follow the machine's clock
		}
		t, err := f.take(ctx, host, ask)
		switch {
		case err != nil:
			return err
		case t.Resting:
			return &Error{URL: address, Reason: ReasonThrottled, RetryAfter: min(t.Wait, longestWait), Err: fmt.Errorf("the host is left alone for %v", t.Wait.Round(time.Second))}
		case t.Late:
			return fmt.Errorf("%w: the next turn at the host comes in %v", context.DeadlineExceeded, t.Wait.Round(time.Millisecond))
		case t.Wait == 0:
			return nil
		}
		if err := f.cfg.Sleep(ctx, t.Wait); err != nil {
			return err
		}
		if !f.rests(ctx, host) { // it may have asked to be left alone in the meantime
			return nil
		}
	}
}

// rests says whether a host must be left alone, as far as this process can know.
func (f *Fetcher) rests(ctx context.Context, host string) bool {
	if f.cfg.Budgets != nil {
		bound, cancel := context.WithTimeout(ctx, budgetTimeout)
		defer cancel()
		rest, err := f.cfg.Budgets.Resting(bound, host)
		if err == nil {
			return rest > 0
		}
		if ctx.Err() == nil {
			f.sharing(ctx, err)
		}
	}
	rest, _ := f.own.Resting(ctx, host) // memory: it has no error
	return rest > 0
}

// take asks the budgets that all instances share. While they are unavailable this process keeps a pace of its own.
func (f *Fetcher) take(ctx context.Context, host string, ask Ask) (Turn, error) {
	if f.cfg.Budgets != nil {
		bound, cancel := context.WithTimeout(ctx, budgetTimeout)
		t, err := f.cfg.Budgets.Take(bound, host, ask)
		cancel()
		if ctx.Err() != nil {
			return Turn{}, ctx.Err()
		}
		f.sharing(ctx, err)
		if err == nil {
			if !t.Resting && !t.Late {
				f.own.note(host, t.Wait, ask)
			}
			return t, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return Turn{}, err
	}
	return f.own.Take(ctx, host, ask)
}

// told passes an outcome on. The last answer of a cancelled pass counts too.
func (f *Fetcher) told(ctx context.Context, host string, o Outcome) {
	_ = f.own.Told(ctx, host, o) // memory: it has no error
	if f.cfg.Budgets == nil {
		return
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), budgetTimeout)
	defer cancel()
	f.sharing(ctx, f.cfg.Budgets.Told(bound, host, o))
}

// sharing logs when the shared budgets become unavailable and available again.
func (f *Fetcher) sharing(ctx context.Context, err error) {
	if alone := err != nil; f.alone.Swap(alone) != alone {
		if alone {
			f.cfg.Logger.WarnContext(ctx, "scraping: the shared budgets of hosts cannot be asked; this process keeps its own pace", "error", err)
		} else {
			f.cfg.Logger.InfoContext(ctx, "scraping: the budgets of hosts are shared again")
		}
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
