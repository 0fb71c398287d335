package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"openlearn/internal/admin/console"
)

// post sends a form to the console as its own page would.
func (a *testApp) submit(path string, form url.Values, headers ...string) reply {
	a.t.Helper()
	return a.do(http.MethodPost, path, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// login opens a session and returns its cookie as a header's value.
func (a *testApp) login() (cookie string) {
	a.t.Helper()
	r := a.submit("/admin/cache/login", url.Values{"key": {testAdminKey}})
	if r.StatusCode != http.StatusSeeOther || len(r.Cookies()) != 1 {
		a.t.Fatalf("login: %d %.300s", r.StatusCode, r.body)
	}
	return r.Cookies()[0].Name + "=" + r.Cookies()[0].Value
}

func TestConsoleLogin(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for _, path := range []string{"", "/key?layer=article&id=1", "/keys?layer=article", "/audit"} {
		if r := a.get("/admin/cache" + path); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/admin/cache/login" {
			t.Errorf("%s without a session: %d %s", path, r.StatusCode, r.Header.Get("Location"))
		}
	}
	for _, path := range []string{"/events", "/session"} {
		if r := a.get("/admin/cache" + path); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a session: %d", path, r.StatusCode)
		}
	}
	for _, path := range []string{"/invalidate", "/warm"} {
		if r := a.submit("/admin/cache"+path, url.Values{"scope": {"all"}, "really": {"yes"}}); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a session: %d", path, r.StatusCode)
		}
	}
	// The key itself is not a session: it must not be stored in a browser.
	if r := a.get("/admin/cache", "Cookie", "openlearn_console="+testAdminKey); r.StatusCode != http.StatusSeeOther {
		t.Errorf("the key as a cookie: %d", r.StatusCode)
	}
	if r := a.get("/admin/cache", "X-API-Key", testAdminKey); r.StatusCode != http.StatusSeeOther {
		t.Errorf("the key as a header: %d", r.StatusCode)
	}
	r := a.submit("/admin/cache/login", url.Values{"key": {"wrong-key-0123456789"}})
	if r.StatusCode != http.StatusUnauthorized || len(r.Cookies()) != 0 || !strings.Contains(string(r.body), "That is not the admin key.") {
		t.Errorf("wrong key: %d %v %.300s", r.StatusCode, r.Cookies(), r.body)
	}
	r = a.submit("/admin/cache/login", url.Values{"key": {testAdminKey}})
	c := r.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/admin" || c.MaxAge <= 0 || c.MaxAge > 86400 || strings.Contains(c.Value, testAdminKey) || len(c.Value) < 40 {
		t.Errorf("cookie %+v", c)
	}
	cookie := c.Name + "=" + c.Value
	page := a.get("/admin/cache", "Cookie", cookie)
	if page.StatusCode != http.StatusOK || !strings.Contains(string(page.body), `id="figure-ratio"`) {
		t.Fatalf("the page: %d %.300s", page.StatusCode, page.body)
	}
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	if page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page may be stored: %q", page.Header.Get("Cache-Control"))
	}
	if r := a.get("/admin/cache/login", "Cookie", cookie); r.StatusCode != http.StatusSeeOther {
		t.Errorf("the login within a session: %d", r.StatusCode)
	}
	if r := a.submit("/admin/cache/logout", nil, "Cookie", cookie); r.StatusCode != http.StatusSeeOther || r.Cookies()[0].MaxAge >= 0 {
		t.Errorf("logout: %d %v", r.StatusCode, r.Cookies())
	}
	if r := a.get("/admin/cache", "Cookie", cookie); r.StatusCode != http.StatusSeeOther {
		t.Errorf("after the logout: %d", r.StatusCode)
	}
}

