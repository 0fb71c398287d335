package scraping

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/scraping/discover"
	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
)

// story is a page with one article.
func story(title string) string {
	return `<!doctype html><html lang="es"><head><title>` + title + `</title></head><body><article><h1>` + title + `</h1>` +
		strings.Repeat(`<p>El municipio abrió una biblioteca nueva en el centro, con salas para niños, jóvenes y mayores, y un café.</p>`, 1) +
		`<p>La alcaldesa explicó que el edificio, construido con madera de la región, costó menos de lo previsto y abrirá todos los días.</p></article></body></html>`
}

// box is a working sink.
type box struct {
	mu    sync.Mutex
	urls  map[string]extract.Article
	err   func(extract.Article) error
	calls int
}

func (b *box) Save(_ context.Context, articles []extract.Article) ([]Verdict, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	for _, a := range articles {
		if b.err != nil {
			if err := b.err(a); err != nil {
				return nil, err // like a transaction: all or nothing
			}
		}
	}
	out := make([]Verdict, len(articles))
	for i, a := range articles {
		old, known := b.urls[a.URL]
		switch {
		case strings.Contains(a.Title, "impublicable"):
			out[i] = Verdict{Refused, "title: unspeakable"}
			continue
		case !known:
			out[i].Outcome = Stored
		case old.Text == a.Text || old.Text == "":
			out[i].Outcome = Duplicate
			continue
		default:
			out[i].Outcome = Revised
		}
		b.urls[a.URL] = a
	}
	return out, nil
}

// host serves handlers by path on loopback, with a feed of all given links, and scrapes them as source "x".
type host struct {
	t      *testing.T
	base   string
	mux    *http.ServeMux
	sink   *box
	config fetch.Config
	sc     ServiceConfig
}

func newHost(t *testing.T) *host {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &host{t: t, base: server.URL, mux: mux, sink: &box{urls: map[string]extract.Article{}}, config: fetch.Config{Backoff: time.Millisecond, Timeout: 5 * time.Second}}
}

func (h *host) html(path, body string) {
	h.mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, body)
	})
}

