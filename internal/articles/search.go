package articles

import (
	"context"
	"errors"
	"fmt"
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

// searchTimeout bounds the statements of one search: past it they are cancelled in the server, whoever waits. What a search
// may ask is bounded too (see tsquery), so that only a busy server gets there.
const searchTimeout = 2 * time.Second

// Ranking looks up each spelling of a query in each article that matches, and that is most of a search's work. So many
// look-ups are made at most: of a query with many spellings only the latest articles are ranked and listed, as many as that
// allows, and never fewer than pages reach.
const (
	mostLookups  = 640_000
	leastRanked  = maxOffset + 100
	maxOffset    = 10_000 // of a page of search results
	spellingMark = "'"    // around each spelling in a query
)

func mostRanked(query searchText) int64 {
	return max(leastRanked, mostLookups/max(1, int64(strings.Count(query.All, spellingMark)/2)))
}

// Relevance is the order of search results that other lists do not have: best first, the latest first among equals.
const Relevance Order = "relevance"

// Search reads a page of the articles that match query, in order o, and the number of matches. admission.ErrShed: too many searches are under way, or this one took too long beside them.
func (s *Store) Search(ctx context.Context, query searchText, f Filter, o Order, offset, limit int) (hits []Hit, total int64, err error) {
	err = s.searches.Do(ctx, func() (err error) {
		bounded, cancel := context.WithTimeout(ctx, s.searchTimeout)
		defer cancel()
		hits, total, err = s.search(bounded, query, f, o, offset, limit)
		if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			err = fmt.Errorf("search %q took more than %v: %w", query.All, s.searchTimeout, admission.ErrShed)
		}
		return err
	})
	return hits, total, err
}

func (s *Store) search(ctx context.Context, query searchText, f Filter, o Order, offset, limit int) (hits []Hit, total int64, err error) {
	if err := s.matching(ctx, query.All, f).Count(&total).Error; err != nil {
		return nil, 0, fmt.Errorf("count search %q: %w", query.All, err)
	}
	if int64(offset) >= total {
		return nil, total, nil
	}
	if err := s.searchQuery(ctx, query, f, o, total, offset, limit).Scan(&hits).Error; err != nil {
		return nil, 0, fmt.Errorf("search %q: %w", query.All, err)
	}
	for i := range hits {
		hits[i].Content = firstCharacters(hits[i].Content, excerptCut+1)
	}
	return hits, total, nil
}

// matching selects the articles that match. What is left of a query without its stop words may be an exclusion alone, which
// no index can answer (querytree says T, or nothing at all): it matches nothing, as stop words by themselves do, and the
// planner reads no table for it.
func (s *Store) matching(ctx context.Context, query string, f Filter) *gorm.DB {
	collapse := f.Collapse
	f.Collapse = false
	matches := func(q *gorm.DB) *gorm.DB { return q.Where("search @@ to_tsquery('spanish', ?)", query) }
	q := matches(f.where(s.db.WithContext(ctx).Model(&Article{}), Newest).Where("querytree(to_tsquery('spanish', ?)) NOT IN ('T', '')", query))
	if collapse {
		q = f.collapse(q, Newest, matches)
	}
	return q
}

// searchQuery reads a page. Ranking is most of a search's work, and ts_headline reads whole texts: what is listed by date is cut
// to the page before both, what is listed by relevance after the one and before the other.
func (s *Store) searchQuery(ctx context.Context, query searchText, f Filter, o Order, total int64, offset, limit int) *gorm.DB {
	rank, args := "ts_rank_cd(search, to_tsquery('spanish', ?), 32)", []any{query.All}
	if query.Exact != "" { // what was typed with ñ comes before what has n
		rank, args = "("+rank+" + (search @@ to_tsquery('spanish', ?))::int) / 2", append(args, query.Exact)
	}
	page, order := s.matching(ctx, query.All, f), "rank DESC, id DESC"
	if o == Relevance {
		if most := mostRanked(query); total > most {
			page = page.Where("id > (?)", s.matching(ctx, query.All, f).Select("id").Order("id DESC").Offset(int(most)).Limit(1))
		}
		page, rank, args = page.Select("*, "+rank+" AS rank", args...), "rank", nil
	} else {
		page, order = page.Select("*"), o.keyset().order()
	}
	page = page.Order(order).Limit(limit).Offset(offset)
	options := "StartSel=" + highlightStart + ",StopSel=" + highlightStop
	args = append(args, query.All, options+",MaxFragments=2,MaxWords=30,MinWords=12,FragmentDelimiter= … ", query.All, options+",HighlightAll=true")
	return s.db.WithContext(ctx).Table("(?) AS r", page).
		Select(listColumns+", "+rank+" AS rank, "+
			"ts_headline('spanish', left(content, 50000), to_tsquery('spanish', ?), ?) AS headline, "+
			"ts_headline('spanish', title, to_tsquery('spanish', ?), ?) AS title_mark", args...).
		Order(order)
}
