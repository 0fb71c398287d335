package app

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// create stores an article through the API and returns its id.
func (a *testApp) create(title, source string, more string) int64 {
	a.t.Helper()
	if more != "" {
		more = ", " + more
	}
	content, err := json.Marshal("Texto de " + title + ".")
	if err != nil {
		a.t.Fatal(err)
	}
	body := fmt.Sprintf(`{"source": %q, "title": %q, "content": %s%s}`, source, title, content, more)
	r := a.admin(http.MethodPost, "/api/articles", body, http.StatusCreated)
	var got struct{ ID int64 }
	if err := json.Unmarshal(r.body, &got); err != nil || got.ID == 0 {
		a.t.Fatalf("created: %s, %v", r.body, err)
	}
	if want := fmt.Sprintf("%s/api/articles/%d", a.cfg.Server.PublicURL, got.ID); r.Header.Get("Location") != want {
		a.t.Errorf("Location %q, want %q", r.Header.Get("Location"), want)
	}
	return got.ID
}

func titles(t testing.TB, r reply) string {
	t.Helper()
	var page struct {
		Items []struct{ Title string } `json:"items"`
	}
	if err := json.Unmarshal(r.body, &page); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %.300s (%v)", r.Request.URL, r.StatusCode, r.body, err)
	}
	var out []string
	for _, i := range page.Items {
		out = append(out, i.Title)
	}
	return strings.Join(out, " ")
}

// TestEveryWriteIsSeenByTheNextRead reads everything twice (so that it is cached), writes, and reads again.
func TestEveryWriteIsSeenByTheNextRead(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	id := a.create("uno", "Semana", `"published_date": "2026-01-01T10:00:00-05:00", "tags": ["paz"]`)
	one := fmt.Sprintf("/api/articles/%d", id)
	reads := []string{
		"/api/articles", "/api/articles?source=Semana", "/api/articles?tag=paz", "/api/scraping/content", "/api/scraping/content/simple",
		"/api/articles/search?q=texto", "/api/articles/search?q=texto&order=newest", "/api/v1/articles?order=oldest",
	}
	expect := func(want string) {
		t.Helper()
		for range 2 {
			for _, path := range reads {
				if got := titles(t, a.get(path)); got != want {
					t.Errorf("%s: %q, want %q", path, got, want)
				}
			}
		}
	}
	expect("uno")
	a.admin(http.MethodPatch, one, `{"title": "dos"}`, http.StatusOK)
	expect("dos")
	a.admin(http.MethodPut, one, `{"source": "Semana", "title": "tres", "content": "Otro texto.", "tags": ["paz"]}`, http.StatusOK)
	expect("tres")
	if got := a.get(one).json(t).(map[string]any); got["title"] != "tres" || got["published_date"] != nil {
		t.Errorf("replaced article: %v", got)
	}
	next := fmt.Sprintf("/api/articles/%d", id+1)
	if r := a.get(next); r.StatusCode != http.StatusNotFound {
		t.Fatalf("%s before it exists: %d", next, r.StatusCode)
	}
	if got := a.create("cuatro", "Otra", ""); got != id+1 {
		t.Fatalf("created as %d, want %d", got, id+1)
	}
	if r := a.get(next); r.StatusCode != http.StatusOK {
		t.Errorf("%s: %d although it exists now: a remembered 404", next, r.StatusCode)
	}
	a.admin(http.MethodDelete, one, "", http.StatusNoContent)
	if r := a.get(one); r.StatusCode != http.StatusNotFound || string(r.body) != `{"detail":"Article not found"}`+"\n" {
		t.Errorf("deleted article: %d %s", r.StatusCode, r.body)
	}
	reads = []string{"/api/articles", "/api/scraping/content/simple"}
	expect("cuatro")
}

