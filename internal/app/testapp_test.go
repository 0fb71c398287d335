package app

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/jobs"
	"openlearn/internal/postgres"
	"openlearn/internal/scraping/newsroom"
	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) {
	quietRedis()
	playLoadRole()
	beOpenLearn()
	testkit.Main(m)
}

const testAdminKey = "test-admin-key-0123456789"

// testApp is the whole service on its own database and Redis, behind a real HTTP server.
type testApp struct {
	*Server
	t    testing.TB
	base string
}

func newTestApp(t testing.TB, change ...func(*Config)) *testApp {
	t.Helper()
	cfg := testConfig(t)
	for _, c := range change {
		c(&cfg)
	}
	a, err := New(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(a.Handler())
	t.Cleanup(func() {
		srv.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return &testApp{a, t, srv.URL}
}

// withArticle is a service whose cache is in use, with one article and no pending invalidation.
func withArticle(t testing.TB, title, source string, change ...func(*Config)) (a *testApp, id int64) {
	t.Helper()
	a = newTestApp(t, change...)
	a.awaitGate()
	id = a.create(title, source, "")
	a.settle()
	return a, id
}

func testConfig(t testing.TB) Config {
	t.Helper()
	return testConfigOn(t, testkit.Database(t), testkit.RedisURL(t))
}

func testConfigOn(t testing.TB, databaseURL, redisURL string) Config {
	t.Helper()
	cfg := Config{
		Database: postgres.Config{URL: databaseURL, MaxConns: 5, ConnectTimeout: 2 * time.Second},
		Jobs:     jobs.Config{PoolSize: 2},
		Redis:    redisConfig{URL: redisURL, Port: 6379, PoolSize: 10, ConnectTimeout: 2 * time.Second, SocketTimeout: 2 * time.Second},
		Server: serverConfig{
			Addr: ":0", PublicURL: "https://api.example.org", AllowedOrigins: []string{"http://localhost:3000"}, ShutdownTimeout: 5 * time.Second,
		},
		Guard: guardConfig{Key: testAdminKey},
		Log:   logConfig{"error"},
		testing: testingConfig{
			auditRate:   -1,
			figuresGood: -1, // tests read what they have just caused
		},
	}
	for _, p := range cfg.parts() {
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

// testNewsroom is the demo newspaper, which can be down for a while.
type testNewsroom struct {
	url  string
	gone atomic.Bool
}

func newTestNewsroom(t testing.TB) *testNewsroom {
	t.Helper()
	n := &testNewsroom{}
	var pages http.Handler
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.gone.Load() {
			http.NotFound(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}))
	n.url = "http://" + srv.Listener.Addr().String()
	pages = newsroom.Handler(n.url)
	srv.Start()
	t.Cleanup(srv.Close)
	return n
}

// known makes it one of the service's sources.
func (n *testNewsroom) known(c *Config) { c.Scraping.NewsroomURL = n.url }

// reply is an answer with its body read.
type reply struct {
	*http.Response
	body []byte
}

func (r reply) json(t testing.TB) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%s %s: body is no JSON: %v\n%.300s", r.Request.Method, r.Request.URL, err, r.body)
	}
	return v
}

// refusedUnread is the size of bodies that net/http's server does not read to their ends after the answer.
const refusedUnread = 256 << 10

// do sends a request; headers are name, value, name, value…
func (a *testApp) do(method, path, body string, headers ...string) reply {
	a.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, in)
	if err != nil {
		a.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	for range 5 {
		if err == nil || len(body) <= refusedUnread {
			break
		}
		// A refusal does not wait for the body, and Go's client may drop an answer that arrives while it is still writing.
		// So send the request again.
		req.Body = io.NopCloser(strings.NewReader(body))
		res, err = client.Do(req)
	}
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{res, b}
}

func (a *testApp) get(path string, headers ...string) reply {
	a.t.Helper()
	return a.do(http.MethodGet, path, "", headers...)
}

// admin sends a request with the admin key and checks the status.
func (a *testApp) admin(method, path, body string, want int) reply {
	a.t.Helper()
	r := a.do(method, path, body, "X-API-Key", testAdminKey)
	if r.StatusCode != want {
		a.t.Fatalf("%s %s: %d, want %d\n%.500s", method, path, r.StatusCode, want, r.body)
	}
	return r
}
