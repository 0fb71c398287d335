package articles

import (
	"context"

	"openlearn/internal/httpapi"
)

// position reads a cursor for order o, nil for the first page.
func position(cursor string, o Order) (*Position, error) {
	c, err := httpapi.ParseCursor(cursor, o.keyset().field)
	if err != nil {
		return nil, httpapi.InvalidCursor(cursor)
	}
	if c == nil {
		return nil, nil
	}
	value, err := o.canonical(c)
	if err != nil {
		return nil, httpapi.InvalidCursor(cursor)
	}
	return &Position{ID: c.ID, Value: value}, nil
}

// collapseDuplicates is the value of the parameter collapse.
const collapseDuplicates = "duplicates"

// FilterInput is the filter of the article API. (Exported because huma ignores unexported embedded structs.)
type FilterInput struct {
	Source        []string                  `query:"source,explode" maxItems:"20" maxLength:"100" doc:"Exact name of a newspaper; repeated, any of them" example:"[\"El Tiempo\"]"`
	Category      string                    `query:"category" maxLength:"50" doc:"Exact category"`
	Author        string                    `query:"author" maxLength:"200" doc:"Exact name of the author"`
	Tag           string                    `query:"tag" maxLength:"200" doc:"One of the article's tags"`
	Entity        string                    `query:"entity" maxLength:"500" doc:"A person, place or institution named in the article" example:"DANE"`
	From          httpapi.Opt[httpapi.Date] `query:"from" doc:"Dated at or after this moment (RFC 3339), or from this day on (2026-11-22, in Colombia). An article's date is when it was published, else when it was stored, and never later than that"`
	To            httpapi.Opt[httpapi.Date] `query:"to" doc:"Dated before this moment, or on or before this day (in Colombia)"`
	UpdatedSince  httpapi.Opt[httpapi.Date] `query:"updated_since" doc:"Stored, edited or analysed at or after this moment, or from this day on (in Colombia)"`
	MinDifficulty httpapi.Opt[float64]      `query:"min_difficulty" doc:"1 (easy) to 5 (hard)"`
	MaxDifficulty httpapi.Opt[float64]      `query:"max_difficulty" doc:"1 (easy) to 5 (hard)"`
	Level         string                    `query:"level" enum:"A1,A2,B1,B2,C1,C2" doc:"CEFR level of who can read it"`
	IsPaywall     httpapi.Opt[bool]         `query:"is_paywall" doc:"Only articles behind a paywall, or only free ones"`
	Collapse      string                    `query:"collapse" enum:"duplicates" doc:"duplicates: of articles that tell one story, show the first alone"`
}

func (in FilterInput) filter() Filter {
	f := Filter{
		Sources: in.Source, Category: in.Category, Author: in.Author, Tag: in.Tag, Entity: in.Entity,
		MinDifficulty: in.MinDifficulty.Ptr(), MaxDifficulty: in.MaxDifficulty.Ptr(), Level: in.Level, Paywall: in.IsPaywall.Ptr(),
		Collapse: in.Collapse == collapseDuplicates,
	}
	if in.From.Set {
		t := in.From.Value.Start()
		f.From = &t
	}
	if in.To.Set {
		t := in.To.Value.End()
		f.To = &t
	}
	if in.UpdatedSince.Set {
		t := in.UpdatedSince.Value.Start()
		f.UpdatedSince = &t
	}
	return f
}

type listInput struct {
	FilterInput
	Limit  int    `query:"limit" default:"50" minimum:"1" doc:"Articles per page; more than 100 counts as 100"`
	Cursor string `query:"cursor" maxLength:"500" doc:"next_cursor of the page before"`
	Order  string `query:"order" enum:"newest,oldest,easiest,hardest" default:"newest"`
}

type listOutput struct {
	LastModified string `header:"Last-Modified"`
	Body         struct {
		Items      []Summary `json:"items" nullable:"false"`
		NextCursor *string   `json:"next_cursor" doc:"null on the last page"`
		HasMore    bool      `json:"has_more"`
		Count      int       `json:"count" doc:"Articles on this page"`
	}
}

func (in *listInput) query() (listQuery, error) {
	order := Order(in.Order)
	after, err := position(in.Cursor, order)
	return listQuery{in.filter(), order, after, in.Limit, excerptCut}, err
}

