package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"openlearn/internal/testkit"
)

// traceCollector is an OTLP receiver.
type traceCollector struct {
	*httptest.Server
	t     testing.TB
	posts atomic.Int64

	mu    sync.Mutex
	spans []*tracev1.Span
	names map[string]bool // service.name of received spans
}

func newTraceCollector(t testing.TB) *traceCollector {
	t.Helper()
	c := &traceCollector{t: t, names: map[string]bool{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.posts.Add(1)
		body, err := io.ReadAll(r.Body)
		var in collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &in)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("collector: %s %s %q: %v", r.Method, r.URL, r.Header.Get("Content-Type"), err)
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, rs := range in.GetResourceSpans() {
			for _, a := range rs.GetResource().GetAttributes() {
				if a.GetKey() == "service.name" {
					c.names[a.GetValue().GetStringValue()] = true
				}
			}
			for _, ss := range rs.GetScopeSpans() {
				c.spans = append(c.spans, ss.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

// trace waits until a trace's request span has arrived, and returns all its spans: the others end before it.
func (c *traceCollector) trace(a *testApp, id string) []*tracev1.Span {
	c.t.Helper()
	var out []*tracev1.Span
	testkit.Eventually(c.t, "the request's span is sent", func() bool {
		if err := a.tracing.Flush(a.t.Context()); err != nil {
			c.t.Fatal(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		out = nil
		whole := false
		for _, s := range c.spans {
			if hex.EncodeToString(s.GetTraceId()) == id {
				out = append(out, s)
				whole = whole || s.GetKind() == tracev1.Span_SPAN_KIND_SERVER
			}
		}
		return whole
	})
	return out
}

// tree shows a trace as the names of its spans, indented below their parents, with some attributes.
func tree(spans []*tracev1.Span) string {
	var b strings.Builder
	var below func(parent, indent string)
	known := map[string]bool{}
	for _, s := range spans {
		known[string(s.GetSpanId())] = true
	}
	below = func(parent, indent string) {
		for _, s := range spans {
			p := string(s.GetParentSpanId())
			if !known[p] {
				p = ""
			}
			if p != parent {
				continue
			}
			b.WriteString(indent + s.GetName())
			for _, key := range []string{"http.response.status_code", "openlearn.cache", "cache.outcome"} {
				if v := attribute(s, key); v != "" {
					b.WriteString(" " + v)
				}
			}
			b.WriteString("\n")
			below(string(s.GetSpanId()), indent+"  ")
		}
	}
	slices.SortStableFunc(spans, func(a, b *tracev1.Span) int { return int(a.GetStartTimeUnixNano()) - int(b.GetStartTimeUnixNano()) })
	below("", "")
	return b.String()
}

func attribute(s *tracev1.Span, key string) string {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == key {
			if n := a.GetValue().GetIntValue(); n != 0 {
				b, _ := json.Marshal(n)
				return string(b)
			}
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// traced sends a request as part of a trace and returns the answer and the trace's id.
func (a *testApp) traced(path string, headers ...string) (r reply, id string) {
	a.t.Helper()
	r = a.get(path, headers...)
	parts := strings.Split(r.Header.Get("traceresponse"), "-")
	if len(parts) != 4 {
		a.t.Fatalf("%s: traceresponse %q", path, r.Header.Get("traceresponse"))
	}
	return r, parts[1]
}

func TestTracesShowWhatARequestWaitedFor(t *testing.T) {
	t.Parallel()
	c := newTraceCollector(t)
	a := newTestApp(t, func(cfg *Config) { cfg.Tracing.Endpoint = c.URL })
	a.awaitGate()
	a.create("Secreto de Estado", "S", "")

	const wantMiss = `GET /api/articles/:id 200 MISS
  cache read http_response source
    cache load http_response
      cache read article source
        cache load article
          SELECT scraped_content
`
	// On a busy machine the gate may close for a moment; then the miss must be tried with another article.
	var spans []*tracev1.Span
	got := ""
	for attempt := 0; attempt < 20 && got != wantMiss; attempt++ {
		id := a.create("Secreto "+strconv.Itoa(attempt), "S", "")
		a.settle()
		_, miss := a.traced("/api/articles/" + strconv.FormatInt(id, 10))
		spans = c.trace(a, miss)
		got = tree(spans)
	}
	if got != wantMiss {
		t.Errorf("a miss:\n%swant\n%s", got, wantMiss)
	}
	hit := a.tracedAs("HIT", "/api/articles/1")
	if got, want := tree(c.trace(a, hit)), "GET /api/articles/:id 200 HIT\n  cache read http_response near\n"; got != want {
		t.Errorf("a hit:\n%swant\n%s", got, want)
	}
	_, away := a.traced("/api/articles/987654321")
	for _, s := range append(spans, c.trace(a, away)...) {
		if s.GetStatus().GetCode() == tracev1.Status_STATUS_CODE_ERROR {
			t.Errorf("%s: is an error", s.GetName())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.names["openlearn"] {
		t.Errorf("service.name: %v", c.names)
	}
	text := ""
	for _, s := range c.spans {
		text += s.String()
	}
	for _, secret := range []string{"Secreto", "987654321", "127.0.0.1", "/api/articles/1"} {
		if strings.Contains(text, secret) {
			t.Errorf("the spans tell %q", secret)
		}
	}
	if !strings.Contains(text, `WHERE`) || !strings.Contains(text, "$1") {
		t.Error("the spans do not tell the statement")
	}
}

// tracedAs repeats a request until its answer is of the given kind and returns the trace's id: on a busy machine the gate
// may close for a moment, and then nothing is stored.
func (a *testApp) tracedAs(kind, path string) (id string) {
	a.t.Helper()
	testkit.Eventually(a.t, kind, func() bool {
		a.settle()
		var r reply
		r, id = a.traced(path)
		return r.Header.Get("X-Cache") == kind
	})
	return id
}

func TestTraceparentIsHonoured(t *testing.T) {
	t.Parallel()
	c := newTraceCollector(t)
	a := newTestApp(t, func(cfg *Config) { cfg.Tracing.Endpoint = c.URL })
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	_, id := a.traced("/api/articles?limit=3", "traceparent", "00-"+trace+"-"+parent+"-01")
	if id != trace {
		t.Fatalf("traceresponse is of trace %s", id)
	}
	for _, s := range c.trace(a, trace) {
		if s.GetKind() == tracev1.Span_SPAN_KIND_SERVER && hex.EncodeToString(s.GetParentSpanId()) != parent {
			t.Errorf("%s has the parent %x", s.GetName(), s.GetParentSpanId())
		}
	}
	// An unsampled caller gets no spans, and one that sends nonsense gets a new trace.
	const unsampled = "5bf92f3577b34da6a3ce929d0e0e4736"
	a.traced("/api/articles?limit=4", "traceparent", "00-"+unsampled+"-"+parent+"-00")
	_, own := a.traced("/api/articles?limit=5", "traceparent", "00-nonsense")
	c.trace(a, own)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if hex.EncodeToString(s.GetTraceId()) == unsampled {
			t.Errorf("%s of a trace that is not sampled", s.GetName())
		}
	}
}

func TestTracingIsOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	c := newTraceCollector(t)
	for _, off := range []tracingConfig{{}, {Endpoint: c.URL, Disabled: true}, {Endpoint: c.URL, Exporter: "none"}} {
		a := newTestApp(t, func(cfg *Config) { cfg.Tracing = off })
		if a.tracing != nil || a.cacheTracer() != nil {
			t.Errorf("%+v: tracing is on", off)
		}
		if r := a.get("/api/articles", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"); r.StatusCode != 200 || r.Header.Get("traceresponse") != "" {
			t.Errorf("%d, traceresponse %q", r.StatusCode, r.Header.Get("traceresponse"))
		}
	}
	if n := c.posts.Load(); n != 0 {
		t.Errorf("%d posts", n)
	}
	for _, wrong := range []tracingConfig{{Endpoint: "localhost:4318"}, {Endpoint: c.URL, Protocol: "grpc"}, {TracesEndpoint: "ftp://x"}, {Endpoint: c.URL, Exporter: "zipkin"}} {
		if err := wrong.Validate(); err == nil || !strings.HasPrefix(err.Error(), "OTEL_") {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if to := (tracingConfig{Endpoint: "http://a/", TracesEndpoint: "http://b/x"}).url(); to != "http://b/x" {
		t.Errorf("spans go to %s", to)
	}
}

// TestACollectorThatIsAwayOrHangs does not delay requests, and delays the shutdown by a bounded time.
func TestACollectorThatIsAwayOrHangs(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	// A collector that gets connections and never answers, because nobody accepts them.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, to := range map[string]string{"away": gone.URL, "silent": "http://" + silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.Tracing.Endpoint = to
			var logged syncBuffer
			a, err := New(t.Context(), cfg, NewLogger(&logged, "info"))
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(a.Handler())
			app := &testApp{a, t, srv.URL}
			for range 20 {
				if r := app.get("/api/articles"); r.StatusCode != 200 {
					t.Errorf("%d", r.StatusCode)
				}
			}
			srv.Close()
			closed := make(chan error, 1)
			go func() { closed <- a.Close() }()
			select {
			case err := <-closed:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(time.Minute): // far more than tracesShutdown: a hang, not a slow machine
				t.Fatal("Close hangs")
			}
			if !strings.Contains(logged.String(), "traces are lost") {
				t.Errorf("the log does not tell: %s", logged.String())
			}
		})
	}
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestLogsNameTheTrace(t *testing.T) {
	t.Parallel()
	c := newTraceCollector(t)
	cfg := testConfig(t)
	cfg.Tracing.Endpoint = c.URL
	var logged syncBuffer
	inner := NewLogger(&logged, "debug")
	a, err := New(t.Context(), cfg, inner.With("of", "test"))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(a.Handler())
	app := &testApp{a, t, srv.URL}
	_, id := app.traced("/api/articles?limit=7")
	srv.Close()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(logged.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if l["msg"] == "request" && l["trace_id"] == id && l["of"] == "test" && l["span_id"] != nil {
			found = true
		}
	}
	if !found {
		t.Errorf("no line of the request names trace %s:\n%s", id, logged.String())
	}
	inner.LogAttrs(context.Background(), slog.LevelInfo, "outside")
	if lines := strings.Split(strings.TrimSpace(logged.String()), "\n"); strings.Contains(lines[len(lines)-1], "trace_id") {
		t.Errorf("outside of a trace: %s", lines[len(lines)-1])
	}
}