// TestConsoleRefusesInItsOwnWords: a page for browsers, a fragment for their scripts, and the API's error for others.
func TestConsoleRefusesInItsOwnWords(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	for _, c := range []struct {
		method, path string
		status       int
		allow, says  string
	}{
		{"GET", "/admin/cache/nada", 404, "", "The console has no page under this address."},
		{"GET", "/admin/cache/nada/mas", 404, "", "Go to the console"},
		{"POST", "/admin/cache/nada", 404, "", "Not Found"},
		{"GET", "/admin/cache/static/nada.js", 404, "", "Not Found"},
		{"DELETE", "/admin/cache/key", 405, "GET, HEAD", "Method Not Allowed"},
		{"GET", "/admin/cache/warm", 405, "POST", "Method Not Allowed"},
	} {
		page := a.do(c.method, c.path, "", "Accept", browser)
		if page.StatusCode != c.status || page.Header.Get("Content-Type") != "text/html; charset=utf-8" || page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Allow") != c.allow || !strings.Contains(string(page.body), c.says) {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, page.StatusCode, page.Header, page.body)
		}
		part := a.do(c.method, c.path, "", "Accept", browser, "HX-Request", "true")
		if part.StatusCode != c.status || !strings.HasPrefix(string(part.body), "<h3") {
			t.Errorf("%s %s for a script: %d %s", c.method, c.path, part.StatusCode, part.body)
		}
		other := a.do(c.method, c.path, "")
		if want := fmt.Sprintf("{\"detail\":%q}\n", http.StatusText(c.status)); other.StatusCode != c.status || other.Header.Get("Content-Type") != "application/json" || string(other.body) != want {
			t.Errorf("%s %s for others: %d %v %s", c.method, c.path, other.StatusCode, other.Header, other.body)
		}
	}
}

// TestHostGuard: no admin route answers under a foreign host name or to another site's page, with or without the key, in
// development or not.
func TestHostGuard(t *testing.T) {
	t.Parallel()
	for _, dev := range []bool{false, true} {
		t.Run(fmt.Sprint("dev=", dev), func(t *testing.T) {
			t.Parallel()
			a := newTestApp(t, func(c *Config) { c.Guard.Dev, c.Guard.Hosts = dev, []string{"cache.example.org"} })
			a.awaitGate()
			port := a.base[strings.LastIndex(a.base, ":"):]
			routes := [][2]string{
				{"GET", "/api/cache/stats"},
				{"GET", "/api/v1/cache/metrics"},
				{"GET", "/api/v1/cache/hot"},
				{"GET", "/api/cache/audit"},
				{"POST", "/api/cache/invalidate/all"},
				{"POST", "/api/v1/cache/invalidate/all"},
				{"POST", "/api/cache/invalidate/article/1"},
				{"POST", "/api/v1/cache/warm"},
				{"POST", "/api/articles"},
				{"DELETE", "/api/v1/articles/1"},
				{"GET", "/admin/cache"},
				{"GET", "/admin/cache/events"},
				{"GET", "/admin/cache/login"},
				{"GET", "/admin/cache/static/console.js"},
				{"POST", "/admin/cache/login"},
				{"POST", "/admin/cache/invalidate"},
			}
			for _, route := range routes {
				for _, host := range []string{"rebound.example", "rebound.example" + port, "localhost.rebound.example", "203.0.113.9", ""} {
					if got := a.as(host, route[0], route[1], "X-API-Key", testAdminKey); got != http.StatusMisdirectedRequest && (host != "" || got != http.StatusBadRequest) {
						t.Errorf("%s %s under %q: %d", route[0], route[1], host, got)
					}
				}
			}
			for _, host := range []string{"localhost", "LOCALHOST" + port, "127.0.0.1" + port, "[::1]:8000", "api.example.org", "cache.example.org:8443", "api.example.org."} {
				if got := a.as(host, "GET", "/api/cache/stats"); got != http.StatusOK {
					t.Errorf("stats under %q: %d", host, got)
				}
				if got := a.as(host, "POST", "/api/v1/cache/invalidate/all?dry_run=true", "X-API-Key", testAdminKey); got != http.StatusOK {
					t.Errorf("a dry run under %q: %d", host, got)
				}
			}
			for _, route := range routes {
				if route[0] == "GET" {
					continue
				}
				for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://localhost:9"}} {
					if r := a.do(route[0], route[1], "{}", append(headers, "X-API-Key", testAdminKey)...); r.StatusCode != http.StatusForbidden {
						t.Errorf("%s %s with %v: %d", route[0], route[1], headers, r.StatusCode)
					}
				}
			}
			// A page that may call the API may administer with the key; the console serves only its own pages.
			allowed := []string{"Origin", "http://localhost:3000", "Sec-Fetch-Site", "same-site", "X-API-Key", testAdminKey}
			if r := a.do("POST", "/api/cache/invalidate/all?dry_run=true", "", allowed...); r.StatusCode != http.StatusOK {
				t.Errorf("a page of an allowed origin, with the key: %d %s", r.StatusCode, r.body)
			}
			if r := a.do("POST", "/admin/cache/login", "", allowed...); r.StatusCode != http.StatusForbidden || r.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("the console for a page of an allowed origin: %d %v", r.StatusCode, r.Header)
			}
			// As printed in the documentation.
			want := http.StatusUnauthorized
			if dev {
				want = http.StatusOK
			}
			if r := a.do("POST", "/api/v1/cache/invalidate/all?dry_run=true", ""); r.StatusCode != want {
				t.Errorf("without a key: %d, want %d", r.StatusCode, want)
			}
			if r := a.get("/admin/cache"); dev != (r.StatusCode == http.StatusOK) {
				t.Errorf("the console without a key: %d", r.StatusCode)
			}
		})
	}
}

