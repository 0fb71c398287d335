package cache

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// LayerStats counts one layer's work in this process since it started.
type LayerStats struct {
	Hits     uint64  `json:"hits"`
	NearHits uint64  `json:"near_hits"`
	Misses   uint64  `json:"misses"`
	HitRate  float64 `json:"hit_rate"` // 0 to 1; 0 before the first read
	// NestedHits and NestedMisses are those among them that were reads inside
	// the load of another entry: the read from outside has already been counted
	// as a miss.
	NestedHits   uint64 `json:"nested_hits"`
	NestedMisses uint64 `json:"nested_misses"`

	Negative      uint64 `json:"negative_hits"`
	Loads         uint64 `json:"loads"`
	LoadErrors    uint64 `json:"load_errors"`
	Coalesced     uint64 `json:"coalesced"`
	Bypassed      uint64 `json:"bypassed"`
	Stale         uint64 `json:"stale_served"`
	Refreshes     uint64 `json:"refreshes"`
	LockWaits     uint64 `json:"lock_waits"`
	RejectedFills uint64 `json:"rejected_fills"`
}

// RedisStats is what Redis reports about itself, summed over a cluster's
// primaries.
type RedisStats struct {
	Reachable   bool    `json:"reachable"`
	MemoryBytes float64 `json:"memory_bytes"`
	PeakBytes   float64 `json:"peak_bytes"`
	MaxBytes    float64 `json:"max_bytes"` // maxmemory; 0 = no limit
	Keys        float64 `json:"keys"`      // of the cache's database
	Evictions   float64 `json:"evictions"`
	Expired     float64 `json:"expired"`
}

// Stats is a snapshot.
type Stats struct {
	Layers           map[string]LayerStats `json:"layers"`
	Total            LayerStats            `json:"total"`
	Redis            RedisStats            `json:"redis"`
	BreakerOpen      bool                  `json:"breaker_open"`
	GateOpen         bool                  `json:"gate_open"` // entries may be served
	MessageLink      bool                  `json:"message_link"`
	NearEntries      int                   `json:"near_entries"`
	NearBytes        uint64                `json:"near_bytes"`
	Invalidations    uint64                `json:"invalidations"`
	HistoryResets    uint64                `json:"history_resets"`
	CompressionRatio float64               `json:"compression_ratio"` // compressed / raw; 1 = nothing compressed
	Audit            AuditStats            `json:"audit"`
}

func (m *layerMetrics) stats() LayerStats {
	s := LayerStats{
		Hits: m.hits.value(), NearHits: m.nearHits.value(), Misses: m.misses.value(), Negative: m.negatives.value(),
		Loads: m.loads.value(), LoadErrors: m.loadErrors.value(), Coalesced: m.coalesced.value(),
		NestedHits: m.nestedHits.value(), NestedMisses: m.nestedMisses.value(),
		Bypassed: m.bypassed.value(), Stale: m.stale.value(), Refreshes: m.refreshes.value(), LockWaits: m.lockWaits.value(),
	}
	for i := range m.rejected {
		s.RejectedFills += m.rejected[i].value()
	}
	return s
}

// Outer are the hits and misses of reads from outside, each counted once
// however many entries its load was built from.
func (s LayerStats) Outer() (hits, misses uint64) {
	return s.Hits - min(s.Hits, s.NestedHits), s.Misses - min(s.Misses, s.NestedMisses)
}

func (s *LayerStats) rate() {
	if n := s.Hits + s.Misses; n > 0 {
		s.HitRate = float64(s.Hits) / float64(n)
	}
}