func TestBadInputIsAClearAnswer(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	good := `"source": "S", "title": "t", "content": "c"`
	for _, c := range []struct {
		method, path, body string
		status             int
		contains           string
	}{
		{"GET", "/api/articles/abc", "", 422, `"type":"int_parsing","loc":["path","id"]`},
		{"GET", "/api/articles/99999999999999999999", "", 404, "Article not found"},
		{"GET", "/api/articles/9223372036854775807", "", 404, "Article not found"},
		{"GET", "/api/articles/-1", "", 404, "Article not found"},
		{"GET", "/api/articles?limit=0", "", 422, `"greater_than_equal"`},
		{"GET", "/api/articles?order=loudest", "", 422, `"literal_error"`},
		{"GET", "/api/articles?from=yesterday", "", 422, "2026-11-22"},
		{"GET", "/api/articles?source=%00", "", 422, "NUL"},
		{"GET", "/api/articles?source=%ff", "", 422, "UTF-8"},
		{"GET", "/api/articles?source=" + strings.Repeat("x", 60_000), "", 422, `"string_too_long"`},
		{"GET", "/api/articles?source=" + strings.Repeat("%C3%B1", 100), "", 200, `"items":[]`},
		{"GET", "/api/articles?source=" + strings.Repeat("%C3%B1", 101), "", 422, strings.Repeat("ñ", 101) + `"`},
		{"GET", "/api/articles?min_difficulty=NaN", "", 422, `"type":"finite_number","loc":["query","min_difficulty"]`},
		{"GET", "/api/articles?max_difficulty=-Infinity", "", 422, `"finite_number"`},
		{"GET", "/api/scraping/content?min_difficulty=1e999", "", 422, `"finite_number"`},
		{"GET", "/api/articles?order=easiest&cursor=eyJpZCI6MSwidmFsdWUiOiJOYU4iLCJmaWVsZCI6ImRpZmZpY3VsdHlfc2NvcmUifQ", "", 422, "not a cursor"},
		{"GET", "/api/articles?is_paywall=perhaps", "", 422, `"bool_parsing"`},
		{"GET", "/api/articles?cursor=x", "", 422, "not a cursor"},
		{"GET", "/api/articles/search", "", 422, `"type":"missing","loc":["query","q"]`},
		{"GET", "/api/articles/search?q=", "", 422, `"string_too_short"`},
		{"GET", "/api/articles/search?q=%20-%20", "", 422, "at least one word"},
		{"GET", "/api/articles/search?q=x&order=cheapest", "", 422, `"loc":["query","order"]`},
		{"GET", "/api/articles/search?q=" + strings.Repeat("x", 501), "", 422, `"string_too_long"`},
		{"GET", "/api/articles?limit=1_0&min_difficulty=1e0&is_paywall=yes", "", 200, `"items":[]`},
		{"GET", "/api/articles?limit=x&limit=%2B7.0", "", 200, `"items":[]`},
		{"GET", "/api/articles?unknown=1&%zz&source=nobody", "", 200, `"items":[]`},
		{"POST", "/api/articles", "", 422, `"type":"missing","loc":["body"]`},
		{"POST", "/api/articles", "{", 422, `"json_invalid"`},
		{"POST", "/api/articles", "[]", 422, `"dict_type"`},
		{"POST", "/api/articles", `{"source": "S"}`, 422, `"loc":["body","title"]`},
		{"POST", "/api/articles", `{"source": "S", "title": "  ", "content": "c"}`, 422, "must not be blank"},
		{"POST", "/api/articles", `{"source": "S", "title": 5, "content": "c"}`, 422, `"string_type"`},
		{"POST", "/api/articles", `{` + good + `, "titel": "x"}`, 422, `"extra_forbidden"`},
		{"POST", "/api/articles", `{` + good + `, "published_date": "ayer"}`, 422, `"datetime_parsing"`},
		{"POST", "/api/articles", `{` + good + `, "published_date": "0001-01-01T00:00:00Z"}`, 422, "between the years"},
		{"POST", "/api/articles", `{` + good + `, "difficulty_score": 9}`, 422, `"less_than_equal"`},
		{"POST", "/api/articles", `{"source": "` + strings.Repeat("s", 101) + `", "title": "t", "content": "c"}`, 422, `"string_too_long"`},
		{"POST", "/api/articles", `{` + good + `, "Title": "x"}`, 422, `"type":"extra_forbidden","loc":["body","Title"],"msg":"Extra inputs are not permitted","input":"x"`},
		{"POST", "/api/articles", `{"source": "S", "TITLE": "t", "content": "c"}`, 422, `"loc":["body","title"]`},
		{"PATCH", "/api/articles/1", `{"Title": "x"}`, 422, `"extra_forbidden"`},
		{"POST", "/api/articles", `{"source": "S", "title": "t\u0000", "content": "c"}`, 422, `"loc":["body","title"],"msg":"Value error, text must be valid UTF-8 without NUL characters"`},
		{"POST", "/api/articles", `{"source": "S", "title": "t\\u0000 is no NUL", "content": "c"}`, 201, `"title":"t\\u0000 is no NUL"`},
		{"PATCH", "/api/articles/1", `{"subtitle": "a\u0000b"}`, 422, `"loc":["body","subtitle"]`},
		{"POST", "/api/articles", `{"source": "S", "title": "again", "content": "c"}`, 409, "exists already"},
		{"POST", "/api/articles", `{"source": "S", "title": "t2", "content": "c2", "tags": ["a\u0001", " "]}`, 201, `"tags":["a"]`},
		{"POST", "/api/articles", `{"source": "S", "title": "t3", "content": "c3", "tags": ["a", "b\u0000"]}`, 422, `"loc":["body","tags",1]`},
		{"POST", "/api/articles", `{"source": "S", "title": "t3", "content": "c3", "extra_metadata": {"a.b": {"\u0000": 1}}}`, 422, `"loc":["body","extra_metadata","a.b","\u0000"]`},
		{"POST", "/api/articles", `{"source": "S", "title": "t3", "content": "c3", "colombian_entities": {"a": ["\u0000"]}}`, 422, `"loc":["body","colombian_entities","a",0]`},
		{"POST", "/api/articles", `{"source": "S", "title": "t3", "content": "c3", "extra_metadata": "\ud800"}`, 422, "text must be valid UTF-8"},
		{"POST", "/api/articles", `{"source": "S", "title": "t3", "content": "c3", "extra_metadata": 1e999999}`, 422, `"json_invalid"`},
		{"GET", "/api/articles?order=easiest&cursor=eyJpZCI6MSwidmFsdWUiOiIweDFwLTIiLCJmaWVsZCI6ImRpZmZpY3VsdHlfc2NvcmUifQ", "", 200, `"items":[`},
		{"PATCH", "/api/articles/1", `{"title": null}`, 422, "must not be blank"},
		{"PATCH", "/api/articles/77", `{"title": "x"}`, 404, "Article not found"},
		{"PATCH", "/api/articles/1", `{"author": "Ana", "category": null}`, 200, `"author":"Ana"`},
		{"PATCH", "/api/articles/1", `{"author": null, "colombian_entities": {"places": ["Cali"]}}`, 200, `"colombian_entities":{"places":["Cali"]}`},
		{"PATCH", "/api/articles/1", `{"difficulty_score": -3}`, 422, "between 0 and 5"},
		{"PATCH", "/api/articles/1", `{"subtitle": "` + strings.Repeat("x", 10_001) + `"}`, 422, "at most 10000 characters"},
		{"PATCH", "/api/articles/1", `{"tags": ["` + strings.Repeat(`x", "`, 100) + `y"]}`, 422, "at most 100"},
		{"PATCH", "/api/articles/1", `{"source_url": "javascript:alert(1)"}`, 422, "http or https"},
		{"GET", "/api/articles/1/x", "", 404, `{"detail":"Not Found"}`},
		{"GET", "/api/articles?source=a;b", "", 200, `"items":[]`},
		{"GET", "/api/articles?source=100%", "", 200, `"items":[]`},
		{"GET", "/api/articles?limit=%zz", "", 422, `"int_parsing"`},
		{"PUT", "/api/articles/77", `{` + good + `}`, 404, "Article not found"},
		{"DELETE", "/api/articles/77", "", 404, "Article not found"},
		{"PUT", "/api/articles/search", `{` + good + `}`, 405, `{"detail":"Method Not Allowed"}`},
		{"DELETE", "/api/v1/articles/search", "", 405, `{"detail":"Method Not Allowed"}`},
		{"PATCH", "/api/articles/feed.atom", "{}", 405, `{"detail":"Method Not Allowed"}`},
		{"POST", "/api/articles/1", "{}", 405, `{"detail":"Method Not Allowed"}`},
		{"GET", "/api/nothing", "", 404, `{"detail":"Not Found"}`},
		{"GET", "/api/analysis/results?page=0", "", 422, `"greater_than_equal"`},
		{"GET", "/api/analysis/results/1", "", 404, "Analysis result not found"},
		{"GET", "/api/v1/analysis/analysis/results", "", 200, `"pages":0`},
		{"GET", "/api/analysis/statistics", "", 200, `"average_sentiment":null`},
	} {
		r := a.do(c.method, c.path, c.body, "X-API-Key", testAdminKey)
		if r.StatusCode != c.status || !strings.Contains(string(r.body), c.contains) {
			t.Errorf("%s %.80s %.60s: %d %.300s; want %d with %s", c.method, c.path, c.body, r.StatusCode, r.body, c.status, c.contains)
		}
		if ct := r.Header.Get("Content-Type"); r.StatusCode != http.StatusNoContent && ct != "application/json" {
			t.Errorf("%s %s: Content-Type %q", c.method, c.path, ct)
		}
	}
	if r := a.do("POST", "/api/articles", `{`+good+`, "extra_metadata": "`+strings.Repeat("x", 5<<20)+`"}`, "X-API-Key", testAdminKey); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("5 MiB: %d %.200s", r.StatusCode, r.body)
	}
}

