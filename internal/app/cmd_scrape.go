package app

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"openlearn/internal/scraping"
	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/source"
)

func scrapeFlags(fs *flag.FlagSet) {
	fs.Bool("all", false, "every source that has an entry, one after the other")
	fs.String("url", "", "this page alone, of whichever source it belongs to")
	fs.Bool("dry-run", false, "store nothing: print each article as a line of JSON instead")
}

func runScrape(ctx context.Context, c *call) error {
	all := c.flags.Lookup("all").Value.String() == "true"
	page := c.flags.Lookup("url").Value.String()
	dry := c.flags.Lookup("dry-run").Value.String() == "true"
	var cfg scrapingConfig
	if err := loadParts(&cfg); err != nil {
		return usageError{err.Error()}
	}
	sources, err := cfg.sources()
	if err != nil {
		return usageError{err.Error()}
	}
	chosen, err := choose(sources, c.args, all, page)
	if err != nil {
		return err
	}
	if dry { // needs neither PostgreSQL nor Redis
		log := NewConsoleLogger(c.stderr, envOr("LOG_LEVEL", "warn"))
		fetcher := cfg.fetcher(log)
		defer fetcher.Close()
		s, err := scraping.NewService(scraping.ServiceConfig{Sources: sources, Fetcher: fetcher, Sink: nowhere{}, Logger: log})
		if err != nil {
			return err
		}
		return scrapeEach(ctx, c, s, chosen, scraping.Options{URL: page, DryRun: true})
	}
	return withCore(ctx, c, func(core *core) error {
		return scrapeEach(ctx, c, core.Scraping, chosen, scraping.Options{URL: page})
	})
}

// nowhere is the sink of a dry run, which stores nothing.
type nowhere struct{}

func (nowhere) Save(context.Context, []extract.Article) ([]scraping.Verdict, error) {
	return nil, errors.New("a dry run stores nothing")
}

// choose returns the sources named on the command line.
func choose(sources *source.Catalogue, args []string, all bool, page string) ([]source.Source, error) {
	switch {
	case all && len(args) == 0 && page == "":
		return sources.Scrapable(), nil
	case page != "" && !all && len(args) == 0:
		u, err := url.Parse(page)
		if err == nil {
			for _, s := range sources.All() {
				if s.Site().Accepts(u) {
					return []source.Source{s}, nil
				}
			}
		}
		return nil, usageError{fmt.Sprintf("scrape: no source has the address %q: a file named by SCRAPER_SOURCES_FILE may add one", page)}
	case len(args) == 1 && !all:
		s, ok := sources.Find(args[0])
		if !ok {
			return nil, unknownSource(sources, args[0])
		}
		return []source.Source{s}, nil
	}
	return nil, usageError{"scrape: expected one SOURCE, or --all, or --url URL (openlearn sources list shows the sources)"}
}

func unknownSource(sources *source.Catalogue, name string) error {
	return usageError{fmt.Sprintf("unknown source %q; nearest: %s (openlearn sources list shows all)", name, strings.Join(sources.Nearest(name, 3), ", "))}
}

func scrapeEach(ctx context.Context, c *call, s *scraping.Service, chosen []source.Source, o scraping.Options) error {
	bar := newBar(c.stderr)
	var errs []error
	for i, src := range chosen {
		if ctx.Err() != nil {
			break
		}
		o := o
		label := src.ID
		if len(chosen) > 1 {
			label = fmt.Sprintf("%d/%d %s", i+1, len(chosen), src.ID)
		}
		o.Progress = func(r scraping.Report) {
			bar.show(label, r.Fetched+r.Failed+r.Unchanged, max(r.Found-r.Held-r.Known-r.Cut, 0))
		}
		if o.DryRun {
			o.Each = func(a extract.Article) { bar.clear(); printJSON(c.stdout, articleLine(a)) }
		}
		report, err := s.Scrape(ctx, src.ID, o)
		bar.clear()
		if report.Found > 0 || err == nil || len(report.Entries) > 0 {
			out := c.stdout
			if o.DryRun {
				out = c.stderr // standard output is for the articles
			}
			if c.inJSON() {
				printJSON(out, report)
			} else {
				printReport(out, report)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, ctx.Err())...)
}

func printReport(w io.Writer, r scraping.Report) {
	fmt.Fprintf(w, "%s: %d announced, %d known, %d fetched, %d extracted, %d stored, %d revised, %d duplicates, %d failed\n",
		r.Source, r.Found, r.Known, r.Fetched, r.Extracted, r.Saved, r.Revised, r.Duplicates, r.Failed)
	for _, e := range r.Entries {
		if !e.Works() || e.MovedTo != "" {
			printEntry(w, e)
		}
	}
	for _, f := range r.Failures {
		if f.Stage != "feed" { // reported above
			fmt.Fprintf(w, "  %s %s: %s (%s)\n", f.Stage, f.URL, f.Reason, f.Detail)
		}
	}
}

func printEntry(w io.Writer, e scraping.EntryState) {
	fmt.Fprintf(w, "  %s %s: %s", e.Kind, e.URL, e.State)
	if e.Items > 0 {
		fmt.Fprintf(w, ", %d articles", e.Items)
	}
	if e.Newest != nil {
		fmt.Fprintf(w, ", newest %s", e.Newest.Format("2006-01-02 15:04Z07:00"))
	}
	if e.MovedTo != "" {
		fmt.Fprintf(w, ", moved to %s", e.MovedTo)
	}
	if e.Detail != "" {
		fmt.Fprintf(w, " (%s)", e.Detail)
	}
	fmt.Fprintln(w)
}

// bar shows the progress of a pass in one line, on a terminal only.
type bar struct {
	w     io.Writer
	live  bool
	drawn bool
}

func newBar(w io.Writer) *bar {
	b := &bar{w: w}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			b.live = info.Mode()&os.ModeCharDevice != 0
		}
	}
	return b
}

func (b *bar) show(label string, done, of int) {
	if !b.live || of == 0 {
		return
	}
	const width = 30
	full := min(done*width/of, width)
	fmt.Fprintf(b.w, "\r\x1b[K%s [%s%s] %d/%d", label, strings.Repeat("=", full), strings.Repeat(" ", width-full), done, of)
	b.drawn = true
}

func (b *bar) clear() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}

func printJSON(w io.Writer, v any) {
	if err := writeJSON(w, v); err != nil {
		fmt.Fprintf(w, "%q\n", err.Error()) // unreachable: plain texts and times
	}
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
