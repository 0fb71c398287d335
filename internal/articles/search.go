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
	spellingMark = "'"    // around each spelling in a query
)

func mostRanked(query searchText) int64 {
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
	if err := s.matching(ctx, query.All, f).Count(&total).Error; err != nil {
		return nil, 0, fmt.Errorf("count search %q: %w", query.All, err)
	}
	if int64(offset) >= total {
		return nil, total, nil
	}
	if hits, err = s.searchPage(ctx, query, f, o, total, offset, limit); err != nil {
		return nil, 0, fmt.Errorf("search %q: %w", query.All, err)
	}
	for i := range hits {
		hits[i].Content = firstCharacters(hits[i].Content, excerptCut+1)
	}
	return hits, total, nil
}

// searchPage reads a page. For a common word the first places go to the articles that are about it. If every article on the
// page ranks higher than any other article can, the others are not ranked.
func (s *Store) searchPage(ctx context.Context, query searchText, f Filter, o Order, total int64, offset, limit int) (hits []Hit, err error) {
	if o == Relevance && total > fewMatches && !strings.ContainsAny(query.All, "&!<") {
		best, err := s.bestOfOthers(ctx, query)
		if err != nil {
			return nil, err
		}
		candidates := s.matchingIn(ctx, prominentWords, query.All, f)
		if err := s.ranked(ctx, candidates, query, offset, limit).Scan(&hits).Error; err != nil {
			return nil, err
		}
		if len(hits) == limit && hits[limit-1].Rank > best {
			return hits, nil
		}
		hits = nil
	}
	return hits, s.searchQuery(ctx, query, f, o, total, offset, limit).Scan(&hits).Error
}

// fewMatches is the number of matches up to which ranking all is faster than finding out whether all must be ranked.
const fewMatches = 500

// Columns that a search can use: all stems, or those that an article is about (migration 00031).
const (
	allWords       = "search"
	prominentWords = "prominent(search)"
)

// bestOfOthers is a rank that no article reaches unless it is about a word of the query (single words, any of which may
// match): other articles have each stem at most twice in their text, and ts_rank_cd gives 0.1 for each.
func (s *Store) bestOfOthers(ctx context.Context, query searchText) (float64, error) {
	var stems int
	err := s.db.WithContext(ctx).Raw(`SELECT count(DISTINCT stem[1]) FROM regexp_matches(to_tsquery('spanish', ?)::text, '''((?:[^'']|'''')+)''', 'g') AS stem`, query.All).Scan(&stems).Error
	if err != nil {
		return 0, err
	}
	sum := 0.2*float64(stems) + 1e-6 // ts_rank_cd counts in 32 bits
	best := sum / (1 + sum)
	if query.Exact != "" {
		best = (best + 1) / 2
	}
	return best, nil
}

// matching selects the articles that match. Without its stop words a query may be only an exclusion, which no index can
// answer (querytree gives T or nothing): it matches nothing, like stop words alone, and the planner reads no table for it.
func (s *Store) matching(ctx context.Context, query string, f Filter) *gorm.DB {
	return s.matchingIn(ctx, allWords, query, f)
}

func (s *Store) matchingIn(ctx context.Context, column, query string, f Filter) *gorm.DB {
	collapse := f.Collapse
	f.Collapse = false
	matches := func(column string) func(*gorm.DB) *gorm.DB {
		return func(q *gorm.DB) *gorm.DB { return q.Where(column+" @@ to_tsquery('spanish', ?)", query) }
	}
	q := matches(column)(f.where(s.db.WithContext(ctx).Model(&Article{}), Newest).Where("querytree(to_tsquery('spanish', ?)) NOT IN ('T', '')", query))
	if collapse {
		q = f.collapse(q, Newest, matches(allWords))
	}
	return q
}

// searchQuery reads a page of all matches, by relevance or by date.
func (s *Store) searchQuery(ctx context.Context, query searchText, f Filter, o Order, total int64, offset, limit int) *gorm.DB {
	candidates := s.matching(ctx, query.All, f)
	if o != Relevance {
		order := o.keyset().order()
		rank, args := query.rank()
		return s.marked(ctx, candidates.Select("*").Order(order).Limit(limit).Offset(offset), query, rank, args).Order(order)
	}
	if most := mostRanked(query); total > most {
		candidates = candidates.Where("id > (?)", s.matching(ctx, query.All, f).Select("id").Order("id DESC").Offset(int(most)).Limit(1))
	}
	return s.ranked(ctx, candidates, query, offset, limit)
}

// ranked selects a page of the candidates, best first.
func (s *Store) ranked(ctx context.Context, candidates *gorm.DB, query searchText, offset, limit int) *gorm.DB {
	const order = "rank DESC, id DESC"
	rank, args := query.rank()
	page := candidates.Select("*, "+rank+" AS rank", args...).Order(order).Limit(limit).Offset(offset)
	return s.marked(ctx, page, query, "rank", nil).Order(order)
}

// rank is the relevance of a row, 0 to 1, in SQL.
func (t searchText) rank() (expr string, args []any) {
	const covers = "ts_rank_cd(search, to_tsquery('spanish', ?), 32)"
	if t.Exact == "" {
		return covers, []any{t.All}
	}
	// Texts with the ñ that was typed come before texts with n.
	return "(" + covers + " + (search @@ to_tsquery('spanish', ?))::int) / 2", []any{t.All, t.Exact}
}

// marked selects the shown columns of a page's rows. It comes last, because ts_headline reads whole texts and must see only
// the page.
func (s *Store) marked(ctx context.Context, page *gorm.DB, query searchText, rank string, args []any) *gorm.DB {
	options := "StartSel=" + highlightStart + ",StopSel=" + highlightStop
	args = append(args, query.All, options+",MaxFragments=2,MaxWords=30,MinWords=12,FragmentDelimiter= … ", query.All, options+",HighlightAll=true")
	return s.db.WithContext(ctx).Table("(?) AS r", page).
		Select(listColumns+", "+rank+" AS rank, "+
			"ts_headline('spanish', left(content, 50000), to_tsquery('spanish', ?), ?) AS headline, "+
			"ts_headline('spanish', title, to_tsquery('spanish', ?), ?) AS title_mark", args...)
}
