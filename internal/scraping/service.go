// Package scraping gathers the news: it reads what sources announce, fetches their pages politely, extracts the articles
// and hands them to a Sink.
//
// Its subpackages are source (what is known about each source, and which addresses belong to it), robots (robots.txt),
// fetch (polite HTTP), discover (from announcements to addresses of articles), extract (from pages to articles) and
// newsroom (a newspaper of our own for demonstrations and tests). This package joins them.
package scraping

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/jobs"
	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
)

// Sink stores articles. It is an interface because the articles belong to another domain, which this one does not import;
// the composition root connects them.
type Sink interface {
	// Save stores new and changed articles and returns a verdict on each, in order. A duplicate or a refusal is not an
	// error and does not affect the other articles.
	Save(ctx context.Context, articles []extract.Article) ([]Verdict, error)
}

// Outcome says what Save did with an article.
type Outcome string

// The outcomes.
const (
	Stored    Outcome = "stored"    // it is new
	Revised   Outcome = "revised"   // it was stored before and has changed since
	Duplicate Outcome = "duplicate" // it was stored before and has not changed
	Refused   Outcome = "refused"   // it can never be stored: trying again would not help
)

// Verdict is the sink's verdict on one article.
type Verdict struct {
	Outcome Outcome
	Reason  string // why it was refused
}

// ServiceConfig configures a Service; Sources, Fetcher and Sink are required.
type ServiceConfig struct {
	Sources *source.Catalogue
	Fetcher *fetch.Fetcher
	Sink    Sink
	// Known returns which of these addresses are stored, and when each was last written: their pages are fetched again only
	// if the source says that they have changed since. Optional.
	Known func(ctx context.Context, urls []string) (map[string]time.Time, error)
	// Entries keeps the state of entries, for all instances and across restarts. Default: this service's memory.
	Entries Entries
	// Cache is the cache through which documents are read (the layer api_news). Optional.
	Cache *cache.Cache
	// Store keeps how each source is doing, and lets one process at a time make a pass over it. Without it the limit holds
	// only within this process, and Jobs, Trigger and Pause must not be used.
	Store *Store
	// Jobs receives the passes that are due or requested.
	Jobs *jobs.Client
	// Only selects the sources whose passes are scheduled; nil: all that have an entry.
	Only func(source.Source) bool
	// Lease is how long after its last sign of life a process is assumed to have abandoned its pass. Default 20 s.
	Lease time.Duration
	// Concurrency is how many pages are fetched at once. Default 4.
	Concurrency int
	// MaxPages bounds the pages fetched in one pass. Default 60.
	MaxPages int
	// PassTimeout bounds one pass. Default 20 min: sixty pages at five a minute take twelve.
	PassTimeout time.Duration
	// BatchSize is how many articles are stored at a time: a long pass shows its first articles early. Default 10.
	BatchSize int
	// Logger receives log messages. Default: discarded.
	Logger *slog.Logger
	// Metrics counts passes and their results; all services of a process share one. Optional.
	Metrics *Metrics
	// Now is the clock of reports. Default time.Now.
	Now func() time.Time
}

// Service scrapes sources, one pass at a time each. It is safe for concurrent use and keeps no goroutine between calls.
type Service struct {
	cfg    ServiceConfig
	holder string // names this process in leases

	documents *documents

	mu      sync.Mutex
	running map[string]bool             // by definition id
	seen    map[string]fetch.Validators // by address of a stored page: the next pass requests it conditionally
}

// maxValidators bounds Service.seen; beyond it all are dropped and pages are read again.
const maxValidators = 20_000

// NewService makes a Service.
func NewService(cfg ServiceConfig) (*Service, error) {
	if cfg.Sources == nil || cfg.Fetcher == nil || cfg.Sink == nil {
		return nil, errors.New("scraping: NewService: Sources, Fetcher and Sink are required")
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
	if cfg.Lease <= 0 {
		cfg.Lease = 20 * time.Second
	}
	if cfg.BatchSize <= 0 {
		cfg.BatchSize = 10
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Entries == nil {
		cfg.Entries = newMemoryEntries()
	}
	s := &Service{cfg: cfg, holder: rand.Text(), running: map[string]bool{}, seen: map[string]fetch.Validators{}}
	var err error
	s.documents, err = newDocuments(cfg.Fetcher, cfg.Cache)
	return s, err
}

// Options say how a pass is made.
type Options struct {
	// URL makes the pass read only this page, known or not.
	URL string
	// Scheduled makes the pass skip entries whose next check is not due, and take recently read pages from the cache.
	// Without it everything is read now, because someone asked for it.
	Scheduled bool
	// DryRun stores nothing: Each gets what would be stored.
	DryRun bool
	// Each is called with every article that a pass finds, one at a time. Optional.
	Each func(extract.Article)
	// Progress is called with the report as the pass goes on, never concurrently. Optional.
	Progress func(Report)
}

// Scrape makes one pass over a source, named by id, name or alias: read its feeds, fetch the pages they announce,
// extract the articles and store them. It returns when everything it started has ended.
//
// Single failures are in the report, not in the error. The error says that the pass as such failed: it wraps
// ErrUnknownSource, ErrRunning, ErrNoEntries, the context's error, or the sink's error if it stored nothing. Articles
// extracted before the context ended are still stored.
func (s *Service) Scrape(ctx context.Context, source string, options Options) (Report, error) {
	src, ok := s.cfg.Sources.Find(source)
	if !ok {
		return Report{Source: source}, fmt.Errorf("scrape %q: %w", source, ErrUnknownSource)
	}
	if !s.begin(src.ID) {
		return Report{ID: src.ID, Source: src.Name}, fmt.Errorf("scrape %s: %w", src.ID, ErrRunning)
	}
	defer s.end(src.ID)
	held, release, err := s.hold(ctx, src.ID)
	if err != nil {
		return Report{ID: src.ID, Source: src.Name}, fmt.Errorf("scrape %s: %w", src.ID, err)
	}
	defer release()

	started := s.cfg.Now()
	p := &pass{service: s, src: src, site: src.Site(), options: options, report: Report{ID: src.ID, Source: src.Name, StartedAt: started.UTC(), Reasons: map[fetch.Reason]int{}, Failures: []Failure{}}}
	passCtx, cancel := context.WithTimeout(held, s.cfg.PassTimeout)
	defer cancel()
	s.cfg.Metrics.starts(src.ID)
	err = p.run(passCtx)
	if errors.Is(context.Cause(held), errLeaseLost) {
		err = errLeaseLost
	}
	p.report.Took = s.cfg.Now().Sub(started)
	s.cfg.Metrics.observe(&p.report, s.cfg.Now(), err)
	if s.cfg.Store != nil && options.URL == "" && !options.DryRun && ctx.Err() == nil && !errors.Is(err, errLeaseLost) {
		s.concluded(ctx, src, p.report, err) // an interrupted pass says nothing about the source
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
		err = fmt.Errorf("scrape %s: %w", src.ID, err)
	}
	attrs := []slog.Attr{slog.Any("report", p.report)}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	s.cfg.Logger.LogAttrs(ctx, level, "scraping: pass ended", attrs...)
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

// pageValidators returns the validators of a page that was stored before. If Known says what is stored, a page that is
// requested is not stored (any more), so it is read unconditionally.
func (s *Service) pageValidators(url string) fetch.Validators {
	if s.cfg.Known != nil {
		return fetch.Validators{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[url]
}

func (s *Service) rememberPage(url string, v fetch.Validators) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= maxValidators {
		clear(s.seen)
	}
	s.seen[url] = v
}
