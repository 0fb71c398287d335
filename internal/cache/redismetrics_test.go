package cache

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

// TestRedisAwayIsNoCounterReset: the counters of a Redis that does not answer are absent, not 0.
func TestRedisAwayIsNoCounterReset(t *testing.T) {
	t.Parallel()
	srv := testkit.RedisServer(t, "maxmemory 64mb")
	o, err := redis.ParseURL(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	reg := prometheus.NewRegistry()
	o2 := exactly(rdb, nil)
	o2.Registerer = reg
	c := newCache(t, o2)
	if got := gathered(t, reg); got["cache_redis_up"] != 1 || got["cache_memory_max_bytes"] != 64<<20 || got["cache_memory_bytes"] <= 0 {
		t.Errorf("with Redis: %v", got)
	}
	if err := srv.Kill(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the figures of a dead Redis are gone", func() bool {
		got := gathered(t, reg)
		_, evictions := got["cache_evictions_total"]
		_, memory := got["cache_memory_bytes"]
		return got["cache_redis_up"] == 0 && !evictions && !memory
	})
	f := count(c, Article)
	for range 3 {
		if _, err := f.Get(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if got := gathered(t, reg)["cache_redis_errors_total"]; got < 3 {
		t.Errorf("three failed reads are %v errors", got)
	}
}

// gathered returns the registry's series without labels.
func gathered(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) == 0 && (m.GetGauge() != nil || m.GetCounter() != nil) {
				out[f.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return out
}
