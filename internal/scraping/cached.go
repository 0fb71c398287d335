package scraping

import (
	"time"

	"openlearn/internal/cache"
)

// The layers that this domain reads through.
const (
	SourceLayer = "source"
	NewsLayer   = "api_news"
	// AnalyticsLayer is shared with the domains whose rows are counted, and declared alike.
	AnalyticsLayer = "analytics"
)

// Layers is this domain's part of the cache's table.
func Layers() []cache.Layer {
	sources := cache.Graced(cache.Layer{
		Name: SourceLayer, Namespace: "source", Tier: cache.L1, TTL: 2 * time.Hour, Description: "News sources and their configuration.",
	})
	sources.Audit = true
	counts := cache.Graced(cache.Layer{
		Name: AnalyticsLayer, Namespace: "analytics", Tier: cache.L1, TTL: 30 * time.Minute, Description: "Counts and statistics over the articles.",
	})
	counts.Audit = true
	return []cache.Layer{
		sources,
		counts,
		cache.Graced(cache.Layer{Name: NewsLayer, Namespace: "api:news", Tier: cache.L2, TTL: time.Hour, Description: "Answers of news sites and feeds."}),
	}
}
