package articles

import (
	"context"
	"strings"

	"openlearn/internal/httpapi"
)

type searchInput struct {
	FilterInput
	Q      string `query:"q" required:"true" maxLength:"500" doc:"Words, \"phrases\", OR, -without (words, not phrases); accents may be left out" example:"reforma tributaria"`
	Order  string `query:"order" enum:"relevance,newest,oldest" default:"relevance"`
	Limit  int    `query:"limit" default:"10" minimum:"1" doc:"More than 100 counts as 100"`
	Offset int    `query:"offset" default:"0" minimum:"0" maximum:"10000"`
}

type searchOutput struct {
	Body struct {
		Query   string      `json:"query"`
		Items   []SearchHit `json:"items" nullable:"false"`
		Total   int64       `json:"total" doc:"Matching articles"`
		Offset  int         `json:"offset"`
		Limit   int         `json:"limit"`
		HasMore bool        `json:"has_more"`
		Count   int         `json:"count" doc:"Articles on this page"`
	}
}

func (in *searchInput) query() (searchQuery, error) {
	query, err := tsquery(in.Q)
	if err != nil {
		return searchQuery{}, httpapi.Value(err.Error(), in.Q, "query", "q")
	}
	return searchQuery{in.filter(), query, Order(in.Order), in.Offset, in.Limit}, nil
}

func (h *handlers) search(ctx context.Context, in *searchInput) (*searchOutput, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	page, err := h.s.cached.search.Get(ctx, q)
	if err != nil {
		return nil, answer(err)
	}
	out := &searchOutput{}
	out.Body.Query = strings.TrimSpace(in.Q)
	out.Body.Items = make([]SearchHit, 0, len(page.Hits))
	for i := range page.Hits {
		hit := &page.Hits[i]
		out.Body.Items = append(out.Body.Items, SearchHit{h.summary(&hit.Article), hit.Rank, Highlight{markup(hit.TitleMark), markup(hit.Headline)}})
	}
	out.Body.Total, out.Body.Offset, out.Body.Limit, out.Body.Count = page.Total, in.Offset, in.Limit, len(page.Hits)
	out.Body.HasMore = int64(in.Offset+in.Limit) < page.Total
	return out, nil
}
