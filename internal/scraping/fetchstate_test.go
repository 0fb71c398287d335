package scraping

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/postgres"
	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
	"openlearn/internal/testkit"
)

// fetchStore is a FetchStore on a database of its own.
func fetchStore(t *testing.T) *FetchStore {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testkit.Database(t), MaxConns: 4}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return NewFetchStore(db.Gorm)
}

// clock is a clock that advances when someone waits.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time        { return time.UnixMicro(c.at.Load()).UTC() }
func (c *clock) move(by time.Duration) { c.at.Add(by.Microseconds()) }
func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.move(max(d, 0))
	return ctx.Err()
}

// asked records the requests to a host, robots.txt included.
type asked struct {
	mu  sync.Mutex
	got []string
}

func (a *asked) note(r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	line := r.URL.Path
	if tag := r.Header.Get("If-None-Match"); tag != "" {
		line += " " + tag
	}
	if at := r.Header.Get("If-Modified-Since"); at != "" {
		line += " " + at
	}
	a.got = append(a.got, line)
}

// since returns the requests since the last call.
func (a *asked) since() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.got
	a.got = nil
	return got
}

// instance is a service that shares state with others and runs on a test's clock.
func (h *host) instance(c *clock, store *FetchStore) *Service {
	h.t.Helper()
	h.config.Now, h.config.Sleep, h.config.State = c.now, c.sleep, store
	h.sc.Now, h.sc.Entries = c.now, store
	src := h.definition()
	src.Priority = "high" // every half hour
	return h.service(src)
}

func TestEntryStateIsSharedByInstances(t *testing.T) {
	t.Parallel()
	h, c, store := newHost(t), newClock(), fetchStore(t)
	var log asked
	tag := `W/"a, \b"` // whatever the tag is, it is sent back unchanged
	body := rssOf("<item><link>/nota-a</link></item>")
	h.mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, r *http.Request) { log.note(r); w.WriteHeader(http.StatusNotFound) })
	h.mux.HandleFunc("/feed", func(w http.ResponseWriter, r *http.Request) {
		log.note(r)
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Last-Modified", "yesterday, or so")
		_, _ = io.WriteString(w, body)
	})
	h.html("/nota-a", story("Una"))
	one, two := h.instance(c, store), h.instance(c, store)
	pass := func(s *Service, want ...string) Report {
		t.Helper()
		report, err := s.Scrape(t.Context(), "x", Options{Scheduled: true})
		if got := log.since(); err != nil || !slices.Equal(got, want) {
			t.Errorf("at %v: %v, asked %q, want %q", c.now(), err, got, want)
		}
		return report
	}
	if r := pass(one, "/robots.txt", "/feed"); r.Saved != 1 {
		t.Errorf("%+v", r)
	}
	// Another instance: nothing is due, and what was announced is known.
	h.sink.urls = map[string]extract.Article{}
	if r := pass(two); r.Saved != 1 || len(r.Entries) != 1 || !r.Entries[0].Waiting || !r.Entries[0].Works() {
		t.Errorf("%+v", r)
	}
	c.move(31 * time.Minute)
	old := tag
	tag = `"b"`
	pass(two, "/feed "+old+" yesterday, or so")
	c.move(31 * time.Minute)
	pass(one, `/feed "b" yesterday, or so`) // the tag of the 304
	for range 44 {
		c.move(31 * time.Minute)
		pass(one, `/feed "b" yesterday, or so`)
	}
	c.move(31 * time.Minute) // a day after the last full reading
	pass(h.instance(c, store), "/robots.txt", "/feed")
	records, err := store.EntriesOf(t.Context(), "x")
	if err != nil || len(records) != 1 || records[0].State != StateOK || records[0].Failures != 0 || !records[0].WholeAt.Equal(records[0].WorkedAt) {
		t.Errorf("%v, %+v", err, records)
	}
}

