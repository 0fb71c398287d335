package warming

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache/forecast"
)

// Why entries are warmed.
const (
	atStart    = "start"
	afterFlush = "flush"
	onSchedule = "schedule"
)

// Status is what a Warmer has done since it was made.
type Status struct {
	By       map[string]Tally // by reason: start, flush, schedule
	Failures uint64           // failed passes, and failed looks at what to warm

	// Scheduled is what the schedule keeps warm now, the most expected first, with the requests that are forecast for an hour
	// (predicted) or were measured for one (popular).
	Scheduled []forecast.Count
	LookedAt  time.Time // when the schedule was last looked at; zero before the first time
	NextLook  time.Time
	Hours     int // hours of past accesses that the forecast has been shown
}

// Tally sums the passes of one reason.
type Tally struct {
	Passes, Checked, Loaded uint64
	Last                    *Run // nil before the first
}

// Run is one pass, finished or not.
type Run struct {
	At              time.Time // when it began
	Took            time.Duration
	Entries, Loaded int // requested; those that had to be fetched
	Failed          bool
}

// record is where the Warmer's goroutine records what it does, for both Status and Prometheus.
type record struct {
	mu sync.Mutex
	Status
	warmed, checked, passes, failures, scheduled *prometheus.Desc
}

func newRecord(reg prometheus.Registerer) *record {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	r := &record{
		Status:    Status{By: map[string]Tally{atStart: {}, afterFlush: {}, onSchedule: {}}},
		warmed:    desc("cache_warmed_total", "Entries loaded ahead of readers.", "reason"),
		checked:   desc("cache_warm_checked_total", "Entries looked at to be kept warm; those of them that were there cost no load.", "reason"),
		passes:    desc("cache_warm_passes_total", "Warming passes that were finished.", "reason"),
		failures:  desc("cache_warm_failures_total", "Warming passes, and looks at what to warm, that failed."),
		scheduled: desc("cache_warm_scheduled_keys", "Entries that the schedule keeps warm now."),
	}
	reg.MustRegister(r)
	return r
}

// Describe implements prometheus.Collector.
func (r *record) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{r.warmed, r.checked, r.passes, r.failures, r.scheduled} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (r *record) Collect(out chan<- prometheus.Metric) {
	s := r.status()
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for reason, t := range s.By {
		counter(r.warmed, t.Loaded, reason)
		counter(r.checked, t.Checked, reason)
		counter(r.passes, t.Passes, reason)
	}
	counter(r.failures, s.Failures)
	out <- prometheus.MustNewConstMetric(r.scheduled, prometheus.GaugeValue, float64(len(s.Scheduled)))
}

// status is a copy.
func (r *record) status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.Status
	s.By, s.Scheduled = maps.Clone(s.By), slices.Clone(s.Scheduled)
	return s
}

// write changes the status.
func (r *record) write(change func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.Status)
}

// tally changes the tally of one reason.
func (r *record) tally(reason string, change func(*Tally)) {
	r.write(func(s *Status) {
		t := s.By[reason]
		change(&t)
		s.By[reason] = t
	})
}

// Status is what has been done so far.
func (w *Warmer) Status() Status { return w.met.status() }

// Options are those that the Warmer was made with.
func (w *Warmer) Options() Options { return w.opt }

// MinimumHistory is how many hours must have been observed before anything is predicted.
func (w *Warmer) MinimumHistory() int { return minimumHistory }
