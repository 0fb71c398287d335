package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestResponsesAreCachedAndNeverStale tests the HTTP cache from the client's side: hits, spellings of the same request,
// 304, credentials, and every kind of write, on two instances.
func TestResponsesAreCachedAndNeverStale(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	b := newTestApp(t, func(c *Config) { c.Database.URL, c.Redis.URL = a.cfg.Database.URL, a.cfg.Redis.URL })
	a.awaitGate()
	b.awaitGate()
	id := a.create("uno", "Semana", "")
	one := fmt.Sprintf("/api/articles/%d", id)

	state := func(r reply) string { return r.Header.Get("X-Cache") }
	same := [][]string{
		{"/api/articles?source=Semana&limit=7", "/api/v1/articles?limit=7&source=Semana", "/api/articles?limit=3&limit=%2B7&source=Semana&utm=x&order=newest", "/api/articles/?limit=07&source=Semana"},
		{one, "/api/v1" + one[4:], one + "?x=y", fmt.Sprintf("/api/articles/0%d", id)},
		{"/api/scraping/content/simple", "/api/scraping/content/simple?limit=10&offset=0"},
		{"/api/scraping/content?limit=100", "/api/scraping/content?limit=1000"},
		{"/api/articles/search?q=uno", "/api/articles/search?q=uno&limit=10"},
		{"/api/articles/feed.atom"},
		{"/api/analysis/results"},
		{"/api/analysis/statistics"},
		{"/api/scraping/status"},
		{"/api/scraping/sources"},
	}
	a.settle()
	for _, spellings := range same {
		first := a.served(spellings[0])
		if first.StatusCode != 200 || state(first) != "MISS" {
			t.Errorf("%s: %d %s", spellings[0], first.StatusCode, state(first))
		}
		if cc := first.Header.Get("Cache-Control"); cc != "public, no-cache" || first.Header.Get("Etag") == "" {
			t.Errorf("%s: Cache-Control %q, ETag %q", spellings[0], cc, first.Header.Get("Etag"))
		}
		for _, path := range spellings {
			for _, x := range []*testApp{a, b} {
				r := x.served(path)
				if state(r) != "HIT" || string(r.body) != string(first.body) || r.Header.Get("Etag") != first.Header.Get("Etag") {
					t.Errorf("%s: %s, or another answer than %s", path, state(r), spellings[0])
				}
				if r := x.get(path, "If-None-Match", `"x", W/`+first.Header.Get("Etag")); r.StatusCode != http.StatusNotModified || len(r.body) > 0 {
					t.Errorf("%s with its tag: %d", path, r.StatusCode)
				}
			}
		}
	}
	for _, path := range []string{"/health", "/api/health", "/health/live", "/health/ready", "/metrics", "/openapi.json"} {
		if r := a.get(path); state(r) != "" {
			t.Errorf("%s goes through the cache: %s", path, state(r))
		}
	}
	if r := a.get(one, "Authorization", "Bearer x"); state(r) != "BYPASS" || !strings.Contains(r.Header.Get("Cache-Control"), "private") {
		t.Errorf("with credentials: %s, %q", state(r), r.Header.Get("Cache-Control"))
	}
	for range 2 {
		if r := a.get(one, "Origin", "http://localhost:3000"); r.Header.Get("Access-Control-Allow-Origin") == "" || r.Header.Get("X-Request-Id") == "" || r.Header.Get("X-Content-Type-Options") == "" {
			t.Errorf("a hit lacks what belongs to each request: %v", r.Header)
		}
	}

	// Writes of every kind take effect on the next request of the other instance.
	title := func(x *testApp) string { return x.get(one).json(t).(map[string]any)["title"].(string) }
	for i, write := range []func(string){
		func(s string) { a.admin("PATCH", one, fmt.Sprintf(`{"title": %q}`, s), 200) },
		func(s string) {
			a.admin("PUT", one, fmt.Sprintf(`{"source": "Semana", "title": %q, "content": "Texto de uno."}`, s), 200)
		},
		func(s string) { b.admin("PATCH", one, fmt.Sprintf(`{"title": %q}`, s), 200) },
	} {
		want := fmt.Sprint("título ", i)
		write(want)
		for _, x := range []*testApp{a, b} {
			if got := title(x); got != want {
				t.Errorf("write %d: %q", i, got)
			}
			if got := titles(t, x.get("/api/v1/articles?limit=7&source=Semana")); got != want {
				t.Errorf("write %d, the list: %q", i, got)
			}
		}
	}
	a.admin("DELETE", one, "", http.StatusNoContent)
	if r := b.get(one); r.StatusCode != http.StatusNotFound {
		t.Errorf("deleted: %d", r.StatusCode)
	}
	b.settle()
	b.served(one)
	if r := b.served(one); r.StatusCode != http.StatusNotFound || state(r) != "HIT" {
		t.Errorf("a 404 is remembered with its dependencies: %d %s", r.StatusCode, state(r))
	}
	for _, reason := range []string{"undeclared_dependency"} {
		for _, layer := range []string{"http_response", "content", "analytics", "article"} {
			if n := metric(t, a, fmt.Sprintf(`cache_rejected_fills_total{layer=%q,reason=%q}`, layer, reason)); n > 0 {
				t.Errorf("%s: %v fills were refused: %s", layer, n, reason)
			}
		}
	}
}

// TestAnswersAreTheSameWithoutTheCache: an answer passes through the cache unchanged.
func TestAnswersAreTheSameWithoutTheCache(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	if _, err := a.seed(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	b := newTestApp(t, func(c *Config) {
		c.Database.URL, c.Redis.URL, c.testing.uncached = a.cfg.Database.URL, a.cfg.Redis.URL, true
	})
	a.awaitGate()
	a.settle()
	id := int64(a.get("/api/articles?limit=1").json(t).(map[string]any)["items"].([]any)[0].(map[string]any)["id"].(float64))
	for _, path := range []string{
		"/api/articles?limit=40", "/api/articles?order=easiest&limit=7", "/api/articles/search?q=gobierno", "/api/articles/feed.atom",
		fmt.Sprintf("/api/articles/%d", id), fmt.Sprintf("/api/scraping/content/%d", id), "/api/scraping/content?limit=30",
		"/api/scraping/content/simple?offset=3", "/api/scraping/sources", "/api/analysis/results?limit=50", "/api/analysis/statistics",
		"/api/articles/999999",
	} {
		miss, hit, bare := a.served(path), a.served(path), b.get(path)
		if bare.Header.Get("X-Cache") != "" || hit.Header.Get("X-Cache") != "HIT" {
			t.Errorf("%s: X-Cache %q without the cache, %q with it", path, bare.Header.Get("X-Cache"), hit.Header.Get("X-Cache"))
		}
		for name, r := range map[string]reply{"a miss": miss, "a hit": hit} {
			if r.StatusCode != bare.StatusCode || string(r.body) != string(bare.body) || r.Header.Get("Content-Type") != bare.Header.Get("Content-Type") {
				t.Errorf("%s: %s answers %d %.200s, without the cache it is %d %.200s", path, name, r.StatusCode, r.body, bare.StatusCode, bare.body)
			}
		}
	}
}
