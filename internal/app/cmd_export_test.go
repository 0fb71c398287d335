package app

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"openlearn/internal/testkit"
)

// TestAnExportCanBeImported: what one archive writes, another has afterwards, and an article as the API gives it is a line, too.
func TestAnExportCanBeImported(t *testing.T) { //nolint:paralleltest // it sets the environment
	a := newTestApp(t)
	a.create("=Paz", "Semana", `"published_date": "2026-01-02T00:00:00Z", "source_url": "https://s.example/1", "author": "Ana", "tags": ["a&b", "paz"], "subtitle": "Bajada", "difficulty_score": 2.5, "is_paywall": true, "colombian_entities": {"institutions": ["DANE"], "mine": [1, {"a": null}]}, "extra_metadata": {"isbn": "x"}`)
	a.create("Sin fecha", "El Heraldo", "")
	one := a.get("/api/articles/1").body
	t.Setenv("REDIS_URL", testkit.RedisURL(t))
	for _, holds := range []string{`"mine":`, `"isbn":`} {
		if !strings.Contains(string(one), holds) {
			t.Fatalf("%s is not in %s", holds, one)
		}
	}
	run := func(wantCode int, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errOut bytes.Buffer
		code := 0
		if err := Run(t.Context(), "test", args, &out, &errOut); err != nil {
			code = ExitCode(err)
			errOut.WriteString(err.Error())
		}
		if code != wantCode {
			t.Fatalf("%v: code %d, want %d: %s", args, code, wantCode, errOut.String())
		}
		return out.String(), errOut.String()
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "all.jsonl.gz")
	t.Setenv("DATABASE_URL", a.cfg.Database.URL)
	run(0, "export", file)
	lines, _ := run(0, "export", "-source", "Semana", "-from", "2026-01-01", "-to", "2026-01-01")
	table, _ := run(0, "export", "-format", "csv", "-")
	for _, name := range []string{"all.csv", "ALL.CSV", "all.csv.gz"} {
		named := filepath.Join(dir, name)
		run(0, "export", named)
		if got := plainFile(t, named); got != table {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, name := range []string{"all.jsonl", "all.ndjson", "all.txt", "all"} {
		named := filepath.Join(dir, name)
		run(0, "export", named)
		if got := plainFile(t, named); !strings.HasPrefix(got, "{") || strings.Count(got, "\n") != 2 {
			t.Errorf("%s: %s", name, got)
		}
	}
	run(2, "export", "-format", "csv", filepath.Join(dir, "no.jsonl"))
	run(2, "export", "-format", "xml")
	run(2, "export", "-from", "ayer")

	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil || strings.Count(string(all), "\n") != 2 || !strings.HasPrefix(string(all), lines) {
		t.Errorf("%s, %v; from Semana: %s", all, err, lines)
	}
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][4] != "'=Paz" || rows[1][12] != "a&b; paz" {
		t.Errorf("%q, %v", rows, err)
	}

	t.Setenv("DATABASE_URL", testkit.Database(t))
	again := filepath.Join(dir, "again.jsonl")
	if err := os.WriteFile(again, append(bytes.ReplaceAll(one, []byte("\n"), nil), "\nno line\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, said := run(0, "import", file); !strings.Contains(said, "2 new articles") || strings.Contains(said, "warning") {
		t.Errorf("import says %s", said)
	}
	if _, said := run(3, "import", again); !strings.Contains(said, "1 already there, 1 rejected") || !strings.Contains(said, "one line was rejected") {
		t.Errorf("import says %s", said)
	}
	copied, _ := run(0, "export")
	if got, want := archived(t, copied), archived(t, string(all)); got != want {
		t.Errorf("the copy is\n%s\nof\n%s", got, want)
	}
}

// plainFile is what a file holds, decompressed if its name ends in .gz.
func plainFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err == nil && strings.HasSuffix(name, ".gz") {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			b, err = io.ReadAll(z)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// archived are articles without what another archive makes anew.
func archived(t *testing.T, lines string) string {
	t.Helper()
	var out []string
	for line := range strings.Lines(lines) {
		var a map[string]any
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"id", "updated_at", "analysed_at"} {
			delete(a, name)
		}
		out = append(out, fmt.Sprintln(a))
	}
	slices.Sort(out) // an import stores by several connections
	return strings.Join(out, "")
}
