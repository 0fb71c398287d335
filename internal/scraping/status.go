package scraping

import (
	"context"
	"time"

	"openlearn/internal/cache"
)

// Figures are the archive's figures on the status page.
type Figures struct {
	Total      int64         `json:"total"`
	Recent     int64         `json:"recent"` // scraped within the last 24 hours
	LastScrape *time.Time    `json:"last_scrape"`
	BySource   []SourceCount `json:"by_source"` // largest first
}

// SourceCount is the number of articles from a source.
type SourceCount struct {
	Source string `json:"source"`
	Count  int64  `json:"count"`
}

// Archive provides the figures. It is an interface because the articles belong to another domain.
type Archive interface {
	// Figures counts the stored articles; those scraped after since are recent.
	Figures(ctx context.Context, since time.Time) (Figures, error)
}

// StatusConfig configures a Status. All fields but Now are required.
type StatusConfig struct {
	Cache   *cache.Cache
	Archive Archive
	Deps    []string         // dependencies that are invalidated when any article changes
	Now     func() time.Time // nil = time.Now
}

// Status reports how scraping is going: how many articles there are, and how new they are.
type Status struct {
	figures *cache.Func[struct{}, Figures]
}

// StatusKey identifies the figures in AnalyticsLayer.
const StatusKey = "scraping-status"

// recent is the window of "recent_articles_24h", statusTTL how far it may lag behind the clock.
const (
	recent    = 24 * time.Hour
	statusTTL = 5 * time.Minute
)

// NewStatus makes a Status.
func NewStatus(cfg StatusConfig) *Status {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Status{figures: cache.Wrap(cfg.Cache, cache.Spec[struct{}]{
		Layer:    AnalyticsLayer,
		Key:      func(struct{}) cache.Key { return cache.Key{ID: StatusKey} },
		Deps:     func(struct{}) []string { return cfg.Deps },
		TTL:      statusTTL,
		Volatile: true, // the window of the last 24 hours moves
	}, func(ctx context.Context, _ struct{}) (Figures, error) {
		return cfg.Archive.Figures(ctx, cfg.Now().Add(-recent))
	})}
}

// Figures returns the archive's figures. Without a change in the archive they may be up to five minutes old.
func (s *Status) Figures(ctx context.Context) (Figures, error) {
	return s.figures.Get(ctx, struct{}{})
}

// Deps returns what the figures depend on.
func (s *Status) Deps() []string { return s.figures.Deps(struct{}{}) }

type statusOutput struct {
	Body struct {
		Status             string        `json:"status"`
		TotalArticles      int64         `json:"total_articles"`
		RecentArticles     int64         `json:"recent_articles_24h"`
		LastScrape         *time.Time    `json:"last_scrape"`
		SourceDistribution []SourceCount `json:"source_distribution" nullable:"false" doc:"Largest first"`
		AvailableScrapers  []string      `json:"available_scrapers"`
		Timestamp          time.Time     `json:"timestamp"`

		Sources []SourceStatus `json:"sources" nullable:"false" doc:"How gathering from each goes, in the catalogue's order"`
	}
}

func (h *handlers) showStatus(ctx context.Context, _ *struct{}) (*statusOutput, error) {
	f, err := h.status.Figures(ctx)
	if err != nil {
		return nil, err
	}
	sources, err := h.scraping.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	out := &statusOutput{}
	b := &out.Body
	b.Status, b.TotalArticles, b.RecentArticles, b.LastScrape = "operational", f.Total, f.Recent, f.LastScrape
	b.SourceDistribution = append([]SourceCount{}, f.BySource...)
	b.AvailableScrapers, b.Timestamp = h.catalogue.Implemented(), time.Now().UTC()
	b.Sources = sources
	return out, nil
}