func (h *host) feed(links ...string) {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>`)
	for _, l := range links {
		if strings.HasPrefix(l, "/") {
			l = h.base + l
		}
		fmt.Fprintf(&b, "<item><title>t</title><link>%s</link></item>", strings.ReplaceAll(l, "&", "&amp;"))
	}
	b.WriteString(`</channel></rss>`)
	body := b.String()
	h.mux.HandleFunc("/feed", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
}

func (h *host) definition() source.Source {
	return source.Source{ID: "x", Name: "Equis", BaseURL: h.base, RequestsPerMinute: 60_000, AllowLoopback: true, Entries: []source.Entry{{URL: h.base + "/feed", Kind: source.Feed}}}
}

func (h *host) service(def source.Source) *Service {
	h.t.Helper()
	defs, err := source.New(def)
	if err != nil {
		h.t.Fatal(err)
	}
	fetcher := fetch.New(h.config)
	h.t.Cleanup(fetcher.Close)
	h.sc.Sources, h.sc.Fetcher, h.sc.Sink = defs, fetcher, h.sink
	s, err := NewService(h.sc)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *host) scrape() (Report, error) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 3*time.Minute)
	defer cancel()
	return h.service(h.definition()).Scrape(ctx, "x", Options{})
}

func TestHostilePagesCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.config.MaxBytes = 100_000
	h.config.Timeout = time.Minute // no page is slow: see TestASlowPageIsGivenUp
	h.config.Attempts = 1
	h.html("/buena-noticia", story("Una biblioteca nueva"))
	h.html("/enorme", strings.Repeat("<p>mucho texto</p>", 10_000))
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(z, zeros{}, 2<<20)
	_ = z.Close()
	h.mux.HandleFunc("/bomba", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	h.mux.HandleFunc("/circulo", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circulo2", http.StatusFound) })
	h.mux.HandleFunc("/circulo2", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circulo", http.StatusFound) })
	h.mux.HandleFunc("/error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "boom", http.StatusInternalServerError) })
	h.mux.HandleFunc("/no-es-html", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		_, _ = io.WriteString(w, "%PDF")
	})
	h.mux.HandleFunc("/fuera", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://news.example/x", http.StatusMovedPermanently)
	})
	h.mux.HandleFunc("/otro-puerto", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/x", http.StatusMovedPermanently)
	})
	h.mux.HandleFunc("/archivo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	h.html("/vacia", "<html><body>nada</body></html>")
	h.html("/sin-titulo", "<html><body><p>"+strings.Repeat("texto sin título, ", 40)+"</p></body></html>")
	h.html("/profunda", strings.Repeat("<div>", 10_000)+"<p>x</p>")
	h.html("/ld-rota", `<html><head><script type="application/ld+json">{"@type":"NewsArticle","headline":[[[[{{{,,</script></head><body></body></html>`)
	h.mux.HandleFunc("/corta", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", "5000")
		_, _ = io.WriteString(w, "<html>")
	})
	h.feed("/buena-noticia", "/enorme", "/bomba", "/circulo", "/error", "/no-es-html", "/fuera", "/otro-puerto", "/archivo", "/vacia", "/sin-titulo", "/profunda", "/ld-rota", "/corta", "/no-existe",
		"http://otra.example/nota", "javascript:alert(1)", "http://user:clave@"+strings.TrimPrefix(h.base, "http://")+"/x", "/buena-noticia?utm_source=rss#top", "/videos/x")

	report, err := h.scrape()
	if err != nil {
		t.Fatal(err)
	}
	if report.Found != 15 || report.Skipped != 5 || report.Saved != 2 || report.Extracted != 2 || report.Failed != 13 {
		t.Errorf("report: %+v", report)
	}
	reasons := map[string]fetch.Reason{}
	for _, f := range report.Failures {
		reasons[strings.TrimPrefix(f.URL, h.base)] = f.Reason
	}
	want := map[string]fetch.Reason{
		"/enorme": fetch.ReasonTooLarge, "/bomba": fetch.ReasonTooLarge, "/circulo": fetch.ReasonRedirects, "/error": fetch.ReasonStatus,
		"/no-es-html": fetch.ReasonContentType, "/fuera": fetch.ReasonOffHost, "/otro-puerto": fetch.ReasonOffHost, "/archivo": fetch.ReasonOffHost, "/vacia": ReasonExtract,
		"/profunda": ReasonExtract, "/ld-rota": ReasonExtract, "/corta": fetch.ReasonNetwork, "/no-existe": fetch.ReasonStatus,
	}
	for path, reason := range want {
		if reasons[path] != reason {
			t.Errorf("%s: reason %q, want %q", path, reasons[path], reason)
		}
	}
	for _, path := range []string{"/buena-noticia", "/sin-titulo"} { // a title that the page lacks comes from the feed
		if _, ok := h.sink.urls[h.base+path]; !ok {
			t.Errorf("%s is not stored: %v", path, h.sink.urls)
		}
	}
}

// TestASlowPageIsGivenUp: on a busy machine even robots.txt may be too slow for so short a timeout, so passes are made until
// one has reached the page.
func TestASlowPageIsGivenUp(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.config.Timeout, h.config.Attempts = 500*time.Millisecond, 1
	var reached atomic.Int32
	h.mux.HandleFunc("/lenta", func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	for range 20 {
		report, err := h.service(h.definition()).Scrape(t.Context(), "x", Options{URL: h.base + "/lenta"})
		if err != nil {
			t.Fatal(err)
		}
		if report.Failed != 1 || report.Reasons[fetch.ReasonTimeout]+report.Reasons[fetch.ReasonRobots] != 1 {
			t.Fatalf("%+v", report)
		}
		if reached.Load() > 0 && report.Reasons[fetch.ReasonTimeout] == 1 {
			return
		}
	}
	t.Error("the page was never reached")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRobotsAreAskedAndObeyed(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	var asked, agents sync.Map
	h.mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, r *http.Request) {
		asked.Store("robots", true)
		_, _ = io.WriteString(w, "User-agent: OpenLearnBot\nDisallow: /privado\n\nUser-agent: *\nDisallow: /\n")
	})
	h.mux.HandleFunc("/privado/nota", func(http.ResponseWriter, *http.Request) { asked.Store("private", true) })
	h.mux.HandleFunc("/puerta", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/privado/nota", http.StatusFound) })
	h.mux.HandleFunc("/nota", func(w http.ResponseWriter, r *http.Request) {
		agents.Store(r.UserAgent(), true)
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, story("Una nota"))
	})
	h.feed("/nota", "/privado/nota", "/puerta")
	report, err := h.scrape()
	if err != nil || report.Saved != 1 || report.Reasons[fetch.ReasonRobots] != 2 {
		t.Errorf("%v, %+v", err, report)
	}
	if _, did := asked.Load("private"); did {
		t.Error("a disallowed page was fetched")
	}
	if _, did := agents.Load(fetch.DefaultUserAgent); !did {
		t.Error("the user agent was not sent")
	}
}

func TestUnreachableRobotsCloseTheSiteAndMissingOnesOpenIt(t *testing.T) {
	t.Parallel()
	for status, saved := range map[int]int{404: 1, 403: 1, 500: 0, 503: 0} {
		h := newHost(t)
		h.mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		h.html("/nota", story("Una nota"))
		h.feed("/nota")
		report, err := h.scrape()
		if report.Saved != saved || (saved == 0) != errors.Is(err, ErrNoEntries) {
			t.Errorf("%d: %v, %+v", status, err, report)
		}
	}
}

func TestRetriesHonourRetryAfter(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.config.Patience = 5 * time.Second
	var first, second time.Time
	var tries atomic.Int32
	h.mux.HandleFunc("/nota", func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) == 1 {
			first = time.Now()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		second = time.Now()
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, story("Una nota"))
	})
	h.feed("/nota")
	report, err := h.scrape()
	if err != nil || report.Saved != 1 || tries.Load() != 2 {
		t.Fatalf("%v, %+v, %d tries", err, report, tries.Load())
	}
	if gap := second.Sub(first); gap < time.Second {
		t.Errorf("tried again after %v, the host had asked for 1 s", gap)
	}
}

func TestAHostThatAsksForTooLongIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	var tries atomic.Int32
	h.mux.HandleFunc("/a/", func(w http.ResponseWriter, _ *http.Request) {
		tries.Add(1)
		w.Header().Set("Retry-After", time.Now().Add(2*time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	h.sc.Concurrency = 1
	h.feed("/a/1", "/a/2", "/a/3")
	report, err := h.scrape()
	if err != nil || tries.Load() != 1 || report.Reasons[fetch.ReasonThrottled] != 3 {
		t.Errorf("%v, %d tries, %+v", err, tries.Load(), report.Reasons)
	}
}

func TestFeedDatesAndNamesFillThePage(t *testing.T) {
	t.Parallel()
	latin := bytes.ReplaceAll([]byte(`<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><item><title>Ma&#241;ana &amp;amp; tarde</title><link>https://news.example/a</link><pubDate>2025-10-28 08:55:00</pubDate><dc:creator>Jos@ P@rez</dc:creator><category>Econom@a</category></item></channel></rss>`), []byte("@"), []byte("\xe9"))
	found, err := discover.ParseFeed(latin, &url.URL{Scheme: "https", Host: "news.example"}, source.Source{BaseURL: "https://news.example"}.Site())
	if err != nil || len(found.Items) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	it := found.Items[0]
	if it.Title != "Mañana & tarde" || !slices.Equal(it.Authors, []string{"José Pérez"}) || !slices.Equal(it.Categories, []string{"Economéa"}) || it.PublishedAt.Format(time.RFC3339) != "2025-10-28T13:55:00Z" {
		t.Errorf("%+v", it)
	}
	a := extract.Article{Source: "El Diario"}
	fillFromFeed(&a, it)
	if a.Author != "José Pérez" || a.Category != "Economéa" || a.PublishedAt == nil {
		t.Errorf("%+v", a)
	}
}
