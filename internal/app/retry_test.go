package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/labstack/echo/v4"

	"openlearn/internal/httpapi"
)

// TestEveryRefusalSaysWhenToComeBack covers the ways in which an answer becomes a 429, 503 or 504.
func TestEveryRefusalSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler echo.HandlerFunc
		status  int
		want    string
	}{
		"ours":             {func(echo.Context) error { return httpapi.NewError(http.StatusServiceUnavailable, "busy") }, 503, "2"},
		"echo's":           {func(echo.Context) error { return echo.NewHTTPError(http.StatusTooManyRequests) }, 429, "2"},
		"written":          {func(c echo.Context) error { return c.String(http.StatusServiceUnavailable, "no") }, 503, "2"},
		"http.Error":       {echo.WrapHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusGatewayTimeout) })), 504, "5"},
		"a time-out":       {func(echo.Context) error { return context.DeadlineExceeded }, 504, "5"},
		"a statement":      {func(echo.Context) error { return &pgconn.PgError{Code: "57014"} }, 504, "5"},
		"disk full":        {func(echo.Context) error { return &pgconn.PgError{Code: "53100"} }, 503, "2"},
		"no connections":   {func(echo.Context) error { return &pgconn.PgError{Code: "53300"} }, 503, "2"},
		"read only":        {func(echo.Context) error { return &pgconn.PgError{Code: "25006"} }, 503, "2"},
		"a lock":           {func(echo.Context) error { return &pgconn.PgError{Code: "55P03"} }, 503, "2"},
		"said by itself":   {func(c echo.Context) error { c.Response().Header().Set("Retry-After", "30"); return c.NoContent(503) }, 503, "30"},
		"an answer":        {func(c echo.Context) error { return c.String(http.StatusOK, "yes") }, 200, ""},
		"not found":        {func(echo.Context) error { return httpapi.NotFound("none") }, 404, ""},
		"our own mistakes": {func(echo.Context) error { return errors.New("oops") }, 500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := echo.New()
			e.HTTPErrorHandler = httpapi.HandleEchoError
			e.Use(securityHeaders(serverConfig{}))
			e.GET("/", c.handler)
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			if got := w.Header().Get("Retry-After"); w.Code != c.status || got != c.want {
				t.Errorf("%d with Retry-After %q, want %d with %q", w.Code, got, c.status, c.want)
			}
		})
	}
}
