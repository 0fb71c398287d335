package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// overload is what the row measures in addition.
type overload struct {
	capacity   int // searches a second
	rss, after int64
	unready    int // polls of readiness that failed
}

const clients = 16

// newSearch is the path of a search for a page of the usual size.
func newSearch() string { return strings.Replace(searchPath(), "limit=5&", "", 1) }

// most is how many extra requests were answered in the best of the seconds between two moments: other processes on this
// machine can only lower it.
func (l *load) most(from, until time.Time) (n int) {
	for ; !from.Add(time.Second).After(until); from = from.Add(100 * time.Millisecond) {
		got := 0
		for _, s := range l.rec.between(from.Add(-patience), from.Add(time.Second)) {
			if s.kind == extra && s.ok() && !s.end.Before(from) && s.end.Before(from.Add(time.Second)) {
				got++
			}
		}
		n = max(n, got)
	}
	return n
}

func overloadRows() []row {
	return []row{{
		group: "Overload", name: "overload", what: "3 × the new searches that 16 clients of A get through, for half a minute", hold: 30 * time.Second,
		inject: func(ctx context.Context, e *env, l *load) (func(context.Context) error, error) {
			a := e.instances[0]
			all := l.burst(0, clients, newSearch)
			sleep(ctx, time.Second)
			began := time.Now()
			sleep(ctx, e.timing.measure)
			capacity := max(l.most(began, time.Now()), 10)
			all.stop()
			all.wait()
			sleep(ctx, time.Second)
			l.over = &overload{capacity: capacity, rss: a.memory()}
			l.began = time.Now() // the measurement is not part of the fault
			end := ends(l.flood(0, 3*capacity, newSearch))
			peak := again(100*time.Millisecond, func(context.Context) error {
				l.over.after = max(l.over.after, a.memory())
				return nil
			})
			probes := again(time.Second, func(ctx context.Context) error {
				if !a.ready(ctx, 2*time.Second) && ctx.Err() == nil {
					l.over.unready++
				}
				return nil
			})
			return func(ctx context.Context) error { return errors.Join(peak(ctx), probes(ctx), end(ctx)) }, nil
		},
		expect: func(o *outcome) []string {
			during := o.during(0)
			asked, statuses := 0, map[int]int{}
			for _, s := range during {
				if s.kind == extra {
					asked++
					statuses[s.status]++
				}
			}
			answered := times(during, func(s sample) bool { return s.kind == extra })
			hits := times(during, func(s sample) bool { return s.kind == hit })
			past := 0
			for _, s := range during {
				if s.kind == hit && s.cached == "BYPASS" {
					past++
				}
			}
			over := o.load.over
			o.note("capacity %d searches/s, offered %d; answers by status %v", over.capacity, 3*over.capacity, words(statuses))
			p50, p99 := quantile(answered, 0.5), quantile(answered, 0.99)
			o.note("of %d asked %d were answered: p50 %v, p99 %v", asked, len(answered), round(p50), round(p99))
			hits99 := quantile(hits, 0.99)
			o.note("hits of the standing load: p99 %v, %d past the cache", round(hits99), past)
			o.note("resident memory of A: %d MB before, at most %d MB", over.rss>>20, over.after>>20)
			var wrong []string
			check := func(bad bool, format string, args ...any) {
				if bad {
					wrong = append(wrong, fmt.Sprintf(format, args...))
				}
			}
			check(p99 > 3*time.Second, "p99 of answered searches %v, at most 3 s wanted", round(p99))
			check(len(answered) < over.capacity*int(o.undone.Sub(o.injected).Seconds())/3, "%d searches answered: less than a third of the capacity", len(answered))
			check(hits99 > 250*time.Millisecond, "p99 of hits %v, at most 250 ms wanted", round(hits99))
			check(over.unready > 0, "not ready in %d looks", over.unready)
			check(past > 0, "%d hits went past the cache", past)
			check(over.after > 2*over.rss, "resident memory %d MB, at most twice %d MB wanted", over.after>>20, over.rss>>20)
			check(o.recovery > 2*time.Second, "recovery took %v, at most 2 s wanted", round(o.recovery))
			return wrong
		},
	}}
}
