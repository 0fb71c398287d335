package scraping

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
)

// answer serves a body under a path.
func (h *host) answer(path string, status int, contentType, body string) {
	h.mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func rssOf(items ...string) string {
	return `<?xml version="1.0"?><rss version="2.0"><channel>` + strings.Join(items, "") + `</channel></rss>`
}

func (h *host) entries(kind source.Kind, paths ...string) source.Source {
	src := h.definition()
	src.Entries = nil
	for _, p := range paths {
		src.Entries = append(src.Entries, source.Entry{URL: h.base + p, Kind: kind})
	}
	return src
}

func TestEachEntryHasItsState(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una"))
	h.answer("/good", 200, "application/rss+xml", rssOf("<item><link>/nota-a</link></item>"))
	h.answer("/html", 200, "application/rss+xml", "<!doctype html><html><body>Inicio</body></html>")
	h.answer("/challenge", 200, "text/html", "<html><title>Just a moment...</title></html>")
	h.answer("/empty", 200, "application/rss+xml", "")
	h.answer("/none", 200, "application/rss+xml", rssOf())
	h.answer("/stale", 200, "application/rss+xml", rssOf(slices.Repeat([]string{"<item><link>/nota-a</link><pubDate>Tue, 24 Nov 2015 09:30:00 -0500</pubDate></item>"}, 100)...))
	h.answer("/gone", 410, "text/plain", "")
	h.answer("/json", 200, "application/json", `{"error": 1}`)
	h.mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/good", http.StatusMovedPermanently)
	})
	h.mux.HandleFunc("/moved-home", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/html", http.StatusMovedPermanently)
	})
	h.mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	want := map[string]State{
		"/good": StateOK, "/html": StateHTML, "/challenge": StateChallenge, "/empty": StateEmpty, "/none": StateEmpty, "/stale": StateStale, "/gone": StateGone,
		"/missing": StateMissing, "/json": StateInvalid, "/moved": StateOK, "/moved-home": StateHTML, "/elsewhere": StateOK,
	}
	var paths []string
	for p := range want {
		paths = append(paths, p)
	}
	report, err := h.service(h.entries(source.Feed, paths...)).Scrape(t.Context(), "x", Options{})
	if err != nil || report.Saved != 1 {
		t.Fatalf("%v, %+v", err, report)
	}
	for _, e := range report.Entries {
		path := strings.TrimPrefix(e.URL, h.base)
		moved := ""
		if path == "/moved" {
			moved = h.base + "/good" // remembered, because a feed was served there
		}
		if e.State != want[path] || e.MovedTo != moved {
			t.Errorf("%s: %s, moved to %q, want %s, %q", path, e.State, e.MovedTo, want[path], moved)
		}
		delete(want, path)
	}
	if len(want) > 0 {
		t.Errorf("not told of: %v", want)
	}
}

func TestDiscoveryFallsBack(t *testing.T) {
	t.Parallel()
	urlset := func(paths ...string) string {
		out := "<urlset>"
		for _, p := range paths {
			out += "<url><loc>" + p + "</loc></url>"
		}
		return out + "</urlset>"
	}
	for name, prepare := range map[string]func(h *host) source.Source{
		"news sitemap": func(h *host) source.Source {
			h.answer("/news.xml", 200, "text/xml", urlset("/nota-de-prueba-uno"))
			return h.entries(source.NewsSitemap, "/news.xml")
		},
		"index that names itself": func(h *host) source.Source {
			h.answer("/index.xml", 200, "text/xml", "<sitemapindex><sitemap><loc>/index.xml</loc></sitemap><sitemap><loc>/s.xml</loc></sitemap></sitemapindex>")
			h.answer("/s.xml", 200, "text/xml", urlset("/nota-de-prueba-uno"))
			return h.entries(source.SitemapIndex, "/index.xml")
		},
		"feed of the front page": func(h *host) source.Source {
			h.html("/{$}", `<html><head><link rel="alternate" type="application/rss+xml" href="/otra"></head></html>`)
			h.answer("/otra", 200, "text/xml", rssOf("<item><link>/nota-de-prueba-uno</link></item>"))
			return h.entries(source.Feed, "/gone")
		},
		"section": func(h *host) source.Source {
			h.html("/{$}", `<html></html>`)
			h.html("/politica", `<html><a href="/nota-de-prueba-uno">x</a><a href="/politica/corta">x</a></html>`)
			src := h.entries(source.Feed, "/gone")
			src.Entries = append(src.Entries, source.Entry{URL: h.base + "/politica", Kind: source.Section, Status: source.Guess})
			return src
		},
	} {
		h := newHost(t)
		h.html("/nota-de-prueba-uno", story("Una"))
		report, err := h.service(prepare(h)).Scrape(t.Context(), "x", Options{})
		if err != nil || report.Saved != 1 {
			t.Errorf("%s: %v, %+v", name, err, report)
		}
	}
}

