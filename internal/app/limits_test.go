package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"openlearn/internal/guard"
	"openlearn/internal/testkit"
)

// limitedTo is a service with limits; the rest is generous.
func limitedTo(minute, hour int64, more ...func(*Config)) func(*Config) {
	return func(c *Config) {
		c.Limits = guard.Config{Enabled: true, PerMinute: minute, PerHour: hour, BytesPerHour: 1 << 30, UserPerMinute: 300, UserPerHour: 5000, UserBytesPerHour: 1 << 30, Within: 10 * time.Second}
		for _, m := range more {
			m(c)
		}
	}
}

func field(t *testing.T, r reply, name string) int {
	t.Helper()
	n, err := strconv.Atoi(r.Header.Get(name))
	if err != nil {
		t.Fatalf("%s %s: %s is %q", r.Request.Method, r.Request.URL, name, r.Header.Get(name))
	}
	return n
}

// TestRequestsAreLimited: hits count, refusals are what the original's clients know, and say it to pages of other origins.
func TestRequestsAreLimited(t *testing.T) {
	t.Parallel()
	a, id := withArticle(t, "uno", "Semana", limitedTo(60, 60)) // one comes back in a minute
	const origin = "http://localhost:3000"
	one := fmt.Sprint("/api/articles/", id)
	allowed := 0
	var r reply
	for range 200 {
		if r = a.get(one, "Origin", origin); r.StatusCode != http.StatusOK {
			break
		}
		allowed++
	}
	if allowed < 60 || allowed > 61 {
		t.Errorf("%d requests of 60 a minute", allowed)
	}
	if r.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("%d", r.StatusCode)
	}
	after := field(t, r, "Retry-After")
	if after < 1 || after > 61 || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Request-Id") == "" {
		t.Errorf("%v", r.Header)
	}
	for name, want := range map[string]string{
		"X-RateLimit-Limit-Minute": "60", "X-RateLimit-Limit-Hour": "60", "X-RateLimit-Remaining-Hour": "0", "X-API-Version": "1.0.0",
		"Access-Control-Allow-Origin": origin, "RateLimit-Policy": `"minute";q=60;w=60, "hour";q=60;w=3600, "bytes";q=1073741824;qu="content-bytes";w=3600`,
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := r.Header.Get("RateLimit"); !strings.HasPrefix(got, `"minute";r=`) || !strings.Contains(got, `, "hour";r=0;t=`) {
		t.Errorf("RateLimit: %s", r.Header.Get("RateLimit"))
	}
	exposed := strings.ToLower(r.Header.Get("Access-Control-Expose-Headers"))
	for _, name := range append([]string{"retry-after"}, guard.Fields...) {
		if !strings.Contains(exposed, strings.ToLower(name)) {
			t.Errorf("%s is not exposed", name)
		}
	}
	asRecorded(t, r)
	for _, path := range []string{"/health", "/health/ready", "/api/health/live", "/metrics", "/docs", "/openapi.json", "/admin/cache/login"} {
		if r := a.get(path); r.StatusCode == http.StatusTooManyRequests || r.Header.Get("RateLimit") != "" {
			t.Errorf("%s is limited: %d", path, r.StatusCode)
		}
	}
	if r := a.do("OPTIONS", one, "", "Origin", origin, "Access-Control-Request-Method", "GET"); r.StatusCode >= 300 {
		t.Errorf("a preflight: %d", r.StatusCode)
	}
	a.admin("GET", "/api/cache/hot", "", 200)
	a.admin("GET", one, "", 200)
	for _, method := range []string{"GET", "POST", "HEAD"} {
		if r := a.do(method, "/api/nowhere", ""); r.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%s of an unknown path: %d", method, r.StatusCode)
		}
	}
	metrics := string(a.get("/metrics").body)
	if !strings.Contains(metrics, fmt.Sprintf("rate_limit_requests_total{outcome=\"allowed\",tier=\"anonymous\"} %d\n", allowed)) || !strings.Contains(metrics, `rate_limit_requests_total{outcome="hour",tier="anonymous"} 4`) {
		t.Error("the refused are not told from the allowed in the metrics")
	}
}

