package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"openlearn/internal/cache"
	"openlearn/internal/testkit"
)

// twin starts another instance of a's service on the same database and Redis.
func (a *testApp) twin() *testApp {
	b := newTestApp(a.t, func(c *Config) { c.Database.URL, c.Redis.URL = a.cfg.Database.URL, a.cfg.Redis.URL })
	b.awaitGate()
	return b
}

// behind changes an article without recording it, so that only an operator's invalidation helps.
func (a *testApp) behind(id int64, title string) {
	a.t.Helper()
	tx, err := a.db.Pool.Begin(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	for _, sql := range []string{
		"ALTER TABLE scraped_content DISABLE TRIGGER USER",
		fmt.Sprintf("UPDATE scraped_content SET title = '%s' WHERE id = %d", title, id),
		"ALTER TABLE scraped_content ENABLE TRIGGER USER",
	} {
		if _, err := tx.Exec(a.t.Context(), sql); err != nil {
			a.t.Fatal(err)
		}
	}
	if err := tx.Commit(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

// settle waits until no invalidation is under way: the relay may apply what a writer has applied once more, later.
func (a *testApp) settle() {
	a.t.Helper()
	testkit.Eventually(a.t, "the outbox is empty and the gate open", func() bool { return a.outbox.Settled() && a.outbox.MayServe() })
}

// post sends an operator's request and returns its answer.
func (a *testApp) post(path, body string) map[string]any {
	a.t.Helper()
	return a.admin(http.MethodPost, "/api/cache"+path, body, http.StatusOK).json(a.t).(map[string]any)
}

func (a *testApp) look(path string) map[string]any {
	a.t.Helper()
	return a.admin(http.MethodGet, "/api/cache"+path, "", http.StatusOK).json(a.t).(map[string]any)
}

// want checks members of an answer, named by dotted paths.
func want(t testing.TB, got map[string]any, members map[string]any) {
	t.Helper()
	for path, w := range members {
		var v any = got
		for name := range strings.SplitSeq(path, ".") {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		if n, ok := w.(int); ok {
			w = float64(n)
		}
		if !reflect.DeepEqual(v, w) {
			t.Errorf("%s = %v, want %v\nin %.900v", path, v, w, got)
		}
	}
}

// TestInvalidationOnOneInstanceIsSeenOnTheOther (D4–D6): the original's patterns matched no existing key.
func TestInvalidationOnOneInstanceIsSeenOnTheOther(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	id := a.create("uno", "El Tiempo", "")
	a.create("otro", "Semana", "")
	b := a.twin()
	one := fmt.Sprintf("/api/articles/%d", id)
	reads := []string{"/api/articles?source=El%20Tiempo", "/api/articles", "/api/scraping/content/simple", "/api/articles/search?q=texto", one}
	for i, how := range []func(){
		func() { a.post(fmt.Sprintf("/invalidate/article/%d", id), "") },
		func() { a.post("/invalidate/source/El%20Tiempo", "") },
		func() { a.post("/invalidate/all", "") },
		func() { a.post("/invalidate/dependency", `{"dependency": "scraped_content"}`) },
		func() {
			for _, l := range []string{"article", "content", "http_response"} {
				a.post("/invalidate", fmt.Sprintf(`{"layer": %q}`, l))
			}
		},
		func() {
			for _, l := range []string{"article", "content", "http_response"} {
				a.post("/invalidate", fmt.Sprintf(`{"layer": %q, "pattern": "*"}`, l))
			}
		},
		func() {
			a.post("/invalidate", fmt.Sprintf(`{"layer": "article", "identifier": "%d"}`, id))
			for _, name := range []string{"articles-list", "articles-simple", "articles-search"} {
				a.post("/invalidate", fmt.Sprintf(`{"layer": "content", "identifier": %q}`, name))
			}
		},
	} {
		title, attempt := "", 0
		testkit.Eventually(t, "all of it is cached, so that the test proves something", func() bool {
			attempt++
			title = fmt.Sprintf("titulo%dx%d", i, attempt)
			a.settle()
			for _, path := range reads {
				a.get(path)
				b.get(path)
			}
			a.behind(id, title)
			for _, path := range reads {
				if strings.Contains(string(b.get(path).body), title) {
					return false
				}
			}
			return true
		})
		how()
		for _, path := range reads {
			for name, on := range map[string]*testApp{"this": a, "the other": b} {
				if r := on.get(path); !strings.Contains(string(r.body), title) {
					t.Errorf("way %d: %s on %s instance still shows %.300s", i, path, name, r.body)
				}
			}
		}
	}
}

// TestCountsAreTrue (D7, D8): counts include exactly the entries that were current.
func TestCountsAreTrue(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	var ids []int64
	for i := range 25 {
		ids = append(ids, a.create(fmt.Sprint("n", i), "S", ""))
	}
	responses := len(ids) + 4 + 1
	read := func() {
		t.Helper()
		testkit.Eventually(t, "everything is cached", func() bool {
			a.settle()
			for _, id := range ids {
				a.get(fmt.Sprintf("/api/scraping/content/%d", id))
			}
			for _, limit := range []int{3, 4, 5, 6} {
				a.get(fmt.Sprintf("/api/scraping/content/simple?limit=%d", limit))
			}
			a.get("/api/scraping/status")
			return a.post("/invalidate/all?dry_run=true", "")["total_keys"] == float64(2*responses)
		})
	}
	read()
	// One entry, once; entries whose numbers contain its number are not affected.
	want(t, a.post("/invalidate", `{"layer": "article", "identifier": "2"}`), map[string]any{"keys_invalidated": 2, "layers.article": 1, "layers.http_response": 1, "keys_reclaimed": 2, "audited": true})
	want(t, a.post("/invalidate", `{"layer": "article", "identifier": "2"}`), map[string]any{"keys_invalidated": 0, "keys_reclaimed": 0, "complete": true})
	want(t, a.look("/exists/article/20"), map[string]any{"exists": true})
	want(t, a.look("/exists/article/2"), map[string]any{"exists": false})
	// A dry run counts the same and changes nothing.
	read()
	dry := a.post("/invalidate", `{"layer": "content", "identifier": "articles-simple", "dry_run": true}`)
	want(t, dry, map[string]any{"keys_invalidated": 8, "layers.content": 4, "layers.http_response": 4, "keys_reclaimed": 0, "dry_run": true, "audited": false})
	if examples := dry["examples"].([]any); len(examples) != 8 {
		t.Errorf("examples %v", examples)
	}
	want(t, a.post("/invalidate", `{"layer": "content", "identifier": "articles-simple"}`), map[string]any{"keys_invalidated": 8, "layers.content": 4, "layers.http_response": 4, "keys_reclaimed": 8})
	// Identifiers are literal: no character of them is a wildcard.
	for _, id := range []string{"articles-simpl?", "articles-*", "*", "[a-z]*", `articles-simple\`, "articles-simpl"} {
		body, err := json.Marshal(map[string]string{"layer": "content", "identifier": id})
		if err != nil {
			t.Fatal(err)
		}
		read()
		want(t, a.post("/invalidate", string(body)), map[string]any{"keys_invalidated": 0, "identifier": id})
	}
	// A name without dependents is not an error, but must not look like a real invalidation either.
	for path, body := range map[string]string{"/invalidate/dependency": `{"dependency": "artcle:42"}`, "/invalidate/source/El%20Tempo": "", "/invalidate": `{"layer": "article", "identifier": "4950"}`} {
		if note, _ := a.post(path, body)["note"].(string); !strings.Contains(note, "nothing that is current was reached") {
			t.Errorf("%s %s: note %q", path, body, note)
		}
	}
	want(t, a.post("/invalidate/dependency?dry_run=true", `{"dependency": "scraped_content"}`), map[string]any{"note": nil, "dry_run": true})
	// Cascades name every layer they reached.
	want(t, a.post("/invalidate/article/3?dry_run=true", ""), map[string]any{
		"invalidated.article_detail": 1, "invalidated.article_lists": 4, "invalidated.analytics": 1, "invalidated.nlp_analysis": 0, "invalidated.http_responses": 6,
		"total_keys": 12, "layers.article": 1, "layers.content": 4, "layers.analytics": 1, "layers.http_response": 6, "dependencies": 3,
	})
	want(t, a.post("/invalidate/article/4950", ""), map[string]any{"total_keys": 0, "keys_reclaimed": 0})
	want(t, a.post("/invalidate/source/%2A", ""), map[string]any{"total_keys": 0, "source_name": "*"})
	want(t, a.post("/invalidate/source/S?dry_run=1", ""), map[string]any{"invalidated.source_articles": len(ids) + 4, "invalidated.http_responses": responses, "total_keys": len(ids) + 4 + 1 + responses})
	all := a.post("/invalidate/all", "")
	want(t, all, map[string]any{
		"invalidated.article": len(ids), "invalidated.content": 4, "invalidated.analytics": 1, "invalidated.http_response": responses, "invalidated.token": 0,
		"total_keys": len(ids) + 5 + responses, "keys_reclaimed": len(ids) + 5 + responses, "warning": "All cache layers invalidated",
	})
	want(t, a.post("/invalidate/all", ""), map[string]any{"total_keys": 0, "keys_reclaimed": 0})
}

// TestPatternsStayInTheirLayer (D9): the original's pattern * emptied the whole Redis database.
func TestPatternsStayInTheirLayer(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	foreign := []string{"ratelimit:ip:x", "lock:other", "content", "contents:v1:x"}
	for _, k := range foreign {
		if err := a.redis.Set(t.Context(), k, "1", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	fill := func() {
		a.post("/warm", `{"layer": "api_news", "items": [{"identifier": "a1", "value": 1}, {"identifier": "a2", "value": 1}, {"identifier": "aé", "value": 1}, {"identifier": "b[1]", "value": 1}]}`)
		a.post("/warm", `{"layer": "topics", "items": [{"identifier": "a1", "value": 1}]}`)
	}
	for pattern, n := range map[string]int{"*": 4, "a*": 3, "a?": 3, "?1": 1, `b\[1]`: 1, `b\[1\]`: 1, `a\x`: 0, "topics:v1:*": 0, "api:news:v1:a*": 3, "../*": 0, `a\*`: 0, "A*": 0} {
		fill()
		body, err := json.Marshal(map[string]string{"layer": "api_news", "pattern": pattern})
		if err != nil {
			t.Fatal(err)
		}
		want(t, a.post("/invalidate?dry_run=true", string(body)), map[string]any{"keys_invalidated": n})
		want(t, a.post("/invalidate", string(body)), map[string]any{"keys_invalidated": n, "pattern": pattern, "operation": "pattern_invalidation"})
		want(t, a.look("/exists/topics/a1"), map[string]any{"exists": true})
		a.post("/invalidate", `{"layer": "api_news"}`)
	}
	a.post("/invalidate/all", "")
	for _, k := range foreign {
		if a.redis.Get(t.Context(), k).Val() != "1" {
			t.Errorf("%s was deleted", k)
		}
	}
}

// TestOperatorsOnly (D21): whatever shows values or changes anything needs the key; figures do not.
func TestOperatorsOnly(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for _, path := range []string{"/health", "/stats", "/layers", "/metrics", "/performance/comparison"} {
		for _, prefix := range []string{"/api/cache", "/api/v1/cache"} {
			if r := a.get(prefix + path); r.StatusCode != http.StatusOK {
				t.Errorf("%s%s: %d", prefix, path, r.StatusCode)
			}
		}
	}
	for _, c := range [][2]string{
		{"GET", "/key/article/1"},
		{"GET", "/exists/article/1"},
		{"GET", "/keys?layer=article"},
		{"GET", "/hot"},
		{"GET", "/dependencies/articles"},
		{"GET", "/audit"},
		{"GET", "/warming"},
		{"POST", "/invalidate"},
		{"POST", "/invalidate?dry_run=true"},
		{"POST", "/invalidate/article/1"},
		{"POST", "/invalidate/source/S"},
		{"POST", "/invalidate/all"},
		{"POST", "/invalidate/dependency"},
		{"POST", "/warm"},
		{"POST", "/performance/probe"},
	} {
		for _, headers := range [][]string{nil, {"X-API-Key", "wrong-key-0123456789"}, {"Authorization", "Bearer no"}} {
			if r := a.do(c[0], "/api/v1/cache"+c[1], `{}`, headers...); r.StatusCode != http.StatusUnauthorized && (headers == nil || r.StatusCode != http.StatusTooManyRequests) {
				t.Errorf("%s %s with %v: %d %.200s", c[0], c[1], headers, r.StatusCode, r.body)
			}
		}
	}
	// Not even with the key: users' data, and bodies that browsers receive.
	for _, layer := range []string{"token", "session", "user_prefs", "http_response"} {
		a.admin("POST", "/api/cache/warm", fmt.Sprintf(`{"layer": %q, "items": [{"identifier": "7", "value": {"sub": "admin"}}]}`, layer), http.StatusForbidden)
		if n := a.redis.Exists(t.Context(), layer+":v1:7").Val(); n != 0 {
			t.Errorf("%s was written", layer)
		}
	}
	e := cache.Entry{Layer: "token", Key: cache.Key{ID: "7"}}
	ticket, err := a.cache.Ticket(t.Context(), e)
	a.awaitGate()
	if err != nil {
		ticket, err = a.cache.Ticket(t.Context(), e)
	}
	if err == nil {
		err = cache.Set(t.Context(), a.cache, e, "secret", 0, ticket)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r := a.admin("GET", "/api/cache/key/token/7", "", http.StatusForbidden); strings.Contains(string(r.body), "secret") {
		t.Errorf("a token was read: %s", r.body)
	}
	a.get("/api/articles")
	r := a.admin("GET", "/api/cache/key/http_response/%2Fapi%2Farticles", "", http.StatusOK)
	want(t, r.json(t).(map[string]any), map[string]any{"exists": true, "value": nil, "withheld": true})
}

// TestKeyShowsWhatIsStored: with its dependencies, and whether each still holds.
func TestKeyShowsWhatIsStored(t *testing.T) {
	t.Parallel()
	a, id := withArticle(t, "uno", "S")
	a.get(fmt.Sprintf("/api/articles/%d", id))
	path := fmt.Sprintf("/key/article/%d", id)
	got := a.look(path)
	want(t, got, map[string]any{"exists": true, "value.title": "uno", "codec": "json", "type": "articles.Article", "negative": false, "key": fmt.Sprintf("article:v1:%d", id)})
	if got["ttl_seconds"].(float64) < 3000 || got["size_bytes"].(float64) < 100 {
		t.Errorf("%v", got)
	}
	holds := func(got map[string]any) string {
		var out []string
		for _, d := range got["dependencies"].([]any) {
			d := d.(map[string]any)
			out = append(out, fmt.Sprintf("%v=%v", d["name"], d["holds"]))
		}
		return strings.Join(out, " ")
	}
	if got, want := holds(got), fmt.Sprintf("layer:article=true article:%d=true scraped_content=true", id); got != want {
		t.Errorf("dependencies %s, want %s", got, want)
	}
	a.admin(http.MethodPatch, fmt.Sprintf("/api/articles/%d", id), `{"title": "dos"}`, http.StatusOK)
	gone := a.admin(http.MethodGet, "/api/cache"+path, "", http.StatusNotFound).json(t).(map[string]any)
	want(t, gone, map[string]any{"exists": false, "value": nil})
	if got, want := holds(gone), fmt.Sprintf("layer:article=true article:%d=false scraped_content=true", id); got != want {
		t.Errorf("dependencies of an invalidated entry: %s, want %s", got, want)
	}
	if r := a.admin("GET", "/api/cache/key/article/999", "", http.StatusNotFound); string(r.body) != `{"detail":"No cached value found for article:999"}`+"\n" {
		t.Errorf("%s", r.body)
	}
	a.get("/api/articles/999") // cached as missing
	want(t, a.look("/key/article/999"), map[string]any{"exists": true, "negative": true, "value": nil})
}

func TestWarm(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	var ids []string
	for i := range 3 {
		ids = append(ids, fmt.Sprint(a.create(fmt.Sprint("n", i), "S", "")))
	}
	a.settle()
	// A dry run says what would be done, and does nothing.
	body := fmt.Sprintf(`{"layer": "article", "items": [{"identifier": %q}, {"identifier": "999"}, {}]}`, ids[2])
	supplied := `{"layer": "topics", "dry_run": true, "items": [{"identifier": "a", "value": 1}, {"identifier": "b"}]}`
	loaded := metric(t, a, `cache_loads_total{layer="article"}`)
	dry := a.post("/warm?dry_run=true", body)
	want(t, dry, map[string]any{"status": "success", "items_cached": 2, "would_fill": []any{ids[2], "999"}, "loaded": true, "dry_run": true, "audited": false})
	if skipped := dry["skipped"].([]any); len(skipped) != 1 {
		t.Errorf("skipped %v", skipped)
	}
	want(t, a.post("/warm", supplied), map[string]any{"items_cached": 1, "would_fill": []any{"a"}, "loaded": false, "dry_run": true, "audited": false})
	want(t, a.look("/exists/article/"+ids[2]), map[string]any{"exists": false})
	want(t, a.look("/exists/topics/a"), map[string]any{"exists": false})
	if n := metric(t, a, `cache_loads_total{layer="article"}`); n != loaded {
		t.Errorf("a dry run has loaded %v articles", n-loaded)
	}
	if rows := a.look("/audit")["items"].([]any); len(rows) != 0 {
		t.Errorf("a dry run is in the trail: %v", rows)
	}
	want(t, a.post("/warm", body), map[string]any{"items_cached": 1, "would_fill": nil, "dry_run": false, "audited": true})
	want(t, a.post("/warm?dry_run=1", body), map[string]any{"items_cached": 1, "would_fill": nil, "dry_run": true})
	// The server loads the entry. What comes with a value is skipped, because the value would not be used.
	mixed := fmt.Sprintf(`{"layer": "article", "items": [{"identifier": %q, "value": {"title": "forged"}}, {"identifier": %q, "value": null}, {"identifier": %q, "params": {"layer": "y"}}, {"identifier": "999"}, {"identifier": "x"}, {"value": 1}]}`, ids[0], ids[0], ids[1])
	want(t, a.post("/warm?dry_run=true", mixed), map[string]any{"items_cached": 2, "would_fill": []any{ids[1], "x"}})
	got := a.post("/warm", mixed)
	want(t, got, map[string]any{"status": "success", "items_cached": 1, "ttl_seconds": 3600, "loaded": true})
	if skipped := got["skipped"].([]any); len(skipped) != 5 || strings.Count(fmt.Sprint(skipped), "comes with a value") != 2 {
		t.Errorf("skipped %v", skipped)
	}
	want(t, a.look("/exists/article/"+ids[0]), map[string]any{"exists": false})
	want(t, a.post("/warm", fmt.Sprintf(`{"layer": "article", "items": [{"identifier": %q}]}`, ids[0])), map[string]any{"items_cached": 1})
	want(t, a.look("/key/article/"+ids[0]), map[string]any{"value.title": "n0"})
	// An item named twice is one entry.
	for _, path := range []string{"/warm?dry_run=true", "/warm"} {
		twice := a.post(path, fmt.Sprintf(`{"layer": "article", "items": [{"identifier": %q}, {"identifier": %q}]}`, ids[0], ids[0]))
		want(t, twice, map[string]any{"items_cached": 1})
		if skipped := fmt.Sprint(twice["skipped"]); !strings.Contains(skipped, "the same entry as item 0") {
			t.Errorf("%s: %s", path, skipped)
		}
	}
	want(t, a.post("/warm", `{"layer": "api_news", "items": [{"identifier": "q", "value": 1}, {"identifier": "q", "value": 1, "params": {"n": 2}}]}`), map[string]any{"items_cached": 2})
	before := metric(t, a, `cache_loads_total{layer="article"}`)
	if r := a.get("/api/scraping/content/" + ids[1]); r.StatusCode != http.StatusOK || metric(t, a, `cache_loads_total{layer="article"}`) != before {
		t.Errorf("%d, or a warm article was loaded again", r.StatusCode)
	}
	want(t, a.post("/warm", `{"layer": "analytics", "items": [{"identifier": "scraping-status"}, {"identifier": "analysis-stats"}, {"identifier": "bogus", "value": 1}]}`), map[string]any{"items_cached": 2})
	// Falsy values are values (D14, D22), and only absent ones are skipped.
	for id, value := range map[string]any{"zero": 0.0, "no": false, "empty": []any{}, "text": "", "null": nil} {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		want(t, a.post("/warm", fmt.Sprintf(`{"layer": "api_news", "ttl": 0, "items": [{"identifier": %q, "value": %s}]}`, id, raw)), map[string]any{"items_cached": 1, "ttl_seconds": 3600})
		want(t, a.look("/key/api_news/"+id), map[string]any{"exists": true, "value": value})
	}
	want(t, a.post("/warm", `{"layer": "api_news", "ttl": 60, "items": [{"identifier": "p", "value": 1, "params": {"layer": "x", "n": 2}}]}`), map[string]any{"items_cached": 1, "ttl_seconds": 60})
	want(t, a.look("/exists/api_news/p"), map[string]any{"exists": false}) // a variant by parameters is another entry
	want(t, a.post("/invalidate", `{"layer": "api_news", "identifier": "p"}`), map[string]any{"keys_invalidated": 1})
}

// TestBadInput: a clear refusal, and nothing done.
func TestBadInput(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	item := `{"identifier": "k", "value": 1}`
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/key/bogus/x", "", 404, "Unknown cache layer 'bogus'"},
		{"GET", "/exists/bogus/x", "", 404, "Unknown cache layer"},
		{"GET", "/keys?layer=bogus", "", 422, "unknown cache layer"},
		{"GET", "/keys", "", 422, "missing"},
		{"GET", "/keys?layer=article&cursor=nada", "", 422, "not a cursor"},
		{"GET", "/keys?layer=article&cursor=-1-2", "", 422, "not a cursor"},
		{"GET", "/keys?layer=article&limit=0", "", 422, "greater_than_equal"},
		{"GET", "/hot?layer=bogus", "", 422, "unknown cache layer"},
		{"GET", "/audit?cursor=x", "", 422, "not a cursor"},
		{"GET", "/key/article/%00", "", 422, "NUL"},
		{"GET", "/key/article/%FF", "", 422, "UTF-8"},
		{"POST", "/stats", "", 405, "Method Not Allowed"},
		{"POST", "/invalidate", `{"layer": "bogus"}`, 422, "unknown cache layer"},
		{"POST", "/invalidate/all?dryrun=true", "", 422, `"type":"extra_forbidden","loc":["query","dryrun"]`},
		{"POST", "/invalidate?dry_run=true&dry-run=1", `{"layer": "content"}`, 422, `["query","dry-run"]`},
		{"POST", "/warm?dryRun=1", `{"layer": "article", "items": []}`, 422, `["query","dryRun"]`},
		{"GET", "/hot?layr=article", "", 422, `["query","layr"]`},
		{"POST", "/invalidate", `{"layer": "content", "identifier": ""}`, 422, "string_too_short"},
		{"POST", "/invalidate", `{"layer": "content", "pattern": ""}`, 422, "string_too_short"},
		{"POST", "/invalidate", `{"layer": "content", "pattern": "["}`, 422, `"loc":["body","pattern"]`},
		{"POST", "/invalidate", `{"layer": "content", "pattern": "[ab]*"}`, 422, "sets of characters are not known"},
		{"POST", "/invalidate", `{"layer": "content", "pattern": "a\\\\["}`, 422, "sets of characters are not known"},
		{"POST", "/invalidate", `{"layer": "content", "pattern": "a\\"}`, 422, "ends in a backslash"},
		{"POST", "/invalidate", `{"layer": "content", "identifier": "a\u0000"}`, 422, `"loc":["body","identifier"]`},
		{"POST", "/invalidate", `{"layer": "content", "identifier": "a", "pattern": "*"}`, 422, "either an identifier or a pattern"},
		{"POST", "/invalidate", `{"layer": "content", "dryrun": true}`, 422, "extra_forbidden"},
		{"POST", "/invalidate", `{"layer": "content", "Identifier": "a"}`, 422, "extra_forbidden"},
		{"POST", "/invalidate", `{"layer": "content"`, 422, "json_invalid"},
		{"POST", "/invalidate", ``, 422, "missing"},
		{"POST", "/invalidate", `{"layer": 7}`, 422, "string_type"},
		{"POST", "/invalidate?dry_run=perhaps", `{"layer": "content"}`, 422, "bool_parsing"},
		{"POST", "/invalidate/article/abc", "", 422, "int_parsing"},
		{"POST", "/invalidate/article/99999999999999999999", "", 422, "int_parsing"},
		{"POST", "/invalidate/source/" + strings.Repeat("x", 513), "", 422, `"loc":["path","source_name"]`},
		{"GET", "/exists/article/" + strings.Repeat("x", 1025), "", 422, `"loc":["path","identifier"]`},
		{"GET", "/dependencies/" + strings.Repeat("x", 513), "", 422, "at most 512 characters, has 513"},
		{"POST", "/invalidate/dependency", `{"dependency": ""}`, 422, "string_too_short"},
		{"POST", "/invalidate/dependency", `{"dependency": "layer:bogus"}`, 422, "unknown cache layer"},
		{"POST", "/warm", `{"layer": "bogus", "items": []}`, 422, "unknown cache layer"},
		{"POST", "/warm", `{"layer": "api_news", "items": [` + item + `], "ttl": -5}`, 422, "greater_than_equal"},
		{"POST", "/warm", `{"layer": "api_news", "items": [` + item + `], "ttl": 99999999}`, 422, "longer than any entry may live"},
		{"POST", "/warm", `{"layer": "api_news", "items": [` + item + `], "ttl": 9223372036854775807}`, 422, "longer than any entry may live"},
		{"POST", "/warm", `{"layer": "api_news", "items": [` + item + `, {"identifier": "n", "value": {"x": ["\u0000"]}}]}`, 422, `"loc":["body","items",1,"value","x",0]`},
		{"POST", "/warm", `{"layer": "api_news", "items": "x"}`, 422, "list_type"},
		{"POST", "/warm", `{"layer": "api_news", "items": [` + strings.Repeat(item+",", 1000) + item + `]}`, 422, "too_long"},
		{"POST", "/performance/probe", `{"endpoint": "https://elsewhere.example/"}`, 422, "below /api/"},
		{"POST", "/performance/probe", `{"endpoint": "/api/v1/cache/audit"}`, 422, "not cached"},
		{"POST", "/performance/probe", `{"endpoint": "/api/nada"}`, 422, "404"},
		{"POST", "/performance/probe", `{"endpoint": "/api/articles", "runs": 100000}`, 422, "less_than_equal"},
	} {
		r := a.admin(c.method, "/api/cache"+c.path, c.body, c.status)
		if !strings.Contains(string(r.body), c.says) {
			t.Errorf("%s %s %.100s: %s does not say %q", c.method, c.path, c.body, r.body, c.says)
		}
	}
	big := fmt.Sprintf(`{"layer": "api_news", "items": [{"identifier": "big", "value": %q}]}`, strings.Repeat("x", 300<<10))
	want(t, a.post("/warm", big), map[string]any{"items_cached": 0})
	if items := a.look("/audit")["items"].([]any); len(items) != 1 {
		t.Errorf("refused requests are in the trail: %v", items)
	}
}

func TestKeysHotDependenciesAudit(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	var items []string
	for i := range 250 {
		items = append(items, fmt.Sprintf(`{"identifier": "%c:%d", "value": %d}`, "ab"[i%2], i, i))
	}
	a.post("/warm", `{"layer": "topics", "items": [`+strings.Join(items, ",")+`]}`)
	seen := map[string]bool{}
	pages := 0
	for cursor := ""; ; pages++ {
		page := a.look("/keys?layer=topics&prefix=a:&limit=50&cursor=" + cursor)
		for _, k := range page["keys"].([]any) {
			seen[k.(string)] = true
		}
		if page["next_cursor"] == nil {
			break
		}
		cursor = page["next_cursor"].(string)
		if pages > 100 {
			t.Fatal("the walk does not end")
		}
	}
	if len(seen) != 125 {
		t.Errorf("%d keys in %d pages, want 125", len(seen), pages)
	}
	id := a.create("uno", "El Tiempo", "")
	a.settle()
	for range 7 {
		a.get(fmt.Sprintf("/api/articles/%d", id))
	}
	hot := a.look("/hot?layer=http_response&limit=1")["keys"].([]any)
	want(t, hot[0].(map[string]any), map[string]any{"layer": "http_response", "identifier": fmt.Sprintf("/api/articles/%d", id), "asked_at_least": 7, "asked_at_most": 7})
	a.get("/api/articles?source=El%20Tiempo")
	want(t, a.look("/dependencies/source:El%20Tiempo"), map[string]any{"total": 2, "layers.content": 1, "layers.http_response": 1, "complete": true})
	want(t, a.post("/invalidate/dependency", `{"dependency": "source:El Tiempo"}`), map[string]any{"keys_invalidated": 2, "operation": "dependency_invalidation"})
	want(t, a.look("/dependencies/source:El%20Tiempo"), map[string]any{"total": 0})

	trail := a.look("/audit?limit=1")
	row := trail["items"].([]any)[0].(map[string]any)
	want(t, row, map[string]any{"operation": "dependency_invalidation", "target.dependency": "source:El Tiempo", "state": "done", "keys": 2, "layers.content": 1, "actor": "admin key", "remote": "127.0.0.1", "error": nil})
	older := a.look("/audit?cursor=" + trail["next_cursor"].(string))
	if items := older["items"].([]any); len(items) != 1 || items[0].(map[string]any)["operation"] != "warm" || older["next_cursor"] != nil {
		t.Errorf("older: %v", older)
	}
}

// TestFiguresAreMeasured (D23): the original computed its comparison from constants.
func TestFiguresAreMeasured(t *testing.T) {
	t.Parallel()
	a, _ := withArticle(t, "uno", "S")
	comparison := func() map[string]any { return a.get("/api/cache/performance/comparison").json(t).(map[string]any) }
	young := comparison()
	for _, name := range []string{"cache_response_time_ms", "api_response_time_ms", "current_avg_response_time_ms", "uncached_avg_response_time_ms", "estimated_speedup"} {
		if young[name] != nil {
			t.Errorf("%s = %v out of nothing", name, young[name])
		}
	}
	for i := range 120 {
		a.get(fmt.Sprintf("/api/articles?limit=%d", 1+i%60)) // 60 misses
		a.get(fmt.Sprintf("/api/articles?limit=%d&offset=%d&min_difficulty=%d.%d", 1+i%60, i, 1+i%3, i%10))
	}
	got := comparison()
	samples := got["samples"].(map[string]any)
	hits := samples["cached_requests"].(float64)
	if sum := metricSum(t, a, `api_request_duration_seconds_count{`, `cached="HIT"`); hits != sum || hits < 60 {
		t.Errorf("cached requests %v, the histogram says %v", hits, sum)
	}
	onCached := func(what string) float64 {
		return metricSum(t, a, what, `cached="HIT"`) + metricSum(t, a, what, `cached="MISS"`)
	}
	all := onCached(`api_request_duration_seconds_sum{`) / onCached(`api_request_duration_seconds_count{`) * 1000
	if avg := got["current_avg_response_time_ms"].(float64); avg < all*0.999-0.0001 || avg > all*1.001+0.0001 {
		t.Errorf("current average %v, the histogram says %v", avg, all)
	}
	speedup, missed := got["estimated_speedup"].(float64), got["uncached_avg_response_time_ms"].(float64)
	if ratio := missed / got["current_avg_response_time_ms"].(float64); speedup < ratio-0.01 || speedup > ratio+0.01 {
		t.Errorf("speedup %v, the ratio is %v", speedup, ratio)
	}
	if saved := got["database_load_saved"].(map[string]any); saved["saved_ms"].(float64) > saved["hits"].(float64)*saved["mean_query_ms"].(float64)*1.01+0.1 {
		t.Errorf("saved is not the product: %v", saved)
	}
	// Not the server's lifetime counters: other clients' reads do not count.
	before := a.get("/api/cache/stats").json(t).(map[string]any)
	for range 50 {
		a.redis.Get(t.Context(), "nobody's")
	}
	after := a.get("/api/cache/stats").json(t).(map[string]any)
	want(t, after, map[string]any{"total_hits": before["total_hits"], "total_misses": before["total_misses"]})
	if h := metricSum(t, a, "cache_hits_total{", "") - metricSum(t, a, "cache_nested_hits_total{", ""); h != after["total_hits"].(float64) {
		t.Errorf("total_hits %v, the counters say %v", after["total_hits"], h)
	}
}

// metricSum adds the samples whose line begins with prefix and contains part.
func metricSum(t testing.TB, a *testApp, prefix, part string) (sum float64) {
	t.Helper()
	for line := range strings.Lines(string(a.get("/metrics").body)) {
		if i := strings.LastIndexByte(line, ' '); strings.HasPrefix(line, prefix) && strings.Contains(line, part) {
			var v float64
			if err := json.Unmarshal([]byte(strings.TrimSpace(line[i:])), &v); err != nil {
				t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// TestProbe: uncached runs reach PostgreSQL, cached ones do not.
func TestProbe(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	for i := range 5 {
		a.create(fmt.Sprint("n", i), "S", "")
	}
	a.settle()
	loads := func() float64 { return metricSum(t, a, "cache_loads_total{", `layer="content"`) }
	before := loads()
	got := a.post("/performance/probe", `{"endpoint": "/api/v1/articles?limit=5", "runs": 30}`)
	want(t, got, map[string]any{"runs": 30, "complete": true, "cache_used": true, "uncached.count": 30, "cached.count": 30, "cached.p99_ms": nil, "uncached.p99_ms": nil})
	if n := loads() - before; n != 32 { // 30, one to warm the database, one to fill the cache
		t.Errorf("%v loads for 30 uncached runs", n)
	}
	if got["speedup"].(float64) <= 0 || got["body_bytes"].(float64) < 500 {
		t.Errorf("%v", got)
	}
}

// TestCacheHealthWithoutRedis: nothing is reported as done that was not, and the score says what is wrong.
func TestCacheHealthWithoutRedis(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(c *Config) { c.Redis.URL = "redis://127.0.0.1:1/0" })
	a.create("uno", "S", "")
	h := a.get("/health/cache").json(t).(map[string]any)
	want(t, h, map[string]any{"status": "unavailable", "connected": false, "memory_used_mb": nil, "total_keys": nil, "health_status": "poor"})
	if s := h["health_score"].(float64); s > 20 {
		t.Errorf("score %v without Redis", s)
	}
	for _, path := range []string{"/invalidate/all", "/invalidate/article/1"} {
		a.admin("POST", "/api/cache"+path, "", http.StatusServiceUnavailable)
	}
	for _, body := range []string{`{"layer": "article", "items": [{"identifier": "1"}]}`, `{"layer": "topics", "items": [{"identifier": "1", "value": 1}]}`} {
		if r := a.admin("POST", "/api/cache/warm", body, http.StatusServiceUnavailable); r.Header.Get("Retry-After") == "" || strings.Contains(string(r.body), "127.0.0.1") {
			t.Errorf("warming without Redis: %v %s", r.Header, r.body)
		}
	}
	rows := a.look("/audit")["items"].([]any)
	want(t, rows[0].(map[string]any), map[string]any{"state": "failed", "operation": "article_invalidation"})
	if msg := fmt.Sprint(rows[0].(map[string]any)["error"]); msg == "<nil>" {
		t.Error("the trail does not say why")
	}
}

// TestAdminContract: the same status, and every field of the original's answer with its type.
func TestAdminContract(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	files, err := filepath.Glob("testdata/cache_admin/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d goldens, %v", len(files), err)
	}
	a.create("uno", "El Tiempo", "")
	a.settle()
	for _, file := range files {
		a.get("/api/scraping/status")
		g := readGolden(t, file)
		body := ""
		if g.Request.Body != nil {
			b, err := json.Marshal(g.Request.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = string(b)
		}
		for _, path := range []string{g.Request.Path, strings.Replace(g.Request.Path, "/api/v1/", "/api/", 1)} {
			a.get("/api/scraping/status")
			got := a.do(g.Request.Method, path, body, "X-API-Key", testAdminKey)
			if got.StatusCode != g.Response.Status {
				t.Errorf("%s: status %d, want %d: %.300s", file, got.StatusCode, g.Response.Status, got.body)
				continue
			}
			exact := g.Response.Status != http.StatusOK || strings.Contains(file, "layers.json")
			sameShape(t, filepath.Base(file), g.Response.Body, got.json(t), exact)
		}
	}
}

// sameShape checks that got has want's members and types, and with exact its contents. Measured figures may be null, and
// there may be more layers.
func sameShape(t *testing.T, at string, want, got any, exact bool) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: %T, want an object", at, got)
			return
		}
		for k, v := range w {
			if _, ok := g[k]; !ok {
				t.Errorf("%s.%s is missing", at, k)
				continue
			}
			if strings.HasSuffix(at, ".layers.metadata") || strings.HasSuffix(at, ".layers.content") {
				continue // their category was "Other"
			}
			if k != "value" { // cached values are this program's own
				sameShape(t, at+"."+k, v, g[k], exact && k != "total_layers")
			}
		}
	case []any:
		if _, ok := got.([]any); !ok {
			t.Errorf("%s: %T, want a list", at, got)
		} else if exact && !reflect.DeepEqual(want, got) {
			t.Errorf("%s: %v, want %v", at, got, want)
		}
	default:
		if got != nil && reflect.TypeOf(want) != reflect.TypeOf(got) && want != nil {
			t.Errorf("%s: %v (%T), want like %v (%T)", at, got, got, want, want)
		} else if exact && !reflect.DeepEqual(want, got) {
			t.Errorf("%s: %v, want %v", at, got, want)
		}
	}
}
