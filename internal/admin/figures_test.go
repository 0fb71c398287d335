package admin

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache"
	"openlearn/internal/testkit"
)

// observed returns a histogram that has counted these seconds.
func observed(t *testing.T, seconds ...float64) histogram {
	t.Helper()
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: []float64{.001, .002, .004, .008}})
	for _, s := range seconds {
		h.Observe(s)
	}
	return histogram(cache.HistogramOf(h))
}

func repeat(n int, v ...float64) (out []float64) {
	for range n {
		out = append(out, v...)
	}
	return out
}

func TestHistogramSaysNothingUnderAHundredSamples(t *testing.T) {
	t.Parallel()
	few := observed(t, repeat(99, .001)...).latency()
	if few.Count != 99 || few.MeanMS != nil || few.P50 != nil || few.P95 != nil || few.P99 != nil {
		t.Errorf("%+v", few)
	}
	l := observed(t, repeat(25, .0005, .0015, .003, .006)...).latency()
	if l.Count != 100 || math.Abs(*l.MeanMS-2.75) > 1e-6 || *l.P50 != 2 || *l.P95 != 7.2 || *l.P99 != 7.84 {
		t.Errorf("count %d mean %v p50 %v p95 %v p99 %v", l.Count, *l.MeanMS, *l.P50, *l.P95, *l.P99)
	}
	if beyond, ok := observed(t, repeat(100, 9)...).quantile(.5); !ok || beyond != 8 {
		t.Errorf("beyond the last bound: %v", beyond)
	}
}

func TestHistogramDifferences(t *testing.T) {
	t.Parallel()
	all, hits := observed(t, repeat(200, .0005, .006)...), observed(t, repeat(200, .0005)...)
	missed := all.minus(hits)
	if ms, ok := missed.mean(); missed.Count != 200 || !ok || math.Abs(ms-6) > 1e-6 {
		t.Errorf("%+v: %v", missed, ms)
	}
	if back := missed.plus(hits); back.Count != all.Count || back.UpTo[0] != all.UpTo[0] {
		t.Errorf("%+v", back)
	}
	if empty := (histogram{}).minus(histogram{}); empty.Count != 0 || empty.latency().P50 != nil {
		t.Errorf("%+v", empty)
	}
}

// quiet returns an Admin whose counters are not sampled.
func quiet() *Admin {
	return &Admin{log: slog.New(slog.DiscardHandler), opt: Options{Now: time.Now, Outbox: idle{}}}
}

type idle struct{}

func (idle) Backlog() (int64, time.Duration) { return 0, 0 }

func reads(hits, misses uint64) map[string]cache.LayerStats {
	return map[string]cache.LayerStats{"content": {Hits: hits, Misses: misses, Loads: misses}}
}

func TestWindowsAreDifferences(t *testing.T) {
	t.Parallel()
	a := quiet()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a.history.add(sample{at: start})
	for i := 1; i <= 200; i++ { // two hours and more, one a minute, ten hits each
		a.history.add(sample{at: start.Add(time.Duration(i) * time.Minute), layers: reads(uint64(10*i), 0), evictions: float64(i), reachable: true})
	}
	now := sample{at: start.Add(200*time.Minute + 30*time.Second), layers: reads(2005, 5), evictions: 200, reachable: true}
	w := a.windowOf(now, 5*time.Minute)
	if l := w.layers["content"]; l.Hits != 55 || l.Misses != 5 || w.length != 5*time.Minute+30*time.Second || w.evictions == nil || *w.evictions != 5 {
		t.Errorf("five minutes: %+v", w)
	}
	if w := a.windowOf(now, time.Hour); w.layers["content"].Hits != 605 {
		t.Errorf("an hour: %+v", w)
	}
	if n := len(a.history.all); n > 64 {
		t.Errorf("%d samples are kept", n)
	}
	restarted := now
	restarted.evictions = 1
	if w := a.windowOf(restarted, 5*time.Minute); w.evictions != nil {
		t.Errorf("a restart of Redis makes %v evictions", *w.evictions)
	}
	young := quiet()
	young.history.add(sample{at: start})
	young.history.add(sample{at: start.Add(10 * time.Second), evictions: 7, reachable: true})
	if w := young.windowOf(sample{at: start.Add(40 * time.Second), evictions: 9, reachable: true}, time.Hour); w.evictions == nil || *w.evictions != 2 {
		t.Errorf("evictions since Redis was first asked: %+v", w)
	}
	if w := young.windowOf(sample{at: start.Add(time.Second), layers: reads(3, 1)}, time.Hour); w.length != time.Second || w.layers["content"].Hits != 3 {
		t.Errorf("young: %+v", w)
	}
}

