package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// timing is how long a row's parts take.
type timing struct {
	steady, hold, recovery time.Duration
	soak                   time.Duration
	measure                time.Duration // of the capacity
	drain, poll            time.Duration // of a stopped instance, and of the balancer
	slow                   time.Duration // an answer that counts as slow
	settle                 time.Duration // at most until the service runs steadily
	thinner                int           // the standing load is this many times thinner
}

var (
	long  = timing{steady: 3 * time.Second, hold: 8 * time.Second, soak: 30 * time.Minute, recovery: time.Minute, measure: 4 * time.Second, drain: 5 * time.Second, poll: 2 * time.Second, slow: time.Second, settle: time.Minute, thinner: 1}
	brief = timing{
		steady: 500 * time.Millisecond, hold: 2 * time.Second, soak: 3 * time.Second, recovery: time.Minute, measure: time.Second, drain: 3 * time.Second, poll: 300 * time.Millisecond,
		// It runs beside all other tests, and with the race detector in the service.
		slow: 10 * time.Second, settle: 2 * time.Minute, thinner: 4,
	}
)

// outcome is the result of a row.
type outcome struct {
	row     row
	load    *load
	skipped string

	injected, undone, over time.Time
	samples                []sample // from the fault on
	recovery               time.Duration
	recovered              bool
	stale, excused         []staleRead
	lost                   []string
	told                   []string
	notes                  []string
	violations             []string
}

func (o *outcome) note(format string, args ...any) {
	o.notes = append(o.notes, fmt.Sprintf(format, args...))
}

func (o *outcome) violated(format string, args ...any) {
	o.violations = append(o.violations, fmt.Sprintf(format, args...))
}

// during returns the requests that began that long after the fault, and before it was undone.
func (o *outcome) during(after time.Duration) (out []sample) {
	for _, s := range o.samples {
		if !s.begin.Before(o.injected.Add(after)) && s.begin.Before(o.undone) {
			out = append(out, s)
		}
	}
	return out
}

func (o *outcome) count(match func(sample) bool) (n int) {
	for _, s := range o.samples {
		if match(s) {
			n++
		}
	}
	return n
}

func (o *outcome) errors() int { return o.count(func(s sample) bool { return !s.ok() }) }

// late reports whether an answer should have said when to come back, and did not.
func late(s sample) bool {
	return (s.status == 503 || s.status == 504 || s.status == 429) && !s.retryAfter
}

func (o *outcome) slowest(match func(sample) bool) (d time.Duration) {
	for _, s := range o.samples {
		if match(s) {
			d = max(d, s.took())
		}
	}
	return d
}

// run runs one row. The error is one of the harness; what is wrong with the service is in the outcome.
func (e *env) run(ctx context.Context, r row) (o *outcome, err error) {
	o = &outcome{row: r}
	if r.prepare != nil {
		restore, err := r.prepare(ctx, e)
		if restore != nil {
			defer func() {
				if restoreErr := restore(ctx); restoreErr != nil && o != nil {
					o.violated("the ground could not be restored: %v", restoreErr)
				}
			}()
		}
		var why skipped
		if errors.As(err, &why) {
			o.skipped = string(why)
			return o, nil
		}
		if err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
	}
	l, err := e.newLoad(ctx, &r)
	if err != nil {
		return nil, err
	}
	o.load = l
	loading, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); l.run(loading) }()
	defer func() { stop(); <-ended; l.close() }()

	hits, err := e.settle(ctx, l, r)
	if err != nil {
		return nil, err
	}
	calm := e.scrape(ctx)
	sleep(ctx, e.timing.steady)
	before := e.scrape(ctx)

	began := time.Now()
	o.injected = began
	if r.away {
		l.gone.Store(&outage{from: began})
	}
	undo, err := r.inject(ctx, e, l)
	if !l.began.IsZero() {
		o.injected = l.began
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("inject: %w", err), undo(ctx))
	}
	sleep(ctx, r.lasting(e.timing))
	o.told = append(changes(calm, before, e.scrape(ctx)), e.words(o.injected)...)
	o.undone = time.Now()
	if err := undo(ctx); err != nil {
		return nil, fmt.Errorf("undo: %w", err)
	}
	back := time.Now()
	if r.away {
		l.back()
	}
	for !o.recovered && time.Since(back) < e.timing.recovery {
		sleep(ctx, 100*time.Millisecond)
		o.recovery, o.recovered = l.rec.recovered(back, time.Now(), hits)
	}
	o.over = time.Now()
	stop()
	<-ended
	l.close()
	return o, e.conclude(ctx, o)
}

