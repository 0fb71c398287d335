package newsroom_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"openlearn/internal/scraping"
	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/newsroom"
	"openlearn/internal/scraping/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a working sink: articles by address, in order of arrival.
type memory struct {
	mu       sync.Mutex
	articles []extract.Article
	byURL    map[string]bool
}

func (m *memory) Save(_ context.Context, articles []extract.Article) ([]scraping.Verdict, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]scraping.Verdict, len(articles))
	for i, a := range articles {
		if m.byURL[a.URL] {
			out[i].Outcome = scraping.Duplicate
			continue
		}
		m.byURL[a.URL] = true
		m.articles = append(m.articles, a)
		out[i].Outcome = scraping.Stored
	}
	return out, nil
}

func serve(t *testing.T, path string) (base string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base = "http://" + server.Listener.Addr().String() + path
	server.Config.Handler = newsroom.Handler(base)
	server.Start()
	t.Cleanup(server.Close)
	return base
}

func service(t *testing.T, base string, sink scraping.Sink) *scraping.Service {
	t.Helper()
	defs, err := source.New(newsroom.Definition(base))
	if err != nil {
		t.Fatal(err)
	}
	fetcher := fetch.New(fetch.Config{})
	t.Cleanup(fetcher.Close)
	s, err := scraping.NewService(scraping.ServiceConfig{Sources: defs, Fetcher: fetcher, Sink: sink})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScrapeTheNewsroom(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/demo"} {
		base := serve(t, path)
		sink := &memory{byURL: map[string]bool{}}
		s := service(t, base, sink)
		report, err := s.Scrape(t.Context(), "noticiero demo", scraping.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if report.Found != 10 || report.Fetched != 10 || report.Extracted != 10 || report.Saved != 10 || report.Failed != 0 {
			t.Fatalf("report = %+v", report)
		}
		want := map[string]struct {
			category, author, published string
			paywall                     bool
			paragraphs, tags            int
		}{
			"economia/cosecha-cafe-sierra-clara":            {"Economía", "Lucía Peñaranda Ríos", "2026-03-02T12:30:00Z", false, 5, 4},
			"politica/villanueva-presupuesto-participativo": {"Política", "Tomás Echavarría, Nidia Córdoba", "2026-03-03T14:00:00Z", false, 5, 3},
			"cultura/festival-gaitas-san-benito":            {"Cultura", "María José Ibáñez Núñez", "2026-03-04T21:20:00Z", false, 5, 4},
			"deportes/ciclista-paipa-vuelta-juventud":       {"Deportes", "Óscar Iván Benítez", "2026-03-07T23:05:09Z", false, 4, 3},
			"ciencia/frailejones-paramo-agua":               {"Ciencia", "Ximena Arbeláez Güiza", "2026-03-05T10:00:00Z", true, 5, 4},
			"bogota/bibliotecas-parque-nocturnas":           {"Bogotá", "Julián Andrés Muñetón", "2025-10-29T01:55:00Z", false, 5, 3},
			"tecnologia/senales-trafico-abiertas":           {"Tecnología", "Íngrid Paola Yañez", "2026-03-06T15:15:00Z", false, 5, 3},
			"salud/parteras-rio-guayabal":                   {"Salud", "Wilmer Asprilla", "2026-03-08T12:00:00Z", false, 5, 3},
			"educacion/escuela-radio-vereda":                {"Educación", "Catalina Pabón Téllez", "2025-11-14T13:55:00Z", false, 5, 4},
			"ambiente/ballenas-bahia-perla":                 {"Medio ambiente", "Yadira Hurtado Mosquera", "2025-07-02T19:40:00Z", false, 5, 4},
		}
		for _, a := range sink.articles {
			name := strings.TrimPrefix(a.URL, base+"/")
			w, known := want[name]
			if !known {
				t.Errorf("unexpected address %s", a.URL)
				continue
			}
			delete(want, name)
			published := "none"
			if a.PublishedAt != nil {
				published = a.PublishedAt.Format(time.RFC3339)
			}
			if a.Source != newsroom.Name || a.Category != w.category || a.Author != w.author || published != w.published || a.Paywall != w.paywall || len(a.Tags) != w.tags || a.Language != "es-CO" {
				t.Errorf("%s: source %q category %q author %q published %s paywall %v tags %q language %q", name, a.Source, a.Category, a.Author, published, a.Paywall, a.Tags, a.Language)
			}
			if got := len(strings.Split(a.Text, "\n\n")); got != w.paragraphs {
				t.Errorf("%s: %d paragraphs, want %d", name, got, w.paragraphs)
			}
			if strings.Contains(a.Title, "Noticiero") || a.Title == "" || a.Subtitle == "" || !strings.HasPrefix(a.Image, base+"/img/") {
				t.Errorf("%s: title %q subtitle %q image %q", name, a.Title, a.Subtitle, a.Image)
			}
			for _, no := range []string{"Lea también", "suscri", "Le puede interesar", "medio inventado", "Por ", "\ufffd", "&"} {
				if strings.Contains(a.Text, no) && no != "Por " || strings.HasPrefix(a.Text, no) {
					t.Errorf("%s: text holds %q", name, no)
				}
			}
		}
		for name := range want {
			t.Errorf("%s is missing", name)
		}

		// The second pass asks for changes only, and loses nothing.
		again, err := s.Scrape(t.Context(), "DEMO", scraping.Options{})
		if err != nil || again.Saved != 0 || again.Fetched != 0 || again.Unchanged != 11 || again.Failed != 0 || len(sink.articles) != 10 {
			t.Errorf("second pass: %v, %+v", err, again)
		}
	}
}

func TestHandlerServesWhatItLinks(t *testing.T) {
	t.Parallel()
	base := serve(t, "/demo")
	get := func(method, address string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DisableKeepAlives: true}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	index, body := get("GET", base+"/")
	if index.StatusCode != 200 || strings.Contains(body, "{{BASE}}") || strings.Count(body, "<li>") != 10 {
		t.Errorf("index: %d\n%s", index.StatusCode, body)
	}
	for address, contentType := range map[string]string{
		base + "/feed.xml": "application/rss+xml; charset=utf-8", base + "/robots.txt": "text/plain; charset=utf-8",
		strings.TrimSuffix(base, "/demo") + "/robots.txt": "text/plain; charset=utf-8",
		base + "/img/frailejones-paramo-agua.svg":         "image/svg+xml",
		base + "/tecnologia/senales-trafico-abiertas":     "text/html",
	} {
		if resp, _ := get("GET", address); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != contentType {
			t.Errorf("%s: %d %s", address, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
	}
	for _, address := range []string{base + "/nada", base + "/../newsroom.go", base + "/site/index", base + "/economia"} {
		if resp, _ := get("GET", address); resp.StatusCode != 404 {
			t.Errorf("%s: %d", address, resp.StatusCode)
		}
	}
	if resp, _ := get("POST", base+"/feed.xml"); resp.StatusCode != 405 || !slices.Contains(resp.Header.Values("Allow"), "GET, HEAD") {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}
