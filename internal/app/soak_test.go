package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/scraping"
	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
	liars "openlearn/internal/scraping/newsroom/hostile"
	"openlearn/internal/scraping/source"
	"openlearn/internal/testkit"
)

// The soak test: newspapers that lie are read for a week by three instances that share PostgreSQL and Redis, in virtual
// time.
const (
	soakSources   = 50
	soakDays      = 7
	soakPerDay    = 2
	soakInstances = 3
	// soakTail is how long reading goes on after the last news, when all papers behave: a day, because a failing entry may
	// be read only once a day, and some hours.
	soakTail = 34 * time.Hour
)

// soakHabits are assigned to the papers in turn: each is the set of habits of one paper.
var soakHabits = [][]liars.Habit{
	{},
	{liars.HTMLFeed},
	{liars.Challenge, liars.Moves},
	{liars.EmptyFeed},
	{liars.Gone},
	{liars.Forbids},
	{liars.Throttles},
	{liars.RobotsDown},
	{liars.Stale},
	{liars.Moves},
	{liars.Mislabels},
	{liars.Stuck},
	{liars.Retags},
	{liars.Future},
	{liars.Edits},
	{liars.Edits, liars.Retags},
	{liars.Wire},
	{liars.Wire, liars.Throttles},
	{liars.Disallows},
	{liars.CrawlDelay, liars.Disallows},
	{liars.MaxAge},
	{liars.Bombs},
	{liars.Loops},
	{liars.Slow},
	{liars.ControlFeed, liars.Forbids},
}

// newsstand is all papers and the three instances that read them.
type newsstand struct {
	t         *testing.T
	time      *virtualTime
	start     time.Time
	papers    []*liars.Paper
	every     []time.Duration // between passes
	catalogue *source.Catalogue
	instances []*soakInstance

	mu    sync.Mutex
	saved map[string]time.Time // by address: when it was last read, in the papers' time
	early []string             // stored before they were due
	done  int                  // passes
}

// soakInstance is the service as one process.
type soakInstance struct {
	core    *core
	service *scraping.Service
}

func newNewsstand(t *testing.T) *newsstand {
	t.Helper()
	start := time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)
	s := &newsstand{t: t, time: newVirtualTime(start), start: start, saved: map[string]time.Time{}}
	var sources []source.Source
	for n := range soakSources {
		server := httptest.NewUnstartedServer(nil)
		plan := liars.Plan{
			ID: fmt.Sprintf("p%d", n), Number: n, Habits: soakHabits[n%len(soakHabits)], Start: start, Days: soakDays, PerDay: soakPerDay,
			Interval: time.Duration(4+n%9) * time.Second, Now: s.time.now,
		}
		paper := liars.New(plan, "http://"+server.Listener.Addr().String())
		server.Config.Handler = paper
		server.Start()
		t.Cleanup(server.Close)
		s.papers = append(s.papers, paper)
		every := []time.Duration{2 * time.Hour, 3 * time.Hour, 4 * time.Hour}[min(n%11, 2)]
		s.every = append(s.every, every)
		sources = append(sources, paper.Source(every))
	}
	var err error
	if s.catalogue, err = source.New(sources...); err != nil {
		t.Fatal(err)
	}
	database, redis := testkit.Database(t), testkit.RedisURL(t)
	for range soakInstances {
		cfg := testConfigOn(t, database, redis)
		cfg.Database.MaxConns = 8
		c, err := newCore(t.Context(), cfg, slog.New(slog.DiscardHandler))
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		i := &soakInstance{core: c}
		i.service = s.service(i, s.documents(c))
		s.instances = append(s.instances, i)
	}
	return s
}

// documents is an instance's cache of newspapers' answers, in their time. Early refreshes are off: nobody waits for them,
// so virtual time would not either.
func (s *newsstand) documents(c *core) *cache.Cache {
	s.t.Helper()
	layered, err := cache.New(cache.Options{Redis: c.redis, Layers: scraping.Layers(), Now: s.time.now, EarlyRefresh: -1, LockWait: 10 * time.Millisecond})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := layered.Close(); err != nil {
			s.t.Error(err)
		}
	})
	if err := layered.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return layered
}

