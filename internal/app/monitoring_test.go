package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"openlearn/internal/scraping"
	"openlearn/internal/scraping/newsroom"
)

const deployDir = "../../deploy"

// question is one PromQL expression of the alert rules or a dashboard.
type question struct{ where, expr string }

func questions(t *testing.T) []question {
	t.Helper()
	return append(alertQuestions(t), panelQuestions(t)...)
}

func alertQuestions(t *testing.T) (out []question) {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	text, err := os.ReadFile(filepath.Join(deployDir, "prometheus", "alerts.yml"))
	if err == nil {
		err = yaml.Unmarshal(text, &rules)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			out = append(out, question{"alert " + r.Alert, r.Expr})
		}
	}
	if len(out) < 10 {
		t.Fatalf("only %d alerts read", len(out))
	}
	return out
}

func panelQuestions(t *testing.T) (out []question) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(deployDir, "grafana", "dashboards", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var d struct {
			Title  string
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
			Annotations struct {
				List []struct{ Target struct{ Expr string } }
			}
			Templating struct {
				List []struct{ Query struct{ Query string } }
			}
		}
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				out = append(out, question{d.Title + ", panel " + p.Title, q.Expr})
			}
		}
		for _, a := range d.Annotations.List {
			out = append(out, question{d.Title + ", annotations", a.Target.Expr})
		}
		for _, v := range d.Templating.List {
			of, found := strings.CutPrefix(v.Query.Query, "label_values(")
			expr, label, ok := strings.Cut(strings.TrimSuffix(of, ")"), ", ")
			if !found || !ok || label == "" {
				t.Errorf("%s: variable %q", file, v.Query.Query)
			}
			out = append(out, question{d.Title + ", variable", "sum by (" + label + ") (" + expr + ")"})
		}
	}
	if len(out) < 50 {
		t.Fatalf("only %d queries read", len(out))
	}
	return out
}

// exported are the labels of each series in /metrics with their values.
type exported map[string]map[string]map[string]bool

var labelPair = regexp.MustCompile(`[{,]([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"`)

func (a *testApp) exported() exported {
	a.t.Helper()
	out := exported{}
	for line := range strings.Lines(string(a.get("/metrics").body)) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		name := line[:strings.IndexAny(line, "{ ")]
		if out[name] == nil {
			out[name] = map[string]map[string]bool{}
		}
		for _, m := range labelPair.FindAllStringSubmatch(line, -1) {
			if out[name][m[1]] == nil {
				out[name][m[1]] = map[string]bool{}
			}
			out[name][m[1]][m[2]] = true
		}
	}
	if len(out) < 50 {
		a.t.Fatalf("/metrics has only %d names", len(out))
	}
	return out
}

// made are the series that Prometheus itself generates.
var made = exported{
	"up":     {"job": {"openlearn": true}, "instance": {}},
	"ALERTS": {"alertstate": {"firing": true}, "alertname": {}, "severity": {}, "instance": {}},
}

// live makes every kind of series appear: reads that hit, miss, bypass the cache and fail, writes, and scrapes that succeed
// and fail.
func (a *testApp) live(paper *testNewsroom) {
	a.t.Helper()
	a.awaitGate()
	a.create("uno", "S", "")
	for range 3 {
		a.get("/api/articles?limit=5")
		a.get("/api/articles/1")
		a.get("/api/articles/999999")
		a.get("/api/scraping/status")
		a.get("/api/articles/1", "X-API-Key", testAdminKey)
	}
	a.trigger("El Tiempo") // a job that waits
	a.scrapeNews(paper)
}

// scrapeNews makes a pass that succeeds and one that fails.
func (a *testApp) scrapeNews(paper *testNewsroom) {
	a.t.Helper()
	if _, err := a.Scraping.Scrape(a.t.Context(), newsroom.ID, scraping.Options{}); err != nil {
		a.t.Fatal(err)
	}
	paper.gone.Store(true)
	defer paper.gone.Store(false)
	if _, err := a.Scraping.Scrape(a.t.Context(), newsroom.ID, scraping.Options{}); err == nil {
		a.t.Fatal("a newspaper that is not there was scraped")
	}
}

