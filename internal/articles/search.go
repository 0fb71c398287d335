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

func mostRanked(query string) int64 {
	return max(leastRanked, mostLookups/max(1, int64(strings.Count(query, spellingMark)/2)))
}

// Search reads a page of the articles that match query (text for to_tsquery), best first, and the number of matches.
// admission.ErrShed: too many searches are under way, or this one took too long beside them.
func (s *Store) Search(ctx context.Context, query string, f Filter, offset, limit int) (hits []Hit, total int64, err error) {
	err = s.searches.Do(ctx, func() (err error) {
		bounded, cancel := context.WithTimeout(ctx, s.searchTimeout)
		defer cancel()
		hits, total, err = s.search(bounded, query, f, offset, limit)
		if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			err = fmt.Errorf("search %q took more than %v: %w", query, s.searchTimeout, admission.ErrShed)
		}
		return err
	})
	return hits, total, err
}

func (s *Store) search(ctx context.Context, query string, f Filter, offset, limit int) (hits []Hit, total int64, err error) {
	if err := s.matching(ctx, query, f).Count(&total).Error; err != nil {
		return nil, 0, fmt.Errorf("count search %q: %w", query, err)
	}
	if int64(offset) >= total {
		return nil, total, nil
	}
	if err := s.searchQuery(ctx, query, f, total, offset, limit).Scan(&hits).Error; err != nil {
		return nil, 0, fmt.Errorf("search %q: %w", query, err)
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

func (s *Store) searchQuery(ctx context.Context, query string, f Filter, total int64, offset, limit int) *gorm.DB {
	candidates := s.matching(ctx, query, f)
	if most := mostRanked(query); total > most {
		candidates = candidates.Where("id > (?)", s.matching(ctx, query, f).Select("id").Order("id DESC").Offset(int(most)).Limit(1))
	}
	// Ranked first, highlighted after: ts_headline reads whole texts and must see only the page.
	ranked := candidates.
		Select("*, ts_rank_cd(search, to_tsquery('spanish', ?), 32) AS rank", query).
		Order("rank DESC, id DESC").Limit(limit).Offset(offset)
	options := "StartSel=" + highlightStart + ",StopSel=" + highlightStop
	return s.db.WithContext(ctx).Table("(?) AS r", ranked).
		Select(listColumns+", rank, "+
			"ts_headline('spanish', left(content, 50000), to_tsquery('spanish', ?), ?) AS headline, "+
			"ts_headline('spanish', title, to_tsquery('spanish', ?), ?) AS title_mark",
			query, options+",MaxFragments=2,MaxWords=30,MinWords=12,FragmentDelimiter= … ", query, options+",HighlightAll=true").
		Order("rank DESC, id DESC")
}
