// Package periodic runs the periodic jobs of a process: a pass, a pause, the next pass. Each job has one goroutine, which
// its Runner owns.
package periodic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Job is one periodic job. Name, Every and Pass are required.
type Job struct {
	// Name identifies the job in log lines.
	Name string
	// First is the pause before the first pass; 0 = none.
	First time.Duration
	// Every is the time from the start of one pass to the start of the next. A pass that takes longer is followed by the
	// next one at once; passes never overlap.
	Every time.Duration
	// Pass does the work once. Its context ends with Close; a pass bounds its own waits. A panic is logged as an error.
	Pass func(ctx context.Context) error
	// Last runs once when the job ends, after the last pass, with a context of its own; nil = nothing.
	Last func(ctx context.Context) error
	// LastTimeout bounds Last; 0 = 5 s.
	LastTimeout time.Duration
	// Passed is called with the result of each pass, after it; nil = no call. Tests wait for it.
	Passed func(error)
	// Logger receives failures; nil = discard.
	Logger *slog.Logger
	// Now is the clock for limiting log messages; nil = time.Now.
	Now func() time.Time
}

// Runner runs a job.
type Runner struct {
	job   Job
	wake  chan struct{}
	stop  context.CancelFunc
	done  sync.WaitGroup
	quiet quiet
}

// Start runs the job until Close or the end of ctx. Close must follow.
func Start(ctx context.Context, j Job) *Runner {
	r := New(j)
	r.Start(ctx)
	return r
}

// New makes a Runner that is not started yet: Wake may be called before Start.
func New(j Job) *Runner {
	if j.Logger == nil {
		j.Logger = slog.New(slog.DiscardHandler)
	}
	if j.Now == nil {
		j.Now = time.Now
	}
	if j.LastTimeout <= 0 {
		j.LastTimeout = 5 * time.Second
	}
	return &Runner{job: j, wake: make(chan struct{}, 1)}
}

// Start runs the job until Close or the end of ctx. It may be called once; Close must follow.
func (r *Runner) Start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(ctx)
	r.done.Go(func() { r.run(ctx) })
}

// Wake makes the next pass begin now, or right after the running one. Calls before that pass count as one.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Close ends the job and waits for the running pass and for Last. It may be called more than once, on a Runner that was
// never started, and on nil.
func (r *Runner) Close() {
	if r == nil || r.stop == nil {
		return
	}
	r.stop()
	r.done.Wait()
}

func (r *Runner) run(ctx context.Context) {
	defer r.last(ctx)
	timer := time.NewTimer(r.job.First)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-r.wake:
		}
		timer.Reset(r.job.Every)
		err := r.call(ctx, r.job.Pass)
		if ctx.Err() == nil {
			r.quiet.report(&r.job, err)
		}
		if r.job.Passed != nil {
			r.job.Passed(err)
		}
	}
}

func (r *Runner) last(ctx context.Context) {
	if r.job.Last == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.job.LastTimeout)
	defer cancel()
	if err := r.call(ctx, r.job.Last); err != nil {
		r.job.Logger.Warn("the last pass of a periodic job failed", "job", r.job.Name, "error", err)
	}
}

// call turns a panic into an error: one broken pass must not end the process.
func (r *Runner) call(ctx context.Context, pass func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			r.job.Logger.Error("a periodic job panicked", "job", r.job.Name, "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s: panic: %v", r.job.Name, v)
		}
	}()
	return pass(ctx)
}

// quiet keeps an outage from filling the log: the first failure is logged, then one a minute while failures last, and also
// their end.
type quiet struct {
	failing bool
	logged  time.Time
}

const repeatAfter = time.Minute

func (q *quiet) report(j *Job, err error) {
	switch now := j.Now(); {
	case err == nil && q.failing:
		j.Logger.Info("a periodic job works again", "job", j.Name)
		*q = quiet{}
	case err == nil || errors.Is(err, context.Canceled):
	case !q.failing || now.Sub(q.logged) >= repeatAfter:
		j.Logger.Warn("a periodic job failed", "job", j.Name, "error", err)
		*q = quiet{true, now}
	}
}
