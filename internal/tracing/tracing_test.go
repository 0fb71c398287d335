package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStatementsAreShownWithoutTheirLiterals(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"SELECT *\n  FROM a WHERE b = $1":                     "SELECT * FROM a WHERE b = $1",
		"UPDATE a SET b = 'it''s mine', c = '' WHERE d = 'x'": "UPDATE a SET b = ?, c = ? WHERE d = ?",
	} {
		if got := statement(sql); got != want {
			t.Errorf("%s: %s", sql, got)
		}
	}
	if got := statement("SELECT " + strings.Repeat("á", longestStatement)); len(got) > longestStatement || strings.ContainsRune(got, '�') {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-4:])
	}
	for sql, want := range map[string]string{
		`SELECT a FROM "scraped_content" WHERE id = $1`: "scraped_content", "insert into b (c) values ($1)": "b", "UPDATE d SET e = 1": "d", "SELECT 1": "",
	} {
		got := ""
		if m := table.FindStringSubmatch(sql); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%s is about %q", sql, got)
		}
	}
}

func TestOnlyWhatBelongsToARequestIsTraced(t *testing.T) {
	t.Parallel()
	posts := make(chan struct{}, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posts <- struct{}{} }))
	defer srv.Close()
	tr, err := New(t.Context(), Options{Endpoint: srv.URL, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := tr.Operation(context.Background(), "read", "article", 1)
	end("near", nil)
	if trace.SpanContextFromContext(ctx).IsValid() {
		t.Error("an operation of nobody's is traced")
	}
	if err := tr.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(posts) != 0 {
		t.Errorf("%d posts", len(posts))
	}
	ctx, root := tr.tracer.Start(context.Background(), "request")
	_, end = tr.Operation(ctx, "read", "article", 1)
	end("near", context.DeadlineExceeded)
	root.End()
	stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := tr.Close(stop); err != nil {
		t.Fatal(err)
	}
	if len(posts) != 1 {
		t.Errorf("%d posts of one request", len(posts))
	}
}

// TestCloseGivesUp: an export that hangs ends with the context of Close, and leaves no goroutine behind.
func TestCloseGivesUp(t *testing.T) {
	t.Parallel()
	inside, release := make(chan struct{}, 10), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		inside <- struct{}{}
		<-release
	}))
	defer srv.Close()
	defer close(release)
	tr, err := New(t.Context(), Options{Endpoint: srv.URL, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tr.tracer.Start(context.Background(), "request")
	span.End()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-inside
		cancel()
	}()
	if err := tr.Close(ctx); err == nil {
		t.Error("Close says that all was sent")
	}
}

func TestLogsKeepTheirGroupsAndAttributes(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(Logs(slog.NewJSONHandler(&out, nil))).With("a", 1).WithGroup("g")
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
	log.InfoContext(ctx, "x", "b", 2)
	var got struct {
		A int
		G struct {
			B       int
			TraceID string `json:"trace_id"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.A != 1 || got.G.B != 2 || got.G.TraceID != "01000000000000000000000000000000" {
		t.Errorf("%v: %s", err, out.String())
	}
}
