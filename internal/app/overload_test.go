package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"openlearn/internal/testkit"
)

// Every refusal says when to come back, and reads and writes that wait for the lock are refused within their bound while
// hits go on.
func TestALockedTableIsA503WithRetryAfter(t *testing.T) {
	t.Parallel()
	a, id := withArticle(t, "Locked", "Semana")
	path := fmt.Sprintf("/api/articles/%d", id)
	a.get(path)
	if r := a.get(path); r.Header.Get("X-Cache") != "HIT" {
		t.Fatal(r.Header)
	}
	tx, err := a.db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), "LOCK TABLE scraped_content"); err != nil {
		t.Fatal(err)
	}
	for _, r := range []reply{a.get("/api/articles?limit=3"), a.do(http.MethodDelete, path, "", "X-API-Key", testAdminKey)} {
		if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q, want 503 with one", r.Request.URL, r.StatusCode, r.Header.Get("Retry-After"))
		}
	}
	if r := a.get(path); r.StatusCode != http.StatusOK || r.Header.Get("X-Cache") != "HIT" {
		t.Errorf("a hit meanwhile: %d %v", r.StatusCode, r.Header)
	}
}

func TestReadOnlyRefusesWritesAndSaysSo(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t)
	a := newTestApp(t, func(c *Config) { c.Database.URL = url + readOnlyOption(url) })
	r := a.do(http.MethodPost, "/api/articles", `{"source":"S","title":"T","content":"uno dos tres"}`, "X-API-Key", testAdminKey)
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("write: %d, Retry-After %q, want 503 with one\n%s", r.StatusCode, r.Header.Get("Retry-After"), r.body)
	}
	r = a.get("/health/ready")
	if r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), "read-only") {
		t.Errorf("ready: %d %s", r.StatusCode, r.body)
	}
}

func readOnlyOption(url string) string {
	if strings.Contains(url, "?") {
		return "&default_transaction_read_only=on"
	}
	return "?default_transaction_read_only=on"
}

func TestSigtermTellsBalancersFirst(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Server.DrainDelay = 5 * time.Second // even a busy machine sends its request within it
	a := newTestApp(t, func(c *Config) { *c = cfg })
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, sigterm := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, l) }()
	outside := &testApp{a.Server, t, "http://" + l.Addr().String()}
	if r := outside.get("/health/ready"); r.StatusCode != http.StatusOK {
		t.Fatal(r.StatusCode, string(r.body))
	}
	sigterm()
	testkit.Eventually(t, "the service drains", a.draining.Load)
	r := outside.get("/health/ready")
	var said struct{ Ready bool }
	if err := json.Unmarshal(r.body, &said); err != nil || said.Ready || r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("ready: %d %v %s", r.StatusCode, r.Header, r.body)
	}
	if r := outside.get("/api/articles"); r.StatusCode != http.StatusOK {
		t.Errorf("an answer meanwhile: %d", r.StatusCode)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestSearchesTakeHalfOfThePool sends more searches than may run while none can proceed: they hold at most half of the
// connections, each is eventually refused with a Retry-After, and other reads get connections in the meantime.
func TestSearchesTakeHalfOfThePool(t *testing.T) {
	t.Parallel()
	a, _ := withArticle(t, "Gobierno", "Semana", func(c *Config) { c.Database.MaxConns = 6 })
	tx, err := a.db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), "LOCK TABLE scraped_content"); err != nil {
		t.Fatal(err)
	}
	before := a.db.Pool.Stat().AcquiredConns()
	const searches = 60
	answers := make(chan reply, searches)
	for i := range searches {
		go func() { answers <- a.get(fmt.Sprintf("/api/articles/search?q=gobierno+OR+palabra%d", i)) }()
	}
	held := func() int32 { return a.db.Pool.Stat().AcquiredConns() - before }
	testkit.Eventually(t, "searches hold half of the pool", func() bool { return held() >= 3 })
	testkit.Eventually(t, "many are refused", func() bool {
		if n := held(); n > 3 {
			t.Fatalf("searches hold %d of 6 connections", n)
		}
		return len(answers) >= searches/4
	})
	if _, err := a.db.Pool.Exec(t.Context(), "SELECT count(*) FROM content_analysis"); err != nil {
		t.Error("another read meanwhile:", err)
	}
	for range searches {
		if r := <-answers; r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q, want 503 with one\n%s", r.Request.URL, r.StatusCode, r.Header.Get("Retry-After"), r.body)
		}
	}
}

// TestABusyPoolIsA503: while others hold every connection of the pool a read is refused, and the service stays ready.
func TestABusyPoolIsA503(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	for range a.cfg.Database.MaxConns {
		c, err := a.db.Pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
	}
	if r := a.get("/api/articles?limit=3"); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q, want 503 with one\n%s", r.StatusCode, r.Header.Get("Retry-After"), r.body)
	}
	if r := a.get("/health/ready"); r.StatusCode != http.StatusOK {
		t.Errorf("ready: %d %s", r.StatusCode, r.body)
	}
}

func TestClassesOfRequests(t *testing.T) {
	t.Parallel()
	cs := newClasses(20, nil)
	e := echo.New()
	for _, c := range []struct {
		method, path string
		want         any
	}{
		{"GET", "/api/articles", cs.reads},
		{"GET", "/api/articles/:id", cs.reads},
		{"GET", "/api/analysis/stats", cs.reads},
		{"POST", "/api/articles", cs.writes},
		{"PATCH", "/api/articles/:id", cs.writes},
		{"DELETE", "/api/articles/:id", cs.writes},
		{"GET", "/api/articles/search", nil},
		{"GET", "/health/ready", nil},
		{"GET", "/api/health/live", nil},
		{"GET", "/metrics", nil},
		{"POST", "/api/cache/invalidate", nil},
		{"GET", "/admin/cache", nil},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx := e.NewContext(req, nil)
		ctx.SetPath(c.path)
		if got := cs.of(ctx); c.want == nil && got != nil || c.want != nil && got != c.want {
			t.Errorf("%s %s: another class", c.method, c.path)
		}
	}
}

// Idle connections beyond the limit do not lock out other clients.
func TestIdleConnectionsDoNotShutOut(t *testing.T) {
	t.Parallel()
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(connectionsOf(srv, l, 8)) }()
	t.Cleanup(func() { _ = srv.Close() })
	for range 100 {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	for range 20 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
}

func TestConnectionsStayBelowTheDescriptors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		files, pools uint64
		want         int
	}{{64, 70, 32}, {1024, 70, 922}, {1 << 20, 70, mostConnections}, {1, 70, 1}} {
		if got := connectionsWithin(c.files, c.pools); got != c.want {
			t.Errorf("%d descriptors: %d connections, want %d", c.files, got, c.want)
		}
	}
}

// Two pieces are sent in one call only on the kernel's own connection: no wrapper may come in between.
func TestBoundedConnectionsStillSendInOnePiece(t *testing.T) {
	t.Parallel()
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := connectionsOf(&http.Server{}, inner, 8)
	defer l.Close()
	client, err := new(net.Dialer).DialContext(t.Context(), "tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if limited(c) != c {
		t.Errorf("outside is %T, want what bounds connections", c)
	}
	sender, ok := limited(c).NetConn().(interface{ NetConn() net.Conn })
	if !ok {
		t.Fatalf("beneath it is %T, want what sends in one piece", limited(c).NetConn())
	}
	if _, ok := sender.NetConn().(*net.TCPConn); !ok {
		t.Errorf("which writes to %T, want to the kernel's connection", sender.NetConn())
	}
}
