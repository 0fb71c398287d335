package admin

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"openlearn/internal/cache"
)

// Part is one component of the score. Its points are weight × score; a part that is not known yet is left out, and the
// others' weights are scaled to 100 (docs/decisions/health-score.md).
type Part struct {
	Name    string   `json:"name"`
	Weight  float64  `json:"weight"`
	Score   *float64 `json:"score" doc:"0 to 1; null while it is not known"`
	Value   *float64 `json:"value" doc:"The figure it comes from"`
	Unit    string   `json:"unit"`
	Target  string   `json:"target" doc:"What is worth 1, and what 0"`
	Samples *uint64  `json:"samples,omitempty" doc:"How much is behind the value"`
	Window  *float64 `json:"window_seconds,omitempty" doc:"Over how long; without it, now or since the start"`
}

// Health is the state of the cache, with the parts of the verdict.
type Health struct {
	Stats
	HealthScore     float64                     `json:"health_score" doc:"0 to 100"`
	HealthStatus    string                      `json:"health_status" enum:"excellent,good,fair,poor"`
	Recommendations []string                    `json:"recommendations" nullable:"false"`
	Parts           []Part                      `json:"parts" nullable:"false"`
	Layers          map[string]map[string]Reads `json:"layers" doc:"Hit ratio by layer and window, of layers that were read"`
	Coherence       Coherence                   `json:"coherence"`
}

// Health is shared by all callers within a second.
func (a *Admin) Health(ctx context.Context) (Health, error) {
	h, _, err := a.shared.health.Get(ctx)
	return h, err
}

func (a *Admin) gatherHealth(ctx context.Context) (Health, error) {
	st := a.cache.Stats(ctx)
	e := a.examine(st, a.cache.Times())
	h := Health{Stats: statsOf(st), Parts: e.parts, Recommendations: append([]string{}, e.advice...), Layers: e.layers, Coherence: coherenceOf(st), HealthScore: e.score()}
	h.HealthStatus = grade(h.HealthScore)
	return h, nil
}

func grade(score float64) string {
	switch {
	case score >= 80:
		return "excellent"
	case score >= 60:
		return "good"
	case score >= 40:
		return "fair"
	}
	return "poor"
}

// examination gathers parts and recommendations.
type examination struct {
	parts  []Part
	advice []string
	layers map[string]map[string]Reads
	capped float64 // upper bound of the score
}

// The weights are judgements (docs/decisions/health-score.md), shown with every score; the values that they weigh are measured.
const (
	weightHits, weightLatency, weightMemory, weightEvictions           = 25, 15, 15, 10
	weightErrors, weightBreaker, weightOutbox, weightCoherence float64 = 10, 10, 10, 5
	cappedByOutage, cappedByMismatch                                   = 20, 50
)

// score is the mean of the known parts by weight, 0 to 100.
func (e *examination) score() float64 {
	var sum, weights float64
	for _, p := range e.parts {
		if p.Score != nil {
			sum, weights = sum+p.Weight**p.Score, weights+p.Weight
		}
	}
	if weights == 0 {
		return 0
	}
	return round(min(100*sum/weights, e.capped), 2)
}

// fall is 1 up to good, 0 from bad on, and linear in between.
func fall(v, good, bad float64) float64 { return min(1, max(0, (bad-v)/(bad-good))) }

func (e *examination) add(p Part, v, score float64, ok bool) {
	if ok {
		p.Value, p.Score = ptr(round(v, 4)), ptr(round(score, 4))
	}
	e.parts = append(e.parts, p)
}

func (e *examination) advise(format string, args ...any) {
	e.advice = append(e.advice, fmt.Sprintf(format, args...))
}

