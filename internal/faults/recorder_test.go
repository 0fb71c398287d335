package faults

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// kind is what a request is for.
type kind int

const (
	hit      kind = iota // of an article that nobody writes: answered from the cache
	tracked              // of articles that are written: judged
	uncached             // a search that nobody made before
	write                // PATCH
	extra                // what a row asks on top
)

func (k kind) reads() bool { return k == hit || k == tracked || k == uncached }

// sample is one request.
type sample struct {
	kind       kind
	instance   int
	begin, end time.Time // end is zero while it runs
	status     int       // 0: no answer
	failure    string    // why not
	retryAfter bool
	cached     string // X-Cache
}

func (s *sample) ok() bool { return s.status >= 200 && s.status < 400 }

func (s *sample) took() time.Duration { return s.end.Sub(s.begin) }

// What may have come instead of an answer.
const (
	refused = "refused"
	broken  = "broken off"
	silent  = "no answer"
)

// recorder has every request of a row, and its stale reads.
type recorder struct {
	mu      sync.Mutex
	samples []*sample
	stale   []staleRead
	broken  []string // what contradicts the harness's own understanding
}

// staleRead is an answer that showed less than it had to.
type staleRead struct {
	at        time.Time
	article   int64
	instance  int
	shown     int64
	demanded  int64
	cached    string
	excusable bool
}

func (r *recorder) begin(k kind, instance int) *sample {
	s := &sample{kind: k, instance: instance, begin: time.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, s)
	return s
}

// finish stores what came of it.
func (r *recorder) finish(s *sample, status int, failure string, retryAfter bool, cached string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.end, s.status, s.failure, s.retryAfter, s.cached = time.Now(), status, failure, retryAfter, cached
}

func (r *recorder) judged(s staleRead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stale = append(r.stale, s)
}

func (r *recorder) wrong(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = append(r.broken, what)
}

// between copies the requests that began in [from, until).
func (r *recorder) between(from, until time.Time) []sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	// They are in the order of their beginning, but for a few that began at the same time.
	first, _ := slices.BinarySearchFunc(r.samples, from.Add(-100*time.Millisecond), func(s *sample, at time.Time) int { return s.begin.Compare(at) })
	var out []sample
	for _, s := range r.samples[first:] {
		if s.begin.After(until.Add(100 * time.Millisecond)) {
			break
		}
		if !s.begin.Before(from) && s.begin.Before(until) {
			out = append(out, *s)
		}
	}
	return out
}

// health is how one stretch of time went.
type health struct {
	requests, errors, running int
	hits                      float64 // share of the reads that should be hits
	slowest                   time.Duration
}

func (r *recorder) health(from, until time.Time) health {
	var h health
	var asked, got int
	for _, s := range r.between(from, until) {
		h.requests++
		switch {
		case s.end.IsZero():
			h.running++
		case !s.ok():
			h.errors++
		default:
			h.slowest = max(h.slowest, s.took())
		}
		if s.kind == hit {
			asked++
			if s.cached == "HIT" {
				got++
			}
		}
	}
	if asked > 0 {
		h.hits = float64(got) / float64(asked)
	}
	return h
}

// good reports a stretch without an error, with hits as there were before.
func (h health) good(hits float64) bool {
	return h.requests > 0 && h.errors == 0 && h.running == 0 && h.hits >= 0.9*hits
}

// recovered finds the first whole second from since on that was good, and how long it took to come. ok is false if there is
// none yet.
func (r *recorder) recovered(since, now time.Time, hits float64) (after time.Duration, ok bool) {
	for from := since; !from.Add(time.Second).After(now); from = from.Add(100 * time.Millisecond) {
		if r.health(from, from.Add(time.Second)).good(hits) {
			return from.Sub(since), true
		}
	}
	return 0, false
}

// longestGap is the longest time in which no request was answered with success.
func longestGap(samples []sample, from, until time.Time) time.Duration {
	var ends []time.Time
	for _, s := range samples {
		if s.ok() && s.end.After(from) && s.end.Before(until) {
			ends = append(ends, s.end)
		}
	}
	ends = append(ends, until)
	slices.SortFunc(ends, func(a, b time.Time) int { return a.Compare(b) })
	var longest time.Duration
	last := from
	for _, end := range ends {
		longest, last = max(longest, end.Sub(last)), end
	}
	return longest
}

// quantile of what took how long, 0 of nothing.
func quantile(xs []time.Duration, q float64) time.Duration {
	if len(xs) == 0 {
		return 0
	}
	slices.SortFunc(xs, cmp.Compare)
	return xs[min(int(float64(len(xs))*q), len(xs)-1)]
}

// times are those of the answered requests that match.
func times(samples []sample, match func(sample) bool) (out []time.Duration) {
	for _, s := range samples {
		if s.ok() && match(s) {
			out = append(out, s.took())
		}
	}
	return out
}
