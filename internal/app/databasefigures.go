package app

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// databaseFigures are metrics of the pool and of when the archive last got an article, whichever process stored it:
// `openlearn scrape` is a separate process whose metrics nobody reads.
type databaseFigures struct {
	pool   *pgxpool.Pool
	stored func(context.Context) (*time.Time, error) // articles.Store.LastStored

	mu     sync.Mutex
	asked  time.Time
	newest float64 // Unix time; 0 = not known
}

const (
	newestAge     = 30 * time.Second // several scrapes within this time query the database once
	newestTimeout = time.Second
)

var (
	poolDesc    = prometheus.NewDesc("db_pool_connections", "Connections of this process to PostgreSQL, by state.", []string{"state"}, nil)
	poolMaxDesc = prometheus.NewDesc("db_pool_max_connections", "The most connections that this process may have.", nil, nil)
	waitsDesc   = prometheus.NewDesc("db_pool_waits_total", "Acquires that had to wait for a connection.", nil, nil)
	waitedDesc  = prometheus.NewDesc("db_pool_wait_seconds_total", "Time spent waiting for a connection.", nil, nil)
	newestDesc  = prometheus.NewDesc("articles_last_stored_timestamp_seconds", "When the newest article of the archive was stored (Unix time), whichever process did it.", nil, nil)
)

// Describe names the series.
func (*databaseFigures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{poolDesc, poolMaxDesc, waitsDesc, waitedDesc, newestDesc} {
		ch <- d
	}
}

// Collect reads the pool's counters and, once in a while, the newest row.
func (f *databaseFigures) Collect(ch chan<- prometheus.Metric) {
	s := f.pool.Stat()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	send(poolDesc, prometheus.GaugeValue, float64(s.AcquiredConns()), "in_use")
	send(poolDesc, prometheus.GaugeValue, float64(s.IdleConns()), "idle")
	send(poolMaxDesc, prometheus.GaugeValue, float64(s.MaxConns()))
	send(waitsDesc, prometheus.CounterValue, float64(s.EmptyAcquireCount()))
	send(waitedDesc, prometheus.CounterValue, s.EmptyAcquireWaitTime().Seconds())
	if at := f.lastStored(); at > 0 {
		send(newestDesc, prometheus.GaugeValue, at)
	}
}

// lastStored is when an article was last stored (Unix time). While the database does not answer the last value stays; other
// metrics show that.
func (f *databaseFigures) lastStored() float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) < newestAge {
		return f.newest
	}
	f.asked = time.Now()
	ctx, cancel := context.WithTimeout(uncounted(context.Background()), newestTimeout)
	defer cancel()
	at, err := f.stored(ctx)
	switch {
	case err != nil:
	case at == nil:
		f.newest = 0
	default:
		f.newest = float64(at.UnixMicro()) / 1e6
	}
	return f.newest
}

type uncountedKey struct{}

// uncounted keeps a statement out of the metrics: monitoring's own queries are not load from the service's callers.
func uncounted(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncountedKey{}, true)
}