func (a *Admin) examine(st cache.Stats, times map[string]cache.LayerTimes) *examination {
	e := &examination{capped: 100, layers: map[string]map[string]Reads{}}
	now := a.sampleOf(st, times)
	w := a.chosen(now)
	for _, each := range windows {
		in := a.windowOf(now, each.last)
		for name, l := range in.layers {
			if r := readsOf(l, in.length); r.Reads > 0 {
				if e.layers[name] == nil {
					e.layers[name] = map[string]Reads{}
				}
				e.layers[name][each.name] = r
			}
		}
	}
	e.hits(w)
	e.latency(w)
	e.memory(st.Redis)
	e.evictions(w, st.Redis)
	e.errors(w)
	e.breaker(st)
	pending, oldest := a.opt.Outbox.Backlog()
	e.outbox(st, pending, oldest)
	e.coherence(st)
	return e
}

// chosen is the shortest window with enough reads to judge by, else the longest.
func (a *Admin) chosen(now sample) (w window) {
	for _, each := range windows {
		w = a.windowOf(now, each.last)
		if hits, misses := w.total().Outer(); hits+misses >= enough {
			return w
		}
	}
	return w
}

func (w window) words() string {
	if w.length < time.Minute {
		return fmt.Sprintf("%.0f seconds", w.length.Seconds())
	}
	return fmt.Sprintf("%.0f minutes", w.length.Minutes())
}

func (e *examination) hits(w window) {
	hits, misses := w.total().Outer()
	n := hits + misses
	p := Part{Name: "hit_ratio", Weight: weightHits, Unit: "per cent of reads from outside", Target: "80 % or more; 0 %", Samples: &n, Window: ptr(round(w.length.Seconds(), 1))}
	ratio := percent(hits, n)
	e.add(p, ratio, min(1, ratio/hitRateTarget), n >= enough)
	if n < enough {
		e.advise("Hit ratio: only %d reads in the last %s, too few to judge (100 are enough). Nothing to do, or warm the cache.", n, w.words())
	}
	for _, name := range slices.Sorted(maps.Keys(w.layers)) {
		hits, misses := w.layers[name].Outer()
		reads := hits + misses
		if r := percent(hits, reads); reads >= enough && r < hitRateTarget {
			e.advise("Layer %s: hit ratio %.1f %% of %d reads in the last %s, below %.0f %%. Warm it with popular data, or look at /api/cache/hot for keys that are too particular.",
				name, r, reads, w.words(), hitRateTarget)
		}
	}
}

func (e *examination) latency(w window) {
	v, ok := w.hits.quantile(.95)
	p := Part{Name: "latency", Weight: weightLatency, Unit: "ms, p95 of hits", Target: "5 ms or less; 50 ms", Samples: &w.hits.Count, Window: ptr(round(w.length.Seconds(), 1))}
	e.add(p, v, fall(v, responseTarget, 10*responseTarget), ok)
	if ok && v > responseTarget {
		e.advise("Latency: p95 of %d hits in the last %s is %.1f ms, above %.0f ms. Look at the way to Redis, at its slow log, and at the load of this machine.", w.hits.Count, w.words(), v, responseTarget)
	}
}

func (e *examination) memory(r cache.RedisStats) {
	share := 100 * r.MemoryBytes / math.Max(1, r.MaxBytes)
	known := r.Reachable && r.MaxBytes > 0
	e.add(Part{Name: "memory", Weight: weightMemory, Unit: "per cent of maxmemory", Target: "80 % or less; 100 %"}, share, fall(share, 80, 100), known)
	switch {
	case r.Reachable && r.MaxBytes == 0:
		e.advise("Memory: Redis uses %.1f MB and has no maxmemory, so nothing bounds it. Set maxmemory and maxmemory-policy allkeys-lru (deploy/redis.conf).", r.MemoryBytes/megabyte)
	case known && share > 80:
		e.advise("Memory: Redis uses %.1f MB, %.1f %% of maxmemory (%.1f MB). Raise maxmemory, or shorten lifetimes of large layers.", r.MemoryBytes/megabyte, share, r.MaxBytes/megabyte)
	}
}

