// Package admin is what operators can do with the cache: see how it does, in measured figures only, see what is stored,
// invalidate, warm and measure, with a trail of who did what. Package jsonapi serves it to programs, package console to people.
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

// Outbox tells of invalidations on their way. It is an interface because the relay is another room's.
type Outbox interface {
	// Backlog is how many recorded changes are not applied yet, and the age of the oldest.
	Backlog() (pending int64, oldest time.Duration)
}

// Archive knows what shows an article or a newspaper. It is an interface because domains do not know each other.
type Archive interface {
	// ArticleDeps lists the dependencies of everything that shows the article.
	ArticleDeps(ctx context.Context, id int64) ([]string, error)
	// SourceDeps lists those of everything that shows the newspaper or one of its articles.
	SourceDeps(ctx context.Context, name string) ([]string, error)
}

// Loader loads the identifiers of one layer from their source, through the cache, and says of each, in order, what
// became of it. ErrNoSuch wraps what can never be loaded.
type Loader func(ctx context.Context, ids []string) []error

// ErrNoSuch is wrapped by a Loader's errors for identifiers that name nothing.
var ErrNoSuch = errors.New("names nothing that can be loaded")

// LayerNames are the layers that the original's answers name; the administration knows no domain.
type LayerNames struct {
	Article, Lists, Analytics, Analyses, Source string
	Responses                                   string // HTTP responses, whose values nobody reads or supplies from outside
}

// Options configure an Admin. All but Warming, Now, Sampling and Sharing are needed.
type Options struct {
	Cache   *cache.Cache
	DB      *gorm.DB // where the audit trail is
	Outbox  Outbox
	Archive Archive
	Loaders map[string]Loader // by layer
	Layers  LayerNames
	// Statements is how long PostgreSQL took for each statement, Requests how long each route took to answer.
	Statements func() cache.Histogram
	Requests   func() []RouteTimes

	Handler  func() http.Handler // the service, for probes; asked when one runs
	Warming  func() Warming      // what keeps entries warm, Keys being all of them; nil = nothing does
	Logger   *slog.Logger
	Now      func() time.Time // nil = time.Now
	Sampling time.Duration    // how often the counters are looked at; 0 = 10 s
	Sharing  time.Duration    // how long gathered figures are shared; 0 = 1 s, negative = not at all
}

// Admin answers /api/cache. Close must follow.
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

// New makes an Admin and begins to sample the cache's counters, which windows of figures need.
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

// shared are the public figures: anybody may ask for them, so they are gathered once for all who do.
type shared struct {
	figures    *Snapshot[Figures]
	health     *Snapshot[Health]
	all        *Snapshot[AllFigures]
	comparison *Snapshot[Performance]
}

// Caller is who asks, as the audit trail names them.
type Caller struct{ Actor, Remote, RequestID string }

type callerKey struct{}

// As makes a context whose operations are the caller's.
func As(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}