// well returns the figures of a cache with nothing wrong.
func well() cache.Stats {
	return cache.Stats{
		Layers: map[string]cache.LayerStats{}, Redis: cache.RedisStats{Reachable: true, MemoryBytes: 100 << 20, MaxBytes: 1 << 30, Keys: 1000},
		GateOpen: true, Audit: cache.AuditStats{Checks: 1000},
	}
}

// judge scores a window.
func judge(st cache.Stats, w window, pending int64, oldest time.Duration) *examination {
	e := &examination{capped: 100}
	e.hits(w)
	e.latency(w)
	e.memory(st.Redis)
	e.evictions(w, st.Redis)
	e.errors(w)
	e.breaker(st)
	e.outbox(st, pending, oldest)
	e.coherence(st)
	return e
}

func TestScore(t *testing.T) {
	t.Parallel()
	quick, slow := observed(t, repeat(200, .0005)...), histogram{Bounds: []float64{.02, .0275}, UpTo: []uint64{0, 1000}, Count: 1000, Sum: 25}
	busy := func(hits, misses uint64) window {
		return window{length: 5 * time.Minute, layers: reads(hits, misses), hits: quick, evictions: ptr(0.0)}
	}
	for _, c := range []struct {
		name    string
		change  func(st *cache.Stats, w *window)
		pending int64
		oldest  time.Duration
		score   float64
		advice  string
	}{
		{"nothing wrong", func(*cache.Stats, *window) {}, 0, 0, 100, ""},
		{"hit ratio 40 %: half of 25", func(_ *cache.Stats, w *window) { *w = busy(400, 600) }, 0, 0, 87.5, "Layer content: hit ratio 40.0 % of 1000 reads in the last 5 minutes, below 80 %"},
		{"too few reads take no part", func(_ *cache.Stats, w *window) { *w = busy(10, 10) }, 0, 0, 100, "only 20 reads"},
		{"p95 27.1 ms: 51 % of 15", func(_ *cache.Stats, w *window) { w.hits = slow }, 0, 0, 92.62, "p95 of 1000 hits in the last 5 minutes is 27.1 ms, above 5 ms"},
		{"memory 90 %: half of 15", func(st *cache.Stats, _ *window) { st.Redis.MemoryBytes = .9 * (1 << 30) }, 0, 0, 92.5, "90.0 % of maxmemory (1024.0 MB)"},
		{"no maxmemory", func(st *cache.Stats, _ *window) { st.Redis.MaxBytes = 0 }, 0, 0, 100, "has no maxmemory"},
		{"evictions 2.5 % a minute: half of 10", func(_ *cache.Stats, w *window) { w.evictions = ptr(125.0) }, 0, 0, 95, "evicted 125 keys in the last 5 minutes, 2.50 %"},
		{"2 % of loads fail: 40 % of 10", func(_ *cache.Stats, w *window) {
			w.layers = map[string]cache.LayerStats{"article": {Hits: 900, Misses: 100, Loads: 100, LoadErrors: 2}}
		}, 0, 0, 96, "Layer article: 2 of 100 loads failed"},
		{"outbox 30.5 s: half of 10", func(*cache.Stats, *window) {}, 3, 30500 * time.Millisecond, 95, "3 changes are pending, the oldest for 30.5 s"},
		{"gate closed", func(st *cache.Stats, _ *window) { st.GateOpen = false }, 1, 0, 90, "may not be served"},
		{"Redis away caps at 20", func(st *cache.Stats, _ *window) { st.Redis = cache.RedisStats{} }, 0, 0, 20, "Redis does not answer"},
		{"breaker open caps at 20", func(st *cache.Stats, _ *window) { st.BreakerOpen = true }, 0, 0, 20, "Redis does not answer"},
		{"a mismatch caps at 50", func(st *cache.Stats, _ *window) { st.Audit.Mismatches = 1 }, 0, 0, 50, "1 of 1000 audited hits differ"},
	} {
		st, w := well(), busy(900, 100)
		c.change(&st, &w)
		e := judge(st, w, c.pending, c.oldest)
		if got := e.score(); math.Abs(got-c.score) > 0.02 {
			t.Errorf("%s: %v, want %v\n%+v", c.name, got, c.score, e.parts)
		}
		if advice := strings.Join(e.advice, "\n"); !strings.Contains(advice, c.advice) || c.advice == "" && advice != "" {
			t.Errorf("%s: advice %q, want %q", c.name, advice, c.advice)
		}
	}
	var sum float64
	for _, p := range judge(well(), busy(1, 1), 0, 0).parts {
		sum += p.Weight
	}
	if sum != 100 {
		t.Errorf("the weights are %v in all", sum)
	}
}