// settle waits until the service runs steadily, and returns the share of hits that it then has.
func (e *env) settle(ctx context.Context, l *load, r row) (hits float64, err error) {
	began := time.Now()
	for time.Since(began) < e.timing.settle {
		now := time.Now()
		if h := l.rec.health(now.Add(-1500*time.Millisecond), now.Add(-500*time.Millisecond)); now.Sub(began) > 2*time.Second && h.good(0.8) && h.hits > 0.8 {
			return h.hits, nil
		}
		sleep(ctx, 100*time.Millisecond)
	}
	now := time.Now()
	return 0, fmt.Errorf("%s: no steady second within %v: %+v; A: %v; B: %v", r.name, e.timing.settle,
		l.rec.health(now.Add(-1500*time.Millisecond), now.Add(-500*time.Millisecond)), e.instances[0].last(), e.instances[1].last())
}

// conclude reads everything that was written again, compares it with the database, and judges.
func (e *env) conclude(ctx context.Context, o *outcome) error {
	l := o.load
	for _, a := range l.articles {
		if a.tried > 0 {
			l.read(0, a)
			l.read(1, a)
		}
	}
	stored, err := e.stored(ctx, l.source)
	if err != nil {
		return err
	}
	for _, a := range l.articles {
		switch got, there := stored[a.id]; {
		case !there || got < a.acked:
			o.lost = append(o.lost, fmt.Sprintf("article %d: %d was acknowledged, %d is stored", a.id, a.acked, got))
		case got > a.tried:
			l.rec.wrong(fmt.Sprintf("article %d has %d, %d was never written", a.id, got, got))
		}
	}
	o.samples = l.rec.between(o.injected, o.over)
	for _, s := range l.rec.stale {
		if s.excusable {
			o.excused = append(o.excused, s)
		} else {
			o.stale = append(o.stale, s)
		}
	}
	for _, w := range l.rec.broken {
		o.violated("not understood: %s", w)
	}
	if n := len(o.stale); n > 0 {
		s := o.stale[0]
		o.violated("%d stale reads; the first %v after the fault: article %d by %s showed %d after %d (X-Cache %s)", n,
			round(s.at.Sub(o.injected)), s.article, e.instances[s.instance].name, s.shown, s.demanded, s.cached)
	}
	if n := len(o.lost); n > 0 {
		o.violated("%d writes lost; %s", n, o.lost[0])
	}
	if n := o.count(late); n > 0 {
		o.violated("%d answers without Retry-After", n)
	}
	for status, n := range o.statuses() {
		if status != 0 && status != 429 && status != 503 && status != 504 && (status < 200 || status >= 400) {
			o.violated("%d answers with status %d", n, status)
		}
	}
	if n := o.count(func(s sample) bool { return s.status == 0 }); n > 0 && !o.row.dead {
		o.violated("%d requests without an answer", n)
	}
	if !o.recovered {
		o.violated("not recovered within %v", e.timing.recovery)
	}
	if o.row.expect != nil {
		o.violations = append(o.violations, o.row.expect(o)...)
	}
	slices.Sort(o.violations)
	return nil
}

func (o *outcome) statuses() map[int]int {
	out := map[int]int{}
	for _, s := range o.samples {
		out[s.status]++
	}
	return out
}

// failures counts the errors that clients saw, by status or kind of failure.
func (o *outcome) failures() map[string]int {
	out := map[string]int{}
	for _, s := range o.samples {
		switch {
		case s.ok():
		case s.status == 0:
			out[s.failure]++
		default:
			out[fmt.Sprint(s.status)]++
		}
	}
	return out
}

// words lists counts by name, in the order of the names.
func words[K int | string](counts map[K]int) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, fmt.Sprintf("%v: %d", k, counts[k]))
	}
	return strings.Join(out, ", ")
}

func round(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	default:
		return d.Round(time.Millisecond)
	}
}
