package app

import (
	"context"
	"fmt"
	"io"
	"strings"

	"openlearn/internal/scraping"
)

func runScrape(ctx context.Context, c *call) error {
	var cfg scrapingConfig
	if err := loadParts(&cfg); err != nil {
		return usageError{err.Error()}
	}
	defs, err := cfg.definitions()
	if err != nil {
		return err
	}
	if len(c.args) != 1 {
		return usageError{"scrape: expected one SOURCE of: " + strings.Join(defs.IDs(), ", ")}
	}
	if _, ok := defs.Find(c.args[0]); !ok {
		return usageError{fmt.Sprintf("scrape: unknown source %q, expected one of: %s", c.args[0], strings.Join(defs.IDs(), ", "))}
	}
	return withCore(ctx, c, func(core *core) error {
		report, err := core.Scraping.Scrape(ctx, c.args[0])
		if report.Found > 0 || err == nil {
			printReport(c.stdout, report)
		}
		return err
	})
}

func printReport(w io.Writer, r scraping.Report) {
	fmt.Fprintf(w, "%s: %d announced, %d known, %d fetched, %d extracted, %d stored, %d revised, %d duplicates, %d failed\n",
		r.Source, r.Found, r.Known, r.Fetched, r.Extracted, r.Saved, r.Revised, r.Duplicates, r.Failed)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "  %s %s: %s (%s)\n", f.Stage, f.URL, f.Reason, f.Detail)
	}
}
