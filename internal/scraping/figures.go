package scraping

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// figures tell Prometheus how each source is doing, whichever process made the passes: all instances report the same. If
// the database does not answer the series are missing; other metrics show its failure.
type figures struct {
	service *Service

	mu    sync.Mutex
	asked time.Time
	found map[string]SourceState
}

const (
	figuresAge     = 15 * time.Second // several scrapes within this time query the database once
	figuresTimeout = time.Second
)

var (
	silenceDesc  = prometheus.NewDesc("scraping_source_silence_seconds", "Age of the newest article that the source announced or gave; before its first, the time since passes over it began. Not of paused ones.", []string{"source", "priority"}, nil)
	successDesc  = prometheus.NewDesc("scraping_source_last_success_timestamp_seconds", "When the last pass over the source ended that did not fail (Unix time), over all processes.", []string{"source", "priority"}, nil)
	failuresDesc = prometheus.NewDesc("scraping_source_failed_passes", "Passes over the source that failed, in a row, over all processes.", []string{"source", "priority"}, nil)
	pausedDesc   = prometheus.NewDesc("scraping_source_paused", "Whether an operator has paused the source.", []string{"source", "priority"}, nil)
)

// Register registers the figures of sources with Prometheus.
func (s *Service) Register(reg prometheus.Registerer) error {
	return reg.Register(&figures{service: s})
}

// Describe names the series.
func (*figures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{silenceDesc, successDesc, failuresDesc, pausedDesc} {
		ch <- d
	}
}

// Collect queries the database, but not more than once every figuresAge.
func (f *figures) Collect(ch chan<- prometheus.Metric) {
	states := f.states()
	if states == nil {
		return
	}
	now := time.Now()
	for _, src := range f.service.cfg.Sources.Scrapable() {
		if src.Disabled {
			continue
		}
		st := states[src.ID]
		send := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, src.ID, src.Priority)
		}
		send(failuresDesc, float64(st.Failures))
		if st.SucceededAt != nil {
			send(successDesc, float64(st.SucceededAt.Unix()))
		}
		if st.PausedAt != nil {
			send(pausedDesc, 1)
			continue
		}
		send(pausedDesc, 0)
		send(silenceDesc, st.silence(now).Seconds())
	}
}

// silence is how long the source has announced nothing new.
func (st SourceState) silence(now time.Time) time.Duration {
	last := st.CreatedAt
	for _, at := range []*time.Time{st.NewestAt, st.StoredAt} {
		if at != nil && at.After(last) {
			last = *at
		}
	}
	if last.IsZero() { // no row yet
		return 0
	}
	return max(now.Sub(last), 0)
}

func (f *figures) states() map[string]SourceState {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) >= figuresAge {
		f.asked = time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), figuresTimeout)
		defer cancel()
		var err error
		if f.found, err = f.service.cfg.Store.States(ctx); err != nil {
			f.found = nil
		}
	}
	return f.found
}
