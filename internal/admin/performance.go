package admin

import (
	"context"
	"maps"
	"slices"
	"time"

	"openlearn/internal/cache"
)

// Endpoint holds the response times of a cacheable route, for answers from the cache and for others.
type Endpoint struct {
	Endpoint string   `json:"endpoint"`
	Requests uint64   `json:"requests"`
	Cached   Latency  `json:"cached"`
	Uncached Latency  `json:"uncached"`
	Speedup  *float64 `json:"speedup" doc:"Uncached over cached mean; null under 100 of either"`
}

// Performance compares only what this process has measured. The fields are the original's; each is null until it rests on
// 100 samples, and samples says how many there are.
type Performance struct {
	HitRatePercent     *float64           `json:"cache_hit_rate_percent" doc:"null without reads"`
	CacheMS            *float64           `json:"cache_response_time_ms" doc:"Mean of reads answered by the cache"`
	DatabaseMS         *float64           `json:"database_response_time_ms" doc:"Mean of statements sent to PostgreSQL"`
	APIMS              *float64           `json:"api_response_time_ms" doc:"Mean of calls to foreign services"`
	CurrentAvgMS       *float64           `json:"current_avg_response_time_ms" doc:"Mean of all requests on cacheable routes"`
	UncachedAvgMS      *float64           `json:"uncached_avg_response_time_ms" doc:"Mean of those among them that missed"`
	ImprovementPercent *float64           `json:"performance_improvement_percent"`
	Speedup            *float64           `json:"estimated_speedup" doc:"uncached_avg over current_avg, both measured"`
	Targets            PerformanceTargets `json:"targets"`
	Samples            Samples            `json:"samples"`
	DatabaseSaved      Saved              `json:"database_load_saved"`
	Endpoints          []Endpoint         `json:"endpoints" nullable:"false"`
}

// PerformanceTargets are the original's; met is null while it is unknown.
type PerformanceTargets struct {
	HitRate        float64 `json:"hit_rate_target_percent"`
	Response       float64 `json:"response_time_target_ms"`
	Improvement    float64 `json:"improvement_target_percent"`
	HitRateMet     *bool   `json:"hit_rate_met"`
	ImprovementMet *bool   `json:"improvement_met"`
}

// Samples is how many samples each figure rests on.
type Samples struct {
	Reads            uint64 `json:"cache_reads" doc:"From outside"`
	Hits             uint64 `json:"cache"`
	Queries          uint64 `json:"database"`
	Calls            uint64 `json:"api"`
	Requests         uint64 `json:"requests"`
	CachedRequests   uint64 `json:"cached_requests" doc:"Answered without reaching a handler, and so PostgreSQL"`
	UncachedRequests uint64 `json:"uncached_requests"`
}

// Saved is a product, and shown as one.
type Saved struct {
	Hits        uint64   `json:"hits" doc:"Of reads from outside on layers that our own database feeds; each saved one statement at least"`
	MeanQueryMS *float64 `json:"mean_query_ms"`
	SavedMS     *float64 `json:"saved_ms" doc:"hits × mean_query_ms"`
}

// Comparison is shared by all callers within a second.
func (a *Admin) Comparison(ctx context.Context) (Performance, error) {
	p, _, err := a.shared.comparison.Get(ctx)
	return p, err
}

func (a *Admin) gatherComparison(ctx context.Context) (Performance, error) {
	return a.performance(a.cache.Stats(ctx), a.cache.Times()), nil
}

// RouteTimes is how long requests of one route took, for one kind of answer of the HTTP cache.
type RouteTimes struct {
	Route  string
	Answer Answer
	Times  cache.Histogram
}

// Answer is the HTTP cache's part in an answer.
type Answer string

// The answers that are compared. Those without a part of the HTTP cache are not.
const (
	AnsweredFromCache Answer = "HIT"
	AnsweredAfterMiss Answer = "MISS"
	NotCached         Answer = "NONE"
)

const (
	comparedResponse = 50.0 // ms, the original's target
	improvement      = 60.0 // per cent, likewise
)

func (a *Admin) performance(st cache.Stats, times map[string]cache.LayerTimes) Performance {
	var hits, calls histogram
	own := uint64(0)
	for _, l := range a.cache.LayerTable() {
		t := times[l.Name]
		hits = hits.plus(histogram(t.Hit))
		switch l.Tier {
		case cache.L1:
			n, _ := st.Layers[l.Name].Outer() // each saved at least one statement
			own += n
		case cache.L2:
			calls = calls.plus(histogram(t.Load))
		}
	}
	statements := histogram(a.opt.Statements())
	p := Performance{CacheMS: known(hits.mean()), DatabaseMS: known(statements.mean()), APIMS: known(calls.mean())}
	outerHits, outerMisses := st.Total.Outer()
	p.Samples = Samples{Reads: outerHits + outerMisses, Hits: hits.Count, Queries: statements.Count, Calls: calls.Count}
	p.DatabaseSaved = Saved{Hits: own, MeanQueryMS: p.DatabaseMS}
	if ms, ok := statements.mean(); ok {
		p.DatabaseSaved.SavedMS = ptr(round(float64(own)*ms, 1))
	}
	p.Targets = PerformanceTargets{HitRate: hitRateTarget, Response: comparedResponse, Improvement: improvement}
	if p.Samples.Reads > 0 {
		ratio := percent(outerHits, p.Samples.Reads)
		p.HitRatePercent, p.Targets.HitRateMet = ptr(round(ratio, 2)), ptr(ratio >= hitRateTarget)
	}
	p.requests(a.opt.Requests())
	return p
}

// requests compares requests that the HTTP cache had a part in: hits with misses, route by route.
func (p *Performance) requests(measured []RouteTimes) {
	var all, cached, missed histogram
	routes := map[string]*struct{ all, cached, missed histogram }{}
	for _, m := range measured {
		if m.Answer == NotCached {
			continue
		}
		if routes[m.Route] == nil {
			routes[m.Route] = &struct{ all, cached, missed histogram }{}
		}
		r, h := routes[m.Route], histogram(m.Times)
		r.all, all = r.all.plus(h), all.plus(h)
		switch m.Answer {
		case AnsweredFromCache:
			r.cached, cached = r.cached.plus(h), cached.plus(h)
		case AnsweredAfterMiss:
			r.missed, missed = r.missed.plus(h), missed.plus(h)
		}
	}
	p.Samples.Requests, p.Samples.CachedRequests, p.Samples.UncachedRequests = all.Count, cached.Count, missed.Count
	p.CurrentAvgMS, p.UncachedAvgMS = known(all.mean()), known(missed.mean())
	now, ok := all.mean()
	if uncached, both := missed.mean(); ok && both && now > 0 && uncached > 0 {
		p.Speedup = ptr(round(uncached/now, 2))
		p.ImprovementPercent = ptr(round(100*(1-now/uncached), 2))
		p.Targets.ImprovementMet = ptr(*p.ImprovementPercent >= improvement)
	}
	p.Endpoints = []Endpoint{}
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		r := routes[name]
		e := Endpoint{Endpoint: name, Requests: r.all.Count, Cached: r.cached.latency(), Uncached: r.missed.latency()}
		c, okC := r.cached.mean()
		if m, okM := r.missed.mean(); okC && okM && c > 0 {
			e.Speedup = ptr(round(m/c, 2))
		}
		p.Endpoints = append(p.Endpoints, e)
	}
}

// milliseconds is a duration as figures show it.
func milliseconds(d time.Duration) float64 { return round(float64(d)/float64(time.Millisecond), 4) }
