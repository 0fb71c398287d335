package scraping

import (
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/outbox"
)

// What goes stale when this changes?
//
//	how a source is doing (a pass ended, a pause)    scraping_sources    the status page
const sourcesTable = "scraping_sources"

// Facts says what a recorded change of this domain's tables invalidates.
func Facts() outbox.Rules {
	return outbox.Rules{sourcesTable: func(outbox.Fact) []string { return []string{sourcesTable} }}
}

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
		{
			Name: NewsLayer, Namespace: "api:news", Tier: cache.L2, TTL: time.Hour, Description: "Answers of news sites and feeds.",
			// A load may wait for its turn at a host whose robots.txt asks for two minutes between requests. Expired
			// documents are never served: the failure of a source must be visible. Documents are large, and each is read
			// only once or twice.
			HardTimeout: documentTimeout, NegativeTTL: lostFor, Near: cache.Near{Mode: cache.NearOff},
		},
	}
}
