package cache

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Histogram is how long an operation took each time, as a Prometheus histogram has counted it so far.
type Histogram struct {
	Bounds []float64 // upper bounds of the buckets in seconds, ascending; anything above the last is in Count alone
	UpTo   []uint64  // how many were at or below each bound
	Count  uint64
	Sum    float64 // seconds
}

// HistogramOf reads a Prometheus histogram; for any other metric it returns an empty one.
func HistogramOf(m prometheus.Metric) Histogram {
	var read dto.Metric
	if err := m.Write(&read); err != nil || read.GetHistogram() == nil {
		return Histogram{}
	}
	h := read.GetHistogram()
	out := Histogram{Count: h.GetSampleCount(), Sum: h.GetSampleSum()}
	for _, b := range h.GetBucket() {
		out.Bounds, out.UpTo = append(out.Bounds, b.GetUpperBound()), append(out.UpTo, b.GetCumulativeCount())
	}
	return out
}

// LayerTimes is how long a layer's operations took in this process, since it started.
type LayerTimes struct {
	Get  Histogram // reads of single entries, whatever answered them
	Hit  Histogram // those among them that were answered with a stored value
	Load Histogram // fetches from the source alone
	Set  Histogram // stores
}

// Times reads the histograms of every layer: Prometheus is given some of their buckets as cache_operation_duration_seconds.
func (c *Cache) Times() map[string]LayerTimes {
	out := make(map[string]LayerTimes, len(c.order))
	for _, l := range c.order {
		out[l.Name] = LayerTimes{Get: HistogramOf(l.met.get), Hit: HistogramOf(l.met.hit), Load: HistogramOf(l.met.load), Set: HistogramOf(l.met.set)}
	}
	return out
}
