package service

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache/httpcache/rules"
)

// metrics are the service's metrics, by route template, never by path. Whoever mounts the service measures how long
// requests took, around all middleware: X-Cache says how each was answered.
type metrics struct {
	size     *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	unstored *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, routes map[string]*route) (*metrics, error) {
	m := &metrics{
		size: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "api_response_size_bytes", Help: "Bytes of bodies sent on cached routes, by content coding.",
			Buckets: prometheus.ExponentialBuckets(64, 4, 9),
		}, []string{"endpoint", "encoding"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_cache_passed_total", Help: "Requests on cached routes that passed by the cache, and why.",
		}, []string{"endpoint", "reason"}),
		unstored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_cache_unstored_total", Help: "Answers on cached routes that were not stored or not kept, and why: displaced by newer ones, an answer's status, or what forbids sharing.",
		}, []string{"endpoint", "reason"}),
	}
	for _, c := range []prometheus.Collector{m.size, m.refused, m.unstored, &speedup{routes}} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	for _, rt := range routes {
		for _, reason := range []string{"status", "displaced"} {
			m.unstored.WithLabelValues(rt.Path, reason) // so that 0 is reported too
		}
	}
	return m, nil
}

// sizes is the histogram of bodies sent in a coding.
func (m *metrics) sizes(rt *route, enc string) prometheus.Observer {
	for i := range rt.sizes {
		if rules.Coding(i).String() != enc {
			continue
		}
		if known := rt.sizes[i].Load(); known != nil {
			return *known
		}
		o := m.size.WithLabelValues(rt.Path, enc)
		rt.sizes[i].Store(&o)
		return o
	}
	return m.size.WithLabelValues(rt.Path, enc)
}

// meanTime is a mean since the process began.
type meanTime struct{ n, sum atomic.Int64 }

func (t *meanTime) add(d time.Duration) {
	t.sum.Add(int64(d))
	t.n.Add(1)
}

// answered adds one answer to the means that the speed-up compares.
func (rt *route) answered(cache string, took time.Duration) {
	switch cache {
	case rules.Hit:
		rt.times[1].add(took)
	case rules.Miss:
		rt.times[0].add(took)
	}
}

func (t *meanTime) mean() float64 {
	n := t.n.Load()
	if n == 0 {
		return math.NaN()
	}
	return float64(t.sum.Load()) / float64(n)
}

// speedup reports the ratio of uncached to cached mean time for each route that has measured both.
type speedup struct{ routes map[string]*route }

var speedupDesc = prometheus.NewDesc("api_cache_speedup_ratio",
	"Mean time of uncached over cached answers of the same endpoint, both measured by this process since it began.", []string{"endpoint"}, nil)

func (s *speedup) Describe(ch chan<- *prometheus.Desc) { ch <- speedupDesc }

func (s *speedup) Collect(ch chan<- prometheus.Metric) {
	for _, rt := range s.routes {
		if ratio := rt.times[0].mean() / rt.times[1].mean(); !math.IsNaN(ratio) && !math.IsInf(ratio, 0) {
			ch <- prometheus.MustNewConstMetric(speedupDesc, prometheus.GaugeValue, ratio, rt.Path)
		}
	}
}
