// Package warming keeps entries in the cache that readers are expected to request: popular ones at start and after a flush of
// the layer, and forecast ones on a schedule. It reads through the cache like any reader, so its entries are no staler than a
// reader's, and only one of several instances fetches.
package warming

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache"
	"openlearn/internal/cache/forecast"
	"openlearn/internal/periodic"
)

// Schedule says what is kept warm while the service runs.
type Schedule string

// The schedules.
const (
	// Off: nothing, only start and flush.
	Off Schedule = "off"
	// Popular keeps what was requested twice an hour or more during the last day.
	Popular Schedule = "popular"
	// Predicted keeps what is forecast to be requested more than during the last day.
	Predicted Schedule = "predicted"
)

// Options configure a Warmer. All are needed but Registerer, Logger and Now.
type Options struct {
	Cache *cache.Cache
	// Layer is the layer that is kept warm. Deps are dependencies that all of its entries have: when one is invalidated the
	// layer counts as flushed.
	Layer string
	Deps  []string
	// Load reads entries through the cache, with cache.Warming, and returns how many came from their source.
	Load func(ctx context.Context, ids []int64) (loaded int, err error)
	// Pool is for the table of past accesses.
	Pool *pgxpool.Pool

	Config

	Registerer prometheus.Registerer // nil = a private registry
	Logger     *slog.Logger          // nil = discard
	Now        func() time.Time      // nil = time.Now
}

const (
	poll       = 500 * time.Millisecond // between looks for a flush
	batch      = 50                     // entries asked for at once
	retryAfter = 10 * time.Second       // a pass that failed
	// minimumHistory is how many hours must have been observed before a forecast is used.
	minimumHistory = 24
)

// Warmer keeps entries warm. See and Status are safe for concurrent use; the rest belongs to its job.
type Warmer struct {
	opt     Options
	log     *slog.Logger
	met     *record
	history *history
	sketch  *forecast.Sketch
	model   *forecast.Model
	learnt  int64 // the last hour that the model has been shown
	hours   int   // how many it has

	counted  time.Time    // since when the sketch has been counting
	mark     cache.Ticket // the layer's versions when it was last warmed
	started  bool         // it has been warmed once
	notUntil time.Time    // after a failure
	next     time.Time    // when the schedule is due
	pause    func(context.Context, time.Duration) error
}

// New makes a Warmer that has yet to be started.
func New(o Options) *Warmer {
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	now := o.Now()
	return &Warmer{
		opt: o, log: o.Logger, met: newRecord(o.Registerer),
		history: &history{pool: o.Pool, layer: o.Layer, most: o.Keys},
		sketch:  forecast.NewSketch(4 * o.Keys), model: forecast.NewModel(4 * o.Keys),
		learnt: hourOf(now.Add(-keptFor)) - 1, counted: now, next: now, pause: sleep,
	}
}

// Jobs returns the warming job, to be run by one goroutine; nil for a nil Warmer. When the job ends it saves the last counts.
func (w *Warmer) Jobs() []periodic.Job {
	if w == nil {
		return nil
	}
	return []periodic.Job{{
		Name: "warming", Every: poll, Logger: w.log, Now: w.opt.Now,
		Pass:        func(ctx context.Context) error { return w.countFailure(w.runOnce(ctx)) },
		Last:        func(ctx context.Context) error { return w.countFailure(w.save(ctx, w.opt.Now())) },
		LastTimeout: opTimeout,
	}}
}

// See counts a reader's access. The warmer's own accesses do not count.
func (w *Warmer) See(id int64) { w.sketch.See(strconv.FormatInt(id, 10)) }

func (w *Warmer) countFailure(err error) error {
	if err != nil && !errors.Is(err, context.Canceled) {
		w.met.write(func(s *Status) { s.Failures++ })
	}
	return err
}

