package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommandsThatLookAtSources runs them on a real newspaper on loopback, which only SCRAPER_ALLOWED_NETS lets them reach.
func TestCommandsThatLookAtSources(t *testing.T) { //nolint:paralleltest // it sets the environment
	paper, err := openNewsroom(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := paper.close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	file := write("sources.yaml", "version: 1\nsources:\n  - {id: prueba, name: Prueba, base_url: '"+paper.url+"', requests_per_minute: 6000, entries: [{url: '"+paper.url+"/feed.xml', kind: feed}]}\n")
	run := func(wantCode int, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errOut bytes.Buffer
		err := Run(t.Context(), "test", args, &out, &errOut)
		code := 0
		if err != nil {
			code = ExitCode(err)
			errOut.WriteString(err.Error())
		}
		if code != wantCode {
			t.Errorf("%v: code %d, want %d: %s", args, code, wantCode, errOut.String())
		}
		return out.String(), errOut.String()
	}
	contains := func(what, text, want string) {
		t.Helper()
		if !strings.Contains(text, want) {
			t.Errorf("%s: %q is not in %s", what, want, text)
		}
	}

	t.Setenv("SCRAPER_SOURCES_FILE", file)
	out, _ := run(0, "sources", "list")
	contains("list", out, "prueba")
	contains("list", out, "none: probe it")
	out, _ = run(0, "sources", "show", "prueba")
	contains("show", out, "kind: feed")
	shown := write("shown.yaml", out) // the output can be edited and read again
	out, _ = run(0, "sources", "check", shown)
	contains("check", out, "87 sources, 48 of them are read")
	run(1, "sources", "check", write("bad.yaml", "version: 1\nsources: [{id: X}]"))
	_, told := run(2, "sources", "show", "prueva")
	contains("unknown", told, "nearest: prueba")
	run(2, "sources", "dance")

	_, told = run(1, "scrape", "prueba", "--dry-run")
	contains("no network is opened", told, "is not a public one")
	t.Setenv("SCRAPER_ALLOWED_NETS", "127.0.0.0/8")
	out, _ = run(0, "scrape", "prueba", "--dry-run")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 10 {
		t.Errorf("a dry run shows %d articles, want 10", len(lines))
	}
	var article struct{ URL, Title, Text string }
	if err := json.Unmarshal([]byte(lines[0]), &article); err != nil || article.Title == "" || article.Text == "" {
		t.Errorf("%v: %s", err, lines[0])
	}
	out, _ = run(0, "scrape", "--url", article.URL, "--dry-run")
	contains("one page", out, article.Title)
	run(2, "scrape", "--url", "https://nowhere.example/x", "--dry-run")
	out, _ = run(0, "sources", "probe", "prueba")
	contains("probe", out, "feed "+paper.url+"/feed.xml: stale, 10 articles, newest 2026-03-08") // no longer updated

	page := write("page.html", "<html><head><title>El puente</title></head><body><article><h1>El puente</h1><p>"+strings.Repeat("La alcaldesa abrió el puente nuevo sobre el río, que une los dos barrios. ", 6)+"</p></article></body></html>")
	out, _ = run(0, "extract", page, "--url", "https://www.faro.example/puente")
	contains("extract", out, `"title":"El puente"`)
	out, _ = run(1, "extract", write("empty.html", "<html></html>"))
	contains("extract", out, `"refused":"no_text"`)
	out, _ = run(0, "extract", "--jsonl", write("pages.jsonl", `{"id":"a","url":"https://www.faro.example/x","html":"<html></html>"}`+"\n"))
	contains("extract", out, `"id":"a"`)
	run(1, "extract", "--jsonl", write("bad.jsonl", "{"))
	out, _ = run(0, "robots", write("robots.txt", "User-agent: Foo\nDisallow: /a\n"), "--agent", "Foo/2.0", "/a/b", "/b")
	if out != "deny\nallow\n" {
		t.Errorf("robots: %q", out)
	}
	run(2, "robots", page)
}
