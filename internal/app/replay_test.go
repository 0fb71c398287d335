package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"openlearn/internal/articles"
	"openlearn/internal/scraping"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
	"openlearn/internal/testkit"
)

// A replayed source is one of the catalogue's whose hosts are on this machine.
type replayed struct {
	shipped source.Source
	local   source.Source
	form    form
	toLocal *strings.Replacer
	ours    []string // base addresses of the servers

	mu      sync.Mutex
	answers map[string]replayAnswer // by request URI
	missed  []string                // requests that nothing answers
	clock   time.Time
}

func newReplayed(t *testing.T, src source.Source) *replayed {
	t.Helper()
	r := &replayed{shipped: src, local: src, form: formOf(src), answers: map[string]replayAnswer{}, clock: replayNow}
	serve := func() (string, string) {
		server := httptest.NewServer(r)
		t.Cleanup(server.Close)
		r.ours = append(r.ours, server.URL)
		return server.URL, server.Listener.Addr().String()
	}
	main, authority := serve()
	var pairs []string
	for _, raw := range append([]string{src.BaseURL}, entryURLs(src)...) {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		bare := strings.TrimPrefix(u.Host, "www.")
		pairs = append(pairs, "https://www."+bare, main, "https://"+bare, main)
	}
	r.local.ExtraHosts = nil
	for _, h := range src.ExtraHosts {
		other, at := serve()
		pairs = append(pairs, "https://"+h, other)
		r.local.ExtraHosts = append(r.local.ExtraHosts, at)
	}
	r.local.HostAliases = map[string]string{}
	for from := range src.HostAliases {
		r.local.HostAliases[from] = authority
	}
	r.toLocal = strings.NewReplacer(pairs...)
	r.local.BaseURL = r.toLocal.Replace(src.BaseURL)
	r.local.AllowLoopback = true
	return r
}

// origin is a source's base address without a path.
func origin(src source.Source) string {
	parts := strings.SplitN(src.BaseURL, "/", 4)
	return strings.Join(parts[:3], "/")
}

func entryURLs(src source.Source) (out []string) {
	for _, e := range src.Usable() {
		out = append(out, e.URL)
	}
	return out
}

func (r *replayed) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	a, found := r.answers[req.URL.RequestURI()]
	if !found {
		r.missed = append(r.missed, req.URL.RequestURI())
	}
	r.mu.Unlock()
	if !found {
		http.NotFound(w, req)
		return
	}
	a.ServeHTTP(w, req)
}

func (r *replayed) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock
}

// sleep lets the time pass: nobody else waits, since pages are read one after another.
func (r *replayed) sleep(ctx context.Context, d time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock = r.clock.Add(d)
	return ctx.Err()
}

// answer serves an answer, written for the shipped hosts, where the local source looks for it.
func (r *replayed) answer(shipped string, a replayAnswer) {
	if !strings.Contains(a.contentType, "gzip") {
		a.body = []byte(r.toLocal.Replace(string(a.body)))
	}
	u, err := url.Parse(shipped)
	if err != nil {
		panic(err)
	}
	r.answers[u.RequestURI()] = a
}

// write makes the article number n, with its page.
func (r *replayed) write(n int) tale {
	s := newTale(n)
	s.path = r.form.path(n, s.slug())
	s.address = origin(r.shipped) + s.path
	s.link = s.address
	if r.form.link != nil {
		s.link = r.form.link(s)
		if u, err := url.Parse(s.link); err == nil && slices.Contains(r.shipped.ExtraHosts, u.Host) {
			s.address = s.link
		}
	}
	r.answer(s.address, replayAnswer{"text/html; charset=utf-8", []byte(r.form.page(r.shipped, s))})
	return s
}

// announce answers an entry with tales.
func (r *replayed) announce(e source.Entry, tales []tale) {
	at := e.At(replayNow)
	switch e.Kind {
	case source.Feed:
		if r.form.ahead {
			tales = append(slices.Clone(tales), r.write(tales[0].number+9))
		}
		r.answer(at, r.form.feedOf(tales))
	case source.Section:
		r.answer(at, sectionOf(tales))
	case source.SitemapIndex:
		base := origin(r.shipped)
		r.answer(at, indexOf(base))
		r.answer(base+"/sitemap-nueva.xml", sitemapOf(tales, false))
		r.answer(base+"/sitemap-vieja.xml", sitemapOf(nil, false))
	default:
		a := sitemapOf(tales, e.Kind == source.NewsSitemap)
		if strings.HasSuffix(at, ".gz") {
			a.body = []byte(r.toLocal.Replace(string(a.body)))
			a = zipped(a)
		}
		r.answer(at, a)
	}
}

