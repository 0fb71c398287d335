package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"openlearn/internal/cache/httpcache/internal/cachetest"
	"openlearn/internal/testkit"
)

// counted is a Store that counts what it has stored.
type counted struct {
	Store
	saved int
}

func (c *counted) Begin(ctx context.Context, uri string) (Save, error) {
	save, err := c.Store.Begin(ctx, uri)
	return func(ctx context.Context, doc []byte, keep time.Duration) error {
		err := save(ctx, doc, keep)
		if d, bad := decodeDocument(doc, nil); err == nil && (bad != nil || d.variants[0].chosen[markField] == "") {
			c.saved++ // a POST's mark answers no request
		}
		return err
	}, err
}

// watched is a client that notes, at its status and at each piece of its body, how much was stored by then.
type watched struct {
	http.ResponseWriter
	store *counted
	at    []int
}

func (w *watched) WriteHeader(status int) {
	w.at = append(w.at, w.store.saved)
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	w.at = append(w.at, w.store.saved)
	return w.ResponseWriter.Write(b)
}

// TestStoredBeforeItsEndIsSent: a client that has a whole response finds it stored with its next request.
func TestStoredBeforeItsEndIsSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method string
		fields string
		status int
		body   []string
		first  bool // a GET was stored before
		at     []int
		saved  int
	}{
		"by length":        {method: "GET", fields: "Content-Length: 4", body: []string{"bo", "dy"}, at: []int{0, 0, 1}, saved: 1},
		"empty":            {method: "GET", fields: "Content-Length: 0", at: []int{1}, saved: 1},
		"no content":       {method: "GET", status: 204, at: []int{1}, saved: 1},
		"without a length": {method: "GET", body: []string{"bo", "dy"}, at: []int{0, 0, 0}, saved: 1},
		"cut short":        {method: "GET", fields: "Content-Length: 9", body: []string{"bo", "dy"}, at: []int{0, 0, 0}},
		"not for storing":  {method: "GET", fields: "Content-Length: 4\nCache-Control: no-store", body: []string{"body"}, at: []int{0, 0}},
		"HEAD updates":     {method: "HEAD", fields: "Content-Length: 4", first: true, at: []int{2}, saved: 2},
		"HEAD alone":       {method: "HEAD", fields: "Content-Length: 4", at: []int{0}},
		"POST":             {method: "POST", fields: "Content-Length: 4\nContent-Location: /", body: []string{"body"}, at: []int{0, 1}, saved: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &counted{Store: NewStore(cachetest.Engine(t, testkit.RedisURL(t)))}
			fill := c.first
			p, err := New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if fill {
					w.Header().Set("Cache-Control", "max-age=0")
					w.Header().Set("ETag", `"a"`)
					_, _ = io.WriteString(w, "body")
					return
				}
				w.Header().Set("Cache-Control", "max-age=100")
				for name, values := range header(c.fields, time.Time{}) {
					w.Header()[name] = values
				}
				w.WriteHeader(max(c.status, 200))
				for _, b := range c.body {
					_, _ = io.WriteString(w, b)
				}
			}), Options{Store: store})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if c.first {
				p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
				fill = false
			}
			w := &watched{ResponseWriter: httptest.NewRecorder(), store: store}
			p.ServeHTTP(w, httptest.NewRequest(c.method, "/", nil))
			if !slices.Equal(w.at, c.at) || store.saved != c.saved {
				t.Errorf("stored by the time of each piece: %v, want %v; in the end %d, want %d", w.at, c.at, store.saved, c.saved)
			}
		})
	}
}
