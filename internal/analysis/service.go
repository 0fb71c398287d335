package analysis

import (
	"context"

	"gorm.io/gorm"

	"openlearn/internal/cache"
	"openlearn/internal/outbox"
)

// Service is the analyses as the rest of the program uses them: cached reads, and writes that every later read shows.
type Service struct {
	store  *Store
	writer *outbox.Relay
	cached *cached
}

// NewService reads from store through c and writes through w. texts is the dependency under which the domain that has the
// texts announces every change of one.
func NewService(store *Store, c *cache.Cache, w *outbox.Relay, texts string) *Service {
	return &Service{store, w, newCached(c, store, texts)}
}

// Insert stores analyses, and reports whether caches still have to be told (see outbox.Relay.Write). With outbox.ErrUnconfirmed they
// are stored as well.
func (s *Service) Insert(ctx context.Context, batch []Analysis) (pending bool, err error) {
	return s.writer.Write(ctx, func(tx *gorm.DB) error { return (&Store{tx}).Insert(ctx, batch) })
}

// Warm has the figures over all analyses cached.
func (s *Service) Warm(ctx context.Context) error {
	_, err := s.cached.statistics.Get(ctx, struct{}{})
	return err
}
