// Package scraping gathers the news: it reads what sources announce, fetches their pages politely, extracts the articles
// and hands them to a Sink.
//
// Its rooms: source (what is known of each source, and which addresses are its own), robots (robots.txt), fetch (HTTP as
// a polite guest), discover (announcements to addresses of articles), extract (page to article), newsroom (a newspaper of
// our own for demonstrations and tests). This package joins them.
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

// Sink stores articles. It is an interface because the articles belong to another domain, which this one does not
// import; the composition root adapts.
type Sink interface {
	// Save stores what is new or has changed and answers what became of each article, in order. A duplicate or a refusal is
	// no error and never costs another article its place.
	Save(ctx context.Context, articles []extract.Article) ([]Verdict, error)
}

// Outcome is what became of an article.
type Outcome string

// The outcomes there are.
const (
	Stored    Outcome = "stored"    // it is new
	Revised   Outcome = "revised"   // it was stored before and says something else now
	Duplicate Outcome = "duplicate" // it was stored before and says the same
	Refused   Outcome = "refused"   // it cannot be stored, for a reason that trying again does not change
)

// Verdict is what the sink says of one article.
type Verdict struct {
	Outcome Outcome
	Reason  string // of a refusal
}

// ServiceConfig says what a Service works with; Sources, Fetcher and Sink are required.
type ServiceConfig struct {
	Sources *source.Catalogue
	Fetcher *fetch.Fetcher
	Sink    Sink
	// Known answers which of these addresses are stored already, and when each was last written: their pages are fetched again
	// only if the source says that they changed since. Optional.
	Known func(ctx context.Context, urls []string) (map[string]time.Time, error)
	// Entries keeps the state of entries, for all instances and beyond restarts. Default: this service's memory.
	Entries Entries
	// Cache is what documents are read through (the layer api_news). Optional.
	Cache *cache.Cache
	// Store keeps how each source is doing, and lets one process at a time make a pass over it. Without one that is so in this
	// process alone, and Jobs, Trigger and Pause are not to be used.
	Store *Store
	// Jobs takes passes that are due, or asked for.
	Jobs *jobs.Client
	// Only chooses the sources that passes are made over by themselves; nil: all that have an entry.
	Only func(source.Source) bool
	// Lease is how long after its last sign of life a process is taken not to make its pass any more. Default 20 s.
	Lease time.Duration
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
	// Metrics counts what passes do; one for all services of a process. Optional.
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
	seen    map[string]fetch.Validators // by address of a stored page: the next pass asks for changes only
}

// maxValidators bounds Service.seen; past it the memory is dropped and pages are read anew.
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
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
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
	// URL makes the pass read this page alone, known or not.
	URL string
	// Scheduled makes the pass leave out entries whose next check has not come, and take pages that were read lately from
	// the cache. Without it everything is read now: someone asks for it.
	Scheduled bool
	// DryRun stores nothing: Each is told what would be.
	DryRun bool
	// Each is told of every article that a pass finds, one at a time. Optional.
	Each func(extract.Article)
	// Progress is told of the pass's report as it goes on, one at a time. Optional.
	Progress func(Report)
}

// Scrape makes one pass over a source, named by id, name or alias: read its feeds, fetch the pages they announce,
// extract the articles and store them. It returns when everything it started has ended.
//
// Single failures are in the report, not in the error. The error says that the pass as such failed: it wraps
// ErrUnknownSource, ErrRunning, ErrNoEntries, the context's error, or what the sink said when it took nothing. Articles
// extracted before the context ended are stored all the same.
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
	err = p.run(passCtx)
	if errors.Is(context.Cause(held), errLeaseLost) {
		err = errLeaseLost
	}
	p.report.Took = s.cfg.Now().Sub(started)
	s.cfg.Metrics.observe(&p.report, s.cfg.Now(), err)
	if s.cfg.Store != nil && options.URL == "" && !options.DryRun && ctx.Err() == nil && !errors.Is(err, errLeaseLost) {
		s.concluded(ctx, src, p.report, err) // a pass that was broken off says nothing of the source
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
		err = fmt.Errorf("scrape %s: %w", src.ID, err)
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

// pageValidators are those of a page stored before. Where Known is there to say what is stored, a page that is asked
// for is not stored (any more), so it is read whole.
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