func (h *handlers) list(ctx context.Context, in *listInput) (*listOutput, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	page, err := h.s.cached.list.Get(ctx, q)
	if err != nil {
		return nil, answer(err)
	}
	out := &listOutput{}
	out.LastModified = lastModified(newest(page.Articles))
	out.Body.Items = make([]Summary, 0, len(page.Articles))
	for i := range page.Articles {
		out.Body.Items = append(out.Body.Items, h.summary(&page.Articles[i]))
	}
	out.Body.NextCursor, out.Body.HasMore, out.Body.Count = page.next(q.Order), page.More, len(page.Articles)
	return out, nil
}

// next is the cursor of the page after p, nil on the last.
func (p Page) next(o Order) *string {
	if !p.More || len(p.Articles) == 0 {
		return nil
	}
	last := &p.Articles[len(p.Articles)-1]
	c := httpapi.Cursor{ID: last.ID, Value: o.value(last), Field: o.keyset().field}.String()
	return &c
}

type contentInput struct {
	Source        string               `query:"source" maxLength:"100" doc:"Exact name of the newspaper"`
	Category      string               `query:"category" maxLength:"50" doc:"Exact category"`
	Cursor        string               `query:"cursor" maxLength:"500" doc:"next_cursor of the page before"`
	Limit         int                  `query:"limit" default:"50" minimum:"1" doc:"More than 100 counts as 100"`
	MinDifficulty httpapi.Opt[float64] `query:"min_difficulty"`
	MaxDifficulty httpapi.Opt[float64] `query:"max_difficulty"`
	Collapse      string               `query:"collapse" enum:"duplicates" doc:"duplicates: of articles that tell one story, show the first alone"`
}

// one is a list of the one value, nil for none.
func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

type contentOutput struct {
	LastModified string `header:"Last-Modified"`
	Body         struct {
		Items      []ContentItem `json:"items" nullable:"false"`
		NextCursor *string       `json:"next_cursor"`
		HasMore    bool          `json:"has_more"`
		Count      int           `json:"count"`
	}
}

func (in *contentInput) query() (listQuery, error) {
	after, err := position(in.Cursor, Newest)
	f := Filter{Sources: one(in.Source), Category: in.Category, MinDifficulty: in.MinDifficulty.Ptr(), MaxDifficulty: in.MaxDifficulty.Ptr(), Collapse: in.Collapse == collapseDuplicates}
	return listQuery{f, Newest, after, in.Limit, contentCut}, err
}

func (h *handlers) content(ctx context.Context, in *contentInput) (*contentOutput, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	page, err := h.s.cached.list.Get(ctx, q)
	if err != nil {
		return nil, answer(err)
	}
	out := &contentOutput{}
	out.LastModified = lastModified(newest(page.Articles))
	out.Body.Items = make([]ContentItem, 0, len(page.Articles))
	for i := range page.Articles {
		out.Body.Items = append(out.Body.Items, contentItem(&page.Articles[i], contentCut))
	}
	out.Body.NextCursor, out.Body.HasMore, out.Body.Count = page.next(Newest), page.More, len(page.Articles)
	return out, nil
}

type simpleInput struct {
	Limit    int    `query:"limit" default:"10" minimum:"0" doc:"More than 100 counts as 100"`
	Offset   int64  `query:"offset" default:"0" minimum:"0" maximum:"1000000000"`
	Collapse string `query:"collapse" enum:"duplicates" doc:"duplicates: of articles that tell one story, show the first alone"`
}

type simpleOutput struct {
	Body struct {
		Items   []SimpleItem `json:"items" nullable:"false"`
		Total   int64        `json:"total" doc:"Articles in the database"`
		Offset  int64        `json:"offset"`
		Limit   int          `json:"limit"`
		HasMore bool         `json:"has_more"`
		Count   int          `json:"count" doc:"Articles on this page"`
	}
}

func (in *simpleInput) query() (offsetQuery, error) {
	return offsetQuery{in.Offset, in.Limit, in.Collapse == collapseDuplicates}, nil
}

func (h *handlers) simple(ctx context.Context, in *simpleInput) (*simpleOutput, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	page, err := h.s.cached.simple.Get(ctx, q)
	if err != nil {
		return nil, answer(err)
	}
	out := &simpleOutput{}
	out.Body.Items = make([]SimpleItem, 0, len(page.Articles))
	for i := range page.Articles {
		out.Body.Items = append(out.Body.Items, simpleItem(&page.Articles[i]))
	}
	out.Body.Total, out.Body.Offset, out.Body.Limit, out.Body.Count = page.Total, in.Offset, in.Limit, len(page.Articles)
	out.Body.HasMore = in.Offset+int64(in.Limit) < page.Total
	return out, nil
}