// service is the scraping service of an instance, as in a process that has just started.
func (s *newsstand) service(i *soakInstance, documents *cache.Cache) *scraping.Service {
	s.t.Helper()
	store := scraping.NewFetchStore(i.core.db.Gorm)
	fetcher := fetch.New(fetch.Config{
		Now: s.time.now, Sleep: s.time.sleep, Budgets: fetch.RedisBudgets{Client: i.core.redis, Now: s.time.now}, State: store,
		Timeout: 3 * time.Second, Attempts: 2, MaxBytes: 1 << 20,
	})
	s.t.Cleanup(fetcher.Close)
	service, err := scraping.NewService(scraping.ServiceConfig{
		Sources: s.catalogue, Fetcher: fetcher, Sink: soakSink{scrapeSink{i.core}, s}, Known: s.known, Entries: store, Cache: documents,
		Concurrency: 1, PassTimeout: 30 * time.Minute, Now: s.time.now,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return service
}

// soakSink stores like the service and records when in the papers' time: the archive has the machine's time.
type soakSink struct {
	scrapeSink
	stand *newsstand
}

func (k soakSink) Save(ctx context.Context, found []extract.Article) ([]scraping.Verdict, error) {
	verdicts, err := k.scrapeSink.Save(ctx, found)
	now := k.stand.time.now()
	k.stand.mu.Lock()
	defer k.stand.mu.Unlock()
	for i, v := range verdicts {
		if v.Outcome == scraping.Refused {
			continue
		}
		k.stand.saved[found[i].URL] = now
		if at := found[i].PublishedAt; at != nil && at.After(now.Add(11*time.Minute)) {
			k.stand.early = append(k.stand.early, found[i].URL)
		}
	}
	return verdicts, err
}

func (s *newsstand) known(_ context.Context, urls []string) (map[string]time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]time.Time{}
	for _, u := range urls {
		if at, ok := s.saved[u]; ok {
			out[u] = at
		}
	}
	return out, nil
}

// pass lets an instance read a paper once.
func (s *newsstand) pass(instance, paper int) {
	s.mu.Lock()
	service := s.instances[instance].service
	s.mu.Unlock()
	_, err := service.Scrape(s.t.Context(), s.papers[paper].ID, scraping.Options{Scheduled: true})
	if err != nil && !errors.Is(err, scraping.ErrNoEntries) && !errors.Is(err, scraping.ErrRunning) {
		s.t.Errorf("%s: %v", s.papers[paper].ID, err)
	}
	s.mu.Lock()
	s.done++
	s.mu.Unlock()
}

// read makes a paper's passes on varying instances, as a queue would distribute them. Now and then two run at once, as when
// a job is given to another worker while the first is still alive.
func (s *newsstand) read(paper int) {
	end := s.start.Add(soakDays*24*time.Hour + soakTail)
	for n := 0; ; n++ {
		jitter := time.Duration((n*7+paper*3)%11) * s.every[paper] / 200
		at := s.start.Add(time.Duration(n)*s.every[paper] + jitter)
		if at.After(end) {
			return
		}
		s.time.until(at)
		instance := (n + paper) % soakInstances
		if n%10 == 5 {
			s.time.beside(func() { s.pass((instance+1)%soakInstances, paper) })
		}
		s.pass(instance, paper)
	}
}

// TestAWeekOfNewspapersThatLie: no paper is read more often than allowed, everything that was announced and allowed is
// stored once, and changes are stored as revisions.
func TestAWeekOfNewspapersThatLie(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := newNewsstand(t)
	work := make([]func(), 0, soakSources+1)
	for n := range s.papers {
		work = append(work, func() { s.read(n) })
	}
	// On the third day an instance is restarted without its memory.
	work = append(work, func() {
		s.time.until(s.start.Add(60*time.Hour + 30*time.Second))
		fresh := s.service(s.instances[1], s.documents(s.instances[1].core))
		s.mu.Lock()
		defer s.mu.Unlock()
		s.instances[1].service = fresh
	})
	s.time.goAll(work...)
	requests := 0
	for _, p := range s.papers {
		s.judgeManners(p)
		requests += len(p.Requests())
	}
	s.judgeArchive()
	if len(s.early) > 0 {
		t.Errorf("%d articles were stored before they were due: %s", len(s.early), s.early[0])
	}
	t.Logf("%d passes, %d requests, %d articles in %v", s.done, requests, len(s.saved), time.Since(began).Round(time.Second))
}

// judgeManners checks the requests to a paper.
func (s *newsstand) judgeManners(p *liars.Paper) {
	t := s.t
	t.Helper()
	asked := p.Requests()
	robots, pages, forbidden := 0, 0, 0
	var restUntil time.Time
	for i, r := range asked {
		// The record in Redis is exact to a microsecond.
		if i > 0 && r.At.Sub(asked[i-1].At) < p.LeastGap()-time.Microsecond {
			t.Errorf("%s %v: %s came %v after %s, at least %v expected", p.ID, p.Habits, r.Path, r.At.Sub(asked[i-1].At), asked[i-1].Path, p.LeastGap())
		}
		if r.Early {
			t.Errorf("%s %v: %s at %v, though it had asked to be left alone", p.ID, p.Habits, r.Path, r.At)
		}
		if r.At.Before(restUntil) {
			t.Errorf("%s %v: %s at %v, after three times 403", p.ID, p.Habits, r.Path, r.At)
		}
		switch {
		case r.Path == "/robots.txt":
			robots++
		default:
			pages++
		}
		switch {
		case r.Status == http.StatusForbidden:
			if forbidden++; forbidden >= 3 {
				restUntil = r.At.Add(15 * time.Minute)
			}
		default:
			forbidden = 0
		}
		if strings.HasPrefix(r.Path, "/privado/") {
			t.Errorf("%s: %s was asked for, which robots.txt forbids", p.ID, r.Path)
		}
	}
	most := soakDays + 3 // once a day over all instances; two may do so at once
	if p.Has(liars.RobotsDown) {
		most = 200 // every five minutes at most while it is down
	}
	if robots > 2*most || robots < soakDays {
		t.Errorf("%s %v: robots.txt was read %d times in %d days", p.ID, p.Habits, robots, soakDays)
	}
	if p.Has(liars.MaxAge) && pages > len(p.Stories())*2+9*24/5+10 {
		t.Errorf("%s: %d requests, though its feed counts for %v", p.ID, pages, liars.Fresh)
	}
}

// judgeArchive compares what is stored with what the papers announced.
func (s *newsstand) judgeArchive() {
	t := s.t
	t.Helper()
	type row struct {
		SourceURL, Title, Content string
		Revision                  int
		DuplicateGroup            *int64
	}
	var rows []row
	db := s.instances[0].core.db.Gorm.WithContext(t.Context())
	if err := db.Raw(`SELECT source_url, title, content, revision, duplicate_group FROM scraped_content`).Scan(&rows).Error; err != nil {
		t.Fatal(err)
	}
	stored := map[string][]row{}
	for _, r := range rows {
		stored[r.SourceURL] = append(stored[r.SourceURL], r)
	}
	end := s.time.now()
	missing, expected := 0, 0
	wires := map[string][]*int64{}
	for _, p := range s.papers {
		for _, story := range p.Stories() {
			got := stored[p.URL(story)]
			delete(stored, p.URL(story))
			if story.Forbidden || story.Unread {
				if len(got) > 0 {
					t.Errorf("%s: %s is stored, which cannot be read", p.ID, story.Path)
				}
				continue
			}
			expected++
			if len(got) != 1 {
				if missing++; missing < 20 {
					t.Errorf("%s %v: %s, announced at %v, is stored %d times", p.ID, p.Habits, story.Path, story.Announced, len(got))
				}
				continue
			}
			revisions := 1
			if !story.Edited.IsZero() {
				revisions = 2
			}
			if r := got[0]; r.Title != story.TitleAt(end) || r.Revision != revisions || strings.Count(r.Content, "\n\n") != 3+revisions {
				t.Errorf("%s %v: %s: revision %d, %q, %d paragraphs; want revision %d, %q", p.ID, p.Habits, story.Path, r.Revision, r.Title, strings.Count(r.Content, "\n\n")+1, revisions, story.TitleAt(end))
			}
			if story.Wire != "" {
				wires[story.Wire] = append(wires[story.Wire], got[0].DuplicateGroup)
			}
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d articles are not stored once", missing, expected)
	}
	for url := range stored {
		t.Errorf("%s is stored, and was never announced", url)
	}
	for day, groups := range wires {
		if slices.ContainsFunc(groups, func(g *int64) bool { return g == nil || groups[0] == nil || *g != *groups[0] }) || len(groups) < 2 {
			t.Errorf("the agency's story of day %s is in %d newspapers, and not linked in all", day, len(groups))
		}
	}
	var revisions int64
	if err := db.Table("article_revisions").Count(&revisions).Error; err != nil || revisions == 0 {
		t.Errorf("%d revisions, %v", revisions, err)
	}
}
