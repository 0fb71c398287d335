package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"openlearn/internal/scraping"
	"openlearn/internal/scraping/newsroom"
)

// TestCasesProduct plays the cases of what readers, clients and operators find.
func TestCasesProduct(t *testing.T) {
	t.Parallel()
	finds := func(r *caseRun) {
		r.with().play(1)
		for i := 2; i <= len(r.steps); i++ {
			if got := r.play(i); got.StatusCode != 200 || got.json(r.t).(map[string]any)["total"] != 1.0 {
				r.t.Errorf("%s: %d %.200s", r.steps[i-1].Path, got.StatusCode, got.body)
			}
		}
	}
	playCases(t, "product", map[string]func(*caseRun){
		"search-hyphenated-words": finds,
		"search-dotted-words":     finds,
		"search-newest-first": func(r *caseRun) {
			r.with()
			for i, day := range []string{"2026-03-02", "2026-03-05", "2026-03-01"} {
				r.create(fmt.Sprint("café ", i), "S", `"published_date": "`+day+`T10:00:00Z"`)
			}
			if got := titles(r.t, r.play(1)); got != "café 1 café 0 café 2" {
				r.t.Errorf("%s", got)
			}
			if got := r.get("/api/articles/search?q=a&order=nuevas"); got.StatusCode != 422 {
				r.t.Errorf("%d", got.StatusCode)
			}
		},
		"tags-and-categories-with-counts": func(r *caseRun) {
			r.with()
			r.create("uno", "S", `"tags": ["paz", "café"], "category": "País"`)
			r.create("dos", "S", `"tags": ["paz"], "category": "País"`)
			got := string(r.get("/api/articles/facets").body)
			for _, want := range []string{`{"value":"paz","count":2}`, `{"value":"café","count":1}`, `{"value":"País","count":2}`} {
				if !strings.Contains(got, want) {
					r.t.Errorf("no %s in %s", want, got)
				}
			}
			if root := string(r.get("/").body); !strings.Contains(root, "/facets") {
				r.t.Errorf("the root does not name it: %s", root)
			}
		},
		"future-date-not-on-top": func(r *caseRun) {
			r.with().play(1)
			r.create("hoy", "S", "")
			for i := 2; i <= 3; i++ {
				if got := string(r.play(i).body); strings.Contains(got, "Del futuro") || !strings.Contains(got, "hoy") {
					r.t.Errorf("%.300s", got)
				}
			}
		},
		"day-filter-is-colombian": func(r *caseRun) {
			r.with().expect(201, 201, 200)
			if got := titles(r.t, r.answers[2]); got != "Noche del 27" {
				r.t.Errorf("%s", got)
			}
		},
		"feed-ids-outlive-the-address": func(r *caseRun) {
			r.with(func(c *Config) { c.Server.PublicURL = "http://localhost:8000" }).seeded(3)
			other := newTestApp(r.t, func(c *Config) {
				c.Database.URL, c.Server.PublicURL = r.cfg.Database.URL, "https://noticias.example.org"
			})
			ids := regexp.MustCompile(`<id>[^<]*</id>`)
			one, two := ids.FindAllString(string(r.get("/api/articles/feed.atom").body), -1), ids.FindAllString(string(other.get("/api/articles/feed.atom").body), -1)
			if len(one) != 4 || fmt.Sprint(one) != fmt.Sprint(two) {
				r.t.Errorf("%s and %s", one, two)
			}
		},
		"public-url-change-reaches-cached-answers": shownBy(TestAddressesOfLinksAreTheInstancesOwn),
		"openapi-has-valid-types": func(r *caseRun) {
			valid := map[any]bool{"array": true, "boolean": true, "integer": true, "null": true, "number": true, "object": true, "string": true}
			var check func(at string, v any)
			check = func(at string, v any) {
				switch v := v.(type) {
				case map[string]any:
					for name, inner := range v {
						if kinds, ok := inner.([]any); name == "type" && ok {
							for _, k := range kinds {
								if !valid[k] {
									r.t.Errorf("%s: %v", at, kinds)
								}
							}
						} else if k, ok := inner.(string); name == "type" && ok && !valid[k] && !strings.HasSuffix(at, ".oauth2") && !strings.Contains(at, "securitySchemes") && !strings.Contains(at, "example") {
							r.t.Errorf("%s: %q", at, k)
						}
						check(at+"."+name, inner)
					}
				case []any:
					for _, inner := range v {
						check(at, inner)
					}
				}
			}
			check("", r.with().play(1).json(r.t))
		},
		"openapi-names-its-server": func(r *caseRun) {
			r.with(func(c *Config) { c.Server.PublicURL = "https://example.org/openlearn" })
			if got := fmt.Sprint(r.play(2).json(r.t).(map[string]any)["servers"]); got != "[map[url:https://example.org/openlearn]]" {
				r.t.Errorf("servers %s", got)
			}
			for _, page := range []string{"/docs", "/redoc", "/admin/cache/login"} {
				if got := string(r.get(page).body); regexp.MustCompile(`(?:href|src|action)="/[^o]`).MatchString(got) {
					r.t.Errorf("%s leaves the path: %.600s", page, got)
				}
			}
		},
		"warming-null-is-declared": func(r *caseRun) {
			got := r.with().play(1)
			if problems := r.contract().judge("/api/cache/warming", "get", got); len(problems) > 0 {
				r.t.Errorf("%v", problems)
			}
		},
		"strangers-do-not-lock-the-console": shownBy(TestBehindAProxyClientsAreToldApart, TestOthersDoNotLockTheOperatorOut),
		"compose-passes-its-settings-on":    shownBy(TestComposePassesEverySettingOn),
		"wrong-password-is-said-at-once":    shownBy(TestARefusalEndsTheStart),
		"api-articles-can-be-imported":      shownBy(TestAnExportCanBeImported),
		"stored-articles-get-a-level": func(r *caseRun) {
			r.with(newTestNewsroom(r.t).known)
			report, err := r.Scraping.Scrape(r.t.Context(), newsroom.ID, scraping.Options{})
			if err != nil || report.Saved == 0 {
				r.t.Fatalf("%+v, %v", report, err)
			}
			r.drain()
			r.settle()
			var page struct{ Items []json.RawMessage }
			got := r.play(2)
			if err := json.Unmarshal(got.body, &page); err != nil || len(page.Items) != report.Saved {
				r.t.Errorf("%d of %d have a level, %v", len(page.Items), report.Saved, err)
			}
		},
		"analysis-of-an-article": func(r *caseRun) {
			r.with().seeded(3)
			r.drain()
			r.settle()
			r.expect(200, 200)
			if total := r.answers[0].json(r.t).(map[string]any)["total"]; total != 1.0 {
				r.t.Errorf("%v analyses of one article", total)
			}
			if id := r.answers[1].json(r.t).(map[string]any)["content_id"]; id != 1.0 {
				r.t.Errorf("that of %v", id)
			}
		},
		"just-stored-is-found": func(r *caseRun) {
			r.with().seeded(60).expect(201, 200)
			if got := r.answers[1].body; !bytes.Contains(got, []byte("Sin fecha")) {
				r.t.Errorf("not on the first page: %.300s", got)
			}
			if got := r.get("/api/scraping/content?limit=50").body; !bytes.Contains(got, []byte("Sin fecha")) {
				r.t.Errorf("nor in the other listing: %.300s", got)
			}
		},
		// The form for the original's client has its 43 sources and its four scrapers, as the contract's goldens do. The whole
		// catalogue tells what is scraped.
		"sources-that-can-be-scraped-say-so": func(r *caseRun) {
			var all struct{ Scrapable int }
			got := r.with().get("/api/sources?format=catalogue")
			if err := json.Unmarshal(got.body, &all); err != nil || all.Scrapable < 11 {
				r.t.Errorf("%d can be scraped: %v, %.200s", all.Scrapable, err, got.body)
			}
		},
		"docs-assets-are-compressed": func(r *caseRun) {
			r.with().expect(http.StatusOK, http.StatusOK)
			for _, got := range r.answers {
				if got.Header.Get("Content-Encoding") == "" || got.Header.Get("ETag") == "" {
					r.t.Errorf("%s: %v", got.Request.URL, got.Header)
				}
			}
		},
	})
}
