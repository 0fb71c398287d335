package faults

import (
	"cmp"
	"slices"
	"sync"
	"testing"
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

// What a client may see instead of an answer.
const (
	refused = "refused"
	broken  = "broken off"
	silent  = "no answer"
)

// recorder has every request of a row, and its stale reads.
type recorder struct {
	slow time.Duration // no answer takes longer than this while all is well

	mu      sync.Mutex
	samples []*sample
	stale   []staleRead
	broken  []string // what contradicts the assumptions of the harness
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

// finish stores the result of a request.
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
	// They are in the order of their beginning, except for a few that began at the same time.
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
	slow                      time.Duration
	requests, errors, running int
	hits                      float64 // share of the reads that should be hits
	slowest                   time.Duration
}

func (r *recorder) health(from, until time.Time) health {
	h := health{slow: r.slow}
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

// good reports whether a stretch has no error and no slow answer, and as many hits as before.
func (h health) good(hits float64) bool {
	return h.requests > 0 && h.errors == 0 && h.running == 0 && h.slowest <= h.slow && h.hits >= 0.9*hits
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

// quantile returns a quantile of durations, 0 if there are none.
func quantile(xs []time.Duration, q float64) time.Duration {
	if len(xs) == 0 {
		return 0
	}
	slices.SortFunc(xs, cmp.Compare)
	return xs[min(int(float64(len(xs))*q), len(xs)-1)]
}

// times returns the durations of the answered requests that match.
func times(samples []sample, match func(sample) bool) (out []time.Duration) {
	for _, s := range samples {
		if s.ok() && match(s) {
			out = append(out, s.took())
		}
	}
	return out
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	began := time.Now().Add(-time.Minute)
	at := func(d time.Duration) time.Time { return began.Add(d) }
	r := &recorder{slow: time.Second}
	for d := time.Duration(0); d < 10*time.Second; d += 50 * time.Millisecond {
		s := &sample{kind: hit, begin: at(d), end: at(d + 10*time.Millisecond), status: 200, cached: "HIT"}
		switch {
		case d < 2*time.Second:
			s.status, s.cached = 503, ""
		case d < 4*time.Second:
			s.cached = "BYPASS"
		case d == 5*time.Second:
			s.status, s.failure = 0, refused
		}
		r.samples = append(r.samples, s)
	}
	for _, c := range []struct {
		until time.Duration
		hits  float64
		after time.Duration
		ok    bool
	}{
		{1900 * time.Millisecond, 1, 0, false},               // errors
		{4 * time.Second, 1, 0, false},                       // no hits
		{4 * time.Second, 0, 2 * time.Second, true},          // there were none before either
		{10 * time.Second, 1, 3900 * time.Millisecond, true}, // nine in ten count as before
		{4500 * time.Millisecond, 1, 0, false},               // not a whole second yet
	} {
		if after, ok := r.recovered(began, at(c.until), c.hits); after != c.after || ok != c.ok {
			t.Errorf("until %v, hits before %v: recovered after %v, %v; want %v, %v", c.until, c.hits, after, ok, c.after, c.ok)
		}
	}
	if _, ok := r.recovered(at(4100*time.Millisecond), at(5900*time.Millisecond), 1); ok {
		t.Error("recovered over a refused connection")
	}
	all := r.between(began, at(time.Hour))
	if got := longestGap(all, began, at(10*time.Second)); got != 2010*time.Millisecond {
		t.Errorf("the longest gap is %v", got)
	}
	if got := quantile(times(all, func(s sample) bool { return s.kind == hit }), 0.99); got != 10*time.Millisecond {
		t.Errorf("p99 is %v", got)
	}
	r.samples[len(r.samples)-1].end = time.Time{} // still under way
	if h := r.health(at(9*time.Second), at(10*time.Second)); h.good(1) || h.running != 1 {
		t.Errorf("good while one has no answer: %+v", h)
	}
}
