package robots

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func robotsAllow(t testing.TB, r *Rules, path string) bool {
	t.Helper()
	u, err := url.Parse("https://news.example" + path)
	if err != nil {
		t.Fatal(err)
	}
	return r.Allowed(u)
}

func TestRobotsRules(t *testing.T) {
	t.Parallel()
	body := "\ufeffUser-agent: Googlebot\nUser-agent: OpenLearnBot/2.0\r\nCrawl-delay: 2.5\nDisallow: /privado\nAllow: /privado/abierto$ # only this\n" +
		"Disallow: /*.pdf$\nDisallow: /búsqueda\n\nUser-agent: *\nDisallow: /\n\nuser-agent: openlearnbot\ndisallow /tag\nAllow: /tag/index.html\n"
	own := Parse([]byte(body), "OpenLearnBot")
	other := Parse([]byte(body), "OtherBot")
	if own.CrawlDelay != 2500*time.Millisecond {
		t.Errorf("crawl delay = %v", own.CrawlDelay)
	}
	for path, want := range map[string]bool{
		"/": true, "/privado/x": false, "/privado/abierto": true, "/privado/abierto2": false, "/a/b.pdf": false, "/a/b.pdf?x": true,
		"/b%C3%BAsqueda/1": false, "/búsqueda": false, "/tag/1": false, "/tag/": true, "/tag/index.html": true, "/robots.txt": true,
	} {
		if got := robotsAllow(t, own, path); got != want {
			t.Errorf("own %s = %v, want %v", path, got, want)
		}
		if path != "/robots.txt" && robotsAllow(t, other, path) {
			t.Errorf("other %s allowed", path)
		}
	}
	if !robotsAllow(t, Parse(nil, "x"), "/") || robotsAllow(t, DisallowAll, "/a") || !robotsAllow(t, AllowAll, "/a") {
		t.Error("the empty, the closed and the open rules")
	}
}

// The verdicts of Google's open-source matcher on robots.txt files from the web are the reference.
func TestRobotsAgainstReferenceVerdicts(t *testing.T) {
	t.Parallel()
	root := os.Getenv("OPENLEARN_DATA")
	if root == "" {
		t.Skip("OPENLEARN_DATA is not set: the recorded robots.txt files are not here")
	}
	dir := filepath.Join(root, "data", "extraction", "robots")
	f, err := os.Open(filepath.Join(dir, "verdicts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<22)
	total, wrong := 0, 0
	for lines.Scan() {
		var v struct {
			File, UA    string
			Allow, Deny []string
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(filepath.Join(dir, "files", v.File))
		if err != nil {
			t.Fatal(err)
		}
		rules := Parse(body, v.UA)
		check := func(paths []string, want bool) {
			for _, p := range paths {
				u, err := url.Parse("https://news.example" + p)
				if err != nil {
					continue // no URL at all: nothing we could fetch
				}
				total++
				if rules.Allowed(u) != want {
					wrong++
					if wrong <= 10 {
						t.Logf("%s as %s: %s allowed=%v", v.File, v.UA, p, !want)
					}
				}
			}
		}
		check(v.Allow, true)
		check(v.Deny, false)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d verdicts, %d different", total, wrong)
	if total == 0 || wrong > 0 {
		t.Errorf("%d of %d verdicts differ", wrong, total)
	}
}

func FuzzRobots(f *testing.F) {
	f.Add("User-agent: *\nDisallow: /a*b$\nAllow: /\nCrawl-delay: 1e9", "/axb")
	f.Add("user-agent:x\ndisallow: *********$", strings.Repeat("a", 50))
	f.Fuzz(func(t *testing.T, body, path string) {
		r := Parse([]byte(body), "OpenLearnBot")
		if r.CrawlDelay < 0 || r.CrawlDelay > maxCrawlDelay {
			t.Fatalf("crawl delay %v", r.CrawlDelay)
		}
		r.Allowed(&url.URL{Scheme: "https", Host: "a.example", Path: path})
	})
}
