package articles

import (
	"context"

	"openlearn/internal/cache"
)

// Service is the archive as the rest of the program uses it: cached reads, and writes that invalidate.
type Service struct {
	store  *Store
	cache  *cache.Cache
	cached *Cached
}

// NewService serves articles from store through c.
func NewService(store *Store, c *cache.Cache) *Service {
	return &Service{store: store, cache: c, cached: newCached(c, store)}
}

// Get reads one article, ErrNotFound if there is none.
func (s *Service) Get(ctx context.Context, id int64) (Article, error) {
	return s.cached.article.Get(ctx, id)
}

// Counts are the archive's figures, at most five minutes old where only time has passed.
func (s *Service) Counts(ctx context.Context) (Counts, error) {
	return s.cached.counts.Get(ctx, struct{}{})
}

// Create stores a new article and returns it with its id. An *InvalidError says what the
// columns would refuse, ErrDuplicate that it is there already.
func (s *Service) Create(ctx context.Context, a Article) (Article, error) {
	if err := s.store.Create(ctx, &a); err != nil {
		return Article{}, err
	}
	return a, s.written(ctx, a.ID)
}

// Update reads the article with the given id (from the database: a write never starts from a cache), lets change edit
// it, and stores the result.
func (s *Service) Update(ctx context.Context, id int64, change func(*Article)) (Article, error) {
	a, err := s.store.Get(ctx, id)
	if err != nil {
		return Article{}, err
	}
	change(&a)
	if err := s.store.Update(ctx, &a); err != nil {
		return Article{}, err
	}
	return a, s.written(ctx, id)
}

// Delete removes an article.
func (s *Service) Delete(ctx context.Context, id int64) error {
	if _, err := s.store.Delete(ctx, id); err != nil {
		return err
	}
	return s.written(ctx, id)
}

// Insert stores the new ones among the given articles and returns them; the others exist already or cannot be stored.
func (s *Service) Insert(ctx context.Context, batch []Article) ([]Article, error) {
	stored, err := s.store.Insert(ctx, batch)
	if err != nil || len(stored) == 0 {
		return nil, err
	}
	ids := make([]int64, len(stored))
	for i, a := range stored {
		ids[i] = a.ID
	}
	return stored, s.written(ctx, ids...)
}

// written makes committed writes visible: it returns once no read can return what was there before.
func (s *Service) written(ctx context.Context, ids ...int64) error {
	// The row is committed: that the client has gone must not keep the caches from hearing of it.
	return s.cache.Invalidate(context.WithoutCancel(ctx), Written(ids...)...)
}

// Known returns those of the addresses whose articles are stored, from the database.
func (s *Service) Known(ctx context.Context, urls []string) ([]string, error) {
	return s.store.Known(ctx, urls)
}
