package scraping

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestOnePoisonousArticleCostsOnlyItself(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	paths := []string{"/nota-a", "/nota-b", "/nota-c", "/nota-d"}
	for _, p := range paths {
		h.html(p, story("La "+strings.Trim(p, "/")))
	}
	h.feed(paths...)
	poison := errors.New("value too long")
	h.sink.err = func(a extract.Article) error {
		if strings.HasSuffix(a.URL, "/nota-c") {
			return poison
		}
		return nil
	}
	report, err := h.scrape()
	if err != nil || report.Saved != 3 || report.Reasons[ReasonStore] != 1 || len(h.sink.urls) != 3 {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestARefusalIsNoDuplicate(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una nota"))
	h.html("/nota-b", story("Una nota impublicable"))
	h.feed("/nota-a", "/nota-b")
	report, err := h.scrape()
	if err != nil || report.Saved != 1 || report.Duplicates != 0 || report.Reasons[ReasonRefused] != 1 || report.Failures[0].Detail != "title: unspeakable" {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestASinkThatIsAwayFailsThePass(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una"))
	h.html("/nota-b", story("Otra"))
	h.feed("/nota-a", "/nota-b")
	away := errors.New("connection refused")
	h.sink.err = func(extract.Article) error { return away }
	report, err := h.scrape()
	if !errors.Is(err, away) || report.Reasons[ReasonStore] != 2 || report.Saved != 0 {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestDuplicatesAreCountedAndKnownPagesNotFetched(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	var fetches atomic.Int32
	for _, p := range []string{"/nota-a", "/nota-b", "/nota-c"} {
		page := story("La " + p[1:])
		if p == "/nota-c" { // the same article under another address
			page = strings.Replace(page, "</title>", `</title><link rel="canonical" href="/nota-a">`, 1)
		}
		h.mux.HandleFunc(p, func(w http.ResponseWriter, _ *http.Request) {
			fetches.Add(1)
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, page)
		})
	}
	h.feed("/nota-a", "/nota-b", "/nota-c")
	h.sink.urls[h.base+"/nota-b"] = extract.Article{}
	report, err := h.scrape()
	if err != nil || report.Saved != 1 || report.Duplicates != 2 || report.Failed != 0 {
		t.Errorf("%v, %+v", err, report)
	}
	fetches.Store(0)
	h.sc.Known = func(_ context.Context, urls []string) (map[string]time.Time, error) {
		return map[string]time.Time{urls[0]: time.Now(), urls[1]: time.Now()}, nil
	}
	report, err = h.scrape()
	if err != nil || report.Known != 2 || report.Fetched != 1 || fetches.Load() != 1 {
		t.Errorf("%v, %+v, %d fetches", err, report, fetches.Load())
	}
	h.sc.Known = func(context.Context, []string) (map[string]time.Time, error) { return nil, errors.New("away") }
	h.sc.MaxPages = 2
	if report, err = h.scrape(); err != nil || report.Known != 0 || report.Cut != 1 || report.Fetched != 2 {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestOnePassAtATimeAndCancellationKeepsWhatWasRead(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una"))
	entered := make(chan struct{})
	h.mux.HandleFunc("/nota-b", func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})
	h.sc.Concurrency = 1 // nota-a is done before nota-b begins
	h.feed("/nota-a", "/nota-b")
	s := h.service(h.definition())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	type ended struct {
		report Report
		err    error
	}
	done := make(chan ended, 1)
	go func() {
		r, err := s.Scrape(ctx, "x", Options{})
		done <- ended{r, err}
	}()
	select {
	case <-entered:
	case <-ctx.Done():
		t.Fatal("the second page was never asked for")
	}
	if _, err := s.Scrape(ctx, "equis", Options{}); !errors.Is(err, ErrRunning) {
		t.Errorf("a second pass at once: %v", err)
	}
	cancel()
	got := <-done
	if !errors.Is(got.err, context.Canceled) || got.report.Saved != 1 || got.report.Reasons[fetch.ReasonCanceled] != 1 {
		t.Errorf("%v, %+v", got.err, got.report)
	}
}

func TestScrapeErrors(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.mux.HandleFunc("/feed", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>no feed</html>") })
	s := h.service(h.definition())
	if _, err := s.Scrape(t.Context(), "La Nada", Options{}); !errors.Is(err, ErrUnknownSource) {
		t.Errorf("unknown: %v", err)
	}
	report, err := s.Scrape(t.Context(), "x", Options{})
	if !errors.Is(err, ErrNoEntries) || report.Reasons[ReasonFeed] != 1 {
		t.Errorf("no feeds: %v, %+v", err, report)
	}
	if _, err := NewService(ServiceConfig{}); err == nil {
		t.Error("a service without parts was made")
	}
}

func TestOneBrokenFeedDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una"))
	h.feed("/nota-a")
	def := h.definition()
	def.Entries = append([]source.Entry{{URL: h.base + "/gone", Kind: source.Feed}}, def.Entries...)
	report, err := h.service(def).Scrape(t.Context(), "x", Options{})
	if err != nil || report.Saved != 1 || report.Feeds != 1 || report.Failed != 1 {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestMetricsTellHowPassesEnded(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.html("/nota-a", story("Una"))
	h.feed("/nota-a", "/nota-perdida")
	reg := prometheus.NewRegistry()
	defs, err := source.New(h.definition())
	if err != nil {
		t.Fatal(err)
	}
	if h.sc.Metrics, err = NewMetrics(reg, defs); err != nil {
		t.Fatal(err)
	}
	h.config.Read = h.sc.Metrics.Read
	h.mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "User-agent: *\nDisallow:\n") })
	want := func(text string, names ...string) {
		t.Helper()
		if err := testutil.GatherAndCompare(reg, strings.NewReader(text), names...); err != nil {
			t.Error(err)
		}
	}
	const passes = `# HELP scraping_passes_total Passes over a source made by this process, by outcome: ok, failed as a whole, or canceled.
# TYPE scraping_passes_total counter
scraping_passes_total{outcome="failed",source="x"} %FAILED
scraping_passes_total{outcome="ok",source="x"} %OK
`
	expect := func(ok, failed string) {
		t.Helper()
		want(strings.NewReplacer("%OK", ok, "%FAILED", failed).Replace(passes), "scraping_passes_total")
	}
	expect("0", "0")
	if _, err := h.scrape(); err != nil {
		t.Fatal(err)
	}
	expect("1", "0")
	want(`# HELP scraping_failures_total Feeds, pages and articles that passes lost, by reason.
# TYPE scraping_failures_total counter
scraping_failures_total{reason="robots",source="x"} 0
scraping_failures_total{reason="status",source="x"} 1
scraping_failures_total{reason="throttled",source="x"} 0
# HELP scraping_articles_total Articles that passes extracted, by what became of them: saved, revised, or duplicate.
# TYPE scraping_articles_total counter
scraping_articles_total{result="duplicate",source="x"} 0
scraping_articles_total{result="revised",source="x"} 0
scraping_articles_total{result="saved",source="x"} 1
`, "scraping_failures_total", "scraping_articles_total")
	for _, document := range []string{fetch.ReadPage, fetch.ReadFeed, fetch.ReadRobots} {
		read := testutil.ToFloat64(h.sc.Metrics.bytes.WithLabelValues("x", document))
		if document == fetch.ReadRobots && read != 24 || document == fetch.ReadPage && read != float64(len(story("Una"))) || read == 0 {
			t.Errorf("%s: %v bytes", document, read)
		}
	}
	h.sink.err = func(extract.Article) error { return errors.New("connection refused") }
	if _, err := h.scrape(); err == nil {
		t.Error("a sink that takes nothing fails no pass")
	}
	expect("1", "1")
}
