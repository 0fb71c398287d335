package analysis

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"openlearn/internal/cache"
)

// Writer runs a write in a transaction and returns when no read shows what was there before. pending: because nothing is
// served from caches until they can be told. pending with an error: it is stored, and not sure of that. It is an interface
// because invalidations, which ride in the transaction, are another room's business.
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

// ErrUnconfirmed is the answer to a write that is stored, while an instance may still serve what was there before.
var ErrUnconfirmed = errors.New("stored, but instances may still serve what was there before")

// Insert stores analyses, and reports whether caches still have to be told (see Writer). With ErrUnconfirmed they are
// stored as well.
func (s *Service) Insert(ctx context.Context, batch []Analysis) (pending bool, err error) {
	pending, err = s.writer.Write(ctx, func(tx *gorm.DB) error { return (&Store{tx}).Insert(ctx, batch) })
	if pending && err != nil {
		err = fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	}
	return pending, err
}

// Warm has the figures over all analyses cached.
func (s *Service) Warm(ctx context.Context) error {
	_, err := s.cached.statistics.Get(ctx, struct{}{})
	return err
}
