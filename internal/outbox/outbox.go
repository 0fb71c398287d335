// Package outbox carries invalidations in the transaction of the write that causes them. Statement triggers record facts
// (which rows of which table changed) in cache_outbox; the writer turns its own facts into invalidations right after its
// commit, and the relay of every instance does so for whatever is left: changes made in psql, writers that died, times
// when Redis could not be reached. Order does not matter, and applying a fact twice does no harm: an invalidation is a new
// random version.
package outbox

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/periodic"
	"openlearn/internal/postgres"
)

// Fact is one statement's change: these rows of this table.
type Fact struct {
	ID        int64
	Table     string
	Operation string   // INSERT, UPDATE, DELETE or TRUNCATE
	Keys      []string // as text, whatever their type; nil: more than can be named, the whole table
	// Labels are the rows' values, before and after the change, by kind (a column that the table's triggers name). Rows
	// without a value have no label of the kind. nil if Keys is nil.
	Labels map[string][]string
}

// Invalidator gives dependencies new versions. It is an interface so that the relay need not know the cache.
type Invalidator interface {
	Invalidate(ctx context.Context, deps ...string) error
}

// Options configures a Relay.
type Options struct {
	// DB is the primary. Writers use its pool, the relay the two connections beside it.
	DB *postgres.DB
	// Rules map facts to what they invalidate.
	Rules Rules
	// NewDatabase is called with the database's identity at the first look and whenever that has changed (recreated,
	// restored, or another address): what was cached of the previous one must not be served. Until it returns nil the gate
	// is closed. nil = not called.
	NewDatabase func(ctx context.Context, identity string) error
	// Region is the region whose rows this instance applies; "" = "default".
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

// The bounds. A look that showed nothing is valid for lookFresh from its start, and a fact that is pendingMost old closes
// the gate. So lookFresh after a commit every instance that can ask PostgreSQL has either seen the fact applied or closed
// its gate; closedBy adds a margin for clock rates that differ.
const (
	poll        = 250 * time.Millisecond
	lookTimeout = 500 * time.Millisecond // poll + lookTimeout < lookFresh: a look that fails is judged before the last one is too old
	lookFresh   = 800 * time.Millisecond
	pendingMost = 600 * time.Millisecond
	closedBy    = lookFresh + 50*time.Millisecond

	hold         = 500 * time.Millisecond // how long facts are left to whoever has claimed them
	applyTimeout = 2 * time.Second
	writeTimeout = 5 * time.Second // from the commit to the answer, at most
	opTimeout    = 3 * time.Second
	claimMost    = 200
	deleteMost   = 1000
)

// Relay applies facts and knows whether any are pending.
type Relay struct {
	opt     Options
	cache   Invalidator
	metrics *metrics
	timeout time.Duration // of a look
	hold    time.Duration

	look    atomic.Pointer[look]
	shut    atomic.Pointer[shut] // what this instance could not apply; nil = nothing
	mu      sync.Mutex           // guards the publishing of a look
	changed chan struct{}        // closed when the next look is published
	known   string               // the identity last passed to NewDatabase; used by the looker alone
	late    time.Time            // when a look was last answered too late; used by the looker alone

	desk           desk // what is to be written to the outbox
	looker, worker *periodic.Runner
	asking         sync.WaitGroup // queries that a look no longer waits for
}

// New makes a relay that is in bypass until it has been started and has looked.
func New(o Options) *Relay {
	if o.Poll <= 0 {
		o.Poll = poll
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
	r := &Relay{opt: o, timeout: lookTimeout, hold: hold, changed: make(chan struct{})}
	r.looker = periodic.New(periodic.Job{Name: "outbox look", Every: o.Poll, Pass: r.see, Logger: o.Logger, Now: o.Now})
	r.worker = periodic.New(periodic.Job{
		// Twice as often as the looks: facts that writers have applied are deleted, in batches, before they can seem to be pending.
		Name: "outbox work", Every: o.Poll / 2, Pass: r.work, Logger: o.Logger, Now: o.Now,
		Last: r.clear, LastTimeout: time.Second, // so that nobody applies again what writers have applied
	})
	r.metrics = newMetrics(o.Registerer, r)
	return r
}

// Start runs the relay against cache until Close. Looking and working go on side by side: an invalidation that hangs must
// not keep the relay from seeing pending facts.
func (r *Relay) Start(ctx context.Context, cache Invalidator) {
	r.cache = cache
	ctx = context.WithoutCancel(ctx)
	r.looker.Start(ctx)
	r.worker.Start(ctx)
}

// Close stops the relay and waits for it. Facts that it has not deleted are applied once more by others.
func (r *Relay) Close() {
	r.looker.Close()
	r.worker.Close()
	r.asking.Wait()
}
