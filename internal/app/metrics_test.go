package app

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/admission"
	"openlearn/internal/httpapi"
	"openlearn/internal/testkit"
)

// TestFiguresAreShared: repeated requests within the time get the same figures, plain or compressed, and stats have their
// age.
func TestFiguresAreShared(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(c *Config) { c.testing.figuresGood = time.Hour })
	first := a.get("/metrics")
	if ct := first.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/plain; version=0.0.4") || !strings.Contains(string(first.body), "\ngo_goroutines ") {
		t.Fatalf("%s %.200s", ct, first.body)
	}
	a.get("/api/articles")
	zipped := a.get("/metrics", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(strings.NewReader(string(zipped.body)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil || string(plain) != string(first.body) || string(a.get("/metrics").body) != string(first.body) {
		t.Errorf("other figures within the time (%v)", err)
	}
	one := a.get("/api/cache/stats").json(t).(map[string]any)
	testkit.Eventually(t, "the same figures are older", func() bool {
		two := a.get("/api/cache/stats").json(t).(map[string]any)
		return two["age_seconds"].(float64) > one["age_seconds"].(float64)
	})
	for _, path := range []string{"/api/cache/health", "/health/cache", "/api/cache/metrics", "/api/cache/performance/comparison"} {
		before := a.get(path)
		for range 3 {
			a.get("/api/articles?limit=7")
			a.get("/api/articles", "X-API-Key", testAdminKey)
		}
		if after := a.get(path); string(after.body) != string(before.body) {
			t.Errorf("%s: other figures within the time\n%.300s\n%.300s", path, before.body, after.body)
		}
		if strings.Contains(path, "health") && before.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, before.Header.Get("Cache-Control"))
		}
	}
}

// TestWhatIsShedIsNoError: a 503 that means "later" is only counted, but a 500 is logged.
func TestWhatIsShedIsNoError(t *testing.T) {
	t.Parallel()
	for status, lines := range map[int]int{http.StatusServiceUnavailable: 0, http.StatusInternalServerError: 1} {
		var said strings.Builder
		e := echo.New()
		e.HTTPErrorHandler = httpapi.HandleEchoError
		reg := prometheus.NewRegistry()
		e.Use(observe(slog.New(slog.NewTextHandler(&said, nil)), newRequestTimes(reg), reg))
		e.GET("/", func(echo.Context) error {
			if status == http.StatusServiceUnavailable {
				return fmt.Errorf("reads: %w", admission.ErrShed)
			}
			return errors.New("broken")
		})
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if got := strings.Count(said.String(), "level=ERROR"); w.Code != status || got != lines {
			t.Errorf("%d, want %d; %d lines, want %d: %s", w.Code, status, got, lines, said.String())
		}
	}
}

// BenchmarkFigures measures requests for figures, shared for a second and gathered each time.
func BenchmarkFigures(b *testing.B) {
	for _, path := range []string{"/metrics", "/api/cache/stats"} {
		for name, good := range map[string]time.Duration{"shared": 0, "each": -1} {
			b.Run(path[1:]+"/"+name, func(b *testing.B) {
				a := newTestApp(b, func(c *Config) { c.testing.figuresGood = good })
				for b.Loop() {
					w := httptest.NewRecorder()
					a.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
					if w.Code != http.StatusOK {
						b.Fatal(w.Code, w.Body)
					}
				}
			})
		}
	}
}