func TestAdminKey(t *testing.T) {
	t.Parallel()
	body := `{"source": "S", "title": "t", "content": "c"}`
	closed := newTestApp(t, func(c *Config) { c.Guard.Key = "" })
	if r := closed.do("POST", "/api/articles", body); r.StatusCode != http.StatusForbidden || !strings.Contains(string(r.body), "ADMIN_API_KEY") {
		t.Errorf("no key set: %d %s", r.StatusCode, r.body)
	}
	a := newTestApp(t)
	for _, h := range [][]string{nil, {"X-API-Key", "wrong"}, {"Authorization", "Bearer wrong"}, {"Authorization", "Basic " + testAdminKey}} {
		r := a.do("POST", "/api/articles", body, h...)
		if r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%v: %d %v %s", h, r.StatusCode, r.Header, r.body)
		}
	}
	if r := a.do("POST", "/api/articles", body, "Authorization", "bearer "+testAdminKey); r.StatusCode != http.StatusCreated {
		t.Errorf("bearer: %d %s", r.StatusCode, r.body)
	}
	dev := newTestApp(t, func(c *Config) { c.Guard.Key, c.Guard.Dev = "", true })
	for _, c := range []struct {
		headers []string
		want    int
	}{
		{nil, http.StatusCreated},
		{[]string{"X-Forwarded-For", "127.0.0.1"}, http.StatusForbidden},
		{[]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{[]string{"X-API-Key", "any"}, http.StatusUnauthorized},
	} {
		r := dev.do("POST", "/api/articles", fmt.Sprintf(`{"source": "S", "title": "t", "content": "%v"}`, c.headers), c.headers...)
		if r.StatusCode != c.want {
			t.Errorf("dev, %v: %d %s, want %d", c.headers, r.StatusCode, r.body, c.want)
		}
	}
}

