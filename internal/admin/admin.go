// Package admin holds what operators can do with the cache: read measured figures, inspect what is stored, invalidate, warm
// and probe, with an audit trail. Package jsonapi serves it to programs, package console to people.
package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/cache"
	"openlearn/internal/periodic"
)

// Outbox reports pending invalidations. It is an interface because the relay belongs to another package.
type Outbox interface {
	// Backlog returns how many recorded changes have not been applied yet, and the age of the oldest.
	Backlog() (pending int64, oldest time.Duration)
}

// Archive knows what depends on an article or a newspaper. It is an interface because domains do not know each other.
type Archive interface {
	// ArticleDeps lists the dependencies of everything that shows the article.
	ArticleDeps(ctx context.Context, id int64) ([]string, error)
	// SourceDeps lists those of everything that shows the newspaper or one of its articles.
	SourceDeps(ctx context.Context, name string) ([]string, error)
}

// Loader loads identifiers of one layer from their source, through the cache, and returns the result for each, in order.
// An error that wraps ErrNoSuch means that the identifier can never be loaded.
type Loader func(ctx context.Context, ids []string) []error

// ErrNoSuch is wrapped by a Loader's errors for identifiers that name nothing.
var ErrNoSuch = errors.New("names nothing that can be loaded")

// LayerNames are the layers named in the original's answers; this package knows no domain.
type LayerNames struct {
	Article, Lists, Analytics, Analyses, Source string
	Responses                                   string // HTTP responses, whose values nobody reads or supplies from outside
}

// Options configure an Admin. All but Warming, Now, Sampling and Sharing are needed.
type Options struct {
	Cache   *cache.Cache
	DB      *gorm.DB // holds the audit trail
	Outbox  Outbox
	Archive Archive
	Loaders map[string]Loader // by layer
	Layers  LayerNames
	// Statements is how long PostgreSQL took for each statement, Requests how long each route took to answer.
	Statements func() cache.Histogram
	Requests   func() []RouteTimes

	// Told is called after an invalidation with the dependencies that it gave new versions, for those outside who hold
	// answers; nil = nobody is told.
	Told func(ctx context.Context, deps []string) error

	Handler  func() http.Handler // the service, for probes; called when one runs
	Warming  func() Warming      // what keeps entries warm, Keys being all of them; nil = nothing does
	Logger   *slog.Logger
	Now      func() time.Time // nil = time.Now
	Sampling time.Duration    // how often the counters are looked at; 0 = 10 s
	Sharing  time.Duration    // how long gathered figures are shared; 0 = 1 s, negative = not at all
}

// Admin runs the operations. Close must follow.
type Admin struct {
	opt     Options
	cache   *cache.Cache
	log     *slog.Logger
	trail   trail
	history history
	started time.Time
	probing sync.Mutex // one probe at a time
	shared  shared

	sampling *periodic.Runner
}

// New makes an Admin and begins to sample the cache's counters; figures over a time window need the samples.
func New(o Options) *Admin {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sampling <= 0 {
		o.Sampling = 10 * time.Second
	}
	a := &Admin{opt: o, cache: o.Cache, log: o.Logger, trail: trail{o.DB}, started: o.Now()}
	a.history.add(sample{at: a.started})
	a.shared = shared{
		figures: NewSnapshot(o.Sharing, a.gatherFigures), health: NewSnapshot(o.Sharing, a.gatherHealth),
		all: NewSnapshot(o.Sharing, a.gatherAll), comparison: NewSnapshot(o.Sharing, a.gatherComparison),
	}
	a.sampling = periodic.Start(context.Background(), periodic.Job{
		Name: "cache figures", First: o.Sampling, Every: o.Sampling, Logger: o.Logger,
		Pass: func(ctx context.Context) error {
			a.history.add(a.sample(ctx))
			return nil
		},
	})
	return a
}

// LayerNames are the layers that answers name.
func (a *Admin) LayerNames() LayerNames { return a.opt.Layers }

// Close ends the sampling.
func (a *Admin) Close() {
	a.sampling.Close()
	a.shared.figures.Close()
	a.shared.health.Close()
	a.shared.all.Close()
	a.shared.comparison.Close()
}

// shared holds the public figures. Anybody may ask for them, so they are gathered once for all callers.
type shared struct {
	figures    *Snapshot[Figures]
	health     *Snapshot[Health]
	all        *Snapshot[AllFigures]
	comparison *Snapshot[Performance]
}

// Caller identifies who makes a request, for the audit trail.
type Caller struct{ Actor, Remote, RequestID string }

type callerKey struct{}

// As returns a context whose operations are attributed to the caller.
func As(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}
