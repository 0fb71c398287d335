package articles

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/httpapi"
	"openlearn/internal/outbox"
)

// Register mounts the archive's routes: the article API, and the original's content routes.
func Register(api *httpapi.API, s *Service) {
	h := &handlers{api: api, s: s}
	capped := map[string]any{httpapi.Caps: map[string]int64{"limit": maxLimit}}

	get := func(path, id, summary string, tags ...string) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: tags, Metadata: capped, Errors: []int{http.StatusNotFound}}
	}
	huma.Register(api, get("/api/articles", "list-articles", "List articles, a page at a time", "articles"), h.list)
	huma.Register(api, get("/api/articles/search", "search-articles", "Search articles", "articles"), h.search)
	huma.Register(api, asMedia(get("/api/articles/feed.atom", "articles-feed", "The newest articles as an Atom feed", "articles"), atomType, "An Atom feed (RFC 4287)"), h.atom)
	huma.Register(api, asMedia(get("/api/articles/feed.json", "articles-json-feed", "The newest articles as a JSON Feed", "articles"), jsonFeedType, "A JSON Feed (version 1.1)"), h.jsonFeed)
	huma.Register(api, get("/api/articles/facets", "article-facets", "Newspapers, categories, authors, tags and levels of articles, with counts", "articles"), h.facets)
	huma.Register(api, get("/api/articles/{id}", "get-article", "Read one article", "articles"), h.get)

	huma.Register(api, get("/api/articles/{id}/revisions", "article-revisions", "What an article said, newest revision first", "articles"), h.revisions)

	write := func(method, path, id, summary string, status int) huma.Operation {
		return api.AdminOnly(huma.Operation{
			Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"articles"}, DefaultStatus: status, MaxBodyBytes: 4 << 20,
			Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
		})
	}
	huma.Register(api, write(http.MethodPost, "/api/articles", "create-article", "Store a new article", http.StatusCreated), h.create)
	huma.Register(api, write(http.MethodPut, "/api/articles/{id}", "replace-article", "Replace an article", http.StatusOK), h.replace)
	huma.Register(api, write(http.MethodPatch, "/api/articles/{id}", "edit-article", "Edit parts of an article (JSON Merge Patch)", http.StatusOK), h.edit)
	huma.Register(api, write(http.MethodDelete, "/api/articles/{id}", "delete-article", "Delete an article", http.StatusNoContent), h.remove)

	huma.Register(api, get("/api/scraping/content", "content", "List scraped articles by cursor", "scraping"), h.content)
	huma.Register(api, get("/api/scraping/content/simple", "content-simple", "List scraped articles by offset", "scraping"), h.simple)
	huma.Register(api, get("/api/scraping/content/{id}", "content-by-id", "Read one scraped article, whole", "scraping"), h.contentByID)
}

const maxLimit = 100

// Cached lists the archive's cached routes. Their dependencies come from the cached functions that their handlers call.
func Cached(api *httpapi.API, s *Service) []service.Route {
	return []service.Route{
		listing(httpapi.Cached(api, "/api/articles", 15*time.Minute, deps(s.cached.list, (*listInput).query))),
		listing(httpapi.Cached(api, "/api/articles/search", 15*time.Minute, deps(s.cached.search, (*searchInput).query))),
		listing(httpapi.Cached(api, "/api/articles/feed.atom", 15*time.Minute, deps(s.cached.list, (*feedInput).query))),
		listing(httpapi.Cached(api, "/api/articles/feed.json", 15*time.Minute, deps(s.cached.list, (*feedInput).query))),
		listing(httpapi.Cached(api, "/api/articles/facets", 30*time.Minute, deps(s.cached.facets, (*facetsInput).query))),
		perArticle(httpapi.Cached(api, "/api/articles/{id}", time.Hour, deps(s.cached.article, (*IDInput).query))),
		perArticle(httpapi.Cached(api, "/api/articles/{id}/revisions", time.Hour, deps(s.cached.revisions, (*IDInput).query))),
		listing(httpapi.Cached(api, "/api/scraping/content", 30*time.Minute, deps(s.cached.list, (*contentInput).query))),
		listing(httpapi.Cached(api, "/api/scraping/content/simple", 30*time.Minute, deps(s.cached.simple, (*simpleInput).query))),
		perArticle(httpapi.Cached(api, "/api/scraping/content/{id}", 30*time.Minute, deps(s.cached.article, (*IDInput).query))),
	}
}