// Stats reports this process's counters and what Redis reports about itself.
func (c *Cache) Stats(ctx context.Context) Stats {
	s := Stats{
		Layers:      make(map[string]LayerStats, len(c.order)),
		Redis:       c.redisStats(ctx),
		BreakerOpen: c.breaker.open.Load(), GateOpen: c.opt.Gate(), MessageLink: c.pubsub.upSince.Load() != 0,
		Invalidations: c.met.invalidations.value(), HistoryResets: c.met.historyResets.value(), CompressionRatio: 1,
	}
	for _, l := range c.order {
		one := l.met.stats()
		t := &s.Total
		t.Hits, t.NearHits, t.Misses, t.Negative = t.Hits+one.Hits, t.NearHits+one.NearHits, t.Misses+one.Misses, t.Negative+one.Negative
		t.NestedHits, t.NestedMisses = t.NestedHits+one.NestedHits, t.NestedMisses+one.NestedMisses
		t.Loads, t.LoadErrors, t.Coalesced, t.Bypassed = t.Loads+one.Loads, t.LoadErrors+one.LoadErrors, t.Coalesced+one.Coalesced, t.Bypassed+one.Bypassed
		t.Stale, t.Refreshes, t.LockWaits, t.RejectedFills = t.Stale+one.Stale, t.Refreshes+one.Refreshes, t.LockWaits+one.LockWaits, t.RejectedFills+one.RejectedFills
		one.rate()
		s.Layers[l.Name] = one
		s.Audit.Checks += l.met.auditChecks.value()
		s.Audit.Mismatches += l.met.auditMisses.value()
		s.Audit.Unsettled += l.met.auditUnsettled.value()
	}
	s.Total.rate()
	s.Audit.Nines = nines(s.Audit.Mismatches, s.Audit.Checks)
	s.NearEntries, s.NearBytes = c.near.Size()
	if raw := c.met.raw.value(); raw > 0 {
		s.CompressionRatio = float64(c.met.packed.value()) / float64(raw)
	}
	return s
}

// redisGauges keeps Redis's last answer for a moment, so that a scrape that
// reads three gauges asks once.
type redisGauges struct {
	mu   sync.Mutex
	at   time.Time
	last RedisStats
}

const gaugesAge = 2 * time.Second

func (c *Cache) registerGauges() {
	m := c.met
	m.add(redisCollector{c})
	m.count("cache_redis_errors_total", "Exchanges with Redis that failed: no connection, no answer in time, an error for an answer.", nil, &c.breaker.errors)
	m.gauge("cache_breaker_open", "1 while reads go past a Redis that does not answer.", func() float64 { return boolGauge(c.breaker.open.Load()) })
	m.gauge("cache_gate_open", "1 while entries may be served.", func() float64 { return boolGauge(c.opt.Gate()) })
	m.gauge("cache_message_link_up", "1 while invalidation messages are heard.", func() float64 { return boolGauge(c.pubsub.upSince.Load() != 0) })
	m.gauge("cache_near_bytes", "Bytes held in process memory.", func() float64 {
		_, bytes := c.near.Size()
		return float64(bytes)
	})
	m.count("cache_breaker_opened_total", "Times the breaker opened.", nil, &c.breaker.opened)
	m.gauge("cache_coherence_nines", "Nines of coherence that the audit's checks support.", func() float64 {
		var bad, all uint64
		for _, l := range c.order {
			bad, all = bad+l.met.auditMisses.value(), all+l.met.auditChecks.value()
		}
		return nines(bad, all)
	})
}

func boolGauge(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (c *Cache) redisStats(ctx context.Context) RedisStats {
	g := &c.redis
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.at) < gaugesAge && g.last.Reachable {
		return g.last
	}
	ctx, cancel := context.WithTimeout(ctx, c.opt.RedisTimeout)
	defer cancel()
	s, err := c.askRedis(ctx)
	if err != nil {
		c.log.Debug("cache could not ask Redis for its statistics", "error", err)
	}
	g.at, g.last = time.Now(), s
	return s
}

func (c *Cache) askRedis(ctx context.Context) (RedisStats, error) {
	var mu sync.Mutex
	var sum RedisStats
	one := func(ctx context.Context, r *redis.Client) error {
		pipe := r.Pipeline()
		info, size := pipe.InfoMap(ctx, "memory", "stats"), pipe.DBSize(ctx)
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		sum.MemoryBytes += infoNumber(info.Val(), "used_memory")
		sum.PeakBytes += infoNumber(info.Val(), "used_memory_peak")
		sum.MaxBytes += infoNumber(info.Val(), "maxmemory")
		sum.Expired += infoNumber(info.Val(), "expired_keys")
		sum.Evictions += infoNumber(info.Val(), "evicted_keys")
		sum.Keys += float64(size.Val())
		return nil
	}
	var err error
	switch r := c.rdb.(type) {
	case *redis.Client:
		err = one(ctx, r)
	case *redis.ClusterClient:
		err = r.ForEachMaster(ctx, one)
	default:
		err = errors.New("cache: unknown client")
	}
	if err != nil {
		return RedisStats{}, fmt.Errorf("cache: ask Redis for statistics: %w", err)
	}
	sum.Reachable = true
	return sum, nil
}

func infoNumber(sections map[string]map[string]string, name string) float64 {
	for _, fields := range sections {
		if v, ok := fields[name]; ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
