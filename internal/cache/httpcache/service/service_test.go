package service_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
	"openlearn/internal/cache/httpcache/echocache"
	"openlearn/internal/cache/httpcache/internal/cachetest"
	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/testkit"
)

// newsroom is a small service as ours are built: a store, cached functions over it, an Echo, and the HTTP cache.
type newsroom struct {
	db      *newsDB
	cache   *cache.Cache
	service *service.Service
	echo    *echo.Echo
	runs    atomic.Int32 // of handlers
	saw     atomic.Pointer[http.Request]
	hook    atomic.Pointer[func(c echo.Context) error] // replaces the list handler
	reg     *prometheus.Registry
	shut    atomic.Bool // the cache's gate
}

type newsDB struct {
	mu     sync.Mutex
	titles map[string]string
}

func (d *newsDB) get(id string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.titles[id]
	return s, ok
}

func (d *newsDB) set(id, title string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.titles[id] = title
}

func newNewsroom(t testing.TB, redisURL string, db *newsDB, edit ...func(*service.Options)) *newsroom {
	t.Helper()
	n := &newsroom{db: db, reg: prometheus.NewRegistry()}
	n.cache = cachetest.Engine(t, redisURL, func(o *cache.Options) { o.Gate = func() bool { return !n.shut.Load() } })
	title := cache.Wrap(n.cache, cache.Spec[string]{
		Layer: cachetest.Article,
		Key:   func(id string) cache.Key { return cache.Key{ID: id} },
		Deps:  func(id string) []string { return []string{"article:" + id} },
	}, func(_ context.Context, id string) (string, error) {
		s, ok := db.get(id)
		if !ok {
			return "", cache.ErrNotFound
		}
		return s, nil
	})
	list := cache.Wrap(n.cache, cache.Spec[int]{
		Layer: cachetest.Content,
		Key: func(limit int) cache.Key {
			return cache.Key{ID: "list", Params: url.Values{"limit": {strconv.Itoa(limit)}}}
		},
		Deps: func(int) []string { return []string{"articles"} },
	}, func(_ context.Context, limit int) (string, error) {
		s, _ := db.get("1")
		return fmt.Sprintf(`{"limit":%d,"first":%q,"text":%q}`, limit, s, strings.Repeat("hola ", 1000)), nil
	})
	limitOf := func(s string) int {
		limit, err := strconv.Atoi(s)
		if err != nil {
			return 20
		}
		return limit
	}
	o := service.Options{Cache: n.cache, Registerer: n.reg, CredentialFields: []string{"X-API-Key"}, CredentialCookies: []string{"access_token"}, Routes: []service.Route{
		{
			Path: "/api/articles", Lifetime: time.Hour, Canonical: service.Declared(service.Int("limit", 100), service.Text("q", 50)),
			Deps: func(p service.Params) []string { return list.Deps(limitOf(p.Query.Get("limit"))) },
		},
		{
			Path: "/api/articles/:id", Lifetime: time.Hour, Canonical: service.Declared(service.Int("id", 0).InPath()), MaxVariants: 3,
			Deps: func(p service.Params) []string { return title.Deps(p.Path("id")) },
		},
	}}
	for _, e := range edit {
		e(&o)
	}
	var err error
	if n.service, err = service.New(o); err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(middleware.RequestID(), echocache.Middleware(n.service), middleware.Recover())
	e.GET("/api/articles", func(c echo.Context) error {
		n.runs.Add(1)
		n.saw.Store(c.Request())
		if h := n.hook.Load(); h != nil {
			return (*h)(c)
		}
		s, err := list.Get(c.Request().Context(), limitOf(c.QueryParam("limit")))
		if err != nil {
			return err
		}
		c.Response().Header().Set("X-Internal", "1")
		c.Response().Header().Set("X-Total-Count", "7")
		return c.Blob(http.StatusOK, "application/json", []byte(s))
	})
	e.GET("/api/articles/:id", func(c echo.Context) error {
		n.runs.Add(1)
		s, err := title.Get(c.Request().Context(), c.Param("id"))
		if errors.Is(err, cache.ErrNotFound) {
			return echo.NewHTTPError(http.StatusNotFound, "no such article")
		}
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, s)
	})
	e.GET("/api/now", func(c echo.Context) error { return c.String(http.StatusOK, "uncached") })
	n.echo = e
	return n
}

