package articles

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
//	articles are written    article:{id}      the entry of each
//	                        source:{name}     listings, searches and feeds of each one's newspaper
//	                        articles          those of all newspapers, and the figures
//	too many to be named    scraped_content   everything above, since every entry on the table depends on it

const (
	// AllArticles is the dependency of every entry that a change of any article may alter.
	AllArticles = "articles"
	// Table is the name of the table, and the dependency of every entry that is read from it.
	Table = "scraped_content"
	// revisionsTable is keyed by article: its entries depend on the articles' table too.
	revisionsTable = "article_revisions"
)

// The layers that this domain reads through.
const (
	ArticleLayer   = "article"
	ContentLayer   = "content"
	MetadataLayer  = "metadata"
	AnalyticsLayer = "analytics"
)

// Layers is this domain's part of the cache's table. All of it comes from our own database, so hits are audited.
func Layers() []cache.Layer {
	own := func(name string, ttl time.Duration, description string) cache.Layer {
		l := cache.Graced(cache.Layer{Name: name, Namespace: name, Tier: cache.L1, TTL: ttl, Description: description})
		l.Audit = true
		return l
	}
	return []cache.Layer{
		own(ArticleLayer, time.Hour, "Articles, whole, by id."),
		own(AnalyticsLayer, 30*time.Minute, "Counts and statistics over the articles."),
		own(MetadataLayer, 30*time.Minute, "Lists of sources, categories and the like."),
		own(ContentLayer, 15*time.Minute, "Pages of articles, listings and searches."),
	}
}

// sourceLabel is the kind of label with which changes of articles are recorded: the column with the newspaper's name.
const sourceLabel = "source"

// ArticleDep is the dependency of entries that show this article.
func ArticleDep(id int64) string { return articleDep(strconv.FormatInt(id, 10)) }

func articleDep(id string) string { return "article:" + id }

// SourceDep is the dependency of entries that show only articles of this newspaper.
func SourceDep(name string) string { return "source:" + name }

// Changed is what a change of these articles invalidates. nil ids stand for more articles than could be named, of any
// source.
func Changed(ids, sources []string) []string {
	deps := []string{AllArticles}
	if ids == nil {
		return append(deps, Table)
	}
	for _, id := range ids {
		deps = append(deps, articleDep(id))
	}
	for _, name := range sources {
		deps = append(deps, SourceDep(name))
	}
	return deps
}

// Facts says what a recorded change of this domain's table invalidates.
func Facts() outbox.Rules {
	return outbox.Rules{
		Table:          func(f outbox.Fact) []string { return Changed(f.Keys, f.Labels[sourceLabel]) },
		revisionsTable: func(f outbox.Fact) []string { return Changed(f.Keys, nil) },
	}
}

// deps returns what a listing with this filter depends on.
func (f Filter) deps() []string {
	if len(f.Sources) == 0 {
		return []string{AllArticles, Table}
	}
	deps := make([]string, 0, len(f.Sources)+1)
	for _, name := range f.Sources {
		deps = append(deps, SourceDep(name))
	}
	return append(deps, Table)
}

// cachedReads are the cached reads of the store that handlers use: each function has its layer, key, lifetime and
// dependencies.
type cachedReads struct {
	article *cache.Func[int64, Article]
	list    *cache.Func[listQuery, Page]
	simple  *cache.Func[offsetQuery, OffsetPage]
	search  *cache.Func[searchQuery, SearchPage]

	revisions *cache.Func[int64, []Revision]
	facets    *cache.Func[facetsQuery, Facets]
}

type listQuery struct {
	Filter
	Order Order
	After *Position
	Limit int
	Cut   int
}

type offsetQuery struct {
	Offset   int64
	Limit    int
	Collapse bool
}

type searchQuery struct {
	Filter
	Query         searchText
	Order         Order
	Offset, Limit int
}

// Page is a keyset page: up to Limit articles, and whether more follow.
type Page struct {
	Articles []Article `json:"articles"`
	More     bool      `json:"more"`
}

// OffsetPage is a page by offset and the number of all articles.
type OffsetPage struct {
	Articles []Article `json:"articles"`
	Total    int64     `json:"total"`
}

// SearchPage is a page of hits and the number of matches.
type SearchPage struct {
	Hits  []Hit `json:"hits"`
	Total int64 `json:"total"`
}