// listing marks a route whose answers also change with articles that they do not show, or no longer show.
func listing(r service.Route) service.Route {
	r.Listing = true
	return r
}

// perArticle allows a route as many answers as a large archive has articles: clients cannot invent further ones.
func perArticle(r service.Route) service.Route {
	r.MaxVariants = 250_000
	return r
}

// deps returns the dependencies of the cached function that a handler calls with query's result for its input.
func deps[I, A, T any](f *cache.Func[A, T], query func(*I) (A, error)) func(*I) ([]string, error) {
	return func(in *I) ([]string, error) {
		a, err := query(in)
		if err != nil {
			return nil, err
		}
		return f.Deps(a), nil
	}
}

type handlers struct {
	api *httpapi.API
	s   *Service
}

// link is the absolute address of an article in this API.
func (h *handlers) link(id int64) string {
	return h.api.PublicURL + "/api/articles/" + strconv.FormatInt(id, 10)
}

// IDInput is the article that a path names.
type IDInput struct {
	ID int64 `path:"id" doc:"The article's number" example:"42"`
}

func (in *IDInput) query() (int64, error) { return in.ID, nil }

type articleOutput struct {
	Location     string `header:"Location"`
	ETag         string `header:"ETag"`
	LastModified string `header:"Last-Modified"`
	Invalidation string `header:"X-Invalidation"`
	Body         Article
}

func (h *handlers) get(ctx context.Context, in *IDInput) (*articleOutput, error) {
	a, err := h.s.Get(ctx, in.ID)
	if err != nil {
		return nil, answer(err)
	}
	return &articleOutput{LastModified: lastModified(a.modified()), Body: a}, nil
}

type revisionsOutput struct {
	Body struct {
		Items []Revision `json:"items" nullable:"false"`
		Count int        `json:"count"`
	}
}

func (h *handlers) revisions(ctx context.Context, in *IDInput) (*revisionsOutput, error) {
	list, err := h.s.cached.revisions.Get(ctx, in.ID)
	out := &revisionsOutput{}
	out.Body.Items, out.Body.Count = list, len(list)
	return out, answer(err)
}

type contentItemOutput struct {
	LastModified string `header:"Last-Modified"`
	Body         ContentItem
}

func (h *handlers) contentByID(ctx context.Context, in *IDInput) (*contentItemOutput, error) {
	a, err := h.s.Get(ctx, in.ID)
	if err != nil {
		return nil, answer(err)
	}
	return &contentItemOutput{lastModified(a.modified()), contentItem(&a, 0)}, nil
}

// modified is when the shown content of the article last changed: when it was edited or analysed, else stored.
func (a *Article) modified() time.Time {
	at := deref(a.ScrapedAt)
	if a.UpdatedAt != nil {
		at = *a.UpdatedAt
	}
	if a.AnalysedAt != nil && a.AnalysedAt.After(at) {
		at = *a.AnalysedAt
	}
	return at
}

// lastModified is the field's value, "" for a time that is not known.
func lastModified(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(http.TimeFormat)
}

// newest is when the latest change among the articles was.
func newest(list []Article) (t time.Time) {
	for i := range list {
		if m := list[i].modified(); m.After(t) {
			t = m
		}
	}
	return t
}

// answer gives the archive's errors their HTTP form; unknown errors become a 500 without details.
func answer(err error) error {
	var invalid *InvalidError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return httpapi.NotFound("Article not found")
	case errors.Is(err, ErrDuplicate):
		return httpapi.NewError(http.StatusConflict, "An article with this source_url exists already")
	case errors.As(err, &invalid):
		return invalid.answer()
	case errors.Is(err, outbox.ErrUnconfirmed):
		return httpapi.StoredUnconfirmed("")
	}
	return err
}
