package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"openlearn/internal/scraping"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/newsroom"
	"openlearn/internal/scraping/source"
)

func runScrape(ctx context.Context, c *call) error {
	var extra []source.Definition
	if url := os.Getenv("NEWSROOM_URL"); url != "" { // `dev` is running: see its env file
		extra = append(extra, newsroom.Definition(url))
	}
	defs, err := source.NewDefinitions(extra...)
	if err != nil {
		return err
	}
	if len(c.args) != 1 {
		return usageError{"scrape: expected one SOURCE of: " + strings.Join(defs.IDs(), ", ")}
	}
	if _, ok := defs.Find(c.args[0]); !ok {
		return usageError{fmt.Sprintf("scrape: unknown source %q, expected one of: %s", c.args[0], strings.Join(defs.IDs(), ", "))}
	}
	return withApp(ctx, c, func(a *App) error {
		report, err := a.scrape(ctx, defs, c.args[0])
		if report.Found > 0 || err == nil {
			printReport(c.stdout, report)
		}
		return err
	})
}

// scrape makes one pass over a source and stores what is new in the archive.
func (a *App) scrape(ctx context.Context, defs *source.Definitions, source string) (scraping.Report, error) {
	fetcher := fetch.New(fetch.Config{Log: a.log})
	defer fetcher.Close()
	s, err := scraping.NewService(scraping.ServiceConfig{
		Definitions: defs, Fetcher: fetcher, Sink: scrapeSink{a}, Known: a.Articles.Known, Log: a.log,
		Metrics: a.scraping,
	})
	if err != nil {
		return scraping.Report{}, err
	}
	return s.Scrape(ctx, source)
}

func printReport(w io.Writer, r scraping.Report) {
	fmt.Fprintf(w, "%s: %d announced, %d known, %d fetched, %d extracted, %d stored, %d duplicates, %d failed\n",
		r.Source, r.Found, r.Known, r.Fetched, r.Extracted, r.Saved, r.Duplicates, r.Failed)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "  %s %s: %s (%s)\n", f.Stage, f.URL, f.Reason, f.Detail)
	}
}
