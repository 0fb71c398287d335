package app

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache"
)

// queryMetrics counts and times every statement that reaches PostgreSQL: the measure of "less database load".
type queryMetrics struct {
	duration  prometheus.Histogram
	failed    prometheus.Counter
	unreached prometheus.Counter
}

func newQueryMetrics(reg prometheus.Registerer) *queryMetrics {
	q := &queryMetrics{
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "db_query_duration_seconds", Help: "Time of statements sent to PostgreSQL.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 15},
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "db_query_errors_total", Help: "Statements that failed, other than for a value or a duplicate that was sent, or because nobody waits any more."}),
	}
	q.unreached = prometheus.NewCounter(prometheus.CounterOpts{Name: "db_connect_errors_total", Help: "Attempts to connect to PostgreSQL that failed."})
	reg.MustRegister(q.duration, q.failed, q.unreached)
	return q
}

// times is the distribution of statement durations.
func (q *queryMetrics) times() cache.Histogram { return cache.HistogramOf(q.duration) }

type queryStart struct{}

// TraceConnectStart exists because the interface of TraceConnectEnd requires it.
func (q *queryMetrics) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return ctx
}

// TraceConnectEnd counts connections that could not be made. An attempt that its caller gave up says nothing about the
// server.
func (q *queryMetrics) TraceConnectEnd(_ context.Context, d pgx.TraceConnectEndData) {
	if d.Err != nil && !errors.Is(d.Err, context.Canceled) {
		q.unreached.Inc()
	}
}

// TraceQueryStart notes when the statement was sent.
func (q *queryMetrics) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, queryStart{}, time.Now())
}

// TraceQueryEnd records what it took.
func (q *queryMetrics) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	if ctx.Value(uncountedKey{}) != nil {
		return
	}
	if start, ok := ctx.Value(queryStart{}).(time.Time); ok {
		q.duration.Observe(time.Since(start).Seconds())
	}
	if d.Err != nil && !senders(d.Err) {
		q.failed.Inc()
	}
}

// senders reports whether a failure is the client's and not PostgreSQL's: the client sent bad values or gave up.
func senders(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		class := refused.Code[:min(2, len(refused.Code))]
		return class == dataException || class == integrityViolation
	}
	return errors.Is(err, context.Canceled)
}

// The classes of SQLSTATEs that are the fault of the values.
const dataException, integrityViolation = "22", "23"