// asRecorded holds a 429 against the recorded one: the same members, and a detail.
func asRecorded(t *testing.T, r reply) {
	t.Helper()
	got := r.json(t).(map[string]any)
	detail, _ := got["detail"].(string)
	if !strings.Contains(detail, "Please try again in") {
		t.Errorf("detail: %v", got["detail"])
	}
	delete(got, "detail")
	if n, _ := got["retry_after"].(float64); int(n) != field(t, r, "Retry-After") {
		t.Errorf("retry_after %v, Retry-After %s", got["retry_after"], r.Header.Get("Retry-After"))
	}
	limits := got["limits"].(map[string]any)
	if n, _ := limits["hour"].(map[string]any)["reset"].(float64); int64(n) <= time.Now().Unix() || int64(n) > time.Now().Unix()+3700 {
		t.Errorf("the hour's limit is whole again at %v", n)
	}
	if got["error"] != "rate_limit_exceeded" || got["message"] != "Too many requests. Please try again later." {
		t.Errorf("%s", r.body)
	}
	if root := os.Getenv("OPENLEARN_DATA"); root != "" {
		b, err := os.ReadFile(filepath.Join(root, "contract/golden/httpcache/rate_limited_429.json"))
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct {
			Response struct{ Body map[string]any }
		}
		if err := json.Unmarshal(b, &recorded); err != nil {
			t.Fatal(err)
		}
		if a, b := members(recorded.Response.Body), members(got); !slices.Equal(a, b) {
			t.Errorf("members %v, the original's are %v", b, a)
		}
	}
}

// members lists the paths of a document's members, with their kinds.
func members(v any) (out []string) {
	object, isObject := v.(map[string]any)
	if !isObject {
		return []string{fmt.Sprintf("%T", v)}
	}
	for name, member := range object {
		for _, path := range members(member) {
			out = append(out, name+"."+path)
		}
	}
	slices.Sort(out)
	return out
}

// TestRequestsCostWhatTheyTake: a search ten units or more, and one if it is answered from the cache, or refused.
func TestRequestsCostWhatTheyTake(t *testing.T) {
	t.Parallel()
	a, id := withArticle(t, "uno", "Semana", limitedTo(100_000, 1000))
	left, at := 1000, time.Now()
	cost := func(r reply) (got, back int) {
		before, was := left, at
		left, at = field(t, r, "X-RateLimit-Remaining-Hour"), time.Now()
		return before - left, int(at.Sub(was).Hours()*1000) + 1 // what came back meanwhile
	}
	const dear = "/api/articles/search?q=a+OR+%22casa+grande%22+OR+uno+dos+tres+-cuatro+-cinco+-seis+-siete"
	for _, c := range []struct {
		name, method, path, body string
		status, least, most      int
	}{
		{"an article", "GET", fmt.Sprint("/api/articles/", id), "", 200, 1, 1},
		{"a hit", "GET", fmt.Sprint("/api/articles/", id), "", 200, 1, 1},
		{"HEAD", "HEAD", fmt.Sprint("/api/articles/", id), "", 200, 1, 1},
		{"a search", "GET", "/api/articles/search?q=uno", "", 200, 10, 10},
		{"a search again", "GET", "/api/articles/search?q=uno", "", 200, 1, 1},
		{"a dear search", "GET", dear, "", 200, 40, 50},
		{"it again", "GET", dear, "", 200, 1, 1},
		{"a search that is refused", "GET", "/api/articles/search?q=uno&limit=abc", "", 422, 1, 1},
		{"a short text", "POST", "/api/analysis/analyze", `{"text": "El presidente habló."}`, 200, 2, 3},
		{"a long text", "POST", "/api/analysis/analyze", `{"text": "` + strings.Repeat("El presidente habló con la prensa. ", 300) + `"}`, 200, 11, 14},
		{"nothing there", "GET", "/api/nowhere", "", 404, 1, 1},
	} {
		r := a.do(c.method, c.path, c.body)
		if got, back := cost(r); r.StatusCode != c.status || got < c.least-back || got > c.most {
			t.Errorf("%s: %d, cost %d, want %d to %d (%s)", c.name, r.StatusCode, got, c.least, c.most, r.Header.Get("X-Cache"))
		}
	}
}

