package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"openlearn/internal/testkit"
)

// TestListingsTellOfWhatHasGone: a client that revalidates only by date must see that a listed article is gone, however
// soon afterwards; once a second has passed, an unchanged listing is a 304.
func TestListingsTellOfWhatHasGone(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	first := a.create("uno", "S", "")
	a.create("dos", "S", "")
	a.settle()
	for _, path := range []string{"/api/articles", "/api/articles/feed.atom", "/api/scraping/content"} {
		before := a.get(path)
		if before.Header.Get("Last-Modified") == "" {
			t.Errorf("%s has no Last-Modified", path)
		}
		known := ""
		testkit.Eventually(t, path+" is unchanged since the Last-Modified that it says", func() bool {
			known = a.get(path).Header.Get("Last-Modified")
			return a.get(path, "If-Modified-Since", known).StatusCode == http.StatusNotModified
		})
		a.admin("DELETE", fmt.Sprintf("/api/articles/%d", first), "", http.StatusNoContent)
		for _, since := range []string{before.Header.Get("Last-Modified"), known} {
			if r := a.get(path, "If-Modified-Since", since); r.StatusCode != http.StatusOK || strings.Contains(string(r.body), "Texto de uno") {
				t.Errorf("%s after a deletion, since %s: %d", path, since, r.StatusCode)
			}
		}
		first = a.create("uno", "S", "")
		a.settle()
	}
}

// TestAddressesOfLinksAreTheInstancesOwn: two instances on the same servers, with different public addresses.
func TestAddressesOfLinksAreTheInstancesOwn(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	a.create("uno", "S", "")
	b := newTestApp(t, func(c *Config) {
		c.Database.URL, c.Redis.URL, c.Server.PublicURL = a.cfg.Database.URL, a.cfg.Redis.URL, "https://noticias.example.net/openlearn"
	})
	b.awaitGate()
	a.settle()
	for _, path := range []string{"/api/articles", "/api/articles/feed.atom"} {
		for range 2 {
			for own, x := range map[string]*testApp{"https://api.example.org/api/": a, "https://noticias.example.net/openlearn/api/": b} {
				other := "https://noticias.example.net/openlearn/api/"
				if own == other {
					other = "https://api.example.org/api/"
				}
				if body := string(x.get(path).body); !strings.Contains(body, own) || strings.Contains(body, other) {
					t.Errorf("%s: links of %s: %.600s", path, other, body)
				}
			}
		}
	}
	for _, page := range []string{"/docs", "/redoc", "/docs/assets/swagger-init.js"} {
		if body := string(b.get(page).body); strings.Contains(body, `"/docs`) || strings.Contains(body, `"/openapi`) || !strings.Contains(body, `"/openlearn/`) {
			t.Errorf("%s below a path: %s", page, body)
		}
	}
	if servers := fmt.Sprint(b.get("/openapi.json").json(t).(map[string]any)["servers"]); servers != "[map[url:https://noticias.example.net/openlearn]]" {
		t.Errorf("servers %s", servers)
	}
}

// TestDaysAreColombias: an article of ten in the evening belongs to that day, whatever the day in UTC.
func TestDaysAreColombias(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.create("noche26", "S", `"published_date": "2026-11-26T21:00:00-05:00"`)
	a.create("noche27", "S", `"published_date": "2026-11-27T22:00:00-05:00"`)
	a.create("alba27", "S", `"published_date": "2026-11-27T00:00:00-05:00"`)
	for query, want := range map[string]string{
		"from=2026-11-27&to=2026-11-27": "noche27 alba27", "from=2026-11-27": "noche27 alba27", "to=2026-11-26": "noche26",
		"from=2026-11-27T05:00:00Z&to=2026-11-28T03:00:00Z": "alba27",
	} {
		if got := titles(t, a.get("/api/articles?"+query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}
