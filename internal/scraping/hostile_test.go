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
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
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
	urls  map[string]Article
	err   func(Article) error
	calls int
}

func (b *box) Save(_ context.Context, articles []Article) (saved, duplicates int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	for _, a := range articles {
		if b.err != nil {
			if err := b.err(a); err != nil {
				return 0, 0, err // like a transaction: all or nothing
			}
		}
	}
	for _, a := range articles {
		if _, known := b.urls[a.URL]; known {
			duplicates++
			continue
		}
		b.urls[a.URL] = a
		saved++
	}
	return saved, duplicates, nil
}

// host serves handlers by path on loopback, with a feed of all given links, and scrapes them as source "x".
type host struct {
	t      *testing.T
	base   string
	mux    *http.ServeMux
	sink   *box
	config FetcherConfig
	sc     ServiceConfig
}

func newHost(t *testing.T) *host {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &host{t: t, base: server.URL, mux: mux, sink: &box{urls: map[string]Article{}}, config: FetcherConfig{Backoff: time.Millisecond, Timeout: 5 * time.Second}}
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

func (h *host) definition() Definition {
	return Definition{ID: "x", Name: "Equis", BaseURL: h.base, RequestsPerMinute: 60_000, AllowLoopback: true, Feeds: []Feed{{URL: h.base + "/feed"}}}
}

func (h *host) service(def Definition) *Service {
	h.t.Helper()
	defs, err := newDefinitions([]Definition{def})
	if err != nil {
		h.t.Fatal(err)
	}
	fetcher := NewFetcher(h.config)
	h.t.Cleanup(fetcher.Close)
	h.sc.Definitions, h.sc.Fetcher, h.sc.Sink = defs, fetcher, h.sink
	s, err := NewService(h.sc)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *host) scrape() (Report, error) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	return h.service(h.definition()).Scrape(ctx, "x")
}

func TestHostilePagesCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.config.MaxBytes = 100_000
	h.config.Timeout = 4 * time.Second
	h.config.Attempts = 1
	h.html("/buena-noticia", story("Una biblioteca nueva"))
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	h.mux.HandleFunc("/lenta", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>")
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	h.html("/enorme", strings.Repeat("<p>mucho texto</p>", 10_000))
	h.mux.HandleFunc("/bomba", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.CopyN(z, zeros{}, 2<<20)
		_ = z.Close()
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
	h.feed("/buena-noticia", "/lenta", "/enorme", "/bomba", "/circulo", "/error", "/no-es-html", "/fuera", "/otro-puerto", "/archivo", "/vacia", "/sin-titulo", "/profunda", "/ld-rota", "/corta", "/no-existe",
		"http://otra.example/nota", "javascript:alert(1)", "http://user:clave@"+strings.TrimPrefix(h.base, "http://")+"/x", "/buena-noticia?utm_source=rss#top", "/videos/x")

	report, err := h.scrape()
	if err != nil {
		t.Fatal(err)
	}
	if report.Found != 16 || report.Skipped != 5 || report.Saved != 1 || report.Extracted != 1 || report.Failed != 15 {
		t.Errorf("report: %+v", report)
	}
	reasons := map[string]Reason{}
	for _, f := range report.Failures {
		reasons[strings.TrimPrefix(f.URL, h.base)] = f.Reason
	}
	want := map[string]Reason{
		"/lenta": ReasonTimeout, "/enorme": ReasonTooLarge, "/bomba": ReasonTooLarge, "/circulo": ReasonRedirects, "/error": ReasonStatus,
		"/no-es-html": ReasonContentType, "/fuera": ReasonOffHost, "/otro-puerto": ReasonOffHost, "/archivo": ReasonOffHost, "/vacia": ReasonExtract,
		"/sin-titulo": ReasonExtract, "/profunda": ReasonExtract, "/ld-rota": ReasonExtract, "/corta": ReasonNetwork, "/no-existe": ReasonStatus,
	}
	for path, reason := range want {
		if reasons[path] != reason {
			t.Errorf("%s: reason %q, want %q", path, reasons[path], reason)
		}
	}
	if _, ok := h.sink.urls[h.base+"/buena-noticia"]; !ok {
		t.Errorf("the good page is not stored: %v", h.sink.urls)
	}
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
	if err != nil || report.Saved != 1 || report.Reasons[ReasonRobots] != 2 {
		t.Errorf("%v, %+v", err, report)
	}
	if _, did := asked.Load("private"); did {
		t.Error("a disallowed page was fetched")
	}
	if _, did := agents.Load(DefaultUserAgent); !did {
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
		if report.Saved != saved || (saved == 0) != errors.Is(err, ErrNoFeeds) {
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
	if err != nil || tries.Load() != 1 || report.Reasons[ReasonThrottled] != 3 {
		t.Errorf("%v, %d tries, %+v", err, tries.Load(), report.Reasons)
	}
}

func TestPrivateAddressesAreRefusedWhenDialled(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(server.Close)
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	fetcher := NewFetcher(FetcherConfig{Attempts: 1})
	t.Cleanup(fetcher.Close)
	for _, hostname := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "127.1"} {
		base := "http://" + hostname + port
		def := Definition{ID: "x", Name: "x", BaseURL: base, RequestsPerMinute: 60_000}
		_, err := fetcher.Get(t.Context(), def, base+"/x", acceptPage, Validators{})
		var fetch *FetchError
		if !errors.As(err, &fetch) {
			t.Errorf("%s: %v", hostname, err)
		}
		if reached.Load() {
			t.Fatalf("%s was reached", hostname)
		}
	}
	// A source on this machine may reach loopback, and nothing else.
	def := Definition{ID: "x", Name: "x", BaseURL: "http://10.0.0.1", AllowLoopback: true}
	if _, err := fetcher.Get(t.Context(), def, "http://10.0.0.1/x", acceptPage, Validators{}); !errors.Is(err, errBlockedAddress) {
		t.Errorf("10.0.0.1 with loopback allowed: %v", err)
	}
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for address, public := range map[string]bool{
		"8.8.8.8": true, "190.85.1.1": true, "2800:3f0:4005:400::200e": true, "2606:4700::1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.31.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "::1": false, "::": false, "fe80::1": false,
		"fd00::1": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::a00:1": false, "2002:a00:1::": false, "2001:0:1::": false, "fec0::1": false, "ff02::1": false,
	} {
		err := checkAddress(netip.MustParseAddr(address), false)
		if (err == nil) != public {
			t.Errorf("%s: %v", address, err)
		}
		loop := checkAddress(netip.MustParseAddr(address), true)
		if (loop == nil) != netip.MustParseAddr(address).Unmap().IsLoopback() {
			t.Errorf("%s as loopback: %v", address, loop)
		}
	}
}

func TestBrokenFeeds(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "news.example", Path: "/feed"}
	s := Definition{BaseURL: "https://news.example"}.site()
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"cut off":        {`<rss version="2.0"><channel><item><link>https://news.example/a</link></item><item><link>https://news.exa`, []string{"https://news.example/a"}},
		"atom cut":       {`<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/a"/></entry><entry><title>b`, []string{"https://news.example/a"}},
		"atom":           {`<feed xmlns="http://www.w3.org/2005/Atom"><entry><link rel="alternate" href="https://www.news.example/b?utm_campaign=x&amp;id=1"/></entry></feed>`, []string{"https://news.example/b?id=1"}},
		"guid":           {`<rss version="2.0"><channel><item><guid>https://news.example/g</guid></item></channel></rss>`, []string{"https://news.example/g"}},
		"double slash":   {`<rss version="2.0"><channel><item><link>http://news.example//a//b/#x</link></item><item><link>https://www.news.example/a/b/</link></item></channel></rss>`, []string{"https://news.example/a/b/"}},
		"evil twin":      {`<rss version="2.0"><channel><item><link>https://news.example.evil.example/a</link></item><item><link>https://evilnews.example/a</link></item></channel></rss>`, nil},
		"false encoding": {"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><rss version=\"2.0\"><channel><item><link>https://news.example/niño</link></item></channel></rss>", []string{"https://news.example/ni%C3%B1o"}},
		"bare ampersand": {`<rss version="2.0"><channel><item><title>A & B</title><link>https://news.example/a?x=1&y=2</link></item></channel></rss>`, []string{"https://news.example/a?x=1&y=2"}},
		"control":        {"<rss version=\"2.0\"><channel><item><title>a\x0bb</title><link>https://news.example/a</link></item></channel></rss>", []string{"https://news.example/a"}},
	} {
		items, _, err := parseFeed([]byte(c.body), base, s)
		var got []string
		for _, it := range items {
			got = append(got, it.URL)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
	for _, body := range []string{"", "<html><body>no feed</body></html>", `{"version":"https://jsonfeed.org/version/1.1"}`, "<?xml version='1.0'?>", "\x00\x01", "<rss"} {
		if items, _, err := parseFeed([]byte(body), base, s); err == nil && len(items) > 0 {
			t.Errorf("%q gave items", body)
		}
	}
}

func TestFeedDatesAndNamesFillThePage(t *testing.T) {
	t.Parallel()
	latin := bytes.ReplaceAll([]byte(`<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><item><title>Ma&#241;ana &amp;amp; tarde</title><link>https://news.example/a</link><pubDate>2025-10-28 08:55:00</pubDate><dc:creator>Jos@ P@rez</dc:creator><category>Econom@a</category></item></channel></rss>`), []byte("@"), []byte("\xe9"))
	items, _, err := parseFeed(latin, &url.URL{Scheme: "https", Host: "news.example"}, Definition{BaseURL: "https://news.example"}.site())
	if err != nil || len(items) != 1 {
		t.Fatalf("%v, %v", items, err)
	}
	it := items[0]
	if it.Title != "Mañana & tarde" || !slices.Equal(it.Authors, []string{"José Pérez"}) || !slices.Equal(it.Categories, []string{"Economéa"}) || it.PublishedAt.Format(time.RFC3339) != "2025-10-28T13:55:00Z" {
		t.Errorf("%+v", it)
	}
	a := Article{Source: "El Diario"}
	fillFromFeed(&a, it)
	if a.Author != "José Pérez" || a.Category != "Economéa" || a.PublishedAt == nil {
		t.Errorf("%+v", a)
	}
}
