package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
)

// identifyWith answers by what a request's bearer token is; it counts how often it is asked.
type identifyWith struct {
	who   map[string]Identity
	err   map[string]error
	asked int
}

func (i *identifyWith) Identify(_ context.Context, r *http.Request) (Identity, error) {
	i.asked++
	return i.who[Bearer(r)], i.err[Bearer(r)]
}

// asking runs do on a request whose sender by knows.
func asking(t *testing.T, by Identifier, do func(*http.Request), headers ...string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	e := echo.New()
	if err := Identifying(by)(func(c echo.Context) error { do(c.Request()); return nil })(e.NewContext(r, httptest.NewRecorder())); err != nil {
		t.Fatal(err)
	}
}

func TestWhoIsAskedOnceAndOnlyWithCredentials(t *testing.T) {
	t.Parallel()
	by := &identifyWith{who: map[string]Identity{"a": {User: 7, Role: Learner}}}
	asking(t, by, func(r *http.Request) {
		if who, err := Who(r.Context()); who.IsKnown() || err != nil || by.asked != 0 {
			t.Errorf("a request without credentials is from %v, %v, asked %d times", who, err, by.asked)
		}
	}, "Cookie", "theme=dark")
	asking(t, by, func(r *http.Request) {
		if by.asked != 0 {
			t.Error("asked before anybody wants to know")
		}
		for range 3 {
			if who, err := Who(r.Context()); who.User != 7 || err != nil {
				t.Errorf("%v, %v", who, err)
			}
		}
	}, "Authorization", "Bearer a")
	if by.asked != 1 {
		t.Errorf("asked %d times for one request", by.asked)
	}
}

func TestWhoMayAdminister(t *testing.T) {
	t.Parallel()
	const key = "an-admin-key-of-ours"
	by := &identifyWith{
		who: map[string]Identity{"admin": {User: 1, Role: Admin}, "learner": {User: 2, Role: Learner}, "machine": {Machine: 1, Role: Admin}},
		err: map[string]error{"a.b.c": ErrUnidentified, "gone": NewError(http.StatusServiceUnavailable, "later"), "broken": errors.New("no")},
	}
	for _, c := range []struct {
		header, value string
		dev           bool
		want          int
	}{
		{"Authorization", "Bearer admin", false, 0},
		{"Authorization", "Bearer machine", false, 0},
		{"Authorization", "Bearer learner", false, http.StatusForbidden},
		{"Authorization", "Bearer learner", true, http.StatusForbidden},
		{"Authorization", "Bearer a.b.c", false, http.StatusUnauthorized},
		{"Authorization", "Bearer gone", false, http.StatusServiceUnavailable},
		{"Authorization", "Bearer broken", false, http.StatusInternalServerError},
		{"Authorization", "Bearer " + key, false, 0},
		{"X-API-Key", key, false, 0},
		{"X-API-Key", key + "x", false, http.StatusUnauthorized},
		{"X-API-Key", key + "x", true, http.StatusUnauthorized},
		{"Accept", "*/*", false, http.StatusUnauthorized},
		{"Accept", "*/*", true, 0},
	} {
		g := Guard{Key: key, OpenOnLoopback: c.dev, Hosts: localHostGuard()}
		asking(t, by, func(r *http.Request) {
			r.RemoteAddr = "127.0.0.1:5000"
			got := 0
			if e := g.Check(r); e != nil {
				got = e.GetStatus()
			}
			if got != c.want {
				t.Errorf("%s: %s (dev %v): %d, want %d", c.header, c.value, c.dev, got, c.want)
			}
		}, c.header, c.value)
	}
}
