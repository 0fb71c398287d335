package analysis

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"openlearn/internal/analysis/nlp"
	"openlearn/internal/cache"
	"openlearn/internal/outbox"
)

// What goes stale when this changes?
//
//	a text                  nothing            results for a text are kept under the hash of text and models
//	analyses are written    analysis:{id}      the entry of each
//	                        analyses           every listing and figure, the vocabulary
//	too many to be named    content_analysis   everything above, since every entry on the table depends on it
//	names of an article     name:{name}        trends of each name or topic, articles related by it
//	                        names-of:{article} what the article is about
//	too many to be named    article_names      all of these
//	an article              what the archive says (Archive.TextDeps): its analysis

const (
	// AllAnalyses is the dependency of every entry that a change of any analysis may alter.
	AllAnalyses = "analyses"
	// Table is the name of the table, and the dependency of every entry that is read from it.
	Table = "content_analysis"
	// NamesTable is the name of the table that says what articles are about.
	NamesTable = "article_names"
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

// Dep is the dependency of entries that show this analysis.
func Dep(id int64) string { return dep(strconv.FormatInt(id, 10)) }

func dep(id string) string { return "analysis:" + id }

func nameDep(key string) string { return "name:" + key }

func namesOfDep(article string) string { return "names-of:" + article }

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

// namesChanged is what a change of these articles' names invalidates.
func namesChanged(articles, keys []string) []string {
	if articles == nil {
		return []string{NamesTable}
	}
	deps := make([]string, 0, len(articles)+len(keys))
	for _, id := range articles {
		deps = append(deps, namesOfDep(id))
	}
	for _, key := range keys {
		deps = append(deps, nameDep(key))
	}
	return deps
}

// Facts says what a recorded change of this domain's tables invalidates.
func Facts() outbox.Rules {
	return outbox.Rules{
		Table:      func(f outbox.Fact) []string { return Changed(f.Keys) },
		NamesTable: func(f outbox.Fact) []string { return namesChanged(f.Keys, f.Labels["key"]) },
	}
}

type pageQuery struct {
	Article     int64
	Page, Limit int
}

type resultPage struct {
	Rows  []Row `json:"rows"`
	Total int64 `json:"total"`
}

type cached struct {
	parts      parts
	article    *cache.Func[int64, Result]
	result     *cache.Func[int64, Analysis]
	results    *cache.Func[pageQuery, resultPage]
	statistics *cache.Func[struct{}, Statistics]
	profile    *cache.Func[int64, []Mark]
	related    *cache.Func[relatedQuery, []Relative]
	trend      *cache.Func[trendQuery, []TrendDay]
	names      *cache.Func[namesQuery, []NameCount]
	vocabulary *cache.Func[vocabularyQuery, VocabularyPage]
}

// parts are the results computed from a text, each in its own cache entry.
type parts struct {
	sentiment  *cache.Func[*subject, Sentiment]
	entities   *cache.Func[*subject, Named]
	topics     *cache.Func[*subject, []Topic]
	difficulty *cache.Func[*subject, Difficulty]
	gist       *cache.Func[*subject, Gist]
	words      *cache.Func[*subject, []Word]
	language   *cache.Func[*subject, Language]
}

// newCached declares how this domain's reads are cached.
func newCached(c *cache.Cache, s *Store, e *engine, a Archive) *cached {
	everything := []string{AllAnalyses, Table}
	out := &cached{parts: newParts(c)}
	out.article = cache.Wrap(c, cache.Spec[int64]{
		Layer: NLPLayer,
		Key: func(id int64) cache.Key {
			return cache.Key{ID: "article-" + strconv.FormatInt(id, 10), Params: url.Values{"model": {nlp.ModelVersion()}}}
		},
		Deps:     a.TextDeps,
		NotFound: ErrNotFound,
	}, e.articleFrom(a))

	out.result = cache.Wrap(c, cache.Spec[int64]{
		Layer:    AnalyticsLayer,
		Key:      func(id int64) cache.Key { return cache.Key{ID: "analysis-" + strconv.FormatInt(id, 10)} },
		Deps:     func(id int64) []string { return []string{Dep(id), Table} },
		TTL:      time.Hour,
		NotFound: ErrNotFound,
	}, s.Get)

	out.results = cache.Wrap(c, cache.Spec[pageQuery]{
		Layer: AnalyticsLayer,
		Key: func(q pageQuery) cache.Key {
			p := url.Values{"page": {strconv.Itoa(q.Page)}, "limit": {strconv.Itoa(q.Limit)}}
			if q.Article != 0 {
				p.Set("article", strconv.FormatInt(q.Article, 10))
			}
			return cache.Key{ID: "analysis-results", Params: p}
		},
		Deps: func(pageQuery) []string { return everything },
		TTL:  time.Hour,
	}, func(ctx context.Context, q pageQuery) (resultPage, error) {
		rows, total, err := s.Page(ctx, q.Article, (q.Page-1)*q.Limit, q.Limit)
		return resultPage{rows, total}, err
	})

	out.statistics = cache.Wrap(c, cache.Spec[struct{}]{
		Layer: AnalyticsLayer,
		Key:   func(struct{}) cache.Key { return cache.Key{ID: "analysis-stats"} },
		Deps:  func(struct{}) []string { return everything },
		TTL:   statisticsTTL,
	}, func(ctx context.Context, _ struct{}) (Statistics, error) { return s.Statistics(ctx) })
	out.readings(c, s)
	return out
}

const statisticsTTL = 10 * time.Minute

// readings declares the cached reads of names and words.
func (out *cached) readings(c *cache.Cache, s *Store) {
	out.profile = cache.Wrap(c, cache.Spec[int64]{
		Layer: AnalyticsLayer,
		Key:   func(id int64) cache.Key { return cache.Key{ID: "analysis-names-" + strconv.FormatInt(id, 10)} },
		Deps:  func(id int64) []string { return []string{namesOfDep(strconv.FormatInt(id, 10)), NamesTable} },
	}, s.Marks)

	// Articles are related by the names that both have, so a change to any of these names may add or remove one.
	out.related = cache.Wrap(c, cache.Spec[relatedQuery]{
		Layer: AnalyticsLayer,
		Key:   func(q relatedQuery) cache.Key { return cache.Key{ID: "analysis-related", Params: q.params()} },
		Deps:  relatedQuery.deps,
	}, s.Related)

	out.trend = cache.Wrap(c, cache.Spec[trendQuery]{
		Layer: AnalyticsLayer,
		Key:   func(q trendQuery) cache.Key { return cache.Key{ID: "analysis-trend", Params: q.params()} },
		Deps:  func(q trendQuery) []string { return []string{nameDep(q.Key), NamesTable} },
	}, s.Trend)

	out.names = cache.Wrap(c, cache.Spec[namesQuery]{
		Layer: AnalyticsLayer,
		Key:   func(q namesQuery) cache.Key { return cache.Key{ID: "analysis-entities", Params: q.params()} },
		Deps:  func(namesQuery) []string { return []string{AllAnalyses, Table, NamesTable} },
	}, s.Names)

	out.vocabulary = cache.Wrap(c, cache.Spec[vocabularyQuery]{
		Layer: AnalyticsLayer,
		Key:   func(q vocabularyQuery) cache.Key { return cache.Key{ID: "vocabulary", Params: q.params()} },
		Deps:  func(vocabularyQuery) []string { return []string{AllAnalyses, Table} },
	}, s.Vocabulary)
}

func newParts(c *cache.Cache) parts {
	return parts{
		sentiment:  wrapPart(c, SentimentLayer, "", PartSentiment, sentimentOf),
		entities:   wrapPart(c, EntitiesLayer, "", PartEntities, namedOf),
		topics:     wrapPart(c, TopicsLayer, "", PartTopics, topicsOf),
		difficulty: wrapPart(c, NLPLayer, "difficulty", PartDifficulty, difficultyOf),
		gist:       wrapPart(c, NLPLayer, "summary", PartSummary, gistOf),
		words:      wrapPart(c, NLPLayer, "vocabulary", PartVocabulary, wordsOf),
		language:   wrapPart(c, NLPLayer, "language", partLanguage, languageOf),
	}
}
