package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// promtool runs Prometheus' own checker. `make test` installs it; without it the test is skipped.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (scripts/ensure-installed promtool)")
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestPrometheusTakesTheConfiguration(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "config", "prometheus/prometheus.yml")
	promtool(t, "check", "config", "prometheus/local.yml")
}

func TestAlertsFireAndKeepQuiet(t *testing.T) {
	t.Parallel()
	promtool(t, "test", "rules", "prometheus/alerts.test.yml")
}

type rule struct {
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	readYAML(t, "prometheus/alerts.yml", &file)
	var out []rule
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	if len(out) < 10 {
		t.Fatalf("only %d alerts read", len(out))
	}
	return out
}

// TestEveryAlertIsTestedAndExplained: each fires in one unit test and stays silent in another, and names an existing
// section of the operations page.
func TestEveryAlertIsTestedAndExplained(t *testing.T) {
	t.Parallel()
	var tests struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string
				ExpAlerts []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, "prometheus/alerts.test.yml", &tests)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, a := range test.AlertRuleTest {
			if len(a.ExpAlerts) > 0 {
				fires[a.Alertname] = true
			} else {
				quiet[a.Alertname] = true
			}
		}
	}
	sections := headings(t, "../docs/operations.md")
	table := read(t, "../docs/operations.md")
	for _, a := range alerts(t) {
		if !fires[a.Alert] || !quiet[a.Alert] {
			t.Errorf("%s: has a test in which it fires: %v, and one in which it does not: %v", a.Alert, fires[a.Alert], quiet[a.Alert])
		}
		if s := a.Labels["severity"]; s != "warning" && s != "critical" {
			t.Errorf("%s: severity %q", a.Alert, s)
		}
		page, anchor, _ := strings.Cut(a.Annotations["runbook"], "#")
		title, known := sections[anchor]
		if page != "docs/operations.md" || !known {
			t.Errorf("%s: runbook %q names no section of the operations page", a.Alert, a.Annotations["runbook"])
		}
		if a.Annotations["summary"] == "" || !strings.HasSuffix(a.Annotations["description"], "docs/operations.md, “"+title+"”.") {
			t.Errorf("%s: summary %q, description %q: the section is “%s”", a.Alert, a.Annotations["summary"], a.Annotations["description"], title)
		}
		if !strings.Contains(table, "| `"+a.Alert+"` |") {
			t.Errorf("%s is not in the operations page's table of alerts", a.Alert)
		}
	}
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// headings are a page's sections by the anchor that GitHub gives them.
func headings(t *testing.T, file string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(read(t, file)) {
		if hashes, title, ok := strings.Cut(strings.TrimSpace(line), " "); ok && hashes != "" && strings.Trim(hashes, "#") == "" {
			out[strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(title), ""), " ", "-")] = title
		}
	}
	return out
}

type panel struct {
	ID          int
	Type, Title string
	Description string
	Datasource  struct{ Type, UID string }
	GridPos     struct{ H, W, X, Y int }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []struct {
		RefID, Expr string
		Datasource  struct{ UID string }
	}
}