func TestPagesOfTheArticleAPI(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for i := range 7 {
		more := ""
		if i%3 > 0 {
			more = fmt.Sprintf(`"published_date": "2026-01-0%dT00:00:00Z", "difficulty_score": %d`, i%2+1, i%2+2)
		}
		a.create(fmt.Sprint(i), "S", more)
	}
	for order, want := range map[string]string{"newest": "6 3 0 5 1 4 2", "oldest": "2 4 1 5 0 3 6", "easiest": "2 4 1 5 0 3 6", "hardest": "5 1 4 2 6 3 0"} {
		var got []string
		path := "/api/articles?limit=2&order=" + order
		for next := path; next != ""; {
			r := a.get(next)
			if s := titles(t, r); s != "" {
				got = append(got, s)
			}
			var page struct {
				NextCursor string `json:"next_cursor"`
				HasMore    bool   `json:"has_more"`
			}
			if err := json.Unmarshal(r.body, &page); err != nil || page.HasMore != (page.NextCursor != "") || len(got) > 5 {
				t.Fatalf("%s: %s (%v)", next, r.body, err)
			}
			if next = ""; page.HasMore {
				next = path + "&cursor=" + url.QueryEscape(page.NextCursor)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", order, s, want)
		}
	}
	// A cursor belongs to its order.
	r := a.get("/api/articles?limit=1&order=easiest").json(t).(map[string]any)
	if got := a.get("/api/articles?order=newest&cursor=" + url.QueryEscape(r["next_cursor"].(string))); got.StatusCode != 422 {
		t.Errorf("cursor of another order: %d", got.StatusCode)
	}
}

func TestFeedIsAtom(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.create(`R&D <"ñ">`, "S", `"published_date": "2026-01-02T00:00:00Z", "source_url": "https://s.example/1", "author": "Ana", "tags": ["a&b"]`)
	a.create("sin fecha", "S", "")
	r := a.get("/api/articles/feed.atom")
	if ct := r.Header.Get("Content-Type"); ct != "application/atom+xml; charset=utf-8" {
		t.Errorf("Content-Type %q", ct)
	}
	documented := a.get("/openapi.json").json(t)
	for _, name := range []string{"paths", "/api/articles/feed.atom", "get", "responses", "200", "content"} {
		documented, _ = documented.(map[string]any)[name].(map[string]any)
	}
	want := map[string]any{"application/atom+xml": map[string]any{"schema": map[string]any{"type": "string"}}}
	if !reflect.DeepEqual(documented, want) {
		t.Errorf("documented as %v, want %v", documented, want)
	}
	var feed struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		ID      string   `xml:"id"`
		Updated string   `xml:"updated"`
		Entries []struct {
			Title   string `xml:"title"`
			Updated string `xml:"updated"`
			Author  string `xml:"author>name"`
			Link    struct {
				Href string `xml:"href,attr"`
			} `xml:"link"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal(r.body, &feed); err != nil {
		t.Fatalf("%v\n%s", err, r.body)
	}
	if len(feed.Entries) != 2 || feed.Entries[1].Title != `R&D <"ñ">` || feed.Entries[1].Link.Href != "https://s.example/1" || feed.Entries[1].Author != "Ana" {
		t.Errorf("feed %+v", feed)
	}
	if !strings.HasPrefix(feed.ID, "urn:uuid:") || feed.Updated == "" || feed.Entries[0].Updated == "" {
		t.Errorf("feed %+v", feed)
	}
}

// TestFeedsOutliveTheAddress: the same article is the same entry at every address, in both formats, and another filter is another
// feed.
func TestFeedsOutliveTheAddress(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.create("Del futuro", "S", `"published_date": "2099-01-01T00:00:00Z", "source_url": "https://s.example/1", "tags": ["paz"]`)
	moved := newTestApp(t, func(c *Config) {
		c.Database.URL, c.Redis.URL, c.Server.PublicURL = a.cfg.Database.URL, a.cfg.Redis.URL, "https://noticias.example.org"
	})
	ids := map[string][]string{}
	for _, at := range []*testApp{a, moved} {
		for _, path := range []string{"/api/articles/feed.atom", "/api/articles/feed.atom?source=S"} {
			var feed struct {
				ID      string `xml:"id"`
				Title   string `xml:"title"`
				Entries []struct {
					ID        string    `xml:"id"`
					Published time.Time `xml:"published"`
				} `xml:"entry"`
			}
			if err := xml.Unmarshal(at.get(path).body, &feed); err != nil || len(feed.Entries) != 1 {
				t.Fatalf("%+v, %v", feed, err)
			}
			if e := feed.Entries[0]; time.Until(e.Published) > time.Hour {
				t.Errorf("published %v", e.Published)
			}
			if want := strings.HasSuffix(path, "=S"); want != strings.HasSuffix(feed.Title, ": S") {
				t.Errorf("%s is called %q", path, feed.Title)
			}
			ids[path] = append(ids[path], feed.ID)
			ids["entry"] = append(ids["entry"], feed.Entries[0].ID)
		}
		r := at.get("/api/articles/feed.json?tag=paz")
		var feed struct {
			Version string `json:"version"`
			FeedURL string `json:"feed_url"`
			Items   []struct {
				ID  string `json:"id"`
				URL string `json:"url"`
			} `json:"items"`
		}
		if err := json.Unmarshal(r.body, &feed); err != nil || len(feed.Items) != 1 || feed.Items[0].URL != "https://s.example/1" {
			t.Fatalf("%s, %v", r.body, err)
		}
		if ct := r.Header.Get("Content-Type"); ct != "application/feed+json" || !strings.HasSuffix(feed.FeedURL, "/api/articles/feed.json?tag=paz") {
			t.Errorf("%s at %s", ct, feed.FeedURL)
		}
		ids["entry"] = append(ids["entry"], feed.Items[0].ID)
	}
	for what, list := range ids {
		if len(slices.Compact(list)) != 1 {
			t.Errorf("%s: %v", what, list)
		}
	}
	if ids["/api/articles/feed.atom"][0] == ids["/api/articles/feed.atom?source=S"][0] {
		t.Error("a filtered feed has the id of the whole")
	}
}

// TestListingsOfSeveralNewspapers: values of one filter in any order and number are one question.
func TestListingsOfSeveralNewspapers(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for _, s := range []string{"A", "B", "C"} {
		a.create("de "+s, s, "")
	}
	if got := titles(t, a.get("/api/articles?source=C&source=A")); got != "de C de A" {
		t.Errorf("listed %q", got)
	}
	if r := a.get("/api/articles?source=A&source=C&source=A&source="); r.Header.Get("X-Cache") != "HIT" {
		t.Errorf("the same question is a %s", r.Header.Get("X-Cache"))
	}
	a.create("otra de B", "B", "")
	if r := a.get("/api/articles?source=A&source=C"); r.Header.Get("X-Cache") != "HIT" {
		t.Errorf("after a change of another newspaper: %s", r.Header.Get("X-Cache"))
	}
	a.create("otra de C", "C", "")
	if got := titles(t, a.get("/api/articles?source=A&source=C")); got != "otra de C de C de A" {
		t.Errorf("listed %q", got)
	}
	if r := a.get("/api/articles?" + strings.TrimSuffix(strings.Repeat("source=x&", 21), "&")); r.StatusCode != 200 {
		t.Errorf("one value 21 times: %d", r.StatusCode)
	}
	many := url.Values{}
	for i := range 21 {
		many.Add("source", fmt.Sprint(i))
	}
	if r := a.get("/api/articles?" + many.Encode()); r.StatusCode != 422 {
		t.Errorf("21 newspapers: %d", r.StatusCode)
	}
	facets := a.get("/api/articles/facets?source=B").json(t).(map[string]any)
	if facets["total"] != 2.0 || fmt.Sprint(facets["sources"]) != "[map[count:2 value:B]]" {
		t.Errorf("facets %v", facets)
	}
}
