package httpcache

import (
	"math"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the service's, by route template, never by path.
type metrics struct {
	duration *prometheus.HistogramVec
	size     *prometheus.HistogramVec
	refused  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, routes map[string]*route) (*metrics, error) {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "api_request_duration_seconds", Help: "Time to answer a request on a cached route, by how it was answered.",
			Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "endpoint", "status", "cached"}),
		size: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "api_response_size_bytes", Help: "Bytes of bodies sent on cached routes, by content coding.",
			Buckets: prometheus.ExponentialBuckets(64, 4, 9),
		}, []string{"endpoint", "encoding"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_cache_passed_total", Help: "Requests on cached routes that passed by the cache, and why.",
		}, []string{"endpoint", "reason"}),
	}
	for _, c := range []prometheus.Collector{m.duration, m.size, m.refused, &speedup{routes}} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// observe records one answered request.
func (m *metrics) observe(rt *route, method string, status int, cache string, took time.Duration) {
	m.timer(rt, method, status, cache).Observe(took.Seconds())
	switch cache {
	case Hit:
		rt.times[1].add(took)
	case Miss:
		rt.times[0].add(took)
	}
}

// timer is the histogram of such answers, looked up once for the commonest.
func (m *metrics) timer(rt *route, method string, status int, cache string) prometheus.Observer {
	i := -1
	if method == http.MethodGet && cache == Hit {
		switch status {
		case http.StatusOK:
			i = 0
		case http.StatusNotModified:
			i = 1
		}
	}
	if i >= 0 {
		if o := rt.timers[i].Load(); o != nil {
			return *o
		}
	}
	o := m.duration.WithLabelValues(method, rt.Path, statusText(status), cache)
	if i >= 0 {
		rt.timers[i].Store(&o)
	}
	return o
}

// sizes is the histogram of bodies sent in a coding.
func (m *metrics) sizes(rt *route, enc string) prometheus.Observer {
	for i := range rt.sizes {
		if coding(i).String() != enc {
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

// statusText spares the usual statuses an allocation.
func statusText(status int) string {
	switch status {
	case 200:
		return "200"
	case 304:
		return "304"
	case 404:
		return "404"
	}
	return strconv.Itoa(status)
}

// meanTime is a mean since the process began.
type meanTime struct{ n, sum atomic.Int64 }

func (t *meanTime) add(d time.Duration) {
	t.sum.Add(int64(d))
	t.n.Add(1)
}

func (t *meanTime) mean() float64 {
	n := t.n.Load()
	if n == 0 {
		return math.NaN()
	}
	return float64(t.sum.Load()) / float64(n)
}

// speedup reports uncached over cached mean time of each route that has measured both.
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
