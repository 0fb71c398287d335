package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The page that all of them serve: twenty articles, about 22 kB of JSON. The default page has fifty.
const (
	loadPage    = "/api/v1/articles?limit=20"
	defaultPage = "/api/v1/articles"
)

const (
	loadRounds  = 3
	loadSeconds = 4
)

// contender is one way to get the page.
type contender struct {
	name    string
	url     string
	clients int
	fields  []string // of the request, "Name: value"
	wantX   string   // X-Cache of every answer, "" = none
	pids    []int    // its processes, besides Redis and PostgreSQL
	pages   int      // how many pages of the listing are requested in turn, 0 = only the first

	runs []wrkRun
}

// wrkRun is wrk's result for one turn.
type wrkRun struct {
	rate     float64 // requests/s
	p50, p99 time.Duration
	requests int
	used     cpu
}

func (c *contender) rate() float64 { return c.mid(func(r wrkRun) float64 { return r.rate }) }

// p50 and p99 are in milliseconds.
func (c *contender) p50() float64 { return c.mid(func(r wrkRun) float64 { return ms(r.p50) }) }
func (c *contender) p99() float64 { return c.mid(func(r wrkRun) float64 { return ms(r.p99) }) }

// each is CPU time per request, in microseconds.
func (c *contender) each(of func(cpu) time.Duration) float64 {
	return c.mid(func(r wrkRun) float64 { return ms(of(r.used)) * 1000 / float64(r.requests) })
}

func (c *contender) mid(of func(wrkRun) float64) float64 {
	if len(c.runs) == 0 {
		return math.NaN()
	}
	xs := make([]float64, len(c.runs))
	for i, r := range c.runs {
		xs[i] = of(r)
	}
	return median(xs)
}

