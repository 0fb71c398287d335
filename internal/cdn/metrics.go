package cdn

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	deliveries *prometheus.CounterVec
	tags       prometheus.Counter
	delay      prometheus.Histogram
}

const (
	deliveryAcknowledged = "acknowledged"
	deliveryRefused      = "refused"
	deliveryFailed       = "failed"
)

func newMetrics(reg prometheus.Registerer, h *Hook) *metrics {
	m := &metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cdn_purge_deliveries_total", Help: "Deliveries to the purge hook's receiver, by result: acknowledged (2xx), refused (another status), failed (no answer).",
		}, []string{"result"}),
		tags: prometheus.NewCounter(prometheus.CounterOpts{Name: "cdn_purge_tags_total", Help: "Tags in acknowledged deliveries."}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cdn_purge_delay_seconds", Help: "From a change to the first acknowledgement of its purge.",
			Buckets: []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600},
		}),
	}
	for _, result := range []string{deliveryAcknowledged, deliveryRefused, deliveryFailed} {
		m.deliveries.WithLabelValues(result)
	}
	figure := func(name, help string, of func(*state) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			if s := h.state.Load(); s != nil {
				return of(s)
			}
			return 0
		})
	}
	reg.MustRegister(m.deliveries, m.tags, m.delay,
		figure("cdn_purge_waiting", "Purges that have not been acknowledged once, at the last look.", func(s *state) float64 { return float64(s.waiting) }),
		figure("cdn_purge_oldest_seconds", "Age of the oldest change whose purge has not been acknowledged, at the last look.", func(s *state) float64 { return s.oldest.Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cdn_purge_reliable", Help: "1 while changes are told in time, so that answers may be held outside."}, func() float64 {
			if h.Reliable() {
				return 1
			}
			return 0
		}),
	)
	return m
}

func (m *metrics) count(result string) { m.deliveries.WithLabelValues(result).Inc() }
