package scraping

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"openlearn/internal/scraping/discover"
	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"

	"golang.org/x/sync/errgroup"
)

// pass is the state of one Scrape. Only run's goroutine changes it; workers pass it their results.
type pass struct {
	service *Service
	src     source.Source
	options Options
	site    source.Site
	report  Report
	batch   []result
	seen    map[string]bool // canonical addresses in this pass: two feed items may lead to the same article
	lost    error           // the sink's last error
}

// result is the outcome for one page.
type result struct {
	item       discover.Item
	article    extract.Article
	validators fetch.Validators
	unchanged  bool
	fetched    bool
	bytes      int
	stage      string // where it failed, with err
	err        error
}

func (p *pass) run(ctx context.Context) error {
	if p.options.URL != "" {
		address, ok := p.site.Canonical(p.site.Base(), p.options.URL)
		if !ok {
			return fmt.Errorf("%s: %w", p.options.URL, ErrNotOfSource)
		}
		p.report.Found = 1
		p.pages(ctx, []discover.Item{{URL: address}})
	} else {
		items, err := p.discover(ctx)
		if err != nil {
			return err
		}
		p.pages(ctx, p.choose(ctx, items))
	}
	p.flush(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.lost != nil && p.report.Saved+p.report.Revised+p.report.Duplicates == 0 {
		return fmt.Errorf("store: %w", p.lost)
	}
	return nil
}

// choose leaves out articles that are not due, those that are stored and have not changed since, and those beyond the limit
// of a pass.
func (p *pass) choose(ctx context.Context, items []discover.Item) []discover.Item {
	due := p.service.cfg.Now().Add(clockSkew)
	items = slices.DeleteFunc(items, func(it discover.Item) bool {
		held := it.PublishedAt != nil && it.PublishedAt.After(due)
		if held {
			p.report.Held++
		}
		return held
	})
	if known := p.service.cfg.Known; known != nil && len(items) > 0 && !p.options.DryRun {
		urls := make([]string, len(items))
		for i, it := range items {
			urls[i] = it.URL
		}
		stored, err := known(ctx, urls)
		if err != nil { // only an optimisation: without it some fetched pages turn out to be duplicates
			p.service.cfg.Logger.WarnContext(ctx, "scraping: known addresses not available", "source", p.src.ID, "error", err)
		}
		items = slices.DeleteFunc(items, func(it discover.Item) bool {
			at, is := stored[it.URL]
			skip := is && (it.ModifiedAt == nil || !it.ModifiedAt.After(at))
			if skip {
				p.report.Known++
			}
			return skip
		})
	}
	if over := len(items) - p.service.cfg.MaxPages; over > 0 {
		// The newest first, together with those without a date, which are mostly new: a feed of old items must not crowd
		// out those of a live one.
		items = slices.Clone(items)
		slices.SortStableFunc(items, func(a, b discover.Item) int {
			switch {
			case a.PublishedAt == nil && b.PublishedAt == nil:
				return 0
			case a.PublishedAt == nil:
				return -1
			case b.PublishedAt == nil:
				return 1
			}
			return b.PublishedAt.Compare(*a.PublishedAt)
		})
		p.report.Cut = over
		items = items[:p.service.cfg.MaxPages]
	}
	return items
}

// clockSkew is how far ahead a newspaper's clock may be.
const clockSkew = 10 * time.Minute

// pages fetches and extracts pages with bounded concurrency, and stores articles as they arrive.
func (p *pass) pages(ctx context.Context, items []discover.Item) {
	results := make(chan result)
	var workers errgroup.Group
	workers.SetLimit(p.service.cfg.Concurrency)
	var feeder sync.WaitGroup
	feeder.Go(func() {
		defer close(results)
		for _, it := range items {
			workers.Go(func() error {
				results <- p.page(ctx, it) // always received: the loop below ends only when results is closed
				return nil
			})
		}
		_ = workers.Wait() // workers answer through results, never with an error
	})
	p.seen = map[string]bool{}
	for r := range results {
		p.take(ctx, r)
		if p.options.Progress != nil {
			p.options.Progress(p.report)
		}
	}
	feeder.Wait()
}

// page fetches one page and extracts its article. It runs concurrently and uses no state of the pass that changes.
func (p *pass) page(ctx context.Context, it discover.Item) (r result) {
	r = result{item: it}
	defer func() {
		if v := recover(); v != nil { // a page is untrusted input: it may fail by itself but never end the process
			r.stage, r.err = "extract", fmt.Errorf("extract: panic: %v", v)
		}
	}()
	ask := documentAsk{source: p.src, url: it.URL, accept: fetch.AcceptPage, known: p.service.pageValidators(it.URL), anew: !p.options.Scheduled}
	if it.ModifiedAt != nil {
		ask.version = it.ModifiedAt.UTC().Format(time.RFC3339)
	}
	doc, _, err := p.service.documents.get(ctx, ask)
	if err != nil {
		r.stage, r.err = "fetch", err
		return r
	}
	r.validators = doc.Validators
	if doc.NotModified {
		r.unchanged = true
		return r
	}
	r.fetched, r.bytes = true, len(doc.Body)
	r.article, r.err = extract.Extract(extract.Decode(doc.Body, doc.ContentType), extract.Hints{
		URL: doc.URL, Source: p.src.Name, Language: p.src.Language, Site: &p.site,
	})
	if r.err != nil {
		r.stage = "extract"
		return r
	}
	fillFromFeed(&r.article, it)
	if r.article.Title == "" {
		r.stage, r.err = "extract", errNoTitle
	}
	return r
}

var errNoTitle = errors.New("neither the page nor its feed gives the article a title")

// reasonOfRefusal is the kind of the refused page, if more is known than that it has no article.
func reasonOfRefusal(err error) fetch.Reason {
	var kind extract.Refusal
	if errors.As(err, &kind) && kind != extract.NoText {
		return fetch.Reason(kind)
	}
	return ReasonExtract
}

// fillFromFeed takes from the feed what the page lacks.
func fillFromFeed(a *extract.Article, it discover.Item) {
	if a.Title == "" {
		a.Title = it.Title
	}
	if a.PublishedAt == nil {
		a.PublishedAt = it.PublishedAt
	}
	if a.Author == "" && len(it.Authors) == 1 && source.Fold(it.Authors[0]) != source.Fold(a.Source) && !extract.IsNobody(it.Authors[0]) {
		a.Author = it.Authors[0]
	}
	if a.Category == "" && len(it.Categories) > 0 {
		a.Category = it.Categories[0]
	}
	if len(a.Tags) == 0 && len(it.Categories) > 1 {
		a.Tags = it.Categories
	}
}

// take counts a result and stores a full batch.
func (p *pass) take(ctx context.Context, r result) {
	if r.fetched {
		p.report.Fetched++
		p.report.Bytes += int64(r.bytes)
	}
	switch {
	case r.err != nil:
		reason := reasonOfRefusal(r.err)
		if r.stage == "fetch" {
			reason = fetch.ReasonOf(r.err)
		}
		p.report.fail(r.stage, r.item.URL, reason, r.err)
		return
	case r.unchanged:
		p.report.Unchanged++
		return
	}
	p.report.Extracted++
	if p.options.Each != nil {
		p.options.Each(r.article)
	}
	if p.seen[r.article.URL] {
		p.report.Duplicates++
		return
	}
	p.seen[r.article.URL] = true
	if p.options.DryRun {
		return
	}
	p.batch = append(p.batch, r)
	if len(p.batch) >= p.service.cfg.BatchSize {
		p.flush(ctx)
	}
}
