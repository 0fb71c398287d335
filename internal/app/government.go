package app

import (
	"context"
	"errors"
	"fmt"

	"openlearn/internal/admin/console"
	"openlearn/internal/analysis"
	"openlearn/internal/government"
)

// openGovernment makes the service of open data. The rates of its requests are in Redis: they count for all instances.
func (c *core) openGovernment() (err error) {
	c.OpenData, err = government.NewService(government.Options{
		Config: c.cfg.OpenData, Cache: c.cache, Redis: c.redis, Store: government.NewStore(c.db.Gorm, c.outbox), Named: namedInArticles{c.Analysis}, Registerer: c.registry, Logger: c.log, Tune: c.cfg.testing.upstreams,
	})
	if err != nil {
		return err
	}
	c.closers.add(c.OpenData.Close)
	return nil
}

// namedInArticles adapts the analyses for the open data about what articles name.
type namedInArticles struct{ analysis *analysis.Service }

func (n namedInArticles) Named(ctx context.Context, article int64) ([]government.Mention, error) {
	found, err := n.analysis.Named(ctx, article)
	if errors.Is(err, analysis.ErrNotFound) {
		return nil, fmt.Errorf("article %d: %w", article, government.ErrNoArticle)
	}
	out := make([]government.Mention, len(found))
	for i, e := range found {
		out[i] = government.Mention{Text: e.Text, Name: e.Name, Class: e.Class, Divipola: e.Divipola, Mentions: e.Mentions}
	}
	return out, err
}

// openDataServices tells the console how the open-data services are doing.
func (s *Server) openDataServices() []console.Service {
	found := s.OpenData.APIs()
	out := make([]console.Service, len(found))
	for i, a := range found {
		out[i] = console.Service{Name: a.Name, State: a.State, Breaker: a.Breaker, Last: a.LastSuccess}
		if a.LastError != nil {
			out[i].Error = *a.LastError
		}
	}
	return out
}
