package analysis

import (
	"context"
	"time"

	"openlearn/internal/httpapi"
)

type relatedInput struct {
	ID    int64 `path:"id" doc:"The article's number" example:"42"`
	Limit int   `query:"limit" default:"10" minimum:"1" doc:"More than 100 counts as 100"`
}

// RelatedArticle is an article and what it shares with the requested one.
type RelatedArticle struct {
	Card
	Score  float64  `json:"score" doc:"Higher is nearer; comparable within one answer"`
	Shared []string `json:"shared" nullable:"false" doc:"Names and terms that both have, the rarest first"`
	Topics []string `json:"topics" nullable:"false" doc:"Topics that both have"`
}

type relatedOutput struct {
	Body struct {
		ContentID int64            `json:"content_id"`
		Items     []RelatedArticle `json:"items" nullable:"false"`
		Count     int              `json:"count"`
	}
}

func (h *handlers) related(ctx context.Context, in *relatedInput) (*relatedOutput, error) {
	marks, err := h.s.cached.profile.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &relatedOutput{}
	out.Body.ContentID, out.Body.Items = in.ID, []RelatedArticle{}
	if len(marks) == 0 { // not analysed yet, or not existing
		cards, err := h.s.archive.Cards(ctx, []int64{in.ID})
		if err == nil && len(cards) == 0 {
			return nil, httpapi.NotFound("Article not found")
		}
		return out, err
	}
	found, err := h.s.cached.related.Get(ctx, relatedQuery{in.ID, marks, in.Limit})
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	cards, err := h.s.archive.Cards(ctx, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[int64]Card, len(cards))
	for _, c := range cards {
		byID[c.ID] = c
	}
	for _, r := range found {
		if c, ok := byID[r.ID]; ok {
			out.Body.Items = append(out.Body.Items, RelatedArticle{c, r.Score, r.Shared, r.Topics})
		}
	}
	out.Body.Count = len(out.Body.Items)
	return out, nil
}

type trendsInput struct {
	Entity string                    `query:"entity" maxLength:"200" doc:"Name of an entity, with or without accents" example:"Gustavo Petro"`
	Type   string                    `query:"type" enum:"PER,LOC,ORG,MISC" doc:"Only as this type of entity"`
	Topic  string                    `query:"topic" maxLength:"50" doc:"A topic, in place of an entity" example:"economy"`
	From   httpapi.Opt[httpapi.Date] `query:"from" doc:"First day (by default 89 days before the last)"`
	To     httpapi.Opt[httpapi.Date] `query:"to" doc:"Last day (by default today)"`
}

func (in *trendsInput) query(now time.Time) (trendQuery, error) {
	q := trendQuery{Topic: in.Topic != "", Key: Fold(in.Entity), Type: in.Type}
	if (in.Entity == "") == (in.Topic == "") {
		return q, httpapi.Value("either entity or topic is needed", nil, "query", "entity")
	}
	if q.Topic {
		q.Key, q.Type = Fold(in.Topic), ""
	}
	if q.Key == "" {
		return q, httpapi.Value("the name must have a letter or a digit", in.Entity, "query", "entity")
	}
	var from, to *time.Time
	if in.From.Set {
		from = ref(in.From.Value.Start())
	}
	if in.To.Set {
		to = ref(in.To.Value.Start())
	}
	var ok bool
	if q.From, q.To, ok = between(from, to, now); !ok {
		return q, httpapi.Value("the first day must not be after the last", in.From.Value.String(), "query", "from")
	}
	return q, nil
}

type trendsOutput struct {
	Body struct {
		Entity *string    `json:"entity"`
		Topic  *string    `json:"topic"`
		From   string     `json:"from"`
		To     string     `json:"to"`
		Days   []TrendDay `json:"days" nullable:"false" doc:"Days with an article, in order"`
		Total  int64      `json:"total" doc:"Articles of all days"`
	}
}

func (h *handlers) trends(ctx context.Context, in *trendsInput) (*trendsOutput, error) {
	q, err := in.query(time.Now())
	if err != nil {
		return nil, err
	}
	days, err := h.s.cached.trend.Get(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &trendsOutput{}
	b := &out.Body
	if q.Topic {
		b.Topic = &in.Topic
	} else {
		b.Entity = &in.Entity
	}
	b.From, b.To, b.Days = q.From, q.To, days
	for _, d := range days {
		b.Total += d.Articles
	}
	return out, nil
}

type entitiesInput struct {
	Q     string `query:"q" maxLength:"200" doc:"How the name, or a word in it, begins; with or without accents" example:"petro"`
	Type  string `query:"type" enum:"PER,LOC,ORG,MISC"`
	Limit int    `query:"limit" default:"20" minimum:"1" doc:"More than 100 counts as 100"`
}

func (in *entitiesInput) query() namesQuery { return namesQuery{Fold(in.Q), in.Type, in.Limit} }

type entitiesOutput struct {
	Body struct {
		Items []NameCount `json:"items" nullable:"false"`
		Count int         `json:"count"`
	}
}

func (h *handlers) entities(ctx context.Context, in *entitiesInput) (*entitiesOutput, error) {
	found, err := h.s.cached.names.Get(ctx, in.query())
	out := &entitiesOutput{}
	out.Body.Items, out.Body.Count = found, len(found)
	return out, err
}

type vocabularyInput struct {
	Level     string `query:"level" enum:"A1,A2,B1,B2,C1,C2" doc:"CEFR level; by default all"`
	Colombian bool   `query:"colombian" doc:"Only words of Colombian Spanish"`
	Limit     int    `query:"limit" default:"50" minimum:"1" doc:"More than 100 counts as 100"`
	Offset    int    `query:"offset" default:"0" minimum:"0" maximum:"100000"`
}

func (in *vocabularyInput) query() vocabularyQuery {
	return vocabularyQuery{in.Level, in.Colombian, in.Offset, in.Limit}
}

type vocabularyOutput struct {
	Body struct {
		Items   []VocabularyWord `json:"items" nullable:"false"`
		Total   int64            `json:"total"`
		HasMore bool             `json:"has_more"`
		Count   int              `json:"count"`
	}
}

func (h *handlers) vocabulary(ctx context.Context, in *vocabularyInput) (*vocabularyOutput, error) {
	page, err := h.s.cached.vocabulary.Get(ctx, in.query())
	if err != nil {
		return nil, err
	}
	out := &vocabularyOutput{}
	b := &out.Body
	b.Items, b.Total, b.Count = page.Words, page.Total, len(page.Words)
	b.HasMore = int64(in.Offset+len(page.Words)) < page.Total
	return out, nil
}
