package analysis

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/httpapi"
)

// Register mounts the analysis routes.
func Register(api *httpapi.API, s *Service) {
	h := &handlers{s}
	get := func(path, id, summary string) huma.Operation {
		return huma.Operation{
			Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: []string{"analysis"},
			Metadata: map[string]any{httpapi.Caps: map[string]int64{"limit": 100}}, Errors: []int{http.StatusNotFound},
		}
	}
	post := func(path, id, summary string, body int64) huma.Operation {
		return huma.Operation{Method: http.MethodPost, Path: path, OperationID: id, Summary: summary, Tags: []string{"analysis"}, DefaultStatus: http.StatusOK, MaxBodyBytes: body}
	}
	huma.Register(api, post("/api/analysis/analyze", "analyze", "Analyse a Spanish text", 1<<20), h.analyze)
	huma.Register(api, post("/api/analysis/batch", "analyze-texts", "Analyse up to 1,000 texts", batchBytes), h.batch)
	huma.Register(api, post("/api/analysis/batch-analyze", "analyze-articles", "Have articles analysed anew, by a job", 1<<20), h.batchAnalyze)
	huma.Register(api, get("/api/analysis/jobs/{id}", "analysis-job", "How far a job with articles is"), h.job)
	huma.Register(api, get("/api/analysis/results", "analysis-results", "List stored analyses, newest first"), h.results)
	huma.Register(api, get("/api/analysis/results/{analysis_id}", "analysis-result", "Read one stored analysis"), h.result)
	huma.Register(api, get("/api/analysis/statistics", "analysis-statistics", "Figures over all stored analyses"), h.statistics)
	huma.Register(api, get("/api/analysis/entities", "analysis-entities", "Find entities that articles name"), h.entities)
	huma.Register(api, get("/api/analysis/trends", "analysis-trends", "How often an entity or a topic is in the news, by day"), h.trends)
	huma.Register(api, get("/api/articles/{id}/analysis", "article-analysis", "Analyse an article, as it is now"), h.article)
	huma.Register(api, get("/api/articles/{id}/related", "related-articles", "Articles that share names, terms and topics with one"), h.related)
	huma.Register(api, get("/api/vocabulary", "vocabulary", "Words of a level, as articles use them"), h.vocabulary)
}

// Cached lists the cached routes of analyses. Related articles are not among them: their dependencies are known only once
// the article's names are.
func Cached(api *httpapi.API, s *Service) []service.Route {
	article := httpapi.Cached(api, "/api/articles/{id}/analysis", time.Hour, func(in *articleInput) ([]string, error) {
		return s.cached.article.Deps(in.ID), nil
	})
	article.MaxVariants = 250_000 // as many as a large archive has articles: clients cannot invent further ones
	return []service.Route{
		httpapi.Cached(api, "/api/analysis/results", time.Hour, func(in *resultsInput) ([]string, error) {
			return s.cached.results.Deps(in.query()), nil
		}),
		httpapi.Cached(api, "/api/analysis/results/{analysis_id}", time.Hour, func(in *resultInput) ([]string, error) {
			return s.cached.result.Deps(in.ID), nil
		}),
		httpapi.Cached(api, "/api/analysis/statistics", statisticsTTL, func(*struct{}) ([]string, error) {
			return s.cached.statistics.Deps(struct{}{}), nil
		}),
		httpapi.Cached(api, "/api/analysis/entities", 30*time.Minute, func(in *entitiesInput) ([]string, error) {
			return s.cached.names.Deps(in.query()), nil
		}),
		httpapi.Cached(api, "/api/analysis/trends", 15*time.Minute, func(in *trendsInput) ([]string, error) {
			q, err := in.query(time.Now())
			return s.cached.trend.Deps(q), err
		}),
		httpapi.Cached(api, "/api/vocabulary", 30*time.Minute, func(in *vocabularyInput) ([]string, error) {
			return s.cached.vocabulary.Deps(in.query()), nil
		}),
		article,
	}
}

type handlers struct{ s *Service }

type resultInput struct {
	ID int64 `path:"analysis_id"`
}

type resultOutput struct{ Body Result }

func (h *handlers) result(ctx context.Context, in *resultInput) (*resultOutput, error) {
	a, err := h.s.cached.result.Get(ctx, in.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, httpapi.NotFound("Analysis result not found")
	}
	if err != nil {
		return nil, err
	}
	return &resultOutput{a.result()}, nil
}

