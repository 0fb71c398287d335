package analysis

import (
	"context"

	"gorm.io/gorm"

	"openlearn/internal/cache"
)

// Writer runs a write in a transaction and makes what it changed visible to every read. It is an interface because
// invalidations, which ride in the transaction, are another room's business.
type Writer interface {
	Write(ctx context.Context, do func(tx *gorm.DB) error) (pending bool, err error)
}

// Service is the analyses as the rest of the program uses them: cached reads, and writes that every later read shows.
type Service struct {
	store  *Store
	writer Writer
	cached *cached
}

// NewService reads from store through c and writes through w.
func NewService(store *Store, c *cache.Cache, w Writer) *Service {
	return &Service{store, w, newCached(c, store)}
}

// Insert stores analyses.
func (s *Service) Insert(ctx context.Context, batch []Analysis) error {
	_, err := s.writer.Write(ctx, func(tx *gorm.DB) error { return (&Store{tx}).Insert(ctx, batch) })
	return err
}

// Warm has the figures over all analyses cached.
func (s *Service) Warm(ctx context.Context) error {
	_, err := s.cached.statistics.Get(ctx, struct{}{})
	return err
}