func TestWhatIsDatedInTheFutureWaits(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una"))
	h.html("/nota-b", story("Otra"))
	start := time.Now()
	h.answer("/feed", 200, "text/xml", rssOf("<item><link>/nota-a</link></item>", "<item><link>/nota-b</link><pubDate>"+start.Add(3*time.Hour).Format(time.RFC1123Z)+"</pubDate></item>"))
	var clock atomic.Int64
	h.sc.Now = func() time.Time { return start.Add(time.Duration(clock.Load())) }
	s := h.service(h.definition())
	report, err := s.Scrape(t.Context(), "x", Options{})
	if err != nil || report.Saved != 1 || report.Held != 1 {
		t.Errorf("%v, %+v", err, report)
	}
	clock.Store(int64(3 * time.Hour))
	if report, err = s.Scrape(t.Context(), "x", Options{}); err != nil || report.Saved != 1 || report.Held != 0 {
		t.Errorf("when due: %v, %+v", err, report)
	}
}

// TestStuckValidators: a server that answers 304 to any validator gets one request without validators a day.
func TestStuckValidators(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una"))
	h.html("/nota-b", story("Otra"))
	var grown atomic.Bool
	h.mux.HandleFunc("/feed", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"a"`)
		items := []string{"<item><link>/nota-a</link></item>"}
		if grown.Load() {
			items = append(items, "<item><link>/nota-b</link></item>")
		}
		_, _ = io.WriteString(w, rssOf(items...))
	})
	start := time.Now()
	var clock atomic.Int64
	h.sc.Now = func() time.Time { return start.Add(time.Duration(clock.Load())) }
	s := h.service(h.definition())
	saved := 0
	for range 49 { // half an hour apart, for a day
		report, err := s.Scrape(t.Context(), "x", Options{})
		if err != nil {
			t.Fatal(err)
		}
		saved += report.Saved
		grown.Store(true)
		clock.Add(int64(30 * time.Minute))
	}
	if saved != 2 {
		t.Errorf("%d articles after a day, want 2", saved)
	}
}

func TestChangedArticlesAreReadAgain(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una"))
	h.html("/nota-b", story("Otra"))
	h.answer("/s.xml", 200, "text/xml", "<urlset><url><loc>/nota-a</loc><lastmod>2026-03-02T10:00:00Z</lastmod></url><url><loc>/nota-b</loc><lastmod>2026-03-01T10:00:00Z</lastmod></url></urlset>")
	stored := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	h.sc.Known = func(_ context.Context, urls []string) (map[string]time.Time, error) {
		out := map[string]time.Time{}
		for _, u := range urls {
			out[u] = stored
		}
		return out, nil
	}
	report, err := h.service(h.entries(source.Sitemap, "/s.xml")).Scrape(t.Context(), "x", Options{})
	if err != nil || report.Known != 1 || report.Fetched != 1 {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestOnePageAndDryRuns(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una"))
	h.feed("/nota-a")
	s := h.service(h.definition())
	var shown []string
	report, err := s.Scrape(t.Context(), "x", Options{DryRun: true, Each: func(a extract.Article) { shown = append(shown, a.Title) }})
	if err != nil || report.Extracted != 1 || report.Saved != 0 || len(h.sink.urls) != 0 || !slices.Equal(shown, []string{"Una"}) {
		t.Errorf("dry run: %v, %+v, %v", err, report, shown)
	}
	if report, err = s.Scrape(t.Context(), "x", Options{URL: h.base + "/nota-a?utm_source=x"}); err != nil || report.Saved != 1 {
		t.Errorf("one page: %v, %+v", err, report)
	}
	if _, err = s.Scrape(t.Context(), "x", Options{URL: "https://otra.example/nota"}); err == nil {
		t.Error("a page of another's was read")
	}
}

// TestThrottlingBy403: a host that forbids page after page is left alone like one that answers 429.
func TestThrottlingBy403(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	var asked atomic.Int32
	h.mux.HandleFunc("/a/", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusForbidden)
	})
	var paths []string
	for i := range 20 {
		paths = append(paths, "/a/nota-"+string(rune('a'+i)))
	}
	h.feed(paths...)
	h.sc.Concurrency = 1
	report, err := h.scrape()
	if err != nil || asked.Load() > 4 || report.Reasons[fetch.ReasonThrottled] < 16 {
		t.Errorf("%v: %d requests, %+v", err, asked.Load(), report.Reasons)
	}
}

func TestPagesThatSendElsewhere(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nueva", story("La nueva"))
	h.html("/vieja", `<html><head><meta http-equiv="Refresh" content="0; URL='/nueva'"></head><body></body></html>`)
	h.html("/bucle", `<html><head><meta http-equiv="refresh" content="0;url=/bucle2"></head></html>`)
	h.html("/bucle2", `<html><head><meta http-equiv="refresh" content="0;url=/bucle"></head></html>`)
	h.mux.HandleFunc("/galleta", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("visto"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "visto", Value: "1", Path: "/"})
			http.Redirect(w, r, "/galleta", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, story("Con galleta"))
	})
	h.feed("/vieja", "/bucle", "/galleta")
	report, err := h.scrape()
	if err != nil || report.Saved != 2 || report.Reasons[fetch.ReasonRedirects] != 1 {
		t.Errorf("%v, %+v", err, report)
	}
	if _, ok := h.sink.urls[h.base+"/nueva"]; !ok {
		t.Errorf("stored %v", h.sink.urls)
	}
}

func TestThePassSaysWhichRuleForbade(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.answer("/robots.txt", 200, "text/plain", "User-agent: *\nDisallow: /privado/\n")
	h.feed("/privado/nota")
	report, err := h.scrape()
	if err != nil || len(report.Failures) != 1 || !strings.Contains(report.Failures[0].Detail, "Disallow: /privado/") {
		t.Errorf("%v, %+v", err, report.Failures)
	}
}

// TestProbeFindsEntries on a site whose definition has none.
func TestProbeFindsEntries(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/{$}", `<html><head><link rel="alternate" type="application/rss+xml" href="/noticias.xml"></head><body><a href="/politica">x</a></body></html>`)
	h.answer("/noticias.xml", 200, "text/xml", rssOf("<item><link>/nota-a</link></item>"))
	h.answer("/robots.txt", 200, "text/plain", "Sitemap: "+h.base+"/mapa.xml\nSitemap: https://otra.example/m.xml\n")
	h.answer("/mapa.xml", 200, "text/xml", "<urlset><url><loc>/nota-a</loc></url></urlset>")
	src := h.definition()
	src.Entries = nil
	states, err := h.service(src).Probe(t.Context(), "x")
	var works []string
	for _, s := range states {
		if s.Works() {
			works = append(works, strings.TrimPrefix(s.URL, h.base))
		}
	}
	if err != nil || !slices.Equal(works, []string{"/noticias.xml", "/mapa.xml"}) {
		t.Errorf("%v: %+v", err, states)
	}
}
