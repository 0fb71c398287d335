package scraping

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
)

// Health says in one word how scraping a source is going.
type Health string

// The states of health. The first that is true counts.
const (
	NoEntry  Health = "no_entry" // the catalogue has no entry for it; openlearn sources probe looks for some
	Disabled Health = "disabled" // in the catalogue
	Paused   Health = "paused"   // by an operator
	Untried  Health = "untried"  // no pass has ended yet
	Failing  Health = "failing"  // the last pass failed
	Silent   Health = "silent"   // passes succeed, but nothing new was announced for longer than its priority allows
	Healthy  Health = "ok"
)

// silentAfter is how old the newest article of a source may be by priority: newspapers of high priority publish day and
// night.
var silentAfter = map[string]time.Duration{"high": 6 * time.Hour, "low": 7 * 24 * time.Hour}

const silentAfterOther = 48 * time.Hour

func healthOf(src source.Source, st SourceState, now time.Time) Health {
	silent := silentAfter[src.Priority]
	if silent == 0 {
		silent = silentAfterOther
	}
	switch {
	case !src.Scrapable():
		return NoEntry
	case src.Disabled:
		return Disabled
	case st.PausedAt != nil:
		return Paused
	case st.EndedAt == nil:
		return Untried
	case st.Failures > 0:
		return Failing
	case st.NewestAt != nil && now.Sub(*st.NewestAt) > silent:
		return Silent
	}
	return Healthy
}

// shortFailures is how many single failures are kept of a finished pass.
const shortFailures = 10

// short is the report with a few of its failures only.
func (r Report) short() Report {
	r.Failures = r.Failures[:min(len(r.Failures), shortFailures)]
	r.Reasons = maps.Clone(r.Reasons) // progress is read while the pass is running
	return r
}

// newest is the date of the newest article that the pass's entries announced.
func (r Report) newest() (at *time.Time) {
	for _, e := range r.Entries {
		if e.Newest != nil && (at == nil || e.Newest.After(*at)) {
			at = e.Newest
		}
	}
	return at
}

// tried is how many pages the pass has to read, and how many of these are done.
func (r Report) tried() (pages, done int) {
	pages = max(r.Found-r.Held-r.Known-r.Cut, 0)
	return pages, min(r.Fetched+r.Unchanged+r.Lost, pages) // some of the unchanged are entries
}

// failure says why the pass counts as failed, "" if it does not. A pass whose entries were sound but none of whose pages
// could be read has failed, whatever the server answered: the source shuts us out.
func (r Report) failure(err error) string {
	if err != nil {
		return detail(err)
	}
	pages, _ := r.tried()
	if pages < 3 || r.Lost < pages {
		return ""
	}
	reasons := slices.SortedFunc(maps.Keys(r.Reasons), func(a, b fetch.Reason) int { return r.Reasons[b] - r.Reasons[a] })
	said := make([]string, len(reasons))
	for i, reason := range reasons {
		said[i] = fmt.Sprintf("%s %d times", reason, r.Reasons[reason])
	}
	return fmt.Sprintf("none of %d pages could be read: %s", pages, strings.Join(said, ", "))
}

// SourceStatus is a source as operators see it.
type SourceStatus struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Kind        string     `json:"kind,omitempty"`
	Priority    string     `json:"priority,omitempty"`
	Region      string     `json:"region,omitempty"`
	Health      Health     `json:"health" enum:"ok,failing,silent,paused,untried,disabled,no_entry"`
	Entries     int        `json:"entries" doc:"Addresses at which it announces articles that are read"`
	PausedAt    *time.Time `json:"paused_at,omitempty"`
	PauseReason string     `json:"pause_reason,omitempty"`
	NextPass    *time.Time `json:"next_pass,omitempty" doc:"When the next pass is due"`
	LastPass    *time.Time `json:"last_pass,omitempty" doc:"When the last pass ended"`
	LastSuccess *time.Time `json:"last_success,omitempty" doc:"When the last pass ended that did not fail"`
	NewestItem  *time.Time `json:"newest_item,omitempty" doc:"The date of the newest article that it announced"`
	Failures    int        `json:"failures" doc:"Passes that failed, in a row"`
	Failure     string     `json:"failure,omitempty" doc:"Why the last one did"`
	Stored      int64      `json:"stored" doc:"Articles, over all passes"`
	Revised     int64      `json:"revised"`
}

// Statuses returns the status of every source in the catalogue, in its order.
func (s *Service) Statuses(ctx context.Context) ([]SourceStatus, error) {
	states, err := s.cfg.Store.States(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	out := []SourceStatus{}
	for _, src := range s.cfg.Sources.All() {
		out = append(out, statusOf(src, states[src.ID], now))
	}
	return out, nil
}

func statusOf(src source.Source, st SourceState, now time.Time) SourceStatus {
	out := SourceStatus{
		ID: src.ID, Name: src.Name, Kind: src.Kind, Priority: src.Priority, Region: src.Region, Health: healthOf(src, st, now), Entries: len(src.Usable()),
		PausedAt: st.PausedAt, LastPass: st.EndedAt, LastSuccess: st.SucceededAt, NewestItem: st.NewestAt, Failures: st.Failures, Stored: st.Stored, Revised: st.Revised,
	}
	if st.PauseReason != nil {
		out.PauseReason = *st.PauseReason
	}
	if st.Failure != nil {
		out.Failure = *st.Failure
	}
	if !st.NextAt.IsZero() && st.PausedAt == nil && src.Scrapable() && !src.Disabled {
		out.NextPass = &st.NextAt
	}
	return out
}