// TestMonitoringAsksForWhatIsThere: every metric, label and label value that an alert or a dashboard names exists in
// /metrics of the whole service.
func TestMonitoringAsksForWhatIsThere(t *testing.T) {
	t.Parallel()
	paper := newTestNewsroom(t)
	a := newTestApp(t, warm, paper.known, limitedTo(1_000_000, 1_000_000), toldOf(newPurgeHook(t).url))
	a.live(paper)
	have := a.exported()
	for name, labels := range made {
		have[name] = labels
	}
	for _, q := range questions(t) {
		parsed, err := readPromQL(q.expr)
		if err != nil {
			t.Errorf("%s: %v", q.where, err)
			continue
		}
		groups := map[string]bool{"job": true, "instance": true}
		for _, s := range parsed.selectors {
			labels, ok := have[s.metric]
			if !ok {
				t.Errorf("%s: /metrics has no %s", q.where, s.metric)
				continue
			}
			for name := range labels {
				groups[name] = true
			}
			for name, value := range s.labels {
				if name == "instance" || name == "job" {
					continue // given by Prometheus
				}
				if labels[name] == nil {
					t.Errorf("%s: %s has no label %s", q.where, s.metric, name)
				} else if value != "" && !labels[name][value] {
					t.Errorf("%s: %s{%s=%q} is not there", q.where, s.metric, name, value)
				}
			}
		}
		for _, name := range parsed.grouped {
			if !groups[name] {
				t.Errorf("%s: nothing in it has the label %s", q.where, name)
			}
		}
		if len(parsed.selectors) == 0 {
			t.Errorf("%s asks for nothing: %s", q.where, q.expr)
		}
	}
}

// TestTheCheckOfMonitoringBites makes sure that the test above can fail.
func TestTheCheckOfMonitoringBites(t *testing.T) {
	t.Parallel()
	all := questions(t)
	names := map[string]bool{}
	for _, q := range all {
		parsed, err := readPromQL(q.expr)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range parsed.selectors {
			names[s.metric] = true
		}
	}
	for _, want := range []string{"cache_hits_total", "cache_memory_max_bytes", "api_request_duration_seconds_bucket", "articles_last_stored_timestamp_seconds", "up"} {
		if !names[want] {
			t.Errorf("%s was not found in the alerts and dashboards", want)
		}
	}
	if !slices.ContainsFunc(all, func(q question) bool { return strings.HasPrefix(q.where, "OpenLearn: scraping") }) {
		t.Error("the dashboard of scraping was not read")
	}
}

// TestRequestsAreTimedOnce: one histogram has every request, with the HTTP cache's result.
func TestRequestsAreTimedOnce(t *testing.T) {
	t.Parallel()
	a, _ := withArticle(t, "uno", "S")
	for range 3 {
		a.get("/api/articles?limit=5")
	}
	a.get("/api/articles/1", "X-API-Key", testAdminKey)
	a.get("/api/articles/one")
	a.get("/health/live")
	a.get("/nowhere")
	for labels, want := range map[string]float64{
		`cached="MISS",endpoint="/api/articles",method="GET",status="200"`:       1,
		`cached="HIT",endpoint="/api/articles",method="GET",status="200"`:        2,
		`cached="BYPASS",endpoint="/api/articles/:id",method="GET",status="200"`: 1,
		`cached="BYPASS",endpoint="/api/articles/:id",method="GET",status="422"`: 1,
		`cached="NONE",endpoint="/api/articles",method="POST",status="201"`:      1,
		`cached="NONE",endpoint="/health/live",method="GET",status="200"`:        1,
		`cached="NONE",endpoint="unmatched",method="GET",status="404"`:           1,
	} {
		if got := metricSum(t, a, "api_request_duration_seconds_count{"+labels+"}", ""); got != want {
			t.Errorf("%s: %v requests, want %v", labels, got, want)
		}
	}
	if n := metricSum(t, a, "http_request_duration_seconds", ""); n != 0 {
		t.Errorf("requests are timed twice: %v", n)
	}
}
