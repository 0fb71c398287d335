package cache

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the series of the cache, by their documented names.
type metrics struct {
	hits, misses, rejected *prometheus.CounterVec
	coalesced              *prometheus.CounterVec
	loads, loadErrors      *prometheus.CounterVec
	bypassed               *prometheus.CounterVec
	duration               *prometheus.HistogramVec
	invalidations          prometheus.Counter
}

// layerMetrics are one layer's, resolved once: no label lookups on a read.
type layerMetrics struct {
	hits, misses, coalesced     prometheus.Counter
	loads, loadErrors, bypassed prometheus.Counter
	get, load, set              prometheus.Observer
	rejected                    map[string]prometheus.Counter
}

// Reasons for which a fetched value was not stored.
const (
	rejectTooLarge   = "too_large"
	rejectEncode     = "encode"
	rejectRedis      = "redis"
	rejectNested     = "undeclared_dependency"
	rejectExpired    = "expired"
	rejectUndecoded  = "undecodable"
	rejectValidation = "invalid"
)

var rejectReasons = []string{
	rejectTooLarge, rejectEncode, rejectRedis, rejectNested, rejectExpired, rejectUndecoded, rejectValidation,
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	perLayer := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"layer"})
	}
	m := &metrics{
		hits:       perLayer("cache_hits_total", "Reads answered with a stored value."),
		misses:     perLayer("cache_misses_total", "Reads for which nothing current was stored."),
		coalesced:  perLayer("cache_stampedes_avoided_total", "Reads that shared another read's fetch."),
		loads:      perLayer("cache_loads_total", "Fetches from the source."),
		loadErrors: perLayer("cache_load_errors_total", "Fetches from the source that failed."),
		bypassed:   perLayer("cache_bypassed_total", "Reads that went to the source past the cache (Redis or gate)."),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cache_rejected_fills_total", Help: "Fetched values that were not stored, by reason.",
		}, []string{"layer", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cache_operation_duration_seconds", Help: "Time of cache operations.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 18), // 50 µs … 6.6 s
		}, []string{"operation", "layer"}),
		invalidations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cache_invalidations_total", Help: "Dependencies given a new version.",
		}),
	}
	return m, register(r, m.hits, m.misses, m.coalesced, m.loads, m.loadErrors, m.bypassed, m.rejected, m.duration, m.invalidations)
}

func register(r prometheus.Registerer, cs ...prometheus.Collector) error {
	var errs []error
	for _, col := range cs {
		if err := r.Register(col); err != nil {
			errs = append(errs, fmt.Errorf("cache: register metrics: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (m *metrics) forLayer(name string) layerMetrics {
	l := layerMetrics{
		hits: m.hits.WithLabelValues(name), misses: m.misses.WithLabelValues(name),
		coalesced: m.coalesced.WithLabelValues(name),
		loads:     m.loads.WithLabelValues(name), loadErrors: m.loadErrors.WithLabelValues(name),
		bypassed: m.bypassed.WithLabelValues(name),
		get:      m.duration.WithLabelValues("get", name),
		load:     m.duration.WithLabelValues("load", name),
		set:      m.duration.WithLabelValues("set", name),
		rejected: make(map[string]prometheus.Counter, len(rejectReasons)),
	}
	for _, reason := range rejectReasons {
		l.rejected[reason] = m.rejected.WithLabelValues(name, reason)
	}
	return l
}

func since(o prometheus.Observer, start time.Time) { o.Observe(time.Since(start).Seconds()) }
