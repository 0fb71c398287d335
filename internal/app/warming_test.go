package app

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/testkit"
	"openlearn/internal/warming"
)

func warm(c *Config) {
	c.Warming = warming.Config{Keys: 5, Schedule: warming.Predicted, Interval: time.Minute, Rate: 1000}
}

// TestPopularArticlesAreWarm: after a restart with an empty Redis, and after a flush of the layer, the first reads of
// popular articles cost the database nothing; and an article that was changed in the meantime is shown in its current
// state.
func TestPopularArticlesAreWarm(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, warm)
	a.awaitGate()
	var paths []string
	for i := range 12 {
		paths = append(paths, fmt.Sprintf("/api/articles/%d", a.create(fmt.Sprint("titulo", i), "S", "")))
	}
	for i, path := range paths {
		for range 2 * (len(paths) - i) { // the first few are the popular ones; half of the requests in the form of the original's clients
			a.get("/api/v1" + path[len("/api"):])
		}
		if r := a.get(path + "0000"); r.StatusCode != 404 {
			t.Fatalf("%s0000: %d", path, r.StatusCode)
		}
	}
	a.stopPeriodic()       // saves the counts
	var known, missing int // a pass during the reads may have saved more than the five
	if err := a.db.Pool.QueryRow(t.Context(), "SELECT count(*), count(*) FILTER (WHERE key LIKE '%0000') FROM cache_access").Scan(&known, &missing); err != nil || known < 5 || missing > 0 {
		t.Fatalf("%d articles counted (%v), of which %d do not exist; want the 5 most asked at least", known, err, missing)
	}
	b := newTestApp(t, func(c *Config) { warm(c); c.Database.URL = a.cfg.Database.URL }) // a Redis of its own, empty
	done := func(reason string) {
		t.Helper()
		testkit.Eventually(t, reason, func() bool { return metric(t, b, fmt.Sprintf("cache_warm_passes_total{reason=%q}", reason)) > 0 })
	}
	popularAreHits := func(when string) {
		t.Helper()
		loads := metric(t, b, `cache_loads_total{layer="article"}`)
		for i, path := range paths[:5] {
			if r := b.get(path); r.StatusCode != 200 {
				t.Fatalf("%s: %d", path, r.StatusCode)
			}
			if n := metric(t, b, `cache_loads_total{layer="article"}`); n != loads {
				t.Errorf("%s: the first reader of popular article %d went to the database", when, i)
			}
		}
		b.get(paths[8])
		if n := metric(t, b, `cache_loads_total{layer="article"}`); n != loads+1 {
			t.Errorf("%s: an article that is not popular was there: this test shows nothing", when)
		}
	}
	done("start")
	if n := metric(t, b, `cache_warmed_total{reason="start"}`); n != 5 {
		t.Errorf("%v articles warmed at start, want 5", n)
	}
	popularAreHits("start")
	want(t, b.look("/warming"), map[string]any{
		"enabled": true, "layer": "article", "schedule": "predicted", "keys_at_most": 5, "interval_seconds": 60, "hours_learnt": 0, "hours_needed": 24,
		"scheduled_keys": 0, "keys": []any{}, "failures": 0, "runs.start.passes": 1, "runs.start.checked": 5, "runs.start.loaded": 5,
		"runs.start.last.entries": 5, "runs.start.last.loaded": 5, "runs.start.last.failed": false, "runs.flush.passes": 0, "runs.flush.last": nil,
	})
	b.settle()
	for _, layer := range []string{"http_response", "article"} {
		b.post("/invalidate", fmt.Sprintf(`{"layer": %q}`, layer))
	}
	done("flush")
	if n := metric(t, b, `cache_warmed_total{reason="flush"}`); n > 5 {
		t.Errorf("%v articles warmed after the flush, want 5 at most", n)
	}
	popularAreHits("flush")
	runs := b.look("/warming")["runs"].(map[string]any)
	for reason, metrics := range map[string]float64{"start": metric(t, b, `cache_warmed_total{reason="start"}`), "flush": metric(t, b, `cache_warmed_total{reason="flush"}`)} {
		if n := runs[reason].(map[string]any)["loaded"]; n != metrics {
			t.Errorf("%s: %v loaded, the metric says %v", reason, n, metrics)
		}
	}
	cold := newTestApp(t, func(c *Config) { c.Warming.Keys = 0 })
	want(t, cold.look("/warming"), map[string]any{"enabled": false, "keys": []any{}, "runs": map[string]any{}})
}

// TestWarmingBesideWrites: articles are changed while they are warmed repeatedly, and each reader sees the last change.
func TestWarmingBesideWrites(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, warm)
	a.awaitGate()
	id := a.create("primero", "S", "")
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				if _, err = a.Articles.Warm(t.Context(), []int64{id, id + 1000}); errors.Is(err, cache.ErrBypass) {
					err = nil // the gate is closed while an invalidation waits
				}
			}
		}
		stopped <- err
	}()
	for i := range 40 {
		title := fmt.Sprint("cambio", i)
		a.admin("PATCH", fmt.Sprintf("/api/articles/%d", id), fmt.Sprintf(`{"title": %q}`, title), 200)
		if got := a.get(fmt.Sprintf("/api/articles/%d", id)).json(t).(map[string]any)["title"]; got != title {
			t.Fatalf("title %v after it became %s", got, title)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
