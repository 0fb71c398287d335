package articles

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"openlearn/internal/articles/limits"
	"openlearn/internal/httpapi"
)

// Facets are the values of filters with the number of selected articles that have each, the most common first.
type Facets struct {
	Total      int64        `json:"total" doc:"Selected articles"`
	Sources    []FacetCount `json:"sources" nullable:"false"`
	Categories []FacetCount `json:"categories" nullable:"false"`
	Authors    []FacetCount `json:"authors" nullable:"false"`
	Tags       []FacetCount `json:"tags" nullable:"false"`
	Levels     []FacetCount `json:"levels" nullable:"false" doc:"CEFR levels, the easiest first"`
}

// FacetCount is a value and the number of articles that have it.
type FacetCount struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// Facets reads up to limit values of each kind among the articles that the filter selects and, unless it is empty, the
// query matches. admission.ErrShed has the same meaning as for Search.
func (s *Store) Facets(ctx context.Context, query searchText, f Filter, limit int) (out Facets, err error) {
	err = s.admitted(ctx, "facets", func(ctx context.Context) (err error) {
		out, err = s.facets(ctx, query, f, limit)
		return err
	})
	return out, err
}

func (s *Store) facets(ctx context.Context, query searchText, f Filter, limit int) (Facets, error) {
	out := Facets{Sources: []FacetCount{}, Categories: []FacetCount{}, Authors: []FacetCount{}, Tags: []FacetCount{}, Levels: []FacetCount{}}
	var rows []struct {
		Kind, Value string
		Count       int64
	}
	count := func(s *Store, selected *gorm.DB) error {
		selected = selected.Select("source, category, author, tags, difficulty_score")
		return s.db.WithContext(ctx).Raw(facetsSQL, map[string]any{"selected": selected, "limit": limit}).Scan(&rows).Error
	}
	var err error
	if query.All == "" {
		err = count(s, f.where(s.db.WithContext(ctx).Model(&Article{}), Newest))
	} else {
		err = s.stemmed(ctx, query, func(s *Store, q stemQuery) error {
			if q.none() {
				return nil
			}
			return count(s, s.matching(ctx, q, f))
		})
	}
	if err != nil {
		return out, fmt.Errorf("count facets (%+v): %w", f, err)
	}
	for _, r := range rows {
		c := FacetCount{r.Value, r.Count}
		switch r.Kind {
		case "total":
			out.Total = r.Count
		case "source":
			out.Sources = append(out.Sources, c)
		case "category":
			out.Categories = append(out.Categories, c)
		case "author":
			out.Authors = append(out.Authors, c)
		case "tag":
			out.Tags = append(out.Tags, c)
		case "level":
			out.Levels = append(out.Levels, c)
		}
	}
	return out, nil
}

// facetsSQL reads the selected articles once. A tag that an article has twice counts once.
var facetsSQL = `
WITH selected AS MATERIALIZED (@selected), counted AS (
    SELECT CASE grouping(source, category, author, level) WHEN 7 THEN 'source' WHEN 11 THEN 'category' WHEN 13 THEN 'author' ELSE 'level' END AS kind,
           coalesce(source, category, author, level) AS value, count(*) AS count
    FROM (SELECT source, category, author, ` + levelSQL() + ` AS level FROM selected) AS s
    GROUP BY GROUPING SETS ((source), (category), (author), (level))
    UNION ALL
    SELECT 'tag', tag, count(*) FROM selected CROSS JOIN LATERAL (
        SELECT DISTINCT t #>> '{}' AS tag
        FROM jsonb_array_elements(CASE WHEN jsonb_typeof(tags) = 'array' THEN tags ELSE '[]' END) AS t WHERE jsonb_typeof(t) = 'string'
    ) AS tags GROUP BY tag
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY kind ORDER BY CASE WHEN kind = 'level' THEN 0 ELSE count END DESC, value) AS place
    FROM counted WHERE value IS NOT NULL
)
SELECT 'total' AS kind, '' AS value, count(*) AS count, 0 AS place FROM selected
UNION ALL SELECT kind, value, count, place FROM ranked WHERE place <= @limit
ORDER BY kind, place`

// levelSQL is the CEFR level of a difficulty score, NULL for an unrated article.
func levelSQL() string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	var b strings.Builder
	b.WriteString("CASE")
	for _, name := range slices.Sorted(maps.Keys(limits.Levels)) {
		l := limits.Levels[name]
		b.WriteString(" WHEN difficulty_score >= " + number(l.From) + " AND difficulty_score < " + number(l.Below) + " THEN '" + name + "'")
	}
	return b.String() + " END"
}

type facetsQuery struct {
	Filter
	Query searchText
	Limit int
}

type facetsInput struct {
	FilterInput
	Q     string `query:"q" maxLength:"500" doc:"Count only articles that a search for this finds" example:"reforma tributaria"`
	Limit int    `query:"limit" default:"50" minimum:"1" doc:"Values of each kind; more than 100 counts as 100"`
}

type facetsOutput struct {
	Body Facets
}

func (in *facetsInput) query() (facetsQuery, error) {
	q := facetsQuery{Filter: in.filter(), Limit: in.Limit}
	if in.Q == "" {
		return q, nil
	}
	var err error
	if q.Query, err = tsquery(in.Q); err != nil {
		return q, httpapi.Value(err.Error(), in.Q, "query", "q")
	}
	return q, nil
}

func (q facetsQuery) params() url.Values {
	v := q.Filter.params()
	v.Set("limit", strconv.Itoa(q.Limit))
	if q.Query.All != "" {
		v.Set("q", q.Query.All)
	}
	return v
}

func (h *handlers) facets(ctx context.Context, in *facetsInput) (*facetsOutput, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	f, err := h.s.cached.facets.Get(ctx, q)
	if err != nil {
		return nil, answer(err)
	}
	return &facetsOutput{f}, nil
}