// TestLoadHTTP prints the HTTP cache's table of docs/benchmarks.md: contenders take turns, so that all run under the same
// conditions, and medians count. OPENLEARN_LOAD_ONLY, a regular expression, restricts the contenders.
func TestLoadHTTP(t *testing.T) {
	measuring(t)
	for _, tool := range []string{"wrk", "nginx", "varnishd"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed: make bench-http sees to that", tool)
		}
	}
	s := newStage(t, 2000)
	strict, bounded, uncached := s.start("strict", nil), s.start("bounded", nil), s.start("uncached", nil)
	strictLimited, boundedLimited := s.start("strict-limited", nil), s.start("bounded-limited", nil)
	body, etag := getBody(t, strict.base+loadPage)
	s.cursors = cursors(t, uncached.base)
	bare := s.start("echo", bytes.NewReader(body))
	nginx, nginxPIDs := s.nginx(uncached.base)
	varnish, varnishPIDs := s.varnish(uncached.base)

	list := func(name string, a *actor, clients int, x string, fields ...string) *contender {
		return &contender{name: name, url: a.base + loadPage, clients: clients, wantX: x, fields: fields, pids: []int{a.pid}}
	}
	var (
		echo64     = list("bare Echo, the same bytes", bare, 64, "")
		near64     = list("hit, near bounded", bounded, 64, "HIT")
		strict64   = list("hit, strict, 64 readers of one key", strict, 64, "HIT")
		echo8      = list("bare Echo, 8 readers", bare, 8, "")
		strict8    = list("hit, strict, 8 readers", strict, 8, "HIT")
		nearLim    = list("hit, near bounded, counted against limits", boundedLimited, 64, "HIT")
		strictLim  = list("hit, strict, counted against limits", strictLimited, 64, "HIT")
		near304    = list("304, near bounded", bounded, 64, "HIT", "If-None-Match: "+etag)
		strict304  = list("304, strict", strict, 64, "HIT", "If-None-Match: "+etag)
		many64     = list("hit, strict, 64 readers of 200 keys", strict, 64, "HIT")
		cached2    = list("hit, strict, 2 readers", strict, 2, "HIT")
		uncached2  = list("without the cache, 2 readers", uncached, 2, "")
		uncached64 = list("without the cache, 64 readers", uncached, 64, "")
		nginx64    = &contender{name: "nginx proxy_cache", url: nginx + loadPage, clients: 64, pids: nginxPIDs}
		varnish64  = &contender{name: "Varnish", url: varnish + loadPage, clients: 64, pids: varnishPIDs}
		default64  = list("hit, strict, 64 readers of the default page", strict, 64, "HIT")
		defaultOff = list("the default page without the cache, 64 readers", uncached, 64, "")
		contenders = []*contender{echo64, near64, nearLim, strict64, strictLim, many64, near304, strict304, nginx64, varnish64, uncached64, default64, defaultOff, echo8, strict8, cached2, uncached2}
	)
	default64.url, defaultOff.url = strict.base+defaultPage, uncached.base+defaultPage
	many64.pages = 200
	uncached64.pages, uncached2.pages, defaultOff.pages = len(s.cursors), len(s.cursors), len(s.cursors) // otherwise readers would share fetches
	only := regexp.MustCompile(os.Getenv("OPENLEARN_LOAD_ONLY"))
	contenders = slices.DeleteFunc(contenders, func(c *contender) bool { return !only.MatchString(c.name) })
	for range loadRounds {
		for _, c := range contenders {
			s.turn(c)
		}
	}

	out := &strings.Builder{}
	fmt.Fprintf(out, "\n| what | requests/s | p50 | p99 | CPU of the service | of Redis | of PostgreSQL |\n|---|---:|---:|---:|---:|---:|---:|\n")
	service, redis, pg := func(c cpu) time.Duration { return c.service }, func(c cpu) time.Duration { return c.redis }, func(c cpu) time.Duration { return c.postgres }
	for _, c := range contenders {
		fmt.Fprintf(out, "| %s | %.0f | %.2f ms | %.2f ms | %.0f µs | %.0f µs | %.0f µs |\n", c.name, c.rate(), c.p50(), c.p99(), c.each(service), c.each(redis), c.each(pg))
	}
	total := func(c *contender) float64 { return c.each(service) + c.each(redis) }
	fmt.Fprintf(out, "\n| ratio | goal | measured |\n|---|---:|---:|\n")
	row := func(what, goal string, got float64) {
		if !math.IsNaN(got) { // left out
			fmt.Fprintf(out, "| %s | %s | %.2f |\n", what, goal, got)
		}
	}
	row("hit, near bounded / bare Echo, requests/s", "≥ 0.85", near64.rate()/echo64.rate())
	row("hit, strict, 64 readers / bare Echo, requests/s", "≥ 0.75", strict64.rate()/echo64.rate())
	row("hit, strict, 64 readers of 200 keys / bare Echo, requests/s", "≥ 0.6", many64.rate()/echo64.rate())
	row("hit, strict, 8 readers / bare Echo with 8, requests/s", "", strict8.rate()/echo8.rate())
	row("what limits take of the requests/s of hits, strict", "≤ 0.15", 1-strictLim.rate()/strict64.rate())
	row("the same, near bounded", "", 1-nearLim.rate()/near64.rate())
	row("CPU that limits take of a hit, near bounded, with Redis, µs", "≤ 10", total(nearLim)-total(near64))
	row("304 / 200, near bounded, requests/s", "≥ 1.1", near304.rate()/near64.rate())
	row("304 / 200, strict, requests/s", "≥ 1.1", strict304.rate()/strict64.rate())
	row("cached / uncached, 64 readers, requests/s", "≥ 10", strict64.rate()/uncached64.rate())
	row("uncached / cached, 64 readers, p50", "≥ 10", uncached64.p50()/strict64.p50())
	row("cached / uncached, the default page of 50, 64 readers, requests/s", "≥ 10", default64.rate()/defaultOff.rate())
	row("uncached / cached, the default page of 50, 64 readers, p50", "≥ 10", defaultOff.p50()/default64.p50())
	row("bare Echo / uncached, 64 readers, requests/s: no cache in this process could do more", "", echo64.rate()/uncached64.rate())
	row("uncached / cached, 2 readers, p50", "", uncached2.p50()/cached2.p50())
	row("hit, strict / nginx proxy_cache, requests/s (bare Echo: "+fmt.Sprintf("%.2f", echo64.rate()/nginx64.rate())+")", "≥ 0.45", strict64.rate()/nginx64.rate())
	row("hit, strict / Varnish, requests/s", "", strict64.rate()/varnish64.rate())
	row("CPU per hit, near bounded, with Redis, µs", "≤ 70", total(near64))
	row("CPU per hit, strict, with Redis, µs", "≤ 110", total(strict64))
	row("CPU per 304, strict, with Redis, µs", "≤ 60", total(strict304))
	row("CPU per uncached page, service, µs", "≤ 600", uncached64.each(service))
	row("CPU per uncached page, PostgreSQL, µs", "≤ 250", uncached64.each(pg))
	row("list pages of 10, 20, 50 and 100 articles in Redis / their JSON, bytes", "≤ 0.35", s.stored(strict))
	t.Log(out)
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// turn runs wrk against one contender for a while.
func (s *stage) turn(c *contender) {
	s.t.Helper()
	script := filepath.Join(s.t.TempDir(), "report.lua")
	report := `done = function(s, l, r)
  io.write(string.format("REPORT %d %d %d %d %d\n", s.requests, s.duration, l:percentile(50), l:percentile(99),
    s.errors.connect + s.errors.read + s.errors.write + s.errors.status + s.errors.timeout))
end
`
	if c.pages > 0 {
		cursors := s.cursors[:min(c.pages, len(s.cursors))]
		_, page, _ := strings.Cut(c.url, "//")
		page, and := page[strings.Index(page, "/"):], "?"
		if strings.Contains(page, and) {
			and = "&"
		}
		report += fmt.Sprintf(`local n, cursors = 0, {"%s"}
request = function()
  n = n %% #cursors + 1
  return wrk.format(nil, "%s" .. cursors[n])
end
`, strings.Join(cursors, `", "`), page+and+"cursor=")
	}
	if err := os.WriteFile(script, []byte(report), 0o600); err != nil {
		s.t.Fatal(err)
	}
	args := []string{"-t1", "-c" + strconv.Itoa(c.clients), "-s", script}
	for _, f := range c.fields {
		args = append(args, "-H", f)
	}
	run := func(seconds int) []byte {
		out, err := exec.CommandContext(s.t.Context(), "wrk", append(args, "-d"+strconv.Itoa(seconds)+"s", c.url)...).CombinedOutput()
		if err != nil {
			s.t.Fatalf("wrk: %v\n%s", err, out)
		}
		return out
	}
	run(1) // connections, memory, and the entries themselves
	s.check(c)
	before := s.cpu(c.pids...)
	out := run(loadSeconds)
	used := s.cpu(c.pids...).minus(before)
	m := regexp.MustCompile(`REPORT (\d+) (\d+) (\d+) (\d+) (\d+)`).FindSubmatch(out)
	if m == nil {
		s.t.Fatalf("%s: wrk said %s", c.name, out)
	}
	var n [5]int
	for i := range n {
		n[i], _ = strconv.Atoi(string(m[i+1]))
	}
	if n[4] > 0 || n[0] == 0 {
		s.t.Fatalf("%s: %d requests, %d errors", c.name, n[0], n[4])
	}
	c.runs = append(c.runs, wrkRun{
		rate: float64(n[0]) / float64(n[1]) * 1e6, requests: n[0], used: used,
		p50: time.Duration(n[2]) * time.Microsecond, p99: time.Duration(n[3]) * time.Microsecond,
	})
}