func TestFailuresInARowAreCountedAndWaitedFor(t *testing.T) {
	t.Parallel()
	h, c, store := newHost(t), newClock(), fetchStore(t)
	h.config.Attempts = 1
	var status, requests atomic.Int32
	var retryAfter atomic.Value
	status.Store(500)
	retryAfter.Store("")
	h.mux.HandleFunc("/feed", func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		if s := retryAfter.Load().(string); s != "" {
			w.Header().Set("Retry-After", s)
		}
		w.WriteHeader(int(status.Load()))
		if status.Load() == 200 {
			_, _ = io.WriteString(w, rssOf("<item><link>/nota-a</link></item>"))
		}
	})
	h.html("/nota-a", story("Una"))
	s := h.instance(c, store)
	look := func() EntryRecord {
		t.Helper()
		_, err := s.Scrape(t.Context(), "x", Options{Scheduled: true})
		if err != nil && !errors.Is(err, ErrNoEntries) {
			t.Fatal(err)
		}
		r, ok, err := store.Entry(t.Context(), "x", h.base+"/feed")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return r
	}
	for i, want := range []time.Duration{30 * time.Minute, 30 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
		r := look()
		if wait := r.NextCheck.Sub(r.CheckedAt); wait != want || r.Failures != i+1 || r.State != StateFailed || r.Reason != fetch.ReasonStatus || !strings.Contains(r.Detail, "500") {
			t.Errorf("failure %d: next check after %v, %+v", i+1, wait, r)
		}
		c.move(want)
	}
	before := requests.Load()
	retryAfter.Store("7200")
	status.Store(503)
	r := look()
	c.move(90 * time.Minute)
	status.Store(200)
	retryAfter.Store("")
	if again := look(); again.CheckedAt != r.CheckedAt || requests.Load() != before+1 {
		t.Error("asked before Retry-After had passed")
	}
	c.move(23 * time.Hour)
	if r = look(); r.Failures != 0 || r.State != StateOK || r.Reason != "" || r.Detail != "" || !r.WorkedAt.Equal(r.CheckedAt) {
		t.Errorf("well again: %+v", r)
	}
	status.Store(410)
	c.move(time.Hour)
	if r = look(); r.State != StateGone || r.NextCheck.Sub(r.CheckedAt) != 24*time.Hour {
		t.Errorf("gone: %+v", r)
	}
}

func TestTheNextCheckIsTheLongestThatAnyoneAsksFor(t *testing.T) {
	t.Parallel()
	now := newClock().now()
	for name, c := range map[string]struct {
		asked []time.Duration
		want  time.Duration
	}{
		"the interval": {nil, time.Hour}, "ttl": {[]time.Duration{2 * time.Hour, 0}, 2 * time.Hour}, "max-age": {[]time.Duration{time.Minute, 3 * time.Hour}, 3 * time.Hour},
		"less": {[]time.Duration{time.Minute, time.Minute}, time.Hour}, "a week": {[]time.Duration{7 * 24 * time.Hour}, 24 * time.Hour},
	} {
		r := EntryRecord{CheckedAt: now}
		r.schedule(now, time.Hour, c.asked...)
		if got := r.NextCheck.Sub(now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if early := r.NextCheck.Add(-time.Minute); r.due(early, time.Hour) != (c.want == time.Hour) {
			t.Errorf("%s: a minute early", name)
		}
		if !r.due(r.NextCheck, time.Hour) {
			t.Errorf("%s: not due when due", name)
		}
	}
}

// TestServersSayWhenToComeBack: by the feed's ttl, and by the headers.
func TestServersSayWhenToComeBack(t *testing.T) {
	t.Parallel()
	h, c, store := newHost(t), newClock(), fetchStore(t)
	h.html("/nota-a", story("Una"))
	h.answer("/ttl", 200, "text/xml", `<rss version="2.0"><channel><ttl>180</ttl><item><link>/nota-a</link></item></channel></rss>`)
	h.mux.HandleFunc("/max-age", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=18000")
		_, _ = io.WriteString(w, rssOf("<item><link>/nota-a</link></item>"))
	})
	h.instance(c, store)
	_, err := h.service(h.entries(source.Feed, "/ttl", "/max-age")).Scrape(t.Context(), "x", Options{Scheduled: true})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]time.Duration{"/ttl": 3 * time.Hour, "/max-age": 5 * time.Hour} {
		if r, _, err := store.Entry(t.Context(), "x", h.base+path); err != nil || r.NextCheck.Sub(r.CheckedAt) != want {
			t.Errorf("%s: %v, %v after %v", path, err, r.NextCheck, r.CheckedAt)
		}
	}
}

func TestMovedForGood(t *testing.T) {
	t.Parallel()
	h, c, store := newHost(t), newClock(), fetchStore(t)
	var log asked
	var broken atomic.Bool
	h.html("/nota-a", story("Una"))
	h.mux.HandleFunc("/feed", func(w http.ResponseWriter, r *http.Request) {
		log.note(r)
		http.Redirect(w, r, "/nuevo", http.StatusMovedPermanently)
	})
	h.mux.HandleFunc("/nuevo", func(w http.ResponseWriter, r *http.Request) {
		log.note(r)
		if broken.Load() {
			_, _ = io.WriteString(w, "<html>otra cosa</html>")
			return
		}
		_, _ = io.WriteString(w, rssOf("<item><link>/nota-a</link></item>"))
	})
	s := h.instance(c, store)
	pass := func(want ...string) {
		t.Helper()
		_, err := s.Scrape(t.Context(), "x", Options{})
		if got := log.since(); err != nil && !errors.Is(err, ErrNoEntries) || !slices.Equal(got, want) {
			t.Errorf("%v, asked %q, want %q", err, got, want)
		}
	}
	pass("/feed", "/nuevo")
	pass("/nuevo")
	broken.Store(true)
	pass("/nuevo")
	broken.Store(false)
	pass("/feed", "/nuevo") // the catalogue's address, once the new one has failed
}

