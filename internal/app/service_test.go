package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"openlearn/internal/scraping"
	"openlearn/internal/scraping/newsroom"
	"openlearn/internal/testkit"
)

// awaitGate waits until cached entries may be served.
func (a *testApp) awaitGate() {
	a.t.Helper()
	testkit.Eventually(a.t, "the gate opens", a.outbox.MayServe)
}

// served is get, repeated while an answer bypasses the cache: on a busy machine an instance may be late in reading the
// outbox and close its gate for a moment.
func (a *testApp) served(path string) (r reply) {
	a.t.Helper()
	testkit.Eventually(a.t, "the gate is open", func() bool {
		r = a.get(path)
		return r.Header.Get("X-Cache") != "BYPASS"
	})
	return r
}

func TestHealth(t *testing.T) {
	t.Parallel()
	pg, rd := testkit.Postgres(t), testkit.RedisServer(t)
	a := newTestApp(t, func(c *Config) { c.Database.URL, c.Redis.URL = pg.URL(), rd.URL() })
	ready := func() (int, string) {
		r := a.get("/health/ready")
		return r.StatusCode, r.json(t).(map[string]any)["status"].(string)
	}
	want := func(code int, status string) {
		t.Helper()
		testkit.Eventually(t, status, func() bool { c, s := ready(); return c == code && s == status })
	}
	want(200, "healthy")
	if r := a.get("/api/v1/health"); string(r.body) != `{"status":"ok","service":"openlearn"}`+"\n" {
		t.Errorf("/api/v1/health: %s", r.body)
	}
	word := func(code int, status string) {
		t.Helper()
		for _, path := range []string{"/health", "/api/health"} {
			for range 2 { // each makes its own check
				r := a.get(path)
				if r.StatusCode != code || r.json(t).(map[string]any)["status"] != status || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Cache") != "" {
					t.Errorf("%s: %d %s, %v", path, r.StatusCode, r.body, r.Header)
				}
			}
		}
	}
	word(200, "ok")
	if err := rd.Kill(); err != nil {
		t.Fatal(err)
	}
	want(200, "degraded")
	word(200, "degraded")
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	want(503, "unhealthy")
	word(503, "unavailable")
	for _, path := range []string{"/health/ready", "/health/live"} {
		if cc := a.get(path).Header.Get("Cache-Control"); cc != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, cc)
		}
	}
	if r := a.get("/health/live"); r.StatusCode != 200 {
		t.Errorf("live while all is down: %d", r.StatusCode)
	}
	r := a.get("/api/articles")
	if r.StatusCode < 500 || strings.Contains(string(r.body), "127.0.0.1") || strings.Contains(strings.ToLower(string(r.body)), "sql") {
		t.Errorf("without a database: %d %s", r.StatusCode, r.body)
	}
}

// TestRedisAwayAndBack: without Redis everything is served from PostgreSQL, and it is used again when it is back.
func TestRedisAwayAndBack(t *testing.T) {
	t.Parallel()
	rd := testkit.RedisServer(t)
	if err := rd.Kill(); err != nil {
		t.Fatal(err)
	}
	a := newTestApp(t, func(c *Config) { c.Redis.URL = rd.URL() }) // away at start
	a.create("uno", "S", "")
	if got := titles(t, a.get("/api/articles")); got != "uno" {
		t.Errorf("without Redis: %q", got)
	}
	if err := rd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	hits := func() bool {
		a.get("/api/articles")
		return strings.Contains(string(a.get("/metrics").body), `cache_hits_total{layer="http_response"}`) && metric(t, a, `cache_hits_total{layer="http_response"}`) > 0
	}
	testkit.Eventually(t, "hits after Redis came up", hits)
	if err := rd.Kill(); err != nil {
		t.Fatal(err)
	}
	a.create("dos", "S", "")
	if got := titles(t, a.get("/api/articles")); got != "dos uno" {
		t.Errorf("Redis away again: %q", got)
	}
	if err := rd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := metric(t, a, `cache_hits_total{layer="http_response"}`)
	testkit.Eventually(t, "hits after Redis came back", func() bool {
		if got := titles(t, a.get("/api/articles")); got != "dos uno" {
			t.Fatalf("stale after Redis came back: %q", got)
		}
		return metric(t, a, `cache_hits_total{layer="http_response"}`) > before
	})
}

