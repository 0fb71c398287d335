package outbox

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	direct, relayed, pending, unconfirmed prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, r *Relay) *metrics {
	applied := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "cache_outbox_applied_total", Help: "Recorded changes turned into invalidations, by who did it: the writer after its commit, or the relay.",
	}, []string{"by"})
	m := &metrics{
		direct: applied.WithLabelValues("writer"), relayed: applied.WithLabelValues("relay"),
		pending: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cache_outbox_pending_total", Help: "Writes that were acknowledged with their invalidation still pending, every gate being closed.",
		}),
		unconfirmed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cache_outbox_unconfirmed_total", Help: "Writes that were stored and not acknowledged: instances might still serve what was there before.",
		}),
	}
	reg.MustRegister(applied, m.pending, m.unconfirmed,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cache_outbox_backlog", Help: "Recorded changes not applied yet, at the last look."},
			func() float64 { n, _ := r.Backlog(); return float64(n) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cache_outbox_oldest_seconds", Help: "Age of the oldest change not applied yet, at the last look."},
			func() float64 { _, age := r.Backlog(); return age.Seconds() }),
	)
	return m
}
