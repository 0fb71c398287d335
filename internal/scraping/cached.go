package scraping

import (
	"time"

	"openlearn/internal/cache"
)

// The layers that this domain reads through.
const (
	SourceLayer = "source"
	NewsLayer   = "api_news"
)

// Layers is this domain's part of the cache's table.
func Layers() []cache.Layer {
	sources := cache.Graced(cache.Layer{
		Name: SourceLayer, Namespace: "source", Tier: cache.L1, TTL: 2 * time.Hour, Description: "News sources and their configuration.",
	})
	sources.Audit = true
	return []cache.Layer{
		sources,
		cache.Graced(cache.Layer{Name: NewsLayer, Namespace: "api:news", Tier: cache.L2, TTL: time.Hour, Description: "Answers of news sites and feeds."}),
	}
}