// check makes one request and checks that the contender answers as its row says.
func (s *stage) check(c *contender) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, c.url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	want := http.StatusOK
	for _, f := range c.fields {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Set(name, value)
		want = http.StatusNotModified
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != want || res.Header.Get("X-Cache") != c.wantX {
		s.t.Fatalf("%s: %d, X-Cache %q, want %d %q", c.name, res.StatusCode, res.Header.Get("X-Cache"), want, c.wantX)
	}
}

// stored is the size of list pages in Redis according to MEMORY USAGE, divided by that of their JSON. A single page would
// say more about the size classes of Redis's allocator than about the page.
func (s *stage) stored(a *actor) float64 {
	s.t.Helper()
	ctx := s.t.Context()
	var memory, body int
	for _, limit := range []string{"10", "20", "50", "100"} {
		page, _ := getBody(s.t, a.base+"/api/articles?limit="+limit)
		key := "http_response:v1:/api/articles?limit=" + limit
		if limit == "50" {
			key = "http_response:v1:/api/articles" // the default
		}
		n, err := s.redis.MemoryUsage(ctx, key, 0).Result()
		if err != nil {
			s.t.Fatal(key, err)
		}
		memory, body = memory+int(n), body+len(page)
	}
	return float64(memory) / float64(body)
}

