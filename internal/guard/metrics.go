package guard

import "github.com/prometheus/client_golang/prometheus"

// What becomes of a request: the limit that refuses it, or allowed.
const (
	allowed  = limits
	outcomes = limits + 1
)

var outcomeNames = [outcomes]string{"minute", "hour", "bytes", "allowed"}

type metrics struct{ memory, redis, local prometheus.Counter }

func newMetrics(l *Limiter, reg prometheus.Registerer, tiers []*Tier) *metrics {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rate_limit_requests_total", Help: "Requests that are counted against limits, by kind of client and by what became of them: allowed, or the limit that refused them.",
	}, []string{"tier", "outcome"})
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rate_limit_decisions_total", Help: "How requests were decided on: from memory, by asking Redis, or by this instance alone since Redis did not answer.",
	}, []string{"by"})
	for _, t := range tiers {
		for i, name := range outcomeNames {
			t.count[i] = requests.WithLabelValues(t.Name, name)
		}
	}
	alone := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rate_limit_alone", Help: "1 while this instance counts limits for itself, since Redis does not answer.",
	}, func() float64 {
		if l.down.Load() {
			return 1
		}
		return 0
	})
	instances := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rate_limit_instances", Help: "Instances that share limits, when Redis last told.",
	}, func() float64 { return float64(l.instances.Load()) })
	if reg != nil {
		reg.MustRegister(requests, decisions, alone, instances)
	}
	return &metrics{decisions.WithLabelValues("memory"), decisions.WithLabelValues("redis"), decisions.WithLabelValues("instance")}
}