// as sends a request for a host name and returns the status.
func (a *testApp) as(host, method, path string, headers ...string) int {
	a.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.base, "http://"))
	if err != nil {
		a.t.Fatal(err)
	}
	defer conn.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n", method, path, host)
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	b.WriteString("\r\n{}")
	if _, err := io.WriteString(conn, b.String()); err != nil {
		a.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		a.t.Fatalf("%s %s under %q: %v", method, path, host, err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

const hostile = `"><script>window.pwned=1</script><img src=x onerror=window.pwned=1>'`

// TestConsoleEscapes: values, keys, dependencies and names are untrusted.
func TestConsoleEscapes(t *testing.T) {
	t.Parallel()
	a, id := withArticle(t, "T "+hostile, "S "+hostile)
	a.get(fmt.Sprintf("/api/articles/%d", id))
	a.get("/api/articles?source=" + url.QueryEscape("S "+hostile))
	a.post("/warm", fmt.Sprintf(`{"layer": "api_news", "items": [{"identifier": %q, "value": {"x": %q}}]}`, hostile, "</pre>"+hostile))
	a.post("/invalidate/dependency", fmt.Sprintf(`{"dependency": %q}`, "source:"+hostile))
	cookie := a.login()
	q := url.QueryEscape(hostile)
	check := func(what string, r reply, shows string) {
		t.Helper()
		page := string(r.body)
		if strings.Contains(page, "<script>window") || strings.Contains(page, "<img") {
			t.Errorf("%s lets markup through", what)
		}
		if !strings.Contains(page, shows) {
			t.Errorf("%s does not show %q: %.2000s", what, shows, page)
		}
	}
	const escaped = "&lt;script&gt;window.pwned=1&lt;/script&gt;"
	for _, hx := range [][]string{nil, {"HX-Request", "true"}} {
		with := append([]string{"Cookie", cookie}, hx...)
		check("a value", a.get(fmt.Sprintf("/admin/cache/key?layer=article&id=%d", id), with...), escaped)
		check("an identifier", a.get("/admin/cache/key?layer=api_news&id="+q, with...), `&lt;/pre&gt;\&#34;&gt;&lt;script`)
		check("a missing identifier", a.get("/admin/cache/key?layer=article&id="+q, with...), escaped)
		check("an unknown layer", a.get("/admin/cache/key?id=1&layer="+q, with...), escaped)
		check("a list", a.get("/admin/cache/keys?layer=api_news&prefix="+q, with...), escaped)
		check("an empty list", a.get("/admin/cache/keys?layer=topics&prefix="+q, with...), escaped)
		check("a dry run", a.submit("/admin/cache/invalidate", url.Values{"scope": {"source"}, "name": {"S " + hostile}}, with...), escaped)
		check("an unknown scope", a.submit("/admin/cache/invalidate", url.Values{"scope": {hostile}, "name": {hostile}}, with...), "unknown scope")
		check("a warming", a.submit("/admin/cache/warm", url.Values{"layer": {"article"}, "ids": {hostile}, "really": {"yes"}}, with...), "&lt;script&gt;window.pwned=1&lt;/script&gt;&lt;img")
	}
	check("the page", a.get("/admin/cache", "Cookie", cookie), escaped) // the trail, and the hot keys
	check("older operations", a.get("/admin/cache/audit", "Cookie", cookie), escaped)
}

// TestConsoleOperates by forms alone, as without scripts: a dry run, then the operation, and the audit trail says who did
// it.
func TestConsoleOperates(t *testing.T) {
	t.Parallel()
	a, id := withArticle(t, "uno", "S")
	path := fmt.Sprintf("/api/articles/%d", id)
	hit := func() string { return a.get(path).Header.Get("X-Cache") }
	hit()
	cookie := a.login()
	form := url.Values{"scope": {"article"}, "name": {fmt.Sprint(id)}}
	page := func(r reply, says ...string) {
		t.Helper()
		for _, s := range append(says, `id="figure-ratio"`) {
			if !strings.Contains(string(r.body), s) {
				t.Errorf("the page does not say %q: %d", s, r.StatusCode)
			}
		}
	}
	page(a.submit("/admin/cache/invalidate", form, "Cookie", cookie), "Dry run: 2 entries would be invalidated", "Invalidate now")
	if x := hit(); x != "HIT" {
		t.Errorf("after a dry run: %s", x)
	}
	form.Set("really", "yes")
	page(a.submit("/admin/cache/invalidate", form, "Cookie", cookie), "2 entries invalidated", "in the audit trail", "Article invalidation", "console session ")
	if x := hit(); x != "MISS" {
		t.Errorf("after the invalidation: %s", x)
	}
	warm := url.Values{"layer": {"article"}, "ids": {fmt.Sprintf("%d, 999", id)}}
	page(a.submit("/admin/cache/warm", warm, "Cookie", cookie), "Dry run: 1 of 2 are there already")
	warm.Set("really", "yes")
	page(a.submit("/admin/cache/warm", warm, "Cookie", cookie), "1 entry is there now", "article 999 names nothing that can be loaded")
	page(a.get(fmt.Sprintf("/admin/cache/key?layer=article&id=%d", id), "Cookie", cookie), "scraped_content", "holds", "uno")
	page(a.get("/admin/cache/keys?layer=article", "Cookie", cookie), "keys of article")
	for _, bad := range []url.Values{{"scope": {"article"}, "name": {"x"}}, {"scope": {"entry"}, "layer": {"article"}}, {"scope": {"layer"}, "layer": {"nada"}}, {}} {
		if r := a.submit("/admin/cache/invalidate", bad, "Cookie", cookie); r.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", bad, r.StatusCode)
		}
	}
	for _, bad := range []url.Values{{"layer": {"token"}, "ids": {"1"}}, {"layer": {"article"}}, {"layer": {"article"}, "ids": {strings.Repeat("1 ", 1001)}}} {
		if r := a.submit("/admin/cache/warm", bad, "Cookie", cookie); r.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("warm %.60v: %d", bad, r.StatusCode)
		}
	}
	if r := a.submit("/admin/cache/warm", url.Values{"layer": {"article"}, "ids": {strings.Repeat("1", 600<<10)}}, "Cookie", cookie); r.StatusCode != http.StatusBadRequest {
		t.Errorf("a form of 600 kB: %d", r.StatusCode)
	}
}