// result is a stored analysis as the API shows it.
func (a *Analysis) result() Result {
	r := Result{
		ID: &a.ID, ContentID: &a.ContentID, Entities: decodeList[Entity](a.Entities), Topics: decodeList[Topic](a.Topics),
		KeyPhrases: decodeList[string](a.KeyPhrases), Summary: a.Summary, Model: a.ModelVersion, CreatedAt: a.ProcessedAt,
	}
	if a.Preview != nil {
		r.TextPreview = preview(*a.Preview)
	}
	if a.Language != nil {
		r.Language = &Language{Code: *a.Language, Confidence: 1}
	}
	if a.SentimentScore != nil {
		r.Sentiment = &Sentiment{Polarity: *a.SentimentScore, Subjectivity: a.Subjectivity, Confidence: a.SentimentConfidence}
		if a.SentimentLabel != nil {
			r.Sentiment.Classification = *a.SentimentLabel
		}
	}
	r.Difficulty = decodeObject[Difficulty](a.Difficulty)
	return r
}

type resultsInput struct {
	Page    int                `query:"page" default:"1" minimum:"1" maximum:"1000000"`
	Limit   int                `query:"limit" default:"50" minimum:"1" doc:"More than 100 counts as 100"`
	Content httpapi.Opt[int64] `query:"content_id" minimum:"1" doc:"Only that of this article"`
}

func (in *resultsInput) query() pageQuery { return pageQuery{in.Content.Value, in.Page, in.Limit} }

// ResultItem is an analysis in listings.
type ResultItem struct {
	ID             int64      `json:"id"`
	ContentID      int64      `json:"content_id"`
	Preview        string     `json:"preview"`
	SentimentScore *float64   `json:"sentiment_score"`
	TopicsCount    int        `json:"topics_count"`
	EntitiesCount  int        `json:"entities_count"`
	CreatedAt      *time.Time `json:"created_at"`
}

type resultsOutput struct {
	Body struct {
		Items []ResultItem `json:"items" nullable:"false"`
		Total int64        `json:"total"`
		Page  int          `json:"page"`
		Pages int64        `json:"pages"`
		Limit int          `json:"limit"`
	}
}

func (h *handlers) results(ctx context.Context, in *resultsInput) (*resultsOutput, error) {
	page, err := h.s.cached.results.Get(ctx, in.query())
	if err != nil {
		return nil, err
	}
	out := &resultsOutput{}
	out.Body.Items = make([]ResultItem, 0, len(page.Rows))
	for _, r := range page.Rows {
		item := ResultItem{r.ID, r.ContentID, "", r.SentimentScore, r.Topics, r.Entities, r.ProcessedAt}
		if r.Preview != nil {
			item.Preview = preview(*r.Preview)
		}
		out.Body.Items = append(out.Body.Items, item)
	}
	out.Body.Total, out.Body.Page, out.Body.Limit = page.Total, in.Page, in.Limit
	out.Body.Pages = (page.Total + int64(in.Limit) - 1) / int64(in.Limit)
	return out, nil
}

type statisticsOutput struct {
	Body struct {
		TotalAnalyses      int64            `json:"total_analyses"`
		AverageSentiment   *float64         `json:"average_sentiment" doc:"null while nothing is analysed"`
		EntityDistribution map[string]int64 `json:"entity_distribution" doc:"Entities by type"`
		EntityTypesCount   int              `json:"entity_types_count"`
		Topics             map[string]int64 `json:"topic_distribution"`
		Sentiments         map[string]int64 `json:"sentiment_distribution"`
		Levels             map[string]int64 `json:"level_distribution" doc:"Articles by CEFR level"`
		LastAnalysis       *time.Time       `json:"last_analysis"`
		CacheEnabled       bool             `json:"cache_enabled"`
		CacheTTLSeconds    int              `json:"cache_ttl_seconds"`
	}
}

func (h *handlers) statistics(ctx context.Context, _ *struct{}) (*statisticsOutput, error) {
	st, err := h.s.cached.statistics.Get(ctx, struct{}{})
	if err != nil {
		return nil, err
	}
	out := &statisticsOutput{}
	b := &out.Body
	b.TotalAnalyses, b.AverageSentiment, b.EntityDistribution, b.EntityTypesCount, b.LastAnalysis = st.Total, st.AverageSentiment, st.EntityTypes, len(st.EntityTypes), st.Last
	b.Topics, b.Sentiments, b.Levels = st.Topics, st.Sentiments, st.Levels
	b.CacheEnabled, b.CacheTTLSeconds = true, int(statisticsTTL/time.Second)
	return out, nil
}
