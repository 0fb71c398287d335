package cache

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Exposed is a vector of histograms as a scrape shows it: only the buckets up to the given bounds, and no series that has
// observed nothing. What reads the histograms themselves has all buckets. Counts of buckets are cumulative, so those that
// remain are what they were.
func Exposed(histograms *prometheus.HistogramVec, bounds ...float64) prometheus.Collector {
	return &exposed{histograms, bounds}
}

type exposed struct {
	*prometheus.HistogramVec

	bounds []float64
}

// Collect sends the series.
func (e *exposed) Collect(ch chan<- prometheus.Metric) {
	all := make(chan prometheus.Metric)
	go func() { // ends with the loop below
		e.HistogramVec.Collect(all)
		close(all)
	}()
	for m := range all {
		w := written{desc: m.Desc()}
		w.err = m.Write(&w.said)
		h := w.said.GetHistogram()
		if w.err == nil && h.GetSampleCount() == 0 {
			continue
		}
		h.Bucket = slices.DeleteFunc(h.GetBucket(), func(b *dto.Bucket) bool { return !slices.Contains(e.bounds, b.GetUpperBound()) })
		ch <- &w
	}
}

// written is a metric that has been read.
type written struct {
	desc *prometheus.Desc
	said dto.Metric
	err  error
}

func (w *written) Desc() *prometheus.Desc { return w.desc }

func (w *written) Write(out *dto.Metric) error {
	if w.err == nil {
		out.Label, out.Histogram = w.said.Label, w.said.Histogram
	}
	return w.err
}
