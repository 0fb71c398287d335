package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"openlearn/internal/testkit"
)

// prometheusServer is a real Prometheus with the shipped configuration, adapted to the test's addresses and intervals.
type prometheusServer struct {
	t    testing.TB
	base string
	log  *bytes.Buffer
}

var waits = regexp.MustCompile(`(?m)^(\s+for:) \S+$`)

// startPrometheus scrapes targets every second. `make test` installs the program; without it the test is skipped.
func startPrometheus(t *testing.T, targets ...string) *prometheusServer {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed (scripts/ensure-installed promtool)")
	}
	dir := t.TempDir()
	var cfg map[string]any
	text, err := os.ReadFile(filepath.Join(deployDir, "prometheus", "prometheus.yml"))
	if err == nil {
		err = yaml.Unmarshal(text, &cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg["global"] = map[string]any{"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
	ours := cfg["scrape_configs"].([]any)[0].(map[string]any)
	if _, ok := ours["dns_sd_configs"]; !ok || ours["job_name"] != "openlearn" {
		t.Fatalf("the first job is %v", ours)
	}
	delete(ours, "dns_sd_configs")
	ours["static_configs"] = []any{map[string]any{"targets": targets}}
	cfg["scrape_configs"] = []any{ours}
	rules, err := os.ReadFile(filepath.Join(deployDir, "prometheus", "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err = yaml.Marshal(cfg); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"prometheus.yml": text, "alerts.yml": waits.ReplaceAll(rules, []byte("$1 1s"))} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Prometheus does not report a port that it chose itself, so we choose a free one.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := &prometheusServer{t: t, base: "http://" + addr, log: &bytes.Buffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr, "--log.level=warn")
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // ended by our signal
		if t.Failed() {
			t.Logf("prometheus:\n%s", p.log)
		}
	})
	testkit.Eventually(t, "Prometheus is ready", func() bool {
		res, err := http.Get(p.base + "/-/ready")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return p
}

// ask calls the HTTP API and decodes `data`.
func (p *prometheusServer) ask(path string, params url.Values, data any) error {
	res, err := http.Get(p.base + path + "?" + params.Encode())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	out := struct {
		Status, Error string
		Data          json.RawMessage
	}{}
	if err := json.Unmarshal(body, &out); err != nil {
		return fmt.Errorf("%s: %w: %.200s", path, err, body)
	}
	if out.Status != "success" {
		return fmt.Errorf("%s %v: %s", path, params, out.Error)
	}
	return json.Unmarshal(out.Data, data)
}

// numbers are the numeric values of an instant query.
func (p *prometheusServer) numbers(expr string) ([]string, error) {
	var data struct {
		Result []struct{ Value []any }
	}
	if err := p.ask("/api/v1/query", url.Values{"query": {expr}}, &data); err != nil {
		return nil, err
	}
	var out []string
	for _, r := range data.Result {
		if v, ok := r.Value[1].(string); ok && v != "NaN" {
			out = append(out, v)
		}
	}
	return out, nil
}

// alert is the state of an alert: "" while it is inactive.
func (p *prometheusServer) alert(name string) string {
	p.t.Helper()
	var data struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	if err := p.ask("/api/v1/alerts", nil, &data); err != nil {
		p.t.Fatal(err)
	}
	for _, a := range data.Alerts {
		if a.Labels["alertname"] == name {
			return a.State
		}
	}
	return ""
}

// TestARealPrometheus: on the shipped rules it scrapes two replicas, every panel of the dashboards shows something, no
// alert fires on a healthy service, and the death of Redis fires the right one.
func TestARealPrometheus(t *testing.T) {
	t.Parallel()
	rd := testkit.RedisServer(t)
	cfg := testConfig(t)
	same := func(c *Config) {
		warm(c)
		c.Database.URL, c.Redis.URL = cfg.Database.URL, rd.URL()
	}
	paper := newTestNewsroom(t)
	a, _ := newGovernmentApp(t, same, paper.known, limitedTo(1_000_000, 1_000_000))
	b := newTestApp(t, same, limitedTo(1_000_000, 1_000_000))
	b.awaitGate()
	a.live(paper)
	p := startPrometheus(t, strings.TrimPrefix(a.base, "http://"), strings.TrimPrefix(b.base, "http://"))

	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	testkit.Eventually(t, "every rule was evaluated", func() bool {
		if err := p.ask("/api/v1/rules", nil, &rules); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, g := range rules.Groups {
			for _, r := range g.Rules {
				if r.Health == "err" {
					t.Fatalf("%s: %s", r.Name, r.LastError)
				}
				if r.Health == "ok" {
					n++
				}
			}
		}
		return n == len(alertQuestions(t))
	})
	testkit.Eventually(t, "both replicas are scraped", func() bool {
		up, err := p.numbers(`up{job="openlearn"} == 1`)
		return err == nil && len(up) == 2
	})

	// While requests and news come in every panel has something to show.
	fill := strings.NewReplacer("$__rate_interval", "20s", "$instance", ".*")
	empty := panelQuestions(t)
	a.scrapeNews(paper)
	a.post("/invalidate", `{"layer": "article"}`) // requested articles are warmed again
	asked := 0
	ask := func() bool {
		asked++
		a.do("POST", "/api/analysis/analyze", fmt.Sprintf(`{"text": "El DANE publicó el informe número %d sobre Bogotá.", "analysis_types": ["all"]}`, asked))
		a.get("/api/articles?limit=5")
		a.get("/api/articles/1")
		a.get("/api/articles/1", "X-API-Key", testAdminKey)
		b.get("/api/articles?limit=6")
		a.get(fmt.Sprintf("/api/government/datasets/divipola_municipalities/rows?limit=%d", asked%1000+1)) // a new question each time
		var still []question
		for _, q := range empty {
			if strings.Contains(q.expr, "ALERTS") || strings.Contains(q.expr, `status=~"5.."`) || strings.Contains(q.expr, "government_upstream_errors_total") {
				continue // a healthy service has nothing to show here
			}
			got, err := p.numbers(fill.Replace(q.expr))
			if err != nil {
				t.Fatalf("%s: %v", q.where, err)
			}
			if len(got) == 0 {
				still = append(still, q)
			}
		}
		empty = still
		return len(empty) == 0
	}
	deadline := time.Now().Add(time.Minute)
	for !ask() && time.Now().Before(deadline) {
		select {
		case <-t.Context().Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
	for _, q := range empty {
		t.Errorf("%s shows nothing: %s", q.where, q.expr)
	}
	for _, name := range []string{"CacheBreakerOpen", "TargetDown", "NoTargets", "CacheCoherenceMismatch", "CacheMemoryHigh", "NewsStale"} {
		if state := p.alert(name); state != "" {
			t.Errorf("%s is %s on a healthy service", name, state)
		}
	}

	if err := rd.Kill(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the death of Redis fires CacheBreakerOpen", func() bool {
		a.get("/api/articles?limit=5")
		b.get("/api/articles?limit=5")
		return p.alert("CacheBreakerOpen") == "firing" && p.alert("CacheConnectionErrors") == "firing"
	})
	if err := rd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "its return ends the alert", func() bool { return p.alert("CacheBreakerOpen") == "" })
}