// evictions are judged against the number of stored keys: a cache that loses 5 % of them in a minute is no longer a cache.
func (e *examination) evictions(w window, r cache.RedisStats) {
	p := Part{Name: "evictions", Weight: weightEvictions, Unit: "per cent of keys a minute", Target: "0 %; 5 %", Window: ptr(round(w.length.Seconds(), 1))}
	if w.evictions == nil || w.length < 10*time.Second {
		e.add(p, 0, 0, false)
		return
	}
	perMinute := *w.evictions / w.length.Minutes()
	share := 100 * perMinute / math.Max(1, r.Keys)
	e.add(p, share, fall(share, 0, 5), true)
	if *w.evictions > 0 {
		e.advise("Evictions: Redis evicted %.0f keys in the last %s, %.2f %% of its keys a minute. Raise maxmemory.", *w.evictions, w.words(), share)
	}
}

func (e *examination) errors(w window) {
	t := w.total()
	n := t.Loads
	bad := t.LoadErrors + t.RejectedFills
	share := percent(bad, n)
	p := Part{Name: "errors", Weight: weightErrors, Unit: "per cent of loads that failed or were not stored", Target: "0 %; 5 %", Samples: &n, Window: ptr(round(w.length.Seconds(), 1))}
	e.add(p, share, fall(share, 0, 5), n >= enough)
	names := slices.SortedFunc(maps.Keys(w.layers), func(x, y string) int {
		bx, by := w.layers[x].LoadErrors+w.layers[x].RejectedFills, w.layers[y].LoadErrors+w.layers[y].RejectedFills
		return cmp.Or(cmp.Compare(by, bx), cmp.Compare(x, y))
	})
	for _, name := range names {
		if l := w.layers[name]; l.LoadErrors+l.RejectedFills > 0 {
			e.advise("Layer %s: %d of %d loads failed and %d results were not stored in the last %s. The log says why.", name, l.LoadErrors, l.Loads, l.RejectedFills, w.words())
		}
	}
}

func (e *examination) breaker(st cache.Stats) {
	closed := st.Redis.Reachable && !st.BreakerOpen
	score := 0.0
	if closed {
		score = 1
	}
	e.add(Part{Name: "breaker", Weight: weightBreaker, Unit: "1 while Redis is in use", Target: "1; 0"}, score, score, true)
	if !closed {
		e.capped = min(e.capped, cappedByOutage)
		e.advise("Redis does not answer: reads go to PostgreSQL. Nothing is to be done here; it is used again when it is back.")
	}
}

func (e *examination) outbox(st cache.Stats, pending int64, oldest time.Duration) {
	age := oldest.Seconds()
	score := fall(age, 1, 60)
	if !st.GateOpen {
		score = 0
	}
	e.add(Part{Name: "outbox", Weight: weightOutbox, Unit: "seconds that the oldest pending change has waited", Target: "1 s or less; 60 s, or the gate closed", Samples: ptr(uint64(max(pending, 0)))}, age, score, true)
	if !st.GateOpen {
		e.advise("Outbox: entries may not be served, since %d changes are pending, the oldest for %.1f s (or the outbox has not been looked at yet).", pending, age)
	} else if age > 1 {
		e.advise("Outbox: %d changes are pending, the oldest for %.1f s. Look for \"outbox pass failed\" in the log.", pending, age)
	}
}

func (e *examination) coherence(st cache.Stats) {
	n := st.Audit.Checks
	score := 1.0
	if st.Audit.Mismatches > 0 {
		score = 0
		e.capped = min(e.capped, cappedByMismatch)
		e.advise("Coherence: %d of %d audited hits differ from PostgreSQL. The log names their keys (\"a hit differs from the source\"); invalidate them.", st.Audit.Mismatches, n)
	}
	e.add(Part{Name: "coherence", Weight: weightCoherence, Unit: "audited hits that differ from the source", Target: "none; any", Samples: &n},
		float64(st.Audit.Mismatches), score, n >= enough || st.Audit.Mismatches > 0)
}
