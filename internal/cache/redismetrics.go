package cache

import "github.com/prometheus/client_golang/prometheus"

// redisCollector tells Prometheus what Redis reports about itself. While Redis
// does not answer, it reports that and nothing else: a counter that fell to 0
// and came back would look like as many evictions at once.
type redisCollector struct{ c *Cache }

var (
	redisUpDesc        = prometheus.NewDesc("cache_redis_up", "1 if Redis answered when it was asked for its figures.", nil, nil)
	redisMemoryDesc    = prometheus.NewDesc("cache_memory_bytes", "Memory that Redis uses.", nil, nil)
	redisMaxDesc       = prometheus.NewDesc("cache_memory_max_bytes", "Redis' maxmemory; 0 = no limit.", nil, nil)
	redisKeysDesc      = prometheus.NewDesc("cache_keys_total", "Keys in the cache's database.", nil, nil)
	redisEvictionsDesc = prometheus.NewDesc("cache_evictions_total", "Keys that Redis evicted since it started.", nil, nil)
	redisExpiredDesc   = prometheus.NewDesc("cache_expired_total", "Keys that expired in Redis since it started.", nil, nil)
)

// Describe names the series.
func (redisCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{redisUpDesc, redisMemoryDesc, redisMaxDesc, redisKeysDesc, redisEvictionsDesc, redisExpiredDesc} {
		ch <- d
	}
}

// Collect asks Redis once for all series, within Options.RedisTimeout.
func (r redisCollector) Collect(ch chan<- prometheus.Metric) {
	s := r.c.redisStats(r.c.life)
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64) {
		ch <- prometheus.MustNewConstMetric(d, kind, v)
	}
	send(redisUpDesc, prometheus.GaugeValue, boolGauge(s.Reachable))
	if !s.Reachable {
		return
	}
	send(redisMemoryDesc, prometheus.GaugeValue, s.MemoryBytes)
	send(redisMaxDesc, prometheus.GaugeValue, s.MaxBytes)
	send(redisKeysDesc, prometheus.GaugeValue, s.Keys)
	send(redisEvictionsDesc, prometheus.CounterValue, s.Evictions)
	send(redisExpiredDesc, prometheus.CounterValue, s.Expired)
}
