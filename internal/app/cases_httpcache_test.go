package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/testkit"
)

// TestCasesHTTPCache plays the cases of HTTP caching, preconditions and the operators' routes.
func TestCasesHTTPCache(t *testing.T) {
	t.Parallel()
	playCases(t, "httpcache", map[string]func(*caseRun){
		"if-match-get":              func(r *caseRun) { r.with().seeded(10).expect(200, 412) },
		"if-match-delete-wrong-tag": func(r *caseRun) { r.with().expect(201, 412, 200) },
		"lost-update-two-writers": func(r *caseRun) {
			r.with().seeded(10)
			known := r.play(1).Header.Get("ETag")
			first, second := r.play(2, "If-Match", known), r.play(3, "If-Match", known)
			if first.StatusCode != 200 || second.StatusCode != 412 || first.Header.Get("ETag") == "" || first.Header.Get("ETag") == known {
				r.t.Errorf("%d %q, then %d", first.StatusCode, first.Header.Get("ETag"), second.StatusCode)
			}
		},
		"health-answer-is-cached":                frozenPostgreSQL,
		"invented-filters-switch-the-cache-off":  strangersDoNotFill("/api/articles?limit=13"),
		"one-large-answer-switches-a-route-off":  oneLarge(strings.Repeat("a\u2028", 5000), strings.Repeat("x", 2_900_000)),
		"write-acknowledged-while-redis-is-full": shownBy(TestAStoredChangeIsNeverShownStale),
		"expect-continue-refused":                answersSoon(401, ""),
		"escaped-unreserved-in-path": func(r *caseRun) {
			r.with().seeded(10).expect(200, 200, 200)
			for i, plain := range []string{"/api/articles/5", "/api/articles/feed.atom", "/api/articles"} {
				if got := r.get(plain); string(got.body) != string(r.answers[i].body) {
					r.t.Errorf("%s is another answer", plain)
				}
			}
		},
		"empty-line-before-the-request": func(r *caseRun) {
			r.with().seeded(10).listen()
			if _, res := r.raw(r.steps[0].rawStep()); res.StatusCode != 200 {
				r.t.Errorf("%s", res.Status)
			}
		},
		"feed-if-modified-since": func(r *caseRun) {
			r.with().seeded(10)
			feed := r.play(1)
			modified, err := http.ParseTime(feed.Header.Get("Last-Modified"))
			if err != nil || !strings.Contains(string(feed.body), "<updated>"+modified.UTC().Format(time.RFC3339)+"</updated>") {
				r.t.Errorf("Last-Modified %q: %.400s", feed.Header.Get("Last-Modified"), feed.body)
			}
			if got := r.play(2, "If-Modified-Since", modified.Add(time.Hour).UTC().Format(http.TimeFormat)); got.StatusCode != 304 {
				r.t.Errorf("%d", got.StatusCode)
			}
		},
		"openapi-without-validator": func(r *caseRun) {
			got := r.with().play(1)
			if h := got.Header; h.Get("ETag") == "" || h.Get("Cache-Control") == "" || h.Get("Content-Encoding") == "" || len(got.TransferEncoding) > 0 {
				r.t.Errorf("%v", h)
			}
		},
		"answers-without-cache-control": func(r *caseRun) {
			r.with().expect(200, 200, 404, 405, 401, 422)
			for i, got := range r.answers {
				if cc := got.Header.Get("Cache-Control"); cc != "no-store" && cc != "private, no-store" {
					r.t.Errorf("step %d: Cache-Control %q", i+1, cc)
				}
			}
		},
		"options-allow-without-head": func(r *caseRun) {
			r.with().expect(204, 405)
			for i, got := range r.answers {
				if allow := got.Header.Get("Allow"); !strings.Contains(allow, "HEAD") {
					r.t.Errorf("step %d: Allow %q", i+1, allow)
				}
			}
		},
		"dry-run-misspelt": func(r *caseRun) {
			r.with().seeded(10)
			r.isHit("/api/articles/5")
			r.expect(422, 422)
			if got := r.served("/api/articles/5"); got.Header.Get("X-Cache") != "HIT" {
				r.t.Errorf("afterwards: %s", got.Header.Get("X-Cache"))
			}
		},
		"warm-without-redis": func(r *caseRun) {
			rd := testkit.RedisServer(r.t)
			r.with(func(c *Config) { c.Redis.URL = rd.URL() }).seeded(10)
			if err := rd.Kill(); err != nil {
				r.t.Fatal(err)
			}
			got := r.play(1)
			if got.StatusCode != 503 || got.Header.Get("Retry-After") == "" || strings.Contains(string(got.body), "127.0.0.1") {
				r.t.Errorf("%d %v %s", got.StatusCode, got.Header, got.body)
			}
			want(r.t, r.look("/audit")["items"].([]any)[0].(map[string]any), map[string]any{"state": "failed", "operation": "warm"})
		},
		"warm-ignores-given-value-silently": func(r *caseRun) {
			got := r.with().seeded(10).play(1).json(r.t).(map[string]any)
			if skipped, _ := got["skipped"].([]any); len(skipped) != 1 || got["items_cached"] != 0.0 || !strings.Contains(fmt.Sprint(skipped), "comes with a value") {
				r.t.Errorf("%v", got)
			}
		},
		"figures-wait-for-a-frozen-redis": func(r *caseRun) {
			rd := testkit.RedisServer(r.t)
			r.with(func(c *Config) { c.Redis.URL, c.testing.figuresGood = rd.URL(), 0 }) // shared, as in production
			if err := rd.Pause(); err != nil {
				r.t.Fatal(err)
			}
			defer func() {
				if err := rd.Resume(); err != nil {
					r.t.Error(err)
				}
			}()
			if got := r.play(2); !strings.Contains(string(got.body), `"status":"unavailable"`) {
				r.t.Errorf("the first: %.200s", got.body)
			}
			for i := range r.steps {
				testkit.Eventually(r.t, "an answer under a second", func() bool {
					start := time.Now()
					got := r.play(i + 1)
					return got.StatusCode == 200 && time.Since(start) < time.Second
				})
			}
		},
		"id-and-its-shortened-form": idsAreNotTheirShortForms,
		"proxy-fat-get": func(r *caseRun) {
			address := r.proxied(func(w http.ResponseWriter, q *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				_, _ = io.Copy(w, q.Body)
			})
			r.fetch("GET", address+"/page", "poison")
			if _, body := r.fetch("GET", address+"/page", ""); body != "" {
				r.t.Errorf("another's body: %q", body)
			}
		},
		"proxy-says-stored": func(r *caseRun) {
			six := strings.Repeat("x", 6<<20)
			address := r.proxied(func(w http.ResponseWriter, q *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				if q.URL.Path == "/cut" {
					w.Header().Set("Content-Length", "100")
					_, _ = io.WriteString(w, "half")
					panic(http.ErrAbortHandler)
				}
				_, _ = io.WriteString(w, six)
			})
			for _, path := range []string{"/six-megabytes", "/six-megabytes", "/cut"} {
				if h, _ := r.fetch("GET", address+path, ""); strings.Contains(h.Get("Cache-Status"), "stored") || h.Get("X-Cache") == "HIT" {
					r.t.Errorf("%s: Cache-Status %q", path, h.Get("Cache-Status"))
				}
			}
		},
		"proxy-set-cookie-for-all": func(r *caseRun) {
			var n atomic.Int64
			address := r.proxied(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Set-Cookie", "id="+strconv.FormatInt(n.Add(1), 10))
				w.Header().Set("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
				_, _ = io.WriteString(w, "hola")
			})
			for _, want := range []string{"id=1", "id=2"} {
				if h, _ := r.fetch("GET", address+"/page", ""); h.Get("Set-Cookie") != want {
					r.t.Errorf("Set-Cookie %q, want %s", h.Get("Set-Cookie"), want)
				}
			}
		},
		"proxy-fifty-misses": func(r *caseRun) {
			var asked atomic.Int64
			all := make(chan struct{})
			address := r.proxied(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				<-all
				w.Header().Set("Cache-Control", "max-age=60")
				_, _ = io.WriteString(w, "hola")
			})
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if _, body := r.fetch("GET", address+"/slow", ""); body != "hola" {
						r.t.Errorf("%q", body)
					}
				})
			}
			testkit.Eventually(r.t, "the first is upstream", func() bool { return asked.Load() > 0 })
			close(all) // whoever comes later gets a hit
			wg.Wait()
			if n := asked.Load(); n != 1 {
				r.t.Errorf("%d requests upstream", n)
			}
		},
	})
}

