package scraping

import (
	"context"
	"errors"
	"fmt"
	"time"

	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts passes for Prometheus. A nil one counts nothing.
type Metrics struct {
	passes   *prometheus.CounterVec
	articles *prometheus.CounterVec
	lost     *prometheus.CounterVec
	took     *prometheus.HistogramVec
	last     *prometheus.GaugeVec
	pages    *prometheus.CounterVec
	bytes    *prometheus.CounterVec
}

// The values of the label `outcome` of a pass.
const (
	outcomeOK       = "ok"
	outcomeFailed   = "failed"
	outcomeCanceled = "canceled" // ended by the caller, e.g. at shutdown
)

// NewMetrics registers the series. Series of known definitions begin at 0, so that their first failure shows as an increase
// and not as a new series.
func NewMetrics(reg prometheus.Registerer, known *source.Catalogue) (*Metrics, error) {
	m := &Metrics{
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scraping_passes_total", Help: "Passes over a source made by this process, by outcome: ok, failed as a whole, or canceled.",
		}, []string{"source", "outcome"}),
		articles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scraping_articles_total", Help: "Articles that passes extracted, by what became of them: saved, revised, or duplicate.",
		}, []string{"source", "result"}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scraping_failures_total", Help: "Feeds, pages and articles that passes lost, by reason.",
		}, []string{"source", "reason"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "scraping_pass_duration_seconds", Help: "Time of passes over a source.",
			Buckets: []float64{.1, .5, 1, 5, 15, 30, 60, 120, 300, 600, 1200},
		}, []string{"source"}),
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scraping_pages_total", Help: "Pages of articles that passes of this process asked for, by result: fetched, unchanged (with feeds that were), or lost.",
		}, []string{"source", "result"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scraping_bytes_total", Help: "Bytes that this process read for a source, decompressed, by document: page, feed (or sitemap), or robots.",
		}, []string{"source", "document"}),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scraping_last_success_timestamp_seconds", Help: "When this process last ended a pass over a source that did not fail (Unix time).",
		}, []string{"source"}),
	}
	for _, c := range []prometheus.Collector{m.passes, m.articles, m.lost, m.took, m.last, m.pages, m.bytes} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("scraping: register metrics: %w", err)
		}
	}
	if known != nil {
		for _, s := range known.Scrapable() {
			m.begin(s.ID)
		}
	}
	return m, nil
}

// begin makes the counts of passes over a source begin at 0, which alerts ask for.
func (m *Metrics) begin(id string) {
	m.passes.WithLabelValues(id, outcomeOK)
	m.passes.WithLabelValues(id, outcomeFailed)
}

// starts makes the others begin at 0 with the first pass: there are a dozen of each source, and a process may never ask most.
func (m *Metrics) starts(id string) {
	if m == nil {
		return
	}
	m.begin(id)
	for _, result := range []string{"fetched", "unchanged", "lost"} {
		m.pages.WithLabelValues(id, result)
	}
	for _, what := range []string{fetch.ReadPage, fetch.ReadFeed, fetch.ReadRobots} {
		m.bytes.WithLabelValues(id, what)
	}
	for _, reason := range []fetch.Reason{fetch.ReasonRobots, fetch.ReasonThrottled} {
		m.lost.WithLabelValues(id, string(reason))
	}
	m.articles.WithLabelValues(id, "saved")
	m.articles.WithLabelValues(id, "revised")
	m.articles.WithLabelValues(id, "duplicate")
}

// Read counts the bytes of a document: it is a fetch.Config's Read.
func (m *Metrics) Read(sourceID, document string, bytes int) {
	m.bytes.WithLabelValues(sourceID, document).Add(float64(bytes))
}

// observe counts one pass that ended with err.
func (m *Metrics) observe(r *Report, now time.Time, err error) {
	if m == nil {
		return
	}
	m.starts(r.ID)
	outcome := outcomeFailed
	switch {
	case err == nil:
		outcome = outcomeOK
		m.last.WithLabelValues(r.ID).Set(float64(now.Unix()))
	case errors.Is(err, context.Canceled):
		outcome = outcomeCanceled
	}
	m.passes.WithLabelValues(r.ID, outcome).Inc()
	m.articles.WithLabelValues(r.ID, "saved").Add(float64(r.Saved))
	m.articles.WithLabelValues(r.ID, "revised").Add(float64(r.Revised))
	m.articles.WithLabelValues(r.ID, "duplicate").Add(float64(r.Duplicates))
	m.pages.WithLabelValues(r.ID, "fetched").Add(float64(r.Fetched))
	m.pages.WithLabelValues(r.ID, "unchanged").Add(float64(r.Unchanged))
	m.pages.WithLabelValues(r.ID, "lost").Add(float64(r.Lost))
	m.took.WithLabelValues(r.ID).Observe(r.Took.Seconds())
	for reason, n := range r.Reasons {
		m.lost.WithLabelValues(r.ID, string(reason)).Add(float64(n))
	}
}