// cursors lists where full pages begin: after every article but the last ones.
func cursors(t testing.TB, base string) []string {
	t.Helper()
	var out []string
	for url := base + "/api/v1/articles?limit=1"; ; {
		body, _ := getBody(t, url)
		var page struct {
			Next string `json:"next_cursor"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		if page.Next == "" {
			return out[:len(out)-50]
		}
		out = append(out, page.Next)
		url = base + "/api/v1/articles?limit=1&cursor=" + page.Next
	}
}

func getBody(t testing.TB, url string) (body []byte, etag string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res.Status, err)
	}
	return body, res.Header.Get("ETag")
}

// nginx caches an upstream as its documentation describes, for ten minutes whatever the upstream says.
func (s *stage) nginx(upstream string) (base string, pids []int) {
	s.t.Helper()
	dir, port := s.t.TempDir(), freePort(s.t)
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	conf := fmt.Sprintf(`daemon off; %s pid %[2]s/pid; error_log %[2]s/error.log; worker_processes auto;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  client_body_temp_path %[2]s/b; proxy_temp_path %[2]s/p; fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
  proxy_cache_path %[2]s/cache keys_zone=z:10m;
  server { listen 127.0.0.1:%[3]d;
    location / { proxy_pass %[4]s; proxy_cache z; proxy_cache_valid 200 10m; proxy_ignore_headers Cache-Control Expires; proxy_http_version 1.1; } }
}
`, user, dir, port, upstream)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.program(port, "nginx", "-c", file, "-p", dir, "-e", filepath.Join(dir, "error.log"))
}

// varnish does the same.
func (s *stage) varnish(upstream string) (base string, pids []int) {
	s.t.Helper()
	dir, port := s.t.TempDir(), freePort(s.t)
	host, up, _ := strings.Cut(strings.TrimPrefix(upstream, "http://"), ":")
	vcl := fmt.Sprintf(`vcl 4.1;
backend default { .host = "%s"; .port = "%s"; }
sub vcl_backend_response { set beresp.ttl = 10m; return (deliver); }
`, host, up)
	file := filepath.Join(dir, "default.vcl")
	if err := os.WriteFile(file, []byte(vcl), 0o644); err != nil { //nolint:gosec // varnishd drops its privileges before it reads it
		s.t.Fatal(err)
	}
	return s.program(port, "varnishd", "-F", "-j", "none", "-n", filepath.Join(dir, "work"), "-a", "127.0.0.1:"+strconv.Itoa(port), "-f", file, "-s", "malloc,64m")
}

// program runs a server of the system's until the test ends, and lists its processes.
func (s *stage) program(port int, name string, args ...string) (base string, pids []int) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if s.t.Failed() {
			s.t.Logf("%s: %s", name, log.String())
		}
	})
	a := &actor{name: name, base: "http://127.0.0.1:" + strconv.Itoa(port)}
	a.await(s.t, loadPage)
	pids = []int{cmd.Process.Pid}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range dirs {
		child, _ := strconv.Atoi(filepath.Base(d))
		if f := stat(child); len(f) > 1 && f[1] == strconv.Itoa(cmd.Process.Pid) {
			pids = append(pids, child)
		}
	}
	return a.base, pids
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
