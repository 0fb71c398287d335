// Package outbox carries invalidations in the transaction of the write that causes them. Statement triggers record facts
// (which rows of which table changed) in cache_outbox; the writer turns its own facts into invalidations right after its
// commit, and the relay of every instance does so for whatever is left: changes made in psql, writers that died, times
// when Redis could not be reached. Order does not matter, and twice does no harm: an invalidation is a new random
// version.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"

	"openlearn/internal/postgres"
)

// Fact is one statement's change: these rows of this table.
type Fact struct {
	ID        int64
	Table     string
	Operation string   // INSERT, UPDATE, DELETE or TRUNCATE
	Keys      []int64  // nil: more than can be named, the whole table
	Sources   []string // the sources of the rows; nil: not known
}

// Invalidator makes dependencies new. The relay asks it, and it is an interface so that the relay knows no cache.
type Invalidator interface {
	Invalidate(ctx context.Context, deps ...string) error
}

// Options configures a Relay.
type Options struct {
	// Pool reaches the primary.
	Pool *pgxpool.Pool
	// Gorm is the same database, for writers.
	Gorm *gorm.DB
	// Dependencies maps a fact to what it invalidates: the domains' cached.go.
	Dependencies func(Fact) []string
	// NewDatabase is told which database this is, at the first look and whenever it has become another (made anew,
	// restored to an earlier point, or another address): what is cached of the last one must not be served. Until it
	// returns nil the gate is closed. nil = nobody wants to know.
	NewDatabase func(ctx context.Context, identity string) error
	// Region is whose rows this instance applies; "" = "default".
	Region string
	// Poll is how often the outbox is looked at. 0 = 250 ms. LISTEN/NOTIFY would be sooner, and would serialise commits.
	Poll time.Duration
	// Registerer receives the metrics; nil = a private registry.
	Registerer prometheus.Registerer
	// Logger; nil = discard.
	Logger *slog.Logger
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

// The gate's bounds: how old a look may be, and how long a fact may wait, before reads go to the source.
const (
	lookFresh   = time.Second
	blindFresh  = 3 * time.Second // of a look that failed: the next one may take its whole timeout
	lookTimeout = 700 * time.Millisecond
	pendingMost = time.Second
	claimMost   = 200
	opTimeout   = 5 * time.Second
)

// Relay applies facts and knows whether any wait.
type Relay struct {
	opt     Options
	cache   Invalidator
	metrics *metrics

	look    atomic.Pointer[look]
	known   string // the database that NewDatabase has been told of; the relay's own
	quiet   quiet
	timeout time.Duration // of a look
	applied chan []int64  // rows that a writer has applied and the relay shall delete
	wake    chan struct{}
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// look is what the last look at the outbox showed.
type look struct {
	at      time.Time
	pending int64
	oldest  time.Duration // age of the oldest pending fact
	err     error         // there was no answer
	away    bool          // because PostgreSQL could not be asked
}

// New makes a relay that is in bypass until it has been started and has looked.
func New(o Options) *Relay {
	if o.Poll <= 0 {
		o.Poll = 250 * time.Millisecond
	}
	if o.Region == "" {
		o.Region = "default"
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Relay{opt: o, timeout: lookTimeout, applied: make(chan []int64, 256), wake: make(chan struct{}, 1)}
	r.metrics = newMetrics(o.Registerer, r)
	return r
}

// Start runs the relay against cache until Close.
func (r *Relay) Start(ctx context.Context, cache Invalidator) {
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.cache = cache
	r.done.Go(func() { r.run(ctx) })
}

// Close stops the relay and waits for it. What it has not deleted, others will apply once more.
func (r *Relay) Close() {
	if r.stop != nil {
		r.stop()
		r.done.Wait()
	}
}

// MayServe reports whether cached entries may be served: the last look, at most a second old, showed nothing pending
// for longer than a second. When PostgreSQL could not be asked, serving goes on (see Degraded): entries are all there
// is. When it answered that there is no outbox, nothing could ever be announced, and nothing is served.
func (r *Relay) MayServe() bool {
	l := r.look.Load()
	if l == nil {
		return false
	}
	age := r.opt.Now().Sub(l.at)
	if l.err != nil {
		return l.away && age <= blindFresh
	}
	return age <= lookFresh && l.oldest <= pendingMost
}

// Settled asks the outbox whether nothing is pending now; false if it cannot be asked.
func (r *Relay) Settled() bool {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	var empty bool
	err := r.opt.Pool.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM cache_outbox WHERE region = $1)`, r.opt.Region).Scan(&empty)
	return err == nil && empty
}

// Degraded reports that entries are served although PostgreSQL could not be asked for what is pending.
func (r *Relay) Degraded() bool {
	l := r.look.Load()
	return l != nil && l.away
}

// Backlog is how many facts the last look showed, and the age of the oldest.
func (r *Relay) Backlog() (pending int64, oldest time.Duration) {
	if l := r.look.Load(); l != nil {
		return l.pending, l.oldest
	}
	return 0, 0
}

func (r *Relay) run(ctx context.Context) {
	tick := time.NewTicker(r.opt.Poll)
	defer tick.Stop()
	for {
		if err := r.Pass(ctx); ctx.Err() == nil {
			r.report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.wake:
		}
	}
}

// Pass makes one round: delete what writers have applied, look at what is left, apply it, and look again.
func (r *Relay) Pass(ctx context.Context) error {
	err := r.forget(ctx)
	if lookErr := r.see(ctx); lookErr != nil {
		return errors.Join(err, lookErr)
	}
	if pending, _ := r.Backlog(); pending == 0 {
		return err
	}
	for {
		n, claimErr := r.claim(ctx)
		if claimErr != nil {
			return errors.Join(err, claimErr)
		}
		if n < claimMost {
			break
		}
	}
	return errors.Join(err, r.see(ctx))
}

// see looks at the outbox. It is quick to give up: while the last look is old, every read goes to the source, and a
// database that does not answer is the last thing that could bear that.
func (r *Relay) see(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	l := look{at: r.opt.Now()} // its start: what is recorded while it runs may be missing from it
	var age float64
	var identity string
	l.err = r.opt.Pool.QueryRow(ctx, lookQuery, r.opt.Region).Scan(&l.pending, &age, &identity)
	l.oldest = time.Duration(age * float64(time.Second))
	if l.err != nil {
		l.away = away(l.err)
		l.err = fmt.Errorf("look at the outbox: %w", l.err)
		l.at = r.opt.Now()
	} else if identity != r.known && r.opt.NewDatabase != nil {
		if l.err = r.opt.NewDatabase(ctx, identity); l.err == nil {
			r.known = identity
		}
	}
	r.look.Store(&l)
	return l.err
}

// away reports that PostgreSQL gave no answer, or answered that it cannot or is too slow. Any other refusal is an answer to
// the question.
func away(err error) bool {
	var answer *pgconn.PgError
	return !errors.As(err, &answer) || postgres.Unavailable(err) || postgres.TimedOut(err)
}

// lookQuery asks what is pending and which database this is: the identity that its migrations gave it, and its timeline,
// which changes when it is restored to an earlier point or a standby is promoted.
const lookQuery = `
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8,
       coalesce((SELECT min(id::text) FROM cache_database), '') || ':' ||
       CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END
FROM cache_outbox WHERE region = $1`

// quiet keeps an outage from filling the log.
type quiet struct {
	last   string
	logged time.Time
}

// report logs a failure when it is new, and once a minute while it lasts, and its end.
func (r *Relay) report(err error) {
	switch {
	case err == nil && r.quiet.last != "":
		r.opt.Logger.Info("outbox is looked at again")
		r.quiet = quiet{}
	case err == nil:
	case r.quiet.last == "" || r.opt.Now().Sub(r.quiet.logged) > time.Minute:
		r.opt.Logger.Warn("outbox pass failed", "error", err)
		r.quiet = quiet{err.Error(), r.opt.Now()}
	}
}

// forget deletes the rows that writers have applied.
func (r *Relay) forget(ctx context.Context) error {
	var ids []int64
	for {
		select {
		case more := <-r.applied:
			ids = append(ids, more...)
			continue
		default:
		}
		break
	}
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	if _, err := r.opt.Pool.Exec(ctx, `DELETE FROM cache_outbox WHERE id = ANY($1)`, ids); err != nil {
		return fmt.Errorf("delete %d applied facts: %w", len(ids), err)
	}
	return nil
}

// claim applies up to claimMost facts that no other relay has in hand, and returns how many.
func (r *Relay) claim(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	tx, err := r.opt.Pool.Begin(ctx)
	if err != nil {
		return 0, fmt.Errorf("claim facts: %w", err)
	}
	defer func() {
		if err != nil {
			// Bounded, and on a context that is not the one that may have ended.
			back, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			err = errors.Join(err, tx.Rollback(back))
		}
	}()
	rows, err := tx.Query(ctx, `SELECT id, table_name, operation, keys, sources FROM cache_outbox WHERE region = $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED`,
		r.opt.Region, claimMost)
	if err != nil {
		return 0, fmt.Errorf("claim facts: %w", err)
	}
	facts, err := collect(rows)
	if err != nil {
		return 0, fmt.Errorf("claim facts: %w", err)
	}
	if len(facts) > 0 {
		ids, err := r.apply(ctx, facts)
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM cache_outbox WHERE id = ANY($1)`, ids); err != nil {
			return 0, fmt.Errorf("delete %d relayed facts: %w", len(ids), err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return 0, fmt.Errorf("claim facts: %w", err)
	}
	r.metrics.relayed.Add(float64(len(facts)))
	return len(facts), nil
}

// apply invalidates what the facts concern and returns their ids.
func (r *Relay) apply(ctx context.Context, facts []Fact) ([]int64, error) {
	ids := make([]int64, 0, len(facts))
	seen := map[string]bool{}
	var deps []string
	for _, f := range facts {
		ids = append(ids, f.ID)
		for _, d := range r.opt.Dependencies(f) {
			if !seen[d] {
				seen[d] = true
				deps = append(deps, d)
			}
		}
	}
	if err := r.cache.Invalidate(ctx, deps...); err != nil {
		return nil, fmt.Errorf("apply %d facts: %w", len(facts), err)
	}
	return ids, nil
}
