package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestResultsInJSON: with --json each result is a line of JSON on standard output, and nothing else is there.
func TestResultsInJSON(t *testing.T) { //nolint:paralleltest // it sets the environment
	a := newTestApp(t)
	t.Setenv("DATABASE_URL", a.cfg.Database.URL)
	t.Setenv("REDIS_URL", a.cfg.Redis.URL)
	dir := t.TempDir()
	lines := filepath.Join(dir, "a.jsonl")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(lines, `{"source":"Prueba","title":"Llueve","text":"Llueve en Quibdó.","url":"https://x.example/1"}`+"\n{}\n")
	rules := filepath.Join(dir, "robots.txt")
	write(rules, "User-agent: *\nDisallow: /no\n")
	text := filepath.Join(dir, "a.txt")
	write(text, "Llueve en Quibdó.")
	for _, c := range []struct {
		line  string
		code  int
		lines int // of the output; 0: some
		want  map[string]any
	}{
		{"version", 0, 1, map[string]any{"version": "test"}},
		{"migrate up", 0, 1, map[string]any{"applied": 0.0}},
		{"migrate status", 0, 0, map[string]any{"name": "00001_articles.sql"}},
		{"seed --articles 3", 0, 1, map[string]any{"stored": 3.0, "existing": 0.0}},
		{"import " + lines, 3, 1, map[string]any{"file": lines, "lines": 2.0, "new": 1.0, "existing": 0.0, "rejected": 1.0}},
		{"analyze --all", 0, 1, map[string]any{"elsewhere": 0.0}},
		{"admin create --generate ana@example.org", 0, 1, map[string]any{"email": "ana@example.org", "role": "admin", "created": true}},
		{"admin list", 0, 1, map[string]any{"email": "ana@example.org", "is_active": true, "last_login": nil}},
		{"admin role ana@example.org admin", 0, 1, map[string]any{"role": "admin", "is_active": true}},
		{"admin logout ana@example.org", 0, 1, map[string]any{"sessions_ended": 0.0}},
		{"admin rotate-keys", 0, 1, nil},
		{"apikey create --name prueba", 0, 1, map[string]any{"id": 1.0, "name": "prueba", "role": "learner", "revoked_at": nil}},
		{"apikey list", 0, 1, map[string]any{"id": 1.0, "name": "prueba"}},
		{"apikey revoke 1", 0, 1, map[string]any{"id": 1.0}},
		{"sources list", 0, 0, map[string]any{"id": "el_tiempo"}},
		{"sources show el_tiempo", 0, 1, map[string]any{"id": "el_tiempo"}},
		{"sources check", 0, 1, nil},
		{"government list", 0, 0, map[string]any{"dataset": "divipola_municipalities"}},
		{"government sync --queue divipola", 0, 1, nil},
		{"robots " + rules + " /no", 0, 1, map[string]any{"path": "/no", "allowed": false}},
		{"government get --csv divipola_municipalities", 2, -1, nil},
		{"analyze " + text, 0, -1, nil}, // one result, indented
	} {
		var out, errs bytes.Buffer
		err := Run(t.Context(), "test", append(strings.Fields(c.line), "--json"), &out, &errs)
		code := 0
		if err != nil {
			code = ExitCode(err)
		}
		if code != c.code {
			t.Errorf("%s: exit code %d, %v\n%s%s", c.line, code, err, out.String(), errs.String())
		}
		if c.lines < 0 {
			continue
		}
		got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if c.lines > 0 && len(got) != c.lines {
			t.Errorf("%s: %d lines, want %d:\n%s", c.line, len(got), c.lines, out.String())
		}
		found := false
		for _, line := range got {
			var v map[string]any
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Errorf("%s: %q is no object: %v", c.line, line, err)
				break
			}
			same := true
			for name, want := range c.want {
				have, is := v[name]
				same = same && is && have == want
			}
			found = found || same
		}
		if !found {
			t.Errorf("%s: no result has %v:\n%s", c.line, c.want, out.String())
		}
	}
}
