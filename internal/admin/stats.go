package admin

import (
	"context"
	"math"
	"time"

	"openlearn/internal/cache"
)

// Stats are the cache's figures. Hits and misses are those of this cache in this process since it started, not of the Redis
// server, and count reads from outside: a read that misses a response and then its parts counts once. What only Redis knows
// is null while it does not answer.
type Stats struct {
	Status         string   `json:"status" enum:"available,bypassed,unavailable"`
	Connected      bool     `json:"connected"`
	TotalKeys      *int64   `json:"total_keys" doc:"In the cache's database, versions and locks included"`
	MemoryUsedMB   *float64 `json:"memory_used_mb"`
	MemoryPeakMB   *float64 `json:"memory_peak_mb"`
	MemoryMaxMB    *float64 `json:"memory_max_mb" doc:"maxmemory; null without a limit"`
	HitRatePercent float64  `json:"hit_rate_percent" doc:"total_hits of all reads"`
	TotalHits      uint64   `json:"total_hits"`
	TotalMisses    uint64   `json:"total_misses"`
	EvictedKeys    *int64   `json:"evicted_keys"`
	ExpiredKeys    *int64   `json:"expired_keys"`
}

const (
	hitRateTarget  = 80.0 // per cent
	responseTarget = 5.0  // ms
	megabyte       = 1 << 20
)

func statsOf(st cache.Stats) Stats {
	s := Stats{Status: "available", Connected: st.Redis.Reachable}
	s.TotalHits, s.TotalMisses = st.Total.Outer()
	s.HitRatePercent = round(percent(s.TotalHits, s.TotalHits+s.TotalMisses), 2)
	switch {
	case !st.Redis.Reachable:
		s.Status = "unavailable"
		return s
	case st.BreakerOpen || !st.GateOpen:
		s.Status = "bypassed"
	}
	r := st.Redis
	s.TotalKeys, s.EvictedKeys, s.ExpiredKeys = ptr(int64(r.Keys)), ptr(int64(r.Evictions)), ptr(int64(r.Expired))
	s.MemoryUsedMB, s.MemoryPeakMB = ptr(round(r.MemoryBytes/megabyte, 2)), ptr(round(r.PeakBytes/megabyte, 2))
	if r.MaxBytes > 0 {
		s.MemoryMaxMB = ptr(round(r.MaxBytes/megabyte, 2))
	}
	return s
}

// percent is a share, 0 of nothing.
func percent(part, of uint64) float64 { return 100 * float64(part) / math.Max(1, float64(of)) }

// Reads are the hits among the reads from outside in a window.
type Reads struct {
	Seconds        float64  `json:"seconds" doc:"How long the window really is: less while the process is young"`
	Reads          uint64   `json:"reads"`
	Hits           uint64   `json:"hits"`
	HitRatePercent *float64 `json:"hit_rate_percent" doc:"null without reads"`
}

func readsOf(l cache.LayerStats, length time.Duration) Reads {
	hits, misses := l.Outer()
	r := Reads{Seconds: round(length.Seconds(), 1), Reads: hits + misses, Hits: hits}
	if r.Reads > 0 {
		r.HitRatePercent = ptr(round(percent(hits, r.Reads), 2))
	}
	return r
}

// LayerFigures are one layer's, in this process since it started.
type LayerFigures struct {
	Namespace  string `json:"namespace"`
	TTLSeconds int    `json:"ttl_seconds"`
	TTLHuman   string `json:"ttl_human"`
	cache.LayerStats
	Windows map[string]Reads `json:"windows" doc:"The last five minutes and the last hour: 5m, 1h"`
	Times   Times            `json:"times"`
}

// Times are a layer's, each from a histogram of this process.
type Times struct {
	Hit  Latency `json:"hit" doc:"Reads answered with a stored value"`
	Miss Latency `json:"miss" doc:"Reads that had to fetch: the whole read"`
	Load Latency `json:"load" doc:"Fetches from the source alone"`
	Set  Latency `json:"set" doc:"Stores"`
}

// Targets are the original's, with what they are compared to.
type Targets struct {
	HitRateTarget  float64 `json:"hit_rate_target_percent"`
	ResponseTarget float64 `json:"response_time_target_ms"`
	CurrentHitRate float64 `json:"current_hit_rate_percent"`
	Met            bool    `json:"target_met"`
}

// Figures are what the cache has done, in all and by layer.
type Figures struct {
	Stats
	AgeSeconds float64                 `json:"age_seconds" doc:"How old the figures are: they are gathered once a second for all who ask"`
	Layers     map[string]LayerFigures `json:"layers"`
	Targets    Targets                 `json:"performance_targets"`
}

// Figures are shared by all callers within a second.
func (a *Admin) Figures(ctx context.Context) (Figures, error) {
	f, at, err := a.shared.figures.Get(ctx)
	if err != nil {
		return Figures{}, err
	}
	f.AgeSeconds = round(time.Since(at).Seconds(), 3)
	return f, nil
}

