package scraping

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"openlearn/internal/scraping/discover"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
)

// State says how an entry of a source answered.
type State string

// The states of entries.
const (
	StateOK        State = "ok"        // it announces articles
	StateUnchanged State = "unchanged" // nothing has changed since the last check
	StateStale     State = "stale"     // a sound document whose newest article is older than staleAfter
	StateEmpty     State = "empty"     // an empty answer, or a document without articles
	StateHTML      State = "html"      // a web page instead of the document
	StateChallenge State = "challenge" // a challenge for robots instead of the document
	StateInvalid   State = "invalid"   // a document of another kind, or an unreadable one
	StateMissing   State = "missing"   // 404
	StateGone      State = "gone"      // 410: it will not come back
	StateFailed    State = "failed"    // no usable answer; Reason says why
)

// EntryState is one entry's answer.
type EntryState struct {
	URL    string       `json:"url"`
	Kind   source.Kind  `json:"kind"`
	State  State        `json:"state"`
	Reason fetch.Reason `json:"reason,omitempty"`
	Items  int          `json:"items"`
	Newest *time.Time   `json:"newest,omitempty"` // the date of the newest article that is not dated in the future
	// MovedTo is where the entry has moved permanently, set only after that address has served a sound document.
	MovedTo string `json:"moved_to,omitempty"`
	// Waiting says that the entry was not requested because its next check is not due: State is that of the last check.
	Waiting bool   `json:"waiting,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// Works says whether the entry gives articles.
func (e EntryState) Works() bool { return e.State == StateOK || e.State == StateUnchanged }

// sound says whether the last answer was a document of its kind.
func (e EntryState) sound() bool {
	return e.Works() || e.State == StateStale || e.State == StateEmpty && e.Reason == "" && e.Detail == ""
}

// staleAfter is the age of the newest article of a feed that nobody writes any more.
const staleAfter = 30 * 24 * time.Hour

// The bounds on one pass's walk through a sitemap index.
const (
	maxSitemaps     = 5 // of an index: the newest ones
	maxSitemapDepth = 3
	maxSections     = 12
)

// discover reads the source's entries. Feeds and sitemaps complete each other and are all read; where none works, it tries
// sitemap indexes, then the feeds that the front page names, then section pages. A failing entry is reported; it is an
// error only if all fail.
func (p *pass) discover(ctx context.Context) ([]discover.Item, error) {
	w := &walk{pass: p, announced: map[string]bool{}}
	var first, indexes, sections []source.Entry
	for _, e := range p.src.Entries {
		switch {
		case e.Kind == source.Section:
			sections = append(sections, e) // a guess costs one request, and only where nothing else is left
		case !e.Usable():
		case e.Kind == source.SitemapIndex:
			indexes = append(indexes, e)
		default:
			first = append(first, e)
		}
	}
	for _, entries := range []func() []source.Entry{
		func() []source.Entry { return first },
		func() []source.Entry { return indexes },
		func() []source.Entry { return w.alternates(ctx, first) },
		func() []source.Entry { return sections[:min(len(sections), maxSections)] },
	} {
		if w.works || ctx.Err() != nil {
			break
		}
		for _, e := range entries() {
			w.read(ctx, e)
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p.report.Found = len(w.items)
	if p.report.Feeds == 0 && !w.waiting {
		return nil, fmt.Errorf("%w: %w", ErrNoEntries, errors.Join(w.errs...))
	}
	return w.items, nil
}

// walk gathers what entries announce, each address once.
type walk struct {
	pass      *pass
	items     []discover.Item
	announced map[string]bool
	works     bool
	waiting   bool // for an entry whose next check is not due
	errs      []error
}

// read takes one entry.
func (w *walk) read(ctx context.Context, e source.Entry) {
	p := w.pass
	found, state, err := p.service.readEntry(ctx, p.src, e, readOptions{scheduled: p.options.Scheduled})
	if ctx.Err() != nil {
		return
	}
	p.report.Entries = append(p.report.Entries, state)
	w.waiting = w.waiting || state.Waiting
	if state.Waiting && !state.sound() {
		return // reported when it was checked
	}
	if err != nil {
		w.errs = append(w.errs, err)
		reason := ReasonFeed
		if state.State == StateFailed || state.State == StateMissing || state.State == StateGone {
			reason = fetch.ReasonOf(err)
		}
		p.report.fail("feed", state.URL, reason, err)
		return
	}
	p.report.Feeds++
	p.report.Skipped += found.Skipped
	if state.State == StateUnchanged {
		p.report.Unchanged++
	}
	w.works = w.works || state.Works()
	p.report.TTL = max(p.report.TTL, found.TTL)
	for _, it := range found.Items {
		if !w.announced[it.URL] {
			w.announced[it.URL] = true
			w.items = append(w.items, it)
		}
	}
}

// alternates lists the feeds that the front page names, except those already tried.
func (w *walk) alternates(ctx context.Context, tried []source.Entry) []source.Entry {
	p := w.pass
	doc, err := p.service.cfg.Fetcher.Get(ctx, p.src, p.src.BaseURL, fetch.AcceptPage, fetch.Validators{})
	if err != nil {
		w.errs = append(w.errs, err)
		return nil
	}
	var out []source.Entry
	for _, feed := range discover.Links(doc.Body, doc.URL, p.src).Feeds {
		if !slices.ContainsFunc(tried, func(e source.Entry) bool { return e.URL == feed }) && len(out) < maxSitemaps {
			out = append(out, source.Entry{URL: feed, Kind: source.Feed})
		}
	}
	return out
}

// readSitemap reads a sitemap, and the newest of those that an index names. An index that names itself ends there.
func (s *Service) readSitemap(ctx context.Context, src source.Source, state EntryState, o readOptions, depth int, seen map[string]bool) (discover.Found, EntryState, error) {
	seen[state.URL] = true
	record, state, err := s.readDocument(ctx, src, state, o)
	if err != nil || len(record.Announced.Sitemaps) == 0 {
		return record.Announced.Found, state, err
	}
	found := record.Announced.Found
	found.Items = slices.Clip(found.Items) // they belong to the record: appending must not write into it
	if depth == maxSitemapDepth {
		return found, state, nil
	}
	children := slices.Clone(record.Announced.Sitemaps)
	slices.SortStableFunc(children, func(a, b discover.Child) int { return newerFirst(a.ModifiedAt, b.ModifiedAt) })
	var errs []error
	read := 0
	for _, c := range children {
		if read == maxSitemaps || ctx.Err() != nil {
			break
		}
		if seen[c.URL] {
			continue
		}
		read++
		more, child, err := s.readSitemap(ctx, src, EntryState{URL: c.URL, Kind: source.Sitemap}, o, depth+1, seen)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found.Items = append(found.Items, more.Items...)
		found.Skipped += more.Skipped
		if child.State != StateUnchanged {
			state.State = ""
		}
		state.Waiting = state.Waiting && child.Waiting
	}
	if len(errs) > 0 && len(errs) == read {
		return found, state, errors.Join(errs...)
	}
	return found, state, nil
}

func newerFirst(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return b.Compare(*a)
}

func newest(items []discover.Item, now time.Time) *time.Time {
	var out *time.Time
	for _, it := range items {
		if d := it.PublishedAt; d != nil && !d.After(now.Add(clockSkew)) && (out == nil || d.After(*out)) {
			out = d
		}
	}
	return out
}

// stateOf gives the state of an entry that could not be read.
func stateOf(err error) (State, fetch.Reason) {
	var failed *fetch.Error
	status := 0
	if errors.As(err, &failed) {
		status = failed.Status
	}
	switch {
	case errors.Is(err, discover.ErrEmpty):
		return StateEmpty, ""
	case errors.Is(err, discover.ErrChallenge):
		return StateChallenge, ""
	case errors.Is(err, discover.ErrHTML):
		return StateHTML, ""
	case errors.Is(err, discover.ErrNoFeed), errors.Is(err, discover.ErrNoSitemap):
		return StateInvalid, ""
	case status == 404:
		return StateMissing, fetch.ReasonStatus
	case status == 410:
		return StateGone, fetch.ReasonStatus
	}
	return StateFailed, fetch.ReasonOf(err)
}

// Probe looks for entries that a source may have: the feeds that its front page names, the sitemaps in its robots.txt,
// usual addresses of feeds and sitemaps, and sections that link articles. It returns the state of each candidate.
func (s *Service) Probe(ctx context.Context, name string) ([]EntryState, error) {
	src, ok := s.cfg.Sources.Find(name)
	if !ok {
		return nil, fmt.Errorf("probe %q: %w", name, ErrUnknownSource)
	}
	base, err := url.Parse(src.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", src.ID, err)
	}
	var out []EntryState
	tried := map[string]bool{}
	try := func(kind source.Kind, address string) {
		u, err := base.Parse(address)
		if err != nil || tried[u.String()] || ctx.Err() != nil || !src.Site().Accepts(u) {
			return
		}
		tried[u.String()] = true
		_, state, _ := s.readEntry(ctx, src, source.Entry{URL: u.String(), Kind: kind}, readOptions{}) // the state carries the error
		out = append(out, state)
	}
	for _, e := range src.Entries {
		try(e.Kind, e.At(s.cfg.Now()))
	}
	front, err := s.cfg.Fetcher.Get(ctx, src, src.BaseURL, fetch.AcceptPage, fetch.Validators{})
	var page discover.Page
	if err == nil {
		page = discover.Links(front.Body, front.URL, src)
	} else {
		state, reason := stateOf(err)
		out = append(out, EntryState{URL: src.BaseURL, Kind: source.Section, State: state, Reason: reason, Detail: detail(err)})
	}
	for _, feed := range page.Feeds {
		try(source.Feed, feed)
	}
	sitemaps, err := s.cfg.Fetcher.Sitemaps(ctx, src)
	if err != nil {
		s.cfg.Logger.DebugContext(ctx, "scraping: no sitemaps in robots.txt", "source", src.ID, "error", err)
	}
	for _, address := range sitemaps[:min(len(sitemaps), maxSitemaps)] {
		try(source.SitemapIndex, address)
	}
	if !slices.ContainsFunc(out, EntryState.Works) {
		for _, guess := range []struct {
			kind source.Kind
			path string
		}{
			{source.Feed, "/feed/"},
			{source.Feed, "/rss.xml"},
			{source.Feed, "/rss"},
			{source.Feed, "/arc/outboundfeeds/rss/?outputType=xml"},
			{source.NewsSitemap, "/sitemap-news.xml"},
			{source.SitemapIndex, "/sitemap.xml"},
			{source.SitemapIndex, "/sitemap_index.xml"},
		} {
			try(guess.kind, guess.path)
		}
		for _, section := range page.Sections[:min(len(page.Sections), 3)] {
			try(source.Section, section)
		}
	}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	return out, nil
}