// TestLimitsAreOfClients: behind a trusted proxy, by the client's address, of IPv6 by the /64; 200 forged headers are one.
func TestLimitsAreOfClients(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, limitedTo(20, 20, func(c *Config) { c.Server.TrustedProxies = []string{"127.0.0.1"} }))
	tries := func(n int, forwarded func(i int) string) (allowed int) {
		for i := range n {
			if a.get("/api/nowhere", "X-Forwarded-For", forwarded(i)).StatusCode != http.StatusTooManyRequests {
				allowed++
			}
		}
		return allowed
	}
	if n := tries(200, func(i int) string { return fmt.Sprintf("198.51.100.%d, 192.0.2.7", i) }); n < 20 || n > 21 {
		t.Errorf("200 forged headers: %d requests", n)
	}
	if n := tries(60, func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }); n < 20 || n > 21 {
		t.Errorf("60 addresses of one /64: %d requests", n)
	}
	if n := tries(60, func(i int) string { return fmt.Sprintf("203.0.113.%d", i) }); n != 60 {
		t.Errorf("60 clients: %d requests", n)
	}
	b := newTestApp(t, limitedTo(20, 20))
	allowed := 0
	for i := range 200 {
		if b.get("/api/nowhere", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i), "Forwarded", fmt.Sprintf("for=198.51.100.%d", i)).StatusCode != http.StatusTooManyRequests {
			allowed++
		}
	}
	if allowed < 20 || allowed > 21 {
		t.Errorf("nobody is trusted, 200 forged headers: %d requests", allowed)
	}
}

// TestAWrongKeyIsAGuessEverywhere: on a public route too, where a right admin key would show by the missing limits. It is one
// guess, whoever looks at the key.
func TestAWrongKeyIsAGuessEverywhere(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, limitedTo(1000, 1000))
	for i, path := range []string{"/api/nowhere", "/api/cache/hot", "/api/articles", "/api/nowhere", "/api/nowhere", "/api/cache/hot", "/api/cache/hot", "/api/nowhere", "/api/nowhere", "/api/nowhere"} {
		if r := a.get(path, "X-API-Key", fmt.Sprint("guess ", i)); r.StatusCode == http.StatusTooManyRequests {
			t.Errorf("guess %d at %s: %d", i, path, r.StatusCode)
		}
	}
	for _, path := range []string{"/api/articles", "/api/nowhere", "/api/cache/hot"} {
		if r := a.get(path, "Authorization", "Bearer guess"); r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" {
			t.Errorf("guess 11 at %s: %d", path, r.StatusCode)
		}
	}
	if r := a.get("/api/articles"); r.StatusCode != http.StatusOK {
		t.Errorf("without a key: %d", r.StatusCode)
	}
	a.admin("GET", "/api/cache/hot", "", 200)
}

// TestWithoutRedisRequestsAreLimited, within a fifth of the limit.
func TestWithoutRedisRequestsAreLimited(t *testing.T) {
	t.Parallel()
	server := testkit.RedisServer(t)
	a := newTestApp(t, limitedTo(100, 100, func(c *Config) { c.Redis.URL, c.Limits.Within = server.URL(), 0 }))
	a.awaitGate()
	for range 10 {
		a.get("/api/nowhere")
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	allowed := 10
	for range 300 {
		if a.get("/api/nowhere").StatusCode != http.StatusTooManyRequests {
			allowed++
		}
	}
	if allowed < 80 || allowed > 120 {
		t.Errorf("%d requests of 100", allowed)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
}

// TestPagesOfOtherOriginsCanReadErrors: without the CORS fields a page cannot tell why its request failed, nor when to try again.
func TestPagesOfOtherOriginsCanReadErrors(t *testing.T) {
	t.Parallel()
	const origin = "http://localhost:3000"
	a := newTestApp(t, limitedTo(1000, 1000))
	away := newTestApp(t, limitedTo(1000, 1000), func(c *Config) { c.Database.URL = "postgres://nobody@127.0.0.1:1/nothing" })
	for _, c := range []struct {
		app    *testApp
		path   string
		status int
	}{{a, "/api/cache/hot", 401}, {a, "/api/nowhere", 404}, {a, "/api/articles?limit=abc", 422}, {away, "/api/articles", 503}} {
		r := c.app.get(c.path, "Origin", origin)
		if r.StatusCode != c.status || r.Header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
			t.Errorf("%s: %d, want %d, %v", c.path, r.StatusCode, c.status, r.Header)
		}
		if (r.StatusCode >= 500) != (r.Header.Get("Retry-After") != "") {
			t.Errorf("%s: %d with Retry-After %q", c.path, r.StatusCode, r.Header.Get("Retry-After"))
		}
	}
}