func TestNines(t *testing.T) {
	t.Parallel()
	st := well()
	if c := coherenceOf(st); c.AtLeast == nil || *c.AtLeast != 2.52 { // −log10(3/1000)
		t.Errorf("%+v", c)
	}
	st.Audit.Checks = 99
	if c := coherenceOf(st); c.AtLeast != nil {
		t.Errorf("out of 99 checks: %v", *c.AtLeast)
	}
	st.Audit = cache.AuditStats{Checks: 1000, Mismatches: 1}
	if c := coherenceOf(st); c.AtLeast != nil {
		t.Errorf("with a mismatch: %v", *c.AtLeast)
	}
}

// TestComparisonLeavesOutWhatIsNotCached: requests without a part of the HTTP cache are not compared, and what was not
// measured is null, never invented.
func TestComparisonLeavesOutWhatIsNotCached(t *testing.T) {
	t.Parallel()
	times := func(seconds float64) cache.Histogram { return cache.Histogram(observed(t, repeat(150, seconds)...)) }
	var p Performance
	p.requests([]RouteTimes{
		{"/api/articles", "BYPASS", times(.002)}, {"/health", NotCached, times(9)}, {"/api/articles", NotCached, times(9)},
	})
	if p.CurrentAvgMS == nil || *p.CurrentAvgMS != 2 || p.UncachedAvgMS != nil || p.Speedup != nil || p.Samples.Requests != 150 || len(p.Endpoints) != 1 || p.Endpoints[0].Cached.Count != 0 || p.Endpoints[0].Uncached.Count != 0 {
		t.Errorf("%+v", p)
	}
}

func TestSamplingEndsWithClose(t *testing.T) {
	t.Parallel()
	c, err := cache.New(cache.Options{Redis: testkit.Redis(t), Layers: []cache.Layer{{Name: "article", Namespace: "article", TTL: time.Hour}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	a := New(Options{Cache: c, Outbox: idle{}, Logger: slog.New(slog.DiscardHandler), Sampling: time.Millisecond})
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for n := 1; n < 3; {
		a.history.mu.Lock()
		n = len(a.history.all)
		a.history.mu.Unlock()
		select {
		case <-deadline.Done():
			t.Fatal("no samples were taken")
		case <-time.After(time.Millisecond):
		}
	}
	a.Close()
}