// TestReplayOfTheCatalogue: every source of the shipped catalogue that has an entry is read, from what it announces to what
// is stored, on answers in its own form. Each kind of entry is read alone, as if the others had failed.
func TestReplayOfTheCatalogue(t *testing.T) {
	t.Parallel()
	shipped, err := source.Load("")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfigOn(t, testkit.Database(t), testkit.RedisURL(t))
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
	sources := 0
	for _, src := range shipped.All() {
		var kinds []source.Kind
		for _, e := range src.Usable() {
			if !slices.Contains(kinds, e.Kind) {
				kinds = append(kinds, e.Kind)
			}
		}
		if len(kinds) == 0 {
			continue
		}
		sources++
		t.Run(src.ID, func(t *testing.T) {
			t.Parallel()
			for i, kind := range kinds {
				replayKind(t, c, src, kind, 20*i)
			}
		})
	}
	if sources != 47 {
		t.Errorf("%d sources have an entry, want 47", sources)
	}
}

// replayKind reads a source whose entries of one kind alone work. Its articles are numbered from first.
func replayKind(t *testing.T, c *core, src source.Source, kind source.Kind, first int) {
	t.Helper()
	r := newReplayed(t, src)
	n := first
	shared := r.write(n) // every entry announces it
	forbidden := r.write(n + 1)
	n += 2
	want := []tale{shared}
	r.local.Entries = nil
	for _, e := range src.Usable() {
		if e.Kind != kind {
			continue
		}
		own := r.write(n)
		n++
		want = append(want, own)
		r.announce(e, []tale{own, shared, forbidden})
		e.URL = r.toLocal.Replace(e.At(replayNow))
		r.local.Entries = append(r.local.Entries, e)
	}
	r.answers["/robots.txt"] = replayAnswer{"text/plain", []byte("User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nDisallow: /buscar\nDisallow: " + forbidden.path + "\n")}
	r.answers["/"] = replayAnswer{"text/html", []byte("<html><title>Portada</title><a href=\"/region\">Región</a></html>")}

	catalogue, err := source.New(r.local)
	if err != nil {
		t.Fatal(err)
	}
	fetcher := fetch.New(fetch.Config{Now: r.now, Sleep: r.sleep, Timeout: 20 * time.Second})
	t.Cleanup(fetcher.Close)
	service, err := scraping.NewService(scraping.ServiceConfig{
		Sources: catalogue, Fetcher: fetcher, Sink: scrapeSink{c}, Known: c.Articles.Known, Concurrency: 1, PassTimeout: 5 * time.Minute, Now: r.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := service.Scrape(t.Context(), src.ID, scraping.Options{})
	if err != nil || report.Saved != len(want) || report.Reasons[fetch.ReasonRobots] != 1 || report.Failed != 1 || (report.Held == 1) != (r.form.ahead && kind == source.Feed) || len(report.Entries) != len(r.local.Entries) {
		t.Errorf("%s: %v, %+v", kind, err, report)
	}
	for _, e := range report.Entries {
		if e.State != scraping.StateOK {
			t.Errorf("%s: %+v", kind, e)
		}
	}
	if len(r.missed) > 0 {
		t.Errorf("%s: asked for what is not there: %q", kind, r.missed)
	}
	stored := map[string]articles.Article{}
	if err := c.Articles.Each(t.Context(), articles.Filter{Sources: []string{src.Name}}, func(a *articles.Article) error {
		if slices.ContainsFunc(r.ours, func(base string) bool { return strings.HasPrefix(a.SourceURL, base+"/") }) {
			stored[a.SourceURL] = *a
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, s := range want {
		a, found := stored[r.toLocal.Replace(s.address)]
		if !found {
			t.Errorf("%s: %s is not stored", kind, s.address)
			continue
		}
		if err := s.sameAs(a); err != nil {
			t.Errorf("%s: %s: %v", kind, s.address, err)
		}
		delete(stored, a.SourceURL)
	}
	for address := range stored {
		t.Errorf("%s: %s is stored", kind, address)
	}
}

// sameAs compares an article that was stored with what the site had written.
func (s tale) sameAs(a articles.Article) error {
	var errs []error
	if want := strings.Join(s.lines, "\n\n"); a.Content != want {
		errs = append(errs, errors.New("content: "+a.Content))
	}
	if a.Title != s.title {
		errs = append(errs, errors.New("title: "+a.Title))
	}
	if a.Author == nil || *a.Author != s.author {
		errs = append(errs, errors.New("author is not "+s.author))
	}
	if a.PublishedDate == nil || !a.PublishedDate.Equal(replayDay) {
		errs = append(errs, errors.New("another date"))
	}
	if a.Language == nil || !strings.HasPrefix(*a.Language, "es") {
		errs = append(errs, errors.New("another language"))
	}
	return errors.Join(errs...)
}