// proxied runs the command in front of an upstream, with a Redis of its own.
func (r *caseRun) proxied(upstream http.HandlerFunc) (address string) {
	r.t.Helper()
	origin := httptest.NewServer(upstream)
	ctx, stop := context.WithCancel(r.t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Run(ctx, "test", []string{"cache-proxy", "--upstream", origin.URL, "--listen", "127.0.0.1:0", "--private-redis"}, in, io.Discard)
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	r.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
		origin.Close()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(line[strings.LastIndex(line, "http://"):])
}

// fetch asks a proxy; an answer that is cut off counts as far as it came.
func (r *caseRun) fetch(method, url, body string) (http.Header, string) {
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		r.t.Error(err)
		return nil, ""
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		if !strings.Contains(url, "/cut") {
			r.t.Error(err)
		}
		return http.Header{}, ""
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil && !strings.Contains(url, "/cut") {
		r.t.Error(err)
	}
	return res.Header, string(got)
}

// idsAreNotTheirShortForms: keys of the engine that differ are entries that differ.
func idsAreNotTheirShortForms(r *caseRun) {
	client := testkit.Redis(r.t)
	c, err := cache.New(cache.Options{Redis: client, Layers: []cache.Layer{{Name: "content", Namespace: "content", TTL: time.Hour}}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	if err := c.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	f := cache.Wrap(c, cache.Spec[string]{Layer: "content", Key: func(id string) cache.Key { return cache.Key{ID: id} }},
		func(_ context.Context, id string) (string, error) { return id, nil })
	long := strings.Repeat("k", 300)
	keys, err := client.Keys(r.t.Context(), "*").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	before := map[string]bool{}
	for _, k := range keys {
		before[k] = true
	}
	ids := []string{long, long + "k", strings.Repeat("ñ", 200), strings.Repeat("k", 256), strings.Repeat("k", 257)}
	for _, id := range ids {
		if got, err := f.Get(r.t.Context(), id); err != nil || got != id {
			r.t.Fatalf("%.80q: %.80q, %v", id, got, err)
		}
	}
	if keys, err = client.Keys(r.t.Context(), "*").Result(); err != nil {
		r.t.Fatal(err)
	}
	short := 0
	for _, k := range keys {
		_, id, ok := strings.Cut(k, "content:v1:")
		if before[k] || !ok {
			continue
		}
		// What an entry is called in Redis is an identifier of its own.
		short++
		if got, err := f.Get(r.t.Context(), id); err != nil || got != id {
			r.t.Errorf("%.80q is answered with %.80q, %v", id, got, err)
		}
	}
	if short < len(ids) {
		r.t.Errorf("only %d entries", short)
	}
}