func newDB() *newsDB { return &newsDB{titles: map[string]string{"1": "uno"}} }

func (n *newsroom) respond(c func(echo.Context) error) { n.hook.Store(&c) }

func (n *newsroom) get(path string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	n.echo.ServeHTTP(w, r)
	return w
}

// expect checks status, X-Cache and how often handlers ran since the last look.
func (n *newsroom) expect(t testing.TB, w *httptest.ResponseRecorder, status int, x string, runs int32) {
	t.Helper()
	if got := n.runs.Swap(0); w.Code != status || w.Header().Get("X-Cache") != x || got != runs {
		t.Fatalf("%d %s after %d runs of the handler, want %d %s after %d; %v %.80q", w.Code, w.Header().Get("X-Cache"), got, status, x, runs, w.Header(), w.Body)
	}
}

// TestInvalidationReachesHTTPResponses is the example: two instances, two routes, and a change that takes effect on the
// next request, wherever that goes.
func TestInvalidationReachesHTTPResponses(t *testing.T) {
	t.Parallel()
	redisURL, db := testkit.RedisURL(t), newDB()
	a, b := newNewsroom(t, redisURL, db), newNewsroom(t, redisURL, db)

	a.expect(t, a.get("/api/articles/1"), 200, rules.Miss, 1)
	a.expect(t, a.get("/api/articles/1"), 200, rules.Hit, 0)
	w := b.get("/api/articles/1")
	b.expect(t, w, 200, rules.Hit, 0)
	etag := w.Header().Get("ETag")
	a.expect(t, a.get("/api/articles?limit=5"), 200, rules.Miss, 1)
	b.expect(t, b.get("/api/articles?limit=5"), 200, rules.Hit, 0)

	db.set("1", "dos")
	if err := a.cache.Invalidate(context.Background(), "article:1"); err != nil {
		t.Fatal(err)
	}
	w = b.get("/api/articles/1", "If-None-Match: "+etag)
	b.expect(t, w, 200, rules.Miss, 1)
	if w.Body.String() != "dos" {
		t.Fatalf("after the change: %q", w.Body)
	}
	a.expect(t, a.get("/api/articles/1", "If-None-Match: "+w.Header().Get("ETag")), 304, rules.Hit, 0)
	a.expect(t, a.get("/api/articles?limit=5"), 200, rules.Hit, 0) // it does not depend on one article

	for _, step := range []struct {
		what, title, want string
		invalidate        func() error
	}{
		{"a coarse dependency", "tres", "tres", func() error { return b.cache.Invalidate(context.Background(), "articles") }},
		{"a layer", "cuatro", "cuatro", func() error { return b.cache.InvalidateLayer(context.Background(), cachetest.Content) }},
		// Responses are made again from the values that are still good: nobody said that the list had changed.
		{"the responses", "cinco", "cuatro", func() error { return b.cache.InvalidateLayer(context.Background(), httpcache.ResponseLayer) }},
		{"all", "seis", "seis", func() error { return b.cache.InvalidateAll(context.Background()) }},
	} {
		db.set("1", step.title)
		if err := step.invalidate(); err != nil {
			t.Fatal(err)
		}
		w := a.get("/api/articles?limit=5")
		a.expect(t, w, 200, rules.Miss, 1)
		if !strings.Contains(w.Body.String(), strconv.Quote(step.want)) {
			t.Errorf("after invalidating %s: %.60s, want %q", step.what, w.Body, step.want)
		}
		b.expect(t, b.get("/api/articles?limit=5"), 200, rules.Hit, 0)
	}
}

