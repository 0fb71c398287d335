package analysis

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache"
	"openlearn/internal/jobs"
	"openlearn/internal/outbox"
)

// Service provides analyses to the rest of the program: of texts, and of the archive's articles.
type Service struct {
	store   *Store
	writer  *outbox.Relay
	cached  *cached
	archive Archive
	engine  *engine
	jobs    *jobs.Client
	metrics *Metrics
	log     *slog.Logger
}

// Options of a Service. All but Registerer and Logger are required.
type Options struct {
	Store   *Store
	Cache   *cache.Cache
	Outbox  *outbox.Relay
	Archive Archive
	Jobs    *jobs.Client
	// Registerer receives the metrics; nil = nobody.
	Registerer prometheus.Registerer
	// Logger; nil = discard.
	Logger *slog.Logger
}

// NewService makes the Service. It starts nothing.
func NewService(o Options) *Service {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := newMetrics(o.Registerer, o.Store)
	e := newEngine(m)
	return &Service{o.Store, o.Outbox, newCached(o.Cache, o.Store, e, o.Archive), o.Archive, e, o.Jobs, m, o.Logger}
}

// Warm loads the figures over all analyses into the cache.
func (s *Service) Warm(ctx context.Context) error {
	_, err := s.cached.statistics.Get(ctx, struct{}{})
	return err
}
