package app

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"openlearn/internal/testkit"
)

// TestTheMetricsOfWorkers: a process that only works serves what it counts, and nothing else.
func TestTheMetricsOfWorkers(t *testing.T) {
	t.Parallel()
	cfg := testConfigOn(t, testkit.Database(t), testkit.RedisURL(t))
	c, err := newCore(t.Context(), cfg, slog.New(slog.DiscardHandler))
	closed := false
	end := func() {
		if !closed {
			closed = true
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(end)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := c.serveMetrics(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (int, string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr.String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	status, body, err := get("/metrics")
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v", status, err)
	}
	for _, want := range []string{`scraping_passes_total{`, "metrics_gathered_timestamp_seconds", "jobs_rescued_total", "go_goroutines"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	if status, _, err := get("/api/scraping/status"); err != nil || status != http.StatusNotFound {
		t.Errorf("another page: %d, %v", status, err)
	}
	end()
	if _, _, err := get("/metrics"); err == nil {
		t.Error("it is served after the end")
	}
}

// TestWhereWorkersServeMetrics: the address is checked before anything starts.
func TestWhereWorkersServeMetrics(t *testing.T) {
	t.Parallel()
	for addr, good := range map[string]bool{"": true, ":9100": true, " 127.0.0.1:9100 ": true, "9100": false, "localhost": false} {
		c := scrapingConfig{MetricsAddr: addr}
		if err := c.Validate(); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "WORK_METRICS_ADDR") {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