// metric reads one sample from /metrics.
func metric(t testing.TB, a *testApp, name string) float64 {
	t.Helper()
	for line := range strings.Lines(string(a.get("/metrics").body)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			var v float64
			if err := json.Unmarshal([]byte(strings.TrimSpace(rest)), &v); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			return v
		}
	}
	return 0
}

// TestScrapeShowsAtOnce: lists that were cached a moment before show the newsroom's articles on the next read.
func TestScrapeShowsAtOnce(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, newTestNewsroom(t).known)
	a.awaitGate()
	total := func() float64 {
		return a.get("/api/scraping/content/simple").json(t).(map[string]any)["total"].(float64)
	}
	status := func() float64 {
		return a.get("/api/scraping/status").json(t).(map[string]any)["total_articles"].(float64)
	}
	for range 2 {
		if total() != 0 || status() != 0 {
			t.Fatal("not empty")
		}
	}
	report, err := a.Scraping.Scrape(t.Context(), newsroom.ID, scraping.Options{})
	if err != nil || report.Saved < 8 || report.Failed > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if total() != float64(report.Saved) || status() != float64(report.Saved) {
		t.Errorf("lists show %v and %v articles after %d were stored", total(), status(), report.Saved)
	}
	again, err := a.Scraping.Scrape(t.Context(), newsroom.ID, scraping.Options{})
	if err != nil || again.Saved != 0 || again.Known != report.Saved {
		t.Errorf("second pass: %+v, %v", again, err)
	}
}

