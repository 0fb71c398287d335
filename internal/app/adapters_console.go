package app

import (
	"context"

	"openlearn/internal/admin/console"
	"openlearn/internal/scraping"
)

// consoleScraping adapts scraping for the console.
type consoleScraping struct{ scraping *scraping.Service }

// consoleJobs is how many of the latest passes the console shows.
const consoleJobs = 25

func (c consoleScraping) Sources(ctx context.Context) ([]console.Source, error) {
	found, err := c.scraping.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]console.Source, len(found))
	for i, s := range found {
		out[i] = console.Source{
			ID: s.ID, Name: s.Name, Priority: s.Priority, Health: string(s.Health), Paused: s.PausedAt != nil, Scrapable: s.Entries > 0, PauseReason: s.PauseReason,
			Failure: s.Failure, Failures: s.Failures, Stored: s.Stored, LastSuccess: s.LastSuccess, Newest: s.NewestItem, NextAt: s.NextPass,
		}
	}
	return out, nil
}

func (c consoleScraping) Jobs(ctx context.Context) ([]console.ScrapingJob, error) {
	found, _, err := c.scraping.Passes(ctx, "", "", 0, consoleJobs)
	if err != nil {
		return nil, err
	}
	out := make([]console.ScrapingJob, len(found))
	for i, j := range found {
		one := console.ScrapingJob{
			ID: j.ID, Source: j.Source, State: string(j.State), Asked: j.Asked, Attempt: j.Attempt, Attempts: j.Attempts, Due: j.DueAt, Started: j.StartedAt, Ended: j.EndedAt,
		}
		if p := j.Progress; p != nil {
			one.Pages, one.Done = p.PagesTotal, p.PagesDone
			one.Stored, one.Revised, one.Duplicates, one.Failed = p.Report.Saved, p.Report.Revised, p.Report.Duplicates, p.Report.Failed
		}
		if n := len(j.Errors); n > 0 {
			one.Error = j.Errors[n-1].Error
		}
		out[i] = one
	}
	return out, nil
}

func (c consoleScraping) Trigger(ctx context.Context, name string) (job int64, deduplicated bool, err error) {
	src, err := c.scraping.Named(name)
	if err != nil {
		return 0, false, err
	}
	in, err := c.scraping.Trigger(ctx, src)
	return in.ID, in.Duplicate, err
}

func (c consoleScraping) Pause(ctx context.Context, name string, paused bool, reason string) error {
	src, err := c.scraping.Named(name)
	if err != nil {
		return err
	}
	_, err = c.scraping.Pause(ctx, src, paused, reason)
	return err
}