func TestRobotsAreKeptForAllInstances(t *testing.T) {
	t.Parallel()
	h, c, store := newHost(t), newClock(), fetchStore(t)
	var log asked
	var status atomic.Int32
	status.Store(200)
	h.mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, r *http.Request) {
		log.note(r)
		w.WriteHeader(int(status.Load()))
		_, _ = io.WriteString(w, "User-agent: *\nDisallow: /privado/\n\x00\xff")
	})
	h.feed("/privado/nota", "/nota")
	h.html("/nota", story("Una"))
	pass := func() Report {
		t.Helper()
		report, err := h.instance(c, store).Scrape(t.Context(), "x", Options{}) // a process without any memory
		if err != nil {
			t.Error(err)
		}
		return report
	}
	pass()
	pass()
	if got := log.since(); len(got) != 1 {
		t.Errorf("robots.txt was read %d times in a day", len(got))
	}
	blocked, err := store.BlockedBy(t.Context())
	if err != nil || len(blocked) != 1 || blocked[0].Rule != "/privado/" || blocked[0].URL != h.base+"/privado/nota" || c.now().Sub(blocked[0].At).Abs() > time.Minute {
		t.Errorf("%v, %+v", err, blocked)
	}
	// Unreachable a day later: its last version counts, for a month.
	c.move(25 * time.Hour)
	status.Store(503)
	if r := pass(); r.Reasons[fetch.ReasonRobots] != 1 || r.Failed != 1 {
		t.Errorf("%+v", r.Reasons)
	}
	c.move(31 * 24 * time.Hour)
	report, err := h.instance(c, store).Scrape(t.Context(), "x", Options{})
	if !errors.Is(err, ErrNoEntries) || report.Reasons[fetch.ReasonRobots] != 1 {
		t.Errorf("a month later: %v, %+v", err, report.Reasons)
	}
	status.Store(200)
	c.move(time.Hour)
	pass()
}

// TestDocumentsGoThroughTheCache: a page that could not be stored is not fetched again by any instance.
func TestDocumentsGoThroughTheCache(t *testing.T) {
	t.Parallel()
	h, c, store := newHost(t), newClock(), fetchStore(t)
	client := testkit.Redis(t)
	layered, err := cache.New(cache.Options{Redis: client, Layers: Layers(), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := layered.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := layered.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.sc.Cache = layered
	var log asked
	h.mux.HandleFunc("/nota-a", func(w http.ResponseWriter, r *http.Request) {
		log.note(r)
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, story("Una"))
	})
	h.mux.HandleFunc("/nota-b", func(w http.ResponseWriter, r *http.Request) {
		log.note(r)
		w.WriteHeader(http.StatusNotFound)
	})
	h.mux.HandleFunc("/feed", func(w http.ResponseWriter, r *http.Request) {
		log.note(r)
		_, _ = io.WriteString(w, rssOf("<item><link>/nota-a</link></item>", "<item><link>/nota-b</link></item>"))
	})
	h.sc.Concurrency = 1
	away := errors.New("away")
	h.sink.err = func(extract.Article) error { return away }
	if _, err := h.instance(c, store).Scrape(t.Context(), "x", Options{Scheduled: true}); !errors.Is(err, away) {
		t.Fatal(err)
	}
	h.sink.err = nil
	c.move(5 * time.Minute)
	report, err := h.instance(c, store).Scrape(t.Context(), "x", Options{Scheduled: true})
	if got := log.since(); err != nil || report.Saved != 1 || !slices.Equal(got, []string{"/feed", "/nota-a", "/nota-b"}) {
		t.Errorf("%v, %+v, asked %q", err, report, got)
	}
	if len(report.Failures) != 1 || report.Failures[0].Reason != fetch.ReasonStatus || !strings.Contains(report.Failures[0].Detail, "404") {
		t.Errorf("a page that was lost lately: %+v", report.Failures)
	}
	c.move(31 * time.Minute) // the entry is due, the page is not old
	if _, err := h.instance(c, store).Scrape(t.Context(), "x", Options{Scheduled: true}); err != nil || !slices.Equal(log.since(), []string{"/feed"}) {
		t.Errorf("half an hour later: %v", err)
	}
	// Someone who asks for it gets its current state.
	if _, err := h.instance(c, store).Scrape(t.Context(), "x", Options{}); err != nil || !slices.Equal(log.since(), []string{"/feed", "/nota-a", "/nota-b"}) {
		t.Errorf("by hand: %v", err)
	}
	// An error stays what it is.
	if report, err = h.instance(c, store).Scrape(t.Context(), "x", Options{URL: h.base + "/nada"}); err != nil || report.Reasons[fetch.ReasonStatus] != 1 {
		t.Errorf("a page that is not there: %v, %+v", err, report.Reasons)
	}
	keys, err := client.Keys(t.Context(), "api:news:v1:x:*").Result()
	if err != nil || len(keys) != 4 {
		t.Errorf("%v, %v", keys, err)
	}
}
