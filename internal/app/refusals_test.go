package app

import (
	"fmt"
	"strings"
	"testing"
)

// TestRefusalsAreShort: what is echoed of a request is enough to know it again by, and no more.
func TestRefusalsAreShort(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	long := strings.Repeat("ñ", 30_000)
	var unknown []string
	for i := range 5000 {
		unknown = append(unknown, fmt.Sprintf(`"member %d": %d`, i, i))
	}
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/api/articles?min_difficulty=" + long[:20_000], ""},
		{"GET", "/api/articles?source=" + long[:20_000], ""},
		{"GET", "/api/articles?cursor=" + long[:900], ""},
		{"GET", "/api/articles?from=" + long[:20_000], ""},
		{"GET", "/api/articles/" + long[:20_000], ""},
		{"GET", "/api/cache/key/" + long[:20_000] + "/x", ""},
		{"GET", "/api/cache/key/article/" + long[:2000], ""},
		{"POST", "/api/articles", `{"source": "S", "title": "` + long + `", "content": "c"}`},
		{"POST", "/api/articles", `{"source": "S", "title": ["` + long + `"], "content": "c"}`},
		{"POST", "/api/articles", `{"content": "` + long + `"}`},
		{"POST", "/api/articles", `{"` + long + `": 1, "source": "S", "title": "t", "content": "c"}`},
		{"POST", "/api/articles", `"` + long + `"`},
		{"POST", "/api/articles", `{"source": "` + long},
		{"PATCH", "/api/articles/1", `{"title": "` + long + `"`},
		{"POST", "/api/cache/invalidate", `{"layer": "` + long + `"}`},
		{"POST", "/api/cache/invalidate", `{"layer": "content", "pattern": "[` + long[:500] + `"}`},
		{"POST", "/api/cache/warm", `{"layer": "article", "items": "` + long + `"}`},
	} {
		r := a.do(c.method, c.path, c.body, "X-API-Key", testAdminKey)
		if (r.StatusCode != 422 && r.StatusCode != 404) || len(r.body) > 2000 {
			t.Errorf("%s %.60s %.60s: %d, %d bytes: %.600s", c.method, c.path, c.body, r.StatusCode, len(r.body), r.body)
		}
	}
	r := a.do("POST", "/api/articles", "{"+strings.Join(unknown, ",")+"}", "X-API-Key", testAdminKey)
	if items := r.json(t).(map[string]any)["detail"].([]any); len(items) != 100 {
		t.Errorf("%d things are said to be wrong", len(items))
	}
}

// TestEveryTextParameterIsBounded, by what the API's own document says of it. Those of paths are bounded where they are
// decoded: they may come percent-encoded.
func TestEveryTextParameterIsBounded(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	n := 0
	for path, item := range a.get("/openapi.json").json(t).(map[string]any)["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			params, _ := op.(map[string]any)["parameters"].([]any)
			for _, p := range params {
				p := p.(map[string]any)
				schema := p["schema"].(map[string]any)
				if p["in"] != "query" || schema["type"] != "string" || schema["enum"] != nil {
					continue
				}
				n++
				most, _ := schema["maxLength"].(float64)
				if most == 0 {
					t.Errorf("%s %s: %s may be of any length", method, path, p["name"])
					continue
				}
				r := a.do(strings.ToUpper(method), fmt.Sprintf("%s?%s=%s", path, p["name"], strings.Repeat("1", int(most)+1)), "", "X-API-Key", testAdminKey)
				if r.StatusCode != 422 || !strings.Contains(string(r.body), `"string_too_long"`) {
					t.Errorf("%s %s: %s of %v characters: %d %.200s", method, path, p["name"], most+1, r.StatusCode, r.body)
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d parameters were looked at", n)
	}
}

// TestStaticPathsHaveTheirOwnMethods: "search" is no article.
func TestStaticPathsHaveTheirOwnMethods(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for path, allow := range map[string]string{
		"/api/articles/search": "OPTIONS, GET, HEAD", "/api/v1/articles/feed.atom": "OPTIONS, GET, HEAD",
	} {
		for _, method := range []string{"PUT", "PATCH", "DELETE"} {
			for _, headers := range [][]string{nil, {"X-API-Key", testAdminKey}} {
				r := a.do(method, path, "{}", headers...)
				if r.StatusCode != 405 || r.Header.Get("Allow") != allow {
					t.Errorf("%s %s: %d, Allow %q; want 405, %q", method, path, r.StatusCode, r.Header.Get("Allow"), allow)
				}
			}
		}
		if r := a.do("POST", path, "{}"); r.StatusCode != 405 {
			t.Errorf("POST %s: %d", path, r.StatusCode)
		}
	}
}
