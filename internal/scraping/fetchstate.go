package scraping

import (
	"context"
	"errors"
	"sync"
	"time"

	"openlearn/internal/scraping/discover"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
)

// Entries keeps the state of entries. It is an interface because a pass also works without a database: a dry run, a probe.
// After an error something is not remembered, but the pass goes on.
type Entries interface {
	// Entry returns what is known about an address of a source; ok is false if it was never requested.
	Entry(ctx context.Context, sourceID, url string) (r EntryRecord, ok bool, err error)
	// KeepEntry stores what is known about it now.
	KeepEntry(ctx context.Context, r EntryRecord) error
}

// EntryRecord is what is known about an entry: a feed, a sitemap or a section of a source.
type EntryRecord struct {
	SourceID string
	URL      string
	Kind     source.Kind

	State    State        // what the last answer was
	Reason   fetch.Reason // of a failure
	Detail   string       // of a failure
	Failures int          // in a row

	// Validators are those of the last sound document, as the server sent them.
	Validators fetch.Validators
	// Announced is what the last sound document announced. "Not modified" announces the same again, and some of the
	// articles may have been lost the last time.
	Announced Announced
	Newest    *time.Time // the date of the newest article that is not dated in the future
	MovedTo   string     // where it has moved permanently; that address has served a sound document

	CheckedAt time.Time // when it was last requested
	WorkedAt  time.Time // when it last gave a sound answer; zero: never
	WholeAt   time.Time // when a sound document was last read in full; zero: never
	NextCheck time.Time // when to ask again
}

// Announced is what a document announces.
type Announced struct {
	Found    discover.Found   `json:"found"`
	Sitemaps []discover.Child `json:"sitemaps,omitempty"`
}

const (
	// unconditionalEvery is how often an entry is read in full, even if its server says that nothing has changed: some
	// servers answer "not modified" for ever.
	unconditionalEvery = 24 * time.Hour
	// longestCheck bounds the time between checks, whatever a server asks for.
	longestCheck = 24 * time.Hour
	// patientFailures is how many failures in a row leave an entry's pace unchanged; each further one doubles the time
	// between checks.
	patientFailures = 3
)

// due says whether an entry is to be requested. An entry is due a little early, for passes that come early, unless the
// server has asked for a longer wait.
func (r *EntryRecord) due(now time.Time, interval time.Duration) bool {
	next := r.NextCheck
	if next.Sub(r.CheckedAt) <= interval {
		next = next.Add(-interval / 10)
	}
	return !now.Before(next)
}

// schedule sets when to ask again: after the longest of what the source's interval, its document (ttl) and its server
// (lifetime, Retry-After) ask for, up to a day.
func (r *EntryRecord) schedule(now time.Time, interval time.Duration, asked ...time.Duration) {
	wait := interval
	if over := r.Failures - patientFailures; over > 0 {
		wait <<= min(over, 8)
	}
	if r.State == StateGone {
		wait = longestCheck // the server says that it will not come back
	}
	for _, d := range asked {
		wait = max(wait, d)
	}
	r.NextCheck = now.Add(min(wait, longestCheck))
}

// readOptions say how entries are read.
type readOptions struct{ scheduled bool }

// readEntry reads what one entry announces now. The error is nil if its document is sound.
func (s *Service) readEntry(ctx context.Context, src source.Source, e source.Entry, o readOptions) (discover.Found, EntryState, error) {
	now := s.cfg.Now()
	state := EntryState{URL: e.At(now), Kind: e.Kind}
	var found discover.Found
	var err error
	if e.Kind == source.SitemapIndex || e.Kind == source.Sitemap || e.Kind == source.NewsSitemap {
		found, state, err = s.readSitemap(ctx, src, state, o, 1, map[string]bool{})
	} else {
		var record EntryRecord
		record, state, err = s.readDocument(ctx, src, state, o)
		found = record.Announced.Found
	}
	if err != nil {
		if state.State == "" {
			state.State, state.Reason = stateOf(err)
		}
		state.Detail = detail(err)
		return discover.Found{}, state, err
	}
	if state.Waiting && !state.sound() {
		return discover.Found{}, state, nil
	}
	state.Items, state.Newest = len(found.Items), newest(found.Items, now)
	if state.State != StateUnchanged {
		state.State = wellOf(e.Kind, state.Items, state.Newest, now)
	}
	return found, state, nil
}

// wellOf is the state of a sound document.
func wellOf(kind source.Kind, announced int, newest *time.Time, now time.Time) State {
	switch {
	case announced == 0:
		return StateEmpty
	case newest != nil && now.Sub(*newest) > staleAfter && kind != source.Section:
		return StateStale
	}
	return StateOK
}

