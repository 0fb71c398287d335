package articles

import (
	"context"
	"errors"
	"fmt"
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

// mostRanked is how many matches are ranked, the latest stored; those before them follow, latest first. Ranking reads each
// match's vector, which is most of a search's work.
const mostRanked = 2000

// Search reads a page of the articles that match query (text for to_tsquery), best first, and the number of matches.
// admission.ErrShed: too many searches are under way, or this one took too long beside them.
func (s *Store) Search(ctx context.Context, query string, f Filter, offset, limit int) (hits []Hit, total int64, err error) {
	err = s.searches.Do(ctx, func() (err error) {
		bounded, cancel := context.WithTimeout(ctx, searchTimeout)
		defer cancel()
		hits, total, err = s.search(bounded, query, f, offset, limit)
		if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			err = fmt.Errorf("search %q took more than %v: %w", query, searchTimeout, admission.ErrShed)
		}
		return err
	})
	return hits, total, err
}

func (s *Store) search(ctx context.Context, query string, f Filter, offset, limit int) (hits []Hit, total int64, err error) {
	if err := f.where(s.db.WithContext(ctx).Model(&Article{}), Newest).Where("search @@ to_tsquery('spanish', ?)", query).Count(&total).Error; err != nil {
		return nil, 0, fmt.Errorf("count search %q: %w", query, err)
	}
	if int64(offset) >= total {
		return nil, total, nil
	}
	if err := s.searchQuery(ctx, query, f, offset, limit).Scan(&hits).Error; err != nil {
		return nil, 0, fmt.Errorf("search %q: %w", query, err)
	}
	for i := range hits {
		hits[i].Content = firstCharacters(hits[i].Content, excerptCut+1)
	}
	return hits, total, nil
}

func (s *Store) searchQuery(ctx context.Context, query string, f Filter, offset, limit int) *gorm.DB {
	// Ranked first, highlighted after: ts_headline reads whole texts and must see only the page.
	matches := f.where(s.db.Model(&Article{}).Select("id AS hit, row_number() OVER (ORDER BY id DESC) AS n").
		Where("search @@ to_tsquery('spanish', ?)", query), Newest)
	ranked := s.db.Table("(?) AS m", matches).
		Select("hit, CASE WHEN n <= ? THEN (SELECT ts_rank_cd(search, to_tsquery('spanish', ?), 32) FROM scraped_content WHERE id = hit) ELSE 0 END AS rank", mostRanked, query).
		Order("rank DESC, hit DESC").Limit(limit).Offset(offset)
	options := "StartSel=" + highlightStart + ",StopSel=" + highlightStop
	return s.db.WithContext(ctx).Table("(?) AS r JOIN scraped_content ON id = hit", ranked).
		Select(listColumns+", rank, "+
			"ts_headline('spanish', left(content, 50000), to_tsquery('spanish', ?), ?) AS headline, "+
			"ts_headline('spanish', title, to_tsquery('spanish', ?), ?) AS title_mark",
			query, options+",MaxFragments=2,MaxWords=30,MinWords=12,FragmentDelimiter= … ", query, options+",HighlightAll=true").
		Order("rank DESC, id DESC")
}
