package cache

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counter is an atomic that Prometheus and Stats both read.
type counter struct{ n atomic.Uint64 }

func (c *counter) inc()          { c.n.Add(1) }
func (c *counter) add(d int)     { c.n.Add(uint64(d)) }
func (c *counter) value() uint64 { return c.n.Load() }

// metrics are the series of the cache, by their documented names.
type metrics struct {
	reg  prometheus.Registerer
	errs []error

	duration      *prometheus.HistogramVec
	invalidations counter // dependencies given a new version
	raw, packed   counter // bytes before and after compression
	historyResets counter // histories that had gone backwards
	pubsubDrops   counter // times the message link broke
}

// layerMetrics are one layer's, resolved once: no label lookups on a read.
type layerMetrics struct {
	hits, nearHits, misses    counter
	nestedHits, nestedMisses  counter
	loads, loadErrors         counter
	coalesced, bypassed       counter
	stale, refreshes          counter
	lockWaits, lockTakeovers  counter
	auditChecks, auditMisses  counter
	get, hit                  prometheus.Histogram // every get; those among them answered from the store
	getMany, load, set        prometheus.Histogram
	rejected                  [rejectCount]counter
	auditUnsettled, negatives counter
}

// reject is why a fetched value was not stored, or a stored one not served.
type reject uint8

const (
	rejectNone       reject = iota
	rejectTooLarge          // above MaxValueBytes
	rejectEncode            // does not encode, or does not decode again
	rejectRedis             // Redis refused the write
	rejectNested            // read something whose dependencies it does not declare
	rejectExpired           // a part of it had expired
	rejectUndecoded         // found in Redis, not decodable
	rejectValidation        // the Func's own check refused it
	rejectCount
)

var rejectNames = [rejectCount]string{
	"", "too_large", "encode", "redis", "undeclared_dependency", "expired_part", "undecodable", "invalid",
}

// Five operations of each layer are timed, in buckets from 50 µs to 6.6 s; a scrape has every other one at most.
var (
	operationBuckets = prometheus.ExponentialBuckets(50e-6, 2, 18)
	operationBounds  = pick(operationBuckets, 1, 2, 3, 5, 7, 9, 11, 13, 15)
)

func pick(from []float64, at ...int) (out []float64) {
	for _, i := range at {
		out = append(out, from[i])
	}
	return out
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{reg: r}
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "cache_operation_duration_seconds", Help: "Time of cache operations.",
		Buckets: operationBuckets,
	}, []string{"operation", "layer"})
	m.add(Exposed(m.duration, operationBounds...))
	m.count("cache_invalidations_total", "Dependencies given a new version.", nil, &m.invalidations)
	m.count("cache_compression_raw_bytes_total", "Bytes of payloads before compression.", nil, &m.raw)
	m.count("cache_compression_packed_bytes_total", "Bytes of the same payloads after compression.", nil, &m.packed)
	m.count("cache_history_resets_total", "Redis histories met for the first time, for which all layers were invalidated.", nil, &m.historyResets)
	m.count("cache_bus_breaks_total", "Times the invalidation message link broke.", nil, &m.pubsubDrops)
	m.gauge("cache_compression_ratio", "Compressed over raw size of compressed payloads, since start.", func() float64 {
		if raw := m.raw.value(); raw > 0 {
			return float64(m.packed.value()) / float64(raw)
		}
		return 1
	})
	return m
}

func (m *metrics) add(c prometheus.Collector) {
	if err := m.reg.Register(c); err != nil {
		m.errs = append(m.errs, fmt.Errorf("cache: register metrics: %w", err))
	}
}

func (m *metrics) err() error { return errors.Join(m.errs...) }

func (m *metrics) count(name, help string, labels prometheus.Labels, c *counter) {
	m.add(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels},
		func() float64 { return float64(c.value()) }))
}

func (m *metrics) gauge(name, help string, f func() float64) {
	m.add(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

// forLayer registers one layer's series.
func (m *metrics) forLayer(name string, l *layerMetrics) {
	for _, s := range []struct {
		name, help string
		c          *counter
	}{
		{"cache_hits_total", "Reads answered with a stored value.", &l.hits},
		{"cache_near_hits_total", "The hits among them that came from process memory.", &l.nearHits},
		{"cache_misses_total", "Reads for which nothing current was stored.", &l.misses},
		{"cache_nested_hits_total", "The hits among them of reads inside the load of another entry.", &l.nestedHits},
		{"cache_nested_misses_total", "The misses among them of reads inside the load of another entry.", &l.nestedMisses},
		{"cache_negative_hits_total", "Hits that were a remembered \"not found\".", &l.negatives},
		{"cache_loads_total", "Fetches from the source.", &l.loads},
		{"cache_load_errors_total", "Fetches from the source that failed.", &l.loadErrors},
		{"cache_stampedes_avoided_total", "Reads that shared another read's fetch.", &l.coalesced},
		{"cache_bypassed_total", "Reads that went to the source past the cache (Redis away or gate closed).", &l.bypassed},
		{"cache_stale_served_total", "Reads answered with an expired, never an invalidated, value.", &l.stale},
		{"cache_refreshes_total", "Fetches made behind a read that had been answered.", &l.refreshes},
		{"cache_lock_waits_total", "Fetches that waited for another process.", &l.lockWaits},
		{"cache_lock_takeovers_total", "Waits that ended without a usable fill.", &l.lockTakeovers},
		{"cache_audit_checks_total", "Hits compared with the source.", &l.auditChecks},
		{"cache_audit_mismatches_total", "Confirmed differences between a hit and the source.", &l.auditMisses},
		{"cache_audit_unsettled_total", "Differences that an invalidation under way explains.", &l.auditUnsettled},
	} {
		m.count(s.name, s.help, prometheus.Labels{"layer": name}, s.c)
	}
	for i := 1; i < int(rejectCount); i++ {
		m.count("cache_rejected_fills_total", "Values that were not stored or not served, by reason.",
			prometheus.Labels{"layer": name, "reason": rejectNames[i]}, &l.rejected[i])
	}
	l.get = m.timing("get", name)
	l.hit = m.timing("hit", name)
	l.getMany = m.timing("get_many", name)
	l.load = m.timing("load", name)
	l.set = m.timing("set", name)
}

// timing is one series of the histogram: a HistogramVec returns it as an Observer only.
func (m *metrics) timing(operation, layer string) prometheus.Histogram {
	h, ok := m.duration.WithLabelValues(operation, layer).(prometheus.Histogram)
	if !ok { // client_golang documents that it is one
		m.errs = append(m.errs, fmt.Errorf("cache: times of %s in %s are no histogram", operation, layer))
	}
	return h
}

func since(o prometheus.Observer, start time.Time) { o.Observe(time.Since(start).Seconds()) }
