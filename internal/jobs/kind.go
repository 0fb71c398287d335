package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Args are the arguments of a job, stored as JSON. Kind names the kind of work and must never change: rows outlive
// releases.
//
// Jobs of a Unique kind are told apart by the fields tagged `river:"unique"`, or by all fields if none is tagged. If some
// jobs of a kind go before others, a method JobPriority says so: 1 (first, and the default) to 4.
type Args interface{ Kind() string }

// prioritized are arguments whose jobs differ in priority: 1 (first) to 4.
type prioritized interface{ JobPriority() int }

// Kind is one kind of job and how it is done; Handle makes it.
type Kind struct {
	name     string
	queue    string
	options  KindOptions
	register func(c *Client, k Kind, workers *river.Workers) error
}

// KindOptions are the options of a kind.
type KindOptions struct {
	// Timeout bounds one attempt: its context ends then. Required.
	Timeout time.Duration
	// Attempts is how often a job is tried before it is given up; 0 = 5. A process that dies has used up an attempt: a job
	// that kills every process that takes it must end.
	Attempts int
	// Backoff is the pause before an attempt (2, 3, …); nil = 10 s, 1 min, 6 min … up to an hour, each varied by up to a
	// tenth.
	Backoff func(attempt int) time.Duration
	// Unique allows only one unfinished job of this kind with the same arguments.
	Unique bool
}

// Job is one attempt at a job.
type Job[T Args] struct {
	ID                int64
	Attempt, Attempts int // this one, counted from 1, and the maximum
	Args              T

	client *Client
	told   time.Time
}

// Handle makes a Kind from a function. An error means another attempt later, with backoff, as long as attempts are left;
// Cancel and Snooze return errors with another meaning. If the context ended because the process stops, that is not a
// failure: another process starts the job again.
func Handle[T Args](o KindOptions, work func(ctx context.Context, job *Job[T]) error) Kind {
	var args T
	return Kind{name: args.Kind(), options: o, register: func(c *Client, k Kind, workers *river.Workers) error {
		if o.Timeout <= 0 {
			return fmt.Errorf("kind %q: Timeout is required", k.name)
		}
		return river.AddWorkerSafely(workers, &worker[T]{client: c, kind: k, work: work})
	}}
}

// Cancel ends a job without further attempts: trying again would not help.
func Cancel(err error) error { return river.JobCancel(err) }

// Snooze puts a job off: it begins again after d, and this attempt does not count.
func Snooze(d time.Duration) error { return river.JobSnooze(max(d, 0)) }

func (k Kind) insertOpts(args Args) *river.InsertOpts {
	o := &river.InsertOpts{Queue: k.queue, MaxAttempts: k.options.Attempts}
	if p, ok := args.(prioritized); ok {
		o.Priority = p.JobPriority()
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 5
	}
	if k.options.Unique {
		o.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: notEnded}
	}
	return o
}

// notEnded are the states of jobs that run or will run.
var notEnded = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
}

// worker is a Kind as River wants it.
type worker[T Args] struct {
	river.WorkerDefaults[T]
	client *Client
	kind   Kind
	work   func(context.Context, *Job[T]) error
}

// Timeout is the timeout of an attempt.
func (w *worker[T]) Timeout(*river.Job[T]) time.Duration { return w.kind.options.Timeout }

// NextRetry is when the next attempt begins.
func (w *worker[T]) NextRetry(j *river.Job[T]) time.Time {
	backoff := w.kind.options.Backoff
	if backoff == nil {
		backoff = Exponential(10*time.Second, time.Hour)
	}
	return time.Now().Add(max(backoff(j.Attempt+1), 0))
}

// Exponential is a backoff that begins with first and grows sixfold, up to most. Each pause is up to a tenth longer or shorter.
func Exponential(first, most time.Duration) func(attempt int) time.Duration {
	return func(attempt int) time.Duration {
		pause := first
		for range attempt - 2 {
			if pause = 6 * pause; pause >= most {
				pause = most
				break
			}
		}
		return time.Duration(float64(pause) * (0.9 + 0.2*rand.Float64()))
	}
}

// Work makes one attempt. Its context ends with River's, or when this process has given no sign of life for too long.
func (w *worker[T]) Work(ctx context.Context, j *river.Job[T]) (err error) {
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.client.current.Store(j.ID, cancel)
	defer w.client.current.Delete(j.ID)
	outcome := outcomePanicked
	began := time.Now()
	defer func() { w.client.metrics.observe(w.kind.name, outcome, time.Since(began)) }()
	err = w.work(work, &Job[T]{ID: j.ID, Attempt: j.Attempt, Attempts: j.MaxAttempts, Args: j.Args, client: w.client})
	if err != nil && errors.Is(context.Cause(work), errLeaseLost) {
		outcome = outcomeInterrupted
		return Snooze(0)
	}
	if outcome = outcomeOf(ctx, err); outcome == outcomeFailed {
		w.client.log.Warn("a job failed", "kind", w.kind.name, "job", j.ID, "attempt", j.Attempt, "of", j.MaxAttempts, "error", err)
	}
	return err
}

func outcomeOf(ctx context.Context, err error) string {
	var (
		snoozed   *rivertype.JobSnoozeError
		cancelled *rivertype.JobCancelError
	)
	switch {
	case err == nil:
		return outcomeDone
	case errors.As(err, &snoozed):
		return outcomeSnoozed
	case errors.As(err, &cancelled):
		return outcomeCancelled
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return outcomeInterrupted
	}
	return outcomeFailed
}