// TestShutdownDrains: a request in flight is answered, a new connection is not.
func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	started, release := make(chan struct{}), make(chan struct{})
	inner := a.handler
	a.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-release
		inner.ServeHTTP(w, r)
	})
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served, answered := make(chan error, 1), make(chan int, 1)
	go func() { served <- a.Serve(ctx, l) }()
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Get("http://" + l.Addr().String() + "/health/live")
		if err != nil {
			answered <- 0
			return
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		answered <- res.StatusCode
	}()
	<-started
	stop()
	testkit.Eventually(t, "new connections are refused", func() bool {
		c, err := net.DialTimeout("tcp", l.Addr().String(), time.Second)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(release)
	if code := <-answered; code != http.StatusOK {
		t.Errorf("the request in flight got %d", code)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestSeedIsTheSameEveryTimeAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	if n, err := a.seed(t.Context(), 120); err != nil || n != 120 {
		t.Fatalf("%d, %v", n, err)
	}
	if n := a.drain(); n != 120 {
		t.Errorf("%d analysed", n)
	}
	first := a.get("/api/articles?limit=100").body
	stats := a.get("/api/analysis/statistics").json(t).(map[string]any)
	if n := stats["total_analyses"].(float64); n != 120 || stats["average_sentiment"] == nil || stats["entity_types_count"].(float64) < 2 {
		t.Errorf("statistics %v", stats)
	}
	if n, err := a.seed(t.Context(), 130); err != nil || n != 10 {
		t.Errorf("seeding 130 after 120 stored %d, %v", n, err)
	}
	b := newTestApp(t)
	if _, err := b.seed(t.Context(), 120); err != nil {
		t.Fatal(err)
	}
	b.drain()
	if second := b.get("/api/articles?limit=100").body; !bytes.Equal(first, second) {
		t.Error("the sample differs between two databases")
	}
}

func TestHeadersAndMethods(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.create("uno", "S", "")
	get, head := a.get("/api/articles"), a.do(http.MethodHead, "/api/articles", "")
	if head.StatusCode != 200 || len(head.body) != 0 || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
		t.Errorf("HEAD: %d, %d bytes, %v", head.StatusCode, len(head.body), head.Header)
	}
	if v := get.Header.Get("X-Content-Type-Options"); v != "nosniff" {
		t.Errorf("X-Content-Type-Options %q", v)
	}
	for _, path := range []string{"/api/articles", "/api/nothing", "/api/articles/abc"} {
		r := a.get(path, "Origin", "http://localhost:3000")
		if r.Header.Get("Access-Control-Allow-Origin") != "http://localhost:3000" || !strings.Contains(r.Header.Get("Vary"), "Origin") {
			t.Errorf("%s: CORS headers %v", path, r.Header)
		}
		if r := a.get(path, "Origin", "http://evil.example"); r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %q is allowed", path, "http://evil.example")
		}
	}
	if r := a.get("/api/articles", "X-Request-Id", "abc-123"); r.Header.Get("X-Request-Id") != "abc-123" {
		t.Errorf("X-Request-Id %q", r.Header.Get("X-Request-Id"))
	}
	if r := a.get("/api/articles", "X-Request-Id", "a <b> "+strings.Repeat("x", 200)); len(r.Header.Get("X-Request-Id")) != 32 {
		t.Errorf("X-Request-Id %q", r.Header.Get("X-Request-Id"))
	}
	if r := a.get("/api/articles", "X-API-Key", "x"); r.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("Cache-Control with a key: %q", r.Header.Get("Cache-Control"))
	}
	if r := a.do(http.MethodDelete, "/api/scraping/sources", ""); r.StatusCode != 405 || r.Header.Get("Allow") == "" {
		t.Errorf("405: %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
}

func TestOpenAPIDocumentsEveryRoute(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	doc := a.get("/openapi.json").json(t).(map[string]any)
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi %v", doc["openapi"])
	}
	page, err := os.ReadFile(apiDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range undocumented(a.router.Routes(), doc, string(page)) {
		t.Error(problem)
	}
	for _, page := range []string{"/docs", "/redoc", "/api/v1/docs", "/docs/assets/swagger-ui.css", "/docs/assets/swagger-init.js"} {
		r := a.get(page)
		if r.StatusCode != 200 || strings.Contains(string(r.body), `src="http`) || strings.Contains(string(r.body), `href="http`) {
			t.Errorf("%s: %d, or it loads from another host", page, r.StatusCode)
		}
	}
	if r := a.get("/docs/assets/..%2fdocs.go"); r.StatusCode != 404 {
		t.Errorf("path traversal: %d", r.StatusCode)
	}
}

// undocumented lists the routes that are missing from the OpenAPI document or docs/api.md, and documented routes that do
// not exist.
func undocumented(routes []*echo.Route, doc map[string]any, page string) (problems []string) {
	paths := doc["paths"].(map[string]any)
	mounted := map[string]bool{}
	for _, r := range routes {
		path := pathParameter.ReplaceAllString(r.Path, "{$1}")
		mounted[path] = true
		if besideTheAPI[path] != "" {
			continue
		}
		item, _ := paths[path].(map[string]any)
		if item[strings.ToLower(r.Method)] == nil {
			problems = append(problems, fmt.Sprintf("%s %s is not in the OpenAPI document", r.Method, path))
		}
		if !strings.Contains(page, fmt.Sprintf("\n### `%s %s`", r.Method, path)) {
			problems = append(problems, fmt.Sprintf("%s %s is not in docs/api.md", r.Method, path))
		}
	}
	for path := range paths {
		if !mounted[path] {
			problems = append(problems, path+" is in the OpenAPI document, and is no route")
		}
	}
	for path := range besideTheAPI {
		if !mounted[path] {
			problems = append(problems, path+" is said to be beside the API, and is no route")
		}
		if !strings.Contains(page, "| `"+path+"` |") {
			problems = append(problems, path+" is not in docs/api.md")
		}
	}
	return problems
}

// TestUndocumentedRoutesAreFound makes sure that the test above can fail.
func TestUndocumentedRoutesAreFound(t *testing.T) {
	t.Parallel()
	doc := map[string]any{"paths": map[string]any{"/api/a/{id}": map[string]any{"get": map[string]any{}}, "/api/gone": map[string]any{}}}
	routes := []*echo.Route{{Method: "GET", Path: "/api/a/:id"}, {Method: "PUT", Path: "/api/a/:id"}, {Method: "GET", Path: "/api/new"}}
	for path := range besideTheAPI {
		routes = append(routes, &echo.Route{Method: "GET", Path: path})
	}
	got := strings.Join(undocumented(routes, doc, "\n### `GET /api/a/{id}`\n\n### `PUT /api/a/{id}`\n"), "\n")
	for _, want := range []string{"PUT /api/a/{id} is not in the OpenAPI", "GET /api/new is not in the OpenAPI", "GET /api/new is not in docs", "/api/gone is in the OpenAPI document, and is no route", "/metrics is not in docs"} {
		if !strings.Contains(got, want) {
			t.Errorf("not found: %s", want)
		}
	}
	if strings.Contains(got, "GET /api/a/{id}") || strings.Contains(got, "PUT /api/a/{id} is not in docs") {
		t.Errorf("what is documented is called missing: %s", got)
	}
}

// TestAuditFindsNoMismatch reads everything with every hit compared with the database, while articles are written through
// the API and directly in the database.
func TestAuditFindsNoMismatch(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(c *Config) { c.testing.auditRate = 1 })
	a.awaitGate()
	if _, err := a.seed(t.Context(), 60); err != nil {
		t.Fatal(err)
	}
	reads := []string{
		"/api/articles", "/api/articles/7", "/api/articles/9999", "/api/scraping/content/simple", "/api/scraping/status",
		"/api/articles/search?q=colombia", "/api/analysis/results", "/api/analysis/statistics",
	}
	for round := range 12 {
		for range 3 {
			for _, path := range reads {
				a.get(path, "X-API-Key", "past the response cache")
			}
		}
		if _, err := a.db.Pool.Exec(t.Context(), "UPDATE scraped_content SET title = $1 WHERE id = 7", fmt.Sprint("psql ", round)); err != nil {
			t.Fatal(err)
		}
		a.create(fmt.Sprint("api ", round), "S", "")
	}
	checks := 0.0
	for _, layer := range []string{"article", "content", "analytics"} {
		checks += metric(t, a, `cache_audit_checks_total{layer="`+layer+`"}`)
		if n := metric(t, a, `cache_audit_mismatches_total{layer="`+layer+`"}`); n != 0 {
			t.Errorf("%s: %v hits differed from the database", layer, n)
		}
	}
	if checks < 20 {
		t.Errorf("only %v hits were compared", checks)
	}
}

