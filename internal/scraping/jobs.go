package scraping

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ServiceConfig says what a Service works with; Definitions, Fetcher and Sink are required.
type ServiceConfig struct {
	Definitions *Definitions
	Fetcher     *Fetcher
	Sink        Sink
	// Known answers which of these addresses are stored already: their pages are not fetched again. Optional.
	Known func(ctx context.Context, urls []string) ([]string, error)
	// Concurrency is how many pages are in hand at once. Default 4.
	Concurrency int
	// MaxPages bounds the pages fetched in one pass. Default 60.
	MaxPages int
	// PassTimeout bounds one pass. Default 20 min: sixty pages at five a minute take twelve.
	PassTimeout time.Duration
	// BatchSize is how many articles are stored at a time: a long pass shows its first articles early. Default 10.
	BatchSize int
	// Log takes what happens. Default: discarded.
	Log *slog.Logger
	// Now is the clock of reports. Default time.Now.
	Now func() time.Time
}

// Service scrapes sources, one pass at a time each. It is safe for concurrent use and keeps no goroutine between calls.
type Service struct {
	cfg ServiceConfig

	mu      sync.Mutex
	running map[string]bool       // by definition id
	seen    map[string]Validators // by address: what the last pass was answered, so that the next can ask for changes only
}

// maxValidators bounds Service.seen; past it the memory is dropped and pages are read anew.
const maxValidators = 20_000

// NewService makes a Service.
func NewService(cfg ServiceConfig) (*Service, error) {
	if cfg.Definitions == nil || cfg.Fetcher == nil || cfg.Sink == nil {
		return nil, errors.New("scraping: NewService: Definitions, Fetcher and Sink are required")
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = 4
	}
	if cfg.MaxPages <= 0 {
		cfg.MaxPages = 60
	}
	if cfg.PassTimeout <= 0 {
		cfg.PassTimeout = 20 * time.Minute
	}
	if cfg.BatchSize <= 0 {
		cfg.BatchSize = 10
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{cfg: cfg, running: map[string]bool{}, seen: map[string]Validators{}}, nil
}

// Scrape makes one pass over a source, named by id, name or alias: read its feeds, fetch the pages they announce,
// extract the articles and store them. It returns when everything it started has ended.
//
// Single failures are in the report, not in the error. The error says that the pass as such failed: it wraps
// ErrUnknownSource, ErrRunning, ErrNoFeeds, the context's error, or what the sink said when it took nothing. Articles
// extracted before the context ended are stored all the same.
func (s *Service) Scrape(ctx context.Context, source string) (Report, error) {
	def, ok := s.cfg.Definitions.Find(source)
	if !ok {
		return Report{Source: source}, fmt.Errorf("scrape %q: %w", source, ErrUnknownSource)
	}
	if !s.begin(def.ID) {
		return Report{ID: def.ID, Source: def.Name}, fmt.Errorf("scrape %s: %w", def.ID, ErrRunning)
	}
	defer s.end(def.ID)

	started := s.cfg.Now()
	p := &pass{service: s, def: def, site: def.site(), report: Report{ID: def.ID, Source: def.Name, StartedAt: started.UTC(), Reasons: map[Reason]int{}, Failures: []Failure{}}}
	passCtx, cancel := context.WithTimeout(ctx, s.cfg.PassTimeout)
	defer cancel()
	err := p.run(passCtx)
	p.report.Took = s.cfg.Now().Sub(started)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
		err = fmt.Errorf("scrape %s: %w", def.ID, err)
	}
	s.cfg.Log.LogAttrs(ctx, level, "scraping: pass ended", slog.Any("report", p.report), slog.Any("err", err))
	return p.report, err
}

func (s *Service) begin(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[id] {
		return false
	}
	s.running[id] = true
	return true
}

func (s *Service) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, id)
}

func (s *Service) validators(url string) Validators {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[url]
}

func (s *Service) remember(url string, v Validators) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= maxValidators {
		clear(s.seen)
	}
	s.seen[url] = v
}

// pass is the state of one Scrape. Only run's goroutine touches it; workers hand their results over.
type pass struct {
	service *Service
	def     Definition
	site    site
	report  Report
	batch   []result
	tasted  map[string]bool // canonical addresses in this pass: two feed items may lead to one article
	lost    error           // the sink's last error
}

// result is what became of one page.
type result struct {
	item       FeedItem
	article    Article
	validators Validators
	unchanged  bool
	fetched    bool
	stage      string // where it failed, with err
	err        error
}

