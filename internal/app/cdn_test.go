package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"openlearn/internal/articles"
	"openlearn/internal/cache/httpcache/tags"
	"openlearn/internal/cdn"
	"openlearn/internal/testkit"
)

const testPurgeSecret = "0123456789abcdef-purge"

// purgeHook receives what the service tells, and can be down.
type purgeHook struct {
	url string

	mu   sync.Mutex
	down bool
	tags map[string]bool
}

func newPurgeHook(t testing.TB) *purgeHook {
	t.Helper()
	p := &purgeHook{tags: map[string]bool{}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var d cdn.Delivery
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case p.down:
			w.WriteHeader(http.StatusServiceUnavailable)
		case err != nil || cdn.Verify(testPurgeSecret, r.Header.Get(cdn.SignatureField), body, time.Now(), time.Minute) != nil || json.Unmarshal(body, &d) != nil:
			w.WriteHeader(http.StatusForbidden)
		default:
			for _, tag := range d.Tags {
				p.tags[tag] = true
			}
		}
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

func (p *purgeHook) set(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

func (p *purgeHook) told(deps ...string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(tags.Purge(deps), func(tag string) bool { return !p.tags[tag] })
}

// toldOf configures a CDN that holds answers for an hour.
func toldOf(address string) func(*Config) {
	return func(c *Config) {
		c.CDN = cdn.Config{Tags: "on", PurgeURL: address, PurgeSecret: testPurgeSecret, MaxAge: time.Hour}
	}
}

// TestACDNIsToldOfChanges: through the API, past it, and by operators; answers may be held only while it is told.
func TestACDNIsToldOfChanges(t *testing.T) {
	t.Parallel()
	hook := newPurgeHook(t)
	a, id := withArticle(t, "Uno", "El Tiempo", toldOf(hook.url))
	path, dep := fmt.Sprintf("/api/articles/%d", id), articles.ArticleDep(id)
	testkit.Eventually(t, "it may be held", func() bool { return a.get(path).Header.Get("CDN-Cache-Control") != "" })
	testkit.Eventually(t, "what was held before changes were told is purged", func() bool {
		hook.mu.Lock()
		defer hook.mu.Unlock()
		return hook.tags[cacheName]
	})
	h := a.get(path).Header
	if groups := h.Get("Cache-Groups"); !strings.HasPrefix(groups, `"openlearn", "`) || !strings.Contains(groups, tags.Name(dep)) || h.Get("RateLimit") != "" {
		t.Errorf("%v", h)
	}
	if h := a.get(path, "X-API-Key", testAdminKey).Header; h.Get("Cache-Tag")+h.Get("CDN-Cache-Control") != "" || h.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("personal: %v", h)
	}

	hook.set(true)
	r := a.admin(http.MethodPatch, path, `{"title":"Dos"}`, http.StatusOK)
	told := r.Header.Get("Cache-Group-Invalidation")
	for _, tag := range tags.Purge([]string{dep, articles.SourceDep("El Tiempo"), articles.AllArticles}) {
		if !strings.Contains(told, `"`+tag+`"`) {
			t.Errorf("Cache-Group-Invalidation: %s", told)
		}
	}
	if got := a.get("/api/articles?limit=3").Header.Get("Cache-Group-Invalidation"); got != "" {
		t.Errorf("of a read: %s", got)
	}
	testkit.Eventually(t, "the hook has failed", func() bool { return metric(t, a, `cdn_purge_deliveries_total{result="refused"}`) > 1 })
	a.psql(`UPDATE cdn_purges SET changed_at = changed_at - interval '1 minute'`)
	testkit.Eventually(t, "nothing more may be held", func() bool { return a.get(path).Header.Get("CDN-Cache-Control") == "" })
	if a.get(path).Header.Get("Cache-Tag") == "" {
		t.Error("not tagged")
	}
	hook.mu.Lock()
	hook.down, hook.tags = false, map[string]bool{}
	hook.mu.Unlock()
	testkit.Eventually(t, "it is told in the end", func() bool { return hook.told(dep) })
	testkit.Eventually(t, "it may be held again", func() bool { return a.get(path).Header.Get("CDN-Cache-Control") != "" })

	a.psql(`INSERT INTO scraped_content (id, source, source_url, title, content) VALUES (77001, 'Past the API', 'https://example.org/77001', 't', 'c')`)
	testkit.Eventually(t, "a change in psql is told", func() bool { return hook.told(articles.ArticleDep(77001), articles.SourceDep("Past the API")) })
	a.post("/invalidate/dependency", `{"dependency":"source:An operator's"}`)
	testkit.Eventually(t, "an operator's invalidation is told", func() bool { return hook.told("source:An operator's") })
}

// TestNoVarySearchHolds: what each cached route says of its parameters is so. Those that it does not name change nothing.
func TestNoVarySearchHolds(t *testing.T) {
	t.Parallel()
	a, id := withArticle(t, "Uno", "El Tiempo")
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name, In string
				Required bool
			}
		}
	}
	if err := json.Unmarshal(a.get("/openapi.json").body, &doc); err != nil {
		t.Fatal(err)
	}
	routes := 0
	for template, item := range doc.Paths {
		get, ok := item["get"]
		if !ok {
			continue
		}
		path := template
		query := url.Values{}
		var names []string
		for _, p := range get.Parameters {
			switch {
			case p.In == "path":
				path = strings.ReplaceAll(path, "{"+p.Name+"}", fmt.Sprint(id))
			case p.In == "query":
				names = append(names, `"`+p.Name+`"`)
				if p.Required {
					query.Set(p.Name, "hola")
				}
			}
		}
		slices.Sort(names)
		if strings.Contains(path, "stream") || strings.HasPrefix(path, "/api/cache") || strings.HasPrefix(path, "/api/government") { // which asks others
			continue
		}
		plain := a.get(path + "?" + query.Encode())
		said := plain.Header.Get("No-Vary-Search")
		if said == "" {
			if plain.StatusCode == http.StatusOK && plain.Header.Get("Cache-Status") != "" {
				t.Errorf("%s is cached, and does not say what makes a difference", template)
			}
			continue
		}
		routes++
		want := "params"
		if len(names) > 0 {
			want = "key-order, params, except=(" + strings.Join(names, " ") + ")"
		}
		if said != want {
			t.Errorf("%s: %s\nwant %s", template, said, want)
		}
		same := func(what, address string) {
			r := a.get(address)
			if r.StatusCode != plain.StatusCode || r.Header.Get("ETag") != plain.Header.Get("ETag") || string(r.body) != string(plain.body) || plain.StatusCode == http.StatusOK && r.Header.Get("X-Cache") != "HIT" {
				t.Errorf("%s: %s makes a difference: %d %s, else %d %s; %s", template, what, r.StatusCode, r.Header.Get("X-Cache"), plain.StatusCode, plain.Header.Get("X-Cache"), address)
			}
		}
		same("utm_source", path+"?utm_source=a&"+query.Encode()+"&utm_medium=b&utm_source=c")
		same("an odd name", path+"?%C3%B1%20=1&=2&LIMIT=1&"+query.Encode())
		if slices.Contains(names, `"limit"`) {
			query.Set("limit", "7")
			query.Add("zzz", "1")
			plain = a.get(path + "?" + query.Encode())
			parts := strings.Split(query.Encode(), "&")
			slices.Reverse(parts)
			same("another order", path+"?"+strings.Join(parts, "&"))
		}
	}
	if routes < 15 {
		t.Errorf("%d routes say what makes a difference", routes)
	}
	t.Logf("%d routes", routes)
}
