package app

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw sends a request verbatim and reads the answer, on a connection that stays open.
func (a *testApp) raw(request string) (net.Conn, *http.Response) {
	a.t.Helper()
	conn, err := new(net.Dialer).DialContext(a.t.Context(), "tcp", strings.TrimPrefix(a.base, "http://"))
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(4 * time.Second)); err != nil { // huma gives a body 5 s
		a.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		a.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		a.t.Fatalf("%.200s\n%v", request, err)
	}
	return conn, res
}

// TestRefusalsDoNotWaitForTheBody, whatever its length, its framing and the client: the answer is sent and the connection
// is closed.
func TestRefusalsDoNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	key := "X-API-Key: " + testAdminKey + "\r\n"
	type refused struct {
		line, headers string
		status        int
	}
	cases := []refused{
		{"POST /api/articles", "", 401},
		{"POST /api/v1/articles", "", 401},
		{"PATCH /api/articles/1", "", 401},
		{"DELETE /api/articles/1", "", 401},
		{"POST /api/cache/invalidate", "", 401},
		{"POST /api/cache/warm", "X-API-Key: wrong\r\n", 401},
		{"GET /api/cache/hot", "", 401},
		{"POST /nowhere", "", 404},
		{"GET /nowhere", "", 404},
		{"DELETE /admin/cache/nowhere", "", 404},
		{"PUT /api/articles/search", "", 405},
		{"POST /health", "", 405},
		{"PUT /admin/cache", "", 405},
		{"POST /metrics", "", 405},
		{"POST /admin/cache/invalidate", "", 401},
		{"POST /api/articles", key + "Content-Type: text/plain\r\n", 415},
		{"PATCH /api/articles/1", key + "Content-Type: application/x-www-form-urlencoded\r\n", 415},
		{"POST /api/cache/invalidate", key + "Content-Type: text/plain\r\n", 415},
		{"GET /api/articles?limit=5", "", 200}, // an answer does not wait for an unused body either
		{"GET /health/live", "", 200},
	}
	bodies := map[string]string{
		"long":              "Content-Length: 4000000\r\n\r\n{",
		"short":             "Content-Length: 100\r\n\r\n{",
		"chunked":           "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"expected":          "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
		"expected, long":    "Expect: 100-continue\r\nContent-Length: 4000000\r\n\r\n",
		"expected, chunked": "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
	}
	check := func(t *testing.T, c refused, name, body string) {
		t.Run(fmt.Sprintf("%s %d %s", c.line, c.status, name), func(t *testing.T) {
			t.Parallel()
			a := &testApp{a.Server, t, a.base}
			conn, res := a.raw(c.line + " HTTP/1.1\r\nHost: localhost\r\n" + c.headers + body)
			if res.StatusCode != c.status || !res.Close {
				t.Errorf("%d, closes %v; want %d", res.StatusCode, res.Close, c.status)
			}
			if (res.StatusCode == 429 || res.StatusCode >= 503) && res.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Error("the connection stays open")
			}
		})
	}
	t.Run("group", func(t *testing.T) {
		for _, c := range cases {
			for name, body := range bodies {
				check(t, c, name, body)
			}
		}
		for name, c := range map[string]refused{
			"POST /api/articles": {status: 413, headers: key}, "POST /api/cache/warm": {status: 413, headers: key}, "POST /nowhere": {status: 404},
		} {
			c.line = name
			check(t, c, "too large", "Content-Type: application/json\r\nContent-Length: 5000000\r\n\r\n{")
			c.status = 413 // before the route is asked
			check(t, c, "far too large", "Content-Type: application/json\r\nContent-Length: 9000000000\r\n\r\n{")
		}
	})
	for name, body := range bodies {
		t.Run("429 "+name, func(t *testing.T) {
			a := &testApp{a.Server, t, a.base}
			var conn net.Conn
			var res *http.Response
			for range 10 { // a guess is granted every few seconds, and a busy machine may take that long
				for range 12 {
					a.get("/api/cache/hot", "X-API-Key", "wrong")
				}
				if conn, res = a.raw("POST /api/articles HTTP/1.1\r\nHost: localhost\r\nX-API-Key: wrong\r\n" + body); res.StatusCode != http.StatusUnauthorized {
					break
				}
			}
			if res.StatusCode != http.StatusTooManyRequests || !res.Close || res.Header.Get("Retry-After") == "" {
				t.Errorf("%d, closes %v, Retry-After %q", res.StatusCode, res.Close, res.Header.Get("Retry-After"))
			}
			if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Error("the connection stays open")
			}
		})
	}
}

// TestAWholeBodyKeepsTheConnection: a request whose body has arrived keeps its connection, refused or not.
func TestAWholeBodyKeepsTheConnection(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for _, c := range []struct {
		line   string
		status int
	}{{"POST /api/articles", 401}, {"POST /nowhere", 404}, {"GET /health/live", 200}} {
		conn, res := a.raw(c.line + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		if res.StatusCode != c.status || res.Close {
			t.Errorf("%s: %d, closes %v", c.line, res.StatusCode, res.Close)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		// Longer than the grace that an unread body gets: its deadline must not reach the next request.
		_, err := io.WriteString(conn, "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		next, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || next.StatusCode != 200 {
			t.Errorf("%s: the next request: %v %v", c.line, next, err)
		}
	}
}

// TestBodiesAreText on every route that takes JSON, everywhere in it.
func TestBodiesAreText(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	token := a.adminToken()
	bad := map[string]string{"no UTF-8": "T\xff", "half a pair": `\ud800`, "the other half": `x\uDC00`, "a NUL": `\u0000`, "an encoded surrogate": "\xed\xa0\x80"}
	deep := strings.Repeat("[", 101) + strings.Repeat("]", 101)
	n := 0
	for path, item := range a.get("/openapi.json").json(t).(map[string]any)["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			if op, ok := op.(map[string]any); !ok || op["requestBody"] == nil || !takesJSON(op["requestBody"]) {
				continue
			}
			n++
			method, path := strings.ToUpper(method), strings.NewReplacer("{article_id}", "1", "{source_name}", "S", "{source}", "S", "{id}", "1").Replace(path)
			for name, text := range bad {
				for _, body := range []string{`{"title": "` + text + `"}`, `{"` + text + `": 1}`, `{"extra_metadata": {"a": ["x", "` + text + `"]}}`, `"` + text + `"`} {
					if r := a.do(method, path, body, "Authorization", "Bearer "+token); r.StatusCode != 422 || !strings.Contains(string(r.body), "must be valid UTF-8") {
						t.Errorf("%s %s with %s: %d %.300s", method, path, name, r.StatusCode, r.body)
					}
				}
			}
			if r := a.do(method, path, `{"extra_metadata": `+deep+`}`, "Authorization", "Bearer "+token); r.StatusCode != 422 || !strings.Contains(string(r.body), "100 levels") || len(r.body) > 2000 {
				t.Errorf("%s %s, deep: %d %.300s", method, path, r.StatusCode, r.body)
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d routes", n)
	}
	r := a.admin("POST", "/api/articles", `{"source": "P", "title": "\ud83d\ude00 \\ud800 😀", "content": "uno dos tres"}`, 201)
	if got := r.json(t).(map[string]any)["title"]; got != `😀 \ud800 😀` {
		t.Errorf("title %q", got)
	}
}

// takesJSON reports whether a request body of the OpenAPI document may be JSON, a merge patch included.
func takesJSON(body any) bool {
	content, _ := body.(map[string]any)["content"].(map[string]any)
	for kind := range content {
		if strings.HasSuffix(kind, "json") {
			return true
		}
	}
	return false
}
