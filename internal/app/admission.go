package app

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/admission"
)

// classes are the kinds of work with a limit of their own; work waits only for its own class. Answers from the HTTP cache are
// in no class, and neither are the requests of operators and probes: they must work while everything else is refused.
type classes struct {
	searches *admission.Class // applied where the statements are sent, since refreshes search too
	reads    *admission.Class // other reads that the HTTP cache could not answer
	writes   *admission.Class
}

func newClasses(pool int32, reg prometheus.Registerer) classes {
	n := uint(pool)
	return classes{
		// Half of the connections: the other half is for everyone else.
		searches: admission.New("search", admission.Limits{Min: 1, Max: max(1, n/2)}, reg),
		// More than there are connections, since many are answered from cached parts or wait for Redis.
		reads:  admission.New("read", admission.Limits{Min: n, Max: 4 * n}, reg),
		writes: admission.New("write", admission.Limits{Min: max(1, n/2), Max: 2 * n}, reg),
	}
}

func (cs classes) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		return cs.of(c).Do(c.Request().Context(), func() error { return next(c) })
	}
}

// of returns the class of a request, nil for requests that never wait.
func (cs classes) of(c echo.Context) *admission.Class {
	path := c.Path()
	switch {
	case path == "/api/articles/search", !strings.HasPrefix(path, "/api/"), path == "/api/health", strings.HasPrefix(path, "/api/health/"),
		path == "/api/cache", strings.HasPrefix(path, "/api/cache/"):
		return nil
	case c.Request().Method == http.MethodGet, c.Request().Method == http.MethodHead:
		return cs.reads
	case c.Request().Method == http.MethodOptions:
		return nil
	}
	return cs.writes
}