type dashboard struct {
	UID, Title, Description string
	SchemaVersion           int
	Editable                bool
	Panels                  []panel
	Templating              struct {
		List []struct {
			Name       string
			Datasource struct{ UID string }
		}
	}
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob("grafana/dashboards/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	out := map[string]dashboard{}
	for _, file := range files {
		var d dashboard
		if err := json.Unmarshal([]byte(read(t, file)), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out[file] = d
	}
	return out
}

func TestDashboardsAreComplete(t *testing.T) {
	t.Parallel()
	var source struct {
		Datasources []struct {
			UID, Type, URL string
			IsDefault      bool `yaml:"isDefault"`
		}
	}
	readYAML(t, "grafana/provisioning/datasources/prometheus.yml", &source)
	if len(source.Datasources) != 1 || source.Datasources[0].Type != "prometheus" || !source.Datasources[0].IsDefault {
		t.Fatalf("%+v", source)
	}
	uid := source.Datasources[0].UID
	uids, titles := map[string]string{}, map[string]string{}
	for file, d := range dashboards(t) {
		if d.UID == "" || d.Title == "" || d.Description == "" || d.SchemaVersion < 39 || d.Editable {
			t.Errorf("%s: uid %q, title %q, description %q, schema %d, editable %v", file, d.UID, d.Title, d.Description, d.SchemaVersion, d.Editable)
		}
		if uids[d.UID] != "" || titles[d.Title] != "" {
			t.Errorf("%s: uid or title of %s%s", file, uids[d.UID], titles[d.Title])
		}
		uids[d.UID], titles[d.Title] = file, file
		for _, v := range d.Templating.List {
			if v.Datasource.UID != uid {
				t.Errorf("%s: variable %s asks %q", file, v.Name, v.Datasource.UID)
			}
		}
		checkPanels(t, file, d, uid)
	}
}

// units that Grafana knows, of those we use (packages/grafana-data/src/valueFormats).
var units = []string{"none", "short", "percentunit", "s", "bytes", "Bps", "ops", "reqps"}

func checkPanels(t *testing.T, file string, d dashboard, uid string) {
	t.Helper()
	ids, taken := map[int]bool{}, map[[2]int]string{}
	asking := 0
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: panel %q: id %d is another's, or none", file, p.Title, p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.W <= 0 || g.H <= 0 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s: panel %q lies outside of the grid: %+v", file, p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, both := taken[[2]int{x, y}]; both {
					t.Fatalf("%s: panels %q and %q overlap", file, p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		asking++
		if p.Title == "" || len(p.Description) < 5 || !slices.Contains(units, p.FieldConfig.Defaults.Unit) || p.Datasource.UID != uid || len(p.Targets) == 0 {
			t.Errorf("%s: panel %q: description %q, unit %q, datasource %q, %d queries", file, p.Title, p.Description, p.FieldConfig.Defaults.Unit, p.Datasource.UID, len(p.Targets))
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if q.Expr == "" || q.Datasource.UID != uid || refs[q.RefID] {
				t.Errorf("%s: panel %q: query %q %q asks %q", file, p.Title, q.RefID, q.Expr, q.Datasource.UID)
			}
			refs[q.RefID] = true
		}
	}
	if asking < 8 {
		t.Errorf("%s has only %d panels", file, asking)
	}
}

// TestDashboardQueriesParse gives every query to Prometheus' parser, as a rule, with Grafana's variables filled in.
func TestDashboardQueriesParse(t *testing.T) {
	t.Parallel()
	type recording struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	type group struct {
		Name  string      `yaml:"name"`
		Rules []recording `yaml:"rules"`
	}
	var all group
	all.Name = "dashboards"
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				all.Rules = append(all.Rules, recording{"x:y", variables.Replace(q.Expr)})
			}
		}
	}
	if len(all.Rules) < 50 {
		t.Fatalf("only %d queries found", len(all.Rules))
	}
	text, err := yaml.Marshal(map[string]any{"groups": []group{all}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboards.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", "--lint=none", file)
}

var variables = strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*")

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, file)), into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// TestComposeKeepsMonitoringToItself: only on demand, on loopback, at fixed versions, without a password that everyone knows.
func TestComposeKeepsMonitoringToItself(t *testing.T) {
	t.Parallel()
	var compose struct {
		Services map[string]struct {
			Profiles, Ports, Entrypoint []string
			Image                       string
			Environment                 map[string]string
			Volumes                     []string
		}
	}
	readYAML(t, "../docker-compose.yml", &compose)
	for _, name := range []string{"prometheus", "grafana"} {
		s := compose.Services[name]
		if !slices.Equal(s.Profiles, []string{"monitoring"}) || !regexp.MustCompile(`:v?\d+\.\d+\.\d+$`).MatchString(s.Image) {
			t.Errorf("%s: profiles %q, image %q", name, s.Profiles, s.Image)
		}
		if len(s.Ports) != 1 || !strings.HasPrefix(s.Ports[0], "127.0.0.1:") {
			t.Errorf("%s: ports %q", name, s.Ports)
		}
		for _, v := range s.Volumes {
			if host, _, _ := strings.Cut(v, ":"); strings.HasPrefix(host, "./") {
				if _, err := os.Stat(filepath.Join("..", host)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	g := compose.Services["grafana"]
	for name, want := range map[string]string{
		"GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_PASSWORD:-}", "GF_AUTH_ANONYMOUS_ENABLED": "false", "GF_ANALYTICS_REPORTING_ENABLED": "false",
		"GF_PLUGINS_PREINSTALL_DISABLED": "true", // it would ask the vendor's site at each start
	} {
		if got := g.Environment[name]; got != want {
			t.Errorf("grafana: %s is %q, want %q", name, got, want)
		}
	}
	if len(g.Entrypoint) != 3 {
		t.Fatalf("grafana: entrypoint %q", g.Entrypoint)
	}
	// Runs the check that precedes its start: compose turns $$ into $.
	check := strings.Replace(strings.ReplaceAll(g.Entrypoint[2], "$$", "$"), "exec /run.sh", "echo started", 1)
	for password, want := range map[string]string{"": "", "secret": "started\n"} {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", check)
		cmd.Env = []string{"GF_SECURITY_ADMIN_PASSWORD=" + password}
		if out, err := cmd.Output(); string(out) != want || (err == nil) != (want != "") {
			t.Errorf("with the password %q grafana's entrypoint prints %q, %v", password, out, err)
		}
	}
}
