package service_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"openlearn/internal/cache/httpcache/cork"
	"openlearn/internal/testkit"
)

// heldWriter notes whether its connection was held back while the body was written.
type heldWriter struct {
	*httptest.ResponseRecorder
	conn *cork.Conn
	held bool
}

func (w *heldWriter) Write(p []byte) (int, error) {
	w.held = w.conn.Holding()
	return w.ResponseRecorder.Write(p)
}

// What the service sends from memory leaves in one piece; what bypasses the cache is sent by its handler.
func TestHitsAreCorked(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB())
	for path, want := range map[string]bool{"/api/articles?limit=5": true, "/api/now": false} {
		n.get(path)
		w := &heldWriter{ResponseRecorder: httptest.NewRecorder(), conn: &cork.Conn{}}
		r := httptest.NewRequestWithContext(cork.NewContext(t.Context(), w.conn), http.MethodGet, path, nil)
		n.echo.ServeHTTP(w, r)
		if w.held != want || w.conn.Holding() || w.Body.Len() == 0 {
			t.Errorf("%s: held back %v, want %v; afterwards %v; %d bytes", path, w.held, want, w.conn.Holding(), w.Body.Len())
		}
	}
}
