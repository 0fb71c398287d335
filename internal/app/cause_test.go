package app

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// logBook is a log that tests read while it is written.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// line returns the first line that contains both texts, "" if there is none.
func (l *logBook) line(one, other string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, one) && strings.Contains(line, other) {
			return line
		}
	}
	return ""
}

// TestTheCauseIsLoggedUnderTheRequestsID: also on a cached route, where the handler runs for several requests, and past the
// cache.
func TestTheCauseIsLoggedUnderTheRequestsID(t *testing.T) {
	t.Parallel()
	var book logBook
	a, err := New(t.Context(), testConfig(t), NewLogger(&book, "error"))
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
	x := &testApp{a, t, srv.URL}
	x.awaitGate()
	if err := a.db.Gorm.Exec("ALTER TABLE scraped_content RENAME TO away").Error; err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{
		{"cached-1", "/api/articles?limit=3"},
		{"cached-2", "/api/articles?limit=3"},
		{"past-1", "/api/articles?limit=4", "Authorization", "Bearer x"},
	} {
		if r := x.get(c[1], append(c[2:], "X-Request-ID", c[0])...); r.StatusCode != http.StatusInternalServerError || r.Header.Get("X-Request-Id") != c[0] {
			t.Errorf("%s: %d %s", c[1], r.StatusCode, r.Header.Get("X-Request-Id"))
		}
		line := book.line(`"request failed"`, `"request_id":"`+c[0]+`"`)
		if !strings.Contains(line, "scraped_content") {
			t.Errorf("no cause under %s: %q", c[0], line)
		}
	}
}