// TestChangeBesideTheServiceIsSeen: a change in psql shows on every instance without further action.
func TestChangeBesideTheServiceIsSeen(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	b := newTestApp(t, func(c *Config) { c.Database.URL, c.Redis.URL = a.cfg.Database.URL, a.cfg.Redis.URL })
	a.awaitGate()
	b.awaitGate()
	id := a.create("antes", "S", "")
	title := func(x *testApp) string {
		return x.get(fmt.Sprintf("/api/articles/%d", id)).json(t).(map[string]any)["title"].(string)
	}
	for range 3 {
		if title(a) != "antes" || title(b) != "antes" {
			t.Fatal("not there")
		}
	}
	start := time.Now()
	if _, err := b.db.Pool.Exec(t.Context(), "UPDATE scraped_content SET title = 'después' WHERE id = $1", id); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "both instances show it", func() bool { return title(a) == "después" && title(b) == "después" })
	t.Logf("a change in psql showed on both instances after %v", time.Since(start))
	// And a change through one instance shows on the other at once.
	a.admin(http.MethodPatch, fmt.Sprintf("/api/articles/%d", id), `{"title": "por la API"}`, http.StatusOK)
	if got := title(b); got != "por la API" {
		t.Errorf("the other instance shows %q", got)
	}
}

// TestForeignRowsBreakNothing: rows that other programs wrote hold anything the columns allow, and listings still answer.
func TestForeignRowsBreakNothing(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	id := a.create("uno", "S", "")
	for _, set := range []string{
		`tags = '{"a": 1}'`, `tags = '[1, null, "paz"]'`, `tags = '"x"'`, `tags = NULL`, `colombian_entities = '7'`, `colombian_entities = '[[["x"]]]'`,
		`extra_metadata = '[]'`, `published_date = '9999-12-31T23:59:59Z'`, `published_date = '0001-01-01Z'`, `source_url = 'no address'`, `difficulty_score = 1e300`,
		`word_count = -5`, `updated_at = NULL, scraped_at = NULL`,
	} {
		if _, err := a.db.Pool.Exec(t.Context(), "UPDATE scraped_content SET "+set+" WHERE id = $1", id); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/api/articles", "/api/scraping/content", "/api/scraping/content/simple", "/api/articles/search?q=uno", "/api/articles/feed.atom", "/api/scraping/status", fmt.Sprint("/api/articles/", id)} {
			if r := a.get(path, "X-API-Key", "past the response cache"); r.StatusCode != 200 || !json.Valid(r.body) && !strings.HasPrefix(string(r.body), "<?xml") {
				t.Errorf("%s with %s: %d %.200s", path, set, r.StatusCode, r.body)
			}
		}
	}
	for _, set := range []string{`difficulty_score = 'NaN'`, `difficulty_score = 'infinity'`, `published_date = 'infinity'`, `published_date = '20000-01-01'`, `scraped_at = '-infinity'`} {
		if _, err := a.db.Pool.Exec(t.Context(), "UPDATE scraped_content SET "+set+" WHERE id = $1", id); err == nil {
			t.Errorf("%s is stored, and JSON has no word for it", set)
		}
	}
}
