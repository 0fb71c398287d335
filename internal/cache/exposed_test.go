package cache

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestExposed: a scrape has the chosen buckets of what was observed, with their counts, and the histogram itself has all.
func TestExposed(t *testing.T) {
	t.Parallel()
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "x_seconds", Help: "x", Buckets: []float64{1, 2, 4, 8}}, []string{"of"})
	reg := prometheus.NewRegistry()
	reg.MustRegister(Exposed(v, 2, 8))
	v.WithLabelValues("never")
	used := v.WithLabelValues("used")
	for _, x := range []float64{0.5, 1.5, 3, 100} {
		used.Observe(x)
	}
	found, err := reg.Gather()
	if err != nil || len(found) != 1 || len(found[0].GetMetric()) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	m := found[0].GetMetric()[0]
	h := m.GetHistogram()
	if m.GetLabel()[0].GetValue() != "used" || h.GetSampleCount() != 4 || h.GetSampleSum() != 105 || len(h.GetBucket()) != 2 {
		t.Fatalf("%v", m)
	}
	for i, want := range []struct {
		bound float64
		count uint64
	}{{2, 2}, {8, 3}} {
		if b := h.GetBucket()[i]; b.GetUpperBound() != want.bound || b.GetCumulativeCount() != want.count {
			t.Errorf("bucket %d: %v, want %v", i, b, want)
		}
	}
	if all := HistogramOf(used.(prometheus.Metric)); len(all.Bounds) != 4 || all.Count != 4 {
		t.Errorf("%+v", all)
	}
}
