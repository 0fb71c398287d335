package app

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestRefusalsAreShort: a refusal echoes enough of a request to recognise it, and no more.
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

// TestEveryTextParameterIsBounded according to the API's own document. Path parameters are bounded where they are decoded,
// because they may be percent-encoded.
func TestEveryTextParameterIsBounded(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	token := a.adminToken()
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
				r := a.do(strings.ToUpper(method), fmt.Sprintf("%s?%s=%s", path, p["name"], strings.Repeat("1", int(most)+1)), "", "Authorization", "Bearer "+token)
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

// TestStaticPathsHaveTheirOwnMethods: "search" is not an article.
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

// TestABodyThatDoesNotArriveIsRefused: the fault of a client or its network counts neither as PostgreSQL's failure nor as
// ours.
func TestABodyThatDoesNotArriveIsRefused(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for name, framing := range map[string]string{
		"cut off":              "Content-Length: 50\r\n\r\n{\"a",
		"chunk cut off":        "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a",
		"chunk without length": "Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
		"chunk too long":       "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
	} {
		for _, path := range []string{"/api/articles", "/api/cache/invalidate", "/api/cache/invalidate/all"} {
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\nContent-Type: application/json\r\n%s", path, testAdminKey, framing)
			if err = errors.Join(err, conn.(*net.TCPConn).CloseWrite()); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			var body struct{ Detail string }
			if err := json.NewDecoder(res.Body).Decode(&body); err != nil || res.StatusCode != 400 || body.Detail == "" {
				t.Errorf("%s, %s: %s, %+v, %v", path, name, res.Status, body, err)
			}
			_ = res.Body.Close()
			_ = conn.Close()
		}
	}
}

// TestADryRunIsNotOverlooked: it works in the body too, and unknown members there are refused.
func TestADryRunIsNotOverlooked(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	id := a.create("Uno", "El Tiempo", "")
	a.get(fmt.Sprintf("/api/articles/%d", id))
	for _, path := range []string{"/invalidate/all", fmt.Sprintf("/invalidate/article/%d", id), "/invalidate/source/El%20Tiempo"} {
		want(t, a.post(path, `{"dry_run": true}`), map[string]any{"dry_run": true, "audited": false})
		a.admin("POST", "/api/cache"+path, `{"dryrun": true}`, 422)
		a.admin("POST", "/api/cache"+path, `{"dry_run": "perhaps"}`, 422)
		for _, query := range []string{"dry_run=true&dry_run=false", "dry_run=true&dry_run=true", "dryrun=true", "DRY_RUN=true", "dry_run=true&dryrun=false"} {
			a.admin("POST", "/api/cache"+path+"?"+query, "", 422)
		}
		for _, body := range []string{`{"dry_run": true, "dry_run": false}`, `{"dry_run": false, "dry\u005frun": true}`} {
			if r := a.admin("POST", "/api/cache"+path, body, 422); !strings.Contains(string(r.body), `"loc":["body","dry_run"],"msg":"Value error, this member is given more than once"`) {
				t.Errorf("%s: %s", body, r.body)
			}
		}
		// Whoever asks for a dry run in one place gets one.
		want(t, a.post(path+"?dry_run=true", `{"dry_run": false}`), map[string]any{"dry_run": true})
		want(t, a.post(path+"?dry_run=false", `{"dry_run": true}`), map[string]any{"dry_run": true})
		want(t, a.post(path, ""), map[string]any{"dry_run": false, "audited": true})
		want(t, a.post(path, "{}"), map[string]any{"dry_run": false, "audited": true})
	}
	want(t, a.post("/invalidate/article/999999", ""), map[string]any{"total_keys": 0, "note": "nothing that is current was reached: the name may be misspelt, or nothing of it is cached"})
}

// TestADuplicateIsNoFailureOfTheDatabase: a database failure would alert an operator.
func TestADuplicateIsNoFailureOfTheDatabase(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.create("Uno", "El Tiempo", "")
	body := `{"source": "S", "source_url": "https://a.co/1", "title": "t", "content": "el mismo texto"}`
	a.admin("POST", "/api/articles", body, 201)
	counter := regexp.MustCompile(`(?m)^db_query_errors_total \S+$`)
	before := counter.FindString(string(a.get("/metrics").body))
	for range 3 {
		a.admin("POST", "/api/articles", body, 409)
	}
	if after := counter.FindString(string(a.get("/metrics").body)); before == "" || after != before {
		t.Errorf("%q after three duplicates, %q before", after, before)
	}
}