// TestNoFillOutlivesAnInvalidation: a handler that began before an invalidation answers those who had asked before it, and
// nobody else.
func TestNoFillOutlivesAnInvalidation(t *testing.T) {
	t.Parallel()
	db := newDB()
	n := newNewsroom(t, testkit.RedisURL(t), db)
	entered, release := make(chan struct{}, 1), make(chan struct{})
	n.respond(func(c echo.Context) error {
		s, _ := db.get("1")
		if s == "uno" {
			entered <- struct{}{}
			<-release
		}
		return c.String(200, s)
	})
	early := make(chan string)
	go func() { early <- n.get("/api/articles").Body.String() }()
	<-entered
	db.set("1", "dos")
	if err := n.cache.Invalidate(context.Background(), "articles"); err != nil {
		t.Fatal(err)
	}
	if w := n.get("/api/articles"); w.Body.String() != "dos" {
		t.Fatalf("who came after the change got %q", w.Body)
	}
	close(release)
	if got := <-early; got != "uno" {
		t.Fatalf("who came before it got %q", got)
	}
	// The late fill may have taken the newer one's place in Redis; nobody is served from it.
	if w := n.get("/api/articles"); w.Body.String() != "dos" {
		t.Fatalf("later: %q %s", w.Body, w.Header().Get("X-Cache"))
	}
}

// TestOneLoadForAllWhoWait: a client that leaves does not end it.
func TestOneLoadForAllWhoWait(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	entered, release := make(chan struct{}, 100), make(chan struct{})
	n.respond(func(c echo.Context) error {
		entered <- struct{}{}
		<-release
		if err := c.Request().Context().Err(); err != nil {
			return err
		}
		return c.String(200, "together")
	})
	ctx, leave := context.WithCancel(context.Background())
	left := make(chan struct{})
	go func() {
		defer close(left)
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/articles", nil)
		n.echo.ServeHTTP(httptest.NewRecorder(), r)
	}()
	<-entered
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if w := n.get("/api/articles"); w.Body.String() != "together" || w.Code != 200 {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		})
	}
	leave()
	<-left
	testkit.Eventually(t, "all wait for the one load", func() bool {
		return n.cache.Stats(context.Background()).Layers[httpcache.ResponseLayer].Coalesced >= 20
	})
	close(release)
	wg.Wait()
	if runs := n.runs.Load(); runs != 1 {
		t.Errorf("the handler ran %d times", runs)
	}
}

func TestWhatClientsAreTold(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	var first http.Header
	for i := range 3 {
		w := n.get("/api/articles")
		h := w.Header()
		if h.Get("Cache-Control") != "public, no-cache" || h.Get("Content-Type") != "application/json" || h.Get("X-Total-Count") != "7" || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("request %d: %v", i+1, h)
		}
		if h.Get("X-Internal") != "" || h.Get("X-Request-Id") == "" || strings.Contains(fmt.Sprint(h), "max-age") || h.Get("Expires") != "" {
			t.Errorf("request %d: %v", i+1, h)
		}
		switch {
		case i == 0:
			first = h
		case !strings.HasPrefix(h.Get("Cache-Status"), "cache; hit; ttl=8"): // of the list that it was made of, 15 minutes
			t.Errorf("request %d: %v", i+1, h)
		case h.Get("ETag") != first.Get("ETag") || h.Get("Age") == "" || h.Get("X-Request-Id") == first.Get("X-Request-Id"):
			t.Errorf("request %d: %v, the first %v", i+1, h, first)
		}
	}
	if first.Get("Age") != "" || first.Get("Cache-Status") != "cache; fwd=miss; stored" {
		t.Errorf("a miss: %v", first)
	}
	if w := n.get("/api/now"); w.Header().Get("X-Cache")+w.Header().Get("Cache-Control") != "" {
		t.Errorf("a route that is not in the table: %v", w.Header())
	}
}