// listener reads a stream of events.
type listener struct {
	t   testing.TB
	res *http.Response
	in  *bufio.Scanner
}

func listen(t testing.TB, url, cookie string) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", cookie)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	in := bufio.NewScanner(res.Body)
	in.Buffer(nil, 1<<20)
	return &listener{t, res, in}
}

// next returns the next event with its data; "" at the end of the stream.
func (l *listener) next() (event, data string) {
	for l.in.Scan() {
		line := l.in.Text()
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			event = v
		}
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			data = v
		}
		if line == "" && event != "" {
			return event, data
		}
	}
	return "", ""
}

// await reads until an event contains a text.
func (l *listener) await(event, says string) {
	l.t.Helper()
	for {
		e, data := l.next()
		if e == event && strings.Contains(data, says) {
			return
		}
		if e == "" {
			l.t.Fatalf("the stream ended before %s with %q: %v", event, says, l.in.Err())
		}
	}
}

// TestConsoleStream: figures arrive as they change, through all middleware, and the stream ends with the session.
func TestConsoleStream(t *testing.T) {
	t.Parallel()
	a, id := withArticle(t, "uno", "S")
	cookie := a.login()
	l := listen(t, a.base+"/admin/cache/events", cookie)
	h := l.res.Header
	if l.res.StatusCode != http.StatusOK || h.Get("Content-Type") != "text/event-stream" || h.Get("Content-Encoding") != "" || h.Get("X-Cache") != "" || !strings.Contains(h.Get("Cache-Control"), "no-store") {
		t.Fatalf("%d %v", l.res.StatusCode, h)
	}
	l.await("figures", "of 0 reads")
	for range 3 {
		a.get(fmt.Sprintf("/api/articles/%d", id))
	}
	l.await("figures", "of 3 reads")
	a.post("/invalidate/article/1", "")
	l.await("figures", "Article invalidation")
	second := listen(t, a.base+"/admin/cache/events", cookie)
	second.await("figures", "live-trail")
	a.submit("/admin/cache/logout", nil, "Cookie", cookie)
	for _, one := range []*listener{l, second} {
		one.await("ended", "")
		if e, _ := one.next(); e != "" {
			t.Errorf("%s after the end", e)
		}
	}
	for line := range strings.Lines(string(a.get("/metrics").body)) {
		if strings.Contains(line, console.EventsPath) && strings.Contains(line, `status="200"`) {
			t.Errorf("listening counts as a time to answer: %s", line)
		}
	}
}