// readDocument fetches one entry's document. It takes what the entry announced before if that has not changed or the next
// check is not due.
func (s *Service) readDocument(ctx context.Context, src source.Source, state EntryState, o readOptions) (EntryRecord, EntryState, error) {
	now := s.cfg.Now()
	before, known, err := s.cfg.Entries.Entry(ctx, src.ID, state.URL)
	if err != nil {
		if ctx.Err() != nil {
			return before, state, ctx.Err()
		}
		s.cfg.Logger.WarnContext(ctx, "scraping: the state of an entry is not available", "url", state.URL, "error", err)
	}
	state.MovedTo = before.MovedTo
	if known && o.scheduled && !before.due(now, src.Interval()) {
		state.State, state.Reason, state.Detail, state.Waiting = before.State, before.Reason, before.Detail, true
		return before, state, nil
	}
	ask := documentAsk{source: src, url: state.URL, accept: fetch.AcceptFeed, entry: true, known: before.Validators, anew: !o.scheduled}
	if before.MovedTo != "" {
		ask.url = before.MovedTo
	}
	if state.Kind == source.Section {
		ask.accept = fetch.AcceptPage
	}
	if now.Sub(before.WholeAt) >= unconditionalEvery {
		ask.known = fetch.Validators{}
	}
	doc, fetched, err := s.documents.get(ctx, ask)
	if ctx.Err() != nil {
		return before, state, ctx.Err()
	}
	record := before
	record.SourceID, record.URL, record.Kind = src.ID, state.URL, state.Kind
	if err == nil && !doc.NotModified {
		record.Announced, err = announcedIn(doc, src, &state)
	}
	now = s.cfg.Now() // the request may have waited for its turn
	record.CheckedAt = now
	switch {
	case err != nil:
		record.fail(now, src, state, err)
	default:
		record.works(now, src, doc)
		if doc.NotModified {
			state.State = StateUnchanged
		}
		state.MovedTo = record.MovedTo
	}
	if fetched {
		s.keepEntry(ctx, record)
	}
	return record, state, err
}

// keepEntry stores a record, even if the pass was cancelled: the request was made.
func (s *Service) keepEntry(ctx context.Context, record EntryRecord) {
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := s.cfg.Entries.KeepEntry(bound, record); err != nil {
		s.cfg.Logger.WarnContext(ctx, "scraping: the state of an entry could not be kept", "url", record.URL, "error", err)
	}
}

// announcedIn reads what a document announces.
func announcedIn(doc *fetch.Document, src source.Source, state *EntryState) (Announced, error) {
	var out Announced
	var err error
	switch state.Kind {
	case source.Section:
		page := discover.Links(doc.Body, doc.URL, src)
		out.Found = page.Found
		if page.Refused {
			state.State, err = StateChallenge, discover.ErrChallenge
		}
	case source.Feed:
		out.Found, err = discover.ParseFeed(doc.Body, doc.URL, src.Site())
	default:
		var m discover.Map
		m, err = discover.ParseSitemap(doc.Body, doc.URL, src)
		out.Found, out.Sitemaps = m.Found, m.Sitemaps
	}
	if err != nil {
		return Announced{}, &fetch.Error{URL: state.URL, Reason: ReasonFeed, Err: err}
	}
	return out, nil
}

// works records a sound answer.
func (r *EntryRecord) works(now time.Time, src source.Source, doc *fetch.Document) {
	r.Reason, r.Detail, r.Failures = "", "", 0
	r.WorkedAt, r.Validators = now, doc.Validators
	if !doc.NotModified {
		r.WholeAt = now
	}
	if doc.Moved != nil && len(r.Announced.Found.Items)+len(r.Announced.Sitemaps) > 0 {
		r.MovedTo = doc.Moved.String()
	}
	r.Newest = newest(r.Announced.Found.Items, now)
	r.State = wellOf(r.Kind, len(r.Announced.Found.Items)+len(r.Announced.Sitemaps), r.Newest, now)
	r.schedule(now, src.Interval(), r.Announced.Found.TTL, doc.Lifetime)
}

// fail records a failure. What was announced before and the validators stay.
func (r *EntryRecord) fail(now time.Time, src source.Source, state EntryState, err error) {
	r.State, r.Reason, r.Detail = state.State, state.Reason, detail(err)
	if r.State == "" {
		r.State, r.Reason = stateOf(err)
	}
	r.Failures++
	var failed *fetch.Error
	var wait time.Duration
	if errors.As(err, &failed) {
		wait = failed.RetryAfter
	}
	r.schedule(now, src.Interval(), wait)
	if wait == 0 {
		r.MovedTo = "" // perhaps it has moved back: the catalogue's address is requested next
	}
}

// memoryEntries holds the entries of one process: those of the catalogue, and the sitemaps that indexes name.
type memoryEntries struct {
	mu    sync.Mutex
	byURL map[string]EntryRecord
}

// maxEntries bounds memoryEntries; beyond it all are forgotten and read again.
const maxEntries = 2000

func newMemoryEntries() *memoryEntries { return &memoryEntries{byURL: map[string]EntryRecord{}} }

// Entry implements Entries.
func (m *memoryEntries) Entry(_ context.Context, sourceID, url string) (EntryRecord, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.byURL[sourceID+" "+url]
	return r, ok, nil
}

// KeepEntry implements Entries.
func (m *memoryEntries) KeepEntry(_ context.Context, r EntryRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.byURL) >= maxEntries {
		clear(m.byURL)
	}
	m.byURL[r.SourceID+" "+r.URL] = r
	return nil
}
