package articles

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/admission"
)

// Hit is a search result: an article and where it matched, highlights between highlightStart and highlightStop.
type Hit struct {
	Article
	Rank      float64
	Headline  string
	TitleMark string
}

// Highlight marks in Hit's texts: private-use characters, because the texts are escaped for HTML afterwards.
const highlightStart, highlightStop = "\uE000", "\uE001"

// searchTimeout bounds the statements of one search: after it they are cancelled in the server. What a search may ask is
// bounded too (see tsquery), so that only a busy server reaches it.
const searchTimeout = 2 * time.Second

// Ranking looks up each spelling of a query in each matching article, which is most of a search's work. So the look-ups are
// bounded: for a query with many spellings only as many of the latest articles are ranked and listed as the bound allows,
// but never fewer than pages can reach.
const (
	mostLookups  = 640_000
	leastRanked  = maxOffset + 100
	maxOffset    = 10_000 // of a page of search results
	spellingMark = "'"    // around each stem in a query
)

func mostRanked(query stemQuery) int64 {
	return max(leastRanked, mostLookups/max(1, int64(strings.Count(query.All, spellingMark)/2)))
}

// Relevance is an order for search results only: best first, the latest first among equals.
const Relevance Order = "relevance"

// Search reads a page of the articles that match query, in order o, and the number of matches. admission.ErrShed means that
// too many searches are under way, or that this one took too long because of them.
func (s *Store) Search(ctx context.Context, query searchText, f Filter, o Order, offset, limit int) (hits []Hit, total int64, err error) {
	err = s.admitted(ctx, "search "+strconv.Quote(query.All), func(ctx context.Context) (err error) {
		hits, total, err = s.search(ctx, query, f, o, offset, limit)
		return err
	})
	return hits, total, err
}

// admitted runs costly statements when searches have room for them, and cancels them when they take too long.
func (s *Store) admitted(ctx context.Context, what string, run func(context.Context) error) error {
	return s.searches.Do(ctx, func() error {
		bounded, cancel := context.WithTimeout(ctx, s.searchTimeout)
		defer cancel()
		err := run(bounded)
		if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			return fmt.Errorf("%s took more than %v: %w", what, s.searchTimeout, admission.ErrShed)
		}
		return err
	})
}

func (s *Store) search(ctx context.Context, query searchText, f Filter, o Order, offset, limit int) (hits []Hit, total int64, err error) {
	err = s.stemmed(ctx, query, func(s *Store, q stemQuery) error {
		if q.none() {
			return nil
		}
		if err := s.matching(ctx, q, f).Count(&total).Error; err != nil || int64(offset) >= total {
			return err
		}
		hits, err = s.searchPage(ctx, q, f, o, total, offset, limit)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("search %q: %w", query.All, err)
	}
	for i := range hits {
		hits[i].Content = firstCharacters(hits[i].Content, excerptCut+1)
	}
	return hits, total, nil
}

// searchPage reads a page of total matches.
func (s *Store) searchPage(ctx context.Context, q stemQuery, f Filter, o Order, total int64, offset, limit int) (hits []Hit, err error) {
	if o == Relevance && total > fewMatches && !q.Together {
		ids, err := s.heaviest(ctx, q, f, offset, limit)
		if err != nil {
			return nil, err
		}
		if ids != nil {
			return hits, s.ranked(ctx, s.db.WithContext(ctx).Model(&Article{}).Where("id IN ?", ids), q, 0, limit).Scan(&hits).Error
		}
	}
	return hits, s.searchQuery(ctx, q, f, o, total, offset, limit).Scan(&hits).Error
}

// fewMatches is the number of matches up to which ranking all is faster than looking for the heaviest.
const fewMatches = 200

// matching selects the articles that match.
func (s *Store) matching(ctx context.Context, q stemQuery, f Filter) *gorm.DB {
	matches := func(g *gorm.DB) *gorm.DB { return g.Where("search @@ ?::tsquery", q.All) }
	return matches(s.filtered(ctx, q, f))
}

// filtered selects the articles of the filter; when stories are collapsed, their twins must match.
func (s *Store) filtered(ctx context.Context, q stemQuery, f Filter) *gorm.DB {
	collapse := f.Collapse
	f.Collapse = false
	g := f.where(s.db.WithContext(ctx).Model(&Article{}), Newest)
	if collapse {
		g = f.collapse(g, Newest, func(twins *gorm.DB) *gorm.DB { return twins.Where("search @@ ?::tsquery", q.All) })
	}
	return g
}

// searchQuery reads a page of all matches, by relevance or by date.
func (s *Store) searchQuery(ctx context.Context, q stemQuery, f Filter, o Order, total int64, offset, limit int) *gorm.DB {
	candidates := s.matching(ctx, q, f)
	if o != Relevance {
		order := o.keyset().order()
		rank, args := q.rank()
		return s.marked(ctx, candidates.Select("*").Order(order).Limit(limit).Offset(offset), q, rank, args).Order(order)
	}
	if most := mostRanked(q); total > most {
		candidates = candidates.Where("id > (?)", s.matching(ctx, q, f).Select("id").Order("id DESC").Offset(int(most)).Limit(1))
	}
	return s.ranked(ctx, candidates, q, offset, limit)
}

// ranked selects a page of the candidates, best first.
func (s *Store) ranked(ctx context.Context, candidates *gorm.DB, q stemQuery, offset, limit int) *gorm.DB {
	const order = "rank DESC, id DESC"
	rank, args := q.rank()
	page := candidates.Select("*, "+rank+" AS rank", args...).Order(order).Limit(limit).Offset(offset)
	return s.marked(ctx, page, q, "rank", nil).Order(order)
}

// rank is the relevance of a row, 0 to 1, in SQL.
func (q stemQuery) rank() (expr string, args []any) {
	const covers = "ts_rank_cd(search, ?::tsquery, 32)"
	if q.Exact == "" {
		return covers, []any{q.All}
	}
	// Texts with the ñ that was typed come before texts with n.
	return "(" + covers + " + (search @@ ?::tsquery)::int) / 2", []any{q.All, q.Exact}
}

// marked selects the shown columns of a page's rows. It comes last, because ts_headline reads whole texts and must see only
// the page.
func (s *Store) marked(ctx context.Context, page *gorm.DB, q stemQuery, rank string, args []any) *gorm.DB {
	options := "StartSel=" + highlightStart + ",StopSel=" + highlightStop
	args = append(args, q.All, options+",MaxFragments=2,MaxWords=30,MinWords=12,FragmentDelimiter= … ", q.All, options+",HighlightAll=true")
	return s.db.WithContext(ctx).Table("(?) AS r", page).
		Select(listColumns+", "+rank+" AS rank, "+
			"ts_headline('spanish', left(content, 50000), ?::tsquery, ?) AS headline, "+
			"ts_headline('spanish', title, ?::tsquery, ?) AS title_mark", args...)
}
