package admin

import (
	"slices"
	"sort"

	"openlearn/internal/cache"
)

// enough is how many samples a mean, a quantile or a ratio of these needs; fewer say nothing, and the figure is null.
const enough = 100

// histogram is the counts of one of this process's histograms.
type histogram cache.Histogram

// plus adds the samples of two histograms with the same bounds; the zero histogram has any.
func (h histogram) plus(o histogram) histogram {
	return h.with(o, func(x, y uint64) uint64 { return x + y }, 1)
}

// minus subtracts what h had counted before.
func (h histogram) minus(before histogram) histogram {
	return h.with(before, func(x, y uint64) uint64 { return x - min(x, y) }, -1)
}

func (h histogram) with(o histogram, op func(x, y uint64) uint64, sign float64) histogram {
	if len(o.Bounds) == 0 {
		return h
	}
	if len(h.Bounds) == 0 {
		h = histogram{Bounds: o.Bounds, UpTo: make([]uint64, len(o.Bounds))}
	}
	if !slices.Equal(h.Bounds, o.Bounds) {
		return h
	}
	out := histogram{Bounds: h.Bounds, UpTo: make([]uint64, len(h.UpTo)), Count: op(h.Count, o.Count), Sum: h.Sum + sign*o.Sum}
	for i := range h.UpTo {
		out.UpTo[i] = op(h.UpTo[i], o.UpTo[i])
	}
	return out
}

// mean is in milliseconds; ok is false without enough samples.
func (h histogram) mean() (ms float64, ok bool) {
	if h.Count < enough {
		return 0, false
	}
	return h.Sum / float64(h.Count) * 1000, true
}

// quantile is in milliseconds, linear inside its bucket as in PromQL's histogram_quantile: right to within the bucket's
// width.
func (h histogram) quantile(q float64) (ms float64, ok bool) {
	if h.Count < enough {
		return 0, false
	}
	rank := q * float64(h.Count)
	i := sort.Search(len(h.UpTo), func(i int) bool { return float64(h.UpTo[i]) >= rank })
	if i == len(h.UpTo) { // beyond the last bound
		return h.Bounds[len(h.Bounds)-1] * 1000, true
	}
	low, before := 0.0, uint64(0)
	if i > 0 {
		low, before = h.Bounds[i-1], h.UpTo[i-1]
	}
	in := h.UpTo[i] - before
	if in == 0 {
		return h.Bounds[i] * 1000, true
	}
	return (low + (h.Bounds[i]-low)*(rank-float64(before))/float64(in)) * 1000, true
}

// Latency summarises a histogram; all but the count are null under 100 samples.
type Latency struct {
	Count  uint64   `json:"count"`
	MeanMS *float64 `json:"mean_ms"`
	P50    *float64 `json:"p50_ms"`
	P95    *float64 `json:"p95_ms"`
	P99    *float64 `json:"p99_ms"`
}

func (h histogram) latency() Latency {
	l := Latency{Count: h.Count, MeanMS: known(h.mean())}
	for _, at := range []struct {
		to **float64
		q  float64
	}{{&l.P50, .5}, {&l.P95, .95}, {&l.P99, .99}} {
		*at.to = known(h.quantile(at.q))
	}
	return l
}

// known is nil without enough samples.
func known(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	return ptr(round(v, 4))
}
