package upstream

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
)

// Metrics are the figures of all upstreams. A nil one counts nothing.
type Metrics struct {
	requests *prometheus.CounterVec
	answers  *prometheus.CounterVec
	errors   *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	last     *prometheus.GaugeVec
	state    *prometheus.GaugeVec
}

// NewMetrics registers the series.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	of := []string{"upstream"}
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "government_upstream_requests_total", Help: "HTTP requests sent to open-data services, attempts that were repeated included."}, of),
		answers:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "government_upstream_answers_total", Help: "Questions that open-data services answered with data."}, of),
		errors:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "government_upstream_errors_total", Help: "Questions to open-data services that brought no data, by kind."}, []string{"upstream", "kind"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "government_upstream_duration_seconds", Help: "Time of questions to open-data services, with waits and repeated attempts.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2, 4, 8},
		}, of),
		last:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "government_upstream_last_success_timestamp_seconds", Help: "When an open-data service last answered this process with data (Unix time): the age of the freshest answer; 0 = not yet."}, of),
		state: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "government_upstream_breaker_state", Help: "Circuit breaker of an open-data service in this process: 0 closed, 1 half-open, 2 open."}, of),
	}
	for _, c := range []prometheus.Collector{m.requests, m.answers, m.errors, m.latency, m.last, m.state} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("government: register metrics: %w", err)
		}
	}
	return m, nil
}

// begin makes every series of an upstream start at 0, so that its first failure is a rise and not a first sight.
func (m *Metrics) begin(name string) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(name)
	m.answers.WithLabelValues(name)
	for _, k := range Kinds() {
		m.errors.WithLabelValues(name, string(k))
	}
	m.latency.WithLabelValues(name)
	m.last.WithLabelValues(name).Set(0)
	m.state.WithLabelValues(name).Set(0)
}

func (m *Metrics) sent(name string) {
	if m != nil {
		m.requests.WithLabelValues(name).Inc()
	}
}

func (m *Metrics) answered(name string, took time.Duration, now time.Time) {
	if m != nil {
		m.answers.WithLabelValues(name).Inc()
		m.latency.WithLabelValues(name).Observe(took.Seconds())
		m.last.WithLabelValues(name).Set(float64(now.Unix()))
	}
}

func (m *Metrics) failed(name string, kind Kind, took time.Duration) {
	if m == nil {
		return
	}
	m.errors.WithLabelValues(name, string(kind)).Inc()
	if took > 0 && kind != Open {
		m.latency.WithLabelValues(name).Observe(took.Seconds())
	}
}

func (m *Metrics) breaker(name string, to gobreaker.State) {
	if m != nil {
		m.state.WithLabelValues(name).Set(map[gobreaker.State]float64{gobreaker.StateHalfOpen: 1, gobreaker.StateOpen: 2}[to])
	}
}