// newCached declares how the store's reads are cached.
func newCached(c *cache.Cache, s *Store) *cachedReads {
	return &cachedReads{
		article: cache.Wrap(c, cache.Spec[int64]{
			Layer:    ArticleLayer,
			Key:      func(id int64) cache.Key { return cache.Key{ID: strconv.FormatInt(id, 10)} },
			Deps:     func(id int64) []string { return []string{ArticleDep(id), Table} },
			NotFound: ErrNotFound,
		}, s.Get).Batch(s.eachByID),

		list: cache.Wrap(c, cache.Spec[listQuery]{
			Layer: ContentLayer,
			Key:   func(q listQuery) cache.Key { return cache.Key{ID: "articles-list", Params: q.params()} },
			Deps:  func(q listQuery) []string { return q.Filter.deps() },
		}, func(ctx context.Context, q listQuery) (Page, error) {
			rows, err := s.List(ctx, q.Filter, q.Order, q.After, q.Limit+1, q.Cut)
			if err != nil {
				return Page{}, err
			}
			return Page{Articles: rows[:min(len(rows), q.Limit)], More: len(rows) > q.Limit}, nil
		}),

		simple: cache.Wrap(c, cache.Spec[offsetQuery]{
			Layer: ContentLayer,
			Key:   func(q offsetQuery) cache.Key { return cache.Key{ID: "articles-simple", Params: q.params()} },
			Deps:  func(offsetQuery) []string { return Filter{}.deps() },
		}, func(ctx context.Context, q offsetQuery) (OffsetPage, error) {
			rows, total, err := s.Offset(ctx, Filter{Collapse: q.Collapse}, q.Offset, q.Limit, simpleCut)
			return OffsetPage{rows, total}, err
		}),

		search: cache.Wrap(c, cache.Spec[searchQuery]{
			Layer: ContentLayer,
			Key:   func(q searchQuery) cache.Key { return cache.Key{ID: "articles-search", Params: q.params()} },
			Deps:  func(q searchQuery) []string { return q.Filter.deps() },
		}, func(ctx context.Context, q searchQuery) (SearchPage, error) {
			hits, total, err := s.Search(ctx, q.Query, q.Filter, q.Order, q.Offset, q.Limit)
			return SearchPage{hits, total}, err
		}),

		// Revisions change with their article, in its transaction.
		revisions: cache.Wrap(c, cache.Spec[int64]{
			Layer: ContentLayer,
			Key: func(id int64) cache.Key {
				return cache.Key{ID: "article-revisions", Params: url.Values{"id": {strconv.FormatInt(id, 10)}}}
			},
			Deps:     func(id int64) []string { return []string{ArticleDep(id), Table} },
			NotFound: ErrNotFound,
		}, s.Revisions),

		facets: cache.Wrap(c, cache.Spec[facetsQuery]{
			Layer: MetadataLayer,
			Key:   func(q facetsQuery) cache.Key { return cache.Key{ID: "article-facets", Params: q.params()} },
			Deps:  func(q facetsQuery) []string { return q.Filter.deps() },
		}, func(ctx context.Context, q facetsQuery) (Facets, error) {
			return s.Facets(ctx, q.Query, q.Filter, q.Limit)
		}),
	}
}

func (q listQuery) params() url.Values {
	v := q.Filter.params()
	v.Set("order", string(q.Order))
	v.Set("limit", strconv.Itoa(q.Limit))
	v.Set("cut", strconv.Itoa(q.Cut))
	if q.After != nil {
		v.Set("after_id", strconv.FormatInt(q.After.ID, 10))
		if q.After.Value != nil {
			v.Set("after_value", *q.After.Value)
		}
	}
	return v
}

func (q offsetQuery) params() url.Values {
	v := Filter{Collapse: q.Collapse}.params()
	v.Set("limit", strconv.Itoa(q.Limit))
	v.Set("offset", strconv.FormatInt(q.Offset, 10))
	return v
}

func (q searchQuery) params() url.Values {
	v := q.Filter.params()
	v.Set("q", q.Query.All)
	v.Set("exact", q.Query.Exact)
	v.Set("order", string(q.Order))
	v.Set("limit", strconv.Itoa(q.Limit))
	v.Set("offset", strconv.Itoa(q.Offset))
	return v
}
