package analysis

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/outbox"
)

// What goes stale when this changes?
//
//	analyses are written    analysis:{id}      the entry of each
//	                        analyses           every listing and figure
//	too many to be named    content_analysis   everything above, since every entry on the table depends on it
//	articles are written    articles           previews show their texts; deleting one deletes its analyses
//
// Which article an analysis is about is only known from the analysis, so its entry depends on all articles.

const (
	// AllAnalyses is the dependency of everything that any analysis' change may alter.
	AllAnalyses = "analyses"
	// Table is the table, and the dependency of every entry that rests on it.
	Table = "content_analysis"
)

// The layers that this domain reads through.
const (
	// AnalyticsLayer is shared with the articles, and declared alike.
	AnalyticsLayer = "analytics"
	NLPLayer       = "nlp_analysis"
	SentimentLayer = "sentiment"
	EntitiesLayer  = "entities"
	TopicsLayer    = "topics"
)

// Layers is this domain's part of the cache's table.
func Layers() []cache.Layer {
	computed := func(name, namespace, description string) cache.Layer {
		return cache.Graced(cache.Layer{Name: name, Namespace: namespace, Tier: cache.L3, TTL: 24 * time.Hour, Description: description})
	}
	stored := cache.Graced(cache.Layer{
		Name: AnalyticsLayer, Namespace: "analytics", Tier: cache.L1, TTL: 30 * time.Minute, Description: "Counts and statistics over the articles.",
	})
	stored.Audit = true
	return []cache.Layer{
		stored,
		computed(NLPLayer, "nlp", "Complete analyses of a text."),
		computed(SentimentLayer, "sentiment", "Sentiment of a text."),
		computed(EntitiesLayer, "entities", "Named entities of a text."),
		computed(TopicsLayer, "topics", "Topics of a text."),
	}
}

// Dep is the dependency of what shows the one analysis.
func Dep(id int64) string { return dep(strconv.FormatInt(id, 10)) }

func dep(id string) string { return "analysis:" + id }

// Changed is what a change of these rows invalidates; nil stands for more rows than could be named.
func Changed(ids []string) []string {
	deps := []string{AllAnalyses}
	if ids == nil {
		return append(deps, Table)
	}
	for _, id := range ids {
		deps = append(deps, dep(id))
	}
	return deps
}

// Facts says what a recorded change of this domain's table invalidates.
func Facts() outbox.Rules {
	return outbox.Rules{Table: func(f outbox.Fact) []string { return Changed(f.Keys) }}
}

type pageQuery struct{ Page, Limit int }

type resultPage struct {
	Rows  []Row `json:"rows"`
	Total int64 `json:"total"`
}

type cached struct {
	result     *cache.Func[int64, Detail]
	results    *cache.Func[pageQuery, resultPage]
	statistics *cache.Func[struct{}, Statistics]
}

// newCached declares how the store's reads are cached. texts is the dependency under which every change of a text that is
// analysed is announced.
func newCached(c *cache.Cache, s *Store, texts string) *cached {
	everything := []string{AllAnalyses, Table, texts}
	return &cached{
		result: cache.Wrap(c, cache.Spec[int64]{
			Layer:    AnalyticsLayer,
			Key:      func(id int64) cache.Key { return cache.Key{ID: "analysis-" + strconv.FormatInt(id, 10)} },
			Deps:     func(id int64) []string { return []string{Dep(id), Table, texts} },
			TTL:      time.Hour,
			NotFound: ErrNotFound,
		}, s.Get),

		results: cache.Wrap(c, cache.Spec[pageQuery]{
			Layer: AnalyticsLayer,
			Key: func(q pageQuery) cache.Key {
				return cache.Key{ID: "analysis-results", Params: url.Values{"page": {strconv.Itoa(q.Page)}, "limit": {strconv.Itoa(q.Limit)}}}
			},
			Deps: func(pageQuery) []string { return everything },
			TTL:  time.Hour,
		}, func(ctx context.Context, q pageQuery) (resultPage, error) {
			rows, total, err := s.Page(ctx, (q.Page-1)*q.Limit, q.Limit)
			return resultPage{rows, total}, err
		}),

		statistics: cache.Wrap(c, cache.Spec[struct{}]{
			Layer: AnalyticsLayer,
			Key:   func(struct{}) cache.Key { return cache.Key{ID: "analysis-stats"} },
			Deps:  func(struct{}) []string { return everything },
			TTL:   statisticsTTL,
		}, func(ctx context.Context, _ struct{}) (Statistics, error) { return s.Statistics(ctx) }),
	}
}

const statisticsTTL = 10 * time.Minute
