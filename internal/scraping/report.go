package scraping

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"openlearn/internal/scraping/fetch"
)

// Report is what one pass over one source did. Found = Held + Known + Cut + the pages tried; of those, Fetched were read,
// Unchanged had not changed since the last pass, and the rest is in Failures.
type Report struct {
	ID         string               `json:"id"`
	Source     string               `json:"source"`
	StartedAt  time.Time            `json:"started_at"`
	Took       time.Duration        `json:"took_ns"`
	Entries    []EntryState         `json:"entries"`    // what each entry that was read answered
	Feeds      int                  `json:"feeds"`      // entries that announced articles
	Found      int                  `json:"found"`      // distinct article addresses announced
	Skipped    int                  `json:"skipped"`    // feed items that are on another host, repeated, or not articles
	Held       int                  `json:"held"`       // not fetched yet, because they are dated in the future
	Known      int                  `json:"known"`      // not fetched, because they are stored already
	Cut        int                  `json:"cut"`        // not fetched, because the limit of a pass was reached
	Fetched    int                  `json:"fetched"`    // pages read
	Bytes      int64                `json:"bytes"`      // of the pages read
	Unchanged  int                  `json:"unchanged"`  // pages or feeds answered 304
	Extracted  int                  `json:"extracted"`  // articles found in pages
	Saved      int                  `json:"saved"`      // articles stored
	Revised    int                  `json:"revised"`    // articles stored before that have changed since
	Duplicates int                  `json:"duplicates"` // articles stored before that have not changed
	Failed     int                  `json:"failed"`     // feeds, pages and articles lost
	Lost       int                  `json:"lost"`       // of these, pages that could not be read
	Reasons    map[fetch.Reason]int `json:"reasons"`    // Failed by reason
	TTL        time.Duration        `json:"-"`          // how long the entries ask to wait
	Failures   []Failure            `json:"failures"`   // the first maxFailures, in order of occurrence
}

// Failure is one feed, page or article that was lost, and why.
type Failure struct {
	URL    string       `json:"url"`
	Stage  string       `json:"stage"` // feed, fetch, extract, store
	Reason fetch.Reason `json:"reason"`
	Detail string       `json:"detail"`
}

// The reasons in addition to those of fetching.
const (
	ReasonFeed    fetch.Reason = "feed"    // not a readable feed
	ReasonExtract fetch.Reason = "extract" // no article in the page
	ReasonRefused fetch.Reason = "refused" // an article that cannot be stored
	ReasonStore   fetch.Reason = "store"   // the sink failed
)

// maxFailures bounds a report; Reasons counts all.
const maxFailures = 50

func (r *Report) fail(stage, url string, reason fetch.Reason, err error) {
	r.Failed++
	if stage == "fetch" {
		r.Lost++
	}
	if r.Reasons == nil {
		r.Reasons = map[fetch.Reason]int{}
	}
	r.Reasons[reason]++
	if len(r.Failures) < maxFailures {
		r.Failures = append(r.Failures, Failure{URL: url, Stage: stage, Reason: reason, Detail: detail(err)})
	}
}

// detail is an error's text as valid UTF-8, cut to 300 bytes.
func detail(err error) string {
	s := err.Error()
	if len(s) > 300 {
		s = s[:300]
	}
	return strings.ToValidUTF8(s, "")
}

// LogValue is the report without its list of failures.
func (r Report) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("source", r.Source), slog.Duration("took", r.Took), slog.Int("feeds", r.Feeds), slog.Int("found", r.Found),
		slog.Int("skipped", r.Skipped), slog.Int("held", r.Held), slog.Int("known", r.Known), slog.Int("cut", r.Cut), slog.Int("fetched", r.Fetched),
		slog.Int("unchanged", r.Unchanged), slog.Int("extracted", r.Extracted), slog.Int("saved", r.Saved), slog.Int("revised", r.Revised),
		slog.Int("duplicates", r.Duplicates), slog.Int("failed", r.Failed),
	)
}

// Errors with which Scrape refuses a pass, or ends one that achieved nothing.
var (
	ErrUnknownSource = errors.New("no such source, or none that can be scraped")
	ErrNotOfSource   = errors.New("the address is not the source's own")
	ErrRunning       = errors.New("the source is being scraped already")
	ErrNoEntries     = errors.New("no entry of the source could be read")
)
