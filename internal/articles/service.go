package articles

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"openlearn/internal/cache"
	"openlearn/internal/outbox"
)

// Service provides the archive to the rest of the program: cached reads, and writes that every later read shows.
type Service struct {
	store  *Store
	writer *outbox.Relay
	cached *cachedReads

	archive atomic.Pointer[uuid.UUID] // the archive's identifier, once it has been read
}

// NewService reads from store through c and writes through w.
func NewService(store *Store, c *cache.Cache, w *outbox.Relay) *Service {
	return &Service{store: store, writer: w, cached: newCached(c, store)}
}

// archiveID is the archive's identifier: it never changes.
func (s *Service) archiveID(ctx context.Context) (uuid.UUID, error) {
	if id := s.archive.Load(); id != nil {
		return *id, nil
	}
	id, err := s.store.ArchiveID(ctx)
	if err == nil {
		s.archive.Store(&id)
	}
	return id, err
}

// Get reads one article, ErrNotFound if there is none.
func (s *Service) Get(ctx context.Context, id int64) (Article, error) {
	return s.cached.article.Get(ctx, id)
}

// Warm makes sure that the articles are in the cache for later readers, and returns how many it had to read from the
// database. It ignores ids without an article. cache.ErrBypass means that the cache is out of use and nothing was kept.
func (s *Service) Warm(ctx context.Context, ids []int64) (loaded int, err error) {
	for i, r := range s.cached.article.GetMany(cache.Warming(ctx), ids) {
		switch {
		case r.Info.Source == cache.FromBypass:
			err = cache.ErrBypass
		case r.Err != nil && !errors.Is(r.Err, ErrNotFound):
			return loaded, fmt.Errorf("warm article %d: %w", ids[i], r.Err)
		case r.Info.Source == cache.FromSource:
			loaded++
		}
	}
	return loaded, err
}

// Counts reads the archive's figures from the database; whoever shows them caches them.
func (s *Service) Counts(ctx context.Context, since time.Time) (Counts, error) {
	return s.store.Counts(ctx, since)
}

// Create stores a new article and returns it with its id, and whether its invalidation is pending (see outbox.Relay.Write).
// The error is an *InvalidError for values that the columns would refuse, and ErrDuplicate if the article exists. With
// outbox.ErrUnconfirmed the article is stored all the same.
func (s *Service) Create(ctx context.Context, a Article) (_ Article, pending bool, err error) {
	pending, err = s.write(ctx, func(st *Store) (err error) {
		if err = st.Create(ctx, &a); err != nil {
			return err
		}
		a, err = st.Get(ctx, a.ID) // as readers will see it
		return err
	})
	return a, pending, err
}

// Update reads the article with the given id from the database (a write never starts from a cache), lets change edit it,
// and stores the result. If check returns an error, with the article locked, nothing is changed; nil checks nothing.
func (s *Service) Update(ctx context.Context, id int64, check func(*Article) error, change func(*Article)) (a Article, pending bool, err error) {
	pending, err = s.write(ctx, func(st *Store) (err error) {
		if a, err = st.getForUpdate(ctx, id); err != nil {
			return err
		}
		if check != nil {
			if err = check(&a); err != nil {
				return err
			}
		}
		change(&a)
		if err = st.Update(ctx, &a); err != nil {
			return err
		}
		a, err = st.Get(ctx, id) // as readers will see it
		return err
	})
	return a, pending, err
}

// Delete removes an article, unless check returns an error for it, with the article locked; nil checks nothing.
func (s *Service) Delete(ctx context.Context, id int64, check func(*Article) error) (pending bool, err error) {
	return s.write(ctx, func(st *Store) error {
		if check != nil {
			a, err := st.getForUpdate(ctx, id)
			if err == nil {
				err = check(&a)
			}
			if err != nil {
				return err
			}
		}
		return st.Delete(ctx, id)
	})
}

// Save stores what a source publishes: new articles, and new revisions of known ones; each has its outcome, in order. An
// article that cannot be stored does not affect the others.
func (s *Service) Save(ctx context.Context, batch []Article) (outcomes []Saved, pending bool, err error) {
	pending, err = s.write(ctx, func(st *Store) (err error) {
		outcomes, err = st.Save(ctx, batch)
		return err
	})
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		return outcomes, pending, err
	}
	if len(batch) == 1 {
		return []Saved{{Outcome: Refused, Reason: invalid.reason()}}, false, nil
	}
	outcomes, pending = make([]Saved, 0, len(batch)), false
	for i := range batch {
		one, p, err := s.Save(ctx, batch[i:i+1])
		pending = pending || p
		outcomes = append(outcomes, one...)
		if err != nil {
			return outcomes, pending, err
		}
	}
	return outcomes, pending, nil
}

// Insert stores the new ones among the given articles and returns them; the others exist already or cannot be stored.
func (s *Service) Insert(ctx context.Context, batch []Article) (stored []Article, pending bool, err error) {
	pending, err = s.write(ctx, func(st *Store) (err error) {
		stored, err = st.Insert(ctx, batch)
		return err
	})
	return stored, pending, err
}

func (s *Service) write(ctx context.Context, do func(*Store) error) (pending bool, err error) {
	return s.writer.Write(ctx, func(tx *gorm.DB) error { return do(s.store.in(tx)) })
}

// Known returns those of the addresses whose articles are stored, and when each was last written, from the database.
func (s *Service) Known(ctx context.Context, urls []string) (map[string]time.Time, error) {
	return s.store.Known(ctx, urls)
}