// runOnce does what is due now: it checks for a flush, and from time to time follows the schedule.
func (w *Warmer) runOnce(ctx context.Context) error {
	now := w.opt.Now()
	defer func() { w.met.write(func(s *Status) { s.NextLook, s.Hours = w.next, w.hours }) }()
	due := !now.Before(w.next)
	if due || hourOf(now) != hourOf(w.counted) {
		if err := w.save(ctx, now); err != nil {
			w.next = now.Add(retryAfter)
			return err
		}
	}
	if due {
		w.next = now.Add(w.opt.Interval)
		if err := w.learn(ctx, now); err != nil {
			w.next = now.Add(retryAfter)
			return err
		}
	}
	if now.Before(w.notUntil) || !w.opt.Cache.Serving() {
		return nil // warming a bypassed cache would only load the database
	}
	reason, ids, err := w.choose(ctx, now, due)
	if err == nil {
		err = w.pass(ctx, reason, ids)
	}
	if err != nil {
		w.notUntil = now.Add(retryAfter)
		w.mark = cache.Ticket{} // what was to be warmed still has to be
		if errors.Is(err, cache.ErrBypass) {
			return nil // the cache itself reports that it is out of use
		}
		return err
	}
	w.started = w.started || reason == atStart
	return nil
}

// save stores the counts, for the hour in which the counting began.
func (w *Warmer) save(ctx context.Context, now time.Time) error {
	hour := hourOf(w.counted)
	w.counted = now
	counts := w.sketch.Take(w.opt.Keys)
	for len(counts) > 0 && counts[len(counts)-1].N < 1 {
		counts = counts[:len(counts)-1] // it may be another key's
	}
	if len(counts) == 0 {
		return nil
	}
	return w.history.add(ctx, hour, counts)
}

// learn shows the model the hours that are over and that every instance has saved.
func (w *Warmer) learn(ctx context.Context, now time.Time) error {
	last := hourOf(now.Add(-w.opt.Interval-time.Minute)) - 1
	if last <= w.learnt {
		return nil
	}
	if err := w.history.trim(ctx, w.learnt, last); err != nil {
		return err
	}
	hours, err := w.history.between(ctx, w.learnt, last)
	if err != nil {
		return err
	}
	for _, h := range hours {
		w.model.Observe(h.hour, h.counts)
		w.hours++
	}
	w.learnt = last
	return nil
}

// choose returns what to warm now and why: popular entries if the layer is empty, else those of the schedule if it is due.
func (w *Warmer) choose(ctx context.Context, now time.Time, due bool) (reason string, ids []int64, err error) {
	mark, err := w.opt.Cache.Ticket(ctx, cache.Entry{Layer: w.opt.Layer, Key: cache.Key{ID: "warming"}, Deps: w.opt.Deps})
	if errors.Is(err, cache.ErrBypass) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("look for a flush of layer %s: %w", w.opt.Layer, err)
	}
	if mark != w.mark {
		reason = afterFlush
		if !w.started {
			reason = atStart
		}
		if err := w.save(ctx, now); err != nil {
			return "", nil, err
		}
		if ids, err = w.popular(ctx, now); err != nil {
			return "", nil, err
		}
		w.mark = mark
		return reason, ids, nil
	}
	if !due {
		return "", nil, nil
	}
	var chosen []forecast.Count
	switch outlook := w.model.Outlook(hourOf(now)); {
	case w.opt.Schedule == Popular:
		chosen = forecast.Popular(w.opt.Keys).Measured(outlook)
	case w.opt.Schedule == Predicted && w.hours >= minimumHistory:
		chosen = forecast.Predicted(w.opt.Keys).Expected(outlook, goneOf(now))
	}
	w.met.write(func(s *Status) { s.Scheduled, s.LookedAt = chosen, now })
	return onSchedule, numbers(chosen), nil
}

// popular returns the most requested keys, as measured: during the last day, usually at this hour, or in the hours since the
// model last learnt.
func (w *Warmer) popular(ctx context.Context, now time.Time) ([]int64, error) {
	best := map[string]float64{}
	for _, o := range w.model.Outlook(hourOf(now)) {
		best[o.Key] = max(o.Level, o.In(goneOf(now)))
	}
	recent, err := w.history.between(ctx, w.learnt, hourOf(now))
	if err != nil {
		return nil, err
	}
	for _, h := range recent {
		for _, c := range h.counts {
			best[c.Key] = max(best[c.Key], c.N)
		}
	}
	all := make([]forecast.Outlook, 0, len(best))
	for key, n := range best {
		all = append(all, forecast.Outlook{Key: key, Level: n})
	}
	return numbers(forecast.Rule{Most: w.opt.Keys}.Measured(all)), nil
}

func numbers(of []forecast.Count) []int64 {
	out := make([]int64, 0, len(of))
	for _, c := range of {
		if id, err := strconv.ParseInt(c.Key, 10, 64); err == nil { // See has written nothing else
			out = append(out, id)
		}
	}
	return out
}