// TestRFC9110s883EntityTagsByCoding: each coding has its own strong tag of its own bytes, and a 304 is about the one that
// would be sent now.
func TestRFC9110s883EntityTagsByCoding(t *testing.T) {
	t.Parallel()
	redisURL, db := testkit.RedisURL(t), newDB()
	n, other := newNewsroom(t, redisURL, db), newNewsroom(t, redisURL, db)
	plain := n.get("/api/articles").Body.String()
	tags := map[string]string{}
	for _, c := range []string{"identity", "gzip", "br"} {
		w := n.get("/api/articles", "Accept-Encoding: "+c)
		body, tag := w.Body.String(), w.Header().Get("ETag")
		switch c {
		case "gzip":
			zr, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(zr); err != nil || string(b) != plain {
				t.Errorf("gzip holds %d bytes, %v", len(b), err)
			}
		case "br":
			if b, err := io.ReadAll(brotli.NewReader(w.Body)); err != nil || string(b) != plain {
				t.Errorf("br holds %d bytes, %v", len(b), err)
			}
		}
		if w.Header().Get("Content-Length") != strconv.Itoa(len(body)) || c != "identity" && (w.Header().Get("Content-Encoding") != c || len(body) > len(plain)/5) {
			t.Errorf("%s: %d bytes of %d, %v", c, len(body), len(plain), w.Header())
		}
		if tag != service.EntityTags([]byte(body))[0] || strings.HasPrefix(tag, "W/") {
			t.Errorf("%s: %s is not the tag of these bytes", c, tag)
		}
		tags[c] = tag
		if got := other.get("/api/articles", "Accept-Encoding: "+c).Header().Get("ETag"); got != tag {
			t.Errorf("%s: another instance says %s, not %s", c, got, tag)
		}
	}
	for asked, tag := range tags {
		for held, its := range tags {
			w := n.get("/api/articles", "Accept-Encoding: "+asked, "If-None-Match: "+its)
			want := 200
			if asked == held {
				want = 304
			}
			if w.Code != want || w.Header().Get("ETag") != tag || want == 304 && (w.Body.Len() > 0 || w.Header().Get("Content-Encoding")+w.Header().Get("Content-Length") != "") {
				t.Errorf("%s for who holds %s: %d %v", asked, held, w.Code, w.Header())
			}
		}
	}
	for _, inm := range []string{`"x", W/` + tags["identity"], "*", `"x" ,` + tags["identity"]} {
		if w := n.get("/api/articles", "If-None-Match: "+inm); w.Code != 304 {
			t.Errorf("If-None-Match: %s: %d", inm, w.Code)
		}
	}
	if err := n.cache.InvalidateAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	n.runs.Store(0)
	n.expect(t, n.get("/api/articles", "If-None-Match: "+tags["identity"]), 304, rules.Miss, 1) // the same bytes, on a miss
}

func TestRFC9110s1313LastModified(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	n.respond(func(c echo.Context) error {
		c.Response().Header().Set("Last-Modified", "Sun, 22 Nov 2026 10:00:00 GMT")
		return c.String(200, "dated")
	})
	for since, want := range map[string]int{
		"Sun, 22 Nov 2026 10:00:00 GMT": 304, "Sunday, 22-Nov-26 10:00:01 GMT": 304, "Sun, 22 Nov 2026 09:59:59 GMT": 200, "soon": 200,
	} {
		if w := n.get("/api/articles", "If-Modified-Since: "+since); w.Code != want {
			t.Errorf("%s: %d", since, w.Code)
		}
	}
	if w := n.get("/api/articles", "If-Modified-Since: Sun, 22 Nov 2026 10:00:00 GMT", `If-None-Match: "x"`); w.Code != 200 {
		t.Errorf("If-None-Match does not take precedence: %d", w.Code)
	}
}

func TestCredentialsPassBy(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	n.get("/api/articles")
	n.runs.Store(0)
	for _, f := range []string{"Authorization: Bearer x", "X-API-Key: k", "Cookie: a=b; access_token=t"} {
		w := n.get("/api/articles?limit=3", f)
		n.expect(t, w, 200, rules.Bypass, 1)
		if w.Header().Get("Cache-Control") != "private, no-cache" || w.Header().Get("X-Internal") != "1" {
			t.Errorf("%s: %v", f, w.Header())
		}
	}
	n.expect(t, n.get("/api/articles?limit=3"), 200, rules.Miss, 1) // nothing of theirs was kept
	n.expect(t, n.get("/api/articles?limit=3", "Cookie: other=1"), 200, rules.Hit, 0)
	// What the handler sees while it answers for everyone comes from no client.
	n.get("/api/articles?limit=4", "Cookie: other=1", "Accept-Language: de", "X-Forwarded-For: 1.2.3.4", "User-Agent: x")
	if r := n.saw.Load(); len(r.Header) != 0 || r.Host != "localhost" || r.RemoteAddr != "" || r.URL.RawQuery != "limit=4" {
		t.Errorf("the handler saw %v from %q for %q, query %q", r.Header, r.RemoteAddr, r.Host, r.URL.RawQuery)
	}
}

