package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const rich = `"tags": ["b", "a"], "extra_metadata": {"z": 1, "a": [1.50, "ñ"]}, "published_date": "2026-11-20T08:00:00.123456-05:00"`

// TestPreconditionsOfReads: RFC 9110 §13 on every kind of cached read, hit or miss, with a key or without.
func TestPreconditionsOfReads(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	id := a.create("uno", "Semana", rich)
	past, future := "Mon, 20 Nov 2000 08:00:00 GMT", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat)
	for _, path := range []string{
		fmt.Sprintf("/api/articles/%d", id), fmt.Sprintf("/api/scraping/content/%d", id), "/api/articles?limit=7", "/api/articles/feed.atom",
		"/api/scraping/content?limit=7", "/openapi.json",
	} {
		for _, key := range []string{"", "wrong-but-a-credential"} {
			ask := func(headers ...string) reply {
				if key != "" {
					headers = append(headers, "X-API-Key", key)
				}
				return a.get(path, headers...)
			}
			first := ask()
			etag := first.Header.Get("ETag")
			if first.StatusCode != http.StatusOK || etag == "" {
				t.Fatalf("%s: %d, ETag %q", path, first.StatusCode, etag)
			}
			dated := path != "/openapi.json"
			if modified := first.Header.Get("Last-Modified"); dated != (modified != "") {
				t.Errorf("%s: Last-Modified %q", path, modified)
			}
			if key != "" && dated && first.Header.Get("Cache-Control") != "private, no-cache" {
				t.Errorf("%s with a key: Cache-Control %q", path, first.Header.Get("Cache-Control"))
			}
			for fields, want := range map[string]int{
				`If-Match|"not-it"`: 412, "If-Match|" + etag: 200, "If-Match|*": 200, "If-Match|W/" + etag: 412,
				`If-None-Match|"not-it"`: 200, "If-None-Match|" + etag: 304, "If-None-Match|*": 304,
				"If-Unmodified-Since|" + past: 412, "If-Unmodified-Since|" + future: 200,
				"If-Modified-Since|" + past: 200, "If-Modified-Since|" + future: 304,
			} {
				name, value, _ := strings.Cut(fields, "|")
				if !dated && strings.HasSuffix(name, "-Since") {
					continue
				}
				r := ask(name, value)
				if r.StatusCode != want || want == http.StatusPreconditionFailed && (!strings.Contains(string(r.body), `"detail"`) && dated || r.Header.Get("ETag") != "" && dated) {
					t.Errorf("%s %s (key: %v): %d %s, want %d", path, fields, key != "", r.StatusCode, r.body, want)
				}
			}
		}
	}
	if r := a.get("/api/articles/999999", "If-Match", `"x"`); r.StatusCode != http.StatusNotFound {
		t.Errorf("what is not there: %d", r.StatusCode)
	}
}

// TestPreconditionsOfWrites: nobody overwrites another's change unseen, and a write returns its new entity tag.
func TestPreconditionsOfWrites(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	r := a.admin(http.MethodPost, "/api/articles", `{"source": "Semana", "title": "uno", "content": "Texto de uno.", `+rich+`}`, http.StatusCreated)
	one := r.Header.Get("Location")
	one = one[strings.Index(one, "/api/"):]
	same := func(written reply, what string) string {
		t.Helper()
		etag := a.get(one).Header.Get("ETag")
		if got := written.Header.Get("ETag"); got == "" || got != etag {
			t.Errorf("%s answers with ETag %q, a GET with %q", what, got, etag)
		}
		if m := written.Header.Get("Last-Modified"); m == "" || m != a.get(one).Header.Get("Last-Modified") {
			t.Errorf("%s: Last-Modified %q", what, m)
		}
		return etag
	}
	first := same(r, "POST")
	coded := a.get(one, "Accept-Encoding", "br").Header.Get("ETag")
	whole := `{"source": "Semana", "title": %q, "content": "Texto de uno."}`
	write := func(method, body string, want int, headers ...string) reply {
		t.Helper()
		r := a.do(method, one, body, append([]string{"X-API-Key", testAdminKey, "Content-Type", "application/json"}, headers...)...)
		if r.StatusCode != want {
			t.Errorf("%s with %q: %d %s, want %d", method, headers, r.StatusCode, r.body, want)
		}
		return r
	}
	past := "Mon, 20 Nov 2000 08:00:00 GMT"
	for _, fails := range [][]string{{"If-Match", `"not-it"`}, {"If-None-Match", "*"}, {"If-None-Match", first}, {"If-Unmodified-Since", past}, {"If-Match", "W/" + first}} {
		write(http.MethodDelete, "", 412, fails...)
		write(http.MethodPatch, `{"title": "no"}`, 412, fails...)
		write(http.MethodPut, fmt.Sprintf(whole, "no"), 412, fails...)
	}
	if r := a.get(one); r.StatusCode != 200 || r.Header.Get("ETag") != first {
		t.Fatalf("after writes that were refused: %d %s", r.StatusCode, r.body)
	}
	second := same(write(http.MethodPatch, `{"title": "de la primera"}`, 200, "If-Match", `"x", `+first), "PATCH")
	write(http.MethodPatch, `{"title": "de la segunda"}`, 412, "If-Match", first)
	if second == first {
		t.Error("another article, the same tag")
	}
	third := same(write(http.MethodPut, fmt.Sprintf(whole, "tres"), 200, "If-Match", second), "PUT")
	if coded != first { // small bodies have one form
		write(http.MethodPatch, `{"title": "x"}`, 412, "If-Match", coded)
	}
	write(http.MethodPatch, `{"title": "cuatro"}`, 200, "If-Match", "*", "If-None-Match", first)
	write(http.MethodDelete, "", 412, "If-Match", third)
	write(http.MethodDelete, "", 204, "If-Match", a.get(one).Header.Get("ETag"))
	write(http.MethodDelete, "", 404, "If-Match", third)

	// The tag of a compressed form is one of the article's tags too.
	long := a.create("largo", "Semana", `"extra_metadata": {"x": "`+strings.Repeat("hola ", 1000)+`"}`)
	one = fmt.Sprintf("/api/articles/%d", long)
	for _, coding := range []string{"gzip", "br"} {
		r := a.get(one, "Accept-Encoding", coding)
		if r.Header.Get("Content-Encoding") != coding || r.Header.Get("ETag") == a.get(one).Header.Get("ETag") {
			t.Fatalf("%s: %v", coding, r.Header)
		}
		write(http.MethodPatch, fmt.Sprintf(`{"title": %q}`, coding), 200, "If-Match", r.Header.Get("ETag"))
	}
}