func (p *pass) run(ctx context.Context) error {
	items, feeds, err := p.discover(ctx)
	if err != nil {
		return err
	}
	items = p.choose(ctx, items)
	p.pages(ctx, items)
	p.flush(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.lost != nil && p.report.Saved+p.report.Duplicates == 0 {
		return fmt.Errorf("store: %w", p.lost)
	}
	if p.report.Cut == 0 && p.report.Failed == 0 {
		// Only now may an unchanged feed be skipped next time: nothing it announced was left behind.
		for url, v := range feeds {
			p.service.remember(url, v)
		}
	}
	return nil
}

// discover reads the feeds. A feed that fails is reported; all failing is an error.
func (p *pass) discover(ctx context.Context) (items []FeedItem, feeds map[string]Validators, err error) {
	feeds = map[string]Validators{}
	at := map[string]bool{}
	var errs []error
	for _, feed := range p.def.Feeds {
		doc, err := p.service.cfg.Fetcher.Get(ctx, p.def, feed.URL, acceptFeed, p.service.validators(feed.URL))
		if err == nil && doc.NotModified {
			p.report.Feeds++
			p.report.Unchanged++
			continue
		}
		var found []FeedItem
		skipped, reason := 0, ReasonFeed
		if err != nil {
			reason = reasonOf(err)
		} else {
			found, skipped, err = parseFeed(doc.Body, doc.URL, p.site)
		}
		if err != nil {
			errs = append(errs, err)
			p.report.fail("feed", feed.URL, reason, err)
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			continue
		}
		p.report.Feeds++
		p.report.Skipped += skipped
		if doc.Validators != (Validators{}) {
			feeds[feed.URL] = doc.Validators
		}
		for _, it := range found {
			if !at[it.URL] {
				at[it.URL] = true
				items = append(items, it)
			}
		}
	}
	p.report.Found = len(items)
	if p.report.Feeds == 0 {
		return nil, nil, fmt.Errorf("%w: %w", ErrNoFeeds, errors.Join(errs...))
	}
	return items, feeds, nil
}

// choose leaves out what is stored already and what goes beyond a pass.
func (p *pass) choose(ctx context.Context, items []FeedItem) []FeedItem {
	if known := p.service.cfg.Known; known != nil && len(items) > 0 {
		urls := make([]string, len(items))
		for i, it := range items {
			urls[i] = it.URL
		}
		stored, err := known(ctx, urls)
		if err != nil { // an economy only: without it pages are fetched that turn out to be duplicates
			p.service.cfg.Log.WarnContext(ctx, "scraping: known addresses not available", "source", p.def.ID, "err", err)
		}
		is := make(map[string]bool, len(stored))
		for _, u := range stored {
			is[u] = true
		}
		fresh := make([]FeedItem, 0, len(items))
		for _, it := range items {
			if !is[it.URL] {
				fresh = append(fresh, it)
			}
		}
		p.report.Known = len(items) - len(fresh)
		items = fresh
	}
	if over := len(items) - p.service.cfg.MaxPages; over > 0 {
		p.report.Cut = over
		items = items[:p.service.cfg.MaxPages]
	}
	return items
}

// pages fetches and extracts with bounded concurrency, and stores as articles arrive.
func (p *pass) pages(ctx context.Context, items []FeedItem) {
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
	p.tasted = map[string]bool{}
	for r := range results {
		p.take(ctx, r)
	}
	feeder.Wait()
}

// page fetches one page and extracts its article. It runs beside others and touches nothing of the pass that changes.
func (p *pass) page(ctx context.Context, it FeedItem) (r result) {
	r = result{item: it}
	defer func() {
		if v := recover(); v != nil { // a page is hostile input: it may cost itself, never the process
			r.stage, r.err = "extract", fmt.Errorf("extract: panic: %v", v)
		}
	}()
	doc, err := p.service.cfg.Fetcher.Get(ctx, p.def, it.URL, acceptPage, p.service.validators(it.URL))
	if err != nil {
		r.stage, r.err = "fetch", err
		return r
	}
	r.validators = doc.Validators
	if doc.NotModified {
		r.unchanged = true
		return r
	}
	r.fetched = true
	r.article, r.err = Extract(decodeHTML(doc.Body, doc.ContentType), Hints{
		URL: doc.URL, Source: p.def.Name, Language: p.def.Language, site: &p.site,
	})
	if r.err != nil {
		r.stage = "extract"
		return r
	}
	fillFromFeed(&r.article, it)
	return r
}

// fillFromFeed takes from the feed what the page does not say.
func fillFromFeed(a *Article, it FeedItem) {
	if a.PublishedAt == nil {
		a.PublishedAt = it.PublishedAt
	}
	if a.Author == "" && len(it.Authors) == 1 && foldName(it.Authors[0]) != foldName(a.Source) && !noAuthors[foldName(it.Authors[0])] {
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
	}
	switch {
	case r.err != nil:
		reason := ReasonExtract
		if r.stage == "fetch" {
			reason = reasonOf(r.err)
		}
		p.report.fail(r.stage, r.item.URL, reason, r.err)
		return
	case r.unchanged:
		p.report.Unchanged++
		return
	}
	p.report.Extracted++
	if p.tasted[r.article.URL] {
		p.report.Duplicates++
		return
	}
	p.tasted[r.article.URL] = true
	p.batch = append(p.batch, r)
	if len(p.batch) >= p.service.cfg.BatchSize {
		p.flush(ctx)
	}
}

// saveTimeout bounds one call of the sink.
const saveTimeout = 30 * time.Second

// flush stores the batch, and where the sink refuses it as a whole, each article by itself, so that one that cannot be
// stored costs only itself. It works on after the pass was cancelled: what was fetched is not thrown away.
func (p *pass) flush(ctx context.Context) {
	batch := p.batch
	p.batch = nil
	if len(batch) == 0 {
		return
	}
	articles := make([]Article, len(batch))
	for i, r := range batch {
		articles[i] = r.article
	}
	err := p.save(ctx, articles)
	if err == nil {
		p.stored(batch...)
		return
	}
	const giveUp = 3 // as many refusals in a row mean the sink is away, not the articles bad
	refused := 0
	for _, r := range batch {
		if len(batch) > 1 && refused < giveUp {
			err = p.save(ctx, []Article{r.article})
			if err == nil {
				refused = 0
				p.stored(r)
				continue
			}
			refused++
		}
		p.lost = err
		p.report.fail("store", r.article.URL, ReasonStore, err)
	}
}

func (p *pass) save(ctx context.Context, articles []Article) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	saved, duplicates, err := p.service.cfg.Sink.Save(ctx, articles)
	if err != nil {
		return fmt.Errorf("save %d articles: %w", len(articles), err)
	}
	p.report.Saved += saved
	p.report.Duplicates += duplicates
	return nil
}

func (p *pass) stored(batch ...result) {
	for _, r := range batch {
		if r.validators != (Validators{}) {
			p.service.remember(r.item.URL, r.validators)
		}
	}
}