func TestParametersAreCanonical(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	n.expect(t, n.get("/api/articles?limit=7&q=a+b"), 200, rules.Miss, 1)
	for _, same := range []string{"?q=a%20b&limit=7", "?limit=99&limit=007&q=a%20b", "?limit=%2B7&q=a+b&utm_source=x", "?LIMIT=3&limit=7&q=x&q=a+b"} {
		n.expect(t, n.get("/api/articles"+same), 200, rules.Hit, 0)
	}
	n.expect(t, n.get("/api/articles?limit=8&q=a+b"), 200, rules.Miss, 1)
	n.expect(t, n.get("/api/articles?limit=7"), 200, rules.Miss, 1)
	n.expect(t, n.get("/api/articles?limit=500"), 200, rules.Miss, 1)
	n.expect(t, n.get("/api/articles?limit=100"), 200, rules.Hit, 0)
	n.expect(t, n.get("/api/articles?limit=99999999999999999999999"), 200, rules.Hit, 0)
	n.expect(t, n.get("/api/articles?limit=x"), 200, rules.Bypass, 1)
	n.expect(t, n.get("/api/articles?q="+strings.Repeat("a", 51)), 200, rules.Bypass, 1)
	n.expect(t, n.get("/api/articles/1?x=y"), 200, rules.Miss, 1)
	n.expect(t, n.get("/api/articles/01"), 200, rules.Hit, 0)
	n.expect(t, n.get("/api/articles/uno"), 404, rules.Bypass, 1)
}

func TestNotFoundIsRemembered(t *testing.T) {
	t.Parallel()
	db := newDB()
	n := newNewsroom(t, testkit.RedisURL(t), db)
	n.expect(t, n.get("/api/articles/5"), 404, rules.Miss, 1)
	w := n.get("/api/articles/5")
	n.expect(t, w, 404, rules.Hit, 0)
	if w.Header().Get("ETag") != "" || !strings.Contains(w.Body.String(), "no such article") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	db.set("5", "cinco")
	if err := n.cache.Invalidate(context.Background(), "article:5"); err != nil {
		t.Fatal(err)
	}
	n.expect(t, n.get("/api/articles/5"), 200, rules.Miss, 1)
}

// TestWhatIsNotForSharing: each client gets an answer of its own, once it turns out that answers cannot be shared.
func TestWhatIsNotForSharing(t *testing.T) {
	t.Parallel()
	for name, respond := range map[string]func(c echo.Context) error{
		"set-cookie": func(c echo.Context) error {
			c.SetCookie(&http.Cookie{Name: "a", Value: "b"})
			return c.String(200, "own")
		},
		"private": func(c echo.Context) error {
			c.Response().Header().Set("Cache-Control", "private")
			return c.String(200, "own")
		},
		"no-store": func(c echo.Context) error {
			c.Response().Header().Set("Cache-Control", "max-age=1, No-Store")
			return c.String(200, "own")
		},
		"vary": func(c echo.Context) error {
			c.Response().Header().Set("Vary", "Accept-Encoding, Accept-Language")
			return c.String(200, "own")
		},
		"coded": func(c echo.Context) error {
			c.Response().Header().Set("Content-Encoding", "gzip")
			return c.String(200, "own")
		},
		"stream": func(c echo.Context) error {
			c.Response().WriteHeader(200)
			_, _ = io.WriteString(c.Response(), "o")
			c.Response().Flush()
			_, err := io.WriteString(c.Response(), "wn")
			return err
		},
		"too large": func(c echo.Context) error {
			for range 5 << 4 {
				if _, err := c.Response().Write(make([]byte, 1<<16)); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t, testkit.RedisURL(t), newDB())
			n.respond(respond)
			for i := range 3 {
				w := n.get("/api/articles")
				n.expect(t, w, 200, rules.Bypass, map[bool]int32{true: 2, false: 1}[i == 0])
				if w.Body.String() != "own" && w.Body.Len() != 5<<20 {
					t.Fatalf("%d bytes", w.Body.Len())
				}
				if name == "stream" && !w.Flushed {
					t.Error("the stream did not flow")
				}
			}
		})
	}
}