// TestEveryAnswerSaysHowItMayBeStored: errors, figures and probes must not be stored.
func TestEveryAnswerSaysHowItMayBeStored(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for _, ask := range [][2]string{
		{"GET", "/health"},
		{"GET", "/health/live"},
		{"GET", "/health/ready"},
		{"GET", "/api/cache/stats"},
		{"GET", "/nope"},
		{"POST", "/api/articles/5"},
		{"GET", "/api/cache/audit"},
		{"GET", "/api/articles?limit=abc"},
		{"GET", "/metrics"},
		{"OPTIONS", "/api/articles/5"},
		{"DELETE", "/api/articles/5"},
	} {
		r := a.do(ask[0], ask[1], "")
		if cc := r.Header.Get("Cache-Control"); !strings.Contains(cc, "no-store") {
			t.Errorf("%s %s: %d, Cache-Control %q", ask[0], ask[1], r.StatusCode, cc)
		}
		if allow := r.Header.Get("Allow"); strings.Contains(allow, "GET") && !strings.Contains(allow, "HEAD") || ask[0] == "OPTIONS" && allow == "" {
			t.Errorf("%s %s: Allow %q", ask[0], ask[1], allow)
		}
	}
	if r := a.get("/openapi.json", "Accept-Encoding", "gzip, br"); r.Header.Get("Content-Encoding") != "br" || r.Header.Get("Cache-Control") == "" || r.Header.Get("ETag") == "" {
		t.Errorf("openapi.json: %v", r.Header)
	}
	if r := a.get("/docs/assets/swagger-ui-bundle.js", "Accept-Encoding", "gzip"); r.StatusCode != 200 || r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("ETag") == "" {
		t.Errorf("an asset: %d %v", r.StatusCode, r.Header)
	}
}

// TestOneThingInSeveralSpellings is one route and one entry.
func TestOneThingInSeveralSpellings(t *testing.T) {
	t.Parallel()
	a, id := withArticle(t, "uno", "Semana")
	a.awaitGate()
	a.settle()
	one := fmt.Sprint(id)
	escaped := ""
	for _, c := range one {
		escaped += fmt.Sprintf("%%%02x", c)
	}
	for plain, spellings := range map[string][]string{
		"/api/articles/" + one:    {"/api/articles/" + escaped, "/%61pi/articles/" + one, "/api/%61rticle%73/" + escaped},
		"/api/articles/feed.atom": {"/api/articles/feed%2Eatom", "/api/articles/feed%2eatom", "/api/v%31/articles/fee%64.atom"},
		"/api/articles?from=2026-11-20T10:00:00Z": {
			"/api/articles?from=2026-11-20T10:00:00%2B00:00", "/api/articles?from=2026-11-20T05:00:00-05:00", "/api/articles?from=2026-11-20T10:00:00.000Z",
			"/api/articles?from=2026-11-20t10:00:00z", "/api/articles?from=2026-11-20T11:00:00+01:00",
		},
	} {
		want := a.served(plain)
		for _, spelt := range spellings {
			if r := a.served(spelt); r.StatusCode != 200 || string(r.body) != string(want.body) || r.Header.Get("X-Cache") != "HIT" {
				t.Errorf("%s is %d %s, and not what %s is", spelt, r.StatusCode, r.Header.Get("X-Cache"), plain)
			}
		}
	}
	for _, other := range []string{"/api/articles/" + one + "%2F", "/api%2Farticles"} {
		if r := a.get(other); r.StatusCode == 200 {
			t.Errorf("%s: %d", other, r.StatusCode)
		}
	}
}
