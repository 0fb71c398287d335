package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
)

// Store keeps a proxy's documents. It is an interface so that the proxy's own rules can be tested against a store that
// fails; engineStore is the one in use.
type Store interface {
	// Load returns the document stored for a URI, nil if none is current.
	Load(ctx context.Context, uri string) ([]byte, error)
	// Begin is called before a fetch. Saving with what it returns stores a document for at most keep, unless the URI was
	// invalidated since.
	Begin(ctx context.Context, uri string) (Save, error)
	// Invalidate makes what is stored for these URIs, and what is being fetched for them, unusable.
	Invalidate(ctx context.Context, uris ...string) error
}

// Save stores a document.
type Save func(ctx context.Context, doc []byte, keep time.Duration) error

// NewStore keeps documents in the engine's layer http_response. Each depends on "uri:{its URI}", so that unsafe methods
// invalidate on every instance, and on the layer.
func NewStore(c *cache.Cache) Store { return &engineStore{c} }

type engineStore struct{ c *cache.Cache }

func uriDep(uri string) string { return "uri:" + uri }

func (s *engineStore) entry(uri string) cache.Entry {
	return cache.Entry{Layer: httpcache.ResponseLayer, Key: cache.Key{ID: "proxy:" + uri}, Deps: []string{uriDep(uri)}}
}

func (s *engineStore) Load(ctx context.Context, uri string) ([]byte, error) {
	b, err := cache.Get[[]byte](ctx, s.c, s.entry(uri))
	if errors.Is(err, cache.ErrMiss) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("httpcache: load %s: %w", uri, err)
	}
	return b, nil
}

func (s *engineStore) Begin(ctx context.Context, uri string) (Save, error) {
	e := s.entry(uri)
	ticket, err := s.c.Ticket(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("httpcache: begin %s: %w", uri, err)
	}
	return func(ctx context.Context, doc []byte, keep time.Duration) error {
		if err := cache.Set(ctx, s.c, e, doc, keep, ticket); err != nil {
			return fmt.Errorf("httpcache: save %s: %w", uri, err)
		}
		return nil
	}, nil
}

func (s *engineStore) Invalidate(ctx context.Context, uris ...string) error {
	deps := make([]string, len(uris))
	for i, uri := range uris {
		deps[i] = uriDep(uri)
	}
	return s.c.Invalidate(ctx, deps...)
}