// TestErrorsAreNotStored: all who wait get them, and an expired answer stands in where the layer allows it.
func TestErrorsAreNotStored(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	for name, respond := range map[string]func(c echo.Context) error{
		"500":    func(c echo.Context) error { return c.String(500, "broken") },
		"error":  func(echo.Context) error { return errors.New("broken") },
		"panic":  func(echo.Context) error { panic("broken") },
		"refuse": func(echo.Context) error { return echo.NewHTTPError(503, "later") },
	} {
		n.respond(respond)
		for range 2 {
			w := n.get("/api/articles")
			if w.Code < 500 || w.Header().Get("X-Cache") != rules.Miss || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
				t.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
		}
	}
	n.respond(func(c echo.Context) error { return c.String(422, "no") })
	n.runs.Store(0)
	n.expect(t, n.get("/api/articles"), 422, rules.Miss, 1)
	n.expect(t, n.get("/api/articles"), 422, rules.Miss, 1)

	n.respond(func(echo.Context) error { panic(http.ErrAbortHandler) })
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("an aborted answer ends in %v", v)
			}
		}()
		n.get("/api/articles")
	}()
}

func TestStaleStandsInForErrors(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB(), func(o *service.Options) { o.Routes[0].Lifetime = time.Millisecond })
	n.respond(func(c echo.Context) error { return c.String(200, "good") })
	n.get("/api/articles")
	n.respond(func(c echo.Context) error { return c.String(500, "broken") })
	// The layer's windows: some minutes of stale-while-revalidate, then an hour of stale-if-error. Both say STALE.
	testkit.Eventually(t, "the answer has expired", func() bool { return n.get("/api/articles").Header().Get("X-Cache") == rules.Stale })
	w := n.get("/api/articles")
	if w.Code != 200 || w.Body.String() != "good" || w.Header().Get("X-Cache") != rules.Stale || !strings.HasPrefix(w.Header().Get("Cache-Status"), "cache; hit; ttl=-") {
		t.Fatalf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if err := n.cache.Invalidate(context.Background(), "articles"); err != nil {
		t.Fatal(err)
	}
	if w := n.get("/api/articles"); w.Code != 500 {
		t.Fatalf("an invalidated answer stood in: %d %q", w.Code, w.Body)
	}
}

// TestUndeclaredDependencies: a response built from what its route does not declare is served and not stored.
func TestUndeclaredDependencies(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB(), func(o *service.Options) { o.Routes[0].Deps = nil })
	for range 2 {
		n.expect(t, n.get("/api/articles"), 200, rules.Miss, 1)
	}
}

func TestVariations(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB(), func(o *service.Options) {
		o.Routes[0].Vary = []service.Variation{{Header: "Accept-Language", Choose: func(v string) string {
			if strings.HasPrefix(v, "en") {
				return "en"
			}
			return "es"
		}}}
	})
	n.respond(func(c echo.Context) error {
		c.Response().Header().Set("Vary", "Accept-Language")
		return c.String(200, c.Request().Header.Get("Accept-Language"))
	})
	n.expect(t, n.get("/api/articles", "Accept-Language: en-GB"), 200, rules.Miss, 1)
	n.expect(t, n.get("/api/articles", "Accept-Language: en, de"), 200, rules.Hit, 0)
	w := n.get("/api/articles", "Accept-Language: fr")
	n.expect(t, w, 200, rules.Miss, 1)
	if w.Body.String() != "es" || strings.Join(w.Header()["Vary"], ", ") != "Accept-Encoding, Accept-Language" {
		t.Errorf("%q, Vary %q", w.Body, w.Header()["Vary"])
	}
	n.expect(t, n.get("/api/articles"), 200, rules.Hit, 0)
}

