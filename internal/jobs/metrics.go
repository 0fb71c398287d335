package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// How an attempt ended, as the label `outcome`.
const (
	outcomeDone        = "done"
	outcomeFailed      = "failed"
	outcomePanicked    = "panicked"
	outcomeCancelled   = "cancelled" // ended without having been done
	outcomeSnoozed     = "snoozed"
	outcomeInterrupted = "interrupted" // the process stops: another starts it again
)

// metrics count what this process did, and show how long the queues are, whichever processes fill and empty them.
type metrics struct {
	ended   *prometheus.CounterVec
	took    *prometheus.HistogramVec
	rescued prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, pool *pgxpool.Pool) (*metrics, error) {
	m := &metrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jobs_attempts_total", Help: "Attempts at background jobs by this process, by how they ended: done, failed, panicked, cancelled, snoozed or interrupted.",
		}, []string{"kind", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "jobs_attempt_duration_seconds", Help: "Time of attempts at background jobs.",
			Buckets: []float64{.01, .1, .5, 1, 5, 15, 60, 300, 1200},
		}, []string{"kind"}),
		rescued: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "jobs_rescued_total", Help: "Jobs that this process took from processes that had gone.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.ended, m.took, m.rescued, &queues{pool: pool, now: time.Now}} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("jobs: register metrics: %w", err)
		}
	}
	return m, nil
}

// begin lets a kind's series begin at 0, so that its first failure shows as an increase and not as a new series.
func (m *metrics) begin(kind string) {
	for _, outcome := range []string{outcomeDone, outcomeFailed, outcomePanicked} {
		m.ended.WithLabelValues(kind, outcome)
	}
}

func (m *metrics) observe(kind, outcome string, took time.Duration) {
	m.ended.WithLabelValues(kind, outcome).Inc()
	m.took.WithLabelValues(kind).Observe(took.Seconds())
}

// queues collects how many jobs wait and run, and for how long the first has been due. All instances report the same; if
// the database does not answer the series are missing.
type queues struct {
	pool *pgxpool.Pool
	now  func() time.Time

	mu    sync.Mutex
	asked time.Time
	found []queueFigures
}

type queueFigures struct {
	queue, state string
	jobs         int64
	oldest       float64 // how many seconds the first job that waits for a worker has been due
}

const (
	queuesAge     = 15 * time.Second // several scrapes within this time query the database once
	queuesTimeout = time.Second
)

var (
	depthDesc  = prometheus.NewDesc("jobs_queue_jobs", "Background jobs that have not ended, by queue and state, over all instances.", []string{"queue", "state"}, nil)
	oldestDesc = prometheus.NewDesc("jobs_queue_oldest_seconds", "How long the first of the jobs that wait for a worker has been due.", []string{"queue"}, nil)
)

// Describe names the series.
func (*queues) Describe(ch chan<- *prometheus.Desc) {
	ch <- depthDesc
	ch <- oldestDesc
}

// Collect queries the database, but not more than once every queuesAge.
func (q *queues) Collect(ch chan<- prometheus.Metric) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.now().Sub(q.asked) >= queuesAge {
		q.asked = q.now()
		var err error
		if q.found, err = q.ask(); err != nil {
			q.found = nil // other metrics show that the database is away
		}
	}
	for _, f := range q.found {
		ch <- prometheus.MustNewConstMetric(depthDesc, prometheus.GaugeValue, float64(f.jobs), f.queue, f.state)
		if f.state == string(Available) {
			ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, f.oldest, f.queue)
		}
	}
}

func (q *queues) ask() ([]queueFigures, error) {
	ctx, cancel := context.WithTimeout(context.Background(), queuesTimeout)
	defer cancel()
	rows, err := q.pool.Query(ctx, `SELECT queue, state::text, count(*), greatest(coalesce(extract(epoch FROM now() - min(scheduled_at)), 0), 0)::float8
		FROM river_job WHERE state IN ('available', 'running', 'retryable', 'scheduled') GROUP BY queue, state`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (f queueFigures, err error) {
		err = row.Scan(&f.queue, &f.state, &f.jobs, &f.oldest)
		return f, err
	})
}
