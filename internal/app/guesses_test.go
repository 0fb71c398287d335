package app

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// loggedApp is a service whose log the test reads.
func loggedApp(t *testing.T, change ...func(*Config)) (*testApp, *safeBuffer) {
	t.Helper()
	cfg := testConfig(t)
	for _, c := range change {
		c(&cfg)
	}
	said := &safeBuffer{}
	app, err := New(t.Context(), cfg, slog.New(slog.NewTextHandler(said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(app.Handler())
	t.Cleanup(func() {
		srv.Close()
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return &testApp{app, t, srv.URL}, said
}

// TestGuessingTheKeyIsLimitedAndTold: guesses on one route count on all, and the right key always works.
func TestGuessingTheKeyIsLimitedAndTold(t *testing.T) {
	t.Parallel()
	a, said := loggedApp(t)
	ways := map[string]func(key string) reply{
		"login": func(key string) reply { return a.submit("/admin/cache/login", url.Values{"key": {key}}) },
	}
	paths := a.get("/openapi.json").json(t).(map[string]any)["paths"].(map[string]any)
	for path, item := range paths {
		for method, op := range item.(map[string]any) {
			if op, ok := op.(map[string]any); !ok || !forAdmins(op) {
				continue
			}
			method, path := strings.ToUpper(method), strings.NewReplacer("{", "", "}", "").Replace(path)
			if strings.HasSuffix(path, "/keys") {
				path += "?layer=article"
			}
			ways[method+" "+path] = func(key string) reply { return a.do(method, path, "", "X-API-Key", key) }
			ways[method+" "+path+" as bearer"] = func(key string) reply { return a.do(method, path, "", "Authorization", "Bearer "+key) }
		}
	}
	if len(ways) < 20 {
		t.Fatalf("only %d ways in", len(ways))
	}
	refused := 0
	for name, try := range ways {
		if r := try("secret-guess-of-" + strings.ReplaceAll(name, " ", "")); r.StatusCode == 429 {
			if refused++; r.Header.Get("Retry-After") == "" {
				t.Errorf("%s: 429 without Retry-After", name)
			}
		} else if r.StatusCode != 401 {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	if refused != len(ways)-10 {
		t.Errorf("%d of %d guesses were refused", refused, len(ways))
	}
	for name, try := range ways {
		if r := try("wrong"); r.StatusCode != 429 || r.Header.Get("Retry-After") == "" {
			t.Errorf("%s after too many: %d", name, r.StatusCode)
		}
		if r := try(testAdminKey); r.StatusCode == 401 || r.StatusCode == 429 {
			t.Errorf("%s with the right key: %d", name, r.StatusCode)
		}
	}
	if n := strings.Count(said.String(), "admin key refused"); n != 1 || strings.Contains(said.String(), "secret-guess") {
		t.Errorf("the log says so %d times:\n%s", n, said)
	}
	metrics := string(a.get("/metrics").body)
	for _, want := range []string{`admin_keys_refused_total{status="401"} 10`, fmt.Sprintf(`admin_keys_refused_total{status="429"} %d`, 2*len(ways)-10)} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// TestOthersDoNotLockTheOperatorOut, neither by wrong keys nor by endless forms.
func TestOthersDoNotLockTheOperatorOut(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for range 12 {
		in, end := io.Pipe()
		req, err := http.NewRequestWithContext(t.Context(), "POST", a.base+"/admin/cache/login", in)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		go func() {
			if res, err := http.DefaultClient.Do(req); err == nil {
				_ = res.Body.Close()
			}
		}()
		if _, err := end.Write([]byte("key=")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = end.Close() })
	}
	for range 12 {
		a.submit("/admin/cache/login", url.Values{"key": {"wrong-key-0123456789"}})
	}
	if r := a.submit("/admin/cache/login", url.Values{"key": {"wrong-key-0123456789"}}); r.StatusCode != 429 || r.Header.Get("Retry-After") == "" || !strings.Contains(string(r.body), "Too many attempts") {
		t.Errorf("one guess too many: %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	if r := a.submit("/admin/cache/login", url.Values{"key": {testAdminKey}}); r.StatusCode != http.StatusSeeOther {
		t.Errorf("the right key: %d %.300s", r.StatusCode, r.body)
	}
}

// TestCookiesAndTLS: if browsers use TLS, the console's cookie is sent over TLS only, under every name it answers to, and
// they are told to keep using TLS. This machine's own name is an exception.
func TestCookiesAndTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		public, host, name, path string
		hsts                     string
	}{
		{"https://api.example.org", "admin.example.org", "__Host-openlearn_console", "/", "max-age=31536000"},
		{"https://api.example.org", "api.example.org", "__Host-openlearn_console", "/", "max-age=31536000"},
		{"https://api.example.org", "admin.example.org:8443", "__Host-openlearn_console_8443", "/", "max-age=31536000"},
		{"https://api.example.org", "localhost:8000", "openlearn_console_8000", "/admin", "max-age=31536000"},
		{"https://api.example.org/openlearn", "api.example.org", "__Secure-openlearn_console", "/openlearn/admin", "max-age=31536000"},
		{"https://api.example.org/openlearn", "localhost", "openlearn_console", "/openlearn/admin", "max-age=31536000"},
		{"http://localhost:8000", "admin.example.org", "openlearn_console", "/admin", ""},
	} {
		a := newTestApp(t, func(cfg *Config) { cfg.Server.PublicURL, cfg.Guard.Hosts = c.public, []string{"admin.example.org"} })
		send := func(method, path, body, cookie string) *http.Response {
			req := httptest.NewRequest(method, "http://"+c.host+path, strings.NewReader(body))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if cookie != "" {
				req.Header.Set("Cookie", cookie)
			}
			rec := httptest.NewRecorder()
			a.Handler().ServeHTTP(rec, req)
			return rec.Result()
		}
		res := send("POST", "/admin/cache/login", "key="+testAdminKey, "")
		if len(res.Cookies()) != 1 {
			t.Fatalf("%+v: %d, no cookie", c, res.StatusCode)
		}
		one := res.Cookies()[0]
		if one.Name != c.name || one.Path != c.path || one.Secure != strings.HasPrefix(c.name, "__") || one.Domain != "" || !one.HttpOnly || one.SameSite != http.SameSiteStrictMode {
			t.Errorf("%+v: cookie %+v", c, one)
		}
		if res := send("GET", "/admin/cache", "", one.Name+"="+one.Value); res.StatusCode != 200 {
			t.Errorf("%+v: the page with the cookie: %d", c, res.StatusCode)
		}
		for _, path := range []string{"/admin/cache/login", "/api/articles", "/nowhere", "/metrics", "/docs", "/health/live", "/api/cache/hot"} {
			if got := send("GET", path, "", "").Header.Get("Strict-Transport-Security"); got != c.hsts {
				t.Errorf("%+v %s: Strict-Transport-Security %q", c, path, got)
			}
		}
	}
}

// TestBehindAProxyClientsAreToldApart: strangers' requests through a trusted proxy are not counted against the operator,
// and the log and the audit trail name the client.
func TestBehindAProxyClientsAreToldApart(t *testing.T) {
	t.Parallel()
	a, said := loggedApp(t, func(c *Config) { c.Server.TrustedProxies = []string{"127.0.0.0/8", "::1"} })
	through := func(client, method, path, key string) reply {
		return a.do(method, path, "", "X-API-Key", key, "X-Forwarded-For", "198.51.100.1, "+client)
	}
	for i := range 11 {
		want := http.StatusUnauthorized
		if i == 10 {
			want = http.StatusTooManyRequests
		}
		if r := through("192.0.2.66", "POST", "/api/cache/invalidate/all", "wrong"); r.StatusCode != want {
			t.Errorf("guess %d: %d", i, r.StatusCode)
		}
	}
	if r := through("192.0.2.7", "POST", "/api/cache/invalidate/all", "wrong"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("another client's first guess: %d", r.StatusCode)
	}
	if r := through("192.0.2.7", "POST", "/api/cache/invalidate/all", testAdminKey); r.StatusCode != http.StatusOK {
		t.Fatalf("the right key: %d %s", r.StatusCode, r.body)
	}
	trail := string(a.admin("GET", "/api/cache/audit", "", 200).body)
	if !strings.Contains(trail, `"remote":"192.0.2.7"`) {
		t.Errorf("the trail says %s", trail)
	}
	if !strings.Contains(said.String(), "remote=192.0.2.66") || strings.Contains(said.String(), "198.51.100.1") {
		t.Errorf("the log says %s", said)
	}
}

// forAdmins reports whether an operation of the OpenAPI document takes the admin key.
func forAdmins(op map[string]any) bool {
	security, _ := op["security"].([]any)
	return slices.ContainsFunc(security, func(one any) bool { return one.(map[string]any)["adminKey"] != nil })
}