// TestWrap: the service works the same around a plain handler, HEAD included.
func TestWrap(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	var saw []string
	h := n.service.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		saw = append(saw, r.Method+" "+r.URL.String())
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "plain "+r.URL.Path)
	}))
	ask := func(method, path string, fields ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			r.Header.Add(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := ask("HEAD", "/api/articles/07?x=1"); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "21" || w.Header().Get("X-Cache") != rules.Miss {
		t.Errorf("HEAD: %d %q %v", w.Code, w.Body, w.Header())
	}
	if w := ask("GET", "/api/articles/7"); w.Body.String() != "plain /api/articles/7" || w.Header().Get("X-Cache") != rules.Hit {
		t.Errorf("GET: %q %v", w.Body, w.Header())
	}
	if w := ask("GET", "/api/articles/08", "Authorization: x"); w.Body.String() != "plain /api/articles/8" || w.Header().Get("X-Cache") != rules.Bypass {
		t.Errorf("GET with credentials: %q %v", w.Body, w.Header())
	}
	for _, other := range []string{"/", "/api/articles/", "/api/articles/7/8", "/api"} {
		if w := ask("GET", other); w.Header().Get("X-Cache") != "" {
			t.Errorf("%s: %v", other, w.Header())
		}
	}
	ask("POST", "/api/articles")
	want := "GET /api/articles/7, GET /api/articles/8, GET /, GET /api/articles/, GET /api/articles/7/8, GET /api, POST /api/articles"
	if got := strings.Join(saw, ", "); got != want {
		t.Errorf("the handler saw %s", got)
	}
}

func TestWithoutRedisRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	n.get("/api/articles")
	n.runs.Store(0)
	n.shut.Store(true) // the gate: Redis is there, and must not be used
	for range 2 {
		w := n.get("/api/articles")
		n.expect(t, w, 200, rules.Bypass, 1)
		if w.Header().Get("Cache-Control") != "public, no-cache" || n.get("/api/articles", "If-None-Match: "+w.Header().Get("ETag")).Code != 304 {
			t.Errorf("%v", w.Header())
		}
		n.runs.Store(0)
	}
	n.respond(func(c echo.Context) error { return c.String(200, "plain") })
	if err := n.cache.Close(); err != nil {
		t.Fatal(err)
	}
	n.expect(t, n.get("/api/articles"), 200, rules.Bypass, 1)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	for range 3 {
		n.get("/api/articles?limit=5")
	}
	n.get("/api/articles/1", "X-API-Key: x")
	families, err := n.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			if h := m.GetHistogram(); h != nil {
				value = float64(h.GetSampleCount())
			}
			got[f.GetName()+" "+strings.Join(labels, " ")] = value
		}
	}
	for name, want := range map[string]float64{
		"api_cache_passed_total endpoint=/api/articles/:id reason=credentials": 1,
		"api_response_size_bytes encoding=identity endpoint=/api/articles":     3,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["api_cache_speedup_ratio endpoint=/api/articles"] <= 0 {
		t.Errorf("no speedup in %v", got)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	c := cachetest.Engine(t, testkit.RedisURL(t))
	for _, o := range []service.Options{
		{},
		{Cache: c, Routes: []service.Route{{Path: "x", Lifetime: time.Minute}}},
		{Cache: c, Routes: []service.Route{{Path: "/x"}}},
		{Cache: c, Routes: []service.Route{{Path: "/x", Lifetime: time.Minute}, {Path: "/x", Lifetime: time.Minute}}},
		{Cache: c, Routes: []service.Route{{Path: "/x", Lifetime: time.Minute, Vary: []service.Variation{{Header: "A"}}}}},
		{Cache: c, Routes: []service.Route{{Path: "/x", Lifetime: time.Minute, MaxVariants: -1}}},
		{Cache: c, MaxBody: -1},
	} {
		if _, err := service.New(o); err == nil {
			t.Errorf("%+v passes", o)
		}
	}
}