func (a *Admin) gatherFigures(ctx context.Context) (Figures, error) {
	st := a.cache.Stats(ctx)
	f := Figures{Stats: statsOf(st), Layers: a.layerFigures(st, a.cache.Times())}
	f.Targets = Targets{hitRateTarget, responseTarget, f.HitRatePercent, f.HitRatePercent >= hitRateTarget}
	return f, nil
}

// windows for which figures are given.
var windows = []struct {
	name string
	last time.Duration
}{{"5m", 5 * time.Minute}, {"1h", time.Hour}}

func (a *Admin) layerFigures(st cache.Stats, times map[string]cache.LayerTimes) map[string]LayerFigures {
	now := a.sampleOf(st, times)
	out := map[string]LayerFigures{}
	for _, l := range a.cache.LayerTable() {
		f := LayerFigures{
			Namespace: l.Namespace, TTLSeconds: int(l.TTL / time.Second), TTLHuman: human(l.TTL),
			LayerStats: st.Layers[l.Name], Windows: map[string]Reads{},
		}
		f.HitRate = round(f.HitRate, 4)
		for _, w := range windows {
			in := a.windowOf(now, w.last)
			f.Windows[w.name] = readsOf(in.layers[l.Name], in.length)
		}
		t := times[l.Name]
		hit := histogram(t.Hit)
		f.Times = Times{Hit: hit.latency(), Miss: histogram(t.Get).minus(hit).latency(), Load: histogram(t.Load).latency(), Set: histogram(t.Set).latency()}
		out[l.Name] = f
	}
	return out
}

// Coherence is what the audit of hits has found.
type Coherence struct {
	cache.AuditStats
	// AtLeast: with no mismatch in n checks, the share of wrong hits is below 3/n with 95 % confidence (the rule of three).
	AtLeast *float64 `json:"nines_at_least" doc:"Nines that the checks support with 95 % confidence; null under 100 checks or with a mismatch"`
}

func coherenceOf(st cache.Stats) Coherence {
	c := Coherence{AuditStats: st.Audit}
	c.Nines = round(c.Nines, 2)
	if st.Audit.Mismatches == 0 && st.Audit.Checks >= enough {
		c.AtLeast = ptr(round(-math.Log10(3/float64(st.Audit.Checks)), 2))
	}
	return c
}

// Inside is the state of the cache's internals.
type Inside struct {
	Stats
	Layers           map[string]LayerFigures `json:"layers"`
	BreakerOpen      bool                    `json:"breaker_open"`
	GateOpen         bool                    `json:"gate_open" doc:"Entries may be served"`
	MessageLink      bool                    `json:"message_link"`
	NearEntries      int                     `json:"near_entries"`
	NearBytes        uint64                  `json:"near_bytes"`
	Invalidations    uint64                  `json:"invalidations"`
	HistoryResets    uint64                  `json:"history_resets"`
	CompressionRatio float64                 `json:"compression_ratio"`
	OutboxBacklog    int64                   `json:"outbox_backlog"`
	OutboxOldest     float64                 `json:"outbox_oldest_seconds"`
	Coherence        Coherence               `json:"coherence"`
}

// Uptime is how long this process has counted.
type Uptime struct {
	Seconds   float64   `json:"seconds"`
	StartedAt time.Time `json:"started_at"`
}

// AllFigures are the state of the cache's internals, what it has done, and how fast.
type AllFigures struct {
	Cache       Inside      `json:"cache"`
	Performance Performance `json:"performance"`
	Uptime      Uptime      `json:"uptime"`
}

// AllFigures are shared by all callers within a second.
func (a *Admin) AllFigures(ctx context.Context) (AllFigures, error) {
	f, _, err := a.shared.all.Get(ctx)
	return f, err
}

func (a *Admin) gatherAll(ctx context.Context) (AllFigures, error) {
	st, times := a.cache.Stats(ctx), a.cache.Times()
	f := AllFigures{Performance: a.performance(st, times)}
	pending, oldest := a.opt.Outbox.Backlog()
	f.Cache = Inside{
		Stats: statsOf(st), Layers: a.layerFigures(st, times), BreakerOpen: st.BreakerOpen, GateOpen: st.GateOpen, MessageLink: st.MessageLink,
		NearEntries: st.NearEntries, NearBytes: st.NearBytes, Invalidations: st.Invalidations, HistoryResets: st.HistoryResets,
		CompressionRatio: round(st.CompressionRatio, 4), OutboxBacklog: pending, OutboxOldest: round(oldest.Seconds(), 3), Coherence: coherenceOf(st),
	}
	f.Uptime.Seconds, f.Uptime.StartedAt = round(a.opt.Now().Sub(a.started).Seconds(), 1), a.started.UTC()
	return f, nil
}
