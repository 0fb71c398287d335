package app

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestFiguresAreShared: who asks again within the time gets the same figures, plain or compressed, and stats tell their age.
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
	two := a.get("/api/cache/stats").json(t).(map[string]any)
	if age := two["age_seconds"].(float64); age <= one["age_seconds"].(float64) {
		t.Errorf("ages %v and %v", one["age_seconds"], age)
	}
}

// BenchmarkFigures is what it costs to be asked for figures: shared for a second, and gathered each time.
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
