package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"

	"openlearn/internal/admin"
	"openlearn/internal/analysis"
	"openlearn/internal/articles"
	"openlearn/internal/cache/httpcache"
	"openlearn/internal/scraping"
)

// newAdmin connects the cache's administration to the rest of the service.
func (s *Server) newAdmin() *admin.Admin {
	return admin.New(admin.Options{
		Cache: s.cache, DB: s.db.Gorm, Statements: s.queries.times, Requests: s.requests.read,
		Sharing: s.cfg.testing.figuresGood, Outbox: s.outbox, Archive: archiveDeps{articles.NewStore(s.db.Gorm)},
		Loaders: map[string]admin.Loader{
			articles.ArticleLayer: each(s.loadArticle), articles.AnalyticsLayer: each(s.loadFigures),
		},
		Layers: admin.LayerNames{
			Article: articles.ArticleLayer, Lists: articles.ContentLayer, Analytics: articles.AnalyticsLayer, Analyses: analysis.NLPLayer,
			Source: scraping.SourceLayer, Responses: httpcache.ResponseLayer,
		},
		Told: s.toldOutside(), Handler: func() http.Handler { return s.handler }, Warming: s.warming, Logger: s.log, Sampling: s.cfg.testing.sampling,
	})
}

// archiveDeps lists what depends on an article or a newspaper, from the database: an operator who invalidates may have reason
// to distrust the cache.
type archiveDeps struct{ store *articles.Store }

func (d archiveDeps) ArticleDeps(ctx context.Context, id int64) ([]string, error) {
	a, err := d.store.Get(ctx, id)
	if errors.Is(err, articles.ErrNotFound) {
		return []string{articles.ArticleDep(id)}, nil // it may be cached as missing; no list shows it
	}
	if err != nil {
		return nil, err
	}
	return articles.Changed([]string{strconv.FormatInt(id, 10)}, []string{a.Source}), nil
}

// mostNamed bounds how many articles of a newspaper are named one by one; beyond it the whole table is named.
const mostNamed = 20_000

func (d archiveDeps) SourceDeps(ctx context.Context, name string) ([]string, error) {
	ids, err := d.store.IDs(ctx, name, mostNamed+1)
	switch {
	case err != nil:
		return nil, err
	case len(ids) == 0:
		return []string{articles.SourceDep(name)}, nil
	case len(ids) > mostNamed:
		return append(articles.Changed(nil, nil), articles.SourceDep(name)), nil
	}
	return articles.Changed(ids, []string{name}), nil
}

const warmAtOnce = 8

// each turns a loader of one identifier into a loader of many.
func each(load func(context.Context, string) error) admin.Loader {
	return func(ctx context.Context, ids []string) []error {
		out := make([]error, len(ids))
		var group errgroup.Group
		group.SetLimit(warmAtOnce)
		for i, id := range ids {
			group.Go(func() error {
				out[i] = load(ctx, id)
				return nil
			})
		}
		_ = group.Wait() // each identifier has its own error
		return out
	}
}

func (s *Server) loadArticle(ctx context.Context, id string) error {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != id {
		return fmt.Errorf("%q %w: an article's identifier is its number", id, admin.ErrNoSuch)
	}
	_, err = s.Articles.Get(ctx, n)
	if errors.Is(err, articles.ErrNotFound) {
		return fmt.Errorf("article %d %w", n, admin.ErrNoSuch)
	}
	return err
}

func (s *Server) loadFigures(ctx context.Context, id string) error {
	switch id {
	case scraping.StatusKey:
		_, err := s.scrapingStatus.Figures(ctx)
		return err
	case "analysis-stats":
		return s.Analysis.Warm(ctx)
	}
	return fmt.Errorf("%q %w: scraping-status and analysis-stats can", id, admin.ErrNoSuch)
}