// ownConsole is a console of a's service with its own options, on a server with short deadlines.
func ownConsole(t *testing.T, a *testApp, change func(*console.Options)) (base, cookie string, c *console.Console) {
	t.Helper()
	guard, err := a.Server.guard(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := console.Options{Admin: a.Server.admin, Scraping: consoleScraping{a.Server.Scraping}, Guard: guard, Instance: "test", Logger: slog.New(slog.DiscardHandler)}
	change(&o)
	c, err = console.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(c.Handler())
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 500*time.Millisecond, 500*time.Millisecond
	srv.Start()
	t.Cleanup(func() { c.Close(); srv.Close() })
	own := &testApp{a.Server, t, srv.URL}
	return srv.URL, own.login(), c
}

// TestConsoleStreamBounds: a stream outlives the server's deadlines for answers, but not its session; the number of streams
// is bounded.
func TestConsoleStreamBounds(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	base, cookie, c := ownConsole(t, a, func(o *console.Options) { o.Refresh, o.MaxStreams = 100*time.Millisecond, 1 })
	l := listen(t, base+"/admin/cache/events", cookie)
	for range 20 { // two seconds of them, with deadlines of half a second
		l.await("figures", "")
	}
	if full := listen(t, base+"/admin/cache/events", cookie); full.res.StatusCode != http.StatusServiceUnavailable || full.res.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d", full.res.StatusCode)
	}
	c.StopStreams()
	for {
		if e, _ := l.next(); e == "" {
			break
		}
	}
	base, cookie, _ = ownConsole(t, a, func(o *console.Options) { o.Refresh, o.Lifetime = 50*time.Millisecond, 2*time.Second })
	l = listen(t, base+"/admin/cache/events", cookie)
	l.await("ended", "")
	own := &testApp{a.Server, t, base}
	if r := own.get("/admin/cache", "Cookie", cookie); r.StatusCode != http.StatusSeeOther {
		t.Errorf("after its lifetime: %d", r.StatusCode)
	}
}

// TestConsoleLetsTheServiceStop: an open console must not hold up a shutdown.
func TestConsoleLetsTheServiceStop(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(c *Config) { c.Server.ShutdownTimeout = 30 * time.Second })
	cookie := a.login()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, l) }()
	// The cookie's name contains the port of the server that set it.
	_, value, _ := strings.Cut(cookie, "=")
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	stream := listen(t, "http://"+l.Addr().String()+"/admin/cache/events", "openlearn_console_"+port+"="+value)
	stream.await("figures", "")
	cancel()
	for {
		if e, _ := stream.next(); e == "" {
			break
		}
	}
	if err := <-served; err != nil {
		t.Errorf("the service did not stop well: %v", err)
	}
}
