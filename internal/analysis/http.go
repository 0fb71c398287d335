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
	huma.Register(api, get("/api/analysis/results", "analysis-results", "List analyses, newest first"), h.results)
	huma.Register(api, get("/api/analysis/results/{analysis_id}", "analysis-result", "Read one analysis"), h.result)
	huma.Register(api, get("/api/analysis/statistics", "analysis-statistics", "Figures over all analyses"), h.statistics)
}

// Cached is the table of the analyses' cached routes.
func Cached(api *httpapi.API, s *Service) []service.Route {
	return []service.Route{
		httpapi.Cached(api, "/api/analysis/results", time.Hour, func(in *resultsInput) ([]string, error) {
			return s.cached.results.Deps(pageQuery{in.Page, in.Limit}), nil
		}),
		httpapi.Cached(api, "/api/analysis/results/{analysis_id}", time.Hour, func(in *resultInput) ([]string, error) {
			return s.cached.result.Deps(in.ID), nil
		}),
		httpapi.Cached(api, "/api/analysis/statistics", statisticsTTL, func(*struct{}) ([]string, error) {
			return s.cached.statistics.Deps(struct{}{}), nil
		}),
	}
}

type handlers struct{ s *Service }

type resultInput struct {
	ID int64 `path:"analysis_id"`
}

// Sentiment is how a text speaks of its subject.
type Sentiment struct {
	Polarity       float64  `json:"polarity" doc:"-1 (negative) to 1 (positive)"`
	Subjectivity   *float64 `json:"subjectivity" doc:"null where the analysis did not measure it"`
	Classification string   `json:"classification"`
	Confidence     *float64 `json:"confidence"`
}

// Result is an analysis as the API shows it.
type Result struct {
	ID          int64      `json:"id"`
	ContentID   int64      `json:"content_id" doc:"The article it is about"`
	TextPreview string     `json:"text_preview"`
	Sentiment   *Sentiment `json:"sentiment"`
	Entities    []Entity   `json:"entities" nullable:"false"`
	Topics      []Topic    `json:"topics" nullable:"false"`
	Difficulty  *struct{}  `json:"difficulty" doc:"null: difficulty belongs to the article (difficulty_score)"`
	Summary     *string    `json:"summary"`
	CreatedAt   *time.Time `json:"created_at"`
}

func (h *handlers) result(ctx context.Context, in *resultInput) (*struct{ Body Result }, error) {
	d, err := h.s.cached.result.Get(ctx, in.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, httpapi.NotFound("Analysis result not found")
	}
	if err != nil {
		return nil, err
	}
	r := Result{
		ID: d.ID, ContentID: d.ContentID, TextPreview: preview(d.Preview), Entities: decodeList[Entity](d.Entities),
		Topics: decodeList[Topic](d.Topics), Summary: d.Summary, CreatedAt: d.ProcessedAt,
	}
	if d.SentimentScore != nil {
		r.Sentiment = &Sentiment{Polarity: *d.SentimentScore}
		if d.SentimentLabel != nil {
			r.Sentiment.Classification = *d.SentimentLabel
		}
	}
	return &struct{ Body Result }{r}, nil
}

type resultsInput struct {
	Page  int `query:"page" default:"1" minimum:"1" maximum:"1000000"`
	Limit int `query:"limit" default:"50" minimum:"1" doc:"More than 100 counts as 100"`
}

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
	page, err := h.s.cached.results.Get(ctx, pageQuery{in.Page, in.Limit})
	if err != nil {
		return nil, err
	}
	out := &resultsOutput{}
	out.Body.Items = make([]ResultItem, 0, len(page.Rows))
	for _, r := range page.Rows {
		out.Body.Items = append(out.Body.Items, ResultItem{r.ID, r.ContentID, preview(r.Preview), r.SentimentScore, r.Topics, r.Entities, r.ProcessedAt})
	}
	out.Body.Total, out.Body.Page, out.Body.Limit = page.Total, in.Page, in.Limit
	out.Body.Pages = (page.Total + int64(in.Limit) - 1) / int64(in.Limit)
	return out, nil
}

type statisticsOutput struct {
	Body struct {
		TotalAnalyses      int64            `json:"total_analyses"`
		AverageSentiment   *float64         `json:"average_sentiment" doc:"null while nothing is analysed"`
		EntityDistribution map[string]int64 `json:"entity_distribution"`
		EntityTypesCount   int              `json:"entity_types_count"`
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
	b.CacheEnabled, b.CacheTTLSeconds = true, int(statisticsTTL/time.Second)
	return out, nil
}

// preview marks a text cut in the database as cut.
func preview(s string) string {
	if rs := []rune(s); len(rs) > previewRunes {
		return string(rs[:previewRunes]) + "..."
	}
	return s
}
