package admin

import (
	"fmt"
	"slices"
	"sort"

	"github.com/prometheus/client_golang/prometheus"
)

// enough is how many samples a mean, a quantile or a ratio of such takes here; fewer say nothing, and are told as null.
const enough = 100

// histogram is one of this process's own, as Prometheus keeps it.
type histogram struct {
	bounds []float64 // upper, seconds, ascending
	upTo   []uint64  // samples at or below each bound
	n      uint64
	sum    float64 // seconds
}

// series is a histogram and the labels it has.
type series struct {
	histogram
	labels map[string]string
}

// families are the histograms of the registry, by name.
func families(g prometheus.Gatherer, names ...string) (map[string][]series, error) {
	all, err := g.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather metrics: %w", err)
	}
	out := map[string][]series{}
	for _, f := range all {
		if !slices.Contains(names, f.GetName()) {
			continue
		}
		for _, m := range f.GetMetric() {
			h := m.GetHistogram()
			if h == nil {
				continue
			}
			s := series{labels: map[string]string{}, histogram: histogram{n: h.GetSampleCount(), sum: h.GetSampleSum()}}
			for _, b := range h.GetBucket() {
				s.bounds, s.upTo = append(s.bounds, b.GetUpperBound()), append(s.upTo, b.GetCumulativeCount())
			}
			for _, l := range m.GetLabel() {
				s.labels[l.GetName()] = l.GetValue()
			}
			out[f.GetName()] = append(out[f.GetName()], s)
		}
	}
	return out, nil
}

// plus adds the samples of two histograms with the same bounds; the zero histogram has any.
func (h histogram) plus(o histogram) histogram {
	return h.with(o, func(x, y uint64) uint64 { return x + y }, 1)
}

// minus takes away what h had counted before.
func (h histogram) minus(before histogram) histogram {
	return h.with(before, func(x, y uint64) uint64 { return x - min(x, y) }, -1)
}

func (h histogram) with(o histogram, op func(x, y uint64) uint64, sign float64) histogram {
	if len(o.bounds) == 0 {
		return h
	}
	if len(h.bounds) == 0 {
		h = histogram{bounds: o.bounds, upTo: make([]uint64, len(o.bounds))}
	}
	if !slices.Equal(h.bounds, o.bounds) {
		return h
	}
	out := histogram{bounds: h.bounds, upTo: make([]uint64, len(h.upTo)), n: op(h.n, o.n), sum: h.sum + sign*o.sum}
	for i := range h.upTo {
		out.upTo[i] = op(h.upTo[i], o.upTo[i])
	}
	return out
}

// mean is in milliseconds; ok needs enough samples.
func (h histogram) mean() (ms float64, ok bool) {
	if h.n < enough {
		return 0, false
	}
	return h.sum / float64(h.n) * 1000, true
}

// quantile is in milliseconds, linear inside its bucket as in PromQL's histogram_quantile: right to within the bucket's
// width.
func (h histogram) quantile(q float64) (ms float64, ok bool) {
	if h.n < enough {
		return 0, false
	}
	rank := q * float64(h.n)
	i := sort.Search(len(h.upTo), func(i int) bool { return float64(h.upTo[i]) >= rank })
	if i == len(h.upTo) { // beyond the last bound
		return h.bounds[len(h.bounds)-1] * 1000, true
	}
	low, before := 0.0, uint64(0)
	if i > 0 {
		low, before = h.bounds[i-1], h.upTo[i-1]
	}
	in := h.upTo[i] - before
	if in == 0 {
		return h.bounds[i] * 1000, true
	}
	return (low + (h.bounds[i]-low)*(rank-float64(before))/float64(in)) * 1000, true
}

// Latency is what a histogram says; all but the count are null under 100 samples.
type Latency struct {
	Count  uint64   `json:"count"`
	MeanMS *float64 `json:"mean_ms"`
	P50    *float64 `json:"p50_ms"`
	P95    *float64 `json:"p95_ms"`
	P99    *float64 `json:"p99_ms"`
}

func (h histogram) latency() Latency {
	l := Latency{Count: h.n, MeanMS: known(h.mean())}
	for _, at := range []struct {
		to **float64
		q  float64
	}{{&l.P50, .5}, {&l.P95, .95}, {&l.P99, .99}} {
		*at.to = known(h.quantile(at.q))
	}
	return l
}

// known is nil for what there are not samples enough to say.
func known(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	return ptr(round(v, 4))
}
